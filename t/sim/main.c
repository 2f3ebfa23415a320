/*
 * main.c - alpine-sim(1): options, and one run. Host world.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "kernel_glue/include/host/host.h"
#include "t/sim/functions.h"
#include "t/sim/replay_run.h"
#include "t/sim/scenario.h"
#include "t/sim/tcplog.h"

static struct {
	const char *dir; /* outputs go there; NULL: none */
	const char *tcplog, *tcplog_filter;
	bool json, no_pcap, quiet_clock, have_seed;
	uint64_t seed, duration_ns; /* 0: the scenario's */
	bool functions;
	const char *function_list;
	struct replay_options replay;
} opt = {.replay = {.after_ns = SIM_NS_PER_S}};

static const char usage[] =
    "usage: alpine-sim [-o DIR] [--no-pcap] [--snaplen N] [--json] [--seed N] [--duration TIME]\n"
    "                  SCENARIO\n"
    "       alpine-sim --replay IN.pcap --host ADDR[/LEN] [--listen PORT,...] [-w OUT.pcap]\n"
    "                  [--no-rewrite] [--with-input] [--sysctl NAME=VALUE] [--after TIME] [-q]\n"
    "       alpine-sim --version | --help\n"
    "\n"
    "  -o, --output DIR     a pcap for each link, a log for each flow, summary.json\n"
    "  --no-pcap            ... without the pcaps\n"
    "  --snaplen N          ... with N bytes of each frame in them\n"
    "  --tcplog FILE        a record for each TCP segment of all hosts, CSV or (.jsonl) JSON "
    "lines\n"
    "  --tcplog-filter W    ... of those that W takes: port=N addr=A[/LEN] every=N\n"
    "  --json               the summary as JSON\n"
    "  --seed N             another seed than the scenario's\n"
    "  --duration TIME      another duration\n"
    "\n"
    "  --replay IN.pcap     hands the packets of a trace to a fresh stack, at their times\n"
    "  --host ADDR[/LEN]    its address; packets of the trace from there are not handed in\n"
    "  --listen PORT,...    TCP and UDP ports with a program that writes what the trace's did\n"
    "  -w, --write OUT.pcap what the stack sends\n"
    "  --with-input         ... and what it is handed\n"
    "  --no-rewrite         TCP's acknowledgments and echoed times as they are in the trace\n"
    "  --sysctl NAME=VALUE  of the stack, any number\n"
    "  --after TIME         goes on so long behind the last packet (1s)\n"
    "  -q, --quiet          tells only of packets that were dropped\n"
    "\n"
    "  --trace functions[=NAME,...]  tells which functions of the stack are entered; NAME a "
    "pattern\n"
    "  --callgrind-friendly          nothing of the real world: instruction counts repeat "
    "exactly\n";

enum {
	OPT_NO_PCAP = 256,
	OPT_SNAPLEN,
	OPT_JSON,
	OPT_SEED,
	OPT_DURATION,
	OPT_TCPLOG,
	OPT_TCPLOG_FILTER,
	OPT_VERSION,
	OPT_REPLAY,
	OPT_HOST,
	OPT_LISTEN,
	OPT_WITH_INPUT,
	OPT_NO_REWRITE,
	OPT_SYSCTL,
	OPT_AFTER,
	OPT_TRACE,
	OPT_CALLGRIND
};

static const struct option options[] = {{"output", required_argument, NULL, 'o'},
    {"no-pcap", no_argument, NULL, OPT_NO_PCAP}, {"snaplen", required_argument, NULL, OPT_SNAPLEN},
    {"tcplog", required_argument, NULL, OPT_TCPLOG},
    {"tcplog-filter", required_argument, NULL, OPT_TCPLOG_FILTER},
    {"json", no_argument, NULL, OPT_JSON}, {"seed", required_argument, NULL, OPT_SEED},
    {"duration", required_argument, NULL, OPT_DURATION},
    {"replay", required_argument, NULL, OPT_REPLAY}, {"host", required_argument, NULL, OPT_HOST},
    {"listen", required_argument, NULL, OPT_LISTEN}, {"write", required_argument, NULL, 'w'},
    {"with-input", no_argument, NULL, OPT_WITH_INPUT},
    {"no-rewrite", no_argument, NULL, OPT_NO_REWRITE},
    {"sysctl", required_argument, NULL, OPT_SYSCTL}, {"after", required_argument, NULL, OPT_AFTER},
    {"trace", required_argument, NULL, OPT_TRACE},
    {"callgrind-friendly", no_argument, NULL, OPT_CALLGRIND}, {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0}};

