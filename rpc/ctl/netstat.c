/* netstat.c - alpinectl netstat: reports, laid out as FreeBSD's netstat(1) prints. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rpc/ctl/alpinectl.h"

static void
print_endpoint(const char *host, const char *port)
{
	char both[64];

	snprintf(both, sizeof(both), "%s.%s", host, port);
	printf(" %-21s", both);
}

/* What -p takes: the whole name, or the first letters of tcp4, udp4 and icm4. */
static void
check_protocol(const char *proto)
{
	static const char *const known[] = {"tcp", "tcp4", "udp", "udp4", "icm", "icm4", "icmp"};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(proto, known[i]) == 0)
			return;
	ctl_fail("one of tcp, udp, icmp", "netstat: -p %s has no sockets", proto);
}

static void
netstat_sockets(bool all, const char *proto)
{
	struct table t;
	size_t row;

	if (proto != NULL) {
		check_protocol(proto);
		proto = strcmp(proto, "icmp") == 0 ? "icm" : proto;
	}
	table_fetch(&t, "sockets");
	for (row = t.nrows; row-- > 0;)
		if ((proto != NULL &&
			strncmp(proto, table_field(&t, row, "proto"), strlen(proto)) != 0) ||
		    (!all && strcmp(table_field(&t, row, "foreign"), "*") == 0))
			table_drop_row(&t, row);
	if (table_as_json(&t))
		return;
	printf("Active Internet connections%s\n", all ? " (including servers)" : "");
	printf("%-5s %6s %6s %-21s %-21s %s\n", "Proto", "Recv-Q", "Send-Q", "Local Address",
	    "Foreign Address", "(state)");
	for (row = 0; row < t.nrows; row++) {
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
	if (table_as_json(&t))
		return;
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
netstat_interfaces(const char *only)
{
	const char *last = "", *name, *addr;
	char net[32];
	struct table t;
	size_t row;

	table_fetch(&t, "interfaces");
	for (row = t.nrows; only != NULL && row-- > 0;)
		if (strcmp(table_field(&t, row, "name"), only) != 0)
			table_drop_row(&t, row);
	if (only != NULL && t.nrows == 0)
		ctl_fail("alpinectl ifconfig lists them", "interface %s does not exist", only);
	if (table_as_json(&t))
		return;
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
	int error;

	snprintf(request, sizeof(request), "stats%s%s", proto != NULL ? " " : "",
	    proto != NULL ? proto : "");
	error = table_ask(&t, request);
	if (error == EPROTONOSUPPORT)
		ctl_fail("one of tcp, udp, ip, icmp, igmp, arp", "netstat: -p %s has no counters",
		    proto);
	ctl_check(error, request);
	if (table_as_json(&t))
		return;
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
	if (table_as_json(&t))
		return;
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

/* ---- netstat -w: what goes through, second after second ---- */

struct traffic {
	unsigned long long ipackets, ierrors, idrops, ibytes, opackets, oerrors, obytes, collisions;
};

static struct traffic
traffic(const char *ifname)
{
	struct traffic sum = {0};
	const char *name, *last = "";
	struct table t;
	size_t row, found = 0;

	table_fetch(&t, "interfaces");
	for (row = 0; row < t.nrows; row++) {
		name = table_field(&t, row, "name");
		if (strcmp(name, last) == 0)
			continue; /* another address of it */
		last = name;
		if (ifname != NULL && strcmp(name, ifname) != 0)
			continue;
		found++;
		sum.ipackets += table_number(&t, row, "ipackets");
		sum.ierrors += table_number(&t, row, "ierrors");
		sum.idrops += table_number(&t, row, "idrops");
		sum.ibytes += table_number(&t, row, "ibytes");
		sum.opackets += table_number(&t, row, "opackets");
		sum.oerrors += table_number(&t, row, "oerrors");
		sum.obytes += table_number(&t, row, "obytes");
		sum.collisions += table_number(&t, row, "collisions");
	}
	table_free(&t);
	if (found == 0)
		ctl_fail("alpinectl ifconfig lists them", "interface %s does not exist", ifname);
	return (sum);
}

static void
print_traffic(const struct traffic *a, const struct traffic *b)
{
	const char *form = ctl_json ? "{\"ipackets\": %llu, \"ierrors\": %llu, \"idrops\": %llu, "
				      "\"ibytes\": %llu, \"opackets\": %llu, \"oerrors\": %llu, "
				      "\"obytes\": %llu, \"collisions\": %llu}\n"
				    : "%10llu %5llu %5llu %10llu %10llu %5llu %10llu %5llu\n";

	printf(form, b->ipackets - a->ipackets, b->ierrors - a->ierrors, b->idrops - a->idrops,
	    b->ibytes - a->ibytes, b->opackets - a->opackets, b->oerrors - a->oerrors,
	    b->obytes - a->obytes, b->collisions - a->collisions);
	fflush(stdout);
}

/* times 0: until interrupted */
static void
netstat_live(const char *ifname, double seconds, unsigned long times)
{
	struct timespec wait = {.tv_sec = (time_t)seconds,
	    .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
	struct traffic last = traffic(ifname), now;
	unsigned long i;

	for (i = 0; times == 0 || i < times; i++) {
		if (!ctl_json && i % 20 == 0)
			printf("%18s %14s %18s\n%10s %5s %5s %10s %10s %5s %10s %5s\n", "input",
			    ifname != NULL ? ifname : "(Total)", "output", "packets", "errs",
			    "idrops", "bytes", "packets", "errs", "bytes", "colls");
		(void)nanosleep(&wait, NULL);
		now = traffic(ifname);
		print_traffic(&last, &now);
		last = now;
	}
}

struct netstat_options {
	char mode; /* r i s m, or 0: sockets */
	bool all;
	const char *proto, *ifname;
	double wait; /* seconds; 0: no live view */
	unsigned long times;
};

/* The value of an option letter: the rest of its word, or the next word. */
static const char *
option_value(const char *s, int argc, char **argv, int *i)
{
	if (s[1] != '\0')
		return (s + 1);
	if (*i + 1 >= argc)
		ctl_fail("type: alpinectl --help", "netstat: -%c wants a value", *s);
	return (argv[++*i]);
}

static double
seconds_arg(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= 0.1 && value <= 86400))
		ctl_fail("", "netstat: -w %s is not a number of seconds from 0.1 to 86400", text);
	return (value);
}

/* False: the rest of this word was an option's value. */
static bool
netstat_option(struct netstat_options *o, const char *s, int argc, char **argv, int *i)
{
	switch (*s) {
	case 'a':
		o->all = true;
		return (true);
	case 'p':
		o->proto = option_value(s, argc, argv, i);
		return (false);
	case 'I':
		o->ifname = option_value(s, argc, argv, i);
		return (false);
	case 'w':
		o->wait = seconds_arg(option_value(s, argc, argv, i));
		return (false);
	case 'q':
		o->times =
		    number_arg("netstat", "count", option_value(s, argc, argv, i), 1, 1000000);
		return (false);
	case 'r':
	case 'i':
	case 's':
	case 'm':
		o->mode = *s;
		return (true);
	case 'n':
	case 'b':
	case 'W':
		return (true);
	default:
		ctl_fail("type: alpinectl --help", "netstat: no such option: -%c", *s);
	}
}

void
cmd_netstat(int argc, char **argv)
{
	struct netstat_options o = {.mode = '\0'};
	const char *s;
	int i;

	for (i = 1; i < argc; i++) {
		if (argv[i][0] != '-')
			ctl_fail("type: alpinectl --help", "netstat: no such word: %s", argv[i]);
		for (s = argv[i] + 1; *s != '\0'; s++)
			if (!netstat_option(&o, s, argc, argv, &i))
				break;
	}
	if (o.wait > 0)
		netstat_live(o.ifname, o.wait, o.times);
	else if (o.mode == 's')
		netstat_stats(o.proto);
	else if (o.mode == 'r')
		netstat_routes();
	else if (o.mode == 'i' || o.ifname != NULL)
		netstat_interfaces(o.ifname);
	else if (o.mode == 'm')
		netstat_memory();
	else
		netstat_sockets(o.all, o.proto);
}
