/*
 * inet_igmp.c - multicast by source, and what IGMP tells about it: RFC 3376, RFC 2236, RFC 3678,
 * igmp(4).
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/mbuf.h>
#include <sys/socketvar.h>
#include <netinet/igmp.h>
#include <netinet/igmp_var.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>

#include "t/lib/inet_trace.h"
#include "t/lib/tap.h"

int main(void);

#define GROUP "224.1.2.3"
#define UDP(from, text, ...)                                                                       \
	rx(.proto = IPPROTO_UDP, .sport = 5000, .dport = 5353, .src = (from), .dst = GROUP,        \
	    .mflags = M_MCAST, .data = (text), .len = (u_int)strlen(text), ##__VA_ARGS__)

static const char *const types[] = {"0", "IS_IN", "IS_EX", "TO_IN", "TO_EX", "ALLOW", "BLOCK"};

/* One record as "TO_EX 224.1.2.3 {}", sources by their last number. */
static size_t
record_text(char *to, size_t room, const u_char *p, size_t *used)
{
	struct igmp_grouprec rec;
	char name[INET_ADDRSTRLEN];
	size_t n;

	memcpy(&rec, p, sizeof(rec));
	n = (size_t)snprintf(to, room, "%s %s {", rec.ig_type < 7 ? types[rec.ig_type] : "?",
	    inet_ntoa_r(rec.ig_group, name));
	*used = sizeof(rec);
	for (u_int i = 0; i < ntohs(rec.ig_numsrc); i++, *used += 4)
		n += (size_t)snprintf(to + n, room - n, "%s%u", i > 0 ? " " : "", p[*used + 3]);
	return (n + (size_t)snprintf(to + n, room - n, "}"));
}

/* The next message out: "0.22 TO_EX ..." to 224.0.0.22, or "TYPE GROUP"; "" if there is none. */
static const char *
report(void)
{
	static char text[4096];
	struct mbuf *m = tx_mbuf();
	const u_char *p;
	struct igmp ig;
	char name[INET_ADDRSTRLEN];
	size_t n, used, at = sizeof(struct igmp_report);
	u_int hlen;

	text[0] = '\0';
	if (m == NULL)
		return (text);
	m = m_pullup(m, m->m_pkthdr.len);
	p = mtod(m, const u_char *);
	hlen = (p[0] & 15) * 4;
	if (p[9] != IPPROTO_IGMP || p[8] != 1 || p[1] != 0xc0 || hlen != 24 || p[20] != 148 ||
	    in_cksum_skip(m, m->m_pkthdr.len, (int)hlen) != 0) {
		m_freem(m);
		return ("not a right IGMP message");
	}
	memcpy(&ig, p + hlen, sizeof(ig));
	n = (size_t)snprintf(text, sizeof(text), "%u.%u", p[18], p[19]);
	if (ig.igmp_type != IGMP_V3_MEMBERSHIP_REPORT)
		(void)snprintf(text + n, sizeof(text) - n, " %#x %s", ig.igmp_type,
		    inet_ntoa_r(ig.igmp_group, name));
	else
		for (u_int i = 0; i < (u_int)(p[hlen + 6] << 8 | p[hlen + 7]); i++, at += used) {
			text[n++] = ' ';
			n += record_text(text + n, sizeof(text) - n, p + hlen + at, &used);
		}
	m_freem(m);
	return (text);
}

static int
group(struct socket *so, int name)
{
	struct ip_mreq mreq = {addr(GROUP), addr("10.0.0.1")};
	int error = so_setsockopt(so, IPPROTO_IP, name, &mreq, sizeof(mreq));

	trace_sleep_ms(2);
	return (error);
}

static int
source(struct socket *so, int name, const char *src)
{
	struct ip_mreq_source m = {addr(GROUP), addr(src), addr("10.0.0.1")};
	int error = so_setsockopt(so, IPPROTO_IP, name, &m, sizeof(m));

	trace_sleep_ms(2);
	return (error);
}

static struct socket *
member(void)
{
	struct socket *so = sock(SOCK_DGRAM, 0, NULL);

	sock_setint(so, SOL_SOCKET, SO_REUSEPORT, 1);
	sock_bind(so, "0.0.0.0", 5353);
	return (so);
}

