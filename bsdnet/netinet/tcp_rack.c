/*
 * tcp_rack.c - loss detection by time: RACK, RFC 8985 sections 5 and 6.
 *
 * Theory of operation. Every packet with data or FIN that goes out leaves a record of its range
 * and time. Records are kept in order of their sequence in an array (found by bisection), and in
 * order of their time on a list. An ACK or a SACK block takes the records that it covers; the
 * latest sent of them says how late news can be. A record that was sent before that one, and is
 * older than a round trip and a reordering window, is lost: it moves to the list of what is sent
 * again, and becomes an ordinary record when it is. So retransmissions get lost like anything else,
 * and each record is looked at once for each time that it was sent: the walk stops at the first
 * that is not lost yet, and TT_RACK comes back for it.
 *
 * RFC 8985 6.2 step 5 starts one timer for the latest deadline of all; ours is for the next one.
 *
 * Used by connections with SACK that become established while net.inet.tcp.rack.enable is 1. Owns
 * t_rack, but for its tlp_ part. Bound: net.inet.tcp.rack.maxrecords for each connection; beyond it
 * what follows the last record is made part of that.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <vm/uma.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

static MALLOC_DEFINE(M_RACK, "tcp_rack", "index of TCP transmit records");

#define RACK_FIRST_SIZE 32
#define RACK_REO_PERSIST 16		       /* recoveries, RFC 8985 6.2 step 4 */
#define RACK_MIN_PERIOD mstosbt(5 * 60 * 1000) /* min_RTT is of the last one or two of these */

VNET_DEFINE(int, tcp_rack_enable) = 1;
VNET_DEFINE_STATIC(int, tcp_rack_maxrecords) = 16384;
#define V_tcp_rack_maxrecords VNET(tcp_rack_maxrecords)

SYSCTL_DECL(_net_inet_tcp);
SYSCTL_NODE(_net_inet_tcp, OID_AUTO, rack, CTLFLAG_RW, 0, "RACK-TLP, RFC 8985");
SYSCTL_INT_RANGE(_net_inet_tcp_rack, OID_AUTO, enable, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tcp_rack_enable), 0, 1,
    "New connections with SACK detect losses by time (0 to 1, default 1)");
SYSCTL_INT_RANGE(_net_inet_tcp_rack, OID_AUTO, maxrecords, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tcp_rack_maxrecords), 16, 1000000,
    "Most packets that one connection remembers by themselves (16 to 1000000, default 16384)");

static uma_zone_t rack_zone;

static void
rack_init(void *arg __unused)
{
	rack_zone = uma_zcreate(
	    "tcp_rack", sizeof(struct rack_rec), NULL, NULL, NULL, NULL, UMA_ALIGN_PTR, 0);
}
SYSINIT(tcp_rack, SI_SUB_PROTO_BEGIN, SI_ORDER_ANY, rack_init, NULL);

/* ---- records ---- */

#define RACK_REC(rk, i) ((rk)->rk_v[(rk)->rk_base + (i)])

static uint32_t
rack_len(const struct rack_rec *r)
{
	return (r->rr_end - r->rr_start);
}

/* The first record that ends after seq. */
static u_int
rack_find(const struct tcp_rack *rk, tcp_seq seq)
{
	u_int lo = 0, hi = rk->rk_n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (SEQ_LEQ(RACK_REC(rk, mid)->rr_end, seq))
			lo = mid + 1;
		else
			hi = mid;
	}
	return (lo);
}

/* Makes room for one more pointer at the end of the array. */
static bool
rack_grow(struct tcp_rack *rk)
{
	struct rack_rec **v;
	u_int size = rk->rk_size;

	if (rk->rk_base + rk->rk_n < size)
		return (true);
	if (rk->rk_base > 0 && rk->rk_base >= size / 2) {
		memmove(rk->rk_v, &rk->rk_v[rk->rk_base], rk->rk_n * sizeof(*v));
		rk->rk_base = 0;
		return (true);
	}
	size = size == 0 ? RACK_FIRST_SIZE : size * 2;
	v = realloc(rk->rk_v, size * sizeof(*v), M_RACK, M_NOWAIT);
	if (v == NULL)
		return (false);
	rk->rk_v = v;
	rk->rk_size = size;
	return (true);
}

