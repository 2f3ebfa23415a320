/*
 * if_acd.c - are our IPv4 addresses ours alone? Address conflict detection, RFC 5227.
 *
 * Owns ia_acd_* of each address and its one timer:
 *   PROBING     `probes` requests from 0.0.0.0, a second apart
 *   ANNOUNCING  two announcements, two seconds apart
 *   DEFENDING   none runs; a conflicting packet is answered with an announcement, once in 10 s
 *   DUPLICATE   somebody answered the probe: no announcement, no ARP reply; probed again in 60 s
 * Unlike the RFC's hosts, and like BSD's, the address is in use while it is probed: who set it is a
 * person, and waits. Called by in.c (addresses come and go) and by if_arpinput.c.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/socket.h>
#include <sys/sysctl.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <net/if_var.h>
#include <net/vnet.h>
#include <netinet/if_ether_var.h>
#include <netinet/in.h>
#include <netinet/in_var.h>

/* RFC 5227 1.1, seconds */
#define ACD_PROBE_MIN 1
#define ACD_ANNOUNCE_NUM 2
#define ACD_ANNOUNCE_INTERVAL 2
#define ACD_RATE_LIMIT_INTERVAL 60
#define ACD_DEFEND_INTERVAL 10

VNET_DEFINE_STATIC(int, acd_probes) = 1;
#define V_acd_probes VNET(acd_probes)

SYSCTL_DECL(_net_link_ether_inet);
SYSCTL_INT_RANGE(_net_link_ether_inet, OID_AUTO, probes, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(acd_probes), 0, 10,
    "Probes for a new address of ours, one a second, before it is announced (default 1, 0-10)");

static void
acd_announce(struct in_ifaddr *ia)
{
	arp_send(ia->ia_ifp, ARPOP_REQUEST, ia->ia_addr.sin_addr, NULL, ia->ia_addr.sin_addr,
	    etherbroadcastaddr);
}

static void
acd_timer(void *arg)
{
	struct in_ifaddr *ia = arg;
	struct in_addr none = {INADDR_ANY};

	if (ia->ia_acd_state == ACD_DUPLICATE) {
		ia->ia_acd_state = ACD_PROBING;
		ia->ia_acd_count = 0;
	}
	if (ia->ia_acd_state == ACD_PROBING) {
		if (ia->ia_acd_count < V_acd_probes) {
			ia->ia_acd_count++;
			arp_send(ia->ia_ifp, ARPOP_REQUEST, none, NULL, ia->ia_addr.sin_addr,
			    etherbroadcastaddr);
			callout_reset(&ia->ia_acd_timer, ACD_PROBE_MIN * hz, acd_timer, ia);
			return;
		}
		ia->ia_acd_state = ACD_ANNOUNCING;
		ia->ia_acd_count = 0;
	}
	acd_announce(ia);
	if (++ia->ia_acd_count < ACD_ANNOUNCE_NUM)
		callout_reset(&ia->ia_acd_timer, ACD_ANNOUNCE_INTERVAL * hz, acd_timer, ia);
	else
		ia->ia_acd_state = ACD_DEFENDING;
}

static void
acd_start(struct in_ifaddr *ia, uint8_t state)
{
	callout_stop(&ia->ia_acd_timer);
	ia->ia_acd_state = ACD_IDLE;
	if ((ia->ia_ifp->if_flags & (IFF_UP | IFF_NOARP)) != IFF_UP)
		return;
	ia->ia_acd_state = state;
	ia->ia_acd_count = 0;
	acd_timer(ia);
}

void
arp_ifinit(struct ifnet *ifp __unused, struct ifaddr *ifa)
{
	acd_start((struct in_ifaddr *)ifa, ACD_PROBING);
}

void
arp_ifscrub(struct ifnet *ifp __unused, struct in_ifaddr *ia)
{
	callout_stop(&ia->ia_acd_timer);
	ia->ia_acd_state = ACD_IDLE;
}

void
arp_announce(struct ifnet *ifp)
{
	struct ifaddr *ifa;
	struct in_ifaddr *ia;

	TAILQ_FOREACH (ifa, &ifp->if_addrhead, ifa_link) {
		ia = (struct in_ifaddr *)ifa;
		if (ifa->ifa_addr->sa_family == AF_INET && ia->ia_acd_state != ACD_DUPLICATE)
			acd_start(ia, ACD_ANNOUNCING);
	}
}

void
acd_conflict(struct in_ifaddr *ia, const u_char *lladdr, bool probe)
{
	const sbintime_t now = sbinuptime();
	char mac[18], ip[INET_ADDRSTRLEN];

	/* Once an address is ours, a probe for it gets the ordinary reply. */
	if (ia->ia_acd_state == ACD_IDLE || (probe && ia->ia_acd_state != ACD_PROBING))
		return;
	ARPSTAT_INC(dupips);
	if (arp_maylog())
		log(LOG_ERR, "arp: duplicate IP address %s on %s: %s uses it too",
		    inet_ntoa_r(ia->ia_addr.sin_addr, ip), ia->ia_ifp->if_xname,
		    ether_sprintf_r(lladdr, mac));
	switch (ia->ia_acd_state) {
	case ACD_PROBING:
		ia->ia_acd_state = ACD_DUPLICATE;
		callout_reset(&ia->ia_acd_timer, ACD_RATE_LIMIT_INTERVAL * hz, acd_timer, ia);
		break;
	case ACD_ANNOUNCING:
	case ACD_DEFENDING:
		if (ia->ia_acd_defended == 0 ||
		    now - ia->ia_acd_defended >= ACD_DEFEND_INTERVAL * SBT_1S) {
			ia->ia_acd_defended = now;
			acd_announce(ia);
		}
		break;
	default:
		break;
	}
}
