/*
 * tcp_pace.c - pacing: where the interface cuts segments, a window goes out spread over the round
 * trip and in small pieces, and slow start doubles though the peer acknowledges seldom; without
 * TSO, on short paths and with net.inet.tcp.pace 0 nothing is held back.
 */
#include <sys/param.h>
#include <sys/endian.h>
#include <sys/socketvar.h>

#include "t/lib/tcptest.h"

#define MS 1000000u
#define RTT_MS 50
#define WINDOW 256000 /* bytes: the receiver's buffer */

static struct testbed *bed;
static uint64_t from_ns; /* what is sent from then on is looked at */
static size_t largest;
static u_int slots[RTT_MS]; /* frames in each ms of the round trip */

static bool
see(void *arg __unused, struct link *from __unused, const uint8_t *frame __unused, size_t len)
{
	const uint64_t now = testbed_now_ns(bed);

	if (from_ns == 0 || now < from_ns || len < 1000)
		return (true);
	largest = MAX(largest, len);
	slots[(now - from_ns) / MS % RTT_MS]++;
	return (true);
}

static void
sink(struct tb_host *host __unused, void *arg __unused)
{
	static uint8_t buf[1 << 20];
	struct socket *l, *so;
	size_t n;

	if (tb_listen(9, 4, &l) != 0 || tb_setopt(l, SOL_SOCKET, SO_RCVBUF, WINDOW) != 0 ||
	    tb_accept(l, &so) != 0)
		tap_bail("listen");
	while (tb_read(so, buf, sizeof(buf), &n) == 0 && n > 0)
		;
	(void)soclose(so);
	(void)soclose(l);
}

static void
source(struct tb_host *host __unused, void *arg __unused)
{
	static uint8_t buf[100000];
	struct socket *so;

	if (tb_socket(SOCK_STREAM, &so) != 0 || tb_connect(so, "10.0.0.2", 9) != 0)
		tap_bail("connect");
	for (int i = 0; i < 150; i++)
		(void)tb_write(so, buf, sizeof(buf));
	(void)soclose(so);
}

/* ms of a round trip in which something was sent, after two seconds */
static u_int
spread(uint32_t caps, int pace, int minrtt)
{
	const struct wire_params wire = {.caps = caps, .delay_ns = RTT_MS / 2 * MS};
	struct tb_host *a, *b;
	u_int used = 0;

	bed = testbed_init(11, &wire);
	a = testbed_host(bed, "a", "10.0.0.1/24");
	b = testbed_host(bed, "b", "10.0.0.2/24");
	largest = 0;
	memset(slots, 0, sizeof(slots));
	h = a;
	tt_set("net.inet.tcp.pace", pace);
	tt_set("net.inet.tcp.pace_minrtt", minrtt);
	wire_set_filter(testbed_wire(bed), see, NULL);
	tb_spawn(b, sink, NULL);
	from_ns = 0;
	testbed_run_ms(bed, 5000);
	from_ns = testbed_now_ns(bed) + 2000 * (uint64_t)MS;
	tb_spawn(a, source, NULL);
	ok(testbed_run_programs(bed, 60000), "a transfer");
	for (u_int i = 0; i < RTT_MS; i++)
		used += slots[i] != 0;
	testbed_done(bed);
	return (used);
}

int
main(void)
{
	const uint32_t tso = LINK_CAP_CSUM | LINK_CAP_TSO4;
	u_int n;

	n = spread(tso, 1, 1000);
	ok(n >= 20, "paced: sent in %u of %u ms of a round trip", n, RTT_MS);
	ok(largest <= 30000, "in pieces of %u bytes", (u_int)largest);
	n = spread(tso, 0, 1000);
	ok(n <= 15, "pace 0: in %u", n);
	ok(largest >= 50000, "in pieces of %u bytes", (u_int)largest);
	n = spread(tso, 1, 200000);
	ok(n <= 15 && largest >= 50000, "a path shorter than pace_minrtt: the same");
	n = spread(0, 1, 1000);
	ok(n <= 15, "pace 1 without TSO: not paced, %u", n);
	n = spread(0, 2, 1000);
	ok(n >= 20, "pace 2: that too, %u", n);
	return (tap_done());
}
