/*
 * bsock.h - where the two halves of the server meet: a BSD socket as the host's half sees it.
 *
 * Neutral. Implemented by the bsd_*.c beside it, in the kernel world; called by rpc/server's
 * request.c and pump_*.c in the host world. Every value of a family, option, flag, errno or ioctl
 * that crosses this line is Linux's, every address a Linux sockaddr: the kernel-world side
 * translates. Errors are 0 or a positive Linux errno. Nothing here blocks.
 */
#ifndef RPC_BSOCK_H
#define RPC_BSOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/wire.h"
#include "tapbridge/link.h" /* struct link_iov */

struct alpine_module_host;
struct bsock;

/* Who asks. uid 0 has BSD's privileges. */
struct bsock_cred {
	uint32_t uid, gid;
	uint32_t privs; /* BSOCK_PRIV_*, beyond what uid gives */
};
#define BSOCK_PRIV_BIND 0x1 /* ports below 1024 */
#define BSOCK_PRIV_RAW 0x2
#define BSOCK_PRIV_ADMIN 0x4 /* interfaces, routes, neighbours */

/*
 * What happened to a socket, told by its upcalls. Runs in the middle of the stack's work: it
 * may only remember (pair.c marks the pair ready and schedules a task).
 */
#define BSOCK_READ 0x1	/* data, a connection, the end or an error came */
#define BSOCK_WRITE 0x2 /* room, connected, or an error */
typedef void bsock_event_fn(void *owner, int what);

/* Limits and tunables, sysctls net.alpine.*: bsd_limits.c. */
struct bsock_limits {
	int maxsockets;	  /* sockets of one namespace */
	int maxconns;	  /* control connections of one namespace */
	int maxspaces;	  /* namespaces attached */
	int graves;	  /* ended connections remembered */
	int pump_budget;  /* bytes a socket may move, each way, in one turn */
	int accept_ahead; /* connections handed to a program before it asks */
	int dgram_buf;	  /* bytes: buffers of new datagram and raw sockets */
	int pair_sndbuf;  /* bytes: SO_SNDBUF of both ends of a stream's pair, 0 the system's */
};
extern struct bsock_limits bsock_limits;

/* ---- a socket's life ---- */

int bsock_create(int domain, int type, int protocol, const struct bsock_cred *, bsock_event_fn *,
    void *owner, struct bsock **);
/* Gives it up; TCP still sends what it has. reset: a stream's peer gets a RST instead. */
void bsock_close(struct bsock *, bool reset);
void bsock_set_owner(struct bsock *, void *owner);
bool bsock_is_stream(const struct bsock *);

int bsock_bind(struct bsock *, const struct bsock_cred *, const void *addr, size_t len);
/*
 * 0: connected (or a datagram's peer is set). EINPROGRESS: see bsock_connect_result(). fast: data
 * follows; 0 may then mean that the connection begins with it (RFC 7413).
 */
int bsock_connect(
    struct bsock *, const struct bsock_cred *, const void *addr, size_t len, bool fast);
/* EINPROGRESS while it lasts; 0 connected; else why not. Takes the socket's error. */
int bsock_connect_result(struct bsock *);
void bsock_tell_once(struct bsock *); /* the next connect() answers 0 if it is connected */
bool bsock_is_connecting(const struct bsock *);
bool bsock_is_deferred(const struct bsock *); /* connects when it is written to (RFC 7413) */
int bsock_shutdown(struct bsock *, int how);
int bsock_sockname(struct bsock *, struct rpc_addr *);
int bsock_peername(struct bsock *, struct rpc_addr *);
int bsock_setsockopt(
    struct bsock *, const struct bsock_cred *, int level, int name, const void *val, size_t len);
/*
 * *len: room on entry, bytes on return. val on entry: what the program's own buffer holds, for the
 * options that ask by it (IP_MSFILTER); zeros behind what is known of it.
 */
int bsock_getsockopt(struct bsock *, int level, int name, void *val, uint32_t *len);
/* arg: RPC_OPTVAL_MAX bytes of room, *len of them came; *len of the answer on return. */
int bsock_ioctl(struct bsock *, const struct bsock_cred *, uint64_t cmd, void *arg, uint32_t *len,
    uint32_t room);
int bsock_take_error(struct bsock *);

/* ---- listeners ---- */

