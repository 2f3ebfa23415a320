/*
 * inet_icmp.c - ICMP: what is answered, what is reported and to whom, what no error is sent about,
 * rate limits, redirects. RFC 792, RFC 1122 3.2.2, RFC 6633, icmp(4).
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/socketvar.h>
#include <net/route.h>
#include <netinet/in_systm.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>

#include "t/lib/inet_trace.h"
#include "t/lib/tap.h"

int main(void);

static u_char msg[2000];
static u_int msglen;

#define ICMP(t, c, r, bytes, n, ...)                                                               \
	do {                                                                                       \
		msglen = icmp_make(msg, t, c, r, bytes, n);                                        \
		rx(.proto = IPPROTO_ICMP, .data = msg, .len = msglen, ##__VA_ARGS__);              \
	} while (0)

static void
test_echo(void)
{
	static u_char big[1400];
	struct mbuf *m;
	u_int i;

	for (i = 0; i < sizeof(big); i++)
		big[i] = (u_char)i;
	ICMP(ICMP_ECHO, 0, 7 << 16 | 1, "", 0);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 0/0 id 7 seq 1 len 0", "an empty echo");
	ICMP(ICMP_ECHO, 0, 7 << 16 | 2, big, sizeof(big), .tos = 0x10);
	m = tx_mbuf();
	ok(m != NULL && m->m_pkthdr.len == 1428, "a large one");
	if (m != NULL) {
		m_copydata(m, 28, 1400, msg);
		is_mem(msg, big, sizeof(big), "comes back as it was");
		is_int(mtod(m, struct ip *)->ip_tos, 0x10, "with the request's type of service");
		m_freem(m);
	}
	ICMP(ICMP_ECHO, 0, 1, "abcd", 4, .dst = "10.0.0.255", .mflags = M_BCAST);
	is_str(tx(), "", "a broadcast echo is not answered");
	ICMP(ICMP_ECHO, 0, 1, "abcd", 4, .dst = "224.0.0.1", .mflags = M_MCAST);
	is_str(tx(), "", "nor one to all hosts");
	is_int(V_icmpstat.icps_bmcastecho, 2, "both counted");
	trace_sysctl("net.inet.icmp.bmcastecho", 1);
	ICMP(ICMP_ECHO, 0, 1, "abcd", 4, .dst = "10.0.0.255", .mflags = M_BCAST);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 0/0 id 0 seq 1 len 4",
	    "with bmcastecho=1 it is, from the interface's address");
	trace_sysctl("net.inet.icmp.bmcastecho", 0);
}

static void
test_malformed(void)
{
	uint64_t before = V_icmpstat.icps_tooshort;
	u_int len;

	msglen = icmp_make(msg, ICMP_ECHO, 0, 1, "abcd", 4);
	for (len = 0; len < 8; len++)
		rx(.proto = IPPROTO_ICMP, .data = msg, .len = len);
	is_int(V_icmpstat.icps_tooshort - before, 8, "0 to 7 bytes: too short");
	before = V_icmpstat.icps_checksum;
	msg[9] ^= 1;
	rx(.proto = IPPROTO_ICMP, .data = msg, .len = msglen);
	is_int(V_icmpstat.icps_checksum - before, 1, "a wrong checksum");
	is_str(tx(), "", "none answered");
}

static void
test_timestamp(void)
{
	u_char times[12] = {1, 2, 3, 4};
	struct mbuf *m;

	ICMP(ICMP_TSTAMP, 0, 5 << 16 | 9, times, 12);
	m = tx_mbuf();
	if (ok(m != NULL, "a time stamp request is answered")) {
		m_copydata(m, 20, 20, msg);
		is_int(msg[0], ICMP_TSTAMPREPLY, "with a reply");
		is_int(be32dec(msg + 8), 0x01020304, "the originate time unchanged");
		ok(be32dec(msg + 12) == ntohl(iptime()) && be32dec(msg + 16) == ntohl(iptime()),
		    "receive and transmit are the time of day");
		m_freem(m);
	}
	ICMP(ICMP_TSTAMP, 0, 1, times, 8);
	is_str(tx(), "", "one that is too short is not");
	trace_sysctl("net.inet.icmp.tstamprepl", 0);
	ICMP(ICMP_TSTAMP, 0, 1, times, 12);
	is_str(tx(), "", "nor any with tstamprepl=0");
	trace_sysctl("net.inet.icmp.tstamprepl", 1);
	ICMP(ICMP_MASKREQ, 0, 1, times, 4);
	is_str(tx(), "", "nor an address mask request");
}

/* RFC 1122 3.2.2: no error about these. */
static void
test_no_error(void)
{
	static const u_char payload[64];
	const struct {
		struct rx_packet p;
		const char *what;
	} cases[] = {
	    {{.off = 5, .proto = 200}, "a fragment but the first (never whole)"},
	    {{.dst = "10.0.0.255", .mflags = M_BCAST}, "a broadcast"},
	    {{.dst = "224.0.0.1", .mflags = M_MCAST}, "a multicast"},
	    {{.mflags = M_MCAST}, "a link multicast"},
	    {{.src = "10.0.0.255"}, "one from a broadcast address"},
	    {{.src = "240.0.0.1"}, "one from class E"},
	};
	struct rx_packet p;
	u_int i;

	for (i = 0; i < nitems(cases); i++) {
		p = cases[i].p;
		p.proto = 200;
		p.data = payload;
		p.len = 64;
		trace_rx(&p);
		is_str(tx(), "", "no error about %s", cases[i].what);
	}
	ip_drain();
	rx(.proto = IPPROTO_ICMP, .data = msg,
	    .len = icmp_make(msg, ICMP_UNREACH, ICMP_UNREACH_PORT, 0, payload, 64));
	is_str(tx(), "", "none about an error");
}

