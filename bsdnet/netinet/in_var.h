/*
 * in_var.h - an interface's IPv4 addresses.
 */
#ifndef _NETINET_IN_VAR_H_
#define _NETINET_IN_VAR_H_

#include <sys/queue.h>
#include <sys/callout.h>
#include <net/if_var.h>
#include <netinet/in.h>

struct in_ifaddr {
	struct ifaddr ia_ifa; /* first */
	u_long ia_subnet;     /* host order */
	u_long ia_subnetmask; /* host order */
	LIST_ENTRY(in_ifaddr) ia_hash;
	TAILQ_ENTRY(in_ifaddr) ia_link;
	struct sockaddr_in ia_addr, ia_dstaddr, ia_sockmask;
#define ia_broadaddr ia_dstaddr

	/* address conflict detection (RFC 5227), netinet/if_ether.c */
	struct callout ia_acd_timer;
	sbintime_t ia_acd_defended; /* sbinuptime of the last defence; 0 never */
	uint8_t ia_acd_state;	    /* ACD_* */
	uint8_t ia_acd_count;	    /* probes or announcements sent in this state */
};
#define ACD_IDLE 0 /* no ARP here, or the interface is down */
#define ACD_PROBING 1
#define ACD_ANNOUNCING 2
#define ACD_DEFENDING 3 /* ours */
#define ACD_DUPLICATE 4 /* somebody else's: we stay silent and ask again */
#define ia_ifp ia_ifa.ifa_ifp
#define ia_flags ia_ifa.ifa_flags
#define IA_SIN(ia) (&(ia)->ia_addr)
#define IA_DSTSIN(ia) (&(ia)->ia_dstaddr)

struct in_aliasreq {
	char ifra_name[IFNAMSIZ];
	struct sockaddr_in ifra_addr, ifra_broadaddr, ifra_mask;
	int ifra_vhid;
};
#define ifra_dstaddr ifra_broadaddr

TAILQ_HEAD(in_ifaddrhead, in_ifaddr);
VNET_DECLARE(struct in_ifaddrhead, in_ifaddrhead);
#define V_in_ifaddrhead VNET(in_ifaddrhead)
/* What the family keeps per interface, if_afdata[AF_INET]; the first member as if_llatbl.h wants.
 */
struct in_multi;
struct igmp_ifsoftc;
struct in_ifinfo {
	struct lltable *ii_llt;		/* NULL: no neighbours here */
	LIST_HEAD(, in_multi) ii_multi; /* groups that we are in */
	struct in_multi *ii_allhosts;	/* 224.0.0.1, while there is an address */
	struct igmp_ifsoftc *ii_igmp;	/* igmp.c's; NULL until there is something to say */
};
#define IN_IFINFO(ifp) ((struct in_ifinfo *)(ifp)->if_afdata[AF_INET])
void *in_domifattach(struct ifnet *);
void in_domifdetach(struct ifnet *, void *);

struct in_ifaddr *in_ifaddr_lookup(struct in_addr); /* ours with that address, by hash */
struct in_ifaddr *in_ifaddr_first(struct ifnet *);  /* IFP_TO_IA */

int in_control(struct socket *, u_long cmd, void *data, struct ifnet *, struct thread *);
/* Convenience for the daemon and tests: "ifconfig ifp addr/plen". */
int in_aifaddr(struct ifnet *, struct in_addr addr, int plen);
int in_difaddr(struct ifnet *, struct in_addr addr);
/* The same in host order; a broadcast address of INADDR_ANY is worked out. EINVAL, EEXIST. */
int in_ifadd(struct ifnet *, in_addr_t addr, in_addr_t mask, in_addr_t bcast);
void in_ifremove(struct in_ifaddr *);
void in_ifmakefirst(struct in_ifaddr *); /* of its interface: what in_ifaddr_first() gives */

/*
 * Multicast, RFC 1112 and RFC 3376. A socket is a member of a group by a filter of sources; the
 * filters of an interface's members together are what the interface listens to, in_mcast.c.
 */
#define MCAST_UNDEFINED 0
#define MCAST_INCLUDE 1
#define MCAST_EXCLUDE 2
struct in_msources { /* MCAST_INCLUDE those and nobody else, or MCAST_EXCLUDE those */
	uint8_t ims_mode;
	u_int ims_n;
	in_addr_t *ims_src; /* host order, ascending */
};
struct in_multi;
struct in_mfilter {
	LIST_ENTRY(in_mfilter) imf_link; /* of the group's members */
	struct in_multi *imf_inm;
	struct in_msources imf_sources;
};
struct ip_moptions {
	struct ifnet *imo_multicast_ifp;
	struct in_addr imo_multicast_addr; /* source interface by address */
	uint8_t imo_multicast_ttl, imo_multicast_loop;
	u_short imo_num_memberships, imo_max_memberships;
	struct in_mfilter **imo_membership;
};
void in_multi_purge(struct ifnet *); /* the interface goes */
struct in_multi {
	LIST_ENTRY(in_multi) inm_link;
	struct in_addr inm_addr;
	struct ifnet *inm_ifp; /* NULL: it is gone */
	struct ifmultiaddr *inm_ifma;
	u_int inm_refcount; /* members: filters, and those who take everything */
	LIST_HEAD(, in_mfilter) inm_filters;
	struct in_msources inm_state; /* what all of them want, RFC 3376 3.2 */
};
struct in_multi *inm_lookup(struct ifnet *, struct in_addr);
/* With a NULL filter everybody is listened to. The filter's sources are set; it is linked. */
int in_joingroup(struct ifnet *, const struct in_addr *, struct in_mfilter *, struct in_multi **);
int in_leavegroup(struct in_multi *, struct in_mfilter *);
int in_mc_changed(struct in_multi *); /* a filter's sources are others now: ENOBUFS */

/* Sets of sources. merge: ENOBUFS; keep is a sum of IMS_* of what goes into *to. */
#define IMS_ONLY_A 1
#define IMS_BOTH 2
#define IMS_ONLY_B 4
int ims_merge(
    struct in_msources *to, const struct in_msources *a, const struct in_msources *b, int keep);
bool ims_has(const struct in_msources *, in_addr_t);
bool ims_allows(const struct in_msources *, in_addr_t);
int ims_add(struct in_msources *, in_addr_t);	 /* EADDRNOTAVAIL: is there; ENOBUFS */
int ims_remove(struct in_msources *, in_addr_t); /* EADDRNOTAVAIL: is not */
void ims_free(struct in_msources *);

/* ARP, netinet/if_ether.c */
struct llentry;
struct route;
/* 0: the whole link header is in hdr. EWOULDBLOCK: m is kept; EHOSTDOWN: m is gone. */
int arpresolve(struct ifnet *, int is_gw, struct mbuf *, const struct sockaddr *dst, u_char *hdr,
    uint32_t *pflags, struct llentry **plle);
void arp_ifinit(struct ifnet *, struct ifaddr *); /* announces, checks for a conflict: RFC 5227 */

#endif
