/*
 * bsd_dgram.c - datagrams between a program's messages and UDP or raw sockets.
 *
 * A message is a struct rpc_dgram, Linux's control items and the payload (wire.h). Owns b_cork.
 * Called by rpc/server/pump_dgram.c and rpc/server/request.c.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/uio.h>
#include <net/if_var.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/ip.h>
#include <netinet/ip_errqueue.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>

#include "rpc/bsd/bsd_var.h"

/* ---- out ---- */

static struct mbuf *
payload_mbuf(const void *payload, size_t len)
{
	struct mbuf *m = m_get3((int)len + max_hdr, M_NOWAIT, MT_DATA, M_PKTHDR);

	if (m == NULL)
		return (NULL);
	m->m_data += max_hdr;
	memcpy(mtod(m, void *), payload, len);
	m->m_len = m->m_pkthdr.len = (int)len;
	m->m_pkthdr.rcvif = NULL;
	return (m);
}

/* On Linux a connected socket may still name a destination: its peer is no news. */
static bool
is_peer(struct socket *so, const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *to = (const struct sockaddr_in *)(const void *)ss;
	struct sockaddr_storage peer;
	const struct sockaddr_in *sin = (const struct sockaddr_in *)(const void *)&peer;

	memset(&peer, 0, sizeof(peer));
	return (sopeeraddr(so, (struct sockaddr *)&peer) == 0 &&
		sin->sin_addr.s_addr == to->sin_addr.s_addr && sin->sin_port == to->sin_port);
}

/* In a destination AF_UNSPEC is as good as AF_INET. */
static int
destination(const struct rpc_dgram *hdr, struct sockaddr_storage *ss)
{
	uint8_t addr[sizeof(hdr->d_addr.a_data)];
	const uint16_t inet = LINUX_AF_INET;

	memcpy(addr, hdr->d_addr.a_data, sizeof(addr));
	if (linux_sockaddr_unspec(addr, hdr->d_addr.a_len))
		memcpy(addr, &inet, sizeof(inet));
	return (linux_sockaddr_in(addr, hdr->d_addr.a_len, ss));
}

/* Linux fills the length in, whatever the program's own header says. */
static void
fill_length(struct bsock *b, struct mbuf *m)
{
	const struct inpcb *inp = sotoinpcb(b->b_so);
	struct ip *ip = mtod(m, struct ip *);

	if (b->b_type == LINUX_SOCK_RAW && inp != NULL && (inp->inp_flags & INP_HDRINCL) != 0 &&
	    m->m_len >= (int)sizeof(*ip))
		ip->ip_len = htons((u_short)m->m_pkthdr.len);
}

/* A datagram that may not be cut is longer than the way allows: IP_RECVERR tells how long. */
static void
too_long(struct bsock *b, const struct sockaddr *to, const void *payload, size_t len)
{
	struct sockaddr_storage peer;
	const struct sockaddr_in *sin = (const struct sockaddr_in *)(const void *)to;
	struct nhop_object *nh;

	if (to == NULL) {
		memset(&peer, 0, sizeof(peer));
		if (sopeeraddr(b->b_so, (struct sockaddr *)&peer) != 0)
			return;
		sin = (const struct sockaddr_in *)(const void *)&peer;
	}
	nh = fib4_lookup(RT_DEFAULT_FIB, sin->sin_addr, 0, NHR_NONE, 0);
	if (nh != NULL && len + sizeof(struct ip) > nh->nh_mtu)
		ip_errqueue_local(
		    sotoinpcb(b->b_so), EMSGSIZE, nh->nh_mtu, sin, payload, (u_int)len);
}

/*
 * Sends that are not refused for what became of earlier ones: a raw socket's, as on Linux, and a
 * ping socket's, whose echo requests are each about itself.
 */
