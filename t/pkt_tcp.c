/*
 * pkt_tcp.c - TCP by hand-written packets: RFC 9293 (states, resets, windows), 6298 (timers), 5681
 * (fast retransmission), 2018 (SACK), 5961 (challenge ACKs), 7323 (options), 1122 (keepalive).
 *
 * The stack is 10.0.0.1, the script 10.0.0.2. The script's sequence numbers are as written, its
 * SYN being 0; the stack's count from its SYN, too.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/systm.h>

#include <netinet/tcp.h>

#include "t/lib/packet.h"
#include "t/lib/tap.h"

static struct testbed *tb;
static struct tb_host *h;
static struct packet_peer *p;
static struct socket *listener;
static uint8_t buf[100000], want[100000];
static int port = 1000; /* the script's; a new one for each connection */

#define IN "TCP 10.0.0.2:%d > 10.0.0.1:80 "
#define OUT "TCP 10.0.0.1:80 > 10.0.0.2:%d "

static struct socket *
accept_now(void)
{
	struct sockaddr_storage ss;
	struct socket *so = NULL;

	testbed_run_ms(tb, 2);
	TB_ENTER(h);
	if (solisten_dequeue(listener, &so, 0) == 0)
		(void)soaccept(so, (struct sockaddr *)&ss);
	TB_LEAVE();
	return (so);
}

/* A connection from the script, with the options given; the stack's first byte is 1, ours too. */
static struct socket *
establish(const char *opts)
{
	struct socket *so;

	port++;
	inject(p, IN "S 0:0(0) win 65535 %s", port, opts);
	expect(p, 0, 2, OUT "S. 0:0(0) ack 1", port);
	inject(p, IN ". 1:1(0) ack 1 win 65535", port);
	so = accept_now();
	ok(so != NULL, "accepted");
	if (so == NULL)
		tap_bail("no connection");
	return (so);
}

static void
send_data(struct socket *so, size_t len)
{
	size_t put;

	TB_ENTER(h);
	(void)tb_write_nb(so, want, len, &put);
	TB_LEAVE();
	peer_mark(p);
	is_int(put, len, "the socket takes %d bytes", (int)len);
}

/* Bytes read, 0 at the end, -errno. */
static int
read_data(struct socket *so)
{
	size_t got;
	int error;

	testbed_run_ms(tb, 1);
	TB_ENTER(h);
	error = tb_read_nb(so, buf, sizeof(buf), &got);
	TB_LEAVE();
	return (error != 0 ? -error : (int)got);
}

static void
do_close(struct socket *so)
{
	TB_ENTER(h);
	(void)soclose(so);
	TB_LEAVE();
	peer_mark(p);
}

/* Ends a connection out of the script's sight. */
static void
discard(struct socket *so)
{
	TB_ENTER(h);
	so->so_options |= SO_LINGER;
	so->so_linger = 0;
	(void)soclose(so);
	TB_LEAVE();
	testbed_run_ms(tb, 5);
	peer_forget(p);
}

/* ---- opening ---- */

static void
test_passive_open(void)
{
	struct socket *so;

	port++;
	inject(p, IN "S 0:0(0) win 65535 <mss 1460,sackOK,ts 100 0,nop,wscale 7>", port);
	expect(p, 0, 2, OUT "S. 0:0(0) ack 1 <mss 1460,...>", port);
	inject(p, IN "R 1:1(0) win 0", port);
	testbed_run_ms(tb, 2);
	discard(establish("<mss 1000>"));
	/* what was not offered is not answered */
	port++;
	inject(p, IN "S 0:0(0) win 65535", port);
	expect(p, 0, 2, OUT "S. 0:0(0) ack 1 <mss 1460>", port);
	/* no answer: the SYN-ACK comes again after 1, 3, 7 s (RFC 6298: RTO 1 s, doubled) */
	expect(p, 1000, 60, OUT "S. 0:0(0) ack 1", port);
	expect(p, 2000, 60, OUT "S. 0:0(0) ack 1", port);
	/* the SYN again: the SYN-ACK again */
	inject(p, IN "S 0:0(0) win 65535", port);
	expect(p, 0, 2, OUT "S. 0:0(0) ack 1", port);
	inject(p, IN ". 1:1(0) ack 1 win 65535", port);
	so = accept_now();
	ok(so != NULL, "then it opens");
	if (so != NULL)
		discard(so);
	testbed_run_ms(tb, 120000);
	peer_forget(p);
}

