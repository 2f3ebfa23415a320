/*
 * options.c - alpined's command line: options, address, and whether they make sense together.
 * Nothing is touched before all of it is checked.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>

#include "rpc/alpined/config.h"
#include "rpc/bsd/linux_abi.h"
#include "rpc/alpined/options.h"

#define MTU_MIN 576
#define OPTION_FAULT 256
#define USAGE "usage: alpined [OPTIONS] IFACE ADDRESS/PREFIX|dhcp\n"

static const char help[] = USAGE
    "       alpined [OPTIONS] --tap NAME ADDRESS/PREFIX\n"
    "       alpined --config FILE [OPTIONS]\n"
    "       alpined --restore [--name NAME]\n"
    "\n"
    "Makes a virtual host with a BSD network stack and its own address on IFACE's LAN.\n"
    "\n"
    "  -c, --config FILE       read options from there, alpine.conf(5); later ones win\n"
    "      --check             only look whether all of this makes sense\n"
    "      --describe          print every variable of --sysctl and what it is\n"
    "  -n, --name NAME         name of this instance (alpine)\n"
    "  -g, --gateway ADDRESS   default route\n"
    "  -m, --mac ADDRESS       its Ethernet address (made from machine and name)\n"
    "  -M, --mtu BYTES         (that of IFACE)\n"
    "  -t, --tap NAME          use or make this TAP, and attach it to nothing\n"
    "  -b, --bridge NAME       the bridge to make or to join (br-IFACE)\n"
    "  -a, --attach HOW        bridge (default), bridge=BR, macvtap, packet, tap=NAME\n"
    "  -R, --restore           bring back the network that a killed alpined left changed\n"
    "  -d, --dns ADDRESS       a name server for programs; may be repeated\n"
    "  -p, --pcap FILE         write all frames to FILE\n"
    "  -s, --socket PATH       control socket (NAME.sock in the run directory)\n"
    "  -S, --sysctl NAME=VALUE set it before the interface comes up; may be repeated\n"
    "  -u, --user NAME         run as this user (alpine, or one that nobody is)\n"
    "      --group NAME        group of the control socket: who may use the stack (root)\n"
    "      --mode OCTAL        mode of the control socket (0660)\n"
    "      --no-confine        keep user, file system and system calls: for debugging\n"
    "  -r, --ready-fd N        write a line to descriptor N when ready\n"
    "  -l, --log-level LEVEL   emerg alert crit err warning notice info debug, or 0-7 (info)\n"
    "      --module FILE[,ARGS] load code of your own into the stack; may be repeated\n"
    "      --debug-clock       the stack's time stops while alpined is stopped\n"
    "  -V, --version\n"
    "  -h, --help\n"
    "\n"
    "Programs run on it with: alpine-run PROGRAM.  See alpined(8).\n";

void
fail(const char *next, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "alpined: %s", config_where());
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s%s\n", next[0] != '\0' ? "; " : "", next);
	exit(1);
}

/* ---- values ---- */

static unsigned long
number(const char *what, const char *text, unsigned long min, unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || value < min || value > max)
		fail("", "%s %s is not a number from %lu to %lu", what, text, min, max);
	return (value);
}

static void
ipv4(const char *what, const char *text, uint8_t addr[4])
{
	struct in_addr in;

	if (strchr(text, ':') != NULL)
		fail("give an IPv4 address", "%s %s: IPv6 is not there yet", what, text);
	if (inet_pton(AF_INET, text, &in) != 1)
		fail("write it as 10.11.12.13", "%s %s is not an IPv4 address", what, text);
	memcpy(addr, &in, 4);
}

