/*
 * tcp_rfc9293.c - RFC 9293 3.10 as a table: each event in each state; the calls of its user
 * interface with their errors; the traces of its figures; and the requirements of its appendix B
 * that no other test covers. CONFORMANCE.md in bsdnet/netinet says which.
 */
#include <sys/param.h>
#include <sys/mbuf.h>
#include <sys/proc.h>
#include <sys/socketvar.h>
#include <netinet/ip.h>
#include <netinet/tcp_seq.h>

#include "t/lib/tcptest.h"

static struct socket *ls;
static const char *const MSS = "<mss 1460>";
static u_int seq; /* the peer's next */
static u_int ack; /* what it has of ours */

static const int states[] = {TCPS_SYN_RECEIVED, TCPS_ESTABLISHED, TCPS_CLOSE_WAIT, TCPS_FIN_WAIT_1,
    TCPS_CLOSING, TCPS_LAST_ACK, TCPS_FIN_WAIT_2, TCPS_TIME_WAIT};

static void
their_fin(void)
{
	in("F. %u:%u(0) ack %u win 65535", seq, seq, ack);
	seq++;
	testbed_run_ms(tb, 1);
}

/* An active open, taken to a state by an ordinary peer. Nothing is left to look at. */
static struct socket *
reach(int state)
{
	struct socket *so = tt_active(state == TCPS_SYN_RECEIVED ? NULL : MSS);
	const bool fin = state == TCPS_FIN_WAIT_1 || state == TCPS_CLOSING ||
			 state == TCPS_FIN_WAIT_2 || state == TCPS_TIME_WAIT;

	seq = 1001;
	ack = 1;
	if (state == TCPS_SYN_RECEIVED) {
		out("S 0:0(0)");
		in("S 1000:1000(0) win 65535 %s", MSS);
		ack = 0;
	}
	if (state == TCPS_CLOSE_WAIT || state == TCPS_LAST_ACK)
		their_fin();
	if (fin || state == TCPS_LAST_ACK)
		tt_shutdown(so, SHUT_WR);
	testbed_run_ms(tb, 1);
	if (state == TCPS_CLOSING)
		their_fin();
	if (state == TCPS_FIN_WAIT_2 || state == TCPS_TIME_WAIT) {
		ack = 2;
		in(". %u:%u(0) ack 2 win 65535", seq, seq);
	}
	if (state == TCPS_TIME_WAIT)
		their_fin();
	is_int(tt_state(so), state, "reached %s", tcpstates[state]);
	testbed_run_ms(tb, 250); /* challenges have a limit in time */
	peer_forget(p);
	return (so);
}

/* Where we are, as an empty segment of ours. */
static bool
says_where(const struct socket *so)
{
	const struct tcpcb *tp = sototcpcb(so);
	const uint32_t nxt = tp->snd_max - tp->iss;

	return (out(". %u:%u(0) ack %u", nxt, nxt, seq));
}

/* Ends what reach() began. */
static void
finish(struct socket *so)
{
	tt_kill(so, seq);
	testbed_run_ms(tb, 61000);
	peer_forget(p);
}

/* ---- 3.10.7.4, first and second: sequence numbers, RST ---- */

static int
reset_error(int state)
{
	switch (state) {
	case TCPS_SYN_RECEIVED:
		return (ECONNREFUSED);
	case TCPS_CLOSING:
	case TCPS_LAST_ACK:
	case TCPS_TIME_WAIT:
		return (0);
	default:
		return (ECONNRESET);
	}
}

static void
test_reset(int state)
{
	struct socket *so = reach(state);

	in("R %u:%u(0)", seq + 70000, seq + 70000);
	testbed_run_ms(tb, 1);
	is_int(tt_state(so), state, "a reset outside of the window is nothing");
	in("R %u:%u(5)", seq, seq + 5);
	testbed_run_ms(tb, 1);
	is_int(tt_state(so), state == TCPS_TIME_WAIT ? TCPS_TIME_WAIT : TCPS_CLOSED,
	    "one that hits, with data in it (SHLD-2), ends it; RFC 1337 in TIME_WAIT");
	is_int(tt_error(so), reset_error(state), "and the program learns why");
	finish(so);
}

static void
test_outside(int state)
{
	struct socket *so = reach(state);

	if (state != TCPS_SYN_RECEIVED && state != TCPS_TIME_WAIT) {
		in(". %u:%u(100) ack %u win 65535", seq + 700000, seq + 700100, ack);
		says_where(so);
		in(". %u:%u(100) ack %u win 65535", seq - 100, seq, ack);
		says_where(so);
		is_int(tt_state(so), state, "segments outside of the window are answered");
	}
	finish(so);
}