static void __attribute__((noreturn))
bad_option(const char *name, const char *value, const char *expected)
{
	fprintf(stderr, "alpine-sim: %s %s: expected %s\n", name, value, expected);
	exit(2);
}

static uint64_t
option_value(const char *name, bool (*unit)(const char *, uint64_t *, const char **))
{
	const char *expected;
	uint64_t v;

	if (!unit(optarg, &v, &expected))
		bad_option(name, optarg, expected);
	return (v);
}

/* "80,443" */
static void
parse_listen(void)
{
	static const char expected[] = "port numbers, as 80 or 80,443; 64 at most";
	const char *s = optarg;
	unsigned long port;
	char *end;

	for (;; s = end + 1) {
		port = strtoul(s, &end, 10);
		if (end == s || (*end != '\0' && *end != ',') || port == 0 || port > 65535 ||
		    opt.replay.nlisten == REPLAY_MAX_LISTEN)
			bad_option("--listen", optarg, expected);
		opt.replay.listen[opt.replay.nlisten++] = (uint16_t)port;
		if (*end == '\0')
			return;
	}
}

static void
parse_trace(void)
{
	static const char what[] = "functions";

	if (strncmp(optarg, what, sizeof(what) - 1) != 0 ||
	    (optarg[sizeof(what) - 1] != '\0' && optarg[sizeof(what) - 1] != '='))
		bad_option("--trace", optarg, "functions or functions=NAME,...");
	opt.functions = opt.replay.functions = true;
	if (optarg[sizeof(what) - 1] == '=')
		opt.function_list = optarg + sizeof(what);
}

/* The last option that speaks of a replay only, or of a scenario only; NULL: there was none. */
static const char *of_replay, *of_scenario;

static void __attribute__((noreturn, format(printf, 1, 2))) wrong_use(const char *fmt, ...)
{
	va_list ap;

	fputs("alpine-sim: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs("; type: alpine-sim --help\n", stderr);
	exit(2);
}

static const char *
option_name(int c)
{
	const struct option *o;

	for (o = options; o->name != NULL && o->val != c; o++)
		;
	return (o->name);
}

static bool
parse_replay(int c)
{
	if (c != OPT_REPLAY)
		of_replay = option_name(c);
	switch (c) {
	case OPT_REPLAY:
		opt.replay.in = optarg;
		return (true);
	case OPT_HOST:
		opt.replay.host = optarg;
		return (true);
	case OPT_LISTEN:
		parse_listen();
		return (true);
	case 'w':
		opt.replay.out = optarg;
		return (true);
	case OPT_WITH_INPUT:
		opt.replay.with_input = true;
		return (true);
	case OPT_NO_REWRITE:
		opt.replay.no_rewrite = true;
		return (true);
	case OPT_SYSCTL:
		if (opt.replay.nsysctl == REPLAY_MAX_SYSCTL)
			bad_option("--sysctl", optarg, "64 of them at most");
		opt.replay.sysctl[opt.replay.nsysctl++] = optarg;
		return (true);
	case OPT_AFTER:
		opt.replay.after_ns = option_value("--after", unit_time);
		return (true);
	case 'q':
		opt.replay.quiet = true;
		return (true);
	default:
		return (false);
	}
}

static void
parse(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "o:w:qh", options, NULL)) != -1) {
		if (c == 'o' || c == OPT_NO_PCAP || c == OPT_SNAPLEN || c == OPT_JSON ||
		    c == OPT_DURATION)
			of_scenario = option_name(c);
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
		case OPT_SNAPLEN:
			pcap_out_snaplen = (size_t)option_value("--snaplen", unit_number);
			break;
		case OPT_JSON:
			opt.json = true;
			break;
		case OPT_SEED:
			opt.have_seed = true;
			opt.seed = option_value("--seed", unit_number);
			break;
		case OPT_TRACE:
			parse_trace();
			break;
		case OPT_CALLGRIND:
			opt.quiet_clock = true;
			break;
		case OPT_DURATION:
			opt.duration_ns = option_value("--duration", unit_time);
			break;
		case OPT_VERSION:
			puts("alpine-sim " ALPINE_VERSION);
			exit(0);
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			if (c != '?' && parse_replay(c))
				break;
			fputs("type: alpine-sim --help\n", stderr);
			exit(2);
		}
	}
	if (opt.replay.in != NULL) {
		if (of_scenario != NULL)
			wrong_use("--%s is for scenarios, not for --replay", of_scenario);
		if (optind != argc)
			wrong_use("%s: --replay takes no scenario", argv[optind]);
		return;
	}
	if (of_replay != NULL)
		wrong_use("--%s is for --replay, not for scenarios", of_replay);
	if (optind == argc)
		wrong_use("no scenario given");
	if (optind + 1 != argc)
		wrong_use("%s: expected one scenario only", argv[optind + 1]);
}

