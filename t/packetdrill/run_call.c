/*
 * run_call.c - a script's system calls: arguments made from its values, the call, and the judgment
 * of what it returned. One that lasts (+0...0.1) runs in a second thread, which the first watches
 * until it sleeps, as packetdrill does.
 * Owns that thread.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "t/packetdrill/run.h"

#define BUFFER 2000000 /* bytes that one call may move */
#define FDS_MAX 16
#define U R.pd.userdata

static char *buffer;
static __thread struct event *E; /* the call that this thread makes */
static __thread int error;
static __thread long long ended;

__attribute__((noreturn, format(printf, 1, 2))) static void
wrong(const char *fmt, ...)
{
	char why[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	R.now = E;
	fail("%s: %s", E->name, why);
}

/* ---- arguments ---- */

static struct value *
arg(int n)
{
	struct value *v = E->args;

	while (n-- > 0 && v != NULL)
		v = v->next;
	if (v == NULL)
		wrong("an argument is missing");
	return (v);
}

static long long
number(const struct value *v)
{
	if (v->type == V_LIST && v->kids != NULL && v->kids->next == NULL)
		v = v->kids;
	if (v->type == V_WORD)
		wrong("'%s' is not known", v->s);
	if (v->type != V_INT)
		wrong("an argument is no number");
	return (v->n);
}

static const struct value *
field(const struct value *v, const char *name)
{
	const struct value *k;

	for (k = v->kids; k != NULL; k = k->next)
		if (k->name != NULL && strcmp(k->name, name) == 0)
			return (k);
	return (NULL);
}

static int
real_fd(const struct value *v)
{
	long long n = number(v);

	if (n < 0 || n >= (long long)(sizeof(R.fds) / sizeof(R.fds[0])) || R.fds[n] < 0)
		return (9999); /* the stack says EBADF */
	return (R.fds[n]);
}

static struct sockaddr_in
address(const struct value *v, const char *usual_ip, int usual_port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons((uint16_t)usual_port)};
	const struct value *f;

	if (inet_pton(AF_INET, usual_ip, &sin.sin_addr) != 1)
		wrong("'%s' is no address", usual_ip);
	if (v->type != V_STRUCT)
		return (sin);
	if ((f = field(v, "sa_family")) != NULL)
		sin.sin_family = (sa_family_t)number(f);
	if ((f = field(v, "sin_port")) != NULL)
		sin.sin_port = htons((uint16_t)number(f));
	if ((f = field(v, "sin_addr")) != NULL)
		sin.sin_addr.s_addr = (in_addr_t)number(f);
	return (sin);
}

static char *
data(const struct value *v, size_t len)
{
	size_t n, i;

	if (len > BUFFER)
		wrong("more than %d bytes", BUFFER);
	if (buffer == NULL)
		buffer = malloc(BUFFER);
	if (v->type == V_STRING) {
		n = strlen(v->s);
		memcpy(buffer, v->s, n < len ? n : len);
	} else {
		for (i = 0; i < len; i++)
			buffer[i] = (char)('A' + i % 26);
	}
	return (buffer);
}

static void
compare_address(const struct value *v, const struct sockaddr_in *got)
{
	struct sockaddr_in want;
	char text[32];

	if (v->type != V_STRUCT)
		return;
	want = address(v, "0.0.0.0", 0);
	inet_ntop(AF_INET, &got->sin_addr, text, sizeof(text));
	if (want.sin_addr.s_addr != got->sin_addr.s_addr || want.sin_port != got->sin_port)
		wrong("the address is %s port %u", text, ntohs(got->sin_port));
}

/* The call has returned. */
static long long
after(long long rc)
{
	error = errno;
	if (E->blocking)
		ended = run_now();
	return (rc);
}

/* ---- calls ---- */

static long long
remember(long long fd, bool is_socket)
{
	const long long n = E->result.n;

	if (fd >= 0 && E->result.type == V_INT && n >= 0 && n < 256)
		R.fds[n] = (int)fd;
	if (fd >= 0 && is_socket)
		R.last_fd = (int)fd;
	return (fd >= 0 && E->result.type == V_INT && n >= 0 ? n : fd);
}

