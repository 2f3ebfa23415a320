/*
 * host_clock.c - the clock that the stack reads: the host's, or one that stands still until a
 * test moves it. Owns the installed clock. Called by kern_tc.c, the event loop and tests.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "kernel_glue/include/host/host.h"

#define NS_PER_S 1000000000ull

/* What the virtual clock shows at monotonic 0: 2001-09-09 01:46:40 UTC. */
#define VIRTUAL_EPOCH_NS (1000000000ull * NS_PER_S)

static uint64_t virtual_ns;

static uint64_t
read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ((uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec);
}

static uint64_t
real_monotonic_ns(void *arg)
{
	(void)arg;
	return (read_clock(CLOCK_MONOTONIC));
}

static uint64_t
real_realtime_ns(void *arg)
{
	(void)arg;
	return (read_clock(CLOCK_REALTIME));
}

static uint64_t
virtual_monotonic_ns(void *arg)
{
	(void)arg;
	return (virtual_ns);
}

static uint64_t
virtual_realtime_ns(void *arg)
{
	(void)arg;
	return (VIRTUAL_EPOCH_NS + virtual_ns);
}

const struct host_clock host_clock_real = {
    .name = "real",
    .monotonic_ns = real_monotonic_ns,
    .realtime_ns = real_realtime_ns,
};

static const struct host_clock clock_virtual = {
    .name = "virtual",
    .monotonic_ns = virtual_monotonic_ns,
    .realtime_ns = virtual_realtime_ns,
};

/* ---- the clock that stops with the process ---- */

uint64_t host_clock_stops, host_clock_stopped_ns;
static uint64_t last_reading_ns; /* 0: none yet */
static uint64_t asleep_ns;	 /* the sleep that is meant now */

static uint64_t
debug_monotonic_ns(void *arg)
{
	uint64_t now = read_clock(CLOCK_MONOTONIC), gap = now - last_reading_ns;

	(void)arg;
	if (last_reading_ns != 0 && gap > asleep_ns + HOST_CLOCK_GAP_NS) {
		host_clock_stops++;
		host_clock_stopped_ns += gap - asleep_ns;
	}
	last_reading_ns = now;
	return (now - host_clock_stopped_ns);
}

const struct host_clock host_clock_debug = {
    .name = "debug",
    .monotonic_ns = debug_monotonic_ns,
    .realtime_ns = real_realtime_ns,
};

static const struct host_clock *installed = &host_clock_real;

uint64_t
host_clock_sleep(uint64_t ns)
{
	static uint64_t told_ns;
	char line[128];

	if (installed != &host_clock_debug)
		return (ns);
	(void)host_monotonic_ns(); /* what was a gap until now is none of the sleep's, and back */
	asleep_ns = ns < HOST_CLOCK_SLICE_NS ? ns : HOST_CLOCK_SLICE_NS;
	if (host_clock_stopped_ns != told_ns) {
		snprintf(line, sizeof(line),
		    "stood still for %.1f s, and the stack's time with it (--debug-clock)",
		    (double)(host_clock_stopped_ns - told_ns) / 1e9);
		told_ns = host_clock_stopped_ns;
		host_log(6, line);
	}
	return (asleep_ns);
}

void
host_clock_set(const struct host_clock *clock)
{
	installed = clock;
	kern_clock_update();
}

uint64_t
host_monotonic_ns(void)
{
	return (installed->monotonic_ns(installed->arg));
}

uint64_t
host_realtime_ns(void)
{
	return (installed->realtime_ns(installed->arg));
}

bool
host_clock_is_virtual(void)
{
	return (installed == &clock_virtual);
}

void
host_clock_virtual(uint64_t start_ns)
{
	virtual_ns = start_ns;
	host_clock_set(&clock_virtual);
}

void
host_clock_advance_to(uint64_t monotonic_ns)
{
	char why[128];

	if (monotonic_ns < virtual_ns) {
		snprintf(why, sizeof(why), "virtual clock moved back from %llu to %llu ns",
		    (unsigned long long)virtual_ns, (unsigned long long)monotonic_ns);
		host_abort(why);
	}
	virtual_ns = monotonic_ns;
	kern_clock_update();
}
