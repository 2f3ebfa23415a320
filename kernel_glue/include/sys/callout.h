/*
 * callout.h - timers, callout(9). A callout is storage of its user's; its handler runs once, from
 * kern_run(), with the curvnet that armed it, and may arm, stop or free the callout.
 */
#ifndef _SYS_CALLOUT_H_
#define _SYS_CALLOUT_H_

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/time.h>

struct vnet;
typedef void callout_func_t(void *);

struct callout {
	TAILQ_ENTRY(callout) c_links;
	uint64_t c_time_ns; /* of the monotonic clock */
	callout_func_t *c_func;
	void *c_arg;
	struct vnet *c_vnet;
	uint8_t c_level, c_slot; /* where in the wheel */
	int c_flags;
	int c_iflags;
};
#define CALLOUT_ACTIVE 0x0002
#define CALLOUT_PENDING 0x0004
#define C_ABSOLUTE 0x0200
#define C_HARDCLOCK 0x0100
#define C_PREL(x) 0

void callout_init(struct callout *, int mpsafe);
#define callout_init_mtx(c, m, f) callout_init((c), 1)
#define callout_init_rw(c, m, f) callout_init((c), 1)
/* Return whether a pending one was replaced. Ticks are milliseconds; less than 1 counts as 1. */
int callout_reset(struct callout *, int ticks_, callout_func_t *, void *);
int callout_reset_sbt(
    struct callout *, sbintime_t, sbintime_t prec, callout_func_t *func, void *arg, int flags);
#define callout_reset_on(c, t, f, a, cpu) callout_reset((c), (t), (f), (a))
int callout_schedule(struct callout *, int ticks_); /* the last handler and argument again */
int callout_stop(struct callout *);		    /* 1 if it was pending, else -1 */
#define callout_drain(c) callout_stop(c)
#define callout_pending(c) (((c)->c_iflags & CALLOUT_PENDING) != 0)
#define callout_active(c) (((c)->c_flags & CALLOUT_ACTIVE) != 0)
#define callout_deactivate(c) ((c)->c_flags &= ~CALLOUT_ACTIVE)
sbintime_t callout_remaining(const struct callout *); /* until it fires; 0 if not pending */

#endif
