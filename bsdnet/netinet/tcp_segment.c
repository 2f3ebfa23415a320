/*
 * tcp_segment.c - a segment for a connection that knows its peer: the steps of RFC 9293 3.10.7.4,
 * in their order, and the one place that acts on what they decide.
 *
 * Each step returns a verdict; TV_GO is the next step. Steps change the connection, but wake no
 * program and send nothing: that is tcp_segment_finish()'s, when the connection is consistent,
 * since a woken program may read, write or close at once. Called by tcp_input.c.
 */
#include <sys/param.h>
#include <sys/mbuf.h>
#include <sys/socketvar.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_log.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

/* How much we can take now; never less than what we promised. */
void
tcp_rcvwindow(struct tcpcb *tp)
{
	long space = sbspace(&tptosocket(tp)->so_rcv);
	uint32_t win = min(space > 0 ? (uint32_t)space : 0, tcp_window_most(tp));
	uint32_t promised = SEQ_GT(tp->rcv_adv, tp->rcv_nxt) ? tp->rcv_adv - tp->rcv_nxt : 0;

	tp->rcv_wnd = max(win, promised);
}

/* ---- the steps ---- */

/* RFC 7323 5: an old duplicate shows by its timestamp. */
static enum tcp_verdict
tcp_step_paws(struct tcpcb *tp, struct tcp_seg *seg)
{
	if ((tp->t_flags & TF_RCVD_TSTMP) == 0 || (seg->flags & TH_RST) != 0)
		return (TV_GO);
	if ((seg->to.to_flags & TOF_TS) == 0) {
		if (V_tcp_tolerate_missing_ts)
			return (TV_GO);
		TCPSTAT_INC(tcps_tsmissing);
		return (TV_DROP);
	}
	if (tp->ts_recent == 0 || TSTMP_GEQ(seg->to.to_tsval, tp->ts_recent))
		return (TV_GO);
	if (tcp_ts_getticks() - tp->ts_recent_age > TCP_PAWS_IDLE_MS) {
		tp->ts_recent = 0; /* too old to tell */
		return (TV_GO);
	}
	TCPSTAT_INC(tcps_pawsdrop);
	TCPSTAT_INC(tcps_rcvduppack);
	TCPSTAT_ADD(tcps_rcvdupbyte, seg->len);
	return (seg->len > 0 || (seg->flags & (TH_SYN | TH_FIN)) != 0 ? TV_ACK : TV_DROP);
}

/* RFC 5961 3: only a reset that hits rcv_nxt exactly is believed. */
static enum tcp_verdict
tcp_step_rst(struct tcpcb *tp, struct tcp_seg *seg)
{
	bool exact;

	if ((seg->flags & TH_RST) == 0)
		return (TV_GO);
	exact = seg->seq == tp->rcv_nxt || seg->seq == tp->last_ack_sent;
	if (!exact &&
	    (SEQ_LT(seg->seq, tp->rcv_nxt) || SEQ_GEQ(seg->seq, tp->rcv_nxt + tp->rcv_wnd))) {
		TCPSTAT_INC(tcps_badrst);
		return (TV_DROP);
	}
	if (!exact && !V_tcp_insecure_rst) {
		TCPSTAT_INC(tcps_badrst);
		return (TV_CHALLENGE);
	}
	TCPSTAT_INC(tcps_drops);
	switch (tp->t_state) {
	case TCPS_SYN_RECEIVED:
		tptosocket(tp)->so_error = ECONNREFUSED;
		break;
	case TCPS_CLOSING:
	case TCPS_LAST_ACK:
		break;
	default:
		tptosocket(tp)->so_error = ECONNRESET;
	}
	tcp_close(tp);
	return (TV_GONE);
}

void
tcp_strip_syn(struct tcp_seg *seg)
{
	seg->seq++;
	seg->flags &= ~TH_SYN;
	if (seg->urp > 0)
		seg->urp--; /* it counts from the SYN */
}

