/*
 * in_var.h - an interface's IPv4 addresses.
 */
#ifndef _NETINET_IN_VAR_H_
#define _NETINET_IN_VAR_H_

#include <sys/queue.h>
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
};
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
struct in_ifaddr *in_ifaddr_lookup(struct in_addr); /* ours with that address, by hash */
struct in_ifaddr *in_ifaddr_first(struct ifnet *);  /* IFP_TO_IA */

int in_control(struct socket *, u_long cmd, void *data, struct ifnet *, struct thread *);
/* Convenience for the daemon and tests: "ifconfig ifp addr/plen". */
int in_aifaddr(struct ifnet *, struct in_addr addr, int plen);
int in_difaddr(struct ifnet *, struct in_addr addr);

struct ip_moptions {
	struct ifnet *imo_multicast_ifp;
	struct in_addr imo_multicast_addr; /* source interface by address */
	uint8_t imo_multicast_ttl, imo_multicast_loop;
	u_short imo_num_memberships, imo_max_memberships;
	struct in_multi **imo_membership;
};
struct in_multi {
	LIST_ENTRY(in_multi) inm_link;
	struct in_addr inm_addr;
	struct ifnet *inm_ifp;
	struct ifmultiaddr *inm_ifma;
	u_int inm_refcount;
};
struct in_multi *inm_lookup(struct ifnet *, struct in_addr);
int in_joingroup(struct ifnet *, const struct in_addr *, void *filter, struct in_multi **);
int in_leavegroup(struct in_multi *, void *filter);

/* ARP, netinet/if_ether.c */
struct llentry;
struct route;
int arpresolve(struct ifnet *, int is_gw, struct mbuf *, const struct sockaddr *dst, u_char *desten,
    uint32_t *pflags, struct llentry **plle); /* 0: desten is filled; EWOULDBLOCK: m is kept; EHOSTDOWN */
void arp_ifinit(struct ifnet *, struct ifaddr *); /* announces, checks for a conflict: RFC 5227 */

#endif
