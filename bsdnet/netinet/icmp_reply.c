/*
 * icmp_reply.c - ICMP messages that this host sends: errors about packets that it
 * got, and answers to requests (RFC 792, RFC 1122 3.2.2).
 *
 * Owns the rate limits, net.inet.icmp.icmplim, which TCP's resets share.
 * Called by the IP, UDP, TCP and ICMP inputs.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/mbuf.h>
#include <sys/sysctl.h>
#include <sys/time.h>

#include <net/if_var.h>
#include <net/route.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>
#include <netinet/tcp.h>

/* RFC 1812 4.3.2.3: an error, headers and all, is not longer than what every host takes. */
#define ICMP_ERROR_MAX 576

VNET_DEFINE_STATIC(int, icmplim) = 200;
#define V_icmplim VNET(icmplim)
VNET_DEFINE_STATIC(int, icmplim_jitter) = 16;
#define V_icmplim_jitter VNET(icmplim_jitter)
VNET_DEFINE_STATIC(int, icmplim_output) = 1;
#define V_icmplim_output VNET(icmplim_output)
VNET_DEFINE_STATIC(int, icmp_quotelen) = 8;
#define V_icmp_quotelen VNET(icmp_quotelen)

SYSCTL_DECL(_net_inet_icmp);
SYSCTL_INT_RANGE(_net_inet_icmp, OID_AUTO, icmplim, CTLFLAG_VNET | CTLFLAG_RW, &VNET_NAME(icmplim),
    0, 1000000, "Errors, replies and resets of each kind per second, default 200; 0: no limit");
SYSCTL_INT_RANGE(_net_inet_icmp, OID_AUTO, icmplim_jitter, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(icmplim_jitter), 0, 1000,
    "The limit moves up or down by as much, anew each second, so that it tells a prober nothing; "
    "default 16");
SYSCTL_INT_RANGE(_net_inet_icmp, OID_AUTO, icmplim_output, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(icmplim_output), 0, 1, "Log when the limit was exceeded, default 1");
SYSCTL_INT_RANGE(_net_inet_icmp, OID_AUTO, quotelen, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(icmp_quotelen), 8, 512,
    "Bytes behind its IP header that an error quotes of a packet, 8..512, default 8");

struct ratelimit {
	time_t second; /* time_uptime that count is of */
	int count;
	int limit; /* this second's, jitter included */
};
VNET_DEFINE_STATIC(struct ratelimit, icmp_rates[BANDLIM_MAX]);
#define V_icmp_rates VNET(icmp_rates)

int
badport_bandlim(int which)
{
	static const char *const names[BANDLIM_MAX] = {
	    [BANDLIM_ICMP_UNREACH] = "icmp unreach",
	    [BANDLIM_ICMP_ECHO] = "icmp ping",
	    [BANDLIM_ICMP_TSTAMP] = "icmp tstamp",
	    [BANDLIM_RST_CLOSEDPORT] = "closed port RST",
	    [BANDLIM_RST_OPENPORT] = "open port RST",
	};
	struct ratelimit *r;
	int jitter;

	if (V_icmplim == 0)
		return (0);
	KASSERT(which >= 0 && which < BANDLIM_MAX, ("%s: %d", __func__, which));
	r = &V_icmp_rates[which];
	if (r->second != time_uptime) {
		if (r->count > r->limit && V_icmplim_output != 0 && r->limit != 0)
			log(LOG_NOTICE, "Limiting %s response from %d to %d packets/sec\n",
			    names[which], r->count, r->limit);
		jitter = V_icmplim_jitter;
		r->second = time_uptime;
		r->count = 0;
		r->limit = V_icmplim;
		if (jitter > 0)
			r->limit += (int)arc4random_uniform((uint32_t)jitter * 2 + 1) - jitter;
		r->limit = imax(r->limit, 1);
	}
	return (++r->count > r->limit ? -1 : 0);
}

/* The plateaus of RFC 1191 section 7: the next MTU to try, up (dir < 0) or down. */
int
ip_next_mtu(int mtu, int dir)
{
	static const int plateaus[] = {
	    65535, 32000, 17914, 8166, 4352, 2002, 1492, 1280, 1006, 508, 296, 68};
	int i, n = nitems(plateaus);

	if (dir >= 0) {
		for (i = 0; i < n; i++)
			if (plateaus[i] < mtu)
				return (plateaus[i]);
		return (0);
	}
	for (i = n - 1; i >= 0; i--)
		if (plateaus[i] > mtu)
			return (plateaus[i]);
	return (0);
}

