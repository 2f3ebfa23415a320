/*
 * if_wire.c - a wire in memory: one Ethernet segment with any number of ends.
 *
 * Theory of operation. Each end has a line of its own to a switch in the middle, full duplex. A
 * frame first waits its turn on the sender's line (rate_bps, behind queue_bytes at most), then
 * takes delay_ns and what jitter and reordering add, then leaves the switch at the end where its
 * destination was last seen, or at all others. What happens to it (loss, duplication, ...) is drawn
 * when it is sent, from a generator of the wire's own: the same seed and the same frames at the
 * same times give the same wire, whatever else the process does. No frame arrives within the call
 * that sends it, even with no delay, so stacks do not recurse into each other.
 *
 * Owns the frames under way, in order of arrival, and one callout for the first of them.
 * Called as a link by if_link.c, and by tests. Kernel world.
 */
#include <sys/param.h>
#include <sys/callout.h>
#include <sys/errno.h>
#include <sys/malloc.h>
#include <sys/queue.h>
#include <sys/systm.h>
#include <sys/time.h>

#include <net/ethernet.h>
#include <net/vnet.h>
#include <netinet/in.h>

#include <host/host.h>

#include "tapbridge/wire.h"

MALLOC_DEFINE(M_WIRE, "wire", "in-memory wires and the frames on them");

#define WIRE_QUEUE_BYTES (1024 * 1024) /* of a rate-limited direction, unless told */
#define WIRE_MTU 1500
#define WIRE_FDB 256 /* learnt addresses; the oldest makes place */
#define PPM 1000000u

struct wire_end {
	struct link e_link; /* first */
	struct wire *e_wire;
	TAILQ_ENTRY(wire_end) e_next;
	uint64_t e_busy_until_ns; /* its line is sending until then */
	wire_rx_fn *e_rx;
	void *e_rx_arg;
};

struct wire_frame {
	TAILQ_ENTRY(wire_frame) f_next;
	uint64_t f_due_ns;
	struct wire_end *f_from;
	struct link_offload f_offload;
	size_t f_len;
	uint8_t f_data[];
};

struct wire_fdb {
	uint8_t mac[ETHER_ADDR_LEN];
	struct wire_end *end;
};

struct wire {
	struct wire_params w_params;
	struct wire_stats w_stats;
	TAILQ_HEAD(, wire_end) w_ends;
	TAILQ_HEAD(wire_frames, wire_frame) w_frames; /* by f_due_ns, then as sent */
	struct callout w_callout;
	uint64_t w_timer_ns; /* when it fires, if pending */
	uint64_t w_random;
	wire_filter_fn *w_filter;
	void *w_filter_arg;
	struct wire_fdb w_fdb[WIRE_FDB];
	u_int w_nfdb, w_fdb_next;
};

static int wire_transmit(struct link *, const struct link_iov *, int, const struct link_offload *);
static int wire_set_up(struct link *, bool);
static void wire_end_close(struct link *);

static const struct link_ops wire_ops = {
    .name = "wire",
    .transmit = wire_transmit,
    .set_up = wire_set_up,
    .close = wire_end_close,
};

/* ---- chance ---- */

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t
draw(struct wire *w)
{
	uint64_t z = w->w_random += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31));
}

static bool
chance(struct wire *w, uint32_t ppm)
{
	return (ppm != 0 && draw(w) % PPM < ppm);
}

/* ---- the switch ---- */

static struct wire_end *
fdb_find(struct wire *w, const uint8_t *mac)
{
	u_int i;

	for (i = 0; i < w->w_nfdb; i++)
		if (memcmp(w->w_fdb[i].mac, mac, ETHER_ADDR_LEN) == 0)
			return (w->w_fdb[i].end);
	return (NULL);
}