int bsock_listen(struct bsock *, int backlog);
bool bsock_is_listening(const struct bsock *);
unsigned bsock_backlog(const struct bsock *);
/* EAGAIN when there is none. The new socket has the event function of the listener. */
int bsock_accept(struct bsock *listener, void *owner, struct bsock **, struct rpc_accept *);
/* Connections that were handed over and wait for the program: they count against the backlog. */
void bsock_set_held(struct bsock *listener, unsigned n);
/* Both kinds of waiting fill at least half of the backlog: look whether `held` is stale. */
typedef unsigned bsock_held_fn(void *owner);
void bsock_set_held_fn(struct bsock *listener, bsock_held_fn *);

/* ---- streams: the pump's way through ---- */

/* Bytes that the socket takes now; 0 when full, not connected, or when writing is over. */
size_t bsock_space(struct bsock *);
bool bsock_may_send(const struct bsock *); /* or is writing over for ever? */
/* A buffer to read the program's bytes into; the same until bsock_write() used it. */
void *bsock_buffer(size_t *room);
/* Sends the first n bytes of the buffer. more: further bytes are known to follow at once. */
int bsock_write(struct bsock *, size_t n, bool more);
int bsock_write_urgent(struct bsock *, uint8_t byte);
/* As sopeekiov(9): EAGAIN, 0 with *niov 0 at the end, or the pending error. */
int bsock_peek(struct bsock *, struct link_iov *iov, int *niov, size_t max);
int bsock_drop(struct bsock *, size_t n);
/*
 * Bytes before the urgent mark, -1 if there is none pending. At 0 take the byte with
 * bsock_read_urgent(): EAGAIN not here yet, EINVAL in line or taken.
 */
long bsock_urgent_mark(const struct bsock *);
int bsock_read_urgent(struct bsock *, uint8_t *byte, bool take);

/* ---- datagrams ---- */

/* hdr == NULL: to the connected peer, without control items. */
int bsock_send(struct bsock *, const struct bsock_cred *, const struct rpc_dgram *hdr,
    const void *control, size_t control_len, const void *payload, size_t len);
/*
 * One datagram as the program gets it: header, control items, payload. EAGAIN: none; another
 * errno is the socket's pending error, taken.
 */
#define BSOCK_DGRAM_MAX (sizeof(struct rpc_dgram) + RPC_CONTROL_MAX + RPC_DGRAM_PAYLOAD_MAX)
int bsock_recv(struct bsock *, void *buf, size_t size, size_t *len);
/* d_flags of the message that tells the error which bsock_recv() gave. */
uint32_t bsock_mark(struct bsock *);
/*
 * The oldest error that IP_RECVERR kept, likewise: to where, items, the packet. EAGAIN: none.
 * `mark` is of the last message that the program took; where it was the last that was sent and the
 * queue holds more, the socket has its next error again.
 */
#define BSOCK_ERROR_MAX (sizeof(struct rpc_dgram) + RPC_CONTROL_MAX + 1024)
int bsock_errqueue(struct bsock *, uint32_t mark, void *buf, size_t size, size_t *len);

/* ---- the stack as a whole ---- */

struct bsd_ifinfo {
	char name[16];
	uint32_t mtu;
};
/* Up, and with that address; prefix 0: with none. */
int bsd_if_configure(const char *ifname, const uint8_t addr[4], int prefix);
int bsd_if_unconfigure(const char *ifname, const uint8_t addr[4]);
int bsd_default_route(const uint8_t gateway[4]); /* instead of the one there is; NULL: none */
void bsd_if_info(const char *ifname, struct bsd_ifinfo *);
/* Own addresses without loopback's, port = prefix length. */
unsigned bsd_addresses(struct rpc_addr *, unsigned max);
/* Starts a module (host/module.h) in the stack; a BSD errno. */
int bsd_module_init(int (*init)(const struct alpine_module_host *, const char *), const char *name,
    const char *args);

/* Text goes out in pieces; names as in wire.h's RPC_CTL_REPORT. ENOENT: no such report. */
typedef void bsd_emit_fn(void *arg, const char *text, size_t len);
int bsd_report(const char *request, bsd_emit_fn *, void *arg);
/* An administrator's change, wire.h's RPC_CTL_CHANGE; whether he may was asked before. */
int bsd_change(const char *request, bsd_emit_fn *, void *arg);
/* From now on each change is told, a line each; NULL: no more. The columns' names, a line. */
void bsd_monitor(bsd_emit_fn *, void *arg);
extern const char bsd_monitor_columns[];
int bsd_sysctl(const char *request, bool may_write, bsd_emit_fn *, void *arg);

int bsd_errno_to_linux(int bsd_errno);
const char *bsd_strerror(int bsd_errno);

#endif
