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

/* Names that FreeBSD has and this stack needs not: there is no such clock to tend. */
static const char *const accepted[] = {
    "kern.timecounter.alloweddeviation",
};

static bool
is_accepted(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++)
		if (strcmp(name, accepted[i]) == 0)
			return (true);
	return (false);
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

	if (!ask(&text, o->describe ? "describe %s" : "sysctl %s", name)) {
		char *why = text;

		if (is_accepted(name)) {
			print_value(o, name, "0");
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

	if (!ask(&text, "sysctl %s=%s", name, value)) {
		if (!is_accepted(name))
			return (unknown(o, name, text));
		if (!o->quiet)
			printf("%s: 0 -> 0\n", name);
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

static int
one(const struct opts *o, char *arg)
{
	char *value = strchr(arg, '='), *slash;

	if (value != NULL)
		*value++ = '\0';
	for (slash = arg; (slash = strchr(slash, '/')) != NULL;)
		*slash = '.'; /* Linux takes either */
	if (strncmp(arg, "net.ipv4.", 9) == 0 || strncmp(arg, "net.core.", 9) == 0 ||
	    strncmp(arg, "net.mptcp.", 10) == 0 || strncmp(arg, "net.ipv6.", 9) == 0)
		return (linux_name(o, arg, value));
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
