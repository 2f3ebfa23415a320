/*
 * tcp_handshake.c - how connections begin: LISTEN and SYN_SENT (RFC 9293 3.10.7.2, 3.10.7.3), the
 * active open, and what it means to become ESTABLISHED.
 * Called by tcp_input.c and tcp_usrreq.c. Half-open passive connections are the SYN cache's.
 */
#include <sys/param.h>
#include <sys/mbuf.h>
#include <sys/socketvar.h>
#include <netinet/in_pcb.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_syncache.h>
#include <netinet/tcp_var.h>

/* A SYN to ourselves from ourselves ("land") would talk to itself for ever. */
static bool
tcp_syn_is_martian(const struct tcp_seg *seg)
{
	const struct in_conninfo *inc = &seg->inc;

	if (seg->bcast || inc->inc_fport == 0)
		return (true);
	return (inc->inc_fport == inc->inc_lport && (inc->inc_flags & INC_ISIPV6) == 0 &&
		inc->inc_faddr.s_addr == inc->inc_laddr.s_addr);
}

/* Consumes the segment. */
void
tcp_listen_input(struct inpcb *inp, struct tcp_seg *seg)
{
	enum tcp_verdict v;
	struct tcpcb *tp;
	struct socket *so;

	if ((seg->flags & TH_RST) != 0) {
		syncache_chkrst(seg);
		v = TV_DROP;
	} else if ((seg->flags & (TH_ACK | TH_SYN)) == TH_ACK) {
		v = syncache_expand(inp, seg, &tp);
		if (v == TV_GO) {
			so = tptosocket(tp);
			tcp_do_segment(tp, seg);
			sorele(so);
			return;
		}
	} else if ((seg->flags & TH_ACK) != 0) {
		/* SYN and ACK: nobody here asked */
		v = syncache_other(seg) ? TV_DROP : TV_RESET;
	} else if ((seg->flags & TH_SYN) != 0 && !tcp_syn_is_martian(seg)) {
		syncache_add(inp, seg);
		v = TV_DROP;
	} else {
		if ((seg->flags & TH_SYN) != 0 || !syncache_other(seg))
			TCPSTAT_INC(tcps_listendrop);
		v = TV_DROP;
	}
	if (v == TV_RESET && !tcp_blackholed(seg, true) &&
	    badport_bandlim(BANDLIM_RST_OPENPORT) == 0)
		tcp_respond_reset(seg);
	m_freem(seg->m);
	seg->m = NULL;
}

/* What the options of the peer's SYN agree to. */
static void
tcp_synsent_options(struct tcpcb *tp, const struct tcp_seg *seg)
{
	const struct tcpopt *to = &seg->to;

	if ((to->to_flags & TOF_SCALE) != 0 && (tp->t_flags & TF_REQ_SCALE) != 0) {
		tp->t_flags |= TF_RCVD_SCALE;
		tp->snd_scale = to->to_wscale;
		tp->rcv_scale = tp->request_r_scale;
	}
	if ((to->to_flags & TOF_TS) != 0 && (tp->t_flags & TF_REQ_TSTMP) != 0) {
		tp->t_flags |= TF_RCVD_TSTMP;
		tp->ts_recent = to->to_tsval;
		tp->ts_recent_age = tcp_ts_getticks();
	}
	if ((to->to_flags & TOF_SACKPERM) == 0)
		tp->t_flags &= ~TF_SACK_PERMIT;
	if ((seg->flags & TH_ACK) != 0)
		tcp_ecn_input_synack(tp, seg->flags);
	else
		tcp_ecn_input_parallel_syn(tp, seg->flags);
	tcp_mss(tp, (to->to_flags & TOF_MSS) != 0 ? to->to_mss : -1);
	tp->snd_wnd = tp->max_sndwnd = seg->win; /* never scaled on a SYN */
	tp->snd_wl1 = seg->seq;
	tp->snd_wl2 = seg->ack;
}

void
tcp_established(struct tcpcb *tp, struct tcp_seg *seg)
{
	TCPSTAT_INC(tcps_connects);
	tp->t_keepprobes = 0;
	tp->t_acktime = getsbinuptime();
	/* RFC 6298 5.7: a lost SYN, and no round trip measured since */
	if (tp->t_sndrexmitpack > 0 && tp->t_srtt == 0) {
		tp->t_rxtinit = TCPTV_RTOSYNLOST;
		tp->t_rxtcur = tcp_rexmtval(tp);
	}
	tcp_rack_start(tp);
	/* what was sent before the handshake ended is under way */
	if (tp->t_rack.rk_on && SEQ_LT(tp->snd_una, tp->snd_max) && tp->snd_nxt == tp->snd_max)
		tcp_rack_sent(tp, tp->snd_una, tp->snd_max);
	tcp_cc_conn_init(tp);
	if ((tp->t_flags & TF_NEEDFIN) != 0) {
		tp->t_flags &= ~TF_NEEDFIN;
		tcp_state_change(tp, TCPS_FIN_WAIT_1);
	} else
		tcp_state_change(tp, TCPS_ESTABLISHED);
	seg->output = true;
	if ((tp->t_flags2 & TF2_DEFERRED) != 0) {
		tcp_timer_activate(tp, TT_KEEP, tp->t_defer * 1000);
		return;
	}
	tcp_timer_activate(tp, TT_KEEP, TP_KEEPIDLE(tp));
	seg->wake |= TSW_CONNECTED;
}

