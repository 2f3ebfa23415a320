/*
 * tcp_dsack.c - what came twice is reported, and reports are understood: RFC 2883. The receiver's
 * cases are those of its section 4, in segments of 1000.
 */
#include "t/lib/tcptest.h"

static struct socket *ls;
static const char *const SACK = "<mss 1000,sackOK>";

static void
test_full_duplicate(void)
{
	struct socket *so = tt_passive(ls, SACK);

	/* 4.1.1: below the cumulative acknowledgment, nothing held */
	in(". 1001:2001(1000) ack 1 win 65535");
	in(". 1001:2001(1000) ack 1 win 65535");
	out(". 1:1(0) ack 2001 <nop,nop,sack 1001:2001>");
	ok(true, "a segment that came twice");
	in(". 2001:3001(1000) ack 1 win 65535");
	out_after(40, 10, ". 1:1(0) ack 3001 <>");
	ok(true, "is reported once");
	/* 4.1.2: a duplicate, while a later segment is held */
	in(". 4001:5001(1000) ack 1 win 65535");
	out(". 1:1(0) ack 3001 <nop,nop,sack 4001:5001>");
	in(". 2001:3001(1000) ack 1 win 65535");
	out(". 1:1(0) ack 3001 <nop,nop,sack 2001:3001 4001:5001>");
	ok(true, "the duplicate goes before what is held");
	/* 4.1.2: a duplicate of what is held itself: the block that it is part of follows */
	in(". 6001:7001(1000) ack 1 win 65535");
	out(". 1:1(0) ack 3001 <nop,nop,sack 6001:7001 4001:5001>");
	in(". 4001:5001(1000) ack 1 win 65535");
	out(". 1:1(0) ack 3001 <nop,nop,sack 4001:5001 4001:5001 6001:7001>");
	ok(true, "a duplicate above the acknowledgment, then its block");
	in(". 5001:6001(1000) ack 1 win 65535");
	out(". 1:1(0) ack 3001 <nop,nop,sack 4001:7001>");
	in(". 5001:6001(1000) ack 1 win 65535");
	out(". 1:1(0) ack 3001 <nop,nop,sack 5001:6001 4001:7001>");
	ok(true, "part of a larger block");
	tt_kill(so, 3001);
}

static void
test_partial_duplicate(void)
{
	struct socket *so = tt_passive(ls, SACK);

	/* 4.2.1: the head is old, the tail new */
	in(". 1001:2001(1000) ack 1 win 65535");
	in(". 1501:2501(1000) ack 1 win 65535");
	out(". 1:1(0) ack 2501 <nop,nop,sack 1501:2001>");
	ok(true, "the part that came twice");
	/* 4.2.2, 4.2.3: it covers a held segment, and more on both sides */
	in(". 4001:5001(1000) ack 1 win 65535");
	out(". 1:1(0) ack 2501 <nop,nop,sack 4001:5001>");
	in(". 3501:5501(2000) ack 1 win 65535");
	out(". 1:1(0) ack 2501 <nop,nop,sack 4001:5001 3501:5501>");
	ok(true, "the part that is within");
	in(". 2501:3601(1100) ack 1 win 65535");
	out(". 1:1(0) ack 5501 <nop,nop,sack 3501:3601>");
	ok(true, "the tail, when the gap closes");
	tt_kill(so, 5501);
}

static void
test_not_agreed(void)
{
	struct socket *so = tt_passive(ls, "<mss 1000>");

	in(". 1001:2001(1000) ack 1 win 65535");
	in(". 1001:2001(1000) ack 1 win 65535");
	out(". 1:1(0) ack 2001 <>");
	ok(true, "nobody who did not ask is told");
	tt_kill(so, 2001);
}

static uint64_t
dsacks(uint64_t *bytes)
{
	uint64_t n;

	testbed_run_ms(tb, 1);
	TB_ENTER(h);
	n = V_tcpstat.tcps_dsack_count;
	*bytes = V_tcpstat.tcps_dsack_bytes;
	TB_LEAVE();
	return (n);
}

static void
test_sender(void)
{
	struct socket *so = tt_passive(ls, SACK);
	struct sackscore *ss = &tt_tcpcb(so)->t_sack;
	uint64_t n0, n, b0, b;

	n0 = dsacks(&b0);
	tt_write(so, 4000);
	testbed_run_ms(tb, 1);
	in(". 1001:1001(0) ack 1001 win 65535 <nop,nop,sack 1:1001>");
	n = dsacks(&b);
	is_int(n - n0, 1, "below the acknowledgment");
	is_int(b - b0, 1000, "with its bytes");
	is_int(ss->ss_n, 0, "and the scoreboard does not change");
	in(". 1001:1001(0) ack 1001 win 65535 <nop,nop,sack 2001:3001 2001:4001>");
	n = dsacks(&b);
	is_int(n - n0, 2, "within the second block");
	is_int(ss->ss_n, 1, "which is news");
	is_int(ss->ss_bytes, 2000, "all of it");
	in(". 1001:1001(0) ack 1001 win 65535 <nop,nop,sack 2001:4001 2001:3001>");
	n = dsacks(&b);
	is_int(n - n0, 2, "around the second block is none");
	in(". 1001:1001(0) ack 4001 win 65535 <nop,nop,sack 5001:4001>");
	n = dsacks(&b);
	is_int(n - n0, 2, "turned around");
	in(". 1001:1001(0) ack 4001 win 65535 <nop,nop,sack 3001:9001>");
	n = dsacks(&b);
	is_int(n - n0, 2, "of what was never sent");
	peer_forget(p);
	tt_kill(so, 1001);
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	test_full_duplicate();
	test_partial_duplicate();
	test_not_agreed();
	test_sender();
	tt_close(ls);
	return (tt_done());
}
