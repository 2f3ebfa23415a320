/* process.c - rows 2, 16, 22, 23, 25: processes of every kind, and calls that skip libc's table. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "t/pitfalls/pitfalls.h"

static int
child_listen_fds(void)
{
	int c = accept4(3, NULL, NULL, SOCK_CLOEXEC), on = 0;
	socklen_t len = sizeof(on);

	if (getsockopt(3, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) != 0 || on != 1)
		return (2);
	return (c >= 0 && write(c, "served", 6) == 6 ? 0 : 1);
}

int
pitfalls_child(int argc, char **argv)
{
	const char *fd = getenv("PITFALLS_FD");

	(void)argc;
	if (strcmp(argv[0], "stdin-echo") == 0)
		return (echoes(0, "inetd") ? 0 : 1);
	if (strcmp(argv[0], "listen-fds") == 0)
		return (child_listen_fds());
	if (strcmp(argv[0], "there") == 0)
		return (fd != NULL && echoes(atoi(fd), "there") ? 0 : 1);
	if (strcmp(argv[0], "not-there") == 0)
		return (fd != NULL && fcntl(atoi(fd), F_GETFD) == -1 && errno == EBADF ? 0 : 1);
	return (2);
}

/* ---- 2: children that share more or less of their parent */

static int clone_result;

static int
in_a_clone(void *arg)
{
	int fd;

	(void)arg;
	fd = dial(PORT_ECHO);
	clone_result = echoes(fd, "clone") ? 1 : 2;
	close(fd);
	_exit(0);
}

static void
children(void)
{
	static char stack[1 << 18] __attribute__((aligned(16)));
	int fd = dial(PORT_ECHO), pid, ok_children = 0;
	volatile int seen = 0;

	/* NOLINTNEXTLINE(clang-analyzer-security.insecureAPI.vfork): it is what is tried */
	if ((pid = vfork()) == 0) /* NOLINTNEXTLINE(clang-analyzer-unix.Vfork): so it is */
		_exit(fcntl(fd, F_GETFD) >= 0 ? 0 : 1);
	is_int(exit_status(pid), 0, "2: vfork");
	ok(echoes(fd, "vfork"), "2: the parent after a vfork");
	pid = clone(in_a_clone, stack + sizeof(stack), CLONE_VM | SIGCHLD, NULL);
	is_int(exit_status(pid), 0, "2: clone(CLONE_VM)");
	is_int(clone_result, 1, "2: the child's own connection, in its parent's memory");
	ok(echoes(fd, "after"), "2: the parent after it");
	close(dial(PORT_ECHO));
	for (int i = 0; i < 10; i++) {
		if ((pid = fork()) == 0) {
			int grandchild = fork();

			if (grandchild == 0)
				_exit(echoes(dial(PORT_ECHO), "grand") ? 0 : 1);
			_exit(exit_status(grandchild) == 0 && echoes(dial(PORT_ECHO), "child") ? 0
											       : 1);
		}
		ok_children += exit_status(pid) == 0;
	}
	is_int(ok_children, 10, "2: children and grandchildren with connections of their own");
	seen = echoes(fd, "parent");
	ok(seen, "2: the parent goes on");
	close(fd);
}

static int
connect_and_echo(const char *word)
{
	int fd = dial(PORT_ECHO), one = 1;
	bool good =
	    echoes(fd, word) && setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)) == 0;

	close(fd);
	return (good ? 0 : 1);
}

/* ---- 22: what servers do to their children before they let them near a client */

static void
confined(void)
{
	struct sock_filter allow[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 4, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 3, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 2, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_poll, 1, 0),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(allow) / sizeof(allow[0]), allow};
	char dir[] = "/tmp/pitfallsXXXXXX";
	struct rlimit none = {0, 0};
	int pid, one = 1;

	if ((pid = fork()) == 0) {
		int fd = dial(PORT_ECHO);

		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0)
			_exit(3);
		_exit(echoes(fd, "seccomp") && read(fd, &(char){0}, 0) == 0 ? 0 : 1);
	}
	is_int(exit_status(pid), 0, "22: under a filter of read, write, poll and exit");
	if (geteuid() != 0)
		return;
	if (mkdtemp(dir) == NULL)
		tap_bail("mkdtemp");
	if ((pid = fork()) == 0) {
		int fd = dial(PORT_ECHO);

		if (syscall(SYS_unshare, CLONE_NEWNET) != 0 || chroot(dir) != 0 ||
		    chdir("/") != 0 || setgid(65534) != 0 || setuid(65534) != 0)
			_exit(3);
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		setrlimit(RLIMIT_NPROC, &none);
		_exit(echoes(fd, "jail") &&
			      setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one)) == 0
			  ? 0
			  : 1);
	}
	is_int(exit_status(pid), 0,
	    "22: unshared network, chroot, setuid, no new privileges, no processes");
	if ((pid = fork()) == 0) {
		if (chroot(dir) != 0 || chdir("/") != 0)
			_exit(3);
		pid = fork(); /* the shim meets its new process in the jail */
		if (pid == 0)
			_exit(connect_and_echo("jailed"));
		_exit(exit_status(pid));
	}
	is_int(exit_status(pid), 0, "22: a child made in a chroot");
	rmdir(dir);
}

