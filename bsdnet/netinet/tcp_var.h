/*
 * tcp_var.h - TCP's control block, counters, tunables, and what its parts ask of each other.
 * RFC 9293 3.3.1 for the variables. Private to netinet/tcp_*.c and cc/; netstat-like readers too.
 */
#ifndef _NETINET_TCP_VAR_H_
#define _NETINET_TCP_VAR_H_

#include <sys/param.h>
#include <sys/callout.h>
#include <sys/queue.h>
#include <sys/time.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp.h>
#include <netinet/tcp_fsm.h>
#include <netinet/tcp_rack.h>
#include <netinet/tcp_timer.h>
#include <netinet/cc/cc.h>

struct icmp;
struct mbuf;
struct protosw;
struct socket;
struct sockopt;

#define TCP_MAX_SACK 4	/* blocks that one segment can report */
#define MAX_SACK_BLKS 6 /* blocks that we remember for reporting */

struct sackblk {
	tcp_seq start, end; /* [start, end) */
};

/* Segments that came early and touch; tcp_reass.c. */
struct tseg_qent {
	TAILQ_ENTRY(tseg_qent) tqe_q;
	struct mbuf *tqe_m;    /* their data; no header */
	struct mbuf *tqe_last; /* the end of tqe_m */
	tcp_seq tqe_start;
	uint32_t tqe_len;   /* bytes of data */
	uint32_t tqe_mbcnt; /* bytes of storage that they keep busy */
	uint8_t tqe_fin;    /* a FIN follows the data */
};
TAILQ_HEAD(tsegqe_head, tseg_qent);

/*
 * What the peer holds above snd_una, by its SACK options: ordered, disjoint, not adjacent.
 * tcp_sack.c owns it. NULL storage until the first block comes.
 */
struct sackscore {
	struct sackblk *ss_blk;
	u_int ss_n, ss_size;
	uint32_t ss_bytes;  /* covered by all blocks */
	tcp_seq ss_highrxt; /* RFC 6675 HighRxt: end of what this recovery retransmitted */
	tcp_seq ss_entry;   /* snd_una when this recovery began */
	bool ss_rescued;    /* rule 4 was used in this recovery */
};

/* How many challenge ACKs went in the window that ends at end; tcp_respond.c. */
struct tcp_challenge {
	sbintime_t end;
	uint32_t count;
};

/* What a sender waits for, tcp_info.c. */
enum tcp_wait { TW_NOTHING, TW_NETWORK, TW_PEER, TW_BUFFER, TW_N };

/* Counters of a connection, for TCP_INFO; tcp_info.c. */
struct tcp_stat {
	uint64_t ts_bytes_acked, ts_bytes_received, ts_bytes_sent, ts_bytes_retrans;
	uint32_t ts_segs_out, ts_segs_in, ts_data_segs_out, ts_data_segs_in;
	uint32_t ts_dsack_dups, ts_reord_seen, ts_rto;
	sbintime_t ts_datatime; /* data last came at */
	/* the delivery rate */
	uint64_t ts_delivered, ts_delivered_ce; /* bytes that the peer has */
	sbintime_t ts_delivered_time, ts_first_sent;
	uint64_t ts_app_limited; /* ts_delivered up to which the program was the limit */
	uint64_t ts_rate;	 /* bytes per second; 0: no sample */
	bool ts_rate_limited;
	/* the sample of the ACK at hand */
	bool ts_sampling, ts_sample_limited;
	uint64_t ts_prior;
	sbintime_t ts_prior_time, ts_send_elapsed;
	/* times */
	enum tcp_wait ts_wait;
	sbintime_t ts_wait_since, ts_waited[TW_N];
};

struct tcpcb {
	struct inpcb *t_inpcb;
	u_int t_flags;		      /* TF_* */
	u_int t_flags2;		      /* TF2_* */
	uint8_t t_state;	      /* TCPS_* */
	uint8_t t_oobflags;	      /* TCPOOB_* */
	char t_iobc;		      /* the urgent byte, taken out of line */
	uint8_t snd_scale, rcv_scale; /* RFC 7323 shifts */
	uint8_t request_r_scale;      /* what we offered */
	uint8_t t_rxtshift;	      /* retransmissions of the same data so far */
	uint8_t t_keepprobes;	      /* keepalives unanswered */

	/* sending */
	tcp_seq iss;
	tcp_seq snd_una, snd_nxt, snd_max; /* oldest unacknowledged; next; end of all ever sent */
	tcp_seq snd_up;			   /* end of urgent data */
	tcp_seq snd_wl1, snd_wl2;
	tcp_seq snd_recover; /* RFC 6582: the end of what is to be recovered */
	uint32_t snd_wnd;    /* bytes the peer takes */
	uint32_t max_sndwnd; /* the most it ever did */
	uint32_t snd_cwnd, snd_ssthresh;
	uint32_t t_dupacks;
	uint32_t t_bytes_acked; /* since cwnd last grew, RFC 3465 */
	tcp_seq t_roundend;	/* the round trip of congestion control ends when this is ACKed */
	uint32_t t_round_cnt;
	tcp_seq t_congrecover; /* snd_max when the window was last reduced: RFC 3168 6.1.2 */
	/* as it was before a time-out that may prove spurious; if t_prevvalid */
	uint32_t snd_cwnd_prev, snd_ssthresh_prev;
	bool t_prevvalid;
	bool t_rexmit1;		/* send the segment at snd_una again, whatever the windows say */
	uint32_t t_rtttime_on;	/* a segment is being timed */
	tcp_seq t_rtseq;	/* ... the round trip ends when this is acknowledged */
	sbintime_t t_rtttime;	/* ... sent at */
	sbintime_t t_pace_late; /* how late TT_PACE came */
	sbintime_t t_pace_next; /* when the next new data is due; tcp_pace.c */
	sbintime_t t_sndtime;	/* last segment with data sent at */
	sbintime_t t_acktime;	/* snd_una last moved at: user time-out */
	sbintime_t t_closetime; /* the program closed; 0: it has not */

