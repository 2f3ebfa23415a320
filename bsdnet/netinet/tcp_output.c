/*
 * tcp_output.c - what to send next, and sending it.
 *
 * Theory of operation. tcp_output() runs whenever something may be due: the program wrote or read,
 * a segment came, a timer fired. It asks tcp_decide() for a plan - which bytes, which flags, what
 * window - and has tcp_send() build and send the packet, until there is no plan. Deciding reads the
 * connection and changes only timers that belong to the decision (persist); building reads the
 * plan. With TSO a plan is up to 64 KiB in one packet, which the interface cuts into segments. No
 * byte is copied: the packet refers to the send buffer's storage.
 *
 * Rules: Nagle and the sender's half of the silly window avoidance, RFC 9293 3.7.4 and 3.8.6.2.1;
 * the receiver's, 3.8.6.2.2; what fits the peer's window and cwnd; in recovery RFC 6675's NextSeg()
 * or RFC 6582's one segment; RFC 3042.
 */
#include <sys/param.h>
#include <sys/mbuf.h>
#include <sys/socketvar.h>
#include <netinet/in_pcb.h>
#include <netinet/ip.h>
#include <netinet/tcp_log.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

const unsigned char tcp_outflags[TCP_NSTATES] = {
    [TCPS_CLOSED] = TH_RST | TH_ACK,
    [TCPS_LISTEN] = 0,
    [TCPS_SYN_SENT] = TH_SYN,
    [TCPS_SYN_RECEIVED] = TH_SYN | TH_ACK,
    [TCPS_ESTABLISHED] = TH_ACK,
    [TCPS_CLOSE_WAIT] = TH_ACK,
    [TCPS_FIN_WAIT_1] = TH_FIN | TH_ACK,
    [TCPS_CLOSING] = TH_FIN | TH_ACK,
    [TCPS_LAST_ACK] = TH_FIN | TH_ACK,
    [TCPS_FIN_WAIT_2] = TH_ACK,
    [TCPS_TIME_WAIT] = TH_ACK,
};

/* ---- deciding ---- */

/* What the field and the program's TCP_WINDOW_CLAMP leave. */
uint32_t
tcp_window_most(const struct tcpcb *tp)
{
	const uint32_t most = (uint32_t)TCP_MAXWIN << tp->rcv_scale;

	return (tp->t_winclamp != 0 ? min(tp->t_winclamp, most) : most);
}

/* The window to announce: never back from what was, and never a silly one. */
static uint32_t
tcp_choose_window(const struct tcpcb *tp)
{
	const struct sockbuf *sb = &tptosocket(tp)->so_rcv;
	const long space = sbspace(sb);
	const uint32_t most = tcp_window_most(tp);
	const uint32_t promised = SEQ_GT(tp->rcv_adv, tp->rcv_nxt) ? tp->rcv_adv - tp->rcv_nxt : 0;
	uint32_t win = space > 0 ? (uint32_t)space : 0;

	if (win < sb->sb_hiwat / 4 && win < tp->t_maxseg)
		win = 0;
	return (min(max(win, promised), max(most, promised)));
}

/* Worth a segment of its own? Two segments' worth, and a good part of the buffer. */
static bool
tcp_window_update_due(const struct tcpcb *tp, uint32_t win)
{
	const u_int hiwat = tptosocket(tp)->so_rcv.sb_hiwat;
	const uint32_t promised = SEQ_GT(tp->rcv_adv, tp->rcv_nxt) ? tp->rcv_adv - tp->rcv_nxt : 0;
	const uint32_t more = win > promised ? win - promised : 0;

	if (more >> tp->rcv_scale == 0 || TCPS_HAVERCVDFIN(tp->t_state) ||
	    !TCPS_HAVERCVDSYN(tp->t_state))
		return (false);
	if (more >= 2 * tp->t_maxseg &&
	    (more >= hiwat / 4 || promised <= hiwat / 8 || hiwat <= 8 * tp->t_maxseg))
		return (true);
	return (2 * more >= hiwat);
}

/*
 * FreeBSD's automatic growth: the buffer is nearly full and the windows would take more. In steps
 * of sendbuf_inc, as many as it takes to hold two of them: one may acknowledge much.
 */
