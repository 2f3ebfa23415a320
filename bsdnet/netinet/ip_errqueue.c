/*
 * ip_errqueue.c - errors about packets that a socket sent, kept until the program reads them.
 *
 * Owns inp_errq of sockets with IP_RECVERR_ALPINE: one record for each error, a struct ip_err with
 * the beginning of the packet's payload, bounded by net.inet.ip.errqueue_max; what comes when it
 * is full is not kept. Called by the transports' ctlinput, and by who reads it.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/mbuf.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <sys/time.h>

#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/ip.h>
#include <netinet/ip_errqueue.h>
#include <netinet/ip_icmp.h>

VNET_DEFINE_STATIC(int, errqueue_max) = 64;
#define V_errqueue_max VNET(errqueue_max)
SYSCTL_DECL(_net_inet_ip);
SYSCTL_INT_RANGE(_net_inet_ip, OID_AUTO, errqueue_max, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(errqueue_max), 1, 4096,
    "Errors that are kept for a socket which asked for them, 1..4096, default 64");

static void
enqueue(struct inpcb *inp, const struct ip_err *ie, const void *payload, u_int len)
{
	struct mbuf *m, **mp = &inp->inp_errq;
	int n = 0;

	for (; *mp != NULL; mp = &(*mp)->m_nextpkt)
		n++;
	if (n >= V_errqueue_max)
		return;
	len = min(len, IP_ERR_PAYLOAD_MAX);
	m = m_get3((int)(sizeof(*ie) + len), M_NOWAIT, MT_DATA, 0);
	if (m == NULL)
		return;
	memcpy(mtod(m, char *), ie, sizeof(*ie));
	if (len > 0)
		memcpy(mtod(m, char *) + sizeof(*ie), payload, len);
	m->m_len = (int)(sizeof(*ie) + len);
	*mp = m;
}

void
ip_errqueue_icmp(struct inpcb *inp, const struct icmp *icp, u_short port, u_int skip)
{
	static u_char payload[IP_ERR_PAYLOAD_MAX];
	struct ip_err ie = {
	    .ie_error = icmp_errmap(icp),
	    .ie_origin = IP_ERR_ICMP,
	    .ie_type = icp->icmp_type,
	    .ie_code = icp->icmp_code,
	    .ie_to = {.sin_len = sizeof(ie.ie_to), .sin_family = AF_INET, .sin_port = port},
	};
	struct ip outer;
	u_int len = sizeof(payload);

	if (ie.ie_error == 0)
		ie.ie_error = EPROTO; /* what has no errno of its own */
	if (ie.ie_error == EMSGSIZE)
		ie.ie_info = ntohs(icp->icmp_nextmtu);
	ie.ie_to.sin_addr = icp->icmp_ip.ip_dst;
	getmicrotime(&ie.ie_when);
	icmp_quoting(icp, &outer, skip, payload, &len);
	ie.ie_ttl = outer.ip_ttl;
	ie.ie_offender = outer.ip_src;
	enqueue(inp, &ie, payload, len);
}

void
ip_errqueue_local(struct inpcb *inp, int error, uint32_t info, const struct sockaddr_in *to,
    const void *payload, u_int len)
{
	struct ip_err ie = {
	    .ie_error = error, .ie_origin = IP_ERR_LOCAL, .ie_info = info, .ie_to = *to};

	getmicrotime(&ie.ie_when);
	enqueue(inp, &ie, payload, len);
}

/*
 * so_error, where the socket is connected or wants errors. An upcall may close it.
 */
void
ip_ctl_report(struct inpcb *inp, const struct icmp *icp, int error, u_short port, u_int skip)
{
	struct socket *so = inp->inp_socket;

	if ((inp->inp_flags & INP_RECVERR) != 0)
		ip_errqueue_icmp(inp, icp, port, skip);
	else if (error == 0 || (so->so_state & SS_ISCONNECTED) == 0)
		return;
	in_pcbref(inp);
	so->so_error = (u_short)(error != 0 ? error : EPROTO);
	sorwakeup(so);
	if (inp->inp_socket != NULL)
		sowwakeup(inp->inp_socket);
	in_pcbrele(inp);
}

int
ip_errqueue_take(struct inpcb *inp, struct ip_err *ie, void *payload, u_int *len)
{
	struct mbuf *m = inp->inp_errq;

	if (m == NULL)
		return (EAGAIN);
	inp->inp_errq = m->m_nextpkt;
	m->m_nextpkt = NULL;
	memcpy(ie, mtod(m, char *), sizeof(*ie));
	*len = min(*len, (u_int)m->m_len - (u_int)sizeof(*ie));
	memcpy(payload, mtod(m, char *) + sizeof(*ie), *len);
	m_freem(m);
	return (0);
}

int
ip_errqueue_next(const struct inpcb *inp)
{
	struct ip_err ie;

	if (inp->inp_errq == NULL)
		return (0);
	memcpy(&ie, mtod(inp->inp_errq, char *), sizeof(ie));
	return (ie.ie_error);
}

void
ip_errqueue_drain(struct inpcb *inp)
{
	struct mbuf *m;

	while ((m = inp->inp_errq) != NULL) {
		inp->inp_errq = m->m_nextpkt;
		m->m_nextpkt = NULL;
		m_freem(m);
	}
}
