/*
 * ip_output.c - IPv4 on the way out: route, source address, broadcast and
 * multicast, identification, checksums, fragments (RFC 791, RFC 1122 3.2, 3.3).
 *
 * Owns the identification counters. Called by the transports, raw IP and ICMP.
 * What an interface cannot do (checksums, segmentation: if_hwassist) is done here,
 * in software, just before the packet is handed to if_output.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/mbuf.h>
#include <sys/siphash.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>

#include <net/if_var.h>
#include <net/netisr.h>
#include <net/pfil.h>
#include <net/route.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_var.h>

#define IPID_BUCKETS 256 /* counters; flows that share one cannot follow each other's */

VNET_DEFINE_STATIC(int, ip_rfc6864) = 1;
#define V_ip_rfc6864 VNET(ip_rfc6864)
VNET_DEFINE_STATIC(int, ip_do_randomid) = 0;
#define V_ip_do_randomid VNET(ip_do_randomid)
VNET_DEFINE_STATIC(uint16_t, ip_ids[IPID_BUCKETS]);
#define V_ip_ids VNET(ip_ids)
VNET_DEFINE_STATIC(uint8_t, ip_idkey[SIPHASH_KEY_LENGTH]);
#define V_ip_idkey VNET(ip_idkey)

SYSCTL_DECL(_net_inet_ip);
SYSCTL_INT_RANGE(_net_inet_ip, OID_AUTO, rfc6864, CTLFLAG_VNET | CTLFLAG_RW, &VNET_NAME(ip_rfc6864),
    0, 1, "Datagrams that nobody may fragment have identification 0 (RFC 6864), default 1");
SYSCTL_INT_RANGE(_net_inet_ip, OID_AUTO, random_id, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(ip_do_randomid), 0, 1,
    "Identification: 0 (default) a counter per keyed hash of the addresses, 1 random");

/* A packet on its way out: what the steps below find out about it. */
struct ip_out {
	struct mbuf *m;
	struct ip *ip;		 /* m's header, moves with it */
	u_int hlen;		 /* bytes of header with options */
	struct in_addr dst;	 /* of the header, unless IP_SENDONES */
	struct inpcb *inp;	 /* may be NULL */
	struct ip_moptions *imo; /* may be NULL */
	int flags;
	struct route *ro;	    /* holds the next hop; NULL where there is none */
	struct ifnet *ifp;	    /* where it goes */
	struct sockaddr_storage gw; /* the next hop's address */
	u_int mtu;
	bool broadcast;
};

static void
ip_output_vnet_init(const void *unused __unused)
{
	arc4random_buf(V_ip_ids, sizeof(V_ip_ids));
	arc4random_buf(V_ip_idkey, sizeof(V_ip_idkey));
}
VNET_SYSINIT(ip_output, SI_SUB_PROTO_DOMAIN, SI_ORDER_THIRD, ip_output_vnet_init, NULL);

/* RFC 6864 for atomic datagrams, RFC 7739's counters for the others. */
void
ip_fillid(struct ip *ip)
{
	uint32_t key[3];
	u_int bucket;

	if (V_ip_rfc6864 != 0 && (ip->ip_off & htons(IP_DF | IP_MF | IP_OFFMASK)) == htons(IP_DF)) {
		ip->ip_id = 0;
		return;
	}
	if (V_ip_do_randomid != 0) {
		ip->ip_id = (u_short)arc4random();
		return;
	}
	key[0] = ip->ip_src.s_addr;
	key[1] = ip->ip_dst.s_addr;
	key[2] = ip->ip_p;
	bucket = siphash24(V_ip_idkey, key, sizeof(key)) % IPID_BUCKETS;
	ip->ip_id = htons(++V_ip_ids[bucket]);
}

