/* refcount.h - refcount(9). */
#ifndef _SYS_REFCOUNT_H_
#define _SYS_REFCOUNT_H_
#include <sys/kassert.h>
#include <sys/types.h>
static inline void
refcount_init(volatile u_int *c, u_int v)
{
	*c = v;
}
static inline u_int
refcount_acquire(volatile u_int *c)
{
	KASSERT(*c < 0xffffffffu, ("refcount overflow"));
	return ((*c)++);
}
static inline bool
refcount_release(volatile u_int *c)
{
	KASSERT(*c > 0, ("refcount released at zero"));
	return (--*c == 0);
}
static inline u_int
refcount_load(volatile u_int *c)
{
	return (*c);
}
#endif
