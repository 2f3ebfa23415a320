/*
 * shim_dgram.c - datagrams with the header that alpined wants before them (struct rpc_dgram).
 *
 * Out: the first datagram to a destination goes by RPC_SENDTO, so that EHOSTUNREACH, EACCES or
 * EDESTADDRREQ is the answer to the call that deserved it; what follows within a second of the
 * last goes by the pair, without asking. In: one recvmsg() of header, the program's own
 * buffers, and a tail as large as control data can be: control items lie between header and
 * payload, and when there are some the payload is moved down over them.
 *
 * State: the recent destinations; a stale or torn entry costs only a late errno. udp(7).
 */
#include <limits.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "preload/shim.h"

#define RECENT_SIZE 64	  /* destinations */
#define RECENT_MS 1000	  /* since the last datagram */
#define SEND_PIECES 4	  /* of the program's iovec, sent as they are; more are gathered */
#define RECV_PIECES 16	  /* of the program's iovec, described on the stack */
#define SURELY_FITS 65000 /* payload bytes; of longer ones alpined judges */
#define PIECES_MAX 1022	  /* UIO_MAXIOV without header and tail */

/* --- recent destinations --- */

static struct recent {
	_Atomic uint64_t cookie;
	_Atomic uint64_t key; /* a hash of the address */
	_Atomic uint64_t used_ms;
} recent[RECENT_SIZE];

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static uint64_t
addr_key(const struct rpc_addr *addr)
{
	uint64_t hash = 0xcbf29ce484222325u ^ addr->a_len; /* FNV-1a */
	uint32_t i;

	for (i = 0; i < addr->a_len; i++)
		hash = (hash ^ addr->a_data[i]) * 0x100000001b3u;
	return hash;
}

static struct recent *
recent_slot(uint64_t cookie, uint64_t key)
{
	return &recent[(key ^ (key >> 32) ^ cookie) % RECENT_SIZE];
}

static bool
recent_hit(uint64_t cookie, uint64_t key)
{
	struct recent *r = recent_slot(cookie, key);
	uint64_t now = now_ms();

	if (r->cookie != cookie || r->key != key || now - r->used_ms >= RECENT_MS)
		return false;
	r->used_ms = now;
	return true;
}

static void
recent_put(uint64_t cookie, uint64_t key)
{
	struct recent *r = recent_slot(cookie, key);

	r->cookie = cookie;
	r->key = key;
	r->used_ms = now_ms();
}

void
shim_dgram_forget(uint64_t cookie)
{
	int i;

	for (i = 0; i < RECENT_SIZE; i++)
		if (recent[i].cookie == cookie)
			recent[i].cookie = 0;
}

/* --- iovecs --- */

static ssize_t
iov_total(const struct iovec *iov, size_t n)
{
	size_t total = 0, i;

	for (i = 0; i < n; i++) {
		if (iov[i].iov_len > (size_t)SSIZE_MAX - total)
			return -1;
		total += iov[i].iov_len;
	}
	return (ssize_t)total;
}

/* The stream of bytes behind an iovec: copy some out, or move all down. */
struct cursor {
	const struct iovec *iov;
	size_t left; /* pieces */
	size_t at;   /* in the first piece */
};

static size_t
cursor_run(struct cursor *c)
{
	while (c->left > 0 && c->at == c->iov->iov_len) {
		c->iov++;
		c->left--;
		c->at = 0;
	}
	return c->left > 0 ? c->iov->iov_len - c->at : 0;
}

static char *
cursor_at(const struct cursor *c)
{
	return (char *)c->iov->iov_base + c->at;
}

static void
cursor_copy(struct cursor *from, char *to, size_t len)
{
	size_t run;

	while (len > 0 && (run = cursor_run(from)) > 0) {
		run = run < len ? run : len;
		memcpy(to, cursor_at(from), run);
		from->at += run;
		to += run;
		len -= run;
	}
}

