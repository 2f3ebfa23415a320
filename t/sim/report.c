/*
 * report.c - what alpine-sim tells: a log for each flow, a summary as text and as JSON. Host world.
 * Owns the log files. Numbers in the JSON are whole (ns, bytes), so that nothing is rounded away.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/sim/scenario.h"

#define PATH_LEN 4096

struct flow_log {
	FILE *samples, *transfers;
};

typedef unsigned long long ull;

/* ---- logs ---- */

static FILE *
log_file(const char *dir, const char *name, const char *what, const char *head)
{
	char path[PATH_LEN];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.%s", dir, name, what);
	f = fopen(path, "w");
	if (f == NULL) {
		fprintf(stderr, "alpine-sim: cannot write %s: %s\n", path, strerror(errno));
		exit(1);
	}
	if (head != NULL)
		fprintf(f, "%s\n", head);
	return (f);
}

void
logs_open(struct scenario *s)
{
	const struct sim_flow_conf *c;
	struct flow_log *l;
	int i;

	for (i = 0; i < s->nflows; i++) {
		c = &s->flows[i].conf;
		l = s->flows[i].log = xcalloc(1, sizeof(*l));
		if (c->kind != SIM_SHORT && !c->udp)
			l->samples = log_file(s->dir, s->flows[i].name, "csv",
			    "time_s,conn,state,cc,acked,received,cwnd,ssthresh,flight,snd_wnd,srtt_"
			    "us,"
			    "rttvar_us,rto_ms,mss,rexmit_packets");
		if (!c->udp)
			l->transfers = log_file(s->dir, s->flows[i].name, "transfers.csv",
			    "start_s,end_s,conn,bytes,duration_s,error");
	}
}

static void
put_time(FILE *f, uint64_t ns, const char *after)
{
	fprintf(f, "%llu.%09llu%s", (ull)(ns / SIM_NS_PER_S), (ull)(ns % SIM_NS_PER_S), after);
}

void
flow_sample(void *arg, const struct sim_sample *s)
{
	const struct flow *f = arg;
	FILE *o;

	if (f->log == NULL || f->log->samples == NULL)
		return;
	o = f->log->samples;
	put_time(o, s->at_ns, ",");
	fprintf(o, "%u,%s,%s,%llu,%llu,%u,%u,%u,%u,%u,%u,%u,%u,%u\n", s->conn, s->state, s->cc,
	    (ull)s->acked, (ull)s->received, s->cwnd, s->ssthresh, s->flight, s->snd_wnd,
	    s->srtt_us, s->rttvar_us, s->rto_ms, s->mss, s->rexmit_packets);
}

void
flow_transfer(void *arg, const struct sim_transfer *t)
{
	const struct flow *f = arg;
	FILE *o;

	if (f->log == NULL || f->log->transfers == NULL)
		return;
	o = f->log->transfers;
	put_time(o, t->start_ns, ",");
	put_time(o, t->end_ns, ",");
	fprintf(o, "%u,%llu,", t->conn, (ull)t->bytes);
	put_time(o, t->end_ns - t->start_ns, ",");
	fprintf(o, "%s\n", t->error != 0 ? sim_strerror(t->error) : "");
}

static void
close_log(FILE *f, const char *name)
{
	if (f == NULL)
		return;
	if (ferror(f) | fclose(f)) {
		fprintf(
		    stderr, "alpine-sim: cannot write the log of %s: %s\n", name, strerror(errno));
		exit(1);
	}
}

void
logs_close(struct scenario *s)
{
	int i;

	for (i = 0; i < s->nflows; i++) {
		if (s->flows[i].log == NULL)
			continue;
		close_log(s->flows[i].log->samples, s->flows[i].name);
		close_log(s->flows[i].log->transfers, s->flows[i].name);
		free(s->flows[i].log);
		s->flows[i].log = NULL;
	}
}

/* ---- the summary ---- */

struct latency {
	uint64_t mean, p50, p99, max;
};

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y ? -1 : x > y);
}

