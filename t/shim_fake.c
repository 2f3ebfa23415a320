/*
 * shim_fake.c - the shim against a make-believe alpined.
 *
 * The program makes a network namespace, serves the abstract control name in it from a child,
 * and runs itself again under LD_PRELOAD. The fake knows no network: what it does is decided by
 * the port that is named, so that each case of the shim can be brought about at will.
 *
 *   stream, connect to port  80 connected, echo     81 refused     82 reset after connecting
 *                            83 never decided       84 ends at once, no error
 *   datagram, to port         7 echo                 8 echo with IP_TTL and IP_TOS control data
 *                             9 pending ECONNREFUSED instead of an answer
 *                            10 RPC_SENDTO answers EHOSTUNREACH
 *   An echoed datagram begins with R if it went by request, with P if by the pair.
 *   A listener gets a connection at once, from 10.0.0.9:999; a second one if asked to bind 2222.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rpc/wire.h"
#include "t/lib/tap.h"

/* ---- the fake ---- */

#define FDS 256

enum { SLOT_FREE, SLOT_CONTROL_LISTENER, SLOT_CONTROL, SLOT_STREAM, SLOT_DGRAM };
static struct slot {
	int kind, fd;
	uint64_t cookie; /* of the program's end */
	int error;	 /* SO_ERROR */
	bool listening;
	int port; /* bound, then connected */
} slots[FDS];
static unsigned requests, rekeys, hellos;

static struct slot *
slot_add(int kind, int fd)
{
	int i;

	for (i = 0; i < FDS; i++) {
		if (slots[i].kind == SLOT_FREE) {
			slots[i] = (struct slot){.kind = kind, .fd = fd};
			return &slots[i];
		}
	}
	abort();
}

static uint64_t
cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len);
	return cookie;
}

static struct slot *
slot_of(int fd)
{
	uint64_t cookie = cookie_of(fd);
	int i;

	for (i = 0; i < FDS; i++)
		if (slots[i].kind != SLOT_FREE && slots[i].cookie == cookie)
			return &slots[i];
	return NULL;
}

/* A pair whose own end is named as alpined names it; answers the program's end. */
static struct slot *
pair_make(int type, int *theirs)
{
	static unsigned id;
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct slot *s;
	int ends[2], n;

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0)
		abort();
	n = snprintf(sun.sun_path + 1, sizeof(sun.sun_path) - 1, RPC_PAIR_PREFIX "fake/%x", ++id);
	if (bind(ends[0], (struct sockaddr *)&sun,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) != 0)
		abort();
	s = slot_add(type == SOCK_STREAM ? SLOT_STREAM : SLOT_DGRAM, ends[0]);
	s->cookie = cookie_of(ends[1]);
	*theirs = ends[1];
	return s;
}

static void
send_with_fd(int to, const void *head, size_t headlen, const void *body, size_t len, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	struct iovec iov[2] = {{(void *)(uintptr_t)head, headlen}, {(void *)(uintptr_t)body, len}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	}
	sendmsg(to, &msg, MSG_NOSIGNAL);
	if (fd >= 0)
		close(fd);
}

static struct rpc_addr
address(const char *host, int port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct rpc_addr a = {.a_len = sizeof(sin)};

	inet_pton(AF_INET, host, &sin.sin_addr);
	memcpy(a.a_data, &sin, sizeof(sin));
	return a;
}

static int
port_of(const struct rpc_addr *a)
{
	struct sockaddr_in sin;

	memcpy(&sin, a->a_data, sizeof(sin));
	return a->a_len == 0 ? 7 : ntohs(sin.sin_port);
}

static void
give_connection(struct slot *listener)
{
	struct rpc_accept record = {.a_magic = RPC_ACCEPT_MAGIC,
	    .a_peer = address("10.0.0.9", 999),
	    .a_local = address("10.0.0.1", 22)};
	int theirs;

	pair_make(SOCK_STREAM, &theirs);
	send_with_fd(listener->fd, &record, sizeof(record), NULL, 0, theirs);
}

