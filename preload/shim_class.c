/*
 * shim_class.c - whose descriptor is this, and what kind?
 *
 * The answer comes from the kernel: alpined's end of a pair is bound to an abstract name, which
 * getpeername() shows on the program's end, in any process and after the death of the peer. What
 * is remembered is remembered by SO_COOKIE, never by number: a cookie belongs to one socket for
 * ever, so that a hit is true whoever closed or duplicated what. A hit costs one system call.
 *
 * State: the cache, shared by threads without a lock, inherited by children.
 */
#include <string.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "preload/shim.h"

#define CACHE_SIZE 512 /* entries, a power of two; direct-mapped */
#define CLASS_BITS 3

static _Atomic uint64_t cache[CACHE_SIZE]; /* cookie << CLASS_BITS | class */

static _Atomic uint64_t *
slot(uint64_t cookie)
{
	return &cache[(cookie ^ (cookie >> 9)) & (CACHE_SIZE - 1)];
}

void
shim_class_learn(uint64_t cookie, enum shim_class class)
{
	if (cookie != 0)
		atomic_store_explicit(
		    slot(cookie), cookie << CLASS_BITS | class, memory_order_relaxed);
}

bool
shim_is_our_name(const void *sockaddr, socklen_t len)
{
	const struct sockaddr_un *sun = sockaddr;
	const size_t prefix = sizeof(RPC_PAIR_PREFIX) - 1;

	return len > offsetof(struct sockaddr_un, sun_path) + 1 + prefix &&
	       sun->sun_family == AF_UNIX && sun->sun_path[0] == '\0' &&
	       memcmp(sun->sun_path + 1, RPC_PAIR_PREFIX, prefix) == 0;
}

static enum shim_class
class_from_kernel(int fd)
{
	struct sockaddr_un peer;
	socklen_t len = sizeof(peer), typelen = sizeof(int);
	int type = 0;

	if (real.syscall(SYS_getpeername, (long)fd, &peer, &len) != 0 ||
	    !shim_is_our_name(&peer, len) ||
	    real.syscall(
		SYS_getsockopt, (long)fd, (long)SOL_SOCKET, (long)SO_TYPE, &type, &typelen) != 0)
		return SHIM_FOREIGN;
	return type == SOCK_STREAM ? SHIM_STREAM : SHIM_DGRAM;
}

struct shim_id
shim_classify(int fd)
{
	struct shim_id id = {.class = SHIM_FOREIGN, .cookie = 0};
	socklen_t len = sizeof(id.cookie);
	int saved = errno;
	uint64_t known;

	shim_init();
	if (real.syscall(SYS_getsockopt, (long)fd, (long)SOL_SOCKET, (long)SO_COOKIE, &id.cookie,
		&len) != 0) {
		errno = saved;
		id.cookie = 0;
		return id;
	}
	known = atomic_load_explicit(slot(id.cookie), memory_order_relaxed);
	if (known >> CLASS_BITS == id.cookie) {
		id.class = (enum shim_class)(known & ((1 << CLASS_BITS) - 1));
		return id;
	}
	errno = 0;
	id.class = class_from_kernel(fd);
	/* A foreign socket is not remembered before it has a peer: it might yet get ours. */
	if (shim_ours(id))
		shim_class_learn(id.cookie, id.class);
	else if (id.cookie != 0 && errno != ENOTCONN)
		shim_class_learn(id.cookie, SHIM_FOREIGN);
	errno = saved;
	return id;
}

int
shim_addr_in(struct rpc_addr *to, const void *addr, socklen_t len)
{
	memset(to, 0, sizeof(*to));
	if (addr == NULL)
		return len == 0 ? 0 : EFAULT;
	if (len > sizeof(struct sockaddr_storage))
		return EINVAL;
	if (len > sizeof(to->a_data))
		len = sizeof(to->a_data);
	memcpy(to->a_data, addr, len);
	to->a_len = len;
	return 0;
}

int
shim_addr_out(const struct rpc_addr *from, void *addr, socklen_t *len)
{
	socklen_t n = from->a_len;

	if (len == NULL)
		return EFAULT;
	if ((int)*len < 0)
		return EINVAL;
	if (n > sizeof(from->a_data))
		n = sizeof(from->a_data);
	if (addr == NULL && *len > 0)
		return EFAULT;
	if (*len > 0)
		memcpy(addr, from->a_data, *len < n ? *len : n);
	*len = n;
	return 0;
}