/* ---- fourth: SYN (RFC 5961); fifth: ACK ---- */

static void
test_syn(int state)
{
	struct socket *so = reach(state);

	if (state == TCPS_TIME_WAIT)
		in("S %u:%u(0) win 65535", seq - 10, seq - 10); /* an old one */
	else
		in("S %u:%u(0) win 65535", seq + 10, seq + 10);
	says_where(so);
	is_int(tt_state(so), state, "a SYN is challenged");
	in("- %u:%u(10) win 65535", seq, seq + 10);
	testbed_run_ms(tb, 1);
	is_int(tt_state(so), state, "a segment without ACK is dropped");
	is_int(tt_tcpcb(so)->rcv_nxt - tt_tcpcb(so)->irs, seq - 1000, "with its data");
	finish(so);
}

static void
test_bad_ack(int state)
{
	struct socket *so = reach(state);

	in(". %u:%u(0) ack 1000 win 65535", seq, seq);
	if (state == TCPS_SYN_RECEIVED)
		out("R 1000:1000(0)");
	else
		says_where(so);
	is_int(tt_state(so), state, "an ACK of what was not sent changes nothing");
	finish(so);
}

/* ---- eighth: FIN; and CLOSE, 3.10.4 ---- */

static const struct {
	int before, after_fin, after_close;
} moves[] = {
    {TCPS_ESTABLISHED, TCPS_CLOSE_WAIT, TCPS_FIN_WAIT_1},
    {TCPS_CLOSE_WAIT, TCPS_CLOSE_WAIT, TCPS_LAST_ACK},
    {TCPS_FIN_WAIT_1, TCPS_CLOSING, TCPS_FIN_WAIT_1},
    {TCPS_CLOSING, TCPS_CLOSING, TCPS_CLOSING},
    {TCPS_LAST_ACK, TCPS_LAST_ACK, TCPS_LAST_ACK},
    {TCPS_FIN_WAIT_2, TCPS_TIME_WAIT, TCPS_FIN_WAIT_2},
    {TCPS_TIME_WAIT, TCPS_TIME_WAIT, TCPS_TIME_WAIT},
};

static void
test_moves(void)
{
	struct socket *so;

	for (size_t i = 0; i < nitems(moves); i++) {
		so = reach(moves[i].before);
		if (TCPS_HAVERCVDFIN(moves[i].before) || moves[i].before == TCPS_CLOSE_WAIT ||
		    moves[i].before == TCPS_TIME_WAIT)
			seq--; /* the same again */
		their_fin();
		is_int(tt_state(so), moves[i].after_fin, "their FIN in %s",
		    tcpstates[moves[i].before]);
		finish(so);
		so = reach(moves[i].before);
		tt_shutdown(so, SHUT_WR);
		is_int(
		    tt_state(so), moves[i].after_close, "CLOSE in %s", tcpstates[moves[i].before]);
		finish(so);
	}
	so = reach(TCPS_SYN_RECEIVED);
	tt_shutdown(so, SHUT_WR);
	is_int(tt_state(so), TCPS_SYN_RECEIVED, "CLOSE in SYN_RCVD waits");
	in("S. 1000:1000(0) ack 1 win 65535 %s", MSS);
	out("F. 1:1(0) ack 1001");
	is_int(tt_state(so), TCPS_FIN_WAIT_1, "for ESTABLISHED, and goes on");
	finish(so);
	so = tt_active(NULL);
	out("S 0:0(0)");
	tt_close(so);
	in("S. 1000:1000(0) ack 1 win 65535 %s", MSS);
	out("R 1:1(0)");
	ok(true, "CLOSE in SYN_SENT forgets it");
}

/* ---- data on SYN and FIN ---- */

