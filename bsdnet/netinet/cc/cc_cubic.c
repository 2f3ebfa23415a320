/*
 * cc_cubic.c - CUBIC, RFC 9438. The default algorithm. cc_cubic(4): it has no tunables of its own;
 * those of HyStart++ and of RFC 8511 are net.inet.tcp.cc.hystartplusplus.* and .abe.
 *
 * Theory of operation. After a reduction the window follows a cubic of the time since congestion
 * avoidance began (the epoch), through w_max, where the last congestion was, at time K. On short or
 * slow paths, where Reno would be faster, it follows an estimate of Reno's window (w_est) instead.
 * Slow start is Reno's with HyStart++.
 *
 * All windows are bytes, times 1/1024 s. C is 0.4 = 2/5, beta 0.7 = 7/10, and the Reno-friendly
 * alpha 3 * (1 - beta) / (1 + beta) = 9/17: so everything is a ratio of small integers, and what a
 * division leaves is kept for the next ACK. Time in which the program or the peer held the sender
 * back does not count (RFC 9438 5.8): it is not in `elapsed'.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/time.h>
#include <netinet/cc/cc.h>
#include <netinet/cc/cc_cubic.h>
#include <netinet/cc/cc_hystart.h>
#include <netinet/cc/cc_module.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

extern struct cc_algo cubic_cc_algo;

#define BETA_NUM 7u
#define BETA_DEN 10u
#define BETA_ECN_NUM 17u /* RFC 8511 3.1: 0.85 */
#define BETA_ECN_DEN 20u
#define ALPHA_NUM 9u
#define ALPHA_DEN 17u
#define MAX_OFFSET (1u << 18) /* 256 s from w_max the window is beyond any limit */

/* What a congestion event changes: kept to take it back. */
struct cubic_epoch {
	sbintime_t elapsed; /* since the epoch began; only if running */
	uint32_t w_max;	    /* bytes, after fast convergence */
	uint32_t cwnd_prior;
	uint32_t k; /* 1/1024 s */
	uint32_t w_est;
	bool running; /* in congestion avoidance */
	bool reduced; /* w_max comes from a loss or a mark: the next epoch grows back to it */
};

struct cubic {
	struct cubic_epoch e, undo;
	sbintime_t last_ack;
	uint32_t rest;	   /* of the cubic's growth, out of cwnd */
	uint64_t est_rest; /* of w_est's */
	struct cc_hystart hs;
};

/* ---- arithmetic ---- */

uint32_t
cubic_root(uint64_t x)
{
	uint64_t r = 0, try;

	/* 2^21 cubed is 2^63 */
	for (int bit = 20; bit >= 0; bit--) {
		try = r | 1ull << bit;
		if (try * try * try <= x)
			r = try;
	}
	return ((uint32_t)r);
}

uint32_t
cubic_k(uint32_t w_max, uint32_t cwnd, uint32_t mss)
{
	if (cwnd >= w_max)
		return (0);
	/* K^3 = (w_max - cwnd) / mss / C, times 2^30 for the unit */
	return (cubic_root(((uint64_t)(w_max - cwnd) * 5 << (3 * CUBIC_UNIT_SHIFT - 1)) / mss));
}

uint64_t
cubic_window(uint64_t t, uint32_t k, uint32_t w_max, uint32_t mss)
{
	uint64_t d = t >= k ? t - k : k - t, w;

	if (d > MAX_OFFSET)
		d = MAX_OFFSET;
	/* C * d^3 * mss / 2^30, of which 2^10 first, lest it overflow */
	w = (d * d * d >> CUBIC_UNIT_SHIFT) * (2 * (uint64_t)mss) / (5u << (2 * CUBIC_UNIT_SHIFT));
	if (t >= k)
		return (w_max + w);
	return (w < w_max ? w_max - w : 0);
}

static uint64_t
sbt_to_units(sbintime_t t)
{
	return ((uint64_t)t >> (32 - CUBIC_UNIT_SHIFT));
}

/* ---- growing ---- */

