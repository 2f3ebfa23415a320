/*
 * shim_proc.c - /proc/net: what programs read there is the stack's, not the namespace's.
 *
 * open(2), fopen(3) and their kin are watched for the files of /proc/net, opened to be read. Their
 * text comes from alpined (RPC_CTL_REPORT "proc NAME") and is put into a memfd, which the program
 * gets as its file: it reads, seeks, maps and polls as it likes, and what it sees is of one
 * moment. Files that alpined has nothing for (unix, packet, netlink) are the namespace's own.
 * Everything else costs the comparison of a few characters.
 *
 * Owns nothing.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "preload/shim.h"

#define ROOM (RPC_MSG_MAX) /* bytes: the longest piece of an answer */
#define FILE_MAX 32	   /* bytes of a file's name */

static const char *const prefixes[] = {"/proc/net/", "/proc/self/net/", "/proc/thread-self/net/"};

/* The file's name behind /proc/net/, or NULL. Cheap for all other paths. */
static const char *
proc_net_name(const char *path)
{
	const char *name;
	size_t i, len;

	if (path == NULL || strncmp(path, "/proc/", 6) != 0)
		return NULL;
	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		len = strlen(prefixes[i]);
		if (strncmp(path, prefixes[i], len) != 0)
			continue;
		name = path + len;
		len = strlen(name);
		if (len == 0 || len >= FILE_MAX || strchr(name, '/') != NULL)
			return NULL;
		return name;
	}
	return NULL;
}

static int
write_all(void *arg, const char *text, size_t len)
{
	int fd = *(int *)arg;
	long n;

	while (len > 0) {
		n = real.syscall(SYS_write, (long)fd, text, (long)len);
		if (n <= 0)
			return ENOSPC;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A descriptor with the text of a file, or -1: let the kernel answer. errno stays. */
static int
open_text(const char *name, bool cloexec)
{
	char request[FILE_MAX + 8];
	int fd, error, saved = errno;
	void *room;

	shim_init();
	if (atomic_load_explicit(&shim_confined, memory_order_relaxed))
		return -1;
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the name follows, with its end */
	memcpy(request, "proc ", 5);
	memcpy(request + 5, name, strlen(name) + 1);
	fd = (int)real.syscall(SYS_memfd_create, name, cloexec ? (long)MFD_CLOEXEC : 0L);
	if (fd < 0) {
		errno = saved;
		return -1;
	}
	/* not on the stack: a thread's may be small */
	room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	error = room == MAP_FAILED
		    ? ENOMEM
		    : shim_ask_text(RPC_CTL_REPORT, request, room, ROOM, write_all, &fd);
	if (room != MAP_FAILED)
		munmap(room, ROOM);
	if (error != 0) {
		shim_close(fd);
		fd = -1;
	} else {
		real.syscall(SYS_lseek, (long)fd, 0L, (long)SEEK_SET);
	}
	errno = saved;
	return fd;
}

static int
try_open(const char *path, int flags)
{
	const char *name = proc_net_name(path);

	if (name == NULL || (flags & O_ACCMODE) != O_RDONLY ||
	    (flags & (O_PATH | O_DIRECTORY)) != 0)
		return -1;
	return open_text(name, (flags & O_CLOEXEC) != 0);
}

/* The mode argument is there for O_CREAT and O_TMPFILE only. */
#define MODE_OF(flags, mode)                                                                       \
	do {                                                                                       \
		va_list ap;                                                                        \
		va_start(ap, flags);                                                               \
		if (((flags)&O_CREAT) != 0 || ((flags)&O_TMPFILE) == O_TMPFILE)                    \
			mode = va_arg(ap, mode_t);                                                 \
		va_end(ap);                                                                        \
	} while (0)

SHIM_EXPORT int
open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	int fd = try_open(path, flags);

	MODE_OF(flags, mode);
	shim_init();
	return fd >= 0 ? fd : real.open(path, flags, mode);
}

SHIM_EXPORT int
open64(const char *path, int flags, ...)
{
	mode_t mode = 0;
	int fd = try_open(path, flags);

	MODE_OF(flags, mode);
	shim_init();
	return fd >= 0 ? fd : real.open64(path, flags, mode);
}

SHIM_EXPORT int
openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	int fd = try_open(path, flags);

	MODE_OF(flags, mode);
	shim_init();
	return fd >= 0 ? fd : real.openat(dir, path, flags, mode);
}

SHIM_EXPORT int
openat64(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;
	int fd = try_open(path, flags);

	MODE_OF(flags, mode);
	shim_init();
	return fd >= 0 ? fd : real.openat64(dir, path, flags, mode);
}

/* What _FORTIFY_SOURCE makes of open() without a mode. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);

SHIM_EXPORT int
__open_2(const char *path, int flags)
{
	int fd = try_open(path, flags);

	shim_init();
	return fd >= 0 ? fd : real.__open_2(path, flags);
}

SHIM_EXPORT int
__open64_2(const char *path, int flags)
{
	int fd = try_open(path, flags);

	shim_init();
	return fd >= 0 ? fd : real.__open64_2(path, flags);
}

SHIM_EXPORT int
__openat_2(int dir, const char *path, int flags)
{
	int fd = try_open(path, flags);

	shim_init();
	return fd >= 0 ? fd : real.__openat_2(dir, path, flags);
}

SHIM_EXPORT int
__openat64_2(int dir, const char *path, int flags)
{
	int fd = try_open(path, flags);

	shim_init();
	return fd >= 0 ? fd : real.__openat64_2(dir, path, flags);
}

/* libc's fopen() does not come by open(). */
static FILE *
try_fopen(const char *path, const char *mode)
{
	const char *name = proc_net_name(path);
	FILE *f;
	int fd;

	if (name == NULL || mode == NULL || mode[0] != 'r' || strchr(mode, '+') != NULL)
		return NULL;
	fd = open_text(name, strchr(mode, 'e') != NULL);
	if (fd < 0)
		return NULL;
	f = fdopen(fd, mode);
	if (f == NULL)
		shim_close(fd);
	return f;
}

SHIM_EXPORT FILE *
fopen(const char *restrict path, const char *restrict mode)
{
	FILE *f = try_fopen(path, mode);

	shim_init();
	return f != NULL ? f : real.fopen(path, mode);
}

SHIM_EXPORT FILE *
fopen64(const char *restrict path, const char *restrict mode)
{
	FILE *f = try_fopen(path, mode);

	shim_init();
	return f != NULL ? f : real.fopen64(path, mode);
}
