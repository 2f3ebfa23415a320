/*
 * tcp_fastopen.c - TCP Fast Open's server, RFC 7413: cookies asked for and given, data on SYN read
 * before the handshake ends, and what falls back to an ordinary one.
 */
#include <sys/param.h>
#include <sys/siphash.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>

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

/* RFC 7413 4.2.1: the answer may go before the third segment. */
static void
test_early_answer(void)
{
	struct socket *so;

	ask("fo");
	tt_pport++;
	in("SP 1000:1100(100) win 65535 <mss 1460,sackOK,fo %s>", cookie);
	out("S. 0:0(0) ack 1101 <mss 1460,...>");
	so = tt_accept(ls);
	if (so == NULL)
		tap_bail("not accepted");
	tt_write(so, 20000);
	for (u_int i = 0; i < 10; i++)
		out(". %u:%u(1460) ack 1101", 1 + i * 1460, 1 + (i + 1) * 1460);
	ok(quiet(200), "an initial window of answer, and no more, before the handshake ends");
	is_int(tt_state(so), TCPS_SYN_RECEIVED, "which has not");
	in(". 1101:1101(0) ack 14601 win 65535");
	out(". 14601:16061(1460) ack 1101");
	is_int(tt_state(so), TCPS_ESTABLISHED, "an ACK of all of it ends it, and more follows");
	peer_forget(p);
	tt_kill(so, 1101);
	/* and all of it is lost */
	tt_pport++;
	in("SP 1000:1100(100) win 65535 <mss 1460,sackOK,fo %s>", cookie);
	out("S. 0:0(0) ack 1101");
	so = tt_accept(ls);
	if (so == NULL)
		tap_bail("not accepted");
	tt_write(so, 1000);
	out("P. 1:1001(1000) ack 1101");
	out_after(1000, 20, "S. 0:0(0) ack 1101");
	ok(quiet(500), "the time-out repeats the SYN,ACK alone");
	in(". 1101:1101(0) ack 1 win 65535");
	out("P. 1:1001(1000) ack 1101");
	ok(true, "and the data when that is answered");
	in(". 1101:1101(0) ack 1001 win 65535");
	tt_kill(so, 1101);
	/* the SYN,ACK arrives, the answer is lost: the retransmission timer finds it */
	tt_pport++;
	in("SP 1000:1100(100) win 65535 <mss 1460,sackOK,fo %s>", cookie);
	out("S. 0:0(0) ack 1101");
	so = tt_accept(ls);
	if (so == NULL)
		tap_bail("not accepted");
	tt_write(so, 1000);
	out("P. 1:1001(1000) ack 1101");
	in(". 1101:1101(0) ack 1 win 65535");
	out_after(1000, 1000, "P. 1:1001(1000) ack 1101");
	ok(true, "an answer that was lost is sent again");
	tt_kill(so, 1101);
}

/* Linux's TCP_FASTOPEN: as many as it says may be pending; otherwise half the backlog. */
static void
test_queue(void)
{
	struct socket *so;

	tt_setopt(ls, IPPROTO_TCP, TCP_FASTOPEN_QLEN_ALPINE, 1);
	ask("fo");
	tt_pport++;
	in("SP 1000:1010(10) win 65535 <mss 1460,fo %s>", cookie);
	out("S. 0:0(0) ack 1011");
	tt_pport++;
	in("SP 1000:1010(10) win 65535 <mss 1460,fo %s>", cookie);
	out("S. 0:0(0) ack 1001");
	ok(true, "a queue of one: the second is an ordinary one");
	in("R 1001:1001(0)");
	tt_pport--;
	so = tt_accept(ls);
	in(". 1011:1011(0) ack 1 win 65535");
	testbed_run_ms(tb, 1);
	tt_pport += 2;
	in("SP 1000:1010(10) win 65535 <mss 1460,fo %s>", cookie);
	out("S. 0:0(0) ack 1011");
	ok(true, "established, it waits no longer");
	in("R 1011:1011(0)");
	testbed_run_ms(tb, 1);
	tt_pport--;
	tt_pport--;
	if (so != NULL)
		tt_kill(so, 1011);
	while ((so = tt_accept(ls)) != NULL)
		tt_close(so);
	tt_pport += 3;
	tt_setopt(ls, IPPROTO_TCP, TCP_FASTOPEN, 1);
	tt_setopt(ls, IPPROTO_TCP, TCP_FASTOPEN_QLEN_ALPINE, 16);
}

