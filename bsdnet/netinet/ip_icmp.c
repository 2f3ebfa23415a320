/*
 * ip_icmp.c - ICMP on the way in (RFC 792, RFC 1122 3.2.2).
 *
 * Errors go to the transport whose packet they quote (ip_ctlprotox), requests are
 * answered (icmp_reply.c), redirects are looked at closely, the rest and all of
 * that but the requests is shown to raw sockets. Called by ip_input().
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/mbuf.h>
#include <sys/sysctl.h>

#include <net/if_var.h>
#include <net/route.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_systm.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>

VNET_DEFINE(struct icmpstat, icmpstat);
VNET_DEFINE_STATIC(int, icmpbmcastecho) = 0;
#define V_icmpbmcastecho VNET(icmpbmcastecho)
VNET_DEFINE_STATIC(int, icmptstamprepl) = 1;
#define V_icmptstamprepl VNET(icmptstamprepl)
VNET_DEFINE_STATIC(int, icmpmaskrepl) = 0;
VNET_DEFINE_STATIC(int, drop_redirect) = 0;
#define V_drop_redirect VNET(drop_redirect)
VNET_DEFINE_STATIC(int, log_redirect) = 0;
#define V_log_redirect VNET(log_redirect)
VNET_DEFINE_STATIC(int, redirtimeout) = 600;
#define V_redirtimeout VNET(redirtimeout)

SYSCTL_DECL(_net_inet_icmp);
SYSCTL_VNET_PCPUSTAT(
    _net_inet_icmp, OID_AUTO, stats, icmpstat, icmpstat, "ICMP counters, struct icmpstat");
SYSCTL_INT_RANGE(_net_inet_icmp, OID_AUTO, bmcastecho, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(icmpbmcastecho), 0, 1,
    "Answer echo and time stamp requests to broadcast and multicast addresses, default 0");
SYSCTL_INT_RANGE(_net_inet_icmp, OID_AUTO, tstamprepl, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(icmptstamprepl), 0, 1, "Answer time stamp requests, default 1");
SYSCTL_INT_RANGE(_net_inet_icmp, OID_AUTO, maskrepl, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(icmpmaskrepl), 0, 0, "Answer address mask requests: 0, RFC 6918 deprecates them");
SYSCTL_INT_RANGE(_net_inet_icmp, OID_AUTO, drop_redirect, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(drop_redirect), 0, 1, "Ignore redirects, default 0");
SYSCTL_INT_RANGE(_net_inet_icmp, OID_AUTO, log_redirect, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(log_redirect), 0, 1, "Log redirects that are acted on, default 0");
SYSCTL_INT_RANGE(_net_inet_icmp, OID_AUTO, redirtimeout, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(redirtimeout), 1, 86400,
    "Seconds that a redirect's route lives, 1..86400, default 600");

static void
icmp_init(const void *unused __unused)
{
	(void)ipproto_register(IPPROTO_ICMP, icmp_input, ping_ctlinput);
}
SYSINIT(icmp_init, SI_SUB_PROTO_DOMAIN, SI_ORDER_FOURTH, icmp_init, NULL);

/* What the handler of a type says: show it to raw sockets, or it was consumed. */
enum icmp_verdict { ICMP_TORAW, ICMP_DONE, ICMP_DROP };

int
icmp_errmap(const struct icmp *icp)
{
	switch (icp->icmp_type) {
	case ICMP_UNREACH:
		switch (icp->icmp_code) {
		case ICMP_UNREACH_NEEDFRAG:
			return (EMSGSIZE);
		case ICMP_UNREACH_PROTOCOL:
		case ICMP_UNREACH_PORT:
		case ICMP_UNREACH_NET_PROHIB:
		case ICMP_UNREACH_HOST_PROHIB:
		case ICMP_UNREACH_FILTER_PROHIB:
			return (ECONNREFUSED);
		default:
			return (EHOSTUNREACH);
		}
	case ICMP_TIMXCEED:
		return (icp->icmp_code == ICMP_TIMXCEED_INTRANS ? EHOSTUNREACH : 0);
	case ICMP_PARAMPROB:
		return (icp->icmp_code <= ICMP_PARAMPROB_OPTABSENT ? ENOPROTOOPT : 0);
	default:
		return (0);
	}
}

/*
 * Makes the quoted header with 8 bytes of its protocol contiguous with what is before it.
 * NULL: too little of it is there, or nothing that we can have sent; *mp is gone then.
 */
