/*
 * run_exec.h - what the caller had, kept aside, and given to PROGRAM. For alpine_run.c.
 */
#ifndef NETNS_LAUNCHER_RUN_EXEC_H
#define NETNS_LAUNCHER_RUN_EXEC_H

#include <signal.h>
#include <stddef.h>
#include <sys/capability.h>

struct run_before {
	sigset_t mask;
	struct sigaction child_action; /* of SIGCHLD, the only disposition that we change */
	cap_t caps;
	char *preload; /* LD_PRELOAD as PROGRAM gets it */
};

/* 0, or -1 with the reason in why[]. */
int run_before_save(struct run_before *b, char *why, size_t whysize);

/* Become PROGRAM. Says what failed, and exits, if that cannot be. */
_Noreturn void run_exec(const struct run_before *b, char **program);

#endif
