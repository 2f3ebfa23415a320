/*
 * pd_calls.c - the interface's socket calls. A descriptor that is not ours (a pipe, a file) goes
 * to libc. What may wait runs as a job, unless the descriptor or the call is non-blocking.
 * Owns nothing. pd_init.c puts the functions into packetdrill's table.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "t/packetdrill/pd_host.h"

#define CONTROL_MAX 1024
#define SO_MEMINFO_LINUX 55
#define TCP_INFO_LINUX 11
#define TCP_CC_INFO_LINUX 26 /* no algorithm has any: 0 bytes, as on Linux */
#define TCP_INFO_MAX 280     /* bytes: newer packetdrills know of fields that we do not have: 0 */
#define SOL_TCP_LINUX 6

const struct bsock_cred pd_root = {.uid = 0};
bool pd_linux_buffers;

/* The socket behind fd; takes the lock, and on failure leaves it and sets errno. */
static struct pd_file *
enter_socket(int fd)
{
	struct pd_file *f;

	pd_enter();
	f = pd_file(fd);
	if (f != NULL && f->f_so != NULL)
		return (f);
	pd_leave(f != NULL ? ENOTSOCK : fcntl(fd, F_GETFD) < 0 ? EBADF : ENOTSOCK);
	return (NULL);
}

/* ---- birth ---- */

static int
call_socket(void *u, int domain, int type, int protocol)
{
	struct pd_file *f;
	int error, fd;

	(void)u;
	pd_enter();
	f = pd_file_new();
	if (f == NULL)
		return (pd_leave(errno));
	fd = f->f_fd;
	error = bsock_create(domain, type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC), protocol, &pd_root,
	    pd_event, f, &f->f_so);
	if (error != 0) {
		pd_file_forget(f);
		close(fd);
		return (pd_leave(error));
	}
	f->f_nonblock = (type & SOCK_NONBLOCK) != 0;
	if (f->f_nonblock)
		(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	return (pd_leave(0) == 0 ? fd : -1);
}

static int
call_bind(void *u, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct pd_file *f = enter_socket(fd);

	(void)u;
	if (f == NULL)
		return (-1);
	if (addr != NULL && len >= sizeof(struct sockaddr_in) && addr->sa_family == AF_INET)
		pd_if_alias(
		    ((const struct sockaddr_in *)(const void *)addr)->sin_addr.s_addr, false);
	return (pd_leave(bsock_bind(f->f_so, &pd_root, addr, len)));
}

static int
call_listen(void *u, int fd, int backlog)
{
	struct pd_file *f = enter_socket(fd);

	(void)u;
	return (f == NULL ? -1 : pd_leave(bsock_listen(f->f_so, backlog)));
}

static int
call_shutdown(void *u, int fd, int how)
{
	struct pd_file *f = enter_socket(fd);

	(void)u;
	return (f == NULL ? -1 : pd_leave(bsock_shutdown(f->f_so, how)));
}

/* ---- connect, accept, close ---- */

struct job {
	struct bsock *so, *new;
	struct rpc_accept record;
	const void *addr;
	size_t len;
	int error;
};

static void
do_connect(void *arg)
{
	struct job *j = arg;

	j->error = pd_connect(j->so, true, j->addr, j->len);
}

static int
call_connect(void *u, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct pd_file *f = enter_socket(fd);
	struct job j = {.addr = addr, .len = len};

	(void)u;
	if (f == NULL)
		return (-1);
	j.so = f->f_so;
	if (f->f_nonblock)
		j.error = pd_connect(f->f_so, false, addr, len);
	else
		pd_run_job(do_connect, &j);
	return (pd_leave(j.error));
}

static void
do_accept(void *arg)
{
	struct job *j = arg;

	j->error = pd_accept(j->so, true, NULL, &j->new, &j->record);
}

static void
address_out(const struct rpc_addr *from, struct sockaddr *addr, socklen_t *len)
{
	if (addr == NULL || len == NULL)
		return;
	memcpy(addr, from->a_data, *len < from->a_len ? *len : from->a_len);
	*len = from->a_len;
}