/* Data came, their FIN, or the time is over. The caller tells the socket. */
void
tcp_undefer(struct tcpcb *tp)
{
	tp->t_flags2 &= ~TF2_DEFERRED;
	tcp_timer_activate(tp, TT_KEEP, TP_KEEPIDLE(tp));
}

/* The SYN with its ACK came. */
static void
tcp_synsent_established(struct tcpcb *tp, struct tcp_seg *seg)
{
	tp->snd_una++; /* our SYN; what else was acknowledged, the ACK step finds */
	if (SEQ_LT(tp->snd_nxt, tp->snd_una))
		tp->snd_nxt = tp->snd_una;
	tcp_measure_rtt(tp, seg);
	if ((tp->t_flags2 & TF2_TFO_SYN) != 0)
		tcp_fastopen_synack(tp, seg);
	if (SEQ_LT(seg->ack, tp->snd_max)) /* data of our SYN that was not taken: again, at once */
		tp->snd_nxt = seg->ack;
	tp->t_rxtshift = 0;
	tp->t_rxtcur = tcp_rexmtval(tp);
	tp->t_flags |= TF_ACKNOW;
	tcp_established(tp, seg);
	tcp_timer_activate(tp, TT_REXMT, tp->snd_una == tp->snd_max ? 0 : tp->t_rxtcur);
}

enum tcp_verdict
tcp_synsent_input(struct tcpcb *tp, struct tcp_seg *seg)
{
	const bool acked = (seg->flags & TH_ACK) != 0;
	enum tcp_verdict v;

	if (acked && (SEQ_LEQ(seg->ack, tp->iss) || SEQ_GT(seg->ack, tp->snd_max)))
		return ((seg->flags & TH_RST) != 0 ? TV_DROP : TV_RESET);
	if ((seg->flags & TH_RST) != 0) {
		if (acked) {
			tcp_drop(tp, ECONNREFUSED);
			return (TV_GONE);
		}
		return (TV_DROP);
	}
	if ((seg->flags & TH_SYN) == 0 || seg->bcast)
		return (TV_DROP);
	tp->t_rcvtime = getsbinuptime();
	tp->t_info.ts_segs_in++;
	if (seg->len > 0)
		tp->t_info.ts_data_segs_in++;
	tp->irs = seg->seq;
	tcp_rcvseqinit(tp);
	tcp_synsent_options(tp, seg);
	tcp_rcvwindow(tp);
	tcp_strip_syn(seg);
	if (!acked) {
		/* Simultaneous open: ours goes out again, with an ACK. */
		tcp_state_change(tp, TCPS_SYN_RECEIVED);
		tcp_timer_activate(tp, TT_REXMT, 0);
		tp->snd_nxt = tp->iss;
		tp->t_flags |= TF_ACKNOW;
		return (TV_DONE);
	}
	tcp_synsent_established(tp, seg);
	if (SEQ_GT(seg->ack, tp->snd_una) && (v = tcp_step_ack(tp, seg)) != TV_GO)
		return (v);
	if (seg->len > tp->rcv_wnd) {
		m_adj(seg->m, -(int)(seg->len - tp->rcv_wnd));
		seg->len = tp->rcv_wnd;
		seg->flags &= ~(TH_FIN | TH_PUSH);
	}
	if ((v = tcp_step_urgent(tp, seg)) != TV_GO || (v = tcp_step_text(tp, seg)) != TV_GO)
		return (v);
	return (tcp_step_fin(tp, seg));
}

/* The shift with which the largest buffer that we may ever have can be announced. */
static uint8_t
tcp_wscale(void)
{
	uint8_t s = 0;

	while (s < TCP_MAX_WINSHIFT && ((u_long)TCP_MAXWIN << s) < sb_max)
		s++;
	return (s);
}

/* The active open: pr_connect. */
int
tcp_connect(struct tcpcb *tp, struct sockaddr *nam, struct thread *td __unused)
{
	struct inpcb *inp = tp->t_inpcb;
	struct socket *so = inp->inp_socket;
	int error;

	error = in_pcbconnect(inp, satosin(nam), so->so_cred);
	if (error != 0)
		return (error);
	tp->request_r_scale = tcp_wscale();
	tp->ts_offset = tcp_new_ts_offset(&inp->inp_inc);
	tcp_mss(tp, IP_MAXPACKET);
	tp->iss = tcp_new_isn(&inp->inp_inc);
	if (V_tcp_do_ecn == 1)
		tp->t_flags2 |= TF2_ECN_PERMIT;
	if ((tp->t_flags2 & TF2_FASTOPEN) != 0)
		tcp_fastopen_connect(tp);
	tcp_sendseqinit(tp);
	tcp_state_change(tp, TCPS_SYN_SENT);
	soisconnecting(so);
	TCPSTAT_INC(tcps_connattempt);
	tcp_timer_activate(tp, TT_KEEP, TP_KEEPINIT(tp));
	return (0);
}