static void
tcp_autosndbuf(struct tcpcb *tp, uint32_t sendwin)
{
	struct socket *so = tptosocket(tp);
	struct sockbuf *sb = &so->so_snd;
	const u_int inc = (u_int)imax(V_tcp_autosndbuf_inc, 1);
	u_int used = sbused(sb), size;

	if (!V_tcp_do_autosndbuf || (sb->sb_flags & SB_AUTOSIZE) == 0)
		return;
	if (V_tcp_sendbuf_auto_lowat && sb->sb_lowat < sb->sb_hiwat / 2)
		used += min(sb->sb_lowat, sb->sb_hiwat - min(used, sb->sb_hiwat));
	if (tp->snd_wnd / 4 * 5 < sb->sb_hiwat || used < sb->sb_hiwat / 8 * 7 ||
	    used >= (u_int)V_tcp_autosndbuf_max ||
	    sendwin < used - min(used, tp->snd_nxt - tp->snd_una))
		return;
	size = sb->sb_hiwat + inc;
	if (size / 2 < sendwin)
		size += howmany(min(sendwin, size) * 2 - size, inc) * inc;
	size = min(size, (u_int)V_tcp_autosndbuf_max);
	if (size > sb->sb_hiwat && !sbreserve(so, SO_SND, size, NULL))
		sb->sb_flags &= ~SB_AUTOSIZE;
}

static void
tcp_plan_options(const struct tcpcb *tp, struct tcp_plan *p)
{
	struct tcpopt to = {0};

	p->optlen = 0;
	if ((tp->t_flags & TF_NOOPT) != 0)
		return;
	if ((p->flags & TH_SYN) != 0) {
		to.to_flags |= TOF_MSS;
		to.to_mss = (uint16_t)tcp_mssopt(&tp->t_inpcb->inp_inc, tp->t_mssopt);
		if ((tp->t_flags & TF_REQ_SCALE) != 0 &&
		    ((p->flags & TH_ACK) == 0 || (tp->t_flags & TF_RCVD_SCALE) != 0)) {
			to.to_flags |= TOF_SCALE;
			to.to_wscale = tp->request_r_scale;
		}
		if ((tp->t_flags & TF_SACK_PERMIT) != 0)
			to.to_flags |= TOF_SACKPERM;
		if ((tp->t_flags2 & TF2_TFO_SYN) != 0 && (p->flags & TH_ACK) == 0)
			tcp_fastopen_plan(tp, &to);
	}
	if ((tp->t_flags & TF_RCVD_TSTMP) != 0 ||
	    ((tp->t_flags & TF_REQ_TSTMP) != 0 && (p->flags & (TH_SYN | TH_ACK)) == TH_SYN)) {
		to.to_flags |= TOF_TS;
		to.to_tsval = tcp_ts_getticks() + tp->ts_offset;
		to.to_tsecr = tp->ts_recent;
	}
	if (!LIST_EMPTY(&tp->t_md5keys) && tcp_md5_find(tp, &tp->t_inpcb->inp_inc) != NULL)
		to.to_flags |= TOF_SIGNATURE;
	if ((tp->t_flags & TF_SACK_PERMIT) != 0 && (p->flags & (TH_SYN | TH_RST)) == 0)
		tcp_sack_blocks(tp, &to);
	p->optlen = (uint16_t)tcp_addoptions(&to, p->opt);
}

/* Cuts the plan to what one packet holds: a segment, or a burst if the interface cuts it. */
static void
tcp_plan_size(struct tcpcb *tp, struct tcp_plan *p, uint32_t avail_end)
{
	const u_int opt = p->optlen + tcp_ipoptlen(tp);
	const u_int mss = tp->t_maxseg > opt ? tp->t_maxseg - opt : 1;
	u_int most;

	p->segsz = 0;
	if (p->len <= mss)
		return;
	tcp_path_refresh(tp);
	if (tp->t_tsomax == 0 || !LIST_EMPTY(&tp->t_md5keys) || !V_tcp_do_tso ||
	    tp->t_inpcb->inp_options != NULL || SEQ_GT(tp->snd_up, p->seq)) {
		p->len = mss;
		p->more = true;
		return;
	}
	most = min(tp->t_tsomax, IP_MAXPACKET) - tcp_hdrlen(&tp->t_inpcb->inp_inc) - p->optlen;
	most = min(most, tcp_pace_burst(tp));
	if (p->len > most) {
		p->len = most;
		p->more = true;
	}
	/* A fraction at the end only where the buffer ends. */
	if (p->len > mss && p->seq + p->len != avail_end && !p->rexmit)
		p->len -= p->len % mss;
	if (p->len > mss)
		p->segsz = (uint16_t)mss;
}