static void
echo_dgram(int to, const struct rpc_dgram *head, const char *payload, char how)
{
	union {
		char bytes[2 * CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	struct rpc_dgram out = *head;
	struct iovec iov[4] = {{&out, sizeof(out)}, {&control, 0}, {&how, 1},
	    {(void *)(uintptr_t)payload, head->d_payload_len}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 4}, items;
	struct cmsghdr *item;
	int value = 64;

	out.d_payload_len += 1;
	out.d_control_len = 0;
	out.d_flags = 0;
	if (head->d_payload_len == 0) { /* stays empty */
		out.d_payload_len = 0;
		msg.msg_iovlen = 2;
	}
	if (out.d_addr.a_len == 0)
		out.d_addr = address("10.0.0.7", 7);
	if (port_of(&head->d_addr) == 8) {
		items = (struct msghdr){.msg_control = &control, .msg_controllen = sizeof(control)};
		item = CMSG_FIRSTHDR(&items);
		*item = (struct cmsghdr){CMSG_LEN(sizeof(int)), IPPROTO_IP, IP_TTL};
		memcpy(CMSG_DATA(item), &value, sizeof(value));
		item = (struct cmsghdr *)(void *)(control.bytes + CMSG_SPACE(sizeof(int)));
		*item = (struct cmsghdr){CMSG_LEN(1), IPPROTO_IP, IP_TOS};
		*CMSG_DATA(item) = 0x10;
		out.d_control_len = sizeof(control);
		iov[1].iov_len = sizeof(control);
	}
	if (port_of(&head->d_addr) == 9) {
		out.d_error = ECONNREFUSED;
		out.d_payload_len = 0;
		msg.msg_iovlen = 1;
	}
	sendmsg(to, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int
fake_connect(struct slot *s, const struct rpc_connect *c, int *fd)
{
	int port = port_of(&c->c_addr), ends[2];
	struct rpc_int verdict = {port == 81 ? ECONNREFUSED : 0};

	if (s->kind == SLOT_DGRAM)
		return 0;
	if (c->c_nonblock) {
		s->error = port == 81 ? ECONNREFUSED : 0;
		return EINPROGRESS;
	}
	if (pipe2(ends, O_CLOEXEC) != 0)
		abort();
	if (port == 83) {
		*fd = ends[0]; /* the other stays open, for ever */
		return EINPROGRESS;
	}
	if (write(ends[1], &verdict, sizeof(verdict)) != sizeof(verdict))
		abort();
	close(ends[1]);
	if (port == 82 || port == 84) {
		s->error = port == 82 ? ECONNRESET : 0;
		shutdown(s->fd, SHUT_RDWR);
	}
	*fd = ends[0];
	return EINPROGRESS;
}

static int
fake_getsockopt(struct slot *s, const struct rpc_sockopt *o, int *value)
{
	if (o->o_level != SOL_SOCKET)
		return ENOPROTOOPT;
	if (o->o_name == SO_ERROR) {
		*value = s->error;
		s->error = 0;
	} else if (o->o_name == SO_ACCEPTCONN) {
		*value = s->listening;
	} else if (o->o_name == SO_TYPE) {
		*value = s->kind == SLOT_STREAM ? SOCK_STREAM : SOCK_DGRAM;
	} else if (o->o_name == SO_DOMAIN) {
		*value = AF_INET;
	} else if (o->o_name == SO_MARK) { /* how the shim behaved, for the test to look at */
		*value = (int)(requests << 16 | rekeys << 8 | hellos);
	} else {
		return ENOPROTOOPT;
	}
	return 0;
}

/* One request. The reply's body is put into `reply`, its length in *len. */
static int
fake_request(
    const struct rpc_msg *head, const char *body, struct slot *s, char *reply, size_t *len, int *fd)
{
	struct rpc_hello_reply hello = {.h_instance = "fake"};
	struct rpc_socket want;
	struct rpc_addr addr;
	struct rpc_connect conn;
	struct rpc_dgram dgram;
	struct rpc_int value = {0};
	struct {
		struct rpc_sockopt opt;
		int32_t value;
	} opt;

	if (s == NULL && head->m_op != RPC_HELLO && head->m_op != RPC_SOCKET)
		return EBADF;
	switch (head->m_op) {
	case RPC_HELLO:
		hellos++;
		memcpy(reply, &hello, *len = sizeof(hello));
		return 0;
	case RPC_SOCKET:
		memcpy(&want, body, sizeof(want));
		if (want.s_domain == AF_INET6)
			return EAFNOSUPPORT;
		pair_make((want.s_type & 0xf) == SOCK_STREAM ? SOCK_STREAM : SOCK_SEQPACKET, fd);
		if ((want.s_type & SOCK_NONBLOCK) != 0)
			fcntl(*fd, F_SETFL, O_RDWR | O_NONBLOCK);
		return 0;
	case RPC_BIND:
		memcpy(&addr, body, sizeof(addr));
		s->port = port_of(&addr);
		return 0;
	case RPC_LISTEN:
		s->listening = true;
		give_connection(s);
		if (s->port == 2222)
			give_connection(s);
		return 0;
	case RPC_CONNECT:
		memcpy(&conn, body, sizeof(conn));
		return fake_connect(s, &conn, fd);
	case RPC_GETSOCKNAME:
		addr = address("10.0.0.1", s->port);
		memcpy(reply, &addr, *len = sizeof(addr));
		return 0;
	case RPC_GETPEERNAME:
		return ENOTCONN;
	case RPC_SETSOCKOPT:
		return 0;
	case RPC_GETSOCKOPT:
		memcpy(&opt.opt, body, sizeof(opt.opt));
		opt.opt.o_len = sizeof(opt.value);
		opt.value = 0;
		value.i_value = fake_getsockopt(s, &opt.opt, &opt.value);
		memcpy(reply, &opt, *len = sizeof(opt));
		return value.i_value;
	case RPC_SHUTDOWN:
		return 0;
	case RPC_ERRQUEUE:
		return EAGAIN;
	case RPC_SENDTO:
		memcpy(&dgram, body, sizeof(dgram));
		if (port_of(&dgram.d_addr) == 10)
			return EHOSTUNREACH;
		echo_dgram(s->fd, &dgram, body + sizeof(dgram) + dgram.d_control_len, 'R');
		value.i_value = (int32_t)dgram.d_payload_len;
		memcpy(reply, &value, *len = sizeof(value));
		return 0;
	default:
		return EOPNOTSUPP;
	}
}

static void
fake_control(struct slot *c)
{
	static char buf[RPC_MSG_MAX], reply[4096];
	union {
		char bytes[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC);
	struct slot *s = NULL;
	struct rpc_msg head;
	int given = -1, fd = -1, to = c->fd;
	size_t len = 0;

	if (n < (ssize_t)sizeof(head)) {
		close(c->fd);
		c->kind = SLOT_FREE;
		return;
	}
	memcpy(&head, buf, sizeof(head));
	if (head.m_nfds > 0 && CMSG_FIRSTHDR(&msg) != NULL)
		memcpy(&given, CMSG_DATA(&control.align), sizeof(given));
	requests++;
	if (head.m_op == RPC_REKEY) {
		rekeys++;
		slot_add(SLOT_CONTROL, given);
		to = given;
	} else {
		if (given >= 0)
			s = slot_of(given);
		head.m_error = given >= 0 && s == NULL
				   ? EBADF
				   : fake_request(&head, buf + sizeof(head), s, reply, &len, &fd);
		if (given >= 0)
			close(given);
	}
	head.m_len = (uint32_t)len;
	head.m_nfds = fd >= 0;
	send_with_fd(to, &head, sizeof(head), reply, len, fd);
}

static void
fake_data(struct slot *s)
{
	char buf[70000];
	struct rpc_dgram head;
	ssize_t n = recv(s->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n <= 0) {
		if (n < 0 && errno == EAGAIN)
			return;
		close(s->fd);
		s->fd = -1;
		if (s->error == 0) /* else it has still to be asked for */
			s->kind = SLOT_FREE;
		return;
	}
	if (s->kind == SLOT_STREAM) {
		send(s->fd, buf, (size_t)n, MSG_NOSIGNAL);
		return;
	}
	memcpy(&head, buf, sizeof(head));
	echo_dgram(s->fd, &head, buf + sizeof(head) + head.d_control_len, 'P');
}

static _Noreturn void
fake_alpined(int listener)
{
	struct pollfd fds[FDS];
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	slot_add(SLOT_CONTROL_LISTENER, listener);
	for (;;) {
		for (i = 0; i < FDS; i++)
			fds[i] = (struct pollfd){
			    slots[i].kind != SLOT_FREE ? slots[i].fd : -1, POLLIN, 0};
		poll(fds, FDS, -1);
		for (i = 0; i < FDS; i++) {
			if (fds[i].revents == 0)
				continue;
			if (slots[i].kind == SLOT_CONTROL_LISTENER)
				slot_add(
				    SLOT_CONTROL, accept4(slots[i].fd, NULL, NULL, SOCK_CLOEXEC));
			else if (slots[i].kind == SLOT_CONTROL)
				fake_control(&slots[i]);
			else if (slots[i].kind != SLOT_FREE)
				fake_data(&slots[i]);
		}
	}
}

/* ---- the program under the shim ---- */

static struct sockaddr_in
to_port(int port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	inet_pton(AF_INET, "10.0.0.7", &sin.sin_addr);
	return sin;
}

static int
connected(int port)
{
	struct sockaddr_in sin = to_port(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0)
		tap_diag("connect to %d: %s", port, strerror(errno));
	return fd;
}

static int
counter(int fd, int shift)
{
	int value = 0;
	socklen_t len = sizeof(value);

	getsockopt(fd, SOL_SOCKET, SO_MARK, &value, &len);
	return value >> shift & 0xff;
}

static void
check_streams(void)
{
	struct sockaddr_in sin = to_port(81);
	struct sockaddr_un un;
	socklen_t len = sizeof(sin);
	struct timeval tv = {0, 50000};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), value = 0;
	char buf[64];

	ok(fd == 3, "the lowest free number is given");
	is_int(fcntl(fd, F_GETFD), FD_CLOEXEC, "SOCK_CLOEXEC");
	is_int(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), -1, "refused");
	is_int(errno, ECONNREFUSED, "ECONNREFUSED");
	close(fd);
	fd = connected(80);
	is_int(fcntl(fd, F_GETFD), 0, "survives exec without SOCK_CLOEXEC");
	is_int(write(fd, "hello", 5), 5, "write");
	is_int(recv(fd, buf, sizeof(buf), MSG_PEEK), 5, "recv MSG_PEEK");
	len = sizeof(un);
	is_int(recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&un, &len), 5, "recvfrom");
	is_int(len, 0, "... with no address, as TCP");
	len = sizeof(value);
	is_int(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len), 0, "getsockopt");
	is_int(value, SOCK_STREAM, "SO_TYPE");
	is_int(recv(fd, buf, 1, MSG_OOB), -1, "no urgent data");
	is_int(errno, EINVAL, "EINVAL");
	is_int(send(fd, "x", 1, MSG_OOB), 1, "urgent data is sent");
	is_int(syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &value, &len), 0, "by number");
	is_int(value, AF_INET, "SO_DOMAIN by syscall(2)");
	close(fd);
	fd = connected(82);
	is_int(read(fd, buf, 1), -1, "reset: read fails");
	is_int(errno, ECONNRESET, "ECONNRESET");
	is_int(read(fd, buf, 1), 0, "once; then end of file");
	close(fd);
	fd = connected(84);
	is_int(read(fd, buf, 1), 0, "end of file without error stays one");
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	sin = to_port(83);
	is_int(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), -1, "SO_SNDTIMEO bounds connect");
	is_int(errno, EINPROGRESS, "EINPROGRESS");
	close(fd);
	is_int(socket(AF_INET6, SOCK_STREAM, 0), -1, "AF_INET6");
	is_int(errno, EAFNOSUPPORT, "EAFNOSUPPORT");
}