/* Does in software what csum_flags left of a TCP or UDP checksum. */
void
in_delayed_cksum(struct mbuf *m)
{
	struct ip *ip = mtod(m, struct ip *);
	const u_int hlen = ip->ip_hl << 2, len = ntohs(ip->ip_len);
	const u_int offset = hlen + m->m_pkthdr.csum_data;
	u_short sum;

	if (offset + sizeof(sum) > (u_int)m->m_pkthdr.len || len < hlen)
		return;
	/* the field holds the pseudo header's sum */
	sum = in_cksum_skip(m, (int)len, (int)hlen);
	if (sum == 0 && (m->m_pkthdr.csum_flags & CSUM_UDP) != 0)
		sum = 0xffff;
	m_copyback(m, (int)offset, sizeof(sum), &sum);
}

struct ifnet *
ip_default_ifp(void)
{
	struct in_ifaddr *ia;

	TAILQ_FOREACH (ia, &V_in_ifaddrhead, ia_link)
		if ((ia->ia_ifp->if_flags & (IFF_UP | IFF_LOOPBACK)) == IFF_UP)
			return (ia->ia_ifp);
	return (NULL);
}

static struct ifnet *
bound_ifp(const struct ip_out *o)
{
	if (o->inp == NULL || o->inp->inp_socket == NULL || o->inp->inp_socket->so_bound_if == 0)
		return (NULL);
	return (ifnet_byindex((u_int)o->inp->inp_socket->so_bound_if));
}

static void
onlink(struct ip_out *o, struct ifnet *ifp)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&o->gw;

	memset(sin, 0, sizeof(*sin));
	sin->sin_len = sizeof(*sin);
	sin->sin_family = AF_INET;
	sin->sin_addr = o->dst;
	o->ifp = ifp;
	o->mtu = ifp->if_mtu;
}

/* The next hop for dst, kept in ro while the table does not change. */
static struct nhop_object *
cached_lookup(struct ip_out *o)
{
	struct route *ro = o->ro;
	struct sockaddr_in *sin = (struct sockaddr_in *)&ro->ro_dst_ss;

	route_validate(ro);
	if (ro->ro_nh != NULL &&
	    (sin->sin_family != AF_INET || sin->sin_addr.s_addr != o->dst.s_addr))
		RO_INVALIDATE_CACHE(ro);
	if (ro->ro_nh == NULL) {
		ro->ro_nh =
		    fib4_lookup(o->inp != NULL ? o->inp->inp_inc.inc_fibnum : RT_DEFAULT_FIB,
			o->dst, 0, NHR_REF, o->m->m_pkthdr.flowid);
		ro->ro_generation = V_rt_generation;
		memset(sin, 0, sizeof(*sin));
		sin->sin_len = sizeof(*sin);
		sin->sin_family = AF_INET;
		sin->sin_addr = o->dst;
	}
	return (ro->ro_nh);
}

static int
route_unicast(struct ip_out *o)
{
	struct nhop_object *nh = cached_lookup(o);
	struct ifnet *bound = bound_ifp(o);

	if (bound != NULL && (nh == NULL || nh->nh_ifp != bound) && !in_localip(o->dst)) {
		/* SO_BINDTODEVICE: there or nowhere */
		o->ro = NULL;
		onlink(o, bound);
		return (0);
	}
	if (nh == NULL) {
		IPSTAT_INC(ips_noroute);
		return (ENETUNREACH);
	}
	if ((nh->nh_flags & NHF_REJECT) != 0) {
		IPSTAT_INC(ips_noroute);
		return (EHOSTUNREACH);
	}
	nh->nh_pksent++;
	onlink(o, nh->nh_ifp);
	if ((nh->nh_flags & NHF_GATEWAY) != 0)
		o->gw = nh->gw_ss;
	if (nh->nh_mtu != 0 && nh->nh_mtu < o->mtu)
		o->mtu = nh->nh_mtu;
	return (0);
}

