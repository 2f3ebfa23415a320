/*
 * bad.c - arguments that are wrong: pointers, descriptors, lengths; and the ioctls of sockets.
 */
#include "t/sockapi/sockapi.h"

#include <ifaddrs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netdb.h>
#include <sys/stat.h>
#include <sys/statfs.h>

static void
on_descriptor(int fd, const char *what)
{
	struct sockaddr_in sin = loopback(9);
	socklen_t len = sizeof(sin);
	char buf[10];
	struct iovec iov = {buf, 10};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int v = 0;

	see(bind(fd, SA(&sin), len), "%s: bind", what);
	see(listen(fd, 1), "%s: listen", what);
	see(connect(fd, SA(&sin), len), "%s: connect", what);
	see(accept(fd, NULL, NULL), "%s: accept", what);
	see(accept4(fd, NULL, NULL, 0), "%s: accept4", what);
	see(getsockname(fd, SA(&sin), &len), "%s: getsockname", what);
	see(getpeername(fd, SA(&sin), &len), "%s: getpeername", what);
	see(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &v, 4), "%s: setsockopt", what);
	see(getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len), "%s: getsockopt", what);
	see(shutdown(fd, SHUT_WR), "%s: shutdown", what);
	see(send(fd, buf, 1, 0), "%s: send", what);
	see(sendto(fd, buf, 1, 0, SA(&sin), sizeof(sin)), "%s: sendto", what);
	see(sendmsg(fd, &msg, 0), "%s: sendmsg", what);
	see(recv(fd, buf, 1, MSG_DONTWAIT), "%s: recv", what);
	see(recvfrom(fd, buf, 1, MSG_DONTWAIT, SA(&sin), &len), "%s: recvfrom", what);
	see(recvmsg(fd, &msg, MSG_DONTWAIT), "%s: recvmsg", what);
	see(ioctl(fd, SIOCATMARK, &v), "%s: SIOCATMARK", what);
}

static void
pointers(int type, const char *what)
{
	int a, b, v = 4, port, fd;
	struct sockaddr_in sin = loopback(0);
	socklen_t len = sizeof(sin);

	if (type == SOCK_STREAM)
		tcp_pair(&a, &b);
	else
		udp_pair(&a, &b);
	fd = socket(AF_INET, type, 0);
	see(bind(fd, BAD_POINTER, 16), "%s: bind", what);
	see(bind(fd, NULL, 16), "%s: bind NULL", what);
	see(connect(fd, BAD_POINTER, 16), "%s: connect", what);
	see(connect(fd, NULL, 16), "%s: connect NULL", what);
	see(getsockname(a, BAD_POINTER, &len), "%s: getsockname", what);
	see(getsockname(a, NULL, &len), "%s: getsockname NULL", what);
	see(getsockname(a, SA(&sin), NULL), "%s: getsockname, length NULL", what);
	see(getpeername(a, SA(&sin), BAD_POINTER), "%s: getpeername, length", what);
	see(setsockopt(a, SOL_SOCKET, SO_REUSEADDR, BAD_POINTER, 4), "%s: setsockopt", what);
	see(setsockopt(a, SOL_SOCKET, SO_REUSEADDR, NULL, 4), "%s: setsockopt NULL", what);
	see(setsockopt(a, IPPROTO_IP, IP_TTL, BAD_POINTER, 4), "%s: setsockopt IP_TTL", what);
	see(getsockopt(a, SOL_SOCKET, SO_TYPE, BAD_POINTER, &len), "%s: getsockopt", what);
	see(getsockopt(a, SOL_SOCKET, SO_TYPE, &v, NULL), "%s: getsockopt, length NULL", what);
	see(getsockopt(a, SOL_SOCKET, SO_TYPE, &v, BAD_POINTER), "%s: getsockopt, length", what);
	see(send(a, BAD_POINTER, 10, 0), "%s: send", what);
	see(write(a, BAD_POINTER, 10), "%s: write", what);
	see(sendto(a, "x", 1, 0, BAD_POINTER, 16), "%s: sendto", what);
	settle();
	send(a, "x", 1, 0);
	becomes(b, POLLIN);
	see(recv(b, BAD_POINTER, 10, MSG_DONTWAIT), "%s: recv", what);
	send(a, "x", 1, 0);
	becomes(b, POLLIN);
	see(read(b, BAD_POINTER, 10), "%s: read", what);
	send(a, "x", 1, 0);
	becomes(b, POLLIN);
	see(recvfrom(b, &v, 1, MSG_DONTWAIT, BAD_POINTER, &len), "%s: recvfrom, address", what);
	send(a, "x", 1, 0);
	becomes(b, POLLIN);
	see(recvfrom(b, &v, 1, MSG_DONTWAIT, SA(&sin), NULL), "%s: recvfrom, length NULL", what);
	see(ioctl(b, FIONREAD, BAD_POINTER), "%s: FIONREAD", what);
	see(ioctl(b, SIOCGIFCONF, BAD_POINTER), "%s: SIOCGIFCONF", what);
	see(ioctl(b, SIOCGIFADDR, BAD_POINTER), "%s: SIOCGIFADDR", what);
	close(fd);
	close(a);
	close(b);
	if (type != SOCK_STREAM)
		return;
	fd = tcp_listener(&port);
	sin = loopback(port);
	a = socket(AF_INET, SOCK_STREAM, 0);
	connect(a, SA(&sin), sizeof(sin));
	see(accept(fd, BAD_POINTER, &len), "accept, address");
	close(a);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	a = socket(AF_INET, SOCK_STREAM, 0);
	connect(a, SA(&sin), sizeof(sin));
	becomes(fd, POLLIN);
	see(accept(fd, SA(&sin), NULL), "accept, length NULL");
	close(a);
	close(fd);
}

