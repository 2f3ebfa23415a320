/*
 * request.c - what programs ask about sockets: one function per request.
 *
 * Each gets a request whose header and least length are checked, and the descriptor that it is
 * about; answers with a Linux errno. The value of every field is a stranger's: it is checked
 * here or where it is translated (rpc/bsd/bsd_*.c).
 *
 * A descriptor whose connection has ended is answered for from its grave; one that is not ours
 * at all is EBADF.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "rpc/bsd/linux_abi.h"
#include "rpc/server/pair.h"
#include "rpc/server/server.h"

static struct bsock_cred
cred_of(const struct request *r)
{
	return ((struct bsock_cred){
	    .uid = r->r_conn->c_uid, .gid = r->r_conn->c_gid, .privs = r->r_conn->c_privs});
}

/* Copies the fixed part of a body; its length was checked. */
#define BODY(r, var) memcpy(&(var), (r)->r_data, sizeof(var))

/* The socket of a request's descriptor: *pp, or *gp and an ended connection's answer, or errno. */
static int
find(struct request *r, struct pair **pp, struct grave **gp)
{
	uint64_t cookie;

	*gp = NULL;
	*pp = pair_by_fd(r->r_fds[0], &cookie);
	if (*pp == NULL)
		*gp = grave_find(cookie);
	r->r_ours = *pp != NULL || *gp != NULL;
	return (r->r_ours ? 0 : EBADF);
}

/* For what makes no sense any more on an ended connection: `dead` is the answer then. */
static int
find_live(struct request *r, struct pair **pp, int dead)
{
	struct grave *g;
	int error = find(r, pp, &g);

	return (error != 0 ? error : *pp == NULL ? dead : 0);
}

static int
reply_addr(struct request *r, const struct rpc_addr *addr)
{
	memcpy(r->r_reply, addr, sizeof(*addr));
	r->r_replylen = sizeof(*addr);
	return (0);
}

/* ---- making ---- */

int
request_socket(struct request *r)
{
	struct bsock_cred cred = cred_of(r);
	struct rpc_socket s;
	struct pair *p;
	struct bsock *so;
	int error, fd;

	BODY(r, s);
	if ((s.s_type & ~(LINUX_SOCK_TYPE_MASK | LINUX_SOCK_NONBLOCK | LINUX_SOCK_CLOEXEC)) != 0)
		return (EINVAL);
	error = bsock_create(s.s_domain, s.s_type & LINUX_SOCK_TYPE_MASK, s.s_protocol, &cred,
	    pair_event, NULL, &so);
	if (error != 0)
		return (error);
	error = pair_create(r->r_conn->c_space, bsock_is_stream(so), &p, &fd);
	if (error != 0) {
		bsock_close(so, false);
		return (error);
	}
	p->p_so = so;
	bsock_set_owner(so, p);
	if ((s.s_type & LINUX_SOCK_NONBLOCK) != 0)
		(void)fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	r->r_replyfd = fd;
	return (0);
}

int
request_bind(struct request *r)
{
	struct bsock_cred cred = cred_of(r);
	struct rpc_addr addr;
	struct pair *p;
	int error;

	BODY(r, addr);
	if (addr.a_len > sizeof(addr.a_data))
		return (EINVAL);
	error = find_live(r, &p, EINVAL);
	return (error != 0 ? error : bsock_bind(p->p_so, &cred, addr.a_data, addr.a_len));
}

int
request_listen(struct request *r)
{
	struct rpc_int backlog;
	struct pair *p;
	int error;

	BODY(r, backlog);
	error = find_live(r, &p, EINVAL);
	if (error != 0)
		return (error);
	error = bsock_listen(p->p_so, backlog.i_value);
	if (error == 0 && p->p_pump != &pump_listen) {
		pair_make_listener(p);
		listener_bar(p, r->r_fds[0]);
	}
	return (error);
}

/* ---- connecting ---- */

/* By which a program waits until its connection is decided. */
static int
wait_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) != 0)
		return (errno == EMFILE ? ENFILE : errno);
	if (pair_fds_left(ends[1]))
		return (0);
	close(ends[0]);
	close(ends[1]);
	return (ENFILE);
}

