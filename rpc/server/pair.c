/*
 * pair.c - socket pairs: making, finding, waking and ending them.
 *
 * Theory of operation. A program's socket is one end of an AF_UNIX pair; we hold the other
 * ("our end"), bound to an abstract name by which anybody can tell that it is ours. A request
 * carries the program's end, and SO_COOKIE of what was handed over finds the pair: the kernel
 * gives that number once, so nobody can forge it.
 *
 * Our end is watched edge-triggered. An edge, or an upcall of the stack, only marks the pair and
 * puts it on the ready queue (a closing is seen to at once); one task runs the queue, each pair for
 * a bounded share (net.alpine.pump_budget), so work is batched and no socket starves the others.
 * EPOLLOUT is asked for only while the program's queue is full: otherwise every read of the program
 * would wake us.
 *
 * EPOLLHUP means that both directions of the pair are over. That is the program's last close(),
 * or its shutdown() where ours had gone before. Both end the connection in both directions, so
 * both are treated alike: the socket is given up, our end closed, and what the program may still
 * ask (SO_ERROR, its addresses) is kept in graves.c. So there is no state in which a closed
 * descriptor could be missed.
 *
 * Owns all pairs, the table by cookie and the ready queue.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "rpc/server/pair.h"

#define HASH_SIZE 4096	       /* buckets; cookies are consecutive numbers */
#define SPARE_FDS 1024	       /* descriptors that sockets leave to requests, at most ... */
#define SPARE_PART 8	       /* ... and at most that part of all */
#define LISTENER_SNDBUF 106496 /* bytes, for records of connections; the kernel doubles it */

static LIST_HEAD(, pair) table[HASH_SIZE];
static LIST_HEAD(, pair) all_pairs;
static struct pair_queue ready_queue = TAILQ_HEAD_INITIALIZER(ready_queue);
static char name_prefix[sizeof(((struct sockaddr_un *)0)->sun_path)];
static size_t name_prefix_len;
static uint64_t last_id;
static unsigned count;
static int fds_end = INT_MAX; /* the numbers below are for sockets */

static void run_ready(void *);
static struct host_task ready_task = {.t_fn = run_ready};

int
pair_init(const char *instance)
{
	int n = snprintf(name_prefix, sizeof(name_prefix), "%s%s/", RPC_PAIR_PREFIX, instance);
	struct rlimit fds;

	if (n < 0 || (size_t)n + 20 > sizeof(name_prefix))
		return (ENAMETOOLONG);
	name_prefix_len = (size_t)n;
	if (getrlimit(RLIMIT_NOFILE, &fds) == 0 && fds.rlim_cur < INT_MAX)
		fds_end = (int)(fds.rlim_cur - (fds.rlim_cur / SPARE_PART < SPARE_FDS
						       ? fds.rlim_cur / SPARE_PART
						       : SPARE_FDS));
	return (0);
}

/* The kernel gives the lowest number that is free: a high one says that few are left. */
bool
pair_fds_left(int newest)
{
	return (newest < fds_end);
}

unsigned
pair_count(void)
{
	return (count);
}

void
pair_foreach(void (*fn)(struct pair *, void *), void *arg)
{
	struct pair *p, *next;

	for (p = LIST_FIRST(&all_pairs); p != NULL; p = next) {
		next = LIST_NEXT(p, p_all);
		fn(p, arg);
	}
}

/* ---- the ready queue ---- */

/* What becomes ready meanwhile goes behind the marker: it waits until new input was taken in. */
static void
run_ready(void *arg)
{
	static struct pair marker;
	struct pair *p;

	(void)arg;
	TAILQ_INSERT_TAIL(&ready_queue, &marker, p_ready);
	while ((p = TAILQ_FIRST(&ready_queue)) != &marker) {
		TAILQ_REMOVE(&ready_queue, p, p_ready);
		p->p_flags &= ~PF_QUEUED;
		if (p->p_pump->run(p))
			pair_ready(p);
	}
	TAILQ_REMOVE(&ready_queue, &marker, p_ready);
}

void
pair_ready(struct pair *p)
{
	if ((p->p_flags & PF_QUEUED) != 0)
		return;
	p->p_flags |= PF_QUEUED;
	TAILQ_INSERT_TAIL(&ready_queue, p, p_ready);
	host_task_schedule(&ready_task);
}

/* An upcall, in the middle of the stack's work. */
void
pair_event(void *owner, int what)
{
	(void)what;
	if (owner != NULL)
		pair_ready(owner);
}

static void
pair_edge(struct host_watch *w, uint32_t events)
{
	struct pair *p = w->w_arg;

	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		p->p_flags |= PF_IN_READY;
	if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		p->p_flags |= PF_IN_END;
	if ((events & EPOLLPRI) != 0)
		p->p_flags |= PF_URGENT;
	if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
		p->p_flags &= ~PF_OUT_BLOCKED;
	if ((events & EPOLLHUP) != 0)
		p->p_flags |= PF_HUP;
	if ((events & EPOLLERR) != 0)
		p->p_flags |= PF_RESET;
	/* closed: before the program's next request, which may want the port */
	if ((events & EPOLLHUP) == 0 || p->p_pump->run(p))
		pair_ready(p);
}

