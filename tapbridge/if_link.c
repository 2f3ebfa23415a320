/*
 * if_link.c - an Ethernet interface of the stack over a struct link.
 *
 * Out: the mbuf chain of a frame becomes the pieces of a link_iov, its csum_flags a link_offload.
 * In: the link reads a frame straight into mbufs. They wait in rising sizes (2, 4, 16, 64 KiB) and
 * one read spreads over all of them, so a frame uses as many as it fills and is never copied;
 * the storage it holds is at most about four times its bytes. The smallest frames go into a
 * plain mbuf, so that a row of acknowledgements or of one-byte segments does not sit on clusters.
 * Two bytes are left in front of each frame: its IP header is then aligned.
 *
 * Owns the softc (if_softc) and the waiting mbufs. Called by the stack (if_transmit, if_ioctl), by
 * the links (link.h) and by whoever attaches. Kernel world. ifnet(9); virtio 1.2, 5.1.6.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/socket.h>
#include <sys/sockio.h>
#include <sys/systm.h>

#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_dl.h>
#include <net/if_types.h>
#include <net/if_var.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_var.h>

#include "tapbridge/link.h"

MALLOC_DEFINE(M_LINK, "link", "interfaces over links");

#define TX_IOV 64   /* pieces of a frame on its way out; a longer chain is made shorter */
#define TAP_IOV 128 /* pieces of a frame for a trace; the rest of a longer one is not seen */
#define MTU_MIN 72  /* bytes: RFC 791's 68, rounded */
/* RFC 9293, 3.1: bytes without options, and where data offset and flags are */
#define TCP_HLEN 20
#define TCP_OFF_DATA 12
#define TCP_OFF_FLAGS 13
#define TCP_FLAG_CWR 0x80
#define IPV6_HLEN 40 /* RFC 8200 */
#define RX_ALIGN 2   /* bytes before a frame, which align its IP header */

static const int rx_size[] = {MCLBYTES, MJUMPAGESIZE, MJUM16BYTES, MJUM64BYTES};
#define RX_SLOTS ((int)nitems(rx_size))

struct link_softc {
	struct link *sc_link;
	struct ifnet *sc_ifp;
	struct mbuf *sc_rx[nitems(rx_size)]; /* waiting for a frame; NULL: to be allocated */
	link_tap_fn *sc_tap;
	void *sc_tap_arg;
};

/* A frame's layers, as far as offloads need them. */
struct layers {
	int l3, l4; /* offsets; l4 0: not found */
	bool inet6;
};

static struct link_softc *
link_softc(struct link *l)
{
	struct ifnet *ifp = l->ifp;

	return (ifp == NULL ? NULL : ifp->if_softc);
}

/* ---- out ---- */

static void
show_to_tap(struct link_softc *sc, struct mbuf *m, bool outward)
{
	struct link_iov iov[TAP_IOV];
	size_t len = (size_t)m->m_pkthdr.len;
	int n = 0;

	for (; m != NULL && n < TAP_IOV; m = m->m_next) {
		if (m->m_len == 0)
			continue;
		iov[n].iov_base = m->m_data;
		iov[n++].iov_len = (size_t)m->m_len;
	}
	sc->sc_tap(sc->sc_tap_arg, iov, n, len, outward);
}

static struct layers
find_layers(const struct mbuf *m)
{
	struct layers la = {ETHER_HDR_LEN, 0, false};
	u_char hdr[ETHER_HDR_LEN + 1];
	u_int type;

	if (m->m_pkthdr.len < (int)sizeof(hdr))
		return (la);
	m_copydata(m, 0, sizeof(hdr), hdr);
	type = (u_int)hdr[12] << 8 | hdr[13];
	la.inet6 = type == ETHERTYPE_IPV6;
	if (type == ETHERTYPE_IP)
		la.l4 = la.l3 + ((hdr[14] & 0xf) << 2);
	else if (la.inet6)
		la.l4 = la.l3 + (m->m_pkthdr.l3hlen != 0 ? m->m_pkthdr.l3hlen : IPV6_HLEN);
	return (la);
}

#define CSUM_L4_ALL (CSUM_DELAY_DATA | CSUM_DELAY_DATA_IPV6 | CSUM_TSO)

