/*
 * shim_state.c - the shim's connection to alpined, and what keeps it right.
 *
 * Theory of operation. The connection is opened when the shim is loaded, because later it may be
 * too late: chroot, another network namespace, no new descriptors. It stays on a high descriptor
 * number, close-on-exec; a new program opens its own. Three things can happen to it:
 *
 * - The program forks, by libc or by a raw clone(). The child must not speak on the parent's
 *   connection. `private_page` is MADV_WIPEONFORK: a child without the parent's memory finds it
 *   zero, hence `owned` false, and the lock free whatever the parent's threads were doing. It
 *   then asks, over the inherited connection, for one of its own (RPC_REKEY). A vfork() or
 *   CLONE_VM child shares memory, lock and connection, and that is right.
 * - The program closes it, or puts another descriptor on its number. Before each request the
 *   descriptor's SO_COOKIE is compared; if it is not ours any more, it is left alone and a new
 *   connection is made to the abstract name.
 * - alpined goes away. Then every request answers ENETDOWN. Nothing falls back to the kernel's
 *   own network.
 *
 * State: private_page, `connection`, and the two hints of shim.h.
 */
#include <dlfcn.h>
#include <signal.h>
#include <string.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "preload/shim.h"

struct shim_real real;
atomic_bool shim_inited, shim_dgrams, shim_recverr, shim_confined;

#define CONNECTION_FD_CAP 1024 /* the kernel copies the table up to the highest number on fork */
#define CONNECTION_FD_ROOM 32  /* below the limit */

struct private_page {
	atomic_uint owned; /* `connection` was made by this process */
	atomic_uint lock;  /* futex: 0 free, 1 held, 2 held and waited for */
};

static struct private_page no_page; /* for a kernel without MADV_WIPEONFORK: never `owned` */
static struct private_page *_Atomic private_page = &no_page;
static struct rpc_client connection = RPC_CLIENT_INIT;

/* --- the lock --- */

static void
lock_take(struct private_page *page)
{
	unsigned free_value = 0;

	if (atomic_compare_exchange_strong(&page->lock, &free_value, 1))
		return;
	while (atomic_exchange(&page->lock, 2) != 0)
		real.syscall(SYS_futex, &page->lock, (long)FUTEX_WAIT_PRIVATE, 2L, NULL, NULL, 0L);
}

static void
lock_release(struct private_page *page)
{
	if (atomic_exchange(&page->lock, 0) == 2)
		real.syscall(SYS_futex, &page->lock, (long)FUTEX_WAKE_PRIVATE, 1L, NULL, NULL, 0L);
}

/* Signals are blocked while the lock is held: a handler may make calls of its own. */
static struct private_page *
enter(uint64_t *mask)
{
	const uint64_t all = ~(uint64_t)0;
	struct private_page *page = atomic_load(&private_page);

	real.syscall(SYS_rt_sigprocmask, (long)SIG_SETMASK, &all, mask, (long)sizeof(all));
	lock_take(page);
	return page;
}

static void
leave(struct private_page *page, const uint64_t *mask)
{
	lock_release(page);
	real.syscall(SYS_rt_sigprocmask, (long)SIG_SETMASK, mask, NULL, (long)sizeof(*mask));
}

/* --- the connection --- */

/* Out of the way: programs expect the low numbers. Stays where it is if that cannot be. */
static void
move_high(struct rpc_client *c)
{
	struct rlimit limit;
	long high;

	if (real.syscall(SYS_prlimit64, 0L, (long)RLIMIT_NOFILE, NULL, &limit) != 0)
		return;
	if (limit.rlim_cur > CONNECTION_FD_CAP)
		limit.rlim_cur = CONNECTION_FD_CAP;
	if (limit.rlim_cur <= 2 * CONNECTION_FD_ROOM)
		return;
	high = real.syscall(SYS_fcntl, (long)c->c_fd, (long)F_DUPFD_CLOEXEC,
	    (long)(limit.rlim_cur - CONNECTION_FD_ROOM));
	if (high < 0)
		return;
	real.syscall(SYS_close, (long)c->c_fd);
	c->c_fd = (int)high;
}

/*
 * The child's own connection takes the number of the inherited one, which goes: a copy of the
 * parent's end in the child would hide the parent's death from alpined.
 */