static void
check_accept(void)
{
	struct sockaddr_in sin = to_port(2222);
	int fd = socket(AF_INET, SOCK_STREAM, 0), got, other, stream;
	socklen_t len = sizeof(sin);
	char buf[8];

	bind(fd, (struct sockaddr *)&sin, sizeof(sin));
	is_int(getsockname(fd, (struct sockaddr *)&sin, &len), 0, "getsockname");
	is_int(ntohs(sin.sin_port), 2222, "... the port that was bound");
	is_int(listen(fd, 5), 0, "listen");
	memset(&sin, 0, sizeof(sin));
	len = 6;
	got = accept4(fd, (struct sockaddr *)&sin, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ok(got >= 0, "accept4");
	is_int(len, sizeof(sin), "the address's whole length is told");
	is_int(ntohs(sin.sin_port), 999, "its first bytes are there");
	is_int(sin.sin_addr.s_addr & htonl(0xffff), 0, "no byte beyond the room");
	ok((fcntl(got, F_GETFL) & O_NONBLOCK) != 0, "SOCK_NONBLOCK");
	is_int(fcntl(got, F_GETFD), FD_CLOEXEC, "SOCK_CLOEXEC");
	is_int(recv(got, buf, 1, 0), -1, "nothing there");
	is_int(errno, EAGAIN, "EAGAIN");
	other = accept(fd, NULL, NULL);
	ok(other >= 0, "accept");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	is_int(accept(fd, NULL, NULL), -1, "no third");
	is_int(errno, EAGAIN, "EAGAIN");
	is_int(shutdown(fd, SHUT_RDWR), 0, "shutdown of the listener");
	is_int(accept(fd, NULL, NULL), -1, "accept after that");
	is_int(errno, EINVAL, "EINVAL");
	stream = connected(80);
	write(stream, "data", 4);
	is_int(accept(stream, NULL, NULL), -1, "accept on a connection");
	is_int(errno, EINVAL, "EINVAL");
	is_int(read(stream, buf, sizeof(buf)), 4, "and its data are still there");
	close(stream);
	close(got);
	close(other);
	close(fd);
}

static ssize_t
exchange(int fd, int port, const void *out, size_t outlen, char *in, size_t insize)
{
	struct sockaddr_in sin = to_port(port);

	if (sendto(fd, out, outlen, 0, (struct sockaddr *)&sin, sizeof(sin)) < 0)
		return -1;
	return recv(fd, in, insize, 0);
}

static void
check_control(int fd)
{
	struct sockaddr_in sin = to_port(8);
	char room[256], a[3], b[100];
	struct iovec iov[2] = {{a, sizeof(a)}, {b, sizeof(b)}};
	struct msghdr msg = {.msg_name = &sin,
	    .msg_namelen = sizeof(sin),
	    .msg_iov = iov,
	    .msg_iovlen = 2,
	    .msg_control = room,
	    .msg_controllen = sizeof(room)};
	struct iovec *volatile nowhere = (struct iovec *)(uintptr_t)16;
	struct cmsghdr *item;

	sendto(fd, "abcdefgh", 8, 0, (struct sockaddr *)&sin, sizeof(sin));
	memset(a, '-', sizeof(a));
	is_int(recvmsg(fd, &msg, 0), 9, "recvmsg in two pieces, with control data");
	is_mem(a, "Rab", 3, "first piece");
	is_mem(b, "cdefgh", 6, "second piece");
	item = CMSG_FIRSTHDR(&msg);
	ok(item != NULL && item->cmsg_type == IP_TTL, "IP_TTL");
	item = item != NULL ? CMSG_NXTHDR(&msg, item) : NULL;
	ok(item != NULL && item->cmsg_type == IP_TOS && *CMSG_DATA(item) == 0x10, "IP_TOS");
	is_int(msg.msg_flags, 0, "no flags");
	sendto(fd, "abcdefgh", 8, 0, (struct sockaddr *)&sin, sizeof(sin));
	msg.msg_controllen = CMSG_SPACE(sizeof(int)) + 4;
	msg.msg_iovlen = 1;
	is_int(recvmsg(fd, &msg, MSG_TRUNC), 9, "MSG_TRUNC gives the real length");
	is_int(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC), MSG_TRUNC | MSG_CTRUNC, "and both flags");
	is_mem(a, "Pab", 3, "the payload's beginning, control data or not");
	is_int(readv(fd, nowhere, 1), -1, "readv into nowhere");
	is_int(errno, EFAULT, "is an error, no signal");
	is_int(writev(fd, nowhere, 1), -1, "writev from nowhere");
	is_int(errno, EFAULT, "likewise");
	is_int(readv(fd, msg.msg_iov, 2000), -1, "two thousand pieces");
	is_int(errno, EINVAL, "are too many");
}

