/* passing.c - rows 3 and 6: sockets handed to other programs, processes, users. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "t/pitfalls/pitfalls.h"

static bool
send_fd(int unix_fd, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = "", byte = 'f';
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return (sendmsg(unix_fd, &m, 0) == 1);
}

static int
recv_fd(int unix_fd)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr m = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control,
	    .msg_controllen = sizeof(control)};
	struct cmsghdr *c;
	int fd = -1;

	if (recvmsg(unix_fd, &m, 0) == 1 && (c = CMSG_FIRSTHDR(&m)) != NULL)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return (fd);
}

static bool
sane(int fd)
{
	struct sockaddr_in sin = {0};
	socklen_t len = sizeof(sin);
	int one = 1;

	return (getpeername(fd, (struct sockaddr *)&sin, &len) == 0 && len == sizeof(sin) &&
		sin.sin_port == htons(PORT_ECHO) &&
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)) == 0);
}

static void
to_another_process(void)
{
	int sv[2], pid, fd;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) != 0)
		tap_bail("socketpair");
	if ((pid = fork()) == 0) {
		fd = recv_fd(sv[1]);
		_exit(fd >= 0 && sane(fd) && echoes(fd, "passed") ? 0 : 1);
	}
	fd = dial(PORT_ECHO);
	ok(send_fd(sv[0], fd), "6: a connection is sent");
	close(fd);
	is_int(exit_status(pid), 0, "6: to another process, which uses and asks it");
	if (geteuid() == 0) {
		if ((pid = fork()) == 0) {
			if (setgid(65534) != 0 || setuid(65534) != 0)
				_exit(2);
			fd = recv_fd(sv[1]);
			_exit(fd >= 0 && sane(fd) && echoes(fd, "nobody") ? 0 : 1);
		}
		fd = dial(PORT_ECHO);
		send_fd(sv[0], fd);
		close(fd);
		is_int(exit_status(pid), 0, "6: to a process of another user");
	}
	if ((pid = fork()) == 0) {
		fd = dial(PORT_ECHO);
		_exit(send_fd(sv[1], fd) && echoes(fd, "both") ? 0 : 1);
	}
	fd = recv_fd(sv[0]);
	is_int(exit_status(pid), 0, "6: the sender uses it and is gone");
	ok(sane(fd) && echoes(fd, "left"), "6: the connection is not");
	close(fd);
	close(sv[0]);
	close(sv[1]);
}

/* PITFALLS_OUTSIDE names a Unix socket of a process outside of the namespace, which echoes once. */
static void
to_the_outside(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const char *path = getenv("PITFALLS_OUTSIDE");
	int u = socket(AF_UNIX, SOCK_STREAM, 0), p[2];
	char word[8] = "";

	if (path == NULL)
		return;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	is_int(connect(u, (struct sockaddr *)&sun, sizeof(sun)), 0,
	    "6: a Unix socket is the kernel's");
	connected_pair(p);
	ok(send_fd(u, p[1]), "6: a connection is sent out of the namespace");
	close(p[1]);
	is_int(write(p[0], "inside", 6), 6, "6: a word goes in");
	ok(read_all(p[0], word, 7) && memcmp(word, "outside", 7) == 0, "6: the answer comes out");
	close(p[0]);
	close(u);
}

static int
run_child(const char *what, int from, int to, char **envp)
{
	static char child_flag[] = "--child";
	posix_spawn_file_actions_t fa;
	char *argv[] = {(char *)(uintptr_t)self_path, child_flag, (char *)(uintptr_t)what, NULL};
	int pid = -1;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_adddup2(&fa, from, to);
	if (posix_spawn(&pid, self_path, &fa, NULL, argv, envp) != 0)
		return (-1);
	posix_spawn_file_actions_destroy(&fa);
	return (exit_status(pid));
}

extern char **environ;

static void
through_exec(void)
{
	struct sockaddr_in sin;
	int fd = dial(PORT_ECHO), l, pid;
	char word[8] = "";

	is_int(run_child("stdin-echo", fd, 0, environ), 0,
	    "3: inetd style: a connection as standard input of another program");
	ok(echoes(fd, "still"), "3: and its parent's as well");
	close(fd);
	fd = dial_udp(PORT_ECHO);
	is_int(run_child("stdin-echo", fd, 0, environ), 0, "3: a datagram socket, the same");
	close(fd);
	l = listener(&sin);
	if ((pid = fork()) == 0)
		_exit(run_child("listen-fds", l, 3, environ));
	fd = socket(AF_INET, SOCK_STREAM, 0);
	is_int(
	    connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0, "3: a connection to a listener");
	ok(read_all(fd, word, 6) && memcmp(word, "served", 6) == 0,
	    "3: that another program has as descriptor 3 (LISTEN_FDS)");
	is_int(exit_status(pid), 0, "3: it accepted by accept4");
	close(fd);
	close(l);
	fd = dial(PORT_ECHO);
	snprintf(word, sizeof(word), "%d", fd);
	setenv("PITFALLS_FD", word, 1);
	is_int(fcntl(fd, F_SETFD, FD_CLOEXEC), 0, "3: FD_CLOEXEC");
	l = open("/dev/null", O_RDONLY);
	is_int(run_child("not-there", l, 0, environ), 0, "3: is gone in a new program");
	is_int(run_child("there", fd, fd, environ), 0,
	    "3: but for posix_spawn's dup2 onto the same number, which takes FD_CLOEXEC away");
	close(l);
	close(fd);
}

void
pitfalls_passing(void)
{
	to_another_process();
	to_the_outside();
	through_exec();
}
