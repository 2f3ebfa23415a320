/*
 * tcp_ecn.c - ECN in packets: RFC 3168 6.1. A segment's tos is 0 (not ECT), 2 (ECT(0)) or 3 (CE);
 * E is ECE, W is CWR.
 */
#include "t/lib/tcptest.h"

static struct socket *ls;

static void
ecn_sysctl(int enable, int maxretries)
{
	TB_ENTER(h);
	V_tcp_do_ecn = enable;
	V_tcp_ecn_maxretries = maxretries;
	TB_LEAVE();
}

static uint64_t
count(size_t off)
{
	uint64_t n;

	TB_ENTER(h);
	n = *(uint64_t *)(void *)((char *)&V_tcpstat + off);
	TB_LEAVE();
	return (n);
}
#define COUNT(f) count(__builtin_offsetof(struct tcpstat, f))

static bool
uses_ecn(struct socket *so)
{
	return ((tt_tcpcb(so)->t_flags2 & TF2_ECN_PERMIT) != 0);
}

/* A passive opening; syn and synack are the flags. */
static struct socket *
passive(const char *syn, const char *synack)
{
	struct socket *so;

	tt_lport = LPORT;
	tt_pport++;
	in("%s 1000:1000(0) win 65535 <mss 1000>", syn);
	out("%s 0:0(0) ack 1001 tos 0", synack);
	in(". 1001:1001(0) ack 1 win 65535");
	so = tt_accept(ls);
	if (so == NULL)
		tap_bail("no connection");
	peer_forget(p);
	return (so);
}

/* ---- 6.1.1 ---- */

static void
test_passive(void)
{
	uint64_t shs = COUNT(tcps_ecn_shs);
	struct socket *so = passive("SEW", "SE.");

	ok(uses_ecn(so), "asked, agreed");
	is_int(COUNT(tcps_ecn_shs) - shs, 1, "tcps_ecn_shs");
	tt_write(so, 100);
	out(". 1:101(100) tos 2");
	tt_kill(so, 1001);
	so = passive("S", "S.");
	ok(!uses_ecn(so), "not asked");
	tt_write(so, 100);
	out(". 1:101(100) tos 0");
	tt_kill(so, 1001);
	so = passive("SE", "S.");
	ok(!uses_ecn(so), "ECE alone does not ask");
	tt_kill(so, 1001);
	so = passive("SW", "S.");
	ok(!uses_ecn(so), "nor does CWR");
	tt_kill(so, 1001);
	ecn_sysctl(0, 1);
	so = passive("SEW", "S.");
	ok(!uses_ecn(so), "net.inet.tcp.ecn.enable=0");
	tt_kill(so, 1001);
	ecn_sysctl(1, 1);
	so = passive("SEW", "SE.");
	ok(uses_ecn(so), "net.inet.tcp.ecn.enable=1");
	tt_kill(so, 1001);
	ecn_sysctl(2, 1);
}

/* The SYN,ACK without an answer: once more with ECE, then without; then there is no ECN. */
static void
test_passive_retry(void)
{
	struct socket *so;

	tt_lport = LPORT;
	tt_pport++;
	in("SEW 1000:1000(0) win 65535 <mss 1000>");
	out("SE. 0:0(0) ack 1001");
	out_after(1000, 20, "SE. 0:0(0) ack 1001");
	out_after(2000, 20, "S. 0:0(0) ack 1001");
	in(". 1001:1001(0) ack 1 win 65535");
	so = tt_accept(ls);
	ok(so != NULL && !uses_ecn(so), "a SYN,ACK without ECE, and none");
	tt_kill(so, 1001);
	/* the peer's SYN comes again without: it gave up on ECN */
	tt_pport++;
	in("SEW 1000:1000(0) win 65535 <mss 1000>");
	out("SE. 0:0(0) ack 1001");
	in("S 1000:1000(0) win 65535 <mss 1000>");
	out("S. 0:0(0) ack 1001");
	in(". 1001:1001(0) ack 1 win 65535");
	so = tt_accept(ls);
	ok(so != NULL && !uses_ecn(so), "a repeated SYN that no longer asks");
	tt_kill(so, 1001);
}

static struct socket *
active(const char *synack)
{
	struct socket *so = tt_active(NULL);

	out("SEW 0:0(0) tos 0");
	in("%s 1000:1000(0) ack 1 win 65535 <mss 1000>", synack);
	out(". 1:1(0) ack 1001 tos 0");
	return (so);
}

