/*
 * tcp_frto.c - retransmissions that were not needed, and what is done about them: F-RTO (RFC 5682
 * 2.1) where there are no timestamps, Eifel by timestamps (RFC 3522), D-SACK (RFC 3708).
 */
#include <netinet/tcp_seq.h>

#include "t/lib/tcptest.h"

static struct socket *ls;
static uint64_t bad;

static struct socket *
sender(const char *opts, int n, int size)
{
	struct socket *so = tt_passive(ls, opts);

	tt_write(so, (size_t)n * (size_t)size);
	for (int i = 0; i < 10; i++)
		out(". %d:%d(%d)", i * size + 1, (i + 1) * size + 1, size);
	bad = tt_count(tcps_sndrexmitbad);
	return (so);
}

static void
undone(struct socket *so, uint32_t cwnd, uint32_t ssthresh)
{
	const struct tcpcb *tp;

	testbed_run_ms(tb, 1);
	tp = tt_tcpcb(so);
	is_int(tt_count(tcps_sndrexmitbad) - bad, 1, "counted");
	ok(tp->snd_cwnd >= cwnd, "cwnd %u, was %u", tp->snd_cwnd, cwnd);
	is_int(tp->snd_ssthresh, ssthresh, "ssthresh as before");
	ok((tp->t_flags & TF_RTORECOVERY) == 0 && !IN_FASTRECOVERY(tp->t_flags),
	    "nothing to recover");
}

static void
not_undone(struct socket *so)
{
	testbed_run_ms(tb, 1);
	is_int(tt_count(tcps_sndrexmitbad) - bad, 0, "not counted");
	is_int(tt_tcpcb(so)->t_undo.u_frto, 0, "no test is running");
}

/* ---- RFC 5682 ---- */

static void
test_spurious(const char *opts)
{
	struct socket *so = sender(opts, 14, 1000);
	const uint32_t cwnd = tt_tcpcb(so)->snd_cwnd, ssthresh = tt_tcpcb(so)->snd_ssthresh;

	out_after(1000, 20, ". 1:1001(1000)");
	ok(true, "step 1: the first segment again");
	in(". 1001:1001(0) ack 1001 win 65535");
	out(". 10001:11001(1000)");
	out(". 11001:12001(1000)");
	quiet(5);
	ok(true, "step 2: two new segments");
	in(". 1001:1001(0) ack 2001 win 65535");
	quiet(5);
	ok(true, "step 3: the original of another came: the window is full again");
	undone(so, cwnd, ssthresh);
	in(". 1001:1001(0) ack 3001 win 65535");
	out(". 12001:13001(1000)");
	ok(true, "and goes on with new data");
	peer_forget(p);
	in(". 1001:1001(0) ack 14001 win 65535");
	testbed_run_ms(tb, 1);
	quiet(1000);
	tt_kill(so, 1001);
}

static void
test_genuine(const char *opts)
{
	struct socket *so = sender(opts, 14, 1000);

	out_after(1000, 20, ". 1:1001(1000)");
	in(". 1001:1001(0) ack 1001 win 65535");
	out(". 10001:11001(1000)");
	out(". 11001:12001(1000)");
	in(". 1001:1001(0) ack 1001 win 65535");
	out(". 1001:2001(1000)");
	ok(true, "step 3: a duplicate, so the others are lost too");
	not_undone(so);
	ok(tt_tcpcb(so)->snd_cwnd <= 3000, "no more than three segments");
	tt_kill(so, 1001);
}

/* Step 2: a duplicate, or all, or nothing new to send: the time-out stands. */
static void
test_no_test(void)
{
	struct socket *so = sender("<mss 1000>", 14, 1000);

	out_after(1000, 20, ". 1:1001(1000)");
	in(". 1001:1001(0) ack 1 win 65535");
	testbed_run_ms(tb, 1);
	not_undone(so);
	tt_kill(so, 1001);
	so = sender("<mss 1000>", 10, 1000);
	out_after(1000, 20, ". 1:1001(1000)");
	in(". 1001:1001(0) ack 1001 win 65535");
	out(". 1001:2001(1000)");
	out(". 2001:3001(1000)");
	ok(true, "nothing new to send: slow start");
	not_undone(so);
	in(". 1001:1001(0) ack 10001 win 65535");
	not_undone(so);
	tt_kill(so, 1001);
	tt_set("net.inet.tcp.frto", 0);
	so = sender("<mss 1000>", 14, 1000);
	out_after(1000, 20, ". 1:1001(1000)");
	in(". 1001:1001(0) ack 1001 win 65535");
	out(". 1001:2001(1000)");
	ok(true, "turned off");
	tt_kill(so, 1001);
	tt_set("net.inet.tcp.frto", 1);
	/* a second time-out ends the test */
	so = sender("<mss 1000>", 14, 1000);
	out_after(1000, 20, ". 1:1001(1000)");
	out_after(2000, 20, ". 1:1001(1000)");
	in(". 1001:1001(0) ack 1001 win 65535");
	out(". 1001:2001(1000)");
	not_undone(so);
	tt_kill(so, 1001);
}

