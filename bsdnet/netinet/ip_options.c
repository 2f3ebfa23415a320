/*
 * ip_options.c - IPv4 options (RFC 791 3.1, RFC 1122 3.2.1.8, RFC 2113).
 *
 * In: record route and time stamp are filled in, router alert is let pass, source
 * routes are refused: net.inet.ip.sourceroute and accept_sourceroute stand for
 * what this host will never do. Out: a socket's options (ip(4), IP_OPTIONS) are
 * put behind the header, and the copied ones go into every fragment.
 * Called by ip_input(), ip_output(), ip_fragment() and the socket options.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/mbuf.h>
#include <sys/priv.h>
#include <sys/sysctl.h>
#include <sys/time.h>

#include <net/if_var.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_systm.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>

VNET_DEFINE_STATIC(int, ip_doopts) = 1;
#define V_ip_doopts VNET(ip_doopts)
VNET_DEFINE_STATIC(int, ip_sourceroute) = 0;
VNET_DEFINE_STATIC(int, ip_acceptsourceroute) = 0;

SYSCTL_DECL(_net_inet_ip);
SYSCTL_INT_RANGE(_net_inet_ip, OID_AUTO, process_options, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(ip_doopts), 0, 2,
    "IP options of received packets: 0 ignored, 1 processed (default), 2 refused by ICMP");
SYSCTL_INT(_net_inet_ip, OID_AUTO, sourceroute, CTLFLAG_VNET | CTLFLAG_RD,
    &VNET_NAME(ip_sourceroute), 0, "Forward source-routed packets: 0, this host never does");
SYSCTL_INT(_net_inet_ip, OID_AUTO, accept_sourceroute, CTLFLAG_VNET | CTLFLAG_RD,
    &VNET_NAME(ip_acceptsourceroute), 0,
    "Accept source-routed packets for us: 0, they are dropped, nothing may ask for an answer by "
    "a way of the sender's choice");

/* Time stamp option, RFC 791: flag in the low half of the fourth byte, overflow in the high. */
#define TS_OVERFLOW 3
#define TS_TSONLY 0
#define TS_TSANDADDR 1
#define TS_PRESPEC 3

/* ms since midnight, universal time, network order. */
uint32_t
iptime(void)
{
	struct timeval tv;

	microtime(&tv);
	return (htonl((uint32_t)(tv.tv_sec % 86400 * 1000 + tv.tv_usec / 1000)));
}

/* What came of one option. */
enum opt_verdict { OPT_OK, OPT_BAD, OPT_SRCFAIL, OPT_DROP };

/* The address that this host records: the one it was reached by. */
static struct in_addr
record_address(const struct mbuf *m, const struct ip *ip)
{
	struct in_ifaddr *ia;

	if (!in_localip(ip->ip_dst) && m->m_pkthdr.rcvif != NULL &&
	    (ia = in_ifaddr_first(m->m_pkthdr.rcvif)) != NULL)
		return (IA_SIN(ia)->sin_addr);
	return (ip->ip_dst);
}

static enum opt_verdict
do_record_route(const struct mbuf *m, const struct ip *ip, u_char *opt, u_int optlen, u_int *badat)
{
	struct in_addr addr;
	u_int ptr;

	if (optlen < IPOPT_OFFSET + 1 || opt[IPOPT_OFFSET] < IPOPT_MINOFF) {
		*badat = IPOPT_OFFSET;
		return (OPT_BAD);
	}
	ptr = opt[IPOPT_OFFSET] - 1u;
	if (ptr + sizeof(addr) > optlen)
		return (OPT_OK); /* full */
	addr = record_address(m, ip);
	memcpy(opt + ptr, &addr, sizeof(addr));
	opt[IPOPT_OFFSET] += sizeof(addr);
	return (OPT_OK);
}

