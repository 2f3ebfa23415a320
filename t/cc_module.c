/*
 * cc_module.c - a congestion control module of our own, mod_cc(9), and when TCP calls its hooks.
 * bsdnet/netinet/cc/README.md tells how to write one, with the first half of this file.
 */
#include "t/lib/tcptest.h"

#include <sys/socketvar.h>
#include <netinet/cc/cc_module.h>

/* ---- the module: a window of so many segments, whatever happens ---- */

struct constant {
	uint32_t segments;
};

static size_t
constant_data_sz(void)
{
	return (sizeof(struct constant));
}

static int
constant_cb_init(struct cc_var *ccv, void *ptr)
{
	struct constant *c = ptr;

	ccv->cc_data = c;
	c->segments = 4;
	return (0);
}

static void
constant_set(struct cc_var *ccv)
{
	const struct constant *c = ccv->cc_data;

	CCV(ccv, snd_cwnd) = CCV(ccv, snd_ssthresh) = c->segments * tcp_maxseg(ccv->ccvc.tcp);
}

static void
constant_ack_received(struct cc_var *ccv, uint16_t type __unused)
{
	constant_set(ccv);
}

static void
constant_cong_signal(struct cc_var *ccv, uint32_t type __unused)
{
	constant_set(ccv);
}

/* TCP_CCALGOOPT: a uint32_t, the number of segments. */
static int
constant_ctl_output(struct cc_var *ccv, struct sockopt *sopt, void *buf)
{
	struct constant *c = ccv->cc_data;

	if (sopt->sopt_valsize != sizeof(uint32_t))
		return (EINVAL);
	if (sopt->sopt_dir == SOPT_SET)
		memcpy(&c->segments, buf, sizeof(c->segments));
	else
		memcpy(buf, &c->segments, sizeof(c->segments));
	return (0);
}

static struct cc_algo constant_cc_algo = {
    .name = "constant",
    .cc_data_sz = constant_data_sz,
    .cb_init = constant_cb_init,
    .conn_init = constant_set,
    .ack_received = constant_ack_received,
    .cong_signal = constant_cong_signal,
    .post_recovery = constant_set,
    .after_idle = constant_set,
    .ctl_output = constant_ctl_output,
};

DECLARE_CC_MODULE(constant, &constant_cc_algo);

/* ---- a module that only notes what it is told ---- */

static struct {
	int mod_init, mod_destroy, cb_init, cb_destroy, conn_init, post_recovery, after_idle;
	int ecnpkt, newround, rttsample, acks[9], signals[9];
	bool zeroed;
	uint32_t ecnflags, round, bytes, rtt;
	uint16_t limited;
	int fail; /* cb_init's */
} n;
static uint64_t given[2];

static int
note_mod_init(void)
{
	n.mod_init++;
	return (0);
}

static int
note_mod_destroy(void)
{
	n.mod_destroy++;
	return (0);
}

static size_t
note_data_sz(void)
{
	return (sizeof(given));
}

static int
note_cb_init(struct cc_var *ccv __unused, void *ptr)
{
	n.cb_init++;
	n.zeroed = memcmp(ptr, given, sizeof(given)) == 0;
	memset(ptr, 0xff, sizeof(given));
	return (n.fail);
}

static void
note_cb_destroy(struct cc_var *ccv __unused)
{
	n.cb_destroy++;
}

static void
note_conn_init(struct cc_var *ccv __unused)
{
	n.conn_init++;
}

static void
note_ack(struct cc_var *ccv, uint16_t type)
{
	n.acks[type]++;
	n.bytes = (uint32_t)ccv->bytes_this_ack;
	n.limited = (ccv->flags & CCF_CWND_LIMITED) != 0;
}

static void
note_signal(struct cc_var *ccv __unused, uint32_t type)
{
	n.signals[type]++;
}

static void
note_post_recovery(struct cc_var *ccv __unused)
{
	n.post_recovery++;
}

static void
note_after_idle(struct cc_var *ccv __unused)
{
	n.after_idle++;
}

static void
note_ecnpkt(struct cc_var *ccv)
{
	n.ecnpkt++;
	n.ecnflags = ccv->flags & (CCF_IPHDR_CE | CCF_TCPHDR_CWR);
	ccv->flags |= CCF_ACKNOW;
}

static void
note_newround(struct cc_var *ccv __unused, uint32_t round_cnt)
{
	n.newround++;
	n.round = round_cnt;
}

static void
note_rttsample(struct cc_var *ccv __unused, uint32_t usec, uint32_t rxtcnt, uint32_t fas __unused)
{
	n.rttsample += rxtcnt == 1;
	n.rtt = usec;
}

