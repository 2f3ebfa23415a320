/*
 * cmd_sysctl.c - sysctl(8) for packetdrill's scripts, with FreeBSD's options and output; Linux's
 * -w and its net.ipv4 names are understood where they mean something here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/packetdrill/cmd.h"

struct opts {
	bool all, describe, equal, ignore, value_only, name_only, quiet;
};

/*
 * Names that FreeBSD has and this stack has not, because it does the one thing that they choose or
 * tend nothing: they have the value for that, and can be set to it.
 */
static const struct {
	const char *name, *value;
} fixed[] = {
    {"kern.timecounter.alloweddeviation", NULL},
    {"net.inet.tcp.do_lrd", "1"},
    {"net.inet.tcp.do_prr_conservative", "0"},
    {"net.inet.tcp.ecn.generalized", "0"},
    {"net.inet.tcp.do_tcpdrain", "1"},
    {"net.inet.tcp.functions_available", "freebsd, rack"},
    {"net.inet.tcp.functions_inherit_listen_socket_stack", "1"},
    {"net.inet.tcp.hostcache.prune", NULL},
    {"net.inet.tcp.log_debug", "0"},
    {"net.inet.tcp.per_cpu_timers", "0"},
    {"net.inet.tcp.require_unique_port", "0"},
    {"net.inet.tcp.rfc6675_pipe", "1"},
    {"net.inet.tcp.sack.lrd", "1"},
    {"net.inet.tcp.sack.revised", "1"},
    {"net.inet.tcp.soreceive_stream", "0"},
    {"net.inet.tcp.syncache.see_other", "0"},
    {"net.inet.tcp.udp_tunneling_overhead", "8"},
    {"net.inet.tcp.udp_tunneling_port", "0"},
    {"net.inet.tcp.v6mssdflt", "1220"},
    {"net.inet.tcp.v6pmtud_blackhole_mss", "1220"},
};

/* The value of such a name, "0" if any will do; NULL: it is none. *any: any will do. */
static const char *
fixed_value(const char *name, bool *any)
{
	size_t i;

	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (strcmp(name, fixed[i].name) == 0) {
			*any = fixed[i].value == NULL;
			return (*any ? "0" : fixed[i].value);
		}
	return (NULL);
}

static int
unknown(const struct opts *o, const char *name, const char *why)
{
	if (o->ignore)
		return (0);
	if (strncmp(why, "no such", 7) == 0)
		fprintf(stderr, "sysctl: unknown oid '%s'\n", name);
	else
		fprintf(stderr, "sysctl: %s: %s\n", name, why);
	return (1);
}

static void
print_value(const struct opts *o, const char *name, const char *value)
{
	if (o->name_only)
		printf("%s\n", name);
	else if (o->value_only)
		printf("%s\n", value);
	else
		printf("%s%s%s\n", name, o->equal ? "=" : ": ", value);
}

static int
get(const struct opts *o, const char *name)
{
	char *text = NULL;
	const char *value;
	bool any;

	if (!ask(&text, o->describe ? "describe %s" : "sysctl %s", name)) {
		char *why = text;

		if ((value = fixed_value(name, &any)) != NULL) {
			print_value(o, name, value);
			free(why);
			return (0);
		}

		/* a name with others below it stands for them */
		if (!o->describe && ask(&text, "list %s", name) && *text != '\0') {
			fputs(text, stdout);
			free(text);
			free(why);
			return (0);
		}
		return (unknown(o, name, why));
	}
	text[strcspn(text, "\n")] = '\0';
	print_value(o, name, text);
	free(text);
	return (0);
}

static int
set(const struct opts *o, const char *name, const char *value)
{
	char *text = NULL, *new;
	const char *has;
	bool any;

	if (!ask(&text, "sysctl %s=%s", name, value)) {
		has = fixed_value(name, &any);
		if (has == NULL)
			return (unknown(o, name, text));
		if (!any && strcmp(has, value) != 0)
			return (unknown(o, name, "this stack knows no other value than it has"));
		if (!o->quiet)
			printf("%s: %s -> %s\n", name, has, has);
		return (0);
	}
	new = strchr(text, '\n');
	if (new != NULL) {
		*new ++ = '\0';
		new[strcspn(new, "\n")] = '\0';
		if (o->value_only)
			printf("%s\n", new);
		else if (!o->quiet)
			printf("%s: %s -> %s\n", name, text, new);
	}
	free(text);
	return (0);
}

