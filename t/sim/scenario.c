/*
 * scenario.c - reads alpine-sim's scenarios: libConfuse's format, sections in braces. Host world.
 *
 * libConfuse parses; every value is kept as text with the line it stands on, so that whatever is
 * wrong, when it is read or later when the network is built, is told with its file and line. What
 * each section may hold is in the option tables below; alpine-sim.1 explains them.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/sim/scenario.h"

#define NAME_MAX_LEN 23 /* numbers of expanded names come behind it */
#define COUNT_MAX 65536
#define DEFAULT_LIMIT 1000 /* packets */
#define MAX_DEPTH 32	   /* braces */
#define MTU_MIN 72
#define MTU_MAX 16000

static struct scenario *sc;

/* ---- complaints ---- */

void
scenario_fail(const struct scenario *s, int line, const char *fmt, ...)
{
	va_list ap;

	if (line > 0)
		fprintf(stderr, "%s:%d: ", s->file, line);
	else
		fprintf(stderr, "%s: ", s->file);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

static const char *
name_of(const cfg_t *sec)
{
	static char buf[96];

	if (sec->title != NULL)
		snprintf(buf, sizeof(buf), "%s %s", sec->name, sec->title);
	else
		snprintf(buf, sizeof(buf), "%s", sec->name);
	return (buf);
}

static bool
is_hidden(const cfg_opt_t *o)
{
	return (o->name[0] == '_');
}

/* libConfuse's own complaints, with what would have been right. */
static void
parse_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	const cfg_opt_t *o;
	bool unknown = strstr(fmt, "no such option") != NULL;

	fprintf(stderr, "%s:%d: ", sc->file, cfg != NULL ? cfg->line : 0);
	vfprintf(stderr, fmt, ap);
	if (cfg != NULL && unknown) {
		if (strcmp(cfg->name, "root") == 0)
			fputs("; expected one of:", stderr);
		else
			fprintf(stderr, "; expected in \"%s\" one of:", name_of(cfg));
		for (o = cfg->opts; o->name != NULL; o++)
			if (!is_hidden(o))
				fprintf(stderr, " %s", o->name);
	} else if (strstr(fmt, "unexpected token") != NULL)
		fputs(
		    "; expected NAME = VALUE, NAME = {VALUE, ...} or a section in braces; a value "
		    "with = , or blanks in it stands in quotes",
		    stderr);
	fputc('\n', stderr);
}

/* ---- values ---- */

static int
keep(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	static struct text *all; /* the latest first */
	struct text *t;

	for (t = all; t != NULL && (opt->flags & CFGF_LIST) == 0; t = t->next)
		if (t->of == opt) {
			cfg_error(cfg, "%s is given a second time; the first is in line %d",
			    opt->name, t->line);
			return (-1);
		}
	t = xcalloc(1, sizeof(*t));
	t->s = xstrdup(value);
	t->line = cfg->line;
	t->of = opt;
	t->next = all;
	all = t;
	memcpy(result, &t, sizeof(t));
	return (0);
}

/* The scenario's values live as long as the process. */
static void
keep_on(void *value)
{
	(void)value;
}

/* Where a section begins: libConfuse knows only where it ends. */
static int
first_line(const cfg_t *sec)
{
	const cfg_opt_t *o;
	unsigned i;
	int line = sec->line;

	for (o = sec->opts; o->name != NULL; o++)
		for (i = 0; i < o->nvalues; i++)
			if (o->type == CFGT_PTR && o->values[i]->ptr != NULL &&
			    ((struct text *)o->values[i]->ptr)->line < line)
				line = ((struct text *)o->values[i]->ptr)->line;
	return (line);
}

static const struct text *
get(cfg_t *sec, const char *name)
{
	return (cfg_size(sec, name) > 0 ? cfg_getptr(sec, name) : NULL);
}

static const struct text *
need(cfg_t *sec, const char *name, const char *expected)
{
	const struct text *t = get(sec, name);

	if (t == NULL)
		scenario_fail(sc, first_line(sec), "%s: \"%s\" is missing; expected %s = %s",
		    name_of(sec), name, name, expected);
	return (t);
}

typedef bool unit_fn(const char *, uint64_t *, const char **);

static uint64_t
value_of(const struct text *t, const char *name, unit_fn *unit)
{
	const char *expected;
	uint64_t v;

	if (!unit(t->s, &v, &expected))
		scenario_fail(sc, t->line, "%s = %s: expected %s", name, t->s, expected);
	return (v);
}

