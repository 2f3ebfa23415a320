/*
 * tcp_fsm.h - the states of a connection, RFC 9293 3.3.2.
 */
#ifndef _NETINET_TCP_FSM_H_
#define _NETINET_TCP_FSM_H_

#define TCP_NSTATES 11

#define TCPS_CLOSED 0
#define TCPS_LISTEN 1
#define TCPS_SYN_SENT 2
#define TCPS_SYN_RECEIVED 3
#define TCPS_ESTABLISHED 4
#define TCPS_CLOSE_WAIT 5 /* their FIN came, ours did not go */
#define TCPS_FIN_WAIT_1 6 /* ours went, is not acknowledged */
#define TCPS_CLOSING 7	  /* both went, ours is not acknowledged */
#define TCPS_LAST_ACK 8	  /* theirs came first; waiting for ours to be acknowledged */
#define TCPS_FIN_WAIT_2 9 /* ours is acknowledged, theirs has not come */
#define TCPS_TIME_WAIT 10

#define TCPS_HAVERCVDSYN(s) ((s) >= TCPS_SYN_RECEIVED)
#define TCPS_HAVEESTABLISHED(s) ((s) >= TCPS_ESTABLISHED)
#define TCPS_HAVERCVDFIN(s)                                                                        \
	((s) == TCPS_CLOSE_WAIT || ((s) >= TCPS_CLOSING && (s) != TCPS_FIN_WAIT_2))
/* The program may send no more: our FIN went, or goes as soon as the data has gone. */
#define TCPS_HAVESENTFIN(s) ((s) >= TCPS_FIN_WAIT_1)

extern const char *const tcpstates[TCP_NSTATES];
/* What a segment of a connection in that state carries, before tcp_output thinks about it. */
extern const unsigned char tcp_outflags[TCP_NSTATES];

#endif
