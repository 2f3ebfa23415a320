/*
 * tcp_info.c - what TCP_INFO tells of a connection, and the counting that it takes: RFC 4898 for
 * most of the names, draft-cheng-iccrg-delivery-rate-estimation for the rate.
 *
 * The rate. Each record of RACK remembers how much had been delivered when it was sent, and when.
 * What arrives gives a sample: the bytes delivered since then, by the longer of the times in which
 * they were sent and acknowledged. Without RACK (no SACK) there is none.
 *
 * Times. After each tcp_output() it is clear what the sender waits for: nothing, the peer's window,
 * the program (its send buffer is full and all of it is under way), or the network.
 *
 * Owns t_info. Called by output, the ACK step, tcp_rack.c; read by tcp_sockopt.c.
 */
#include <sys/param.h>
#include <sys/socketvar.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

/* ---- the delivery rate ---- */

void
tcp_rate_sent(struct tcpcb *tp, struct rack_rec *r)
{
	struct tcp_stat *ts = &tp->t_info;

	if (tp->t_rack.rk_bytes == 0 || ts->ts_delivered_time == 0)
		ts->ts_first_sent = ts->ts_delivered_time = sbinuptime();
	r->rr_delivered = ts->ts_delivered;
	r->rr_delivered_time = ts->ts_delivered_time;
	r->rr_first_sent = ts->ts_first_sent;
	r->rr_app_limited = ts->ts_app_limited > ts->ts_delivered;
}

/* r arrived. The one sent last counts. */
void
tcp_rate_arrived(struct tcpcb *tp, const struct rack_rec *r)
{
	struct tcp_stat *ts = &tp->t_info;

	if (r->rr_delivered_time == 0 || (ts->ts_sampling && r->rr_delivered < ts->ts_prior))
		return;
	ts->ts_sampling = true;
	ts->ts_prior = r->rr_delivered;
	ts->ts_prior_time = r->rr_delivered_time;
	ts->ts_send_elapsed = r->rr_xmit - r->rr_first_sent;
	ts->ts_sample_limited = r->rr_app_limited;
	ts->ts_first_sent = r->rr_xmit;
}

/* bytes arrived at the peer, cumulatively acknowledged or not; one ACK told so. */
void
tcp_delivered(struct tcpcb *tp, uint32_t bytes, bool ece)
{
	struct tcp_stat *ts = &tp->t_info;
	sbintime_t interval;
	uint64_t rate;

	if (bytes == 0)
		return;
	ts->ts_delivered += bytes;
	if (ece)
		ts->ts_delivered_ce += bytes;
	ts->ts_delivered_time = sbinuptime();
	if (!ts->ts_sampling)
		return;
	ts->ts_sampling = false;
	interval = ts->ts_delivered_time - ts->ts_prior_time;
	if (interval < ts->ts_send_elapsed)
		interval = ts->ts_send_elapsed;
	if (interval <= 0 || interval < ustosbt(tp->t_rttlow))
		return; /* shorter than any round trip: it was not the line that was measured */
	rate = (uint64_t)((__uint128_t)(ts->ts_delivered - ts->ts_prior) * SBT_1S /
			  (uint64_t)interval);
	if (!ts->ts_sample_limited || rate >= ts->ts_rate) {
		ts->ts_rate = rate;
		ts->ts_rate_limited = ts->ts_sample_limited;
	}
}

/* ---- what it waits for ---- */

static enum tcp_wait
waits_for(const struct tcpcb *tp)
{
	const struct sockbuf *sb = &tptosocket(tp)->so_snd;
	const uint32_t flight = tp->snd_nxt - tp->snd_una, avail = sbavail(sb);
	const u_int mss = tcp_maxseg(tp);

	if (!TCPS_HAVEESTABLISHED(tp->t_state) || (tp->snd_una == tp->snd_max && avail == 0))
		return (TW_NOTHING);
	/* less than a segment may wait for the rest of it */
	if (avail >= flight + mss) {
		if (tp->snd_wnd < flight + mss && tp->snd_wnd < tp->snd_cwnd)
			return (TW_PEER);
		return (TW_NETWORK);
	}
	return (sbspace(sb) < (long)mss ? TW_BUFFER : TW_NETWORK);
}

