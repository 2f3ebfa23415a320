/*
 * xfer_tcp.c - thousands of TCP transfers between two stacks over bad wires; every byte compared.
 *
 * Each round is a wire (loss, duplication, corruption, reordering, rate, delay, offloads, MTU) and
 *a few hundred connections from a seed, some at once. A connection sends a random number of bytes
 * each way (none to megabytes), in random pieces, reads in random pieces, sometimes pauses, and
 * closes each direction when it is done, or waits for the other's end before it sends (half-close).
 * Every connection must end, without an error, with all bytes right; then nothing may be left.
 *
 *	The seed is printed; `xfer_tcp SEED [ROUND]` runs it, or one round of it, again.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/malloc.h>
#include <sys/systm.h>

#include <netinet/tcp.h>

#include "t/lib/tap.h"
#include "t/lib/testbed.h"

MALLOC_DEFINE(M_XFER, "xfer", "transfer test");

#define SEED 20011126u
#define PORT 7777
#define CHUNK 70000 /* most bytes of one read or write */
#define ROUND_LIMIT_MS                                                                             \
	(6 * 3600 * 1000) /* virtual: a lossy round has long retransmission timeouts */
#define MS 1000000u

struct round {
	const char *name;
	struct wire_params wire;
	int transfers, at_once;
	uint32_t small_max, big_max; /* bytes; one in eight is big */
};

static const struct round rounds[] = {
    {"a perfect wire", {0}, 200, 4, 20000, 2000000},
    {"offloads", {.caps = LINK_CAP_CSUM | LINK_CAP_TSO4, .delay_ns = MS}, 200, 4, 20000, 4000000},
    {"checksum offload only", {.caps = LINK_CAP_CSUM, .delay_ns = MS}, 100, 4, 20000, 1000000},
    {"1% loss", {.delay_ns = 5 * MS, .loss_ppm = 10000}, 400, 8, 20000, 500000},
    {"10% loss", {.delay_ns = 2 * MS, .loss_ppm = 100000}, 300, 8, 10000, 60000},
    {"30% loss", {.delay_ns = MS, .loss_ppm = 300000}, 60, 4, 3000, 8000},
    {"reordering",
	{.delay_ns = 5 * MS, .jitter_ns = MS, .reorder_ppm = 100000, .reorder_ns = 6 * MS}, 300, 8,
	20000, 500000},
    {"duplication", {.delay_ns = MS, .dup_ppm = 200000}, 300, 8, 20000, 500000},
    {"corruption", {.delay_ns = MS, .corrupt_ppm = 30000}, 300, 8, 20000, 300000},
    {"a slow line with a short queue",
	{.delay_ns = 20 * MS, .rate_bps = 10000000, .queue_bytes = 30000}, 100, 4, 20000, 500000},
    {"a long line with loss", {.delay_ns = 150 * MS, .loss_ppm = 2000}, 100, 16, 50000, 500000},
    {"everything",
	{.delay_ns = 3 * MS,
	    .jitter_ns = 2 * MS,
	    .loss_ppm = 20000,
	    .dup_ppm = 20000,
	    .corrupt_ppm = 10000,
	    .reorder_ppm = 30000,
	    .reorder_ns = 10 * MS},
	400, 16, 20000, 200000},
    {"everything, with offloads",
	{.caps = LINK_CAP_CSUM | LINK_CAP_TSO4,
	    .delay_ns = 3 * MS,
	    .jitter_ns = 2 * MS,
	    .loss_ppm = 20000,
	    .dup_ppm = 20000,
	    .corrupt_ppm = 10000,
	    .reorder_ppm = 30000,
	    .reorder_ns = 10 * MS},
	300, 16, 40000, 400000},
    {"a small MTU, losing", {.mtu = 296, .delay_ns = MS, .loss_ppm = 10000}, 150, 8, 5000, 50000},
    {"a large MTU, losing", {.mtu = 9000, .delay_ns = MS, .loss_ppm = 10000}, 150, 8, 50000,
	1000000},
};

/* One connection's plan, known to both sides. */
struct transfer {
	uint64_t id, random;
	size_t bytes[2];   /* by the client, by the server */
	bool server_after; /* the server sends after the client's end */
	int error;	   /* of either side; first */
	const char *where;
	int ends; /* sides that came to an end */
};

struct state {
	const struct round *round;
	struct testbed *tb;
	struct transfer *transfers;
	int next;
	struct tb_host *client, *server;
	uint64_t bytes;
	int failures;
	struct socket *listener;
	int clients; /* still connecting */
	int accepted;
	uint64_t digest; /* of every frame and when it was sent */
};

static struct state st;

static void
failed(struct transfer *t, int error, const char *where)
{
	if (t->error != 0)
		return;
	t->error = error;
	t->where = where;
}

