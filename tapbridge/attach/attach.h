/*
 * attach.h - attaching the stack to a network of this machine, and undoing it.
 *
 * Host world. The keeper (rpc/alpined/keeper.c) calls it; it needs CAP_NET_ADMIN in the machine's
 * network namespace. What was before is in memory and, if a folder for it is given, in a file
 * NAME.state there, so that whoever comes after a SIGKILL can bring it back.
 */
#ifndef TAPBRIDGE_ATTACH_H
#define TAPBRIDGE_ATTACH_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "tapbridge/link.h"

#define ATTACH_NAME_MAX 64
#define ATTACH_DIR_MAX 200

enum attach_mode {
	ATTACH_BRIDGE,	/* iface and the TAP in one bridge */
	ATTACH_MACVTAP, /* an interface of its own above iface */
	ATTACH_PACKET,	/* AF_PACKET on iface, the host kept from answering */
	ATTACH_TAP,	/* a TAP that somebody prepared */
};

struct attach_spec {
	enum attach_mode mode;
	char name[ATTACH_NAME_MAX]; /* of the instance */
	char dir[ATTACH_DIR_MAX];   /* of the state file; "": none */
	char iface[IFNAMSIZ];
	char bridge[IFNAMSIZ]; /* "": br-IFACE */
	bool bridge_exists;    /* it must be there already */
	char tap[IFNAMSIZ];    /* ATTACH_BRIDGE: made before; ATTACH_MACVTAP: to be made */
	uint8_t mac[6];	       /* the stack's */
	uint8_t addr[4];       /* the stack's IPv4 address, ATTACH_PACKET */
	int prefix;
	uint32_t mtu; /* 0: that of iface */
};

struct attachment;
/* All or nothing. NULL: nothing is changed, and why. */
struct attachment *attach_begin(const struct attach_spec *, struct link_error *);
int attach_end(struct attachment *, struct link_error *); /* undoes and frees it; 0 or -1 */
const char *attach_bridge(const struct attachment *);	  /* "": none */
const char *attach_tap(const struct attachment *);
/* ATTACH_MACVTAP, ATTACH_PACKET: a descriptor for the stack's frames. -1 and why not. */
int attach_open(const struct attachment *, struct link_error *);

/*
 * Link events: a descriptor to poll, and what to do when it is readable or when so many
 * milliseconds have passed (-1: no limit). They tell what happened by host_log(). `*carrier` says
 * whether frames can pass; `*renewed`, that it was attached anew, so the descriptor is
 * to be taken anew by attach_open().
 */
int attach_watch(struct attachment *); /* the descriptor, or -1 */
int attach_watch_timeout(const struct attachment *);
void attach_watch_event(struct attachment *, bool *carrier, bool *renewed);

/* Brings back what was before a daemon that is gone; `name` NULL: before each of them. */
int attach_restore(const char *dir, const char *name, struct link_error *);
bool attach_set_fault(const char *); /* "kill@N", "fail@N": see nl_util.h */

#endif
