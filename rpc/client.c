/*
 * client.c - asking alpined: connections and calls (see client.h).
 * Owns nothing but the caller's struct rpc_client. Used by the shim inside other people's
 * programs, by alpine-run and by alpinectl; hence no allocation, no output, errno as it was, and
 * no interposable libc function between the program and the kernel but rpc_syscall().
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "rpc/client.h"

long (*rpc_syscall)(long number, ...) = syscall;

union fd_control {
	char bytes[CMSG_SPACE(sizeof(int) * RPC_FDS_MAX)];
	struct cmsghdr align;
};

/* A system call that answers -errno and leaves errno alone. */
#define SYS(...) sys_result(errno, rpc_syscall(__VA_ARGS__))

static long
sys_result(int saved_errno, long result)
{
	if (result == -1)
		result = -(long)errno;
	errno = saved_errno;
	return result;
}

static long
sys_restart_recvmsg(int fd, struct msghdr *msg, int flags)
{
	long n;

	do
		n = SYS(SYS_recvmsg, (long)fd, msg, (long)flags);
	while (n == -EINTR);
	return n;
}

static long
sys_restart_sendmsg(int fd, const struct msghdr *msg)
{
	long n;

	do
		n = SYS(SYS_sendmsg, (long)fd, msg, (long)MSG_NOSIGNAL);
	while (n == -EINTR);
	return n;
}

static uint64_t
socket_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (SYS(SYS_getsockopt, (long)fd, (long)SOL_SOCKET, (long)SO_COOKIE, &cookie, &len) != 0)
		return 0;
	return cookie;
}

bool
rpc_client_valid(const struct rpc_client *c)
{
	return c->c_fd >= 0 && c->c_cookie != 0 && socket_cookie(c->c_fd) == c->c_cookie;
}

static void
adopt(struct rpc_client *c, int fd)
{
	c->c_fd = fd;
	c->c_cookie = socket_cookie(fd);
}

void
rpc_client_close(struct rpc_client *c)
{
	if (rpc_client_valid(c))
		SYS(SYS_close, (long)c->c_fd);
	c->c_fd = -1;
	c->c_cookie = 0;
}

/* --- where the daemon is --- */

static bool
name_ok(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= RPC_NAME_MAX && name[0] != '.' &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") ==
		   len;
}

int
rpc_client_path(unsigned i, const char *name, char *path, size_t size)
{
	const char *dir = getenv("ALPINE_RUNDIR"), *sub = "";
	int n;

	if (name == NULL)
		name = RPC_DEFAULT_NAME;
	if (strchr(name, '/') != NULL) {
		if (i > 0)
			return -ENOENT;
		n = snprintf(path, size, "%s", name);
		return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
	}
	if (!name_ok(name))
		return -EINVAL;
	if (dir != NULL && *dir != '\0') {
		if (i > 0)
			return -ENOENT;
	} else if (i == 0) {
		dir = RPC_RUNDIR;
	} else if (i == 1) {
		dir = getenv("XDG_RUNTIME_DIR");
		sub = "/alpine";
		if (dir == NULL || *dir == '\0')
			return -ENOENT;
	} else {
		return -ENOENT;
	}
	n = snprintf(path, size, "%s%s/%s.sock", dir, sub, name);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int
open_unix(struct rpc_client *c, const struct sockaddr_un *sun, size_t len)
{
	long fd, error;

	c->c_fd = -1;
	fd = SYS(SYS_socket, (long)AF_UNIX, (long)(SOCK_SEQPACKET | SOCK_CLOEXEC), 0L);
	if (fd < 0)
		return (int)fd;
	do
		error = SYS(SYS_connect, fd, sun, (long)len);
	while (error == -EINTR);
	if (error != 0) {
		SYS(SYS_close, fd);
		return (int)error;
	}
	adopt(c, (int)fd);
	return 0;
}

static int
open_path(struct rpc_client *c, const char *path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	c->c_fd = -1;
	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENAMETOOLONG;
	memcpy(sun.sun_path, path, strlen(path));
	return open_unix(c, &sun, sizeof(sun));
}

int
rpc_client_open_abstract(struct rpc_client *c)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const size_t len = sizeof(RPC_CONTROL_NAME) - 1;

	memcpy(sun.sun_path + 1, RPC_CONTROL_NAME, len);
	return open_unix(c, &sun, offsetof(struct sockaddr_un, sun_path) + 1 + len);
}

