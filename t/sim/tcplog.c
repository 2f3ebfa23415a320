/*
 * tcplog.c - the file of alpine-sim --tcplog. Host world.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/sim/tcplog.h"

static FILE *out;
static const char *name;

static void
fail(const char *why)
{
	fprintf(stderr, "alpine-sim: --tcplog %s: %s\n", name, why);
	exit(1);
}

static void
put(const char *text, size_t len)
{
	if (fwrite(text, 1, len, out) != len)
		fail(strerror(errno));
}

void
tcplog_open(const char *file, const char *words)
{
	const char *dot = strrchr(file, '.');
	char all[256], why[128];

	name = file;
	snprintf(all, sizeof(all), "%s%s",
	    dot != NULL && strcmp(dot, ".jsonl") == 0 ? "format=jsonl " : "", words);
	out = fopen(file, "we");
	if (out == NULL)
		fail(strerror(errno));
	if (!sim_tcplog_start(all, put, why, sizeof(why)))
		fail(why);
}

void
tcplog_close(void)
{
	if (out == NULL)
		return;
	sim_tcplog_stop();
	if (fclose(out) != 0)
		fail(strerror(errno));
	out = NULL;
}
