/*
 * alpinectl.c - asks a running alpined and changes its sysctls. alpinectl(8).
 * The commands that print tables as a BSD's tools do have files of their own beside this one.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rpc/ctl/alpinectl.h"

#define PATIENCE_S 2 /* for an answer, before that is remarked on */
#define USAGE "usage: alpinectl [-n NAME | --socket PATH] [--json] COMMAND [ARG...]\n"

struct rpc_client ctl_client = RPC_CLIENT_INIT;
bool ctl_json;
const char *ctl_target = RPC_DEFAULT_NAME;

static const char help[] = USAGE
    "\n"
    "  status                   what is running\n"
    "  stop                     end it\n"
    "  doctor [IFACE [ADDRESS/PREFIX]]   what here would keep alpined from working\n"
    "  sysctl NAME[=VALUE]...   show or set variables of the stack; -a all, -d what they are\n"
    "  ifconfig [IFACE]         interfaces and addresses\n"
    "  ifconfig IFACE [inet] ADDRESS/PREFIX [alias | -alias] [mtu N] [up | down]\n"
    "  route add|change|delete DESTINATION GATEWAY, get ADDRESS, show, flush, monitor\n"
    "  netstat -an              sockets\n"
    "  netstat -rn              routes\n"
    "  netstat -i               interfaces' counters\n"
    "  netstat -s [-p PROTO]    protocols' counters\n"
    "  netstat -m               memory\n"
    "  netstat -w SECONDS       what goes through, live; -I IFACE, -q COUNT\n"
    "  arp -an                  neighbours; -s HOST MAC, -d HOST, -d -a\n"
    "  ping HOST                from the stack; -c COUNT, -i SECONDS, -s BYTES, -t SECONDS\n"
    "  tcpdrop LADDR LPORT FADDR FPORT   end a connection; -a all of them\n"
    "  tcplog start [-f csv|jsonl] [-p PORT] [-a ADDR[/LEN]] [-e N] [FILE]\n"
    "                           a record for each TCP segment, to FILE or the standard output\n"
    "  tcplog stop | status     end it; how much it wrote\n"
    "\n"
    "NAME is that of alpined --name (alpine). --json prints records. --version, --help.\n"
    "See alpinectl(8).\n";

/* ---- status, stop, sysctl ---- */

/* `stop lan` would end another instance than was meant. */
static void
no_words(int argc, char **argv)
{
	if (argc > 1)
		ctl_fail("an instance is named before the command: alpinectl -n NAME COMMAND",
		    "%s takes no words: %s", argv[0], argv[1]);
}

static void
cmd_status(int argc, char **argv)
{
	struct table t = {.text = NULL};

	no_words(argc, argv);
	ctl_check(rpc_ask_text(&ctl_client, RPC_CTL_STATUS, NULL, ctl_collect, &t), "status");
	print_pairs(t.text);
	table_free(&t);
}

static void
cmd_stop(int argc, char **argv)
{
	no_words(argc, argv);
	ctl_check(rpc_ask_text(&ctl_client, RPC_CTL_STOP, NULL, ctl_collect, NULL), "stop");
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
	const char *name = strncmp(request, "-d ", 3) == 0 ? request + 3 : request;
	struct table t = {.text = NULL};
	int error = rpc_ask_text(&ctl_client, RPC_CTL_SYSCTL, request, ctl_collect, &t);

	if (error == ENOENT)
		ctl_fail("alpinectl sysctl -a lists them", "sysctl: no variable named %.*s",
		    (int)strcspn(name, "="), name);
	if (error == EINVAL || error == ESRCH)
		ctl_fail("alpinectl sysctl -d describes its range", "sysctl: %s: invalid value",
		    request);
	if (error == EROFS)
		ctl_fail("", "sysctl: %.*s is read only", (int)strcspn(name, "="), name);
	if (error == EISDIR)
		ctl_fail("alpinectl sysctl NAME lists what is in it",
		    "sysctl: %.*s is no variable, but holds some", (int)strcspn(name, "="), name);
	ctl_check(error, request);
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
	command_fn *fn;
} commands[] = {
    {"status", cmd_status},
    {"stop", cmd_stop},
    {"sysctl", cmd_sysctl},
    {"ifconfig", cmd_ifconfig},
    {"netstat", cmd_netstat},
    {"arp", cmd_arp},
    {"tcplog", cmd_tcplog},
    {"route", cmd_route},
    {"ping", cmd_ping},
    {"tcpdrop", cmd_tcpdrop},
    {"doctor", cmd_doctor},
};

/* ctl_target is a name, or the path of a socket if it has a slash. */
static _Noreturn void
no_daemon(const char *why)
{
	char next[128];

	if (strchr(ctl_target, '/') != NULL)
		ctl_fail("start one: alpined --socket PATH IFACE ADDRESS/PREFIX",
		    "no alpined listens there (%s)", why);
	snprintf(
	    next, sizeof(next), "start one: alpined --name %s IFACE ADDRESS/PREFIX", ctl_target);
	ctl_fail(next, "no alpined named %s is running (%s)", ctl_target, why);
}

/* It may be stopped at a debugger's breakpoint: that is said, and waited for. */
static void
still_waiting(int sig)
{
	static const char text[] = "alpinectl: alpined does not answer yet: is it stopped (ps), or "
				   "in a debugger? Ctrl-C gives up\n";
	int saved = errno;

	(void)sig;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	errno = saved;
}

static void
connect_daemon(void)
{
	struct sigaction act = {.sa_handler = still_waiting, .sa_flags = SA_RESTART}, before;
	char why[256];
	int error;

	sigaction(SIGALRM, &act, &before);
	alarm(PATIENCE_S);
	error = rpc_client_start(&ctl_client, ctl_target, RPC_KIND_CTL, NULL, why, sizeof(why));
	alarm(0);
	sigaction(SIGALRM, &before, NULL);
	if (error == -ENOENT || error == -ECONNREFUSED)
		no_daemon(why);
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
			ctl_target = optarg;
			break;
		case 's': /* the library takes what has a slash for a path */
			snprintf(path, sizeof(path), "%s%s",
			    strchr(optarg, '/') != NULL ? "" : "./", optarg);
			ctl_target = path;
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
		if (commands[i].fn != cmd_doctor) /* who looks why there is no daemon */
			connect_daemon();
		commands[i].fn(argc, argv);
		return (fflush(stdout) == 0 ? 0 : 1);
	}
	ctl_fail("type: alpinectl --help", "no such command: %s", argv[0]);
}