/*
 * RFC 7413 4.2.1: a server that took data from the SYN may answer before the third segment, within
 * the initial window and once: what is lost goes again when the handshake is over.
 */
static bool
tcp_plan_early(struct tcpcb *tp, struct tcp_plan *p)
{
	const uint32_t avail = sbavail(&tptosocket(tp)->so_snd);
	const uint32_t off = tp->snd_nxt - tp->iss - 1;
	const uint32_t limit = min(tp->snd_wnd, tcp_cc_initial_window(tcp_maxseg(tp)));

	if ((tp->t_flags2 & TF2_TFO_PENDING) == 0 || tp->snd_nxt != tp->snd_max ||
	    tp->snd_nxt == tp->iss || tp->t_rxtshift != 0 || off >= min(avail, limit))
		return (false);
	p->len = min(min(avail, limit) - off, tcp_maxseg(tp));
	p->more = true;
	if (off + p->len == avail)
		p->flags |= TH_PUSH;
	return (true);
}

/* Before the handshake is over there is only the SYN to send, and after the end only a reset. */
static bool
tcp_decide_unsynchronized(struct tcpcb *tp, struct tcp_plan *p)
{
	p->seq = tp->snd_nxt;
	p->flags = tcp_outflags[tp->t_state];
	switch (tp->t_state) {
	case TCPS_CLOSED:
		p->win = 0;
		return (true);
	case TCPS_SYN_SENT:
		return (tp->snd_nxt == tp->iss);
	case TCPS_SYN_RECEIVED:
		if (tp->snd_nxt != tp->iss)
			p->flags &= ~TH_SYN;
		if (tcp_plan_early(tp, p))
			return (true);
		return (tp->snd_nxt == tp->iss || (tp->t_flags & TF_ACKNOW) != 0);
	default:
		return (false);
	}
}

/* The peer's window is shut on data that waits: probe it instead of retransmitting. */
static void
tcp_window_shut(struct tcpcb *tp)
{
	tcp_timer_activate(tp, TT_REXMT, 0);
	tp->snd_nxt = tp->snd_una;
	tp->t_rtttime_on = 0;
	if (!tcp_timer_active(tp, TT_PERSIST)) {
		tp->t_rxtshift = 0;
		tcp_setpersist(tp);
	}
}

/* The end of what may be sent from snd_nxt on, as an offset from snd_una. */
static uint32_t
tcp_send_limit(struct tcpcb *tp, uint32_t off)
{
	uint32_t cwnd = tp->snd_cwnd, pipe, room;

	if (tp->t_undo.u_frto == 2) /* RFC 5682 2.1, 2 b: two new segments */
		return (min(tp->snd_wnd, tp->t_undo.u_limit - tp->snd_una));
	if ((IN_FASTRECOVERY(tp->t_flags) && (tp->t_flags & TF_SACK_PERMIT) != 0) ||
	    ((tp->t_flags & TF_RTORECOVERY) != 0 && tp->t_rack.rk_on)) {
		pipe = tcp_sack_pipe(tp);
		room = cwnd > pipe ? cwnd - pipe : 0;
		return (min(tp->snd_wnd, room < tcp_maxseg(tp) ? off : off + room));
	}
	if (V_tcp_do_rfc3042 && tp->t_rack.rk_on)
		cwnd += tp->t_sack.ss_bytes; /* RACK waits; what left the network makes room */
	else if (V_tcp_do_rfc3042 && tp->t_dupacks > 0 && tp->t_dupacks < 3 &&
		 !IN_FASTRECOVERY(tp->t_flags)) {
		/* two segments more; what the peer reported with SACK is not in the network */
		cwnd += tp->t_dupacks * tcp_maxseg(tp);
	}
	return (min(tp->snd_wnd, cwnd));
}

