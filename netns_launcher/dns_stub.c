/*
 * dns_stub.c - answers names in the namespace by asking over the stack.
 *
 * libc's resolver makes its system calls below the PLT, where the shim is not: they go to the
 * namespace's kernel, whose lo carries the name servers' addresses. There this stub listens, on
 * UDP and TCP, and passes on what comes to the server of the same address through sockets of
 * alpined. It runs in the launcher's loop and never waits for anything but alpined's answers to
 * requests.
 *
 * A UDP query gets a socket of its own, connected to the server (so that nobody else can
 * answer), hence a port of its own, and a random id; the answer must carry the id and the
 * question (RFC 5452). A TCP connection is relayed. Both are bounded in number and time.
 * RFC 1035 4.1, 4.2.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "netns_launcher/run.h"

#define QUERIES 256	  /* under way at once; the oldest makes room */
#define RELAYS 32	  /* TCP connections at once; more are turned away */
#define QUERY_MS 10000	  /* libc gives up after 5 s by default */
#define RELAY_MS 30000	  /* without a byte */
#define MESSAGE_MAX 65535 /* bytes of a DNS message */
#define RELAY_BUFFER 4096 /* bytes, each way */
#define RELAY_TURN 16	  /* buffers that one relay moves before others have their turn */
#define HEADER 12	  /* bytes of a DNS message's header */
#define DNS_PORT 53
#define FLAGS_RESPONSE 0x80 /* QR, in byte 2 */
#define RCODE_SERVFAIL 2

enum kind { KIND_UDP, KIND_TCP, KIND_QUERY, KIND_INSIDE, KIND_STACK };

struct query {	  /* q_fd < 0: free */
	int q_fd; /* the stack's socket */
	unsigned q_server;
	uint64_t q_until_ms;
	uint8_t q_id[2];  /* as the program chose it */
	uint8_t q_new[2]; /* as the server sees it */
	struct sockaddr_in q_from;
	uint16_t q_qlen;	 /* bytes of the question, kept to compare */
	uint8_t q_question[272]; /* name 255, type 2, class 2; header not included */
};

struct way { /* bytes on their way in one direction */
	size_t w_at, w_len;
	bool w_eof, w_eof_sent;
	char w_buf[RELAY_BUFFER];
};

struct relay {	      /* r_inside < 0: free */
	int r_inside; /* the namespace's end */
	int r_stack;  /* the stack's end */
	bool r_connected;
	bool r_inside_gone, r_stack_gone; /* hung up: nobody reads there any more */
	uint64_t r_until_ms;
	struct way r_out, r_in; /* to the server, from it */
};

static struct {
	struct rpc_client *client;
	const struct run_resolv *resolv;
	struct run_sockets sockets;
	int epoll;
	struct query query[QUERIES];
	struct relay relay[RELAYS];
	unsigned next_query;
} stub;

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void
watch(int op, int fd, enum kind kind, unsigned index, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.u64 = (uint64_t)kind << 32 | index};

	epoll_ctl(stub.epoll, op, fd, &ev);
}

/* A socket of the stack, connected or connecting to the server. -1: none to be had. */
static int
stack_socket(int type, unsigned server)
{
	struct rpc_socket want = {AF_INET, type | SOCK_NONBLOCK, 0};
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons(DNS_PORT),
	    .sin_addr = stub.resolv->server[server]};
	struct rpc_connect to = {.c_nonblock = 1, .c_addr = {.a_len = sizeof(sin)}};
	struct iovec in = {&want, sizeof(want)};
	struct rpc_call call = {.rc_op = RPC_SOCKET, .rc_in = &in, .rc_nin = 1};
	int error = rpc_call(stub.client, &call);

	while (call.rc_nfds > 1)
		close(call.rc_fds[--call.rc_nfds]);
	if (error != 0 || call.rc_nfds == 0) {
		run_debug("dns: no socket: %s", strerror(error < 0 ? -error : error));
		return -1;
	}
	memcpy(to.c_addr.a_data, &sin, sizeof(sin));
	error =
	    rpc_ask(stub.client, RPC_CONNECT, call.rc_fds[0], &to, sizeof(to), NULL, 0, 0, NULL);
	if (error != 0 && error != EINPROGRESS) {
		run_debug("dns: cannot connect: %s", strerror(error < 0 ? -error : error));
		close(call.rc_fds[0]);
		return -1;
	}
	return call.rc_fds[0];
}

