/*
 * cc_newreno.c - congestion control as in RFC 5681, with the recovery of RFC 6582, the byte
 * counting of RFC 3465, the milder answer to ECN marks of RFC 8511 and, if asked for, HyStart++.
 * The algorithm that is always there, and the parts that others share. cc_newreno(4).
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <sys/systm.h>
#include <netinet/cc/cc.h>
#include <netinet/cc/cc_hystart.h>
#include <netinet/cc/cc_module.h>
#include <netinet/cc/cc_newreno.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

extern struct cc_algo newreno_cc_algo;

VNET_DEFINE_STATIC(int, newreno_beta) = 50;
VNET_DEFINE_STATIC(int, newreno_beta_ecn) = 80;
#define V_newreno_beta VNET(newreno_beta)
#define V_newreno_beta_ecn VNET(newreno_beta_ecn)

SYSCTL_DECL(_net_inet_tcp_cc);
SYSCTL_NODE(_net_inet_tcp_cc, OID_AUTO, newreno, CTLFLAG_RW, 0, "NewReno");
SYSCTL_INT_RANGE(_net_inet_tcp_cc_newreno, OID_AUTO, beta, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(newreno_beta), 1, 100, "What a loss leaves of the window (%, 1 to 100, default 50)");
SYSCTL_INT_RANGE(_net_inet_tcp_cc_newreno, OID_AUTO, beta_ecn, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(newreno_beta_ecn), 1, 100,
    "What an ECN mark leaves of the window, if net.inet.tcp.cc.abe=1 (%, 1 to 100, default 80)");

struct newreno {
	uint32_t beta, beta_ecn; /* percent; 0: the system's */
	struct cc_hystart hs;
};

/* ---- shared ---- */

uint32_t
cc_flight(struct cc_var *ccv)
{
	return (min(CCV(ccv, snd_max) - CCV(ccv, snd_una), CCV(ccv, snd_cwnd)));
}

/*
 * RFC 5681 3.1: as much as was acknowledged, at most L segments. Counting bytes, not ACKs, is what
 * makes ACK division useless (RFC 3465 4.1).
 */
uint32_t
newreno_cc_slowstart(struct cc_var *ccv)
{
	const uint32_t mss = tcp_maxseg(ccv->ccvc.tcp);
	uint32_t most = (uint32_t)ccv->nsegs * ccv->labc * mss;

	/* RFC 3465 2.3: after a time-out what one ACK covers may have been old */
	if (V_tcp_do_rfc3465 == 0 || (CCV(ccv, t_flags) & TF_RTORECOVERY) != 0)
		most = mss;
	return (min((uint32_t)ccv->bytes_this_ack, most));
}

/* One segment for each window; without RFC 3465 a share of it for each ACK. */
uint32_t
newreno_cc_avoid(struct cc_var *ccv)
{
	const uint32_t mss = tcp_maxseg(ccv->ccvc.tcp), cwnd = max(CCV(ccv, snd_cwnd), 1);
	uint64_t share;

	if (V_tcp_do_rfc3465 != 0)
		return ((ccv->flags & CCF_ABC_SENTAWND) != 0 ? mss : 0);
	share = (uint64_t)mss * min((uint32_t)ccv->bytes_this_ack, mss) / cwnd;
	return (max((uint32_t)share, 1));
}

/* RFC 6582 3.2 step 3: leave recovery without a burst. */
void
newreno_cc_post_recovery(struct cc_var *ccv)
{
	const uint32_t mss = tcp_maxseg(ccv->ccvc.tcp);
	uint32_t flight = 0;

	if (SEQ_GT(CCV(ccv, snd_max), ccv->curack))
		flight = CCV(ccv, snd_max) - ccv->curack;
	CCV(ccv, snd_cwnd) = min(CCV(ccv, snd_ssthresh), max(flight, mss) + mss);
}

/* RFC 5681 4.1. What the path could take is remembered, as RFC 7661 4.4.2 does. */
void
newreno_cc_after_idle(struct cc_var *ccv)
{
	const uint32_t cwnd = CCV(ccv, snd_cwnd);
	const uint32_t rw = tcp_cc_initial_window(tcp_maxseg(ccv->ccvc.tcp));

	if (cwnd <= rw)
		return;
	CCV(ccv, snd_ssthresh) = max(CCV(ccv, snd_ssthresh), cwnd / 4 * 3);
	CCV(ccv, snd_cwnd) = rw;
}

/* ---- the algorithm ---- */

static size_t
newreno_data_sz(void)
{
	return (sizeof(struct newreno));
}

static int
newreno_cb_init(struct cc_var *ccv, void *ptr)
{
	ccv->cc_data = ptr;
	cc_hystart_init(&((struct newreno *)ptr)->hs, V_hystart_enable > 1);
	return (0);
}

static void
newreno_ack_received(struct cc_var *ccv, uint16_t type)
{
	struct newreno *nr = ccv->cc_data;
	const uint32_t cwnd = CCV(ccv, snd_cwnd);
	uint32_t incr;

	if (type != CC_ACK || IN_RECOVERY(CCV(ccv, t_flags)) ||
	    (ccv->flags & CCF_CWND_LIMITED) == 0)
		return;
	if (cwnd < CCV(ccv, snd_ssthresh))
		incr = cc_hystart_growth(&nr->hs, newreno_cc_slowstart(ccv));
	else
		incr = newreno_cc_avoid(ccv);
	CCV(ccv, snd_cwnd) = min(cwnd + incr, CC_WIN_MAX);
}

