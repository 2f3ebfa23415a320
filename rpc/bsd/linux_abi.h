/*
 * linux_abi.h - Linux's numbers and layouts, as far as programs use them on sockets.
 *
 * Our own definitions, for the kernel world, which sees no Linux header. Values of x86-64 and
 * every other architecture with the generic socket options. Checked against the real headers
 * by t/rpc_abi.c. Neutral.
 */
#ifndef RPC_LINUX_ABI_H
#define RPC_LINUX_ABI_H

#include <stdint.h>

enum {
	LINUX_EPERM = 1,
	LINUX_ENOENT = 2,
	LINUX_EINTR = 4,
	LINUX_EIO = 5,
	LINUX_ENXIO = 6,
	LINUX_EBADF = 9,
	LINUX_EAGAIN = 11,
	LINUX_ENOMEM = 12,
	LINUX_EACCES = 13,
	LINUX_EFAULT = 14,
	LINUX_EEXIST = 17,
	LINUX_ENODEV = 19,
	LINUX_EINVAL = 22,
	LINUX_ENFILE = 23,
	LINUX_EMFILE = 24,
	LINUX_ENOTTY = 25,
	LINUX_EROFS = 30,
	LINUX_EPIPE = 32,
	LINUX_EDOM = 33,
	LINUX_ENAMETOOLONG = 36,
	LINUX_ENOSYS = 38,
	LINUX_ENODATA = 61,
	LINUX_EPROTO = 71,
	LINUX_ENOTSOCK = 88,
	LINUX_EDESTADDRREQ = 89,
	LINUX_EMSGSIZE = 90,
	LINUX_EPROTOTYPE = 91,
	LINUX_ENOPROTOOPT = 92,
	LINUX_EPROTONOSUPPORT = 93,
	LINUX_ESOCKTNOSUPPORT = 94,
	LINUX_EOPNOTSUPP = 95,
	LINUX_EPFNOSUPPORT = 96,
	LINUX_EAFNOSUPPORT = 97,
	LINUX_EADDRINUSE = 98,
	LINUX_EADDRNOTAVAIL = 99,
	LINUX_ENETDOWN = 100,
	LINUX_ENETUNREACH = 101,
	LINUX_ENETRESET = 102,
	LINUX_ECONNABORTED = 103,
	LINUX_ECONNRESET = 104,
	LINUX_ENOBUFS = 105,
	LINUX_EISCONN = 106,
	LINUX_ENOTCONN = 107,
	LINUX_ESHUTDOWN = 108,
	LINUX_ETOOMANYREFS = 109,
	LINUX_ETIMEDOUT = 110,
	LINUX_ECONNREFUSED = 111,
	LINUX_EHOSTDOWN = 112,
	LINUX_EHOSTUNREACH = 113,
	LINUX_EALREADY = 114,
	LINUX_EINPROGRESS = 115,
};

#define LINUX_AF_UNSPEC 0
#define LINUX_AF_INET 2
#define LINUX_AF_INET6 10

#define LINUX_SOCK_STREAM 1
#define LINUX_SOCK_DGRAM 2
#define LINUX_SOCK_RAW 3
#define LINUX_SOCK_MAX 10 /* SOCK_PACKET */
#define LINUX_IPPROTO_MAX 263
#define LINUX_SOCK_TYPE_MASK 0xf
#define LINUX_SOCK_NONBLOCK 0x800
#define LINUX_SOCK_CLOEXEC 0x80000

#define LINUX_SHUT_RD 0
#define LINUX_SHUT_WR 1
#define LINUX_SHUT_RDWR 2

#define LINUX_MSG_OOB 0x1
#define LINUX_MSG_PEEK 0x2
#define LINUX_MSG_DONTROUTE 0x4
#define LINUX_MSG_CTRUNC 0x8
#define LINUX_MSG_TRUNC 0x20
#define LINUX_MSG_DONTWAIT 0x40
#define LINUX_MSG_EOR 0x80
#define LINUX_MSG_WAITALL 0x100
#define LINUX_MSG_CONFIRM 0x800
#define LINUX_MSG_ERRQUEUE 0x2000
#define LINUX_MSG_NOSIGNAL 0x4000
#define LINUX_MSG_MORE 0x8000
#define LINUX_MSG_FASTOPEN 0x20000000

