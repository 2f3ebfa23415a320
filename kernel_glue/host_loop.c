/*
 * host_loop.c - the event loop: descriptors by epoll, tasks, and the kernel world's turn.
 *
 * A turn is kern_run(), the tasks, one wait, then the callbacks of what the wait found. The wait
 * ends at the next callout (kern_next_ns()); with nothing to do and nothing armed it never ends,
 * so an idle process uses no CPU.
 *
 * Owns the epoll instance, its timer, and a table that says which watch a descriptor belongs to
 * now. An event carries the descriptor and the serial number of its watch, never a pointer: after
 * host_watch_del() the number no longer matches, and what is left of the batch for it is dropped.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "kernel_glue/include/host/host.h"

#define BATCH 128 /* events of one wait */
#define NS_PER_S 1000000000ull

struct loop_slot {
	struct host_watch *watch;
	uint32_t serial;
};

static int epoll_fd = -1;
static struct host_watch timer = {.w_fd = -1};
static uint64_t timer_ns = UINT64_MAX; /* CLOCK_MONOTONIC when it goes off; MAX: it is not set */
static struct loop_slot *slots;	       /* by descriptor */
static int slot_count;
static uint32_t last_serial;

static struct host_task *task_head, **task_tail = &task_head;

static bool stopping;
static int stop_status;

uint32_t host_busy_poll_us;

/* ---- watches ---- */

static void
timer_went_off(struct host_watch *w, uint32_t events)
{
	(void)w;
	(void)events;
	timer_ns = UINT64_MAX;
}

static int
open_epoll(void)
{
	int fd, error;

	if (epoll_fd >= 0)
		return (0);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		return (errno);
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	error =
	    fd < 0 ? errno : host_watch_add(&timer, fd, EPOLLIN | EPOLLET, timer_went_off, NULL);
	if (error != 0) {
		if (fd >= 0)
			close(fd);
		close(epoll_fd);
		epoll_fd = -1;
	}
	return (error);
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

static int
look(struct epoll_event *events, int timeout_ms)
{
	return (epoll_wait(epoll_fd, events, BATCH, timeout_ms));
}

/*
 * Until an event, or that time. A timer that stands earlier stays there: TCP moves its deadlines
 * away with each segment, and a wake-up too early once in a while costs less than following them.
 */
static int
sleep_until(struct epoll_event *events, uint64_t until_ns)
{
	uint64_t now = host_monotonic_ns(), at_ns;
	struct itimerspec when = {.it_value = {0, 0}};
	int n, error;

	if (until_ns <= now)
		return (look(events, 0));
	at_ns = now + host_clock_sleep(until_ns - now) + host_clock_stopped_ns;
	if (at_ns < timer_ns) {
		when.it_value.tv_sec = (time_t)(at_ns / NS_PER_S);
		when.it_value.tv_nsec = (long)(at_ns % NS_PER_S);
		if (timerfd_settime(timer.w_fd, TFD_TIMER_ABSTIME, &when, NULL) != 0)
			host_abort("timerfd_settime failed");
		timer_ns = at_ns;
	}
	n = look(events, -1);
	error = errno;
	host_clock_sleep(0);
	errno = error;
	return (n);
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
		n = look(events, 0);
	} while (n == 0 && host_monotonic_ns() < end);
	return (n);
}

/* On virtual time nobody sleeps until a callout: time jumps there. */
static int
wait_virtual(struct epoll_event *events, uint64_t next_ns)
{
	int n = look(events, 0);

	if (n != 0)
		return (n);
	if (next_ns == UINT64_MAX)
		return (look(events, -1));
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
		return (look(events, 0));
	next_ns = kern_next_ns();
	if (host_clock_is_virtual())
		return (wait_virtual(events, next_ns));
	if (host_busy_poll_us > 0 && (n = busy_poll(events, next_ns)) != 0)
		return (n);
	return (sleep_until(events, next_ns));
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
