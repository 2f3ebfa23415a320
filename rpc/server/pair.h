/*
 * pair.h - socket pairs: what a program holds one end of, and alpined the other.
 *
 * Host world. pair.c owns them; the pumps (pump_*.c) move what goes through them; request.c
 * makes them and finds them by the descriptor that a request carries.
 */
#ifndef RPC_PAIR_H
#define RPC_PAIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/time.h>

#include "kernel_glue/include/host/host.h"
#include "rpc/bsd/bsock.h"
#include "rpc/server/space.h"

/* p_flags */
#define PF_QUEUED 0x0001      /* on the ready queue */
#define PF_IN_READY 0x0002    /* the program may have written */
#define PF_IN_EOF 0x0004      /* it said that it writes no more; told to the stack */
#define PF_OUT_BLOCKED 0x0008 /* its queue is full: waiting for EPOLLOUT */
#define PF_OUT_EOF 0x0010     /* told that nothing more comes, or it reads no more */
#define PF_HUP 0x0020	      /* both directions of the pair are over */
#define PF_RESET 0x0040	      /* the program closed with unread bytes */
#define PF_CONNECTING 0x0080  /* non-blocking or not: undecided */
#define PF_TALKED 0x0100      /* the program wrote something: somebody accepted it */
#define PF_WAITING 0x0200     /* on its listener's queue of connections handed over */
#define PF_URGENT 0x0800      /* the program sent urgent data */
#define PF_IN_END 0x1000      /* it writes no more: read until 0 */
#define PF_FASTOPEN 0x4000    /* its data went with the SYN (RFC 7413) */
#define PF_PEER_EOF 0x8000    /* PF_OUT_EOF for the peer's FIN */
#define PF_ORPHAN 0x2000      /* its listener went while it may have waited there */

struct pair;
struct held_dgram;

/* One per kind of socket. run() does a turn's work; true: there is more to do. */
struct pump {
	const char *name;
	bool (*run)(struct pair *);
	void (*cleanup)(struct pair *); /* what only this pump knows; may be NULL */
};
extern const struct pump pump_stream, pump_dgram, pump_listen;

TAILQ_HEAD(pair_queue, pair);

struct pair {
	struct host_watch p_watch; /* on our end */
	int p_fd;		   /* our end */
	uint32_t p_interest;	   /* EPOLL* asked for */
	unsigned p_flags;	   /* PF_* */
	uint64_t p_cookie;	   /* SO_COOKIE of the program's end */
	uint64_t p_id;
	const struct pump *p_pump;
	struct bsock *p_so;
	struct space *p_space;
	int p_error;		   /* found while data still had to be delivered */
	int p_wait_fd;		   /* a blocking connect's answer goes here; -1 none */
	uint32_t p_fill;	   /* gate bytes that lie before the program's own, in our end */
	struct held_dgram *p_held; /* a datagram that did not fit */
	struct timeval p_rcvtimeo, p_sndtimeo; /* a listener's: what its connections begin with */
	int p_sndbuf, p_rcvbuf; /* a stream's, bytes as the program set them; 0: it did not */

	/* listener: connections handed over, the oldest first; each is PF_WAITING */
	struct pair_queue p_waiting;
	unsigned p_nwaiting;
	/* connection: where it waits */
	struct pair *p_listener;
	uint64_t p_orphaned_ns;
	TAILQ_ENTRY(pair) p_waitlink;

	TAILQ_ENTRY(pair) p_ready;
	LIST_ENTRY(pair) p_hash;
	LIST_ENTRY(pair) p_all;
};

int pair_init(const char *instance);
bool pair_fds_left(int newest); /* may sockets have that descriptor? It keeps some for requests */
/*
 * Makes a pair; *program_fd is the other end, the caller's to hand over and close. The pair has
 * no socket yet: p_so is the caller's to set. 0 or errno.
 */
int pair_create(struct space *, bool stream, struct pair **, int *program_fd);
void pair_destroy(struct pair *, bool reset); /* socket, descriptor, all */
/* The same, but the program's end lives on: what it may still ask is remembered. */
void pair_bury(struct pair *, int linux_errno);
struct pair *pair_by_fd(int program_fd, uint64_t *cookie);
void pair_make_listener(struct pair *);
void pair_size(struct pair *, int program_fd); /* as its p_sndbuf and p_rcvbuf say */
void pair_ready(struct pair *);
bsock_event_fn pair_event;		 /* the bsock's */
void pair_want(struct pair *, bool out); /* ask for EPOLLOUT as well, or no more */
unsigned pair_count(void);
void pair_foreach(void (*)(struct pair *, void *), void *);

/* pump_listen.c */
void listener_forget(struct pair *conn);       /* it no longer waits */
bool listener_died_waiting(struct pair *conn); /* never accepted, and its listener is gone */
void listener_shut(struct pair *);
void listener_bar(struct pair *, int program_fd); /* it is not for writing */
bsock_held_fn listener_held;

/* pump_dgram.c */
void dgram_settle(struct pair *); /* what the program has sent is the stack's */

/* pump_stream.c */
int stream_gate(struct pair *, int program_fd); /* POLLOUT off until connected */
void stream_gate_off(struct pair *);
void stream_connecting(struct pair *);

/*
 * graves.c: connections that ended while the program still holds its end: their last error and
 * addresses. Bounded; the oldest goes first.
 */
struct grave {
	uint64_t g_cookie;
	int g_error; /* for SO_ERROR, once */
	int g_type, g_protocol;
	struct rpc_addr g_local, g_peer;
	LIST_ENTRY(grave) g_hash;
	TAILQ_ENTRY(grave) g_age;
};
void grave_dig(uint64_t cookie, int error, struct bsock *);
struct grave *grave_find(uint64_t cookie);
unsigned grave_count(void);

#endif
