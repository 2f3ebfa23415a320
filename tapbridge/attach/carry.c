/*
 * carry.c - takes all that an interface has to another, and brings it back.
 *
 * Theory of operation. Going there, everything is added at the bridge before it goes from the
 * interface, so at every moment each address and route is somewhere, and connections live on.
 * Coming back does not undo a list of steps: it looks at what is on either interface now and
 * brings that to the nic. So it does not matter how far attaching had come, and doing it
 * twice changes nothing. What was saved (s->conf) decides what belongs to us, how it is
 * called (labels), and in which order it was.
 *
 * Some things are not taken from the nic, only copied, because nothing is lost by that and the
 * copies go with the bridge: neighbours, policy rules, IPv6 link-local addresses; and all IPv6
 * addresses if there are temporary ones among them (RFC 8981), which cannot be made by hand. A
 * kernel's route (proto kernel) follows its address; those that the kernel made where none was
 * before are deleted again.
 *
 * Host world; called by bridge.c. Owns nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "kernel_glue/include/host/host.h"
#include "tapbridge/attach/carry.h"

int
netconf_read(struct nl_sock *sk, const struct nl_end *end, int other, struct netconf *c)
{
	int error;

	memset(c, 0, sizeof(*c));
	error = nlu_save_addrs(sk, end->ifindex, &c->addrs);
	if (error == 0)
		error = nlu_save_nexthops(sk, end->ifindex, &c->nexthops);
	if (error == 0)
		error = nlu_save_routes(sk, end->ifindex, other, &c->nexthops, &c->routes);
	if (error == 0)
		error = nlu_save_neighs(sk, end->ifindex, &c->neighs);
	if (error == 0)
		error = nlu_save_rules(sk, end->name, &c->rules);
	if (error != 0)
		netconf_free(c);
	return (error);
}

static void
tell(const struct nl_record *r, const char *fmt, const char *where)
{
	char what[200], line[320];

	(void)nlu_text(r, what, sizeof(what));
	snprintf(line, sizeof(line), fmt, what, where);
	host_log(5, line);
}

#define TOLD_GONE "meanwhile somebody took away: %s; it stays away from %s"
#define TOLD_NEW "meanwhile somebody added: %s; it goes to %s"

/* ---- addresses ---- */

static bool
some_temporary(const struct nl_records *addrs)
{
	const struct nl_record *r;

	for (r = addrs->first; r != NULL; r = r->next)
		if (nlu_addr_is_temporary(r))
			return (true);
	return (false);
}

int
carry_addrs(struct nl_sock *sk, const struct state *s, const struct nl_end *nic,
    const struct nl_end *bridge)
{
	const struct nl_record *r;
	int error = 0;

	for (r = s->conf.addrs.first; r != NULL && error == 0; r = r->next) {
		if (nlu_addr_is_linklocal(r) && !s->created)
			continue; /* that bridge has its own */
		error = nlu_addr_add(sk, r, r, nic, bridge);
	}
	return (error);
}

/* The last first: with a subnet's first address the kernel would take its others, too. */
static int
take_from(struct nl_sock *sk, const struct nl_record *r, bool keep6, int ifindex)
{
	int error;

	if (r == NULL)
		return (0);
	error = take_from(sk, r->next, keep6, ifindex);
	if (error != 0 || nlu_addr_is_linklocal(r) || (keep6 && nlu_addr_is_inet6(r)))
		return (error);
	return (nlu_addr_del(sk, r, ifindex));
}

int
carry_take_addrs(struct nl_sock *sk, const struct state *s, const struct nl_end *nic)
{
	return (take_from(sk, s->conf.addrs.first, some_temporary(&s->conf.addrs), nic->ifindex));
}

