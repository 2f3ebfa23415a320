/*
 * raw_ip.c - raw sockets over IPv4, ip(4) and icmp(4): SOCK_RAW of any protocol.
 *
 * Owns V_ripcbinfo. Gets from ip_input() the packets of protocols that have no
 * handler, and from icmp_input() the messages that ICMP does not keep to itself;
 * a packet is copied to every socket whose protocol and addresses fit. Only the
 * privileged (PRIV_NETINET_RAW) have such sockets.
 *
 * Packets are read with their IP header, all fields in network order, and written
 * so with IP_HDRINCL; otherwise a header is put in front.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/domain.h>
#include <sys/mbuf.h>
#include <sys/priv.h>
#include <sys/proc.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>

#include <net/if_var.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_errqueue.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>
#include <netinet/udp_var.h>

VNET_DEFINE(struct inpcbinfo, ripcbinfo);
VNET_DEFINE_STATIC(u_long, rip_sendspace) = IP_MAXPACKET;
#define V_rip_sendspace VNET(rip_sendspace)
VNET_DEFINE_STATIC(u_long, rip_recvspace) = 128 * 1024;
#define V_rip_recvspace VNET(rip_recvspace)

SYSCTL_DECL(_net_inet_raw);
SYSCTL_ULONG_RANGE(_net_inet_raw, OID_AUTO, maxdgram, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(rip_sendspace), 576, IP_MAXPACKET,
    "Bytes of the largest packet that may be sent, default 65535");
SYSCTL_ULONG_RANGE(_net_inet_raw, OID_AUTO, recvspace, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(rip_recvspace), 576, 16777216,
    "Bytes that a socket's receive queue holds, default 131072");

static void
rip_vnet_init(const void *unused __unused)
{
	in_pcbinfo_init(&V_ripcbinfo, "rip", 1, 1);
}
VNET_SYSINIT(rip_init, SI_SUB_PROTO_DOMAIN, SI_ORDER_THIRD, rip_vnet_init, NULL);

static void
rip_vnet_destroy(const void *unused __unused)
{
	in_pcbinfo_destroy(&V_ripcbinfo);
}
VNET_SYSUNINIT(rip, SI_SUB_PROTO_DOMAIN, SI_ORDER_THIRD, rip_vnet_destroy, NULL);

/* Consumes n. */
static void
rip_append(struct inpcb *inp, const struct ip *ip, struct mbuf *n)
{
	struct sockaddr_in from = {
	    .sin_len = sizeof(from), .sin_family = AF_INET, .sin_addr = ip->ip_src};
	struct socket *so = inp->inp_socket;
	struct mbuf *opts = NULL;

	if ((inp->inp_flags & INP_CONTROLOPTS) != 0 || (so->so_options & SO_TIMESTAMP) != 0)
		ip_savecontrol(inp, &opts, mtod(n, struct ip *), n);
	if (sbappendaddr(&so->so_rcv, sintosa(&from), n, opts) == 0) {
		IPSTAT_INC(ips_odropped);
		m_freem(n);
		m_freem(opts);
		return;
	}
	sorwakeup(so);
}

static bool
rip_match(const struct inpcb *inp, const struct ip *ip, const struct ifnet *ifp)
{
	const struct socket *so = inp->inp_socket;

	if (so == NULL || (inp->inp_vflag & INP_IPV4) == 0)
		return (false);
	if (inp->inp_ip_p != 0 && inp->inp_ip_p != ip->ip_p)
		return (false);
	if (so->so_bound_if != 0 && so->so_bound_if != ifp->if_index)
		return (false);
	if (inp->inp_ip_minttl > ip->ip_ttl)
		return (false);
	if (inp->inp_laddr.s_addr != INADDR_ANY && inp->inp_laddr.s_addr != ip->ip_dst.s_addr)
		return (false);
	if (inp->inp_faddr.s_addr != INADDR_ANY && inp->inp_faddr.s_addr != ip->ip_src.s_addr)
		return (false);
	return (!IN_MULTICAST(ntohl(ip->ip_dst.s_addr)) || inp->inp_moptions == NULL ||
		imo_member(inp->inp_moptions, ip->ip_dst, ip->ip_src, ifp));
}

struct rip_delivery {
	struct mbuf *m;
	const struct ip *ip;
	bool found;
};

