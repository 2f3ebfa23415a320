/*
 * netbench.c - the load that scripts/bench puts on a stack: one program, both ends, so that the
 * kernel's path and ours are asked the same. Ordinary blocking sockets, nothing clever.
 *
 *   netbench server ADDR PORT
 *   netbench out|in|rr|conn|udprr ADDR PORT SECONDS [STREAMS]
 *
 * A connection's first byte says what the client wants: 'o' swallow, 'i' send until closed,
 * 'e' echo. Prints one line, "bytes_per_s N" or "per_s N p50_us N p99_us N".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BULK_BYTES = 256 * 1024, SAMPLES_MAX = 2000000 };

static char bulk[BULK_BYTES];

static void
fail(const char *what)
{
	fprintf(stderr, "netbench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

static struct sockaddr_in
address(const char *host, const char *port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

	if (inet_pton(AF_INET, host, &sin.sin_addr) != 1) {
		fprintf(stderr, "netbench: not an IPv4 address: %s\n", host);
		exit(1);
	}
	return (sin);
}

static int
dial(const struct sockaddr_in *sin, char what)
{
	int s, one = 1;

	if ((s = socket(AF_INET, SOCK_STREAM, 0)) == -1)
		fail("socket");
	if (connect(s, (const struct sockaddr *)sin, sizeof(*sin)) == -1)
		fail("connect");
	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (send(s, &what, 1, 0) != 1)
		fail("send");
	return (s);
}

/* ---- the server ---- */

static void
serve(int s)
{
	char what, c;
	int one = 1;

	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (recv(s, &what, 1, 0) != 1)
		_exit(0);
	switch (what) {
	case 'o':
		while (recv(s, bulk, sizeof(bulk), 0) > 0)
			;
		break;
	case 'i':
		while (send(s, bulk, sizeof(bulk), MSG_NOSIGNAL) > 0)
			;
		break;
	default:
		while (recv(s, &c, 1, 0) == 1 && send(s, &c, 1, MSG_NOSIGNAL) == 1)
			;
		break;
	}
	_exit(0);
}

/* Short connections are answered here; a process for each would measure fork. */
static void
serve_short(int s)
{
	char c;

	if (recv(s, &c, 1, 0) == 1 && recv(s, &c, 1, 0) == 1)
		(void)send(s, &c, 1, MSG_NOSIGNAL);
	close(s);
}

static void
server(const struct sockaddr_in *sin)
{
	struct sockaddr_in from, shorts = *sin;
	socklen_t len;
	char buf[2048];
	struct pollfd p[3];
	int s, i, one = 1;
	ssize_t n;

	signal(SIGCHLD, SIG_IGN);
	shorts.sin_port = htons((uint16_t)(ntohs(sin->sin_port) + 1));
	for (i = 0; i < 3; i++) {
		if ((s = socket(AF_INET, i == 1 ? SOCK_DGRAM : SOCK_STREAM, 0)) == -1)
			fail("socket");
		setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(s, (const struct sockaddr *)(i == 2 ? &shorts : sin), sizeof(*sin)) == -1)
			fail("bind");
		if (i != 1 && listen(s, 1024) == -1)
			fail("listen");
		p[i] = (struct pollfd){.fd = s, .events = POLLIN};
	}
	for (;;) {
		if (poll(p, 3, -1) == -1)
			fail("poll");
		if (p[0].revents != 0 && (s = accept(p[0].fd, NULL, NULL)) != -1) {
			if (fork() == 0)
				serve(s);
			close(s);
		}
		if (p[2].revents != 0 && (s = accept(p[2].fd, NULL, NULL)) != -1)
			serve_short(s);
		len = sizeof(from);
		if (p[1].revents != 0 && (n = recvfrom(p[1].fd, buf, sizeof(buf), 0,
					      (struct sockaddr *)&from, &len)) > 0)
			(void)sendto(p[1].fd, buf, (size_t)n, 0, (struct sockaddr *)&from, len);
	}
}

