/*
 * subr_libkern.c - small functions of <sys/libkern.h>: strings, numbers, randomness, sorting.
 */
#include <sys/param.h>
#include <sys/systm.h>

#include <host/host.h>
#include <host/stdlib.h>

size_t
strlcpy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src), n;

	if (size > 0) {
		n = MIN(len, size - 1);
		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return (len);
}

size_t
strlcat(char *dst, const char *src, size_t size)
{
	size_t have = strnlen(dst, size);

	if (have == size)
		return (size + strlen(src));
	return (have + strlcpy(dst + have, src, size - have));
}

static int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'z')
		return (c - 'a' + 10);
	if (c >= 'A' && c <= 'Z')
		return (c - 'A' + 10);
	return (INT_MAX);
}

static const char *
skip_prefix(const char *p, int *base)
{
	bool hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X') && digit_value(p[2]) < 16;

	if (hex && (*base == 0 || *base == 16)) {
		*base = 16;
		return (p + 2);
	}
	if (*base == 0)
		*base = p[0] == '0' ? 8 : 10;
	return (p);
}

/* The size of a number with its sign apart, ULONG_MAX if too large. */
static unsigned long
parse_number(const char *text, char **end, int base, bool *negative)
{
	const char *p = text, *digits;
	unsigned long value = 0;
	bool overflow = false;

	while (*p == ' ' || (*p >= '\t' && *p <= '\r'))
		p++;
	*negative = *p == '-';
	if (*p == '-' || *p == '+')
		p++;
	digits = p = skip_prefix(p, &base);
	for (; digit_value(*p) < base; p++)
		if (__builtin_mul_overflow(value, (unsigned long)base, &value) ||
		    __builtin_add_overflow(value, (unsigned long)digit_value(*p), &value))
			overflow = true;
	if (end != NULL)
		*end = __DECONST(char *, p == digits ? text : p);
	return (overflow ? ULONG_MAX : value);
}

unsigned long
strtoul(const char *text, char **end, int base)
{
	bool negative;
	unsigned long value = parse_number(text, end, base, &negative);

	return (negative && value != ULONG_MAX ? -value : value);
}

long
strtol(const char *text, char **end, int base)
{
	bool negative;
	unsigned long value = parse_number(text, end, base, &negative);

	if (negative)
		return (value > LONG_MAX ? LONG_MIN : -(long)value);
	return (value > LONG_MAX ? LONG_MAX : (long)value);
}

void
qsort(void *base, size_t n, size_t size, int (*cmp)(const void *, const void *))
{
	if (n > 1)
		host_qsort(base, n, size, cmp);
}

/* ---- randomness ---- */

void
arc4random_buf(void *buf, size_t len)
{
	host_random_bytes(buf, len);
}

void
arc4rand(void *buf, u_int len, int reseed __unused)
{
	host_random_bytes(buf, len);
}

uint32_t
arc4random(void)
{
	uint32_t r;

	host_random_bytes(&r, sizeof(r));
	return (r);
}

/* Even for every bound: what would favour the small numbers is drawn again. */
uint32_t
arc4random_uniform(uint32_t upper)
{
	uint32_t r, uneven;

	if (upper < 2)
		return (0);
	uneven = -upper % upper;
	do {
		r = arc4random();
	} while (r < uneven);
	return (r % upper);
}

u_long
random(void)
{
	return (arc4random() & 0x7fffffff);
}