static struct icmp *
quoted(struct mbuf **mp, u_int hlen, u_int icmplen)
{
	struct mbuf *m = *mp;
	struct icmp *icp = (struct icmp *)(mtod(m, char *) + hlen);
	u_int need;

	if (icmplen < ICMP_ADVLENMIN) {
		V_icmpstat.icps_badlen++;
		goto bad;
	}
	/* icmp_input() has that much pulled up */
	need = ICMP_ADVLEN(icp);
	if (icp->icmp_ip.ip_v != IPVERSION || icp->icmp_ip.ip_hl < sizeof(struct ip) >> 2 ||
	    icmplen < need) {
		V_icmpstat.icps_badlen++;
		goto bad;
	}
	if (m->m_len < (int)(hlen + need)) {
		*mp = m = m_pullup(m, (int)(hlen + need));
		if (m == NULL)
			return (NULL);
		icp = (struct icmp *)(mtod(m, char *) + hlen);
	}
	if (!in_localip(icp->icmp_ip.ip_src)) {
		V_icmpstat.icps_badaddr++;
		goto bad;
	}
	return (icp);
bad:
	m_freem(m);
	*mp = NULL;
	return (NULL);
}

static struct mbuf *quoting; /* of which the transports are told */
static u_int quoting_hlen;   /* bytes of its IP header */

void
icmp_quoting(const struct icmp *icp, struct ip *outer, u_int skip, void *buf, u_int *len)
{
	const u_int hl = icp->icmp_ip.ip_hl << 2, all = ntohs(icp->icmp_ip.ip_len);
	const u_int off = quoting_hlen + 8 + hl + skip;

	memset(outer, 0, sizeof(*outer));
	if (quoting == NULL || (int)off >= quoting->m_pkthdr.len || all < hl + skip) {
		*len = 0;
	} else {
		*len = min(*len, min((u_int)quoting->m_pkthdr.len - off, all - hl - skip));
		m_copydata(quoting, (int)off, (int)*len, buf);
	}
	if (quoting != NULL)
		m_copydata(quoting, 0, sizeof(*outer), outer);
}

static enum icmp_verdict
input_error(struct mbuf **mp, u_int hlen, u_int icmplen)
{
	struct icmp *icp = (struct icmp *)(mtod(*mp, char *) + hlen);
	static const u_char maxcode[] = {
	    [ICMP_UNREACH] = ICMP_UNREACH_PRECEDENCE_CUTOFF,
	    [ICMP_TIMXCEED] = ICMP_TIMXCEED_REASS,
	    [ICMP_PARAMPROB] = ICMP_PARAMPROB_LENGTH,
	};

	if (icp->icmp_code > maxcode[icp->icmp_type]) {
		V_icmpstat.icps_badcode++;
		return (ICMP_TORAW);
	}
	icp = quoted(mp, hlen, icmplen);
	if (icp == NULL)
		return (ICMP_DONE);
	if (IN_MULTICAST(ntohl(icp->icmp_ip.ip_dst.s_addr))) {
		V_icmpstat.icps_badaddr++; /* RFC 1122 3.2.2: never about a multicast */
		return (ICMP_DROP);
	}
	quoting = *mp;
	quoting_hlen = hlen;
	if (ip_ctlprotox[icp->icmp_ip.ip_p] != NULL)
		ip_ctlprotox[icp->icmp_ip.ip_p](icp);
	rip_ctlinput(icp);
	quoting = NULL;
	return (ICMP_TORAW);
}

/*
 * RFC 1122 3.2.2.2: only from the router that we use for that destination, only to a neighbour.
 * rib_add_redirect() sees to both; here it is seen that we sent such a packet at all.
 */
static enum icmp_verdict
input_redirect(struct mbuf **mp, u_int hlen, u_int icmplen)
{
	struct sockaddr_in dst = {.sin_len = sizeof(dst), .sin_family = AF_INET};
	struct sockaddr_in gateway = dst, author = dst;
	struct icmp *icp;
	char a[INET_ADDRSTRLEN], b[INET_ADDRSTRLEN], c[INET_ADDRSTRLEN];

	if (V_drop_redirect != 0)
		return (ICMP_DROP);
	if (((struct icmp *)(mtod(*mp, char *) + hlen))->icmp_code > 3) {
		V_icmpstat.icps_badcode++;
		return (ICMP_DROP);
	}
	icp = quoted(mp, hlen, icmplen);
	if (icp == NULL)
		return (ICMP_DONE);
	dst.sin_addr = icp->icmp_ip.ip_dst;
	gateway.sin_addr = icp->icmp_gwaddr;
	author.sin_addr = mtod(*mp, struct ip *)->ip_src;
	if (IN_MULTICAST(ntohl(dst.sin_addr.s_addr)) || in_localip(dst.sin_addr) ||
	    in_localip(gateway.sin_addr) || IN_MULTICAST(ntohl(gateway.sin_addr.s_addr)) ||
	    in_broadcast(gateway.sin_addr, (*mp)->m_pkthdr.rcvif)) {
		V_icmpstat.icps_badaddr++;
		return (ICMP_DROP);
	}
	if (V_log_redirect != 0)
		log(LOG_INFO, "icmp redirect from %s: %s => %s\n", inet_ntoa_r(author.sin_addr, a),
		    inet_ntoa_r(dst.sin_addr, b), inet_ntoa_r(gateway.sin_addr, c));
	(void)rib_add_redirect(RT_DEFAULT_FIB, sintosa(&dst), sintosa(&gateway), sintosa(&author),
	    (*mp)->m_pkthdr.rcvif, RTF_GATEWAY, V_redirtimeout);
	return (ICMP_TORAW);
}

