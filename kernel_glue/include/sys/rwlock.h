/* rwlock.h - rwlock(9), for code from a BSD kernel; see mutex.h. */
#ifndef _SYS_RWLOCK_H_
#define _SYS_RWLOCK_H_
#include <sys/lock.h>
struct rwlock {
	struct lock_object lock_object;
};
#define rw_init(l, n) ((l)->lock_object.lo_name = (n))
#define rw_destroy(l) ((void)(l))
#define rw_rlock(l) ((void)(l))
#define rw_runlock(l) ((void)(l))
#define rw_wlock(l) ((void)(l))
#define rw_wunlock(l) ((void)(l))
#define rw_assert(l, w) ((void)(l))
#endif
