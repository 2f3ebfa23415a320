/* libkern.h - strings, memory, bits, randomness inside the kernel. */
#ifndef _SYS_LIBKERN_H_
#define _SYS_LIBKERN_H_

#include <sys/types.h>

/* The compiler knows these; their out-of-line bodies are libc's. */
void *memcpy(void *restrict, const void *restrict, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
void *memchr(const void *, int, size_t);
size_t strlen(const char *);
size_t strnlen(const char *, size_t);
int strcmp(const char *, const char *);
int strncmp(const char *, const char *, size_t);
int strcasecmp(const char *, const char *);
char *strchr(const char *, int);
char *strrchr(const char *, int);
char *strstr(const char *, const char *);
#define bcopy(s, d, n) ((void)memmove((d), (s), (n)))
#define bzero(d, n) ((void)memset((d), 0, (n)))
#define bcmp(a, b, n) memcmp((a), (b), (n))
void explicit_bzero(void *, size_t);

#define strlcpy kern_strlcpy
#define strlcat kern_strlcat
#define strtoul kern_strtoul
#define strtol kern_strtol
#define qsort kern_qsort
#define arc4random kern_arc4random
#define arc4random_uniform kern_arc4random_uniform
#define arc4random_buf kern_arc4random_buf
#define random kern_random
size_t strlcpy(char *, const char *, size_t);
size_t strlcat(char *, const char *, size_t);
unsigned long strtoul(const char *, char **, int);
long strtol(const char *, char **, int);
void qsort(void *, size_t, size_t, int (*)(const void *, const void *));
uint32_t arc4random(void);
uint32_t arc4random_uniform(uint32_t upper);
void arc4random_buf(void *, size_t);
void arc4rand(void *, u_int len, int reseed);
u_long random(void);
#define read_random(p, n) (arc4random_buf((p), (n)), (n))

/* clang-format off */
static inline int imax(int a, int b) { return (a > b ? a : b); }
static inline int imin(int a, int b) { return (a < b ? a : b); }
static inline u_int max(u_int a, u_int b) { return (a > b ? a : b); }
static inline u_int min(u_int a, u_int b) { return (a < b ? a : b); }
static inline long lmax(long a, long b) { return (a > b ? a : b); }
static inline long lmin(long a, long b) { return (a < b ? a : b); }
static inline u_long ulmax(u_long a, u_long b) { return (a > b ? a : b); }
static inline u_long ulmin(u_long a, u_long b) { return (a < b ? a : b); }
/* clang-format on */
#define ffs(x) __builtin_ffs(x)
#define ffsl(x) __builtin_ffsl(x)
#define ffsll(x) __builtin_ffsll(x)
#define fls(x) ((x) == 0 ? 0 : 32 - __builtin_clz((unsigned)(x)))
#define flsl(x) ((x) == 0 ? 0 : 64 - __builtin_clzl((unsigned long)(x)))
#define flsll(x) ((x) == 0 ? 0 : 64 - __builtin_clzll((unsigned long long)(x)))
#define bitcount32(x) __builtin_popcount(x)
#define ilog2(x) (fls(x) - 1)
#define abs(x) __builtin_abs(x)
/* printf's %D has no place here; ntoa helpers stand beside the protocols */

#endif