static struct latency
latency_of(const struct sim_flow_stats *st)
{
	struct latency l = {0, 0, 0, 0};
	uint64_t *v, sum = 0, i, n = st->nlat;

	if (n == 0)
		return (l);
	v = xcalloc(n, sizeof(*v));
	memcpy(v, st->lat_ns, n * sizeof(*v));
	qsort(v, n, sizeof(*v), by_value);
	for (i = 0; i < n; i++)
		sum += v[i];
	l = (struct latency){sum / n, v[(n - 1) / 2], v[(n - 1) * 99 / 100], v[n - 1]};
	free(v);
	return (l);
}

/* bit/s of what arrived, from the first connect to the last byte */
static uint64_t
goodput(const struct sim_flow_stats *st)
{
	uint64_t ns = st->last_ns > st->first_ns ? st->last_ns - st->first_ns : 0;

	return (ns == 0 ? 0 : (uint64_t)((__uint128_t)st->received * 8 * SIM_NS_PER_S / ns));
}

/* Jain's index of all bulk flows, in millionths; 0: there are none. */
static uint64_t
fairness(const struct scenario *s)
{
	struct sim_flow_stats st;
	__uint128_t sum = 0, squares = 0;
	uint64_t n = 0, x;
	int i;

	for (i = 0; i < s->nflows; i++) {
		if (s->flows[i].conf.kind != SIM_BULK)
			continue;
		sim_flow_stats(s->flows[i].flow, &st);
		x = goodput(&st) / 1000;
		sum += x;
		squares += (__uint128_t)x * x;
		n++;
	}
	return (squares == 0 ? 0 : (uint64_t)(sum * sum * 1000000 / (squares * n)));
}

static const char *const kinds[] = {"bulk", "request", "onoff", "short"};

static const char *
scaled(uint64_t v, const char *const *units, uint64_t step)
{
	static char row[8][24];
	static unsigned next;
	char *buf = row[next++ % 8];
	int u = 0;
	double x = (double)v;

	for (; x >= (double)step && units[u + 1] != NULL; u++)
		x /= (double)step;
	snprintf(buf, sizeof(row[0]), x >= 100 || u == 0 ? "%.0f %s" : "%.2f %s", x, units[u]);
	return (buf);
}

static const char *
rate_text(uint64_t bps)
{
	static const char *const units[] = {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", NULL};

	return (scaled(bps, units, 1000));
}

static const char *
bytes_text(uint64_t n)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", NULL};

	return (scaled(n, units, 1000));
}

static const char *
time_text(uint64_t ns)
{
	static const char *const units[] = {"ns", "us", "ms", "s", NULL};

	return (scaled(ns, units, 1000));
}

static void
text_flow(FILE *o, const struct flow *f)
{
	struct sim_flow_stats st;
	struct latency l;

	sim_flow_stats(f->flow, &st);
	fprintf(o, "%-20s %-8s %10s %13s %8llu %10s", f->name,
	    f->conf.udp					? "udp"
	    : f->conf.kind == SIM_BULK && st.cc != NULL ? st.cc
							: kinds[f->conf.kind],
	    bytes_text(st.received), rate_text(goodput(&st)), (ull)st.rexmit_packets,
	    st.srtt_us != 0 ? time_text(st.srtt_us * 1000) : "-");
	if (st.nlat > 0) {
		l = latency_of(&st);
		fprintf(o, "  %llu, mean %s, p50 %s, p99 %s, max %s", (ull)st.nlat,
		    time_text(l.mean), time_text(l.p50), time_text(l.p99), time_text(l.max));
	}
	if (f->conf.udp)
		fprintf(o, "  lost %llu, late %llu", (ull)(st.dgrams_sent - st.dgrams_received),
		    (ull)st.dgrams_late);
	if (st.failed > 0 || st.first_error != 0)
		fprintf(o, "  failed %llu: %s", (ull)st.failed, sim_strerror(st.first_error));
	if (st.bad_bytes > 0)
		fprintf(o, "  %llu bytes WRONG", (ull)st.bad_bytes);
	fputc('\n', o);
}

