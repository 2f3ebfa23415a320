/* arp.c - alpinectl arp, laid out as FreeBSD's arp(8) prints. */
#include <stdio.h>
#include <string.h>

#include "rpc/ctl/alpinectl.h"

void
cmd_arp(int argc, char **argv)
{
	struct table t;
	size_t row;

	(void)argc;
	(void)argv;
	table_fetch(&t, "arp");
	if (ctl_json) {
		table_json(&t);
		table_free(&t);
		return;
	}
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
