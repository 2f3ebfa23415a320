/*
 * server.c - control connections: accepting, receiving, checking, dispatching, answering.
 *
 * A request is one SEQPACKET message. Its header is checked here, its body by its handler. What
 * is malformed ends that connection, with a line in the log; nothing else is touched. Handlers
 * never block. An answer that the client does not read waits in its connection, which meanwhile
 * is not read from.
 *
 * Two kinds of listeners: the daemon's own socket (its users: alpine-run, alpinectl), and one for
 * each namespace that alpine-run attached (its users: programs). The latter lives as long as the
 * connection that attached it; programs that are connected already go on.
 *
 * Owns connections and spaces.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "rpc/server/closer.h"
#include "rpc/server/pair.h"
#include "rpc/server/peer.h"
#include "rpc/server/server.h"

#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04 /* Linux 6.5 */
#endif

#define PIECE (64 * 1024) /* bytes of text in one reply */
#define LISTEN_BACKLOG 512
#define LOGS_PER_SECOND 10 /* lines about bad clients */
#define TEXT_MAX                                                                                   \
	(32 * 1024 * 1024) /* bytes of answers that the connections of one space let wait */
#define STALE_TRIES 10	   /* a socket where nobody answers is looked at so often, */
#define STALE_MS 20	   /* so long apart, before it is taken for a dead one's */
#define SCM_FDS_MAX 253	   /* descriptors that the kernel lets one message bring */
#define ACCEPT_US 50000	   /* an accept4() that lasts longer is interrupted */
#define MONITOR_BACKLOG                                                                            \
	(256 * 1024) /* bytes that wait for a monitor to read; then lines are lost */

static struct space own_space = {.s_fd = -1, .s_refs = 1};
static LIST_HEAD(, space) spaces = LIST_HEAD_INITIALIZER(spaces);
static LIST_HEAD(, conn) conns = LIST_HEAD_INITIALIZER(conns);
static unsigned nconns, nspaces, nmonitors;
static uint32_t last_space;
static uid_t owner;  /* who started alpined; it may be another user by now */
static bool starved; /* listeners are paused because descriptors have run out */
static struct host_watch closer_watch = {.w_fd = -1};
static char message[RPC_MSG_MAX];
static char reply_room[REQUEST_ROOM];

static void drop_text(struct conn *);
static void space_ready(struct host_watch *, uint32_t);
static void conn_ready(struct host_watch *, uint32_t);

struct op {
	request_fn *fn;
	uint16_t fds;	/* exactly so many come with it */
	uint32_t least; /* bytes of body, at least */
	bool path_only;
};

static request_fn op_hello, op_attach, op_rekey, op_mirror, op_capture;

static const struct op ops[] = {
    [RPC_HELLO] = {op_hello, 0, sizeof(struct rpc_hello), false},
    [RPC_ATTACH] = {op_attach, 1, 0, true},
    [RPC_REKEY] = {op_rekey, 1, 0, false},
    [RPC_SOCKET] = {request_socket, 0, sizeof(struct rpc_socket), false},
    [RPC_BIND] = {request_bind, 1, sizeof(struct rpc_addr), false},
    [RPC_LISTEN] = {request_listen, 1, sizeof(struct rpc_int), false},
    [RPC_CONNECT] = {request_connect, 1, sizeof(struct rpc_connect), false},
    [RPC_GETSOCKNAME] = {request_getsockname, 1, 0, false},
    [RPC_GETPEERNAME] = {request_getpeername, 1, 0, false},
    [RPC_SETSOCKOPT] = {request_setsockopt, 1, sizeof(struct rpc_sockopt), false},
    [RPC_GETSOCKOPT] = {request_getsockopt, 1, sizeof(struct rpc_sockopt), false},
    [RPC_SHUTDOWN] = {request_shutdown, 1, sizeof(struct rpc_int), false},
    [RPC_IOCTL] = {request_ioctl, 1, sizeof(struct rpc_ioctl), false},
    [RPC_ERRQUEUE] = {request_errqueue, 1, sizeof(struct rpc_int), false},
    [RPC_SENDTO] = {request_sendto, 1, sizeof(struct rpc_dgram), false},
    [RPC_MIRROR] = {op_mirror, 1, 0, true},
    [RPC_CAPTURE] = {op_capture, 0, 0, false},
    [RPC_CTL_STATUS] = {ctl_status, 0, 0, false},
    [RPC_CTL_STOP] = {ctl_stop, 0, 0, false},
    [RPC_CTL_SYSCTL] = {ctl_sysctl, 0, 0, false},
    [RPC_CTL_TCPLOG_START] = {ctl_tcplog_start, 1, 0, false},
    [RPC_CTL_TCPLOG] = {ctl_tcplog, 0, 0, false},
    [RPC_CTL_REPORT] = {ctl_report, 0, 0, false},
    [RPC_CTL_CHANGE] = {ctl_change, 0, 1, false},
    [RPC_CTL_MONITOR] = {ctl_monitor, 0, 0, false},
};
#define NOPS (sizeof(ops) / sizeof(ops[0]))

