/*
 * pd_host.c - packetdrill's module: the stack in packetdrill's own process.
 *
 * Theory of operation. The stack is single-threaded; one lock makes it so. A table call takes the
 * lock, does its work, lets kern_run() do what followed from it, and returns. A call that may wait
 * is a job (pd_sys.c): it sleeps in a kthread, and the thread that made it really sleeps here, on
 * its condition, until whoever runs the stack finishes the job.
 *
 * Time. With the virtual clock, time moves only here: usleep() and netdev_receive() move it through
 * what is due, and gettimeofday() by a microsecond, because packetdrill spins on it. A thread whose
 * call has just returned looks at the clock next (packetdrill judges when the call ended), so the
 * clock stands still until it has: settle(). If nobody calls for half a second of real
 * time while a call waits, time catches up and goes on as the world's does: packetdrill waits so
 * for a script's last calls. With the real clock a thread of ours runs the stack when its callouts
 * are due.
 *
 * Owns the lock, the clock's base and the queue's waiters. Called by pd_init.c, pd_calls.c,
 * pd_poll.c, pd_ctl.c.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel_glue/include/host/host.h"
#include "t/packetdrill/pd_host.h"

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull
#define VIRTUAL_START_NS NS_PER_S
#define VIRTUAL_WAIT_S 10800	   /* netdev_receive: longer than a keepalive's two hours */
#define REAL_WAIT_S 70		   /* longer than the longest retransmission time-out */
#define QUIET_NS (500 * NS_PER_MS) /* packetdrill waits for a second; a busy machine is slow */
#define WATCH_NS (50 * NS_PER_MS)
#define LOOK_NS (200 * NS_PER_MS) /* real time that a thread has to look at the clock */
#define STEP_NS (10 * NS_PER_MS)
#define SPINS_SLOW 2000 /* looks at the clock in a row by 1 us; then by more */
#define SPIN_FAST_US 20

static pthread_mutex_t lock = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
static pthread_cond_t looked, packet_came, timer_cond;
static pthread_t timer_thread;
static bool running, virtual_time;
static uint64_t base_us;  /* gettimeofday's at monotonic 0 */
static uint64_t timer_ns; /* the timer thread sleeps until then */
static uint64_t wait_ns;

static int active;	      /* threads in calls that are not asleep in a job */
static uint64_t last_real_ns; /* the last call */
static unsigned spins;

/* Threads that have to look at the clock before it may move. */
static int lookers;
static unsigned look_round = 1;
static __thread unsigned my_look;

static uint64_t
real_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec);
}

static int
wait_real(pthread_cond_t *cond, uint64_t until_ns)
{
	struct timespec ts = {
	    .tv_sec = (time_t)(until_ns / NS_PER_S), .tv_nsec = (long)(until_ns % NS_PER_S)};

	return (pthread_cond_timedwait(cond, &lock, &ts));
}

static void
i_looked(void)
{
	if (my_look != look_round)
		return;
	my_look = 0;
	if (lookers > 0 && --lookers == 0)
		pthread_cond_broadcast(&looked);
}

/* One that does not look (no packetdrill does that) holds the clock for a moment only. */
static void
settle(void)
{
	uint64_t until;

	if (my_look == look_round)
		i_looked();
	if (lookers == 0)
		return;
	until = real_ns() + LOOK_NS;
	while (lookers > 0)
		if (wait_real(&looked, until) == ETIMEDOUT) {
			lookers = 0;
			look_round++;
		}
}

static void
lock_stack(void)
{
	pthread_mutex_lock(&lock);
	active++;
	last_real_ns = real_ns();
}

static void
unlock_stack(void)
{
	active--;
	last_real_ns = real_ns();
	if (!virtual_time && kern_next_ns() < timer_ns)
		pthread_cond_signal(&timer_cond);
	pthread_mutex_unlock(&lock);
}

void
pd_enter(void)
{
	lock_stack();
	i_looked();
	spins = 0;
	if (!virtual_time)
		kern_run();
}