static int
open_name(struct rpc_client *c, const char *name)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int error = -ENOENT, result = -ENOENT;
	unsigned i;

	c->c_fd = -1;
	for (i = 0; (error = rpc_client_path(i, name, path, sizeof(path))) == 0; i++) {
		error = open_path(c, path);
		if (error == 0)
			return 0;
		if (error != -ENOENT || i == 0)
			result = error;
	}
	return i == 0 ? error : result;
}

/* --- calls --- */

static long
send_request(struct rpc_client *c, const struct rpc_call *call)
{
	struct iovec iov[1 + RPC_CALL_IOV];
	union fd_control control;
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 1 + call->rc_nin};
	struct rpc_msg head = {
	    .m_magic = RPC_MAGIC,
	    .m_version = RPC_VERSION,
	    .m_op = call->rc_op,
	    .m_seq = ++c->c_seq,
	    .m_nfds = (uint16_t)call->rc_ninfds,
	};
	size_t len = 0;
	unsigned i;

	if (call->rc_nin > RPC_CALL_IOV || call->rc_ninfds > RPC_FDS_MAX)
		return -EINVAL;
	iov[0] = (struct iovec){&head, sizeof(head)};
	for (i = 0; i < call->rc_nin; i++) {
		iov[1 + i] = call->rc_in[i];
		len += call->rc_in[i].iov_len;
	}
	if (len > RPC_MSG_MAX - sizeof(head))
		return -EMSGSIZE;
	head.m_len = (uint32_t)len;
	if (call->rc_ninfds > 0) {
		struct cmsghdr *cmsg = &control.align;

		memset(&control, 0, sizeof(control));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * call->rc_ninfds);
		memcpy(CMSG_DATA(cmsg), call->rc_infds, sizeof(int) * call->rc_ninfds);
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * call->rc_ninfds);
	}
	return sys_restart_sendmsg(c->c_fd, &msg);
}

static void
close_fds(struct rpc_call *call)
{
	while (call->rc_nfds > 0)
		SYS(SYS_close, (long)call->rc_fds[--call->rc_nfds]);
}

static void
take_fds(struct msghdr *msg, struct rpc_call *call)
{
	struct cmsghdr *cmsg;
	size_t n;

	call->rc_nfds = 0;
	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (n > RPC_FDS_MAX - call->rc_nfds)
			n = RPC_FDS_MAX - call->rc_nfds;
		memcpy(call->rc_fds + call->rc_nfds, CMSG_DATA(cmsg), n * sizeof(int));
		call->rc_nfds += (unsigned)n;
	}
}

/*
 * One reply. Replies to requests that nobody waits for any more (a thread that was killed in the
 * middle of a call, a child that shared the connection) are skipped; each message is whole, so
 * there is no other way to lose step.
 */
