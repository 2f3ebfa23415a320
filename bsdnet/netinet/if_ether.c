/*
 * if_ether.c - IPv4 neighbours on Ethernet: whose MAC is that address? (RFC 826, RFC 1122 2.3.2,
 * arp(4)). arpresolve() is the lltable's llt_resolve, called by ether_output().
 *
 * Owns the entries of each interface's AF_INET lltable and their timers:
 *   INCOMPLETE  asked by broadcast, once a second, maxtries times; packets wait in la_hold
 *   REACHABLE   good for max_age; if it is in use when that ends,
 *   VERIFY      asked by unicast, still in use, maxtries times
 *   FAILED      no answer: EHOSTDOWN for `wait` seconds, then forgotten
 * What comes in is if_arpinput.c's; our own addresses are if_acd.c's.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/mbuf.h>
#include <sys/socket.h>
#include <sys/sysctl.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <net/if_dl.h>
#include <net/if_llatbl.h>
#include <net/if_types.h>
#include <net/if_var.h>
#include <net/vnet.h>
#include <netinet/if_ether_var.h>
#include <netinet/in.h>
#include <netinet/in_systm.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>

#define ARP_RETRY_SEC 1

VNET_DEFINE(struct arpstat, arpstat);
VNET_DEFINE_STATIC(int, arpt_keep) = 20 * 60;
#define V_arpt_keep VNET(arpt_keep)
VNET_DEFINE_STATIC(int, arpt_down) = 20;
#define V_arpt_down VNET(arpt_down)
VNET_DEFINE_STATIC(int, arp_maxtries) = 5;
#define V_arp_maxtries VNET(arp_maxtries)
VNET_DEFINE_STATIC(int, arp_maxhold) = 16;
#define V_arp_maxhold VNET(arp_maxhold)
VNET_DEFINE_STATIC(int, arp_maxentries) = 4096;
#define V_arp_maxentries VNET(arp_maxentries)
VNET_DEFINE_STATIC(int, arp_maxpps) = 1;
#define V_arp_maxpps VNET(arp_maxpps)
VNET_DEFINE_STATIC(struct timeval, arp_lastlog);
#define V_arp_lastlog VNET(arp_lastlog)
VNET_DEFINE_STATIC(int, arp_curpps);
#define V_arp_curpps VNET(arp_curpps)

SYSCTL_DECL(_net_link_ether);
SYSCTL_NODE(_net_link_ether, PF_INET, inet, CTLFLAG_RW, NULL, "ARP, arp(4)");
SYSCTL_NODE(_net_link_ether, OID_AUTO, arp, CTLFLAG_RW, NULL, "ARP counters");
SYSCTL_VNET_PCPUSTAT(
    _net_link_ether_arp, OID_AUTO, stats, arpstat, arpstat, "Counters, struct arpstat");
SYSCTL_INT_RANGE(_net_link_ether_inet, OID_AUTO, max_age, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(arpt_keep), 2, 86400,
    "Seconds that a neighbour's address is good for (default 1200, 2-86400)");
SYSCTL_INT_RANGE(_net_link_ether_inet, OID_AUTO, wait, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(arpt_down), 1, 3600,
    "Seconds that a neighbour counts as down after it did not answer (default 20, 1-3600)");
SYSCTL_INT_RANGE(_net_link_ether_inet, OID_AUTO, maxtries, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(arp_maxtries), 1, 60,
    "Requests, one a second, before a neighbour counts as down (default 5, 1-60)");
SYSCTL_INT_RANGE(_net_link_ether_inet, OID_AUTO, maxhold, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(arp_maxhold), 1, 1024,
    "Packets that wait for one neighbour's address (default 16, 1-1024); the oldest is dropped");
SYSCTL_INT_RANGE(_net_link_ether_inet, OID_AUTO, maxentries, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(arp_maxentries), 8, 1048576,
    "Neighbours known per interface (default 4096, 8-1048576); bounds what the wire can fill");
SYSCTL_INT_RANGE(_net_link_ether_inet, OID_AUTO, max_log_per_second, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(arp_maxpps), 0, 1000, "Log lines per second about ARP packets (default 1, 0-1000)");

bool
arp_maylog(void)
{
	return (ppsratecheck(&V_arp_lastlog, &V_arp_curpps, V_arp_maxpps) != 0);
}

/* ---- sending ---- */