static uint64_t
get_value(cfg_t *sec, const char *name, unit_fn *unit, uint64_t otherwise)
{
	const struct text *t = get(sec, name);

	return (t != NULL ? value_of(t, name, unit) : otherwise);
}

static uint64_t
get_range(
    cfg_t *sec, const char *name, unit_fn *unit, uint64_t otherwise, uint64_t min, uint64_t max)
{
	uint64_t v = get_value(sec, name, unit, otherwise);

	if (v < min || v > max)
		scenario_fail(sc, get(sec, name)->line, "%s = %s: expected %llu%s to %llu%s", name,
		    get(sec, name)->s, (unsigned long long)min, unit == unit_time ? "ns" : "",
		    (unsigned long long)max, unit == unit_time ? "ns" : "");
	return (v);
}

static uint64_t
need_value(cfg_t *sec, const char *name, unit_fn *unit)
{
	const char *expected = "";
	uint64_t v;

	(void)unit("?", &v, &expected);
	return (value_of(need(sec, name, expected), name, unit));
}

/* One of several words. */
static int
get_word(cfg_t *sec, const char *name, const char *const *words, int otherwise)
{
	const struct text *t = get(sec, name);
	char all[128] = "";
	int i;

	if (t == NULL)
		return (otherwise);
	for (i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], t->s) == 0)
			return (i);
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i > 0 ? ", " : "",
		    words[i]);
	}
	scenario_fail(sc, t->line, "%s = %s: expected one of %s", name, t->s, all);
}

static int
word_index(const char *s, const char *const *words)
{
	int i;

	for (i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], s) == 0)
			return (i);
	return (-1);
}

static const char *
checked_title(cfg_t *sec)
{
	const char *t = cfg_title(sec), *p;

	for (p = t; isalnum((unsigned char)*p) || *p == '-' || *p == '_'; p++)
		;
	if (*p != '\0' || !isalpha((unsigned char)t[0]) || p - t > NAME_MAX_LEN)
		scenario_fail(sc, first_line(sec),
		    "%s: expected a name of letters, digits, - and _, %d at most, a letter first",
		    name_of(sec), NAME_MAX_LEN);
	return (t);
}

bool
parse_addr(const char *s, uint32_t *addr)
{
	struct in_addr in;

	if (inet_pton(AF_INET, s, &in) != 1)
		return (false);
	*addr = ntohl(in.s_addr);
	return (true);
}

/* "10.1.0.0/16" */
static bool
parse_net(const char *s, uint32_t *net, int *plen)
{
	char buf[32], *slash, *end;

	snprintf(buf, sizeof(buf), "%s", s);
	slash = strchr(buf, '/');
	if (slash == NULL)
		return (false);
	*slash++ = '\0';
	*plen = (int)strtol(slash, &end, 10);
	if (end == slash || *end != '\0' || *plen < 0 || *plen > 32 || !parse_addr(buf, net))
		return (false);
	return (*plen == 0 ? *net == 0 : (*net & ~(~0u << (32 - *plen))) == 0 || *plen == 32);
}

/* ---- tables ---- */

#define V(name) CFG_PTR_CB(name, NULL, CFGF_NODEFAULT, keep, keep_on)
#define L(name) CFG_PTR_LIST_CB(name, NULL, CFGF_NODEFAULT, keep, keep_on)
#define S(name, opts) CFG_SEC(name, opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES)

static cfg_opt_t host_opts[] = {
    V("count"), L("sysctl"), L("routes"), V("module"), V("module-args"), CFG_END()};
static cfg_opt_t queue_opts[] = {V("limit"), V("ecn"), V("min"), V("max"), V("max-chance"),
    V("weight"), V("target"), V("interval"), CFG_END()};
static cfg_opt_t loss_opts[] = {V("rate"), V("to-bad"), V("to-good"), V("in-bad"), V("in-good"),
    L("packets"), V("count"), CFG_END()};
static cfg_opt_t reorder_opts[] = {V("rate"), V("by"), CFG_END()};
#define LINE_OPTS                                                                                  \
	V("rate"), V("delay"), V("jitter"), V("overhead"), V("duplicate"), V("corrupt"),           \
	    CFG_SEC("queue", queue_opts, CFGF_MULTI | CFGF_TITLE),                                 \
	    CFG_SEC("loss", loss_opts, CFGF_MULTI | CFGF_TITLE),                                   \
	    CFG_SEC("reorder", reorder_opts, CFGF_MULTI)
