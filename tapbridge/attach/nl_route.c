/*
 * nl_route.c - saves the routes that use an interface, and turns them to another.
 *
 * Order matters where two routes are equally good (destination, TOS, metric): the first is used.
 * A route is appended, which keeps the order among those of one interface; where one of another
 * interface comes after it (before_others), it is put in front instead. IPv6 has no such order,
 * but makes one multipath route of equals with gateways: those are replaced as a whole.
 * Host world; called by carry.c and netconf.c. rtnetlink(7).
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "tapbridge/attach/nl_util.h"

/* What a hop may be told; the rest of its flags are the kernel's findings. */
#define HOP_FLAGS (RTNH_F_ONLINK | RTNH_F_PERVASIVE)

/* ---- saving ---- */

struct route_filter {
	int ifindex;
	int other; /* the other end of a move: its routes are not others' */
	const struct nl_records *nexthops;
	struct nl_records *list;
	struct nl_record *last; /* the last that was taken, when the next is looked at */
	struct nl_record *group;
};

static struct nlattr *
attr_of(const struct nlmsghdr *h, int type)
{
	return (nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)h, sizeof(struct rtmsg), type));
}

static bool
multipath_uses(struct nlattr *mp, int ifindex)
{
	struct rtnexthop *nh = nla_data(mp);
	int left = nla_len(mp);

	for (; left >= (int)sizeof(*nh) && RTNH_OK(nh, left);
	     left -= NLMSG_ALIGN(nh->rtnh_len), nh = RTNH_NEXT(nh))
		if (nh->rtnh_ifindex == ifindex)
			return (true);
	return (false);
}

/* Made by the kernel for every address or interface: it makes them again by itself. */
static bool
comes_by_itself(const struct nlmsghdr *h)
{
	const struct rtmsg *rtm = nlmsg_data(h);
	struct nlattr *dst = attr_of(h, RTA_DST);
	const uint8_t *d = dst != NULL ? nla_data(dst) : NULL;

	if (rtm->rtm_protocol != RTPROT_KERNEL)
		return (false);
	if (rtm->rtm_type == RTN_LOCAL || rtm->rtm_type == RTN_BROADCAST ||
	    rtm->rtm_type == RTN_ANYCAST || rtm->rtm_type == RTN_MULTICAST)
		return (true);
	return (rtm->rtm_family == AF_INET6 && d != NULL &&
		(d[0] == 0xff || (d[0] == 0xfe && (d[1] & 0xc0) == 0x80)));
}

static bool
goes_through(const struct nlmsghdr *h, int ifindex)
{
	struct nlattr *oif = attr_of(h, RTA_OIF), *mp = attr_of(h, RTA_MULTIPATH);

	if (oif != NULL && (int)nla_get_u32(oif) == ifindex)
		return (true);
	return (mp != NULL && multipath_uses(mp, ifindex));
}

static bool
uses(const struct nlmsghdr *h, const struct route_filter *f)
{
	struct nlattr *id = attr_of(h, RTA_NH_ID);

	if (id != NULL)
		return (nlu_nexthop_has(f->nexthops, nla_get_u32(id)));
	return (goes_through(h, f->ifindex));
}

static uint32_t
u32_of(const struct nlmsghdr *h, int type)
{
	struct nlattr *a = attr_of(h, type);

	return (a != NULL ? nla_get_u32(a) : 0);
}

/* One is chosen over the other by its place in the table only. */
static bool
equally_good(const struct nlmsghdr *a, const struct nlmsghdr *b)
{
	const struct rtmsg *x = nlmsg_data(a), *y = nlmsg_data(b);
	struct nlattr *p = attr_of(a, RTA_DST), *q = attr_of(b, RTA_DST);

	if (x->rtm_family != y->rtm_family || x->rtm_dst_len != y->rtm_dst_len ||
	    x->rtm_tos != y->rtm_tos || u32_of(a, RTA_TABLE) != u32_of(b, RTA_TABLE) ||
	    u32_of(a, RTA_PRIORITY) != u32_of(b, RTA_PRIORITY))
		return (false);
	if (p == NULL || q == NULL)
		return (p == q);
	return (memcmp(nla_data(p), nla_data(q), (size_t)nla_len(p)) == 0);
}