/* Broadcast, multicast and SO_DONTROUTE name an interface rather than a route. */
static int
route_onlink(struct ip_out *o)
{
	struct sockaddr_in sin = {
	    .sin_len = sizeof(sin), .sin_family = AF_INET, .sin_addr = o->dst};
	struct ifnet *ifp = bound_ifp(o);
	struct nhop_object *nh;
	struct ifaddr *ifa;

	if (ifp == NULL && IN_MULTICAST(ntohl(o->dst.s_addr)) && o->imo != NULL)
		ifp = o->imo->imo_multicast_ifp;
	if (ifp == NULL && (o->flags & (IP_ROUTETOIF | IP_SENDTOIF)) != 0) {
		ifa = ifa_ifwithdstaddr(sintosa(&sin), RT_DEFAULT_FIB);
		if (ifa == NULL)
			ifa = ifa_ifwithnet(sintosa(&sin), 0, RT_DEFAULT_FIB);
		if (ifa != NULL)
			ifp = ifa->ifa_ifp;
		else if (o->dst.s_addr != INADDR_BROADCAST) {
			IPSTAT_INC(ips_noroute);
			return (ENETUNREACH);
		}
	}
	if (ifp == NULL && o->ip->ip_src.s_addr != INADDR_ANY)
		ifp = in_localifp(o->ip->ip_src); /* a source address of ours says which */
	if (ifp == NULL) {
		nh = fib4_lookup(RT_DEFAULT_FIB, o->dst, 0, NHR_NONE, 0);
		if (nh != NULL && (nh->nh_flags & (NHF_REJECT | NHF_BLACKHOLE)) == 0)
			ifp = nh->nh_ifp;
		else
			ifp = ip_default_ifp();
	}
	if (ifp == NULL) {
		IPSTAT_INC(ips_noroute);
		return (ENETUNREACH);
	}
	o->ro = NULL;
	onlink(o, ifp);
	return (0);
}

static int
choose_route(struct ip_out *o)
{
	if (IN_MULTICAST(ntohl(o->dst.s_addr)) || o->dst.s_addr == INADDR_BROADCAST ||
	    ((o->flags & IP_ROUTETOIF) != 0 && !in_localip(o->dst)))
		return (route_onlink(o));
	return (route_unicast(o));
}

static void
choose_source(struct ip_out *o)
{
	struct in_ifaddr *ia;
	const struct ifaddr *ifa = o->ro != NULL ? o->ro->ro_nh->nh_ifa : NULL;

	if (o->ip->ip_src.s_addr != INADDR_ANY)
		return;
	if (ifa != NULL && ifa->ifa_addr->sa_family == AF_INET)
		o->ip->ip_src = satosin(ifa->ifa_addr)->sin_addr;
	else if ((ia = in_ifaddr_first(o->ifp)) != NULL)
		o->ip->ip_src = IA_SIN(ia)->sin_addr;
}

/* A copy of a multicast packet to ourselves, when we are members and the sender wants it. */
static int
output_multicast(struct ip_out *o)
{
	const bool loop = o->imo == NULL || o->imo->imo_multicast_loop != 0;
	struct mbuf *copy;

	o->m->m_flags |= M_MCAST;
	if ((o->flags & IP_RAWOUTPUT) == 0)
		o->ip->ip_ttl =
		    o->imo != NULL ? o->imo->imo_multicast_ttl : IP_DEFAULT_MULTICAST_TTL;
	if ((o->ifp->if_flags & (IFF_MULTICAST | IFF_LOOPBACK)) == 0) {
		IPSTAT_INC(ips_noroute);
		return (ENETUNREACH);
	}
	if (loop && (o->ifp->if_flags & IFF_LOOPBACK) == 0 && inm_lookup(o->ifp, o->dst) != NULL) {
		copy = m_dup(o->m, M_NOWAIT);
		if (copy != NULL) {
			struct ip *ip = mtod(copy, struct ip *);

			if ((copy->m_pkthdr.csum_flags & CSUM_DELAY_DATA) != 0)
				in_delayed_cksum(copy);
			ip->ip_sum = 0;
			ip->ip_sum = in_cksum(copy, (int)o->hlen);
			copy->m_pkthdr.csum_flags = CSUM_IP_CHECKED | CSUM_IP_VALID;
			copy->m_pkthdr.rcvif = o->ifp;
			(void)netisr_queue(NETISR_IP, copy);
		}
	}
	return (0);
}

