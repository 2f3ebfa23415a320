/*
 * pd_flags.c - the flags that packetdrill hands over as one string, KEY=VALUE with commas
 * between: README.md lists them. Owns nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/packetdrill/pd_host.h"

/* packetdrill's own defaults: --local_ip 192.168.0.1, --gateway_ip 192.168.0.2, a /16 */
static const struct pd_flags defaults = {
    .addr = {192, 168, 0, 1},
    .gateway = {0, 0, 0, 0},
    .prefix = 16,
    .mtu = 1500,
};

static int
number(const char *s, uint64_t lo, uint64_t hi, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(s, &end, 0);
	return (errno == 0 && end != s && *end == '\0' && *s != '-' && *out >= lo && *out <= hi
		    ? 0
		    : -1);
}

static int
take_addr(struct pd_flags *f, char *s)
{
	char *slash = strchr(s, '/');
	uint64_t plen = 16;

	if (slash != NULL) {
		*slash = '\0';
		if (number(slash + 1, 1, 30, &plen) != 0)
			return (-1);
	}
	f->prefix = (int)plen;
	return (inet_pton(AF_INET, s, f->addr) == 1 ? 0 : -1);
}

static int
take_clock(struct pd_flags *f, const char *s)
{
	f->real_clock = strcmp(s, "real") == 0;
	return (f->real_clock || strcmp(s, "virtual") == 0 ? 0 : -1);
}

static int
take_buffers(struct pd_flags *f, const char *s)
{
	f->linux_buffers = strcmp(s, "linux") == 0;
	return (f->linux_buffers || strcmp(s, "bsd") == 0 ? 0 : -1);
}

/* NAME:VALUE or NAME=VALUE */
static int
take_sysctl(struct pd_flags *f, char *s)
{
	char *sep = strpbrk(s, ":=");
	size_t used = 0, len = strlen(s) + 1;

	if (sep == NULL || sep == s)
		return (-1);
	*sep = '=';
	while (f->sysctls[used] != '\0')
		used += strlen(f->sysctls + used) + 1;
	if (used + len + 1 > sizeof(f->sysctls))
		return (-1);
	memcpy(f->sysctls + used, s, len);
	return (0);
}

static int
take(struct pd_flags *f, const char *key, char *value)
{
	uint64_t n = 0;
	int error = 0;

	if (strcmp(key, "addr") == 0)
		return (take_addr(f, value));
	if (strcmp(key, "gateway") == 0)
		return (inet_pton(AF_INET, value, f->gateway) == 1 ? 0 : -1);
	if (strcmp(key, "clock") == 0)
		return (take_clock(f, value));
	if (strcmp(key, "buffers") == 0)
		return (take_buffers(f, value));
	if (strcmp(key, "sysctl") == 0)
		return (take_sysctl(f, value));
	if (strcmp(key, "mtu") == 0) {
		error = number(value, 72, 65535, &n);
		f->mtu = (uint32_t)n;
	} else if (strcmp(key, "wait") == 0) {
		error = number(value, 1, 1000000, &n);
		f->wait_s = (unsigned)n;
	} else if (strcmp(key, "seed") == 0) {
		error = number(value, 0, UINT64_MAX, &f->seed);
		f->seeded = true;
	} else if (strcmp(key, "path") == 0) {
		error = number(value, 0, 1, &n);
		f->keep_path = n == 0;
	} else if (strcmp(key, "patch") == 0) {
		error = number(value, 0, 1, &n);
		f->no_patch = n == 0;
	} else {
		return (-2);
	}
	return (error);
}

/* The first host of the network that is not ourselves. */
static void
choose_gateway(struct pd_flags *f)
{
	uint32_t addr, gw;

	memcpy(&addr, f->addr, sizeof(addr));
	addr = ntohl(addr);
	gw = (addr & ~0u << (32 - f->prefix)) + 1;
	if (gw == addr)
		gw++;
	gw = htonl(gw);
	memcpy(f->gateway, &gw, sizeof(gw));
}

/* ---- what packetdrill itself was told, and does not hand over ---- */

static void
take_hint(struct pd_flags *f, const char *option)
{
	uint64_t n;
	char value[64];

	if (strncmp(option, "--mtu=", 6) == 0) {
		snprintf(
		    value, sizeof(value), "%.*s", (int)strcspn(option + 6, " \t\r\n"), option + 6);
		if (number(value, 72, 65535, &n) == 0)
			f->mtu = (uint32_t)n;
	} else if (strncmp(option, "--local_ip=", 11) == 0) {
		snprintf(value, sizeof(value), "%.*s", (int)strcspn(option + 11, " \t\r\n"),
		    option + 11);
		(void)inet_pton(AF_INET, value, f->addr);
	}
}

/* A script's options stand before its first event, one on a line. */
static void
hints_of_script(struct pd_flags *f, const char *path)
{
	FILE *in = fopen(path, "re");
	char line[512], *at;

	while (in != NULL && fgets(line, sizeof(line), in) != NULL) {
		at = line + strspn(line, " \t");
		if (strncmp(at, "--", 2) == 0)
			take_hint(f, at);
		else if (*at >= '0' && *at <= '9')
			break;
	}
	if (in != NULL)
		fclose(in);
}

/* With several scripts it is not known which one runs: then the command line alone counts. */
static void
hints(struct pd_flags *f)
{
	char text[8192] = "", *arg, *script = NULL;
	FILE *in = fopen("/proc/self/cmdline", "re");
	int scripts = 0;
	size_t n;

	if (in == NULL)
		return;
	n = fread(text, 1, sizeof(text) - 1, in);
	fclose(in);
	arg = text + strlen(text) + 1;
	for (; arg < text + n; arg += strlen(arg) + 1) {
		if (arg[0] == '-') {
			take_hint(f, arg);
		} else if (strlen(arg) > 4 && strcmp(arg + strlen(arg) - 4, ".pkt") == 0) {
			script = arg;
			scripts++;
		}
	}
	if (scripts == 1)
		hints_of_script(f, script);
}

int
pd_flags_parse(const char *text, struct pd_flags *f, char *why, size_t size)
{
	char copy[4096], *item, *save = NULL, *value;
	int error;

	*f = defaults;
	hints(f);
	if (text == NULL)
		text = "";
	if (strlen(text) >= sizeof(copy)) {
		snprintf(why, size, "the flags are longer than %zu bytes", sizeof(copy) - 1);
		return (-1);
	}
	snprintf(copy, sizeof(copy), "%s", text);
	for (item = strtok_r(copy, ",", &save); item != NULL; item = strtok_r(NULL, ",", &save)) {
		value = strchr(item, '=');
		if (value == NULL) {
			snprintf(why, size, "'%s' is not KEY=VALUE", item);
			return (-1);
		}
		*value++ = '\0';
		error = take(f, item, value);
		if (error == -2)
			snprintf(why, size,
			    "no flag '%s': addr, gateway, mtu, clock, wait, seed, buffers, sysctl, "
			    "path and patch are known",
			    item);
		else if (error != 0)
			snprintf(why, size, "%s=%s is not possible", item, value);
		if (error != 0)
			return (-1);
	}
	if (f->gateway[0] == 0)
		choose_gateway(f);
	return (0);
}