static enum opt_verdict
do_timestamp(const struct mbuf *m, const struct ip *ip, u_char *opt, u_int optlen, u_int *badat)
{
	uint32_t now = iptime();
	struct in_addr addr;
	u_int ptr, need;

	*badat = IPOPT_OFFSET;
	if (optlen < 4 || optlen > 40 || opt[IPOPT_OFFSET] < 5) {
		*badat = optlen < 4 || optlen > 40 ? IPOPT_OLEN : IPOPT_OFFSET;
		return (OPT_BAD);
	}
	ptr = opt[IPOPT_OFFSET] - 1u;
	need = (opt[TS_OVERFLOW] & 0xf) == TS_TSONLY ? sizeof(now) : sizeof(now) + sizeof(addr);
	if (ptr + need > optlen) {
		*badat = TS_OVERFLOW;
		if (opt[TS_OVERFLOW] >> 4 == 15)
			return (OPT_BAD);
		opt[TS_OVERFLOW] += 0x10;
		return (OPT_OK);
	}
	switch (opt[TS_OVERFLOW] & 0xf) {
	case TS_TSONLY:
		break;
	case TS_TSANDADDR:
		addr = record_address(m, ip);
		memcpy(opt + ptr, &addr, sizeof(addr));
		ptr += sizeof(addr);
		break;
	case TS_PRESPEC:
		memcpy(&addr, opt + ptr, sizeof(addr));
		if (!in_localip(addr))
			return (OPT_OK); /* another host's turn */
		ptr += sizeof(addr);
		break;
	default:
		*badat = TS_OVERFLOW;
		return (OPT_BAD);
	}
	memcpy(opt + ptr, &now, sizeof(now));
	opt[IPOPT_OFFSET] += need;
	return (OPT_OK);
}

static enum opt_verdict
do_source_route(const u_char *opt, u_int optlen, u_int *badat)
{
	*badat = IPOPT_OFFSET;
	if (optlen < IPOPT_OFFSET + 1 || opt[IPOPT_OFFSET] < IPOPT_MINOFF)
		return (OPT_BAD);
	/* beyond the end: we are where it leads. Before: we would have to pass it on. */
	return (opt[IPOPT_OFFSET] > optlen ? OPT_DROP : OPT_SRCFAIL);
}

static enum opt_verdict
do_option(const struct mbuf *m, const struct ip *ip, u_char *opt, u_int optlen, u_int *badat)
{
	switch (opt[IPOPT_OPTVAL]) {
	case IPOPT_LSRR:
	case IPOPT_SSRR:
		return (do_source_route(opt, optlen, badat));
	case IPOPT_RR:
		return (do_record_route(m, ip, opt, optlen, badat));
	case IPOPT_TS:
		return (do_timestamp(m, ip, opt, optlen, badat));
	case IPOPT_RA:
		*badat = IPOPT_OLEN;
		return (optlen == 4 ? OPT_OK : OPT_BAD);
	default:
		return (OPT_OK); /* RFC 1122: those that we do not know we ignore */
	}
}

/*
 * The length of the option at opt with cnt bytes left: 0 at the end of the list, -1 if
 * it is not well-formed.
 */
static int
option_length(const u_char *opt, u_int cnt)
{
	if (cnt == 0 || opt[IPOPT_OPTVAL] == IPOPT_EOL)
		return (0);
	if (opt[IPOPT_OPTVAL] == IPOPT_NOP)
		return (1);
	if (cnt < 2 || opt[IPOPT_OLEN] < 2 || opt[IPOPT_OLEN] > cnt)
		return (-1);
	return (opt[IPOPT_OLEN]);
}

/*
 * The whole header is in m's first mbuf, which is writable. 0: go on; else m was consumed,
 * an ICMP error perhaps sent.
 */
int
ip_dooptions(struct mbuf *m, int pass __unused)
{
	const u_int hlen = mtod(m, struct ip *)->ip_hl << 2;
	enum opt_verdict verdict = OPT_OK;
	u_int off, badat = 0;
	u_char *base;
	int optlen;

	if (V_ip_doopts == 0)
		return (0);
	if (V_ip_doopts == 2) {
		icmp_error(m, ICMP_UNREACH, ICMP_UNREACH_FILTER_PROHIB, 0, 0);
		return (1);
	}
	base = mtod(m, u_char *);
	for (off = sizeof(struct ip); off < hlen; off += (u_int)optlen) {
		optlen = option_length(base + off, hlen - off);
		if (optlen == 0)
			break;
		badat = IPOPT_OLEN;
		if (optlen < 0)
			verdict = OPT_BAD;
		else if (optlen > 1)
			verdict = do_option(
			    m, mtod(m, const struct ip *), base + off, (u_int)optlen, &badat);
		if (verdict != OPT_OK)
			break;
	}
	if (verdict == OPT_OK)
		return (0);
	IPSTAT_INC(ips_badoptions);
	if (verdict == OPT_BAD)
		icmp_error(m, ICMP_PARAMPROB, (int)(off + badat), 0, 0);
	else if (verdict == OPT_SRCFAIL)
		icmp_error(m, ICMP_UNREACH, ICMP_UNREACH_SRCFAIL, 0, 0);
	else
		m_freem(m);
	return (1);
}

