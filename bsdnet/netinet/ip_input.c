/*
 * ip_input.c - IPv4 on the way in: RFC 791 and RFC 1122 3.2.
 *
 * A packet is checked, cut to its length, found to be for us, for others (a router:
 * ip_forward.c) or dropped, has its options seen to, is reassembled (ip_reass.c) and
 * goes to the protocol that ip_protox[] names. Each way to be dropped has a counter in ipstat.
 * Owns ip_protox[] and ip_ctlprotox[]. Called by netisr(9) for NETISR_IP.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/mbuf.h>
#include <sys/sysctl.h>

#include <net/if_var.h>
#include <net/netisr.h>
#include <net/pfil.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>
#include <netinet/udp_var.h>

VNET_DEFINE(struct ipstat, ipstat);
VNET_DEFINE(pfil_head_t, inet_pfil_head);
VNET_DEFINE(int, ip_defttl) = IPDEFTTL;
VNET_DEFINE_STATIC(int, ip_strong_es) = 0;
#define V_ip_strong_es VNET(ip_strong_es)
VNET_DEFINE_STATIC(int, ip_sav) = 1;
#define V_ip_sav VNET(ip_sav)

SYSCTL_DECL(_net_inet_ip);
SYSCTL_INT_RANGE(_net_inet_ip, OID_AUTO, ttl, CTLFLAG_VNET | CTLFLAG_RW, &VNET_NAME(ip_defttl), 1,
    MAXTTL, "Time to live of the packets that we send, hops, 1..255, default 64");
SYSCTL_INT_RANGE(_net_inet_ip, OID_AUTO, rfc1122_strong_es, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(ip_strong_es), 0, 1,
    "Take a packet only by the interface that has its destination address (RFC 1122 3.3.4.2), "
    "default 0");
SYSCTL_INT_RANGE(_net_inet_ip, OID_AUTO, source_address_validation, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(ip_sav), 0, 1,
    "Drop packets from the wire that carry an address of ours as their source, default 1");
SYSCTL_VNET_PCPUSTAT(_net_inet_ip, OID_AUTO, stats, ipstat, ipstat, "IP counters, struct ipstat");

/* Protocols that nobody registered go to raw IP, which refuses what it has no socket for. */
ipproto_input_t *ip_protox[IPPROTO_MAX] = {[0 ... IPPROTO_MAX - 1] = rip_input};
ipproto_ctlinput_t *ip_ctlprotox[IPPROTO_MAX];

int
ipproto_register(uint8_t proto, ipproto_input_t *input, ipproto_ctlinput_t *ctlinput)
{
	if (ip_protox[proto] != rip_input)
		return (EEXIST);
	ip_protox[proto] = input;
	ip_ctlprotox[proto] = ctlinput;
	return (0);
}

int
ipproto_unregister(uint8_t proto)
{
	if (ip_protox[proto] == rip_input)
		return (ENOENT);
	ip_protox[proto] = rip_input;
	ip_ctlprotox[proto] = NULL;
	return (0);
}

static struct netisr_handler ip_nh = {
    .nh_name = "ip",
    .nh_handler = ip_input,
    .nh_proto = NETISR_IP,
    .nh_policy = NETISR_POLICY_FLOW,
};

static void
ip_init(const void *unused __unused)
{
	netisr_register(&ip_nh);
}
SYSINIT(ip_init, SI_SUB_PROTO_DOMAIN, SI_ORDER_THIRD, ip_init, NULL);

static struct mbuf *
drop(struct mbuf *m, uint64_t *counter)
{
	(*counter)++;
	m_freem(m);
	return (NULL);
}

