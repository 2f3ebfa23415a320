/*
 * topology.c - addresses and routes of a scenario's network, where it does not name them. Host
 * world.
 *
 * Each link is a network: /30 for two ends, as small as will do for a switch, one after the other
 * from 10.0.0.0/8. Routes are the shortest ways, by links, as a routing protocol would have found
 * them: for each network a search outward over the routers. A host behind one router gets a default
 * route and no others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/sim/scenario.h"

#define POOL 0x0a000000u /* 10.0.0.0/8 */
#define POOL_END 0x0b000000u
#define LINK_PLEN 30

const char *
addr_text(uint32_t a)
{
	static char row[4][16];
	static unsigned next;
	char *buf = row[next++ % 4];

	snprintf(
	    buf, sizeof(row[0]), "%u.%u.%u.%u", a >> 24, (a >> 16) & 255, (a >> 8) & 255, a & 255);
	return (buf);
}

static uint32_t
hosts_in(int plen)
{
	return ((uint32_t)((1ull << (32 - plen)) - 2));
}

/* ---- addresses ---- */

static void
check_address(const struct scenario *s, const struct edge *k, int i)
{
	const struct end *e = &k->ends[i];
	uint32_t host = e->addr & ~(~0u << (32 - k->plen));
	int j;

	if ((e->addr & (~0u << (32 - k->plen))) != k->net || host == 0 || host > hosts_in(k->plen))
		scenario_fail(s, e->line, "%s: %s is no host's address in %s/%d", k->name,
		    addr_text(e->addr), addr_text(k->net), k->plen);
	for (j = 0; j < k->nends; j++)
		if (j != i && k->ends[j].addr == e->addr)
			scenario_fail(s, e->line, "%s: %s is the address of two ends", k->name,
			    addr_text(e->addr));
}

static void
give_addresses(const struct scenario *s, struct edge *k)
{
	uint32_t next = k->net + 1;
	bool taken;
	int i, j, named = 0;

	for (i = 0; i < k->nends; i++)
		if (k->ends[i].addr != 0) {
			check_address(s, k, i);
			named++;
		}
	if ((uint32_t)k->nends > hosts_in(k->plen))
		scenario_fail(s, k->line,
		    "%s: %d ends in a network of %u addresses; expected a wider "
		    "network = ...",
		    k->name, k->nends, hosts_in(k->plen));
	for (i = 0; i < k->nends; i++) {
		if (k->ends[i].addr != 0)
			continue;
		do {
			taken = false;
			for (j = 0; named > 0 && j < k->nends; j++)
				taken |= k->ends[j].addr == next;
			next += taken;
		} while (taken);
		k->ends[i].addr = next++;
	}
}

/* A network for a link that has none: the prefix of an address given by hand, or from the pool. */
static void
give_network(const struct scenario *s, struct edge *k, uint32_t *pool)
{
	uint32_t size;
	int i;

	k->plen = LINK_PLEN;
	if (k->lan)
		while (hosts_in(k->plen) < (uint32_t)k->nends)
			k->plen--;
	for (i = 0; i < k->nends; i++)
		if (k->ends[i].addr != 0) {
			if (k->plen > 24)
				k->plen = 24;
			k->net = k->ends[i].addr & (~0u << (32 - k->plen));
			return;
		}
	size = 1u << (32 - k->plen);
	*pool = (*pool + size - 1) & ~(size - 1);
	if (*pool + size > POOL_END)
		scenario_fail(
		    s, k->line, "%s: 10.0.0.0/8 is used up; expected network = ...", k->name);
	k->net = *pool;
	*pool += size;
}

/* Links that one section made of a group of hosts share its network, in pieces. */
static void
split_network(const struct scenario *s, struct edge *k)
{
	uint32_t net = k->net;
	int plen = k->plen, i, n = 0, bits = LINK_PLEN;

	while (&k[n] < s->links + s->nlinks && k[n].section == k->section)
		n++;
	if (n == 1)
		return;
	if (hosts_in(plen) + 2 < (uint32_t)n * 4)
		scenario_fail(s, k->line, "%s: network /%d is too small for %d links of /%d",
		    k->name, plen, n, bits);
	for (i = 0; i < n; i++) {
		k[i].net = net + (uint32_t)i * 4;
		k[i].plen = bits;
	}
}

static void
check_networks(const struct scenario *s)
{
	const struct edge *a, *b;
	uint32_t mask;
	int i, j, plen;

	for (i = 0; i < s->nlinks && s->nlinks < 3000; i++)
		for (j = 0; j < i; j++) {
			a = &s->links[j];
			b = &s->links[i];
			plen = a->plen < b->plen ? a->plen : b->plen;
			mask = ~0u << (32 - plen);
			if ((a->net & mask) == (b->net & mask))
				scenario_fail(s, b->line,
				    "%s: its network %s/%d and that of %s, %s/%d, "
				    "overlap",
				    b->name, addr_text(b->net), b->plen, a->name, addr_text(a->net),
				    a->plen);
		}
}

