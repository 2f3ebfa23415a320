/*
 * confine.c - alpined's limits and privileges.
 *
 * After attaching, alpined works on descriptors that it has: the TAP, sockets, an epoll. It moves
 * into an empty network namespace, in which the names of its socket pairs are its own affair and
 * from which nothing can be reached; into a mount namespace whose root is an empty read-only
 * tmpfs; becomes a user of its own, drops every capability and the way to new ones; and lets the
 * kernel refuse all system calls but those on the list below. What needs the machine at the end is
 * done by others, forked before: the keeper (keeper.c) and the sweeper (sweeper.c).
 *
 * The filter: what is on the list is allowed; what only an intruder would try (another program,
 * another process's memory, mounts, modules ...) kills; anything else is EPERM, so that a libc
 * of tomorrow that tries something new does not take the network down. Of the file system only
 * openat() and readlinkat() below /proc are allowed, by the one descriptor that peer.c asks by.
 *
 * A sanitizer's runtime needs more: it opens the program and its maps to name a function in a
 * report. It is told by its symbol at run time (sanitized()); then the root stays, opening to
 * read is allowed and nothing kills. Everything else is as it is without.
 *
 * Owns the descriptor of /proc. Called by alpined.c, once, in the order of confine.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rpc/alpined/confine.h"

#define FDS_WANTED (1024 * 1024)
#define ALPINE_ACCOUNT "alpine"
#define DYNAMIC_UID_MIN 61184 /* systemd.exec(5), DynamicUser: not given to accounts */
#define DYNAMIC_UID_MAX 65519
#define EMPTY_ROOT "size=4k,nr_inodes=2,mode=555"

static int proc_fd = -1;

/* There in a sanitized build only. */
extern void __asan_init(void) __attribute__((weak));

static bool
sanitized(void)
{
	return (__asan_init != NULL);
}

int
confine_proc_fd(void)
{
	static bool opened;

	if (!opened)
		proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	opened = true;
	return (proc_fd);
}

void
confine_raise_limits(void)
{
	struct rlimit want = {FDS_WANTED, FDS_WANTED}, have;

	if (setrlimit(RLIMIT_NOFILE, &want) == 0 || getrlimit(RLIMIT_NOFILE, &have) != 0)
		return;
	have.rlim_cur = have.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &have);
}

/* ---- who ---- */

static void
take_account(const struct passwd *pw, struct confine_user *u)
{
	u->uid = pw->pw_uid;
	u->gid = pw->pw_gid;
	u->change = true;
	snprintf(u->name, sizeof(u->name), "%s", pw->pw_name);
}

static void
take_number(uid_t uid, struct confine_user *u)
{
	u->uid = uid;
	u->gid = uid;
	u->change = true;
	snprintf(u->name, sizeof(u->name), "%u", (unsigned)uid);
}

bool
confine_find_user(const char *name, const char *instance, struct confine_user *u)
{
	const struct passwd *pw;
	const char *s;
	unsigned hash = 5381;
	unsigned long number;
	uid_t uid;
	char *end;

	memset(u, 0, sizeof(*u));
	pw = getpwnam(name != NULL ? name : ALPINE_ACCOUNT);
	if (pw != NULL) {
		take_account(pw, u);
	} else if (name != NULL) {
		number = strtoul(name, &end, 10);
		if (name[0] < '0' || name[0] > '9' || *end != '\0' || number >= (uid_t)-1)
			return (false);
		uid = (uid_t)number; /* it fits: what is wrapped could be root */
		pw = getpwuid(uid);
		if (pw != NULL)
			take_account(pw, u);
		else
			take_number(uid, u);
	} else {
		for (s = instance; *s != '\0'; s++)
			hash = hash * 33 + (unsigned char)*s;
		uid = DYNAMIC_UID_MIN + hash % (DYNAMIC_UID_MAX - DYNAMIC_UID_MIN);
		while (getpwuid(uid) != NULL && uid < DYNAMIC_UID_MAX)
			uid++;
		take_number(uid, u);
	}
	if (geteuid() != 0 || u->uid == 0)
		u->change = false;
	return (true);
}

/* ---- where ---- */

int
confine_namespace(void)
{
	return (unshare(CLONE_NEWNET) == 0 ? 0 : errno);
}

/*
 * The descriptor of /proc shall lead to processes, and not by ".." to the old root: it becomes
 * that of a copy which is mounted nowhere. Else there is none.
 */
