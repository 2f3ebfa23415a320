/*
 * dgram.c - datagrams: sendto, recvfrom, connected and not, several at once, control items,
 * errors that ICMP brings, raw sockets.
 */
#include "t/sockapi/sockapi.h"

#include <linux/errqueue.h>
#include <linux/filter.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>

static void
sizes(void)
{
	static const int lengths[] = {
	    0, 1, 1472, 1473, 9000, 65000, 65507, 65508, 65535, 65536, 100000};
	static char buf[100000];
	int a, b, i;

	udp_pair(&a, &b);
	for (i = 0; i < 11; i++) {
		long n = send(a, buf, (size_t)lengths[i], 0);

		see(n, "send of %d", lengths[i]);
		if (n < 0)
			continue;
		becomes(b, POLLIN);
		see(recv(b, buf, sizeof(buf), MSG_DONTWAIT), "recv of %d", lengths[i]);
	}
	see(write(a, buf, 0), "write of nothing");
	becomes(b, POLLIN);
	see_poll(b, "an empty datagram");
	see(read(b, buf, 10), "read of an empty datagram");
	see(recv(b, buf, 10, MSG_DONTWAIT), "recv, none left");
	send(a, "abcdef", 6, 0);
	becomes(b, POLLIN);
	see(recv(b, buf, 3, MSG_PEEK), "recv PEEK, short");
	see(recv(b, buf, 3, MSG_PEEK | MSG_TRUNC), "recv PEEK TRUNC, short");
	see(recv(b, buf, 0, MSG_PEEK), "recv PEEK into nothing");
	see(recv(b, NULL, 0, MSG_PEEK | MSG_TRUNC), "recv PEEK TRUNC into nothing");
	see(recv(b, buf, 3, 0), "recv, short");
	see(recv(b, buf, 3, MSG_DONTWAIT), "recv, the rest is gone");
	send(a, "abcdef", 6, 0);
	becomes(b, POLLIN);
	see(recv(b, buf, 3, MSG_TRUNC), "recv TRUNC");
	send(a, "abcdef", 6, 0);
	becomes(b, POLLIN);
	see(recv(b, buf, 10, MSG_WAITALL), "recv WAITALL");
	see(send(a, "x", 1, MSG_OOB), "send OOB");
	see(recv(b, buf, 10, MSG_OOB | MSG_DONTWAIT), "recv OOB");
	see(send(a, "x", 1, MSG_MORE), "send MORE");
	see(send(a, "y", 1, 0), "send after MORE");
	becomes(b, POLLIN);
	see(recv(b, buf, 10, MSG_DONTWAIT), "recv after MORE");
	see(recv(b, buf, 10, MSG_DONTWAIT), "recv after MORE, again");
	close(a);
	close(b);
}

/* A datagram in pieces. */
static void
corks(void)
{
	static char big[65507];
	struct sockaddr_in there;
	char buf[64];
	int a, b, c, port, one = 1, zero = 0, v = 7;
	socklen_t len = sizeof(v);

	udp_pair(&a, &b);
	c = udp_bound(&port);
	there = loopback(port);
	see(setsockopt(a, IPPROTO_UDP, UDP_CORK, &one, 3), "UDP_CORK, short");
	see(setsockopt(a, IPPROTO_UDP, UDP_CORK, &one, sizeof(one)), "UDP_CORK");
	see(getsockopt(a, IPPROTO_UDP, UDP_CORK, &v, &len), "UDP_CORK get");
	see(v, "UDP_CORK is");
	see(send(a, "ab", 2, 0), "corked, send");
	see(write(a, "cd", 2), "corked, write");
	see(send(a, "", 0, 0), "corked, send nothing");
	settle();
	see(recv(b, buf, sizeof(buf), MSG_DONTWAIT), "corked, recv");
	see(setsockopt(a, IPPROTO_UDP, UDP_CORK, &zero, sizeof(zero)), "UDP_CORK off");
	becomes(b, POLLIN);
	memset(buf, 0, sizeof(buf));
	see(recv(b, buf, sizeof(buf), MSG_DONTWAIT), "uncorked, recv");
	see_text(buf, "uncorked, bytes");
	see(recv(b, buf, sizeof(buf), MSG_DONTWAIT), "uncorked, recv again");
	see(setsockopt(a, IPPROTO_UDP, UDP_CORK, &one, sizeof(one)), "UDP_CORK again");
	see(setsockopt(a, IPPROTO_UDP, UDP_CORK, &zero, sizeof(zero)), "UDP_CORK off, nothing");
	settle();
	see(recv(b, buf, sizeof(buf), MSG_DONTWAIT), "uncorked, nothing there");
	see(sendto(a, "1", 1, MSG_MORE, SA(&there), sizeof(there)), "sendto, MORE");
	see(send(a, "2", 1, 0), "then send to the peer");
	becomes(c, POLLIN);
	see(recv(c, buf, sizeof(buf), MSG_DONTWAIT), "goes where the first piece went");
	see(recv(b, buf, sizeof(buf), MSG_DONTWAIT), "and not to the peer");
	see(send(a, big, sizeof(big), MSG_MORE), "as much as fits, MORE");
	see(send(a, "x", 1, MSG_MORE) == 1 ? 1 : -1, "one byte too many");
	see(send(a, "abc", 3, 0), "what waited is gone");
	becomes(b, POLLIN);
	see(recv(b, buf, sizeof(buf), MSG_DONTWAIT), "recv of what came after");
	close(a);
	close(b);
	close(c);
}