/* `to` is ahead of `from` in no piece, so that going forward is safe. */
static void
cursor_move(struct cursor *from, struct cursor *to, size_t len)
{
	size_t run, room;

	while (len > 0 && (run = cursor_run(from)) > 0 && (room = cursor_run(to)) > 0) {
		run = run < room ? run : room;
		run = run < len ? run : len;
		memmove(cursor_at(to), cursor_at(from), run);
		from->at += run;
		to->at += run;
		len -= run;
	}
}

/* Room that neither the stack nor malloc() should give. NULL and errno if there is none. */
static void *
borrow(size_t size)
{
	void *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED) {
		errno = ENOBUFS;
		return NULL;
	}
	return room;
}

/* --- errors --- */

/* Is an error what comes first? `head` is its message then. */
static bool
error_first(int fd, struct rpc_dgram *head)
{
	int saved = errno;
	ssize_t n = real.recv(fd, head, sizeof(*head), MSG_PEEK | MSG_DONTWAIT);

	errno = saved;
	return n >= (ssize_t)sizeof(*head) && head->d_magic == RPC_DGRAM_MAGIC && head->d_error > 0;
}

/* The error that comes first, taken; 0: none, or, for a send, none that is its answer. */
static int
take_error(int fd, bool sending, uint32_t *mark)
{
	struct rpc_dgram head;
	int saved = errno;
	ssize_t n;

	if (!error_first(fd, &head) || (sending && (head.d_flags & RPC_MARK_NOT_SEND) != 0))
		return 0;
	n = real.recv(fd, &head, sizeof(head), MSG_DONTWAIT);
	errno = saved;
	if (n < (ssize_t)sizeof(head))
		return 0;
	if (mark != NULL)
		*mark = head.d_flags;
	return head.d_error;
}

/* --- out --- */

struct outgoing {
	struct rpc_dgram head;
	_Alignas(8) char control[RPC_CONTROL_MAX];
	struct iovec iov[2 + SEND_PIECES];
	unsigned niov;
};

/* Each item is as long as its header at least, and ends within the control data. */
static bool
items_fit(const char *control, size_t len)
{
	struct cmsghdr item;
	size_t at;

	for (at = 0; len - at >= sizeof(item); at += CMSG_ALIGN(item.cmsg_len)) {
		memcpy(&item, control + at, sizeof(item));
		if (item.cmsg_len < sizeof(item) || item.cmsg_len > len - at)
			return false;
		if (CMSG_ALIGN(item.cmsg_len) > len - at)
			break;
	}
	return true;
}

static int
outgoing_make(struct outgoing *out, const struct msghdr *msg, int flags, size_t len,
    const struct iovec *payload, size_t npayload)
{
	size_t control = msg->msg_control != NULL ? msg->msg_controllen : 0, padded;
	int error;

	if (control > RPC_CONTROL_MAX)
		return ENOBUFS;
	padded = (control + 7) & ~(size_t)7;
	out->head = (struct rpc_dgram){
	    .d_magic = RPC_DGRAM_MAGIC,
	    .d_hdr_len = sizeof(out->head),
	    .d_control_len = (uint16_t)padded,
	    .d_flags = (uint32_t)flags,
	    .d_payload_len = (uint32_t)len,
	};
	if (msg->msg_name != NULL && msg->msg_namelen < sizeof(struct sockaddr_in))
		return EINVAL;
	error = shim_addr_in(
	    &out->head.d_addr, msg->msg_name, msg->msg_name != NULL ? msg->msg_namelen : 0);
	if (error != 0)
		return error;
	out->iov[0] = (struct iovec){&out->head, sizeof(out->head)};
	out->niov = 1;
	if (padded > 0) {
		memset(out->control + control, 0, padded - control);
		memcpy(out->control, msg->msg_control, control);
		if (!items_fit(out->control, control))
			return EINVAL;
		out->iov[out->niov++] = (struct iovec){out->control, padded};
	}
	while (npayload-- > 0)
		out->iov[out->niov++] = *payload++;
	return 0;
}

