/*
 * shim_if.c - getifaddrs(3), if_nametoindex(3) and family, answered from the stack.
 *
 * libc asks the kernel by netlink, and would hear of the namespace's loopback. We ask alpined by
 * the netdevice(7) ioctls on a datagram socket of ours. When that cannot be had, libc's own
 * answer is given: the namespace's. The lists are one malloc() each, the one place of the shim
 * that allocates: their callers free them by functions that we wrap as well.
 */
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "preload/shim.h"
#include "preload/shim_if.h"

#define LIST_MAGIC 0x414c5049465f4c53u /* before our lists, to tell them from libc's */

/* A socket to ask by; does not set the hint that datagram sockets exist. -1 if none. */
static int
open_asker(void)
{
	struct rpc_socket want = {AF_INET, SOCK_DGRAM, 0};
	struct iovec in = {&want, sizeof(want)};
	struct rpc_call call = {.rc_op = RPC_SOCKET, .rc_in = &in, .rc_nin = 1};
	int error;

	shim_init();
	error = shim_call(&call);
	if (error == 0 && call.rc_nfds == 1)
		return call.rc_fds[0];
	while (call.rc_nfds > 0)
		shim_close(call.rc_fds[--call.rc_nfds]);
	return -1;
}

/* --- getifaddrs --- */

struct if_entry {
	struct ifaddrs ifa;
	char name[IFNAMSIZ];
	struct sockaddr_storage addr, mask, other;
};
struct if_list {
	uint64_t magic;
	struct if_entry entry[];
};

static bool
ask_addr(int fd, unsigned long cmd, const char *name, const struct ifreq *conf,
    struct sockaddr_storage *to)
{
	struct ifreq req;

	memset(&req, 0, sizeof(req));
	memcpy(req.ifr_name, name, IFNAMSIZ);
	req.ifr_addr = conf->ifr_addr;
	if (shim_ioctl_ask(fd, cmd, &req, sizeof(req)) != 0)
		return false;
	memcpy(to, &req.ifr_addr, sizeof(req.ifr_addr));
	return true;
}

static void
fill_inet(int fd, const struct ifreq *conf, unsigned flags, struct if_entry *e)
{
	memcpy(e->name, conf->ifr_name, IFNAMSIZ);
	e->name[IFNAMSIZ - 1] = '\0';
	e->ifa.ifa_name = e->name;
	e->ifa.ifa_flags = flags;
	memcpy(&e->addr, &conf->ifr_addr, sizeof(conf->ifr_addr));
	e->ifa.ifa_addr = (struct sockaddr *)&e->addr;
	if (ask_addr(fd, SIOCGIFNETMASK, conf->ifr_name, conf, &e->mask)) {
		e->mask.ss_family = AF_INET;
		e->ifa.ifa_netmask = (struct sockaddr *)&e->mask;
	}
	if ((flags & IFF_BROADCAST) != 0 &&
	    ask_addr(fd, SIOCGIFBRDADDR, conf->ifr_name, conf, &e->other))
		e->ifa.ifa_broadaddr = (struct sockaddr *)&e->other;
}

static void
fill_packet(int fd, const struct ifreq *conf, unsigned flags, struct if_entry *e)
{
	struct sockaddr_ll *ll = (struct sockaddr_ll *)&e->addr;
	struct ifreq req;

	memcpy(e->name, conf->ifr_name, IFNAMSIZ);
	e->name[IFNAMSIZ - 1] = '\0';
	e->ifa.ifa_name = e->name;
	e->ifa.ifa_flags = flags;
	e->ifa.ifa_addr = (struct sockaddr *)ll;
	ll->sll_family = AF_PACKET;
	memset(&req, 0, sizeof(req));
	memcpy(req.ifr_name, e->name, IFNAMSIZ);
	if (shim_ioctl_ask(fd, SIOCGIFINDEX, &req, sizeof(req)) == 0)
		ll->sll_ifindex = req.ifr_ifindex;
	memset(&req, 0, sizeof(req));
	memcpy(req.ifr_name, e->name, IFNAMSIZ);
	if (shim_ioctl_ask(fd, SIOCGIFHWADDR, &req, sizeof(req)) == 0) {
		ll->sll_hatype = req.ifr_hwaddr.sa_family;
		ll->sll_halen = 6;
		memcpy(ll->sll_addr, req.ifr_hwaddr.sa_data, 6);
	}
}

static bool
seen_before(const struct ifreq *list, size_t i)
{
	size_t j;

	for (j = 0; j < i; j++)
		if (strncmp(list[j].ifr_name, list[i].ifr_name, IFNAMSIZ) == 0)
			return true;
	return false;
}

static unsigned
ask_flags(int fd, const struct ifreq *conf)
{
	struct ifreq req;

	memset(&req, 0, sizeof(req));
	memcpy(req.ifr_name, conf->ifr_name, IFNAMSIZ);
	if (shim_ioctl_ask(fd, SIOCGIFFLAGS, &req, sizeof(req)) != 0)
		return IFF_UP;
	return (unsigned short)req.ifr_flags;
}

