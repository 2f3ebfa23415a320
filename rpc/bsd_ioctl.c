/*
 * bsd_ioctl.c - ioctls of Linux's netdevice(7), tcp(7) and udp(7), answered from the BSD stack.
 * Reading goes by the stack's own structures; changing an interface is alpinectl's business and
 * EPERM here. Called through bsock_ioctl(). Owns nothing.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sockio.h>
#include <net/if_dl.h>
#include <net/if_types.h>
#include <net/if_var.h>
#include <netinet/in.h>
#include <netinet/in_var.h>

#include "rpc/bsd_var.h"

CTASSERT(sizeof(struct linux_ifreq) == 40);

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

static void
put_addr(struct linux_ifreq *ifr, const struct sockaddr_in *sin)
{
	memset(&ifr->lifr_addr, 0, sizeof(ifr->lifr_addr));
	ifr->lifr_addr.sin_family = LINUX_AF_INET;
	ifr->lifr_addr.sin_addr = sin->sin_addr.s_addr;
}

/* The addresses of an interface: what Linux calls its first. */
static int
get_addr(struct ifnet *ifp, uint64_t cmd, struct linux_ifreq *ifr)
{
	struct in_ifaddr *ia = in_ifaddr_first(ifp);

	if (ia == NULL)
		return (LINUX_EADDRNOTAVAIL);
	switch (cmd) {
	case LINUX_SIOCGIFADDR:
		put_addr(ifr, IA_SIN(ia));
		return (0);
	case LINUX_SIOCGIFNETMASK:
		put_addr(ifr, &ia->ia_sockmask);
		return (0);
	case LINUX_SIOCGIFBRDADDR:
	case LINUX_SIOCGIFDSTADDR:
	default:
		put_addr(ifr, IA_DSTSIN(ia));
		return (0);
	}
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
get_if(struct ifnet *ifp, uint64_t cmd, struct linux_ifreq *ifr)
{
	switch (cmd) {
	case LINUX_SIOCGIFFLAGS:
		ifr->lifr_flags = linux_if_flags(ifp);
		return (0);
	case LINUX_SIOCGIFADDR:
	case LINUX_SIOCGIFNETMASK:
	case LINUX_SIOCGIFBRDADDR:
	case LINUX_SIOCGIFDSTADDR:
		return (get_addr(ifp, cmd, ifr));
	case LINUX_SIOCGIFHWADDR:
		return (get_hwaddr(ifp, ifr));
	case LINUX_SIOCGIFMTU:
		ifr->lifr_int = (int32_t)ifp->if_mtu;
		return (0);
	case LINUX_SIOCGIFMETRIC:
		ifr->lifr_int = 0;
		return (0);
	case LINUX_SIOCGIFINDEX:
		ifr->lifr_int = ifp->if_index;
		return (0);
	case LINUX_SIOCGIFTXQLEN:
		ifr->lifr_int = 1000;
		return (0);
	case LINUX_SIOCGIFMAP:
		memset(ifr->lifr_pad, 0, sizeof(ifr->lifr_pad));
		return (0);
	case LINUX_SIOCSIFFLAGS:
	case LINUX_SIOCSIFADDR:
	case LINUX_SIOCSIFNETMASK:
	case LINUX_SIOCSIFMTU:
		return (LINUX_EPERM);
	default:
		return (LINUX_EINVAL);
	}
}

static int
if_ioctl(uint64_t cmd, void *arg, uint32_t *len)
{
	struct linux_ifreq ifr;
	struct ifnet *ifp;
	int error;

	if (*len < sizeof(ifr))
		return (LINUX_EINVAL);
	memcpy(&ifr, arg, sizeof(ifr));
	if (cmd == LINUX_SIOCGIFNAME) {
		ifp = ifr.lifr_int > 0 ? ifnet_byindex((u_int)ifr.lifr_int) : NULL;
		if (ifp == NULL)
			return (LINUX_ENODEV);
		strlcpy(ifr.lifr_name, ifp->if_xname, sizeof(ifr.lifr_name));
		error = 0;
	} else {
		ifr.lifr_name[sizeof(ifr.lifr_name) - 1] = '\0';
		ifp = ifunit(ifr.lifr_name);
		error = ifp == NULL ? LINUX_ENODEV : get_if(ifp, cmd, &ifr);
	}
	memcpy(arg, &ifr, sizeof(ifr));
	*len = sizeof(ifr);
	return (error);
}

/* Every IPv4 address with its interface. */
static int
ifconf(void *arg, uint32_t *len, uint32_t room)
{
	struct linux_ifreq ifr;
	struct in_ifaddr *ia;
	uint32_t used = 0;

	TAILQ_FOREACH (ia, &V_in_ifaddrhead, ia_link) {
		if (room - used < sizeof(ifr))
			break;
		memset(&ifr, 0, sizeof(ifr));
		strlcpy(ifr.lifr_name, ia->ia_ifp->if_xname, sizeof(ifr.lifr_name));
		put_addr(&ifr, IA_SIN(ia));
		memcpy((char *)arg + used, &ifr, sizeof(ifr));
		used += sizeof(ifr);
	}
	*len = used;
	return (0);
}

static int
answer_int(void *arg, uint32_t *len, int value)
{
	memcpy(arg, &value, sizeof(value));
	*len = sizeof(value);
	return (0);
}

/* For a datagram socket: the size of the next one, as Linux has it. */
static int
bytes_to_read(const struct socket *so)
{
	const struct mbuf *m = so->so_rcv.sb_mb;
	int n = 0;

	if (so->so_type == SOCK_STREAM)
		return ((int)sbavail(&so->so_rcv));
	for (; m != NULL; m = m->m_next)
		if (m->m_type == MT_DATA)
			n += m->m_len;
	return (n);
}

int
bsock_ioctl(struct bsock *b, const struct bsock_cred *cred __unused, uint64_t cmd, void *arg,
    uint32_t *len, uint32_t room)
{
	struct socket *so = b->b_so;

	switch (cmd) {
	case LINUX_FIONREAD:
		if (SOLISTENING(so))
			return (LINUX_EINVAL);
		return (answer_int(arg, len, bytes_to_read(so)));
	case LINUX_TIOCOUTQ:
		if (SOLISTENING(so))
			return (LINUX_EINVAL);
		return (answer_int(arg, len, (int)sbavail(&so->so_snd)));
	case LINUX_SIOCATMARK:
		return (answer_int(arg, len, (so->so_rcv.sb_state & SBS_RCVATMARK) != 0));
	case LINUX_SIOCGIFCONF:
		return (ifconf(arg, len, room));
	case LINUX_SIOCGSTAMP:
		return (LINUX_ENOENT);
	default:
		if (cmd >= LINUX_SIOCGIFNAME && cmd <= LINUX_SIOCGIFMAP)
			return (if_ioctl(cmd, arg, len));
		return (LINUX_ENOTTY);
	}
}
