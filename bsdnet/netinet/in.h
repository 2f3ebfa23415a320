/*
 * in.h - the Internet family: protocol numbers, addresses, options, inet(4), ip(4), inet6(4).
 */
#ifndef _NETINET_IN_H_
#define _NETINET_IN_H_

#include <sys/types.h>
#include <sys/endian.h>
#include <sys/socket.h>

typedef uint32_t in_addr_t;
typedef uint16_t in_port_t;

#define IPPROTO_IP 0
#define IPPROTO_ICMP 1
#define IPPROTO_IGMP 2
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_IPV6 41
#define IPPROTO_ICMPV6 58
#define IPPROTO_UDPLITE 136
#define IPPROTO_RAW 255
#define IPPROTO_MAX 256
#define IPPROTO_HOPOPTS 0
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_NONE 59
#define IPPROTO_DSTOPTS 60

#define IPPORT_RESERVED 1024
#define IPPORT_EPHEMERALFIRST 10000
#define IPPORT_EPHEMERALLAST 65535
#define IPPORT_HIFIRSTAUTO 49152
#define IPPORT_HILASTAUTO 65535
#define IPPORT_RESERVEDSTART 600
#define IPPORT_MAX 65535

struct in_addr {
	in_addr_t s_addr; /* network order */
};
struct sockaddr_in {
	uint8_t sin_len;
	sa_family_t sin_family;
	in_port_t sin_port;
	struct in_addr sin_addr;
	char sin_zero[8];
};

struct in6_addr {
	union {
		uint8_t __u6_addr8[16];
		uint16_t __u6_addr16[8];
		uint32_t __u6_addr32[4];
	} __u6_addr;
};
#define s6_addr __u6_addr.__u6_addr8
#define s6_addr16 __u6_addr.__u6_addr16
#define s6_addr32 __u6_addr.__u6_addr32
struct sockaddr_in6 {
	uint8_t sin6_len;
	sa_family_t sin6_family;
	in_port_t sin6_port;
	uint32_t sin6_flowinfo;
	struct in6_addr sin6_addr;
	uint32_t sin6_scope_id;
};

#define INADDR_ANY ((in_addr_t)0x00000000)
#define INADDR_LOOPBACK ((in_addr_t)0x7f000001)
#define INADDR_BROADCAST ((in_addr_t)0xffffffff)
#define INADDR_NONE ((in_addr_t)0xffffffff)
#define INADDR_ALLHOSTS_GROUP ((in_addr_t)0xe0000001)
/* these take host order (clang-format takes "(t)(i) &" for an address) */
/* clang-format off */
#define IN_CLASSD(i) (((in_addr_t)(i) & 0xf0000000) == 0xe0000000)
#define IN_MULTICAST(i) IN_CLASSD(i)
#define IN_EXPERIMENTAL(i) (((in_addr_t)(i) & 0xf0000000) == 0xf0000000)
#define IN_BADCLASS(i) IN_EXPERIMENTAL(i)
#define IN_LOOPBACK(i) (((in_addr_t)(i) & 0xff000000) == 0x7f000000)
#define IN_ZERONET(i) (((in_addr_t)(i) & 0xff000000) == 0)
#define IN_LINKLOCAL(i) (((in_addr_t)(i) & 0xffff0000) == 0xa9fe0000)
/* clang-format on */
#define IN_LOOPBACKNET 127
#define in_nullhost(x) ((x).s_addr == INADDR_ANY)
#define satosin(sa) ((struct sockaddr_in *)(void *)(sa))
#define sintosa(sin) ((struct sockaddr *)(void *)(sin))
#define satosin6(sa) ((struct sockaddr_in6 *)(void *)(sa))

