/*
 * keeper.c - a process that attaches the stack, and undoes that when alpined is gone, however it
 * went.
 *
 * alpined gives up its privileges and its network namespace once it stands, so it can neither take
 * the bridge apart nor mend it; and after SIGKILL nobody could. So a child, forked before the
 * first change, does all changes to the machine's network. It keeps the privileges, ignores
 * signals, watches the links, and ends what it did when the socket to alpined closes. It keeps no
 * other descriptor of alpined's but stderr: a TAP that it held would not go away. What has to be
 * opened in the machine's namespace (a macvtap, a packet socket), it opens and hands over.
 * If both are killed, the state file (tapbridge/attach) is there for `alpined --restore`.
 *
 * alpined's half owns the socket and the child's id; the keeper's half owns the attachment.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel_glue/include/host/host.h"
#include "rpc/alpined/confine.h"
#include "rpc/alpined/keeper.h"

#define WAIT_MS 30000 /* for the undoing */

static int control_fd = -1;
static pid_t keeper_pid;

/* ---- the keeper ---- */

static void
close_all_but(int keep)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int fd;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		fd = atoi(entry->d_name);
		if (entry->d_name[0] != '.' && fd != keep && fd > STDERR_FILENO && fd != dirfd(dir))
			close(fd);
	}
	closedir(dir);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		(void)dup2(fd, STDIN_FILENO);
		(void)dup2(fd, STDOUT_FILENO);
		close(fd);
	}
}

static void
set_up_keeper(int fd)
{
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		if (sig != SIGCHLD)
			signal(sig, SIG_IGN);
	(void)setsid();
	(void)prctl(PR_SET_NAME, "alpined-keeper");
	close_all_but(fd);
}

/* What it takes to attach so, to mend that, and to undo it; the device of a macvtap is a node. */
static void
give_up_privileges(enum attach_mode mode)
{
	static const int admin[] = {CAP_NET_ADMIN};
	static const int packet[] = {CAP_NET_ADMIN, CAP_NET_RAW};
	static const int device[] = {CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_MKNOD, CAP_DAC_OVERRIDE};
	int error;

	if (mode == ATTACH_PACKET)
		error = confine_keeper(packet, 2);
	else if (mode == ATTACH_MACVTAP)
		error = confine_keeper(device, 4);
	else
		error = confine_keeper(admin, 1);
	if (error != 0)
		host_log(4, "alpined-keeper cannot give up the privileges that it does not need");
}

/* With told->fd, which is closed here then. */
static void
tell(int fd, struct keeper_told *told)
{
	char room[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {told, sizeof(*told)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	struct cmsghdr *c;

	if (told->fd >= 0) {
		msg.msg_control = room;
		msg.msg_controllen = sizeof(room);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &told->fd, sizeof(int));
	}
	if (sendmsg(fd, &msg, MSG_NOSIGNAL) < 0) {
		/* alpined is gone; the loop sees that */
	}
	if (told->fd >= 0)
		close(told->fd);
}

static bool
gives_descriptor(const struct attach_spec *spec)
{
	return (spec->mode == ATTACH_MACVTAP || spec->mode == ATTACH_PACKET);
}

/* Attached, and open. NULL: neither. */
static struct attachment *
attach(const struct attach_spec *spec, struct keeper_told *told)
{
	struct attachment *a = attach_begin(spec, &told->error);
	struct link_error le;

	if (a != NULL && gives_descriptor(spec)) {
		told->fd = attach_open(a, &told->error);
		if (told->fd < 0) {
			(void)attach_end(a, &le);
			a = NULL;
		}
	}
	if (a == NULL)
		return (NULL);
	told->attached = true;
	snprintf(told->bridge, sizeof(told->bridge), "%s", attach_bridge(a));
	snprintf(told->tap, sizeof(told->tap), "%s", attach_tap(a));
	return (a);
}

static void
watch_links(struct attachment *a, const struct attach_spec *spec, int fd, bool *carrier)
{
	struct keeper_told told = {.attached = true, .fd = -1};
	bool before = *carrier, renewed;

	attach_watch_event(a, &told.carrier, &renewed);
	*carrier = told.carrier;
	if (renewed && gives_descriptor(spec)) {
		told.fd = attach_open(a, &told.error);
		if (told.fd < 0)
			host_log(3, told.error.text);
	}
	if (told.carrier == before && told.fd < 0)
		return;
	snprintf(told.bridge, sizeof(told.bridge), "%s", attach_bridge(a));
	snprintf(told.tap, sizeof(told.tap), "%s", attach_tap(a));
	tell(fd, &told);
}

/* Until alpined is gone. */
static void
keep_watching(struct attachment *a, const struct attach_spec *spec, int fd)
{
	struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.events = POLLIN}};
	bool carrier = true;
	char byte;

	p[1].fd = attach_watch(a);
	if (p[1].fd >= 0)
		watch_links(a, spec, fd, &carrier); /* what it is like now */
	for (;;) {
		if (poll(p, 2, attach_watch_timeout(a)) < 0)
			continue;
		if (p[0].revents != 0 && recv(fd, &byte, 1, MSG_DONTWAIT) <= 0)
			return;
		watch_links(a, spec, fd, &carrier);
	}
}

