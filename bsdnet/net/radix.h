/*
 * radix.h - the radix tree that routes are kept in: longest-prefix match over
 * keys that are sockaddrs. (Sklower, "A Tree-Based Packet Routing Table for
 * Berkeley Unix", 1991.)
 */
#ifndef _NET_RADIX_H_
#define _NET_RADIX_H_

#include <sys/types.h>

struct radix_node; /* embed as the first member; layout in radix.c's private part below */
struct radix_node_head;

struct radix_node {
	struct radix_node *rn_parent;
	struct radix_node *rn_child[2]; /* inner nodes; both NULL at a leaf */
	struct radix_node *rn_dupedkey; /* leaves of the same key, longer masks first */
	const void *rn_key;		/* sockaddr, sa_len bytes count */
	const void *rn_mask;		/* NULL: host */
	int rn_bit;			/* inner: the bit tested; leaf: -1 */
	int rn_plen;			/* leaf: prefix length in bits from the key's offset */
	uint8_t rn_flags;
};
#define RNF_ACTIVE 0x4

typedef int walktree_f_t(struct radix_node *, void *);

/* off: bits of the sockaddr that come before the address */
int rn_inithead(struct radix_node_head **, int off_bits, int addr_bits);
int rn_detachhead(struct radix_node_head **);
/* node is the caller's storage; NULL if that (key, mask) is there already */
struct radix_node *rn_addroute(const void *key, const void *mask, struct radix_node_head *,
    struct radix_node *node);
struct radix_node *rn_delete(const void *key, const void *mask, struct radix_node_head *);
struct radix_node *rn_lookup(const void *key, const void *mask, struct radix_node_head *);
struct radix_node *rn_match(const void *key, struct radix_node_head *);
/* f may delete the node that it is shown; stops at f's first non-zero */
int rn_walktree(struct radix_node_head *, walktree_f_t *, void *);

#endif