unsigned
server_conns(void)
{
	return (nconns);
}

unsigned
server_spaces(void)
{
	return (nspaces);
}

/* ---- spaces ---- */

void
space_hold(struct space *s)
{
	s->s_refs++;
}

/* Whose descriptors are closed in one row. */
static uint64_t
closer_key(const struct space *s, uid_t uid)
{
	return ((uint64_t)s->s_id << 32 | uid);
}

/* Connections that nobody accepted, and whatever was sent over them, go with a listener. */
static void
space_close_listener(struct space *s)
{
	if (s->s_fd < 0)
		return;
	host_watch_del(&s->s_watch);
	closer_close(s->s_fd, closer_key(s, 0));
	s->s_fd = -1;
}

void
space_release(struct space *s)
{
	if (--s->s_refs > 0 || s == &own_space)
		return;
	space_close_listener(s);
	LIST_REMOVE(s, s_link);
	nspaces--;
	free(s);
}

static bool
space_full(const struct space *s)
{
	return (s->s_conns >= (unsigned)bsock_limits.maxconns);
}

/* Beyond the limit clients wait in the listener's backlog until one leaves. */
static void
space_pause(struct space *s, bool pause)
{
	if (s->s_fd < 0 || s->s_paused == pause)
		return;
	s->s_paused = pause;
	(void)host_watch_mod(&s->s_watch, pause ? 0 : EPOLLIN);
}

/* Until some descriptor is closed: a listener that is ready would be so for ever. */
static void
starve(void)
{
	struct space *s;

	starved = true;
	closer_tell();
	space_pause(&own_space, true);
	LIST_FOREACH (s, &spaces, s_link)
		space_pause(s, true);
	log_line(4, "no descriptors are left: new programs wait until one ends");
}

static void
feed(void)
{
	struct space *s;

	if (!starved)
		return;
	starved = false;
	space_pause(&own_space, space_full(&own_space));
	LIST_FOREACH (s, &spaces, s_link)
		space_pause(s, space_full(s));
}

/* ---- connections ---- */

static uint64_t
conn_key(const struct conn *c)
{
	return (closer_key(c->c_space, c->c_uid));
}

static void
conn_close(struct conn *c)
{
	host_watch_del(&c->c_watch);
	closer_close(c->c_fd, conn_key(c)); /* what is unread may bring descriptors */
	if (c->c_capture != NULL)
		mirror_use(c->c_capture->s_mirror, false);
	if (c->c_attached != NULL) {
		space_close_listener(c->c_attached);
		mirror_free(c->c_attached->s_mirror);
		c->c_attached->s_mirror = NULL;
		space_release(c->c_attached);
	}
	drop_text(c);
	c->c_space->s_conns--;
	if (!space_full(c->c_space))
		space_pause(c->c_space, false);
	space_release(c->c_space);
	LIST_REMOVE(c, c_link);
	nconns--;
	if (c->c_monitor && --nmonitors == 0)
		bsd_monitor(NULL, NULL);
	free(c);
}

