/*
 * shim_socket.c - the calls that make, name, join and end sockets: by request to alpined.
 *
 * accept() is the exception: it reads one record from the listener's pair, natively, so that
 * waiting, timeouts, signals, and several processes on one listener are the kernel's business.
 */
#include <linux/netlink.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "preload/shim.h"

#define SOCK_FLAGS (SOCK_NONBLOCK | SOCK_CLOEXEC)

/* The kernel's, on the namespace's own device, where alpined shows what the stack's carries. */
static int
packet_socket(int type, int protocol)
{
	int fd = real.socket(AF_PACKET, type, protocol);

	if (fd >= 0 && shim_ask(RPC_CAPTURE, -1, NULL, 0, NULL, 0, 0, NULL) == EPERM) {
		shim_close(fd);
		return shim_fail(EPERM);
	}
	return fd;
}

SHIM_EXPORT int
socket(int domain, int type, int protocol)
{
	struct rpc_socket want = {domain, type & ~SOCK_CLOEXEC, protocol};
	struct iovec in = {&want, sizeof(want)};
	struct rpc_call call = {.rc_op = RPC_SOCKET,
	    .rc_in = &in,
	    .rc_nin = 1,
	    .rc_keep_on_exec = (type & SOCK_CLOEXEC) == 0};
	int error;

	shim_init();
	if (domain == AF_PACKET)
		return packet_socket(type, protocol);
	if (domain == AF_NETLINK && protocol == NETLINK_SOCK_DIAG)
		protocol = NETLINK_USERSOCK; /* nobody answers there: ss(8) reads /proc/net */
	if (domain != AF_INET && domain != AF_INET6)
		return real.socket(domain, type, protocol);
	error = shim_call(&call);
	if (error == 0 && call.rc_nfds != 1)
		error = ENETDOWN;
	if (error != 0) {
		while (call.rc_nfds > 0)
			shim_close(call.rc_fds[--call.rc_nfds]);
		return shim_fail(error);
	}
	if ((type & ~SOCK_FLAGS) != SOCK_STREAM)
		atomic_store_explicit(&shim_dgrams, true, memory_order_relaxed);
	else
		shim_fresh_add(call.rc_fds[0]);
	return call.rc_fds[0];
}

SHIM_EXPORT int
bind(int fd, __CONST_SOCKADDR_ARG addr, socklen_t len)
{
	struct rpc_addr name;
	int error;

	shim_init();
	if (!shim_ours(shim_classify(fd)))
		return real.bind(fd, addr, len);
	error = shim_addr_in(&name, addr.__sockaddr__, len);
	if (error == 0)
		error = shim_ask(RPC_BIND, fd, &name, sizeof(name), NULL, 0, 0, NULL);
	return error != 0 ? shim_fail(error) : 0;
}

SHIM_EXPORT int
listen(int fd, int backlog)
{
	struct rpc_int value = {backlog};
	struct shim_id id;
	int error;

	shim_init();
	id = shim_classify(fd);
	if (!shim_ours(id))
		return real.listen(fd, backlog);
	error = shim_ask(RPC_LISTEN, fd, &value, sizeof(value), NULL, 0, 0, NULL);
	if (error != 0)
		return shim_fail(error);
	shim_class_learn(id.cookie, SHIM_LISTENER);
	shim_fresh_remove(id.cookie);
	return 0;
}

/* --- connect --- */

/*
 * Until alpined has decided: a native read, so that a signal interrupts it or restarts it as
 * the program's sigaction says. SO_SNDTIMEO bounds it; then Linux says EINPROGRESS, and after
 * a signal EINTR in any case (socket(7)), as poll() does. The attempt goes on in alpined
 * whatever becomes of the waiting.
 */
static int
connect_wait(int fd, int wait_fd)
{
	struct timeval limit = {0, 0};
	socklen_t len = sizeof(limit);
	struct rpc_int verdict;
	ssize_t n = -1;
	int error, ready = 1;

	if (real.getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, &len) == 0 &&
	    (limit.tv_sec > 0 || limit.tv_usec > 0)) {
		struct pollfd wait = {.fd = wait_fd, .events = POLLIN};
		int64_t ms = (int64_t)limit.tv_sec * 1000 + (limit.tv_usec + 999) / 1000;

		ready = poll(&wait, 1, ms > INT_MAX ? INT_MAX : (int)ms);
	}
	if (ready > 0)
		n = real.read(wait_fd, &verdict, sizeof(verdict));
	if (ready == 0)
		error = EINPROGRESS;
	else if (n == (ssize_t)sizeof(verdict))
		error = verdict.i_value;
	else
		error = n < 0 && errno == EINTR ? EINTR : ENETDOWN;
	shim_close(wait_fd);
	return error;
}

