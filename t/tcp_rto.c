/*
 * tcp_rto.c - time-outs: of SYN and SYN,ACK (RFC 6298 5.5 to 5.7,
 * net.inet.tcp.rexmit_drop_options), what may be measured (RFC 6298 3), probes of a window that
 * stays shut (RFC 9293 3.8.6.1), and which of two windows counts (RFC 9293 3.10.7.4).
 */
#include "t/lib/tcptest.h"

static struct socket *ls;
static const char *const MSS = "<mss 1000>";

/* The next SYN of an active open, ms after the one before, with or without options. */
static void
next_syn(int ms, bool options)
{
	const char *line = NULL;
	uint64_t then = testbed_now_ms(tb);

	line = peer_next(p, ms + 20);
	ok(line != NULL && strstr(line, " S 0:0(0)") != NULL &&
		(int)(testbed_now_ms(tb) - then) >= ms - 20,
	    "a SYN after %d ms", (int)(testbed_now_ms(tb) - then));
	ok(line != NULL && (strstr(line, "sackOK") != NULL) == options, "%s options",
	    options ? "with" : "without");
}

static void
test_syn(void)
{
	struct socket *so;

	for (int drop = 0; drop < 2; drop++) {
		tt_set("net.inet.tcp.rexmit_drop_options", drop);
		so = tt_active(NULL);
		next_syn(0, true);
		next_syn(1000, true);
		next_syn(2000, true);
		next_syn(4000, drop == 0);
		next_syn(8000, drop == 0);
		/* RFC 6298 5.7: then 3 s, as long as no round trip is known */
		in("S. 1000:1000(0) ack 1 win 65535 %s", MSS);
		out(". 1:1(0) ack 1001");
		is_int(
		    tt_tcpcb(so)->snd_cwnd, drop == 0 ? 1000 : 1000, "one segment (RFC 5681 3.1)");
		tt_write(so, 100);
		out(". 1:101(100)");
		out_after(3000, 20, ". 1:101(100)");
		ok(true, "three seconds after a lost SYN");
		out_after(6000, 20, ". 1:101(100)");
		in(". 1001:1001(0) ack 101 win 65535");
		testbed_run_ms(tb, 1);
		is_int(tt_tcpcb(so)->t_srtt, 0, "Karn: nothing was measured");
		tt_write(so, 100);
		out(". 101:201(100)");
		testbed_run_ms(tb, 80);
		in(". 1001:1001(0) ack 201 win 65535");
		testbed_run_ms(tb, 1);
		ok(tt_tcpcb(so)->t_srtt >= 79000 && tt_tcpcb(so)->t_srtt <= 90000, "now it was");
		tt_write(so, 100);
		out(". 201:301(100)");
		out_after(tt_tcpcb(so)->t_rxtcur, 20, ". 201:301(100)");
		ok(tt_tcpcb(so)->t_rxtshift == 1 && tcp_rexmtval(tt_tcpcb(so)) < 1000,
		    "and the 3 s are forgotten");
		tt_kill(so, 1001);
	}
	tt_set("net.inet.tcp.rexmit_drop_options", 0);
}

/* Timestamps tell which SYN was answered (RFC 7323 4.1), so a round trip is known. */
static void
test_syn_timestamps(void)
{
	struct socket *so = tt_active(NULL);

	next_syn(0, true);
	next_syn(1000, true);
	testbed_run_ms(tb, 60);
	in("S. 1000:1000(0) ack 1 win 65535 <mss 1000,nop,nop,ts 1 last>");
	out(". 1:1(0) ack 1001");
	ok(tt_tcpcb(so)->t_srtt >= 59000 && tt_tcpcb(so)->t_srtt <= 90000, "srtt %u us",
	    tt_tcpcb(so)->t_srtt);
	ok(tt_tcpcb(so)->t_rxtcur < 1000, "RTO %d ms", tt_tcpcb(so)->t_rxtcur);
	tt_kill(so, 1001);
}

