/*
 * state.h - what was before attaching: in memory, and as a file. This folder's own.
 */
#ifndef TAPBRIDGE_STATE_H
#define TAPBRIDGE_STATE_H

#include "tapbridge/attach/attach.h"
#include "tapbridge/attach/nl_util.h"

/* All that has to do with an interface. */
struct netconf {
	struct nl_records addrs, nexthops, routes, neighs, rules;
};

/* `other`: the ifindex of the other end of a move, or 0. */
int netconf_read(struct nl_sock *, const struct nl_end *, int other, struct netconf *);
void netconf_free(struct netconf *);

struct state {
	struct attach_spec spec;
	int iface_index,
	    bridge_index; /* 0: none. The tap's place in ATTACH_MACVTAP: bridge_index */
	uint32_t mtu;	  /* before: iface's; the TAP's in ATTACH_TAP */
	uint8_t addr_gen_mode;
	bool created;	 /* the bridge is ours to delete */
	bool joined;	 /* only the TAP was put into the bridge */
	bool was_down;	 /* the bridge, or the prepared TAP */
	bool complete;	 /* attaching came to its end */
	int64_t saved_s; /* when, by CLOCK_BOOTTIME */
	struct netconf conf;
};

/* Atomically, and on the disk when it returns. Nothing without a folder. 0 or -1. */
int state_write(struct state *, struct link_error *);
/* 1: read; 0: there is none; -1: it cannot be used. */
int state_read(const char *dir, const char *name, struct state *, struct link_error *);
void state_remove(const struct state *);
void state_free(struct state *);
int state_copy_conf(struct netconf *to, const struct netconf *from); /* 0 or -1: no memory */
int64_t state_now_s(void);

/* Names of instances that have a state file, one call each; false ends it. */
typedef bool state_fn(const char *name, void *arg);
void state_each(const char *dir, state_fn *fn, void *arg);

/*
 * Locks: one for each instance, held as long as it is attached, by whoever will undo it; and one
 * for the folder (name ""), held while something is changed. The kernel lets go of them when the
 * holder dies. A descriptor; -1: somebody else has it (EWOULDBLOCK) or errno.
 */
int state_lock(const char *dir, const char *name, int wait_ms);
void state_unlock(int fd, const char *dir, const char *name);
void state_sweep(const char *dir); /* removes the lock files that nobody holds */

#endif