static bool
rip_deliver_one(struct inpcb *inp, void *arg)
{
	struct rip_delivery *d = arg;
	struct mbuf *n;

	if (!rip_match(inp, d->ip, d->m->m_pkthdr.rcvif))
		return (true);
	d->found = true;
	n = m_copypacket(d->m, M_NOWAIT);
	if (n != NULL && n->m_len < d->ip->ip_hl << 2)
		n = m_pullup(n, d->ip->ip_hl << 2);
	if (n != NULL)
		rip_append(inp, d->ip, n);
	return (true);
}

int
rip_input(struct mbuf **mp, int *offp __unused, int proto)
{
	struct mbuf *m = *mp;
	struct rip_delivery d = {.m = m, .ip = mtod(m, const struct ip *)};

	*mp = NULL;
	in_pcbforeach(&V_ripcbinfo, rip_deliver_one, &d);
	if (d.found || ip_protox[proto] != rip_input) {
		m_freem(m);
		return (IPPROTO_DONE);
	}
	IPSTAT_INC(ips_noproto);
	V_ipstat.ips_delivered--;
	icmp_error(m, ICMP_UNREACH, ICMP_UNREACH_PROTOCOL, 0, 0);
	return (IPPROTO_DONE);
}

VNET_DEFINE_STATIC(int, rip_copies) = 1;
#define V_rip_copies VNET(rip_copies)
SYSCTL_INT_RANGE(_net_inet_raw, OID_AUTO, copies, CTLFLAG_VNET | CTLFLAG_RW, &VNET_NAME(rip_copies),
    0, 1,
    "Raw sockets get copies of what TCP and UDP receive, as on Linux, default 1; 0: as on BSD");

void
rip_copy(struct mbuf *m)
{
	struct rip_delivery d = {.m = m, .ip = mtod(m, const struct ip *)};

	if (V_rip_copies != 0)
		in_pcbforeach(&V_ripcbinfo, rip_deliver_one, &d);
}

struct rip_report {
	struct icmp *icp;
	int error;
};

static bool
rip_report_one(struct inpcb *inp, void *arg)
{
	struct rip_report *r = arg;
	const struct ip *ip = &r->icp->icmp_ip;

	if (inp->inp_socket != NULL && inp->inp_ip_p == ip->ip_p &&
	    (inp->inp_laddr.s_addr == INADDR_ANY || inp->inp_laddr.s_addr == ip->ip_src.s_addr) &&
	    (inp->inp_faddr.s_addr == INADDR_ANY || inp->inp_faddr.s_addr == ip->ip_dst.s_addr))
		ip_ctl_report(inp, r->icp, r->error, 0, 0);
	return (true);
}

void
rip_ctlinput(struct icmp *icp)
{
	struct rip_report r = {.icp = icp, .error = icmp_errmap(icp)};

	in_pcbforeach(&V_ripcbinfo, rip_report_one, &r);
}

/* A header of our making before the program's payload. NULL: no memory. */
static struct mbuf *
rip_header(const struct inpcb *inp, struct mbuf *m, struct in_addr dst)
{
	struct ip *ip;

	M_PREPEND(m, (int)sizeof(struct ip), M_NOWAIT);
	if (m == NULL)
		return (NULL);
	ip = mtod(m, struct ip *);
	ip->ip_tos = inp->inp_ip_tos;
	ip->ip_off = (inp->inp_flags & INP_DONTFRAG) != 0 ? htons(IP_DF) : 0;
	ip->ip_p = inp->inp_ip_p;
	ip->ip_len = htons((u_short)m->m_pkthdr.len);
	ip->ip_src = inp->inp_laddr;
	ip->ip_dst = dst;
	ip->ip_ttl = inp->inp_ip_ttl;
	return (m);
}

