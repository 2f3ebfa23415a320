/*
 * sim_queue.c - what waits for a line: drop-tail, RED and CoDel, the latter two with ECN marks.
 * Kernel world; called by sim_link.c. Owns the frames in the queue.
 *
 * RED: Floyd and Jacobson 1993, with the gentle slope between max and twice max (Floyd 2000), in
 * fixed point. CoDel: RFC 8289. ECN: RFC 3168 5: a mark in place of a drop for a packet that is
 * ECN-capable; a full queue drops all the same.
 */
#include <sys/param.h>
#include <sys/endian.h>
#include <sys/mbuf.h>
#include <sys/systm.h>

#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/ip.h>

#include "t/sim/sim_var.h"

#define RED_SHIFT 20
#define RED_IDLE_MAX 65536   /* packet times; after that the average is 0 */
#define TYPICAL_PACKET 1000  /* bytes: how long an idle line could have sent one */
#define CODEL_MAXPACKET 1514 /* a queue of no more is never too long */
#define ECN_MASK 3
#define ECN_CE 3

void
sim_frame_free(struct sim_frame *f)
{
	m_freem(f->f_m);
	free(f, M_SIM);
}

/* The header sum follows by RFC 1624. */
bool
sim_frame_mark_ce(struct sim_frame *f)
{
	u_char *p = mtod(f->f_m, u_char *);
	uint32_t sum;
	u_char old;

	if (f->f_len < ETHER_HDR_LEN + sizeof(struct ip) || be16dec(p + 12) != ETHERTYPE_IP)
		return (false);
	p += ETHER_HDR_LEN;
	old = p[1];
	if ((old & ECN_MASK) == 0)
		return (false);
	p[1] |= ECN_CE;
	sum = (uint32_t)(uint16_t)~be16dec(p + 10) + (uint16_t) ~(uint16_t)((p[0] << 8) | old) +
	      (uint16_t)((p[0] << 8) | p[1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	be16enc(p + 10, (uint16_t)~sum);
	return (true);
}

void
sim_queue_init(struct sim_queue *q, const struct sim_queue_conf *conf, uint64_t rate_bps,
    struct sim_line_stats *stats, struct sim_random *r)
{
	q->q_conf = conf;
	q->q_stats = stats;
	q->q_random = r;
	q->q_rate_bps = rate_bps;
	q->q_idle_ns = 0;
	q->q_since_drop = SIM_NEVER;
	TAILQ_INIT(&q->q_frames);
}

static bool
full(const struct sim_queue *q, const struct sim_frame *f)
{
	const struct sim_queue_conf *c = q->q_conf;

	return (
	    (c->limit_packets != 0 && q->q_packets + 1 > c->limit_packets) ||
	    (c->limit_bytes != 0 && q->q_packets != 0 && q->q_bytes + f->f_len > c->limit_bytes));
}

/* ---- RED ---- */

static void
red_average(struct sim_queue *q)
{
	const struct sim_queue_conf *c = q->q_conf;
	uint64_t now = (c->red_in_bytes ? q->q_bytes : q->q_packets) << RED_SHIFT, m;

	if (q->q_idle_ns != SIM_NEVER) {
		/* as if as many small packets had come to an empty queue as the line could send */
		m = (uint64_t)((__uint128_t)(sim_now_ns() - q->q_idle_ns) * q->q_rate_bps /
			       ((uint64_t)TYPICAL_PACKET * 8 * SIM_NS_PER_S));
		if (m > RED_IDLE_MAX)
			q->q_avg = 0;
		for (; m > 0 && q->q_avg != 0; m--)
			q->q_avg -= (q->q_avg >> c->red_wshift) + 1;
		q->q_idle_ns = SIM_NEVER;
	}
	if (now >= q->q_avg)
		q->q_avg += (now - q->q_avg) >> c->red_wshift;
	else
		q->q_avg -= (q->q_avg - now) >> c->red_wshift;
}

/* The chance to drop at this average, before it is spread evenly. */
static sim_prob
red_chance(const struct sim_queue *q)
{
	const struct sim_queue_conf *c = q->q_conf;
	uint64_t min = c->red_min << RED_SHIFT, max = c->red_max << RED_SHIFT;

	if (q->q_avg < min)
		return (0);
	if (q->q_avg < max)
		return ((sim_prob)((__uint128_t)c->red_maxp * (q->q_avg - min) / (max - min)));
	if (q->q_avg < 2 * max)
		return (c->red_maxp + (sim_prob)((__uint128_t)(SIM_PROB_ONE - c->red_maxp) *
						 (q->q_avg - max) / max));
	return (SIM_PROB_ONE);
}

/* Should this one be dropped or marked? */
static bool
red_early(struct sim_queue *q)
{
	sim_prob pb, left;
	__uint128_t spread;

	red_average(q);
	pb = red_chance(q);
	if (pb == 0) {
		q->q_since_drop = SIM_NEVER;
		return (false);
	}
	if (pb >= SIM_PROB_ONE)
		return (true);
	if (q->q_since_drop == SIM_NEVER)
		q->q_since_drop = 0;
	spread = (__uint128_t)pb * q->q_since_drop++;
	if (spread < SIM_PROB_ONE) {
		left = SIM_PROB_ONE - (sim_prob)spread;
		if (!sim_random_chance(q->q_random,
			(sim_prob)MIN((__uint128_t)pb * SIM_PROB_ONE / left, SIM_PROB_ONE)))
			return (false);
	}
	q->q_since_drop = 0;
	return (true);
}

void
sim_queue_put(struct sim_queue *q, struct sim_frame *f)
{
	struct sim_line_stats *st = q->q_stats;

	if (q->q_conf->kind == SIM_RED && red_early(q)) {
		if (q->q_conf->ecn && q->q_avg < q->q_conf->red_max << RED_SHIFT &&
		    sim_frame_mark_ce(f))
			st->marks++;
		else {
			st->aqm_drops++;
			sim_frame_free(f);
			return;
		}
	}
	if (full(q, f)) {
		st->tail_drops++;
		sim_frame_free(f);
		return;
	}
	f->f_ns = sim_now_ns();
	TAILQ_INSERT_TAIL(&q->q_frames, f, f_next);
	q->q_bytes += f->f_len;
	q->q_packets++;
	st->queue_max_bytes = MAX(st->queue_max_bytes, q->q_bytes);
	st->queue_max_packets = MAX(st->queue_max_packets, q->q_packets);
}

static struct sim_frame *
take(struct sim_queue *q)
{
	struct sim_frame *f = TAILQ_FIRST(&q->q_frames);

	if (f == NULL)
		return (NULL);
	TAILQ_REMOVE(&q->q_frames, f, f_next);
	q->q_bytes -= f->f_len;
	if (--q->q_packets == 0)
		q->q_idle_ns = sim_now_ns();
	return (f);
}

/* ---- CoDel, RFC 8289 section 5 ---- */

static uint64_t
square_root(uint64_t x)
{
	uint64_t root = 0, bit = (uint64_t)1 << 62;

	while (bit > x)
		bit >>= 2;
	for (; bit != 0; bit >>= 2) {
		if (x >= root + bit) {
			x -= root + bit;
			root = (root >> 1) + bit;
		} else
			root >>= 1;
	}
	return (root);
}

/* 5.3: t + interval / sqrt(count) */
static uint64_t
control_law(const struct sim_queue *q, uint64_t t)
{
	uint64_t root = square_root((uint64_t)q->q_count << 32); /* 16 bits behind the point */

	return (t + (uint64_t)(((__uint128_t)q->q_conf->codel_interval_ns << 16) / root));
}

/* 5.4: the next frame; *ok: the delay has been above target for an interval. */
static struct sim_frame *
codel_take(struct sim_queue *q, uint64_t now, bool *ok)
{
	struct sim_frame *f = take(q);

	*ok = false;
	if (f == NULL) {
		q->q_first_above_ns = 0;
		return (NULL);
	}
	if (now - f->f_ns < q->q_conf->codel_target_ns || q->q_bytes <= CODEL_MAXPACKET)
		q->q_first_above_ns = 0;
	else if (q->q_first_above_ns == 0)
		q->q_first_above_ns = now + q->q_conf->codel_interval_ns;
	else if (now >= q->q_first_above_ns)
		*ok = true;
	return (f);
}

/* Marked: it goes on. Dropped: true, and it is gone. */
static bool
codel_punish(struct sim_queue *q, struct sim_frame *f)
{
	if (q->q_conf->ecn && sim_frame_mark_ce(f)) {
		q->q_stats->marks++;
		return (false);
	}
	q->q_stats->aqm_drops++;
	sim_frame_free(f);
	return (true);
}

static struct sim_frame *
codel_dropping(struct sim_queue *q, struct sim_frame *f, uint64_t now, bool ok)
{
	bool dropped;

	if (!ok) {
		q->q_dropping = false;
		return (f);
	}
	while (now >= q->q_drop_next_ns && q->q_dropping) {
		dropped = codel_punish(q, f);
		q->q_count++;
		if (dropped) {
			f = codel_take(q, now, &ok);
			if (!ok) {
				q->q_dropping = false;
				break;
			}
		}
		q->q_drop_next_ns = control_law(q, q->q_drop_next_ns);
		if (!dropped)
			break; /* one mark a packet */
	}
	return (f);
}

static struct sim_frame *
codel_get(struct sim_queue *q)
{
	uint64_t now = sim_now_ns();
	struct sim_frame *f;
	uint32_t delta;
	bool ok;

	f = codel_take(q, now, &ok);
	if (f == NULL) {
		q->q_dropping = false;
		return (NULL);
	}
	if (q->q_dropping)
		return (codel_dropping(q, f, now, ok));
	if (!ok)
		return (f);
	if (codel_punish(q, f))
		f = codel_take(q, now, &ok);
	q->q_dropping = true;
	/* soon after the last time: begin where that one had come to */
	delta = q->q_count - q->q_lastcount;
	q->q_count = 1;
	if (delta > 1 && now < q->q_drop_next_ns + 16 * q->q_conf->codel_interval_ns)
		q->q_count = delta;
	q->q_drop_next_ns = control_law(q, now);
	q->q_lastcount = q->q_count;
	return (f);
}

struct sim_frame *
sim_queue_get(struct sim_queue *q)
{
	uint64_t waited;
	struct sim_frame *f = q->q_conf->kind == SIM_CODEL ? codel_get(q) : take(q);

	if (f != NULL) {
		waited = sim_now_ns() - f->f_ns;
		q->q_stats->wait_sum_ns += waited;
		q->q_stats->wait_max_ns = MAX(q->q_stats->wait_max_ns, waited);
	}
	return (f);
}