/* --- UDP --- */

static void
query_end(struct query *q)
{
	if (q->q_fd >= 0)
		close(q->q_fd);
	q->q_fd = -1;
}

static void
answer(const struct query *q, uint8_t *message, size_t len)
{
	memcpy(message, q->q_id, 2);
	sendto(stub.sockets.udp[q->q_server], message, len, MSG_DONTWAIT | MSG_NOSIGNAL,
	    (const struct sockaddr *)&q->q_from, sizeof(q->q_from));
}

/* So that the resolver goes on to the next server at once, not after its timeout. */
static void
answer_servfail(const struct query *q)
{
	uint8_t message[HEADER + sizeof(q->q_question)] = {0};

	message[2] = FLAGS_RESPONSE | 1; /* RD as it mostly is */
	message[3] = 0x80 | RCODE_SERVFAIL;
	message[5] = 1;
	memcpy(message + HEADER, q->q_question, q->q_qlen);
	answer(q, message, HEADER + (size_t)q->q_qlen);
}

/*
 * Length of the one question behind the header, 0 if it is none: names of queries are not
 * compressed.
 */
static size_t
question_length(const uint8_t *message, size_t len)
{
	size_t at = HEADER;

	if (len < HEADER || message[4] != 0 || message[5] != 1)
		return 0;
	while (at < len && message[at] != 0) {
		if (message[at] > 63)
			return 0;
		at += 1 + (size_t)message[at];
	}
	at += 1 + 4;
	return at <= len && at - HEADER <= sizeof(stub.query[0].q_question) ? at - HEADER : 0;
}

static bool
same_question(const struct query *q, const uint8_t *message, size_t len)
{
	size_t i;

	if (question_length(message, len) != q->q_qlen)
		return false;
	for (i = 0; i < q->q_qlen; i++) { /* letters' case may differ */
		uint8_t a = q->q_question[i], b = message[HEADER + i];

		if ((a >= 'A' && a <= 'Z' ? a | 0x20 : a) != (b >= 'A' && b <= 'Z' ? b | 0x20 : b))
			return false;
	}
	return true;
}

static struct query *
query_new(void)
{
	unsigned i;

	for (i = 0; i < QUERIES; i++)
		if (stub.query[i].q_fd < 0)
			return &stub.query[i];
	i = stub.next_query++ % QUERIES;
	query_end(&stub.query[i]);
	return &stub.query[i];
}