/* What is left of a saved lifetime; false: nothing. */
static bool
age(struct nl_record *r, int64_t seconds)
{
	struct nlattr *a = nlmsg_find_attr(r->msg, sizeof(struct ifaddrmsg), IFA_CACHEINFO);
	struct ifa_cacheinfo *ci;

	if (a == NULL || nla_len(a) < (int)sizeof(*ci))
		return (true);
	ci = nla_data(a);
	if (ci->ifa_valid != UINT32_MAX) {
		if (ci->ifa_valid <= seconds)
			return (false);
		ci->ifa_valid -= (uint32_t)seconds;
	}
	if (ci->ifa_prefered != UINT32_MAX)
		ci->ifa_prefered =
		    ci->ifa_prefered > seconds ? ci->ifa_prefered - (uint32_t)seconds : 0;
	return (true);
}

/* A saved address comes back with what it has left to live. */
static int
addr_from_memory(struct nl_sock *sk, const struct state *s, const struct nl_record *r,
    const struct nl_end *was, const struct nl_end *nic)
{
	struct nl_records one = {NULL, 0};
	struct nl_record *copy = nlu_append(&one, r->msg);
	int error = -NLE_NOMEM;

	if (copy != NULL)
		error = age(copy, state_now_s() - s->saved_s)
			    ? nlu_addr_add(sk, copy, copy, was, nic)
			    : 0;
	nlu_free_records(&one);
	return (error);
}

struct back {
	struct nl_sock *sk;
	const struct state *s;
	const struct nl_end *nic, *bridge;
	struct nl_end was; /* the nic when it was saved: another index, if it was plugged again */
	bool there;	   /* the bridge is */
	struct netconf on_bridge, on_nic;
};

/* A connection of the machine uses that IPv6 address. */
static bool
in_use(const struct nl_record *r)
{
	struct nlattr *a = nlmsg_find_attr(r->msg, sizeof(struct ifaddrmsg), IFA_ADDRESS);
	FILE *f = fopen("/proc/net/tcp6", "re");
	char line[512], want[40];
	bool found = false;
	uint32_t w[4];

	if (f == NULL || a == NULL || nla_len(a) != sizeof(w)) {
		if (f != NULL)
			fclose(f);
		return (f != NULL);
	}
	memcpy(w, nla_data(a), sizeof(w));
	snprintf(want, sizeof(want), " %08X%08X%08X%08X:", w[0], w[1], w[2], w[3]);
	while (!found && fgets(line, sizeof(line), f) != NULL)
		found = strstr(line, want) != NULL;
	fclose(f);
	return (found);
}

static int
addrs_back(struct back *b)
{
	const struct nl_record *r, *at_bridge;
	int error = 0;

	for (r = b->s->conf.addrs.first; r != NULL && error == 0; r = r->next) {
		at_bridge = nlu_addr_find(&b->on_bridge.addrs, r);
		if (nlu_addr_find(&b->on_nic.addrs, r) != NULL)
			continue;
		if (at_bridge != NULL)
			error = nlu_addr_add(b->sk, r, at_bridge, &b->was, b->nic);
		else if (!b->there &&
			 !(nlu_addr_is_linklocal(r) && b->was.ifindex != b->nic->ifindex))
			error = addr_from_memory(b->sk, b->s, r, &b->was, b->nic);
		else if (b->there && b->s->complete && !nlu_addr_is_linklocal(r))
			tell(r, TOLD_GONE, b->nic->name);
	}
	for (r = b->on_bridge.addrs.first; r != NULL && error == 0 && b->s->created; r = r->next) {
		if (nlu_addr_is_linklocal(r) || nlu_addr_find(&b->s->conf.addrs, r) != NULL ||
		    nlu_addr_find(&b->on_nic.addrs, r) != NULL)
			continue;
		if (nlu_addr_is_temporary(r) && !in_use(r))
			continue; /* the kernel made it, and makes others */
		tell(r, TOLD_NEW, b->nic->name);
		error = nlu_addr_add(b->sk, r, r, b->bridge, b->nic);
	}
	return (error);
}

