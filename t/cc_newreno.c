/*
 * cc_newreno.c - RFC 5681, 6582, 3465, 6928: windows in packets, and in single calls where packets
 * would need many. Segments are of 1000 bytes.
 */
#include "t/lib/tcptest.h"

#include <sys/socketvar.h>
#include <netinet/cc/cc_newreno.h>

static struct socket *ls, *so;
static struct tcpcb *tp;

static void
begin(const char *opts)
{
	so = tt_passive(ls, opts);
	tp = tt_tcpcb(so);
}

static void
end(void)
{
	tp->snd_nxt = tp->snd_max = tp->snd_una;
	EXIT_RECOVERY(tp->t_flags);
	tp->t_flags &= ~TF_RTORECOVERY;
	tt_kill(so, 1001);
}

/* One ACK of so many bytes while flight bytes are under way; how much cwnd grew. */
static int
ack(uint32_t flight, uint32_t bytes, uint16_t type)
{
	const uint32_t before = tp->snd_cwnd;

	TB_ENTER(h);
	tp->snd_nxt = tp->snd_max = tp->snd_una + flight;
	tcp_cc_ack(tp, bytes, 1, type);
	TB_LEAVE();
	return ((int)tp->snd_cwnd - (int)before);
}

static void
signal_cc(uint32_t type, uint32_t flight, int shift)
{
	TB_ENTER(h);
	tp->snd_nxt = tp->snd_max = tp->snd_una + flight;
	tp->t_rxtshift = (uint8_t)shift;
	tcp_cc_cong_signal(tp, type);
	tp->t_rxtshift = 0;
	TB_LEAVE();
}

static void
windows(uint32_t cwnd, uint32_t ssthresh)
{
	tp->snd_cwnd = cwnd;
	tp->snd_ssthresh = ssthresh;
	tp->t_bytes_acked = 0;
}

#define SET(v, n)                                                                                  \
	do {                                                                                       \
		TB_ENTER(h);                                                                       \
		(v) = (n);                                                                         \
		TB_LEAVE();                                                                        \
	} while (0)

/* RFC 6928 2: min(10 * MSS, max(2 * MSS, 14600)); RFC 5681 3.1: one segment if the SYN was lost. */
static void
test_initial_window(void)
{
	const struct {
		uint32_t mss, iw;
	} v[] = {
	    {536, 5360}, {1000, 10000}, {1460, 14600}, {2000, 14600}, {7300, 14600}, {9000, 18000}};

	for (size_t i = 0; i < nitems(v); i++) {
		TB_ENTER(h);
		is_int(
		    tcp_cc_initial_window(v[i].mss), v[i].iw, "initial window, MSS %u", v[i].mss);
		TB_LEAVE();
	}
	begin("<mss 1000>");
	is_int(tp->snd_cwnd, 10000, "a connection's");
	end();
	tt_pport++;
	in("S 1000:1000(0) win 65535 <mss 1000>");
	out("S. 0:0(0)");
	out_after(1000, 20, "S. 0:0(0)");
	in(". 1001:1001(0) ack 1 win 65535");
	so = tt_accept(ls);
	tp = tt_tcpcb(so);
	is_int(tp->snd_cwnd, 1000, "one segment after a lost SYN,ACK");
	end();
	SET(V_tcp_initcwnd_segments, 3);
	begin("<mss 1000>");
	is_int(tp->snd_cwnd, 3000, "net.inet.tcp.initcwnd_segments=3");
	end();
	SET(V_tcp_initcwnd_segments, 10);
}

