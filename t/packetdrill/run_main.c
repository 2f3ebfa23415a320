/*
 * run_main.c - pdrun: runs scripts in packetdrill's language, each in a process of its own, several
 * at once, and prints TAP.
 *
 *	pdrun [-j N] [FILE.pkt|FOLDER ...]
 *
 * Without arguments: what lies in the scripts folder of t/packetdrill. Owns the children.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "t/packetdrill/run.h"

#define JOBS_MAX 64

struct child {
	pid_t pid;
	int fd; /* what it says */
	size_t file;
	char *text;
	size_t len;
};

static char **files;
static size_t nfiles;
static struct child children[JOBS_MAX];
static int running, failed;
static size_t done;

static void
add_file(const char *path)
{
	char **more = realloc(files, (nfiles + 1) * sizeof(char *));

	if (more == NULL) {
		perror("pdrun");
		exit(2);
	}
	files = more;
	files[nfiles++] = strdup(path);
}

static int
visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const size_t n = strlen(path);

	(void)st;
	(void)ftw;
	if (type == FTW_F && n > 4 && strcmp(path + n - 4, ".pkt") == 0)
		add_file(path);
	return (0);
}

static void
add_argument(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "pdrun: %s: %s\n", path, strerror(errno));
		exit(2);
	}
	if (S_ISDIR(st.st_mode))
		nftw(path, visit, 16, FTW_PHYS);
	else
		add_file(path);
}

static int
by_name(const void *a, const void *b)
{
	return (strcmp(*(char *const *)a, *(char *const *)b));
}

/* ---- a child ---- */

static char *
read_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n, len = 0;
	char *text;

	if (fd < 0 || fstat(fd, &st) != 0)
		script_error(path, 0, "%s", strerror(errno));
	text = malloc((size_t)st.st_size + 1);
	while ((n = read(fd, text + len, (size_t)(st.st_size - len))) > 0)
		len += n;
	text[len] = '\0';
	close(fd);
	return (text);
}

static void
run_one(const char *path)
{
	struct script s = {.file = path};

	script_parse(&s, read_file(path));
	run_script(&s);
}

static void
start(size_t file)
{
	struct child *c = children;
	int fds[2];

	while (c->pid != 0)
		c++;
	if (pipe2(fds, O_CLOEXEC) != 0) {
		perror("pdrun: pipe");
		exit(2);
	}
	fflush(NULL);
	*c = (struct child){.pid = fork(), .fd = fds[0], .file = file};
	if (c->pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[1]);
		run_one(files[file]);
		fflush(NULL);
		_exit(0);
	}
	if (c->pid < 0) {
		perror("pdrun: fork");
		exit(2);
	}
	close(fds[1]);
	running++;
}

/* ---- the parent ---- */

static void
tell(const struct child *c, int status)
{
	const char *line = c->text, *end;
	const bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	printf("%sok %zu - %s\n", good ? "" : "not ", ++done, files[c->file]);
	if (good)
		return;
	failed++;
	if (WIFSIGNALED(status))
		printf("# killed by signal %d\n", WTERMSIG(status));
	for (; line != NULL && *line != '\0'; line = *end != '\0' ? end + 1 : end) {
		end = strchrnul(line, '\n');
		printf("# %.*s\n", (int)(end - line), line);
	}
}

static void
finish(struct child *c)
{
	int status = 0;

	waitpid(c->pid, &status, 0);
	close(c->fd);
	tell(c, status);
	free(c->text);
	memset(c, 0, sizeof(*c));
	running--;
}

static void
listen_to(struct child *c)
{
	char part[4096];
	ssize_t n = read(c->fd, part, sizeof(part));

	if (n <= 0) {
		finish(c);
		return;
	}
	c->text = realloc(c->text, c->len + (size_t)n + 1);
	memcpy(c->text + c->len, part, (size_t)n);
	c->len += (size_t)n;
	c->text[c->len] = '\0';
}

static void
wait_some(void)
{
	struct pollfd fds[JOBS_MAX];
	struct child *which[JOBS_MAX];
	nfds_t n = 0, i;
	int k;

	for (k = 0; k < JOBS_MAX; k++)
		if (children[k].pid != 0) {
			fds[n] = (struct pollfd){children[k].fd, POLLIN, 0};
			which[n++] = &children[k];
		}
	if (poll(fds, n, -1) < 0)
		return;
	for (i = 0; i < n; i++)
		if (fds[i].revents != 0)
			listen_to(which[i]);
}

/* Shorter, if it is below the current folder. */
static const char *
from_here(const char *path)
{
	char here[PATH_MAX];
	size_t n;

	if (getcwd(here, sizeof(here)) == NULL)
		return (path);
	n = strlen(here);
	return (strncmp(path, here, n) == 0 && path[n] == '/' ? path + n + 1 : path);
}

static void
default_scripts(const char *program)
{
	char path[PATH_MAX + 64], real[PATH_MAX], *slash;

	if (realpath(program, path) == NULL || (slash = strrchr(path, '/')) == NULL)
		exit(2);
	snprintf(slash, 64, "/../../t/packetdrill/scripts");
	add_argument(realpath(path, real) != NULL ? from_here(real) : path);
}

int
main(int argc, char **argv)
{
	struct timespec a, b;
	size_t next = 0;
	int c, jobs = 2;

	while ((c = getopt(argc, argv, "j:")) != -1) {
		if (c != 'j') {
			fprintf(stderr, "usage: pdrun [-j N] [FILE.pkt|FOLDER ...]\n");
			return (2);
		}
		jobs = atoi(optarg);
	}
	if (jobs < 1 || jobs > JOBS_MAX) {
		fprintf(stderr, "pdrun: -j is 1 to %d\n", JOBS_MAX);
		return (2);
	}
	for (c = optind; c < argc; c++)
		add_argument(argv[c]);
	if (optind == argc)
		default_scripts(argv[0]);
	qsort(files, nfiles, sizeof(char *), by_name);
	clock_gettime(CLOCK_MONOTONIC, &a);
	printf("1..%zu\n", nfiles);
	while (next < nfiles || running > 0) {
		while (next < nfiles && running < jobs)
			start(next++);
		wait_some();
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("# %zu scripts, %d failed, %.2f s\n", nfiles, failed,
	    (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9);
	return (failed > 0);
}
