/*
 * inet_ip.c - IPv4 in and out: what is dropped and counted, options, addresses, fragments out,
 * checksums, broadcast, TSO in software. RFC 791, RFC 1122 3.2.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <net/route.h>
#include <netinet/in_systm.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>
#include <netinet/tcp.h>

#include "t/lib/inet_trace.h"
#include "t/lib/tap.h"

int main(void);

static u_char echo[64];
static u_int echolen;

/* An echo request with these differences: is it answered, and if not, which counter moved? */
#define ECHO(...) rx(.proto = IPPROTO_ICMP, .data = echo, .len = echolen, ##__VA_ARGS__)
#define DROPPED(counter, what, ...)                                                                \
	do {                                                                                       \
		const uint64_t before = V_ipstat.counter;                                          \
		ECHO(__VA_ARGS__);                                                                 \
		is_str(tx(), "", "%s: dropped", what);                                             \
		is_int(V_ipstat.counter - before, 1, "%s: counted in " #counter, what);            \
		tx_flush();                                                                        \
	} while (0)

static void
test_validation(void)
{
	ECHO();
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 0/0 id 7 seq 1 len 4", "an echo is answered");
	ECHO(.pad = 18);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 0/0 id 7 seq 1 len 4", "the link's padding is cut");
	ECHO(.split = 3);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 0/0 id 7 seq 1 len 4", "a header in two mbufs");
	ECHO(.split = 22);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 0/0 id 7 seq 1 len 4", "ICMP's header in two mbufs");
	DROPPED(ips_badvers, "version 6", .version = 6);
	DROPPED(ips_badhlen, "header of 16 bytes", .hlen = 16);
	DROPPED(ips_badhlen, "header beyond the packet", .hlen = 60);
	DROPPED(ips_badsum, "wrong checksum", .badsum = true);
	DROPPED(ips_badlen, "length below the header's", .iplen = 19);
	DROPPED(ips_tooshort, "length beyond the packet", .iplen = 33);
	ECHO(.badsum = true, .csum_flags = CSUM_IP_CHECKED | CSUM_IP_VALID);
	is_int(tx_count(), 1, "a checksum that the driver verified is not looked at");
	tx_flush();
}

static void
test_short(void)
{
	const uint64_t before = V_ipstat.ips_tooshort;
	struct mbuf *m;
	int len;

	for (len = 0; len < 20; len++) {
		m = trace_make(
		    &(struct rx_packet){.proto = IPPROTO_ICMP, .data = echo, .len = echolen});
		m_adj(m, len - m->m_pkthdr.len);
		ip_input(m);
	}
	is_int(V_ipstat.ips_tooshort - before, 20, "0 to 19 bytes: each too short");
	is_int(tx_count(), 0, "none answered");
}

static void
test_addresses(void)
{
	DROPPED(ips_badaddr, "127/8 as source", .src = "127.0.0.1");
	DROPPED(ips_badaddr, "127/8 as destination", .dst = "127.0.0.1");
	DROPPED(ips_badaddr, "our address as source", .src = "10.0.0.1");
	DROPPED(ips_badaddr, "a multicast source", .src = "224.0.0.5");
	DROPPED(ips_badaddr, "the broadcast address as source", .src = "255.255.255.255");
	DROPPED(ips_badaddr, "0.0.0.0 as source, to us", .src = "0.0.0.0");
	DROPPED(ips_badaddr, "a link broadcast to a unicast address", .mflags = M_BCAST);
	DROPPED(ips_cantforward, "another host's", .dst = "10.0.0.3");
	DROPPED(
	    ips_notmember, "a group that we did not join", .dst = "224.1.2.3", .mflags = M_MCAST);
}

static void
test_options(void)
{
	static const u_char rr[] = {1, IPOPT_RR, 7, 4, 0, 0, 0, 0};
	static const u_char rrfull[] = {1, IPOPT_RR, 7, 8, 1, 2, 3, 4};
	static const u_char ra[] = {IPOPT_RA, 4, 0, 0};
	static const u_char lsrr[] = {1, IPOPT_LSRR, 7, 4, 10, 0, 0, 9};
	static const u_char lsrr_end[] = {1, IPOPT_LSRR, 7, 8, 10, 0, 0, 9};
	static const u_char bad_len[] = {1, IPOPT_RR, 40, 4};
	static const u_char zero_len[] = {1, IPOPT_RR, 0, 4};
	static const u_char bad_ptr[] = {1, IPOPT_RR, 7, 3, 0, 0, 0, 0};
	static const u_char ts_full[] = {IPOPT_TS, 8, 9, 0x20, 1, 2, 3, 4};
	static const u_char ts_over[] = {IPOPT_TS, 8, 9, 0xf0, 1, 2, 3, 4};
	static const u_char eol[] = {0, IPOPT_LSRR, 99, 99};
	uint64_t before = V_ipstat.ips_badoptions;

	ECHO(.opt = rr, .optlen = 8);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 0/0 id 7 seq 1 len 4 opt 010707080a000001",
	    "record route: our address, and back with the reply");
	ECHO(.opt = rrfull, .optlen = 8);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 0/0 id 7 seq 1 len 4 opt 0107070801020304",
	    "record route, full: left as it is");
	ECHO(.opt = ra, .optlen = 4);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 0/0 id 7 seq 1 len 4 opt 01010101",
	    "router alert: no matter to a host, not in the reply");
	ECHO(.opt = ts_full, .optlen = 8);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 0/0 id 7 seq 1 len 4 opt 4408093001020304",
	    "time stamp, full: the overflow count rises");
	ECHO(.opt = eol, .optlen = 4);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 0/0 id 7 seq 1 len 4 opt 00000000",
	    "nothing is read behind the end of options");
	is_int(V_ipstat.ips_badoptions, before, "none of them bad");

	ECHO(.opt = lsrr, .optlen = 8);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 3/5 about 10.0.0.2 > 10.0.0.1 proto 1 quote 36",
	    "a source route onward: source route failed");
	ECHO(.opt = lsrr_end, .optlen = 8);
	is_str(tx(), "", "a source route that ends here: dropped");
	ECHO(.opt = bad_len, .optlen = 4);
	is_str(tx(),
	    "10.0.0.1 > 10.0.0.2 icmp 12/0 at 22 about 10.0.0.2 > 10.0.0.1 proto 1 quote 32",
	    "an option longer than the header: parameter problem at its length");
	ECHO(.opt = zero_len, .optlen = 4);
	is_str(tx(),
	    "10.0.0.1 > 10.0.0.2 icmp 12/0 at 22 about 10.0.0.2 > 10.0.0.1 proto 1 quote 32",
	    "an option of length 0 likewise");
	ECHO(.opt = bad_ptr, .optlen = 8);
	is_str(tx(),
	    "10.0.0.1 > 10.0.0.2 icmp 12/0 at 23 about 10.0.0.2 > 10.0.0.1 proto 1 quote 36",
	    "a pointer into the option's head: parameter problem at it");
	ECHO(.opt = ts_over, .optlen = 8);
	is_str(tx(),
	    "10.0.0.1 > 10.0.0.2 icmp 12/0 at 23 about 10.0.0.2 > 10.0.0.1 proto 1 quote 36",
	    "a 16th overflow: parameter problem");
	is_int(V_ipstat.ips_badoptions - before, 6, "six counted");
}