static uint32_t
host_order(const uint8_t a[4])
{
	return ((uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 | (uint32_t)a[2] << 8 | a[3]);
}

static uint32_t
netmask(int prefix)
{
	return (prefix == 0 ? 0 : 0xffffffffu << (32 - prefix));
}

static void
address(struct options *o, const char *text)
{
	char addr[64];
	const char *slash = strchr(text, '/');
	uint32_t a, host;

	o->address_text = text;
	if (strcmp(text, "dhcp") == 0) {
		o->dhcp = true;
		return;
	}
	if (slash == NULL && if_nametoindex(text) != 0)
		fail("give one, as in: alpined IFACE 10.11.12.13/24",
		    "no address is given for interface %s", text);
	if (slash == NULL || (size_t)(slash - text) >= sizeof(addr))
		fail("add the prefix, as in 10.11.12.13/24", "%s is not ADDRESS/PREFIX", text);
	memcpy(addr, text, (size_t)(slash - text));
	addr[slash - text] = '\0';
	ipv4("address", addr, o->addr);
	if (slash[1] == '\0' || strspn(slash + 1, "0123456789") != strlen(slash + 1) ||
	    strlen(slash + 1) > 2 || atoi(slash + 1) < 1 || atoi(slash + 1) > 32)
		fail("", "prefix /%s of %s is not from /1 to /32", slash + 1, text);
	o->prefix = atoi(slash + 1);
	a = host_order(o->addr);
	host = a & ~netmask(o->prefix);
	if (a >> 28 >= 14 || a >> 24 == 127 || a >> 24 == 0)
		fail("give it a unicast address", "%s cannot be a host's address", addr);
	if (o->prefix < 31 && host == 0)
		fail("give it an address inside that network", "%s is the network itself", text);
	if (o->prefix < 31 && host == ~netmask(o->prefix))
		fail("give it an address inside that network",
		    "%s is the network's broadcast address", text);
}

static void
mac_address(struct options *o, const char *text)
{
	unsigned b[6];
	char rest;
	int i;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		&rest) != 6)
		fail("write it as 02:00:00:00:00:01", "MAC %s is not an Ethernet address", text);
	for (i = 0; i < 6; i++)
		o->mac[i] = (uint8_t)b[i];
	if ((b[0] & 1) != 0)
		fail("its first byte must be even", "MAC %s is a multicast address", text);
	if ((b[0] | b[1] | b[2] | b[3] | b[4] | b[5]) == 0)
		fail("", "MAC %s is no address", text);
	o->have_mac = true;
}

static void
dns(struct options *o, const char *text)
{
	struct linux_sockaddr_in sin = {.sin_family = LINUX_AF_INET, .sin_port = htons(53)};
	uint8_t addr[4];

	if (o->ndns == RPC_HELLO_ADDRS)
		fail("", "more than %d name servers", RPC_HELLO_ADDRS);
	ipv4("name server", text, addr);
	memcpy(&sin.sin_addr, addr, sizeof(addr));
	o->dns[o->ndns].a_len = sizeof(sin);
	memcpy(o->dns[o->ndns++].a_data, &sin, sizeof(sin));
}

static unsigned
octal_mode(const char *text)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (text[0] < '0' || text[0] > '7' || *end != '\0' || mode > 0777)
		fail("write it as 0660", "mode %s is not a file's mode in octal digits", text);
	return ((unsigned)mode);
}

static int
log_level(const char *text)
{
	static const char *const names[] = {
	    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};
	int i;

	for (i = 0; i < 8; i++)
		if (strcmp(text, names[i]) == 0)
			return (i);
	if (text[0] >= '0' && text[0] <= '7' && text[1] == '\0')
		return (text[0] - '0');
	fail("one of emerg alert crit err warning notice info debug, or 0-7",
	    "log level %s is not known", text);
}

static void
instance_name(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len > RPC_NAME_MAX || text[0] == '.' ||
	    strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") !=
		len)
		fail("", "name '%s' is not 1 to %d of A-Z a-z 0-9 _ . -", text, RPC_NAME_MAX);
}

static void
attach_how(struct options *o, const char *text)
{
	o->tap = NULL;
	if (strcmp(text, "bridge") == 0) {
		o->attach = ATTACH_BRIDGE;
	} else if (strncmp(text, "bridge=", 7) == 0) {
		o->attach = ATTACH_BRIDGE;
		o->bridge = text + 7;
		o->bridge_exists = true;
	} else if (strcmp(text, "macvtap") == 0) {
		o->attach = ATTACH_MACVTAP;
	} else if (strcmp(text, "packet") == 0) {
		o->attach = ATTACH_PACKET;
	} else if (strncmp(text, "tap=", 4) == 0) {
		o->attach = ATTACH_TAP;
		o->tap = text + 4;
		o->tap_exists = true;
	} else {
		fail("one of bridge, bridge=BR, macvtap, packet, tap=NAME",
		    "--attach %s is not known", text);
	}
}

/* ---- all of it ---- */

enum { OPT_GROUP = 512, OPT_MODE, OPT_NO_CONFINE, OPT_CHECK, OPT_DESCRIBE };