/* Checksums that the link was not asked to leave to us, done here: the packet without its frame. */
static void
sum_in_software(struct mbuf *m)
{
	m->m_data += ETHER_HDR_LEN;
	m->m_len -= ETHER_HDR_LEN;
	m->m_pkthdr.len -= ETHER_HDR_LEN;
	in_delayed_cksum(m);
	m->m_pkthdr.csum_flags &= ~CSUM_DELAY_DATA;
	m->m_data -= ETHER_HDR_LEN;
	m->m_len += ETHER_HDR_LEN;
	m->m_pkthdr.len += ETHER_HDR_LEN;
}

static int
describe_tso(const struct mbuf *m, const struct layers *la, struct link_offload *off)
{
	u_char th[TCP_HLEN];

	if (m->m_pkthdr.tso_segsz == 0 || m->m_pkthdr.len < la->l4 + (int)sizeof(th))
		return (EINVAL);
	m_copydata(m, la->l4, sizeof(th), th);
	off->hdr_len = (uint16_t)(la->l4 + ((th[TCP_OFF_DATA] >> 4) << 2));
	if (m->m_pkthdr.len <= off->hdr_len + m->m_pkthdr.tso_segsz)
		return (0); /* one segment: nothing to cut */
	off->gso_size = m->m_pkthdr.tso_segsz;
	off->gso_type = la->inet6 ? LINK_GSO_TCPV6 : LINK_GSO_TCPV4;
	if ((th[TCP_OFF_FLAGS] & TCP_FLAG_CWR) != 0)
		off->gso_type |= LINK_GSO_ECN;
	return (0);
}

/* From csum_flags to what the link understands. */
static int
describe_offload(struct link *l, struct mbuf *m, struct link_offload *off)
{
	uint32_t todo = m->m_pkthdr.csum_flags & CSUM_L4_ALL;
	struct layers la;

	memset(off, 0, sizeof(*off));
	if (todo == 0)
		return (0);
	la = find_layers(m);
	if (la.l4 == 0 || m->m_len < ETHER_HDR_LEN)
		return (EINVAL);
	if ((l->caps & LINK_CAP_CSUM) == 0) {
		if ((todo & ~CSUM_DELAY_DATA) != 0)
			return (EINVAL); /* if_hwassist never offered it */
		sum_in_software(m);
		return (0);
	}
	off->flags = LINK_OFFLOAD_NEEDS_CSUM;
	off->csum_start = (uint16_t)la.l4;
	if ((todo & (CSUM_UDP | CSUM_UDP_IPV6)) != 0)
		off->csum_offset = 6;
	else
		off->csum_offset = 16;
	return ((todo & CSUM_TSO) != 0 ? describe_tso(m, &la, off) : 0);
}

/* At most TX_IOV pieces, none empty. NULL, and the chain is gone: no memory. */
static struct mbuf *
gather(struct mbuf *m, struct link_iov *iov, int *niov)
{
	struct mbuf *n;
	int count = 0;

	for (n = m; n != NULL; n = n->m_next)
		count += n->m_len != 0;
	if (count > TX_IOV) {
		n = m_collapse(m, M_NOWAIT, TX_IOV);
		if (n == NULL)
			n = m_defrag(m, M_NOWAIT);
		if (n == NULL) {
			m_freem(m);
			return (NULL);
		}
		m = n;
	}
	count = 0;
	for (n = m; n != NULL && count < TX_IOV; n = n->m_next) {
		if (n->m_len == 0)
			continue;
		iov[count].iov_base = n->m_data;
		iov[count++].iov_len = (size_t)n->m_len;
	}
	*niov = count;
	return (m);
}

/* The link speaks the host's errnos, the stack BSD's. */
static int
link_transmit(struct ifnet *ifp, struct mbuf *m)
{
	struct link_softc *sc = ifp->if_softc;
	struct link_iov iov[TX_IOV];
	struct link_offload off;
	int niov, error;

	M_ASSERTPKTHDR(m);
	if ((ifp->if_drv_flags & IFF_DRV_RUNNING) == 0) {
		error = ENETDOWN;
		goto drop;
	}
	error = describe_offload(sc->sc_link, m, &off);
	if (error != 0)
		goto drop;
	m = gather(m, iov, &niov);
	if (m == NULL) {
		ifp->if_oqdrops++;
		return (ENOBUFS);
	}
	if (sc->sc_tap != NULL)
		show_to_tap(sc, m, true);
	if (sc->sc_link->ops->transmit(sc->sc_link, iov, niov, &off) != 0) {
		ifp->if_oqdrops++;
		m_freem(m);
		return (ENOBUFS);
	}
	ifp->if_opackets++;
	ifp->if_obytes += (uint64_t)m->m_pkthdr.len;
	if ((m->m_flags & (M_BCAST | M_MCAST)) != 0)
		ifp->if_omcasts++;
	m_freem(m);
	return (0);
drop:
	ifp->if_oerrors++;
	m_freem(m);
	return (error);
}

