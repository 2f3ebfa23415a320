/*
 * route.c - alpinectl route: FreeBSD's route(8). Its words become a request (wire.h,
 * RPC_CTL_CHANGE); answers are laid out as route(8) prints them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rpc/ctl/alpinectl.h"

#define USAGE "type: alpinectl route -h"

static const char route_help[] =
    "usage: alpinectl route [-n] COMMAND [ARG...]\n"
    "\n"
    "  add DESTINATION GATEWAY [OPTION...]     a new route\n"
    "  change DESTINATION [GATEWAY] [OPTION...]\n"
    "  delete DESTINATION [GATEWAY]\n"
    "  get ADDRESS                             which one a packet takes\n"
    "  show                                    all of them, as netstat -rn\n"
    "  flush                                   delete those with a gateway or made by hand\n"
    "  monitor                                 what changes, as it happens\n"
    "\n"
    "DESTINATION is default, ADDRESS, NETWORK/PREFIX; -net NETWORK [-netmask MASK], -host "
    "ADDRESS.\n"
    "GATEWAY is an address, or -interface IFACE (-iface) for what is reached directly.\n"
    "Options: -ifp IFACE, -mtu BYTES, -expire SECONDS, -reject, -blackhole, -static, -proto1,\n"
    "-proto2. See alpinectl(8).\n";

struct request {
	const char *verb;
	struct network dst;
	bool have_dst, is_net, is_host;
	char gateway[16];
	const char *ifp, *mtu, *expire;
	char flags[64];
};

static const char *
next_arg(int argc, char **argv, int *i)
{
	if (*i + 1 >= argc)
		ctl_fail(USAGE, "route: %s wants a value", argv[*i]);
	return (argv[++*i]);
}

static void
add_flag(struct request *r, const char *flag)
{
	size_t len = strlen(r->flags);

	snprintf(r->flags + len, sizeof(r->flags) - len, " %s", flag);
}

static void
netmask(struct request *r, const char *text)
{
	char name[16];
	int prefix = prefix_of_mask(address_arg("route", text));

	if (!r->have_dst)
		ctl_fail(USAGE, "route: the netmask comes before its network");
	if (prefix < 0)
		ctl_fail("", "route: netmask %s has holes", text);
	r->dst.prefix = prefix;
	r->dst.host = false;
	r->dst.addr &= prefix == 0 ? 0 : 0xffffffffu << (32 - prefix);
	snprintf(
	    r->dst.text, sizeof(r->dst.text), "%s/%d", address_text(r->dst.addr, name), prefix);
}

static void
option(struct request *r, int argc, char **argv, int *i)
{
	const char *o = argv[*i] + 1;
	char name[16];

	if (strcmp(o, "net") == 0)
		r->is_net = true;
	else if (strcmp(o, "host") == 0)
		r->is_host = true;
	else if (strcmp(o, "inet") == 0 || strcmp(o, "n") == 0 || strcmp(o, "q") == 0 ||
		 strcmp(o, "static") == 0)
		; /* as it is anyway */
	else if (strcmp(o, "inet6") == 0)
		ctl_fail("leave it out", "route: IPv6 is not there yet");
	else if (strcmp(o, "netmask") == 0)
		netmask(r, next_arg(argc, argv, i));
	else if (strcmp(o, "prefixlen") == 0)
		netmask(r,
		    address_text(number_arg("route", "prefix", next_arg(argc, argv, i), 0, 32) == 0
				     ? 0
				     : 0xffffffffu << (32 - atoi(argv[*i])),
			name));
	else if (strcmp(o, "gateway") == 0)
		address_text(address_arg("route", next_arg(argc, argv, i)), r->gateway);
	else if (strcmp(o, "ifp") == 0 || strcmp(o, "interface") == 0 || strcmp(o, "iface") == 0)
		r->ifp = next_arg(argc, argv, i);
	else if (strcmp(o, "mtu") == 0) {
		r->mtu = next_arg(argc, argv, i);
		number_arg("route", "mtu", r->mtu, 72, 65535);
	} else if (strcmp(o, "expire") == 0) {
		r->expire = next_arg(argc, argv, i);
		number_arg("route", "expire", r->expire, 1, 1073741823);
	} else if (strcmp(o, "reject") == 0 || strcmp(o, "blackhole") == 0 ||
		   strcmp(o, "proto1") == 0 || strcmp(o, "proto2") == 0)
		add_flag(r, o);
	else if (strcmp(o, "noreject") == 0 || strcmp(o, "noblackhole") == 0)
		add_flag(r, "plain");
	else
		ctl_fail(USAGE, "route: no such option: %s", argv[*i]);
}