static cfg_opt_t way_opts[] = {LINE_OPTS, CFG_END()};
static cfg_opt_t link_opts[] = {L("ends"), V("network"), V("mtu"), V("pcap"), V("capture"),
    LINE_OPTS, CFG_SEC("reverse", way_opts, CFGF_MULTI), CFG_END()};
#define FLOW_OPTS                                                                                  \
	V("from"), V("to"), V("port"), V("start"), V("stop"), V("cc"), L("sockopt"), V("interval")
static cfg_opt_t bulk_opts[] = {FLOW_OPTS, V("bytes"), CFG_END()};
static cfg_opt_t request_opts[] = {FLOW_OPTS, V("request"), V("response"), V("think"), V("random"),
    V("count"), V("reconnect"), CFG_END()};
static cfg_opt_t onoff_opts[] = {
    FLOW_OPTS, V("protocol"), V("on"), V("off"), V("rate"), V("packet"), V("random"), CFG_END()};
static cfg_opt_t short_opts[] = {FLOW_OPTS, V("arrivals"), V("size"), V("count"), CFG_END()};
static cfg_opt_t root_opts[] = {V("seed"), V("duration"), V("interval"), L("sysctl"),
    S("host", host_opts), S("router", host_opts), S("link", link_opts), S("lan", link_opts),
    S("bulk", bulk_opts), S("request", request_opts), S("onoff", onoff_opts),
    S("short", short_opts), CFG_END()};

/* ---- hosts ---- */

static int
read_settings(cfg_t *sec, const char *name, struct setting **to, const char *expected)
{
	unsigned i, n = cfg_size(sec, name);
	const struct text *t;
	char *eq;

	*to = xcalloc(n, sizeof(**to));
	for (i = 0; i < n; i++) {
		t = cfg_getnptr(sec, name, i);
		eq = strchr(t->s, '=');
		if (eq == NULL || eq == t->s || eq[1] == '\0')
			scenario_fail(sc, t->line, "%s \"%s\": expected %s", name, t->s, expected);
		*eq = '\0';
		(*to)[i] = (struct setting){t->s, eq + 1, t->line};
	}
	return ((int)n);
}

static int
find_group(const char *name)
{
	int i;

	for (i = 0; i < sc->ngroups; i++)
		if (strcmp(sc->groups[i].name, name) == 0)
			return (i);
	return (-1);
}

static int
find_node(const char *name)
{
	int i;

	for (i = 0; i < sc->nnodes; i++)
		if (strcmp(sc->nodes[i].name, name) == 0)
			return (i);
	return (-1);
}

static void
read_group(cfg_t *sec, bool router)
{
	const char *name = checked_title(sec);
	struct group *g;
	struct node *n;
	unsigned i;
	int k;

	if (find_group(name) >= 0 || find_node(name) >= 0)
		scenario_fail(sc, first_line(sec), "%s: there is a host or router of that name",
		    name_of(sec));
	g = grow(sc->groups, &sc->ngroups, sizeof(*g), &sc->groups);
	snprintf(g->name, sizeof(g->name), "%s", name);
	g->line = first_line(sec);
	g->router = router;
	g->first = sc->nnodes;
	g->count = (int)get_range(sec, "count", unit_number, 1, 1, COUNT_MAX);
	g->nsysctls = read_settings(sec, "sysctl", &g->sysctls, "NAME=VALUE");
	g->module = get(sec, "module");
	g->module_args = get(sec, "module-args");
	g->nroutes = (int)cfg_size(sec, "routes");
	g->routes = xcalloc((size_t)g->nroutes, sizeof(*g->routes));
	for (i = 0; i < (unsigned)g->nroutes; i++)
		g->routes[i] = cfg_getnptr(sec, "routes", i);
	for (k = 0; k < g->count; k++) {
		n = grow(sc->nodes, &sc->nnodes, sizeof(*n), &sc->nodes);
		if (get(sec, "count") == NULL)
			snprintf(n->name, sizeof(n->name), "%s", name);
		else
			snprintf(n->name, sizeof(n->name), "%s%d", name, k + 1);
		n->group = sc->ngroups - 1;
		n->router = router;
	}
}

/* "h": one host or all of a group; nodes [*first, *first + *count). */
static void
resolve(const char *name, int line, int *first, int *count)
{
	int g = find_group(name), n = find_node(name);

	if (g < 0 && n < 0)
		scenario_fail(sc, line, "%s: expected the name of a host or router", name);
	*first = g >= 0 ? sc->groups[g].first : n;
	*count = g >= 0 ? sc->groups[g].count : 1;
}

/* ---- lines ---- */

