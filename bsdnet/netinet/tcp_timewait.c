/*
 * tcp_timewait.c - the quiet time after both sides have closed (RFC 9293 3.6, 3.10.7.4; RFC 1337;
 * RFC 6191).
 *
 * A connection in TIME_WAIT keeps its inpcb and a tcpcb that holds no buffers. If no program has
 * its socket any more, the socket goes at once and the pcb stays alone. V_tcp_twq has them all,
 * oldest first: beyond net.inet.tcp.maxtcptw the oldest ends early.
 */
#include <sys/param.h>
#include <sys/mbuf.h>
#include <sys/protosw.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

VNET_DEFINE_STATIC(struct tcp_twqhead, tcp_twq);
VNET_DEFINE_STATIC(int, tcp_twcount);
#define V_tcp_twq VNET(tcp_twq)
#define V_tcp_twcount VNET(tcp_twcount)

SYSCTL_DECL(_net_inet_tcp);
SYSCTL_INT(_net_inet_tcp, OID_AUTO, twcount, CTLFLAG_VNET | CTLFLAG_RD, &VNET_NAME(tcp_twcount), 0,
    "Connections in TIME_WAIT");

void
tcp_tw_init(void)
{
	TAILQ_INIT(&V_tcp_twq);
}

void
tcp_tw_remove(struct tcpcb *tp)
{
	if ((tp->t_flags & TF_ONTWQ) == 0)
		return;
	TAILQ_REMOVE(&V_tcp_twq, tp, t_twq);
	tp->t_flags &= ~TF_ONTWQ;
	V_tcp_twcount--;
}

/* 2 MSL from now; the queue stays in the order of expiry. */
static void
tcp_tw_restart(struct tcpcb *tp)
{
	tcp_tw_remove(tp);
	TAILQ_INSERT_TAIL(&V_tcp_twq, tp, t_twq);
	tp->t_flags |= TF_ONTWQ;
	V_tcp_twcount++;
	tcp_timer_activate(tp, TT_2MSL, 2 * (u_int)imax(V_tcp_msl, 1));
}

/* The window as it is now, which answers in TIME_WAIT go on to announce. */
static void
tcp_tw_window(struct tcpcb *tp, const struct socket *so)
{
	const long space = sbspace(&so->so_rcv);
	const uint32_t win = min(space > 0 ? (uint32_t)space : 0, tcp_window_most(tp));

	if (SEQ_GT(tp->rcv_nxt + win, tp->rcv_adv))
		tp->rcv_adv = tp->rcv_nxt + win;
}

/*
 * Both FINs are acknowledged, or theirs will be by what this sends. The caller holds a reference to
 * the socket, and touches tp no more.
 */
void
tcp_twstart(struct tcpcb *tp)
{
	struct inpcb *inp = tp->t_inpcb;
	struct socket *so = inp->inp_socket;
	struct tcpcb *oldest;

	tcp_hc_end(tp);
	tcp_state_change(tp, TCPS_TIME_WAIT);
	tcp_timer_stop(tp);
	tcp_reass_flush(tp);
	tcp_sack_free(tp);
	tp->rcv_numsacks = 0;
	tcp_tw_window(tp, so);
	if ((tp->t_flags & TF_ACKNOW) != 0) {
		tp->t_flags &= ~TF_ACKNOW;
		tcp_respond_ack(tp, tp->snd_max);
	}
	if (V_tcp_nolocaltimewait && (inp->inp_inc.inc_flags & INC_ISIPV6) == 0 &&
	    in_localip(inp->inp_faddr)) {
		tcp_close(tp);
		return;
	}
	tcp_tw_restart(tp);
	soisdisconnected(so);
	if ((inp->inp_flags & INP_SOCKREF) != 0) {
		/* pr_detach() comes in the last sorele(), and parts the two. */
		inp->inp_flags &= ~INP_SOCKREF;
		sorele(so);
	}
	while (V_tcp_twcount > imax(V_tcp_maxtcptw, 0)) {
		oldest = TAILQ_FIRST(&V_tcp_twq);
		TCPSTAT_INC(tcps_tw_recycles);
		tcp_close(oldest);
	}
}

/* May this SYN begin a new connection with the same addresses? RFC 9293 3.10.7.4, RFC 6191. */
static bool
tcp_tw_reusable(const struct tcpcb *tp, const struct tcp_seg *seg)
{
	if ((seg->flags & (TH_SYN | TH_ACK | TH_RST)) != TH_SYN)
		return (false);
	if ((tp->t_flags & TF_RCVD_TSTMP) != 0 && (seg->to.to_flags & TOF_TS) != 0) {
		if (TSTMP_GT(seg->to.to_tsval, tp->ts_recent))
			return (true);
		if (TSTMP_LT(seg->to.to_tsval, tp->ts_recent))
			return (false);
	}
	return (SEQ_GT(seg->seq, tp->rcv_nxt));
}

/* RFC 9293 3.10.7.4, the first step: some of it lies in the window. */
static bool
tcp_tw_acceptable(const struct tcpcb *tp, const struct tcp_seg *seg)
{
	const tcp_seq end = seg->seq + seg->len + ((seg->flags & TH_FIN) != 0);

	return (SEQ_LT(seg->seq, SEQ_MAX(tp->rcv_adv, tp->rcv_nxt + 1)) &&
		(SEQ_GEQ(seg->seq, tp->rcv_nxt) || SEQ_GT(end, tp->rcv_nxt)));
}

/* Consumes the segment, unless it returns true: then tp is gone and the segment is for a listener.
 */
bool
tcp_tw_input(struct tcpcb *tp, struct tcp_seg *seg)
{
	bool answer;

	if (tcp_tw_reusable(tp, seg)) {
		TCPSTAT_INC(tcps_tw_recycles);
		tcp_close(tp);
		return (true);
	}
	/* RFC 1337: a reset does not cut the wait short. Neither does anything else; but what shows
	 * that our last ACK was lost, or that the other side is lost, is answered. */
	if ((seg->flags & TH_RST) == 0) {
		if ((seg->flags & TH_FIN) != 0 && seg->seq + seg->len + 1 == tp->rcv_nxt)
			tcp_tw_restart(tp);
		answer = (seg->flags & TH_SYN) != 0 || !tcp_tw_acceptable(tp, seg) ||
			 ((seg->flags & TH_ACK) != 0 &&
			     (seg->len > 0 || (seg->flags & TH_FIN) != 0 ||
				 seg->seq != tp->rcv_nxt || SEQ_GT(seg->ack, tp->snd_max)));
		if ((tp->t_flags & TF_RCVD_TSTMP) != 0 && (seg->to.to_flags & TOF_TS) != 0 &&
		    TSTMP_GEQ(seg->to.to_tsval, tp->ts_recent) &&
		    SEQ_LEQ(seg->seq, tp->last_ack_sent))
			tp->ts_recent = seg->to.to_tsval;
		if (answer)
			tcp_challenge_ack(tp);
	}
	m_freem(seg->m);
	seg->m = NULL;
	return (false);
}