static void
keep(int fd, const char *fault)
{
	struct keeper_told told = {.carrier = true, .fd = -1};
	struct link_error le = {.text = ""};
	struct attachment *a;
	struct attach_spec spec;
	char line[600];

	set_up_keeper(fd);
	if (fault != NULL)
		(void)attach_set_fault(fault);
	if (recv(fd, &spec, sizeof(spec), 0) != sizeof(spec))
		_exit(0);
	give_up_privileges(spec.mode);
	a = attach(&spec, &told);
	tell(fd, &told);
	if (a == NULL)
		_exit(0);
	keep_watching(a, &spec, fd);
	if (attach_end(a, &le) == 0)
		_exit(0);
	snprintf(line, sizeof(line), "%s%s%s", le.text, le.hint[0] != '\0' ? "; " : "", le.hint);
	host_log(3, line);
	_exit(1);
}

/* ---- alpined ---- */

int
keeper_start(const char *fault)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return (errno);
	fflush(NULL);
	keeper_pid = fork();
	if (keeper_pid == 0) {
		close(ends[1]);
		keep(ends[0], fault);
	}
	close(ends[0]);
	if (keeper_pid < 0) {
		close(ends[1]);
		return (errno);
	}
	control_fd = ends[1];
	return (0);
}

/* What recvmsg() returns; a descriptor that came is told->fd. */
static ssize_t
receive(struct keeper_told *told, int flags)
{
	char room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {told, sizeof(*told)};
	struct msghdr msg = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
	ssize_t n = recvmsg(control_fd, &msg, flags | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	told->fd = -1;
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&told->fd, CMSG_DATA(c), sizeof(int));
	return (n);
}

int
keeper_attach(const struct attach_spec *spec, struct keeper_told *told)
{
	ssize_t n = -1;

	if (send(control_fd, spec, sizeof(*spec), MSG_NOSIGNAL) == sizeof(*spec))
		do
			n = receive(told, 0);
		while (n < 0 && errno == EINTR);
	if (n != sizeof(*told)) {
		memset(told, 0, sizeof(*told));
		told->fd = -1;
		snprintf(told->error.text, sizeof(told->error.text),
		    "the process that attaches has died");
		snprintf(told->error.hint, sizeof(told->error.hint), "type: alpined --restore");
	}
	return (told->attached ? 0 : -1);
}

int
keeper_fd(void)
{
	return (control_fd);
}

int
keeper_event(struct keeper_told *told)
{
	ssize_t n = receive(told, MSG_DONTWAIT);

	if (n == sizeof(*told))
		return (1);
	return (n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1);
}

void
keeper_finish(void)
{
	int waited;

	if (control_fd < 0)
		return;
	close(control_fd);
	control_fd = -1;
	for (waited = 0; waited < WAIT_MS; waited += 5) {
		if (waitpid(keeper_pid, NULL, WNOHANG) != 0)
			return;
		(void)poll(NULL, 0, 5);
	}
}
