/*
 * tcp_sockopt.c - tcp(4)'s socket options: what they do on the wire, what they refuse, what they
 * tell; and deferred accepts.
 */
#include <sys/param.h>
#include <sys/socketvar.h>

#include "t/lib/tcptest.h"

static struct socket *ls;
static const char *const MSS = "<mss 1460>";

static int
get(struct socket *so, int name)
{
	struct sockopt sopt = {.sopt_dir = SOPT_GET, .sopt_level = IPPROTO_TCP, .sopt_name = name};
	int v = -1, error;

	sopt.sopt_val = &v;
	sopt.sopt_valsize = sizeof(v);
	TB_ENTER(h);
	error = sogetopt(so, &sopt);
	TB_LEAVE();
	return (error != 0 ? -error : v);
}

static int
set(struct socket *so, int name, int v)
{
	int error;

	TB_ENTER(h);
	error = tb_setopt(so, IPPROTO_TCP, name, v);
	TB_LEAVE();
	peer_mark(p);
	return (error);
}

static void
test_values(void)
{
	static const int flags[] = {TCP_NODELAY, TCP_NOPUSH, TCP_NOOPT, TCP_QUICKACK_ALPINE};
	static const int numbers[] = {TCP_KEEPINIT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT,
	    TCP_MAXUNACKTIME, TCP_USER_TIMEOUT_ALPINE};
	struct socket *so = tt_passive(ls, MSS);
	char byte = 1;

	is_int(get(so, TCP_KEEPINIT), 75, "keepinit");
	is_int(get(so, TCP_KEEPIDLE), 7200, "keepidle");
	is_int(get(so, TCP_KEEPINTVL), 75, "keepintvl");
	is_int(get(so, TCP_KEEPCNT), 8, "keepcnt");
	for (u_int i = 0; i < nitems(flags); i++) {
		is_int(get(so, flags[i]), 0, "flag %d is off", flags[i]);
		is_int(set(so, flags[i], 5), 0, "set");
		is_int(get(so, flags[i]), 1, "on");
		is_int(set(so, flags[i], 0), 0, "cleared");
	}
	for (u_int i = 0; i < nitems(numbers); i++) {
		is_int(set(so, numbers[i], 11), 0, "number %d", numbers[i]);
		is_int(get(so, numbers[i]), 11, "is kept");
		is_int(set(so, numbers[i], -1), EINVAL, "not below 0");
	}
	is_int(get(so, TCP_MAXSEG), 1460, "TCP_MAXSEG");
	is_int(set(so, TCP_MAXSEG, 1461), EINVAL, "a connection's MSS does not grow");
	is_int(set(so, TCP_MAXSEG, 100), EINVAL, "nor below minmss");
	is_int(set(so, TCP_MAXSEG, 1000), 0, "it shrinks");
	is_int(get(so, TCP_MAXSEG), 1000, "to that");
	tt_write(so, 2000);
	out(". 1:1001(1000) ack 1001");
	out("P. 1001:2001(1000) ack 1001");
	is_int(set(so, 9999, 1), ENOPROTOOPT, "no such option");
	is_int(get(so, 9999), -ENOPROTOOPT, "none to get");
	TB_ENTER(h);
	is_int(so_setsockopt(so, IPPROTO_TCP, TCP_NODELAY, &byte, 1), EINVAL, "too short a value");
	TB_LEAVE();
	tt_kill(so, 1001);
}

/* tcp(4): TCP_NOPUSH holds back what does not fill a segment, until it is cleared or the end. */
static void
test_nopush(void)
{
	struct socket *so = tt_passive(ls, MSS);

	set(so, TCP_NOPUSH, 1);
	tt_write(so, 100);
	quiet(1000);
	tt_write(so, 1400);
	out(". 1:1461(1460) ack 1001");
	quiet(100);
	set(so, TCP_NOPUSH, 0);
	in(". 1001:1001(0) ack 1461 win 65535");
	out("P. 1461:1501(40) ack 1001");
	in(". 1001:1001(0) ack 1501 win 65535");
	testbed_run_ms(tb, 1);
	set(so, TCP_NOPUSH, 1);
	tt_write(so, 10);
	quiet(20);
	tt_close(so);
	peer_mark(p);
	out("FP. 1501:1511(10) ack 1001");
	ok(true, "a close sends what was held back");
	in("R 1001:1001(0)");
	testbed_run_ms(tb, 1);
}

