/*
 * shim_exec.c - the next program has the shim too, whatever environment it is given.
 *
 * inetd, systemd-socket-activate, `env -i` and others start programs with an environment of their
 * own making. Where LD_PRELOAD does not name the shim, it is put in front of what is there.
 * Otherwise the caller's environment goes on as it is, and the call costs nothing.
 *
 * These are called in vfork()ed children as well: no malloc; what is built lies on the stack.
 * system() and popen() take the process's own environment, which is mended for them.
 */
#include <dlfcn.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preload/shim.h"

#define VARIABLE "LD_PRELOAD="
#define VARIABLE_LEN (sizeof(VARIABLE) - 1)
#define VALUE_MAX 4096 /* bytes of another's LD_PRELOAD that are kept */
#define ENV_MAX 32768  /* strings: 256 KiB of stack */

static char line[VARIABLE_LEN + PATH_MAX]; /* "LD_PRELOAD=" and where the shim is */

static struct {
	__typeof__(execve) *execve;
	__typeof__(execvpe) *execvpe;
	__typeof__(execveat) *execveat;
	__typeof__(fexecve) *fexecve;
	__typeof__(posix_spawn) *posix_spawn;
	__typeof__(posix_spawnp) *posix_spawnp;
	__typeof__(system) *system;
	__typeof__(popen) *popen;
} next;

#define FIND(name) next.name = (__typeof__(next.name))dlsym(RTLD_NEXT, #name)

void
shim_exec_init(void)
{
	Dl_info self;

	FIND(execve);
	FIND(execvpe);
	FIND(execveat);
	FIND(fexecve);
	FIND(posix_spawn);
	FIND(posix_spawnp);
	FIND(system);
	FIND(popen);
	if (dladdr(line, &self) != 0 && self.dli_fname != NULL && self.dli_fname[0] == '/' &&
	    strlen(self.dli_fname) < PATH_MAX) {
		memcpy(line, VARIABLE, VARIABLE_LEN);
		memcpy(line + VARIABLE_LEN, self.dli_fname, strlen(self.dli_fname) + 1);
	}
}

/* Is the shim among the objects of that list? ld.so(8): separated by blanks or colons. */
static bool
names_shim(const char *list)
{
	const char *path = line + VARIABLE_LEN;
	size_t len;

	for (; *list != '\0'; list += len + (list[len] != '\0')) {
		len = strcspn(list, " :");
		if (len == strlen(path) && memcmp(list, path, len) == 0)
			return true;
	}
	return false;
}

struct look {
	size_t n;      /* strings */
	size_t at;     /* of LD_PRELOAD; n: there is none */
	size_t length; /* of the line to be built; 0: nothing is to be done */
};

/* A bad pointer is left to the kernel, and so is a shim that cannot be reached, as in a chroot. */
static struct look
look(char *const envp[])
{
	struct look l = {0, 0, 0};
	bool found = false;
	char *first;

	if (line[0] == '\0' || atomic_load(&shim_confined) ||
	    (envp != NULL && shim_copy_in(&first, envp, sizeof(first)) != 0))
		return l;
	for (; envp != NULL && envp[l.n] != NULL; l.n++)
		if (!found && strncmp(envp[l.n], VARIABLE, VARIABLE_LEN) == 0) {
			found = true;
			l.at = l.n;
		}
	if (!found)
		l.at = l.n;
	if (l.n > ENV_MAX || (found && names_shim(envp[l.at] + VARIABLE_LEN)) ||
	    real.syscall(SYS_access, line + VARIABLE_LEN, (long)R_OK) != 0)
		return l;
	l.length = strlen(line) + 1;
	if (found && strlen(envp[l.at]) > VARIABLE_LEN && strlen(envp[l.at]) < VALUE_MAX)
		l.length += strlen(envp[l.at]) - VARIABLE_LEN + 1;
	return l;
}

static char *const *
fill(char *const envp[], const struct look *l, char **room, char *text)
{
	size_t ours = strlen(line);

	memcpy(text, line, ours + 1);
	if (l->length > ours + 1) {
		text[ours] = ':';
		memcpy(text + ours + 1, envp[l->at] + VARIABLE_LEN, l->length - ours - 1);
	}
	if (l->n > 0)
		memcpy(room, envp, l->n * sizeof(*room));
	room[l->n] = room[l->n + 1] = NULL;
	room[l->at] = text;
	return room;
}