/* ---- in ---- */

int
if_link_rx_buffers(struct link *l, struct link_iov *iov, int maxiov)
{
	struct link_softc *sc = link_softc(l);
	struct mbuf *m;
	int i;

	if (sc == NULL || maxiov < RX_SLOTS)
		return (0);
	for (i = 0; i < RX_SLOTS; i++) {
		m = sc->sc_rx[i];
		if (m == NULL) {
			m = m_getjcl(M_NOWAIT, MT_DATA, i == 0 ? M_PKTHDR : 0, rx_size[i]);
			if (m == NULL)
				return (0);
			m->m_len = rx_size[i];
			if (i == 0) {
				m->m_data += RX_ALIGN;
				m->m_len -= RX_ALIGN;
			}
			sc->sc_rx[i] = m;
		}
		iov[i].iov_base = m->m_data;
		iov[i].iov_len = (size_t)m->m_len;
	}
	return (RX_SLOTS);
}

/* A plain mbuf with a copy of a small frame. */
static struct mbuf *
small_frame(const void *frame, int len)
{
	struct mbuf *m = m_gethdr(M_NOWAIT, MT_DATA);

	if (m == NULL)
		return (NULL);
	m->m_data += RX_ALIGN;
	memcpy(m->m_data, frame, (size_t)len);
	m->m_len = m->m_pkthdr.len = len;
	return (m);
}
#define SMALL_FRAME(len) ((len) + RX_ALIGN <= MHLEN)

/* The waiting mbufs that `len` bytes were read into, as a packet. */
static struct mbuf *
take_frame(struct link_softc *sc, int len)
{
	struct mbuf *m = sc->sc_rx[0], *last = NULL;
	int i, left = len;

	if (SMALL_FRAME(len))
		return (small_frame(m->m_data, len));
	m->m_pkthdr.len = len;
	for (i = 0; i < RX_SLOTS && left > 0; i++) {
		if (last != NULL)
			last->m_next = sc->sc_rx[i];
		last = sc->sc_rx[i];
		sc->sc_rx[i] = NULL;
		last->m_len = imin(last->m_len, left);
		left -= last->m_len;
	}
	return (m);
}

/* How many segments of the wire a large frame stands for. */
static int
note_segments(struct mbuf *m, const struct link_offload *off)
{
	u_char hl;
	int hdr;

	if (off->gso_size == 0)
		return (EINVAL);
	if ((off->flags & LINK_OFFLOAD_NEEDS_CSUM) == 0)
		return (0); /* who cut it? tcp_input will sum it up and see */
	if (m->m_pkthdr.len < off->csum_start + TCP_HLEN)
		return (EINVAL);
	m_copydata(m, off->csum_start + TCP_OFF_DATA, 1, &hl);
	hdr = off->csum_start + ((hl >> 4) << 2);
	if (hdr >= m->m_pkthdr.len)
		return (EINVAL);
	m->m_pkthdr.lro_segsz = off->gso_size;
	m->m_pkthdr.lro_nsegs = (uint16_t)howmany(m->m_pkthdr.len - hdr, (int)off->gso_size);
	return (0);
}

/* What the link says about a frame, checked against the frame. EINVAL: it makes no sense. */
static int
apply_offload(struct mbuf *m, const struct link_offload *off)
{
	int len = m->m_pkthdr.len;

	if (off == NULL)
		return (0);
	if ((off->flags & LINK_OFFLOAD_NEEDS_CSUM) != 0 &&
	    (off->csum_start < ETHER_HDR_LEN || off->csum_start + off->csum_offset + 2 > len))
		return (EINVAL);
	switch (off->gso_type & ~LINK_GSO_ECN) {
	case LINK_GSO_NONE:
		break;
	case LINK_GSO_TCPV4:
	case LINK_GSO_TCPV6:
		if (note_segments(m, off) != 0)
			return (EINVAL);
		break;
	default:
		return (EINVAL); /* we never offered to take it */
	}
	if ((off->flags & (LINK_OFFLOAD_NEEDS_CSUM | LINK_OFFLOAD_DATA_VALID)) != 0) {
		m->m_pkthdr.csum_flags |= CSUM_DATA_VALID | CSUM_PSEUDO_HDR;
		m->m_pkthdr.csum_data = 0xffff;
	}
	return (0);
}

