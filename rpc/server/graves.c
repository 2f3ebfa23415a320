/*
 * graves.c - what may still be asked about a connection that is over.
 *
 * When a connection fails, or ends in both directions, our end of the pair is closed at once: the
 * program wakes up with POLLHUP. It may then ask for SO_ERROR or its addresses, by a descriptor
 * whose last close() nobody will tell us of. So the answers are kept by cookie, the newest
 * net.alpine.graves of them.
 *
 * Owns the graves. Called by pair.c and request.c.
 */
#include <stdlib.h>

#include "rpc/bsd/linux_abi.h"
#include "rpc/server/pair.h"

#define HASH_SIZE 1024

static LIST_HEAD(, grave) table[HASH_SIZE];
static TAILQ_HEAD(grave_list, grave) by_age = TAILQ_HEAD_INITIALIZER(by_age);
static unsigned count;

unsigned
grave_count(void)
{
	return (count);
}

static struct grave *
oldest_taken_out(void)
{
	struct grave *g = TAILQ_FIRST(&by_age);

	LIST_REMOVE(g, g_hash);
	TAILQ_REMOVE(&by_age, g, g_age);
	count--;
	return (g);
}

static int
option_of(struct bsock *so, int name)
{
	int value = 0;
	uint32_t len = sizeof(value);

	(void)bsock_getsockopt(so, LINUX_SOL_SOCKET, name, &value, &len);
	return (value);
}

void
grave_dig(uint64_t cookie, int error, struct bsock *so)
{
	struct grave *g = NULL;

	while (count > 0 && count >= (unsigned)bsock_limits.graves) {
		free(g);
		g = oldest_taken_out();
	}
	if (bsock_limits.graves > 0 && g == NULL)
		g = malloc(sizeof(*g));
	if (g == NULL)
		return;
	g->g_cookie = cookie;
	g->g_error = error;
	g->g_local.a_len = g->g_peer.a_len = 0;
	g->g_type = LINUX_SOCK_STREAM;
	g->g_protocol = 0;
	if (so != NULL) {
		g->g_type = option_of(so, LINUX_SO_TYPE);
		g->g_protocol = option_of(so, LINUX_SO_PROTOCOL);
		(void)bsock_sockname(so, &g->g_local);
		(void)bsock_peername(so, &g->g_peer);
	}
	LIST_INSERT_HEAD(&table[cookie % HASH_SIZE], g, g_hash);
	TAILQ_INSERT_TAIL(&by_age, g, g_age);
	count++;
}

struct grave *
grave_find(uint64_t cookie)
{
	struct grave *g;

	LIST_FOREACH (g, &table[cookie % HASH_SIZE], g_hash)
		if (g->g_cookie == cookie)
			return (g);
	return (NULL);
}
