/*
 * kern_malloc.c - malloc(9): libc's memory, counted by type.
 *
 * Before each allocation lies its size and type, which free() checks. A sanitized build has no such
 * header: there the object is libc's own allocation, whose both ends AddressSanitizer watches.
 * Owns the list of types. Read as text at kern.malloc_stats.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/systm.h>

#include <host/host.h>
#include <host/stdlib.h>

#undef malloc
#undef free
#undef realloc

MALLOC_DEFINE(M_TEMP, "temp", "misc temporary data buffers");
MALLOC_DEFINE(M_DEVBUF, "devbuf", "device driver memory");
MALLOC_DEFINE(M_SONAME, "soname", "socket names");
MALLOC_DEFINE(M_PCB, "pcb", "protocol control blocks");

struct malloc_header {
	size_t size;
	struct malloc_type *type;
};
CTASSERT(sizeof(struct malloc_header) == 16); /* keeps libc's alignment */

static struct malloc_type *types;

static void
count_alloc(struct malloc_type *type, size_t size)
{
	if (!type->ks_linked) {
		type->ks_linked = true;
		type->ks_next = types;
		types = type;
	}
	type->ks_calls++;
	type->ks_inuse++;
	type->ks_memuse += size;
}

static void
count_free(struct malloc_type *type, size_t size)
{
	KASSERT(type->ks_inuse > 0 && type->ks_memuse >= size,
	    ("free: more memory of type %s than was allocated", type->ks_shortdesc));
	type->ks_inuse--;
	type->ks_memuse -= size;
}

static struct malloc_header *
header_of(void *p, struct malloc_type *type)
{
	struct malloc_header *h = (struct malloc_header *)p - 1;

	KASSERT(h->type == type, ("free: %p is not of type %s", p, type->ks_shortdesc));
	return (h);
}

static size_t
size_of(void *p, struct malloc_type *type)
{
	return (host_sanitized() ? host_msize(p) : header_of(p, type)->size);
}

static void *
get_memory(size_t size, struct malloc_type *type)
{
	struct malloc_header *h;
	void *p;

	if (size > SIZE_MAX / 2)
		return (NULL);
	if (host_sanitized()) {
		p = host_malloc(MAX(size, 1));
		if (p != NULL)
			count_alloc(type, host_msize(p));
		return (p);
	}
	h = host_malloc(sizeof(*h) + size);
	if (h == NULL)
		return (NULL);
	h->size = size;
	h->type = type;
	count_alloc(type, size);
	return (h + 1);
}

void *
kern_malloc(size_t size, struct malloc_type *type, int flags)
{
	void *p = get_memory(size, type);

	if (__predict_false(p == NULL)) {
		type->ks_fails++;
		if ((flags & M_WAITOK) != 0)
			panic("malloc: the host has no %zu bytes for %s", size, type->ks_shortdesc);
		return (NULL);
	}
	if ((flags & M_ZERO) != 0)
		memset(p, 0, size);
	return (p);
}

void
kern_free(void *p, struct malloc_type *type)
{
	struct malloc_header *h;

	if (p == NULL)
		return;
	count_free(type, size_of(p, type));
	if (host_sanitized()) {
		host_mfree(p);
		return;
	}
	h = header_of(p, type);
	h->type = NULL; /* a second free() finds the wrong type */
	host_mfree(h);
}

void *
mallocarray(size_t n, size_t size, struct malloc_type *type, int flags)
{
	if (size != 0 && n > SIZE_MAX / size) {
		if ((flags & M_WAITOK) != 0)
			panic(
			    "mallocarray: %zu times %zu bytes for %s", n, size, type->ks_shortdesc);
		return (NULL);
	}
	return (kern_malloc(n * size, type, flags));
}

void *
kern_realloc(void *old, size_t size, struct malloc_type *type, int flags)
{
	size_t old_size;
	void *p;

	if (old == NULL)
		return (kern_malloc(size, type, flags));
	old_size = size_of(old, type);
	p = kern_malloc(size, type, flags);
	if (p == NULL)
		return (NULL);
	memcpy(p, old, MIN(old_size, size));
	kern_free(old, type);
	return (p);
}

void *
reallocf(void *old, size_t size, struct malloc_type *type, int flags)
{
	void *p = kern_realloc(old, size, type, flags);

	if (p == NULL)
		kern_free(old, type);
	return (p);
}

void
zfree(void *p, struct malloc_type *type)
{
	if (p == NULL)
		return;
	explicit_bzero(p, size_of(p, type));
	kern_free(p, type);
}

char *
strdup(const char *s, struct malloc_type *type)
{
	size_t size = strlen(s) + 1;
	char *copy = kern_malloc(size, type, M_WAITOK);

	memcpy(copy, s, size);
	return (copy);
}

void
malloc_type_foreach(void (*f)(const struct malloc_type *, void *), void *arg)
{
	struct malloc_type *type;

	for (type = types; type != NULL; type = type->ks_next)
		f(type, arg);
}
