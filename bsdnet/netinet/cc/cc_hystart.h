/*
 * cc_hystart.h - HyStart++ (RFC 9406), for algorithms that begin with slow start. cc_hystart.c.
 */
#ifndef _NETINET_CC_CC_HYSTART_H_
#define _NETINET_CC_CC_HYSTART_H_

#include <netinet/cc/cc.h>

enum cc_hystart_phase {
	HYSTART_OFF, /* plain slow start, or none */
	HYSTART_SS,  /* slow start, watching the round-trip time */
	HYSTART_CSS  /* conservative slow start: it rose */
};

/* In microseconds; UINT32_MAX: none. The names are the RFC's. */
struct cc_hystart {
	enum cc_hystart_phase phase;
	uint32_t last_round_min_rtt, current_round_min_rtt, css_baseline_min_rtt;
	uint32_t rtt_sample_count;
	uint32_t css_round; /* rounds since CSS began */
	uint32_t rest;	    /* of a division: bytes times css_growth_div */
};

/* Which algorithms use it: 0 none, 1 CUBIC, 2 NewReno too. */
VNET_DECLARE(int, hystart_enable);
#define V_hystart_enable VNET(hystart_enable)

void cc_hystart_init(struct cc_hystart *, bool on);
void cc_hystart_stop(struct cc_hystart *); /* congestion: the first slow start is over */
void cc_hystart_rttsample(struct cc_hystart *, uint32_t usec);
/* May end slow start: sets ssthresh to cwnd. */
void cc_hystart_newround(struct cc_hystart *, struct cc_var *);
/* What is left of an increment of slow start. */
uint32_t cc_hystart_growth(struct cc_hystart *, uint32_t incr_bytes);

#endif
