/* lock.h - nothing runs beside us: locks cost nothing. */
#ifndef _SYS_LOCK_H_
#define _SYS_LOCK_H_
#include <sys/types.h>
struct lock_object {
	const char *lo_name;
};
#define LA_LOCKED 1
#define RA_WLOCKED 1
#define RA_LOCKED 1
#define MA_OWNED 1
#define SA_XLOCKED 1
#endif
