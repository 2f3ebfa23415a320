/*
 * systm.h - the kernel's small services: printf(9), panic(9), KASSERT(9), sleep(9), copy and
 * string functions. Names that libc exports too are kern_xxx to the linker.
 */
#ifndef _SYS_SYSTM_H_
#define _SYS_SYSTM_H_

#include <sys/types.h>
#include <sys/param.h>
#include <sys/kassert.h>
#include <sys/libkern.h>
#include <sys/syslog.h>

extern int hz;		   /* 1000: a tick is a millisecond */
extern volatile int ticks; /* of the clock, wraps */
extern int bootverbose;

#define printf kern_printf
#define vprintf kern_vprintf
#define snprintf kern_snprintf
#define vsnprintf kern_vsnprintf
#define log kern_log
#define vlog kern_vlog
#define pause kern_pause
int printf(const char *, ...) __printflike(1, 2);
int vprintf(const char *, va_list) __printflike(1, 0);
int snprintf(char *, size_t, const char *, ...) __printflike(3, 4);
int vsnprintf(char *, size_t, const char *, va_list) __printflike(3, 0);
void log(int priority, const char *, ...) __printflike(2, 3);
void vlog(int priority, const char *, va_list) __printflike(2, 0);

/*
 * tsleep(9): only inside a kthread. timo in ticks, 0 for ever. 0 when woken, EWOULDBLOCK.
 * The lock of msleep() and mtx_sleep() is not looked at.
 */
int tsleep(const void *chan, int pri, const char *wmesg, int timo);
int tsleep_sbt(
    const void *chan, int pri, const char *wmesg, sbintime_t timo, sbintime_t prec, int flags);
int pause(const char *wmesg, int timo);
void wakeup(const void *chan);
void wakeup_one(const void *chan);
#define msleep(chan, mtx, pri, wmesg, timo) tsleep((chan), (pri), (wmesg), (timo))
#define mtx_sleep(chan, mtx, pri, wmesg, timo) tsleep((chan), (pri), (wmesg), (timo))

#define critical_enter() ((void)0)
#define critical_exit() ((void)0)
#define splnet() 0
#define splx(s) ((void)(s))
#define CURVNET_ASSERT_SET() ((void)0)

#endif