static void
note_interfaces(struct scenario *s)
{
	struct node *n;
	int i, j;

	for (i = 0; i < s->nlinks; i++)
		for (j = 0; j < s->links[i].nends; j++) {
			n = &s->nodes[s->links[i].ends[j].node];
			*(struct iface *)grow(n->ifs, &n->nifs, sizeof(*n->ifs), &n->ifs) =
			    (struct iface){i, s->links[i].ends[j].addr};
		}
}

/* ---- routes ---- */

static void
add_route(struct scenario *s, int node, uint32_t net, int plen, uint32_t gateway)
{
	int n = (int)s->nroutes;

	*(struct route_entry *)grow(s->routes, &n, sizeof(*s->routes), &s->routes) =
	    (struct route_entry){node, net, gateway, plen};
	s->nroutes = (size_t)n;
}

/* The address of the only router that a host sees; 0: there are none, or several. */
static uint32_t
only_router(const struct scenario *s, const struct node *n, int self)
{
	const struct edge *k;
	uint32_t gateway = 0;
	int i, j;

	for (i = 0; i < n->nifs; i++) {
		k = &s->links[n->ifs[i].link];
		for (j = 0; j < k->nends; j++) {
			if (k->ends[j].node == self || !s->nodes[k->ends[j].node].router)
				continue;
			if (gateway != 0)
				return (0);
			gateway = k->ends[j].addr;
		}
	}
	return (gateway);
}

/*
 * Outward from one network: links in the order found, over each router once. A node that is met
 * first by way of gateway G goes to the network by G.
 */
static void
search_from(struct scenario *s, int target, int *via, int *queue, const bool *has_default)
{
	const struct edge *k;
	struct node *n;
	int head = 0, tail = 0, i, j, m, link;

	for (i = 0; i < s->nnodes; i++)
		via[i] = -1;
	for (j = 0; j < s->links[target].nends; j++) {
		m = s->links[target].ends[j].node;
		if (via[m] < 0) {
			via[m] = m;
			if (s->nodes[m].router)
				queue[tail++] = m;
		}
	}
	while (head < tail) {
		m = queue[head++];
		n = &s->nodes[m];
		for (i = 0; i < n->nifs; i++) {
			link = n->ifs[i].link;
			k = &s->links[link];
			for (j = 0; j < k->nends; j++) {
				if (via[k->ends[j].node] >= 0)
					continue;
				via[k->ends[j].node] = m;
				if (!has_default[k->ends[j].node])
					add_route(s, k->ends[j].node, s->links[target].net,
					    s->links[target].plen, n->ifs[i].addr);
				if (s->nodes[k->ends[j].node].router)
					queue[tail++] = k->ends[j].node;
			}
		}
	}
}

static void
make_routes(struct scenario *s)
{
	int *via = xcalloc((size_t)s->nnodes, sizeof(*via)), i;
	int *queue = xcalloc((size_t)s->nnodes, sizeof(*queue));
	bool *has_default = xcalloc((size_t)s->nnodes, sizeof(*has_default));
	uint32_t gateway;

	for (i = 0; i < s->nnodes; i++) {
		if (s->nodes[i].router && s->nodes[i].nifs > 1)
			continue;
		gateway = only_router(s, &s->nodes[i], i);
		if (gateway != 0) {
			has_default[i] = true;
			add_route(s, i, 0, 0, gateway);
		}
	}
	for (i = 0; i < s->nlinks; i++)
		search_from(s, i, via, queue, has_default);
	free(via);
	free(queue);
	free(has_default);
}

/* ---- flows ---- */

/* Where to find `to`: by a link that both are on, else by its first interface. */
static uint32_t
address_for(const struct scenario *s, const struct flow *f)
{
	const struct node *a = &s->nodes[f->from], *b = &s->nodes[f->to];
	int i, j;

	for (i = 0; i < b->nifs; i++)
		for (j = 0; j < a->nifs; j++)
			if (a->ifs[j].link == b->ifs[i].link)
				return (b->ifs[i].addr);
	return (b->ifs[0].addr);
}

void
topology_make(struct scenario *s)
{
	uint32_t pool = POOL;
	int i, section = 0;

	for (i = 0; i < s->nlinks; i++) {
		if (s->links[i].net == 0)
			give_network(s, &s->links[i], &pool);
		else if (!s->links[i].lan && s->links[i].section != section)
			split_network(s, &s->links[i]);
		section = s->links[i].section;
		give_addresses(s, &s->links[i]);
	}
	check_networks(s);
	note_interfaces(s);
	make_routes(s);
	for (i = 0; i < s->nflows; i++) {
		if (s->nodes[s->flows[i].from].nifs == 0 || s->nodes[s->flows[i].to].nifs == 0)
			scenario_fail(s, s->flows[i].line, "%s: %s is on no link or lan",
			    s->flows[i].name,
			    s->nodes[s->nodes[s->flows[i].from].nifs == 0 ? s->flows[i].from
									  : s->flows[i].to]
				.name);
		s->flows[i].conf.to_addr = address_for(s, &s->flows[i]);
	}
}
