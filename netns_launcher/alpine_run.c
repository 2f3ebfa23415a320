/*
 * alpine_run.c - alpine-run(1): runs a program on alpined's stack.
 *
 * Theory of operation. The child makes the namespaces and in them the sockets that are used
 * from outside: an abstract listener, which goes to alpined (RPC_ATTACH) and by which programs
 * find it wherever they go, and port 53 for the DNS stub. These travel to the launcher over a
 * socket pair; the launcher says go, and the child becomes PROGRAM, with everything else as the
 * caller left it. The launcher stays, runs the stub, passes signals on, and ends when the last
 * descendant has gone (it is a subreaper: daemons count), with PROGRAM's exit status.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "netns_launcher/run.h"
#include "netns_launcher/run_exec.h"

#ifndef ALPINE_VERSION
#define ALPINE_VERSION "unknown"
#endif

#define HELLO_PATIENCE_S 2   /* for the first one, before that is remarked on */
#define DAEMON_PATIENCE_S 10 /* for a reply of alpined, once programs run */

enum run_verbosity run_verbosity = RUN_NORMAL;

static void
say(const char *fmt, va_list ap)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, ap);
	dprintf(STDERR_FILENO, "alpine-run: %s\n", line);
}

void
run_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

void
run_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (run_verbosity > RUN_QUIET)
		say(fmt, ap);
	va_end(ap);
}

void
run_debug(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (run_verbosity >= RUN_DEBUG)
		say(fmt, ap);
	va_end(ap);
}

/* --- the command line --- */

struct options {
	const char *name; /* of the daemon, or its socket's path */
	struct run_resolv resolv;
	int ready_fd; /* -1: none */
	bool die_with_parent;
	const char *pcap; /* a file, or NULL */
	char **program;
};

static void
usage(FILE *to)
{
	fputs("usage: alpine-run [OPTIONS] [--] [PROGRAM [ARG...]]\n"
	      "Runs PROGRAM (default: $SHELL) on the network stack of alpined.\n"
	      "  -n, --name NAME      the alpined of that name (default: " RPC_DEFAULT_NAME ")\n"
	      "      --socket PATH    the alpined that listens there\n"
	      "      --dns ADDRESS    ask this name server; may be repeated\n"
	      "      --ready-fd N     write a line to descriptor N when PROGRAM starts\n"
	      "      --pcap FILE      write what the stack's interface carries meanwhile\n"
	      "      --die-with-parent  kill everything when alpine-run's parent goes\n"
	      "  -q, --quiet          no warnings\n"
	      "  -d, --debug          tell what is done\n"
	      "      --version, --help\n"
	      "Exit status: PROGRAM's; 128+N if signal N ended it; 125 alpine-run failed;\n"
	      "126 PROGRAM cannot be executed; 127 PROGRAM not found. See alpine-run(1).\n",
	    to);
}

enum { OPT_SOCKET = 256, OPT_DNS, OPT_READY_FD, OPT_DIE, OPT_PCAP, OPT_VERSION };