	/* receiving */
	tcp_seq irs;
	tcp_seq rcv_nxt;
	tcp_seq rcv_adv; /* end of the window we advertised; never moves back */
	tcp_seq rcv_up;
	tcp_seq last_ack_sent;
	uint32_t rcv_wnd;     /* bytes from rcv_nxt that we take */
	uint32_t t_rcvmss;    /* what a full segment of the peer's looks like, bytes */
	sbintime_t t_rcvtime; /* anything last came at */
	struct tsegqe_head t_segq;
	uint32_t t_segqlen;   /* entries */
	uint32_t t_segqmbcnt; /* bytes of storage */

	/* time */
	uint32_t t_srtt, t_rttvar; /* us; t_srtt 0: none measured yet */
	uint32_t t_rttlow;	   /* us: the least ever */
	int t_rxtcur;		   /* ms: the time-out in force */
	u_int t_rttmin;		   /* ms */
	u_int t_rxtinit;	   /* ms: time-out while there is no estimate; 0 the system's */
	u_int t_rttupdated;	   /* samples taken */
	sbintime_t t_timers[TT_N]; /* deadlines; SBT_MAX stopped */
	sbintime_t t_armed;	   /* when t_callout fires; SBT_MAX not pending */
	struct callout t_callout;

	/* MSS and path */
	u_int t_maxseg; /* bytes of data, options not yet subtracted */
	u_int t_pmtud_saved_maxseg;
	u_int t_agreed_maxseg;	    /* t_maxseg before the path said that it takes less */
	sbintime_t t_pmtud_lowered; /* when it did; 0: it did not */
	u_int t_mssopt;		    /* TCP_MAXSEG of the program; 0 none */
	u_int t_tsomax;		    /* bytes of a TSO packet; 0: the interface has no TSO */
	uint32_t t_rtgen;	    /* V_rt_generation when t_tsomax was learnt */

	/* RFC 7323 */
	uint32_t ts_recent, ts_recent_age; /* the peer's value; our tick when we took it */
	uint32_t ts_offset;		   /* makes our values start anywhere */

	/* RFC 2018 */
	uint8_t rcv_numsacks;
	struct sackblk sackblks[MAX_SACK_BLKS]; /* to report; newest first */
	struct sackscore t_sack;
	struct tcp_rack t_rack;
	struct tcp_prr t_prr;
	struct tcp_undo t_undo;
	struct sackblk t_dsack; /* what came twice, to report once (RFC 2883); empty: nothing */

	/* the program's wishes; 0: the system's */
	u_int t_keepinit, t_keepidle, t_keepintvl, t_keepcnt; /* ms, ms, ms, number */
	u_int t_maxunacktime;				      /* ms */
	u_int t_syncnt;					      /* TCP_SYNCNT_ALPINE */
	int t_linger2;					      /* s; -1 none */
	uint32_t t_winclamp;				      /* bytes; 0 no limit */
	LIST_HEAD(, tcp_md5key) t_md5keys;		      /* tcp_signature.c */
	u_int t_defer; /* s: TCP_DEFER_ACCEPT_ALPINE; 0 off */

	/* RFC 7413; tcp_fastopen.c, tcp_fastopen_client.c */
	struct tfo_queue
	    *t_tfoq;	    /* a listener's pending connections, or the one it is pending in */
	uint16_t t_tfo_mss; /* client: what the peer announced last time */
	uint8_t t_tfo_len;  /* bytes of t_tfo_cookie; 0: ask for one */
	uint8_t t_tfo_cookie[TCP_FASTOPEN_MAX_COOKIE_LEN];
	uint8_t t_tfo_psk[TCP_FASTOPEN_PSK_LEN]; /* if TF2_TFO_PSK */

	/* RFC 5961 7 */
	struct tcp_challenge t_challenge;

	/* receive buffer sizing */
	uint32_t rfbuf_ts;  /* tick when the measurement began; 0 none */
	uint32_t rfbuf_cnt; /* bytes since */

	u_short t_softerror;	  /* what ICMP last said */
	TAILQ_ENTRY(tcpcb) t_twq; /* V_tcp_twq, oldest first */

	struct cc_var *ccv;
	struct cc_var t_ccv;

	/* counters of this connection, for TCP_INFO */
	struct tcp_stat t_info;
	uint32_t t_sndrexmitpack, t_rcvoopack, t_sndzerowin;
	uint32_t t_rcv_ce; /* segments that came marked CE */
};

/* What tcp_output decided to send: the next segment, or burst of segments. */
struct tcp_plan {
	tcp_seq seq;
	uint32_t len;	/* bytes of data from seq on */
	uint32_t win;	/* bytes of window to announce */
	uint16_t flags; /* TH_* */
	uint16_t optlen;
	uint16_t segsz; /* with TSO: data bytes of each segment; else 0 */
	uint8_t tos;	/* of the IP header; tcp_ecn.c */
	bool rexmit;	/* a hole is filled: snd_nxt stays */
	bool rescue;	/* ... and it is RFC 6675's rescue */
	bool probe;	/* ... or RFC 8985's tail loss probe */
	bool more;	/* decide again afterwards */
	u_char opt[TCP_MAXOLEN];
};

