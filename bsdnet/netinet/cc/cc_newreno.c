/*
 * cc_newreno.c - congestion control as in RFC 5681, with the recovery of RFC 6582 and the byte
 * counting of RFC 3465. The algorithm that is always there.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <netinet/cc/cc.h>
#include <netinet/cc/cc_module.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

extern struct cc_algo newreno_cc_algo;

#define WIN_MAX (TCP_MAXWIN << TCP_MAX_WINSHIFT)

/* RFC 5681 3.1: slow start below ssthresh, one segment for each window above it. */
static void
newreno_ack_received(struct cc_var *ccv, uint16_t type)
{
	const uint32_t mss = tcp_maxseg(ccv->ccvc.tcp), cwnd = CCV(ccv, snd_cwnd);
	uint32_t incr = 0;

	if (type != CC_ACK || IN_RECOVERY(CCV(ccv, t_flags)) ||
	    (ccv->flags & CCF_CWND_LIMITED) == 0)
		return;
	if (cwnd <= CCV(ccv, snd_ssthresh)) {
		incr = min((uint32_t)ccv->bytes_this_ack, (uint32_t)ccv->nsegs * ccv->labc * mss);
		/* RFC 3465 2.3: after a time-out what one ACK covers may have been old */
		if ((CCV(ccv, t_flags) & TF_RTORECOVERY) != 0)
			incr = min(incr, mss);
	} else if ((ccv->flags & CCF_ABC_SENTAWND) != 0)
		incr = mss;
	if (incr > 0)
		CCV(ccv, snd_cwnd) = min(cwnd + incr, WIN_MAX);
}

static void
newreno_cong_signal(struct cc_var *ccv, uint32_t type)
{
	const uint32_t mss = tcp_maxseg(ccv->ccvc.tcp);
	const uint32_t flight = CCV(ccv, snd_max) - CCV(ccv, snd_una);
	const uint32_t half = max(min(flight, CCV(ccv, snd_cwnd)) / 2, 2 * mss);

	switch (type) {
	case CC_NDUPACK:
		if (!IN_CONGRECOVERY(CCV(ccv, t_flags)))
			CCV(ccv, snd_ssthresh) = max(flight / 2, 2 * mss);
		break;
	case CC_ECN:
		if (!IN_CONGRECOVERY(CCV(ccv, t_flags))) {
			CCV(ccv, snd_ssthresh) = half;
			CCV(ccv, snd_cwnd) = half;
		}
		break;
	case CC_RTO:
		/* RFC 5681 3.1 (4): not again for a retransmission of the same data */
		if (CCV(ccv, t_rxtshift) <= 1)
			CCV(ccv, snd_ssthresh) = max(flight / 2, 2 * mss);
		CCV(ccv, snd_cwnd) = mss;
		break;
	default:
		break;
	}
}

/* RFC 6582 3.2: leave recovery without a burst. */
static void
newreno_post_recovery(struct cc_var *ccv)
{
	const uint32_t mss = tcp_maxseg(ccv->ccvc.tcp);
	uint32_t flight = 0;

	if (SEQ_GT(CCV(ccv, snd_max), ccv->curack))
		flight = CCV(ccv, snd_max) - ccv->curack;
	CCV(ccv, snd_cwnd) = min(CCV(ccv, snd_ssthresh), max(flight, mss) + mss);
}

/* RFC 5681 4.1 */
static void
newreno_after_idle(struct cc_var *ccv)
{
	const uint32_t mss = tcp_maxseg(ccv->ccvc.tcp);
	const uint32_t n = max((u_int)V_tcp_initcwnd_segments, 1);

	CCV(ccv, snd_cwnd) = min(CCV(ccv, snd_cwnd), min(n * mss, max(2 * mss, n * 1460)));
}

struct cc_algo newreno_cc_algo = {
    .name = "newreno",
    .ack_received = newreno_ack_received,
    .cong_signal = newreno_cong_signal,
    .post_recovery = newreno_post_recovery,
    .after_idle = newreno_after_idle,
};

DECLARE_CC_MODULE(newreno, &newreno_cc_algo);