static bool
sends_past_errors(const struct bsock *b)
{
	const struct inpcb *inp = sotoinpcb(b->b_so);

	if (b->b_type == LINUX_SOCK_DGRAM)
		return (b->b_protocol == IPPROTO_ICMP);
	return (b->b_type == LINUX_SOCK_RAW && inp != NULL && (inp->inp_flags & INP_HDRINCL) == 0);
}

/* A datagram before it is sent: what its first piece said of it, and its bytes so far. */
struct outgoing {
	struct sockaddr_storage to; /* ss_len 0: the connected peer */
	struct linux_send ls;
	int flags;
	struct mbuf *m; /* NULL: no piece yet */
};

static int
prepare(struct bsock *b, const struct rpc_dgram *hdr, const void *control, size_t control_len,
    struct outgoing *o)
{
	int error;

	o->to.ss_len = 0;
	o->ls = (struct linux_send){.control = NULL, .tos = -1, .ttl = -1};
	o->m = NULL;
	o->flags = MSG_DONTWAIT | (hdr != NULL ? linux_msg_flags_in(hdr->d_flags) : 0);
	if (hdr != NULL && hdr->d_addr.a_len > 0) {
		error = destination(hdr, &o->to);
		if (error != 0)
			return (error);
		if (b->b_type == LINUX_SOCK_DGRAM && b->b_protocol != IPPROTO_ICMP &&
		    satosin((struct sockaddr *)&o->to)->sin_port == 0)
			return (LINUX_EINVAL);
		if (is_peer(b->b_so, &o->to))
			o->to.ss_len = 0;
	}
	return (control_len > 0 ? linux_control_in(b, control, control_len, &o->ls) : 0);
}

/* Consumes what o holds. */
static int
launch(struct bsock *b, const struct bsock_cred *cred, struct outgoing *o)
{
	struct sockaddr *to = o->to.ss_len != 0 ? (struct sockaddr *)&o->to : NULL;
	struct socket *so = b->b_so;
	u_short pending = 0;
	int error;

	fill_length(b, o->m);
	linux_send_begin(b, &o->ls);
	if (sends_past_errors(b)) {
		pending = so->so_error;
		so->so_error = 0;
	}
	error = sosend(so, to, NULL, o->m, o->ls.control, o->flags, bsd_thread(cred));
	if (so->so_error == 0)
		so->so_error = pending;
	linux_send_end(b, &o->ls);
	return (error);
}

/* ---- MSG_MORE and UDP_CORK: a datagram in several pieces, udp(7) ---- */

static MALLOC_DEFINE(M_CORK, "udpcork", "datagrams that wait for more");

#define UDP_PAYLOAD_MAX (IP_MAXPACKET - (int)(sizeof(struct ip) + sizeof(struct udphdr)))

static bool
corked(const struct bsock *b, const struct rpc_dgram *hdr)
{
	if (!bsd_has_cork(b))
		return (false);
	return (
	    (b->b_flags & BSF_CORK) != 0 || (hdr != NULL && (hdr->d_flags & LINUX_MSG_MORE) != 0));
}

bool
bsd_has_cork(const struct bsock *b)
{
	return (b->b_type == LINUX_SOCK_DGRAM && b->b_protocol != IPPROTO_ICMP);
}

void
bsd_cork_drop(struct bsock *b)
{
	if (b->b_cork == NULL)
		return;
	m_freem(b->b_cork->m);
	m_freem(b->b_cork->ls.control);
	free(b->b_cork, M_CORK);
	b->b_cork = NULL;
}

/* What waits goes, if anything does. A BSD errno. */
static int
cork_launch(struct bsock *b, const struct bsock_cred *cred)
{
	struct outgoing o;

	if (b->b_cork == NULL)
		return (0);
	o = *b->b_cork;
	free(b->b_cork, M_CORK);
	b->b_cork = NULL;
	return (launch(b, cred, &o));
}

