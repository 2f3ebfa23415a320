/*
 * glue_callout.c - callout(9) on virtual time: order, exactness, handlers that arm, stop and free
 * themselves, long times, many at once against a plain list, idleness.
 */
#include <sys/param.h>
#include <sys/callout.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/systm.h>
#include <net/vnet.h>

#include <host/host.h>

#include "t/lib/tap.h"

#define MS 1000000ull
#define TEXT(s) __DECONST(char *, s)
#define START_NS (5000 * MS)

int main(void);

static uint64_t
now_ms(void)
{
	return ((host_monotonic_ns() - START_NS) / MS);
}

/* As the event loop would: from expiry to expiry. */
static void
run_until(uint64_t ms)
{
	uint64_t end = START_NS + ms * MS, next;

	while ((next = kern_next_ns()) <= end) {
		host_clock_advance_to(MAX(next, host_monotonic_ns()));
		kern_run();
	}
	host_clock_advance_to(end);
	kern_run();
}

static char trace[256];

static void
note(void *arg)
{
	size_t len = strlen(trace);

	snprintf(trace + len, sizeof(trace) - len, "%s@%llu ", (const char *)arg,
	    (unsigned long long)now_ms());
}

static void
test_order(void)
{
	struct callout a, b, c, d;

	trace[0] = '\0';
	callout_init(&a, 1);
	callout_init(&b, 1);
	callout_init(&c, 1);
	callout_init(&d, 1);
	is_int(callout_reset(&a, 30, note, TEXT("a")), 0, "arming a new callout replaces nothing");
	callout_reset(&b, 10, note, TEXT("b"));
	callout_reset(&c, 30, note, TEXT("c"));
	callout_reset(&d, 20, note, TEXT("d"));
	ok(callout_pending(&d) && callout_active(&d), "an armed callout is pending and active");
	is_int(callout_stop(&d), 1, "stopping a pending callout says 1");
	is_int(callout_stop(&d), -1, "stopping it again says -1");
	is_int(callout_reset(&b, 5, note, TEXT("B")), 1, "arming a pending callout replaces it");
	is_int(sbttoms(callout_remaining(&a)), 30, "callout_remaining");
	run_until(100);
	is_str(
	    trace, "B@5 a@30 c@30 ", "each ran once, on its millisecond, equals in arming order");
	ok(!callout_pending(&a) && callout_active(&a), "a callout that ran is active, not pending");
	callout_deactivate(&a);
	ok(!callout_active(&a), "callout_deactivate");
}

static void
test_jump(void)
{
	struct callout c[4];
	int ms[4] = {400000, 3, 70, 5000}, i;
	static const char *const names[4] = {"long", "short", "mid", "second"};

	trace[0] = '\0';
	for (i = 0; i < 4; i++) {
		callout_init(&c[i], 1);
		callout_reset(&c[i], ms[i], note, TEXT(names[i]));
	}
	host_clock_advance_to(host_monotonic_ns() + 500000 * MS);
	kern_run();
	is_str(trace, "short@500100 mid@500100 second@500100 long@500100 ",
	    "after a jump over all of them they run in order of time");
}

static struct callout *self;
static int rounds;

static void
arm_again(void *arg)
{
	if (++rounds < 5)
		callout_schedule(arg, 2);
}

static void
stop_and_free(void *arg)
{
	rounds++;
	callout_stop(self);
	free(arg, M_TEMP);
	self = NULL;
}

static void
stop_other(void *arg)
{
	rounds++;
	callout_stop(arg);
}

static void
test_self(void)
{
	struct callout c, d;

	callout_init(&c, 1);
	callout_reset(&c, 1, arm_again, &c);
	run_until(now_ms() + 100);
	is_int(rounds, 5, "a handler may arm its callout again");

	rounds = 0;
	self = malloc(sizeof(*self), M_TEMP, M_WAITOK);
	callout_init(self, 1);
	callout_reset(self, 1, stop_and_free, self);
	run_until(now_ms() + 10);
	is_int(rounds, 1, "a handler may stop and free its callout");

	rounds = 0;
	callout_init(&d, 1);
	callout_reset(&c, 7, stop_other, &d);
	callout_reset(&d, 7, stop_other, &c);
	run_until(now_ms() + 20);
	is_int(rounds, 1, "one that is stopped by another of the same time does not run");
	ok(!callout_pending(&d), "and is not pending");
}

static void
rearm_at_once(void *arg)
{
	if (++rounds < 1000)
		callout_reset_sbt(arg, 0, 0, rearm_at_once, arg, 0);
}

static void
test_zero(void)
{
	struct callout c;
	uint64_t before = now_ms();

	rounds = 0;
	callout_init(&c, 1);
	callout_reset(&c, 0, arm_again, &c);
	callout_stop(&c);
	callout_reset_sbt(&c, 0, 0, rearm_at_once, &c, 0);
	kern_run();
	is_int(rounds, 0, "no time at all still means later");
	run_until(before + 1);
	is_int(rounds, 1000, "a handler that arms itself at once does not stop the clock");
}

