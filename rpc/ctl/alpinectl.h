/* alpinectl.h - private to alpinectl: a report in columns, JSON, and the commands. */
#ifndef RPC_CTL_ALPINECTL_H
#define RPC_CTL_ALPINECTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
extern const char *ctl_target; /* whom -n or --socket named */

/* table.c: these end the program when something is wrong */
void ctl_fail(const char *next, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 2, 3)));
void ctl_check(int error, const char *what);		    /* what the client library answered */
int ctl_collect(void *table, const char *text, size_t len); /* an rpc_sink: appends */
/* Asks for a change (wire.h): 0 or the errno; EPERM and what says no more ends the program. */
int ctl_change(struct table *answer, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ctl_note(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* unless --json */
void table_fetch(struct table *, const char *report);
int table_ask(struct table *, const char *report); /* 0 or the errno */
void table_cut(struct table *);			   /* what was collected into it */
const char *table_field(const struct table *, size_t row, const char *column); /* "" if none */
unsigned long long table_number(const struct table *, size_t row, const char *column);
void table_drop_row(struct table *, size_t row);       /* as if it had not come */
bool table_as_json(struct table *);		       /* with --json: printed and freed */
void table_json_row(const struct table *, size_t row); /* a line of its own */
void table_free(struct table *);
void print_pairs(char *text); /* lines of name, tab, value; cut in place */
void json_string(const char *);
void json_value(const char *); /* a number if it looks like one */

/* The commands: alpinectl.c has their list, a file each what they do. */
typedef void command_fn(int argc, char **argv);
command_fn cmd_ifconfig, cmd_route, cmd_netstat, cmd_arp, cmd_ping, cmd_doctor, cmd_tcpdrop,
    cmd_tcplog;

/* args.c: an IPv4 address or network of the command line; they end the program for a bad one */
struct network {
	uint32_t addr; /* host order, cut to the prefix by network_arg() */
	int prefix;
	bool host;     /* written without a prefix */
	char text[24]; /* ADDR or ADDR/PREFIX */
};
uint32_t address_arg(const char *command, const char *text);
void network_arg(const char *command, const char *text, struct network *);
int prefix_of_mask(uint32_t mask); /* -1: it has holes */
const char *address_text(uint32_t addr, char buf[16]);
unsigned long number_arg(
    const char *command, const char *what, const char *text, unsigned long min, unsigned long max);

#endif
