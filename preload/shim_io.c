/*
 * shim_io.c - read, write, send, recv and their kin without a message header.
 *
 * On a stream of ours these are libc's own, with no further system call. Only where the answer
 * is end of file or EPIPE is alpined asked whether there is a reason: the pair can say that the
 * other end is gone, not why. Datagram sockets go to shim_dgram.c.
 */
#include <limits.h>
#include <signal.h>
#include <string.h>

#include "preload/shim.h"

_Noreturn void __chk_fail(void); /* libc's, for the fortified entry points */
ssize_t __read_chk(int fd, void *buf, size_t len, size_t size);
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t size, int flags);
ssize_t __recvfrom_chk(
    int fd, void *buf, size_t len, size_t size, int flags, __SOCKADDR_ARG addr, socklen_t *addrlen);

#define SCRATCH 4096 /* bytes thrown away at a time by recv(MSG_TRUNC) on a stream */

void
shim_error_told(int fd)
{
	int error, saved = errno;
	socklen_t len = sizeof(error);

	(void)real.getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	errno = saved;
}

int
shim_so_error(int fd)
{
	struct {
		struct rpc_sockopt opt;
		int32_t value;
	} ask = {.opt = {SOL_SOCKET, SO_ERROR, sizeof(int32_t)}};
	int error;

	error = shim_ask(
	    RPC_GETSOCKOPT, fd, &ask.opt, sizeof(ask.opt), &ask, sizeof(ask), sizeof(ask), NULL);
	if (error == ENETDOWN)
		return ENETDOWN;
	shim_error_told(fd);
	return error == 0 ? ask.value : 0;
}

ssize_t
shim_stream_end(int fd, ssize_t n)
{
	int saved = errno, error;

	if (!atomic_load_explicit(&shim_confined, memory_order_relaxed) &&
	    shim_classify(fd).class == SHIM_STREAM) {
		error = shim_so_error(fd);
		/* a reset after the peer's FIN is for who writes; who reads has come to the end */
		if (error != 0 && (error != EPIPE || n < 0))
			return shim_fail(error == ENETDOWN ? ECONNRESET : error);
	}
	errno = saved;
	return n;
}

/* A connect() that failed leaves a pair that says ECONNRESET, once: alpined knows why. */
static inline bool
was_reset(ssize_t n)
{
	return n < 0 && errno == ECONNRESET;
}

static inline ssize_t
read_result(int fd, ssize_t n, bool wanted)
{
	return (n == 0 && wanted) || was_reset(n) ? shim_stream_end(fd, n) : n;
}

/*
 * recv(2) of no bytes, which read(2) of none is not: 0 where data is there, else what a read would
 * say. Programs ask so how a connect() ended.
 */
static bool
at_end(int fd)
{
	int saved = errno;
	ssize_t n = 1;
	char byte;

	if (!atomic_load_explicit(&shim_confined, memory_order_relaxed) &&
	    shim_classify(fd).class == SHIM_STREAM)
		n = real.recv(fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT);
	n = n == 0 || was_reset(n) ? 0 : 1;
	errno = saved;
	return n == 0;
}

static inline ssize_t
recv_result(int fd, ssize_t n, size_t len)
{
	return (n == 0 && (len > 0 || at_end(fd))) || was_reset(n) ? shim_stream_end(fd, n) : n;
}

/* TCP's answer to who writes to a stream that is not connected: EPIPE, and the signal. */
ssize_t
shim_fresh_write(int flags)
{
	if ((flags & MSG_NOSIGNAL) == 0)
		raise(SIGPIPE);
	return shim_fail(EPIPE);
}

static inline ssize_t
write_result(int fd, ssize_t n)
{
	return (n < 0 && errno == EPIPE) || was_reset(n) ? shim_stream_end(fd, n) : n;
}

