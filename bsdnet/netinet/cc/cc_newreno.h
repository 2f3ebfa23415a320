/*
 * cc_newreno.h - what TCP_CCALGOOPT takes for "newreno", cc_newreno(4).
 */
#ifndef _NETINET_CC_CC_NEWRENO_H_
#define _NETINET_CC_CC_NEWRENO_H_

#include <sys/types.h>

struct cc_newreno_opts {
	int name; /* CC_NEWRENO_* */
	uint32_t val;
};
#define CC_NEWRENO_BETA 1	    /* percent of the window left after a loss */
#define CC_NEWRENO_BETA_ECN 2	    /* and after a mark, with net.inet.tcp.cc.abe=1 */
#define CC_NEWRENO_ENABLE_HYSTART 3 /* 0 or 1 */

#endif