static int
call_accept(void *u, int fd, struct sockaddr *addr, socklen_t *len)
{
	struct pd_file *f = enter_socket(fd), *conn;
	struct job j = {.new = NULL};

	(void)u;
	if (f == NULL)
		return (-1);
	j.so = f->f_so;
	if (f->f_nonblock)
		j.error = pd_accept(f->f_so, false, NULL, &j.new, &j.record);
	else
		pd_run_job(do_accept, &j);
	if (j.error != 0)
		return (pd_leave(j.error));
	conn = pd_file_new();
	if (conn == NULL) {
		bsock_close(j.new, true);
		return (pd_leave(ENFILE));
	}
	conn->f_so = j.new;
	bsock_set_owner(j.new, conn);
	address_out(&j.record.a_peer, addr, len);
	return (pd_leave(0) == 0 ? conn->f_fd : -1);
}

static void
do_close(void *arg)
{
	struct job *j = arg;

	pd_close(j->so, true);
}

/* The number is free at once for the kernel, but not before the socket knows. */
int
pd_close_fd(int fd, bool wait)
{
	struct pd_file *f = pd_file(fd);
	struct job j = {.so = f->f_so};

	if (f->f_epoll != NULL)
		pd_epoll_free(f->f_epoll);
	wait = wait && !f->f_nonblock;
	if (j.so != NULL)
		bsock_set_owner(j.so, NULL);
	pd_file_forget(f);
	if (j.so == NULL)
		return (0);
	if (wait)
		pd_run_job(do_close, &j);
	else
		pd_close(j.so, false);
	pd_wakeup();
	return (0);
}

static int
close_and_forget(int fd, bool wait)
{
	pd_enter();
	if (pd_file(fd) != NULL)
		(void)pd_close_fd(fd, wait);
	pd_leave(0);
	return (close(fd));
}

static int
call_close(void *u, int fd)
{
	(void)u;
	return (close_and_forget(fd, true));
}

/* close() past the interface, of what a script left: nobody waits for a lingering one. */
int
pd_close_left(int fd)
{
	return (close_and_forget(fd, false));
}

/* ---- data ---- */

struct io_job {
	struct pd_io io;
	int error;
};

static void
do_send(void *arg)
{
	struct io_job *j = arg;

	j->error = pd_send(&j->io);
}

static void
do_recv(void *arg)
{
	struct io_job *j = arg;

	j->error = pd_recv(&j->io);
}

/* As Linux's readv(2) and writev(2) have it. */
static bool
iov_count_ok(int n)
{
	if (n < 0 || n > IOV_MAX)
		errno = EINVAL;
	return (n >= 0 && n <= IOV_MAX);
}

/* Leaves the stack. */
static ssize_t
run_io(struct pd_file *f, struct io_job *j, void (*fn)(void *))
{
	j->io.io_so = f->f_so;
	j->io.io_wait = !f->f_nonblock && (j->io.io_flags & MSG_DONTWAIT) == 0;
	if (j->io.io_wait)
		pd_run_job(fn, j);
	else
		fn(j);
	return (pd_leave_n(j->error, (ssize_t)j->io.io_done));
}

static struct link_iov *
iov_of(const struct iovec *iov)
{
	_Static_assert(sizeof(struct iovec) == sizeof(struct link_iov), "laid out alike");
	return ((struct link_iov *)(uintptr_t)iov);
}

static ssize_t
call_sendmsg(void *u, int fd, const struct msghdr *msg, int flags)
{
	struct pd_file *f = enter_socket(fd);
	struct io_job j = {.io = {.io_flags = (uint32_t)flags}};

	(void)u;
	if (f == NULL)
		return (-1);
	if (msg->msg_namelen > sizeof(j.io.io_addr.a_data))
		return (pd_leave(EINVAL));
	if (msg->msg_name != NULL) {
		memcpy(j.io.io_addr.a_data, msg->msg_name, msg->msg_namelen);
		j.io.io_addr.a_len = msg->msg_namelen;
	}
	j.io.io_iov = iov_of(msg->msg_iov);
	j.io.io_niov = (int)msg->msg_iovlen;
	j.io.io_control = msg->msg_control;
	j.io.io_control_len = msg->msg_control != NULL ? msg->msg_controllen : 0;
	return (run_io(f, &j, do_send));
}

static ssize_t
call_sendto(void *u, int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
    socklen_t tolen)
{
	struct iovec iov = {(void *)(uintptr_t)buf, len};
	struct msghdr msg = {.msg_name = (void *)(uintptr_t)to,
	    .msg_namelen = to != NULL ? tolen : 0,
	    .msg_iov = &iov,
	    .msg_iovlen = 1};

	return (call_sendmsg(u, fd, &msg, flags));
}

