/*
 * tcp_fastopen_client.c - TCP Fast Open's client, RFC 7413: a cookie is asked for, kept and used;
 * what is refused or lost falls back; paths on which it failed are left alone; the cache has a
 * bound.
 */
#include <sys/param.h>
#include <sys/siphash.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>

#include "t/lib/tcptest.h"

#define SERVER 7000

/* Connects with n bytes of data in the same call: 0, or an errno. */
static struct socket *
start(size_t n)
{
	struct socket *so;
	char data[4000];
	int error;

	tt_lport++;
	tb_pattern((uint8_t *)data, n, 1, 0);
	TB_ENTER(h);
	error = tb_socket(SOCK_STREAM, &so);
	if (error == 0)
		error = tb_bind(so, NULL, (uint16_t)tt_lport);
	if (error == 0)
		error = tb_setopt(so, IPPROTO_TCP, TCP_FASTOPEN, 1);
	if (error == 0)
		error = n == 0 ? tb_connect_start(so, "10.0.0.2", (uint16_t)tt_pport)
			       : tb_sendto(so, "10.0.0.2", (uint16_t)tt_pport, data, n);
	TB_LEAVE();
	if (error != 0)
		tap_bail("no connection");
	peer_mark(p);
	return (so);
}

static void
learn(const char *cookie)
{
	struct socket *so = start(0);

	out("S 0:0(0) win 65535 <mss 1460,nop,wscale *,sackOK,ts * 0,fo>");
	in("S. 1000:1000(0) ack 1 win 65535 <mss 1400,fo %s>", cookie);
	out(". 1:1(0) ack 1001");
	tt_kill(so, 1001);
}

static void
test_cookie(void)
{
	uint64_t cookies = tt_count(tcps_tfo_cookies), took = tt_count(tcps_tfo_connects);
	struct socket *so;

	so = start(100);
	out("S 0:0(0) win 65535 <mss 1460,nop,wscale *,sackOK,ts * 0,fo>");
	ok(true, "the first time: asked for, and no data (RFC 7413 4.2.1)");
	in("S. 1000:1000(0) ack 1 win 65535 <mss 1400,nop,nop,sackOK,fo 0123456789abcdef>");
	out("P. 1:101(100) ack 1001");
	ok(true, "which follows the handshake");
	is_int(tt_count(tcps_tfo_cookies) - cookies, 1, "a cookie is kept");
	tt_kill(so, 1001);

	so = start(100);
	out("S 0:100(100) win 65535 <mss 1460,nop,wscale *,sackOK,ts * 0,fo 0123456789abcdef>");
	in("S. 1000:1000(0) ack 101 win 65535 <mss 1400,nop,nop,sackOK>");
	out(". 101:101(0) ack 1001");
	is_int(tt_state(so), TCPS_ESTABLISHED, "the second time the SYN has cookie and data");
	is_int(tt_count(tcps_tfo_connects) - took, 1, "which the server took");
	is_int(so->so_snd.sb_ccc, 0, "and the send buffer is empty");
	in("P. 1001:1011(10) ack 101 win 65535");
	is_int(tt_read(so, 100), 10, "it goes on like any other");
	peer_forget(p);
	tt_write(so, 50);
	out("P. 101:151(50) ack 1011");
	tt_kill(so, 1011);

	so = start(3000);
	out("S 0:1368(1368) win 65535 <mss 1460,...>");
	ok(true, "no more than the MSS of last time, options subtracted (4.1.3)");
	in("S. 1000:1000(0) ack 1369 win 65535 <mss 1400,nop,nop,sackOK>");
	out(". 1369:2769(1400) ack 1001");
	in(". 1001:1001(0) ack 2769 win 65535"); /* Nagle */
	out("P. 2769:3001(232) ack 1001");
	is_int(tt_state(so), TCPS_ESTABLISHED, "the rest follows");
	tt_kill(so, 1001);
}

