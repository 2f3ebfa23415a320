/*
 * tcp_tlp.c - tail loss probes: RFC 8985 section 7.
 *
 * When the last segments of a flight are lost nothing comes that could tell, and a time-out would
 * cost the window. So after two round trips of silence one segment goes out: new data, or the last
 * segment again. Its SACK lets RACK find what is missing. TT_TLP stands at or before TT_REXMT, and
 * fires first; then TT_REXMT begins anew. Owns the tlp_ part of t_rack.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

VNET_DEFINE(int, tcp_rack_tlp) = 1;
VNET_DEFINE_STATIC(int, tcp_tlp_delack) = 200;
#define V_tcp_tlp_delack VNET(tcp_tlp_delack)

SYSCTL_DECL(_net_inet_tcp_rack);
SYSCTL_INT_RANGE(_net_inet_tcp_rack, OID_AUTO, tlp, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tcp_rack_tlp), 0, 1, "RACK sends tail loss probes (0 to 1, default 1)");
SYSCTL_INT_RANGE(_net_inet_tcp_rack, OID_AUTO, tlp_delack, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tcp_tlp_delack), 0, 1000,
    "How long a peer may delay the ACK of a single segment, for probes (ms, 0 to 1000, default "
    "200)");

/* 7.2: (re)starts the timer, or stops it where no probe may be sent. */
void
tcp_tlp_schedule(struct tcpcb *tp)
{
	const uint32_t flight = tp->snd_max - tp->snd_una;
	uint32_t us = 1000000;

	if (!tp->t_rack.rk_on)
		return;
	if (!V_tcp_rack_tlp || flight == 0 || tp->t_sack.ss_n != 0 ||
	    (tp->t_flags & (TF_FASTRECOVERY | TF_RTORECOVERY)) != 0 ||
	    !tcp_timer_active(tp, TT_REXMT)) {
		tcp_timer_activate(tp, TT_TLP, 0);
		return;
	}
	if (tp->t_srtt != 0) {
		us = 2 * tp->t_srtt;
		if (flight <= tcp_maxseg(tp))
			us += (uint32_t)V_tcp_tlp_delack * 1000;
	}
	tcp_timer_activate(tp, TT_TLP, max(howmany(us, 1000), 1));
	if (tp->t_timers[TT_TLP] > tp->t_timers[TT_REXMT])
		tp->t_timers[TT_TLP] = tp->t_timers[TT_REXMT];
}

/* 7.3 */
bool
tcp_timer_tlp(struct tcpcb *tp)
{
	struct tcp_rack *rk = &tp->t_rack;

	if (!rk->rk_on || tp->snd_una == tp->snd_max || !tcp_timer_active(tp, TT_REXMT))
		return (false);
	/* one at a time, and not again before a round trip was measured */
	if (!rk->tlp_out && !(rk->tlp_probed && rk->tlp_rttupdated == tp->t_rttupdated)) {
		rk->tlp_send = true;
		(void)tcp_output(tp);
		if (tcp_isdead(tp))
			return (true);
		rk->tlp_send = false;
	}
	tcp_timer_activate(tp, TT_TLP, 0);
	if (tp->snd_una != tp->snd_max)
		tcp_timer_activate(tp, TT_REXMT, (u_int)tp->t_rxtcur);
	return (false);
}

/* The probe: new data within the peer's window, whatever ours says; or the last segment again. */
bool
tcp_tlp_plan(struct tcpcb *tp, struct tcp_plan *p, uint32_t avail)
{
	struct tcp_rack *rk = &tp->t_rack;
	const uint32_t off = tp->snd_max - tp->snd_una;
	const u_int mss = tcp_maxseg(tp);
	const struct rack_rec *r;
	tcp_seq low;

	rk->tlp_send = false;
	if (off < avail && off < tp->snd_wnd) {
		p->seq = tp->snd_max;
		p->len = min(min(avail, tp->snd_wnd) - off, mss);
		rk->tlp_is_rexmit = false;
	} else {
		if (rk->rk_n == 0)
			return (false);
		r = rk->rk_v[rk->rk_base + rk->rk_n - 1];
		/* of a packet of several segments the last one; a FIN is not counted by mss */
		low = SEQ_MIN(r->rr_end, tp->snd_una + avail);
		low = low - r->rr_start > mss && SEQ_GT(low, r->rr_start) ? low - mss : r->rr_start;
		p->seq = low;
		p->len = r->rr_end - low;
		p->rexmit = p->probe = true;
		rk->tlp_is_rexmit = true;
		TCPSTAT_INC(tcps_tlpresends);
		TCPSTAT_ADD(tcps_tlpresend_bytes, p->len);
	}
	rk->tlp_out = true;
	rk->tlp_probed = true;
	rk->tlp_rttupdated = tp->t_rttupdated;
	rk->tlp_end = SEQ_MAX(tp->snd_max, p->seq + p->len);
	return (true);
}

/* 7.4: did the probe repair a loss? Then the window must know. */
void
tcp_tlp_ack(struct tcpcb *tp, const struct tcp_seg *seg)
{
	struct tcp_rack *rk = &tp->t_rack;

	if (!rk->rk_on || !rk->tlp_out || SEQ_LT(seg->ack, rk->tlp_end))
		return;
	if (!rk->tlp_is_rexmit ||
	    (seg->dsack.start != seg->dsack.end && seg->dsack.end == rk->tlp_end)) {
		rk->tlp_out = false; /* new data, or both copies came */
	} else if (SEQ_GT(seg->ack, rk->tlp_end)) {
		rk->tlp_out = false;
		tp->t_undo.u_on = false;
		tcp_cc_cong_signal(tp, CC_NDUPACK);
		tp->snd_cwnd = tp->snd_ssthresh;
		TCPSTAT_INC(tcps_tlprepaired);
	} else if (seg->ack == tp->snd_una && seg->len == 0 && (seg->to.to_flags & TOF_SACK) == 0)
		rk->tlp_out = false; /* the second copy's acknowledgment */
}
