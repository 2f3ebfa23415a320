/*
 * host_stdlib.c - what the kernel environment takes from libc, by names of its own: formatting,
 * sorting, numbers.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_glue/include/host/stdlib.h"

int
host_vsnprintf(char *buf, size_t len, const char *fmt, va_list ap)
{
	return (vsnprintf(buf, len, fmt, ap));
}

void
host_qsort(void *base, size_t n, size_t size, int (*cmp)(const void *, const void *))
{
	qsort(base, n, size, cmp);
}

/* After the number only white space may stand. */
static bool
only_space(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return (*p == '\0');
}

int
host_strtoll(const char *text, int base, int64_t *out)
{
	char *end;
	long long value;

	errno = 0;
	value = strtoll(text, &end, base);
	if (end == text || !only_space(end))
		return (EINVAL);
	if (errno != 0)
		return (errno);
	*out = value;
	return (0);
}

/* strtoull() takes "-1" for the largest number; here it is none. */
int
host_strtoull(const char *text, int base, uint64_t *out)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, base);
	if (end == text || !only_space(end) || memchr(text, '-', (size_t)(end - text)) != NULL)
		return (EINVAL);
	if (errno != 0)
		return (errno);
	*out = value;
	return (0);
}
