/* events.c - rows 8, 9, 10, 24, 28: readiness is true, both ways, and waits end as they should. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "t/pitfalls/pitfalls.h"

static int
epoll_of(int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.fd = fd};
	int e = epoll_create1(EPOLL_CLOEXEC);

	if (e < 0 || epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev) != 0)
		tap_bail("epoll");
	return (e);
}

/* What epoll reports within ms, 0 for nothing. */
static uint32_t
wait_ep(int e, int ms)
{
	struct epoll_event ev;

	return (epoll_wait(e, &ev, 1, ms) == 1 ? ev.events : 0);
}

static void
edges(void)
{
	int p[2], e;
	char c[8];
	struct epoll_event ev = {.events = EPOLLIN | EPOLLONESHOT};

	connected_pair(p);
	e = epoll_of(p[0], EPOLLIN | EPOLLET);
	is_int(wait_ep(e, 50), 0, "8: EPOLLET: nothing yet");
	is_int(write(p[1], "ab", 2), 2, "8: two bytes");
	is_int(wait_ep(e, 5000), EPOLLIN, "8: EPOLLET: an edge");
	is_int(wait_ep(e, 100), 0, "8: and no other for what is left unread");
	is_int(read(p[0], c, 1), 1, "8: one byte is read");
	is_int(write(p[1], "c", 1), 1, "8: another comes");
	is_int(wait_ep(e, 5000), EPOLLIN, "8: EPOLLET: another edge");
	close(e);
	ev.data.fd = p[0];
	e = epoll_of(p[0], EPOLLIN | EPOLLONESHOT);
	is_int(wait_ep(e, 5000), EPOLLIN, "8: EPOLLONESHOT: once");
	is_int(write(p[1], "d", 1), 1, "8: more comes");
	is_int(wait_ep(e, 100), 0, "8: EPOLLONESHOT: and no more");
	epoll_ctl(e, EPOLL_CTL_MOD, p[0], &ev);
	is_int(wait_ep(e, 5000), EPOLLIN, "8: EPOLLONESHOT: armed again");
	close(e);
	e = epoll_of(p[0], EPOLLRDHUP);
	is_int(wait_ep(e, 50), 0, "8: EPOLLRDHUP: not yet");
	shutdown(p[1], SHUT_WR);
	is_int(wait_ep(e, 5000), EPOLLRDHUP, "8: EPOLLRDHUP with data unread before the end");
	close(e);
	e = epoll_of(p[0], EPOLLIN | EPOLLOUT);
	is_int(wait_ep(e, 0), EPOLLIN | EPOLLOUT, "8: a half-closed connection can be written");
	close(e);
	close(p[0]);
	close(p[1]);
}

/* A full connection is not writable; when the peer reads, an edge says so. */
static void
writable_edge(void)
{
	static char big[65536];
	int p[2], e;
	long sent = 0, got = 0, n;

	connected_pair(p);
	e = epoll_of(p[0], EPOLLOUT | EPOLLET);
	is_int(wait_ep(e, 1000), EPOLLOUT, "8: writable");
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	for (double end = now() + 10; now() < end;) {
		if ((n = write(p[0], big, sizeof(big))) > 0)
			sent += n;
		else if (!(wait_ep(e, 300) & EPOLLOUT))
			break;
	}
	is_int(wait_ep(e, 300), 0, "8: a full connection has no edge");
	while (got < sent && (n = read(p[1], big, sizeof(big))) > 0)
		got += n;
	is_int(got, sent, "8: every byte is read");
	ok(wait_ep(e, 5000) & EPOLLOUT, "8: and that is an edge for the writer");
	close(e);
	close(p[0]);
	close(p[1]);
}

static void *
accept_when_told(void *arg)
{
	int *w = arg; /* an epoll descriptor, how often it woke */
	struct epoll_event ev;

	if (epoll_wait(w[0], &ev, 1, 1500) == 1)
		w[1]++;
	return (NULL);
}