/* Time for every repetition; nothing of it is left. */
static void
settle(void)
{
	trace_sleep_ms(30000);
	tx_flush();
}

static void
test_any_source(void)
{
	struct socket *so = member();

	is_int(group(so, IP_ADD_MEMBERSHIP), 0, "a group is joined");
	is_str(report(), "0.22 TO_EX " GROUP " {}", "reported at once");
	is_str(report(), "", "once");
	trace_sleep_ms(1100);
	is_str(report(), "0.22 TO_EX " GROUP " {}", "and again within a second");
	trace_sleep_ms(5000);
	is_str(report(), "", "then no more: the robustness variable is 2");
	is_int(source(so, IP_BLOCK_SOURCE, "10.0.0.9"), 0, "a source is blocked");
	is_str(report(), "0.22 BLOCK " GROUP " {9}", "BLOCK_OLD_SOURCES");
	UDP("10.0.0.9", "blocked");
	UDP("10.0.0.8", "heard");
	is_str(sock_gets(so), "10.0.0.8:5000 heard", "it is not heard, others are");
	is_str(sock_gets(so), "", "only they");
	is_int(source(so, IP_UNBLOCK_SOURCE, "10.0.0.9"), 0, "unblocked before it was told again");
	is_str(report(), "0.22 ALLOW " GROUP " {9}", "ALLOW_NEW_SOURCES takes its place");
	settle();
	is_int(group(so, IP_DROP_MEMBERSHIP), 0, "the group is left");
	is_str(report(), "0.22 TO_IN " GROUP " {}", "reported");
	trace_sleep_ms(1100);
	is_str(report(), "0.22 TO_IN " GROUP " {}", "twice");
	settle();
	soclose(so);
}

static void
test_by_source(void)
{
	struct socket *a = member(), *b = member();

	is_int(source(a, IP_ADD_SOURCE_MEMBERSHIP, "10.0.0.7"), 0, "one source");
	is_str(report(), "0.22 ALLOW " GROUP " {7}", "is allowed");
	UDP("10.0.0.7", "seven");
	UDP("10.0.0.8", "eight");
	is_str(sock_gets(a), "10.0.0.7:5000 seven", "and heard");
	is_str(sock_gets(a), "", "nobody else is");
	is_int(source(a, IP_ADD_SOURCE_MEMBERSHIP, "10.0.0.7"), EADDRNOTAVAIL, "twice");
	is_int(source(a, IP_BLOCK_SOURCE, "10.0.0.7"), EINVAL, "block, in a list of wanted ones");
	is_int(source(b, IP_BLOCK_SOURCE, "10.0.0.7"), EINVAL, "block, of a group not joined");
	is_int(source(b, IP_DROP_SOURCE_MEMBERSHIP, "10.0.0.7"), EINVAL, "drop, the same");
	settle();
	is_int(group(b, IP_ADD_MEMBERSHIP), 0, "another socket wants them all");
	is_str(report(), "0.22 TO_EX " GROUP " {}", "and so does the interface");
	UDP("10.0.0.8", "eight");
	is_str(sock_gets(a), "", "the first has its filter all the same");
	is_str(sock_gets(b), "10.0.0.8:5000 eight", "the other hears");
	is_int(source(b, IP_BLOCK_SOURCE, "10.0.0.7"), 0, "it blocks what the first wants");
	settle();
	soclose(b);
	trace_sleep_ms(2);
	settle();
	is_int(source(a, IP_ADD_SOURCE_MEMBERSHIP, "10.0.0.6"), 0, "a second source");
	is_str(report(), "0.22 ALLOW " GROUP " {6}", "only it is told");
	settle();
	is_int(source(a, IP_DROP_SOURCE_MEMBERSHIP, "10.0.0.7"), 0, "the first is dropped");
	is_str(report(), "0.22 BLOCK " GROUP " {7}", "told");
	is_int(source(a, IP_DROP_SOURCE_MEMBERSHIP, "10.0.0.7"), EADDRNOTAVAIL, "twice");
	settle();
	is_int(source(a, IP_DROP_SOURCE_MEMBERSHIP, "10.0.0.6"), 0, "the last one");
	is_str(report(), "0.22 BLOCK " GROUP " {6}", "is told");
	ok(inm_lookup(fake0, addr(GROUP)) == NULL, "and is the membership");
	settle();
	soclose(a);
}