/* RFC 7413 4.2.2: the SYN,ACK acknowledges the SYN only. */
static void
test_refused(void)
{
	uint64_t refused = tt_count(tcps_tfo_refused), rexmit = tt_count(tcps_rexmttimeo);
	struct socket *so = start(200);

	out("S 0:200(200) <mss 1460,nop,wscale *,sackOK,ts * 0,fo 0123456789abcdef>");
	in("S. 1000:1000(0) ack 1 win 65535 <mss 1460,nop,nop,sackOK,fo fedcba9876543210>");
	out("P. 1:201(200) ack 1001");
	ok(true, "data that was not taken goes again at once");
	is_int(tt_count(tcps_tfo_refused) - refused, 1, "counted");
	is_int(tt_count(tcps_rexmttimeo) - rexmit, 0, "that is no time-out");
	is_int(tt_tcpcb(so)->snd_cwnd, 14600, "nor a loss: the window is whole");
	in(". 1001:1001(0) ack 201 win 65535");
	tt_kill(so, 1001);
	so = start(10);
	out("S 0:10(10) <mss 1460,nop,wscale *,sackOK,ts * 0,fo fedcba9876543210>");
	ok(true, "the new cookie is used from then on");
	in("S. 1000:1000(0) ack 6 win 65535 <mss 1460,nop,nop,sackOK>");
	out("P. 6:11(5) ack 1001");
	ok(true, "a server that took half of it gets the rest");
	tt_kill(so, 1001);
	/* simultaneous open */
	so = start(10);
	out("S 0:10(10)");
	in("S 1000:1000(0) win 65535 <mss 1460,sackOK>");
	out("S. 0:0(0) ack 1001");
	in(". 1001:1001(0) ack 1 win 65535");
	out("P. 1:11(10) ack 1001");
	ok(true, "SYNs that cross: an ordinary simultaneous open, and then the data");
	tt_kill(so, 1001);
	/* a server that forgot the option: neither data taken nor a cookie */
	so = start(10);
	out("S 0:10(10)");
	in("S. 1000:1000(0) ack 1 win 65535 <mss 1460>");
	out("P. 1:11(10) ack 1001");
	tt_kill(so, 1001);
	so = start(10);
	out("S 0:0(0) <mss 1460,nop,wscale *,sackOK,ts * 0>");
	ok(true, "a server that does not know the option is not asked again");
	in("R. 0:0(0) ack 1");
	is_int(tt_error(so), ECONNREFUSED, "and a reset refuses");
	tt_close(so);
	testbed_run_ms(tb, 901 * 1000);
	peer_forget(p);
	learn("0123456789abcdef");
	ok(true, "for path_disable_time");
}

static void
test_lost(void)
{
	uint64_t fails = tt_count(tcps_tfo_pathfail);
	struct socket *so = start(100);

	out("S 0:100(100) <mss 1460,nop,wscale *,sackOK,ts * 0,fo 0123456789abcdef>");
	out_after(1000, 20, "S 0:0(0) <mss 1460,nop,wscale *,sackOK,ts * 0>");
	ok(true, "a SYN without answer goes again without option and data (4.1.3.1)");
	in("S. 1000:1000(0) ack 1 win 65535 <mss 1460>");
	out("P. 1:101(100) ack 1001");
	ok(true, "and the data follows");
	in(". 1001:1001(0) ack 101 win 65535");
	is_int(tt_count(tcps_tfo_pathfail) - fails, 1, "the path is left alone");
	tt_kill(so, 1001);
	so = start(100);
	out("S 0:0(0) <mss 1460,nop,wscale *,sackOK,ts * 0>");
	in("S. 1000:1000(0) ack 1 win 65535 <mss 1460>");
	out("P. 1:101(100) ack 1001");
	tt_kill(so, 1001);
	/* the first SYN was heard after all, the second as well */
	tt_pport++;
	learn("0011223344556677");
	so = start(100);
	out("S 0:100(100)");
	out_after(1000, 20, "S 0:0(0)");
	in("S. 1000:1000(0) ack 101 win 65535 <mss 1460>");
	out(". 101:101(0) ack 1001");
	is_int(tt_state(so), TCPS_ESTABLISHED, "the answer to the first of two SYNs counts");
	is_int(so->so_snd.sb_ccc, 0, "its data is taken");
	tt_kill(so, 1001);
	/* the handshake works, and then nothing */
	tt_pport++;
	learn("0011223344556677");
	fails = tt_count(tcps_tfo_pathfail);
	so = start(100);
	out("S 0:100(100)");
	in("S. 1000:1000(0) ack 101 win 65535 <mss 1460>");
	out(". 101:101(0) ack 1001");
	tt_write(so, 10);
	testbed_run_ms(tb, 5000);
	is_int(
	    tt_count(tcps_tfo_pathfail) - fails, 1, "silence after the handshake: left alone too");
	peer_forget(p);
	tt_kill(so, 1001);
}

