/*
 * run_device.c - a device in the namespace that shows what the stack has.
 *
 * A TAP with the stack's interface's name, MTU, addresses and routes: what asks the kernel instead
 * of libc - netlink (ip, Go, nmap), /proc/net, packet sockets - finds the same as those that ask
 * alpined. alpined has the descriptor (rpc/server/mirror.c). What the namespace's kernel sends
 * there goes nowhere; to say so at once, its neighbours are asked for once, 10 ms long:
 * EHOSTUNREACH. The routes are those of the start. Called in the child. Without /dev/net/tun there
 * is no device, and all else works.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/nexthop.h>
#include <netlink/route/route.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "netns_launcher/run.h"

#define DEVICE "/dev/net/tun"

static void
set_sysctl(
    const char *family, const char *dir, const char *ifname, const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s/%s/%s/%s", family, dir, ifname, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, value, strlen(value)) < 0)
		run_debug("%s: %s", path, strerror(errno));
	close(fd);
}

int
run_link_up(struct nl_sock *nl, int ifindex, uint32_t mtu)
{
	struct rtnl_link *dev = rtnl_link_alloc(), *change = rtnl_link_alloc();
	int error = -NLE_NOMEM;

	if (dev != NULL && change != NULL) {
		rtnl_link_set_ifindex(dev, ifindex);
		if (mtu != 0)
			rtnl_link_set_mtu(change, mtu);
		rtnl_link_set_flags(change, IFF_UP);
		error = rtnl_link_change(nl, dev, change, 0);
	}
	rtnl_link_put(change);
	rtnl_link_put(dev);
	return error;
}

int
run_address_add(struct nl_sock *nl, int ifindex, const struct in_addr *address, int prefix)
{
	const in_addr_t hosts =
	    prefix < 1 ? UINT32_MAX : (in_addr_t)(UINT64_C(0xffffffff) >> prefix);
	const in_addr_t all = address->s_addr | htonl(hosts);
	struct nl_addr *local = nl_addr_build(AF_INET, address, sizeof(*address));
	struct nl_addr *broadcast = nl_addr_build(AF_INET, &all, sizeof(all));
	struct rtnl_addr *addr = rtnl_addr_alloc();
	int error = -NLE_NOMEM;

	if (prefix < 0 || prefix > 32) {
		error = -NLE_INVAL;
	} else if (local != NULL && broadcast != NULL && addr != NULL) {
		nl_addr_set_prefixlen(local, prefix);
		rtnl_addr_set_ifindex(addr, ifindex);
		error = rtnl_addr_set_local(addr, local);
		if (error == 0 && prefix < 31)
			error = rtnl_addr_set_broadcast(addr, broadcast);
		if (error == 0)
			error = rtnl_addr_add(nl, addr, 0);
	}
	rtnl_addr_put(addr);
	nl_addr_put(broadcast);
	nl_addr_put(local);
	return error;
}

static int
add_route(struct nl_sock *nl, int ifindex, const char *to, int prefix, const char *gateway)
{
	struct rtnl_route *route = rtnl_route_alloc();
	struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
	struct nl_addr *dst = NULL, *via = NULL;
	int error = -NLE_NOMEM;

	if (route != NULL && hop != NULL && nl_addr_parse(to, AF_INET, &dst) == 0 &&
	    nl_addr_parse(gateway, AF_INET, &via) == 0) {
		nl_addr_set_prefixlen(dst, prefix);
		rtnl_route_nh_set_ifindex(hop, ifindex);
		rtnl_route_nh_set_gateway(hop, via);
		rtnl_route_add_nexthop(route, hop);
		hop = NULL; /* the route's */
		error = rtnl_route_set_dst(route, dst);
		if (error == 0)
			error = rtnl_route_add(nl, route, 0);
	}
	nl_addr_put(via);
	nl_addr_put(dst);
	if (hop != NULL)
		rtnl_route_nh_free(hop);
	rtnl_route_put(route);
	return error;
}

/* Those with a gateway; the others come with the addresses. The first three columns of each line.
 */
static void
add_routes(struct nl_sock *nl, int ifindex, const char *routes)
{
	char to[INET_ADDRSTRLEN], gateway[32];
	struct in_addr addr;
	const char *line;
	int prefix, error;

	for (line = routes; *line != '\0'; line += strcspn(line, "\n") + 1) {
		if (sscanf(line, "%15[0-9.]\t%d\t%31[^\t]", to, &prefix, gateway) == 3 &&
		    inet_pton(AF_INET, gateway, &addr) == 1) {
			error = add_route(nl, ifindex, to, prefix, gateway);
			if (error != 0)
				run_debug("route %s/%d: %s", to, prefix, nl_geterror(error));
		}
		if (strchr(line, '\n') == NULL)
			break;
	}
}

static int
configure(const struct rpc_hello_reply *hello, int ifindex, const char *routes)
{
	struct nl_sock *nl = nl_socket_alloc();
	struct sockaddr_in sin;
	unsigned i;
	int error;

	if (nl == NULL)
		return -NLE_NOMEM;
	error = nl_connect(nl, NETLINK_ROUTE);
	if (error == 0)
		error = run_link_up(nl, ifindex, hello->h_mtu);
	for (i = 0; i < hello->h_naddrs && i < RPC_HELLO_ADDRS && error == 0; i++) {
		memcpy(&sin, hello->h_addrs[i].a_data, sizeof(sin));
		if (hello->h_addrs[i].a_len >= sizeof(sin) && sin.sin_family == AF_INET)
			error = run_address_add(nl, ifindex, &sin.sin_addr,
			    ntohs(sin.sin_port)); /* as rpc_hello_reply has it */
	}
	if (error == 0)
		add_routes(nl, ifindex, routes);
	nl_socket_free(nl);
	return error;
}

int
run_device_make(const struct rpc_hello_reply *hello, const char *routes)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK), error;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%.*s", IFNAMSIZ - 1, hello->h_ifname);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) != 0) {
		run_debug("no device in the namespace: %s: %s", DEVICE, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	set_sysctl("ipv6", "conf", ifr.ifr_name, "disable_ipv6", "1");
	set_sysctl("ipv4", "neigh", ifr.ifr_name, "mcast_solicit", "1");
	set_sysctl("ipv4", "neigh", ifr.ifr_name, "retrans_time_ms", "10");
	error = configure(hello, (int)if_nametoindex(ifr.ifr_name), routes);
	if (error != 0) {
		run_debug("device %s: %s", ifr.ifr_name, nl_geterror(error));
		close(fd);
		return -1;
	}
	return fd;
}
