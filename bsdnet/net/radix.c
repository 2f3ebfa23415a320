/*
 * radix.c - a binary trie with skipped bits, for longest-prefix match.
 * Called by route.c. Owns the forks; prefixes are storage of the caller's.
 *
 * Theory. Each node stands for a prefix of rn_plen bits and has up to two children whose prefixes
 * begin with it and go on with 0 or 1 at bit rn_plen. Bits on which all nodes below agree are
 * skipped, so a node is either somebody's prefix or a fork with two children; a fork has no key.
 *
 * A match goes down by the bits of the address without comparing anything, then compares once, with
 * the last prefix that it passed. The prefixes above that one are prefixes of it, so the number of
 * leading bits that agree tells, going up, which one is the longest that covers the address.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/malloc.h>
#include <net/radix.h>

static MALLOC_DEFINE(M_RTABLE, "routetbl", "routing tables");

struct radix_node_head {
	struct radix_node *rnh_root;
	int rnh_off;  /* bytes before the address */
	int rnh_bits; /* of an address */
	u_int rnh_count;
};

static inline int
rn_isfork(const struct radix_node *n)
{
	return (n->rn_bits == NULL);
}

static inline int
rn_bit(const u_char *bits, int i)
{
	return ((bits[i >> 3] >> (7 - (i & 7))) & 1);
}

/* How many leading bits a and b share, `limit` at most. */
static int
rn_common(const u_char *a, const u_char *b, int limit)
{
	int i, n;

	for (i = 0; i * 8 < limit; i++) {
		if (a[i] == b[i])
			continue;
		n = i * 8 + __builtin_clz((u_int)(a[i] ^ b[i])) - 24;
		return (imin(n, limit));
	}
	return (limit);
}

static inline const u_char *
rn_keybits(const void *key, const struct radix_node_head *head)
{
	return ((const u_char *)key + head->rnh_off);
}

int
rn_masklen(const void *mask, const struct radix_node_head *head)
{
	const u_char *m = mask;
	int i, len, plen, bytes;
	bool ended = false;

	if (mask == NULL)
		return (head->rnh_bits);
	/* A mask's sa_len may leave out trailing zeroes. */
	bytes = head->rnh_bits / 8;
	len = imin(imax((int)m[0] - head->rnh_off, 0), bytes);
	for (plen = 0, i = 0; i < len; i++) {
		u_char b = m[head->rnh_off + i];

		if (ended && b != 0)
			return (-1);
		if (b == 0xff) {
			plen += 8;
			continue;
		}
		ended = true;
		for (; (b & 0x80) != 0; b = (u_char)(b << 1))
			plen++;
		if (b != 0)
			return (-1);
	}
	return (plen);
}

int
rn_inithead(struct radix_node_head **headp, int off_bits, int addr_bits)
{
	struct radix_node_head *head;

	KASSERT(off_bits % 8 == 0 && addr_bits % 8 == 0, ("rn_inithead: not whole bytes"));
	head = malloc(sizeof(*head), M_RTABLE, M_NOWAIT | M_ZERO);
	if (head == NULL)
		return (0);
	head->rnh_off = off_bits / 8;
	head->rnh_bits = addr_bits;
	*headp = head;
	return (1);
}

int
rn_detachhead(struct radix_node_head **headp)
{
	KASSERT((*headp)->rnh_root == NULL, ("rn_detachhead: not empty"));
	free(*headp, M_RTABLE);
	*headp = NULL;
	return (1);
}

u_int
rn_count(const struct radix_node_head *head)
{
	return (head->rnh_count);
}

/* Where the parent of n (or the head) points to n. */
static struct radix_node **
rn_slot(struct radix_node_head *head, const struct radix_node *n)
{
	if (n->rn_parent == NULL)
		return (&head->rnh_root);
	return (&n->rn_parent->rn_child[n->rn_parent->rn_child[1] == n]);
}