/* RFC 5961 4. A simultaneous open's SYN,ACK repeats the SYN we had: it is not a new one. */
static enum tcp_verdict
tcp_step_syn(struct tcpcb *tp, struct tcp_seg *seg)
{
	if ((seg->flags & TH_SYN) == 0)
		return (TV_GO);
	if (tp->t_state == TCPS_SYN_RECEIVED && seg->seq == tp->irs) {
		if ((seg->flags & TH_ACK) == 0)
			return (TV_CHALLENGE);
		tcp_strip_syn(seg);
		tp->t_flags |= TF_ACKNOW; /* it began before the window */
		return (TV_GO);
	}
	TCPSTAT_INC(tcps_badsyn);
	if (V_tcp_insecure_syn && SEQ_GEQ(seg->seq, tp->rcv_nxt) &&
	    SEQ_LT(seg->seq, tp->rcv_nxt + tp->rcv_wnd)) {
		tcp_drop(tp, ECONNRESET);
		return (TV_GONE);
	}
	return (TV_CHALLENGE);
}

/* Moves the segment's beginning n on, which may be beyond its end. */
static void
tcp_trim_head(struct tcp_seg *seg, uint32_t n)
{
	uint32_t cut = min(n, seg->len);

	m_adj(seg->m, (int)cut);
	seg->seq += n;
	seg->len -= cut;
	if (seg->urp > n)
		seg->urp -= n;
	else {
		seg->flags &= ~TH_URG;
		seg->urp = 0;
	}
}

/* What begins before rcv_nxt we have. Its ACK may still be news, so the segment goes on. */
static void
tcp_trim_left(struct tcpcb *tp, struct tcp_seg *seg)
{
	uint32_t old;

	if (SEQ_GEQ(seg->seq, tp->rcv_nxt))
		return;
	old = tp->rcv_nxt - seg->seq;
	tcp_dsack_report(tp, seg->seq, seg->seq + min(old, seg->len));
	if (old < seg->len || (old == seg->len && (seg->flags & TH_FIN) != 0)) {
		TCPSTAT_INC(tcps_rcvpartduppack);
		TCPSTAT_ADD(tcps_rcvpartdupbyte, old);
		seg->wseq = tp->rcv_nxt;
		tcp_trim_head(seg, old);
		return;
	}
	TCPSTAT_INC(tcps_rcvduppack);
	TCPSTAT_ADD(tcps_rcvdupbyte, seg->len);
	/* All of it. An empty one is a keepalive, or two stacks that disagree: answered within the
	 * limit, lest they do so for ever. */
	if (seg->len == 0 && (seg->flags & TH_FIN) == 0) {
		tcp_challenge_ack(tp);
		seg->answered = true;
	} else
		tp->t_flags |= TF_ACKNOW;
	seg->flags &= ~(TH_FIN | TH_PUSH);
	tcp_trim_head(seg, old);
}

static enum tcp_verdict
tcp_trim_right(struct tcpcb *tp, struct tcp_seg *seg)
{
	tcp_seq edge = tp->rcv_nxt + tp->rcv_wnd;
	uint32_t over;

	if (SEQ_LEQ(seg->seq + seg->len, edge))
		return (TV_GO);
	over = seg->seq + seg->len - edge;
	TCPSTAT_INC(tcps_rcvpackafterwin);
	if (over >= seg->len) {
		TCPSTAT_ADD(tcps_rcvbyteafterwin, seg->len);
		if (tp->rcv_wnd != 0 || seg->seq != tp->rcv_nxt)
			return (seg->len == 0 ? TV_CHALLENGE : TV_ACK);
		/* A probe of our closed window: its ACK counts, its data does not. */
		TCPSTAT_INC(tcps_rcvwinprobe);
		tp->t_flags |= TF_ACKNOW;
		over = seg->len;
	} else
		TCPSTAT_ADD(tcps_rcvbyteafterwin, over);
	m_adj(seg->m, -(int)over);
	seg->len -= over;
	seg->flags &= ~(TH_PUSH | TH_FIN);
	return (TV_GO);
}

