/*
 * kern_synch.c - sleep(9): a kthread waits for an address that another part of the stack wakes.
 * Owns the queues of sleeping threads, hashed by address. The event loop itself cannot sleep.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/proc.h>
#include <sys/queue.h>
#include <sys/systm.h>

#include <sys/kern_var.h>

#define SLEEP_BUCKETS 64

TAILQ_HEAD(sleep_queue, thread);

static struct sleep_queue queues[SLEEP_BUCKETS];

static struct sleep_queue *
queue_of(const void *chan)
{
	uintptr_t key = (uintptr_t)chan;
	struct sleep_queue *q = &queues[(key >> 4 ^ key >> 10) % SLEEP_BUCKETS];

	if (q->tqh_last == NULL)
		TAILQ_INIT(q);
	return (q);
}

static void
wake(struct thread *td, int error)
{
	TAILQ_REMOVE(queue_of(td->td_wchan), td, td_slpq);
	callout_stop(&td->td_slpcallout);
	td->td_wchan = NULL;
	td->td_wmesg = NULL;
	td->td_error = error;
	kthread_make_runnable(td);
}

static void
sleep_timeout(void *arg)
{
	wake(arg, EWOULDBLOCK);
}

int
tsleep_sbt(const void *chan, int pri __unused, const char *wmesg, sbintime_t timo, sbintime_t prec,
    int flags)
{
	struct thread *td = curthread;

	KASSERT(td != &thread0, ("tsleep(%s) outside a kthread: it would stop the stack", wmesg));
	KASSERT(chan != NULL, ("tsleep(%s) on no channel", wmesg));
	td->td_wchan = chan;
	td->td_wmesg = wmesg;
	TAILQ_INSERT_TAIL(queue_of(chan), td, td_slpq);
	if (timo != 0)
		callout_reset_sbt(&td->td_slpcallout, timo, prec, sleep_timeout, td, flags);
	kthread_switch_out();
	return (td->td_error);
}

int
tsleep(const void *chan, int pri, const char *wmesg, int timo)
{
	return (tsleep_sbt(chan, pri, wmesg, timo > 0 ? mstosbt(timo) : 0, 0, C_HARDCLOCK));
}

/* Nobody else knows this channel, so only time ends the sleep. */
int
pause(const char *wmesg, int timo)
{
	return (tsleep(&curthread->td_slpcallout, 0, wmesg, MAX(timo, 1)));
}

static void
wake_some(const void *chan, bool only_one)
{
	struct thread *td, *next;

	TAILQ_FOREACH_SAFE (td, queue_of(chan), td_slpq, next) {
		if (td->td_wchan != chan)
			continue;
		wake(td, 0);
		if (only_one)
			return;
	}
}

void
wakeup(const void *chan)
{
	wake_some(chan, false);
}

void
wakeup_one(const void *chan)
{
	wake_some(chan, true);
}
