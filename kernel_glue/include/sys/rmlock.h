/* rmlock.h - rmlock(9), for code from a BSD kernel; see mutex.h. */
#ifndef _SYS_RMLOCK_H_
#define _SYS_RMLOCK_H_
#include <sys/lock.h>
struct rmlock {
	struct lock_object lock_object;
};
struct rm_priotracker {
	int rmp_unused;
};
#define rm_init(l, n) ((l)->lock_object.lo_name = (n))
#define rm_destroy(l) ((void)(l))
#define rm_rlock(l, t) ((void)(l), (void)(t))
#define rm_runlock(l, t) ((void)(l), (void)(t))
#define rm_wlock(l) ((void)(l))
#define rm_wunlock(l) ((void)(l))
#endif