/* RFC 9438 4.2, and 4.8 or 4.10 if the slow start before it ended without a reduction. */
static void
cubic_begin_epoch(struct cubic *cu, uint32_t cwnd, uint32_t mss)
{
	struct cubic_epoch *e = &cu->e;

	if (!e->reduced || e->w_max < cwnd)
		e->w_max = cwnd;
	e->k = cubic_k(e->w_max, cwnd, mss);
	e->w_est = cwnd;
	e->elapsed = 0;
	e->running = true;
	e->reduced = false;
	cu->rest = 0;
	cu->est_rest = 0;
}

/* RFC 9438 4.3: what Reno would have, if it backed off as little as we do. */
static void
cubic_grow_estimate(struct cubic *cu, uint32_t acked, uint32_t cwnd, uint32_t mss)
{
	const uint32_t num = cu->e.w_est < cu->e.cwnd_prior ? ALPHA_NUM : ALPHA_DEN;
	const uint64_t den = (uint64_t)ALPHA_DEN * cwnd;

	cu->est_rest += (uint64_t)acked * mss * num;
	cu->e.w_est = (uint32_t)ulmin(cu->e.w_est + cu->est_rest / den, CC_WIN_MAX);
	cu->est_rest %= den;
}

/* Congestion avoidance: cwnd after an ACK. RFC 9438 4.2 to 4.5. */
static uint32_t
cubic_avoid(struct cubic *cu, struct cc_var *ccv)
{
	const uint32_t mss = tcp_maxseg(ccv->ccvc.tcp), cwnd = max(CCV(ccv, snd_cwnd), 1);
	const uint32_t acked = (uint32_t)ccv->bytes_this_ack;
	const uint64_t rtt = (uint64_t)CCV(ccv, t_srtt) * (1u << CUBIC_UNIT_SHIFT) / 1000000;
	const uint64_t t = sbt_to_units(cu->e.elapsed);
	uint64_t target, grow;

	cubic_grow_estimate(cu, acked, cwnd, mss);
	if (cubic_window(t, cu->e.k, cu->e.w_max, mss) < cu->e.w_est)
		return (max(cwnd, cu->e.w_est));
	target = cubic_window(t + rtt, cu->e.k, cu->e.w_max, mss);
	target = ulmax(target, cwnd);
	target = ulmin(target, (uint64_t)cwnd + cwnd / 2);
	grow = (target - cwnd) * acked + cu->rest;
	cu->rest = (uint32_t)(grow % cwnd);
	return ((uint32_t)ulmin(cwnd + grow / cwnd, CC_WIN_MAX));
}

static void
cubic_ack_received(struct cc_var *ccv, uint16_t type)
{
	struct cubic *cu = ccv->cc_data;
	const sbintime_t now = getsbinuptime(), since = now - cu->last_ack;
	const uint32_t cwnd = CCV(ccv, snd_cwnd);

	cu->last_ack = now;
	if (type != CC_ACK || IN_RECOVERY(CCV(ccv, t_flags)))
		return;
	if (cwnd < CCV(ccv, snd_ssthresh)) {
		cu->e.running = false;
		if ((ccv->flags & CCF_CWND_LIMITED) != 0)
			CCV(ccv, snd_cwnd) =
			    min(cwnd + cc_hystart_growth(&cu->hs, newreno_cc_slowstart(ccv)),
				CC_WIN_MAX);
		return;
	}
	if (!cu->e.running)
		cubic_begin_epoch(cu, cwnd, tcp_maxseg(ccv->ccvc.tcp));
	else if ((ccv->flags & CCF_CWND_LIMITED) != 0)
		cu->e.elapsed += since;
	if ((ccv->flags & CCF_CWND_LIMITED) != 0)
		CCV(ccv, snd_cwnd) = cubic_avoid(cu, ccv);
}

/* ---- shrinking ---- */

/* RFC 9438 4.6 and 4.7: a loss or a mark. The new threshold. */
static uint32_t
cubic_reduce(struct cubic *cu, struct cc_var *ccv, uint32_t num, uint32_t den)
{
	const uint32_t cwnd = CCV(ccv, snd_cwnd), mss = tcp_maxseg(ccv->ccvc.tcp);
	struct cubic_epoch *e = &cu->e;

	cu->undo = *e;
	/* Lower than the last time: others need room, give more of it. */
	if (cwnd < e->w_max)
		e->w_max = (uint32_t)((uint64_t)cwnd * (BETA_DEN + BETA_NUM) / (2 * BETA_DEN));
	else
		e->w_max = cwnd;
	e->cwnd_prior = cwnd;
	e->running = false;
	e->reduced = true;
	return (max((uint32_t)((uint64_t)cc_flight(ccv) * num / den), 2 * mss));
}

