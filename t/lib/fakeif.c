/* fakeif.c - see fakeif.h. */
#include <sys/param.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/sockio.h>
#include <sys/systm.h>
#include <net/if_dl.h>
#include <net/if_types.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>

#include <host/host.h>

#include "t/lib/fakeif.h"

#define TX_MAX 4096

struct fakeif {
	struct mbufq sent;
	uint64_t mark_ns;
	char line[160];
	char lines[4096];
};

static MALLOC_DEFINE(M_FAKEIF, "fakeif", "test interface");

struct in_addr
ip4(const char *s)
{
	struct in_addr in = {INADDR_ANY};

	if (s != NULL && inet_aton(s, &in) != 1)
		panic("ip4: %s", s);
	return (in);
}

/* The time of departure stands in rcv_tstmp, in nanoseconds. */
static int
fake_transmit(struct ifnet *ifp, struct mbuf *m)
{
	struct fakeif *f = ifp->if_softc;

	m->m_pkthdr.rcv_tstmp = (sbintime_t)host_monotonic_ns();
	ifp->if_opackets++;
	if (mbufq_enqueue(&f->sent, m) != 0) {
		m_freem(m);
		return (ENOBUFS);
	}
	return (0);
}

static int
fake_ioctl(struct ifnet *ifp, u_long cmd, caddr_t data)
{
	switch (cmd) {
	case SIOCSIFFLAGS:
		if ((ifp->if_flags & IFF_UP) != 0)
			ifp->if_drv_flags |= IFF_DRV_RUNNING;
		else
			ifp->if_drv_flags &= ~IFF_DRV_RUNNING;
		return (0);
	case SIOCADDMULTI:
	case SIOCDELMULTI:
		return (0);
	default:
		return (ether_ioctl(ifp, cmd, data));
	}
}

struct ifnet *
fakeif_create(const char *name, int unit)
{
	u_char mac[ETHER_ADDR_LEN] = {2, 0, 0, 0, 0, (u_char)(unit + 1)};
	struct ifnet *ifp = if_alloc(IFT_ETHER);
	struct fakeif *f = malloc(sizeof(*f), M_FAKEIF, M_WAITOK | M_ZERO);

	mbufq_init(&f->sent, TX_MAX);
	if_initname(ifp, name, unit);
	ifp->if_softc = f;
	ifp->if_flags = IFF_BROADCAST | IFF_SIMPLEX | IFF_MULTICAST;
	ifp->if_transmit = fake_transmit;
	ifp->if_ioctl = fake_ioctl;
	ether_ifattach(ifp, mac);
	fakeif_mark(ifp);
	return (ifp);
}

void
fakeif_destroy(struct ifnet *ifp)
{
	struct fakeif *f = ifp->if_softc;

	ether_ifdetach(ifp);
	mbufq_drain(&f->sent);
	free(f, M_FAKEIF);
	if_free(ifp);
}

void
fakeif_mark(struct ifnet *ifp)
{
	struct fakeif *f = ifp->if_softc;

	mbufq_drain(&f->sent);
	f->mark_ns = host_monotonic_ns();
}

static void
tell_arp(const struct mbuf *m, char *to, size_t size)
{
	char spa[INET_ADDRSTRLEN], tpa[INET_ADDRSTRLEN], mac[18];
	struct in_addr s, t;
	struct ether_arp ea;

	m_copydata(m, ETHER_HDR_LEN, sizeof(ea), &ea);
	memcpy(&s, ea.arp_spa, sizeof(s));
	memcpy(&t, ea.arp_tpa, sizeof(t));
	if (ntohs(ea.arp_op) == ARPOP_REQUEST)
		snprintf(to, size, "who-has %s tell %s", inet_ntoa_r(t, tpa), inet_ntoa_r(s, spa));
	else
		snprintf(to, size, "%s is-at %s tell %s", inet_ntoa_r(s, spa),
		    ether_sprintf_r(ea.arp_sha, mac), inet_ntoa_r(t, tpa));
}

