/*
 * ready.c - when descriptors are ready: poll and select in every state, epoll level, edge,
 * oneshot and exclusive; waiting with signals and timeouts; SIGIO.
 */
#include "t/sockapi/sockapi.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#define COMES 20000 /* ms: for what is sure to come, on a machine however busy */

static void
see_select(int fd, const char *what)
{
	fd_set r, w, x;
	struct timeval now = {0, 0};

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&x);
	FD_SET(fd, &r);
	FD_SET(fd, &w);
	FD_SET(fd, &x);
	settle();
	select(fd + 1, &r, &w, &x, &now);
	see(FD_ISSET(fd, &r) * 100 + FD_ISSET(fd, &w) * 10 + FD_ISSET(fd, &x), "%s: select", what);
}

static void
both(int fd, const char *what)
{
	see_poll(fd, "%s", what);
	see_select(fd, what);
}

static void
states(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), l, c, s, port, v;
	struct sockaddr_in sin = loopback(0), far = {.sin_family = AF_INET, .sin_port = htons(9)};
	socklen_t len = sizeof(v);
	char buf[10];

	both(fd, "fresh stream");
	bind(fd, SA(&sin), sizeof(sin));
	both(fd, "bound stream");
	listen(fd, 5);
	both(fd, "listener");
	close(fd);
	l = tcp_listener(&port);
	sin = loopback(port);
	c = socket(AF_INET, SOCK_STREAM, 0);
	connect(c, SA(&sin), sizeof(sin));
	both(l, "listener with a connection");
	s = accept(l, NULL, NULL);
	both(l, "listener, taken");
	both(c, "connected");
	both(s, "accepted");
	send(c, "x", 1, 0);
	poll(&(struct pollfd){.fd = s, .events = POLLIN}, 1, COMES);
	both(s, "with data");
	recv(s, buf, 10, 0);
	both(s, "data taken");
	shutdown(c, SHUT_WR);
	both(c, "shut for writing");
	both(s, "peer shut for writing");
	shutdown(s, SHUT_WR);
	both(c, "both shut");
	both(s, "both shut, the second");
	close(c);
	close(s);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	sin.sin_port = htons(1);
	connect(fd, SA(&sin), sizeof(sin));
	both(fd, "refused");
	see(getsockopt(fd, SOL_SOCKET, SO_ERROR, &v, &len) == 0 ? v : -1, "refused: SO_ERROR");
	both(fd, "refused, told");
	close(fd);
	/* nobody answers: on its way. Routed into nowhere, or not at all: then it says so */
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	inet_pton(AF_INET, "127.0.0.1", &far.sin_addr);
	shutdown(l, SHUT_RD);
	both(l, "listener, shut");
	close(l);
	close(fd);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	both(fd, "fresh datagram");
	close(fd);
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	both(fd, "fresh raw");
	close(fd);
	both(tcp_listener(&port), "another listener");
}

/* A listener whose backlog is full leaves a connect undecided. */
static void
connecting(void)
{
	int l = socket(AF_INET, SOCK_STREAM, 0), fd[8], i, v;
	struct sockaddr_in sin = loopback(0);
	socklen_t len = sizeof(v);

	bind(l, SA(&sin), sizeof(sin));
	sin = loopback(port_of(l));
	listen(l, 0);
	for (i = 0; i < 8; i++) {
		fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(fd[i], SA(&sin), sizeof(sin));
	}
	both(fd[7], "connecting");
	see(getsockopt(fd[7], SOL_SOCKET, SO_ERROR, &v, &len) == 0 ? v : -1,
	    "connecting: SO_ERROR");
	see(connect(fd[7], SA(&sin), sizeof(sin)), "connecting: connect");
	see(recv(fd[7], &v, 1, MSG_DONTWAIT), "connecting: recv");
	see(send(fd[7], &v, 1, MSG_DONTWAIT), "connecting: send");
	see(getpeername(fd[7], SA(&sin), &len), "connecting: getpeername");
	see(shutdown(fd[7], SHUT_WR), "connecting: shutdown");
	for (i = 0; i < 8; i++)
		close(fd[i]);
	close(l);
}