static void
test_timestamp_option(void)
{
	static const u_char ts[] = {IPOPT_TS, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0};
	struct mbuf *m;
	u_char opt[12];

	ECHO(.opt = ts, .optlen = 12);
	m = tx_mbuf();
	if (!ok(m != NULL, "time stamp: answered"))
		return;
	m_copydata(m, 20, 12, opt);
	is_int(opt[2], 13, "the pointer moved on");
	is_int(be32dec(opt + 4), 0x0a000001, "our address");
	is_int(be32dec(opt + 8), ntohl(iptime()), "and the time of day");
	m_freem(m);
}

static void
test_unknown_protocol(void)
{
	rx(.proto = 200, .data = "abcdefghij", .len = 10);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 3/2 about 10.0.0.2 > 10.0.0.1 proto 200 quote 28",
	    "nobody for that protocol: protocol unreachable, with 8 bytes of it");
	is_int(V_ipstat.ips_noproto, 1, "counted");
}

/* ---- out ---- */

static struct mbuf *
datagram(const char *src, const char *dst, u_int len, u_int proto, u_int off)
{
	struct mbuf *m;
	u_int i;

	m = m_getm2(NULL, (int)(len + 128), M_NOWAIT, MT_DATA, M_PKTHDR);
	m->m_len = 0;
	m->m_data += 64;
	m->m_len = m->m_pkthdr.len = 20;
	memset(mtod(m, void *), 0, 20);
	mtod(m, struct ip *)->ip_ttl = 64;
	mtod(m, struct ip *)->ip_p = (u_char)proto;
	mtod(m, struct ip *)->ip_off = htons(off);
	mtod(m, struct ip *)->ip_src = addr(src);
	mtod(m, struct ip *)->ip_dst = addr(dst);
	for (i = 0; i < len; i++)
		m_append(m, 1, &(u_char){(u_char)(i * 7)});
	mtod(m, struct ip *)->ip_len = htons(len + 20);
	return (m);
}

