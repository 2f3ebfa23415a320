/*
 * nl_util.h - what bridge.c asks of rtnetlink: links by name, and saved addresses and routes.
 * Host world, tapbridge's own. Over libnl-3 and libnl-route-3. Returns are 0 or a negative
 * libnl error (nl_geterror()), unless stated.
 */
#ifndef TAPBRIDGE_NL_UTIL_H
#define TAPBRIDGE_NL_UTIL_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nl_sock;
struct nlmsghdr;

struct nl_linkinfo {
	int ifindex;
	int master; /* 0: none */
	unsigned flags;
	uint32_t mtu;
	uint8_t mac[6];
	bool ethernet;
	char name[IFNAMSIZ];
	char kind[16]; /* "bridge", "bond", ...; "" for a NIC */
};

struct nl_sock *nlu_open(int *error);
int nlu_link_get(struct nl_sock *, const char *name, int ifindex, struct nl_linkinfo *);
int nlu_bridge_create(struct nl_sock *, const char *name, const struct nl_linkinfo *like);
int nlu_link_delete(struct nl_sock *, int ifindex);
int nlu_link_set_up(struct nl_sock *, int ifindex, bool up);
int nlu_link_set_master(struct nl_sock *, int ifindex, int master); /* 0: none */

/*
 * Records are the kernel's own messages, kept whole, so that whatever an address or a route
 * carries (metric, protocol, lifetime, flags, things that this code has never heard of) comes
 * back as it was.
 */
struct nl_record {
	struct nl_record *next;
	struct nlmsghdr *msg;
};
struct nl_records {
	struct nl_record *first;
	int count;
};

/* Addresses of an interface, without IPv6 link-local ones; first the first that was added. */
int nlu_save_addrs(struct nl_sock *, int ifindex, struct nl_records *);
/* Routes out of an interface, without those that the kernel makes from addresses. */
int nlu_save_routes(struct nl_sock *, int ifindex, struct nl_records *);
void nlu_free_records(struct nl_records *);

/* Does a saved address once more, or undoes it, at another interface or the same. */
int nlu_addr_add(struct nl_sock *, const struct nl_record *, int ifindex);
int nlu_addr_del(struct nl_sock *, const struct nl_record *, int ifindex);
/* The same for a route; hops that went out of `from` go out of `to`. */
int nlu_route_add(struct nl_sock *, const struct nl_record *, int from, int to);
int nlu_route_del(struct nl_sock *, const struct nl_record *, int from, int to);

#endif
