/*
 * protosw.h - the switch table of a protocol: what a socket asks of it.
 * domain(9) as of FreeBSD 14, where the user requests are members here.
 * Any member but pr_attach may be NULL: domain_add() puts something harmless there, as a rule
 * EOPNOTSUPP, for pr_sosend and pr_soreceive the generic ones.
 */
#ifndef _SYS_PROTOSW_H_
#define _SYS_PROTOSW_H_

#include <sys/types.h>

struct mbuf;
struct thread;
struct sockaddr;
struct socket;
struct sockopt;
struct uio;
struct ifnet;
struct domain;
struct ucred;

typedef enum { PRU_FLUSH_RD = 0, PRU_FLUSH_WR = 1, PRU_FLUSH_RDWR = 2 } pru_flush_how;

struct protosw {
	short pr_type;		  /* SOCK_* */
	short pr_protocol;	  /* IPPROTO_*; 0 takes any (raw) */
	short pr_flags;		  /* PR_* */
	struct domain *pr_domain; /* set by domain_add() */

	int (*pr_ctloutput)(struct socket *, struct sockopt *);
	void (*pr_abort)(struct socket *);
	int (*pr_accept)(struct socket *, struct sockaddr *); /* room for sockaddr_storage */
	int (*pr_attach)(struct socket *, int proto, struct thread *);
	int (*pr_bind)(struct socket *, struct sockaddr *, struct thread *);
	void (*pr_close)(struct socket *);
	int (*pr_connect)(struct socket *, struct sockaddr *, struct thread *);
	int (*pr_connect2)(struct socket *, struct socket *);
	int (*pr_control)(
	    struct socket *, unsigned long cmd, void *data, struct ifnet *, struct thread *);
	void (*pr_detach)(struct socket *);
	int (*pr_disconnect)(struct socket *);
	int (*pr_listen)(struct socket *, int backlog, struct thread *);
	int (*pr_peeraddr)(struct socket *, struct sockaddr *);
	int (*pr_rcvd)(struct socket *, int flags); /* the reader made room: PR_WANTRCVD */
	int (*pr_rcvoob)(struct socket *, struct mbuf *, int flags);
	/* Consumes m and control. m may be NULL with PRUS_EOF. */
	int (*pr_send)(struct socket *, int flags, struct mbuf *m, struct sockaddr *to,
	    struct mbuf *control, struct thread *);
	int (*pr_shutdown)(struct socket *, int how); /* SHUT_*; ENOTCONN when not connected */
	int (*pr_sockaddr)(struct socket *, struct sockaddr *);
	int (*pr_sosend)(struct socket *, struct sockaddr *, struct uio *, struct mbuf *top,
	    struct mbuf *control, int flags, struct thread *); /* NULL: the generic one */
	int (*pr_soreceive)(struct socket *, struct sockaddr **, struct uio *, struct mbuf **,
	    struct mbuf **, int *);
};

#define PR_ATOMIC 0x01	     /* each send is one record */
#define PR_ADDR 0x02	     /* records carry their sender's address */
#define PR_CONNREQUIRED 0x04 /* send needs a connection */
#define PR_WANTRCVD 0x08
#define PR_IMPLOPCL 0x20
#define PR_LASTHDR 0x40
#define PR_CAPATTACH 0x80

/* pr_send flags */
#define PRUS_OOB 0x1
#define PRUS_EOF 0x2
#define PRUS_MORETOCOME 0x4
#define PRUS_NOTREADY 0x8

#endif
