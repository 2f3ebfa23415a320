/*
 * ping_usrreq.c - ICMP echo for programs without privileges: SOCK_DGRAM of IPPROTO_ICMP.
 *
 * The model is Linux's icmp(7) and Darwin's: a socket sends echo requests only, whose
 * identifier is its port; what it receives are the replies with that identifier, without the IP
 * header, and errors about its requests. Owns V_pingcbinfo. Called by icmp_input() for replies
 * and errors; net.inet.icmp.ping_users says whether there are such sockets.
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

#define PING_MAXDGRAM (IP_MAXPACKET - sizeof(struct ip))
#define PING_RECVSPACE (128 * 1024) /* bytes */

VNET_DEFINE(struct inpcbinfo, pingcbinfo);
VNET_DEFINE_STATIC(int, ping_users) = 1;
#define V_ping_users VNET(ping_users)
SYSCTL_DECL(_net_inet_icmp);
SYSCTL_INT_RANGE(_net_inet_icmp, OID_AUTO, ping_users, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(ping_users), 0, 1,
    "Every user may send echo requests by datagram sockets of ICMP, default 1; 0: root only");

static void
ping_vnet_init(const void *unused __unused)
{
	in_pcbinfo_init(&V_pingcbinfo, "ping", 16, 16);
}
VNET_SYSINIT(ping_init, SI_SUB_PROTO_DOMAIN, SI_ORDER_THIRD, ping_vnet_init, NULL);

static void
ping_vnet_destroy(const void *unused __unused)
{
	in_pcbinfo_destroy(&V_pingcbinfo);
}
VNET_SYSUNINIT(ping, SI_SUB_PROTO_DOMAIN, SI_ORDER_THIRD, ping_vnet_destroy, NULL);

/* ---- in ---- */

static struct inpcb *
ping_lookup(struct in_addr faddr, struct in_addr laddr, u_short id)
{
	struct inpcbport *phd = in_pcbport_find(&V_pingcbinfo, id);
	struct inpcb *inp;

	if (phd == NULL)
		return (NULL);
	LIST_FOREACH (inp, &phd->phd_pcblist, inp_portlist)
		if ((inp->inp_laddr.s_addr == INADDR_ANY ||
			inp->inp_laddr.s_addr == laddr.s_addr) &&
		    (inp->inp_faddr.s_addr == INADDR_ANY ||
			inp->inp_faddr.s_addr == faddr.s_addr) &&
		    inp->inp_socket != NULL)
			return (inp);
	return (NULL);
}

void
ping_input(struct mbuf *m, u_int hlen)
{
	const struct ip *ip = mtod(m, const struct ip *);
	const struct icmp *icp = (const struct icmp *)(mtod(m, char *) + hlen);
	struct sockaddr_in from = {
	    .sin_len = sizeof(from), .sin_family = AF_INET, .sin_addr = ip->ip_src};
	struct inpcb *inp = ping_lookup(ip->ip_src, ip->ip_dst, icp->icmp_id);
	struct mbuf *n, *opts = NULL;
	struct socket *so;

	if (inp == NULL || inp->inp_ip_minttl > ip->ip_ttl)
		return;
	so = inp->inp_socket;
	if (so->so_bound_if != 0 && so->so_bound_if != m->m_pkthdr.rcvif->if_index)
		return;
	n = m_copypacket(m, M_NOWAIT);
	if (n != NULL && n->m_len < (int)hlen)
		n = m_pullup(n, (int)hlen);
	if (n == NULL)
		return;
	if ((inp->inp_flags & INP_CONTROLOPTS) != 0 || (so->so_options & SO_TIMESTAMP) != 0)
		ip_savecontrol(inp, &opts, mtod(n, struct ip *), n);
	m_adj(n, (int)hlen);
	if (sbappendaddr(&so->so_rcv, sintosa(&from), n, opts) == 0) {
		IPSTAT_INC(ips_odropped);
		m_freem(n);
		m_freem(opts);
		return;
	}
	sorwakeup(so);
}