static bool
is_bmcast_addr(struct in_addr addr, struct ifnet *ifp)
{
	return (IN_MULTICAST(ntohl(addr.s_addr)) || addr.s_addr == INADDR_BROADCAST ||
		(ifp != NULL && in_broadcast(addr, ifp)));
}

/* RFC 1122 3.2.2: what no error may be sent about. */
static bool
error_forbidden(struct mbuf *m, int type)
{
	const struct ip *ip = mtod(m, const struct ip *);
	const u_int hlen = ip->ip_hl << 2;
	struct ifnet *ifp = m->m_pkthdr.rcvif;
	u_char inner;

	if ((ip->ip_off & htons(IP_OFFMASK)) != 0 || ifp == NULL)
		return (true);
	if (ip->ip_p == IPPROTO_ICMP && type != ICMP_REDIRECT) {
		if (m->m_pkthdr.len < (int)hlen + ICMP_MINLEN) {
			V_icmpstat.icps_oldshort++;
			return (true);
		}
		m_copydata(m, (int)hlen, sizeof(inner), &inner);
		if (ICMP_ISERROR(inner)) {
			V_icmpstat.icps_oldicmp++;
			return (true);
		}
	}
	if ((m->m_flags & (M_BCAST | M_MCAST)) != 0 || is_bmcast_addr(ip->ip_dst, ifp))
		return (true);
	return (ip->ip_src.s_addr == INADDR_ANY || IN_BADCLASS(ntohl(ip->ip_src.s_addr)) ||
		is_bmcast_addr(ip->ip_src, ifp) ||
		(IN_LOOPBACK(ntohl(ip->ip_src.s_addr)) && (ifp->if_flags & IFF_LOOPBACK) == 0));
}

/* Bytes of m to quote: the header, at least 8 bytes behind it, a TCP header whole. */
static u_int
quote_length(const struct mbuf *m)
{
	const struct ip *ip = mtod(m, const struct ip *);
	const u_int hlen = ip->ip_hl << 2, len = (u_int)m->m_pkthdr.len;
	u_int quote = (u_int)V_icmp_quotelen;
	u_char off;

	if (ip->ip_p == IPPROTO_TCP && len >= hlen + sizeof(struct tcphdr)) {
		m_copydata(m, (int)hlen + 12, sizeof(off), &off);
		quote = max(quote, (u_int)(off >> 4) << 2);
	}
	quote = min(quote + hlen, len);
	return (min(quote, ICMP_ERROR_MAX - sizeof(struct ip) - ICMP_MINLEN));
}

/* The address that m was sent to, if it is ours to speak by; else the interface's. */
static struct in_addr
reply_source(const struct mbuf *m, struct in_addr to)
{
	const struct ip *ip = mtod(m, const struct ip *);
	struct nhop_object *nh;
	struct in_ifaddr *ia;

	if (in_localip(ip->ip_dst) || (IN_LOOPBACK(ntohl(ip->ip_dst.s_addr)) &&
					  (m->m_pkthdr.rcvif->if_flags & IFF_LOOPBACK) != 0))
		return (ip->ip_dst);
	ia = in_ifaddr_first(m->m_pkthdr.rcvif);
	if (ia != NULL)
		return (IA_SIN(ia)->sin_addr);
	nh = fib4_lookup(RT_DEFAULT_FIB, to, 0, NHR_NONE, 0);
	if (nh != NULL && nh->nh_ifa != NULL && nh->nh_ifa->ifa_addr->sa_family == AF_INET)
		return (satosin(nh->nh_ifa->ifa_addr)->sin_addr);
	return ((struct in_addr){INADDR_ANY});
}

/* Sends m, an IP header of hlen bytes and an ICMP message behind it, both filled but the sums. */
static void
icmp_send(struct mbuf *m, u_int hlen)
{
	struct icmp *icp = (struct icmp *)(mtod(m, char *) + hlen);

	if (icp->icmp_type <= ICMP_MAXTYPE)
		V_icmpstat.icps_outhist[icp->icmp_type]++;
	icp->icmp_cksum = 0;
	icp->icmp_cksum = in_cksum_skip(m, m->m_pkthdr.len, (int)hlen);
	m->m_pkthdr.rcvif = NULL;
	m->m_pkthdr.csum_flags = 0;
	m->m_flags &= ~(M_BCAST | M_MCAST);
	m_clrprotoflags(m);
	/* options, if any, stand in the header already */
	(void)ip_output(m, NULL, NULL, hlen > sizeof(struct ip) ? IP_RAWOUTPUT : 0, NULL, NULL);
}

