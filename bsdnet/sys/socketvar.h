/*
 * socketvar.h - the kernel's socket, socket(9).
 */
#ifndef _SYS_SOCKETVAR_H_
#define _SYS_SOCKETVAR_H_

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/sockbuf.h>
#include <sys/time.h>
#include <sys/ucred.h>
#include <net/vnet.h>

struct protosw;
struct mbuf;
struct uio;
struct iovec;
struct thread;

TAILQ_HEAD(accept_queue, socket);

/*
 * The life of a socket. These are the rules that protocols follow.
 *
 * so_count counts owners. A socket is born with one reference:
 *   socreate():   the holder's. soclose() gives it up.
 *   sonewconn():  the listener's queue's. solisten_dequeue() hands it to the holder.
 * The last sorele() calls pr_detach(so) (so_pcb still set), flushes both buffers and frees the
 * socket. After pr_detach() the protocol must not touch the socket; a pcb that outlives it
 * (TIME_WAIT) sets its own pointer to NULL there.
 *
 * The pcb itself holds no reference. soclose() calls, in this order, pr_disconnect() if the
 * socket is connected and not yet disconnecting, pr_close(), sets SS_NOFDREF, and gives up the
 * holder's reference. A protocol that still needs the socket then (TCP: data and FIN to deliver)
 * takes soref(so) in pr_close(), remembers that it did, and calls sorele(so) when it has done:
 * that is the call in which pr_detach() comes. One that needs it no more just returns.
 * SO_LINGER with so_linger 0 is the protocol's: it resets in pr_disconnect() or pr_close().
 * Nothing here sleeps for SO_LINGER; closing is never blocked.
 *
 * soabort() is soclose() for a socket that no holder ever had (a dying listener's queues): it
 * calls pr_abort(), which ends the connection at once (RST) and takes no reference, and then
 * gives up the queue's.
 *
 * soisdisconnected() is the protocol's farewell. For a socket that still is on a listener's
 * incomplete queue (SQ_INCOMP) it also gives up the queue's reference, so pr_detach() may run
 * inside it. So make it the last thing that a dying connection does, or soref() around it.
 * One that is on the completed queue stays there: accept() returns it, or ECONNABORTED if
 * pr_accept() says so.
 *
 * A protocol calls sonewconn(head, 0), fills in its pcb, and calls soisconnected(so), which moves
 * the socket to the completed queue and runs the listener's upcall. With SS_ISCONNECTED
 * sonewconn() does the latter before it returns, when the pcb has no addresses yet.
 *
 * soshutdown() calls pr_shutdown(so, how) first; when that returns 0 it does the socket's part
 * itself: sorflush() for the reading side, socantsendmore() for the writing side (a protocol
 * that did so already does no harm).
 *
 * Calls that can sleep (sosend, soreceive, soconnwait, solisten_wait) run in a kthread only;
 * their caller owns a reference for as long.
 */
struct socket {
	short so_type;	  /* SOCK_* */
	short so_state;	  /* SS_* */
	int so_options;	  /* SO_* bits */
	short so_linger;  /* seconds, with SO_LINGER */
	u_short so_error; /* errno the program has not seen yet */
	u_short so_rerror;
	int so_qstate; /* SQ_* */
	int so_fibnum;
	uint32_t so_user_cookie;
	int so_bound_if; /* SO_BINDTODEVICE: an interface index, 0 for none */
	int so_ts_clock;
	void *so_pcb;
	const struct protosw *so_proto;
	struct vnet *so_vnet;
	struct ucred *so_cred;
	struct sockbuf so_rcv, so_snd;
	u_long so_oobmark; /* bytes from the head of so_rcv to the urgent mark, 0 none */
	int so_count;	   /* references: the holder's, and those of calls under way */
	void *so_emuldata; /* rpc's */

	/* on a listener's queue: so_listen is the listener */
	struct socket *so_listen;
	TAILQ_ENTRY(socket) so_list;