static int
rekey(void)
{
	struct rpc_client fresh;
	int error = rpc_client_rekey(&fresh, &connection);

	if (error != 0)
		return error;
	if (real.syscall(SYS_dup3, (long)fresh.c_fd, (long)connection.c_fd, (long)O_CLOEXEC) >= 0) {
		real.syscall(SYS_close, (long)fresh.c_fd);
		fresh.c_fd = connection.c_fd;
	}
	connection = fresh;
	return 0;
}

static int
open_afresh(void)
{
	struct rpc_client fresh = RPC_CLIENT_INIT;
	int error = rpc_client_open_abstract(&fresh);

	if (error != 0)
		return error;
	error = rpc_client_hello(&fresh, RPC_KIND_PROGRAM, NULL, NULL, 0);
	if (error != 0) {
		rpc_client_close(&fresh);
		return error;
	}
	move_high(&fresh);
	connection = fresh;
	return 0;
}

/* Called with the lock held. A confined program is trusted to have left the descriptor alone. */
static int
have_connection(struct private_page *page)
{
	bool owned = atomic_load(&page->owned) != 0;
	int error;

	if (owned && connection.c_fd >= 0 && atomic_load(&shim_confined))
		return 0;
	if (rpc_client_valid(&connection)) {
		if (owned)
			return 0;
		if (rekey() == 0) {
			atomic_store(&page->owned, 1);
			return 0;
		}
		rpc_client_close(&connection);
	}
	atomic_store(&page->owned, 0);
	connection.c_fd = -1;
	error = open_afresh();
	if (error == 0)
		atomic_store(&page->owned, 1);
	return error;
}

static void
drop_connection(struct private_page *page)
{
	rpc_client_close(&connection);
	atomic_store(&page->owned, 0);
}

int
shim_call(struct rpc_call *call)
{
	struct private_page *page;
	int error, saved = errno;
	uint64_t mask;

	shim_init();
	page = enter(&mask);
	error = have_connection(page);
	if (error == 0) {
		error = rpc_call(&connection, call);
		if (error == -EPIPE) { /* it never left: one more try is safe */
			drop_connection(page);
			error = have_connection(page);
			if (error == 0)
				error = rpc_call(&connection, call);
		}
		if (error == -EFAULT) /* nor did it: the program's pointer */
			error = EFAULT;
		if (error < 0)
			drop_connection(page);
	} else {
		call->rc_nfds = 0;
		call->rc_len = 0;
		error = -ENETDOWN;
	}
	leave(page, &mask);
	errno = saved;
	return error < 0 ? ENETDOWN : error;
}

int
shim_ask(uint16_t op, int fd, const void *in, size_t inlen, void *out, size_t outsize,
    size_t minout, size_t *outlen)
{
	struct iovec iin = {(void *)(uintptr_t)in, inlen}, iout = {out, outsize};
	struct rpc_call call = {
	    .rc_op = op,
	    .rc_in = &iin,
	    .rc_nin = inlen > 0,
	    .rc_infds = &fd,
	    .rc_ninfds = fd >= 0,
	    .rc_out = &iout,
	    .rc_nout = outsize > 0,
	};
	int error = shim_call(&call);

	while (call.rc_nfds > 0)
		shim_close(call.rc_fds[--call.rc_nfds]);
	if (error == 0 && call.rc_len < minout)
		error = ENETDOWN;
	if (outlen != NULL)
		*outlen = call.rc_len;
	return error;
}

int
shim_ask_text(uint16_t op, const char *text, void *room, size_t size, rpc_sink sink, void *arg)
{
	struct iovec in = {(void *)(uintptr_t)text, strlen(text)}, out = {room, size};
	struct rpc_call call = {
	    .rc_op = op, .rc_in = &in, .rc_nin = 1, .rc_out = &out, .rc_nout = 1};
	struct private_page *page;
	int error, stop = 0, saved = errno;
	uint64_t mask;

	shim_init();
	page = enter(&mask);
	error = have_connection(page) != 0 ? -ENETDOWN : rpc_call(&connection, &call);
	while (error >= 0) {
		while (call.rc_nfds > 0)
			shim_close(call.rc_fds[--call.rc_nfds]);
		if (error == 0 && stop == 0 && call.rc_len > 0)
			stop = sink(arg, room, call.rc_len);
		if (!call.rc_more)
			break;
		error = rpc_call_next(&connection, &call);
	}
	if (error < 0)
		drop_connection(page);
	leave(page, &mask);
	errno = saved;
	return error < 0 ? ENETDOWN : error != 0 ? error : stop;
}

