/* alpinectl.h - private to alpinectl*.c: a report in columns, and the printers. */
#ifndef RPC_ALPINECTL_H
#define RPC_ALPINECTL_H

#include <stdbool.h>
#include <stddef.h>

#include "rpc/client.h"

#define COLUMNS_MAX 24

/* A report (wire.h): lines of fields, found by their column's name. */
struct table {
	char *text;
	size_t len, size;
	char *columns[COLUMNS_MAX];
	unsigned ncolumns;
	char **rows; /* nrows * ncolumns fields */
	size_t nrows;
};

extern struct rpc_client ctl_client;
extern bool ctl_json;

/* alpinectl.c: these end the program when something is wrong */
void ctl_fail(const char *next, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 2, 3)));
void table_fetch(struct table *, const char *report);
const char *table_field(const struct table *, size_t row, const char *column); /* "" if none */
unsigned long long table_number(const struct table *, size_t row, const char *column);
void table_json(const struct table *);
void table_free(struct table *);

/* alpinectl_show.c */
typedef void show_fn(int argc, char **argv);
show_fn show_ifconfig, show_netstat, show_arp;

#endif
