/*
 * cmd.c - sysctl, sockstat, tcpdrop, kldload, sleep, ip and tc for packetdrill's scripts: one
 * program, by the name it is called by. They speak to the stack in the packetdrill that runs the
 * script (pd_ctl.c). Where there is none, the command of that name further down PATH is run
 * instead.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "t/packetdrill/cmd.h"

#define ENV "ALPINE_PACKETDRILL"

static const char *my_name;

/* ---- asking ---- */

bool
in_packetdrill(void)
{
	const char *name = getenv(ENV);

	return (name != NULL && *name != '\0');
}

static int
dial(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const char *name = getenv(ENV);
	size_t n = name != NULL ? strlen(name) : 0;
	int fd;

	if (n == 0 || n >= sizeof(sun.sun_path))
		return (-1);
	memcpy(sun.sun_path + 1, name, n);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sun,
			   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n)) == 0)
		return (fd);
	if (fd >= 0)
		close(fd);
	return (-1);
}

static char *
read_all(int fd)
{
	char part[4096], *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	ssize_t n;

	if (out == NULL)
		return (NULL);
	while ((n = read(fd, part, sizeof(part))) > 0)
		fwrite(part, 1, (size_t)n, out);
	fclose(out);
	return (text);
}

bool
ask(char **text, const char *fmt, ...)
{
	char line[1024], *answer;
	va_list ap;
	int fd, n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fd = dial();
	if (fd < 0 || n < 0 || (size_t)n >= sizeof(line)) {
		*text = strdup(fd < 0 ? "packetdrill's stack does not answer" : "too long");
		return (false);
	}
	if (send(fd, line, (size_t)n, MSG_NOSIGNAL) != n || (answer = read_all(fd)) == NULL) {
		close(fd);
		*text = strdup("packetdrill's stack does not answer");
		return (false);
	}
	close(fd);
	if (strncmp(answer, "ok\n", 3) == 0) {
		*text = strdup(answer + 3);
		free(answer);
		return (true);
	}
	n = strncmp(answer, "error ", 6) == 0 ? 6 : 0;
	answer[strcspn(answer, "\n")] = '\0';
	*text = strdup(answer + n);
	free(answer);
	return (false);
}

/* ---- sockstat ---- */

struct sockstat {
	bool state, listening, connected, quiet;
	char proto[16];
	char port[16];
};

static int
process_name(char *name, size_t size)
{
	char path[64];
	int pid = 0;
	FILE *f;

	sscanf(getenv(ENV), "alpine/packetdrill/%d", &pid);
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "r");
	if (f == NULL || fgets(name, (int)size, f) == NULL)
		snprintf(name, size, "packetdrill");
	if (f != NULL)
		fclose(f);
	name[strcspn(name, "\n")] = '\0';
	name[strnlen(name, 10)] = '\0';
	return (pid);
}

/* proto, local address and port, foreign ones, state, descriptor; as FreeBSD's lines are */
static void
sockstat_line(const struct sockstat *s, char *line, const char *name, int pid)
{
	char *field[8] = {NULL}, local[64], foreign[64], id[16] = "?", fd[16] = "?";
	bool held;
	int n = 0;

	while (n < 7 && (field[n] = strsep(&line, "\t")) != NULL)
		n++;
	if (n < 7)
		return;
	if (s->proto[0] != '\0' && strncmp(field[0], s->proto, strlen(s->proto)) != 0)
		return;
	if (s->port[0] != '\0' && strcmp(field[2], s->port) != 0 && strcmp(field[4], s->port) != 0)
		return;
	if (s->listening != s->connected && s->listening != (strcmp(field[4], "*") == 0))
		return;
	held = strcmp(field[6], "-1") != 0;
	if (held) {
		snprintf(id, sizeof(id), "%d", pid);
		snprintf(fd, sizeof(fd), "%.10s", field[6]);
	}
	snprintf(local, sizeof(local), "%s:%s", field[1], field[2]);
	snprintf(foreign, sizeof(foreign), "%s:%s", field[3], field[4]);
	printf("%-8s %-10s %-5s %-3s %-6s %-21s %-21s %s\n", held ? "root" : "?", held ? name : "?",
	    id, fd, field[0], local, foreign, s->state ? field[5] : "");
}

static int
cmd_sockstat(int argc, char **argv)
{
	struct sockstat s = {.proto = ""};
	char *text = NULL, *line, *rest, name[64];
	int c, pid;

	while ((c = getopt(argc, argv, "46cCLlnqsSiIUuvwp:P:j:")) != -1) {
		if (c == 's')
			s.state = true;
		else if (c == 'l')
			s.listening = true;
		else if (c == 'c')
			s.connected = true;
		else if (c == 'q')
			s.quiet = true;
		else if (c == 'p')
			snprintf(s.port, sizeof(s.port), "%s", optarg);
		else if (c == 'P')
			snprintf(s.proto, sizeof(s.proto), "%s", optarg);
		else if (c == '6')
			return (0); /* the stack has no IPv6 sockets */
		else if (c == '?')
			return (1);
	}
	if (!ask(&text, "sockets")) {
		fprintf(stderr, "sockstat: %s\n", text);
		return (1);
	}
	pid = process_name(name, sizeof(name));
	if (!s.quiet)
		printf("%-8s %-10s %-5s %-3s %-6s %-21s %-21s%s\n", "USER", "COMMAND", "PID", "FD",
		    "PROTO", "LOCAL ADDRESS", "FOREIGN ADDRESS", s.state ? " STATE" : "");
	for (rest = text; (line = strsep(&rest, "\n")) != NULL;)
		if (*line != '\0')
			sockstat_line(&s, line, name, pid);
	free(text);
	return (0);
}

