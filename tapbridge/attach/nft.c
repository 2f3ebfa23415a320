/*
 * nft.c - nftables rules, through libnftables: ours for --attach packet, and a look at others'.
 *
 * The host gets every frame that the stack gets. Its own stack is to see none that is for the
 * stack's address: or, where it forwards, it would send them on, or ICMP redirects. So they are
 * dropped at the interface's ingress hook, which comes after packet sockets.
 * libnftables is looked for when it is needed, because nothing else here needs it.
 *
 * Host world. libnftables(3), nft(8).
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "tapbridge/attach/nft.h"
#include "tapbridge/link_error.h"

#define LIBRARY "libnftables.so.1"
#define PRIORITY "-500" /* ahead of others' rules */

struct nft_ctx;
struct nft {
	void *lib;
	struct nft_ctx *(*ctx_new)(uint32_t);
	void (*ctx_free)(struct nft_ctx *);
	int (*buffer_error)(struct nft_ctx *);
	const char *(*error)(struct nft_ctx *);
	int (*run)(struct nft_ctx *, const char *);
	int (*buffer_output)(struct nft_ctx *);
	const char *(*output)(struct nft_ctx *);
};

/* POSIX has dlsym() give functions as data pointers; this is its own advice. */
static bool
symbol(const struct nft *n, void *where, const char *name)
{
	void *p = dlsym(n->lib, name);

	memcpy(where, &p, sizeof(p));
	return (p != NULL);
}

static int
nft_open(struct nft *n, struct link_error *le)
{
	n->lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (n->lib != NULL && symbol(n, &n->ctx_new, "nft_ctx_new") &&
	    symbol(n, &n->ctx_free, "nft_ctx_free") &&
	    symbol(n, &n->buffer_error, "nft_ctx_buffer_error") &&
	    symbol(n, &n->error, "nft_ctx_get_error_buffer") &&
	    symbol(n, &n->run, "nft_run_cmd_from_buffer") &&
	    symbol(n, &n->buffer_output, "nft_ctx_buffer_output") &&
	    symbol(n, &n->output, "nft_ctx_get_output_buffer"))
		return (0);
	link_error_set(le, "install it: apt-get install libnftables1; or use --attach bridge",
	    "--attach packet needs %s, which is not there", LIBRARY);
	if (n->lib != NULL)
		dlclose(n->lib);
	return (-1);
}

static int
nft_run(const char *commands, struct link_error *le)
{
	struct nft_ctx *ctx;
	struct nft n;
	int error;

	if (nft_open(&n, le) != 0)
		return (-1);
	ctx = n.ctx_new(0);
	error = ctx == NULL ? -1 : n.buffer_error(ctx);
	if (error == 0)
		error = n.run(ctx, commands);
	if (error != 0) {
		const char *said = ctx != NULL ? n.error(ctx) : "";

		link_error_set(le,
		    "does this kernel have nf_tables with NF_TABLES_NETDEV? or use --attach bridge",
		    "nftables: %.*s", said[0] != '\0' ? (int)strcspn(said, "\n") : 10,
		    said[0] != '\0' ? said : "no answer");
	}
	if (ctx != NULL)
		n.ctx_free(ctx);
	dlclose(n.lib);
	return (error != 0 ? -1 : 0);
}

/* In quotes, as nft(8) prints names of interfaces. */
static bool
is_named(const char *rules, const char *iface)
{
	char quoted[32];

	snprintf(quoted, sizeof(quoted), "\"%.15s\"", iface);
	return (strstr(rules, quoted) != NULL);
}

bool
nft_names(const char *iface, const char *instead)
{
	const char *rules; /* asking for it empties the buffer */
	struct link_error le;
	struct nft_ctx *ctx;
	bool named = false;
	struct nft n;

	if (nft_open(&n, &le) != 0)
		return (false);
	ctx = n.ctx_new(0);
	if (ctx != NULL && n.buffer_output(ctx) == 0 && n.buffer_error(ctx) == 0 &&
	    n.run(ctx, "list ruleset\n") == 0 && (rules = n.output(ctx)) != NULL)
		named = is_named(rules, iface) && !is_named(rules, instead);
	if (ctx != NULL)
		n.ctx_free(ctx);
	dlclose(n.lib);
	return (named);
}

int
nft_hide(const char *name, const char *iface, const uint8_t addr[4], struct link_error *le)
{
	char commands[1024], ip[16];

	snprintf(ip, sizeof(ip), "%u.%u.%u.%u", addr[0], addr[1], addr[2], addr[3]);
	snprintf(commands, sizeof(commands),
	    "add table netdev alpine-%s\n"
	    "delete table netdev alpine-%s\n"
	    "table netdev alpine-%s {\nchain hide {\n"
	    "type filter hook ingress device \"%s\" priority " PRIORITY "; policy accept;\n"
	    "arp daddr ip %s drop\n"
	    "ip daddr %s drop\n"
	    "}\n}\n",
	    name, name, name, iface, ip, ip);
	return (nft_run(commands, le));
}

int
nft_unhide(const char *name, struct link_error *le)
{
	char commands[512];

	snprintf(commands, sizeof(commands),
	    "add table netdev alpine-%s\ndelete table netdev alpine-%s\n", name, name);
	return (nft_run(commands, le));
}