static void
destinations(void)
{
	int a, b, c, pa, pb, pc, u, v = 1;
	struct sockaddr_in sin, from = {0};
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	socklen_t len = sizeof(from);
	char buf[10];

	a = udp_bound(&pa);
	b = udp_bound(&pb);
	c = udp_bound(&pc);
	u = socket(AF_INET, SOCK_DGRAM, 0);
	see(send(u, "x", 1, 0), "send, not connected");
	see(write(u, "x", 1), "write, not connected");
	see(sendto(u, "x", 1, 0, NULL, 0), "sendto nobody");
	sin = loopback(pb);
	see(sendto(u, "x", 1, 0, SA(&sin), 8), "sendto, short address");
	see(sendto(u, "x", 1, 0, SA(&sin), 0), "sendto, no address");
	see(sendto(u, "x", 1, 0, SA(&sin), sizeof(sin)), "sendto");
	see(port_of(u) != 0, "sendto binds");
	becomes(b, POLLIN);
	see(recvfrom(b, buf, 10, 0, SA(&from), &len), "recvfrom");
	see_address(SA(&from), len, "recvfrom's address");
	len = 4;
	sendto(u, "x", 1, 0, SA(&sin), sizeof(sin));
	becomes(b, POLLIN);
	see(recvfrom(b, buf, 10, 0, SA(&from), &len), "recvfrom, short room");
	see((int)len, "recvfrom, short room, length");
	sin.sin_family = AF_UNSPEC;
	see(sendto(u, "x", 1, 0, SA(&sin), sizeof(sin)), "sendto AF_UNSPEC");
	sin.sin_family = AF_INET6;
	see(sendto(u, "x", 1, 0, SA(&sin), sizeof(sin)), "sendto AF_INET6");
	sin = loopback(0);
	see(sendto(u, "x", 1, 0, SA(&sin), sizeof(sin)), "sendto port 0");
	sin = loopback(9);
	sin.sin_addr.s_addr = INADDR_BROADCAST;
	see(sendto(u, "x", 1, 0, SA(&sin), sizeof(sin)), "sendto broadcast, not allowed");
	sin = loopback(pb);
	sin.sin_addr.s_addr = INADDR_ANY;
	while (recv(b, buf, 10, MSG_DONTWAIT) > 0)
		;
	see(sendto(u, "x", 1, 0, SA(&sin), sizeof(sin)), "sendto 0.0.0.0");
	see(becomes(b, POLLIN), "sendto 0.0.0.0 came");
	recv(b, buf, 10, 0);
	/* connected to b, sends elsewhere */
	sin = loopback(pb);
	see(connect(a, SA(&sin), sizeof(sin)), "connect");
	sin = loopback(pc);
	see(sendto(a, "c", 1, 0, SA(&sin), sizeof(sin)), "sendto another, connected");
	see(becomes(c, POLLIN), "sendto another, connected: came");
	len = sizeof(from);
	see(recvfrom(c, buf, 10, MSG_DONTWAIT, SA(&from), &len), "recvfrom a connected one");
	see(ntohs(from.sin_port) == pa, "from its port");
	see(send(a, "b", 1, 0), "send then");
	see(becomes(b, POLLIN), "still to the peer");
	recv(b, buf, 10, 0);
	see(sendto(a, "b", 1, 0, NULL, 0), "sendto nobody, connected");
	see(becomes(b, POLLIN), "to the peer again");
	recv(b, buf, 10, 0);
	/* others are not heard */
	sin = loopback(pa);
	sendto(c, "x", 1, 0, SA(&sin), sizeof(sin));
	settle();
	see(recv(a, buf, 10, MSG_DONTWAIT), "a stranger's datagram, connected");
	sendto(b, "x", 1, 0, SA(&sin), sizeof(sin));
	see(becomes(a, POLLIN), "the peer's datagram");
	recv(a, buf, 10, 0);
	sin = loopback(pc);
	see(connect(a, SA(&sin), sizeof(sin)), "connect to another");
	see(connect(a, &none, sizeof(none)), "connect AF_UNSPEC");
	see(connect(a, &none, sizeof(none)), "connect AF_UNSPEC again");
	see(port_of(a) == pa, "the port stays");
	see(send(a, "x", 1, 0), "send after AF_UNSPEC");
	see(getpeername(a, SA(&from), &len), "getpeername after AF_UNSPEC");
	see(shutdown(a, SHUT_RDWR), "shutdown, not connected");
	close(a);
	close(u);
	u = socket(AF_INET, SOCK_DGRAM, 0);
	sin = loopback(pb);
	connect(u, SA(&sin), sizeof(sin));
	connect(u, &none, sizeof(none));
	see(port_of(u) != 0, "a port that connect chose, after AF_UNSPEC");
	connect(u, SA(&sin), sizeof(sin));
	see(shutdown(u, SHUT_WR), "shutdown WR, connected");
	see(send(u, "x", 1, MSG_NOSIGNAL), "send after shutdown WR");
	see_poll(u, "after shutdown WR");
	see(shutdown(u, SHUT_RD), "shutdown RD");
	see(recv(u, buf, 10, MSG_DONTWAIT), "recv after shutdown RD");
	see_poll(u, "after shutdown RDWR");
	close(u);
	/* broadcast allowed; nobody listens on this port */
	u = socket(AF_INET, SOCK_DGRAM, 0);
	sin = loopback(9);
	sin.sin_addr.s_addr = htonl(0x7fffffff);
	see(sendto(u, "x", 1, 0, SA(&sin), sizeof(sin)),
	    "sendto loopback's broadcast, not allowed");
	setsockopt(u, SOL_SOCKET, SO_BROADCAST, &v, sizeof(v));
	see(sendto(u, "x", 1, 0, SA(&sin), sizeof(sin)), "sendto loopback's broadcast");
	close(u);
	close(b);
	close(c);
}

