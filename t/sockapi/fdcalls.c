/*
 * fdcalls.c - system calls on a socket that are about descriptors in general: splice and its kin,
 * owners and signals, other processes' descriptors, what /proc says, positions, asynchronous I/O.
 */
#include "t/sockapi/sockapi.h"

#include <aio.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h> /* memfd_create */
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <sys/xattr.h>

static int
file_of(const char *text)
{
	int fd = memfd_create("sockapi", 0);

	if (write(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		close(fd);
	return fd;
}

static void
pipes(int a, int b, const char *kind)
{
	int p[2], q[2], file = file_of("0123456789");
	struct iovec iov = {(char *)(uintptr_t) "vmspliced", 9};
	char buf[64];
	off_t offset = 2;
	loff_t in = 0, out = 0;
	ssize_t n, got;

	if (pipe(p) != 0 || pipe(q) != 0)
		return;
	fcntl(b, F_SETFL, O_NONBLOCK);
	see(vmsplice(p[1], &iov, 1, 0), "%s vmsplice into a pipe", kind);
	see(tee(p[0], q[1], 4, 0), "%s tee", kind);
	see(splice(p[0], NULL, a, NULL, 9, 0), "%s splice from a pipe", kind);
	becomes(b, POLLIN);
	see(recv(b, buf, sizeof(buf), 0), "%s recv", kind);
	see(splice(q[0], NULL, a, NULL, 4, 0), "%s splice again", kind);
	becomes(b, POLLIN);
	see(recv(b, buf, sizeof(buf), 0), "%s recv again", kind);
	see(vmsplice(a, &iov, 1, 0), "%s vmsplice into a socket", kind);
	see(tee(a, p[1], 4, 0), "%s tee from a socket", kind);
	see(splice(p[0], &in, a, NULL, 4, 0), "%s splice, offset of a pipe", kind);
	see(splice(p[0], NULL, a, &out, 4, 0), "%s splice, offset of a socket", kind);
	see(splice(file, NULL, a, NULL, 4, 0), "%s splice without a pipe", kind);
	see(splice(b, NULL, q[1], NULL, 4, SPLICE_F_NONBLOCK), "%s splice, nothing there", kind);
	see(sendfile(a, file, &offset, 3), "%s sendfile", kind);
	see((long)offset, "%s sendfile's offset", kind);
	see(sendfile(a, file, NULL, 100), "%s sendfile to the end", kind);
	see(sendfile(file, a, NULL, 1), "%s sendfile from a socket", kind);
	for (n = 0, got = 0; n < 13 && becomes(b, POLLIN) && got >= 0; n += got)
		got = recv(b, buf, sizeof(buf), 0);
	see((long)n, "%s recv of the file", kind);
	in = 0;
	see(copy_file_range(file, &in, a, NULL, 4, 0), "%s copy_file_range to a socket", kind);
	see(copy_file_range(a, NULL, file, NULL, 4, 0), "%s copy_file_range from one", kind);
	send(a, "abcd", 4, 0);
	becomes(b, POLLIN);
	see(splice(b, NULL, q[1], NULL, 4, SPLICE_F_NONBLOCK), "%s splice into a pipe", kind);
	close(p[0]);
	close(p[1]);
	close(q[0]);
	close(q[1]);
	close(file);
}

static void
positions(int fd, const char *kind)
{
	struct stat st;
	char buf[8], name[64], link[64] = "";
	struct iovec iov = {buf, sizeof(buf)};

	see(pread(fd, buf, 1, 0), "%s pread", kind);
	see(pwrite(fd, buf, 1, 0), "%s pwrite", kind);
	see(preadv(fd, &iov, 1, 0), "%s preadv", kind);
	see(pwritev(fd, &iov, 1, 0), "%s pwritev", kind);
	see(preadv2(fd, &iov, 1, -1, RWF_NOWAIT), "%s preadv2, no position, NOWAIT", kind);
	see(fallocate(fd, 0, 0, 1), "%s fallocate", kind);
	see(posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL), "%s fadvise", kind);
	see(readahead(fd, 0, 1), "%s readahead", kind);
	see(sync_file_range(fd, 0, 1, 0), "%s sync_file_range", kind);
	see(fdatasync(fd), "%s fdatasync", kind);
	see(syncfs(fd), "%s syncfs", kind);
	see(fchdir(fd), "%s fchdir", kind);
	see(fchmod(fd, 0600), "%s fchmod", kind);
	see(isatty(fd), "%s isatty", kind);
	see(isfdtype(fd, S_IFSOCK), "%s isfdtype", kind);
	see(fstat(fd, &st), "%s fstat", kind);
	see(S_ISSOCK(st.st_mode), "%s is a socket", kind);
	see((long)st.st_size, "%s its size", kind);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	see(readlink(name, link, sizeof(link) - 1) > 0, "%s readlink", kind);
	link[8] = '\0';
	see_text(link, "%s /proc/self/fd", kind);
	see(open(name, O_RDWR), "%s open by /proc", kind);
	see(timerfd_gettime(fd, NULL), "%s timerfd_gettime", kind);
	see(fcntl(fd, F_GETPIPE_SZ), "%s F_GETPIPE_SZ", kind);
	see(fcntl(fd, F_GET_SEALS), "%s F_GET_SEALS", kind);
	see(fcntl(fd, F_SETLEASE, F_RDLCK), "%s F_SETLEASE", kind);
}

static volatile sig_atomic_t signo, band, sigfd;

static void
on_signal(int n, siginfo_t *info, void *context)
{
	(void)context;
	signo = n;
	band = (sig_atomic_t)info->si_band;
	sigfd = info->si_fd;
}

static void
wait_signal(const char *name)
{
	int i;

	for (i = 0; i < 200 && signo == 0; i++)
		settle();
	see(signo == 0 ? 0 : signo == SIGIO ? 1 : 2, "%s: none, SIGIO, another", name);
}

static void
owners(void)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	struct f_owner_ex ex;
	int c, s, v;

	sigaction(SIGIO, &action, NULL);
	sigaction(SIGRTMIN + 3, &action, NULL);
	tcp_pair(&c, &s);
	see(fcntl(s, F_GETOWN), "no owner");
	see(fcntl(s, F_GETSIG), "no signal");
	see(fcntl(s, F_SETOWN, getpid()), "F_SETOWN");
	see(fcntl(s, F_GETOWN) == getpid(), "F_GETOWN is this process");
	see(ioctl(s, FIOGETOWN, &v), "FIOGETOWN");
	see(v == getpid(), "is this process");
	see(ioctl(s, SIOCGPGRP, &v), "SIOCGPGRP");
	see(v == getpid(), "is it too");
	v = 1;
	see(ioctl(s, FIOASYNC, &v), "FIOASYNC");
	see((fcntl(s, F_GETFL) & O_ASYNC) != 0, "O_ASYNC is on");
	signo = 0;
	send(c, "x", 1, 0);
	wait_signal("a byte");
	see(fcntl(s, F_SETSIG, SIGRTMIN + 3), "F_SETSIG");
	signo = 0;
	send(c, "y", 1, 0);
	wait_signal("another byte");
	see(sigfd == s, "si_fd");
	see((band & POLLIN) != 0, "si_band");
	ex = (struct f_owner_ex){F_OWNER_TID, (pid_t)syscall(SYS_gettid)};
	see(fcntl(s, F_SETOWN_EX, &ex), "F_SETOWN_EX");
	memset(&ex, 0, sizeof(ex));
	see(fcntl(s, F_GETOWN_EX, &ex), "F_GETOWN_EX");
	see(ex.type == F_OWNER_TID, "its type");
	v = -getpgrp();
	see(ioctl(s, SIOCSPGRP, &v), "SIOCSPGRP, a group");
	see(fcntl(s, F_GETOWN) == v, "F_GETOWN, a group");
	v = 999999;
	see(ioctl(s, FIOSETOWN, &v), "FIOSETOWN, nobody");
	close(s);
	close(c);
	signal(SIGIO, SIG_DFL);
	signal(SIGRTMIN + 3, SIG_DFL);
}