static void
test_quote(void)
{
	static const u_char payload[1400];

	rx(.proto = 200, .data = payload, .len = 1400);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 3/2 about 10.0.0.2 > 10.0.0.1 proto 200 quote 28",
	    "an error quotes 8 bytes");
	trace_sysctl("net.inet.icmp.quotelen", 512);
	rx(.proto = 200, .data = payload, .len = 1400);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 3/2 about 10.0.0.2 > 10.0.0.1 proto 200 quote 532",
	    "or quotelen");
	trace_sysctl("net.inet.icmp.quotelen", 8);
	rx(.proto = 200, .data = payload, .len = 3);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 3/2 about 10.0.0.2 > 10.0.0.1 proto 200 quote 23",
	    "or all there is");
}

static void
test_rate(void)
{
	u_int i, n;

	trace_sysctl("net.inet.icmp.icmplim", 50);
	trace_sysctl("net.inet.icmp.icmplim_jitter", 0);
	trace_sleep_ms(1100);
	for (i = 0; i < 200; i++)
		rx(.proto = 200, .data = "12345678", .len = 8);
	n = (u_int)tx_count();
	is_int(n, 50, "200 packets in a second, 50 errors");
	tx_flush();
	ICMP(ICMP_ECHO, 0, 1, "abcd", 4);
	is_int(tx_count(), 1, "echo replies have a limit of their own");
	trace_sleep_ms(1000);
	tx_flush();
	rx(.proto = 200, .data = "12345678", .len = 8);
	is_int(tx_count(), 1, "in the next second there are errors again");
	tx_flush();
	trace_sysctl("net.inet.icmp.icmplim_jitter", 10);
	trace_sleep_ms(1000);
	for (i = 0; i < 200; i++)
		rx(.proto = 200, .data = "12345678", .len = 8);
	n = (u_int)tx_count();
	ok(n >= 40 && n <= 60, "with a jitter of 10, 50 give or take 10: %u", n);
	tx_flush();
	trace_sysctl("net.inet.icmp.icmplim", 0);
}

