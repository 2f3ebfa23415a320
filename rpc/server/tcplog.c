/*
 * tcplog.c - TCP's log on its way to a descriptor that alpinectl opened and handed over: alpined
 * itself opens no file.
 *
 * The stack says when the first record waits; a task at the end of that turn writes all there are.
 * What the descriptor does not take at once (a pipe whose reader is slow) waits in the stack's
 * ring, which drops and counts what does not fit; alpined never waits for it. A write that fails
 * ends the log, and the status tells why.
 *
 * Owns the descriptor and the text that is on its way. Requests: RPC_CTL_TCPLOG_START,
 * RPC_CTL_TCPLOG.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rpc/alpined/confine.h"
#include "rpc/server/server.h"
#include "rpc/server/tcplog.h"

#define TEXT_MAX (256 * 1024) /* bytes of one write */
#define WRITES_PER_TURN 8
#define WORDS_MAX 255

static int out_fd = -1;
static bool regular; /* writes to it neither fail with EAGAIN nor can be watched */
static bool ending;  /* stopped; what waits is still to be written */
static struct host_watch out_watch = {.w_fd = -1};
static struct host_task write_task;
static char text[TEXT_MAX];
static size_t text_len, text_pos;
static char words[WORDS_MAX + 1], file_name[256];
static char ended_why[128];	      /* why the last one ended by itself; "" it did not */
static struct bsd_tcplog_status last; /* of the one that is over */

static void
finish(void)
{
	bsd_tcplog_status(&last);
	last.on = false;
	last.dropped += last.waiting;
	last.records -= last.waiting;
	if (last.dropped > 0)
		log_line(4, "tcplog: %llu records were dropped (net.inet.tcp.log.records is %u)",
		    (unsigned long long)last.dropped, last.size);
	bsd_tcplog_free();
	host_task_cancel(&write_task);
	host_watch_del(&out_watch);
	close(out_fd);
	out_fd = -1;
	ending = false;
}

static void
give_up(int error)
{
	snprintf(ended_why, sizeof(ended_why), "%s",
	    error == EPIPE ? "the reader is gone" : strerror(error));
	log_line(error == EPIPE ? 6 : 4, "tcplog ended: %s", ended_why);
	finish();
}

/* 0: all is written; EAGAIN: there is more; another errno: it cannot be. */
static int
write_some(void)
{
	ssize_t n;

	for (int i = 0; i < WRITES_PER_TURN; i++) {
		if (text_pos == text_len) {
			text_pos = 0;
			text_len = bsd_tcplog_read(text, sizeof(text));
			if (text_len == 0)
				return (0);
		}
		n = write(out_fd, text + text_pos, text_len - text_pos);
		if (n < 0 && errno != EINTR)
			return (errno);
		if (n > 0)
			text_pos += (size_t)n;
	}
	return (EAGAIN);
}

static void
write_records(void *arg)
{
	int error;

	(void)arg;
	if (out_fd < 0)
		return;
	error = write_some();
	if (error == EAGAIN && regular)
		host_task_schedule(&write_task);
	else if (error == EAGAIN)
		(void)host_watch_mod(&out_watch, EPOLLOUT);
	else if (error != 0)
		give_up(error);
	else if (ending)
		finish();
	else if (!regular)
		(void)host_watch_mod(&out_watch, 0);
}

static void
out_ready(struct host_watch *w, uint32_t events)
{
	(void)w;
	if ((events & (EPOLLERR | EPOLLHUP)) != 0)
		give_up(EPIPE);
	else
		write_records(NULL);
}

static void
records_wait(void *arg)
{
	(void)arg;
	host_task_schedule(&write_task);
}

/* ---- requests ---- */

