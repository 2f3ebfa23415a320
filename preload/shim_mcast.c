/*
 * shim_mcast.c - RFC 3678's functions for multicast filters: libc's own call setsockopt() and
 * getsockopt() inside libc, where no wrapper of ours is. setsourcefilter(3).
 */
#include <netinet/in.h>
#include <string.h>

#include "preload/shim.h"

/* Both are a header and the sources; room for what one request holds. */
union filter4 {
	struct ip_msfilter f;
	char room[RPC_OPTVAL_MAX];
};
union filter {
	struct group_filter f;
	char room[RPC_OPTVAL_MAX];
};
#define FILTER4_SOURCES ((RPC_OPTVAL_MAX - IP_MSFILTER_SIZE(0)) / sizeof(struct in_addr))
#define FILTER_SOURCES ((RPC_OPTVAL_MAX - GROUP_FILTER_SIZE(0)) / sizeof(struct sockaddr_storage))

static bool
ours(int fd)
{
	shim_init();
	return shim_ours(shim_classify(fd));
}

SHIM_EXPORT int
setipv4sourcefilter(int fd, struct in_addr interface, struct in_addr group, uint32_t mode,
    uint32_t n, const struct in_addr *list)
{
	union filter4 ask = {.f = {.imsf_multiaddr = group,
				 .imsf_interface = interface,
				 .imsf_fmode = mode,
				 .imsf_numsrc = n}};

	if (!ours(fd))
		return real.setipv4sourcefilter(fd, interface, group, mode, n, list);
	if (n > FILTER4_SOURCES)
		return shim_fail(ENOBUFS);
	memcpy(ask.room + IP_MSFILTER_SIZE(0), list, n * sizeof(*list));
	return setsockopt(fd, IPPROTO_IP, IP_MSFILTER, &ask, IP_MSFILTER_SIZE(n));
}

SHIM_EXPORT int
getipv4sourcefilter(int fd, struct in_addr interface, struct in_addr group, uint32_t *mode,
    uint32_t *n, struct in_addr *list)
{
	const uint32_t room = *n < FILTER4_SOURCES ? *n : FILTER4_SOURCES;
	union filter4 ask = {
	    .f = {.imsf_multiaddr = group, .imsf_interface = interface, .imsf_numsrc = room}};
	socklen_t len = IP_MSFILTER_SIZE(room);

	if (!ours(fd))
		return real.getipv4sourcefilter(fd, interface, group, mode, n, list);
	if (getsockopt(fd, IPPROTO_IP, IP_MSFILTER, &ask, &len) != 0)
		return -1;
	*mode = ask.f.imsf_fmode;
	*n = ask.f.imsf_numsrc;
	memcpy(list, ask.room + IP_MSFILTER_SIZE(0), len - IP_MSFILTER_SIZE(0));
	return 0;
}

static bool
is_inet(const struct sockaddr *group, socklen_t len)
{
	return group->sa_family == AF_INET && len >= sizeof(struct sockaddr_in) &&
	       len <= sizeof(struct sockaddr_storage);
}

SHIM_EXPORT int
setsourcefilter(int fd, uint32_t interface, const struct sockaddr *group, socklen_t grouplen,
    uint32_t mode, uint32_t n, const struct sockaddr_storage *list)
{
	union filter ask = {.f = {.gf_interface = interface, .gf_fmode = mode, .gf_numsrc = n}};

	if (!ours(fd))
		return real.setsourcefilter(fd, interface, group, grouplen, mode, n, list);
	if (!is_inet(group, grouplen))
		return shim_fail(EINVAL);
	if (n > FILTER_SOURCES)
		return shim_fail(ENOBUFS);
	memcpy(&ask.f.gf_group, group, grouplen);
	memcpy(ask.room + GROUP_FILTER_SIZE(0), list, n * sizeof(*list));
	return setsockopt(fd, IPPROTO_IP, MCAST_MSFILTER, &ask, GROUP_FILTER_SIZE(n));
}

SHIM_EXPORT int
getsourcefilter(int fd, uint32_t interface, const struct sockaddr *group, socklen_t grouplen,
    uint32_t *mode, uint32_t *n, struct sockaddr_storage *list)
{
	const uint32_t room = *n < FILTER_SOURCES ? *n : FILTER_SOURCES;
	union filter ask = {.f = {.gf_interface = interface, .gf_numsrc = room}};
	socklen_t len = GROUP_FILTER_SIZE(room);

	if (!ours(fd))
		return real.getsourcefilter(fd, interface, group, grouplen, mode, n, list);
	if (!is_inet(group, grouplen))
		return shim_fail(EINVAL);
	memcpy(&ask.f.gf_group, group, grouplen);
	if (getsockopt(fd, IPPROTO_IP, MCAST_MSFILTER, &ask, &len) != 0)
		return -1;
	*mode = ask.f.gf_fmode;
	*n = ask.f.gf_numsrc;
	memcpy(list, ask.room + GROUP_FILTER_SIZE(0), len - GROUP_FILTER_SIZE(0));
	return 0;
}
