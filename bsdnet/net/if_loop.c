/*
 * if_loop.c - lo0, one in each VNET: 127.0.0.1/8, and the way to all our own addresses.
 *
 * What is sent comes back in through netisr_queue(), so a protocol never finds itself called by
 * itself. Nothing is summed on the way: if_hwassist says that we take care of checksums, and on
 * input they count as verified.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/mbuf.h>
#include <sys/socket.h>
#include <sys/sockio.h>
#include <net/if.h>
#include <net/if_types.h>
#include <net/if_var.h>
#include <net/netisr.h>
#include <net/route.h>
#include <net/vnet.h>

#define LOMTU 16384
#define LOMTU_MAX 65535
#define LO_CSUM (CSUM_IP | CSUM_TCP | CSUM_UDP)
#define LO_CSUM6 (CSUM_TCP_IPV6 | CSUM_UDP_IPV6)

/* What was left to the hardware has been "done": it never leaves the machine. */
static void
lo_checksums_done(struct mbuf *m)
{
	uint32_t todo = m->m_pkthdr.csum_flags, done = 0;

	if ((todo & (LO_CSUM | LO_CSUM6) & ~CSUM_IP) != 0) {
		done |= CSUM_DATA_VALID | CSUM_PSEUDO_HDR;
		m->m_pkthdr.csum_data = 0xffff;
	}
	if ((todo & CSUM_IP) != 0)
		done |= CSUM_IP_CHECKED | CSUM_IP_VALID;
	m->m_pkthdr.csum_flags = done;
}

int
if_simloop(struct ifnet *ifp, struct mbuf *m, int af, int hlen)
{
	u_int isr;

	M_ASSERTPKTHDR(m);
	switch (af) {
	case AF_INET:
		isr = NETISR_IP;
		break;
	case AF_INET6:
		isr = NETISR_IPV6;
		break;
	default:
		m_freem(m);
		return (EAFNOSUPPORT);
	}
	if (hlen > 0)
		m_adj(m, hlen);
	m_tag_delete_chain(m, NULL);
	m->m_pkthdr.rcvif = ifp;
	lo_checksums_done(m);
	ifp->if_ipackets++;
	ifp->if_ibytes += (uint64_t)m->m_pkthdr.len;
	return (netisr_queue(isr, m));
}

static int
looutput(struct ifnet *ifp, struct mbuf *m, const struct sockaddr *dst, struct route *ro __unused)
{
	M_ASSERTPKTHDR(m);
	if ((ifp->if_flags & IFF_UP) == 0) {
		m_freem(m);
		return (ENETDOWN);
	}
	ifp->if_opackets++;
	ifp->if_obytes += (uint64_t)m->m_pkthdr.len;
	if (ifp->if_tap != NULL)
		ifp->if_tap(ifp, m, true, ifp->if_tap_arg);
	return (if_simloop(ifp, m, dst->sa_family, 0));
}

/* Nobody hands whole frames to it. */
static int
lo_transmit(struct ifnet *ifp, struct mbuf *m)
{
	ifp->if_oerrors++;
	m_freem(m);
	return (EOPNOTSUPP);
}

static int
loioctl(struct ifnet *ifp, u_long cmd, caddr_t data)
{
	struct ifreq *ifr = (struct ifreq *)(void *)data;

	switch (cmd) {
	case SIOCSIFADDR:
	case SIOCSIFFLAGS:
		if (cmd == SIOCSIFADDR)
			if_up(ifp);
		if ((ifp->if_flags & IFF_UP) != 0)
			ifp->if_drv_flags |= IFF_DRV_RUNNING;
		else
			ifp->if_drv_flags &= ~IFF_DRV_RUNNING;
		return (0);
	case SIOCSIFMTU:
		if (ifr->ifr_mtu < IF_MINMTU || ifr->ifr_mtu > LOMTU_MAX)
			return (EINVAL);
		ifp->if_mtu = (uint32_t)ifr->ifr_mtu;
		return (0);
	case SIOCADDMULTI:
	case SIOCDELMULTI:
		return (0);
	default:
		return (EINVAL);
	}
}

/* The protocols give it its address when they see it come: ifnet_arrival_event. */
static void
lo_vnet_init(const void *unused __unused)
{
	struct ifnet *ifp;

	ifp = if_alloc(IFT_LOOP);
	if_initname(ifp, "lo", 0);
	ifp->if_mtu = LOMTU;
	ifp->if_flags = IFF_LOOPBACK | IFF_MULTICAST;
	ifp->if_ioctl = loioctl;
	ifp->if_output = looutput;
	ifp->if_transmit = lo_transmit;
	ifp->if_link_state = LINK_STATE_UP;
	ifp->if_capabilities = ifp->if_capenable =
	    IFCAP_RXCSUM | IFCAP_TXCSUM | IFCAP_RXCSUM_IPV6 | IFCAP_TXCSUM_IPV6;
	ifp->if_hwassist = LO_CSUM | LO_CSUM6;
	V_loif = ifp;
	if_attach(ifp);
}
VNET_SYSINIT(loif, SI_SUB_PROTO_IFATTACHDOMAIN, SI_ORDER_FIRST, lo_vnet_init, NULL);

static void
lo_vnet_destroy(const void *unused __unused)
{
	struct ifnet *ifp = V_loif;

	if_detach(ifp);
	if_free(ifp);
}
VNET_SYSUNINIT(loif, SI_SUB_PROTO_IFATTACHDOMAIN, SI_ORDER_FIRST, lo_vnet_destroy, NULL);
