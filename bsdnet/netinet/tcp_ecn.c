/*
 * tcp_ecn.c - explicit congestion notification, RFC 3168 6.1. net.inet.tcp.ecn.*.
 *
 * Agreed on by the SYNs (ECE and CWR ask, ECE alone says yes). Then new data is sent ECT(0); all
 * else is not: a lost ACK, probe or retransmission must not look like one that was only marked
 * (6.1.4 to 6.1.6). Data that comes marked CE has us send ECE until the sender says CWR. ECE has us
 * reduce the window, once for each window (tcp_cc.c), and say CWR with the next new data.
 * A SYN that stays unanswered goes without ECN after maxretries: a box on the way may drop it.
 *
 * Owns the TF2_ECN_ flags. Accurate ECN would negotiate in the same places, with TH_AE too, count
 * where tcp_ecn_data() does and keep TF2_ACE_PERMIT.
 */
#include <sys/param.h>
#include <sys/socketvar.h>
#include <netinet/in_pcb.h>
#include <netinet/ip.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

#define TH_ECN (TH_ECE | TH_CWR)

/* ---- agreeing, 6.1.1 ---- */

bool
tcp_ecn_retry_ok(u_int retransmits)
{
	return (retransmits <= (u_int)imax(V_tcp_ecn_maxretries, 0));
}

bool
tcp_ecn_syn_asks(uint16_t flags)
{
	return (V_tcp_do_ecn != 0 && (flags & TH_ECN) == TH_ECN);
}

void
tcp_ecn_agreed(struct tcpcb *tp)
{
	tp->t_flags2 |= TF2_ECN_PERMIT;
	TCPSTAT_INC(tcps_ecn_shs);
}

/* Once one SYN of ours went without, the connection does too, whatever the answer says. */
uint16_t
tcp_ecn_output_syn(struct tcpcb *tp)
{
	if ((tp->t_flags2 & TF2_ECN_PERMIT) == 0)
		return (0);
	if (!tcp_ecn_retry_ok(tp->t_rxtshift)) {
		tp->t_flags2 &= ~TF2_ECN_PERMIT;
		return (0);
	}
	return (tp->t_state == TCPS_SYN_SENT ? TH_ECN : TH_ECE);
}

/* ECE alone. Both flags are what a peer sends that reflects bits it does not know. */
void
tcp_ecn_input_synack(struct tcpcb *tp, uint16_t flags)
{
	if ((tp->t_flags2 & TF2_ECN_PERMIT) == 0)
		return;
	if ((flags & TH_ECN) == TH_ECE)
		tcp_ecn_agreed(tp);
	else
		tp->t_flags2 &= ~TF2_ECN_PERMIT;
}

/* Both opened at once: ECN if both asked. */
void
tcp_ecn_input_parallel_syn(struct tcpcb *tp, uint16_t flags)
{
	if ((tp->t_flags2 & TF2_ECN_PERMIT) == 0)
		return;
	if (tcp_ecn_syn_asks(flags))
		tcp_ecn_agreed(tp);
	else
		tp->t_flags2 &= ~TF2_ECN_PERMIT;
}

/* ---- sending ---- */

static void
tcp_ecn_mark_data(struct tcpcb *tp, struct tcp_plan *p)
{
	p->tos |= IPTOS_ECN_ECT0;
	TCPSTAT_ADD(tcps_ecn_sndect0, p->segsz != 0 ? howmany(p->len, p->segsz) : 1);
	if ((tp->t_flags2 & TF2_ECN_SND_CWR) != 0) {
		p->flags |= TH_CWR;
		tp->t_flags2 &= ~TF2_ECN_SND_CWR;
	}
}

