/*
 * options.c - setsockopt and getsockopt: what is known, what lengths are taken, what is given
 * back.
 */
#include "t/sockapi/sockapi.h"

#include <linux/filter.h>
#include <linux/icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

struct option {
	int level, name;
	const char *text;
	bool no_value; /* its value is the machine's: only whether it can be had */
};
#define OPT(l, n)                                                                                  \
	{                                                                                          \
		l, n, #n, false                                                                    \
	}
#define OPT_NO_VALUE(l, n)                                                                         \
	{                                                                                          \
		l, n, #n, true                                                                     \
	}

static const struct option options[] = {
    OPT(SOL_SOCKET, SO_DEBUG),
    OPT(SOL_SOCKET, SO_REUSEADDR),
    OPT(SOL_SOCKET, SO_TYPE),
    OPT(SOL_SOCKET, SO_ERROR),
    OPT(SOL_SOCKET, SO_DONTROUTE),
    OPT(SOL_SOCKET, SO_BROADCAST),
    OPT_NO_VALUE(SOL_SOCKET, SO_SNDBUF),
    OPT_NO_VALUE(SOL_SOCKET, SO_RCVBUF),
    OPT(SOL_SOCKET, SO_KEEPALIVE),
    OPT(SOL_SOCKET, SO_OOBINLINE),
    OPT(SOL_SOCKET, SO_NO_CHECK),
    OPT(SOL_SOCKET, SO_PRIORITY),
    OPT(SOL_SOCKET, SO_LINGER),
    OPT(SOL_SOCKET, SO_REUSEPORT),
    OPT(SOL_SOCKET, SO_PASSCRED),
    OPT(SOL_SOCKET, SO_PEERCRED),
    OPT(SOL_SOCKET, SO_RCVLOWAT),
    OPT(SOL_SOCKET, SO_SNDLOWAT),
    OPT(SOL_SOCKET, SO_RCVTIMEO),
    OPT(SOL_SOCKET, SO_SNDTIMEO),
    OPT(SOL_SOCKET, SO_BINDTODEVICE),
    OPT(SOL_SOCKET, SO_DETACH_FILTER),
    OPT(SOL_SOCKET, SO_TIMESTAMP),
    OPT(SOL_SOCKET, SO_ACCEPTCONN),
    OPT(SOL_SOCKET, SO_PEERSEC),
    OPT(SOL_SOCKET, SO_TIMESTAMPNS),
    OPT(SOL_SOCKET, SO_MARK),
    OPT(SOL_SOCKET, SO_TIMESTAMPING),
    OPT(SOL_SOCKET, SO_PROTOCOL),
    OPT(SOL_SOCKET, SO_DOMAIN),
    OPT(SOL_SOCKET, SO_RXQ_OVFL),
    OPT(SOL_SOCKET, SO_WIFI_STATUS),
    OPT(SOL_SOCKET, SO_PEEK_OFF),
    OPT(SOL_SOCKET, SO_NOFCS),
    OPT(SOL_SOCKET, SO_LOCK_FILTER),
    OPT(SOL_SOCKET, SO_SELECT_ERR_QUEUE),
    OPT(SOL_SOCKET, SO_BUSY_POLL),
    OPT_NO_VALUE(SOL_SOCKET, SO_MAX_PACING_RATE),
    OPT_NO_VALUE(SOL_SOCKET, SO_INCOMING_CPU),
    OPT_NO_VALUE(SOL_SOCKET, SO_MEMINFO),
    OPT_NO_VALUE(SOL_SOCKET, SO_INCOMING_NAPI_ID),
    OPT_NO_VALUE(SOL_SOCKET, SO_COOKIE),
    OPT(SOL_SOCKET, SO_ZEROCOPY),
    OPT(SOL_SOCKET, 9999),
    OPT(SOL_SOCKET, -1),
    OPT(IPPROTO_IP, IP_TOS),
    OPT(IPPROTO_IP, IP_TTL),
    OPT(IPPROTO_IP, IP_HDRINCL),
    OPT(IPPROTO_IP, IP_OPTIONS),
    OPT(IPPROTO_IP, IP_RECVOPTS),
    OPT(IPPROTO_IP, IP_RETOPTS),
    OPT(IPPROTO_IP, IP_PKTINFO),
    OPT(IPPROTO_IP, IP_MTU_DISCOVER),
    OPT(IPPROTO_IP, IP_RECVERR),
    OPT(IPPROTO_IP, IP_RECVTTL),
    OPT(IPPROTO_IP, IP_RECVTOS),
    OPT(IPPROTO_IP, IP_MTU),
    OPT(IPPROTO_IP, IP_FREEBIND),
    OPT(IPPROTO_IP, IP_TRANSPARENT),
    OPT(IPPROTO_IP, IP_RECVORIGDSTADDR),
    OPT(IPPROTO_IP, IP_MINTTL),
    OPT(IPPROTO_IP, IP_NODEFRAG),
    OPT(IPPROTO_IP, IP_CHECKSUM),
    OPT(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT),
    OPT(IPPROTO_IP, IP_RECVFRAGSIZE),
    OPT(IPPROTO_IP, IP_MULTICAST_IF),
    OPT(IPPROTO_IP, IP_MULTICAST_TTL),
    OPT(IPPROTO_IP, IP_MULTICAST_LOOP),
    OPT(IPPROTO_IP, IP_MULTICAST_ALL),
    OPT(IPPROTO_IP, 9999),
    OPT(IPPROTO_TCP, TCP_NODELAY),
    OPT_NO_VALUE(IPPROTO_TCP, TCP_MAXSEG),
    OPT(IPPROTO_TCP, TCP_CORK),
    OPT(IPPROTO_TCP, TCP_KEEPIDLE),
    OPT(IPPROTO_TCP, TCP_KEEPINTVL),
    OPT(IPPROTO_TCP, TCP_KEEPCNT),
    OPT(IPPROTO_TCP, TCP_SYNCNT),
    OPT(IPPROTO_TCP, TCP_LINGER2),
    OPT(IPPROTO_TCP, TCP_DEFER_ACCEPT),
    OPT_NO_VALUE(IPPROTO_TCP, TCP_WINDOW_CLAMP),
    OPT_NO_VALUE(IPPROTO_TCP, TCP_INFO),
    OPT(IPPROTO_TCP, TCP_QUICKACK),
    OPT_NO_VALUE(IPPROTO_TCP, TCP_CONGESTION),
    OPT(IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS),
    OPT(IPPROTO_TCP, TCP_USER_TIMEOUT),
    OPT(IPPROTO_TCP, TCP_REPAIR),
    OPT(IPPROTO_TCP, TCP_FASTOPEN),
    OPT_NO_VALUE(IPPROTO_TCP, TCP_TIMESTAMP),
    OPT_NO_VALUE(IPPROTO_TCP, TCP_NOTSENT_LOWAT),
    OPT_NO_VALUE(IPPROTO_TCP, TCP_CC_INFO),
    OPT(IPPROTO_TCP, TCP_SAVE_SYN),
    OPT(IPPROTO_TCP, TCP_FASTOPEN_CONNECT),
    OPT(IPPROTO_TCP, TCP_ULP),
    OPT(IPPROTO_TCP, TCP_INQ),
    OPT(IPPROTO_TCP, 9999),
    OPT(IPPROTO_UDP, UDP_CORK),
    OPT(IPPROTO_UDP, UDP_NO_CHECK6_TX),
    OPT(IPPROTO_UDP, UDP_SEGMENT),
    OPT(IPPROTO_UDP, UDP_GRO),
    OPT(IPPROTO_UDP, 9999),
    OPT(SOL_RAW, ICMP_FILTER),
    OPT(IPPROTO_IPV6, 26),
    OPT(9999, 1),
    OPT(-1, 1),
};

