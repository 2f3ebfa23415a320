/*
 * tcp_ack.c - what an acknowledgment tells the sender: RFC 9293 3.10.7.4 step 5, round-trip times
 * (RFC 6298, 7323), duplicate acknowledgments and loss recovery (RFC 5681, 6582, 6675, 3042), and
 * the peer's window.
 * Owns snd_una, snd_wnd, snd_wl*, t_dupacks, snd_recover; calls the connection's cc_algo, which
 * owns snd_cwnd and snd_ssthresh outside of recovery.
 */
#include <sys/param.h>
#include <sys/socketvar.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

#define TCP_DUPTHRESH 3

/* ---- round trips ---- */

void
tcp_measure_rtt(struct tcpcb *tp, const struct tcp_seg *seg)
{
	uint32_t ms;

	if (tp->t_rtttime_on) {
		if (SEQ_LEQ(seg->ack, tp->t_rtseq))
			return;
		tp->t_rtttime_on = 0;
		tcp_xmit_timer(tp, (uint32_t)sbttous(sbinuptime() - tp->t_rtttime));
		return;
	}
	/* Retransmissions: only the echoed timestamp tells which of them was acknowledged. */
	if ((tp->t_flags & TF_RCVD_TSTMP) != 0 && (seg->to.to_flags & TOF_TS) != 0 &&
	    seg->to.to_tsecr != 0) {
		ms = tcp_ts_getticks() + tp->ts_offset - seg->to.to_tsecr;
		if (ms <= TCPTV_REXMTMAX)
			tcp_xmit_timer(tp, max(ms, 1) * 1000);
	}
}

/* ---- recovery ---- */

static bool
tcp_use_sack(const struct tcpcb *tp)
{
	return ((tp->t_flags & TF_SACK_PERMIT) != 0);
}

void
tcp_enter_recovery(struct tcpcb *tp)
{
	const u_int mss = tcp_maxseg(tp);

	tcp_undo_begin(tp, false);
	tcp_prr_enter(tp);
	tcp_timer_activate(tp, TT_TLP, 0);
	tcp_cc_cong_signal(tp, CC_NDUPACK);
	ENTER_RECOVERY(tp->t_flags);
	tp->snd_recover = tp->snd_max;
	tp->t_rtttime_on = 0;
	tcp_timer_activate(tp, TT_REXMT, tp->t_rxtcur);
	tp->t_rexmit1 = true;
	if (tcp_use_sack(tp)) {
		TCPSTAT_INC(tcps_sack_recovery_episode);
		tp->t_sack.ss_highrxt = tp->t_sack.ss_entry = tp->snd_una;
		tp->t_sack.ss_rescued = false;
		tp->snd_cwnd = tp->snd_ssthresh;
	} else {
		TCPSTAT_INC(tcps_dupack_recovery);
		tp->snd_cwnd = tp->snd_ssthresh + TCP_DUPTHRESH * mss;
	}
}

/* A duplicate: nothing new acknowledged, but a segment left the network. */
static void
tcp_dupack(struct tcpcb *tp, struct tcp_seg *seg)
{
	bool lost;

	TCPSTAT_INC(tcps_rcvdupack);
	seg->output = true;
	if (IN_FASTRECOVERY(tp->t_flags)) {
		if (!tcp_use_sack(tp))
			tcp_cc_inflate(tp);
		return;
	}
	tp->t_dupacks++;
	tcp_frto_dupack(tp);
	if (tp->t_rack.rk_on) {
		tcp_cc_ack(tp, 0, 1, CC_DUPACK); /* time tells what is lost, not how many */
		return;
	}
	lost = tp->t_dupacks >= TCP_DUPTHRESH ||
	       (tcp_use_sack(tp) && tcp_sack_islost(tp, tp->snd_una));
	/* RFC 6582 3.2 step 2: duplicates of what was retransmitted before prove nothing. */
	if (lost && SEQ_LT(tp->snd_recover, tp->snd_una))
		tcp_enter_recovery(tp);
	else
		tcp_cc_ack(tp, 0, 1, CC_DUPACK);
}

