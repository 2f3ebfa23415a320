/*
 * ip_forward.c - IPv4 packets that are for others, when this stack is a router: RFC 1812.
 *
 * net.inet.ip.forwarding makes a router of a host. A packet that may go on (5.3.7, RFC 2644, RFC
 * 3927 7) loses one of its hops and goes to ip_output(); if that fails, or if there is a better way
 * for its sender, an ICMP message says so (4.3.3, 5.2.7). Called by ip_input().
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/kernel.h>
#include <sys/mbuf.h>
#include <sys/sysctl.h>

#include <net/if_var.h>
#include <net/route.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

VNET_DEFINE(int, ipforwarding) = 0;
VNET_DEFINE_STATIC(int, ipsendredirects) = 1;
#define V_ipsendredirects VNET(ipsendredirects)

SYSCTL_DECL(_net_inet_ip);
SYSCTL_INT_RANGE(_net_inet_ip, OID_AUTO, forwarding, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(ipforwarding), 0, 1,
    "Forward packets between interfaces: 1 this is a router, 0 a host, default 0");
SYSCTL_INT_RANGE(_net_inet_ip, OID_AUTO, redirect, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(ipsendredirects), 0, 1,
    "A router tells a sender of a nearer one, by ICMP redirect, default 1");

/* What is found out about a packet before it goes. */
struct forwarding {
	struct mbuf *m;
	struct mbuf *copy; /* its beginning, for an ICMP message; may be NULL */
	struct route ro;
	u_int mtu;
	bool redirect;
	struct in_addr nexthop;
};

/* RFC 1812 5.3.7, RFC 3927 7: addresses that mean something on one network only, or nothing. */
static bool
may_travel(struct in_addr addr)
{
	const in_addr_t a = ntohl(addr.s_addr);

	return (!IN_MULTICAST(a) && !IN_EXPERIMENTAL(a) && !IN_LOOPBACK(a) && !IN_ZERONET(a) &&
		!IN_LINKLOCAL(a));
}

/*
 * The interface that it came by may have left sums to the next one, or have put segments together.
 * What goes out must be whole again: what ip_output() or the interface will see to is put in words.
 */
static void
owe_offloads(struct mbuf *m)
{
	const struct ip *ip = mtod(m, const struct ip *);
	const u_int hlen = ip->ip_hl << 2, len = ntohs(ip->ip_len) - hlen;
	const bool valid = (m->m_pkthdr.csum_flags & CSUM_DATA_VALID) != 0;
	u_int at = ip->ip_p == IPPROTO_TCP ? offsetof(struct tcphdr, th_sum)
					   : offsetof(struct udphdr, uh_sum);
	u_short sum;

	m->m_pkthdr.csum_flags = 0;
	if (!valid || (ip->ip_off & htons(IP_MF | IP_OFFMASK)) != 0 ||
	    (ip->ip_p != IPPROTO_TCP && ip->ip_p != IPPROTO_UDP) || len < at + sizeof(sum))
		return;
	m_copydata(m, (int)(hlen + at), sizeof(sum), &sum);
	if (ip->ip_p == IPPROTO_UDP && sum == 0)
		return; /* its sender wanted none */
	sum = in_pseudo(ip->ip_src.s_addr, ip->ip_dst.s_addr, htonl(len + ip->ip_p));
	m_copyback(m, (int)(hlen + at), sizeof(sum), &sum);
	m->m_pkthdr.csum_data = (uint16_t)at;
	m->m_pkthdr.csum_flags = ip->ip_p == IPPROTO_TCP ? CSUM_TCP : CSUM_UDP;
	if (ip->ip_p == IPPROTO_TCP && m->m_pkthdr.lro_nsegs > 1 && m->m_pkthdr.lro_segsz != 0) {
		m->m_pkthdr.csum_flags |= CSUM_IP_TSO;
		m->m_pkthdr.tso_segsz = m->m_pkthdr.lro_segsz;
	}
}

/* The beginning of the packet as it came, as much as an ICMP message quotes. */
static struct mbuf *
beginning(const struct mbuf *m)
{
	const int len = imin(m->m_pkthdr.len, MHLEN);
	struct mbuf *n = m_gethdr(M_NOWAIT, MT_DATA);

	if (n == NULL)
		return (NULL);
	n->m_len = n->m_pkthdr.len = len;
	n->m_pkthdr.rcvif = m->m_pkthdr.rcvif;
	n->m_flags |= m->m_flags & (M_BCAST | M_MCAST);
	m_copydata(m, 0, len, mtod(n, char *));
	return (n);
}

/* RFC 1812 5.2.7.2: back by the way it came, to a router that the sender could have asked itself.
 */
