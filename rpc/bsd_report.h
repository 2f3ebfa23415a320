/* bsd_report.h - private to bsd_report.c and bsd_counters.c: a report that is being written. */
#ifndef RPC_BSD_REPORT_H
#define RPC_BSD_REPORT_H

#include <sys/types.h>

#include "rpc/bsd_var.h"

struct report {
	bsd_emit_fn *emit;
	void *arg;
};
void report_line(struct report *, const char *fmt, ...) __printflike(2, 3); /* adds the newline */
int report_stats(struct report *, const char *proto);

#endif
