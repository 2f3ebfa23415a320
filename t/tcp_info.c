/*
 * tcp_info.c - what TCP_INFO tells: each figure of a connection whose every segment is known; the
 * delivery rate and the times on a line of known rate; and TCP_SYNCNT, TCP_LINGER2,
 * TCP_WINDOW_CLAMP.
 */
#include <sys/param.h>
#include <sys/socketvar.h>

#include "t/lib/tcptest.h"

#define MS 1000000u

static struct socket *ls;
static struct tcp_info_alpine ti;

static void
look(struct socket *so)
{
	struct sockopt sopt = {.sopt_dir = SOPT_GET,
	    .sopt_level = IPPROTO_TCP,
	    .sopt_name = TCP_INFO_ALPINE,
	    .sopt_val = &ti,
	    .sopt_valsize = sizeof(ti)};

	testbed_run_ms(tb, 1);
	TB_ENTER(h);
	if (sogetopt(so, &sopt) != 0)
		tap_bail("TCP_INFO");
	TB_LEAVE();
}

static void
test_counts(void)
{
	struct socket *so = tt_passive(ls, "<mss 1000,sackOK>");

	look(so);
	is_int(ti.bsd.tcpi_state, TCPS_ESTABLISHED, "state");
	is_int(ti.bytes_acked + ti.bytes_received + ti.bytes_sent, 0, "nothing yet");
	is_int((long)ti.bsd.tcpi_rttmin, UINT32_MAX, "no round trip");
	in("P. 1001:1301(300) ack 1 win 65535");
	in("P. 1301:1401(100) ack 1 win 65535");
	look(so);
	is_int(ti.bytes_received, 400, "bytes received");
	is_int(ti.data_segs_in, 2, "in 2 segments");
	is_int(ti.segs_in, 3, "of 3");
	ok(ti.bsd.tcpi_last_data_recv <= 3000, "last %u us ago", ti.bsd.tcpi_last_data_recv);
	peer_forget(p);
	tt_write(so, 5000);
	for (u_int i = 0; i < 5; i++)
		out(". %u:%u(1000)", 1 + i * 1000, 1001 + i * 1000);
	testbed_run_ms(tb, 20);
	look(so);
	is_int(ti.bytes_sent, 5000, "bytes sent");
	is_int(ti.data_segs_out, 5, "in 5 segments");
	is_int(ti.bsd.__tcpi_unacked, 5, "all under way");
	is_int(ti.notsent_bytes, 0, "none left");
	is_int(ti.ca_state, 0, "open");
	in(". 1401:1401(0) ack 1001 win 65535");
	look(so);
	is_int(ti.bytes_acked, 1000, "acknowledged");
	is_int(ti.delivered, 1, "a segment");
	ok(ti.bsd.tcpi_rtt >= 20000 && ti.bsd.tcpi_rtt <= 30000, "round trip %u us",
	    ti.bsd.tcpi_rtt);
	is_int(ti.bsd.tcpi_rttmin, ti.bsd.tcpi_rtt, "the least");
	/* the next is lost, three arrive */
	in(". 1401:1401(0) ack 1001 win 65535 <nop,nop,sack 2001:3001>");
	look(so);
	is_int(ti.ca_state, 1, "disorder");
	is_int(ti.bsd.__tcpi_sacked, 1, "one reported");
	in(". 1401:1401(0) ack 1001 win 65535 <nop,nop,sack 2001:5001>");
	out(". 1001:2001(1000)");
	look(so);
	is_int(ti.ca_state, 3, "recovery");
	is_int(ti.bsd.__tcpi_sacked, 3, "three reported");
	is_int(ti.bsd.__tcpi_retrans, 1, "one sent again");
	is_int(ti.bsd.tcpi_snd_rexmitpack, 1, "in all one");
	is_int(ti.bytes_retrans, 1000, "its bytes");
	is_int(ti.delivered, 4, "four there");
	in(". 1401:1401(0) ack 5001 win 3000 <nop,nop,sack 1001:2001>"); /* D-SACK */
	look(so);
	is_int(ti.dsack_dups, 1, "one came twice");
	is_int(ti.delivered, 5, "five there");
	is_int(ti.bsd.tcpi_snd_wnd, 3000, "the peer's window");
	in(". 1501:1601(100) ack 5001 win 3000");
	look(so);
	is_int(ti.bsd.tcpi_rcv_ooopack, 1, "one came out of order");
	is_int(ti.bytes_received, 400, "and does not count yet");
	is_int(ti.rcv_wnd, 65535, "what we announced");
	peer_forget(p);
	tt_write(so, 8000);
	look(so);
	is_int(ti.notsent_bytes, 8000 - 3 * 988, "the window holds back (12 bytes of SACK)");
	testbed_run_ms(tb, 50);
	look(so);
	ok(ti.rwnd_limited_us >= 50000 && ti.rwnd_limited_us <= ti.busy_us, "for %u us",
	    (u_int)ti.rwnd_limited_us);
	testbed_run_ms(tb, 2000);
	look(so);
	ok(ti.total_rto >= 1, "time-outs: %u", ti.total_rto);
	is_int(ti.ca_state, 4, "loss");
	ok(ti.bsd.__tcpi_backoff >= 1, "backed off");
	peer_forget(p);
	tt_kill(so, 1401);
}