void
bsd_cork(struct bsock *b, bool on)
{
	b->b_flags = on ? b->b_flags | BSF_CORK : b->b_flags & ~BSF_CORK;
	if (!on)
		(void)cork_launch(b, NULL); /* Linux tells nobody either */
}

/* The first piece's address and control items are the datagram's; later ones' do not count. */
static int
cork_add(struct bsock *b, const struct rpc_dgram *hdr, const void *control, size_t control_len,
    const void *payload, size_t len)
{
	struct outgoing first;
	int error;

	if (b->b_cork == NULL) {
		error = prepare(b, hdr, control, control_len, &first);
		if (error != 0)
			return (error);
		first.m = payload_mbuf(payload, 0);
		b->b_cork = malloc(sizeof(*b->b_cork), M_CORK, M_NOWAIT);
		if (first.m == NULL || b->b_cork == NULL) {
			m_freem(first.m);
			m_freem(first.ls.control);
			free(b->b_cork, M_CORK);
			b->b_cork = NULL;
			return (LINUX_ENOBUFS);
		}
		*b->b_cork = first;
	}
	if ((int)len > UDP_PAYLOAD_MAX - b->b_cork->m->m_pkthdr.len)
		error = LINUX_EMSGSIZE;
	else
		error = m_append(b->b_cork->m, (int)len, payload) != 0 ? 0 : LINUX_ENOBUFS;
	if (error != 0)
		bsd_cork_drop(b);
	return (error);
}

int
bsock_send(struct bsock *b, const struct bsock_cred *cred, const struct rpc_dgram *hdr,
    const void *control, size_t control_len, const void *payload, size_t len)
{
	const bool more = corked(b, hdr);
	struct outgoing o;
	int error;

	if (more || b->b_cork != NULL) {
		error = cork_add(b, hdr, control, control_len, payload, len);
		return (error != 0 || more ? error : bsd_errno_to_linux(cork_launch(b, cred)));
	}
	error = prepare(b, hdr, control, control_len, &o);
	if (error != 0)
		return (error);
	o.m = payload_mbuf(payload, len);
	if (o.m == NULL) {
		m_freem(o.ls.control);
		return (LINUX_ENOBUFS);
	}
	error = launch(b, cred, &o);
	if (error == EMSGSIZE && (b->b_flags & BSF_RECVERR) != 0)
		too_long(b, o.to.ss_len != 0 ? (struct sockaddr *)&o.to : NULL, payload, len);
	return (bsd_errno_to_linux(error));
}

/* ---- in ---- */

/* ICMP_FILTER: a bit per type that the program does not want to see. */
static bool
filtered_out(const struct bsock *b, struct mbuf *m)
{
	uint8_t hl, type;

	if (b->b_icmp_filter == 0 || b->b_protocol != IPPROTO_ICMP ||
	    m_length(m, NULL) < sizeof(struct ip) + ICMP_MINLEN)
		return (false);
	m_copydata(m, 0, 1, &hl);
	if ((u_int)(hl & 0xf) * 4 >= m_length(m, NULL))
		return (false);
	m_copydata(m, (hl & 0xf) * 4, 1, &type);
	return (type < 32 && (b->b_icmp_filter & 1u << type) != 0);
}

/* Lays the message out in buf; the mbufs stay the caller's. */
static size_t
compose(struct bsock *b, const struct sockaddr *from, struct mbuf *data, struct mbuf *control,
    int flags, char *buf)
{
	struct rpc_dgram h;
	size_t len = data != NULL ? m_length(data, NULL) : 0;

	memset(&h, 0, sizeof(h));
	h.d_magic = RPC_DGRAM_MAGIC;
	h.d_hdr_len = sizeof(h);
	h.d_flags = linux_msg_flags_out(flags);
	if (from != NULL)
		linux_sockaddr_out(from, &h.d_addr);
	if (control != NULL)
		h.d_control_len = (uint16_t)linux_control_out(
		    b, control, buf + sizeof(h), RPC_CONTROL_MAX, &h.d_flags);
	h.d_payload_len = (uint32_t)len;
	memcpy(buf, &h, sizeof(h));
	if (len > 0)
		m_copydata(data, 0, (int)len, buf + sizeof(h) + h.d_control_len);
	return (sizeof(h) + h.d_control_len + len);
}

