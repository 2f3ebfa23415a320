/* datagrams.c - row 13: datagrams keep their bounds, their addresses and their control data. */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t/pitfalls/pitfalls.h"

/* Bound to 127.0.0.1, any port. */
static int
bound(struct sockaddr_in *sin)
{
	socklen_t len = sizeof(*sin);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memset(sin, 0, sizeof(*sin));
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)sin, sizeof(*sin)) != 0 ||
	    getsockname(fd, (struct sockaddr *)sin, &len) != 0)
		tap_bail("no datagram socket on 127.0.0.1");
	return (fd);
}

static void
bounds(int a, int b, const struct sockaddr_in *to, const struct sockaddr_in *from)
{
	struct sockaddr_in sin = {0};
	socklen_t len = sizeof(sin);
	char c[16];
	int n = -1;

	is_int(sendto(a, "", 0, 0, (const struct sockaddr *)to, sizeof(*to)), 0,
	    "13: a datagram of no bytes");
	ok(readable(b, 5000), "13: makes its reader ready");
	is_int(recvfrom(b, c, sizeof(c), 0, (struct sockaddr *)&sin, &len), 0, "13: is 0");
	ok(len == sizeof(sin) && sin.sin_port == from->sin_port &&
		sin.sin_addr.s_addr == from->sin_addr.s_addr,
	    "13: and has a sender");
	is_int(errno_of(recv(b, c, 1, MSG_DONTWAIT)), EAGAIN, "13: then nothing");
	sendto(a, "twelve bytes", 12, 0, (const struct sockaddr *)to, sizeof(*to));
	sendto(a, "next", 4, 0, (const struct sockaddr *)to, sizeof(*to));
	readable(b, 5000);
	is_int(ioctl(b, FIONREAD, &n) == 0 ? n : -1, 12, "13: FIONREAD is the next one's length");
	is_int(recv(b, c, 2, MSG_PEEK | MSG_TRUNC), 12, "13: MSG_PEEK|MSG_TRUNC tells the same");
	is_int(recv(b, c, 6, 0), 6, "13: a small buffer");
	is_int(recv(b, c, 16, 0), 4, "13: loses the rest of that datagram only");
	is_int(errno_of(recv(b, c, 16, MSG_DONTWAIT)), EAGAIN, "13: none is left");
}

static void *
control(struct msghdr *m, int level, int type, size_t len)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == level && c->cmsg_type == type && c->cmsg_len == CMSG_LEN(len))
			return (CMSG_DATA(c));
	return (NULL);
}

