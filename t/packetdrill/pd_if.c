/*
 * pd_if.c - tun0, an interface whose wire carries bare IP packets: what the stack sends waits in
 * a queue with the time of its departure, what packetdrill sends goes straight to IP.
 * Owns the queue. Called by pd_host.c. Kernel world.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/mbuf.h>
#include <sys/sockio.h>
#include <net/if.h>
#include <net/if_types.h>
#include <net/if_var.h>
#include <net/netisr.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_var.h>

#include <host/host.h>

#include "t/packetdrill/pd_sys.h"

#define PACKET_MAX 65535
#define QUEUE_MAX 65536 /* packets that nobody has fetched; more are lost */

static struct mbufq sent;
static struct ifnet *pd_ifp; /* NULL: there never was one */
static in_addr_t own_net, own_mask;

void (*pd_if_sent)(void);

/* Routes and neighbours are of no interest: there is one wire, and it takes everything. */
static int
pd_output(struct ifnet *ifp, struct mbuf *m, const struct sockaddr *dst, struct route *ro __unused)
{
	M_ASSERTPKTHDR(m);
	if ((ifp->if_flags & IFF_UP) == 0) {
		m_freem(m);
		return (ENETDOWN);
	}
	if (dst->sa_family != AF_INET) {
		m_freem(m);
		return (EAFNOSUPPORT);
	}
	return (ifp->if_transmit(ifp, m));
}

/* The time of departure stands in rcv_tstmp, in nanoseconds. */
static int
pd_transmit(struct ifnet *ifp, struct mbuf *m)
{
	m->m_pkthdr.rcv_tstmp = (sbintime_t)host_monotonic_ns();
	ifp->if_opackets++;
	ifp->if_obytes += (uint64_t)m->m_pkthdr.len;
	if (mbufq_enqueue(&sent, m) != 0) {
		ifp->if_oqdrops++;
		m_freem(m);
		return (ENOBUFS);
	}
	if (pd_if_sent != NULL)
		pd_if_sent();
	return (0);
}

static int
pd_ioctl(struct ifnet *ifp, u_long cmd, caddr_t data)
{
	struct ifreq *ifr = (struct ifreq *)(void *)data;

	switch (cmd) {
	case SIOCSIFADDR:
	case SIOCSIFFLAGS:
		if ((ifp->if_flags & IFF_UP) != 0)
			ifp->if_drv_flags |= IFF_DRV_RUNNING;
		else
			ifp->if_drv_flags &= ~IFF_DRV_RUNNING;
		return (0);
	case SIOCSIFMTU:
		if (ifr->ifr_mtu < IF_MINMTU || ifr->ifr_mtu > IF_MAXMTU)
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

/* A second script in one process: another stack, and the one before it hears and says no more. */
static void
begin_anew(void)
{
	if (pd_ifp == NULL) {
		mbufq_init(&sent, QUEUE_MAX);
		return;
	}
	if_down(pd_ifp);
	mbufq_drain(&sent);
	curvnet = vnet_alloc();
}

int
pd_if_create(uint32_t mtu, const uint8_t addr[4], int prefix, const uint8_t gateway[4])
{
	struct ifnet *ifp;
	in_addr_t in;
	int error;

	begin_anew();
	memcpy(&in, addr, sizeof(in));
	own_mask = htonl((in_addr_t)(0xffffffffu << (32 - prefix)));
	own_net = in & own_mask;
	ifp = if_alloc(IFT_OTHER);
	if_initname(ifp, "tun", 0);
	ifp->if_mtu = mtu;
	ifp->if_flags = IFF_BROADCAST | IFF_MULTICAST | IFF_NOARP;
	ifp->if_ioctl = pd_ioctl;
	ifp->if_output = pd_output;
	ifp->if_transmit = pd_transmit;
	ifp->if_link_state = LINK_STATE_UP;
	if_attach(ifp);
	pd_ifp = ifp;
	error = bsd_if_configure("tun0", addr, prefix);
	if (error == 0)
		error = bsd_default_route(gateway);
	return (bsd_errno_to_linux(error));
}

/*
 * packetdrill chooses a local address by itself if it is not told one. So what a script binds to in
 * our network, and what a packet comes in for, becomes an address of ours.
 */
void
pd_if_alias(uint32_t addr, bool any_net)
{
	const struct in_addr in = {.s_addr = addr};
	const in_addr_t a = ntohl(addr);

	if (a == INADDR_ANY || IN_MULTICAST(a) || a >> 28 == 0xf || a >> 24 == 127 ||
	    in_localip(in) || ((addr & own_mask) != own_net && !any_net) ||
	    (addr | own_mask) == INADDR_BROADCAST || (addr & ~own_mask) == 0)
		return;
	(void)in_aifaddr(pd_ifp, in, 32);
}

int
pd_if_input(const void *packet, size_t len)
{
	struct mbuf *m;
	uint32_t dst;

	if (len >= 20 && *(const uint8_t *)packet >> 4 == 4) {
		memcpy(&dst, (const char *)packet + 16, sizeof(dst));
		pd_if_alias(dst, true);
	}
	if (len == 0 || len > PACKET_MAX)
		return (bsd_errno_to_linux(EMSGSIZE));
	m = m_get3((int)len, M_NOWAIT, MT_DATA, M_PKTHDR);
	if (m == NULL)
		return (bsd_errno_to_linux(ENOBUFS));
	memcpy(mtod(m, void *), packet, len);
	m->m_len = m->m_pkthdr.len = (int)len;
	m->m_pkthdr.rcvif = pd_ifp;
	pd_ifp->if_ipackets++;
	pd_ifp->if_ibytes += len;
	if (pd_ifp->if_tap != NULL)
		pd_ifp->if_tap(pd_ifp, m, false, pd_ifp->if_tap_arg);
	return (bsd_errno_to_linux(netisr_queue(NETISR_IP, m)));
}

bool
pd_if_waiting(void)
{
	return (mbufq_len(&sent) > 0);
}

size_t
pd_if_output(void *buf, size_t room, uint64_t *ns)
{
	struct mbuf *m = mbufq_dequeue(&sent);
	size_t len;

	if (m == NULL)
		return (0);
	len = MIN((size_t)m->m_pkthdr.len, room);
	m_copydata(m, 0, (int)len, buf);
	*ns = (uint64_t)m->m_pkthdr.rcv_tstmp;
	m_freem(m);
	return (len);
}