/* IP_HDRINCL: what must be right in the program's header is seen to. EINVAL consumes *mp. */
static int
rip_check_header(const struct inpcb *inp, struct mbuf **mp)
{
	struct mbuf *m = *mp;
	struct ip *ip;
	u_int hlen;

	if (m->m_pkthdr.len < (int)sizeof(struct ip))
		goto invalid;
	hlen = (u_int)(mtod(m, u_char *)[0] & 0xf) << 2;
	if (m->m_len < (int)sizeof(struct ip)) {
		*mp = m = m_pullup(m, sizeof(struct ip));
		if (m == NULL)
			return (ENOBUFS);
		hlen = (u_int)mtod(m, struct ip *)->ip_hl << 2;
	}
	if (hlen < sizeof(struct ip) || (int)hlen > m->m_pkthdr.len)
		goto invalid;
	if (!M_WRITABLE(m) && (*mp = m = m_unshare(m, M_NOWAIT)) == NULL)
		return (ENOBUFS);
	if (m->m_len < (int)hlen && (*mp = m = m_pullup(m, (int)hlen)) == NULL)
		return (ENOBUFS);
	ip = mtod(m, struct ip *);
	if (ntohs(ip->ip_len) != m->m_pkthdr.len)
		goto invalid;
	ip->ip_v = IPVERSION;
	if (ip->ip_src.s_addr == INADDR_ANY)
		ip->ip_src = inp->inp_laddr;
	if (ip->ip_id == 0)
		ip_fillid(ip);
	return (0);
invalid:
	m_freem(m);
	*mp = NULL;
	return (EINVAL);
}

static int
rip_output(struct inpcb *inp, struct mbuf *m, struct in_addr dst)
{
	const struct socket *so = inp->inp_socket;
	struct mbuf *opt = NULL;
	int error, flags = 0;

	if ((so->so_options & SO_DONTROUTE) != 0)
		flags |= IP_ROUTETOIF;
	if ((so->so_options & SO_BROADCAST) != 0)
		flags |= IP_ALLOWBROADCAST;
	if ((inp->inp_flags & INP_ONESBCAST) != 0)
		flags |= IP_SENDONES;
	if ((inp->inp_flags & INP_HDRINCL) != 0) {
		if (m->m_pkthdr.len > IP_MAXPACKET) {
			m_freem(m);
			return (EMSGSIZE);
		}
		error = rip_check_header(inp, &m);
		if (error != 0)
			return (error);
		flags |= IP_RAWOUTPUT;
		IPSTAT_INC(ips_rawout);
	} else {
		if (m->m_pkthdr.len + (int)sizeof(struct ip) + (int)ip_optlen(inp) > IP_MAXPACKET) {
			m_freem(m);
			return (EMSGSIZE);
		}
		m = rip_header(inp, m, dst);
		if (m == NULL)
			return (ENOBUFS);
		opt = inp->inp_options;
	}
	return (ip_output(m, opt, NULL, flags, inp->inp_moptions, inp));
}

static int
rip_send(struct socket *so, int flags __unused, struct mbuf *m, struct sockaddr *nam,
    struct mbuf *control, struct thread *td __unused)
{
	struct inpcb *inp = sotoinpcb(so);
	struct in_addr dst = inp->inp_faddr;
	int error = 0;

	m_freem(control);
	if (m == NULL)
		return (0);
	if ((so->so_state & SS_ISCONNECTED) != 0 && nam != NULL &&
	    (inp->inp_flags & INP_SENDANY) == 0)
		error = EISCONN;
	else if ((so->so_state & SS_ISCONNECTED) != 0 && nam == NULL)
		error = 0;
	else if (nam == NULL)
		error = EDESTADDRREQ;
	else if (nam->sa_family != AF_INET)
		error = EAFNOSUPPORT;
	else if (nam->sa_len != sizeof(struct sockaddr_in))
		error = EINVAL;
	else
		dst = satosin(nam)->sin_addr;
	if (error != 0) {
		m_freem(m);
		return (error);
	}
	return (rip_output(inp, m, dst));
}

static int
rip_attach(struct socket *so, int proto, struct thread *td)
{
	struct inpcb *inp;
	int error;

	error = priv_check_cred(PR_CRED(so, td), PRIV_NETINET_RAW);
	if (error != 0)
		return (error);
	if (proto < 0 || proto >= IPPROTO_MAX)
		return (EPROTONOSUPPORT);
	error = soreserve(so, V_rip_sendspace, V_rip_recvspace);
	if (error == 0)
		error = in_pcballoc(so, &V_ripcbinfo);
	if (error != 0)
		return (error);
	inp = sotoinpcb(so);
	inp->inp_ip_p = (uint8_t)proto;
	/* raw(4): protocol 255 is only ever sent with the program's own header */
	if (proto == IPPROTO_RAW)
		inp->inp_flags |= INP_HDRINCL;
	return (0);
}