/*
 * how: RPC_CONNECT_*, beside what the descriptor says. 0 or -1 and errno; *wait_fd then is where
 * a connection that begins with its first data tells how it ended, or -1.
 */
static int
ask_connect(int fd, struct shim_id id, const void *addr, socklen_t len, uint32_t how, int *wait_fd)
{
	struct rpc_connect want = {0};
	struct iovec in = {&want, sizeof(want)};
	struct rpc_call call = {
	    .rc_op = RPC_CONNECT, .rc_in = &in, .rc_nin = 1, .rc_infds = &fd, .rc_ninfds = 1};
	int error, saved = errno;
	long mode;

	error = shim_addr_in(&want.c_addr, addr, len);
	if (error != 0)
		return shim_fail(error);
	mode = real.syscall(SYS_fcntl, (long)fd, (long)F_GETFL, 0L);
	want.c_nonblock = how;
	if (mode != -1 && (mode & O_NONBLOCK) != 0)
		want.c_nonblock |= RPC_CONNECT_NONBLOCK;
	if (id.class == SHIM_DGRAM)
		shim_dgram_forget(id.cookie);
	shim_fresh_remove(id.cookie);
	error = shim_call(&call);
	if (error == EINPROGRESS && call.rc_nfds == 1 &&
	    (want.c_nonblock & RPC_CONNECT_NONBLOCK) == 0) {
		error = connect_wait(fd, call.rc_fds[0]);
		call.rc_nfds = 0;
	}
	if (error == 0 && call.rc_nfds == 1 && wait_fd != NULL)
		*wait_fd = call.rc_fds[--call.rc_nfds];
	while (call.rc_nfds > 0)
		shim_close(call.rc_fds[--call.rc_nfds]);
	if (error != 0)
		return shim_fail(error);
	errno = saved;
	return 0;
}

SHIM_EXPORT int
connect(int fd, __CONST_SOCKADDR_ARG addr, socklen_t len)
{
	struct shim_id id;

	shim_init();
	id = shim_classify(fd);
	if (!shim_ours(id))
		return real.connect(fd, addr, len);
	return ask_connect(fd, id, addr.__sockaddr__, len, 0, NULL);
}

/*
 * MSG_FASTOPEN (RFC 7413): connect and write in one. If the server's cookie is known, connecting is
 * put off until the bytes come, which go with the SYN; a blocking call then waits until that is
 * answered. If not, it is an ordinary connect: one that blocks, or EINPROGRESS and nothing sent.
 */
ssize_t
shim_fastopen(int fd, struct shim_id id, const struct msghdr *msg, int flags)
{
	struct msghdr plain = {.msg_iov = msg->msg_iov, .msg_iovlen = msg->msg_iovlen};
	uint32_t how = RPC_CONNECT_FASTOPEN;
	int wait_fd = -1, error;
	ssize_t n;

	if ((flags & MSG_DONTWAIT) != 0)
		how |= RPC_CONNECT_NONBLOCK;
	if (ask_connect(fd, id, msg->msg_name, msg->msg_namelen, how, &wait_fd) != 0)
		return -1;
	n = real.sendmsg(fd, &plain, flags & ~MSG_FASTOPEN);
	if (wait_fd < 0)
		return n;
	if (n <= 0) {
		shim_close(wait_fd);
		return n;
	}
	error = connect_wait(fd, wait_fd);
	/* waiting ended, not the attempt */
	return error == 0 || error == EINTR || error == EINPROGRESS ? n : shim_fail(error);
}

/* --- accept --- */

/*
 * A read from a stream that is no listener would lose its data, so the class must be certain:
 * either listen() was called here, or alpined says that it was called. 0 or an errno.
 */
static int
must_listen(int fd, struct shim_id id)
{
	struct {
		struct rpc_sockopt opt;
		int32_t value;
	} ask = {.opt = {SOL_SOCKET, SO_ACCEPTCONN, sizeof(int32_t)}};
	int error;

	if (id.class == SHIM_LISTENER)
		return 0;
	if (id.class == SHIM_DGRAM)
		return EOPNOTSUPP;
	error = shim_ask(
	    RPC_GETSOCKOPT, fd, &ask.opt, sizeof(ask.opt), &ask, sizeof(ask), sizeof(ask), NULL);
	if (error != 0)
		return error;
	if (ask.value == 0)
		return EINVAL;
	shim_class_learn(id.cookie, SHIM_LISTENER);
	return 0;
}

/*
 * The listener's pair ended: shutdown() of the listener, or alpined is no more. Then the descriptor
 * is readable for ever, and servers that log the error and poll again would fill a processor and
 * a disk: they are told ten times a second.
 */