void
tcp_info_output(struct tcpcb *tp)
{
	struct tcp_stat *ts = &tp->t_info;
	const enum tcp_wait now = waits_for(tp);
	const uint32_t avail = sbavail(&tptosocket(tp)->so_snd);

	/* nothing more to send, and room for it: what is measured from here on is the program */
	if (avail < tp->snd_nxt - tp->snd_una + tcp_maxseg(tp) &&
	    tp->snd_max - tp->snd_una < tp->snd_cwnd && tp->t_rack.rk_lost_bytes == 0)
		ts->ts_app_limited = ts->ts_delivered + max(tp->snd_max - tp->snd_una, 1);
	if (now == ts->ts_wait)
		return;
	ts->ts_waited[ts->ts_wait] += sbinuptime() - ts->ts_wait_since;
	ts->ts_wait = now;
	ts->ts_wait_since = sbinuptime();
}

static uint64_t
waited_us(const struct tcp_stat *ts, enum tcp_wait what)
{
	sbintime_t t = ts->ts_waited[what];

	if (ts->ts_wait == what)
		t += sbinuptime() - ts->ts_wait_since;
	return ((uint64_t)sbttous(t));
}

/* ---- telling ---- */

uint32_t
tcp_notsent(struct socket *so)
{
	const struct tcpcb *tp = sototcpcb(so);
	const uint32_t avail = sbavail(&so->so_snd), sent = tp->snd_max - tp->snd_una;

	return (!tcp_isdead(tp) && avail > sent ? avail - sent : 0);
}

static uint8_t
info_options(const struct tcpcb *tp)
{
	uint8_t o = 0;

	if ((tp->t_flags & TF_RCVD_TSTMP) != 0)
		o |= TCPI_OPT_TIMESTAMPS;
	if ((tp->t_flags & TF_SACK_PERMIT) != 0)
		o |= TCPI_OPT_SACK;
	if ((tp->t_flags & TF_RCVD_SCALE) != 0)
		o |= TCPI_OPT_WSCALE;
	if ((tp->t_flags2 & TF2_ECN_PERMIT) != 0)
		o |= TCPI_OPT_ECN;
	if ((tp->t_flags2 & TF2_TFO_DATA) != 0)
		o |= TCPI_OPT_TFO;
	return (o);
}

static uint32_t
ms_since(sbintime_t t)
{
	return (t == 0 ? 0 : (uint32_t)sbttoms(getsbinuptime() - t));
}

static uint32_t
window_left(const struct tcpcb *tp)
{
	return (SEQ_GT(tp->rcv_adv, tp->rcv_nxt) ? tp->rcv_adv - tp->rcv_nxt : 0);
}

/* The sender's half. */
static void
info_sending(const struct tcpcb *tp, struct tcp_info *ti)
{
	const u_int mss = tcp_maxseg(tp);
	uint32_t lost, resent;

	if (tp->t_rack.rk_on) {
		lost = tp->t_rack.rk_lost_bytes;
		resent = tcp_rack_retransmitted(tp);
	} else
		lost = tcp_sack_lost(tp, &resent);

	ti->__tcpi_retransmits = ti->__tcpi_backoff = tp->t_rxtshift;
	ti->__tcpi_probes = tcp_timer_active(tp, TT_PERSIST) ? tp->t_rxtshift : tp->t_keepprobes;
	ti->tcpi_rto = (uint32_t)tp->t_rxtcur * 1000;
	ti->tcpi_snd_mss = mss;
	ti->__tcpi_unacked = howmany(tp->snd_max - tp->snd_una, mss);
	ti->__tcpi_sacked = howmany(tp->t_sack.ss_bytes, mss);
	ti->__tcpi_lost = howmany(lost, mss);
	ti->__tcpi_retrans = howmany(resent, mss);
	ti->__tcpi_last_data_sent = ms_since(tp->t_sndtime);
	ti->tcpi_rtt = tp->t_srtt;
	ti->tcpi_rttvar = tp->t_rttvar;
	ti->tcpi_rttmin = tp->t_rttlow;
	ti->tcpi_snd_ssthresh = tp->snd_ssthresh;
	ti->tcpi_snd_cwnd = tp->snd_cwnd;
	ti->tcpi_snd_wnd = tp->snd_wnd;
	ti->tcpi_snd_nxt = tp->snd_nxt;
	ti->tcpi_snd_una = tp->snd_una;
	ti->tcpi_snd_max = tp->snd_max;
	ti->tcpi_snd_rexmitpack = tp->t_sndrexmitpack;
	ti->tcpi_snd_zerowin = tp->t_sndzerowin;
	ti->tcpi_dupacks = tp->t_dupacks;
	ti->tcpi_delivered_ce = howmany(tp->t_info.ts_delivered_ce, mss);
}

