/*
 * tcp_rack.c - losses found by time, and tail loss probes: RFC 8985.
 *
 * The first segment of each connection takes 100 ms: SRTT and RACK.min_RTT are 100 ms then, the
 * reordering window is a quarter of that, and PTO 200 ms (7.2). Times are from the RFC's text.
 */
#include <netinet/tcp_seq.h>

#include "t/lib/tcptest.h"

static struct socket *ls;
static const char *const SACK = "<mss 1000,sackOK>";

/* A connection that has measured 100 ms; the next byte that it sends is 1001. */
static struct socket *
open100(void)
{
	struct socket *so = tt_passive(ls, SACK);

	tt_write(so, 1000);
	out(". 1:1001(1000)");
	testbed_run_ms(tb, 99);
	in(". 1001:1001(0) ack 1001 win 65535");
	testbed_run_ms(tb, 1);
	ok(tt_tcpcb(so)->t_rack.rk_on, "RACK");
	return (so);
}

/* Writes n segments, sees them go, and waits a round trip. */
static void
flight(struct socket *so, int first, int n)
{
	tt_write(so, (size_t)n * 1000);
	for (int i = first; i < first + n; i++)
		out(". %d:%d(1000)", i * 1000 + 1, i * 1000 + 1001);
	testbed_run_ms(tb, 100);
}

/* 6.2 step 5: not before a quarter of the least round trip has passed. */
static void
test_timer(void)
{
	struct socket *so = open100();

	flight(so, 1, 4);
	in(". 1001:1001(0) ack 1001 win 65535 <nop,nop,sack 2001:3001>");
	out_after(25, 5, ". 1001:2001(1000)");
	ok(IN_FASTRECOVERY(tt_tcpcb(so)->t_flags), "one SACK is enough, and time");
	in(". 1001:1001(0) ack 5001 win 65535");
	testbed_run_ms(tb, 1);
	ok(!IN_RECOVERY(tt_tcpcb(so)->t_flags), "recovered");
	is_int(tt_tcpcb(so)->t_rack.rk_n, 0, "no record is left");
	is_int(tt_tcpcb(so)->t_rack.rk_bytes, 0, "no byte either");
	quiet(1000);
	tt_kill(so, 1001);
}

/* 6.2 step 4: with DupThresh SACKed and no reordering ever seen the window is none. */
static void
test_three(void)
{
	struct socket *so = open100();

	flight(so, 1, 5);
	in(". 1001:1001(0) ack 1001 win 65535 <nop,nop,sack 2001:3001>");
	in(". 1001:1001(0) ack 1001 win 65535 <nop,nop,sack 2001:4001>");
	quiet(2);
	in(". 1001:1001(0) ack 1001 win 65535 <nop,nop,sack 2001:5001>");
	out(". 1001:2001(1000)");
	ok(true, "at the third at once");
	tt_kill(so, 1001);
}

static void
test_reordering(void)
{
	struct socket *so = open100();

	flight(so, 1, 4);
	in(". 1001:1001(0) ack 1001 win 65535 <nop,nop,sack 2001:3001>");
	quiet(10);
	in(". 1001:1001(0) ack 3001 win 65535");
	testbed_run_ms(tb, 1);
	ok(tt_tcpcb(so)->t_rack.rk_reordering, "a first transmission came late: reordering");
	quiet(15);
	in(". 1001:1001(0) ack 5001 win 65535");
	testbed_run_ms(tb, 1);
	is_int(tt_tcpcb(so)->t_dupacks, 0, "nothing was lost");
	flight(so, 5, 5);
	in(". 1001:1001(0) ack 5001 win 65535 <nop,nop,sack 6001:10001>");
	quiet(20);
	ok(true, "now four SACKed segments do not hurry it");
	in(". 1001:1001(0) ack 10001 win 65535");
	testbed_run_ms(tb, 1);
	quiet(500);
	ok(true, "and nothing is sent in vain");
	tt_kill(so, 1001);
}

