/*
 * if_ether.h - ARP for IPv4 on Ethernet (RFC 826, RFC 5227), arp(4).
 */
#ifndef _NETINET_IF_ETHER_H_
#define _NETINET_IF_ETHER_H_

#include <net/ethernet.h>
#include <net/if_arp.h>
#include <net/if_llatbl.h>
#include <netinet/in.h>

struct in_ifaddr;

struct ether_arp {
	struct arphdr ea_hdr;
	u_char arp_sha[ETHER_ADDR_LEN];
	u_char arp_spa[4];
	u_char arp_tha[ETHER_ADDR_LEN];
	u_char arp_tpa[4];
} __packed;
#define arp_hrd ea_hdr.ar_hrd
#define arp_pro ea_hdr.ar_pro
#define arp_hln ea_hdr.ar_hln
#define arp_pln ea_hdr.ar_pln
#define arp_op ea_hdr.ar_op

/* RFC 1112, 6.4: 01:00:5e and the low 23 bits */
#define ETHER_MAP_IP_MULTICAST(ipaddr, enaddr)                                                     \
	do {                                                                                       \
		const u_char *_ip = (const u_char *)(ipaddr);                                      \
		u_char *_en = (u_char *)(enaddr);                                                  \
		_en[0] = 0x01;                                                                     \
		_en[1] = 0x00;                                                                     \
		_en[2] = 0x5e;                                                                     \
		_en[3] = _ip[1] & 0x7f;                                                            \
		_en[4] = _ip[2];                                                                   \
		_en[5] = _ip[3];                                                                   \
	} while (0)

/* la_state of an AF_INET llentry */
#define ARP_LLINFO_INCOMPLETE 0 /* asking */
#define ARP_LLINFO_REACHABLE 1
#define ARP_LLINFO_VERIFY 2 /* in use and old: asked by unicast, still good */
#define ARP_LLINFO_FAILED 3 /* no answer: EHOSTDOWN until it expires */

void arpintr(struct mbuf *);
void arprequest(
    struct ifnet *, const struct in_addr *sip, const struct in_addr *tip, const u_char *enaddr);
void arp_ifscrub(struct ifnet *, struct in_ifaddr *); /* address goes: stop announcing */
void arp_announce(struct ifnet *); /* all its addresses: link came up, MAC changed */

/* For alpinectl arp. EINVAL, ENETUNREACH (not on its network), ENOENT, ENOBUFS. */
int arp_set(
    struct ifnet *, struct in_addr, const u_char *lladdr, int flags); /* LLE_STATIC, LLE_PUB */
int arp_delete(struct ifnet *, struct in_addr);
struct lltable *in_lltable_attach(struct ifnet *);
void arp_flush(struct lltable *); /* all that was learned; the interface went down */

#endif
