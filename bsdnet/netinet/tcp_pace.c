/*
 * tcp_pace.c - spreads what a window lets go over the round trip, where an interface would
 * otherwise send 64 KiB at once (TSO).
 *
 * Without it a large window goes out in bursts that overrun queues, and slow start must be held
 * back by counting few segments for each ACK (RFC 3465 2.2), which a receiver that merges segments
 * sends seldom: RFC 9406 4.3 has no such bound for a sender that is paced.
 *
 * The rate is pace_ss_ratio percent of cwnd in a smoothed round trip while cwnd is below half of
 * ssthresh, pace_ca_ratio percent later: above 100, so that pacing never limits a flow, the window
 * does. New data may run ahead of the rate by PACE_AHEAD; then TT_PACE waits until the rate has
 * caught up. A packet is no larger than that either. Retransmissions, the first ten segments, and
 * paths shorter than pace_minrtt are not paced.
 *
 * Owns t_pace_next. Called by tcp_output.c and tcp_cc.c.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/sysctl.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

#define PACE_AHEAD SBT_1MS
#define PACE_FIRST 10 /* segments */

VNET_DEFINE_STATIC(int, pace) = 1;
VNET_DEFINE_STATIC(int, pace_ss_ratio) = 200;
VNET_DEFINE_STATIC(int, pace_ca_ratio) = 120;
VNET_DEFINE_STATIC(int, pace_minrtt) = 1000;

SYSCTL_DECL(_net_inet_tcp);
SYSCTL_INT_RANGE(_net_inet_tcp, OID_AUTO, pace, CTLFLAG_VNET | CTLFLAG_RW, &VNET_NAME(pace), 0, 2,
    "New data is spread over the round trip: 0 never, 1 where TSO makes bursts, 2 always (0 to 2, "
    "default 1)");
SYSCTL_INT_RANGE(_net_inet_tcp, OID_AUTO, pace_ss_ratio, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(pace_ss_ratio), 100, 1000,
    "Pacing rate in slow start, of cwnd in a round trip (%, 100 to 1000, default 200)");
SYSCTL_INT_RANGE(_net_inet_tcp, OID_AUTO, pace_ca_ratio, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(pace_ca_ratio), 100, 1000,
    "Pacing rate in congestion avoidance (%, 100 to 1000, default 120)");
SYSCTL_INT_RANGE(_net_inet_tcp, OID_AUTO, pace_minrtt, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(pace_minrtt), 0, 1000000,
    "Paths with a shorter round trip are not paced (us, 0 to 1000000, default 1000)");

bool
tcp_paced(const struct tcpcb *tp)
{
	const int mode = VNET(pace);

	return ((mode == 2 || (mode == 1 && tp->t_tsomax != 0 && V_tcp_do_tso)) &&
		tp->t_srtt != 0 && tp->t_srtt >= (uint32_t)VNET(pace_minrtt) &&
		TCPS_HAVEESTABLISHED(tp->t_state));
}

/* Bytes per second; 0: not paced. */
uint64_t
tcp_pace_rate(const struct tcpcb *tp)
{
	u_int ratio;

	if (!tcp_paced(tp))
		return (0);
	ratio = (u_int)(tp->snd_cwnd < tp->snd_ssthresh / 2 ? VNET(pace_ss_ratio)
							    : VNET(pace_ca_ratio));
	return (max((uint64_t)tp->snd_cwnd * ratio * 10000 / tp->t_srtt, 1));
}

/* The most that one packet of a paced connection takes. */
uint32_t
tcp_pace_burst(const struct tcpcb *tp)
{
	const uint64_t rate = tcp_pace_rate(tp);
	const uint64_t ahead = rate / (SBT_1S / PACE_AHEAD);

	if (rate == 0)
		return (UINT32_MAX);
	return (max(2 * tcp_maxseg(tp), ahead > UINT32_MAX ? UINT32_MAX : (uint32_t)ahead));
}

/* New data would go too early; TT_PACE is set. */
bool
tcp_pace_wait(struct tcpcb *tp)
{
	if (!tcp_paced(tp) || tp->t_info.ts_data_segs_out < PACE_FIRST)
		return (false);
	if (tcp_timer_active(tp, TT_PACE))
		return (true);
	if (tp->t_pace_next - sbinuptime() <= PACE_AHEAD)
		return (false);
	tp->t_pace_late = 0;
	tcp_timer_activate_sbt(tp, TT_PACE, tp->t_pace_next);
	return (true);
}

void
tcp_pace_sent(struct tcpcb *tp, uint32_t bytes)
{
	const uint64_t rate = tcp_pace_rate(tp);
	const sbintime_t now = sbinuptime();

	if (rate == 0)
		return;
	/* a pause of the program's is no credit */
	if (tp->t_pace_next < now - PACE_AHEAD - tp->t_pace_late)
		tp->t_pace_next = now - PACE_AHEAD - tp->t_pace_late;
	tp->t_pace_next += (sbintime_t)((__uint128_t)bytes * SBT_1S / rate);
}

bool
tcp_timer_pace(struct tcpcb *tp)
{
	const sbintime_t late = sbinuptime() - tp->t_pace_next, most = ustosbt(tp->t_srtt) / 2;

	/* on a busy machine it comes late: what was due meanwhile is made up for */
	tp->t_pace_late = late < 0 ? 0 : late < most ? late : most;
	(void)tcp_output(tp);
	return (tcp_isdead(tp));
}