/* One of Linux's names: what it amounts to here. */
static int
linux_name(const struct opts *o, const char *name, const char *value)
{
	char requests[1024], *at, *eq;
	int failed = 0;

	switch (linux_sysctl(name, value, requests, sizeof(requests))) {
	case LINUX_OK:
		break;
	case LINUX_NONE:
		if (value != NULL) {
			fprintf(stderr, "sysctl: %s: nothing here corresponds, ignored\n", name);
			return (0);
		}
		return (unknown(o, name, "no such name"));
	case LINUX_BAD:
		fprintf(stderr, "sysctl: %s: '%s' is no value of it\n", name, value);
		return (1);
	case LINUX_UNKNOWN:
	default:
		return (unknown(o, name, "no such name"));
	}
	for (at = requests; *at != '\0'; at += strlen(at) + 1) {
		eq = strchr(at, '=');
		if (eq == NULL) {
			failed |= get(o, at);
			continue;
		}
		*eq = '\0';
		failed |= set(o, at, eq + 1);
		at = eq + 1;
	}
	return (failed);
}

/*
 * FreeBSD's stacks: its default one ("freebsd") finds losses as RFC 6675 has it, "rack" as RFC 8985
 * does. Here that is a switch.
 */
static int
functions_default(const struct opts *o, const char *name, const char *value)
{
	static const char *const stacks[] = {"freebsd", "rack"};
	char *text = NULL, *new;
	int now;

	if (!ask(&text, "sysctl net.inet.tcp.rack.enable"))
		return (unknown(o, name, text));
	now = atoi(text) != 0;
	free(text);
	if (value == NULL) {
		print_value(o, name, stacks[now]);
		return (0);
	}
	if (strcmp(value, stacks[0]) != 0 && strcmp(value, stacks[1]) != 0)
		return (unknown(o, name, "No such file or directory"));
	if (!ask(&new, "sysctl net.inet.tcp.rack.enable=%d", strcmp(value, stacks[1]) == 0))
		return (unknown(o, name, new));
	free(new);
	if (!o->quiet)
		printf("%s: %s -> %s\n", name, stacks[now], value);
	return (0);
}

static int
one(const struct opts *o, char *arg)
{
	static char soacceptqueue[] = "kern.ipc.soacceptqueue";
	char *value = strchr(arg, '='), *slash;

	if (value != NULL)
		*value++ = '\0';
	for (slash = arg; (slash = strchr(slash, '/')) != NULL;)
		*slash = '.'; /* Linux takes either */
	if (strncmp(arg, "net.ipv4.", 9) == 0 || strncmp(arg, "net.core.", 9) == 0 ||
	    strncmp(arg, "net.mptcp.", 10) == 0 || strncmp(arg, "net.ipv6.", 9) == 0)
		return (linux_name(o, arg, value));
	if (strcmp(arg, "net.inet.tcp.functions_default") == 0)
		return (functions_default(o, arg, value));
	if (strcmp(arg, "kern.ipc.somaxconn") == 0)
		arg = soacceptqueue; /* its older name */
	return (value != NULL ? set(o, arg, value) : get(o, arg));
}

int
cmd_sysctl(int argc, char **argv)
{
	struct opts o = {.all = false};
	int c, failed = 0;
	char *text = NULL;

	while ((c = getopt(argc, argv, "adeihnNqwox")) != -1) {
		switch (c) {
		case 'a':
			o.all = true;
			break;
		case 'd':
			o.describe = true;
			break;
		case 'e':
			o.equal = o.ignore = true; /* FreeBSD's and Linux's meaning */
			break;
		case 'i':
			o.ignore = true;
			break;
		case 'n':
			o.value_only = true;
			break;
		case 'N':
			o.name_only = true;
			break;
		case 'q':
			o.quiet = true;
			break;
		case '?':
			return (1);
		}
	}
	if (o.all) {
		if (!ask(&text, "list ")) {
			fprintf(stderr, "sysctl: %s\n", text);
			return (1);
		}
		fputs(text, stdout);
		free(text);
		return (0);
	}
	if (optind == argc) {
		fprintf(stderr, "usage: sysctl [-deinNqw] NAME[=VALUE] ... | sysctl -a\n");
		return (1);
	}
	for (; optind < argc; optind++)
		failed |= one(&o, argv[optind]);
	return (failed);
}