/* The header, whole in the first mbuf and as RFC 791 says; the packet no longer than it says. */
static struct mbuf *
check_header(struct mbuf *m)
{
	struct ip *ip;
	u_int hlen, len;
	u_short sum;

	if (m->m_pkthdr.len < (int)sizeof(struct ip))
		return (drop(m, &V_ipstat.ips_tooshort));
	if (m->m_len < (int)sizeof(struct ip) && (m = m_pullup(m, sizeof(struct ip))) == NULL) {
		IPSTAT_INC(ips_toosmall);
		return (NULL);
	}
	ip = mtod(m, struct ip *);
	if (ip->ip_v != IPVERSION)
		return (drop(m, &V_ipstat.ips_badvers));
	hlen = ip->ip_hl << 2;
	if (hlen < sizeof(struct ip))
		return (drop(m, &V_ipstat.ips_badhlen));
	if (hlen > (u_int)m->m_len) {
		if (hlen > (u_int)m->m_pkthdr.len)
			return (drop(m, &V_ipstat.ips_badhlen));
		if ((m = m_pullup(m, (int)hlen)) == NULL) {
			IPSTAT_INC(ips_badhlen);
			return (NULL);
		}
		ip = mtod(m, struct ip *);
	}
	if ((m->m_pkthdr.csum_flags & CSUM_IP_CHECKED) != 0)
		sum = (m->m_pkthdr.csum_flags & CSUM_IP_VALID) == 0;
	else
		sum = hlen == sizeof(struct ip) ? in_cksum_hdr(ip) : in_cksum(m, (int)hlen);
	if (sum != 0)
		return (drop(m, &V_ipstat.ips_badsum));
	len = ntohs(ip->ip_len);
	if (len < hlen)
		return (drop(m, &V_ipstat.ips_badlen));
	if (len > (u_int)m->m_pkthdr.len)
		return (drop(m, &V_ipstat.ips_tooshort));
	if (len < (u_int)m->m_pkthdr.len)
		m_adj(m, (int)len - m->m_pkthdr.len); /* the link's padding */
	return (m);
}

/* RFC 1122 3.2.1.3: addresses that nothing on a wire may carry. */
static bool
bad_addresses(const struct mbuf *m, const struct ip *ip)
{
	const struct ifnet *ifp = m->m_pkthdr.rcvif;
	const in_addr_t src = ntohl(ip->ip_src.s_addr), dst = ntohl(ip->ip_dst.s_addr);

	if (IN_MULTICAST(src) || src == INADDR_BROADCAST)
		return (true);
	if ((ifp->if_flags & IFF_LOOPBACK) != 0)
		return (false);
	if (IN_LOOPBACK(src) || IN_LOOPBACK(dst))
		return (true);
	/* our own broadcasts and multicasts come back to us; nothing else does */
	if (V_ip_sav != 0 && (m->m_flags & (M_BCAST | M_MCAST)) == 0 && !IN_MULTICAST(dst) &&
	    in_localip(ip->ip_src))
		return (true);
	/* "this host" speaks only to everybody */
	return (src == INADDR_ANY && dst != INADDR_BROADCAST && !IN_MULTICAST(dst) &&
		(m->m_flags & (M_BCAST | M_MCAST)) == 0);
}

enum ip_verdict { IP_OURS, IP_NOTMEMBER, IP_BADADDR, IP_NOTOURS };

static enum ip_verdict
is_ours(const struct mbuf *m, const struct ip *ip)
{
	struct ifnet *ifp = m->m_pkthdr.rcvif;
	struct in_ifaddr *ia = in_ifaddr_lookup(ip->ip_dst);
	const bool loop = (ifp->if_flags & IFF_LOOPBACK) != 0;

	if (ia != NULL) {
		/* RFC 1122 3.3.6: a link broadcast carries no unicast datagram */
		if ((m->m_flags & M_BCAST) != 0 && !loop)
			return (IP_BADADDR);
		if (V_ip_strong_es != 0 && !loop && ia->ia_ifp != ifp)
			return (IP_BADADDR);
		return (IP_OURS);
	}
	if (IN_MULTICAST(ntohl(ip->ip_dst.s_addr)))
		return (ip->ip_dst.s_addr == htonl(INADDR_ALLHOSTS_GROUP) ||
				inm_lookup(ifp, ip->ip_dst) != NULL
			    ? IP_OURS
			    : IP_NOTMEMBER);
	if (loop && IN_LOOPBACK(ntohl(ip->ip_dst.s_addr)))
		return (IP_OURS);
	if (ip->ip_dst.s_addr == INADDR_BROADCAST || in_broadcast(ip->ip_dst, ifp))
		return (IP_OURS);
	/* 0.0.0.0 was a broadcast once, and is one still if the link says so */
	if (ip->ip_dst.s_addr == INADDR_ANY && (m->m_flags & M_BCAST) != 0)
		return (IP_OURS);
	return (IP_NOTOURS);
}