/* `envp` as the next program shall have it; what was built goes with the caller's frame. */
#define WITH_SHIM(envp)                                                                            \
	({                                                                                         \
		struct look look_ = look(envp);                                                    \
		int saved_ = errno;                                                                \
		char *const *result_ =                                                             \
		    look_.length == 0                                                              \
			? (envp)                                                                   \
			: fill((envp), &look_, __builtin_alloca((look_.n + 2) * sizeof(char *)),   \
			      __builtin_alloca(look_.length));                                     \
		errno = saved_;                                                                    \
		(char **)(uintptr_t)result_;                                                       \
	})

SHIM_EXPORT int
execve(const char *path, char *const argv[], char *const envp[])
{
	char **env;

	shim_init();
	env = WITH_SHIM(envp);
	return next.execve(path, argv, env);
}

SHIM_EXPORT int
execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

SHIM_EXPORT int
execvpe(const char *file, char *const argv[], char *const envp[])
{
	char **env;

	shim_init();
	env = WITH_SHIM(envp);
	return next.execvpe(file, argv, env);
}

SHIM_EXPORT int
execvp(const char *file, char *const argv[])
{
	return execvpe(file, argv, environ);
}

SHIM_EXPORT int
execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags)
{
	char **env;

	shim_init();
	env = WITH_SHIM(envp);
	return next.execveat(dir, path, argv, env, flags);
}

SHIM_EXPORT int
fexecve(int fd, char *const argv[], char *const envp[])
{
	char **env;

	shim_init();
	env = WITH_SHIM(envp);
	return next.fexecve(fd, argv, env);
}

/*
 * The arguments from `first` to NULL, as a vector in the caller's frame; ap stands behind them.
 * The header says that the first is never NULL, the kernel says that it may be.
 */
#define COLLECT(argv, ap, first)                                                                   \
	do {                                                                                       \
		char *volatile arg_ = (char *)(uintptr_t)(first);                                  \
		size_t n_ = 0, i_;                                                                 \
		va_list count_;                                                                    \
		va_copy(count_, ap);                                                               \
		for (char *p_ = arg_; p_ != NULL; p_ = va_arg(count_, char *))                     \
			n_++;                                                                      \
		va_end(count_);                                                                    \
		(argv) = __builtin_alloca((n_ + 1) * sizeof(char *));                              \
		(argv)[0] = arg_;                                                                  \
		for (i_ = 1; i_ <= n_; i_++)                                                       \
			(argv)[i_] = va_arg(ap, char *);                                           \
	} while (0)

SHIM_EXPORT int
execl(const char *path, const char *arg, ...)
{
	char **argv;
	va_list ap;

	va_start(ap, arg);
	COLLECT(argv, ap, arg);
	va_end(ap);
	return execv(path, argv);
}

SHIM_EXPORT int
execlp(const char *file, const char *arg, ...)
{
	char **argv;
	va_list ap;

	va_start(ap, arg);
	COLLECT(argv, ap, arg);
	va_end(ap);
	return execvp(file, argv);
}

SHIM_EXPORT int
execle(const char *path, const char *arg, ...)
{
	char **argv, **envp;
	va_list ap;

	va_start(ap, arg);
	COLLECT(argv, ap, arg);
	envp = va_arg(ap, char **);
	va_end(ap);
	return execve(path, argv, envp);
}

SHIM_EXPORT int
posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
    const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	char **env;

	shim_init();
	env = WITH_SHIM(envp);
	return next.posix_spawn(pid, path, actions, attr, argv, env);
}

SHIM_EXPORT int
posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
    const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	char **env;

	shim_init();
	env = WITH_SHIM(envp);
	return next.posix_spawnp(pid, file, actions, attr, argv, env);
}

/* The process's own environment is given the shim again; these may allocate. */
static void
mend_environ(void)
{
	struct look l = look(environ);
	int saved = errno;
	char *text;

	if (l.length > 0 && (text = malloc(l.length)) != NULL) {
		char **room = malloc((l.n + 2) * sizeof(char *));

		if (room != NULL) {
			fill(environ, &l, room, text);
			setenv("LD_PRELOAD", text + VARIABLE_LEN, 1);
		}
		free(room);
		free(text);
	}
	errno = saved;
}

SHIM_EXPORT int
system(const char *command)
{
	shim_init();
	if (command != NULL)
		mend_environ();
	return next.system(command);
}

SHIM_EXPORT FILE *
popen(const char *command, const char *type)
{
	shim_init();
	mend_environ();
	return next.popen(command, type);
}