static struct rack_rec *
rack_insert(struct tcp_rack *rk, u_int at, tcp_seq start, tcp_seq end)
{
	struct rack_rec *r;

	if (!rack_grow(rk) || (r = uma_zalloc(rack_zone, M_NOWAIT | M_ZERO)) == NULL)
		return (NULL);
	memmove(&RACK_REC(rk, at + 1), &RACK_REC(rk, at), (rk->rk_n - at) * sizeof(r));
	RACK_REC(rk, at) = r;
	rk->rk_n++;
	r->rr_start = start;
	r->rr_end = end;
	return (r);
}

/* Records change their length only here. */
static void
rack_resize(struct tcp_rack *rk, struct rack_rec *r, tcp_seq start, tcp_seq end)
{
	const uint32_t was = rack_len(r);

	r->rr_start = start;
	r->rr_end = end;
	rk->rk_bytes += rack_len(r) - was;
	if (r->rr_lost)
		rk->rk_lost_bytes += rack_len(r) - was;
}

static void
rack_link(struct tcp_rack *rk, struct rack_rec *r)
{
	rk->rk_bytes += rack_len(r);
	if (r->rr_lost)
		rk->rk_lost_bytes += rack_len(r);
}

static void
rack_unlink(struct tcp_rack *rk, struct rack_rec *r)
{
	rk->rk_bytes -= rack_len(r);
	if (r->rr_lost)
		rk->rk_lost_bytes -= rack_len(r);
	TAILQ_REMOVE(r->rr_lost ? &rk->rk_lost : &rk->rk_time, r, rr_link);
}

/* Removes n records from the at-th on. */
static void
rack_remove(struct tcp_rack *rk, u_int at, u_int n)
{
	for (u_int i = at; i < at + n; i++) {
		rack_unlink(rk, RACK_REC(rk, i));
		uma_zfree(rack_zone, RACK_REC(rk, i));
	}
	rk->rk_n -= n;
	if (at == 0)
		rk->rk_base += n;
	else
		memmove(&RACK_REC(rk, at), &RACK_REC(rk, at + n),
		    (rk->rk_n - at) * sizeof(struct rack_rec *));
	if (rk->rk_n == 0)
		rk->rk_base = 0;
}

/* Takes [start, end) out of the records. Without memory for a part that is left over, that part is
 * not tracked any more: the retransmission timer still is there for it. */
static void
rack_cut(struct tcp_rack *rk, tcp_seq start, tcp_seq end)
{
	u_int i = rack_find(rk, start), j;
	struct rack_rec *r, *tail;

	if (i < rk->rk_n && SEQ_LT(RACK_REC(rk, i)->rr_start, start)) {
		r = RACK_REC(rk, i);
		if (SEQ_GT(r->rr_end, end) &&
		    (tail = rack_insert(rk, i + 1, end, r->rr_end)) != NULL) {
			tail->rr_xmit = r->rr_xmit;
			tail->rr_tsval = r->rr_tsval;
			tail->rr_rexmit = r->rr_rexmit;
			tail->rr_lost = r->rr_lost;
			tail->rr_app_limited = r->rr_app_limited;
			tail->rr_delivered = r->rr_delivered;
			tail->rr_delivered_time = r->rr_delivered_time;
			tail->rr_first_sent = r->rr_first_sent;
			rack_link(rk, tail);
			TAILQ_INSERT_AFTER(
			    r->rr_lost ? &rk->rk_lost : &rk->rk_time, r, tail, rr_link);
		}
		rack_resize(rk, r, r->rr_start, start);
		i++;
	}
	for (j = i; j < rk->rk_n && SEQ_LEQ(RACK_REC(rk, j)->rr_end, end); j++)
		continue;
	if (j < rk->rk_n && SEQ_LT(RACK_REC(rk, j)->rr_start, end)) {
		r = RACK_REC(rk, j);
		rack_resize(rk, r, end, r->rr_end);
	}
	if (j > i)
		rack_remove(rk, i, j - i);
}

void
tcp_rack_clear(struct tcpcb *tp)
{
	struct tcp_rack *rk = &tp->t_rack;

	if (!rk->rk_on)
		return;
	rack_remove(rk, 0, rk->rk_n);
	rk->tlp_out = false;
	tcp_timer_activate(tp, TT_RACK, 0);
	tcp_timer_activate(tp, TT_TLP, 0);
}

void
tcp_rack_free(struct tcpcb *tp)
{
	tcp_rack_clear(tp);
	free(tp->t_rack.rk_v, M_RACK);
	tp->t_rack.rk_v = NULL;
	tp->t_rack.rk_size = 0;
	tp->t_rack.rk_on = false;
}