static long long
do_socket(void)
{
	const struct value *d = arg(0);

	return (remember(after(R.pd.socket(U, d->type == V_DOTS ? AF_INET : (int)number(d),
			     (int)number(arg(1)), (int)number(arg(2)))),
	    true));
}

static long long
do_bind(void)
{
	struct sockaddr_in sin =
	    address(arg(1), R.script->config.local_ip, R.script->config.bind_port);

	return (after(R.pd.bind(U, real_fd(arg(0)), (struct sockaddr *)&sin, sizeof(sin))));
}

static long long
do_listen(void)
{
	return (after(R.pd.listen(U, real_fd(arg(0)), (int)number(arg(1)))));
}

static long long
do_accept(void)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	long long rc;

	memset(&sin, 0, sizeof(sin));
	rc = after(R.pd.accept(U, real_fd(arg(0)), (struct sockaddr *)&sin, &len));
	if (rc >= 0)
		compare_address(arg(1), &sin);
	return (remember(rc, true));
}

static long long
do_connect(void)
{
	struct sockaddr_in sin =
	    address(arg(1), R.script->config.remote_ip, R.script->config.connect_port);

	R.last_fd = real_fd(arg(0));
	return (after(R.pd.connect(U, real_fd(arg(0)), (struct sockaddr *)&sin, sizeof(sin))));
}

static long long
received(long long rc, const struct value *want)
{
	if (rc > 0 && want->type == V_STRING &&
	    (strlen(want->s) != (size_t)rc || memcmp(buffer, want->s, (size_t)rc) != 0))
		wrong("the data is \"%.*s\"", (int)rc, buffer);
	return (rc);
}

static long long
do_read(void)
{
	size_t n = (size_t)number(arg(2));
	char *b = data(arg(1), n);

	return (received(after(R.pd.read(U, real_fd(arg(0)), b, n)), arg(1)));
}

static long long
do_write(void)
{
	size_t n = (size_t)number(arg(2));

	return (after(R.pd.write(U, real_fd(arg(0)), data(arg(1), n), n)));
}

static long long
do_recv(void)
{
	size_t n = (size_t)number(arg(2));
	char *b = data(arg(1), n);

	return (received(after(R.pd.recv(U, real_fd(arg(0)), b, n, (int)number(arg(3)))), arg(1)));
}

static long long
do_send(void)
{
	size_t n = (size_t)number(arg(2));

	return (after(R.pd.send(U, real_fd(arg(0)), data(arg(1), n), n, (int)number(arg(3)))));
}

static long long
do_recvfrom(void)
{
	size_t n = (size_t)number(arg(2));
	char *b = data(arg(1), n);
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	long long rc;

	memset(&sin, 0, sizeof(sin));
	rc = after(R.pd.recvfrom(
	    U, real_fd(arg(0)), b, n, (int)number(arg(3)), (struct sockaddr *)&sin, &len));
	if (rc >= 0)
		compare_address(arg(4), &sin);
	return (received(rc, arg(1)));
}

static long long
do_sendto(void)
{
	size_t n = (size_t)number(arg(2));
	struct sockaddr_in sin =
	    address(arg(4), R.script->config.remote_ip, R.script->config.connect_port);

	return (after(R.pd.sendto(U, real_fd(arg(0)), data(arg(1), n), n, (int)number(arg(3)),
	    (struct sockaddr *)&sin, sizeof(sin))));
}

/* [{..., 1000}, {..., 200}] */
static int
iovecs(const struct value *v, struct iovec *iov)
{
	const struct value *k;
	size_t total = 0;
	int n = 0;

	if (v->type != V_LIST)
		wrong("an argument is no list of {..., LENGTH}");
	data(v, 1);
	for (k = v->kids; k != NULL && n < FDS_MAX; k = k->next, n++) {
		if (k->type != V_STRUCT || k->kids == NULL || k->kids->next == NULL)
			wrong("an element is not {..., LENGTH}");
		iov[n].iov_base = buffer + total;
		iov[n].iov_len = (size_t)number(k->kids->next);
		total += iov[n].iov_len;
		if (total > BUFFER)
			wrong("more than %d bytes", BUFFER);
	}
	return (n);
}

