/*
 * route_ctl.c - those who change the routing tables: add, change, delete, redirects.
 *
 * Owns nothing but the count of redirects' routes. Called for interface addresses (in.c), by
 * administrators' requests, and by ICMP. A redirect is believed only as far as RFC 1122 3.2.2.2
 * goes: from the gateway that is used now, to one on the same wire, for one host, and not for ever.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/socket.h>
#include <sys/sysctl.h>
#include <net/if_dl.h>
#include <net/if_var.h>
#include <net/route.h>
#include <net/route_var.h>
#include <net/vnet.h>
#include <netinet/in.h>

#define RT_REDIRECT_SEC 600
#define RT_MAXREDIRECTS 1024

VNET_DEFINE_STATIC(u_int, rt_maxredirects) = RT_MAXREDIRECTS;
#define V_rt_maxredirects VNET(rt_maxredirects)

SYSCTL_DECL(_net_route);
SYSCTL_UINT_RANGE(_net_route, OID_AUTO, maxredirects, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(rt_maxredirects), 0, 65536,
    "Routes that ICMP redirects may make (default 1024, 0-65536); they come from the wire");

#define RTF_USERSET                                                                                \
	(RTF_GATEWAY | RTF_HOST | RTF_REJECT | RTF_DYNAMIC | RTF_MODIFIED | RTF_STATIC |           \
	    RTF_BLACKHOLE | RTF_PROTO1 | RTF_PROTO2 | RTF_FIXEDMTU | RTF_PINNED | RTF_LOCAL |      \
	    RTF_BROADCAST)

static size_t
af_layout(sa_family_t af, size_t *off)
{
	*off = af == AF_INET ? offsetof(struct sockaddr_in, sin_addr)
			     : offsetof(struct sockaddr_in6, sin6_addr);
	return (af == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr));
}

/* Destination and mask, normalised: nothing set behind the mask, no port; RTF_HOST as the mask
 * says. */
static int
rt_setdst(struct rtentry *rt, const struct rt_addrinfo *info, struct rib_head *rib)
{
	const u_char *dst = (const u_char *)info->rti_dst;
	size_t off, n, i;
	u_char *d, *m;
	int plen;

	n = af_layout(rib->rib_family, &off);
	if (info->rti_dst->sa_len < off + n)
		return (EINVAL);
	plen = (info->rti_flags & RTF_HOST) != 0 ? (int)(n * NBBY)
						 : rn_masklen(info->rti_netmask, rib->rnh_tree);
	if (plen < 0)
		return (EINVAL);
	d = (u_char *)&rt->rt_dst;
	m = (u_char *)&rt->rt_mask;
	d[0] = m[0] = info->rti_dst->sa_len <= sizeof(rt->rt_dst) ? info->rti_dst->sa_len : 0;
	d[1] = m[1] = (u_char)rib->rib_family;
	if (d[0] == 0)
		return (EINVAL);
	for (i = 0; i < n; i++, plen -= NBBY) {
		m[off + i] = plen >= NBBY ? 0xff : plen <= 0 ? 0 : (u_char)(0xff << (NBBY - plen));
		d[off + i] = dst[off + i] & m[off + i];
	}
	rt->rte_flags = (info->rti_flags & RTF_USERSET & ~RTF_HOST) | RTF_UP;
	if (plen == 0)
		rt->rte_flags |= RTF_HOST;
	return (0);
}

/* The interface by which a gateway is reached directly; EINVAL if the gateway is ourselves. */
static int
rt_gateway_ifp(uint32_t fib, const struct sockaddr *gw, struct ifnet **ifpp)
{
	struct nhop_object *nh;
	struct ifaddr *ifa;

	if (ifa_ifwithaddr(gw) != NULL)
		return (EINVAL);
	if (*ifpp != NULL)
		return (0);
	nh = gw->sa_family == AF_INET
		 ? fib4_lookup(
		       fib, ((const struct sockaddr_in *)(const void *)gw)->sin_addr, 0, 0, 0)
		 : fib6_lookup(
		       fib, &((const struct sockaddr_in6 *)(const void *)gw)->sin6_addr, 0, 0, 0);
	if (nh != NULL && (nh->nh_flags & (NHF_GATEWAY | NHF_REJECT | NHF_BLACKHOLE)) == 0) {
		*ifpp = nh->nh_ifp;
		return (0);
	}
	/* An interface's own network may be in table 0 only. */
	if ((ifa = ifa_ifwithnet(gw, 0, (int)fib)) == NULL ||
	    (ifa->ifa_ifp->if_flags & IFF_UP) == 0)
		return (ENETUNREACH);
	*ifpp = ifa->ifa_ifp;
	return (0);
}

