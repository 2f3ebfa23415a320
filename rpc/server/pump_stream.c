/*
 * pump_stream.c - moves the bytes of a connection between the program's pair and its TCP socket.
 *
 * Program to stack: read into a buffer that becomes mbufs (bsock_buffer), as much as the send
 * buffer has room for, so nothing is ever held here. Stack to program: the mbufs at the head of
 * the receive buffer are mapped (bsock_peek) and sent by one call.
 *
 * Ends, in the order in which they are looked at:
 *  - the peer's FIN, all data delivered: shutdown(our end, SHUT_WR), the program reads 0;
 *  - the program's shutdown(SHUT_WR): we read 0, the stack sends FIN;
 *  - the connection's error: what came before it is delivered first; then our end is closed and
 *    the errno kept for SO_ERROR (graves.c). With ECONNRESET the program's own unread bytes are
 *    left in our end, so that it gets ECONNRESET from the kernel itself;
 *  - EPOLLHUP: see pair.c. What the program wrote before is still sent; if it left bytes unread
 *    (EPOLLERR) the peer gets a RST, as from any TCP.
 *
 * The gate: while a non-blocking connect lasts, the program's end must not poll writable. Filler
 * bytes, sent into our end by way of the program's descriptor, keep more than a quarter of its
 * SO_SNDBUF in use, which is where AF_UNIX draws the line. They are drained when it has succeeded.
 *
 * Called by pair.c (run) and request.c (gate, connecting).
 */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "rpc/bsd/linux_abi.h"
#include "rpc/server/pair.h"

#define OUT_IOV 64		    /* pieces of one sendmsg() */
#define OUT_CHUNK (256 * 1024)	    /* bytes of one sendmsg() */
#define FILL_PIECE (32 * 1024)	    /* bytes of one write of filler */
#define FILL_MAX (16 * 1024 * 1024) /* bytes; more means that the gate does not work here */

enum verdict { GO_ON, MORE, ENDED };

/* ---- the gate ---- */

int
stream_gate(struct pair *p, int program_fd)
{
	static const char filler[FILL_PIECE];
	int sndbuf = 0;
	socklen_t len = sizeof(sndbuf);
	uint32_t wanted;
	ssize_t n;

	if (getsockopt(program_fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, &len) != 0)
		return (errno);
	/* Writable means: in use * 4 <= sndbuf. A piece's charge is more than its bytes. */
	wanted = (uint32_t)sndbuf / 4 + 1;
	if (wanted > FILL_MAX)
		return (ENOBUFS);
	while (p->p_fill < wanted) {
		size_t piece = wanted - p->p_fill;

		if (piece > sizeof(filler))
			piece = sizeof(filler);
		n = send(program_fd, filler, piece, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n <= 0)
			break; /* full: surely not writable; or shut: no matter */
		p->p_fill += (uint32_t)n;
	}
	return (0);
}

void
stream_gate_off(struct pair *p)
{
	char sink[FILL_PIECE];

	if (p->p_fill == 0)
		return;
	while (p->p_fill > 0) {
		size_t piece = p->p_fill < sizeof(sink) ? p->p_fill : sizeof(sink);
		ssize_t n = recv(p->p_fd, sink, piece, MSG_DONTWAIT);

		if (n <= 0)
			break;
		p->p_fill -= (uint32_t)n;
	}
	p->p_fill = 0;
	p->p_flags |= PF_IN_READY; /* what the program wrote behind it */
}

void
stream_connecting(struct pair *p)
{
	p->p_flags |= PF_CONNECTING;
	pair_ready(p);
}

static void
tell_waiter(struct pair *p, int linux_errno)
{
	struct rpc_int answer = {.i_value = linux_errno};

	if (p->p_wait_fd < 0)
		return;
	if (write(p->p_wait_fd, &answer, sizeof(answer)) < 0) {
		/* the program gave up waiting */
	}
	close(p->p_wait_fd);
	p->p_wait_fd = -1;
}

static enum verdict failed(struct pair *, int error);

static enum verdict
connect_step(struct pair *p)
{
	int error = bsock_connect_result(p->p_so);
	bool blocking = p->p_wait_fd >= 0;

	if (error == LINUX_EINPROGRESS) {
		if ((p->p_flags & (PF_HUP | PF_FASTOPEN)) != PF_HUP)
			return (GO_ON);
		pair_destroy(p, false); /* closed while it lasted */
		return (ENDED);
	}
	p->p_flags &= ~PF_CONNECTING;
	if (error != 0 && !blocking && (p->p_flags & PF_FASTOPEN) == 0) {
		/* The filler stays unread: an end that is closed over it polls as TCP's does, with
		 * POLLERR, at once writable, readable and hung up. */
		tell_waiter(p, error);
		pair_bury(p, error);
		return (ENDED);
	}
	stream_gate_off(p);
	tell_waiter(p, error);
	if (error != 0 && (p->p_flags & PF_FASTOPEN) != 0)
		return (failed(p, error)); /* as a write's error: its bytes are gone */
	if (error == 0 || blocking)
		return (GO_ON); /* a blocking connect that failed may be tried again */
	pair_bury(p, error);
	return (ENDED);
}

