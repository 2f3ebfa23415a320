/*
 * ethernet.h - frames (IEEE 802.3) and the link layer's entry points.
 */
#ifndef _NET_ETHERNET_H_
#define _NET_ETHERNET_H_

#include <sys/types.h>

#define ETHER_ADDR_LEN 6
#define ETHER_TYPE_LEN 2
#define ETHER_CRC_LEN 4
#define ETHER_HDR_LEN 14
#define ETHER_MIN_LEN 64
#define ETHER_MAX_LEN 1518
#define ETHERMTU 1500
#define ETHERMIN 46
#define ETHER_VLAN_ENCAP_LEN 4

#define ETHERTYPE_IP 0x0800
#define ETHERTYPE_ARP 0x0806
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_IPV6 0x86dd

struct ether_header {
	u_char ether_dhost[ETHER_ADDR_LEN];
	u_char ether_shost[ETHER_ADDR_LEN];
	u_short ether_type; /* network order */
} __packed;

struct ether_addr {
	u_char octet[ETHER_ADDR_LEN];
} __packed;

#define ETHER_IS_MULTICAST(addr) ((*(const u_char *)(addr)&0x01) != 0)
#define ETHER_IS_BROADCAST(addr)                                                                   \
	(((addr)[0] & (addr)[1] & (addr)[2] & (addr)[3] & (addr)[4] & (addr)[5]) == 0xff)
#define ETHER_IS_ZERO(addr)                                                                        \
	(((addr)[0] | (addr)[1] | (addr)[2] | (addr)[3] | (addr)[4] | (addr)[5]) == 0x00)

struct ifnet;
struct mbuf;
struct route;
struct sockaddr;

extern const u_char etherbroadcastaddr[ETHER_ADDR_LEN];

void ether_ifattach(struct ifnet *, const u_char *lladdr);
void ether_ifdetach(struct ifnet *);
int ether_ioctl(struct ifnet *, u_long cmd, caddr_t data);
int ether_output(struct ifnet *, struct mbuf *, const struct sockaddr *, struct route *);
int ether_output_frame(struct ifnet *, struct mbuf *);
void ether_demux(struct ifnet *, struct mbuf *);
/* "aa:bb:cc:dd:ee:ff" into buf of 18 bytes */
char *ether_sprintf_r(const u_char *addr, char *buf);

#endif
