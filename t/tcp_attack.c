/*
 * tcp_attack.c - what a stranger may send: RFC 5961 (blind resets, SYNs and data), RFC 6528
 * (sequence numbers), RFC 5927 (ICMP), RFC 7323 5 and RFC 6191 (timestamps), tcp(4)'s drop_synfin,
 * blackhole, insecure_*.
 */
#include <sys/param.h>
#include <netinet/tcp_seq.h>

#include "t/lib/tcptest.h"

static struct socket *ls;
static const char *const MSS = "<mss 1460>";

/* RFC 5961 3.2: outside of the window nothing, inside a challenge, at rcv_nxt the end. */
static void
test_rst(void)
{
	struct socket *so = tt_passive(ls, MSS);
	uint64_t bad = tt_count(tcps_badrst);
	const u_int wnd = tt_tcpcb(so)->rcv_adv - tt_tcpcb(so)->rcv_nxt;

	in("R 1000:1000(0)");
	in("R %u:%u(0)", 1001 + wnd, 1001 + wnd);
	quiet(10);
	is_int(tt_state(so), TCPS_ESTABLISHED, "just outside, on both sides");
	in("R %u:%u(0)", 1000 + wnd, 1000 + wnd);
	out(". 1:1(0) ack 1001");
	in("R. 1002:1002(0) ack 1");
	out(". 1:1(0) ack 1001");
	is_int(tt_state(so), TCPS_ESTABLISHED, "inside: a challenge");
	is_int(tt_count(tcps_badrst) - bad, 4, "all counted");
	in("R 1001:1001(0)");
	is_int(tt_error(so), ECONNRESET, "the peer's answer to it is believed");
	tt_close(so);
	tt_set("net.inet.tcp.insecure_rst", 1);
	so = tt_passive(ls, MSS);
	in("R 1000:1000(0)");
	quiet(5);
	is_int(tt_state(so), TCPS_ESTABLISHED, "insecure_rst: outside still nothing");
	in("R 2000:2000(0)");
	quiet(5);
	is_int(tt_error(so), ECONNRESET, "insecure_rst: any reset inside");
	tt_close(so);
	tt_set("net.inet.tcp.insecure_rst", 0);
}

/* RFC 5961 4.2: whatever its number. */
static void
test_syn(void)
{
	struct socket *so = tt_passive(ls, MSS);
	uint64_t bad = tt_count(tcps_badsyn);

	in("S 1001:1001(0) win 65535 %s", MSS);
	out(". 1:1(0) ack 1001");
	in("S 5000000:5000000(0) win 65535 %s", MSS);
	out(". 1:1(0) ack 1001");
	in("S. 1001:1001(0) ack 1 win 65535 %s", MSS);
	out(". 1:1(0) ack 1001");
	is_int(tt_count(tcps_badsyn) - bad, 3, "counted");
	is_int(tt_state(so), TCPS_ESTABLISHED, "the connection stays");
	tt_set("net.inet.tcp.insecure_syn", 1);
	in("S 1000:1000(0) win 65535 %s", MSS);
	out(". 1:1(0) ack 1001");
	in("S 1001:1001(0) win 65535 %s", MSS);
	out("R. 1:1(0) ack 1001");
	is_int(tt_error(so), ECONNRESET, "insecure_syn: RFC 793's way");
	tt_set("net.inet.tcp.insecure_syn", 0);
	tt_close(so);
}

/* RFC 5961 5.2: SND.UNA - MAX.SND.WND <= SEG.ACK <= SND.NXT, or the data does not count. */
static void
test_ack(void)
{
	struct socket *so = tt_passive(ls, MSS);
	uint64_t much = tt_count(tcps_rcvacktoomuch);

	in(". 1001:1011(10) ack 2 win 65535");
	out(". 1:1(0) ack 1001");
	is_int(tt_read(so, 100), -EWOULDBLOCK, "acknowledges what was never sent: no data");
	is_int(tt_count(tcps_rcvacktoomuch) - much, 1, "counted");
	/* snd_una is 1, the largest window was 65535 */
	in(". 1001:1011(10) ack %u win 65535", 1u - 65536u);
	out(". 1:1(0) ack 1001");
	is_int(tt_read(so, 100), -EWOULDBLOCK, "older than any window: no data");
	in(". 1001:1011(10) ack %u win 65535", 1u - 65535u);
	is_int(tt_read(so, 100), 10, "just not older: data");
	tt_set("net.inet.tcp.insecure_ack", 1);
	in(". 1011:1021(10) ack %u win 65535", 1u - 65536u);
	is_int(tt_read(so, 100), 10, "insecure_ack: RFC 793's way");
	tt_set("net.inet.tcp.insecure_ack", 0);
	peer_forget(p);
	tt_kill(so, 1021);
}