/* A bridge that is not ours keeps nothing of what we copied to it. */
int
carry_clear(struct nl_sock *sk, const struct state *s, const struct nl_end *bridge)
{
	const struct nl_record *r;
	int error = take_from(sk, s->conf.addrs.first, false, bridge->ifindex);

	for (r = s->conf.neighs.first; r != NULL && error == 0; r = r->next)
		if (nlu_neigh_is_permanent(r))
			error = nlu_neigh_del(sk, r, bridge->ifindex);
	return (error);
}

/* ---- neighbours ---- */

int
carry_neighs(struct nl_sock *sk, const struct state *s, const struct nl_end *bridge)
{
	const struct nl_record *r;
	int error = 0;

	for (r = s->conf.neighs.first; r != NULL && error == 0; r = r->next)
		error = nlu_neigh_put(sk, r, bridge->ifindex);
	return (error);
}

static int
neighs_back(struct back *b)
{
	const struct nl_records *saved = &b->s->conf.neighs;
	const struct nl_record *r;
	int error = 0;
	bool known;

	for (r = b->on_bridge.neighs.first; r != NULL && error == 0; r = r->next) {
		known = nlu_neigh_find(saved, r) != NULL;
		if (!b->s->created && !known)
			continue;
		if (!known && nlu_neigh_is_permanent(r))
			tell(r, TOLD_NEW, b->nic->name);
		error = nlu_neigh_put(b->sk, r, b->nic->ifindex);
	}
	/* the kernel drops proxies with the carrier, and all of a nic without an address */
	for (r = saved->first; r != NULL && error == 0; r = r->next) {
		if (!nlu_neigh_is_permanent(r) || nlu_neigh_find(&b->on_bridge.neighs, r) != NULL)
			continue;
		known = nlu_neigh_find(&b->on_nic.neighs, r) != NULL;
		if (!b->there || !b->s->complete || nlu_neigh_is_proxy(r)) {
			error = known ? 0 : nlu_neigh_put(b->sk, r, b->nic->ifindex);
			continue;
		}
		tell(r, TOLD_GONE, b->nic->name);
		error = known ? nlu_neigh_del(b->sk, r, b->nic->ifindex) : 0;
	}
	return (error);
}

/* ---- policy rules ---- */

int
carry_rules(struct nl_sock *sk, const struct state *s, const struct nl_end *nic,
    const struct nl_end *bridge)
{
	const struct nl_record *r;
	int error = 0;

	for (r = s->conf.rules.first; r != NULL && error == 0; r = r->next) {
		error = nlu_rule_add(sk, r, nic->name, bridge->name);
		if (error == 0 && nlu_rule_is_inverted(r))
			error = nlu_rule_del(sk, r, nic->name, nic->name);
	}
	return (error);
}

/* Rules outlive the interface that they name, so this is done when the bridge is gone, too. */
int
carry_rules_back(struct nl_sock *sk, const struct state *s, const struct nl_end *nic,
    const struct nl_end *bridge)
{
	struct nl_records at_bridge = {NULL, 0}, at_nic = {NULL, 0};
	const struct nl_record *r;
	bool ours;
	int error = nlu_save_rules(sk, bridge->name, &at_bridge);

	if (error == 0)
		error = nlu_save_rules(sk, nic->name, &at_nic);
	for (r = at_bridge.first; r != NULL && error == 0; r = r->next) {
		ours = nlu_rule_find(&s->conf.rules, r, bridge->name, nic->name) != NULL;
		if (!ours && !s->created)
			continue;
		if (!ours)
			tell(r, TOLD_NEW, nic->name);
		if (nlu_rule_find(&at_nic, r, bridge->name, nic->name) == NULL &&
		    (!ours || nlu_rule_is_inverted(r)))
			error = nlu_rule_add(sk, r, bridge->name, nic->name);
		if (error == 0)
			error = nlu_rule_del(sk, r, bridge->name, bridge->name);
	}
	nlu_free_records(&at_bridge);
	nlu_free_records(&at_nic);
	return (error);
}

/* ---- routes and nexthop objects ---- */

/*
 * What is still to be moved. A route through a gateway is accepted only when the gateway can be
 * reached at the new place, so what is refused is tried again after the others.
 */