static void
text_line(FILE *o, const struct scenario *s, const struct edge *k, int way, uint64_t ns)
{
	const char *from =
	    k->lan ? (way == 0 ? "hosts" : "switch") : s->nodes[k->ends[way].node].name;
	struct sim_line_stats st;
	char name[128], use[16] = "-";
	uint64_t lines = k->lan ? (uint64_t)k->nends : 1, other;

	sim_link_stats(k->link, way, &st);
	other = st.duplicated + st.corrupted + st.reordered;
	if (k->ways[way].rate_bps != 0 && ns != 0)
		snprintf(use, sizeof(use), "%.1f%%",
		    (double)st.busy_ns * 100 / (double)ns / (double)lines);
	snprintf(name, sizeof(name), "%s from %s", k->name, from);
	fprintf(o, "%-28s %10llu %10s %6s %7llu %7llu %7llu %7llu %7llu %9s %9s\n", name,
	    (ull)st.sent, bytes_text(st.sent_bytes), use, (ull)st.tail_drops, (ull)st.aqm_drops,
	    (ull)st.marks, (ull)st.lost, (ull)other,
	    time_text(st.sent != 0 ? st.wait_sum_ns / st.sent : 0), time_text(st.wait_max_ns));
}

static void
text_report(FILE *o, const struct scenario *s, const struct run_time *t)
{
	uint64_t jain = fairness(s);
	int i, way;

	fprintf(o, "%-20s %-8s %10s %13s %8s %10s\n", "flow", "what", "received", "goodput",
	    "resent", "srtt");
	for (i = 0; i < s->nflows; i++)
		text_flow(o, &s->flows[i]);
	if (jain != 0)
		fprintf(o, "fairness of the bulk flows (Jain): %llu.%04llu\n",
		    (ull)(jain / 1000000), (ull)(jain / 100 % 10000));
	fprintf(o, "\n%-28s %10s %10s %6s %7s %7s %7s %7s %7s %9s %9s\n", "line", "frames", "bytes",
	    "busy", "full", "early", "marked", "lost", "other", "wait", "longest");
	for (i = 0; i < s->nlinks; i++)
		for (way = 0; way < 2; way++)
			text_line(o, s, &s->links[i], way, t->virtual_ns);
	fprintf(o, "\n%d hosts, %d links, %d flows, seed %llu: ", s->nnodes, s->nlinks, s->nflows,
	    (ull)s->seed);
	put_time(o, t->virtual_ns, " virtual seconds");
	if (t->real_s >= 0)
		fprintf(o,
		    " in %.3f s, %.3f s of CPU: %.1f a CPU second; %llu steps, %ld kB of memory",
		    t->real_s, t->cpu_s, t->cpu_s > 0 ? (double)t->virtual_ns / 1e9 / t->cpu_s : 0,
		    (ull)t->events, t->maxrss_kb);
	fputc('\n', o);
}

static void
json_flow(FILE *o, const struct scenario *s, const struct flow *f)
{
	struct sim_flow_stats st;
	struct latency l;

	sim_flow_stats(f->flow, &st);
	l = latency_of(&st);
	fprintf(o,
	    "    {\"name\": \"%s\", \"kind\": \"%s\", \"protocol\": \"%s\", \"from\": \"%s\", "
	    "\"to\": \"%s\", \"port\": %u, \"cc\": \"%s\",\n"
	    "     \"first_ns\": %llu, \"last_ns\": %llu, \"sent\": %llu, \"received\": %llu, "
	    "\"goodput_bps\": %llu, \"bad_bytes\": %llu,\n"
	    "     \"connections\": %llu, \"finished\": %llu, \"failed\": %llu, \"open\": %llu, "
	    "\"error\": \"%s\", \"resent\": %llu, \"srtt_us\": %llu,\n"
	    "     \"datagrams_sent\": %llu, \"datagrams_received\": %llu, \"datagrams_late\": "
	    "%llu,\n"
	    "     \"latencies\": %llu, \"mean_ns\": %llu, \"p50_ns\": %llu, \"p99_ns\": %llu, "
	    "\"max_ns\": %llu}",
	    f->name, kinds[f->conf.kind], f->conf.udp ? "udp" : "tcp", s->nodes[f->from].name,
	    s->nodes[f->to].name, f->conf.port, st.cc != NULL ? st.cc : "", (ull)st.first_ns,
	    (ull)st.last_ns, (ull)st.sent, (ull)st.received, (ull)goodput(&st), (ull)st.bad_bytes,
	    (ull)st.conns, (ull)st.finished, (ull)st.failed, (ull)st.unfinished,
	    st.first_error != 0 ? sim_strerror(st.first_error) : "", (ull)st.rexmit_packets,
	    (ull)st.srtt_us, (ull)st.dgrams_sent, (ull)st.dgrams_received, (ull)st.dgrams_late,
	    (ull)st.nlat, (ull)l.mean, (ull)l.p50, (ull)l.p99, (ull)l.max);
}

