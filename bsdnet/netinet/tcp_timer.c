/*
 * tcp_timer.c - what happens when nothing does.
 *
 *   timer       runs while                            when it fires
 *   TT_RACK     segments may be late, or lost          look again (RFC 8985 6.2; tcp_rack.c)
 *   TT_TLP      the last flight is unacknowledged     send a probe (RFC 8985 7; tcp_tlp.c)
 *   TT_REXMT    data, SYN or FIN is unacknowledged    retransmit from snd_una, double the time-out;
 *                                                     give up after net.inet.tcp.retries (RFC 6298)
 *   TT_PERSIST  the peer's window is closed and       probe with one byte, backing off between
 *               there is something to send            persmin and persmax (RFC 9293 3.8.6.1)
 *   TT_KEEP     connecting; then, always              connecting: give up after keepinit; later:
 *                                                     probe after keepidle, keepcnt times (3.8.4)
 *   TT_2MSL     TIME_WAIT; FIN_WAIT_2 of a closed     forget the connection
 *               socket
 *   TT_DELACK   an acknowledgment is owed             send it (3.8.6.3)
 *   TT_PACE     new data waits for its turn            send it (tcp_pace.c)
 *
 * TT_REXMT and TT_PERSIST never run together. A connection has one callout for all: it stands at
 * or before the earliest deadline. Moving a deadline further away, which each acknowledgment does,
 * only stores it; the callout finds out when it fires too early, and goes back to sleep.
 * Owns t_timers, t_armed, t_callout, t_srtt, t_rttvar, t_rxtcur.
 */
#include <sys/param.h>
#include <sys/callout.h>
#include <sys/errno.h>
#include <sys/protosw.h>
#include <sys/socketvar.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_timer.h>
#include <netinet/tcp_var.h>

const int tcp_backoff[TCP_MAXRXTSHIFT + 1] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512, 512, 512};

static void tcp_timer_fire(void *);

void
tcp_timer_init(struct tcpcb *tp)
{
	callout_init(&tp->t_callout, 1);
	for (int i = 0; i < TT_N; i++)
		tp->t_timers[i] = SBT_MAX;
	tp->t_armed = SBT_MAX;
}

static void
tcp_timer_arm(struct tcpcb *tp, sbintime_t when)
{
	tp->t_armed = when;
	callout_reset_sbt(&tp->t_callout, when, 0, tcp_timer_fire, tp, C_ABSOLUTE);
}

void
tcp_timer_activate_sbt(struct tcpcb *tp, tt_which which, sbintime_t when)
{
	tp->t_timers[which] = when;
	if (when < tp->t_armed)
		tcp_timer_arm(tp, when);
}

void
tcp_timer_activate(struct tcpcb *tp, tt_which which, u_int ms)
{
	if (ms == 0)
		tp->t_timers[which] = SBT_MAX;
	else
		tcp_timer_activate_sbt(tp, which, getsbinuptime() + mstosbt(ms));
}

bool
tcp_timer_active(const struct tcpcb *tp, tt_which which)
{
	return (tp->t_timers[which] != SBT_MAX);
}

void
tcp_timer_stop(struct tcpcb *tp)
{
	for (int i = 0; i < TT_N; i++)
		tp->t_timers[i] = SBT_MAX;
	if (tp->t_armed != SBT_MAX)
		callout_stop(&tp->t_callout);
	tp->t_armed = SBT_MAX;
}

/* ---- round-trip times, RFC 6298 ---- */

int
tcp_rexmtval(const struct tcpcb *tp)
{
	int64_t ms;

	if (tp->t_srtt == 0)
		return (imax(V_tcp_rexmit_initial, (int)tp->t_rxtinit));
	/* up: a clock that ticks finer than ms must not have it fire early */
	ms = howmany((int64_t)tp->t_srtt + 4 * (int64_t)tp->t_rttvar, 1000) + V_tcp_rexmit_slop;
	if (ms < tp->t_rttmin)
		ms = tp->t_rttmin;
	return (ms < 1 ? 1 : ms > TCPTV_REXMTMAX ? TCPTV_REXMTMAX : (int)ms);
}