static void
check_many(int fd)
{
	struct sockaddr_in sin = to_port(7);
	struct mmsghdr vec[4];
	struct iovec iov[4];
	struct timespec limit = {0, 200000000};
	char buf[4][16];
	int i, got = 0, n;

	memset(vec, 0, sizeof(vec));
	for (i = 0; i < 4; i++) {
		memcpy(buf[i], "many0", 5);
		buf[i][4] = (char)('0' + i);
		iov[i] = (struct iovec){buf[i], 5};
		vec[i].msg_hdr = (struct msghdr){.msg_name = &sin,
		    .msg_namelen = sizeof(sin),
		    .msg_iov = &iov[i],
		    .msg_iovlen = 1};
	}
	is_int(syscall(SYS_sendmmsg, fd, vec, 4, 0), 4, "sendmmsg, by number as libuv does");
	is_int(vec[3].msg_len, 5, "lengths");
	for (i = 0; i < 4; i++) {
		iov[i].iov_len = sizeof(buf[i]);
		vec[i].msg_hdr.msg_name = NULL;
	}
	while (
	    got < 4 && (n = recvmmsg(fd, vec + got, 4 - (unsigned)got, MSG_WAITFORONE, &limit)) > 0)
		got += n;
	is_int(got, 4, "recvmmsg");
	is_int(vec[2].msg_len, 6, "lengths");
	is_mem(buf[2] + 1, "many2", 5, "in order");
}

