/*
 * tcp_edges.c - rules that are met seldom: the largest time-out, R1's advice to routing, a route's
 * own MTU, a path that takes more again, IP options under TCP, windows that do not shrink, the
 * edges of keepcnt, orphans before a shut window, log_in_vain, nolocaltimewait, the host cache.
 */
#include <sys/param.h>
#include <sys/endian.h>
#include <sys/mbuf.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <sys/syslog.h>
#include <net/route.h>
#include <netinet/in_systm.h>
#include <netinet/ip.h>
#include <netinet/ip_var.h>

#include <host/host.h>

#include "t/lib/tcptest.h"

static struct socket *ls;
static const char *const MSS = "<mss 1460>";

static struct sockaddr_in
sin_of(const char *addr)
{
	return (tb_sin(addr, 0));
}

static int
route(int (*change)(uint32_t, struct rt_addrinfo *), const char *dst, const char *gateway,
    int flags, u_long mtu)
{
	struct sockaddr_in d = sin_of(dst), g = sin_of(gateway != NULL ? gateway : "0.0.0.0"), m;
	struct rt_addrinfo info = {.rti_dst = (struct sockaddr *)&d, .rti_mtu = mtu};
	int error;

	m = sin_of("0.0.0.0");
	info.rti_flags = flags | RTF_UP;
	if (gateway != NULL)
		info.rti_gateway = (struct sockaddr *)&g;
	if ((flags & RTF_HOST) == 0)
		info.rti_netmask = (struct sockaddr *)&m;
	TB_ENTER(h);
	error = change(0, &info);
	TB_LEAVE();
	return (error);
}

/* RFC 6298 2.5, RFC 9293 R2: doubling ends at 64 s. */
static void
test_rto_max(void)
{
	static const int at[] = {1000, 2000, 4000, 8000, 16000, 32000, 64000, 64000, 64000};
	struct socket *so = tt_passive(ls, MSS);

	tt_write(so, 1000);
	out("P. 1:1001(1000)");
	for (u_int i = 0; i < nitems(at); i++)
		out_after(at[i], 60, "P. 1:1001(1000)");
	is_int(tt_tcpcb(so)->t_rxtcur, 64000, "the time-out is 64 s at most");
	testbed_run_ms(tb, 300000);
	is_int(tt_error(so), ETIMEDOUT, "and after 12 of them it is over");
	peer_forget(p);
	tt_close(so);
}

/* R1: a gateway that a redirect named is given up for the table's own. */
static void
test_r1(void)
{
	struct sockaddr_in dst = sin_of("10.9.9.9"), gw = sin_of("10.0.0.77"),
			   by = sin_of("10.0.0.2");
	struct socket *so;
	int error;

	is_int(route(rib_add_route, "0.0.0.0", "10.0.0.2", RTF_GATEWAY, 0), 0, "a default route");
	TB_ENTER(h);
	tt_lport = 40000;
	error = tb_socket(SOCK_STREAM, &so);
	if (error == 0)
		error = tb_bind(so, NULL, 40000);
	if (error == 0)
		error = tb_connect_start(so, "10.9.9.9", 99);
	TB_LEAVE();
	is_int(error, 0, "a connection that goes through it");
	expect(p, 0, 10, "TCP 10.0.0.1:40000 > 10.9.9.9:99 S 0:0(0)");
	inject(p, "TCP 10.9.9.9:99 > 10.0.0.1:40000 S. 1000:1000(0) ack 1 win 65535 <mss 1460>");
	expect(p, 0, 10, "TCP 10.0.0.1:40000 > 10.9.9.9:99 . 1:1(0) ack 1001");
	TB_ENTER(h);
	error = rib_add_redirect(0, (struct sockaddr *)&dst, (struct sockaddr *)&gw,
	    (struct sockaddr *)&by, h->h_ifp, RTF_GATEWAY, 0);
	TB_LEAVE();
	is_int(error, 0, "a redirect to a gateway that does not answer");
	tt_write(so, 100);
	testbed_run_ms(tb, 2500);
	peer_forget(p);
	TB_ENTER(h);
	ok(rib_lookup_exact(0, (struct sockaddr *)&dst, NULL) != NULL, "three time-outs: still so");
	TB_LEAVE();
	testbed_run_ms(tb, 4000);
	TB_ENTER(h);
	ok(rib_lookup_exact(0, (struct sockaddr *)&dst, NULL) == NULL,
	    "the fourth: it is given up");
	TB_LEAVE();
	testbed_run_ms(tb, 40000);
	inject(p, "TCP 10.9.9.9:99 > 10.0.0.1:40000 . 1001:1001(0) ack 101 win 65535");
	testbed_run_ms(tb, 5);
	is_int(so->so_snd.sb_ccc, 0, "and the default gateway delivers");
	peer_forget(p);
	inject(p, "TCP 10.9.9.9:99 > 10.0.0.1:40000 R 1001:1001(0)");
	testbed_run_ms(tb, 5);
	tt_close(so);
	(void)route(rib_del_route, "0.0.0.0", NULL, 0, 0);
}

