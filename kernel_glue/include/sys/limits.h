/* limits.h - the compiler's limits. */
#ifndef ALPINE_SYS_LIMITS_H
#define ALPINE_SYS_LIMITS_H
#define CHAR_BIT 8
#define SHRT_MAX __SHRT_MAX__
#define USHRT_MAX 65535
#define INT_MAX __INT_MAX__
#define INT_MIN (-INT_MAX - 1)
#define UINT_MAX (__INT_MAX__ * 2U + 1)
#define LONG_MAX __LONG_MAX__
#define LONG_MIN (-LONG_MAX - 1)
#define ULONG_MAX (__LONG_MAX__ * 2UL + 1)
#endif
