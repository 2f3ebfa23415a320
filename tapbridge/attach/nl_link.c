/*
 * nl_link.c - links by rtnetlink: look them up, make a bridge or a macvtap, enslave, bring up,
 * delete. Host world; keeps nothing. rtnetlink(7).
 */
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>

#include "tapbridge/attach/nl_util.h"

#define INDEX_DISTANCE 16 /* above the highest ifindex there is */

static void
link_info(struct rtnl_link *l, struct nl_linkinfo *li)
{
	struct nl_addr *a = rtnl_link_get_addr(l);
	const char *kind = rtnl_link_get_type(l);

	memset(li, 0, sizeof(*li));
	li->ifindex = rtnl_link_get_ifindex(l);
	li->master = rtnl_link_get_master(l);
	li->flags = rtnl_link_get_flags(l);
	li->mtu = rtnl_link_get_mtu(l);
	li->ethernet = rtnl_link_get_arptype(l) == ARPHRD_ETHER;
	if (rtnl_link_inet6_get_addr_gen_mode(l, &li->addr_gen_mode) != 0)
		li->addr_gen_mode = IN6_ADDR_GEN_MODE_EUI64;
	if (a != NULL && nl_addr_get_len(a) == sizeof(li->mac))
		memcpy(li->mac, nl_addr_get_binary_addr(a), sizeof(li->mac));
	snprintf(li->name, sizeof(li->name), "%s", rtnl_link_get_name(l));
	snprintf(li->kind, sizeof(li->kind), "%s", kind != NULL ? kind : "");
}

int
nlu_link_get(struct nl_sock *sk, const char *name, int ifindex, struct nl_linkinfo *li)
{
	struct rtnl_link *l;
	int error = rtnl_link_get_kernel(sk, ifindex, name, &l);

	if (error != 0)
		return (error);
	link_info(l, li);
	rtnl_link_put(l);
	return (0);
}

int
nlu_link_each(struct nl_sock *sk, nlu_link_fn *fn, void *arg)
{
	struct nl_cache *cache;
	struct nl_object *obj;
	struct nl_linkinfo li;
	int error = rtnl_link_alloc_cache(sk, AF_UNSPEC, &cache);

	if (error != 0)
		return (error);
	for (obj = nl_cache_get_first(cache); obj != NULL; obj = nl_cache_get_next(obj)) {
		link_info((struct rtnl_link *)obj, &li);
		if (!fn(&li, arg))
			break;
	}
	nl_cache_free(cache);
	return (0);
}

static bool
highest_index(const struct nl_linkinfo *li, void *arg)
{
	int *most = arg;

	if (li->ifindex > *most)
		*most = li->ifindex;
	return (true);
}

int
nlu_free_index(struct nl_sock *sk, int *ifindex)
{
	int error;

	*ifindex = 0;
	error = nlu_link_each(sk, highest_index, ifindex);
	*ifindex += INDEX_DISTANCE;
	return (error);
}

/* ---- changes ---- */

static struct nl_msg *
link_message(int type, int flags, const struct ifinfomsg *ifi)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (msg != NULL &&
	    nlmsg_append(msg, (void *)(uintptr_t)ifi, sizeof(*ifi), NLMSG_ALIGNTO) != 0) {
		nlmsg_free(msg);
		return (NULL);
	}
	return (msg);
}

/* What kind of interface, and the one thing that is said of it. 0, or what nla_put() says. */
static int
put_kind(struct nl_msg *msg, const char *kind, int attr, const void *value, int len)
{
	struct nlattr *info = nla_nest_start(msg, IFLA_LINKINFO), *data;
	int error;

	if (info == NULL)
		return (-NLE_NOMEM);
	error = nla_put_string(msg, IFLA_INFO_KIND, kind);
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	if (data == NULL)
		return (-NLE_NOMEM);
	error |= nla_put(msg, attr, len, value);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return (error);
}

/*
 * A bridge that looks like the interface it will stand for: its MAC address (neighbours, DHCP and
 * switches see no change) and its MTU. No spanning tree, so that its ports forward at once; no
 * multicast snooping, so that it withholds nothing. It is made down: what is to be set before
 * the kernel speaks IPv6 on it can be set.
 */
