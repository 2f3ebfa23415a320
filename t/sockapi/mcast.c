/*
 * mcast.c - multicast filters, by the functions of RFC 3678 and by the options they stand on, on
 * the loopback interface. setsourcefilter(3), ip(7).
 */
#include "t/sockapi/sockapi.h"

#include <net/if.h>

#define GROUP "239.7.7.7"
#define SOURCES 10 /* as many as Linux takes, net.ipv4.igmp_max_msf */

static struct in_addr group, lo = {0};
static struct sockaddr_in group_sin;
static uint32_t ifindex;
static struct in_addr list4[SOURCES];
static struct sockaddr_storage list[SOURCES];

static void
prepare(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET};
	int i;

	inet_aton(GROUP, &group);
	inet_aton("127.0.0.1", &lo);
	group_sin = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = group};
	ifindex = if_nametoindex("lo");
	if (ifindex == 0)
		ifindex = if_nametoindex("lo0");
	for (i = 0; i < SOURCES; i++) {
		list4[i].s_addr = htonl(0x0a000001 + (uint32_t)i);
		sin.sin_addr = list4[i];
		memset(&list[i], 0, sizeof(list[i]));
		memcpy(&list[i], &sin, sizeof(sin));
	}
}

static void
show(int result, uint32_t mode, uint32_t n, uint32_t room, const struct in_addr *got,
    const char *name)
{
	char text[400];
	size_t used;
	uint32_t i;

	if (result != 0) {
		see(result, "%s, room for %u", name, room);
		return;
	}
	used = (size_t)snprintf(
	    text, sizeof(text), "%s %u:", mode == MCAST_INCLUDE ? "include" : "exclude", n);
	for (i = 0; i < n && i < room; i++)
		used +=
		    (size_t)snprintf(text + used, sizeof(text) - used, " %s", inet_ntoa(got[i]));
	see_text(text, "%s, room for %u", name, room);
}

static void
get4(int fd, uint32_t room, const char *name)
{
	struct in_addr got[SOURCES] = {{0}};
	uint32_t mode = 77, n = room;
	int result = getipv4sourcefilter(fd, lo, group, &mode, &n, got);

	show(result, mode, n, room, got, name);
}

static void
get_any(int fd, uint32_t room, const char *name)
{
	struct sockaddr_storage got[SOURCES];
	struct in_addr got4[SOURCES];
	struct sockaddr_in sin;
	uint32_t mode = 77, n = room, i;
	int result;

	memset(got, 0, sizeof(got));
	result = getsourcefilter(
	    fd, ifindex, (struct sockaddr *)&group_sin, sizeof(group_sin), &mode, &n, got);
	for (i = 0; i < SOURCES; i++) {
		memcpy(&sin, &got[i], sizeof(sin));
		got4[i] = sin.sin_addr;
	}
	show(result, mode, n, room, got4, name);
}

static int
set_any(int fd, uint32_t mode, uint32_t n)
{
	return setsourcefilter(
	    fd, ifindex, (struct sockaddr *)&group_sin, sizeof(group_sin), mode, n, list);
}

static void
functions(void)
{
	static const uint32_t rooms[] = {0, 1, 3, SOURCES};
	struct ip_mreq mreq = {group, lo};
	int port, fd = udp_bound(&port), stream = socket(AF_INET, SOCK_STREAM, 0);
	size_t i;

	get4(fd, 1, "not a member");
	get_any(fd, 1, "not a member, by index");
	get4(stream, 1, "a stream");
	see(setipv4sourcefilter(fd, lo, group, MCAST_INCLUDE, 1, list4), "set, not a member");
	see(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)), "join");
	get4(fd, 3, "joined");
	get_any(fd, 3, "joined, by index");
	see(setipv4sourcefilter(fd, lo, group, MCAST_INCLUDE, 3, list4), "include three");
	for (i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		get4(fd, rooms[i], "three");
		get_any(fd, rooms[i], "three, by index");
	}
	see(set_any(fd, MCAST_EXCLUDE, 2), "exclude two, by index");
	get4(fd, SOURCES, "two");
	get_any(fd, SOURCES, "two, by index");
	see(set_any(fd, MCAST_INCLUDE, SOURCES), "as many as there may be");
	get4(fd, SOURCES, "many");
	get_any(fd, SOURCES, "many, by index");
	see(set_any(fd, MCAST_EXCLUDE, 0), "exclude none");
	get_any(fd, SOURCES, "none");
	see(set_any(fd, 7, 1), "a mode that is none");
	see(set_any(fd, MCAST_INCLUDE, 0), "include none");
	get4(fd, 1, "left");
	close(fd);
	close(stream);
	see(setipv4sourcefilter(fd, lo, group, MCAST_INCLUDE, 1, list4), "set, closed");
	get4(fd, 1, "closed");
}

