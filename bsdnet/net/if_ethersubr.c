/*
 * if_ethersubr.c - Ethernet framing: ether_input() from drivers, ether_output() from protocols.
 *
 * Owns the counters of frames that go nowhere. On the way in a frame is shown to if_tap, judged by
 * its destination, and handed to its protocol by netisr(9). On the way out the neighbour's link
 * header is copied in front, from the route's llentry when it is good, else from the neighbour
 * table's protocol (llt_resolve), which may keep the packet until it knows.
 * VLAN tags (IEEE 802.1Q) are not understood: such frames are counted and dropped.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/mbuf.h>
#include <sys/socket.h>
#include <sys/sockio.h>
#include <sys/sysctl.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_dl.h>
#include <net/if_llatbl.h>
#include <net/if_types.h>
#include <net/if_var.h>
#include <net/netisr.h>
#include <net/route.h>
#include <net/vnet.h>

const u_char etherbroadcastaddr[ETHER_ADDR_LEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

VNET_DEFINE_STATIC(uint64_t, ether_runts);
VNET_DEFINE_STATIC(uint64_t, ether_badsource);
VNET_DEFINE_STATIC(uint64_t, ether_notforus);
VNET_DEFINE_STATIC(uint64_t, ether_vlan);
VNET_DEFINE_STATIC(uint64_t, ether_noproto);

SYSCTL_DECL(_net_link);
SYSCTL_NODE(_net_link, IFT_ETHER, ether, CTLFLAG_RW, NULL, "Ethernet");
SYSCTL_U64(_net_link_ether, OID_AUTO, runts, CTLFLAG_VNET | CTLFLAG_RD, &VNET_NAME(ether_runts), 0,
    "Frames in that were shorter than a header");
SYSCTL_U64(_net_link_ether, OID_AUTO, badsource, CTLFLAG_VNET | CTLFLAG_RD,
    &VNET_NAME(ether_badsource), 0, "Frames in from a group address");
SYSCTL_U64(_net_link_ether, OID_AUTO, notforus, CTLFLAG_VNET | CTLFLAG_RD,
    &VNET_NAME(ether_notforus), 0, "Frames in for other stations and groups");
SYSCTL_U64(_net_link_ether, OID_AUTO, vlan, CTLFLAG_VNET | CTLFLAG_RD, &VNET_NAME(ether_vlan), 0,
    "Frames in with a VLAN tag, dropped");
SYSCTL_U64(_net_link_ether, OID_AUTO, noproto, CTLFLAG_VNET | CTLFLAG_RD, &VNET_NAME(ether_noproto),
    0, "Frames in of a protocol that is not here");

char *
ether_sprintf_r(const u_char *a, char *buf)
{
	snprintf(buf, 18, "%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5]);
	return (buf);
}

/* ---- in ---- */

/* Sets M_BCAST or M_MCAST; false if the frame is not for this station. */
static bool
ether_isforus(struct ifnet *ifp, struct mbuf *m, const struct ether_header *eh)
{
	if (!ETHER_IS_MULTICAST(eh->ether_dhost))
		return (memcmp(eh->ether_dhost, IF_LLADDR(ifp), ETHER_ADDR_LEN) == 0);
	ifp->if_imcasts++;
	if (ETHER_IS_BROADCAST(eh->ether_dhost)) {
		m->m_flags |= M_BCAST;
		return (true);
	}
	m->m_flags |= M_MCAST;
	return (if_wants_multicast(ifp, eh->ether_dhost));
}

