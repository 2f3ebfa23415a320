/*
 * route.c - routing tables and lookups: a radix tree per address family, FIB and VNET, of rtentries
 * that each own a next hop.
 *
 * Owns the tables and V_rt_generation, which moves with every change: whoever keeps a next hop
 * (struct route, the small cache of recent destinations below) looks at it first. Lookups are
 * called per packet and never allocate. Changes: route_ctl.c.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/callout.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/socket.h>
#include <sys/sysctl.h>
#include <net/if_llatbl.h>
#include <net/if_var.h>
#include <net/route.h>
#include <net/route_var.h>
#include <net/vnet.h>
#include <netinet/in.h>

#define RT_MAXROUTES 65536

static MALLOC_DEFINE(M_RTENTRY, "rtentry", "routes and next hops");

VNET_DEFINE(uint32_t, rt_generation) = 1;
VNET_DEFINE(struct rtstat, rtstat);
VNET_DEFINE(int, rt_numfibs) = 1;
VNET_DEFINE_STATIC(u_int, rt_maxroutes) = RT_MAXROUTES;
#define V_rt_maxroutes VNET(rt_maxroutes)
VNET_DEFINE_STATIC(struct rib_head *, rib4[RT_MAXFIBS]);
#define V_rib4 VNET(rib4)
VNET_DEFINE_STATIC(struct rib_head *, rib6[RT_MAXFIBS]);
#define V_rib6 VNET(rib6)
VNET_DEFINE_STATIC(struct callout, rt_expiry);
#define V_rt_expiry VNET(rt_expiry)
VNET_DEFINE_STATIC(sbintime_t, rt_expiry_at);
#define V_rt_expiry_at VNET(rt_expiry_at)

SYSCTL_INT_RANGE(_net, OID_AUTO, fibs, CTLFLAG_VNET | CTLFLAG_RW, &VNET_NAME(rt_numfibs), 1,
    RT_MAXFIBS, "Routing tables per family (default 1, 1-16); interfaces use table 0");
SYSCTL_NODE(_net, PF_ROUTE, route, CTLFLAG_RW, NULL, "Routing tables");
SYSCTL_UINT_RANGE(_net_route, OID_AUTO, maxroutes, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(rt_maxroutes), 16, 16777216,
    "Routes that one table may hold (default 65536), against a program gone wild");
SYSCTL_VNET_PCPUSTAT(_net_route, OID_AUTO, stats, rtstat, rtstat, "Counters, struct rtstat");
SYSCTL_U32(_net_route, OID_AUTO, generation, CTLFLAG_VNET | CTLFLAG_RD, &VNET_NAME(rt_generation),
    0, "Changes of the routing tables");

/* ---- tables ---- */

static struct rib_head *
rib_create(uint32_t fib, sa_family_t af)
{
	struct rib_head *rib;
	int off, bits, made;

	off = af == AF_INET ? (int)offsetof(struct sockaddr_in, sin_addr)
			    : (int)offsetof(struct sockaddr_in6, sin6_addr);
	bits = af == AF_INET ? 32 : 128;
	rib = malloc(sizeof(*rib), M_RTENTRY, M_WAITOK | M_ZERO);
	rib->rib_fibnum = fib;
	rib->rib_family = af;
	made = rn_inithead(&rib->rnh_tree, off * NBBY, bits);
	KASSERT(made, ("rib_create: no memory"));
	return (rib);
}

struct rib_head *
rt_tables_get_rnh(uint32_t fib, sa_family_t af)
{
	struct rib_head **slot;

	if (fib >= (uint32_t)V_rt_numfibs || (af != AF_INET && af != AF_INET6))
		return (NULL);
	slot = af == AF_INET ? &V_rib4[fib] : &V_rib6[fib];
	if (*slot == NULL)
		*slot = rib_create(fib, af);
	return (*slot);
}

