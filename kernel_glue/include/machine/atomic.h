/* atomic.h - atomic(9) for code from a BSD kernel: with one thread, plain arithmetic. */
#ifndef _MACHINE_ATOMIC_H_
#define _MACHINE_ATOMIC_H_
#include <sys/types.h>
#define atomic_add_int(p, v) (*(p) += (v))
#define atomic_subtract_int(p, v) (*(p) -= (v))
#define atomic_fetchadd_int(p, v) ((*(p) += (v)) - (v))
#define atomic_load_int(p) (*(p))
#define atomic_store_int(p, v) (*(p) = (v))
#define atomic_load_ptr(p) (*(p))
#define atomic_add_long(p, v) (*(p) += (v))
#define atomic_add_64(p, v) (*(p) += (v))
#endif