/* t_flags */
#define TF_ACKNOW 0x00000001
#define TF_DELACK 0x00000002 /* an acknowledgment waits for TT_DELACK */
#define TF_NODELAY 0x00000004
#define TF_NOOPT 0x00000008
#define TF_SENTFIN 0x00000010
#define TF_REQ_SCALE 0x00000020
#define TF_RCVD_SCALE 0x00000040
#define TF_REQ_TSTMP 0x00000080
#define TF_RCVD_TSTMP 0x00000100
#define TF_SACK_PERMIT 0x00000200
#define TF_NEEDFIN 0x00000800 /* the program closed before the handshake ended */
#define TF_NOPUSH 0x00001000
#define TF_MORETOCOME 0x00010000
#define TF_LASTIDLE 0x00040000
#define TF_RXWIN0SENT 0x00080000 /* our last window was zero */
#define TF_FASTRECOVERY 0x00100000
#define TF_CONGRECOVERY 0x00200000
#define TF_WASFRECOVERY 0x00400000
#define TF_FORCEDATA 0x00800000 /* send a byte into a closed window */
#define TF_CLOSED 0x02000000	/* no program will read from it again */
#define TF_QUICKACK 0x04000000	/* TCP_QUICKACK_ALPINE */
#define TF_ONTWQ 0x10000000
#define TF_RTORECOVERY 0x20000000 /* go-back-N after a time-out, until snd_recover */

/* t_flags2 */
#define TF2_DEFERRED 0x00000001	   /* established, and kept from accept() until data comes */
#define TF2_FASTOPEN 0x00000002	   /* TCP_FASTOPEN; of a connection: it began so */
#define TF2_TFO_PENDING 0x00000004 /* its handshake has not ended */
#define TF2_TFO_SYN 0x00000008	   /* client: our SYN has the option */
#define TF2_TFO_DATA 0x00000010	   /* data that came on the SYN was taken */
#define TF2_TFO_PSK 0x00000200	   /* client: t_tfo_psk is set */
#define TF2_ECN_PERMIT 0x00000020  /* ECN agreed; in SYN_SENT: asked for */
#define TF2_ECN_SND_CWR 0x00000040 /* tell the peer that the window was reduced */
#define TF2_ECN_SND_ECE 0x00000080 /* tell the peer of a mark, until it says CWR */
#define TF2_ACE_PERMIT 0x00000100  /* kept for Accurate ECN */

#define IN_FASTRECOVERY(f) ((f)&TF_FASTRECOVERY)
#define ENTER_FASTRECOVERY(f) ((f) |= TF_FASTRECOVERY)
#define EXIT_FASTRECOVERY(f) ((f) &= ~TF_FASTRECOVERY)
#define IN_CONGRECOVERY(f) ((f)&TF_CONGRECOVERY)
#define ENTER_CONGRECOVERY(f) ((f) |= TF_CONGRECOVERY)
#define EXIT_CONGRECOVERY(f) ((f) &= ~TF_CONGRECOVERY)
#define IN_RECOVERY(f) ((f) & (TF_CONGRECOVERY | TF_FASTRECOVERY))
#define ENTER_RECOVERY(f) ((f) |= (TF_CONGRECOVERY | TF_FASTRECOVERY))
#define EXIT_RECOVERY(f) ((f) &= ~(TF_CONGRECOVERY | TF_FASTRECOVERY))

#define TCPOOB_HAVEDATA 0x01
#define TCPOOB_HADDATA 0x02
#define TCPOOB_PENDING 0x04 /* the byte before rcv_up has not come yet */

#define intotcpcb(inp) ((struct tcpcb *)(inp)->inp_ppcb)
#define sototcpcb(so) intotcpcb(sotoinpcb(so))
#define tptoinpcb(tp) ((tp)->t_inpcb)
#define tptosocket(tp) ((tp)->t_inpcb->inp_socket)
/* The connection is over; only its memory is still there. */
#define tcp_isdead(tp) (((tp)->t_inpcb->inp_flags & INP_DROPPED) != 0)

/* A segment's options, in host order. */
struct tcpopt {
	u_int to_flags; /* TOF_* */
	uint32_t to_tsval, to_tsecr;
	uint16_t to_mss;
	uint8_t to_wscale;
	uint8_t to_nsacks;
	uint8_t to_signature[16]; /* as it came */
	uint8_t to_tfo_len;	  /* bytes of cookie; 0: asks for one */
	uint8_t to_tfo_cookie[16];
	struct sackblk to_sacks[TCP_MAX_SACK];
};
#define TOF_MSS 0x0001
#define TOF_SCALE 0x0002
#define TOF_SACKPERM 0x0004
#define TOF_TS 0x0010
#define TOF_SIGNATURE 0x0040
#define TOF_SACK 0x0080
#define TOF_FASTOPEN 0x0100

/*
 * A segment, parsed once. seq, len, flags and m change only where the segment is trimmed to the
 * window; everything else is as it came.
 */
struct tcp_seg {
	struct mbuf *m;		/* the data, headers cut off; NULL once taken */
	struct in_conninfo inc; /* foreign: the sender, local: us */
	struct ifnet *rcvif;
	tcp_seq seq, ack;
	tcp_seq wseq; /* seq, as SND.WL1 knows it: that of what is all old stays as it came */
	uint32_t len; /* bytes of data */
	uint32_t win; /* as scaled, once the scale is known */
	uint16_t urp;
	uint16_t flags;	       /* TH_* */
	uint16_t nsegs, segsz; /* wire segments merged into this one, data bytes of each */
	uint8_t iptos, ttl;
	bool bcast; /* came by a link or network broadcast or multicast */
	struct tcpopt to;
	const uint8_t *th; /* the header as it came, in m's storage; for tcp_md5_ok() */
	/* what the steps found */
	uint32_t acked;	      /* bytes of the send sequence newly acknowledged */
	u_int wake;	      /* TSW_* */
	bool output;	      /* call tcp_output at the end */
	bool timewait;	      /* both sides are done */
	bool answered;	      /* by a challenge ACK: one is enough */
	struct sackblk dsack; /* what the peer got twice, RFC 2883; empty: nothing */
};
/* The socket is told at the end of a segment, when the connection is consistent. */
#define TSW_RCV 0x01
#define TSW_SND 0x02
#define TSW_CONNECTED 0x04
#define TSW_CANTRCV 0x08
#define TSW_DISCONNECTED 0x10

