/*
 * tcp_recovery.c - how much to send during loss recovery (PRR, RFC 6937), and finding out that
 * there was nothing to recover: the Eifel detection by timestamps (RFC 3522), F-RTO where there
 * are none (RFC 5682, the basic algorithm), D-SACK (RFC 3708). What was done to the window is then
 * undone, and the algorithm hears CC_RTO_ERR.
 * Owns t_prr and t_undo. Called by tcp_ack.c, tcp_output.c and tcp_timer.c.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

VNET_DEFINE(int, tcp_do_prr) = 1;
VNET_DEFINE_STATIC(int, tcp_frto) = 1;
#define V_tcp_frto VNET(tcp_frto)

SYSCTL_DECL(_net_inet_tcp);
SYSCTL_INT_RANGE(_net_inet_tcp, OID_AUTO, do_prr, CTLFLAG_VNET | CTLFLAG_RW, &VNET_NAME(tcp_do_prr),
    0, 1, "Proportional rate reduction of RFC 6937 with SACK (0 to 1, default 1)");
SYSCTL_INT_RANGE(_net_inet_tcp, OID_AUTO, frto, CTLFLAG_VNET | CTLFLAG_RW, &VNET_NAME(tcp_frto), 0,
    1, "Find needless time-outs without timestamps, RFC 5682 (0 to 1, default 1)");

/* ---- PRR ---- */

void
tcp_prr_enter(struct tcpcb *tp)
{
	tp->t_prr = (struct tcp_prr){.prr_recover_fs = max(tp->snd_max - tp->snd_una, 1)};
}

/* RFC 6937 3.1, with the slow start reduction bound. */
void
tcp_prr_ack(struct tcpcb *tp, uint32_t delivered)
{
	struct tcp_prr *pr = &tp->t_prr;
	const uint32_t pipe = tcp_sack_pipe(tp), ssthresh = tp->snd_ssthresh;
	int64_t sndcnt, limit;

	pr->prr_delivered += delivered;
	if (pipe > ssthresh)
		sndcnt =
		    (int64_t)howmany((uint64_t)pr->prr_delivered * ssthresh, pr->prr_recover_fs) -
		    pr->prr_out;
	else {
		limit = (int64_t)pr->prr_delivered - pr->prr_out;
		if (limit < (int64_t)delivered)
			limit = delivered;
		limit += tcp_maxseg(tp);
		sndcnt = (int64_t)ssthresh - pipe;
		if (sndcnt > limit)
			sndcnt = limit;
	}
	tp->snd_cwnd = pipe + (uint32_t)(sndcnt > 0 ? sndcnt : 0);
}

/* ---- undoing ---- */

void
tcp_undo_begin(struct tcpcb *tp, bool rto)
{
	struct tcp_undo *u = &tp->t_undo;
	const bool again = rto && tp->t_rxtshift > 1;
	const bool recovering = (tp->t_flags & (TF_FASTRECOVERY | TF_RTORECOVERY)) != 0;

	/* Of several time-outs in a row the first one counts; a later one is no test of it. */
	if (again) {
		u->u_frto = 0;
		return;
	}
	*u = (struct tcp_undo){
	    .u_on = true,
	    .u_rto = rto,
	    .u_cwnd = IN_FASTRECOVERY(tp->t_flags) ? tp->snd_ssthresh : tp->snd_cwnd,
	    .u_ssthresh = tp->snd_ssthresh,
	    .u_recover = tp->snd_recover,
	    .u_una = tp->snd_una,
	};
	if (rto && V_tcp_frto && !recovering && (tp->t_flags & TF_RCVD_TSTMP) == 0)
		u->u_frto = 1;
}

/* [start, end) went out again. */
void
tcp_undo_sent(struct tcpcb *tp, tcp_seq start, tcp_seq end)
{
	struct tcp_undo *u = &tp->t_undo;

	if (!u->u_on)
		return;
	if (!u->u_sent) {
		u->u_sent = true;
		u->u_end = end;
		u->u_tsval = tcp_ts_getticks() + tp->ts_offset;
	}
	u->u_bytes += end - start;
}