static void
conn_blame(struct conn *c, const char *why)
{
	static uint64_t second;
	static unsigned lines;
	uint64_t now = host_monotonic_ns() / 1000000000u;

	if (now != second) {
		second = now;
		lines = 0;
	}
	if (lines++ < LOGS_PER_SECOND)
		log_line(4, "control connection of pid %d (uid %u) closed: %s", (int)c->c_pid,
		    (unsigned)c->c_uid, why);
}

static struct conn *
conn_make(int fd, struct space *s, bool path)
{
	struct conn *c = calloc(1, sizeof(*c));
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (c == NULL || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0 ||
	    host_watch_add(&c->c_watch, fd, EPOLLIN, conn_ready, c) != 0) {
		free(c);
		closer_close(fd, closer_key(s, 0));
		return (NULL);
	}
	c->c_fd = fd;
	c->c_path = path;
	c->c_uid = cred.uid;
	c->c_gid = cred.gid;
	c->c_pid = cred.pid;
	c->c_privs = peer_privileges(fd, cred.pid, cred.uid);
	c->c_space = s;
	space_hold(s);
	s->s_conns++;
	LIST_INSERT_HEAD(&conns, c, c_link);
	nconns++;
	return (c);
}

bool
conn_owner(const struct conn *c)
{
	return (c->c_uid == 0 || c->c_uid == owner);
}

bool
conn_privileged(const struct conn *c)
{
	return (conn_owner(c) || (c->c_privs & BSOCK_PRIV_ADMIN) != 0);
}

static void
wake(int signo)
{
	(void)signo; /* whatever waits is interrupted: EINTR */
}

/*
 * A namespace's listener is its launcher's, too, who may let others accept from it and make it
 * one that waits: there is no flag that would say "do not" for this one call.
 */
static int
accept_from(const struct space *s)
{
	const struct itimerval soon = {{0, ACCEPT_US}, {0, ACCEPT_US}}, never = {{0, 0}, {0, 0}};
	int fd, error;

	if (s == &own_space)
		return (accept4(s->s_fd, NULL, NULL, SOCK_CLOEXEC));
	(void)setitimer(ITIMER_REAL, &soon, NULL);
	fd = accept4(s->s_fd, NULL, NULL, SOCK_CLOEXEC);
	error = errno;
	(void)setitimer(ITIMER_REAL, &never, NULL);
	errno = error;
	return (fd);
}

static void
space_ready(struct host_watch *w, uint32_t events)
{
	struct space *s = w->w_arg;
	int fd;

	(void)events;
	if (space_full(s)) {
		space_pause(s, true);
		return;
	}
	fd = accept_from(s);
	if (fd >= 0)
		(void)conn_make(fd, s, s == &own_space);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		starve();
	else if (errno == EINTR && s != &own_space) {
		log_line(4, "a namespace's listener that others accept from is closed");
		space_close_listener(s);
	}
}

/* ---- answering ---- */