	/* a listener (SO_ACCEPTCONN) */
	struct accept_queue sol_comp;	/* completed, not yet accepted */
	struct accept_queue sol_incomp; /* SQ_INCOMP: the protocol is still shaking hands */
	u_int sol_qlen;			/* length of sol_comp */
	u_int sol_incqlen;
	u_int sol_qlimit;	 /* backlog */
	u_int sol_qheld;	 /* completed, handed to the holder, not yet taken by a program */
	uint64_t sol_overcount;	 /* connections turned away by a full queue */
	sbintime_t sol_overlast; /* when the log last told of it */
	u_int sol_overshort;	 /* turned away since then */
	so_upcall_t *sol_upcall;
	void *sol_upcallarg;
};

/* so_state */
#define SS_NOFDREF 0x0001
#define SS_ISCONNECTED 0x0002
#define SS_ISCONNECTING 0x0004
#define SS_ISDISCONNECTING 0x0008
#define SS_NBIO 0x0100
#define SS_ASYNC 0x0200
#define SS_ISCONFIRMING 0x0400
#define SS_ISDISCONNECTED 0x2000

/* so_qstate */
#define SQ_NONE 0
#define SQ_INCOMP 0x0800
#define SQ_COMP 0x1000

#define SOLISTENING(so) (((so)->so_options & SO_ACCEPTCONN) != 0)
#define sosendallatonce(so) (((so)->so_proto->pr_flags & PR_ATOMIC) != 0)
#define soreadable(so)                                                                             \
	(sbavail(&(so)->so_rcv) >= (so)->so_rcv.sb_lowat ||                                        \
	    ((so)->so_rcv.sb_state & SBS_CANTRCVMORE) != 0 || (so)->so_error != 0)
#define sowriteable(so)                                                                            \
	((sbspace(&(so)->so_snd) >= (long)(so)->so_snd.sb_lowat &&                                 \
	     (((so)->so_state & SS_ISCONNECTED) != 0 ||                                            \
		 ((so)->so_proto->pr_flags & PR_CONNREQUIRED) == 0)) ||                            \
	    ((so)->so_snd.sb_state & SBS_CANTSENDMORE) != 0 || (so)->so_error != 0)
#define sorwakeup(so) sowakeup((so), SO_RCV)
#define sowwakeup(so) sowakeup((so), SO_SND)
#define sorwakeup_locked sorwakeup
#define sowwakeup_locked sowwakeup

enum sopt_dir { SOPT_GET, SOPT_SET };
struct sockopt {
	enum sopt_dir sopt_dir;
	int sopt_level;
	int sopt_name;
	void *sopt_val;
	size_t sopt_valsize;
	struct thread *sopt_td;
	struct ucred *sopt_cred; /* whose request; NULL is the stack itself */
};

int sooptcopyin(struct sockopt *, void *buf, size_t len, size_t minlen);
int sooptcopyout(struct sockopt *, const void *buf, size_t len);
int so_setsockopt(struct socket *, int level, int name, void *val, size_t len);
int sosetopt(struct socket *, struct sockopt *);
int sogetopt(struct socket *, struct sockopt *);

/* dom, type, proto as socket(2). The socket is born with one reference: soclose() drops it. */
int socreate(int dom, struct socket **, int type, int proto, struct ucred *, struct thread *);
int sobind(struct socket *, struct sockaddr *, struct thread *);
int solisten(struct socket *, int backlog, struct thread *);
int solisten_proto_check(struct socket *);
void solisten_proto(struct socket *, int backlog);
int solisten_dequeue(
    struct socket *listener, struct socket **, int flags); /* EWOULDBLOCK if none */
