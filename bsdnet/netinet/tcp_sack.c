/*
 * tcp_sack.c - selective acknowledgments: RFC 2018, and the sender's side of RFC 6675.
 * Owns t_sack (what the peer has) and sackblks (what we tell it that we have).
 * Bounds: net.inet.tcp.sack.maxholes for each connection, globalmaxholes for all of a stack.
 */
#include <sys/param.h>
#include <sys/malloc.h>
#include <sys/socketvar.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

static MALLOC_DEFINE(M_SACK, "tcp_sack", "scoreboards of TCP senders");

#define SACK_DUPTHRESH 3
#define SACK_FIRST_SIZE 8

/* ---- the scoreboard ---- */

void
tcp_sack_clear(struct tcpcb *tp)
{
	struct sackscore *ss = &tp->t_sack;

	V_tcp_sack_globalholes -= (int)ss->ss_n;
	ss->ss_n = 0;
	ss->ss_bytes = 0;
	ss->ss_highrxt = tp->snd_una;
	ss->ss_rescued = false;
}

void
tcp_sack_free(struct tcpcb *tp)
{
	tcp_sack_clear(tp);
	free(tp->t_sack.ss_blk, M_SACK);
	tp->t_sack.ss_blk = NULL;
	tp->t_sack.ss_size = 0;
}

static bool
sack_make_room(struct sackscore *ss)
{
	u_int size = ss->ss_size;
	struct sackblk *blk;

	if (ss->ss_n >= (u_int)imax(V_tcp_sack_maxholes, 1) ||
	    V_tcp_sack_globalholes >= V_tcp_sack_globalmaxholes)
		return (false);
	if (ss->ss_n < size)
		return (true);
	size = size == 0 ? SACK_FIRST_SIZE : size * 2;
	blk = realloc(ss->ss_blk, size * sizeof(*blk), M_SACK, M_NOWAIT);
	if (blk == NULL)
		return (false);
	ss->ss_blk = blk;
	ss->ss_size = size;
	return (true);
}

static void
sack_remove(struct sackscore *ss, u_int i, u_int n)
{
	memmove(&ss->ss_blk[i], &ss->ss_blk[i + n], (ss->ss_n - i - n) * sizeof(ss->ss_blk[0]));
	ss->ss_n -= n;
	V_tcp_sack_globalholes -= (int)n;
}

/* Tells RACK of what of [start, end) lies in no block from i to before j. */
static void
sack_tell(struct tcpcb *tp, const struct tcp_seg *seg, u_int i, u_int j, tcp_seq start, tcp_seq end)
{
	const struct sackscore *ss = &tp->t_sack;

	for (; i < j; i++) {
		if (SEQ_LT(start, ss->ss_blk[i].start))
			tcp_rack_sacked(tp, seg, start, ss->ss_blk[i].start);
		start = SEQ_MAX(start, ss->ss_blk[i].end);
	}
	if (SEQ_LT(start, end))
		tcp_rack_sacked(tp, seg, start, end);
}

/* Adds [start, end) and joins what it touches. True: some of it was news. */
static bool
sack_insert(struct tcpcb *tp, const struct tcp_seg *seg, tcp_seq start, tcp_seq end)
{
	struct sackscore *ss = &tp->t_sack;
	uint32_t had = 0;
	u_int i, j;

	/* i: the first block that ends at or after start; j: the first that begins after end */
	for (i = 0; i < ss->ss_n && SEQ_LT(ss->ss_blk[i].end, start); i++)
		continue;
	for (j = i; j < ss->ss_n && SEQ_LEQ(ss->ss_blk[j].start, end); j++)
		had += ss->ss_blk[j].end - ss->ss_blk[j].start;
	if (i == j && !sack_make_room(ss)) {
		TCPSTAT_INC(tcps_sack_sboverflow);
		return (false);
	}
	sack_tell(tp, seg, i, j, start, end);
	if (i == j) {
		memmove(&ss->ss_blk[i + 1], &ss->ss_blk[i], (ss->ss_n - i) * sizeof(ss->ss_blk[0]));
		ss->ss_blk[i] = (struct sackblk){start, end};
		ss->ss_n++;
		V_tcp_sack_globalholes++;
		ss->ss_bytes += end - start;
		return (true);
	}
	start = SEQ_MIN(start, ss->ss_blk[i].start);
	end = SEQ_MAX(end, ss->ss_blk[j - 1].end);
	ss->ss_blk[i] = (struct sackblk){start, end};
	if (j - i > 1)
		sack_remove(ss, i + 1, j - i - 1);
	ss->ss_bytes += (end - start) - had;
	return (end - start != had);
}