static void
rn_link(struct radix_node **slot, struct radix_node *parent, struct radix_node *n)
{
	*slot = n;
	if (n != NULL)
		n->rn_parent = parent;
}

/* Any prefix at or below n: all of them agree on the bits before n's. */
static const struct radix_node *
rn_anybelow(const struct radix_node *n)
{
	while (rn_isfork(n))
		n = n->rn_child[0];
	return (n);
}

/*
 * Finds where the prefix bits/plen belongs: the first node on its way, counted from the root, that
 * is not a shorter prefix of it (NULL: there is room below *parent, or the tree is empty). *common
 * tells how many bits it and that node share, at most plen.
 *
 * All nodes that the way down passes before its last agree with the bit that was followed, so only
 * the last one can have rn_plen == *common.
 */
static struct radix_node *
rn_place(const u_char *bits, int plen, struct radix_node_head *head, struct radix_node **parent,
    int *common)
{
	struct radix_node *n, *last = NULL;
	const struct radix_node *below;

	for (n = head->rnh_root; n != NULL && n->rn_plen < plen;
	     n = n->rn_child[rn_bit(bits, n->rn_plen)])
		last = n;
	if (n == NULL)
		n = last;
	*parent = NULL;
	*common = 0;
	if (n == NULL)
		return (NULL);
	below = rn_anybelow(n);
	*common = rn_common(bits, below->rn_bits, imin(plen, below->rn_plen));
	if (*common < plen && n->rn_plen == *common) {
		*parent = n;
		return (NULL);
	}
	while (n->rn_parent != NULL && n->rn_parent->rn_plen > *common)
		n = n->rn_parent;
	*parent = n->rn_parent;
	return (n);
}

struct radix_node *
rn_addroute(
    const void *key, const void *mask, struct radix_node_head *head, struct radix_node *node)
{
	const u_char *bits = rn_keybits(key, head);
	struct radix_node *n, *parent, *fork, **slot;
	int plen, common;

	if ((plen = rn_masklen(mask, head)) < 0)
		return (NULL);
	n = rn_place(bits, plen, head, &parent, &common);
	if (n != NULL && n->rn_plen == plen && common == plen && !rn_isfork(n))
		return (NULL);

	*node = (struct radix_node){.rn_bits = bits,
	    .rn_key = key,
	    .rn_mask = mask,
	    .rn_plen = plen,
	    .rn_flags = RNF_ACTIVE};
	head->rnh_count++;
	slot = n != NULL	? rn_slot(head, n)
	       : parent != NULL ? &parent->rn_child[rn_bit(bits, parent->rn_plen)]
				: &head->rnh_root;
	if (n == NULL) {
		rn_link(slot, parent, node);
	} else if (n->rn_plen == plen && common == plen) {
		/* A fork stands exactly there: the prefix takes its place. */
		rn_link(&node->rn_child[0], node, n->rn_child[0]);
		rn_link(&node->rn_child[1], node, n->rn_child[1]);
		rn_link(slot, parent, node);
		free(n, M_RTABLE);
	} else if (common == plen) {
		/* n is a longer prefix of it. */
		rn_link(slot, parent, node);
		rn_link(&node->rn_child[rn_bit(rn_anybelow(n)->rn_bits, plen)], node, n);
	} else {
		fork = malloc(sizeof(*fork), M_RTABLE, M_WAITOK | M_ZERO);
		fork->rn_plen = common;
		rn_link(slot, parent, fork);
		rn_link(&fork->rn_child[rn_bit(bits, common)], fork, node);
		rn_link(&fork->rn_child[!rn_bit(bits, common)], fork, n);
	}
	return (node);
}

struct radix_node *
rn_lookup(const void *key, const void *mask, struct radix_node_head *head)
{
	const u_char *bits = rn_keybits(key, head);
	struct radix_node *n;
	int plen;

	if ((plen = rn_masklen(mask, head)) < 0)
		return (NULL);
	for (n = head->rnh_root; n != NULL && n->rn_plen < plen;)
		n = n->rn_child[rn_bit(bits, n->rn_plen)];
	if (n == NULL || n->rn_plen != plen || rn_isfork(n) ||
	    rn_common(bits, n->rn_bits, plen) != plen)
		return (NULL);
	return (n);
}

