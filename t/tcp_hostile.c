/*
 * tcp_hostile.c - peers that do what no honest one would, and what the stack may spend on them:
 * overlaps that contradict each other, windows that stay shut or shrink, acknowledgments of what
 * was not sent, floods; and sequence numbers that wrap. RFC 9293 3.8.6, RFC 1122 4.2.2.16,
 * RFC 5961 5, RFC 4987.
 */
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/socketvar.h>

#include "t/lib/tcptest.h"

#include <netinet/tcp_seq.h>
#include <netinet/tcp_syncache.h>

#define STREAM 40000u

static struct socket *ls;
static const char *const MSS = "<mss 1000>";
static uint8_t first[STREAM], got[STREAM];
static bool sent[2][STREAM];

/* A byte of the stream, in two versions that always differ. */
static uint8_t
version(u_int v, uint32_t at)
{
	return ((uint8_t)((at * 2654435761u >> 24) + v));
}

/* A segment below the parser. */
static void
segment(struct socket *so, uint32_t at, uint32_t len, u_int v)
{
	struct tcpcb *tp = tt_tcpcb(so);
	struct tcp_seg seg;

	memset(&seg, 0, sizeof(seg));
	seg.inc = tp->t_inpcb->inp_inc;
	seg.seq = tp->irs + 1 + at;
	seg.ack = tp->snd_una;
	seg.win = 65535;
	seg.flags = TH_ACK;
	seg.nsegs = 1;
	seg.segsz = (uint16_t)len;
	seg.len = len;
	TB_ENTER(h);
	seg.m = m_get3((int)len + 1, M_WAITOK, MT_DATA, M_PKTHDR);
	for (uint32_t i = 0; i < len; i++) {
		mtod(seg.m, uint8_t *)[i] = version(v, at + i);
		sent[v][at + i] = true;
	}
	seg.m->m_len = seg.m->m_pkthdr.len = (int)len;
	soref(so);
	tcp_do_segment(tp, &seg);
	sorele(so);
	TB_LEAVE();
}

/*
 * The model is a flat buffer. A byte may be of either version, if that was sent; but what has been
 * acknowledged never changes: the first look at it, with MSG_PEEK's eyes, is the one that counts.
 */
static void
test_contradictions(uint64_t seed)
{
	struct socket *so = tt_passive(ls, "<mss 1460,sackOK>");
	struct tcpcb *tp = tt_tcpcb(so);
	uint32_t have = 0, at, len, limit, seen = 0, off, wrong = 0, most = 0;
	uint64_t r = seed;
	size_t n;
	int i;

	memset(sent, 0, sizeof(sent));
	for (i = 0; i < 100000 && have < STREAM; i++) {
		at = have + tb_random(&r) % 2500;
		at -= min(at, tb_random(&r) % 600);
		at = min(at, STREAM - 1);
		limit = tb_random(&r) % 4 == 0 ? 1460 : 80;
		len = min(1 + tb_random(&r) % limit, STREAM - at);
		segment(so, at, len, tb_random(&r) & 1);
		most = max(most, tp->t_segqlen);
		/* what is in the buffer now must come out so later */
		off = tp->rcv_nxt - tp->irs - 1;
		if (off > seen) {
			m_copydata(so->so_rcv.sb_mb, (int)(seen - have), (int)(off - seen),
			    (char *)first + seen);
			seen = off;
		}
		if (tb_random(&r) % 4 == 0) {
			TB_ENTER(h);
			while (tb_read_nb(so, got + have, STREAM - have, &n) == 0 && n > 0)
				have += (uint32_t)n;
			TB_LEAVE();
		}
		if (i % 64 == 0)
			peer_forget(p);
	}
	for (uint32_t j = 0; j < STREAM; j++)
		wrong += !(got[j] == version(0, j) && sent[0][j]) &&
			 !(got[j] == version(1, j) && sent[1][j]);
	ok(have == STREAM && wrong == 0, "seed %lu: %d segments, no byte that was not sent",
	    (u_long)seed, i);
	ok(memcmp(first, got, STREAM) == 0, "and none that changed once it was in order");
	ok(most > 3 && most <= 101, "%u waited at most", most);
	testbed_run_ms(tb, 100);
	peer_forget(p);
	tt_kill(so, 1001 + STREAM);
}