static void
read_red(cfg_t *sec, struct sim_queue_conf *q)
{
	uint64_t limit = q->limit_packets != 0 ? q->limit_packets : q->limit_bytes;
	const struct text *min = get(sec, "min"), *max = get(sec, "max");
	const char *expected;
	bool packets = q->limit_packets != 0, p;

	/* Floyd's advice, as far as a limit says how long the queue may be: max is 3 times min */
	q->red_min = limit / 12;
	q->red_max = limit / 4;
	if (min != NULL && !unit_limit(min->s, &q->red_min, &packets, &expected))
		scenario_fail(sc, min->line, "min = %s: expected %s", min->s, expected);
	p = packets;
	if (max != NULL && !unit_limit(max->s, &q->red_max, &p, &expected))
		scenario_fail(sc, max->line, "max = %s: expected %s", max->s, expected);
	if (min != NULL && max != NULL && p != packets)
		scenario_fail(
		    sc, max->line, "min and max: expected both in packets or both in bytes");
	if (min == NULL && max != NULL) {
		packets = p;
		q->red_min = q->red_max / 3;
	} else if (min != NULL && max == NULL)
		q->red_max = q->red_min * 3;
	if (q->red_min == 0 || q->red_min >= q->red_max)
		scenario_fail(sc, first_line(sec), "queue red: expected 0 < min < max");
	q->red_in_bytes = !packets;
	q->red_maxp = get_value(sec, "max-chance", unit_prob, SIM_PROB_ONE / 10);
	q->red_wshift = (unsigned)get_range(sec, "weight", unit_number, 9, 0, 20);
}

static void
refuse(cfg_t *sec, const char *const *names, const char *why)
{
	for (; *names != NULL; names++)
		if (get(sec, *names) != NULL)
			scenario_fail(
			    sc, get(sec, *names)->line, "%s: %s is %s", name_of(sec), *names, why);
}

static void
read_queue(cfg_t *sec, struct sim_queue_conf *q)
{
	static const char *const kinds[] = {"droptail", "red", "codel", NULL};
	static const char *const red_only[] = {"min", "max", "max-chance", "weight", NULL};
	static const char *const codel_only[] = {"target", "interval", NULL};
	static const char *const ecn[] = {"ecn", NULL};
	const struct text *limit = get(sec, "limit");
	int kind = word_index(cfg_title(sec), kinds);
	const char *expected;
	uint64_t amount = DEFAULT_LIMIT;
	bool packets = true;

	if (kind < 0)
		scenario_fail(sc, first_line(sec), "queue %s: expected droptail, red or codel",
		    cfg_title(sec));
	if (limit != NULL && !unit_limit(limit->s, &amount, &packets, &expected))
		scenario_fail(sc, limit->line, "limit = %s: expected %s", limit->s, expected);
	memset(q, 0, sizeof(*q));
	q->kind = (enum sim_queue_kind)kind;
	if (packets)
		q->limit_packets = amount;
	else
		q->limit_bytes = amount;
	if (kind == SIM_RED)
		read_red(sec, q);
	else
		refuse(sec, red_only, "for queue red");
	if (kind != SIM_CODEL)
		refuse(sec, codel_only, "for queue codel");
	if (kind == SIM_DROPTAIL)
		refuse(sec, ecn, "for queue red and codel");
	q->ecn = get_value(sec, "ecn", unit_bool, 0) != 0;
	q->codel_target_ns = get_value(sec, "target", unit_time, 5 * SIM_NS_PER_MS);
	q->codel_interval_ns =
	    get_range(sec, "interval", unit_time, 100 * SIM_NS_PER_MS, 1000, SIM_NEVER / 2);
}

static void
read_ranges(cfg_t *sec, struct sim_loss_conf *l)
{
	size_t i, n = cfg_size(sec, "packets");
	struct sim_range *r = xcalloc(n, sizeof(*r));
	const struct text *t;
	char *end;

	if (n == 0)
		(void)need(sec, "packets", "{3, 10-12}");
	for (i = 0; i < n; i++) {
		t = cfg_getnptr(sec, "packets", (unsigned)i);
		r[i].from = r[i].to = strtoull(t->s, &end, 10);
		if (*end == '-' && end != t->s && isdigit((unsigned char)end[1]))
			r[i].to = strtoull(end + 1, &end, 10);
		if (!isdigit((unsigned char)t->s[0]) || *end != '\0' || r[i].from == 0 ||
		    r[i].to < r[i].from)
			scenario_fail(sc, t->line,
			    "packets: %s: expected a packet's number, from 1, or a range, as 10-12",
			    t->s);
	}
	l->range = r;
	l->nranges = n;
}