/* 6.2 step 4: a D-SACK in a round makes the window one more quarter; 16 recoveries undo it. */
static void
test_dsack(void)
{
	struct socket *so = open100();

	flight(so, 1, 4);
	in(". 1001:1001(0) ack 1001 win 65535 <nop,nop,sack 2001:3001>");
	quiet(10);
	in(". 1001:1001(0) ack 5001 win 65535 <nop,nop,sack 1:1001>");
	testbed_run_ms(tb, 1);
	is_int(tt_tcpcb(so)->t_rack.rk_reo_mult, 2, "a round with a D-SACK");
	in(". 1001:1001(0) ack 5001 win 65535 <nop,nop,sack 1001:2001>");
	testbed_run_ms(tb, 1);
	is_int(tt_tcpcb(so)->t_rack.rk_reo_mult, 3, "the round is over: snd_una is there");
	flight(so, 5, 4);
	in(". 1001:1001(0) ack 5001 win 65535 <nop,nop,sack 6001:7001>");
	out_after(75, 5, ". 5001:6001(1000)");
	ok(true, "three quarters of a round trip");
	for (int i = 0; i < 16; i++)
		tcp_rack_recovered(tt_tcpcb(so));
	is_int(tt_tcpcb(so)->t_rack.rk_reo_mult, 1, "forgotten after 16 recoveries");
	tt_kill(so, 1001);
}

/* A retransmission that is lost is found as anything else. */
static void
test_lost_retransmission(void)
{
	struct socket *so = open100();
	uint64_t n = tt_count(tcps_sack_lostrexmt);

	flight(so, 1, 5);
	in(". 1001:1001(0) ack 1001 win 65535 <nop,nop,sack 2001:6001>");
	out(". 1001:2001(1000)");
	flight(so, 6, 1);
	quiet(5);
	in(". 1001:1001(0) ack 1001 win 65535 <nop,nop,sack 2001:7001>");
	out(". 1001:2001(1000)");
	is_int(tt_count(tcps_sack_lostrexmt) - n, 1, "what was sent after it has come");
	in(". 1001:1001(0) ack 7001 win 65535");
	testbed_run_ms(tb, 1);
	quiet(500);
	tt_kill(so, 1001);
}

/* The SACK of a time-out's victims counts again; all is sent again in order, what is SACKed not. */
static void
test_timeout(void)
{
	struct socket *so;

	tt_set("net.inet.tcp.rack.tlp", 0);
	so = open100();
	flight(so, 1, 4);
	out_after(500, 10, ". 1001:2001(1000)");
	is_int(tt_tcpcb(so)->snd_cwnd, 1000, "a time-out");
	testbed_run_ms(tb, 50);
	in(". 1001:1001(0) ack 2001 win 65535 <nop,nop,sack 3001:4001>");
	out(". 2001:3001(1000)");
	out(". 4001:5001(1000)");
	ok(true, "what is missing, and not what came");
	in(". 1001:1001(0) ack 5001 win 65535");
	testbed_run_ms(tb, 1);
	is_int(tt_tcpcb(so)->t_rack.rk_n, 0, "no record is left");
	quiet(1000);
	tt_kill(so, 1001);
	tt_set("net.inet.tcp.rack.tlp", 1);
}

/* ---- section 7 ---- */

/* The last of a flight is lost: after 2 SRTT it goes again, and RACK finds the one before it. */
static void
test_probe(void)
{
	struct socket *so = open100();
	uint64_t n = tt_count(tcps_tlpresends), rto = tt_count(tcps_rexmttimeo);

	tt_write(so, 3000);
	for (int i = 1; i < 4; i++)
		out(". %d:%d(1000)", i * 1000 + 1, i * 1000 + 1001);
	out_after(200, 5, ". 3001:4001(1000)");
	is_int(tt_count(tcps_tlpresends) - n, 1, "a probe");
	testbed_run_ms(tb, 100);
	in(". 1001:1001(0) ack 2001 win 65535 <nop,nop,sack 3001:4001>");
	out_after(0, 30, ". 2001:3001(1000)");
	is_int(tt_count(tcps_rexmttimeo) - rto, 0, "no time-out was needed");
	in(". 1001:1001(0) ack 4001 win 65535");
	testbed_run_ms(tb, 1);
	quiet(1000);
	tt_kill(so, 1001);
}

/* 7.4.2: the probe repaired the loss by itself: the window is reduced when newer data is there. */
static void
test_probe_repairs(void)
{
	struct socket *so = open100();
	uint64_t n = tt_count(tcps_tlprepaired);
	uint32_t cwnd;

	flight(so, 1, 2);
	cwnd = tt_tcpcb(so)->snd_cwnd;
	out_after(200, 5, ". 2001:3001(1000)");
	testbed_run_ms(tb, 100);
	in(". 1001:1001(0) ack 3001 win 65535");
	testbed_run_ms(tb, 1);
	is_int(tt_count(tcps_tlprepaired) - n, 0, "the ACK of the probe does not tell");
	ok(tt_tcpcb(so)->snd_cwnd >= cwnd, "cwnd stays");
	flight(so, 3, 1);
	in(". 1001:1001(0) ack 4001 win 65535");
	testbed_run_ms(tb, 1);
	is_int(tt_count(tcps_tlprepaired) - n, 1, "no D-SACK came before newer data");
	ok(tt_tcpcb(so)->snd_cwnd < cwnd, "cwnd %u, was %u", tt_tcpcb(so)->snd_cwnd, cwnd);
	tt_kill(so, 1001);
}