#define LINUX_SCM_RIGHTS 1
#define LINUX_SCM_CREDENTIALS 2

#define LINUX_SOL_IP 0
#define LINUX_SOL_SOCKET 1
#define LINUX_SOL_TCP 6
#define LINUX_SOL_UDP 17
#define LINUX_SOL_UDPLITE 136
#define LINUX_SOL_RAW 255

enum {
	LINUX_SO_DEBUG = 1,
	LINUX_SO_REUSEADDR = 2,
	LINUX_SO_TYPE = 3,
	LINUX_SO_ERROR = 4,
	LINUX_SO_DONTROUTE = 5,
	LINUX_SO_BROADCAST = 6,
	LINUX_SO_SNDBUF = 7,
	LINUX_SO_RCVBUF = 8,
	LINUX_SO_KEEPALIVE = 9,
	LINUX_SO_OOBINLINE = 10,
	LINUX_SO_NO_CHECK = 11,
	LINUX_SO_PRIORITY = 12,
	LINUX_SO_LINGER = 13,
	LINUX_SO_REUSEPORT = 15,
	LINUX_SO_PASSCRED = 16,
	LINUX_SO_RCVLOWAT = 18,
	LINUX_SO_SNDLOWAT = 19,
	LINUX_SO_RCVTIMEO = 20,
	LINUX_SO_SNDTIMEO = 21,
	LINUX_SO_BINDTODEVICE = 25,
	LINUX_SO_ATTACH_FILTER = 26,
	LINUX_SO_DETACH_FILTER = 27,
	LINUX_SO_TIMESTAMP = 29,
	LINUX_SO_ACCEPTCONN = 30,
	LINUX_SO_SNDBUFFORCE = 32,
	LINUX_SO_RCVBUFFORCE = 33,
	LINUX_SO_TIMESTAMPNS = 35,
	LINUX_SO_MARK = 36,
	LINUX_SO_PROTOCOL = 38,
	LINUX_SO_DOMAIN = 39,
	LINUX_SO_RXQ_OVFL = 40,
	LINUX_SO_WIFI_STATUS = 41,
	LINUX_SO_NOFCS = 43,
	LINUX_SO_LOCK_FILTER = 44,
	LINUX_SO_SELECT_ERR_QUEUE = 45,
	LINUX_SO_BUSY_POLL = 46,
	LINUX_SO_INCOMING_CPU = 49,
	LINUX_SO_INCOMING_NAPI_ID = 56,
	LINUX_SO_COOKIE = 57,
	LINUX_SO_BINDTOIFINDEX = 62,
};

