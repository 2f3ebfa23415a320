/* mutex.h - mutex(9), for code from a BSD kernel. One thread runs: a mutex only has a name. */
#ifndef _SYS_MUTEX_H_
#define _SYS_MUTEX_H_
#include <sys/lock.h>
struct mtx {
	struct lock_object lock_object;
};
#define MTX_DEF 0
#define MTX_SPIN 1
#define MTX_RECURSE 4
#define mtx_init(m, n, t, o) ((m)->lock_object.lo_name = (n))
#define mtx_destroy(m) ((void)(m))
#define mtx_lock(m) ((void)(m))
#define mtx_unlock(m) ((void)(m))
#define mtx_lock_spin(m) ((void)(m))
#define mtx_unlock_spin(m) ((void)(m))
#define mtx_trylock(m) ((void)(m), 1)
#define mtx_assert(m, w) ((void)(m))
#define mtx_owned(m) ((void)(m), 1)
#define mtx_initialized(m) ((m)->lock_object.lo_name != NULL)
#endif
