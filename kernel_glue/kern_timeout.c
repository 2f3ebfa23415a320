/*
 * kern_timeout.c - callout(9): timers on a hierarchical wheel.
 *
 * Eight levels of 64 buckets. A bucket of level 0 is SLOT_NS wide, one of level n is 64 times as
 * wide as one of level n-1, so the levels reach over the whole clock. A callout lies in the level
 * of the highest 6-bit digit in which its slot and the wheel's position differ: every bucket is
 * later than all buckets of the levels below. When the wheel comes to the start of a bucket above
 * level 0, its callouts move down. A bitmap for each level says which buckets are in use, so
 * empty time is skipped and the next expiry is found without a search.
 *
 * Level 0 is sorted by time and, within a time, by when it was armed: callouts run in that
 * order, at their own nanosecond, never before it. Nothing ticks.
 *
 * Owns the wheel. callout_run() is called by kern_main.c.
 */
#include <sys/param.h>
#include <sys/callout.h>
#include <sys/kernel.h>
#include <sys/systm.h>
#include <net/vnet.h>

#include <sys/kern_var.h>

#define SLOT_SHIFT 16 /* 65.536 us */
#define DIGIT 6
#define BUCKETS (1 << DIGIT)
#define LEVELS 8
#define NEXT_SCAN_MAX 8 /* callouts to look at for an exact time in a bucket above level 0 */

TAILQ_HEAD(callout_bucket, callout);

static struct callout_bucket wheel[LEVELS][BUCKETS];
static uint64_t in_use[LEVELS];
static uint64_t position; /* slot that the wheel has come to */

static u_int
digit_of(uint64_t slot, u_int level)
{
	return ((u_int)(slot >> (level * DIGIT)) & (BUCKETS - 1));
}

/* Buckets of this level that are later than the wheel's position. */
static uint64_t
later_buckets(u_int level)
{
	u_int digit = digit_of(position, level);

	return (digit == BUCKETS - 1 ? 0 : in_use[level] & (~0ull << (digit + 1)));
}

void
callout_boot(void)
{
	u_int level, i;

	for (level = 0; level < LEVELS; level++)
		for (i = 0; i < BUCKETS; i++)
			TAILQ_INIT(&wheel[level][i]);
	position = tc_now_ns >> SLOT_SHIFT;
}

/* Level 0 only: behind every callout that is not later. */
static void
insert_sorted(struct callout_bucket *b, struct callout *c)
{
	struct callout *at = TAILQ_LAST(b, callout_bucket);

	while (at != NULL && at->c_time_ns > c->c_time_ns)
		at = TAILQ_PREV(at, callout_bucket, c_links);
	if (at == NULL)
		TAILQ_INSERT_HEAD(b, c, c_links);
	else
		TAILQ_INSERT_AFTER(b, at, c, c_links);
}

static void
wheel_insert(struct callout *c)
{
	uint64_t slot = MAX(c->c_time_ns >> SLOT_SHIFT, position);
	uint64_t differ = slot ^ position;
	u_int level = differ == 0 ? 0 : (u_int)(flsll(differ) - 1) / DIGIT;

	c->c_level = (uint8_t)level;
	c->c_slot = (uint8_t)digit_of(slot, level);
	in_use[level] |= 1ull << c->c_slot;
	if (level == 0)
		insert_sorted(&wheel[0][c->c_slot], c);
	else
		TAILQ_INSERT_TAIL(&wheel[level][c->c_slot], c, c_links);
}

static void
wheel_remove(struct callout *c)
{
	struct callout_bucket *b = &wheel[c->c_level][c->c_slot];

	TAILQ_REMOVE(b, c, c_links);
	if (TAILQ_EMPTY(b))
		in_use[c->c_level] &= ~(1ull << c->c_slot);
}

/* The first bucket in use after the position; false: none. */
static bool
next_bucket(u_int *level, uint64_t *slot)
{
	uint64_t later, above;
	u_int l;

	for (l = 0; l < LEVELS; l++) {
		later = later_buckets(l);
		if (later == 0)
			continue;
		above = (l + 1) * DIGIT >= 64 ? 0 : ~0ull << ((l + 1) * DIGIT);
		*level = l;
		*slot =
		    (position & above) | ((uint64_t)(ffsll((long long)later) - 1) << (l * DIGIT));
		return (true);
	}
	return (false);
}

