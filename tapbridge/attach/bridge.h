/*
 * bridge.h - the ways to attach, each with its undoing. This folder's own; attach.c chooses.
 */
#ifndef TAPBRIDGE_BRIDGE_H
#define TAPBRIDGE_BRIDGE_H

#include "tapbridge/attach/state.h"

/* Looks: fills the state with what there is, and says no to what cannot work. 0 or -1. */
int bridge_look(struct nl_sock *, struct state *, struct link_error *);
int bridge_do(struct nl_sock *, struct state *, struct link_error *);
/* Brings back what was; 1: somebody else needs the bridge, so it stays. 0 or -1 otherwise. */
int bridge_undo(struct nl_sock *, struct state *, struct link_error *);
/* The nic is back, not in the bridge: puts it there, with whatever it has. 0 or -1. */
int bridge_rejoin(
    struct nl_sock *, struct state *, const struct nl_linkinfo *nic, struct link_error *);

/* The nic, and the bridge that is ours: ifindex 0 where there is none. */
struct bridge_ends {
	struct nl_linkinfo nic, bridge;
};
int bridge_ends(struct nl_sock *, const struct state *, struct bridge_ends *);

const char *attach_hint(int nl_error);
/* `iface` is an Ethernet interface that can share its wire. 0 or -1. */
int attach_check_nic(
    struct nl_sock *, const char *iface, struct nl_linkinfo *, struct link_error *);

#endif