static void
test_active(void)
{
	struct socket *so = tt_active(NULL);

	out("S 0:0(0)");
	in("SE. 1000:1000(0) ack 1 win 65535 <mss 1000>");
	out(". 1:1(0) ack 1001");
	ok(!uses_ecn(so), "by default we do not ask");
	tt_kill(so, 1001);
	ecn_sysctl(1, 1);
	so = active("SE.");
	ok(uses_ecn(so), "asked, and the peer agrees");
	tt_write(so, 100);
	out(". 1:101(100) tos 2");
	tt_kill(so, 1001);
	so = active("S.");
	ok(!uses_ecn(so), "it does not");
	tt_write(so, 100);
	out(". 1:101(100) tos 0");
	tt_kill(so, 1001);
	so = active("SEW.");
	ok(!uses_ecn(so), "it reflects the bits");
	tt_kill(so, 1001);
	/* 6.1.1.1: without an answer, without ECN; and then a late answer does not bring it back */
	so = tt_active(NULL);
	out("SEW 0:0(0)");
	out_after(1000, 20, "SEW 0:0(0)");
	out_after(2000, 20, "S 0:0(0)");
	in("SE. 1000:1000(0) ack 1 win 65535 <mss 1000>");
	out(". 1:1(0) ack 1001");
	ok(!uses_ecn(so), "a SYN went without: no ECN");
	tt_kill(so, 1001);
	ecn_sysctl(1, 0);
	so = tt_active(NULL);
	out("SEW 0:0(0)");
	out_after(1000, 20, "S 0:0(0)");
	tt_close(so);
	peer_forget(p);
	ecn_sysctl(2, 1);
}

static void
test_simultaneous(void)
{
	struct socket *so;

	ecn_sysctl(1, 1);
	so = tt_active(NULL);
	out("SEW 0:0(0)");
	in("SEW 1000:1000(0) win 65535 <mss 1000>");
	out("SE. 0:0(0) ack 1001");
	in("SE. 1000:1000(0) ack 1 win 65535 <mss 1000>");
	is_int(tt_state(so), TCPS_ESTABLISHED, "both open at once");
	ok(uses_ecn(so), "both ask");
	tt_kill(so, 1001);
	so = tt_active(NULL);
	out("SEW 0:0(0)");
	in("S 1000:1000(0) win 65535 <mss 1000>");
	out("S. 0:0(0) ack 1001");
	in(". 1001:1001(0) ack 1 win 65535");
	ok(!uses_ecn(so), "only we do");
	tt_kill(so, 1001);
	ecn_sysctl(2, 1);
}

/* ---- 6.1.2: the sender ---- */

static void
test_reduction(void)
{
	struct socket *so = passive("SEW", "SE.");
	struct tcpcb *tp = tt_tcpcb(so);
	uint64_t n = COUNT(tcps_ecn_rcwnd);

	tt_write(so, 40000);
	for (int i = 0; i < 10; i++)
		out(". %d:%d(1000) tos 2", i * 1000 + 1, i * 1000 + 1001);
	in("E. 1001:1001(0) ack 1001 win 65535");
	testbed_run_ms(tb, 1);
	is_int(tp->snd_ssthresh, 5000, "ECE: ssthresh is half of what was under way");
	is_int(tp->snd_cwnd, 5000, "and so is cwnd");
	quiet(5);
	for (int i = 2; i <= 5; i++)
		in("E. 1001:1001(0) ack %d001 win 65535", i);
	quiet(5);
	is_int(tp->snd_cwnd, 5000, "once for each window of data");
	is_int(COUNT(tcps_ecn_rcwnd) - n, 1, "tcps_ecn_rcwnd");
	in("E. 1001:1001(0) ack 6001 win 65535");
	out("W. 10001:11001(1000) tos 2");
	ok(true, "CWR on the first new data");
	in(". 1001:1001(0) ack 7001 win 65535");
	out(". 11001:12001(1000) tos 2");
	ok(true, "and only there");
	is_int(tp->snd_cwnd, 5000, "no growth within the window of the mark");
	in(". 1001:1001(0) ack 10001 win 65535");
	out(". 12001:13001(1000)");
	out(". 13001:14001(1000)");
	out(". 14001:15001(1000)");
	/* a mark in the next window */
	in("E. 1001:1001(0) ack 11001 win 65535");
	testbed_run_ms(tb, 1);
	is_int(tp->snd_cwnd, 2500, "a mark in the next window counts");
	is_int(COUNT(tcps_ecn_rcwnd) - n, 2, "tcps_ecn_rcwnd");
	tt_kill(so, 1001);
}

