/*
 * pkt_arp.c - ARP by hand-written packets: RFC 826; 1122, 2.3.2; 5227.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/systm.h>

#include <net/if_var.h>

#include "t/lib/packet.h"
#include "t/lib/tap.h"

#define SETTLE_MS 20000 /* the announcements of a new address are over */

static struct testbed *tb;
static struct tb_host *h;
static struct packet_peer *p;
static struct socket *so;
static uint8_t payload[64];

static int
send_udp(const char *to)
{
	int error;

	TB_ENTER(h);
	error = tb_sendto(so, to, 9, payload, sizeof(payload));
	TB_LEAVE();
	peer_mark(p);
	return (error);
}

static void
test_announce(void)
{
	const char *said = peer_next(p, SETTLE_MS);

	ok(said != NULL && strstr(said, "10.0.0.1") != NULL, "a new address is announced: %s",
	    said != NULL ? said : "no");
	testbed_run_ms(tb, SETTLE_MS);
	peer_forget(p);
}

static void
test_answer(void)
{
	inject(p, "ARP who-has 10.0.0.1 tell 10.0.0.2");
	expect(p, 0, 2, "ARP reply 10.0.0.1 is-at 02:00:00:00:00:01 eth-dst 02:00:00:00:77:02");
	inject(p, "ARP who-has 10.0.0.3 tell 10.0.0.2");
	expect_none(p, 100);
	/* a probe (RFC 5227: no sender address) is answered, too */
	inject(p, "ARP who-has 10.0.0.1 tell 0.0.0.0");
	expect(p, 0, 2, "ARP reply 10.0.0.1 is-at 02:00:00:00:00:01");
	peer_forget(p);
	testbed_run_ms(tb, SETTLE_MS);
	peer_forget(p);
}

static void
test_ask(void)
{
	peer_set_arp(p, false);
	is_int(send_udp("10.0.0.9"), 0, "to an unknown neighbour");
	expect(p, 0, 2, "ARP who-has 10.0.0.9 tell 10.0.0.1 eth-dst ff:ff:ff:ff:ff:ff");
	inject(p, "ARP reply 10.0.0.9 is-at 02:00:00:00:77:09 to 10.0.0.1");
	expect(p, 0, 2, "UDP 10.0.0.1:* > 10.0.0.9:9 len 64 eth-dst 02:00:00:00:77:09");
	is_int(send_udp("10.0.0.9"), 0, "again");
	expect(p, 0, 2, "UDP 10.0.0.1:* > 10.0.0.9:9 len 64");
	/* the neighbour says that it moved */
	inject(p, "ARP reply 10.0.0.9 is-at 02:00:00:00:77:0a to 10.0.0.1");
	testbed_run_ms(tb, 5);
	is_int(send_udp("10.0.0.9"), 0, "after it moved");
	expect(p, 0, 2, "UDP 10.0.0.1:* > 10.0.0.9:9 eth-dst 02:00:00:00:77:0a");
}

/* One request a second at most (RFC 1122, 2.3.2.1), then the neighbour counts as down. */
static void
test_silence(void)
{
	const char *said;
	int asked = 0, error = 0, i;
	uint64_t last = 0, least = UINT64_MAX;

	peer_set_arp(p, false);
	peer_forget(p);
	(void)send_udp("10.0.0.8");
	while ((said = peer_next(p, 5000)) != NULL) {
		if (strncmp(said, "ARP who-has 10.0.0.8", 20) != 0)
			break;
		if (asked++ > 0 && testbed_now_ms(tb) - last < least)
			least = testbed_now_ms(tb) - last;
		last = testbed_now_ms(tb);
	}
	ok(asked >= 3 && asked <= 6, "%d requests", asked);
	ok(asked < 2 || least >= 990, "one a second: %llu ms", (unsigned long long)least);
	for (i = 0; i < 3 && error == 0; i++)
		error = send_udp("10.0.0.8");
	is_int(error, EHOSTDOWN, "then an error");
	peer_forget(p);
	testbed_run_ms(tb, 60000);
	peer_forget(p);
	ok(send_udp("10.0.0.8") == 0, "later it is tried again");
	expect(p, 0, 2, "ARP who-has 10.0.0.8 tell 10.0.0.1");
	testbed_run_ms(tb, SETTLE_MS);
	peer_forget(p);
}

