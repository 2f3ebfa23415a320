/*
 * tcp_local.c - a host that talks to itself, many connections one after the other, and what is left
 * of them: TIME_WAIT's bound, the counters of states, no socket, no pcb.
 */
#include "t/lib/tcptest.h"

#define BYTES 1000000
#define CONNECTIONS 300
#define MAXTW 100

static const char *to;
static int errors, good;

static void
echo_one(struct tb_host *host __unused, void *arg)
{
	static uint8_t buf[70000];
	struct socket *so = arg;
	size_t n;

	while (tb_read(so, buf, sizeof(buf), &n) == 0 && n > 0)
		errors += tb_write(so, buf, n) != 0;
	(void)soclose(so);
}

static void
server(struct tb_host *host, void *arg)
{
	struct socket *ls, *so;

	if (tb_listen(7, 16, &ls) != 0)
		tap_bail("listen");
	for (int i = 0; i < *(int *)arg; i++) {
		if (tb_accept(ls, &so) != 0)
			errors++;
		else
			tb_spawn(host, echo_one, so);
	}
	(void)soclose(ls);
}

static void
reader(struct tb_host *host __unused, void *arg)
{
	static uint8_t buf[50000], want[50000];
	struct socket *so = arg;
	size_t at = 0, n;

	while (tb_read(so, buf, sizeof(buf), &n) == 0 && n > 0) {
		tb_pattern(want, n, 4, at);
		errors += memcmp(buf, want, n) != 0;
		at += n;
	}
	good += at == BYTES;
	(void)soclose(so);
}

static void
bulk(struct tb_host *host, void *arg __unused)
{
	static uint8_t buf[40000];
	struct socket *so;

	if (tb_socket(SOCK_STREAM, &so) != 0 || tb_connect(so, to, 7) != 0)
		tap_bail("connect");
	tb_spawn(host, reader, so);
	for (size_t at = 0; at < BYTES; at += sizeof(buf)) {
		tb_pattern(buf, sizeof(buf), 4, at);
		errors += tb_write(so, buf, sizeof(buf)) != 0;
	}
	(void)soshutdown(so, SHUT_WR);
}

static void
many(struct tb_host *host __unused, void *arg __unused)
{
	struct socket *so;
	uint8_t b = 7;
	size_t n;

	for (int i = 0; i < CONNECTIONS; i++) {
		if (tb_socket(SOCK_STREAM, &so) != 0 || tb_connect(so, to, 7) != 0 ||
		    tb_write(so, &b, 1) != 0 || tb_read(so, &b, 1, &n) != 0 || n != 1)
			errors++;
		else
			good++;
		(void)soclose(so);
	}
}

static void
run(const char *what, const char *addr, void (*client)(struct tb_host *, void *), int n)
{
	to = addr;
	errors = good = 0;
	tb_spawn(h, server, &n);
	tb_spawn(h, client, NULL);
	ok(testbed_run_programs(tb, 600000), "%s", what);
	is_int(errors, 0, "%s: no error", what);
}

int
main(void)
{
	tt_init();
	run("by 127.0.0.1", "127.0.0.1", bulk, 1);
	is_int(good, 1, "all bytes came back");
	run("by its own address", "10.0.0.1", bulk, 1);
	is_int(good, 1, "all bytes came back");
	TB_ENTER(h);
	(void)tt_sysctl(&V_tcp_maxtcptw, MAXTW);
	TB_LEAVE();
	run("many", "127.0.0.1", many, CONNECTIONS);
	is_int(good, CONNECTIONS, "connections");
	TB_ENTER(h);
	ok(V_tcpstat.tcps_states[TCPS_TIME_WAIT] <= MAXTW, "TIME_WAIT is bounded: %lu",
	    (u_long)V_tcpstat.tcps_states[TCPS_TIME_WAIT]);
	ok(V_tcpstat.tcps_states[TCPS_TIME_WAIT] >= MAXTW / 2, "and used");
	is_int(V_tcpstat.tcps_rexmttimeo, 0, "no retransmission");
	TB_LEAVE();
	is_int(numopensockets, 0, "their sockets are gone");
	testbed_run_ms(tb, 61000);
	TB_ENTER(h);
	for (int i = 0; i < TCP_NSTATES; i++)
		is_int(V_tcpstat.tcps_states[i], 0, "none in %s", tcpstates[i]);
	is_int(V_tcbinfo.ipi_count, 0, "no pcb is left");
	TB_LEAVE();
	return (tt_done());
}
