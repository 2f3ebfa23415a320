/*
 * confine.c - alpined's limits and privileges.
 *
 * After attaching, alpined works on descriptors that it has: the TAP, sockets, an epoll. It moves
 * into an empty network namespace, in which the names of its socket pairs are its own affair and
 * from which nothing can be reached, and drops every capability and the way to new ones. What
 * has to be undone at the end (the bridge) is done by a keeper, a process that alpined.c forks
 * before.
 *
 * Called by alpined.c, once, in this order.
 */
#include <errno.h>
#include <sched.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "rpc/confine.h"

#define FDS_WANTED (1024 * 1024)

void
confine_raise_limits(void)
{
	struct rlimit want = {FDS_WANTED, FDS_WANTED}, have;

	if (setrlimit(RLIMIT_NOFILE, &want) == 0 || getrlimit(RLIMIT_NOFILE, &have) != 0)
		return;
	have.rlim_cur = have.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &have);
}

int
confine_namespace(void)
{
	return (unshare(CLONE_NEWNET) == 0 ? 0 : errno);
}

int
confine_privileges(void)
{
	cap_t none;
	int error = 0;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return (errno);
	none = cap_init();
	if (none == NULL)
		return (errno);
	if (cap_set_proc(none) != 0)
		error = errno;
	cap_free(none);
	return (error);
}