static void
set_text(const char *name, const char *text, int want)
{
	int error;

	TB_ENTER(h);
	error = kernel_sysctlbyname(NULL, name, NULL, NULL, text, strlen(text) + 1, NULL, 0);
	TB_LEAVE();
	is_int(error, want, "%s=%s", name, text);
}

static bool
taken(const char *with)
{
	struct socket *so;
	bool yes;

	peer_forget(p);
	tt_pport++;
	in("SP 1000:1010(10) win 65535 <mss 1460,fo %s>", with);
	testbed_run_ms(tb, 2);
	so = tt_accept(ls);
	yes = so != NULL;
	peer_forget(p);
	in("R %u:%u(0)", yes ? 1011 : 1001, yes ? 1011 : 1001);
	testbed_run_ms(tb, 1);
	if (so != NULL)
		tt_close(so);
	return (yes);
}

static void
test_keys(void)
{
	char first[40], psk[40];
	uint8_t raw[8], secret[16];
	uint64_t hash;

	set_text("net.inet.tcp.fastopen.setkey", "000102030405060708090a0b0c0d0e0f", 0);
	set_text("net.inet.tcp.fastopen.setkey", "0001", EINVAL);
	set_text("net.inet.tcp.fastopen.setkey", "000102030405060708090a0b0c0d0e0g", EINVAL);
	tt_set("net.inet.tcp.fastopen.autokey", 0);
	ask("fo");
	strlcpy(first, cookie, sizeof(first));
	testbed_run_ms(tb, 500000);
	ask("fo");
	is_str(cookie, first, "autokey 0: the key stays");
	set_text("net.inet.tcp.fastopen.setkey", "ff0102030405060708090a0b0c0d0e0f", 0);
	ask("fo");
	ok(strcmp(cookie, first) != 0, "another key, another cookie");
	ok(taken(cookie) && taken(first), "both are good");
	set_text("net.inet.tcp.fastopen.setkey", "fe0102030405060708090a0b0c0d0e0f", 0);
	ok(!taken(first), "of two keys ago it is not");
	ok(taken(cookie), "of one it is");

	tt_set("net.inet.tcp.fastopen.psk_enable", 1);
	set_text("net.inet.tcp.fastopen.setpsk", "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f", 0);
	ask("fo");
	ok(!taken(cookie), "psk_enable: a cookie is not enough");
	memset(secret, 0x0f, sizeof(secret));
	for (u_int i = 0; i < 8; i++) {
		char two[3] = {cookie[2 * i], cookie[2 * i + 1], '\0'};

		raw[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	hash = siphash24(secret, raw, sizeof(raw));
	for (u_int i = 0; i < 8; i++)
		snprintf(psk + 2 * i, 3, "%02x", ((uint8_t *)&hash)[i]);
	ok(taken(psk), "hashed with the secret it is");
	tt_set("net.inet.tcp.fastopen.psk_enable", 0);
	tt_set("net.inet.tcp.fastopen.psk_enable", 1);
	ok(!taken(psk), "turned off and on: the secrets are forgotten");
	tt_set("net.inet.tcp.fastopen.psk_enable", 0);
	tt_set("net.inet.tcp.fastopen.acceptany", 1);
	ok(taken("0000000000000001"), "acceptany: anything is");
	tt_set("net.inet.tcp.fastopen.acceptany", 0);
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
	test_early_answer();
	test_queue();
	test_keys();
	tt_close(ls);
	return (tt_done());
}