/* RFC 9293 3.7.1: the MSS we announce, and what we send, are the route's. */
static void
test_route_mtu(void)
{
	struct socket *so;

	is_int(
	    route(rib_add_route, "10.0.0.2", "10.0.0.2", RTF_HOST | RTF_GATEWAY | RTF_STATIC, 1000),
	    0, "a host route with an MTU of 1000");
	tt_lport = LPORT;
	tt_pport++;
	in("S 1000:1000(0) win 65535 <mss 1460>");
	out("S. 0:0(0) ack 1001 <mss 960>");
	in(". 1001:1001(0) ack 1 win 65535");
	so = tt_accept(ls);
	if (so == NULL)
		tap_bail("no connection");
	peer_forget(p);
	tt_write(so, 1500);
	out(". 1:961(960)");
	ok(true, "segments of 960 both ways");
	tt_kill(so, 1001);
	is_int(route(rib_del_route, "10.0.0.2", NULL, RTF_HOST, 0), 0, "gone");
}

/* RFC 1191 6.3: ten minutes later the path may take more. */
static void
test_pmtud_raise(void)
{
	struct socket *so = tt_passive(ls, MSS);

	tt_write(so, 1460);
	out("P. 1:1461(1460)");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/4 mtu 1000 quote last");
	out(". 1:961(960)");
	out("P. 961:1461(500)");
	in(". 1001:1001(0) ack 1461 win 65535");
	testbed_run_ms(tb, 595000);
	peer_mark(p);
	tt_write(so, 1460);
	out(". 1461:2421(960)");
	in(". 1001:1001(0) ack 2421 win 65535");
	out("P. 2421:2921(500)");
	in(". 1001:1001(0) ack 2921 win 65535");
	testbed_run_ms(tb, 10000);
	peer_mark(p);
	tt_write(so, 1460);
	out("P. 2921:4381(1460)");
	ok(true, "after ten minutes whole segments are tried again");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/4 mtu 1000 quote last");
	out(". 2921:3881(960)");
	ok(true, "and given up when ICMP says so");
	in(". 1001:1001(0) ack 4381 win 65535");
	testbed_run_ms(tb, 5);
	tt_set("net.inet.tcp.pmtud_raise", 0);
	testbed_run_ms(tb, 1000000);
	peer_forget(p);
	peer_mark(p);
	tt_write(so, 1460);
	out(". 4381:5341(960)");
	ok(true, "pmtud_raise 0: never");
	tt_set("net.inet.tcp.pmtud_raise", 600);
	tt_kill(so, 1001);
}

static uint16_t
sum16(const uint8_t *b, size_t n, uint32_t sum)
{
	for (size_t i = 0; i + 1 < n; i += 2)
		sum += be16dec(b + i);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return ((uint16_t)~sum);
}

/* RFC 9293 MUST-50: options of the packet are stepped over. MUST-67: they make segments smaller. */
static void
test_ip_options(void)
{
	uint8_t f[14 + 28 + 20] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0x77, 2, 8, 0}, *ip = f + 14,
			    *th = ip + 28;
	static const uint8_t options[8] = {1, 1, 1, 1, 1, 1, 1, 0}, four[4] = {1, 1, 1, 0};
	struct socket *so;
	uint32_t pseudo;
	int error;

	tt_lport = LPORT;
	tt_pport++;
	ip[0] = 0x47; /* 7 words */
	be16enc(ip + 2, sizeof(f) - 14);
	ip[8] = 64;
	ip[9] = IPPROTO_TCP;
	memcpy(ip + 12, "\x0a\0\0\x02\x0a\0\0\x01", 8);
	memcpy(ip + 20, options, 8);
	be16enc(ip + 10, sum16(ip, 28, 0));
	be16enc(th, (uint16_t)tt_pport);
	be16enc(th + 2, LPORT);
	be32enc(th + 4, 1000);
	th[12] = 5 << 4;
	th[13] = TH_SYN;
	be16enc(th + 14, 65535);
	pseudo = 0x0a00 + 2 + 0x0a00 + 1 + IPPROTO_TCP + 20;
	be16enc(th + 16, sum16(th, 20, pseudo));
	peer_inject_raw(p, f, sizeof(f));
	peer_mark(p);
	out("S. 0:0(0) ack 1001");
	ok(true, "a SYN in a packet with options is answered as any other");
	in(". 1001:1001(0) ack 1 win 65535");
	so = tt_accept(ls);
	if (so == NULL)
		tap_bail("no connection");
	tt_kill(so, 1001);
	so = tt_passive(ls, MSS);
	TB_ENTER(h);
	error = so_setsockopt(so, IPPROTO_IP, IP_OPTIONS, __DECONST(uint8_t *, four), sizeof(four));
	TB_LEAVE();
	is_int(error, 0, "IP_OPTIONS on a connection");
	tt_write(so, 3000);
	out(". 1:1457(1456)");
	out(". 1457:2913(1456)");
	out("P. 2913:3001(88)");
	ok(true, "makes its segments smaller by them");
	tt_write(so, 2000);
	out(". 3001:4457(1456)");
	ok(true, "and those are full ones");
	tt_kill(so, 1001);
}