static void
refusals(void)
{
	int u = socket(AF_INET, SOCK_DGRAM, 0), v;
	struct sockaddr_in sin = loopback(1);
	socklen_t len = sizeof(v);
	char buf[10];

	see(connect(u, SA(&sin), sizeof(sin)), "connect to a closed port");
	see(send(u, "x", 1, 0), "send to a closed port");
	settle();
	see_poll(u, "refused");
	see(recv(u, buf, 10, MSG_DONTWAIT), "refused: recv");
	see(recv(u, buf, 10, MSG_DONTWAIT), "refused: recv again");
	send(u, "x", 1, 0);
	settle();
	see(send(u, "x", 1, 0), "refused: send");
	settle();
	see(getsockopt(u, SOL_SOCKET, SO_ERROR, &v, &len) == 0 ? v : -1, "refused: SO_ERROR");
	see(getsockopt(u, SOL_SOCKET, SO_ERROR, &v, &len) == 0 ? v : -1, "refused: SO_ERROR again");
	see_poll(u, "refused, told");
	close(u);
	u = socket(AF_INET, SOCK_DGRAM, 0);
	see(sendto(u, "x", 1, 0, SA(&sin), sizeof(sin)), "sendto a closed port, not connected");
	settle();
	see(recv(u, buf, 10, MSG_DONTWAIT), "not connected: no error");
	close(u);
}

