/*
 * tcptest.c - see tcptest.h.
 */
#include "t/lib/tcptest.h"

#include <sys/sysctl.h>

struct testbed *tb;
struct tb_host *h;
struct packet_peer *p;
int tt_lport, tt_pport = 20000;

void
tt_init(void)
{
	tb = testbed_init(9293, NULL);
	h = testbed_host(tb, "stack", "10.0.0.1/24");
	p = peer_create(tb, "10.0.0.2", h);
	testbed_run_ms(tb, 5000); /* ARP's probes of our own address */
	peer_forget(p);
	tt_default_cc("newreno");
	tt_set("net.inet.tcp.hostcache.enable", 0); /* each connection is the first */
}

void
tt_default_cc(const char *name)
{
	TB_ENTER(h);
	V_default_cc_ptr = cc_find_algo(name);
	if (V_default_cc_ptr == NULL)
		tap_bail("no such algorithm");
	TB_LEAVE();
}

int
tt_done(void)
{
	peer_destroy(p);
	testbed_done(tb);
	return (tap_done());
}

void
tt_in(const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	inject(p, "TCP 10.0.0.2:%d > 10.0.0.1:%d %s", tt_pport, tt_lport, text);
}

bool
tt_out(int after_ms, int tolerance_ms, const char *file, int line, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return (peer_expect(p, after_ms, tolerance_ms, file, line,
	    "TCP 10.0.0.1:%d > 10.0.0.2:%d %s", tt_lport, tt_pport, text));
}

struct socket *
tt_listen(int backlog)
{
	struct socket *so;
	int error;

	TB_ENTER(h);
	error = tb_listen(LPORT, backlog, &so);
	TB_LEAVE();
	if (error != 0)
		tap_bail("no listener");
	return (so);
}

struct socket *
tt_accept(struct socket *ls)
{
	struct sockaddr_storage ss;
	struct socket *so;

	testbed_run_ms(tb, 1);
	TB_ENTER(h);
	if (solisten_dequeue(ls, &so, 0) != 0)
		so = NULL;
	else
		(void)soaccept(so, (struct sockaddr *)&ss);
	TB_LEAVE();
	return (so);
}

struct socket *
tt_passive(struct socket *ls, const char *opts)
{
	struct socket *so;

	tt_lport = LPORT;
	tt_pport++;
	in("S 1000:1000(0) win 65535 %s", opts);
	if (!out("S. 0:0(0) ack 1001"))
		tap_bail("no SYN,ACK");
	if (strstr(opts, "ts ") != NULL)
		in(". 1001:1001(0) ack 1 win 65535 <nop,nop,ts 1 last>");
	else
		in(". 1001:1001(0) ack 1 win 65535");
	so = tt_accept(ls);
	if (so == NULL)
		tap_bail("no connection");
	peer_forget(p);
	return (so);
}

struct socket *
tt_active(const char *opts)
{
	struct socket *so;

	TB_ENTER(h);
	tt_lport = 30000 + tt_pport % 10000;
	tt_pport++;
	if (tb_socket(SOCK_STREAM, &so) != 0 || tb_bind(so, NULL, (uint16_t)tt_lport) != 0 ||
	    tb_connect_start(so, "10.0.0.2", (uint16_t)tt_pport) != 0)
		tap_bail("connect");
	TB_LEAVE();
	peer_mark(p);
	if (opts == NULL)
		return (so);
	if (!out("S 0:0(0) win 65535"))
		tap_bail("no SYN");
	in("S. 1000:1000(0) ack 1 win 65535 %s", opts);
	if (!out(". 1:1(0) ack 1001"))
		tap_bail("no ACK of the SYN,ACK");
	return (so);
}

void
tt_kill(struct socket *so, u_int peer_seq)
{
	in("R %u:%u(0)", peer_seq, peer_seq);
	testbed_run_ms(tb, 1);
	tt_close(so);
	peer_forget(p);
}

struct tcpcb *
tt_tcpcb(struct socket *so)
{
	return (sototcpcb(so));
}

int
tt_state(struct socket *so)
{
	testbed_run_ms(tb, 1);
	return (sototcpcb(so)->t_state);
}

void
tt_write(struct socket *so, size_t n)
{
	static uint8_t buf[200000];
	size_t put;
	int error;

	testbed_run_ms(tb, 1); /* what was injected before comes first */
	TB_ENTER(h);
	tb_pattern(buf, n, 1, 0);
	error = tb_write_nb(so, buf, n, &put);
	TB_LEAVE();
	if (error != 0 && error != EWOULDBLOCK)
		tap_diag("write: errno %d", error);
}

int
tt_read(struct socket *so, size_t n)
{
	static uint8_t buf[200000];
	size_t got;
	int error;

	testbed_run_ms(tb, 1);
	TB_ENTER(h);
	error = tb_read_nb(so, buf, MIN(n, sizeof(buf)), &got);
	TB_LEAVE();
	return (error != 0 ? -error : (int)got);
}

void
tt_close(struct socket *so)
{
	TB_ENTER(h);
	(void)soclose(so);
	TB_LEAVE();
}

void
tt_shutdown(struct socket *so, int how)
{
	TB_ENTER(h);
	(void)soshutdown(so, how);
	TB_LEAVE();
}

int
tt_error(struct socket *so)
{
	testbed_run_ms(tb, 1);
	return (tb_soerror(so));
}

void
tt_setopt(struct socket *so, int level, int name, int value)
{
	int error;

	TB_ENTER(h);
	error = tb_setopt(so, level, name, value);
	TB_LEAVE();
	if (error != 0)
		tap_diag("setsockopt: errno %d", error);
}

int
tt_sysctl(int *which, int value)
{
	int old = *which;

	*which = value;
	return (old);
}

void
tt_set(const char *name, int value)
{
	int error;

	TB_ENTER(h);
	error = kernel_sysctlbyname(NULL, name, NULL, NULL, &value, sizeof(value), NULL, 0);
	TB_LEAVE();
	if (error != 0)
		tap_ok(false, __FILE__, __LINE__, "%s = %d: errno %d", name, value, error);
}
