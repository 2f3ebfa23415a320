/*
 * tcp_syncookie.c - listening under pressure: the bound of the SYN cache, SYN cookies (RFC 4987
 * 3.6), the backlog, and which of several listeners gets a connection (SO_REUSEPORT_LB).
 */
#include <sys/param.h>
#include <sys/socketvar.h>
#include <netinet/tcp_syncache.h>

#include "t/lib/tcptest.h"

static struct socket *ls;

static u_int
cached(void)
{
	u_int n;

	TB_ENTER(h);
	n = syncache_count();
	TB_LEAVE();
	return (n);
}

/* One SYN with the options given, answered; the third segment is the caller's. */
static void
half_open(const char *opts)
{
	tt_lport = LPORT;
	tt_pport++;
	in("S 1000:1000(0) win 65535 %s", opts);
	out("S. 0:0(0) ack 1001 win 65535");
}

static void
test_bound(void)
{
	uint64_t sent = tt_count(tcps_sc_sendcookie), full = tt_count(tcps_sc_cacheoverflow);

	tt_set("net.inet.tcp.syncache.cachelimit", 50);
	for (int i = 0; i < 200; i++)
		half_open("<mss 1460>");
	is_int(cached(), 50, "200 SYNs, 50 entries");
	is_int(tt_count(tcps_sc_cacheoverflow) - full, 150, "the others overflow");
	is_int(tt_count(tcps_sc_sendcookie) - sent, 150, "and are answered with cookies");
}

/* The cache stays full: every connection below is by cookie. */
static void
test_cookies(void)
{
	struct socket *so;
	struct tcpcb *tp;

	half_open("<mss 1400,nop,wscale 5,sackOK,ts 100 0>");
	in(". 1001:1001(0) ack 1 win 1000 <nop,nop,ts 101 last>");
	so = tt_accept(ls);
	ok(so != NULL, "a cookie opens a connection");
	if (so == NULL)
		return;
	tp = tt_tcpcb(so);
	is_int(tp->t_maxseg, 1400, "the MSS came back");
	is_int(tp->snd_scale, 4, "the scale, rounded down");
	ok((tp->t_flags & TF_SACK_PERMIT) != 0, "SACK");
	ok((tp->t_flags & TF_RCVD_TSTMP) != 0, "timestamps");
	is_int(tp->snd_wnd, 16000, "their window");
	in("P. 1001:1011(10) ack 1 win 1000 <nop,nop,ts 102 last>");
	is_int(tt_read(so, 100), 10, "and it carries data");
	peer_forget(p);
	tt_kill(so, 1011);

	half_open("<mss 900>");
	in("P. 1001:1021(20) ack 1 win 1000"); /* the third segment was lost; the data says as much
						*/
	so = tt_accept(ls);
	ok(so != NULL, "data completes the handshake too");
	if (so == NULL)
		return;
	tp = tt_tcpcb(so);
	is_int(tp->t_maxseg, 536, "an MSS between two places is rounded down");
	ok((tp->t_flags & (TF_SACK_PERMIT | TF_RCVD_TSTMP | TF_RCVD_SCALE)) == 0,
	    "no options that were not offered");
	is_int(tt_read(so, 100), 20, "its data");
	tt_kill(so, 1021);
	peer_forget(p);
}

static void
test_forged(void)
{
	uint64_t bad = tt_count(tcps_sc_failcookie);

	half_open("<mss 1460>");
	in(". 1001:1001(0) ack 2 win 1000");
	out("R 2:2(0)");
	in(". 1002:1002(0) ack 1 win 1000"); /* the right cookie for another SYN */
	out("R 1:1(0)");
	tt_pport++;
	in(". 1001:1001(0) ack 1 win 1000"); /* for another port */
	ok(peer_next(p, 5) != NULL, "reset");
	is_int(tt_count(tcps_sc_failcookie) - bad, 3, "forged cookies are counted");
	ok(tt_accept(ls) == NULL, "and open nothing");
	/* too old */
	half_open("<mss 1460>");
	testbed_run_ms(tb, 61000);
	peer_forget(p);
	in(". 1001:1001(0) ack 1 win 1000");
	out("R 1:1(0)");
	/* the timestamp tells that it is, even while its secret lives */
	ok(tt_accept(ls) == NULL, "a cookie dies");
	is_int(cached(), 0, "so do the entries");
}

/* 61 s without a cookie: none is believed, whatever it holds. */
static void
test_quiet(void)
{
	uint64_t spurious = tt_count(tcps_sc_spurcookie);

	tt_pport++;
	in(". 1001:1001(0) ack 77 win 1000");
	ok(peer_next(p, 5) != NULL, "reset");
	is_int(tt_count(tcps_sc_spurcookie) - spurious, 1, "without a look at it");
}