/* The program's IP_TOS gives the upper six bits; the lower two are ours. */
void
tcp_ecn_output(struct tcpcb *tp, struct tcp_plan *p)
{
	p->tos = tp->t_inpcb->inp_ip_tos & (uint8_t)~IPTOS_ECN_MASK;
	if ((p->flags & TH_RST) != 0)
		return;
	if ((p->flags & TH_SYN) != 0) {
		p->flags |= tcp_ecn_output_syn(tp);
		return;
	}
	if ((tp->t_flags2 & TF2_ECN_PERMIT) == 0)
		return;
	if (p->len > 0 && SEQ_GEQ(p->seq, tp->snd_max) && (tp->t_flags & TF_FORCEDATA) == 0)
		tcp_ecn_mark_data(tp, p);
	if ((tp->t_flags2 & TF2_ECN_SND_ECE) != 0)
		p->flags |= TH_ECE;
}

/* The window became smaller, for whatever reason: the peer need not go on with ECE. */
void
tcp_ecn_reduced(struct tcpcb *tp)
{
	if ((tp->t_flags2 & TF2_ECN_PERMIT) != 0)
		tp->t_flags2 |= TF2_ECN_SND_CWR;
}

/* ---- receiving ---- */

static void
tcp_ecn_tell_algo(struct tcpcb *tp, bool ce, bool cwr)
{
	struct cc_var *ccv = tp->ccv;

	if (ccv->algo->ecnpkt_handler == NULL)
		return;
	ccv->flags &= ~(CCF_IPHDR_CE | CCF_TCPHDR_CWR | CCF_ACKNOW);
	ccv->flags |= (ce ? CCF_IPHDR_CE : 0) | (cwr ? CCF_TCPHDR_CWR : 0);
	ccv->algo->ecnpkt_handler(ccv);
	if ((ccv->flags & CCF_ACKNOW) != 0)
		tp->t_flags |= TF_ACKNOW;
}

/*
 * CWR first: a segment with CWR and CE begins a new report (6.1.3). It is acknowledged at once, for
 * a sender with a window of one segment would wait for a delayed ACK.
 */
void
tcp_ecn_data(struct tcpcb *tp, const struct tcp_seg *seg)
{
	const uint8_t mark = seg->iptos & IPTOS_ECN_MASK;
	const bool cwr = (seg->flags & TH_CWR) != 0;

	if ((tp->t_flags2 & TF2_ECN_PERMIT) == 0)
		return;
	if (mark == IPTOS_ECN_CE)
		TCPSTAT_ADD(tcps_ecn_rcvce, seg->nsegs);
	else if (mark == IPTOS_ECN_ECT0)
		TCPSTAT_ADD(tcps_ecn_rcvect0, seg->nsegs);
	else if (mark == IPTOS_ECN_ECT1)
		TCPSTAT_ADD(tcps_ecn_rcvect1, seg->nsegs);
	if (cwr) {
		tp->t_flags2 &= ~TF2_ECN_SND_ECE;
		tp->t_flags |= TF_ACKNOW;
	}
	if (mark == IPTOS_ECN_CE) {
		tp->t_flags2 |= TF2_ECN_SND_ECE;
		tp->t_rcv_ce += seg->nsegs;
	}
	tcp_ecn_tell_algo(tp, mark == IPTOS_ECN_CE, cwr);
}

/* After the sequence step: what is not in the window says nothing (6.1.5). */
enum tcp_verdict
tcp_step_ecn(struct tcpcb *tp, struct tcp_seg *seg)
{
	if ((tp->t_flags2 & TF2_ECN_PERMIT) == 0)
		return (TV_GO);
	if (seg->len > 0)
		tcp_ecn_data(tp, seg);
	if ((seg->flags & (TH_ECE | TH_ACK)) == (TH_ECE | TH_ACK) &&
	    TCPS_HAVEESTABLISHED(tp->t_state) && tp->snd_una != tp->snd_max &&
	    SEQ_GEQ(seg->ack, tp->snd_una) && SEQ_LEQ(seg->ack, tp->snd_max) &&
	    tcp_cc_ecn(tp, seg->ack)) {
		TCPSTAT_INC(tcps_ecn_rcwnd);
		tcp_ecn_reduced(tp);
	}
	return (TV_GO);
}