void
topic_dgram(void)
{
	sizes();
	corks();
	destinations();
	refusals();
}

/* --- the error queue --- */

static void
see_error(int fd, const char *what)
{
	char buf[100], control[512], text[200];
	struct sockaddr_in name = {0};
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr msg = {.msg_name = &name,
	    .msg_namelen = sizeof(name),
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof(control)};
	struct sock_extended_err ee;
	struct sockaddr_in offender;
	struct cmsghdr *c;
	ssize_t n = recvmsg(fd, &msg, MSG_ERRQUEUE);

	see(n, "%s: recvmsg ERRQUEUE", what);
	if (n < 0)
		return;
	see(msg.msg_flags & (MSG_ERRQUEUE | MSG_TRUNC | MSG_CTRUNC), "%s: flags", what);
	see_address(SA(&name), msg.msg_namelen, "the datagram went to");
	for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != IPPROTO_IP || c->cmsg_type != IP_RECVERR) {
			see(c->cmsg_type, "%s: item of level %d", what, c->cmsg_level);
			continue;
		}
		memcpy(&ee, CMSG_DATA(c), sizeof(ee));
		memcpy(&offender, SO_EE_OFFENDER((struct sock_extended_err *)CMSG_DATA(c)),
		    sizeof(offender));
		snprintf(text, sizeof(text),
		    "%s origin %d type %d code %d info %u data %u from %s, length %d",
		    error_name((int)ee.ee_errno), ee.ee_origin, ee.ee_type, ee.ee_code, ee.ee_info,
		    ee.ee_data,
		    offender.sin_family == AF_INET ? inet_ntoa(offender.sin_addr) : "nobody",
		    (int)c->cmsg_len);
		see_text(text, "%s: error", what);
	}
}

/* Several errors at once, and sends while they wait. Copies of what is sent are filtered out. */
static void
many_errors(void)
{
	struct sock_filter none = {.code = 0x06}; /* ret 0 */
	struct sock_fprog filter = {.len = 1, .filter = &none};
	struct sockaddr_in sin = loopback(0), own = {0};
	uint16_t udp[6] = {htons(9), htons(9), htons(12), 0, 1, 2};
	int raw = socket(AF_INET, SOCK_RAW, IPPROTO_UDP), one = 1, i;
	socklen_t len = sizeof(own);
	char buf[10];

	see(setsockopt(raw, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)), "many: filter");
	see(setsockopt(raw, IPPROTO_IP, IP_RECVERR, &one, sizeof(one)), "many: IP_RECVERR");
	see(connect(raw, SA(&sin), sizeof(sin)), "many: connect");
	getsockname(raw, SA(&own), &len);
	see_text(inet_ntoa(own.sin_addr), "many: own address");
	for (i = 0; i < 4; i++) {
		see(send(raw, udp, sizeof(udp), 0), "many: send %d", i);
		if (i != 1)
			settle();
	}
	for (i = 0; i < 4; i++) {
		see_poll(raw, "many");
		see_error(raw, "many");
	}
	settle();
	see_error(raw, "many, no fifth");
	see_poll(raw, "many, read");
	see(recv(raw, buf, sizeof(buf), MSG_DONTWAIT), "many: recv");
	close(raw);
}

/* IP options, as they came and as a reply would have them. */
static void
ip_options(void)
{
	unsigned char record[8] = {7, 7, 4}; /* one address, and an end of list */
	int from = socket(AF_INET, SOCK_DGRAM, 0), to = socket(AF_INET, SOCK_DGRAM, 0), one = 1;
	struct sockaddr_in sin = loopback(0);
	socklen_t len = sizeof(sin);
	char buf[10], control[200];
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof(control)};
	struct cmsghdr *c;

	bind(to, SA(&sin), sizeof(sin));
	getsockname(to, SA(&sin), &len);
	see(setsockopt(to, IPPROTO_IP, IP_RECVOPTS, &one, sizeof(one)), "IP_RECVOPTS");
	see(setsockopt(to, IPPROTO_IP, IP_RETOPTS, &one, sizeof(one)), "IP_RETOPTS");
	see(setsockopt(from, IPPROTO_IP, IP_OPTIONS, record, sizeof(record)), "record route");
	see(sendto(from, "x", 1, 0, SA(&sin), sizeof(sin)), "with options");
	settle();
	see(recvmsg(to, &msg, MSG_DONTWAIT), "received with options");
	for (c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
		see((long)c->cmsg_len, "item %d: length", c->cmsg_type);
		see(CMSG_DATA(c)[0], "item %d: option", c->cmsg_type);
	}
	close(from);
	close(to);
}

