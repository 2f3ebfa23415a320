/*
 * tcp_buffers.c - the sizes of buffers: as FreeBSD rounds and caps them, as they grow by themselves
 * until a long fast line is full, and what thousands of them may take together.
 */
#include <sys/param.h>
#include <sys/mbuf.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>

#include "t/lib/tcptest.h"

#define NSLOW 2000
#define MS 1000000u

static void
set_ulong(const char *name, u_long value)
{
	is_int(kernel_sysctlbyname(NULL, name, NULL, NULL, &value, sizeof(value), NULL, 0), 0,
	    "%s = %lu", name, value);
}

static u_long
get_ulong(const char *name)
{
	u_long value = 0;
	size_t len = sizeof(value);

	(void)kernel_sysctlbyname(NULL, name, &value, &len, NULL, 0, NULL, 0);
	return (value);
}

/* tcp(4)'s defaults; whole segments once the MSS is known; the scale that kern.ipc.maxsockbuf asks.
 */
static void
test_sizes(void)
{
	struct socket *ls = tt_listen(16), *so;

	is_int(ls->so_snd.sb_hiwat, 32768, "sendspace");
	is_int(ls->so_rcv.sb_hiwat, 65536, "recvspace");
	so = tt_passive(ls, "<mss 1460>");
	is_int(so->so_snd.sb_hiwat, 23 * 1460, "32768 is rounded up to 23 segments");
	is_int(so->so_rcv.sb_hiwat, 45 * 1460, "65536 to 45");
	tt_kill(so, 1001);
	so = tt_active("<mss 1000>");
	is_int(so->so_snd.sb_hiwat, 33000, "an active one too, by the peer's MSS");
	tt_kill(so, 1001);
	tt_setopt(ls, SOL_SOCKET, SO_SNDBUF, 1000);
	so = tt_passive(ls, "<mss 1460>");
	is_int(tt_tcpcb(so)->t_maxseg, 1000, "a buffer smaller than a segment makes it smaller");
	tt_kill(so, 1001);
	TB_ENTER(h);
	is_int(tb_setopt(ls, SOL_SOCKET, SO_RCVBUF, 32 * 1024 * 1024), ENOBUFS,
	    "above what kern.ipc.maxsockbuf allows: refused");
	TB_LEAVE();
	tt_close(ls);
}

/* The scale is the least with which kern.ipc.maxsockbuf can be announced; RFC 7323's most is 14. */
static void
test_scale(void)
{
	static const struct {
		u_long maxsockbuf;
		int scale;
	} t[] = {{65535, 0}, {65536, 1}, {2 << 20, 6}, {32 << 20, 10}, {INT_MAX, 14}};
	struct socket *so;
	const u_long was = get_ulong("kern.ipc.maxsockbuf");

	is_int(was, 32 << 20, "kern.ipc.maxsockbuf");
	tt_set("net.inet.tcp.recvspace", 32768); /* it must fit the smallest */
	for (u_int i = 0; i < nitems(t); i++) {
		set_ulong("kern.ipc.maxsockbuf", t[i].maxsockbuf);
		so = tt_active(NULL);
		out("S 0:0(0) <mss 1460,nop,wscale %d,sackOK,ts * 0>", t[i].scale);
		ok(true, "%lu bytes: a scale of %d", t[i].maxsockbuf, t[i].scale);
		in("R. 0:0(0) ack 1 win 0");
		testbed_run_ms(tb, 1);
		tt_close(so);
	}
	tt_set("net.inet.tcp.recvspace", 65536);
	set_ulong("kern.ipc.maxsockbuf", was);
}

/* sendbuf_auto, recvbuf_auto 0: they stay as they are; _max is where they stop. */
static void
test_auto_off(void)
{
	struct socket *ls = tt_listen(16), *so;

	tt_set("net.inet.tcp.recvbuf_auto", 0);
	tt_set("net.inet.tcp.sendbuf_auto", 0);
	so = tt_passive(ls, "<mss 1460,nop,wscale 10>");
	TB_ENTER(h);
	tt_tcpcb(so)->snd_cwnd = 1 << 20;
	TB_LEAVE();
	in(". 1001:1001(0) ack 1 win 4000");
	tt_write(so, 200000);
	for (u_int i = 0; i < 60; i++) {
		in(". %u:%u(1460) ack 1 win 4000", 1001 + i * 1460, 1001 + (i + 1) * 1460);
		if (i % 20 == 19)
			(void)tt_read(so, 100000);
	}
	is_int(so->so_rcv.sb_hiwat, 45 * 1460, "recvbuf_auto 0");
	is_int(so->so_snd.sb_hiwat, 23 * 1460, "sendbuf_auto 0");
	tt_kill(so, 1001 + 60 * 1460);
	tt_set("net.inet.tcp.recvbuf_auto", 1);
	tt_set("net.inet.tcp.sendbuf_auto", 1);
	tt_close(ls);
}

/* ---- a long fast line ---- */

static uint64_t got_bytes;

static void
sink(struct tb_host *host __unused, void *arg)
{
	static uint8_t buf[1 << 20];
	struct socket *ls, *so;
	size_t n;

	if (tb_listen(9, 4, &ls) != 0 || tb_accept(ls, &so) != 0)
		tap_bail("listen");
	while (tb_read(so, buf, sizeof(buf), &n) == 0 && n > 0)
		got_bytes += n;
	*(struct socket **)arg = so;
	(void)soclose(so);
	(void)soclose(ls);
}