static int
send(const char *src, const char *dst, u_int len, int flags)
{
	return (ip_output(datagram(src, dst, len, 99, 0), NULL, NULL, flags, NULL, NULL));
}

static void
test_output(void)
{
	is_int(send("0.0.0.0", "10.0.0.9", 30, 0), 0, "to a neighbour");
	is_str(tx(), "10.0.0.1 > 10.0.0.9 proto 99 len 30", "from our address there");
	is_int(send("0.0.0.0", "192.0.2.7", 30, 0), 0, "to a far host");
	is_str(tx(), "10.0.0.1 > 192.0.2.7 proto 99 len 30 via 10.0.0.254", "by the router");
	is_int(send("0.0.0.0", "10.0.0.255", 30, 0), EACCES, "broadcast without leave: EACCES");
	is_int(send("0.0.0.0", "10.0.0.255", 30, IP_ALLOWBROADCAST), 0, "broadcast with leave");
	is_str(tx(), "10.0.0.1 > 10.0.0.255 proto 99 len 30 bcast", "goes out as one");
	is_int(send("0.0.0.0", "255.255.255.255", 30, IP_ALLOWBROADCAST), 0, "to everybody");
	is_str(tx(), "10.0.0.1 > 255.255.255.255 proto 99 len 30 bcast", "goes out as one");
	is_int(send("0.0.0.0", "10.0.0.255", 1600, IP_ALLOWBROADCAST), EMSGSIZE,
	    "a broadcast is not fragmented");
	is_int(
	    send("0.0.0.0", "10.0.0.255", 30, IP_ALLOWBROADCAST | IP_SENDONES), 0, "IP_ONESBCAST");
	is_str(tx(), "10.0.0.1 > 255.255.255.255 proto 99 len 30 via 10.0.0.255 bcast",
	    "the destination becomes all ones");
	is_int(send("0.0.0.0", "224.0.0.9", 30, 0), 0, "to a group");
	is_str(tx(), "10.0.0.1 > 224.0.0.9 proto 99 len 30 ttl 1 mcast", "with a TTL of 1");
	is_int(send("127.0.0.1", "10.0.0.9", 30, 0), EADDRNOTAVAIL, "127/8 does not leave");
	is_int(send("0.0.0.0", "10.0.0.1", 30, 0), 0, "to ourselves");
	trace_run();
	is_str(tx(), "", "nothing on the wire");
	is_int(send("0.0.0.0", "192.0.2.7", 30, IP_ROUTETOIF), ENETUNREACH,
	    "SO_DONTROUTE to a far host: ENETUNREACH");
	tx_flush();
}

static void
test_ids(void)
{
	struct mbuf *m;
	u_int id[3], i;

	for (i = 0; i < 3; i++) {
		(void)ip_output(datagram("0.0.0.0", "10.0.0.9", 8, 99, i == 2 ? IP_DF : 0), NULL,
		    NULL, 0, NULL, NULL);
		m = tx_mbuf();
		id[i] = ntohs(mtod(m, struct ip *)->ip_id);
		m_freem(m);
	}
	is_int((id[1] - id[0]) & 0xffff, 1, "identifications of a pair of hosts count up");
	is_int(id[2], 0, "with DF it is 0 (RFC 6864)");
}

