/*
 * tcp_fsm.c - TCP state by state and event by event: RFC 9293 3.5, 3.6, 3.10; RFC 5961; RFC 2525
 * 2.17; RFC 1337.
 */
#include "t/lib/tcptest.h"

static struct socket *ls;
static const char *const MSS = "<mss 1460>";

static void
test_closed(void)
{
	tt_lport = 81;
	tt_pport = 5000;
	in("S 7:7(0) win 1000");
	out("R. 0:0(0) ack 8");
	in(". 7:7(0) ack 99 win 1000");
	ok(peer_next(p, 5) != NULL, "an ACK to a closed port is reset");
	in("R 7:7(0) win 1000");
	quiet(50);
	in("R. 7:7(0) ack 5 win 1000");
	quiet(50);
	in("F 7:27(20) win 1000");
	out("R. 0:0(0) ack 28");
}

static void
test_listen(void)
{
	tt_lport = LPORT;
	tt_pport = 6000;
	in("R 7:7(0) win 1000");
	quiet(20);
	in(". 7:7(0) ack 99 win 1000");
	ok(peer_next(p, 5) != NULL, "an ACK to a listener is reset");
	in("S. 7:7(0) ack 99 win 1000");
	ok(peer_next(p, 5) != NULL, "a SYN,ACK to a listener is reset");
	in("F 7:7(0) win 1000");
	quiet(20);
	in("- 7:17(10) win 1000");
	quiet(20);
	/* the SYN cache: repeated, answered again, given up */
	tt_pport = 6001;
	in("S 1000:1000(0) win 65535 %s", MSS);
	out("S. 0:0(0) ack 1001 win 65535 <mss 1460>");
	in("S 1000:1000(0) win 65535 %s", MSS);
	out("S. 0:0(0) ack 1001 win 65535 <mss 1460>");
	out_after(1000, 5, "S. 0:0(0) ack 1001");
	out_after(2000, 5, "S. 0:0(0) ack 1001");
	out_after(4000, 5, "S. 0:0(0) ack 1001");
	quiet(30000);
	/* reset before it is complete */
	tt_pport = 6002;
	in("S 1000:1000(0) win 65535 %s", MSS);
	out("S. 0:0(0) ack 1001");
	in("R 1001:1001(0)");
	quiet(5000);
	/* a wrong acknowledgment */
	tt_pport = 6003;
	in("S 1000:1000(0) win 65535 %s", MSS);
	out("S. 0:0(0) ack 1001");
	in(". 1001:1001(0) ack 2 win 65535");
	out("R 2:2(0)");
	in("R 1001:1001(0)");
	quiet(5000);
	ok(tt_accept(ls) == NULL, "none of these was accepted");
}

static void
test_passive(void)
{
	struct socket *so = tt_passive(ls, MSS);

	is_int(tt_state(so), TCPS_ESTABLISHED, "passive open");
	quiet(100);
	/* theirs first: CLOSE_WAIT, LAST_ACK */
	in("F. 1001:1001(0) ack 1 win 65535");
	out(". 1:1(0) ack 1002");
	is_int(tt_state(so), TCPS_CLOSE_WAIT, "their FIN");
	is_int(tt_read(so, 10), 0, "which is the end of the stream");
	tt_write(so, 5);
	out(". 1:6(5) ack 1002");
	in(". 1002:1002(0) ack 6 win 65535");
	tt_close(so);
	out("F. 6:6(0) ack 1002");
	in(". 1002:1002(0) ack 7 win 65535");
	quiet(100);
	in(". 1002:1002(0) ack 7 win 65535");
	ok(peer_next(p, 5) != NULL, "afterwards there is nothing");
}

/* Brings a connection to FIN_WAIT_1; the FIN has sequence number 1. */
static struct socket *
fin_wait_1(void)
{
	struct socket *so = tt_passive(ls, MSS);

	tt_shutdown(so, SHUT_WR);
	out("F. 1:1(0) ack 1001");
	is_int(tt_state(so), TCPS_FIN_WAIT_1, "our FIN");
	return (so);
}

static void
test_active_close(void)
{
	struct socket *so = fin_wait_1();

	in(". 1001:1001(0) ack 2 win 65535");
	is_int(tt_state(so), TCPS_FIN_WAIT_2, "is acknowledged");
	in(". 1001:1011(10) ack 2 win 65535");
	out_after(40, 3, ". 2:2(0) ack 1011");
	is_int(tt_read(so, 100), 10, "the other direction goes on");
	in("F. 1011:1011(0) ack 2 win 65535");
	out(". 2:2(0) ack 1012");
	is_int(tt_state(so), TCPS_TIME_WAIT, "their FIN");
	tt_close(so);
	/* TIME_WAIT: resets are ignored, a FIN is acknowledged and starts the wait again */
	in("R 1012:1012(0)");
	quiet(1000);
	testbed_run_ms(tb, 30000);
	in("F. 1011:1011(0) ack 2 win 65535");
	out(". 2:2(0) ack 1012");
	testbed_run_ms(tb, 59000);
	in("F. 1011:1011(0) ack 2 win 65535");
	out(". 2:2(0) ack 1012");
	testbed_run_ms(tb, 60100);
	in("F. 1011:1011(0) ack 2 win 65535");
	out("R 2:2(0)");
}

