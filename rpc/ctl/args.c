/*
 * args.c - addresses, networks and numbers of alpinectl's command line, as BSD's tools take them.
 * Owns nothing.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/ctl/alpinectl.h"

const char *
address_text(uint32_t addr, char buf[16])
{
	snprintf(buf, 16, "%u.%u.%u.%u", addr >> 24, addr >> 16 & 255, addr >> 8 & 255, addr & 255);
	return (buf);
}

uint32_t
address_arg(const char *command, const char *text)
{
	struct in_addr in;

	if (strchr(text, ':') != NULL)
		ctl_fail("give an IPv4 address", "%s: %s: IPv6 is not there yet", command, text);
	if (inet_pton(AF_INET, text, &in) != 1)
		ctl_fail("write it as 10.11.12.13", "%s: bad address: %s", command, text);
	return (ntohl(in.s_addr));
}

int
prefix_of_mask(uint32_t mask)
{
	int prefix = 0;

	while (prefix < 32 && (mask & 0x80000000u >> prefix) != 0)
		prefix++;
	return ((prefix == 32 ? 0 : mask << prefix) == 0 ? prefix : -1);
}

unsigned long
number_arg(
    const char *command, const char *what, const char *text, unsigned long min, unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || value < min || value > max)
		ctl_fail(
		    "", "%s: %s %s is not a number from %lu to %lu", command, what, text, min, max);
	return (value);
}

/* default, ADDR, ADDR/PREFIX, and a network written short as route(8) takes it: 10.1/16, 10 */
void
network_arg(const char *command, const char *text, struct network *n)
{
	const char *slash = strchr(text, '/');
	char room[32], full[40], name[16];
	int dots = 0;
	const char *s;

	memset(n, 0, sizeof(*n));
	n->prefix = 32;
	if (strcmp(text, "default") == 0) {
		n->prefix = 0;
		snprintf(n->text, sizeof(n->text), "0.0.0.0/0");
		return;
	}
	snprintf(room, sizeof(room), "%.*s", slash != NULL ? (int)(slash - text) : 31, text);
	if (slash != NULL)
		n->prefix = (int)number_arg(command, "prefix", slash + 1, 0, 32);
	for (s = room; *s != '\0'; s++)
		dots += *s == '.';
	if (slash != NULL && dots < 3) {
		snprintf(full, sizeof(full), "%s%s", room, &".0.0.0"[2 * dots]);
		n->addr = address_arg(command, full);
	} else {
		n->addr = address_arg(command, room);
	}
	n->host = slash == NULL;
	n->addr &= n->prefix == 0 ? 0 : 0xffffffffu << (32 - n->prefix);
	snprintf(n->text, sizeof(n->text), "%s/%d", address_text(n->addr, name), n->prefix);
}
