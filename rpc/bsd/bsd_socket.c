/*
 * bsd_socket.c - the server's sockets, in the kernel world: what rpc/bsd/bsock.h promises, by the
 * calls of socket(9). Values are Linux's outside and BSD's inside; bsd_linux.c, bsd_sockopt.c and
 * bsd_ioctl.c translate.
 *
 * Owns struct bsock, one per socket, reachable from the socket by its upcalls' argument. Called
 * by rpc/server/request.c and the pumps. Tunables: bsd_limits.c.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/proc.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/ucred.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp.h>
#include <netinet/tcp_var.h>

#include "rpc/bsd/bsd_var.h"

#define MAX_CREDS 64	     /* creds kept for reuse */
#define COPY_MAX (16 * 1024) /* bytes: reads up to this are copied, and the big buffer stays */

static MALLOC_DEFINE(M_BSOCK, "bsock", "sockets of programs");

/* ---- who asks ---- */

/* Sockets keep their cred, so equal ones are shared: the last few are remembered. */
CTASSERT(BSOCK_PRIV_BIND == CRP_NET_BIND && BSOCK_PRIV_RAW == CRP_NET_RAW &&
	 BSOCK_PRIV_ADMIN == CRP_NET_ADMIN);

struct ucred *
bsd_ucred(const struct bsock_cred *c)
{
	static struct ucred *known[MAX_CREDS];
	u_int slot;
	struct ucred *cr;

	if (c == NULL)
		return (kern_cred);
	slot = (c->uid * 31 + c->gid * 7 + c->privs) % MAX_CREDS;
	cr = known[slot];
	if (cr != NULL && cr->cr_uid == c->uid && cr->cr_gid == c->gid && cr->cr_privs == c->privs)
		return (cr);
	if (cr != NULL)
		crfree(cr);
	cr = crget();
	cr->cr_uid = cr->cr_ruid = c->uid;
	cr->cr_gid = c->gid;
	cr->cr_privs = c->privs;
	known[slot] = cr;
	return (cr);
}

struct thread *
bsd_thread(const struct bsock_cred *c)
{
	static struct thread td;

	td.td_ucred = bsd_ucred(c);
	return (&td);
}

/* ---- upcalls ---- */

static int
upcall_read(struct socket *so __unused, void *arg, int flags __unused)
{
	struct bsock *b = arg;

	b->b_event(b->b_owner, BSOCK_READ);
	return (SU_OK);
}

static int
upcall_write(struct socket *so __unused, void *arg, int flags __unused)
{
	struct bsock *b = arg;

	b->b_event(b->b_owner, BSOCK_WRITE);
	return (SU_OK);
}

/* Before stale numbers could turn a connection away, the real one is asked for. */
static int
upcall_listen(struct socket *so, void *arg, int flags __unused)
{
	struct bsock *b = arg;

	if (b->b_held != NULL && so->sol_qheld > 0 &&
	    (so->sol_qlen + so->sol_qheld) * 2 >= so->sol_qlimit)
		so->sol_qheld = b->b_held(b->b_owner);
	b->b_event(b->b_owner, BSOCK_READ);
	return (SU_OK);
}

/* ---- life ---- */

static void
hook(struct bsock *b, struct socket *so)
{
	b->b_so = so;
	so->so_emuldata = b;
	soupcall_set(so, SO_RCV, upcall_read, b);
	soupcall_set(so, SO_SND, upcall_write, b);
}

static struct bsock *
bsock_alloc(struct socket *so, bsock_event_fn *event, void *owner)
{
	static uint64_t last_id;
	struct bsock *b = malloc(sizeof(*b), M_BSOCK, M_NOWAIT | M_ZERO);

	if (b == NULL)
		return (NULL);
	b->b_event = event;
	b->b_owner = owner;
	b->b_id = ++last_id;
	b->b_mtu_discover = LINUX_IP_PMTUDISC_WANT;
	bsd_kept_init(b);
	hook(b, so);
	return (b);
}

