/*
 * bsd_tcplog.c - the kernel world's door to TCP's log, for tcplog.c. Owns nothing.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <netinet/tcp_log.h>

#include "rpc/bsd/bsd_var.h"
#include "rpc/server/tcplog.h"

_Static_assert(BSD_TCPLOG_LINE_MAX >= TCP_LOG_LINE_MAX, "a line fits");

int
bsd_tcplog_start(const char *words, void (*ready)(void *), char *why, size_t whysize)
{
	struct tcp_log_config config;
	int error = tcp_log_parse(words, &config, why, whysize);

	if (error != 0)
		return (bsd_errno_to_linux(error));
	config.ready = ready;
	config.arg = NULL;
	return (bsd_errno_to_linux(tcp_log_start(&config)));
}

void
bsd_tcplog_stop(void)
{
	tcp_log_stop();
}

void
bsd_tcplog_free(void)
{
	tcp_log_free();
}

size_t
bsd_tcplog_read(char *buf, size_t size)
{
	return (tcp_log_read(buf, size));
}

void
bsd_tcplog_status(struct bsd_tcplog_status *s)
{
	struct tcp_log_status now;

	tcp_log_status(&now);
	*s = (struct bsd_tcplog_status){.on = now.on,
	    .records = now.records,
	    .dropped = now.dropped,
	    .waiting = now.waiting,
	    .size = now.size};
}