static void
get_option(int fd, const char *kind, const struct option *o, int room)
{
	unsigned char value[256];
	socklen_t len = (socklen_t)room;
	char text[96];
	int n, v = 0;

	memset(value, 0, sizeof(value));
	n = getsockopt(fd, o->level, o->name, value, &len);
	if (n != 0) {
		see(n, "%s get %d %s room %d", kind, o->level, o->text, room);
		return;
	}
	memcpy(&v, value, len < sizeof(v) ? len : sizeof(v));
	if (o->no_value)
		snprintf(text, sizeof(text), "got it");
	else
		snprintf(text, sizeof(text), "length %d value %d", (int)len, v);
	see_text(text, "%s get %d %s room %d", kind, o->level, o->text, room);
}

static void
set_option(int fd, const char *kind, const struct option *o, int value, int len)
{
	char room[64] = {0};

	memcpy(room, &value, sizeof(value));
	see(setsockopt(fd, o->level, o->name, room, (socklen_t)len), "%s set %d %s to %d length %d",
	    kind, o->level, o->text, value, len);
}

static void
every_option(int (*make)(void), const char *kind)
{
	static const int rooms[] = {0, 1, 2, 4, 64, -1};
	static const int values[] = {0, 1, 2, -1, 255, 256, 100000};
	static const int lengths[] = {0, 1, 3, 4, 16, -1};
	size_t i, k;
	int fd;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		fd = make();
		for (k = 0; k < 6; k++)
			get_option(fd, kind, &options[i], rooms[k]);
		close(fd);
		for (k = 0; k < 7; k++) {
			fd = make();
			set_option(fd, kind, &options[i], values[k], sizeof(int));
			get_option(fd, kind, &options[i], sizeof(int));
			close(fd);
		}
		for (k = 0; k < 6; k++) {
			fd = make();
			set_option(fd, kind, &options[i], 1, lengths[k]);
			close(fd);
		}
	}
}