/* Where a route without a gateway leads: to an interface, by index, by pointer or by address. */
static struct ifnet *
rt_direct_ifp(const struct rt_addrinfo *info)
{
	const struct sockaddr *gw = info->rti_gateway;
	struct ifaddr *ifa;

	if (info->rti_ifp != NULL)
		return (info->rti_ifp);
	if (info->rti_ifa != NULL)
		return (info->rti_ifa->ifa_ifp);
	if (gw != NULL) {
		ifa = gw->sa_family == AF_LINK ? ifa_ifwithnet(gw, 0, 0) : ifa_ifwithaddr(gw);
		return (ifa != NULL ? ifa->ifa_ifp : NULL);
	}
	if ((info->rti_flags & (RTF_REJECT | RTF_BLACKHOLE)) != 0)
		return (V_loif);
	return (NULL);
}

static uint16_t
rt_nhflags(const struct rtentry *rt, struct rib_head *rib)
{
	uint16_t f = 0;

	if ((rt->rte_flags & RTF_REJECT) != 0)
		f |= NHF_REJECT;
	if ((rt->rte_flags & RTF_BLACKHOLE) != 0)
		f |= NHF_BLACKHOLE;
	if ((rt->rte_flags & RTF_DYNAMIC) != 0)
		f |= NHF_REDIRECT;
	if ((rt->rte_flags & RTF_GATEWAY) != 0)
		f |= NHF_GATEWAY;
	if ((rt->rte_flags & RTF_BROADCAST) != 0)
		f |= NHF_BROADCAST;
	if ((rt->rte_flags & RTF_HOST) != 0)
		f |= NHF_HOST;
	else if (rn_masklen(&rt->rt_mask, rib->rnh_tree) == 0)
		f |= NHF_DEFAULT;
	return (f);
}

/* The next hop of rt, whose destination and flags are set already. */
static int
rt_setnhop(uint32_t fib, struct rib_head *rib, struct rtentry *rt, const struct rt_addrinfo *info)
{
	const struct sockaddr *gw = info->rti_gateway, *towards;
	struct ifnet *ifp;
	struct ifaddr *ifa;
	int error;

	if ((rt->rte_flags & RTF_GATEWAY) != 0) {
		if (gw == NULL || gw->sa_family != rib->rib_family ||
		    gw->sa_len > sizeof(rt->rt_nhop->gw_ss))
			return (EINVAL);
		ifp = info->rti_ifp;
		if ((error = rt_gateway_ifp(fib, gw, &ifp)) != 0)
			return (error);
		towards = gw;
	} else {
		if ((ifp = rt_direct_ifp(info)) == NULL)
			return (ENETUNREACH);
		towards = (const struct sockaddr *)&rt->rt_dst;
	}
	ifa = info->rti_ifa != NULL ? info->rti_ifa : ifaof_ifpforaddr(towards, ifp);
	if (ifa == NULL && (rt->rte_flags & (RTF_REJECT | RTF_BLACKHOLE)) == 0)
		return (ENETUNREACH);
	if ((rt->rt_nhop = nhop_alloc(ifp, ifa)) == NULL)
		return (ENOBUFS);
	if (ifa != NULL)
		rt->rt_nhop->nh_aifp = ifa->ifa_ifp;
	if ((rt->rte_flags & RTF_GATEWAY) != 0)
		memcpy(&rt->rt_nhop->gw_ss, gw, gw->sa_len);
	rt->rt_nhop->nh_flags = rt_nhflags(rt, rib);
	if (info->rti_mtu != 0) {
		rt->rt_nhop->nh_mtu = (uint16_t)MIN(info->rti_mtu, ifp->if_mtu);
		rt->rte_flags |= RTF_FIXEDMTU;
	}
	return (0);
}

static int
rt_create(uint32_t fib, struct rt_addrinfo *info, struct rib_head **ribp, struct rtentry **rtp)
{
	struct rib_head *rib;
	struct rtentry *rt;
	int error;

	if (info->rti_dst == NULL)
		return (EINVAL);
	if ((rib = rt_tables_get_rnh(fib, info->rti_dst->sa_family)) == NULL)
		return (EAFNOSUPPORT);
	if ((rt = rtentry_alloc()) == NULL)
		return (ENOBUFS);
	if ((error = rt_setdst(rt, info, rib)) != 0 ||
	    (error = rt_setnhop(fib, rib, rt, info)) != 0) {
		rtentry_free(rt);
		return (error);
	}
	if (info->rti_lifetime != 0)
		rt->rt_expire = sbinuptime() + info->rti_lifetime;
	*ribp = rib;
	*rtp = rt;
	return (0);
}

static struct rtentry *
rt_same(struct rib_head *rib, const struct rtentry *rt)
{
	return (rib_find(rib, (const struct sockaddr *)&rt->rt_dst,
	    (rt->rte_flags & RTF_HOST) != 0 ? NULL : (const struct sockaddr *)&rt->rt_mask));
}

int
rib_add_route(uint32_t fib, struct rt_addrinfo *info)
{
	struct rib_head *rib;
	struct rtentry *rt, *old;
	int error;

	if ((error = rt_create(fib, info, &rib, &rt)) != 0)
		return (error);
	/* An interface's own network comes before what somebody wrote by hand. */
	if ((rt->rte_flags & RTF_PINNED) != 0 && (old = rt_same(rib, rt)) != NULL &&
	    (old->rte_flags & RTF_PINNED) == 0)
		rib_unlink(rib, old);
	if ((error = rib_link(rib, rt)) != 0) {
		rtentry_free(rt);
		return (error);
	}
	if (rt->rt_expire != 0)
		rt_arm_expiry(rt->rt_expire);
	return (0);
}

