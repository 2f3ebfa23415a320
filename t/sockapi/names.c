/*
 * names.c - socket(), and what names sockets: bind, listen, connect, accept, getsockname,
 * getpeername.
 */
#include "t/sockapi/sockapi.h"

#include <linux/netlink.h>

void
topic_socket(void)
{
	static const int domains[] = {AF_INET, AF_UNSPEC, AF_UNIX, AF_NETLINK, 1000, -1};
	static const int types[] = {
	    SOCK_STREAM, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_RDM, 0, 11, -1};
	static const int protocols[] = {0, 1, 2, 6, 17, 41, 132, 255, 256, 300, -1};
	size_t d, t, p;
	int fd;

	for (d = 0; d < 6; d++)
		for (t = 0; t < 8; t++)
			for (p = 0; p < (domains[d] == AF_INET ? 11u : 1u); p++) {
				if (types[t] == SOCK_STREAM && protocols[p] == 132)
					continue; /* SCTP: as the kernel was built */
				if (types[t] == SOCK_DGRAM && protocols[p] == 1)
					continue; /* net.ipv4.ping_group_range decides */
				fd = see_fd(socket(domains[d], types[t], protocols[p]),
				    "domain %d type %d protocol %d", domains[d], types[t],
				    protocols[p]);
				close(fd);
			}
	fd = see_fd(socket(AF_INET, SOCK_STREAM | 0x100, 0), "unknown flag");
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	see((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0, "O_NONBLOCK");
	see(fcntl(fd, F_GETFD), "FD_CLOEXEC");
	see(fcntl(fd, F_GETFL) & O_ACCMODE, "access mode");
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	see(fcntl(fd, F_GETFD), "FD_CLOEXEC, not asked for");
	close(fd);
	see(socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){0, 0}), "socketpair");
}

static void
bind_lengths(int type)
{
	static const int lengths[] = {0, 1, 2, 8, 15, 16, 17, 28, 128, 129, -1};
	struct sockaddr_storage ss = {0};
	struct sockaddr_in *sin = (struct sockaddr_in *)&ss;
	size_t i;
	int fd;

	*sin = loopback(0);
	for (i = 0; i < 11; i++) {
		fd = socket(AF_INET, type, 0);
		see(bind(fd, SA(&ss), (socklen_t)lengths[i]), "bind type %d length %d", type,
		    lengths[i]);
		close(fd);
	}
	for (i = 0; i < 11; i++) {
		fd = socket(AF_INET, type, 0);
		sin->sin_port = htons(9);
		see(connect(fd, SA(&ss), (socklen_t)lengths[i]), "connect type %d length %d", type,
		    lengths[i]);
		close(fd);
	}
}

static void
bind_address(int type, const char *addr, int family, int port, const char *what)
{
	struct sockaddr_in sin = {
	    .sin_family = (sa_family_t)family, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, type, 0);

	inet_pton(AF_INET, addr, &sin.sin_addr);
	see(bind(fd, SA(&sin), sizeof(sin)), "bind type %d %s", type, what);
	see(bind(fd, SA(&sin), sizeof(sin)), "bind type %d %s again", type, what);
	close(fd);
}

static void
name_of(int fd, const char *what)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int n;

	memset(&ss, 0, sizeof(ss));
	n = getsockname(fd, SA(&ss), &len);
	see(n, "getsockname %s", what);
	if (n == 0)
		see_address(SA(&ss), len, what);
	len = sizeof(ss);
	n = getpeername(fd, SA(&ss), &len);
	see(n, "getpeername %s", what);
	if (n == 0)
		see_address(SA(&ss), len, what);
}