void
pair_want(struct pair *p, bool out)
{
	uint32_t interest = EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLET | (out ? EPOLLOUT : 0);

	if (interest == p->p_interest)
		return;
	p->p_interest = interest;
	(void)host_watch_mod(&p->p_watch, interest);
}

/* ---- making and finding ---- */

static int
bind_name(int fd, uint64_t id)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int n;

	memcpy(sun.sun_path + 1, name_prefix, name_prefix_len);
	n = snprintf(sun.sun_path + 1 + name_prefix_len, sizeof(sun.sun_path) - 1 - name_prefix_len,
	    "%llx", (unsigned long long)id);
	return (bind(fd, (struct sockaddr *)&sun,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + name_prefix_len + (size_t)n)));
}

static void
size_pair(const int end[2])
{
	int bytes = bsock_limits.pair_sndbuf / 2; /* the kernel doubles it */

	if (bytes <= 0)
		return;
	(void)setsockopt(end[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	(void)setsockopt(end[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83 /* Linux 6.16 */
#endif

/* We want no descriptors from a program: the kernel would drop them, and that can take long. */
static void
refuse_rights(int fd)
{
	static bool unknown;
	int off = 0;

	if (!unknown && setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off)) != 0)
		unknown = true;
}

static uint64_t
cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) != 0)
		return (0);
	return (cookie);
}

int
pair_create(struct space *space, bool stream, struct pair **pp, int *program_fd)
{
	struct pair *p;
	int end[2], error;

	if (space->s_sockets >= (unsigned)bsock_limits.maxsockets)
		return (ENFILE);
	if (socketpair(AF_UNIX, (stream ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_CLOEXEC, 0, end) !=
	    0)
		return (errno == EMFILE ? ENFILE : errno);
	p = calloc(1, sizeof(*p));
	if (p == NULL || !pair_fds_left(end[1])) {
		error = p == NULL ? ENOMEM : ENFILE;
		goto fail;
	}
	p->p_fd = end[0];
	p->p_id = ++last_id;
	p->p_cookie = cookie_of(end[1]);
	p->p_wait_fd = -1;
	p->p_pump = stream ? &pump_stream : &pump_dgram;
	TAILQ_INIT(&p->p_waiting);
	if (p->p_cookie == 0 || bind_name(end[0], p->p_id) != 0) {
		error = errno;
		goto fail;
	}
	refuse_rights(end[0]);
	if (stream)
		size_pair(end);
	p->p_interest = EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLET;
	error = host_watch_add(&p->p_watch, end[0], p->p_interest, pair_edge, p);
	if (error != 0)
		goto fail;
	space_hold(space);
	space->s_sockets++;
	p->p_space = space;
	LIST_INSERT_HEAD(&table[p->p_cookie % HASH_SIZE], p, p_hash);
	LIST_INSERT_HEAD(&all_pairs, p, p_all);
	count++;
	*pp = p;
	*program_fd = end[1];
	return (0);
fail:
	free(p);
	close(end[0]);
	close(end[1]);
	return (error);
}

struct pair *
pair_by_fd(int program_fd, uint64_t *cookiep)
{
	uint64_t cookie = cookie_of(program_fd);
	struct pair *p;

	*cookiep = cookie;
	LIST_FOREACH (p, &table[cookie % HASH_SIZE], p_hash)
		if (p->p_cookie == cookie && cookie != 0)
			return (p);
	return (NULL);
}

void
pair_size(struct pair *p, int program_fd)
{
	if (p->p_sndbuf != 0)
		(void)setsockopt(
		    program_fd, SOL_SOCKET, SO_SNDBUF, &p->p_sndbuf, sizeof(p->p_sndbuf));
	if (p->p_rcvbuf != 0)
		(void)setsockopt(p->p_fd, SOL_SOCKET, SO_SNDBUF, &p->p_rcvbuf, sizeof(p->p_rcvbuf));
}

void
pair_make_listener(struct pair *p)
{
	const int records = LISTENER_SNDBUF; /* whatever its connections shall have */

	if (p->p_rcvbuf != 0)
		(void)setsockopt(p->p_fd, SOL_SOCKET, SO_SNDBUF, &records, sizeof(records));
	p->p_pump = &pump_listen;
	bsock_set_held_fn(p->p_so, listener_held);
	pair_ready(p);
}

/* ---- ending ---- */

void
pair_destroy(struct pair *p, bool reset)
{
	if (p->p_pump->cleanup != NULL)
		p->p_pump->cleanup(p);
	if ((p->p_flags & PF_WAITING) != 0)
		listener_forget(p);
	if (p->p_so != NULL)
		bsock_close(p->p_so, reset);
	if (p->p_wait_fd >= 0)
		close(p->p_wait_fd);
	if ((p->p_flags & PF_QUEUED) != 0)
		TAILQ_REMOVE(&ready_queue, p, p_ready);
	host_watch_del(&p->p_watch);
	close(p->p_fd);
	LIST_REMOVE(p, p_hash);
	LIST_REMOVE(p, p_all);
	p->p_space->s_sockets--;
	space_release(p->p_space);
	count--;
	free(p);
}

void
pair_bury(struct pair *p, int linux_errno)
{
	grave_dig(p->p_cookie, linux_errno, p->p_so);
	pair_destroy(p, false);
}
