/*
 * stdlib.h - what the kernel environment takes from libc, by names of its own. Neutral.
 * Implemented by host_stdlib.c and host_memory.c.
 */
#ifndef HOST_STDLIB_H
#define HOST_STDLIB_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
int host_vsnprintf(char *, size_t, const char *, va_list);
void host_qsort(void *, size_t n, size_t size, int (*cmp)(const void *, const void *));
int host_strtoll(const char *, int base, int64_t *out); /* 0, or non-zero: not a whole number */
int host_strtoull(const char *, int base, uint64_t *out);
void *host_malloc(size_t); /* libc's; for sanitized builds and small things */
void host_mfree(void *);
size_t host_msize(void *); /* bytes usable; exactly what was asked for if sanitized */
bool host_sanitized(void); /* built with ASan: every object gets its own allocation */
#endif