static void
test_timewait_reuse(void)
{
	struct socket *so = fin_wait_1();

	in("F. 1001:1001(0) ack 2 win 65535");
	out(". 2:2(0) ack 1002");
	is_int(tt_state(so), TCPS_TIME_WAIT, "FIN and ACK of ours in one");
	tt_close(so);
	in("S 900:900(0) win 65535 %s", MSS);
	out(". 2:2(0) ack 1002");
	in("S 5000:5000(0) win 65535 %s", MSS);
	ok(peer_next(p, 5) != NULL, "a newer SYN begins anew");
	is_int(V_tcpstat.tcps_states[TCPS_TIME_WAIT], 0, "in vnet0 nothing");
	in("R 5001:5001(0)");
	testbed_run_ms(tb, 10);
	peer_forget(p);
}

static void
test_simultaneous_close(void)
{
	struct socket *so = fin_wait_1();

	in("F. 1001:1001(0) ack 1 win 65535");
	out(". 2:2(0) ack 1002");
	is_int(tt_state(so), TCPS_CLOSING, "FINs crossed");
	in(". 1002:1002(0) ack 2 win 65535");
	is_int(tt_state(so), TCPS_TIME_WAIT, "and ours is acknowledged");
	tt_close(so);
	testbed_run_ms(tb, 61000);
	peer_forget(p);
}

static void
test_active_open(void)
{
	struct socket *so = tt_active(NULL);

	is_int(tt_state(so), TCPS_SYN_SENT, "connect");
	out("S 0:0(0) win 65535 <mss 1460,nop,wscale *,sackOK,ts * 0>");
	/* not ours to believe */
	in("S. 1000:1000(0) ack 5 win 65535");
	out("R 5:5(0)");
	in("R. 1000:1000(0) ack 5 win 65535");
	in("R 1000:1000(0) win 65535");
	in(". 1000:1000(0) ack 1 win 65535");
	quiet(10);
	is_int(tt_state(so), TCPS_SYN_SENT, "still trying");
	in("S. 1000:1000(0) ack 1 win 65535 <mss 1000>");
	out(". 1:1(0) ack 1001");
	is_int(tt_state(so), TCPS_ESTABLISHED, "SYN,ACK");
	is_int(tt_tcpcb(so)->t_maxseg, 1000, "their MSS");
	tt_kill(so, 1001);

	so = tt_active(NULL);
	out("S 0:0(0)");
	in("R. 0:0(0) ack 1 win 0");
	is_int(tt_error(so), ECONNREFUSED, "refused");
	tt_close(so);

	so = tt_active(NULL);
	out("S 0:0(0)");
	out_after(1000, 10, "S 0:0(0)");
	out_after(2000, 10, "S 0:0(0)");
	out_after(4000, 10, "S 0:0(0)");
	out_after(8000, 10, "S 0:0(0)");
	out_after(16000, 10, "S 0:0(0)");
	out_after(32000, 10, "S 0:0(0)");
	testbed_run_ms(tb, 13000);
	is_int(tt_error(so), ETIMEDOUT, "timed out after keepinit");
	tt_close(so);
	quiet(1000);
}

static void
test_simultaneous_open(void)
{
	struct socket *so = tt_active(NULL);

	out("S 0:0(0)");
	in("S 1000:1000(0) win 65535 %s", MSS);
	out("S. 0:0(0) ack 1001");
	is_int(tt_state(so), TCPS_SYN_RECEIVED, "SYNs crossed");
	in("S. 1000:1000(0) ack 1 win 65535 %s", MSS);
	is_int(tt_state(so), TCPS_ESTABLISHED, "and were acknowledged");
	out(". 1:1(0) ack 1001"); /* the SYN again lies before the window */
	tt_write(so, 3);
	out(". 1:4(3) ack 1001");
	tt_kill(so, 1001);
}