static void
move_down(u_int level, uint64_t slot)
{
	u_int digit = digit_of(slot, level);
	struct callout_bucket moving = TAILQ_HEAD_INITIALIZER(moving);
	struct callout *c;

	TAILQ_CONCAT(&moving, &wheel[level][digit], c_links);
	in_use[level] &= ~(1ull << digit);
	while ((c = TAILQ_FIRST(&moving)) != NULL) {
		TAILQ_REMOVE(&moving, c, c_links);
		wheel_insert(c);
	}
}

/* Moves the wheel to the next bucket in use, not beyond `target`; false: it stands there. */
static bool
advance(uint64_t target)
{
	uint64_t slot;
	u_int level;

	if (!next_bucket(&level, &slot) || slot > target) {
		position = target;
		return (false);
	}
	position = slot;
	if (level > 0)
		move_down(level, slot);
	return (true);
}

/* The callout is its owner's again before the handler runs: it may be freed there. */
static void
fire(struct callout *c)
{
	callout_func_t *func = c->c_func;
	void *arg = c->c_arg;

	wheel_remove(c);
	c->c_iflags &= ~CALLOUT_PENDING;
	CURVNET_SET(c->c_vnet);
	func(arg);
	CURVNET_RESTORE();
}

void
callout_run(void)
{
	uint64_t target = tc_now_ns >> SLOT_SHIFT;
	struct callout *c;

	do {
		for (;;) {
			c = TAILQ_FIRST(&wheel[0][digit_of(position, 0)]);
			if (c == NULL || c->c_time_ns > tc_now_ns)
				break;
			fire(c);
		}
	} while (position < target && advance(target));
}

/*
 * Exact at level 0 and for a bucket of a few callouts; for a full bucket it is the bucket's
 * start, where the wheel has something to do as well.
 */
uint64_t
callout_next_ns(void)
{
	struct callout *c = TAILQ_FIRST(&wheel[0][digit_of(position, 0)]);
	uint64_t slot, first = UINT64_MAX;
	u_int level, seen = 0;

	if (c != NULL)
		return (c->c_time_ns);
	if (!next_bucket(&level, &slot))
		return (UINT64_MAX);
	c = TAILQ_FIRST(&wheel[level][digit_of(slot, level)]);
	if (level == 0)
		return (c->c_time_ns);
	for (; c != NULL; c = TAILQ_NEXT(c, c_links)) {
		if (++seen > NEXT_SCAN_MAX)
			return (slot << SLOT_SHIFT);
		first = MIN(first, c->c_time_ns);
	}
	return (first);
}

/* ---- callout(9) ---- */

void
callout_init(struct callout *c, int mpsafe __unused)
{
	bzero(c, sizeof(*c));
}

/* Always after now, so that a handler that arms itself again lets others run. */
static int
arm(struct callout *c, uint64_t time_ns, callout_func_t *func, void *arg)
{
	int was_pending = callout_pending(c);

	KASSERT(func != NULL, ("callout armed without a handler"));
	if (was_pending)
		wheel_remove(c);
	c->c_time_ns = MAX(time_ns, tc_now_ns + 1);
	c->c_func = func;
	c->c_arg = arg;
	c->c_vnet = curvnet;
	c->c_flags |= CALLOUT_ACTIVE;
	c->c_iflags |= CALLOUT_PENDING;
	wheel_insert(c);
	return (was_pending);
}

int
callout_reset(struct callout *c, int ticks_, callout_func_t *func, void *arg)
{
	return (arm(c, tc_now_ns + (uint64_t)MAX(ticks_, 1) * NS_PER_MS, func, arg));
}

int
callout_reset_sbt(struct callout *c, sbintime_t sbt, sbintime_t prec __unused, callout_func_t *func,
    void *arg, int flags)
{
	if ((flags & C_ABSOLUTE) != 0)
		sbt -= getsbinuptime();
	return (arm(c, tc_now_ns + (uint64_t)sbttons(MAX(sbt, 0)), func, arg));
}

int
callout_schedule(struct callout *c, int ticks_)
{
	return (callout_reset(c, ticks_, c->c_func, c->c_arg));
}

int
callout_stop(struct callout *c)
{
	c->c_flags &= ~CALLOUT_ACTIVE;
	if (!callout_pending(c))
		return (-1);
	wheel_remove(c);
	c->c_iflags &= ~CALLOUT_PENDING;
	return (1);
}

sbintime_t
callout_remaining(const struct callout *c)
{
	if (!callout_pending(c) || c->c_time_ns <= tc_now_ns)
		return (0);
	return (nstosbt((int64_t)(c->c_time_ns - tc_now_ns)));
}
