/*
 * nl_object.c - what else names an interface: nexthop objects, neighbours, policy rules.
 * Host world; called by carry.c and netconf.c. rtnetlink(7), linux/nexthop.h, linux/fib_rules.h.
 */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/object.h>

#include "tapbridge/attach/nl_util.h"

/* ---- nexthop objects ---- */

struct nexthop_filter {
	int ifindex;
	struct nl_records *list;
};

static struct nlattr *
nh_attr(const struct nlmsghdr *h, int type)
{
	return (nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)h, sizeof(struct nhmsg), type));
}

uint32_t
nlu_nexthop_id(const struct nl_record *r)
{
	struct nlattr *a = nh_attr(r->msg, NHA_ID);

	return (a != NULL ? nla_get_u32(a) : 0);
}

bool
nlu_nexthop_is_hop(const struct nl_record *r)
{
	return (nh_attr(r->msg, NHA_OIF) != NULL);
}

bool
nlu_nexthop_has(const struct nl_records *list, uint32_t id)
{
	const struct nl_record *r;

	for (r = list->first; r != NULL; r = r->next)
		if (nlu_nexthop_id(r) == id)
			return (true);
	return (false);
}

static bool
nexthop_wanted(struct nlmsghdr *h, void *arg)
{
	struct nexthop_filter *f = arg;
	struct nlattr *oif = nh_attr(h, NHA_OIF);

	return (h->nlmsg_type == RTM_NEWNEXTHOP && nh_attr(h, NHA_FDB) == NULL && oif != NULL &&
		(int)nla_get_u32(oif) == f->ifindex);
}

static bool
group_wanted(struct nlmsghdr *h, void *arg)
{
	struct nexthop_filter *f = arg;
	struct nlattr *group = nh_attr(h, NHA_GROUP);
	const struct nexthop_grp *g;
	int i, n;

	if (h->nlmsg_type != RTM_NEWNEXTHOP || group == NULL)
		return (false);
	g = nla_data(group);
	n = nla_len(group) / (int)sizeof(*g);
	for (i = 0; i < n; i++)
		if (nlu_nexthop_has(f->list, g[i].id))
			return (true);
	return (false);
}

/* Those out of the interface, then the groups that have one of them. */
int
nlu_save_nexthops(struct nl_sock *sk, int ifindex, struct nl_records *list)
{
	struct nexthop_filter f = {ifindex, list};
	struct nl_records groups = {NULL, 0};
	struct nhmsg any = {.nh_family = AF_UNSPEC};
	struct nl_record **p;
	int error = nlu_dump(sk, RTM_GETNEXTHOP, &any, sizeof(any), nexthop_wanted, &f, list);

	if (error == -NLE_OPNOTSUPP || list->first == NULL) /* a kernel before 5.3; or none */
		return (error == -NLE_OPNOTSUPP ? 0 : error);
	error = nlu_dump(sk, RTM_GETNEXTHOP, &any, sizeof(any), group_wanted, &f, &groups);
	if (error != 0)
		return (error);
	for (p = &list->first; *p != NULL; p = &(*p)->next)
		;
	*p = groups.first;
	list->count += groups.count;
	return (0);
}

/* Makes it, or turns the one that is there, and with it all routes through it, at once. */
int
nlu_nexthop_put(struct nl_sock *sk, const struct nl_record *r, int from, int to)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_REPLACE);
	struct nhmsg nhm;
	struct nlattr *a;
	int left, oif, error;

	if (msg == NULL)
		return (-NLE_NOMEM);
	memcpy(&nhm, nlmsg_data(r->msg), sizeof(nhm));
	nhm.nh_flags &= RTNH_F_ONLINK;
	nhm.nh_scope = 0; /* told, not taken */
	error = nlmsg_append(msg, &nhm, sizeof(nhm), NLMSG_ALIGNTO);
	nlmsg_for_each_attr(a, r->msg, sizeof(nhm), left)
	{
		if (nla_type(a) == NHA_OIF) {
			oif = (int)nla_get_u32(a);
			error |= nla_put_u32(msg, NHA_OIF, (uint32_t)(oif == from ? to : oif));
		} else {
			error |= nla_put(msg, nla_type(a), nla_len(a), nla_data(a));
		}
	}
	return (nlu_change_if(sk, msg, error));
}

/* ---- neighbours ---- */

#define NUD_KNOWN (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE)

static struct nlattr *
nd_attr(const struct nlmsghdr *h, int type)
{
	return (nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)h, sizeof(struct ndmsg), type));
}

