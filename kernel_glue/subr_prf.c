/*
 * subr_prf.c - printf(9), log(9), panic(9). Text goes to the host's log line by line.
 * Owns the line that printf() has not ended yet.
 */
#include <sys/param.h>
#include <sys/systm.h>

#include <host/host.h>
#include <host/stdlib.h>

#define LINE_BYTES 1024

static char unfinished[LINE_BYTES];
static size_t unfinished_len;

int
vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	return (host_vsnprintf(buf, size, fmt, ap));
}

int
snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = host_vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return (n);
}

static void
flush_line(int priority)
{
	unfinished[unfinished_len] = '\0';
	unfinished_len = 0;
	host_log(priority, unfinished);
}

static void
put_text(int priority, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n') {
			flush_line(priority);
			continue;
		}
		if (unfinished_len == sizeof(unfinished) - 1)
			flush_line(priority);
		unfinished[unfinished_len++] = *text;
	}
}

int
vprintf(const char *fmt, va_list ap)
{
	char text[LINE_BYTES];
	int n = host_vsnprintf(text, sizeof(text), fmt, ap);

	put_text(LOG_INFO, text);
	return (n);
}

int
printf(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vprintf(fmt, ap);
	va_end(ap);
	return (n);
}

/* Each call is a whole line, with or without its newline. */
void
vlog(int priority, const char *fmt, va_list ap)
{
	char text[LINE_BYTES];

	host_vsnprintf(text, sizeof(text), fmt, ap);
	if (unfinished_len > 0)
		flush_line(LOG_INFO);
	put_text(priority, text);
	if (unfinished_len > 0)
		flush_line(priority);
}

void
log(int priority, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(priority, fmt, ap);
	va_end(ap);
}

void
panic(const char *fmt, ...)
{
	char why[LINE_BYTES];
	va_list ap;
	int n;

	n = snprintf(why, sizeof(why), "panic: ");
	va_start(ap, fmt);
	host_vsnprintf(why + n, sizeof(why) - (size_t)n, fmt, ap);
	va_end(ap);
	host_abort(why);
}
