/*
 * if_arpinput.c - ARP packets in (RFC 826), from netisr(9).
 *
 * Owns nothing. Believes little: an entry is made only for who asks for one of our addresses and is
 * on our network; else an existing one is refreshed. Everything odd is counted and dropped.
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
#include <net/if_var.h>
#include <net/netisr.h>
#include <net/vnet.h>
#include <netinet/if_ether_var.h>
#include <netinet/in.h>
#include <netinet/in_var.h>

VNET_DEFINE_STATIC(int, log_arp_movements) = 1;
#define V_log_arp_movements VNET(log_arp_movements)
VNET_DEFINE_STATIC(int, log_arp_permanent_modify) = 1;
#define V_log_arp_permanent_modify VNET(log_arp_permanent_modify)

SYSCTL_DECL(_net_link_ether_inet);
SYSCTL_INT_RANGE(_net_link_ether_inet, OID_AUTO, log_arp_movements, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(log_arp_movements), 0, 1, "Log when a neighbour's MAC changes (default 1)");
SYSCTL_INT_RANGE(_net_link_ether_inet, OID_AUTO, log_arp_permanent_modify,
    CTLFLAG_VNET | CTLFLAG_RW, &VNET_NAME(log_arp_permanent_modify), 0, 1,
    "Log when a packet disagrees with an entry made by hand (default 1)");

/* A packet, taken apart. */
struct arp_msg {
	struct ifnet *ifp;
	u_short op;
	u_char sha[ETHER_ADDR_LEN];
	struct in_addr spa, tpa;
};

/* False: counted, not to be looked at any further. */
static bool
arp_parse(struct mbuf *m, struct arp_msg *msg)
{
	struct ether_arp ea;

	if (m->m_pkthdr.len < (int)sizeof(ea.ea_hdr)) {
		ARPSTAT_INC(badlen);
		return (false);
	}
	memset(&ea, 0, sizeof(ea));
	m_copydata(m, 0, imin(m->m_pkthdr.len, (int)sizeof(ea)), &ea);
	if (ea.arp_hrd != htons(ARPHRD_ETHER) || ea.arp_pro != htons(ETHERTYPE_IP)) {
		ARPSTAT_INC(badproto);
		return (false);
	}
	if (m->m_pkthdr.len < (int)sizeof(ea) || ea.arp_hln != sizeof(ea.arp_sha) ||
	    ea.arp_pln != sizeof(ea.arp_spa)) {
		ARPSTAT_INC(badlen);
		return (false);
	}
	msg->ifp = m->m_pkthdr.rcvif;
	msg->op = ntohs(ea.arp_op);
	memcpy(msg->sha, ea.arp_sha, sizeof(msg->sha));
	memcpy(&msg->spa, ea.arp_spa, sizeof(msg->spa));
	memcpy(&msg->tpa, ea.arp_tpa, sizeof(msg->tpa));
	if (msg->op == ARPOP_REQUEST) {
		ARPSTAT_INC(rxrequests);
	} else if (msg->op == ARPOP_REPLY) {
		ARPSTAT_INC(rxreplies);
	} else {
		ARPSTAT_INC(badproto);
		return (false);
	}
	return (true);
}

/* Can it be from a station with that address? A sender of 0.0.0.0 probes (RFC 5227 1.1). */
static bool
arp_sender_ok(const struct arp_msg *msg)
{
	if (ETHER_IS_MULTICAST(msg->sha) || ETHER_IS_ZERO(msg->sha) ||
	    memcmp(msg->sha, IF_LLADDR(msg->ifp), ETHER_ADDR_LEN) == 0)
		return (false);
	if (msg->spa.s_addr == INADDR_ANY)
		return (msg->op == ARPOP_REQUEST);
	return (!IN_MULTICAST(ntohl(msg->spa.s_addr)) && !in_broadcast(msg->spa, msg->ifp) &&
		!IN_LOOPBACK(ntohl(msg->spa.s_addr)));
}