/* Linux's combinations of type and protocol: 0, or the errno that Linux has for it. */
static int
check_type(int domain, int type, int protocol)
{
	if (domain != LINUX_AF_INET)
		return (LINUX_EAFNOSUPPORT);
	if (type < 0 || type > LINUX_SOCK_MAX || protocol < 0 || protocol >= LINUX_IPPROTO_MAX)
		return (LINUX_EINVAL);
	if (protocol >= IPPROTO_MAX)
		return (type == 0 || type > LINUX_SOCK_RAW ? LINUX_ESOCKTNOSUPPORT
							   : LINUX_EPROTONOSUPPORT);
	switch (type) {
	case LINUX_SOCK_STREAM:
		return (protocol == 0 || protocol == IPPROTO_TCP ? 0 : LINUX_EPROTONOSUPPORT);
	case LINUX_SOCK_DGRAM:
		return (protocol == 0 || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
				protocol == IPPROTO_ICMP
			    ? 0
			    : LINUX_EPROTONOSUPPORT);
	case LINUX_SOCK_RAW:
		return (protocol == 0 ? LINUX_EPROTONOSUPPORT : 0);
	default:
		return (LINUX_ESOCKTNOSUPPORT);
	}
}

int
bsock_create(int domain, int type, int protocol, const struct bsock_cred *cred,
    bsock_event_fn *event, void *owner, struct bsock **bp)
{
	int error = check_type(domain, type, protocol), one = 1;
	struct socket *so;
	struct bsock *b;

	if (error != 0)
		return (error);
	error = socreate(AF_INET, &so, type, protocol, bsd_ucred(cred), bsd_thread(cred));
	if (error != 0)
		return (bsd_errno_to_linux(error));
	b = bsock_alloc(so, event, owner);
	if (b == NULL) {
		(void)soclose(so);
		return (LINUX_ENOMEM);
	}
	b->b_type = type;
	b->b_protocol = protocol != 0		    ? protocol
			: type == LINUX_SOCK_STREAM ? IPPROTO_TCP
						    : IPPROTO_UDP;
	if (type != LINUX_SOCK_STREAM) {
		(void)so_setsockopt(so, IPPROTO_IP, IP_SENDANY_ALPINE, &one, sizeof(one));
		(void)soreserve(so, (u_long)bsock_limits.dgram_buf, (u_long)bsock_limits.dgram_buf);
	}
	/* IPPROTO_RAW means on Linux that the program brings the header */
	if (type == LINUX_SOCK_RAW && protocol == IPPROTO_RAW)
		(void)so_setsockopt(so, IPPROTO_IP, IP_HDRINCL, &one, sizeof(one));
	*bp = b;
	return (0);
}

void
bsock_close(struct bsock *b, bool reset)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};
	struct socket *so = b->b_so;

	if (reset && b->b_type == LINUX_SOCK_STREAM)
		(void)so_setsockopt(so, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	so->so_emuldata = NULL;
	bsd_filter_free(b);
	bsd_cork_drop(b);
	(void)soclose(so); /* clears the upcalls */
	free(b, M_BSOCK);
}

void
bsock_set_owner(struct bsock *b, void *owner)
{
	b->b_owner = owner;
}

bool
bsock_is_stream(const struct bsock *b)
{
	return (b->b_type == LINUX_SOCK_STREAM);
}

/* ---- addresses ---- */

int
bsock_bind(struct bsock *b, const struct bsock_cred *cred, const void *addr, size_t len)
{
	struct sockaddr_storage ss;
	int error;

	error = linux_sockaddr_in(addr, len, &ss);
	if (error != 0)
		return (error);
	error = sobind(b->b_so, (struct sockaddr *)&ss, bsd_thread(cred));
	if (error == 0)
		b->b_bound = ss;
	return (bsd_errno_to_linux(error));
}

