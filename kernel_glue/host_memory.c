/*
 * host_memory.c - memory for malloc(9) and UMA: pages from mmap, small things from libc.
 * Built with AddressSanitizer every request is a libc allocation, which it watches.
 */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel_glue/include/host/host.h"
#include "kernel_glue/include/host/stdlib.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#define HOST_PAGE ((size_t)4096)
#define HOST_ALIGN ((size_t)64)

bool
host_sanitized(void)
{
	return (SANITIZED);
}

void *
host_alloc(size_t size)
{
	void *p;

	if (size == 0 || size > SIZE_MAX / 2)
		return (NULL);
	if (SANITIZED) {
		/* posix_memalign, not aligned_alloc: the size need not be a multiple. */
		if (posix_memalign(&p, HOST_ALIGN, size) != 0)
			return (NULL);
		memset(p, 0, size);
		return (p);
	}
	size = (size + HOST_PAGE - 1) & ~(HOST_PAGE - 1);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return (p == MAP_FAILED ? NULL : p);
}

void
host_free(void *p, size_t size)
{
	if (p == NULL)
		return;
	if (SANITIZED) {
		free(p);
		return;
	}
	if (munmap(p, (size + HOST_PAGE - 1) & ~(HOST_PAGE - 1)) != 0)
		host_abort("munmap failed: memory freed twice or with a wrong size");
}

void *
host_malloc(size_t size)
{
	return (malloc(size));
}

void
host_mfree(void *p)
{
	free(p);
}

size_t
host_msize(void *p)
{
	return (malloc_usable_size(p));
}