static int
check_broadcast(struct ip_out *o)
{
	o->broadcast = !IN_MULTICAST(ntohl(o->dst.s_addr)) &&
		       (o->dst.s_addr == INADDR_BROADCAST || in_broadcast(o->dst, o->ifp));
	if (!o->broadcast)
		return (0);
	if ((o->ifp->if_flags & IFF_BROADCAST) == 0)
		return (EADDRNOTAVAIL);
	if ((o->flags & IP_ALLOWBROADCAST) == 0)
		return (EACCES);
	if (ntohs(o->ip->ip_len) > o->mtu)
		return (EMSGSIZE); /* one lost fragment too many hosts would wait for */
	if ((o->flags & IP_SENDONES) != 0)
		o->ip->ip_dst.s_addr = INADDR_BROADCAST;
	o->m->m_flags |= M_BCAST;
	return (0);
}

/* RFC 1122 3.2.1.3 (g): 127/8 never leaves the host. */
static int
check_loopback(const struct ip_out *o)
{
	if ((o->ifp->if_flags & IFF_LOOPBACK) != 0 ||
	    (!IN_LOOPBACK(ntohl(o->ip->ip_src.s_addr)) &&
		!IN_LOOPBACK(ntohl(o->ip->ip_dst.s_addr))))
		return (0);
	IPSTAT_INC(ips_badaddr);
	return (EADDRNOTAVAIL);
}

static int
transmit(struct ip_out *o, struct mbuf *m)
{
	if (o->ro != NULL && (o->ro->ro_nh->nh_flags & NHF_BLACKHOLE) != 0) {
		m_freem(m);
		return (0);
	}
	m_clrprotoflags(m);
	return (o->ifp->if_output(o->ifp, m, (const struct sockaddr *)&o->gw, o->ro));
}

static int
transmit_all(struct ip_out *o, struct mbuf *m, bool fragments)
{
	struct mbuf *next;
	int error = 0;

	for (; m != NULL; m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		if (error != 0) {
			m_freem(m);
			continue;
		}
		if (fragments)
			IPSTAT_INC(ips_ofragments);
		error = transmit(o, m);
	}
	return (error);
}

/* What is left of the checksums when the interface has taken its part. */
static void
finish_checksums(struct mbuf *m, const struct ifnet *ifp, u_int hlen)
{
	struct ip *ip = mtod(m, struct ip *);

	if ((m->m_pkthdr.csum_flags & CSUM_DELAY_DATA & ~ifp->if_hwassist) != 0) {
		in_delayed_cksum(m);
		m->m_pkthdr.csum_flags &= ~CSUM_DELAY_DATA;
	}
	ip->ip_sum = 0;
	if ((ifp->if_hwassist & CSUM_IP) == 0 || (m->m_pkthdr.csum_flags & CSUM_TSO) != 0) {
		ip->ip_sum = in_cksum(m, (int)hlen);
		m->m_pkthdr.csum_flags &= ~CSUM_IP;
	} else
		m->m_pkthdr.csum_flags |= CSUM_IP;
}

/* A packet that still is many segments: whole if the interface cuts it, in pieces if not. */
static int
send_tso(struct ip_out *o)
{
	const struct ifnet *ifp = o->ifp;
	struct mbuf *m = o->m, *seg;
	int error;

	if (m->m_pkthdr.tso_segsz == 0 || o->hlen + m->m_pkthdr.tso_segsz > o->mtu) {
		IPSTAT_INC(ips_cantfrag);
		m_freem(m);
		return (EMSGSIZE);
	}
	if ((ifp->if_hwassist & CSUM_IP_TSO) != 0 &&
	    (ifp->if_hw_tsomax == 0 || ntohs(o->ip->ip_len) <= ifp->if_hw_tsomax)) {
		finish_checksums(m, ifp, o->hlen);
		return (transmit(o, m));
	}
	error = ip_tso_segment(&m);
	if (error != 0)
		return (error);
	for (seg = m; seg != NULL; seg = seg->m_nextpkt)
		finish_checksums(seg, ifp, o->hlen);
	return (transmit_all(o, m, false));
}

