/*
 * ip_icmp.h - ICMP messages (RFC 792) and the module's entry points.
 */
#ifndef _NETINET_IP_ICMP_H_
#define _NETINET_IP_ICMP_H_

#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/ip.h>

struct icmp {
	u_char icmp_type;
	u_char icmp_code;
	u_short icmp_cksum;
	union {
		u_char ih_pptr;
		struct in_addr ih_gwaddr;
		struct {
			uint16_t icd_id, icd_seq;
		} ih_idseq;
		int ih_void;
		struct {
			uint16_t ipm_void, ipm_nextmtu;
		} ih_pmtu;
	} icmp_hun;
	union {
		struct {
			uint32_t its_otime, its_rtime, its_ttime;
		} id_ts;
		struct {
			struct ip idi_ip; /* options and 8 bytes more behind it */
		} id_ip;
		uint32_t id_mask;
		char id_data[1];
	} icmp_dun;
} __packed __aligned(2);
CTASSERT(sizeof(struct icmp) == 28);
#define icmp_pptr icmp_hun.ih_pptr
#define icmp_gwaddr icmp_hun.ih_gwaddr
#define icmp_id icmp_hun.ih_idseq.icd_id
#define icmp_seq icmp_hun.ih_idseq.icd_seq
#define icmp_void icmp_hun.ih_void
#define icmp_nextmtu icmp_hun.ih_pmtu.ipm_nextmtu
#define icmp_otime icmp_dun.id_ts.its_otime
#define icmp_rtime icmp_dun.id_ts.its_rtime
#define icmp_ttime icmp_dun.id_ts.its_ttime
#define icmp_ip icmp_dun.id_ip.idi_ip
#define icmp_data icmp_dun.id_data

#define ICMP_MINLEN 8
#define ICMP_TSLEN 20
#define ICMP_ADVLENMIN (8 + sizeof(struct ip) + 8)
#define ICMP_ADVLEN(p) (8 + ((p)->icmp_ip.ip_hl << 2) + 8)

#define ICMP_ECHOREPLY 0
#define ICMP_UNREACH 3
#define ICMP_UNREACH_NET 0
#define ICMP_UNREACH_HOST 1
#define ICMP_UNREACH_PROTOCOL 2
#define ICMP_UNREACH_PORT 3
#define ICMP_UNREACH_NEEDFRAG 4
#define ICMP_UNREACH_SRCFAIL 5
#define ICMP_UNREACH_NET_UNKNOWN 6
#define ICMP_UNREACH_HOST_UNKNOWN 7
#define ICMP_UNREACH_ISOLATED 8
#define ICMP_UNREACH_NET_PROHIB 9
#define ICMP_UNREACH_HOST_PROHIB 10
#define ICMP_UNREACH_TOSNET 11
#define ICMP_UNREACH_TOSHOST 12
#define ICMP_UNREACH_FILTER_PROHIB 13
#define ICMP_UNREACH_HOST_PRECEDENCE 14
#define ICMP_UNREACH_PRECEDENCE_CUTOFF 15
#define ICMP_SOURCEQUENCH 4
#define ICMP_REDIRECT 5
#define ICMP_REDIRECT_NET 0
#define ICMP_REDIRECT_HOST 1
#define ICMP_ECHO 8
#define ICMP_TIMXCEED 11
#define ICMP_TIMXCEED_INTRANS 0
#define ICMP_TIMXCEED_REASS 1
#define ICMP_PARAMPROB 12
#define ICMP_PARAMPROB_ERRATPTR 0
#define ICMP_PARAMPROB_OPTABSENT 1
#define ICMP_PARAMPROB_LENGTH 2
#define ICMP_TSTAMP 13
#define ICMP_TSTAMPREPLY 14
#define ICMP_IREQ 15
#define ICMP_IREQREPLY 16
#define ICMP_MASKREQ 17
#define ICMP_MASKREPLY 18
#define ICMP_MAXTYPE 40
/* a message that reports, rather than asks: no error is sent about it */
#define ICMP_ISERROR(type)                                                                         \
	((type) == ICMP_UNREACH || (type) == ICMP_SOURCEQUENCH || (type) == ICMP_REDIRECT ||       \
	    (type) == ICMP_TIMXCEED || (type) == ICMP_PARAMPROB)

struct icmpstat {
	uint64_t icps_error, icps_oldshort, icps_oldicmp, icps_outhist[ICMP_MAXTYPE + 1],
	    icps_badcode, icps_tooshort, icps_checksum, icps_badlen, icps_reflect,
	    icps_inhist[ICMP_MAXTYPE + 1], icps_bmcastecho, icps_bmcasttstamp, icps_badaddr,
	    icps_noroute, icps_ratelimited;
};
VNET_DECLARE(struct icmpstat, icmpstat);
#define V_icmpstat VNET(icmpstat)
#define ICMPSTAT_INC(f) (V_icmpstat.f++)

struct mbuf;
/* Answers n with an error, unless RFC 1122 3.2.2 or the rate limit forbids. Consumes n. */
void icmp_error(struct mbuf *n, int type, int code, uint32_t dest, int mtu);
int icmp_input(struct mbuf **, int *, int);
/* icmp_reply.c: turns the request m (IP header, then ICMP of type `type`) round and sends it. */
void icmp_reply(struct mbuf *m, int type);
int ip_next_mtu(int mtu, int dir);
/* The errno a transport reports for an ICMP error; 0: none (redirect, quench). */
int icmp_errmap(const struct icmp *);
/*
 * While an error is shown to a transport: the header of the packet that brought it, and up to
 * *len bytes of what it quotes from `skip` bytes behind the quoted IP header on.
 */
void icmp_quoting(const struct icmp *, struct ip *outer, u_int skip, void *buf, u_int *len);
/* ping_usrreq.c */
void ping_input(struct mbuf *, u_int hlen); /* an echo reply; m stays the caller's */
void ping_ctlinput(struct icmp *);
extern struct protosw ping_protosw;
enum badport_bandlim_which {
	BANDLIM_ICMP_UNREACH,
	BANDLIM_ICMP_ECHO,
	BANDLIM_ICMP_TSTAMP,
	BANDLIM_RST_CLOSEDPORT,
	BANDLIM_RST_OPENPORT,
	BANDLIM_MAX
};
int badport_bandlim(int which); /* net.inet.icmp.icmplim: -1 over the limit, 0 go on */

#endif
