/*
 * pump_dgram.c - moves datagrams between the program's pair and a UDP or raw socket.
 *
 * Each message of the pair is one datagram with a struct rpc_dgram in front (wire.h). One
 * without it is what the program wrote natively: payload for the connected peer. A datagram
 * that the program's queue has no room for waits here, one per socket; those behind it stay in
 * the receive buffer, where its limit drops what is too much, as in any UDP.
 *
 * Errors: of a send, and those that ICMP brings, go to the program as a message with d_error,
 * for its next call.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "rpc/bsd/linux_abi.h"
#include "rpc/server/pair.h"

#define BATCH 8		/* messages of one recvmmsg() */
#define ROOM 66700	/* bytes of one: header, control items, payload, rounded up */
#define TURN_DGRAMS 256 /* datagrams, each way, in one turn */

_Static_assert(ROOM >= BSOCK_DGRAM_MAX, "room for the largest message");

struct held_dgram {
	size_t len;
	char bytes[];
};

static char in_room[BATCH][ROOM];
static char out_room[ROOM];

/* ---- stack to program ---- */

static void
hold(struct pair *p, const void *bytes, size_t len)
{
	p->p_held = malloc(sizeof(*p->p_held) + len);
	if (p->p_held == NULL)
		return; /* lost, as datagrams may be */
	p->p_held->len = len;
	memcpy(p->p_held->bytes, bytes, len);
}

/* false: no room now. */
static bool
give(struct pair *p, const void *bytes, size_t len)
{
	if (send(p->p_fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return (true);
	if (errno != EAGAIN && errno != ENOBUFS) {
		if (errno == EPIPE || errno == ECONNRESET)
			p->p_flags |= PF_OUT_EOF;
		return (true);
	}
	p->p_flags |= PF_OUT_BLOCKED;
	pair_want(p, true);
	return (false);
}

static size_t
error_message(char *room, int error, uint32_t mark)
{
	struct rpc_dgram h = {
	    .d_magic = RPC_DGRAM_MAGIC,
	    .d_hdr_len = sizeof(h),
	    .d_error = error,
	    .d_flags = mark,
	};

	memcpy(room, &h, sizeof(h));
	return (sizeof(h));
}

static bool
flush_held(struct pair *p)
{
	if (p->p_held == NULL)
		return (true);
	if (!give(p, p->p_held->bytes, p->p_held->len))
		return (false);
	free(p->p_held);
	p->p_held = NULL;
	return (true);
}

static bool
pump_out(struct pair *p)
{
	size_t len;
	int n, error;

	if ((p->p_flags & PF_OUT_BLOCKED) != 0 || !flush_held(p))
		return (false);
	for (n = 0; n < TURN_DGRAMS; n++) {
		error = bsock_recv(p->p_so, out_room, sizeof(out_room), &len);
		if (error == LINUX_EAGAIN)
			break;
		if (error != 0)
			len = error_message(out_room, error, bsock_mark(p->p_so));
		if ((p->p_flags & PF_OUT_EOF) != 0)
			continue;
		if (!give(p, out_room, len)) {
			hold(p, out_room, len);
			return (false);
		}
	}
	pair_want(p, false);
	return (n == TURN_DGRAMS);
}

/* ---- program to stack ---- */

static bool
well_formed(const struct rpc_dgram *h, size_t len)
{
	return (h->d_magic == RPC_DGRAM_MAGIC && h->d_hdr_len == sizeof(*h) &&
		h->d_control_len <= RPC_CONTROL_MAX && h->d_control_len % 8 == 0 &&
		h->d_addr.a_len <= sizeof(h->d_addr.a_data) &&
		h->d_payload_len <= RPC_DGRAM_PAYLOAD_MAX &&
		sizeof(*h) + h->d_control_len + h->d_payload_len == len);
}

static void
take(struct pair *p, const char *bytes, size_t len)
{
	struct rpc_dgram h;
	int error;

	if (len >= sizeof(h)) {
		memcpy(&h, bytes, sizeof(h));
		if (well_formed(&h, len)) {
			bytes += sizeof(h);
			error = bsock_send(p->p_so, NULL, &h, bytes, h.d_control_len,
			    bytes + h.d_control_len, h.d_payload_len);
			goto sent;
		}
	}
	error = bsock_send(p->p_so, NULL, NULL, NULL, 0, bytes, len);
sent:
	if (error == 0 || error == LINUX_EAGAIN || error == LINUX_ENOBUFS ||
	    (p->p_flags & (PF_OUT_BLOCKED | PF_OUT_EOF)) != 0 || !flush_held(p))
		return;
	len = error_message(out_room, error, 0);
	if (!give(p, out_room, len))
		hold(p, out_room, len);
}

/* A zero-length message is a datagram too; the pair's end is told by EPOLLHUP or EPOLLRDHUP. */
static bool
pump_in(struct pair *p)
{
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	int i, n, turn;

	for (turn = 0; turn < TURN_DGRAMS / BATCH && (p->p_flags & PF_IN_READY) != 0; turn++) {
		memset(msgs, 0, sizeof(msgs));
		for (i = 0; i < BATCH; i++) {
			iov[i] = (struct iovec){in_room[i], ROOM};
			msgs[i].msg_hdr.msg_iov = &iov[i];
			msgs[i].msg_hdr.msg_iovlen = 1;
		}
		n = recvmmsg(p->p_fd, msgs, BATCH, MSG_DONTWAIT, NULL);
		if (n < BATCH)
			p->p_flags &= ~PF_IN_READY;
		for (i = 0; i < n; i++) {
			/* the end of a pair reads as empty messages without end */
			if (msgs[i].msg_len == 0 && (p->p_flags & PF_IN_END) != 0) {
				p->p_flags &= ~PF_IN_READY;
				p->p_flags |= PF_IN_EOF;
				break;
			}
			take(p, in_room[i], msgs[i].msg_len);
		}
	}
	return ((p->p_flags & PF_IN_READY) != 0);
}

/*
 * A request must not overtake what was sent before it: a TTL, say, is for the datagrams after it.
 * The pair's queue holds fewer than these turns take.
 */
void
dgram_settle(struct pair *p)
{
	int turn;

	if ((p->p_flags & (PF_HUP | PF_IN_EOF)) != 0)
		return;
	p->p_flags |= PF_IN_READY;
	for (turn = 0; turn < 4 && (p->p_flags & PF_IN_READY) != 0; turn++)
		(void)pump_in(p);
	if ((p->p_flags & (PF_IN_READY | PF_IN_EOF)) != 0)
		pair_ready(p);
}

static bool
dgram_run(struct pair *p)
{
	bool more = pump_out(p);

	if (pump_in(p))
		more = true;
	if ((p->p_flags & PF_HUP) != 0 && (p->p_flags & PF_IN_READY) == 0) {
		pair_destroy(p, false);
		return (false);
	}
	return (more);
}

static void
dgram_cleanup(struct pair *p)
{
	free(p->p_held);
}

const struct pump pump_dgram = {.name = "dgram", .run = dgram_run, .cleanup = dgram_cleanup};
