/*
 * inet_reass.c - fragments come in: any order, duplicates, overlaps, too many, too long, too late.
 * RFC 791 3.2, RFC 1122 3.3.2, RFC 1858, RFC 5722's rule for overlaps.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>

#include "t/lib/inet_trace.h"
#include "t/lib/tap.h"

int main(void);

#define PIECE 8u

static u_char echo[70000];
static u_int echolen;

static void
make_echo(u_int len)
{
	static u_char data[70000];
	u_int i;

	for (i = 0; i < len; i++)
		data[i] = (u_char)(i * 13);
	echolen = icmp_make(echo, ICMP_ECHO, 0, 7 << 16 | 1, data, len - 8);
}

/* Bytes [from, to) of the echo request, as a fragment of datagram id. */
static void
frag(u_int id, u_int from, u_int to)
{
	rx(.proto = IPPROTO_ICMP, .id = id, .off = from / 8 | (to < echolen ? IP_MF : 0),
	    .data = echo + from, .len = to - from);
}

static const char answer40[] = "10.0.0.1 > 10.0.0.2 icmp 0/0 id 7 seq 1 len 32";

static void
test_orders(void)
{
	static const u_char orders[][5] = {
	    {0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 0, 4, 1, 3}, {1, 3, 0, 2, 4}, {4, 0, 3, 1, 2}};
	u_int i, j;

	make_echo(40);
	for (i = 0; i < nitems(orders); i++) {
		for (j = 0; j < 5; j++) {
			is_int(tx_count(), 0, "order %u: nothing after %u of 5", i, j);
			frag(100 + i, orders[i][j] * PIECE, (orders[i][j] + 1u) * PIECE);
		}
		is_str(tx(), answer40, "order %u: whole after the fifth", i);
	}
	is_int(V_ipstat.ips_reassembled, nitems(orders), "counted");
}

static void
test_keys(void)
{
	make_echo(16);
	frag(1, 0, 8);
	rx(.proto = IPPROTO_ICMP, .id = 2, .off = 1, .data = echo + 8, .len = 8);
	rx(.proto = IPPROTO_ICMP, .id = 1, .off = 1, .data = echo + 8, .len = 8, .src = "10.0.0.3");
	rx(.proto = 50, .id = 1, .off = 1, .data = echo + 8, .len = 8);
	is_str(tx(), "", "another id, source or protocol is another datagram");
	frag(1, 8, 16);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 0/0 id 7 seq 1 len 8", "the right one completes it");
	ip_drain();
	is_int(trace_sysctl("net.inet.ip.maxfragpackets", 1024), 1024, "default of maxfragpackets");
}

static void
test_duplicates(void)
{
	make_echo(40);
	frag(1, 0, 16);
	frag(1, 0, 16);
	frag(1, 24, 40);
	frag(1, 24, 40);
	frag(1, 16, 24);
	is_str(tx(), answer40, "exact duplicates do no harm");
}

static void
test_overlaps(void)
{
	static const struct {
		u_int a, b;
		const char *what;
	} cases[] = {{8, 24, "over the first one's end"}, {16, 32, "over the second one's start"},
	    {8, 16, "inside the first"}, {8, 40, "over the last one's start"},
	    {0, 40, "over everything"}, {0, 8, "the same start, shorter"}};
	uint64_t before;
	u_int i;

	make_echo(48);
	for (i = 0; i < nitems(cases); i++) {
		before = V_ipstat.ips_fragdropped;
		frag(50 + i, 0, 16);
		frag(50 + i, 24, 48);
		frag(50 + i, cases[i].a, cases[i].b);
		frag(50 + i, 16, 24);
		is_str(tx(), "", "overlap %s: the datagram is given up", cases[i].what);
		is_int(V_ipstat.ips_fragdropped - before, 3, "its fragments are counted");
		ip_drain();
	}
}

static void
test_contradictions(void)
{
	make_echo(48);
	frag(1, 24, 48);
	rx(.proto = IPPROTO_ICMP, .id = 1, .off = 2, .data = echo, .len = 8);
	frag(1, 0, 16);
	is_str(tx(), "", "two different ends");
	ip_drain();
	frag(2, 24, 48);
	rx(.proto = IPPROTO_ICMP, .id = 2, .off = 6 | IP_MF, .data = echo, .len = 8);
	frag(2, 0, 24);
	is_str(tx(), "", "a fragment behind the end");
	ip_drain();
	frag(3, 32, 40);
	rx(.proto = IPPROTO_ICMP, .id = 3, .off = 1, .data = echo, .len = 8);
	is_str(tx(), "", "an end before what is there");
	ip_drain();
}

static void
test_malformed(void)
{
	static u_char big[65000];
	uint64_t before = V_ipstat.ips_toosmall;

	rx(.proto = IPPROTO_ICMP, .id = 1, .off = IP_MF, .data = big, .len = 12);
	is_int(V_ipstat.ips_toosmall - before, 1, "a middle fragment not a multiple of 8");
	rx(.proto = IPPROTO_ICMP, .id = 1, .off = 4, .data = big, .len = 0);
	is_int(V_ipstat.ips_toosmall - before, 2, "an empty fragment");
	rx(.proto = IPPROTO_TCP, .id = 1, .off = 1, .data = big, .len = 80);
	is_int(V_ipstat.ips_toosmall - before, 3, "TCP cut behind its ports (RFC 1858)");
	before = V_ipstat.ips_toolong;
	rx(.proto = IPPROTO_ICMP, .id = 1, .off = 0x1fff, .data = big, .len = 100);
	is_int(V_ipstat.ips_toolong - before, 1, "the ping of death: beyond 65535 bytes");
	is_int(trace_sysctl("net.inet.ip.maxfrags", 8192), 8192, "default of maxfrags");
}