static void
test_fragments(void)
{
	static u_char want[4000], got[4000];
	struct mbuf *m;
	u_int i, at = 0, id = 0, off;

	for (i = 0; i < sizeof(want); i++)
		want[i] = (u_char)(i * 7);
	is_int(send("0.0.0.0", "10.0.0.9", 4000, 0), 0, "4000 bytes over an MTU of 1500");
	is_int(tx_count(), 3, "three fragments");
	for (i = 0; (m = tx_mbuf()) != NULL; i++) {
		struct ip *ip = mtod(m, struct ip *);

		off = ntohs(ip->ip_off);
		if (i == 0)
			id = ip->ip_id;
		ok(ip->ip_id == id && in_cksum(m, 20) == 0 && (off & IP_OFFMASK) * 8u == at &&
			((off & IP_MF) != 0) == (i < 2),
		    "fragment %u: same identification, right offset, flag and checksum", i);
		m_copydata(m, 20, m->m_pkthdr.len - 20, got + at);
		at += (u_int)m->m_pkthdr.len - 20;
		m_freem(m);
	}
	is_int(at, 4000, "nothing is missing");
	is_mem(got, want, sizeof(want), "and the bytes are the same");
	is_int(
	    ip_output(datagram("0.0.0.0", "10.0.0.9", 4000, 99, IP_DF), NULL, NULL, 0, NULL, NULL),
	    EMSGSIZE, "with DF: EMSGSIZE");
	is_int(tx_count(), 0, "and nothing sent");
}

static void
test_option_fragments(void)
{
	struct mbuf *opt = m_get(M_NOWAIT, MT_DATA);

	memcpy(mtod(opt, void *), (u_char[]){IPOPT_RR, 7, 4, 0, 0, 0, 0, 130, 3, 9, 0, 0}, 12);
	opt->m_len = 12;
	is_int(ip_output(datagram("0.0.0.0", "10.0.0.9", 1600, 99, 0), opt, NULL, 0, NULL, NULL), 0,
	    "fragments with options");
	is_str(tx(), "10.0.0.1 > 10.0.0.9 frag 0+ proto 99 len 1464 opt 070704000000008203090000",
	    "the first has all of them");
	is_str(tx(), "10.0.0.1 > 10.0.0.9 frag 1464 proto 99 len 136 opt 82030900",
	    "the others those that are copied");
	m_freem(opt);
}

/* A TCP packet that leaves segmentation to us. */
static struct mbuf *
tso_packet(u_int len, u_int segsz, u_char flags, u_int off)
{
	struct mbuf *m = datagram("10.0.0.1", "10.0.0.9", 20 + len, IPPROTO_TCP, off);
	struct tcphdr th;
	u_short sum;

	memset(&th, 0, sizeof(th));
	th.th_sport = htons(80);
	th.th_dport = htons(5000);
	th.th_seq = htonl(1000);
	th.th_off = 5;
	th.th_flags = flags;
	sum = in_pseudo(addr("10.0.0.1").s_addr, addr("10.0.0.9").s_addr,
	    htons((u_short)(20 + len)) + htons(IPPROTO_TCP));
	th.th_sum = sum;
	m_copyback(m, 20, sizeof(th), &th);
	m->m_pkthdr.csum_flags = CSUM_TCP | CSUM_IP_TSO;
	m->m_pkthdr.csum_data = offsetof(struct tcphdr, th_sum);
	m->m_pkthdr.tso_segsz = (uint16_t)segsz;
	return (m);
}

