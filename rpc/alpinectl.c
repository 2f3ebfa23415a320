/*
 * alpinectl.c - asks a running alpined and changes its sysctls. alpinectl(8).
 * The commands that print tables as a BSD's tools do are in alpinectl_show.c.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/alpinectl.h"

#define USAGE "usage: alpinectl [-n NAME | --socket PATH] [--json] COMMAND [ARG...]\n"

struct rpc_client ctl_client = RPC_CLIENT_INIT;
bool ctl_json;
static const char *target = RPC_DEFAULT_NAME;

static const char help[] = USAGE
    "\n"
    "  status                   what is running\n"
    "  stop                     end it\n"
    "  sysctl NAME[=VALUE]...   show or set variables of the stack; -a all, -d what they are\n"
    "  ifconfig [IFACE]         interfaces and addresses\n"
    "  netstat -an              sockets\n"
    "  netstat -rn              routes\n"
    "  netstat -i               interfaces' counters\n"
    "  netstat -s [-p PROTO]    protocols' counters\n"
    "  netstat -m               memory\n"
    "  arp -an                  neighbours\n"
    "\n"
    "NAME is that of alpined --name (alpine). --json prints records. See alpinectl(8).\n";

void
ctl_fail(const char *next, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "alpinectl: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s%s\n", next[0] != '\0' ? "; " : "", next);
	exit(1);
}

static void
check(int error, const char *what)
{
	if (error == 0)
		return;
	if (error == EPERM)
		ctl_fail("run it as root, or as the user whose alpined it is", "%s: not permitted",
		    what);
	if (error < 0)
		ctl_fail("see its log", "%s: alpined hung up (%s)", what, strerror(-error));
	ctl_fail("", "%s: %s", what, strerror(error));
}

/* ---- tables ---- */

static int
collect(void *arg, const char *text, size_t len)
{
	struct table *t = arg;
	size_t size = t->size > 0 ? t->size : 8192;

	while (size < t->len + len + 1)
		size *= 2;
	if (size != t->size) {
		t->text = realloc(t->text, size);
		if (t->text == NULL)
			ctl_fail("", "out of memory");
		t->size = size;
	}
	memcpy(t->text + t->len, text, len);
	t->len += len;
	t->text[t->len] = '\0';
	return (0);
}

/* Cuts a line into fields at its tabs; those that are missing are "". */
static char *
cut_line(char *line, char **fields, unsigned max, unsigned *n)
{
	char *end = strchr(line, '\n'), *tab;
	unsigned i;

	if (end != NULL)
		*end = '\0';
	*n = 0;
	for (i = 0; i < max; i++) {
		fields[i] = line;
		(*n)++;
		tab = strchr(line, '\t');
		if (tab == NULL)
			break;
		*tab = '\0';
		line = tab + 1;
	}
	for (i = *n; i < max; i++)
		fields[i] = line + strlen(line);
	return (end != NULL ? end + 1 : NULL);
}

static void
cut(struct table *t)
{
	char *line = t->text, *s;
	size_t lines = 0;
	unsigned n;

	if (line == NULL)
		return;
	for (s = line; *s != '\0'; s++)
		lines += *s == '\n';
	line = cut_line(line, t->columns, COLUMNS_MAX, &t->ncolumns);
	t->rows = calloc(lines * t->ncolumns + 1, sizeof(*t->rows));
	if (t->rows == NULL)
		ctl_fail("", "out of memory");
	while (line != NULL && *line != '\0')
		line = cut_line(line, t->rows + t->nrows++ * t->ncolumns, t->ncolumns, &n);
}

void
table_fetch(struct table *t, const char *report)
{
	memset(t, 0, sizeof(*t));
	check(rpc_ask_text(&ctl_client, RPC_CTL_REPORT, report, collect, t), report);
	cut(t);
}

void
table_free(struct table *t)
{
	free(t->text);
	free(t->rows);
}

const char *
table_field(const struct table *t, size_t row, const char *column)
{
	unsigned i;

	for (i = 0; i < t->ncolumns; i++)
		if (strcmp(t->columns[i], column) == 0)
			return (t->rows[row * t->ncolumns + i]);
	return ("");
}

unsigned long long
table_number(const struct table *t, size_t row, const char *column)
{
	return (strtoull(table_field(t, row, column), NULL, 10));
}

static void
json_string(const char *s)
{
	putchar('"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < ' ')
			printf("\\u%04x", *s);
		else
			putchar(*s);
	}
	putchar('"');
}

static void
json_value(const char *s)
{
	size_t len = strlen(s), digits = strspn(s, "0123456789");

	if (len > 0 && len < 20 && digits == len && (s[0] != '0' || len == 1))
		fputs(s, stdout);
	else
		json_string(s);
}

void
table_json(const struct table *t)
{
	size_t row;
	unsigned i;

	printf("[");
	for (row = 0; row < t->nrows; row++) {
		printf("%s\n  {", row > 0 ? "," : "");
		for (i = 0; i < t->ncolumns; i++) {
			printf("%s", i > 0 ? ", " : "");
			json_string(t->columns[i]);
			printf(": ");
			json_value(t->rows[row * t->ncolumns + i]);
		}
		printf("}");
	}
	printf("\n]\n");
}

/* ---- status, stop, sysctl ---- */