/* Something new was acknowledged during recovery; snd_una has not moved yet. */
static void
tcp_recovery_ack(struct tcpcb *tp, const struct tcp_seg *seg, uint32_t acked)
{
	const u_int mss = tcp_maxseg(tp);

	if (SEQ_GEQ(seg->ack, tp->snd_recover)) {
		/* All of it. */
		tcp_cc_post_recovery(tp, acked);
		if (tcp_use_sack(tp) && V_tcp_do_prr)
			tp->snd_cwnd = tp->snd_ssthresh; /* RFC 6937 3 */
		tp->t_rexmit1 = false;
		tp->t_dupacks = 0;
		tcp_rack_recovered(tp);
		return;
	}
	tcp_cc_ack(tp, acked, seg->nsegs, CC_PARTIALACK);
	if (tcp_use_sack(tp))
		return;
	/* RFC 6582 3.2: the next hole begins at the new snd_una; take back what left. */
	tp->t_rexmit1 = true;
	tp->snd_cwnd = tp->snd_cwnd > acked ? tp->snd_cwnd - acked : 0;
	if (acked >= mss || tp->snd_cwnd < mss)
		tp->snd_cwnd += mss;
}

/* ---- new data acknowledged ---- */

/* seg->ack is in (snd_una, snd_max]. Moves snd_una; the caller looks at the window and the FIN. */
void
tcp_ack_advance(struct tcpcb *tp, struct tcp_seg *seg)
{
	struct sockbuf *sb = &tptosocket(tp)->so_snd;
	uint32_t acked = seg->ack - tp->snd_una, data;
	u_int samples = tp->t_rttupdated;

	seg->acked = acked;
	TCPSTAT_ADD(tcps_rcvackpack, seg->nsegs);
	TCPSTAT_ADD(tcps_rcvackbyte, acked);
	tcp_measure_rtt(tp, seg);
	if (tp->t_rttupdated == samples)
		tcp_cc_rttsample(tp, seg);
	if (IN_FASTRECOVERY(tp->t_flags))
		tcp_recovery_ack(tp, seg, acked);
	else {
		tp->t_dupacks = 0;
		tcp_cc_ack(tp, acked, seg->nsegs, CC_ACK);
	}
	data = min(acked, sbavail(sb)); /* the rest is a FIN */
	tp->t_info.ts_bytes_acked += data;
	if (data > 0) {
		sbdrop(sb, (int)data);
		seg->wake |= TSW_SND;
	}
	tp->snd_wnd -= min(tp->snd_wnd, acked);
	tp->snd_una = seg->ack;
	tp->snd_nxt = SEQ_MAX(tp->snd_nxt, tp->snd_una);
	tp->snd_up = SEQ_MAX(tp->snd_up, tp->snd_una);
	/* never half the space behind: RFC 6582 compares with it */
	if (!IN_RECOVERY(tp->t_flags) && SEQ_LT(tp->snd_recover, tp->snd_una - 1))
		tp->snd_recover = tp->snd_una - 1;
	if (tp->t_undo.u_on)
		(void)tcp_undo_ack(tp, seg);
	if ((tp->t_flags & TF_RTORECOVERY) != 0 && SEQ_GEQ(tp->snd_una, tp->snd_recover)) {
		tp->t_flags &= ~TF_RTORECOVERY;
		tcp_rack_recovered(tp);
	}
	tp->t_acktime = getsbinuptime();
	tp->t_softerror = 0;
	if (tp->t_rxtshift != 0) {
		tp->t_rxtshift = 0;
		tp->t_rxtcur = tcp_rexmtval(tp);
	}
	if (tp->snd_una == tp->snd_max)
		tcp_timer_activate(tp, TT_REXMT, 0);
	else if (!tcp_timer_active(tp, TT_PERSIST))
		tcp_timer_activate(tp, TT_REXMT, tp->t_rxtcur);
	tcp_tlp_schedule(tp);
}