/* Linux: a raw socket that is connected has the address that its packets go out with. */
static void
raw_source(struct bsock *b, struct sockaddr_in *sin)
{
	struct inpcb *inp = sotoinpcb(b->b_so);

	if (b->b_type == LINUX_SOCK_RAW && inp != NULL && sin->sin_addr.s_addr == INADDR_ANY &&
	    (b->b_so->so_state & SS_ISCONNECTED) != 0)
		(void)in_pcbladdr(inp, &inp->inp_faddr, &sin->sin_addr, NULL);
}

int
bsock_sockname(struct bsock *b, struct rpc_addr *addr)
{
	struct sockaddr_storage ss;
	int error;

	memset(&ss, 0, sizeof(ss));
	error = sosockaddr(b->b_so, (struct sockaddr *)&ss);
	if (error == 0)
		raw_source(b, satosin((struct sockaddr *)&ss));
	if (error == 0)
		linux_sockaddr_out((struct sockaddr *)&ss, addr);
	return (bsd_errno_to_linux(error));
}

int
bsock_peername(struct bsock *b, struct rpc_addr *addr)
{
	struct sockaddr_storage ss;
	int error;

	memset(&ss, 0, sizeof(ss));
	error = sopeeraddr(b->b_so, (struct sockaddr *)&ss);
	if (error == 0)
		linux_sockaddr_out((struct sockaddr *)&ss, addr);
	return (bsd_errno_to_linux(error));
}

/* ---- connecting ---- */

bool
bsock_is_connecting(const struct bsock *b)
{
	return ((b->b_flags & BSF_CONNECTING) != 0);
}

bool
bsock_is_deferred(const struct bsock *b)
{
	return ((b->b_flags & BSF_DEFERRED) != 0);
}

struct sockaddr *
bsd_deferred_peer(struct bsock *b)
{
	if ((b->b_flags & BSF_DEFERRED) == 0)
		return (NULL);
	b->b_flags = (b->b_flags & ~BSF_DEFERRED) | BSF_CONNECTING;
	return ((struct sockaddr *)&b->b_peer);
}

/* AF_UNSPEC: a datagram socket is nobody's any more. A stream's would be a reset on Linux. */
static int
dissolve(struct bsock *b)
{
	int error;

	if (b->b_type == LINUX_SOCK_STREAM)
		return ((b->b_so->so_state &
			    (SS_ISCONNECTED | SS_ISCONNECTING | SS_ISDISCONNECTING)) == 0
			    ? 0
			    : LINUX_EAFNOSUPPORT);
	error = sodisconnect(b->b_so);
	return (error == ENOTCONN ? 0 : bsd_errno_to_linux(error));
}

/*
 * On Linux a socket whose connect() failed may connect again; a BSD socket is of no use then. So
 * it is replaced by a fresh one with the same options and, if it was bound, address.
 */
static int
renew(struct bsock *b)
{
	struct socket *old = b->b_so, *so;
	struct bsock_cred cred = {
	    old->so_cred->cr_uid, old->so_cred->cr_gid, old->so_cred->cr_privs};
	int error;

	error =
	    socreate(AF_INET, &so, old->so_type, b->b_protocol, old->so_cred, bsd_thread(&cred));
	if (error != 0)
		return (error);
	bsd_copy_options(old, so);
	old->so_emuldata = NULL;
	(void)soclose(old);
	hook(b, so);
	if (b->b_bound.ss_len != 0)
		error = sobind(so, (struct sockaddr *)&b->b_bound, bsd_thread(&cred));
	return (error);
}

/*
 * RFC 7413: a socket that will have data for its SYN. True: the server's cookie is known, and the
 * connection begins with the first bytes of the program; otherwise the SYN asks for one.
 */
