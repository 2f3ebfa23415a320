/*
 * cc_hystart.c - HyStart++, RFC 9406 4.2: when slow start turns conservative, when it turns back,
 * when it ends; by its constants: 4 to 16 ms, an eighth, 8 samples, a quarter of the growth, 5
 * rounds. Then in a connection with timestamps over a path whose delay grows.
 */
#include "t/lib/tcptest.h"

#include <sys/socket.h>
#include <netinet/cc/cc_hystart.h>
#include <netinet/tcp_seq.h>

static struct socket *ls, *so;
static struct tcpcb *tp;
static struct cc_hystart hs;

static void
samples(uint32_t us, int n)
{
	TB_ENTER(h);
	for (int i = 0; i < n; i++)
		cc_hystart_rttsample(&hs, us);
	TB_LEAVE();
}

static void
next_round(void)
{
	TB_ENTER(h);
	cc_hystart_newround(&hs, tp->ccv);
	TB_LEAVE();
}

static uint32_t
growth(uint32_t bytes)
{
	uint32_t n;

	TB_ENTER(h);
	n = cc_hystart_growth(&hs, bytes);
	TB_LEAVE();
	return (n);
}

/* After one round of the first time, the phase after eight samples of the second. */
static enum cc_hystart_phase
rise(uint32_t from, uint32_t to)
{
	cc_hystart_init(&hs, true);
	samples(from, 8);
	next_round();
	samples(to, 8);
	return (hs.phase);
}

static void
test_threshold(void)
{
	/* clamp(4 ms, RTT / 8, 16 ms) */
	is_int(rise(10000, 13999), HYSTART_SS, "10 ms and 3.999 more: slow start");
	is_int(rise(10000, 14000), HYSTART_CSS, "4 more: conservative");
	is_int(rise(80000, 89999), HYSTART_SS, "80 ms and 9.999 more");
	is_int(rise(80000, 90000), HYSTART_CSS, "an eighth more");
	is_int(rise(400000, 415999), HYSTART_SS, "400 ms and 15.999 more");
	is_int(rise(400000, 416000), HYSTART_CSS, "16 more");
	is_int(rise(10000, 5000), HYSTART_SS, "less");
}

static void
test_samples(void)
{
	cc_hystart_init(&hs, true);
	samples(100000, 100);
	is_int(hs.phase, HYSTART_SS, "the first round has nothing to compare with");
	next_round();
	samples(200000, 7);
	is_int(hs.phase, HYSTART_SS, "seven samples are not enough");
	samples(200000, 1);
	is_int(hs.phase, HYSTART_CSS, "eight are");
	cc_hystart_init(&hs, true);
	samples(100000, 8);
	next_round();
	samples(100000, 1);
	samples(200000, 50);
	is_int(hs.phase, HYSTART_SS, "the least one counts");
	cc_hystart_init(&hs, true);
	samples(100000, 8);
	next_round();
	next_round();
	samples(200000, 50);
	is_int(hs.phase, HYSTART_SS, "after a round without samples there is nothing to compare");
	cc_hystart_init(&hs, false);
	samples(100000, 8);
	next_round();
	samples(200000, 50);
	is_int(hs.phase, HYSTART_OFF, "off");
}

static void
test_conservative(void)
{
	uint32_t sum = 0;

	is_int(growth(2000), 2000, "no limit when off");
	(void)rise(100000, 150000);
	is_int(growth(2000), 500, "a quarter of the growth");
	for (int i = 0; i < 8; i++)
		sum += growth(1);
	is_int(sum, 2, "of single bytes too");
	next_round();
	samples(150000, 8);
	is_int(hs.phase, HYSTART_CSS, "it stays as it was");
	next_round();
	samples(149999, 7);
	is_int(hs.phase, HYSTART_CSS, "seven lower samples");
	samples(149999, 1);
	is_int(hs.phase, HYSTART_SS, "eight: it was jitter, back to slow start");
	is_int(growth(2000), 2000, "with all of its growth");
	next_round();
	samples(200000, 8);
	is_int(hs.phase, HYSTART_CSS, "and it may turn again");
}

static void
test_rounds(void)
{
	tp->snd_cwnd = 50000;
	tp->snd_ssthresh = CC_WIN_MAX;
	(void)rise(100000, 150000);
	for (int i = 0; i < 4; i++) {
		next_round();
		samples(150000, 8);
	}
	is_int(hs.phase, HYSTART_CSS, "four rounds");
	is_int(tp->snd_ssthresh, CC_WIN_MAX, "slow start goes on");
	next_round();
	is_int(hs.phase, HYSTART_OFF, "five");
	is_int(tp->snd_ssthresh, 50000, "ssthresh is cwnd: congestion avoidance");
	samples(300000, 20);
	is_int(hs.phase, HYSTART_OFF, "and that is all of it");
	(void)rise(100000, 150000);
	cc_hystart_stop(&hs);
	is_int(growth(2000), 2000, "congestion ends it at once");
}

