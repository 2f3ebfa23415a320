/*
 * tap.c - the Test Anything Protocol on stdout. Owns the count of checks. Host world.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/lib/tap.h"

static int checks, failures;

static void
result(bool good, const char *file, int line, const char *fmt, va_list ap)
{
	checks++;
	printf("%sok %d - ", good ? "" : "not ", checks);
	vprintf(fmt, ap);
	putchar('\n');
	if (!good) {
		failures++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
}

bool
tap_ok(bool cond, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	result(cond, file, line, fmt, ap);
	va_end(ap);
	return (cond);
}

bool
tap_is_int(long long got, long long want, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	result(got == want, file, line, fmt, ap);
	va_end(ap);
	if (got != want)
		tap_diag("got %lld, want %lld", got, want);
	return (got == want);
}

bool
tap_is_str(const char *got, const char *want, const char *file, int line, const char *fmt, ...)
{
	bool same = got == want || (got != NULL && want != NULL && strcmp(got, want) == 0);
	va_list ap;

	va_start(ap, fmt);
	result(same, file, line, fmt, ap);
	va_end(ap);
	if (!same) {
		tap_diag("got  \"%s\"", got != NULL ? got : "(null)");
		tap_diag("want \"%s\"", want != NULL ? want : "(null)");
	}
	return (same);
}

bool
tap_is_mem(
    const void *got, const void *want, size_t len, const char *file, int line, const char *fmt, ...)
{
	const unsigned char *g = got, *w = want;
	size_t at = 0;
	va_list ap;

	while (at < len && g[at] == w[at])
		at++;
	va_start(ap, fmt);
	result(at == len, file, line, fmt, ap);
	va_end(ap);
	if (at < len)
		tap_diag("byte %zu of %zu: got 0x%02x, want 0x%02x", at, len, g[at], w[at]);
	return (at == len);
}

void
tap_diag(const char *fmt, ...)
{
	va_list ap;

	fputs("# ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

int
tap_done(void)
{
	printf("1..%d\n", checks);
	if (failures > 0)
		tap_diag("%d of %d checks failed", failures, checks);
	fflush(stdout);
	return (failures > 0 || checks == 0 ? 1 : 0);
}

int
tap_skip_all(const char *reason)
{
	printf("1..0 # SKIP %s\n", reason);
	fflush(stdout);
	return (0);
}

void
tap_bail(const char *why)
{
	printf("Bail out! %s\n", why);
	fflush(stdout);
	exit(255);
}