static void
fdb_learn(struct wire *w, const uint8_t *mac, struct wire_end *end)
{
	u_int i;

	if (ETHER_IS_MULTICAST(mac))
		return;
	for (i = 0; i < w->w_nfdb; i++)
		if (memcmp(w->w_fdb[i].mac, mac, ETHER_ADDR_LEN) == 0)
			break;
	if (i == w->w_nfdb) {
		if (w->w_nfdb < WIRE_FDB)
			w->w_nfdb++;
		else
			i = w->w_fdb_next++ % WIRE_FDB;
	}
	memcpy(w->w_fdb[i].mac, mac, ETHER_ADDR_LEN);
	w->w_fdb[i].end = end;
}

static void
hand_over(struct wire_end *e, const struct wire_frame *f)
{
	if (e->e_rx != NULL)
		e->e_rx(e->e_rx_arg, f->f_data, f->f_len, &f->f_offload);
	else
		if_link_rx_copy(&e->e_link, f->f_data, f->f_len, &f->f_offload);
}

static void
switch_frame(struct wire *w, const struct wire_frame *f)
{
	struct wire_end *to = NULL, *e;

	if (!ETHER_IS_MULTICAST(f->f_data))
		to = fdb_find(w, f->f_data);
	if (to != NULL) {
		if (to != f->f_from)
			hand_over(to, f);
		return;
	}
	TAILQ_FOREACH (e, &w->w_ends, e_next)
		if (e != f->f_from)
			hand_over(e, f);
}

static void wire_timer(void *);

static void
set_timer(struct wire *w)
{
	struct wire_frame *f = TAILQ_FIRST(&w->w_frames);
	uint64_t now = host_monotonic_ns();

	if (f == NULL) {
		callout_stop(&w->w_callout);
		return;
	}
	if (callout_pending(&w->w_callout) && w->w_timer_ns == f->f_due_ns)
		return;
	w->w_timer_ns = f->f_due_ns;
	callout_reset_sbt(
	    &w->w_callout, f->f_due_ns > now ? nstosbt(f->f_due_ns - now) : 0, 0, wire_timer, w, 0);
}

/* Only what was due when it began: what that brings forth comes with the next timer. */
static void
wire_timer(void *arg)
{
	struct wire *w = arg;
	struct wire_frame *f, *last = NULL;
	uint64_t now = host_monotonic_ns();

	TAILQ_FOREACH (f, &w->w_frames, f_next) {
		if (f->f_due_ns > now)
			break;
		last = f;
	}
	while (last != NULL && (f = TAILQ_FIRST(&w->w_frames)) != NULL) {
		TAILQ_REMOVE(&w->w_frames, f, f_next);
		switch_frame(w, f);
		if (f == last)
			last = NULL;
		free(f, M_WIRE);
	}
	set_timer(w);
}

/* ---- sending ---- */

static void
enqueue(struct wire *w, struct wire_frame *f)
{
	struct wire_frame *p;

	TAILQ_FOREACH_REVERSE(p, &w->w_frames, wire_frames, f_next)
	if (p->f_due_ns <= f->f_due_ns)
		break;
	if (p == NULL)
		TAILQ_INSERT_HEAD(&w->w_frames, f, f_next);
	else
		TAILQ_INSERT_AFTER(&w->w_frames, p, f, f_next);
}

static struct wire_frame *
frame_alloc(struct wire_end *from, size_t len)
{
	struct wire_frame *f = malloc(sizeof(*f) + len, M_WIRE, M_NOWAIT);

	if (f != NULL) {
		f->f_from = from;
		f->f_len = len;
	}
	return (f);
}

/* The frame's turn on its sender's line. False: the queue in front of it is full. */
static bool
take_line(struct wire *w, struct wire_end *e, size_t len, uint64_t *sent_ns)
{
	uint64_t now = host_monotonic_ns(), rate = w->w_params.rate_bps, waiting;
	uint32_t most = w->w_params.queue_bytes;

	*sent_ns = now;
	if (rate == 0)
		return (true);
	if (e->e_busy_until_ns < now)
		e->e_busy_until_ns = now;
	waiting = (uint64_t)((__uint128_t)(e->e_busy_until_ns - now) * rate / 8 / 1000000000u);
	if (waiting + len > (most != 0 ? most : WIRE_QUEUE_BYTES) && waiting != 0)
		return (false);
	e->e_busy_until_ns += (uint64_t)len * 8 * 1000000000u / rate;
	*sent_ns = e->e_busy_until_ns;
	return (true);
}

