/* confine.h - alpined gives up what it does not need; confine.c. */
#ifndef RPC_CONFINE_H
#define RPC_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

/* Whom alpined runs as, once it stands. */
struct confine_user {
	bool change; /* false: as whoever started it */
	uid_t uid;
	gid_t gid;
	char name[64]; /* for the log: a name, or the number */
};

void confine_raise_limits(void); /* as many descriptors as may be */
/*
 * NAME is an account or a uid; NULL: "alpine" if there is such an account, else a uid that nobody
 * has, the same every time for the same instance. Without root nothing changes. False: no such.
 */
bool confine_find_user(const char *name, const char *instance, struct confine_user *);

/* In this order. 0 or errno; one that fails has changed nothing. */
int confine_namespace(void);			     /* an empty network namespace */
int confine_filesystem(void);			     /* an empty root */
int confine_privileges(const struct confine_user *); /* user, groups, capabilities */
int confine_system_calls(void);			     /* the filter, for all threads */

int confine_keeper(const int *caps, int n); /* what attaches: these capabilities and no more */
int confine_sweeper(void);		    /* what removes two names at the end */

/* The directory /proc, opened by the first call, before it goes out of sight; -1 none. */
int confine_proc_fd(void);

#endif
