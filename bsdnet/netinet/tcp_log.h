/*
 * tcp_log.h - one record for each segment of TCP, in or out, as siftr(4) makes them.
 *
 * TCP calls the hooks; off, each is a test of tcp_log_on that is predicted false. Whoever wants
 * the records starts the log with a function that is told when some wait, and reads them as text.
 */
#ifndef _NETINET_TCP_LOG_H_
#define _NETINET_TCP_LOG_H_

#include <sys/param.h>
#include <netinet/in.h>

struct tcpcb;
struct tcp_seg;
struct tcp_plan;
struct tcp_bare;

/* ---- TCP's side ---- */

extern bool tcp_log_on;

/* A segment was parsed: remembers it as it came. */
#define TCP_LOG_SEEN(seg)                                                                          \
	do {                                                                                       \
		if (__predict_false(tcp_log_on))                                                   \
			tcp_log_seen(seg);                                                         \
	} while (0)
/* ... and has had its effect on tp (NULL: no connection's); before what it causes to be sent. */
#define TCP_LOG_IN(tp, seg)                                                                        \
	do {                                                                                       \
		if (__predict_false(tcp_log_on))                                                   \
			tcp_log_in(tp, seg);                                                       \
	} while (0)
/* A planned segment is on its way, and the connection knows. max: snd_max before. */
#define TCP_LOG_OUT(tp, plan, max)                                                                 \
	do {                                                                                       \
		if (__predict_false(tcp_log_on))                                                   \
			tcp_log_out(tp, plan, max);                                                \
	} while (0)
#define TCP_LOG_BARE(bare)                                                                         \
	do {                                                                                       \
		if (__predict_false(tcp_log_on))                                                   \
			tcp_log_bare(bare);                                                        \
	} while (0)

void tcp_log_seen(const struct tcp_seg *);
void tcp_log_in(const struct tcpcb *, const struct tcp_seg *);
void tcp_log_out(const struct tcpcb *, const struct tcp_plan *, uint32_t old_max);
void tcp_log_bare(const struct tcp_bare *);

/* ---- the reader's side ---- */

enum tcp_log_format { TCP_LOG_CSV, TCP_LOG_JSONL };

struct tcp_log_config {
	enum tcp_log_format format;
	u_int every;	       /* of the matching segments every Nth; 0 or 1: all */
	uint16_t port;	       /* of either end, host order; 0: any */
	struct in_addr addr;   /* of either end, under mask */
	struct in_addr mask;   /* 0: any */
	void (*ready)(void *); /* the first record waits; called in the middle of TCP's work */
	void *arg;
};

struct tcp_log_status {
	bool on;
	uint64_t records; /* made, those that were dropped not among them */
	uint64_t dropped; /* the ring was full */
	u_int waiting;	  /* not yet read */
	u_int size;	  /* of the ring */
};

/*
 * Words as alpinectl(8) has them, separated by spaces: format=csv|jsonl every=N port=N
 * addr=A.B.C.D[/LEN]. EINVAL, and what was wrong in why.
 */
int tcp_log_parse(const char *words, struct tcp_log_config *, char *why, size_t whysize);
int tcp_log_start(const struct tcp_log_config *); /* EBUSY: runs already; ENOMEM */
/* What is not read yet can still be read; then tcp_log_free(). */
void tcp_log_stop(void);
void tcp_log_free(void);
void tcp_log_status(struct tcp_log_status *);

#define TCP_LOG_LINE_MAX 2048 /* bytes of the longest line */
/*
 * Whole lines of the oldest records, which leave the ring; 0: none waits. CSV begins with a line
 * of names. size >= TCP_LOG_LINE_MAX.
 */
size_t tcp_log_read(char *buf, size_t size);

#endif