static int
receive_reply(struct rpc_client *c, struct rpc_call *call)
{
	struct iovec iov[1 + RPC_CALL_IOV];
	union fd_control control;
	struct msghdr msg;
	struct rpc_msg head;
	bool stale;
	unsigned i;
	long n;

	if (call->rc_nout > RPC_CALL_IOV)
		return -EINVAL;
	do {
		iov[0] = (struct iovec){&head, sizeof(head)};
		for (i = 0; i < call->rc_nout; i++)
			iov[1 + i] = call->rc_out[i];
		msg = (struct msghdr){.msg_iov = iov,
		    .msg_iovlen = 1 + call->rc_nout,
		    .msg_control = &control,
		    .msg_controllen = sizeof(control)};
		n = sys_restart_recvmsg(
		    c->c_fd, &msg, call->rc_keep_on_exec ? 0 : MSG_CMSG_CLOEXEC);
		if (n < 0)
			return n == -EFAULT ? EFAULT : (int)n;
		take_fds(&msg, call);
		if ((size_t)n < sizeof(head) || head.m_magic != RPC_MAGIC) {
			close_fds(call);
			return n == 0 ? -ECONNRESET : -EPROTO;
		}
		stale = head.m_seq != c->c_seq || head.m_op != call->rc_op;
		if (stale)
			close_fds(call);
	} while (stale);
	if (head.m_version != RPC_VERSION || (msg.msg_flags & MSG_TRUNC) != 0 ||
	    head.m_len != (size_t)n - sizeof(head) || head.m_error < 0) {
		close_fds(call);
		return -EPROTO;
	}
	if ((msg.msg_flags & MSG_CTRUNC) != 0 || head.m_nfds != call->rc_nfds) {
		/* The kernel could not install a descriptor: this process has too many. */
		close_fds(call);
		return EMFILE;
	}
	call->rc_len = head.m_len;
	call->rc_more = (head.m_flags & RPC_MORE) != 0;
	return head.m_error;
}

int
rpc_call(struct rpc_client *c, struct rpc_call *call)
{
	long n;

	call->rc_len = 0;
	call->rc_nfds = 0;
	call->rc_more = false;
	if (c->c_fd < 0)
		return -ENOTCONN;
	n = send_request(c, call);
	if (n == -EPIPE || n == -ECONNRESET || n == -ENOTCONN || n == -ENOTSOCK)
		return (int)n;
	return n < 0 ? (int)-n : receive_reply(c, call);
}

int
rpc_call_next(struct rpc_client *c, struct rpc_call *call)
{
	call->rc_len = 0;
	call->rc_nfds = 0;
	call->rc_more = false;
	return receive_reply(c, call);
}

int
rpc_ask(struct rpc_client *c, uint16_t op, int fd, const void *in, size_t inlen, void *out,
    size_t outsize, size_t minout, size_t *outlen)
{
	struct iovec iin = {(void *)(uintptr_t)in, inlen}, iout = {out, outsize};
	struct rpc_call call = {
	    .rc_op = op,
	    .rc_in = &iin,
	    .rc_nin = inlen > 0 ? 1 : 0,
	    .rc_infds = &fd,
	    .rc_ninfds = fd >= 0 ? 1 : 0,
	    .rc_out = &iout,
	    .rc_nout = outsize > 0 ? 1 : 0,
	};
	int error = rpc_call(c, &call);

	close_fds(&call);
	if (error == 0 && call.rc_len < minout)
		error = -EPROTO;
	if (outlen != NULL)
		*outlen = call.rc_len;
	return error;
}

int
rpc_ask_text(struct rpc_client *c, uint16_t op, const char *text, rpc_sink sink, void *arg)
{
	char room[RPC_MSG_MAX];
	struct iovec in = {(void *)(uintptr_t)text, text != NULL ? strlen(text) : 0};
	struct iovec out = {room, sizeof(room)};
	struct rpc_call call = {.rc_op = op,
	    .rc_in = &in,
	    .rc_nin = in.iov_len > 0 ? 1 : 0,
	    .rc_out = &out,
	    .rc_nout = 1};
	int error = rpc_call(c, &call), stop = 0;

	for (;;) {
		close_fds(&call);
		if (error < 0)
			return error;
		if (call.rc_len > 0 && stop == 0)
			stop = sink(arg, room, call.rc_len);
		if (!call.rc_more)
			return stop != 0 ? stop : error;
		error = rpc_call_next(c, &call);
	}
}

/* --- opening a conversation --- */

/*
 * The version is looked at before anything else of the reply, so that a daemon of another
 * version, whose reply may have another shape, can still be told from garbage.
 */