/* The descriptor as the log wants it; 0 or why not. */
static int
take_descriptor(int fd)
{
	struct stat st;
	int flags = fcntl(fd, F_GETFL);
	char link[32];
	ssize_t n;
	int error;

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0)
		return (EBADF);
	if (fstat(fd, &st) != 0)
		return (errno);
	regular = S_ISREG(st.st_mode);
	if (!regular && fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return (errno);
	snprintf(link, sizeof(link), "%d/fd/%d", (int)getpid(), fd);
	n = readlinkat(confine_proc_fd(), link, file_name, sizeof(file_name) - 1);
	file_name[n > 0 ? n : 0] = '\0';
	out_watch.w_fd = -1;
	error = regular ? 0 : host_watch_add(&out_watch, fd, 0, out_ready, NULL);
	if (error == EPERM) { /* no kind of file that could make one wait */
		regular = true;
		error = 0;
	}
	return (error);
}

int
ctl_tcplog_start(struct request *r)
{
	char why[128] = "";
	int error;

	if (!conn_privileged(r->r_conn))
		return (EPERM);
	if (r->r_head.m_len > WORDS_MAX || memchr(r->r_data, '\0', r->r_head.m_len) != NULL)
		return (BAD_REQUEST);
	if (out_fd >= 0)
		return (EBUSY);
	memcpy(words, r->r_data, r->r_head.m_len);
	words[r->r_head.m_len] = '\0';
	error = take_descriptor(r->r_fds[0]);
	if (error != 0)
		return (error);
	error = bsd_tcplog_start(words, records_wait, why, sizeof(why));
	if (error == 0 && regular && ftruncate(r->r_fds[0], 0) != 0 && errno != EINVAL)
		log_line(5, "tcplog: cannot empty %s: %s", file_name, strerror(errno));
	if (error != 0) {
		host_watch_del(&out_watch);
		if (why[0] == '\0')
			return (error);
		conn_printf(r->r_conn, "refused\t%s\n", why);
		r->r_text = true;
		return (0);
	}
	out_fd = r->r_fds[0];
	r->r_fds[0] = -1;
	text_len = text_pos = 0;
	ended_why[0] = '\0';
	write_task = (struct host_task){.t_fn = write_records};
	host_task_schedule(&write_task); /* the names of the columns, before any record */
	log_line(6, "tcplog to %s, asked for by pid %d (uid %u)", file_name, (int)r->r_conn->c_pid,
	    (unsigned)r->r_conn->c_uid);
	return (0);
}

static void
tell(struct conn *c)
{
	struct bsd_tcplog_status s = last;

	if (out_fd >= 0)
		bsd_tcplog_status(&s);
	conn_printf(c, "running\t%s\n", out_fd >= 0 && !ending ? "yes" : "no");
	if (file_name[0] != '\0')
		conn_printf(c, "file\t%s\n", file_name);
	if (words[0] != '\0')
		conn_printf(c, "options\t%s\n", words);
	conn_printf(c, "records\t%llu\n", (unsigned long long)s.records);
	conn_printf(c, "dropped\t%llu\n", (unsigned long long)s.dropped);
	if (out_fd >= 0)
		conn_printf(c, "waiting\t%u of %u\n", s.waiting, s.size);
	if (ended_why[0] != '\0')
		conn_printf(c, "ended\t%s\n", ended_why);
}

int
ctl_tcplog(struct request *r)
{
	bool stop = r->r_head.m_len == 4 && memcmp(r->r_data, "stop", 4) == 0;

	if (!stop && (r->r_head.m_len != 6 || memcmp(r->r_data, "status", 6) != 0))
		return (BAD_REQUEST);
	if (stop && !conn_privileged(r->r_conn))
		return (EPERM);
	if (stop && (out_fd < 0 || ending))
		return (ESRCH);
	if (stop) {
		bsd_tcplog_stop();
		ending = true;
		write_records(NULL);
	}
	tell(r->r_conn);
	r->r_text = true;
	return (0);
}

void
tcplog_finish(void)
{
	if (out_fd < 0)
		return;
	bsd_tcplog_stop();
	while (write_some() == EAGAIN && regular)
		;
	finish();
}