static void
bad_requests(void)
{
	struct ip_mreq mreq = {group, lo};
	union {
		struct ip_msfilter f;
		char room[256];
	} mf;
	union {
		struct group_filter f;
		char room[1024];
	} gf;
	struct sockaddr_in unicast = group_sin;
	uint32_t mode, n = 1;
	int port, fd = udp_bound(&port);
	socklen_t len;

	setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq));
	memset(&mf, 0, sizeof(mf));
	mf.f.imsf_multiaddr = group;
	mf.f.imsf_interface = lo;
	for (len = 0; len < IP_MSFILTER_SIZE(0); len += 5)
		see(getsockopt(fd, IPPROTO_IP, IP_MSFILTER, &mf, &len), "IP_MSFILTER get, %u bytes",
		    len);
	mf.f.imsf_numsrc = 3;
	see(setsockopt(fd, IPPROTO_IP, IP_MSFILTER, &mf, IP_MSFILTER_SIZE(2)),
	    "three sources, room for two");
	len = sizeof(mf);
	see(getsockopt(fd, IPPROTO_IP, IP_MSFILTER, &mf, &len), "IP_MSFILTER get, much room");
	see((long)len, "its length");
	inet_aton("10.1.2.3", &mf.f.imsf_multiaddr);
	see(getsockopt(fd, IPPROTO_IP, IP_MSFILTER, &mf, &len), "IP_MSFILTER of no group");
	len = sizeof(mf);
	see(getsockopt(fd, IPPROTO_IP, IP_MSFILTER, BAD_POINTER, &len), "IP_MSFILTER, bad pointer");
	memset(&gf, 0, sizeof(gf));
	gf.f.gf_interface = ifindex;
	memcpy(&gf.f.gf_group, &group_sin, sizeof(group_sin));
	len = GROUP_FILTER_SIZE(0) - 1;
	see(getsockopt(fd, IPPROTO_IP, MCAST_MSFILTER, &gf, &len), "MCAST_MSFILTER get, short");
	len = sizeof(gf);
	see(getsockopt(fd, IPPROTO_IP, MCAST_MSFILTER, &gf, &len), "MCAST_MSFILTER get");
	see((long)len, "MCAST_MSFILTER, its length");
	gf.f.gf_group.ss_family = AF_INET6;
	see(getsockopt(fd, IPPROTO_IP, MCAST_MSFILTER, &gf, &len), "MCAST_MSFILTER get of IPv6");
	see(setsockopt(fd, IPPROTO_IP, MCAST_MSFILTER, &gf, sizeof(gf)), "and set");
	inet_aton("10.1.2.3", &unicast.sin_addr);
	see(getsourcefilter(fd, ifindex, SA(&unicast), sizeof(unicast), &mode, &n, list),
	    "getsourcefilter of no group");
	see(getsourcefilter(fd, ifindex, SA(&group_sin), 3, &mode, &n, list),
	    "getsourcefilter, a short address");
	close(fd);
}

/* Every address of 127/8 names the loopback interface; a bound one says where a datagram goes. */
static void
by_loopback_net(void)
{
	int port, from = socket(AF_INET, SOCK_DGRAM, 0), to = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in sin = loopback(0), there = group_sin;
	struct ip_mreq mreq = {group, {0}};
	char buf[8];

	inet_aton("127.1.2.3", &mreq.imr_interface);
	sin.sin_addr.s_addr = INADDR_ANY;
	see(bind(to, SA(&sin), sizeof(sin)), "bind");
	port = port_of(to);
	there.sin_port = htons((uint16_t)port);
	see(setsockopt(to, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mreq, sizeof(mreq)), "join, 127.1.2.3");
	sin.sin_addr = mreq.imr_interface;
	see(bind(from, SA(&sin), sizeof(sin)), "bind to 127.1.2.3");
	see(sendto(from, "x", 1, 0, SA(&there), sizeof(there)), "send from 127.1.2.3");
	becomes(to, POLLIN);
	see(recv(to, buf, sizeof(buf), MSG_DONTWAIT), "is received");
	see(setsockopt(
		from, IPPROTO_IP, IP_MULTICAST_IF, &mreq.imr_interface, sizeof(mreq.imr_interface)),
	    "IP_MULTICAST_IF 127.1.2.3");
	see(setsockopt(to, IPPROTO_IP, IP_DROP_MEMBERSHIP, &mreq, sizeof(mreq)),
	    "leave, 127.1.2.3");
	close(from);
	close(to);
}

void
topic_mcast(void)
{
	prepare();
	functions();
	bad_requests();
	by_loopback_net();
}
