/*
 * tcp_fastopen.c - TCP Fast Open's server, RFC 7413: cookies asked for and given, data on SYN read
 * before the handshake ends, and what falls back to an ordinary one.
 */
#include <sys/param.h>
#include <sys/socketvar.h>

#include "t/lib/tcptest.h"

static struct socket *ls;
static char cookie[40];

/* A SYN that asks, and the cookie of its answer. */
static void
ask(const char *option)
{
	const char *line, *at;

	tt_lport = LPORT;
	tt_pport++;
	in("S 1000:1000(0) win 65535 <mss 1460,%s>", option);
	line = peer_next(p, 5);
	cookie[0] = '\0';
	if (line != NULL && (at = strstr(line, "fo ")) != NULL) {
		strlcpy(cookie, at + 3, sizeof(cookie));
		for (char *c = cookie; *c != '\0'; c++)
			if (*c == ',' || *c == '>')
				*c = '\0';
	}
	in("R 1001:1001(0)");
	testbed_run_ms(tb, 1);
	peer_forget(p);
}

static void
test_off(void)
{
	ask("fo");
	is_str(cookie, "", "server_enable 0: no cookie");
	tt_set("net.inet.tcp.fastopen.server_enable", 1);
	ask("fo");
	is_str(cookie, "", "a listener without TCP_FASTOPEN: none");
	tt_setopt(ls, IPPROTO_TCP, TCP_FASTOPEN, 1);
	ask("sackOK");
	is_str(cookie, "", "to a client that does not ask: none");
}

static void
test_open(void)
{
	struct socket *so;
	uint64_t accepts = tt_count(tcps_tfo_accepts);

	ask("fo");
	is_int(strlen(cookie), 16, "a cookie of 8 bytes: %s", cookie);
	tt_pport++;
	in("SP 1000:1100(100) win 65535 <mss 1460,sackOK,fo %s>", cookie);
	out("S. 0:0(0) ack 1101 <mss 1460,...>");
	ok(true, "the data is acknowledged with the SYN");
	so = tt_accept(ls);
	ok(so != NULL, "accepted before the third segment");
	if (so == NULL)
		return;
	is_int(tt_state(so), TCPS_SYN_RECEIVED, "which has not come");
	is_int(tt_read(so, 1000), 100, "its data is read");
	is_int(tt_count(tcps_tfo_accepts) - accepts, 1, "counted");
	tt_write(so, 50);
	in(". 1101:1101(0) ack 1 win 65535");
	out("P. 1:51(50) ack 1101");
	is_int(tt_state(so), TCPS_ESTABLISHED, "and the connection is one");
	in("P. 1101:1111(10) ack 51 win 65535");
	is_int(tt_read(so, 1000), 10, "like any other");
	peer_forget(p);
	tt_kill(so, 1111);
}

/* The SYN,ACK is lost; the client sends SYN and data again. */
static void
test_lost(void)
{
	struct socket *so;

	tt_pport++;
	in("SP 1000:1100(100) win 65535 <mss 1460,fo %s>", cookie);
	out("S. 0:0(0) ack 1101");
	so = tt_accept(ls);
	if (so == NULL)
		tap_bail("not accepted");
	out_after(1000, 20, "S. 0:0(0) ack 1101");
	out_after(2000, 20, "S. 0:0(0) ack 1101");
	in(". 1101:1101(0) ack 1 win 65535");
	is_int(tt_state(so), TCPS_ESTABLISHED, "the SYN,ACK is sent again until it is heard");
	is_int(tt_read(so, 1000), 100, "data once");
	tt_kill(so, 1101);
	tt_pport++;
	in("SP 1000:1100(100) win 65535 <mss 1460,fo %s>", cookie);
	out("S. 0:0(0) ack 1101");
	so = tt_accept(ls);
	if (so == NULL)
		tap_bail("not accepted");
	tt_kill(so, 1101);
	ok(true, "a reset ends it before it began");
}

static void
test_fallback(void)
{
	struct socket *so;
	uint64_t bad = tt_count(tcps_tfo_badcookie);

	tt_pport++;
	in("SP 1000:1100(100) win 65535 <mss 1460,fo 0011223344556677>");
	out("S. 0:0(0) ack 1001 <mss 1460,fo *>");
	ok(tt_accept(ls) == NULL, "a wrong cookie: only the SYN counts, and a right one comes");
	in("P. 1001:1101(100) ack 1 win 65535");
	so = tt_accept(ls);
	ok(so != NULL, "the ordinary handshake goes on");
	if (so != NULL) {
		is_int(tt_read(so, 1000), 100, "with the data again");
		peer_forget(p);
		tt_kill(so, 1101);
	}
	is_int(tt_count(tcps_tfo_badcookie) - bad, 1, "counted");
	tt_set("net.inet.tcp.fastopen.maxpending", 1);
	tt_pport++;
	in("SP 1000:1010(10) win 65535 <mss 1460,fo %s>", cookie);
	out("S. 0:0(0) ack 1011");
	tt_pport++;
	in("SP 1000:1010(10) win 65535 <mss 1460,fo %s>", cookie);
	out("S. 0:0(0) ack 1001");
	ok(true, "beyond maxpending: an ordinary handshake (RFC 7413 5.1)");
	in("R 1001:1001(0)");
	tt_pport--;
	so = tt_accept(ls);
	if (so != NULL)
		tt_kill(so, 1011);
	tt_set("net.inet.tcp.fastopen.maxpending", 256);
	testbed_run_ms(tb, 250000);
	tt_pport++;
	peer_forget(p);
	in("SP 1000:1010(10) win 65535 <mss 1460,fo %s>", cookie);
	out("S. 0:0(0) ack 1001");
	in("R 1001:1001(0)");
	testbed_run_ms(tb, 1);
	ok(tt_accept(ls) == NULL, "a cookie of two keys ago is void");
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	test_off();
	test_open();
	test_lost();
	test_fallback();
	tt_close(ls);
	return (tt_done());
}
