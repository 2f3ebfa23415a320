/* proc.h - threads of control: kthreads, which are coroutines. */
#ifndef _SYS_PROC_H_
#define _SYS_PROC_H_

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/callout.h>

struct vnet;
struct host_context;
struct ucred;

struct proc {
	int p_pid;
};
struct thread {
	TAILQ_ENTRY(thread) td_runq, td_slpq;
	struct host_context *td_context;
	struct ucred *td_ucred;
	struct vnet *td_vnet; /* saved while it does not run */
	const void *td_wchan;
	const char *td_wmesg;
	struct callout td_slpcallout;
	int td_error; /* what tsleep() returns */
	int td_state;
	void (*td_func)(void *);
	void *td_arg;
	char td_name[20];
};
extern struct thread thread0; /* the event loop itself; it can't sleep */
extern struct thread *curthread;

#endif
