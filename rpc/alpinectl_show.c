/*
 * alpinectl_show.c - ifconfig, netstat and arp, laid out as FreeBSD's print.
 * Pure formatting of reports (wire.h, RPC_CTL_REPORT).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/alpinectl.h"

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

/* ---- ifconfig ---- */

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
show_ifconfig(int argc, char **argv)
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

/* ---- netstat ---- */

static void
print_endpoint(const char *host, const char *port)
{
	char both[64];

	snprintf(both, sizeof(both), "%s.%s", host, port);
	printf(" %-21s", both);
}

static void
netstat_sockets(bool all)
{
	struct table t;
	size_t row;

	table_fetch(&t, "sockets");
	if (ctl_json) {
		table_json(&t);
		table_free(&t);
		return;
	}
	printf("Active Internet connections%s\n", all ? " (including servers)" : "");
	printf("%-5s %6s %6s %-21s %-21s %s\n", "Proto", "Recv-Q", "Send-Q", "Local Address",
	    "Foreign Address", "(state)");
	for (row = 0; row < t.nrows; row++) {
		if (!all && strcmp(table_field(&t, row, "foreign"), "*") == 0)
			continue;
		printf("%-5s %6s %6s", table_field(&t, row, "proto"), table_field(&t, row, "recvq"),
		    table_field(&t, row, "sendq"));
		print_endpoint(table_field(&t, row, "local"), table_field(&t, row, "lport"));
		print_endpoint(table_field(&t, row, "foreign"), table_field(&t, row, "fport"));
		printf(" %s\n", table_field(&t, row, "state"));
	}
	table_free(&t);
}

static void
route_name(const struct table *t, size_t row, char *buf, size_t size)
{
	const char *dst = table_field(t, row, "destination"),
		   *prefix = table_field(t, row, "prefix");

	if (strcmp(dst, "0.0.0.0") == 0 && strcmp(prefix, "0") == 0)
		snprintf(buf, size, "default");
	else if (strchr(table_field(t, row, "flags"), 'H') != NULL)
		snprintf(buf, size, "%s", dst);
	else
		snprintf(buf, size, "%s/%s", dst, prefix);
}

static void
netstat_routes(void)
{
	struct table t;
	char name[64];
	size_t row;

	table_fetch(&t, "routes");
	if (ctl_json) {
		table_json(&t);
		table_free(&t);
		return;
	}
	printf("Routing tables\n\nInternet:\n%-18s %-18s %-9s %8s %6s %8s %6s\n", "Destination",
	    "Gateway", "Flags", "Use", "Mtu", "Netif", "Expire");
	for (row = 0; row < t.nrows; row++) {
		const char *expire = table_field(&t, row, "expire");

		route_name(&t, row, name, sizeof(name));
		printf("%-18s %-18s %-9s %8s %6s %8s %6s\n", name, table_field(&t, row, "gateway"),
		    table_field(&t, row, "flags"), table_field(&t, row, "use"),
		    table_field(&t, row, "mtu"), table_field(&t, row, "netif"),
		    strcmp(expire, "0") == 0 ? "" : expire);
	}
	table_free(&t);
}

static void
interface_counters(const struct table *t, size_t row)
{
	printf(" %10s %5s %5s %12s %10s %5s %12s %5s\n", table_field(t, row, "ipackets"),
	    table_field(t, row, "ierrors"), table_field(t, row, "idrops"),
	    table_field(t, row, "ibytes"), table_field(t, row, "opackets"),
	    table_field(t, row, "oerrors"), table_field(t, row, "obytes"),
	    table_field(t, row, "collisions"));
}

static const char *
network_of(const struct table *t, size_t row, char *buf, size_t size)
{
	unsigned a[4], prefix = (unsigned)table_number(t, row, "prefix"), net;

	if (sscanf(table_field(t, row, "address"), "%u.%u.%u.%u", &a[0], &a[1], &a[2], &a[3]) != 4)
		return ("");
	net = (a[0] << 24 | a[1] << 16 | a[2] << 8 | a[3]) &
	      (prefix == 0 ? 0 : 0xffffffffu << (32 - prefix));
	snprintf(buf, size, "%u.%u.%u.%u/%u", net >> 24, net >> 16 & 255, net >> 8 & 255, net & 255,
	    prefix);
	return (buf);
}