/* An echo reply carries record route, time stamp and security back (RFC 1122 3.2.2.6). */
void
ip_replyoptions(struct mbuf *m)
{
	const u_int hlen = mtod(m, struct ip *)->ip_hl << 2;
	u_char *base = mtod(m, u_char *);
	u_int off;
	int optlen;

	for (off = sizeof(struct ip); off < hlen; off += (u_int)optlen) {
		optlen = option_length(base + off, hlen - off);
		if (optlen <= 0) {
			memset(base + off, IPOPT_EOL, hlen - off);
			return;
		}
		switch (base[off]) {
		case IPOPT_RR:
		case IPOPT_TS:
		case IPOPT_SECURITY:
			break;
		default:
			memset(base + off, IPOPT_NOP, (size_t)optlen);
		}
	}
}

/* Copies to dst those options of src that every fragment has; returns their padded length. */
int
ip_optcopy(struct ip *src, struct ip *dst)
{
	const u_int hlen = src->ip_hl << 2;
	const u_char *from = (const u_char *)src;
	u_char *to = (u_char *)dst;
	u_int off, len = 0;
	int optlen;

	for (off = sizeof(*src); off < hlen; off += (u_int)optlen) {
		optlen = option_length(from + off, hlen - off);
		if (optlen <= 0)
			break;
		if (IPOPT_COPIED(from[off])) {
			memcpy(to + sizeof(*dst) + len, from + off, (size_t)optlen);
			len += (u_int)optlen;
		}
	}
	while (len % 4 != 0)
		to[sizeof(*dst) + len++] = IPOPT_EOL;
	return ((int)len);
}

/* Puts opt behind m's header; *phlen is the header's new length, 0 if nothing was done. */
struct mbuf *
ip_insertoptions(struct mbuf *m, struct mbuf *opt, int *phlen)
{
	const int optlen = opt->m_len;
	struct ip *ip = mtod(m, struct ip *);
	struct mbuf *n;

	*phlen = 0;
	if (optlen == 0 || optlen > MAX_IPOPTLEN || optlen + ntohs(ip->ip_len) > IP_MAXPACKET)
		return (m);
	/* a header mbuf of its own: the payload may be shared */
	n = m_gethdr(M_NOWAIT, MT_DATA);
	if (n == NULL)
		return (m);
	m_move_pkthdr(n, m);
	n->m_pkthdr.len += optlen;
	m->m_len -= (int)sizeof(struct ip);
	m->m_data += sizeof(struct ip);
	n->m_next = m;
	n->m_data += max_linkhdr;
	n->m_len = optlen + (int)sizeof(struct ip);
	memcpy(mtod(n, void *), ip, sizeof(struct ip));
	ip = mtod(n, struct ip *);
	memcpy(ip + 1, mtod(opt, void *), (size_t)optlen);
	*phlen = optlen + (int)sizeof(struct ip);
	ip->ip_v = IPVERSION;
	ip->ip_hl = (u_int)*phlen >> 2;
	ip->ip_len = htons((u_short)(ntohs(ip->ip_len) + optlen));
	return (n);
}

/* setsockopt(IP_OPTIONS): m holds the list as the program gave it. Consumes m. */
int
ip_pcbopts(struct inpcb *inp, int optname __unused, struct mbuf *m)
{
	u_int off, cnt;
	u_char *opt;
	int optlen, error = 0;

	if (m == NULL || m->m_len == 0) {
		m_freem(m);
		m_freem(inp->inp_options);
		inp->inp_options = NULL;
		return (0);
	}
	if (m->m_len > MAX_IPOPTLEN || m->m_next != NULL) {
		m_freem(m);
		return (EINVAL);
	}
	while (m->m_len % 4 != 0)
		mtod(m, u_char *)[m->m_len++] = IPOPT_EOL;
	opt = mtod(m, u_char *);
	cnt = (u_int)m->m_len;
	for (off = 0; off < cnt && error == 0; off += (u_int)optlen) {
		optlen = option_length(opt + off, cnt - off);
		if (optlen == 0)
			break;
		if (optlen < 0)
			error = EINVAL;
		else if (opt[off] == IPOPT_LSRR || opt[off] == IPOPT_SSRR)
			error = EPERM;
	}
	if (error != 0) {
		m_freem(m);
		return (error);
	}
	m_freem(inp->inp_options);
	inp->inp_options = m;
	return (0);
}