static bool
is_bmcast(const struct mbuf *m)
{
	const struct in_addr dst = mtod(m, const struct ip *)->ip_dst;

	return ((m->m_flags & (M_BCAST | M_MCAST)) != 0 || IN_MULTICAST(ntohl(dst.s_addr)) ||
		dst.s_addr == INADDR_BROADCAST || in_broadcast(dst, m->m_pkthdr.rcvif));
}

static enum icmp_verdict
input_echo(struct mbuf **mp)
{
	struct mbuf *m = *mp;

	if (V_icmpbmcastecho == 0 && is_bmcast(m)) {
		V_icmpstat.icps_bmcastecho++;
		return (ICMP_DROP);
	}
	if (badport_bandlim(BANDLIM_ICMP_ECHO) < 0)
		return (ICMP_DROP);
	*mp = NULL;
	icmp_reply(m, ICMP_ECHOREPLY);
	return (ICMP_DONE);
}

static enum icmp_verdict
input_tstamp(struct mbuf **mp, u_int hlen, u_int icmplen)
{
	struct mbuf *m = *mp;
	struct icmp *icp = (struct icmp *)(mtod(m, char *) + hlen);

	if (V_icmptstamprepl == 0)
		return (ICMP_DROP);
	if (V_icmpbmcastecho == 0 && is_bmcast(m)) {
		V_icmpstat.icps_bmcasttstamp++;
		return (ICMP_DROP);
	}
	if (icmplen < ICMP_TSLEN) {
		V_icmpstat.icps_badlen++;
		return (ICMP_DROP);
	}
	if (badport_bandlim(BANDLIM_ICMP_TSTAMP) < 0)
		return (ICMP_DROP);
	icp->icmp_rtime = icp->icmp_ttime = iptime();
	*mp = NULL;
	icmp_reply(m, ICMP_TSTAMPREPLY);
	return (ICMP_DONE);
}

static enum icmp_verdict
input_type(struct mbuf **mp, u_int hlen, u_int icmplen)
{
	const struct icmp *icp = (const struct icmp *)(mtod(*mp, char *) + hlen);

	switch (icp->icmp_type) {
	case ICMP_UNREACH:
	case ICMP_TIMXCEED:
	case ICMP_PARAMPROB:
		return (input_error(mp, hlen, icmplen));
	case ICMP_REDIRECT:
		return (input_redirect(mp, hlen, icmplen));
	case ICMP_ECHO:
		return (input_echo(mp));
	case ICMP_TSTAMP:
		return (input_tstamp(mp, hlen, icmplen));
	default:
		/* replies for raw sockets; RFC 6633: source quench means nothing now */
		return (ICMP_TORAW);
	}
}

/* What the functions above look at lies in the first mbuf, which may be written into. */
static struct mbuf *
prepare(struct mbuf *m, u_int hlen, u_int icmplen)
{
	const int need = (int)(hlen + min(icmplen, ICMP_ADVLENMIN));

	if (!M_WRITABLE(m) && (m = m_unshare(m, M_NOWAIT)) == NULL)
		return (NULL);
	if (m->m_len < need)
		m = m_pullup(m, need);
	return (m);
}

int
icmp_input(struct mbuf **mp, int *offp, int proto)
{
	struct mbuf *m = *mp;
	const u_int hlen = (u_int)*offp;
	const u_int icmplen = (u_int)m->m_pkthdr.len - hlen;
	const struct icmp *icp;
	enum icmp_verdict verdict;

	*mp = NULL;
	if (icmplen < ICMP_MINLEN) {
		V_icmpstat.icps_tooshort++;
		m_freem(m);
		return (IPPROTO_DONE);
	}
	if (in_cksum_skip(m, m->m_pkthdr.len, (int)hlen) != 0) {
		V_icmpstat.icps_checksum++;
		m_freem(m);
		return (IPPROTO_DONE);
	}
	m = prepare(m, hlen, icmplen);
	if (m == NULL) {
		V_icmpstat.icps_tooshort++;
		return (IPPROTO_DONE);
	}
	icp = (const struct icmp *)(mtod(m, char *) + hlen);
	if (icp->icmp_type <= ICMP_MAXTYPE)
		V_icmpstat.icps_inhist[icp->icmp_type]++;
	verdict = input_type(&m, hlen, icmplen);
	if (verdict == ICMP_TORAW && mtod(m, u_char *)[hlen] == ICMP_ECHOREPLY)
		ping_input(m, hlen);
	if (verdict == ICMP_TORAW)
		return (rip_input(&m, offp, proto));
	if (verdict == ICMP_DROP)
		m_freem(m);
	return (IPPROTO_DONE);
}