void
topic_ready(void)
{
	states();
	connecting();
}

/* --- epoll --- */

static uint32_t
next_event(int ep, int ms)
{
	struct epoll_event e = {0};

	settle();
	return epoll_wait(ep, &e, 1, ms) == 1 ? e.events : 0;
}

static void
add(int ep, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};

	epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

static void
change(int ep, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};

	epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e);
}

static void
edges(void)
{
	int ep = epoll_create1(0), c, s;
	char buf[10];

	tcp_pair(&c, &s);
	add(ep, s, EPOLLIN | EPOLLET | EPOLLRDHUP);
	see_events(next_event(ep, 50), "edge: nothing there");
	send(c, "ab", 2, 0);
	see_events(next_event(ep, COMES), "edge: data");
	see_events(next_event(ep, 50), "edge: data, again");
	recv(s, buf, 1, 0);
	see_events(next_event(ep, 50), "edge: a part read");
	send(c, "c", 1, 0);
	see_events(next_event(ep, COMES), "edge: more data");
	recv(s, buf, 10, 0);
	see_events(next_event(ep, 50), "edge: all read");
	shutdown(c, SHUT_WR);
	see_events(next_event(ep, COMES), "edge: end");
	see_events(next_event(ep, 50), "edge: end, again");
	close(c);
	see_events(next_event(ep, 50), "edge: closed after the end");
	close(s);
	tcp_pair(&c, &s);
	add(ep, s, EPOLLIN | EPOLLOUT | EPOLLET);
	see_events(next_event(ep, COMES), "edge: writable at first");
	see_events(next_event(ep, 50), "edge: writable, told");
	change(ep, s, EPOLLIN | EPOLLOUT | EPOLLET);
	see_events(next_event(ep, COMES), "edge: after EPOLL_CTL_MOD");
	see_events(next_event(ep, 50), "edge: after EPOLL_CTL_MOD, told");
	close(c);
	close(s);
	close(ep);
}

static void
levels(void)
{
	int ep = epoll_create1(0), c, s, i, n, twin;
	char buf[10];

	tcp_pair(&c, &s);
	add(ep, s, EPOLLIN);
	send(c, "ab", 2, 0);
	for (i = 0; i < 3; i++)
		see_events(next_event(ep, COMES), "level: data");
	recv(s, buf, 10, 0);
	see_events(next_event(ep, 50), "level: read");
	change(ep, s, EPOLLIN | EPOLLONESHOT);
	send(c, "ab", 2, 0);
	see_events(next_event(ep, COMES), "oneshot: data");
	see_events(next_event(ep, 50), "oneshot: told");
	change(ep, s, EPOLLIN | EPOLLONESHOT);
	see_events(next_event(ep, COMES), "oneshot: armed again");
	change(ep, s, EPOLLOUT);
	see_events(next_event(ep, COMES), "level: writable");
	change(ep, s, 0);
	see_events(next_event(ep, 50), "level: nothing asked");
	close(c);
	settle();
	see_events(next_event(ep, 50), "level: nothing asked, closed");
	twin = dup(s);
	close(s);
	change(ep, twin, EPOLLIN);
	n = epoll_ctl(ep, EPOLL_CTL_ADD, twin, &(struct epoll_event){.events = EPOLLIN});
	see(n, "a twin is another");
	see_events(next_event(ep, 50), "by the twin");
	close(twin);
	see_events(next_event(ep, 50), "all closed");
	close(ep);
}