/* RFC 9293 SHLD-14: a buffer that the program makes smaller takes nothing back. */
static void
test_no_shrinking(void)
{
	struct socket *so = tt_passive(ls, MSS);
	u_int edge = 1001 + 65535;

	tt_setopt(so, SOL_SOCKET, SO_RCVBUF, 8192);
	for (u_int seq = 1001; seq + 1460 < edge - 8192; seq += 2920) {
		in("P. %u:%u(1460) ack 1 win 65535", seq, seq + 1460);
		in("P. %u:%u(1460) ack 1 win 65535", seq + 1460, seq + 2920);
		out(". 1:1(0) ack %u win %u", seq + 2920, edge - seq - 2920);
		(void)tt_read(so, 10000);
	}
	ok(true, "the right edge stays where it was promised until it is reached");
	peer_forget(p);
	tt_kill(so, (u_int)(tt_tcpcb(so)->rcv_nxt - tt_tcpcb(so)->irs + 1000));
}

static void
test_keepcnt(void)
{
	struct socket *so = tt_passive(ls, MSS);
	int v = -1, error;

	tt_setopt(so, IPPROTO_TCP, TCP_KEEPIDLE, 10);
	tt_setopt(so, IPPROTO_TCP, TCP_KEEPINTVL, 5);
	tt_setopt(so, IPPROTO_TCP, TCP_KEEPCNT, 1);
	peer_mark(p);
	out_after(10000, 20, ". 0:0(0) ack 1001");
	ok(quiet(4900), "TCP_KEEPCNT 1: one probe");
	is_int(tt_error(so), 0, "has its time to be answered");
	testbed_run_ms(tb, 200);
	is_int(tt_error(so), ETIMEDOUT, "and that is all");
	out_after(0, 200, "R. 1:1(0) ack 1001");
	ok(true, "the peer is told");
	tt_close(so);
	so = tt_passive(ls, MSS);
	tt_setopt(so, IPPROTO_TCP, TCP_KEEPIDLE, 10);
	tt_setopt(so, IPPROTO_TCP, TCP_KEEPINTVL, 5);
	tt_setopt(so, IPPROTO_TCP, TCP_KEEPCNT, 2);
	peer_mark(p);
	out_after(10000, 20, ". 0:0(0) ack 1001");
	out_after(5000, 20, ". 0:0(0) ack 1001");
	in(". 1001:1001(0) ack 1 win 65535");
	out_after(10000, 20, ". 0:0(0) ack 1001");
	out_after(5000, 20, ". 0:0(0) ack 1001");
	ok(true, "an answer to the last begins anew");
	testbed_run_ms(tb, 5100);
	is_int(tt_error(so), ETIMEDOUT, "no answer ends it");
	peer_forget(p);
	tt_close(so);
	so = tt_passive(ls, MSS);
	TB_ENTER(h);
	error = tb_setopt(so, IPPROTO_TCP, TCP_KEEPCNT, -1);
	TB_LEAVE();
	is_int(error, EINVAL, "less than none is no number");
	tt_setopt(so, IPPROTO_TCP, TCP_KEEPCNT, 0);
	TB_ENTER(h);
	v = (int)TP_KEEPCNT(tt_tcpcb(so));
	TB_LEAVE();
	is_int(v, 8, "0 is the system's");
	tt_kill(so, 1001);
}

