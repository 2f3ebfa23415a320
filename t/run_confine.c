/*
 * run_confine.c - what is left to a process that went through rpc/alpined/confine.c, tried from
 * inside: a child for each attempt, confined as alpined is, and how it ended.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rpc/alpined/confine.h"
#include "t/lib/tap.h"

#define SIGNALLED 1000 /* an attempt's result: killed by SIGNALLED + signal */

extern void __asan_init(void) __attribute__((weak));

static struct confine_user user;

/* Each attempt: 0 it went well, or the errno. */
typedef int attempt_fn(void);

static int
result(long r)
{
	return (r < 0 ? errno : 0);
}

static int
try_open(void)
{
	return (result(open("/etc/passwd", O_RDONLY)));
}

static int
try_proc(void)
{
	return (result(openat(confine_proc_fd(), "self/uid_map", O_RDONLY)));
}

static int
try_proc_write(void)
{
	return (result(openat(confine_proc_fd(), "self/comm", O_WRONLY)));
}

static int
try_absolute(void)
{
	return (result(openat(confine_proc_fd(), "/etc/passwd", O_RDONLY)));
}

static int
try_upward(void)
{
	return (result(openat(confine_proc_fd(), "../../../etc/passwd", O_RDONLY)));
}

static int
try_others_root(void)
{
	return (result(openat(confine_proc_fd(), "1/root/etc/passwd", O_RDONLY)));
}

static int
try_own_root(void)
{
	return (result(openat(confine_proc_fd(), "self/root/etc/passwd", O_RDONLY)));
}

static int
try_socket(void)
{
	return (result(socket(AF_INET, SOCK_DGRAM, 0)));
}

static int
try_kill(void)
{
	return (result(kill(getpid(), 0)));
}

static int
try_exec(void)
{
	char *const argv[] = {NULL};

	return (result(execve("/bin/true", argv, argv)));
}

static int
try_ptrace(void)
{
	return (result(ptrace(PTRACE_TRACEME, 0, NULL, NULL)));
}

static int
try_setuid(void)
{
	return (result(setuid(0)));
}

static int
try_unshare(void)
{
	return (result(syscall(SYS_unshare, 0)));
}

static void *
nothing(void *arg)
{
	return (arg);
}

static int
try_thread(void)
{
	pthread_t t;

	return (pthread_create(&t, NULL, nothing, NULL));
}

/* What the loop does all day. */
static int
try_work(void)
{
	int pair[2], ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = {.events = EPOLLIN};
	char byte = 0;
	void *p;

	if (ep < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, pair[0], &ev) != 0 || send(pair[1], "x", 1, 0) != 1 ||
	    epoll_wait(ep, &ev, 1, 1000) != 1 || recv(pair[0], &byte, 1, 0) != 1 || byte != 'x')
		return (errno);
	p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || munmap(p, 1 << 20) != 0)
		return (errno);
	p = malloc(4 << 20);
	if (p == NULL)
		return (errno);
	free(p);
	return (close(pair[0]) | close(pair[1]));
}

static int
try_caps(void)
{
	cap_t caps = cap_get_proc();
	char *text = caps != NULL ? cap_to_text(caps, NULL) : NULL;

	return (text != NULL && strcmp(text, "=") == 0 ? 0 : EPERM);
}

static int
confine_child(void)
{
	int error;

	(void)confine_proc_fd();
	error = confine_namespace();
	if (error == 0)
		error = confine_filesystem();
	if (error == 0)
		error = confine_privileges(&user);
	if (error == 0)
		error = confine_system_calls();
	return (error);
}

static int
in_child(attempt_fn *fn)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		if (confine_child() != 0)
			_exit(255);
		_exit(fn());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return (-1);
	return (WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status));
}

static int
in_keeper(attempt_fn *fn, int (*confine)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(confine() != 0 ? 255 : fn());
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return (-1);
	return (WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status));
}

static int
keeper(void)
{
	static const int admin[] = {CAP_NET_ADMIN};

	return (confine_keeper(admin, 1));
}

static int
try_keeper_caps(void)
{
	cap_t caps = cap_get_proc();
	char *text = caps != NULL ? cap_to_text(caps, NULL) : NULL;

	return (text != NULL && strcmp(text, "cap_net_admin=ep") == 0 ? 0 : EPERM);
}

static void
test_root(void)
{
	is_int(in_child(try_open), EPERM, "no file is opened");
	is_int(in_child(try_proc), 0, "but what others' privileges are is read from /proc");
	is_int(in_child(try_proc_write), EPERM, "not written");
	is_int(in_child(try_absolute), ENOENT, "an absolute name leads nowhere");
	is_int(in_child(try_upward), ENOENT, "nor does the way up from /proc");
	is_int(in_child(try_others_root), EACCES, "nor another process's root");
	is_int(in_child(try_own_root), ENOENT, "and its own is empty");
}

static void
test_deadly(void)
{
	is_int(in_child(try_exec), SIGNALLED + SIGSYS, "another program kills");
	is_int(in_child(try_ptrace), SIGNALLED + SIGSYS, "ptrace kills");
	is_int(in_child(try_setuid), SIGNALLED + SIGSYS, "setuid kills");
	is_int(in_child(try_unshare), SIGNALLED + SIGSYS, "a new namespace kills");
}

static void
test_sanitized(void)
{
	is_int(in_child(try_open), 0, "a sanitizer may open files to read");
	is_int(in_child(try_exec), EPERM, "no other program is started");
	is_int(in_child(try_ptrace), EPERM, "ptrace is refused");
}

int
main(void)
{
	struct confine_user none;

	if (geteuid() != 0)
		return (tap_skip_all("needs root, or a user namespace"));
	ok(!confine_find_user("no-such-user", "x", &none), "an unknown user is told");
	ok(confine_find_user("61190", "x", &user) && user.uid == 61190, "a number is one");
	ok(confine_find_user(NULL, "x", &user) && user.uid != 0, "by default nobody's");
	if (in_child(try_work) == 255) {
		user.change = false; /* a user namespace that knows one user only */
		if (in_child(try_work) == 255)
			return (tap_skip_all("cannot be confined here"));
	}
	is_int(in_child(try_work), 0, "what the loop does goes on");
	is_int(in_child(try_caps), 0, "no capability is left");
	is_int(in_child(try_socket), EPERM, "no socket of the machine's network");
	if (__asan_init == NULL) {
		is_int(in_child(try_kill), EPERM, "no signal to anybody");
		is_int(in_child(try_thread), EPERM, "no new thread");
		test_root();
		test_deadly();
	} else {
		test_sanitized();
	}
	is_int(in_keeper(try_keeper_caps, keeper), 0, "the keeper keeps what it names, alone");
	if (__asan_init == NULL)
		is_int(in_keeper(try_socket, confine_sweeper), SIGNALLED + SIGSYS,
		    "the sweeper makes no socket");
	return (tap_done());
}