/* Is new data of p->len bytes worth sending now? idle: nothing is unacknowledged. */
static bool
tcp_worth_sending(const struct tcpcb *tp, const struct tcp_plan *p, bool last, bool idle)
{
	if (p->len >= tcp_maxseg(tp) || (tp->t_flags & TF_FORCEDATA) != 0)
		return (true);
	if (SEQ_LT(p->seq, tp->snd_max)) /* a retransmission */
		return (true);
	if (SEQ_GT(tp->snd_up, p->seq)) /* urgent */
		return (true);
	if (last && (p->flags & TH_FIN) != 0)
		return (true);
	if (last && (idle || (tp->t_flags & TF_NODELAY) != 0) &&
	    (tp->t_flags & (TF_NOPUSH | TF_MORETOCOME)) == 0)
		return (true);
	/* a peer whose whole window is small */
	return (tp->max_sndwnd > 0 && p->len >= tp->max_sndwnd / 2);
}

/* With RACK: what is lost, one segment at least where recovery begins. */
static bool
tcp_decide_rack(struct tcpcb *tp, struct tcp_plan *p)
{
	const uint32_t pipe = tcp_rack_pipe(tp);
	const uint32_t room = tp->snd_cwnd > pipe ? tp->snd_cwnd - pipe : 0;
	bool force = tp->t_rexmit1;

	if (tp->snd_wnd == 0 || tp->t_undo.u_frto == 2)
		return (false);
	tp->t_rexmit1 = false;
	p->more = tcp_rack_nextseg(tp, p, room, force);
	return (p->more);
}

/* A hole to fill, ahead of anything new. */
static bool
tcp_decide_rexmit(struct tcpcb *tp, struct tcp_plan *p, uint32_t avail)
{
	const uint32_t off = tp->snd_nxt - tp->snd_una;
	uint32_t hole, pipe, room;

	if (tp->t_rack.rk_on)
		return (tcp_decide_rack(tp, p));
	if (tp->t_rexmit1) {
		/* the first segment, whatever the windows say; but not what the peer has */
		tp->t_rexmit1 = false;
		p->seq = tcp_sack_skip(tp, tp->snd_una, &hole);
		if (p->seq == tp->snd_una && (avail > 0 || (tp->t_flags & TF_SENTFIN) != 0)) {
			p->len =
			    min(min(avail, hole), min(tcp_maxseg(tp), tp->snd_max - tp->snd_una));
			p->rexmit = true;
			p->more = true;
			return (true);
		}
	}
	if ((tp->t_flags & TF_SACK_PERMIT) == 0)
		return (false);
	pipe = tcp_sack_pipe(tp);
	room = tp->snd_cwnd > pipe ? tp->snd_cwnd - pipe : 0;
	p->more = true;
	if (tcp_sack_nextseg(tp, p, room, true))
		return (true);
	/* rule 2 is new data, as long as there is some and the window takes it */
	if (off < avail && min(tp->snd_wnd, off + room) > off && room >= tcp_maxseg(tp)) {
		p->more = false;
		return (false);
	}
	if (tcp_sack_nextseg(tp, p, room, false))
		return (true);
	p->more = false;
	return (false);
}

/* The FIN goes when all data before it goes or went. end: the sequence number after the data. */
static void
tcp_plan_fin(const struct tcpcb *tp, struct tcp_plan *p, tcp_seq end)
{
	bool fin = (tcp_outflags[tp->t_state] & TH_FIN) != 0 && p->seq + p->len == end;

	if (p->rexmit) /* filling a hole sends nothing that was not sent before */
		fin = fin && (tp->t_flags & TF_SENTFIN) != 0 && SEQ_GT(tp->snd_max, end);
	if (!fin)
		p->flags &= ~TH_FIN;
}