static void
test_tso(void)
{
	struct mbuf *m;
	u_int id[3], i;

	is_int(ip_output(tso_packet(3500, 1460, TH_ACK | TH_PUSH | TH_FIN | TH_CWR, 0), NULL, NULL,
		   0, NULL, NULL),
	    0, "3500 bytes to segment in software");
	is_str(tx(), "10.0.0.1 > 10.0.0.9 tcp 80 > 5000 AC 1000 len 1460",
	    "the first keeps CWR, not FIN and PSH; its checksum is right");
	is_str(tx(), "10.0.0.1 > 10.0.0.9 tcp 80 > 5000 A 2460 len 1460", "the second none");
	is_str(tx(), "10.0.0.1 > 10.0.0.9 tcp 80 > 5000 FPA 3920 len 580", "the last FIN and PSH");
	is_str(tx(), "", "no more");
	(void)ip_output(tso_packet(3000, 1460, TH_ACK, 0), NULL, NULL, 0, NULL, NULL);
	for (i = 0; i < 3 && (m = tx_mbuf()) != NULL; i++) {
		id[i] = ntohs(mtod(m, struct ip *)->ip_id);
		m_freem(m);
	}
	ok(i == 3 && ((id[1] - id[0]) & 0xffff) == 1 && ((id[2] - id[1]) & 0xffff) == 1,
	    "identifications rise");
	is_int(ip_output(tso_packet(3000, 1490, TH_ACK, 0), NULL, NULL, 0, NULL, NULL), EMSGSIZE,
	    "segments that do not fit the MTU: EMSGSIZE");
	fake0->if_hwassist = CSUM_TCP | CSUM_UDP | CSUM_IP_TSO;
	(void)ip_output(tso_packet(3000, 1460, TH_ACK, IP_DF), NULL, NULL, 0, NULL, NULL);
	m = tx_mbuf();
	ok(m != NULL && m->m_pkthdr.len == 3040 &&
		(m->m_pkthdr.csum_flags & (CSUM_TCP | CSUM_IP_TSO)) == (CSUM_TCP | CSUM_IP_TSO) &&
		m->m_pkthdr.tso_segsz == 1460,
	    "an interface that segments gets it whole");
	m_freem(m);
	fake0->if_hwassist = 0;
}

/*
 * Packets with a few bytes wrong, right checksums or not: nothing may crash, and nothing may stay.
 * The sanitizers watch.
 */
static void
test_garbage(void)
{
	static const u_char protos[] = {IPPROTO_ICMP, IPPROTO_UDP, IPPROTO_IGMP, 99};
	u_char bytes[200], msg[200], opt[40], *data;
	uint32_t x = 99;
	u_int i, j, len;

	for (i = 0; i < 30000; i++) {
		x = x * 1664525 + 1013904223;
		data = bytes;
		memset(bytes, 0, sizeof(bytes));
		memset(opt, IPOPT_NOP, sizeof(opt));
		len = x >> 8 & 127;
		for (j = 0; j < len; j++)
			data[j] = (u_char)(x >> (j & 15));
		if ((x & 3) == 0) {
			/* an ICMP message of some type that quotes something like a header of ours
			 */
			data[28] = 0x45;
			memcpy(data + 40, (u_char[]){10, 0, 0, 1, 10, 0, 0, 2}, 8);
			len = icmp_make(
			    msg, (int)(x >> 20 & 31), (int)(x >> 12 & 15), x, data + 28, len);
			data = msg;
		}
		opt[x >> 16 & 7] = (u_char[]){IPOPT_RR, IPOPT_TS, IPOPT_LSRR, IPOPT_RA}[x >> 6 & 3];
		opt[(x >> 16 & 7) + 1] = (u_char)(x >> 24 & 31);
		opt[(x >> 16 & 7) + 2] = (u_char)(x >> 27);
		rx(.proto = protos[x >> 30], .opt = opt, .optlen = (x >> 13 & 7) * 4, .data = data,
		    .len = len, .split = x >> 18 & 63, .badsum = (x >> 3 & 15) == 0,
		    .iplen = (x >> 7 & 15) == 0 ? x >> 22 : 0, .ttl = x >> 24);
		tx_flush();
	}
	ok(true, "30000 packets of any kind");
}

static void
fill_echo(void)
{
	echolen = icmp_make(echo, ICMP_ECHO, 0, 7 << 16 | 1, "ping", 4);
}

int
main(void)
{
	struct mbstat before, after;

	trace_init();
	fill_echo();
	trace_sysctl("net.inet.icmp.icmplim", 0);
	mb_stat(&before);
	test_validation();
	test_short();
	test_addresses();
	test_options();
	test_timestamp_option();
	test_unknown_protocol();
	test_output();
	test_ids();
	test_fragments();
	test_option_fragments();
	test_tso();
	test_garbage();
	ip_drain();
	tx_flush();
	trace_sleep_ms(100);
	mb_stat(&after);
	is_int(after.mbufs_used, before.mbufs_used, "no mbuf is left over");
	return (tap_done());
}
