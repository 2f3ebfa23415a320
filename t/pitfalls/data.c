/* data.c - rows 11, 12, 14, 15, 27: what goes through a connection, and how it ends. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "t/pitfalls/pitfalls.h"

static void
ends(void)
{
	struct linger hard = {.l_onoff = 1};
	int p[2], pid;
	char c[16];

	connected_pair(p);
	is_int(write(p[0], "unread", 6), 6, "11: bytes that nobody reads");
	readable(p[1], 5000);
	close(p[1]);
	readable(p[0], 5000);
	is_int(errno_of(read(p[0], c, 1)), ECONNRESET, "11: close with unread data is a reset");
	close(p[0]);
	connected_pair(p);
	setsockopt(p[1], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(p[1]);
	readable(p[0], 5000);
	is_int(errno_of(read(p[0], c, 1)), ECONNRESET, "11: SO_LINGER of 0 is a reset");
	close(p[0]);
	connected_pair(p);
	shutdown(p[0], SHUT_WR);
	is_int(read(p[1], c, 1), 0, "11: half close is the end for the reader");
	is_int(errno_of(write(p[0], "x", 1)), EPIPE, "11: and EPIPE for the writer");
	is_int(errno_of(send(p[0], "x", 1, MSG_NOSIGNAL)), EPIPE, "11: MSG_NOSIGNAL, EPIPE");
	is_int(write(p[1], "back", 4), 4, "11: the other way is open");
	is_int(read(p[0], c, 16), 4, "11: and works");
	if ((pid = fork()) == 0) {
		signal(SIGPIPE, SIG_DFL);
		_exit(write(p[0], "x", 1) < 0 ? 1 : 2);
	}
	is_int(exit_status(pid), 128 + SIGPIPE, "11: SIGPIPE");
	if ((pid = fork()) == 0) {
		signal(SIGPIPE, SIG_DFL);
		_exit(send(p[0], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE ? 0 : 2);
	}
	is_int(exit_status(pid), 0, "11: none with MSG_NOSIGNAL");
	close(p[0]);
	close(p[1]);
}

/* What a program wrote before its close arrives, all of it, whoever the reader is. */
static void
close_loses_nothing(void)
{
	static char big[1 << 20];
	struct sockaddr_in sin;
	int l = listener(&sin), pid, fd;
	long total = 0, n;

	if ((pid = fork()) == 0) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0)
			_exit(1);
		for (int i = 0; i < 4; i++)
			if (write(fd, big, sizeof(big)) != sizeof(big))
				_exit(2);
		_exit(0); /* no close, no shutdown: the kernel's */
	}
	fd = accept(l, NULL, NULL);
	while ((n = read(fd, big, sizeof(big))) > 0)
		total += n;
	is_int(total, 4L << 20, "11: every byte arrives");
	is_int(n, 0, "11: and then the end");
	is_int(exit_status(pid), 0, "11: of a writer that wrote 4 MiB and left");
	close(fd);
	close(l);
}

static void
flags(void)
{
	int p[2], n = 0;
	char c[16] = "", out[16] = "", abcd[] = "abcd";
	struct iovec v[3] = {{abcd, 2}, {abcd, 0}, {abcd + 2, 2}}, r[2] = {{c, 1}, {out, 8}};

	connected_pair(p);
	is_int(write(p[0], "hello", 5), 5, "12: five bytes");
	readable(p[1], 5000);
	is_int(recv(p[1], c, 2, MSG_PEEK), 2, "12: MSG_PEEK");
	is_int(recv(p[1], c, 2, MSG_PEEK), 2, "12: again the same");
	is_mem(c, "he", 2, "12: from the beginning");
	is_int(ioctl(p[1], FIONREAD, &n) == 0 ? n : -1, 5, "14: FIONREAD");
	is_int(recv(p[1], NULL, 5, MSG_TRUNC), 5, "12: MSG_TRUNC throws bytes away");
	is_int(errno_of(recv(p[1], c, 1, MSG_DONTWAIT)), EAGAIN, "12: MSG_DONTWAIT");
	is_int(writev(p[0], v, 3), 4, "14: writev");
	usleep(100000);
	is_int(readv(p[1], r, 2), 4, "14: readv");
	ok(c[0] == 'a' && memcmp(out, "bcd", 3) == 0, "14: in order");
	is_int(send(p[0], "!", 1, MSG_OOB), 1, "12: MSG_OOB");
	for (int i = 0; i < 100 && !(ioctl(p[1], SIOCATMARK, &n) == 0 && n == 1); i++)
		usleep(20000);
	is_int(n, 1, "12: at the mark");
	is_int(recv(p[1], c, 1, MSG_OOB), 1, "12: the byte");
	is_int(c[0], '!', "12: that was sent");
	n = -1;
	is_int(ioctl(p[0], SIOCOUTQ, &n), 0, "14: SIOCOUTQ");
	ok(n >= 0 && n <= 1, "14: nothing is left to send (%d)", n);
	close(p[0]);
	close(p[1]);
}

static void *
write_two_halves(void *arg)
{
	int fd = *(int *)arg;

	usleep(50000);
	if (write(fd, "first", 5) != 5)
		perror("write");
	usleep(150000);
	if (write(fd, "secnd", 5) != 5)
		perror("write");
	return (NULL);
}

