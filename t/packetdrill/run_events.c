/*
 * run_events.c - goes through a script's events in time: waits for what is to be done, and judges
 * when what was to happen did. Owns R, the run. A process runs one script.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/packetdrill/run.h"

#define CALL_LIMIT_S 2 /* of real time */
#define SCRIPT_LIMIT_S 20

struct run R;
static char place[512]; /* what to say if it takes too long */

static void
message(const char *fmt, va_list ap)
{
	fprintf(stderr, "%s:%d: ", R.script->file, R.now != NULL ? R.now->line : 0);
	vfprintf(stderr, fmt, ap);
	fprintf(stderr, "\n    line: %s\n", R.now != NULL ? R.now->text : "");
}

void
fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(fmt, ap);
	va_end(ap);
	fflush(stderr);
	_exit(1);
}

/* The whole script, or a call that was not said to last. */
static void
too_long(int sig)
{
	(void)sig;
	if (write(STDERR_FILENO, place, strlen(place)) > 0)
		_exit(1);
	_exit(2);
}

void
run_limit(bool call)
{
	signal(SIGALRM, too_long);
	alarm(call ? CALL_LIMIT_S : SCRIPT_LIMIT_S);
}

long long
run_now(void)
{
	struct timeval tv;

	R.pd.gettimeofday(R.pd.userdata, &tv, NULL);
	return ((long long)tv.tv_sec * 1000000 + tv.tv_usec - R.start);
}

static void
wait_until(long long when)
{
	long long now;

	while ((now = run_now()) < when)
		R.pd.usleep(R.pd.userdata, (useconds_t)(when - now));
}

static void
run_command(const char *command)
{
	int status;

	fflush(NULL);
	status = system(command);
	if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail("`%s` ended with %d", command,
		    status != -1 && WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static long long
tolerance(long long since)
{
	long long part = (long long)((double)since * R.script->config.tolerance_percent / 100);

	return (part > R.script->config.tolerance ? part : R.script->config.tolerance);
}

/* A packet came out at `at`; last is the time that relative ones count from. */
static void
judge_time(const struct event *e, long long last, long long at)
{
	const bool rel = e->time_type == TIME_REL || e->time_type == TIME_REL_RANGE;
	const long long first = e->time + (rel ? last : 0);
	const long long end =
	    e->time_type >= TIME_REL_RANGE ? e->time_end + (rel ? last : 0) : first;
	const long long slack = tolerance(first - last);

	if (e->time_type == TIME_ANY)
		return;
	if (at < first - slack || at > end + slack)
		fail("the packet came at %.6f s, expected %.6f%s%.6f s", (double)at / 1e6,
		    (double)first / 1e6, end != first ? " to " : ", that is +",
		    (double)(end != first ? end : first - last) / 1e6);
}

/* What was sent and no line asked for. */
static void
check_nothing_else(void)
{
	char text[512];

	if (packet_pending(text, sizeof(text)))
		fail("a packet came that no line expects:\n    actual:   %s", text);
}

static long long
run_event(struct event *e, long long last)
{
	const bool rel = e->time_type == TIME_REL || e->time_type == TIME_REL_RANGE;
	long long when = e->time + (rel ? last : 0), at;

	R.now = e;
	snprintf(place, sizeof(place), "%s:%d: it takes too long: does a call wait for ever?\n",
	    R.script->file, e->line);
	if (e->type == E_PACKET && e->pkt.out) {
		at = packet_out(e);
		judge_time(e, last, at);
		return (e->time_type == TIME_ANY || e->time_type >= TIME_REL_RANGE ? at : when);
	}
	wait_until(when);
	if (e->blocking)
		e->end += rel ? last : 0;
	if (e->type == E_PACKET)
		packet_in(e);
	else if (e->type == E_CALL)
		run_call(e);
	else if (e->type == E_COMMAND)
		run_command(e->code);
	else
		run_code(e);
	return (when);
}

static void
load(const struct script *s)
{
	const struct config *c = &s->config;
	char flags[2048];
	size_t i;

	for (i = 0; i < sizeof(R.fds) / sizeof(R.fds[0]); i++)
		R.fds[i] = -1;
	R.last_fd = -1;
	snprintf(flags, sizeof(flags), "addr=%s/16,mtu=%d,seed=1,patch=0%s%s%s", c->local_ip,
	    c->mtu, c->gateway_ip[0] != '\0' ? ",gateway=" : "", c->gateway_ip, c->flags);
	packetdrill_interface_init(flags, &R.pd);
}

void
run_script(struct script *s)
{
	struct event *e;
	long long last = 0;

	R.script = s;
	run_limit(false);
	load(s);
	if (s->init_command != NULL)
		run_command(s->init_command);
	R.start = run_now();
	for (e = s->events; e != NULL; e = e->next)
		last = run_event(e, last);
	call_finish();
	check_nothing_else();
	packet_reset_all();
	if (s->cleanup_command != NULL)
		run_command(s->cleanup_command);
	R.pd.free(R.pd.userdata);
}