static int
rib_empty_one(struct radix_node *rn, void *arg)
{
	rib_unlink(arg, (struct rtentry *)rn);
	return (0);
}

static void
rib_destroy(struct rib_head *rib)
{
	if (rib == NULL)
		return;
	(void)rn_walktree(rib->rnh_tree, rib_empty_one, rib);
	rn_detachhead(&rib->rnh_tree);
	free(rib, M_RTENTRY);
}

static void
rt_vnet_init(const void *unused __unused)
{
	callout_init(&V_rt_expiry, 1);
	(void)rt_tables_get_rnh(RT_DEFAULT_FIB, AF_INET);
	(void)rt_tables_get_rnh(RT_DEFAULT_FIB, AF_INET6);
}
VNET_SYSINIT(rt, SI_SUB_INIT_IF, SI_ORDER_SECOND, rt_vnet_init, NULL);

static void
rt_vnet_destroy(const void *unused __unused)
{
	int i;

	callout_stop(&V_rt_expiry);
	for (i = 0; i < RT_MAXFIBS; i++) {
		rib_destroy(V_rib4[i]);
		rib_destroy(V_rib6[i]);
		V_rib4[i] = V_rib6[i] = NULL;
	}
}
VNET_SYSUNINIT(rt, SI_SUB_INIT_IF, SI_ORDER_SECOND, rt_vnet_destroy, NULL);

void
rib_changed(void)
{
	if (++V_rt_generation == 0)
		V_rt_generation = 1; /* 0 marks what was never looked up */
}

/* ---- entries and next hops ---- */

struct nhop_object *
nhop_alloc(struct ifnet *ifp, struct ifaddr *ifa)
{
	struct nhop_object *nh;

	nh = malloc(sizeof(*nh), M_RTENTRY, M_NOWAIT | M_ZERO);
	if (nh == NULL)
		return (NULL);
	nh->nh_refcnt = 1;
	nh->nh_ifp = nh->nh_aifp = ifp;
	nh->nh_mtu = (uint16_t)MIN(ifp->if_mtu, UINT16_MAX);
	if ((nh->nh_ifa = ifa) != NULL)
		ifa_ref(ifa);
	return (nh);
}

void
nhop_ref(struct nhop_object *nh)
{
	nh->nh_refcnt++;
}

/* The interface may be gone by now: nh_ifp is not looked at. */
void
nhop_free(struct nhop_object *nh)
{
	KASSERT(nh->nh_refcnt > 0, ("nhop_free: no reference"));
	if (--nh->nh_refcnt > 0)
		return;
	if (nh->nh_ifa != NULL)
		ifa_free(nh->nh_ifa);
	free(nh, M_RTENTRY);
}

struct rtentry *
rtentry_alloc(void)
{
	return (malloc(sizeof(struct rtentry), M_RTENTRY, M_NOWAIT | M_ZERO));
}

void
rtentry_free(struct rtentry *rt)
{
	if (rt->rt_nhop != NULL)
		nhop_free(rt->rt_nhop);
	free(rt, M_RTENTRY);
}

static const void *
rt_mask(const struct rtentry *rt)
{
	return ((rt->rte_flags & RTF_HOST) != 0 ? NULL : &rt->rt_mask);
}

static int
rib_insert(struct rib_head *rib, struct rtentry *rt)
{
	if (rn_count(rib->rnh_tree) >= V_rt_maxroutes)
		return (ENOBUFS);
	if (rn_addroute(&rt->rt_dst, rt_mask(rt), rib->rnh_tree, &rt->rt_node) == NULL)
		return (EEXIST);
	rib_changed();
	return (0);
}

static void
rib_remove(struct rib_head *rib, struct rtentry *rt)
{
	struct radix_node *rn;

	rn = rn_delete(&rt->rt_dst, rt_mask(rt), rib->rnh_tree);
	KASSERT(rn == &rt->rt_node, ("rib_remove: not in the table"));
	rib_changed();
}

