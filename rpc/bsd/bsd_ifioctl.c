/*
 * bsd_ifioctl.c - ioctls of Linux's netdevice(7), rtnetlink's forerunners in route(8) and arp(7),
 * on the BSD stack: what ifconfig, route and arp of net-tools speak. Reading is everybody's;
 * changing is for whoever has PRIV_NET_*.
 *
 * Linux gives each further address of an interface a label, "tap0:1", by which it is asked and
 * changed. BSD has none; here they are numbers that stay with an address as long as it is there.
 * Owns that table of labels. Called by bsd_ioctl.c.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/priv.h>
#include <sys/socket.h>
#include <sys/sockio.h>
#include <net/ethernet.h>
#include <net/if_dl.h>
#include <net/if_llatbl.h>
#include <net/if_types.h>
#include <net/if_var.h>
#include <net/route.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <netinet/in_var.h>

#include "rpc/bsd/bsd_admin.h"

CTASSERT(sizeof(struct linux_ifreq) == 40);
CTASSERT(sizeof(struct linux_rtentry) == 120);
CTASSERT(sizeof(struct linux_arpreq) == 68);

#define LABELS_MAX 256

struct label {
	struct in_addr addr; /* INADDR_ANY: free */
	u_int number;	     /* behind the colon */
};
static struct label labels[LABELS_MAX];

static int16_t
linux_if_flags(const struct ifnet *ifp)
{
	int flags = 0;

	if ((ifp->if_flags & IFF_UP) != 0)
		flags |= LINUX_IFF_UP;
	if ((ifp->if_flags & IFF_BROADCAST) != 0)
		flags |= LINUX_IFF_BROADCAST;
	if ((ifp->if_flags & IFF_LOOPBACK) != 0)
		flags |= LINUX_IFF_LOOPBACK;
	if ((ifp->if_flags & IFF_POINTOPOINT) != 0)
		flags |= LINUX_IFF_POINTOPOINT;
	if ((ifp->if_flags & IFF_UP) != 0 && ifp->if_link_state != LINK_STATE_DOWN)
		flags |= LINUX_IFF_RUNNING;
	if ((ifp->if_flags & IFF_NOARP) != 0)
		flags |= LINUX_IFF_NOARP;
	if ((ifp->if_flags & IFF_PROMISC) != 0)
		flags |= LINUX_IFF_PROMISC;
	if ((ifp->if_flags & IFF_ALLMULTI) != 0)
		flags |= LINUX_IFF_ALLMULTI;
	if ((ifp->if_flags & IFF_MULTICAST) != 0)
		flags |= LINUX_IFF_MULTICAST;
	return ((int16_t)flags);
}

/* ---- labels ---- */

static struct label *
label_slot(struct in_addr addr)
{
	u_int i;

	for (i = 0; i < LABELS_MAX; i++)
		if (labels[i].addr.s_addr == addr.s_addr)
			return (&labels[i]);
	return (NULL);
}

static struct in_ifaddr *
addr_of_label(struct ifnet *ifp, u_int number)
{
	struct in_ifaddr *ia;
	u_int i;

	for (i = 0; i < LABELS_MAX; i++) {
		if (labels[i].addr.s_addr == INADDR_ANY || labels[i].number != number)
			continue;
		ia = in_ifaddr_lookup(labels[i].addr);
		if (ia != NULL && ia->ia_ifp == ifp && ia != in_ifaddr_first(ifp))
			return (ia);
	}
	return (NULL);
}

static void
label_set(struct in_addr addr, u_int number)
{
	struct label *l = label_slot(addr);
	u_int i;

	for (i = 0; l == NULL && i < LABELS_MAX; i++)
		if (labels[i].addr.s_addr == INADDR_ANY || in_ifaddr_lookup(labels[i].addr) == NULL)
			l = &labels[i];
	if (l != NULL)
		*l = (struct label){addr, number};
}

