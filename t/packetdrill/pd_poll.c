/*
 * pd_poll.c - the interface's poll, epoll, pipe, splice, and sendfile for those who call it past
 * the interface. An epoll is a list of our sockets; it wakes by the sockets' events.
 * Owns struct pd_epoll.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "t/packetdrill/pd_host.h"

#define SPLICE_MAX 65536 /* bytes moved by one call */

/* ---- poll ---- */

struct poll_job {
	struct pollfd *fds;
	nfds_t n;
	int timeout, ready;
};

static short
poll_one(const struct pollfd *p)
{
	struct pd_file *f = pd_file(p->fd);
	struct pollfd real = *p;

	if (p->fd < 0)
		return (0);
	if (f == NULL) {
		(void)poll(&real, 1, 0);
		return (real.revents);
	}
	if (f->f_so == NULL)
		return (POLLNVAL);
	return ((short)(pd_ready(f->f_so) & ((unsigned)p->events | POLLERR | POLLHUP)));
}

static bool
poll_ready(void *arg)
{
	struct poll_job *j = arg;
	nfds_t i;

	j->ready = 0;
	for (i = 0; i < j->n; i++) {
		j->fds[i].revents = poll_one(&j->fds[i]);
		if (j->fds[i].revents != 0)
			j->ready++;
	}
	return (j->ready > 0);
}

static void
do_poll(void *arg)
{
	struct poll_job *j = arg;

	pd_wait_until(poll_ready, j, j->timeout);
}

static int
call_poll(void *u, struct pollfd *fds, nfds_t n, int timeout)
{
	struct poll_job j = {.fds = fds, .n = n, .timeout = timeout};

	(void)u;
	pd_enter();
	if (!poll_ready(&j) && timeout != 0)
		pd_run_job(do_poll, &j);
	return (pd_leave(0) == 0 ? j.ready : -1);
}

/* ---- epoll ---- */

struct watch {
	int fd;
	unsigned id; /* of the file at EPOLL_CTL_ADD: a closed one is no more */
	struct epoll_event ev;
	unsigned seen;	/* f_events when it was last told: EPOLLET */
	bool told, off; /* off: EPOLLONESHOT has fired */
	struct watch *next;
};
struct pd_epoll {
	struct watch *list;
};

void
pd_epoll_free(struct pd_epoll *e)
{
	struct watch *w;

	while ((w = e->list) != NULL) {
		e->list = w->next;
		free(w);
	}
	free(e);
}

static int
call_epoll_create(void *u, int size)
{
	struct pd_file *f;

	(void)u;
	pd_enter();
	if (size <= 0)
		return (pd_leave(EINVAL));
	f = pd_file_new();
	if (f == NULL)
		return (pd_leave(errno));
	f->f_epoll = calloc(1, sizeof(*f->f_epoll));
	if (f->f_epoll == NULL) {
		close(f->f_fd);
		pd_file_forget(f);
		return (pd_leave(ENOMEM));
	}
	return (pd_leave(0) == 0 ? f->f_fd : -1);
}

static struct watch **
find_watch(struct pd_epoll *e, int fd)
{
	struct watch **w = &e->list;

	while (*w != NULL && (*w)->fd != fd)
		w = &(*w)->next;
	return (w);
}

static int
epoll_ctl_on(struct pd_epoll *e, int op, int fd, struct pd_file *f, const struct epoll_event *ev)
{
	struct watch **at = find_watch(e, fd), *w = *at;

	if (op == EPOLL_CTL_DEL) {
		if (w == NULL)
			return (ENOENT);
		*at = w->next;
		free(w);
		return (0);
	}
	if (ev == NULL)
		return (EFAULT);
	if (op == EPOLL_CTL_ADD) {
		if (w != NULL && w->id == f->f_id)
			return (EEXIST);
		if (w == NULL && (w = calloc(1, sizeof(*w))) == NULL)
			return (ENOMEM);
		*at = w;
	} else if (op != EPOLL_CTL_MOD) {
		return (EINVAL);
	} else if (w == NULL || w->id != f->f_id) {
		return (ENOENT);
	}
	w->fd = fd;
	w->id = f->f_id;
	w->ev = *ev;
	w->told = w->off = false;
	return (0);
}

static int
call_epoll_ctl(void *u, int epfd, int op, int fd, struct epoll_event *ev)
{
	struct pd_file *e, *f;
	int error;

	(void)u;
	pd_enter();
	e = pd_file(epfd);
	f = pd_file(fd);
	if (e == NULL || f == NULL)
		return (pd_leave(EBADF));
	if (e->f_epoll == NULL || f->f_so == NULL)
		return (pd_leave(EINVAL));
	error = epoll_ctl_on(e->f_epoll, op, fd, f, ev);
	pd_wakeup();
	return (pd_leave(error));
}

struct epoll_job {
	struct pd_file *file;
	struct epoll_event *out;
	int max, timeout, n;
};