int
rib_link(struct rib_head *rib, struct rtentry *rt)
{
	int error = rib_insert(rib, rt);

	if (error == 0)
		EVENTHANDLER_INVOKE(rib_event, rib->rib_fibnum, RTM_ADD, rt);
	return (error);
}

void
rib_unlink(struct rib_head *rib, struct rtentry *rt)
{
	rib_remove(rib, rt);
	EVENTHANDLER_INVOKE(rib_event, rib->rib_fibnum, RTM_DELETE, rt);
	rtentry_free(rt);
}

void
rib_replace(struct rib_head *rib, struct rtentry *old, struct rtentry *rt)
{
	int error;

	rib_remove(rib, old);
	rtentry_free(old);
	error = rib_insert(rib, rt);
	KASSERT(error == 0, ("rib_replace: %d", error));
	EVENTHANDLER_INVOKE(rib_event, rib->rib_fibnum, RTM_CHANGE, rt);
}

struct rtentry *
rib_find(struct rib_head *rib, const struct sockaddr *dst, const struct sockaddr *mask)
{
	return ((struct rtentry *)rn_lookup(dst, mask, rib->rnh_tree));
}

struct rtentry *
rib_lookup_exact(uint32_t fib, const struct sockaddr *dst, const struct sockaddr *mask)
{
	struct rib_head *rib = rt_tables_get_rnh(fib, dst->sa_family);

	return (rib != NULL ? rib_find(rib, dst, mask) : NULL);
}

/* ---- lookups ---- */

static struct nhop_object *
rib_match(struct rib_head *rib, const void *addr)
{
	struct rtentry *rt = (struct rtentry *)rn_match_bits(addr, rib->rnh_tree);

	return (rt != NULL ? rt->rt_nhop : NULL);
}

struct nhop_object *
fib4_lookup(uint32_t fib, struct in_addr dst, uint32_t scopeid __unused, uint32_t flags,
    uint32_t flowid __unused)
{
	struct rib_cache_entry *rc;
	struct rib_head *rib;
	struct nhop_object *nh;

	if ((rib = rt_tables_get_rnh(fib, AF_INET)) == NULL)
		return (NULL);
	rc = &rib->rib_cache[(ntohl(dst.s_addr) * 0x9e3779b1u) >> 27];
	if (rc->rc_generation == V_rt_generation && rc->rc_dst == dst.s_addr) {
		nh = rc->rc_nh;
	} else {
		nh = rib_match(rib, &dst);
		*rc = (struct rib_cache_entry){
		    .rc_dst = dst.s_addr, .rc_generation = V_rt_generation, .rc_nh = nh};
	}
	if (nh != NULL && (flags & NHR_REF) != 0)
		nhop_ref(nh);
	return (nh);
}
CTASSERT(RIB_CACHE == 1 << (32 - 27));

struct nhop_object *
fib6_lookup(uint32_t fib, const struct in6_addr *dst, uint32_t scopeid __unused, uint32_t flags,
    uint32_t flowid __unused)
{
	struct rib_head *rib;
	struct nhop_object *nh;

	if ((rib = rt_tables_get_rnh(fib, AF_INET6)) == NULL)
		return (NULL);
	nh = rib_match(rib, dst);
	if (nh != NULL && (flags & NHR_REF) != 0)
		nhop_ref(nh);
	return (nh);
}

void
ro_invalidate(struct route *ro)
{
	if (ro->ro_nh != NULL) {
		nhop_free(ro->ro_nh);
		ro->ro_nh = NULL;
	}
	if (ro->ro_lle != NULL) {
		llentry_free(ro->ro_lle);
		ro->ro_lle = NULL;
	}
}

void
route_validate(struct route *ro)
{
	if (__predict_false(ro->ro_nh != NULL && ro->ro_generation != V_rt_generation))
		ro_invalidate(ro);
}

/* ---- walks ---- */

struct rib_walk_arg {
	int (*f)(struct rtentry *, void *);
	void *arg;
};

