/* malloc.h - malloc(9). M_WAITOK memory comes or the kernel panics; M_NOWAIT may be NULL. */
#ifndef _SYS_MALLOC_H_
#define _SYS_MALLOC_H_

#include <sys/types.h>
#include <sys/queue.h>

#define M_NOWAIT 0x0001
#define M_WAITOK 0x0002
#define M_ZERO 0x0100
#define M_NODUMP 0x0800

struct malloc_type {
	struct malloc_type *ks_next;
	const char *ks_shortdesc, *ks_longdesc;
	uint64_t ks_inuse;  /* allocations */
	uint64_t ks_memuse; /* bytes */
	uint64_t ks_calls, ks_fails;
	bool ks_linked;
};
#define MALLOC_DEFINE(type, shortdesc, longdesc)                                                   \
	struct malloc_type type[1] = {{.ks_shortdesc = (shortdesc), .ks_longdesc = (longdesc)}}
#define MALLOC_DECLARE(type) extern struct malloc_type type[1]

MALLOC_DECLARE(M_TEMP);
MALLOC_DECLARE(M_DEVBUF);
MALLOC_DECLARE(M_SONAME);
MALLOC_DECLARE(M_PCB);

#define malloc kern_malloc
#define free kern_free
#define realloc kern_realloc
#define reallocf kern_reallocf
#define mallocarray kern_mallocarray
#define zfree kern_zfree
#define strdup kern_strdup
void *malloc(size_t, struct malloc_type *, int flags);
void *mallocarray(size_t n, size_t size, struct malloc_type *, int flags);
void *realloc(void *, size_t, struct malloc_type *, int flags);
void *reallocf(void *, size_t, struct malloc_type *, int flags);
void free(void *, struct malloc_type *);
void zfree(void *, struct malloc_type *);
char *strdup(const char *, struct malloc_type *);
/* Every type that was ever used, for `alpinectl` and leak tests. */
void malloc_type_foreach(void (*f)(const struct malloc_type *, void *), void *arg);

#endif