/* A look from outside: it is no call, and no time passes. */
bool
pd_is_ours(int fd)
{
	bool ours;

	pthread_mutex_lock(&lock);
	ours = pd_file(fd) != NULL;
	pthread_mutex_unlock(&lock);
	return (ours);
}

int
pd_leave(int error)
{
	kern_run();
	unlock_stack();
	if (error == 0)
		return (0);
	errno = error;
	return (-1);
}

ssize_t
pd_leave_n(int error, ssize_t n)
{
	return (pd_leave(error) == 0 ? n : -1);
}

/* ---- moving the virtual clock ---- */

/* To the next callout, or to `until`. False: nothing is due before, and it is `until` now. */
static bool
step(uint64_t until)
{
	uint64_t next, now;

	kern_run();
	settle();
	next = kern_next_ns();
	now = host_monotonic_ns();
	if (next > until) {
		if (until > now)
			host_clock_advance_to(until);
		return (false);
	}
	if (next > now)
		host_clock_advance_to(next);
	kern_run();
	return (true);
}

static void
advance_to(uint64_t until)
{
	while (step(until))
		;
	kern_run();
	settle();
}

void
pd_advance_us(uint64_t us)
{
	const uint64_t until = host_monotonic_ns() + us * NS_PER_US;

	if (virtual_time) {
		advance_to(until);
		return;
	}
	while (real_ns() < until) {
		kern_run();
		wait_real(&packet_came, until);
	}
}

/* ---- jobs ---- */

struct sleeper {
	struct pd_job job;
	pthread_cond_t cond;
	bool asleep;
	unsigned look; /* the round in which it has to look at the clock */
};

static void
finished(struct pd_job *job)
{
	struct sleeper *s = (struct sleeper *)job;

	if (s->asleep) {
		lookers++;
		s->look = look_round;
		pthread_cond_signal(&s->cond);
	}
}

/* Nobody calls: time goes on as the world's, once that has lasted. */
static void
follow_world(uint64_t quiet_since, uint64_t *followed)
{
	uint64_t real = real_ns(), ns;

	if (active > 0 || last_real_ns != quiet_since || real - quiet_since < QUIET_NS)
		return;
	ns = real - quiet_since - *followed;
	*followed += ns;
	active++; /* two sleepers must not move it at once */
	while (ns > 0) {
		uint64_t part = ns < STEP_NS ? ns : STEP_NS;
		uint64_t until = host_monotonic_ns() + part;

		while (step(until))
			;
		ns -= part;
	}
	active--;
	last_real_ns = quiet_since;
}

static void
sleep_on(struct sleeper *s)
{
	uint64_t quiet_since = last_real_ns, followed = 0;

	s->asleep = true;
	active--;
	while (!s->job.j_done) {
		if (!virtual_time) {
			pthread_cond_wait(&s->cond, &lock);
			continue;
		}
		if (last_real_ns != quiet_since) {
			quiet_since = last_real_ns;
			followed = 0;
		}
		if (wait_real(&s->cond, real_ns() + (followed > 0 ? STEP_NS : WATCH_NS)) ==
		    ETIMEDOUT)
			follow_world(quiet_since, &followed);
	}
	active++;
	last_real_ns = real_ns();
	my_look = s->look;
}

static void
cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

void
pd_run_job(void (*fn)(void *), void *arg)
{
	struct sleeper s = {.job = {.j_fn = fn, .j_arg = arg, .j_finished = finished}};

	pd_job_start(&s.job);
	kern_run();
	if (s.job.j_done)
		return;
	cond_init(&s.cond);
	if (!virtual_time && kern_next_ns() < timer_ns)
		pthread_cond_signal(&timer_cond);
	sleep_on(&s);
	pthread_cond_destroy(&s.cond);
}

/* ---- the interface's functions of time and wire ---- */

int
pd_usleep(void *u, useconds_t us)
{
	(void)u;
	pd_enter();
	pd_advance_us(us);
	return (pd_leave(0));
}