static int
rib_walk_one(struct radix_node *rn, void *varg)
{
	struct rib_walk_arg *wa = varg;

	return (wa->f((struct rtentry *)rn, wa->arg));
}

int
rib_walk(uint32_t fib, int family, int (*f)(struct rtentry *, void *), void *arg)
{
	struct rib_walk_arg wa = {f, arg};
	struct rib_head *rib = rt_tables_get_rnh(fib, (sa_family_t)family);

	return (rib != NULL ? rn_walktree(rib->rnh_tree, rib_walk_one, &wa) : 0);
}

struct rib_all_arg {
	struct rib_head *rib;
	void (*f)(struct rib_head *, struct rtentry *, void *);
	void *arg;
};

static int
rib_all_one(struct radix_node *rn, void *varg)
{
	struct rib_all_arg *aa = varg;

	aa->f(aa->rib, (struct rtentry *)rn, aa->arg);
	return (0);
}

void
rib_foreach_all(void (*f)(struct rib_head *, struct rtentry *, void *), void *arg)
{
	struct rib_all_arg aa = {.f = f, .arg = arg};
	int i, v6;

	for (i = 0; i < RT_MAXFIBS; i++) {
		for (v6 = 0; v6 < 2; v6++) {
			if ((aa.rib = v6 ? V_rib6[i] : V_rib4[i]) != NULL)
				(void)rn_walktree(aa.rib->rnh_tree, rib_all_one, &aa);
		}
	}
}

static void
rt_flushif_one(struct rib_head *rib, struct rtentry *rt, void *ifp)
{
	if (rt->rt_nhop->nh_ifp == ifp || rt->rt_nhop->nh_aifp == ifp)
		rib_unlink(rib, rt);
}

void
rt_flushifroutes(struct ifnet *ifp)
{
	rib_foreach_all(rt_flushif_one, ifp);
}

static void
rt_flushifa_one(struct rib_head *rib, struct rtentry *rt, void *ifa)
{
	if (rt->rt_nhop->nh_ifa == ifa)
		rib_unlink(rib, rt);
}

void
rt_flushifaroutes(struct ifaddr *ifa)
{
	rib_foreach_all(rt_flushifa_one, ifa);
}

static void
rt_updatemtu_one(struct rib_head *rib __unused, struct rtentry *rt, void *varg)
{
	struct ifnet *ifp = varg;

	if (rt->rt_nhop->nh_ifp != ifp)
		return;
	if ((rt->rte_flags & RTF_FIXEDMTU) == 0 || rt->rt_nhop->nh_mtu > ifp->if_mtu)
		rt->rt_nhop->nh_mtu = (uint16_t)MIN(ifp->if_mtu, UINT16_MAX);
}

void
rt_updatemtu(struct ifnet *ifp)
{
	rib_foreach_all(rt_updatemtu_one, ifp);
	rib_changed();
}

/* ---- routes that end: those of redirects ---- */

static void
rt_expire_one(struct rib_head *rib, struct rtentry *rt, void *varg)
{
	sbintime_t *next = varg;

	if (rt->rt_expire == 0)
		return;
	if (rt->rt_expire <= sbinuptime())
		rib_unlink(rib, rt);
	else if (*next == 0 || rt->rt_expire < *next)
		*next = rt->rt_expire;
}

static void
rt_expire(void *unused __unused)
{
	sbintime_t next = 0;

	V_rt_expiry_at = 0;
	rib_foreach_all(rt_expire_one, &next);
	if (next != 0)
		rt_arm_expiry(next);
}

/* There is a route that ends at `when`. */
void
rt_arm_expiry(sbintime_t when)
{
	if (V_rt_expiry_at != 0 && V_rt_expiry_at <= when)
		return;
	V_rt_expiry_at = when;
	callout_reset_sbt(&V_rt_expiry, when - sbinuptime(), 0, rt_expire, NULL, 0);
}