/* By request, for an answer at once. EAGAIN: let the pair's queue decide about waiting. */
static int
send_by_request(int fd, const struct outgoing *out)
{
	struct rpc_int sent;
	struct iovec room = {&sent, sizeof(sent)};
	struct rpc_call call = {.rc_op = RPC_SENDTO,
	    .rc_in = out->iov,
	    .rc_nin = out->niov,
	    .rc_infds = &fd,
	    .rc_ninfds = 1,
	    .rc_out = &room,
	    .rc_nout = 1};

	return shim_call(&call);
}

static ssize_t
outgoing_send(int fd, uint64_t cookie, struct outgoing *out, int flags, size_t len)
{
	struct msghdr wire = {.msg_iov = out->iov, .msg_iovlen = out->niov};
	uint64_t key = addr_key(&out->head.d_addr);
	int error;

	/* a pending error is the next call's answer, whichever it is */
	if (out->head.d_addr.a_len == 0 ||
	    atomic_load_explicit(&shim_recverr, memory_order_relaxed)) {
		error = take_error(fd, true, NULL);
		if (error != 0) {
			shim_dgram_forget(cookie);
			return shim_fail(error);
		}
	}
	/* a piece may be more than the datagram can hold */
	if (len > SURELY_FITS || (flags & MSG_MORE) != 0 || !recent_hit(cookie, key)) {
		error = send_by_request(fd, out);
		if (error == 0) {
			recent_put(cookie, key);
			return (ssize_t)len;
		}
		if (error != EAGAIN)
			return shim_fail(error);
	}
	if (real.sendmsg(fd, &wire, (flags & MSG_DONTWAIT) | MSG_NOSIGNAL) >= 0)
		return (ssize_t)len;
	if (errno == EPIPE || errno == ECONNRESET) {
		shim_dgram_forget(cookie);
		error = shim_so_error(fd);
		errno = error != 0 ? error : EPIPE;
	}
	return -1;
}

ssize_t
shim_dgram_send(int fd, uint64_t cookie, const struct msghdr *msg, int flags)
{
	ssize_t len = iov_total(msg->msg_iov, msg->msg_iovlen), result;
	struct cursor from = {msg->msg_iov, msg->msg_iovlen, 0};
	struct iovec gathered = {NULL, 0};
	struct outgoing out;
	int error;

	if ((flags & MSG_OOB) != 0)
		return shim_fail(EOPNOTSUPP);
	if (len < 0)
		return shim_fail(EINVAL);
	if (len > RPC_DGRAM_PAYLOAD_MAX)
		return shim_fail(EMSGSIZE);
	if (msg->msg_iovlen <= SEND_PIECES) {
		error = outgoing_make(&out, msg, flags, (size_t)len, msg->msg_iov, msg->msg_iovlen);
		return error != 0 ? shim_fail(error)
				  : outgoing_send(fd, cookie, &out, flags, (size_t)len);
	}
	gathered = (struct iovec){borrow(RPC_DGRAM_PAYLOAD_MAX), (size_t)len};
	if (gathered.iov_base == NULL)
		return -1;
	cursor_copy(&from, gathered.iov_base, (size_t)len);
	error = outgoing_make(&out, msg, flags, (size_t)len, &gathered, 1);
	result =
	    error != 0 ? shim_fail(error) : outgoing_send(fd, cookie, &out, flags, (size_t)len);
	error = errno;
	munmap(gathered.iov_base, RPC_DGRAM_PAYLOAD_MAX);
	errno = error;
	return result;
}

/* --- in --- */

struct incoming {
	struct rpc_dgram head;
	_Alignas(8) char control[RPC_CONTROL_MAX];
	char tail[RPC_CONTROL_MAX];
};