/* An interface's addresses beyond the first have numbers; who has none yet gets the lowest. */
static void
label_all(struct ifnet *ifp)
{
	struct in_ifaddr *ia, *first = in_ifaddr_first(ifp);
	u_int number;

	TAILQ_FOREACH (ia, &V_in_ifaddrhead, ia_link) {
		if (ia->ia_ifp != ifp || ia == first || label_slot(ia->ia_addr.sin_addr) != NULL)
			continue;
		for (number = 0; addr_of_label(ifp, number) != NULL; number++)
			;
		label_set(ia->ia_addr.sin_addr, number);
	}
}

static void
label_name(const struct in_ifaddr *ia, char name[LINUX_IFNAMSIZ])
{
	const struct label *l = label_slot(ia->ia_addr.sin_addr);

	if (ia == in_ifaddr_first(ia->ia_ifp) || l == NULL)
		strlcpy(name, bsd_ifname(ia->ia_ifp), LINUX_IFNAMSIZ);
	else
		snprintf(name, LINUX_IFNAMSIZ, "%s:%u", bsd_ifname(ia->ia_ifp), l->number);
}

/* What a request's name means. */
struct target {
	struct ifnet *ifp;
	bool labelled;
	u_int number;
	struct in_ifaddr *ia; /* NULL: it has none (yet) */
};

static int
find_target(char name[LINUX_IFNAMSIZ], struct target *t)
{
	char *colon, *end;

	name[LINUX_IFNAMSIZ - 1] = '\0';
	memset(t, 0, sizeof(*t));
	colon = strchr(name, ':');
	if (colon != NULL) {
		if (colon[1] < '0' || colon[1] > '9')
			return (LINUX_ENODEV);
		t->number = (u_int)strtoul(colon + 1, &end, 10);
		if (*end != '\0')
			return (LINUX_ENODEV);
		t->labelled = true;
		*colon = '\0';
	}
	t->ifp = bsd_ifbyname(name);
	if (colon != NULL)
		*colon = ':';
	if (t->ifp == NULL)
		return (LINUX_ENODEV);
	label_all(t->ifp);
	t->ia = t->labelled ? addr_of_label(t->ifp, t->number) : in_ifaddr_first(t->ifp);
	return (0);
}

/* ---- reading ---- */

static void
put_addr(struct linux_sockaddr_in *to, struct in_addr in)
{
	memset(to, 0, sizeof(*to));
	to->sin_family = LINUX_AF_INET;
	to->sin_addr = in.s_addr;
}

/* The addresses of an interface: what Linux calls its first. */
static int
get_addr(const struct target *t, uint64_t cmd, struct linux_ifreq *ifr)
{
	const struct in_ifaddr *ia = t->ia;

	if (ia == NULL)
		return (LINUX_EADDRNOTAVAIL);
	put_addr(&ifr->lifr_addr, cmd == LINUX_SIOCGIFADDR	? ia->ia_addr.sin_addr
				  : cmd == LINUX_SIOCGIFNETMASK ? ia->ia_sockmask.sin_addr
								: ia->ia_dstaddr.sin_addr);
	return (0);
}

static int
get_hwaddr(struct ifnet *ifp, struct linux_ifreq *ifr)
{
	memset(&ifr->lifr_hwaddr, 0, sizeof(ifr->lifr_hwaddr));
	ifr->lifr_hwaddr.sa_family = LINUX_ARPHRD_LOOPBACK;
	if ((ifp->if_flags & IFF_LOOPBACK) == 0 && ifp->if_addr != NULL) {
		ifr->lifr_hwaddr.sa_family = LINUX_ARPHRD_ETHER;
		memcpy(ifr->lifr_hwaddr.sa_data, IF_LLADDR(ifp), 6);
	}
	return (0);
}

