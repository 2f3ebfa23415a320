/*
 * tcp_sack.c - selective acknowledgments, both sides: RFC 2018, RFC 6675.
 */
#include "t/lib/tcptest.h"

static struct socket *ls;
static const char *const SACK = "<mss 1000,sackOK>";

static void
test_receiver(void)
{
	struct socket *so = tt_passive(ls, SACK);

	in(". 2001:3001(1000) ack 1 win 65535");
	out(". 1:1(0) ack 1001 <nop,nop,sack 2001:3001>");
	in(". 4001:5001(1000) ack 1 win 65535");
	out(". 1:1(0) ack 1001 <nop,nop,sack 4001:5001 2001:3001>");
	in(". 3001:4001(1000) ack 1 win 65535");
	out(". 1:1(0) ack 1001 <nop,nop,sack 2001:5001>");
	in(". 6001:7001(1000) ack 1 win 65535");
	out(". 1:1(0) ack 1001 <nop,nop,sack 6001:7001 2001:5001>");
	in(". 1001:2001(1000) ack 1 win 65535");
	out(". 1:1(0) ack 5001 <nop,nop,sack 6001:7001>");
	in("F. 5001:6001(1000) ack 1 win 65535");
	testbed_run_ms(tb, 5);
	peer_forget(p);
	is_int(tt_read(so, 100000), 5000, "no byte twice");
	is_int(tt_read(so, 100000), 0, "and the end where the FIN was");
	tt_close(so);
	testbed_run_ms(tb, 1);
	peer_forget(p);
	in("R 6002:6002(0)");
	testbed_run_ms(tb, 5);
}

static struct socket *
sender(size_t n)
{
	struct socket *so = tt_passive(ls, SACK);

	tt_write(so, n);
	for (int i = 0; i < 10; i++)
		out(". %d:%d(1000)", i * 1000 + 1, i * 1000 + 1001);
	return (so);
}

static void
test_recovery(void)
{
	struct socket *so = sender(10000);

	/* 0 and 3 are lost */
	in(". 1001:1001(0) ack 1 win 65535 <nop,nop,sack 1001:2001>");
	in(". 1001:1001(0) ack 1 win 65535 <nop,nop,sack 1001:3001>");
	quiet(1);
	in(". 1001:1001(0) ack 1 win 65535 <nop,nop,sack 4001:5001 1001:3001>");
	out(". 1:1001(1000)");
	ok(true, "the first hole");
	in(". 1001:1001(0) ack 1 win 65535 <nop,nop,sack 4001:10001 1001:3001>");
	out(". 3001:4001(1000)");
	ok(true, "the second, and nothing else");
	quiet(50);
	in(". 1001:1001(0) ack 3001 win 65535 <nop,nop,sack 4001:10001>");
	quiet(50);
	in(". 1001:1001(0) ack 10001 win 65535");
	testbed_run_ms(tb, 1);
	ok(!IN_RECOVERY(tt_tcpcb(so)->t_flags), "recovered");
	is_int(tt_tcpcb(so)->t_sack.ss_n, 0, "nothing on the scoreboard");
	quiet(1000);
	tt_kill(so, 1001);
}

static void
test_bad_blocks(void)
{
	struct socket *so = sender(10000);
	struct sackscore *ss = &tt_tcpcb(so)->t_sack;

	in(". 1001:1001(0) ack 1 win 65535 <nop,nop,sack 3001:2001>");
	in(". 1001:1001(0) ack 1 win 65535 <nop,nop,sack 9001:12001>");
	in(". 1001:1001(0) ack 1001 win 65535 <nop,nop,sack 1:1001>");
	in(". 1001:1001(0) ack 1001 win 65535 <nop,nop,sack 1001:2001>");
	testbed_run_ms(tb, 1);
	is_int(ss->ss_n, 0, "turned, beyond, old and contradicting blocks are not believed");
	in(". 1001:1001(0) ack 1001 win 65535 <nop,nop,sack 3001:4001>");
	testbed_run_ms(tb, 1);
	is_int(ss->ss_n, 1, "a good one is");
	for (int i = 0; i < 400; i++)
		in(". 1001:1001(0) ack 1001 win 65535 <nop,nop,sack %d:%d>", 4003 + 2 * i,
		    4004 + 2 * i);
	testbed_run_ms(tb, 1);
	is_int(ss->ss_n, 128, "and there is a limit");
	tt_set("net.inet.tcp.sack.maxholes", 4096);
	tt_set("net.inet.tcp.sack.globalmaxholes", 200);
	for (int i = 0; i < 400; i++)
		in(". 1001:1001(0) ack 1001 win 65535 <nop,nop,sack %d:%d>", 4003 + 2 * i,
		    4004 + 2 * i);
	testbed_run_ms(tb, 1);
	is_int(ss->ss_n, 200, "for all connections too");
	tt_set("net.inet.tcp.sack.maxholes", 128);
	tt_set("net.inet.tcp.sack.globalmaxholes", 65536);
	peer_forget(p);
	in(". 1001:1001(0) ack 10001 win 65535");
	testbed_run_ms(tb, 1);
	is_int(ss->ss_n, 0, "everything is acknowledged");
	is_int(ss->ss_bytes, 0, "no byte is left on the scoreboard");
	peer_forget(p);
	tt_kill(so, 1001);
}