static void
check_dgrams(void)
{
	static char big[70000];
	struct sockaddr_in sin = to_port(7);
	int fd = socket(AF_INET, SOCK_DGRAM, 0), value = 0;
	socklen_t len = sizeof(sin);
	char buf[64];

	is_int(exchange(fd, 7, "one", 3, buf, sizeof(buf)), 4, "first datagram");
	is_mem(buf, "Rone", 4, "... went by request");
	is_int(exchange(fd, 7, "two", 3, buf, 2), 2, "second, cut to the room");
	is_mem(buf, "Pt", 2, "... went by the pair");
	is_int(exchange(fd, 7, "", 0, buf, sizeof(buf)), 0, "an empty one");
	is_int(exchange(fd, 10, "x", 1, buf, sizeof(buf)), -1, "the errno of sendto");
	is_int(errno, EHOSTUNREACH, "EHOSTUNREACH");
	is_int(exchange(fd, 9, "x", 1, buf, sizeof(buf)), -1, "a pending error");
	is_int(errno, ECONNREFUSED, "ECONNREFUSED");
	is_int(sendto(fd, big, 65536, 0, (struct sockaddr *)&sin, sizeof(sin)), -1, "too long");
	is_int(errno, EMSGSIZE, "EMSGSIZE");
	sendto(fd, "three", 5, 0, (struct sockaddr *)&sin, sizeof(sin));
	is_int(recvfrom(fd, buf, sizeof(buf), MSG_PEEK, (struct sockaddr *)&sin, &len), 6, "peek");
	is_int(ntohs(sin.sin_port), 7, "the sender's address");
	ok(ioctl(fd, FIONREAD, &value) == 0 && value == 6, "FIONREAD is the payload's length");
	is_int(recv(fd, buf, 1, MSG_TRUNC), 6, "MSG_TRUNC");
	is_int(recv(fd, buf, 1, MSG_DONTWAIT), -1, "that was all");
	is_int(errno, EAGAIN, "EAGAIN");
	connect(fd, (struct sockaddr *)&sin, sizeof(sin));
	is_int(write(fd, "four", 4), 4, "write on a connected socket");
	is_int(read(fd, buf, sizeof(buf)), 5, "read");
	is_int(recv(fd, buf, 1, MSG_DONTWAIT | MSG_ERRQUEUE), -1, "the error queue is empty");
	is_int(errno, EAGAIN, "EAGAIN");
	check_control(fd);
	check_many(fd);
	close(fd);
}