static void
test_rst(void)
{
	struct socket *so = tt_passive(ls, MSS);

	in("R 1000:1000(0)");
	in("R 70000:70000(0)");
	quiet(10);
	is_int(tt_state(so), TCPS_ESTABLISHED, "a reset outside of the window is nothing");
	in("R 1002:1002(0)");
	out(". 1:1(0) ack 1001");
	is_int(tt_state(so), TCPS_ESTABLISHED, "one inside is challenged");
	in("R 1001:1001(0)");
	is_int(tt_error(so), ECONNRESET, "one that hits is believed");
	is_int(tt_state(so), TCPS_CLOSED, "it is over");
	tt_close(so);

	so = tt_passive(ls, MSS);
	in("S 1001:1001(0) win 65535");
	out(". 1:1(0) ack 1001");
	in("S 99:99(0) win 65535");
	out(". 1:1(0) ack 1001");
	in(". 1001:1001(0) ack 2 win 65535");
	out(". 1:1(0) ack 1001");
	in(". 1001:1001(0) ack 3000000000 win 65535");
	out(". 1:1(0) ack 1001");
	is_int(tt_state(so), TCPS_ESTABLISHED, "SYNs and wrong ACKs are challenged");
	in("S 1001:1001(0) win 65535");
	out(". 1:1(0) ack 1001");
	in("S 1001:1001(0) win 65535");
	quiet(10);
	testbed_run_ms(tb, 1000);
	in("S 1001:1001(0) win 65535");
	out(". 1:1(0) ack 1001");
	ok(true, "five times a second");
	in("- 1001:1011(10) win 65535");
	quiet(100);
	tt_kill(so, 1001);
}

static void
test_close_reset(void)
{
	struct linger l = {1, 0};
	struct socket *so = tt_passive(ls, MSS);

	in(". 1001:1011(10) ack 1 win 65535");
	testbed_run_ms(tb, 1);
	tt_close(so);
	out("R. 1:1(0) ack 1011");
	quiet(100);

	so = tt_passive(ls, MSS);
	TB_ENTER(h);
	is_int(so_setsockopt(so, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), 0, "SO_LINGER 0");
	TB_LEAVE();
	tt_close(so);
	out("R. 1:1(0) ack 1001");

	so = tt_passive(ls, MSS);
	tt_close(so);
	out("F. 1:1(0) ack 1001");
	in(". 1001:1001(0) ack 2 win 65535");
	in(". 1001:1011(10) ack 2 win 65535");
	out("R 2:2(0)");
	ok(true, "data that nobody will read is reset");

	so = tt_passive(ls, MSS);
	tt_close(so);
	out("F. 1:1(0) ack 1001");
	in(". 1001:1001(0) ack 2 win 65535");
	testbed_run_ms(tb, 599000);
	is_int(numopensockets, 2, "FIN_WAIT_2 of a closed socket lasts keepcnt * keepintvl");
	testbed_run_ms(tb, 2000);
	is_int(numopensockets, 1, "does not wait for ever");
	TB_ENTER(h);
	(void)tt_sysctl(&V_tcp_fast_finwait2_recycle, 1);
	TB_LEAVE();
	so = tt_passive(ls, MSS);
	tt_close(so);
	out("F. 1:1(0) ack 1001");
	in(". 1001:1001(0) ack 2 win 65535");
	testbed_run_ms(tb, 59000);
	is_int(numopensockets, 2, "or finwait2_timeout");
	testbed_run_ms(tb, 2000);
	is_int(numopensockets, 1, "with fast_finwait2_recycle");
	TB_ENTER(h);
	(void)tt_sysctl(&V_tcp_fast_finwait2_recycle, 0);
	TB_LEAVE();
}

/* RFC 9293 3.4, 3.10.7: text may come with a SYN, and with a FIN. */
static void
test_text_on_control(void)
{
	struct socket *so;

	tt_lport = LPORT;
	tt_pport++;
	in("SP 1000:1010(10) win 65535 %s", MSS);
	out("S. 0:0(0) ack 1001");
	in("P. 1001:1011(10) ack 1 win 65535");
	so = tt_accept(ls);
	ok(so != NULL, "text on a SYN does no harm; it is not kept and comes again");
	if (so == NULL)
		return;
	is_int(tt_read(so, 100), 10, "once");
	peer_forget(p);
	in("FP. 1011:1031(20) ack 1 win 65535");
	out(". 1:1(0) ack 1032");
	is_int(tt_read(so, 100), 20, "text with a FIN");
	is_int(tt_read(so, 100), 0, "then the end");
	is_int(tt_state(so), TCPS_CLOSE_WAIT, "their side is closed");
	tt_kill(so, 1032);
	so = tt_active(NULL);
	out("S 0:0(0)");
	in("SP. 1000:1010(10) ack 1 win 65535 %s", MSS);
	out(". 1:1(0) ack 1011");
	is_int(tt_read(so, 100), 10, "text with a SYN,ACK is taken");
	tt_kill(so, 1011);
	so = tt_active(NULL);
	out("S 0:0(0)");
	in("SFP. 1000:1010(10) ack 1 win 65535 %s", MSS);
	out(". 1:1(0) ack 1012");
	is_int(tt_read(so, 100), 10, "a FIN too");
	is_int(tt_state(so), TCPS_CLOSE_WAIT, "which closes their side");
	tt_kill(so, 1012);
}