/* RFC 5961 7: each connection has its own allowance, so none tells about another. */
static void
test_limit(void)
{
	struct socket *so = tt_passive(ls, MSS), *other;
	uint64_t sent = tt_count(tcps_challenge), held = tt_count(tcps_challengelimit);

	for (int i = 0; i < 20; i++)
		in("S 1001:1001(0) win 65535");
	testbed_run_ms(tb, 5);
	is_int(tt_count(tcps_challenge) - sent, 5, "five challenges");
	is_int(tt_count(tcps_challengelimit) - held, 15, "the others are held back");
	peer_forget(p);
	testbed_run_ms(tb, 1000);
	in("S 1001:1001(0) win 65535");
	out(". 1:1(0) ack 1001");
	tt_set("net.inet.tcp.ack_war_timewindow", 100);
	tt_set("net.inet.tcp.ack_war_cnt", 2);
	testbed_run_ms(tb, 1000);
	for (int i = 0; i < 3; i++)
		in("S 1001:1001(0) win 65535");
	out(". 1:1(0) ack 1001");
	out(". 1:1(0) ack 1001");
	quiet(101);
	in("S 1001:1001(0) win 65535");
	out(". 1:1(0) ack 1001");
	ok(true, "ack_war_cnt in ack_war_timewindow");
	other = tt_passive(ls, MSS);
	in("S 1001:1001(0) win 65535");
	out(". 1:1(0) ack 1001");
	tt_kill(other, 1001);
	tt_pport--;
	tt_set("net.inet.tcp.ack_war_cnt", 0);
	for (int i = 0; i < 30; i++)
		in("S 1001:1001(0) win 65535");
	sent = tt_count(tcps_challenge);
	testbed_run_ms(tb, 5);
	is_int(tt_count(tcps_challenge) - sent, 30, "0: no limit");
	tt_set("net.inet.tcp.ack_war_cnt", 5);
	tt_set("net.inet.tcp.ack_war_timewindow", 1000);
	peer_forget(p);
	tt_kill(so, 1001);
	tt_pport++;
}

/* RFC 6528 3: a clock of 4 us plus a secret of the connection. */
static void
test_isn(void)
{
	struct in_conninfo inc = {0};
	tcp_seq a, b, c;
	int near = 0;

	inc.inc_faddr.s_addr = htonl(0x0a000002);
	inc.inc_laddr.s_addr = htonl(0x0a000001);
	inc.inc_fport = htons(1000);
	inc.inc_lport = htons(80);
	TB_ENTER(h);
	a = tcp_new_isn(&inc);
	TB_LEAVE();
	testbed_run_ms(tb, 1000);
	TB_ENTER(h);
	b = tcp_new_isn(&inc);
	for (int i = 0; i < 64; i++) {
		inc.inc_fport = htons((uint16_t)(1001 + i));
		c = tcp_new_isn(&inc);
		near += c - b < 0x1000000 || b - c < 0x1000000;
	}
	TB_LEAVE();
	is_int(b - a, 250000, "a connection's numbers go with the clock");
	ok(near < 8, "its neighbours' say nothing about them (%d of 64 near)", near);
}

static void
test_synfin(void)
{
	uint64_t dropped = tt_count(tcps_dropsynfin);

	tt_lport = LPORT;
	tt_pport++;
	in("SF 1000:1000(0) win 65535 %s", MSS);
	out("S. 0:0(0) ack 1001");
	in("R 1001:1001(0)");
	tt_set("net.inet.tcp.drop_synfin", 1);
	tt_pport++;
	in("SF 1000:1000(0) win 65535 %s", MSS);
	quiet(100);
	is_int(tt_count(tcps_dropsynfin) - dropped, 1, "drop_synfin");
	tt_set("net.inet.tcp.drop_synfin", 0);
}