/* A program wrote and closed; the peer keeps its window shut, and answers each probe. */
static void
test_orphan(void)
{
	uint64_t drops = tt_count(tcps_persistdrop);
	struct socket *so = tt_passive(ls, MSS);
	int probes = 0;

	tt_set("net.inet.tcp.persist_orphan", 300000);
	in(". 1001:1001(0) ack 1 win 0");
	tt_write(so, 1000);
	for (int i = 0; i < 20; i++) {
		testbed_run_ms(tb, 60000);
		in(". 1001:1001(0) ack 1 win 0");
		peer_forget(p);
	}
	is_int(tt_state(so), TCPS_ESTABLISHED, "with a program behind it it waits for ever");
	tt_close(so);
	for (int i = 0; i < 12; i++) {
		testbed_run_ms(tb, 60000);
		if (tt_count(tcps_persistdrop) != drops)
			break;
		probes++;
		in(". 1001:1001(0) ack 1 win 0");
		peer_forget(p);
	}
	ok(probes >= 4 && probes <= 6, "without one for persist_orphan: %d minutes", probes);
	is_int(tt_count(tcps_persistdrop) - drops, 1, "counted");
	peer_forget(p);
	in(". 1001:1001(0) ack 1 win 0");
	out("R 1:1(0)");
	ok(true, "it is gone");
	tt_set("net.inet.tcp.persist_orphan", 600000);
}

static int logs;
static char last_log[200];

static void
catch_log(int priority, const char *line)
{
	if (priority == LOG_INFO) {
		logs++;
		strlcpy(last_log, line, sizeof(last_log));
	}
}

static void
test_log_in_vain(void)
{
	static const int want[3][2] = {{0, 0}, {1, 0}, {1, 1}};

	host_log_set(catch_log);
	for (int level = 0; level < 3; level++) {
		tt_set("net.inet.tcp.log_in_vain", level);
		tt_lport = 4444;
		tt_pport++;
		logs = 0;
		in("S 1000:1000(0) win 65535");
		testbed_run_ms(tb, 5);
		is_int(logs, want[level][0], "log_in_vain %d: a SYN to a closed port", level);
		logs = 0;
		in(". 1000:1000(0) ack 1 win 65535");
		testbed_run_ms(tb, 5);
		is_int(logs, want[level][1], "any other segment");
		peer_forget(p);
	}
	host_log_set(NULL);
	ok(strstr(last_log, "[10.0.0.2]") != NULL && strstr(last_log, ":4444") != NULL,
	    "it says whence and whither: %s", last_log);
	tt_set("net.inet.tcp.log_in_vain", 0);
	tt_lport = LPORT;
}

/* ---- both ends in one stack ---- */

static void
accept_one(struct tb_host *host __unused, void *arg)
{
	struct socket *l, *so;

	if (tb_listen(77, 1, &l) != 0 || tb_accept(l, &so) != 0)
		tap_bail("listen");
	tb_sleep_ms(100);
	(void)soclose(so);
	(void)soclose(l);
	*(int *)arg += 1;
}

static void
connect_one(struct tb_host *host __unused, void *arg)
{
	struct socket *so;

	if (tb_socket(SOCK_STREAM, &so) != 0 || tb_connect(so, "10.0.0.1", 77) != 0)
		tap_bail("connect");
	(void)soclose(so); /* first: ours is the TIME_WAIT */
	*(int *)arg += 1;
}

static void
test_nolocaltimewait(void)
{
	static int ends;

	for (int on = 0; on < 2; on++) {
		tt_set("net.inet.tcp.nolocaltimewait", on);
		ends = 0;
		tb_spawn(h, accept_one, &ends);
		testbed_run_ms(tb, 10);
		tb_spawn(h, connect_one, &ends);
		testbed_run_ms(tb, 1000);
		is_int(ends, 2, "a connection inside the stack");
		is_int(tt_count(tcps_states[TCPS_TIME_WAIT]), on ? 0 : 1,
		    "nolocaltimewait %d: connections in TIME_WAIT", on);
		testbed_run_ms(tb, 130000);
	}
	tt_set("net.inet.tcp.nolocaltimewait", 0);
}

static void
test_secrets(void)
{
	struct in_conninfo a = {.inc_fport = 1, .inc_lport = 2},
			   b = {.inc_fport = 3, .inc_lport = 2};
	uint32_t first, second;

	TB_ENTER(h);
	ok(tcp_new_ts_offset(&a) != tcp_new_ts_offset(&b), "timestamps: an offset a connection");
	V_tcp_ts_offset_per_conn = 0;
	ok(tcp_new_ts_offset(&a) == tcp_new_ts_offset(&b), "ts_offset_per_conn 0: a pair of hosts");
	V_tcp_ts_offset_per_conn = 1;
	first = tcp_new_isn(&a);
	TB_LEAVE();
	testbed_run_ms(tb, 2000);
	TB_ENTER(h);
	second = tcp_new_isn(&a);
	is_int(second - first, 2000 * 250, "sequence numbers: a clock of 4 us");
	V_tcp_isn_reseed_interval = 1;
	ok(tcp_new_isn(&a) - first != 2000 * 250, "isn_reseed_interval: and another secret");
	V_tcp_isn_reseed_interval = 0;
	TB_LEAVE();
}