void
shim_connect_now(void)
{
	struct private_page *page;
	int saved = errno;
	uint64_t mask;

	shim_init();
	page = enter(&mask);
	have_connection(page);
	leave(page, &mask);
	errno = saved;
}

/* --- the beginning --- */

#define FIND(name) real.name = (__typeof__(real.name))dlsym(RTLD_NEXT, #name)

/* Idempotent: two threads may do it at once. */
static void
find_real(void)
{
	FIND(accept4);
	FIND(bind);
	FIND(connect);
	FIND(fopen);
	FIND(fopen64);
	FIND(freeifaddrs);
	FIND(getifaddrs);
	FIND(getipv4sourcefilter);
	FIND(getpeername);
	FIND(getsockname);
	FIND(getsockopt);
	FIND(getsourcefilter);
	FIND(if_freenameindex);
	FIND(if_indextoname);
	FIND(if_nameindex);
	FIND(if_nametoindex);
	FIND(ioctl);
	FIND(listen);
	FIND(open);
	FIND(open64);
	FIND(openat);
	FIND(openat64);
	FIND(__open_2);
	FIND(__open64_2);
	FIND(__openat_2);
	FIND(__openat64_2);
	FIND(poll);
	FIND(ppoll);
	FIND(prctl);
	FIND(read);
	FIND(readv);
	FIND(recv);
	FIND(recvfrom);
	FIND(recvmmsg);
	FIND(recvmsg);
	FIND(send);
	FIND(sendmmsg);
	FIND(sendmsg);
	FIND(sendto);
	FIND(setipv4sourcefilter);
	FIND(setsockopt);
	FIND(setsourcefilter);
	FIND(shutdown);
	FIND(socket);
	FIND(syscall);
	FIND(write);
	FIND(writev);
}

static void
make_private_page(void)
{
	struct private_page *expected = &no_page;
	long size = sysconf(_SC_PAGESIZE);
	void *page;

	if (atomic_load(&private_page) != &no_page)
		return;
	page = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return;
	if (madvise(page, (size_t)size, MADV_WIPEONFORK) != 0 ||
	    !atomic_compare_exchange_strong(&private_page, &expected, page))
		munmap(page, (size_t)size);
}

/* Other libraries' constructors may call us before our own constructor ran. */
void
shim_init_slow(void)
{
	int saved = errno;

	find_real();
	shim_exec_init();
	rpc_syscall = real.syscall;
	make_private_page();
	atomic_store_explicit(&shim_inited, true, memory_order_release);
	errno = saved;
}

static void
note_if_dgram(long fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	if (real.syscall(SYS_getsockopt, fd, (long)SOL_SOCKET, (long)SO_TYPE, &type, &len) == 0 &&
	    type == SOCK_SEQPACKET && shim_classify((int)fd).class == SHIM_DGRAM)
		atomic_store(&shim_dgrams, true);
}

/* Was a datagram socket of ours inherited through exec? Without /proc, say yes: it is a hint. */
static void
scan_inherited(void)
{
	struct entry { /* linux_dirent64 */
		uint64_t ino;
		int64_t off;
		unsigned short reclen;
		unsigned char type;
		char name[];
	};
	_Alignas(8) char room[2048];
	long dir, n, at, fd;

	dir = real.syscall(SYS_openat, (long)AT_FDCWD, "/proc/self/fd",
	    (long)(O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0L);
	if (dir < 0) {
		atomic_store(&shim_dgrams, true);
		return;
	}
	while ((n = real.syscall(SYS_getdents64, dir, room, (long)sizeof(room))) > 0) {
		for (at = 0; at < n; at += ((struct entry *)(room + at))->reclen) {
			const char *digit = ((struct entry *)(room + at))->name;

			for (fd = 0; *digit >= '0' && *digit <= '9'; digit++)
				fd = fd * 10 + (*digit - '0');
			if (*digit == '\0' && fd != dir && fd != connection.c_fd)
				note_if_dgram(fd);
		}
	}
	real.syscall(SYS_close, dir);
}

__attribute__((constructor)) static void
shim_start(void)
{
	int saved = errno;

	shim_init();
	shim_connect_now();
	scan_inherited();
	errno = saved;
}