/* packetdrill waits by looking again and again, so each look takes time. */
static void
spin(void)
{
	uint64_t us = ++spins > SPINS_SLOW ? SPIN_FAST_US : 1;

	advance_to(host_monotonic_ns() + us * NS_PER_US);
}

int
pd_gettimeofday(void *u, struct timeval *tv, struct timezone *tz)
{
	uint64_t us;

	(void)u;
	(void)tz;
	lock_stack();
	if (my_look == look_round)
		i_looked();
	else if (virtual_time)
		spin();
	us = base_us + host_monotonic_ns() / NS_PER_US;
	unlock_stack();
	tv->tv_sec = (time_t)(us / 1000000);
	tv->tv_usec = (suseconds_t)(us % 1000000);
	return (0);
}

int
pd_netdev_send(void *u, const void *packet, size_t len)
{
	int error;

	(void)u;
	pd_enter();
	error = pd_if_input(packet, len);
	return (pd_leave(error));
}

static bool
wait_packet(uint64_t until)
{
	while (!pd_if_waiting()) {
		if (virtual_time) {
			if (!step(until) && !pd_if_waiting())
				return (false);
		} else if (wait_real(&packet_came, until) == ETIMEDOUT && !pd_if_waiting()) {
			return (false);
		}
	}
	return (true);
}

int
pd_netdev_receive(void *u, void *buf, size_t *len, long long *usecs)
{
	const size_t room = *len;
	uint64_t ns = 0;

	(void)u;
	pd_enter();
	kern_run();
	*len = 0;
	if (wait_packet(host_monotonic_ns() + wait_ns))
		*len = pd_if_output(buf, room, &ns);
	else
		ns = host_monotonic_ns();
	*usecs = (long long)(base_us + ns / NS_PER_US);
	return (pd_leave(0));
}

static void
packet_sent(void)
{
	pthread_cond_broadcast(&packet_came);
}

/* ---- the real clock ---- */

static void *
timer_main(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	while (running) {
		kern_run();
		timer_ns = kern_next_ns();
		if (timer_ns > real_ns() + NS_PER_S)
			timer_ns = real_ns() + NS_PER_S;
		wait_real(&timer_cond, timer_ns);
	}
	pthread_mutex_unlock(&lock);
	return (NULL);
}

/* ---- beginning and end ---- */

static void
log_line(int priority, const char *line)
{
	if (priority <= 4)
		fprintf(stderr, "alpine: %s\n", line);
}

void
pd_host_start(const struct pd_flags *f)
{
	struct timespec ts;

	cond_init(&looked);
	cond_init(&packet_came);
	cond_init(&timer_cond);
	host_log_set(log_line);
	virtual_time = !f->real_clock;
	wait_ns = (f->wait_s != 0    ? f->wait_s
		      : virtual_time ? VIRTUAL_WAIT_S
				     : REAL_WAIT_S) *
		  NS_PER_S;
	if (f->seeded)
		host_random_seed(f->seed);
	if (virtual_time && !host_clock_is_virtual())
		host_clock_virtual(VIRTUAL_START_NS);
	clock_gettime(CLOCK_REALTIME, &ts);
	base_us = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / NS_PER_US -
		  host_monotonic_ns() / NS_PER_US;
	pd_if_sent = packet_sent;
	running = true;
	kern_boot();
	kern_run();
	last_real_ns = real_ns();
	if (!virtual_time && pthread_create(&timer_thread, NULL, timer_main, NULL) != 0) {
		fprintf(stderr, "alpine: no thread for the clock: %s\n", strerror(errno));
		exit(1);
	}
}

void
pd_host_stop(void)
{
	if (virtual_time)
		return;
	pthread_mutex_lock(&lock);
	running = false;
	pthread_cond_signal(&timer_cond);
	pthread_mutex_unlock(&lock);
	pthread_join(timer_thread, NULL);
}
