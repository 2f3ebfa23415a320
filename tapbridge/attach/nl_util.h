/*
 * nl_util.h - what attaching asks of rtnetlink: links, and records of addresses, routes, nexthops,
 * neighbours and rules that can be done again somewhere else.
 * Host world, this folder's own. Over libnl-3 and libnl-route-3. Returns are 0 or a negative
 * libnl error (nl_geterror()), unless stated.
 */
#ifndef TAPBRIDGE_NL_UTIL_H
#define TAPBRIDGE_NL_UTIL_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nl_sock;
struct nl_msg;
struct nlmsghdr;

struct nl_linkinfo {
	int ifindex;
	int master; /* 0: none */
	unsigned flags;
	uint32_t mtu;
	uint8_t mac[6];
	uint8_t addr_gen_mode; /* how IPv6 link-local addresses are made */
	bool ethernet;
	char name[IFNAMSIZ];
	char kind[16]; /* "bridge", "bond", ...; "" for a NIC */
};

struct nl_sock *nlu_open(int *error);
/* Every change passes here: sends, waits for the kernel's answer, frees the message. */
int nlu_change(struct nl_sock *, struct nl_msg *);
/* The same for a message into which all was put, or (put_error) not all fitted. */
int nlu_change_if(struct nl_sock *, struct nl_msg *, int put_error);
/*
 * Faults for tests: "kill@N" ends this process and its parent by SIGKILL before the Nth change,
 * "fail@N" makes that change fail. False: that is no fault.
 */
bool nlu_set_fault(const char *text);
unsigned nlu_changes(void); /* how many there were */

/* nl_link.c */
int nlu_link_get(struct nl_sock *, const char *name, int ifindex, struct nl_linkinfo *);
typedef bool nlu_link_fn(const struct nl_linkinfo *, void *arg); /* false: enough */
int nlu_link_each(struct nl_sock *sk, nlu_link_fn *fn, void *arg);
/* One for an interface to be made: nobody's, and not the next that the kernel would give. */
int nlu_free_index(struct nl_sock *sk, int *ifindex);
int nlu_bridge_create(
    struct nl_sock *, const char *name, int ifindex, const struct nl_linkinfo *like);
int nlu_macvtap_create(
    struct nl_sock *, const char *name, int ifindex, int lower, const uint8_t mac[6], uint32_t mtu);
int nlu_link_delete(struct nl_sock *, int ifindex);
int nlu_link_set_up(struct nl_sock *, int ifindex, bool up);
int nlu_link_set_mtu(struct nl_sock *, int ifindex, uint32_t mtu);
int nlu_link_set_mac(struct nl_sock *, int ifindex, const uint8_t mac[6]);
int nlu_link_set_master(struct nl_sock *, int ifindex, int master); /* 0: none */
int nlu_link_set_addr_gen_mode(struct nl_sock *, int ifindex, uint8_t mode);

/*
 * Records are the kernel's own messages, kept whole, so that whatever an address or a route
 * carries (metric, protocol, lifetime, flags, things that this code has never heard of) comes
 * back as it was.
 */
struct nl_record {
	struct nl_record *next;
	struct nlmsghdr *msg;
	bool before_others; /* a route: one of another interface, as good as this, comes after it */
};
struct nl_records {
	struct nl_record *first;
	int count;
};

/* One end of a move: an interface. */
struct nl_end {
	int ifindex;
	const char *name;
};

/* nl_record.c: lists */
typedef bool nlu_wanted_fn(struct nlmsghdr *, void *arg);
int nlu_dump(struct nl_sock *sk, int type, const void *hdr, size_t len, nlu_wanted_fn *wanted,
    void *arg, struct nl_records *list);
struct nl_record *nlu_append(struct nl_records *, const struct nlmsghdr *); /* NULL: no memory */
void nlu_free_records(struct nl_records *);

/* nl_addr.c. Addresses of an interface; first the first that was added. */
int nlu_save_addrs(struct nl_sock *, int ifindex, struct nl_records *);
/* As saved at `from`, now for `to`; lifetimes are those of `lives` (may be `r` itself). */
int nlu_addr_add(struct nl_sock *, const struct nl_record *r, const struct nl_record *lives,
    const struct nl_end *from, const struct nl_end *to);
int nlu_addr_del(struct nl_sock *, const struct nl_record *, int ifindex);
bool nlu_addr_is_linklocal(const struct nl_record *);
bool nlu_addr_is_temporary(const struct nl_record *);
bool nlu_addr_is_inet6(const struct nl_record *);
const struct nl_record *nlu_addr_find(const struct nl_records *, const struct nl_record *like);

/*
 * nl_route.c. Routes that use an interface, or one of the nexthop objects given; without those
 * that the kernel makes for each address (local, broadcast, anycast) and each interface
 * (fe80::/64, ff00::/8). `other` is the other end of a move (0: none), for before_others.
 */
int nlu_save_routes(struct nl_sock *, int ifindex, int other, const struct nl_records *nexthops,
    struct nl_records *);
/* Hops that went out of `from` go out of `to`. */
int nlu_route_add(struct nl_sock *, const struct nl_record *, int from, int to);
int nlu_route_del(struct nl_sock *, const struct nl_record *, int from, int to);
bool nlu_route_is_kernel(const struct nl_record *);
bool nlu_route_by_nexthop(const struct nl_record *); /* goes where its nexthop object goes */
bool nlu_route_replaces(const struct nl_record *);   /* adding it takes the old one away */
/* The one in the list that is `like` when its hops out of `from` are turned to `to`. */
const struct nl_record *nlu_route_find(
    const struct nl_records *, const struct nl_record *like, int from, int to);

/* nl_object.c. Nexthop objects out of an interface, and the groups of them. */
int nlu_save_nexthops(struct nl_sock *, int ifindex, struct nl_records *);
int nlu_nexthop_put(struct nl_sock *, const struct nl_record *, int from, int to);
bool nlu_nexthop_has(const struct nl_records *, uint32_t id);
uint32_t nlu_nexthop_id(const struct nl_record *);
bool nlu_nexthop_is_hop(const struct nl_record *); /* no group */
/* Neighbours that are known, permanent ones, and proxies. */
int nlu_save_neighs(struct nl_sock *, int ifindex, struct nl_records *);
int nlu_neigh_put(struct nl_sock *, const struct nl_record *, int ifindex);
int nlu_neigh_del(struct nl_sock *, const struct nl_record *, int ifindex);
bool nlu_neigh_is_permanent(const struct nl_record *); /* or a proxy */
bool nlu_neigh_is_proxy(const struct nl_record *);
const struct nl_record *nlu_neigh_find(const struct nl_records *, const struct nl_record *like);
/* Policy rules that name an interface. */
int nlu_save_rules(struct nl_sock *, const char *name, struct nl_records *);
int nlu_rule_add(struct nl_sock *, const struct nl_record *, const char *from, const char *to);
int nlu_rule_del(struct nl_sock *, const struct nl_record *, const char *from, const char *to);
bool nlu_rule_is_inverted(const struct nl_record *);
const struct nl_record *nlu_rule_find(
    const struct nl_records *, const struct nl_record *like, const char *from, const char *to);

/* A record in ip(8)'s manner, for messages. */
const char *nlu_text(const struct nl_record *, char *buf, size_t size);

#endif
