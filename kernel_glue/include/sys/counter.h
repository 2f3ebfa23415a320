/* counter.h - counter(9): with one thread a counter is a number. */
#ifndef _SYS_COUNTER_H_
#define _SYS_COUNTER_H_
#include <sys/types.h>
#include <sys/malloc.h>
typedef uint64_t *counter_u64_t;
#define counter_u64_alloc(flags) ((counter_u64_t)malloc(sizeof(uint64_t), M_TEMP, (flags) | M_ZERO))
#define counter_u64_free(c) free((c), M_TEMP)
#define counter_u64_add(c, n) (*(c) += (uint64_t)(n))
#define counter_u64_fetch(c) (*(c))
#define counter_u64_zero(c) (*(c) = 0)
struct counter_rate {
	uint64_t cr_over;
	int cr_rate;
	sbintime_t cr_start;
};
/* events so far this second; -1 past `limit`; on the turn of a second, what the last one refused */
int64_t counter_ratecheck(struct counter_rate *, int64_t limit);
#endif