static void
test_data_on_syn_fin(void)
{
	struct socket *so;

	so = tt_active(NULL);
	out("S 0:0(0)");
	in("S. 1000:1010(10) ack 1 win 65535 %s", MSS);
	out(". 1:1(0) ack 1011");
	is_int(tt_read(so, 100), 10, "data on the SYN,ACK is taken");
	in("F. 1011:1021(10) ack 1 win 65535");
	out(". 1:1(0) ack 1022");
	is_int(tt_read(so, 100), 10, "data on the FIN too");
	is_int(tt_read(so, 100), 0, "before the end");
	seq = 1022;
	finish(so);
	/* to a listener: not acknowledged before the handshake, sent again after it */
	tt_lport = LPORT;
	tt_pport++;
	in("S 1000:1010(10) win 65535 %s", MSS);
	out("S. 0:0(0) ack 1001");
	in(". 1001:1011(10) ack 1 win 65535");
	so = tt_accept(ls);
	ok(so != NULL && tt_read(so, 100) == 10, "data on a SYN comes once");
	tt_write(so, 100);
	tt_shutdown(so, SHUT_WR);
	out(". 1:101(100)");
	out("F. 101:101(0)");
	seq = 1011;
	finish(so);
}

/* ---- the figures ---- */

/* Figure 9: an old duplicate SYN comes to a listener; the peer resets our answer. */
static void
test_old_syn(void)
{
	struct socket *so;

	tt_lport = LPORT;
	tt_pport++;
	in("S 90:90(0) win 65535 %s", MSS);
	out("S. 0:0(0) ack 91");
	in("R 91:91(0)");
	in("S 1000:1000(0) win 65535 %s", MSS);
	ok(peer_next(p, 5) != NULL, "the new SYN is answered");
	testbed_run_ms(tb, 1);
	peer_forget(p);
	in("R 1001:1001(0)");
	testbed_run_ms(tb, 5000);
	so = tt_accept(ls);
	ok(so == NULL, "no connection came of it");
	peer_forget(p);
}

/* Figure 10: we do not know that the peer crashed; it begins anew. */
static void
test_half_open(void)
{
	struct socket *so = reach(TCPS_ESTABLISHED);

	in("S 400:400(0) win 65535 %s", MSS);
	out(". 1:1(0) ack 1001");
	in("R 1001:1001(0)");
	is_int(tt_error(so), ECONNRESET, "its reset of our challenge ends the old one");
	finish(so);
	/* figure 11: we find out by sending */
	so = reach(TCPS_ESTABLISHED);
	tt_write(so, 10);
	out(". 1:11(10) ack 1001");
	in("R 1001:1001(0)");
	is_int(tt_error(so), ECONNRESET, "data to a peer that forgot us");
	finish(so);
}

/* 3.5.2, group 1: the sequence number of a reset. Group 2 is test_bad_ack(). */
static void
test_reset_numbers(void)
{
	tt_lport = 99;
	tt_pport++;
	in("S 700:700(0) win 1000");
	out("R. 0:0(0) ack 701");
	tt_pport++;
	in("FP 700:720(20) win 1000");
	out("R. 0:0(0) ack 721");
	tt_pport++;
	in(". 700:700(0) ack 5 win 1000");
	ok(peer_next(p, 5) != NULL, "with an ACK: from there");
	in("R 700:700(0)");
	quiet(10);
}

/* ---- the calls, 3.10.1 to 3.10.6 ---- */

static int
connect_to(struct socket *so, const char *addr)
{
	int error;

	TB_ENTER(h);
	error = tb_connect_start(so, addr, 9);
	TB_LEAVE();
	return (error);
}

static int
try_write(struct socket *so)
{
	size_t put;
	int error;

	TB_ENTER(h);
	error = tb_write_nb(so, "x", 1, &put);
	TB_LEAVE();
	return (error);
}

