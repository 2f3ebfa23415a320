/*
 * in_control.c - ioctls on an interface's IPv4 addresses, netintro(4): SIOCAIFADDR, SIOCDIFADDR,
 * the one-at-a-time requests of old, and questions. Owns nothing; ifioctl() calls it.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/priv.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sockio.h>
#include <net/if.h>
#include <net/if_var.h>
#include <netinet/in.h>
#include <netinet/in_var.h>

CTASSERT(sizeof(struct in_aliasreq) == sizeof(struct ifaliasreq));
CTASSERT(sizeof(struct sockaddr_in) == sizeof(struct sockaddr));

static struct ucred *
so_ucred(const struct socket *so)
{
	return (so != NULL ? so->so_cred : NULL);
}

/* The mask that a classful network of old implies. */
static in_addr_t
in_classmask(in_addr_t host)
{
	if ((host & 0x80000000) == 0)
		return (0xff000000);
	return ((host & 0xc0000000) == 0x80000000 ? 0xffff0000 : 0xffffff00);
}

/* The address of ifp that a request names; its first one if it names none. */
static struct in_ifaddr *
in_ia_named(struct ifnet *ifp, const struct sockaddr *sa)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)(const void *)sa;
	struct in_ifaddr *ia;

	if (sin->sin_family == AF_INET && sin->sin_addr.s_addr != INADDR_ANY) {
		ia = in_ifaddr_lookup(sin->sin_addr);
		if (ia != NULL && ia->ia_ifp == ifp)
			return (ia);
	}
	return (in_ifaddr_first(ifp));
}

static int
in_aifaddr_ioctl(struct ifnet *ifp, const struct in_aliasreq *ifra)
{
	struct in_ifaddr *ia;
	in_addr_t addr, mask, bcast = INADDR_ANY;

	if (ifra->ifra_addr.sin_family != AF_INET)
		return (EINVAL);
	addr = ntohl(ifra->ifra_addr.sin_addr.s_addr);
	mask = ifra->ifra_mask.sin_len != 0 || ifra->ifra_mask.sin_addr.s_addr != 0
		   ? ntohl(ifra->ifra_mask.sin_addr.s_addr)
		   : in_classmask(addr);
	if (ifra->ifra_broadaddr.sin_family == AF_INET)
		bcast = ntohl(ifra->ifra_broadaddr.sin_addr.s_addr);
	/* the same address again changes its mask and broadcast address */
	ia = in_ifaddr_lookup(ifra->ifra_addr.sin_addr);
	if (ia != NULL && ia->ia_ifp == ifp)
		in_ifremove(ia);
	return (in_ifadd(ifp, addr, mask, bcast));
}

/* SIOCSIFADDR: the interface's first address becomes this one, with its class's mask. */
static int
in_setfirst(struct ifnet *ifp, const struct sockaddr_in *sin)
{
	struct in_ifaddr *ia = in_ifaddr_first(ifp), *same;
	in_addr_t addr = ntohl(sin->sin_addr.s_addr);

	if (sin->sin_family != AF_INET)
		return (EINVAL);
	same = in_ifaddr_lookup(sin->sin_addr);
	if (same != NULL && same->ia_ifp != ifp)
		return (EEXIST);
	if (same != NULL && same == ia)
		return (0);
	if (ia != NULL)
		in_ifremove(ia);
	if (same != NULL)
		return (0);
	return (in_ifadd(ifp, addr, in_classmask(addr), INADDR_ANY));
}

/* SIOCSIFNETMASK, SIOCSIFBRDADDR: of the first address. */
static int
in_setmask(struct ifnet *ifp, in_addr_t mask, in_addr_t bcast)
{
	struct in_ifaddr *ia = in_ifaddr_first(ifp);
	in_addr_t addr, oldmask, oldbcast;
	int error;

	if (ia == NULL)
		return (EADDRNOTAVAIL);
	addr = ntohl(ia->ia_addr.sin_addr.s_addr);
	oldmask = (in_addr_t)ia->ia_subnetmask;
	oldbcast = ntohl(ia->ia_broadaddr.sin_addr.s_addr);
	in_ifremove(ia);
	error = in_ifadd(ifp, addr, mask != 0 ? mask : oldmask, bcast);
	if (error != 0)
		(void)in_ifadd(ifp, addr, oldmask, oldbcast);
	return (error);
}

