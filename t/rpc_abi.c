/*
 * rpc_abi.c - rpc/bsd/linux_abi.h says of Linux what Linux's own headers say.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <linux/icmp.h>
#include <linux/sockios.h>
#include <linux/tcp.h>

#include "rpc/bsd/linux_abi.h"
#include "t/lib/tap.h"

#ifndef SOL_UDP
#define SOL_UDP 17
#endif
#ifndef SOL_TCP
#define SOL_TCP 6
#endif

struct number {
	const char *name;
	long ours, linux_s;
};

#define NUMBER(name)                                                                               \
	{                                                                                          \
#name, (long)LINUX_##name, (long)name                                              \
	}
static const struct number numbers[] = {
    NUMBER(EPERM),
    NUMBER(ENOENT),
    NUMBER(EINTR),
    NUMBER(EIO),
    NUMBER(ENXIO),
    NUMBER(EBADF),
    NUMBER(EAGAIN),
    NUMBER(ENOMEM),
    NUMBER(EACCES),
    NUMBER(EFAULT),
    NUMBER(EEXIST),
    NUMBER(ENODEV),
    NUMBER(EINVAL),
    NUMBER(ENFILE),
    NUMBER(EMFILE),
    NUMBER(ENOTTY),
    NUMBER(EPIPE),
    NUMBER(EDOM),
    NUMBER(ENAMETOOLONG),
    NUMBER(ENOSYS),
    NUMBER(ENODATA),
    NUMBER(EPROTO),
    NUMBER(ENOTSOCK),
    NUMBER(EDESTADDRREQ),
    NUMBER(EMSGSIZE),
    NUMBER(EPROTOTYPE),
    NUMBER(ENOPROTOOPT),
    NUMBER(EPROTONOSUPPORT),
    NUMBER(ESOCKTNOSUPPORT),
    NUMBER(EOPNOTSUPP),
    NUMBER(EPFNOSUPPORT),
    NUMBER(EAFNOSUPPORT),
    NUMBER(EADDRINUSE),
    NUMBER(EADDRNOTAVAIL),
    NUMBER(ENETDOWN),
    NUMBER(ENETUNREACH),
    NUMBER(ENETRESET),
    NUMBER(ECONNABORTED),
    NUMBER(ECONNRESET),
    NUMBER(ENOBUFS),
    NUMBER(EISCONN),
    NUMBER(ENOTCONN),
    NUMBER(ESHUTDOWN),
    NUMBER(ETOOMANYREFS),
    NUMBER(ETIMEDOUT),
    NUMBER(ECONNREFUSED),
    NUMBER(EHOSTDOWN),
    NUMBER(EHOSTUNREACH),
    NUMBER(EALREADY),
    NUMBER(EINPROGRESS),
    NUMBER(AF_UNSPEC),
    NUMBER(AF_INET),
    NUMBER(AF_INET6),
    NUMBER(SOCK_STREAM),
    NUMBER(SOCK_DGRAM),
    NUMBER(SOCK_RAW),
    NUMBER(SOCK_NONBLOCK),
    NUMBER(SOCK_CLOEXEC),
    NUMBER(SHUT_RD),
    NUMBER(SHUT_WR),
    NUMBER(SHUT_RDWR),
    NUMBER(MSG_OOB),
    NUMBER(MSG_PEEK),
    NUMBER(MSG_DONTROUTE),
    NUMBER(MSG_CTRUNC),
    NUMBER(MSG_TRUNC),
    NUMBER(MSG_DONTWAIT),
    NUMBER(MSG_EOR),
    NUMBER(MSG_WAITALL),
    NUMBER(MSG_CONFIRM),
    NUMBER(MSG_NOSIGNAL),
    NUMBER(MSG_MORE),
    NUMBER(SOL_IP),
    NUMBER(SOL_SOCKET),
    NUMBER(SOL_TCP),
    NUMBER(SOL_UDP),
    NUMBER(SOL_RAW),
    NUMBER(SO_DEBUG),
    NUMBER(SO_REUSEADDR),
    NUMBER(SO_TYPE),
    NUMBER(SO_ERROR),
    NUMBER(SO_DONTROUTE),
    NUMBER(SO_BROADCAST),
    NUMBER(SO_SNDBUF),
    NUMBER(SO_RCVBUF),
    NUMBER(SO_KEEPALIVE),
    NUMBER(SO_OOBINLINE),
    NUMBER(SO_NO_CHECK),
    NUMBER(SO_PRIORITY),
    NUMBER(SO_LINGER),
    NUMBER(SO_REUSEPORT),
    NUMBER(SO_RCVLOWAT),
    NUMBER(SO_SNDLOWAT),
    NUMBER(SO_BINDTODEVICE),
    NUMBER(SO_TIMESTAMP),
    NUMBER(SO_ACCEPTCONN),
    NUMBER(SO_SNDBUFFORCE),
    NUMBER(SO_RCVBUFFORCE),
    NUMBER(SO_TIMESTAMPNS),
    NUMBER(SO_MARK),
    NUMBER(SO_PROTOCOL),
    NUMBER(SO_DOMAIN),
    NUMBER(SO_RXQ_OVFL),
    NUMBER(SO_BUSY_POLL),
    NUMBER(SO_COOKIE),
    NUMBER(SO_BINDTOIFINDEX),
    NUMBER(IP_TOS),
    NUMBER(IP_TTL),
    NUMBER(IP_HDRINCL),
    NUMBER(IP_OPTIONS),
    NUMBER(IP_RECVOPTS),
    NUMBER(IP_RETOPTS),
    NUMBER(IP_PKTINFO),
    NUMBER(IP_MTU_DISCOVER),
    NUMBER(IP_RECVERR),
    NUMBER(IP_RECVTTL),
    NUMBER(IP_RECVTOS),
    NUMBER(IP_MTU),
    NUMBER(IP_FREEBIND),
    NUMBER(IP_TRANSPARENT),
    NUMBER(IP_MINTTL),
    NUMBER(IP_BIND_ADDRESS_NO_PORT),
    NUMBER(IP_MULTICAST_IF),
    NUMBER(IP_MULTICAST_TTL),
    NUMBER(IP_MULTICAST_LOOP),
    NUMBER(IP_ADD_MEMBERSHIP),
    NUMBER(IP_DROP_MEMBERSHIP),
    NUMBER(IP_MULTICAST_ALL),
    NUMBER(IP_PMTUDISC_DONT),
    NUMBER(IP_PMTUDISC_WANT),
    NUMBER(IP_PMTUDISC_DO),
    NUMBER(IP_PMTUDISC_PROBE),
    NUMBER(IP_PMTUDISC_OMIT),
    NUMBER(ICMP_FILTER),
    NUMBER(TCP_NODELAY),
    NUMBER(TCP_MAXSEG),
    NUMBER(TCP_CORK),
    NUMBER(TCP_KEEPIDLE),
    NUMBER(TCP_KEEPINTVL),
    NUMBER(TCP_KEEPCNT),
    NUMBER(TCP_SYNCNT),
    NUMBER(TCP_LINGER2),
    NUMBER(TCP_DEFER_ACCEPT),
    NUMBER(TCP_WINDOW_CLAMP),
    NUMBER(TCP_INFO),
    NUMBER(TCP_QUICKACK),
    NUMBER(TCP_CONGESTION),
    NUMBER(TCP_USER_TIMEOUT),
    NUMBER(TCP_FASTOPEN),
    NUMBER(TCP_CC_INFO),
    NUMBER(TCP_FASTOPEN_CONNECT),
    NUMBER(TCP_ULP),
    NUMBER(TCP_MD5SIG),
    NUMBER(TCP_NOTSENT_LOWAT),
    NUMBER(TCPI_OPT_TIMESTAMPS),
    NUMBER(TCPI_OPT_SACK),
    NUMBER(TCPI_OPT_WSCALE),
    NUMBER(TCPI_OPT_ECN),
    NUMBER(FIONREAD),
    NUMBER(FIONBIO),
    NUMBER(TIOCOUTQ),
    NUMBER(SIOCATMARK),
    NUMBER(SIOCGSTAMP),
    NUMBER(SIOCGIFNAME),
    NUMBER(SIOCGIFCONF),
    NUMBER(SIOCGIFFLAGS),
    NUMBER(SIOCSIFFLAGS),
    NUMBER(SIOCGIFADDR),
    NUMBER(SIOCSIFADDR),
    NUMBER(SIOCGIFDSTADDR),
    NUMBER(SIOCGIFBRDADDR),
    NUMBER(SIOCGIFNETMASK),
    NUMBER(SIOCSIFNETMASK),
    NUMBER(SIOCGIFMETRIC),
    NUMBER(SIOCGIFMTU),
    NUMBER(SIOCSIFMTU),
    NUMBER(SIOCGIFHWADDR),
    NUMBER(SIOCGIFINDEX),
    NUMBER(SIOCGIFTXQLEN),
    NUMBER(SIOCGIFMAP),
    NUMBER(IFF_UP),
    NUMBER(IFF_BROADCAST),
    NUMBER(IFF_LOOPBACK),
    NUMBER(IFF_POINTOPOINT),
    NUMBER(IFF_RUNNING),
    NUMBER(IFF_NOARP),
    NUMBER(IFF_PROMISC),
    NUMBER(IFF_ALLMULTI),
    NUMBER(IFF_MULTICAST),
    NUMBER(ARPHRD_ETHER),
    NUMBER(ARPHRD_LOOPBACK),
    NUMBER(IFNAMSIZ),
};

static const struct number layouts[] = {
    {"sizeof sockaddr_in", sizeof(struct linux_sockaddr_in), sizeof(struct sockaddr_in)},
    {"sizeof cmsghdr", sizeof(struct linux_cmsghdr), sizeof(struct cmsghdr)},
    {"CMSG_ALIGN", LINUX_CMSG_ALIGN(13), CMSG_ALIGN(13)},
    {"sizeof in_pktinfo", sizeof(struct linux_in_pktinfo), sizeof(struct in_pktinfo)},
    {"in_pktinfo.ipi_addr", offsetof(struct linux_in_pktinfo, ipi_addr),
	offsetof(struct in_pktinfo, ipi_addr)},
    {"sizeof ip_mreqn", sizeof(struct linux_ip_mreqn), sizeof(struct ip_mreqn)},
    {"sizeof timeval", sizeof(struct linux_timeval), sizeof(struct timeval)},
    {"sizeof timespec", sizeof(struct linux_timespec), sizeof(struct timespec)},
    {"sizeof ifreq", sizeof(struct linux_ifreq), sizeof(struct ifreq)},
    {"tcp_md5sig.tcpm_keylen", offsetof(struct linux_tcp_md5sig, tcpm_keylen),
	offsetof(struct tcp_md5sig, tcpm_keylen)},
    {"tcp_md5sig.tcpm_key", offsetof(struct linux_tcp_md5sig, tcpm_key),
	offsetof(struct tcp_md5sig, tcpm_key)},
    {"tcp_info.tcpi_rto", offsetof(struct linux_tcp_info, tcpi_rto),
	offsetof(struct tcp_info, tcpi_rto)},
    {"tcp_info.tcpi_rtt", offsetof(struct linux_tcp_info, tcpi_rtt),
	offsetof(struct tcp_info, tcpi_rtt)},
    {"tcp_info.tcpi_total_retrans", offsetof(struct linux_tcp_info, tcpi_total_retrans),
	offsetof(struct tcp_info, tcpi_total_retrans)},
    {"tcp_info.tcpi_notsent_bytes", offsetof(struct linux_tcp_info, tcpi_notsent_bytes),
	offsetof(struct tcp_info, tcpi_notsent_bytes)},
    {"tcp_info.tcpi_delivery_rate", offsetof(struct linux_tcp_info, tcpi_delivery_rate),
	offsetof(struct tcp_info, tcpi_delivery_rate)},
    {"tcp_info.tcpi_snd_wnd", offsetof(struct linux_tcp_info, tcpi_snd_wnd),
	offsetof(struct tcp_info, tcpi_snd_wnd)},
};

static void
compare(const struct number *n, size_t count)
{
	for (; count > 0; n++, count--)
		is_int(n->ours, n->linux_s, "%s", n->name);
}

int
main(void)
{
	compare(numbers, sizeof(numbers) / sizeof(numbers[0]));
	compare(layouts, sizeof(layouts) / sizeof(layouts[0]));
	return (tap_done());
}