static long long
do_readv(void)
{
	struct iovec iov[FDS_MAX];
	int n = iovecs(arg(1), iov);

	return (after(R.pd.readv(U, real_fd(arg(0)), iov, n)));
}

static long long
do_writev(void)
{
	struct iovec iov[FDS_MAX];
	int n = iovecs(arg(1), iov);

	return (after(R.pd.writev(U, real_fd(arg(0)), iov, n)));
}

/* {msg_name(...)=..., msg_iov(1)=[{..., 1000}], msg_flags=0} */
static long long
do_msg(bool out)
{
	const struct value *m = arg(1), *v;
	struct msghdr msg = {.msg_name = NULL};
	struct iovec iov[FDS_MAX];
	struct sockaddr_in sin;
	long long rc;

	if (m->type != V_STRUCT || (v = field(m, "msg_iov")) == NULL)
		wrong("the message has no msg_iov");
	msg.msg_iov = iov;
	msg.msg_iovlen = (size_t)iovecs(v, iov);
	if ((v = field(m, "msg_name")) != NULL && v->type == V_STRUCT) {
		sin = address(v, "0.0.0.0", 0);
		msg.msg_name = &sin;
		msg.msg_namelen = sizeof(sin);
	}
	if (out)
		return (after(R.pd.sendmsg(U, real_fd(arg(0)), &msg, (int)number(arg(2)))));
	rc = after(R.pd.recvmsg(U, real_fd(arg(0)), &msg, (int)number(arg(2))));
	v = field(m, "msg_flags");
	if (rc >= 0 && v != NULL && v->type == V_INT && v->n != msg.msg_flags)
		wrong("msg_flags is %#x", (unsigned)msg.msg_flags);
	return (rc);
}

static long long
do_sendmsg(void)
{
	return (do_msg(true));
}

static long long
do_recvmsg(void)
{
	return (do_msg(false));
}

static long long
do_fcntl(void)
{
	return (after(R.pd.fcntl(U, real_fd(arg(0)), (int)number(arg(1)),
	    arg(1)->next != NULL ? (int)number(arg(2)) : 0)));
}

static long long
do_ioctl(void)
{
	int v = (int)(arg(2)->type == V_LIST && arg(2)->kids != NULL ? number(arg(2)) : 0);
	const int want = v;
	long long rc;

	rc = after(R.pd.ioctl(U, real_fd(arg(0)), (unsigned long)number(arg(1)), &v));
	if (rc == 0 && arg(2)->type == V_LIST && number(arg(1)) != 0x5421 && v != want)
		wrong("it says %d", v);
	return (rc);
}

static long long
do_close(void)
{
	const long long n = number(arg(0));
	int fd = real_fd(arg(0));

	if (n >= 0 && n < 256)
		R.fds[n] = -1;
	return (after(R.pd.close(U, fd)));
}

static long long
do_shutdown(void)
{
	return (after(R.pd.shutdown(U, real_fd(arg(0)), (int)number(arg(1)))));
}

/* ---- options ---- */

union optval {
	int i;
	struct linger linger;
	struct timeval tv;
	char bytes[256];
};

static socklen_t
option_value(const struct value *v, union optval *o)
{
	const struct value *k = v->type == V_LIST ? v->kids : v;

	memset(o, 0, sizeof(*o));
	if (k != NULL && k->type == V_STRUCT && field(k, "onoff") != NULL) {
		o->linger.l_onoff = (int)number(field(k, "onoff"));
		o->linger.l_linger = (int)number(field(k, "linger"));
		return (sizeof(o->linger));
	}
	if (k != NULL && k->type == V_STRUCT && field(k, "tv_sec") != NULL) {
		o->tv.tv_sec = number(field(k, "tv_sec"));
		o->tv.tv_usec = number(field(k, "tv_usec"));
		return (sizeof(o->tv));
	}
	if (k != NULL && k->type == V_STRING) {
		snprintf(o->bytes, sizeof(o->bytes), "%s", k->s);
		return ((socklen_t)strlen(k->s));
	}
	o->i = k != NULL && k->type == V_INT ? (int)k->n : 0;
	return (sizeof(o->i));
}