/* As Linux orders them: link-level entries first, one for each interface, then addresses. */
static struct if_list *
build_list(int fd, const struct ifreq *conf, size_t n)
{
	struct if_list *list = calloc(1, sizeof(*list) + 2 * n * sizeof(list->entry[0]));
	size_t i, used = 0;

	if (list == NULL)
		return NULL;
	list->magic = LIST_MAGIC;
	for (i = 0; i < n; i++)
		if (!seen_before(conf, i))
			fill_packet(fd, &conf[i], ask_flags(fd, &conf[i]), &list->entry[used++]);
	for (i = 0; i < n; i++)
		fill_inet(fd, &conf[i], ask_flags(fd, &conf[i]), &list->entry[used++]);
	for (i = 0; i + 1 < used; i++)
		list->entry[i].ifa.ifa_next = &list->entry[i + 1].ifa;
	return list;
}

SHIM_EXPORT int
getifaddrs(struct ifaddrs **result)
{
	struct ifreq conf[RPC_IFCONF_MAX];
	struct if_list *list = NULL;
	int saved = errno, fd = open_asker(), error = ENETDOWN;
	size_t used = 0;

	if (fd >= 0) {
		error = shim_ioctl_ifconf(fd, conf, sizeof(conf), &used);
		if (error == 0 && used > 0)
			list = build_list(fd, conf, used / sizeof(conf[0]));
		shim_close(fd);
	}
	errno = saved;
	if (error != 0 || used == 0)
		return real.getifaddrs(result);
	if (list == NULL)
		return shim_fail(ENOMEM);
	*result = &list->entry[0].ifa;
	return 0;
}

SHIM_EXPORT void
freeifaddrs(struct ifaddrs *ifa)
{
	struct if_list *list;

	shim_init();
	if (ifa == NULL)
		return;
	/* libc's lists begin with the entry, and their entries name themselves elsewhere. */
	if (ifa->ifa_name == ((struct if_entry *)(void *)ifa)->name) {
		list = (struct if_list *)(void *)((char *)ifa - offsetof(struct if_list, entry));
		if (list->magic == LIST_MAGIC) {
			free(list);
			return;
		}
	}
	real.freeifaddrs(ifa);
}

/* --- names and numbers --- */

SHIM_EXPORT unsigned
if_nametoindex(const char *name)
{
	int fd = open_asker(), error;
	struct ifreq req;

	if (fd < 0)
		return real.if_nametoindex(name);
	memset(&req, 0, sizeof(req));
	if (strlen(name) < IFNAMSIZ)
		memcpy(req.ifr_name, name, strlen(name));
	error =
	    req.ifr_name[0] != '\0' ? shim_ioctl_ask(fd, SIOCGIFINDEX, &req, sizeof(req)) : ENODEV;
	shim_close(fd);
	if (error != 0) {
		errno = error;
		return 0;
	}
	return (unsigned)req.ifr_ifindex;
}

SHIM_EXPORT char *
if_indextoname(unsigned index, char name[IFNAMSIZ])
{
	int fd = open_asker(), error;
	struct ifreq req;

	if (fd < 0)
		return real.if_indextoname(index, name);
	memset(&req, 0, sizeof(req));
	req.ifr_ifindex = (int)index;
	error = shim_ioctl_ask(fd, SIOCGIFNAME, &req, sizeof(req));
	shim_close(fd);
	if (error != 0) {
		errno = error == ENODEV ? ENXIO : error;
		return NULL;
	}
	req.ifr_name[IFNAMSIZ - 1] = '\0';
	memcpy(name, req.ifr_name, IFNAMSIZ);
	return name;
}

/*
 * libc's layout: an array ended by zeros, names allocated on their own. Made as libc would, so
 * that if_freenameindex(), which frees each name and the array, need not be wrapped.
 */
static struct if_nameindex *
build_nameindex(int fd, const struct ifreq *conf, size_t n)
{
	struct if_nameindex *list = calloc(n + 1, sizeof(*list));
	size_t i, used = 0;
	struct ifreq req;

	for (i = 0; list != NULL && i < n; i++) {
		if (seen_before(conf, i))
			continue;
		memset(&req, 0, sizeof(req));
		memcpy(req.ifr_name, conf[i].ifr_name, IFNAMSIZ);
		req.ifr_name[IFNAMSIZ - 1] = '\0';
		if (shim_ioctl_ask(fd, SIOCGIFINDEX, &req, sizeof(req)) != 0)
			continue;
		list[used].if_index = (unsigned)req.ifr_ifindex;
		list[used].if_name = strndup(conf[i].ifr_name, IFNAMSIZ);
		if (list[used++].if_name == NULL) {
			real.if_freenameindex(list);
			list = NULL;
		}
	}
	return list;
}

SHIM_EXPORT struct if_nameindex *
if_nameindex(void)
{
	struct ifreq conf[RPC_IFCONF_MAX];
	struct if_nameindex *list = NULL;
	int saved = errno, fd = open_asker(), error = ENETDOWN;
	size_t used = 0;

	if (fd >= 0) {
		error = shim_ioctl_ifconf(fd, conf, sizeof(conf), &used);
		if (error == 0)
			list = build_nameindex(fd, conf, used / sizeof(conf[0]));
		shim_close(fd);
	}
	if (error != 0) {
		errno = saved;
		return real.if_nameindex();
	}
	errno = list != NULL ? saved : ENOBUFS;
	return list;
}
