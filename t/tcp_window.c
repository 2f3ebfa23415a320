/*
 * tcp_window.c - windows, and when small segments go: RFC 9293 3.7.4, 3.8.6; RFC 6093.
 */
#include <sys/param.h>
#include <sys/mbuf.h>
#include <sys/protosw.h>

#include "t/lib/tcptest.h"

static struct socket *ls;
static const char *const MSS = "<mss 1460>";

static void
test_delayed_ack(void)
{
	struct socket *so = tt_passive(ls, MSS);

	in(". 1001:1101(100) ack 1 win 65535");
	out_after(40, 2, ". 1:1(0) ack 1101");
	in(". 1101:2561(1460) ack 1 win 65535");
	in(". 2561:4021(1460) ack 1 win 65535");
	out(". 1:1(0) ack 4021");
	ok(true, "every second segment at once");
	in(". 4021:4031(10) ack 1 win 65535");
	testbed_run_ms(tb, 1);
	tt_write(so, 20);
	out(". 1:21(20) ack 4031");
	quiet(60);
	ok(true, "an acknowledgment rides on data");
	in(". 5000:5100(100) ack 21 win 65535");
	out(". 21:21(0) ack 4031");
	ok(true, "out of order: at once");
	is_int(tt_read(so, 100000), 3030, "what is in order is read");
	tt_kill(so, 4031);
}

/* Frames of merged segments that come at once; SO_RCVBUF's quarter is 15,000 bytes. */
static void
test_merged_ack(void)
{
	struct socket *so = tt_passive(ls, MSS);
	int i;

	tt_setopt(so, SOL_SOCKET, SO_RCVBUF, 60000);
	for (i = 0; i < 3; i++)
		in(". %d:%d(2920) ack 1 win 65535 gso 1460", 1001 + i * 2920, 3921 + i * 2920);
	out(". 1:1(0) ack 9761");
	quiet(60);
	ok(true, "a burst has one acknowledgment, at once");
	for (i = 0; i < 7; i++)
		in(". %d:%d(2920) ack 1 win 65535 gso 1460", 9761 + i * 2920, 12681 + i * 2920);
	out(". 1:1(0) ack 27281");
	out(". 1:1(0) ack 30201");
	ok(true, "no more than a quarter of the buffer with one");
	tt_kill(so, 30201);
}

static void
test_nagle(void)
{
	struct socket *so = tt_passive(ls, MSS);

	tt_write(so, 10);
	out(". 1:11(10) ack 1001");
	tt_write(so, 10);
	tt_write(so, 10);
	quiet(100);
	in(". 1001:1001(0) ack 11 win 65535");
	out(". 11:31(20) ack 1001");
	ok(true, "Nagle: one small segment is under way");
	tt_setopt(so, IPPROTO_TCP, TCP_NODELAY, 1);
	tt_write(so, 10);
	out(". 31:41(10) ack 1001");
	in(". 1001:1001(0) ack 41 win 65535");
	tt_setopt(so, IPPROTO_TCP, TCP_NOPUSH, 1);
	tt_write(so, 10);
	quiet(100);
	tt_setopt(so, IPPROTO_TCP, TCP_NOPUSH, 0);
	out(". 41:51(10) ack 1001");
	ok(true, "TCP_NODELAY and TCP_NOPUSH");
	tt_kill(so, 1001);
}

static void
test_persist(void)
{
	struct socket *so = tt_passive(ls, MSS);

	tt_write(so, 100);
	out(". 1:101(100) ack 1001");
	in(". 1001:1001(0) ack 101 win 0");
	tt_write(so, 50);
	out_after(5000, 20, ". 101:102(1) ack 1001");
	in(". 1001:1001(0) ack 101 win 0");
	out_after(5000, 20, ". 101:102(1) ack 1001");
	in(". 1001:1001(0) ack 101 win 0");
	testbed_run_ms(tb, 3600 * 1000);
	is_int(tt_state(so), TCPS_ESTABLISHED, "probed for an hour");
	peer_forget(p);
	in(". 1001:1001(0) ack 101 win 1000");
	out(". 101:151(50) ack 1001");
	in(". 1001:1001(0) ack 151 win 1000");
	quiet(300);
	ok(true, "and on when the window opens");
	tt_kill(so, 1001);
}