/* ---- 23: daemons */

static void
daemons(void)
{
	int pid, p[2];
	char word[8] = "";

	if (pipe(p) != 0)
		tap_bail("pipe");
	if ((pid = fork()) == 0) {
		close(p[0]);
		if (daemon(0, 0) != 0)
			_exit(3);
		usleep(100000); /* the parent is gone by now */
		if (connect_and_echo("daemon") == 0 && write(p[1], "daemon", 6) == 6)
			_exit(0);
		_exit(1);
	}
	close(p[1]);
	is_int(exit_status(pid), 0, "23: daemon(3)");
	ok(read_all(p[0], word, 6), "23: connects after its parents have gone");
	close(p[0]);
}

/* ---- 16: entry points that skip the table */

extern ssize_t __recv_chk(int, void *, size_t, size_t, int);
extern ssize_t __read_chk(int, void *, size_t, size_t);
extern ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);
extern int __poll_chk(struct pollfd *, nfds_t, int, size_t);

static void
other_doors(void)
{
	struct sockaddr_in sin = peer_sin(PORT_ECHO), from;
	socklen_t len = sizeof(from);
	int fd = dial(PORT_ECHO), u = dial_udp(PORT_ECHO);
	struct pollfd p = {.fd = u, .events = POLLIN};
	char c[8];

	is_int(write(fd, "abc", 3), 3, "16: three bytes");
	is_int(__recv_chk(fd, c, 1, sizeof(c), 0), 1, "16: __recv_chk");
	is_int(__read_chk(fd, c, 1, sizeof(c)), 1, "16: __read_chk");
	is_int(write(u, "dgram", 5), 5, "16: a datagram");
	is_int(__poll_chk(&p, 1, 5000, sizeof(p)), 1, "16: __poll_chk");
	is_int(__recvfrom_chk(u, c, 8, sizeof(c), 0, (struct sockaddr *)&from, &len), 5,
	    "16: __recvfrom_chk");
	ok(from.sin_addr.s_addr == sin.sin_addr.s_addr && len == sizeof(from),
	    "16: and its sender");
	close(fd);
	close(u);
	fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
	is_int(syscall(SYS_connect, fd, &sin, sizeof(sin)), 0, "16: socket and connect by number");
	ok(echoes(fd, "number"), "16: are a connection");
	close(fd);
}

