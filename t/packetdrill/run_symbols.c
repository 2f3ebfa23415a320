/*
 * run_symbols.c - the names of constants that scripts use, Linux's values; names of ICMP messages.
 * Pure.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <netinet/tcp.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/ioctl.h>

#include "t/packetdrill/run.h"
#include "t/packetdrill/run_tcp.h"

#define S(name)                                                                                    \
	{                                                                                          \
#name, name                                                                        \
	}

static const struct {
	const char *name;
	long long value;
} symbols[] = {
    S(AF_INET),
    S(AF_INET6),
    S(AF_UNSPEC),
    S(SOCK_STREAM),
    S(SOCK_DGRAM),
    S(SOCK_RAW),
    S(SOCK_NONBLOCK),
    S(SOCK_CLOEXEC),
    S(IPPROTO_TCP),
    S(IPPROTO_UDP),
    S(IPPROTO_ICMP),
    S(IPPROTO_IP),
    S(IPPROTO_IPV6),
    S(SOL_SOCKET),
    {"SOL_TCP", IPPROTO_TCP},
    {"SOL_IP", IPPROTO_IP},
    {"SOL_UDP", IPPROTO_UDP},
    S(SO_REUSEADDR),
    S(SO_REUSEPORT),
    S(SO_TYPE),
    S(SO_ERROR),
    S(SO_BROADCAST),
    S(SO_SNDBUF),
    S(SO_RCVBUF),
    S(SO_KEEPALIVE),
    S(SO_OOBINLINE),
    S(SO_LINGER),
    S(SO_RCVLOWAT),
    S(SO_SNDLOWAT),
    S(SO_RCVTIMEO),
    S(SO_SNDTIMEO),
    S(SO_ACCEPTCONN),
    S(SO_PROTOCOL),
    S(SO_DOMAIN),
    S(SO_DEBUG),
    S(SO_PRIORITY),
    S(SO_MARK),
    S(IP_TOS),
    S(IP_TTL),
    S(IP_MTU),
    S(IP_MTU_DISCOVER),
    S(IP_RECVERR),
    S(IP_PMTUDISC_DONT),
    S(IP_PMTUDISC_WANT),
    S(IP_PMTUDISC_DO),
    S(TCP_NODELAY),
    S(TCP_MAXSEG),
    S(TCP_CORK),
    S(TCP_KEEPIDLE),
    S(TCP_KEEPINTVL),
    S(TCP_KEEPCNT),
    S(TCP_SYNCNT),
    S(TCP_LINGER2),
    S(TCP_DEFER_ACCEPT),
    S(TCP_WINDOW_CLAMP),
    S(TCP_INFO),
    S(TCP_QUICKACK),
    S(TCP_CONGESTION),
    S(TCP_MD5SIG),
    S(TCP_USER_TIMEOUT),
    S(TCP_FASTOPEN),
    S(TCP_NOTSENT_LOWAT),
    S(MSG_OOB),
    S(MSG_PEEK),
    S(MSG_DONTWAIT),
    S(MSG_WAITALL),
    S(MSG_NOSIGNAL),
    S(MSG_MORE),
    S(MSG_TRUNC),
    S(MSG_EOR),
    S(MSG_FASTOPEN),
    S(MSG_ERRQUEUE),
    S(O_RDONLY),
    S(O_RDWR),
    S(O_NONBLOCK),
    S(F_GETFL),
    S(F_SETFL),
    S(F_GETFD),
    S(F_SETFD),
    S(SHUT_RD),
    S(SHUT_WR),
    S(SHUT_RDWR),
    S(POLLIN),
    S(POLLPRI),
    S(POLLOUT),
    S(POLLERR),
    S(POLLHUP),
    S(POLLNVAL),
    S(POLLRDNORM),
    S(POLLWRNORM),
    S(POLLRDHUP),
    S(EPOLLIN),
    S(EPOLLPRI),
    S(EPOLLOUT),
    S(EPOLLERR),
    S(EPOLLHUP),
    S(EPOLLRDHUP),
    S(EPOLLET),
    S(EPOLLONESHOT),
    S(EPOLL_CTL_ADD),
    S(EPOLL_CTL_DEL),
    S(EPOLL_CTL_MOD),
    S(FIONREAD),
    S(FIONBIO),
    {"SIOCINQ", FIONREAD},
    {"SIOCOUTQ", TIOCOUTQ},
    {"SIOCATMARK", 0x8905},
    S(SPLICE_F_MOVE),
    S(SPLICE_F_NONBLOCK),
    S(SPLICE_F_MORE),
    S(TCP_ESTABLISHED),
    S(TCP_SYN_SENT),
    S(TCP_SYN_RECV),
    S(TCP_FIN_WAIT1),
    S(TCP_FIN_WAIT2),
    S(TCP_TIME_WAIT),
    S(TCP_CLOSE),
    S(TCP_CLOSE_WAIT),
    S(TCP_LAST_ACK),
    S(TCP_LISTEN),
    S(TCP_CLOSING),
    S(TCP_CA_Open),
    S(TCP_CA_Disorder),
    S(TCP_CA_CWR),
    S(TCP_CA_Recovery),
    S(TCP_CA_Loss),
    S(TCPI_OPT_TIMESTAMPS),
    S(TCPI_OPT_SACK),
    S(TCPI_OPT_WSCALE),
    S(TCPI_OPT_ECN),
    S(TCPI_OPT_SYN_DATA),
};

static const struct {
	const char *name;
	int value;
} errnos[] = {
    S(EPERM),
    S(EINTR),
    S(EBADF),
    S(EAGAIN),
    {"EWOULDBLOCK", EAGAIN},
    S(ENOMEM),
    S(EACCES),
    S(EFAULT),
    S(EEXIST),
    S(EINVAL),
    S(EPIPE),
    S(ENOTSOCK),
    S(EDESTADDRREQ),
    S(EMSGSIZE),
    S(ENOPROTOOPT),
    S(EPROTONOSUPPORT),
    S(EOPNOTSUPP),
    S(EAFNOSUPPORT),
    S(EADDRINUSE),
    S(EADDRNOTAVAIL),
    S(ENETDOWN),
    S(ENETUNREACH),
    S(ECONNABORTED),
    S(ECONNRESET),
    S(ENOBUFS),
    S(EISCONN),
    S(ENOTCONN),
    S(ETIMEDOUT),
    S(ECONNREFUSED),
    S(EHOSTUNREACH),
    S(EALREADY),
    S(EINPROGRESS),
    S(ENOENT),
    S(ESPIPE),
    S(ENFILE),
    S(EPROTO),
    S(EDOM),
    S(ENOSYS),
};

bool
symbol(const char *name, long long *value)
{
	size_t i;
	int e;

	for (i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
		if (strcmp(name, symbols[i].name) == 0) {
			*value = symbols[i].value;
			return (true);
		}
	if (!errno_symbol(name, &e))
		return (false);
	*value = e;
	return (true);
}

bool
errno_symbol(const char *name, int *value)
{
	size_t i;

	for (i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++)
		if (strcmp(name, errnos[i].name) == 0) {
			*value = errnos[i].value;
			return (true);
		}
	return (false);
}

const char *
errno_name(int value)
{
	size_t i;

	for (i = 0; i < sizeof(errnos) / sizeof(errnos[0]); i++)
		if (errnos[i].value == value)
			return (errnos[i].name);
	return ("another errno");
}

bool
icmp_by_name(const char *type, const char *code, int *t, int *c)
{
	static const char *const unreachables[] = {"net_unreachable", "host_unreachable",
	    "protocol_unreachable", "port_unreachable", "frag_needed", "source_route_failed",
	    "net_unknown", "host_unknown", "source_host_isolated", "net_prohibited",
	    "host_prohibited", "net_unreachable_for_tos", "host_unreachable_for_tos",
	    "packet_filtered", "precedence_violation", "precedence_cutoff"};
	static const struct {
		const char *name;
		int type;
	} types[] = {{"echo_reply", 0}, {"unreachable", 3}, {"source_quench", 4}, {"redirect", 5},
	    {"echo_request", 8}, {"time_exceeded", 11}, {"parameter_problem", 12}};
	size_t i;

	*t = -1;
	*c = 0;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i].name) == 0)
			*t = types[i].type;
	if (*t < 0 || code == NULL)
		return (*t >= 0);
	if (*t == ICMP_TIME_EXCEEDED) {
		*c = strcmp(code, "exceeded_frag_time") == 0;
		return (*c == 1 || strcmp(code, "exceeded_ttl") == 0);
	}
	for (i = 0; *t == 3 && i < sizeof(unreachables) / sizeof(unreachables[0]); i++)
		if (strcmp(code, unreachables[i]) == 0) {
			*c = (int)i;
			return (true);
		}
	return (false);
}
