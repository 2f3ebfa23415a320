/*
 * tcp_cc.c - TCP's side of mod_cc(9): tells the connection's algorithm what happens, in the words
 * of cc.h, and keeps what every algorithm needs: whether the window was used, the bytes counted
 * since it grew (RFC 3465), the rounds, and what to go back to if a time-out was spurious.
 *
 * Owns t_bytes_acked, t_roundend, t_round_cnt, t_congrecover, snd_*_prev; and TF_CONGRECOVERY
 * outside of fast recovery. snd_cwnd and snd_ssthresh are the algorithm's, but in fast recovery.
 * Called by tcp_ack.c, tcp_timer.c, tcp_output.c and tcp_ecn.c. cc/README.md has the whole list of
 * hooks and when they are called.
 */
#include <sys/param.h>
#include <sys/socketvar.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

/* RFC 6928 2, with net.inet.tcp.initcwnd_segments for its 10. */
uint32_t
tcp_cc_initial_window(u_int mss)
{
	const u_int n = max((u_int)V_tcp_initcwnd_segments, 1);

	return (min(n * mss, max(2 * mss, n * 1460)));
}

/* One segment if the SYN was lost (RFC 5681 3.1). */
void
tcp_cc_conn_init(struct tcpcb *tp)
{
	u_int mss = tcp_maxseg(tp);

	tp->snd_cwnd = tp->t_sndrexmitpack > 0 ? mss : tcp_cc_initial_window(mss);
	tp->t_congrecover = tp->snd_una;
	tp->t_round_cnt = 0;
	if (tp->ccv->algo->conn_init != NULL)
		tp->ccv->algo->conn_init(tp->ccv);
}

/*
 * RFC 7661's point: a window that was not used says nothing about the path. In slow start half of
 * it is enough, since it doubles in a round trip.
 */
static bool
tcp_cc_window_used(const struct tcpcb *tp, uint32_t flight)
{
	if (flight + tcp_maxseg(tp) >= tp->snd_cwnd)
		return (true);
	/* the rest of it waits for its turn */
	if (tcp_timer_active(tp, TT_PACE) &&
	    flight + 2 * (uint64_t)tcp_pace_burst(tp) >= tp->snd_cwnd)
		return (true);
	return (tp->snd_cwnd < tp->snd_ssthresh && 2 * (uint64_t)flight >= tp->snd_cwnd);
}

/* RFC 3465 2.1: above ssthresh, a whole window of bytes makes it grow by one segment. */
static void
tcp_cc_count_bytes(struct tcpcb *tp, uint32_t acked, uint16_t type)
{
	struct cc_var *ccv = tp->ccv;

	ccv->flags &= ~CCF_ABC_SENTAWND;
	if (type != CC_ACK || tp->snd_cwnd < tp->snd_ssthresh || IN_RECOVERY(tp->t_flags)) {
		tp->t_bytes_acked = 0;
		return;
	}
	tp->t_bytes_acked += acked;
	if (tp->t_bytes_acked >= tp->snd_cwnd) {
		tp->t_bytes_acked -= tp->snd_cwnd;
		/* an ACK of more than a window is worth no more than one */
		tp->t_bytes_acked = min(tp->t_bytes_acked, tp->snd_cwnd);
		ccv->flags |= CCF_ABC_SENTAWND;
	}
}

/* snd_una has not moved yet. */
void
tcp_cc_ack(struct tcpcb *tp, uint32_t acked, uint16_t nsegs, uint16_t type)
{
	struct cc_var *ccv = tp->ccv;

	ccv->nsegs = nsegs;
	ccv->bytes_this_ack = (int)acked;
	ccv->curack = tp->snd_una + acked;
	if ((ccv->flags & CCF_USE_LOCAL_ABC) == 0)
		ccv->labc = tcp_paced(tp) ? UINT8_MAX /* RFC 9406 4.3: no bound */
					  : (uint8_t)imin(imax(V_tcp_abc_l_var, 1), 255);
	if (tcp_cc_window_used(tp, tp->snd_max - tp->snd_una))
		ccv->flags |= CCF_CWND_LIMITED;
	else
		ccv->flags &= ~CCF_CWND_LIMITED;
	tcp_cc_count_bytes(tp, acked, type);
	if (ccv->algo->ack_received != NULL)
		ccv->algo->ack_received(ccv, type);
	if (acked == 0)
		return;
	/* The window in which a mark came is over. */
	if (IN_CONGRECOVERY(tp->t_flags) && !IN_FASTRECOVERY(tp->t_flags) &&
	    SEQ_GEQ(ccv->curack, tp->t_congrecover))
		EXIT_CONGRECOVERY(tp->t_flags);
	tp->t_congrecover = SEQ_MAX(tp->t_congrecover, tp->snd_una); /* never half the space off */
	/* The first round is that of the first flight. */
	if (tp->t_round_cnt == 0) {
		tp->t_round_cnt = 1;
		tp->t_roundend = tp->snd_max;
	}
	if (SEQ_GEQ(ccv->curack, tp->t_roundend)) {
		tp->t_roundend = tp->snd_max;
		tp->t_round_cnt++;
		if (ccv->algo->newround != NULL)
			ccv->algo->newround(ccv, tp->t_round_cnt);
	}
}