static bool
defer_connect(struct bsock *b, const struct sockaddr_storage *peer)
{
	struct inpcb *inp = sotoinpcb(b->b_so);
	const struct sockaddr_in *sin = (const void *)peer;
	struct in_conninfo inc = inp->inp_inc;
	int one = 1;

	if (so_setsockopt(b->b_so, IPPROTO_TCP, TCP_FASTOPEN, &one, sizeof(one)) != 0)
		return (false);
	inc.inc_faddr = sin->sin_addr;
	inc.inc_fport = sin->sin_port;
	if (inc.inc_laddr.s_addr == INADDR_ANY &&
	    in_pcbladdr(inp, &inc.inc_faddr, &inc.inc_laddr, b->b_so->so_cred) != 0)
		return (false);
	if (!tcp_fastopen_known(&inc))
		return (false);
	b->b_peer = *peer;
	b->b_flags |= BSF_DEFERRED;
	return (true);
}

static bool
is_group(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)(const void *)ss;

	return (
	    IN_MULTICAST(ntohl(sin->sin_addr.s_addr)) || sin->sin_addr.s_addr == INADDR_BROADCAST);
}

void
bsock_tell_once(struct bsock *b)
{
	b->b_flags |= BSF_TELL;
}

int
bsock_connect(
    struct bsock *b, const struct bsock_cred *cred, const void *addr, size_t len, bool fast)
{
	struct socket *so = b->b_so;
	struct sockaddr_storage ss;
	int error;

	if (linux_sockaddr_unspec(addr, len))
		return (fast ? LINUX_EOPNOTSUPP : dissolve(b));
	if (fast && !tcp_fastopen_client_enabled())
		return (LINUX_EOPNOTSUPP);
	if ((b->b_flags & BSF_DEFERRED) != 0)
		return (LINUX_EALREADY);
	error = linux_sockaddr_in(addr, len, &ss);
	if (error != 0)
		return (error);
	/* Linux: whoever began it without waiting is told once */
	if ((b->b_flags & BSF_TELL) != 0 && (so->so_state & SS_ISCONNECTED) != 0) {
		b->b_flags &= ~BSF_TELL;
		return (0);
	}
	if (SOLISTENING(so) || (b->b_type == LINUX_SOCK_STREAM &&
				   (so->so_state & (SS_ISCONNECTED | SS_ISDISCONNECTING)) != 0))
		return (LINUX_EISCONN);
	if (b->b_type == LINUX_SOCK_STREAM && is_group(&ss))
		return (LINUX_ENETUNREACH);
	if (b->b_type == LINUX_SOCK_STREAM && (so->so_snd.sb_state & SBS_CANTSENDMORE) != 0) {
		error = renew(b);
		if (error != 0)
			return (bsd_errno_to_linux(error));
		so = b->b_so;
	}
	if (b->b_type == LINUX_SOCK_STREAM && (fast || (b->b_flags & BSF_FASTOPEN) != 0) &&
	    (so->so_state & SS_ISCONNECTING) == 0 && defer_connect(b, &ss))
		return (0);
	error = soconnect(so, (struct sockaddr *)&ss, bsd_thread(cred));
	if (error != 0)
		return (bsd_errno_to_linux(error));
	if ((so->so_state & SS_ISCONNECTING) == 0)
		return (bsock_take_error(b));
	b->b_flags |= BSF_CONNECTING;
	return (LINUX_EINPROGRESS);
}

int
bsock_connect_result(struct bsock *b)
{
	struct socket *so = b->b_so;
	int error;

	if ((so->so_state & SS_ISCONNECTING) != 0 && so->so_error == 0)
		return (LINUX_EINPROGRESS);
	b->b_flags &= ~BSF_CONNECTING;
	if ((so->so_state & SS_ISCONNECTED) != 0)
		return (0); /* an error since then is the connection's */
	error = bsock_take_error(b);
	return (error != 0 ? error : LINUX_ECONNREFUSED);
}

int
bsock_shutdown(struct bsock *b, int how)
{
	/* SHUT_* are the same numbers */
	if (b->b_type != LINUX_SOCK_STREAM && (b->b_so->so_state & SS_ISCONNECTED) == 0)
		return (LINUX_ENOTCONN);
	return (bsd_errno_to_linux(soshutdown(b->b_so, how)));
}