int
nlu_bridge_create(struct nl_sock *sk, const char *name, int ifindex, const struct nl_linkinfo *like)
{
	struct ifinfomsg ifi = {.ifi_index = ifindex};
	struct nl_msg *msg = link_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi);
	const uint8_t no_snooping = 0;
	int error;

	if (msg == NULL)
		return (-NLE_NOMEM);
	error = nla_put_string(msg, IFLA_IFNAME, name);
	error |= nla_put(msg, IFLA_ADDRESS, sizeof(like->mac), like->mac);
	error |= nla_put_u32(msg, IFLA_MTU, like->mtu);
	error |= put_kind(msg, "bridge", IFLA_BR_MCAST_SNOOPING, &no_snooping, sizeof(no_snooping));
	return (nlu_change_if(sk, msg, error));
}

/* In bridge mode: several on one interface reach each other, but not the host. */
int
nlu_macvtap_create(struct nl_sock *sk, const char *name, int ifindex, int lower,
    const uint8_t mac[6], uint32_t mtu)
{
	struct ifinfomsg ifi = {.ifi_index = ifindex};
	struct nl_msg *msg = link_message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi);
	const uint32_t mode = MACVLAN_MODE_BRIDGE;
	int error;

	if (msg == NULL)
		return (-NLE_NOMEM);
	error = nla_put_string(msg, IFLA_IFNAME, name);
	error |= nla_put_u32(msg, IFLA_LINK, (uint32_t)lower);
	error |= nla_put(msg, IFLA_ADDRESS, 6, mac);
	if (mtu != 0)
		error |= nla_put_u32(msg, IFLA_MTU, mtu);
	error |= put_kind(msg, "macvtap", IFLA_MACVLAN_MODE, &mode, sizeof(mode));
	return (nlu_change_if(sk, msg, error));
}

int
nlu_link_delete(struct nl_sock *sk, int ifindex)
{
	struct ifinfomsg ifi = {.ifi_index = ifindex};

	return (nlu_change(sk, link_message(RTM_DELLINK, 0, &ifi)));
}

int
nlu_link_set_up(struct nl_sock *sk, int ifindex, bool up)
{
	struct ifinfomsg ifi = {
	    .ifi_index = ifindex, .ifi_flags = up ? IFF_UP : 0, .ifi_change = IFF_UP};

	return (nlu_change(sk, link_message(RTM_NEWLINK, 0, &ifi)));
}

static int
set_u32(struct nl_sock *sk, int ifindex, int attr, uint32_t value)
{
	struct ifinfomsg ifi = {.ifi_index = ifindex};
	struct nl_msg *msg = link_message(RTM_NEWLINK, 0, &ifi);

	if (msg == NULL)
		return (-NLE_NOMEM);
	return (nlu_change_if(sk, msg, nla_put_u32(msg, attr, value)));
}

int
nlu_link_set_mtu(struct nl_sock *sk, int ifindex, uint32_t mtu)
{
	return (set_u32(sk, ifindex, IFLA_MTU, mtu));
}

int
nlu_link_set_mac(struct nl_sock *sk, int ifindex, const uint8_t mac[6])
{
	struct ifinfomsg ifi = {.ifi_index = ifindex};
	struct nl_msg *msg = link_message(RTM_NEWLINK, 0, &ifi);

	if (msg == NULL)
		return (-NLE_NOMEM);
	return (nlu_change_if(sk, msg, nla_put(msg, IFLA_ADDRESS, 6, mac)));
}

int
nlu_link_set_master(struct nl_sock *sk, int ifindex, int master)
{
	return (set_u32(sk, ifindex, IFLA_MASTER, (uint32_t)master));
}

int
nlu_link_set_addr_gen_mode(struct nl_sock *sk, int ifindex, uint8_t mode)
{
	struct ifinfomsg ifi = {.ifi_index = ifindex};
	struct nl_msg *msg = link_message(RTM_NEWLINK, 0, &ifi);
	struct nlattr *spec, *six;
	int error = 0;

	if (msg == NULL)
		return (-NLE_NOMEM);
	spec = nla_nest_start(msg, IFLA_AF_SPEC);
	six = nla_nest_start(msg, AF_INET6);
	if (spec == NULL || six == NULL)
		error = -NLE_NOMEM;
	else
		error = nla_put_u8(msg, IFLA_INET6_ADDR_GEN_MODE, mode);
	if (error == 0) {
		nla_nest_end(msg, six);
		nla_nest_end(msg, spec);
	}
	return (nlu_change_if(sk, msg, error));
}
