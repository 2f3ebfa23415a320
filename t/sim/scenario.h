/*
 * scenario.h - a scenario as alpine-sim's host half has it: read by scenario.c, made into addresses
 * and routes by topology.c, built by build.c, reported by report.c. Host world.
 */
#ifndef T_SIM_SCENARIO_H
#define T_SIM_SCENARIO_H

#include "t/sim/sim.h"

/* A value as the file has it, and where. */
struct text {
	char *s;
	int line;
	const void *of; /* whose value */
	struct text *next;
};

struct setting {
	const char *name, *value;
	int line;
};

struct iface {
	int link; /* index */
	uint32_t addr;
};

struct node {
	char name[40];
	int group; /* index */
	bool router;
	struct iface *ifs;
	int nifs;
	struct sim_host *host;
};

/* What one host or router section describes: count nodes from `first`. */
struct group {
	char name[40];
	int first, count, line;
	bool router;
	struct setting *sysctls;
	int nsysctls;
	const struct text *module, *module_args;
	const struct text **routes;
	int nroutes;
};

struct end {
	int node;
	uint32_t addr; /* 0: to be given one */
	int line;
};

struct edge {
	char name[40];
	int line;
	int section; /* links of one section were made of a group of hosts */
	bool lan;
	struct end *ends;
	int nends;
	uint32_t net; /* 0: to be given one */
	int plen;
	uint32_t mtu;
	bool no_pcap;
	int capture; /* node; -1: the line itself */
	struct sim_line_conf ways[2];
	struct sim_link *link;
	struct pcap_out *pcap;
};

struct flow {
	char name[40];
	int line, line_to;
	int from, to; /* nodes */
	struct sim_flow_conf conf;
	struct sim_flow *flow;
	struct flow_log *log;
};

struct route_entry {
	int node;
	uint32_t net, gateway;
	int plen;
};

struct scenario {
	const char *file;
	const char *dir; /* where the outputs go; NULL: none */
	bool pcaps;
	uint64_t seed, duration_ns, interval_ns;
	struct setting *sysctls; /* of all hosts */
	int nsysctls;
	struct group *groups;
	int ngroups;
	struct node *nodes;
	int nnodes;
	struct edge *links;
	int nlinks;
	struct flow *flows;
	int nflows;
	struct route_entry *routes;
	size_t nroutes;
	void **kept; /* memory that flows refer to */
	int nkept;
};

/* Says "FILE:LINE: ..." and exits with 2. line 0: of the whole file. */
void scenario_fail(const struct scenario *, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), noreturn));
struct scenario *scenario_read(const char *file);
char *scenario_text(const struct scenario *, size_t *len); /* text.c; free() */
void topology_make(struct scenario *);
const char *addr_text(uint32_t); /* a row of static buffers */
bool parse_addr(const char *, uint32_t *);

/* grows an array by one zeroed element, which it returns */
void *grow(void *array, int *n, size_t size, void *to_array);
void *xcalloc(size_t n, size_t size);
char *xstrdup(const char *);

/* units.c: false: not such a value; then *expected says what one looks like */
bool unit_time(const char *, uint64_t *ns, const char **expected);
bool unit_rate(const char *, uint64_t *bps, const char **expected);
bool unit_bytes(const char *, uint64_t *bytes, const char **expected);
bool unit_limit(const char *, uint64_t *amount, bool *packets, const char **expected);
bool unit_prob(const char *, uint64_t *prob, const char **expected);
bool unit_number(const char *, uint64_t *, const char **expected);
bool unit_bool(const char *, uint64_t *, const char **expected);
bool unit_per_time(const char *, uint64_t *gap_ns, const char **expected); /* "50/s" */

/* build.c */
void scenario_build(struct scenario *);

/* pcap_out.c */
extern size_t pcap_out_snaplen; /* bytes of each frame that pcap_out_frame() writes */
struct pcap_out *pcap_out_open(const char *path);	       /* exits, saying why not */
void pcap_out_frame(void *arg, const void *frame, size_t len); /* a sim_tap_fn */
void pcap_out_at(struct pcap_out *, uint64_t ns, const void *frame, size_t len, size_t wire_len);
void pcap_out_close(struct pcap_out *); /* the same */

/* report.c */
void logs_open(struct scenario *);
void flow_sample(void *arg, const struct sim_sample *);
void flow_transfer(void *arg, const struct sim_transfer *);
void logs_close(struct scenario *);
struct run_time {
	uint64_t virtual_ns, events;
	double real_s, cpu_s; /* < 0: not to be told */
	long maxrss_kb;
};
bool report(const struct scenario *, const struct run_time *, bool json);

#endif