static void
rip_detach(struct socket *so)
{
	in_pcbfree(sotoinpcb(so));
}

static int
rip_disconnect(struct socket *so)
{
	if ((so->so_state & SS_ISCONNECTED) == 0)
		return (ENOTCONN);
	sotoinpcb(so)->inp_faddr.s_addr = INADDR_ANY;
	so->so_state &= ~SS_ISCONNECTED;
	return (0);
}

static void
rip_close(struct socket *so)
{
	sotoinpcb(so)->inp_faddr.s_addr = INADDR_ANY;
	soisdisconnected(so);
}

static int
check_sin(const struct sockaddr *nam)
{
	if (nam->sa_family != AF_INET)
		return (EAFNOSUPPORT);
	return (nam->sa_len == sizeof(struct sockaddr_in) ? 0 : EINVAL);
}

static int
rip_bind(struct socket *so, struct sockaddr *nam, struct thread *td __unused)
{
	struct inpcb *inp = sotoinpcb(so);
	struct in_addr addr;
	int error = check_sin(nam);

	if (error != 0)
		return (error);
	addr = satosin(nam)->sin_addr;
	if (addr.s_addr != INADDR_ANY && !in_bindable(addr) &&
	    (inp->inp_flags & INP_BINDANY) == 0 && !IN_MULTICAST(ntohl(addr.s_addr)) &&
	    ifa_ifwithbroadaddr(nam, RT_DEFAULT_FIB) == NULL)
		return (EADDRNOTAVAIL);
	inp->inp_laddr = addr;
	return (0);
}

static int
rip_connect(struct socket *so, struct sockaddr *nam, struct thread *td __unused)
{
	int error;

	if (nam->sa_family == AF_UNSPEC) {
		(void)rip_disconnect(so);
		return (0);
	}
	error = check_sin(nam);
	if (error != 0)
		return (error);
	if (TAILQ_EMPTY(&V_in_ifaddrhead))
		return (EADDRNOTAVAIL);
	sotoinpcb(so)->inp_faddr = satosin(nam)->sin_addr;
	soisconnected(so);
	return (0);
}

static int
rip_shutdown(struct socket *so, int how __unused)
{
	return ((so->so_state & SS_ISCONNECTED) != 0 ? 0 : ENOTCONN);
}

static int
rip_peeraddr(struct socket *so, struct sockaddr *sa)
{
	if ((so->so_state & SS_ISCONNECTED) == 0)
		return (ENOTCONN);
	return (in_getpeeraddr(so, sa));
}

int
rip_ctloutput(struct socket *so, struct sockopt *sopt)
{
	struct inpcb *inp = sotoinpcb(so);
	int error, optval;

	if (sopt->sopt_level != IPPROTO_IP || sopt->sopt_name != IP_HDRINCL)
		return (ip_ctloutput(so, sopt));
	if (sopt->sopt_dir == SOPT_GET) {
		optval = (inp->inp_flags & INP_HDRINCL) != 0;
		return (sooptcopyout(sopt, &optval, sizeof(optval)));
	}
	error = sooptcopyin(sopt, &optval, sizeof(optval), sizeof(optval));
	if (error != 0)
		return (error);
	if (optval != 0)
		inp->inp_flags |= INP_HDRINCL;
	else
		inp->inp_flags &= ~INP_HDRINCL;
	return (0);
}

#define RIP_PROTOSW(proto)                                                                         \
	{                                                                                          \
		.pr_type = SOCK_RAW, .pr_protocol = (proto), .pr_flags = PR_ATOMIC | PR_ADDR,      \
		.pr_ctloutput = rip_ctloutput, .pr_abort = rip_close, .pr_attach = rip_attach,     \
		.pr_bind = rip_bind, .pr_close = rip_close, .pr_connect = rip_connect,             \
		.pr_control = in_control, .pr_detach = rip_detach,                                 \
		.pr_disconnect = rip_disconnect, .pr_peeraddr = rip_peeraddr, .pr_send = rip_send, \
		.pr_shutdown = rip_shutdown, .pr_sockaddr = in_getsockaddr,                        \
	}

struct protosw rip_protosw = RIP_PROTOSW(0); /* any other */
struct protosw rip_icmp_protosw = RIP_PROTOSW(IPPROTO_ICMP);
struct protosw rip_igmp_protosw = RIP_PROTOSW(IPPROTO_IGMP);