/* RFC 9438 4.8: the epoch after a time-out starts from where slow start ended. */
static void
cubic_timeout(struct cubic *cu, struct cc_var *ccv)
{
	const uint32_t mss = tcp_maxseg(ccv->ccvc.tcp);
	const uint32_t flight = CCV(ccv, snd_max) - CCV(ccv, snd_una);

	if (CCV(ccv, t_rxtshift) <= 1) {
		cu->undo = cu->e;
		cu->e.cwnd_prior = max(CCV(ccv, snd_cwnd), flight);
		CCV(ccv, snd_ssthresh) =
		    max((uint32_t)((uint64_t)flight * BETA_NUM / BETA_DEN), 2 * mss);
	}
	cu->e.running = false;
	cu->e.reduced = false;
	CCV(ccv, snd_cwnd) = mss;
}

static void
cubic_cong_signal(struct cc_var *ccv, uint32_t type)
{
	struct cubic *cu = ccv->cc_data;
	const bool congrecovery = IN_CONGRECOVERY(CCV(ccv, t_flags));

	if (type != CC_RTO_ERR)
		cc_hystart_stop(&cu->hs);
	switch (type) {
	case CC_NDUPACK:
		if (!congrecovery || (V_cc_do_abe && V_cc_abe_frlossreduce))
			CCV(ccv, snd_ssthresh) = cubic_reduce(cu, ccv, BETA_NUM, BETA_DEN);
		else
			cu->undo = cu->e; /* the mark's reduction stands */
		break;
	case CC_ECN:
		if (congrecovery)
			break;
		CCV(ccv, snd_ssthresh) = V_cc_do_abe
					     ? cubic_reduce(cu, ccv, BETA_ECN_NUM, BETA_ECN_DEN)
					     : cubic_reduce(cu, ccv, BETA_NUM, BETA_DEN);
		CCV(ccv, snd_cwnd) = CCV(ccv, snd_ssthresh);
		break;
	case CC_RTO:
		cubic_timeout(cu, ccv);
		break;
	case CC_RTO_ERR:
		/* RFC 9438 4.9: nothing was lost, be it a time-out or a recovery that was
		 * mistaken. TCP has put cwnd and ssthresh back. */
		cu->e = cu->undo;
		cu->last_ack = getsbinuptime();
		break;
	default:
		break;
	}
}

/* ---- the rest ---- */

static size_t
cubic_data_sz(void)
{
	return (sizeof(struct cubic));
}

static int
cubic_cb_init(struct cc_var *ccv, void *ptr)
{
	struct cubic *cu = ptr;

	ccv->cc_data = cu;
	cu->last_ack = getsbinuptime();
	cc_hystart_init(&cu->hs, V_hystart_enable > 0);
	return (0);
}

/* The handshake's round trip is not that of a full segment: HyStart++ begins with data. */
static void
cubic_conn_init(struct cc_var *ccv)
{
	struct cubic *cu = ccv->cc_data;

	cc_hystart_init(&cu->hs, cu->hs.phase != HYSTART_OFF);
}

static void
cubic_rttsample(struct cc_var *ccv, uint32_t usec, uint32_t rxtcnt, uint32_t fas __unused)
{
	if (rxtcnt <= 1)
		cc_hystart_rttsample(&((struct cubic *)ccv->cc_data)->hs, usec);
}

static void
cubic_newround(struct cc_var *ccv, uint32_t round_cnt __unused)
{
	cc_hystart_newround(&((struct cubic *)ccv->cc_data)->hs, ccv);
}

struct cc_algo cubic_cc_algo = {
    .name = "cubic",
    .cc_data_sz = cubic_data_sz,
    .cb_init = cubic_cb_init,
    .conn_init = cubic_conn_init,
    .ack_received = cubic_ack_received,
    .cong_signal = cubic_cong_signal,
    .post_recovery = newreno_cc_post_recovery,
    .after_idle = newreno_cc_after_idle,
    .rttsample = cubic_rttsample,
    .newround = cubic_newround,
};

DECLARE_CC_MODULE(cubic, &cubic_cc_algo);
