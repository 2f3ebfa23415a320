/*
 * route_var.h - between route.c (the tables) and route_ctl.c (those who change them).
 */
#ifndef _NET_ROUTE_VAR_H_
#define _NET_ROUTE_VAR_H_

#include <net/radix.h>
#include <net/route.h>
#include <net/vnet.h>

#define RT_MAXFIBS 16
#define RIB_CACHE 32 /* destinations, a power of 2 */

struct rib_cache_entry {
	in_addr_t rc_dst;
	uint32_t rc_generation;
	struct nhop_object *rc_nh; /* no reference: good while the generation is */
};

/* One routing table: a family in a FIB in a VNET. */
struct rib_head {
	struct radix_node_head *rnh_tree;
	uint32_t rib_fibnum;
	sa_family_t rib_family;
	struct rib_cache_entry rib_cache[RIB_CACHE];
};

VNET_DECLARE(int, rt_numfibs);
#define V_rt_numfibs VNET(rt_numfibs)

struct nhop_object *nhop_alloc(struct ifnet *, struct ifaddr *);
void rib_changed(void);				      /* cached next hops are void */
void rib_unlink(struct rib_head *, struct rtentry *); /* takes it out and frees it */
int rib_link(struct rib_head *, struct rtentry *);    /* EEXIST, ENOBUFS */
void rib_replace(struct rib_head *, struct rtentry *old, struct rtentry *); /* and frees old */
struct rtentry *rtentry_alloc(void);
void rtentry_free(struct rtentry *);
/* f on each route of every table of this stack; it may delete what it is shown */
void rib_foreach_all(void (*f)(struct rib_head *, struct rtentry *, void *), void *arg);
void rt_arm_expiry(sbintime_t when);
struct rtentry *rib_find(
    struct rib_head *, const struct sockaddr *dst, const struct sockaddr *mask);

#endif
