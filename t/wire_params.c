/*
 * wire_params.c - the in-memory wire does what its parameters say, and the same again from the
 * same seed. Scripted ends only: no stack.
 */
#include <sys/param.h>
#include <sys/malloc.h>
#include <sys/systm.h>

#include <net/ethernet.h>
#include <netinet/in.h>

#include <host/host.h>

#include "t/lib/tap.h"
#include "t/lib/testbed.h"
#include "tapbridge/wire.h"

#define NFRAMES 10000
#define NS_PER_MS 1000000u

struct sink {
	struct testbed *tb;
	int frames, valid;
	uint64_t first_ns, last_ns, hash;
	size_t len;
	int order_errors, last_number;
	int damaged;
	uint8_t copy[128];
};

static const uint8_t mac[3][6] = {{2, 0, 0, 0, 9, 1}, {2, 0, 0, 0, 9, 2}, {2, 0, 0, 0, 9, 3}};

static void
sink_rx(void *arg, const uint8_t *f, size_t len, const struct link_offload *off)
{
	struct sink *s = arg;
	int n = f[20] << 8 | f[21];
	size_t i;

	s->last_ns = testbed_now_ns(s->tb);
	if (s->frames++ == 0)
		s->first_ns = s->last_ns;
	if (n < s->last_number)
		s->order_errors++;
	s->last_number = n;
	s->len = len;
	s->valid += off->flags != 0;
	for (i = 14; i < len; i++) {
		if (i != 20 && i != 21 && i != 24 && i != 25 && f[i] != 0x5a)
			s->damaged++;
	}
	s->hash = (s->hash ^ s->last_ns) * 0x100000001b3u;
	for (i = 0; i < len && i < 64; i++)
		s->hash = (s->hash ^ f[i]) * 0x100000001b3u;
	memcpy(s->copy, f, len < sizeof(s->copy) ? len : sizeof(s->copy));
}

/* A frame of IP ethertype; bytes 20 and 21 number it, 24 and 25 are a checksum field. */
static void
send_frame(
    struct link *l, const uint8_t *to, int number, size_t len, const struct link_offload *off)
{
	uint8_t f[1600];
	struct link_iov iov = {f, len};

	memset(f, 0x5a, sizeof(f));
	memcpy(f, to, 6);
	memcpy(f + 6, l->mac, 6);
	f[12] = 0x08;
	f[13] = 0x00;
	f[20] = (uint8_t)(number >> 8);
	f[21] = (uint8_t)number;
	f[24] = f[25] = 0;
	(void)l->ops->transmit(l, &iov, 1, off);
}

struct run {
	struct testbed *tb;
	struct link *end[2];
	struct sink sink;
	struct wire_stats stats;
};

/* Sends n frames, gap_ns apart, and waits for what comes. */
static void
run_wire(struct run *r, const struct wire_params *p, uint64_t seed, int n, uint64_t gap_ns)
{
	struct wire *w;
	int i;

	memset(r, 0, sizeof(*r));
	r->tb = testbed_init(seed, p);
	r->sink.tb = r->tb;
	r->sink.hash = 0xcbf29ce484222325u;
	w = testbed_wire(r->tb);
	r->end[0] = wire_end(w, mac[0]);
	r->end[1] = wire_end(w, mac[1]);
	wire_end_set_rx(r->end[1], sink_rx, &r->sink);
	for (i = 0; i < n; i++) {
		testbed_run_until_ns(r->tb, (uint64_t)i * gap_ns);
		send_frame(r->end[0], mac[1], i, 1014, NULL);
	}
	testbed_run_until_ns(r->tb, (uint64_t)n * gap_ns + 100000u * NS_PER_MS);
	wire_get_stats(w, &r->stats);
	testbed_done(r->tb);
}

static void
test_exact(void)
{
	struct wire_params p = {.delay_ns = 5 * NS_PER_MS};
	struct run r;

	run_wire(&r, &p, 1, 100, 1000);
	is_int(r.sink.frames, 100, "a perfect wire loses nothing");
	is_int(r.sink.order_errors, 0, "... and keeps the order");
	is_int(r.sink.damaged, 0, "... and the bytes");
	ok(r.sink.first_ns >= 5 * NS_PER_MS && r.sink.first_ns < 6 * NS_PER_MS + NS_PER_MS / 2,
	    "the delay is %llu ns", (unsigned long long)r.sink.first_ns);
	p.delay_ns = 0;
	run_wire(&r, &p, 1, 1, 0);
	is_int(r.sink.frames, 1, "no delay: arrives");
}

static void
test_rate(void)
{
	struct wire_params p = {.rate_bps = 8112000, .queue_bytes = 1 << 20};
	struct run r;

	/* 1014 bytes at 8.112 Mbit/s: 1 ms each */
	run_wire(&r, &p, 2, 500, 0);
	is_int(r.sink.frames, 500, "within the queue nothing is lost");
	ok(r.sink.last_ns >= 499 * NS_PER_MS && r.sink.last_ns <= 502 * NS_PER_MS,
	    "500 frames take 500 ms: %llu us", (unsigned long long)r.sink.last_ns / 1000);
	p.queue_bytes = 10140;
	run_wire(&r, &p, 2, 500, 0);
	is_int(r.sink.frames, 10, "a queue of ten frames takes ten of a burst");
	is_int(r.stats.queue_drops, 490, "... and drops the rest");
	run_wire(&r, &p, 2, 500, NS_PER_MS);
	is_int(r.sink.frames, 500, "at the rate of the line none is dropped");
}