static void
test_merged(void)
{
	struct socket *a = member(), *b = member(), *c = member();

	group(a, IP_ADD_MEMBERSHIP);
	source(a, IP_BLOCK_SOURCE, "10.0.0.5");
	source(a, IP_BLOCK_SOURCE, "10.0.0.6");
	source(a, IP_BLOCK_SOURCE, "10.0.0.7");
	settle();
	group(b, IP_ADD_MEMBERSHIP);
	is_str(report(), "0.22 ALLOW " GROUP " {5 6 7}", "b excludes nobody");
	source(b, IP_BLOCK_SOURCE, "10.0.0.6");
	source(b, IP_BLOCK_SOURCE, "10.0.0.7");
	settle();
	source(c, IP_ADD_SOURCE_MEMBERSHIP, "10.0.0.7");
	is_str(report(), "0.22 ALLOW " GROUP " {7}", "c wants what both exclude");
	settle();
	soclose(a);
	trace_sleep_ms(2);
	is_str(report(), "", "the intersection is as it was");
	soclose(b);
	trace_sleep_ms(2);
	is_str(report(), "0.22 TO_IN " GROUP " {7}", "with the last EXCLUDE gone");
	settle();
	soclose(c);
	settle();
}

/* A query: code, group, sources by their last number. */
static void
query3(u_int code, const char *of, const u_char *src, u_int n, u_int ttl, bool ra)
{
	u_char buf[12 + 4 * 100] = {IGMP_MEMBERSHIP_QUERY, (u_char)code};
	struct in_addr g = addr(of);
	uint32_t s = 0;
	uint16_t sum;

	memcpy(buf + 4, &g, 4);
	buf[8] = 2;
	buf[9] = 125;
	buf[10] = (u_char)(n >> 8);
	buf[11] = (u_char)n;
	for (u_int i = 0; i < n; i++)
		memcpy(buf + 12 + 4 * i, (u_char[4]){10, 0, 0, src[i]}, 4);
	for (u_int i = 0; i < 12 + 4 * n; i += 2)
		s += (u_int)(buf[i] << 8 | buf[i + 1]);
	s = (s & 0xffff) + (s >> 16);
	sum = (uint16_t) ~((s & 0xffff) + (s >> 16));
	buf[2] = (u_char)(sum >> 8);
	buf[3] = (u_char)sum;
	rx(.proto = IPPROTO_IGMP, .dst = g.s_addr == 0 ? "224.0.0.1" : of, .ttl = ttl,
	    .opt = ra ? "\x94\x04\0\0" : NULL, .optlen = ra ? 4 : 0, .mflags = M_MCAST, .data = buf,
	    .len = 12 + 4 * n);
}

