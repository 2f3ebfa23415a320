/*
 * ip_errqueue.h - errors about packets that a socket sent, kept until the program reads them.
 * The interface is ours; the model is IP_RECVERR of Linux's ip(7).
 */
#ifndef _NETINET_IP_ERRQUEUE_H_
#define _NETINET_IP_ERRQUEUE_H_

#include <sys/time.h>
#include <netinet/in.h>

struct icmp;
struct inpcb;
struct mbuf;

#define IP_ERR_LOCAL 1 /* ie_origin: the stack itself; info is the MTU */
#define IP_ERR_ICMP 2

#define IP_ERR_PAYLOAD_MAX 1024 /* bytes of the packet that are kept */

struct ip_err {
	int ie_error; /* an errno */
	uint8_t ie_origin, ie_type, ie_code;
	uint8_t ie_ttl;		    /* of the packet that told */
	uint32_t ie_info;	    /* bytes: the MTU, for EMSGSIZE */
	struct sockaddr_in ie_to;   /* where the packet went */
	struct in_addr ie_offender; /* who told; INADDR_ANY: nobody */
	struct timeval ie_when;
};

/* An ICMP error about a packet of inp's. `skip` bytes of the transport's are not payload. */
void ip_errqueue_icmp(struct inpcb *, const struct icmp *, u_short port, u_int skip);
void ip_errqueue_local(
    struct inpcb *, int error, uint32_t info, const struct sockaddr_in *to, const void *, u_int);
/* What an ICMP error means to the socket that sent the packet it quotes; arguments as above. */
void ip_ctl_report(struct inpcb *, const struct icmp *, int error, u_short port, u_int skip);
/* The oldest, with up to *len bytes of its packet. EAGAIN: none. */
int ip_errqueue_take(struct inpcb *, struct ip_err *, void *payload, u_int *len);
/* The errno of the oldest; 0: there is none. */
int ip_errqueue_next(const struct inpcb *);
void ip_errqueue_drain(struct inpcb *);

#endif
