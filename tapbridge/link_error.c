/*
 * link_error.c - what tapbridge's functions say when they fail. Host world.
 */
#include <stdarg.h>
#include <stdio.h>

#include "tapbridge/link_error.h"

void
link_error_set(struct link_error *le, const char *hint, const char *fmt, ...)
{
	va_list ap;

	if (le == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(le->text, sizeof(le->text), fmt, ap);
	va_end(ap);
	snprintf(le->hint, sizeof(le->hint), "%s", hint);
}
