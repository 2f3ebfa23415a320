/*
 * tcp_savage.c - receivers that cheat (Savage, Cardwell, Wetherall and Anderson, "TCP Congestion
 * Control with a Misbehaving Receiver", 1999): ACK division, spoofed duplicate ACKs, optimistic
 * ACKs. Each must gain nothing over a receiver that follows the rules.
 */
#include "t/lib/tcptest.h"

static struct socket *ls, *so;
static struct tcpcb *tp;

static void
begin(const char *opts, size_t bytes)
{
	so = tt_passive(ls, opts);
	tp = tt_tcpcb(so);
	tt_write(so, bytes);
	testbed_run_ms(tb, 5);
	peer_forget(p);
}

static void
settle(void)
{
	testbed_run_ms(tb, 5);
	peer_forget(p);
}

/* cwnd after ten segments were acknowledged in so many ACKs. */
static uint32_t
divided(const char *algo, uint32_t ssthresh, int acks)
{
	uint32_t cwnd;

	tt_default_cc(algo);
	tt_close(ls); /* its connections have its algorithm */
	ls = tt_listen(16);
	begin("<mss 1000>", 10000);
	tp->snd_cwnd = 10000;
	tp->snd_ssthresh = ssthresh;
	for (int i = 1; i <= acks; i++)
		in(". 1001:1001(0) ack %d win 65535", 1 + 10000 * i / acks);
	settle();
	cwnd = tp->snd_cwnd;
	tt_kill(so, 1001);
	return (cwnd);
}

static void
test_ack_division(void)
{
	const char *const algo[] = {"newreno", "cubic"};
	uint32_t honest, cheat;

	for (size_t i = 0; i < nitems(algo); i++) {
		/* 16 and not 20 segments: less than half of the window is in use at the end */
		honest = divided(algo[i], 100000, 10);
		cheat = divided(algo[i], 100000, 1000);
		ok(honest > 10000, "%s, slow start: %u by ten ACKs", algo[i], honest);
		ok(cheat <= honest + 1000, "%u by a thousand", cheat);
		honest = divided(algo[i], 10000, 10);
		cheat = divided(algo[i], 10000, 1000);
		ok(cheat <= honest + 1000, "avoidance: %u and %u", honest, cheat);
	}
	tt_default_cc("newreno");
	tt_close(ls);
	ls = tt_listen(16);
}

/* Duplicates of an ACK, far more than there were segments. */
static void
test_spoofed_duplicates(void)
{
	uint32_t most, sent;

	begin("<mss 1000>", 60000);
	for (int i = 0; i < 3; i++)
		in(". 1001:1001(0) ack 1 win 65535");
	settle();
	ok(IN_FASTRECOVERY(tp->t_flags), "three duplicates begin recovery");
	for (int i = 0; i < 200; i++)
		in(". 1001:1001(0) ack 1 win 65535");
	settle();
	most = tp->snd_ssthresh + (tp->snd_recover - tp->snd_una);
	ok(tp->snd_cwnd <= most, "cwnd %u: no more than left the network, %u", tp->snd_cwnd, most);
	sent = tp->snd_max - tp->iss - 1;
	for (int i = 0; i < 200; i++)
		in(". 1001:1001(0) ack 1 win 65535");
	quiet(50);
	is_int(tp->snd_max - tp->iss - 1, sent, "and more of them send nothing more");
	tt_kill(so, 1001);
	/* with SACK it is the blocks that count, and there are none */
	begin("<mss 1000,sackOK>", 60000);
	for (int i = 0; i < 3; i++)
		in(". 1001:1001(0) ack 1 win 65535");
	settle();
	sent = tp->snd_max - tp->iss - 1;
	for (int i = 0; i < 200; i++)
		in(". 1001:1001(0) ack 1 win 65535");
	settle();
	ok(tp->snd_cwnd <= tp->snd_ssthresh + 3000, "SACK: cwnd %u, ssthresh %u", tp->snd_cwnd,
	    tp->snd_ssthresh);
	ok(tp->snd_max - tp->iss - 1 <= sent + 5000, "and little is sent: %u",
	    tp->snd_max - tp->iss - 1 - sent);
	tt_kill(so, 1001);
	/* duplicates with data, or of another window, or with nothing under way, are none */
	begin("<mss 1000>", 10000);
	for (int i = 0; i < 5; i++)
		in(". %d:%d(100) ack 1 win 65535", 1001 + i * 100, 1101 + i * 100);
	settle();
	ok(!IN_FASTRECOVERY(tp->t_flags), "ACKs with data are no duplicates");
	in(". 1501:1501(0) ack 10001 win 65535");
	for (int i = 0; i < 5; i++)
		in(". 1501:1501(0) ack 10001 win 65535");
	settle();
	ok(!IN_FASTRECOVERY(tp->t_flags), "nor are those of nothing");
	tt_kill(so, 1501);
}

static uint64_t
acktoomuch(void)
{
	uint64_t n;

	TB_ENTER(h);
	n = V_tcpstat.tcps_rcvacktoomuch;
	TB_LEAVE();
	return (n);
}

/* What was not sent cannot have come: RFC 5961 5, dropped, counted and challenged. */
static void
test_optimistic(void)
{
	uint64_t n = acktoomuch();
	uint32_t cwnd;

	begin("<mss 1000>", 10000);
	cwnd = tp->snd_cwnd;
	in(". 1001:1001(0) ack 10002 win 65535");
	out(". 10001:10001(0) ack 1001");
	is_int(acktoomuch() - n, 1, "an ACK of one byte more than was sent is counted");
	is_int(tp->snd_una - tp->iss, 1, "and acknowledges nothing");
	is_int(tp->snd_cwnd, cwnd, "nor does it make the window grow");
	in(". 1001:2001(1000) ack 20001 win 65535");
	out(". 10001:10001(0) ack 1001");
	is_int(tp->rcv_nxt - tp->irs, 1, "its data is dropped too");
	for (int i = 0; i < 100; i++)
		in(". 1001:1001(0) ack %d win 65535", 30000 + i);
	settle();
	is_int(acktoomuch() - n, 102, "many are counted");
	in(". 1001:1001(0) ack 10001 win 65535");
	settle();
	is_int(tp->snd_una - tp->iss, 10001, "the exact end is fine");
	tt_kill(so, 1001);
}

/* An ACK of all that is under way, before it can have come, gains the growth of what it covers. */
static void
test_early_ack(void)
{
	begin("<mss 1000>", 60000);
	in(". 1001:1001(0) ack 10001 win 65535");
	settle();
	is_int(tp->snd_cwnd, 12000, "one ACK of ten segments: two segments of growth");
	tt_kill(so, 1001);
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	test_ack_division();
	test_spoofed_duplicates();
	test_optimistic();
	test_early_ack();
	tt_close(ls);
	return (tt_done());
}
