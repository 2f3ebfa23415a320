/* netstat.c - alpinectl netstat, laid out as FreeBSD's netstat(1) prints. Formats reports. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "rpc/ctl/alpinectl.h"

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
cmd_netstat(int argc, char **argv)
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