/* An option is for what is sent after it. */
static void
ttl_in_order(void)
{
	int from = socket(AF_INET, SOCK_DGRAM, 0), to = socket(AF_INET, SOCK_DGRAM, 0), one = 1, i;
	struct sockaddr_in sin = loopback(0);
	socklen_t len = sizeof(sin);
	char buf[10], control[100];
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control};
	int ttl;

	bind(to, SA(&sin), sizeof(sin));
	getsockname(to, SA(&sin), &len);
	setsockopt(to, IPPROTO_IP, IP_RECVTTL, &one, sizeof(one));
	for (i = 1; i <= 60; i++) {
		setsockopt(from, IPPROTO_IP, IP_TTL, &i, sizeof(i));
		sendto(from, &i, sizeof(i), 0, SA(&sin), sizeof(sin));
	}
	settle();
	for (i = 1; i <= 60; i++) {
		msg.msg_controllen = sizeof(control);
		ttl = -1;
		if (recvmsg(to, &msg, MSG_DONTWAIT) > 0 && CMSG_FIRSTHDR(&msg) != NULL)
			memcpy(&ttl, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(ttl));
		if (ttl != i)
			break;
	}
	see(i, "datagrams with the TTL set before each");
	close(from);
	close(to);
}

void
topic_errqueue(void)
{
	int u = socket(AF_INET, SOCK_DGRAM, 0), one = 1, v = 0, ttl = 3;
	struct sockaddr_in sin = loopback(1);
	socklen_t len = sizeof(v);
	char buf[10];

	see(setsockopt(u, IPPROTO_IP, IP_RECVERR, &one, sizeof(one)), "IP_RECVERR");
	see_error(u, "empty");
	see(sendto(u, "hello", 5, 0, SA(&sin), sizeof(sin)), "sendto a closed port");
	settle();
	see_poll(u, "an error, not connected");
	see_error(u, "not connected");
	see_poll(u, "read");
	see(recv(u, buf, 10, MSG_DONTWAIT), "recv, read");
	sendto(u, "hello", 5, 0, SA(&sin), sizeof(sin));
	settle();
	see(recv(u, buf, 10, MSG_DONTWAIT), "recv first");
	see_poll(u, "recv first");
	see_error(u, "after recv");
	sendto(u, "hello", 5, 0, SA(&sin), sizeof(sin));
	settle();
	see(sendto(u, "again", 5, 0, SA(&sin), sizeof(sin)), "sendto with an error waiting");
	settle();
	see(getsockopt(u, SOL_SOCKET, SO_ERROR, &v, &len) == 0 ? v : -1,
	    "SO_ERROR with errors waiting");
	see_error(u, "two, the first");
	see_error(u, "two, the second");
	see_error(u, "two, no third");
	connect(u, SA(&sin), sizeof(sin));
	send(u, "conn", 4, 0);
	settle();
	see_poll(u, "connected");
	see(send(u, "conn", 4, 0), "connected: send");
	settle();
	see_error(u, "connected");
	setsockopt(u, IPPROTO_IP, IP_RECVTTL, &one, sizeof(one));
	setsockopt(u, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
	send(u, "conn", 4, 0);
	settle();
	see_error(u, "with IP_RECVTTL");
	see(recv(u, buf, 10, MSG_DONTWAIT | MSG_ERRQUEUE), "recv ERRQUEUE");
	v = 0;
	setsockopt(u, IPPROTO_IP, IP_RECVERR, &v, sizeof(v));
	see_error(u, "switched off");
	close(u);
	u = socket(AF_INET, SOCK_DGRAM, 0);
	v = IP_PMTUDISC_DO;
	setsockopt(u, IPPROTO_IP, IP_MTU_DISCOVER, &v, sizeof(v));
	setsockopt(u, IPPROTO_IP, IP_RECVERR, &one, sizeof(one));
	close(u);
	many_errors();
	ip_options();
	ttl_in_order();
}

/* --- raw --- */

static uint16_t
checksum(const void *data, size_t len)
{
	const uint16_t *at = data;
	uint32_t sum = 0;

	for (; len > 1; len -= 2)
		/* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): all of it is set */
		sum += *at++;
	if (len > 0)
		sum += *(const uint8_t *)at;
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t) ~(sum + (sum >> 16));
}