static long long
do_setsockopt(void)
{
	union optval o;
	socklen_t len = option_value(arg(3), &o);

	if (arg(4)->type == V_INT)
		len = (socklen_t)number(arg(4));
	if (len > sizeof(o))
		wrong("a value of %u bytes", len);
	return (after(R.pd.setsockopt(
	    U, real_fd(arg(0)), (int)number(arg(1)), (int)number(arg(2)), &o, len)));
}

static long long
do_getsockopt(void)
{
	const struct value *v = arg(3), *k = v->type == V_LIST ? v->kids : v;
	union optval want, got;
	socklen_t len = sizeof(got);
	long long rc;

	option_value(v, &want);
	if (arg(4)->type != V_DOTS)
		len = (socklen_t)number(arg(4));
	if (len > sizeof(got))
		wrong("room for %u bytes", len);
	memset(&got, 0, sizeof(got));
	rc = after(R.pd.getsockopt(
	    U, real_fd(arg(0)), (int)number(arg(1)), (int)number(arg(2)), &got, &len));
	if (rc != 0 || k == NULL || k->type == V_DOTS)
		return (rc);
	if (k->type == V_STRING ? strcmp(want.bytes, got.bytes) != 0
				: memcmp(&want, &got, len < sizeof(want) ? len : sizeof(want)) != 0)
		wrong("the value is %d \"%.32s\"", got.i, got.bytes);
	return (rc);
}

/* ---- waiting ---- */

static long long
do_poll(void)
{
	const struct value *list = arg(0), *k, *f;
	struct pollfd fds[FDS_MAX];
	nfds_t n = 0, i;
	long long rc;

	for (k = list->kids; k != NULL && n < FDS_MAX; k = k->next, n++) {
		if (field(k, "fd") == NULL || field(k, "events") == NULL)
			wrong("an element is not {fd=, events=, revents=}");
		fds[n] =
		    (struct pollfd){real_fd(field(k, "fd")), (short)number(field(k, "events")), 0};
	}
	rc = after(R.pd.poll(U, fds, n, (int)number(arg(2))));
	for (k = list->kids, i = 0; i < n; k = k->next, i++) {
		f = field(k, "revents");
		if (f != NULL && f->type == V_INT && f->n != fds[i].revents)
			wrong("revents of number %u is %#x", (unsigned)i + 1,
			    (unsigned)fds[i].revents);
	}
	return (rc);
}

static long long
do_epoll_create(void)
{
	return (remember(after(R.pd.epoll_create(U, (int)number(arg(0)))), false));
}

static struct epoll_event
event_of(const struct value *v)
{
	struct epoll_event ev = {.events = 0};
	static const char *const names[] = {"fd", "u32", "u64", "ptr"};
	const struct value *f;
	int i;

	if (v->type != V_STRUCT || (f = field(v, "events")) == NULL)
		wrong("an event is not {events=, fd=}");
	ev.events = (uint32_t)number(f);
	for (i = 0; i < 4; i++)
		if ((f = field(v, names[i])) != NULL)
			ev.data.u64 = (uint64_t)number(f);
	return (ev);
}

static long long
do_epoll_ctl(void)
{
	struct epoll_event ev = event_of(arg(3));

	return (
	    after(R.pd.epoll_ctl(U, real_fd(arg(0)), (int)number(arg(1)), real_fd(arg(2)), &ev)));
}