void
tcp_xmit_timer(struct tcpcb *tp, uint32_t rtt_us)
{
	int64_t delta, var;

	TCPSTAT_INC(tcps_rttupdated);
	if (tp->t_rttupdated < UINT_MAX)
		tp->t_rttupdated++;
	if (rtt_us == 0)
		rtt_us = 1;
	if (rtt_us > TCPTV_REXMTMAX * 1000)
		rtt_us = TCPTV_REXMTMAX * 1000;
	if (rtt_us < tp->t_rttlow)
		tp->t_rttlow = rtt_us;
	if (tp->t_srtt == 0) {
		tp->t_srtt = rtt_us;
		tp->t_rttvar = rtt_us / 2;
	} else {
		delta = (int64_t)rtt_us - tp->t_srtt;
		var = (delta < 0 ? -delta : delta) - (int64_t)tp->t_rttvar;
		tp->t_srtt = (uint32_t)((int64_t)tp->t_srtt + delta / 8);
		tp->t_rttvar = (uint32_t)((int64_t)tp->t_rttvar + var / 4);
		if (tp->t_srtt == 0)
			tp->t_srtt = 1;
	}
	tp->t_rxtshift = 0;
	tp->t_rxtcur = tcp_rexmtval(tp);
	if (tp->ccv->algo->rttsample != NULL)
		tp->ccv->algo->rttsample(tp->ccv, rtt_us, 1, tp->snd_max - tp->snd_una);
}

/* ---- the timers. Each returns true if the connection ended. ---- */

static bool
tcp_timeout_drop(struct tcpcb *tp)
{
	tcp_drop(tp, ETIMEDOUT);
	return (true);
}

/* TCP_MAXUNACKTIME, the user time-out of RFC 9293 3.8.3: nothing acknowledged for so long. */
static bool
tcp_unacked_too_long(const struct tcpcb *tp)
{
	const u_int most = TP_MAXUNACKTIME(tp);

	return (most != 0 && getsbinuptime() - tp->t_acktime >= mstosbt(most));
}

static int
tcp_rexmt_backoff(const struct tcpcb *tp)
{
	int64_t ms = (int64_t)tcp_rexmtval(tp) * tcp_backoff[tp->t_rxtshift];

	return (ms > TCPTV_REXMTMAX ? TCPTV_REXMTMAX : (int)ms);
}

/* A SYN without answer: something on the way may not like its options. */
static void
tcp_rexmt_syn(struct tcpcb *tp)
{
	if (tp->t_rxtshift == 1)
		tp->snd_ssthresh = 2 * tcp_maxseg(tp);
	if (V_tcp_rexmit_drop_options && tp->t_state == TCPS_SYN_SENT && tp->t_rxtshift >= 3)
		tp->t_flags &= ~(TF_REQ_SCALE | TF_REQ_TSTMP | TF_SACK_PERMIT);
}

/* How often the same is sent again, RFC 9293's R2. */
static int
tcp_retries(const struct tcpcb *tp)
{
	if (tp->t_state == TCPS_SYN_SENT && tp->t_syncnt != 0)
		return ((int)tp->t_syncnt);
	return (imin(imax(V_tcp_retries, 1), TCP_MAXRXTSHIFT));
}