/* The last of recovery's losses is acknowledged; snd_una has not moved yet. */
void
tcp_cc_post_recovery(struct tcpcb *tp, uint32_t acked)
{
	tp->ccv->curack = tp->snd_una + acked;
	tp->ccv->bytes_this_ack = (int)acked;
	if (tp->ccv->algo->post_recovery != NULL)
		tp->ccv->algo->post_recovery(tp->ccv);
	EXIT_RECOVERY(tp->t_flags);
	tp->t_bytes_acked = 0;
}

/*
 * A duplicate ACK in recovery without SACK: a segment left the network (RFC 5681 3.2 step 4). No
 * more of them left than were there, whatever a receiver makes up (Savage et al. 1999).
 */
void
tcp_cc_inflate(struct tcpcb *tp)
{
	const uint32_t out =
	    SEQ_GT(tp->snd_recover, tp->snd_una) ? tp->snd_recover - tp->snd_una : 0;
	const uint32_t most = tp->snd_ssthresh + out;

	if (tp->snd_cwnd < most)
		tp->snd_cwnd = min(tp->snd_cwnd + tcp_maxseg(tp), most);
}

/* In recovery cwnd is a matter of what left the network; ssthresh is the window that is meant. */
static void
tcp_cc_remember(struct tcpcb *tp)
{
	tp->snd_cwnd_prev = IN_FASTRECOVERY(tp->t_flags) ? tp->snd_ssthresh : tp->snd_cwnd;
	tp->snd_ssthresh_prev = tp->snd_ssthresh;
	tp->t_prevvalid = true;
}

/* What recovery did with the sequence numbers, recovery takes back (tcp_recovery.c). */
static void
tcp_cc_restore(struct tcpcb *tp)
{
	if (!tp->t_prevvalid)
		return;
	tp->snd_cwnd = max(tp->snd_cwnd, tp->snd_cwnd_prev);
	tp->snd_ssthresh = tp->snd_ssthresh_prev;
	tp->t_prevvalid = false;
}

void
tcp_cc_cong_signal(struct tcpcb *tp, uint32_t type)
{
	tp->t_bytes_acked = 0;
	switch (type) {
	case CC_RTO:
		if (tp->t_rxtshift <= 1)
			tcp_cc_remember(tp);
		EXIT_RECOVERY(tp->t_flags);
		tp->t_rexmit1 = false;
		tp->t_congrecover = tp->snd_max;
		tcp_ecn_reduced(tp);
		break;
	case CC_NDUPACK:
		tp->t_congrecover = tp->snd_max;
		tcp_ecn_reduced(tp);
		break;
	case CC_RTO_ERR:
		tcp_cc_restore(tp);
		break;
	default:
		break;
	}
	if (tp->ccv->algo->cong_signal != NULL)
		tp->ccv->algo->cong_signal(tp->ccv, type);
	if (type == CC_RTO)
		tp->snd_cwnd = tcp_maxseg(tp);
}

/*
 * The peer saw a mark: RFC 3168 6.1.2. Once for each window of data: ack must be of something sent
 * after the last reduction. True: the window was reduced.
 */
bool
tcp_cc_ecn(struct tcpcb *tp, tcp_seq ack)
{
	if (IN_RECOVERY(tp->t_flags) || SEQ_LEQ(ack, tp->t_congrecover))
		return (false);
	tcp_cc_cong_signal(tp, CC_ECN);
	ENTER_CONGRECOVERY(tp->t_flags);
	tp->t_congrecover = tp->snd_max;
	return (true);
}

/* RFC 5681 4.1: after a pause the old window says nothing about the path. */
void
tcp_cc_check_idle(struct tcpcb *tp)
{
	if (tp->snd_una != tp->snd_max || tp->t_sndtime == 0 ||
	    getsbinuptime() - tp->t_sndtime < mstosbt(tp->t_rxtcur))
		return;
	if (sbavail(&tptosocket(tp)->so_snd) != 0 && tp->ccv->algo->after_idle != NULL)
		tp->ccv->algo->after_idle(tp->ccv);
}

/* Every ACK that echoes a timestamp is a measurement; tcp_xmit_timer() reports those it takes. */
void
tcp_cc_rttsample(struct tcpcb *tp, const struct tcp_seg *seg)
{
	uint32_t ms;

	if (tp->ccv->algo->rttsample == NULL || (tp->t_flags & TF_RCVD_TSTMP) == 0 ||
	    (seg->to.to_flags & TOF_TS) == 0 || seg->to.to_tsecr == 0)
		return;
	ms = tcp_ts_getticks() + tp->ts_offset - seg->to.to_tsecr;
	if (ms <= TCPTV_REXMTMAX)
		tp->ccv->algo->rttsample(tp->ccv, max(ms, 1) * 1000, 1, tp->snd_max - tp->snd_una);
}