uint32_t
bsock_mark(struct bsock *b)
{
	if ((b->b_flags & BSF_RECVERR) == 0)
		return (0);
	b->b_mark = b->b_mark % RPC_MARK_NUMBER + 1;
	return (b->b_mark | (sends_past_errors(b) ? RPC_MARK_NOT_SEND : 0));
}

/* An error was taken from the queue: so_error is the next one's, if no message of it is under way.
 */
static void
next_error(struct bsock *b, uint32_t mark)
{
	struct socket *so = b->b_so;
	const int error = ip_errqueue_next(sotoinpcb(so));

	if (error == 0) {
		so->so_error = 0;
	} else if ((mark & RPC_MARK_NUMBER) == b->b_mark) {
		so->so_error = (u_short)error;
		sorwakeup(so);
	}
}

int
bsock_errqueue(struct bsock *b, uint32_t mark, void *buf, size_t size, size_t *len)
{
	struct rpc_dgram h = {
	    .d_magic = RPC_DGRAM_MAGIC, .d_hdr_len = sizeof(h), .d_flags = LINUX_MSG_ERRQUEUE};
	static u_char payload[IP_ERR_PAYLOAD_MAX];
	u_int paylen = sizeof(payload);
	struct inpcb *inp = sotoinpcb(b->b_so);
	struct ip_err ie;

	KASSERT(size >= sizeof(h) + RPC_CONTROL_MAX + sizeof(payload), ("%s: room", __func__));
	if (inp == NULL || ip_errqueue_take(inp, &ie, payload, &paylen) != 0)
		return (LINUX_EAGAIN);
	next_error(b, mark);
	linux_sockaddr_out((struct sockaddr *)&ie.ie_to, &h.d_addr);
	h.d_control_len =
	    (uint16_t)linux_error_out(b, &ie, (char *)buf + sizeof(h), RPC_CONTROL_MAX);
	h.d_payload_len = paylen;
	memcpy(buf, &h, sizeof(h));
	memcpy((char *)buf + sizeof(h) + h.d_control_len, payload, paylen);
	*len = sizeof(h) + h.d_control_len + paylen;
	return (0);
}

int
bsock_recv(struct bsock *b, void *buf, size_t size, size_t *len)
{
	struct uio uio = {.uio_segflg = UIO_SYSSPACE, .uio_rw = UIO_READ};
	struct sockaddr *from;
	struct mbuf *data, *control;
	int error, flags, keep;
	bool wanted;

	KASSERT(size >= BSOCK_DGRAM_MAX, ("%s: short buffer", __func__));
	if ((b->b_so->so_rcv.sb_state & SBS_CANTRCVMORE) != 0 && sbavail(&b->b_so->so_rcv) == 0 &&
	    b->b_so->so_error == 0)
		return (LINUX_EAGAIN);
	do {
		uio.uio_resid = RPC_DGRAM_PAYLOAD_MAX;
		flags = MSG_DONTWAIT;
		error = soreceive(b->b_so, &from, &uio, &data, &control, &flags);
		if (error != 0)
			return (bsd_errno_to_linux(error));
		keep = bsd_filter_keep(b, from, data);
		wanted = keep >= 0 && (data == NULL || !filtered_out(b, data));
		if (wanted && data != NULL && keep < (int)m_length(data, NULL))
			m_adj(data, keep - (int)m_length(data, NULL));
		if (wanted)
			*len = compose(b, from, data, control, flags, buf);
		free(from, M_SONAME);
		m_freem(control);
		m_freem(data);
	} while (!wanted);
	return (0);
}