/* ---- tcpdrop, kldload, sleep, ip, tc ---- */

static int
complain(char *why)
{
	fprintf(stderr, "%s: %s\n", my_name, why);
	free(why);
	return (1);
}

#define request(...) (ask(&text, __VA_ARGS__) ? (free(text), 0) : complain(text))

static int
drop_all(void)
{
	char *list = NULL, *rest, *line, *text = NULL, *f[8] = {NULL};
	int n, failed = 0;

	if (!ask(&list, "sockets"))
		return (complain(list));
	for (rest = list; (line = strsep(&rest, "\n")) != NULL;) {
		for (n = 0; n < 8 && (f[n] = strsep(&line, "\t")) != NULL; n++)
			;
		if (n < 7 || strcmp(f[0], "tcp4") != 0 || strcmp(f[4], "*") == 0)
			continue;
		printf("%s %s %s %s: dropped\n", f[1], f[2], f[3], f[4]);
		failed |= request("drop %s %s %s %s", f[1], f[2], f[3], f[4]);
	}
	free(list);
	return (failed);
}

static int
cmd_tcpdrop(int argc, char **argv)
{
	char *text = NULL;

	if (argc == 2 && strcmp(argv[1], "-a") == 0)
		return (drop_all());
	if (argc != 5) {
		fprintf(stderr, "usage: tcpdrop LADDR LPORT FADDR FPORT | tcpdrop -a\n");
		return (1);
	}
	return (request("drop %s %s %s %s", argv[1], argv[2], argv[3], argv[4]));
}

/* All that FreeBSD has as modules and this stack has at all is there already. */
static int
cmd_kldload(int argc, char **argv)
{
	static const char *const there[] = {"cc_cubic", "cc_newreno", "tcp_rack"};
	bool again_ok = false;
	int c, failed = 0;
	size_t i;

	while ((c = getopt(argc, argv, "nqv")) != -1) {
		if (c == '?')
			return (1);
		again_ok |= c == 'n';
	}
	if (optind == argc) {
		fprintf(stderr, "usage: kldload [-n] [-qv] MODULE ...\n");
		return (1);
	}
	for (; optind < argc; optind++) {
		for (i = 0; i < sizeof(there) / sizeof(there[0]); i++)
			if (strcmp(argv[optind], there[i]) == 0)
				break;
		if (i < sizeof(there) / sizeof(there[0]) && again_ok)
			continue;
		fprintf(stderr, "kldload: can't load %s: %s\n", argv[optind],
		    i < sizeof(there) / sizeof(there[0]) ? "module already loaded or in kernel"
							 : "No such file or directory");
		failed = 1;
	}
	return (failed);
}

/* Virtual time: it passes at once. */
static int
cmd_sleep(int argc, char **argv)
{
	double seconds = argc == 2 ? strtod(argv[1], NULL) : -1;
	char *text = NULL;

	if (seconds < 0) {
		fprintf(stderr, "usage: sleep SECONDS\n");
		return (1);
	}
	return (request("sleep %.0f", seconds * 1e6));
}

static bool
is_line(int argc, char **argv, const char *const *words)
{
	int i;

	for (i = 1; i < argc && words[i - 1] != NULL; i++)
		if (strcmp(argv[i], words[i - 1]) != 0)
			return (false);
	return (words[argc > 0 ? argc - 1 : 0] == NULL);
}

/* What scripts ask of ip and tc that this stack has anyway: no cache, no queueing discipline. */
static int
cmd_nothing(int argc, char **argv)
{
	static const char *const known[][8] = {
	    {"tcp_metrics", "flush", "all"},
	    {"tcp_metrics", "flush"},
	    {"qdisc", "add", "dev", "tun0", "root", "pfifo"},
	    {"qdisc", "replace", "dev", "tun0", "root", "pfifo"},
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (is_line(argc, argv, known[i]))
			return (0);
	fprintf(stderr,
	    "%s: the stack under test is in packetdrill and not the kernel's; the flags of its "
	    "module set what this would set\n",
	    my_name);
	return (1);
}

/* ---- which ---- */

/* Somebody uses the folder without packetdrill: what he meant lies further down PATH. */
static int
run_next(char **argv)
{
	const char *dir = getenv("PATH"), *end;
	char file[4096];
	struct stat self, st;

	if (stat("/proc/self/exe", &self) != 0)
		return (127);
	for (; dir != NULL && *dir != '\0'; dir = *end != '\0' ? end + 1 : end) {
		end = strchrnul(dir, ':');
		snprintf(file, sizeof(file), "%.*s/%s", (int)(end - dir), dir, my_name);
		if (stat(file, &st) != 0 || (st.st_dev == self.st_dev && st.st_ino == self.st_ino))
			continue;
		execv(file, argv);
	}
	fprintf(stderr, "%s: runs in the scripts of a packetdrill with Alpine's module\n", my_name);
	return (127);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*fn)(int, char **);
	} commands[] = {
	    {"sysctl", cmd_sysctl},
	    {"sockstat", cmd_sockstat},
	    {"tcpdrop", cmd_tcpdrop},
	    {"kldload", cmd_kldload},
	    {"sleep", cmd_sleep},
	    {"ip", cmd_nothing},
	    {"tc", cmd_nothing},
	};
	size_t i;

	my_name = strrchr(argv[0], '/') != NULL ? strrchr(argv[0], '/') + 1 : argv[0];
	if (!in_packetdrill())
		return (run_next(argv));
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(my_name, commands[i].name) == 0)
			return (commands[i].fn(argc, argv));
	fprintf(
	    stderr, "%s: call it sysctl, sockstat, tcpdrop, kldload, sleep, ip or tc\n", my_name);
	return (1);
}