/* A socket taken from another process, and from this one. */
static void
others(void)
{
	int c, s, pidfd, got, status, type = 0;
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	char buf[8];
	pid_t pid;

	tcp_pair(&c, &s);
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	close(s);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	got = see_fd((int)syscall(SYS_pidfd_getfd, pidfd, s, 0), "pidfd_getfd");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	see(send(c, "x", 1, 0), "send to it");
	becomes(got, POLLIN);
	see(recv(got, buf, sizeof(buf), 0), "recv by it");
	see(getpeername(got, SA(&sin), &len), "getpeername of it");
	len = sizeof(type);
	see(getsockopt(got, SOL_SOCKET, SO_DOMAIN, &type, &len), "SO_DOMAIN of it");
	see(type, "is");
	see(got >= 0 && syscall(SYS_kcmp, getpid(), getpid(), 0, got, got) == 0, "kcmp");
	close(got);
	becomes(c, POLLIN);
	see(recv(c, buf, sizeof(buf), 0), "closed by the last holder");
	close(c);
	close(pidfd);
}

static void
asynchronous(void)
{
	char in[8] = "", out[8] = "hello";
	struct aiocb w = {.aio_buf = out, .aio_nbytes = 5}, r = {.aio_buf = in, .aio_nbytes = 5};
	const struct aiocb *list[1] = {&r};
	struct timespec limit = {2, 0};
	FILE *f;
	int c, s;

	tcp_pair(&c, &s);
	r.aio_fildes = s;
	w.aio_fildes = c;
	see(aio_read(&r), "aio_read");
	see(aio_write(&w), "aio_write");
	see(aio_suspend(list, 1, &limit), "aio_suspend");
	see(aio_error(&r), "aio_error");
	see(aio_return(&r), "aio_return");
	see_text(in, "aio_read's bytes");
	see(dprintf(c, "%s %d\n", "dprintf", 7), "dprintf");
	f = fdopen(s, "r+");
	see(f != NULL && fgets(out, sizeof(out), f) != NULL, "fgets");
	see_text(out, "fgets's bytes");
	if (f != NULL)
		fclose(f);
	close(c);
}

/* The queue that is not there has a clear answer; libraries fall back. */
static void
uring(void)
{
	struct {
		unsigned char bytes[256];
	} params;
	long fd;

	memset(&params, 0, sizeof(params));
	fd = syscall(SYS_io_uring_setup, 4, &params);
	see_text(fd >= 0 ? "there" : error_name(errno), "io_uring_setup");
	if (fd >= 0)
		close((int)fd);
}

void
topic_fdcalls(void)
{
	int a, b;

	signal(SIGPIPE, SIG_IGN);
	tcp_pair(&a, &b);
	pipes(a, b, "tcp");
	positions(a, "tcp");
	close(a);
	close(b);
	udp_pair(&a, &b);
	pipes(a, b, "udp");
	positions(a, "udp");
	close(a);
	close(b);
	owners();
	others();
	asynchronous();
	uring();
}
