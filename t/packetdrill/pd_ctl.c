/*
 * pd_ctl.c - how the commands of a script (sysctl, sockstat, tcpdrop, sleep) reach the stack in
 * packetdrill's process: an abstract Unix socket, whose name the environment hands to them. A
 * request is one line, the answer "ok" or "error TEXT" on a line and text behind it.
 *
 *	sysctl NAME | sysctl NAME=VALUE | describe NAME | list PREFIX | sockets |
 *	drop LADDR LPORT FADDR FPORT | sleep USECS
 *
 * Owns the listener and its thread.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "kernel_glue/include/host/sysctl_text.h"
#include "t/packetdrill/pd_host.h"

#define REQUEST_MAX 1024
#define BIN_FOLDER "packetdrill-bin"

static int listener = -1;
static pthread_t thread;

/* ---- requests ---- */

static void
bsd_error(FILE *out, int error)
{
	fprintf(out, "error %s\n", bsd_strerror(error));
}

static void
do_sysctl(FILE *out, char *name)
{
	char *value = strchr(name, '='), old[4096], new[4096];
	int error;

	if (value != NULL)
		*value++ = '\0';
	error = sysctl_text_get(name, old, sizeof(old));
	if (error == 0 && value != NULL) {
		error = sysctl_text_set(name, value);
		if (error == 0)
			error = sysctl_text_get(name, new, sizeof(new));
	}
	if (error != 0)
		bsd_error(out, error);
	else if (value != NULL)
		fprintf(out, "ok\n%s\n%s\n", old, new);
	else
		fprintf(out, "ok\n%s\n", old);
}

static void
do_describe(FILE *out, const char *name)
{
	char text[4096];
	int error = sysctl_text_describe(name, text, sizeof(text));

	if (error != 0)
		bsd_error(out, error);
	else
		fprintf(out, "ok\n%s\n", text);
}

static int
list_one(const char *name, const char *type, const char *descr, int writable, void *arg)
{
	char text[4096];

	(void)type;
	(void)descr;
	(void)writable;
	if (sysctl_text_get(name, text, sizeof(text)) == 0)
		fprintf(arg, "%s: %s\n", name, text);
	return (0);
}

static void
do_list(FILE *out, const char *prefix)
{
	fprintf(out, "ok\n");
	(void)sysctl_text_foreach(prefix, list_one, out);
}

static void
emit(void *arg, const char *text, size_t len)
{
	fwrite(text, 1, len, arg);
}

static int
fd_of(void *owner)
{
	return (owner != NULL ? ((struct pd_file *)owner)->f_fd : -1);
}

static void
do_sockets(FILE *out, const char *unused)
{
	(void)unused;
	fprintf(out, "ok\n");
	pd_sockets(emit, out, fd_of);
}

static void
do_drop(FILE *out, const char *args)
{
	char laddr[64], faddr[64];
	struct in_addr l, f;
	unsigned lport, fport;
	int error = EINVAL;

	if (sscanf(args, "%63s %u %63s %u", laddr, &lport, faddr, &fport) == 4 &&
	    inet_pton(AF_INET, laddr, &l) == 1 && inet_pton(AF_INET, faddr, &f) == 1)
		error = pd_drop(l.s_addr, htons((uint16_t)lport), f.s_addr, htons((uint16_t)fport));
	if (error != 0)
		fprintf(out, "error %s\n", strerror(error));
	else
		fprintf(out, "ok\n");
}

static void
do_sleep(FILE *out, const char *usecs)
{
	pd_advance_us(strtoull(usecs, NULL, 10));
	fprintf(out, "ok\n");
}

static const struct {
	const char *verb;
	void (*by_text)(FILE *, const char *);
	void (*by_line)(FILE *, char *);
} verbs[] = {
    {"sysctl ", NULL, do_sysctl},
    {"describe ", do_describe, NULL},
    {"list ", do_list, NULL},
    {"sockets", do_sockets, NULL},
    {"drop ", do_drop, NULL},
    {"sleep ", do_sleep, NULL},
};

static void
do_request(FILE *out, char *line)
{
	size_t i, n;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		n = strlen(verbs[i].verb);
		if (strncmp(line, verbs[i].verb, n) != 0)
			continue;
		pd_enter();
		if (verbs[i].by_line != NULL)
			verbs[i].by_line(out, line + n);
		else
			verbs[i].by_text(out, line + n);
		pd_leave(0);
		return;
	}
	fprintf(out, "error no such request\n");
}

/* The answer is composed before it is sent: the lock is not held for a slow reader. */
static void
serve(int fd)
{
	char line[REQUEST_MAX], *text = NULL;
	size_t len = 0, sent = 0;
	ssize_t n = recv(fd, line, sizeof(line) - 1, 0);
	FILE *out;

	if (n <= 0)
		return;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	out = open_memstream(&text, &len);
	if (out == NULL)
		return;
	do_request(out, line);
	fclose(out);
	while (sent < len && (n = send(fd, text + sent, len - sent, MSG_NOSIGNAL)) > 0)
		sent += (size_t)n;
	free(text);
}

static void *
ctl_main(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno == EINTR) {
		if (fd < 0)
			continue;
		serve(fd);
		close(fd);
	}
	return (NULL);
}

/* ---- the environment ---- */

/* The commands lie beside the module. */
static void
set_path(void)
{
	char folder[4096], path[8192], *slash;
	const char *old = getenv("PATH");
	Dl_info info;

	if (dladdr((void *)pd_ctl_start, &info) == 0 || info.dli_fname == NULL ||
	    realpath(info.dli_fname, folder) == NULL || (slash = strrchr(folder, '/')) == NULL)
		return;
	*slash = '\0';
	snprintf(path, sizeof(path), "%s/" BIN_FOLDER, folder);
	if (access(path, X_OK) != 0) /* a program that the module is linked into: build/t */
		snprintf(path, sizeof(path), "%.*s/lib/" BIN_FOLDER,
		    (int)(strrchr(folder, '/') - folder), folder);
	if (access(path, X_OK) != 0)
		return;
	strncat(path, ":", sizeof(path) - strlen(path) - 1);
	strncat(path, old != NULL ? old : "/usr/bin:/bin", sizeof(path) - strlen(path) - 1);
	setenv("PATH", path, 1);
}

void
pd_ctl_start(bool path)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	char name[64];
	int n;

	n = snprintf(name, sizeof(name), "alpine/packetdrill/%d", (int)getpid());
	memcpy(sun.sun_path + 1, name, (size_t)n);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 ||
	    bind(listener, (struct sockaddr *)&sun,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) != 0 ||
	    listen(listener, 16) != 0 || pthread_create(&thread, NULL, ctl_main, NULL) != 0) {
		fprintf(stderr, "alpine: no socket for sysctl and sockstat: %s\n", strerror(errno));
		if (listener >= 0)
			close(listener);
		listener = -1;
		return;
	}
	setenv(PD_CTL_ENV, name, 1);
	if (path)
		set_path();
}

void
pd_ctl_stop(void)
{
	if (listener < 0)
		return;
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
	listener = -1;
}