static int
reply(struct conn *c, const struct rpc_msg *head, const void *data, size_t len, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct rpc_msg h = *head;
	struct iovec iov[2] = {{&h, sizeof(h)}, {(void *)(uintptr_t)data, len}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	struct cmsghdr *cmsg = &control.align;

	h.m_len = (uint32_t)len;
	h.m_nfds = fd >= 0;
	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	return (sendmsg(c->c_fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0);
}

void
conn_emit(void *arg, const char *text, size_t len)
{
	struct conn *c = arg;
	size_t need = c->c_outlen + len, size = c->c_outsize > 0 ? c->c_outsize : 4096;
	char *bigger;

	while (size < need)
		size *= 2;
	if (size != c->c_outsize) {
		bigger = realloc(c->c_out, size);
		if (bigger == NULL)
			return;
		c->c_out = bigger;
		c->c_outsize = size;
	}
	memcpy(c->c_out + c->c_outlen, text, len);
	c->c_outlen += len;
}

void
conn_printf(struct conn *c, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0)
		conn_emit(c, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

/* False: its space lets too much wait. */
static bool
count_text(struct conn *c)
{
	struct space *s = c->c_space;

	s->s_text = s->s_text - c->c_text + c->c_outsize;
	c->c_text = c->c_outsize;
	return (s->s_text <= TEXT_MAX);
}

static void
drop_text(struct conn *c)
{
	free(c->c_out);
	c->c_out = NULL;
	c->c_outlen = c->c_outsize = c->c_outpos = 0;
	(void)count_text(c);
}

/* Sends what goes out of a long answer. EAGAIN: the rest waits for EPOLLOUT. */
static int
send_text(struct conn *c)
{
	size_t n;
	int error;

	do {
		n = c->c_outlen - c->c_outpos;
		c->c_outhead.m_flags = n > PIECE || c->c_monitor ? RPC_MORE : 0;
		if (n > PIECE)
			n = PIECE;
		error = reply(c, &c->c_outhead, c->c_out + c->c_outpos, n, -1);
		if (error == EAGAIN && !count_text(c))
			return (ENOBUFS);
		if (error == EAGAIN)
			return (host_watch_mod(&c->c_watch, EPOLLOUT) == 0 ? EAGAIN : EIO);
		if (error != 0)
			return (error);
		c->c_outpos += n;
	} while (c->c_outpos < c->c_outlen);
	drop_text(c);
	return (0);
}

/* ---- monitors ---- */

/* In the middle of the stack's work: what is told goes out in the loop's next turn. */
static void
tell_monitors(void *arg, const char *text, size_t len)
{
	struct conn *c;

	(void)arg;
	LIST_FOREACH (c, &conns, c_link) {
		if (!c->c_monitor)
			continue;
		if (c->c_outlen - c->c_outpos + len > MONITOR_BACKLOG || !count_text(c)) {
			c->c_lost++;
			continue;
		}
		if (c->c_lost > 0)
			conn_printf(
			    c, "RTM_LOST\t\t\t\t\t\t\t\t\t%u messages were lost\n", c->c_lost);
		c->c_lost = 0;
		conn_emit(c, text, len);
		(void)host_watch_mod(&c->c_watch, EPOLLIN | EPOLLOUT);
	}
}

void
conn_monitor(struct conn *c)
{
	c->c_monitor = true;
	if (nmonitors++ == 0)
		bsd_monitor(tell_monitors, NULL);
}

/* ---- requests that concern the connection itself ---- */

static int
op_hello(struct request *r)
{
	struct rpc_hello hello;
	struct rpc_hello_reply *reply = (struct rpc_hello_reply *)(void *)r->r_reply;
	struct bsd_ifinfo info = {.mtu = 0};
	unsigned i;

	_Static_assert(sizeof(*reply) <= REQUEST_ROOM, "hello fits");
	memcpy(&hello, r->r_data, sizeof(hello));
	if (hello.h_kind < RPC_KIND_PROGRAM || hello.h_kind > RPC_KIND_CTL)
		return (EINVAL);
	r->r_conn->c_kind = hello.h_kind;
	r->r_conn->c_hello = true;
	memset(reply, 0, sizeof(*reply));
	snprintf(reply->h_instance, sizeof(reply->h_instance), "%s", daemon_info.name);
	snprintf(reply->h_version, sizeof(reply->h_version), "%s", daemon_info.version);
	bsd_if_info(daemon_info.ifname, &info);
	snprintf(reply->h_ifname, sizeof(reply->h_ifname), "%s", daemon_info.ifname);
	reply->h_mtu = info.mtu;
	reply->h_naddrs = bsd_addresses(reply->h_addrs, RPC_HELLO_ADDRS);
	reply->h_ndns = daemon_info.ndns;
	for (i = 0; i < daemon_info.ndns; i++)
		reply->h_dns[i] = daemon_info.dns[i];
	r->r_replylen = sizeof(*reply);
	return (0);
}

static int
op_attach(struct request *r)
{
	struct conn *c = r->r_conn;
	int listening = 0, domain = 0;
	socklen_t len = sizeof(int);
	struct space *s;

	if (c->c_attached != NULL)
		return (EALREADY);
	if (getsockopt(r->r_fds[0], SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 ||
	    !listening || getsockopt(r->r_fds[0], SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 ||
	    domain != AF_UNIX)
		return (EINVAL);
	if (nspaces >= (unsigned)bsock_limits.maxspaces)
		return (EUSERS);
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return (ENOMEM);
	s->s_fd = r->r_fds[0];
	(void)fcntl(s->s_fd, F_SETFL, O_RDWR | O_NONBLOCK);
	if (host_watch_add(&s->s_watch, s->s_fd, EPOLLIN, space_ready, s) != 0) {
		free(s);
		return (ENOMEM);
	}
	r->r_fds[0] = -1;
	s->s_refs = 1;
	s->s_id = ++last_space;
	LIST_INSERT_HEAD(&spaces, s, s_link);
	nspaces++;
	c->c_attached = s;
	return (0);
}

static int
op_mirror(struct request *r)
{
	struct space *s = r->r_conn->c_attached;
	int fd = r->r_fds[0];

	if (s == NULL)
		return (ENOTCONN);
	if (s->s_mirror != NULL)
		return (EALREADY);
	r->r_fds[0] = -1;
	s->s_mirror = mirror_make(fd);
	return (s->s_mirror != NULL ? 0 : errno);
}

/* A program looks at the device of its own namespace, a launcher at that of its programs. */
static struct space *
looked_at(const struct conn *c)
{
	return (c->c_attached != NULL ? c->c_attached : c->c_space);
}

static void
conn_capture(struct conn *c)
{
	if (c->c_capture != NULL)
		return;
	c->c_capture = looked_at(c);
	mirror_use(c->c_capture->s_mirror, true);
}

/* Who may open raw sockets may see what the interface carries. */
static int
op_capture(struct request *r)
{
	struct conn *c = r->r_conn;

	if (!conn_owner(c) && (c->c_privs & BSOCK_PRIV_RAW) == 0)
		return (EPERM);
	if (looked_at(c)->s_mirror == NULL)
		return (ENXIO);
	conn_capture(c);
	return (0);
}

/*
 * The new connection speaks for the process that made its pair (SO_PEERCRED says who), but never
 * for more than the connection by which it came: a pair that root made and lost proves nothing.
 */
static int
op_rekey(struct request *r)
{
	struct conn *parent = r->r_conn, *c;
	struct rpc_msg head = r->r_head;
	int type = 0, domain = 0;
	socklen_t len = sizeof(int);

	if (getsockopt(r->r_fds[0], SOL_SOCKET, SO_TYPE, &type, &len) != 0 ||
	    getsockopt(r->r_fds[0], SOL_SOCKET, SO_DOMAIN, &domain, &len) != 0 ||
	    type != SOCK_SEQPACKET || domain != AF_UNIX)
		return (EINVAL);
	if (space_full(parent->c_space))
		return (EMFILE);
	c = conn_make(r->r_fds[0], parent->c_space, parent->c_path);
	r->r_fds[0] = -1;
	if (c == NULL)
		return (ENOMEM);
	c->c_hello = true;
	c->c_kind = parent->c_kind;
	if (parent->c_capture != NULL)
		conn_capture(c);
	if (conn_owner(c) && !conn_owner(parent)) {
		c->c_uid = parent->c_uid;
		c->c_gid = parent->c_gid;
	}
	c->c_privs &= parent->c_privs;
	head.m_error = 0;
	head.m_flags = 0;
	if (reply(c, &head, NULL, 0, -1) != 0)
		conn_close(c);
	r->r_silent = true;
	return (0);
}

/* ---- receiving ---- */

/* What is not a request's is closed: too many, and the handle that SO_PASSPIDFD brings. */
static void
take_fds(struct msghdr *msg, struct request *r)
{
	struct cmsghdr *cmsg;
	int fd;
	size_t i, n;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET ||
		    (cmsg->cmsg_type != SCM_RIGHTS && cmsg->cmsg_type != SCM_PIDFD))
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
			if (cmsg->cmsg_type == SCM_RIGHTS && r->r_nfds < RPC_FDS_MAX)
				r->r_fds[r->r_nfds++] = fd;
			else
				closer_close(fd, conn_key(r->r_conn));
		}
	}
}

/* NULL: well formed. Else what is wrong. */
static const char *
check(const struct request *r, size_t n, int msg_flags)
{
	const struct op *op;

	if ((msg_flags & MSG_TRUNC) != 0)
		return ("message too long");
	if (n < sizeof(r->r_head))
		return ("message shorter than a header");
	if (r->r_head.m_magic != RPC_MAGIC)
		return ("not our protocol");
	if (r->r_head.m_version != RPC_VERSION)
		return ("another version of the protocol");
	if (r->r_head.m_len != n - sizeof(r->r_head))
		return ("wrong length");
	if (r->r_head.m_op >= NOPS || ops[r->r_head.m_op].fn == NULL)
		return ("unknown request");
	op = &ops[r->r_head.m_op];
	if (r->r_conn->c_monitor)
		return ("a monitor asks nothing");
	if (!r->r_conn->c_hello && r->r_head.m_op != RPC_HELLO)
		return ("no hello first");
	if (r->r_head.m_len < op->least)
		return ("request too short");
	if (r->r_head.m_nfds != op->fds || r->r_nfds > op->fds ||
	    (r->r_nfds < op->fds && (msg_flags & MSG_CTRUNC) == 0))
		return ("wrong number of descriptors");
	return (NULL);
}

static void
finish(struct request *r, int error)
{
	struct conn *c = r->r_conn;
	struct rpc_msg head = r->r_head;

	head.m_error = error;
	head.m_flags = 0;
	if (r->r_text) {
		c->c_outhead = head;
		error = send_text(c);
		if (error == ENOBUFS)
			conn_blame(c, "too much that is not read");
		if (error != 0 && error != EAGAIN)
			conn_close(c);
		return;
	}
	error = reply(c, &head, r->r_reply, r->r_replylen, r->r_replyfd);
	if (r->r_replyfd >= 0)
		close(r->r_replyfd);
	r->r_replyfd = -1;
	if (error == 0)
		return;
	if (error != EPIPE && error != ECONNRESET)
		conn_blame(c, error == EAGAIN ? "does not read its answers" : strerror(error));
	conn_close(c);
}

/* The version is answered, so that a client of another one can say what is wrong. */
static void
refuse(struct request *r, const char *why)
{
	struct rpc_msg head = r->r_head;

	head.m_magic = RPC_MAGIC;
	head.m_version = RPC_VERSION;
	head.m_error = EPROTO;
	head.m_flags = 0;
	(void)reply(r->r_conn, &head, NULL, 0, -1);
	conn_blame(r->r_conn, why);
	conn_close(r->r_conn);
}

static void
handle(struct request *r, size_t n, int msg_flags)
{
	const char *why = check(r, n, msg_flags);
	const struct op *op;
	int error;

	if (why != NULL) {
		refuse(r, why);
		return;
	}
	op = &ops[r->r_head.m_op];
	if (r->r_nfds < op->fds)
		error = EMFILE; /* the kernel could not give us its descriptor: we have too many */
	else if (op->path_only && !r->r_conn->c_path)
		error = EPERM;
	else
		error = op->fn(r);
	if (error == BAD_REQUEST)
		refuse(r, "malformed request");
	else if (!r->r_silent)
		finish(r, error);
}

/* One message. False: there was none, and there will be none. */
static bool
receive(struct conn *c)
{
	union { /* what has no room here the kernel would close, in our time */
		char bytes[CMSG_SPACE(sizeof(int) * SCM_FDS_MAX) + CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {message, sizeof(message)};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	struct request r = {.r_conn = c, .r_reply = reply_room, .r_replyfd = -1};
	const uint64_t key = conn_key(c);
	ssize_t n;
	unsigned i;

	n = recvmsg(c->c_fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return (errno == EAGAIN || errno == EINTR);
	take_fds(&msg, &r);
	if ((size_t)n >= sizeof(r.r_head))
		memcpy(&r.r_head, message, sizeof(r.r_head));
	r.r_data = message + sizeof(r.r_head);
	if (n > 0)
		handle(&r, (size_t)n, msg.msg_flags);
	for (i = 0; i < r.r_nfds; i++)
		if (r.r_fds[i] >= 0 && r.r_ours)
			close(r.r_fds[i]);
		else if (r.r_fds[i] >= 0)
			closer_close(r.r_fds[i], key);
	return (n > 0);
}

static void
conn_ready(struct host_watch *w, uint32_t events)
{
	struct conn *c = w->w_arg;
	int error;

	if ((events & EPOLLOUT) != 0 && c->c_out != NULL) {
		error = send_text(c);
		if (error == 0)
			(void)host_watch_mod(w, EPOLLIN);
		else if (error != EAGAIN)
			conn_close(c);
	} else if (closer_behind(conn_key(c))) {
		host_watch_del(w);
	} else if (!receive(c)) {
		conn_close(c);
	}
}

/* Those that were not read from because of what they had sent. */
static void
closer_ready(struct host_watch *w, uint32_t events)
{
	struct conn *c, *next;

	(void)w;
	(void)events;
	closer_progress();
	for (c = LIST_FIRST(&conns); c != NULL; c = next) {
		next = LIST_NEXT(c, c_link);
		if (c->c_watch.w_fd < 0 && !closer_behind(conn_key(c)) &&
		    host_watch_add(&c->c_watch, c->c_fd, EPOLLIN, conn_ready, c) != 0)
			conn_close(c);
	}
	feed();
}

/* ---- the daemon's own socket ---- */

/* 0: nobody answers at that socket; EADDRINUSE: somebody does, or it is none. */
static int
probe_path(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;

	if (fd < 0)
		return (errno);
	error = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 ? 0 : errno;
	close(fd);
	return (error == ECONNREFUSED ? 0 : EADDRINUSE);
}

/* One who starts at this moment has bound his, and does not listen yet: that is waited for. */
static int
bind_path(int fd, const struct sockaddr_un *sun)
{
	int error, tries;

	if (bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0)
		return (0);
	if (errno != EADDRINUSE)
		return (errno);
	for (tries = 0; (error = probe_path(sun)) == 0 && tries < STALE_TRIES; tries++)
		(void)poll(NULL, 0, STALE_MS);
	if (error != 0)
		return (error);
	if (unlink(sun->sun_path) != 0 && errno != ENOENT)
		return (errno);
	return (bind(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 ? 0 : errno);
}

int
server_start(const char *path, gid_t group, mode_t mode)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	sigset_t alarm_set;
	mode_t mask;
	int fd, error;

	if (strlen(path) >= sizeof(sun.sun_path))
		return (ENAMETOOLONG);
	memcpy(sun.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return (errno);
	owner = geteuid();
	mask = umask(0177); /* nobody else, until group and mode are right */
	error = bind_path(fd, &sun);
	umask(mask);
	if (error == 0 && group != (gid_t)-1 && chown(path, (uid_t)-1, group) != 0)
		error = errno;
	if (error == 0 && chmod(path, mode) != 0)
		error = errno;
	if (error == 0 && listen(fd, LISTEN_BACKLOG) != 0)
		error = errno;
	if (error == 0)
		error = host_watch_add(&own_space.s_watch, fd, EPOLLIN, space_ready, &own_space);
	if (error != 0) {
		close(fd);
		return (error);
	}
	own_space.s_fd = fd;
	(void)sigaction(SIGALRM, &(struct sigaction){.sa_handler = wake}, NULL);
	sigemptyset(&alarm_set);
	sigaddset(&alarm_set, SIGALRM);
	(void)sigprocmask(SIG_UNBLOCK, &alarm_set, NULL);
	return (0);
}

int
server_watch_closer(void)
{
	int fd;

	if (!closer_start(&fd))
		return (EAGAIN);
	return (host_watch_add(&closer_watch, fd, EPOLLIN, closer_ready, NULL));
}

void
server_stop(void)
{
	struct conn *c;

	space_close_listener(&own_space);
	while ((c = LIST_FIRST(&conns)) != NULL)
		conn_close(c);
}