static bool
query_send(struct query *q, uint8_t *message, size_t len)
{
	struct rpc_dgram head = {
	    .d_magic = RPC_DGRAM_MAGIC, .d_hdr_len = sizeof(head), .d_payload_len = (uint32_t)len};
	struct iovec iov[2] = {{&head, sizeof(head)}, {message, len}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};

	return sendmsg(q->q_fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static void
udp_readable(unsigned server)
{
	static uint8_t message[MESSAGE_MAX];
	struct query *q;
	struct sockaddr_in from;
	socklen_t fromlen = sizeof(from);
	ssize_t n;
	size_t qlen;

	n = recvfrom(stub.sockets.udp[server], message, sizeof(message), MSG_DONTWAIT,
	    (struct sockaddr *)&from, &fromlen);
	if (n < HEADER || (message[2] & FLAGS_RESPONSE) != 0)
		return;
	qlen = question_length(message, (size_t)n);
	if (qlen == 0)
		return;
	q = query_new();
	*q = (struct query){.q_server = server,
	    .q_until_ms = now_ms() + QUERY_MS,
	    .q_from = from,
	    .q_qlen = (uint16_t)qlen};
	memcpy(q->q_id, message, 2);
	memcpy(q->q_question, message + HEADER, qlen);
	q->q_fd = stack_socket(SOCK_DGRAM, server);
	if (q->q_fd >= 0 && getrandom(q->q_new, sizeof(q->q_new), 0) == sizeof(q->q_new)) {
		memcpy(message, q->q_new, 2);
		if (query_send(q, message, (size_t)n)) {
			watch(EPOLL_CTL_ADD, q->q_fd, KIND_QUERY, (unsigned)(q - stub.query),
			    EPOLLIN);
			run_debug("dns: query of %zd bytes", n);
			return;
		}
	}
	answer_servfail(q);
	query_end(q);
}

static void
query_readable(struct query *q)
{
	static uint8_t message[MESSAGE_MAX];
	struct rpc_dgram head;
	struct iovec iov[2] = {{&head, sizeof(head)}, {message, sizeof(message)}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t n = recvmsg(q->q_fd, &msg, MSG_DONTWAIT);
	size_t len;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < (ssize_t)sizeof(head) || head.d_magic != RPC_DGRAM_MAGIC || head.d_error != 0) {
		run_debug("dns: no answer from the server");
		answer_servfail(q);
		query_end(q);
		return;
	}
	len = (size_t)n - sizeof(head);
	if (head.d_control_len > len)
		return;
	len -= head.d_control_len;
	memmove(message, message + head.d_control_len, len);
	if (len < HEADER || memcmp(message, q->q_new, 2) != 0 ||
	    (message[2] & FLAGS_RESPONSE) == 0 || !same_question(q, message, len))
		return; /* not the answer to what was asked: wait for the one that is */
	answer(q, message, len);
	query_end(q);
}

/* --- TCP --- */

static void
relay_end(struct relay *r)
{
	if (r->r_inside >= 0)
		close(r->r_inside);
	if (r->r_stack >= 0)
		close(r->r_stack);
	r->r_inside = r->r_stack = -1;
}

/* By edges: an end that has hung up while the other is waited for is told of once. */
static void
relay_watch(struct relay *r, int op)
{
	unsigned index = (unsigned)(r - stub.relay);

	watch(op, r->r_inside, KIND_INSIDE, index, EPOLLIN | EPOLLOUT | EPOLLET);
	watch(op, r->r_stack, KIND_STACK, index, EPOLLIN | EPOLLOUT | EPOLLET);
}

static void
tcp_readable(unsigned server)
{
	struct relay *r = NULL;
	unsigned i;
	int fd;

	for (i = 0; i < RELAYS && r == NULL; i++)
		if (stub.relay[i].r_inside < 0)
			r = &stub.relay[i];
	fd = accept4(stub.sockets.tcp[server], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (r == NULL) {
		close(fd);
		return;
	}
	memset(r, 0, sizeof(*r));
	r->r_inside = fd;
	r->r_until_ms = now_ms() + RELAY_MS;
	r->r_stack = stack_socket(SOCK_STREAM, server);
	if (r->r_stack < 0)
		relay_end(r);
	else
		relay_watch(r, EPOLL_CTL_ADD);
}

/* 1: something has moved; 0: nothing can now; -1: this direction cannot go on. */
static int
way_move(struct way *w, int from, int to)
{
	int moved = 0;
	ssize_t n;

	if (w->w_len == 0 && !w->w_eof) {
		n = recv(from, w->w_buf, sizeof(w->w_buf), MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		w->w_eof = n == 0;
		w->w_at = 0;
		w->w_len = (size_t)n;
		moved = 1;
	}
	if (w->w_len > 0) {
		n = send(to, w->w_buf + w->w_at, w->w_len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? moved : -1;
		w->w_at += (size_t)n;
		w->w_len -= (size_t)n;
		moved = 1;
	}
	if (w->w_eof && w->w_len == 0 && !w->w_eof_sent) {
		shutdown(to, SHUT_WR);
		w->w_eof_sent = true;
	}
	return moved;
}

static bool
relay_over(const struct relay *r)
{
	return r->r_inside_gone || (r->r_in.w_eof_sent && (r->r_out.w_eof_sent || r->r_stack_gone));
}

static void
relay_pump(struct relay *r)
{
	int out = 1, in = 1, turn;

	for (turn = 0; turn < RELAY_TURN && (out > 0 || in > 0); turn++) {
		out = way_move(&r->r_out, r->r_inside, r->r_stack);
		in = way_move(&r->r_in, r->r_stack, r->r_inside);
		if (out < 0 || in < 0) {
			relay_end(r);
			return;
		}
		if (out > 0 || in > 0)
			r->r_until_ms = now_ms() + RELAY_MS;
	}
	if (relay_over(r))
		relay_end(r);
	else if (turn == RELAY_TURN)
		relay_watch(r, EPOLL_CTL_MOD); /* which tells what is ready again */
}

static void
relay_inside(struct relay *r, uint32_t events)
{
	if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		r->r_inside_gone = true;
	if (r->r_connected)
		relay_pump(r);
	else if (r->r_inside_gone)
		relay_end(r);
}

static void
relay_stack(struct relay *r, uint32_t events)
{
	struct {
		struct rpc_sockopt opt;
		int32_t value;
	} ask = {.opt = {SOL_SOCKET, SO_ERROR, sizeof(int32_t)}};

	if ((events & (EPOLLHUP | EPOLLERR)) != 0)
		r->r_stack_gone = true;
	if (!r->r_connected) {
		if (rpc_ask(stub.client, RPC_GETSOCKOPT, r->r_stack, &ask.opt, sizeof(ask.opt),
			&ask, sizeof(ask), sizeof(ask), NULL) != 0 ||
		    ask.value != 0 || r->r_stack_gone) {
			relay_end(r);
			return;
		}
		if ((events & EPOLLOUT) == 0)
			return;
		r->r_connected = true;
	}
	relay_pump(r);
}

/* --- the launcher's side --- */

int
dns_stub_start(struct rpc_client *c, const struct run_resolv *r, const struct run_sockets *sockets)
{
	unsigned i;

	stub.client = c;
	stub.resolv = r;
	stub.sockets = *sockets;
	for (i = 0; i < QUERIES; i++)
		stub.query[i].q_fd = -1;
	for (i = 0; i < RELAYS; i++)
		stub.relay[i].r_inside = stub.relay[i].r_stack = -1;
	stub.epoll = epoll_create1(EPOLL_CLOEXEC);
	for (i = 0; stub.epoll >= 0 && i < r->nservers; i++) {
		watch(EPOLL_CTL_ADD, sockets->udp[i], KIND_UDP, i, EPOLLIN);
		watch(EPOLL_CTL_ADD, sockets->tcp[i], KIND_TCP, i, EPOLLIN);
	}
	return stub.epoll;
}

static void
give_up_late(void)
{
	uint64_t now = now_ms();
	unsigned i;

	for (i = 0; i < QUERIES; i++)
		if (stub.query[i].q_fd >= 0 && stub.query[i].q_until_ms <= now)
			query_end(&stub.query[i]);
	for (i = 0; i < RELAYS; i++)
		if (stub.relay[i].r_inside >= 0 && stub.relay[i].r_until_ms <= now)
			relay_end(&stub.relay[i]);
}

void
dns_stub_work(void)
{
	struct epoll_event ev[32];
	int n = epoll_wait(stub.epoll, ev, sizeof(ev) / sizeof(ev[0]), 0), i;

	for (i = 0; i < n; i++) {
		unsigned index = (unsigned)ev[i].data.u64;

		switch ((enum kind)(ev[i].data.u64 >> 32)) {
		case KIND_UDP:
			udp_readable(index);
			break;
		case KIND_TCP:
			tcp_readable(index);
			break;
		case KIND_QUERY:
			if (stub.query[index].q_fd >= 0)
				query_readable(&stub.query[index]);
			break;
		case KIND_INSIDE:
			if (stub.relay[index].r_inside >= 0)
				relay_inside(&stub.relay[index], ev[i].events);
			break;
		case KIND_STACK:
			if (stub.relay[index].r_inside >= 0)
				relay_stack(&stub.relay[index], ev[i].events);
			break;
		}
	}
	give_up_late();
}

int
dns_stub_timeout_ms(void)
{
	uint64_t now = now_ms(), first = UINT64_MAX;
	unsigned i;

	for (i = 0; i < QUERIES; i++)
		if (stub.query[i].q_fd >= 0 && stub.query[i].q_until_ms < first)
			first = stub.query[i].q_until_ms;
	for (i = 0; i < RELAYS; i++)
		if (stub.relay[i].r_inside >= 0 && stub.relay[i].r_until_ms < first)
			first = stub.relay[i].r_until_ms;
	if (first == UINT64_MAX)
		return -1;
	return first <= now ? 0 : (int)(first - now);
}
