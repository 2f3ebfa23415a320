/*
 * uma_core.c - zone(9): objects of one size, kept initialised while they are free.
 *
 * A zone takes slabs of many objects from the host. Objects that were freed wait on a stack of
 * pointers (not in a list through the objects, whose contents init() and the last user left
 * there on purpose); the one freed last, still in the CPU's cache, goes out first. Objects that
 * were never used are cut from the newest slab when the stack is empty. The stack has room for
 * every object there is, so that freeing cannot fail.
 *
 * A sanitized build gives each object its own allocation and keeps none.
 * Owns the zones. Read as text at vm.zone.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/queue.h>
#include <sys/systm.h>
#include <vm/uma.h>

#include <host/host.h>
#include <host/stdlib.h>

#define SLAB_BYTES_MIN (64 * 1024)
#define SLAB_ITEMS_MIN 8
#define SLAB_BYTES_MAX (1024 * 1024) /* unless one object is larger */
#define WARN_INTERVAL_S 10

static MALLOC_DEFINE(M_UMA, "uma", "zones");

struct uma_slab {
	LIST_ENTRY(uma_slab) us_link;
	char *us_mem;
	u_int us_cut;  /* objects cut from it, from the start */
	u_int us_free; /* of those, how many are free; valid in uma_zone_reclaim() only */
};

struct uma_zone {
	void **uz_stack;
	u_int uz_nfree;
	u_int uz_inuse;
	u_int uz_max;	/* 0: none */
	size_t uz_item; /* bytes from object to object */
	size_t uz_size; /* bytes asked for */
	uma_ctor uz_ctor;
	uma_dtor uz_dtor;
	uma_init uz_init;
	uma_fini uz_fini;
	struct uma_slab *uz_cutting; /* newest slab, NULL: all its objects are cut */
	u_int uz_slab_items;
	u_int uz_nslabs;
	uint32_t uz_flags;
	u_int uz_align;
	bool uz_sanitized;
	uint64_t uz_allocs, uz_fails;
	const char *uz_name, *uz_warning;
	struct timeval uz_warned;
	LIST_HEAD(, uma_slab) uz_slabs;
	TAILQ_ENTRY(uma_zone) uz_link;
};

static TAILQ_HEAD(, uma_zone) zones = TAILQ_HEAD_INITIALIZER(zones);

static size_t
slab_bytes(const struct uma_zone *z)
{
	return (z->uz_slab_items * z->uz_item);
}

uma_zone_t
uma_zcreate(const char *name, size_t size, uma_ctor ctor, uma_dtor dtor, uma_init init,
    uma_fini fini, int align, uint32_t flags)
{
	struct uma_zone *z = malloc(sizeof(*z), M_UMA, M_WAITOK | M_ZERO);
	size_t bytes;

	KASSERT(align >= 0 && align < 64 && powerof2(align + 1), ("%s: alignment %d", name, align));
	z->uz_name = name;
	z->uz_size = size;
	z->uz_align = (u_int)align;
	z->uz_item = roundup2(MAX(size, sizeof(void *)), (size_t)align + 1);
	z->uz_ctor = ctor;
	z->uz_dtor = dtor;
	z->uz_init = init;
	z->uz_fini = fini;
	z->uz_flags = flags;
	z->uz_sanitized = host_sanitized();
	bytes = MIN(MAX(z->uz_item * SLAB_ITEMS_MIN, SLAB_BYTES_MIN), SLAB_BYTES_MAX);
	z->uz_slab_items = (u_int)MAX(bytes / z->uz_item, 1);
	LIST_INIT(&z->uz_slabs);
	TAILQ_INSERT_TAIL(&zones, z, uz_link);
	return (z);
}

void
uma_zdestroy(uma_zone_t z)
{
	KASSERT(
	    z->uz_inuse == 0, ("%u objects of zone %s in use at its end", z->uz_inuse, z->uz_name));
	uma_zone_reclaim(z, UMA_RECLAIM_DRAIN);
	KASSERT(LIST_EMPTY(&z->uz_slabs), ("zone %s keeps slabs", z->uz_name));
	free(z->uz_stack, M_UMA);
	TAILQ_REMOVE(&zones, z, uz_link);
	free(z, M_UMA);
}