/* 7.4.2, case 1: both came; and case 2: an ACK without a word. */
static void
test_probe_in_vain(void)
{
	struct socket *so = open100();
	uint64_t n = tt_count(tcps_tlprepaired);

	flight(so, 1, 2);
	out_after(200, 5, ". 2001:3001(1000)");
	in(". 1001:1001(0) ack 3001 win 65535");
	in(". 1001:1001(0) ack 3001 win 65535 <nop,nop,sack 2001:3001>");
	testbed_run_ms(tb, 1);
	ok(!tt_tcpcb(so)->t_rack.tlp_out, "both copies came");
	flight(so, 3, 2);
	in(". 1001:1001(0) ack 5001 win 65535");
	testbed_run_ms(tb, 1);
	is_int(tt_count(tcps_tlprepaired) - n, 0, "nothing was lost");
	tt_kill(so, 1001);
}

/* What a probe's D-SACK says is no reason to undo a recovery. */
static void
test_probe_no_undo(void)
{
	struct socket *so = open100();
	uint64_t bad = tt_count(tcps_sndrexmitbad);

	flight(so, 1, 3);
	out_after(200, 5, ". 3001:4001(1000)");
	testbed_run_ms(tb, 100);
	in(". 1001:1001(0) ack 2001 win 65535 <nop,nop,sack 3001:4001>");
	out_after(0, 30, ". 2001:3001(1000)");
	in(". 1001:1001(0) ack 2001 win 65535 <nop,nop,sack 3001:4001 3001:4001>");
	in(". 1001:1001(0) ack 4001 win 65535");
	testbed_run_ms(tb, 1);
	is_int(tt_count(tcps_sndrexmitbad) - bad, 0, "the hole was one");
	tt_kill(so, 1001);
}

/* 7.3: new data goes first, whatever cwnd says; one probe, then the time-out. */
static void
test_probe_new_data(void)
{
	struct socket *so = open100();
	uint64_t rto = tt_count(tcps_rexmttimeo);

	tt_write(so, 20000);
	for (int i = 1; i < 11; i++)
		out(". %d:%d(1000)", i * 1000 + 1, i * 1000 + 1001);
	out_after(200, 5, ". 11001:12001(1000)");
	ok(!tt_tcpcb(so)->t_rack.tlp_is_rexmit, "new data is the probe");
	out_after(500, 10, ". 1001:2001(1000)");
	is_int(tt_count(tcps_rexmttimeo) - rto, 1, "no second probe");
	tt_kill(so, 1001);
}

/* 7.2: a peer may delay the acknowledgment of a single segment. */
static void
test_probe_single(void)
{
	struct socket *so = open100();

	tt_write(so, 500);
	out(". 1001:1501(500)");
	out_after(400, 5, ". 1001:1501(500)");
	ok(true, "2 SRTT and 200 ms");
	out_after(500, 10, ". 1001:1501(500)");
	ok(true, "then the time-out begins anew");
	in(". 1001:1001(0) ack 1501 win 65535");
	testbed_run_ms(tb, 1);
	/* a FIN alone */
	tt_shutdown(so, SHUT_WR);
	out("F. 1501:1501(0)");
	testbed_run_ms(tb, 1);
	ok(tcp_timer_active(tt_tcpcb(so), TT_TLP), "a FIN is probed for too");
	in(". 1001:1001(0) ack 1502 win 65535");
	testbed_run_ms(tb, 1);
	ok(!tcp_timer_active(tt_tcpcb(so), TT_TLP), "until it is acknowledged");
	peer_forget(p);
	tt_kill(so, 1001);
}

/* ---- bounds ---- */

