/*
 * host_loop.c - the event loop: descriptors by epoll, tasks, and the kernel world's turn.
 *
 * A turn is kern_run(), the tasks, one wait, then the callbacks of what the wait found. The wait
 * ends at the next callout (kern_next_ns()); with nothing to do and nothing armed it never ends,
 * so an idle process uses no CPU.
 *
 * Owns the epoll instance and a table that says which watch a descriptor belongs to now. An event
 * carries the descriptor and the serial number of its watch, never a pointer: after
 * host_watch_del() the number no longer matches, and what is left of the batch for it is dropped.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "kernel_glue/include/host/host.h"

#define BATCH 128 /* events of one wait */
#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull

struct loop_slot {
	struct host_watch *watch;
	uint32_t serial;
};

static int epoll_fd = -1;
static struct loop_slot *slots; /* by descriptor */
static int slot_count;
static uint32_t last_serial;

static struct host_task *task_head, **task_tail = &task_head;

static bool stopping;
static int stop_status;

uint32_t host_busy_poll_us;

/* ---- watches ---- */

static int
open_epoll(void)
{
	if (epoll_fd < 0)
		epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	return (epoll_fd < 0 ? errno : 0);
}

static int
grow_slots(int fd)
{
	struct loop_slot *bigger;
	int count = slot_count > 0 ? slot_count : 64;

	if (fd < slot_count)
		return (0);
	while (count <= fd)
		count *= 2;
	bigger = realloc(slots, (size_t)count * sizeof(*slots));
	if (bigger == NULL)
		return (ENOMEM);
	memset(bigger + slot_count, 0, (size_t)(count - slot_count) * sizeof(*slots));
	slots = bigger;
	slot_count = count;
	return (0);
}

static int
tell_epoll(int op, const struct host_watch *w, uint32_t events)
{
	struct epoll_event ev = {.events = events};

	ev.data.u64 = ((uint64_t)w->w_serial << 32) | (uint32_t)w->w_fd;
	return (epoll_ctl(epoll_fd, op, w->w_fd, &ev) != 0 ? errno : 0);
}

int
host_watch_add(struct host_watch *w, int fd, uint32_t events, host_watch_fn *fn, void *arg)
{
	int error;

	w->w_fd = -1;
	if (fd < 0)
		return (EBADF);
	if ((error = open_epoll()) != 0 || (error = grow_slots(fd)) != 0)
		return (error);
	w->w_fn = fn;
	w->w_arg = arg;
	w->w_fd = fd;
	w->w_serial = ++last_serial;
	if ((error = tell_epoll(EPOLL_CTL_ADD, w, events)) != 0) {
		w->w_fd = -1;
		return (error);
	}
	slots[fd].watch = w;
	slots[fd].serial = w->w_serial;
	return (0);
}

int
host_watch_mod(struct host_watch *w, uint32_t events)
{
	if (w->w_fd < 0)
		return (EBADF);
	return (tell_epoll(EPOLL_CTL_MOD, w, events));
}

/* A descriptor that was closed first is gone from epoll already: no error. */
void
host_watch_del(struct host_watch *w)
{
	if (w->w_fd < 0 || w->w_fd >= slot_count)
		return;
	if (slots[w->w_fd].watch == w) {
		slots[w->w_fd].watch = NULL;
		epoll_ctl(epoll_fd, EPOLL_CTL_DEL, w->w_fd, NULL);
	}
	w->w_fd = -1;
}

static void
dispatch(const struct epoll_event *ev)
{
	int fd = (int)(uint32_t)ev->data.u64;
	struct host_watch *w = slots[fd].watch;

	if (w != NULL && slots[fd].serial == (uint32_t)(ev->data.u64 >> 32))
		w->w_fn(w, ev->events);
}

/* ---- tasks ---- */

void
host_task_schedule(struct host_task *t)
{
	if (t->t_queued)
		return;
	t->t_queued = true;
	t->t_next = NULL;
	*task_tail = t;
	task_tail = &t->t_next;
}

void
host_task_cancel(struct host_task *t)
{
	struct host_task **link;

	if (!t->t_queued)
		return;
	for (link = &task_head; *link != t; link = &(*link)->t_next)
		;
	*link = t->t_next;
	if (task_tail == &t->t_next)
		task_tail = link;
	t->t_queued = false;
}

/*
 * Runs what is queued now. A marker at the end keeps apart what tasks schedule, while those that
 * wait can still be cancelled.
 */