static void
test_long(void)
{
	u_int at;

	make_echo(65515);
	for (at = 0; at < echolen; at += 1480)
		frag(9, at, min(at + 1480, echolen));
	is_int(V_ipstat.ips_toolong, 1, "65535 bytes are not too long");
	is_int(tx_count(), 45, "answered, in 45 fragments");
	tx_flush();
}

static void
test_timeout(void)
{
	const uint64_t before = V_ipstat.ips_fragtimeout;

	make_echo(48);
	frag(1, 0, 24);
	frag(2, 24, 48);
	trace_sleep_ms(29900);
	is_str(tx(), "", "29.9 s: nothing yet");
	trace_sleep_ms(200);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 11/1 about 10.0.0.2 > 10.0.0.1 proto 1 quote 28",
	    "30 s: time exceeded, for the one whose first fragment is here");
	is_str(tx(), "", "none for the other");
	is_int(V_ipstat.ips_fragtimeout - before, 2, "both counted");
	frag(1, 24, 48);
	is_str(tx(), "", "the rest comes too late");
	ip_drain();
}

static void
test_bounds(void)
{
	uint64_t before;
	u_int i;

	trace_sysctl("net.inet.ip.maxfragpackets", 4);
	make_echo(16);
	for (i = 0; i < 6; i++)
		frag(i, 0, 8);
	frag(0, 8, 16);
	is_str(tx(), "", "of 6 datagrams with room for 4, the oldest is gone");
	frag(5, 8, 16);
	is_int(tx_count(), 1, "the newest is there");
	tx_flush();
	ip_drain();
	trace_sysctl("net.inet.ip.maxfragpackets", 1024);
	trace_sysctl("net.inet.ip.maxfragsperpacket", 3);
	before = V_ipstat.ips_fragdropped;
	make_echo(80);
	for (i = 0; i < 4; i++)
		frag(7, i * 16, i * 16 + 8);
	is_int(V_ipstat.ips_fragdropped - before, 4, "a fourth fragment where three are allowed");
	trace_sysctl("net.inet.ip.maxfragsperpacket", 128);
	trace_sysctl("net.inet.ip.maxfrags", 10);
	for (i = 0; i < 30; i++)
		frag(i, 0, 8);
	is_int(trace_sysctl("net.inet.ip.maxfrags", 8192), 10, "30 fragments with room for 10");
	ip_drain();
	trace_sysctl("net.inet.ip.maxfragpackets", 0);
	frag(1, 0, 8);
	frag(1, 8, 80);
	is_str(tx(), "", "maxfragpackets=0: none is taken");
	trace_sysctl("net.inet.ip.maxfragpackets", 1024);
}

static void
test_ecn(void)
{
	make_echo(16);
	rx(.proto = IPPROTO_ICMP, .id = 1, .off = IP_MF, .data = echo, .len = 8, .tos = 2);
	rx(.proto = IPPROTO_ICMP, .id = 1, .off = 1, .data = echo + 8, .len = 8, .tos = 3);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 0/0 id 7 seq 1 len 8 tos 3",
	    "a mark on one fragment marks the whole (RFC 3168 5.3)");
	rx(.proto = IPPROTO_ICMP, .id = 2, .off = IP_MF, .data = echo, .len = 8, .tos = 0);
	rx(.proto = IPPROTO_ICMP, .id = 2, .off = 1, .data = echo + 8, .len = 8, .tos = 3);
	is_str(tx(), "", "marked and not capable: dropped");
}

/* Any fragments at all: nothing crashes, nothing stays. */
static void
test_random(void)
{
	uint32_t x = 12345;
	u_int i;

	make_echo(4096);
	for (i = 0; i < 20000; i++) {
		x = x * 1664525 + 1013904223;
		rx(.proto = x >> 30, .id = x >> 27 & 7,
		    .off = (x >> 8 & 0x3f) | (x & 1 ? IP_MF : 0), .data = echo,
		    .len = (x >> 16 & 0x7f), .split = x >> 20 & 31);
		tx_flush();
	}
	trace_sleep_ms(40000);
	tx_flush();
	ok(true, "20000 fragments of any kind");
}

int
main(void)
{
	struct mbstat before, after;

	trace_init();
	trace_sysctl("net.inet.icmp.icmplim", 0);
	mb_stat(&before);
	test_orders();
	test_keys();
	test_duplicates();
	test_overlaps();
	test_contradictions();
	test_malformed();
	test_long();
	test_timeout();
	test_bounds();
	test_ecn();
	test_random();
	mb_stat(&after);
	is_int(after.mbufs_used, before.mbufs_used, "no mbuf is left over");
	return (tap_done());
}
