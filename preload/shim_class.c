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

/* --- streams that are not connected --- */

/* The newest takes a place; of the one that is forgotten, reads just wait. */
#define FRESH_SIZE 128

static _Atomic uint64_t fresh[FRESH_SIZE];
atomic_int shim_nfresh;

void
shim_fresh_add(int fd)
{
	struct shim_id id = shim_classify(fd);

	if (id.cookie != 0 && atomic_exchange(&fresh[id.cookie % FRESH_SIZE], id.cookie) == 0)
		atomic_fetch_add(&shim_nfresh, 1);
}

void
shim_fresh_remove(uint64_t cookie)
{
	uint64_t it = cookie;

	if (cookie != 0 && atomic_compare_exchange_strong(&fresh[cookie % FRESH_SIZE], &it, 0))
		atomic_fetch_sub(&shim_nfresh, 1);
}

bool
shim_fresh_slow(int fd)
{
	struct shim_id id = shim_classify(fd);
	struct rpc_addr peer;
	int error;

	if (id.cookie == 0 || atomic_load(&fresh[id.cookie % FRESH_SIZE]) != id.cookie)
		return false;
	error = shim_ask(RPC_GETPEERNAME, fd, NULL, 0, &peer, sizeof(peer), sizeof(peer), NULL);
	if (error != 0)
		return error == ENOTCONN;
	shim_fresh_remove(id.cookie);
	return false;
}

/*
 * One process_vm call on ourselves. Where that is not allowed, or would be a system call that a
 * confined program's filter does not know, it is a plain copy.
 */
static int
checked_copy(long call, void *mine, const void *theirs, size_t len)
{
	struct iovec local = {mine, len}, remote = {(void *)(uintptr_t)theirs, len};
	int saved = errno, error = ENOSYS;
	long n;

	if (len == 0)
		return 0;
	if (theirs == NULL)
		return EFAULT;
	if (!atomic_load_explicit(&shim_confined, memory_order_relaxed)) {
		n = real.syscall(call, real.syscall(SYS_getpid), &local, 1L, &remote, 1L, 0L);
		error = n == (long)len ? 0 : n >= 0 ? EFAULT : errno;
		errno = saved;
	}
	return error;
}

int
shim_copy_in(void *to, const void *from, size_t len)
{
	int error = checked_copy(SYS_process_vm_readv, to, from, len);

	if (error == 0 || error == EFAULT)
		return error;
	memcpy(to, from, len);
	return 0;
}

int
shim_copy_out(void *to, const void *from, size_t len)
{
	int error = checked_copy(SYS_process_vm_writev, (void *)(uintptr_t)from, to, len);

	if (error == 0 || error == EFAULT)
		return error;
	memcpy(to, from, len);
	return 0;
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
	to->a_len = len;
	return shim_copy_in(to->a_data, addr, len);
}

int
shim_addr_out(const struct rpc_addr *from, void *addr, socklen_t *len)
{
	socklen_t n = from->a_len, room;
	int error = shim_copy_in(&room, len, sizeof(room));

	if (error != 0)
		return error;
	if ((int)room < 0)
		return EINVAL;
	if (n > sizeof(from->a_data))
		n = sizeof(from->a_data);
	error = shim_copy_out(addr, from->a_data, room < n ? room : n);
	return error != 0 ? error : shim_copy_out(len, &n, sizeof(n));
}
