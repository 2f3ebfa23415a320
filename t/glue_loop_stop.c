/*
 * glue_loop_stop.c - the debug clock: the process is stopped by a signal, asleep and at work, and a
 * timer that was due in the meantime has its time still before it. Host world.
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel_glue/include/host/host.h"
#include "t/lib/tap.h"

#define MS 1000000ull
#define STOP_MS 700

static uint64_t
machine_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / MS);
}

static void
wait_ms(long ms)
{
	struct timespec ts = {0, ms * 1000000};

	while (nanosleep(&ts, &ts) != 0)
		;
}

/* A process that stops this one, after_ms from now, for STOP_MS. */
static pid_t
stopper(long after_ms)
{
	pid_t parent = getpid(), child = fork();

	if (child < 0)
		tap_bail("no process");
	if (child != 0)
		return (child);
	wait_ms(after_ms);
	kill(parent, SIGSTOP);
	wait_ms(STOP_MS);
	kill(parent, SIGCONT);
	_exit(0);
}

static void
test_stop(bool asleep)
{
	uint64_t machine, stack, stops = host_clock_stops;
	pid_t child;

	stack = host_monotonic_ns();
	machine = machine_ms();
	child = stopper(20);
	while (machine_ms() - machine < STOP_MS + 150) {
		if (asleep)
			wait_ms((long)(host_clock_sleep(50 * MS) / MS));
		(void)host_clock_sleep(0);
	}
	stack = (host_monotonic_ns() - stack) / MS;
	machine = machine_ms() - machine;
	waitpid(child, NULL, 0);
	ok(host_clock_stops > stops, "stopped %s: seen", asleep ? "asleep" : "at work");
	ok(stack < machine - STOP_MS + 60, "%llu ms went by, %llu for the stack",
	    (unsigned long long)machine, (unsigned long long)stack);
}

int
main(void)
{
	host_clock_set(&host_clock_debug);
	(void)host_monotonic_ns();
	test_stop(false);
	test_stop(true);
	ok(host_clock_stopped_ns >= 2 * (STOP_MS - 60) * MS, "both are counted: %llu ns",
	    (unsigned long long)host_clock_stopped_ns);
	is_int(host_clock_sleep(5000 * MS), HOST_CLOCK_SLICE_NS, "a long sleep goes in slices");
	host_clock_set(&host_clock_real);
	is_int(host_clock_sleep(5000 * MS), 5000 * MS, "with the real clock it does not");
	return (tap_done());
}
