/* sx.h - sx(9), for code from a BSD kernel; see mutex.h. */
#ifndef _SYS_SX_H_
#define _SYS_SX_H_
#include <sys/lock.h>
struct sx {
	struct lock_object lock_object;
};
#define sx_init(l, n) ((l)->lock_object.lo_name = (n))
#define sx_destroy(l) ((void)(l))
#define sx_slock(l) ((void)(l))
#define sx_sunlock(l) ((void)(l))
#define sx_xlock(l) ((void)(l))
#define sx_xunlock(l) ((void)(l))
#define sx_assert(l, w) ((void)(l))
#endif
