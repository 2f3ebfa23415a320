/*
 * tcp_rack.h - a sender's memory of what it sent when, for RACK-TLP (RFC 8985), and what the
 * episodes of loss recovery remember: PRR (RFC 6937), undoing (RFC 3522, 5682, 3708).
 * Part of struct tcpcb; the code is tcp_rack.c, tcp_tlp.c and tcp_recovery.c.
 */
#ifndef _NETINET_TCP_RACK_H_
#define _NETINET_TCP_RACK_H_

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/time.h>
#include <netinet/tcp.h>

struct mbuf;
struct tcp_plan;
struct tcp_seg;
struct tcpcb;

/* Sequence space sent in one packet and neither acknowledged nor SACKed. Two never overlap. */
struct rack_rec {
	TAILQ_ENTRY(rack_rec) rr_link; /* on rk_time or, lost, on rk_lost */
	tcp_seq rr_start, rr_end;
	sbintime_t rr_xmit; /* last sent at */
	uint32_t rr_tsval;  /* with this timestamp */
	bool rr_rexmit;	    /* not for the first time */
	bool rr_lost;	    /* and not sent again since */
	/* for the delivery rate: when it was sent; tcp_info.c */
	bool rr_app_limited;
	uint64_t rr_delivered;
	sbintime_t rr_delivered_time, rr_first_sent;
};
TAILQ_HEAD(rack_list, rack_rec);

struct tcp_rack {
	bool rk_on;
	/* records by sequence: rk_v[rk_base ... rk_base + rk_n) */
	struct rack_rec **rk_v;
	u_int rk_base, rk_n, rk_size;
	struct rack_list rk_time; /* by time sent, oldest first */
	struct rack_list rk_lost; /* to be sent again, in this order */
	uint32_t rk_bytes, rk_lost_bytes;
	/* RFC 8985 5.2 */
	sbintime_t rk_xmit; /* RACK.xmit_ts: of the latest sent segment that arrived */
	tcp_seq rk_end_seq; /* RACK.end_seq */
	sbintime_t rk_rtt;  /* RACK.rtt */
	tcp_seq rk_fack;    /* RACK.fack: the highest that arrived */
	bool rk_reordering; /* RACK.reordering_seen */
	bool rk_in_round;   /* rk_dsack_round is set */
	tcp_seq rk_dsack_round;
	uint8_t rk_reo_mult, rk_reo_persist;
	sbintime_t rk_min, rk_min_prev, rk_min_since; /* RACK.min_RTT of two periods */
	/* 7.1 */
	bool tlp_out;	    /* TLP.end_seq is set: a probe is under way */
	bool tlp_is_rexmit; /* TLP.is_retrans */
	bool tlp_send;	    /* the probe is due: tcp_output() sends it */
	tcp_seq tlp_end;
	u_int tlp_rttupdated; /* t_rttupdated at the last probe */
	bool tlp_probed;      /* there was one */
};

struct tcp_prr {
	uint32_t prr_delivered, prr_out, prr_recover_fs;
};

/* What the last reduction of the window replaced, in case there was no reason for it. */
struct tcp_undo {
	bool u_on, u_sent, u_ts_told;
	bool u_rto;	/* a time-out, not duplicates */
	uint8_t u_frto; /* RFC 5682: 0 not running, 1 and 2 waiting in step 2 and 3 */
	uint32_t u_cwnd, u_ssthresh;
	tcp_seq u_recover, u_una;
	tcp_seq u_end;	  /* of the first retransmission */
	uint32_t u_tsval; /* its timestamp */
	int64_t u_bytes;  /* retransmitted, and not reported to have come twice */
	tcp_seq u_limit;  /* in step 3: nothing beyond */
};

/* tcp_rack.c */
void tcp_rack_start(struct tcpcb *); /* established */
void tcp_rack_free(struct tcpcb *);
void tcp_rack_clear(struct tcpcb *);
void tcp_rack_sent(struct tcpcb *, tcp_seq start, tcp_seq end); /* snd_max has not moved yet */
void tcp_rack_acked(struct tcpcb *, const struct tcp_seg *);	/* nor has snd_una */
void tcp_rack_sacked(struct tcpcb *, const struct tcp_seg *, tcp_seq start, tcp_seq end);
void tcp_rack_dsack(struct tcpcb *, const struct tcp_seg *);
bool tcp_rack_detect(struct tcpcb *); /* true: something waits to be sent again */
void tcp_rack_rto(struct tcpcb *);
void tcp_rack_unlose(struct tcpcb *);
void tcp_rack_recovered(struct tcpcb *);
bool tcp_rack_nextseg(const struct tcpcb *, struct tcp_plan *, uint32_t room, bool force);
#define tcp_rack_pipe(tp) ((tp)->t_rack.rk_bytes - (tp)->t_rack.rk_lost_bytes)
#define tcp_rack_haslost(tp) ((tp)->t_rack.rk_on && !TAILQ_EMPTY(&(tp)->t_rack.rk_lost))
uint32_t tcp_rack_retransmitted(const struct tcpcb *); /* bytes under way, not for the first time */
bool tcp_timer_rack(struct tcpcb *);
/* tcp_tlp.c */
void tcp_tlp_schedule(struct tcpcb *);
void tcp_tlp_ack(struct tcpcb *, const struct tcp_seg *); /* snd_una has not moved yet */
bool tcp_tlp_plan(struct tcpcb *, struct tcp_plan *, uint32_t avail);
bool tcp_timer_tlp(struct tcpcb *);
/* tcp_recovery.c */
void tcp_prr_enter(struct tcpcb *);
void tcp_prr_ack(struct tcpcb *, uint32_t delivered);
void tcp_undo_begin(struct tcpcb *, bool rto); /* before the window is reduced */
void tcp_undo_sent(struct tcpcb *, tcp_seq start, tcp_seq end);
bool tcp_undo_ack(struct tcpcb *, const struct tcp_seg *); /* true: undone. snd_una is new */
bool tcp_undo_dsack(struct tcpcb *, const struct tcp_seg *);
void tcp_frto_dupack(struct tcpcb *);

#endif