/* Another claims our address: we defend it once, and do not start a war (RFC 5227, 2.4). */
static void
test_conflict(void)
{
	const char *said;
	int defended = 0, i;

	testbed_run_ms(tb, 60000);
	peer_forget(p);
	for (i = 0; i < 3; i++) {
		inject(p, "ARP reply 10.0.0.1 is-at 02:00:00:00:77:66 to 10.0.0.1");
		testbed_run_ms(tb, 1000);
	}
	while ((said = peer_next(p, 500)) != NULL)
		if (strstr(said, "10.0.0.1") != NULL && strncmp(said, "ARP", 3) == 0)
			defended++;
	is_int(defended, 1, "defended once in ten seconds");
	is_int(send_udp("10.0.0.9"), 0, "we keep the address");
	peer_forget(p);
}

static void
raw(const uint8_t *arp, size_t len)
{
	uint8_t f[64];

	memset(f, 0, sizeof(f));
	memset(f, 0xff, 6);
	memcpy(f + 6, "\2\0\0\0\167\2", 6);
	memcpy(f + 12, "\10\6", 2);
	memcpy(f + 14, arp, len);
	peer_inject_raw(p, f, 14 + len);
}

static void
test_garbage(void)
{
	uint8_t a[28] = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0x77, 2, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0,
	    10, 0, 0, 1};
	uint8_t bad[28];
	size_t i;

	testbed_run_ms(tb, SETTLE_MS);
	peer_forget(p);
	raw(a, sizeof(a));
	expect(p, 0, 2, "ARP reply 10.0.0.1 is-at *");
	for (i = 0; i < sizeof(a); i++)
		raw(a, i);
	for (i = 0; i < 8; i++) { /* header fields */
		memcpy(bad, a, sizeof(a));
		bad[i] ^= 0x55;
		raw(bad, sizeof(bad));
	}
	memcpy(bad, a, sizeof(a));
	bad[8] = 0x03; /* a multicast sender */
	raw(bad, sizeof(bad));
	memset(bad + 8, 0xff, 6);
	raw(bad, sizeof(bad));
	expect_none(p, 1000);
}

/* A connection to an address that nobody has: told when ARP and four more SYNs had no answer. */
static void
test_connect(void)
{
	struct socket *to;
	uint64_t begun = testbed_now_ms(tb);
	int error = 0;

	TB_ENTER(h);
	is_int(tb_socket(SOCK_STREAM, &to), 0, "a stream");
	is_int(tb_connect_start(to, "10.0.0.88", 80), 0, "to an absent host");
	TB_LEAVE();
	while (error == 0 && testbed_now_ms(tb) < begun + 60000) {
		testbed_run_ms(tb, 100);
		TB_ENTER(h);
		error = tb_soerror(to);
		TB_LEAVE();
	}
	is_int(error, EHOSTDOWN, "the host is down");
	ok(testbed_now_ms(tb) - begun > 4000 && testbed_now_ms(tb) - begun < 20000,
	    "in 4 to 20 s: %d ms", (int)(testbed_now_ms(tb) - begun));
	TB_ENTER(h);
	(void)soclose(to);
	TB_LEAVE();
	peer_forget(p);
}

int
main(void)
{
	tb = testbed_init(826, NULL);
	h = testbed_host(tb, "h", "10.0.0.1/24");
	p = peer_create(tb, "10.0.0.2", h);
	tb_pattern(payload, sizeof(payload), 0, 0);
	TB_ENTER(h);
	is_int(tb_socket(SOCK_DGRAM, &so), 0, "a socket");
	TB_LEAVE();
	test_announce();
	test_answer();
	test_ask();
	test_silence();
	test_connect();
	test_conflict();
	test_garbage();
	TB_ENTER(h);
	(void)soclose(so);
	TB_LEAVE();
	peer_destroy(p);
	testbed_done(tb);
	return (tap_done());
}