/* A UDP packet of ours from port 1000 to 10.0.0.2:2000, as an error quotes it. */
static u_int
quote(u_char *buf, const char *src, const char *dst, u_int proto)
{
	struct ip ip = {.ip_v = 4, .ip_hl = 5, .ip_len = htons(40), .ip_ttl = 63};

	ip.ip_p = (u_char)proto;
	ip.ip_src = addr(src);
	ip.ip_dst = addr(dst);
	memcpy(buf, &ip, sizeof(ip));
	be16enc(buf + 20, 1000);
	be16enc(buf + 22, 2000);
	be16enc(buf + 24, 20);
	be16enc(buf + 26, 0);
	return (28);
}

static void
test_unreach(void)
{
	static const struct {
		int type, code, error;
	} cases[] = {
	    {ICMP_UNREACH, ICMP_UNREACH_NET, EHOSTUNREACH},
	    {ICMP_UNREACH, ICMP_UNREACH_HOST, EHOSTUNREACH},
	    {ICMP_UNREACH, ICMP_UNREACH_PROTOCOL, ECONNREFUSED},
	    {ICMP_UNREACH, ICMP_UNREACH_PORT, ECONNREFUSED},
	    {ICMP_UNREACH, ICMP_UNREACH_NEEDFRAG, EMSGSIZE},
	    {ICMP_UNREACH, ICMP_UNREACH_FILTER_PROHIB, ECONNREFUSED},
	    {ICMP_TIMXCEED, ICMP_TIMXCEED_INTRANS, EHOSTUNREACH},
	    {ICMP_PARAMPROB, 0, ENOPROTOOPT},
	    {ICMP_SOURCEQUENCH, 0, 0},
	    {ICMP_UNREACH, 16, 0},
	};
	struct socket *so = sock(SOCK_DGRAM, 0, NULL), *other = sock(SOCK_DGRAM, 0, NULL);
	u_char q[100];
	u_int i;

	is_int(sock_bind(so, "10.0.0.1", 1000), 0, "a socket on port 1000");
	is_int(sock_connect(so, "10.0.0.2", 2000), 0, "connected to 10.0.0.2:2000");
	is_int(sock_bind(other, "0.0.0.0", 1001), 0, "another, not connected");
	for (i = 0; i < nitems(cases); i++) {
		ICMP(cases[i].type, cases[i].code, 0, q, quote(q, "10.0.0.1", "10.0.0.2", 17),
		    .src = "10.0.0.254");
		is_int(
		    so->so_error, cases[i].error, "type %d code %d", cases[i].type, cases[i].code);
		so->so_error = 0;
	}
	ICMP(ICMP_UNREACH, 3, 0, q, quote(q, "10.0.0.1", "10.0.0.3", 17));
	is_int(so->so_error, 0, "about a packet to somebody else: nothing");
	quote(q, "10.0.0.1", "10.0.0.2", 17);
	be16enc(q + 20, 1001);
	ICMP(ICMP_UNREACH, 3, 0, q, 28);
	is_int(other->so_error, 0, "an unconnected socket hears of nothing");
	i = (u_int)V_icmpstat.icps_badaddr;
	ICMP(ICMP_UNREACH, 3, 0, q, quote(q, "10.0.0.77", "10.0.0.2", 17));
	is_int(V_icmpstat.icps_badaddr - i, 1, "about a packet that we cannot have sent: counted");
	soclose(so);
	soclose(other);
}