/* RFC 9293 step 1, and RFC 7323 4.3: which timestamp to echo. */
static enum tcp_verdict
tcp_step_sequence(struct tcpcb *tp, struct tcp_seg *seg)
{
	enum tcp_verdict v;

	tcp_trim_left(tp, seg);
	/* Nobody will ever read this: the peer must know (RFC 9293 3.6.1). */
	if ((tp->t_flags & TF_CLOSED) != 0 && tp->t_state > TCPS_CLOSE_WAIT && seg->len > 0) {
		TCPSTAT_INC(tcps_rcvafterclose);
		tcp_respond_reset(seg);
		tcp_close(tp);
		return (TV_GONE);
	}
	if ((v = tcp_trim_right(tp, seg)) != TV_GO)
		return (v);
	if ((seg->to.to_flags & TOF_TS) != 0 && (tp->t_flags & TF_RCVD_TSTMP) != 0 &&
	    SEQ_LEQ(seg->seq, tp->last_ack_sent)) {
		tp->ts_recent = seg->to.to_tsval;
		tp->ts_recent_age = tcp_ts_getticks();
	}
	return (TV_GO);
}

/* RFC 6093: the mark moves with the stream; urp counts from seq to the byte after the urgent one.
 */
enum tcp_verdict
tcp_step_urgent(struct tcpcb *tp, struct tcp_seg *seg)
{
	struct socket *so = tptosocket(tp);
	tcp_seq up;

	if ((seg->flags & TH_URG) == 0 || seg->urp == 0 || TCPS_HAVERCVDFIN(tp->t_state)) {
		tp->rcv_up = SEQ_MAX(tp->rcv_up, tp->rcv_nxt); /* never half the space behind */
		return (TV_GO);
	}
	up = seg->seq + seg->urp;
	/* Only forward, and only if the mark can be kept. */
	if (SEQ_LEQ(up, tp->rcv_up) || SEQ_LEQ(up, tp->rcv_nxt) ||
	    (u_long)sbavail(&so->so_rcv) + (up - tp->rcv_nxt) > sb_max)
		return (TV_GO);
	tp->rcv_up = up;
	so->so_oobmark = sbavail(&so->so_rcv) + (up - tp->rcv_nxt) - 1;
	if (so->so_oobmark == 0)
		so->so_rcv.sb_state |= SBS_RCVATMARK;
	tp->t_oobflags = TCPOOB_PENDING;
	seg->wake |= TSW_RCV;
	return (TV_GO);
}

/* Takes the urgent byte out of m, which holds [start, ...), unless the program wants it in line. */
static struct mbuf *
tcp_pull_oob(struct tcpcb *tp, struct mbuf *m, tcp_seq start)
{
	int off = (int)(tp->rcv_up - 1 - start), moff;
	struct mbuf *n;

	tp->t_oobflags &= ~TCPOOB_PENDING;
	if ((tptosocket(tp)->so_options & SO_OOBINLINE) != 0)
		return (m);
	m_copydata(m, off, 1, &tp->t_iobc);
	tp->t_oobflags |= TCPOOB_HAVEDATA;
	if (off == 0) {
		m_adj(m, 1);
		return (m);
	}
	/* Cut there, and join without the byte. */
	moff = off;
	n = m_split(m, moff, M_NOWAIT);
	if (n == NULL)
		return (m); /* no memory: it stays in line too */
	m_adj(n, 1);
	m_cat(m, n);
	return (m);
}

/* len bytes of stream beginning at start go to the program; rcv_nxt has moved past them already. */
void
tcp_append(struct tcpcb *tp, struct mbuf *m, tcp_seq start, uint32_t len)
{
	struct socket *so = tptosocket(tp);

	tp->t_info.ts_bytes_received += len;
	tp->t_info.ts_datatime = getsbinuptime();
	if ((so->so_rcv.sb_state & SBS_CANTRCVMORE) != 0) {
		m_freem(m);
		return;
	}
	if ((tp->t_oobflags & TCPOOB_PENDING) != 0 && SEQ_GEQ(tp->rcv_up - 1, start) &&
	    SEQ_LT(tp->rcv_up - 1, start + len))
		m = tcp_pull_oob(tp, m, start);
	sbappendstream(&so->so_rcv, m, 0);
}

