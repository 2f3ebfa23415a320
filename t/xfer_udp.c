/*
 * xfer_udp.c - UDP datagrams between two stacks over bad wires: what arrives is whole and right,
 * and what a perfect wire carries all arrives. Sizes from nothing to 64 KiB, so fragments, too.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/malloc.h>
#include <sys/systm.h>

#include "t/lib/tap.h"
#include "t/lib/testbed.h"

MALLOC_DEFINE(M_XFER, "xfer", "transfer test");

#define SEED 20011126u
#define PORT 7777
#define COUNT 2000
#define LARGEST 65507
#define MS 1000000u

struct round {
	const char *name;
	struct wire_params wire;
	int least; /* of COUNT, that must arrive */
	bool once; /* ... and not twice */
	uint32_t largest;
};

static const struct round rounds[] = {
    {"a perfect wire", {0}, COUNT, true, LARGEST},
    {"checksum offload", {.caps = LINK_CAP_CSUM}, COUNT, true, LARGEST},
    {"10% loss", {.loss_ppm = 100000}, COUNT * 85 / 100, true, 1400},
    {"reordering", {.delay_ns = MS, .jitter_ns = 5 * MS}, COUNT, true, 8000},
    {"duplication", {.dup_ppm = 300000}, COUNT, false, 8000},
    {"corruption", {.corrupt_ppm = 300000}, COUNT * 65 / 100, true, 1400},
    {"fragments lost", {.loss_ppm = 20000}, COUNT / 4, true, 20000},
};

static struct state {
	const struct round *round;
	uint8_t seen[COUNT];
	int arrived, twice, wrong, sent;
	bool done;
} st;

/* Which datagram it is stands at its head; the rest follows from that. */
static size_t
make(int n, uint8_t *buf)
{
	uint64_t r = (uint64_t)n + 1;
	size_t len;

	(void)tb_random(&r);
	len =
	    tb_random(&r) % 3 == 0 ? tb_random(&r) % (st.round->largest + 1) : tb_random(&r) % 1400;
	if (len < 2)
		len = 2;
	tb_pattern(buf, len, (uint64_t)n, 0);
	buf[0] = (uint8_t)(n >> 8);
	buf[1] = (uint8_t)n;
	return (len);
}

static void
sender(struct tb_host *h __unused, void *arg __unused)
{
	uint8_t *buf = malloc(LARGEST, M_XFER, M_WAITOK);
	struct socket *so;
	size_t len;
	int i;

	if (tb_socket(SOCK_DGRAM, &so) != 0 || soreserve(so, 200000, 200000) != 0)
		tap_bail("no socket");
	(void)tb_sendto(so, "10.0.0.2", 1, buf, 1); /* resolves the address */
	tb_sleep_ms(200);
	(void)tb_soerror(so);
	for (i = 0; i < COUNT; i++) {
		len = make(i, buf);
		if (tb_sendto(so, "10.0.0.2", PORT, buf, len) == 0)
			st.sent++;
		tb_sleep_ms(1);
	}
	tb_sleep_ms(40000);
	st.done = true;
	(void)tb_sendto(so, "10.0.0.2", PORT, buf, 0);
	(void)soclose(so);
	free(buf, M_XFER);
}

static void
check(const uint8_t *got, size_t len, uint8_t *want)
{
	int n = len >= 2 ? got[0] << 8 | got[1] : COUNT;

	if (n >= COUNT || make(n, want) != len || memcmp(got, want, len) != 0) {
		st.wrong++;
		return;
	}
	if (st.seen[n]++ == 0)
		st.arrived++;
	else
		st.twice++;
}

static void
receiver(struct tb_host *h __unused, void *arg __unused)
{
	uint8_t *buf = malloc(LARGEST, M_XFER, M_WAITOK), *want = malloc(LARGEST, M_XFER, M_WAITOK);
	struct socket *so;
	size_t got;
	int error = 0;

	if (tb_socket(SOCK_DGRAM, &so) != 0 || soreserve(so, 200000, 200000) != 0 ||
	    tb_bind(so, NULL, PORT) != 0)
		tap_bail("no socket");
	(void)tb_setopt(so, SOL_SOCKET, SO_RCVBUF, 200000);
	while (!st.done) {
		error = tb_recvfrom(so, buf, LARGEST, &got, NULL, MSG_DONTWAIT);
		if (error == EWOULDBLOCK) {
			tb_sleep_ms(1);
			continue;
		}
		if (error != 0)
			break;
		check(buf, got, want);
	}
	ok(error == 0 || error == EWOULDBLOCK, "the receiver got no error: %d", error);
	(void)soclose(so);
	free(buf, M_XFER);
	free(want, M_XFER);
}

static void
run_round(const struct round *r, uint64_t seed)
{
	struct testbed *tb;

	memset(&st, 0, sizeof(st));
	st.round = r;
	tb = testbed_init(seed, &r->wire);
	tb_spawn(testbed_host(tb, "b", "10.0.0.2/24"), receiver, NULL);
	tb_spawn(testbed_host(tb, "a", "10.0.0.1/24"), sender, NULL);
	ok(testbed_run_programs(tb, 600000), "%s: it ends", r->name);
	is_int(st.sent, COUNT, "all sent");
	is_int(st.wrong, 0, "nothing wrong arrived");
	ok(st.arrived >= r->least, "%d of %d arrived", st.arrived, COUNT);
	ok(!r->once || st.twice == 0, "%d twice", st.twice);
	testbed_done(tb);
}

int
main(void)
{
	size_t i;

	tap_diag("seed %u", SEED);
	for (i = 0; i < nitems(rounds); i++)
		run_round(&rounds[i], SEED + i);
	return (tap_done());
}
