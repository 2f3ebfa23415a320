/*
 * message.c - sendmsg and recvmsg: pieces, names, control items; several messages at once.
 */
#include "t/sockapi/sockapi.h"

#include <netinet/tcp.h>
#include <sys/un.h>

static void
see_items(struct msghdr *msg, const char *what)
{
	struct cmsghdr *c;
	char text[96];
	int v;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		v = 0;
		if (c->cmsg_level == IPPROTO_IP &&
		    (c->cmsg_type == IP_TTL || c->cmsg_type == IP_TOS))
			memcpy(&v, CMSG_DATA(c),
			    c->cmsg_len - CMSG_LEN(0) < 4 ? c->cmsg_len - CMSG_LEN(0) : 4);
		snprintf(text, sizeof(text), "level %d type %d length %d value %d", c->cmsg_level,
		    c->cmsg_type, (int)c->cmsg_len, v);
		see_text(text, "%s: item", what);
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;

			memcpy(&info, CMSG_DATA(c), sizeof(info));
			see(info.ipi_ifindex != 0, "%s: interface", what);
			see_text(inet_ntoa(info.ipi_addr), "%s: address", what);
			see_text(inet_ntoa(info.ipi_spec_dst), "%s: local address", what);
		}
	}
	see((long)msg->msg_controllen > 0, "%s: control data", what);
	see(msg->msg_flags, "%s: flags", what);
}

static void
received(int fd, size_t room, const char *what)
{
	char buf[100], control[256];
	struct sockaddr_in name;
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr msg = {.msg_name = &name,
	    .msg_namelen = sizeof(name),
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = room};

	becomes(fd, POLLIN);
	see(recvmsg(fd, &msg, MSG_DONTWAIT), "%s", what);
	see_address(SA(&name), msg.msg_namelen, what);
	see_items(&msg, what);
}

static void
option_item(int name, const char *what)
{
	int a, b, one = 1;

	udp_pair(&a, &b);
	see(setsockopt(b, name < 0 ? SOL_SOCKET : IPPROTO_IP, name < 0 ? -name : name, &one, 4),
	    "%s: option", what);
	send(a, "x", 1, 0);
	received(b, 256, what);
	send(a, "x", 1, 0);
	received(b, 10, what);
	send(a, "x", 1, 0);
	received(b, 0, what);
	close(a);
	close(b);
}

/* One control item with a datagram; what the receiver saw of it. */
static void
sent_item(int level, int type, const void *data, size_t len, const char *what)
{
	char control[128] = {0};
	struct iovec iov = {(void *)(uintptr_t) "x", 1};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = CMSG_SPACE(len)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int a, b, one = 1;
	long n;

	udp_pair(&a, &b);
	setsockopt(b, IPPROTO_IP, IP_RECVTTL, &one, 4);
	setsockopt(b, IPPROTO_IP, IP_RECVTOS, &one, 4);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	n = sendmsg(a, &msg, 0);
	see(n, "%s: sendmsg", what);
	if (n >= 0)
		received(b, 256, what);
	close(a);
	close(b);
}

static void
items(void)
{
	struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(INADDR_LOOPBACK)};
	int v = 33;
	unsigned char byte = 0x1c;

	option_item(IP_RECVTTL, "IP_RECVTTL");
	option_item(IP_RECVTOS, "IP_RECVTOS");
	option_item(IP_PKTINFO, "IP_PKTINFO");
	option_item(IP_RECVORIGDSTADDR, "IP_RECVORIGDSTADDR");
	option_item(-SO_TIMESTAMP, "SO_TIMESTAMP");
	option_item(-SO_TIMESTAMPNS, "SO_TIMESTAMPNS");
	option_item(-SO_RXQ_OVFL, "SO_RXQ_OVFL");
	sent_item(IPPROTO_IP, IP_TTL, &v, 4, "send IP_TTL");
	sent_item(IPPROTO_IP, IP_TTL, &byte, 1, "send IP_TTL, a byte");
	sent_item(IPPROTO_IP, IP_TOS, &byte, 1, "send IP_TOS, a byte");
	v = 0x28;
	sent_item(IPPROTO_IP, IP_TOS, &v, 4, "send IP_TOS");
	v = 300;
	sent_item(IPPROTO_IP, IP_TTL, &v, 4, "send IP_TTL 300");
	sent_item(IPPROTO_IP, IP_TOS, &v, 4, "send IP_TOS 300");
	v = 0;
	sent_item(IPPROTO_IP, IP_TTL, &v, 4, "send IP_TTL 0");
	sent_item(IPPROTO_IP, IP_PKTINFO, &info, sizeof(info), "send IP_PKTINFO");
	sent_item(IPPROTO_IP, IP_PKTINFO, &info, 4, "send IP_PKTINFO, short");
	info.ipi_ifindex = 999;
	sent_item(
	    IPPROTO_IP, IP_PKTINFO, &info, sizeof(info), "send IP_PKTINFO, no such interface");
	info = (struct in_pktinfo){.ipi_spec_dst.s_addr = htonl(0xc0000201)};
	sent_item(IPPROTO_IP, IP_PKTINFO, &info, sizeof(info), "send IP_PKTINFO, foreign address");
	sent_item(IPPROTO_IP, 99, &v, 4, "send an unknown item");
	sent_item(SOL_SOCKET, SCM_RIGHTS, &v, 4, "send SCM_RIGHTS");
	sent_item(SOL_SOCKET, 99, &v, 4, "send an unknown item of SOL_SOCKET");
	sent_item(IPPROTO_TCP, 1, &v, 4, "send an item of another level");
}