/* A frame that is all there goes up the stack. */
static void
deliver(struct link_softc *sc, struct mbuf *m, const struct link_offload *off)
{
	struct ifnet *ifp = sc->sc_ifp;

	CURVNET_SET(ifp->if_vnet);
	if (sc->sc_tap != NULL)
		show_to_tap(sc, m, false);
	if (apply_offload(m, off) != 0) {
		ifp->if_ierrors++;
		m_freem(m);
	} else {
		m->m_pkthdr.rcvif = ifp;
		ifp->if_input(ifp, m);
	}
	CURVNET_RESTORE();
}

/* False: the frame is dropped before it costs anything. */
static bool
frame_wanted(struct link_softc *sc, size_t len)
{
	struct ifnet *ifp = sc->sc_ifp;

	if ((ifp->if_drv_flags & IFF_DRV_RUNNING) == 0 || (ifp->if_flags & IFF_UP) == 0)
		return (false);
	if (len < ETHER_HDR_LEN || len > LINK_FRAME_MAX) {
		ifp->if_ierrors++;
		return (false);
	}
	return (true);
}

void
if_link_rx(struct link *l, size_t frame_len, const struct link_offload *off)
{
	struct link_softc *sc = link_softc(l);
	struct mbuf *m;

	if (sc == NULL || !frame_wanted(sc, frame_len))
		return;
	m = take_frame(sc, (int)frame_len);
	if (m == NULL)
		sc->sc_ifp->if_iqdrops++;
	else
		deliver(sc, m, off);
}

void
if_link_rx_copy(struct link *l, const void *frame, size_t len, const struct link_offload *off)
{
	struct link_softc *sc = link_softc(l);
	struct link_iov iov[RX_SLOTS];
	size_t at = 0, n;
	int i;

	if (sc == NULL || !frame_wanted(sc, len))
		return;
	if (if_link_rx_buffers(l, iov, RX_SLOTS) == 0) {
		sc->sc_ifp->if_iqdrops++;
		return;
	}
	for (i = 0; i < RX_SLOTS && at < len; i++) {
		n = len - at < iov[i].iov_len ? len - at : iov[i].iov_len;
		memcpy(iov[i].iov_base, (const char *)frame + at, n);
		at += n;
	}
	if_link_rx(l, len, off);
}

void
if_link_state(struct link *l, bool carrier)
{
	struct ifnet *ifp = l->ifp;

	if (ifp == NULL)
		return;
	CURVNET_SET(ifp->if_vnet);
	if_link_state_change(ifp, carrier ? LINK_STATE_UP : LINK_STATE_DOWN);
	CURVNET_RESTORE();
}

int
if_link_send(struct link *l, const void *frame, size_t len)
{
	struct ifnet *ifp = l->ifp;
	struct mbuf *m;
	int error;

	if (ifp == NULL)
		return (ENXIO);
	if (len < ETHER_HDR_LEN || len > ETHER_HDR_LEN + (size_t)ifp->if_mtu)
		return (EMSGSIZE);
	m = m_gethdr(M_NOWAIT, MT_DATA);
	if (m == NULL)
		return (ENOBUFS);
	if (m_append(m, (int)len, frame) == 0) {
		m_freem(m);
		return (ENOBUFS);
	}
	CURVNET_SET(ifp->if_vnet);
	error = ifp->if_transmit(ifp, m);
	CURVNET_RESTORE();
	return (error);
}

void
if_link_set_tap(struct link *l, link_tap_fn *fn, void *arg)
{
	struct link_softc *sc = link_softc(l);

	if (sc == NULL)
		return;
	sc->sc_tap = fn;
	sc->sc_tap_arg = arg;
}

/* ---- the interface ---- */