static int
make_tcp(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int
make_udp(void)
{
	return socket(AF_INET, SOCK_DGRAM, 0);
}

static int
make_raw(void)
{
	return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
}

static void
buffers(int type)
{
	static const int sizes[] = {0, 1, 1000, 4096, 50000, 100000, 1 << 30, -1};
	int fd, v;
	size_t i;
	socklen_t len;

	for (i = 0; i < 8; i++) {
		fd = socket(AF_INET, type, 0);
		see(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sizes[i], 4), "type %d SO_SNDBUF %d",
		    type, sizes[i]);
		len = 4;
		getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &v, &len);
		see(sizes[i] == 1 << 30 || v >= 2 * sizes[i], "type %d SO_SNDBUF %d is doubled",
		    type, sizes[i]);
		see(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &sizes[i], 4), "type %d SO_RCVBUF %d",
		    type, sizes[i]);
		len = 4;
		getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &v, &len);
		see(sizes[i] == 1 << 30 || v >= 2 * sizes[i], "type %d SO_RCVBUF %d is doubled",
		    type, sizes[i]);
		close(fd);
	}
}

static void
particular(void)
{
	int fd = make_tcp(), c, s, v;
	struct linger l = {1, 70000};
	struct timeval tv = {1, 500000};
	char name[64];
	socklen_t len = sizeof(l);

	see(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), "SO_LINGER of 70000 s");
	getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len);
	see(l.l_linger >= 30000, "SO_LINGER, long");
	see(setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, 4), "SO_LINGER, half");
	see(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), "SO_RCVTIMEO");
	len = sizeof(tv);
	memset(&tv, 0, sizeof(tv));
	getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len);
	see(tv.tv_sec * 1000 + tv.tv_usec / 1000, "SO_RCVTIMEO is");
	tv.tv_usec = 1000000;
	see(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)),
	    "SO_RCVTIMEO, bad microseconds");
	tv = (struct timeval){-1, 0};
	see(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), "SO_RCVTIMEO, negative");
	see(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, 8), "SO_SNDTIMEO, short");
	see(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2),
	    "SO_BINDTODEVICE lo, without end");
	see(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0), "SO_BINDTODEVICE, none");
	see(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "nosuch0", 8), "SO_BINDTODEVICE nosuch0");
	len = sizeof(name);
	see(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4), "TCP_CONGESTION reno");
	see(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &len), "TCP_CONGESTION get");
	see_text(name, "TCP_CONGESTION is");
	see((int)len, "TCP_CONGESTION's length");
	see(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "nosuch", 6), "TCP_CONGESTION nosuch");
	v = 0;
	see(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &v, 4), "TCP_MAXSEG 0");
	v = 20;
	see(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &v, 4), "TCP_MAXSEG 20");
	v = 1000;
	see(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &v, 4), "TCP_MAXSEG 1000");
	v = 70000;
	see(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &v, 4), "TCP_MAXSEG 70000");
	close(fd);
	tcp_pair(&c, &s);
	len = 4;
	see(getsockopt(c, IPPROTO_IP, IP_MTU, &v, &len), "IP_MTU of a connection");
	v = 0;
	see(setsockopt(c, SOL_SOCKET, SO_REUSEADDR, &v, 4), "SO_REUSEADDR on a connection");
	v = 2000;
	see(setsockopt(c, SOL_SOCKET, SO_RCVLOWAT, &v, 4), "SO_RCVLOWAT on a connection");
	see(send(s, name, 10, 0), "below SO_RCVLOWAT, send");
	see_poll(c, "below SO_RCVLOWAT");
	memset(name, 0, sizeof(name));
	for (v = 0; v < 100; v++)
		send(s, name, sizeof(name), 0);
	see_poll(c, "above SO_RCVLOWAT");
	close(c);
	close(s);
}