static void
test_closed_port(void)
{
	inject(p, "TCP 10.0.0.2:900 > 10.0.0.1:81 S 5:5(0) win 1000");
	expect(p, 0, 2, "TCP 10.0.0.1:81 > 10.0.0.2:900 R. 0:0(0) ack 6");
	inject(p, "TCP 10.0.0.2:900 > 10.0.0.1:81 - 5:15(10) win 1000");
	expect(p, 0, 2, "TCP 10.0.0.1:81 > 10.0.0.2:900 R. 0:0(0) ack 15");
	inject(p, "TCP 10.0.0.2:900 > 10.0.0.1:81 . 5:5(0) ack 777 win 1000");
	expect(p, 0, 2, "TCP 10.0.0.1:81 > 10.0.0.2:900 R 777:777(0)");
	inject(p, "TCP 10.0.0.2:900 > 10.0.0.1:81 R 5:5(0) win 1000");
	expect_none(p, 50);
	/* LISTEN: an ACK is reset, a RST ignored, FIN without SYN dropped */
	inject(p, "TCP 10.0.0.2:901 > 10.0.0.1:80 . 5:5(0) ack 777 win 1000");
	expect(p, 0, 2, "TCP 10.0.0.1:80 > 10.0.0.2:901 R 777:777(0)");
	inject(p, "TCP 10.0.0.2:901 > 10.0.0.1:80 R 5:5(0) win 1000");
	inject(p, "TCP 10.0.0.2:901 > 10.0.0.1:80 F 5:5(0) win 1000");
	inject(p, "TCP 10.0.0.2:901 > 10.0.0.1:80 S 5:5(0) win 1000 sum bad");
	inject(p, "TCP 10.0.0.2:901 > 10.0.0.1:80 S 5:5(0) win 1000 hlen 16");
	inject(p, "TCP 10.0.0.2:901 > 10.0.0.1:80 S 5:5(0) win 1000 hlen 60");
	inject(p, "TCP 10.0.0.2:901 > 10.0.0.255:80 S 5:5(0) win 1000");
	expect_none(p, 50);
}

static struct socket *
start_connect(int to)
{
	struct socket *so;

	TB_ENTER(h);
	(void)tb_socket(SOCK_STREAM, &so);
	(void)tb_bind(so, NULL, (uint16_t)(++port));
	is_int(tb_connect_start(so, "10.0.0.2", (uint16_t)to), 0, "connect begins");
	TB_LEAVE();
	peer_mark(p);
	return (so);
}

#define CIN "TCP 10.0.0.2:90 > 10.0.0.1:%d "
#define COUT "TCP 10.0.0.1:%d > 10.0.0.2:90 "