/*
 * Doubles the receive buffer when more than half of it came within one round trip: a sender whose
 * window doubles, too, must not meet ours.
 */
static void
tcp_autorcvbuf(struct tcpcb *tp, uint32_t len)
{
	struct socket *so = tptosocket(tp);
	struct sockbuf *sb = &so->so_rcv;
	uint32_t now, rtt_ms, most;

	if (!V_tcp_do_autorcvbuf || (sb->sb_flags & SB_AUTOSIZE) == 0 || tp->t_srtt == 0)
		return;
	now = tcp_ts_getticks();
	rtt_ms = max(tp->t_srtt / 1000, 1);
	if (tp->rfbuf_ts == 0 || now - tp->rfbuf_ts > 2 * rtt_ms) {
		tp->rfbuf_ts = now;
		tp->rfbuf_cnt = 0;
	}
	tp->rfbuf_cnt += len;
	if (now - tp->rfbuf_ts < rtt_ms && tp->rfbuf_cnt < sb->sb_hiwat)
		return;
	most = min((u_int)V_tcp_autorcvbuf_max, (u_int)(sb_max / 9 * 8)); /* see sbreserve() */
	if (tp->rfbuf_cnt > sb->sb_hiwat / 2 && sb->sb_hiwat < most &&
	    !sbreserve(so, SO_RCV, min(sb->sb_hiwat * 2, most), NULL))
		sb->sb_flags &= ~SB_AUTOSIZE;
	tp->rfbuf_ts = now;
	tp->rfbuf_cnt = 0;
}

/*
 * RFC 9293 3.8.6.3: one full segment may wait for a second, or for data going the other way. Where
 * the link merges segments, those that came in one burst are acknowledged together, when the burst
 * is through, but no more than a quarter of the buffer at once: the sender is not to run dry.
 */
static void
tcp_ack_later(struct tcpcb *tp, const struct tcp_seg *seg)
{
	const bool quick =
	    !V_tcp_delack_enabled || (tp->t_flags & (TF_RXWIN0SENT | TF_QUICKACK)) != 0;

	if (!quick && seg->nsegs > 1 &&
	    tp->rcv_nxt - tp->last_ack_sent <= tptosocket(tp)->so_rcv.sb_hiwat / 4) {
		tp->t_flags |= TF_DELACK;
		tcp_timer_activate_sbt(tp, TT_DELACK, getsbinuptime());
		return;
	}
	if (quick || (tp->t_flags & TF_DELACK) != 0 || seg->nsegs > 1 || seg->len > tp->t_maxseg) {
		tp->t_flags |= TF_ACKNOW;
		return;
	}
	tp->t_flags |= TF_DELACK;
	tcp_timer_activate(tp, TT_DELACK, (u_int)V_tcp_delacktime);
}

/* In order, with nothing waiting: the way that nearly all data goes. */
static void
tcp_text_inorder(struct tcpcb *tp, struct tcp_seg *seg)
{
	struct mbuf *m = seg->m;

	seg->m = NULL;
	tp->rcv_nxt += seg->len;
	if (seg->segsz > tp->t_rcvmss)
		tp->t_rcvmss = seg->segsz;
	TCPSTAT_ADD(tcps_rcvpack, seg->nsegs);
	TCPSTAT_ADD(tcps_rcvbyte, seg->len);
	tcp_autorcvbuf(tp, seg->len);
	tcp_append(tp, m, seg->seq, seg->len);
	tcp_ack_later(tp, seg);
	seg->wake |= TSW_RCV;
}