static void
destination(struct request *r, const char *text)
{
	char full[40];
	int dots = 0;
	const char *s;

	/* -net 10.1 is 10.1/16: a byte for each part that is written */
	if (r->is_net && strchr(text, '/') == NULL && strcmp(text, "default") != 0) {
		for (s = text; *s != '\0'; s++)
			dots += *s == '.';
		snprintf(full, sizeof(full), "%s/%d", text, dots >= 3 ? 32 : 8 * (dots + 1));
		text = full;
	}
	network_arg("route", text, &r->dst);
	if (r->is_net && dots >= 3)
		r->dst.host = true; /* unless a netmask follows */
	r->have_dst = true;
}

static void
parse(struct request *r, int argc, char **argv)
{
	int i;

	for (i = 0; i < argc; i++) {
		if (argv[i][0] == '-')
			option(r, argc, argv, &i);
		else if (!r->have_dst)
			destination(r, argv[i]);
		else if (r->gateway[0] == '\0' && r->ifp == NULL)
			address_text(address_arg("route", argv[i]), r->gateway);
		else if (strchr(argv[i], '.') != NULL)
			netmask(r, argv[i]); /* the third word, as of old */
		else
			ctl_fail(USAGE, "route: one word too many: %s", argv[i]);
	}
	if (!r->have_dst)
		ctl_fail(USAGE, "route %s: no destination given", r->verb);
	if (r->is_net && r->dst.host)
		ctl_fail("add its prefix or -netmask", "route: %s is not a network", r->dst.text);
	if (r->is_host && !r->dst.host)
		ctl_fail("leave -host out", "route: %s is not a host", r->dst.text);
}

static const char *
name_of(const struct request *r, char *buf, size_t size)
{
	if (r->dst.prefix == 0)
		snprintf(buf, size, "net default");
	else if (r->dst.prefix == 32)
		snprintf(buf, size, "host %.*s", (int)strcspn(r->dst.text, "/"), r->dst.text);
	else
		snprintf(buf, size, "net %s", r->dst.text);
	return (buf);
}

/* What went wrong, and what to type next. */
static void
explain(const struct request *r, const char *name, int error)
{
	bool adds = strcmp(r->verb, "add") == 0;

	if (error == ESRCH && r->gateway[0] != '\0' && strcmp(r->verb, "delete") == 0)
		ctl_fail("alpinectl route show lists them", "route: no route to %s by gateway %s",
		    name, r->gateway);
	if (error == ESRCH)
		ctl_fail("alpinectl route show lists them", "route: there is no route to %s", name);
	if (error == EEXIST)
		ctl_fail("alpinectl route change replaces it",
		    "route: there is a route to %s already", name);
	if (error == ENETUNREACH && r->gateway[0] != '\0')
		ctl_fail("its gateway must be on a network of ours, or named with -ifp",
		    "route: gateway %s cannot be reached", r->gateway);
	if (error == ENETUNREACH)
		ctl_fail("alpinectl ifconfig lists addresses",
		    "route: %s: the interface has no address to send from", name);
	if (error == ENXIO)
		ctl_fail(
		    "alpinectl ifconfig lists them", "route: interface %s does not exist", r->ifp);
	if (error == EADDRINUSE)
		ctl_fail("alpinectl ifconfig IFACE -alias ADDRESS takes it away",
		    "route: %s belongs to an interface's address", name);
	if (error == EINVAL && adds && r->gateway[0] != '\0')
		ctl_fail("name another host", "route: gateway %s is ourselves, or not a host",
		    r->gateway);
	if (error == ENOBUFS)
		ctl_fail("see alpinectl sysctl -d net.route.maxroutes", "route: the table is full");
	ctl_check(error, "route");
}

static void
change(struct request *r)
{
	char name[40];
	int error;

	name_of(r, name, sizeof(name));
	if (strcmp(r->verb, "add") == 0 && r->gateway[0] == '\0' && r->ifp == NULL &&
	    strstr(r->flags, "reject") == NULL && strstr(r->flags, "blackhole") == NULL)
		ctl_fail(USAGE, "route add: no gateway given for %s", name);
	error = ctl_change(NULL, "route %s dst=%s%s%s%s%s%s%s%s%s%s", r->verb, r->dst.text,
	    r->gateway[0] != '\0' ? " gateway=" : "", r->gateway, r->ifp != NULL ? " ifp=" : "",
	    r->ifp != NULL ? r->ifp : "", r->mtu != NULL ? " mtu=" : "",
	    r->mtu != NULL ? r->mtu : "", r->expire != NULL ? " lifetime=" : "",
	    r->expire != NULL ? r->expire : "", r->flags);
	if (error != 0)
		explain(r, name, error);
	ctl_note("%s %s", r->verb, name);
	if (r->gateway[0] != '\0')
		ctl_note(": gateway %s", r->gateway);
	else if (r->ifp != NULL)
		ctl_note(": interface %s", r->ifp);
	ctl_note("\n");
}

