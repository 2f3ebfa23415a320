/*
 * cc_cubic.c - CUBIC against the formulas of RFC 9438, in floating point here: C 0.4, beta 0.7,
 * alpha 9/17. The algorithm is driven through TCP's side of mod_cc(9) on a connection whose windows
 * the test sets; a loss in packets ends the file.
 */
#include "t/lib/tcptest.h"

#include <netinet/cc/cc_cubic.h>

#define MSS 1000u
#define C 0.4
#define BETA 0.7

static struct socket *ls, *so;
static struct tcpcb *tp;

static double
cube_root(double x)
{
	double r = x > 1 ? x : 1;

	for (int i = 0; i < 200; i++)
		r = r - (r * r * r - x) / (3 * r * r);
	return (x <= 0 ? 0 : r);
}

/* a is within permille of b. */
static bool
near(double a, double b, double permille)
{
	double d = a > b ? a - b : b - a;

	return (d <= b * permille / 1000);
}

/* ---- arithmetic ---- */

static void
test_root(void)
{
	const uint32_t r[] = {0, 1, 2, 3, 10, 1023, 1024, 4318, 65535, 1000003, 2097151};
	bool good = true;

	for (size_t i = 0; i < nitems(r); i++) {
		uint64_t cube = (uint64_t)r[i] * r[i] * r[i];

		good = good && cubic_root(cube) == r[i];
		good = good && (r[i] == 0 || cubic_root(cube - 1) == r[i] - 1);
		good = good && cubic_root(cube + 1) == (r[i] == 0 ? 1 : r[i]);
	}
	ok(good, "integer cube roots, and their neighbours");
}

static void
test_formulas(void)
{
	const uint32_t w = 100 * MSS, c = 70 * MSS;
	const double k = cube_root(30 / C);
	const uint32_t ku = cubic_k(w, c, MSS);
	bool good = true;

	ok(near(ku, k * 1024, 1), "K of 100 and 70 segments: %u/1024 s", ku);
	is_int(cubic_k(c, c, MSS), 0, "K is 0 at w_max");
	is_int(cubic_k(c, w, MSS), 0, "and above");
	is_int(cubic_window(ku, ku, w, MSS), w, "w_max at K");
	ok(near((double)cubic_window(0, ku, w, MSS), c, 1), "70 segments at 0");
	ok(near((double)cubic_window(2 * ku, ku, w, MSS), 130 * MSS, 1), "130 at 2 K");
	for (uint32_t ms = 0; ms < 200000; ms += 777) {
		double t = ms / 1000.0, d = t - k;
		double want = (C * d * d * d + 100) * MSS;

		good = good && near((double)cubic_window(ms * 1024ull / 1000, ku, w, MSS), want, 3);
	}
	ok(good, "the cubic over 200 s");
	is_int(cubic_window(0, 200000, w, MSS), 0, "never negative");
	ok(cubic_window(UINT64_MAX / 2, 0, w, 65535) >= (uint64_t)TCP_MAXWIN << TCP_MAX_WINSHIFT,
	    "no overflow in the far end");
	good = true;
	for (uint32_t mss = 64; mss < 65536; mss += 4093)
		good = good && near(cubic_k(CC_WIN_MAX, 0, mss),
				   cube_root((double)CC_WIN_MAX / mss / C) * 1024, 1);
	ok(good, "K of the largest window");
}

/* ---- the algorithm ---- */

static void
fresh(uint32_t cwnd, uint32_t ssthresh, uint32_t rtt_ms)
{
	so = tt_passive(ls, "<mss 1000>");
	tp = tt_tcpcb(so);
	tp->snd_cwnd = cwnd;
	tp->snd_ssthresh = ssthresh;
	tp->t_srtt = rtt_ms * 1000;
}

static void
done(void)
{
	tp->snd_nxt = tp->snd_max = tp->snd_una;
	EXIT_RECOVERY(tp->t_flags);
	tt_kill(so, 1001);
}

static void
signal_cc(uint32_t type)
{
	TB_ENTER(h);
	tp->snd_nxt = tp->snd_max = tp->snd_una + tp->snd_cwnd;
	tp->t_rxtshift = type == CC_RTO ? 1 : 0;
	tcp_cc_cong_signal(tp, type);
	tp->t_rxtshift = 0;
	TB_LEAVE();
}

/* A loss and its recovery. */
static void
loss(void)
{
	signal_cc(CC_NDUPACK);
	tp->snd_cwnd = tp->snd_ssthresh;
}

/* One round trip later: a window of data is acknowledged, two segments with each ACK. */
static void
round_trip(int rtt_ms, bool full)
{
	uint32_t left = tp->snd_cwnd, n;

	testbed_run_ms(tb, rtt_ms);
	TB_ENTER(h);
	for (; left > 0; left -= n) {
		n = min(left, 2 * MSS);
		tp->snd_max = tp->snd_una + (full ? tp->snd_cwnd : tp->snd_cwnd / 4);
		tcp_cc_ack(tp, n, 1, CC_ACK);
	}
	TB_LEAVE();
}