static struct cc_algo note_cc_algo = {
    .name = "note",
    .mod_init = note_mod_init,
    .mod_destroy = note_mod_destroy,
    .cc_data_sz = note_data_sz,
    .cb_init = note_cb_init,
    .cb_destroy = note_cb_destroy,
    .conn_init = note_conn_init,
    .ack_received = note_ack,
    .cong_signal = note_signal,
    .post_recovery = note_post_recovery,
    .after_idle = note_after_idle,
    .ecnpkt_handler = note_ecnpkt,
    .newround = note_newround,
    .rttsample = note_rttsample,
};

/* ---- the tests ---- */

static struct socket *ls, *so;
static struct tcpcb *tp;

static void
listen_with(const char *name)
{
	tt_default_cc(name);
	tt_close(ls);
	ls = tt_listen(16);
	memset(&n, 0, sizeof(n));
}

static void
settle(void)
{
	testbed_run_ms(tb, 5);
	peer_forget(p);
}

static void
test_constant(void)
{
	uint32_t v = 2;

	listen_with("constant");
	so = tt_passive(ls, "<mss 1000>");
	tp = tt_tcpcb(so);
	tt_write(so, 10000);
	for (int i = 0; i < 4; i++)
		out(". %d:%d(1000)", i * 1000 + 1, i * 1000 + 1001);
	quiet(50);
	ok(true, "four segments, as the module says");
	TB_ENTER(h);
	is_int(so_setsockopt(so, IPPROTO_TCP, TCP_CCALGOOPT, &v, sizeof(v)), 0, "its option");
	TB_LEAVE();
	in(". 1001:1001(0) ack 4001 win 65535");
	out(". 4001:5001(1000)");
	out(". 5001:6001(1000)");
	quiet(50);
	ok(true, "two now");
	TB_ENTER(h);
	is_int(so_setsockopt(so, IPPROTO_TCP, TCP_CCALGOOPT, &v, 2), EINVAL, "a short one");
	TB_LEAVE();
	tt_kill(so, 1001);
}

static void
test_life(void)
{
	struct cc_algo again = {.name = "note"}, longname = {.name = "sixteen letters."};
	struct cc_algo none = {.name = ""};

	TB_ENTER(h);
	is_int(cc_register_algo(&note_cc_algo), 0, "registered");
	is_int(n.mod_init, 1, "mod_init");
	is_int(cc_register_algo(&again), EEXIST, "the name is taken");
	is_int(cc_register_algo(&longname), EINVAL, "a name too long for TCP_CONGESTION");
	is_int(cc_register_algo(&none), EINVAL, "no name");
	TB_LEAVE();
	listen_with("note");
	is_int(n.cb_init, 0, "(counters begin after the listener's)");
	so = tt_passive(ls, "<mss 1000>");
	tp = tt_tcpcb(so);
	ok(n.cb_init >= 1 && n.zeroed, "cb_init, with zeroed memory");
	is_int(n.conn_init, 1, "conn_init when it is established");
	TB_ENTER(h);
	is_int(cc_deregister_algo(&note_cc_algo), EBUSY, "in use");
	TB_LEAVE();
	n.cb_destroy = 0;
	tt_kill(so, 1001);
	is_int(n.cb_destroy, 1, "cb_destroy at the end");
	n.fail = ENOMEM;
	TB_ENTER(h);
	ok(tb_socket(SOCK_STREAM, &so) != 0, "a cb_init that fails fails the socket");
	TB_LEAVE();
	n.fail = 0;
}