static long long
do_epoll_wait(void)
{
	const struct value *v = arg(1), *k = v->type == V_LIST ? v->kids : v;
	struct epoll_event got[FDS_MAX], want;
	long long rc, i;
	int max = (int)number(arg(2));

	rc = after(R.pd.epoll_wait(
	    U, real_fd(arg(0)), got, max < FDS_MAX ? max : FDS_MAX, (int)number(arg(3))));
	for (i = 0; i < rc && k != NULL && k->type == V_STRUCT; i++, k = k->next) {
		want = event_of(k);
		if (want.events != got[i].events || want.data.u64 != got[i].data.u64)
			wrong("event %lld is %#x of %llu", i + 1, got[i].events,
			    (unsigned long long)got[i].data.u64);
	}
	return (rc);
}

static const struct {
	const char *name;
	long long (*fn)(void);
} calls[] = {
    {"socket", do_socket},
    {"bind", do_bind},
    {"listen", do_listen},
    {"accept", do_accept},
    {"connect", do_connect},
    {"read", do_read},
    {"write", do_write},
    {"recv", do_recv},
    {"send", do_send},
    {"recvfrom", do_recvfrom},
    {"sendto", do_sendto},
    {"readv", do_readv},
    {"writev", do_writev},
    {"sendmsg", do_sendmsg},
    {"recvmsg", do_recvmsg},
    {"fcntl", do_fcntl},
    {"ioctl", do_ioctl},
    {"close", do_close},
    {"shutdown", do_shutdown},
    {"getsockopt", do_getsockopt},
    {"setsockopt", do_setsockopt},
    {"poll", do_poll},
    {"epoll_create", do_epoll_create},
    {"epoll_ctl", do_epoll_ctl},
    {"epoll_wait", do_epoll_wait},
};

/* ---- making the call ---- */

static void
judge(long long rc)
{
	const struct value *want = &E->result;
	int wanted_error;

	if (want->type != V_DOTS && want->type != V_INT)
		wrong("'%s' is no result", want->s != NULL ? want->s : "this");
	if (want->type == V_INT && rc != want->n)
		wrong("returned %lld%s%s, expected %lld", rc, rc < 0 ? " " : "",
		    rc < 0 ? errno_name(error) : "", want->n);
	if (E->errnum != NULL && rc < 0 && errno_symbol(E->errnum, &wanted_error) &&
	    error != wanted_error)
		wrong("failed with %s (%d), expected %s", errno_name(error), error, E->errnum);
}

static void
make_call(void)
{
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(E->name, calls[i].name) == 0) {
			judge(calls[i].fn());
			return;
		}
	wrong("no such call here");
}

/* ---- calls that last ---- */

static pthread_t thread;
static struct event *lasting; /* the call, until it has been judged */
static volatile pid_t tid;
static volatile bool over;

static void *
lasting_main(void *a)
{
	const long long slack = R.script->config.tolerance;

	E = a;
	tid = (pid_t)syscall(SYS_gettid);
	make_call();
	if (ended < E->end - slack || ended > E->end + slack)
		wrong("it ended at %.6f s, expected %.6f s", (double)ended / 1e6,
		    (double)E->end / 1e6);
	over = true;
	return (NULL);
}

static bool
sleeps(void)
{
	char path[64], line[256] = "", *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return (false);
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	p = n > 0 ? strrchr(line, ')') : NULL;
	return (p != NULL && p[2] == 'S');
}

void
call_finish(void)
{
	if (lasting == NULL)
		return;
	pthread_join(thread, NULL);
	lasting = NULL;
}

void
run_call(struct event *e)
{
	if (lasting != NULL && run_now() >= lasting->end)
		call_finish(); /* its descriptor may be this one's */
	if (!e->blocking) {
		E = e;
		run_limit(true);
		make_call();
		run_limit(false);
		return;
	}
	call_finish();
	lasting = e;
	over = false;
	tid = 0;
	if (buffer == NULL)
		buffer = malloc(BUFFER);
	if (pthread_create(&thread, NULL, lasting_main, e) != 0)
		fail("no thread for the call");
	while (!over && (tid == 0 || !sleeps()))
		;
}