static void
detach_proc(void)
{
	long copy = syscall(
	    SYS_open_tree, AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (proc_fd >= 0 && (copy < 0 || dup3((int)copy, proc_fd, O_CLOEXEC) < 0)) {
		close(proc_fd);
		proc_fd = -1;
	}
	if (copy >= 0)
		close((int)copy);
}

/*
 * The new root is mounted over a directory that every machine has, and the old one let go. Where
 * no mount namespace can be had (neither root nor a user namespace), the root stays.
 */
int
confine_filesystem(void)
{
	if (sanitized())
		return (0);
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return (errno);
	detach_proc();
	if (mount("alpined", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, EMPTY_ROOT) != 0 ||
	    chdir("/proc") != 0)
		return (errno);
	if (syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 ||
	    mount(NULL, "/", NULL,
		MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0 ||
	    chdir("/") != 0)
		return (errno);
	return (0);
}

/* ---- what: capabilities ---- */

/* No program of ours may ever get others. Without CAP_SETPCAP they are not ours anyway. */
static void
bound_capabilities(const cap_value_t *keep, int n)
{
	cap_value_t c;
	int i;

	for (c = 0; c <= CAP_LAST_CAP; c++) {
		for (i = 0; i < n && keep[i] != c; i++)
			;
		if (i == n)
			(void)cap_drop_bound(c);
	}
	(void)cap_reset_ambient();
}

static int
keep_capabilities(const cap_value_t *keep, int n)
{
	cap_t caps = cap_init();
	int error = 0;

	if (caps == NULL)
		return (errno);
	if (n > 0 && (cap_set_flag(caps, CAP_PERMITTED, n, keep, CAP_SET) != 0 ||
			 cap_set_flag(caps, CAP_EFFECTIVE, n, keep, CAP_SET) != 0))
		error = errno;
	if (error == 0 && cap_set_proc(caps) != 0)
		error = errno;
	cap_free(caps);
	return (error);
}

static int
become(const struct confine_user *u)
{
	if (!u->change)
		return (0);
	if (setgroups(0, NULL) != 0 || setresgid(u->gid, u->gid, u->gid) != 0 ||
	    setresuid(u->uid, u->uid, u->uid) != 0)
		return (errno);
	return (0);
}

/* The user comes last: without capabilities it could not be changed. */
int
confine_privileges(const struct confine_user *u)
{
	static const cap_value_t id[] = {CAP_SETUID, CAP_SETGID};
	int error, user_error;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return (errno);
	bound_capabilities(NULL, 0);
	error = u->change ? keep_capabilities(id, 2) : 0;
	user_error = error == 0 ? become(u) : 0;
	error = keep_capabilities(NULL, 0);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return (error != 0 ? error : user_error);
}

int
confine_keeper(const int *keep, int n)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return (errno);
	bound_capabilities(keep, n);
	return (keep_capabilities(keep, n));
}

/* ---- what: system calls ---- */

static const int allowed[] = {
    /* descriptors and sockets */
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(preadv2),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(pwrite64),
    SCMP_SYS(pwritev2),
    SCMP_SYS(lseek),
    SCMP_SYS(close),
    SCMP_SYS(close_range),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    SCMP_SYS(pipe2),
    SCMP_SYS(fcntl),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(eventfd2),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(setitimer),
    SCMP_SYS(socketpair),
    SCMP_SYS(bind),
    SCMP_SYS(connect),
    SCMP_SYS(listen),
    SCMP_SYS(accept4),
    SCMP_SYS(shutdown),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(recvmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(recvfrom),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(ioctl),
    SCMP_SYS(splice),
    SCMP_SYS(vmsplice),
    SCMP_SYS(tee),
    /* memory */
    SCMP_SYS(mmap),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(mprotect),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(mincore),
    /* time, threads, signals, the end */
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(getrusage),
    SCMP_SYS(getrandom),
    SCMP_SYS(prlimit64),
    SCMP_SYS(uname),
    SCMP_SYS(sysinfo),
    SCMP_SYS(capget),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(signalfd4),
    SCMP_SYS(tgkill),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(wait4), /* for the keeper and the sweeper at the end */
    SCMP_SYS(waitid),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

/* What only an intruder would try. */
static const int deadly[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(reboot),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(setuid),
    SCMP_SYS(setresuid),
    SCMP_SYS(capset),
};

/* What a sanitizer needs to write a report. */
static const int sanitizers[] = {
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(access),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getdents64),
    SCMP_SYS(getcwd),
    SCMP_SYS(getppid),
    SCMP_SYS(personality),
    SCMP_SYS(prctl),
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(kill),
};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A call that this architecture or this libseccomp does not know is no loss. */
static int
add_all(scmp_filter_ctx ctx, uint32_t action, const int *calls, size_t n)
{
	size_t i;
	int error;

	for (i = 0; i < n; i++) {
		if (calls[i] < 0)
			continue;
		error = seccomp_rule_add(ctx, action, calls[i], 0);
		if (error != 0 && error != -EDOM && error != -EACCES)
			return (-error);
	}
	return (0);
}

static int
load(scmp_filter_ctx ctx)
{
	int error = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);

	if (error == 0)
		error = seccomp_load(ctx);
	seccomp_release(ctx);
	return (error < 0 ? -error : 0);
}

int
confine_system_calls(void)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int error;

	if (ctx == NULL)
		return (ENOMEM);
	error = add_all(ctx, SCMP_ACT_ALLOW, allowed, COUNT(allowed));
	if (error == 0 && proc_fd >= 0 && !sanitized())
		error = -seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(openat), 2,
		    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)proc_fd),
		    SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY));
	if (error == 0 && proc_fd >= 0 && !sanitized())
		error = -seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(readlinkat), 1,
		    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)proc_fd));
	if (error == 0 && sanitized())
		error = add_all(ctx, SCMP_ACT_ALLOW, sanitizers, COUNT(sanitizers));
	else if (error == 0)
		error = add_all(ctx, SCMP_ACT_KILL_PROCESS, deadly, COUNT(deadly));
	if (error != 0) {
		seccomp_release(ctx);
		return (error);
	}
	return (load(ctx));
}

int
confine_sweeper(void)
{
	static const int few[] = {SCMP_SYS(read), SCMP_SYS(close), SCMP_SYS(newfstatat),
	    SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(unlink), SCMP_SYS(rmdir),
	    SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigreturn), SCMP_SYS(exit_group)};
	scmp_filter_ctx ctx;
	int error;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return (errno);
	bound_capabilities(NULL, 0);
	error = keep_capabilities(NULL, 0);
	if (error != 0)
		return (error);
	ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (ctx == NULL)
		return (ENOMEM);
	error = add_all(ctx, SCMP_ACT_ALLOW, few, COUNT(few));
	if (error == 0 && sanitized())
		error = add_all(ctx, SCMP_ACT_ALLOW, allowed, COUNT(allowed));
	if (error != 0) {
		seccomp_release(ctx);
		return (error);
	}
	return (load(ctx));
}
