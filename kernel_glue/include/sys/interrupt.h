/* interrupt.h - soft interrupts, swi(9): handlers that run from kern_run() once scheduled. */
#ifndef _SYS_INTERRUPT_H_
#define _SYS_INTERRUPT_H_
#include <sys/types.h>
#define SWI_NET 1
#define SWI_CLOCK 4
#define INTR_MPSAFE 0
struct intr_event;
int swi_add(struct intr_event **, const char *name, void (*handler)(void *), void *arg, int pri,
    int flags, void **cookiep);
int swi_remove(void *cookie);
void swi_sched(void *cookie, int flags);
#endif