/* Control items into the program's room, cut as Linux's put_cmsg() documents it in cmsg(3). */
static int
control_out(struct msghdr *msg, char *control, size_t len)
{
	struct msghdr in = {.msg_control = control, .msg_controllen = len};
	char *to = msg->msg_control;
	size_t room = to != NULL ? msg->msg_controllen : 0, used = 0, n, space;
	struct cmsghdr *item, head;
	char whole[RPC_CONTROL_MAX];

	if (room > sizeof(whole))
		room = sizeof(whole);
	for (item = CMSG_FIRSTHDR(&in); item != NULL; item = CMSG_NXTHDR(&in, item)) {
		if (room - used < sizeof(head)) {
			msg->msg_flags |= MSG_CTRUNC;
			break;
		}
		head = *item;
		n = item->cmsg_len;
		space = CMSG_ALIGN(n);
		if (n > room - used) {
			msg->msg_flags |= MSG_CTRUNC;
			head.cmsg_len = n = room - used;
		}
		memcpy(whole + used, item, n);
		memcpy(whole + used, &head, sizeof(head));
		used += space < room - used ? space : room - used;
	}
	msg->msg_controllen = used;
	return used > 0 ? shim_copy_out(to, whole, used) : 0;
}

/*
 * End of file on the pair: the program shut it down (0, as Linux), or alpined is gone. A pair
 * that alpined closed with unread messages in it says ECONNRESET.
 */
static ssize_t
dgram_end(int fd)
{
	int error = shim_so_error(fd);

	return error != 0 ? shim_fail(error) : 0;
}

static ssize_t
pending_error(int fd, uint64_t cookie, const struct incoming *in, int flags)
{
	struct rpc_dgram again;

	if ((flags & MSG_PEEK) != 0) /* an error is reported once, peeking or not */
		real.recv(fd, &again, sizeof(again), MSG_DONTWAIT);
	shim_dgram_forget(cookie);
	return shim_fail(in->head.d_error);
}

/* One message of the pair into header, program's buffers, tail. n as recvmsg() says. */
static ssize_t
receive_raw(int fd, struct incoming *in, struct iovec *iov, const struct msghdr *msg, size_t pieces,
    int flags)
{
	struct msghdr wire = {.msg_iov = iov, .msg_iovlen = pieces + 2};

	iov[0] = (struct iovec){&in->head, sizeof(in->head)};
	memcpy(iov + 1, msg->msg_iov, pieces * sizeof(*iov));
	iov[1 + pieces] = (struct iovec){in->tail, sizeof(in->tail)};
	return real.recvmsg(fd, &wire, flags & (MSG_PEEK | MSG_DONTWAIT));
}

static ssize_t
deliver(int fd, uint64_t cookie, struct incoming *in, const struct iovec *iov, size_t pieces,
    ssize_t n, struct msghdr *msg, int flags)
{
	struct cursor from = {iov + 1, pieces + 1, 0}, to = {iov + 1, pieces, 0};
	size_t room = (size_t)iov_total(iov + 1, pieces), got, control, payload;
	int error = 0;

	if (n < 0 && errno != ECONNRESET)
		return -1;
	if (n <= 0)
		return dgram_end(fd);
	control = in->head.d_control_len;
	if ((size_t)n < sizeof(in->head) || in->head.d_magic != RPC_DGRAM_MAGIC ||
	    in->head.d_hdr_len != sizeof(in->head) || control > RPC_CONTROL_MAX ||
	    control > (size_t)n - sizeof(in->head))
		return shim_fail(EIO);
	if (in->head.d_error > 0)
		return pending_error(fd, cookie, in, flags);
	payload = in->head.d_payload_len;
	got = payload < room ? payload : room;
	if (got > (size_t)n - sizeof(in->head) - control)
		return shim_fail(EIO);
	if (control > 0) {
		cursor_copy(&from, in->control, control);
		cursor_move(&from, &to, got);
	}
	msg->msg_flags = (int)(in->head.d_flags & (MSG_CTRUNC | MSG_TRUNC | MSG_ERRQUEUE)) |
			 (payload > room ? MSG_TRUNC : 0);
	error = control_out(msg, in->control, control);
	if (error != 0)
		return shim_fail(error);
	if (msg->msg_name != NULL)
		error = shim_addr_out(&in->head.d_addr, msg->msg_name, &msg->msg_namelen);
	else
		msg->msg_namelen = 0;
	if (error != 0)
		return shim_fail(error);
	return (ssize_t)((flags & MSG_TRUNC) != 0 ? payload : got);
}