/* NextSeg() rule 3: a hole that is not lost yet, when there is room and nothing new. */
static void
test_rule3(void)
{
	struct socket *so = sender(10000);

	in(". 1001:1001(0) ack 1 win 65535 <nop,nop,sack 4001:6001 1001:3001>");
	out(". 1:1001(1000)");
	quiet(5);
	tt_tcpcb(so)->snd_cwnd = 7000;
	in(". 1001:1001(0) ack 1 win 65535 <nop,nop,sack 4001:6001 1001:3001>");
	testbed_run_ms(tb, 1);
	is_int(tcp_sack_pipe(tt_tcpcb(so)), 6000, "pipe: five that may be under way, one again");
	ok(!tcp_sack_islost(tt_tcpcb(so), tt_tcpcb(so)->iss + 3001),
	    "two segments above: not lost");
	in(". 1001:1001(0) ack 1 win 65535");
	out(". 3001:4001(1000)");
	ok(true, "rule 3");
	tt_kill(so, 1001);
}

/* Rule 4: one rescue of the last segment in a recovery, and HighRxt does not move. */
static void
test_rescue(void)
{
	struct socket *so = sender(10000);
	uint64_t n = tt_count(tcps_sack_rescue_rexmit);

	in(". 1001:1001(0) ack 1 win 65535 <nop,nop,sack 5001:8001 1001:4001>");
	out(". 1:1001(1000)");
	out(". 4001:5001(1000)");
	quiet(5); /* what was sent last may be on its way */
	in(". 1001:1001(0) ack 4001 win 65535 <nop,nop,sack 5001:8001>");
	out(". 9001:10001(1000)");
	quiet(5);
	is_int(tt_count(tcps_sack_rescue_rexmit) - n, 1, "a rescue, and no more");
	is_int(tt_tcpcb(so)->t_sack.ss_highrxt - tt_tcpcb(so)->iss, 5001, "HighRxt");
	in(". 1001:1001(0) ack 8001 win 65535 <nop,nop,sack 9001:10001>");
	testbed_run_ms(tb, 1);
	ok(IN_FASTRECOVERY(tt_tcpcb(so)->t_flags), "RecoveryPoint is not reached");
	in(". 1001:1001(0) ack 10001 win 65535");
	testbed_run_ms(tb, 1);
	ok(!IN_RECOVERY(tt_tcpcb(so)->t_flags), "now it is");
	peer_forget(p);
	tt_kill(so, 1001);
}

/* The peer took back what it had reported: the time-out sends all of it again. */
static void
test_reneging(void)
{
	struct socket *so = sender(10000);

	in(". 1001:1001(0) ack 1 win 65535 <nop,nop,sack 1001:10001>");
	out(". 1:1001(1000)");
	peer_forget(p);
	out_after(1000, 1100, ". 1:1001(1000)");
	in(". 1001:1001(0) ack 1001 win 65535");
	out(". 1001:2001(1000)");
	out(". 2001:3001(1000)");
	ok(true, "reneged data is sent again");
	in(". 1001:1001(0) ack 10001 win 65535");
	testbed_run_ms(tb, 1);
	peer_forget(p);
	tt_kill(so, 1001);
}

int
main(void)
{
	tt_init();
	/* RFC 6675 by itself; t/tcp_rack.c and t/tcp_prr.c have the others */
	tt_set("net.inet.tcp.rack.enable", 0);
	tt_set("net.inet.tcp.do_prr", 0);
	ls = tt_listen(16);
	test_receiver();
	test_recovery();
	test_rule3();
	test_rescue();
	test_bad_blocks();
	test_reneging();
	tt_close(ls);
	return (tt_done());
}