static void
test_calls(void)
{
	struct socket *so, *two;
	struct tcp_info ti;

	TB_ENTER(h);
	if (tb_socket(SOCK_STREAM, &so) != 0)
		tap_bail("socket");
	TB_LEAVE();
	is_int(try_write(so), ENOTCONN, "SEND on CLOSED");
	is_int(tt_read(so, 1), -ENOTCONN, "RECEIVE on CLOSED");
	is_int(connect_to(so, "224.0.0.1"), EAFNOSUPPORT, "OPEN to a multicast address");
	is_int(connect_to(so, "255.255.255.255"), EACCES, "OPEN to a broadcast address");
	TB_ENTER(h);
	is_int(soshutdown(so, SHUT_WR), ENOTCONN, "CLOSE of half of nothing");
	is_int(tb_bind(so, "10.9.9.9", 0), EADDRNOTAVAIL, "OPEN from an address not ours");
	is_int(tb_bind(so, "10.0.0.1", LPORT), EADDRINUSE, "OPEN from a port in use");
	TB_LEAVE();
	tt_close(so);
	is_int(connect_to(ls, "10.0.0.2"), EOPNOTSUPP, "OPEN, active, of a listener");
	is_int(try_write(ls), ENOTCONN, "SEND on LISTEN");

	so = tt_active(NULL);
	out("S 0:0(0)");
	is_int(connect_to(so, "10.0.0.2"), EALREADY, "OPEN in SYN_SENT");
	in("S. 1000:1000(0) ack 1 win 65535 %s", MSS);
	out(". 1:1(0) ack 1001");
	is_int(connect_to(so, "10.0.0.2"), EISCONN, "OPEN in ESTABLISHED");
	TB_ENTER(h);
	is_int(solisten(so, 1, curthread), EINVAL, "OPEN, passive, in ESTABLISHED");
	tcp_fill_info(tt_tcpcb(so), &ti);
	is_int(ti.tcpi_state, TCPS_ESTABLISHED, "STATUS");
	TB_LEAVE();
	is_int(tt_read(so, 1), -EWOULDBLOCK, "RECEIVE with nothing there");
	tt_shutdown(so, SHUT_WR);
	out("F. 1:1(0)");
	is_int(try_write(so), EPIPE, "SEND after CLOSE");
	/* two programs, one pair of addresses */
	TB_ENTER(h);
	if (tb_socket(SOCK_STREAM, &two) != 0)
		tap_bail("socket");
	is_int(tb_setopt(two, SOL_SOCKET, SO_REUSEADDR, 1), 0, "SO_REUSEADDR");
	TB_LEAVE();
	tt_close(two);
	seq = 1001;
	finish(so);

	/* ABORT */
	so = tt_passive(ls, MSS);
	TB_ENTER(h);
	so->so_options |= SO_LINGER;
	so->so_linger = 0;
	TB_LEAVE();
	tt_close(so);
	out("R. 1:1(0) ack 1001");
	in(". 1001:1001(0) ack 1 win 65535");
	out("R 1:1(0)");
	ok(true, "ABORT tells the peer, and forgets");
}

/* ---- of appendix B ---- */

/* MUST-66: even with a closed window, RST, URG and ACK count. */
static void
test_closed_window(void)
{
	struct socket *so;
	u_int n;

	tt_setopt(ls, SOL_SOCKET, SO_RCVBUF, 4096);
	so = tt_passive(ls, MSS);
	seq = 1001;
	while ((n = tt_tcpcb(so)->rcv_adv - tt_tcpcb(so)->rcv_nxt) > 0) {
		n = MIN(n, 1000);
		in(". %u:%u(%u) ack 1 win 65535", seq, seq + n, n);
		seq += n;
		testbed_run_ms(tb, 100);
	}
	peer_forget(p);
	tt_write(so, 10);
	out(". 1:11(10) ack %u win 0", seq);
	in("U. %u:%u(1) ack 11 win 65535 urg 1", seq, seq + 1);
	out(". 11:11(0) ack %u win 0", seq);
	is_int(tt_tcpcb(so)->snd_una - tt_tcpcb(so)->iss, 11, "its ACK counts");
	is_int(tt_tcpcb(so)->rcv_up - tt_tcpcb(so)->rcv_nxt, 1, "its urgent pointer too");
	in("R %u:%u(0)", seq, seq);
	testbed_run_ms(tb, 1);
	is_int(tt_state(so), TCPS_CLOSED, "and a reset");
	tt_close(so);
	tt_setopt(ls, SOL_SOCKET, SO_RCVBUF, 65536);
}

/* MUST-48, 49, SHLD-21, 22: what goes into the IP header. */
static void
test_ip_header(void)
{
	struct socket *so = tt_passive(ls, MSS);

	tt_setopt(so, IPPROTO_IP, IP_TTL, 7);
	tt_setopt(so, IPPROTO_IP, IP_TOS, 0x48);
	tt_write(so, 10);
	out(". 1:11(10) ttl 7 tos 72");
	in(". 1001:1001(0) ack 11 win 65535");
	testbed_run_ms(tb, 1);
	tt_setopt(so, IPPROTO_IP, IP_TOS, 0x20);
	tt_write(so, 10);
	out(". 11:21(10) ttl 7 tos 32");
	ok(true, "TTL and DS field, and while it runs");
	seq = 1001;
	finish(so);
}

