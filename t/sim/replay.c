/*
 * replay.c - alpine-sim --replay: the packets of a trace, at their times, to a fresh stack; what it
 * counts and answers, beside each. Host world.
 *
 * What the traced host sent itself is not handed in. It tells what its program wrote and when,
 * which the program behind the listening ports does again, and the numbers that rewrite.c needs.
 * Owns the trace, the output and the state of one run: there is one in a process.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_glue/include/host/host.h"
#include "t/sim/functions.h"
#include "t/sim/replay.h"
#include "t/sim/replay_run.h"
#include "t/sim/scenario.h"
#include "t/sim/trace.h"

#define MAX_TRACE_NS (3650 * 86400ull * SIM_NS_PER_S) /* its timers are run in seconds */
/* Virtual time of the first packet: the stack has settled by then. */
#define FIRST_NS (5ull * SIM_NS_PER_S)
#define TYPE_IP 0x0800
#define TYPE_ARP 0x0806
#define PROTO_TCP 6
#define PROTO_UDP 17
#define DEFAULT_PLEN 24
#define MTU 1500

static struct {
	const struct replay_options *opt;
	uint32_t addr, net_mask, gateway;
	int plen;
	uint8_t mac[6];
	bool mac_known;
	uint64_t first_ns; /* of the trace */
	struct pcap_out *out;
	uint64_t *before, *after, *dropped;
	size_t ncounters;
	unsigned total, handed, own, answers, rewritten, ndropped;
	bool started, header_due;
	const struct frame *now; /* being told of; NULL: what */
	const char *what;	 /* makes the stack do something, if no packet does */
	uint32_t last_neighbour;
	uint8_t last_mac[6];
} r;

static uint16_t
be16(const uint8_t *p)
{
	return ((uint16_t)(p[0] << 8 | p[1]));
}

static uint32_t
be32(const uint8_t *p)
{
	return ((uint32_t)be16(p) << 16 | be16(p + 2));
}