/* ---- get ---- */

static const struct {
	char letter;
	const char *name;
} flag_names[] = {
    {'U', "UP"},
    {'G', "GATEWAY"},
    {'H', "HOST"},
    {'R', "REJECT"},
    {'B', "BLACKHOLE"},
    {'D', "DYNAMIC"},
    {'M', "MODIFIED"},
    {'S', "STATIC"},
    {'b', "BROADCAST"},
    {'L', "LLINFO"},
};

static void
print_flags(const char *letters)
{
	const char *sep = "";
	size_t i;

	printf("<");
	for (i = 0; i < sizeof(flag_names) / sizeof(flag_names[0]); i++)
		if (strchr(letters, flag_names[i].letter) != NULL) {
			printf("%s%s", sep, flag_names[i].name);
			sep = ",";
		}
	printf(">");
}

static void
get(const char *text)
{
	char request[64], addr[16], mask[16];
	unsigned prefix;
	struct table t;
	int error;

	address_text(address_arg("route get", text), addr);
	snprintf(request, sizeof(request), "route %s", addr);
	memset(&t, 0, sizeof(t));
	error = table_ask(&t, request);
	if (error == ENETUNREACH)
		ctl_fail("give one: alpinectl route add default GATEWAY",
		    "route: no route leads to %s, and there is no default route", addr);
	ctl_check(error, request);
	if (table_as_json(&t))
		return;
	prefix = (unsigned)table_number(&t, 0, "prefix");
	printf("   route to: %s\n", addr);
	printf("destination: %s\n", prefix == 0 ? "default" : table_field(&t, 0, "destination"));
	if (prefix < 32)
		printf("       mask: %s\n",
		    address_text(prefix == 0 ? 0 : 0xffffffffu << (32 - prefix), mask));
	if (strchr(table_field(&t, 0, "flags"), 'G') != NULL)
		printf("    gateway: %s\n", table_field(&t, 0, "gateway"));
	printf("        fib: 0\n  interface: %s\n", table_field(&t, 0, "netif"));
	if (table_field(&t, 0, "source")[0] != '\0')
		printf(" local addr: %s\n", table_field(&t, 0, "source"));
	printf("      flags: ");
	print_flags(table_field(&t, 0, "flags"));
	printf("\n recvpipe  sendpipe  ssthresh  rtt,msec    mtu        weight    expire\n");
	printf("       0         0         0         0  %6s             1  %8s\n",
	    table_field(&t, 0, "mtu"), table_field(&t, 0, "expire"));
	table_free(&t);
}

/* ---- flush ---- */

static void
flush(void)
{
	struct table t;
	char *line, *next, *tab;
	unsigned n = 0;

	ctl_check(ctl_change(&t, "route flush"), "route flush");
	for (line = t.text; line != NULL && *line != '\0'; line = next, n++) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		tab = strchr(line, '\t');
		if (tab != NULL)
			*tab++ = '\0';
		if (strcmp(line, "0.0.0.0") == 0)
			ctl_note("default done\n");
		else
			ctl_note("%s/%s done\n", line, tab != NULL ? tab : "?");
	}
	if (ctl_json)
		printf("{\"flushed\": %u}\n", n);
	table_free(&t);
}

/* ---- monitor ---- */

static void
print_route_message(const struct table *t)
{
	const char *prefix = table_field(t, 0, "prefix"), *mac = table_field(t, 0, "mac");
	const char *gw = table_field(t, 0, "gateway");

	printf("flags:");
	print_flags(table_field(t, 0, "flags"));
	printf("\nsockaddrs: <DST,GATEWAY%s>\n %s", strcmp(prefix, "32") == 0 ? "" : ",NETMASK",
	    strcmp(prefix, "0") == 0 ? "default" : table_field(t, 0, "destination"));
	if (strcmp(prefix, "32") != 0)
		printf("/%s", prefix);
	printf(" %s\n", mac[0] != '\0' ? mac : gw[0] != '\0' ? gw : table_field(t, 0, "netif"));
}