static void
test_active_open(void)
{
	struct socket *so = start_connect(90);

	expect(p, 0, 2, COUT "S 0:0(0) <mss 1460,...>", port);
	expect(p, 1000, 60, COUT "S 0:0(0)", port);
	expect(p, 2000, 60, COUT "S 0:0(0)", port);
	ok((so->so_state & SS_ISCONNECTING) != 0, "still connecting");
	inject(p, CIN "S. 0:0(0) ack 1 win 65535 <mss 1460>", port);
	expect(p, 0, 2, COUT ". 1:1(0) ack 1", port);
	ok((so->so_state & SS_ISCONNECTED) != 0, "connected");
	discard(so);

	so = start_connect(90);
	expect(p, 0, 2, COUT "S 0:0(0)", port);
	inject(p, CIN "S. 0:0(0) ack 5 win 65535", port); /* acknowledges what we never sent */
	expect(p, 0, 2, COUT "R 5:5(0)", port);
	inject(p, CIN "R. 0:0(0) ack 5 win 0", port);
	testbed_run_ms(tb, 2);
	ok((so->so_state & SS_ISCONNECTING) != 0, "a reset for something else is ignored");
	inject(p, CIN "R. 0:0(0) ack 1 win 0", port);
	testbed_run_ms(tb, 2);
	is_int(so->so_error, ECONNREFUSED, "refused");
	discard(so);

	so = start_connect(90);
	expect(p, 0, 2, COUT "S 0:0(0)", port);
	inject(p, CIN "S 0:0(0) win 65535 <mss 1460>", port); /* both at once */
	expect(p, 0, 2, COUT "S. 0:0(0) ack 1", port);
	inject(p, CIN ". 1:1(0) ack 1 win 65535", port);
	testbed_run_ms(tb, 2);
	ok((so->so_state & SS_ISCONNECTED) != 0, "simultaneous open");
	discard(so);

	so = start_connect(90);
	testbed_run_ms(tb, 200000);
	is_int(so->so_error, ETIMEDOUT, "nobody answers");
	discard(so);
}

/* ---- data ---- */

static void
test_receive(void)
{
	struct socket *so = establish("<mss 1460,sackOK>");

	inject(p, IN "P. 1:101(100) ack 1 win 65535", port);
	expect(p, 100, 100, OUT ". 1:1(0) ack 101", port); /* delayed, RFC 1122: under 500 ms */
	is_int(read_data(so), 100, "read");
	tb_pattern(want, 100, 0, 1);
	ok(memcmp(buf, want, 100) == 0, "its bytes");
	peer_forget(p);
	/* two full segments: acknowledged at once */
	inject(p, IN ". 101:1561(1460) ack 1 win 65535", port);
	inject(p, IN ". 1561:3021(1460) ack 1 win 65535", port);
	expect(p, 0, 2, OUT ". 1:1(0) ack 3021", port);
	is_int(read_data(so), 2920, "read");
	peer_forget(p);
	/* a gap: a duplicate ACK at once, with SACK */
	inject(p, IN ". 4021:5021(1000) ack 1 win 65535", port);
	expect(p, 0, 2, OUT ". 1:1(0) ack 3021 <*,*,sack 4021:5021>", port);
	inject(p, IN ". 6021:7021(1000) ack 1 win 65535", port);
	expect(p, 0, 2, OUT ". 1:1(0) ack 3021 <*,*,sack 6021:7021 4021:5021>", port);
	is_int(read_data(so), -EWOULDBLOCK, "nothing to read yet");
	inject(p, IN ". 3021:4021(1000) ack 1 win 65535", port);
	expect(p, 0, 2, OUT ". 1:1(0) ack 5021 <*,*,sack 6021:7021>", port);
	inject(p, IN ". 5021:6021(1000) ack 1 win 65535", port);
	expect(p, 0, 2, OUT ". 1:1(0) ack 7021", port);
	is_int(read_data(so), 4000, "all of it");
	tb_pattern(want, 4000, 0, 3021);
	ok(memcmp(buf, want, 4000) == 0, "in order");
	peer_forget(p);
	/* old data: acknowledged again, not delivered again; half old: the new half */
	inject(p, IN ". 6021:7021(1000) ack 1 win 65535", port);
	expect(p, 0, 2, OUT ". 1:1(0) ack 7021", port);
	is_int(read_data(so), -EWOULDBLOCK, "not twice");
	inject(p, IN ". 6521:7521(1000) ack 1 win 65535", port);
	is_int(read_data(so), 500, "only what is new");
	inject(p, IN ". 7521:7621(100) ack 1 win 65535 sum bad", port);
	is_int(read_data(so), -EWOULDBLOCK, "a wrong sum is dropped");
	inject(p, IN "- 7521:7621(100) win 65535", port);
	is_int(read_data(so), -EWOULDBLOCK, "data without ACK is dropped");
	/* far beyond the window: dropped, and an ACK says where we are */
	testbed_run_ms(tb, 1000);
	peer_forget(p);
	inject(p, IN ". 9007521:9008521(1000) ack 1 win 65535", port);
	expect(p, 0, 2, OUT ". 1:1(0) ack 7521", port);
	discard(so);
}

