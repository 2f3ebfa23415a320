/* time.h - clocks and conversions, microtime(9), sbinuptime: 32.32 fixed-point seconds. */
#ifndef _SYS_TIME_H_
#define _SYS_TIME_H_

#include <sys/types.h>

struct timeval {
	time_t tv_sec;
	suseconds_t tv_usec;
};
struct timespec {
	time_t tv_sec;
	long tv_nsec;
};

#define SBT_1S ((sbintime_t)1 << 32)
#define SBT_1M (SBT_1S * 60)
#define SBT_1MS (SBT_1S / 1000)
#define SBT_1US (SBT_1S / 1000000)
#define SBT_1NS (SBT_1S / 1000000000)
#define SBT_MAX INT64_MAX

static inline int64_t
sbttons(sbintime_t s)
{
	return ((int64_t)(((__int128)s * 1000000000) >> 32));
}
static inline int64_t
sbttous(sbintime_t s)
{
	return ((int64_t)(((__int128)s * 1000000) >> 32));
}
static inline int64_t
sbttoms(sbintime_t s)
{
	return ((int64_t)(((__int128)s * 1000) >> 32));
}
static inline int
sbintime_getsec(sbintime_t s)
{
	return ((int)(s >> 32));
}
/* rounded up, so that a time given in units converts back to the same number of them */
static inline sbintime_t
nstosbt(int64_t ns)
{
	return ((sbintime_t)((((__int128)ns << 32) + 999999999) / 1000000000));
}
static inline sbintime_t
ustosbt(int64_t us)
{
	return ((sbintime_t)((((__int128)us << 32) + 999999) / 1000000));
}
static inline sbintime_t
mstosbt(int64_t ms)
{
	return ((sbintime_t)((((__int128)ms << 32) + 999) / 1000));
}
static inline struct timeval
sbttotv(sbintime_t s)
{
	struct timeval tv = {s >> 32, (suseconds_t)(((uint64_t)(uint32_t)s * 1000000) >> 32)};
	return (tv);
}
static inline sbintime_t
tvtosbt(struct timeval tv)
{
	return (((sbintime_t)tv.tv_sec << 32) + ustosbt(tv.tv_usec));
}

/* Time since boot. The get forms are those of the last kern_run() turn, and cheap. */
sbintime_t sbinuptime(void);
sbintime_t getsbinuptime(void);
void microuptime(struct timeval *);
void getmicrouptime(struct timeval *);
void nanouptime(struct timespec *);
void getnanouptime(struct timespec *);
/* Time since 1970. */
void microtime(struct timeval *);
void getmicrotime(struct timeval *);
void nanotime(struct timespec *);
sbintime_t sbintime_realtime(void);
extern volatile time_t time_uptime; /* seconds, at least 1 */
extern volatile time_t time_second;
int tvtohz(struct timeval *);
/* ratecheck(9), ppsratecheck(9): 1 if the event may be acted on */
int ratecheck(struct timeval *lasttime, const struct timeval *mininterval);
int ppsratecheck(struct timeval *lasttime, int *curpps, int maxpps);
#define timevalcmp(a, b, cmp)                                                                      \
	(((a)->tv_sec == (b)->tv_sec) ? ((a)->tv_usec cmp(b)->tv_usec)                             \
				      : ((a)->tv_sec cmp(b)->tv_sec))
#define timevalclear(t) ((t)->tv_sec = (t)->tv_usec = 0)
#define timevalisset(t) ((t)->tv_sec != 0 || (t)->tv_usec != 0)

#endif
