/*
 * in.c - the IPv4 addresses of interfaces: their lists and hash, and the routes that they bring.
 *
 * Owns V_in_ifaddrhead, the hash over our own addresses, and struct in_ifinfo of each interface.
 * Called by in_control.c, the daemon and tests; told of interfaces by dom_ifattach/dom_ifdetach
 * and by ifnet_event.
 *
 * An address on an interface that is up brings two routes: one to its network, by the interface
 * (one address per network has it: IFA_ROUTE), and one to itself, by lo0. On lo0 itself the network
 * is refused instead, so that no packet for 127/8 goes out by a default route (RFC 1122 3.2.1.3).
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/eventhandler.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/socket.h>
#include <sys/sockio.h>
#include <sys/sysctl.h>
#include <net/ethernet.h>
#include <net/if_llatbl.h>
#include <net/if_types.h>
#include <net/if_var.h>
#include <net/route.h>
#include <net/vnet.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <netinet/in_var.h>

static MALLOC_DEFINE(M_IFINET, "in_ifinfo", "IPv4 per interface");

LIST_HEAD(in_ifaddrhash, in_ifaddr);
#define IN_HASH_BITS 6

VNET_DEFINE(struct in_ifaddrhead, in_ifaddrhead);
VNET_DEFINE_STATIC(struct in_ifaddrhash, in_ifaddrhash[1 << IN_HASH_BITS]);
#define V_in_ifaddrhash VNET(in_ifaddrhash)
VNET_DEFINE_STATIC(int, ip_loopback_net) = 1;
#define V_ip_loopback_net VNET(ip_loopback_net)

static const in_addr_t in_allhosts = INADDR_ALLHOSTS_GROUP;

static void
in_vnet_init(const void *unused __unused)
{
	int i;

	TAILQ_INIT(&V_in_ifaddrhead);
	for (i = 0; i < 1 << IN_HASH_BITS; i++)
		LIST_INIT(&V_in_ifaddrhash[i]);
}
VNET_SYSINIT(in_ifaddr, SI_SUB_PROTO_BEGIN, SI_ORDER_FIRST, in_vnet_init, NULL);

/* ---- questions ---- */

static struct in_ifaddrhash *
in_hashrow(struct in_addr addr)
{
	return (&V_in_ifaddrhash[(ntohl(addr.s_addr) * 0x9e3779b1u) >> (32 - IN_HASH_BITS)]);
}

struct in_ifaddr *
in_ifaddr_lookup(struct in_addr addr)
{
	struct in_ifaddr *ia;

	LIST_FOREACH (ia, in_hashrow(addr), ia_hash)
		if (ia->ia_addr.sin_addr.s_addr == addr.s_addr)
			return (ia);
	return (NULL);
}

struct in_ifaddr *
in_ifaddr_first(struct ifnet *ifp)
{
	struct ifaddr *ifa;

	TAILQ_FOREACH (ifa, &ifp->if_addrhead, ifa_link)
		if (ifa->ifa_addr->sa_family == AF_INET)
			return ((struct in_ifaddr *)ifa);
	return (NULL);
}

int
in_localip(struct in_addr in)
{
	return (in_ifaddr_lookup(in) != NULL);
}

/* lo0 takes what comes for 127/8 anyway (ip_input.c). */
int
in_bindable(struct in_addr in)
{
	const struct in_addr loopback = {.s_addr = htonl(INADDR_LOOPBACK)};

	return (in_localip(in) ||
		(V_ip_loopback_net != 0 && IN_LOOPBACK(ntohl(in.s_addr)) && in_localip(loopback)));
}

/* The interface that an address of ours is on; NULL: it is not ours. */
struct ifnet *
in_localifp(struct in_addr in)
{
	struct in_ifaddr *ia = in_ifaddr_lookup(in);

	if (ia != NULL)
		return (ia->ia_ifp);
	return (in_bindable(in) ? V_loif : NULL);
}