static void
test_send(void)
{
	struct socket *so = establish("<mss 1000,sackOK>");

	send_data(so, 2500);
	expect(p, 0, 2, OUT ". 1:1001(1000) ack 1", port);
	expect(p, 0, 2, OUT ". 1001:2001(1000) ack 1", port);
	/* the end of a burst that began idle: Nagle looks at the write, not at its segments */
	expect(p, 0, 2, OUT "P. 2001:2501(500) ack 1", port);
	inject(p, IN ". 1:1(0) ack 2001 win 65535", port);
	inject(p, IN ". 1:1(0) ack 2501 win 65535", port);
	expect_none(p, 3000);
	is_int(so->so_snd.sb_acc, 0, "acknowledged data leaves the buffer");
	/* Nagle: a small segment waits while another is out */
	send_data(so, 10);
	expect(p, 0, 2, OUT "P. 2501:2511(10) ack 1", port);
	send_data(so, 20);
	send_data(so, 30);
	expect_none(p, 100);
	inject(p, IN ". 1:1(0) ack 2511 win 65535", port);
	expect(p, 0, 2, OUT "P. 2511:2561(50) ack 1", port);
	inject(p, IN ". 1:1(0) ack 2561 win 65535", port);
	TB_ENTER(h);
	is_int(tb_setopt(so, IPPROTO_TCP, TCP_NODELAY, 1), 0, "TCP_NODELAY");
	TB_LEAVE();
	send_data(so, 10);
	send_data(so, 20);
	expect(p, 0, 2, OUT "P. 2561:2571(10)", port);
	expect(p, 0, 2, OUT "P. 2571:2591(20)", port);
	inject(p, IN ". 1:1(0) ack 2591 win 65535", port);
	testbed_run_ms(tb, 10);
	/* an ACK of what was never sent: answered, otherwise ignored */
	inject(p, IN ". 1:1(0) ack 9999 win 65535", port);
	expect(p, 0, 2, OUT ". 2591:2591(0) ack 1", port);
	discard(so);
}

/* No ACK: again after the RTO, doubled each time (RFC 6298). */
static void
test_timeout(void)
{
	struct socket *so = establish("<mss 1000>");
	uint64_t sent, again;
	const char *said;

	send_data(so, 100);
	expect(p, 0, 2, OUT "P. 1:101(100) ack 1", port);
	sent = testbed_now_ms(tb);
	said = peer_next(p, 5000);
	ok(said != NULL && strstr(said, "1:101(100)") != NULL, "again: %s",
	    said != NULL ? said : "");
	again = testbed_now_ms(tb) - sent;
	ok(again >= 200 && again <= 1300, "after %llu ms", (unsigned long long)again);
	expect(p, (int)(2 * again), (int)again / 5 + 20, OUT "P. 1:101(100)", port);
	expect(p, (int)(4 * again), (int)again / 5 + 40, OUT "P. 1:101(100)", port);
	inject(p, IN ". 1:1(0) ack 101 win 65535", port);
	expect_none(p, 10000);
	discard(so);
}

/* Three duplicate ACKs: the lost segment at once (RFC 5681). */
static void
test_fast_retransmit(void)
{
	struct socket *so = establish("<mss 1000>");
	int i;

	send_data(so, 8000);
	for (i = 0; i < 8; i++)
		expect(p, 0, 2, OUT ". %d:%d(1000)", port, 1 + i * 1000, 1001 + i * 1000);
	inject(p, IN ". 1:1(0) ack 1001 win 65535", port);
	testbed_run_ms(tb, 5);
	for (i = 0; i < 3; i++)
		inject(p, IN ". 1:1(0) ack 1001 win 65535", port);
	expect(p, 0, 5, OUT ". 1001:2001(1000)", port);
	inject(p, IN ". 1:1(0) ack 8001 win 65535", port);
	expect_none(p, 5000);
	discard(so);
}