void
tcp_rack_start(struct tcpcb *tp)
{
	struct tcp_rack *rk = &tp->t_rack;

	if (!V_tcp_rack_enable || (tp->t_flags & TF_SACK_PERMIT) == 0)
		return;
	TAILQ_INIT(&rk->rk_time);
	TAILQ_INIT(&rk->rk_lost);
	rk->rk_on = true;
	rk->rk_fack = rk->rk_end_seq = tp->snd_una;
	rk->rk_reo_mult = 1;
	rk->rk_min = rk->rk_min_prev = SBT_MAX;
}

/* RFC 8985 6.1 */
void
tcp_rack_sent(struct tcpcb *tp, tcp_seq start, tcp_seq end)
{
	struct tcp_rack *rk = &tp->t_rack;
	struct rack_rec *r;

	if (!rk->rk_on)
		return;
	if (SEQ_LT(start, tp->snd_max))
		rack_cut(rk, start, end);
	r = rk->rk_n > 0 ? RACK_REC(rk, rk->rk_n - 1) : NULL;
	if (rk->rk_n >= (u_int)V_tcp_rack_maxrecords) {
		if (r == NULL || r->rr_end != start || r->rr_lost)
			return;
		TAILQ_REMOVE(&rk->rk_time, r, rr_link);
		rack_resize(rk, r, r->rr_start, end);
	} else {
		r = rack_insert(rk, rack_find(rk, start), start, end);
		if (r == NULL)
			return;
		tcp_rate_sent(tp, r);
		rack_link(rk, r);
	}
	r->rr_xmit = sbinuptime();
	r->rr_tsval = tcp_ts_getticks() + tp->ts_offset;
	/* of a record that grew no round trip can be told */
	r->rr_rexmit = SEQ_LT(r->rr_start, start) || SEQ_LT(start, tp->snd_max);
	TAILQ_INSERT_TAIL(&rk->rk_time, r, rr_link);
}

/* ---- what arrived: RFC 8985 6.2 steps 1 to 3 ---- */

static sbintime_t
rack_min_rtt(const struct tcp_rack *rk)
{
	return (rk->rk_min < rk->rk_min_prev ? rk->rk_min : rk->rk_min_prev);
}

static void
rack_update_min(struct tcp_rack *rk, sbintime_t rtt, sbintime_t now)
{
	if (now - rk->rk_min_since > RACK_MIN_PERIOD) {
		rk->rk_min_prev = rk->rk_min;
		rk->rk_min = SBT_MAX;
		rk->rk_min_since = now;
	}
	if (rtt < rk->rk_min)
		rk->rk_min = rtt;
}

/* RACK_sent_after() */
static bool
rack_sent_after(sbintime_t t1, tcp_seq end1, sbintime_t t2, tcp_seq end2)
{
	return (t1 > t2 || (t1 == t2 && SEQ_GT(end1, end2)));
}

/* What of r lies before end is at the peer; cum: the cumulative acknowledgment says so. */
static void
rack_delivered(
    struct tcpcb *tp, const struct rack_rec *r, tcp_seq end, const struct tcp_seg *seg, bool cum)
{
	struct tcp_rack *rk = &tp->t_rack;
	const sbintime_t now = sbinuptime(), rtt = now - r->rr_xmit;

	tcp_rate_arrived(tp, r);
	if (!r->rr_rexmit)
		rack_update_min(rk, rtt, now);
	/* step 3 */
	if (SEQ_GT(end, rk->rk_fack))
		rk->rk_fack = end;
	else if (SEQ_LT(end, rk->rk_fack) && !r->rr_rexmit) {
		rk->rk_reordering = true;
		tp->t_info.ts_reord_seen++;
	}
	/* step 2: of what was sent more than once, perhaps an earlier copy arrived. The timestamp
	 * tells, but not with a SACK: what is held out of order is not echoed (RFC 7323 4.3). */
	if (r->rr_rexmit) {
		if (cum && (seg->to.to_flags & TOF_TS) != 0 && (tp->t_flags & TF_RCVD_TSTMP) != 0 &&
		    seg->to.to_tsecr != 0 && TSTMP_LT(seg->to.to_tsecr, r->rr_tsval))
			return;
		if (rtt < rack_min_rtt(rk))
			return;
	}
	rk->rk_rtt = rtt;
	if (rack_sent_after(r->rr_xmit, end, rk->rk_xmit, rk->rk_end_seq)) {
		rk->rk_xmit = r->rr_xmit;
		rk->rk_end_seq = end;
	}
}