static void
exclusive(void)
{
	struct sockaddr_in sin;
	int l = listener(&sin), w[4][2], c, woke = 0;
	pthread_t t[4];

	for (int i = 0; i < 4; i++) {
		w[i][0] = epoll_of(l, EPOLLIN | EPOLLEXCLUSIVE);
		w[i][1] = 0;
		pthread_create(&t[i], NULL, accept_when_told, w[i]);
	}
	usleep(200000);
	c = socket(AF_INET, SOCK_STREAM, 0);
	is_int(connect(c, (struct sockaddr *)&sin, sizeof(sin)), 0, "8: one connection");
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		woke += w[i][1];
		close(w[i][0]);
	}
	ok(woke >= 1 && woke < 4, "8: EPOLLEXCLUSIVE: not everybody wakes (%d of 4)", woke);
	close(c);
	close(l);
}

static void
connect_events(void)
{
	struct sockaddr_in sin = peer_sin(PORT_CLOSED);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), error = 0;
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT};
	socklen_t len = sizeof(error);

	is_int(poll(&p, 1, 0) == 1 ? p.revents : 0, POLLOUT | POLLHUP, "9: poll of a new socket");
	is_int(errno_of(connect(fd, (struct sockaddr *)&sin, sizeof(sin))), EINPROGRESS,
	    "9: connect to a closed port");
	is_int(poll(&p, 1, 5000), 1, "9: ends");
	is_int(p.revents, POLLIN | POLLOUT | POLLERR | POLLHUP, "9: what poll says of it");
	is_int(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0, "9: SO_ERROR");
	is_int(error, ECONNREFUSED, "9: is ECONNREFUSED");
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	sin = peer_sin(PORT_ECHO);
	p.fd = fd;
	is_int(errno_of(connect(fd, (struct sockaddr *)&sin, sizeof(sin))), EINPROGRESS,
	    "9: connect to an open one");
	is_int(poll(&p, 1, 5000) == 1 ? p.revents : 0, POLLOUT, "9: is POLLOUT alone");
	is_int(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len), 0, "9: SO_ERROR");
	is_int(error, 0, "9: is 0");
	close(fd);
	fd = dial(PORT_RESET);
	p.fd = fd;
	is_int(write(fd, "x", 1), 1, "9: a byte for a reset");
	p.events = POLLIN;
	is_int(poll(&p, 1, 5000), 1, "9: the reset comes");
	ok((p.revents & (POLLERR | POLLHUP | POLLIN)) == (POLLERR | POLLHUP | POLLIN),
	    "9: POLLIN, POLLERR and POLLHUP");
	is_int(errno_of(read(fd, &error, 1)), ECONNRESET, "9: ECONNRESET");
	is_int(read(fd, &error, 1), 0, "9: then the end");
	close(fd);
}

static void
accepting(void)
{
	struct sockaddr_in sin, from;
	socklen_t len = sizeof(from);
	int l = listener(&sin), c = socket(AF_INET, SOCK_STREAM, 0), a;
	struct pollfd p = {.fd = l, .events = POLLIN};

	fcntl(l, F_SETFL, O_NONBLOCK);
	is_int(errno_of(accept(l, NULL, NULL)), EAGAIN, "10: nobody there");
	is_int(poll(&p, 1, 100), 0, "10: a listener is not readable");
	is_int(connect(c, (struct sockaddr *)&sin, sizeof(sin)), 0, "10: somebody comes");
	is_int(poll(&p, 1, 5000), 1, "10: readable");
	is_int(p.revents, POLLIN, "10: POLLIN alone");
	a = accept4(l, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ok(a >= 0 && (fcntl(a, F_GETFL) & O_NONBLOCK) && fcntl(a, F_GETFD) == FD_CLOEXEC,
	    "10: accept4's flags");
	is_int(len, sizeof(from), "10: the peer's address is whole");
	is_int(errno_of(accept4(l, NULL, NULL, 0x5)), EINVAL, "10: a wrong flag");
	close(a);
	is_int(connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&sin, sizeof(sin)), 0,
	    "10: another");
	poll(&p, 1, 5000);
	a = accept(l, NULL, NULL);
	is_int(fcntl(a, F_GETFL) & O_NONBLOCK, 0, "10: accept inherits no O_NONBLOCK");
	close(a);
	shutdown(l, SHUT_RDWR);
	is_int(errno_of(accept(l, NULL, NULL)), EINVAL, "10: a listener shut down");
	close(c);
	close(l);
}