/*
 * Fills the sum that the sender left to the link, so that what happens to the bytes from here on
 * shows. The field holds the sum of the pseudo header.
 */
static void
finish_sum(struct wire_frame *f)
{
	struct link_offload *off = &f->f_offload;
	size_t at = (size_t)off->csum_start + off->csum_offset;
	uint64_t sum;
	uint16_t s;

	if ((off->flags & LINK_OFFLOAD_NEEDS_CSUM) != 0 && at + 2 <= f->f_len) {
		sum = in_cksum_bytes(
		    f->f_data + off->csum_start, f->f_len - off->csum_start, 0, false);
		while (sum >> 16 != 0)
			sum = (sum & 0xffff) + (sum >> 16);
		s = (uint16_t)~sum;
		if (s == 0)
			s = 0xffff;
		memcpy(f->f_data + at, &s, sizeof(s));
	}
	memset(off, 0, sizeof(*off));
}

/* One bit of the IP packet flips. ARP has no sum: there a real wire's CRC would have caught it. */
static void
corrupt(struct wire *w, struct wire_frame *f)
{
	u_int type = (u_int)f->f_data[12] << 8 | f->f_data[13];
	uint64_t bit;

	if ((type != ETHERTYPE_IP && type != ETHERTYPE_IPV6) || f->f_len <= ETHER_HDR_LEN)
		return;
	finish_sum(f);
	bit = draw(w) % ((f->f_len - ETHER_HDR_LEN) * 8);
	f->f_data[ETHER_HDR_LEN + bit / 8] ^= (uint8_t)(1u << (bit % 8));
	w->w_stats.corrupted++;
}

static void
add_delays(struct wire *w, struct wire_frame *f, uint64_t sent_ns)
{
	const struct wire_params *p = &w->w_params;

	f->f_due_ns = sent_ns + p->delay_ns;
	if (p->jitter_ns != 0)
		f->f_due_ns += draw(w) % (p->jitter_ns + 1);
	if (chance(w, p->reorder_ppm)) {
		f->f_due_ns += p->reorder_ns;
		w->w_stats.reordered++;
	}
}

static void
duplicate(struct wire *w, const struct wire_frame *f, uint64_t sent_ns)
{
	struct wire_frame *copy = frame_alloc(f->f_from, f->f_len);

	if (copy == NULL)
		return;
	copy->f_offload = f->f_offload;
	memcpy(copy->f_data, f->f_data, f->f_len);
	add_delays(w, copy, sent_ns);
	enqueue(w, copy);
	w->w_stats.duplicated++;
}

/* Consumes f. */
static void
send_frame(struct wire *w, struct wire_frame *f)
{
	const struct wire_params *p = &w->w_params;
	uint64_t sent_ns;

	if (!take_line(w, f->f_from, f->f_len, &sent_ns)) {
		w->w_stats.queue_drops++;
		free(f, M_WIRE);
		return;
	}
	if (chance(w, p->loss_ppm)) {
		w->w_stats.lost++;
		free(f, M_WIRE);
		return;
	}
	if (chance(w, p->dup_ppm))
		duplicate(w, f, sent_ns);
	if (chance(w, p->corrupt_ppm))
		corrupt(w, f);
	add_delays(w, f, sent_ns);
	enqueue(w, f);
}

