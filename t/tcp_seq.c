/*
 * tcp_seq.c - sequence arithmetic, and segments that overlap in every way: each byte of the stream
 * comes out once and right, across the wrap of sequence numbers, within the bounds.
 */
#include <sys/param.h>
#include <sys/mbuf.h>

#include "t/lib/tcptest.h"
#include <netinet/tcp_seq.h>

#define STREAM 30000
#define FIRST 4294950000u /* the wrap is inside */

static struct socket *ls;
static uint8_t pattern[STREAM], got[STREAM];

static void
test_macros(void)
{
	ok(SEQ_LT(1, 2) && !SEQ_LT(2, 1) && !SEQ_LT(2, 2), "less");
	ok(SEQ_LT(0xfffffff0u, 5) && SEQ_GT(5, 0xfffffff0u), "across the wrap");
	ok(SEQ_LEQ(7, 7) && SEQ_GEQ(7, 7), "equal");
	is_int(SEQ_MAX(0xffffffffu, 1), 1, "max");
	is_int(SEQ_MIN(0xffffffffu, 1), 0xffffffffu, "min");
}

static struct socket *
open_at(tcp_seq seq)
{
	struct socket *so;

	tt_lport = LPORT;
	tt_pport++;
	in("S %u:%u(0) win 65535 <mss 1460,sackOK>", seq, seq);
	out("S. 0:0(0) ack %u", seq + 1);
	in(". %u:%u(0) ack 1 win 65535", seq + 1, seq + 1);
	so = tt_accept(ls);
	if (so == NULL)
		tap_bail("no connection");
	return (so);
}

/* A segment of the pattern, handed over below the parser. */
static void
segment(struct socket *so, uint32_t at, uint32_t len, bool fin)
{
	struct tcpcb *tp = tt_tcpcb(so);
	struct tcp_seg seg;

	memset(&seg, 0, sizeof(seg));
	seg.inc = tp->t_inpcb->inp_inc;
	seg.seq = FIRST + 1 + at;
	seg.ack = tp->snd_una;
	seg.win = 65535;
	seg.flags = TH_ACK | (fin ? TH_FIN : 0);
	seg.nsegs = 1;
	seg.segsz = (uint16_t)len;
	seg.len = len;
	TB_ENTER(h);
	seg.m = m_get3((int)len + 1, M_WAITOK, MT_DATA, M_PKTHDR);
	memcpy(mtod(seg.m, char *), pattern + at, len);
	seg.m->m_len = seg.m->m_pkthdr.len = (int)len;
	soref(so);
	tcp_do_segment(tp, &seg);
	sorele(so);
	TB_LEAVE();
}

static uint32_t
drain(struct socket *so, uint32_t have)
{
	size_t n;

	TB_ENTER(h);
	while (tb_read_nb(so, got + have, STREAM - have, &n) == 0 && n > 0)
		have += (uint32_t)n;
	TB_LEAVE();
	return (have);
}

static void
test_overlaps(uint64_t seed)
{
	struct socket *so = open_at(FIRST);
	struct tcpcb *tp = tt_tcpcb(so);
	uint32_t have = 0, at, len, limit, most_q = 0;
	uint64_t r = seed;
	int i;

	memset(got, 0, sizeof(got));
	for (i = 0; i < 100000 && have < STREAM; i++) {
		at = have + tb_random(&r) % 3000;
		at -= min(at, tb_random(&r) % 500);
		at = min(at, STREAM - 1);
		limit = tb_random(&r) % 4 == 0 ? 1500 : 60;
		len = min(tb_random(&r) % limit, STREAM - at);
		segment(so, at, len, at + len == STREAM);
		most_q = MAX(most_q, tp->t_segqlen);
		if (tb_random(&r) % 3 == 0)
			have = drain(so, have);
		if (tb_random(&r) % 64 == 0)
			peer_forget(p);
	}
	have = drain(so, have);
	ok(have == STREAM && memcmp(got, pattern, STREAM) == 0,
	    "seed %lu: %d overlapping segments, the stream is whole", (u_long)seed, i);
	ok(most_q > 5 && most_q <= 101, "at most %u segments waited", most_q);
	segment(so, STREAM - 1, 1, true);
	is_int(tt_state(so), TCPS_CLOSE_WAIT, "the FIN was in its place");
	is_int(tp->t_segqlen, 0, "nothing waits");
	is_int(tp->t_segqmbcnt, 0, "no storage is counted");
	testbed_run_ms(tb, 100);
	peer_forget(p);
	tt_kill(so, FIRST + 1 + STREAM + 1);
}

/* A peer that never fills its gap. */
static void
test_bounds(void)
{
	struct socket *so = open_at(FIRST);
	struct tcpcb *tp = tt_tcpcb(so);

	for (uint32_t i = 0; i < 5000; i++)
		segment(so, 2 + 2 * i, 1, false);
	is_int(tp->t_segqlen, 100, "no more than maxqueuelen segments wait");
	ok(tp->t_segqmbcnt <= so->so_rcv.sb_mbmax, "in bounded storage");
	segment(so, 0, 1, false);
	segment(so, 1, 1, false);
	is_int(drain(so, 0), 3, "the gap can always be filled");
	peer_forget(p);
	tt_kill(so, tp->rcv_nxt);
}

int
main(void)
{
	tb_pattern(pattern, sizeof(pattern), 9, 0);
	test_macros();
	tt_init();
	ls = tt_listen(16);
	for (uint64_t seed = 1; seed <= 20; seed++)
		test_overlaps(seed);
	test_bounds();
	tt_close(ls);
	return (tt_done());
}