static void
test_sysctls(void)
{
	struct socket *so;
	uint64_t sent;

	tt_set("net.inet.tcp.syncache.cachelimit", 2);
	tt_set("net.inet.tcp.syncookies", 0);
	sent = tt_count(tcps_sc_sendcookie);
	for (int i = 0; i < 5; i++)
		half_open("<mss 1460>");
	is_int(cached(), 2, "without cookies the oldest makes room");
	is_int(tt_count(tcps_sc_sendcookie) - sent, 0, "no cookie");
	tt_pport -= 4;
	in(". 1001:1001(0) ack 1 win 1000");
	out("R 1:1(0)");
	tt_pport += 4;
	in(". 1001:1001(0) ack 1 win 1000");
	so = tt_accept(ls);
	ok(so != NULL, "the newest is there");
	if (so != NULL)
		tt_kill(so, 1001);
	testbed_run_ms(tb, 30000);
	peer_forget(p);
	tt_set("net.inet.tcp.syncookies_only", 1);
	half_open("<mss 1460>");
	is_int(cached(), 0, "cookies only: nothing is kept");
	quiet(5000);
	in(". 1001:1001(0) ack 1 win 1000");
	so = tt_accept(ls);
	ok(so != NULL, "and the connection opens");
	if (so != NULL)
		tt_kill(so, 1001);
	tt_set("net.inet.tcp.syncookies_only", 0);
	tt_set("net.inet.tcp.syncookies", 1);
	tt_set("net.inet.tcp.syncache.cachelimit", 15360);
}

/* kern.ipc: 3/2 of the backlog and one wait; what comes then is neither answered nor reset. */
static void
test_backlog(void)
{
	struct socket *so, *small;
	uint64_t dropped;
	int n = 0;

	TB_ENTER(h);
	is_int(tb_listen(82, 2, &small), 0, "a backlog of 2");
	TB_LEAVE();
	tt_lport = 82;
	for (int i = 0; i < 4; i++) {
		tt_pport++;
		in("S 1000:1000(0) win 65535 <mss 1460>");
		out("S. 0:0(0) ack 1001");
		in(". 1001:1001(0) ack 1 win 65535");
	}
	testbed_run_ms(tb, 1);
	dropped = tt_count(tcps_listendrop);
	tt_pport++;
	in("S 1000:1000(0) win 65535 <mss 1460>");
	quiet(900);
	is_int(tt_count(tcps_listendrop) - dropped, 1, "the fifth SYN is dropped, not reset");
	while ((so = tt_accept(small)) != NULL) {
		n++;
		TB_ENTER(h);
		tb_setopt(so, SOL_SOCKET, SO_LINGER, 0);
		TB_LEAVE();
		tt_close(so);
	}
	is_int(n, 4, "four were accepted");
	testbed_run_ms(tb, 1);
	peer_forget(p);
	in("S 1000:1000(0) win 65535 <mss 1460>");
	out("S. 0:0(0) ack 1001");
	ok(true, "tried again, it is answered");
	in("R 1001:1001(0)");
	testbed_run_ms(tb, 1);
	tt_close(small);
	testbed_run_ms(tb, 700000);
	peer_forget(p);
}

static struct socket *
lb_listener(void)
{
	struct socket *so;

	TB_ENTER(h);
	if (tb_socket(SOCK_STREAM, &so) != 0 ||
	    tb_setopt(so, SOL_SOCKET, SO_REUSEPORT_LB, 1) != 0 || tb_bind(so, NULL, 83) != 0 ||
	    solisten(so, 128, NULL) != 0)
		tap_bail("no balanced listener");
	TB_LEAVE();
	return (so);
}

static void
test_balance(void)
{
	struct socket *group[3], *so;
	int got[3] = {0};

	for (int i = 0; i < 3; i++)
		group[i] = lb_listener();
	tt_lport = 83;
	for (int i = 0; i < 120; i++) {
		tt_pport++;
		in("S 1000:1000(0) win 65535 <mss 1460>");
		out("S. 0:0(0) ack 1001");
		in(". 1001:1001(0) ack 1 win 65535");
	}
	testbed_run_ms(tb, 1);
	for (int i = 0; i < 3; i++) {
		while ((so = tt_accept(group[i])) != NULL) {
			got[i]++;
			tt_close(so);
		}
	}
	is_int(got[0] + got[1] + got[2], 120, "all are accepted");
	ok(got[0] > 15 && got[1] > 15 && got[2] > 15, "balanced: %d %d %d", got[0], got[1], got[2]);
	testbed_run_ms(tb, 1);
	peer_forget(p);
	/* a listener that goes while a handshake is under way leaves it to the others */
	tt_pport++;
	in("S 1000:1000(0) win 65535 <mss 1460>");
	out("S. 0:0(0) ack 1001");
	tt_close(group[0]);
	tt_close(group[1]);
	in(". 1001:1001(0) ack 1 win 65535");
	so = tt_accept(group[2]);
	ok(so != NULL, "the last listener takes what another began");
	if (so != NULL)
		tt_kill(so, 1001);
	tt_close(group[2]);
	testbed_run_ms(tb, 1000000);
	peer_forget(p);
}

int
main(void)
{
	tt_init();
	ls = tt_listen(128);
	test_bound();
	test_cookies();
	test_forged();
	test_quiet();
	test_sysctls();
	test_backlog();
	test_balance();
	tt_close(ls);
	return (tt_done());
}