static int
wire_transmit(struct link *l, const struct link_iov *iov, int niov, const struct link_offload *off)
{
	struct wire_end *e = (struct wire_end *)l;
	struct wire *w = e->e_wire;
	struct wire_frame *f;
	size_t len = 0, at = 0;
	int i;

	for (i = 0; i < niov; i++)
		len += iov[i].iov_len;
	if (len < ETHER_HDR_LEN || len > LINK_FRAME_MAX)
		return (EINVAL);
	f = frame_alloc(e, len);
	if (f == NULL)
		return (ENOBUFS);
	for (i = 0; i < niov; i++) {
		memcpy(f->f_data + at, iov[i].iov_base, iov[i].iov_len);
		at += iov[i].iov_len;
	}
	memset(&f->f_offload, 0, sizeof(f->f_offload));
	if (off != NULL)
		f->f_offload = *off;
	w->w_stats.frames++;
	w->w_stats.bytes += len;
	fdb_learn(w, f->f_data + ETHER_ADDR_LEN, e);
	if (w->w_filter != NULL && !w->w_filter(w->w_filter_arg, l, f->f_data, len)) {
		w->w_stats.lost++;
		free(f, M_WIRE);
		return (0);
	}
	send_frame(w, f);
	set_timer(w);
	return (0);
}

/* ---- making and unmaking ---- */

static int
wire_set_up(struct link *l, bool up)
{
	l->up = up;
	return (0);
}

struct wire *
wire_create(const struct wire_params *p)
{
	struct wire *w = malloc(sizeof(*w), M_WIRE, M_WAITOK | M_ZERO);

	TAILQ_INIT(&w->w_ends);
	TAILQ_INIT(&w->w_frames);
	callout_init(&w->w_callout, 1);
	wire_set_params(w, p);
	w->w_random = p->seed;
	return (w);
}

struct link *
wire_end(struct wire *w, const uint8_t mac[6])
{
	struct wire_end *e = malloc(sizeof(*e), M_WIRE, M_WAITOK | M_ZERO);

	e->e_link.ops = &wire_ops;
	e->e_link.caps = w->w_params.caps;
	e->e_link.mtu = w->w_params.mtu != 0 ? w->w_params.mtu : WIRE_MTU;
	memcpy(e->e_link.mac, mac, ETHER_ADDR_LEN);
	e->e_wire = w;
	TAILQ_INSERT_TAIL(&w->w_ends, e, e_next);
	return (&e->e_link);
}

void
wire_end_set_rx(struct link *l, wire_rx_fn *fn, void *arg)
{
	struct wire_end *e = (struct wire_end *)l;

	e->e_rx = fn;
	e->e_rx_arg = arg;
}

/* The end leaves; its frames under way are lost with it. */
static void
wire_end_close(struct link *l)
{
	struct wire_end *e = (struct wire_end *)l;
	struct wire *w = e->e_wire;
	struct wire_frame *f, *next;
	u_int i;

	TAILQ_FOREACH_SAFE (f, &w->w_frames, f_next, next)
		if (f->f_from == e) {
			TAILQ_REMOVE(&w->w_frames, f, f_next);
			free(f, M_WIRE);
		}
	for (i = 0; i < w->w_nfdb; i++)
		if (w->w_fdb[i].end == e)
			w->w_fdb[i--] = w->w_fdb[--w->w_nfdb];
	TAILQ_REMOVE(&w->w_ends, e, e_next);
	free(e, M_WIRE);
}

void
wire_set_params(struct wire *w, const struct wire_params *p)
{
	w->w_params = *p;
}

void
wire_get_stats(const struct wire *w, struct wire_stats *to)
{
	*to = w->w_stats;
}

void
wire_set_filter(struct wire *w, wire_filter_fn *fn, void *arg)
{
	w->w_filter = fn;
	w->w_filter_arg = arg;
}

void
wire_destroy(struct wire *w)
{
	struct wire_end *e;

	while ((e = TAILQ_FIRST(&w->w_ends)) != NULL)
		wire_end_close(&e->e_link);
	callout_stop(&w->w_callout);
	free(w, M_WIRE);
}