/* RFC 5681 3.1 with RFC 3465 2.2: what was acknowledged, at most L segments. */
static void
test_slow_start(void)
{
	begin("<mss 1000>");
	windows(10000, 100000);
	is_int(ack(10000, 1000, CC_ACK), 1000, "one segment acknowledged");
	is_int(ack(11000, 2000, CC_ACK), 2000, "two");
	is_int(ack(13000, 5000, CC_ACK), 2000, "five count as L = 2");
	is_int(ack(15000, 1, CC_ACK), 1, "a byte is a byte");
	is_int(ack(15000, 0, CC_DUPACK), 0, "a duplicate is nothing");
	SET(V_tcp_abc_l_var, 8);
	is_int(ack(tp->snd_cwnd, 5000, CC_ACK), 5000, "net.inet.tcp.abc_l_var=8");
	SET(V_tcp_abc_l_var, 2);
	SET(V_tcp_do_rfc3465, 0);
	is_int(ack(tp->snd_cwnd, 5000, CC_ACK), 1000, "net.inet.tcp.rfc3465=0: one for each ACK");
	is_int(ack(tp->snd_cwnd, 300, CC_ACK), 300, "but no more than was acknowledged");
	SET(V_tcp_do_rfc3465, 1);
	tp->t_flags |= TF_RTORECOVERY;
	is_int(ack(tp->snd_cwnd, 2000, CC_ACK), 1000, "L = 1 after a time-out");
	end();
}

/* One segment for each window of bytes. */
static void
test_avoidance(void)
{
	int grown = 0;

	begin("<mss 1000>");
	windows(10000, 10000);
	for (int i = 0; i < 4; i++)
		grown += ack(10000, 2000, CC_ACK);
	is_int(grown, 0, "four fifths of a window");
	is_int(ack(10000, 2000, CC_ACK), 1000, "a whole one");
	for (int i = 0; i < 5; i++)
		grown += ack(11000, 2000, CC_ACK);
	is_int(grown, 0, "the next is larger");
	is_int(ack(11000, 1000, CC_ACK), 1000, "and then one more");
	is_int(ack(12000, 12000, CC_ACK), 1000, "a whole window in one ACK: one segment");
	windows(10000, 10000);
	SET(V_tcp_do_rfc3465, 0);
	is_int(ack(10000, 1000, CC_ACK), 100, "net.inet.tcp.rfc3465=0: MSS * MSS / cwnd");
	is_int(ack(10000, 100, CC_ACK), 9, "less for less");
	SET(V_tcp_do_rfc3465, 1);
	windows(CC_WIN_MAX - 10, 100000);
	(void)ack(CC_WIN_MAX - 10, CC_WIN_MAX - 10, CC_ACK);
	is_int(tp->snd_cwnd, CC_WIN_MAX, "no larger than a window can be announced");
	end();
}

/* RFC 7661's point: a window that is not used does not grow. */
static void
test_unused(void)
{
	begin("<mss 1000>");
	windows(10000, 100000);
	is_int(ack(4000, 2000, CC_ACK), 0, "slow start, less than half used");
	is_int(ack(5000, 2000, CC_ACK), 2000, "half");
	windows(10000, 10000);
	for (int i = 0; i < 20; i++)
		(void)ack(8000, 2000, CC_ACK);
	is_int(tp->snd_cwnd, 10000, "avoidance, two segments short");
	end();
}

