/*
 * sim_run.c - virtual time and chance of alpine-sim. Kernel world.
 *
 * Owns the clock: runs the stacks until they have nothing to do, then moves the clock to the next
 * callout. Every user of chance has a generator of its own, from the scenario's seed and the
 * user's name or number: whatever one does, the others' draws stay the same. Whole numbers only,
 * so that no build rounds otherwise than another.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/systm.h>
#include <net/vnet.h>

#include <host/host.h>

#include "t/sim/sim.h"

#define START_NS SIM_NS_PER_S /* what the virtual clock shows at the scenario's 0 */

/*
 * So many frames (700 MB of them) within so little time, and a scenario is taken for one that
 * hardly lets time go on: traffic without end over lines that take none.
 */
#define STUCK_FRAMES 500000
#define STUCK_NS 10000

static uint64_t events;
static bool stuck;

/* ---- chance: xoshiro256** (Blackman, Vigna 2018), seeded by splitmix64 (Steele et al. 2014) ----
 */

static uint64_t
splitmix(uint64_t *x)
{
	uint64_t z = *x += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31));
}

static uint64_t
rotl(uint64_t x, int k)
{
	return ((x << k) | (x >> (64 - k)));
}

void
sim_random_init(struct sim_random *r, uint64_t seed, uint64_t stream)
{
	uint64_t x = seed, y;
	int i;

	y = splitmix(&x) ^ stream;
	for (i = 0; i < 4; i++)
		r->s[i] = splitmix(&y);
}

uint64_t
sim_random_next(struct sim_random *r)
{
	uint64_t *s = r->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return (result);
}

bool
sim_random_chance(struct sim_random *r, sim_prob p)
{
	return (p != 0 && sim_random_next(r) >> 11 < p);
}

uint64_t
sim_random_below(struct sim_random *r, uint64_t bound)
{
	return ((uint64_t)(((__uint128_t)sim_random_next(r) * bound) >> 64));
}

/*
 * Von Neumann's way (1951), by comparisons alone: draw numbers as long as they fall. If an odd
 * number of them did, the first is the fraction of an exponential variate; if not, its whole part
 * is one more, and again.
 */
uint64_t
sim_random_exp(struct sim_random *r, uint64_t mean)
{
	uint64_t whole = 0, first, last, next;
	bool odd;

	for (;; whole++) {
		first = last = sim_random_next(r) >> 32;
		for (odd = true;; odd = !odd) {
			next = sim_random_next(r) >> 32;
			if (next > last)
				break;
			last = next;
		}
		if (odd)
			break;
	}
	return (mean * whole + (uint64_t)(((__uint128_t)mean * first) >> 32));
}

/* ---- time ---- */

void
sim_boot(uint64_t seed)
{
	host_random_seed(seed);
	host_clock_virtual(START_NS);
	kern_boot();
	host_random_seed(seed);
}

uint64_t
sim_now_ns(void)
{
	return (host_monotonic_ns() - START_NS);
}

const char *
sim_current_host(void)
{
	return (curvnet->vnet_name);
}

uint64_t
sim_events(void)
{
	return (events);
}

bool
sim_count_frame(void)
{
	static uint64_t since_ns, frames;
	uint64_t now = host_monotonic_ns();

	if (now - since_ns > STUCK_NS) {
		since_ns = now;
		frames = 0;
	}
	if (++frames >= STUCK_FRAMES)
		stuck = true;
	return (!stuck);
}

bool
sim_stuck(void)
{
	return (stuck);
}

uint64_t
sim_run(uint64_t until_ns, bool (*done)(void *), void *arg)
{
	uint64_t limit = until_ns > SIM_NEVER - START_NS ? SIM_NEVER : until_ns + START_NS;
	uint64_t next;

	for (;;) {
		if (!kern_pending()) {
			next = kern_next_ns();
			if (next == UINT64_MAX || next > limit)
				break;
			if (next > host_monotonic_ns())
				host_clock_advance_to(next);
		}
		events++;
		kern_run();
		if (stuck)
			return (sim_now_ns());
		if (done != NULL && done(arg))
			return (sim_now_ns());
	}
	if (limit != SIM_NEVER && limit > host_monotonic_ns())
		host_clock_advance_to(limit);
	return (sim_now_ns());
}