static void
names(void)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *ai = NULL;
	struct ifaddrs *ifa = NULL;
	struct if_nameindex *ni;
	bool have_local = false;
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	int fd = dial(PORT_ECHO), n = 0;

	is_int(getaddrinfo("127.0.0.1", "80", &hints, &ai), 0, "16: getaddrinfo");
	ok(ai != NULL && ai->ai_family == AF_INET, "16: an address");
	freeaddrinfo(ai);
	getsockname(fd, (struct sockaddr *)&sin, &len);
	is_int(getifaddrs(&ifa), 0, "16: getifaddrs");
	for (struct ifaddrs *i = ifa; i != NULL; i = i->ifa_next)
		if (i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET &&
		    memcmp(&((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr, &sin.sin_addr,
			4) == 0)
			have_local = if_nametoindex(i->ifa_name) > 0;
	freeifaddrs(ifa);
	ok(have_local, "26: the address that a connection has is an interface's");
	ni = if_nameindex();
	for (struct if_nameindex *i = ni; i != NULL && i->if_index != 0; i++)
		n++;
	if_freenameindex(ni);
	ok(n >= 2, "16: if_nameindex (%d)", n);
	close(fd);
}

/* ---- 25 */

static void
binding(void)
{
	struct sockaddr_in sin, other = {.sin_family = AF_INET};
	int l = listener(&sin), s = socket(AF_INET, SOCK_STREAM, 0), t, one = 1;
	socklen_t len = sizeof(other);

	is_int(errno_of(bind(s, (struct sockaddr *)&sin, sizeof(sin))), EADDRINUSE,
	    "25: a port in use");
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	is_int(errno_of(bind(s, (struct sockaddr *)&sin, sizeof(sin))), EADDRINUSE,
	    "25: by a listener: with SO_REUSEADDR too");
	other.sin_addr.s_addr = htonl(0xc0000201);
	is_int(errno_of(bind(s, (struct sockaddr *)&other, sizeof(other))), EADDRNOTAVAIL,
	    "25: a foreign address");
	is_int(errno_of(bind(s, (struct sockaddr *)&sin, 4)), EINVAL, "25: a short address");
	other.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	is_int(bind(s, (struct sockaddr *)&other, sizeof(other)), 0, "25: port 0");
	ok(getsockname(s, (struct sockaddr *)&other, &len) == 0 && other.sin_port != 0,
	    "25: is some port");
	is_int(
	    errno_of(bind(s, (struct sockaddr *)&other, sizeof(other))), EINVAL, "25: bind twice");
	close(s);
	close(l);
	s = socket(AF_INET, SOCK_STREAM, 0);
	t = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	setsockopt(t, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	other.sin_port = 0;
	bind(s, (struct sockaddr *)&other, sizeof(other));
	getsockname(s, (struct sockaddr *)&other, &len);
	is_int(listen(s, 5), 0, "25: a listener with SO_REUSEPORT");
	is_int(bind(t, (struct sockaddr *)&other, sizeof(other)), 0, "25: and another on its port");
	is_int(listen(t, 5), 0, "25: listens too");
	close(s);
	close(t);
	if (geteuid() != 0)
		return;
	s = fork();
	if (s == 0) {
		other.sin_port = htons(81);
		if (setuid(65534) != 0)
			_exit(3);
		t = socket(AF_INET, SOCK_STREAM, 0);
		_exit(
		    errno_of(bind(t, (struct sockaddr *)&other, sizeof(other))) == EACCES ? 0 : 1);
	}
	is_int(exit_status(s), 0, "25: port 81 for an ordinary user: EACCES");
}

/* Debian's /etc/hosts gives the host's own name 127.0.1.1. */
static void
own_name(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000101)};
	struct sockaddr_in peer = {0}, from = {0};
	int l = socket(AF_INET, SOCK_STREAM, 0), s = socket(AF_INET, SOCK_STREAM, 0), a;
	socklen_t len = sizeof(sin);
	char c = 0;

	is_int(bind(l, (struct sockaddr *)&sin, sizeof(sin)), 0, "25: 127.0.1.1 is the host's too");
	listen(l, 5);
	getsockname(l, (struct sockaddr *)&sin, &len);
	is_int(connect(s, (struct sockaddr *)&sin, sizeof(sin)), 0, "25: it can be connected to");
	a = accept(l, (struct sockaddr *)&peer, &len);
	len = sizeof(from);
	getsockname(s, (struct sockaddr *)&from, &len);
	ok(from.sin_addr.s_addr == htonl(INADDR_LOOPBACK) && from.sin_port == peer.sin_port &&
		from.sin_addr.s_addr == peer.sin_addr.s_addr,
	    "25: from 127.0.0.1");
	ok(write(a, "x", 1) == 1 && read(s, &c, 1) == 1 && c == 'x', "25: bytes come");
	close(a);
	close(s);
	close(l);
	l = socket(AF_INET, SOCK_DGRAM, 0);
	s = socket(AF_INET, SOCK_DGRAM, 0);
	sin.sin_port = 0;
	is_int(bind(l, (struct sockaddr *)&sin, sizeof(sin)), 0, "25: datagrams");
	len = sizeof(sin);
	getsockname(l, (struct sockaddr *)&sin, &len);
	is_int(connect(s, (struct sockaddr *)&sin, sizeof(sin)), 0, "25: connected");
	ok(write(s, "y", 1) == 1 && read(l, &c, 1) == 1 && c == 'y', "25: come");
	close(s);
	close(l);
}

void
pitfalls_process(void)
{
	children();
	confined();
	daemons();
	other_doors();
	names();
	binding();
	own_name();
}
