/*
 * glue_kthread.c - kthread(9), sleep(9), taskqueue(9), swi(9) and EVENTHANDLER(9): who runs when,
 * in which stack, and how sleeps end.
 */
#include <sys/param.h>
#include <sys/eventhandler.h>
#include <sys/interrupt.h>
#include <sys/kernel.h>
#include <sys/kthread.h>
#include <sys/malloc.h>
#include <sys/proc.h>
#include <sys/systm.h>
#include <sys/taskqueue.h>
#include <net/vnet.h>

#include <host/host.h>

#include "t/lib/tap.h"

#define MS 1000000ull
#define TEXT(s) __DECONST(char *, s)

int main(void);

static char trace[512];

static void __printflike(1, 2) note(const char *fmt, ...)
{
	size_t len = strlen(trace);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(trace + len, sizeof(trace) - len, fmt, ap);
	va_end(ap);
}

static void
run_for(uint64_t ms)
{
	uint64_t end = host_monotonic_ns() + ms * MS, next;

	kern_run();
	while ((next = kern_next_ns()) <= end) {
		host_clock_advance_to(MAX(next, host_monotonic_ns()));
		kern_run();
	}
	host_clock_advance_to(end);
	kern_run();
}

static int channel, box;

static void
sleeper(void *arg)
{
	int error = tsleep(&channel, PWAIT, "test", arg != NULL ? 50 : 0);

	note("%s:%s ", arg != NULL ? "timed" : "patient",
	    error == EWOULDBLOCK ? "late"
	    : error == 0	 ? "woken"
				 : "?");
}

static void
test_sleep(void)
{
	kthread_add(sleeper, NULL, NULL, NULL, 0, 0, "patient");
	kthread_add(sleeper, &box, NULL, NULL, 0, 0, "timed");
	run_for(10);
	is_str(trace, "", "both sleep");
	wakeup(&box);
	run_for(10);
	is_str(trace, "", "another channel's wakeup is nothing to them");
	run_for(100);
	is_str(trace, "timed:late ", "a timeout is EWOULDBLOCK");
	wakeup(&channel);
	run_for(1);
	is_str(trace, "timed:late patient:woken ", "a wakeup is 0");

	trace[0] = '\0';
	kthread_add(sleeper, &box, NULL, NULL, 0, 0, "t1");
	kthread_add(sleeper, &box, NULL, NULL, 0, 0, "t2");
	kthread_add(sleeper, NULL, NULL, NULL, 0, 0, "t3");
	run_for(1);
	wakeup_one(&channel);
	run_for(1);
	is_str(trace, "timed:woken ", "wakeup_one wakes the one that slept first");
	wakeup(&channel);
	run_for(100);
	is_str(trace, "timed:woken timed:woken patient:woken ", "wakeup wakes the rest, once");
}

/* A producer and a consumer with one place between them. */
static int sum, produced;

static void
producer(void *arg)
{
	for (produced = 1; produced <= 1000; produced++) {
		while (box != 0)
			tsleep(&box, PWAIT, "full", 0);
		box = produced;
		wakeup(arg);
	}
	while (box != 0)
		tsleep(&box, PWAIT, "drain", 0);
	box = -1;
	wakeup(arg);
	kthread_exit();
}

static void
consumer(void *arg)
{
	while (box != -1) {
		if (box == 0) {
			tsleep(arg, PWAIT, "empty", 0);
			continue;
		}
		sum += box;
		box = 0;
		wakeup(&box);
	}
}

static void
pauser(void *arg)
{
	char filler[20000];
	int i;

	memset(filler, 1, sizeof(filler));
	for (i = 0; i < 3; i++) {
		pause("test", 10);
		note("%d ", (int)(host_monotonic_ns() / MS) - *(int *)arg + filler[i] - 1);
	}
}

static void
test_threads(void)
{
	int begin;

	kthread_add(producer, &channel, NULL, NULL, 0, 0, "producer");
	kthread_add(consumer, &channel, NULL, NULL, 0, 0, "consumer");
	kern_run();
	is_int(sum, 500500, "a thousand things from one thread to another, in one kern_run()");

	trace[0] = '\0';
	begin = (int)(host_monotonic_ns() / MS);
	kthread_add(pauser, &begin, NULL, NULL, 0, 0, "pauser");
	run_for(100);
	is_str(trace, "10 20 30 ", "pause(9) in ticks");
}

static void
stack_user(void *arg)
{
	struct vnet *mine = curvnet;

	pause("test", 1);
	note("%s ", curvnet == mine && mine == arg ? "own" : "foreign");
	CURVNET_SET(vnet0);
	pause("test", 1);
	note("%s ", curvnet == vnet0 ? "own" : "foreign");
	CURVNET_RESTORE();
}