/* What a step decides. */
enum tcp_verdict {
	TV_GO,	      /* the next step */
	TV_DONE,      /* handled: output what is due */
	TV_DROP,      /* forget the segment, send nothing because of it */
	TV_ACK,	      /* forget it, and say where we are */
	TV_CHALLENGE, /* the same, within the limit of RFC 5961 7 */
	TV_RESET,     /* answer it with a reset */
	TV_GONE	      /* the connection ended; nothing may touch it */
};

struct tcpstat {
	uint64_t tcps_connattempt, tcps_accepts, tcps_connects, tcps_drops, tcps_conndrops,
	    tcps_minmssdrops, tcps_closed, tcps_segstimed, tcps_rttupdated, tcps_delack,
	    tcps_timeoutdrop, tcps_rexmttimeo, tcps_persisttimeo, tcps_keeptimeo, tcps_keepprobe,
	    tcps_keepdrops, tcps_persistdrop, tcps_finwait2_drops;
	uint64_t tcps_sndtotal, tcps_sndpack, tcps_sndbyte, tcps_sndrexmitpack, tcps_sndrexmitbyte,
	    tcps_sndrexmitbad, tcps_sndacks, tcps_sndprobe, tcps_sndurg, tcps_sndwinup,
	    tcps_sndctrl, tcps_sndtso;
	uint64_t tcps_rcvtotal, tcps_rcvpack, tcps_rcvbyte, tcps_rcvbadsum, tcps_rcvbadoff,
	    tcps_rcvreassfull, tcps_rcvmemdrop, tcps_rcvshort, tcps_rcvduppack, tcps_rcvdupbyte,
	    tcps_rcvpartduppack, tcps_rcvpartdupbyte, tcps_rcvoopack, tcps_rcvoobyte,
	    tcps_rcvpackafterwin, tcps_rcvbyteafterwin, tcps_rcvafterclose, tcps_rcvwinprobe,
	    tcps_rcvdupack, tcps_rcvacktoomuch, tcps_rcvacktooold, tcps_rcvackpack, tcps_rcvackbyte,
	    tcps_rcvwinupd, tcps_pawsdrop, tcps_predack, tcps_preddat, tcps_persistreset;
	uint64_t tcps_cachedssthresh, tcps_hc_added, tcps_hc_bucketoverflow;
	uint64_t tcps_cachedrtt, tcps_listendrop, tcps_badrst, tcps_badsyn, tcps_challenge,
	    tcps_challengelimit, tcps_tsmissing;
	uint64_t tcps_sc_added, tcps_sc_retransmitted, tcps_sc_dupsyn, tcps_sc_dropped,
	    tcps_sc_completed, tcps_sc_bucketoverflow, tcps_sc_cacheoverflow, tcps_sc_reset,
	    tcps_sc_stale, tcps_sc_aborted, tcps_sc_badack, tcps_sc_unreach, tcps_sc_zonefail,
	    tcps_sc_sendcookie, tcps_sc_recvcookie, tcps_sc_spurcookie, tcps_sc_failcookie;
	uint64_t tcps_sack_recovery_episode, tcps_sack_rexmits, tcps_sack_rexmit_bytes,
	    tcps_sack_rescue_rexmit, tcps_sack_rcv_blocks, tcps_sack_send_blocks,
	    tcps_sack_sboverflow, tcps_sack_badblk, tcps_dsack_count, tcps_dsack_bytes,
	    tcps_sack_lostrexmt, tcps_tlpresends, tcps_tlpresend_bytes, tcps_tlprepaired;
	uint64_t tcps_dupack_recovery, tcps_limitedxmit, tcps_mtudisc, tcps_pmtud_toolow,
	    tcps_pmtud_blackhole_activated, tcps_pmtud_blackhole_activated_min_mss,
	    tcps_pmtud_blackhole_failed, tcps_tw_recycles, tcps_tw_resets, tcps_badcksumopt,
	    tcps_dropsynfin, tcps_noport, tcps_icmp_badseq;
	/* packets with each mark, handshakes that agreed on ECN, windows reduced for a mark */
	uint64_t tcps_ecn_rcvce, tcps_ecn_rcvect0, tcps_ecn_rcvect1, tcps_ecn_sndect0,
	    tcps_ecn_sndect1, tcps_ecn_shs, tcps_ecn_rcwnd;
	/* server; client: data on SYN taken, refused, cookies learnt, paths given up for a while */
	uint64_t tcps_tfo_accepts, tcps_tfo_badcookie, tcps_tfo_full, tcps_tfo_connects,
	    tcps_tfo_refused, tcps_tfo_cookies, tcps_tfo_pathfail;
	uint64_t tcps_sig_rcvgoodsig, tcps_sig_rcvbadsig, tcps_sig_err_sigopt,
	    tcps_sig_err_nosigopt;
	uint64_t tcps_states[TCP_NSTATES]; /* connections in each state now */
};
VNET_DECLARE(struct tcpstat, tcpstat);
#define V_tcpstat VNET(tcpstat)
#define TCPSTAT_ADD(f, n) (V_tcpstat.f += (n))
#define TCPSTAT_INC(f) TCPSTAT_ADD(f, 1)

VNET_DECLARE(struct inpcbinfo, tcbinfo);
#define V_tcbinfo VNET(tcbinfo)
TAILQ_HEAD(tcp_twqhead, tcpcb);

