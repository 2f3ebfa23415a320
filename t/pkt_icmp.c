/*
 * pkt_icmp.c - ICMP by hand-written packets: RFC 792, 1122 (3.2.2), 1812's limits, 5927's caution.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/systm.h>

#include "t/lib/packet.h"
#include "t/lib/tap.h"

static struct testbed *tb;
static struct tb_host *h;
static struct packet_peer *p;

static void
test_echo(void)
{
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 8/0 id 7 seq 1 len 56");
	expect(p, 0, 2, "ICMP 10.0.0.1 > 10.0.0.2 0/0 id 7 seq 1 len 56 data ok");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 8/0 id 7 seq 2 len 0");
	expect(p, 0, 2, "ICMP 10.0.0.1 > 10.0.0.2 0/0 id 7 seq 2 len 0");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 8/0 id 65535 seq 65535 len 1471 tos 16");
	expect(p, 0, 2, "ICMP 10.0.0.1 > 10.0.0.2 0/0 id 65535 seq 65535 len 1471 data ok tos 16");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 8/0 id 7 seq 3 len 56 sum bad");
	expect_none(p, 50);
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 8/0 id 7 seq 3 len 56 ipsum bad");
	expect_none(p, 50);
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 0/0 id 7 seq 3 len 56");
	expect_none(p, 50);
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 8/0 id 7 seq 4 len 8 ttl 1");
	expect(p, 0, 2, "ICMP 10.0.0.1 > 10.0.0.2 0/0 id 7 seq 4 len 8");
	/* to all: a host may keep silent (RFC 1122, 3.2.2.6), and ours does */
	inject(p, "ICMP 10.0.0.2 > 10.0.0.255 8/0 id 7 seq 5 len 8 eth-dst ff:ff:ff:ff:ff:ff");
	expect_none(p, 50);
}

/* A sender that cannot be one gets no answer. */
static void
test_senders(void)
{
	static const char *const bad[] = {
	    "0.0.0.0", "255.255.255.255", "127.0.0.1", "224.0.0.1", "10.0.0.255", "10.0.0.1"};
	size_t i;

	for (i = 0; i < nitems(bad); i++) {
		inject(p, "ICMP %s > 10.0.0.1 8/0 id 7 seq 1 len 8", bad[i]);
		testbed_run_ms(tb, 5);
	}
	expect_none(p, 100);
}

static void
test_errors(void)
{
	inject(p, "IP 10.0.0.2 > 10.0.0.1 proto 200 len 40");
	expect(p, 0, 2, "ICMP 10.0.0.1 > 10.0.0.2 3/2 quote IP/...");
	/* never about an error, a fragment that is not the first, a broadcast (RFC 1122, 3.2.2) */
	inject(p, "IP 10.0.0.2 > 10.0.0.1 proto 200 len 40 off 800");
	expect_none(p, 50);
	inject(p, "IP 10.0.0.2 > 10.0.0.255 proto 200 len 40 eth-dst ff:ff:ff:ff:ff:ff");
	expect_none(p, 50);
	inject(p, "IP 10.0.0.2 > 10.0.0.1 proto 200 len 40 eth-dst ff:ff:ff:ff:ff:ff");
	expect_none(p, 50);
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/3 len 36");
	expect_none(p, 50);
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 77/0 len 36");
	expect_none(p, 50);
}

/* A lone fragment: the time is over after 30 s, and the sender hears of it (RFC 792). */
static void
test_reassembly_time(void)
{
	inject(p, "IP 10.0.0.2 > 10.0.0.1 proto 17 len 800 mf 1 id 99");
	expect(p, 30000, 31000, "ICMP 10.0.0.1 > 10.0.0.2 11/1");
	peer_forget(p);
}

/* No more answers of a kind than the limit allows in a second. */
static void
test_limit(void)
{
	int i, answers = 0;

	testbed_run_ms(tb, 5000);
	peer_forget(p);
	for (i = 0; i < 1000; i++)
		inject(p, "UDP 10.0.0.2:5000 > 10.0.0.1:54 len 1");
	while (peer_next(p, 100) != NULL)
		answers++;
	ok(answers >= 100 && answers <= 300, "%d answers to 1000 packets", answers);
	testbed_run_ms(tb, 5000);
	inject(p, "UDP 10.0.0.2:5000 > 10.0.0.1:54 len 1");
	expect(p, 0, 2, "ICMP 10.0.0.1 > 10.0.0.2 3/3");
}

static void
test_timestamp(void)
{
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 13/0 id 5 seq 6 len 12");
	expect(p, 0, 2, "ICMP 10.0.0.1 > 10.0.0.2 14/0 id 5 seq 6 len 12");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 13/0 id 5 seq 6 len 4");
	expect_none(p, 50);
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 17/0 id 5 seq 6 len 4"); /* address mask */
	expect_none(p, 50);
}

/* Every type and code with every short length: nothing breaks, nothing answers an error. */
static void
test_garbage(void)
{
	int type, len;

	for (type = 0; type < 256; type++)
		for (len = 0; len < 40; len += 4)
			if (type != 8 && type != 13)
				inject(p, "ICMP 10.0.0.2 > 10.0.0.1 %d/%d len %d", type, len, len);
	expect_none(p, 100);
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 8/0 id 7 seq 9 len 8");
	expect(p, 0, 2, "ICMP 10.0.0.1 > 10.0.0.2 0/0 id 7 seq 9 len 8");
}

int
main(void)
{
	tb = testbed_init(792, NULL);
	h = testbed_host(tb, "h", "10.0.0.1/24");
	p = peer_create(tb, "10.0.0.2", h);
	testbed_run_ms(tb, 20000);
	peer_forget(p);
	test_echo();
	test_senders();
	test_errors();
	test_reassembly_time();
	test_limit();
	test_timestamp();
	test_garbage();
	peer_destroy(p);
	testbed_done(tb);
	return (tap_done());
}
