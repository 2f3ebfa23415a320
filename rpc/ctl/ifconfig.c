/* ifconfig.c - alpinectl ifconfig, laid out as FreeBSD's ifconfig(8) prints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/ctl/alpinectl.h"

/* BSD's IFF_ bits and the names that ifconfig(8) gives them. */
static const struct {
	unsigned bit;
	const char *name;
} if_flags[] =
    {
	{0x1, "UP"},
	{0x2, "BROADCAST"},
	{0x4, "DEBUG"},
	{0x8, "LOOPBACK"},
	{0x10, "POINTOPOINT"},
	{0x40, "RUNNING"},
	{0x80, "NOARP"},
	{0x100, "PROMISC"},
	{0x200, "ALLMULTI"},
	{0x400, "OACTIVE"},
	{0x800, "SIMPLEX"},
	{0x8000, "MULTICAST"},
},
  if_options[] = {
      {0x1, "RXCSUM"},
      {0x2, "TXCSUM"},
      {0x100, "TSO4"},
      {0x200, "TSO6"},
      {0x400, "LRO"},
      {0x200000, "RXCSUM_IPV6"},
      {0x400000, "TXCSUM_IPV6"},
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void
print_options(unsigned options)
{
	const char *sep = "";
	size_t i;

	if (options == 0)
		return;
	printf("\toptions=%x<", options);
	for (i = 0; i < COUNT(if_options); i++)
		if ((options & if_options[i].bit) != 0) {
			printf("%s%s", sep, if_options[i].name);
			sep = ",";
		}
	printf(">\n");
}

static void
print_interface(const struct table *t, size_t row)
{
	unsigned flags = (unsigned)strtoul(table_field(t, row, "flags"), NULL, 16);
	const char *sep = "", *mac = table_field(t, row, "mac");
	size_t i;

	printf("%s: flags=%x<", table_field(t, row, "name"), flags);
	for (i = 0; i < COUNT(if_flags); i++)
		if ((flags & if_flags[i].bit) != 0) {
			printf("%s%s", sep, if_flags[i].name);
			sep = ",";
		}
	printf("> metric %s mtu %s\n", table_field(t, row, "metric"), table_field(t, row, "mtu"));
	print_options((unsigned)strtoul(table_field(t, row, "options"), NULL, 16));
	if (mac[0] != '\0')
		printf("\tether %s\n", mac);
}

static void
print_inet(const struct table *t, size_t row)
{
	unsigned prefix = (unsigned)table_number(t, row, "prefix");
	const char *bcast = table_field(t, row, "broadcast");

	if (table_field(t, row, "address")[0] == '\0')
		return;
	printf("\tinet %s netmask 0x%08x", table_field(t, row, "address"),
	    prefix == 0 ? 0 : 0xffffffffu << (32 - prefix));
	if (bcast[0] != '\0')
		printf(" broadcast %s", bcast);
	printf("\n");
}

static void
print_media(const struct table *t, size_t row)
{
	unsigned long long link = table_number(t, row, "link");

	if (table_field(t, row, "mac")[0] == '\0')
		return;
	printf("\tmedia: Ethernet autoselect\n\tstatus: %s\n", link == 2   ? "active"
							       : link == 1 ? "no carrier"
									   : "unknown");
}

void
cmd_ifconfig(int argc, char **argv)
{
	const char *name, *last = "";
	struct table t;
	size_t row, shown = 0;

	table_fetch(&t, "interfaces");
	if (ctl_json) {
		table_json(&t);
		table_free(&t);
		return;
	}
	for (row = 0; row < t.nrows; row++) {
		name = table_field(&t, row, "name");
		if (argc > 1 && argv[1][0] != '-' && strcmp(argv[1], name) != 0)
			continue;
		if (strcmp(name, last) != 0)
			print_interface(&t, row);
		print_inet(&t, row);
		if (row + 1 == t.nrows || strcmp(name, table_field(&t, row + 1, "name")) != 0)
			print_media(&t, row);
		last = name;
		shown++;
	}
	if (shown == 0 && argc > 1)
		ctl_fail("alpinectl ifconfig lists them", "interface %s does not exist", argv[1]);
	table_free(&t);
}