/* Everything before una is acknowledged for good. */
static void
sack_advance(struct sackscore *ss, tcp_seq una)
{
	u_int n;

	for (n = 0; n < ss->ss_n && SEQ_LEQ(ss->ss_blk[n].end, una); n++)
		ss->ss_bytes -= ss->ss_blk[n].end - ss->ss_blk[n].start;
	if (n > 0)
		sack_remove(ss, 0, n);
	if (ss->ss_n > 0 && SEQ_LT(ss->ss_blk[0].start, una)) {
		ss->ss_bytes -= una - ss->ss_blk[0].start;
		ss->ss_blk[0].start = una;
	}
}

/*
 * RFC 2883 4.2: is the first block a D-SACK? It lies below the ACK, or within the second block.
 * Only of what we sent not long ago (RFC 2883 leaves out how long; a window's worth, here).
 */
static bool
sack_is_dsack(const struct tcpcb *tp, const struct tcp_seg *seg)
{
	const struct sackblk *b = &seg->to.to_sacks[0];

	if (seg->to.to_nsacks == 0 || SEQ_GEQ(b->start, b->end) || SEQ_GT(b->end, tp->snd_max) ||
	    SEQ_LT(b->start, tp->snd_una - tp->max_sndwnd))
		return (false);
	if (SEQ_LEQ(b->end, seg->ack))
		return (true);
	return (seg->to.to_nsacks > 1 && SEQ_GEQ(b->start, b[1].start) &&
		SEQ_LEQ(b->end, b[1].end) && SEQ_GEQ(b->start, seg->ack));
}

/* The blocks by sequence: RACK must not take the order in which they are reported for a
 * reordering on the way. */
static void
sack_order(const struct tcp_seg *seg, const struct sackblk **order)
{
	u_int j;

	for (u_int i = 0; i < seg->to.to_nsacks; i++) {
		const struct sackblk *b = &seg->to.to_sacks[i];

		for (j = i; j > 0 && SEQ_GT(order[j - 1]->start, b->start); j--)
			order[j] = order[j - 1];
		order[j] = b;
	}
}

bool
tcp_sack_ack(struct tcpcb *tp, struct tcp_seg *seg)
{
	struct sackscore *ss = &tp->t_sack;
	const tcp_seq una = SEQ_MAX(tp->snd_una, seg->ack);
	const struct sackblk *b, *order[TCP_MAX_SACK];
	bool news = false;

	if (ss->ss_n > 0)
		sack_advance(ss, una);
	if (sack_is_dsack(tp, seg)) {
		seg->dsack = seg->to.to_sacks[0];
		TCPSTAT_INC(tcps_dsack_count);
		tp->t_info.ts_dsack_dups++;
		TCPSTAT_ADD(tcps_dsack_bytes, seg->dsack.end - seg->dsack.start);
	}
	sack_order(seg, order);
	for (u_int i = 0; i < seg->to.to_nsacks; i++) {
		b = order[i];
		TCPSTAT_INC(tcps_sack_rcv_blocks);
		if (SEQ_GEQ(b->start, b->end) || SEQ_GT(b->end, tp->snd_max)) {
			TCPSTAT_INC(tcps_sack_badblk);
			continue;
		}
		/* At or below the ACK: a D-SACK (RFC 2883), which says nothing of what is missing.
		 */
		if (SEQ_LT(b->start, una))
			continue;
		/* A block that begins at the ACK contradicts it. */
		if (b->start == una) {
			TCPSTAT_INC(tcps_sack_badblk);
			continue;
		}
		if (sack_insert(tp, seg, b->start, b->end))
			news = true;
	}
	if (SEQ_LT(ss->ss_highrxt, una))
		ss->ss_highrxt = una;
	return (news);
}