static void
read_loss(cfg_t *sec, struct sim_loss_conf *l)
{
	static const char *const kinds[] = {"random", "gilbert", "scripted", NULL};
	static const char *const counts[] = {"frames", "ip", "tcp", "data", NULL};
	static const char *const random_only[] = {"rate", NULL};
	static const char *const gilbert_only[] = {"to-bad", "to-good", "in-bad", "in-good", NULL};
	static const char *const scripted_only[] = {"count", NULL};
	int kind = word_index(cfg_title(sec), kinds);

	if (kind < 0)
		scenario_fail(sc, first_line(sec), "loss %s: expected random, gilbert or scripted",
		    cfg_title(sec));
	memset(l, 0, sizeof(*l));
	l->kind = (enum sim_loss_kind)kind;
	if (kind != SIM_LOSS_RANDOM)
		refuse(sec, random_only, "for loss random");
	if (kind != SIM_LOSS_GILBERT)
		refuse(sec, gilbert_only, "for loss gilbert");
	if (kind != SIM_LOSS_SCRIPTED) {
		refuse(sec, scripted_only, "for loss scripted");
		if (cfg_size(sec, "packets") > 0)
			scenario_fail(
			    sc, first_line(sec), "%s: packets is for loss scripted", name_of(sec));
	}
	if (kind == SIM_LOSS_RANDOM)
		l->rate = need_value(sec, "rate", unit_prob);
	else if (kind == SIM_LOSS_GILBERT) {
		l->to_bad = need_value(sec, "to-bad", unit_prob);
		l->to_good = need_value(sec, "to-good", unit_prob);
		l->loss_bad = get_value(sec, "in-bad", unit_prob, SIM_PROB_ONE);
		l->loss_good = get_value(sec, "in-good", unit_prob, 0);
	} else {
		read_ranges(sec, l);
		l->count = (enum sim_count)get_word(sec, "count", counts, SIM_COUNT_FRAMES);
	}
}

/* 0 would be the same as none: not what who writes it means. */
static uint64_t
get_rate(cfg_t *sec, uint64_t otherwise)
{
	uint64_t v = get_value(sec, "rate", unit_rate, otherwise);
	const struct text *t = get(sec, "rate");

	if (t != NULL && v == 0)
		scenario_fail(sc, t->line,
		    "rate = %s: expected more than 0 (a line or program without a limit has no "
		    "rate; a line "
		    "that loses everything has loss random { rate = 100%% })",
		    t->s);
	return (v);
}

/* Overrides in c what the section says. */
static void
read_line(cfg_t *sec, struct sim_line_conf *c)
{
	cfg_t *sub;
	unsigned i;

	c->rate_bps = get_rate(sec, c->rate_bps);
	c->delay_ns = get_value(sec, "delay", unit_time, c->delay_ns);
	c->jitter_ns = get_value(sec, "jitter", unit_time, c->jitter_ns);
	c->overhead = (uint32_t)get_range(sec, "overhead", unit_bytes, c->overhead, 0, 65535);
	c->duplicate = get_value(sec, "duplicate", unit_prob, c->duplicate);
	c->corrupt = get_value(sec, "corrupt", unit_prob, c->corrupt);
	for (i = 0; i < cfg_size(sec, "queue"); i++) {
		sub = cfg_getnsec(sec, "queue", i);
		if (i > 0)
			scenario_fail(sc, first_line(sub), "a line has one queue");
		read_queue(sub, &c->queue);
		if (c->rate_bps == 0)
			scenario_fail(sc, first_line(sub),
			    "queue: a line without a rate has none; expected rate = ...");
	}
	if (cfg_size(sec, "loss") > 0)
		c->nlosses = 0;
	for (i = 0; i < cfg_size(sec, "loss"); i++) {
		sub = cfg_getnsec(sec, "loss", i);
		if (i == SIM_MAX_LOSSES)
			scenario_fail(sc, first_line(sub), "expected at most %d kinds of loss",
			    SIM_MAX_LOSSES);
		read_loss(sub, &c->loss[c->nlosses++]);
	}
	for (i = 0; i < cfg_size(sec, "reorder"); i++) {
		sub = cfg_getnsec(sec, "reorder", i);
		c->reorder = need_value(sub, "rate", unit_prob);
		c->reorder_ns = need_value(sub, "by", unit_time);
	}
}

/* ---- links ---- */