/* RFC 9293 3.5.1: one side has forgotten the connection. */
static void
test_half_open(void)
{
	struct socket *so = tt_passive(ls, MSS);

	in("S 5000:5000(0) win 65535 %s", MSS);
	out(". 1:1(0) ack 1001");
	in("R 1001:1001(0)");
	is_int(tt_error(so), ECONNRESET, "their new SYN brings it to light");
	tt_close(so);
	so = tt_passive(ls, MSS);
	tt_write(so, 10);
	out("P. 1:11(10) ack 1001");
	in("R 1001:1001(0)");
	is_int(tt_error(so), ECONNRESET, "so does our data");
	tt_close(so);
}

static void
test_keepalive(void)
{
	struct socket *so = tt_passive(ls, MSS);

	tt_setopt(so, SOL_SOCKET, SO_KEEPALIVE, 1);
	tt_setopt(so, IPPROTO_TCP, TCP_KEEPIDLE, 10);
	tt_setopt(so, IPPROTO_TCP, TCP_KEEPINTVL, 2);
	tt_setopt(so, IPPROTO_TCP, TCP_KEEPCNT, 3);
	out_after(10000, 20, ". 0:0(0) ack 1001");
	in(". 1001:1001(0) ack 1 win 65535");
	out_after(10000, 20, ". 0:0(0) ack 1001");
	out_after(2000, 20, ". 0:0(0) ack 1001");
	out_after(2000, 20, ". 0:0(0) ack 1001");
	out_after(2000, 20, "R. 1:1(0) ack 1001");
	is_int(tt_error(so), ETIMEDOUT, "nobody answered");
	tt_close(so);

	so = tt_passive(ls, MSS);
	in(". 1000:1000(0) ack 1 win 65535");
	out(". 1:1(0) ack 1001");
	ok(true, "we answer theirs");
	tt_kill(so, 1001);
}

static void
test_icmp(void)
{
	struct socket *so = tt_active(NULL);

	out("S 0:0(0)");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/1 quote last");
	is_int(tt_state(so), TCPS_SYN_SENT, "host unreachable is remembered");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/3 quote last");
	is_int(tt_error(so), ECONNREFUSED, "port unreachable is believed");
	tt_close(so);

	so = tt_passive(ls, MSS);
	tt_write(so, 1460);
	out(". 1:1461(1460) ack 1001 df 1");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/3 quote last");
	is_int(tt_state(so), TCPS_ESTABLISHED, "but not of a connection");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/4 mtu 1000 quote last");
	out(". 1:961(960) ack 1001");
	out(". 961:1461(500) ack 1001");
	is_int(tt_tcpcb(so)->t_maxseg, 960, "path MTU");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/4 mtu 68 quote last");
	testbed_run_ms(tb, 1);
	is_int(tt_tcpcb(so)->t_maxseg, 216, "has a lower bound");
	peer_forget(p);
	tt_kill(so, 1001);
}

static void
test_backlog(void)
{
	struct socket *sos[3];
	int i, first;

	tt_close(ls);
	ls = tt_listen(1);
	first = tt_pport + 1;
	tt_lport = LPORT;
	for (i = 0; i < 3; i++) {
		tt_pport = first + i;
		in("S 1000:1000(0) win 65535 %s", MSS);
		out("S. 0:0(0) ack 1001");
	}
	for (i = 0; i < 3; i++) {
		tt_pport = first + i;
		in(". 1001:1001(0) ack 1 win 65535");
	}
	quiet(20);
	ok(true, "what a full queue cannot take is not reset");
	tt_pport = first + 3;
	in("S 1000:1000(0) win 65535 %s", MSS);
	quiet(20);
	ok(true, "nor is a new SYN");
	sos[0] = tt_accept(ls);
	sos[1] = tt_accept(ls);
	ok(sos[0] != NULL && sos[1] != NULL, "a backlog of 1 holds two");
	ok(tt_accept(ls) == NULL, "and not three");
	tt_pport = first + 2;
	out_after(900, 200, "S. 0:0(0) ack 1001");
	in(". 1001:1001(0) ack 1 win 65535");
	sos[2] = tt_accept(ls);
	ok(sos[2] != NULL, "the third comes in when there is room");
	for (i = 0; i < 3; i++) {
		tt_pport = first + i;
		tt_kill(sos[i], 1001);
	}
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	test_closed();
	test_listen();
	test_passive();
	test_active_close();
	test_timewait_reuse();
	test_simultaneous_close();
	test_active_open();
	test_simultaneous_open();
	test_rst();
	test_close_reset();
	test_text_on_control();
	test_half_open();
	test_keepalive();
	test_icmp();
	test_backlog();
	tt_close(ls);
	return (tt_done());
}
