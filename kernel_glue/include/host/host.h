/*
 * host.h - what the kernel environment asks of the process it runs in.
 *
 * Neutral: includable from the kernel world and from libc's. Implemented by
 * kernel_glue/host_*.c. Errors are positive *host* errno values unless stated;
 * nothing here knows the stack.
 */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The clock. `monotonic_ns` starts anywhere and never goes back; `realtime_ns`
 * is nanoseconds since 1970. The stack reads time only through the installed
 * clock: host_clock_real in alpined, a virtual one in tests.
 */
struct host_clock {
	const char *name;
	uint64_t (*monotonic_ns)(void *arg);
	uint64_t (*realtime_ns)(void *arg);
	void *arg;
};

extern const struct host_clock host_clock_real;

void host_clock_set(const struct host_clock *);
uint64_t host_monotonic_ns(void); /* of the installed clock */
uint64_t host_realtime_ns(void);

/*
 * Virtual time: installs a clock that stands at `start_ns` until it is told to
 * move. Callouts fire from kern_run() below, never by themselves.
 */
void host_clock_virtual(uint64_t start_ns);
void host_clock_advance_to(uint64_t monotonic_ns); /* virtual clock only; never backwards */
bool host_clock_is_virtual(void);

/*
 * The real clock, but standing still while the process does: stopped by a signal or at a
 * breakpoint. A gap between two readings that is longer than the sleep that was meant, by more
 * than HOST_CLOCK_GAP_NS, is taken out. So that every stop shows as a gap the loop sleeps in slices
 * of HOST_CLOCK_SLICE_NS. A machine too busy to run the process for so long looks the same.
 */
#define HOST_CLOCK_GAP_NS 100000000u
#define HOST_CLOCK_SLICE_NS 100000000u
extern const struct host_clock host_clock_debug;
extern uint64_t host_clock_stops, host_clock_stopped_ns; /* gaps taken out, and their sum */
/* The loop: I am about to sleep so long at most, 0: I am awake. Returns how long to sleep. */
uint64_t host_clock_sleep(uint64_t ns);

/*
 * Randomness. The real source is the kernel's; a seed makes it a repeatable
 * generator for tests.
 */
void host_random_seed(uint64_t seed); /* switches to the seeded generator */
void host_random_bytes(void *buf, size_t len);

/* Memory in page units, zeroed; NULL when the host has none. Aligned to at least 64 bytes. */
void *host_alloc(size_t size);
void host_free(void *p, size_t size);

/* One line of log text, priority as in syslog(3) (0 emerg .. 7 debug). No newline needed. */
typedef void host_log_fn(int priority, const char *line);
void host_log_set(host_log_fn *); /* default: "alpined: line" on stderr */
void host_log(int priority, const char *line);
void host_abort(const char *why) __attribute__((noreturn)); /* panic's end: prints, dumps core */

/*
 * Coroutine contexts for kthreads (kern_kthread.c). A context runs fn(arg) on a
 * stack of its own; switching is symmetric. Tells ASan about the stacks.
 */
struct host_context;
struct host_context *host_context_create(void (*fn)(void *), void *arg, size_t stack_bytes);
struct host_context *host_context_main(void); /* the one the process started on */
void host_context_switch(struct host_context *from, struct host_context *to);
void host_context_destroy(struct host_context *); /* not the running one */

/*
 * The event loop (host_loop.c): epoll, edge- or level-triggered as `events` says
 * (EPOLL* values of <sys/epoll.h>). A watch is storage of the caller's; it may be
 * removed or freed inside any callback, its own too, once host_watch_del() returned.
 */
struct host_watch;
typedef void host_watch_fn(struct host_watch *, uint32_t events);
struct host_watch {
	host_watch_fn *w_fn;
	void *w_arg;
	int w_fd;	   /* -1: not watched */
	uint32_t w_serial; /* the loop's own */
};
int host_watch_add(struct host_watch *, int fd, uint32_t events, host_watch_fn *, void *arg);
int host_watch_mod(struct host_watch *, uint32_t events);
void host_watch_del(struct host_watch *);

/*
 * A task runs once, soon, from the loop: after the events of this turn, before
 * sleeping. Scheduling a scheduled task does nothing. Tasks that tasks schedule run in
 * the next turn (which does not sleep).
 */
struct host_task;
typedef void host_task_fn(void *arg);
struct host_task {
	host_task_fn *t_fn;
	void *t_arg;
	struct host_task *t_next;
	bool t_queued;
};
void host_task_schedule(struct host_task *);
void host_task_cancel(struct host_task *);

/*
 * One turn: kern_run(), tasks, then epoll_wait until an event or the next callout.
 * host_loop_run() turns until host_loop_stop(), and returns its argument.
 * `net.alpine.busy_poll_us` (sysctl, default 0) spins that long before sleeping.
 * On the virtual clock nothing sleeps while a callout is armed: time jumps to it.
 */
extern uint32_t host_busy_poll_us;
int host_loop_run(void);
void host_loop_stop(int status);
void host_loop_poll(void); /* one turn that does not sleep */

/* ---- what the host calls in the kernel world (kernel_glue/kern_main.c) ---- */

void kern_boot(void); /* runs every SYSINIT once; makes vnet0 and sets curvnet to it */
void kern_run(void);  /* due callouts, soft interrupts, runnable kthreads; returns when none */
uint64_t kern_next_ns(void);  /* monotonic time of the next callout; UINT64_MAX if none */
bool kern_pending(void);      /* something is runnable now */
void kern_clock_update(void); /* the cached time is now's; kern_run() does it too */

#endif