int
in_localaddr(struct in_addr in)
{
	struct in_ifaddr *ia;

	TAILQ_FOREACH (ia, &V_in_ifaddrhead, ia_link)
		if ((ntohl(in.s_addr) & ia->ia_subnetmask) == ia->ia_subnet)
			return (1);
	return (0);
}

/* RFC 1122 3.2.1.3; point-to-point and single-host networks have none (RFC 3021). */
int
in_broadcast(struct in_addr in, struct ifnet *ifp)
{
	struct ifaddr *ifa;
	struct in_ifaddr *ia;

	if (in.s_addr == INADDR_BROADCAST || in.s_addr == INADDR_ANY)
		return (1);
	if ((ifp->if_flags & IFF_BROADCAST) == 0)
		return (0);
	TAILQ_FOREACH (ifa, &ifp->if_addrhead, ifa_link) {
		if (ifa->ifa_addr->sa_family != AF_INET)
			continue;
		ia = (struct in_ifaddr *)ifa;
		if (ia->ia_subnetmask >= 0xfffffffe)
			continue;
		if (in.s_addr == ia->ia_broadaddr.sin_addr.s_addr ||
		    ntohl(in.s_addr) == ia->ia_subnet)
			return (1);
	}
	return (0);
}

/* ---- the routes of an address ---- */

/*
 * 0: network, by the interface; on lo0 refused, but for 127/8 with loopback_net. 1: the address
 * itself, by lo0.
 */
static int
in_ifroute(struct in_ifaddr *ia, bool host, int (*f)(uint32_t, struct rt_addrinfo *))
{
	struct sockaddr_in dst = ia->ia_addr;
	struct rt_addrinfo info = {
	    .rti_flags = RTF_PINNED, .rti_dst = sintosa(&dst), .rti_ifa = &ia->ia_ifa};

	if (host) {
		info.rti_flags |= RTF_HOST | RTF_LOCAL;
		info.rti_ifp = V_loif;
	} else {
		if ((ia->ia_ifp->if_flags & IFF_LOOPBACK) != 0 &&
		    (V_ip_loopback_net == 0 || ia->ia_subnet >> 24 != IN_LOOPBACKNET))
			info.rti_flags |= RTF_REJECT;
		info.rti_netmask = sintosa(&ia->ia_sockmask);
		info.rti_ifp = ia->ia_ifp;
	}
	return (f(RT_DEFAULT_FIB, &info));
}

static void
in_addprefix(struct in_ifaddr *ia)
{
	if (ia->ia_subnetmask == 0xffffffff || (ia->ia_flags & IFA_ROUTE) != 0)
		return;
	/* EEXIST: another address brought it */
	if (in_ifroute(ia, false, rib_add_route) == 0)
		ia->ia_flags |= IFA_ROUTE;
}

/* The route to ia's network goes, and comes back by another address on the same network. */
static void
in_scrubprefix(struct in_ifaddr *ia)
{
	struct in_ifaddr *other;

	if ((ia->ia_flags & IFA_ROUTE) == 0)
		return;
	ia->ia_flags &= ~(u_int)IFA_ROUTE;
	(void)in_ifroute(ia, false, rib_del_route);
	TAILQ_FOREACH (other, &V_in_ifaddrhead, ia_link) {
		if (other != ia && other->ia_subnet == ia->ia_subnet &&
		    other->ia_subnetmask == ia->ia_subnetmask &&
		    (other->ia_ifp->if_flags & IFF_UP) != 0) {
			in_addprefix(other);
			return;
		}
	}
}

static void
in_ifa_up(struct in_ifaddr *ia)
{
	if (V_loif != NULL)
		(void)in_ifroute(ia, true, rib_add_route);
	in_addprefix(ia);
	if (ia->ia_ifp->if_type == IFT_ETHER)
		arp_ifinit(ia->ia_ifp, &ia->ia_ifa);
}