static void
ping(int type)
{
	struct sockaddr_in sin = loopback(0), from = {0};
	struct {
		struct icmphdr h;
		char data[16];
	} echo = {.data = "", .h = {.type = ICMP_ECHO, .un.echo = {htons(77), htons(1)}}};
	int fd = socket(AF_INET, type, IPPROTO_ICMP);
	char buf[200] = "";
	socklen_t len = sizeof(from);
	ssize_t n = -1;

	if (fd < 0) {
		see(fd, "type %d: ICMP socket", type);
		return;
	}
	echo.h.checksum = checksum(&echo, sizeof(echo));
	see(sendto(fd, &echo, sizeof(echo), 0, SA(&sin), sizeof(sin)), "type %d: ping", type);
	see(becomes(fd, POLLIN), "type %d: an answer", type);
	n = recvfrom(fd, buf, sizeof(buf), MSG_DONTWAIT, SA(&from), &len);
	see(n, "type %d: its length", type);
	see_address(SA(&from), len, "from");
	if (type == SOCK_RAW) {
		see(((struct iphdr *)buf)->protocol, "IP header's protocol");
		see(ntohs(((struct iphdr *)buf)->tot_len), "IP header's length");
		see(((struct iphdr *)buf)->frag_off == 0 ||
			((struct iphdr *)buf)->frag_off == htons(0x4000),
		    "IP header's offset");
	} else {
		see(((struct icmphdr *)buf)->type, "ICMP type");
		see(ntohs(((struct icmphdr *)buf)->un.echo.sequence), "sequence");
	}
	see(sendto(fd, &echo, 4, 0, SA(&sin), sizeof(sin)), "type %d: a short message", type);
	close(fd);
}

void
topic_raw(void)
{
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_UDP), a, b, v = 1, tries;
	ssize_t n = -1;
	struct sockaddr_in sin = loopback(0);
	char buf[200], packet[40] = {0x45, 0, 0, 0};
	struct iphdr *ip = (struct iphdr *)packet;

	ping(SOCK_RAW);
	ping(SOCK_DGRAM);
	see(send(fd, "x", 1, 0), "send, not connected");
	udp_pair(&a, &b);
	send(a, "hello", 5, 0);
	see(becomes(fd, POLLIN), "a copy of a datagram");
	/* others may be about */
	for (tries = 0;
	     fd >= 0 && tries < 200 && (n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) != 33;
	     tries++)
		if (n < 0)
			settle();
	see(n, "its length");
	see(memcmp(buf + 28, "hello", 5) == 0, "its payload");
	close(a);
	close(b);
	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
	see(listen(fd, 1), "listen");
	see(accept(fd, NULL, NULL), "accept");
	see(bind(fd, SA(&sin), sizeof(sin)), "bind");
	see(connect(fd, SA(&sin), sizeof(sin)), "connect");
	see(setsockopt(fd, IPPROTO_IP, IP_HDRINCL, &v, sizeof(v)), "IP_HDRINCL");
	see(send(fd, packet, 10, 0), "IP_HDRINCL, too short");
	ip->ttl = 9;
	ip->protocol = IPPROTO_UDP;
	ip->daddr = htonl(INADDR_LOOPBACK);
	see(send(fd, packet, 28, 0), "IP_HDRINCL, tot_len 0");
	see(becomes(fd, POLLIN), "IP_HDRINCL, it came");
	for (tries = 0; fd >= 0 && tries < 200; tries++) {
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		if (n == 28 && ((struct iphdr *)buf)->ttl == 9)
			break;
		if (n < 0)
			settle();
	}
	see(n, "IP_HDRINCL, its length");
	see(((struct iphdr *)buf)->ttl, "IP_HDRINCL, its ttl");
	close(fd);
}