/* MUST-2, 3, 60, 61, 65: checksums, PSH, no MSS but on a SYN. */
static void
test_segments(void)
{
	struct socket *so = tt_passive(ls, MSS);
	uint64_t bad = tt_count(tcps_rcvbadsum);

	is_int(tt_tcpcb(so)->snd_wnd, 65535, "a large window is not a negative one");
	TB_ENTER(h);
	is_int(TP_KEEPIDLE(tt_tcpcb(so)), 2 * 3600 * 1000, "MUST-28: keepalives after two hours");
	TB_LEAVE();
	in(". 1001:1011(10) ack 1 win 65535 sum bad");
	quiet(100);
	is_int(tt_read(so, 10), -EWOULDBLOCK, "a wrong checksum");
	is_int(tt_count(tcps_rcvbadsum) - bad, 1, "is counted");
	tt_write(so, 2920);
	out(". 1:1461(1460) <>");
	out("P. 1461:2921(1460) <>");
	ok(true, "the last segment has PSH; data no MSS");
	in(". 1001:1001(0) ack 2921 win 65535");
	seq = 1001;
	finish(so);
}

/* MUST-54 to 56, SHLD-25: what ICMP says is remembered, and ends nothing. */
static void
test_icmp(void)
{
	static const struct {
		int type, code;
	} soft[] = {{3, 0}, {3, 1}, {3, 5}, {11, 0}, {11, 1}, {12, 0}, {4, 0}};
	struct socket *so = tt_passive(ls, MSS);

	for (size_t i = 0; i < nitems(soft); i++) {
		tt_write(so, 10);
		if (peer_next(p, 5) == NULL)
			ok(false, "nothing was sent");
		inject(p, "ICMP 10.0.0.2 > 10.0.0.1 %d/%d quote last", soft[i].type, soft[i].code);
		testbed_run_ms(tb, 1);
		is_int(tt_state(so), TCPS_ESTABLISHED, "ICMP %d/%d", soft[i].type, soft[i].code);
		in(". 1001:1001(0) ack %u win 65535", (u_int)(i + 1) * 10 + 1);
		testbed_run_ms(tb, 1);
		peer_forget(p);
	}
	seq = 1001;
	finish(so);
	/* it is what a connection that dies of silence dies of */
	so = tt_active(NULL);
	out("S 0:0(0)");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/1 quote last");
	testbed_run_ms(tb, 80000);
	ok(tt_error(so) == EHOSTUNREACH, "SHLD-25: the program learns of it");
	tt_close(so);
	peer_forget(p);
}

/* MUST-41, 42: a listener on one address beside one on any. */
static void
test_listeners(void)
{
	struct socket *one, *so;

	TB_ENTER(h);
	if (tb_socket(SOCK_STREAM, &one) != 0)
		tap_bail("socket");
	(void)tb_setopt(one, SOL_SOCKET, SO_REUSEADDR, 1);
	is_int(tb_bind(one, "10.0.0.1", 81), 0, "bind to the address");
	is_int(solisten(one, 4, curthread), 0, "listen");
	TB_LEAVE();
	tt_lport = 81;
	tt_pport++;
	in("S 1000:1000(0) win 65535 %s", MSS);
	out("S. 0:0(0) ack 1001");
	in(". 1001:1001(0) ack 1 win 65535");
	so = tt_accept(one);
	ok(so != NULL, "a listener beside another, and beside its own connections");
	seq = 1001;
	finish(so);
	so = tt_passive(ls, MSS);
	finish(so);
	tt_close(one);
}

/* SHLD-31, MUST-59: what waited is acknowledged at once when the gap is filled. */
static void
test_queue(void)
{
	struct socket *so = tt_passive(ls, MSS);

	in(". 1101:1201(100) ack 1 win 65535");
	out(". 1:1(0) ack 1001");
	in("F. 1201:1301(100) ack 1 win 65535");
	out(". 1:1(0) ack 1001");
	in(". 1001:1101(100) ack 1 win 65535");
	out(". 1:1(0) ack 1302");
	is_int(tt_read(so, 1000), 300, "all of it");
	is_int(tt_state(so), TCPS_CLOSE_WAIT, "and the FIN");
	seq = 1302;
	finish(so);
}

int
main(void)
{
	tt_init();
	ls = tt_listen(64);
	for (size_t i = 0; i < nitems(states); i++) {
		test_reset(states[i]);
		test_outside(states[i]);
		test_syn(states[i]);
		test_bad_ack(states[i]);
	}
	test_moves();
	test_data_on_syn_fin();
	test_old_syn();
	test_half_open();
	test_reset_numbers();
	test_calls();
	test_closed_window();
	test_ip_header();
	test_segments();
	test_icmp();
	test_listeners();
	test_queue();
	tt_close(ls);
	return (tt_done());
}