struct moving {
	struct nl_sock *sk;
	int from, to;
	const struct nl_record **todo;
	bool *done;
	int n, left, error;
	bool take_old;
};

static int
move_one(struct moving *m, const struct nl_record *r)
{
	int error = 0;

	if (r->msg->nlmsg_type == RTM_NEWNEXTHOP)
		return (nlu_nexthop_put(m->sk, r, m->from, m->to));
	if (r->before_others) /* one that is there may be at the wrong place */
		error = nlu_route_del(m->sk, r, m->from, m->to);
	if (error == 0)
		error = nlu_route_add(m->sk, r, m->from, m->to);
	if (error == 0 && m->take_old && !nlu_route_replaces(r) && !nlu_route_by_nexthop(r))
		error = nlu_route_del(m->sk, r, m->from, m->from);
	return (error);
}

static bool
move_try(struct moving *m, int i)
{
	int error;

	if (m->done[i])
		return (false);
	error = move_one(m, m->todo[i]);
	if (error != 0) {
		m->error = error;
		return (false);
	}
	m->done[i] = true;
	m->left--;
	return (true);
}

/* Appended in their order, put in front in the opposite one. */
static int
move_all(struct moving *m)
{
	bool progress = true;
	int i;

	m->left = m->n;
	while (m->left > 0 && progress) {
		progress = false;
		for (i = 0; i < m->n; i++)
			if (!m->todo[i]->before_others)
				progress |= move_try(m, i);
		for (i = m->n - 1; i >= 0; i--)
			if (m->todo[i]->before_others)
				progress |= move_try(m, i);
	}
	return (m->left > 0 ? m->error : 0);
}

static int
moving_init(struct moving *m, int most)
{
	m->todo = calloc((size_t)most + 1, sizeof(m->todo[0]));
	m->done = calloc((size_t)most + 1, sizeof(m->done[0]));
	m->n = 0;
	return (m->todo != NULL && m->done != NULL ? 0 : -NLE_NOMEM);
}

static void
moving_free(struct moving *m)
{
	free(m->todo);
	free(m->done);
}

/* Kernel's routes that came with the addresses, where the other interface has (`wanted`) none. */
static int
delete_extras(struct nl_sock *sk, const struct nl_records *before, const struct nl_records *wanted,
    int from, const struct nl_end *to, const struct back *b)
{
	struct netconf now;
	const struct nl_record *r;
	int error = netconf_read(sk, to, 0, &now);

	if (error != 0)
		return (error);
	for (r = now.routes.first; r != NULL && error == 0; r = r->next) {
		if (!nlu_route_is_kernel(r) || nlu_route_find(before, r, 0, 0) != NULL ||
		    nlu_route_find(wanted, r, to->ifindex, from) != NULL)
			continue;
		if (b != NULL && nlu_route_find(&b->on_bridge.routes, r, to->ifindex,
				     b->bridge->ifindex) != NULL)
			continue; /* of an address that somebody added there */
		error = nlu_route_del(sk, r, 0, 0);
	}
	netconf_free(&now);
	return (error);
}

int
carry_routes(struct nl_sock *sk, const struct state *s, const struct nl_end *nic,
    const struct nl_end *bridge)
{
	const struct netconf *c = &s->conf;
	struct nl_records none = {NULL, 0};
	struct moving m = {.sk = sk, .from = nic->ifindex, .to = bridge->ifindex, .take_old = true};
	const struct nl_record *r;
	int error;

	if (s->created) {
		error = delete_extras(sk, &none, &c->routes, nic->ifindex, bridge, NULL);
		if (error != 0)
			return (error);
	}
	error = moving_init(&m, c->routes.count + c->nexthops.count);
	for (r = c->routes.first; error == 0 && r != NULL; r = r->next)
		if (!nlu_route_by_nexthop(r))
			m.todo[m.n++] = r;
	/* groups follow by themselves */
	for (r = c->nexthops.first; error == 0 && r != NULL; r = r->next)
		if (nlu_nexthop_is_hop(r))
			m.todo[m.n++] = r;
	if (error == 0)
		error = move_all(&m);
	moving_free(&m);
	return (error);
}

