/*
 * in_pcb.h - Internet protocol control blocks, shared by IPv4 and IPv6, TCP, UDP and raw.
 */
#ifndef _NETINET_IN_PCB_H_
#define _NETINET_IN_PCB_H_

#include <sys/queue.h>
#include <sys/ucred.h>
#include <net/route.h>
#include <net/vnet.h>
#include <netinet/in.h>

struct icmp;
struct inpcbinfo;
struct ip_moptions;
struct ip6_moptions;
struct mbuf;
struct socket;
struct sockopt;
struct thread;

/* An IPv4 address in an IPv6-sized place. */
struct in_addr_4in6 {
	uint32_t ia46_pad32[3];
	struct in_addr ia46_addr4;
};
union in_dependaddr {
	struct in_addr_4in6 id46_addr;
	struct in6_addr id6_addr;
};
struct in_endpoints {
	in_port_t ie_fport, ie_lport; /* network order */
	union in_dependaddr ie_dependfaddr, ie_dependladdr;
	uint32_t ie6_zoneid;
};
#define ie_faddr ie_dependfaddr.id46_addr.ia46_addr4
#define ie_laddr ie_dependladdr.id46_addr.ia46_addr4
#define ie6_faddr ie_dependfaddr.id6_addr
#define ie6_laddr ie_dependladdr.id6_addr

struct in_conninfo {
	uint8_t inc_flags;
	uint8_t inc_len;
	uint16_t inc_fibnum;
	struct in_endpoints inc_ie;
};
#define INC_ISIPV6 0x01
#define inc_fport inc_ie.ie_fport
#define inc_lport inc_ie.ie_lport
#define inc_faddr inc_ie.ie_faddr
#define inc_laddr inc_ie.ie_laddr
#define inc6_faddr inc_ie.ie6_faddr
#define inc6_laddr inc_ie.ie6_laddr
#define inc6_zoneid inc_ie.ie6_zoneid

struct inpcb {
	LIST_ENTRY(inpcb) inp_hash;	/* by all four, or by local port if not connected */
	LIST_ENTRY(inpcb) inp_portlist; /* on inp_phd's list */
	LIST_ENTRY(inpcb) inp_list;	/* all of them */
	u_int inp_refcount;
	int inp_flags; /* INP_* */
	int inp_flags2;
	uint8_t inp_vflag; /* INP_IPV4, INP_IPV6 */
	uint8_t inp_ip_ttl, inp_ip_p, inp_ip_minttl;
	uint8_t inp_ip_tos;
	uint32_t inp_flowid;
	uint32_t inp_flow;
	uint32_t inp_hashval;	   /* of the four-tuple, or of the local port */
	struct inpcbport *inp_phd; /* its local port; NULL while not hashed */
	void *inp_ppcb;		   /* tcpcb, udpcb */
	struct inpcbinfo *inp_pcbinfo;
	struct socket *inp_socket; /* NULL once detached */
	struct ucred *inp_cred;
	struct vnet *inp_vnet;
	struct in_conninfo inp_inc;
	struct mbuf *inp_options;	   /* IP options for output */
	struct mbuf *inp_errq;		   /* ip_errqueue.c */
	uint16_t inp_txcslen, inp_rxcslen; /* UDP-Lite: bytes covered; 0: all */
	struct ip_moptions *inp_moptions;
	struct ip6_moptions *inp6_moptions;
	uint64_t inp_gencnt;
	struct route inp_route; /* cached next hop */
};
#define inp_fport inp_inc.inc_fport
#define inp_lport inp_inc.inc_lport
#define inp_faddr inp_inc.inc_faddr
#define inp_laddr inp_inc.inc_laddr
#define in6p_faddr inp_inc.inc6_faddr
#define in6p_laddr inp_inc.inc6_laddr
#define inp_zoneid inp_inc.inc6_zoneid
#define sotoinpcb(so) ((struct inpcb *)(so)->so_pcb)