/* A day behind a closed window: a probe a minute, no memory, and the connection lives. */
static void
test_zero_window(void)
{
	struct socket *so = tt_passive(ls, MSS);
	struct mbstat before, after;
	int probes = 0, hours;

	tt_write(so, 100);
	out(". 1:101(100)");
	in(". 1001:1001(0) ack 101 win 0");
	tt_write(so, 5000);
	testbed_run_ms(tb, 300 * 1000);
	in(". 1001:1001(0) ack 101 win 0");
	testbed_run_ms(tb, 1);
	peer_forget(p);
	mb_stat(&before);
	for (hours = 0; hours < 24 && tt_state(so) == TCPS_ESTABLISHED; hours++) {
		for (int m = 0; m < 60; m++) {
			while (peer_next(p, 60 * 1000) == NULL && m < 59)
				m++;
			probes++;
			in(". 1001:1001(0) ack 101 win 0");
		}
	}
	testbed_run_ms(tb, 1);
	peer_forget(p);
	mb_stat(&after);
	is_int(hours, 24, "a window of zero for a day");
	ok(probes > 1000 && probes <= 24 * 60, "%d probes", probes);
	ok(after.mbufs_used <= before.mbufs_used + 1, "nothing piles up");
	in(". 1001:1001(0) ack 101 win 2000");
	out(". 101:1101(1000)");
	ok(true, "and on it goes");
	peer_forget(p);
	tt_kill(so, 1001);

	/* one that does not even answer */
	so = tt_passive(ls, MSS);
	tt_write(so, 100);
	in(". 1001:1001(0) ack 101 win 0");
	tt_write(so, 5000);
	testbed_run_ms(tb, 3 * 3600 * 1000);
	is_int(tt_error(so), ETIMEDOUT, "silence behind a closed window ends it");
	ok(tt_count(tcps_persistdrop) > 0, "counted");
	tt_close(so);
	peer_forget(p);
}

/* RFC 9293 SHLD-14, SHLD-15, MUST-34: the right edge moves left, under what is under way. */
static void
test_shrunk_window(void)
{
	struct socket *so = tt_passive(ls, MSS);

	tt_write(so, 8000);
	for (int i = 0; i < 8; i++)
		out(". %d:%d(1000)", i * 1000 + 1, i * 1000 + 1001);
	in(". 1001:1001(0) ack 1001 win 2000");
	quiet(20);
	tt_write(so, 3000);
	quiet(100);
	ok(true, "nothing new beyond the shrunk window");
	is_int(tt_state(so), TCPS_ESTABLISHED, "the connection lives");
	out_after(300, 1200, ". 1001:2001(1000)");
	ok(true, "what is inside goes again");
	in(". 1001:1001(0) ack 2001 win 2000");
	testbed_run_ms(tb, 1);
	/* what went before the window shrank had arrived after all */
	in(". 1001:1001(0) ack 8001 win 10000");
	testbed_run_ms(tb, 2);
	is_int(tt_tcpcb(so)->snd_una - tt_tcpcb(so)->iss, 8001, "an ACK beyond the window counts");
	peer_forget(p);
	in(". 1001:1001(0) ack 11001 win 10000");
	testbed_run_ms(tb, 1);
	is_int(tt_tcpcb(so)->snd_max - tt_tcpcb(so)->snd_una, 0, "and the rest went");
	tt_kill(so, 1001);
}

static void
test_ack_unsent(void)
{
	struct socket *so = tt_passive(ls, MSS);
	struct tcpcb *tp = tt_tcpcb(so);
	uint64_t n = tt_count(tcps_rcvacktoomuch);
	uint32_t cwnd = tp->snd_cwnd;

	tt_write(so, 500);
	out(". 1:501(500)");
	in(". 1001:1101(100) ack 502 win 65535");
	out(". 501:501(0) ack 1001");
	is_int(tp->snd_una - tp->iss, 1, "an ACK of what was not sent acknowledges nothing");
	is_int(tp->snd_cwnd, cwnd, "opens no window");
	is_int(tt_read(so, 100), -EWOULDBLOCK, "and its data is not taken");
	is_int(tt_count(tcps_rcvacktoomuch) - n, 1, "counted");
	in(". 1001:1001(0) ack 501 win 65535");
	tt_kill(so, 1001);
}

/* Early segments on many connections, none of which ever comes to its gap. */
static void
test_reassembly(void)
{
	struct socket *so[20];
	uint64_t full = tt_count(tcps_rcvreassfull);
	struct mbstat before, after;

	mb_stat(&before);
	for (size_t c = 0; c < nitems(so); c++) {
		so[c] = tt_passive(ls, MSS);
		for (uint32_t i = 0; i < 500; i++)
			segment(so[c], 2 + 2 * i, 1, 0);
		testbed_run_ms(tb, 1);
		peer_forget(p);
	}
	mb_stat(&after);
	ok(after.mbufs_used - before.mbufs_used <= 20 * 110, "%lu mbufs for 10000 early bytes",
	    (u_long)(after.mbufs_used - before.mbufs_used));
	ok(tt_count(tcps_rcvreassfull) - full >= 20 * 390, "what found no room is counted");
	for (size_t c = 0; c < nitems(so); c++) {
		tt_pport -= c == 0 ? (int)nitems(so) - 1 : -1;
		tt_kill(so[c], 1001);
	}
	mb_stat(&after);
	is_int(after.mbufs_used, before.mbufs_used, "all of it goes with the connections");
}