/* The dump's order is the table's: after a route come those that are as good and less wanted. */
static void
note_order(struct nlmsghdr *h, bool taken, struct route_filter *f)
{
	struct nl_record *r;

	if (f->list->first == NULL) /* the dump has just begun, perhaps once more */
		f->last = f->group = NULL;
	f->last = f->last != NULL ? f->last : f->list->first;
	while (f->last != NULL && f->last->next != NULL)
		f->last = f->last->next;
	if (f->group == NULL || !equally_good(f->group->msg, h))
		f->group = f->last != NULL && equally_good(f->last->msg, h) ? f->last : NULL;
	taken |= f->other != 0 && goes_through(h, f->other);
	for (r = taken ? NULL : f->group; r != NULL; r = r->next)
		r->before_others = true;
}

static bool
route_wanted(struct nlmsghdr *h, void *arg)
{
	const struct rtmsg *rtm = nlmsg_data(h);
	struct route_filter *f = arg;
	bool taken;

	if (h->nlmsg_type != RTM_NEWROUTE || (rtm->rtm_flags & RTM_F_CLONED) != 0 ||
	    (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6))
		return (false);
	taken = uses(h, f) && !comes_by_itself(h);
	if (rtm->rtm_family == AF_INET)
		note_order(h, taken, f);
	return (taken);
}

static int
save_family(struct nl_sock *sk, int family, struct route_filter *f, struct nl_records *list)
{
	struct rtmsg any = {.rtm_family = (uint8_t)family};

	f->list = list;
	f->last = f->group = NULL;
	return (nlu_dump(sk, RTM_GETROUTE, &any, sizeof(any), route_wanted, f, list));
}

int
nlu_save_routes(struct nl_sock *sk, int ifindex, int other, const struct nl_records *nexthops,
    struct nl_records *list)
{
	struct route_filter f = {.ifindex = ifindex, .other = other, .nexthops = nexthops};
	struct nl_records six = {NULL, 0};
	struct nl_record **p;
	int error = save_family(sk, AF_INET, &f, list);

	if (error == 0)
		error = save_family(sk, AF_INET6, &f, &six);
	if (error != 0) {
		nlu_free_records(list);
		return (error);
	}
	for (p = &list->first; *p != NULL; p = &(*p)->next)
		;
	*p = six.first;
	list->count += six.count;
	return (0);
}

/* ---- what a route is ---- */

bool
nlu_route_is_kernel(const struct nl_record *r)
{
	return (((const struct rtmsg *)nlmsg_data(r->msg))->rtm_protocol == RTPROT_KERNEL);
}

bool
nlu_route_by_nexthop(const struct nl_record *r)
{
	return (attr_of(r->msg, RTA_NH_ID) != NULL);
}

bool
nlu_route_replaces(const struct nl_record *r)
{
	const struct rtmsg *rtm = nlmsg_data(r->msg);

	return (rtm->rtm_family == AF_INET6 && attr_of(r->msg, RTA_MULTIPATH) != NULL);
}

/* ---- doing it again ---- */

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
	for (; left >= (int)sizeof(*nh) && RTNH_OK(nh, left);
	     left -= NLMSG_ALIGN(nh->rtnh_len), nh = RTNH_NEXT(nh)) {
		nh->rtnh_flags &= HOP_FLAGS;
		if (nh->rtnh_ifindex == from)
			nh->rtnh_ifindex = to;
	}
	return (0);
}

/* Told, not taken, except for how long an IPv6 route has to live. */
static int
put_expires(struct nl_msg *msg, struct nlattr *a, const struct rtmsg *rtm)
{
	const struct rta_cacheinfo *ci = nla_data(a);
	long hz = sysconf(_SC_CLK_TCK);

	if (rtm->rtm_family != AF_INET6 || nla_len(a) < (int)sizeof(*ci) ||
	    (int32_t)ci->rta_expires <= 0 || hz <= 0)
		return (0);
	return (nla_put_u32(msg, RTA_EXPIRES, (uint32_t)((long)ci->rta_expires / hz + 1)));
}