static void
ether_input(struct ifnet *ifp, struct mbuf *m)
{
	const struct ether_header *eh;

	CURVNET_SET(ifp->if_vnet);
	M_ASSERTPKTHDR(m);
	m->m_pkthdr.rcvif = ifp;
	if (__predict_false(m->m_pkthdr.len < ETHER_HDR_LEN)) {
		VNET(ether_runts)++;
		ifp->if_ierrors++;
		goto drop;
	}
	if (__predict_false(m->m_len < ETHER_HDR_LEN) && (m = m_pullup(m, ETHER_HDR_LEN)) == NULL) {
		ifp->if_iqdrops++;
		goto done;
	}
	if ((ifp->if_flags & IFF_UP) == 0)
		goto drop;
	eh = mtod(m, const struct ether_header *);
	ifp->if_ipackets++;
	ifp->if_ibytes += (uint64_t)m->m_pkthdr.len;
	if (ifp->if_tap != NULL)
		ifp->if_tap(ifp, m, false, ifp->if_tap_arg);
	if (__predict_false(ETHER_IS_MULTICAST(eh->ether_shost))) {
		VNET(ether_badsource)++;
		ifp->if_ierrors++;
		goto drop;
	}
	if (!ether_isforus(ifp, m, eh)) {
		/* In promiscuous mode such frames are for if_tap only. */
		VNET(ether_notforus)++;
		goto drop;
	}
	ether_demux(ifp, m);
	goto done;
drop:
	m_freem(m);
done:
	CURVNET_RESTORE();
}

/* m begins with the link header, contiguous. */
void
ether_demux(struct ifnet *ifp, struct mbuf *m)
{
	const struct ether_header *eh = mtod(m, const struct ether_header *);
	const u_short type = ntohs(eh->ether_type);

	m->m_data += ETHER_HDR_LEN;
	m->m_len -= ETHER_HDR_LEN;
	m->m_pkthdr.len -= ETHER_HDR_LEN;
	m_clrprotoflags(m);
	switch (type) {
	case ETHERTYPE_IP:
		(void)netisr_dispatch(NETISR_IP, m);
		return;
	case ETHERTYPE_ARP:
		if ((ifp->if_flags & IFF_NOARP) != 0)
			break;
		(void)netisr_dispatch(NETISR_ARP, m);
		return;
	case ETHERTYPE_IPV6:
		if (netisr_dispatch(NETISR_IPV6, m) != 0) {
			ifp->if_noproto++;
			VNET(ether_noproto)++;
		}
		return;
	case ETHERTYPE_VLAN:
		VNET(ether_vlan)++;
		ifp->if_noproto++;
		break;
	default:
		VNET(ether_noproto)++;
		ifp->if_noproto++;
		break;
	}
	m_freem(m);
}

/* ---- out ---- */

/* May a route's cached entry be used for dst on ifp? It is good as long as LLE_VALID says so. */
static inline bool
lle_fits(const struct llentry *lle, const struct ifnet *ifp, const struct sockaddr *dst)
{
	if (lle == NULL || (lle->la_flags & LLE_VALID) == 0 || lle->lle_tbl->llt_ifp != ifp ||
	    lle->lle_tbl->llt_af != dst->sa_family)
		return (false);
	if (dst->sa_family == AF_INET)
		return (lle->r_l3addr.addr4.s_addr ==
			((const struct sockaddr_in *)(const void *)dst)->sin_addr.s_addr);
	return (memcmp(&lle->r_l3addr.addr6,
		    &((const struct sockaddr_in6 *)(const void *)dst)->sin6_addr,
		    sizeof(struct in6_addr)) == 0);
}

/* Fills the link header, or consumes m and returns why not; EWOULDBLOCK: it is kept. */
static int
ether_resolve(
    struct ifnet *ifp, struct mbuf *m, const struct sockaddr *dst, struct route *ro, u_char *hdr)
{
	struct lltable *llt;
	struct llentry **plle = NULL;
	int is_gw = 0;

	if ((llt = lltable_get(ifp, dst->sa_family)) == NULL) {
		m_freem(m);
		return (EAFNOSUPPORT);
	}
	/* Only a route that holds a next hop is sure to be given back by ro_invalidate(). */
	if (ro != NULL && ro->ro_nh != NULL) {
		is_gw = (ro->ro_nh->nh_flags & NHF_GATEWAY) != 0;
		plle = &ro->ro_lle;
		if (ro->ro_lle != NULL) {
			llentry_free(ro->ro_lle);
			ro->ro_lle = NULL;
		}
	}
	return (llt->llt_resolve(ifp, is_gw, m, dst, hdr, NULL, plle));
}