/* The peer's window is closed: probes, with growing pauses; then it opens. */
static void
test_persist(void)
{
	struct socket *so = establish("<mss 1000>");
	const char *said;

	send_data(so, 1000);
	expect(p, 0, 2, OUT ". 1:1001(1000)", port);
	inject(p, IN ". 1:1(0) ack 1001 win 0", port);
	testbed_run_ms(tb, 5);
	send_data(so, 500);
	said = peer_next(p, 10000);
	ok(said != NULL && strstr(said, "1001:1002(1)") != NULL, "a probe of one byte: %s",
	    said != NULL ? said : "none");
	inject(p, IN ". 1:1(0) ack 1001 win 0", port);
	said = peer_next(p, 20000);
	ok(said != NULL && strstr(said, "1001:1002(1)") != NULL, "another: %s",
	    said != NULL ? said : "none");
	inject(p, IN ". 1:1(0) ack 1001 win 65535", port);
	expect(p, 0, 5, OUT "P. 1001:1501(500)", port);
	inject(p, IN ". 1:1(0) ack 1501 win 65535", port);
	testbed_run_ms(tb, 5);
	discard(so);
}

/* The reader sleeps: our window shrinks to nothing, and opens when it reads. */
static void
test_window(void)
{
	struct socket *so;
	const char *said = NULL, *w;
	unsigned seq = 1, n;
	uint32_t win = 65535;

	so = establish("<mss 1460>");
	TB_ENTER(h);
	so->so_rcv.sb_flags &= ~SB_AUTOSIZE;
	TB_LEAVE();
	while (win > 0 && seq < 2000000) {
		n = win < 1460 ? win : 1460;
		inject(p, IN ". %u:%u(%u) ack 1 win 65535", port, seq, seq + n, n);
		seq += n;
		while ((said = peer_next(p, 200)) != NULL) {
			w = strstr(said, " win ");
			win = (uint32_t)strtoul(w + 5, NULL, 10);
			if (strtoul(strstr(said, "ack ") + 4, NULL, 10) == seq)
				break;
		}
		if (said == NULL)
			break;
	}
	is_int(win, 0, "a full buffer closes the window, after %u bytes", seq - 1);
	inject(p, IN ". %u:%u(1) ack 1 win 65535", port, seq, seq + 1);
	expect(p, 0, 2, OUT ". 1:1(0) ack %u win 0", port, seq);
	is_int(read_data(so), seq - 1, "the reader wakes");
	said = peer_next(p, 100);
	ok(said != NULL && strstr(said, "win 0 ") == NULL, "and the window opens: %s",
	    said != NULL ? said : "");
	discard(so);
}

/* ---- closing ---- */

static void
test_active_close(void)
{
	struct socket *so = establish("<mss 1460>");

	do_close(so);
	expect(p, 0, 2, OUT "F. 1:1(0) ack 1", port);
	inject(p, IN ". 1:1(0) ack 2 win 65535", port);
	expect_none(p, 100);
	inject(p, IN "F. 1:1(0) ack 2 win 65535", port);
	expect(p, 0, 2, OUT ". 2:2(0) ack 2", port);
	/* TIME_WAIT: the FIN again, the ACK again; 2 MSL later it is gone */
	inject(p, IN "F. 1:1(0) ack 2 win 65535", port);
	expect(p, 0, 2, OUT ". 2:2(0) ack 2", port);
	testbed_run_ms(tb, 130000);
	inject(p, IN "F. 1:1(0) ack 2 win 65535", port);
	expect(p, 0, 2, OUT "R 2:2(0)", port);
	/* both at once */
	so = establish("<mss 1460>");
	do_close(so);
	expect(p, 0, 2, OUT "F. 1:1(0) ack 1", port);
	inject(p, IN "F. 1:1(0) ack 1 win 65535", port);
	expect(p, 0, 2, OUT ". 2:2(0) ack 2", port);
	inject(p, IN ". 2:2(0) ack 2 win 65535", port);
	expect_none(p, 5000);
	/* a new SYN with a higher number ends TIME_WAIT (RFC 9293, 3.6.1) */
	inject(p, IN "S 100000:100000(0) win 65535", port);
	expect(p, 0, 2, OUT "S. 0:0(0) ack 100001", port);
	inject(p, IN "R 100001:100001(0) win 0", port);
	testbed_run_ms(tb, 130000);
	peer_forget(p);
}

