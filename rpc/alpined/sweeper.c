/*
 * sweeper.c - a process that removes the control socket, and the run directory if that was made
 * and is empty, when alpined is gone, however it went.
 *
 * alpined itself sees no file system any more (confine.c). The sweeper, forked before that, has
 * no capability and a filter of ten system calls; it reads from a pipe whose other end is
 * alpined's until that ends. A socket of the same name that another alpined made meanwhile is
 * told by its inode and stays.
 *
 * Owns the pipe and the child's id. Called by alpined.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rpc/alpined/confine.h"
#include "rpc/alpined/sweeper.h"

#define WAIT_MS 2000

static int pipe_fd = -1;
static pid_t sweeper_pid;

static _Noreturn void
sweep(const char *path, const char *dir, const struct stat *was)
{
	struct stat now;
	char byte;
	ssize_t n;
	int sig, null = open("/dev/null", O_RDWR);

	for (sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_IGN);
	(void)setsid();
	(void)prctl(PR_SET_NAME, "alpined-sweeper");
	if (null >= 0) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(null, STDOUT_FILENO);
		(void)dup2(null, STDERR_FILENO);
	}
	(void)close_range(4, ~0u, 0); /* alpined goes on when it sees that */
	if (confine_sweeper() != 0)
		_exit(1);
	do
		n = read(3, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (lstat(path, &now) == 0 && now.st_ino == was->st_ino && now.st_dev == was->st_dev)
		(void)unlink(path);
	if (dir[0] != '\0')
		(void)rmdir(dir);
	_exit(0);
}

int
sweeper_start(const char *socket_path, const char *dir)
{
	struct stat st;
	int ends[2], closed[2], life;
	char byte;

	if (lstat(socket_path, &st) != 0 || pipe2(ends, O_CLOEXEC) != 0)
		return (errno);
	if (pipe2(closed, O_CLOEXEC) != 0) {
		close(ends[0]);
		close(ends[1]);
		return (errno);
	}
	fflush(NULL);
	sweeper_pid = fork();
	if (sweeper_pid == 0) {
		/* closed[1] must not be what 3 was: it tells when all are closed */
		life = fcntl(ends[0], F_DUPFD, 10);
		if (life < 0 || fcntl(closed[1], F_DUPFD, 10) < 0 || dup2(life, 3) < 0)
			_exit(1);
		sweep(socket_path, dir, &st);
	}
	close(ends[0]);
	close(closed[1]);
	/* Until then it has copies of our listener and of the TAP. */
	while (sweeper_pid > 0 && read(closed[0], &byte, 1) < 0 && errno == EINTR)
		;
	close(closed[0]);
	if (sweeper_pid < 0) {
		close(ends[1]);
		return (errno);
	}
	pipe_fd = ends[1];
	return (0);
}

void
sweeper_finish(void)
{
	int waited;

	if (pipe_fd < 0)
		return;
	close(pipe_fd);
	pipe_fd = -1;
	for (waited = 0; waited < WAIT_MS && waitpid(sweeper_pid, NULL, WNOHANG) == 0; waited += 2)
		(void)poll(NULL, 0, 2);
}
