/*
 * tcplog.c - alpinectl tcplog: opens the file, and hands its descriptor to alpined, which may open
 * none. Without a file alpined gets a pipe, and what comes through it goes to the standard output.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rpc/ctl/alpinectl.h"

#define HELP "type: alpinectl --help"

static char request[200]; /* words of netinet/tcp_log.h */

static void
add_word(const char *name, const char *value)
{
	size_t len = strlen(request);
	int n = snprintf(
	    request + len, sizeof(request) - len, "%s%s=%s", len > 0 ? " " : "", name, value);

	if (n < 0 || (size_t)n >= sizeof(request) - len || strchr(value, ' ') != NULL)
		ctl_fail(HELP, "tcplog: %s %s: not a value", name, value);
}

static void
parse(int argc, char **argv)
{
	static const struct option longopts[] = {
	    {"format", required_argument, NULL, 'f'},
	    {"port", required_argument, NULL, 'p'},
	    {"addr", required_argument, NULL, 'a'},
	    {"every", required_argument, NULL, 'e'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, ":f:p:a:e:", longopts, NULL)) != -1) {
		switch (c) {
		case 'f':
			add_word("format", optarg);
			break;
		case 'p':
			add_word("port", optarg);
			break;
		case 'a':
			add_word("addr", optarg);
			break;
		case 'e':
			add_word("every", optarg);
			break;
		default:
			ctl_fail(HELP,
			    c == ':' ? "tcplog: %s wants a value" : "tcplog: no such option: %s",
			    argv[optind - 1]);
		}
	}
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return (n >= m && strcmp(s + n - m, end) == 0);
}

static void
ask_start(int fd)
{
	char answer[512];
	size_t len = 0;
	int error = rpc_ask(&ctl_client, RPC_CTL_TCPLOG_START, fd, request, strlen(request), answer,
	    sizeof(answer) - 1, 0, &len);

	if (error == EBUSY)
		ctl_fail("alpinectl tcplog stop ends it", "tcplog: one is running");
	ctl_check(error, "tcplog start");
	answer[len] = '\0';
	if (strncmp(answer, "refused\t", 8) == 0) {
		answer[strcspn(answer, "\n")] = '\0';
		ctl_fail(HELP, "tcplog: %s", answer + 8);
	}
	close(fd);
}

/* Until alpined or the reader of our output has enough; Ctrl-C closes the pipe, and ends the log.
 */
static void
stream(void)
{
	char buf[65536];
	int ends[2];
	ssize_t n;

	if (pipe2(ends, O_CLOEXEC) != 0)
		ctl_fail("", "tcplog: %s", strerror(errno));
	ask_start(ends[1]);
	while ((n = read(ends[0], buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR)) {
		if (n > 0 && fwrite(buf, 1, (size_t)n, stdout) != (size_t)n)
			ctl_fail("", "tcplog: writing: %s", strerror(errno));
		if (fflush(stdout) != 0)
			ctl_fail("", "tcplog: writing: %s", strerror(errno));
	}
}

/* A file that was made for a log that was refused goes again. */
static const char *made_file;

static void
remove_made(void)
{
	if (made_file != NULL)
		(void)unlink(made_file);
}

static void
start(int argc, char **argv)
{
	const char *file;
	int fd;

	parse(argc, argv);
	if (argc - optind > 1)
		ctl_fail(HELP, "tcplog: one file, not %s too", argv[optind + 1]);
	file = argc > optind ? argv[optind] : "-";
	if (strstr(request, "format=") == NULL && (ends_with(file, ".jsonl") || ctl_json))
		add_word("format", "jsonl");
	if (strcmp(file, "-") == 0) {
		stream();
		return;
	}
	/* alpined empties it when the log has begun: another log may be writing there now */
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
	if (fd >= 0) {
		made_file = file;
		atexit(remove_made);
	} else {
		fd = open(
		    file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
	}
	if (fd < 0)
		ctl_fail(errno == ENXIO ? "start its reader first" : "", "tcplog: %s: %s", file,
		    strerror(errno));
	ask_start(fd);
	made_file = NULL;
}

void
cmd_tcplog(int argc, char **argv)
{
	struct table t = {.text = NULL};
	int error;

	if (argc >= 2 && strcmp(argv[1], "start") == 0) {
		start(argc - 1, argv + 1);
		return;
	}
	if (argc != 2 || (strcmp(argv[1], "stop") != 0 && strcmp(argv[1], "status") != 0))
		ctl_fail(HELP, "tcplog wants start, stop or status");
	error = rpc_ask_text(&ctl_client, RPC_CTL_TCPLOG, argv[1], ctl_collect, &t);
	if (error == ESRCH)
		ctl_fail("alpinectl tcplog start FILE", "tcplog: none is running");
	ctl_check(error, "tcplog");
	print_pairs(t.text);
	table_free(&t);
}
