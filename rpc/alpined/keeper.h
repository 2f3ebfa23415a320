/* keeper.h - the process that attaches, watches the links, and undoes it when alpined is gone. */
#ifndef RPC_KEEPER_H
#define RPC_KEEPER_H

#include "tapbridge/attach/attach.h"

struct keeper_told {
	bool attached; /* the answer to keeper_attach() */
	struct link_error error;
	char bridge[IFNAMSIZ], tap[IFNAMSIZ];
	bool carrier; /* an event: frames can pass */
	int fd;	      /* for frames, of a macvtap or a packet socket; the receiver's. -1: none */
};

int keeper_start(const char *fault); /* 0 or errno; `fault`: for tests, or NULL */
/* 0, or -1 and told->error; waits for the answer. */
int keeper_attach(const struct attach_spec *, struct keeper_told *);
/* A descriptor for events; keeper_event() reads one: 1, 0 (none now), -1 (the keeper is gone). */
int keeper_fd(void);
int keeper_event(struct keeper_told *);
void keeper_finish(void); /* has it undone, and waits for that */

#endif
