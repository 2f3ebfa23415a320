/*
 * bsd_keptopt.c - options of Linux that change nothing here: kept, checked as Linux checks them,
 * and given back. socket(7), ip(7).
 *
 * Owns b_kept. Called by bsd_sockopt.c.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/limits.h>
#include <sys/socket.h>
#include <sys/socketvar.h>

#include "rpc/bsd/bsd_var.h"

#define STREAM 1
#define DGRAM 2
#define RAW 4
#define ANY (STREAM | DGRAM | RAW)

struct keptopt {
	int level, name;
	int lo, hi; /* else EINVAL */
	int initial;
	u_int types; /* of sockets that have it */
	bool flag;   /* given back as 0 or 1 */
	bool root;   /* else EPERM */
};

static const struct keptopt opts[] = {
    {LINUX_SOL_SOCKET, LINUX_SO_PRIORITY, INT_MIN, INT_MAX, 0, ANY, false, false},
    {LINUX_SOL_SOCKET, LINUX_SO_MARK, INT_MIN, INT_MAX, 0, ANY, false, true},
    {LINUX_SOL_SOCKET, LINUX_SO_NO_CHECK, INT_MIN, INT_MAX, 0, ANY, true, false},
    {LINUX_SOL_SOCKET, LINUX_SO_BUSY_POLL, 0, INT_MAX, 0, ANY, false, false},
    {LINUX_SOL_SOCKET, LINUX_SO_RXQ_OVFL, INT_MIN, INT_MAX, 0, ANY, true, false},
    {LINUX_SOL_SOCKET, LINUX_SO_WIFI_STATUS, INT_MIN, INT_MAX, 0, ANY, true, false},
    {LINUX_SOL_SOCKET, LINUX_SO_NOFCS, INT_MIN, INT_MAX, 0, ANY, true, false},
    {LINUX_SOL_SOCKET, LINUX_SO_SELECT_ERR_QUEUE, INT_MIN, INT_MAX, 0, ANY, true, false},
    {LINUX_SOL_SOCKET, LINUX_SO_INCOMING_CPU, INT_MIN, INT_MAX, -1, ANY, false, false},
    {LINUX_SOL_IP, LINUX_IP_BIND_ADDRESS_NO_PORT, INT_MIN, INT_MAX, 0, ANY, true, false},
    {LINUX_SOL_IP, LINUX_IP_MULTICAST_ALL, 0, 1, 1, ANY, true, false},
    {LINUX_SOL_IP, LINUX_IP_RECVFRAGSIZE, INT_MIN, INT_MAX, 0, DGRAM | RAW, true, false},
    {LINUX_SOL_IP, LINUX_IP_CHECKSUM, INT_MIN, INT_MAX, 0, ANY, true, false},
    {LINUX_SOL_IP, LINUX_IP_NODEFRAG, INT_MIN, INT_MAX, 0, RAW, true, false},
};
CTASSERT(nitems(opts) <= BSOCK_KEPT);

static int
find(int level, int name)
{
	u_int i;

	for (i = 0; i < nitems(opts); i++)
		if (opts[i].level == level && opts[i].name == name)
			return ((int)i);
	return (-1);
}

void
bsd_kept_init(struct bsock *b)
{
	u_int i;

	for (i = 0; i < nitems(opts); i++)
		b->b_kept[i] = opts[i].initial;
}

bool
bsd_kept_known(int level, int name)
{
	return (find(level, name) >= 0);
}

int
bsd_kept_set(struct bsock *b, const struct bsock_cred *cred, int level, int name, int v)
{
	const u_int type = b->b_type == LINUX_SOCK_STREAM  ? STREAM
			   : b->b_type == LINUX_SOCK_DGRAM ? DGRAM
							   : RAW;
	const int i = find(level, name);
	const struct keptopt *o = &opts[i];

	if ((o->types & type) == 0)
		return (name == LINUX_IP_NODEFRAG ? LINUX_ENOPROTOOPT : LINUX_EINVAL);

	if (v < o->lo || v > o->hi)
		return (LINUX_EINVAL);
	if (cred != NULL && cred->uid != 0 &&
	    (o->root || (name == LINUX_SO_PRIORITY && o->level == LINUX_SOL_SOCKET &&
			    (v < 0 || v > LINUX_PRIORITY_MAX))))
		return (LINUX_EPERM);
	b->b_kept[i] = o->flag ? v != 0 : v;
	return (0);
}

int
bsd_kept_get(const struct bsock *b, int level, int name)
{
	return (b->b_kept[find(level, name)]);
}
