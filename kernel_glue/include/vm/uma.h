/* uma.h - zones of equal objects, zone(9). */
#ifndef _VM_UMA_H_
#define _VM_UMA_H_

#include <sys/types.h>
#include <sys/malloc.h>

typedef struct uma_zone *uma_zone_t;
typedef int (*uma_ctor)(void *mem, int size, void *arg, int flags);
typedef void (*uma_dtor)(void *mem, int size, void *arg);
typedef int (*uma_init)(void *mem, int size, int flags);
typedef void (*uma_fini)(void *mem, int size);

#define UMA_ALIGN_PTR (sizeof(void *) - 1)
#define UMA_ALIGN_CACHE (64 - 1)
#define UMA_ZONE_ZINIT 0x0002
#define UMA_ZONE_NOFREE 0x0020

uma_zone_t uma_zcreate(const char *name, size_t size, uma_ctor, uma_dtor, uma_init, uma_fini,
    int align, uint32_t flags);
void uma_zdestroy(uma_zone_t);
/* M_NOWAIT, M_WAITOK, M_ZERO; NULL at the limit */
void *uma_zalloc_arg(uma_zone_t, void *arg, int flags);
void uma_zfree_arg(uma_zone_t, void *, void *arg);
#define uma_zalloc(z, flags) uma_zalloc_arg((z), NULL, (flags))
#define uma_zfree(z, p) uma_zfree_arg((z), (p), NULL)
int uma_zone_set_max(uma_zone_t, int nitems); /* 0: no limit; returns the limit */
int uma_zone_get_max(uma_zone_t);
int uma_zone_get_cur(uma_zone_t);		     /* objects in use */
void uma_zone_set_warning(uma_zone_t, const char *); /* logged, rate-limited, at the limit */
void uma_zone_reclaim(uma_zone_t, int how);	     /* gives cached objects back to the host */
#define UMA_RECLAIM_DRAIN 1
uint64_t uma_zone_get_fails(uma_zone_t);
uint64_t uma_zone_get_allocs(uma_zone_t);
int uma_zone_get_free(uma_zone_t); /* objects cached */
void uma_zone_foreach(void (*f)(uma_zone_t, void *), void *arg);
const char *uma_zone_name(uma_zone_t);
size_t uma_zone_size(uma_zone_t);

#endif
