/*
 * netisr.h - from link layers to protocols, netisr(9).
 */
#ifndef _NET_NETISR_H_
#define _NET_NETISR_H_

#include <sys/types.h>

#define NETISR_IP 1
#define NETISR_ROUTE 3
#define NETISR_ARP 4
#define NETISR_ETHER 5
#define NETISR_IPV6 6
#define NETISR_MAXPROT 16

struct ifnet;
struct mbuf;
typedef void netisr_handler_t(struct mbuf *);

struct netisr_handler {
	const char *nh_name;
	netisr_handler_t *nh_handler;
	u_int nh_proto;
	u_int nh_qlimit; /* packets; 0: net.isr.defaultqlimit */
	u_int nh_policy;
	u_int nh_dispatch;
};
#define NETISR_POLICY_SOURCE 1
#define NETISR_POLICY_FLOW 2
#define NETISR_DISPATCH_DEFAULT 0

void netisr_register(const struct netisr_handler *);
void netisr_unregister(const struct netisr_handler *);
int netisr_dispatch(u_int proto, struct mbuf *); /* now */
int netisr_queue(u_int proto, struct mbuf *);	 /* soon: a soft interrupt, never recursive */
void netisr_forget_if(struct ifnet *);		 /* drops what came by it and waits */
void netisr_getqdrops(const struct netisr_handler *, uint64_t *);

#endif