static void
short_names(void)
{
	static const int lengths[] = {0, 1, 4, 15, 16, 100, -1};
	struct sockaddr_storage ss;
	int c, s, i, port;
	socklen_t len;

	tcp_pair(&c, &s);
	for (i = 0; i < 7; i++) {
		len = (socklen_t)lengths[i];
		memset(&ss, 0xee, sizeof(ss));
		see(getsockname(c, SA(&ss), &len), "getsockname, room %d", lengths[i]);
		see((int)len, "getsockname, room %d, length", lengths[i]);
		see(((unsigned char *)&ss)[15], "getsockname, room %d, last byte", lengths[i]);
		len = (socklen_t)lengths[i];
		see(getpeername(c, SA(&ss), &len), "getpeername, room %d", lengths[i]);
		see((int)len, "getpeername, room %d, length", lengths[i]);
	}
	close(c);
	close(s);
	s = tcp_listener(&port);
	for (i = 0; i < 7; i++) {
		struct sockaddr_in sin = loopback(port);
		int a;

		c = socket(AF_INET, SOCK_STREAM, 0);
		connect(c, SA(&sin), sizeof(sin));
		len = (socklen_t)lengths[i];
		a = see_fd(accept(s, SA(&ss), &len), "accept, room %d", lengths[i]);
		see((int)len, "accept, room %d, length", lengths[i]);
		close(a);
		close(c);
	}
	close(s);
}

static void
in_use(int type, int option, const char *what)
{
	int a = socket(AF_INET, type, 0), b = socket(AF_INET, type, 0), one = 1, port;
	struct sockaddr_in sin = loopback(0);

	if (option != 0)
		setsockopt(a, SOL_SOCKET, option, &one, sizeof(one));
	bind(a, SA(&sin), sizeof(sin));
	port = port_of(a);
	sin = loopback(port);
	see(bind(b, SA(&sin), sizeof(sin)), "type %d, port in use, %s, the second without", type,
	    what);
	if (option != 0)
		setsockopt(b, SOL_SOCKET, option, &one, sizeof(one));
	see(bind(b, SA(&sin), sizeof(sin)), "type %d, port in use, %s", type, what);
	close(b);
	b = socket(AF_INET, type, 0);
	if (option != 0)
		setsockopt(b, SOL_SOCKET, option, &one, sizeof(one));
	sin.sin_addr.s_addr = INADDR_ANY;
	see(bind(b, SA(&sin), sizeof(sin)), "type %d, port in use by an address, %s, wildcard",
	    type, what);
	close(b);
	b = socket(AF_INET, type, 0);
	if (option != 0)
		setsockopt(b, SOL_SOCKET, option, &one, sizeof(one));
	sin.sin_addr.s_addr = htonl(0x7f000002);
	see(bind(b, SA(&sin), sizeof(sin)), "type %d, port in use by another address, %s", type,
	    what);
	if (type == SOCK_STREAM) {
		see(listen(b, 1), "type %d, %s, listen on the second", type, what);
		see(listen(a, 1), "type %d, %s, listen on the first", type, what);
	}
	close(a);
	close(b);
}

/* After a connection that the server closed first, its port is held by TIME_WAIT. */
static void
time_wait_port(int reuse)
{
	int port, l = tcp_listener(&port), c, s;
	struct sockaddr_in sin = loopback(port);

	c = socket(AF_INET, SOCK_STREAM, 0);
	connect(c, SA(&sin), sizeof(sin));
	s = accept(l, NULL, NULL);
	close(s);
	becomes(c, POLLIN);
	close(c);
	close(l);
	settle();
	l = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
	see(bind(l, SA(&sin), sizeof(sin)), "bind in TIME_WAIT, SO_REUSEADDR %d", reuse);
	see(listen(l, 1), "listen in TIME_WAIT, SO_REUSEADDR %d", reuse);
	close(l);
}

