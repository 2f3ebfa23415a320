/*
 * watch.h - struct attachment, and the watch on its links. This folder's own.
 */
#ifndef TAPBRIDGE_WATCH_H
#define TAPBRIDGE_WATCH_H

#include "tapbridge/attach/state.h"

struct attachment {
	struct nl_sock *a_sk;
	struct attach_spec a_spec; /* as asked for; a_state.spec is what came of it */
	struct state a_state;
	int a_lock;
	bool a_made_dir;
	/* watch.c */
	struct nl_sock *a_events;
	bool a_nic_there, a_nic_up, a_nic_in, a_bridge_there;
	int a_nic_index;
	unsigned a_tries;     /* since it was calm */
	int64_t a_trouble_ms; /* when the last trouble was */
	int64_t a_retry_ms;   /* when to try again; 0: nothing to try */
};

void watch_close(struct attachment *);
/* attach.c, for watch.c: undo what can be undone, and attach anew. 0 or -1. */
int attach_redo_undo(struct attachment *, struct link_error *);
int attach_redo(struct attachment *, struct link_error *);

#endif
