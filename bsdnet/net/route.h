/*
 * route.h - the routing table: rtentry(9), and the next hops that packets use.
 *
 * The data path asks fib4_lookup()/fib6_lookup() for a next hop (nhop_object),
 * as FreeBSD 13 and later do. A pcb keeps its answer in a struct route, which
 * is good while V_rt_generation has not moved.
 */
#ifndef _NET_ROUTE_H_
#define _NET_ROUTE_H_

#include <sys/types.h>
#include <sys/eventhandler.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <net/radix.h>
#include <net/vnet.h>
#include <netinet/in.h>

struct ifnet;
struct ifaddr;
struct mbuf;
struct llentry;

#define RTF_UP 0x1
#define RTF_GATEWAY 0x2
#define RTF_HOST 0x4
#define RTF_REJECT 0x8
#define RTF_DYNAMIC 0x10 /* by a redirect */
#define RTF_MODIFIED 0x20
#define RTF_DONE 0x40
#define RTF_XRESOLVE 0x200
#define RTF_LLINFO 0x400
#define RTF_STATIC 0x800
#define RTF_BLACKHOLE 0x1000
#define RTF_PROTO2 0x4000
#define RTF_PROTO1 0x8000
#define RTF_FIXEDMTU 0x80000
#define RTF_PINNED 0x100000 /* the interface's own network */
#define RTF_LOCAL 0x200000
#define RTF_BROADCAST 0x400000
#define RTF_MULTICAST 0x800000

/* nh_flags */
#define NHF_REJECT 0x0010
#define NHF_BLACKHOLE 0x0020
#define NHF_REDIRECT 0x0040
#define NHF_DEFAULT 0x0080
#define NHF_BROADCAST 0x0100
#define NHF_GATEWAY 0x0200
#define NHF_HOST 0x0400
/* lookup flags */
#define NHR_NONE 0x00
#define NHR_REF 0x01

struct nhop_object {
	uint16_t nh_flags;
	uint16_t nh_mtu;    /* bytes; the interface's, or the route's own if RTF_FIXEDMTU */
	uint32_t nh_refcnt; /* NHR_REF and the rtentry hold one each */
	struct ifnet *nh_ifp;
	struct ifaddr *nh_ifa; /* source address to use */
	struct ifnet *nh_aifp;
	union {
		struct sockaddr_in gw4_sa;
		struct sockaddr_in6 gw6_sa;
		struct sockaddr gw_sa;
		struct sockaddr_storage gw_ss;
	}; /* the gateway if NHF_GATEWAY */
	uint64_t nh_pksent;
};

struct rtentry {
	struct radix_node rt_node; /* first */
	struct sockaddr_storage rt_dst, rt_mask;
	struct nhop_object *rt_nhop;
	int rte_flags;	      /* RTF_* */
	sbintime_t rt_expire; /* sbinuptime; 0 never */
	uint32_t rt_weight;
};

struct route {
	struct nhop_object *ro_nh;
	struct llentry *ro_lle;
	uint32_t ro_generation; /* V_rt_generation when ro_nh was looked up */
	uint16_t ro_flags;
	union {
		struct sockaddr ro_dst;
		struct sockaddr_storage ro_dst_ss;
	};
};
/* Drops what `ro` holds if the table changed since. */
void route_validate(struct route *);
void ro_invalidate(struct route *);
#define RO_NHFREE(ro) ro_invalidate(ro)
#define RO_INVALIDATE_CACHE(ro) ro_invalidate(ro)

VNET_DECLARE(uint32_t, rt_generation);
#define V_rt_generation VNET(rt_generation)

struct rib_head;
struct rib_head *rt_tables_get_rnh(uint32_t fib, sa_family_t);

/* The next hop for a packet to dst; NULL: no route. Valid until the next table change, unless
 * NHR_REF (then nhop_free()). Never sleeps, never allocates. */
struct nhop_object *fib4_lookup(
    uint32_t fib, struct in_addr dst, uint32_t scopeid, uint32_t flags, uint32_t flowid);
struct nhop_object *fib6_lookup(
    uint32_t fib, const struct in6_addr *dst, uint32_t scopeid, uint32_t flags, uint32_t flowid);
void nhop_ref(struct nhop_object *);
void nhop_free(struct nhop_object *);

struct rt_addrinfo {
	int rti_flags;
	const struct sockaddr *rti_dst, *rti_netmask, *rti_gateway;
	struct ifnet *rti_ifp;
	struct ifaddr *rti_ifa;
	u_long rti_mtu;		 /* 0: the interface's */
	sbintime_t rti_lifetime; /* 0: for ever */
};
/* EEXIST, ESRCH, ENETUNREACH (no way to the gateway), EINVAL, ENOBUFS */
int rib_add_route(uint32_t fib, struct rt_addrinfo *);
int rib_change_route(uint32_t fib, struct rt_addrinfo *);
int rib_del_route(uint32_t fib, struct rt_addrinfo *);
int rib_walk(uint32_t fib, int family, int (*f)(struct rtentry *, void *), void *arg);
struct rtentry *rib_lookup_exact(
    uint32_t fib, const struct sockaddr *dst, const struct sockaddr *mask);
int rib_add_redirect(uint32_t fib, struct sockaddr *dst, struct sockaddr *gateway,
    struct sockaddr *author, struct ifnet *, int flags, int lifetime_sec);
void rt_flushifroutes(struct ifnet *);
void rt_flushifaroutes(struct ifaddr *); /* routes whose source address it is */
void rt_updatemtu(struct ifnet *);	 /* its MTU changed */

/* eventhandler(9): a route came, went or was replaced. The route is in no table when it went. */
#define RTM_ADD 0x1
#define RTM_DELETE 0x2
#define RTM_CHANGE 0x3
typedef void (*rib_event_fn)(void *arg, uint32_t fib, int rtm, const struct rtentry *);
EVENTHANDLER_DECLARE(rib_event, rib_event_fn);

struct rtstat {
	uint64_t rts_badredirect, rts_dynamic, rts_newgateway, rts_unreach, rts_wildcard;
};
VNET_DECLARE(struct rtstat, rtstat);
#define V_rtstat VNET(rtstat)
#define RTSTAT_INC(f) (V_rtstat.f++)

#define RT_DEFAULT_FIB 0
#define RT_ALL_FIBS -1

#endif