static void
source(struct tb_host *host __unused, void *arg)
{
	static uint8_t buf[1 << 20];
	struct socket *so;

	if (tb_socket(SOCK_STREAM, &so) != 0 || tb_connect(so, "10.0.0.2", 9) != 0)
		tap_bail("connect");
	for (uint64_t left = *(uint64_t *)arg; left > 0; left -= sizeof(buf)) {
		if (tb_write(so, buf, sizeof(buf)) != 0)
			break;
	}
	(void)soclose(so);
}

/* 1 Gbit/s at 100 ms is 12.5 MB under way: with all defaults it is filled before 3 s. */
static void
test_long_line(uint32_t caps)
{
	const struct wire_params wire = {.rate_bps = 1000000000,
	    .caps = caps,
	    .delay_ns = 50 * MS,
	    .queue_bytes = 32 << 20}; /* the interface of the sender drops nothing */
	uint64_t bytes = 240 << 20, before;
	struct testbed *bed = testbed_init(7, &wire);
	struct tb_host *a = testbed_host(bed, "a", "10.0.0.1/24");
	struct tb_host *b = testbed_host(bed, "b", "10.0.0.2/24");
	struct socket *so = NULL;

	got_bytes = 0;
	tb_spawn(b, sink, &so);
	testbed_run_ms(bed, 5000);
	tb_spawn(a, source, &bytes);
	testbed_run_ms(bed, 2500);
	before = got_bytes;
	testbed_run_ms(bed, 500);
	ok(got_bytes - before > 56000000, "%s: from 2.5 s to 3 s %d Mbit of 500",
	    caps != 0 ? "bursts, cut and merged by the interfaces" : "segment by segment",
	    (int)((got_bytes - before) * 8 / 1000000));
	ok(testbed_run_programs(bed, 60000), "and it ends");
	is_int(got_bytes, bytes, "with all bytes");
	testbed_done(bed);
}

/* ---- thousands of slow readers ---- */

static struct socket *slow[NSLOW], *writers[NSLOW];
static int naccepted;

static void
hold(struct tb_host *host __unused, void *arg __unused)
{
	struct socket *ls;

	if (tb_listen(10, 128, &ls) != 0)
		tap_bail("listen");
	for (naccepted = 0; naccepted < NSLOW; naccepted++) {
		if (tb_accept(ls, &slow[naccepted]) != 0)
			tap_bail("accept");
	}
	(void)soclose(ls);
}

static void
connect_all(struct tb_host *host __unused, void *arg __unused)
{
	for (int i = 0; i < NSLOW; i++) {
		if (tb_socket(SOCK_STREAM, &writers[i]) != 0 ||
		    tb_connect(writers[i], "10.0.0.2", 10) != 0)
			tap_bail("connect");
	}
}

static void
close_all(struct tb_host *host, struct socket **sos)
{
	struct linger l = {1, 0};

	TB_ENTER(host);
	for (int i = 0; i < NSLOW; i++) {
		(void)so_setsockopt(sos[i], SOL_SOCKET, SO_LINGER, &l, sizeof(l));
		(void)soclose(sos[i]);
	}
	TB_LEAVE();
}

static void
test_slow_readers(void)
{
	static uint8_t buf[100000];
	const u_long limit = 8 << 20, was = get_ulong("kern.ipc.maxsockbufmem");
	/* each buffer: two segments' clusters at most beyond the bound */
	const u_long bound = limit + 2 * NSLOW * (2 * (MSIZE + MCLBYTES));
	struct testbed *bed = testbed_init(8, NULL);
	struct tb_host *a = testbed_host(bed, "a", "10.0.0.1/24");
	struct tb_host *b = testbed_host(bed, "b", "10.0.0.2/24");
	u_long most = 0;
	uint64_t dropped;
	size_t put, n, total = 0;

	set_ulong("kern.ipc.maxsockbufmem", limit);
	tb_spawn(b, hold, NULL);
	testbed_run_ms(bed, 5000);
	tb_spawn(a, connect_all, NULL);
	ok(testbed_run_programs(bed, 60000), "%d connections", NSLOW);
	for (int round = 0; round < 5; round++) {
		TB_ENTER(a);
		for (int i = 0; i < NSLOW; i++)
			(void)tb_write_nb(writers[i], buf, sizeof(buf), &put);
		TB_LEAVE();
		testbed_run_ms(bed, 1000);
		most = ulmax(most, get_ulong("kern.ipc.sockbufmem"));
	}
	ok(most > limit && most <= bound, "%lu bytes are held, of %lu at most", most, bound);
	TB_ENTER(b);
	dropped = V_tcpstat.tcps_rcvmemdrop;
	TB_LEAVE();
	tap_diag("%d segments had no room", (int)dropped);
	/* whoever reads, gets on */
	for (int round = 0; round < 20; round++) {
		TB_ENTER(b);
		if (tb_read_nb(slow[7], buf, sizeof(buf), &n) == 0)
			total += n;
		TB_LEAVE();
		testbed_run_ms(bed, 500);
		TB_ENTER(a);
		(void)tb_write_nb(writers[7], buf, sizeof(buf), &put);
		TB_LEAVE();
		testbed_run_ms(bed, 500);
	}
	ok(total > 20000, "one that reads gets %d bytes meanwhile", (int)total);
	close_all(a, writers);
	testbed_run_ms(bed, 1000);
	close_all(b, slow);
	testbed_run_ms(bed, 1000);
	is_int(get_ulong("kern.ipc.sockbufmem"), 0, "afterwards nothing is held");
	set_ulong("kern.ipc.maxsockbufmem", was);
	testbed_done(bed);
}

int
main(void)
{
	tt_init();
	test_sizes();
	test_scale();
	test_auto_off();
	peer_destroy(p);
	testbed_done(tb);
	test_long_line(0);
	test_long_line(LINK_CAP_CSUM | LINK_CAP_TSO4);
	test_slow_readers();
	return (tap_done());
}
