/*
 * if_arp.h - the ARP message (RFC 826) and arp(4)'s counters.
 */
#ifndef _NET_IF_ARP_H_
#define _NET_IF_ARP_H_

#include <sys/types.h>
#include <net/vnet.h>

struct arphdr {
	u_short ar_hrd; /* network order, like the rest */
	u_short ar_pro;
	u_char ar_hln;
	u_char ar_pln;
	u_short ar_op;
	/* sender hardware, sender protocol, target hardware, target protocol address */
} __packed;

#define ARPHRD_ETHER 1
#define ARPOP_REQUEST 1
#define ARPOP_REPLY 2
#define ARPOP_REVREQUEST 3
#define ARPOP_REVREPLY 4

struct arpstat {
	uint64_t txrequests; /* requests sent, probes and announcements too */
	uint64_t txreplies;  /* replies sent */
	uint64_t txerrors;   /* could not be sent: no memory, interface */
	uint64_t rxrequests; /* requests received */
	uint64_t rxreplies;  /* replies received */
	uint64_t received;   /* ARP packets received, good or bad */
	uint64_t dropped;    /* packets that waited for an answer and were dropped */
	uint64_t timeouts;   /* entries that ran out */
	uint64_t dupips;     /* somebody else claims one of our addresses */
	uint64_t badlen;     /* too short, or lengths that are not Ethernet's and IPv4's */
	uint64_t badproto;   /* not IPv4 over Ethernet, or no such operation */
	uint64_t badaddr;    /* sender that cannot be: broadcast, multicast, zero, our own MAC */
	uint64_t notforus;   /* requests and replies for others */
	uint64_t overflow;   /* entries refused by net.link.ether.inet.maxentries */
};
VNET_DECLARE(struct arpstat, arpstat);
#define V_arpstat VNET(arpstat)
#define ARPSTAT_ADD(f, n) (V_arpstat.f += (n))
#define ARPSTAT_INC(f) ARPSTAT_ADD(f, 1)

#endif