static void
test_vnet(void)
{
	struct vnet *other = vnet_alloc();

	trace[0] = '\0';
	kthread_add(stack_user, vnet0, NULL, NULL, 0, 0, "a");
	CURVNET_SET(other);
	kthread_add(stack_user, other, NULL, NULL, 0, 0, "b");
	CURVNET_RESTORE();
	run_for(10);
	is_str(trace, "own own own own ", "each thread keeps the stack that it works in");
	ok(curvnet == vnet0, "and the loop keeps its own");
	ok(curthread == &thread0, "which is thread0");
}

static void
many(void *arg)
{
	pause("test", (int)(intptr_t)arg);
	sum++;
}

static void
test_many(void)
{
	uint64_t bytes_before = 0;
	intptr_t i;

	sum = 0;
	for (i = 0; i < 500; i++)
		if (kthread_add(many, (void *)(i % 20 + 1), NULL, NULL, 0, 8, "m%d", (int)i) != 0)
			break;
	bytes_before = (uint64_t)i;
	run_for(50);
	is_int(sum, bytes_before, "500 threads ran and ended");
	ok(!kern_pending(), "nothing is left to run");
}

/* ---- soft interrupts, tasks, event handlers ---- */

static void *low, *high;
static struct task task;

static void
swi_note(void *arg)
{
	note("%s ", (const char *)arg);
}

static void
swi_again(void *arg)
{
	note("high%d ", ++*(int *)arg);
	if (*(int *)arg < 3)
		swi_sched(high, 0);
	if (*(int *)arg == 3)
		swi_remove(high);
}

static void
task_note(void *arg, int pending)
{
	note("task%d%s ", pending, curvnet == arg ? "" : "?");
}

static void
test_swi(void)
{
	struct vnet *other = vnet_alloc();
	int count = 0;

	trace[0] = '\0';
	swi_add(NULL, "low", swi_note, TEXT("low"), SWI_CLOCK, 0, &low);
	swi_add(NULL, "high", swi_again, &count, SWI_NET, 0, &high);
	TASK_INIT(&task, 0, task_note, other);
	CURVNET_SET(other);
	taskqueue_enqueue(taskqueue_swi, &task);
	taskqueue_enqueue(taskqueue_swi, &task);
	CURVNET_RESTORE();
	swi_sched(low, 0);
	swi_sched(low, 0);
	swi_sched(high, 0);
	ok(kern_pending(), "there is something to do now");
	kern_run();
	is_str(trace, "high1 low high2 high3 task2 ",
	    "by priority, once, again when asked; then tasks");
	swi_remove(low);
	taskqueue_enqueue(taskqueue_swi, &task);
	taskqueue_drain(taskqueue_swi, &task);
	kern_run();
	ok(!kern_pending(), "a cancelled task does not run");
}

typedef void (*test_event_fn)(void *, int);
EVENTHANDLER_DECLARE(test_event, test_event_fn);
static eventhandler_tag tags[3];

static void
on_event(void *arg, int value)
{
	note("%s%d ", (const char *)arg, value);
	if (value == 2 && tags[1] != NULL) {
		EVENTHANDLER_DEREGISTER(test_event, tags[1]);
		tags[1] = NULL;
	}
}

static void
test_events(void)
{
	trace[0] = '\0';
	tags[1] = EVENTHANDLER_REGISTER(test_event, on_event, TEXT("b"), EVENTHANDLER_PRI_ANY);
	tags[0] = EVENTHANDLER_REGISTER(test_event, on_event, TEXT("a"), EVENTHANDLER_PRI_FIRST);
	tags[2] = EVENTHANDLER_REGISTER(test_event, on_event, TEXT("c"), EVENTHANDLER_PRI_LAST);
	EVENTHANDLER_INVOKE(test_event, 1);
	EVENTHANDLER_INVOKE(test_event, 2);
	EVENTHANDLER_INVOKE(test_event, 3);
	is_str(trace, "a1 b1 c1 a2 c2 a3 c3 ",
	    "event handlers by priority; one that is removed meanwhile is not called");
	EVENTHANDLER_DEREGISTER(test_event, tags[0]);
	EVENTHANDLER_DEREGISTER(test_event, tags[2]);
}

int
main(void)
{
	host_clock_virtual(1000 * MS);
	kern_boot();
	test_sleep();
	test_threads();
	test_vnet();
	test_many();
	test_swi();
	test_events();
	return (tap_done());
}