static int
connect_stream(struct request *r, struct pair *p, const struct rpc_connect *c)
{
	const bool nonblock = (c->c_nonblock & RPC_CONNECT_NONBLOCK) != 0;
	const bool fast = (c->c_nonblock & RPC_CONNECT_FASTOPEN) != 0;
	struct bsock_cred cred = cred_of(r);
	int ends[2] = {-1, -1}, error;

	if ((p->p_flags & PF_CONNECTING) != 0)
		return (EALREADY);
	if (!nonblock && (error = wait_pipe(ends)) != 0)
		return (error);
	error = bsock_connect(p->p_so, &cred, c->c_addr.a_data, c->c_addr.a_len, fast);
	if (error == 0 && !nonblock && bsock_is_deferred(p->p_so)) {
		(void)fcntl(ends[1], F_SETFL, O_WRONLY | O_NONBLOCK);
		p->p_wait_fd = ends[1];
		r->r_replyfd = ends[0];
		pair_ready(p);
		return (0);
	}
	if (error != EINPROGRESS) {
		if (ends[0] >= 0) {
			close(ends[0]);
			close(ends[1]);
		}
		if (error == 0)
			pair_ready(p);
		return (error);
	}
	if (nonblock) {
		(void)stream_gate(p, r->r_fds[0]);
		bsock_tell_once(p->p_so);
	} else {
		(void)fcntl(ends[1], F_SETFL, O_WRONLY | O_NONBLOCK);
		p->p_wait_fd = ends[1];
		r->r_replyfd = ends[0];
	}
	stream_connecting(p);
	return (EINPROGRESS);
}

int
request_connect(struct request *r)
{
	struct bsock_cred cred = cred_of(r);
	struct rpc_connect c;
	struct grave *g;
	struct pair *p;
	int error;

	BODY(r, c);
	if (c.c_addr.a_len > sizeof(c.c_addr.a_data))
		return (EINVAL);
	error = find(r, &p, &g);
	if (error != 0)
		return (error);
	if (p == NULL) { /* why it ended, once */
		error = g->g_error != 0 ? g->g_error : ECONNABORTED;
		g->g_error = 0;
		return (error);
	}
	if (bsock_is_stream(p->p_so))
		return (connect_stream(r, p, &c));
	return (bsock_connect(p->p_so, &cred, c.c_addr.a_data, c.c_addr.a_len, false));
}

/* ---- names ---- */

int
request_getsockname(struct request *r)
{
	struct rpc_addr addr;
	struct pair *p;
	struct grave *g;
	int error = find(r, &p, &g);

	if (error == 0 && p == NULL)
		return (reply_addr(r, &g->g_local));
	if (error == 0)
		error = bsock_sockname(p->p_so, &addr);
	return (error != 0 ? error : reply_addr(r, &addr));
}

int
request_getpeername(struct request *r)
{
	struct rpc_addr addr;
	struct pair *p;
	struct grave *g;
	int error = find(r, &p, &g);

	if (error == 0 && p == NULL)
		return (g->g_peer.a_len == 0 ? ENOTCONN : reply_addr(r, &g->g_peer));
	if (error == 0)
		error = bsock_peername(p->p_so, &addr);
	return (error != 0 ? error : reply_addr(r, &addr));
}

/* ---- options ---- */

/* A listener's, for its connections: the waiting itself is the pair's. */
static bool
keep_timeout(const struct request *r, struct pair *p, const struct rpc_sockopt *o)
{
	struct timeval *kept = o->o_name == LINUX_SO_RCVTIMEO ? &p->p_rcvtimeo : &p->p_sndtimeo;

	if (o->o_level != LINUX_SOL_SOCKET || o->o_len < sizeof(*kept) ||
	    (o->o_name != LINUX_SO_RCVTIMEO && o->o_name != LINUX_SO_SNDTIMEO))
		return (false);
	memcpy(kept, r->r_data + sizeof(*o), sizeof(*kept));
	return (true);
}

/*
 * A stream's bytes lie in the pair as well as in the stack, so what bounds them is the pair's
 * too: its kernel takes the same number. A refusal there is of no consequence.
 */
static void
size_pair(const struct request *r, struct pair *p, const struct rpc_sockopt *o)
{
	int *kept = o->o_name == LINUX_SO_SNDBUF ? &p->p_sndbuf : &p->p_rcvbuf;

	if (o->o_level != LINUX_SOL_SOCKET || !bsock_is_stream(p->p_so) ||
	    (o->o_name != LINUX_SO_SNDBUF && o->o_name != LINUX_SO_RCVBUF))
		return;
	memcpy(kept, r->r_data + sizeof(*o), sizeof(*kept));
	if (p->p_pump == &pump_stream)
		pair_size(p, r->r_fds[0]);
}