/* A SYN from another port each time, below the parser. */
static void
flood(uint32_t n)
{
	struct tcp_seg seg;

	memset(&seg, 0, sizeof(seg));
	seg.inc.inc_laddr.s_addr = htonl(0x0a000001);
	seg.inc.inc_faddr.s_addr = htonl(0x0a000002 + (n >> 15 << 8));
	seg.inc.inc_lport = htons(LPORT);
	seg.inc.inc_fport = htons((u_short)(32768 + n % 32768));
	seg.seq = n * 7919;
	seg.win = 65535;
	seg.flags = TH_SYN;
	seg.nsegs = 1;
	TB_ENTER(h);
	seg.m = m_gethdr(M_WAITOK, MT_DATA);
	tcp_listen_input(sotoinpcb(ls), &seg);
	TB_LEAVE();
}

static void
test_syn_flood(void)
{
	struct mbstat before, after;
	struct socket *so;
	u_int most = 0, n;

	mb_stat(&before);
	for (uint32_t i = 0; i < 30000; i++) {
		flood(i);
		if (i % 256 == 0) {
			testbed_run_ms(tb, 1);
			peer_forget(p);
			TB_ENTER(h);
			n = syncache_count();
			TB_LEAVE();
			most = max(most, n);
		}
	}
	testbed_run_ms(tb, 1);
	peer_forget(p);
	mb_stat(&after);
	ok(most <= 15360, "30000 SYNs leave %u half-open", most);
	ok(after.mbufs_used <= before.mbufs_used + 64, "and hold no mbufs");
	so = tt_passive(ls, MSS);
	is_int(tt_state(so), TCPS_ESTABLISHED, "an honest one gets in");
	tt_kill(so, 1001);
	testbed_run_ms(tb, 60000);
	peer_forget(p);
	TB_ENTER(h);
	is_int(syncache_count(), 0, "and a minute later all are forgotten");
	TB_LEAVE();
}

/* Ports with which our sequence numbers begin right before the wrap. */
static bool
find_wrap(void)
{
	struct in_conninfo inc;

	memset(&inc, 0, sizeof(inc));
	inc.inc_laddr.s_addr = htonl(0x0a000001);
	inc.inc_faddr.s_addr = htonl(0x0a000002);
	for (int pp = 5000; pp < 5100; pp++) {
		for (int lp = 30000; lp < 60000; lp++) {
			inc.inc_fport = htons((u_short)pp);
			inc.inc_lport = htons((u_short)lp);
			if (tcp_new_isn(&inc) > 0xffffc000u) {
				tt_pport = pp;
				tt_lport = lp;
				return (true);
			}
		}
	}
	return (false);
}

static void
test_wrap(void)
{
	const uint32_t isn = 0xffffe000u;
	struct tcpcb *tp;
	struct socket *so;
	uint32_t at;

	TB_ENTER(h);
	if (!find_wrap())
		tap_bail("no such ports");
	if (tb_socket(SOCK_STREAM, &so) != 0 || tb_bind(so, NULL, (uint16_t)tt_lport) != 0 ||
	    tb_connect_start(so, "10.0.0.2", (uint16_t)tt_pport) != 0)
		tap_bail("connect");
	TB_LEAVE();
	tp = tt_tcpcb(so);
	ok(tp->iss > 0xffffc000u, "ISN %x", tp->iss);
	out("S 0:0(0)");
	in("S. %u:%u(0) ack 1 win 65535 <mss 1000>", isn, isn);
	out(". 1:1(0) ack %u", isn + 1);
	tt_write(so, 30000);
	for (at = 1; at < 30001; at += 1000) {
		out(". %u:%u(1000)", at, at + 1000);
		/* theirs wrap at the same time */
		in(". %u:%u(1000) ack %u win 65535", isn + at, isn + at + 1000, at + 1000);
	}
	testbed_run_ms(tb, 2);
	ok(tp->snd_una < tp->iss && tp->rcv_nxt < tp->irs, "both sides have wrapped");
	is_int(tp->snd_una - tp->iss, 30001, "all of ours is acknowledged");
	is_int(tt_read(so, 100000), 30000, "all of theirs came");
	peer_forget(p);
	tt_kill(so, isn + at);
}

int
main(void)
{
	tt_init();
	ls = tt_listen(64);
	for (uint64_t seed = 1; seed <= 10; seed++)
		test_contradictions(seed);
	test_zero_window();
	test_shrunk_window();
	test_ack_unsent();
	test_reassembly();
	test_syn_flood();
	test_wrap();
	tt_close(ls);
	return (tt_done());
}