static bool
tcp_decide_new(struct tcpcb *tp, struct tcp_plan *p, uint32_t avail)
{
	const bool idle = (tp->t_flags & TF_LASTIDLE) != 0;
	uint32_t off, limit, room = UINT32_MAX;
	tcp_seq end = tp->snd_una + avail;

	if (tp->t_sack.ss_n != 0 && SEQ_LT(tp->snd_nxt, tp->snd_max))
		tp->snd_nxt = tcp_sack_skip(tp, tp->snd_nxt, &room);
	if (tp->snd_wnd == 0 && (tp->t_flags & TF_FORCEDATA) != 0)
		tp->snd_nxt = tp->snd_una;
	p->seq = tp->snd_nxt;
	off = tp->snd_nxt - tp->snd_una;
	limit = tcp_send_limit(tp, off);
	if (tp->snd_wnd == 0 && (tp->t_flags & TF_FORCEDATA) != 0)
		limit = 1;
	else if (tp->snd_wnd == 0 && avail > 0) {
		if (SEQ_GT(tp->snd_max, tp->snd_una) || !tcp_timer_active(tp, TT_PERSIST))
			tcp_window_shut(tp);
		p->seq = tp->snd_max;
		p->flags &= ~TH_FIN;
		return (false);
	}
	limit = min(limit, avail);
	p->len = min(limit > off ? limit - off : 0, room);
	tcp_autosndbuf(tp, limit);
	tcp_plan_fin(tp, p, end);
	if (p->len == 0)
		return ((p->flags & TH_FIN) != 0);
	if (!tcp_worth_sending(tp, p, p->seq + p->len == end, idle))
		return (false);
	return (
	    SEQ_LT(p->seq, tp->snd_max) || (tp->t_flags & TF_FORCEDATA) != 0 || !tcp_pace_wait(tp));
}

/*
 * What to send next; false: nothing. *p is whole when it returns true.
 */
static bool
tcp_decide(struct tcpcb *tp, struct tcp_plan *p)
{
	const uint32_t avail = sbavail(&tptosocket(tp)->so_snd);
	bool send;

	p->len = p->segsz = 0;
	p->rexmit = p->rescue = p->probe = p->more = false;
	p->win = tcp_choose_window(tp);
	if (!TCPS_HAVEESTABLISHED(tp->t_state)) {
		send = tcp_decide_unsynchronized(tp, p);
		tcp_plan_options(tp, p);
		if (send && tp->t_state == TCPS_SYN_SENT && (tp->t_flags2 & TF2_TFO_SYN) != 0)
			p->len = min(avail, tcp_fastopen_room(tp, p->optlen));
		return (send);
	}
	p->flags = tcp_outflags[tp->t_state];
	if (tp->t_rack.tlp_send)
		send = tcp_tlp_plan(tp, p, avail);
	else
		send = (IN_FASTRECOVERY(tp->t_flags) || tcp_rack_haslost(tp)) &&
		       tcp_decide_rexmit(tp, p, avail);
	if (send)
		p->len =
		    min(p->len, p->seq - tp->snd_una < avail ? avail - (p->seq - tp->snd_una) : 0);
	else
		send = tcp_decide_new(tp, p, avail);
	if (!send) {
		p->len = 0;
		p->seq = tp->snd_max;
		p->flags &= ~TH_FIN;
		if (!tcp_timer_active(tp, TT_REXMT) && !tcp_timer_active(tp, TT_PERSIST) &&
		    !tcp_timer_active(tp, TT_PACE) && tp->snd_nxt - tp->snd_una < avail) {
			tp->t_rxtshift = 0;
			tcp_setpersist(tp);
		}
		send = (tp->t_flags & TF_ACKNOW) != 0 || tcp_window_update_due(tp, p->win);
		if (send && (tp->t_flags & TF_ACKNOW) == 0)
			TCPSTAT_INC(tcps_sndwinup);
	}
	if (!send)
		return (false);
	tcp_plan_options(tp, p);
	if (p->len > 0)
		tcp_plan_size(tp, p, tp->snd_una + avail);
	tcp_plan_fin(tp, p, tp->snd_una + avail);
	if (p->len > 0 && p->seq + p->len == tp->snd_una + avail)
		p->flags |= TH_PUSH;
	return (true);
}

/* ---- building ---- */

