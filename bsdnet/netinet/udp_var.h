/* udp_var.h - UDP's control block and counters, udp(4). */
#ifndef _NETINET_UDP_VAR_H_
#define _NETINET_UDP_VAR_H_

#include <net/vnet.h>
#include <netinet/in_pcb.h>
#include <netinet/udp.h>

struct udpstat {
	uint64_t udps_ipackets, udps_hdrops, udps_nosum, udps_badsum, udps_badlen, udps_noport,
	    udps_noportbcast, udps_fullsock, udpps_pcbcachemiss, udpps_pcbhashmiss, udps_opackets,
	    udps_fastout, udps_noportmcast, udps_filtermcast;
};
VNET_DECLARE(struct udpstat, udpstat);
#define V_udpstat VNET(udpstat)
#define UDPSTAT_INC(f) (V_udpstat.f++)
VNET_DECLARE(struct inpcbinfo, udbinfo);
#define V_udbinfo VNET(udbinfo)
VNET_DECLARE(struct inpcbinfo, ulitecbinfo); /* UDP-Lite */
#define V_ulitecbinfo VNET(ulitecbinfo)
VNET_DECLARE(struct inpcbinfo, pingcbinfo);
#define V_pingcbinfo VNET(pingcbinfo)
VNET_DECLARE(struct inpcbinfo, ripcbinfo);
#define V_ripcbinfo VNET(ripcbinfo)
VNET_DECLARE(int, udp_cksum);
#define V_udp_cksum VNET(udp_cksum)
VNET_DECLARE(u_long, udp_sendspace); /* net.inet.udp.maxdgram */
#define V_udp_sendspace VNET(udp_sendspace)

#define UDP_GROUP_MAX 256 /* sockets that one broadcast or multicast is copied to */

struct icmp;
struct protosw;
struct sockopt;
extern struct protosw udp_protosw, udplite_protosw;
int udp_input(struct mbuf **, int *, int);
void udp_ctlinput(struct icmp *), udplite_ctlinput(struct icmp *);
int udp_ctloutput(struct socket *, struct sockopt *);
#define udp_is_lite(inp) ((inp)->inp_ip_p == IPPROTO_UDPLITE)

/* udplite(4): options of IPPROTO_UDPLITE */
#define UDPLITE_SEND_CSCOV 2
#define UDPLITE_RECV_CSCOV 4
int udp_send(
    struct socket *, int, struct mbuf *, struct sockaddr *, struct mbuf *, struct thread *);

#endif
