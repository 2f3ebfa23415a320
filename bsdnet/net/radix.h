/*
 * radix.h - the tree that routes are kept in: longest-prefix match over keys that are sockaddrs.
 * (The idea: Sklower, "A Tree-Based Packet Routing Table for Berkeley Unix", 1991.)
 *
 * A node is a prefix. The caller embeds it as the first member of what it stores and keeps key and
 * node where they are until rn_delete() has returned the node.
 */
#ifndef _NET_RADIX_H_
#define _NET_RADIX_H_

#include <sys/types.h>

struct radix_node_head;

struct radix_node {
	struct radix_node *rn_parent;
	struct radix_node *rn_child[2]; /* longer prefixes, by bit rn_plen of the key */
	const u_char *rn_bits;		/* the key's address part; NULL: a fork without a prefix */
	const void *rn_key;		/* sockaddr */
	const void *rn_mask;		/* sockaddr; NULL: host */
	int rn_plen;			/* bits of rn_bits that count */
	uint8_t rn_flags;
};
#define RNF_ACTIVE 0x4 /* in a tree */

typedef int walktree_f_t(struct radix_node *, void *);

/* off_bits: bits of the sockaddr before the address, whole bytes; 1, or 0: no memory */
int rn_inithead(struct radix_node_head **, int off_bits, int addr_bits);
int rn_detachhead(struct radix_node_head **); /* the tree must be empty */
/* node is the caller's storage; NULL if that (key, mask) is there already or the mask has holes */
struct radix_node *rn_addroute(
    const void *key, const void *mask, struct radix_node_head *, struct radix_node *node);
struct radix_node *rn_delete(const void *key, const void *mask, struct radix_node_head *);
struct radix_node *rn_lookup(const void *key, const void *mask, struct radix_node_head *);
struct radix_node *rn_match(const void *key, struct radix_node_head *);
/* the same by the address alone */
struct radix_node *rn_match_bits(const void *addr, struct radix_node_head *);
/*
 * In the order of addresses, shorter prefixes first. f may delete the node that it is shown;
 * the walk stops at f's first non-zero and returns it.
 */
int rn_walktree(struct radix_node_head *, walktree_f_t *, void *);
/* Leading ones of a mask, -1 if it has holes. NULL is a host's mask. */
int rn_masklen(const void *mask, const struct radix_node_head *);
u_int rn_count(const struct radix_node_head *);

#endif