static bool
neigh_wanted(struct nlmsghdr *h, void *arg)
{
	const struct ndmsg *nd = nlmsg_data(h);

	if (h->nlmsg_type != RTM_NEWNEIGH || nd->ndm_ifindex != *(int *)arg ||
	    (nd->ndm_family != AF_INET && nd->ndm_family != AF_INET6))
		return (false);
	if ((nd->ndm_flags & NTF_PROXY) != 0)
		return (true);
	return (
	    (nd->ndm_state & (NUD_PERMANENT | NUD_KNOWN)) != 0 && nd_attr(h, NDA_LLADDR) != NULL);
}

int
nlu_save_neighs(struct nl_sock *sk, int ifindex, struct nl_records *list)
{
	struct ndmsg any = {.ndm_family = AF_UNSPEC};
	struct nl_records proxies = {NULL, 0};
	struct nl_record **p;
	int error = nlu_dump(sk, RTM_GETNEIGH, &any, sizeof(any), neigh_wanted, &ifindex, list);

	if (error != 0)
		return (error);
	any.ndm_flags = NTF_PROXY;
	error = nlu_dump(sk, RTM_GETNEIGH, &any, sizeof(any), neigh_wanted, &ifindex, &proxies);
	for (p = &list->first; *p != NULL; p = &(*p)->next)
		;
	*p = proxies.first;
	list->count += proxies.count;
	return (error);
}

bool
nlu_neigh_is_permanent(const struct nl_record *r)
{
	const struct ndmsg *nd = nlmsg_data(r->msg);

	return ((nd->ndm_flags & NTF_PROXY) != 0 || (nd->ndm_state & NUD_PERMANENT) != 0);
}

bool
nlu_neigh_is_proxy(const struct nl_record *r)
{
	return ((((const struct ndmsg *)nlmsg_data(r->msg))->ndm_flags & NTF_PROXY) != 0);
}

const struct nl_record *
nlu_neigh_find(const struct nl_records *list, const struct nl_record *like)
{
	const struct ndmsg *x = nlmsg_data(like->msg), *y;
	struct nlattr *p = nd_attr(like->msg, NDA_DST), *q;
	const struct nl_record *r;

	for (r = list->first; p != NULL && r != NULL; r = r->next) {
		y = nlmsg_data(r->msg);
		q = nd_attr(r->msg, NDA_DST);
		if (x->ndm_family == y->ndm_family && q != NULL &&
		    ((x->ndm_flags ^ y->ndm_flags) & NTF_PROXY) == 0 && nla_len(p) == nla_len(q) &&
		    memcmp(nla_data(p), nla_data(q), (size_t)nla_len(p)) == 0)
			return (r);
	}
	return (NULL);
}

/* What was reachable is stale at the new place: used at once, and soon asked for. */
static int
neigh_change(struct nl_sock *sk, const struct nl_record *r, int type, int flags, int ifindex)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
	struct ndmsg nd;
	struct nlattr *a;
	int left, error;

	if (msg == NULL)
		return (-NLE_NOMEM);
	memcpy(&nd, nlmsg_data(r->msg), sizeof(nd));
	nd.ndm_ifindex = ifindex;
	if ((nd.ndm_state & NUD_KNOWN) != 0)
		nd.ndm_state = NUD_STALE;
	error = nlmsg_append(msg, &nd, sizeof(nd), NLMSG_ALIGNTO);
	nlmsg_for_each_attr(a, r->msg, sizeof(nd),
	    left) if (nla_type(a) != NDA_CACHEINFO && nla_type(a) != NDA_PROBES) error |=
	    nla_put(msg, nla_type(a), nla_len(a), nla_data(a));
	return (nlu_change_if(sk, msg, error));
}

int
nlu_neigh_put(struct nl_sock *sk, const struct nl_record *r, int ifindex)
{
	return (neigh_change(sk, r, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, ifindex));
}

int
nlu_neigh_del(struct nl_sock *sk, const struct nl_record *r, int ifindex)
{
	int error = neigh_change(sk, r, RTM_DELNEIGH, 0, ifindex);

	return (error == -NLE_OBJ_NOTFOUND ? 0 : error);
}

/* ---- policy rules ---- */

static struct nlattr *
rule_attr(const struct nlmsghdr *h, int type)
{
	return (
	    nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)h, sizeof(struct fib_rule_hdr), type));
}

static bool
names(struct nlattr *a, const char *name)
{
	return (a != NULL && strcmp(nla_get_string(a), name) == 0);
}

static bool
rule_wanted(struct nlmsghdr *h, void *arg)
{
	const struct fib_rule_hdr *frh = nlmsg_data(h);

	return (h->nlmsg_type == RTM_NEWRULE &&
		(frh->family == AF_INET || frh->family == AF_INET6) &&
		(names(rule_attr(h, FRA_IIFNAME), arg) || names(rule_attr(h, FRA_OIFNAME), arg)));
}