static ssize_t
call_send(void *u, int fd, const void *buf, size_t len, int flags)
{
	return (call_sendto(u, fd, buf, len, flags, NULL, 0));
}

static ssize_t
call_write(void *u, int fd, const void *buf, size_t len)
{
	return (pd_is_ours(fd) ? call_send(u, fd, buf, len, 0) : write(fd, buf, len));
}

static ssize_t
call_writev(void *u, int fd, const struct iovec *iov, int n)
{
	struct msghdr msg = {
	    .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n > 0 ? (size_t)n : 0};

	if (!iov_count_ok(n))
		return (-1);
	return (pd_is_ours(fd) ? call_sendmsg(u, fd, &msg, 0) : writev(fd, iov, n));
}

static ssize_t
call_recvmsg(void *u, int fd, struct msghdr *msg, int flags)
{
	struct pd_file *f = enter_socket(fd);
	struct io_job j = {.io = {.io_flags = (uint32_t)flags}};
	char control[CONTROL_MAX];
	ssize_t n;

	(void)u;
	if (f == NULL)
		return (-1);
	j.io.io_iov = iov_of(msg->msg_iov);
	j.io.io_niov = (int)msg->msg_iovlen;
	if (msg->msg_control != NULL) {
		j.io.io_control = control;
		j.io.io_control_len = sizeof(control);
	}
	n = run_io(f, &j, do_recv);
	if (n < 0)
		return (-1);
	msg->msg_flags = (int)j.io.io_flags;
	if (msg->msg_control != NULL && j.io.io_control_len > msg->msg_controllen) {
		msg->msg_flags |= MSG_CTRUNC;
		j.io.io_control_len = 0;
	}
	if (msg->msg_control != NULL)
		memcpy(msg->msg_control, control, j.io.io_control_len);
	msg->msg_controllen = msg->msg_control != NULL ? j.io.io_control_len : 0;
	if (msg->msg_name != NULL)
		address_out(&j.io.io_addr, msg->msg_name, &msg->msg_namelen);
	return (n);
}

static ssize_t
call_recvfrom(
    void *u, int fd, void *buf, size_t len, int flags, struct sockaddr *from, socklen_t *fromlen)
{
	struct iovec iov = {buf, len};
	struct msghdr msg = {.msg_name = from,
	    .msg_namelen = from != NULL && fromlen != NULL ? *fromlen : 0,
	    .msg_iov = &iov,
	    .msg_iovlen = 1};
	ssize_t n = call_recvmsg(u, fd, &msg, flags);

	if (n >= 0 && from != NULL && fromlen != NULL)
		*fromlen = msg.msg_namelen;
	return (n);
}

static ssize_t
call_recv(void *u, int fd, void *buf, size_t len, int flags)
{
	return (call_recvfrom(u, fd, buf, len, flags, NULL, NULL));
}

static ssize_t
call_read(void *u, int fd, void *buf, size_t len)
{
	return (pd_is_ours(fd) ? call_recv(u, fd, buf, len, 0) : read(fd, buf, len));
}

static ssize_t
call_readv(void *u, int fd, const struct iovec *iov, int n)
{
	struct msghdr msg = {
	    .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n > 0 ? (size_t)n : 0};

	if (!iov_count_ok(n))
		return (-1);
	return (pd_is_ours(fd) ? call_recvmsg(u, fd, &msg, 0) : readv(fd, iov, n));
}

/* ---- options and the like ---- */

/* As much as there is room for. */
static void
give(void *val, uint32_t *len, const void *from, uint32_t have)
{
	if (*len > have)
		*len = have;
	if (*len > 0)
		memcpy(val, from, *len);
}

static int
get_tcp_info(struct bsock *so, void *val, uint32_t *len)
{
	char info[TCP_INFO_MAX] = {0};
	uint32_t have = sizeof(info);
	int error = bsock_getsockopt(so, SOL_TCP_LINUX, TCP_INFO_LINUX, info, &have);

	if (error != 0)
		return (error);
	give(val, len, info, sizeof(info));
	return (0);
}

static int
get_meminfo(struct bsock *so, void *val, uint32_t *len)
{
	uint32_t info[9];
	int error = pd_meminfo(so, info);

	if (error != 0)
		return (error);
	give(val, len, info, sizeof(info));
	return (0);
}

static int
get_buffer(struct bsock *so, int name, void *val, uint32_t *len)
{
	int v, error = pd_get_bsd_buffer(so, name, &v);

	if (error != 0)
		return (error);
	give(val, len, &v, sizeof(v));
	return (0);
}

