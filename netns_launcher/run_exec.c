/*
 * run_exec.c - what the caller had, kept aside, and given to PROGRAM: signals, capabilities, and
 * an LD_PRELOAD with the shim in front of what was there; and no io_uring. ld.so(8),
 * capabilities(7).
 */
#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netns_launcher/run.h"
#include "netns_launcher/run_exec.h"

#define SHIM_NAME "libalpine.so"
#define X32_SYSCALL_BIT 0x40000000u

/* From where alpine-run is: the build tree has bin and lib, an installation lib/alpine. */
static const char *const shim_places[] = {"../lib/" SHIM_NAME, "../lib/alpine/" SHIM_NAME};

static char *
find_shim(void)
{
	char here[PATH_MAX], path[PATH_MAX + 64], *slash, *real_path;
	ssize_t n = readlink("/proc/self/exe", here, sizeof(here) - 1);
	bool closed = false;
	size_t i;

	if (n > 0)
		here[n] = '\0';
	else if (realpath((const char *)getauxval(AT_EXECFN), here) == NULL) /* no /proc */
		return NULL;
	slash = strrchr(here, '/');
	if (slash == NULL)
		return NULL;
	slash[1] = '\0';
	for (i = 0; i < sizeof(shim_places) / sizeof(shim_places[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", here, shim_places[i]);
		real_path = realpath(path, NULL);
		if (real_path != NULL)
			return real_path;
		if (errno == EACCES)
			closed = true;
	}
	errno = closed ? EACCES : ENOENT;
	return NULL;
}

int
run_before_save(struct run_before *b, char *why, size_t whysize)
{
	const char *others = getenv("LD_PRELOAD");
	char *shim = find_shim();

	b->preload = NULL;
	if (shim == NULL) {
		if (errno == EACCES)
			snprintf(why, whysize,
			    "%s lies in a folder that this user may not enter: make install puts "
			    "it where all may",
			    SHIM_NAME);
		else
			snprintf(why, whysize, "no %s beside alpine-run: run make, or make install",
			    SHIM_NAME);
		return -1;
	}
	if (strpbrk(shim, " :") != NULL) {
		snprintf(why, whysize,
		    "%s: LD_PRELOAD takes no blank or colon in a path: install it "
		    "elsewhere",
		    shim);
		free(shim);
		return -1;
	}
	if (others == NULL || *others == '\0')
		b->preload = shim;
	else if (asprintf(&b->preload, "%s:%s", shim, others) < 0)
		b->preload = NULL;
	b->caps = cap_get_proc();
	if (b->preload == NULL || b->caps == NULL ||
	    sigprocmask(SIG_SETMASK, NULL, &b->mask) != 0 ||
	    sigaction(SIGCHLD, NULL, &b->child_action) != 0) {
		snprintf(why, whysize, "cannot start: %s", strerror(errno));
		return -1;
	}
	return 0;
}

/*
 * An io_uring makes socket calls that nobody sees, and whose sockets reach nothing. Without one,
 * libraries fall back to ordinary calls: io_uring_setup(2) answers ENOSYS, as on a kernel that has
 * none. The number is that of every architecture (x32 has a bit more). seccomp(2).
 */
static int
refuse_io_uring(void)
{
	struct sock_filter insns[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~X32_SYSCALL_BIT),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog prog = {sizeof(insns) / sizeof(insns[0]), insns};

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0)
		return 0;
	return errno == EINVAL ? 0 : -1; /* EINVAL: a kernel that has no filters */
}

_Noreturn void
run_exec(const struct run_before *b, char **program)
{
	int error;

	if (setenv("LD_PRELOAD", b->preload, 1) != 0 || refuse_io_uring() != 0 ||
	    cap_set_proc(b->caps) != 0) {
		run_error("cannot start %s: %s", program[0], strerror(errno));
		_exit(RUN_EXIT_FAILED);
	}
	sigaction(SIGCHLD, &b->child_action, NULL);
	sigprocmask(SIG_SETMASK, &b->mask, NULL);
	execvp(program[0], program);
	error = errno;
	run_error("%s: %s", program[0], strerror(error));
	_exit(error == ENOENT || error == ENOTDIR ? RUN_EXIT_NOT_FOUND : RUN_EXIT_NOT_EXEC);
}
