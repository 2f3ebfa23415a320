/*
 * taskqueue.h - work for later, taskqueue(9). Runs from kern_run(), with the curvnet it was
 * queued in.
 */
#ifndef _SYS_TASKQUEUE_H_
#define _SYS_TASKQUEUE_H_
#include <sys/types.h>
#include <sys/queue.h>
struct vnet;
struct taskqueue;
typedef void task_fn_t(void *context, int pending);
struct task {
	STAILQ_ENTRY(task) ta_link;
	uint16_t ta_pending;
	uint16_t ta_priority;
	task_fn_t *ta_func;
	void *ta_context;
	struct vnet *ta_vnet;
};
#define TASK_INIT(t, pri, func, ctx)                                                               \
	do {                                                                                       \
		(t)->ta_pending = 0;                                                               \
		(t)->ta_priority = (pri);                                                          \
		(t)->ta_func = (func);                                                             \
		(t)->ta_context = (ctx);                                                           \
		(t)->ta_vnet = NULL;                                                               \
	} while (0)
extern struct taskqueue *taskqueue_swi, *taskqueue_thread; /* the same queue here */
int taskqueue_enqueue(struct taskqueue *, struct task *);
int taskqueue_cancel(struct taskqueue *, struct task *, u_int *pendp);
#define taskqueue_drain(q, t) ((void)taskqueue_cancel((q), (t), NULL))
#endif