int
pd_getsockopt(void *u, int fd, int level, int name, void *val, socklen_t *len)
{
	struct pd_file *f = enter_socket(fd);
	uint32_t room;
	int error;

	(void)u;
	if (f == NULL)
		return (-1);
	if (len == NULL || (val == NULL && *len > 0))
		return (pd_leave(EFAULT));
	room = *len;
	if (level == SOL_TCP_LINUX && name == TCP_INFO_LINUX)
		error = get_tcp_info(f->f_so, val, &room);
	else if (level == SOL_TCP_LINUX && name == TCP_CC_INFO_LINUX)
		error = (int)(room = 0);
	else if (level == SOL_SOCKET && name == SO_MEMINFO_LINUX)
		error = get_meminfo(f->f_so, val, &room);
	else if (level == SOL_SOCKET && (name == SO_SNDBUF || name == SO_RCVBUF) &&
		 !pd_linux_buffers)
		error = get_buffer(f->f_so, name, val, &room);
	else
		error = bsock_getsockopt(f->f_so, level, name, val, &room);
	if (error == 0)
		*len = room;
	return (pd_leave(error));
}

static int
call_setsockopt(void *u, int fd, int level, int name, const void *val, socklen_t len)
{
	struct pd_file *f = enter_socket(fd);
	int v;

	(void)u;
	if (f == NULL)
		return (-1);
	if (val == NULL && len > 0)
		return (pd_leave(EFAULT));
	if (level == SOL_SOCKET && (name == SO_SNDBUF || name == SO_RCVBUF) && !pd_linux_buffers) {
		if (len < sizeof(v))
			return (pd_leave(EINVAL));
		memcpy(&v, val, sizeof(v));
		return (pd_leave(pd_set_bsd_buffer(f->f_so, name, v)));
	}
	return (pd_leave(bsock_setsockopt(f->f_so, &pd_root, level, name, val, len)));
}

static int
call_fcntl(void *u, int fd, int cmd, ...)
{
	struct pd_file *f;
	va_list ap;
	long arg;
	int rc, error;

	(void)u;
	va_start(ap, cmd);
	arg = va_arg(ap, int);
	va_end(ap);
	pd_enter();
	f = pd_file(fd);
	if (f != NULL && cmd == F_GETFL) {
		pd_leave(0);
		return (O_RDWR | (f->f_nonblock ? O_NONBLOCK : 0));
	}
	rc = fcntl(fd, cmd, arg);
	error = rc == -1 ? errno : 0;
	if (f != NULL && cmd == F_SETFL && rc == 0)
		f->f_nonblock = (arg & O_NONBLOCK) != 0;
	return (pd_leave(error) == 0 ? rc : -1);
}

static int
call_ioctl(void *u, int fd, unsigned long request, ...)
{
	char room[RPC_OPTVAL_MAX] __attribute__((aligned(8)));
	struct pd_file *f;
	uint32_t len = sizeof(int);
	va_list ap;
	void *arg;
	int error;

	(void)u;
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (!pd_is_ours(fd))
		return (ioctl(fd, request, arg));
	f = enter_socket(fd);
	if (f == NULL)
		return (-1);
	if (arg == NULL)
		return (pd_leave(EFAULT));
	if (request == FIONBIO) {
		f->f_nonblock = *(int *)arg != 0;
		return (pd_leave(0));
	}
	memcpy(room, arg, len);
	error = bsock_ioctl(f->f_so, &pd_root, request, room, &len, sizeof(room));
	if (error == 0)
		memcpy(arg, room, sizeof(int));
	return (pd_leave(error));
}

void
pd_fill_sockets(struct packetdrill_interface *i)
{
	i->socket = call_socket;
	i->bind = call_bind;
	i->listen = call_listen;
	i->accept = call_accept;
	i->connect = call_connect;
	i->read = call_read;
	i->readv = call_readv;
	i->recv = call_recv;
	i->recvfrom = call_recvfrom;
	i->recvmsg = call_recvmsg;
	i->write = call_write;
	i->writev = call_writev;
	i->send = call_send;
	i->sendto = call_sendto;
	i->sendmsg = call_sendmsg;
	i->fcntl = call_fcntl;
	i->ioctl = call_ioctl;
	i->close = call_close;
	i->shutdown = call_shutdown;
	i->getsockopt = pd_getsockopt;
	i->setsockopt = call_setsockopt;
}
