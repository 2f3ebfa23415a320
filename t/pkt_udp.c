/*
 * pkt_udp.c - UDP and IPv4 fragments by hand-written packets: RFC 768, 791, 1122 (4.1), 5722's
 * spirit.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/systm.h>

#include "t/lib/packet.h"
#include "t/lib/tap.h"

static struct testbed *tb;
static struct tb_host *h;
static struct packet_peer *p;
static struct socket *so;
static uint8_t buf[66000], want[66000];

/* What is in the socket: its length, or -errno. */
static int
received(struct sockaddr_in *from)
{
	size_t got;
	int error;

	testbed_run_ms(tb, 5);
	TB_ENTER(h);
	error = tb_recvfrom(so, buf, sizeof(buf), &got, from, MSG_DONTWAIT);
	TB_LEAVE();
	return (error != 0 ? -error : (int)got);
}

static void
test_in(void)
{
	struct sockaddr_in from;

	inject(p, "UDP 10.0.0.2:5000 > 10.0.0.1:53 len 20");
	is_int(received(&from), 20, "a datagram");
	ok(memcmp(buf, want, 20) == 0, "its bytes");
	ok(from.sin_port == htons(5000) && from.sin_addr.s_addr == htonl(0x0a000002), "its sender");
	inject(p, "UDP 10.0.0.2:5000 > 10.0.0.1:53 len 0");
	is_int(received(NULL), 0, "an empty one");
	inject(p, "UDP 10.0.0.2:5000 > 10.0.0.1:53 len 21");
	is_int(received(NULL), 21, "an odd one");
	inject(p, "UDP 10.0.0.2:5000 > 10.0.0.1:53 len 20 sum bad");
	is_int(received(NULL), -EWOULDBLOCK, "a wrong sum is dropped");
	inject(p, "UDP 10.0.0.2:5000 > 10.0.0.1:53 len 20 ipsum bad");
	is_int(received(NULL), -EWOULDBLOCK, "a wrong header sum is dropped");
	inject(p, "UDP 10.0.0.2:5000 > 10.0.0.1:53 len 20 hlen 200");
	is_int(received(NULL), -EWOULDBLOCK, "a length beyond the packet is dropped");
	inject(p, "UDP 10.0.0.2:5000 > 10.0.0.1:53 len 20 hlen 7");
	is_int(received(NULL), -EWOULDBLOCK, "a length below the header is dropped");
	inject(p, "UDP 10.0.0.2:5000 > 10.0.0.1:53 len 20 iplen 100");
	is_int(received(NULL), -EWOULDBLOCK, "an IP length beyond the frame is dropped");
	inject(p, "UDP 10.0.0.2:5000 > 10.0.0.99:53 len 20");
	is_int(received(NULL), -EWOULDBLOCK, "another's address is not ours");
	expect_none(p, 100);
}

static void
test_unreach(void)
{
	inject(p, "UDP 10.0.0.2:5000 > 10.0.0.1:54 len 20");
	expect(p, 0, 2, "ICMP 10.0.0.1 > 10.0.0.2 3/3 quote UDP/10.0.0.2:5000>10.0.0.1:54");
	inject(p, "UDP 10.0.0.2:5000 > 10.0.0.255:54 len 20 eth-dst ff:ff:ff:ff:ff:ff");
	expect_none(p, 100);
	inject(p, "UDP 10.0.0.2:5000 > 10.0.0.1:54 len 20 eth-dst ff:ff:ff:ff:ff:ff");
	expect_none(p, 100);
}

static void
test_out(void)
{
	size_t got;
	int error;

	TB_ENTER(h);
	is_int(tb_sendto(so, "10.0.0.2", 7, want, 100), 0, "send");
	TB_LEAVE();
	peer_mark(p);
	expect(p, 0, 2, "UDP 10.0.0.1:53 > 10.0.0.2:7 len 100 data ok ttl 64");
	TB_ENTER(h);
	is_int(tb_sendto(so, "10.0.0.2", 7, want, 0), 0, "send nothing");
	TB_LEAVE();
	peer_mark(p);
	expect(p, 0, 2, "UDP 10.0.0.1:53 > 10.0.0.2:7 len 0");
	TB_ENTER(h);
	is_int(
	    tb_sendto(so, "10.0.0.255", 7, want, 10), EACCES, "no broadcast without SO_BROADCAST");
	is_int(tb_setopt(so, SOL_SOCKET, SO_BROADCAST, 1), 0, "SO_BROADCAST");
	is_int(tb_sendto(so, "10.0.0.255", 7, want, 10), 0, "broadcast");
	TB_LEAVE();
	peer_mark(p);
	expect(p, 0, 2, "UDP 10.0.0.1:53 > 10.0.0.255:7 len 10 eth-dst ff:ff:ff:ff:ff:ff");
	TB_ENTER(h);
	is_int(tb_sendto(so, "10.0.0.2", 7, want, 3000), 0, "send more than the MTU");
	TB_LEAVE();
	peer_mark(p);
	expect(p, 0, 2, "IP 10.0.0.1 > 10.0.0.2 proto 17 len 1480 mf 1 off 0");
	expect(p, 0, 2, "IP 10.0.0.1 > 10.0.0.2 proto 17 len 1480 mf 1 off 1480");
	expect(p, 0, 2, "IP 10.0.0.1 > 10.0.0.2 proto 17 len 48 mf 0 off 2960");
	TB_ENTER(h);
	is_int(tb_sendto(so, "10.0.0.2", 7, want, 65507 + 1), EMSGSIZE, "more than IP carries");
	error = tb_sendto(so, "192.0.2.1", 7, want, 10);
	ok(error == ENETUNREACH || error == EHOSTUNREACH, "no route: %d", error);
	is_int(tb_recvfrom(so, buf, sizeof(buf), &got, NULL, MSG_DONTWAIT), EWOULDBLOCK, "quiet");
	TB_LEAVE();
	expect_none(p, 100);
}

