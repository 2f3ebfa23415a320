/*
 * tcp_seq.h - sequence numbers modulo 2^32 (RFC 9293 3.4), and the clock of RFC 7323 timestamps.
 */
#ifndef _NETINET_TCP_SEQ_H_
#define _NETINET_TCP_SEQ_H_

#include <sys/types.h>
#include <sys/time.h>
#include <netinet/tcp.h>

#define SEQ_LT(a, b) ((int32_t)((uint32_t)(a) - (uint32_t)(b)) < 0)
#define SEQ_LEQ(a, b) ((int32_t)((uint32_t)(a) - (uint32_t)(b)) <= 0)
#define SEQ_GT(a, b) ((int32_t)((uint32_t)(a) - (uint32_t)(b)) > 0)
#define SEQ_GEQ(a, b) ((int32_t)((uint32_t)(a) - (uint32_t)(b)) >= 0)

/* Timestamps are compared by the same arithmetic. */
#define TSTMP_LT(a, b) SEQ_LT(a, b)
#define TSTMP_GT(a, b) SEQ_GT(a, b)
#define TSTMP_GEQ(a, b) SEQ_GEQ(a, b)

static inline tcp_seq
SEQ_MIN(tcp_seq a, tcp_seq b)
{
	return (SEQ_LT(a, b) ? a : b);
}

static inline tcp_seq
SEQ_MAX(tcp_seq a, tcp_seq b)
{
	return (SEQ_GT(a, b) ? a : b);
}

/* How far b is ahead of a, in bytes; b must not be behind a by meaning. */
#define SEQ_SUB(b, a) ((uint32_t)(b) - (uint32_t)(a))

/* RFC 7323 5.5: a remembered timestamp is not trusted after so long an idle time. */
#define TCP_PAWS_IDLE_MS (24 * 24 * 60 * 60 * 1000)

/* Milliseconds: one tick of our timestamps. Never 0, which means "no time stamp" in places. */
static inline uint32_t
tcp_ts_getticks(void)
{
	uint32_t ms = (uint32_t)sbttoms(getsbinuptime());

	return (ms == 0 ? 1 : ms);
}

#endif