static const struct option long_options[] = {
    {"name", required_argument, NULL, 'n'},
    {"socket", required_argument, NULL, OPT_SOCKET},
    {"dns", required_argument, NULL, OPT_DNS},
    {"ready-fd", required_argument, NULL, OPT_READY_FD},
    {"die-with-parent", no_argument, NULL, OPT_DIE},
    {"pcap", required_argument, NULL, OPT_PCAP},
    {"quiet", no_argument, NULL, 'q'},
    {"debug", no_argument, NULL, 'd'},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void
add_server(struct run_resolv *r, const char *address)
{
	const int error = run_resolv_add(r, address);

	if (error == 0)
		return;
	if (error == -ENOSPC)
		run_error("--dns %s: more than %d name servers: libc's resolver asks no more; "
			  "leave one out",
		    address, RUN_SERVERS);
	else
		run_error("--dns %s: not an IPv4 address; write it as 10.11.12.13", address);
	exit(RUN_EXIT_FAILED);
}

static int
parse_fd(const char *text)
{
	char *end;
	long fd = strtol(text, &end, 10);

	if (*text == '\0' || *end != '\0' || fd < 0 || fd > 1 << 20 ||
	    fcntl((int)fd, F_GETFD) < 0) {
		run_error("--ready-fd %s: not an open descriptor's number; open it, as in: "
			  "alpine-run --ready-fd 3 PROGRAM 3>FILE",
		    text);
		exit(RUN_EXIT_FAILED);
	}
	fcntl((int)fd, F_SETFD, FD_CLOEXEC);
	return (int)fd;
}

static void
parse_options(int argc, char **argv, struct options *o)
{
	static char *shell[2];
	int c;

	while ((c = getopt_long(argc, argv, "+n:qdh", long_options, NULL)) != -1) {
		switch (c) {
		case 'n':
		case OPT_SOCKET:
			o->name = optarg;
			break;
		case OPT_DNS:
			add_server(&o->resolv, optarg);
			break;
		case OPT_READY_FD:
			o->ready_fd = parse_fd(optarg);
			break;
		case OPT_DIE:
			o->die_with_parent = true;
			break;
		case OPT_PCAP:
			o->pcap = optarg;
			break;
		case 'q':
			run_verbosity = RUN_QUIET;
			break;
		case 'd':
			run_verbosity = RUN_DEBUG;
			break;
		case OPT_VERSION:
			printf("alpine-run %s\n", ALPINE_VERSION);
			exit(0);
		case 'h':
			usage(stdout);
			exit(0);
		default:
			fputs("Try 'alpine-run --help'.\n", stderr);
			exit(RUN_EXIT_FAILED);
		}
	}
	o->program = argv + optind;
	if (*o->program == NULL) {
		shell[0] = getenv("SHELL");
		if (shell[0] == NULL || *shell[0] == '\0')
			shell[0] = (char *)(uintptr_t) "/bin/sh";
		o->program = shell;
	}
}

/* --- child and launcher, before PROGRAM runs --- */

struct verdict { /* the child's, with the sockets of the namespace */
	int32_t failed;
	int32_t device;	 /* its descriptor comes after them */
	int32_t capture; /* and this one's last */
	char why[256];
};
#define SOCKETS_MAX (3 + 2 * RUN_SERVERS)
#define ROUTES_MAX 8192 /* bytes of the report that are looked at */

static int
send_verdict(int to, const struct verdict *v, const struct run_sockets *s, unsigned nservers)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * SOCKETS_MAX)];
		struct cmsghdr align;
	} control = {{0}};
	struct iovec iov = {(void *)(uintptr_t)v, sizeof(*v)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int fds[SOCKETS_MAX], n = 0;
	unsigned i;

	if (v->failed == 0) {
		fds[n++] = s->listener;
		for (i = 0; i < nservers; i++) {
			fds[n++] = s->udp[i];
			fds[n++] = s->tcp[i];
		}
		if (v->device)
			fds[n++] = s->device;
		if (v->capture)
			fds[n++] = s->capture;
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)n);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int) * (size_t)n);
		memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * (size_t)n);
	}
	return sendmsg(to, &msg, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static int
receive_verdict(int from, struct verdict *v, struct run_sockets *s, unsigned nservers)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * SOCKETS_MAX)];
		struct cmsghdr align;
	} control;
	struct iovec iov = {v, sizeof(*v)};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	unsigned want, i;
	int fds[SOCKETS_MAX];

	if (recvmsg(from, &msg, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(*v)) {
		snprintf(v->why, sizeof(v->why), "the child ended early");
		return -1;
	}
	v->why[sizeof(v->why) - 1] = '\0';
	if (v->failed != 0)
		return -1;
	want = 1 + 2 * nservers + (v->device != 0) + (v->capture != 0);
	if (CMSG_FIRSTHDR(&msg) == NULL || control.align.cmsg_len != CMSG_LEN(sizeof(int) * want)) {
		snprintf(v->why, sizeof(v->why), "too many open files: raise it: ulimit -n 1024");
		return -1;
	}
	memcpy(fds, CMSG_DATA(&control.align), sizeof(int) * want);
	s->listener = fds[0];
	s->device = v->device ? fds[1 + 2 * nservers] : -1;
	s->capture = v->capture ? fds[want - 1] : -1;
	for (i = 0; i < nservers; i++) {
		s->udp[i] = fds[1 + 2 * i];
		s->tcp[i] = fds[2 + 2 * i];
	}
	return 0;
}