static void
cmd_status(int argc, char **argv)
{
	struct table t = {.text = NULL};
	char *line, *tab, *next;
	bool first = true;

	(void)argc;
	(void)argv;
	check(rpc_ask_text(&ctl_client, RPC_CTL_STATUS, NULL, collect, &t), "status");
	if (ctl_json)
		printf("{");
	for (line = t.text; line != NULL && *line != '\0'; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		tab = strchr(line, '\t');
		if (tab == NULL)
			continue;
		*tab++ = '\0';
		if (ctl_json) {
			printf("%s\n  ", first ? "" : ",");
			json_string(line);
			printf(": ");
			json_value(tab);
		} else {
			printf("%-12s %s\n", line, tab);
		}
		first = false;
	}
	if (ctl_json)
		printf("\n}\n");
	table_free(&t);
}

static void
cmd_stop(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	check(rpc_ask_text(&ctl_client, RPC_CTL_STOP, NULL, collect, NULL), "stop");
}

static int
print_text(void *arg, const char *text, size_t len)
{
	(void)arg;
	fwrite(text, 1, len, stdout);
	return (0);
}

static void
sysctl_json(char *text)
{
	char *line, *colon, *next;
	bool first = true;

	printf("{");
	for (line = text; line != NULL && *line != '\0'; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		colon = strstr(line, ": ");
		if (colon == NULL)
			continue;
		*colon = '\0';
		printf("%s\n  ", first ? "" : ",");
		json_string(line);
		printf(": ");
		json_value(colon + 2);
		first = false;
	}
	printf("\n}\n");
}

static void
sysctl_one(const char *request)
{
	struct table t = {.text = NULL};
	int error = rpc_ask_text(&ctl_client, RPC_CTL_SYSCTL, request, collect, &t);

	if (error == ENOENT)
		ctl_fail("alpinectl sysctl -a lists them", "sysctl: no variable named %s", request);
	if (error == EINVAL)
		ctl_fail("alpinectl sysctl -d describes its range", "sysctl: %s: invalid value",
		    request);
	check(error, request);
	if (t.text != NULL && ctl_json)
		sysctl_json(t.text);
	else if (t.text != NULL)
		print_text(NULL, t.text, t.len);
	table_free(&t);
}

static void
cmd_sysctl(int argc, char **argv)
{
	char request[512];
	bool describe = false;
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "-d") == 0)
			describe = true;
		else if (strcmp(argv[i], "-a") != 0 && strcmp(argv[i], "-ad") != 0 &&
			 strcmp(argv[i], "-da") != 0)
			ctl_fail("type: alpinectl --help", "sysctl: no such option: %s", argv[i]);
		else if (argv[i][2] != '\0')
			describe = true;
	}
	if (i == argc)
		sysctl_one(describe ? "-d" : "-a");
	for (; i < argc; i++) {
		snprintf(request, sizeof(request), "%s%s", describe ? "-d " : "", argv[i]);
		sysctl_one(request);
	}
}

/* ---- main ---- */

static const struct {
	const char *name;
	show_fn *fn;
} commands[] = {
    {"status", cmd_status},
    {"stop", cmd_stop},
    {"sysctl", cmd_sysctl},
    {"ifconfig", show_ifconfig},
    {"netstat", show_netstat},
    {"arp", show_arp},
};

static void
connect_daemon(void)
{
	char why[256];
	int error = rpc_client_start(&ctl_client, target, RPC_KIND_CTL, NULL, why, sizeof(why));

	if (error == -ENOENT || error == -ECONNREFUSED)
		ctl_fail("start one: alpined --name NAME IFACE ADDRESS/PREFIX",
		    "no alpined named %s is running (%s)", target, why);
	if (error == -EACCES || error == -EPERM)
		ctl_fail("run it as root, or be of the socket's group", "%s", why);
	if (error != 0)
		ctl_fail("", "%s", why);
}

int
main(int argc, char **argv)
{
	static const struct option longopts[] = {
	    {"name", required_argument, NULL, 'n'},
	    {"socket", required_argument, NULL, 's'},
	    {"json", no_argument, NULL, 'j'},
	    {"version", no_argument, NULL, 'V'},
	    {"help", no_argument, NULL, 'h'},
	    {NULL, 0, NULL, 0},
	};
	static char path[4096];
	size_t i;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:n:s:jVh", longopts, NULL)) != -1) {
		switch (c) {
		case 'n':
			target = optarg;
			break;
		case 's': /* the library takes what has a slash for a path */
			snprintf(path, sizeof(path), "%s%s",
			    strchr(optarg, '/') != NULL ? "" : "./", optarg);
			target = path;
			break;
		case 'j':
			ctl_json = true;
			break;
		case 'V':
			printf("alpinectl %s\n", ALPINE_VERSION);
			return (0);
		case 'h':
			fputs(help, stdout);
			return (0);
		default:
			ctl_fail("type: alpinectl --help",
			    c == ':' ? "%s wants a value" : "no such option: %s", argv[optind - 1]);
		}
	}
	argc -= optind;
	argv += optind;
	if (argc == 0)
		ctl_fail("type: alpinectl --help", "no command given");
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, argv[0]) != 0)
			continue;
		connect_daemon();
		commands[i].fn(argc, argv);
		return (fflush(stdout) == 0 ? 0 : 1);
	}
	ctl_fail("type: alpinectl --help", "no such command: %s", argv[0]);
}
