/*
 * if_llatbl.h - link-layer addresses of neighbours: a table per interface and family.
 *
 * An entry is in its table (LLE_LINKED) or dead. The table holds one reference, and everybody who
 * keeps a pointer (struct route's ro_lle) one: lltable_lookup() gives none. An entry that has left
 * its table never has LLE_VALID, so a holder tests that flag and needs no generation.
 */
#ifndef _NET_IF_LLATBL_H_
#define _NET_IF_LLATBL_H_

#include <sys/types.h>
#include <sys/callout.h>
#include <sys/eventhandler.h>
#include <sys/mbuf.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <netinet/in.h>

struct ifnet;
struct lltable;
struct llentry;

#define LLE_MAX_LINKHDR 24 /* bytes: the longest link header kept ready */

struct llentry {
	/* what a packet needs comes first */
	union {
		struct in_addr addr4;
		struct in6_addr addr6;
	} r_l3addr;
	uint16_t la_flags; /* LLE_* */
	uint8_t r_hdrlen;  /* bytes of r_linkdata in use */
	bool la_used;	   /* set by whoever sends by it; cleared when it is verified */
	u_char r_linkdata[LLE_MAX_LINKHDR]; /* the whole link header, if LLE_VALID */

	LIST_ENTRY(llentry) lle_next; /* hash chain */
	TAILQ_ENTRY(llentry) lle_age; /* of the table, the oldest first */
	struct lltable *lle_tbl;      /* NULL once it has left */
	u_int lle_refcnt;
	uint8_t la_state;     /* the protocol's: ARP_* of if_ether.h */
	uint8_t la_asked;     /* requests sent without an answer */
	time_t la_expire;     /* time_uptime; 0 never */
	struct mbufq la_hold; /* packets that wait for the address */
	struct callout lle_timer;
	u_char ll_addr[8]; /* the address itself */
};
#define LLE_DELETED 0x0001
#define LLE_STATIC 0x0002 /* by hand: stays */
#define LLE_IFADDR 0x0004 /* our own */
#define LLE_VALID 0x0008  /* ll_addr and r_linkdata are good */
#define LLE_REJECT 0x0010
#define LLE_PUB 0x0020 /* published */
#define LLE_LINKED 0x0040

TAILQ_HEAD(llentries, llentry);
#define LLTBL_HASHSIZE 64

typedef int llt_foreach_cb_t(struct lltable *, struct llentry *, void *);

struct lltable {
	sa_family_t llt_af;
	struct ifnet *llt_ifp;
	u_int llt_entries;
	u_int llt_hashseed;
	LIST_HEAD(, llentry) lle_head[LLTBL_HASHSIZE];
	struct llentries llt_age;
	/* The protocol's: find or ask for dst's address; as arpresolve(). */
	int (*llt_resolve)(struct ifnet *, int is_gw, struct mbuf *, const struct sockaddr *dst,
	    u_char *hdr, uint32_t *pflags, struct llentry **);
	void (*llt_free_entry)(struct lltable *, struct llentry *); /* it leaves the table */
};

/* eventhandler(9): a neighbour's address is known now, or is no more. */
typedef void (*lle_event_fn)(void *arg, struct llentry *, int);
EVENTHANDLER_DECLARE(lle_event, lle_event_fn);
#define LLENTRY_RESOLVED 0
#define LLENTRY_DELETED 2

struct lltable *lltable_allocate(struct ifnet *, sa_family_t);
void lltable_free(struct lltable *); /* every entry leaves */
struct llentry *lltable_lookup(struct lltable *, const struct sockaddr *);
/* NULL: no memory. The caller checked the bound and that there is none. */
struct llentry *lltable_create(struct lltable *, const struct sockaddr *);
void lltable_delete_entry(struct llentry *); /* drops what it holds, stops its timer */
/* Fills address and link header, sets LLE_VALID. */
void lltable_set_entry_addr(struct llentry *, const u_char *lladdr);
int lltable_foreach_lle(struct lltable *, llt_foreach_cb_t *, void *);
/* IPv4 or IPv6 address of an entry, as a sockaddr */
void lltable_fill_sa_entry(const struct llentry *, struct sockaddr *);
void lltable_lladdr_changed(struct lltable *); /* our own MAC changed: headers are rebuilt */

/* What dom_ifattach of a family with neighbours returns begins with its table. */
struct lltable_holder {
	struct lltable *lh_llt;
};
#define lltable_get(ifp, af)                                                                       \
	((ifp)->if_afdata[af] != NULL ? ((struct lltable_holder *)(ifp)->if_afdata[af])->lh_llt    \
				      : NULL)

void llentry_ref(struct llentry *);
void llentry_free(struct llentry *); /* drops a reference */

#endif
