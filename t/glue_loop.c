/*
 * glue_loop.c - the event loop: watches that go away inside a batch, tasks, sleeping until a
 * callout, no CPU when idle. Host world: it watches pipes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "kernel_glue/include/host/host.h"
#include "kernel_glue/include/host/sysctl_text.h"
#include "t/lib/tap.h"

#define PIPES 20

struct pipe_watch {
	struct host_watch watch;
	int fds[2];
	int calls;
};

static struct pipe_watch *pipes[PIPES];
static int total_calls;

static void
open_pipe(struct pipe_watch *p, host_watch_fn *fn)
{
	if (pipe(p->fds) != 0)
		tap_bail("no pipe");
	if (host_watch_add(&p->watch, p->fds[0], EPOLLIN, fn, p) != 0)
		tap_bail("no watch");
}

static void
close_pipe(struct pipe_watch *p)
{
	host_watch_del(&p->watch);
	close(p->fds[0]);
	close(p->fds[1]);
}

static void
drain(struct host_watch *w, uint32_t events)
{
	struct pipe_watch *p = w->w_arg;
	char byte;

	p->calls += (events & EPOLLIN) != 0 && read(w->w_fd, &byte, 1) == 1;
}

static void
test_watch(void)
{
	struct pipe_watch p = {.calls = 0};

	open_pipe(&p, drain);
	host_loop_poll();
	is_int(p.calls, 0, "a silent pipe is silent");
	ok(write(p.fds[1], "ab", 2) == 2, "two bytes");
	host_loop_poll();
	host_loop_poll();
	host_loop_poll();
	is_int(p.calls, 2, "level-triggered: one call for each turn with data");
	is_int(host_watch_add(&p.watch, p.fds[0], EPOLLIN, drain, &p), EEXIST,
	    "a descriptor is watched once");
	close_pipe(&p);
	is_int(host_watch_add(&p.watch, -1, EPOLLIN, drain, &p), EBADF, "no descriptor, no watch");
	host_watch_del(&p.watch);
	ok(1, "removing what is not watched does nothing");
}

static void
mod_reader(struct host_watch *w, uint32_t events)
{
	(void)events;
	((struct pipe_watch *)w->w_arg)->calls++;
}

static void
test_mod(void)
{
	struct pipe_watch p = {.calls = 0};

	open_pipe(&p, mod_reader);
	ok(write(p.fds[1], "a", 1) == 1, "a byte");
	host_loop_poll();
	is_int(host_watch_mod(&p.watch, 0), 0, "change a watch to nothing");
	host_loop_poll();
	is_int(p.calls, 1, "it is silent");
	is_int(host_watch_mod(&p.watch, EPOLLIN | EPOLLET), 0, "to edge-triggered");
	host_loop_poll();
	host_loop_poll();
	is_int(p.calls, 2, "one call for an edge");
	close_pipe(&p);
}

/* The first of a batch frees all the others, and opens new ones with the same descriptors. */
static void
kill_others(struct host_watch *w, uint32_t events)
{
	struct pipe_watch *me = w->w_arg;
	int i;

	(void)events;
	total_calls++;
	for (i = 0; i < PIPES; i++) {
		if (pipes[i] == me || pipes[i] == NULL)
			continue;
		close_pipe(pipes[i]);
		free(pipes[i]);
		pipes[i] = NULL;
	}
	for (i = 0; i < PIPES / 2; i++) {
		if (pipes[i] != NULL)
			continue;
		pipes[i] = calloc(1, sizeof(*pipes[i]));
		open_pipe(pipes[i], drain);
	}
	close_pipe(me);
	for (i = 0; i < PIPES; i++)
		if (pipes[i] == me)
			pipes[i] = NULL;
	free(me);
}

static void
test_batch(void)
{
	int i, stray = 0;

	for (i = 0; i < PIPES; i++) {
		pipes[i] = calloc(1, sizeof(*pipes[i]));
		open_pipe(pipes[i], kill_others);
		if (write(pipes[i]->fds[1], "x", 1) != 1)
			tap_bail("write");
	}
	host_loop_poll();
	is_int(total_calls, 1, "freed watches get no more events of the batch");
	for (i = 0; i < PIPES; i++)
		stray += pipes[i] != NULL && pipes[i]->calls > 0;
	is_int(stray, 0, "nor do new ones on the same descriptors");
	for (i = 0; i < PIPES; i++) {
		if (pipes[i] != NULL)
			close_pipe(pipes[i]);
		free(pipes[i]);
	}
}

/* ---- tasks ---- */

static char trace[64];
static char letter_b[] = "b", letter_c[] = "c";
static struct host_task task_a, task_b, task_c;

static void
append(const char *what)
{
	strncat(trace, what, sizeof(trace) - strlen(trace) - 1);
}

static void
run_a(void *arg)
{
	(void)arg;
	append("a");
	host_task_schedule(&task_a);
	host_task_cancel(&task_b);
}

static void
run_letter(void *arg)
{
	append(arg);
}

static void
test_tasks(void)
{
	task_a.t_fn = run_a;
	task_b = (struct host_task){.t_fn = run_letter, .t_arg = letter_b};
	task_c = (struct host_task){.t_fn = run_letter, .t_arg = letter_c};
	host_task_schedule(&task_a);
	host_task_schedule(&task_a);
	host_task_schedule(&task_b);
	host_task_schedule(&task_c);
	host_loop_poll();
	is_str(trace, "ac", "in order, once; one that is cancelled meanwhile does not run");
	host_loop_poll();
	is_str(trace, "aca", "a task that schedules itself runs in the next turn");
	host_task_cancel(&task_a);
	host_task_schedule(&task_b);
	host_task_cancel(&task_b);
	host_loop_poll();
	is_str(trace, "aca", "cancelled ones do not run");
	host_task_schedule(&task_c);
	host_loop_poll();
	is_str(trace, "acac", "the queue is whole");
}

/* ---- running ---- */

static double
seconds(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

static void
stop_loop(struct host_watch *w, uint32_t events)
{
	(void)events;
	host_watch_del(w);
	host_loop_stop(3);
}

/* A pipe that another process writes to after a third of a second. */
static void
test_idle(void)
{
	struct pipe_watch p = {.calls = 0};
	double wall, cpu;
	pid_t child;

	open_pipe(&p, stop_loop);
	child = fork();
	if (child == 0) {
		usleep(300000);
		_exit(write(p.fds[1], "x", 1) == 1 ? 0 : 1);
	}
	wall = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	is_int(host_loop_run(), 3, "host_loop_run returns what stopped it");
	wall = seconds(CLOCK_MONOTONIC) - wall;
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	ok(wall > 0.25, "it slept (%.3f s)", wall);
	ok(cpu < 0.02, "and used no CPU meanwhile (%.6f s)", cpu);
	close_pipe(&p);
}

static void
test_sysctl(void)
{
	is_int(sysctl_text_set("net.alpine.busy_poll_us", "50"), 0, "busy polling is a sysctl");
	is_int(host_busy_poll_us, 50, "of the loop");
	ok(sysctl_text_set("net.alpine.busy_poll_us", "1000000") != 0, "with a bound");
	sysctl_text_set("net.alpine.busy_poll_us", "0");
}

int
main(void)
{
	kern_boot();
	test_watch();
	test_mod();
	test_batch();
	test_tasks();
	test_idle();
	test_sysctl();
	return (tap_done());
}