static void
bad_items(void)
{
	char control[128] = {0};
	struct iovec iov = {(void *)(uintptr_t) "x", 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control};
	struct cmsghdr *c = (struct cmsghdr *)control;
	int a, b;

	udp_pair(&a, &b);
	c->cmsg_level = IPPROTO_IP;
	c->cmsg_type = IP_TTL;
	msg.msg_controllen = 8;
	see(sendmsg(a, &msg, 0), "control data shorter than a header");
	msg.msg_controllen = 24;
	c->cmsg_len = 3;
	see(sendmsg(a, &msg, 0), "an item shorter than its header");
	c->cmsg_len = 100;
	see(sendmsg(a, &msg, 0), "an item longer than the control data");
	msg.msg_control = BAD_POINTER;
	see(sendmsg(a, &msg, 0), "control data at a bad pointer");
	msg.msg_control = control;
	msg.msg_controllen = 1 << 20;
	see(sendmsg(a, &msg, 0), "very much control data");
	close(a);
	close(b);
}

static void
pieces(int type, const char *what)
{
	char buf[3000];
	struct iovec iov[1100];
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 1100};
	struct sockaddr_in name;
	int a, b, i;

	if (type == SOCK_STREAM)
		tcp_pair(&a, &b);
	else
		udp_pair(&a, &b);
	for (i = 0; i < 1100; i++)
		iov[i] = (struct iovec){buf + i, 1};
	see(sendmsg(a, &msg, 0), "%s: 1100 pieces", what);
	msg.msg_iovlen = 1024;
	see(sendmsg(a, &msg, 0), "%s: 1024 pieces", what);
	becomes(b, POLLIN);
	settle();
	see(recvmsg(b, &msg, 0), "%s: recv of 1024 pieces", what);
	msg.msg_iovlen = 0;
	see(sendmsg(a, &msg, 0), "%s: no pieces", what);
	if (type == SOCK_DGRAM)
		becomes(b, POLLIN);
	see(recvmsg(b, &msg, MSG_DONTWAIT), "%s: recv of no pieces", what);
	iov[0] = (struct iovec){buf, 3};
	iov[1] = (struct iovec){BAD_POINTER, 3};
	msg.msg_iovlen = 2;
	see(sendmsg(a, &msg, 0), "%s: a bad piece", what);
	settle();
	see(recv(b, buf, 100, MSG_DONTWAIT), "%s: what came of it", what);
	send(a, "abcdef", 6, 0);
	becomes(b, POLLIN);
	see(recvmsg(b, &msg, MSG_DONTWAIT), "%s: recv into a bad piece", what);
	msg.msg_iov = BAD_POINTER;
	see(sendmsg(a, &msg, 0), "%s: pieces at a bad pointer", what);
	see(recvmsg(b, &msg, MSG_DONTWAIT), "%s: recv, pieces at a bad pointer", what);
	see(sendmsg(a, BAD_POINTER, 0), "%s: message at a bad pointer", what);
	see(recvmsg(b, BAD_POINTER, MSG_DONTWAIT), "%s: recv, message at a bad pointer", what);
	iov[1].iov_base = buf;
	msg = (struct msghdr){
	    .msg_iov = iov, .msg_iovlen = 2, .msg_name = &name, .msg_namelen = sizeof(name)};
	while (recv(b, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	send(a, "abcdefghi", 9, 0);
	becomes(b, POLLIN);
	see(recvmsg(b, &msg, 0), "%s: recv with a name", what);
	see((int)msg.msg_namelen, "%s: the name's length", what);
	see(msg.msg_flags, "%s: flags", what);
	memset(&name, 0, sizeof(name));
	msg.msg_namelen = 1000;
	see(sendmsg(a, &msg, 0), "%s: a long name", what);
	msg.msg_namelen = (socklen_t)-1;
	see(sendmsg(a, &msg, 0), "%s: a negative name length", what);
	close(a);
	close(b);
}

static void
several(void)
{
	struct mmsghdr vec[8];
	struct iovec iov[8];
	struct timespec t = {0, 100000000}, begin;
	char buf[8][10] = {""};
	int a, b, i;

	udp_pair(&a, &b);
	memset(vec, 0, sizeof(vec));
	for (i = 0; i < 8; i++) {
		iov[i] = (struct iovec){buf[i], (size_t)(i == 3 ? 0 : i + 1)};
		vec[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	see(sendmmsg(a, vec, 5, 0), "sendmmsg");
	see((int)vec[4].msg_len, "sendmmsg, the fifth's length");
	see(sendmmsg(a, vec, 0, 0), "sendmmsg of none");
	becomes(b, POLLIN);
	settle();
	for (i = 0; i < 8; i++)
		iov[i].iov_len = 10;
	see(recvmmsg(b, vec, 3, MSG_DONTWAIT, NULL), "recvmmsg of three");
	see((int)vec[2].msg_len, "recvmmsg, the third's length");
	see(recvmmsg(b, vec, 8, MSG_WAITFORONE, NULL), "recvmmsg WAITFORONE");
	see((int)vec[0].msg_len, "recvmmsg, an empty one's length");
	see(recvmmsg(b, vec, 8, MSG_DONTWAIT, NULL), "recvmmsg, none there");
	see(recvmmsg(b, vec, 0, 0, NULL), "recvmmsg of none");
	t.tv_nsec = -1;
	see(recvmmsg(b, vec, 1, 0, &t), "recvmmsg, bad timeout");
	t = (struct timespec){0, 100000000};
	for (i = 0; i < 2; i++)
		send(a, "x", 1, 0);
	settle();
	start(&begin);
	see(recvmmsg(b, vec, 2, 0, &t), "recvmmsg with a timeout");
	see_text(about(since_ms(&begin)), "recvmmsg took");
	t = (struct timespec){0, 0};
	send(a, "x", 1, 0);
	settle();
	see(recvmmsg(b, vec, 2, 0, &t), "recvmmsg, timeout 0");
	see(sendmmsg(a, BAD_POINTER, 1, 0), "sendmmsg, bad pointer");
	see(recvmmsg(b, BAD_POINTER, 1, MSG_DONTWAIT, NULL), "recvmmsg, bad pointer");
	see(recvmmsg(b, vec, 1, MSG_DONTWAIT, BAD_POINTER), "recvmmsg, bad timeout pointer");
	close(a);
	close(b);
	tcp_pair(&a, &b);
	/* or the second would wait for an acknowledgement of the first, if it is not one with it */
	setsockopt(a, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	see(sendmmsg(a, vec, 2, 0), "sendmmsg on a stream");
	becomes(b, POLLIN);
	settle();
	see(recvmmsg(b, vec, 2, MSG_DONTWAIT, NULL), "recvmmsg on a stream");
	close(a);
	close(b);
}

/* A socket of ours through a socket of the kernel's. */
static void
passing(void)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 'x', buf[10];
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int unixes[2], a, b, got = -1;

	see(socketpair(AF_UNIX, SOCK_STREAM, 0, unixes), "socketpair");
	tcp_pair(&a, &b);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &a, sizeof(a));
	see(sendmsg(unixes[0], &msg, 0), "pass a connection");
	close(a);
	see(recvmsg(unixes[1], &msg, 0), "receive it");
	if (CMSG_FIRSTHDR(&msg) != NULL)
		memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(got));
	see(send(got, "passed", 6, 0), "send by it");
	becomes(b, POLLIN);
	see(recv(b, buf, 10, 0), "it is the same");
	msg.msg_controllen = sizeof(control);
	see(sendmsg(b, &msg, 0), "SCM_RIGHTS over TCP");
	close(got);
	close(b);
	close(unixes[0]);
	close(unixes[1]);
}

void
topic_message(void)
{
	items();
	bad_items();
	pieces(SOCK_DGRAM, "udp");
	pieces(SOCK_STREAM, "tcp");
	several();
	passing();
}