int
rib_change_route(uint32_t fib, struct rt_addrinfo *info)
{
	struct rib_head *rib;
	struct rtentry *rt, *old;
	int error;

	if ((error = rt_create(fib, info, &rib, &rt)) != 0)
		return (error);
	if ((old = rt_same(rib, rt)) == NULL)
		error = ESRCH;
	else if ((old->rte_flags & RTF_PINNED) != 0)
		error = EADDRINUSE;
	if (error != 0) {
		rtentry_free(rt);
		return (error);
	}
	rib_replace(rib, old, rt);
	if (rt->rt_expire != 0)
		rt_arm_expiry(rt->rt_expire);
	return (0);
}

int
rib_del_route(uint32_t fib, struct rt_addrinfo *info)
{
	struct rtentry key = {0}, *rt;
	struct rib_head *rib;
	int error;

	if (info->rti_dst == NULL)
		return (EINVAL);
	if ((rib = rt_tables_get_rnh(fib, info->rti_dst->sa_family)) == NULL)
		return (EAFNOSUPPORT);
	if ((error = rt_setdst(&key, info, rib)) != 0)
		return (error);
	if ((rt = rt_same(rib, &key)) == NULL)
		return (ESRCH);
	if (info->rti_gateway != NULL && (rt->rte_flags & RTF_GATEWAY) != 0 &&
	    !ifa_sameaddr(info->rti_gateway, &rt->rt_nhop->gw_sa))
		return (ESRCH);
	if ((rt->rte_flags & RTF_PINNED) != 0 && (info->rti_flags & RTF_PINNED) == 0)
		return (EADDRINUSE);
	rib_unlink(rib, rt);
	return (0);
}

/* ---- redirects ---- */

static int
rt_count_dynamic(struct rtentry *rt, void *count)
{
	if ((rt->rte_flags & RTF_DYNAMIC) != 0)
		++*(u_int *)count;
	return (0);
}

/* May author send traffic for dst to gateway, both on ifp? */
static int
rt_redirect_allowed(uint32_t fib, const struct sockaddr *dst, const struct sockaddr *gateway,
    const struct sockaddr *author, struct ifnet *ifp)
{
	const struct sockaddr_in *gw = (const struct sockaddr_in *)(const void *)gateway;
	struct nhop_object *nh;
	struct ifaddr *ifa;

	if (dst->sa_family != AF_INET || gateway->sa_family != AF_INET)
		return (EAFNOSUPPORT);
	if (IN_MULTICAST(ntohl(gw->sin_addr.s_addr)) || in_broadcast(gw->sin_addr, ifp) ||
	    ifa_ifwithaddr(gateway) != NULL)
		return (EINVAL);
	ifa = ifa_ifwithnet(gateway, 0, (int)fib);
	if (ifa == NULL || ifa->ifa_ifp != ifp)
		return (ENETUNREACH);
	nh = fib4_lookup(fib, ((const struct sockaddr_in *)(const void *)dst)->sin_addr, 0, 0, 0);
	if (nh == NULL || (nh->nh_flags & NHF_GATEWAY) == 0 || nh->nh_ifp != ifp ||
	    !ifa_sameaddr(&nh->gw_sa, author))
		return (EINVAL);
	return (0);
}

int
rib_add_redirect(uint32_t fib, struct sockaddr *dst, struct sockaddr *gateway,
    struct sockaddr *author, struct ifnet *ifp, int flags __unused, int lifetime_sec)
{
	struct rt_addrinfo info = {.rti_flags = RTF_HOST | RTF_GATEWAY | RTF_DYNAMIC,
	    .rti_dst = dst,
	    .rti_gateway = gateway,
	    .rti_ifp = ifp,
	    .rti_lifetime = (lifetime_sec > 0 ? lifetime_sec : RT_REDIRECT_SEC) * SBT_1S};
	struct rtentry *rt;
	u_int count = 0;
	int error;

	if ((error = rt_redirect_allowed(fib, dst, gateway, author, ifp)) != 0) {
		RTSTAT_INC(rts_badredirect);
		return (error);
	}
	if ((rt = rib_lookup_exact(fib, dst, NULL)) != NULL) {
		if ((rt->rte_flags & RTF_DYNAMIC) == 0) {
			/* written by hand: it stays */
			RTSTAT_INC(rts_badredirect);
			return (EEXIST);
		}
		if ((error = rib_change_route(fib, &info)) == 0)
			RTSTAT_INC(rts_newgateway);
		return (error);
	}
	(void)rib_walk(fib, AF_INET, rt_count_dynamic, &count);
	if (count >= V_rt_maxredirects)
		return (ENOBUFS);
	if ((error = rib_add_route(fib, &info)) == 0)
		RTSTAT_INC(rts_dynamic);
	return (error);
}
