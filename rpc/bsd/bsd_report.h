/* bsd_report.h - private to rpc/bsd/bsd_*.c: a report that is being written. */
#ifndef RPC_BSD_REPORT_H
#define RPC_BSD_REPORT_H

#include <sys/types.h>

#include "rpc/bsd/bsd_var.h"

struct report {
	bsd_emit_fn *emit;
	void *arg;
};
void report_line(struct report *, const char *fmt, ...) __printflike(2, 3); /* adds the newline */
#define ROUTE_FLAGS_MAX 16
struct rtentry;
const char *report_route_flags(int rte_flags, char buf[ROUTE_FLAGS_MAX]); /* "UGS" */
int report_prefix(const struct rtentry *);
int report_stats(struct report *, const char *proto);
int report_proc(struct report *, const char *file); /* a file of /proc/net */

#endif