void
tcp_fill_info(const struct tcpcb *tp, struct tcp_info *ti)
{
	const struct socket *so = tptosocket(tp);

	memset(ti, 0, sizeof(*ti));
	ti->tcpi_state = tp->t_state;
	ti->tcpi_options = info_options(tp);
	if ((tp->t_flags & TF_RCVD_SCALE) != 0) {
		ti->tcpi_snd_wscale = tp->snd_scale & 0xf;
		ti->tcpi_rcv_wscale = tp->rcv_scale & 0xf;
	}
	info_sending(tp, ti);
	ti->__tcpi_ato = (uint32_t)V_tcp_delacktime * 1000;
	ti->tcpi_received_ce = tp->t_rcv_ce;
	ti->tcpi_rcv_mss = tp->t_rcvmss;
	ti->tcpi_last_data_recv = ms_since(tp->t_info.ts_datatime) * 1000;
	ti->__tcpi_last_ack_recv = ms_since(tp->t_rcvtime);
	ti->__tcpi_pmtu = tp->t_maxseg + tcp_hdrlen(&tp->t_inpcb->inp_inc);
	ti->__tcpi_advmss = tcp_mssopt(&tp->t_inpcb->inp_inc, tp->t_mssopt);
	ti->__tcpi_rcv_ssthresh = window_left(tp);
	ti->__tcpi_reordering = 3; /* RFC 5681's threshold of duplicates, or RACK's */
	ti->tcpi_rcv_space = so != NULL ? so->so_rcv.sb_hiwat : 0;
	ti->tcpi_rcv_nxt = tp->rcv_nxt;
	ti->tcpi_rcv_adv = tp->rcv_adv;
	ti->tcpi_rcv_numsacks = tp->rcv_numsacks;
	ti->tcpi_rcv_ooopack = tp->t_rcvoopack;
}

/* Linux's tcpi_ca_state: 0 open, 1 disorder, 2 reduced for a mark, 3 recovery, 4 after a time-out.
 */
static uint8_t
ca_state(const struct tcpcb *tp)
{
	if ((tp->t_flags & TF_RTORECOVERY) != 0)
		return (4);
	if (IN_FASTRECOVERY(tp->t_flags))
		return (3);
	if (IN_CONGRECOVERY(tp->t_flags))
		return (2);
	return (tp->t_dupacks > 0 || tp->t_sack.ss_n > 0);
}

void
tcp_fill_info_more(const struct tcpcb *tp, struct tcp_info_alpine *ti)
{
	const struct tcp_stat *ts = &tp->t_info;
	const struct socket *so = tptosocket(tp);
	const u_int mss = tcp_maxseg(tp);

	memset(ti, 0, sizeof(*ti));
	tcp_fill_info(tp, &ti->bsd);
	ti->ca_state = ca_state(tp);
	ti->bytes_acked = ts->ts_bytes_acked;
	ti->bytes_received = ts->ts_bytes_received;
	ti->bytes_sent = ts->ts_bytes_sent;
	ti->bytes_retrans = ts->ts_bytes_retrans;
	ti->segs_out = ts->ts_segs_out;
	ti->segs_in = ts->ts_segs_in;
	ti->data_segs_out = ts->ts_data_segs_out;
	ti->data_segs_in = ts->ts_data_segs_in;
	ti->delivered = (uint32_t)howmany(ts->ts_delivered, mss);
	ti->dsack_dups = ts->ts_dsack_dups;
	ti->reord_seen = ts->ts_reord_seen;
	ti->total_rto = ts->ts_rto;
	ti->delivery_rate = ts->ts_rate;
	ti->app_limited = ts->ts_rate_limited;
	ti->pacing_rate = tcp_pace_rate(tp);
	ti->rwnd_limited_us = waited_us(ts, TW_PEER);
	ti->sndbuf_limited_us = waited_us(ts, TW_BUFFER);
	ti->busy_us = waited_us(ts, TW_NETWORK) + ti->rwnd_limited_us + ti->sndbuf_limited_us;
	ti->rcv_wnd = window_left(tp);
	if (so != NULL)
		ti->notsent_bytes = tcp_notsent(tptosocket(tp));
}
