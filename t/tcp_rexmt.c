/*
 * tcp_rexmt.c - retransmission without SACK: RFC 6298, RFC 5681 3.1 and 3.2, RFC 6582, RFC 3042,
 * RFC 6928.
 */
#include "t/lib/tcptest.h"

static struct socket *ls;
static const char *const MSS = "<mss 1000>";

static void
test_rto(void)
{
	struct socket *so = tt_passive(ls, MSS);

	tt_write(so, 100);
	out(". 1:101(100)");
	out_after(1000, 10, ". 1:101(100)");
	out_after(2000, 10, ". 1:101(100)");
	out_after(4000, 10, ". 1:101(100)");
	in(". 1001:1001(0) ack 101 win 65535");
	tt_write(so, 100);
	out(". 101:201(100)");
	out_after(1000, 10, ". 101:201(100)");
	ok(true, "doubled, and back");
	in(". 1001:1001(0) ack 201 win 65535");
	/* one round trip of 100 ms: 100 + 4 * 50 + 200 of slop */
	tt_write(so, 100);
	out(". 201:301(100)");
	testbed_run_ms(tb, 100);
	in(". 1001:1001(0) ack 301 win 65535");
	testbed_run_ms(tb, 1);
	ok(tt_tcpcb(so)->t_srtt >= 99000 && tt_tcpcb(so)->t_srtt <= 112000, "srtt %u us",
	    tt_tcpcb(so)->t_srtt);
	tt_write(so, 100);
	out(". 301:401(100)");
	out_after(500, 40, ". 301:401(100)");
	peer_forget(p);
	testbed_run_ms(tb, 20 * 60 * 1000);
	is_int(tt_error(so), ETIMEDOUT, "given up in the end");
	tt_close(so);
	peer_forget(p);
}

static void
test_user_timeout(void)
{
	struct socket *so = tt_passive(ls, MSS);

	tt_setopt(so, IPPROTO_TCP, TCP_USER_TIMEOUT_ALPINE, 5000);
	tt_write(so, 100);
	testbed_run_ms(tb, 6500);
	is_int(tt_error(so), 0, "within the user time-out");
	testbed_run_ms(tb, 1500);
	is_int(tt_error(so), ETIMEDOUT, "after it");
	tt_close(so);
	peer_forget(p);
}

/* Sends n segments of 1000 from byte 1 on, and looks at them. */
static void
send_segments(struct socket *so, int from, int to)
{
	for (int i = from; i < to; i++)
		out(". %d:%d(1000)", i * 1000 + 1, i * 1000 + 1001);
	(void)so;
}

static void
test_initial_window(void)
{
	struct socket *so = tt_passive(ls, MSS);

	tt_write(so, 30000);
	send_segments(so, 0, 10);
	quiet(100);
	ok(true, "ten segments at first");
	in(". 1001:1001(0) ack 1001 win 65535");
	send_segments(so, 10, 12);
	quiet(100);
	ok(true, "slow start");
	in(". 1001:1001(0) ack 12001 win 65535");
	send_segments(so, 12, 25);
	tt_kill(so, 1001);
}

static void
test_newreno(void)
{
	struct socket *so = tt_passive(ls, MSS);

	tt_write(so, 32000);
	send_segments(so, 0, 10);
	/* 0 and 4 are lost */
	in(". 1001:1001(0) ack 1 win 65535");
	out(". 10001:11001(1000)");
	in(". 1001:1001(0) ack 1 win 65535");
	out(". 11001:12001(1000)");
	ok(true, "limited transmit");
	in(". 1001:1001(0) ack 1 win 65535");
	out(". 1:1001(1000)");
	ok(true, "fast retransmit at the third duplicate");
	testbed_run_ms(tb, 1);
	is_int(tt_tcpcb(so)->snd_ssthresh, 5000, "half of it, without limited transmit's");
	for (int i = 0; i < 5; i++)
		in(". 1001:1001(0) ack 1 win 65535");
	testbed_run_ms(tb, 1);
	peer_forget(p);
	in(". 1001:1001(0) ack 4001 win 65535");
	out(". 4001:5001(1000)");
	ok(true, "a partial acknowledgment shows the next hole");
	testbed_run_ms(tb, 1);
	peer_forget(p);
	in(". 1001:1001(0) ack 12001 win 65535");
	testbed_run_ms(tb, 1);
	ok(!IN_RECOVERY(tt_tcpcb(so)->t_flags), "out of recovery");
	ok(tt_tcpcb(so)->snd_cwnd <= 6000, "with half the window: %u", tt_tcpcb(so)->snd_cwnd);
	tt_kill(so, 1001);
}

static void
test_rto_collapse(void)
{
	struct socket *so = tt_passive(ls, MSS);

	tt_write(so, 10000);
	send_segments(so, 0, 10);
	out_after(1000, 20, ". 1:1001(1000)");
	quiet(100);
	is_int(tt_tcpcb(so)->snd_cwnd, 1000, "a time-out leaves one segment");
	is_int(tt_tcpcb(so)->snd_ssthresh, 5000, "and half as the threshold");
	in(". 1001:1001(0) ack 1001 win 65535");
	out(". 1001:2001(1000)");
	out(". 2001:3001(1000)");
	in(". 1001:1001(0) ack 10001 win 65535");
	quiet(500);
	ok(true, "what had arrived is not sent again");
	tt_kill(so, 1001);
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	test_rto();
	test_user_timeout();
	test_initial_window();
	test_newreno();
	test_rto_collapse();
	tt_close(ls);
	return (tt_done());
}
