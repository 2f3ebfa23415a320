/*
 * ip_var.h - what the parts of IPv4 share.
 */
#ifndef _NETINET_IP_VAR_H_
#define _NETINET_IP_VAR_H_

#include <sys/queue.h>
#include <net/vnet.h>
#include <netinet/in.h>

struct icmp;
struct inpcb;
struct ip;
struct ip_moptions;
struct mbuf;
struct route;
struct socket;
struct sockopt;
struct ifnet;

struct ipstat {
	uint64_t ips_total, ips_badsum, ips_tooshort, ips_toosmall, ips_badhlen, ips_badlen,
	    ips_fragments, ips_fragdropped, ips_fragtimeout, ips_forward, ips_fastforward,
	    ips_cantforward, ips_redirectsent, ips_noproto, ips_delivered, ips_localout,
	    ips_odropped, ips_reassembled, ips_fragmented, ips_ofragments, ips_cantfrag,
	    ips_badoptions, ips_noroute, ips_badvers, ips_rawout, ips_toolong, ips_notmember,
	    ips_nogif, ips_badaddr;
};
VNET_DECLARE(struct ipstat, ipstat);
#define V_ipstat VNET(ipstat)
#define IPSTAT_ADD(f, n) (V_ipstat.f += (n))
#define IPSTAT_INC(f) IPSTAT_ADD(f, 1)

/* ip_output flags */
#define IP_FORWARDING 0x1
#define IP_RAWOUTPUT 0x2
#define IP_SENDONES 0x4
#define IP_SENDTOIF 0x8
#define IP_ROUTETOIF 0x10 /* SO_DONTROUTE */
#define IP_ALLOWBROADCAST 0x20
#define IP_NODEFAULTFLOWID 0x40

VNET_DECLARE(int, ip_defttl);
VNET_DECLARE(int, ipforwarding);
#define V_ip_defttl VNET(ip_defttl)
#define V_ipforwarding VNET(ipforwarding)

/*
 * Sends the packet m, whose header is filled but for ip_v, ip_hl (unless IP_FORWARDING or
 * IP_RAWOUTPUT), ip_id and ip_sum; ip_len and ip_off in network order. Consumes m.
 * ENETUNREACH, EHOSTUNREACH, EHOSTDOWN, EACCES, EMSGSIZE, ENOBUFS, EADDRNOTAVAIL.
 */
int ip_output(struct mbuf *, struct mbuf *opt, struct route *, int flags, struct ip_moptions *,
    struct inpcb *);
struct ifnet *ip_default_ifp(void); /* for broadcast and multicast without a route; may be NULL */
int ip_fragment(struct ip *, struct mbuf **, int mtu, u_long if_hwassist_flags);
void in_delayed_cksum(struct mbuf *); /* does what CSUM_DELAY_DATA left */
void ip_fillid(struct ip *);
void ip_input(struct mbuf *);
void ip_forward(struct mbuf *);	      /* for another host; its header is whole and may be written */
struct mbuf *ip_reass(struct mbuf *); /* the whole packet, or NULL: kept or dropped */
void ip_drain(void);
int ip_ctloutput(struct socket *, struct sockopt *);
void ip_savecontrol(struct inpcb *, struct mbuf **, struct ip *, struct mbuf *);
int ip_dooptions(struct mbuf *, int pass); /* 0: go on; else m was consumed */
void ip_replyoptions(struct mbuf *);	   /* leaves only what an echo reply carries back */
/* A pcb's options are the bare list, padded to a multiple of 4 bytes. */
int ip_pcbopts(struct inpcb *, int, struct mbuf *);
#define ip_optlen(inp) ((inp)->inp_options != NULL ? (u_int)(inp)->inp_options->m_len : 0u)
struct mbuf *ip_insertoptions(struct mbuf *, struct mbuf *opt, int *phlen);
int ip_optcopy(struct ip *, struct ip *);

/*
 * Protocols above IP. An input function takes *mp with the IP header still in front and *offp its
 * length; it consumes the packet and returns IPPROTO_DONE. A ctlinput function is shown an ICMP
 * error, icp->icmp_ip being the packet that caused it, pulled up for 8 bytes of its protocol.
 */
#define IPPROTO_DONE 267
typedef int ipproto_input_t(struct mbuf **, int *, int);
typedef void ipproto_ctlinput_t(struct icmp *);
int ipproto_register(uint8_t proto, ipproto_input_t *, ipproto_ctlinput_t *);
int ipproto_unregister(uint8_t proto);
extern ipproto_input_t *ip_protox[];
extern ipproto_ctlinput_t *ip_ctlprotox[];

/* ip_mopts.c: multicast socket options */
int inp_setmoptions(struct inpcb *, struct sockopt *);
int inp_getmoptions(struct inpcb *, struct sockopt *);
void inp_freemoptions(struct ip_moptions *);		  /* NULL is fine */
void imo_purge_ifp(struct ip_moptions *, struct ifnet *); /* forgets an interface */
/* Whether it hears that source's packets to that group. */
bool imo_member(
    const struct ip_moptions *, struct in_addr group, struct in_addr src, const struct ifnet *);

/* ip_tso.c: cuts a CSUM_IP_TSO packet into segments, chained by m_nextpkt. */
int ip_tso_segment(struct mbuf **);

extern struct protosw rip_protosw, rip_icmp_protosw, rip_igmp_protosw;
int rip_input(struct mbuf **, int *, int);
void rip_copy(struct mbuf *);	  /* to raw sockets, of a packet that goes on to its protocol */
void rip_ctlinput(struct icmp *); /* raw sockets that may have sent what it quotes */
int rip_ctloutput(struct socket *, struct sockopt *);

/* Whose request a protosw function serves: the calling thread's, or the socket's owner's. */
#define PR_CRED(so, td) ((td) != NULL ? (td)->td_ucred : (so)->so_cred)

#endif