int
nlu_save_rules(struct nl_sock *sk, const char *name, struct nl_records *list)
{
	struct fib_rule_hdr any = {.family = AF_UNSPEC};

	return (nlu_dump(
	    sk, RTM_GETRULE, &any, sizeof(any), rule_wanted, (void *)(uintptr_t)name, list));
}

static struct nl_msg *
rule_message(const struct nl_record *r, int type, int flags, const char *from, const char *to)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);
	struct fib_rule_hdr frh;
	struct nlattr *a;
	int left, error;

	if (msg == NULL)
		return (NULL);
	memcpy(&frh, nlmsg_data(r->msg), sizeof(frh));
	frh.flags &= FIB_RULE_INVERT;
	error = nlmsg_append(msg, &frh, sizeof(frh), NLMSG_ALIGNTO);
	nlmsg_for_each_attr(a, r->msg, sizeof(frh), left)
	{
		if ((nla_type(a) == FRA_IIFNAME || nla_type(a) == FRA_OIFNAME) && names(a, from))
			error |= nla_put_string(msg, nla_type(a), to);
		else
			error |= nla_put(msg, nla_type(a), nla_len(a), nla_data(a));
	}
	if (error != 0) {
		nlmsg_free(msg);
		return (NULL);
	}
	return (msg);
}

int
nlu_rule_add(struct nl_sock *sk, const struct nl_record *r, const char *from, const char *to)
{
	int error =
	    nlu_change(sk, rule_message(r, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, from, to));

	return (error == -NLE_EXIST ? 0 : error);
}

int
nlu_rule_del(struct nl_sock *sk, const struct nl_record *r, const char *from, const char *to)
{
	int error = nlu_change(sk, rule_message(r, RTM_DELRULE, 0, from, to));

	return (error == -NLE_OBJ_NOTFOUND ? 0 : error);
}

/* "not iif eth0": with eth0 a bridge's port it would match what it is not to match. */
bool
nlu_rule_is_inverted(const struct nl_record *r)
{
	return ((((const struct fib_rule_hdr *)nlmsg_data(r->msg))->flags & FIB_RULE_INVERT) != 0);
}

static bool
same_rule(struct nl_msg *x, struct nl_msg *y)
{
	const struct nlmsghdr *a = nlmsg_hdr(x), *b = nlmsg_hdr(y);
	struct nlattr *p, *q;
	int type;

	if (memcmp(nlmsg_data(a), nlmsg_data(b), sizeof(struct fib_rule_hdr)) != 0)
		return (false);
	for (type = 1; type <= FRA_MAX; type++) {
		p = rule_attr(a, type);
		q = rule_attr(b, type);
		if (p == NULL && q == NULL)
			continue;
		if (p == NULL || q == NULL || nla_len(p) != nla_len(q) ||
		    memcmp(nla_data(p), nla_data(q), (size_t)nla_len(p)) != 0)
			return (false);
	}
	return (true);
}

const struct nl_record *
nlu_rule_find(
    const struct nl_records *list, const struct nl_record *like, const char *from, const char *to)
{
	struct nl_msg *want = rule_message(like, RTM_NEWRULE, 0, from, to), *have;
	const struct nl_record *r, *found = NULL;

	for (r = list->first; want != NULL && found == NULL && r != NULL; r = r->next) {
		have = rule_message(r, RTM_NEWRULE, 0, "", "");
		if (have != NULL && same_rule(want, have))
			found = r;
		nlmsg_free(have);
	}
	nlmsg_free(want);
	return (found);
}

/* ---- in words ---- */

static void
keep_parsed(struct nl_object *obj, void *arg)
{
	nl_object_get(obj);
	*(struct nl_object **)arg = obj;
}

const char *
nlu_text(const struct nl_record *r, char *buf, size_t size)
{
	struct nl_object *obj = NULL;
	struct nl_msg *msg = nlmsg_convert(r->msg);
	size_t len;

	buf[0] = '\0';
	if (msg != NULL)
		nlmsg_set_proto(msg, NETLINK_ROUTE);
	if (msg != NULL && nl_msg_parse(msg, keep_parsed, &obj) == 0 && obj != NULL)
		nl_object_dump_buf(obj, buf, size);
	if (obj != NULL)
		nl_object_put(obj);
	nlmsg_free(msg);
	len = strcspn(buf, "\n");
	while (len > 0 && buf[len - 1] == ' ')
		len--;
	buf[len] = '\0';
	return (buf);
}