/* Eq. 4, its floor, and what limited transmit sent beyond cwnd. */
static void
test_signals(void)
{
	begin("<mss 1000>");
	windows(20000, 100000);
	signal_cc(CC_NDUPACK, 20000, 0);
	is_int(tp->snd_ssthresh, 10000, "half of what is under way");
	windows(20000, 100000);
	signal_cc(CC_NDUPACK, 22000, 0);
	is_int(tp->snd_ssthresh, 10000, "without what limited transmit sent");
	windows(20000, 100000);
	signal_cc(CC_NDUPACK, 6000, 0);
	is_int(tp->snd_ssthresh, 3000, "of what is under way, not of cwnd");
	windows(20000, 100000);
	signal_cc(CC_NDUPACK, 3000, 0);
	is_int(tp->snd_ssthresh, 2000, "at least two segments");
	windows(20000, 100000);
	signal_cc(CC_RTO, 20000, 1);
	is_int(tp->snd_ssthresh, 10000, "a time-out");
	is_int(tp->snd_cwnd, 1000, "leaves one segment");
	signal_cc(CC_RTO, 4000, 2);
	is_int(tp->snd_ssthresh, 10000, "the second of the same data halves no more");
	TB_ENTER(h);
	tcp_cc_cong_signal(tp, CC_RTO_ERR);
	TB_LEAVE();
	is_int(tp->snd_cwnd, 20000, "a spurious one: cwnd is back");
	is_int(tp->snd_ssthresh, 100000, "and ssthresh");
	windows(20000, 100000);
	signal_cc(CC_ECN, 20000, 0);
	is_int(tp->snd_cwnd, 10000, "a mark is a loss");
	windows(20000, 100000);
	SET(V_cc_do_abe, 1);
	signal_cc(CC_ECN, 20000, 0);
	is_int(tp->snd_cwnd, 16000, "or, with RFC 8511, 0.8");
	ENTER_CONGRECOVERY(tp->t_flags);
	signal_cc(CC_NDUPACK, 16000, 0);
	is_int(tp->snd_ssthresh, 16000, "a loss in its window reduces no more");
	SET(V_cc_abe_frlossreduce, 1);
	signal_cc(CC_NDUPACK, 16000, 0);
	is_int(tp->snd_ssthresh, 8000, "but with net.inet.tcp.cc.abe_frlossreduce=1");
	SET(V_cc_abe_frlossreduce, 0);
	SET(V_cc_do_abe, 0);
	end();
}

static int
cc_option(int dir, int name, uint32_t *val)
{
	struct cc_newreno_opts o = {.name = name, .val = *val};
	struct sockopt sopt = {
	    .sopt_dir = dir == 1 ? SOPT_SET : SOPT_GET,
	    .sopt_level = IPPROTO_TCP,
	    .sopt_name = TCP_CCALGOOPT,
	    .sopt_val = &o,
	    .sopt_valsize = sizeof(o),
	};
	int error;

	TB_ENTER(h);
	error = dir == 1 ? sosetopt(so, &sopt) : sogetopt(so, &sopt);
	TB_LEAVE();
	*val = o.val;
	return (error);
}

/* cc_newreno(4) */
static void
test_options(void)
{
	uint32_t v = 80;

	begin("<mss 1000>");
	is_int(cc_option(1, CC_NEWRENO_BETA, &v), 0, "TCP_CCALGOOPT sets beta");
	v = 0;
	is_int(cc_option(0, CC_NEWRENO_BETA, &v), 0, "and reads it");
	is_int(v, 80, "80");
	windows(20000, 100000);
	signal_cc(CC_NDUPACK, 20000, 0);
	is_int(tp->snd_ssthresh, 16000, "and it is used");
	v = 101;
	is_int(cc_option(1, CC_NEWRENO_BETA, &v), EINVAL, "more than all");
	v = 0;
	is_int(cc_option(1, CC_NEWRENO_BETA, &v), EINVAL, "nothing");
	v = 80;
	is_int(cc_option(1, CC_NEWRENO_BETA_ECN, &v), EACCES, "beta_ecn needs net.inet.tcp.cc.abe");
	is_int(cc_option(1, 99, &v), EINVAL, "no such option");
	end();
	tt_default_cc("cubic");
	TB_ENTER(h);
	(void)tb_socket(SOCK_STREAM, &so);
	TB_LEAVE();
	is_int(cc_option(1, CC_NEWRENO_BETA, &v), ENOENT, "an algorithm without options");
	tt_close(so);
	tt_default_cc("newreno");
}

/* ---- in packets ---- */