static int
put_route_attr(struct nl_msg *msg, struct nlattr *a, const struct rtmsg *rtm, int from, int to)
{
	int oif;

	switch (nla_type(a)) {
	case RTA_OIF:
		oif = (int)nla_get_u32(a);
		return (nla_put_u32(msg, RTA_OIF, (uint32_t)(oif == from ? to : oif)));
	case RTA_MULTIPATH:
		return (put_multipath(msg, a, from, to));
	case RTA_CACHEINFO:
		return (put_expires(msg, a, rtm));
	default:
		return (nla_put(msg, nla_type(a), nla_len(a), nla_data(a)));
	}
}

/* Where there is a nexthop object, the kernel wants no hops beside it. */
static bool
is_hop_attr(int type)
{
	return (type == RTA_OIF || type == RTA_GATEWAY || type == RTA_VIA ||
		type == RTA_MULTIPATH || type == RTA_ENCAP || type == RTA_ENCAP_TYPE);
}

static struct nl_msg *
route_message(const struct nl_record *r, int type, int flags, int from, int to)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
	bool by_nexthop = nlu_route_by_nexthop(r);
	struct rtmsg rtm;
	struct nlattr *a;
	int left, error;

	if (msg == NULL)
		return (NULL);
	memcpy(&rtm, nlmsg_data(r->msg), sizeof(rtm));
	rtm.rtm_flags &= by_nexthop ? 0 : HOP_FLAGS;
	error = nlmsg_append(msg, &rtm, sizeof(rtm), NLMSG_ALIGNTO);
	nlmsg_for_each_attr(
	    a, r->msg, sizeof(rtm), left) if (!by_nexthop || !is_hop_attr(nla_type(a))) error |=
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
	int flags = NLM_F_CREATE | NLM_F_APPEND, error;

	if (nlu_route_replaces(r))
		flags = NLM_F_CREATE | NLM_F_REPLACE;
	else if (r->before_others)
		flags = NLM_F_CREATE;
	error = nlu_change(sk, route_message(r, RTM_NEWROUTE, flags, from, to));
	return (error == -NLE_EXIST ? 0 : error);
}

int
nlu_route_del(struct nl_sock *sk, const struct nl_record *r, int from, int to)
{
	int error = nlu_change(sk, route_message(r, RTM_DELROUTE, 0, from, to));

	return (error == -NLE_OBJ_NOTFOUND ? 0 : error);
}

/* ---- comparing ---- */

static bool
same_message(struct nl_msg *x, struct nl_msg *y)
{
	const struct nlmsghdr *a = nlmsg_hdr(x), *b = nlmsg_hdr(y);
	struct nlattr *p, *q;
	int left, type;

	if (memcmp(nlmsg_data(a), nlmsg_data(b), sizeof(struct rtmsg)) != 0)
		return (false);
	for (type = 1; type <= RTA_MAX; type++) {
		p = attr_of(a, type);
		q = attr_of(b, type);
		if (type == RTA_EXPIRES || (p == NULL && q == NULL))
			continue;
		if (p == NULL || q == NULL || nla_len(p) != nla_len(q))
			return (false);
		left = nla_len(p);
		if (memcmp(nla_data(p), nla_data(q), (size_t)left) != 0)
			return (false);
	}
	return (true);
}

const struct nl_record *
nlu_route_find(const struct nl_records *list, const struct nl_record *like, int from, int to)
{
	struct nl_msg *want = route_message(like, RTM_NEWROUTE, 0, from, to), *have;
	const struct nl_record *r, *found = NULL;

	for (r = list->first; want != NULL && found == NULL && r != NULL; r = r->next) {
		have = route_message(r, RTM_NEWROUTE, 0, 0, 0);
		if (have != NULL && same_message(want, have))
			found = r;
		nlmsg_free(have);
	}
	nlmsg_free(want);
	return (found);
}