/* Tunables; described where they are defined. Times are in ms. */
#define TCP_TUNABLE(type, name) VNET_DECLARE(type, name)
TCP_TUNABLE(int, tcp_mssdflt);
TCP_TUNABLE(int, tcp_minmss);
TCP_TUNABLE(int, tcp_do_rfc1323);
TCP_TUNABLE(int, tcp_do_sack);
TCP_TUNABLE(int, tcp_sack_maxholes);
TCP_TUNABLE(int, tcp_sack_globalmaxholes);
TCP_TUNABLE(int, tcp_sack_globalholes);
TCP_TUNABLE(int, tcp_do_rfc3042);
TCP_TUNABLE(int, tcp_do_pmtud);
TCP_TUNABLE(int, tcp_pmtud_blackhole_detect);
TCP_TUNABLE(int, tcp_pmtud_blackhole_mss);
TCP_TUNABLE(int, tcp_do_tso);
TCP_TUNABLE(int, tcp_initcwnd_segments);
TCP_TUNABLE(int, tcp_delack_enabled);
TCP_TUNABLE(int, tcp_abc_l_var);
TCP_TUNABLE(int, tcp_do_rfc3465);
TCP_TUNABLE(int, tcp_do_ecn);
TCP_TUNABLE(int, tcp_ecn_maxretries);
TCP_TUNABLE(int, tcp_sendspace);
TCP_TUNABLE(int, tcp_recvspace);
TCP_TUNABLE(int, tcp_do_autosndbuf);
TCP_TUNABLE(int, tcp_autosndbuf_inc);
TCP_TUNABLE(int, tcp_autosndbuf_max);
TCP_TUNABLE(int, tcp_sendbuf_auto_lowat);
TCP_TUNABLE(int, tcp_do_autorcvbuf);
TCP_TUNABLE(int, tcp_autorcvbuf_max);
TCP_TUNABLE(int, tcp_blackhole);
TCP_TUNABLE(int, tcp_drop_synfin);
TCP_TUNABLE(int, tcp_log_in_vain);
TCP_TUNABLE(int, tcp_insecure_rst);
TCP_TUNABLE(int, tcp_insecure_syn);
TCP_TUNABLE(int, tcp_icmp_may_rst);
TCP_TUNABLE(int, tcp_tolerate_missing_ts);
TCP_TUNABLE(int, tcp_insecure_ack);
TCP_TUNABLE(int, tcp_ack_war_cnt);
TCP_TUNABLE(int, tcp_ack_war_timewindow);
TCP_TUNABLE(int, tcp_blackhole_local);
TCP_TUNABLE(int, tcp_nolocaltimewait);
TCP_TUNABLE(int, tcp_maxtcptw);
TCP_TUNABLE(int, tcp_fast_finwait2_recycle);
TCP_TUNABLE(int, tcp_msl);
TCP_TUNABLE(int, tcp_keepinit);
TCP_TUNABLE(int, tcp_keepidle);
TCP_TUNABLE(int, tcp_keepintvl);
TCP_TUNABLE(int, tcp_keepcnt);
TCP_TUNABLE(int, tcp_always_keepalive);
TCP_TUNABLE(int, tcp_delacktime);
TCP_TUNABLE(int, tcp_rexmit_initial);
TCP_TUNABLE(int, tcp_rexmit_min);
TCP_TUNABLE(int, tcp_rexmit_slop);
TCP_TUNABLE(int, tcp_maxpersistidle);
TCP_TUNABLE(int, tcp_persmin);
TCP_TUNABLE(int, tcp_persmax);
TCP_TUNABLE(int, tcp_maxunacktime);
TCP_TUNABLE(int, tcp_isn_reseed_interval);
TCP_TUNABLE(int, tcp_ts_offset_per_conn);
TCP_TUNABLE(int, tcp_persist_orphan);
TCP_TUNABLE(int, tcp_pmtud_raise);
TCP_TUNABLE(int, tcp_finwait2_timeout);
TCP_TUNABLE(int, tcp_retries);
TCP_TUNABLE(int, tcp_rexmit_drop_options);
TCP_TUNABLE(int, tcp_rack_enable);
TCP_TUNABLE(int, tcp_rack_tlp);
TCP_TUNABLE(int, tcp_do_prr);
#define V_tcp_mssdflt VNET(tcp_mssdflt)
#define V_tcp_minmss VNET(tcp_minmss)
#define V_tcp_do_rfc1323 VNET(tcp_do_rfc1323)
#define V_tcp_do_sack VNET(tcp_do_sack)
#define V_tcp_sack_maxholes VNET(tcp_sack_maxholes)
#define V_tcp_sack_globalmaxholes VNET(tcp_sack_globalmaxholes)
#define V_tcp_sack_globalholes VNET(tcp_sack_globalholes)
#define V_tcp_do_rfc3042 VNET(tcp_do_rfc3042)
#define V_tcp_do_pmtud VNET(tcp_do_pmtud)
#define V_tcp_pmtud_blackhole_detect VNET(tcp_pmtud_blackhole_detect)
#define V_tcp_pmtud_blackhole_mss VNET(tcp_pmtud_blackhole_mss)
#define V_tcp_do_tso VNET(tcp_do_tso)
#define V_tcp_initcwnd_segments VNET(tcp_initcwnd_segments)
#define V_tcp_delack_enabled VNET(tcp_delack_enabled)
#define V_tcp_abc_l_var VNET(tcp_abc_l_var)
#define V_tcp_do_rfc3465 VNET(tcp_do_rfc3465)
#define V_tcp_do_ecn VNET(tcp_do_ecn)
#define V_tcp_ecn_maxretries VNET(tcp_ecn_maxretries)
#define V_tcp_sendspace VNET(tcp_sendspace)
#define V_tcp_recvspace VNET(tcp_recvspace)
#define V_tcp_do_autosndbuf VNET(tcp_do_autosndbuf)
#define V_tcp_autosndbuf_inc VNET(tcp_autosndbuf_inc)
#define V_tcp_autosndbuf_max VNET(tcp_autosndbuf_max)
#define V_tcp_sendbuf_auto_lowat VNET(tcp_sendbuf_auto_lowat)
#define V_tcp_do_autorcvbuf VNET(tcp_do_autorcvbuf)
#define V_tcp_autorcvbuf_max VNET(tcp_autorcvbuf_max)
#define V_tcp_blackhole VNET(tcp_blackhole)
#define V_tcp_drop_synfin VNET(tcp_drop_synfin)
#define V_tcp_log_in_vain VNET(tcp_log_in_vain)
#define V_tcp_insecure_rst VNET(tcp_insecure_rst)
#define V_tcp_insecure_syn VNET(tcp_insecure_syn)
#define V_tcp_icmp_may_rst VNET(tcp_icmp_may_rst)
#define V_tcp_tolerate_missing_ts VNET(tcp_tolerate_missing_ts)
#define V_tcp_insecure_ack VNET(tcp_insecure_ack)
#define V_tcp_ack_war_cnt VNET(tcp_ack_war_cnt)
#define V_tcp_ack_war_timewindow VNET(tcp_ack_war_timewindow)
#define V_tcp_blackhole_local VNET(tcp_blackhole_local)
#define V_tcp_nolocaltimewait VNET(tcp_nolocaltimewait)
#define V_tcp_maxtcptw VNET(tcp_maxtcptw)
#define V_tcp_fast_finwait2_recycle VNET(tcp_fast_finwait2_recycle)
#define V_tcp_msl VNET(tcp_msl)
#define V_tcp_keepinit VNET(tcp_keepinit)
#define V_tcp_keepidle VNET(tcp_keepidle)
#define V_tcp_keepintvl VNET(tcp_keepintvl)
#define V_tcp_keepcnt VNET(tcp_keepcnt)
#define V_tcp_always_keepalive VNET(tcp_always_keepalive)
#define V_tcp_delacktime VNET(tcp_delacktime)
#define V_tcp_rexmit_initial VNET(tcp_rexmit_initial)
#define V_tcp_rexmit_min VNET(tcp_rexmit_min)
#define V_tcp_rexmit_slop VNET(tcp_rexmit_slop)
#define V_tcp_maxpersistidle VNET(tcp_maxpersistidle)
#define V_tcp_persmin VNET(tcp_persmin)
#define V_tcp_persmax VNET(tcp_persmax)
#define V_tcp_maxunacktime VNET(tcp_maxunacktime)
#define V_tcp_isn_reseed_interval VNET(tcp_isn_reseed_interval)
#define V_tcp_ts_offset_per_conn VNET(tcp_ts_offset_per_conn)
#define V_tcp_persist_orphan VNET(tcp_persist_orphan)
#define V_tcp_pmtud_raise VNET(tcp_pmtud_raise)
#define V_tcp_finwait2_timeout VNET(tcp_finwait2_timeout)
#define V_tcp_retries VNET(tcp_retries)
#define V_tcp_rexmit_drop_options VNET(tcp_rexmit_drop_options)
#define V_tcp_rack_enable VNET(tcp_rack_enable)
#define V_tcp_rack_tlp VNET(tcp_rack_tlp)
#define V_tcp_do_prr VNET(tcp_do_prr)