/* Takes a fork out that is left with one child. */
static void
rn_prune(struct radix_node_head *head, struct radix_node *n)
{
	struct radix_node *child;

	if (n == NULL || !rn_isfork(n))
		return;
	child = n->rn_child[0] != NULL ? n->rn_child[0] : n->rn_child[1];
	rn_link(rn_slot(head, n), n->rn_parent, child);
	free(n, M_RTABLE);
}

struct radix_node *
rn_delete(const void *key, const void *mask, struct radix_node_head *head)
{
	struct radix_node *n, *fork;

	if ((n = rn_lookup(key, mask, head)) == NULL)
		return (NULL);
	if (n->rn_child[0] != NULL && n->rn_child[1] != NULL) {
		fork = malloc(sizeof(*fork), M_RTABLE, M_WAITOK | M_ZERO);
		fork->rn_plen = n->rn_plen;
		rn_link(rn_slot(head, n), n->rn_parent, fork);
		rn_link(&fork->rn_child[0], fork, n->rn_child[0]);
		rn_link(&fork->rn_child[1], fork, n->rn_child[1]);
	} else if (n->rn_child[0] != NULL || n->rn_child[1] != NULL) {
		rn_link(rn_slot(head, n), n->rn_parent,
		    n->rn_child[0] != NULL ? n->rn_child[0] : n->rn_child[1]);
	} else {
		*rn_slot(head, n) = NULL;
		rn_prune(head, n->rn_parent);
	}
	n->rn_flags &= (uint8_t)~RNF_ACTIVE;
	n->rn_parent = n->rn_child[0] = n->rn_child[1] = NULL;
	head->rnh_count--;
	return (n);
}

struct radix_node *
rn_match_bits(const void *addr, struct radix_node_head *head)
{
	const u_char *bits = addr;
	struct radix_node *n, *best = NULL;
	int common;

	for (n = head->rnh_root; n != NULL;) {
		if (!rn_isfork(n))
			best = n;
		if (n->rn_plen == head->rnh_bits)
			break;
		n = n->rn_child[rn_bit(bits, n->rn_plen)];
	}
	if (best == NULL)
		return (NULL);
	common = rn_common(bits, best->rn_bits, best->rn_plen);
	while (best != NULL && (rn_isfork(best) || best->rn_plen > common))
		best = best->rn_parent;
	return (best);
}

struct radix_node *
rn_match(const void *key, struct radix_node_head *head)
{
	return (rn_match_bits(rn_keybits(key, head), head));
}

/* The next node in pre-order. */
static struct radix_node *
rn_after(struct radix_node *n)
{
	struct radix_node *up;

	if (n->rn_child[0] != NULL)
		return (n->rn_child[0]);
	if (n->rn_child[1] != NULL)
		return (n->rn_child[1]);
	for (up = n->rn_parent; up != NULL; n = up, up = up->rn_parent) {
		if (up->rn_child[0] == n && up->rn_child[1] != NULL)
			return (up->rn_child[1]);
	}
	return (NULL);
}

static struct radix_node *
rn_nextprefix(struct radix_node *n)
{
	while (n != NULL && rn_isfork(n))
		n = rn_after(n);
	return (n);
}

int
rn_walktree(struct radix_node_head *head, walktree_f_t *f, void *arg)
{
	struct radix_node *n, *next;
	int error;

	for (n = rn_nextprefix(head->rnh_root); n != NULL; n = next) {
		/* Deleting n frees and moves forks only, so a prefix is a safe place to go on. */
		next = rn_nextprefix(rn_after(n));
		if ((error = f(n, arg)) != 0)
			return (error);
	}
	return (0);
}