static void
control_data(int a, int b, const struct sockaddr_in *to)
{
	char data[16], buf[256], out[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
	struct msghdr m = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = buf, .msg_controllen = sizeof(buf)};
	struct msghdr s = {.msg_name = (void *)(uintptr_t)to,
	    .msg_namelen = sizeof(*to),
	    .msg_iov = &(struct iovec){data, 1},
	    .msg_iovlen = 1,
	    .msg_control = out,
	    .msg_controllen = sizeof(out)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&s);
	int on = 1, ttl = 33, tos = 0x28, *pttl;
	struct in_pktinfo *pi;
	uint8_t *ptos;

	setsockopt(b, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
	setsockopt(b, IPPROTO_IP, IP_RECVTTL, &on, sizeof(on));
	setsockopt(b, IPPROTO_IP, IP_RECVTOS, &on, sizeof(on));
	setsockopt(b, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on));
	setsockopt(a, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_TTL;
	c->cmsg_len = CMSG_LEN(sizeof(ttl));
	memcpy(CMSG_DATA(c), &ttl, sizeof(ttl));
	is_int(sendmsg(a, &s, 0), 1, "13: sendmsg with IP_TTL");
	readable(b, 5000);
	is_int(recvmsg(b, &m, 0), 1, "13: recvmsg");
	is_int(m.msg_flags, 0, "13: without a flag");
	pi = control(&m, IPPROTO_IP, IP_PKTINFO, sizeof(*pi));
	ok(pi != NULL && pi->ipi_addr.s_addr == htonl(INADDR_LOOPBACK) && pi->ipi_ifindex > 0,
	    "13: IP_PKTINFO");
	pttl = control(&m, IPPROTO_IP, IP_TTL, sizeof(int));
	is_int(pttl != NULL ? *pttl : -1, ttl, "13: IP_TTL");
	ptos = control(&m, IPPROTO_IP, IP_TOS, sizeof(uint8_t));
	is_int(ptos != NULL ? *ptos : -1, tos, "13: IP_TOS");
	ok(control(&m, SOL_SOCKET, SO_TIMESTAMP, sizeof(struct timeval)) != NULL,
	    "13: SO_TIMESTAMP");
	is_int(sendto(a, "y", 1, 0, (const struct sockaddr *)to, sizeof(*to)), 1, "13: another");
	m.msg_controllen = sizeof(struct cmsghdr);
	readable(b, 5000);
	is_int(recvmsg(b, &m, 0), 1, "13: too little room for control data");
	ok(m.msg_flags & MSG_CTRUNC, "13: is MSG_CTRUNC");
}

static void
many_at_once(int a, int b, const struct sockaddr_in *to)
{
	struct mmsghdr out[8], in[8];
	struct iovec ov[8], iv[8];
	char bytes[8] = "01234567", got[8][4] = {""};
	struct timespec ts = {.tv_nsec = 200000000};
	bool right = true;

	memset(out, 0, sizeof(out));
	memset(in, 0, sizeof(in));
	for (int i = 0; i < 8; i++) {
		ov[i] = (struct iovec){&bytes[i], 1};
		iv[i] = (struct iovec){got[i], 4};
		out[i].msg_hdr = (struct msghdr){.msg_name = (void *)(uintptr_t)to,
		    .msg_namelen = sizeof(*to),
		    .msg_iov = &ov[i],
		    .msg_iovlen = 1};
		in[i].msg_hdr = (struct msghdr){.msg_iov = &iv[i], .msg_iovlen = 1};
	}
	is_int(sendmmsg(a, out, 8, 0), 8, "13: sendmmsg");
	usleep(200000);
	is_int(recvmmsg(b, in, 8, MSG_WAITFORONE, &ts), 8, "13: recvmmsg");
	for (int i = 0; i < 8; i++)
		right = right && in[i].msg_len == 1 && got[i][0] == bytes[i];
	ok(right, "13: each in its place");
	is_int(errno_of(recvmmsg(b, in, 8, MSG_DONTWAIT, NULL)), EAGAIN, "13: then none");
}

static void
errors(void)
{
	struct sockaddr_in sin = peer_sin(PORT_CLOSED), echo = peer_sin(PORT_ECHO);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c[8];

	is_int(
	    connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0, "13: connected to a closed port");
	is_int(send(fd, "x", 1, 0), 1, "13: a datagram");
	is_int(poll(&p, 1, 5000), 1, "13: its error makes the socket ready");
	ok(p.revents & POLLERR, "13: POLLERR");
	is_int(errno_of(recv(fd, c, 1, 0)), ECONNREFUSED, "13: ECONNREFUSED");
	is_int(errno_of(recv(fd, c, 1, MSG_DONTWAIT)), EAGAIN, "13: once");
	is_int(connect(fd, (struct sockaddr *)&echo, sizeof(echo)), 0, "13: connect to another");
	ok(echoes(fd, "other"), "13: which answers");
	sin.sin_family = AF_UNSPEC;
	is_int(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0, "13: AF_UNSPEC dissolves");
	is_int(errno_of(send(fd, "x", 1, 0)), EDESTADDRREQ, "13: no destination");
	close(fd);
}

void
pitfalls_datagrams(void)
{
	struct sockaddr_in sa, sb;
	int a = bound(&sa), b = bound(&sb);

	bounds(a, b, &sb, &sa);
	many_at_once(a, b, &sb);
	control_data(a, b, &sb);
	errors();
	close(a);
	close(b);
}
