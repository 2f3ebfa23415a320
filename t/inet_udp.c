/*
 * inet_udp.c - UDP: who gets a datagram, what is refused, control data, broadcast and multicast,
 * sending. RFC 768, RFC 1122 4.1, udp(4), ip(4).
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/socketvar.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>
#include <netinet/udp_var.h>

#include "t/lib/inet_trace.h"
#include "t/lib/tap.h"

int main(void);

#define UDP(from, to, text, ...)                                                                   \
	rx(.proto = IPPROTO_UDP, .sport = (from), .dport = (to), .data = (text),                   \
	    .len = (u_int)strlen(text), ##__VA_ARGS__)

static void
test_demux(void)
{
	struct socket *any = sock(SOCK_DGRAM, 0, NULL), *one = sock(SOCK_DGRAM, 0, NULL),
		      *peer = sock(SOCK_DGRAM, 0, NULL);

	sock_setint(any, SOL_SOCKET, SO_REUSEADDR, 1);
	sock_setint(one, SOL_SOCKET, SO_REUSEADDR, 1);
	sock_setint(peer, SOL_SOCKET, SO_REUSEADDR, 1);
	is_int(sock_bind(any, "0.0.0.0", 53), 0, "a socket on *:53");
	UDP(5000, 53, "one");
	is_str(sock_gets(any), "10.0.0.2:5000 one", "gets what comes to 53");
	is_int(sock_bind(one, "10.0.0.1", 53), 0, "another on 10.0.0.1:53");
	UDP(5000, 53, "two");
	is_str(sock_gets(any), "", "the first gets no more");
	is_str(sock_gets(one), "10.0.0.2:5000 two", "the nearer fit has it");
	soclose(one);
	is_int(sock_bind(peer, "10.0.0.1", 53), 0, "a third");
	is_int(sock_connect(peer, "10.0.0.2", 5000), 0, "connected to 10.0.0.2:5000");
	UDP(5000, 53, "three");
	UDP(5001, 53, "four");
	is_str(sock_gets(peer), "10.0.0.2:5000 three", "has what comes from there");
	is_str(sock_gets(peer), "", "and nothing else");
	is_str(sock_gets(any), "10.0.0.2:5001 four", "which the first has");
	UDP(5000, 53, "", .src = "10.0.0.9");
	is_str(sock_gets(any), "10.0.0.9:5000 ", "an empty datagram is one too");
	soclose(peer);
	soclose(any);
}

static void
test_refused(void)
{
	UDP(5000, 99, "hello");
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 3/3 about 10.0.0.2 > 10.0.0.1 proto 17 quote 28",
	    "nobody there: port unreachable");
	UDP(5000, 99, "hello", .mflags = M_MCAST);
	UDP(5000, 99, "hello", .dst = "10.0.0.255", .mflags = M_BCAST);
	is_str(tx(), "", "not about broadcasts and multicasts");
	trace_sysctl("net.inet.udp.blackhole", 1);
	UDP(5000, 99, "hello");
	is_str(tx(), "", "not with blackhole=1");
	trace_sysctl("net.inet.udp.blackhole", 0);
}

static void
test_malformed(void)
{
	struct socket *so = sock(SOCK_DGRAM, 0, NULL);
	const u_char hdr[12] = {0x13, 0x88, 0, 53, 0, 7, 0, 0, 'a', 'b', 'c', 'd'};
	u_char buf[12];
	uint64_t before;
	u_int len;

	sock_bind(so, "0.0.0.0", 53);
	before = V_udpstat.udps_badsum;
	UDP(5000, 53, "hello", .badl4sum = true);
	is_int(V_udpstat.udps_badsum - before, 1, "a wrong checksum");
	before = V_udpstat.udps_badlen;
	rx(.proto = IPPROTO_UDP, .data = hdr, .len = 12);
	is_int(V_udpstat.udps_badlen - before, 1, "a length of 7");
	memcpy(buf, hdr, 12);
	buf[5] = 13;
	rx(.proto = IPPROTO_UDP, .data = buf, .len = 12);
	is_int(V_udpstat.udps_badlen - before, 2, "a length beyond the packet");
	before = V_udpstat.udps_hdrops;
	for (len = 0; len < 8; len++)
		rx(.proto = IPPROTO_UDP, .data = hdr, .len = len);
	is_int(V_udpstat.udps_hdrops - before, 8, "0 to 7 bytes");
	is_str(sock_gets(so), "", "none reaches the socket");
	buf[5] = 10;
	rx(.proto = IPPROTO_UDP, .data = buf, .len = 12);
	is_str(sock_gets(so), "10.0.0.2:5000 ab", "one shorter than its packet is cut");
	UDP(5000, 53, "bare", .nol4sum = true);
	is_str(sock_gets(so), "10.0.0.2:5000 bare", "no checksum is allowed");
	UDP(5000, 53, "hw", .badl4sum = true, .csum_flags = CSUM_DATA_VALID);
	is_str(sock_gets(so), "", "a driver's partial sum of 0 is not right");
	soclose(so);
}

static void
test_control(void)
{
	struct socket *so = sock(SOCK_DGRAM, 0, NULL);

	sock_bind(so, "0.0.0.0", 53);
	sock_setint(so, IPPROTO_IP, IP_RECVDSTADDR, 1);
	UDP(5000, 53, "x");
	is_str(sock_gets(so), "10.0.0.2:5000 x [7 0a000001]", "IP_RECVDSTADDR");
	sock_setint(so, IPPROTO_IP, IP_RECVTTL, 1);
	sock_setint(so, IPPROTO_IP, IP_RECVTOS, 1);
	UDP(5000, 53, "x", .ttl = 9, .tos = 0xb8);
	is_str(sock_gets(so), "10.0.0.2:5000 x [7 0a000001] [65 09] [68 b8]",
	    "and IP_RECVTTL, IP_RECVTOS");
	sock_setint(so, IPPROTO_IP, IP_RECVDSTADDR, 0);
	sock_setint(so, IPPROTO_IP, IP_RECVTTL, 0);
	sock_setint(so, IPPROTO_IP, IP_RECVTOS, 0);
	sock_setint(so, IPPROTO_IP, IP_RECVIF, 1);
	UDP(5000, 53, "x");
	is_str(sock_gets(so), "10.0.0.2:5000 x [20 0812020000000000]",
	    "IP_RECVIF: a sockaddr_dl with the index");
	sock_setint(so, IPPROTO_IP, IP_RECVIF, 0);
	is_int(sock_setint(so, IPPROTO_IP, IP_MINTTL, 255), 0, "IP_MINTTL 255");
	UDP(5000, 53, "x", .ttl = 254);
	is_str(sock_gets(so), "", "one hop too far");
	UDP(5000, 53, "x", .ttl = 255);
	is_str(sock_gets(so), "10.0.0.2:5000 x", "from the link");
	soclose(so);
}

static void
test_send(void)
{
	struct socket *so = sock(SOCK_DGRAM, 0, NULL);

	is_int(sock_puts(so, NULL, 0, "x"), EDESTADDRREQ, "to nowhere: EDESTADDRREQ");
	is_int(sock_bind(so, "0.0.0.0", 1000), 0, "bound to *:1000");
	is_int(sock_puts(so, "10.0.0.9", 53, "hello"), 0, "sent");
	is_str(tx(), "10.0.0.1 > 10.0.0.9 udp 1000 > 53 len 5", "from our address");
	is_str(sock_name(so), "0.0.0.0:1000", "the socket stays bound to any");
	is_int(sock_puts(so, "10.0.0.9", 53, ""), 0, "an empty one");
	is_str(tx(), "10.0.0.1 > 10.0.0.9 udp 1000 > 53 len 0", "goes out");
	is_int(sock_puts(so, "10.0.0.9", 0, "x"), EADDRNOTAVAIL, "to port 0: EADDRNOTAVAIL");
	is_int(sock_puts(so, "10.0.0.255", 53, "x"), EACCES, "broadcast: EACCES");
	sock_setint(so, SOL_SOCKET, SO_BROADCAST, 1);
	is_int(sock_puts(so, "10.0.0.255", 53, "x"), 0, "with SO_BROADCAST");
	is_str(tx(), "10.0.0.1 > 10.0.0.255 udp 1000 > 53 len 1 bcast", "sent");
	is_int(sock_puts(so, "255.255.255.255", 53, "x"), 0, "to 255.255.255.255");
	is_str(tx(), "10.0.0.1 > 255.255.255.255 udp 1000 > 53 len 1 bcast", "sent");
	sock_setint(so, IPPROTO_IP, IP_TTL, 3);
	sock_setint(so, IPPROTO_IP, IP_TOS, 0xb8);
	sock_setint(so, IPPROTO_IP, IP_DONTFRAG, 1);
	is_int(sock_puts(so, "10.0.0.9", 53, "x"), 0, "IP_TTL, IP_TOS, IP_DONTFRAG");
	is_str(
	    tx(), "10.0.0.1 > 10.0.0.9 udp 1000 > 53 len 1 ttl 3 tos 184 df", "are in the header");
	is_int(sock_connect(so, "10.0.0.2", 2000), 0, "connect");
	is_str(sock_name(so), "10.0.0.1:1000 > 10.0.0.2:2000", "gives it an address");
	is_int(sock_puts(so, "10.0.0.9", 53, "x"), EISCONN, "another destination: EISCONN");
	is_int(sock_puts(so, NULL, 0, "x"), 0, "to the peer");
	is_str(tx(), "10.0.0.1 > 10.0.0.2 udp 1000 > 2000 len 1 ttl 3 tos 184 df", "sent");
	soclose(so);
}

static void
test_unbound(void)
{
	struct socket *so = sock(SOCK_DGRAM, 0, NULL);
	struct inpcb *inp = sotoinpcb(so);
	u_int port;

	is_int(sock_puts(so, "10.0.0.9", 53, "x"), 0, "an unbound socket sends");
	port = ntohs(inp->inp_lport);
	ok(port >= 10000, "from an ephemeral port, %u", port);
	tx_flush();
	is_int(sock_puts(so, "10.0.0.8", 53, "x"), 0, "and again");
	is_int(ntohs(inp->inp_lport), port, "from the same");
	tx_flush();
	UDP(53, port, "answer", .src = "10.0.0.9");
	is_str(sock_gets(so), "10.0.0.9:53 answer", "and hears what comes back");
	soclose(so);
}

static void
test_disconnect(void)
{
	struct socket *so = sock(SOCK_DGRAM, 0, NULL);
	struct sockaddr_in sin = {.sin_len = sizeof(sin), .sin_family = AF_UNSPEC};
	struct sockaddr_storage ss;

	is_int(sopeeraddr(so, (struct sockaddr *)&ss), ENOTCONN, "no peer: ENOTCONN");
	is_int(soshutdown(so, SHUT_WR), ENOTCONN, "nothing to shut down: ENOTCONN");
	sock_connect(so, "10.0.0.2", 2000);
	is_int(sock_connect(so, "10.0.0.3", 3000), 0, "connect again, elsewhere");
	is_int(soconnect(so, sintosa(&sin), NULL), 0, "connect to AF_UNSPEC");
	is_int(sopeeraddr(so, (struct sockaddr *)&ss), ENOTCONN, "has no peer again");
	is_int(sotoinpcb(so)->inp_laddr.s_addr, INADDR_ANY, "nor an address of its own");
	soclose(so);
}

static void
test_error_report(void)
{
	struct socket *so = sock(SOCK_DGRAM, 0, NULL);
	struct mbuf *m;
	u_char q[64], msg[100];

	sock_connect(so, "10.0.0.2", 2000);
	sock_puts(so, NULL, 0, "anyone?");
	m = tx_mbuf();
	m_copydata(m, 0, 35, q);
	m_freem(m);
	rx(.proto = IPPROTO_ICMP, .data = msg, .len = icmp_make(msg, 3, 3, 0, q, 28));
	is_str(sock_gets(so), "errno 61", "port unreachable: the next read says ECONNREFUSED");
	is_str(sock_gets(so), "", "once");
	rx(.proto = IPPROTO_ICMP, .data = msg, .len = icmp_make(msg, 3, 3, 0, q, 28));
	is_int(sock_puts(so, NULL, 0, "x"), ECONNREFUSED, "or the next write");
	is_int(sock_puts(so, NULL, 0, "x"), 0, "once");
	tx_flush();
	soclose(so);
}

static void
test_source(void)
{
	struct socket *so = sock(SOCK_DGRAM, 0, NULL);
	struct in_addr src = addr("10.0.0.7");

	is_int(in_aifaddr(fake0, src, 24), 0, "a second address, 10.0.0.7");
	sock_bind(so, "0.0.0.0", 1000);
	is_int(sock_send(so, "10.0.0.9", 53, "x", 1, IP_SENDSRCADDR, &src, 4), 0, "IP_SENDSRCADDR");
	is_str(tx(), "10.0.0.7 > 10.0.0.9 udp 1000 > 53 len 1", "chooses it");
	src = addr("10.0.0.66");
	is_int(sock_send(so, "10.0.0.9", 53, "x", 1, IP_SENDSRCADDR, &src, 4), EADDRNOTAVAIL,
	    "another host's: EADDRNOTAVAIL");
	is_int(sock_send(so, "10.0.0.9", 53, "x", 1, IP_SENDSRCADDR, &src, 3), EINVAL,
	    "a control message of the wrong size: EINVAL");
	is_int(sock_send(so, "10.0.0.9", 53, "x", 1, 222, &src, 4), ENOPROTOOPT,
	    "one that is not known: ENOPROTOOPT");
	is_int(sock_send(so, "10.0.0.9", 53, "x", 1, IP_TTL, &(int){5}, 4), 0, "IP_TTL");
	is_str(tx(), "10.0.0.1 > 10.0.0.9 udp 1000 > 53 len 1 ttl 5", "for this datagram");
	is_int(in_difaddr(fake0, addr("10.0.0.7")), 0, "the address goes");
	tx_flush();
	soclose(so);
}

static void
test_sizes(void)
{
	static u_char big[65600];
	struct socket *so = sock(SOCK_DGRAM, 0, NULL), *in = sock(SOCK_DGRAM, 0, NULL);
	u_int i;

	for (i = 0; i < sizeof(big); i++)
		big[i] = (u_char)(i * 31 >> 3);
	is_int(sock_send(so, "10.0.0.9", 53, big, 65508, 0, NULL, 0), EMSGSIZE,
	    "65508 bytes: EMSGSIZE");
	is_int(sock_send(so, "10.0.0.9", 53, big, 65507, 0, NULL, 0), 0, "65507 bytes");
	is_int(tx_count(), 45, "in 45 fragments");
	tx_flush();
	sock_bind(in, "0.0.0.0", 53);
	sock_setint(in, SOL_SOCKET, SO_RCVBUF, 100000);
	is_int(
	    sock_send(so, "10.0.0.1", 53, big, 65507, 0, NULL, 0), 0, "65507 bytes to ourselves");
	is_int(tx_count(), 0, "not by the wire");
	(void)sock_gets(in);
	is_int(sock_len, 65507, "arrive");
	is_mem(sock_buf, big, 65507, "whole");
	soclose(so);
	soclose(in);
}

static void
test_full(void)
{
	static char kilobyte[1025];
	struct socket *so = sock(SOCK_DGRAM, 0, NULL);
	uint64_t before = V_udpstat.udps_fullsock;
	u_int i, n = 0;

	memset(kilobyte, 'k', 1024);
	sock_bind(so, "0.0.0.0", 53);
	for (i = 0; i < 60; i++)
		UDP(5000, 53, kilobyte);
	while (sock_gets(so)[0] != '\0')
		n++;
	is_int(n, 40, "the queue holds 40 datagrams of 1 KiB");
	is_int(V_udpstat.udps_fullsock - before, 20, "the rest is counted");
	soclose(so);
}

static void
test_broadcast_in(void)
{
	struct socket *a = sock(SOCK_DGRAM, 0, NULL), *b = sock(SOCK_DGRAM, 0, NULL),
		      *c = sock(SOCK_DGRAM, 0, NULL);

	sock_setint(a, SOL_SOCKET, SO_REUSEPORT, 1);
	sock_setint(b, SOL_SOCKET, SO_REUSEPORT, 1);
	sock_setint(c, SOL_SOCKET, SO_REUSEPORT, 1);
	sock_bind(a, "0.0.0.0", 67);
	sock_bind(b, "0.0.0.0", 67);
	is_int(sock_bind(c, "10.0.0.1", 67), 0, "three sockets on a port, one with an address");
	UDP(68, 67, "all", .dst = "10.0.0.255", .mflags = M_BCAST);
	UDP(68, 67, "init", .src = "0.0.0.0", .dst = "255.255.255.255", .mflags = M_BCAST);
	is_str(sock_gets(a), "10.0.0.2:68 all", "a broadcast reaches the first");
	is_str(sock_gets(a), "0.0.0.0:68 init", "also from a host without an address");
	is_str(sock_gets(b), "10.0.0.2:68 all", "and the second");
	is_str(sock_gets(b), "0.0.0.0:68 init", "likewise");
	is_str(sock_gets(c), "", "not the one that is bound to a unicast address");
	soclose(a);
	soclose(b);
	soclose(c);
}

static void
test_multicast(void)
{
	struct socket *a = sock(SOCK_DGRAM, 0, NULL), *b = sock(SOCK_DGRAM, 0, NULL);
	struct ip_mreq mreq = {addr("224.1.2.3"), addr("10.0.0.1")};

	sock_setint(a, SOL_SOCKET, SO_REUSEPORT, 1);
	sock_setint(b, SOL_SOCKET, SO_REUSEPORT, 1);
	sock_bind(a, "0.0.0.0", 5353);
	sock_bind(b, "0.0.0.0", 5353);
	is_int(so_setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)), 0, "a joins");
	is_int(so_setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)), EADDRINUSE,
	    "twice: EADDRINUSE");
	tx_flush();
	UDP(5353, 5353, "m", .dst = "224.1.2.3", .mflags = M_MCAST);
	is_str(sock_gets(a), "10.0.0.2:5353 m", "and hears the group");
	is_str(sock_gets(b), "", "b does not");
	sock_puts(a, "224.1.2.3", 5353, "mine");
	is_str(tx(), "10.0.0.1 > 224.1.2.3 udp 5353 > 5353 len 4 ttl 1 mcast", "a sends to it");
	is_str(sock_gets(a), "10.0.0.1:5353 mine", "and hears itself");
	sock_setint(a, IPPROTO_IP, IP_MULTICAST_LOOP, 0);
	sock_setint(a, IPPROTO_IP, IP_MULTICAST_TTL, 8);
	sock_puts(a, "224.1.2.3", 5353, "mine");
	is_str(tx(), "10.0.0.1 > 224.1.2.3 udp 5353 > 5353 len 4 ttl 8 mcast", "IP_MULTICAST_TTL");
	is_str(sock_gets(a), "", "IP_MULTICAST_LOOP 0");
	is_int(
	    so_setsockopt(a, IPPROTO_IP, IP_DROP_MEMBERSHIP, &mreq, sizeof(mreq)), 0, "a leaves");
	is_int(so_setsockopt(a, IPPROTO_IP, IP_DROP_MEMBERSHIP, &mreq, sizeof(mreq)), EADDRNOTAVAIL,
	    "twice: EADDRNOTAVAIL");
	tx_flush();
	UDP(5353, 5353, "m", .dst = "224.1.2.3", .mflags = M_MCAST);
	is_str(sock_gets(a), "", "and hears no more");
	mreq.imr_multiaddr = addr("10.1.2.3");
	is_int(so_setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)), EINVAL,
	    "a unicast address is no group: EINVAL");
	mreq.imr_multiaddr = addr("224.1.2.4");
	is_int(so_setsockopt(a, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)), 0, "another");
	soclose(a);
	soclose(b);
	ok(inm_lookup(fake0, addr("224.1.2.4")) == NULL, "close leaves all groups");
	tx_flush();
}

static void
test_offload(void)
{
	struct socket *so = sock(SOCK_DGRAM, 0, NULL);
	struct mbuf *m;

	sock_bind(so, "0.0.0.0", 1000);
	fake0->if_hwassist = CSUM_UDP | CSUM_IP;
	sock_puts(so, "10.0.0.9", 53, "hello");
	m = tx_mbuf();
	ok(m != NULL && (m->m_pkthdr.csum_flags & (CSUM_UDP | CSUM_IP)) == (CSUM_UDP | CSUM_IP) &&
		m->m_pkthdr.csum_data == 6,
	    "an interface that does checksums is told where");
	m_freem(m);
	fake0->if_hwassist = 0;
	soclose(so);
}

int
main(void)
{
	struct mbstat before, after;

	trace_init();
	trace_sysctl("net.inet.icmp.icmplim", 0);
	mb_stat(&before);
	test_demux();
	test_refused();
	test_malformed();
	test_control();
	test_send();
	test_unbound();
	test_disconnect();
	test_error_report();
	test_source();
	test_sizes();
	test_full();
	test_broadcast_in();
	test_multicast();
	test_offload();
	tx_flush();
	trace_sleep_ms(60000);
	tx_flush();
	mb_stat(&after);
	is_int(after.mbufs_used, before.mbufs_used, "no mbuf is left over");
	return (tap_done());
}