/* From a bridge that is there. */
static int
routes_from_bridge(struct back *b)
{
	struct moving m = {
	    .sk = b->sk, .from = b->bridge->ifindex, .to = b->nic->ifindex, .take_old = true};
	const struct netconf *c = &b->s->conf;
	const struct nl_record *r;
	bool known;
	int error = moving_init(&m, b->on_bridge.routes.count + b->on_bridge.nexthops.count);

	for (r = b->on_bridge.routes.first; error == 0 && r != NULL; r = r->next) {
		known = nlu_route_find(&c->routes, r, m.from, b->was.ifindex) != NULL;
		if (nlu_route_by_nexthop(r) || (!known && !b->s->created) ||
		    (!known && !b->s->complete && nlu_route_is_kernel(r)))
			continue;
		if (!known && !nlu_route_is_kernel(r))
			tell(r, TOLD_NEW, b->nic->name);
		m.todo[m.n++] = r;
	}
	for (r = b->on_bridge.nexthops.first; error == 0 && r != NULL; r = r->next)
		if (nlu_nexthop_is_hop(r) &&
		    (b->s->created || nlu_nexthop_has(&c->nexthops, nlu_nexthop_id(r))))
			m.todo[m.n++] = r;
	if (error == 0)
		error = move_all(&m);
	moving_free(&m);
	for (r = c->routes.first; error == 0 && b->s->complete && r != NULL; r = r->next)
		if (!nlu_route_is_kernel(r) && !nlu_route_by_nexthop(r) &&
		    nlu_route_find(&b->on_bridge.routes, r, b->was.ifindex, m.from) == NULL &&
		    nlu_route_find(&b->on_nic.routes, r, b->was.ifindex, m.to) == NULL)
			tell(r, TOLD_GONE, b->nic->name);
	return (error);
}

/* The bridge is gone, and with it what it had. */
static int
routes_from_memory(struct back *b)
{
	struct moving m = {.sk = b->sk, .from = b->was.ifindex, .to = b->nic->ifindex};
	const struct netconf *c = &b->s->conf;
	const struct nl_record *r;
	int error = moving_init(&m, c->routes.count + c->nexthops.count);

	for (r = c->nexthops.first; error == 0 && r != NULL; r = r->next)
		if (!nlu_nexthop_has(&b->on_nic.nexthops, nlu_nexthop_id(r)))
			m.todo[m.n++] = r;
	for (r = c->routes.first; error == 0 && r != NULL; r = r->next)
		if (nlu_route_find(&b->on_nic.routes, r, m.from, m.to) == NULL)
			m.todo[m.n++] = r;
	if (error == 0)
		error = move_all(&m);
	moving_free(&m);
	return (error);
}

int
carry_back(struct nl_sock *sk, const struct state *s, const struct nl_end *nic,
    const struct nl_end *bridge)
{
	struct back b = {
	    .sk = sk, .s = s, .nic = nic, .bridge = bridge, .there = bridge->ifindex != 0};
	int error;

	b.was.name = s->spec.iface;
	b.was.ifindex = s->iface_index;
	error = netconf_read(sk, nic, bridge->ifindex, &b.on_nic);
	if (error == 0 && b.there)
		error = netconf_read(sk, bridge, nic->ifindex, &b.on_bridge);
	if (error == 0)
		error = addrs_back(&b);
	if (error == 0)
		error = neighs_back(&b);
	if (error == 0)
		error = b.there ? routes_from_bridge(&b) : routes_from_memory(&b);
	if (error == 0)
		error =
		    delete_extras(sk, &b.on_nic.routes, &s->conf.routes, s->iface_index, nic, &b);
	netconf_free(&b.on_nic);
	netconf_free(&b.on_bridge);
	return (error);
}