static int
get_if(const struct target *t, uint64_t cmd, struct linux_ifreq *ifr)
{
	switch (cmd) {
	case LINUX_SIOCGIFFLAGS:
		if (t->labelled && t->ia == NULL)
			return (LINUX_ENODEV);
		ifr->lifr_flags = linux_if_flags(t->ifp);
		return (0);
	case LINUX_SIOCGIFADDR:
	case LINUX_SIOCGIFNETMASK:
	case LINUX_SIOCGIFBRDADDR:
	case LINUX_SIOCGIFDSTADDR:
		return (get_addr(t, cmd, ifr));
	case LINUX_SIOCGIFHWADDR:
		return (get_hwaddr(t->ifp, ifr));
	case LINUX_SIOCGIFMTU:
		ifr->lifr_int = (int32_t)t->ifp->if_mtu;
		return (0);
	case LINUX_SIOCGIFMETRIC:
		ifr->lifr_int = 0;
		return (0);
	case LINUX_SIOCGIFINDEX:
		ifr->lifr_int = t->ifp->if_index;
		return (0);
	case LINUX_SIOCGIFTXQLEN:
		ifr->lifr_int = 1000;
		return (0);
	case LINUX_SIOCGIFMAP:
		memset(ifr->lifr_pad, 0, sizeof(ifr->lifr_pad));
		return (0);
	default:
		return (LINUX_EINVAL);
	}
}

/* ---- changing ---- */

/* The mask that a class of old implies, as Linux's SIOCSIFADDR has it. */
static in_addr_t
class_mask(in_addr_t addr)
{
	if ((addr & 0x80000000) == 0)
		return (0xff000000);
	return ((addr & 0xc0000000) == 0x80000000 ? 0xffff0000 : 0xffffff00);
}

static int
set_addr(struct target *t, const struct linux_sockaddr_in *sin)
{
	struct in_addr in = {sin->sin_addr};
	int error;

	if (sin->sin_family != LINUX_AF_INET)
		return (EINVAL);
	if (t->ia != NULL && t->ia->ia_addr.sin_addr.s_addr == in.s_addr)
		return (0);
	if (t->ia == NULL && in.s_addr == INADDR_ANY)
		return (0);
	if (in.s_addr != INADDR_ANY && in_ifaddr_lookup(in) != NULL)
		return (EEXIST);
	if (t->ia != NULL)
		in_ifremove(t->ia);
	if (in.s_addr == INADDR_ANY)
		return (0);
	error = in_ifadd(t->ifp, ntohl(in.s_addr), class_mask(ntohl(in.s_addr)), INADDR_ANY);
	if (error == 0 && t->labelled)
		label_set(in, t->number);
	else if (error == 0)
		in_ifmakefirst(in_ifaddr_lookup(in));
	return (error);
}

/* The mask or the broadcast address of an address: it comes anew, in its place if it was first. */
static int
set_addr_part(struct target *t, uint64_t cmd, const struct linux_sockaddr_in *sin)
{
	in_addr_t addr, mask, bcast, value = ntohl(sin->sin_addr);

	if (t->ia == NULL)
		return (EADDRNOTAVAIL);
	if (sin->sin_family != LINUX_AF_INET && sin->sin_family != LINUX_AF_UNSPEC)
		return (EINVAL);
	addr = ntohl(t->ia->ia_addr.sin_addr.s_addr);
	mask = (in_addr_t)t->ia->ia_subnetmask;
	bcast = ntohl(t->ia->ia_broadaddr.sin_addr.s_addr);
	if (cmd == LINUX_SIOCSIFNETMASK)
		/* a broadcast address that followed from the mask goes on doing so */
		return (bsd_address(t->ifp, addr, value,
		    bcast == (addr | ~mask) || mask >= 0xfffffffe ? INADDR_ANY : bcast, false));
	return (bsd_address(t->ifp, addr, mask, value, false));
}

