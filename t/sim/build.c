/*
 * build.c - from a scenario to stacks, links and flows. Host world.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_glue/include/host/module.h"
#include "t/sim/scenario.h"

#define FIRST_PORT 5001

static void
apply_sysctls(const struct scenario *s, struct node *n, const struct setting *v, int count)
{
	int i, error;

	for (i = 0; i < count; i++) {
		error = sim_host_sysctl(n->host, v[i].name, v[i].value);
		if (error != 0)
			scenario_fail(s, v[i].line,
			    "sysctl %s=%s on %s: %s; alpinectl sysctl -d shows "
			    "names and ranges",
			    v[i].name, v[i].value, n->name, sim_strerror(error));
	}
}

/* A path that is not absolute is seen from the scenario's folder. */
static const char *
beside(const struct scenario *s, const char *file)
{
	static char path[4096];
	const char *slash = strrchr(s->file, '/');

	if (file[0] == '/' || slash == NULL)
		snprintf(path, sizeof(path), "%s%s", strchr(file, '/') == NULL ? "./" : "", file);
	else
		snprintf(path, sizeof(path), "%.*s/%s", (int)(slash - s->file), s->file, file);
	return (path);
}

static void
load_module(const struct scenario *s, const struct group *g, struct node *n)
{
	const struct text *t = g->module;
	void *so, *init;
	int error;

	if (t == NULL)
		return;
	so = dlopen(beside(s, t->s), RTLD_NOW | RTLD_GLOBAL);
	if (so == NULL)
		scenario_fail(s, t->line, "module = %s: %s", t->s, dlerror());
	init = dlsym(so, ALPINE_MODULE_INIT);
	if (init == NULL)
		scenario_fail(s, t->line,
		    "module = %s: expected a function %s() in it "
		    "(kernel_glue/include/host/module.h)",
		    t->s, ALPINE_MODULE_INIT);
	error = sim_host_module(n->host, init, g->module_args != NULL ? g->module_args->s : "");
	if (error != 0)
		scenario_fail(s, t->line, "module = %s on %s: %s() failed: %s", t->s, n->name,
		    ALPINE_MODULE_INIT, sim_strerror(error));
}

static void
build_hosts(struct scenario *s)
{
	const struct group *g;
	struct node *n;
	int i;

	for (i = 0; i < s->nnodes; i++) {
		n = &s->nodes[i];
		g = &s->groups[n->group];
		n->host = sim_host_create(n->name, n->router);
		apply_sysctls(s, n, s->sysctls, s->nsysctls);
		apply_sysctls(s, n, g->sysctls, g->nsysctls);
		load_module(s, g, n);
	}
}

static void
open_pcap(const struct scenario *s, struct edge *k)
{
	char path[4096];

	if (!s->pcaps || k->no_pcap)
		return;
	snprintf(path, sizeof(path), "%s/%s.pcap", s->dir, k->name);
	k->pcap = pcap_out_open(path);
	sim_link_set_tap(
	    k->link, k->capture >= 0 ? s->nodes[k->capture].host : NULL, pcap_out_frame, k->pcap);
}

static void
build_links(struct scenario *s)
{
	struct edge *k;
	struct end *e;
	int i, j, error;

	for (i = 0; i < s->nlinks; i++) {
		k = &s->links[i];
		k->link = sim_link_create(k->name, k->lan, k->mtu, s->seed);
		sim_link_set(k->link, 0, &k->ways[0]);
		sim_link_set(k->link, 1, &k->ways[1]);
		open_pcap(s, k);
		for (j = 0; j < k->nends; j++) {
			e = &k->ends[j];
			error = sim_link_attach(k->link, s->nodes[e->node].host, e->addr, k->plen);
			if (error != 0)
				scenario_fail(s, e->line, "%s: %s on %s: %s", k->name,
				    addr_text(e->addr), s->nodes[e->node].name,
				    sim_strerror(error));
		}
	}
}

/* "NET/LEN via ADDRESS" or "default via ADDRESS" */
static void
own_route(const struct scenario *s, const struct text *t, struct node *n)
{
	char net[64], gw[64], extra, *slash;
	uint32_t a = 0, g = 0;
	int plen = 0, error;

	if (sscanf(t->s, "%63s via %63s %c", net, gw, &extra) != 2 || !parse_addr(gw, &g))
		goto bad;
	if (strcmp(net, "default") != 0) {
		slash = strchr(net, '/');
		plen = 32;
		if (slash != NULL) {
			*slash = '\0';
			plen = atoi(slash + 1);
		}
		if (!parse_addr(net, &a) || plen < 0 || plen > 32)
			goto bad;
	}
	error = sim_host_route(n->host, a, plen, g);
	if (error != 0)
		scenario_fail(
		    s, t->line, "routes: %s on %s: %s", t->s, n->name, sim_strerror(error));
	return;
bad:
	scenario_fail(s, t->line,
	    "routes: %s: expected \"NETWORK/LENGTH via ADDRESS\" or \"default via ADDRESS\"", t->s);
}

static void
build_routes(struct scenario *s)
{
	const struct route_entry *r;
	const struct group *g;
	size_t i;
	int n, k;

	/* those that the scenario names come first: they win */
	for (n = 0; n < s->nnodes; n++) {
		g = &s->groups[s->nodes[n].group];
		for (k = 0; k < g->nroutes; k++)
			own_route(s, g->routes[k], &s->nodes[n]);
	}
	for (i = 0; i < s->nroutes; i++) {
		r = &s->routes[i];
		(void)sim_host_route(s->nodes[r->node].host, r->net, r->plen, r->gateway);
	}
}

static uint64_t
seed_of(const struct scenario *s, const char *name)
{
	uint64_t h = s->seed ^ 0xcbf29ce484222325u; /* FNV-1a */

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3u;
	return (h);
}

static void
build_flows(struct scenario *s)
{
	const struct sim_sockopt *bad;
	struct sim_flow_ops ops = {.sample = flow_sample, .transfer = flow_transfer};
	struct flow *f;
	int i, error;

	for (i = 0; i < s->nflows; i++) {
		f = &s->flows[i];
		f->conf.name = f->name;
		f->conf.from = s->nodes[f->from].host;
		f->conf.to = s->nodes[f->to].host;
		f->conf.seed = seed_of(s, f->name);
		if (f->conf.port == 0)
			f->conf.port = (uint16_t)(FIRST_PORT + i % 60000);
		ops.arg = f;
		error = sim_flow_create(&f->conf, &ops, &f->flow, &bad);
		if (error != 0 && bad != NULL)
			scenario_fail(s, bad->line, "sockopt %s=%s: %s", bad->name, bad->value,
			    sim_strerror(error));
		if (error != 0)
			scenario_fail(s, f->line, "%s: port %u on %s: %s", f->name, f->conf.port,
			    s->nodes[f->to].name, sim_strerror(error));
	}
}

void
scenario_build(struct scenario *s)
{
	build_hosts(s);
	build_links(s);
	build_routes(s);
	build_flows(s);
}