struct end_spec {
	int first, count, line;
	uint32_t addr;
};

/* "h", "h3" or "h3@10.0.0.1" */
static struct end_spec
read_end(const struct text *t)
{
	struct end_spec e = {.line = t->line};
	char name[64], *at;

	snprintf(name, sizeof(name), "%s", t->s);
	at = strchr(name, '@');
	if (at != NULL) {
		*at++ = '\0';
		if (!parse_addr(at, &e.addr))
			scenario_fail(sc, t->line,
			    "ends: %s: expected HOST or HOST@ADDRESS, as a@10.0.0.1", t->s);
	}
	resolve(name, t->line, &e.first, &e.count);
	if (at != NULL && e.count > 1)
		scenario_fail(sc, t->line, "ends: %s: one address for %d hosts; expected one host",
		    t->s, e.count);
	return (e);
}

static struct edge *
add_edge(const struct edge *like, const char *name, int number)
{
	struct edge *k = grow(sc->links, &sc->nlinks, sizeof(*k), &sc->links);

	*k = *like;
	k->ends = NULL;
	k->nends = 0;
	if (number > 0)
		snprintf(k->name, sizeof(k->name), "%.23s%d", name, number);
	else
		snprintf(k->name, sizeof(k->name), "%.23s", name);
	return (k);
}

static void
add_end(struct edge *k, const struct end_spec *s, int i)
{
	struct end *e = grow(k->ends, &k->nends, sizeof(*e), &k->ends);

	e->node = s->first + (s->count > 1 ? i : 0);
	e->addr = s->addr;
	e->line = s->line;
}

static void
expand_link(const struct edge *like, const char *name, const struct end_spec *s)
{
	int n = s[0].count > s[1].count ? s[0].count : s[1].count, i, k;
	struct edge *e;

	if (s[0].count != s[1].count && s[0].count > 1 && s[1].count > 1)
		scenario_fail(sc, like->line, "link %s: %d hosts to %d; expected as many, or one",
		    name, s[0].count, s[1].count);
	for (i = 0; i < n; i++) {
		e = add_edge(like, name, n > 1 ? i + 1 : 0);
		for (k = 0; k < 2; k++)
			add_end(e, &s[k], i);
		if (e->ends[0].node == e->ends[1].node)
			scenario_fail(sc, like->line, "link %s: both ends are %s", name,
			    sc->nodes[e->ends[0].node].name);
	}
}

static void
read_link(cfg_t *sec, bool lan)
{
	static int sections;
	struct edge like = {
	    .lan = lan, .capture = -1, .line = first_line(sec), .section = ++sections};
	const char *name = checked_title(sec);
	unsigned i, n = cfg_size(sec, "ends");
	struct end_spec *s = xcalloc(n + 1, sizeof(*s));
	const struct text *t;
	struct edge *e;
	int k, count;

	if (lan ? n < 1 : n != 2)
		scenario_fail(sc, like.line, "%s: expected ends = {%s}", name_of(sec),
		    lan ? "HOST, HOST, ..." : "HOST, HOST");
	for (i = 0; i < n; i++)
		s[i] = read_end(cfg_getnptr(sec, "ends", i));
	t = get(sec, "network");
	if (t != NULL && (!parse_net(t->s, &like.net, &like.plen) || like.plen > 30))
		scenario_fail(
		    sc, t->line, "network = %s: expected ADDRESS/LENGTH, as 10.1.0.0/24", t->s);
	like.mtu = (uint32_t)get_range(sec, "mtu", unit_bytes, 1500, MTU_MIN, MTU_MAX);
	like.no_pcap = get_value(sec, "pcap", unit_bool, 1) == 0;
	like.ways[0].queue.limit_packets = DEFAULT_LIMIT;
	read_line(sec, &like.ways[0]);
	like.ways[1] = like.ways[0];
	if (cfg_size(sec, "reverse") > 0)
		read_line(cfg_getnsec(sec, "reverse", 0), &like.ways[1]);
	t = get(sec, "capture");
	if (t != NULL) {
		resolve(t->s, t->line, &like.capture, &count);
		if (count > 1)
			scenario_fail(sc, t->line, "capture = %s: expected one host", t->s);
	}
	if (!lan) {
		expand_link(&like, name, s);
	} else {
		e = add_edge(&like, name, 0);
		for (i = 0; i < n; i++)
			for (k = 0; k < s[i].count; k++)
				add_end(e, &s[i], k);
	}
	free(s);
}

/* ---- traffic ---- */