static void
json_line(FILE *o, const struct edge *k, const char *from, int way)
{
	struct sim_line_stats st;

	sim_link_stats(k->link, way, &st);
	fprintf(o,
	    "    {\"link\": \"%s\", \"from\": \"%s\", \"rate_bps\": %llu, \"offered\": %llu, "
	    "\"sent\": %llu, \"sent_bytes\": %llu, \"busy_ns\": %llu,\n"
	    "     \"tail_drops\": %llu, \"early_drops\": %llu, \"marks\": %llu, \"lost\": %llu, "
	    "\"duplicated\": %llu, \"corrupted\": %llu, \"reordered\": %llu,\n"
	    "     \"queue_max_packets\": %llu, \"queue_max_bytes\": %llu, \"wait_sum_ns\": %llu, "
	    "\"wait_max_ns\": %llu}",
	    k->name, from, (ull)k->ways[way].rate_bps, (ull)st.offered, (ull)st.sent,
	    (ull)st.sent_bytes, (ull)st.busy_ns, (ull)st.tail_drops, (ull)st.aqm_drops,
	    (ull)st.marks, (ull)st.lost, (ull)st.duplicated, (ull)st.corrupted, (ull)st.reordered,
	    (ull)st.queue_max_packets, (ull)st.queue_max_bytes, (ull)st.wait_sum_ns,
	    (ull)st.wait_max_ns);
}

/* Nothing of the real world is in it: the same scenario gives the same bytes. */
static void
json_report(FILE *o, const struct scenario *s, const struct run_time *t)
{
	const struct edge *k;
	int i, way;

	fprintf(o,
	    "{\n  \"seed\": %llu, \"hosts\": %d, \"virtual_ns\": %llu, \"steps\": %llu, "
	    "\"fairness_millionths\": %llu,\n  \"flows\": [\n",
	    (ull)s->seed, s->nnodes, (ull)t->virtual_ns, (ull)t->events, (ull)fairness(s));
	for (i = 0; i < s->nflows; i++) {
		json_flow(o, s, &s->flows[i]);
		fputs(i + 1 < s->nflows ? ",\n" : "\n", o);
	}
	fputs("  ],\n  \"lines\": [\n", o);
	for (i = 0; i < s->nlinks; i++)
		for (way = 0; way < 2; way++) {
			k = &s->links[i];
			json_line(o, k,
			    k->lan ? (way == 0 ? "hosts" : "switch")
				   : s->nodes[k->ends[way].node].name,
			    way);
			fputs(i + 1 < s->nlinks || way == 0 ? ",\n" : "\n", o);
		}
	fputs("  ]\n}\n", o);
}

/* False: some byte came out other than it went in. */
bool
report(const struct scenario *s, const struct run_time *t, bool json)
{
	struct sim_flow_stats st;
	bool good = true;
	FILE *f;
	int i;

	if (json)
		json_report(stdout, s, t);
	else
		text_report(stdout, s, t);
	if (s->dir != NULL) {
		f = log_file(s->dir, "summary", "json", NULL);
		json_report(f, s, t);
		close_log(f, "summary");
	}
	for (i = 0; i < s->nflows; i++) {
		sim_flow_stats(s->flows[i].flow, &st);
		good = good && st.bad_bytes == 0;
	}
	return (good);
}