static void
exclusive(void)
{
	int ep[2], port, l = tcp_listener(&port), c, i;
	struct sockaddr_in sin = loopback(port);

	for (i = 0; i < 2; i++) {
		ep[i] = epoll_create1(0);
		see(epoll_ctl(ep[i], EPOLL_CTL_ADD, l,
			&(struct epoll_event){.events = EPOLLIN | EPOLLEXCLUSIVE}),
		    "exclusive: add");
	}
	c = socket(AF_INET, SOCK_STREAM, 0);
	connect(c, SA(&sin), sizeof(sin));
	settle();
	see(next_event(ep[0], 100) == EPOLLIN || next_event(ep[1], 100) == EPOLLIN,
	    "exclusive: one is told");
	close(accept(l, NULL, NULL));
	see_events(next_event(ep[0], 50), "exclusive: taken");
	close(c);
	close(l);
	close(ep[0]);
	close(ep[1]);
	ep[0] = epoll_create1(0);
	l = tcp_listener(&port);
	sin = loopback(port);
	add(ep[0], l, EPOLLIN | EPOLLET);
	for (i = 0; i < 3; i++) {
		c = socket(AF_INET, SOCK_STREAM, 0);
		connect(c, SA(&sin), sizeof(sin));
		see_events(next_event(ep[0], COMES), "listener, edge");
	}
	see_events(next_event(ep[0], 50), "listener, edge, told");
	for (i = 0; i < 3; i++)
		close(see_fd(accept(l, NULL, NULL), "listener, edge: accept"));
	see_events(next_event(ep[0], 50), "listener, edge, taken");
	close(l);
	close(ep[0]);
}

static void
datagram_edges(void)
{
	int ep = epoll_create1(0), a, b;
	char buf[10];

	udp_pair(&a, &b);
	add(ep, b, EPOLLIN | EPOLLET);
	send(a, "1", 1, 0);
	see_events(next_event(ep, COMES), "datagram, edge");
	see_events(next_event(ep, 50), "datagram, edge, told");
	send(a, "2", 1, 0);
	see_events(next_event(ep, COMES), "datagram, edge, another");
	recv(b, buf, 10, 0);
	see_events(next_event(ep, 50), "datagram, edge, one read");
	recv(b, buf, 10, 0);
	change(ep, b, EPOLLIN);
	see_events(next_event(ep, 50), "datagram, level, none");
	close(a);
	send(b, "x", 1, 0);
	see_events(next_event(ep, COMES), "datagram, level, refused");
	see_events(next_event(ep, 50), "datagram, level, refused, again");
	see(recv(b, buf, 10, MSG_DONTWAIT), "refused: recv");
	see_events(next_event(ep, 50), "datagram, level, told");
	close(b);
	close(ep);
}

void
topic_epoll(void)
{
	edges();
	levels();
	exclusive();
	datagram_edges();
}

/* --- waiting --- */

/* Every MS, until no_alarm(): one that came before the call to be interrupted is not the last. */
static void
alarm_in(int ms, bool restart)
{
	struct sigaction act = {.sa_flags = restart ? SA_RESTART : 0};
	struct itimerval t = {.it_value = {0, ms * 1000}, .it_interval = {0, ms * 1000}};

	no_signal_action(SIGALRM);
	sigaction(SIGALRM, NULL, &act);
	act.sa_flags = restart ? SA_RESTART : 0;
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
}

static void
no_alarm(void)
{
	struct itimerval never = {{0, 0}, {0, 0}};

	setitimer(ITIMER_REAL, &never, NULL);
}

static void *
send_later(void *arg)
{
	int fd = *(int *)arg;

	usleep(300000);
	send(fd, "late", 4, 0);
	return NULL;
}