int solisten_wait(struct socket *listener);		   /* sleeps until one can be dequeued */
int soaccept(struct socket *, struct sockaddr *sa);	   /* sa: room for sockaddr_storage */
int soconnect(struct socket *, struct sockaddr *, struct thread *); /* starts it, never waits */
int soconnwait(struct socket *); /* sleeps until connected or failed; returns so_error */
int sodisconnect(struct socket *);
int soshutdown(struct socket *, int how);
int soclose(struct socket *); /* never blocks; SO_LINGER 0 resets */
void soabort(struct socket *);
void soref(struct socket *);
void sorele(struct socket *);
#define sofree sorele
int sosockaddr(struct socket *, struct sockaddr *); /* own address; room for sockaddr_storage */
int sopeeraddr(struct socket *, struct sockaddr *); /* ENOTCONN */
int soioctl(struct socket *, u_long cmd, void *data, struct ucred *);

/*
 * Bytes from uio, or top, which goes in whole or (for lack of room: EWOULDBLOCK) not at all.
 * top and control are consumed. When an error comes after some bytes of uio were taken,
 * uio_resid tells; EWOULDBLOCK with a smaller uio_resid is a short write.
 */
int sosend(struct socket *, struct sockaddr *, struct uio *, struct mbuf *top, struct mbuf *control,
    int flags, struct thread *);
int sosend_generic(struct socket *, struct sockaddr *, struct uio *, struct mbuf *top,
    struct mbuf *control, int flags, struct thread *);
/*
 * mp0 != NULL: hands mbufs over instead of copying to uio (uio_resid still bounds). At the end of
 * a stream it returns 0 with uio_resid as it was. *psa, if asked for, is malloc'ed, M_SONAME.
 */
int soreceive_generic(struct socket *, struct sockaddr **, struct uio *, struct mbuf **mp0,
    struct mbuf **controlp, int *flags);
int soreceive(struct socket *, struct sockaddr **, struct uio *, struct mbuf **mp0,
    struct mbuf **controlp, int *flags);
/*
 * Zero copy for the pump. sopeekiov() maps up to max readable bytes at the head of a stream's
 * so_rcv: *niov is the room in iov on entry, the entries used on return. The bytes stay valid
 * until the next call on the socket. Returns 0 with *niov 0 at the end of the stream,
 * EWOULDBLOCK when nothing is there yet, so_error (once) when that is all there is.
 * sodropiov() consumes n of them and tells the protocol, as soreceive() would.
 */
int sopeekiov(struct socket *, struct iovec *iov, int *niov, size_t max);
int sodropiov(struct socket *, size_t n);
int soreserve(struct socket *, u_long sndcc, u_long rcvcc);
void sorflush(struct socket *);

/* protocols call these */
struct socket *sonewconn(struct socket *head, int connstatus); /* NULL when head's queue is full */
void solisten_enqueue(struct socket *so); /* private: so is connected, its listener hears of it */
void solisten_remove(struct socket *so);  /* private: off its listener's queue */
void solisten_abortall(struct socket *);  /* private: the listener closes */
struct socket *soalloc(struct vnet *);	  /* private: no references, no protocol yet */
void sodealloc(struct socket *);
bool solisten_full(const struct socket *head); /* qlen + qheld against the backlog */
void soisconnecting(struct socket *);
void soisconnected(struct socket *);
void soisdisconnecting(struct socket *);
void soisdisconnected(struct socket *);

/*
 * Upcalls run from sowakeup(), in the middle of the protocol's work: they must not close the
 * socket, but schedule a task that does. curvnet is the socket's. On a listener the one set by
 * solisten_upcall_set() and the SO_RCV one run when a connection can be dequeued.
 */
void soupcall_set(struct socket *, sb_which, so_upcall_t *, void *);
void soupcall_clear(struct socket *, sb_which);
void solisten_upcall_set(struct socket *, so_upcall_t *, void *);

extern u_long sb_max; /* kern.ipc.maxsockbuf */
extern int somaxconn; /* kern.ipc.soacceptqueue */
extern uint32_t numopensockets;

#endif