static void
test_passive_close(void)
{
	struct socket *so = establish("<mss 1460>");

	inject(p, IN "F. 1:101(100) ack 1 win 65535", port);
	expect(p, 0, 2, OUT ". 1:1(0) ack 102", port);
	is_int(read_data(so), 100, "the data before the FIN");
	is_int(read_data(so), 0, "then the end");
	send_data(so, 50); /* half-closed: we may still send */
	expect(p, 0, 2, OUT "P. 1:51(50) ack 102", port);
	inject(p, IN ". 102:102(0) ack 51 win 65535", port);
	do_close(so);
	expect(p, 0, 2, OUT "F. 51:51(0) ack 102", port);
	expect(p, 600, 500, OUT "F. 51:51(0) ack 102", port); /* lost: again */
	inject(p, IN ". 102:102(0) ack 52 win 65535", port);
	expect_none(p, 3000);
	inject(p, IN ". 102:102(0) ack 52 win 65535", port); /* gone: LAST_ACK has no TIME_WAIT */
	expect(p, 0, 2, OUT "R 52:52(0)", port);
}

static void
test_resets(void)
{
	struct socket *so = establish("<mss 1460>");

	/* RFC 5961: only the exact number resets; within the window, a challenge */
	inject(p, IN "R 100:100(0) win 0", port);
	expect(p, 0, 2, OUT ". 1:1(0) ack 1", port);
	inject(p, IN "R 9000000:9000000(0) win 0", port);
	expect_none(p, 50);
	inject(p, IN "S 100:100(0) win 65535", port);
	expect(p, 0, 2, OUT ". 1:1(0) ack 1", port);
	inject(p, IN "S 0:0(0) win 65535", port);
	expect(p, 0, 2, OUT ". 1:1(0) ack 1", port);
	inject(p, IN "R 1:1(0) win 0", port);
	is_int(read_data(so), -ECONNRESET, "the exact one resets");
	expect_none(p, 50);
	do_close(so);
	/* closing with unread data: RST (RFC 1122, 4.2.2.13) */
	so = establish("<mss 1460>");
	inject(p, IN "P. 1:101(100) ack 1 win 65535", port);
	testbed_run_ms(tb, 1000);
	peer_forget(p);
	do_close(so);
	expect(p, 0, 2, OUT "R. 1:1(0) ack 101", port);
	/* SO_LINGER 0: RST */
	so = establish("<mss 1460>");
	TB_ENTER(h);
	so->so_options |= SO_LINGER;
	so->so_linger = 0;
	TB_LEAVE();
	do_close(so);
	expect(p, 0, 2, OUT "R. 1:1(0) ack 1", port);
	/* data after close: nobody will read it */
	so = establish("<mss 1460>");
	do_close(so);
	expect(p, 0, 2, OUT "F. 1:1(0) ack 1", port);
	inject(p, IN ". 1:1(0) ack 2 win 65535", port);
	inject(p, IN "P. 1:101(100) ack 2 win 65535", port);
	expect(p, 0, 2, OUT "R* 2:2(0)", port);
	peer_forget(p);
}