static void
in_ifa_down(struct in_ifaddr *ia)
{
	if (ia->ia_ifp->if_type == IFT_ETHER)
		arp_ifscrub(ia->ia_ifp, ia);
	in_scrubprefix(ia);
	(void)in_ifroute(ia, true, rib_del_route);
	rt_flushifaroutes(&ia->ia_ifa);
}

/* The routes that lo0's addresses brought become what they would be now. */
static int
sysctl_loopback_net(SYSCTL_HANDLER_ARGS)
{
	int on = V_ip_loopback_net, error = sysctl_handle_int(oidp, &on, 0, req);
	struct in_ifaddr *ia;

	if (error != 0 || req->newptr == NULL)
		return (error);
	if (on != 0 && on != 1)
		return (EINVAL);
	V_ip_loopback_net = on;
	TAILQ_FOREACH (ia, &V_in_ifaddrhead, ia_link)
		if ((ia->ia_ifp->if_flags & IFF_LOOPBACK) != 0 && (ia->ia_flags & IFA_ROUTE) != 0) {
			(void)in_ifroute(ia, false, rib_del_route);
			error = in_ifroute(ia, false, rib_add_route);
			if (error != 0)
				ia->ia_flags &= ~(u_int)IFA_ROUTE;
		}
	return (error);
}
SYSCTL_DECL(_net_inet_ip);
SYSCTL_PROC(_net_inet_ip, OID_AUTO, loopback_net, CTLTYPE_INT | CTLFLAG_VNET | CTLFLAG_RW, NULL, 0,
    sysctl_loopback_net, "I",
    "Every address of 127/8 is the host's own, as in Linux (1, default), or only those that lo0 "
    "was given (0)");

/* ---- addresses come and go ---- */

