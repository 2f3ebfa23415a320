/*
 * pump_listen.c - hands ready connections to the program.
 *
 * Each is one struct rpc_accept with its descriptor, in the listener's pair; the program's accept
 * is one recvmsg(). They are sent ahead, up to net.alpine.accept_ahead and the backlog; more stay
 * in the BSD socket's queue. How many the program has not taken yet is SIOCOUTQ of our end
 * divided by what one record is charged (measured once); both sorts together are held against
 * the backlog.
 *
 * When a listener goes away, a connection that nobody accepted is reset, as a kernel does; one that
 * was accepted and closed at once is not. The shim tells them apart: accept() gives the program's
 * end a name (autobind), which is asked for only here. A program that confined itself must not
 * make that call. For it, records are taken in order, so the pairs that wait are the last ones of
 * p_waiting, and those that hang up without a word soon after their listener were among them.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "rpc/bsd/linux_abi.h"
#include "rpc/server/pair.h"

#define ORPHAN_NS 1000000000u /* for the kernel to drop a dead listener's queue */

union fd_control {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static int
send_record(int fd, const struct rpc_accept *record, int passed_fd)
{
	union fd_control control;
	struct iovec iov = {(void *)(uintptr_t)record, sizeof(*record)};
	struct msghdr msg = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = &control.align;

	memset(&control, 0, sizeof(control));
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &passed_fd, sizeof(int));
	return (sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? errno : 0);
}

static int
bytes_in_flight(int fd)
{
	int bytes = 0;

	return (ioctl(fd, SIOCOUTQ, &bytes) == 0 ? bytes : 0);
}

/* What the kernel charges for one record. */
static int
record_charge(void)
{
	static int charge;
	struct rpc_accept record = {.a_magic = RPC_ACCEPT_MAGIC};
	int end[2];

	if (charge > 0)
		return (charge);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, end) != 0)
		return (1024);
	if (send_record(end[0], &record, end[0]) == 0)
		charge = bytes_in_flight(end[0]);
	close(end[0]);
	close(end[1]);
	if (charge <= 0)
		charge = 1024;
	return (charge);
}

static bool
listener_gone(const struct pair *l)
{
	struct pollfd pfd = {.fd = l->p_fd};

	return (poll(&pfd, 1, 0) > 0 && (pfd.revents & POLLHUP) != 0);
}

void
listener_forget(struct pair *conn)
{
	struct pair *l = conn->p_listener;

	TAILQ_REMOVE(&l->p_waiting, conn, p_waitlink);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): who is on a queue has a listener */
	l->p_nwaiting--;
	conn->p_flags &= ~PF_WAITING;
	conn->p_listener = NULL;
}

/*
 * Forgets those that were accepted. Connections that ended while they waited have left the
 * list, so it may be shorter than what is in flight.
 */
static unsigned
refresh(struct pair *l)
{
	unsigned flying = (unsigned)(bytes_in_flight(l->p_fd) / record_charge());

	/* a listener that was closed took its queue along: that is not accepting */
	if (flying == 0 && l->p_nwaiting > 0 && listener_gone(l))
		return (l->p_nwaiting);
	while (l->p_nwaiting > flying)
		listener_forget(TAILQ_FIRST(&l->p_waiting));
	bsock_set_held(l->p_so, flying);
	return (flying);
}

unsigned
listener_held(void *owner)
{
	return (refresh(owner));
}

/* The shim gives the program's end a name when it has taken it. The name outlives the end. */
static bool
was_accepted(const struct pair *conn)
{
	struct sockaddr_un name;
	socklen_t len = sizeof(name);

	return ((conn->p_flags & PF_TALKED) != 0 ||
		(getpeername(conn->p_fd, (struct sockaddr *)&name, &len) == 0 &&
		    len > offsetof(struct sockaddr_un, sun_path)));
}

bool
listener_died_waiting(struct pair *conn)
{
	if ((conn->p_flags & (PF_ORPHAN | PF_WAITING)) == 0 || was_accepted(conn))
		return (false);
	if ((conn->p_flags & PF_ORPHAN) != 0)
		return (host_monotonic_ns() - conn->p_orphaned_ns < ORPHAN_NS);
	refresh(conn->p_listener);
	return ((conn->p_flags & PF_WAITING) != 0);
}