enum tcp_verdict
tcp_step_text(struct tcpcb *tp, struct tcp_seg *seg)
{
	if ((seg->len == 0 && (seg->flags & TH_FIN) == 0) || TCPS_HAVERCVDFIN(tp->t_state)) {
		seg->flags &= ~TH_FIN;
		return (TV_GO);
	}
	/* No memory for what the window promised: as if it had been lost. */
	if (sbpressure(&tptosocket(tp)->so_rcv, seg->len)) {
		TCPSTAT_INC(tcps_rcvmemdrop);
		seg->flags &= ~TH_FIN;
		return (TV_GO);
	}
	if (seg->seq == tp->rcv_nxt && TAILQ_EMPTY(&tp->t_segq)) {
		if (seg->len > 0)
			tcp_text_inorder(tp, seg);
		return (TV_GO);
	}
	/* Out of order, or filling a gap: the sender must hear of it at once (RFC 5681 4.2). */
	if (tcp_reass(tp, seg))
		seg->flags |= TH_FIN;
	else
		seg->flags &= ~TH_FIN;
	tp->t_flags |= TF_ACKNOW;
	return (TV_GO);
}

/* TH_FIN is left only if all before it has come. */
enum tcp_verdict
tcp_step_fin(struct tcpcb *tp, struct tcp_seg *seg)
{
	if ((seg->flags & TH_FIN) == 0)
		return (TV_GO);
	tp->rcv_nxt++;
	tp->t_flags |= TF_ACKNOW;
	seg->wake |= TSW_CANTRCV;
	switch (tp->t_state) {
	case TCPS_ESTABLISHED:
		tcp_state_change(tp, TCPS_CLOSE_WAIT);
		break;
	case TCPS_FIN_WAIT_1:
		tcp_state_change(tp, TCPS_CLOSING);
		break;
	case TCPS_FIN_WAIT_2:
		seg->timewait = true;
		break;
	default:
		break;
	}
	return (TV_GO);
}

/* ---- acting ---- */

static void
tcp_wake(struct socket *so, u_int wake)
{
	if ((wake & TSW_CONNECTED) != 0)
		soisconnected(so);
	if ((wake & TSW_RCV) != 0 && (wake & TSW_CANTRCV) == 0)
		sorwakeup(so);
	if ((wake & TSW_CANTRCV) != 0)
		socantrcvmore(so);
	if ((wake & TSW_SND) != 0)
		sowwakeup(so);
	if ((wake & TSW_DISCONNECTED) != 0)
		soisdisconnected(so);
}

/* The caller holds a reference to the socket. */
void
tcp_segment_finish(struct tcpcb *tp, struct tcp_seg *seg, enum tcp_verdict v)
{
	struct socket *so;

	TCP_LOG_IN(tp, seg);
	switch (v) {
	case TV_RESET:
		tcp_respond_reset(seg);
		/* FALLTHROUGH */
	case TV_GONE:
		m_freem(seg->m);
		return;
	case TV_DROP:
		m_freem(seg->m);
		if ((tp->t_flags & TF_ACKNOW) != 0) /* an earlier step owes it */
			(void)tcp_output(tp);
		return;
	case TV_CHALLENGE:
		m_freem(seg->m);
		if (!seg->answered)
			tcp_challenge_ack(tp);
		return;
	case TV_ACK:
		m_freem(seg->m);
		tp->t_flags |= TF_ACKNOW;
		(void)tcp_output(tp);
		return;
	case TV_GO:
	case TV_DONE:
		break;
	}
	m_freem(seg->m);
	so = tptosocket(tp);
	if ((tp->t_flags2 & TF2_DEFERRED) != 0 && (seg->wake & (TSW_RCV | TSW_CANTRCV)) != 0) {
		tcp_undefer(tp);
		seg->wake |= TSW_CONNECTED;
	}
	if (seg->timewait) {
		tcp_twstart(tp); /* tp may be gone */
		tcp_wake(so, seg->wake);
		return;
	}
	if (seg->wake != 0) {
		tcp_wake(so, seg->wake);
		if (tcp_isdead(tp) || tp->t_state == TCPS_TIME_WAIT)
			return;
	}
	if (seg->output || (tp->t_flags & TF_ACKNOW) != 0)
		(void)tcp_output(tp);
}

/*
 * The two segments that make up a transfer: the next data, with nothing new in its ACK; and an
 * ACK of something new, without data. Nothing else may be going on. False: the steps decide.
 */