static int
send_packet(struct ip_out *o)
{
	struct mbuf *m = o->m;
	int error;

	if ((m->m_pkthdr.csum_flags & CSUM_IP_TSO) != 0)
		return (send_tso(o));
	if (ntohs(o->ip->ip_len) <= o->mtu) {
		finish_checksums(m, o->ifp, o->hlen);
		return (transmit(o, m));
	}
	if ((o->ip->ip_off & htons(IP_DF)) != 0) {
		IPSTAT_INC(ips_cantfrag);
		m_freem(m);
		return (EMSGSIZE);
	}
	error = ip_fragment(o->ip, &m, (int)o->mtu, o->ifp->if_hwassist);
	if (error != 0) {
		IPSTAT_INC(ips_odropped);
		m_freem(m);
		return (error);
	}
	IPSTAT_INC(ips_fragmented);
	return (transmit_all(o, m, true));
}

/* What the hooks leave of it: another mbuf perhaps, not another way to go. */
static int
run_hooks(struct ip_out *o)
{
	const int rv = pfil_mbuf_out(V_inet_pfil_head, &o->m, o->ifp, o->inp);

	if (rv != PFIL_PASS)
		return (rv == PFIL_DROPPED ? EACCES : EJUSTRETURN);
	o->ip = mtod(o->m, struct ip *);
	o->hlen = o->ip->ip_hl << 2;
	return (0);
}

static void
fill_header(struct ip_out *o)
{
	if ((o->flags & (IP_FORWARDING | IP_RAWOUTPUT)) != 0) {
		o->hlen = o->ip->ip_hl << 2;
		return;
	}
	o->ip->ip_v = IPVERSION;
	o->ip->ip_hl = o->hlen >> 2;
	IPSTAT_INC(ips_localout);
}

int
ip_output(struct mbuf *m, struct mbuf *opt, struct route *ro, int flags, struct ip_moptions *imo,
    struct inpcb *inp)
{
	struct route iproute;
	struct ip_out o = {.inp = inp, .imo = imo, .flags = flags, .hlen = sizeof(struct ip)};
	int error, optlen = 0;

	M_ASSERTPKTHDR(m);
	if (opt != NULL) {
		m = ip_insertoptions(m, opt, &optlen);
		if (optlen >= (int)sizeof(struct ip))
			o.hlen = (u_int)optlen;
	}
	memset(&iproute, 0, sizeof(iproute));
	o.m = m;
	o.ip = mtod(m, struct ip *);
	o.dst = o.ip->ip_dst;
	o.ro = ro != NULL ? ro : &iproute;
	fill_header(&o);
	error = choose_route(&o);
	if (error == 0) {
		choose_source(&o);
		error = check_broadcast(&o);
	}
	if (error == 0 && IN_MULTICAST(ntohl(o.dst.s_addr)))
		error = output_multicast(&o);
	if (error == 0)
		error = check_loopback(&o);
	if (error == 0) {
		/* a raw header has its own identification, unless it is 0 */
		if ((flags & (IP_FORWARDING | IP_RAWOUTPUT)) == 0)
			ip_fillid(o.ip);
		if (IN_MULTICAST(ntohl(o.dst.s_addr)) && o.ip->ip_ttl == 0 &&
		    (o.ifp->if_flags & IFF_LOOPBACK) == 0)
			m_freem(m); /* RFC 1112: not beyond this host */
		else if (!PFIL_HOOKED_OUT(V_inet_pfil_head) || (error = run_hooks(&o)) == 0)
			error = send_packet(&o);
		else if (error == EJUSTRETURN)
			error = 0; /* a hook has it now */
	} else
		m_freem(m);
	if (ro == NULL)
		RO_INVALIDATE_CACHE(&iproute);
	return (error);
}