static void
test_bad_quotes(void)
{
	u_char q[100];
	uint64_t before = V_icmpstat.icps_badlen;
	u_int len;

	quote(q, "10.0.0.1", "10.0.0.2", 17);
	for (len = 0; len < 28; len++)
		ICMP(ICMP_UNREACH, 3, 0, q, len);
	is_int(V_icmpstat.icps_badlen - before, 28, "a quote of 0 to 27 bytes");
	before = V_icmpstat.icps_badlen;
	q[0] = 0x4f;
	ICMP(ICMP_UNREACH, 3, 0, q, 28);
	q[0] = 0x44;
	ICMP(ICMP_UNREACH, 3, 0, q, 28);
	q[0] = 0x65;
	ICMP(ICMP_UNREACH, 3, 0, q, 28);
	is_int(V_icmpstat.icps_badlen - before, 3, "a quoted header too long, too short, not IPv4");
}

static const char *
way_to(const char *ip)
{
	static char buf[INET_ADDRSTRLEN];
	struct nhop_object *nh = fib4_lookup(RT_DEFAULT_FIB, addr(ip), 0, NHR_NONE, 0);

	if (nh == NULL)
		return ("none");
	if ((nh->nh_flags & NHF_GATEWAY) == 0)
		return ("link");
	return (inet_ntoa_r(nh->gw4_sa.sin_addr, buf));
}

#define REDIRECT(gw, about, ...)                                                                   \
	ICMP(ICMP_REDIRECT, 1, ntohl(addr(gw).s_addr), q, quote(q, "10.0.0.1", about, 17),         \
	    ##__VA_ARGS__)

static void
test_redirect(void)
{
	u_char q[100];

	is_str(way_to("192.0.2.7"), "10.0.0.254", "192.0.2.7 by the default router");
	REDIRECT("10.0.0.253", "192.0.2.7", .src = "10.0.0.99");
	is_str(way_to("192.0.2.7"), "10.0.0.254", "a redirect from another host: no");
	REDIRECT("203.0.113.1", "192.0.2.7", .src = "10.0.0.254");
	is_str(way_to("192.0.2.7"), "10.0.0.254", "to a router that is not on the link: no");
	REDIRECT("10.0.0.1", "192.0.2.7", .src = "10.0.0.254");
	is_str(way_to("192.0.2.7"), "10.0.0.254", "to ourselves: no");
	REDIRECT("10.0.0.255", "192.0.2.7", .src = "10.0.0.254");
	is_str(way_to("192.0.2.7"), "10.0.0.254", "to everybody: no");
	trace_sysctl("net.inet.icmp.drop_redirect", 1);
	REDIRECT("10.0.0.253", "192.0.2.7", .src = "10.0.0.254");
	is_str(way_to("192.0.2.7"), "10.0.0.254", "with drop_redirect=1: no");
	trace_sysctl("net.inet.icmp.drop_redirect", 0);
	REDIRECT("10.0.0.253", "192.0.2.7", .src = "10.0.0.254");
	is_str(way_to("192.0.2.7"), "10.0.0.253", "from our router, to a neighbour: yes");
	is_str(way_to("192.0.2.8"), "10.0.0.254", "for that host alone");
	trace_sleep_ms(601000);
	is_str(way_to("192.0.2.7"), "10.0.0.254", "for ten minutes");
}

static void
test_plateaus(void)
{
	is_int(ip_next_mtu(1500, 1), 1492, "below 1500: 1492");
	is_int(ip_next_mtu(68, 1), 0, "below 68: none");
	is_int(ip_next_mtu(1500, -1), 2002, "above 1500: 2002");
	is_int(ip_next_mtu(65535, -1), 0, "above 65535: none");
}

int
main(void)
{
	struct mbstat before, after;

	trace_init();
	trace_sysctl("net.inet.icmp.icmplim", 0);
	trace_sysctl("net.inet.icmp.icmplim_output", 0);
	mb_stat(&before);
	test_echo();
	test_malformed();
	test_timestamp();
	test_no_error();
	test_quote();
	test_rate();
	test_unreach();
	test_bad_quotes();
	test_redirect();
	test_plateaus();
	tx_flush();
	mb_stat(&after);
	is_int(after.mbufs_used, before.mbufs_used, "no mbuf is left over");
	return (tap_done());
}