static void
test_probe_accepted(void)
{
	struct socket *so = tt_passive(ls, MSS);

	tt_write(so, 100);
	out(". 1:101(100) ack 1001");
	in(". 1001:1001(0) ack 101 win 0");
	tt_write(so, 50);
	out_after(5000, 20, ". 101:102(1) ack 1001");
	in(". 1001:1001(0) ack 102 win 500");
	out(". 102:151(49) ack 1001");
	in(". 1001:1001(0) ack 151 win 500");
	tt_kill(so, 1001);
}

static void
test_sender_sws(void)
{
	struct socket *so = tt_passive(ls, MSS);

	tt_setopt(so, IPPROTO_TCP, TCP_NODELAY, 1);
	tt_write(so, 8000);
	out(". 1:1461(1460)");
	out(". 1461:2921(1460)");
	out(". 2921:4381(1460)");
	out(". 4381:5841(1460)");
	out(". 5841:7301(1460)");
	out(". 7301:8001(700)");
	in(". 1001:1001(0) ack 8001 win 100");
	tt_write(so, 3000);
	quiet(1000);
	ok(true, "a silly window is not filled");
	in(". 1001:1001(0) ack 8001 win 2000");
	out(". 8001:9461(1460)");
	quiet(100);
	in(". 1001:1001(0) ack 9461 win 540");
	out_after(5000, 20, ". 9461:10001(540)");
	ok(true, "until the persist timer says so");
	/* the window shrinks under what was sent */
	in(". 1001:1001(0) ack 9461 win 200");
	quiet(100);
	tt_kill(so, 1001);
}

static void
test_receiver(void)
{
	struct socket *so;
	int old;

	TB_ENTER(h);
	old = tt_sysctl(&V_tcp_do_autorcvbuf, 0);
	TB_LEAVE();
	tt_setopt(ls, SOL_SOCKET, SO_RCVBUF, 8192); /* rounded up to six segments */
	so = tt_passive(ls, MSS);
	for (u_int at = 1001; at < 1001 + 5 * 1460; at += 1460)
		in(". %u:%u(1460) ack 1 win 65535", at, at + 1460);
	in(". 8301:9761(1460) ack 1 win 65535");
	testbed_run_ms(tb, 100);
	peer_forget(p);
	in(". 9761:9762(1) ack 1 win 65535");
	out(". 1:1(0) ack 9761 win 0");
	ok(true, "a full buffer takes no probe");
	is_int(tt_read(so, 100), 100, "read a little");
	quiet(100);
	ok(true, "no silly window is announced");
	is_int(tt_read(so, 8000), 8000, "read much");
	out(". 1:1(0) ack 9761 win *");
	ok(true, "then it is");
	/* beyond the window */
	in(". 60000:60100(100) ack 1 win 65535");
	out(". 1:1(0) ack 9761");
	in(". 9761:10761(1000) ack 1 win 65535");
	is_int(tt_read(so, 10000), 1660, "and the stream goes on");
	tt_kill(so, 10761);
	tt_setopt(ls, SOL_SOCKET, SO_RCVBUF, 65536);
	TB_ENTER(h);
	V_tcp_do_autorcvbuf = old;
	TB_LEAVE();
}

static void
test_urgent(void)
{
	struct socket *so = tt_passive(ls, MSS);
	struct mbuf *m;

	in("U. 1001:1011(10) ack 1 win 65535 urg 5");
	testbed_run_ms(tb, 1);
	is_int(so->so_oobmark, 4, "the mark");
	TB_ENTER(h);
	m = m_get(M_WAITOK, MT_DATA);
	is_int(so->so_proto->pr_rcvoob(so, m, 0), 0, "the urgent byte");
	m_free(m);
	TB_LEAVE();
	is_int(tt_read(so, 100), 4, "a read stops at the mark");
	is_int(tt_read(so, 100), 5, "and goes on without the byte");
	tt_setopt(so, SOL_SOCKET, SO_OOBINLINE, 1);
	in("U. 1011:1021(10) ack 1 win 65535 urg 1");
	is_int(tt_read(so, 100), 10, "in line it stays");
	tt_kill(so, 1021);
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	test_delayed_ack();
	test_merged_ack();
	test_nagle();
	test_persist();
	test_probe_accepted();
	test_sender_sws();
	test_receiver();
	test_urgent();
	tt_close(ls);
	return (tt_done());
}