/* A connected socket learns of a refused port. */
static void
test_refused(void)
{
	struct socket *c;

	TB_ENTER(h);
	(void)tb_socket(SOCK_DGRAM, &c);
	is_int(tb_connect_start(c, "10.0.0.2", 99), 0, "connect");
	is_int(tb_sendto(c, NULL, 0, want, 10), 0, "send");
	TB_LEAVE();
	peer_mark(p);
	expect(p, 0, 2, "UDP 10.0.0.1:* > 10.0.0.2:99 len 10");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/3 quote last");
	testbed_run_ms(tb, 5);
	TB_ENTER(h);
	is_int(tb_soerror(c), ECONNREFUSED, "refused");
	(void)soclose(c);
	TB_LEAVE();
	peer_forget(p);
}

/* Sends datagram bytes [off, off+len) of a UDP datagram of 8 + 2992 bytes as a fragment. */
static uint8_t dgram[3000];

static void
fragment(int id, size_t off, size_t len, bool more)
{
	uint8_t f[14 + 20 + 3000];
	uint32_t sum = 0;
	int i;

	memset(f, 0, 34);
	memcpy(f, h->h_link->mac, 6);
	memcpy(f + 6, "\2\0\0\0\167\2\10\0\105", 9);
	f[16] = (uint8_t)((20 + len) >> 8);
	f[17] = (uint8_t)(20 + len);
	f[18] = (uint8_t)(id >> 8);
	f[19] = (uint8_t)id;
	f[20] = (uint8_t)((more ? 0x20 : 0) | off / 8 >> 8);
	f[21] = (uint8_t)(off / 8);
	f[22] = 64;
	f[23] = 17;
	memcpy(f + 26, "\12\0\0\2\12\0\0\1", 8);
	for (i = 14; i < 34; i += 2)
		sum += (uint32_t)(f[i] << 8 | f[i + 1]);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	f[24] = (uint8_t)(~sum >> 8);
	f[25] = (uint8_t)~sum;
	memcpy(f + 34, off + len <= sizeof(dgram) ? dgram + off : dgram, len);
	peer_inject_raw(p, f, 34 + len);
}

static void
test_fragments(void)
{
	memset(dgram, 0, 8);
	memcpy(dgram, "\23\210\0\65\13\270", 6); /* 5000 > 53, 3000 bytes, no sum */
	tb_pattern(dgram + 8, 2992, 0, 0);
	fragment(1, 0, 1000, true);
	fragment(1, 1000, 1000, true);
	is_int(received(NULL), -EWOULDBLOCK, "two of three fragments");
	fragment(1, 2000, 1000, false);
	is_int(received(NULL), 2992, "the third makes it whole");
	ok(memcmp(buf, want, 2992) == 0, "its bytes");
	fragment(2, 2000, 1000, false);
	fragment(2, 1000, 1000, true);
	fragment(2, 1000, 1000, true);
	fragment(2, 0, 1000, true);
	is_int(received(NULL), 2992, "in reverse, one of them twice");
	ok(memcmp(buf, want, 2992) == 0, "its bytes");
	fragment(3, 0, 1000, true);
	fragment(4, 1000, 1000, true);
	fragment(4, 2000, 1000, false);
	is_int(received(NULL), -EWOULDBLOCK, "another id is another packet");
	fragment(5, 0, 1003, true);
	fragment(5, 1000, 2000, false);
	is_int(received(NULL), -EWOULDBLOCK, "a length that is no multiple of 8, before the last");
	fragment(6, 65528, 1000, false);
	is_int(received(NULL), -EWOULDBLOCK, "beyond the largest packet");
	testbed_run_ms(tb, 70000);
	fragment(3, 1000, 1000, true);
	fragment(3, 2000, 1000, false);
	is_int(received(NULL), -EWOULDBLOCK, "the first came more than 30 s before");
	testbed_run_ms(tb, 70000);
	peer_forget(p);
}

int
main(void)
{
	tb = testbed_init(768, NULL);
	h = testbed_host(tb, "h", "10.0.0.1/24");
	p = peer_create(tb, "10.0.0.2", h);
	tb_pattern(want, sizeof(want), 0, 0);
	testbed_run_ms(tb, 20000);
	peer_forget(p);
	TB_ENTER(h);
	is_int(tb_socket(SOCK_DGRAM, &so), 0, "a socket");
	is_int(tb_bind(so, NULL, 53), 0, "port 53");
	is_int(soreserve(so, 70000, 70000), 0, "large buffers");
	TB_LEAVE();
	test_in();
	test_unreach();
	test_out();
	test_refused();
	test_fragments();
	TB_ENTER(h);
	(void)soclose(so);
	TB_LEAVE();
	peer_destroy(p);
	testbed_done(tb);
	return (tap_done());
}