/* recvmsg(MSG_ERRQUEUE), by request. The error that stands before the datagrams goes with it. */
static ssize_t
receive_error(int fd, struct msghdr *msg)
{
	struct {
		struct rpc_dgram head;
		_Alignas(8) char rest[RPC_CONTROL_MAX + 1024];
	} reply;
	struct cursor to = {msg->msg_iov, msg->msg_iovlen, 0}, from;
	ssize_t room = iov_total(msg->msg_iov, msg->msg_iovlen);
	struct iovec payload;
	struct rpc_int ask;
	uint32_t mark = 0;
	size_t len = 0, n;
	int error;

	if (room < 0)
		return shim_fail(EINVAL);
	take_error(fd, false, &mark);
	ask.i_value = (int32_t)mark;
	error = shim_ask(
	    RPC_ERRQUEUE, fd, &ask, sizeof(ask), &reply, sizeof(reply), sizeof(reply.head), &len);
	if (error != 0)
		return shim_fail(error);
	if (reply.head.d_control_len > RPC_CONTROL_MAX ||
	    (uint64_t)reply.head.d_control_len + reply.head.d_payload_len >
		len - sizeof(reply.head))
		return shim_fail(EIO);
	payload = (struct iovec){reply.rest + reply.head.d_control_len, reply.head.d_payload_len};
	n = payload.iov_len < (size_t)room ? payload.iov_len : (size_t)room;
	from = (struct cursor){&payload, 1, 0};
	cursor_move(&from, &to, n);
	msg->msg_flags = MSG_ERRQUEUE | (payload.iov_len > n ? MSG_TRUNC : 0);
	error = control_out(msg, reply.rest, reply.head.d_control_len);
	if (error != 0)
		return shim_fail(error);
	if (msg->msg_name != NULL)
		error = shim_addr_out(&reply.head.d_addr, msg->msg_name, &msg->msg_namelen);
	else
		msg->msg_namelen = 0;
	return error != 0 ? shim_fail(error) : (ssize_t)n;
}

ssize_t
shim_dgram_recv(int fd, uint64_t cookie, struct msghdr *msg, int flags)
{
	struct iovec few[RECV_PIECES + 2], *iov = few;
	size_t pieces = msg->msg_iovlen;
	struct incoming in;
	ssize_t n;
	int saved;

	if ((flags & MSG_ERRQUEUE) != 0)
		return receive_error(fd, msg);
	if (pieces > PIECES_MAX)
		pieces = PIECES_MAX;
	if (iov_total(msg->msg_iov, pieces) < 0)
		return shim_fail(EINVAL);
	if (pieces > RECV_PIECES) {
		iov = borrow((PIECES_MAX + 2) * sizeof(*iov));
		if (iov == NULL)
			return -1;
	}
	n = receive_raw(fd, &in, iov, msg, pieces, flags);
	n = deliver(fd, cookie, &in, iov, pieces, n, msg, flags);
	if (iov != few) {
		saved = errno;
		munmap(iov, (PIECES_MAX + 2) * sizeof(*iov));
		errno = saved;
	}
	return n;
}

bool
shim_dgram_has_error(int fd)
{
	struct rpc_dgram head;

	return error_first(fd, &head);
}

int
shim_dgram_take_error(int fd)
{
	return take_error(fd, false, NULL);
}

int
shim_dgram_waiting(int fd)
{
	struct rpc_dgram head;
	int saved = errno;
	ssize_t n = real.recv(fd, &head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);

	errno = saved;
	if (n < (ssize_t)sizeof(head) || head.d_magic != RPC_DGRAM_MAGIC || head.d_error > 0)
		return 0;
	return (int)head.d_payload_len;
}