static int
set_flags(struct target *t, int flags)
{
	struct ifreq ifr = {0};
	int new = t->ifp->if_flags;

	if (t->labelled) {
		if (t->ia == NULL)
			return (EADDRNOTAVAIL);
		if ((flags & LINUX_IFF_UP) == 0)
			in_ifremove(t->ia); /* a label that goes down is an address that goes */
		return (0);
	}
	new &= ~(IFF_UP | IFF_NOARP | IFF_PROMISC);
	new |= (flags & LINUX_IFF_UP) != 0 ? IFF_UP : 0;
	new |= (flags & LINUX_IFF_NOARP) != 0 ? IFF_NOARP : 0;
	new |= (flags & LINUX_IFF_PROMISC) != 0 ? IFF_PROMISC : 0;
	strlcpy(ifr.ifr_name, t->ifp->if_xname, sizeof(ifr.ifr_name));
	ifr.ifr_flags = (short)(new & 0xffff);
	ifr.ifr_flagshigh = (short)((u_int) new >> 16);
	return (ifioctl(NULL, SIOCSIFFLAGS, (caddr_t)&ifr, NULL));
}

static int
set_mtu(const struct target *t, int mtu)
{
	struct ifreq ifr = {.ifr_mtu = mtu};

	strlcpy(ifr.ifr_name, t->ifp->if_xname, sizeof(ifr.ifr_name));
	return (ifioctl(NULL, SIOCSIFMTU, (caddr_t)&ifr, NULL));
}

static int
set_if(struct target *t, uint64_t cmd, const struct linux_ifreq *ifr)
{
	switch (cmd) {
	case LINUX_SIOCSIFADDR:
		return (set_addr(t, &ifr->lifr_addr));
	case LINUX_SIOCSIFNETMASK:
	case LINUX_SIOCSIFBRDADDR:
		return (set_addr_part(t, cmd, &ifr->lifr_addr));
	case LINUX_SIOCDIFADDR:
		if (t->ia == NULL)
			return (EADDRNOTAVAIL);
		in_ifremove(t->ia);
		return (0);
	case LINUX_SIOCSIFFLAGS:
		return (set_flags(t, ifr->lifr_flags));
	case LINUX_SIOCSIFMTU:
		return (set_mtu(t, ifr->lifr_int));
	case LINUX_SIOCSIFHWADDR:
		if (ifr->lifr_hwaddr.sa_family != LINUX_ARPHRD_ETHER ||
		    ETHER_IS_MULTICAST((const u_char *)ifr->lifr_hwaddr.sa_data))
			return (EINVAL);
		return (
		    if_setlladdr(t->ifp, (const u_char *)ifr->lifr_hwaddr.sa_data, ETHER_ADDR_LEN));
	default:
		return (EOPNOTSUPP);
	}
}

static bool
changes_if(uint64_t cmd)
{
	switch (cmd) {
	case LINUX_SIOCSIFADDR:
	case LINUX_SIOCSIFNETMASK:
	case LINUX_SIOCSIFBRDADDR:
	case LINUX_SIOCSIFDSTADDR:
	case LINUX_SIOCDIFADDR:
	case LINUX_SIOCSIFFLAGS:
	case LINUX_SIOCSIFMETRIC:
	case LINUX_SIOCSIFMTU:
	case LINUX_SIOCSIFHWADDR:
	case LINUX_SIOCSIFTXQLEN:
		return (true);
	default:
		return (false);
	}
}

static int
if_ioctl(struct ucred *cred, uint64_t cmd, void *arg, uint32_t *len)
{
	struct linux_ifreq ifr;
	struct target t;
	int error;

	if (*len < sizeof(ifr))
		return (LINUX_EINVAL);
	memcpy(&ifr, arg, sizeof(ifr));
	*len = sizeof(ifr);
	if (cmd == LINUX_SIOCGIFNAME) {
		t.ifp = ifr.lifr_int > 0 ? ifnet_byindex((u_int)ifr.lifr_int) : NULL;
		if (t.ifp == NULL)
			return (LINUX_ENODEV);
		strlcpy(ifr.lifr_name, bsd_ifname(t.ifp), sizeof(ifr.lifr_name));
	} else {
		if ((error = find_target(ifr.lifr_name, &t)) != 0)
			return (error);
		if (changes_if(cmd)) {
			if ((error = priv_check_cred(cred, PRIV_NET_SETIFFLAGS)) == 0)
				error = set_if(&t, cmd, &ifr);
			return (error != 0 ? bsd_errno_to_linux(error) : 0);
		}
		if ((error = get_if(&t, cmd, &ifr)) != 0)
			return (error);
	}
	memcpy(arg, &ifr, sizeof(ifr));
	return (0);
}