/* ---- in a connection ---- */

#define DATA 988 /* bytes of a segment with its timestamp */

/*
 * Rounds of a bulk transfer over a path of base_ms that holds pipe segments: each beyond it makes
 * the round a millisecond longer. Every segment is acknowledged. Until slow start ends; the rounds.
 */
static int
bulk(const char *algo, int base_ms, int pipe, int rounds)
{
	int r, n, delay, tsval = 1;
	tcp_seq to, at;
	uint32_t sent;

	tt_default_cc(algo);
	tt_close(ls); /* its connections have its algorithm */
	ls = tt_listen(16);
	so = tt_passive(ls, "<mss 1000,nop,nop,ts 1 0,nop,wscale 10>");
	tp = tt_tcpcb(so);
	tt_setopt(so, SOL_SOCKET, SO_SNDBUF, 1500000);
	for (r = 0; r < rounds && tp->snd_ssthresh == CC_WIN_MAX; r++) {
		for (int i = 0; i < 5; i++)
			tt_write(so, 200000);
		peer_forget(p);
		to = tp->snd_max;
		n = (int)(to - tp->snd_una) / DATA;
		delay = base_ms + imax(n - pipe, 0);
		sent = tcp_ts_getticks() + tp->ts_offset;
		testbed_run_ms(tb, delay);
		tsval += delay;
		for (at = tp->snd_una; SEQ_LT(at, to);) {
			at = SEQ_MIN(at + DATA, to);
			in(". 1001:1001(0) ack %u win 65535 <nop,nop,ts %d %u>", at - tp->iss,
			    tsval, sent);
		}
		testbed_run_ms(tb, 1);
		peer_forget(p);
	}
	return (r);
}

static void
set_enable(int v)
{
	TB_ENTER(h);
	V_hystart_enable = v;
	TB_LEAVE();
}

static void
test_path(const char *algo)
{
	uint32_t with;

	set_enable(2);
	(void)bulk(algo, 50, 1000000, 6);
	is_int(tp->snd_ssthresh, CC_WIN_MAX, "%s: slow start on a path without queue: %u", algo,
	    tp->snd_cwnd);
	ok(tp->snd_cwnd > 300 * DATA, "doubles");
	tt_kill(so, 1001);
	(void)bulk(algo, 50, 30, 12);
	with = tp->snd_ssthresh;
	/* 40 segments take 10 ms longer, then 5 rounds of a quarter: 40 * 2 * 1.25^5 = 244 at most
	 */
	ok(with >= 40 * DATA && with <= 244 * DATA, "a queue ends it at %u segments", with / DATA);
	is_int(tp->snd_cwnd >= with, 1, "without a loss");
	tt_kill(so, 1001);
	set_enable(0);
	(void)bulk(algo, 50, 30, 6);
	is_int(tp->snd_ssthresh, CC_WIN_MAX, "hystartplusplus.enable=0: it does not");
	tt_kill(so, 1001);
	set_enable(1);
}

static void
test_loss_ends_it(void)
{
	(void)bulk("cubic", 50, 1000000, 2);
	TB_ENTER(h);
	tcp_cc_cong_signal(tp, CC_NDUPACK);
	tp->snd_cwnd = 2000;
	TB_LEAVE();
	for (int i = 0; i < 40; i++) {
		TB_ENTER(h);
		tp->ccv->algo->rttsample(tp->ccv, i < 20 ? 50000 : 500000, 1, 0);
		if (i == 20)
			tp->ccv->algo->newround(tp->ccv, 99);
		TB_LEAVE();
	}
	TB_ENTER(h);
	tcp_cc_ack(tp, 2000, 2, CC_ACK);
	TB_LEAVE();
	is_int(tp->snd_cwnd, 4000, "later slow starts are plain ones");
	tt_kill(so, 1001);
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	so = tt_passive(ls, "<mss 1000>");
	tp = tt_tcpcb(so);
	test_threshold();
	test_samples();
	test_conservative();
	test_rounds();
	tt_kill(so, 1001);
	test_path("newreno");
	test_path("cubic");
	test_loss_ends_it();
	tt_close(ls);
	return (tt_done());
}