enum {
	LINUX_IP_TOS = 1,
	LINUX_IP_TTL = 2,
	LINUX_IP_HDRINCL = 3,
	LINUX_IP_OPTIONS = 4,
	LINUX_IP_RECVOPTS = 6,
	LINUX_IP_RETOPTS = 7,
	LINUX_IP_PKTINFO = 8,
	LINUX_IP_MTU_DISCOVER = 10,
	LINUX_IP_RECVERR = 11,
	LINUX_IP_RECVTTL = 12,
	LINUX_IP_RECVTOS = 13,
	LINUX_IP_MTU = 14,
	LINUX_IP_FREEBIND = 15,
	LINUX_IP_TRANSPARENT = 19,
	LINUX_IP_RECVORIGDSTADDR = 20,
	LINUX_IP_MINTTL = 21,
	LINUX_IP_NODEFRAG = 22,
	LINUX_IP_CHECKSUM = 23,
	LINUX_IP_BIND_ADDRESS_NO_PORT = 24,
	LINUX_IP_RECVFRAGSIZE = 25,
	LINUX_IP_MULTICAST_IF = 32,
	LINUX_IP_MULTICAST_TTL = 33,
	LINUX_IP_MULTICAST_LOOP = 34,
	LINUX_IP_ADD_MEMBERSHIP = 35,
	LINUX_IP_DROP_MEMBERSHIP = 36,
	LINUX_IP_UNBLOCK_SOURCE = 37,
	LINUX_IP_BLOCK_SOURCE = 38,
	LINUX_IP_ADD_SOURCE_MEMBERSHIP = 39,
	LINUX_IP_DROP_SOURCE_MEMBERSHIP = 40,
	LINUX_IP_MSFILTER = 41,
	LINUX_MCAST_JOIN_GROUP = 42,
	LINUX_MCAST_BLOCK_SOURCE = 43,
	LINUX_MCAST_UNBLOCK_SOURCE = 44,
	LINUX_MCAST_LEAVE_GROUP = 45,
	LINUX_MCAST_JOIN_SOURCE_GROUP = 46,
	LINUX_MCAST_LEAVE_SOURCE_GROUP = 47,
	LINUX_MCAST_MSFILTER = 48,
	LINUX_IP_MULTICAST_ALL = 49,
};
#define LINUX_PRIORITY_MAX 6 /* SO_PRIORITY without privileges */
#define LINUX_IP_PMTUDISC_DONT 0
#define LINUX_IP_PMTUDISC_WANT 1
#define LINUX_IP_PMTUDISC_DO 2
#define LINUX_IP_PMTUDISC_PROBE 3
#define LINUX_IP_PMTUDISC_OMIT 5
#define LINUX_ICMP_FILTER 1	    /* SOL_RAW */
#define LINUX_UDP_CORK 1	    /* SOL_UDP */
#define LINUX_UDPLITE_SEND_CSCOV 10 /* SOL_UDPLITE */
#define LINUX_UDPLITE_RECV_CSCOV 11

enum {
	LINUX_TCP_NODELAY = 1,
	LINUX_TCP_MAXSEG = 2,
	LINUX_TCP_CORK = 3,
	LINUX_TCP_KEEPIDLE = 4,
	LINUX_TCP_KEEPINTVL = 5,
	LINUX_TCP_KEEPCNT = 6,
	LINUX_TCP_SYNCNT = 7,
	LINUX_TCP_LINGER2 = 8,
	LINUX_TCP_DEFER_ACCEPT = 9,
	LINUX_TCP_WINDOW_CLAMP = 10,
	LINUX_TCP_INFO = 11,
	LINUX_TCP_QUICKACK = 12,
	LINUX_TCP_CONGESTION = 13,
	LINUX_TCP_MD5SIG = 14,
	LINUX_TCP_USER_TIMEOUT = 18,
	LINUX_TCP_FASTOPEN = 23,
	LINUX_TCP_CC_INFO = 26,
	LINUX_TCP_FASTOPEN_CONNECT = 30,
	LINUX_TCP_ULP = 31,
	LINUX_TCP_NOTSENT_LOWAT = 25,
};

struct linux_timeval {
	int64_t tv_sec, tv_usec;
};
struct linux_timespec {
	int64_t tv_sec, tv_nsec;
};
struct linux_sock_extended_err {
	uint32_t ee_errno;
	uint8_t ee_origin, ee_type, ee_code, ee_pad;
	uint32_t ee_info, ee_data;
};
struct linux_in_pktinfo {
	int32_t ipi_ifindex;
	uint32_t ipi_spec_dst; /* network order, as ipi_addr */
	uint32_t ipi_addr;
};
struct linux_ip_mreqn { /* ip_mreq is its first half */
	uint32_t imr_multiaddr, imr_address;
	int32_t imr_ifindex;
};
struct linux_ip_mreq_source {
	uint32_t imr_multiaddr, imr_interface, imr_sourceaddr;
};
enum { LINUX_MCAST_EXCLUDE = 0, LINUX_MCAST_INCLUDE = 1 };
struct linux_ip_msfilter { /* and the sources, 4 bytes each */
	uint32_t multiaddr, interface, fmode, numsrc;
};
struct linux_storage {
	uint16_t family;
	char data[126];
} __attribute__((aligned(8)));
struct linux_group_source_req { /* group_req is all but the source */
	uint32_t interface;
	struct linux_storage group, source;
};
struct linux_group_filter { /* and the sources, a storage each */
	uint32_t interface;
	struct linux_storage group;
	uint32_t fmode, numsrc;
};
struct linux_cmsghdr {
	uint64_t cmsg_len; /* bytes, this header too */
	int32_t cmsg_level, cmsg_type;
};
#define LINUX_CMSG_ALIGN(n) (((n) + 7) & ~(size_t)7)

