/*
 * if.h - interfaces as programs and alpinectl see them, ifnet(9), netintro(4).
 */
#ifndef _NET_IF_H_
#define _NET_IF_H_

#include <sys/types.h>
#include <sys/socket.h>

#define IFNAMSIZ 16
#define IF_NAMESIZE 16

#define IFF_UP 0x1
#define IFF_BROADCAST 0x2
#define IFF_DEBUG 0x4
#define IFF_LOOPBACK 0x8
#define IFF_POINTOPOINT 0x10
#define IFF_DRV_RUNNING 0x40
#define IFF_RUNNING IFF_DRV_RUNNING
#define IFF_NOARP 0x80
#define IFF_PROMISC 0x100
#define IFF_ALLMULTI 0x200
#define IFF_DRV_OACTIVE 0x400
#define IFF_SIMPLEX 0x800
#define IFF_MULTICAST 0x8000

#define IFCAP_RXCSUM 0x00001
#define IFCAP_TXCSUM 0x00002
#define IFCAP_TSO4 0x00100
#define IFCAP_TSO6 0x00200
#define IFCAP_LRO 0x00400
#define IFCAP_RXCSUM_IPV6 0x200000
#define IFCAP_TXCSUM_IPV6 0x400000

#define LINK_STATE_UNKNOWN 0
#define LINK_STATE_DOWN 1
#define LINK_STATE_UP 2

struct ifreq {
	char ifr_name[IFNAMSIZ];
	union {
		struct sockaddr ifru_addr;
		struct sockaddr ifru_dstaddr;
		struct sockaddr ifru_broadaddr;
		short ifru_flags[2];
		short ifru_index;
		int ifru_metric;
		int ifru_mtu;
		int ifru_media;
		caddr_t ifru_data;
	} ifr_ifru;
};
#define ifr_addr ifr_ifru.ifru_addr
#define ifr_dstaddr ifr_ifru.ifru_dstaddr
#define ifr_broadaddr ifr_ifru.ifru_broadaddr
#define ifr_flags ifr_ifru.ifru_flags[0]
#define ifr_flagshigh ifr_ifru.ifru_flags[1]
#define ifr_metric ifr_ifru.ifru_metric
#define ifr_mtu ifr_ifru.ifru_mtu
#define ifr_index ifr_ifru.ifru_index
#define ifr_data ifr_ifru.ifru_data

struct ifaliasreq {
	char ifra_name[IFNAMSIZ];
	struct sockaddr ifra_addr;
	struct sockaddr ifra_broadaddr;
	struct sockaddr ifra_mask;
	int ifra_vhid;
};

struct ifconf {
	int ifc_len;
	union {
		caddr_t ifcu_buf;
		struct ifreq *ifcu_req;
	} ifc_ifcu;
};
#define ifc_buf ifc_ifcu.ifcu_buf
#define ifc_req ifc_ifcu.ifcu_req

#endif