void
arp_send(struct ifnet *ifp, u_short op, struct in_addr spa, const u_char *tha, struct in_addr tpa,
    const u_char *dst)
{
	struct sockaddr sa = {.sa_len = sizeof(sa), .sa_family = AF_UNSPEC};
	struct ether_header eh;
	struct ether_arp ea;
	struct mbuf *m;

	if ((m = m_gethdr(M_NOWAIT, MT_DATA)) == NULL) {
		ARPSTAT_INC(txerrors);
		return;
	}
	ea.arp_hrd = htons(ARPHRD_ETHER);
	ea.arp_pro = htons(ETHERTYPE_IP);
	ea.arp_hln = sizeof(ea.arp_sha);
	ea.arp_pln = sizeof(ea.arp_spa);
	ea.arp_op = htons(op);
	memcpy(ea.arp_sha, IF_LLADDR(ifp), sizeof(ea.arp_sha));
	memcpy(ea.arp_spa, &spa, sizeof(ea.arp_spa));
	if (tha != NULL)
		memcpy(ea.arp_tha, tha, sizeof(ea.arp_tha));
	else
		memset(ea.arp_tha, 0, sizeof(ea.arp_tha));
	memcpy(ea.arp_tpa, &tpa, sizeof(ea.arp_tpa));
	MH_ALIGN(m, (int)sizeof(ea));
	m->m_len = m->m_pkthdr.len = sizeof(ea);
	memcpy(mtod(m, char *), &ea, sizeof(ea));
	if (ETHER_IS_BROADCAST(dst))
		m->m_flags |= M_BCAST;

	memcpy(eh.ether_dhost, dst, ETHER_ADDR_LEN);
	memcpy(eh.ether_shost, IF_LLADDR(ifp), ETHER_ADDR_LEN);
	eh.ether_type = htons(ETHERTYPE_ARP);
	memcpy(sa.sa_data, &eh, sizeof(eh));
	if (op == ARPOP_REQUEST)
		ARPSTAT_INC(txrequests);
	else
		ARPSTAT_INC(txreplies);
	if (ifp->if_output(ifp, m, &sa, NULL) != 0)
		ARPSTAT_INC(txerrors);
}
CTASSERT(sizeof(struct ether_header) <= sizeof(((struct sockaddr *)0)->sa_data));

/* Our address to ask with: one on tip's network that is surely ours, or 0.0.0.0. */
static struct in_addr
arp_source(struct ifnet *ifp, struct in_addr tip)
{
	struct sockaddr_in sin = {.sin_len = sizeof(sin), .sin_family = AF_INET, .sin_addr = tip};
	struct in_addr none = {INADDR_ANY};
	struct in_ifaddr *ia;

	ia = (struct in_ifaddr *)ifaof_ifpforaddr(sintosa(&sin), ifp);
	if (ia == NULL || ia->ia_acd_state == ACD_DUPLICATE)
		return (none);
	return (ia->ia_addr.sin_addr);
}

/* Who has tip? To everybody, or to enaddr only. */
void
arprequest(
    struct ifnet *ifp, const struct in_addr *sip, const struct in_addr *tip, const u_char *enaddr)
{
	struct in_addr spa = sip != NULL ? *sip : arp_source(ifp, *tip);

	arp_send(ifp, ARPOP_REQUEST, spa, NULL, *tip, enaddr != NULL ? enaddr : etherbroadcastaddr);
}

/* ---- an entry's life ---- */

static void arptimer(void *);

static void
arp_schedule(struct llentry *lle, int sec)
{
	callout_reset(&lle->lle_timer, imax(sec, 1) * hz, arptimer, lle);
}

static void
arp_ask(struct llentry *lle)
{
	const bool unicast = lle->la_state == ARP_LLINFO_VERIFY;

	lle->la_asked++;
	arp_schedule(lle, ARP_RETRY_SEC);
	arprequest(
	    lle->lle_tbl->llt_ifp, NULL, &lle->r_l3addr.addr4, unicast ? lle->ll_addr : NULL);
}

static void
arp_drophold(struct llentry *lle)
{
	ARPSTAT_ADD(dropped, (uint64_t)mbufq_len(&lle->la_hold));
	mbufq_drain(&lle->la_hold);
}

/* RFC 1812 3.3.2, 5.2.7.1: the senders of what we were to forward hear of it; ours by the errno. */
static void
arp_tell_senders(struct llentry *lle)
{
	struct mbuf *m, *next;

	for (m = mbufq_flush(&lle->la_hold); m != NULL; m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		ARPSTAT_INC(dropped);
		if (m->m_pkthdr.rcvif != NULL && V_ipforwarding != 0)
			icmp_error(m, ICMP_UNREACH, ICMP_UNREACH_HOST, 0, 0);
		else
			m_freem(m);
	}
}