int
request_setsockopt(struct request *r)
{
	struct bsock_cred cred = cred_of(r);
	struct rpc_sockopt o;
	struct pair *p;
	int error;

	BODY(r, o);
	if (o.o_len != r->r_head.m_len - sizeof(o))
		return (BAD_REQUEST);
	if (o.o_len > (o.o_level == LINUX_SOL_SOCKET && o.o_name == LINUX_SO_ATTACH_FILTER
			      ? RPC_FILTER_MAX
			      : RPC_OPTVAL_MAX))
		return (EINVAL);
	error = find_live(r, &p, 0);
	if (error != 0 || p == NULL)
		return (error); /* of no consequence any more */
	if (p->p_pump == &pump_dgram)
		dgram_settle(p);
	error =
	    bsock_setsockopt(p->p_so, &cred, o.o_level, o.o_name, r->r_data + sizeof(o), o.o_len);
	if (error == 0)
		size_pair(r, p, &o);
	return (keep_timeout(r, p, &o) ? 0 : error);
}

static int
reply_option(struct request *r, struct rpc_sockopt *o, uint32_t len)
{
	o->o_len = len;
	memcpy(r->r_reply, o, sizeof(*o));
	r->r_replylen = sizeof(*o) + len;
	return (0);
}

/* What an ended connection's socket would say. */
static int
grave_option(struct request *r, struct rpc_sockopt *o, struct grave *g)
{
	char *val = r->r_reply + sizeof(*o);
	uint32_t len = o->o_len < sizeof(int) ? o->o_len : sizeof(int);
	int value = 0;

	if (o->o_level == LINUX_SOL_TCP && o->o_name == LINUX_TCP_INFO) {
		struct linux_tcp_info info = {.tcpi_state = 7 /* CLOSE */};

		len = o->o_len < sizeof(info) ? o->o_len : (uint32_t)sizeof(info);
		memcpy(val, &info, len);
		return (reply_option(r, o, len));
	}
	if (o->o_level == LINUX_SOL_SOCKET) {
		switch (o->o_name) {
		case LINUX_SO_ERROR:
			value = g->g_error;
			g->g_error = 0;
			break;
		case LINUX_SO_TYPE:
			value = g->g_type;
			break;
		case LINUX_SO_PROTOCOL:
			value = g->g_protocol;
			break;
		case LINUX_SO_DOMAIN:
			value = LINUX_AF_INET;
			break;
		}
	}
	memcpy(val, &value, len);
	return (reply_option(r, o, len));
}

/*
 * SO_ERROR: the pump goes first, so that an error which it is about to find ends the connection
 * in the ordinary way; then the grave answers.
 */
static int
pending_error(struct pair *p)
{
	int error = p->p_error != 0 ? p->p_error : bsock_take_error(p->p_so);

	p->p_error = 0;
	return (error);
}

int
request_getsockopt(struct request *r)
{
	struct rpc_sockopt o;
	struct pair *p;
	struct grave *g;
	uint32_t len, asked;
	int error, value;

	BODY(r, o);
	if (o.o_len > RPC_OPTVAL_MAX)
		o.o_len = RPC_OPTVAL_MAX;
	error = find(r, &p, &g);
	if (error != 0)
		return (error);
	if (p != NULL && o.o_level == LINUX_SOL_SOCKET && o.o_name == LINUX_SO_ERROR) {
		if (p->p_pump == &pump_stream) {
			if (pump_stream.run(p))
				pair_ready(p);
			error = find(r, &p, &g); /* it may have ended */
			if (error != 0)
				return (error);
		}
		if (p != NULL) {
			value = pending_error(p);
			len = o.o_len < sizeof(value) ? o.o_len : sizeof(value);
			memcpy(r->r_reply + sizeof(o), &value, len);
			return (reply_option(r, &o, len));
		}
	}
	if (p == NULL)
		return (grave_option(r, &o, g));
	len = o.o_len;
	asked = r->r_head.m_len - sizeof(o);
	memset(r->r_reply + sizeof(o), 0, len);
	memcpy(r->r_reply + sizeof(o), r->r_data + sizeof(o), asked < len ? asked : len);
	error = bsock_getsockopt(p->p_so, o.o_level, o.o_name, r->r_reply + sizeof(o), &len);
	return (error != 0 ? error : reply_option(r, &o, len));
}