static void
test_queries(void)
{
	struct socket *so = member();
	struct ip_mreq other = {addr("224.9.9.9"), addr("10.0.0.1")};
	uint64_t before;

	group(so, IP_ADD_MEMBERSHIP);
	so_setsockopt(so, IPPROTO_IP, IP_ADD_MEMBERSHIP, &other, sizeof(other));
	source(so, IP_BLOCK_SOURCE, "10.0.0.9");
	settle();
	query3(20, "0.0.0.0", NULL, 0, 1, true);
	is_str(report(), "", "a general query is not answered at once");
	trace_sleep_ms(2100);
	is_str(
	    report(), "0.22 IS_EX 224.9.9.9 {} IS_EX " GROUP " {9}", "within 2 s, in one report");
	is_str(report(), "", "224.0.0.1 is never reported");
	query3(10, GROUP, NULL, 0, 1, true);
	trace_sleep_ms(1100);
	is_str(report(), "0.22 IS_EX " GROUP " {9}", "a query of the group");
	query3(10, GROUP, (const u_char *)"\x08\x09", 2, 1, true);
	trace_sleep_ms(1100);
	is_str(report(), "0.22 IS_IN " GROUP " {8}", "of two sources: the one that is heard");
	query3(10, GROUP, (const u_char *)"\x09", 1, 1, true);
	trace_sleep_ms(1100);
	is_str(report(), "", "of the blocked one: nothing");
	query3(10, "224.7.7.7", NULL, 0, 1, true);
	trace_sleep_ms(1100);
	is_str(report(), "", "of a group that nobody is in");
	query3(10, GROUP, (const u_char *)"\x01", 1, 1, true);
	query3(10, GROUP, (const u_char *)"\x02", 1, 1, true);
	trace_sleep_ms(1100);
	is_str(report(), "0.22 IS_IN " GROUP " {1 2}", "two queries, one answer");
	before = V_igmpstat.igps_rcv_badttl;
	query3(10, GROUP, NULL, 0, 2, true);
	is_int(V_igmpstat.igps_rcv_badttl, before + 1, "a TTL of 2 is counted");
	before = V_igmpstat.igps_rcv_nora;
	query3(10, GROUP, NULL, 0, 1, false);
	is_int(V_igmpstat.igps_rcv_nora, before + 1, "so is one without Router Alert");
	before = V_igmpstat.igps_rcv_badsum;
	rx(.proto = IPPROTO_IGMP, .dst = "224.0.0.1", .ttl = 1, .mflags = M_MCAST,
	    .data = "\x11\x01\x02\x03\0\0\0\0", .len = 8);
	is_int(V_igmpstat.igps_rcv_badsum, before + 1, "a wrong checksum");
	before = V_igmpstat.igps_rcv_tooshort;
	rx(.proto = IPPROTO_IGMP, .dst = "224.0.0.1", .ttl = 1, .mflags = M_MCAST,
	    .data = "\x11\x01\xee\xfe", .len = 4);
	is_int(V_igmpstat.igps_rcv_tooshort, before + 1, "a short one");
	trace_sleep_ms(11000);
	is_str(report(), "", "none of them is answered");
	soclose(so);
	settle();
}

static void
query_old(u_int code, const char *of)
{
	u_char buf[8] = {IGMP_MEMBERSHIP_QUERY, (u_char)code};
	struct in_addr g = addr(of);
	uint32_t s;

	memcpy(buf + 4, &g, 4);
	s = (u_int)(0x1100 + code + (buf[4] << 8 | buf[5]) + (buf[6] << 8 | buf[7]));
	s = (s & 0xffff) + (s >> 16);
	buf[2] = (u_char)(~s >> 8);
	buf[3] = (u_char)~s;
	rx(.proto = IPPROTO_IGMP, .dst = g.s_addr == 0 ? "224.0.0.1" : of, .ttl = 1,
	    .mflags = M_MCAST, .data = buf, .len = 8);
}

static void
test_old_queriers(void)
{
	struct socket *so = member();

	group(so, IP_ADD_MEMBERSHIP);
	settle();
	query_old(10, "0.0.0.0");
	is_int(igmp_host_version(fake0), 2, "a querier of version 2");
	trace_sleep_ms(1100);
	is_str(report(), "2.3 0x16 " GROUP, "is answered in version 2, to the group");
	query_old(10, GROUP);
	rx(.proto = IPPROTO_IGMP, .dst = GROUP, .ttl = 1, .mflags = M_MCAST,
	    .data = "\x16\0\x07\xfb\xe0\x01\x02\x03", .len = 8);
	trace_sleep_ms(1100);
	is_str(report(), "", "another host's report spares ours");
	group(so, IP_DROP_MEMBERSHIP);
	is_str(report(), "", "and its leave, too");
	group(so, IP_ADD_MEMBERSHIP);
	is_str(report(), "2.3 0x16 " GROUP, "a join");
	settle();
	group(so, IP_DROP_MEMBERSHIP);
	is_str(report(), "0.2 0x17 " GROUP, "a leave, to all routers");
	group(so, IP_ADD_MEMBERSHIP);
	settle();
	query_old(0, "0.0.0.0");
	is_int(igmp_host_version(fake0), 1, "a querier of version 1");
	trace_sleep_ms(10100);
	is_str(report(), "2.3 0x12 " GROUP, "is answered in version 1");
	group(so, IP_DROP_MEMBERSHIP);
	is_str(report(), "", "which knows no leave");
	trace_sleep_ms(400000);
	is_int(igmp_host_version(fake0), 3, "version 3 again, when they have been silent for long");
	tx_flush();
	soclose(so);
}

