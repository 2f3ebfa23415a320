/*
 * kern_kthread.c - kthread(9): threads that are coroutines. One runs until it sleeps, exits, or
 * yields in pause(9); then the event loop's own thread goes on.
 *
 * Owns curthread, the queue of runnable threads and those that wait to be buried: a thread
 * cannot free the stack it stands on. kthread_run() is called by kern_main.c.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/kthread.h>
#include <sys/malloc.h>
#include <sys/proc.h>
#include <sys/systm.h>
#include <sys/ucred.h>
#include <net/vnet.h>

#include <host/host.h>

#include <sys/kern_var.h>

#define STACK_PAGES_DEFAULT 64
#define STACK_PAGES_MIN 8

static MALLOC_DEFINE(M_THREAD, "thread", "kernel threads");

enum { TD_RUNNABLE, TD_RUNNING, TD_STOPPED, TD_DEAD };

struct thread thread0 = {.td_name = "loop", .td_state = TD_RUNNING};
struct thread *curthread = &thread0;

static TAILQ_HEAD(thread_queue, thread) runq = TAILQ_HEAD_INITIALIZER(runq);
static struct thread_queue dead = TAILQ_HEAD_INITIALIZER(dead);

static void
thread_main(void *arg)
{
	struct thread *td = arg;

	td->td_func(td->td_arg);
	kthread_exit();
}

int
kthread_add(void (*func)(void *), void *arg, struct proc *p __unused, struct thread **tdp,
    int flags __unused, int pages, const char *fmt, ...)
{
	struct thread *td = malloc(sizeof(*td), M_THREAD, M_WAITOK | M_ZERO);
	va_list ap;

	if (pages == 0)
		pages = STACK_PAGES_DEFAULT;
	td->td_context =
	    host_context_create(thread_main, td, (size_t)MAX(pages, STACK_PAGES_MIN) * PAGE_SIZE);
	if (td->td_context == NULL) {
		free(td, M_THREAD);
		return (ENOMEM);
	}
	va_start(ap, fmt);
	vsnprintf(td->td_name, sizeof(td->td_name), fmt, ap);
	va_end(ap);
	td->td_func = func;
	td->td_arg = arg;
	td->td_ucred = crhold(kern_cred);
	td->td_vnet = curvnet;
	td->td_state = TD_STOPPED;
	callout_init(&td->td_slpcallout, 1);
	kthread_make_runnable(td);
	if (tdp != NULL)
		*tdp = td;
	return (0);
}

void
kthread_exit(void)
{
	KASSERT(curthread != &thread0, ("kthread_exit: the event loop is no kthread"));
	curthread->td_state = TD_DEAD;
	TAILQ_INSERT_TAIL(&dead, curthread, td_runq);
	kthread_switch_out();
	panic("kthread_exit: a dead thread ran");
}

static void
bury(void)
{
	struct thread *td;

	while ((td = TAILQ_FIRST(&dead)) != NULL) {
		TAILQ_REMOVE(&dead, td, td_runq);
		callout_stop(&td->td_slpcallout);
		host_context_destroy(td->td_context);
		crfree(td->td_ucred);
		free(td, M_THREAD);
	}
}

void
kthread_make_runnable(struct thread *td)
{
	KASSERT(td->td_state == TD_STOPPED || td->td_state == TD_RUNNING,
	    ("thread %s is runnable already", td->td_name));
	td->td_state = TD_RUNNABLE;
	TAILQ_INSERT_TAIL(&runq, td, td_runq);
}

bool
kthread_runnable(void)
{
	return (!TAILQ_EMPTY(&runq));
}

void
kthread_switch_out(void)
{
	struct thread *td = curthread;

	if (td->td_state == TD_RUNNING)
		td->td_state = TD_STOPPED;
	td->td_vnet = curvnet;
	curthread = &thread0;
	host_context_switch(td->td_context, host_context_main());
}

static void
switch_to(struct thread *td)
{
	struct vnet *loop_vnet = curvnet;

	td->td_state = TD_RUNNING;
	curthread = td;
	curvnet = td->td_vnet;
	host_context_switch(host_context_main(), td->td_context);
	curvnet = loop_vnet;
}

/* Those that become runnable meanwhile wait for the next round. */
void
kthread_run(void)
{
	struct thread *td, *last = TAILQ_LAST(&runq, thread_queue);

	if (last == NULL)
		return;
	do {
		td = TAILQ_FIRST(&runq);
		TAILQ_REMOVE(&runq, td, td_runq);
		switch_to(td);
	} while (td != last);
	bury();
}