static bool
near(uint64_t got, uint64_t want, uint64_t slack)
{
	return (got + slack >= want && got <= want + slack);
}

static void
test_chance(void)
{
	struct wire_params p = {.delay_ns = NS_PER_MS,
	    .jitter_ns = 2 * NS_PER_MS,
	    .loss_ppm = 100000,
	    .dup_ppm = 50000,
	    .corrupt_ppm = 20000,
	    .reorder_ppm = 30000,
	    .reorder_ns = 10 * NS_PER_MS};
	struct run r, again;

	run_wire(&r, &p, 7, NFRAMES, 100000);
	ok(near(r.stats.lost, NFRAMES / 10, 120), "10%% lost: %d", (int)r.stats.lost);
	ok(near(r.stats.duplicated, NFRAMES * 9 / 200, 90), "5%% doubled: %d",
	    (int)r.stats.duplicated);
	ok(near(r.stats.corrupted, NFRAMES * 9 / 500, 60), "2%% corrupted: %d",
	    (int)r.stats.corrupted);
	ok(near(r.stats.reordered, NFRAMES * 285 / 10000, 70), "3%% held back: %d",
	    (int)r.stats.reordered);
	is_int(r.sink.frames, NFRAMES - r.stats.lost + r.stats.duplicated, "the rest arrives");
	ok(r.sink.order_errors > 100, "out of order: %d", r.sink.order_errors);
	ok(r.sink.damaged > 0 && r.sink.damaged <= (int)r.stats.corrupted + 1,
	    "one bit, in %d frames", r.sink.damaged);
	run_wire(&again, &p, 7, NFRAMES, 100000);
	ok(again.sink.hash == r.sink.hash, "the same seed: the same frames at the same times");
	run_wire(&again, &p, 8, NFRAMES, 100000);
	ok(again.sink.hash != r.sink.hash, "another seed: others");
}

static void
test_sums(void)
{
	struct wire_params p = {.caps = LINK_CAP_CSUM};
	struct link_offload off = {
	    .flags = LINK_OFFLOAD_NEEDS_CSUM, .csum_start = 22, .csum_offset = 2};
	struct testbed *tb = testbed_init(3, &p);
	struct wire *w = testbed_wire(tb);
	struct link *a = wire_end(w, mac[0]), *b = wire_end(w, mac[1]);
	struct sink s = {.tb = tb};
	uint32_t sum = 0;
	int i;

	wire_end_set_rx(b, sink_rx, &s);
	send_frame(a, mac[1], 0, 100, &off);
	testbed_run_ms(tb, 5);
	is_int(s.valid, 1, "an unfinished sum goes over as such");
	p.corrupt_ppm = 1000000;
	p.seed = 3;
	wire_set_params(w, &p);
	send_frame(a, mac[1], 0, 100, &off);
	testbed_run_ms(tb, 5);
	is_int(s.frames, 2, "a corrupted frame arrives");
	is_int(s.valid, 1, "... and nobody says that its sum is right");
	for (i = 22; i < 100; i += 2)
		sum += (uint32_t)(s.copy[i] << 8 | s.copy[i + 1]);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	ok(sum != 0xffff || s.damaged > 0 || s.copy[20] != 0 || s.copy[21] != 0,
	    "... and it was finished before the bit flipped");
	testbed_done(tb);
}

static bool
drop_odd(void *arg, struct link *from __unused, const uint8_t *f, size_t len __unused)
{
	(*(int *)arg)++;
	return ((f[21] & 1) == 0);
}

static void
test_switch(void)
{
	struct testbed *tb = testbed_init(4, NULL);
	struct wire *w = testbed_wire(tb);
	struct sink s[3];
	struct link *l[3];
	int i, seen = 0;

	memset(s, 0, sizeof(s));
	for (i = 0; i < 3; i++) {
		l[i] = wire_end(w, mac[i]);
		s[i].tb = tb;
		wire_end_set_rx(l[i], sink_rx, &s[i]);
	}
	send_frame(l[0], mac[1], 0, 60, NULL);
	testbed_run_ms(tb, 5);
	ok(s[1].frames == 1 && s[2].frames == 1 && s[0].frames == 0,
	    "an unknown address: to all others");
	send_frame(l[1], mac[0], 0, 60, NULL);
	testbed_run_ms(tb, 5);
	ok(s[0].frames == 1 && s[2].frames == 1, "a learnt one: only there");
	send_frame(l[0], etherbroadcastaddr, 0, 60, NULL);
	testbed_run_ms(tb, 5);
	ok(s[1].frames == 2 && s[2].frames == 2 && s[0].frames == 1, "broadcast: all others");
	wire_set_filter(w, drop_odd, &seen);
	for (i = 0; i < 10; i++)
		send_frame(l[0], mac[1], i, 60, NULL);
	testbed_run_ms(tb, 5);
	ok(seen == 10 && s[1].frames == 7, "a filter sees each and drops what it wants");
	wire_set_filter(w, NULL, NULL);
	send_frame(l[0], mac[1], 0, 60, NULL);
	l[0]->ops->close(l[0]);
	testbed_run_ms(tb, 5);
	is_int(s[1].frames, 7, "an end that leaves takes its frames along");
	testbed_done(tb);
}

int
main(void)
{
	test_exact();
	test_rate();
	test_chance();
	test_sums();
	test_switch();
	return (tap_done());
}
