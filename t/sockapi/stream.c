/*
 * stream.c - bytes through a connection: flags of send and recv, urgent data, how it ends.
 */
#include "t/sockapi/sockapi.h"

#include <signal.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

/*
 * Full is what stays full: bytes may still be on their way from one buffer to the next, the last of
 * them by a probe of the window, 200 ms and more after the others; and no buffer may grow
 * meanwhile.
 */
static void
fill(int from, int to)
{
	static char big[200000];
	const int size = 50000;
	int quiet = 0;

	setsockopt(from, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(to, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	while (quiet < 100) {
		if (send(from, big, sizeof(big), 0) > 0 || send(from, big, 1, 0) > 0) {
			quiet = 0;
		} else {
			quiet++;
			settle();
		}
	}
}

static void
flags(void)
{
	char buf[200000];
	struct iovec iov[3] = {{buf, 2}, {buf + 10, 0}, {buf + 20, 3}};
	int c, s, v;
	volatile int negative = -1, many = 2000;

	tcp_pair(&c, &s);
	see(recv(s, buf, 10, MSG_DONTWAIT), "recv DONTWAIT, nothing there");
	see(recv(s, buf, 0, MSG_DONTWAIT), "recv of nothing, nothing there");
	see(read(s, buf, 0), "read of nothing, nothing there");
	see(send(c, "abcdef", 6, 0), "send");
	see(send(c, "", 0, 0), "send nothing");
	becomes(s, POLLIN);
	see(recv(s, buf, 3, MSG_PEEK), "recv PEEK");
	see(recv(s, buf, 10, MSG_PEEK), "recv PEEK, more");
	see(recv(s, buf, 2, MSG_TRUNC), "recv TRUNC discards");
	see(recv(s, buf, 1, 0), "recv after TRUNC");
	see(buf[0], "recv after TRUNC, byte");
	see(readv(s, iov, 3), "readv");
	see(recv(s, buf, 10, MSG_DONTWAIT | MSG_PEEK), "recv PEEK, empty");
	see(send(c, "xyz", 3, MSG_MORE), "send MORE");
	see(send(c, "u", 1, 0), "send after MORE");
	becomes(s, POLLIN);
	see(recv(s, buf, 4, MSG_WAITALL), "recv WAITALL");
	see(send(c, "1", 1, MSG_DONTROUTE | MSG_CONFIRM | MSG_NOSIGNAL | MSG_EOR),
	    "send with harmless flags");
	see(recv(s, buf, 1, MSG_NOSIGNAL), "recv with a harmless flag");
	see(send(c, "1", 1, MSG_ZEROCOPY), "send ZEROCOPY, not allowed");
	recv(s, buf, 1, 0);
	see(recv(s, buf, 1, MSG_ERRQUEUE), "recv ERRQUEUE");
	see(recv(s, buf, 1, MSG_OOB), "recv OOB, none");
	see(writev(c, iov, 0), "writev of no pieces");
	see(writev(c, iov, negative), "writev of -1 pieces");
	see(writev(c, iov, many), "writev of 2000 pieces");
	iov[0].iov_len = (size_t)-1;
	see(writev(c, iov, 1), "writev of a negative length");
	fcntl(c, F_SETFL, O_NONBLOCK);
	fill(c, s);
	v = (int)send(c, buf, sizeof(buf), 0);
	see(v, "send until it is full");
	see(send(c, buf, 1, 0), "send, full");
	see(write(c, buf, 1), "write, full");
	see_poll(c, "full");
	do {
		while (recv(s, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
		settle();
	} while (poll(&(struct pollfd){.fd = s, .events = POLLIN}, 1, 500) == 1);
	see_poll(c, "read empty");
	close(c);
	close(s);
}

static void
urgent(int inl)
{
	char buf[20];
	int c, s, v = inl;

	tcp_pair(&c, &s);
	setsockopt(s, SOL_SOCKET, SO_OOBINLINE, &v, sizeof(v));
	see(send(c, "abC", 3, MSG_OOB), "inline %d: send OOB", inl);
	becomes(s, inl ? POLLIN : POLLPRI);
	settle();
	see_poll(s, "inline %d: urgent", inl);
	see(ioctl(s, SIOCATMARK, &v) == 0 ? v : -1, "inline %d: SIOCATMARK", inl);
	see(sockatmark(s), "inline %d: sockatmark", inl);
	see(recv(s, buf, 20, MSG_OOB | MSG_PEEK), "inline %d: recv OOB PEEK", inl);
	see(recv(s, buf, 20, MSG_OOB), "inline %d: recv OOB", inl);
	see(buf[0], "inline %d: the byte", inl);
	see(recv(s, buf, 20, MSG_OOB), "inline %d: recv OOB again", inl);
	see(recv(s, buf, 20, 0), "inline %d: recv up to the mark", inl);
	see(sockatmark(s), "inline %d: sockatmark at the mark", inl);
	see_poll(s, "inline %d: at the mark", inl);
	send(c, "de", 2, 0);
	settle();
	see(recv(s, buf, 20, MSG_DONTWAIT), "inline %d: recv behind the mark", inl);
	see(sockatmark(s), "inline %d: sockatmark behind it", inl);
	see_poll(s, "inline %d: behind", inl);
	see(ioctl(s, FIONREAD, &v) == 0 ? v : -1, "inline %d: FIONREAD", inl);
	close(c);
	close(s);
}

static void
files(void)
{
	char buf[100];
	int c, s, p[2], f = open("/proc/self/exe", O_RDONLY);
	off_t at = 1;

	tcp_pair(&c, &s);
	see(sendfile(c, f, &at, 10), "sendfile");
	see((long)at, "sendfile's offset");
	see(recv(s, buf, sizeof(buf), MSG_WAITALL | MSG_DONTWAIT) > 0 || becomes(s, POLLIN),
	    "sendfile came");
	see(sendfile(c, s, NULL, 10), "sendfile from a socket");
	see(sendfile(f, c, NULL, 10), "sendfile to a file opened for reading");
	recv(s, buf, sizeof(buf), MSG_DONTWAIT);
	see(pipe(p), "pipe");
	write(p[1], "spliced", 7);
	see(splice(p[0], NULL, c, NULL, 7, 0), "splice to the socket");
	becomes(s, POLLIN);
	see(splice(s, NULL, p[1], NULL, 100, 0), "splice from the socket");
	fcntl(s, F_SETFL, O_NONBLOCK);
	see(splice(s, NULL, p[1], NULL, 100, SPLICE_F_NONBLOCK), "splice, nothing there");
	see(read(p[0], buf, 100), "what was spliced");
	see(splice(s, NULL, c, NULL, 100, 0), "splice without a pipe");
	see(splice(s, &at, p[1], NULL, 100, 0), "splice with an offset");
	see(lseek(c, 0, SEEK_SET), "lseek");
	see(pread(c, buf, 1, 0), "pread");
	see(ftruncate(c, 0), "ftruncate");
	see(fsync(c), "fsync");
	close(c);
	becomes(s, POLLIN);
	see(splice(s, NULL, p[1], NULL, 100, 0), "splice at the end");
	close(p[0]);
	close(p[1]);
	close(s);
	close(f);
}

void
topic_stream(void)
{
	flags();
	urgent(0);
	urgent(1);
	files();
}

/* --- ends --- */

static void
after(int fd, const char *what)
{
	char buf[10];
	int v = 0;
	socklen_t len = sizeof(v);

	see_poll(fd, "%s: poll", what);
	see(recv(fd, buf, 10, MSG_DONTWAIT), "%s: recv", what);
	see(recv(fd, buf, 10, MSG_DONTWAIT), "%s: recv again", what);
	see(send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT), "%s: send", what);
	settle();
	see(send(fd, "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT), "%s: send again", what);
	see(getsockopt(fd, SOL_SOCKET, SO_ERROR, &v, &len) == 0 ? v : -1, "%s: SO_ERROR", what);
	see(recv(fd, buf, 10, MSG_DONTWAIT), "%s: recv then", what);
	see(shutdown(fd, SHUT_WR), "%s: shutdown WR", what);
	see(shutdown(fd, SHUT_RDWR), "%s: shutdown RDWR", what);
	see_poll(fd, "%s: poll then", what);
}

static void
reset_by_linger(int fd)
{
	struct linger l = {1, 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	close(fd);
}

static void
first_call_after_reset(int call, const char *name)
{
	int c, s, v = 0;
	socklen_t len = sizeof(v);
	char buf[10];

	tcp_pair(&c, &s);
	reset_by_linger(s);
	becomes(c, POLLHUP);
	settle();
	if (call == 0)
		see(read(c, buf, 10), "reset, %s", name);
	else if (call == 1)
		see(write(c, buf, 10), "reset, %s", name);
	else if (call == 2)
		see(getsockopt(c, SOL_SOCKET, SO_ERROR, &v, &len) == 0 ? v : -1, "reset, %s", name);
	else if (call == 3)
		see(shutdown(c, SHUT_RDWR), "reset, %s", name);
	else if (call == 4)
		see(recv(c, buf, 10, MSG_PEEK), "reset, %s", name);
	else if (call == 5)
		see(getpeername(c, SA(buf), &len), "reset, %s", name);
	else if (call == 6)
		see(connect(c, SA(&(struct sockaddr_in){.sin_family = AF_INET}), 16), "reset, %s",
		    name);
	see(read(c, buf, 10), "reset, %s, read", name);
	see(write(c, buf, 10), "reset, %s, write", name);
	close(c);
}

/* What recv(2) of no bytes says: how luasocket asks whether a connect() worked. */
static void
recv_nothing(void)
{
	int c, s, port, l;
	struct sockaddr_in sin;
	char byte;

	tcp_pair(&c, &s);
	see(recv(s, &byte, 0, MSG_DONTWAIT), "recv of nothing, nothing there");
	send(c, "x", 1, 0);
	becomes(s, POLLIN);
	see(recv(s, &byte, 0, 0), "recv of nothing, a byte there");
	see(recv(s, &byte, 1, 0), "which stays");
	close(c);
	becomes(s, POLLIN);
	see(recv(s, &byte, 0, 0), "recv of nothing at the end");
	close(s);
	l = tcp_listener(&port);
	close(l);
	c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	sin = loopback(port);
	(void)!connect(c, SA(&sin), sizeof(sin));
	becomes(c, POLLOUT);
	see(recv(c, &byte, 0, 0), "refused, recv of nothing");
	see(read(c, &byte, 0), "refused, read of nothing");
	see(recv(c, &byte, 1, 0), "refused, recv after that");
	close(c);
}

/* SO_PEEK_OFF: a peek goes on where the last one ended. */
static void
peek_offset(void)
{
	char buf[8] = "";
	int c, s, v = 0;
	socklen_t len = sizeof(v);

	tcp_pair(&c, &s);
	see(setsockopt(s, SOL_SOCKET, SO_PEEK_OFF, &v, sizeof(v)), "SO_PEEK_OFF 0");
	send(c, "abcdef", 6, 0);
	becomes(s, POLLIN);
	see(recv(s, buf, 2, MSG_PEEK), "peek");
	see_text(buf, "peek's bytes");
	see(recv(s, buf, 2, MSG_PEEK), "peek on");
	see_text(buf, "peek on, bytes");
	see(getsockopt(s, SOL_SOCKET, SO_PEEK_OFF, &v, &len), "SO_PEEK_OFF get");
	see(v, "SO_PEEK_OFF is");
	see(recv(s, buf, 2, 0), "recv, SO_PEEK_OFF on");
	see_text(buf, "recv's bytes");
	see(recv(s, buf, 7, MSG_PEEK), "peek at the rest");
	see_text(buf, "the rest");
	v = -1;
	see(setsockopt(s, SOL_SOCKET, SO_PEEK_OFF, &v, sizeof(v)), "SO_PEEK_OFF off");
	see(recv(s, buf, 7, MSG_PEEK), "peek as ever");
	close(c);
	close(s);
}

/* The peer has closed; what is sent to it is answered by a reset. */
static void
closed_peer(void)
{
	char buf[8];
	int c, s;

	tcp_pair(&c, &s);
	close(s);
	see(becomes(c, POLLIN), "peer closed: POLLIN");
	see(send(c, "abc", 3, MSG_NOSIGNAL), "peer closed: send");
	becomes(c, POLLHUP);
	see(recv(c, buf, sizeof(buf), 0), "peer closed: recv after its reset");
	see(recv(c, buf, sizeof(buf), 0), "peer closed: recv again");
	see(read(c, buf, sizeof(buf)), "peer closed: read");
	see(send(c, "abc", 3, MSG_NOSIGNAL), "peer closed: send again");
	see(recv(c, buf, sizeof(buf), 0), "peer closed: recv after that");
	close(c);
}

void
topic_ends(void)
{
	closed_peer();
	peek_offset();
	recv_nothing();
	static const char *const calls[] = {
	    "read", "write", "SO_ERROR", "shutdown", "recv PEEK", "getpeername", "connect"};
	char buf[100];
	int c, s, i, port, l;
	struct sockaddr_in sin;

	tcp_pair(&c, &s);
	close(s);
	after(c, "peer closed");
	close(c);
	tcp_pair(&c, &s);
	send(s, "data", 4, 0);
	close(s);
	settle();
	see_poll(c, "data, then closed: poll");
	see(recv(c, buf, 2, 0), "data, then closed: recv");
	see_poll(c, "data, then closed: poll after a part");
	see(recv(c, buf, 100, MSG_WAITALL), "data, then closed: recv WAITALL");
	after(c, "data, then closed");
	close(c);
	tcp_pair(&c, &s);
	reset_by_linger(s);
	settle();
	after(c, "reset by linger");
	close(c);
	tcp_pair(&c, &s);
	send(c, "unread", 6, 0);
	settle();
	close(s);
	settle();
	after(c, "closed with unread data");
	close(c);
	tcp_pair(&c, &s);
	send(s, "last", 4, 0);
	settle();
	reset_by_linger(s);
	settle();
	see_poll(c, "data, then reset: poll");
	see(recv(c, buf, 100, 0), "data, then reset: recv");
	see(recv(c, buf, 100, MSG_DONTWAIT), "data, then reset: recv again");
	close(c);
	tcp_pair(&c, &s);
	see(shutdown(s, SHUT_WR), "half: shutdown WR");
	settle();
	see_poll(c, "half: peer's poll");
	see_poll(s, "half: poll");
	see(send(s, "x", 1, MSG_NOSIGNAL), "half: send");
	see(send(c, "back", 4, 0), "half: the other way");
	settle();
	see(recv(s, buf, 100, MSG_DONTWAIT), "half: recv the other way");
	see(recv(c, buf, 100, MSG_DONTWAIT), "half: recv at the end");
	see(shutdown(s, SHUT_WR), "half: shutdown WR again");
	close(c);
	settle();
	after(s, "both halves");
	close(s);
	tcp_pair(&c, &s);
	send(c, "pending", 7, 0);
	settle();
	see(shutdown(s, SHUT_RD), "shutdown RD");
	see_poll(s, "shutdown RD: poll");
	see(recv(s, buf, 3, MSG_DONTWAIT), "shutdown RD: recv what was there");
	see(recv(s, buf, 100, MSG_DONTWAIT), "shutdown RD: recv more");
	see(recv(s, buf, 100, MSG_DONTWAIT), "shutdown RD: recv at the end");
	see_poll(c, "shutdown RD: peer's poll");
	see(send(s, "x", 1, 0), "shutdown RD: send");
	settle();
	see(recv(c, buf, 100, MSG_DONTWAIT), "shutdown RD: peer's recv");
	close(c);
	close(s);
	tcp_pair(&c, &s);
	see(shutdown(c, 3), "shutdown 3");
	see(shutdown(c, -1), "shutdown -1");
	see(shutdown(c, SHUT_RDWR), "shutdown RDWR");
	settle();
	see_poll(c, "shutdown RDWR: poll");
	see_poll(s, "shutdown RDWR: peer's poll");
	see(recv(c, buf, 10, MSG_DONTWAIT), "shutdown RDWR: recv");
	see(send(c, buf, 10, MSG_NOSIGNAL), "shutdown RDWR: send");
	see(recv(s, buf, 10, MSG_DONTWAIT), "shutdown RDWR: peer's recv");
	see(send(s, buf, 10, MSG_NOSIGNAL), "shutdown RDWR: peer's send");
	close(c);
	close(s);
	for (i = 0; i < 7; i++)
		first_call_after_reset(i, calls[i]);
	/* accepted late: what happened before */
	l = tcp_listener(&port);
	sin = loopback(port);
	c = socket(AF_INET, SOCK_STREAM, 0);
	connect(c, SA(&sin), sizeof(sin));
	send(c, "early", 5, 0);
	close(c);
	settle();
	s = see_fd(accept(l, NULL, NULL), "closed before it is accepted: accept");
	see(recv(s, buf, 100, 0), "closed before it is accepted: recv");
	see(recv(s, buf, 100, 0), "closed before it is accepted: recv the end");
	close(s);
	c = socket(AF_INET, SOCK_STREAM, 0);
	connect(c, SA(&sin), sizeof(sin));
	reset_by_linger(c);
	settle();
	fcntl(l, F_SETFL, O_NONBLOCK);
	s = see_fd(accept(l, NULL, NULL), "reset before it is accepted: accept");
	if (s >= 0) {
		see(recv(s, buf, 100, MSG_DONTWAIT), "reset before it is accepted: recv");
		close(s);
	}
	c = socket(AF_INET, SOCK_STREAM, 0);
	connect(c, SA(&sin), sizeof(sin));
	close(l);
	settle();
	after(c, "listener closed, not accepted");
	close(c);
	/* the two that look like it, and are not */
	l = tcp_listener(&port);
	sin = loopback(port);
	c = socket(AF_INET, SOCK_STREAM, 0);
	connect(c, SA(&sin), sizeof(sin));
	s = accept(l, NULL, NULL);
	close(s);
	close(l);
	settle();
	after(c, "accepted, both closed");
	close(c);
	l = tcp_listener(&port);
	sin = loopback(port);
	c = socket(AF_INET, SOCK_STREAM, 0);
	connect(c, SA(&sin), sizeof(sin));
	s = accept(l, NULL, NULL);
	close(l);
	settle();
	close(s);
	settle();
	after(c, "accepted, listener closed, then closed");
	close(c);
	/* a writer that waits, and a peer that resets */
	tcp_pair(&c, &s);
	if (fork() == 0) {
		static char much[1 << 20];

		close(s);
		send(c, much, sizeof(much), 0);
		send(c, much, sizeof(much), 0);
		for (i = 0; i < 100; i++)
			if (send(c, much, sizeof(much), MSG_NOSIGNAL) < 0)
				_exit(errno == ECONNRESET || errno == EPIPE ? 0 : 1);
		_exit(2);
	}
	close(c);
	usleep(200000);
	close(s);
	see(wait(&i) > 0 ? i : -1, "a writer that waits sees the reset");
}