/* ---- getting objects from the host ---- */

static int
add_slab(struct uma_zone *z)
{
	u_int room = (z->uz_nslabs + 1) * z->uz_slab_items;
	struct uma_slab *slab;
	void **stack;

	stack = realloc(z->uz_stack, room * sizeof(void *), M_UMA, M_NOWAIT);
	if (stack == NULL)
		return (ENOMEM);
	z->uz_stack = stack;
	slab = malloc(sizeof(*slab), M_UMA, M_NOWAIT | M_ZERO);
	if (slab == NULL)
		return (ENOMEM);
	slab->us_mem = host_alloc(slab_bytes(z));
	if (slab->us_mem == NULL) {
		free(slab, M_UMA);
		return (ENOMEM);
	}
	LIST_INSERT_HEAD(&z->uz_slabs, slab, us_link);
	z->uz_nslabs++;
	z->uz_cutting = slab;
	return (0);
}

static int
prepare_item(struct uma_zone *z, void *item, int flags)
{
	if ((z->uz_flags & UMA_ZONE_ZINIT) != 0)
		memset(item, 0, z->uz_size);
	return (z->uz_init != NULL ? z->uz_init(item, (int)z->uz_size, flags) : 0);
}

static void *
cut_item(struct uma_zone *z, int flags)
{
	struct uma_slab *slab;
	void *item;

	if (z->uz_cutting == NULL && add_slab(z) != 0)
		return (NULL);
	slab = z->uz_cutting;
	item = slab->us_mem + slab->us_cut * z->uz_item;
	if (prepare_item(z, item, flags) != 0)
		return (NULL);
	if (++slab->us_cut == z->uz_slab_items)
		z->uz_cutting = NULL;
	return (item);
}

/* libc aligns to 16. */
static void *
sanitized_item(struct uma_zone *z, int flags)
{
	void *item = z->uz_align < 16 ? host_malloc(z->uz_size) : host_alloc(z->uz_size);

	if (item != NULL && prepare_item(z, item, flags) != 0) {
		host_mfree(item);
		return (NULL);
	}
	return (item);
}

static void
return_item(struct uma_zone *z, void *item)
{
	if (!z->uz_sanitized) {
		z->uz_stack[z->uz_nfree++] = item;
		return;
	}
	if (z->uz_fini != NULL)
		z->uz_fini(item, (int)z->uz_size);
	host_mfree(item);
}

/* ---- the interface ---- */

static __noinline void *
refuse(struct uma_zone *z, int flags, bool at_limit)
{
	static const struct timeval interval = {WARN_INTERVAL_S, 0};

	z->uz_fails++;
	if (at_limit) {
		if (z->uz_warning != NULL && ratecheck(&z->uz_warned, &interval))
			log(LOG_WARNING, "zone %s: limit of %u reached: %s\n", z->uz_name,
			    z->uz_max, z->uz_warning);
		return (NULL);
	}
	if ((flags & M_WAITOK) != 0)
		panic("zone %s: the host has no memory", z->uz_name);
	return (NULL);
}

void *
uma_zalloc_arg(uma_zone_t z, void *arg, int flags)
{
	void *item;

	if (__predict_false(z->uz_max != 0 && z->uz_inuse >= z->uz_max))
		return (refuse(z, flags, true));
	if (__predict_true(z->uz_nfree > 0))
		item = z->uz_stack[--z->uz_nfree];
	else if (z->uz_sanitized)
		item = sanitized_item(z, flags);
	else
		item = cut_item(z, flags);
	if (__predict_false(item == NULL))
		return (refuse(z, flags, false));
	if ((flags & M_ZERO) != 0)
		memset(item, 0, z->uz_size);
	if (z->uz_ctor != NULL && z->uz_ctor(item, (int)z->uz_size, arg, flags) != 0) {
		z->uz_fails++;
		return_item(z, item);
		return (NULL);
	}
	z->uz_inuse++;
	z->uz_allocs++;
	return (item);
}

