/*
 * net_radix.c - the routes' tree against a plain table: insert, delete, exact lookup, longest
 * match and walk, thousands of prefixes from a seed, for 32 and 128 bit addresses.
 */
#include <sys/param.h>
#include <sys/malloc.h>
#include <sys/systm.h>
#include <net/radix.h>
#include <netinet/in.h>

#include <host/host.h>

#include "t/lib/tap.h"

int main(void);

#define N 3000
#define ROUNDS 12000

struct prefix {
	struct radix_node node; /* first */
	struct sockaddr_in6 key, mask;
	int plen;
	bool in;
};

static struct prefix table[N];
static struct radix_node_head *head;
static int bytes, off; /* of an address, in a sockaddr */

static u_char *
bits_of(struct sockaddr_in6 *sa)
{
	return ((u_char *)sa + off);
}

static bool
covers(struct prefix *p, const u_char *addr, int plen)
{
	u_char *k = bits_of(&p->key);
	int i;

	for (i = 0; i < plen; i++)
		if (((k[i / 8] ^ addr[i / 8]) >> (7 - i % 8)) & 1)
			return (false);
	return (true);
}

/* Few different bytes, so that prefixes nest and collide. */
static void
random_addr(u_char *a)
{
	int i;

	for (i = 0; i < bytes; i++)
		a[i] = arc4random_uniform(4) != 0 ? (u_char)(arc4random_uniform(4) * 0x41)
						  : (u_char)arc4random();
}

static void
random_prefix(struct prefix *p)
{
	u_char *m = bits_of(&p->mask);
	int i;

	memset(p, 0, sizeof(*p));
	p->key.sin6_len = p->mask.sin6_len = (uint8_t)(off + bytes);
	p->plen = (int)arc4random_uniform((uint32_t)bytes * 8 + 1);
	random_addr(bits_of(&p->key));
	for (i = 0; i < p->plen; i++)
		m[i / 8] |= (u_char)(0x80 >> i % 8);
}

static struct prefix *
same_in_table(struct prefix *p)
{
	int i;

	for (i = 0; i < N; i++)
		if (table[i].in && table[i].plen == p->plen &&
		    covers(&table[i], bits_of(&p->key), p->plen))
			return (&table[i]);
	return (NULL);
}

static struct prefix *
longest_in_table(const u_char *addr)
{
	struct prefix *best = NULL;
	int i;

	for (i = 0; i < N; i++)
		if (table[i].in && (best == NULL || table[i].plen > best->plen) &&
		    covers(&table[i], addr, table[i].plen))
			best = &table[i];
	return (best);
}

static const void *
mask_of(struct prefix *p)
{
	return (p->plen == bytes * 8 && arc4random_uniform(2) ? NULL : &p->mask);
}

/* One step: a prefix comes or goes. False: tree and table disagree. */
static bool
change(void)
{
	struct prefix *p = &table[arc4random_uniform(N)], *same;
	struct radix_node *rn;

	if (p->in) {
		rn = rn_delete(&p->key, mask_of(p), head);
		p->in = false;
		return (rn == &p->node);
	}
	random_prefix(p);
	same = same_in_table(p);
	if (rn_lookup(&p->key, mask_of(p), head) != (same != NULL ? &same->node : NULL))
		return (false);
	rn = rn_addroute(&p->key, mask_of(p), head, &p->node);
	if (same != NULL)
		return (rn == NULL);
	p->in = true;
	return (rn == &p->node);
}

static bool
match(void)
{
	struct sockaddr_in6 sa = {0};
	struct prefix *want;

	random_addr(bits_of(&sa));
	want = longest_in_table(bits_of(&sa));
	return (rn_match(&sa, head) == (want != NULL ? &want->node : NULL));
}

struct walk {
	struct prefix *last;
	u_int seen;
	bool ordered, delete;
};

static int
walk_one(struct radix_node *rn, void *arg)
{
	struct prefix *p = (struct prefix *)rn;
	struct walk *w = arg;
	int cmp;

	if (w->last != NULL && !w->delete) {
		cmp = memcmp(bits_of(&w->last->key), bits_of(&p->key), (size_t)bytes);
		if (covers(w->last, bits_of(&p->key), MIN(p->plen, w->last->plen)))
			w->ordered &= w->last->plen < p->plen;
		else
			w->ordered &= cmp < 0;
	}
	w->last = p;
	w->seen++;
	if (w->delete) {
		p->in = false;
		w->ordered &= rn_delete(&p->key, &p->mask, head) == rn;
	}
	return (0);
}

static void
run(const char *what, int off_bytes, int addr_bytes)
{
	struct walk w = {.ordered = true};
	u_int i, matched = 0, changed = 0, in = 0;

	off = off_bytes;
	bytes = addr_bytes;
	memset(table, 0, sizeof(table));
	ok(rn_inithead(&head, off * 8, bytes * 8), "%s: a tree", what);
	for (i = 0; i < ROUNDS; i++) {
		changed += change();
		matched += match();
	}
	is_int(changed, ROUNDS, "%s: each insertion and deletion does what the table's does", what);
	is_int(matched, ROUNDS, "%s: each longest match is the table's", what);
	for (i = 0; i < N; i++)
		in += table[i].in;
	is_int(rn_count(head), in, "%s: %u prefixes are in", what, in);
	is_int(rn_walktree(head, walk_one, &w), 0, "%s: a walk ends well", what);
	is_int(w.seen, in, "%s: it sees every prefix once", what);
	ok(w.ordered, "%s: in order, the shorter prefix first", what);
	w = (struct walk){.ordered = true, .delete = true};
	rn_walktree(head, walk_one, &w);
	ok(w.ordered && w.seen == in, "%s: a walk may delete what it sees", what);
	is_int(rn_count(head), 0, "%s: nothing is left", what);
	rn_detachhead(&head);
}

static void
small_cases(void)
{
	struct sockaddr_in key = {.sin_len = sizeof(key), .sin_family = AF_INET};
	struct sockaddr_in holes = key, shortmask = key, any = key;
	struct radix_node a, b;

	rn_inithead(&head, (int)offsetof(struct sockaddr_in, sin_addr) * 8, 32);
	ok(rn_match(&key, head) == NULL, "an empty tree matches nothing");
	ok(rn_delete(&key, NULL, head) == NULL, "nor can anything be deleted from it");
	holes.sin_addr.s_addr = htonl(0xff00ff00);
	ok(rn_addroute(&key, &holes, head, &a) == NULL, "a mask with holes is refused");
	shortmask.sin_len = 6;
	shortmask.sin_addr.s_addr = 0xffffffff;
	is_int(rn_masklen(&shortmask, head), 16, "bytes behind sa_len are zeroes of the mask");
	ok(rn_addroute(&key, &any, head, &a) == &a, "a default route");
	key.sin_addr.s_addr = htonl(0x0a000001);
	ok(rn_match(&key, head) == &a, "matches everything");
	ok(rn_addroute(&key, NULL, head, &b) == &b, "a host beside it");
	ok(rn_match(&key, head) == &b, "matches first");
	ok(rn_lookup(&key, &any, head) == &a, "bits behind the mask do not count");
	ok(rn_delete(&key, &any, head) == &a, "the shorter one can go first");
	ok(rn_delete(&key, NULL, head) == &b, "and the host");
	rn_detachhead(&head);
}

int
main(void)
{
	host_clock_virtual(0);
	host_random_seed(20240501);
	kern_boot();
	small_cases();
	run("IPv4", offsetof(struct sockaddr_in, sin_addr), 4);
	run("IPv6", offsetof(struct sockaddr_in6, sin6_addr), 16);
	return (tap_done());
}