/* The headers, and the data behind them: shared with the send buffer, or copied if it is little. */
static struct mbuf *
tcp_build(struct tcpcb *tp, const struct tcp_plan *p, u_int hdrlen)
{
	struct sockbuf *sb = &tptosocket(tp)->so_snd;
	/* while our SYN is unacknowledged the data begins behind it */
	const uint32_t off =
	    p->seq - tp->snd_una - (tp->t_state == TCPS_SYN_RECEIVED && (p->flags & TH_SYN) == 0);
	struct mbuf *m, *mb;
	u_int moff;

	m = m_gethdr(M_NOWAIT, MT_DATA);
	if (m == NULL)
		return (NULL);
	m->m_data += max_linkhdr;
	m->m_len = (int)hdrlen;
	m->m_pkthdr.len = (int)(hdrlen + p->len);
	if (p->len == 0)
		return (m);
	mb = SEQ_LT(p->seq, tp->snd_max) ? sbsndmbuf(sb, off, &moff)
					 : sbsndptr_noadv(sb, off, &moff);
	if (p->len <= (u_int)m_trailingspace(m)) {
		m_copydata(mb, (int)moff, (int)p->len, mtod(m, char *) + hdrlen);
		m->m_len += (int)p->len;
	} else {
		m->m_next = m_copym(mb, (int)moff, (int)p->len, M_NOWAIT);
		if (m->m_next == NULL) {
			m_freem(m);
			return (NULL);
		}
	}
	if (SEQ_GEQ(p->seq, tp->snd_max))
		sbsndptr_adv(sb, mb, p->len);
	return (m);
}

static u_short
tcp_window_field(struct tcpcb *tp, const struct tcp_plan *p)
{
	uint32_t field;

	if ((p->flags & TH_RST) != 0)
		return (0);
	if ((p->flags & TH_SYN) != 0)
		field = min(p->win, TCP_MAXWIN);
	else {
		/* Up, where rounding down would take back what was promised. */
		field = p->win >> tp->rcv_scale;
		if (SEQ_LT(tp->rcv_nxt + (field << tp->rcv_scale), tp->rcv_adv) &&
		    field < TCP_MAXWIN)
			field++;
	}
	return ((u_short)field);
}

static void
tcp_fill_tcphdr(struct tcpcb *tp, const struct tcp_plan *p, struct tcphdr *th, u_short win)
{
	th->th_seq = htonl(p->seq);
	th->th_ack = (p->flags & TH_ACK) != 0 ? htonl(tp->rcv_nxt) : 0;
	th->th_x2 = 0;
	th->th_off = (sizeof(*th) + p->optlen) >> 2;
	th->th_flags = (u_char)p->flags;
	th->th_win = htons(win);
	th->th_urp = 0;
	if (SEQ_GT(tp->snd_up, p->seq) && (p->flags & (TH_SYN | TH_RST)) == 0) {
		th->th_urp = htons((u_short)min(tp->snd_up - p->seq, 65535));
		th->th_flags |= TH_URG;
		TCPSTAT_INC(tcps_sndurg);
	}
	memcpy(th + 1, p->opt, p->optlen);
}

/* ---- what sending changes ---- */

static void
tcp_count_sent(struct tcpcb *tp, const struct tcp_plan *p)
{
	const u_int nsegs = p->segsz != 0 ? howmany(p->len, p->segsz) : 1;

	TCPSTAT_INC(tcps_sndtotal);
	tp->t_info.ts_segs_out += nsegs;
	if (p->len > 0) {
		tp->t_info.ts_data_segs_out += nsegs;
		tp->t_info.ts_bytes_sent += p->len;
		if (SEQ_LT(p->seq, tp->snd_max)) {
			tp->t_info.ts_bytes_retrans += p->len;
			TCPSTAT_INC(tcps_sndrexmitpack);
			TCPSTAT_ADD(tcps_sndrexmitbyte, p->len);
			tp->t_sndrexmitpack++;
		} else {
			TCPSTAT_INC(tcps_sndpack);
			TCPSTAT_ADD(tcps_sndbyte, p->len);
		}
		if (p->segsz != 0)
			TCPSTAT_INC(tcps_sndtso);
		if (p->rexmit && (tp->t_flags & TF_SACK_PERMIT) != 0) {
			TCPSTAT_INC(tcps_sack_rexmits);
			TCPSTAT_ADD(tcps_sack_rexmit_bytes, p->len);
			if (p->rescue)
				TCPSTAT_INC(tcps_sack_rescue_rexmit);
		}
	} else if ((p->flags & (TH_SYN | TH_FIN | TH_RST)) != 0) {
		TCPSTAT_INC(tcps_sndctrl);
		if ((p->flags & TH_SYN) != 0 && SEQ_LT(p->seq, tp->snd_max))
			tp->t_sndrexmitpack++;
	} else
		TCPSTAT_INC(tcps_sndacks);
}

