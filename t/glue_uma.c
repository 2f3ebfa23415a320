/*
 * glue_uma.c - zone(9) and malloc(9): construction, limits, contents kept while free, memory
 * given back, counters, alignment, and what an allocation costs.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/systm.h>
#include <vm/uma.h>

#include <host/host.h>
#include <host/stdlib.h>

#include "t/lib/tap.h"

int main(void);

static MALLOC_DEFINE(M_TEST, "test", "of this test");

struct thing {
	int serial;
	int state;
	char body[192];
};

static int inits, finis, ctors, dtors, refuse_ctor;

static int
thing_init(void *mem, int size, int flags __unused)
{
	struct thing *t = mem;

	t->serial = ++inits;
	return (size == (int)sizeof(*t) ? 0 : EINVAL);
}

static void
thing_fini(void *mem __unused, int size __unused)
{
	finis++;
}

static int
thing_ctor(void *mem, int size __unused, void *arg, int flags __unused)
{
	struct thing *t = mem;

	if (refuse_ctor)
		return (ENOMEM);
	ctors++;
	t->state = *(int *)arg;
	return (0);
}

static void
thing_dtor(void *mem, int size __unused, void *arg __unused)
{
	struct thing *t = mem;

	dtors++;
	t->state = -1;
}

static void
test_construction(void)
{
	uma_zone_t z = uma_zcreate("thing", sizeof(struct thing), thing_ctor, thing_dtor,
	    thing_init, thing_fini, UMA_ALIGN_PTR, 0);
	struct thing *a, *b;
	int value = 42;

	a = uma_zalloc_arg(z, &value, M_WAITOK);
	ok(a != NULL && a->serial == 1 && a->state == 42, "init and ctor ran");
	uma_zfree(z, a);
	is_int(dtors, 1, "dtor ran");
	b = uma_zalloc_arg(z, &value, M_WAITOK);
	if (host_sanitized())
		is_int(finis, 1, "sanitized: the object was given back");
	else
		ok(b == a && inits == 1, "the object freed last comes back, initialised once");
	refuse_ctor = 1;
	ok(uma_zalloc_arg(z, &value, M_NOWAIT) == NULL, "a ctor may refuse");
	refuse_ctor = 0;
	is_int(uma_zone_get_cur(z), 1, "one in use");
	is_int(uma_zone_get_fails(z), 1, "one failure");
	uma_zfree(z, b);
	uma_zfree(z, NULL);
	uma_zdestroy(z);
	is_int(finis, inits, "each init has its fini when the zone goes");
}

static void
test_limit(void)
{
	uma_zone_t z = uma_zcreate("limited", 64, NULL, NULL, NULL, NULL, UMA_ALIGN_PTR, 0);
	void *p[10];
	int i;

	is_int(uma_zone_set_max(z, 10), 10, "a limit");
	for (i = 0; i < 10; i++)
		p[i] = uma_zalloc(z, M_WAITOK);
	ok(uma_zalloc(z, M_NOWAIT) == NULL, "no more than the limit");
	is_int(uma_zone_get_fails(z), 1, "the refusal is counted");
	uma_zfree(z, p[0]);
	p[0] = uma_zalloc(z, M_NOWAIT | M_ZERO);
	ok(p[0] != NULL, "and goes on when one came back");
	for (i = 0; i < 10; i++)
		uma_zfree(z, p[i]);
	uma_zdestroy(z);
}

#define CROWD 5000

static void
test_reclaim(void)
{
	uma_zone_t z = uma_zcreate("crowd", 1000, NULL, NULL, NULL, NULL, UMA_ALIGN_CACHE, 0);
	char **p = mallocarray(CROWD, sizeof(*p), M_TEST, M_WAITOK);
	int i, round, bad = 0, misaligned = 0;

	for (i = 0; i < CROWD; i++) {
		p[i] = uma_zalloc(z, M_WAITOK | M_ZERO);
		memset(p[i], i & 0xff, 1000);
		misaligned += ((uintptr_t)p[i] & UMA_ALIGN_CACHE) != 0;
	}
	is_int(misaligned, 0, "aligned as asked for");
	for (round = 0; round < 20; round++) {
		for (i = 0; i < CROWD; i++) {
			if (arc4random_uniform(2) == 0)
				continue;
			if (p[i] != NULL) {
				bad += p[i][0] != (char)i || p[i][999] != (char)i;
				uma_zfree(z, p[i]);
				p[i] = NULL;
			} else {
				p[i] = uma_zalloc(z, M_WAITOK);
				memset(p[i], i & 0xff, 1000);
			}
		}
		if (round % 5 == 4)
			uma_zone_reclaim(z, UMA_RECLAIM_DRAIN);
	}
	for (i = 0; i < CROWD; i++) {
		bad += p[i] != NULL && (p[i][0] != (char)i || p[i][999] != (char)i);
		uma_zfree(z, p[i]);
	}
	is_int(bad, 0, "contents stay while memory is reclaimed around them");
	is_int(uma_zone_get_cur(z), 0, "all back");
	uma_zone_reclaim(z, UMA_RECLAIM_DRAIN);
	is_int(uma_zone_get_free(z), 0, "nothing is kept after a drain");
	uma_zdestroy(z);
	free(p, M_TEST);
}

static void
test_malloc(void)
{
	uint64_t use = M_TEST->ks_inuse, bytes = M_TEST->ks_memuse;
	char *p = malloc(100, M_TEST, M_WAITOK | M_ZERO), *q;
	int i, sum = 0;

	for (i = 0; i < 100; i++)
		sum += p[i];
	is_int(sum, 0, "M_ZERO");
	is_int(M_TEST->ks_inuse - use, 1, "one more of its type");
	is_int(M_TEST->ks_memuse - bytes, 100, "and 100 bytes");
	memset(p, 'x', 100);
	p = realloc(p, 1000, M_TEST, M_WAITOK);
	ok(p[0] == 'x' && p[99] == 'x', "realloc keeps the contents");
	is_int(M_TEST->ks_memuse - bytes, 1000, "1000 bytes");
	p = realloc(p, 10, M_TEST, M_WAITOK);
	is_int(M_TEST->ks_memuse - bytes, 10, "and down to 10");
	ok(mallocarray(SIZE_MAX / 2, 3, M_TEST, M_NOWAIT) == NULL, "mallocarray sees an overflow");
	ok(malloc(SIZE_MAX - 5, M_TEST, M_NOWAIT) == NULL, "too much is NULL with M_NOWAIT");
	q = strdup("a string", M_TEST);
	is_str(q, "a string", "strdup");
	zfree(q, M_TEST);
	free(p, M_TEST);
	free(NULL, M_TEST);
	is_int(M_TEST->ks_inuse, use, "all back");
	is_int(M_TEST->ks_memuse, bytes, "all bytes back");
}

static void
show_cost(void)
{
	uma_zone_t z = uma_zcreate("cost", 256, NULL, NULL, NULL, NULL, UMA_ALIGN_PTR, 0);
	enum { ROUNDS = 1000000 };
	void *p[8];
	uint64_t begin = host_monotonic_ns(), ns;
	int i, k;

	for (i = 0; i < ROUNDS / 8; i++) {
		for (k = 0; k < 8; k++)
			p[k] = uma_zalloc(z, M_NOWAIT);
		for (k = 0; k < 8; k++)
			uma_zfree(z, p[k]);
	}
	ns = host_monotonic_ns() - begin;
	tap_diag("uma_zalloc + uma_zfree: %llu.%llu ns", (unsigned long long)(ns / ROUNDS),
	    (unsigned long long)(ns * 10 / ROUNDS % 10));
	uma_zdestroy(z);
}

int
main(void)
{
	kern_boot();
	test_construction();
	test_limit();
	test_reclaim();
	test_malloc();
	show_cost();
	return (tap_done());
}