static size_t
random_size(uint64_t *r, const struct round *round)
{
	switch (tb_random(r) % 8) {
	case 0:
		return (0);
	case 1:
		return (tb_random(r) % 4);
	case 2:
		return (tb_random(r) % (round->big_max + 1));
	default:
		return (tb_random(r) % (round->small_max + 1));
	}
}

/* Pieces of a few bytes, of a segment or so, or large. */
static size_t
random_piece(uint64_t *r, size_t most)
{
	static const uint32_t limits[] = {16, 1500, 8000, CHUNK};
	uint32_t limit = limits[tb_random(r) % 4];
	size_t n = 1 + tb_random(r) % limit;

	return (n < most ? n : most);
}

static void
random_pause(uint64_t *r)
{
	if (tb_random(r) % 64 == 0)
		tb_sleep_ms(1 + (int)(tb_random(r) % 300));
}

/* Each side's sending and receiving are programs of their own: both directions at once. */
struct side {
	struct transfer *t;
	struct socket *so;
	uint64_t random;
	int who; /* 0 client, 1 server */
	int halves;
	bool read_end;
};

static void
side_ends(struct side *s)
{
	if (--s->halves > 0)
		return;
	(void)soclose(s->so);
	s->t->ends++;
	free(s, M_XFER);
}

static void
send_half(struct tb_host *h __unused, void *arg)
{
	struct side *s = arg;
	struct transfer *t = s->t;
	uint8_t *buf = malloc(CHUNK, M_XFER, M_WAITOK);
	size_t at = 0, n;
	int error = 0;

	while (s->who == 1 && t->server_after && !s->read_end)
		(void)tsleep(&s->read_end, PSOCK, "rdend", 0);
	while (at < t->bytes[s->who] && error == 0) {
		n = random_piece(&s->random, t->bytes[s->who] - at);
		tb_pattern(buf, n, t->id * 2 + (uint64_t)s->who, at);
		error = tb_write(s->so, buf, n);
		at += n;
		random_pause(&s->random);
	}
	if (error != 0)
		failed(t, error, s->who == 0 ? "client writes" : "server writes");
	error = soshutdown(s->so, SHUT_WR);
	if (error != 0 && error != ENOTCONN)
		failed(t, error, "shutdown");
	free(buf, M_XFER);
	side_ends(s);
}

/* Reads to the end and compares. */
static void
recv_half(struct tb_host *h __unused, void *arg)
{
	struct side *s = arg;
	struct transfer *t = s->t;
	uint8_t *buf = malloc(CHUNK, M_XFER, M_WAITOK), *want = malloc(CHUNK, M_XFER, M_WAITOK);
	size_t at = 0, got, expected = t->bytes[1 - s->who];
	int error;

	for (;;) {
		error = tb_read(s->so, buf, random_piece(&s->random, CHUNK), &got);
		if (error != 0 || got == 0)
			break;
		tb_pattern(want, got, t->id * 2 + (uint64_t)(1 - s->who), at);
		if (memcmp(buf, want, got) != 0)
			failed(t, EILSEQ, s->who == 0 ? "client compares" : "server compares");
		at += got;
		random_pause(&s->random);
	}
	st.bytes += at;
	if (error != 0)
		failed(t, error, s->who == 0 ? "client reads" : "server reads");
	else if (at != expected)
		failed(t, EMSGSIZE, s->who == 0 ? "client's length" : "server's length");
	s->read_end = true;
	wakeup(&s->read_end);
	free(buf, M_XFER);
	free(want, M_XFER);
	side_ends(s);
}

static void
run_side(struct tb_host *h, struct transfer *t, struct socket *so, int who)
{
	struct side *s = malloc(sizeof(*s), M_XFER, M_WAITOK | M_ZERO);

	s->t = t;
	s->so = so;
	s->who = who;
	s->halves = 2;
	s->random = t->random + (uint64_t)who * 77;
	tb_spawn(h, send_half, s);
	tb_spawn(h, recv_half, s);
}

/* The client tells the server by its port which transfer this is. */
#define FIRST_PORT 20000

static void
server(struct tb_host *h, void *arg __unused)
{
	struct sockaddr_storage ss;
	struct socket *ls, *so;
	int n, error;

	error = tb_listen(PORT, 128, &ls);
	st.listener = ls;
	for (; error == 0; st.accepted++) {
		error = tb_accept(ls, &so);
		if (error != 0 && st.clients == 0) {
			error = 0; /* the last client has gone */
			break;
		}
		if (error != 0)
			break;
		error = sopeeraddr(so, (struct sockaddr *)&ss);
		n = ntohs(((struct sockaddr_in *)&ss)->sin_port) - FIRST_PORT;
		if (error == 0)
			run_side(h, &st.transfers[n], so, 1);
		else {
			(void)soclose(so);
			error = 0;
		}
	}
	if (error != 0) {
		tap_diag("server: errno %d", error);
		st.failures++;
	}
	(void)soclose(ls);
}