/* ---- functions ---- */

int functions_head_width = 0;

/* In a scenario there are many stacks, and time is not told otherwise. */
void
functions_head(void)
{
	uint64_t now = sim_now_ns();

	if (opt.replay.in != NULL)
		replay_head();
	else
		printf("%4llu.%09llu %-12s ", (unsigned long long)(now / SIM_NS_PER_S),
		    (unsigned long long)(now % SIM_NS_PER_S), sim_current_host());
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
seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

static int
run_scenario(const char *file)
{
	struct run_time t = {.real_s = -1};
	struct scenario *s;
	struct rusage ru;
	double began = 0, cpu_began = 0;
	bool good;

	sim_boot(1);
	s = scenario_read(file);
	if (opt.have_seed)
		s->seed = opt.seed;
	if (opt.duration_ns != 0)
		s->duration_ns = opt.duration_ns;
	host_random_seed(s->seed);
	topology_make(s);
	check_ends(s);
	open_outputs(s);
	scenario_build(s);
	if (opt.tcplog != NULL)
		tcplog_open(opt.tcplog, opt.tcplog_filter != NULL ? opt.tcplog_filter : "");
	if (!opt.quiet_clock) {
		began = seconds(CLOCK_MONOTONIC);
		cpu_began = seconds(CLOCK_PROCESS_CPUTIME_ID);
	}
	if (opt.functions) {
		functions_head_width = 28;
		functions_begin();
	}
	t.virtual_ns = sim_run(s->duration_ns, s->duration_ns == SIM_NEVER ? all_done : NULL, s);
	functions_end();
	if (sim_stuck()) {
		fprintf(stderr,
		    "alpine-sim: %s: time stands still at %llu.%09llu s: traffic without end goes "
		    "over lines that take no time; expected rate = ... or delay = ... in a link\n",
		    file, (unsigned long long)(t.virtual_ns / SIM_NS_PER_S),
		    (unsigned long long)(t.virtual_ns % SIM_NS_PER_S));
		close_outputs(s);
		tcplog_close();
		return (2);
	}
	t.events = sim_events();
	if (!opt.quiet_clock) {
		t.real_s = seconds(CLOCK_MONOTONIC) - began;
		t.cpu_s = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_began;
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

static int
run_replay(void)
{
	int status;

	if (opt.replay.host == NULL) {
		fputs("alpine-sim: --replay without --host: expected the address in the trace that "
		      "the stack is to have\n",
		    stderr);
		return (2);
	}
	sim_boot(opt.have_seed ? opt.seed : 1);
	if (opt.tcplog != NULL)
		tcplog_open(opt.tcplog, opt.tcplog_filter != NULL ? opt.tcplog_filter : "");
	status = replay_run(&opt.replay);
	tcplog_close();
	return (status);
}

int
main(int argc, char **argv)
{
	parse(argc, argv);
	if (opt.functions)
		functions_trace(opt.function_list);
	return (opt.replay.in != NULL ? run_replay() : run_scenario(argv[optind]));
}