struct linux_sockaddr_in {
	uint16_t sin_family;
	uint16_t sin_port;
	uint32_t sin_addr;
	uint8_t sin_zero[8];
};

struct linux_tcp_md5sig { /* struct tcp_md5sig, its sockaddr_storage taken apart */
	uint16_t tcpm_family, tcpm_port;
	uint8_t tcpm_addr[4];
	uint8_t tcpm_rest[120];
	uint8_t tcpm_flags, tcpm_prefixlen;
	uint16_t tcpm_keylen;
	int tcpm_ifindex;
	uint8_t tcpm_key[80];
};

struct linux_tcp_info {
	uint8_t tcpi_state, tcpi_ca_state, tcpi_retransmits, tcpi_probes, tcpi_backoff,
	    tcpi_options;
	uint8_t tcpi_wscale; /* low four bits: of what we send; high four: of what we receive */
	uint8_t tcpi_bits;
	uint32_t tcpi_rto, tcpi_ato, tcpi_snd_mss, tcpi_rcv_mss;
	uint32_t tcpi_unacked, tcpi_sacked, tcpi_lost, tcpi_retrans, tcpi_fackets;
	uint32_t tcpi_last_data_sent, tcpi_last_ack_sent, tcpi_last_data_recv, tcpi_last_ack_recv;
	uint32_t tcpi_pmtu, tcpi_rcv_ssthresh, tcpi_rtt, tcpi_rttvar, tcpi_snd_ssthresh,
	    tcpi_snd_cwnd, tcpi_advmss, tcpi_reordering;
	uint32_t tcpi_rcv_rtt, tcpi_rcv_space;
	uint32_t tcpi_total_retrans;
	uint64_t tcpi_pacing_rate, tcpi_max_pacing_rate, tcpi_bytes_acked, tcpi_bytes_received;
	uint32_t tcpi_segs_out, tcpi_segs_in;
	uint32_t tcpi_notsent_bytes, tcpi_min_rtt, tcpi_data_segs_in, tcpi_data_segs_out;
	uint64_t tcpi_delivery_rate, tcpi_busy_time, tcpi_rwnd_limited, tcpi_sndbuf_limited;
	uint32_t tcpi_delivered, tcpi_delivered_ce;
	uint64_t tcpi_bytes_sent, tcpi_bytes_retrans;
	uint32_t tcpi_dsack_dups, tcpi_reord_seen, tcpi_rcv_ooopack, tcpi_snd_wnd;
	uint32_t tcpi_rcv_wnd, tcpi_rehash;
	uint16_t tcpi_total_rto, tcpi_total_rto_recoveries;
	uint32_t tcpi_total_rto_time;
};
#define LINUX_TCPI_OPT_TIMESTAMPS 1
#define LINUX_TCPI_OPT_SACK 2
#define LINUX_TCPI_OPT_WSCALE 4
#define LINUX_TCPI_OPT_ECN 8