static void
waiting_for_all(void)
{
	struct timeval tv = {.tv_usec = 200000};
	int p[2], low = 8;
	char c[16];
	double start;
	pthread_t t;

	connected_pair(p);
	pthread_create(&t, NULL, write_two_halves, &p[0]);
	is_int(recv(p[1], c, 10, MSG_WAITALL), 10, "12: MSG_WAITALL waits for all");
	pthread_join(t, NULL);
	setsockopt(p[1], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	start = now();
	is_int(errno_of(read(p[1], c, 1)), EAGAIN, "14: SO_RCVTIMEO");
	ok(now() - start > 0.15 && now() - start < 2, "14: after its time");
	setsockopt(p[1], SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low));
	is_int(write(p[0], "four", 4), 4, "14: SO_RCVLOWAT 8, 4 bytes");
	ok(!readable(p[1], 200), "14: are not enough");
	is_int(write(p[0], "four", 4), 4, "14: 4 more");
	ok(readable(p[1], 5000), "14: are");
	close(p[0]);
	close(p[1]);
}

static void
files_and_pipes(void)
{
	static char block[1 << 16], back[1 << 16];
	char name[] = "/tmp/pitfallsXXXXXX";
	int f = mkstemp(name), fd = dial(PORT_ECHO), p[2];
	off_t off = 0;

	unlink(name);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (char)(i * 7 + i / 256);
	if (write(f, block, sizeof(block)) != sizeof(block) || pipe(p) != 0)
		tap_bail("a file and a pipe");
	while (off < (off_t)sizeof(block) && sendfile(fd, f, &off, sizeof(block) - (size_t)off) > 0)
		;
	is_int(off, sizeof(block), "14: sendfile");
	ok(read_all(fd, back, sizeof(back)) && memcmp(block, back, sizeof(back)) == 0,
	    "14: every byte comes back");
	is_int(write(p[1], "splice", 6), 6, "14: into a pipe");
	is_int(splice(p[0], NULL, fd, NULL, 6, 0), 6, "14: splice to a connection");
	readable(fd, 5000);
	is_int(splice(fd, NULL, p[1], NULL, 6, 0), 6, "14: splice from it");
	ok(read_all(p[0], back, 6) && memcmp(back, "splice", 6) == 0, "14: the same bytes");
	close(p[0]);
	close(p[1]);
	close(f);
	close(fd);
}

static int
get(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	return (getsockopt(fd, level, name, &v, &len) == 0 && len == sizeof(v) ? v : -errno);
}

static void
identity(void)
{
	struct sockaddr_in sin;
	struct sockaddr_storage ss = {0};
	int l = listener(&sin), fd = dial(PORT_ECHO), u = dial_udp(PORT_ECHO);
	socklen_t len = sizeof(ss);

	is_int(get(fd, SOL_SOCKET, SO_TYPE), SOCK_STREAM, "15: SO_TYPE");
	is_int(get(u, SOL_SOCKET, SO_TYPE), SOCK_DGRAM, "15: SO_TYPE of a datagram socket");
	is_int(get(fd, SOL_SOCKET, SO_DOMAIN), AF_INET, "15: SO_DOMAIN");
	is_int(get(u, SOL_SOCKET, SO_PROTOCOL), IPPROTO_UDP, "15: SO_PROTOCOL");
	is_int(get(l, SOL_SOCKET, SO_ACCEPTCONN), 1, "15: SO_ACCEPTCONN of a listener");
	is_int(get(fd, SOL_SOCKET, SO_ACCEPTCONN), 0, "15: and of a connection");
	ok(getsockname(fd, (struct sockaddr *)&ss, &len) == 0 && ss.ss_family == AF_INET &&
		len == sizeof(struct sockaddr_in),
	    "15: getsockname");
	len = 4;
	ok(getpeername(u, (struct sockaddr *)&ss, &len) == 0 && len == sizeof(struct sockaddr_in),
	    "15: a short buffer is filled, the length is the whole one");
	close(l);
	close(fd);
	close(u);
}

/* ---- threads */

static int shared_fd;
static pthread_mutex_t one_writer = PTHREAD_MUTEX_INITIALIZER;

static void *
writer_thread(void *arg)
{
	char record[64];

	memset(record, *(char *)arg, sizeof(record));
	for (int i = 0; i < 200; i++) {
		pthread_mutex_lock(&one_writer);
		if (write(shared_fd, record, sizeof(record)) != sizeof(record))
			perror("write");
		pthread_mutex_unlock(&one_writer);
	}
	return (NULL);
}

static void *
blocked_reader(void *arg)
{
	char c;

	*(long *)arg = read(shared_fd, &c, 1);
	return (NULL);
}

static void
threads(void)
{
	static char names[] = "abcdefgh", got[8 * 200 * 64];
	int p[2], whole = 0;
	long result = -2;
	pthread_t t[8];

	connected_pair(p);
	shared_fd = p[0];
	for (int i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, writer_thread, &names[i]);
	ok(read_all(p[1], got, sizeof(got)), "27: eight threads write to one connection");
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	for (size_t i = 0; i < sizeof(got); i += 64)
		whole += memcmp(got + i, got + i + 1, 63) == 0;
	is_int(whole, 1600, "27: and every record is whole");
	pthread_create(&t[0], NULL, blocked_reader, &result);
	usleep(100000);
	close(p[1]);
	pthread_join(t[0], NULL);
	is_int(result, 0, "27: a reader wakes when the peer closes");
	close(p[0]);
	connected_pair(p);
	shared_fd = p[0];
	result = -2;
	pthread_create(&t[0], NULL, blocked_reader, &result);
	usleep(100000);
	shutdown(p[0], SHUT_RDWR);
	pthread_join(t[0], NULL);
	is_int(result, 0, "27: a reader wakes when another thread shuts the connection down");
	close(p[0]);
	is_int(read(p[1], got, 1), 0, "27: and the peer sees the end");
	close(p[1]);
}

void
pitfalls_data(void)
{
	ends();
	close_loses_nothing();
	flags();
	waiting_for_all();
	files_and_pipes();
	identity();
	threads();
}