/* ---- RFC 3522 ---- */

static void
test_eifel(const char *opts)
{
	struct socket *so = sender(opts, 14, 988);
	const uint32_t cwnd = tt_tcpcb(so)->snd_cwnd, ssthresh = tt_tcpcb(so)->snd_ssthresh;
	const uint32_t first = tcp_ts_getticks() + tt_tcpcb(so)->ts_offset;

	out_after(tt_tcpcb(so)->t_rxtcur, 20, ". 1:989(988)");
	in(". 1001:1001(0) ack 989 win 65535 <nop,nop,ts 2 %u>", first);
	out(". 9881:10869(988)");
	ok(true, "the first ACK is for the original: go on with new data");
	undone(so, cwnd, ssthresh);
	tt_kill(so, 1001);
	so = sender(opts, 14, 988);
	out_after(tt_tcpcb(so)->t_rxtcur, 20, ". 1:989(988)");
	in(". 1001:1001(0) ack 989 win 65535 <nop,nop,ts 2 last>");
	out(". 989:1977(988)");
	ok(true, "it is for the retransmission: slow start");
	not_undone(so);
	in(". 1001:1001(0) ack 1977 win 65535 <nop,nop,ts 3 %u>", first);
	not_undone(so);
	tt_kill(so, 1001);
}

/* A fast retransmission that reordering caused. */
static void
test_eifel_fast(void)
{
	struct socket *so = sender("<mss 1000,sackOK,nop,nop,ts 1 0>", 10, 988);
	const uint32_t cwnd = tt_tcpcb(so)->snd_cwnd, ssthresh = tt_tcpcb(so)->snd_ssthresh;
	const uint32_t first = tcp_ts_getticks() + tt_tcpcb(so)->ts_offset;

	testbed_run_ms(tb, 50);
	in(". 1001:1001(0) ack 1 win 65535 <nop,nop,ts 2 %u,nop,nop,sack 989:4941>", first);
	out(". 1:989(988)");
	in(". 1001:1001(0) ack 4941 win 65535 <nop,nop,ts 2 %u>", first);
	undone(so, cwnd, ssthresh);
	quiet(20);
	tt_kill(so, 1001);
}

/* ---- RFC 3708 ---- */

static void
test_dsack(void)
{
	struct socket *so = sender("<mss 1000,sackOK>", 10, 1000);
	const uint32_t cwnd = tt_tcpcb(so)->snd_cwnd, ssthresh = tt_tcpcb(so)->snd_ssthresh;

	testbed_run_ms(tb, 50);
	in(". 1001:1001(0) ack 1 win 65535 <nop,nop,sack 2001:7001>");
	out(". 1:1001(1000)");
	out(". 1001:2001(1000)");
	in(". 1001:1001(0) ack 10001 win 65535");
	testbed_run_ms(tb, 1);
	ok(tt_tcpcb(so)->snd_cwnd < cwnd, "less than before");
	in(". 1001:1001(0) ack 10001 win 65535 <nop,nop,sack 1:1001>");
	not_undone(so);
	in(". 1001:1001(0) ack 10001 win 65535 <nop,nop,sack 1001:2001>");
	undone(so, cwnd, ssthresh);
	tt_kill(so, 1001);
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	/* time-outs are meant here: a probe would come before them */
	tt_set("net.inet.tcp.rack.tlp", 0);
	test_spurious("<mss 1000>");
	test_spurious("<mss 1000,sackOK>");
	test_genuine("<mss 1000>");
	test_genuine("<mss 1000,sackOK>");
	test_no_test();
	test_eifel("<mss 1000,nop,nop,ts 1 0>");
	test_eifel("<mss 1000,sackOK,nop,nop,ts 1 0>");
	test_eifel_fast();
	test_dsack();
	tt_close(ls);
	return (tt_done());
}