/* ioctls */
enum {
	LINUX_FIONREAD = 0x541b, /* SIOCINQ too */
	LINUX_FIONBIO = 0x5421,
	LINUX_TIOCOUTQ = 0x5411, /* SIOCOUTQ too */
	LINUX_SIOCATMARK = 0x8905,
	LINUX_SIOCGSTAMP = 0x8906,
	LINUX_SIOCOUTQNSD = 0x894b,
	LINUX_SIOCADDRT = 0x890b,
	LINUX_SIOCDELRT = 0x890c,
	LINUX_SIOCGIFNAME = 0x8910,
	LINUX_SIOCGIFCONF = 0x8912,
	LINUX_SIOCGIFFLAGS = 0x8913,
	LINUX_SIOCSIFFLAGS = 0x8914,
	LINUX_SIOCGIFADDR = 0x8915,
	LINUX_SIOCSIFADDR = 0x8916,
	LINUX_SIOCGIFDSTADDR = 0x8917,
	LINUX_SIOCSIFDSTADDR = 0x8918,
	LINUX_SIOCGIFBRDADDR = 0x8919,
	LINUX_SIOCSIFBRDADDR = 0x891a,
	LINUX_SIOCGIFNETMASK = 0x891b,
	LINUX_SIOCSIFNETMASK = 0x891c,
	LINUX_SIOCGIFMETRIC = 0x891d,
	LINUX_SIOCSIFMETRIC = 0x891e,
	LINUX_SIOCGIFMTU = 0x8921,
	LINUX_SIOCSIFMTU = 0x8922,
	LINUX_SIOCSIFHWADDR = 0x8924,
	LINUX_SIOCGIFHWADDR = 0x8927,
	LINUX_SIOCGIFINDEX = 0x8933,
	LINUX_SIOCDIFADDR = 0x8936,
	LINUX_SIOCGIFTXQLEN = 0x8942,
	LINUX_SIOCSIFTXQLEN = 0x8943,
	LINUX_SIOCDARP = 0x8953,
	LINUX_SIOCGARP = 0x8954,
	LINUX_SIOCSARP = 0x8955,
	LINUX_SIOCGIFMAP = 0x8970,
	LINUX_SIOCSIFMAP = 0x8971,
};
#define LINUX_IFF_UP 0x1
#define LINUX_IFF_BROADCAST 0x2
#define LINUX_IFF_LOOPBACK 0x8
#define LINUX_IFF_POINTOPOINT 0x10
#define LINUX_IFF_RUNNING 0x40
#define LINUX_IFF_NOARP 0x80
#define LINUX_IFF_PROMISC 0x100
#define LINUX_IFF_ALLMULTI 0x200
#define LINUX_IFF_MULTICAST 0x1000
#define LINUX_ARPHRD_ETHER 1
#define LINUX_ARPHRD_LOOPBACK 772
#define LINUX_IFNAMSIZ 16
struct linux_ifreq {
	char lifr_name[LINUX_IFNAMSIZ];
	union {
		struct linux_sockaddr_in lifr_addr;
		struct {
			uint16_t sa_family;
			uint8_t sa_data[14];
		} lifr_hwaddr;
		int16_t lifr_flags;
		int32_t lifr_int; /* ifindex, metric, mtu, qlen */
		uint8_t lifr_pad[24];
	};
};

/* route(8)'s: SIOCADDRT, SIOCDELRT */
#define LINUX_RTF_UP 0x1
#define LINUX_RTF_GATEWAY 0x2
#define LINUX_RTF_HOST 0x4
#define LINUX_RTF_DYNAMIC 0x10
#define LINUX_RTF_MODIFIED 0x20
#define LINUX_RTF_MTU 0x40
#define LINUX_RTF_REJECT 0x200
struct linux_rtentry {
	uint64_t rt_pad1;
	struct linux_sockaddr_in rt_dst, rt_gateway, rt_genmask;
	uint16_t rt_flags;
	int16_t rt_pad2;
	uint64_t rt_pad3, rt_pad4;
	int16_t rt_metric;
	uint64_t rt_dev; /* the program's pointer */
	uint64_t rt_mtu, rt_window;
	uint16_t rt_irtt;
};

/* arp(7)'s: SIOCSARP, SIOCGARP, SIOCDARP */
#define LINUX_ATF_COM 0x2
#define LINUX_ATF_PERM 0x4
#define LINUX_ATF_PUBL 0x8
struct linux_arpreq {
	struct linux_sockaddr_in arp_pa;
	struct {
		uint16_t sa_family;
		uint8_t sa_data[14];
	} arp_ha;
	int32_t arp_flags;
	struct linux_sockaddr_in arp_netmask;
	char arp_dev[LINUX_IFNAMSIZ];
};

#endif