static volatile sig_atomic_t hits;

static void
hit(int sig)
{
	(void)sig;
	hits++;
}

static void
alarm_in(int ms, int flags)
{
	struct sigaction sa = {.sa_handler = hit, .sa_flags = flags};
	struct itimerval it = {.it_value.tv_usec = ms * 1000};

	hits = 0;
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
}

static void *
write_later(void *arg)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	usleep(300000);
	if (write(*(int *)arg, "late", 4) != 4)
		perror("write");
	return (NULL);
}

static void
signals(void)
{
	int p[2], l;
	char c[8];
	struct sockaddr_in sin;
	pthread_t t;

	connected_pair(p);
	alarm_in(100, 0);
	is_int(errno_of(read(p[0], c, 1)), EINTR, "24: a signal interrupts read");
	alarm_in(100, 0);
	is_int(errno_of(recv(p[0], c, 1, 0)), EINTR, "24: and recv");
	pthread_create(&t, NULL, write_later, &p[1]);
	alarm_in(100, SA_RESTART);
	is_int(read(p[0], c, 8), 4, "24: with SA_RESTART read goes on");
	is_int(hits, 1, "24: after the handler");
	pthread_join(t, NULL);
	alarm_in(100, SA_RESTART);
	is_int(errno_of(poll(&(struct pollfd){.fd = p[0], .events = POLLIN}, 1, 2000)), EINTR,
	    "24: poll is never restarted");
	close(p[0]);
	close(p[1]);
	l = listener(&sin);
	alarm_in(100, 0);
	is_int(errno_of(accept(l, NULL, NULL)), EINTR, "24: a signal interrupts accept");
	close(l);
	signal(SIGALRM, SIG_DFL);
}

static void
sigio(void)
{
	struct sigaction sa = {.sa_handler = hit};
	int p[2];

	connected_pair(p);
	hits = 0;
	sigaction(SIGIO, &sa, NULL);
	fcntl(p[0], F_SETOWN, getpid());
	fcntl(p[0], F_SETFL, O_ASYNC);
	is_int(fcntl(p[0], F_GETOWN), getpid(), "14: F_GETOWN");
	hits = 0; /* setting it up may have said that it can be written */
	is_int(write(p[1], "x", 1), 1, "14: a byte");
	for (int i = 0; i < 100 && hits == 0; i++)
		usleep(20000);
	ok(hits > 0, "14: is a SIGIO");
	fcntl(p[0], F_SETFL, 0);
	signal(SIGIO, SIG_DFL);
	close(p[0]);
	close(p[1]);
}

/* Event loops sleep: nothing ready stays unready, though things were ready before. */
static void
nothing_spins(void)
{
	int fd = dial(PORT_ECHO), u = dial_udp(PORT_ECHO), e, n = 0;
	struct sockaddr_in sin;
	int l = listener(&sin);
	struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP | EPOLLPRI};

	ok(echoes(fd, "warm") && echoes(u, "warm"), "28: traffic");
	e = epoll_create1(0);
	for (int i = 0, fds[] = {fd, u, l}; i < 3; i++) {
		ev.data.fd = fds[i];
		epoll_ctl(e, EPOLL_CTL_ADD, fds[i], &ev);
	}
	for (double end = now() + 0.5; now() < end;)
		n += epoll_wait(e, &ev, 1, 100);
	is_int(n, 0, "28: a connection, a datagram socket and a listener at rest are not ready");
	close(e);
	close(l);
	close(u);
	close(fd);
}

void
pitfalls_events(void)
{
	edges();
	writable_edge();
	exclusive();
	connect_events();
	accepting();
	signals();
	sigio();
	nothing_spins();
}