/* ---- a line of 10 Mbit/s and 40 ms ---- */

static uint64_t received;
static int pause_ms;

static void
sink(struct tb_host *host __unused, void *arg __unused)
{
	static uint8_t buf[65536];
	struct socket *l, *so;
	size_t n;

	if (tb_listen(9, 4, &l) != 0 || tb_accept(l, &so) != 0)
		tap_bail("listen");
	while (tb_read(so, buf, sizeof(buf), &n) == 0 && n > 0) {
		received += n;
		if (pause_ms != 0)
			tb_sleep_ms(pause_ms);
	}
	(void)soclose(so);
	(void)soclose(l);
}

static void
source(struct tb_host *host __unused, void *arg)
{
	static uint8_t buf[65536];
	struct sockopt sopt = {.sopt_dir = SOPT_GET,
	    .sopt_level = IPPROTO_TCP,
	    .sopt_name = TCP_INFO_ALPINE,
	    .sopt_val = &ti,
	    .sopt_valsize = sizeof(ti)};
	const int *how = arg;
	struct socket *so;

	if (tb_socket(SOCK_STREAM, &so) != 0 || tb_connect(so, "10.0.0.2", 9) != 0)
		tap_bail("connect");
	if (how[1] != 0)
		(void)tb_setopt(so, SOL_SOCKET, SO_SNDBUF, how[1]);
	for (int i = 0; i < how[0]; i++) {
		if (tb_write(so, buf, how[2] != 0 ? (size_t)how[2] : sizeof(buf)) != 0)
			tap_bail("write");
		if (how[3] != 0)
			tb_sleep_ms(how[3]);
	}
	(void)sogetopt(so, &sopt);
	(void)soclose(so);
}

/* writes, SO_SNDBUF, bytes of each, pause after each */
static void
transfer(const struct wire_params *wire, const int how[4])
{
	struct testbed *bed = testbed_init(3, wire);
	struct tb_host *a = testbed_host(bed, "a", "10.0.0.1/24");
	struct tb_host *b = testbed_host(bed, "b", "10.0.0.2/24");

	tb_spawn(b, sink, NULL);
	testbed_run_ms(bed, 5000);
	tb_spawn(a, source, __DECONST(int *, how));
	ok(testbed_run_programs(bed, 600000), "transferred");
	testbed_done(bed);
}

