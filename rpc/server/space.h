/*
 * space.h - who shares limits: the programs of one attached namespace, or all that came by the
 * daemon's own socket. Host world; owned by server.c.
 */
#ifndef RPC_SPACE_H
#define RPC_SPACE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "kernel_glue/include/host/host.h"
#include "rpc/server/mirror.h"

struct space {
	struct host_watch s_watch; /* on its listener */
	int s_fd;		   /* the listener, -1 once its launcher has gone */
	unsigned s_refs;	   /* pairs, connections, the launcher's */
	unsigned s_sockets, s_conns;
	size_t s_text; /* bytes of answers that its connections do not read */
	uint32_t s_id;
	struct mirror *s_mirror; /* NULL: none */
	int s_paused;		 /* the listener is not watched: too many connections */
	LIST_ENTRY(space) s_link;
};

void space_hold(struct space *);
void space_release(struct space *);

#endif