static void
arp_fail(struct llentry *lle)
{
	ARPSTAT_INC(timeouts);
	arp_tell_senders(lle);
	lle->la_state = ARP_LLINFO_FAILED;
	lle->la_flags &= (uint16_t)~LLE_VALID;
	lle->la_asked = 0;
	lle->la_expire = time_uptime + V_arpt_down;
	arp_schedule(lle, V_arpt_down);
}

static void
arptimer(void *arg)
{
	struct llentry *lle = arg;

	switch (lle->la_state) {
	case ARP_LLINFO_INCOMPLETE:
		if (lle->la_asked < V_arp_maxtries)
			arp_ask(lle);
		else
			arp_fail(lle);
		break;
	case ARP_LLINFO_REACHABLE:
		if (lle->la_used) {
			lle->la_state = ARP_LLINFO_VERIFY;
			lle->la_asked = 0;
			arp_ask(lle);
		} else if (time_uptime < lle->la_expire) {
			arp_schedule(lle, (int)(lle->la_expire - time_uptime));
		} else {
			ARPSTAT_INC(timeouts);
			lltable_delete_entry(lle);
		}
		break;
	case ARP_LLINFO_VERIFY:
		if (lle->la_asked < V_arp_maxtries) {
			arp_ask(lle);
		} else {
			ARPSTAT_INC(timeouts);
			lltable_delete_entry(lle);
		}
		break;
	default:
		lltable_delete_entry(lle);
		break;
	}
}

void
arp_learn(struct llentry *lle, const u_char *lladdr)
{
	struct ifnet *ifp = lle->lle_tbl->llt_ifp;
	struct sockaddr_in dst;
	struct mbuf *m, *next;
	bool news;

	news =
	    (lle->la_flags & LLE_VALID) == 0 || memcmp(lle->ll_addr, lladdr, ETHER_ADDR_LEN) != 0;
	lltable_set_entry_addr(lle, lladdr);
	if (news)
		EVENTHANDLER_INVOKE(lle_event, lle, LLENTRY_RESOLVED);
	lle->la_state = ARP_LLINFO_REACHABLE;
	lle->la_asked = 0;
	lle->la_used = false;
	if ((lle->la_flags & LLE_STATIC) != 0) {
		lle->la_expire = 0;
		callout_stop(&lle->lle_timer);
	} else {
		lle->la_expire = time_uptime + V_arpt_keep;
		/* in time for asking maxtries times */
		arp_schedule(lle, V_arpt_keep - imin(V_arp_maxtries, V_arpt_keep / 2));
	}
	lltable_fill_sa_entry(lle, sintosa(&dst));
	for (m = mbufq_flush(&lle->la_hold); m != NULL; m = next) {
		next = m->m_nextpkt;
		m->m_nextpkt = NULL;
		(void)ifp->if_output(ifp, m, sintosa(&dst), NULL);
	}
}

/* The entry that is missed least: one without an address, else the oldest. NULL: all are static. */
static struct llentry *
arp_victim(struct lltable *llt)
{
	struct llentry *lle, *oldest = NULL;

	TAILQ_FOREACH (lle, &llt->llt_age, lle_age) {
		if ((lle->la_flags & LLE_STATIC) != 0)
			continue;
		if ((lle->la_flags & LLE_VALID) == 0)
			return (lle);
		if (oldest == NULL)
			oldest = lle;
	}
	return (oldest);
}

struct llentry *
arp_entry(struct lltable *llt, struct in_addr addr, bool evict)
{
	struct sockaddr_in sin = {.sin_len = sizeof(sin), .sin_family = AF_INET, .sin_addr = addr};
	struct llentry *victim;

	while (llt->llt_entries >= (u_int)V_arp_maxentries) {
		ARPSTAT_INC(overflow);
		victim = arp_victim(llt);
		if (victim == NULL || (!evict && (victim->la_flags & LLE_VALID) != 0))
			return (NULL);
		lltable_delete_entry(victim);
	}
	return (lltable_create(llt, sintosa(&sin)));
}

/* ---- resolving ---- */

/* m waits in lle's queue, and a request is on its way. */
static int
arp_hold(struct llentry *lle, struct mbuf *m)
{
	lle->la_hold.mq_maxlen = V_arp_maxhold;
	while (mbufq_full(&lle->la_hold)) {
		m_freem(mbufq_dequeue(&lle->la_hold));
		ARPSTAT_INC(dropped);
	}
	(void)mbufq_enqueue(&lle->la_hold, m);
	if (lle->la_asked == 0)
		arp_ask(lle);
	return (EWOULDBLOCK);
}

