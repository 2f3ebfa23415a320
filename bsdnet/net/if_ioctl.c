/*
 * if_ioctl.c - ioctls on interfaces by name, netintro(4). Owns nothing.
 *
 * soioctl() calls ifioctl() with the argument in our memory; what it does not know is the
 * protocol's (pr_control). Changes want a privilege of the socket's credential; a NULL socket is
 * the stack itself.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/priv.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sockio.h>
#include <net/if.h>
#include <net/if_dl.h>
#include <net/if_var.h>
#include <net/route.h>

#define IF_UNKNOWN (-1) /* the protocol may know */

static int
if_setflags(struct ifnet *ifp, const struct ifreq *ifr)
{
	const int new =
	    (int)(uint16_t)ifr->ifr_flags | (int)((uint32_t)(uint16_t)ifr->ifr_flagshigh << 16);
	const int old = ifp->if_flags;

	ifp->if_flags = (old & (IFF_CANTCHANGE | IFF_UP)) | (new & ~(IFF_CANTCHANGE | IFF_UP));
	if ((new &IFF_UP) != 0 && (old & IFF_UP) == 0)
		if_up(ifp);
	else if ((new &IFF_UP) == 0 && (old & IFF_UP) != 0)
		if_down(ifp);
	else if (ifp->if_flags != old && ifp->if_ioctl != NULL)
		(void)ifp->if_ioctl(ifp, SIOCSIFFLAGS, (caddr_t)__DECONST(struct ifreq *, ifr));
	return (0);
}

static int
if_setmtu(struct ifnet *ifp, struct ifreq *ifr)
{
	const uint32_t old = ifp->if_mtu;
	int error;

	if (ifr->ifr_mtu < IF_MINMTU || ifr->ifr_mtu > IF_MAXMTU)
		return (EINVAL);
	if (ifp->if_ioctl == NULL)
		return (EOPNOTSUPP);
	if ((error = ifp->if_ioctl(ifp, SIOCSIFMTU, (caddr_t)ifr)) == 0 && ifp->if_mtu != old)
		rt_updatemtu(ifp);
	return (error);
}

static int
if_multi_ioctl(struct ifnet *ifp, u_long cmd, const struct ifreq *ifr)
{
	struct sockaddr_dl sdl = {0};
	const size_t room = sizeof(ifr->ifr_addr) - offsetof(struct sockaddr_dl, sdl_data);

	/* Groups of a protocol are joined through the protocol. */
	if (ifr->ifr_addr.sa_family != AF_LINK)
		return (EINVAL);
	if ((ifp->if_flags & IFF_MULTICAST) == 0)
		return (EOPNOTSUPP);
	memcpy(&sdl, &ifr->ifr_addr, sizeof(ifr->ifr_addr));
	sdl.sdl_len = sizeof(sdl);
	if ((size_t)sdl.sdl_nlen + sdl.sdl_alen > room || sdl.sdl_alen != ifp->if_addrlen)
		return (EINVAL);
	return (cmd == SIOCADDMULTI ? if_addmulti(ifp, (struct sockaddr *)&sdl, NULL)
				    : if_delmulti(ifp, (struct sockaddr *)&sdl));
}

/* Changes: the privilege, then the deed. */
static int
ifhw_set(struct ifnet *ifp, u_long cmd, struct ifreq *ifr, struct ucred *cred)
{
	int priv, error;

	switch (cmd) {
	case SIOCSIFMTU:
		priv = PRIV_NET_SETIFMTU;
		break;
	case SIOCSIFLLADDR:
		priv = PRIV_NET_SETLLADDR;
		break;
	case SIOCADDMULTI:
		priv = PRIV_NET_ADDMULTI;
		break;
	case SIOCDELMULTI:
		priv = PRIV_NET_DELMULTI;
		break;
	default:
		priv = PRIV_NET_SETIFFLAGS;
		break;
	}
	if ((error = priv_check_cred(cred, priv)) != 0)
		return (error);
	switch (cmd) {
	case SIOCSIFFLAGS:
		return (if_setflags(ifp, ifr));
	case SIOCSIFMETRIC:
		ifp->if_metric = (uint32_t)ifr->ifr_metric;
		return (0);
	case SIOCSIFMTU:
		return (if_setmtu(ifp, ifr));
	case SIOCSIFLLADDR:
		if (ifr->ifr_addr.sa_len > sizeof(ifr->ifr_addr.sa_data) ||
		    (ifr->ifr_addr.sa_data[0] & 1) != 0)
			return (EINVAL);
		return (
		    if_setlladdr(ifp, (const u_char *)ifr->ifr_addr.sa_data, ifr->ifr_addr.sa_len));
	default:
		return (if_multi_ioctl(ifp, cmd, ifr));
	}
}

