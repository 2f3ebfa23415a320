/*
 * nl_link.c - links by rtnetlink: look one up, make a bridge, enslave, bring up, delete.
 * Host world; keeps nothing. Called by bridge.c. rtnetlink(7), libnl-route-3.
 */
#include <errno.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>

#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/bridge.h>

#include "tapbridge/nl_util.h"

struct nl_sock *
nlu_open(int *error)
{
	struct nl_sock *sk = nl_socket_alloc();

	if (sk == NULL) {
		*error = -NLE_NOMEM;
		return (NULL);
	}
	*error = nl_connect(sk, NETLINK_ROUTE);
	if (*error != 0) {
		nl_socket_free(sk);
		return (NULL);
	}
	return (sk);
}

int
nlu_link_get(struct nl_sock *sk, const char *name, int ifindex, struct nl_linkinfo *li)
{
	struct rtnl_link *l;
	struct nl_addr *a;
	const char *kind;
	int error = rtnl_link_get_kernel(sk, ifindex, name, &l);

	if (error != 0)
		return (error);
	memset(li, 0, sizeof(*li));
	li->ifindex = rtnl_link_get_ifindex(l);
	li->master = rtnl_link_get_master(l);
	li->flags = rtnl_link_get_flags(l);
	li->mtu = rtnl_link_get_mtu(l);
	li->ethernet = rtnl_link_get_arptype(l) == ARPHRD_ETHER;
	a = rtnl_link_get_addr(l);
	if (a != NULL && nl_addr_get_len(a) == sizeof(li->mac))
		memcpy(li->mac, nl_addr_get_binary_addr(a), sizeof(li->mac));
	snprintf(li->name, sizeof(li->name), "%s", rtnl_link_get_name(l));
	kind = rtnl_link_get_type(l);
	snprintf(li->kind, sizeof(li->kind), "%s", kind != NULL ? kind : "");
	rtnl_link_put(l);
	return (0);
}

/*
 * A bridge that looks like the interface it will stand for: its MAC address (neighbours, DHCP and
 * switches see no change) and its MTU. The kernel's default, no spanning tree, makes its ports
 * forward at once.
 */
int
nlu_bridge_create(struct nl_sock *sk, const char *name, const struct nl_linkinfo *like)
{
	struct rtnl_link *l = rtnl_link_bridge_alloc();
	struct nl_addr *a = nl_addr_build(AF_LLC, like->mac, sizeof(like->mac));
	int error = -NLE_NOMEM;

	if (l != NULL && a != NULL) {
		rtnl_link_set_name(l, name);
		rtnl_link_set_addr(l, a);
		rtnl_link_set_mtu(l, like->mtu);
		rtnl_link_set_flags(l, IFF_UP);
		error = rtnl_link_add(sk, l, NLM_F_CREATE | NLM_F_EXCL);
	}
	if (a != NULL)
		nl_addr_put(a);
	if (l != NULL)
		rtnl_link_put(l);
	return (error);
}

int
nlu_link_delete(struct nl_sock *sk, int ifindex)
{
	struct rtnl_link *l = rtnl_link_alloc();
	int error;

	if (l == NULL)
		return (-NLE_NOMEM);
	rtnl_link_set_ifindex(l, ifindex);
	error = rtnl_link_delete(sk, l);
	rtnl_link_put(l);
	return (error);
}

int
nlu_link_set_up(struct nl_sock *sk, int ifindex, bool up)
{
	struct rtnl_link *which = rtnl_link_alloc(), *change = rtnl_link_alloc();
	int error = -NLE_NOMEM;

	if (which != NULL && change != NULL) {
		rtnl_link_set_ifindex(which, ifindex);
		if (up)
			rtnl_link_set_flags(change, IFF_UP);
		else
			rtnl_link_unset_flags(change, IFF_UP);
		error = rtnl_link_change(sk, which, change, 0);
	}
	if (which != NULL)
		rtnl_link_put(which);
	if (change != NULL)
		rtnl_link_put(change);
	return (error);
}

int
nlu_link_set_master(struct nl_sock *sk, int ifindex, int master)
{
	if (master == 0)
		return (rtnl_link_release_ifindex(sk, ifindex));
	return (rtnl_link_enslave_ifindex(sk, master, ifindex));
}