/* The send sequence moves, and the timers follow. */
static void
tcp_sent_sequence(struct tcpcb *tp, const struct tcp_plan *p)
{
	const tcp_seq end =
	    p->seq + p->len + ((p->flags & TH_SYN) != 0) + ((p->flags & TH_FIN) != 0);

	if (end == p->seq || (p->flags & TH_RST) != 0)
		return;
	if ((p->flags & TH_FIN) != 0)
		tp->t_flags |= TF_SENTFIN;
	tp->t_sndtime = getsbinuptime();
	tcp_rack_sent(tp, p->seq, end);
	if (IN_FASTRECOVERY(tp->t_flags))
		tp->t_prr.prr_out += end - p->seq;
	if (SEQ_LT(p->seq, tp->snd_max) && !p->probe)
		tcp_undo_sent(tp, p->seq, end);
	if (p->rexmit) {
		if (tp->t_rtttime_on && SEQ_GEQ(tp->t_rtseq, p->seq) && SEQ_LT(tp->t_rtseq, end))
			tp->t_rtttime_on = 0; /* Karn */
		if (p->rescue)
			tp->t_sack.ss_rescued = true;
		else
			tp->t_sack.ss_highrxt = SEQ_MAX(tp->t_sack.ss_highrxt, end);
		if (!tcp_timer_active(tp, TT_REXMT))
			tcp_timer_activate(tp, TT_REXMT, (u_int)tp->t_rxtcur);
		return;
	}
	if (tcp_timer_active(tp, TT_PERSIST) && tp->snd_wnd == 0) {
		/* a probe: the byte counts as sent, and will be sent again */
		tp->snd_max = SEQ_MAX(tp->snd_max, end);
		return;
	}
	if (tp->snd_una == tp->snd_max)
		tp->t_acktime = getsbinuptime();
	tp->snd_nxt = SEQ_MAX(tp->snd_nxt, end);
	if (SEQ_GT(end, tp->snd_max)) {
		if (!tp->t_rtttime_on && p->seq == tp->snd_max) {
			tp->t_rtttime_on = 1;
			tp->t_rtttime = sbinuptime();
			tp->t_rtseq = p->seq;
			TCPSTAT_INC(tcps_segstimed);
		}
		tp->snd_max = end;
	}
	if (!tcp_timer_active(tp, TT_REXMT)) {
		if (tcp_timer_active(tp, TT_PERSIST)) {
			tcp_timer_activate(tp, TT_PERSIST, 0);
			tp->t_rxtshift = 0;
		}
		tcp_timer_activate(tp, TT_REXMT, (u_int)tp->t_rxtcur);
	}
	tcp_tlp_schedule(tp);
}

static void
tcp_sent_ack(struct tcpcb *tp, const struct tcp_plan *p, u_short field)
{
	uint32_t win = (p->flags & TH_SYN) != 0 ? field : (uint32_t)field << tp->rcv_scale;

	if ((p->flags & TH_ACK) == 0 && tp->t_state != TCPS_SYN_SENT)
		return;
	if (field == 0)
		tp->t_flags |= TF_RXWIN0SENT;
	else
		tp->t_flags &= ~TF_RXWIN0SENT;
	if (TCPS_HAVERCVDSYN(tp->t_state)) {
		tp->rcv_adv = SEQ_MAX(tp->rcv_adv, tp->rcv_nxt + win);
		tp->last_ack_sent = tp->rcv_nxt;
	}
	tp->t_flags &= ~(TF_ACKNOW | TF_DELACK);
	tp->t_dsack.end = tp->t_dsack.start; /* reported once */
	tcp_timer_activate(tp, TT_DELACK, 0);
}