/*
 * RFC 9293 3.10.7.4, to the letter: of segments that are not older by their numbers the last one
 * counts, also if it announces less (SND.WL2 =< SEG.ACK). Two of the same numbers may be swapped
 * on the way; then the window stays small until the next segment, or a probe, comes. True: it
 * changed for the better.
 */
bool
tcp_update_sndwnd(struct tcpcb *tp, const struct tcp_seg *seg)
{
	bool better = seg->win > tp->snd_wnd;

	if (SEQ_LT(seg->ack, tp->snd_una) || SEQ_GT(seg->ack, tp->snd_max) ||
	    !(SEQ_LT(tp->snd_wl1, seg->wseq) ||
		(tp->snd_wl1 == seg->wseq && SEQ_LEQ(tp->snd_wl2, seg->ack))))
		return (false);
	if (seg->len == 0 && tp->snd_wl2 == seg->ack && better)
		TCPSTAT_INC(tcps_rcvwinupd);
	if (seg->win == 0 && tp->snd_wnd != 0)
		tp->t_sndzerowin++;
	tp->snd_wnd = seg->win;
	tp->snd_wl1 = seg->wseq;
	tp->snd_wl2 = seg->ack;
	tp->max_sndwnd = max(tp->max_sndwnd, tp->snd_wnd);
	return (better);
}

/* ---- the step ---- */

/* Our FIN is acknowledged, if we sent one and snd_una passed it. */
static enum tcp_verdict
tcp_fin_acked(struct tcpcb *tp, struct tcp_seg *seg)
{
	struct socket *so = tptosocket(tp);

	if ((tp->t_flags & TF_SENTFIN) == 0 || tp->snd_una != tp->snd_max ||
	    sbavail(&so->so_snd) != 0)
		return (TV_GO);
	switch (tp->t_state) {
	case TCPS_FIN_WAIT_1:
		tcp_state_change(tp, TCPS_FIN_WAIT_2);
		if ((so->so_rcv.sb_state & SBS_CANTRCVMORE) != 0) {
			/* Nobody waits for their data: do not wait for ever for their FIN. */
			seg->wake |= TSW_DISCONNECTED;
			tcp_timer_activate(tp, TT_2MSL, tcp_finwait2_ms(tp));
		}
		return (TV_GO);
	case TCPS_CLOSING:
		seg->timewait = true;
		return (TV_DONE);
	case TCPS_LAST_ACK:
		tcp_close(tp);
		return (TV_GONE);
	default:
		return (TV_GO);
	}
}

static enum tcp_verdict
tcp_synrcvd_ack(struct tcpcb *tp, struct tcp_seg *seg)
{
	if (SEQ_LEQ(seg->ack, tp->snd_una) || SEQ_GT(seg->ack, tp->snd_max)) {
		/* out of the window too: it has its ACK, or will */
		return (seg->answered || (tp->t_flags & TF_ACKNOW) != 0 ? TV_DROP : TV_RESET);
	}
	tp->snd_una++; /* our SYN */
	tp->snd_nxt = SEQ_MAX(tp->snd_nxt, tp->snd_una);
	tp->snd_wnd = tp->max_sndwnd = seg->win;
	tp->snd_wl1 = seg->seq - 1;
	tp->snd_wl2 = seg->ack;
	tcp_measure_rtt(tp, seg); /* of the SYN cache's SYN,ACK: by the timestamp only */
	tp->t_rxtshift = 0;
	tcp_established(tp, seg);
	tcp_timer_activate(tp, TT_REXMT, tp->snd_una == tp->snd_max ? 0 : tp->t_rxtcur);
	return (TV_GO);
}

