/*
 * subr_taskqueue.c - work for later in the same turn: soft interrupts, swi(9), and tasks,
 * taskqueue(9). Owns both lists. swi_run() is called by kern_main.c, never from inside.
 */
#include <sys/param.h>
#include <sys/interrupt.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/queue.h>
#include <sys/systm.h>
#include <sys/taskqueue.h>
#include <net/vnet.h>

#include <sys/kern_var.h>

static MALLOC_DEFINE(M_SWI, "swi", "soft interrupts");

struct swi {
	TAILQ_ENTRY(swi) sw_link;
	void (*sw_handler)(void *);
	void *sw_arg;
	const char *sw_name;
	int sw_pri;
	bool sw_scheduled;
	bool sw_removed;
};
static TAILQ_HEAD(, swi) swis = TAILQ_HEAD_INITIALIZER(swis); /* by priority */
static u_int scheduled;
static bool in_swis;

struct taskqueue {
	STAILQ_HEAD(, task) tq_tasks;
};
static struct taskqueue the_queue = {STAILQ_HEAD_INITIALIZER(the_queue.tq_tasks)};
struct taskqueue *taskqueue_swi = &the_queue;
struct taskqueue *taskqueue_thread = &the_queue;

/* ---- soft interrupts ---- */

int
swi_add(struct intr_event **eventp __unused, const char *name, void (*handler)(void *), void *arg,
    int pri, int flags __unused, void **cookiep)
{
	struct swi *sw = malloc(sizeof(*sw), M_SWI, M_WAITOK | M_ZERO), *at;

	sw->sw_name = name;
	sw->sw_handler = handler;
	sw->sw_arg = arg;
	sw->sw_pri = pri;
	TAILQ_FOREACH (at, &swis, sw_link)
		if (at->sw_pri > pri)
			break;
	if (at != NULL)
		TAILQ_INSERT_BEFORE(at, sw, sw_link);
	else
		TAILQ_INSERT_TAIL(&swis, sw, sw_link);
	if (cookiep != NULL)
		*cookiep = sw;
	return (0);
}

static void
swi_free(struct swi *sw)
{
	TAILQ_REMOVE(&swis, sw, sw_link);
	free(sw, M_SWI);
}

/* While handlers run, the list stays as it is. */
int
swi_remove(void *cookie)
{
	struct swi *sw = cookie;

	if (sw->sw_scheduled)
		scheduled--;
	sw->sw_scheduled = false;
	sw->sw_removed = true;
	if (!in_swis)
		swi_free(sw);
	return (0);
}

void
swi_sched(void *cookie, int flags __unused)
{
	struct swi *sw = cookie;

	if (sw->sw_scheduled || sw->sw_removed)
		return;
	sw->sw_scheduled = true;
	scheduled++;
}

static void
run_swis(void)
{
	struct swi *sw, *next;

	in_swis = true;
	TAILQ_FOREACH (sw, &swis, sw_link) {
		if (!sw->sw_scheduled)
			continue;
		sw->sw_scheduled = false;
		scheduled--;
		sw->sw_handler(sw->sw_arg);
	}
	in_swis = false;
	TAILQ_FOREACH_SAFE (sw, &swis, sw_link, next)
		if (sw->sw_removed)
			swi_free(sw);
}

/* ---- tasks ---- */

int
taskqueue_enqueue(struct taskqueue *q, struct task *t)
{
	if (t->ta_pending > 0) {
		if (t->ta_pending < UINT16_MAX)
			t->ta_pending++;
		return (0);
	}
	t->ta_pending = 1;
	t->ta_vnet = curvnet;
	STAILQ_INSERT_TAIL(&q->tq_tasks, t, ta_link);
	return (0);
}

int
taskqueue_cancel(struct taskqueue *q, struct task *t, u_int *pendp)
{
	if (pendp != NULL)
		*pendp = t->ta_pending;
	if (t->ta_pending > 0)
		STAILQ_REMOVE(&q->tq_tasks, t, task, ta_link);
	t->ta_pending = 0;
	return (0);
}

/* A task may enqueue, cancel or free itself. */
static void
run_tasks(struct taskqueue *q)
{
	struct task *t;
	int pending;

	while ((t = STAILQ_FIRST(&q->tq_tasks)) != NULL) {
		STAILQ_REMOVE_HEAD(&q->tq_tasks, ta_link);
		pending = t->ta_pending;
		t->ta_pending = 0;
		CURVNET_SET(t->ta_vnet);
		t->ta_func(t->ta_context, pending);
		CURVNET_RESTORE();
		if (scheduled > 0)
			return;
	}
}

bool
swi_pending(void)
{
	return (scheduled > 0 || !STAILQ_EMPTY(&the_queue.tq_tasks));
}

/* Tasks wait until no soft interrupt does. */
void
swi_run(void)
{
	if (scheduled > 0)
		run_swis();
	if (scheduled == 0)
		run_tasks(&the_queue);
}