static void
run_tasks(void)
{
	static struct host_task marker;
	struct host_task *t;

	if (task_head == NULL)
		return;
	host_task_schedule(&marker);
	while ((t = task_head) != &marker) {
		host_task_cancel(t);
		t->t_fn(t->t_arg);
	}
	host_task_cancel(&marker);
}

/* ---- waiting ---- */

/* Sleeps until an event, at most so long. epoll_pwait2 where the kernel has it (5.11), else
 * milliseconds, rounded up. */
static int
sleep_ns(struct epoll_event *events, uint64_t ns)
{
	static bool no_pwait2;
	struct timespec ts;
	uint64_t ms;
	int n;

	if (ns == UINT64_MAX)
		return (epoll_wait(epoll_fd, events, BATCH, -1));
	if (!no_pwait2) {
		ts.tv_sec = (time_t)(ns / NS_PER_S);
		ts.tv_nsec = (long)(ns % NS_PER_S);
		n = epoll_pwait2(epoll_fd, events, BATCH, &ts, NULL);
		if (n >= 0 || (errno != ENOSYS && errno != EPERM))
			return (n);
		no_pwait2 = true;
	}
	ms = (ns + NS_PER_MS - 1) / NS_PER_MS;
	return (epoll_wait(epoll_fd, events, BATCH, ms > INT_MAX ? INT_MAX : (int)ms));
}

static int
wait_ns(struct epoll_event *events, uint64_t ns)
{
	int n, error;

	if (ns == 0)
		return (epoll_wait(epoll_fd, events, BATCH, 0));
	n = sleep_ns(events, host_clock_sleep(ns));
	error = errno;
	host_clock_sleep(0);
	errno = error;
	return (n);
}

static uint64_t
time_left_ns(uint64_t until_ns)
{
	uint64_t now = host_monotonic_ns();

	if (until_ns == UINT64_MAX)
		return (UINT64_MAX);
	return (until_ns > now ? until_ns - now : 0);
}

/* Looks again and again for a while: an answer that comes soon costs no wake-up. */
static int
busy_poll(struct epoll_event *events, uint64_t next_ns)
{
	uint64_t end = host_monotonic_ns() + host_busy_poll_us * 1000ull;
	int n;

	if (end > next_ns)
		end = next_ns;
	do {
		n = wait_ns(events, 0);
	} while (n == 0 && host_monotonic_ns() < end);
	return (n);
}

/* On virtual time nobody sleeps until a callout: time jumps there. */
static int
wait_virtual(struct epoll_event *events, uint64_t next_ns)
{
	int n = wait_ns(events, 0);

	if (n != 0)
		return (n);
	if (next_ns == UINT64_MAX)
		return (wait_ns(events, UINT64_MAX));
	if (next_ns > host_monotonic_ns())
		host_clock_advance_to(next_ns);
	return (0);
}

static int
wait_events(struct epoll_event *events, bool may_sleep)
{
	uint64_t next_ns;
	int n;

	if (!may_sleep || stopping || task_head != NULL || kern_pending())
		return (wait_ns(events, 0));
	next_ns = kern_next_ns();
	if (host_clock_is_virtual())
		return (wait_virtual(events, next_ns));
	if (host_busy_poll_us > 0 && (n = busy_poll(events, next_ns)) != 0)
		return (n);
	return (wait_ns(events, time_left_ns(next_ns)));
}

static void
turn(bool may_sleep)
{
	struct epoll_event events[BATCH];
	int i, n;

	kern_run();
	run_tasks();
	n = wait_events(events, may_sleep);
	if (n < 0) {
		if (errno != EINTR)
			host_abort("epoll_wait failed");
		return;
	}
	kern_clock_update(); /* callbacks must not arm timers from the time before the wait */
	/* What hung up came before whatever was asked after it, whichever epoll tells first. */
	for (i = 0; i < n; i++)
		if ((events[i].events & EPOLLHUP) != 0)
			dispatch(&events[i]);
	for (i = 0; i < n; i++)
		if ((events[i].events & EPOLLHUP) == 0)
			dispatch(&events[i]);
}

int
host_loop_run(void)
{
	if (open_epoll() != 0)
		host_abort("epoll_create1 failed");
	while (!stopping)
		turn(true);
	stopping = false;
	return (stop_status);
}

void
host_loop_stop(int status)
{
	stopping = true;
	stop_status = status;
}

void
host_loop_poll(void)
{
	if (open_epoll() != 0)
		host_abort("epoll_create1 failed");
	turn(false);
}