static void
test_acks(void)
{
	so = tt_passive(ls, "<mss 1000>");
	tp = tt_tcpcb(so);
	memset(&n, 0, sizeof(n));
	tt_write(so, 20000);
	settle();
	testbed_run_ms(tb, 95);
	in(". 1001:1001(0) ack 1001 win 65535");
	settle();
	is_int(n.acks[CC_ACK], 1, "ack_received CC_ACK");
	is_int(n.bytes, 1000, "of so many bytes");
	is_int(n.limited, 1, "the window was the limit");
	is_int(n.newround, 0, "the first flight is a round");
	ok(n.rttsample == 1 && n.rtt >= 99000 && n.rtt <= 105000, "rttsample: %u us", n.rtt);
	in(". 1001:1001(0) ack 9001 win 65535");
	settle();
	is_int(n.newround, 0, "which is not over at its last but one segment");
	in(". 1001:1001(0) ack 10001 win 65535");
	settle();
	is_int(n.newround, 1, "newround at its last");
	/* three duplicates: recovery, a partial ACK, the end */
	in(". 1001:1001(0) ack 10001 win 65535");
	in(". 1001:1001(0) ack 10001 win 65535");
	settle();
	is_int(n.acks[CC_DUPACK], 2, "ack_received CC_DUPACK");
	is_int(n.signals[CC_NDUPACK], 0, "no signal yet");
	in(". 1001:1001(0) ack 10001 win 65535");
	settle();
	is_int(n.signals[CC_NDUPACK], 1, "cong_signal CC_NDUPACK at the third");
	in(". 1001:1001(0) ack 13001 win 65535");
	settle();
	is_int(n.acks[CC_PARTIALACK], 1, "ack_received CC_PARTIALACK");
	is_int(n.post_recovery, 0, "recovery goes on");
	in(". 1001:1001(0) ack %u win 65535", tp->snd_max - tp->iss);
	settle();
	is_int(n.post_recovery, 1, "post_recovery");
	in(". 1001:1001(0) ack %u win 65535", tp->snd_max - tp->iss);
	settle();
	testbed_run_ms(tb, 5000);
	is_int(n.after_idle, 0, "no after_idle while there is nothing to send");
	tt_write(so, 1000);
	settle();
	is_int(n.after_idle, 1, "after_idle when there is again");
	testbed_run_ms(tb, 5000);
	ok(n.signals[CC_RTO] >= 1, "cong_signal CC_RTO");
	is_int(tp->snd_cwnd, 1000, "after which there is one segment, whatever the module does");
	tt_kill(so, 1001);
}

static void
test_ecn(void)
{
	tt_pport++;
	in("SEW 1000:1000(0) win 65535 <mss 1000>");
	out("SE. 0:0(0) ack 1001");
	in(". 1001:1001(0) ack 1 win 65535");
	so = tt_accept(ls);
	memset(&n, 0, sizeof(n));
	in(". 1001:2001(1000) ack 1 win 65535 tos 2");
	out(". 1:1(0) ack 2001");
	is_int(n.ecnpkt, 1, "ecnpkt_handler; its CCF_ACKNOW has the ACK go at once");
	is_int(n.ecnflags, 0, "unmarked");
	in("W. 2001:3001(1000) ack 1 win 65535 tos 3");
	out("E. 1:1(0) ack 3001");
	is_int(n.ecnflags, CCF_IPHDR_CE | CCF_TCPHDR_CWR, "marked, and with CWR");
	in(". 3001:3001(0) ack 1 win 65535 tos 2");
	testbed_run_ms(tb, 5);
	is_int(n.ecnpkt, 2, "not for what has no data");
	tt_write(so, 2000);
	settle();
	in("E. 3001:3001(0) ack 1001 win 65535");
	settle();
	is_int(n.signals[CC_ECN], 1, "cong_signal CC_ECN");
	in("E. 3001:3001(0) ack 2001 win 65535");
	settle();
	is_int(n.signals[CC_ECN], 1, "once for a window");
	tt_kill(so, 3001);
}

static void
test_change(void)
{
	char name[TCP_CA_NAME_MAX] = "cubic";

	so = tt_passive(ls, "<mss 1000>");
	tp = tt_tcpcb(so);
	memset(&n, 0, sizeof(n));
	TB_ENTER(h);
	is_int(so_setsockopt(so, IPPROTO_TCP, TCP_CONGESTION, name, sizeof(name)), 0,
	    "another one in its place");
	is_int(n.cb_destroy, 1, "cb_destroy");
	strlcpy(name, "note", sizeof(name));
	is_int(so_setsockopt(so, IPPROTO_TCP, TCP_CONGESTION, name, sizeof(name)), 0, "and back");
	is_int(n.cb_init, 1, "cb_init");
	is_int(n.conn_init, 1, "conn_init: it is established already");
	TB_LEAVE();
	tt_kill(so, 1001);
	tt_default_cc("newreno");
	tt_close(ls);
	ls = tt_listen(16);
	TB_ENTER(h);
	is_int(cc_deregister_algo(&note_cc_algo), 0, "deregistered when nobody uses it");
	is_int(n.mod_destroy, 1, "mod_destroy");
	is_int(cc_deregister_algo(&note_cc_algo), ENOENT, "once");
	is_int(cc_deregister_algo(cc_find_algo("newreno")), EBUSY, "newreno stays");
	ok(cc_find_algo("note") == NULL, "it is gone");
	TB_LEAVE();
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	test_constant();
	test_life();
	test_acks();
	test_ecn();
	test_change();
	tt_close(ls);
	return (tt_done());
}