static int
in_child(int (*work)(void))
{
	int status;
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); /* no handler of libc's runs */

	if (pid == 0)
		_exit(work());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
make_and_use(void)
{
	int fd = connected(80);
	char buf[4];

	return write(fd, "abc", 3) == 3 && read(fd, buf, 3) == 3 ? counter(fd, 8) : 255;
}

static int
in_other_namespace(void)
{
	return unshare(CLONE_NEWNET) != 0 || chdir("/") != 0 ? 254 : make_and_use();
}

static int
without_connection(void)
{
	int hello = counter(connected(80), 0);

	close_range(3, ~0u, 0);
	return counter(connected(80), 0) - hello;
}

static void *
thread_work(void *arg)
{
	int i, bad = 0;

	for (i = 0; i < 200; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		bad += fd < 0;
		close(fd);
	}
	*(int *)arg = bad;
	return NULL;
}

static void
check_processes(void)
{
	int before = counter(connected(80), 8), hello, bad[4], i;
	pthread_t thread[4];

	is_int(in_child(make_and_use), before + 1, "a raw clone() gets its own connection");
	is_int(in_child(in_other_namespace), before + 2, "... also in another network namespace");
	is_int(in_child(without_connection), 1, "a child that closed everything connects again");
	hello = counter(connected(80), 0);
	close_range(3, ~0u, 0);
	is_int(dup2(2, 900), 900, "another descriptor where the connection was");
	is_int(counter(connected(80), 0), hello + 1, "this one too");
	ok(fcntl(900, F_GETFD) >= 0, "and leaves what is not its own alone");
	for (i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, thread_work, &bad[i]);
	for (i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		is_int(bad[i], 0, "thread %d", i);
	}
}