void
tcp_rack_sacked(struct tcpcb *tp, const struct tcp_seg *seg, tcp_seq start, tcp_seq end)
{
	struct tcp_rack *rk = &tp->t_rack;

	if (!rk->rk_on)
		return;
	for (u_int i = rack_find(rk, start); i < rk->rk_n; i++) {
		const struct rack_rec *r = RACK_REC(rk, i);

		if (SEQ_GEQ(r->rr_start, end))
			break;
		rack_delivered(tp, r, SEQ_MIN(r->rr_end, end), seg, false);
	}
	rack_cut(rk, start, end);
}

void
tcp_rack_acked(struct tcpcb *tp, const struct tcp_seg *seg)
{
	struct tcp_rack *rk = &tp->t_rack;
	struct rack_rec *r = NULL;
	u_int n;

	if (!rk->rk_on)
		return;
	for (n = 0; n < rk->rk_n; n++) {
		r = RACK_REC(rk, n);
		if (SEQ_GEQ(r->rr_start, seg->ack))
			break;
		rack_delivered(tp, r, SEQ_MIN(r->rr_end, seg->ack), seg, true);
		if (SEQ_GT(r->rr_end, seg->ack)) {
			rack_resize(rk, r, seg->ack, r->rr_end);
			break;
		}
	}
	if (n > 0)
		rack_remove(rk, 0, n);
	/* never half the space behind */
	rk->rk_fack = SEQ_MAX(rk->rk_fack, seg->ack);
	if (SEQ_LT(rk->rk_end_seq, tp->snd_una))
		rk->rk_end_seq = tp->snd_una;
}

/* ---- step 4: the reordering window ---- */

void
tcp_rack_dsack(struct tcpcb *tp, const struct tcp_seg *seg)
{
	struct tcp_rack *rk = &tp->t_rack;

	if (rk->rk_in_round && SEQ_GEQ(tp->snd_una, rk->rk_dsack_round))
		rk->rk_in_round = false;
	if (rk->rk_in_round || seg->dsack.start == seg->dsack.end)
		return;
	rk->rk_in_round = true;
	rk->rk_dsack_round = tp->snd_max;
	if (rk->rk_reo_mult < UINT8_MAX)
		rk->rk_reo_mult++;
	rk->rk_reo_persist = RACK_REO_PERSIST;
}

/* A fast or time-out recovery is over. */
void
tcp_rack_recovered(struct tcpcb *tp)
{
	struct tcp_rack *rk = &tp->t_rack;

	if (rk->rk_reo_persist > 0)
		rk->rk_reo_persist--;
	if (rk->rk_reo_persist == 0)
		rk->rk_reo_mult = 1;
}

static sbintime_t
rack_reo_wnd(const struct tcpcb *tp)
{
	const struct tcp_rack *rk = &tp->t_rack;
	const sbintime_t srtt = ustosbt(tp->t_srtt), min_rtt = rack_min_rtt(rk);
	sbintime_t wnd;

	if (!rk->rk_reordering &&
	    ((tp->t_flags & (TF_FASTRECOVERY | TF_RTORECOVERY)) != 0 || tcp_sack_enough(tp)))
		return (0);
	if (min_rtt == SBT_MAX)
		return (srtt);
	wnd = min_rtt / 4 * rk->rk_reo_mult;
	return (wnd < srtt || srtt == 0 ? wnd : srtt); /* 0: not measured yet, only by SACK */
}

uint32_t
tcp_rack_retransmitted(const struct tcpcb *tp)
{
	const struct tcp_rack *rk = &tp->t_rack;
	uint32_t n = 0;

	for (u_int i = 0; rk->rk_on && i < rk->rk_n; i++)
		if (RACK_REC(rk, i)->rr_rexmit && !RACK_REC(rk, i)->rr_lost)
			n += rack_len(RACK_REC(rk, i));
	return (n);
}

/* ---- step 5 ---- */

