/*
 * run_resolv.c - which name servers the programs ask, and the resolv.conf that tells them.
 *
 * The file carries the real servers' addresses. A program that speaks DNS itself reaches them
 * over the stack; libc's resolver, which the shim does not see, finds the stub of dns_stub.c at
 * the same addresses on the namespace's loopback. resolv.conf(5).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "netns_launcher/run.h"

#define HOST_FILE "/etc/resolv.conf"
#define RESOLVED_FILE                                                                              \
	"/run/systemd/resolve/resolv.conf" /* behind systemd-resolved's 127.0.0.53                 \
					    */

int
run_resolv_add(struct run_resolv *r, const char *address)
{
	struct in_addr addr;
	unsigned i;

	if (inet_pton(AF_INET, address, &addr) != 1)
		return -EINVAL;
	for (i = 0; i < r->nservers; i++)
		if (r->server[i].s_addr == addr.s_addr)
			return 0;
	if (r->nservers == RUN_SERVERS)
		return -ENOSPC;
	r->server[r->nservers++] = addr;
	return 0;
}

static bool
is_loopback(const char *address)
{
	struct in_addr addr;

	return inet_pton(AF_INET, address, &addr) != 1 || ntohl(addr.s_addr) >> 24 == 127 ||
	       addr.s_addr == INADDR_ANY;
}

static void
append(struct run_resolv *r, const char *line)
{
	size_t used = strlen(r->text), len = strlen(line);

	if (used + len < sizeof(r->text))
		memcpy(r->text + used, line, len + 1);
}

/* Lines other than nameserver (search, domain, options) go over into the text. */
static void
read_host_file(struct run_resolv *r, const char *path, bool want_servers, bool want_lines)
{
	char line[512], key[32], value[128];
	FILE *f = fopen(path, "re");

	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%31s %127s", key, value) != 2 || key[0] == '#' || key[0] == ';')
			continue;
		if (strcmp(key, "nameserver") == 0) {
			if (want_servers && !is_loopback(value))
				run_resolv_add(r, value);
		} else if (want_lines && strchr(line, '\n') != NULL) {
			append(r, line);
		}
	}
	fclose(f);
}

void
run_resolv_complete(struct run_resolv *r, const struct rpc_hello_reply *hello)
{
	char address[INET_ADDRSTRLEN], line[64];
	const bool given = r->nservers > 0;
	struct sockaddr_in sin;
	unsigned i;

	r->text[0] = '\0';
	append(r, "# Made by alpine-run. These servers are reached over alpined's stack.\n");
	for (i = 0; i < hello->h_ndns && !given; i++) {
		memcpy(&sin, hello->h_dns[i].a_data, sizeof(sin));
		if (hello->h_dns[i].a_len >= sizeof(sin) && sin.sin_family == AF_INET &&
		    inet_ntop(AF_INET, &sin.sin_addr, address, sizeof(address)) != NULL)
			run_resolv_add(r, address);
	}
	read_host_file(r, HOST_FILE, r->nservers == 0, true);
	read_host_file(r, RESOLVED_FILE, r->nservers == 0, false);
	for (i = 0; i < r->nservers; i++) {
		inet_ntop(AF_INET, &r->server[i], address, sizeof(address));
		snprintf(line, sizeof(line), "nameserver %s\n", address);
		append(r, line);
	}
}