static void
timeouts(void)
{
	struct timeval tv = {0, 200000};
	struct timespec begin;
	static char much[4 << 20];
	char buf[10];
	struct iovec iov = {buf, 10};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct sockaddr_in sin;
	int c, s, port, l, i;

	tcp_pair(&c, &s);
	setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(c, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	start(&begin);
	see(recv(c, buf, 10, 0), "SO_RCVTIMEO: recv");
	see_text(about(since_ms(&begin)), "SO_RCVTIMEO: recv took");
	start(&begin);
	see(read(c, buf, 10), "SO_RCVTIMEO: read");
	see_text(about(since_ms(&begin)), "SO_RCVTIMEO: read took");
	start(&begin);
	see(recvmsg(c, &msg, 0), "SO_RCVTIMEO: recvmsg");
	see_text(about(since_ms(&begin)), "SO_RCVTIMEO: recvmsg took");
	send(s, "abc", 3, 0);
	start(&begin);
	see(recv(c, buf, 10, MSG_WAITALL), "SO_RCVTIMEO: recv WAITALL, a part");
	see_text(about(since_ms(&begin)), "SO_RCVTIMEO: recv WAITALL took");
	for (i = 0; i < 20 && send(c, much, sizeof(much), 0) == sizeof(much); i++)
		;
	start(&begin);
	see(send(c, much, sizeof(much), 0) < (long)sizeof(much), "SO_SNDTIMEO: send, full");
	see_text(about(since_ms(&begin)), "SO_SNDTIMEO: send took");
	close(c);
	close(s);
	l = tcp_listener(&port);
	setsockopt(l, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	start(&begin);
	see(accept(l, NULL, NULL), "SO_RCVTIMEO: accept");
	see_text(about(since_ms(&begin)), "SO_RCVTIMEO: accept took");
	sin = loopback(port);
	c = socket(AF_INET, SOCK_STREAM, 0);
	connect(c, SA(&sin), sizeof(sin));
	s = accept(l, NULL, NULL);
	getsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, &(socklen_t){sizeof(tv)});
	see(tv.tv_usec, "SO_RCVTIMEO of the accepted one");
	close(c);
	close(s);
	close(l);
	tv = (struct timeval){0, 200000};
	udp_pair(&c, &s);
	setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	start(&begin);
	see(recv(c, buf, 10, 0), "SO_RCVTIMEO: datagram");
	see_text(about(since_ms(&begin)), "SO_RCVTIMEO: datagram took");
	close(c);
	close(s);
}

static void
signals(void)
{
	struct timeval tv = {1, 0};
	struct timespec begin;
	pthread_t thread;
	char buf[10];
	int c, s, l, port;
	struct pollfd p;

	tcp_pair(&c, &s);
	alarm_in(200, false);
	start(&begin);
	see(recv(c, buf, 10, 0), "signal: recv");
	no_alarm();
	see_text(about(since_ms(&begin)), "signal: recv took");
	alarm_in(100, true);
	pthread_create(&thread, NULL, send_later, &s);
	start(&begin);
	see(recv(c, buf, 10, 0), "signal, SA_RESTART: recv");
	no_alarm();
	see_text(about(since_ms(&begin)), "signal, SA_RESTART: recv took");
	pthread_join(thread, NULL);
	setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	alarm_in(100, true);
	start(&begin);
	see(recv(c, buf, 10, 0), "signal, SA_RESTART, SO_RCVTIMEO: recv");
	no_alarm();
	see_text(about(since_ms(&begin)), "signal, SA_RESTART, SO_RCVTIMEO: recv took");
	p = (struct pollfd){.fd = c, .events = POLLIN};
	alarm_in(100, true);
	see(poll(&p, 1, COMES), "signal, SA_RESTART: poll");
	no_alarm();
	close(c);
	close(s);
	l = tcp_listener(&port);
	alarm_in(100, false);
	see(accept(l, NULL, NULL), "signal: accept");
	no_alarm();
	close(l);
	udp_pair(&c, &s);
	alarm_in(100, false);
	see(recv(c, buf, 10, 0), "signal: datagram");
	no_alarm();
	alarm_in(100, true);
	pthread_create(&thread, NULL, send_later, &s);
	start(&begin);
	see(recv(c, buf, 10, 0), "signal, SA_RESTART: datagram");
	no_alarm();
	see_text(about(since_ms(&begin)), "signal, SA_RESTART: datagram took");
	pthread_join(thread, NULL);
	close(c);
	close(s);
}

static volatile sig_atomic_t told;

static void
tell(int signo)
{
	told = signo;
}

static void
by_signal(void)
{
	struct sigaction act = {.sa_handler = tell};
	int c, s, i;
	char buf[10];

	sigaction(SIGIO, &act, NULL);
	sigaction(SIGURG, &act, NULL);
	tcp_pair(&c, &s);
	see(fcntl(s, F_SETOWN, getpid()), "F_SETOWN");
	see(fcntl(s, F_GETOWN) == getpid(), "F_GETOWN");
	see(fcntl(s, F_SETFL, O_ASYNC | O_NONBLOCK), "O_ASYNC");
	told = 0;
	send(c, "x", 1, 0);
	for (i = 0; i < 100 && told == 0; i++)
		usleep(10000);
	see(told == SIGIO, "SIGIO for data");
	recv(s, buf, 10, 0);
	settle();
	told = 0;
	send(c, "!", 1, MSG_OOB);
	for (i = 0; i < 100 && told == 0; i++)
		usleep(10000);
	see(told == SIGURG || told == SIGIO, "SIGURG for urgent data");
	settle();
	told = 0;
	close(c);
	for (i = 0; i < 100 && told == 0; i++)
		usleep(10000);
	see(told == SIGIO, "SIGIO for the end");
	close(s);
	/* SIGPIPE */
	signal(SIGPIPE, tell);
	tcp_pair(&c, &s);
	shutdown(c, SHUT_WR);
	told = 0;
	see(send(c, "x", 1, MSG_NOSIGNAL), "MSG_NOSIGNAL");
	see(told, "MSG_NOSIGNAL: signal");
	see(write(c, "x", 1), "EPIPE");
	see(told == SIGPIPE, "SIGPIPE");
	told = 0;
	close(c);
	c = socket(AF_INET, SOCK_STREAM, 0);
	see(write(c, "x", 1), "write, not connected");
	see(told == SIGPIPE, "write, not connected: SIGPIPE");
	signal(SIGPIPE, SIG_IGN);
	close(c);
	close(s);
}

static void *
close_later(void *arg)
{
	usleep(200000);
	shutdown(*(int *)arg, SHUT_RDWR);
	return NULL;
}

static void
by_others(void)
{
	struct timespec begin;
	pthread_t thread;
	char buf[10];
	int c, s, l, port;

	tcp_pair(&c, &s);
	pthread_create(&thread, NULL, close_later, &c);
	start(&begin);
	see(recv(c, buf, 10, 0), "shutdown by a thread: recv");
	see_text(about(since_ms(&begin)), "shutdown by a thread: recv took");
	pthread_join(thread, NULL);
	close(c);
	close(s);
	l = tcp_listener(&port);
	pthread_create(&thread, NULL, close_later, &l);
	see(accept(l, NULL, NULL), "shutdown by a thread: accept");
	pthread_join(thread, NULL);
	close(l);
	l = tcp_listener(&port);
	pthread_create(&thread, NULL, close_later, &l);
	see(becomes(l, POLLIN), "shutdown by a thread: poll of a listener");
	pthread_join(thread, NULL);
	close(l);
}

/* SO_LINGER with a time: close() waits until all is sent. */
static void
lingering(void)
{
	struct linger l = {1, 2};
	struct timespec begin;
	int c, s;

	tcp_pair(&c, &s);
	setsockopt(c, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	send(c, "x", 1, 0);
	start(&begin);
	see(close(c), "SO_LINGER: close");
	see_text(about(since_ms(&begin)), "SO_LINGER: close took");
	close(s);
}

void
topic_wait(void)
{
	timeouts();
	signals();
	by_signal();
	by_others();
	lingering();
}