#define TP_KEEPINIT(tp) ((tp)->t_keepinit ? (tp)->t_keepinit : (u_int)V_tcp_keepinit)
#define TP_KEEPIDLE(tp) ((tp)->t_keepidle ? (tp)->t_keepidle : (u_int)V_tcp_keepidle)
#define TP_KEEPINTVL(tp) ((tp)->t_keepintvl ? (tp)->t_keepintvl : (u_int)V_tcp_keepintvl)
#define TP_MAXUNACKTIME(tp)                                                                        \
	((tp)->t_maxunacktime ? (tp)->t_maxunacktime : (u_int)V_tcp_maxunacktime)
#define TP_KEEPCNT(tp) ((tp)->t_keepcnt ? (tp)->t_keepcnt : (u_int)V_tcp_keepcnt)

extern struct protosw tcp_protosw; /* tcp_usrreq.c */

/* tcp_subr.c: life and death */
struct tcpcb *tcp_newtcpcb(struct inpcb *); /* NULL: no memory */
void tcp_discardcb(struct tcpcb *);	    /* frees it; the inpcb stays */
void tcp_state_change(struct tcpcb *, int newstate);
/*
 * Ends a connection: tcp_drop with a reset if the peer knows it, and errno for the program;
 * tcp_close silently. Afterwards it is dead, and its memory lasts as long as the caller's
 * reference to the socket does (or, without a socket, not at all).
 */
void tcp_drop(struct tcpcb *, int errnum);
void tcp_close(struct tcpcb *);
tcp_seq tcp_new_isn(const struct in_conninfo *);
uint32_t tcp_new_ts_offset(const struct in_conninfo *);
void tcp_rcvseqinit(struct tcpcb *);
void tcp_sendseqinit(struct tcpcb *);