static ssize_t
dgram_recv_one(int fd, uint64_t cookie, void *buf, size_t len, int flags)
{
	struct iovec iov = {buf, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	return shim_dgram_recv(fd, cookie, &msg, flags);
}

static ssize_t
dgram_send_one(int fd, uint64_t cookie, const void *buf, size_t len, int flags)
{
	struct iovec iov = {(void *)(uintptr_t)buf, len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	return shim_dgram_send(fd, cookie, &msg, flags);
}

SHIM_EXPORT ssize_t
read(int fd, void *buf, size_t len)
{
	struct shim_id id;

	shim_init();
	if (shim_maybe_dgram(fd, &id))
		return dgram_recv_one(fd, id.cookie, buf, len, 0);
	if (shim_fresh(fd))
		return shim_fail(ENOTCONN);
	return read_result(fd, real.read(fd, buf, len), len > 0);
}

SHIM_EXPORT ssize_t
readv(int fd, const struct iovec *iov, int n)
{
	struct shim_id id;
	ssize_t got;
	int error;

	shim_init();
	if (n >= 0 && shim_maybe_dgram(fd, &id)) {
		struct msghdr msg = {
		    .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n};

		error = n > IOV_MAX ? EINVAL : shim_check_pieces(iov, (size_t)n);
		if (error != 0)
			return shim_fail(error);
		return shim_dgram_recv(fd, id.cookie, &msg, 0);
	}
	if (shim_fresh(fd))
		return shim_fail(ENOTCONN);
	got = real.readv(fd, iov, n);
	return read_result(fd, got, got == 0 && n > 0 && (n > 1 || iov[0].iov_len > 0));
}

SHIM_EXPORT ssize_t
write(int fd, const void *buf, size_t len)
{
	struct shim_id id;

	shim_init();
	if (shim_maybe_dgram(fd, &id))
		return dgram_send_one(fd, id.cookie, buf, len, 0);
	if (shim_fresh(fd))
		return shim_fresh_write(0);
	return write_result(fd, real.write(fd, buf, len));
}

SHIM_EXPORT ssize_t
writev(int fd, const struct iovec *iov, int n)
{
	struct shim_id id;
	int error;

	shim_init();
	if (n >= 0 && shim_maybe_dgram(fd, &id)) {
		struct msghdr msg = {
		    .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n};

		error = n > IOV_MAX ? EINVAL : shim_check_pieces(iov, (size_t)n);
		if (error != 0)
			return shim_fail(error);
		return shim_dgram_send(fd, id.cookie, &msg, 0);
	}
	if (shim_fresh(fd))
		return shim_fresh_write(0);
	return write_result(fd, real.writev(fd, iov, n));
}

/*
 * Flags that AF_UNIX understands otherwise than TCP does: TCP's MSG_TRUNC throws away. Urgent
 * data is the pair's own, alpined carries it over. True: *result is the answer.
 */
static bool
stream_recv_flags(int fd, size_t len, int flags, ssize_t *result)
{
	char scratch[SCRATCH];

	if ((flags & (MSG_TRUNC | MSG_ERRQUEUE)) == 0 || shim_classify(fd).class != SHIM_STREAM)
		return false;
	if ((flags & MSG_ERRQUEUE) != 0)
		*result = shim_fail(EAGAIN);
	else
		*result = read_result(fd,
		    real.recv(fd, scratch, len < SCRATCH ? len : SCRATCH, flags & ~MSG_TRUNC),
		    len > 0);
	return true;
}

SHIM_EXPORT ssize_t
recv(int fd, void *buf, size_t len, int flags)
{
	struct shim_id id;
	ssize_t n;

	shim_init();
	if (shim_maybe_dgram(fd, &id))
		return dgram_recv_one(fd, id.cookie, buf, len, flags);
	if (shim_fresh(fd))
		return shim_fail(ENOTCONN);
	if (stream_recv_flags(fd, len, flags, &n))
		return n;
	return recv_result(fd, real.recv(fd, buf, len, flags), len);
}

SHIM_EXPORT ssize_t
send(int fd, const void *buf, size_t len, int flags)
{
	struct shim_id id;

	shim_init();
	if (shim_maybe_dgram(fd, &id))
		return dgram_send_one(fd, id.cookie, buf, len, flags);
	if (shim_fresh(fd))
		return shim_fresh_write(flags);
	return write_result(fd, real.send(fd, buf, len, flags));
}

/* Received with room for the pair's name: TCP gives no address, and neither may we. */
static ssize_t
stream_recvfrom(int fd, void *buf, size_t len, int flags, void *addr, socklen_t *addrlen)
{
	_Alignas(8) char name[sizeof(struct sockaddr_storage)];
	socklen_t namelen = sizeof(name), room;
	int error = shim_copy_in(&room, addrlen, sizeof(room));
	ssize_t n;

	if (error != 0)
		return shim_fail(error);
	if ((int)room < 0)
		return shim_fail(EINVAL);
	n = real.recvfrom(fd, buf, len, flags, (struct sockaddr *)name, &namelen);
	if (n < 0)
		return n;
	if (shim_is_our_name(name, namelen) || namelen == 0) {
		namelen = 0;
	} else {
		socklen_t fits = room < namelen ? room : namelen;

		error = shim_copy_out(addr, name, fits < sizeof(name) ? fits : sizeof(name));
	}
	if (error == 0)
		error = shim_copy_out(addrlen, &namelen, sizeof(namelen));
	if (error != 0)
		return shim_fail(error);
	return recv_result(fd, n, len);
}

SHIM_EXPORT ssize_t
recvfrom(int fd, void *buf, size_t len, int flags, __SOCKADDR_ARG addr, socklen_t *addrlen)
{
	void *name = addr.__sockaddr__;
	struct shim_id id;
	int error;
	ssize_t n;

	shim_init();
	if (name == NULL)
		return recv(fd, buf, len, flags);
	if (shim_named_dgram(fd, &id)) {
		struct iovec iov = {buf, len};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_name = name};

		error = shim_copy_in(&msg.msg_namelen, addrlen, sizeof(*addrlen));
		if (error != 0)
			return shim_fail(error);
		n = shim_dgram_recv(fd, id.cookie, &msg, flags);
		error = n < 0 ? 0 : shim_copy_out(addrlen, &msg.msg_namelen, sizeof(*addrlen));
		return error != 0 ? shim_fail(error) : n;
	}
	if (shim_fresh(fd))
		return shim_fail(ENOTCONN);
	if (stream_recv_flags(fd, len, flags, &n))
		return n;
	return stream_recvfrom(fd, buf, len, flags, name, addrlen);
}

SHIM_EXPORT ssize_t
sendto(int fd, const void *buf, size_t len, int flags, __CONST_SOCKADDR_ARG addr, socklen_t addrlen)
{
	const void *name = addr.__sockaddr__;
	struct shim_id id;

	shim_init();
	if (name == NULL)
		return send(fd, buf, len, flags);
	id = shim_classify(fd);
	if (id.class == SHIM_DGRAM) {
		struct iovec iov = {(void *)(uintptr_t)buf, len};
		struct msghdr msg = {.msg_iov = &iov,
		    .msg_iovlen = 1,
		    .msg_name = (void *)(uintptr_t)name,
		    .msg_namelen = addrlen};

		return shim_dgram_send(fd, id.cookie, &msg, flags);
	}
	if (id.class == SHIM_STREAM && (flags & MSG_FASTOPEN) != 0) {
		struct iovec iov = {(void *)(uintptr_t)buf, len};
		struct msghdr msg = {.msg_iov = &iov,
		    .msg_iovlen = 1,
		    .msg_name = (void *)(uintptr_t)name,
		    .msg_namelen = addrlen};

		return write_result(fd, shim_fastopen(fd, id, &msg, flags));
	}
	if (id.class == SHIM_STREAM) { /* as Linux's TCP: fetched, and not looked at */
		char unused[sizeof(struct sockaddr_storage)];

		if ((int)addrlen < 0 || addrlen > sizeof(unused))
			return shim_fail(EINVAL);
		if (shim_copy_in(unused, name, addrlen) != 0)
			return shim_fail(EFAULT);
		return send(fd, buf, len, flags);
	}
	return real.sendto(fd, buf, len, flags, addr, addrlen);
}

/* --- what _FORTIFY_SOURCE calls instead --- */

SHIM_EXPORT ssize_t
__read_chk(int fd, void *buf, size_t len, size_t size)
{
	if (len > size)
		__chk_fail();
	return read(fd, buf, len);
}

SHIM_EXPORT ssize_t
__recv_chk(int fd, void *buf, size_t len, size_t size, int flags)
{
	if (len > size)
		__chk_fail();
	return recv(fd, buf, len, flags);
}

SHIM_EXPORT ssize_t
__recvfrom_chk(
    int fd, void *buf, size_t len, size_t size, int flags, __SOCKADDR_ARG addr, socklen_t *addrlen)
{
	if (len > size)
		__chk_fail();
	return recvfrom(fd, buf, len, flags, addr, addrlen);
}
