/*
 * nl_addr.c - saves an interface's addresses, and gives them to another.
 * Host world; called by carry.c and netconf.c. rtnetlink(7), linux/if_addr.h.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "tapbridge/attach/nl_util.h"

/* The kernel's findings, which are not for telling it. */
#define ADDR_FOUND                                                                                 \
	(IFA_F_TEMPORARY | IFA_F_DADFAILED | IFA_F_TENTATIVE | IFA_F_STABLE_PRIVACY |              \
	    IFA_F_DEPRECATED | IFA_F_PERMANENT)

static bool
addr_wanted(struct nlmsghdr *h, void *arg)
{
	const struct ifaddrmsg *ifa = nlmsg_data(h);

	return (h->nlmsg_type == RTM_NEWADDR && (int)ifa->ifa_index == *(int *)arg &&
		(ifa->ifa_family == AF_INET || ifa->ifa_family == AF_INET6));
}

/* IPv6 addresses are listed newest first: turned, so that adding them again keeps the order. */
static void
turn_inet6(struct nl_records *list)
{
	struct nl_record **p = &list->first, *r;
	struct nl_records six = {NULL, 0};

	while ((r = *p) != NULL) {
		if (!nlu_addr_is_inet6(r)) {
			p = &r->next;
			continue;
		}
		*p = r->next;
		r->next = six.first;
		six.first = r;
	}
	*p = six.first;
}

int
nlu_save_addrs(struct nl_sock *sk, int ifindex, struct nl_records *list)
{
	struct ifaddrmsg any = {.ifa_family = AF_UNSPEC};
	int error = nlu_dump(sk, RTM_GETADDR, &any, sizeof(any), addr_wanted, &ifindex, list);

	if (error == 0)
		turn_inet6(list);
	return (error);
}

static uint32_t
addr_flags(const struct nl_record *r)
{
	const struct ifaddrmsg *ifa = nlmsg_data(r->msg);
	struct nlattr *a = nlmsg_find_attr(r->msg, sizeof(*ifa), IFA_FLAGS);

	return (a != NULL ? nla_get_u32(a) : ifa->ifa_flags);
}

bool
nlu_addr_is_inet6(const struct nl_record *r)
{
	return (((const struct ifaddrmsg *)nlmsg_data(r->msg))->ifa_family == AF_INET6);
}

bool
nlu_addr_is_linklocal(const struct nl_record *r)
{
	const struct ifaddrmsg *ifa = nlmsg_data(r->msg);

	return (ifa->ifa_family == AF_INET6 && ifa->ifa_scope == RT_SCOPE_LINK);
}

bool
nlu_addr_is_temporary(const struct nl_record *r)
{
	return (nlu_addr_is_inet6(r) && (addr_flags(r) & IFA_F_TEMPORARY) != 0);
}

static bool
same_attr(const struct nl_record *a, const struct nl_record *b, int type)
{
	struct nlattr *x = nlmsg_find_attr(a->msg, sizeof(struct ifaddrmsg), type);
	struct nlattr *y = nlmsg_find_attr(b->msg, sizeof(struct ifaddrmsg), type);

	if (x == NULL || y == NULL)
		return (x == y);
	return (
	    nla_len(x) == nla_len(y) && memcmp(nla_data(x), nla_data(y), (size_t)nla_len(x)) == 0);
}

const struct nl_record *
nlu_addr_find(const struct nl_records *list, const struct nl_record *like)
{
	const struct ifaddrmsg *x = nlmsg_data(like->msg), *y;
	const struct nl_record *r;

	for (r = list->first; r != NULL; r = r->next) {
		y = nlmsg_data(r->msg);
		if (x->ifa_family == y->ifa_family && x->ifa_prefixlen == y->ifa_prefixlen &&
		    same_attr(like, r, IFA_LOCAL) && same_attr(like, r, IFA_ADDRESS))
			return (r);
	}
	return (NULL);
}

/* "eth0:x" at eth0 is "br-eth0:x" at br-eth0, if that is not too long. */
static int
put_label(struct nl_msg *msg, struct nlattr *a, const struct nl_end *from, const struct nl_end *to)
{
	char label[IFNAMSIZ];
	size_t len = strlen(from->name);
	int n;

	if (from->ifindex == to->ifindex || strncmp(nla_get_string(a), from->name, len) != 0)
		return (nla_put_string(msg, IFA_LABEL, nla_get_string(a)));
	n = snprintf(label, sizeof(label), "%s%s", to->name, nla_get_string(a) + len);
	if (n < 0 || n >= (int)sizeof(label))
		return (0);
	return (nla_put_string(msg, IFA_LABEL, label));
}

static struct nl_msg *
addr_message(const struct nl_record *r, const struct nl_record *lives, int flags,
    const struct nl_end *from, const struct nl_end *to, uint32_t more_flags)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWADDR, flags);
	struct ifaddrmsg ifa;
	struct nlattr *a, *life;
	int left, error;

	if (msg == NULL)
		return (NULL);
	memcpy(&ifa, nlmsg_data(r->msg), sizeof(ifa));
	ifa.ifa_index = (unsigned)to->ifindex;
	ifa.ifa_flags = 0; /* IFA_FLAGS has them all */
	error = nlmsg_append(msg, &ifa, sizeof(ifa), NLMSG_ALIGNTO);
	error |= nla_put_u32(msg, IFA_FLAGS, (addr_flags(r) & ~ADDR_FOUND) | more_flags);
	nlmsg_for_each_attr(a, r->msg, sizeof(ifa), left)
	{
		if (nla_type(a) == IFA_LABEL)
			error |= put_label(msg, a, from, to);
		else if (nla_type(a) != IFA_FLAGS && nla_type(a) != IFA_CACHEINFO)
			error |= nla_put(msg, nla_type(a), nla_len(a), nla_data(a));
	}
	life = nlmsg_find_attr(lives->msg, sizeof(ifa), IFA_CACHEINFO);
	if (life != NULL)
		error |= nla_put(msg, IFA_CACHEINFO, nla_len(life), nla_data(life));
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
nlu_addr_add(struct nl_sock *sk, const struct nl_record *r, const struct nl_record *lives,
    const struct nl_end *from, const struct nl_end *to)
{
	bool inet6 = nlu_addr_is_inet6(r);
	int error;

	error = nlu_change(sk,
	    addr_message(r, lives, NLM_F_CREATE | NLM_F_EXCL, from, to, inet6 ? IFA_F_NODAD : 0));
	if (error != 0 || !inet6)
		return (error == -NLE_EXIST ? 0 : error);
	return (nlu_change(sk, addr_message(r, lives, NLM_F_REPLACE, from, to, 0)));
}

int
nlu_addr_del(struct nl_sock *sk, const struct nl_record *r, int ifindex)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_DELADDR, 0);
	struct ifaddrmsg ifa;
	struct nlattr *a;
	int type, error;

	if (msg == NULL)
		return (-NLE_NOMEM);
	memcpy(&ifa, nlmsg_data(r->msg), sizeof(ifa));
	ifa.ifa_index = (unsigned)ifindex;
	error = nlmsg_append(msg, &ifa, sizeof(ifa), NLMSG_ALIGNTO);
	for (type = IFA_ADDRESS; type <= IFA_LOCAL; type++) {
		a = nlmsg_find_attr(r->msg, sizeof(ifa), type);
		if (a != NULL)
			error |= nla_put(msg, type, nla_len(a), nla_data(a));
	}
	if (error != 0) {
		nlmsg_free(msg);
		return (-NLE_NOMEM);
	}
	error = nlu_change(sk, msg);
	return (error == -NLE_NOADDR ? 0 : error);
}
