/*
 * units.c - amounts in alpine-sim's scenarios: "10ms", "1.5Gbit", "64KiB", "100p", "0.1%". Host
 * world. Whole-number arithmetic up to the last step, so that "0.1s" is 100,000,000 ns.
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "t/sim/scenario.h"

struct unit {
	const char *name;
	double factor;
};

/* A decimal number, not negative, and what stands behind it. */
static bool
split(const char *s, double *number, const char **rest)
{
	char *end;

	if (!isdigit((unsigned char)s[0]) && s[0] != '.')
		return (false);
	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		return (false);
	*number = strtod(s, &end);
	if (end == s || !isfinite(*number))
		return (false);
	while (*end == ' ')
		end++;
	*rest = end;
	return (true);
}

static bool
convert(const char *s, const struct unit *units, size_t n, bool bare, uint64_t *to)
{
	const char *rest;
	double number;
	size_t i;

	if (!split(s, &number, &rest))
		return (false);
	if (*rest == '\0' && (bare || number == 0)) {
		*to = (uint64_t)number;
		return (number == floor(number) && number < 9e18);
	}
	for (i = 0; i < n; i++)
		if (strcasecmp(rest, units[i].name) == 0) {
			number = round(number * units[i].factor);
			*to = (uint64_t)number;
			return (number < 9e18);
		}
	return (false);
}

#define CONVERT(units, bare) convert(s, units, sizeof(units) / sizeof(units[0]), bare, to)

bool
unit_time(const char *s, uint64_t *to, const char **expected)
{
	static const struct unit units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9},
	    {"min", 60e9}, {"h", 3600e9}, {"d", 86400e9}};

	*expected = "a time with its unit, as 10ms, 1.5s, 2min (ns, us, ms, s, min, h, d)";
	return (CONVERT(units, false));
}

bool
unit_rate(const char *s, uint64_t *to, const char **expected)
{
	static const struct unit units[] = {{"bit", 1}, {"kbit", 1e3}, {"Mbit", 1e6}, {"Gbit", 1e9},
	    {"bit/s", 1}, {"kbit/s", 1e3}, {"Mbit/s", 1e6}, {"Gbit/s", 1e9}, {"bps", 1},
	    {"kbps", 1e3}, {"Mbps", 1e6}, {"Gbps", 1e9}};

	*expected = "a rate in bits per second, as 10Mbit or 1Gbit (bit, kbit, Mbit, Gbit)";
	return (CONVERT(units, false));
}

static const struct unit byte_units[] = {{"B", 1}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9},
    {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024.0 * 1024 * 1024}};

bool
unit_bytes(const char *s, uint64_t *to, const char **expected)
{
	*expected = "a number of bytes, as 1500, 64kB or 1MiB (B, kB, MB, GB, KiB, MiB, GiB)";
	return (CONVERT(byte_units, true));
}

bool
unit_limit(const char *s, uint64_t *to, bool *packets, const char **expected)
{
	static const struct unit units[] = {{"p", 1}, {"packets", 1}};

	*expected = "packets or bytes, as 100p or 64kB";
	*to = 0;
	*packets = CONVERT(units, false) && *to != 0;
	return (*packets || (CONVERT(byte_units, false) && *to != 0));
}

bool
unit_prob(const char *s, uint64_t *to, const char **expected)
{
	const char *rest;
	double number;

	*expected = "a chance from 0 to 1, as 0.01 or 1%";
	if (!split(s, &number, &rest))
		return (false);
	if (strcmp(rest, "%") == 0)
		number /= 100;
	else if (*rest != '\0')
		return (false);
	*to = (uint64_t)(number * (double)SIM_PROB_ONE);
	return (number <= 1);
}

bool
unit_number(const char *s, uint64_t *to, const char **expected)
{
	char *end;

	*expected = "a whole number";
	if (!isdigit((unsigned char)s[0]))
		return (false);
	*to = strtoull(s, &end, 0);
	return (*end == '\0' && *to < INT64_MAX);
}

bool
unit_bool(const char *s, uint64_t *to, const char **expected)
{
	*expected = "yes or no";
	*to = strcasecmp(s, "yes") == 0 || strcasecmp(s, "true") == 0 || strcasecmp(s, "on") == 0;
	return (*to != 0 || strcasecmp(s, "no") == 0 || strcasecmp(s, "false") == 0 ||
		strcasecmp(s, "off") == 0);
}

bool
unit_per_time(const char *s, uint64_t *gap_ns, const char **expected)
{
	static const struct unit units[] = {
	    {"/s", 1e9}, {"/min", 60e9}, {"/h", 3600e9}, {"/ms", 1e6}};
	const char *rest;
	double number;
	size_t i;

	*expected = "so many per time, as 50/s (/ms, /s, /min, /h)";
	if (!split(s, &number, &rest) || number <= 0)
		return (false);
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcasecmp(rest, units[i].name) == 0) {
			*gap_ns = (uint64_t)round(units[i].factor / number);
			return (*gap_ns > 0);
		}
	return (false);
}
