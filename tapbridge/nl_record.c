/*
 * nl_record.c - saves an interface's addresses and routes, and gives them to another.
 *
 * A record is the RTM_NEWADDR or RTM_NEWROUTE message that the kernel's dump returned. Sending
 * it back with another interface index makes the same address or route there. Only what the kernel
 * reports but does not take is left out. Host world; called by bridge.c. rtnetlink(7).
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "tapbridge/nl_util.h"

/* What a hop may be told; the rest of its flags are the kernel's findings. */
#define HOP_FLAGS (RTNH_F_ONLINK | RTNH_F_PERVASIVE)

struct save {
	struct nl_records *list;
	struct nl_record **tail;
	bool (*wanted)(struct nlmsghdr *, int ifindex);
	int ifindex;
	int error;
};

/* ---- saving ---- */

static bool
addr_wanted(struct nlmsghdr *h, int ifindex)
{
	const struct ifaddrmsg *ifa = nlmsg_data(h);

	if (h->nlmsg_type != RTM_NEWADDR || (int)ifa->ifa_index != ifindex)
		return (false);
	if (ifa->ifa_family == AF_INET)
		return (true);
	return (ifa->ifa_family == AF_INET6 && ifa->ifa_scope != RT_SCOPE_LINK);
}

static bool
multipath_uses(struct nlattr *mp, int ifindex)
{
	struct rtnexthop *nh = nla_data(mp);
	int left = nla_len(mp);

	for (; RTNH_OK(nh, left); left -= NLMSG_ALIGN(nh->rtnh_len), nh = RTNH_NEXT(nh))
		if (nh->rtnh_ifindex == ifindex)
			return (true);
	return (false);
}

static bool
route_wanted(struct nlmsghdr *h, int ifindex)
{
	const struct rtmsg *rtm = nlmsg_data(h);
	struct nlattr *oif, *mp;

	if (h->nlmsg_type != RTM_NEWROUTE || (rtm->rtm_flags & RTM_F_CLONED) != 0)
		return (false);
	if (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6)
		return (false);
	if (rtm->rtm_type != RTN_UNICAST || rtm->rtm_protocol == RTPROT_KERNEL)
		return (false);
	oif = nlmsg_find_attr(h, sizeof(*rtm), RTA_OIF);
	if (oif != NULL && (int)nla_get_u32(oif) == ifindex)
		return (true);
	mp = nlmsg_find_attr(h, sizeof(*rtm), RTA_MULTIPATH);
	return (mp != NULL && multipath_uses(mp, ifindex));
}

static int
save_message(struct nl_msg *msg, void *arg)
{
	struct save *s = arg;
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct nl_record *r;

	if (!s->wanted(h, s->ifindex))
		return (NL_OK);
	r = calloc(1, sizeof(*r));
	if (r == NULL || (r->msg = malloc(h->nlmsg_len)) == NULL) {
		free(r);
		s->error = -NLE_NOMEM;
		return (NL_OK);
	}
	memcpy(r->msg, h, h->nlmsg_len);
	*s->tail = r;
	s->tail = &r->next;
	s->list->count++;
	return (NL_OK);
}

static int
save_dump(struct nl_sock *sk, int type, struct save *s)
{
	struct rtgenmsg any = {.rtgen_family = AF_UNSPEC};
	struct nl_cb *cb;
	int error;

	s->list->first = NULL;
	s->list->count = 0;
	s->tail = &s->list->first;
	error = nl_send_simple(sk, type, NLM_F_DUMP, &any, sizeof(any));
	if (error < 0)
		return (error);
	cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (cb == NULL)
		return (-NLE_NOMEM);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, save_message, s);
	error = nl_recvmsgs(sk, cb);
	nl_cb_put(cb);
	if (error >= 0)
		error = s->error;
	if (error < 0)
		nlu_free_records(s->list);
	return (error < 0 ? error : 0);
}

/* IPv6 addresses are listed newest first: turned, so that adding them again keeps the order. */
static void
turn_inet6(struct nl_records *list)
{
	struct nl_record **p = &list->first, *r, *six = NULL;
	const struct ifaddrmsg *ifa;

	while ((r = *p) != NULL) {
		ifa = nlmsg_data(r->msg);
		if (ifa->ifa_family != AF_INET6) {
			p = &r->next;
			continue;
		}
		*p = r->next;
		r->next = six;
		six = r;
	}
	*p = six;
}

int
nlu_save_addrs(struct nl_sock *sk, int ifindex, struct nl_records *list)
{
	struct save s = {.list = list, .wanted = addr_wanted, .ifindex = ifindex};
	int error = save_dump(sk, RTM_GETADDR, &s);

	if (error == 0)
		turn_inet6(list);
	return (error);
}

int
nlu_save_routes(struct nl_sock *sk, int ifindex, struct nl_records *list)
{
	struct save s = {.list = list, .wanted = route_wanted, .ifindex = ifindex};

	return (save_dump(sk, RTM_GETROUTE, &s));
}

void
nlu_free_records(struct nl_records *list)
{
	struct nl_record *r;

	while ((r = list->first) != NULL) {
		list->first = r->next;
		free(r->msg);
		free(r);
	}
	list->count = 0;
}

/* ---- replaying ---- */

static int
send_and_free(struct nl_sock *sk, struct nl_msg *msg)
{
	int error = nl_send_auto(sk, msg);

	nlmsg_free(msg);
	return (error < 0 ? error : nl_wait_for_ack(sk));
}