static void
test_rate(void)
{
	const struct wire_params line = {
	    .rate_bps = 10000000, .delay_ns = 20 * MS, .queue_bytes = 30000};
	const struct wire_params slow = {.delay_ns = 20 * MS};
	u_int percent;

	transfer(&line, (int[4]){100, 0, 0, 0});
	percent = (u_int)(ti.delivery_rate * 8 / 100000);
	ok(percent >= 85 && percent <= 102, "delivery rate: %u%% of the line", percent);
	is_int(ti.app_limited, 0, "which limits it");
	ok(ti.bsd.tcpi_rttmin >= 40000 && ti.bsd.tcpi_rttmin <= 43000, "least round trip %u us",
	    ti.bsd.tcpi_rttmin);
	ok(ti.busy_us > 4000000, "busy %u us", (u_int)ti.busy_us);
	ok(ti.rwnd_limited_us < ti.busy_us / 4 && ti.sndbuf_limited_us < ti.busy_us / 2,
	    "the network is what it waits for: %u, %u us of others", (u_int)ti.rwnd_limited_us,
	    (u_int)ti.sndbuf_limited_us);
	transfer(&slow, (int[4]){100, 20000, 0, 0});
	ok(ti.sndbuf_limited_us > ti.busy_us / 2, "a small send buffer: %u of %u us",
	    (u_int)ti.sndbuf_limited_us, (u_int)ti.busy_us);
	transfer(&slow, (int[4]){100, 0, 1000, 5});
	is_int(ti.app_limited, 1, "a program that writes little: the rate is its");
	pause_ms = 500;
	transfer(&slow, (int[4]){20, 0, 0, 0});
	ok(ti.rwnd_limited_us > ti.busy_us / 4, "a slow reader: %u of %u us",
	    (u_int)ti.rwnd_limited_us, (u_int)ti.busy_us);
	pause_ms = 0;
}

/* ---- options ---- */

static struct socket *
fresh(int name, int value)
{
	struct socket *so;

	TB_ENTER(h);
	tt_lport = 30000 + tt_pport % 10000;
	tt_pport++;
	if (tb_socket(SOCK_STREAM, &so) != 0 || tb_bind(so, NULL, (uint16_t)tt_lport) != 0 ||
	    tb_setopt(so, IPPROTO_TCP, name, value) != 0 ||
	    tb_connect_start(so, "10.0.0.2", (uint16_t)tt_pport) != 0)
		tap_bail("connect");
	TB_LEAVE();
	peer_mark(p);
	return (so);
}

static void
test_options(void)
{
	struct socket *so = fresh(TCP_SYNCNT_ALPINE, 2);

	out("S 0:0(0)");
	out_after(1000, 20, "S 0:0(0)");
	out_after(2000, 20, "S 0:0(0)");
	quiet(3900);
	is_int(tt_error(so), 0, "TCP_SYNCNT 2: still trying");
	testbed_run_ms(tb, 300);
	is_int(tt_error(so), ETIMEDOUT, "after the second SYN again and its time: over");
	tt_close(so);
	so = fresh(TCP_SYNCNT_ALPINE, 8);
	testbed_run_ms(tb, 100000);
	is_int(tt_state(so), TCPS_SYN_SENT, "TCP_SYNCNT 8: keepinit does not count");
	peer_forget(p);
	testbed_run_ms(tb, 500000);
	tt_close(so);
	peer_forget(p);
	/* TCP_LINGER2 */
	for (int i = -1; i < 2; i++) {
		so = tt_passive(ls, "<mss 1460>");
		tt_setopt(so, IPPROTO_TCP, TCP_LINGER2_ALPINE, i == 1 ? 5 : i);
		tt_close(so);
		out("F. 1:1(0) ack 1001");
		in(". 1001:1001(0) ack 2 win 65535");
		testbed_run_ms(tb, i == 1 ? 4900 : 100);
		peer_forget(p);
		in(". 1001:1001(0) ack 2 win 65535");
		if (i < 0)
			out("R 2:2(0)");
		else
			quiet(20);
		ok(true, "TCP_LINGER2 %d: FIN_WAIT_2 is %s", i, i < 0 ? "over" : "there");
		testbed_run_ms(tb, i == 1 ? 200 : i == 0 ? 600000 : 10);
		peer_forget(p);
		in(". 1001:1001(0) ack 2 win 65535");
		out("R 2:2(0)");
		ok(true, "in the end it is over");
	}
	/* TCP_WINDOW_CLAMP */
	so = fresh(TCP_WINDOW_CLAMP_ALPINE, 5000);
	out("S 0:0(0) win 5000");
	in("S. 1000:1000(0) ack 1 win 65535 <mss 1460>");
	out(". 1:1(0) ack 1001 win 5000");
	in("P. 1001:3001(2000) ack 1 win 65535");
	out(". 1:1(0) ack 3001 win 5000");
	ok(true, "TCP_WINDOW_CLAMP: no more is announced, however much room there is");
	tt_kill(so, 3001);
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	test_counts();
	test_options();
	tt_close(ls);
	peer_destroy(p);
	testbed_done(tb);
	test_rate();
	return (tap_done());
}
