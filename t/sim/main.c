/*
 * main.c - alpine-sim(1): options, and one run. Host world.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "kernel_glue/include/host/host.h"
#include "t/sim/scenario.h"
#include "t/sim/tcplog.h"

static struct {
	const char *dir; /* outputs go there; NULL: none */
	const char *tcplog, *tcplog_filter;
	bool json, no_pcap, quiet_clock, have_seed;
	uint64_t seed;
} opt;

static const char usage[] =
    "usage: alpine-sim [-o DIR] [--no-pcap] [--json] [--seed N] SCENARIO\n"
    "       alpine-sim --version | --help\n"
    "  -o, --output DIR  a pcap for each link, a log for each flow, summary.json\n"
    "  --no-pcap         ... without the pcaps\n"
    "  --tcplog FILE     a record for each TCP segment of all hosts, CSV or (.jsonl) JSON lines\n"
    "  --tcplog-filter W ... of those that W takes: port=N addr=A[/LEN] every=N\n"
    "  --json            the summary as JSON\n"
    "  --seed N          another seed than the scenario's\n";

enum {
	OPT_NO_PCAP = 256,
	OPT_JSON,
	OPT_SEED,
	OPT_TCPLOG,
	OPT_TCPLOG_FILTER,
	OPT_VERSION,
	OPT_CALLGRIND
};

static const struct option options[] = {{"output", required_argument, NULL, 'o'},
    {"no-pcap", no_argument, NULL, OPT_NO_PCAP}, {"json", no_argument, NULL, OPT_JSON},
    {"tcplog", required_argument, NULL, OPT_TCPLOG},
    {"tcplog-filter", required_argument, NULL, OPT_TCPLOG_FILTER},
    {"seed", required_argument, NULL, OPT_SEED}, {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPT_VERSION}, {NULL, 0, NULL, 0}};

static void
parse(int argc, char **argv)
{
	const char *expected;
	int c;

	while ((c = getopt_long(argc, argv, "o:h", options, NULL)) != -1)
		switch (c) {
		case 'o':
			opt.dir = optarg;
			break;
		case OPT_NO_PCAP:
			opt.no_pcap = true;
			break;
		case OPT_TCPLOG:
			opt.tcplog = optarg;
			break;
		case OPT_TCPLOG_FILTER:
			opt.tcplog_filter = optarg;
			break;
		case OPT_JSON:
			opt.json = true;
			break;
		case OPT_SEED:
			opt.have_seed = true;
			if (!unit_number(optarg, &opt.seed, &expected)) {
				fprintf(stderr, "alpine-sim: --seed %s: expected %s\n", optarg,
				    expected);
				exit(2);
			}
			break;
		case OPT_VERSION:
			puts("alpine-sim " ALPINE_VERSION);
			exit(0);
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			fputs(usage, stderr);
			exit(2);
		}
}

/* ---- a scenario ---- */

static void
open_outputs(struct scenario *s)
{
	s->dir = opt.dir;
	s->pcaps = opt.dir != NULL && !opt.no_pcap;
	if (opt.dir == NULL)
		return;
	if (mkdir(opt.dir, 0777) != 0 && errno != EEXIST) {
		fprintf(stderr, "alpine-sim: cannot make the folder %s: %s\n", opt.dir,
		    strerror(errno));
		exit(1);
	}
	logs_open(s);
}

static void
close_outputs(struct scenario *s)
{
	int i;

	for (i = 0; i < s->nlinks; i++)
		pcap_out_close(s->links[i].pcap);
	logs_close(s);
}

static bool
all_done(void *arg)
{
	static int first; /* flows before this one are done */
	const struct scenario *s = arg;

	for (; first < s->nflows; first++)
		if (!sim_flow_done(s->flows[first].flow))
			return (false);
	return (true);
}

/* Without a duration every flow must end by itself. */
static void
check_ends(const struct scenario *s)
{
	const struct sim_flow_conf *c;
	int i;

	if (s->duration_ns != SIM_NEVER)
		return;
	for (i = 0; i < s->nflows; i++) {
		c = &s->flows[i].conf;
		if (c->stop_ns == SIM_NEVER && c->bytes == 0 && c->count == 0)
			scenario_fail(s, s->flows[i].line,
			    "%s never ends; expected stop = ..., %s or a "
			    "duration = ... for the whole",
			    s->flows[i].name, c->kind == SIM_BULK ? "bytes = ..." : "count = ...");
	}
	if (s->nflows == 0)
		scenario_fail(s, 0, "no traffic and no end; expected duration = ...");
}

static double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

static int
run_scenario(const char *file)
{
	struct run_time t = {.real_s = -1};
	struct scenario *s;
	struct rusage ru;
	double began = 0;
	bool good;

	sim_boot(1);
	s = scenario_read(file);
	if (opt.have_seed)
		s->seed = opt.seed;
	host_random_seed(s->seed);
	check_ends(s);
	topology_make(s);
	open_outputs(s);
	scenario_build(s);
	if (opt.tcplog != NULL)
		tcplog_open(opt.tcplog, opt.tcplog_filter != NULL ? opt.tcplog_filter : "");
	if (!opt.quiet_clock)
		began = seconds();
	t.virtual_ns = sim_run(s->duration_ns, s->duration_ns == SIM_NEVER ? all_done : NULL, s);
	t.events = sim_events();
	if (!opt.quiet_clock) {
		t.real_s = seconds() - began;
		getrusage(RUSAGE_SELF, &ru);
		t.maxrss_kb = ru.ru_maxrss;
	}
	close_outputs(s);
	tcplog_close();
	good = report(s, &t, opt.json);
	if (fflush(stdout) != 0) {
		fprintf(stderr, "alpine-sim: cannot write the summary: %s\n", strerror(errno));
		return (1);
	}
	return (good ? 0 : 1);
}

int
main(int argc, char **argv)
{
	parse(argc, argv);
	if (optind + 1 != argc) {
		fputs(usage, stderr);
		return (2);
	}
	return (run_scenario(argv[optind]));
}