/* inp_vflag */
#define INP_IPV4 0x1
#define INP_IPV6 0x2
#define INP_IPV6PROTO 0x4 /* made as AF_INET6 */

/* inp_flags */
#define INP_RECVOPTS 0x00000001
#define INP_RECVRETOPTS 0x00000002
#define INP_RECVDSTADDR 0x00000004
#define INP_HDRINCL 0x00000008
#define INP_HIGHPORT 0x00000010
#define INP_LOWPORT 0x00000020
#define INP_ANONPORT 0x00000040
#define INP_RECVIF 0x00000080
#define INP_MTUDISC 0x00000100
#define INP_DONTFRAG 0x00000800
#define INP_BINDANY 0x00001000
#define INP_INHASHLIST 0x00002000
#define INP_RECVTOS 0x00004000
#define INP_RECVTTL 0x00008000
#define INP_ONESBCAST 0x00010000
#define INP_DROPPED 0x00020000
#define INP_SOCKREF 0x00040000
#define IN6P_IPV6_V6ONLY 0x00080000
#define INP_RECVERR 0x00100000 /* IP_RECVERR_ALPINE */
#define INP_SENDANY 0x00200000 /* IP_SENDANY_ALPINE */
#define INP_CONTROLOPTS                                                                            \
	(INP_RECVOPTS | INP_RECVRETOPTS | INP_RECVDSTADDR | INP_RECVIF | INP_RECVTOS | INP_RECVTTL)
/* inp_flags2 */
#define INP_REUSEPORT 0x00000008
#define INP_REUSEADDR 0x00000020
#define INP_REUSEPORT_LB 0x00000040
#define INP_FREED 0x00000200	  /* in_pcbfree() was here; memory waits for the last reference */
#define INP_AUTOLADDR 0x00000800  /* connect chose inp_laddr: disconnect forgets it */
#define INP_CONNHASHED 0x00000400 /* inp_hash is on ipi_hashbase, not on ipi_wildbase */

LIST_HEAD(inpcbhead, inpcb);

/* A local port in use and who uses it, so that a port search skips its thousands of pcbs. */
struct inpcbport {
	LIST_ENTRY(inpcbport) phd_hash;
	struct inpcbhead phd_pcblist;
	u_short phd_port; /* network order */
};
LIST_HEAD(inpcbporthead, inpcbport);

/* One per protocol and VNET. */
struct inpcbinfo {
	const char *ipi_name;
	struct inpcbhead ipi_listhead;
	u_int ipi_count;
	uint64_t ipi_gencnt;
	u_short ipi_lastport, ipi_lastlow, ipi_lasthi;
	uint8_t ipi_hashkey[16];	/* of siphash(9), random per VNET */
	struct inpcbhead *ipi_hashbase; /* connected, by four-tuple; grows with ipi_count */
	u_long ipi_hashmask;
	struct inpcbhead *ipi_wildbase; /* not connected, by local port */
	u_long ipi_wildmask;
	struct inpcbporthead *ipi_porthashbase; /* ports in use */
	u_long ipi_porthashmask;
	/* a packet without a pcb may end here before it is refused: TIME_WAIT and such */
	void *ipi_lbgroup;
};

/* lookup flags */
#define INPLOOKUP_WILDCARD 0x01

VNET_DECLARE(int, ipport_lowfirstauto);
VNET_DECLARE(int, ipport_lowlastauto);
VNET_DECLARE(int, ipport_firstauto);
VNET_DECLARE(int, ipport_lastauto);
VNET_DECLARE(int, ipport_hifirstauto);
VNET_DECLARE(int, ipport_hilastauto);
VNET_DECLARE(int, ipport_reservedhigh);
VNET_DECLARE(int, ipport_reservedlow);
VNET_DECLARE(int, ipport_randomized);
#define V_ipport_lowfirstauto VNET(ipport_lowfirstauto)
#define V_ipport_lowlastauto VNET(ipport_lowlastauto)
#define V_ipport_firstauto VNET(ipport_firstauto)
#define V_ipport_lastauto VNET(ipport_lastauto)
#define V_ipport_hifirstauto VNET(ipport_hifirstauto)
#define V_ipport_hilastauto VNET(ipport_hilastauto)
#define V_ipport_reservedhigh VNET(ipport_reservedhigh)
#define V_ipport_reservedlow VNET(ipport_reservedlow)
#define V_ipport_randomized VNET(ipport_randomized)

