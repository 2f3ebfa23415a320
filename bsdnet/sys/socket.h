/*
 * socket.h - what a program of a BSD system sees: addresses, options, flags.
 * The values are FreeBSD's ABI; rpc/ translates Linux's to them.
 */
#ifndef _SYS_SOCKET_H_
#define _SYS_SOCKET_H_

#include <sys/types.h>
#include <sys/uio.h>

typedef uint8_t sa_family_t;
typedef uint32_t socklen_t;

#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_RDM 4
#define SOCK_SEQPACKET 5

#define SOL_SOCKET 0xffff

/* so_options bits that setsockopt(SOL_SOCKET) takes by the same value */
#define SO_DEBUG 0x00000001
#define SO_ACCEPTCONN 0x00000002
#define SO_REUSEADDR 0x00000004
#define SO_KEEPALIVE 0x00000008
#define SO_DONTROUTE 0x00000010
#define SO_BROADCAST 0x00000020
#define SO_USELOOPBACK 0x00000040
#define SO_LINGER 0x00000080
#define SO_OOBINLINE 0x00000100
#define SO_REUSEPORT 0x00000200
#define SO_TIMESTAMP 0x00000400
#define SO_NOSIGPIPE 0x00000800
#define SO_ACCEPTFILTER 0x00001000
#define SO_BINTIME 0x00002000
#define SO_NO_OFFLOAD 0x00004000
#define SO_NO_DDP 0x00008000
#define SO_REUSEPORT_LB 0x00010000

/* options that are not bits */
#define SO_SNDBUF 0x1001
#define SO_RCVBUF 0x1002
#define SO_SNDLOWAT 0x1003
#define SO_RCVLOWAT 0x1004
#define SO_SNDTIMEO 0x1005
#define SO_RCVTIMEO 0x1006
#define SO_ERROR 0x1007
#define SO_TYPE 0x1008
#define SO_LABEL 0x1009
#define SO_LISTENQLIMIT 0x1011
#define SO_LISTENQLEN 0x1012
#define SO_LISTENINCQLEN 0x1013
#define SO_SETFIB 0x1014
#define SO_USER_COOKIE 0x1015
#define SO_PROTOCOL 0x1016
#define SO_PROTOTYPE SO_PROTOCOL
#define SO_TS_CLOCK 0x1017
#define SO_MAX_PACING_RATE 0x1018
#define SO_DOMAIN 0x1019
#define SO_BINDTODEVICE_ALPINE 0x7001 /* ours: an interface index, 0 for none */

struct linger {
	int l_onoff;
	int l_linger; /* seconds */
};

#define AF_UNSPEC 0
#define AF_LOCAL 1
#define AF_UNIX AF_LOCAL
#define AF_INET 2
#define AF_ROUTE 17
#define AF_LINK 18
#define AF_INET6 28
#define AF_MAX 42
#define PF_UNSPEC AF_UNSPEC
#define PF_INET AF_INET
#define PF_INET6 AF_INET6
#define PF_ROUTE AF_ROUTE
#define PF_LINK AF_LINK

struct sockaddr {
	uint8_t sa_len;
	sa_family_t sa_family;
	char sa_data[14];
};

#define _SS_MAXSIZE 128
struct sockaddr_storage {
	uint8_t ss_len;
	sa_family_t ss_family;
	char __ss_pad1[6];
	int64_t __ss_align;
	char __ss_pad2[_SS_MAXSIZE - 16];
};

#define SOMAXCONN 128

struct msghdr {
	void *msg_name;
	socklen_t msg_namelen;
	struct iovec *msg_iov;
	int msg_iovlen;
	void *msg_control;
	socklen_t msg_controllen;
	int msg_flags;
};

#define MSG_OOB 0x00000001
#define MSG_PEEK 0x00000002
#define MSG_DONTROUTE 0x00000004
#define MSG_EOR 0x00000008
#define MSG_TRUNC 0x00000010
#define MSG_CTRUNC 0x00000020
#define MSG_WAITALL 0x00000040
#define MSG_DONTWAIT 0x00000080
#define MSG_EOF 0x00000100
#define MSG_NBIO 0x00004000
#define MSG_SOCALLBCK 0x00010000
#define MSG_NOSIGNAL 0x00020000
#define MSG_MORETOCOME 0x00100000

struct cmsghdr {
	socklen_t cmsg_len;
	int cmsg_level;
	int cmsg_type;
	/* data follows, aligned */
};
#define _CMSG_ALIGN(n) (((n) + sizeof(uint64_t) - 1) & ~(sizeof(uint64_t) - 1))
#define CMSG_DATA(c) ((unsigned char *)(c) + _CMSG_ALIGN(sizeof(struct cmsghdr)))
#define CMSG_SPACE(l) (_CMSG_ALIGN(sizeof(struct cmsghdr)) + _CMSG_ALIGN(l))
#define CMSG_LEN(l) (_CMSG_ALIGN(sizeof(struct cmsghdr)) + (l))

#define SCM_RIGHTS 0x01
#define SCM_TIMESTAMP 0x02

#define SHUT_RD 0
#define SHUT_WR 1
#define SHUT_RDWR 2

/* Copies a sockaddr by its length. */
struct malloc_type;
struct sockaddr *sodupsockaddr(const struct sockaddr *, int mflags);
#define sa_equal(a, b) ((a)->sa_len == (b)->sa_len && __builtin_memcmp((a), (b), (a)->sa_len) == 0)

#endif