static void
print_message(const struct table *t)
{
	const char *m = table_field(t, 0, "message");
	char when[32];
	time_t now = time(NULL);

	strftime(when, sizeof(when), "%a %b %e %H:%M:%S %Y", localtime(&now));
	printf("got message on %s\n%s: ", when, m);
	if (strcmp(m, "RTM_NEWADDR") == 0 || strcmp(m, "RTM_DELADDR") == 0)
		printf("address %s iface: %s\n %s/%s\n",
		    strcmp(m, "RTM_NEWADDR") == 0 ? "being added to" : "being removed from",
		    table_field(t, 0, "netif"), table_field(t, 0, "address"),
		    table_field(t, 0, "prefix"));
	else if (strcmp(m, "RTM_IFINFO") == 0)
		printf("iface status change: %s, mtu %s: %s\n", table_field(t, 0, "netif"),
		    table_field(t, 0, "mtu"), table_field(t, 0, "status"));
	else if (strcmp(m, "RTM_LOST") == 0)
		printf("%s\n", table_field(t, 0, "status"));
	else
		print_route_message(t);
	printf("\n");
}

/* Whole lines of what came; the first of all names the columns, the rest waits for its end. */
static int
monitor_text(void *arg, const char *text, size_t len)
{
	struct table *held = arg, one;
	char *line, *end;

	(void)ctl_collect(held, text, len);
	if (held->columns[0] == NULL) {
		end = strchr(held->text, '\n');
		if (end == NULL)
			return (0);
		held->columns[0] = strndup(held->text, (size_t)(end + 1 - held->text));
		line = end + 1;
	} else {
		line = held->text;
	}
	for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
		memset(&one, 0, sizeof(one));
		(void)ctl_collect(&one, held->columns[0], strlen(held->columns[0]));
		(void)ctl_collect(&one, line, (size_t)(end + 1 - line));
		table_cut(&one);
		if (ctl_json)
			table_json_row(&one, 0);
		else
			print_message(&one);
		table_free(&one);
	}
	held->len = strlen(line);
	memmove(held->text, line, held->len + 1);
	return (fflush(stdout) == 0 ? 0 : -EPIPE);
}

static void
monitor(void)
{
	struct table held = {.text = NULL};
	int error = rpc_ask_text(&ctl_client, RPC_CTL_MONITOR, NULL, monitor_text, &held);

	free(held.columns[0]);
	free(held.text);
	if (error == -ECONNRESET)
		ctl_fail("", "alpined has ended");
	ctl_check(error, "route monitor");
}

/* ---- which ---- */

void
cmd_route(int argc, char **argv)
{
	static char netstat[] = "netstat", all_routes[] = "-rn";
	char *show_args[] = {netstat, all_routes, NULL};
	struct request r = {.verb = NULL};
	int i = 1;

	while (i < argc && argv[i][0] == '-' && strcmp(argv[i], "-h") != 0 &&
	       (strspn(argv[i] + 1, "n46dqtv") == strlen(argv[i] + 1)))
		i++;
	if (i == argc || strcmp(argv[i], "-h") == 0) {
		fputs(route_help, i == argc ? stderr : stdout);
		if (i == argc)
			exit(1);
		return;
	}
	r.verb = argv[i++];
	if (strcmp(r.verb, "del") == 0)
		r.verb = "delete";
	if (strcmp(r.verb, "add") == 0 || strcmp(r.verb, "change") == 0 ||
	    strcmp(r.verb, "delete") == 0) {
		parse(&r, argc - i, argv + i);
		change(&r);
	} else if (strcmp(r.verb, "get") == 0) {
		while (i < argc && (strcmp(argv[i], "-host") == 0 || strcmp(argv[i], "-inet") == 0))
			i++;
		if (i + 1 != argc)
			ctl_fail(
			    "alpinectl route get 10.0.0.1", "route get: one address is wanted");
		get(strcmp(argv[i], "default") == 0 ? "0.0.0.0" : argv[i]);
	} else if (i < argc && (strcmp(r.verb, "show") == 0 || strcmp(r.verb, "flush") == 0 ||
				   strcmp(r.verb, "monitor") == 0)) {
		ctl_fail(USAGE, "route: %s takes no words: %s", r.verb, argv[i]);
	} else if (strcmp(r.verb, "show") == 0) {
		cmd_netstat(2, show_args);
	} else if (strcmp(r.verb, "flush") == 0) {
		flush();
	} else if (strcmp(r.verb, "monitor") == 0) {
		monitor();
	} else {
		ctl_fail(USAGE, "route: no such command: %s", r.verb);
	}
}