static void
fill_reply_header(
    struct ip *ip, u_int hlen, u_int len, struct in_addr src, struct in_addr dst, u_char tos)
{
	ip->ip_v = IPVERSION;
	ip->ip_hl = hlen >> 2;
	ip->ip_tos = tos;
	ip->ip_len = htons((u_short)len);
	ip->ip_off = 0;
	ip->ip_ttl = (u_char)V_ip_defttl;
	ip->ip_p = IPPROTO_ICMP;
	ip->ip_sum = 0;
	ip->ip_src = src;
	ip->ip_dst = dst;
	ip_fillid(ip);
}

/*
 * dest is a redirect's gateway (network order), mtu a needfrag's next hop MTU; code is the
 * pointer (byte offset) of a parameter problem.
 */
void
icmp_error(struct mbuf *n, int type, int code, uint32_t dest, int mtu)
{
	const struct ip *oip = mtod(n, const struct ip *);
	const u_int icmpoff = sizeof(struct ip);
	struct mbuf *m = NULL;
	struct icmp *icp;
	u_int quote;

	if (type != ICMP_REDIRECT)
		V_icmpstat.icps_error++;
	if (error_forbidden(n, type))
		goto out;
	if (badport_bandlim(BANDLIM_ICMP_UNREACH) < 0) {
		V_icmpstat.icps_ratelimited++;
		goto out;
	}
	quote = quote_length(n);
	m = m_get2((int)(max_linkhdr + (int)icmpoff + ICMP_MINLEN) + (int)quote, M_NOWAIT, MT_DATA,
	    M_PKTHDR);
	if (m == NULL)
		goto out;
	m->m_data += max_linkhdr;
	m->m_len = m->m_pkthdr.len = (int)(icmpoff + ICMP_MINLEN + quote);
	fill_reply_header(mtod(m, struct ip *), icmpoff, (u_int)m->m_len,
	    reply_source(n, oip->ip_src), oip->ip_src, IPTOS_PREC_INTERNETCONTROL);
	icp = (struct icmp *)(mtod(m, char *) + icmpoff);
	icp->icmp_type = (u_char)type;
	icp->icmp_code = (u_char)code;
	icp->icmp_void = 0;
	if (type == ICMP_REDIRECT)
		icp->icmp_gwaddr.s_addr = dest;
	else if (type == ICMP_PARAMPROB) {
		icp->icmp_code = ICMP_PARAMPROB_ERRATPTR;
		icp->icmp_pptr = (u_char)code;
	} else if (type == ICMP_UNREACH && code == ICMP_UNREACH_NEEDFRAG)
		icp->icmp_nextmtu = htons((u_short)mtu);
	m_copydata(n, 0, (int)quote, (char *)icp + ICMP_MINLEN);
	m->m_pkthdr.fibnum = n->m_pkthdr.fibnum;
	icmp_send(m, icmpoff);
out:
	m_freem(n);
}

void
icmp_reply(struct mbuf *m, int type)
{
	struct ip *ip = mtod(m, struct ip *);
	const u_int hlen = ip->ip_hl << 2;
	struct in_addr to = ip->ip_src, from;
	struct icmp *icp = (struct icmp *)(mtod(m, char *) + hlen);

	if (is_bmcast_addr(to, m->m_pkthdr.rcvif) || IN_BADCLASS(ntohl(to.s_addr)) ||
	    to.s_addr == INADDR_ANY) {
		V_icmpstat.icps_badaddr++;
		m_freem(m);
		return;
	}
	from = reply_source(m, to);
	if (from.s_addr == INADDR_ANY) {
		V_icmpstat.icps_noroute++;
		m_freem(m);
		return;
	}
	icp->icmp_type = (u_char)type;
	V_icmpstat.icps_reflect++;
	if (hlen > sizeof(struct ip))
		ip_replyoptions(m);
	/* RFC 1349 5.1: the reply goes with the request's type of service */
	fill_reply_header(ip, hlen, (u_int)m->m_pkthdr.len, from, to, ip->ip_tos);
	icmp_send(m, hlen);
}
