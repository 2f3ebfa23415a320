/*
 * tcpdrop.c - alpinectl tcpdrop: FreeBSD's tcpdrop(8). Ends connections of the stack; the peer
 * gets a reset, the program ECONNABORTED.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "rpc/ctl/alpinectl.h"

#define USAGE "usage: alpinectl tcpdrop LADDR LPORT FADDR FPORT | -a [-s STATE] [-l]"

static int
drop(const char *local, const char *lport, const char *foreign, const char *fport)
{
	int error = ctl_change(
	    NULL, "tcp drop local=%s lport=%s foreign=%s fport=%s", local, lport, foreign, fport);

	if (error == 0)
		ctl_note("%s %s %s %s: dropped\n", local, lport, foreign, fport);
	return (error);
}

/* As netstat prints them, in either case; a state that no connection can have ends the program. */
static const char *
state_arg(const char *text)
{
	static const char *const states[] = {"SYN_SENT", "SYN_RCVD", "ESTABLISHED", "CLOSE_WAIT",
	    "FIN_WAIT_1", "CLOSING", "LAST_ACK", "FIN_WAIT_2", "TIME_WAIT"};
	size_t i;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (strcasecmp(text, states[i]) == 0)
			return (states[i]);
	ctl_fail("one of SYN_SENT SYN_RCVD ESTABLISHED CLOSE_WAIT FIN_WAIT_1 CLOSING LAST_ACK "
		 "FIN_WAIT_2 TIME_WAIT",
	    "tcpdrop: no connection can be in state %s", text);
}

/* Listeners stay: they are no connections. */
static void
drop_all(const char *state, bool list)
{
	struct table t;
	size_t row;
	int error;

	table_fetch(&t, "sockets");
	for (row = 0; row < t.nrows; row++) {
		const char *local = table_field(&t, row, "local"),
			   *lport = table_field(&t, row, "lport");
		const char *foreign = table_field(&t, row, "foreign"),
			   *fport = table_field(&t, row, "fport");

		if (strcmp(table_field(&t, row, "proto"), "tcp4") != 0 ||
		    strcmp(foreign, "*") == 0 ||
		    (state != NULL && strcmp(state, table_field(&t, row, "state")) != 0))
			continue;
		if (list) {
			printf("tcpdrop %s %s %s %s\n", local, lport, foreign, fport);
			continue;
		}
		error = drop(local, lport, foreign, fport);
		if (error != ESRCH) /* it has ended by itself meanwhile */
			ctl_check(error, "tcpdrop");
	}
	table_free(&t);
}

static bool
connection(char **argv)
{
	char local[16], foreign[16];
	int error;

	address_text(address_arg("tcpdrop", argv[0]), local);
	address_text(address_arg("tcpdrop", argv[2]), foreign);
	number_arg("tcpdrop", "port", argv[1], 1, 65535);
	number_arg("tcpdrop", "port", argv[3], 1, 65535);
	error = drop(local, argv[1], foreign, argv[3]);
	if (error == ESRCH)
		return (false);
	ctl_check(error, "tcpdrop");
	return (true);
}

void
cmd_tcpdrop(int argc, char **argv)
{
	const char *state = NULL;
	bool all = false, list = false;
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "-a") == 0)
			all = true;
		else if (strcmp(argv[i], "-l") == 0)
			list = true;
		else if (strcmp(argv[i], "-s") == 0 && i + 1 < argc)
			state = state_arg(argv[++i]);
		else
			ctl_fail(USAGE, "tcpdrop: no such option: %s", argv[i]);
	}
	if (all && i == argc)
		drop_all(state, list);
	else if (!all && argc - i == 4) {
		if (!connection(argv + i))
			ctl_fail("alpinectl netstat -n lists them", "tcpdrop: no such connection");
	} else
		ctl_fail(USAGE, "tcpdrop: %s",
		    argc == i ? "which connection?" : "four words are wanted");
}