/* tcp_path.c: the family switch, MSS, path MTU */
u_int tcp_hdrlen(const struct in_conninfo *); /* IP and TCP headers without options */
/* What the way to the peer takes: MTU, and bytes of TSO packet (0 none). */
u_int tcp_maxmtu(const struct in_conninfo *, u_int *tsomax);
u_int tcp_mssopt(const struct in_conninfo *, u_int mssopt); /* the MSS that we announce */
void tcp_mss(struct tcpcb *, int offer); /* sets t_maxseg; offer -1: the peer gave none */
u_int tcp_ipoptlen(const struct tcpcb *);
u_int tcp_maxseg(const struct tcpcb *); /* data bytes of a full segment, options subtracted */
void tcp_path_refresh(struct tcpcb *);
void tcp_notify_error(struct tcpcb *, int errnum);
void tcp_mtudisc(struct tcpcb *, u_int mtu);
void tcp_pmtud_raise(struct tcpcb *);	  /* a larger path is tried now and then */
void tcp_pmtud_blackhole(struct tcpcb *); /* at a retransmission time-out */
void tcp_fill_headers(
    struct mbuf *, const struct in_conninfo *, uint8_t ttl, uint8_t tos, bool df, u_int tcplen);
int tcp_ip_output(struct mbuf *, const struct in_conninfo *, struct inpcb *);
void tcp_ctlinput(struct icmp *);

/* tcp_hostcache.c: 0 where nothing is known */
u_int tcp_hc_getmtu(const struct in_conninfo *);
void tcp_hc_updatemtu(const struct in_conninfo *, u_int mtu);
void tcp_hc_begin(struct tcpcb *);
void tcp_hc_end(const struct tcpcb *);

/* RFC 7323, as net.inet.tcp.rfc1323 has it. */
#define tcp_want_scale() (V_tcp_do_rfc1323 == 1 || V_tcp_do_rfc1323 == 2)
#define tcp_want_tstmp() (V_tcp_do_rfc1323 == 1 || V_tcp_do_rfc1323 == 3)
/* How long FIN_WAIT_2 lasts when no program waits for their data, ms. */
u_int tcp_finwait2_ms(const struct tcpcb *);

/* tcp_respond.c: segments without a connection, or beside it */
struct tcp_bare {
	const struct in_conninfo *inc;
	struct inpcb *inp; /* NULL: none */
	tcp_seq seq, ack;
	uint32_t win; /* the field as it goes out, already shifted */
	uint16_t flags;
	uint8_t ttl, tos;
	const struct tcpopt *to;      /* NULL: none */
	const struct tcp_md5key *key; /* NULL: not signed */
};
int tcp_send_bare(const struct tcp_bare *);	   /* headers only */
void tcp_respond_reset(const struct tcp_seg *);	   /* to a segment that has no business here */
void tcp_respond_ack(struct tcpcb *, tcp_seq seq); /* bare, not through tcp_output */
void tcp_challenge_ack(struct tcpcb *);
/* Whether one more may go; counts it. */
bool tcp_challenge_allowed(struct tcp_challenge *);

/* tcp_signature.c: RFC 2385. NULL: segments to and from there are not signed. */
struct tcp_md5key;
struct tcp_md5sig;
const struct tcp_md5key *tcp_md5_find(const struct tcpcb *, const struct in_conninfo *);
int tcp_md5_set(struct tcpcb *, const struct tcp_md5sig *);
int tcp_md5_inherit(struct tcpcb *, const struct tcpcb *listener);
void tcp_md5_free(struct tcpcb *);
void tcp_md5_sign(
    struct mbuf *, const struct tcp_md5key *, const struct in_conninfo *, u_int iphlen);
bool tcp_md5_ok(const struct tcpcb *, const struct tcp_seg *);
/* tcp_fastopen.c */
bool tcp_fastopen_listens(const struct tcpcb *);
void tcp_fastopen_cookie(struct tcpopt *, const struct in_conninfo *);
bool tcp_fastopen_valid(const struct tcpcb *listener, const struct tcp_seg *);
void tcp_fastopen_begin(struct tcpcb *, struct tcpcb *listener);
void tcp_fastopen_end(struct tcpcb *);
int tcp_fastopen_set_qlen(struct tcpcb *, int);
int tcp_fastopen_qlen(const struct tcpcb *);
void tcp_fastopen_free(struct tcpcb *);
/* tcp_fastopen_client.c */
bool tcp_fastopen_client_enabled(void);
bool tcp_fastopen_known(const struct in_conninfo *); /* a SYN there may carry data */
void tcp_fastopen_connect(struct tcpcb *); /* looks the cookie up; the SYN is to be sent */
void tcp_fastopen_plan(const struct tcpcb *, struct tcpopt *);
uint32_t tcp_fastopen_room(
    const struct tcpcb *, u_int optlen); /* bytes of data that the SYN takes */
void tcp_fastopen_synack(struct tcpcb *, const struct tcp_seg *); /* snd_una is past our SYN */
void tcp_fastopen_timeout(struct tcpcb *);
/* tcp_options.c */
void tcp_dooptions(struct tcpopt *, const u_char *cp, int cnt, bool syn);
int tcp_addoptions(const struct tcpopt *, u_char *optp); /* bytes written, a multiple of 4 */