static void
test_keepalive(void)
{
	struct socket *so = establish("<mss 1460>");

	TB_ENTER(h);
	is_int(tb_setopt(so, SOL_SOCKET, SO_KEEPALIVE, 1), 0, "SO_KEEPALIVE");
	is_int(tb_setopt(so, IPPROTO_TCP, TCP_KEEPIDLE, 10), 0, "after 10 s");
	is_int(tb_setopt(so, IPPROTO_TCP, TCP_KEEPINTVL, 2), 0, "every 2 s");
	is_int(tb_setopt(so, IPPROTO_TCP, TCP_KEEPCNT, 3), 0, "3 times");
	TB_LEAVE();
	inject(p, IN "P. 1:2(1) ack 1 win 65535", port);
	expect(p, 100, 100, OUT ". 1:1(0) ack 2", port);
	expect(p, 9950, 1000, OUT ". 0:*(*) ack 2", port);
	inject(p, IN ". 2:2(0) ack 1 win 65535", port);
	expect(p, 10000, 1000, OUT ". 0:*(*) ack 2", port);
	expect(p, 2000, 100, OUT ". 0:*(*) ack 2", port);
	expect(p, 2000, 100, OUT ". 0:*(*) ack 2", port);
	expect(p, 2000, 100, OUT "R. 1:1(0) ack 2", port);
	is_int(read_data(so), 1, "what had come");
	is_int(read_data(so), -ETIMEDOUT, "then the peer counts as dead");
	do_close(so);
}

/* ICMP: a smaller MTU on the way (RFC 1191, checked as 5927 wants). */
static void
test_path_mtu(void)
{
	struct socket *so = establish("<mss 1460>");

	send_data(so, 1460);
	expect(p, 0, 2, OUT ". 1:1461(1460) df 1", port);
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/4 mtu 1000 quote last");
	expect(p, 0, 10, OUT ". 1:961(960)", port);
	expect(p, 0, 10, OUT ". 961:1461(500)", port);
	inject(p, IN ". 1:1(0) ack 1461 win 65535", port);
	testbed_run_ms(tb, 5);
	discard(so);
}

/* The same garbage as ever: every flag combination at an open connection and at none. */
static void
test_garbage(void)
{
	static const char letters[] = "FSRP.U";
	char flags[8], *f;
	struct socket *so = establish("<mss 1460>");
	int i, j;

	for (i = 1; i < 64; i++) {
		for (j = 0, f = flags; j < 6; j++)
			if ((i >> j & 1) != 0)
				*f++ = letters[j];
		*f = '\0';
		inject(p, IN "%s 5000000:5000010(10) ack 4000000 win 1", port, flags);
		inject(
		    p, "TCP 10.0.0.2:999 > 10.0.0.1:82 %s 5000000:5000010(10) ack 1 win 1", flags);
		testbed_run_ms(tb, 2);
	}
	testbed_run_ms(tb, 2000);
	peer_forget(p);
	inject(p, IN "P. 1:11(10) ack 1 win 65535", port);
	is_int(read_data(so), 10, "the connection is none the worse");
	discard(so);
}

int
main(void)
{
	tb = testbed_init(9293, NULL);
	h = testbed_host(tb, "h", "10.0.0.1/24");
	p = peer_create(tb, "10.0.0.2", h);
	testbed_run_ms(tb, 20000);
	peer_forget(p);
	tb_pattern(want, sizeof(want), 0, 0);
	TB_ENTER(h);
	is_int(tb_listen(80, 128, &listener), 0, "listen");
	solisten_upcall_set(listener, NULL, NULL);
	TB_LEAVE();
	test_passive_open();
	test_closed_port();
	test_active_open();
	test_receive();
	test_send();
	test_timeout();
	test_fast_retransmit();
	test_persist();
	test_window();
	test_active_close();
	test_passive_close();
	test_resets();
	test_keepalive();
	test_path_mtu();
	test_garbage();
	do_close(listener);
	peer_destroy(p);
	testbed_done(tb);
	return (tap_done());
}