/* The child's whole life until it is PROGRAM. */
static _Noreturn void
child_main(const struct options *o, const struct rpc_hello_reply *hello, const char *routes,
    int sync, const struct run_before *before)
{
	struct run_sockets sockets;
	struct verdict v = {0};
	char go;

	v.failed = run_ns_enter(v.why, sizeof(v.why)) != 0 ||
		   run_ns_network(hello, routes, &o->resolv, &sockets, v.why, sizeof(v.why)) != 0 ||
		   run_ns_files(&o->resolv, v.why, sizeof(v.why)) != 0;
	v.device = v.failed == 0 && sockets.device >= 0;
	if (v.failed == 0 && o->pcap != NULL) {
		sockets.capture = sockets.device < 0 ? -1 : run_pcap_socket(hello->h_ifname);
		v.capture = sockets.capture >= 0;
		v.failed = !v.capture;
		if (v.failed)
			snprintf(v.why, sizeof(v.why),
			    "--pcap: no device to look at in the namespace: may this user open "
			    "/dev/net/tun? --debug tells");
	}
	if (send_verdict(sync, &v, &sockets, o->resolv.nservers) != 0 || v.failed != 0 ||
	    recv(sync, &go, 1, 0) != 1)
		_exit(RUN_EXIT_FAILED);
	if (o->die_with_parent)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	run_exec(before, o->program);
}

/* 0, or -1 with the reason said. */
static int
prepare(const struct options *o, struct rpc_client *c, int sync, struct run_sockets *sockets)
{
	struct timeval patience = {.tv_sec = DAEMON_PATIENCE_S};
	struct verdict v;
	int error;

	if (receive_verdict(sync, &v, sockets, o->resolv.nservers) != 0) {
		run_error("%s", v.why);
		return -1;
	}
	error = rpc_ask(c, RPC_ATTACH, sockets->listener, NULL, 0, NULL, 0, 0, NULL);
	close(sockets->listener);
	if (error != 0) {
		run_error("alpined does not take the namespace: %s",
		    strerror(error < 0 ? -error : error));
		return -1;
	}
	if (sockets->device >= 0) {
		error = rpc_ask(c, RPC_MIRROR, sockets->device, NULL, 0, NULL, 0, 0, NULL);
		close(sockets->device);
		if (error != 0)
			run_debug("packet sockets will see nothing: %s",
			    strerror(error < 0 ? -error : error));
	}
	if (o->pcap != NULL) {
		error = rpc_ask(c, RPC_CAPTURE, -1, NULL, 0, NULL, 0, 0, NULL);
		if (error == 0 && run_pcap_start(sockets->capture) < 0)
			error = errno;
		if (error != 0) {
			run_error("--pcap: %s%s", strerror(error < 0 ? -error : error),
			    error == EPERM
				? ": it shows all that the stack carries; run it as root, "
				  "or as the user who started alpined"
				: "");
			return -1;
		}
	}
	/* The launcher must not hang with a daemon that is stopped: programs' names can wait. */
	setsockopt(c->c_fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return 0;
}

static int
keep_text(void *arg, const char *text, size_t len)
{
	char *routes = arg;
	size_t used = strlen(routes);

	if (len < ROUTES_MAX - used) {
		memcpy(routes + used, text, len);
		routes[used + len] = '\0';
	}
	return 0;
}

/*
 * What is not PROGRAM's: who reads what we say may go without taking us along, and the name stub's
 * sockets are bounded by what it says itself.
 */
static void
launcher_only(void)
{
	struct rlimit limit;

	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void
tell_ready(int fd)
{
	if (fd < 0)
		return;
	if (write(fd, "ready\n", 6) != 6)
		run_warn("--ready-fd: %s", strerror(errno));
	close(fd);
}

/* --- while programs run --- */

struct family {
	pid_t program;
	int status;   /* of PROGRAM, as wait() said; -1: it runs */
	pid_t parent; /* --die-with-parent: whose end is ours; 0: nobody's */
	bool doomed;  /* it came: whoever turns up is killed */
};

/* Every direct child; grandchildren become direct children as their parents go. */
static void
kill_children(int sig)
{
	char path[64];
	FILE *f;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "re");
	if (f == NULL)
		return;
	while (fscanf(f, "%d", &pid) == 1)
		kill(pid, sig);
	fclose(f);
}

/* False: nobody is left. */
static bool
reap(struct family *f)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0) {
		if (pid != f->program)
			continue;
		if (!WIFSTOPPED(status))
			f->status = status;
		else if (WSTOPSIG(status) != SIGSTOP)
			raise(
			    SIGSTOP); /* the shell sees one job: it stopped; SIGCONT comes to all */
	}
	return pid == 0;
}