/* Of the blocks from i up: enough to say that what lies below is lost (RFC 6675 IsLost). */
static bool
sack_lost_below(const struct tcpcb *tp, u_int nblk, uint32_t bytes)
{
	return (nblk >= SACK_DUPTHRESH || bytes > (SACK_DUPTHRESH - 1) * tcp_maxseg(tp));
}

bool
tcp_sack_enough(const struct tcpcb *tp)
{
	return (sack_lost_below(tp, tp->t_sack.ss_n, tp->t_sack.ss_bytes));
}

bool
tcp_sack_islost(const struct tcpcb *tp, tcp_seq seq)
{
	const struct sackscore *ss = &tp->t_sack;
	uint32_t bytes = 0;
	u_int n = 0;

	for (u_int i = ss->ss_n; i-- > 0 && SEQ_GT(ss->ss_blk[i].end, seq);) {
		n++;
		bytes += ss->ss_blk[i].end - ss->ss_blk[i].start;
	}
	return (sack_lost_below(tp, n, bytes));
}

/* Of the hole [a, b): bytes that this recovery has sent again. */
static uint32_t
sack_resent(const struct sackscore *ss, tcp_seq a, tcp_seq b)
{
	tcp_seq top = SEQ_MIN(ss->ss_highrxt, b);

	return (SEQ_GT(top, a) ? top - a : 0);
}

uint32_t
tcp_sack_pipe(const struct tcpcb *tp)
{
	const struct sackscore *ss = &tp->t_sack;
	uint32_t pipe, bytes = 0;
	tcp_seq a, b;

	if (tp->t_rack.rk_on)
		return (tcp_rack_pipe(tp));
	if (ss->ss_n == 0)
		return (tp->snd_max - tp->snd_una + sack_resent(ss, tp->snd_una, tp->snd_max));
	pipe = tp->snd_max - ss->ss_blk[ss->ss_n - 1].end;
	if (ss->ss_rescued)
		pipe += min(tcp_maxseg(tp), pipe);
	for (u_int i = ss->ss_n; i-- > 0;) {
		a = i > 0 ? ss->ss_blk[i - 1].end : tp->snd_una;
		b = ss->ss_blk[i].start;
		bytes += ss->ss_blk[i].end - b;
		if (!sack_lost_below(tp, ss->ss_n - i, bytes))
			pipe += b - a;
		pipe += sack_resent(ss, a, b);
	}
	return (pipe);
}

uint32_t
tcp_sack_lost(const struct tcpcb *tp, uint32_t *resent)
{
	const struct sackscore *ss = &tp->t_sack;
	uint32_t lost = 0, bytes = 0, again;
	tcp_seq a, b;

	*resent = 0;
	for (u_int i = ss->ss_n; i-- > 0;) {
		a = i > 0 ? ss->ss_blk[i - 1].end : tp->snd_una;
		b = ss->ss_blk[i].start;
		bytes += ss->ss_blk[i].end - b;
		again = sack_resent(ss, a, b);
		if (sack_lost_below(tp, ss->ss_n - i, bytes))
			lost += b - a - again;
		*resent += again;
	}
	return (lost);
}

/* The first byte at or after seq that the peer has not; *room bytes of it up to what it has. */
tcp_seq
tcp_sack_skip(const struct tcpcb *tp, tcp_seq seq, uint32_t *room)
{
	const struct sackscore *ss = &tp->t_sack;

	for (u_int i = 0; i < ss->ss_n; i++) {
		if (SEQ_LT(seq, ss->ss_blk[i].start)) {
			*room = ss->ss_blk[i].start - seq;
			return (seq);
		}
		if (SEQ_LT(seq, ss->ss_blk[i].end))
			seq = ss->ss_blk[i].end;
	}
	*room = UINT32_MAX;
	return (seq);
}

/*
 * Rule 4: the last segment, once in a recovery, in case all that is left to arrive was lost too.
 * Not before something of this recovery arrived: till then the end of the flight may well be on its
 * way.
 */