static void
connects(void)
{
	int port, l = tcp_listener(&port), c, s, other;
	struct sockaddr_in sin = loopback(port), none = {.sin_family = AF_UNSPEC};

	c = socket(AF_INET, SOCK_STREAM, 0);
	see(connect(c, SA(&sin), sizeof(sin)), "connect");
	see(connect(c, SA(&sin), sizeof(sin)), "connect again");
	sin.sin_port = htons(1);
	see(connect(c, SA(&sin), sizeof(sin)), "connect again, elsewhere");
	sin.sin_port = htons((uint16_t)port);
	see(listen(c, 1), "listen on a connected socket");
	see(bind(c, SA(&none), sizeof(none)), "bind a connected socket");
	s = accept(l, NULL, NULL);
	name_of(s, "accepted");
	name_of(c, "connected");
	see(accept(s, NULL, NULL), "accept on a connection");
	close(s);
	becomes(c, POLLRDHUP);
	see(connect(c, SA(&sin), sizeof(sin)), "connect after the peer's close");
	name_of(c, "after the peer's close");
	close(c);
	c = socket(AF_INET, SOCK_STREAM, 0);
	sin.sin_port = htons(1);
	see(connect(c, SA(&sin), sizeof(sin)), "connect, refused");
	name_of(c, "refused");
	see(connect(c, SA(&sin), sizeof(sin)), "connect, refused again");
	sin.sin_port = htons((uint16_t)port);
	see(connect(c, SA(&sin), sizeof(sin)), "connect after a refusal");
	close(c);
	see(connect(l, SA(&sin), sizeof(sin)), "connect a listener");
	name_of(l, "listener");
	see(listen(l, 5), "listen again");
	c = socket(AF_INET, SOCK_STREAM, 0);
	see(connect(c, SA(&none), sizeof(none)), "connect AF_UNSPEC, fresh");
	connect(c, SA(&sin), sizeof(sin));
	see(connect(c, SA(&none), sizeof(none)), "connect AF_UNSPEC, connected");
	name_of(c, "after AF_UNSPEC");
	see(connect(c, SA(&sin), sizeof(sin)), "connect after AF_UNSPEC");
	close(c);
	c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	see(connect(c, SA(&sin), sizeof(sin)), "connect, non-blocking");
	see(becomes(c, POLLOUT), "connect, non-blocking: writable");
	see(connect(c, SA(&sin), sizeof(sin)), "connect, non-blocking, the second");
	see(connect(c, SA(&sin), sizeof(sin)), "connect, non-blocking, the third");
	close(c);
	c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	sin.sin_port = htons(1);
	connect(c, SA(&sin), sizeof(sin));
	settle();
	see(connect(c, SA(&sin), sizeof(sin)), "connect, non-blocking, refused, the second");
	close(c);
	c = socket(AF_INET, SOCK_STREAM, 0);
	sin = loopback(0);
	see(connect(c, SA(&sin), sizeof(sin)), "connect to port 0");
	sin = loopback(port);
	sin.sin_addr.s_addr = INADDR_ANY;
	see(connect(c, SA(&sin), sizeof(sin)), "connect to 0.0.0.0");
	name_of(c, "connected to 0.0.0.0");
	close(c);
	c = socket(AF_INET, SOCK_STREAM, 0);
	sin.sin_addr.s_addr = INADDR_BROADCAST;
	see(connect(c, SA(&sin), sizeof(sin)), "connect to broadcast");
	sin.sin_addr.s_addr = htonl(0xe0000001);
	see(connect(c, SA(&sin), sizeof(sin)), "connect to multicast");
	close(c);
	/* to itself: simultaneous open */
	c = socket(AF_INET, SOCK_STREAM, 0);
	sin = loopback(0);
	bind(c, SA(&sin), sizeof(sin));
	sin = loopback(port_of(c));
	see(connect(c, SA(&sin), sizeof(sin)), "connect to itself");
	see(write(c, "x", 1), "connected to itself, write");
	see(becomes(c, POLLIN), "connected to itself, readable");
	close(c);
	other = socket(AF_INET, SOCK_STREAM, 0);
	see(accept(other, NULL, NULL), "accept, fresh");
	see(shutdown(other, SHUT_RD), "shutdown RD, fresh");
	see(shutdown(other, SHUT_WR), "shutdown WR, fresh");
	see(listen(other, -1), "listen -1, not bound");
	see(port_of(other) != 0, "listen binds");
	close(other);
	other = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	listen(other, 0);
	see(accept(other, NULL, NULL), "accept, none there");
	see(accept4(other, NULL, NULL, 1), "accept4, unknown flag");
	see(shutdown(other, SHUT_WR), "shutdown WR, listener");
	see(accept(other, NULL, NULL), "accept after shutdown WR");
	see(shutdown(other, SHUT_RD), "shutdown RD, listener");
	see(accept(other, NULL, NULL), "accept after shutdown RD");
	see(listen(other, 1), "listen after shutdown RD");
	see(accept(other, NULL, NULL), "accept after listening again");
	close(other);
	close(l);
}