/* net.inet.tcp.maxunacktime holds for those that did not say */
static void
test_maxunacktime(void)
{
	struct socket *so;

	tt_set("net.inet.tcp.maxunacktime", 3000);
	so = tt_passive(ls, MSS);
	tt_write(so, 100);
	testbed_run_ms(tb, 2900);
	is_int(tt_error(so), 0, "maxunacktime has not passed");
	testbed_run_ms(tb, 4500);
	is_int(tt_error(so), ETIMEDOUT, "it has, at the next time-out");
	peer_forget(p);
	tt_close(so);
	tt_set("net.inet.tcp.maxunacktime", 0);
}

/* ---- the host cache ---- */

static int
hosts(void)
{
	int n = -1;
	size_t len = sizeof(n);

	TB_ENTER(h);
	(void)kernel_sysctlbyname(NULL, "net.inet.tcp.hostcache.count", &n, &len, NULL, 0, NULL, 0);
	TB_LEAVE();
	return (n);
}

/* Round trips of 100 ms each, and an ordinary end. */
static void
live(int trips)
{
	struct socket *so = tt_passive(ls, MSS);
	u_int seq = 1;

	for (int i = 0; i < trips; i++, seq += 100) {
		tt_write(so, 100);
		out("P. %u:%u(100)", seq, seq + 100);
		testbed_run_ms(tb, 100);
		in(". 1001:1001(0) ack %u win 65535", seq + 100);
		testbed_run_ms(tb, 1);
	}
	tt_kill(so, 1001);
}

static void
test_hostcache(void)
{
	struct socket *so;
	char text[400] = "";
	size_t len = sizeof(text);

	tt_set("net.inet.tcp.hostcache.enable", 1);
	live(3);
	is_int(hosts(), 0, "three round trips are too few to tell");
	live(10);
	is_int(hosts(), 1, "ten are not");
	TB_ENTER(h);
	(void)kernel_sysctlbyname(
	    NULL, "net.inet.tcp.hostcache.list", text, &len, NULL, 0, NULL, 0);
	TB_LEAVE();
	ok(strstr(text, "\n10.0.0.2 0 0 10") != NULL, "listed: %s", strchr(text, '\n') + 1);
	so = tt_passive(ls, MSS);
	ok(tt_tcpcb(so)->t_srtt > 90000 && tt_tcpcb(so)->t_srtt < 120000,
	    "a new connection knows the round trip: %u us", tt_tcpcb(so)->t_srtt);
	is_int(tt_count(tcps_cachedrtt), 1, "counted");
	tt_write(so, 1460);
	out("P. 1:1461(1460)");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/4 mtu 1000 quote last");
	out(". 1:961(960)");
	peer_forget(p);
	tt_kill(so, 1001);
	so = tt_passive(ls, MSS);
	tt_write(so, 1460);
	out(". 1:961(960)");
	ok(true, "and what the path takes");
	peer_forget(p);
	tt_kill(so, 1001);
	testbed_run_ms(tb, 3601 * 1000);
	so = tt_passive(ls, MSS);
	tt_write(so, 1460);
	out("P. 1:1461(1460)");
	ok(true, "for an hour (hostcache.expire)");
	tt_kill(so, 1001);
	live(5);
	tt_set("net.inet.tcp.hostcache.purgenow", 1);
	is_int(hosts(), 0, "purgenow forgets");
	tt_set("net.inet.tcp.hostcache.cachelimit", 0);
	live(5);
	is_int(hosts(), 0, "cachelimit 0: nothing is kept");
	tt_set("net.inet.tcp.hostcache.cachelimit", 15360);
	tt_set("net.inet.tcp.hostcache.enable", 0);
	live(5);
	is_int(hosts(), 0, "nor with enable 0");
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	test_rto_max();
	test_r1();
	test_route_mtu();
	test_pmtud_raise();
	test_ip_options();
	test_no_shrinking();
	test_keepcnt();
	test_orphan();
	test_log_in_vain();
	test_secrets();
	test_maxunacktime();
	test_nolocaltimewait();
	test_hostcache();
	tt_close(ls);
	return (tt_done());
}