static bool
any_failed(void)
{
	for (int i = 0; i < st.round->transfers; i++) {
		if (st.transfers[i].error != 0)
			return (true);
	}
	return (false);
}

static bool
all_accepted(void)
{
	return (st.accepted == st.round->transfers);
}

static void
client(struct tb_host *h, void *arg __unused)
{
	struct transfer *t;
	struct socket *so;
	int n, error;

	while ((n = st.next) < st.round->transfers) {
		st.next++;
		t = &st.transfers[n];
		error = tb_socket(SOCK_STREAM, &so);
		if (error == 0)
			error = tb_bind(so, NULL, (uint16_t)(FIRST_PORT + n));
		if (error == 0)
			error = tb_connect(so, "10.0.0.2", PORT);
		if (error != 0) {
			failed(t, error, "connect");
			(void)soclose(so);
			continue;
		}
		run_side(h, t, so, 0);
		while (t->ends < 1 && t->error == 0)
			tb_sleep_ms(5);
	}
	if (--st.clients > 0)
		return;
	/* nobody connects any more; the server need not wait for one that never came */
	while (!all_accepted() && st.failures == 0 && !any_failed())
		tb_sleep_ms(5);
	(void)soshutdown(st.listener, SHUT_RD);
}

static void
plan(const struct round *r, uint64_t seed)
{
	uint64_t random = seed;
	int i;

	memset(&st, 0, sizeof(st));
	st.round = r;
	st.transfers =
	    malloc(sizeof(struct transfer) * (size_t)r->transfers, M_XFER, M_WAITOK | M_ZERO);
	for (i = 0; i < r->transfers; i++) {
		st.transfers[i].id = (uint64_t)i;
		st.transfers[i].bytes[0] = random_size(&random, r);
		st.transfers[i].bytes[1] = random_size(&random, r);
		st.transfers[i].server_after = tb_random(&random) % 4 == 0;
		st.transfers[i].random = (uint64_t)tb_random(&random) << 32;
		st.transfers[i].random |= tb_random(&random);
	}
}

static void
report(bool ended)
{
	int i, told = 0, bad = 0;

	for (i = 0; i < st.round->transfers; i++) {
		struct transfer *t = &st.transfers[i];

		if (t->error == 0 && t->ends == 2)
			continue;
		bad++;
		if (told++ < 5)
			tap_diag("transfer %d (%lu out, %lu back): %s errno %d, %d ends", i,
			    (u_long)t->bytes[0], (u_long)t->bytes[1],
			    t->where != NULL ? t->where : "", t->error, t->ends);
	}
	ok(ended && bad == 0 && st.failures == 0, "%s: %d transfers, %llu bytes, %llu virtual s",
	    st.round->name, st.round->transfers, (unsigned long long)st.bytes,
	    (unsigned long long)testbed_now_ms(st.tb) / 1000);
}

/* FNV-1a, 8 bytes at a time: the same seed gives the same frames, whatever the build. */
static bool
digest_frame(void *arg __unused, struct link *from __unused, const uint8_t *frame, size_t len)
{
	uint64_t d = st.digest, word = testbed_now_ns(st.tb);
	size_t at;

	d = (d ^ word) * 0x100000001b3u;
	for (at = 0; at < len; at += sizeof(word)) {
		word = 0;
		memcpy(&word, frame + at, MIN(sizeof(word), len - at));
		d = (d ^ word) * 0x100000001b3u;
	}
	st.digest = d ^ len;
	return (true);
}

static void
run_round(const struct round *r, uint64_t seed)
{
	bool ended;
	int i;

	plan(r, seed);
	st.tb = testbed_init(seed, &r->wire);
	st.client = testbed_host(st.tb, "client", "10.0.0.1/24");
	st.server = testbed_host(st.tb, "server", "10.0.0.2/24");
	wire_set_filter(testbed_wire(st.tb), digest_frame, NULL);
	tb_spawn(st.server, server, NULL);
	st.clients = r->at_once;
	for (i = 0; i < r->at_once; i++)
		tb_spawn(st.client, client, NULL);
	ended = testbed_run_programs(st.tb, ROUND_LIMIT_MS);
	report(ended);
	if (!ended)
		tap_bail("some transfers hang");
	tap_diag("frames %016llx", (unsigned long long)st.digest);
	testbed_done(st.tb);
	free(st.transfers, M_XFER);
}

int
main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoul(argv[1], NULL, 10) : SEED;
	size_t i, first = 0, last = nitems(rounds);

	tap_diag("XFER_SEED %llu", (unsigned long long)seed);
	if (argc > 2) {
		first = strtoul(argv[2], NULL, 10);
		last = first + 1;
	}
	for (i = first; i < last && i < nitems(rounds); i++)
		run_round(&rounds[i], seed + i);
	return (tap_done());
}