static int
in_get(struct ifnet *ifp, u_long cmd, struct ifreq *ifr)
{
	struct in_ifaddr *ia = in_ia_named(ifp, &ifr->ifr_addr);

	if (ia == NULL)
		return (EADDRNOTAVAIL);
	switch (cmd) {
	case SIOCGIFADDR:
		memcpy(&ifr->ifr_addr, &ia->ia_addr, sizeof(ia->ia_addr));
		return (0);
	case SIOCGIFNETMASK:
		memcpy(&ifr->ifr_addr, &ia->ia_sockmask, sizeof(ia->ia_sockmask));
		return (0);
	case SIOCGIFBRDADDR:
		if ((ifp->if_flags & IFF_BROADCAST) == 0)
			return (EINVAL);
		memcpy(&ifr->ifr_addr, &ia->ia_broadaddr, sizeof(ia->ia_broadaddr));
		return (0);
	default: /* SIOCGIFDSTADDR */
		if ((ifp->if_flags & IFF_POINTOPOINT) == 0)
			return (EINVAL);
		memcpy(&ifr->ifr_addr, &ia->ia_dstaddr, sizeof(ia->ia_dstaddr));
		return (0);
	}
}

static int
in_set(struct ifnet *ifp, u_long cmd, void *data)
{
	struct ifreq *ifr = data;
	struct sockaddr_in sin;
	struct in_aliasreq ifra;

	if (cmd == SIOCAIFADDR) {
		memcpy(&ifra, data, sizeof(ifra));
		return (in_aifaddr_ioctl(ifp, &ifra));
	}
	memcpy(&sin, &ifr->ifr_addr, sizeof(sin));
	switch (cmd) {
	case SIOCSIFADDR:
		return (in_setfirst(ifp, &sin));
	case SIOCSIFNETMASK:
		return (in_setmask(ifp, ntohl(sin.sin_addr.s_addr), INADDR_ANY));
	case SIOCSIFBRDADDR:
		if ((ifp->if_flags & IFF_BROADCAST) == 0)
			return (EINVAL);
		return (in_setmask(ifp, 0, ntohl(sin.sin_addr.s_addr)));
	default: /* SIOCSIFDSTADDR: no interface is point-to-point */
		return (EINVAL);
	}
}

static int
in_difaddr_ioctl(struct ifnet *ifp, const struct ifreq *ifr)
{
	struct sockaddr_in sin;
	struct in_ifaddr *ia;

	memcpy(&sin, &ifr->ifr_addr, sizeof(sin));
	if (sin.sin_family == AF_INET && sin.sin_addr.s_addr != INADDR_ANY)
		return (in_difaddr(ifp, sin.sin_addr));
	if ((ia = in_ifaddr_first(ifp)) == NULL)
		return (EADDRNOTAVAIL);
	in_ifremove(ia);
	return (0);
}

/* so is NULL when the stack itself asks. */
int
in_control(struct socket *so, u_long cmd, void *data, struct ifnet *ifp, struct thread *td __unused)
{
	int error;

	if (ifp == NULL)
		return (EADDRNOTAVAIL);
	switch (cmd) {
	case SIOCGIFADDR:
	case SIOCGIFNETMASK:
	case SIOCGIFBRDADDR:
	case SIOCGIFDSTADDR:
		return (in_get(ifp, cmd, data));
	case SIOCAIFADDR:
	case SIOCSIFADDR:
	case SIOCSIFNETMASK:
	case SIOCSIFBRDADDR:
	case SIOCSIFDSTADDR:
		if ((error = priv_check_cred(so_ucred(so), PRIV_NET_ADDIFADDR)) != 0)
			return (error);
		return (in_set(ifp, cmd, data));
	case SIOCDIFADDR:
		if ((error = priv_check_cred(so_ucred(so), PRIV_NET_DELIFADDR)) != 0)
			return (error);
		return (in_difaddr_ioctl(ifp, data));
	default:
		return (EOPNOTSUPP);
	}
}
