/*
 * prog_sockapi.c - says what the socket calls answer, a line for each, on whatever stack it runs.
 * t/lab_sockapi.t runs it on the kernel's and on Alpine, and compares.
 *
 *   prog_sockapi [TOPIC...]    all topics, or those named
 */
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#include "t/sockapi/sockapi.h"

static const struct topic {
	const char *name;
	void (*run)(void);
} topics[] = {
    {"socket", topic_socket},
    {"names", topic_names},
    {"options", topic_options},
    {"stream", topic_stream},
    {"ends", topic_ends},
    {"dgram", topic_dgram},
    {"message", topic_message},
    {"ready", topic_ready},
    {"epoll", topic_epoll},
    {"wait", topic_wait},
    {"bad", topic_bad},
    {"ioctl", topic_ioctl},
    {"errqueue", topic_errqueue},
    {"raw", topic_raw},
    {"mcast", topic_mcast},
    {"fdcalls", topic_fdcalls},
};
static const char *topic;
void *volatile bad_pointer = (void *)8;

const char *
error_name(int error)
{
	const char *name = strerrorname_np(error);

	return name != NULL ? name : "E?";
}

static void
line(const char *fmt, va_list ap, const char *seen)
{
	printf("%s ", topic);
	vprintf(fmt, ap);
	printf(": %s\n", seen);
	fflush(stdout);
}

void
see(long result, const char *fmt, ...)
{
	int error = errno;
	char text[64];
	va_list ap;

	if (result == -1)
		snprintf(text, sizeof(text), "-1 %s", error_name(error));
	else
		snprintf(text, sizeof(text), "%ld", result);
	va_start(ap, fmt);
	line(fmt, ap, text);
	va_end(ap);
}

int
see_fd(int fd, const char *fmt, ...)
{
	int error = errno;
	char text[64];
	va_list ap;

	snprintf(text, sizeof(text), fd >= 0 ? "ok" : "-1 %s", error_name(error));
	va_start(ap, fmt);
	line(fmt, ap, text);
	va_end(ap);
	return fd;
}

void
see_text(const char *text, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	line(fmt, ap, text);
	va_end(ap);
}

void
see_address(const struct sockaddr *sa, socklen_t len, const char *name)
{
	const struct sockaddr_in *sin = (const void *)sa;
	char text[96], addr[INET_ADDRSTRLEN];

	if (len >= sizeof(*sin) && sin->sin_family == AF_INET)
		snprintf(text, sizeof(text), "%s %s port, length %u",
		    inet_ntop(AF_INET, &sin->sin_addr, addr, sizeof(addr)),
		    sin->sin_port != 0 ? "with" : "without", len);
	else
		snprintf(
		    text, sizeof(text), "family %d, length %u", len >= 2 ? sa->sa_family : 0, len);
	see_text(text, "%s", name);
}

struct bit {
	uint32_t bit;
	const char *name;
};
static const struct bit bits[] = {{EPOLLIN, "IN"}, {EPOLLPRI, "PRI"}, {EPOLLOUT, "OUT"},
    {EPOLLERR, "ERR"}, {EPOLLHUP, "HUP"}, {EPOLLRDNORM, "RDNORM"}, {EPOLLRDBAND, "RDBAND"},
    {EPOLLWRNORM, "WRNORM"}, {EPOLLWRBAND, "WRBAND"}, {EPOLLRDHUP, "RDHUP"}, {POLLNVAL, "NVAL"}};

static void
bits_text(char *text, size_t size, uint32_t events)
{
	size_t used = 0, i;

	snprintf(text, size, "none");
	for (i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if ((events & bits[i].bit) != 0)
			used += (size_t)snprintf(
			    text + used, size - used, "%s%s", used > 0 ? "|" : "", bits[i].name);
}

/* What it says, and once it has said the same for a while: what is asked for is everything. */
void
see_poll(int fd, const char *fmt, ...)
{
	struct pollfd p = {.fd = fd,
	    .events = POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLRDBAND | POLLWRNORM |
		      POLLWRBAND | POLLRDHUP};
	char text[96];
	va_list ap;

	settle();
	poll(&p, 1, 0);
	bits_text(text, sizeof(text), (uint32_t)p.revents);
	va_start(ap, fmt);
	line(fmt, ap, text);
	va_end(ap);
}

void
see_events(uint32_t events, const char *fmt, ...)
{
	char text[96];
	va_list ap;

	bits_text(text, sizeof(text), events);
	va_start(ap, fmt);
	line(fmt, ap, text);
	va_end(ap);
}

/* --- sockets --- */

struct sockaddr_in
loopback(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int
port_of(int fd)
{
	struct sockaddr_in sin = {0};
	socklen_t len = sizeof(sin);

	getsockname(fd, SA(&sin), &len);
	return ntohs(sin.sin_port);
}

static void
must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "prog_sockapi: %s: %s: %s\n", topic, what, strerror(errno));
	exit(1);
}

int
tcp_listener(int *port)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in sin = loopback(0);

	must(fd >= 0 && bind(fd, SA(&sin), sizeof(sin)) == 0 && listen(fd, 16) == 0, "listener");
	*port = port_of(fd);
	return fd;
}

void
tcp_pair(int *client, int *server)
{
	int port, listener = tcp_listener(&port);
	struct sockaddr_in sin = loopback(port);

	*client = socket(AF_INET, SOCK_STREAM, 0);
	must(connect(*client, SA(&sin), sizeof(sin)) == 0, "connect");
	*server = accept(listener, NULL, NULL);
	must(*server >= 0, "accept");
	close(listener);
}

int
udp_bound(int *port)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in sin = loopback(0);

	must(fd >= 0 && bind(fd, SA(&sin), sizeof(sin)) == 0, "datagram socket");
	*port = port_of(fd);
	return fd;
}

void
udp_pair(int *a, int *b)
{
	int pa, pb;
	struct sockaddr_in sin;

	*a = udp_bound(&pa);
	*b = udp_bound(&pb);
	sin = loopback(pb);
	must(connect(*a, SA(&sin), sizeof(sin)) == 0, "connect");
	sin = loopback(pa);
	must(connect(*b, SA(&sin), sizeof(sin)) == 0, "connect");
}

/* --- time --- */

/*
 * A time alone is none on a busy machine: a stack that is a process has to get its turn. Answered
 * requests are its turns: what was sent before the first has gone through it after a few.
 */
void
settle(void)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	int fd = socket(AF_INET, SOCK_STREAM, 0), i;

	usleep(10000);
	for (i = 0; i < 8; i++)
		getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	close(fd);
}

bool
becomes(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	return fd >= 0 && poll(&p, 1, 20000) == 1 && (p.revents & events) != 0;
}

void
start(struct timespec *begin)
{
	clock_gettime(CLOCK_MONOTONIC, begin);
}

long
since_ms(const struct timespec *begin)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - begin->tv_sec) * 1000 + (now.tv_nsec - begin->tv_nsec) / 1000000;
}

const char *
about(long ms)
{
	return ms < 90 ? "at once" : ms < 1500 ? "it waited" : "it waited long";
}

static void
nothing(int signo)
{
	(void)signo;
}

void
no_signal_action(int signo)
{
	struct sigaction act = {.sa_handler = nothing};

	sigaction(signo, &act, NULL);
}

int
main(int argc, char **argv)
{
	size_t i;
	int arg;

	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
		bool wanted = argc == 1;

		for (arg = 1; arg < argc; arg++)
			wanted = wanted || strcmp(argv[arg], topics[i].name) == 0;
		topic = topics[i].name;
		if (wanted)
			topics[i].run();
	}
	return 0;
}