static void
test_synack(void)
{
	struct socket *so;

	tt_lport = LPORT;
	tt_pport++;
	in("S 1000:1000(0) win 65535 %s", MSS);
	out("S. 0:0(0) ack 1001");
	out_after(1000, 20, "S. 0:0(0) ack 1001");
	out_after(2000, 20, "S. 0:0(0) ack 1001");
	out_after(4000, 20, "S. 0:0(0) ack 1001");
	in(". 1001:1001(0) ack 1 win 65535");
	so = tt_accept(ls);
	ok(so != NULL, "accepted in the end");
	if (so == NULL)
		return;
	tt_write(so, 100);
	out(". 1:101(100)");
	out_after(3000, 20, ". 1:101(100)");
	ok(true, "three seconds here too");
	tt_kill(so, 1001);
}

/* A peer that answers keeps us probing for ever; one that does not is given up. */
static void
test_zero_window(void)
{
	struct socket *so = tt_passive(ls, MSS);
	const char *line;
	uint64_t then, gap = 0;
	int probes = 0;

	in(". 1001:1001(0) ack 1 win 0");
	tt_write(so, 50);
	then = testbed_now_ms(tb);
	while (testbed_now_ms(tb) - then < 3 * 3600 * 1000) {
		const uint64_t last = testbed_now_ms(tb);

		line = peer_next(p, 70000);
		if (line == NULL)
			break;
		gap = testbed_now_ms(tb) - last;
		if (strstr(line, " 1:2(1)") != NULL)
			probes++;
		in(". 1001:1001(0) ack 1 win 0");
	}
	is_int(tt_state(so), TCPS_ESTABLISHED, "three hours, %d probes", probes);
	ok(probes > 3 * 3600 / 61 && probes <= 3 * 3600 / 5, "%d probes", probes);
	ok(gap > 4000 && gap <= 60100, "the last after %d ms", (int)gap);
	in(". 1001:1001(0) ack 1 win 1000");
	out(". 1:51(50)");
	ok(true, "and then it opens");
	in(". 1001:1001(0) ack 51 win 0");
	tt_write(so, 50);
	tt_set("net.inet.tcp.always_keepalive", 0);
	testbed_run_ms(tb, 7000 * 1000);
	peer_forget(p);
	is_int(tt_error(so), 0, "a silent peer has maxpersistidle");
	testbed_run_ms(tb, 400 * 1000);
	is_int(tt_error(so), ETIMEDOUT, "and no more");
	tt_set("net.inet.tcp.always_keepalive", 1);
	tt_close(so);
	peer_forget(p);
}

/* SND.WL1 and SND.WL2. */
static void
test_window_update(void)
{
	struct socket *so = tt_passive(ls, MSS);
	const struct tcpcb *tp = tt_tcpcb(so);

	tt_write(so, 3000);
	testbed_run_ms(tb, 1);
	peer_forget(p);
	in(". 1001:1001(0) ack 1001 win 20000");
	testbed_run_ms(tb, 1);
	is_int(tp->snd_wnd, 20000, "newer by its acknowledgment");
	in(". 1001:1001(0) ack 1001 win 10000");
	testbed_run_ms(tb, 1);
	is_int(tp->snd_wnd, 10000, "the same numbers and less: the sender shrank it");
	in(". 1001:1001(0) ack 1 win 30000");
	testbed_run_ms(tb, 1);
	is_int(tp->snd_wnd, 10000, "an older acknowledgment");
	in(". 1001:1002(1) ack 1001 win 11000");
	in(". 1002:1003(1) ack 1001 win 12000");
	testbed_run_ms(tb, 1);
	is_int(tp->snd_wnd, 12000, "newer by its sequence");
	in(". 1001:1002(1) ack 1001 win 50000");
	testbed_run_ms(tb, 1);
	is_int(tp->snd_wnd, 12000, "an older segment");
	in(". 1003:1004(1) ack 1001 win 0");
	testbed_run_ms(tb, 1);
	is_int(tp->snd_wnd, 0, "shut on what is under way");
	testbed_run_ms(tb, 60);
	peer_forget(p);
	out_after(5000, 50, ". 1001:1002(1)");
	in(". 1004:1004(0) ack 1001 win 5000");
	out(". 1001:2001(1000)");
	ok(true, "and open again");
	peer_forget(p);
	tt_kill(so, 1004);
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	test_syn();
	test_syn_timestamps();
	test_synack();
	test_zero_window();
	test_window_update();
	tt_close(ls);
	return (tt_done());
}
