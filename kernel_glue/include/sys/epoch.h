/* epoch.h - epoch(9), for code from a BSD kernel; see mutex.h. */
#ifndef _SYS_EPOCH_H_
#define _SYS_EPOCH_H_
#include <sys/types.h>
struct epoch_tracker {
	int et_unused;
};
#define NET_EPOCH_ENTER(et) ((void)(et))
#define NET_EPOCH_EXIT(et) ((void)(et))
#define NET_EPOCH_ASSERT() ((void)0)
#define NET_EPOCH_WAIT() ((void)0)
#endif
