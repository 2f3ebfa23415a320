/*
 * sockbuf.h - the send and receive queues of a socket.
 *
 * A stream's data is one chain of mbufs, sb_mb to sb_mbtail. Datagrams are
 * records, chained by m_nextpkt: [MT_SONAME] [MT_CONTROL]... MT_DATA...
 */
#ifndef _SYS_SOCKBUF_H_
#define _SYS_SOCKBUF_H_

#include <sys/types.h>
#include <sys/time.h>

struct mbuf;
struct sockaddr;
struct socket;
struct thread;
struct sockopt;

/* sb_state */
#define SBS_CANTSENDMORE 0x0010
#define SBS_CANTRCVMORE 0x0020
#define SBS_RCVATMARK 0x0040

/* sb_flags */
#define SB_WAIT 0x04 /* somebody sleeps on sb_acc */
#define SB_SEL 0x08
#define SB_ASYNC 0x10
#define SB_UPCALL 0x20
#define SB_AUTOSIZE 0x800 /* grows by itself */

typedef enum { SO_RCV, SO_SND } sb_which;

#define SU_OK 0
typedef int so_upcall_t(struct socket *, void *, int);

struct sockbuf {
	struct mbuf *sb_mb;	    /* the first record */
	struct mbuf *sb_mbtail;	    /* the last mbuf of the last record */
	struct mbuf *sb_lastrecord; /* the first mbuf of the last record */
	struct mbuf *sb_sndptr;	    /* where sbsndptr_adv() left off */
	u_int sb_sndptroff;	    /* bytes before it */
	u_int sb_acc;		    /* bytes that a reader may have */
	u_int sb_ccc;		    /* bytes claimed (== sb_acc here) */
	u_int sb_mbcnt;		    /* bytes of storage in use, mbufs and clusters whole */
	u_int sb_ctl;		    /* of sb_acc, bytes that are names and control data */
	u_int sb_hiwat;		    /* bytes: the limit */
	u_int sb_lowat;		    /* bytes: least to wake a reader (or a writer) for */
	u_int sb_mbmax;		    /* bytes: the limit of sb_mbcnt */
	sbintime_t sb_timeo;	    /* SO_RCVTIMEO, SO_SNDTIMEO; 0 for ever */
	short sb_flags;
	short sb_state;
	so_upcall_t *sb_upcall;
	void *sb_upcallarg;
};

#define SB_EMPTY_FIXUP(sb) ((void)0)

static inline u_int
sbavail(const struct sockbuf *sb)
{
	return (sb->sb_acc);
}

static inline u_int
sbused(const struct sockbuf *sb)
{
	return (sb->sb_ccc);
}

/* Bytes that still fit; negative never, see sbspace(). */
long sbspace(const struct sockbuf *);

void sbappend(struct sockbuf *, struct mbuf *, int flags); /* a record, merged with the last */
void sbappendstream(struct sockbuf *, struct mbuf *, int flags); /* a stream's bytes */
#define sbappend_locked sbappend
#define sbappendstream_locked sbappendstream
/* A datagram and its sender; 1, or 0 when it does not fit: then the mbufs stay the caller's. */
int sbappendaddr(
    struct sockbuf *, const struct sockaddr *, struct mbuf *data, struct mbuf *control);
#define sbappendaddr_locked sbappendaddr
void sbappendcontrol(struct sockbuf *, struct mbuf *data, struct mbuf *control, int flags);
void sbappendrecord(struct sockbuf *, struct mbuf *);
void sbcompress(struct sockbuf *, struct mbuf *m, struct mbuf *n);
struct mbuf *sbcreatecontrol(const void *, u_int size, int type, int level, int wait);
/* Takes len bytes of the first record off and returns them; NULL, and nothing taken, without
 * memory. */
struct mbuf *sbcut(struct sockbuf *, int len);
struct mbuf *sbcutrecord(struct sockbuf *); /* takes the first record off; NULL if there is none */
#define sbcut_locked sbcut
void sbdrop(struct sockbuf *, int len);
#define sbdrop_locked sbdrop
void sbdroprecord(struct sockbuf *);
void sbflush(struct sockbuf *);
#define sbflush_locked sbflush
void sbdestroy(struct socket *, sb_which);
void sbrelease(struct socket *, sb_which);
bool sbreserve(struct socket *, sb_which, u_long cc, struct thread *); /* false if over sb_max */
#define sbreserve_locked sbreserve
/* The mbuf that holds byte `off`; *moff is the offset inside it. Remembers, so that a row is cheap.
 */
struct mbuf *sbsndptr_noadv(struct sockbuf *, u_int off, u_int *moff);
void sbsndptr_adv(struct sockbuf *, struct mbuf *, u_int len);
struct mbuf *sbsndmbuf(struct sockbuf *, u_int off, u_int *moff);
int sbwait(struct socket *, sb_which); /* sleeps for a change: 0, EWOULDBLOCK, EINTR */
void sbcheck(const struct sockbuf *);  /* KASSERTs the sums */
/* All buffers together are at their bound, and this one is not small: len bytes are too many. */
bool sbpressure(const struct sockbuf *, u_int len);
void sballoc(struct sockbuf *, struct mbuf *);
void sbfree(struct sockbuf *, struct mbuf *);

void sowakeup(struct socket *, sb_which);
void socantsendmore(struct socket *);
void socantrcvmore(struct socket *);
#define socantsendmore_locked socantsendmore
#define socantrcvmore_locked socantrcvmore

#endif