/* What the watch has to tell now, 0 nothing. */
static uint32_t
look(struct watch *w)
{
	const struct pd_file *f = pd_file(w->fd);
	uint32_t r;

	if (w->off || f == NULL || f->f_id != w->id)
		return (0);
	r = pd_ready(f->f_so) & (w->ev.events | EPOLLERR | EPOLLHUP);
	if (r == 0) {
		w->told = false;
		return (0);
	}
	if ((w->ev.events & EPOLLET) != 0 && w->told && w->seen == f->f_events)
		return (0);
	return (r);
}

static bool
epoll_ready(void *arg)
{
	struct epoll_job *j = arg;
	struct watch *w;
	uint32_t r;

	j->n = 0;
	for (w = j->file->f_epoll->list; w != NULL && j->n < j->max; w = w->next) {
		r = look(w);
		if (r == 0)
			continue;
		w->told = true;
		w->seen = pd_file(w->fd)->f_events;
		w->off = (w->ev.events & EPOLLONESHOT) != 0;
		j->out[j->n].events = r;
		j->out[j->n++].data = w->ev.data;
	}
	return (j->n > 0);
}

static void
do_epoll(void *arg)
{
	struct epoll_job *j = arg;

	pd_wait_until(epoll_ready, j, j->timeout);
}

static int
call_epoll_wait(void *u, int epfd, struct epoll_event *out, int max, int timeout)
{
	struct epoll_job j = {.out = out, .max = max, .timeout = timeout};

	(void)u;
	pd_enter();
	j.file = pd_file(epfd);
	if (j.file == NULL)
		return (pd_leave(EBADF));
	if (j.file->f_epoll == NULL || max <= 0)
		return (pd_leave(EINVAL));
	if (!epoll_ready(&j) && timeout != 0)
		pd_run_job(do_epoll, &j);
	return (pd_leave(0) == 0 ? j.n : -1);
}

/* ---- pipes and files ---- */

static int
call_pipe(void *u, int fds[2])
{
	(void)u;
	return (pipe(fds));
}

/* Both ends of a splice go by way of a buffer; one of them is a pipe, as Linux asks. */
static ssize_t
move_bytes(int in, int out, loff_t *off_in, size_t len, unsigned flags)
{
	extern struct packetdrill_interface pd_interface;
	char *buf = malloc(SPLICE_MAX);
	ssize_t n;

	if (buf == NULL) {
		errno = ENOMEM;
		return (-1);
	}
	if (len > SPLICE_MAX)
		len = SPLICE_MAX;
	if (pd_is_ours(in))
		n = pd_interface.recv(
		    NULL, in, buf, len, (flags & SPLICE_F_NONBLOCK) != 0 ? MSG_DONTWAIT : 0);
	else
		n = off_in != NULL ? pread(in, buf, len, *off_in) : read(in, buf, len);
	if (n > 0 && pd_is_ours(out))
		n = pd_interface.send(
		    NULL, out, buf, (size_t)n, (flags & SPLICE_F_MORE) != 0 ? MSG_MORE : 0);
	else if (n > 0)
		n = write(out, buf, (size_t)n);
	if (n > 0 && off_in != NULL)
		*off_in += n;
	free(buf);
	return (n);
}

static ssize_t
call_splice(void *u, int in, loff_t *off_in, int out, loff_t *off_out, size_t len, unsigned flags)
{
	(void)u;
	if (off_in != NULL && *off_in == 0)
		off_in = NULL; /* packetdrill never has a NULL pointer: 0 stands for it */
	if (off_out != NULL && *off_out == 0)
		off_out = NULL;
	if (!pd_is_ours(in) && !pd_is_ours(out))
		return (splice(in, off_in, out, off_out, len, flags));
	if ((pd_is_ours(in) && off_in != NULL) || (pd_is_ours(out) && off_out != NULL)) {
		errno = ESPIPE;
		return (-1);
	}
	return (move_bytes(in, out, off_in, len, flags));
}

ssize_t
pd_sendfile(int out, int in, off_t *offset, size_t count)
{
	loff_t at = offset != NULL ? *offset : 0;
	size_t done = 0;
	ssize_t n;

	if (!pd_is_ours(out))
		return (sendfile(out, in, offset, count));
	do {
		n = move_bytes(in, out, offset != NULL ? &at : NULL, count - done,
		    count - done > SPLICE_MAX ? SPLICE_F_MORE : 0);
		if (n > 0)
			done += (size_t)n;
	} while (n > 0 && done < count);
	if (offset != NULL)
		*offset = at;
	return (done > 0 ? (ssize_t)done : n);
}

void
pd_fill_polls(struct packetdrill_interface *i)
{
	i->poll = call_poll;
	i->epoll_create = call_epoll_create;
	i->epoll_ctl = call_epoll_ctl;
	i->epoll_wait = call_epoll_wait;
	i->pipe = call_pipe;
	i->splice = call_splice;
}