/* Every IPv4 address with its interface, or its label. */
static int
ifconf(void *arg, uint32_t *len, uint32_t room)
{
	struct linux_ifreq ifr;
	struct in_ifaddr *ia;
	struct ifnet *ifp;
	uint32_t used = 0;

	TAILQ_FOREACH (ifp, &V_ifnet, if_link)
		label_all(ifp);
	TAILQ_FOREACH (ia, &V_in_ifaddrhead, ia_link) {
		if (room - used < sizeof(ifr))
			break;
		memset(&ifr, 0, sizeof(ifr));
		label_name(ia, ifr.lifr_name);
		put_addr(&ifr.lifr_addr, ia->ia_addr.sin_addr);
		memcpy((char *)arg + used, &ifr, sizeof(ifr));
		used += sizeof(ifr);
	}
	*len = used;
	return (0);
}

/* ---- routes ---- */

/* The argument: struct rtentry, and behind it the name that its rt_dev pointed to ("" none). */
static int
route_ioctl(struct ucred *cred, uint64_t cmd, const void *arg, uint32_t len)
{
	struct linux_rtentry rt;
	struct bsd_route r = {.flags = RTF_STATIC};
	char dev[LINUX_IFNAMSIZ];
	int error;

	if (len < sizeof(rt) + sizeof(dev))
		return (LINUX_EINVAL);
	memcpy(&rt, arg, sizeof(rt));
	memcpy(dev, (const char *)arg + sizeof(rt), sizeof(dev));
	dev[sizeof(dev) - 1] = '\0';
	if ((error = priv_check_cred(cred, PRIV_NET_ROUTE)) != 0)
		return (bsd_errno_to_linux(error));
	if (rt.rt_dst.sin_family != LINUX_AF_INET)
		return (LINUX_EAFNOSUPPORT);
	r.dst = ntohl(rt.rt_dst.sin_addr);
	r.mask =
	    (rt.rt_flags & LINUX_RTF_HOST) != 0 ? INADDR_BROADCAST : ntohl(rt.rt_genmask.sin_addr);
	if ((~r.mask & (~r.mask + 1)) != 0 || (r.dst & ~r.mask) != 0)
		return (LINUX_EINVAL);
	/* a route that refuses is by nobody's interface; route(8) says "lo" */
	if (dev[0] != '\0' && (rt.rt_flags & LINUX_RTF_REJECT) == 0 &&
	    (r.ifp = bsd_ifbyname(dev)) == NULL)
		return (LINUX_ENODEV);
	if ((rt.rt_flags & LINUX_RTF_GATEWAY) != 0) {
		if (rt.rt_gateway.sin_family != LINUX_AF_INET)
			return (LINUX_EINVAL);
		r.gateway = ntohl(rt.rt_gateway.sin_addr);
		if (r.gateway != 0)
			r.flags |= RTF_GATEWAY;
	}
	if ((rt.rt_flags & LINUX_RTF_REJECT) != 0)
		r.flags |= RTF_REJECT;
	if ((rt.rt_flags & LINUX_RTF_MTU) != 0 && rt.rt_mtu <= UINT16_MAX)
		r.mtu = (uint32_t)rt.rt_mtu;
	error = bsd_route(cmd == LINUX_SIOCADDRT ? RTM_ADD : RTM_DELETE, &r);
	return (error != 0 ? bsd_errno_to_linux(error) : 0);
}

/* ---- neighbours ---- */

int
linux_arp_flags(const struct llentry *lle)
{
	return (((lle->la_flags & LLE_VALID) != 0 ? LINUX_ATF_COM : 0) |
		((lle->la_flags & LLE_STATIC) != 0 ? LINUX_ATF_PERM : 0) |
		((lle->la_flags & LLE_PUB) != 0 ? LINUX_ATF_PUBL : 0));
}