int
bsock_take_error(struct bsock *b)
{
	int error = b->b_so->so_error;

	b->b_so->so_error = 0;
	return (bsd_errno_to_linux(error));
}

/* ---- listeners ---- */

int
bsock_listen(struct bsock *b, int backlog)
{
	struct socket *so = b->b_so;
	int error;

	if (b->b_type != LINUX_SOCK_STREAM)
		return (LINUX_EOPNOTSUPP);
	if ((so->so_state & (SS_ISCONNECTED | SS_ISCONNECTING | SS_ISDISCONNECTING)) != 0)
		return (LINUX_EINVAL);
	error = solisten(so, backlog, bsd_thread(NULL));
	if (error != 0)
		return (bsd_errno_to_linux(error));
	soupcall_clear(so, SO_RCV);
	soupcall_clear(so, SO_SND);
	solisten_upcall_set(so, upcall_listen, b);
	return (0);
}

bool
bsock_is_listening(const struct bsock *b)
{
	return (SOLISTENING(b->b_so));
}

unsigned
bsock_backlog(const struct bsock *b)
{
	return (b->b_so->sol_qlimit);
}

void
bsock_set_held(struct bsock *b, unsigned n)
{
	b->b_so->sol_qheld = n;
}

void
bsock_set_held_fn(struct bsock *b, bsock_held_fn *fn)
{
	b->b_held = fn;
}

int
bsock_accept(struct bsock *listener, void *owner, struct bsock **bp, struct rpc_accept *record)
{
	struct sockaddr_storage ss;
	struct socket *so;
	struct bsock *b;
	int error;

	error = solisten_dequeue(listener->b_so, &so, 0);
	if (error != 0)
		return (error == ECONNABORTED ? LINUX_EAGAIN : bsd_errno_to_linux(error));
	b = bsock_alloc(so, listener->b_event, owner);
	if (b == NULL) {
		(void)soclose(so);
		return (LINUX_ENOMEM);
	}
	b->b_type = listener->b_type;
	b->b_protocol = listener->b_protocol;
	memcpy(b->b_kept, listener->b_kept, sizeof(b->b_kept));
	b->b_mtu_discover = listener->b_mtu_discover;
	memset(record, 0, sizeof(*record));
	record->a_magic = RPC_ACCEPT_MAGIC;
	memset(&ss, 0, sizeof(ss));
	/* One that was reset meanwhile is handed over too: its first read says so. */
	if (soaccept(so, (struct sockaddr *)&ss) == 0)
		linux_sockaddr_out((struct sockaddr *)&ss, &record->a_peer);
	(void)bsock_sockname(b, &record->a_local);
	*bp = b;
	return (0);
}

/* ---- streams ---- */

bool
bsock_may_send(const struct bsock *b)
{
	const struct socket *so = b->b_so;

	return ((so->so_snd.sb_state & SBS_CANTSENDMORE) == 0 &&
		((so->so_state & SS_ISCONNECTED) != 0 || (b->b_flags & BSF_DEFERRED) != 0));
}

size_t
bsock_space(struct bsock *b)
{
	long space;

	if (!bsock_may_send(b))
		return (0);
	space = sbspace(&b->b_so->so_snd);
	if (b->b_notsent_lowat != 0)
		space = lmin(space, (long)b->b_notsent_lowat - (long)tcp_notsent(b->b_so));
	return (space > 0 ? (size_t)space : 0);
}

/*
 * One buffer serves all sockets: big reads give it away as they are, small ones are copied out
 * of it, which costs little (the bytes are in the cache) and keeps a byte from pinning 64 KiB.
 */
static struct mbuf *spare;

void *
bsock_buffer(size_t *room)
{
	if (spare == NULL)
		spare = m_get3(MJUM64BYTES, M_NOWAIT, MT_DATA, 0);
	if (spare == NULL)
		return (NULL);
	*room = (size_t)m_trailingspace(spare);
	if (*room > 64 * 1024)
		*room = 64 * 1024;
	return (mtod(spare, void *));
}