void in_pcbinfo_init(
    struct inpcbinfo *, const char *name, u_int hash_nelements, u_int porthash_nelements);
void in_pcbinfo_destroy(struct inpcbinfo *);
int in_pcballoc(struct socket *, struct inpcbinfo *); /* sets so_pcb; ENOBUFS */
void in_pcbfree(struct inpcb *);   /* from pr_detach; unhashes, drops all it holds */
void in_pcbdetach(struct inpcb *); /* parts inp and socket */
void in_pcbdrop(struct inpcb *);   /* gives up its port and addresses, INP_DROPPED */
int in_pcbbind(struct inpcb *, struct sockaddr_in *, struct ucred *);
int in_pcbbind_setup(
    struct inpcb *, struct sockaddr_in *, in_addr_t *laddr, u_short *lport, struct ucred *);
int in_pcbconnect(struct inpcb *, struct sockaddr_in *, struct ucred *);
int in_pcbladdr(struct inpcb *, struct in_addr *faddr, struct in_addr *laddr, struct ucred *);
void in_pcbdisconnect(struct inpcb *);
int in_pcbinshash(struct inpcb *);
void in_pcbrehash(struct inpcb *);
void in_pcbremhash(struct inpcb *);
void in_pcbref(struct inpcb *);
bool in_pcbrele(struct inpcb *); /* true: it is gone */
struct inpcb *in_pcblookup(struct inpcbinfo *, struct in_addr faddr, u_int fport,
    struct in_addr laddr, u_int lport, int lookupflags, struct ifnet *);
/* the same for either family, by an in_conninfo seen from the wire's receiver */
struct inpcb *in_pcblookup_inc(
    struct inpcbinfo *, const struct in_conninfo *, int lookupflags, struct ifnet *);
/* One that would collide with a bind to laddr:lport; with INPLOOKUP_WILDCARD any that overlaps. */
struct inpcb *in_pcblookup_local(
    struct inpcbinfo *, struct in_addr laddr, u_short lport, int lookupflags);
struct inpcbport *in_pcbport_find(const struct inpcbinfo *, u_short lport);
void in_pcbinfo_grow(struct inpcbinfo *);
/* Picks a port for laddr: free of any other user, or (faddr given) unique as a four-tuple. */
int in_pcb_lport_dest(struct inpcb *, struct in_addr laddr, u_short *lport, struct in_addr faddr,
    u_short fport, struct ucred *, int lookupflags);
int inp_so_options(const struct inpcb *); /* SO_REUSE* bits, also once the socket has gone */
/* Steps through all pcbs of a family while f frees any of them; f returns false to stop. */
void in_pcbforeach(struct inpcbinfo *, bool (*f)(struct inpcb *, void *), void *arg);
void in_pcbpurgeif0(struct inpcbinfo *, struct ifnet *); /* the interface goes away */
void in_pcbnotifyall(struct inpcbinfo *, struct in_addr faddr, int errnum,
    struct inpcb *(*notify)(struct inpcb *, int));
void in_losing(struct inpcb *);
int in_getsockaddr(struct socket *, struct sockaddr *);
int in_getpeeraddr(struct socket *, struct sockaddr *);
void in_pcbtosockaddr(const struct in_conninfo *, bool local, struct sockaddr_storage *);
u_short in_pcb_hashsize(void);

#endif