static int
listener_end(int fd)
{
	const struct timespec pause = {.tv_nsec = 100 * 1000 * 1000};

	if (shim_so_error(fd) != ENETDOWN)
		return EINVAL;
	nanosleep(&pause, NULL);
	return ENETDOWN;
}

/* One record with its descriptor. 0 or an errno; *got is the descriptor. */
static int
take_connection(int fd, int flags, struct rpc_accept *record, int *got)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {record, sizeof(*record)};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	struct cmsghdr *item;
	ssize_t n;

	*got = -1;
	n = real.recvmsg(fd, &msg, (flags & SOCK_CLOEXEC) != 0 ? MSG_CMSG_CLOEXEC : 0);
	if (n < 0)
		return errno == ECONNRESET ? listener_end(fd) : errno;
	if (n == 0)
		return listener_end(fd);
	item = CMSG_FIRSTHDR(&msg);
	if (item != NULL && item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_RIGHTS &&
	    item->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(got, CMSG_DATA(item), sizeof(*got));
	if (n == (ssize_t)sizeof(*record) && record->a_magic == RPC_ACCEPT_MAGIC && *got >= 0)
		return 0;
	if (*got >= 0)
		real.syscall(SYS_close, (long)*got);
	/* The record came but not the descriptor: there was no number free for it. */
	return (msg.msg_flags & MSG_CTRUNC) != 0 ? EMFILE : ECONNABORTED;
}

/* Tells alpined that the connection was taken: its end of the pair sees the name. */
static void
mark_taken(int fd)
{
	const sa_family_t autobind = AF_UNIX;

	if (!atomic_load_explicit(&shim_confined, memory_order_relaxed))
		real.syscall(SYS_bind, (long)fd, &autobind, (long)sizeof(autobind));
}

SHIM_EXPORT int
accept4(int fd, __SOCKADDR_ARG addr, socklen_t *len, int flags)
{
	void *name = addr.__sockaddr__;
	int error, got = -1, saved = errno;
	struct rpc_accept record;
	struct shim_id id;

	shim_init();
	id = shim_classify(fd);
	if (!shim_ours(id))
		return real.accept4(fd, addr, len, flags);
	if ((flags & ~SOCK_FLAGS) != 0)
		return shim_fail(EINVAL);
	error = must_listen(fd, id);
	if (error == 0)
		error = take_connection(fd, flags, &record, &got);
	if (error != 0)
		return shim_fail(error);
	mark_taken(got);
	if ((flags & SOCK_NONBLOCK) != 0)
		real.syscall(SYS_fcntl, (long)got, (long)F_SETFL, (long)(O_RDWR | O_NONBLOCK));
	if (name != NULL && (error = shim_addr_out(&record.a_peer, name, len)) != 0) {
		shim_close(got); /* as Linux: the connection is lost */
		return shim_fail(error);
	}
	errno = saved;
	return got;
}

SHIM_EXPORT int
accept(int fd, __SOCKADDR_ARG addr, socklen_t *len)
{
	return accept4(fd, addr, len, 0);
}

/* --- names and ends --- */

static int
ask_name(int fd, uint16_t op, void *addr, socklen_t *len)
{
	struct rpc_addr name;
	int error;

	error = shim_ask(op, fd, NULL, 0, &name, sizeof(name), sizeof(name), NULL);
	if (error == 0)
		error = shim_addr_out(&name, addr, len);
	return error != 0 ? shim_fail(error) : 0;
}

SHIM_EXPORT int
getsockname(int fd, __SOCKADDR_ARG addr, socklen_t *len)
{
	shim_init();
	if (!shim_ours(shim_classify(fd)))
		return real.getsockname(fd, addr, len);
	return ask_name(fd, RPC_GETSOCKNAME, addr.__sockaddr__, len);
}

SHIM_EXPORT int
getpeername(int fd, __SOCKADDR_ARG addr, socklen_t *len)
{
	shim_init();
	if (!shim_ours(shim_classify(fd)))
		return real.getpeername(fd, addr, len);
	return ask_name(fd, RPC_GETPEERNAME, addr.__sockaddr__, len);
}

/*
 * alpined judges, then the pair's end is shut down as well: that wakes whoever waits in read()
 * or accept() here, and closes the way for what is written later. A confined program makes the
 * native call only; alpined sees the end of the pair.
 */
SHIM_EXPORT int
shutdown(int fd, int how)
{
	struct rpc_int value = {how};
	int error;

	shim_init();
	if (!atomic_load_explicit(&shim_confined, memory_order_relaxed) &&
	    shim_ours(shim_classify(fd))) {
		error = shim_ask(RPC_SHUTDOWN, fd, &value, sizeof(value), NULL, 0, 0, NULL);
		if (error != 0)
			return shim_fail(error);
	}
	return real.shutdown(fd, how);
}