/* ---- the rest ---- */

/*
 * The program's own shutdown(2) on its end follows, and does it: what it wrote before still has
 * to pass the pump. So this only says whether it may.
 */
int
request_shutdown(struct request *r)
{
	struct rpc_int how;
	struct rpc_addr peer;
	struct pair *p;
	int error;

	BODY(r, how);
	if (how.i_value < LINUX_SHUT_RD || how.i_value > LINUX_SHUT_RDWR)
		return (EINVAL);
	error = find_live(r, &p, ENOTCONN);
	if (error != 0)
		return (error);
	if (bsock_is_listening(p->p_so)) {
		if (how.i_value != LINUX_SHUT_WR)
			listener_shut(p);
		return (0);
	}
	if (!bsock_is_stream(p->p_so))
		return (bsock_shutdown(p->p_so, how.i_value));
	if ((p->p_flags & PF_FASTOPEN) != 0 || bsock_is_deferred(p->p_so))
		return (0); /* behind its data */
	return (bsock_peername(p->p_so, &peer));
}

int
request_ioctl(struct request *r)
{
	struct bsock_cred cred = cred_of(r);
	struct rpc_ioctl i;
	struct pair *p;
	char *arg = r->r_reply + sizeof(i);
	int error;

	_Static_assert(
	    sizeof(i) + RPC_IFCONF_MAX * sizeof(struct ifreq) <= REQUEST_ROOM, "they fit");
	BODY(r, i);
	if (i.i_len != r->r_head.m_len - sizeof(i))
		return (BAD_REQUEST);
	if (i.i_len > RPC_OPTVAL_MAX)
		return (EINVAL);
	memcpy(arg, r->r_data + sizeof(i), i.i_len);
	error = find_live(r, &p, EINVAL);
	if (error == 0)
		error = bsock_ioctl(
		    p->p_so, &cred, i.i_cmd, arg, &i.i_len, RPC_IFCONF_MAX * sizeof(struct ifreq));
	if (error != 0)
		return (error);
	memcpy(r->r_reply, &i, sizeof(i));
	r->r_replylen = sizeof(i) + i.i_len;
	return (0);
}

int
request_sendto(struct request *r)
{
	struct bsock_cred cred = cred_of(r);
	struct rpc_dgram h;
	struct rpc_int sent;
	struct pair *p;
	const char *control = r->r_data + sizeof(h);
	int error;

	BODY(r, h);
	if (h.d_hdr_len != sizeof(h) || h.d_control_len > RPC_CONTROL_MAX ||
	    h.d_addr.a_len > sizeof(h.d_addr.a_data) ||
	    (uint64_t)sizeof(h) + h.d_control_len + h.d_payload_len != r->r_head.m_len)
		return (BAD_REQUEST);
	if (h.d_payload_len > RPC_DGRAM_PAYLOAD_MAX)
		return (EMSGSIZE);
	error = find_live(r, &p, EPIPE);
	if (error != 0)
		return (error);
	if (bsock_is_stream(p->p_so))
		return (EOPNOTSUPP);
	error = bsock_send(p->p_so, &cred, &h, control, h.d_control_len, control + h.d_control_len,
	    h.d_payload_len);
	if (error != 0)
		return (error);
	sent.i_value = (int32_t)h.d_payload_len;
	memcpy(r->r_reply, &sent, sizeof(sent));
	r->r_replylen = sizeof(sent);
	return (0);
}

int
request_errqueue(struct request *r)
{
	struct rpc_int mark;
	struct pair *p;
	int error;

	BODY(r, mark);
	error = find_live(r, &p, EAGAIN);
	_Static_assert(BSOCK_ERROR_MAX <= REQUEST_ROOM, "an error fits");
	if (error != 0)
		return (error);
	if (bsock_is_stream(p->p_so))
		return (EAGAIN);
	return (bsock_errqueue(
	    p->p_so, (uint32_t)mark.i_value, r->r_reply, REQUEST_ROOM, &r->r_replylen));
}