void
topic_bad(void)
{
	int fd, port;
	struct stat st;

	on_descriptor(-1, "descriptor -1");
	on_descriptor(900, "a closed descriptor");
	fd = open("/dev/null", O_RDWR);
	on_descriptor(fd, "/dev/null");
	close(fd);
	pointers(SOCK_STREAM, "tcp");
	pointers(SOCK_DGRAM, "udp");
	fd = tcp_listener(&port);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	see(recv(fd, &st, 1, 0), "recv on a listener");
	see(read(fd, &st, 1), "read on a listener");
	see(send(fd, &st, 1, MSG_NOSIGNAL), "send on a listener");
	see(fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode), "fstat: a socket");
	see(port_of(fd) == port, "its port");
	close(fd);
	see(getsockname(fd, SA(&st), &(socklen_t){16}), "getsockname, closed");
}

/* --- ioctls --- */

static void
interface(int fd, unsigned long cmd, const char *name, const char *what)
{
	struct ifreq r;
	int n;

	memset(&r, 0, sizeof(r));
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	n = ioctl(fd, cmd, &r);
	see(n, "%s %s", what, name);
	if (n != 0)
		return;
	if (cmd == SIOCGIFADDR || cmd == SIOCGIFNETMASK)
		see_address(&r.ifr_addr, 16, what);
	else if (cmd == SIOCGIFFLAGS)
		see(r.ifr_flags & (IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_BROADCAST), "%s is",
		    what);
	else if (cmd == SIOCGIFHWADDR)
		see(r.ifr_hwaddr.sa_family, "%s is", what);
}

static void
queues(void)
{
	int a, b, v = -1;
	char buf[100];
	struct timeval tv;

	tcp_pair(&a, &b);
	see(ioctl(b, FIONREAD, &v) == 0 ? v : -1, "FIONREAD, empty");
	send(a, "12345", 5, 0);
	becomes(b, POLLIN);
	see(ioctl(b, FIONREAD, &v) == 0 ? v : -1, "FIONREAD");
	see(ioctl(b, SIOCINQ, &v) == 0 ? v : -1, "SIOCINQ");
	settle();
	see(ioctl(a, SIOCOUTQ, &v) == 0 ? v : -1, "SIOCOUTQ, all acknowledged");
	see(ioctl(a, SIOCOUTQNSD, &v) == 0 ? v : -1, "SIOCOUTQNSD");
	see(ioctl(b, SIOCGSTAMP, &tv), "SIOCGSTAMP, a stream");
	v = 1;
	see(ioctl(b, FIONBIO, &v), "FIONBIO");
	see((fcntl(b, F_GETFL) & O_NONBLOCK) != 0, "FIONBIO sets O_NONBLOCK");
	see(ioctl(b, 0x5422, &v), "an ioctl of terminals");
	see(ioctl(b, TIOCGWINSZ, buf), "TIOCGWINSZ");
	see(isatty(b), "isatty");
	see(ioctl(b, 0x12345678, &v), "an unknown ioctl");
	see(ioctl(b, 0x89ee, &v), "an unknown socket ioctl");
	shutdown(a, SHUT_WR);
	settle();
	recv(b, buf, 100, 0);
	see(ioctl(b, FIONREAD, &v) == 0 ? v : -1, "FIONREAD at the end");
	close(a);
	close(b);
	udp_pair(&a, &b);
	see(ioctl(b, FIONREAD, &v) == 0 ? v : -1, "datagram: FIONREAD, none");
	send(a, "12345", 5, 0);
	send(a, "123", 3, 0);
	becomes(b, POLLIN);
	settle();
	see(ioctl(b, FIONREAD, &v) == 0 ? v : -1, "datagram: FIONREAD");
	see(ioctl(a, SIOCOUTQ, &v) == 0 ? v : -1, "datagram: SIOCOUTQ");
	see(ioctl(b, SIOCATMARK, &v), "datagram: SIOCATMARK");
	recv(b, buf, 100, 0);
	see(ioctl(b, SIOCGSTAMP, &tv), "datagram: SIOCGSTAMP");
	see(ioctl(b, SIOCGSTAMP, &tv), "datagram: SIOCGSTAMP again");
	close(a);
	close(b);
	a = tcp_listener(&v);
	see(ioctl(a, FIONREAD, &v), "listener: FIONREAD");
	see(ioctl(a, SIOCOUTQ, &v), "listener: SIOCOUTQ");
	close(a);
	a = socket(AF_INET, SOCK_STREAM, 0);
	see(ioctl(a, FIONREAD, &v) == 0 ? v : -1, "fresh: FIONREAD");
	see(ioctl(a, SIOCOUTQ, &v) == 0 ? v : -1, "fresh: SIOCOUTQ");
	close(a);
}