/* What goes to everybody goes to ourselves too, when the interface does not hear itself. */
static void
ether_loopcopy(struct ifnet *ifp, const struct mbuf *m, int af)
{
	struct mbuf *n;

	if ((n = m_dup(m, M_NOWAIT)) == NULL)
		ifp->if_iqdrops++;
	else
		(void)if_simloop(ifp, n, af, 0);
}

int
ether_output(struct ifnet *ifp, struct mbuf *m, const struct sockaddr *dst, struct route *ro)
{
	u_char hdr[LLE_MAX_LINKHDR];
	const u_char *h = hdr;
	int error;

	M_ASSERTPKTHDR(m);
	if (__predict_false(
		(ifp->if_flags & IFF_UP) == 0 || (ifp->if_drv_flags & IFF_DRV_RUNNING) == 0)) {
		m_freem(m);
		return (ENETDOWN);
	}
	switch (dst->sa_family) {
	case AF_INET:
	case AF_INET6:
		if (ro != NULL && (m->m_flags & (M_BCAST | M_MCAST)) == 0 &&
		    lle_fits(ro->ro_lle, ifp, dst)) {
			ro->ro_lle->la_used = true;
			h = ro->ro_lle->r_linkdata;
		} else if ((error = ether_resolve(ifp, m, dst, ro, hdr)) != 0) {
			return (error == EWOULDBLOCK ? 0 : error);
		}
		if ((m->m_flags & M_BCAST) != 0 && (ifp->if_flags & IFF_SIMPLEX) != 0)
			ether_loopcopy(ifp, m, dst->sa_family);
		break;
	case AF_UNSPEC: /* the header stands in the address */
		h = (const u_char *)dst->sa_data;
		break;
	default:
		m_freem(m);
		return (EAFNOSUPPORT);
	}
	M_PREPEND(m, ETHER_HDR_LEN, M_NOWAIT);
	if (m == NULL) {
		ifp->if_oqdrops++;
		return (ENOBUFS);
	}
	memcpy(mtod(m, u_char *), h, ETHER_HDR_LEN);
	return (ether_output_frame(ifp, m));
}

/* m is a whole frame. */
int
ether_output_frame(struct ifnet *ifp, struct mbuf *m)
{
	if (ifp->if_tap != NULL)
		ifp->if_tap(ifp, m, true, ifp->if_tap_arg);
	return (ifp->if_transmit(ifp, m));
}

/* ---- the interface ---- */

void
ether_ifattach(struct ifnet *ifp, const u_char *lladdr)
{
	ifp->if_addrlen = ETHER_ADDR_LEN;
	ifp->if_hdrlen = ETHER_HDR_LEN;
	if (ifp->if_mtu == 0)
		ifp->if_mtu = ETHERMTU;
	if (ifp->if_baudrate == 0)
		ifp->if_baudrate = 1000000000;
	ifp->if_output = ether_output;
	ifp->if_input = ether_input;
	if_attach_link(ifp, lladdr);
}

void
ether_ifdetach(struct ifnet *ifp)
{
	if_detach(ifp);
}

/* What drivers leave to us. */
int
ether_ioctl(struct ifnet *ifp, u_long cmd, caddr_t data)
{
	struct ifreq *ifr = (struct ifreq *)(void *)data;

	switch (cmd) {
	case SIOCSIFADDR:
		if_up(ifp);
		if (ifp->if_init != NULL && (ifp->if_drv_flags & IFF_DRV_RUNNING) == 0)
			ifp->if_init(ifp->if_softc);
		return (0);
	case SIOCSIFMTU:
		if (ifr->ifr_mtu < IF_MINMTU || ifr->ifr_mtu > ETHERMTU)
			return (EINVAL);
		ifp->if_mtu = (uint32_t)ifr->ifr_mtu;
		return (0);
	default:
		return (EINVAL);
	}
}