static struct sim_size
read_size(const struct text *t)
{
	struct sim_size s = {.kind = SIM_SIZE_FIXED};
	char buf[64], *p, *dash;
	const char *expected;
	bool ok;

	snprintf(buf, sizeof(buf), "%s", t->s);
	p = buf;
	if (strncmp(p, "exp:", 4) == 0) {
		s.kind = SIM_SIZE_EXP;
		p += 4;
	}
	dash = strchr(p, '-');
	if (dash != NULL && s.kind == SIM_SIZE_FIXED) {
		*dash = '\0';
		s.kind = SIM_SIZE_UNIFORM;
		ok = unit_bytes(p, &s.a, &expected) && unit_bytes(dash + 1, &s.b, &expected) &&
		     s.a <= s.b;
	} else
		ok = unit_bytes(p, &s.a, &expected);
	if (!ok || s.a == 0)
		scenario_fail(sc, t->line,
		    "size = %s: expected bytes (20kB), a range (1kB-100kB) or exp:MEAN (exp:20kB)",
		    t->s);
	return (s);
}

static void
read_kind(cfg_t *sec, enum sim_flow_kind kind, struct sim_flow_conf *c)
{
	static const char *const protocols[] = {"tcp", "udp", NULL};

	c->kind = kind;
	switch (kind) {
	case SIM_BULK:
		c->bytes = get_value(sec, "bytes", unit_bytes, 0);
		break;
	case SIM_REQUEST:
		c->request = get_range(sec, "request", unit_bytes, 100, 1, SIM_NEVER / 4);
		c->response = get_range(sec, "response", unit_bytes, 10000, 1, SIM_NEVER / 4);
		c->think_ns = get_value(sec, "think", unit_time, 0);
		c->random = get_value(sec, "random", unit_bool, 0) != 0;
		c->reconnect = get_value(sec, "reconnect", unit_bool, 0) != 0;
		c->count = get_value(sec, "count", unit_number, 0);
		break;
	case SIM_ONOFF:
		c->udp = get_word(sec, "protocol", protocols, 0) == 1;
		c->on_ns = get_range(sec, "on", unit_time, SIM_NS_PER_S, 1, SIM_NEVER / 4);
		c->off_ns = get_value(sec, "off", unit_time, 0);
		c->random = get_value(sec, "random", unit_bool, 0) != 0;
		if (c->udp)
			(void)need_value(sec, "rate", unit_rate);
		c->rate_bps = get_rate(sec, 0);
		c->packet = (uint32_t)get_range(
		    sec, "packet", unit_bytes, 1000, 1, c->udp ? 65507 : 1 << 20);
		break;
	case SIM_SHORT:
		c->mean_gap_ns = need_value(sec, "arrivals", unit_per_time);
		c->size = read_size(need(sec, "size", "a number of bytes, as 20kB"));
		c->count = get_value(sec, "count", unit_number, 0);
		break;
	}
}

static void
add_flow(const struct flow *like, const char *name, int from, int to, int number)
{
	struct flow *f = grow(sc->flows, &sc->nflows, sizeof(*f), &sc->flows);

	*f = *like;
	if (number > 0)
		snprintf(f->name, sizeof(f->name), "%.23s%d", name, number);
	else
		snprintf(f->name, sizeof(f->name), "%.23s", name);
	f->from = from;
	f->to = to;
	if (from == to)
		scenario_fail(
		    sc, f->line_to, "%s: from and to are both %s", f->name, sc->nodes[from].name);
}

/* The flows of a section share them; they live as long as the process. */
static void
read_sockopts(cfg_t *sec, struct sim_flow_conf *c)
{
	struct setting *opts;
	struct sim_sockopt *so;
	int i, n = read_settings(sec, "sockopt", &opts, "NAME=NUMBER, as TCP_NODELAY=1");

	so = xcalloc((size_t)n, sizeof(*so));
	for (i = 0; i < n; i++)
		so[i] = (struct sim_sockopt){opts[i].name, opts[i].value, opts[i].line};
	free(opts);
	*(void **)grow(sc->kept, &sc->nkept, sizeof(void *), &sc->kept) = so;
	c->opts = so;
	c->nopts = (size_t)n;
}

