/*
 * shim_misc.c - prctl(2) and syscall(2).
 *
 * Two reasons. A program that confines itself by seccomp must not see system calls that it did
 * not make: from then on the hint shim_confined keeps the data path free of them. And libraries
 * make socket calls by number (libuv: sendmmsg), which must find the stack as well.
 */
#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/syscall.h>

#include "preload/shim.h"

/* Before the filter is there: a connection of this process's own, which needs two calls to use. */
static void
before_confinement(void)
{
	shim_connect_now();
}

static void
after_confinement(long result)
{
	if (result >= 0)
		atomic_store(&shim_confined, true);
}

SHIM_EXPORT int
prctl(int option, ...)
{
	unsigned long arg[4];
	va_list ap;
	int i, result;

	va_start(ap, option);
	for (i = 0; i < 4; i++)
		arg[i] = va_arg(ap, unsigned long);
	va_end(ap);
	shim_init();
	if (option != PR_SET_SECCOMP)
		return real.prctl(option, arg[0], arg[1], arg[2], arg[3]);
	before_confinement();
	result = real.prctl(option, arg[0], arg[1], arg[2], arg[3]);
	after_confinement(result);
	return result;
}

static long
syscall_seccomp(long operation, long flags, long args)
{
	bool sets = operation == SECCOMP_SET_MODE_STRICT || operation == SECCOMP_SET_MODE_FILTER;
	long result;

	if (sets)
		before_confinement();
	result = real.syscall(SYS_seccomp, operation, flags, args);
	if (sets)
		after_confinement(result);
	return result;
}

#define PTR(type, x) ((type)(uintptr_t)(x))

/*
 * The register-sized arguments of any system call. Not variadic here, so that what is not ours
 * is a jump to libc's function and leaves no frame behind: a clone() made this way may return
 * twice, or on another stack.
 */
long shim_syscall(long nr, long a, long b, long c, long d, long e, long f) __asm__("syscall");
typedef long syscall_fn(long, long, long, long, long, long, long);

SHIM_EXPORT long
shim_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	shim_init();
	switch (nr) {
	case SYS_seccomp:
		return syscall_seccomp(a, b, c);
	case SYS_socket:
		return socket((int)a, (int)b, (int)c);
	case SYS_bind:
		return bind((int)a, PTR(struct sockaddr *, b), (socklen_t)c);
	case SYS_connect:
		return connect((int)a, PTR(struct sockaddr *, b), (socklen_t)c);
	case SYS_listen:
		return listen((int)a, (int)b);
	case SYS_accept:
		return accept4((int)a, PTR(struct sockaddr *, b), PTR(socklen_t *, c), 0);
	case SYS_accept4:
		return accept4((int)a, PTR(struct sockaddr *, b), PTR(socklen_t *, c), (int)d);
	case SYS_getsockname:
		return getsockname((int)a, PTR(struct sockaddr *, b), PTR(socklen_t *, c));
	case SYS_getpeername:
		return getpeername((int)a, PTR(struct sockaddr *, b), PTR(socklen_t *, c));
	case SYS_setsockopt:
		return setsockopt((int)a, (int)b, (int)c, PTR(void *, d), (socklen_t)e);
	case SYS_getsockopt:
		return getsockopt((int)a, (int)b, (int)c, PTR(void *, d), PTR(socklen_t *, e));
	case SYS_execve:
		return execve(PTR(char *, a), PTR(char **, b), PTR(char **, c));
	case SYS_shutdown:
		return shutdown((int)a, (int)b);
	case SYS_sendto:
		return sendto((int)a, PTR(void *, b), (size_t)c, (int)d, PTR(struct sockaddr *, e),
		    (socklen_t)f);
	case SYS_recvfrom:
		return recvfrom((int)a, PTR(void *, b), (size_t)c, (int)d,
		    PTR(struct sockaddr *, e), PTR(socklen_t *, f));
	case SYS_sendmsg:
		return sendmsg((int)a, PTR(struct msghdr *, b), (int)c);
	case SYS_recvmsg:
		return recvmsg((int)a, PTR(struct msghdr *, b), (int)c);
	case SYS_sendmmsg:
		return sendmmsg((int)a, PTR(struct mmsghdr *, b), (unsigned)c, (int)d);
	case SYS_recvmmsg:
		return recvmmsg((int)a, PTR(struct mmsghdr *, b), (unsigned)c, (int)d,
		    PTR(struct timespec *, e));
	default:
		return ((syscall_fn *)real.syscall)(nr, a, b, c, d, e, f);
	}
}