/* The network layer refused. What was not sent is sent again when the timer says so. */
static int
tcp_output_error(struct tcpcb *tp, const struct tcp_plan *p, int error)
{
	u_int mtu;

	if (tcp_isdead(tp) || tp->t_state == TCPS_CLOSED)
		return (error);
	if (!p->rexmit && SEQ_GT(tp->snd_nxt, p->seq) && SEQ_GEQ(p->seq, tp->snd_una) &&
	    (p->flags & TH_SYN) == 0)
		tp->snd_nxt = p->seq;
	switch (error) {
	case ENOBUFS:
		if (!tcp_timer_active(tp, TT_REXMT) && !tcp_timer_active(tp, TT_PERSIST))
			tcp_timer_activate(tp, TT_REXMT, (u_int)tp->t_rxtcur);
		tp->snd_cwnd = max(tcp_maxseg(tp), tp->snd_cwnd / 2);
		return (0);
	case EMSGSIZE:
		/* the interface's MTU, or the route, changed under us */
		tp->t_rtgen = V_rt_generation - 1;
		mtu = tcp_maxmtu(&tp->t_inpcb->inp_inc, NULL);
		if (mtu != 0 && mtu - tcp_hdrlen(&tp->t_inpcb->inp_inc) < tp->t_maxseg)
			tcp_mtudisc(tp, mtu);
		return (0);
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
	case ENETUNREACH:
	case EADDRNOTAVAIL:
		if (TCPS_HAVERCVDSYN(tp->t_state)) {
			tp->t_softerror = (u_short)error;
			return (0);
		}
		return (error);
	default:
		return (error);
	}
}

static int
tcp_send(struct tcpcb *tp, const struct tcp_plan *p)
{
	struct inpcb *inp = tp->t_inpcb;
	const u_int hdr = tcp_hdrlen(&inp->inp_inc), hdrlen = hdr + p->optlen;
	const tcp_seq old_max = tp->snd_max;
	struct tcphdr *th;
	struct mbuf *m;
	u_short field;

	m = tcp_build(tp, p, hdrlen);
	if (m == NULL)
		return (ENOBUFS);
	th = (struct tcphdr *)(void *)(mtod(m, char *) + hdr - sizeof(*th));
	field = tcp_window_field(tp, p);
	tcp_fill_tcphdr(tp, p, th, field);
	tcp_fill_headers(m, &inp->inp_inc, inp->inp_ip_ttl, p->tos,
	    V_tcp_do_pmtud && tp->t_maxseg > (u_int)V_tcp_minmss, sizeof(*th) + p->optlen + p->len);
	if (p->segsz != 0) {
		m->m_pkthdr.csum_flags |= CSUM_IP_TSO;
		m->m_pkthdr.tso_segsz = p->segsz;
	}
	if (!LIST_EMPTY(&tp->t_md5keys) && tcp_md5_find(tp, &inp->inp_inc) != NULL)
		tcp_md5_sign(m, tcp_md5_find(tp, &inp->inp_inc), &inp->inp_inc, hdr - sizeof(*th));
	tcp_count_sent(tp, p);
	tcp_sent_sequence(tp, p);
	tcp_sent_ack(tp, p, field);
	TCP_LOG_OUT(tp, p, old_max);
	return (tcp_ip_output(m, &inp->inp_inc, inp));
}

int
tcp_output(struct tcpcb *tp)
{
	struct tcp_plan p;
	int error;

	if (tcp_isdead(tp))
		return (ECONNRESET);
	if (tp->t_state == TCPS_LISTEN || tptosocket(tp) == NULL)
		return (0);
	if (TCPS_HAVEESTABLISHED(tp->t_state)) {
		tcp_cc_check_idle(tp);
		if (tp->t_pmtud_lowered != 0)
			tcp_pmtud_raise(tp);
	}
	/* Nagle looks at the beginning of a burst, and at the first piece of a write in pieces: the
	 * end of either does not wait for what went just before it. */
	if (tp->snd_una == tp->snd_max)
		tp->t_flags |= TF_LASTIDLE;
	while (tcp_decide(tp, &p)) {
		tcp_ecn_output(tp, &p);
		if (p.len > 0)
			tcp_pace_sent(tp, p.len);
		error = tcp_send(tp, &p);
		if (error != 0) {
			tp->t_flags &= ~TF_LASTIDLE;
			return (tcp_output_error(tp, &p, error));
		}
		if (tcp_isdead(tp) || !p.more)
			break;
		/* one probe, not a stream of them */
		if ((tp->t_flags & TF_FORCEDATA) != 0 || tp->t_state == TCPS_CLOSED)
			break;
	}
	if ((tp->t_flags & TF_MORETOCOME) == 0)
		tp->t_flags &= ~TF_LASTIDLE;
	if (!tcp_isdead(tp))
		tcp_info_output(tp);
	return (0);
}

int
tcp_sendack(struct tcpcb *tp)
{
	tp->t_flags |= TF_ACKNOW;
	return (tcp_output(tp));
}