static const struct option longopts[] = {
    {"name", required_argument, NULL, 'n'},
    {"gateway", required_argument, NULL, 'g'},
    {"mac", required_argument, NULL, 'm'},
    {"mtu", required_argument, NULL, 'M'},
    {"tap", required_argument, NULL, 't'},
    {"bridge", required_argument, NULL, 'b'},
    {"attach", required_argument, NULL, 'a'},
    {"restore", no_argument, NULL, 'R'},
    {"fault", required_argument, NULL, OPTION_FAULT},
    {"dns", required_argument, NULL, 'd'},
    {"pcap", required_argument, NULL, 'p'},
    {"socket", required_argument, NULL, 's'},
    {"sysctl", required_argument, NULL, 'S'},
    {"ready-fd", required_argument, NULL, 'r'},
    {"log-level", required_argument, NULL, 'l'},
    {"debug-clock", no_argument, NULL, 'D'},
    {"module", required_argument, NULL, 'K'},
    {"user", required_argument, NULL, 'u'},
    {"group", required_argument, NULL, OPT_GROUP},
    {"mode", required_argument, NULL, OPT_MODE},
    {"no-confine", no_argument, NULL, OPT_NO_CONFINE},
    {"config", required_argument, NULL, 'c'},
    {"check", no_argument, NULL, OPT_CHECK},
    {"describe", no_argument, NULL, OPT_DESCRIBE},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void read_config(struct options *, const char *file);

static void
one_option(struct options *o, int c, const char *arg)
{
	switch (c) {
	case 'c':
		read_config(o, arg);
		break;
	case OPT_CHECK:
		o->check = true;
		break;
	case OPT_DESCRIBE:
		o->describe = true;
		break;
	case 'n':
		instance_name(arg);
		o->name = arg;
		o->have_name = true;
		break;
	case 'g':
		ipv4("gateway", arg, o->gateway);
		o->have_gateway = true;
		break;
	case 'm':
		mac_address(o, arg);
		break;
	case 'M':
		o->mtu = (uint32_t)number("MTU", arg, MTU_MIN, OPTIONS_MTU_MAX);
		break;
	case 't':
		o->tap = arg;
		o->attach = ATTACH_TAP;
		o->tap_exists = false;
		break;
	case 'b':
		o->bridge = arg;
		o->bridge_exists = false;
		break;
	case 'a':
		attach_how(o, arg);
		break;
	case 'R':
		o->restore = true;
		break;
	case OPTION_FAULT:
		if (!attach_set_fault(arg))
			fail("", "--fault %s is not kill@N or fail@N", arg);
		o->fault = arg;
		break;
	case 'd':
		dns(o, arg);
		break;
	case 'p':
		o->pcap = arg;
		break;
	case 's':
		o->socket = arg;
		break;
	case 'S':
		if (strchr(arg, '=') == NULL || o->nsysctls == OPTIONS_SYSCTLS)
			fail("", "--sysctl %s is not NAME=VALUE", arg);
		o->sysctls[o->nsysctls++] = arg;
		break;
	case 'u':
		o->user = arg;
		break;
	case OPT_GROUP:
		o->group = arg;
		break;
	case OPT_MODE:
		o->mode = octal_mode(arg);
		break;
	case OPT_NO_CONFINE:
		o->no_confine = true;
		break;
	case 'r':
		o->ready_fd = (int)number("descriptor", arg, 0, 1048576);
		if (fcntl(o->ready_fd, F_GETFD) < 0)
			fail("open it, as in: alpined --ready-fd 3 ... 3>FILE",
			    "descriptor %s is not open", arg);
		break;
	case 'K':
		if (o->nmodules == OPTIONS_MODULES)
			fail("", "more than %d modules", OPTIONS_MODULES);
		o->modules[o->nmodules++] = arg;
		break;
	case 'D':
		o->debug_clock = true;
		break;
	case 'l':
		o->log_level = log_level(arg);
		break;
	}
}

/* ---- the file: its keys are the long options, and what stands without an option ---- */

/* What makes no sense in a file. */
static bool
command_line_only(int c)
{
	return (c == 'c' || c == 'R' || c == 'r' || c == 'V' || c == 'h' || c == OPT_CHECK ||
		c == OPT_DESCRIBE || c == OPTION_FAULT);
}

static bool
repeatable(int c)
{
	return (c == 'd' || c == 'S' || c == 'K');
}

static void
set_key(void *arg, const char *key, const char *value)
{
	struct options *o = arg;
	size_t i;

	if (strcmp(key, "interface") == 0) {
		o->iface = value;
	} else if (strcmp(key, "address") == 0) {
		address(o, value);
	} else {
		for (i = 0; strcmp(longopts[i].name, key) != 0; i++)
			;
		one_option(o, longopts[i].val, value);
	}
}

static void
read_config(struct options *o, const char *file)
{
	static struct config_key keys[2 + sizeof(longopts) / sizeof(longopts[0])];
	unsigned n = 0;
	size_t i;

	keys[n++] = (struct config_key){"interface", CONFIG_TEXT};
	keys[n++] = (struct config_key){"address", CONFIG_TEXT};
	for (i = 0; longopts[i].name != NULL; i++) {
		if (command_line_only(longopts[i].val))
			continue;
		keys[n].name = longopts[i].name;
		keys[n++].kind = repeatable(longopts[i].val)	      ? CONFIG_LIST
				 : longopts[i].has_arg == no_argument ? CONFIG_FLAG
								      : CONFIG_TEXT;
	}
	config_read(file, keys, n, set_key, o);
}

static void
check_together(const struct options *o)
{
	uint32_t a = host_order(o->addr), g = host_order(o->gateway);

	if (o->dhcp && o->attach == ATTACH_PACKET)
		fail("use --attach bridge or macvtap, or give an address",
		    "--attach packet filters by the address, which dhcp does not know yet");
	if (o->dhcp && o->have_gateway)
		fail("leave one of them out", "dhcp finds the gateway, --gateway gives it");
	if (o->have_gateway && ((a ^ g) & netmask(o->prefix)) != 0)
		fail("name a router on that network",
		    "gateway %u.%u.%u.%u is not on the network of %s", o->gateway[0], o->gateway[1],
		    o->gateway[2], o->gateway[3], o->address_text);
	if (o->have_gateway && a == g)
		fail("name another host", "the gateway is the stack's own address");
	if (o->tap != NULL && o->bridge != NULL)
		fail("leave one of them out", "--tap attaches nothing, --bridge does");
	if (o->tap != NULL && !o->tap_exists && o->iface != NULL)
		fail("leave one of them out; a TAP that is wired already: --attach tap=NAME",
		    "--tap %s attaches nothing, %s would have to be", o->tap, o->iface);
	if (o->tap != NULL && (o->tap[0] == '\0' || strlen(o->tap) >= IFNAMSIZ))
		fail("", "TAP name '%s' is not 1 to %d characters", o->tap, IFNAMSIZ - 1);
	if (o->bridge != NULL && (o->bridge[0] == '\0' || strlen(o->bridge) >= IFNAMSIZ))
		fail("", "bridge name '%s' is not 1 to %d characters", o->bridge, IFNAMSIZ - 1);
	if (o->bridge != NULL && o->attach != ATTACH_BRIDGE)
		fail("leave one of them out", "--bridge goes with --attach bridge only");
	if (o->tap == NULL && o->iface != NULL && if_nametoindex(o->iface) == 0)
		fail("`ip link` lists those there are", "no such interface: %s", o->iface);
}

void
options_parse(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){
	    .name = RPC_DEFAULT_NAME, .ready_fd = -1, .log_level = 6, .mode = 0660};
	opterr = 0;
	while ((c = getopt_long(
		    argc, argv, ":c:n:g:m:M:t:b:a:Rd:p:s:S:u:r:l:Vh", longopts, NULL)) != -1) {
		switch (c) {
		case 'V':
			printf("alpined %s\n", ALPINE_VERSION);
			exit(0);
		case 'h':
			fputs(help, stdout);
			exit(0);
		case ':':
			fail("type: alpined --help", "%s wants a value", argv[optind - 1]);
		case '?':
			fail("type: alpined --help", "no such option: %s", argv[optind - 1]);
		default:
			one_option(o, c, optarg);
		}
	}
	argc -= optind;
	argv += optind;
	if (o->restore && argc == 0)
		return;
	if (o->restore)
		fail("give --restore alone, or with --name", "--restore attaches nothing");
	if (o->describe)
		return;
	if (argc > 2 || (argc > 0 && argv[argc - 1][0] == '\0'))
		fail("type: alpined --help", "too many arguments");
	if (argc == 2)
		o->iface = argv[0];
	if (argc > 0)
		address(o, argv[argc - 1]);
	if (o->iface == NULL && o->address_text == NULL)
		fail("type: alpined --help", "no interface and address given");
	if (o->address_text == NULL || (o->iface == NULL && o->tap == NULL && !o->bridge_exists))
		fail("type: alpined --help", "interface or address is missing");
	check_together(o);
}