static void
rack_lose(struct tcp_rack *rk, struct rack_rec *r)
{
	TAILQ_REMOVE(&rk->rk_time, r, rr_link);
	r->rr_lost = true;
	rk->rk_lost_bytes += rack_len(r);
	if (r->rr_rexmit) {
		/* the peer has waited for it longest */
		TCPSTAT_INC(tcps_sack_lostrexmt);
		TAILQ_INSERT_HEAD(&rk->rk_lost, r, rr_link);
	} else
		TAILQ_INSERT_TAIL(&rk->rk_lost, r, rr_link);
}

bool
tcp_rack_detect(struct tcpcb *tp)
{
	struct tcp_rack *rk = &tp->t_rack;
	const sbintime_t now = sbinuptime(), late = rk->rk_rtt + rack_reo_wnd(tp);
	struct rack_rec *r;

	if (rk->rk_xmit == 0)
		return (false);
	tp->t_timers[TT_RACK] = SBT_MAX;
	while ((r = TAILQ_FIRST(&rk->rk_time)) != NULL &&
	       rack_sent_after(rk->rk_xmit, rk->rk_end_seq, r->rr_xmit, r->rr_end)) {
		if (r->rr_xmit + late > now) {
			tcp_timer_activate_sbt(tp, TT_RACK, r->rr_xmit + late);
			break;
		}
		rack_lose(rk, r);
	}
	return (!TAILQ_EMPTY(&rk->rk_lost));
}

/* The reordering window of the oldest has passed. */
bool
tcp_timer_rack(struct tcpcb *tp)
{
	if (!tp->t_rack.rk_on || !tcp_rack_detect(tp))
		return (false);
	if ((tp->t_flags & (TF_FASTRECOVERY | TF_RTORECOVERY)) == 0)
		tcp_enter_recovery(tp);
	(void)tcp_output(tp);
	return (tcp_isdead(tp));
}

/* ---- what is sent again ---- */

/*
 * RFC 8985 6.3 would keep what is younger than a round trip; RFC 2018 8 has everything sent again,
 * since the peer may have discarded what it had reported. That is one record until parts of it go.
 */
void
tcp_rack_rto(struct tcpcb *tp)
{
	struct tcp_rack *rk = &tp->t_rack;
	struct rack_rec *r;

	tcp_rack_clear(tp);
	rk->rk_xmit = 0;
	if (tp->snd_una == tp->snd_max)
		return;
	r = rack_insert(rk, 0, tp->snd_una, tp->snd_max);
	if (r == NULL) {
		tp->snd_nxt = tp->snd_una;
		return;
	}
	r->rr_rexmit = r->rr_lost = true;
	rack_link(rk, r);
	TAILQ_INSERT_HEAD(&rk->rk_lost, r, rr_link);
}

/* They were not lost after all: they get another round trip. */
void
tcp_rack_unlose(struct tcpcb *tp)
{
	struct tcp_rack *rk = &tp->t_rack;
	struct rack_rec *r;

	if (!rk->rk_on)
		return;
	while ((r = TAILQ_FIRST(&rk->rk_lost)) != NULL) {
		TAILQ_REMOVE(&rk->rk_lost, r, rr_link);
		r->rr_lost = false;
		r->rr_rexmit = true; /* no round trip can be told from it */
		r->rr_xmit = sbinuptime();
		r->rr_tsval = tcp_ts_getticks() + tp->ts_offset;
		TAILQ_INSERT_TAIL(&rk->rk_time, r, rr_link);
	}
	rk->rk_lost_bytes = 0;
}

/* What is lost goes before anything new. force: one segment, whatever the window says. */
bool
tcp_rack_nextseg(const struct tcpcb *tp, struct tcp_plan *p, uint32_t room, bool force)
{
	const struct tcp_rack *rk = &tp->t_rack;
	const struct rack_rec *r = TAILQ_FIRST(&rk->rk_lost), *next;
	const u_int mss = tcp_maxseg(tp);
	uint32_t len;

	if (r == NULL)
		return (false);
	if (force)
		room = max(room, mss);
	if (room < mss)
		return (false);
	len = rack_len(r);
	/* neighbours that are lost too make one packet, as far as the interface takes it */
	for (u_int i = rack_find(rk, r->rr_start) + 1; i < rk->rk_n && len < room; i++) {
		next = RACK_REC(rk, i);
		if (!next->rr_lost || next->rr_start != r->rr_start + len)
			break;
		len += rack_len(next);
	}
	p->seq = r->rr_start;
	p->len = min(len, room);
	if (p->len < len && p->len > mss)
		p->len -= p->len % mss;
	p->rexmit = true;
	return (true);
}
