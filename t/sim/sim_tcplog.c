/*
 * sim_tcplog.c - TCP's log of all stacks of a simulation. Virtual time waits for the reader, so
 * nothing is dropped: each record is read as soon as it is made. Kernel world.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <netinet/tcp_log.h>

#include "t/sim/tcplog.h"

static void (*write_text)(const char *, size_t);

static void
ready(void *arg __unused)
{
	static char text[2 * TCP_LOG_LINE_MAX];
	size_t n;

	while ((n = tcp_log_read(text, sizeof(text))) > 0)
		write_text(text, n);
}

bool
sim_tcplog_start(const char *words, void (*write)(const char *, size_t), char *why, size_t size)
{
	struct tcp_log_config config;

	if (tcp_log_parse(words, &config, why, size) != 0)
		return (false);
	config.ready = ready;
	config.arg = NULL;
	write_text = write;
	if (tcp_log_start(&config) != 0) {
		strlcpy(why, "no memory for its records", size);
		return (false);
	}
	return (true);
}

void
sim_tcplog_stop(void)
{
	ready(NULL); /* at least the names of the columns */
	tcp_log_stop();
	tcp_log_free();
}