/* The program may close, or half-close, before the SYN is answered. */
static void
test_close(void)
{
	struct socket *so;

	tt_pport++;
	learn("0011223344556677");
	so = start(100);
	out("S 0:100(100)");
	tt_close(so);
	in("S. 1000:1000(0) ack 101 win 65535 <mss 1460>");
	out("F. 101:101(0) ack 1001");
	ok(true, "close() after sendto(): the data and a FIN");
	in("F. 1001:1001(0) ack 102 win 65535");
	out(". 102:102(0) ack 1002");
	so = start(100);
	out("S 0:100(100)");
	tt_shutdown(so, SHUT_WR);
	in("S. 1000:1000(0) ack 1 win 65535 <mss 1460>");
	out("FP. 1:101(100) ack 1001");
	in("F. 1001:1001(0) ack 102 win 65535");
	out(". 102:102(0) ack 1002");
	ok(true, "shutdown(), and the data was not taken: both again");
	tt_close(so);
	peer_forget(p);
}

static void
test_psk(void)
{
	struct tcp_fastopen tfo = {.enable = 1};
	static const uint8_t cookie[8] = {0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77};
	uint64_t want;
	char hex[20];
	struct socket *so;
	struct sockaddr_in sin = tb_sin("10.0.0.2", (uint16_t)++tt_pport);
	int error;

	learn("0011223344556677");
	memset(tfo.psk, 7, sizeof(tfo.psk));
	want = siphash24(tfo.psk, cookie, sizeof(cookie));
	for (u_int i = 0; i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x", ((uint8_t *)&want)[i]);
	TB_ENTER(h);
	tt_lport++;
	error = tb_socket(SOCK_STREAM, &so);
	if (error == 0)
		error = tb_bind(so, NULL, (uint16_t)tt_lport);
	if (error == 0)
		error = so_setsockopt(so, IPPROTO_TCP, TCP_FASTOPEN, &tfo, sizeof(tfo));
	if (error == 0)
		error = tb_sendto(so, "10.0.0.2", ntohs(sin.sin_port), "hello", 5);
	TB_LEAVE();
	is_int(error, 0, "a socket with a shared secret");
	peer_mark(p);
	out("S 0:5(5) <mss 1460,nop,wscale *,sackOK,ts * 0,fo %s>", hex);
	ok(true, "sends its cookie hashed with it");
	in("R. 0:0(0) ack 6");
	testbed_run_ms(tb, 1);
	tt_close(so);
}

static int
entries(void)
{
	int n = -1;
	size_t len = sizeof(n);

	TB_ENTER(h);
	(void)kernel_sysctlbyname(
	    NULL, "net.inet.tcp.fastopen.ccache_entries", &n, &len, NULL, 0, NULL, 0);
	TB_LEAVE();
	return (n);
}

static void
test_cache(void)
{
	struct socket *so;

	tt_set("net.inet.tcp.fastopen.ccache_bucket_limit", 1);
	for (int i = 0; i < 40; i++) {
		tt_pport = 8000 + i;
		learn("0011223344556677");
	}
	ok(entries() >= 40, "%d servers are known", entries());
	tt_set("net.inet.tcp.fastopen.client_enable", 0);
	is_int(entries(), 0, "client_enable 0 forgets them");
	so = start(10);
	out("S 0:0(0) <mss 1460,nop,wscale *,sackOK,ts * 0>");
	ok(true, "and nobody is asked");
	in("R. 0:0(0) ack 1");
	testbed_run_ms(tb, 1);
	tt_close(so);
	tt_set("net.inet.tcp.fastopen.client_enable", 1);
	tt_set("net.inet.tcp.fastopen.ccache_bucket_limit", 0);
	learn("0011223344556677");
	is_int(entries(), 0, "ccache_bucket_limit 0: nothing is kept");
	tt_set("net.inet.tcp.fastopen.ccache_bucket_limit", 16);
	in("R 0:0(0)");
	/* cookies that no server should send */
	tt_pport++;
	so = start(0);
	out("S 0:0(0)");
	in("S. 1000:1000(0) ack 1 win 65535 <mss 1400,fo 0011>");
	out(". 1:1(0) ack 1001");
	is_int(entries(), 1, "a cookie of 2 bytes is none; the path has failed");
	tt_kill(so, 1001);
}

int
main(void)
{
	tt_init();
	tt_pport = SERVER;
	tt_lport = 31000;
	test_cookie();
	test_refused();
	test_lost();
	test_close();
	test_psk();
	test_cache();
	return (tt_done());
}