static int
ifhwioctl(struct ifnet *ifp, u_long cmd, struct ifreq *ifr, struct ucred *cred)
{
	int flags;

	switch (cmd) {
	case SIOCGIFFLAGS:
		flags = ifp->if_flags | ifp->if_drv_flags;
		ifr->ifr_flags = (short)(flags & 0xffff);
		ifr->ifr_flagshigh = (short)((u_int)flags >> 16);
		return (0);
	case SIOCGIFMETRIC:
		ifr->ifr_metric = (int)ifp->if_metric;
		return (0);
	case SIOCGIFMTU:
		ifr->ifr_mtu = (int)ifp->if_mtu;
		return (0);
	case SIOCGIFINDEX:
		ifr->ifr_index = (short)ifp->if_index;
		return (0);
	case SIOCSIFFLAGS:
	case SIOCSIFMETRIC:
	case SIOCSIFMTU:
	case SIOCSIFLLADDR:
	case SIOCADDMULTI:
	case SIOCDELMULTI:
		return (ifhw_set(ifp, cmd, ifr, cred));
	default:
		return (IF_UNKNOWN);
	}
}

struct ifconf_state {
	char *at;
	int left, total;
};

/* One record, if it fits; what would have been needed is counted anyway. */
static void
ifconf_put(struct ifconf_state *st, const struct ifnet *ifp, const struct sockaddr *sa)
{
	struct ifreq ifr = {0};

	st->total += (int)sizeof(ifr);
	if (st->left < (int)sizeof(ifr))
		return;
	memcpy(ifr.ifr_name, ifp->if_xname, IFNAMSIZ);
	if (sa != NULL)
		memcpy(&ifr.ifr_addr, sa, MIN(sa->sa_len, sizeof(ifr.ifr_addr)));
	memcpy(st->at, &ifr, sizeof(ifr));
	st->at += sizeof(ifr);
	st->left -= (int)sizeof(ifr);
}

/*
 * SIOCGIFCONF: a row of struct ifreq, one per address whose sockaddr fits in it, one for an
 * interface without any. ifc_buf is our memory: whoever speaks for a program sees to that.
 */
static int
ifconf(struct ifconf *ifc)
{
	struct ifconf_state st = {.at = ifc->ifc_buf, .left = ifc->ifc_len};
	struct ifnet *ifp;
	struct ifaddr *ifa;
	bool any;

	if (ifc->ifc_len < 0)
		return (EINVAL);
	if (ifc->ifc_buf == NULL)
		st.left = 0;
	TAILQ_FOREACH (ifp, &V_ifnet, if_link) {
		any = false;
		TAILQ_FOREACH (ifa, &ifp->if_addrhead, ifa_link) {
			if (ifa->ifa_addr->sa_family == AF_LINK ||
			    ifa->ifa_addr->sa_len > sizeof(struct sockaddr))
				continue;
			ifconf_put(&st, ifp, ifa->ifa_addr);
			any = true;
		}
		if (!any)
			ifconf_put(&st, ifp, NULL);
	}
	ifc->ifc_len = ifc->ifc_buf == NULL ? st.total : ifc->ifc_len - st.left;
	return (0);
}

int
ifioctl(struct socket *so, u_long cmd, caddr_t data, struct thread *td)
{
	struct ifreq *ifr = (struct ifreq *)(void *)data; /* every other argument begins alike */
	struct ifnet *ifp;
	int error;

	if (cmd == SIOCGIFCONF)
		return (ifconf((struct ifconf *)(void *)data));
	if (IOCPARM_LEN(cmd) < sizeof(ifr->ifr_name))
		return (EOPNOTSUPP);
	if (strnlen(ifr->ifr_name, IFNAMSIZ) == IFNAMSIZ || (ifp = ifunit(ifr->ifr_name)) == NULL)
		return (ENXIO);
	error = ifhwioctl(ifp, cmd, ifr, so != NULL ? so->so_cred : NULL);
	if (error != IF_UNKNOWN)
		return (error);
	if (so == NULL || so->so_proto == NULL || so->so_proto->pr_control == NULL)
		return (EOPNOTSUPP);
	return (so->so_proto->pr_control(so, cmd, data, ifp, td));
}