/* An ICMP error that quotes an echo request: whose it was. */
void
ping_ctlinput(struct icmp *icp)
{
	const struct ip *ip = &icp->icmp_ip;
	const struct icmp *echo = (const struct icmp *)((const char *)ip + (ip->ip_hl << 2));
	const int error = icmp_errmap(icp);
	struct inpcb *inp;

	if ((ntohs(ip->ip_off) & IP_OFFMASK) != 0 || echo->icmp_type != ICMP_ECHO)
		return;
	inp = ping_lookup(ip->ip_dst, ip->ip_src, echo->icmp_id);
	if (inp != NULL)
		ip_ctl_report(inp, icp, error, 0, 0);
}

/* ---- out ---- */

static int
ping_have_id(struct inpcb *inp, struct ucred *cred)
{
	u_short id;
	int error;

	if (inp->inp_lport != 0)
		return (0);
	error = in_pcb_lport_dest(
	    inp, inp->inp_laddr, &id, (struct in_addr){INADDR_ANY}, 0, cred, INPLOOKUP_WILDCARD);
	if (error != 0)
		return (error);
	inp->inp_lport = id;
	error = in_pcbinshash(inp);
	if (error != 0)
		inp->inp_lport = 0;
	else
		inp->inp_flags |= INP_ANONPORT;
	return (error);
}

static int
ping_destination(const struct inpcb *inp, const struct sockaddr *nam, struct in_addr *dst)
{
	*dst = inp->inp_faddr;
	if (nam == NULL)
		return (dst->s_addr == INADDR_ANY ? EDESTADDRREQ : 0);
	if (nam->sa_family != AF_INET)
		return (EAFNOSUPPORT);
	if (nam->sa_len != sizeof(struct sockaddr_in))
		return (EINVAL);
	*dst = ((const struct sockaddr_in *)(const void *)nam)->sin_addr;
	if (dst->s_addr == INADDR_ANY)
		dst->s_addr = htonl(INADDR_LOOPBACK);
	return (0);
}

/* The request is the program's but for its identifier and checksum. Consumes m. */
static int
ping_output(struct inpcb *inp, struct mbuf *m, struct in_addr dst)
{
	struct icmp *icp;
	struct ip *ip;
	int flags = 0;

	M_PREPEND(m, (int)sizeof(struct ip), M_NOWAIT);
	if (m != NULL && m->m_len < (int)sizeof(struct ip) + ICMP_MINLEN)
		m = m_pullup(m, (int)sizeof(struct ip) + ICMP_MINLEN);
	if (m == NULL)
		return (ENOBUFS);
	ip = mtod(m, struct ip *);
	memset(ip, 0, sizeof(*ip));
	ip->ip_tos = inp->inp_ip_tos;
	ip->ip_off = (inp->inp_flags & INP_DONTFRAG) != 0 ? htons(IP_DF) : 0;
	ip->ip_p = IPPROTO_ICMP;
	ip->ip_len = htons((u_short)m->m_pkthdr.len);
	ip->ip_src = inp->inp_laddr;
	ip->ip_dst = dst;
	ip->ip_ttl = inp->inp_ip_ttl;
	icp = (struct icmp *)(void *)(ip + 1);
	icp->icmp_id = inp->inp_lport;
	icp->icmp_cksum = 0;
	icp->icmp_cksum = in_cksum_skip(m, m->m_pkthdr.len, (int)sizeof(struct ip));
	if ((inp->inp_socket->so_options & SO_DONTROUTE) != 0)
		flags |= IP_ROUTETOIF;
	if ((inp->inp_socket->so_options & SO_BROADCAST) != 0)
		flags |= IP_ALLOWBROADCAST;
	return (ip_output(m, inp->inp_options, NULL, flags, inp->inp_moptions, inp));
}

static int
ping_send(struct socket *so, int flags, struct mbuf *m, struct sockaddr *nam, struct mbuf *control,
    struct thread *td)
{
	struct inpcb *inp = sotoinpcb(so);
	struct in_addr dst;
	u_char head[2];
	int error = 0;

