/*
 * tcp_reass.c - holds segments that came early until the gap fills.
 * Owns tp->t_segq and V_tcp_reass_*. Called by tcp_segment.c only. RFC 9293 3.10.7.4, step 7.
 *
 * Segments that touch are one entry, so that one loss in a long line costs one, whatever follows
 * it. Bounds: net.inet.tcp.reass.maxqueuelen entries a connection, maxsegments a stack; and the
 * storage that a connection's segments keep busy, clusters whole, stays below its receive
 * buffer's. The segment that fills the gap at rcv_nxt is always taken, or nothing would move.
 */
#include <sys/param.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

static MALLOC_DEFINE(M_REASS, "tcp_reass", "out-of-order TCP segments");

VNET_DEFINE_STATIC(int, tcp_reass_maxseg) = 4096;
VNET_DEFINE_STATIC(int, tcp_reass_cursegs);
VNET_DEFINE_STATIC(int, tcp_reass_maxqueuelen) = 100;
#define V_tcp_reass_maxseg VNET(tcp_reass_maxseg)
#define V_tcp_reass_cursegs VNET(tcp_reass_cursegs)
#define V_tcp_reass_maxqueuelen VNET(tcp_reass_maxqueuelen)

SYSCTL_DECL(_net_inet_tcp);
SYSCTL_NODE(_net_inet_tcp, OID_AUTO, reass, CTLFLAG_RW, 0, "Out-of-order segments");
SYSCTL_INT_RANGE(_net_inet_tcp_reass, OID_AUTO, maxsegments, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tcp_reass_maxseg), 0, 1000000,
    "Most entries of touching segments held by all connections (0 to 1000000, default 4096)");
SYSCTL_INT(_net_inet_tcp_reass, OID_AUTO, cursegments, CTLFLAG_VNET | CTLFLAG_RD,
    &VNET_NAME(tcp_reass_cursegs), 0, "Entries held now");
SYSCTL_INT_RANGE(_net_inet_tcp_reass, OID_AUTO, maxqueuelen, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tcp_reass_maxqueuelen), 0, 10000,
    "Most entries of touching segments held by one connection (0 to 10000, default 100)");

static uint32_t
reass_mbcnt(const struct mbuf *m)
{
	uint32_t n = 0;

	for (; m != NULL; m = m->m_next)
		n += MSIZE + ((m->m_flags & M_EXT) != 0 ? m->m_ext.ext_size : 0);
	return (n);
}

static void
reass_account(struct tcpcb *tp, const struct tseg_qent *te, int sign)
{
	tp->t_segqlen += sign;
	tp->t_segqmbcnt += sign * (int)te->tqe_mbcnt;
	V_tcp_reass_cursegs += sign;
}

/* Takes te out; its data is the caller's. */
static struct mbuf *
reass_unlink(struct tcpcb *tp, struct tseg_qent *te)
{
	struct mbuf *m = te->tqe_m;

	TAILQ_REMOVE(&tp->t_segq, te, tqe_q);
	reass_account(tp, te, -1);
	free(te, M_REASS);
	return (m);
}

void
tcp_reass_flush(struct tcpcb *tp)
{
	struct tseg_qent *te;

	while ((te = TAILQ_FIRST(&tp->t_segq)) != NULL)
		m_freem(reass_unlink(tp, te));
}

static bool
reass_full(const struct tcpcb *tp, const struct tcp_seg *seg, uint32_t mbcnt)
{
	if (seg->seq == tp->rcv_nxt)
		return (false);
	return (tp->t_segqmbcnt + mbcnt > tptosocket(tp)->so_rcv.sb_mbmax);
}

/* Adds m, not empty, to the end of te. */
static void
reass_extend(
    struct tcpcb *tp, struct tseg_qent *te, struct mbuf *m, uint32_t len, uint32_t mbcnt, bool fin)
{
	if ((m->m_flags & M_PKTHDR) != 0)
		m_demote_pkthdr(m);
	te->tqe_last->m_next = m;
	te->tqe_last = m_last(m);
	if ((te->tqe_m->m_flags & M_PKTHDR) != 0)
		te->tqe_m->m_pkthdr.len += (int)len;
	te->tqe_len += len;
	te->tqe_fin = fin;
	te->tqe_mbcnt += mbcnt;
	tp->t_segqmbcnt += mbcnt;
}

/* te and the entry behind it become one, if they touch. */
static void
reass_join(struct tcpcb *tp, struct tseg_qent *te)
{
	struct tseg_qent *next = TAILQ_NEXT(te, tqe_q);
	uint32_t len, mbcnt;
	bool fin;

	if (next == NULL || next->tqe_start != te->tqe_start + te->tqe_len || next->tqe_len == 0)
		return;
	len = next->tqe_len;
	mbcnt = next->tqe_mbcnt;
	fin = next->tqe_fin;
	reass_extend(tp, te, reass_unlink(tp, next), len, mbcnt, fin);
}