static void
test_quickack(void)
{
	struct socket *so = tt_passive(ls, MSS);

	in("P. 1001:1011(10) ack 1 win 65535");
	testbed_run_ms(tb, 1);
	set(so, TCP_QUICKACK_ALPINE, 1);
	out(". 1:1(0) ack 1011");
	ok(true, "an owed ACK goes at once");
	in("P. 1011:1021(10) ack 1 win 65535");
	out(". 1:1(0) ack 1021");
	set(so, TCP_QUICKACK_ALPINE, 0);
	in("P. 1021:1031(10) ack 1 win 65535");
	out_after(40, 2, ". 1:1(0) ack 1031");
	tt_kill(so, 1031);
}

/* RFC 9293 3.8.3: a user time-out, in ms, ends what is not acknowledged. */
static void
test_user_timeout(void)
{
	struct socket *so = tt_passive(ls, MSS);

	set(so, TCP_USER_TIMEOUT_ALPINE, 5000);
	tt_write(so, 10);
	testbed_run_ms(tb, 4500);
	is_int(tt_state(so), TCPS_ESTABLISHED, "before it");
	testbed_run_ms(tb, 6000);
	is_int(tt_error(so), ETIMEDOUT, "after it");
	peer_forget(p);
	tt_close(so);
}

static void
test_info(void)
{
	struct socket *so = tt_active("<mss 1000,nop,wscale 3,sackOK,ts 1 0>");
	struct tcp_info ti;

	tt_write(so, 3000);
	testbed_run_ms(tb, 10);
	TB_ENTER(h);
	tcp_fill_info(tt_tcpcb(so), &ti);
	TB_LEAVE();
	is_int(ti.tcpi_state, TCPS_ESTABLISHED, "state");
	is_int(ti.tcpi_options, TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE, "options");
	is_int(ti.tcpi_snd_wscale, 3, "their scale");
	is_int(ti.tcpi_rcv_wscale, 10, "ours");
	is_int(ti.tcpi_snd_mss, 988, "MSS less options");
	is_int(ti.__tcpi_advmss, 1460, "what we announced");
	is_int(ti.__tcpi_pmtu, 1040, "the path as far as we use it");
	is_int(ti.__tcpi_unacked, 4, "segments under way");
	ok(ti.__tcpi_last_data_sent >= 5 && ti.__tcpi_last_data_sent < 20, "sent %u ms ago",
	    ti.__tcpi_last_data_sent);
	ok(ti.tcpi_rto >= 200000, "RTO in us: %u", ti.tcpi_rto);
	peer_forget(p);
	tt_kill(so, 1001);
}

static void
shake(void)
{
	tt_lport = LPORT;
	tt_pport++;
	in("S 1000:1000(0) win 65535 %s", MSS);
	out("S. 0:0(0) ack 1001");
	in(". 1001:1001(0) ack 1 win 65535");
	testbed_run_ms(tb, 1);
}

/* Linux's TCP_DEFER_ACCEPT: accept() sees a connection when there is something to read. */
static void
test_defer(void)
{
	struct socket *so;

	set(ls, TCP_DEFER_ACCEPT_ALPINE, 10);
	is_int(get(ls, TCP_DEFER_ACCEPT_ALPINE), 10, "TCP_DEFER_ACCEPT");
	shake();
	ok(tt_accept(ls) == NULL, "established, not accepted");
	testbed_run_ms(tb, 3000);
	ok(tt_accept(ls) == NULL, "nor later");
	in("P. 1001:1011(10) ack 1 win 65535");
	so = tt_accept(ls);
	ok(so != NULL, "data: accepted");
	if (so == NULL)
		return;
	is_int(tt_read(so, 100), 10, "and read");
	peer_forget(p);
	tt_kill(so, 1011);
	shake();
	testbed_run_ms(tb, 9900);
	ok(tt_accept(ls) == NULL, "silence");
	testbed_run_ms(tb, 200);
	so = tt_accept(ls);
	ok(so != NULL, "is accepted after the time set");
	if (so != NULL)
		tt_kill(so, 1001);
	shake();
	in("F. 1001:1001(0) ack 1 win 65535");
	so = tt_accept(ls);
	ok(so != NULL, "so is an end");
	if (so != NULL) {
		is_int(tt_read(so, 10), 0, "which is read");
		tt_kill(so, 1002);
	}
	shake();
	in("R 1001:1001(0)");
	testbed_run_ms(tb, 20000);
	ok(tt_accept(ls) == NULL, "a reset one never comes");
	set(ls, TCP_DEFER_ACCEPT_ALPINE, 0);
	peer_forget(p);
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	test_values();
	test_nopush();
	test_quickack();
	test_user_timeout();
	test_info();
	test_defer();
	tt_close(ls);
	return (tt_done());
}