/*
 * What the terminal sends goes to the whole process group, PROGRAM is in it and has it already.
 * What somebody sends to the launcher alone is meant for PROGRAM.
 */
static void
pass_on(struct family *f, const struct signalfd_siginfo *si)
{
	int sig = (int)si->ssi_signo;

	if (f->parent != 0 && getppid() != f->parent) {
		f->doomed = true;
		return;
	}
	if (si->ssi_code == SI_KERNEL)
		return;
	if (f->status < 0)
		kill(f->program, sig);
	else
		kill_children(sig); /* PROGRAM has ended, its daemons go on */
}

static const int passed_signals[] = {
    SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGTSTP, SIGCONT, SIGWINCH};

static void
signals_wanted(sigset_t *set)
{
	size_t i;

	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	for (i = 0; i < sizeof(passed_signals) / sizeof(passed_signals[0]); i++)
		sigaddset(set, passed_signals[i]);
}

/* From now on; a descriptor that tells of signals, or -1. */
static int
become_reaper(struct family *f, bool die_with_parent)
{
	sigset_t wanted;

	signals_wanted(&wanted);
	sigprocmask(SIG_BLOCK, &wanted, NULL);
	signal(SIGCHLD, SIG_DFL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (die_with_parent) {
		f->parent = getppid();
		prctl(PR_SET_PDEATHSIG, SIGUSR2);
	}
	return signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int
attend(struct family *f, int signals, int dns, int capture)
{
	struct pollfd fds[3] = {{.fd = signals, .events = POLLIN}, {.fd = dns, .events = POLLIN},
	    {.fd = capture, .events = POLLIN}};
	struct signalfd_siginfo si;

	while (reap(f)) {
		if (f->doomed)
			kill_children(SIGKILL);
		if (poll(fds, 3, dns_stub_timeout_ms()) < 0 && errno != EINTR)
			break;
		while (read(signals, &si, sizeof(si)) == (ssize_t)sizeof(si))
			if (si.ssi_signo != SIGCHLD)
				pass_on(f, &si);
		dns_stub_work();
		if ((fds[2].revents & POLLIN) != 0)
			run_pcap_work();
		else if (fds[2].revents != 0)
			fds[2].fd = -1;
	}
	run_pcap_end();
	if (WIFSIGNALED(f->status))
		return 128 + WTERMSIG(f->status);
	return WIFEXITED(f->status) ? WEXITSTATUS(f->status) : RUN_EXIT_FAILED;
}

/* It may be stopped at a debugger's breakpoint: that is said, and waited for. */
static void
still_waiting(int sig)
{
	static const char text[] = "alpine-run: alpined does not answer yet: is it stopped (ps), "
				   "or in a debugger? Ctrl-C gives up\n";
	int saved = errno;

	(void)sig;
	if (run_verbosity > RUN_QUIET)
		(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	errno = saved;
}

/* A timer and a signal that nobody else has: alarm(2)'s are PROGRAM's. */
static int
say_hello(struct rpc_client *c, const char *name, struct rpc_hello_reply *hello, char *why,
    size_t whysize)
{
	const struct itimerspec patience = {.it_value.tv_sec = HELLO_PATIENCE_S};
	struct sigaction act = {.sa_handler = still_waiting, .sa_flags = SA_RESTART}, before;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGURG};
	timer_t timer;
	bool timed;
	int error;

	sigaction(SIGURG, &act, &before);
	timed = timer_create(CLOCK_MONOTONIC, &event, &timer) == 0;
	if (timed)
		timer_settime(timer, 0, &patience, NULL);
	error = rpc_client_start(c, name, RPC_KIND_LAUNCHER, hello, why, whysize);
	if (timed)
		timer_delete(timer);
	sigaction(SIGURG, &before, NULL);
	return error;
}

static void
no_daemon(const char *name, const char *why, int error)
{
	if (error == -EACCES)
		run_error("cannot reach alpined (%s): ask as the user who started it, as root, or "
			  "as one of "
			  "the socket's group (alpined --group)",
		    why);
	else if (error == -EPROTO || error == -EINVAL)
		run_error("%s", why);
	else if (name != NULL && strchr(name, '/') != NULL)
		run_error("cannot reach alpined (%s): start it with: alpined --socket PATH eth0 "
			  "ADDRESS/PREFIX",
		    why);
	else
		run_error(
		    "cannot reach alpined (%s): start it with: alpined%s%s eth0 ADDRESS/PREFIX",
		    why, name != NULL ? " --name " : "", name != NULL ? name : "");
}

int
main(int argc, char **argv)
{
	static struct options o = {.ready_fd = -1};
	static char routes[ROUTES_MAX];
	struct rpc_client client = RPC_CLIENT_INIT;
	struct family family = {.status = -1};
	struct rpc_hello_reply hello;
	struct run_sockets sockets;
	struct run_before before;
	int sync[2], error, signals;
	char why[256];

	parse_options(argc, argv, &o);
	if (run_before_save(&before, why, sizeof(why)) != 0) {
		run_error("%s", why);
		return RUN_EXIT_FAILED;
	}
	if (o.pcap != NULL && run_pcap_open(o.pcap, why, sizeof(why)) != 0) {
		run_error("%s", why);
		return RUN_EXIT_FAILED;
	}
	error = say_hello(&client, o.name, &hello, why, sizeof(why));
	if (error != 0) {
		no_daemon(o.name, why, error);
		return RUN_EXIT_FAILED;
	}
	if (rpc_ask_text(&client, RPC_CTL_REPORT, "routes", keep_text, routes) != 0)
		routes[0] = '\0';
	run_debug("alpined '%s' %s on %s", hello.h_instance, hello.h_version, hello.h_ifname);
	run_resolv_complete(&o.resolv, &hello);
	if (o.resolv.nservers == 0)
		run_debug("no name server: give one with --dns ADDRESS");

	signals = become_reaper(&family, o.die_with_parent);
	if (signals < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync) != 0) {
		run_error("cannot start: %s", strerror(errno));
		return RUN_EXIT_FAILED;
	}
	family.program = fork();
	if (family.program == 0) {
		close(sync[0]);
		child_main(&o, &hello, routes, sync[1], &before);
	}
	close(sync[1]);
	if (family.program < 0) {
		run_error("cannot fork: %s", strerror(errno));
		return RUN_EXIT_FAILED;
	}
	launcher_only();
	if (prepare(&o, &client, sync[0], &sockets) != 0) {
		close(sync[0]);
		waitpid(family.program, NULL, 0);
		return RUN_EXIT_FAILED;
	}
	error = dns_stub_start(&client, &o.resolv, &sockets);
	if (send(sync[0], "g", 1, MSG_NOSIGNAL) == 1)
		tell_ready(o.ready_fd);
	close(sync[0]);
	return attend(&family, signals, error, o.pcap != NULL ? sockets.capture : -1);
}