static void
test_blackhole(void)
{
	static const struct {
		bool syn, ack, open;
	} answers[] = {
	    {true, true, true}, {false, true, true}, {false, false, true}, {false, false, false}};

	for (int level = 0; level < 4; level++) {
		tt_set("net.inet.tcp.blackhole", level);
		tt_lport = 81;
		tt_pport++;
		in("S 7:7(0) win 1000");
		ok((peer_next(p, 20) != NULL) == answers[level].syn, "%d: SYN to a closed port",
		    level);
		in(". 7:7(0) ack 9 win 1000");
		ok((peer_next(p, 20) != NULL) == answers[level].ack, "%d: ACK to a closed port",
		    level);
		tt_lport = LPORT;
		in(". 7:7(0) ack 9 win 1000");
		ok((peer_next(p, 20) != NULL) == answers[level].open, "%d: ACK to a listener",
		    level);
	}
	tt_set("net.inet.tcp.blackhole", 0);
}

/* RFC 5927 4: an error about bytes that are not under way is not ours. */
static void
test_icmp(void)
{
	struct socket *so = tt_active(NULL);
	uint64_t bad;

	out("S 0:0(0)");
	tt_set("net.inet.tcp.icmp_may_rst", 0);
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/3 quote last");
	is_int(tt_state(so), TCPS_SYN_SENT, "icmp_may_rst 0: port unreachable is not believed");
	tt_set("net.inet.tcp.icmp_may_rst", 1);
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/0 quote last");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 11/0 quote last");
	is_int(tt_state(so), TCPS_SYN_SENT, "soft errors are only remembered");
	testbed_run_ms(tb, 80000);
	is_int(tt_error(so), EHOSTUNREACH, "and told when it has timed out");
	tt_close(so);
	peer_forget(p);

	so = tt_passive(ls, MSS);
	tt_write(so, 1000);
	out(". 1:1001(1000) ack 1001");
	for (int code = 0; code < 16; code++) {
		if (code != 4)
			inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/%d quote last", code);
	}
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 4/0 quote last");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 12/0 quote last");
	is_int(tt_state(so), TCPS_ESTABLISHED, "no error ends a connection (RFC 1122 4.2.3.9)");
	is_int(tt_tcpcb(so)->snd_cwnd, 14600, "source quench is ignored (RFC 6633)");
	in(". 1001:1001(0) ack 1001 win 65535");
	testbed_run_ms(tb, 1);
	bad = tt_count(tcps_icmp_badseq);
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/4 mtu 600 quote last");
	testbed_run_ms(tb, 1);
	is_int(tt_count(tcps_icmp_badseq) - bad, 1, "about what is acknowledged: a fake");
	is_int(tt_tcpcb(so)->t_maxseg, 1460, "which changes nothing");
	tt_kill(so, 1001);
}

/* RFC 7323 5: one older timestamp is an old segment, unless 24 days have passed. */
static void
test_paws(void)
{
	struct socket *so;
	uint64_t dropped = tt_count(tcps_pawsdrop);

	tt_set("net.inet.tcp.always_keepalive", 0);
	so = tt_passive(ls, "<mss 1460,sackOK,ts 1 0>");
	in("P. 1001:1002(1) ack 1 win 65535 <nop,nop,ts 5 last>");
	is_int(tt_read(so, 10), 1, "a byte");
	peer_forget(p);
	in("P. 1002:1003(1) ack 1 win 65535 <nop,nop,ts 4 last>");
	out(". 1:1(0) ack 1002");
	in(". 1002:1002(0) ack 1 win 65535 <nop,nop,ts 4 last>");
	quiet(50);
	is_int(tt_count(tcps_pawsdrop) - dropped, 2, "dropped; answered only if it had something");
	in("P. 1002:1003(1) ack 1 win 65535 <nop,nop,ts 5 last>");
	is_int(tt_read(so, 10), 1, "the same timestamp is as good");
	/* half the space later by their clock */
	in("P. 1003:1004(1) ack 1 win 65535 <nop,nop,ts 2147483652 last>");
	is_int(tt_read(so, 10), 1, "2^31 - 1 later is later");
	peer_forget(p);
	in("P. 1004:1005(1) ack 1 win 65535 <nop,nop,ts 7 last>");
	is_int(tt_read(so, 10), 1, "and wraps");
	peer_forget(p);
	/* a timestamp in a segment beyond the window's left edge is not taken (4.3) */
	in("P. 1010:1011(1) ack 1 win 65535 <nop,nop,ts 100 last>");
	out(". 1:1(0) ack 1005 <nop,nop,ts * 7,...>");
	in("P. 1005:1006(1) ack 1 win 65535 <nop,nop,ts 8 last>");
	is_int(tt_read(so, 10), 1, "so what fills the gap is not too old");
	peer_forget(p);
	testbed_run_ms(tb, (uint64_t)24 * 24 * 3600 * 1000 + 1000);
	in("P. 1006:1007(1) ack 1 win 65535 <nop,nop,ts 3 last>");
	is_int(tt_read(so, 10), 1, "after 24 days nothing is known of their clock");
	peer_forget(p);
	tt_kill(so, 1007);
	tt_set("net.inet.tcp.always_keepalive", 1);
}