/* Broadcast and multicast need no neighbour. */
static bool
arp_group(struct ifnet *ifp, const struct mbuf *m, struct in_addr dst, u_char *hdr)
{
	struct ether_header eh;

	if ((m->m_flags & M_BCAST) != 0 || dst.s_addr == INADDR_BROADCAST)
		memcpy(eh.ether_dhost, etherbroadcastaddr, ETHER_ADDR_LEN);
	else if (IN_MULTICAST(ntohl(dst.s_addr)))
		ETHER_MAP_IP_MULTICAST(&dst, eh.ether_dhost);
	else
		return (false);
	memcpy(eh.ether_shost, IF_LLADDR(ifp), ETHER_ADDR_LEN);
	eh.ether_type = htons(ETHERTYPE_IP);
	memcpy(hdr, &eh, sizeof(eh));
	return (true);
}

int
arpresolve(struct ifnet *ifp, int is_gw, struct mbuf *m, const struct sockaddr *dst, u_char *hdr,
    uint32_t *pflags, struct llentry **plle)
{
	struct lltable *llt = IN_IFINFO(ifp)->ii_llt;
	const struct in_addr addr = ((const struct sockaddr_in *)(const void *)dst)->sin_addr;
	struct llentry *lle;

	if (arp_group(ifp, m, addr, hdr))
		return (0);
	lle = lltable_lookup(llt, dst);
	if (lle != NULL && (lle->la_flags & LLE_VALID) != 0) {
		memcpy(hdr, lle->r_linkdata, lle->r_hdrlen);
		lle->la_used = true;
		if (pflags != NULL)
			*pflags = lle->la_flags;
		if (plle != NULL) {
			llentry_ref(lle);
			*plle = lle;
		}
		return (0);
	}
	if ((ifp->if_flags & IFF_NOARP) != 0 ||
	    (lle != NULL && lle->la_state == ARP_LLINFO_FAILED)) {
		m_freem(m);
		return (is_gw ? EHOSTUNREACH : EHOSTDOWN);
	}
	if (lle == NULL && (lle = arp_entry(llt, addr, true)) == NULL) {
		m_freem(m);
		return (ENOBUFS);
	}
	lle->la_used = true;
	return (arp_hold(lle, m));
}

/* ---- tables, administrators ---- */

static void
arp_entry_leaves(struct lltable *llt __unused, struct llentry *lle)
{
	arp_drophold(lle);
}

struct lltable *
in_lltable_attach(struct ifnet *ifp)
{
	struct lltable *llt;

	llt = lltable_allocate(ifp, AF_INET);
	llt->llt_resolve = arpresolve;
	llt->llt_free_entry = arp_entry_leaves;
	return (llt);
}

static int
arp_flush_one(struct lltable *llt __unused, struct llentry *lle, void *arg __unused)
{
	if ((lle->la_flags & LLE_STATIC) == 0)
		lltable_delete_entry(lle);
	return (0);
}

void
arp_flush(struct lltable *llt)
{
	(void)lltable_foreach_lle(llt, arp_flush_one, NULL);
}

static struct lltable *
arp_table(struct ifnet *ifp)
{
	return (IN_IFINFO(ifp) != NULL ? IN_IFINFO(ifp)->ii_llt : NULL);
}

int
arp_set(struct ifnet *ifp, struct in_addr addr, const u_char *lladdr, int flags)
{
	struct sockaddr_in sin = {.sin_len = sizeof(sin), .sin_family = AF_INET, .sin_addr = addr};
	struct lltable *llt = arp_table(ifp);
	struct ifaddr *ifa;
	struct llentry *lle;

	if (llt == NULL || (flags & ~(LLE_STATIC | LLE_PUB)) != 0 || ETHER_IS_MULTICAST(lladdr))
		return (EINVAL);
	ifa = ifa_ifwithnet(sintosa(&sin), 0, 0);
	if (ifa == NULL || ifa->ifa_ifp != ifp)
		return (ENETUNREACH);
	lle = lltable_lookup(llt, sintosa(&sin));
	if (lle == NULL && (lle = arp_entry(llt, addr, true)) == NULL)
		return (ENOBUFS);
	lle->la_flags &= (uint16_t) ~(LLE_STATIC | LLE_PUB);
	lle->la_flags |= (uint16_t)flags;
	arp_learn(lle, lladdr);
	return (0);
}

int
arp_delete(struct ifnet *ifp, struct in_addr addr)
{
	struct sockaddr_in sin = {.sin_len = sizeof(sin), .sin_family = AF_INET, .sin_addr = addr};
	struct lltable *llt = arp_table(ifp);
	struct llentry *lle;

	if (llt == NULL)
		return (EINVAL);
	if ((lle = lltable_lookup(llt, sintosa(&sin))) == NULL)
		return (ENOENT);
	lltable_delete_entry(lle);
	return (0);
}