const char *
fakeif_tx(struct ifnet *ifp)
{
	struct fakeif *f = ifp->if_softc;
	char what[100], mac[18], src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
	struct ether_header eh;
	struct ip ip;
	struct mbuf *m;

	if ((m = mbufq_dequeue(&f->sent)) == NULL)
		return ("");
	m_copydata(m, 0, sizeof(eh), &eh);
	if (eh.ether_type == htons(ETHERTYPE_ARP)) {
		tell_arp(m, what, sizeof(what));
	} else {
		m_copydata(m, ETHER_HDR_LEN, sizeof(ip), &ip);
		snprintf(what, sizeof(what), "ip %s > %s len %d", inet_ntoa_r(ip.ip_src, src),
		    inet_ntoa_r(ip.ip_dst, dst), m->m_pkthdr.len - ETHER_HDR_LEN);
	}
	snprintf(f->line, sizeof(f->line), "%d %s > %s",
	    (int)(((uint64_t)m->m_pkthdr.rcv_tstmp - f->mark_ns) / 1000000), what,
	    ether_sprintf_r(eh.ether_dhost, mac));
	m_freem(m);
	return (f->line);
}

const char *
fakeif_txs(struct ifnet *ifp)
{
	struct fakeif *f = ifp->if_softc;

	f->lines[0] = '\0';
	while (fakeif_txcount(ifp) > 0) {
		if (f->lines[0] != '\0')
			strlcat(f->lines, "; ", sizeof(f->lines));
		strlcat(f->lines, fakeif_tx(ifp), sizeof(f->lines));
	}
	return (f->lines);
}

int
fakeif_txcount(struct ifnet *ifp)
{
	struct fakeif *f = ifp->if_softc;

	return (mbufq_len(&f->sent));
}

void
fakeif_rx(struct ifnet *ifp, const void *frame, size_t len)
{
	struct mbuf *m = m_getcl(M_NOWAIT, MT_DATA, M_PKTHDR);

	m->m_data += 2; /* so that IP is aligned */
	memcpy(mtod(m, char *), frame, len);
	m->m_len = m->m_pkthdr.len = (int)len;
	ifp->if_input(ifp, m);
}

void
fakeif_arp(struct ifnet *ifp, int op, const u_char *mac, const char *spa, const char *tpa,
    const u_char *dst)
{
	struct {
		struct ether_header eh;
		struct ether_arp ea;
	} __packed f;
	struct in_addr s = ip4(spa), t = ip4(tpa);

	memset(&f, 0, sizeof(f));
	memcpy(f.eh.ether_dhost, dst != NULL ? dst : etherbroadcastaddr, ETHER_ADDR_LEN);
	memcpy(f.eh.ether_shost, mac, ETHER_ADDR_LEN);
	f.eh.ether_type = htons(ETHERTYPE_ARP);
	f.ea.arp_hrd = htons(ARPHRD_ETHER);
	f.ea.arp_pro = htons(ETHERTYPE_IP);
	f.ea.arp_hln = ETHER_ADDR_LEN;
	f.ea.arp_pln = 4;
	f.ea.arp_op = htons((u_short)op);
	memcpy(f.ea.arp_sha, mac, ETHER_ADDR_LEN);
	memcpy(f.ea.arp_spa, &s, sizeof(s));
	memcpy(f.ea.arp_tpa, &t, sizeof(t));
	fakeif_rx(ifp, &f, sizeof(f));
}

int
fakeif_send(struct ifnet *ifp, const char *to)
{
	struct sockaddr_in sin = {
	    .sin_len = sizeof(sin), .sin_family = AF_INET, .sin_addr = ip4(to)};
	struct mbuf *m = m_gethdr(M_NOWAIT, MT_DATA);
	struct ip ip = {.ip_v = 4,
	    .ip_hl = 5,
	    .ip_len = htons(40),
	    .ip_ttl = 64,
	    .ip_dst = ip4(to),
	    .ip_src = ip4("10.0.0.1")};

	MH_ALIGN(m, 40);
	m->m_len = m->m_pkthdr.len = 40;
	memset(mtod(m, char *), 0, 40);
	memcpy(mtod(m, char *), &ip, sizeof(ip));
	return (ifp->if_output(ifp, m, sintosa(&sin), NULL));
}

void
fakeif_sleep(u_int ms)
{
	const uint64_t end = host_monotonic_ns() + (uint64_t)ms * 1000000;

	kern_run();
	while (kern_next_ns() <= end) {
		host_clock_advance_to(MAX(kern_next_ns(), host_monotonic_ns()));
		kern_run();
	}
	host_clock_advance_to(end);
	kern_run();
}