static bool
wants_redirect(const struct forwarding *f, const struct ip *ip)
{
	struct ifnet *ifp = f->m->m_pkthdr.rcvif;
	struct sockaddr_in sin = {.sin_len = sizeof(sin), .sin_family = AF_INET};
	const struct ifaddr *ifa;

	if (V_ipsendredirects == 0 || f->ro.ro_nh->nh_ifp != ifp)
		return (false);
	sin.sin_addr = ip->ip_src;
	ifa = ifa_ifwithnet(sintosa(&sin), 0, RT_DEFAULT_FIB);
	if (ifa == NULL || ifa->ifa_ifp != ifp)
		return (false);
	sin.sin_addr = f->nexthop;
	return (ifa_ifwithnet(sintosa(&sin), 0, RT_DEFAULT_FIB) == ifa);
}

#define SAY_NOTHING (-1)

/* The next hop; false: there is none, and *code is that of the sender's "destination unreachable".
 */
static bool
find_route(struct forwarding *f, const struct ip *ip, int *code)
{
	struct nhop_object *nh =
	    fib4_lookup(RT_DEFAULT_FIB, ip->ip_dst, 0, NHR_REF, f->m->m_pkthdr.flowid);
	struct sockaddr_in *sin = (struct sockaddr_in *)&f->ro.ro_dst_ss;

	*code = ICMP_UNREACH_NET;
	if (nh == NULL)
		return (false);
	f->ro.ro_nh = nh;
	f->ro.ro_generation = V_rt_generation;
	sin->sin_len = sizeof(*sin);
	sin->sin_family = AF_INET;
	sin->sin_addr = ip->ip_dst;
	*code = ICMP_UNREACH_HOST;
	if ((nh->nh_flags & NHF_REJECT) != 0)
		return (false);
	*code = SAY_NOTHING;
	if ((nh->nh_ifp->if_flags & IFF_LOOPBACK) != 0 || in_broadcast(ip->ip_dst, nh->nh_ifp))
		return (false); /* RFC 2644: no broadcasts on others' networks */
	f->nexthop = (nh->nh_flags & NHF_GATEWAY) != 0 ? nh->gw4_sa.sin_addr : ip->ip_dst;
	f->mtu = nh->nh_ifp->if_mtu;
	if (nh->nh_mtu != 0 && nh->nh_mtu < f->mtu)
		f->mtu = nh->nh_mtu;
	return (true);
}

/* What ip_output() said, in ICMP's words. */
static void
tell_sender(struct forwarding *f, int error)
{
	struct mbuf *m = f->copy;

	f->copy = NULL;
	if (m == NULL)
		return;
	switch (error) {
	case 0:
		IPSTAT_INC(ips_redirectsent);
		icmp_error(m, ICMP_REDIRECT, ICMP_REDIRECT_HOST, f->nexthop.s_addr, 0);
		return;
	case EMSGSIZE:
		icmp_error(m, ICMP_UNREACH, ICMP_UNREACH_NEEDFRAG, 0, (int)f->mtu);
		return;
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
		icmp_error(m, ICMP_UNREACH, ICMP_UNREACH_HOST, 0, 0);
		return;
	default: /* RFC 6633: a full queue is no reason to say something */
		m_freem(m);
	}
}

static void
send_on(struct forwarding *f)
{
	struct ip *ip = mtod(f->m, struct ip *);
	int error;

	f->redirect = wants_redirect(f, ip);
	f->copy = beginning(f->m);
	owe_offloads(f->m);
	ip->ip_ttl--;
	error = ip_output(f->m, NULL, &f->ro, IP_FORWARDING, NULL, NULL);
	if (error == 0)
		IPSTAT_INC(ips_forward);
	else
		IPSTAT_INC(ips_cantforward);
	if (error != 0 || f->redirect)
		tell_sender(f, error);
	m_freem(f->copy);
}

/* m is for none of our addresses; its header is in the first mbuf, which may be written. */
void
ip_forward(struct mbuf *m)
{
	const struct ip *ip = mtod(m, const struct ip *);
	struct forwarding f = {.m = m};
	int code;

	if ((m->m_flags & (M_BCAST | M_MCAST)) != 0 || !may_travel(ip->ip_dst) ||
	    !may_travel(ip->ip_src)) {
		IPSTAT_INC(ips_cantforward);
		m_freem(m);
		return;
	}
	if (ip->ip_ttl <= 1) { /* RFC 1812 5.3.1 */
		IPSTAT_INC(ips_cantforward);
		icmp_error(m, ICMP_TIMXCEED, ICMP_TIMXCEED_INTRANS, 0, 0);
		return;
	}
	if (find_route(&f, ip, &code))
		send_on(&f);
	else {
		IPSTAT_INC(ips_cantforward);
		if (code != SAY_NOTHING)
			icmp_error(m, ICMP_UNREACH, code, 0, 0);
		else
			m_freem(m);
	}
	RO_INVALIDATE_CACHE(&f.ro);
}
