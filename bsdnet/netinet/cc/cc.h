/*
 * cc.h - the interface between TCP and its congestion control algorithms, mod_cc(9).
 *
 * An algorithm is a struct cc_algo declared with DECLARE_CC_MODULE. TCP fills the
 * connection's struct cc_var and calls the hooks; they change CCV(ccv, snd_cwnd) and
 * CCV(ccv, snd_ssthresh) and nothing else.
 */
#ifndef _NETINET_CC_CC_H_
#define _NETINET_CC_CC_H_

#include <sys/types.h>
#include <sys/kernel.h>
#include <sys/queue.h>
#include <net/vnet.h>
#include <netinet/tcp.h>

struct cc_algo;
struct sockopt;
struct tcpcb;

STAILQ_HEAD(cc_head, cc_algo);
extern struct cc_head cc_list;
VNET_DECLARE(struct cc_algo *, default_cc_ptr);
#define V_default_cc_ptr VNET(default_cc_ptr)

struct cc_var {
	void *cc_data;	    /* the algorithm's own, per connection */
	int bytes_this_ack; /* newly acknowledged by the segment at hand */
	tcp_seq curack;	    /* its acknowledgment number */
	uint32_t flags;	    /* CCF_* */
	struct cc_algo *algo;
	union ccv_container {
		struct tcpcb *tcp;
	} ccvc;
	uint16_t nsegs; /* wire segments that it stands for */
	uint8_t labc;	/* RFC 3465's L */
};
#define CCV(ccv, what) ((ccv)->ccvc.tcp->what)
#define CC_WIN_MAX ((uint32_t)TCP_MAXWIN << TCP_MAX_WINSHIFT)

/* cc_var flags */
#define CCF_ABC_SENTAWND 0x0001	 /* a whole window was acknowledged since it last grew */
#define CCF_CWND_LIMITED 0x0002	 /* the window, not the program or the peer, held data back */
#define CCF_USE_LOCAL_ABC 0x0004 /* the module set labc itself: leave it */
#define CCF_ACKNOW 0x0008	 /* set by ecnpkt_handler: acknowledge at once */
#define CCF_IPHDR_CE 0x0010	 /* the segment at hand came marked CE */
#define CCF_TCPHDR_CWR 0x0020	 /* ... and with CWR */

/* ack_received types */
#define CC_ACK 0x0001 /* in order, new data acknowledged */
#define CC_DUPACK 0x0002
#define CC_PARTIALACK 0x0004
#define CC_SACK 0x0008

/* cong_signal types */
#define CC_ECN 0x0001		   /* congestion was marked */
#define CC_RTO 0x0002		   /* the retransmission timer fired */
#define CC_RTO_ERR 0x0004	   /* and should not have */
#define CC_NDUPACK 0x0008	   /* loss was inferred from duplicate acknowledgments */
#define CC_SIGPRIVMASK 0xff000000u /* signals that modules agree on among themselves */

struct cc_algo {
	char name[TCP_CA_NAME_MAX];
	int (*mod_init)(void); /* once, when registered */
	int (*mod_destroy)(void);
	size_t (*cc_data_sz)(void); /* bytes that cb_init wants as cc_data */
	/* ptr: cc_data_sz() zeroed bytes of the caller's, or NULL: allocate. ENOMEM. */
	int (*cb_init)(struct cc_var *, void *ptr);
	void (*cb_destroy)(struct cc_var *);
	void (*conn_init)(struct cc_var *); /* the connection is established */
	void (*ack_received)(struct cc_var *, uint16_t type);
	void (*cong_signal)(struct cc_var *, uint32_t type);
	void (*post_recovery)(struct cc_var *); /* everything lost was recovered */
	void (*after_idle)(struct cc_var *);	/* nothing sent for a time-out */
	/* data came on a connection that uses ECN: CCF_IPHDR_CE, CCF_TCPHDR_CWR */
	void (*ecnpkt_handler)(struct cc_var *);
	int (*ctl_output)(struct cc_var *, struct sockopt *, void *buf); /* TCP_CCALGOOPT */
	/* a round trip; rxtcnt 1: sent once; fas: bytes in flight */
	void (*rttsample)(struct cc_var *, uint32_t usec_rtt, uint32_t rxtcnt, uint32_t fas);
	/* all that was in flight when the last round began is acknowledged */
	void (*newround)(struct cc_var *, uint32_t round_cnt);
	STAILQ_ENTRY(cc_algo) entries;
	uint8_t flags;
};

/*
 * What modules share. cc_newreno.c, except where said otherwise.
 */
uint32_t newreno_cc_slowstart(struct cc_var *); /* bytes that this ACK adds, RFC 5681, 3465 */
uint32_t newreno_cc_avoid(struct cc_var *);	/* the same above ssthresh */
void newreno_cc_post_recovery(struct cc_var *);
void newreno_cc_after_idle(struct cc_var *);
/* Bytes under way, without what limited transmit sent beyond cwnd (RFC 5681 3.2 step 2). */
uint32_t cc_flight(struct cc_var *);
uint32_t tcp_cc_initial_window(u_int mss); /* tcp_cc.c: RFC 6928, bytes */

/* RFC 8511: back off less for a mark than for a loss. cc.c; net.inet.tcp.cc.abe*. */
VNET_DECLARE(int, cc_do_abe);
VNET_DECLARE(int, cc_abe_frlossreduce);
#define V_cc_do_abe VNET(cc_do_abe)
#define V_cc_abe_frlossreduce VNET(cc_abe_frlossreduce)

int cc_register_algo(struct cc_algo *);	  /* EEXIST, EINVAL */
int cc_deregister_algo(struct cc_algo *); /* EBUSY */
struct cc_algo *cc_find_algo(const char *name);
/* Attaches the algorithm to a connection; what was there is destroyed. ENOMEM. */
int cc_attach(struct tcpcb *, struct cc_algo *);
void cc_detach(struct tcpcb *);

#define DECLARE_CC_MODULE(ccname, ccalgo)                                                          \
	static void cc_##ccname##_register(void *arg __unused)                                     \
	{                                                                                          \
		(void)cc_register_algo(ccalgo);                                                    \
	}                                                                                          \
	SYSINIT(                                                                                   \
	    cc_##ccname, SI_SUB_PROTO_IFATTACHDOMAIN, SI_ORDER_ANY, cc_##ccname##_register, NULL)

#endif