static int
hello_reply(struct rpc_client *c, struct rpc_hello_reply *reply, unsigned *version)
{
	struct rpc_msg head;
	struct iovec iov[2] = {{&head, sizeof(head)}, {reply, sizeof(*reply)}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	long n = sys_restart_recvmsg(c->c_fd, &msg, MSG_CMSG_CLOEXEC);

	if (n <= 0)
		return n < 0 ? (int)n : -ECONNRESET;
	if ((size_t)n < sizeof(head) || head.m_magic != RPC_MAGIC)
		return -EPROTO;
	*version = head.m_version;
	if (head.m_version != RPC_VERSION)
		return -EPROTO;
	if (head.m_error != 0)
		return head.m_error > 0 ? head.m_error : -EPROTO;
	if (head.m_op != RPC_HELLO || head.m_len != sizeof(*reply) ||
	    (size_t)n != sizeof(head) + sizeof(*reply))
		return -EPROTO;
	reply->h_instance[sizeof(reply->h_instance) - 1] = '\0';
	reply->h_version[sizeof(reply->h_version) - 1] = '\0';
	reply->h_ifname[sizeof(reply->h_ifname) - 1] = '\0';
	if (reply->h_naddrs > RPC_HELLO_ADDRS || reply->h_ndns > RPC_HELLO_ADDRS)
		return -EPROTO;
	return 0;
}

int
rpc_client_hello(struct rpc_client *c, enum rpc_kind kind, struct rpc_hello_reply *reply, char *why,
    size_t whysize)
{
	struct rpc_hello hello = {.h_kind = kind};
	struct iovec in = {&hello, sizeof(hello)};
	struct rpc_call call = {.rc_op = RPC_HELLO, .rc_in = &in, .rc_nin = 1};
	struct rpc_hello_reply unwanted;
	unsigned version = RPC_VERSION;
	int error;

	if (c->c_fd < 0)
		return -ENOTCONN;
	error = (int)send_request(c, &call);
	if (error >= 0)
		error = hello_reply(c, reply != NULL ? reply : &unwanted, &version);
	if (error == 0 || why == NULL || whysize == 0)
		return error;
	if (version != RPC_VERSION)
		snprintf(why, whysize,
		    "daemon speaks version %u, this program version %u: "
		    "install both from one release and restart alpined",
		    version, RPC_VERSION);
	else if (error == -EPROTO)
		snprintf(why, whysize, "what answers there is not alpined");
	else
		snprintf(why, whysize, "alpined refused: %s", strerror(error < 0 ? -error : error));
	return error;
}

int
rpc_client_start(struct rpc_client *c, const char *name, enum rpc_kind kind,
    struct rpc_hello_reply *reply, char *why, size_t whysize)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int error = open_name(c, name);

	if (error == 0) {
		error = rpc_client_hello(c, kind, reply, why, whysize);
		if (error != 0)
			rpc_client_close(c);
		return error;
	}
	if (error == -EINVAL)
		snprintf(why, whysize, "'%s' is not a name: at most %d of A-Z a-z 0-9 _ . -", name,
		    RPC_NAME_MAX);
	else if (rpc_client_path(0, name, path, sizeof(path)) == 0)
		snprintf(why, whysize, "%s: %s", path, strerror(-error));
	else
		snprintf(why, whysize, "%s", strerror(-error));
	return error;
}

/*
 * The reply comes over the new connection: the parent may be in the middle of a call on the
 * old one, and would take it for its own.
 */
int
rpc_client_rekey(struct rpc_client *c, const struct rpc_client *parent)
{
	struct rpc_client old = *parent;
	int ends[2], error;
	struct rpc_call call = {.rc_op = RPC_REKEY, .rc_infds = &ends[1], .rc_ninfds = 1};

	c->c_fd = -1;
	error = (int)SYS(
	    SYS_socketpair, (long)AF_UNIX, (long)(SOCK_SEQPACKET | SOCK_CLOEXEC), 0L, ends);
	if (error != 0)
		return error;
	error = (int)send_request(&old, &call);
	SYS(SYS_close, (long)ends[1]);
	if (error >= 0) {
		adopt(c, ends[0]);
		c->c_seq = old.c_seq;
		error = receive_reply(c, &call);
		close_fds(&call);
		if (error == 0)
			return 0;
	}
	SYS(SYS_close, (long)ends[0]);
	c->c_fd = -1;
	return error;
}
