/*
 * rpc_abi.c - rpc/linux_abi.h against the headers of the machine: numbers and layouts.
 */
#include <errno.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/tcp.h>
#include <linux/sockios.h>
#include <linux/udp.h>
#include <linux/if.h>
#include <net/if_arp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "rpc/linux_abi.h"
#include "t/lib/tap.h"

#define SAME(name) is_int(LINUX_##name, name, #name)
#define SIZE(ours, theirs) is_int(sizeof(struct ours), sizeof(struct theirs), #theirs)
#define PLACE(ours, theirs, field)                                                                 \
	is_int(offsetof(struct ours, field), offsetof(struct theirs, field), #theirs "." #field)

static void
test_errors(void)
{
	SAME(EPERM);
	SAME(ENOENT);
	SAME(EINTR);
	SAME(EIO);
	SAME(ENXIO);
	SAME(EBADF);
	SAME(EAGAIN);
	SAME(ENOMEM);
	SAME(EACCES);
	SAME(EFAULT);
	SAME(EEXIST);
	SAME(ENODEV);
	SAME(EINVAL);
	SAME(ENFILE);
	SAME(EMFILE);
	SAME(ENOTTY);
	SAME(EPIPE);
	SAME(EDOM);
	SAME(ENAMETOOLONG);
	SAME(ENOSYS);
	SAME(ENODATA);
	SAME(EPROTO);
	SAME(ENOTSOCK);
	SAME(EDESTADDRREQ);
	SAME(EMSGSIZE);
	SAME(EPROTOTYPE);
	SAME(ENOPROTOOPT);
	SAME(EPROTONOSUPPORT);
	SAME(ESOCKTNOSUPPORT);
	SAME(EOPNOTSUPP);
	SAME(EPFNOSUPPORT);
	SAME(EAFNOSUPPORT);
	SAME(EADDRINUSE);
	SAME(EADDRNOTAVAIL);
	SAME(ENETDOWN);
	SAME(ENETUNREACH);
	SAME(ENETRESET);
	SAME(ECONNABORTED);
	SAME(ECONNRESET);
	SAME(ENOBUFS);
	SAME(EISCONN);
	SAME(ENOTCONN);
	SAME(ESHUTDOWN);
	SAME(ETOOMANYREFS);
	SAME(ETIMEDOUT);
	SAME(ECONNREFUSED);
	SAME(EHOSTDOWN);
	SAME(EHOSTUNREACH);
	SAME(EALREADY);
	SAME(EINPROGRESS);
}

static void
test_sockets(void)
{
	SAME(AF_UNSPEC);
	SAME(AF_INET);
	SAME(AF_INET6);
	SAME(SOCK_STREAM);
	SAME(SOCK_DGRAM);
	SAME(SOCK_RAW);
	SAME(SOCK_NONBLOCK);
	SAME(SOCK_CLOEXEC);
	SAME(SHUT_RD);
	SAME(SHUT_WR);
	SAME(SHUT_RDWR);
	SAME(MSG_OOB);
	SAME(MSG_PEEK);
	SAME(MSG_DONTROUTE);
	SAME(MSG_CTRUNC);
	SAME(MSG_TRUNC);
	SAME(MSG_DONTWAIT);
	SAME(MSG_EOR);
	SAME(MSG_WAITALL);
	SAME(MSG_CONFIRM);
	SAME(MSG_NOSIGNAL);
	SAME(MSG_MORE);
	is_int(LINUX_SOL_IP, IPPROTO_IP, "SOL_IP");
	SAME(SOL_SOCKET);
	is_int(LINUX_SOL_TCP, IPPROTO_TCP, "SOL_TCP");
	is_int(LINUX_SOL_UDP, IPPROTO_UDP, "SOL_UDP");
	SAME(SOL_RAW);
	SAME(SO_DEBUG);
	SAME(SO_REUSEADDR);
	SAME(SO_TYPE);
	SAME(SO_ERROR);
	SAME(SO_DONTROUTE);
	SAME(SO_BROADCAST);
	SAME(SO_SNDBUF);
	SAME(SO_RCVBUF);
	SAME(SO_KEEPALIVE);
	SAME(SO_OOBINLINE);
	SAME(SO_NO_CHECK);
	SAME(SO_PRIORITY);
	SAME(SO_LINGER);
	SAME(SO_REUSEPORT);
	SAME(SO_RCVLOWAT);
	SAME(SO_SNDLOWAT);
	SAME(SO_RCVTIMEO);
	SAME(SO_SNDTIMEO);
	SAME(SO_BINDTODEVICE);
	SAME(SO_TIMESTAMP);
	SAME(SO_ACCEPTCONN);
	SAME(SO_SNDBUFFORCE);
	SAME(SO_RCVBUFFORCE);
	SAME(SO_TIMESTAMPNS);
	SAME(SO_MARK);
	SAME(SO_PROTOCOL);
	SAME(SO_DOMAIN);
	SAME(SO_RXQ_OVFL);
	SAME(SO_BUSY_POLL);
	SAME(SO_COOKIE);
	SAME(SO_BINDTOIFINDEX);
}

static void
test_ip(void)
{
	SAME(IP_TOS);
	SAME(IP_TTL);
	SAME(IP_HDRINCL);
	SAME(IP_OPTIONS);
	SAME(IP_RECVOPTS);
	SAME(IP_RETOPTS);
	SAME(IP_PKTINFO);
	SAME(IP_MTU_DISCOVER);
	SAME(IP_RECVERR);
	SAME(IP_RECVTTL);
	SAME(IP_RECVTOS);
	SAME(IP_MTU);
	SAME(IP_FREEBIND);
	SAME(IP_TRANSPARENT);
	SAME(IP_MINTTL);
	SAME(IP_BIND_ADDRESS_NO_PORT);
	SAME(IP_MULTICAST_IF);
	SAME(IP_MULTICAST_TTL);
	SAME(IP_MULTICAST_LOOP);
	SAME(IP_ADD_MEMBERSHIP);
	SAME(IP_DROP_MEMBERSHIP);
	SAME(IP_MULTICAST_ALL);
	SAME(IP_PMTUDISC_DONT);
	SAME(IP_PMTUDISC_WANT);
	SAME(IP_PMTUDISC_DO);
	SAME(IP_PMTUDISC_PROBE);
	SAME(IP_PMTUDISC_OMIT);
}

static void
test_tcp(void)
{
	SAME(TCPI_OPT_TIMESTAMPS);
	SAME(TCPI_OPT_SACK);
	SAME(TCPI_OPT_WSCALE);
	SAME(TCPI_OPT_ECN);
	SAME(TCP_NODELAY);
	SAME(TCP_MAXSEG);
	SAME(TCP_CORK);
	SAME(TCP_KEEPIDLE);
	SAME(TCP_KEEPINTVL);
	SAME(TCP_KEEPCNT);
	SAME(TCP_SYNCNT);
	SAME(TCP_LINGER2);
	SAME(TCP_DEFER_ACCEPT);
	SAME(TCP_WINDOW_CLAMP);
	SAME(TCP_INFO);
	SAME(TCP_QUICKACK);
	SAME(TCP_CONGESTION);
	SAME(TCP_USER_TIMEOUT);
	SAME(TCP_FASTOPEN);
	SAME(TCP_NOTSENT_LOWAT);
}

static void
test_interfaces(void)
{
	SAME(IFF_UP);
	SAME(IFF_BROADCAST);
	SAME(IFF_LOOPBACK);
	SAME(IFF_POINTOPOINT);
	SAME(IFF_RUNNING);
	SAME(IFF_NOARP);
	SAME(IFF_PROMISC);
	SAME(IFF_ALLMULTI);
	SAME(IFF_MULTICAST);
	SAME(ICMP_FILTER);
	SAME(ARPHRD_ETHER);
	SAME(ARPHRD_LOOPBACK);
	SAME(IFNAMSIZ);
}

static void
test_ioctls(void)
{
	SAME(FIONREAD);
	SAME(FIONBIO);
	SAME(TIOCOUTQ);
	SAME(SIOCATMARK);
	SAME(SIOCGSTAMP);
	SAME(SIOCGIFNAME);
	SAME(SIOCGIFCONF);
	SAME(SIOCGIFFLAGS);
	SAME(SIOCSIFFLAGS);
	SAME(SIOCGIFADDR);
	SAME(SIOCSIFADDR);
	SAME(SIOCGIFDSTADDR);
	SAME(SIOCGIFBRDADDR);
	SAME(SIOCGIFNETMASK);
	SAME(SIOCSIFNETMASK);
	SAME(SIOCGIFMETRIC);
	SAME(SIOCGIFMTU);
	SAME(SIOCSIFMTU);
	SAME(SIOCGIFHWADDR);
	SAME(SIOCGIFINDEX);
	SAME(SIOCGIFTXQLEN);
	SAME(SIOCGIFMAP);
}

/* Newer headers only add fields at the end. */
static void
test_tcp_info(void)
{
	ok(sizeof(struct linux_tcp_info) <= sizeof(struct tcp_info), "struct tcp_info");
	PLACE(linux_tcp_info, tcp_info, tcpi_state);
	PLACE(linux_tcp_info, tcp_info, tcpi_ca_state);
	PLACE(linux_tcp_info, tcp_info, tcpi_retransmits);
	PLACE(linux_tcp_info, tcp_info, tcpi_probes);
	PLACE(linux_tcp_info, tcp_info, tcpi_backoff);
	PLACE(linux_tcp_info, tcp_info, tcpi_options);
	PLACE(linux_tcp_info, tcp_info, tcpi_rto);
	PLACE(linux_tcp_info, tcp_info, tcpi_ato);
	PLACE(linux_tcp_info, tcp_info, tcpi_snd_mss);
	PLACE(linux_tcp_info, tcp_info, tcpi_rcv_mss);
	PLACE(linux_tcp_info, tcp_info, tcpi_unacked);
	PLACE(linux_tcp_info, tcp_info, tcpi_sacked);
	PLACE(linux_tcp_info, tcp_info, tcpi_lost);
	PLACE(linux_tcp_info, tcp_info, tcpi_retrans);
	PLACE(linux_tcp_info, tcp_info, tcpi_fackets);
	PLACE(linux_tcp_info, tcp_info, tcpi_last_data_sent);
	PLACE(linux_tcp_info, tcp_info, tcpi_last_ack_sent);
	PLACE(linux_tcp_info, tcp_info, tcpi_last_data_recv);
	PLACE(linux_tcp_info, tcp_info, tcpi_last_ack_recv);
	PLACE(linux_tcp_info, tcp_info, tcpi_pmtu);
	PLACE(linux_tcp_info, tcp_info, tcpi_rcv_ssthresh);
	PLACE(linux_tcp_info, tcp_info, tcpi_rtt);
	PLACE(linux_tcp_info, tcp_info, tcpi_rttvar);
	PLACE(linux_tcp_info, tcp_info, tcpi_snd_ssthresh);
	PLACE(linux_tcp_info, tcp_info, tcpi_snd_cwnd);
	PLACE(linux_tcp_info, tcp_info, tcpi_advmss);
	PLACE(linux_tcp_info, tcp_info, tcpi_reordering);
	PLACE(linux_tcp_info, tcp_info, tcpi_rcv_rtt);
	PLACE(linux_tcp_info, tcp_info, tcpi_rcv_space);
	PLACE(linux_tcp_info, tcp_info, tcpi_total_retrans);
	PLACE(linux_tcp_info, tcp_info, tcpi_pacing_rate);
	PLACE(linux_tcp_info, tcp_info, tcpi_max_pacing_rate);
	PLACE(linux_tcp_info, tcp_info, tcpi_bytes_acked);
	PLACE(linux_tcp_info, tcp_info, tcpi_bytes_received);
	PLACE(linux_tcp_info, tcp_info, tcpi_segs_out);
	PLACE(linux_tcp_info, tcp_info, tcpi_segs_in);
	PLACE(linux_tcp_info, tcp_info, tcpi_notsent_bytes);
	PLACE(linux_tcp_info, tcp_info, tcpi_min_rtt);
	PLACE(linux_tcp_info, tcp_info, tcpi_data_segs_in);
	PLACE(linux_tcp_info, tcp_info, tcpi_data_segs_out);
	PLACE(linux_tcp_info, tcp_info, tcpi_delivery_rate);
	PLACE(linux_tcp_info, tcp_info, tcpi_busy_time);
	PLACE(linux_tcp_info, tcp_info, tcpi_rwnd_limited);
	PLACE(linux_tcp_info, tcp_info, tcpi_sndbuf_limited);
	PLACE(linux_tcp_info, tcp_info, tcpi_delivered);
	PLACE(linux_tcp_info, tcp_info, tcpi_delivered_ce);
	PLACE(linux_tcp_info, tcp_info, tcpi_bytes_sent);
	PLACE(linux_tcp_info, tcp_info, tcpi_bytes_retrans);
	PLACE(linux_tcp_info, tcp_info, tcpi_dsack_dups);
	PLACE(linux_tcp_info, tcp_info, tcpi_reord_seen);
	PLACE(linux_tcp_info, tcp_info, tcpi_rcv_ooopack);
	PLACE(linux_tcp_info, tcp_info, tcpi_snd_wnd);
}

static void
test_layouts(void)
{
	SIZE(linux_timeval, timeval);
	SIZE(linux_timespec, timespec);
	SIZE(linux_cmsghdr, cmsghdr);
	SIZE(linux_in_pktinfo, in_pktinfo);
	PLACE(linux_in_pktinfo, in_pktinfo, ipi_addr);
	SIZE(linux_ip_mreqn, ip_mreqn);
	PLACE(linux_ip_mreqn, ip_mreqn, imr_ifindex);
	SIZE(linux_sockaddr_in, sockaddr_in);
	PLACE(linux_sockaddr_in, sockaddr_in, sin_addr);
	SIZE(linux_ifreq, ifreq);
	is_int(
	    offsetof(struct linux_ifreq, lifr_addr), offsetof(struct ifreq, ifr_addr), "ifr_addr");
}

int
main(void)
{
	test_errors();
	test_sockets();
	test_ip();
	test_tcp();
	test_interfaces();
	test_ioctls();
	test_tcp_info();
	test_layouts();
	return tap_done();
}
