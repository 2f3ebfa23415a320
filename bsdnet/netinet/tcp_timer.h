/*
 * tcp_timer.h - a connection's timers and their constants. The table of what each is for
 * stands at the head of tcp_timer.c.
 */
#ifndef _NETINET_TCP_TIMER_H_
#define _NETINET_TCP_TIMER_H_

#include <sys/types.h>

struct tcpcb;

typedef enum {
	TT_RACK = 0,
	TT_TLP,
	TT_REXMT,
	TT_PERSIST,
	TT_KEEP,
	TT_2MSL,
	TT_DELACK,
	TT_PACE,
	TT_N
} tt_which;

/* All in milliseconds (hz is 1000, so these are ticks too). */
#define TCPTV_MSL 30000
#define TCPTV_RTOBASE 1000    /* RFC 6298 2.1: before a round trip was measured */
#define TCPTV_RTOSYNLOST 3000 /* RFC 6298 5.7: after a retransmitted SYN */
#define TCPTV_MIN 30
#define TCPTV_CPU_VAR 200 /* net.inet.tcp.rexmit_slop */
#define TCPTV_REXMTMAX 64000
#define TCPTV_PERSMIN 5000
#define TCPTV_PERSMAX 60000
#define TCPTV_KEEP_INIT 75000
#define TCPTV_KEEP_IDLE 7200000
#define TCPTV_KEEPINTVL 75000
#define TCPTV_KEEPCNT 8
#define TCPTV_FINWAIT2_TIMEOUT 60000
#define TCPTV_DELACK 40

#define TCP_MAXRXTSHIFT 12
extern const int tcp_backoff[TCP_MAXRXTSHIFT + 1];

/* Starts, moves (ms > 0) or stops (ms == 0) a timer. Cheap: most calls only store the deadline. */
void tcp_timer_activate(struct tcpcb *, tt_which, u_int ms);
/* The same, at a time. */
void tcp_timer_activate_sbt(struct tcpcb *, tt_which, sbintime_t when);
bool tcp_timer_active(const struct tcpcb *, tt_which);
/* Stops them all; the callout is idle when this returns. */
void tcp_timer_stop(struct tcpcb *);
void tcp_timer_init(struct tcpcb *);

void tcp_setpersist(struct tcpcb *);
/* The retransmission time-out as measured now, without back-off, in ms. */
int tcp_rexmtval(const struct tcpcb *);
/* One round trip took so many us (RFC 6298 2). */
void tcp_xmit_timer(struct tcpcb *, uint32_t rtt_us);

#endif