static void
test_requests(void)
{
	struct socket *so = member(), *stream = sock(SOCK_STREAM, 0, NULL);
	struct sockaddr_storage list[200], got[4];
	struct __msfilterreq req = {.msfr_fmode = MCAST_INCLUDE, .msfr_srcs = list};
	struct sockaddr_in sin = {
	    .sin_len = sizeof(sin), .sin_family = AF_INET, .sin_addr = addr(GROUP)};
	struct group_req gr = {.gr_interface = fake0->if_index};
	struct sockopt get = {.sopt_dir = SOPT_GET,
	    .sopt_level = IPPROTO_IP,
	    .sopt_name = IP_MSFILTER,
	    .sopt_val = &req,
	    .sopt_valsize = sizeof(req)};

	memcpy(&gr.gr_group, &sin, sizeof(sin));
	memcpy(&req.msfr_group, &sin, sizeof(sin));
	is_int(so_setsockopt(so, IPPROTO_IP, IP_MSFILTER, &req, sizeof(req)), EINVAL,
	    "a filter of a group that is not joined");
	is_int(so_setsockopt(so, IPPROTO_IP, MCAST_JOIN_GROUP, &gr, sizeof(gr)), 0,
	    "MCAST_JOIN_GROUP");
	is_int(
	    so_setsockopt(so, IPPROTO_IP, MCAST_JOIN_GROUP, &gr, sizeof(gr)), EADDRINUSE, "twice");
	is_int(so_setsockopt(stream, IPPROTO_IP, MCAST_JOIN_GROUP, &gr, sizeof(gr)), EOPNOTSUPP,
	    "of a stream");
	settle();
	for (u_int i = 0; i < nitems(list); i++) {
		sin.sin_addr.s_addr = htonl(0x0a000000 + i);
		memset(&list[i], 0, sizeof(list[i]));
		memcpy(&list[i], &sin, sizeof(sin));
	}
	req.msfr_nsrcs = 3;
	is_int(so_setsockopt(so, IPPROTO_IP, IP_MSFILTER, &req, sizeof(req)), 0, "IP_MSFILTER");
	trace_sleep_ms(2);
	is_str(report(), "0.22 TO_IN " GROUP " {0 1 2}", "the whole filter at once");
	req.msfr_nsrcs = nitems(list);
	is_int(so_setsockopt(so, IPPROTO_IP, IP_MSFILTER, &req, sizeof(req)), ENOBUFS,
	    "more than net.inet.ip.mcast.maxsocksrc");
	req.msfr_srcs = got;
	req.msfr_nsrcs = 2;
	is_int(sogetopt(so, &get), 0, "it is read back");
	is_int(req.msfr_nsrcs, 3, "as many as there are");
	is_int(req.msfr_fmode, MCAST_INCLUDE, "of that mode");
	settle();
	req.msfr_nsrcs = 0;
	is_int(so_setsockopt(so, IPPROTO_IP, IP_MSFILTER, &req, sizeof(req)), 0, "an empty one");
	ok(inm_lookup(fake0, addr(GROUP)) == NULL, "is a leave");
	is_int(so_setsockopt(so, IPPROTO_IP, MCAST_LEAVE_GROUP, &gr, sizeof(gr)), EADDRNOTAVAIL,
	    "MCAST_LEAVE_GROUP of what is left");
	gr.gr_interface = 99;
	is_int(so_setsockopt(so, IPPROTO_IP, MCAST_JOIN_GROUP, &gr, sizeof(gr)), EADDRNOTAVAIL,
	    "an interface that is not");
	settle();
	soclose(so);
	soclose(stream);
}

int
main(void)
{
	trace_init();
	settle();
	test_any_source();
	test_by_source();
	test_merged();
	test_queries();
	test_old_queriers();
	test_requests();
	return (tap_done());
}