static void
netstat_interfaces(void)
{
	const char *last = "", *name, *addr;
	char net[32];
	struct table t;
	size_t row;

	table_fetch(&t, "interfaces");
	if (ctl_json) {
		table_json(&t);
		table_free(&t);
		return;
	}
	printf("%-8s %5s %-18s %-18s %10s %5s %5s %12s %10s %5s %12s %5s\n", "Name", "Mtu",
	    "Network", "Address", "Ipkts", "Ierrs", "Idrop", "Ibytes", "Opkts", "Oerrs", "Obytes",
	    "Coll");
	for (row = 0; row < t.nrows; row++) {
		name = table_field(&t, row, "name");
		addr = table_field(&t, row, "address");
		if (strcmp(name, last) != 0) {
			printf("%-8s %5s %-18s %-18s", name, table_field(&t, row, "mtu"), "<Link>",
			    table_field(&t, row, "mac"));
			interface_counters(&t, row);
		}
		if (addr[0] != '\0')
			printf("%-8s %5s %-18s %s\n", name, "-",
			    network_of(&t, row, net, sizeof(net)), addr);
		last = name;
	}
	table_free(&t);
}

/* %s in a counter's text is the plural's s, %y stands for y or ies. */
static void
print_counted(unsigned long long value, const char *text)
{
	printf("%llu ", value);
	for (; *text != '\0'; text++) {
		if (text[0] == '%' && text[1] == 's') {
			fputs(value == 1 ? "" : "s", stdout);
			text++;
		} else if (text[0] == '%' && text[1] == 'y') {
			fputs(value == 1 ? "y" : "ies", stdout);
			text++;
		} else {
			putchar(*text);
		}
	}
	putchar('\n');
}

static void
netstat_stats(const char *proto)
{
	char request[64];
	const char *last = "", *name;
	struct table t;
	size_t row;

	snprintf(request, sizeof(request), "stats%s%s", proto != NULL ? " " : "",
	    proto != NULL ? proto : "");
	table_fetch(&t, request);
	if (ctl_json) {
		table_json(&t);
		table_free(&t);
		return;
	}
	for (row = 0; row < t.nrows; row++) {
		name = table_field(&t, row, "protocol");
		if (strcmp(name, last) != 0)
			printf("%s:\n", name);
		last = name;
		fputs(table_number(&t, row, "indent") > 0 ? "\t\t" : "\t", stdout);
		print_counted(table_number(&t, row, "value"), table_field(&t, row, "text"));
	}
	table_free(&t);
}

static void
netstat_memory(void)
{
	const char *name, *max;
	struct table t;
	size_t row;

	table_fetch(&t, "mbufs");
	if (ctl_json) {
		table_json(&t);
		table_free(&t);
		return;
	}
	for (row = 0; row < t.nrows; row++) {
		name = table_field(&t, row, "name");
		max = table_field(&t, row, "max");
		if (strcmp(name, "bytes") == 0)
			printf("%lluK bytes allocated to network\n",
			    table_number(&t, row, "used") / 1024);
		else if (strcmp(name, "denied") == 0)
			printf("%s requests for mbufs denied\n", table_field(&t, row, "used"));
		else
			printf("%s/%s %s in use (current/max)\n", table_field(&t, row, "used"),
			    strcmp(max, "0") == 0 ? "-" : max, name);
	}
	table_free(&t);
}

void
show_netstat(int argc, char **argv)
{
	const char *proto = NULL, *s;
	char mode = '\0';
	bool all = false;
	int i;

	for (i = 1; i < argc; i++) {
		if (argv[i][0] != '-')
			ctl_fail("type: alpinectl --help", "netstat: what is %s?", argv[i]);
		for (s = argv[i] + 1; *s != '\0'; s++) {
			if (*s == 'a') {
				all = true;
			} else if (*s == 'p') {
				proto = s[1] != '\0' ? s + 1 : ++i < argc ? argv[i] : NULL;
				if (proto == NULL)
					ctl_fail("", "netstat: -p wants a protocol");
				break;
			} else if (strchr("rism", *s) != NULL) {
				mode = *s;
			} else if (*s != 'n' && *s != 'b' && *s != 'W') {
				ctl_fail(
				    "type: alpinectl --help", "netstat: no such option: -%c", *s);
			}
		}
	}
	if (mode == 's')
		netstat_stats(proto);
	else if (mode == 'r')
		netstat_routes();
	else if (mode == 'i')
		netstat_interfaces();
	else if (mode == 'm')
		netstat_memory();
	else
		netstat_sockets(all);
}

/* ---- arp ---- */

void
show_arp(int argc, char **argv)
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
