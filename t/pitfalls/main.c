/*
 * main.c - the program's start, the peer it talks to, and what the checks share.
 *
 *	pitfalls PEER		makes the checks; TAP
 *	pitfalls --serve ADDR	the peer
 *	pitfalls --child ...	what an exec'ed copy does (process.c)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "t/pitfalls/pitfalls.h"

const char *self_path;
static struct in_addr peer_addr;

struct sockaddr_in
peer_sin(int port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	sin.sin_addr = peer_addr;
	return (sin);
}

static int
dial_type(int type, int port)
{
	struct sockaddr_in sin = peer_sin(port);
	struct timeval tv = {.tv_sec = 10};
	int fd = socket(AF_INET, type, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0)
		tap_bail("the peer does not answer");
	/* a check that fails does not hang */
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	return (fd);
}

int
dial(int port)
{
	return (dial_type(SOCK_STREAM, port));
}

int
dial_udp(int port)
{
	return (dial_type(SOCK_DGRAM, port));
}

bool
read_all(int fd, void *buf, size_t len)
{
	size_t have = 0;
	ssize_t n;

	while (have < len && (n = read(fd, (char *)buf + have, len - have)) > 0)
		have += (size_t)n;
	return (have == len);
}

bool
echoes(int fd, const char *text)
{
	char back[256];
	size_t len = strlen(text);

	return (write(fd, text, len) == (ssize_t)len && read_all(fd, back, len) &&
		memcmp(back, text, len) == 0);
}

int
listener(struct sockaddr_in *sin)
{
	socklen_t len = sizeof(*sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	memset(sin, 0, sizeof(*sin));
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)sin, sizeof(*sin)) != 0 || listen(fd, 64) != 0 ||
	    getsockname(fd, (struct sockaddr *)sin, &len) != 0)
		tap_bail("no listener on 127.0.0.1");
	return (fd);
}

void
connected_pair(int fds[2])
{
	struct sockaddr_in sin;
	int l = listener(&sin);

	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fds[0], (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
	    (fds[1] = accept(l, NULL, NULL)) < 0)
		tap_bail("no connection over 127.0.0.1");
	close(l);
}

bool
readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return (poll(&p, 1, ms) == 1);
}

int
exit_status(int pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return (WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

int
errno_of(long result)
{
	return (result == -1 ? errno : 0);
}

/* ---- the peer: a process for each port, another for each connection */

static void
serve_source(int c)
{
	static char block[65536];
	uint32_t left;

	memset(block, 's', sizeof(block));
	if (!read_all(c, &left, sizeof(left)))
		return;
	for (left = ntohl(left); left > 0;) {
		ssize_t n = write(c, block, left < sizeof(block) ? left : sizeof(block));

		if (n <= 0)
			return;
		left -= (uint32_t)n;
	}
}

static void
serve_one(int port, int c)
{
	struct linger hard = {.l_onoff = 1, .l_linger = 0};
	static char buf[65536];
	uint32_t total = 0;
	ssize_t n;

	switch (port) {
	case PORT_ECHO:
		while ((n = read(c, buf, sizeof(buf))) > 0 && write(c, buf, (size_t)n) == n)
			;
		break;
	case PORT_RESET:
		read_all(c, buf, 1);
		setsockopt(c, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
		break;
	case PORT_SINK:
		sleep(60);
		break;
	case PORT_SOURCE:
		serve_source(c);
		break;
	case PORT_COUNT:
		while ((n = read(c, buf, sizeof(buf))) > 0)
			total += (uint32_t)n;
		total = n < 0 ? 0xffffffff : htonl(total);
		if (write(c, &total, sizeof(total)) != sizeof(total))
			perror("count");
		break;
	}
}

static void
serve_port(struct sockaddr_in sin, int port)
{
	int s = socket(AF_INET, SOCK_STREAM, 0), one = 1, c;

	sin.sin_port = htons((uint16_t)port);
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(s, (struct sockaddr *)&sin, sizeof(sin)) != 0 || listen(s, 128) != 0) {
		perror("pitfalls --serve");
		exit(1);
	}
	while ((c = accept(s, NULL, NULL)) >= 0) {
		if (fork() == 0) {
			close(s);
			serve_one(port, c);
			_exit(0);
		}
		close(c);
	}
	exit(1);
}

static int
serve(const char *addr)
{
	static const int ports[] = {PORT_ECHO, PORT_RESET, PORT_SINK, PORT_SOURCE, PORT_COUNT};
	struct sockaddr_in sin = {.sin_family = AF_INET}, from;
	static char buf[65536];
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	inet_pton(AF_INET, addr, &sin.sin_addr);
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (fork() == 0)
			serve_port(sin, ports[i]);
	sin.sin_port = htons(PORT_ECHO);
	if (bind(s, (struct sockaddr *)&sin, sizeof(sin)) != 0)
		return (1);
	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(s, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);

		if (n >= 0 && sendto(s, buf, (size_t)n, 0, (struct sockaddr *)&from, len) != n)
			perror("udp echo");
	}
}

int
main(int argc, char **argv)
{
	self_path = argv[0];
	if (argc == 3 && strcmp(argv[1], "--serve") == 0)
		return (serve(argv[2]));
	if (argc > 2 && strcmp(argv[1], "--child") == 0)
		return (pitfalls_child(argc - 2, argv + 2));
	if (argc != 2 || inet_pton(AF_INET, argv[1], &peer_addr) != 1) {
		fprintf(stderr, "usage: pitfalls PEER | pitfalls --serve ADDRESS\n");
		return (2);
	}
	setvbuf(stdout, NULL, _IOLBF, 0); /* children never print what the parent began */
	signal(SIGPIPE, SIG_IGN);
	pitfalls_fds();
	pitfalls_passing();
	pitfalls_events();
	pitfalls_data();
	pitfalls_datagrams();
	pitfalls_process();
	return (tap_done());
}