static void
filters(void)
{
	struct sock_filter all[] = {{BPF_RET | BPF_K, 0, 0, 0xffff}};
	struct sock_filter none[] = {{BPF_RET | BPF_K, 0, 0, 0}};
	struct sock_filter bad[] = {{BPF_JMP | BPF_JA, 0, 0, 5}, {BPF_RET | BPF_K, 0, 0, 0}};
	struct sock_filter endless[] = {{BPF_LD | BPF_IMM, 0, 0, 0}};
	/* the first byte behind UDP's header, as a UDP socket's filter sees it */
	struct sock_filter third[] = {{BPF_LD | BPF_B | BPF_ABS, 0, 0, 8},
	    {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 'y'}, {BPF_RET | BPF_K, 0, 0, 0xffff},
	    {BPF_RET | BPF_K, 0, 0, 0}};
	struct sock_filter cut[] = {{BPF_RET | BPF_K, 0, 0, 10}};
	struct sock_fprog prog = {1, all};
	char buf[64];
	int a, b, v = 0;

	udp_pair(&a, &b);
	see(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)), "filter: all");
	send(a, "x", 1, 0);
	becomes(b, POLLIN);
	see(recv(b, buf, sizeof(buf), MSG_DONTWAIT), "filter: all, recv");
	prog.filter = none;
	see(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)), "filter: none");
	send(a, "x", 1, 0);
	settle();
	see(recv(b, buf, sizeof(buf), MSG_DONTWAIT), "filter: none, recv");
	prog = (struct sock_fprog){4, third};
	see(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)), "filter: y");
	send(a, "x", 1, 0);
	send(a, "yes", 3, 0);
	becomes(b, POLLIN);
	see(recv(b, buf, sizeof(buf), MSG_DONTWAIT), "filter: y, recv");
	see(recv(b, buf, sizeof(buf), MSG_DONTWAIT), "filter: y, recv again");
	prog = (struct sock_fprog){1, cut};
	see(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)), "filter: cut");
	send(a, "12345", 5, 0);
	becomes(b, POLLIN);
	see(recv(b, buf, sizeof(buf), MSG_DONTWAIT), "filter: cut, recv");
	prog = (struct sock_fprog){2, bad};
	see(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)), "filter: jumps out");
	prog = (struct sock_fprog){1, endless};
	see(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)), "filter: no return");
	prog = (struct sock_fprog){0, all};
	see(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)), "filter: empty");
	prog = (struct sock_fprog){1, BAD_POINTER};
	see(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)),
	    "filter: bad pointer");
	see(setsockopt(b, SOL_SOCKET, SO_ATTACH_FILTER, &prog, 8), "filter: short");
	see(setsockopt(b, SOL_SOCKET, SO_DETACH_FILTER, &v, sizeof(v)), "filter: detach");
	send(a, "12345", 5, 0);
	becomes(b, POLLIN);
	see(recv(b, buf, sizeof(buf), MSG_DONTWAIT), "filter: detached, recv");
	see(setsockopt(b, SOL_SOCKET, SO_DETACH_FILTER, &v, sizeof(v)), "filter: detach again");
	close(a);
	close(b);
}

void
topic_options(void)
{
	every_option(make_tcp, "tcp");
	every_option(make_udp, "udp");
	every_option(make_raw, "raw");
	buffers(SOCK_STREAM);
	buffers(SOCK_DGRAM);
	particular();
	filters();
}