static bool
tcp_timer_rexmt(struct tcpcb *tp)
{
	int error;

	if (tp->snd_una == tp->snd_max && TCPS_HAVEESTABLISHED(tp->t_state)) {
		/* there was no memory to send what waits */
		(void)tcp_output(tp);
		return (tcp_isdead(tp));
	}
	if (tp->t_rxtshift >= tcp_retries(tp) || tcp_unacked_too_long(tp)) {
		TCPSTAT_INC(tcps_timeoutdrop);
		return (tcp_timeout_drop(tp));
	}
	tp->t_rxtshift++;
	TCPSTAT_INC(tcps_rexmttimeo);
	tp->t_info.ts_rto++;
	tp->t_rxtcur = tcp_rexmt_backoff(tp);
	tcp_timer_activate(tp, TT_REXMT, tp->t_rxtcur);
	/* A path that fails this often may lead elsewhere: look the route up again, and forget the
	 * estimate as RFC 6298 5 allows. */
	if (tp->t_rxtshift > TCP_MAXRXTSHIFT / 4)
		in_losing(tp->t_inpcb);
	/* RFC 2018 8: the peer may have discarded what it had reported. Go back to snd_una. */
	tcp_sack_clear(tp);
	tp->t_dupacks = 0;
	tp->t_rtttime_on = 0; /* Karn */
	tcp_pmtud_blackhole(tp);
	tcp_fastopen_timeout(tp);
	if (TCPS_HAVEESTABLISHED(tp->t_state)) {
		tcp_undo_begin(tp, true);
		tcp_cc_cong_signal(tp, CC_RTO);
		tp->t_flags |= TF_RTORECOVERY;
	} else
		tcp_rexmt_syn(tp);
	tp->snd_recover = tp->snd_max;
	if (tp->t_rack.rk_on) {
		tp->snd_nxt = tp->snd_max;
		tcp_rack_rto(tp);
	} else
		tp->snd_nxt = tp->snd_una;
	tp->t_flags |= TF_ACKNOW;
	error = tcp_output(tp);
	/* Nobody answers ARP, or no route leads there: the same advice as a router's ICMP. */
	if (tp->t_state == TCPS_SYN_SENT && (error == EHOSTDOWN || error == EHOSTUNREACH ||
						error == ENETDOWN || error == ENETUNREACH))
		tcp_notify_error(tp, error);
	return (tcp_isdead(tp));
}

void
tcp_setpersist(struct tcpcb *tp)
{
	int64_t ms = (int64_t)tcp_rexmtval(tp) * tcp_backoff[tp->t_rxtshift];

	if (ms < V_tcp_persmin)
		ms = V_tcp_persmin;
	if (ms > V_tcp_persmax)
		ms = V_tcp_persmax;
	tcp_timer_activate(tp, TT_PERSIST, imax((int)ms, 1));
	if (tp->t_rxtshift < TCP_MAXRXTSHIFT)
		tp->t_rxtshift++;
}

/* No program will ever know: a peer must not keep what it wrote for ever by answering probes. */
static bool
tcp_orphan_waits_too_long(const struct tcpcb *tp)
{
	const sbintime_t since = tp->t_acktime > tp->t_closetime ? tp->t_acktime : tp->t_closetime;

	return (tp->t_closetime != 0 && getsbinuptime() - since >= mstosbt(V_tcp_persist_orphan));
}

static bool
tcp_timer_persist(struct tcpcb *tp)
{
	sbintime_t idle = getsbinuptime() - tp->t_rcvtime;

	TCPSTAT_INC(tcps_persisttimeo);
	/* A peer that answers probes may keep its window closed for ever (RFC 9293 3.8.6.1); one
	 * that is silent may not, and neither may one whom no program of ours talks to. */
	if ((tp->t_rxtshift == TCP_MAXRXTSHIFT && idle >= mstosbt(V_tcp_maxpersistidle)) ||
	    tcp_unacked_too_long(tp) ||
	    ((tp->t_flags & TF_CLOSED) != 0 && tp->t_rxtshift == TCP_MAXRXTSHIFT &&
		idle >= mstosbt(TCPTV_PERSMAX)) ||
	    tcp_orphan_waits_too_long(tp)) {
		TCPSTAT_INC(tcps_persistdrop);
		return (tcp_timeout_drop(tp));
	}
	tcp_setpersist(tp);
	tp->t_flags |= TF_FORCEDATA;
	(void)tcp_output(tp);
	tp->t_flags &= ~TF_FORCEDATA;
	TCPSTAT_INC(tcps_sndprobe);
	return (tcp_isdead(tp));
}