/* tcp_input.c */
int tcp_input(struct mbuf **, int *, int);
bool tcp_blackholed(const struct tcp_seg *, bool listener);
/* tcp_segment.c: a connection past SYN_SENT, and what acts on verdicts */
void tcp_do_segment(struct tcpcb *, struct tcp_seg *);
void tcp_segment_finish(struct tcpcb *, struct tcp_seg *, enum tcp_verdict);
void tcp_strip_syn(struct tcp_seg *); /* the SYN is dealt with: what follows it is text */
enum tcp_verdict tcp_step_urgent(struct tcpcb *, struct tcp_seg *);
enum tcp_verdict tcp_step_text(struct tcpcb *, struct tcp_seg *);
enum tcp_verdict tcp_step_fin(struct tcpcb *, struct tcp_seg *);
void tcp_rcvwindow(struct tcpcb *);
void tcp_append(struct tcpcb *, struct mbuf *, tcp_seq start, uint32_t len);
/* tcp_ack.c */
enum tcp_verdict tcp_step_ack(struct tcpcb *, struct tcp_seg *);
bool tcp_update_sndwnd(struct tcpcb *, const struct tcp_seg *);
void tcp_measure_rtt(struct tcpcb *, const struct tcp_seg *);
void tcp_ack_advance(struct tcpcb *, struct tcp_seg *);
/* tcp_cc.c: to the congestion control algorithm */
uint32_t tcp_cc_initial_window(u_int mss);
void tcp_cc_conn_init(struct tcpcb *);
void tcp_cc_ack(struct tcpcb *, uint32_t acked, uint16_t nsegs, uint16_t type);
void tcp_cc_cong_signal(struct tcpcb *, uint32_t type);
void tcp_enter_recovery(struct tcpcb *);
bool tcp_cc_ecn(struct tcpcb *, tcp_seq ack);
void tcp_cc_post_recovery(struct tcpcb *, uint32_t acked);
void tcp_cc_inflate(struct tcpcb *);
void tcp_cc_check_idle(struct tcpcb *);
void tcp_cc_rttsample(struct tcpcb *, const struct tcp_seg *);
/* tcp_ecn.c */
uint16_t tcp_ecn_output_syn(struct tcpcb *); /* TH_* to add to our SYN or SYN,ACK */
void tcp_ecn_input_synack(struct tcpcb *, uint16_t flags);
void tcp_ecn_input_parallel_syn(struct tcpcb *, uint16_t flags);
bool tcp_ecn_syn_asks(uint16_t flags);	  /* a SYN that asks for ECN, and we may say yes */
bool tcp_ecn_retry_ok(u_int retransmits); /* not yet too many to go on asking */
void tcp_ecn_agreed(struct tcpcb *);
void tcp_ecn_output(struct tcpcb *, struct tcp_plan *); /* marks what is about to be sent */
void tcp_ecn_reduced(struct tcpcb *);
void tcp_ecn_data(struct tcpcb *, const struct tcp_seg *); /* data in the window came */
enum tcp_verdict tcp_step_ecn(struct tcpcb *, struct tcp_seg *);
/* tcp_handshake.c */
void tcp_listen_input(struct inpcb *, struct tcp_seg *);
enum tcp_verdict tcp_synsent_input(struct tcpcb *, struct tcp_seg *);
void tcp_established(struct tcpcb *, struct tcp_seg *);
void tcp_undefer(struct tcpcb *); /* accept() may have it */
int tcp_connect(struct tcpcb *, struct sockaddr *, struct thread *);
/* tcp_timewait.c */
void tcp_twstart(struct tcpcb *);
bool tcp_tw_input(struct tcpcb *, struct tcp_seg *); /* true: gone; look for a listener again */
void tcp_tw_remove(struct tcpcb *);
void tcp_tw_init(void);
/* tcp_reass.c */
/* Takes seg->m (which may be empty, but for a FIN); appends what is in order. True: a FIN is. */
bool tcp_reass(struct tcpcb *, struct tcp_seg *);
void tcp_reass_flush(struct tcpcb *);
/* tcp_sack.c */
bool tcp_sack_ack(struct tcpcb *, struct tcp_seg *); /* true: the scoreboard changed */
void tcp_sack_clear(struct tcpcb *);
void tcp_sack_free(struct tcpcb *);
uint32_t tcp_sack_pipe(const struct tcpcb *); /* bytes in the network, RFC 6675 */
/* Bytes that are lost and did not go again; *resent: those that did. Without RACK. */
uint32_t tcp_sack_lost(const struct tcpcb *, uint32_t *resent);
bool tcp_sack_islost(const struct tcpcb *, tcp_seq);
bool tcp_sack_enough(const struct tcpcb *); /* the threshold of duplicates is reached */
tcp_seq tcp_sack_skip(const struct tcpcb *, tcp_seq, uint32_t *room);
/* RFC 6675 NextSeg(), rules 1 (lost) or 3 and 4 (not lost): at most room bytes into plan. */
bool tcp_sack_nextseg(const struct tcpcb *, struct tcp_plan *, uint32_t room, bool lost);
void tcp_sack_report(struct tcpcb *, tcp_seq start, tcp_seq end);
void tcp_sack_blocks(const struct tcpcb *, struct tcpopt *); /* the option to send, if any */
void tcp_sack_trim_report(struct tcpcb *);
void tcp_dsack_report(struct tcpcb *, tcp_seq start, tcp_seq end); /* it came again */
/* tcp_output.c */
int tcp_output(struct tcpcb *);
uint32_t tcp_window_most(const struct tcpcb *); /* the largest window to announce */
int tcp_sendack(struct tcpcb *);		/* sets TF_ACKNOW and calls it */

/* tcp_pace.c */
bool tcp_paced(const struct tcpcb *);
uint64_t tcp_pace_rate(const struct tcpcb *);
uint32_t tcp_pace_burst(const struct tcpcb *);
bool tcp_pace_wait(struct tcpcb *);
void tcp_pace_sent(struct tcpcb *, uint32_t bytes);
bool tcp_timer_pace(struct tcpcb *);
/* tcp_usrreq.c */
void tcp_usrclosed(struct tcpcb *);
/* tcp_info.c */
void tcp_fill_info(const struct tcpcb *, struct tcp_info *);
void tcp_fill_info_more(const struct tcpcb *, struct tcp_info_alpine *);
uint32_t tcp_notsent(struct socket *); /* bytes written and never sent */
void tcp_info_output(struct tcpcb *);  /* what it waits for now */
void tcp_rate_sent(struct tcpcb *, struct rack_rec *);
void tcp_rate_arrived(struct tcpcb *, const struct rack_rec *);
void tcp_delivered(struct tcpcb *, uint32_t bytes, bool ece);
/* tcp_sockopt.c */
int tcp_ctloutput(struct socket *, struct sockopt *);

#endif