/* *forward: for another host, and we are a router. */
static struct mbuf *
check_destination(struct mbuf *m, bool *forward)
{
	const struct ip *ip = mtod(m, const struct ip *);

	switch (is_ours(m, ip)) {
	case IP_OURS:
		return (m);
	case IP_NOTMEMBER:
		return (drop(m, &V_ipstat.ips_notmember));
	case IP_BADADDR:
		return (drop(m, &V_ipstat.ips_badaddr));
	default:
		*forward = V_ipforwarding != 0;
		return (*forward ? m : drop(m, &V_ipstat.ips_cantforward));
	}
}

static void
pfil_vnet_init(const void *unused __unused)
{
	struct pfil_head_args pa = {
	    .pa_version = PFIL_VERSION,
	    .pa_flags = PFIL_IN | PFIL_OUT,
	    .pa_type = PFIL_TYPE_IP4,
	    .pa_headname = PFIL_INET_NAME,
	};

	V_inet_pfil_head = pfil_head_register(&pa);
}
VNET_SYSINIT(inet_pfil, SI_SUB_PROTO_PFIL, SI_ORDER_FIRST, pfil_vnet_init, NULL);

static void
pfil_vnet_uninit(const void *unused __unused)
{
	pfil_head_unregister(V_inet_pfil_head);
}
VNET_SYSUNINIT(inet_pfil, SI_SUB_PROTO_PFIL, SI_ORDER_FIRST, pfil_vnet_uninit, NULL);

static struct mbuf *
writable_header(struct mbuf *m)
{
	const int hlen = mtod(m, struct ip *)->ip_hl << 2;

	if (!M_WRITABLE(m))
		m = m_unshare(m, M_NOWAIT);
	if (m != NULL && m->m_len < hlen)
		m = m_pullup(m, hlen);
	return (m);
}

static void
deliver(struct mbuf *m)
{
	const struct ip *ip = mtod(m, const struct ip *);
	int hlen = ip->ip_hl << 2;

	IPSTAT_INC(ips_delivered);
	if (V_ripcbinfo.ipi_count > 0 && ip_protox[ip->ip_p] != rip_input &&
	    ip->ip_p != IPPROTO_ICMP && ip->ip_p != IPPROTO_IGMP)
		rip_copy(m);
	(void)ip_protox[ip->ip_p](&m, &hlen, ip->ip_p);
}

void
ip_input(struct mbuf *m)
{
	bool forward = false;

	M_ASSERTPKTHDR(m);
	IPSTAT_INC(ips_total);
	if (m->m_pkthdr.rcvif == NULL) {
		m_freem(m);
		return;
	}
	m = check_header(m);
	if (m == NULL)
		return;
	if (bad_addresses(m, mtod(m, const struct ip *))) {
		(void)drop(m, &V_ipstat.ips_badaddr);
		return;
	}
	if (PFIL_HOOKED_IN(V_inet_pfil_head) &&
	    pfil_mbuf_in(V_inet_pfil_head, &m, m->m_pkthdr.rcvif, NULL) != PFIL_PASS)
		return;
	m = check_destination(m, &forward);
	if (m == NULL)
		return;
	if (forward || mtod(m, struct ip *)->ip_hl > sizeof(struct ip) >> 2) {
		/* what ip_dooptions() writes into must be ours alone, and must not move */
		m = writable_header(m);
		if (m == NULL)
			return;
	}
	if (mtod(m, struct ip *)->ip_hl > sizeof(struct ip) >> 2 && ip_dooptions(m, 0) != 0)
		return;
	if (forward) {
		ip_forward(m);
		return;
	}
	if ((mtod(m, struct ip *)->ip_off & htons(IP_MF | IP_OFFMASK)) != 0) {
		m = ip_reass(m);
		if (m == NULL)
			return;
	}
	deliver(m);
}
