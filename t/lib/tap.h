/*
 * tap.h - checks that print TAP for prove. Neutral: kernel-world and host-world tests use it.
 * A test's main() makes checks and ends with `return (tap_done());`.
 */
#ifndef T_LIB_TAP_H
#define T_LIB_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each prints one line "ok N - name" or "not ok N - name" with a diagnosis; returns the verdict. */
bool tap_ok(bool cond, const char *file, int line, const char *fmt, ...)
    __attribute__((format(__printf__, 4, 5)));
bool tap_is_int(long long got, long long want, const char *file, int line, const char *fmt, ...)
    __attribute__((format(__printf__, 5, 6)));
bool tap_is_str(const char *got, const char *want, const char *file, int line, const char *fmt, ...)
    __attribute__((format(__printf__, 5, 6)));
bool tap_is_mem(const void *got, const void *want, size_t len, const char *file, int line,
    const char *fmt, ...) __attribute__((format(__printf__, 6, 7)));

#define ok(cond, ...) tap_ok((cond) ? true : false, __FILE__, __LINE__, __VA_ARGS__)
#define is_int(got, want, ...)                                                                     \
	tap_is_int((long long)(got), (long long)(want), __FILE__, __LINE__, __VA_ARGS__)
#define is_str(got, want, ...) tap_is_str((got), (want), __FILE__, __LINE__, __VA_ARGS__)
#define is_mem(got, want, len, ...)                                                                \
	tap_is_mem((got), (want), (len), __FILE__, __LINE__, __VA_ARGS__)

void tap_diag(const char *fmt, ...) __attribute__((format(__printf__, 1, 2)));
int tap_done(void);			  /* prints the plan; 0 if every check held, else 1 */
int tap_skip_all(const char *reason);	  /* instead of any check: prints the plan; returns 0 */
_Noreturn void tap_bail(const char *why); /* the test cannot go on */

#endif