static void
tcp_undo(struct tcpcb *tp)
{
	struct tcp_undo *u = &tp->t_undo;

	TCPSTAT_INC(tcps_sndrexmitbad);
	u->u_on = false;
	u->u_frto = 0;
	EXIT_RECOVERY(tp->t_flags);
	tp->t_flags &= ~TF_RTORECOVERY;
	tp->t_rexmit1 = false;
	tp->t_dupacks = 0;
	tp->snd_recover = SEQ_MIN(u->u_recover, tp->snd_una);
	tp->snd_nxt = tp->snd_max;
	tcp_rack_unlose(tp);
	tp->snd_cwnd = max(tp->snd_cwnd, u->u_cwnd);
	tp->snd_ssthresh = max(tp->snd_ssthresh, u->u_ssthresh);
	if (!u->u_rto)
		tp->t_prevvalid = false; /* that is of an older time-out */
	tcp_cc_cong_signal(tp, CC_RTO_ERR);
}

/* RFC 5682 2.1 steps 2 and 3, of an ACK that moved snd_una. True: the time-out was spurious. */
static bool
tcp_frto_ack(struct tcpcb *tp)
{
	struct tcp_undo *u = &tp->t_undo;
	const uint32_t flight = tp->snd_max - tp->snd_una;

	if (u->u_frto == 2)
		return (true);
	u->u_frto = 0;
	/* 2 c: everything is there; and without anything new to send there is no test */
	if (SEQ_GEQ(tp->snd_una, tp->snd_recover) || sbavail(&tptosocket(tp)->so_snd) <= flight ||
	    tp->snd_wnd <= flight)
		return (false);
	/* 2 b */
	u->u_frto = 2;
	u->u_limit = tp->snd_max + 2 * tcp_maxseg(tp);
	tp->snd_nxt = tp->snd_max;
	return (false);
}

/* RFC 5682 2.1, 2 a and 3 a: a duplicate. The time-out was right. */
void
tcp_frto_dupack(struct tcpcb *tp)
{
	struct tcp_undo *u = &tp->t_undo;

	if (u->u_frto == 2) {
		/* the two new segments, and one of the old */
		tp->snd_cwnd = 3 * tcp_maxseg(tp);
		if (!tp->t_rack.rk_on)
			tp->snd_nxt = tp->snd_una;
	}
	u->u_frto = 0;
}

bool
tcp_undo_ack(struct tcpcb *tp, const struct tcp_seg *seg)
{
	struct tcp_undo *u = &tp->t_undo;
	bool spurious = false;

	if (!u->u_on || !u->u_sent)
		return (false);
	if ((tp->t_flags & TF_RCVD_TSTMP) != 0) {
		/* RFC 3522: the first ACK of what was sent again tells which copy it is for */
		if (u->u_ts_told || SEQ_LT(seg->ack, u->u_end) ||
		    (seg->to.to_flags & TOF_TS) == 0 || seg->to.to_tsecr == 0)
			return (false);
		u->u_ts_told = true;
		spurious = TSTMP_LT(seg->to.to_tsecr, u->u_tsval);
	} else if (u->u_frto != 0)
		spurious = tcp_frto_ack(tp);
	if (spurious)
		tcp_undo(tp);
	return (spurious);
}

/* RFC 3708: all that was sent again came twice. */
bool
tcp_undo_dsack(struct tcpcb *tp, const struct tcp_seg *seg)
{
	struct tcp_undo *u = &tp->t_undo;

	if (!u->u_on || !u->u_sent || seg->dsack.start == seg->dsack.end ||
	    SEQ_LT(seg->dsack.start, u->u_una))
		return (false);
	/* a probe that came twice says nothing of what recovery sent */
	if (tp->t_rack.tlp_probed && seg->dsack.end == tp->t_rack.tlp_end)
		return (false);
	u->u_bytes -= seg->dsack.end - seg->dsack.start;
	if (u->u_bytes > 0)
		return (false);
	tcp_undo(tp);
	return (true);
}