/* ---- ends ---- */

static enum verdict
failed(struct pair *p, int error)
{
	char sink[FILL_PIECE];

	(void)shutdown(p->p_fd, SHUT_RD); /* who goes on writing would have us read for ever */
	if (error != LINUX_ECONNRESET)
		while (recv(p->p_fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			;
	pair_bury(p, error);
	return (ENDED);
}

static void
no_more_for_program(struct pair *p)
{
	(void)shutdown(p->p_fd, SHUT_WR);
	p->p_flags |= PF_OUT_EOF | PF_PEER_EOF;
}

static void
no_more_for_stack(struct pair *p)
{
	p->p_flags |= PF_IN_EOF;
	(void)bsock_shutdown(p->p_so, LINUX_SHUT_WR);
}

/* The program's end reads no more, or is gone; which of the two is not known here. */
static void
program_reads_no_more(struct pair *p)
{
	p->p_flags |= PF_OUT_EOF;
	if ((p->p_flags & PF_HUP) == 0)
		(void)bsock_shutdown(p->p_so, LINUX_SHUT_RD);
}

/* ---- stack to program ---- */

/* false: not possible now; the bytes behind the mark have to wait. */
static bool
send_urgent(struct pair *p)
{
	uint8_t byte;
	int error = bsock_read_urgent(p->p_so, &byte, false);

	if (error != 0)
		return (error != LINUX_EAGAIN); /* taken already: go on behind it */
	if (send(p->p_fd, &byte, 1, MSG_OOB | MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EAGAIN) {
		p->p_flags |= PF_OUT_BLOCKED;
		pair_want(p, true);
		return (false);
	}
	(void)bsock_read_urgent(p->p_so, &byte, true);
	return (true);
}

/* One mapped piece; *moved bytes of it went to the program. */
static enum verdict
send_piece(struct pair *p, size_t max, size_t *moved)
{
	struct link_iov iov[OUT_IOV];
	struct msghdr msg = {.msg_iov = (struct iovec *)iov};
	int niov = OUT_IOV, error;
	ssize_t n;

	*moved = 0;
	error = bsock_peek(p->p_so, iov, &niov, max);
	if (error == LINUX_EAGAIN || error == LINUX_ENOTCONN)
		return (GO_ON);
	if (error != 0)
		return (failed(p, error));
	if (niov == 0) {
		if (p->p_error != 0)
			return (failed(p, p->p_error));
		no_more_for_program(p);
		return (GO_ON);
	}
	msg.msg_iovlen = (size_t)niov;
	n = sendmsg(p->p_fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0) {
		*moved = (size_t)n;
		(void)bsock_drop(p->p_so, (size_t)n);
	} else if (errno == EAGAIN) {
		p->p_flags |= PF_OUT_BLOCKED;
		pair_want(p, true);
	} else if (errno == ECONNRESET) {
		p->p_flags |= PF_RESET | PF_HUP;
	} else {
		program_reads_no_more(p);
	}
	return (GO_ON);
}

/* Nothing is delivered any more, so nothing has to go before an error. */
static enum verdict
look_for_error(struct pair *p)
{
	if (p->p_error == 0)
		p->p_error = bsock_take_error(p->p_so);
	/* a reset behind the peer's FIN, before ours: Linux's tcp(7) knows nobody reads any more */
	if (p->p_error == LINUX_ECONNRESET &&
	    (p->p_flags & (PF_PEER_EOF | PF_IN_EOF)) == PF_PEER_EOF)
		p->p_error = LINUX_EPIPE;
	return (p->p_error != 0 ? failed(p, p->p_error) : GO_ON);
}

/*
 * The program does not read, and what came before the error waits for it: but it may be waiting
 * in a write, or about to, and that has an answer now. Its end becomes one that cannot be
 * written; the errno is SO_ERROR's until everything was read.
 */
static void
error_behind_data(struct pair *p)
{
	if (p->p_error != 0 || (p->p_error = bsock_take_error(p->p_so)) == 0)
		return;
	(void)shutdown(p->p_fd, SHUT_RD);
	p->p_flags |= PF_IN_EOF;
}

static size_t
piece_size(struct pair *p, size_t budget)
{
	size_t max = budget < OUT_CHUNK ? budget : OUT_CHUNK;
	long mark = bsock_urgent_mark(p->p_so);

	if (mark == 0 && !send_urgent(p))
		return (0);
	return (mark > 0 && (size_t)mark < max ? (size_t)mark : max);
}

static enum verdict
pump_out(struct pair *p)
{
	size_t budget = (size_t)bsock_limits.pump_budget, moved = 1, max;
	enum verdict v;

	if ((p->p_flags & PF_OUT_EOF) != 0 && (p->p_flags & PF_HUP) == 0)
		return (look_for_error(p));
	while (moved > 0) {
		if ((p->p_flags & PF_OUT_BLOCKED) != 0)
			error_behind_data(p);
		if ((p->p_flags & (PF_OUT_BLOCKED | PF_OUT_EOF | PF_RESET)) != 0)
			return (GO_ON);
		if (budget == 0)
			return (MORE);
		if ((max = piece_size(p, budget)) == 0)
			return (GO_ON);
		v = send_piece(p, max, &moved);
		if (v != GO_ON)
			return (v);
		budget -= moved < budget ? moved : budget;
	}
	if ((p->p_flags & PF_OUT_BLOCKED) == 0)
		pair_want(p, false);
	return (GO_ON);
}

/* ---- program to stack ---- */

/* The byte belongs behind those that are read before the mark. */
static void
take_urgent(struct pair *p)
{
	uint8_t byte;
	int at_mark = 0;

	if (ioctl(p->p_fd, SIOCATMARK, &at_mark) != 0 || !at_mark)
		return;
	p->p_flags &= ~PF_URGENT;
	if (recv(p->p_fd, &byte, 1, MSG_OOB | MSG_DONTWAIT) == 1)
		(void)bsock_write_urgent(p->p_so, byte);
}

/* A read filled its buffer: do more bytes wait? Asked again when those that were known are read. */
static bool
more_waits(const struct pair *p, size_t taken, size_t *known)
{
	int bytes = 0;

	*known -= taken < *known ? taken : *known;
	if (*known == 0 && ioctl(p->p_fd, SIOCINQ, &bytes) == 0 && bytes > 0)
		*known = (size_t)bytes;
	return (*known > 0);
}

static void
end_of_program(struct pair *p, ssize_t n)
{
	p->p_flags &= ~PF_IN_READY;
	if (n == 0 && (p->p_flags & PF_HUP) != 0)
		p->p_flags |= PF_IN_EOF; /* closing says it, and knows SO_LINGER */
	else if (n == 0)
		no_more_for_stack(p);
	else if (errno == ECONNRESET)
		p->p_flags |= PF_RESET | PF_HUP;
}

static enum verdict
take_piece(struct pair *p, size_t max, size_t *moved, size_t *known)
{
	size_t room;
	char *buf = bsock_buffer(&room);
	ssize_t n;
	int error;

	*moved = 0;
	if (buf == NULL)
		return (MORE); /* no memory: again next turn */
	if (room > max)
		room = max;
	n = recv(p->p_fd, buf, room, MSG_DONTWAIT);
	if (n <= 0) {
		end_of_program(p, n);
		return (GO_ON);
	}
	/* A short read emptied our end, and whatever comes next makes an edge. */
	if ((size_t)n < room && (p->p_flags & (PF_IN_END | PF_URGENT)) == 0)
		p->p_flags &= ~PF_IN_READY;
	p->p_flags |= PF_TALKED;
	*moved = (size_t)n;
	error = bsock_write(p->p_so, (size_t)n, (size_t)n == room && more_waits(p, room, known));
	if (error != 0 && p->p_error == 0)
		p->p_error = error;
	if (bsock_is_connecting(p->p_so)) { /* these were the data of a SYN */
		p->p_flags |= PF_FASTOPEN | PF_IN_READY;
		stream_connecting(p);
	}
	return (GO_ON);
}

static enum verdict
pump_in(struct pair *p)
{
	size_t budget = (size_t)bsock_limits.pump_budget, moved, space, known = 0;
	enum verdict v;

	/* what it wrote before it closed is sent, even where a RST follows: as far as there is room
	 */
	while ((p->p_flags & PF_IN_READY) != 0 && (p->p_flags & PF_IN_EOF) == 0) {
		if (p->p_error != 0)
			return (MORE); /* pump_out() tells it */
		if ((p->p_flags & PF_URGENT) != 0)
			take_urgent(p);
		space = bsock_space(p->p_so);
		if (space == 0)
			return (GO_ON); /* BSOCK_WRITE wakes us */
		if (budget == 0)
			return (MORE);
		v = take_piece(p, space, &moved, &known);
		if (v != GO_ON)
			return (v);
		budget -= moved < budget ? moved : budget;
	}
	return (GO_ON);
}

/* ---- a turn ---- */

static enum verdict
hang_up(struct pair *p)
{
	bool reset;

	if ((p->p_flags & PF_HUP) == 0)
		return (GO_ON);
	reset = (p->p_flags & PF_RESET) != 0 || listener_died_waiting(p);
	if (!reset && (p->p_flags & PF_IN_EOF) == 0 && p->p_error == 0 && bsock_may_send(p->p_so))
		return (GO_ON); /* it wrote before it closed: that still goes out */
	grave_dig(p->p_cookie, p->p_error, p->p_so);
	pair_destroy(p, reset);
	return (ENDED);
}

static bool
stream_run(struct pair *p)
{
	enum verdict v, in;

	if ((p->p_flags & PF_CONNECTING) != 0 && connect_step(p) == ENDED)
		return (false);
	if ((p->p_flags & PF_CONNECTING) != 0)
		return (false);
	if ((v = pump_out(p)) == ENDED || (in = pump_in(p)) == ENDED)
		return (false);
	if (hang_up(p) == ENDED)
		return (false);
	return (v == MORE || in == MORE);
}

const struct pump pump_stream = {.name = "stream", .run = stream_run};