	m_freem(control);
	if (m == NULL)
		return (0);
	if ((flags & PRUS_OOB) != 0)
		error = EOPNOTSUPP;
	else if (m->m_pkthdr.len < ICMP_MINLEN)
		error = EINVAL;
	else if (m->m_pkthdr.len + (int)ip_optlen(inp) > (int)PING_MAXDGRAM)
		error = EMSGSIZE;
	if (error == 0)
		error = ping_destination(inp, nam, &dst);
	if (error == 0) {
		m_copydata(m, 0, sizeof(head), head);
		if (head[0] != ICMP_ECHO || head[1] != 0)
			error = EINVAL;
	}
	if (error == 0)
		error = ping_have_id(inp, PR_CRED(so, td));
	if (error != 0) {
		m_freem(m);
		return (error);
	}
	return (ping_output(inp, m, dst));
}

/* ---- sockets ---- */

static int
ping_attach(struct socket *so, int proto __unused, struct thread *td)
{
	int error;

	if (V_ping_users == 0 && priv_check_cred(PR_CRED(so, td), PRIV_NETINET_RAW) != 0)
		return (EACCES);
	error = soreserve(so, PING_MAXDGRAM, PING_RECVSPACE);
	if (error == 0)
		error = in_pcballoc(so, &V_pingcbinfo);
	if (error == 0)
		sotoinpcb(so)->inp_ip_p = IPPROTO_ICMP;
	return (error);
}

static void
ping_detach(struct socket *so)
{
	in_pcbfree(sotoinpcb(so));
}

/* Any identifier may be asked for: none belongs to the privileged. */
static int
ping_bind(struct socket *so, struct sockaddr *nam, struct thread *td __unused)
{
	return (in_pcbbind(sotoinpcb(so), satosin(nam), kern_cred));
}

static int
ping_disconnect(struct socket *so)
{
	if ((so->so_state & SS_ISCONNECTED) == 0)
		return (ENOTCONN);
	sotoinpcb(so)->inp_faddr.s_addr = INADDR_ANY;
	so->so_state &= ~SS_ISCONNECTED;
	return (0);
}

static int
ping_connect(struct socket *so, struct sockaddr *nam, struct thread *td)
{
	struct inpcb *inp = sotoinpcb(so);
	struct in_addr dst;
	int error;

	if (nam->sa_family == AF_UNSPEC) {
		(void)ping_disconnect(so);
		return (0);
	}
	error = ping_destination(inp, nam, &dst);
	if (error == 0)
		error = ping_have_id(inp, PR_CRED(so, td));
	if (error != 0)
		return (error);
	inp->inp_faddr = dst;
	soisconnected(so);
	return (0);
}

static void
ping_close(struct socket *so)
{
	(void)ping_disconnect(so);
	soisdisconnected(so);
}

static int
ping_shutdown(struct socket *so, int how __unused)
{
	return ((so->so_state & SS_ISCONNECTED) != 0 ? 0 : ENOTCONN);
}

static int
ping_peeraddr(struct socket *so, struct sockaddr *sa)
{
	return ((so->so_state & SS_ISCONNECTED) != 0 ? in_getpeeraddr(so, sa) : ENOTCONN);
}

struct protosw ping_protosw = {
    .pr_type = SOCK_DGRAM,
    .pr_protocol = IPPROTO_ICMP,
    .pr_flags = PR_ATOMIC | PR_ADDR,
    .pr_ctloutput = ip_ctloutput,
    .pr_abort = ping_close,
    .pr_attach = ping_attach,
    .pr_bind = ping_bind,
    .pr_close = ping_close,
    .pr_connect = ping_connect,
    .pr_control = in_control,
    .pr_detach = ping_detach,
    .pr_disconnect = ping_disconnect,
    .pr_peeraddr = ping_peeraddr,
    .pr_send = ping_send,
    .pr_shutdown = ping_shutdown,
    .pr_sockaddr = in_getsockaddr,
};
