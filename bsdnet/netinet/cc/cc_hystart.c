/*
 * cc_hystart.c - HyStart++: leaves the first slow start when the round-trip time says that a queue
 * builds up, before it overflows. RFC 9406 4.2 and 4.3.
 *
 * A round's least round-trip time is compared with that of the round before. If it rose by an
 * eighth (within bounds), conservative slow start begins: growth is divided by css_growth_div. If
 * the time falls below what it was then, the rise was jitter and slow start goes on; if css_rounds
 * rounds pass, congestion avoidance begins. Only the first slow start is watched, as the RFC says:
 * later ones have a threshold that was learnt.
 *
 * RFC 9406 proposes that one ACK grows the window by up to 8 segments (L); here L is
 * net.inet.tcp.abc_l_var, as in all slow starts. Round trips are measured by timestamps, or by one
 * segment in each round, which is too few to act on.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/sysctl.h>
#include <netinet/cc/cc_hystart.h>
#include <netinet/cc/cc_module.h>
#include <netinet/tcp_var.h>

#define NO_RTT UINT32_MAX
#define MIN_RTT_DIVISOR 8

VNET_DEFINE(int, hystart_enable) = 1;
VNET_DEFINE_STATIC(int, hystart_minrtt_thresh) = 4000;
VNET_DEFINE_STATIC(int, hystart_maxrtt_thresh) = 16000;
VNET_DEFINE_STATIC(int, hystart_n_rttsamples) = 8;
VNET_DEFINE_STATIC(int, hystart_css_growth_div) = 4;
VNET_DEFINE_STATIC(int, hystart_css_rounds) = 5;
#define V_hystart_minrtt_thresh VNET(hystart_minrtt_thresh)
#define V_hystart_maxrtt_thresh VNET(hystart_maxrtt_thresh)
#define V_hystart_n_rttsamples VNET(hystart_n_rttsamples)
#define V_hystart_css_growth_div VNET(hystart_css_growth_div)
#define V_hystart_css_rounds VNET(hystart_css_rounds)

SYSCTL_DECL(_net_inet_tcp_cc);
SYSCTL_NODE(_net_inet_tcp_cc, OID_AUTO, hystartplusplus, CTLFLAG_RW, 0, "HyStart++, RFC 9406");
#define HYSTART_INT(name, lo, hi, descr)                                                           \
	SYSCTL_INT_RANGE(_net_inet_tcp_cc_hystartplusplus, OID_AUTO, name,                         \
	    CTLFLAG_VNET | CTLFLAG_RW, &VNET_NAME(hystart_##name), lo, hi, descr)
HYSTART_INT(enable, 0, 2,
    "Who uses it: 0 none (but by CC_NEWRENO_ENABLE_HYSTART), 1 cubic, 2 newreno too (0 to 2, "
    "default 1)");
HYSTART_INT(minrtt_thresh, 1, 1000000,
    "Least rise of the round-trip time that counts (us, 1 to 1000000, default 4000)");
HYSTART_INT(maxrtt_thresh, 1, 1000000,
    "Rise of the round-trip time that always counts (us, 1 to 1000000, default 16000)");
HYSTART_INT(
    n_rttsamples, 1, 1000, "Measurements in a round before it is judged (1 to 1000, default 8)");
HYSTART_INT(css_growth_div, 1, 100,
    "Divisor of the growth in conservative slow start (1 to 100, default 4)");
HYSTART_INT(css_rounds, 1, 100,
    "Rounds of conservative slow start before congestion avoidance (1 to 100, default 5)");

void
cc_hystart_init(struct cc_hystart *hs, bool on)
{
	memset(hs, 0, sizeof(*hs));
	hs->phase = on ? HYSTART_SS : HYSTART_OFF;
	hs->last_round_min_rtt = hs->current_round_min_rtt = hs->css_baseline_min_rtt = NO_RTT;
}

void
cc_hystart_stop(struct cc_hystart *hs)
{
	hs->phase = HYSTART_OFF;
}

static bool
hystart_rtt_rose(const struct cc_hystart *hs)
{
	uint32_t thresh;

	if (hs->last_round_min_rtt == NO_RTT)
		return (false);
	thresh = min(hs->last_round_min_rtt / MIN_RTT_DIVISOR, (u_int)V_hystart_maxrtt_thresh);
	thresh = max(thresh, (u_int)V_hystart_minrtt_thresh);
	return (hs->current_round_min_rtt >= hs->last_round_min_rtt + thresh);
}

void
cc_hystart_rttsample(struct cc_hystart *hs, uint32_t usec)
{
	if (hs->phase == HYSTART_OFF)
		return;
	hs->current_round_min_rtt = min(hs->current_round_min_rtt, usec);
	if (++hs->rtt_sample_count < (u_int)V_hystart_n_rttsamples)
		return;
	if (hs->phase == HYSTART_SS && hystart_rtt_rose(hs)) {
		hs->phase = HYSTART_CSS;
		hs->css_baseline_min_rtt = hs->current_round_min_rtt;
		hs->css_round = 0;
	} else if (hs->phase == HYSTART_CSS &&
		   hs->current_round_min_rtt < hs->css_baseline_min_rtt) {
		hs->phase = HYSTART_SS;
		hs->css_baseline_min_rtt = NO_RTT;
	}
}

void
cc_hystart_newround(struct cc_hystart *hs, struct cc_var *ccv)
{
	if (hs->phase == HYSTART_OFF)
		return;
	/* the round in which it began, though not whole, is one of them */
	if (hs->phase == HYSTART_CSS && ++hs->css_round >= (u_int)V_hystart_css_rounds) {
		CCV(ccv, snd_ssthresh) = CCV(ccv, snd_cwnd);
		cc_hystart_stop(hs);
		return;
	}
	hs->last_round_min_rtt = hs->current_round_min_rtt;
	hs->current_round_min_rtt = NO_RTT;
	hs->rtt_sample_count = 0;
}

uint32_t
cc_hystart_growth(struct cc_hystart *hs, uint32_t incr)
{
	const uint32_t div = (u_int)imax(V_hystart_css_growth_div, 1);

	if (hs->phase != HYSTART_CSS)
		return (incr);
	hs->rest += incr;
	incr = hs->rest / div;
	hs->rest %= div;
	return (incr);
}