static void
in_setsin(struct sockaddr_in *sin, in_addr_t host)
{
	*sin = (struct sockaddr_in){
	    .sin_len = sizeof(*sin), .sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
}

static struct in_ifaddr *
in_ifa_alloc(struct ifnet *ifp, in_addr_t addr, in_addr_t mask, in_addr_t bcast)
{
	struct in_ifaddr *ia;

	if ((ia = (struct in_ifaddr *)ifa_alloc(sizeof(*ia), M_NOWAIT)) == NULL)
		return (NULL);
	callout_init(&ia->ia_acd_timer, 1);
	in_setsin(&ia->ia_addr, addr);
	in_setsin(&ia->ia_sockmask, mask);
	ia->ia_subnetmask = mask;
	ia->ia_subnet = addr & mask;
	ia->ia_ifa.ifa_addr = sintosa(&ia->ia_addr);
	ia->ia_ifa.ifa_netmask = sintosa(&ia->ia_sockmask);
	if ((ifp->if_flags & IFF_BROADCAST) != 0) {
		in_setsin(&ia->ia_broadaddr, bcast);
		ia->ia_ifa.ifa_dstaddr = sintosa(&ia->ia_broadaddr);
	} else if ((ifp->if_flags & IFF_LOOPBACK) != 0) {
		ia->ia_ifa.ifa_dstaddr = ia->ia_ifa.ifa_addr;
	}
	return (ia);
}

static bool
in_addr_usable(const struct ifnet *ifp, in_addr_t addr, in_addr_t mask)
{
	if ((~mask & (~mask + 1)) != 0) /* holes */
		return (false);
	if (IN_ZERONET(addr) || IN_MULTICAST(addr) || IN_EXPERIMENTAL(addr))
		return (false);
	if ((ifp->if_flags & IFF_LOOPBACK) == 0 && IN_LOOPBACK(addr))
		return (false);
	return (mask >= 0xfffffffe || ((addr & ~mask) != 0 && (addr | mask) != 0xffffffff));
}

int
in_ifadd(struct ifnet *ifp, in_addr_t addr, in_addr_t mask, in_addr_t bcast)
{
	struct in_addr in = {.s_addr = htonl(addr)}, allhosts = {.s_addr = htonl(in_allhosts)};
	struct in_ifaddr *ia;
	struct in_ifinfo *ii = IN_IFINFO(ifp);
	int error;

	if (ii == NULL)
		return (ENXIO);
	if (!in_addr_usable(ifp, addr, mask))
		return (EINVAL);
	if (in_ifaddr_lookup(in) != NULL)
		return (EEXIST);
	if (bcast == INADDR_ANY)
		bcast = mask >= 0xfffffffe ? INADDR_BROADCAST : addr | ~mask;
	if ((ia = in_ifa_alloc(ifp, addr, mask, bcast)) == NULL)
		return (ENOBUFS);
	ifa_link(ifp, &ia->ia_ifa);
	TAILQ_INSERT_TAIL(&V_in_ifaddrhead, ia, ia_link);
	LIST_INSERT_HEAD(in_hashrow(in), ia, ia_hash);
	if ((ifp->if_flags & IFF_UP) != 0) {
		in_ifa_up(ia);
	} else {
		/* An address brings its interface up, which calls in_ifevent(). */
		error = ifp->if_ioctl != NULL
			    ? ifp->if_ioctl(ifp, SIOCSIFADDR, (caddr_t)&ia->ia_ifa)
			    : 0;
		if (error == 0)
			if_up(ifp);
	}
	if (ii->ii_allhosts == NULL && (ifp->if_flags & IFF_MULTICAST) != 0)
		(void)in_joingroup(ifp, &allhosts, NULL, &ii->ii_allhosts);
	EVENTHANDLER_INVOKE(ifaddr_event_ext, ifp, &ia->ia_ifa, IFADDR_EVENT_ADD);
	return (0);
}

struct in_ifpurge {
	const struct in_ifaddr *gone;
};

/* Neighbours that only the address that goes could reach. */
static int
in_lle_unreachable(struct lltable *llt, struct llentry *lle, void *varg)
{
	const struct in_ifpurge *arg = varg;
	const in_addr_t addr = ntohl(lle->r_l3addr.addr4.s_addr);
	struct ifaddr *ifa;
	struct in_ifaddr *ia;

	if ((addr & arg->gone->ia_subnetmask) != arg->gone->ia_subnet)
		return (0);
	TAILQ_FOREACH (ifa, &llt->llt_ifp->if_addrhead, ifa_link) {
		ia = (struct in_ifaddr *)ifa;
		if (ifa->ifa_addr->sa_family == AF_INET && ia != arg->gone &&
		    (addr & ia->ia_subnetmask) == ia->ia_subnet)
			return (0);
	}
	lltable_delete_entry(lle);
	return (0);
}

void
in_ifremove(struct in_ifaddr *ia)
{
	struct ifnet *ifp = ia->ia_ifp;
	struct in_ifinfo *ii = IN_IFINFO(ifp);
	struct in_ifpurge arg = {.gone = ia};

	EVENTHANDLER_INVOKE(ifaddr_event_ext, ifp, &ia->ia_ifa, IFADDR_EVENT_DEL);
	in_ifa_down(ia);
	if (ii->ii_llt != NULL)
		(void)lltable_foreach_lle(ii->ii_llt, in_lle_unreachable, &arg);
	LIST_REMOVE(ia, ia_hash);
	TAILQ_REMOVE(&V_in_ifaddrhead, ia, ia_link);
	ifa_unlink(ifp, &ia->ia_ifa);
	if (in_ifaddr_first(ifp) == NULL && ii->ii_allhosts != NULL) {
		(void)in_leavegroup(ii->ii_allhosts, NULL);
		ii->ii_allhosts = NULL;
	}
}

void
in_ifmakefirst(struct in_ifaddr *ia)
{
	struct ifnet *ifp = ia->ia_ifp;
	struct in_ifaddr *first = in_ifaddr_first(ifp);

	if (first == ia)
		return;
	TAILQ_REMOVE(&ifp->if_addrhead, &ia->ia_ifa, ifa_link);
	TAILQ_INSERT_BEFORE(&first->ia_ifa, &ia->ia_ifa, ifa_link);
	TAILQ_REMOVE(&V_in_ifaddrhead, ia, ia_link);
	TAILQ_INSERT_BEFORE(first, ia, ia_link);
}

int
in_aifaddr(struct ifnet *ifp, struct in_addr addr, int plen)
{
	if (plen < 1 || plen > 32)
		return (EINVAL);
	return (
	    in_ifadd(ifp, ntohl(addr.s_addr), (in_addr_t)(0xffffffffu << (32 - plen)), INADDR_ANY));
}

int
in_difaddr(struct ifnet *ifp, struct in_addr addr)
{
	struct in_ifaddr *ia = in_ifaddr_lookup(addr);

	if (ia == NULL || ia->ia_ifp != ifp)
		return (EADDRNOTAVAIL);
	in_ifremove(ia);
	return (0);
}

/* ---- interfaces come and go ---- */

void *
in_domifattach(struct ifnet *ifp)
{
	struct in_ifinfo *ii;

	ii = malloc(sizeof(*ii), M_IFINET, M_WAITOK | M_ZERO);
	LIST_INIT(&ii->ii_multi);
	if (ifp->if_type == IFT_ETHER)
		ii->ii_llt = in_lltable_attach(ifp);
	return (ii);
}

void
in_domifdetach(struct ifnet *ifp, void *data)
{
	struct in_ifinfo *ii = data;
	struct in_ifaddr *ia;

	while ((ia = in_ifaddr_first(ifp)) != NULL)
		in_ifremove(ia);
	if (ii->ii_llt != NULL)
		lltable_free(ii->ii_llt);
	ii->ii_llt = NULL;
	in_multi_purge(ifp);
	free(ii, M_IFINET);
}

static void
in_ifevent(void *unused __unused, struct ifnet *ifp, int event)
{
	struct in_ifinfo *ii = IN_IFINFO(ifp);
	struct ifaddr *ifa;

	TAILQ_FOREACH (ifa, &ifp->if_addrhead, ifa_link) {
		if (ifa->ifa_addr->sa_family != AF_INET)
			continue;
		if (event == IFNET_EVENT_UP)
			in_ifa_up((struct in_ifaddr *)ifa);
		else
			in_ifa_down((struct in_ifaddr *)ifa);
	}
	if (event == IFNET_EVENT_DOWN && ii != NULL && ii->ii_llt != NULL)
		arp_flush(ii->ii_llt);
}

static void
in_iflladdr(void *unused __unused, struct ifnet *ifp)
{
	struct in_ifinfo *ii = IN_IFINFO(ifp);

	if (ii == NULL || ii->ii_llt == NULL)
		return;
	lltable_lladdr_changed(ii->ii_llt);
	arp_announce(ifp);
}

static void
in_iflink(void *unused __unused, struct ifnet *ifp, int link_state)
{
	if (link_state == LINK_STATE_UP && ifp->if_type == IFT_ETHER)
		arp_announce(ifp);
}

/* lo0 has 127.0.0.1/8 from the start. */
static void
in_ifarrival(void *unused __unused, struct ifnet *ifp)
{
	struct in_addr in = {.s_addr = htonl(INADDR_LOOPBACK)};

	if (ifp == V_loif && IN_IFINFO(ifp) != NULL)
		(void)in_aifaddr(ifp, in, 8);
}

static void
in_events_init(const void *unused __unused)
{
	EVENTHANDLER_REGISTER(ifnet_arrival_event, in_ifarrival, NULL, EVENTHANDLER_PRI_ANY);
	EVENTHANDLER_REGISTER(ifnet_event, in_ifevent, NULL, EVENTHANDLER_PRI_ANY);
	EVENTHANDLER_REGISTER(ifnet_link_event, in_iflink, NULL, EVENTHANDLER_PRI_ANY);
	EVENTHANDLER_REGISTER(iflladdr_event, in_iflladdr, NULL, EVENTHANDLER_PRI_ANY);
}
SYSINIT(in_events, SI_SUB_PROTO_DOMAIN, SI_ORDER_SECOND, in_events_init, NULL);