/* A loss in the window of a mark is repaired, but does not reduce again; and the other way. */
static void
test_mark_and_loss(void)
{
	struct socket *so = passive("SEW", "SE.");
	struct tcpcb *tp = tt_tcpcb(so);

	tt_write(so, 40000);
	for (int i = 0; i < 10; i++)
		out(". %d:%d(1000) tos 2", i * 1000 + 1, i * 1000 + 1001);
	in("E. 1001:1001(0) ack 1001 win 65535");
	for (int i = 0; i < 3; i++)
		in("E. 1001:1001(0) ack 1001 win 65535");
	out(". 1001:2001(1000) tos 0");
	ok(true, "a retransmission is not ECT (6.1.5)");
	is_int(tp->snd_ssthresh, 5000, "one reduction for a mark and a loss");
	peer_forget(p);
	in(". 1001:1001(0) ack 10001 win 65535");
	out("W. 10001:11001(1000) tos 2");
	tt_kill(so, 1001);

	so = passive("SEW", "SE.");
	tp = tt_tcpcb(so);
	tt_write(so, 40000);
	for (int i = 0; i < 10; i++)
		out(". %d:%d(1000) tos 2", i * 1000 + 1, i * 1000 + 1001);
	for (int i = 0; i < 3; i++)
		in(". 1001:1001(0) ack 1 win 65535");
	out(". 10001:11001(1000) tos 2");
	out(". 11001:12001(1000) tos 2");
	out(". 1:1001(1000) tos 0");
	in("E. 1001:1001(0) ack 4001 win 65535");
	testbed_run_ms(tb, 1);
	is_int(tp->snd_ssthresh, 5000, "a mark in recovery does not reduce again");
	tt_kill(so, 1001);
}

/* The time-out's retransmission is not ECT either, and CWR waits for new data. */
static void
test_timeout(void)
{
	struct socket *so = passive("SEW", "SE.");

	tt_write(so, 3000);
	for (int i = 0; i < 3; i++)
		out(". %d:%d(1000) tos 2", i * 1000 + 1, i * 1000 + 1001);
	out_after(1000, 20, ". 1:1001(1000) tos 0");
	in("E. 1001:1001(0) ack 3001 win 65535");
	tt_write(so, 1000);
	out("W. 3001:4001(1000) tos 2");
	is_int(tt_tcpcb(so)->snd_ssthresh, 2000, "a mark from before the time-out reduces no more");
	tt_kill(so, 1001);
}

/* ECE that acknowledges nothing sent, or without ECN, is ignored. */
static void
test_stray_ece(void)
{
	struct socket *so = passive("SEW", "SE.");
	uint32_t cwnd = tt_tcpcb(so)->snd_cwnd;

	in("E. 1001:1001(0) ack 1 win 65535");
	in("E. 1001:1001(0) ack 90000 win 65535");
	testbed_run_ms(tb, 5);
	is_int(tt_tcpcb(so)->snd_cwnd, cwnd, "ECE with nothing under way");
	tt_kill(so, 1001);
	so = passive("S", "S.");
	tt_write(so, 3000);
	testbed_run_ms(tb, 5);
	peer_forget(p);
	in("E. 1001:1001(0) ack 1001 win 65535");
	testbed_run_ms(tb, 5);
	ok(tt_tcpcb(so)->snd_cwnd >= cwnd, "ECE on a connection without ECN");
	tt_kill(so, 1001);
}

/* ---- 6.1.3: the receiver ---- */

static void
test_echo(void)
{
	struct socket *so = passive("SEW", "SE.");
	uint64_t ce = COUNT(tcps_ecn_rcvce), ect = COUNT(tcps_ecn_rcvect0);

	in(". 1001:2001(1000) ack 1 win 65535 tos 2");
	in(". 2001:3001(1000) ack 1 win 65535 tos 3");
	out("E. 1:1(0) ack 3001 tos 0");
	ok(true, "ACKs are not ECT (6.1.4)");
	in(". 3001:4001(1000) ack 1 win 65535 tos 2");
	in(". 4001:5001(1000) ack 1 win 65535 tos 2");
	out("E. 1:1(0) ack 5001 tos 0");
	ok(true, "ECE goes on until CWR");
	tt_write(so, 100);
	out("E. 1:101(100) ack 5001 tos 2");
	in("W. 5001:6001(1000) ack 101 win 65535 tos 2");
	out(". 101:101(0) ack 6001");
	ok(true, "CWR ends it");
	in("W. 6001:7001(1000) ack 101 win 65535 tos 3");
	out("E. 101:101(0) ack 7001");
	ok(true, "CWR and CE in one segment: a new report");
	is_int(COUNT(tcps_ecn_rcvce) - ce, 2, "tcps_ecn_rcvce");
	is_int(COUNT(tcps_ecn_rcvect0) - ect, 4, "tcps_ecn_rcvect0");
	tt_kill(so, 7001);
}