#define IP_OPTIONS 1
#define IP_HDRINCL 2
#define IP_TOS 3
#define IP_TTL 4
#define IP_RECVOPTS 5
#define IP_RECVRETOPTS 6
#define IP_RECVDSTADDR 7
#define IP_SENDSRCADDR IP_RECVDSTADDR
#define IP_RETOPTS 8
#define IP_MULTICAST_IF 9
#define IP_MULTICAST_TTL 10
#define IP_MULTICAST_LOOP 11
#define IP_ADD_MEMBERSHIP 12
#define IP_DROP_MEMBERSHIP 13
#define IP_PORTRANGE 19
#define IP_RECVIF 20
#define IP_BINDANY 24
#define IP_ONESBCAST 23
#define IP_RECVTTL 65
#define IP_MINTTL 66
#define IP_DONTFRAG 67
#define IP_RECVTOS 68
#define IP_ADD_SOURCE_MEMBERSHIP 70
#define IP_DROP_SOURCE_MEMBERSHIP 71
#define IP_BLOCK_SOURCE 72
#define IP_UNBLOCK_SOURCE 73
#define IP_MSFILTER 74
#define MCAST_JOIN_GROUP 80
#define MCAST_LEAVE_GROUP 81
#define MCAST_JOIN_SOURCE_GROUP 82
#define MCAST_LEAVE_SOURCE_GROUP 83
#define MCAST_BLOCK_SOURCE 84
#define MCAST_UNBLOCK_SOURCE 85
#define IP_RECVERR_ALPINE 0x7001 /* ours: errors are queued, ip_errqueue.h */
#define IP_SENDANY_ALPINE 0x7002 /* ours: a connected socket may name another destination */
#define IP_PORTRANGE_DEFAULT 0
#define IP_PORTRANGE_HIGH 1
#define IP_PORTRANGE_LOW 2
#define IP_DEFAULT_MULTICAST_TTL 1
#define IP_DEFAULT_MULTICAST_LOOP 1
#define IP_MAX_MEMBERSHIPS 4095

struct ip_mreq {
	struct in_addr imr_multiaddr;
	struct in_addr imr_interface;
};
struct ip_mreqn {
	struct in_addr imr_multiaddr;
	struct in_addr imr_address;
	int imr_ifindex;
};

struct ip_mreq_source {
	struct in_addr imr_multiaddr;
	struct in_addr imr_sourceaddr;
	struct in_addr imr_interface;
};
/* RFC 3678, 5.1 */
struct group_req {
	uint32_t gr_interface; /* index; 0: any */
	struct sockaddr_storage gr_group;
};
struct group_source_req {
	uint32_t gsr_interface;
	struct sockaddr_storage gsr_group;
	struct sockaddr_storage gsr_source;
};
struct __msfilterreq { /* IP_MSFILTER */
	uint32_t msfr_ifindex;
	uint32_t msfr_fmode;
	uint32_t msfr_nsrcs; /* in: room; out: how many there are */
	struct sockaddr_storage msfr_group;
	struct sockaddr_storage *msfr_srcs; /* ours: always in the caller's own memory */
};

#define IPV6_V6ONLY 27
#define IPV6_UNICAST_HOPS 4

#define INET_ADDRSTRLEN 16
#define INET6_ADDRSTRLEN 46

struct ifnet;
struct mbuf;
struct ip;

/* libc has these too */
#define inet_aton kern_inet_aton
#define inet_ntop kern_inet_ntop
#define inet_ntoa_r kern_inet_ntoa_r

int in_broadcast(struct in_addr, struct ifnet *); /* a broadcast address of that interface */
int in_localip(struct in_addr);			  /* one of ours */
int in_bindable(struct in_addr);		  /* the same, or 127/8: a socket may have it */
struct ifnet *in_localifp(struct in_addr);	  /* on which it is ours; NULL: it is not */
int in_localaddr(struct in_addr);		  /* on a network that we are attached to */
char *inet_ntoa_r(struct in_addr, char *buf);	  /* buf: INET_ADDRSTRLEN */
int inet_aton(const char *, struct in_addr *);	  /* dotted quad only; 1 if it was one */
const char *inet_ntop(int af, const void *, char *, socklen_t);

/* Checksums, RFC 1071. in_cksum_skip sums [skip, len) of the chain and returns the complement. */
u_short in_cksum_skip(struct mbuf *, int len, int skip);
#define in_cksum(m, len) in_cksum_skip((m), (len), 0)
u_short in_cksum_hdr(const struct ip *);
u_short in_addword(u_short, u_short);
/* The folded, not complemented sum of a pseudo header; all in network order as they lie in it. */
u_short in_pseudo(u_int src, u_int dst, u_int sum);
u_short in6_pseudo(
    const struct in6_addr *src, const struct in6_addr *dst, uint32_t len, uint8_t nxt);
/* Partial sum of bytes for callers who fold themselves. */
uint64_t in_cksum_bytes(const void *, size_t len, uint64_t sum, bool odd);

#endif
