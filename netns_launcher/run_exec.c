/*
 * run_exec.c - what the caller had, kept aside, and given to PROGRAM: signals, capabilities, and
 * an LD_PRELOAD with the shim in front of what was there. ld.so(8), capabilities(7).
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "netns_launcher/run.h"
#include "netns_launcher/run_exec.h"

#define SHIM_NAME "libalpine.so"

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

_Noreturn void
run_exec(const struct run_before *b, char **program)
{
	int error;

	if (setenv("LD_PRELOAD", b->preload, 1) != 0 || cap_set_proc(b->caps) != 0) {
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