static void
accept_flags(void)
{
	int port, l = tcp_listener(&port), c, s, one = 1;
	struct sockaddr_in sin = loopback(port);
	struct linger lg = {1, 3};
	int v;
	socklen_t len = sizeof(v);

	setsockopt(l, IPPROTO_TCP, 1, &one, sizeof(one));
	setsockopt(l, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(l, SOL_SOCKET, SO_LINGER, &lg, sizeof(lg));
	fcntl(l, F_SETFL, O_NONBLOCK);
	c = socket(AF_INET, SOCK_STREAM, 0);
	connect(c, SA(&sin), sizeof(sin));
	becomes(l, POLLIN);
	s = accept(l, NULL, NULL);
	see((fcntl(s, F_GETFL) & O_NONBLOCK) != 0, "accepted from O_NONBLOCK: O_NONBLOCK");
	see(fcntl(s, F_GETFD), "accepted: FD_CLOEXEC");
	getsockopt(s, IPPROTO_TCP, 1, &v, &len);
	see(v, "accepted: TCP_NODELAY");
	getsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &v, &len);
	see(v, "accepted: SO_KEEPALIVE");
	getsockopt(s, SOL_SOCKET, SO_ACCEPTCONN, &v, &len);
	see(v, "accepted: SO_ACCEPTCONN");
	len = sizeof(lg);
	memset(&lg, 0, sizeof(lg));
	getsockopt(s, SOL_SOCKET, SO_LINGER, &lg, &len);
	see(lg.l_onoff * 10 + lg.l_linger, "accepted: SO_LINGER");
	close(c);
	close(s);
	c = socket(AF_INET, SOCK_STREAM, 0);
	connect(c, SA(&sin), sizeof(sin));
	becomes(l, POLLIN);
	s = accept4(l, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	see((fcntl(s, F_GETFL) & O_NONBLOCK) != 0, "accept4: O_NONBLOCK");
	see(fcntl(s, F_GETFD), "accept4: FD_CLOEXEC");
	close(c);
	close(s);
	close(l);
}

void
topic_names(void)
{
	int type, fd;

	for (type = SOCK_STREAM; type <= SOCK_DGRAM; type++) {
		bind_lengths(type);
		bind_address(type, "127.0.0.1", AF_INET, 0, "loopback");
		bind_address(type, "0.0.0.0", AF_INET, 0, "wildcard");
		bind_address(type, "127.1.2.3", AF_INET, 0, "127.1.2.3");
		bind_address(type, "192.0.2.1", AF_INET, 0, "a foreign address");
		bind_address(type, "255.255.255.255", AF_INET, 0, "broadcast");
		bind_address(type, "224.0.0.251", AF_INET, 0, "multicast");
		bind_address(type, "0.0.0.0", AF_UNSPEC, 0, "AF_UNSPEC, wildcard");
		bind_address(type, "127.0.0.1", AF_UNSPEC, 0, "AF_UNSPEC, loopback");
		bind_address(type, "127.0.0.1", AF_INET6, 0, "AF_INET6");
		bind_address(type, "127.0.0.1", AF_UNIX, 0, "AF_UNIX");
		bind_address(type, "127.0.0.1", AF_INET, 80, "port 80");
		in_use(type, 0, "no option");
		in_use(type, SO_REUSEADDR, "SO_REUSEADDR");
		in_use(type, SO_REUSEPORT, "SO_REUSEPORT");
		fd = socket(AF_INET, type, 0);
		name_of(fd, type == SOCK_STREAM ? "fresh stream" : "fresh datagram");
		close(fd);
	}
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	see(listen(fd, 1), "listen on a datagram socket");
	see(accept(fd, NULL, NULL), "accept on a datagram socket");
	close(fd);
	short_names();
	connects();
	accept_flags();
	time_wait_port(0);
	time_wait_port(1);
}