void
uma_zfree_arg(uma_zone_t z, void *item, void *arg)
{
	if (item == NULL)
		return;
	KASSERT(z->uz_inuse > 0, ("zone %s: more freed than allocated", z->uz_name));
	if (z->uz_dtor != NULL)
		z->uz_dtor(item, (int)z->uz_size, arg);
	z->uz_inuse--;
	return_item(z, item);
}

int
uma_zone_set_max(uma_zone_t z, int nitems)
{
	z->uz_max = nitems > 0 ? (u_int)nitems : 0;
	return ((int)z->uz_max);
}

int
uma_zone_get_max(uma_zone_t z)
{
	return ((int)z->uz_max);
}

int
uma_zone_get_cur(uma_zone_t z)
{
	return ((int)z->uz_inuse);
}

void
uma_zone_set_warning(uma_zone_t z, const char *warning)
{
	z->uz_warning = warning;
}

uint64_t
uma_zone_get_fails(uma_zone_t z)
{
	return (z->uz_fails);
}

uint64_t
uma_zone_get_allocs(uma_zone_t z)
{
	return (z->uz_allocs);
}

int
uma_zone_get_free(uma_zone_t z)
{
	return ((int)z->uz_nfree);
}

const char *
uma_zone_name(uma_zone_t z)
{
	return (z->uz_name);
}

size_t
uma_zone_size(uma_zone_t z)
{
	return (z->uz_size);
}

void
uma_zone_foreach(void (*f)(uma_zone_t, void *), void *arg)
{
	struct uma_zone *z;

	TAILQ_FOREACH (z, &zones, uz_link)
		f(z, arg);
}

/* ---- giving memory back: slabs of which every object is free ---- */

static int
compare_slabs(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)(*(struct uma_slab *const *)a)->us_mem;
	uintptr_t y = (uintptr_t)(*(struct uma_slab *const *)b)->us_mem;

	return (x < y ? -1 : x > y);
}

/* The slab of `item` among `n` sorted by address. */
static struct uma_slab *
find_slab(struct uma_slab **sorted, u_int n, const void *item)
{
	u_int low = 0, high = n, middle;

	while (high - low > 1) {
		middle = (low + high) / 2;
		if ((uintptr_t)sorted[middle]->us_mem <= (uintptr_t)item)
			low = middle;
		else
			high = middle;
	}
	return (sorted[low]);
}

static bool
all_free(const struct uma_slab *slab)
{
	return (slab->us_free == slab->us_cut);
}

static void
drop_free_items(struct uma_zone *z, struct uma_slab **sorted, u_int n)
{
	u_int i, kept = 0;

	for (i = 0; i < z->uz_nfree; i++)
		find_slab(sorted, n, z->uz_stack[i])->us_free++;
	for (i = 0; i < z->uz_nfree; i++) {
		if (!all_free(find_slab(sorted, n, z->uz_stack[i])))
			z->uz_stack[kept++] = z->uz_stack[i];
		else if (z->uz_fini != NULL)
			z->uz_fini(z->uz_stack[i], (int)z->uz_size);
	}
	z->uz_nfree = kept;
}

void
uma_zone_reclaim(uma_zone_t z, int how __unused)
{
	struct uma_slab *slab, *next, **sorted;
	u_int n = 0;

	if (z->uz_nslabs == 0 || (z->uz_flags & UMA_ZONE_NOFREE) != 0)
		return;
	sorted = mallocarray(z->uz_nslabs, sizeof(*sorted), M_UMA, M_WAITOK);
	LIST_FOREACH (slab, &z->uz_slabs, us_link) {
		slab->us_free = 0;
		sorted[n++] = slab;
	}
	qsort(sorted, n, sizeof(*sorted), compare_slabs);
	drop_free_items(z, sorted, n);
	free(sorted, M_UMA);
	LIST_FOREACH_SAFE (slab, &z->uz_slabs, us_link, next) {
		if (!all_free(slab))
			continue;
		if (z->uz_cutting == slab)
			z->uz_cutting = NULL;
		LIST_REMOVE(slab, us_link);
		host_free(slab->us_mem, slab_bytes(z));
		free(slab, M_UMA);
		z->uz_nslabs--;
	}
}
