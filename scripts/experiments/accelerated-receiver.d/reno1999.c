/*
 * reno1999.c - the sender that Savage et al. fooled, as a module: TCP Reno as RFC 2581 had it,
 * which counts ACKs and not bytes (RFC 3465 came of that). NewReno of bsdnet does the rest; the
 * stack that loads this has "reno1999" as its default.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <netinet/cc/cc_module.h>
#include <netinet/tcp_var.h>

#include <host/module.h>

static struct cc_algo reno1999;

static void
reno1999_ack_received(struct cc_var *ccv, uint16_t type)
{
	const uint32_t mss = tcp_maxseg(ccv->ccvc.tcp), cwnd = CCV(ccv, snd_cwnd);

	if (type != CC_ACK || IN_RECOVERY(CCV(ccv, t_flags)))
		return;
	CCV(ccv, snd_cwnd) = min(
	    cwnd + (cwnd < CCV(ccv, snd_ssthresh) ? mss : max(mss * mss / cwnd, 1)), CC_WIN_MAX);
}

int
alpine_module_init(const struct alpine_module_host *host __unused, const char *args __unused)
{
	struct cc_algo *newreno = cc_find_algo("newreno");

	if (newreno == NULL)
		return (ENOENT);
	if (cc_find_algo("reno1999") == NULL) {
		reno1999 = *newreno;
		strlcpy(reno1999.name, "reno1999", sizeof(reno1999.name));
		reno1999.ack_received = reno1999_ack_received;
		if (cc_register_algo(&reno1999) != 0)
			return (EEXIST);
	}
	V_default_cc_ptr = &reno1999;
	return (0);
}