static void
link_init(void *arg)
{
	struct link_softc *sc = arg;

	if (sc->sc_link->ops->set_up(sc->sc_link, true) == 0)
		sc->sc_ifp->if_drv_flags |= IFF_DRV_RUNNING;
}

static void
link_stop(struct link_softc *sc)
{
	(void)sc->sc_link->ops->set_up(sc->sc_link, false);
	sc->sc_ifp->if_drv_flags &= ~IFF_DRV_RUNNING;
}

static int
link_ioctl(struct ifnet *ifp, u_long cmd, caddr_t data)
{
	struct link_softc *sc = ifp->if_softc;
	struct ifreq *ifr = (struct ifreq *)(void *)data;
	bool up, running;

	switch (cmd) {
	case SIOCSIFFLAGS:
		up = (ifp->if_flags & IFF_UP) != 0;
		running = (ifp->if_drv_flags & IFF_DRV_RUNNING) != 0;
		if (up && !running)
			link_init(sc);
		else if (!up && running)
			link_stop(sc);
		return (0);
	case SIOCSIFMTU: /* the link's own is the most that it carries */
		if (ifr->ifr_mtu < MTU_MIN || ifr->ifr_mtu > (int)sc->sc_link->mtu)
			return (EINVAL);
		ifp->if_mtu = (uint32_t)ifr->ifr_mtu;
		return (0);
	case SIOCADDMULTI:
	case SIOCDELMULTI:
		return (0); /* every frame comes */
	default:
		return (ether_ioctl(ifp, cmd, data));
	}
}

/* What if_transmit will do for the stack; the rest ip_output() does in software. */
static void
set_capabilities(struct ifnet *ifp, uint32_t caps)
{
	if ((caps & LINK_CAP_CSUM) != 0) {
		ifp->if_capabilities |=
		    IFCAP_RXCSUM | IFCAP_TXCSUM | IFCAP_RXCSUM_IPV6 | IFCAP_TXCSUM_IPV6;
		ifp->if_hwassist |= CSUM_TCP | CSUM_UDP | CSUM_TCP_IPV6 | CSUM_UDP_IPV6;
		if ((caps & LINK_CAP_TSO4) != 0) {
			ifp->if_capabilities |= IFCAP_TSO4;
			ifp->if_hwassist |= CSUM_IP_TSO;
		}
		if ((caps & LINK_CAP_TSO6) != 0) {
			ifp->if_capabilities |= IFCAP_TSO6;
			ifp->if_hwassist |= CSUM_IP6_TSO;
		}
	}
	ifp->if_capenable = ifp->if_capabilities;
	ifp->if_hw_tsomax = IP_MAXPACKET;
}

int
if_link_attach(struct link *l, const char *name, int unit)
{
	struct link_softc *sc;
	struct ifnet *ifp;

	if (l->ifp != NULL)
		return (EBUSY);
	ifp = if_alloc(IFT_ETHER);
	if (ifp == NULL)
		return (ENOMEM);
	sc = malloc(sizeof(*sc), M_LINK, M_WAITOK | M_ZERO);
	sc->sc_link = l;
	sc->sc_ifp = ifp;
	if_initname(ifp, name, unit);
	ifp->if_softc = sc;
	ifp->if_flags = IFF_BROADCAST | IFF_SIMPLEX | IFF_MULTICAST;
	ifp->if_mtu = l->mtu;
	ifp->if_baudrate = 10000000000u; /* bit/s; a TAP has no rate of its own */
	ifp->if_init = link_init;
	ifp->if_ioctl = link_ioctl;
	ifp->if_transmit = link_transmit;
	set_capabilities(ifp, l->caps);
	l->ifp = ifp;
	ether_ifattach(ifp, l->mac);
	if_link_state_change(ifp, LINK_STATE_UP);
	return (0);
}

void
if_link_detach(struct link *l)
{
	struct link_softc *sc = link_softc(l);
	int i;

	if (sc == NULL)
		return;
	CURVNET_SET(sc->sc_ifp->if_vnet);
	link_stop(sc);
	ether_ifdetach(sc->sc_ifp);
	if_free(sc->sc_ifp);
	l->ifp = NULL;
	for (i = 0; i < RX_SLOTS; i++)
		m_freem(sc->sc_rx[i]);
	free(sc, M_LINK);
	CURVNET_RESTORE();
}