static void fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void
fail(const char *fmt, ...)
{
	va_list ap;

	fputs("alpine-sim: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

/* ---- telling ---- */

static uint64_t
trace_time(void)
{
	uint64_t now = sim_now_ns();

	return (r.first_ns + (now > FIRST_NS ? now - FIRST_NS : 0));
}

static void
put_offset(void)
{
	uint64_t ns = trace_time() - r.first_ns;

	printf("%llu.%06llu", (unsigned long long)(ns / SIM_NS_PER_S),
	    (unsigned long long)(ns % SIM_NS_PER_S / 1000));
}

/* The line of the packet, or of the timer, that the lines below it belong to. */
static void
put_header(void)
{
	if (!r.header_due)
		return;
	r.header_due = false;
	if (r.now != NULL)
		printf("%6u ", r.now->number);
	else
		printf("     - ");
	put_offset();
	printf("  %s%s\n", r.now != NULL ? packet_text(r.now->data, r.now->len) : r.what,
	    r.now != NULL && r.now->len < r.now->wire_len ? "  (not all of it is in the trace)"
							  : "");
}

void
replay_head(void)
{
	put_header();
}

/* Begins a new one. With --quiet it is told only if something was dropped. */
static void
begin(const struct frame *f, const char *what)
{
	r.now = f;
	r.what = what;
	r.header_due = true;
	if (f != NULL && !r.opt->quiet)
		put_header();
	replay_counters_get(r.before);
	if (r.opt->functions && r.started)
		functions_begin();
}

static void
put_counters(bool drops, const char *word)
{
	size_t i;
	uint64_t n;
	bool any = false;

	for (i = 0; i < r.ncounters; i++) {
		n = r.after[i] - r.before[i];
		if (n == 0 || replay_counter_is_drop(i) != drops)
			continue;
		if (!any) {
			put_header();
			printf("         %-8s", word);
		}
		any = true;
		printf(" %s", replay_counter_name(i));
		if (n != 1)
			printf("+%llu", (unsigned long long)n);
		if (drops)
			r.dropped[i] += n;
	}
	if (any)
		putchar('\n');
	r.ndropped += drops && any && r.now != NULL;
}

static void
end(void)
{
	functions_end();
	replay_counters_get(r.after);
	put_counters(true, "dropped");
	if (!r.opt->quiet)
		put_counters(false, "counted");
}

/* ---- what the stack sends ---- */

static bool
is_announcement(const uint8_t *f, size_t len)
{
	return (len >= ETHER_LEN + 28 && be16(f + 12) == TYPE_ARP && be32(f + 28) == be32(f + 38));
}

static void
sent(const uint8_t *f, size_t len)
{
	struct layers l;

	if (is_announcement(f, len)) /* nobody asked: the stack has just been born */
		return;
	r.answers++;
	if (!r.opt->quiet) {
		put_header();
		printf("         out      %s\n", packet_text(f, len));
	}
	if (r.out != NULL)
		pcap_out_at(r.out, trace_time(), f, len, len);
	if (parse_ip(f, len, &l))
		rewrite_sent(&l);
}

/* ---- what it is handed ---- */

static bool
is_own(const struct frame *f)
{
	struct layers l;

	if (parse_ip(f->data, f->len, &l))
		return (l.src == r.addr);
	if (f->len >= ETHER_LEN + 28 && be16(f->data + 12) == TYPE_ARP &&
	    be32(f->data + 28) == r.addr)
		return (true);
	return (!f->made_header && f->len >= ETHER_LEN && r.mac_known &&
		memcmp(f->data + 6, r.mac, 6) == 0);
}

static bool
listens(uint16_t port)
{
	int i;

	for (i = 0; i < r.opt->nlisten; i++)
		if (r.opt->listen[i] == port)
			return (true);
	return (false);
}

static void
write_zeros(const struct replay_peer *p, size_t n)
{
	static const uint8_t zeros[4096];

	for (; n > sizeof(zeros); n -= sizeof(zeros))
		replay_write(p, zeros, sizeof(zeros));
	if (n > 0)
		replay_write(p, zeros, n);
}

/* The traced host's own packet: its program does the same here. */
static void
follow_program(const struct layers *l)
{
	struct replay_peer p = {l->dst, l->dport, l->sport};
	struct program_act a;
	size_t here;

	if (l->l4 == NULL || !listens(l->sport))
		return;
	if (l->proto == PROTO_UDP)
		replay_send(&p, l->payload, l->payload_len);
	if (l->proto != PROTO_TCP || !rewrite_program(l, &a))
		return;
	write_zeros(&p, a.missing_before);
	if (a.len > 0) {
		here = l->payload_len > a.skip ? l->payload_len - a.skip : 0;
		if (here > a.len)
			here = a.len;
		if (here > 0)
			replay_write(&p, l->payload + a.skip, here);
		write_zeros(&p, a.len - here);
	}
	if (a.rst)
		replay_abort(&p);
	else if (a.fin)
		replay_close(&p);
}

static void
own_packet(const struct frame *f)
{
	struct layers l;

	r.own++;
	if (!parse_ip(f->data, f->len, &l))
		return;
	rewrite_trace_ours(&l);
	begin(NULL, "program");
	follow_program(&l);
	(void)sim_run(sim_now_ns(), NULL, NULL);
	end();
}

/* Whoever sends to us can be answered: nobody is there to be asked by ARP. */
static void
learn_neighbour(const struct frame *f, const struct layers *l)
{
	uint32_t who = (l->src & r.net_mask) == (r.addr & r.net_mask) ? l->src : r.gateway;

	if ((f->data[6] & 1) != 0 || who == 0 ||
	    (who == r.last_neighbour && memcmp(r.last_mac, f->data + 6, 6) == 0))
		return;
	r.last_neighbour = who;
	memcpy(r.last_mac, f->data + 6, 6);
	replay_neighbour(who, f->data + 6);
}

static void
hand_in(struct frame *f)
{
	struct layers l;
	bool ip = parse_ip(f->data, f->len, &l);

	r.handed++;
	if (ip)
		learn_neighbour(f, &l);
	if (ip && !r.opt->no_rewrite && rewrite_in(f->data, &l))
		r.rewritten++;
	if (r.out != NULL && r.opt->with_input)
		pcap_out_at(r.out, trace_time(), f->data, f->len, f->wire_len);
	begin(f, NULL);
	replay_in(f->data, f->len);
	(void)sim_run(sim_now_ns(), NULL, NULL);
	end();
}

/* The stack's own time until then. */
static void
wait_until(uint64_t ns)
{
	begin(NULL, "timer");
	(void)sim_run(ns, NULL, NULL);
	end();
}

static void
packet(struct frame *f)
{
	uint64_t at;

	r.total++;
	if (!r.started) {
		r.started = true;
		r.first_ns = f->time_ns;
		(void)sim_run(FIRST_NS, NULL, NULL);
	}
	at = f->time_ns > r.first_ns ? f->time_ns - r.first_ns : 0;
	if (at > MAX_TRACE_NS)
		fail("%s: packet %u comes %llu days after the first; expected 3650 at most: is its "
		     "time right?",
		    r.opt->in, r.total, (unsigned long long)(at / (86400ull * SIM_NS_PER_S)));
	at += FIRST_NS;
	if (at > sim_now_ns())
		wait_until(at);
	if (is_own(f))
		own_packet(f);
	else
		hand_in(f);
}

/* ---- before ---- */

static void
parse_host(const char *s)
{
	char buf[64], *slash, *rest;

	snprintf(buf, sizeof(buf), "%s", s);
	slash = strchr(buf, '/');
	r.plen = DEFAULT_PLEN;
	if (slash != NULL) {
		*slash++ = '\0';
		r.plen = (int)strtol(slash, &rest, 10);
		if (rest == slash || *rest != '\0')
			r.plen = -1;
	}
	if (!parse_addr(buf, &r.addr) || r.plen < 1 || r.plen > 30)
		fail("--host %s: expected ADDRESS or ADDRESS/LENGTH (1 to 30), as 10.0.0.1/24", s);
	r.net_mask = ~0u << (32 - r.plen);
	r.gateway = (r.addr | ~r.net_mask) - 1;
	if (r.gateway == r.addr)
		r.gateway--;
}

/* Which station is the host? The one that packets for its address are for. */
static void
find_mac(struct frame *f)
{
	struct trace_in *t = trace_in_open(r.opt->in);
	static const uint8_t ours[6] = {2, 0, 0, 0, 0, 1}, theirs[6] = {2, 0, 0, 0, 0, 2};
	struct layers l;
	const char *why;
	bool any = false;

	memcpy(r.mac, ours, sizeof(r.mac));
	trace_in_macs(t, ours, theirs);
	for (; !r.mac_known && trace_in_next(t, f, &why) == 1; any = true)
		if (parse_ip(f->data, f->len, &l) && l.dst == r.addr && (f->data[0] & 1) == 0) {
			memcpy(r.mac, f->data, sizeof(r.mac));
			r.mac_known = true;
		}
	trace_in_close(t);
	if (!r.mac_known && any)
		fprintf(stderr, "alpine-sim: %s: no packet is for %s: is --host right?\n",
		    r.opt->in, addr_text(r.addr));
	else if (!any)
		fprintf(stderr, "alpine-sim: %s: there is no packet in it\n", r.opt->in);
}

static void
make_stack(void)
{
	struct replay_conf c = {
	    .addr = r.addr, .plen = r.plen, .gateway = r.gateway, .mtu = MTU, .out = sent};
	char *name, *eq;
	int i, error;

	memcpy(c.mac, r.mac, sizeof(c.mac));
	error = replay_create(&c);
	if (error != 0)
		fail("--host %s: %s", r.opt->host, sim_strerror(error));
	for (i = 0; i < r.opt->nsysctl; i++) {
		name = xstrdup(r.opt->sysctl[i]);
		eq = strchr(name, '=');
		if (eq == NULL)
			fail("--sysctl %s: expected NAME=VALUE", r.opt->sysctl[i]);
		*eq = '\0';
		error = replay_sysctl(name, eq + 1);
		if (error != 0)
			fail("--sysctl %s: %s", r.opt->sysctl[i], sim_strerror(error));
		free(name);
	}
	for (i = 0; i < r.opt->nlisten; i++) {
		error = replay_listen(r.opt->listen[i]);
		if (error != 0)
			fail("--listen %u: %s", r.opt->listen[i], sim_strerror(error));
	}
	r.ncounters = replay_counters();
	r.before = xcalloc(r.ncounters, sizeof(*r.before));
	r.after = xcalloc(r.ncounters, sizeof(*r.after));
	r.dropped = xcalloc(r.ncounters, sizeof(*r.dropped));
}

static void
put_totals(const char *link)
{
	size_t i;

	printf("%u packets (%s): %u handed in, %u with numbers rewritten; %u the host's own; "
	       "%u sent; %u dropped or refused\n",
	    r.total, link, r.handed, r.rewritten, r.own, r.answers, r.ndropped);
	for (i = 0; i < r.ncounters; i++)
		if (r.dropped[i] != 0)
			printf("  %8llu %s\n", (unsigned long long)r.dropped[i],
			    replay_counter_name(i));
}

int
replay_run(const struct replay_options *opt)
{
	struct frame *f = xcalloc(1, sizeof(*f));
	struct trace_in *t;
	const char *why = "";
	int n;

	r.opt = opt;
	parse_host(opt->host);
	find_mac(f);
	make_stack();
	if (opt->out != NULL)
		r.out = pcap_out_open(opt->out);
	t = trace_in_open(opt->in);
	trace_in_macs(t, r.mac, (const uint8_t[6]){2, 0, 0, 0, 0, 2});
	while ((n = trace_in_next(t, f, &why)) == 1)
		packet(f);
	wait_until(sim_now_ns() + opt->after_ns);
	put_totals(trace_in_link(t));
	fflush(stdout);
	pcap_out_close(r.out);
	if (n < 0)
		fprintf(stderr, "alpine-sim: %s: %s\n", opt->in, why);
	trace_in_close(t);
	free(f);
	return (n < 0 ? 1 : 0);
}
