/*
 * kern_tc.c - time as the stack sees it: since boot and since 1970, microtime(9), ratecheck(9).
 *
 * Owns the time of this turn, which the get forms, `ticks`, time_uptime and callout(9) use. The
 * event loop refreshes it after each wait, so it is never older than the work at hand. Uptime
 * begins at one second, so that 0 can mean "never".
 */
#include <sys/param.h>
#include <sys/counter.h>
#include <sys/kernel.h>
#include <sys/sysctl.h>
#include <sys/systm.h>
#include <sys/time.h>

#include <host/host.h>

#include <sys/kern_var.h>

int hz = 1000;
volatile int ticks;
volatile time_t time_uptime = 1;
volatile time_t time_second;

SYSCTL_NODE(_kern, OID_AUTO, timecounter, CTLFLAG_RD, NULL, "The clock");
SYSCTL_U64(_kern_timecounter, OID_AUTO, stops, CTLFLAG_RD, &host_clock_stops, 0,
    "How often the process stood still and the stack's time with it (alpined --debug-clock)");
SYSCTL_U64(_kern_timecounter, OID_AUTO, stopped_ns, CTLFLAG_RD, &host_clock_stopped_ns, 0,
    "For how long, in all (nanoseconds)");

uint64_t tc_now_ns;
static uint64_t boot_ns; /* monotonic time that counts as uptime 0 */
static sbintime_t now_sbt;
static bool booted;

void
tc_boot(void)
{
	boot_ns = host_monotonic_ns() - NS_PER_S;
	tc_now_ns = boot_ns + NS_PER_S;
	booted = true;
	kern_clock_update();
}

void
kern_clock_update(void)
{
	uint64_t now, uptime_ns;

	if (!booted)
		return;
	now = host_monotonic_ns();
	KASSERT((int64_t)(now - tc_now_ns) >= 0,
	    ("the clock went back by %jd ns; install a clock before kern_boot()",
		(intmax_t)(tc_now_ns - now)));
	tc_now_ns = now;
	uptime_ns = now - boot_ns;
	now_sbt = nstosbt((int64_t)uptime_ns);
	ticks = (int)(uint32_t)(uptime_ns / NS_PER_MS);
	time_uptime = (time_t)(uptime_ns / NS_PER_S);
	time_second = (time_t)(host_realtime_ns() / NS_PER_S);
}

sbintime_t
sbinuptime(void)
{
	return (nstosbt((int64_t)(host_monotonic_ns() - boot_ns)));
}

sbintime_t
getsbinuptime(void)
{
	return (now_sbt);
}

sbintime_t
sbintime_realtime(void)
{
	return (nstosbt((int64_t)host_realtime_ns()));
}

static void
ns_to_timeval(uint64_t ns, struct timeval *tv)
{
	tv->tv_sec = (time_t)(ns / NS_PER_S);
	tv->tv_usec = (suseconds_t)(ns % NS_PER_S / 1000);
}

static void
ns_to_timespec(uint64_t ns, struct timespec *ts)
{
	ts->tv_sec = (time_t)(ns / NS_PER_S);
	ts->tv_nsec = (long)(ns % NS_PER_S);
}

void
microuptime(struct timeval *tv)
{
	ns_to_timeval(host_monotonic_ns() - boot_ns, tv);
}

void
getmicrouptime(struct timeval *tv)
{
	ns_to_timeval(tc_now_ns - boot_ns, tv);
}

void
nanouptime(struct timespec *ts)
{
	ns_to_timespec(host_monotonic_ns() - boot_ns, ts);
}

void
getnanouptime(struct timespec *ts)
{
	ns_to_timespec(tc_now_ns - boot_ns, ts);
}

void
microtime(struct timeval *tv)
{
	ns_to_timeval(host_realtime_ns(), tv);
}

void
getmicrotime(struct timeval *tv)
{
	ns_to_timeval(host_realtime_ns(), tv);
}

void
nanotime(struct timespec *ts)
{
	ns_to_timespec(host_realtime_ns(), ts);
}

/* Ticks that last at least as long as the interval; at least 1, at most INT_MAX. */
int
tvtohz(struct timeval *tv)
{
	int64_t n;

	if (tv->tv_sec < 0 || (tv->tv_sec == 0 && tv->tv_usec <= 0))
		return (1);
	if (tv->tv_sec >= INT_MAX / hz)
		return (INT_MAX);
	n = tv->tv_sec * hz + howmany((int64_t)tv->tv_usec * hz, 1000000) + 1;
	return (n > INT_MAX ? INT_MAX : (int)n);
}

/* ---- how often may this happen ---- */

int
ratecheck(struct timeval *lasttime, const struct timeval *mininterval)
{
	struct timeval now;
	sbintime_t passed;

	getmicrouptime(&now);
	passed = tvtosbt(now) - tvtosbt(*lasttime);
	if (timevalisset(lasttime) && passed < tvtosbt(*mininterval))
		return (0);
	*lasttime = now;
	return (1);
}

/* maxpps -1: no limit, 0: never. A second begins with its first event. */
int
ppsratecheck(struct timeval *lasttime, int *curpps, int maxpps)
{
	struct timeval now;

	getmicrouptime(&now);
	if (!timevalisset(lasttime) || tvtosbt(now) - tvtosbt(*lasttime) >= SBT_1S) {
		*lasttime = now;
		*curpps = 0;
	}
	if (*curpps < INT_MAX)
		(*curpps)++;
	return (maxpps < 0 || *curpps <= maxpps);
}

int64_t
counter_ratecheck(struct counter_rate *cr, int64_t limit)
{
	int64_t refused = 0;

	if (cr->cr_start == 0 || now_sbt - cr->cr_start >= SBT_1S) {
		refused = (int64_t)cr->cr_over;
		cr->cr_start = now_sbt;
		cr->cr_rate = 0;
		cr->cr_over = 0;
	}
	if (cr->cr_rate >= limit) {
		cr->cr_over++;
		return (-1);
	}
	cr->cr_rate++;
	return (refused);
}