/* 6.1.5: what lies outside the window says nothing; without ECN nothing does. */
static void
test_not_echoed(void)
{
	struct socket *so = passive("SEW", "SE.");

	in(". 1001:2001(1000) ack 1 win 65535 tos 2");
	testbed_run_ms(tb, 100);
	peer_forget(p);
	in(". 1001:2001(1000) ack 1 win 65535 tos 3");
	out(". 1:1(0) ack 2001");
	ok(true, "an old segment's mark");
	in(". 900001:901001(1000) ack 1 win 65535 tos 3");
	out(". 1:1(0) ack 2001");
	ok(true, "one beyond the window");
	in(". 2001:2001(0) ack 1 win 65535 tos 3");
	in(". 2001:3001(1000) ack 1 win 65535 tos 2");
	in(". 3001:4001(1000) ack 1 win 65535 tos 2");
	out(". 1:1(0) ack 4001");
	ok(true, "a mark on an ACK");
	tt_kill(so, 4001);
	so = passive("S", "S.");
	in(". 1001:2001(1000) ack 1 win 65535 tos 3");
	in(". 2001:3001(1000) ack 1 win 65535 tos 3");
	out(". 1:1(0) ack 3001");
	ok(true, "marks without ECN");
	tt_kill(so, 3001);
}

/* 6.1.6, and the program's IP_TOS. */
static void
test_not_ect(void)
{
	struct socket *so = passive("SEW", "SE.");

	tt_setopt(so, IPPROTO_IP, 3 /* IP_TOS */, 0x2b);
	tt_write(so, 100);
	out(". 1:101(100) tos %d", 0x2a);
	ok(true, "IP_TOS keeps its upper six bits");
	in(". 1001:1001(0) ack 101 win 0");
	tt_write(so, 100);
	out_after(5000, 100, ". 101:102(1) tos %d", 0x28);
	ok(true, "a window probe is not ECT");
	in(". 1001:1001(0) ack 101 win 65535");
	testbed_run_ms(tb, 10);
	peer_forget(p);
	in(". 1001:1001(0) ack 201 win 65535");
	tt_close(so);
	out("F. 201:201(0) tos %d", 0x28);
	ok(true, "nor is a FIN");
	in("R 1001:1001(0)");
	testbed_run_ms(tb, 5);
	peer_forget(p);
}

static void
test_info(void)
{
	struct socket *so = passive("SEW", "SE.");
	struct tcp_info ti;
	struct tcpcb *tp = tt_tcpcb(so);

	tp->snd_cwnd = 12345;
	tp->snd_ssthresh = 54321;
	in(". 1001:2001(1000) ack 1 win 65535 tos 3");
	testbed_run_ms(tb, 1);
	TB_ENTER(h);
	tcp_fill_info(tp, &ti);
	TB_LEAVE();
	is_int(ti.tcpi_options & TCPI_OPT_ECN, TCPI_OPT_ECN, "TCP_INFO: ECN");
	is_int(ti.tcpi_received_ce, 1, "marks received");
	is_int(ti.tcpi_snd_cwnd, 12345, "cwnd");
	is_int(ti.tcpi_snd_ssthresh, 54321, "ssthresh");
	tt_kill(so, 2001);
}

/* Both ends are ours: they agree, and all data goes marked and comes marked. */
static void
test_both(void)
{
	uint64_t shs = COUNT(tcps_ecn_shs), snd = COUNT(tcps_ecn_sndect0);
	uint64_t rcv = COUNT(tcps_ecn_rcvect0);
	struct socket *a, *b;
	int got = 0, n;

	ecn_sysctl(1, 1);
	TB_ENTER(h);
	if (tb_socket(SOCK_STREAM, &a) != 0 || tb_connect_start(a, "10.0.0.1", LPORT) != 0)
		tap_bail("connect");
	TB_LEAVE();
	testbed_run_ms(tb, 10);
	b = tt_accept(ls);
	ok(b != NULL && uses_ecn(a) && uses_ecn(b), "both ends agree");
	is_int(COUNT(tcps_ecn_shs) - shs, 2, "tcps_ecn_shs");
	tt_write(a, 20000);
	for (int i = 0; i < 100 && got < 20000; i++)
		got += (n = tt_read(b, 20000)) > 0 ? n : 0;
	is_int(got, 20000, "data goes through");
	snd = COUNT(tcps_ecn_sndect0) - snd;
	ok(snd > 0, "marked ECT(0): %d", (int)snd);
	is_int(COUNT(tcps_ecn_rcvect0) - rcv, snd, "as much came as was sent");
	tt_close(a);
	tt_close(b);
	testbed_run_ms(tb, 100);
	ecn_sysctl(2, 1);
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	test_passive();
	test_passive_retry();
	test_active();
	test_simultaneous();
	test_reduction();
	test_mark_and_loss();
	test_timeout();
	test_stray_ece();
	test_echo();
	test_not_echoed();
	test_not_ect();
	test_info();
	test_both();
	tt_close(ls);
	return (tt_done());
}
