/*
 * link_error.h - filling a struct link_error. Host world; for tapbridge's own files.
 */
#ifndef TAPBRIDGE_LINK_ERROR_H
#define TAPBRIDGE_LINK_ERROR_H

#include "tapbridge/link.h"

/* What failed and why, and what to type next ("": nothing to say). `le` may be NULL. */
void link_error_set(struct link_error *le, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