/* The RFC's window after so many round trips from cwnd, in segments, by its own steps. */
static double
reference(double cwnd, double w_max, double prior, double rtt, int rounds)
{
	const double k = w_max > cwnd ? cube_root((w_max - cwnd) / C) : 0;
	double t = 0, est = cwnd, target, d, left, n;

	/* The epoch begins with the first ACK. */
	for (int i = 0; i < rounds; i++, t += rtt) {
		/* NOLINTNEXTLINE(clang-analyzer-security.FloatLoopCounter): bytes, not a count */
		for (left = cwnd; left > 0.0001; left -= n) {
			n = left < 2 ? left : 2;
			est += (est < prior ? 9.0 / 17 : 1) * n / cwnd;
			d = t - k;
			if (C * d * d * d + w_max < est) {
				cwnd = est > cwnd ? est : cwnd;
				continue;
			}
			d = t + rtt - k;
			target = C * d * d * d + w_max;
			target = target < cwnd ? cwnd : target > 1.5 * cwnd ? 1.5 * cwnd : target;
			cwnd += (target - cwnd) / cwnd * n;
		}
	}
	return (cwnd * MSS);
}

static void
test_reduction(void)
{
	fresh(100 * MSS, 200 * MSS, 100);
	signal_cc(CC_NDUPACK);
	is_int(tp->snd_ssthresh, 70 * MSS, "a loss leaves 0.7");
	is_int(tp->snd_cwnd, 100 * MSS, "and the window to recovery");
	done();
	fresh(100 * MSS, 200 * MSS, 100);
	TB_ENTER(h);
	tp->snd_max = tp->snd_una + 40 * MSS;
	tcp_cc_cong_signal(tp, CC_NDUPACK);
	TB_LEAVE();
	is_int(tp->snd_ssthresh, 28 * MSS, "0.7 of what was under way");
	done();
	fresh(2 * MSS, 200 * MSS, 100);
	signal_cc(CC_NDUPACK);
	is_int(tp->snd_ssthresh, 2 * MSS, "never below two segments");
	done();
	fresh(100 * MSS, 200 * MSS, 100);
	signal_cc(CC_ECN);
	is_int(tp->snd_cwnd, 70 * MSS, "a mark sets the window too");
	done();
	fresh(100 * MSS, 200 * MSS, 100);
	TB_ENTER(h);
	V_cc_do_abe = 1;
	TB_LEAVE();
	signal_cc(CC_ECN);
	is_int(tp->snd_cwnd, 85 * MSS, "0.85 with RFC 8511");
	TB_ENTER(h);
	V_cc_do_abe = 0;
	TB_LEAVE();
	done();
	fresh(100 * MSS, 200 * MSS, 100);
	signal_cc(CC_RTO);
	is_int(tp->snd_ssthresh, 70 * MSS, "a time-out: 0.7");
	is_int(tp->snd_cwnd, MSS, "and one segment");
	done();
}

static void
follow(int rtt_ms, int rounds, double w_max, double prior, const char *what)
{
	const double from = tp->snd_cwnd / (double)MSS;
	bool good = true;
	double want;

	for (int i = 1; i <= rounds; i++) {
		round_trip(rtt_ms, true);
		want = reference(from, w_max, prior, rtt_ms / 1000.0, i);
		if (!near(tp->snd_cwnd, want, 10) && good) {
			good = false;
			tap_diag("round %d: %u, not %d", i, tp->snd_cwnd, (int)want);
		}
	}
	ok(good, "%s: %u after %d round trips", what, tp->snd_cwnd, rounds);
}

static void
test_growth(void)
{
	double k = cube_root(30 / C);

	fresh(100 * MSS, 200 * MSS, 100);
	loss();
	follow(100, 42, 100, 100, "concave, 100 ms");
	ok(near(tp->snd_cwnd, 100 * MSS, 10), "back at w_max after K = 4.2 s");
	for (int i = 42; i < (int)(20 * k); i++)
		round_trip(100, true);
	ok(near(tp->snd_cwnd, 130 * MSS, 30), "130 segments after 2 K");
	done();
	fresh(100 * MSS, 200 * MSS, 1000);
	loss();
	follow(1000, 30, 100, 100, "concave and convex, 1 s");
	done();
	fresh(100 * MSS, 200 * MSS, 10);
	loss();
	follow(10, 50, 100, 100, "Reno-friendly, 10 ms");
	ok(near(tp->snd_cwnd, (70 + 50 * 9.0 / 17) * MSS, 10), "alpha segments in each round trip");
	for (int i = 0; i < 7; i++)
		round_trip(10, true);
	k = tp->snd_cwnd;
	for (int i = 0; i < 10; i++)
		round_trip(10, true);
	ok(near(tp->snd_cwnd, k + 10 * MSS, 10), "one in each above the window before the loss");
	done();
}

static void
test_fast_convergence(void)
{
	fresh(100 * MSS, 200 * MSS, 100);
	loss();
	round_trip(100, true);
	tp->snd_cwnd = 90 * MSS;
	loss();
	is_int(tp->snd_cwnd, 63 * MSS, "a second loss below w_max");
	/* w_max is 90 * 0.85 = 76.5 */
	follow(100, 32, 76.5, 90, "fast convergence");
	tp->snd_cwnd = 120 * MSS;
	loss();
	follow(100, 20, 120, 120, "a loss above w_max: no fast convergence");
	done();
}

