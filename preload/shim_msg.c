/*
 * shim_msg.c - sendmsg, recvmsg and the forms for several messages.
 *
 * A message that brings descriptors (SCM_RIGHTS) may bring a datagram socket of ours: the hint
 * is set, nothing else is remembered. Descriptors are passed on natively, to whom the program
 * likes: the kernel's socket is the connection.
 */
#include <limits.h>
#include <string.h>
#include <time.h>

#include "preload/shim.h"

static bool
brings_descriptors(struct msghdr *msg)
{
	struct cmsghdr *item;

	if (msg->msg_control == NULL)
		return false;
	for (item = CMSG_FIRSTHDR(msg); item != NULL; item = CMSG_NXTHDR(msg, item))
		if (item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_RIGHTS)
			return true;
	return false;
}

static bool
has_room(const struct msghdr *msg)
{
	size_t i;

	for (i = 0; i < msg->msg_iovlen; i++)
		if (msg->msg_iov[i].iov_len > 0)
			return true;
	return false;
}

/* Where AF_UNIX and TCP differ in recvmsg()'s flags, recv() knows what to do. */
static bool
stream_flags_matter(int fd, int flags)
{
	return (flags & (MSG_TRUNC | MSG_ERRQUEUE)) != 0 && shim_classify(fd).class == SHIM_STREAM;
}

int
shim_check_pieces(const struct iovec *iov, size_t n)
{
	struct iovec piece;
	int error = n > 0 ? shim_copy_in(&piece, iov, sizeof(piece)) : 0;

	return error != 0 || n < 2 ? error : shim_copy_in(&piece, iov + n - 1, sizeof(piece));
}

/* 0, or EFAULT: are the pieces, and `control` bytes of control data, where the message says? */
static int
check_message(const struct msghdr *msg, size_t control)
{
	char byte;
	int error =
	    msg->msg_iovlen <= IOV_MAX ? shim_check_pieces(msg->msg_iov, msg->msg_iovlen) : 0;

	if (error == 0 && msg->msg_control != NULL && control > 0) {
		error = shim_copy_in(&byte, msg->msg_control, 1);
		if (error == 0)
			error = shim_copy_in(&byte, (char *)msg->msg_control + control - 1, 1);
	}
	return error;
}

static ssize_t
dgram_sendmsg(int fd, uint64_t cookie, const struct msghdr *msg, int flags)
{
	int error;

	if (msg->msg_iovlen > IOV_MAX)
		return shim_fail(EMSGSIZE);
	if (msg->msg_control != NULL && msg->msg_controllen > RPC_CONTROL_MAX)
		return shim_fail(ENOBUFS);
	if ((int)msg->msg_namelen < 0)
		return shim_fail(EINVAL);
	error = check_message(msg, msg->msg_controllen);
	return error != 0 ? shim_fail(error) : shim_dgram_send(fd, cookie, msg, flags);
}

static ssize_t
dgram_recvmsg(int fd, uint64_t cookie, struct msghdr *msg, int flags)
{
	int error;

	if (msg->msg_iovlen > IOV_MAX)
		return shim_fail(EMSGSIZE);
	error = check_message(msg, 0);
	return error != 0 ? shim_fail(error) : shim_dgram_recv(fd, cookie, msg, flags);
}

static ssize_t
stream_recvmsg(int fd, struct msghdr *msg, int flags)
{
	_Alignas(8) char name[sizeof(struct sockaddr_storage)];
	struct msghdr mine = *msg;
	socklen_t fits;
	ssize_t n;

	if (msg->msg_name != NULL) {
		mine.msg_name = name;
		mine.msg_namelen = sizeof(name);
	}
	n = real.recvmsg(fd, &mine, flags);
	if (n < 0)
		return errno == ECONNRESET ? shim_stream_end(fd, n) : n;
	if (msg->msg_name != NULL) {
		if (shim_is_our_name(name, mine.msg_namelen))
			mine.msg_namelen = 0;
		fits = msg->msg_namelen < mine.msg_namelen ? msg->msg_namelen : mine.msg_namelen;
		memcpy(msg->msg_name, name, fits < sizeof(name) ? fits : sizeof(name));
	}
	msg->msg_namelen = mine.msg_namelen;
	msg->msg_controllen = mine.msg_controllen;
	msg->msg_flags = mine.msg_flags;
	if (brings_descriptors(msg))
		atomic_store_explicit(&shim_dgrams, true, memory_order_relaxed);
	if (n == 0 && has_room(msg))
		return shim_stream_end(fd, n);
	return n;
}

SHIM_EXPORT ssize_t
recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct shim_id id;
	int error;

	shim_init();
	if (shim_nowhere(msg))
		return real.recvmsg(fd, msg, flags);
	if (msg->msg_name != NULL || msg->msg_control != NULL ? shim_named_dgram(fd, &id)
							      : shim_maybe_dgram(fd, &id))
		return dgram_recvmsg(fd, id.cookie, msg, flags);
	if (shim_fresh(fd))
		return shim_fail(ENOTCONN);
	if (stream_flags_matter(fd, flags)) {
		error = check_message(msg, 0);
		if (error != 0)
			return shim_fail(error);
		msg->msg_namelen = 0;
		msg->msg_controllen = 0;
		msg->msg_flags = 0;
		return recv(fd, msg->msg_iovlen > 0 ? msg->msg_iov[0].iov_base : NULL,
		    msg->msg_iovlen > 0 ? msg->msg_iov[0].iov_len : 0, flags);
	}
	return stream_recvmsg(fd, msg, flags);
}