static void
inherit_timeouts(const struct pair *l, int fd)
{
	if (l->p_rcvtimeo.tv_sec != 0 || l->p_rcvtimeo.tv_usec != 0)
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_RCVTIMEO, &l->p_rcvtimeo, sizeof(l->p_rcvtimeo));
	if (l->p_sndtimeo.tv_sec != 0 || l->p_sndtimeo.tv_usec != 0)
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_SNDTIMEO, &l->p_sndtimeo, sizeof(l->p_sndtimeo));
}

/* EAGAIN: none is ready. */
static int
hand_over_one(struct pair *l)
{
	struct rpc_accept record;
	struct pair *conn;
	struct bsock *so;
	int fd, error;

	error = bsock_accept(l->p_so, NULL, &so, &record);
	if (error != 0)
		return (error);
	error = pair_create(l->p_space, true, &conn, &fd);
	if (error != 0) {
		bsock_close(so, true);
		return (error);
	}
	conn->p_so = so;
	bsock_set_owner(so, conn);
	conn->p_sndbuf = l->p_sndbuf;
	conn->p_rcvbuf = l->p_rcvbuf;
	pair_size(conn, fd);
	inherit_timeouts(l, fd);
	error = send_record(l->p_fd, &record, fd);
	close(fd);
	if (error != 0) {
		pair_destroy(conn, true);
		return (error);
	}
	conn->p_listener = l;
	conn->p_flags |= PF_WAITING;
	TAILQ_INSERT_TAIL(&l->p_waiting, conn, p_waitlink);
	l->p_nwaiting++;
	pair_ready(conn); /* data may have come with it */
	return (0);
}

static void
reset_waiting(struct pair *l)
{
	struct pair *conn;

	while ((conn = TAILQ_FIRST(&l->p_waiting)) != NULL) {
		listener_forget(conn);
		grave_dig(conn->p_cookie, LINUX_ECONNRESET, conn->p_so);
		pair_destroy(conn, true);
	}
}

/*
 * The listener's queue dies with it, but a little later than we hear of it. Those that then hang
 * up without a word were in it.
 */
static void
orphan_waiting(struct pair *l)
{
	struct pair *conn;

	while ((conn = TAILQ_FIRST(&l->p_waiting)) != NULL) {
		listener_forget(conn);
		conn->p_flags |= PF_ORPHAN;
		conn->p_orphaned_ns = host_monotonic_ns();
	}
}

static bool
listen_run(struct pair *l)
{
	unsigned flying;
	int error = 0;

	if ((l->p_flags & PF_HUP) != 0) {
		orphan_waiting(l);
		pair_destroy(l, false);
		return (false);
	}
	flying = refresh(l);
	while (error == 0 && flying < (unsigned)bsock_limits.accept_ahead) {
		error = hand_over_one(l);
		if (error == 0)
			flying++;
	}
	bsock_set_held(l->p_so, flying);
	/*
	 * EPOLLOUT comes whenever the program takes one. It has to where more wait, and where a
	 * stale count could fill the backlog; below that half, new connections bring the upcall
	 * that looks.
	 */
	pair_want(l, error != LINUX_EAGAIN || flying * 2 >= bsock_backlog(l->p_so));
	return (false);
}

/* Nobody waits for a listener to be writable, and who writes to it gets EPIPE. */
void
listener_bar(struct pair *l, int program_fd)
{
	const int least = 1; /* the kernel raises it */

	(void)setsockopt(program_fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof(least));
	(void)stream_gate(l, program_fd);
	(void)shutdown(l->p_fd, SHUT_RD);
}

/* shutdown(2) on a listener ends listening; accept() gets EINVAL by the program's own side. */
void
listener_shut(struct pair *l)
{
	refresh(l);
	reset_waiting(l);
	stream_gate_off(l); /* the program's end sees an end, not a reset */
	pair_bury(l, 0);
}

static void
listen_cleanup(struct pair *l)
{
	while (!TAILQ_EMPTY(&l->p_waiting))
		listener_forget(TAILQ_FIRST(&l->p_waiting));
}

const struct pump pump_listen = {
    .name = "listener",
    .run = listen_run,
    .cleanup = listen_cleanup,
};