static void
test_bound(void)
{
	struct socket *so;

	tt_set("net.inet.tcp.rack.maxrecords", 16);
	so = open100();
	tt_setopt(so, IPPROTO_TCP, TCP_NODELAY, 1);
	for (int i = 0; i < 40; i++)
		tt_write(so, 1);
	testbed_run_ms(tb, 1);
	is_int(tt_tcpcb(so)->t_rack.rk_n, 16, "no more records than allowed");
	is_int(tt_tcpcb(so)->t_rack.rk_bytes, 40, "which cover everything");
	peer_forget(p);
	in(". 1001:1001(0) ack 1001 win 65535 <nop,nop,sack 1031:1033>");
	testbed_run_ms(tb, 1);
	is_int(tt_tcpcb(so)->t_rack.rk_bytes, 38, "a SACK takes its part out of one");
	in(". 1001:1001(0) ack 1041 win 65535");
	testbed_run_ms(tb, 1);
	is_int(tt_tcpcb(so)->t_rack.rk_n, 0, "and all are gone");
	peer_forget(p);
	tt_kill(so, 1001);
	tt_set("net.inet.tcp.rack.maxrecords", 16384);
}

/* The records, in both their orders, are exactly what is under way and not SACKed. */
static bool
records_right(const struct tcpcb *tp)
{
	const struct tcp_rack *rk = &tp->t_rack;
	const struct rack_rec *r;
	uint32_t bytes = 0, lost = 0;
	u_int n = 0;

	for (u_int i = 0; i < rk->rk_n; i++) {
		r = rk->rk_v[rk->rk_base + i];
		if (SEQ_GEQ(r->rr_start, r->rr_end) || SEQ_LT(r->rr_start, tp->snd_una) ||
		    SEQ_GT(r->rr_end, tp->snd_max) ||
		    (i > 0 && SEQ_LT(r->rr_start, rk->rk_v[rk->rk_base + i - 1]->rr_end)))
			return (false);
		bytes += r->rr_end - r->rr_start;
		lost += r->rr_lost ? r->rr_end - r->rr_start : 0;
	}
	TAILQ_FOREACH (r, &rk->rk_time, rr_link)
		n += !r->rr_lost;
	TAILQ_FOREACH (r, &rk->rk_lost, rr_link)
		n += r->rr_lost;
	return (n == rk->rk_n && bytes == rk->rk_bytes && lost == rk->rk_lost_bytes &&
		bytes == tp->snd_max - tp->snd_una - tp->t_sack.ss_bytes);
}

/* Any ACKs and SACK blocks, sense or not, at any time. */
static void
test_random(void)
{
	uint64_t random = 8985, again = tt_count(tcps_sack_rexmits);
	int wrong = 0, steps = 0;

	for (int round = 0; round < 6; round++) {
		struct socket *so = tt_passive(ls, SACK);
		struct tcpcb *tp = tt_tcpcb(so);

		for (int i = 0; i < 300; i++, steps++) {
			const uint32_t una = tp->snd_una - tp->iss, max = tp->snd_max - tp->iss;
			uint32_t a[4], ack = una;

			if (i % 16 == 0)
				tt_write(so, tb_random(&random) % 20000);
			for (int j = 0; j < 4; j++)
				a[j] = una - 500 + tb_random(&random) % (max - una + 1000);
			if (tb_random(&random) % 8 == 0)
				ack = una + tb_random(&random) % (max - una + 1);
			in(". 1001:1001(0) ack %u win 65535 <nop,nop,sack %u:%u %u:%u>", ack, a[0],
			    tb_random(&random) % 4 == 0 ? a[1] : a[0] + 1000, a[2], a[3]);
			testbed_run_ms(tb, 1 + (tb_random(&random) % 32 == 0 ? 900 : 0));
			if (!records_right(tp) && wrong++ == 0)
				tap_diag("round %d, step %d", round, i);
			peer_forget(p);
		}
		tt_kill(so, 1001);
	}
	is_int(wrong, 0, "%d ACKs, and the records were right after each", steps);
	again = tt_count(tcps_sack_rexmits) - again;
	ok(again > 200, "%d retransmissions", (int)again);
}

static void
test_off(void)
{
	struct socket *so;

	tt_set("net.inet.tcp.rack.enable", 0);
	so = tt_passive(ls, SACK);
	ok(!tt_tcpcb(so)->t_rack.rk_on, "not where it is turned off");
	tt_kill(so, 1001);
	tt_set("net.inet.tcp.rack.enable", 1);
	so = tt_passive(ls, "<mss 1000>");
	ok(!tt_tcpcb(so)->t_rack.rk_on, "nor without SACK");
	tt_kill(so, 1001);
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	test_timer();
	test_three();
	test_reordering();
	test_dsack();
	test_lost_retransmission();
	test_timeout();
	test_probe();
	test_probe_repairs();
	test_probe_in_vain();
	test_probe_no_undo();
	test_probe_new_data();
	test_probe_single();
	test_bound();
	test_random();
	test_off();
	tt_close(ls);
	return (tt_done());
}