static void
test_timeout(void)
{
	fresh(100 * MSS, 200 * MSS, 1000);
	signal_cc(CC_RTO);
	tp->snd_cwnd = tp->snd_ssthresh; /* slow start is over */
	follow(1000, 6, 70, 100, "after a time-out K is 0");
	done();
	/* spurious */
	fresh(100 * MSS, 200 * MSS, 100);
	loss();
	for (int i = 0; i < 10; i++)
		round_trip(100, true);
	const uint32_t before = tp->snd_cwnd, thresh = tp->snd_ssthresh;
	signal_cc(CC_RTO);
	is_int(tp->snd_cwnd, MSS, "a time-out");
	TB_ENTER(h);
	tcp_cc_cong_signal(tp, CC_RTO_ERR);
	TB_LEAVE();
	is_int(tp->snd_cwnd, before, "taken back: cwnd");
	is_int(tp->snd_ssthresh, thresh, "ssthresh");
	for (int i = 10; i < 42; i++)
		round_trip(100, true);
	ok(near(tp->snd_cwnd, 100 * MSS, 15), "and w_max and K: %u after 42 round trips",
	    tp->snd_cwnd);
	TB_ENTER(h);
	tcp_cc_cong_signal(tp, CC_RTO_ERR);
	TB_LEAVE();
	ok(near(tp->snd_cwnd, 100 * MSS, 15), "but once only");
	done();
	/* a recovery that was mistaken: TCP puts the windows back, the epoch goes on */
	fresh(100 * MSS, 200 * MSS, 100);
	loss();
	for (int i = 0; i < 10; i++)
		round_trip(100, true);
	const uint32_t mistaken = tp->snd_cwnd;
	signal_cc(CC_NDUPACK);
	tp->snd_cwnd = mistaken;
	tp->snd_ssthresh = thresh;
	TB_ENTER(h);
	tcp_cc_cong_signal(tp, CC_RTO_ERR);
	TB_LEAVE();
	is_int(tp->snd_cwnd, mistaken, "a mistaken recovery leaves cwnd to TCP");
	for (int i = 10; i < 42; i++)
		round_trip(100, true);
	ok(near(tp->snd_cwnd, 100 * MSS, 15), "w_max and K are as before: %u", tp->snd_cwnd);
	done();
}

static void
test_limits(void)
{
	uint32_t before;

	fresh(100 * MSS, 200 * MSS, 100);
	loss();
	round_trip(100, true);
	before = tp->snd_cwnd;
	for (int i = 0; i < 600; i++)
		round_trip(100, false);
	is_int(tp->snd_cwnd, before, "a minute of little to send: no growth");
	round_trip(100, true);
	ok(tp->snd_cwnd - before < 4 * MSS, "and none in one jump afterwards: %u",
	    tp->snd_cwnd - before);
	/* far above w_max the target is half a window ahead at most */
	tp->snd_cwnd = 50 * MSS;
	tp->snd_ssthresh = 50 * MSS;
	signal_cc(CC_RTO);
	tp->snd_cwnd = 50 * MSS;
	tp->snd_ssthresh = 50 * MSS;
	round_trip(100, true);
	before = tp->snd_cwnd;
	testbed_run_ms(tb, 20000);
	TB_ENTER(h);
	tp->snd_max = tp->snd_una + tp->snd_cwnd;
	tcp_cc_ack(tp, tp->snd_cwnd, 25, CC_ACK);
	TB_LEAVE();
	is_int(tp->snd_cwnd, before + before / 2, "1.5 windows in a round trip at most");
	done();
}

static void
test_packets(void)
{
	so = tt_passive(ls, "<mss 1000,sackOK>");
	tp = tt_tcpcb(so);
	is_str(tp->ccv->algo->name, "cubic", "an accepted connection");
	tt_write(so, 10000);
	for (int i = 0; i < 10; i++)
		out(". %d:%d(1000)", i * 1000 + 1, i * 1000 + 1001);
	in(". 1001:1001(0) ack 1 win 65535 <nop,nop,sack 1001:2001>");
	in(". 1001:1001(0) ack 1 win 65535 <nop,nop,sack 1001:3001>");
	in(". 1001:1001(0) ack 1 win 65535 <nop,nop,sack 1001:4001>");
	out(". 1:1001(1000)");
	testbed_run_ms(tb, 1);
	is_int(tp->snd_ssthresh, 7000, "0.7 of ten segments");
	tt_kill(so, 1001);
}

int
main(void)
{
	tt_init();
	is_str(V_default_cc_ptr->name, "cubic", "the default of a new stack");
	tt_default_cc("cubic");
	ls = tt_listen(16);
	test_root();
	test_formulas();
	test_reduction();
	test_growth();
	test_fast_convergence();
	test_timeout();
	test_limits();
	test_packets();
	tt_close(ls);
	return (tt_done());
}