static uint64_t fired_ns;

static void
note_ns(void *arg)
{
	*(uint64_t *)arg = host_monotonic_ns();
}

static void
test_fine(void)
{
	struct callout c;
	uint64_t begin = host_monotonic_ns();

	callout_init(&c, 1);
	callout_reset_sbt(&c, ustosbt(250), 0, note_ns, &fired_ns, 0);
	run_until(now_ms() + 10);
	ok(fired_ns - begin >= 250000 && fired_ns - begin < 250010, "250 us are 250 us (%llu ns)",
	    (unsigned long long)(fired_ns - begin));
	callout_reset_sbt(&c, sbinuptime() + SBT_1S, 0, note_ns, &fired_ns, C_ABSOLUTE);
	begin = host_monotonic_ns();
	run_until(now_ms() + 2000);
	ok(fired_ns - begin >= 999999990 && fired_ns - begin <= 1000000010, "absolute time");
}

static void
test_vnet(void)
{
	struct vnet *other = vnet_alloc(), *seen = NULL;
	struct callout c;

	callout_init(&c, 1);
	CURVNET_SET(other);
	callout_reset(&c, 1, (callout_func_t *)note_ns, &fired_ns);
	CURVNET_RESTORE();
	seen = c.c_vnet;
	ok(seen == other, "a callout remembers the stack that armed it");
	run_until(now_ms() + 2);
	ok(curvnet == vnet0, "and the stack that ran before is back afterwards");
}

/* ---- against a model ---- */

#define MANY 3000

struct model {
	struct callout c;
	uint64_t due_ns; /* 0: not armed */
	uint64_t armed;	 /* order of arming */
};
static struct model *many;
static uint64_t armings, last_due, last_armed, fired, early, unordered, unarmed;

static void
model_fire(void *arg)
{
	struct model *m = arg;

	fired++;
	early += host_monotonic_ns() != m->due_ns;
	unarmed += m->due_ns == 0;
	unordered += m->due_ns < last_due || (m->due_ns == last_due && m->armed < last_armed);
	last_due = m->due_ns;
	last_armed = m->armed;
	m->due_ns = 0;
}

static void
model_arm(struct model *m)
{
	static const int spans[] = {3, 60, 300, 5000, 100000, 8000000};
	int ms = 1 + (int)arc4random_uniform((uint32_t)spans[arc4random_uniform(nitems(spans))]);

	m->due_ns = host_monotonic_ns() + (uint64_t)ms * MS;
	m->armed = ++armings;
	callout_reset(&m->c, ms, model_fire, m);
}

static void
test_model(void)
{
	u_int i, round, armed = 0, stopped = 0;
	uint64_t left;

	many = malloc(MANY * sizeof(*many), M_TEMP, M_WAITOK | M_ZERO);
	for (i = 0; i < MANY; i++)
		callout_init(&many[i].c, 1);
	for (round = 0; round < 200; round++) {
		for (i = 0; i < 100; i++) {
			struct model *m = &many[arc4random_uniform(MANY)];
			if (arc4random_uniform(4) > 0) {
				armed += m->due_ns == 0;
				model_arm(m);
			} else if (m->due_ns != 0) {
				stopped += callout_stop(&m->c) == 1;
				m->due_ns = 0;
			}
		}
		run_until(now_ms() + arc4random_uniform(2000));
	}
	run_until(now_ms() + 8000001);
	for (left = 0, i = 0; i < MANY; i++)
		left += callout_pending(&many[i].c);
	ok(fired > 1000, "%llu of a random crowd ran", (unsigned long long)fired);
	is_int(fired + stopped, armed, "each that was armed and not stopped ran once");
	is_int(early, 0, "all at their own nanosecond");
	is_int(unordered, 0, "in order of time, then of arming");
	is_int(unarmed + left, 0, "none that was not armed, none left");
	free(many, M_TEMP);
}

static void
test_idle(void)
{
	struct callout c;
	uint64_t next, wakeups = 0, day_ns = 24 * 3600 * 1000 * MS;

	callout_init(&c, 1);
	callout_reset(&c, 24 * 3600 * 1000, note_ns, &fired_ns);
	fired_ns = 0;
	next = host_monotonic_ns() + day_ns;
	while (fired_ns == 0 && wakeups < 100000) {
		host_clock_advance_to(MAX(kern_next_ns(), host_monotonic_ns()));
		kern_run();
		wakeups++;
	}
	is_int(fired_ns, next, "a day later, to the nanosecond");
	tap_diag("%llu wake-ups in that day", (unsigned long long)wakeups);
	ok(wakeups < 100000, "without a tick");
}

int
main(void)
{
	host_clock_virtual(START_NS);
	host_random_seed(1);
	kern_boot();
	test_order();
	run_until(100);
	test_jump();
	test_self();
	test_zero();
	test_fine();
	test_vnet();
	test_model();
	test_idle();
	return (tap_done());
}
