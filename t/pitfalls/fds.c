/* fds.c - rows 1, 3, 4, 5, 7: a socket is a descriptor like any other. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "t/pitfalls/pitfalls.h"

static void
stdio_on_a_socket(void)
{
	char line[64] = "", word[16] = "";
	int fd = dial(PORT_ECHO), a = 0, b = 0;
	FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");

	fprintf(out, "one %d two %d\n%s", 1, 2, "next\nX");
	fflush(out);
	ok(fgets(line, sizeof(line), in) != NULL && strcmp(line, "one 1 two 2\n") == 0,
	    "1: fprintf and fgets");
	ok(sscanf(line, "one %d two %d", &a, &b) == 2 && fscanf(in, "%15s", word) == 1 &&
		strcmp(word, "next") == 0,
	    "1: fscanf");
	is_int(getc(in), '\n', "1: getc of the rest of the buffer");
	is_int(getc(in), 'X', "1: getc");
	is_int(ungetc('Y', in), 'Y', "1: ungetc");
	is_int(getc(in), 'Y', "1: and it is there");
	fclose(out);
	shutdown(fd, SHUT_WR);
	is_int(getc(in), EOF, "1: end of file");
	ok(feof(in) && !ferror(in), "1: which is no error");
	fclose(in);
	fd = dial(PORT_RESET);
	in = fdopen(fd, "r");
	is_int(write(fd, "x", 1), 1, "1: a byte for a reset");
	errno = 0;
	ok(getc(in) == EOF && ferror(in) && errno == ECONNRESET, "1: getc of a reset is an error");
	fclose(in);
}

static void
duplicates(void)
{
	int fd = dial(PORT_ECHO), d, spare = open("/dev/null", O_RDONLY);

	d = dup(fd);
	fcntl(d, F_SETFL, fcntl(d, F_GETFL) | O_NONBLOCK);
	ok(fcntl(fd, F_GETFL) & O_NONBLOCK, "4: O_NONBLOCK is the description's");
	is_int(errno_of(read(fd, &(char){0}, 1)), EAGAIN, "4: and counts");
	fcntl(d, F_SETFL, fcntl(d, F_GETFL) & ~O_NONBLOCK);
	fcntl(d, F_SETFD, FD_CLOEXEC);
	is_int(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0, "4: FD_CLOEXEC is the descriptor's");
	is_int(dup2(fd, spare), spare, "4: dup2 onto another file");
	close(fd);
	close(d);
	ok(echoes(spare, "dup2"), "4: the copy is the connection");
	d = fcntl(spare, F_DUPFD, 200);
	ok(d >= 200 && echoes(d, "F_DUPFD"), "4: F_DUPFD");
	fd = dup3(d, 333, O_CLOEXEC);
	ok(fd == 333 && fcntl(fd, F_GETFD) == FD_CLOEXEC && echoes(fd, "dup3"), "4: dup3");
	is_int(dup2(fd, fd), fd, "4: dup2 onto itself");
	close(fd);
	close(d);
	close(spare);
	is_int(errno_of(send(spare, "x", 1, 0)), EBADF, "4: and a closed one is EBADF");
}

static void
a_socket_is_a_socket(void)
{
	struct stat st;
	int fd = dial(PORT_ECHO);

	ok(fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode), "15: fstat");
	is_int(lseek(fd, 0, SEEK_CUR), -1, "15: no lseek");
	is_int(errno, ESPIPE, "15: ESPIPE");
	is_int(isatty(fd), 0, "15: no terminal");
	ok(fcntl(fd, F_GETFL) == O_RDWR, "15: F_GETFL");
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ok((fcntl(fd, F_GETFL) & O_NONBLOCK) && fcntl(fd, F_GETFD) == FD_CLOEXEC,
	    "15: SOCK_NONBLOCK, SOCK_CLOEXEC");
	close(fd);
}

/* Numbers are the lowest free ones: programs with FD_SETSIZE arrays, and shells, count on it. */
static void
low_numbers(void)
{
	int a = open("/dev/null", O_RDONLY), b, fd, p[2];
	struct epoll_event ev = {.events = EPOLLIN}, got[4];
	fd_set set;
	struct timeval tv = {.tv_sec = 5};

	close(a);
	fd = dial(PORT_ECHO);
	is_int(fd, a, "7: a socket gets the lowest free number");
	if (pipe(p) != 0)
		tap_bail("pipe");
	is_int(write(p[1], "p", 1) + write(fd, "s", 1), 2, "7: a byte each");
	readable(fd, 5000);
	FD_ZERO(&set);
	FD_SET(fd, &set);
	FD_SET(p[0], &set);
	is_int(select((fd > p[0] ? fd : p[0]) + 1, &set, NULL, NULL, &tv), 2,
	    "7: a socket and a pipe in one select");
	b = epoll_create1(0);
	ev.data.fd = fd;
	epoll_ctl(b, EPOLL_CTL_ADD, fd, &ev);
	ev.data.fd = p[0];
	epoll_ctl(b, EPOLL_CTL_ADD, p[0], &ev);
	is_int(epoll_wait(b, got, 4, 5000), 2, "7: and in one epoll");
	close(b);
	close(p[0]);
	close(p[1]);
	close(fd);
}

/* What sshd, and every daemon of the old school, does before it begins. In children of our own. */
static void
closing_everything(void)
{
	struct rlimit rl;
	int pid, fd;

	if ((pid = fork()) == 0) {
		syscall(SYS_close_range, 3U, ~0U, 0U);
		_exit(echoes(dial(PORT_ECHO), "range") ? 0 : 1);
	}
	is_int(exit_status(pid), 0, "5: close_range(3, ~0), then a connection");
	if ((pid = fork()) == 0) {
		getrlimit(RLIMIT_NOFILE, &rl);
		for (int i = 3; i < 2048 && (rlim_t)i < rl.rlim_cur; i++)
			close(i);
		_exit(echoes(dial(PORT_ECHO), "loop") ? 0 : 1);
	}
	is_int(exit_status(pid), 0, "5: a close() for each number, then a connection");
	if ((pid = fork()) == 0) {
		closefrom(3);
		fd = dial(PORT_ECHO);
		closefrom(fd + 1);
		_exit(echoes(fd, "from") && echoes(dial(PORT_ECHO), "again") ? 0 : 1);
	}
	is_int(exit_status(pid), 0, "5: closefrom with a connection open");
	if ((pid = fork()) == 0) {
		fd = open("/dev/null", O_RDWR);
		for (int i = fd + 1; i < 1024; i++) /* every number is somebody else's now */
			if (dup2(fd, i) != i)
				break;
		for (int i = fd + 1; i < 512; i++)
			close(i);
		_exit(echoes(dial(PORT_ECHO), "dup2") && write(1000, "x", 1) == 1 ? 0 : 1);
	}
	is_int(exit_status(pid), 0, "5: dup2 onto every number, then a connection");
	if ((pid = fork()) == 0) {
		rl = (struct rlimit){.rlim_cur = 12, .rlim_max = 12};
		setrlimit(RLIMIT_NOFILE, &rl);
		closefrom(3);
		fd = dial(PORT_ECHO);
		while (socket(AF_INET, SOCK_STREAM, 0) >= 0)
			;
		_exit(errno == EMFILE && echoes(fd, "full") ? 0 : 1);
	}
	is_int(exit_status(pid), 0, "5: a full descriptor table is EMFILE, and the rest goes on");
}

void
pitfalls_fds(void)
{
	stdio_on_a_socket();
	duplicates();
	a_socket_is_a_socket();
	low_numbers();
	closing_everything();
}
