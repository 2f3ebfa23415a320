/*
 * host_log.c - where log lines go, and how the process ends when the stack cannot go on.
 * Owns the installed log function.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_glue/include/host/host.h"

static void
log_to_stderr(int priority, const char *line)
{
	size_t len = strlen(line);

	(void)priority;
	while (len > 0 && line[len - 1] == '\n')
		len--;
	fprintf(stderr, "alpined: %.*s\n", (int)len, line);
}

static host_log_fn *log_fn = log_to_stderr;

void
host_log_set(host_log_fn *fn)
{
	log_fn = fn != NULL ? fn : log_to_stderr;
}

void
host_log(int priority, const char *line)
{
	log_fn(priority, line);
}

/* Always on stderr as well: a log function may be what broke. */
void
host_abort(const char *why)
{
	fflush(stdout);
	log_to_stderr(0, why);
	if (log_fn != log_to_stderr)
		log_fn(0, why);
	abort();
}