static struct nl_msg *
addr_message(const struct nl_record *r, int type, int flags, int ifindex, uint32_t more_flags)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
	struct ifaddrmsg ifa;
	struct nlattr *a;
	int left, error;
	bool moved;

	if (msg == NULL)
		return (NULL);
	memcpy(&ifa, nlmsg_data(r->msg), sizeof(ifa));
	moved = (int)ifa.ifa_index != ifindex;
	ifa.ifa_index = (unsigned)ifindex;
	error = nlmsg_append(msg, &ifa, sizeof(ifa), NLMSG_ALIGNTO);
	nlmsg_for_each_attr(a, r->msg, sizeof(ifa), left)
	{
		if (nla_type(a) == IFA_LABEL && moved)
			continue; /* it begins with the old interface's name */
		if (nla_type(a) == IFA_FLAGS)
			error |= nla_put_u32(msg, IFA_FLAGS, nla_get_u32(a) | more_flags);
		else
			error |= nla_put(msg, nla_type(a), nla_len(a), nla_data(a));
	}
	if (error != 0) {
		nlmsg_free(msg);
		return (NULL);
	}
	return (msg);
}

/*
 * An IPv6 address is added without duplicate address detection, or it would be unusable for a
 * second; it is known to be ours. Then its flags are set as they were.
 */
int
nlu_addr_add(struct nl_sock *sk, const struct nl_record *r, int ifindex)
{
	const struct ifaddrmsg *ifa = nlmsg_data(r->msg);
	bool inet6 = ifa->ifa_family == AF_INET6;
	struct nl_msg *msg;
	int error;

	msg = addr_message(
	    r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, inet6 ? IFA_F_NODAD : 0);
	if (msg == NULL)
		return (-NLE_NOMEM);
	error = send_and_free(sk, msg);
	if (error != 0 || !inet6)
		return (error == -NLE_EXIST ? 0 : error);
	msg = addr_message(r, RTM_NEWADDR, NLM_F_REPLACE, ifindex, 0);
	return (msg == NULL ? -NLE_NOMEM : send_and_free(sk, msg));
}

int
nlu_addr_del(struct nl_sock *sk, const struct nl_record *r, int ifindex)
{
	struct nl_msg *msg = addr_message(r, RTM_DELADDR, 0, ifindex, 0);
	int error;

	if (msg == NULL)
		return (-NLE_NOMEM);
	error = send_and_free(sk, msg);
	return (error == -NLE_NOADDR ? 0 : error);
}

/* The hops of a multipath route, those out of `from` turned to `to`. */
static int
put_multipath(struct nl_msg *msg, struct nlattr *mp, int from, int to)
{
	struct nlattr *copy = nla_reserve(msg, RTA_MULTIPATH, nla_len(mp));
	struct rtnexthop *nh;
	int left = nla_len(mp);

	if (copy == NULL)
		return (-NLE_NOMEM);
	memcpy(nla_data(copy), nla_data(mp), (size_t)left);
	nh = nla_data(copy);
	for (; RTNH_OK(nh, left); left -= NLMSG_ALIGN(nh->rtnh_len), nh = RTNH_NEXT(nh)) {
		nh->rtnh_flags &= HOP_FLAGS;
		if (nh->rtnh_ifindex == from)
			nh->rtnh_ifindex = to;
	}
	return (0);
}

static int
put_route_attr(struct nl_msg *msg, struct nlattr *a, const struct rtmsg *rtm, int from, int to)
{
	const struct rta_cacheinfo *ci;
	int oif;

	switch (nla_type(a)) {
	case RTA_OIF:
		oif = (int)nla_get_u32(a);
		return (nla_put_u32(msg, RTA_OIF, (uint32_t)(oif == from ? to : oif)));
	case RTA_MULTIPATH:
		return (put_multipath(msg, a, from, to));
	case RTA_CACHEINFO: /* told, not taken, except for how long an IPv6 route has to live */
		ci = nla_data(a);
		if (rtm->rtm_family != AF_INET6 || nla_len(a) < (int)sizeof(*ci) ||
		    (int32_t)ci->rta_expires <= 0)
			return (0);
		return (nla_put_u32(
		    msg, RTA_EXPIRES, (uint32_t)(ci->rta_expires / (int)sysconf(_SC_CLK_TCK) + 1)));
	case RTA_NH_ID: /* the hops stand beside it */
		return (0);
	default:
		return (nla_put(msg, nla_type(a), nla_len(a), nla_data(a)));
	}
}

static struct nl_msg *
route_message(const struct nl_record *r, int type, int flags, int from, int to)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
	struct rtmsg rtm;
	struct nlattr *a;
	int left, error;

	if (msg == NULL)
		return (NULL);
	memcpy(&rtm, nlmsg_data(r->msg), sizeof(rtm));
	rtm.rtm_flags &= HOP_FLAGS;
	error = nlmsg_append(msg, &rtm, sizeof(rtm), NLMSG_ALIGNTO);
	nlmsg_for_each_attr(a, r->msg, sizeof(rtm), left) error |=
	    put_route_attr(msg, a, &rtm, from, to);
	if (error != 0) {
		nlmsg_free(msg);
		return (NULL);
	}
	return (msg);
}

/*
 * Appended, so that it may stand beside the one that it is to replace: add the new, then delete
 * the old, and there is no moment without a route.
 */
int
nlu_route_add(struct nl_sock *sk, const struct nl_record *r, int from, int to)
{
	struct nl_msg *msg = route_message(r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, from, to);
	int error;

	if (msg == NULL)
		return (-NLE_NOMEM);
	error = send_and_free(sk, msg);
	return (error == -NLE_EXIST ? 0 : error);
}

int
nlu_route_del(struct nl_sock *sk, const struct nl_record *r, int from, int to)
{
	struct nl_msg *msg = route_message(r, RTM_DELROUTE, 0, from, to);
	int error;

	if (msg == NULL)
		return (-NLE_NOMEM);
	error = send_and_free(sk, msg);
	return (error == -NLE_OBJ_NOTFOUND ? 0 : error);
}