/* ---- the clients ---- */

static uint64_t
stream(const struct sockaddr_in *sin, bool out, double seconds)
{
	int s = dial(sin, out ? 'o' : 'i');
	uint64_t bytes = 0;
	double end = now() + seconds;
	ssize_t n;

	while (now() < end) {
		n = out ? send(s, bulk, sizeof(bulk), 0) : recv(s, bulk, sizeof(bulk), 0);
		if (n <= 0)
			fail(out ? "send" : "recv");
		bytes += (uint64_t)n;
	}
	close(s);
	return (bytes);
}

static void
bulk_run(const struct sockaddr_in *sin, bool out, double seconds, int streams)
{
	uint64_t total = 0, one;
	double began = now();
	int pipefd[2], i;

	if (pipe(pipefd) == -1)
		fail("pipe");
	for (i = 0; i < streams; i++) {
		if (fork() == 0) {
			one = stream(sin, out, seconds);
			if (write(pipefd[1], &one, sizeof(one)) != sizeof(one))
				fail("write");
			_exit(0);
		}
	}
	for (i = 0; i < streams; i++) {
		if (read(pipefd[0], &one, sizeof(one)) != sizeof(one))
			fail("read");
		total += one;
	}
	while (wait(NULL) > 0)
		;
	printf("bytes_per_s %.0f\n", (double)total / (now() - began));
}

static int
by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return ((x > y) - (x < y));
}

static void
rounds_run(const struct sockaddr_in *sin, const char *mode, double seconds)
{
	float *sample = calloc(SAMPLES_MAX, sizeof(*sample));
	struct sockaddr_in shorts = *sin;
	struct timeval patience = {1, 0};
	double began = now(), end = began + seconds, t;
	size_t n = 0;
	int s = -1;
	char c = 'x';

	if (sample == NULL)
		fail("calloc");
	shorts.sin_port = htons((uint16_t)(ntohs(sin->sin_port) + 1));
	if (strcmp(mode, "rr") == 0) {
		s = dial(sin, 'e');
	} else if (strcmp(mode, "udprr") == 0) {
		if ((s = socket(AF_INET, SOCK_DGRAM, 0)) == -1 ||
		    connect(s, (const struct sockaddr *)sin, sizeof(*sin)) == -1)
			fail("udp socket");
		setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	}
	while ((t = now()) < end && n < SAMPLES_MAX) {
		if (strcmp(mode, "conn") == 0)
			s = dial(&shorts, 'e');
		if (send(s, &c, 1, 0) != 1)
			fail("send");
		if (recv(s, &c, 1, 0) != 1)
			fail("recv");
		if (strcmp(mode, "conn") == 0)
			close(s);
		sample[n++] = (float)((now() - t) * 1e6);
	}
	t = now() - began;
	qsort(sample, n, sizeof(*sample), by_value);
	printf("per_s %.0f p50_us %.1f p99_us %.1f\n", (double)n / t, (double)sample[n / 2],
	    (double)sample[n * 99 / 100]);
	free(sample);
}

int
main(int argc, char **argv)
{
	struct sockaddr_in sin;
	double seconds;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 4 || (strcmp(argv[1], "server") != 0 && argc < 5)) {
		fprintf(stderr,
		    "usage: netbench server ADDR PORT\n"
		    "       netbench out|in|rr|conn|udprr ADDR PORT SECONDS [STREAMS]\n");
		return (2);
	}
	sin = address(argv[2], argv[3]);
	if (strcmp(argv[1], "server") == 0)
		server(&sin);
	seconds = atof(argv[4]);
	if (strcmp(argv[1], "out") == 0 || strcmp(argv[1], "in") == 0)
		bulk_run(&sin, argv[1][0] == 'o', seconds, argc > 5 ? atoi(argv[5]) : 1);
	else
		rounds_run(&sin, argv[1], seconds);
	return (0);
}
