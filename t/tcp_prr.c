/*
 * tcp_prr.c - how much is sent during recovery: RFC 6937, with the slow start reduction bound.
 * The test keeps DeliveredData, pipe, prr_delivered and prr_out of its own, from what it
 * acknowledged and what it saw, and computes sndcnt as section 3.1 has it.
 */
#include "t/lib/tcptest.h"

#define MSS 1000

static struct socket *ls;

struct model {
	long una, max;	    /* segments: acknowledged, sent; the stack's first is 0 */
	long sacked, holes; /* above una; lost and not sent again */
	long delivered, out, recover_fs, ssthresh;
};

/* Segments that come within a millisecond; the first of them in *first. */
static long
count_sent(long *first)
{
	const char *line, *at;
	long n = 0;

	*first = -1;
	while ((line = peer_next(p, 1)) != NULL) {
		at = strstr(line, ". ");
		if (strstr(line, "(1000)") == NULL || at == NULL)
			continue;
		if (n++ == 0)
			*first = (strtol(at + 2, NULL, 10) - 1) / MSS;
	}
	return (n);
}

/* A connection with 20 segments of cwnd and 20 on their way, from segment 10 on. */
static struct socket *
sender20(struct model *m)
{
	struct socket *so = tt_passive(ls, "<mss 1000,sackOK>");
	long first;

	tt_write(so, 10 * MSS);
	for (int i = 0; i < 10; i++)
		out(". %d:%d(1000)", i * MSS + 1, (i + 1) * MSS + 1);
	testbed_run_ms(tb, 100);
	in(". 1001:1001(0) ack 10001 win 65535");
	testbed_run_ms(tb, 1);
	tt_tcpcb(so)->snd_cwnd = 20 * MSS;
	tt_write(so, 45 * MSS);
	is_int(count_sent(&first), 20, "are used");
	testbed_run_ms(tb, 100);
	*m = (struct model){.una = 10, .max = 30};
	return (so);
}

/* RFC 6937 3.1: what may be sent for delivered more segments, bytes. */
static long
sndcnt(struct model *m, long delivered)
{
	const long pipe = (m->max - m->una - m->sacked - m->holes) * MSS;
	long cnt, limit;

	m->delivered += delivered * MSS;
	if (pipe > m->ssthresh)
		cnt = (m->delivered * m->ssthresh + m->recover_fs - 1) / m->recover_fs - m->out;
	else {
		limit = MAX(m->delivered - m->out, delivered * MSS) + MSS;
		cnt = MIN(m->ssthresh - pipe, limit);
	}
	return (MAX(cnt, 0));
}

/* The peer has segments [from, to), besides what is acknowledged. */
static void
sack(struct model *m, long from, long to)
{
	in(". 1001:1001(0) ack %ld win 65535 <nop,nop,sack %ld:%ld>", m->una * MSS + 1,
	    from * MSS + 1, to * MSS + 1);
}

/* n segments are lost at the front, SACKs come for one more segment at a time. */
static void
test_proportional(long lost)
{
	struct model m;
	struct socket *so = sender20(&m);
	long first, got, want, right = 0, acks = 0, total = 0;

	sack(&m, 10 + lost, 11 + lost);
	is_int(count_sent(&first), 1, "limited transmit");
	sack(&m, 10 + lost, 12 + lost);
	is_int(count_sent(&first), 1, "and once more");
	m.max += 2;
	m.sacked = 2;
	for (long top = 13 + lost; top < 30; top++, acks++) {
		sack(&m, 10 + lost, top);
		if (acks == 0) {
			m.holes = lost;
			m.recover_fs = (m.max - m.una) * MSS;
			/* RFC 5681 3.2 (2): without what limited transmit sent */
			m.ssthresh = 10 * MSS;
		}
		m.sacked++;
		want = sndcnt(&m, 1) / MSS;
		if (acks == 0 && want == 0)
			want = 1; /* fast retransmit */
		got = count_sent(&first);
		if (acks == 0) {
			is_int(first, 10, "the first hole");
			is_int(tt_tcpcb(so)->snd_ssthresh, m.ssthresh, "ssthresh");
		}
		right += got == want;
		if (got != want)
			tap_diag("SACK %ld: %ld segments, want %ld", acks, got, want);
		total += got;
		m.out += got * MSS;
		m.max += MAX(got - m.holes, 0);
		m.holes -= MIN(got, m.holes);
	}
	is_int(right, acks, "each SACK let go what sndcnt says");
	ok(total * m.recover_fs <= m.delivered * m.ssthresh + 2 * m.recover_fs * MSS,
	    "in proportion: %ld segments for %ld delivered", total, m.delivered / MSS);
	in(". 1001:1001(0) ack %ld win 65535", m.max * MSS + 1);
	testbed_run_ms(tb, 1);
	ok(!IN_RECOVERY(tt_tcpcb(so)->t_flags), "recovered");
	ok(tt_tcpcb(so)->snd_cwnd >= (uint32_t)m.ssthresh &&
		tt_tcpcb(so)->snd_cwnd <= (uint32_t)m.ssthresh + 2 * MSS,
	    "cwnd %u is ssthresh", tt_tcpcb(so)->snd_cwnd);
	peer_forget(p);
	tt_kill(so, 1001);
}

/* So much is lost that pipe falls below ssthresh: one segment more than was delivered, an ACK. */
static void
test_reduction_bound(void)
{
	struct model m;
	struct socket *so = sender20(&m);
	long first, got, want;

	/* 15 of 20 are lost, and the SACK of all that came is one */
	sack(&m, 25, 30);
	m.sacked = 5;
	m.holes = 15;
	m.recover_fs = 20 * MSS;
	m.ssthresh = 10 * MSS;
	want = sndcnt(&m, 5) / MSS;
	is_int(want, 6, "five delivered, and one");
	got = count_sent(&first);
	is_int(got, want, "is what goes");
	m.out += got * MSS;
	m.holes -= got;
	testbed_run_ms(tb, 100);
	/* the first retransmission arrives */
	in(". 1001:1001(0) ack %ld win 65535 <nop,nop,sack 25001:30001>", 11L * MSS + 1);
	m.una++;
	want = sndcnt(&m, 1) / MSS;
	is_int(want, 2, "slow start");
	is_int(count_sent(&first), want, "two for one");
	is_int(first, 16, "the next holes");
	peer_forget(p);
	tt_kill(so, 1001);
}

static void
test_off(void)
{
	struct model m;
	struct socket *so;

	tt_set("net.inet.tcp.do_prr", 0);
	so = sender20(&m);
	sack(&m, 25, 30);
	testbed_run_ms(tb, 1);
	is_int(tt_tcpcb(so)->snd_cwnd, tt_tcpcb(so)->snd_ssthresh, "without it: RFC 6675 5 (4.2)");
	peer_forget(p);
	tt_kill(so, 1001);
	tt_set("net.inet.tcp.do_prr", 1);
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	for (int rack = 0; rack < 2; rack++) {
		tt_set("net.inet.tcp.rack.enable", rack);
		test_proportional(1);
		test_proportional(3);
		test_reduction_bound();
		test_off();
	}
	tt_close(ls);
	return (tt_done());
}