static bool
sack_rescue(const struct tcpcb *tp, struct tcp_plan *p)
{
	const struct sackscore *ss = &tp->t_sack;
	const u_int mss = tcp_maxseg(tp);
	tcp_seq top, low;

	if (ss->ss_rescued || ss->ss_n == 0 || tp->snd_una == ss->ss_entry)
		return (false);
	top = ss->ss_blk[ss->ss_n - 1].end;
	if (top == tp->snd_max)
		return (false);
	low = SEQ_MAX(top, tp->snd_max - mss);
	p->seq = low;
	p->len = tp->snd_max - low;
	p->rexmit = p->rescue = true;
	return (true);
}

bool
tcp_sack_nextseg(const struct tcpcb *tp, struct tcp_plan *p, uint32_t room, bool lost)
{
	const struct sackscore *ss = &tp->t_sack;
	const u_int mss = tcp_maxseg(tp);
	tcp_seq seq = SEQ_MAX(ss->ss_highrxt, tp->snd_una);
	uint32_t hole;

	if (room < mss)
		return (false);
	seq = tcp_sack_skip(tp, seq, &hole);
	if (hole != UINT32_MAX && (!lost || tcp_sack_islost(tp, seq))) {
		p->seq = seq;
		p->len = min(hole, room);
		/* whole segments, or the end of the hole */
		if (p->len < hole && p->len > mss)
			p->len -= p->len % mss;
		p->rexmit = true;
		return (true);
	}
	return (!lost && hole == UINT32_MAX && sack_rescue(tp, p));
}

/* ---- what we report, RFC 2018 4 ---- */

/* [start, end) just came and is held out of order: it goes first. */
void
tcp_sack_report(struct tcpcb *tp, tcp_seq start, tcp_seq end)
{
	struct sackblk kept[MAX_SACK_BLKS];
	u_int n = 0;

	for (u_int i = 0; i < tp->rcv_numsacks; i++) {
		const struct sackblk *b = &tp->sackblks[i];

		if (SEQ_LEQ(b->end, tp->rcv_nxt))
			continue;
		if (SEQ_GEQ(b->end, start) && SEQ_LEQ(b->start, end)) {
			start = SEQ_MIN(start, b->start);
			end = SEQ_MAX(end, b->end);
		} else if (n < MAX_SACK_BLKS - 1)
			kept[n++] = *b;
	}
	tp->sackblks[0] = (struct sackblk){start, end};
	memcpy(&tp->sackblks[1], kept, n * sizeof(kept[0]));
	tp->rcv_numsacks = (uint8_t)(n + 1);
}

/*
 * [start, end) came, and we had it: RFC 2883. One such range is remembered until the next ACK,
 * the latest; ranges that touch, as when one segment covers several that we hold, are one.
 */
void
tcp_dsack_report(struct tcpcb *tp, tcp_seq start, tcp_seq end)
{
	if ((tp->t_flags & TF_SACK_PERMIT) == 0 || SEQ_GEQ(start, end))
		return;
	if (tp->t_dsack.start != tp->t_dsack.end && tp->t_dsack.end == start)
		tp->t_dsack.end = end;
	else
		tp->t_dsack = (struct sackblk){start, end};
	tp->t_flags |= TF_ACKNOW;
}

/* RFC 2883 4: the duplicate first, then what is held, the latest first. */
void
tcp_sack_blocks(const struct tcpcb *tp, struct tcpopt *to)
{
	u_int n = 0;

	if (tp->t_dsack.start != tp->t_dsack.end)
		to->to_sacks[n++] = tp->t_dsack;
	for (u_int i = 0; i < tp->rcv_numsacks && n < TCP_MAX_SACK; i++)
		to->to_sacks[n++] = tp->sackblks[i];
	to->to_nsacks = (uint8_t)n;
	if (n > 0) {
		to->to_flags |= TOF_SACK;
		TCPSTAT_INC(tcps_sack_send_blocks);
	}
}

/* rcv_nxt moved. */
void
tcp_sack_trim_report(struct tcpcb *tp)
{
	u_int n = 0;

	for (u_int i = 0; i < tp->rcv_numsacks; i++) {
		if (SEQ_GT(tp->sackblks[i].start, tp->rcv_nxt))
			tp->sackblks[n++] = tp->sackblks[i];
	}
	tp->rcv_numsacks = (uint8_t)n;
}