void
topic_ioctl(void)
{
	static const struct {
		unsigned long cmd;
		const char *name;
	} cmds[] = {{SIOCGIFFLAGS, "SIOCGIFFLAGS"}, {SIOCGIFADDR, "SIOCGIFADDR"},
	    {SIOCGIFNETMASK, "SIOCGIFNETMASK"}, {SIOCGIFBRDADDR, "SIOCGIFBRDADDR"},
	    {SIOCGIFDSTADDR, "SIOCGIFDSTADDR"}, {SIOCGIFMTU, "SIOCGIFMTU"},
	    {SIOCGIFHWADDR, "SIOCGIFHWADDR"}, {SIOCGIFINDEX, "SIOCGIFINDEX"},
	    {SIOCGIFMETRIC, "SIOCGIFMETRIC"}, {SIOCGIFTXQLEN, "SIOCGIFTXQLEN"},
	    {SIOCGIFMAP, "SIOCGIFMAP"}};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), found = 0;
	char lo[IF_NAMESIZE] = "lo", name[IF_NAMESIZE];
	struct ifaddrs *list, *it;
	struct if_nameindex *index, *at;
	struct ifconf conf = {.ifc_len = 0};
	struct ifreq r;
	struct addrinfo hints = {.ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM}, *ai;
	size_t i;

	queues();
	for (i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		interface(fd, cmds[i].cmd, lo, cmds[i].name);
		interface(fd, cmds[i].cmd, "nosuch0", cmds[i].name);
	}
	see(if_nametoindex("nosuch0"), "if_nametoindex of none");
	see(if_nametoindex(lo) > 0, "if_nametoindex");
	see_text(
	    if_indextoname(if_nametoindex(lo), name) != NULL ? name : "NULL", "if_indextoname");
	see(if_indextoname(9999, name) != NULL ? 0 : -1, "if_indextoname of none");
	memset(&r, 0, sizeof(r));
	r.ifr_ifindex = 9999;
	see(ioctl(fd, SIOCGIFNAME, &r), "SIOCGIFNAME of none");
	see(ioctl(fd, SIOCGIFCONF, &conf), "SIOCGIFCONF, how much");
	see(conf.ifc_len > 0 && conf.ifc_len % (int)sizeof(r) == 0, "SIOCGIFCONF's length");
	see(getifaddrs(&list), "getifaddrs");
	for (it = list; it != NULL; it = it->ifa_next)
		if (it->ifa_addr != NULL && it->ifa_addr->sa_family == AF_INET &&
		    (it->ifa_flags & IFF_LOOPBACK) != 0)
			found++;
	see(found, "getifaddrs: loopback's addresses");
	freeifaddrs(list);
	index = if_nameindex();
	for (at = index, found = 0; at != NULL && at->if_index != 0; at++)
		found += strcmp(at->if_name, lo) == 0;
	see(found, "if_nameindex");
	if_freenameindex(index);
	see(getaddrinfo("127.0.0.1", "80", &hints, &ai), "getaddrinfo");
	see(ai->ai_family, "getaddrinfo's family");
	freeaddrinfo(ai);
	close(fd);
}