static void
timewait(const char *opts, const char *ts)
{
	struct socket *so = tt_passive(ls, opts);

	tt_close(so);
	out("F. 1:1(0) ack 1001");
	in("F. 1001:1001(0) ack 2 win 65535 %s", ts);
	out(". 2:2(0) ack 1002");
}

/* RFC 6191 2, and RFC 9293 3.6.1 where there are no timestamps. */
static void
test_timewait(void)
{
	timewait("<mss 1460,ts 1 0>", "<nop,nop,ts 50 last>");
	in("S 900:900(0) win 65535 <mss 1460,ts 49 0>");
	out(". 2:2(0) ack 1002");
	in("S 900:900(0) win 65535 <mss 1460,ts 50 0>");
	out(". 2:2(0) ack 1002");
	in("R 1002:1002(0)");
	quiet(20);
	in("S 900:900(0) win 65535 <mss 1460,ts 51 0>");
	ok(strstr(peer_next(p, 20), " S. ") != NULL,
	    "a newer timestamp opens, whatever the number");
	in("R 901:901(0)");
	testbed_run_ms(tb, 1);
	timewait("<mss 1460,ts 1 0>", "<nop,nop,ts 50 last>");
	in("S 70000:70000(0) win 65535 <mss 1460,ts 49 0>");
	out(". 2:2(0) ack 1002");
	ok(true, "an older one does not, whatever the number");
	in("S 70000:70000(0) win 65535 <mss 1460>");
	ok(strstr(peer_next(p, 20), " S. ") != NULL, "a greater number without timestamp");
	in("R 70001:70001(0)");
	timewait("<mss 1460>", "");
	in("S 1001:1001(0) win 65535 <mss 1460>");
	out(". 2:2(0) ack 1002");
	in("R 1002:1002(0)");
	in("S 1002:1002(0) win 65535 <mss 1460>");
	out(". 2:2(0) ack 1002");
	in("S 1003:1003(0) win 65535 <mss 1460>");
	ok(strstr(peer_next(p, 20), " S. ") != NULL, "only a number beyond rcv_nxt opens");
	in("R 1004:1004(0)");
	testbed_run_ms(tb, 100);
	peer_forget(p);
}

/* What never begins: from nowhere, from everywhere, from ourselves. */
static void
test_martians(void)
{
	inject(p, "TCP 10.0.0.2:0 > 10.0.0.1:80 S 1:1(0) win 1000");
	inject(p, "TCP 10.0.0.1:80 > 10.0.0.1:80 S 1:1(0) win 1000");
	inject(p, "TCP 10.0.0.255:700 > 10.0.0.1:80 S 1:1(0) win 1000");
	inject(p, "TCP 255.255.255.255:700 > 10.0.0.1:80 S 1:1(0) win 1000");
	inject(p, "TCP 224.0.0.1:700 > 10.0.0.1:80 S 1:1(0) win 1000");
	inject(p, "TCP 10.0.0.2:700 > 255.255.255.255:80 S 1:1(0) win 1000");
	inject(p, "TCP 127.0.0.1:700 > 10.0.0.1:80 S 1:1(0) win 1000");
	quiet(3000);
	ok(true, "no answer to a SYN from or to such addresses");
}

int
main(void)
{
	tt_init();
	ls = tt_listen(128);
	test_rst();
	test_syn();
	test_ack();
	test_limit();
	test_isn();
	test_synfin();
	test_blackhole();
	test_icmp();
	test_paws();
	test_timewait();
	test_martians();
	tt_close(ls);
	return (tt_done());
}