static uint32_t
newreno_reduced(uint32_t bytes, uint32_t percent, uint32_t mss)
{
	return (max((uint32_t)((uint64_t)bytes * percent / 100), 2 * mss));
}

static void
newreno_cong_signal(struct cc_var *ccv, uint32_t type)
{
	struct newreno *nr = ccv->cc_data;
	const uint32_t mss = tcp_maxseg(ccv->ccvc.tcp);
	const uint32_t beta = nr->beta != 0 ? nr->beta : (uint32_t)V_newreno_beta;
	uint32_t beta_ecn = nr->beta_ecn != 0 ? nr->beta_ecn : (uint32_t)V_newreno_beta_ecn;

	if (!V_cc_do_abe)
		beta_ecn = beta;
	if (type != CC_RTO_ERR)
		cc_hystart_stop(&nr->hs);
	switch (type) {
	case CC_NDUPACK:
		if (!IN_CONGRECOVERY(CCV(ccv, t_flags)) || (V_cc_do_abe && V_cc_abe_frlossreduce))
			CCV(ccv, snd_ssthresh) = newreno_reduced(cc_flight(ccv), beta, mss);
		break;
	case CC_ECN:
		if (!IN_CONGRECOVERY(CCV(ccv, t_flags))) {
			CCV(ccv, snd_ssthresh) = newreno_reduced(cc_flight(ccv), beta_ecn, mss);
			CCV(ccv, snd_cwnd) = CCV(ccv, snd_ssthresh);
		}
		break;
	case CC_RTO:
		/* RFC 5681 3.1 (4): not again for a retransmission of the same data */
		if (CCV(ccv, t_rxtshift) <= 1)
			CCV(ccv, snd_ssthresh) =
			    newreno_reduced(CCV(ccv, snd_max) - CCV(ccv, snd_una), beta, mss);
		CCV(ccv, snd_cwnd) = mss;
		break;
	default:
		break;
	}
}

/* The handshake's round trip is not that of a full segment: HyStart++ begins with data. */
static void
newreno_conn_init(struct cc_var *ccv)
{
	struct newreno *nr = ccv->cc_data;

	cc_hystart_init(&nr->hs, nr->hs.phase != HYSTART_OFF);
}

static void
newreno_rttsample(struct cc_var *ccv, uint32_t usec, uint32_t rxtcnt, uint32_t fas __unused)
{
	if (rxtcnt <= 1)
		cc_hystart_rttsample(&((struct newreno *)ccv->cc_data)->hs, usec);
}

static void
newreno_newround(struct cc_var *ccv, uint32_t round_cnt __unused)
{
	cc_hystart_newround(&((struct newreno *)ccv->cc_data)->hs, ccv);
}

static int
newreno_set_option(struct newreno *nr, const struct cc_newreno_opts *opt)
{
	switch (opt->name) {
	case CC_NEWRENO_BETA:
		if (opt->val < 1 || opt->val > 100)
			return (EINVAL);
		nr->beta = opt->val;
		return (0);
	case CC_NEWRENO_BETA_ECN:
		if (!V_cc_do_abe)
			return (EACCES);
		if (opt->val < 1 || opt->val > 100)
			return (EINVAL);
		nr->beta_ecn = opt->val;
		return (0);
	case CC_NEWRENO_ENABLE_HYSTART:
		cc_hystart_init(&nr->hs, opt->val != 0);
		return (0);
	default:
		return (EINVAL);
	}
}

static int
newreno_ctl_output(struct cc_var *ccv, struct sockopt *sopt, void *buf)
{
	struct newreno *nr = ccv->cc_data;
	struct cc_newreno_opts *opt = buf;

	if (sopt->sopt_valsize < sizeof(*opt))
		return (EINVAL);
	if (sopt->sopt_dir == SOPT_SET)
		return (newreno_set_option(nr, opt));
	switch (opt->name) {
	case CC_NEWRENO_BETA:
		opt->val = nr->beta != 0 ? nr->beta : (uint32_t)V_newreno_beta;
		return (0);
	case CC_NEWRENO_BETA_ECN:
		opt->val = nr->beta_ecn != 0 ? nr->beta_ecn : (uint32_t)V_newreno_beta_ecn;
		return (0);
	case CC_NEWRENO_ENABLE_HYSTART:
		opt->val = nr->hs.phase != HYSTART_OFF;
		return (0);
	default:
		return (EINVAL);
	}
}

struct cc_algo newreno_cc_algo = {
    .name = "newreno",
    .cc_data_sz = newreno_data_sz,
    .cb_init = newreno_cb_init,
    .conn_init = newreno_conn_init,
    .ack_received = newreno_ack_received,
    .cong_signal = newreno_cong_signal,
    .post_recovery = newreno_cc_post_recovery,
    .after_idle = newreno_cc_after_idle,
    .rttsample = newreno_rttsample,
    .newround = newreno_newround,
    .ctl_output = newreno_ctl_output,
};

DECLARE_CC_MODULE(newreno, &newreno_cc_algo);
