/*
 * kthread.h - kthread(9). A kthread runs until it sleeps; its function may return or
 * kthread_exit().
 */
#ifndef _SYS_KTHREAD_H_
#define _SYS_KTHREAD_H_
#include <sys/proc.h>
int kthread_add(void (*func)(void *), void *arg, struct proc *, struct thread **, int flags,
    int pages, const char *fmt, ...) __printflike(7, 8);
void kthread_exit(void) __dead2;
#endif
