/*
 * tcp_md5.c - MD5 (RFC 1321 A.5) and TCP's signatures (RFC 2385): two stacks that share a key, or
 * do not; each signature on the wire is computed again here.
 */
#include <sys/param.h>
#include <sys/endian.h>
#include <sys/errno.h>
#include <sys/md5.h>
#include <sys/socketvar.h>
#include <sys/systm.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_var.h>

#include "t/lib/tap.h"
#include "t/lib/testbed.h"

static struct testbed *tb;
static struct tb_host *a, *b;
static int nsigned, nunsigned, nwrong;
static const char *wire_key = "secret";

static void
test_vectors(void)
{
	static const struct {
		const char *text, *digest;
	} v[] = {
	    {"", "d41d8cd98f00b204e9800998ecf8427e"},
	    {"a", "0cc175b9c0f1b6a831c399e269772661"},
	    {"abc", "900150983cd24fb0d6963f7d28e17f72"},
	    {"message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
	    {"abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b"},
	    {"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
		"d174ab98d277d9f5a5611c2c9f419d9f"},
	    {"1234567890123456789012345678901234567890"
	     "1234567890123456789012345678901234567890",
		"57edf4a22be3c955ac49da2e2107b67a"},
	};
	unsigned char d[MD5_DIGEST_LENGTH];
	char hex[33];
	MD5_CTX ctx;

	for (u_int i = 0; i < nitems(v); i++) {
		MD5Init(&ctx);
		for (size_t at = 0; at < strlen(v[i].text); at += 7)
			MD5Update(&ctx, v[i].text + at, MIN(strlen(v[i].text) - at, 7));
		MD5Final(d, &ctx);
		for (int j = 0; j < 16; j++)
			snprintf(hex + 2 * j, 3, "%02x", d[j]);
		is_str(hex, v[i].digest, "\"%.20s\"", v[i].text);
	}
}

/* Every TCP segment on the wire. */
static bool
look(void *arg __unused, struct link *from __unused, const uint8_t *f, size_t len)
{
	const uint8_t *ip = f + 14, *th = ip + 20;
	unsigned char d[MD5_DIGEST_LENGTH];
	uint8_t head[32];
	u_int tcplen, hlen;
	MD5_CTX ctx;

	if (len < 54 || f[12] != 8 || f[13] != 0 || ip[9] != IPPROTO_TCP)
		return (true);
	tcplen = be16dec(ip + 2) - 20;
	hlen = (u_int)(th[12] >> 4) * 4;
	for (u_int i = 20; i < hlen && th[i] != 0; i += th[i] == 1 ? 1 : th[i + 1]) {
		if (th[i] != 19)
			continue;
		memcpy(head, ip + 12, 8);
		head[8] = 0;
		head[9] = IPPROTO_TCP;
		be16enc(head + 10, (uint16_t)tcplen);
		memcpy(head + 12, th, 20);
		head[28] = head[29] = 0;
		MD5Init(&ctx);
		MD5Update(&ctx, head, 32);
		MD5Update(&ctx, th + hlen, tcplen - hlen);
		MD5Update(&ctx, wire_key, strlen(wire_key));
		MD5Final(d, &ctx);
		nsigned++;
		nwrong += th[i + 1] != 18 || memcmp(d, th + i + 2, 16) != 0;
		return (true);
	}
	nunsigned++;
	return (true);
}

static int
set_key(struct socket *so, const char *addr, const char *key)
{
	struct tcp_md5sig sig = {0};

	sig.tcpm_addr = tb_sin(addr, 0).sin_addr;
	sig.tcpm_keylen = (uint32_t)strlen(key);
	memcpy(sig.tcpm_key, key, MIN(sig.tcpm_keylen, sizeof(sig.tcpm_key)));
	return (so_setsockopt(so, IPPROTO_TCP, TCP_MD5SIG, &sig, sizeof(sig)));
}

static uint64_t received;
static struct socket *ls;

static void
server(struct tb_host *host __unused, void *arg __unused)
{
	static uint8_t buf[100000];
	struct socket *so;
	size_t n;

	if (tb_accept(ls, &so) != 0)
		return;
	while (tb_read(so, buf, sizeof(buf), &n) == 0 && n > 0)
		received += n;
	(void)soclose(so);
}

static int connect_error;

static void
client(struct tb_host *host __unused, void *arg)
{
	static uint8_t buf[300000];
	struct socket *so;

	(void)tb_socket(SOCK_STREAM, &so);
	if (arg != NULL && set_key(so, "10.0.0.2", arg) != 0)
		tap_bail("no key");
	connect_error = tb_connect(so, "10.0.0.2", 179);
	if (connect_error == 0)
		(void)tb_write(so, buf, sizeof(buf));
	(void)soclose(so);
}

static void
try_client(const char *key)
{
	received = 0;
	nsigned = nunsigned = nwrong = 0;
	connect_error = -1;
	tb_spawn(a, client, __DECONST(char *, key));
	testbed_run_ms(tb, 90000);
}

int
main(void)
{
	static const struct wire_params wire = {
	    .delay_ns = 1000000, .loss_ppm = 10000, .caps = LINK_CAP_CSUM};
	uint64_t bad, none;

	test_vectors();
	tb = testbed_init(2385, &wire);
	a = testbed_host(tb, "a", "10.0.0.1/24");
	b = testbed_host(tb, "b", "10.0.0.2/24");
	testbed_run_ms(tb, 5000);
	wire_set_filter(testbed_wire(tb), look, NULL);
	TB_ENTER(b);
	if (tb_listen(179, 4, &ls) != 0)
		tap_bail("listen");
	is_int(set_key(ls, "10.0.0.1", "secret"), 0, "the listener has a key for its peer");
	is_int(set_key(ls, "0.0.0.0", "x"), EINVAL, "none for everybody");
	is_int(set_key(ls, "10.0.0.9", "x"), 0, "another peer's");
	is_int(set_key(ls, "10.0.0.9", ""), 0, "taken away");
	TB_LEAVE();
	tb_spawn(b, server, NULL);

	try_client("secret");
	is_int(connect_error, 0, "the same key: connected");
	is_int(received, 300000, "and all data came, over a wire that loses");
	ok(nsigned > 200 && nunsigned == 0, "%d segments signed, %d not", nsigned, nunsigned);
	is_int(nwrong, 0, "as RFC 2385 2.0 says");
	TB_ENTER(b);
	ok(V_tcpstat.tcps_sig_rcvgoodsig > 100, "counted");
	is_int(V_tcpstat.tcps_sig_rcvbadsig, 0, "none bad");
	bad = V_tcpstat.tcps_sig_rcvbadsig;
	none = V_tcpstat.tcps_sig_err_nosigopt;
	TB_LEAVE();

	try_client("wrong");
	is_int(connect_error, ETIMEDOUT, "another key: not even refused (RFC 2385 2.0)");
	TB_ENTER(b);
	ok(V_tcpstat.tcps_sig_rcvbadsig > bad, "bad signatures are counted");
	TB_LEAVE();
	try_client(NULL);
	is_int(connect_error, ETIMEDOUT, "no key: no answer");
	ok(nsigned == 0 && nunsigned > 1, "an unsigned SYN gets no signed answer");
	TB_ENTER(b);
	ok(V_tcpstat.tcps_sig_err_nosigopt > none, "missing ones too");
	is_int(set_key(ls, "10.0.0.1", ""), 0, "the listener forgets the key");
	TB_LEAVE();
	try_client("secret");
	is_int(connect_error, ETIMEDOUT, "signed where no key is: dropped");
	tb_spawn(b, server, NULL);
	try_client(NULL);
	is_int(connect_error, 0, "without keys all is as ever");
	is_int(received, 300000, "with all data");
	ok(nsigned == 0, "unsigned");
	TB_ENTER(b);
	(void)soclose(ls);
	TB_LEAVE();
	testbed_done(tb);
	return (tap_done());
}