static bool
tcp_fast_path(struct tcpcb *tp, struct tcp_seg *seg)
{
	if (tp->t_state != TCPS_ESTABLISHED || (seg->flags & ~TH_PUSH) != TH_ACK ||
	    seg->seq != tp->rcv_nxt || seg->win == 0 || seg->win != tp->snd_wnd ||
	    tp->snd_nxt != tp->snd_max || (seg->to.to_flags & ~TOF_TS) != 0 ||
	    (tp->t_flags & (TF_FASTRECOVERY | TF_CONGRECOVERY | TF_RTORECOVERY | TF_CLOSED)) != 0)
		return (false);
	if ((tp->t_flags & TF_RCVD_TSTMP) != 0) {
		if ((seg->to.to_flags & TOF_TS) == 0 || TSTMP_LT(seg->to.to_tsval, tp->ts_recent))
			return (false);
		if (SEQ_LEQ(seg->seq, tp->last_ack_sent)) {
			tp->ts_recent = seg->to.to_tsval;
			tp->ts_recent_age = tcp_ts_getticks();
		}
	}
	if (seg->len == 0) {
		if (SEQ_LEQ(seg->ack, tp->snd_una) || SEQ_GT(seg->ack, tp->snd_max) ||
		    tp->t_sack.ss_n != 0 || tp->t_rack.tlp_out)
			return (false);
		TCPSTAT_INC(tcps_predack);
		tcp_rack_acked(tp, seg);
		tcp_ack_advance(tp, seg);
		tcp_delivered(tp, seg->acked, false);
		tp->snd_wnd = seg->win;
		tp->snd_wl1 = seg->seq;
		tp->snd_wl2 = seg->ack;
		seg->output = seg->output || sbavail(&tptosocket(tp)->so_snd) != 0;
		return (true);
	}
	if (seg->ack != tp->snd_una || seg->len > tp->rcv_wnd || !TAILQ_EMPTY(&tp->t_segq) ||
	    (tp->t_oobflags & TCPOOB_PENDING) != 0 || sbpressure(&tptosocket(tp)->so_rcv, seg->len))
		return (false);
	TCPSTAT_INC(tcps_preddat);
	tcp_ecn_data(tp, seg);
	tp->snd_wl1 = seg->seq;
	tp->rcv_up = tp->rcv_nxt + seg->len;
	tcp_text_inorder(tp, seg);
	return (true);
}

static enum tcp_verdict
tcp_steps(struct tcpcb *tp, struct tcp_seg *seg)
{
	static enum tcp_verdict (*const steps[])(struct tcpcb *, struct tcp_seg *) = {
	    tcp_step_paws,
	    tcp_step_rst,
	    tcp_step_syn,
	    tcp_step_sequence,
	    tcp_step_ecn,
	    tcp_step_ack,
	    tcp_step_urgent,
	    tcp_step_text,
	    tcp_step_fin,
	};
	enum tcp_verdict v = TV_GO;

	for (size_t i = 0; i < nitems(steps) && v == TV_GO; i++)
		v = steps[i](tp, seg);
	return (v);
}

void
tcp_do_segment(struct tcpcb *tp, struct tcp_seg *seg)
{
	tp->t_rcvtime = getsbinuptime();
	if (tp->t_keepprobes != 0) { /* keepintvl may be longer than keepidle */
		tp->t_keepprobes = 0;
		tcp_timer_activate(tp, TT_KEEP, TP_KEEPIDLE(tp));
	}
	tp->t_info.ts_segs_in += seg->nsegs;
	if (seg->len > 0)
		tp->t_info.ts_data_segs_in += seg->nsegs;
	if ((seg->flags & TH_SYN) == 0)
		seg->win <<= tp->snd_scale;
	tcp_rcvwindow(tp);
	if (tcp_fast_path(tp, seg))
		tcp_segment_finish(tp, seg, TV_DONE);
	else
		tcp_segment_finish(tp, seg, tcp_steps(tp, seg));
}