static void
check_passing(void)
{
	int ends[2], fd = connected(80), got = -1;
	char room[CMSG_SPACE(sizeof(int))] = {0}, byte = 'x';
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
	struct cmsghdr *item = CMSG_FIRSTHDR(&msg);

	socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	*item = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(item), &fd, sizeof(fd));
	is_int(sendmsg(ends[0], &msg, 0), 1, "a socket of ours is sent over AF_UNIX");
	close(fd);
	is_int(recvmsg(ends[1], &msg, 0), 1, "and received");
	memcpy(&got, CMSG_DATA(item), sizeof(got));
	is_int(write(got, "abc", 3), 3, "it works");
	ok(counter(got, 8) >= 0 && read(got, &byte, 1) == 1 && byte == 'a',
	    "by request and by data");
	msg.msg_controllen = sizeof(room);
	is_int(sendmsg(got, &msg, 0), 1, "SCM_RIGHTS into a connection: data only, as TCP");
	msg = (struct msghdr){.msg_iov = (struct iovec *)(uintptr_t)16, .msg_iovlen = 1};
	is_int(recvmsg(got, &msg, MSG_TRUNC), -1, "recvmsg(MSG_TRUNC) into nowhere");
	is_int(errno, EFAULT, "is an error, no signal");
	close(got);
}

static int
inside(pid_t fake)
{
	struct sockaddr_in sin = to_port(7);
	char byte;
	int fd;

	check_streams();
	check_accept();
	check_dgrams();
	check_passing();
	check_processes();
	fd = connected(80);
	kill(fake, SIGKILL);
	is_int(read(fd, &byte, 1), -1, "alpined dies: read fails");
	is_int(errno, ECONNRESET, "ECONNRESET");
	is_int(socket(AF_INET, SOCK_STREAM, 0), -1, "and there are no new sockets");
	is_int(errno, ENETDOWN, "ENETDOWN");
	is_int(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), -1, "nor calls on old ones");
	is_int(errno, ENETDOWN, "ENETDOWN");
	ok(socket(AF_UNIX, SOCK_STREAM, 0) >= 0, "AF_UNIX goes on");
	return tap_done();
}

static bool
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return good;
}

/* An ordinary user is root in one of his own, and stays it across exec. */
static bool
user_namespace(void)
{
	char uid[32], gid[32];

	snprintf(uid, sizeof(uid), "0 %u 1", (unsigned)getuid());
	snprintf(gid, sizeof(gid), "0 %u 1", (unsigned)getgid());
	return unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 &&
	       write_file("/proc/self/setgroups", "deny") &&
	       write_file("/proc/self/uid_map", uid) && write_file("/proc/self/gid_map", gid);
}

int
main(int argc, char **argv)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const size_t len = sizeof(RPC_CONTROL_NAME) - 1;
	char self[512], shim[600], number[32];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	pid_t fake;
	int fd;

	if (argc > 1)
		return inside((pid_t)atoi(argv[1]));
	if (n <= 0)
		tap_bail("no /proc");
	self[n] = '\0';
	snprintf(
	    shim, sizeof(shim), "%.*s/../lib/libalpine.so", (int)(strrchr(self, '/') - self), self);
	if (access(shim, R_OK) != 0)
		return tap_skip_all("the shim is not built");
	if (unshare(CLONE_NEWNET) != 0 && !user_namespace())
		return tap_skip_all("no namespaces here");
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	memcpy(sun.sun_path + 1, RPC_CONTROL_NAME, len);
	if (bind(fd, (struct sockaddr *)&sun,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)) != 0 ||
	    listen(fd, 64) != 0)
		tap_bail("no listener");
	fake = fork();
	if (fake == 0)
		fake_alpined(fd);
	snprintf(number, sizeof(number), "%d", (int)fake);
	setenv("LD_PRELOAD", shim, 1);
	setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 0);
	execl(self, self, number, NULL);
	tap_bail("exec");
}