static void
read_flow(cfg_t *sec, enum sim_flow_kind kind)
{
	struct flow like = {.line = first_line(sec)};
	const struct text *from = need(sec, "from", "HOST"), *to = need(sec, "to", "HOST"), *t;
	const char *name = checked_title(sec);
	int a, na, b, nb, n;

	like.line_to = to->line;
	resolve(from->s, from->line, &a, &na);
	resolve(to->s, to->line, &b, &nb);
	if (na != nb && na > 1 && nb > 1)
		scenario_fail(sc, to->line, "%s: from %d hosts to %d; expected as many, or one",
		    name_of(sec), na, nb);
	read_kind(sec, kind, &like.conf);
	like.conf.start_ns = get_value(sec, "start", unit_time, 0);
	like.conf.stop_ns = get_value(sec, "stop", unit_time, SIM_NEVER);
	if (like.conf.stop_ns <= like.conf.start_ns)
		scenario_fail(sc, get(sec, "stop")->line, "stop: expected a time after start");
	like.conf.sample_ns = get_value(sec, "interval", unit_time, sc->interval_ns);
	like.conf.port = (uint16_t)get_range(sec, "port", unit_number, 0, 0, 65535);
	t = get(sec, "cc");
	like.conf.cc = t != NULL ? t->s : NULL;
	if (t != NULL && !sim_cc_exists(t->s))
		scenario_fail(sc, t->line,
		    "cc = %s: expected a congestion control algorithm of the "
		    "stack: see sysctl net.inet.tcp.cc.available",
		    t->s);
	read_sockopts(sec, &like.conf);
	n = na > nb ? na : nb;
	for (int i = 0; i < n; i++)
		add_flow(
		    &like, name, a + (na > 1 ? i : 0), b + (nb > 1 ? i : 0), n > 1 ? i + 1 : 0);
}

/* ---- the whole ---- */

static void
each(cfg_t *root, const char *name, void (*fn)(cfg_t *, int), int arg)
{
	unsigned i;

	for (i = 0; i < cfg_size(root, name); i++)
		fn(cfg_getnsec(root, name, i), arg);
}

static void
on_group(cfg_t *sec, int router)
{
	read_group(sec, router != 0);
}

static void
on_link(cfg_t *sec, int lan)
{
	read_link(sec, lan != 0);
}

static void
on_flow(cfg_t *sec, int kind)
{
	read_flow(sec, (enum sim_flow_kind)kind);
}

static void
unique_names(void)
{
	int i, k;

	for (i = 0; i < sc->nflows; i++)
		for (k = 0; k < i && sc->nflows < 2000; k++)
			if (strcmp(sc->flows[i].name, sc->flows[k].name) == 0)
				scenario_fail(sc, sc->flows[i].line,
				    "%s: there is a flow of that name, "
				    "in line %d",
				    sc->flows[i].name, sc->flows[k].line);
	for (i = 0; i < sc->nlinks; i++)
		for (k = 0; k < i && sc->nlinks < 2000; k++)
			if (strcmp(sc->links[i].name, sc->links[k].name) == 0)
				scenario_fail(sc, sc->links[i].line,
				    "%s: there is a link or lan of that "
				    "name, in line %d",
				    sc->links[i].name, sc->links[k].line);
}

struct scenario *
scenario_read(const char *file)
{
	size_t len;
	char *text;
	FILE *in;
	cfg_t *root;

	sc = xcalloc(1, sizeof(*sc));
	sc->file = file;
	text = scenario_text(sc, &len);
	root = cfg_init(root_opts, CFGF_NONE);
	cfg_set_error_function(root, parse_error);
	in = len > 0 ? fmemopen(text, len, "r") : NULL;
	if (in != NULL) {
		if (cfg_parse_fp(root, in) != CFG_SUCCESS)
			exit(2); /* parse_error() told why */
		fclose(in);
	}
	free(text);
	sc->seed = get_value(root, "seed", unit_number, 1);
	sc->duration_ns = get_value(root, "duration", unit_time, SIM_NEVER);
	sc->interval_ns =
	    get_range(root, "interval", unit_time, 100 * SIM_NS_PER_MS, 1000, SIM_NEVER / 4);
	sc->nsysctls = read_settings(root, "sysctl", &sc->sysctls, "NAME=VALUE");
	each(root, "host", on_group, 0);
	each(root, "router", on_group, 1);
	each(root, "link", on_link, 0);
	each(root, "lan", on_link, 1);
	each(root, "bulk", on_flow, SIM_BULK);
	each(root, "request", on_flow, SIM_REQUEST);
	each(root, "onoff", on_flow, SIM_ONOFF);
	each(root, "short", on_flow, SIM_SHORT);
	unique_names();
	if (sc->nnodes == 0)
		scenario_fail(sc, 0, "there is no host; expected host NAME {}");
	cfg_free(root);
	return (sc);
}