static struct mbuf *
take_buffer(size_t n)
{
	struct mbuf *m;

	if (n > COPY_MAX) {
		m = spare;
		spare = NULL;
		m->m_len = (int)n;
		return (m);
	}
	m = m_get3((int)n, M_NOWAIT, MT_DATA, 0);
	if (m == NULL)
		return (NULL);
	memcpy(mtod(m, void *), mtod(spare, void *), n);
	m->m_len = (int)n;
	return (m);
}

int
bsock_write(struct bsock *b, size_t n, bool more)
{
	struct sockaddr *peer = bsd_deferred_peer(b);
	struct mbuf *m = take_buffer(n);
	int error;

	if (m == NULL) { /* rather the buffer itself than bytes lost */
		m = spare;
		spare = NULL;
		m->m_len = (int)n;
	}
	error = sosend(b->b_so, peer, NULL, m, NULL,
	    MSG_DONTWAIT | (more && peer == NULL ? MSG_MORETOCOME : 0), bsd_thread(NULL));
	if (error != 0 && peer != NULL)
		b->b_flags &= ~BSF_CONNECTING;
	/* the bytes are in the send buffer by then: TCP tries again */
	return (error == ENOBUFS ? 0 : bsd_errno_to_linux(error));
}

int
bsock_write_urgent(struct bsock *b, uint8_t byte)
{
	struct mbuf *m = m_get(M_NOWAIT, MT_DATA);

	if (m == NULL)
		return (LINUX_ENOBUFS);
	*mtod(m, uint8_t *) = byte;
	m->m_len = 1;
	return (bsd_errno_to_linux(
	    sosend(b->b_so, NULL, NULL, m, NULL, MSG_DONTWAIT | MSG_OOB, bsd_thread(NULL))));
}

CTASSERT(sizeof(struct link_iov) == sizeof(struct iovec));

int
bsock_peek(struct bsock *b, struct link_iov *iov, int *niov, size_t max)
{
	struct socket *so = b->b_so;

	/* a socket that never was connected has no end to tell */
	if ((so->so_state & (SS_ISCONNECTED | SS_ISDISCONNECTING | SS_ISDISCONNECTED)) == 0 &&
	    so->so_error == 0) {
		*niov = 0;
		return (LINUX_ENOTCONN);
	}
	return (bsd_errno_to_linux(sopeekiov(so, (struct iovec *)(void *)iov, niov, max)));
}

int
bsock_drop(struct bsock *b, size_t n)
{
	return (bsd_errno_to_linux(sodropiov(b->b_so, n)));
}

/*
 * The urgent byte is at hand as soon as its segment came; the mark says where in the stream it
 * stood. In line it stays in the stream, and the mark is of no use to the pair.
 */
long
bsock_urgent_mark(const struct bsock *b)
{
	const struct socket *so = b->b_so;

	if ((so->so_options & SO_OOBINLINE) != 0)
		return (-1);
	if ((so->so_rcv.sb_state & SBS_RCVATMARK) != 0)
		return (0);
	return (so->so_oobmark != 0 ? (long)so->so_oobmark : -1);
}

int
bsock_read_urgent(struct bsock *b, uint8_t *byte, bool take)
{
	struct iovec iov = {byte, 1};
	struct uio uio = {
	    .uio_iov = &iov,
	    .uio_iovcnt = 1,
	    .uio_resid = 1,
	    .uio_segflg = UIO_SYSSPACE,
	    .uio_rw = UIO_READ,
	};
	int flags = MSG_OOB | MSG_DONTWAIT | (take ? 0 : MSG_PEEK), error;

	error = soreceive(b->b_so, NULL, &uio, NULL, NULL, &flags);
	if (error == 0 && uio.uio_resid != 0)
		error = EINVAL;
	return (bsd_errno_to_linux(error));
}