static int
arp_get(struct ifnet *ifp, struct in_addr in, struct linux_arpreq *req)
{
	struct sockaddr_in sin = {.sin_len = sizeof(sin), .sin_family = AF_INET, .sin_addr = in};
	struct lltable *llt = lltable_get(ifp, AF_INET);
	struct llentry *lle = llt != NULL ? lltable_lookup(llt, sintosa(&sin)) : NULL;

	if (lle == NULL || (lle->la_flags & LLE_IFADDR) != 0)
		return (LINUX_ENXIO);
	req->arp_flags = linux_arp_flags(lle);
	memset(&req->arp_ha, 0, sizeof(req->arp_ha));
	req->arp_ha.sa_family = LINUX_ARPHRD_ETHER;
	memcpy(req->arp_ha.sa_data, lle->ll_addr, ETHER_ADDR_LEN);
	strlcpy(req->arp_dev, bsd_ifname(ifp), sizeof(req->arp_dev));
	return (0);
}

static int
arp_ioctl(struct ucred *cred, uint64_t cmd, void *arg, uint32_t *len)
{
	struct linux_arpreq req;
	struct in_addr in;
	struct ifnet *ifp;
	int error, flags;

	if (*len < sizeof(req))
		return (LINUX_EINVAL);
	memcpy(&req, arg, sizeof(req));
	*len = sizeof(req);
	if (cmd != LINUX_SIOCGARP && (error = priv_check_cred(cred, PRIV_NET_ROUTE)) != 0)
		return (bsd_errno_to_linux(error));
	if (req.arp_pa.sin_family != LINUX_AF_INET)
		return (LINUX_EPFNOSUPPORT);
	in.s_addr = req.arp_pa.sin_addr;
	req.arp_dev[sizeof(req.arp_dev) - 1] = '\0';
	ifp = req.arp_dev[0] != '\0' ? ifunit(req.arp_dev) : bsd_neighbour_if(in);
	if (ifp == NULL)
		return (req.arp_dev[0] != '\0' ? LINUX_ENODEV : LINUX_ENXIO);
	if (cmd == LINUX_SIOCGARP) {
		if ((error = arp_get(ifp, in, &req)) == 0)
			memcpy(arg, &req, sizeof(req));
		return (error);
	}
	if (cmd == LINUX_SIOCDARP) {
		error = bsd_arp_delete(in);
		return (error == ENOENT ? LINUX_ENXIO : error != 0 ? bsd_errno_to_linux(error) : 0);
	}
	if (req.arp_ha.sa_family != LINUX_ARPHRD_ETHER)
		return (LINUX_EINVAL);
	flags = ((req.arp_flags & LINUX_ATF_PERM) != 0 ? LLE_STATIC : 0) |
		((req.arp_flags & LINUX_ATF_PUBL) != 0 ? LLE_PUB : 0);
	error = arp_set(ifp, in, (const u_char *)req.arp_ha.sa_data, flags);
	return (error != 0 ? bsd_errno_to_linux(error) : 0);
}

int
bsd_ifioctl(const struct bsock_cred *who, uint64_t cmd, void *arg, uint32_t *len, uint32_t room)
{
	struct ucred *cred = bsd_ucred(who);

	switch (cmd) {
	case LINUX_SIOCGIFCONF:
		return (ifconf(arg, len, room));
	case LINUX_SIOCADDRT:
	case LINUX_SIOCDELRT:
		return (route_ioctl(cred, cmd, arg, *len));
	case LINUX_SIOCGARP:
	case LINUX_SIOCSARP:
	case LINUX_SIOCDARP:
		return (arp_ioctl(cred, cmd, arg, len));
	default:
		if (cmd >= LINUX_SIOCGIFNAME && cmd <= LINUX_SIOCSIFMAP)
			return (if_ioctl(cred, cmd, arg, len));
		return (LINUX_ENOTTY);
	}
}
