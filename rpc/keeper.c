/*
 * keeper.c - a process that undoes the bridge when alpined is gone, however it went.
 *
 * alpined gives up its privileges and its network namespace once it stands, so it cannot take the
 * bridge apart itself; and after SIGKILL nobody could. So a child, forked before that, keeps the
 * privileges, ignores signals, and waits for the end of a pipe that alpined holds open. It keeps
 * no other descriptor but stderr and its netlink sockets: a TAP that it held would not go away.
 *
 * Owns the pipe and the child's id. Called by alpined.c.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rpc/keeper.h"

#define WAIT_MS 10000 /* for the undoing */

static int pipe_fd = -1;
static pid_t keeper_pid;

static bool
is_netlink(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_NETLINK);
}

static void
close_all_but(int keep)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int fd;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		fd = atoi(entry->d_name);
		if (entry->d_name[0] == '.' || fd == keep || fd == STDERR_FILENO ||
		    fd == dirfd(dir) || is_netlink(fd))
			continue;
		close(fd);
	}
	closedir(dir);
}

static void
keep(struct bridge *b, int fd)
{
	struct link_error le = {.text = ""};
	char byte;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		if (sig != SIGCHLD)
			signal(sig, SIG_IGN);
	(void)setsid();
	(void)prctl(PR_SET_NAME, "alpined-keeper");
	close_all_but(fd);
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	if (bridge_detach(b, &le) == 0)
		_exit(0);
	fprintf(stderr, "alpined: %s%s%s\n", le.text, le.hint[0] != '\0' ? "; " : "", le.hint);
	_exit(1);
}

int
keeper_start(struct bridge *b)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return (errno);
	fflush(NULL);
	keeper_pid = fork();
	if (keeper_pid == 0) {
		close(ends[1]);
		keep(b, ends[0]);
	}
	close(ends[0]);
	if (keeper_pid < 0) {
		close(ends[1]);
		return (errno);
	}
	pipe_fd = ends[1];
	return (0);
}

void
keeper_finish(void)
{
	int waited;

	if (pipe_fd < 0)
		return;
	close(pipe_fd);
	pipe_fd = -1;
	for (waited = 0; waited < WAIT_MS; waited += 10) {
		if (waitpid(keeper_pid, NULL, WNOHANG) != 0)
			return;
		(void)poll(NULL, 0, 10);
	}
}
