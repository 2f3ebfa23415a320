/*
 * bsd_var.h - private to rpc/bsd/bsd_*.c: what the server's kernel half keeps of a socket, and the
 * translation between BSD and Linux. Kernel world.
 */
#ifndef RPC_BSD_VAR_H
#define RPC_BSD_VAR_H

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/ucred.h>

#include "rpc/bsd/bsock.h"
#include "rpc/bsd/linux_abi.h"

struct bpf_insn;
struct ifnet;
struct mbuf;
struct outgoing;
struct sockaddr;
struct socket;

#define BSF_PKTINFO 0x0001     /* IP_PKTINFO: destination and interface, as one item */
#define BSF_TIMESTAMPNS 0x0002 /* the time of arrival as a timespec */
#define BSF_RECVERR 0x0004     /* IP_RECVERR: errors are queued too */
#define BSF_CONNECTING 0x0008
#define BSF_CORK 0x0200	   /* UDP_CORK */
#define BSF_TELL 0x0100	   /* the next connect() is told that it is connected */
#define BSF_ORIGDST 0x0080 /* IP_RECVORIGDSTADDR */
#define BSF_FREEBIND 0x0010
#define BSF_FASTOPEN 0x0020 /* TCP_FASTOPEN_CONNECT */
#define BSF_DEFERRED 0x0040 /* connected, to b_peer, when data comes */

#define BSOCK_KEPT 16

struct bsock {
	struct socket *b_so;
	bsock_event_fn *b_event;
	void *b_owner;
	bsock_held_fn *b_held; /* listeners */
	unsigned b_flags;      /* BSF_* */
	int b_type;	       /* LINUX_SOCK_* */
	int b_protocol;	       /* as asked for, or the type's default */
	uint64_t b_id;	       /* for SO_COOKIE */
	int b_mtu_discover;
	int b_kept[BSOCK_KEPT];		 /* bsd_keptopt.c: options that change nothing here */
	struct sockaddr_storage b_bound; /* by bind(2); ss_len 0: not */
	struct sockaddr_storage b_peer;	 /* if BSF_DEFERRED */
	uint32_t b_notsent_lowat;	 /* TCP_NOTSENT_LOWAT, bytes; 0 no limit */
	uint32_t b_mark;		 /* of the last error told, where there is IP_RECVERR */
	uint32_t b_icmp_filter;		 /* ICMP types that are not wanted, by bit */
	struct outgoing *b_cork;	 /* bsd_dgram.c: a datagram that waits for more */
	struct bpf_insn *b_filter;	 /* bsd_filter.c; NULL: none */
	bool b_filter_locked;
};

/* The cred of a request, as the stack's; valid until the next call. */
struct ucred *bsd_ucred(const struct bsock_cred *);
struct thread *bsd_thread(const struct bsock_cred *);

/* bsd_sockopt.c: gives `to` the options of `from`. */
void bsd_copy_options(struct socket *from, struct socket *to);

int bsd_setopt(
    struct bsock *, const struct bsock_cred *, int level, int name, void *val, size_t len);
int bsd_getopt(struct bsock *, int level, int name, void *val, size_t *len);
/* Multicast options that name sources, bsd_mcast.c. */
bool bsd_is_source_option(int name);
int bsd_set_sources(struct bsock *, int name, const char *val, size_t len);
int bsd_get_filter(struct bsock *, int name, char *val, uint32_t *len); /* *_MSFILTER */
int bsd_answer(void *val, uint32_t *len, const void *from, size_t fromlen);

/* bsd_socket.c: where a deferred connection goes, which begins now; NULL: it is none. */
struct sockaddr *bsd_deferred_peer(struct bsock *);

/* bsd_tcpopt.c: Linux's names and errnos */
int bsd_tcp_setopt(
    struct bsock *, const struct bsock_cred *, int name, const void *val, size_t len);
int bsd_tcp_getopt(struct bsock *, int name, void *val, uint32_t *len);
void bsd_tcp_copyopt(struct socket *from, struct socket *to);

/* bsd_dgram.c: UDP_CORK */
bool bsd_has_cork(const struct bsock *);
void bsd_cork(struct bsock *, bool on);
void bsd_cork_drop(struct bsock *);

/* bsd_keptopt.c; set and get only what is known */
void bsd_kept_init(struct bsock *);
bool bsd_kept_known(int level, int name);
int bsd_kept_set(struct bsock *, const struct bsock_cred *, int level, int name, int v);
int bsd_kept_get(const struct bsock *, int level, int name);

/* bsd_filter.c */
int bsd_filter_attach(struct bsock *, const void *val, size_t len);
int bsd_filter_detach(struct bsock *);
void bsd_filter_free(struct bsock *);
int bsd_filter_keep(struct bsock *, const struct sockaddr *from, struct mbuf *);

/* bsd_linux.c */
int linux_sockaddr_in(const void *addr, size_t len, struct sockaddr_storage *); /* Linux errno */
int linux_sockaddr_unspec(const void *addr, size_t len); /* is it AF_UNSPEC? */
/* Interfaces by the names that programs know: the loopback interface is "lo" to them. */
const char *bsd_ifname(const struct ifnet *);
struct ifnet *bsd_ifbyname(const char *);
int linux_tcp_state(int bsd_state); /* as TCP_INFO and /proc/net/tcp number them */
void linux_sockaddr_out(const struct sockaddr *, struct rpc_addr *);
int linux_msg_flags_in(uint32_t); /* MSG_*: to BSD's */
uint32_t linux_msg_flags_out(int);
/*
 * Control items of a send. What the protocol takes is in `control` (NULL: none); TOS and TTL of
 * this datagram alone are put into the socket for the time of the call: -1 not given.
 */
struct linux_send {
	struct mbuf *control;
	int tos, ttl;
	int old_tos, old_ttl;
};
int linux_control_in(struct bsock *, const void *control, size_t len, struct linux_send *);
void linux_send_begin(struct bsock *, struct linux_send *);
void linux_send_end(struct bsock *, struct linux_send *);
/* What recvmsg(MSG_ERRQUEUE) says of an error, laid out as below. */
struct ip_err;
size_t linux_error_out(struct bsock *, const struct ip_err *, char *buf, size_t room);
/* Control items as received, laid out as Linux's in buf; bytes, a multiple of 8. */
size_t linux_control_out(
    struct bsock *, struct mbuf *control, char *buf, size_t room, uint32_t *msg_flags);

#endif
