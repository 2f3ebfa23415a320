/* arp.c - alpinectl arp: FreeBSD's arp(8), the neighbours that are known. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "rpc/ctl/alpinectl.h"

static void
show(const char *only)
{
	struct table t;
	size_t row;

	table_fetch(&t, "arp");
	for (row = t.nrows; only != NULL && row-- > 0;)
		if (strcmp(only, table_field(&t, row, "address")) != 0)
			table_drop_row(&t, row);
	if (only != NULL && t.nrows == 0)
		ctl_fail("alpinectl arp -a lists those that are known", "arp: %s: no entry", only);
	if (table_as_json(&t))
		return;
	for (row = 0; row < t.nrows; row++) {
		const char *mac = table_field(&t, row, "mac"), *kind = table_field(&t, row, "kind");
		const char *expire = table_field(&t, row, "expire");

		printf("? (%s) at %s on %s", table_field(&t, row, "address"),
		    mac[0] != '\0' ? mac : "(incomplete)", table_field(&t, row, "netif"));
		if (strcmp(kind, "dynamic") == 0 && expire[0] != '-')
			printf(" expires in %s seconds", expire);
		else
			printf(" permanent");
		printf(" [ethernet]\n");
	}
	table_free(&t);
}

/* ---- changes ---- */

#define USAGE "usage: alpinectl arp -a | HOST | -s HOST MAC [temp] [pub] | -d HOST | -d -a"

static void
explain(const char *host, int error)
{
	if (error == ENOENT)
		ctl_fail("alpinectl arp -a lists those that are known", "arp: %s: no entry", host);
	if (error == ENETUNREACH)
		ctl_fail("alpinectl ifconfig lists our networks",
		    "arp: %s is not on a network of ours", host);
	if (error == EINVAL)
		ctl_fail(
		    "", "arp: %s: our own address, or not a neighbour's Ethernet address", host);
	ctl_check(error, "arp");
}

static void
set(int argc, char **argv)
{
	bool temp = false, pub = false;
	char host[16];
	unsigned b[6];
	int i, error, end = 0;

	if (argc < 2)
		ctl_fail(USAGE, "arp -s wants a host and an Ethernet address");
	address_text(address_arg("arp", argv[0]), host);
	if (sscanf(argv[1], "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		&end) != 6 ||
	    argv[1][end] != '\0')
		ctl_fail(
		    "write it as 02:00:00:00:00:01", "arp: %s is not an Ethernet address", argv[1]);
	for (i = 2; i < argc; i++) {
		if (strcmp(argv[i], "temp") == 0)
			temp = true;
		else if (strcmp(argv[i], "pub") == 0)
			pub = true;
		else
			ctl_fail(USAGE, "arp: no such word: %s", argv[i]);
	}
	error = ctl_change(NULL, "arp set address=%s mac=%02x:%02x:%02x:%02x:%02x:%02x%s%s", host,
	    b[0], b[1], b[2], b[3], b[4], b[5], temp ? " temp" : "", pub ? " pub" : "");
	if (error != 0)
		explain(host, error);
}

static void
forget(const char *text)
{
	char host[16];
	int error;

	address_text(address_arg("arp", text), host);
	error = ctl_change(NULL, "arp delete address=%s", host);
	if (error != 0)
		explain(host, error);
	ctl_note("%s (%s) deleted\n", host, host);
}

void
cmd_arp(int argc, char **argv)
{
	bool all = false, remove = false, add = false;
	char host[16];
	const char *s;
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++)
		for (s = argv[i] + 1; *s != '\0'; s++) {
			if (*s == 'a')
				all = true;
			else if (*s == 'd')
				remove = true;
			else if (*s == 's' || *s == 'S')
				add = true;
			else if (*s != 'n')
				ctl_fail(USAGE, "arp: no such option: -%c", *s);
		}
	argc -= i;
	argv += i;
	if (add) {
		set(argc, argv);
	} else if (remove && all) {
		ctl_check(ctl_change(NULL, "arp flush"), "arp");
	} else if (remove) {
		if (argc != 1)
			ctl_fail(USAGE, "arp -d wants a host");
		forget(argv[0]);
	} else {
		if (argc > 1)
			ctl_fail(USAGE, "arp: no such word: %s", argv[1]);
		show(argc == 1 ? address_text(address_arg("arp", argv[0]), host) : NULL);
	}
}