/* RFC 5681 4.1: after a pause longer than the time-out, from the initial window. */
static void
test_idle(void)
{
	begin("<mss 1000>");
	tt_write(so, 1000);
	out(". 1:1001(1000)");
	in(". 1001:1001(0) ack 1001 win 65535");
	testbed_run_ms(tb, 100);
	windows(40000, 20000);
	peer_mark(p);
	tt_write(so, 1000);
	out(". 1001:2001(1000)");
	is_int(tp->snd_cwnd, 40000, "a short pause");
	in(". 1001:1001(0) ack 2001 win 65535");
	testbed_run_ms(tb, tp->t_rxtcur + 10);
	tt_write(so, 30000);
	is_int(tp->snd_cwnd, 10000, "a long one: the initial window");
	is_int(tp->snd_ssthresh, 30000, "3/4 of the old one is remembered");
	testbed_run_ms(tb, 5);
	is_int(tp->snd_max - tp->snd_una, 10000, "and no burst beyond it");
	peer_forget(p);
	in(". 1001:1001(0) ack 32001 win 65535");
	end();
	begin("<mss 1000>");
	tt_write(so, 1000);
	out(". 1:1001(1000)");
	in(". 1001:1001(0) ack 1001 win 65535");
	windows(4000, 20000);
	testbed_run_ms(tb, tp->t_rxtcur + 10);
	tt_write(so, 1000);
	is_int(tp->snd_cwnd, 4000, "a window below it stays");
	end();
}

/* RFC 6582 3.2: partial ACKs deflate, a full one ends at ssthresh or what is left plus one. */
static void
test_recovery(void)
{
	begin("<mss 1000>");
	tt_write(so, 32000);
	for (int i = 0; i < 10; i++)
		out(". %d:%d(1000)", i * 1000 + 1, i * 1000 + 1001);
	for (int i = 0; i < 3; i++)
		in(". 1001:1001(0) ack 1 win 65535");
	testbed_run_ms(tb, 5);
	peer_forget(p);
	is_int(tp->snd_cwnd, 8000, "ssthresh and three segments");
	in(". 1001:1001(0) ack 1 win 65535");
	testbed_run_ms(tb, 5);
	is_int(tp->snd_cwnd, 9000, "a duplicate adds one");
	in(". 1001:1001(0) ack 3001 win 65535");
	out(". 3001:4001(1000)");
	is_int(tp->snd_cwnd, 7000, "a partial ACK of three takes three off, and adds one");
	in(". 1001:1001(0) ack 3501 win 65535");
	testbed_run_ms(tb, 5);
	is_int(tp->snd_cwnd, 6500, "one of less than a segment adds none");
	peer_forget(p);
	in(". 1001:1001(0) ack 12001 win 65535");
	testbed_run_ms(tb, 5);
	ok(!IN_RECOVERY(tp->t_flags), "the full ACK ends recovery");
	ok(tp->snd_cwnd <= 5000, "at ssthresh or below: %u", tp->snd_cwnd);
	end();
}

static void
test_choice(void)
{
	char name[TCP_CA_NAME_MAX] = "cubic";
	struct sockopt sopt = {
	    .sopt_dir = SOPT_SET,
	    .sopt_level = IPPROTO_TCP,
	    .sopt_name = TCP_CONGESTION,
	    .sopt_val = name,
	    .sopt_valsize = sizeof(name),
	};

	begin("<mss 1000>");
	is_str(tp->ccv->algo->name, "newreno", "net.inet.tcp.cc.algorithm=newreno");
	TB_ENTER(h);
	is_int(sosetopt(so, &sopt), 0, "TCP_CONGESTION");
	TB_LEAVE();
	is_str(tp->ccv->algo->name, "cubic", "changes an open connection");
	strlcpy(name, "none such", sizeof(name));
	TB_ENTER(h);
	is_int(sosetopt(so, &sopt), ESRCH, "an unknown name");
	TB_LEAVE();
	end();
	/* a listener's choice goes to its connections */
	strlcpy(name, "cubic", sizeof(name));
	TB_ENTER(h);
	sopt.sopt_valsize = sizeof(name);
	is_int(sosetopt(ls, &sopt), 0, "of a listener");
	TB_LEAVE();
	begin("<mss 1000>");
	is_str(tp->ccv->algo->name, "cubic", "is inherited");
	end();
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	test_initial_window();
	test_slow_start();
	test_avoidance();
	test_unused();
	test_signals();
	test_options();
	test_idle();
	test_recovery();
	test_choice();
	tt_close(ls);
	return (tt_done());
}