static bool
tcp_timer_keep(struct tcpcb *tp)
{
	struct socket *so = tptosocket(tp);
	sbintime_t idle = getsbinuptime() - tp->t_rcvtime;
	int64_t left;

	if (tp->t_state == TCPS_SYN_SENT && tp->t_syncnt != 0)
		return (false); /* the program counts SYNs instead */
	if (!TCPS_HAVEESTABLISHED(tp->t_state)) {
		TCPSTAT_INC(tcps_keepdrops);
		return (tcp_timeout_drop(tp));
	}
	if ((tp->t_flags2 & TF2_DEFERRED) != 0) {
		tcp_undefer(tp);
		soisconnected(so);
		return (tcp_isdead(tp));
	}
	if (!(V_tcp_always_keepalive || (so->so_options & SO_KEEPALIVE) != 0) ||
	    tp->t_state > TCPS_CLOSING) {
		tcp_timer_activate(tp, TT_KEEP, TP_KEEPIDLE(tp));
		return (false);
	}
	left = (int64_t)TP_KEEPIDLE(tp) - sbttoms(idle);
	if (left > 0) {
		tp->t_keepprobes = 0;
		tcp_timer_activate(tp, TT_KEEP, (u_int)left);
		return (false);
	}
	TCPSTAT_INC(tcps_keeptimeo);
	if (tp->t_keepprobes >= TP_KEEPCNT(tp)) {
		TCPSTAT_INC(tcps_keepdrops);
		return (tcp_timeout_drop(tp));
	}
	tp->t_keepprobes++;
	TCPSTAT_INC(tcps_keepprobe);
	/* One byte before the window: whoever is there has to answer. */
	tcp_respond_ack(tp, tp->snd_una - 1);
	tcp_timer_activate(tp, TT_KEEP, TP_KEEPINTVL(tp));
	return (false);
}

static bool
tcp_timer_2msl(struct tcpcb *tp)
{
	if (tp->t_state != TCPS_TIME_WAIT)
		TCPSTAT_INC(tcps_finwait2_drops);
	tcp_close(tp);
	return (true);
}

static bool
tcp_timer_delack(struct tcpcb *tp)
{
	tp->t_flags = (tp->t_flags & ~TF_DELACK) | TF_ACKNOW;
	TCPSTAT_INC(tcps_delack);
	(void)tcp_output(tp);
	return (tcp_isdead(tp));
}

static bool (*const tcp_timer_table[TT_N])(struct tcpcb *) = {
    [TT_RACK] = tcp_timer_rack,
    [TT_TLP] = tcp_timer_tlp,
    [TT_REXMT] = tcp_timer_rexmt,
    [TT_PERSIST] = tcp_timer_persist,
    [TT_KEEP] = tcp_timer_keep,
    [TT_2MSL] = tcp_timer_2msl,
    [TT_DELACK] = tcp_timer_delack,
    [TT_PACE] = tcp_timer_pace,
};

static void
tcp_timer_fire(void *arg)
{
	struct tcpcb *tp = arg;
	struct socket *so = tptosocket(tp);
	sbintime_t now = getsbinuptime(), next = SBT_MAX;
	bool gone = false;

	tp->t_armed = SBT_MAX;
	if (so != NULL)
		soref(so);
	for (int i = 0; i < TT_N && !gone; i++) {
		if (tp->t_timers[i] > now)
			continue;
		tp->t_timers[i] = SBT_MAX;
		gone = tcp_timer_table[i](tp);
	}
	if (!gone) {
		for (int i = 0; i < TT_N; i++)
			next = tp->t_timers[i] < next ? tp->t_timers[i] : next;
		if (next < tp->t_armed)
			tcp_timer_arm(tp, next);
	}
	if (so != NULL)
		sorele(so);
}