/* Puts the segment, which overlaps nothing, in front of the entry given. False: no room. */
static bool
reass_insert(struct tcpcb *tp, struct tcp_seg *seg, struct tseg_qent *before, uint32_t mbcnt)
{
	struct tseg_qent *te, *prev;
	const bool fin = (seg->flags & TH_FIN) != 0;

	prev = before != NULL ? TAILQ_PREV(before, tsegqe_head, tqe_q)
			      : TAILQ_LAST(&tp->t_segq, tsegqe_head);
	if (prev != NULL && prev->tqe_start + prev->tqe_len == seg->seq && prev->tqe_len > 0 &&
	    !prev->tqe_fin && seg->len > 0) {
		reass_extend(tp, prev, seg->m, seg->len, mbcnt, fin);
		seg->m = NULL;
		reass_join(tp, prev);
		return (true);
	}
	if (seg->seq != tp->rcv_nxt &&
	    (tp->t_segqlen >= (uint32_t)imax(V_tcp_reass_maxqueuelen, 0) ||
		V_tcp_reass_cursegs >= V_tcp_reass_maxseg))
		return (false);
	te = malloc(sizeof(*te), M_REASS, M_NOWAIT);
	if (te == NULL)
		return (false);
	*te = (struct tseg_qent){.tqe_m = seg->m,
	    .tqe_last = m_last(seg->m),
	    .tqe_start = seg->seq,
	    .tqe_len = seg->len,
	    .tqe_mbcnt = mbcnt,
	    .tqe_fin = fin};
	seg->m = NULL;
	if (before != NULL)
		TAILQ_INSERT_BEFORE(before, te, tqe_q);
	else
		TAILQ_INSERT_TAIL(&tp->t_segq, te, tqe_q);
	reass_account(tp, te, 1);
	if (te->tqe_len > 0 && !fin)
		reass_join(tp, te);
	return (true);
}

/*
 * Cuts from the segment what the queue has already, and from the queue what the segment
 * replaces. Returns the entry before which it belongs; *drop: nothing of it is left.
 */
static struct tseg_qent *
reass_overlap(struct tcpcb *tp, struct tcp_seg *seg, bool *drop)
{
	struct tseg_qent *te, *next;
	uint32_t n;

	*drop = false;
	TAILQ_FOREACH_SAFE (te, &tp->t_segq, tqe_q, next) {
		const tcp_seq te_end = te->tqe_start + te->tqe_len;
		const tcp_seq end = seg->seq + seg->len;

		if (SEQ_LT(te_end, seg->seq) || (te_end == seg->seq && !te->tqe_fin))
			continue;
		if (SEQ_GT(te->tqe_start, end))
			return (te);
		if (SEQ_LEQ(te->tqe_start, seg->seq)) {
			/* our head is in te */
			n = te_end - seg->seq;
			tcp_dsack_report(tp, seg->seq, seg->seq + min(n, seg->len));
			if (n >= seg->len) {
				te->tqe_fin |= (seg->flags & TH_FIN) != 0 && n == seg->len;
				*drop = true;
				return (te);
			}
			m_adj(seg->m, (int)n);
			seg->seq += n;
			seg->len -= n;
			continue;
		}
		if (SEQ_LEQ(te_end, end)) {
			/* te lies within ours */
			if (te->tqe_fin && te_end == end)
				seg->flags |= TH_FIN;
			tcp_dsack_report(tp, te->tqe_start, te_end);
			m_freem(reass_unlink(tp, te));
			continue;
		}
		/* our tail is in te */
		n = end - te->tqe_start;
		if (n > 0) {
			tcp_dsack_report(tp, te->tqe_start, end);
			m_adj(seg->m, -(int)n);
			seg->len -= n;
			seg->flags &= ~TH_FIN;
		}
		return (te);
	}
	return (NULL);
}

/* Hands on what is in order now. True: the FIN is too. */
static bool
reass_deliver(struct tcpcb *tp, struct tcp_seg *seg)
{
	struct tseg_qent *te;
	bool fin = false;

	while ((te = TAILQ_FIRST(&tp->t_segq)) != NULL && te->tqe_start == tp->rcv_nxt && !fin) {
		const uint32_t len = te->tqe_len;
		const tcp_seq start = te->tqe_start;
		struct mbuf *m;

		fin = te->tqe_fin != 0;
		m = reass_unlink(tp, te);
		tp->rcv_nxt += len;
		if (len > 0) {
			tcp_append(tp, m, start, len);
			seg->wake |= TSW_RCV;
		} else
			m_freem(m);
	}
	if (fin)
		tcp_reass_flush(tp); /* nothing may follow it */
	tcp_sack_trim_report(tp);
	return (fin);
}

/* Reports the run of held segments that the byte at start is part of. */
static void
reass_report(struct tcpcb *tp, tcp_seq start)
{
	const struct tseg_qent *te;
	tcp_seq a = 0, b = 0;
	bool found = false;

	if ((tp->t_flags & TF_SACK_PERMIT) == 0)
		return;
	TAILQ_FOREACH (te, &tp->t_segq, tqe_q) {
		if (a == b || te->tqe_start != b) {
			if (found)
				break;
			a = te->tqe_start;
		}
		b = te->tqe_start + te->tqe_len;
		if (SEQ_LEQ(te->tqe_start, start) && SEQ_LT(start, b))
			found = true;
	}
	if (found)
		tcp_sack_report(tp, a, b);
}

bool
tcp_reass(struct tcpcb *tp, struct tcp_seg *seg)
{
	struct tseg_qent *before;
	const tcp_seq start = seg->seq;
	uint32_t mbcnt;
	bool drop;

	if (seg->seq != tp->rcv_nxt) {
		TCPSTAT_INC(tcps_rcvoopack);
		TCPSTAT_ADD(tcps_rcvoobyte, seg->len);
		tp->t_rcvoopack++;
	}
	mbcnt = reass_mbcnt(seg->m);
	if (reass_full(tp, seg, mbcnt)) {
		TCPSTAT_INC(tcps_rcvreassfull);
		return (false);
	}
	before = reass_overlap(tp, seg, &drop);
	if (!drop) {
		if (!reass_insert(tp, seg, before, mbcnt)) {
			TCPSTAT_INC(tcps_rcvreassfull);
			return (false);
		}
	} else
		TCPSTAT_INC(tcps_rcvduppack);
	drop = reass_deliver(tp, seg);
	reass_report(tp, start);
	return (drop);
}