SHIM_EXPORT ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct shim_id id = {SHIM_FOREIGN, 0};
	ssize_t n;

	shim_init();
	if (shim_nowhere(msg))
		return real.sendmsg(fd, msg, flags);
	if (msg->msg_name != NULL)
		id = shim_classify(fd);
	else if (msg->msg_control != NULL)
		id = atomic_load_explicit(&shim_confined, memory_order_relaxed) ? id
										: shim_classify(fd);
	else if (!shim_maybe_dgram(fd, &id))
		id.class = SHIM_FOREIGN;
	if (id.class == SHIM_DGRAM)
		return dgram_sendmsg(fd, id.cookie, msg, flags);
	if (id.class == SHIM_STREAM && msg->msg_name != NULL && (flags & MSG_FASTOPEN) != 0) {
		n = shim_fastopen(fd, id, msg, flags);
		return n < 0 && (errno == EPIPE || errno == ECONNRESET) ? shim_stream_end(fd, n)
									: n;
	}
	if (id.class == SHIM_STREAM && msg->msg_name != NULL && (int)msg->msg_namelen < 0)
		return shim_fail(EINVAL);
	if (shim_fresh(fd))
		return shim_fresh_write(flags);
	if (id.class == SHIM_STREAM) { /* TCP looks at neither; the pair would */
		struct msghdr plain = {.msg_iov = msg->msg_iov, .msg_iovlen = msg->msg_iovlen};

		n = real.sendmsg(fd, &plain, flags);
	} else {
		n = real.sendmsg(fd, msg, flags);
	}
	if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
		return shim_stream_end(fd, n);
	return n;
}

SHIM_EXPORT int
sendmmsg(int fd, struct mmsghdr *vec, unsigned n, int flags)
{
	struct shim_id id;
	unsigned i;
	ssize_t sent;

	shim_init();
	if (shim_nowhere(vec) || !shim_named_dgram(fd, &id))
		return real.sendmmsg(fd, vec, n, flags);
	if (n > 1024) /* UIO_MAXIOV, as Linux caps it */
		n = 1024;
	for (i = 0; i < n; i++) {
		sent = dgram_sendmsg(fd, id.cookie, &vec[i].msg_hdr, flags);
		if (sent < 0)
			return i > 0 ? (int)i : -1;
		vec[i].msg_len = (unsigned)sent;
	}
	return (int)n;
}

/* Time left of *timeout since `begin`; false when there is none. */
static bool
time_left(const struct timespec *begin, const struct timespec *whole, struct timespec *left)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	left->tv_sec = whole->tv_sec - (now.tv_sec - begin->tv_sec);
	left->tv_nsec = whole->tv_nsec - (now.tv_nsec - begin->tv_nsec);
	while (left->tv_nsec < 0) {
		left->tv_nsec += 1000000000;
		left->tv_sec--;
	}
	while (left->tv_nsec >= 1000000000) {
		left->tv_nsec -= 1000000000;
		left->tv_sec++;
	}
	if (left->tv_sec < 0) {
		left->tv_sec = 0;
		left->tv_nsec = 0;
	}
	return left->tv_sec > 0 || left->tv_nsec > 0;
}

/* As Linux does it, recvmmsg(2), BUGS included: the time is looked at after each datagram. */
SHIM_EXPORT int
recvmmsg(int fd, struct mmsghdr *vec, unsigned n, int flags, struct timespec *timeout)
{
	struct timespec begin, whole = {0, 0};
	struct shim_id id;
	unsigned i = 0;
	ssize_t got;

	shim_init();
	if (shim_nowhere(vec) || (timeout != NULL && shim_nowhere(timeout)) ||
	    !shim_named_dgram(fd, &id))
		return real.recvmmsg(fd, vec, n, flags, timeout);
	if (timeout != NULL) {
		if (timeout->tv_sec < 0 || timeout->tv_nsec < 0 || timeout->tv_nsec >= 1000000000)
			return shim_fail(EINVAL);
		whole = *timeout;
		clock_gettime(CLOCK_MONOTONIC, &begin);
	}
	while (i < n) {
		got = dgram_recvmsg(fd, id.cookie, &vec[i].msg_hdr, flags & ~MSG_WAITFORONE);
		if (got < 0)
			return i > 0 ? (int)i : -1;
		vec[i++].msg_len = (unsigned)got;
		if ((flags & MSG_WAITFORONE) != 0)
			flags |= MSG_DONTWAIT;
		if (timeout != NULL && !time_left(&begin, &whole, timeout))
			break;
	}
	return (int)i;
}