/* RFC 5681 2 (a) to (e). With SACK it must bring news too, unless it has no blocks at all. */
static bool
tcp_is_dupack(const struct tcpcb *tp, const struct tcp_seg *seg, bool news)
{
	if (seg->ack != tp->snd_una || seg->len != 0 || tp->snd_una == tp->snd_max ||
	    (seg->flags & TH_FIN) != 0)
		return (false);
	if (tcp_use_sack(tp) && (seg->to.to_flags & TOF_SACK) != 0)
		return (news);
	return (seg->win == tp->snd_wnd && !tcp_timer_active(tp, TT_PERSIST));
}

/* What the ACK told besides: RACK, probes, D-SACK, PRR. delivered: bytes, cumulatively or not. */
static void
tcp_recovery_step(struct tcpcb *tp, struct tcp_seg *seg, uint32_t delivered)
{
	if (seg->dsack.start != seg->dsack.end && tcp_undo_dsack(tp, seg))
		seg->output = true;
	if (tp->t_rack.rk_on) {
		if (tp->t_sack.ss_n != 0)
			tcp_timer_activate(tp, TT_TLP, 0);
		tcp_rack_dsack(tp, seg);
		if (tcp_rack_detect(tp)) {
			seg->output = true;
			if ((tp->t_flags & (TF_FASTRECOVERY | TF_RTORECOVERY)) == 0)
				tcp_enter_recovery(tp);
		}
	}
	if (IN_FASTRECOVERY(tp->t_flags) && tcp_use_sack(tp) && V_tcp_do_prr)
		tcp_prr_ack(tp, delivered);
}

enum tcp_verdict
tcp_step_ack(struct tcpcb *tp, struct tcp_seg *seg)
{
	enum tcp_verdict v;
	uint32_t sacked = tp->t_sack.ss_bytes;
	bool news = false;

	if ((seg->flags & TH_ACK) == 0)
		return (TV_DROP);
	if (tp->t_state == TCPS_SYN_RECEIVED && (v = tcp_synrcvd_ack(tp, seg)) != TV_GO)
		return (v);
	/* RFC 5961 5 */
	if (SEQ_GT(seg->ack, tp->snd_max)) {
		TCPSTAT_INC(tcps_rcvacktoomuch);
		return (TV_CHALLENGE);
	}
	if (SEQ_LT(seg->ack, tp->snd_una - tp->max_sndwnd) && !V_tcp_insecure_ack) {
		TCPSTAT_INC(tcps_rcvacktooold);
		return (TV_CHALLENGE);
	}
	if (SEQ_GT(seg->ack, tp->snd_una))
		tcp_rack_acked(tp, seg);
	if (tcp_use_sack(tp) && SEQ_GEQ(seg->ack, tp->snd_una) &&
	    ((seg->to.to_flags & TOF_SACK) != 0 || tp->t_sack.ss_n != 0))
		news = tcp_sack_ack(tp, seg);
	tcp_tlp_ack(tp, seg);
	if (SEQ_GT(seg->ack, tp->snd_una)) {
		tcp_ack_advance(tp, seg);
		seg->output = true;
	} else if (tcp_is_dupack(tp, seg, news))
		tcp_dupack(tp, seg);
	else if (seg->ack == tp->snd_una && seg->len == 0 && !IN_FASTRECOVERY(tp->t_flags))
		tp->t_dupacks = 0;
	tcp_delivered(tp, seg->acked + tp->t_sack.ss_bytes - sacked, (seg->flags & TH_ECE) != 0);
	if (tcp_update_sndwnd(tp, seg))
		seg->output = true;
	if (tcp_use_sack(tp) && SEQ_GEQ(seg->ack, tp->snd_una))
		tcp_recovery_step(tp, seg, seg->acked + tp->t_sack.ss_bytes - sacked);
	return (tcp_fin_acked(tp, seg));
}
