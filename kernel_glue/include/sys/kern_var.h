/*
 * kern_var.h - what the files of kernel_glue know of each other. Nobody else includes it.
 */
#ifndef _SYS_KERN_VAR_H_
#define _SYS_KERN_VAR_H_

#include <sys/types.h>
#include <sys/kernel.h>

struct vnet;

#define NS_PER_S 1000000000ull
#define NS_PER_MS 1000000ull

/* kern_tc.c: the monotonic time of this turn, and how it starts */
extern uint64_t tc_now_ns;
void tc_boot(void);

/* kern_timeout.c */
void callout_boot(void);
void callout_run(void); /* whatever is due at tc_now_ns */
uint64_t callout_next_ns(void);

/* kern_kthread.c, kern_synch.c */
struct thread;
void kthread_switch_out(void); /* curthread stops here until it is made runnable */
void kthread_make_runnable(struct thread *);
bool kthread_runnable(void);
void kthread_run(void); /* each runnable thread once */

/* subr_taskqueue.c: soft interrupts and tasks */
bool swi_pending(void);
void swi_run(void);

/* kern_sysctl.c */
void sysctl_boot(void);

/* kern_vnet.c: one row of initialisers, of the process or of a stack */
struct init_row {
	struct sysinit *si;
	u_int position; /* in its set: keeps equal ones in link order */
	bool per_vnet;
};
int init_row_compare(const void *, const void *);
struct vnet *vnet_create(const char *name); /* its data only; nothing runs */

#endif
