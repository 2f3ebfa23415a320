/*
 * ifconfig.c - alpinectl ifconfig: shows as FreeBSD's ifconfig(8) prints, and changes addresses,
 * MTU and state of an interface of the stack.
 */
#include <errno.h>
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

static void
show(int argc, char **argv)
{
	const char *name, *last = "";
	struct table t;
	size_t row, shown = 0;

	table_fetch(&t, "interfaces");
	if (table_as_json(&t))
		return;
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

/* ---- changes ---- */

#define USAGE "see alpinectl(8)"

static void
explain(const char *ifname, const char *what, const char *arg, int error)
{
	if (error == ENXIO)
		ctl_fail("alpinectl ifconfig lists them", "interface %s does not exist", ifname);
	if (error == EEXIST)
		ctl_fail("alpinectl ifconfig shows where",
		    "ifconfig: another interface has the address %s", arg);
	if (error == EADDRNOTAVAIL)
		ctl_fail("alpinectl ifconfig lists addresses", "ifconfig: %s has no address %s",
		    ifname, arg);
	if (error == EINVAL && strcmp(what, "mtu") == 0)
		ctl_fail("the wire that it is attached to sets the limit",
		    "ifconfig: %s cannot have an MTU of %s", ifname, arg);
	if (error == EINVAL)
		ctl_fail("write ADDRESS/PREFIX, a host on a network",
		    "ifconfig: %s cannot be an interface's address", arg);
	ctl_check(error, "ifconfig");
}

struct change {
	struct network addr;
	bool have_addr, alias, remove;
	char broadcast[16];
};

/* The whole address and its mask stay together until the line's end: the mask may come later. */
static void
inet(struct change *c, const char *text)
{
	const char *slash = strchr(text, '/');
	char host[32];

	snprintf(host, sizeof(host), "%.*s", (int)(slash != NULL ? slash - text : 31), text);
	c->addr.addr = address_arg("ifconfig", host);
	c->addr.prefix =
	    slash != NULL ? (int)number_arg("ifconfig", "prefix", slash + 1, 1, 32) : -1;
	c->have_addr = true;
}

static void
netmask(struct change *c, const char *text)
{
	unsigned long mask;
	char *end;

	if (strncmp(text, "0x", 2) == 0) {
		mask = strtoul(text, &end, 16);
		if (*end != '\0' || mask > 0xffffffffu)
			ctl_fail("", "ifconfig: bad netmask: %s", text);
	} else {
		mask = address_arg("ifconfig", text);
	}
	c->addr.prefix = prefix_of_mask((uint32_t)mask);
	if (c->addr.prefix < 1)
		ctl_fail("write it as 255.255.255.0", "ifconfig: netmask %s has holes, or is empty",
		    text);
}

static void
change_address(const char *ifname, const struct change *c)
{
	char addr[16], full[32];
	int error, prefix = c->addr.prefix;

	address_text(c->addr.addr, addr);
	if (c->remove) {
		error = ctl_change(NULL, "interface delete ifp=%s address=%s", ifname, addr);
		if (error != 0)
			explain(ifname, "delete", addr, error);
		return;
	}
	if (prefix < 0)
		ctl_fail("write it as 10.11.12.13/24, or add netmask 255.255.255.0",
		    "ifconfig: %s has no prefix", addr);
	snprintf(full, sizeof(full), "%s/%d", addr, prefix);
	error = ctl_change(NULL, "interface address ifp=%s address=%s%s%s%s", ifname, full,
	    c->broadcast[0] != '\0' ? " broadcast=" : "", c->broadcast, c->alias ? " alias" : "");
	if (error != 0)
		explain(ifname, "address", full, error);
}

/* A word that takes a value. */
static void
valued(struct change *c, const char *ifname, const char *word, const char *value)
{
	int error;

	if (value == NULL)
		ctl_fail(USAGE, "ifconfig: %s wants a value", word);
	if (strcmp(word, "netmask") == 0) {
		netmask(c, value);
	} else if (strcmp(word, "broadcast") == 0) {
		address_text(address_arg("ifconfig", value), c->broadcast);
	} else {
		number_arg("ifconfig", "mtu", value, 1, 65535);
		error = ctl_change(NULL, "interface mtu ifp=%s mtu=%s", ifname, value);
		if (error != 0)
			explain(ifname, "mtu", value, error);
	}
}

static void
plain(struct change *c, const char *ifname, const char *word)
{
	int error;

	if (strcmp(word, "up") == 0 || strcmp(word, "down") == 0) {
		error = ctl_change(NULL, "interface %s ifp=%s", word, ifname);
		if (error != 0)
			explain(ifname, word, "", error);
	} else if (strcmp(word, "alias") == 0 || strcmp(word, "add") == 0) {
		c->alias = true;
	} else if (strcmp(word, "-alias") == 0 || strcmp(word, "delete") == 0 ||
		   strcmp(word, "remove") == 0) {
		c->remove = true;
	} else if (strcmp(word, "inet6") == 0) {
		ctl_fail("", "ifconfig: IPv6 is not there yet");
	} else if (word[0] >= '0' && word[0] <= '9' && !c->have_addr) {
		inet(c, word);
	} else if (strcmp(word, "inet") != 0) {
		ctl_fail(USAGE, "ifconfig: no such word: %s", word);
	}
}

static void
change(const char *ifname, char **words)
{
	struct change c = {.have_addr = false};

	for (; words[0] != NULL; words++) {
		if (strcmp(words[0], "mtu") == 0 || strcmp(words[0], "netmask") == 0 ||
		    strcmp(words[0], "broadcast") == 0) {
			valued(&c, ifname, words[0], words[1]);
			words++;
		} else {
			plain(&c, ifname, words[0]);
		}
	}
	if (c.have_addr)
		change_address(ifname, &c);
	else if (c.alias || c.remove)
		ctl_fail(USAGE, "ifconfig: which address?");
}

void
cmd_ifconfig(int argc, char **argv)
{
	if (argc > 2)
		change(argv[1], argv + 2);
	else
		show(argc, argv);
}