/* Our address in `in`, if it is on the interface that the packet came by. */
static struct in_ifaddr *
arp_ours(const struct arp_msg *msg, struct in_addr in)
{
	struct in_ifaddr *ia = in_ifaddr_lookup(in);

	return (ia != NULL && ia->ia_ifp == msg->ifp ? ia : NULL);
}

static void
arp_refresh(struct llentry *lle, const struct arp_msg *msg)
{
	char was[18], is[18], ip[INET_ADDRSTRLEN];
	const bool moved =
	    (lle->la_flags & LLE_VALID) != 0 && memcmp(lle->ll_addr, msg->sha, ETHER_ADDR_LEN) != 0;
	const bool fixed = (lle->la_flags & LLE_STATIC) != 0;

	if (moved && (fixed ? V_log_arp_permanent_modify : V_log_arp_movements) != 0 &&
	    arp_maylog())
		log(fixed ? LOG_ERR : LOG_INFO, "arp: %s %s from %s to %s on %s",
		    inet_ntoa_r(msg->spa, ip), fixed ? "is fixed, and may not move" : "moved",
		    ether_sprintf_r(lle->ll_addr, was), ether_sprintf_r(msg->sha, is),
		    msg->ifp->if_xname);
	if (!fixed)
		arp_learn(lle, msg->sha);
}

/* Brings the table up to date with the sender. forus: it asks for an address of ours. */
static void
arp_note_sender(const struct arp_msg *msg, bool forus)
{
	struct sockaddr_in sin = {
	    .sin_len = sizeof(sin), .sin_family = AF_INET, .sin_addr = msg->spa};
	struct lltable *llt = IN_IFINFO(msg->ifp)->ii_llt;
	struct llentry *lle;
	struct ifaddr *ifa;

	if (msg->spa.s_addr == INADDR_ANY)
		return;
	if ((lle = lltable_lookup(llt, sintosa(&sin))) != NULL) {
		arp_refresh(lle, msg);
		return;
	}
	if (!forus || msg->op != ARPOP_REQUEST)
		return;
	ifa = ifa_ifwithnet(sintosa(&sin), 0, 0);
	if (ifa == NULL || ifa->ifa_ifp != msg->ifp) {
		ARPSTAT_INC(badaddr);
		return;
	}
	if ((lle = arp_entry(llt, msg->spa, false)) != NULL)
		arp_learn(lle, msg->sha);
}

static void
in_arpinput(const struct arp_msg *msg)
{
	struct in_ifaddr *ia, *target;

	if (IN_IFINFO(msg->ifp) == NULL || IN_IFINFO(msg->ifp)->ii_llt == NULL)
		return;
	if (!arp_sender_ok(msg)) {
		ARPSTAT_INC(badaddr);
		return;
	}
	if ((ia = arp_ours(msg, msg->spa)) != NULL) {
		acd_conflict(ia, msg->sha, false);
		return;
	}
	target = arp_ours(msg, msg->tpa);
	if (target == NULL)
		ARPSTAT_INC(notforus);
	else if (msg->spa.s_addr == INADDR_ANY)
		acd_conflict(target, msg->sha, true);
	arp_note_sender(msg, target != NULL);
	if (target != NULL && msg->op == ARPOP_REQUEST && target->ia_acd_state != ACD_DUPLICATE)
		arp_send(
		    msg->ifp, ARPOP_REPLY, target->ia_addr.sin_addr, msg->sha, msg->spa, msg->sha);
}

void
arpintr(struct mbuf *m)
{
	struct arp_msg msg;

	ARPSTAT_INC(received);
	if (arp_parse(m, &msg))
		in_arpinput(&msg);
	m_freem(m);
}

static const struct netisr_handler arp_nh = {
    .nh_name = "arp",
    .nh_handler = arpintr,
    .nh_proto = NETISR_ARP,
    .nh_policy = NETISR_POLICY_SOURCE,
};

static void
arp_init(const void *unused __unused)
{
	netisr_register(&arp_nh);
}
SYSINIT(arp, SI_SUB_PROTO_DOMAIN, SI_ORDER_ANY, arp_init, NULL);
