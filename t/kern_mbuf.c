/*
 * kern_mbuf.c - mbuf(9) against a model: random operations on chains of every shape, whose bytes
 * must be those of a flat buffer that undergoes the same; storage that outlives its owner;
 * limits; tags; queues.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/mbuf.h>
#include <sys/sysctl.h>
#include <host/host.h>
#include "t/lib/tap.h"

#define MODEL_MAX 200000 /* bytes of the longest chain */
#define ROUNDS 400
#define STEPS 60

int main(void);

static uint64_t seed = 1;

static uint32_t
rnd(uint32_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (below == 0 ? 0 : (uint32_t)((seed >> 16) % below));
}

/* A packet and what its bytes must be. */
struct model {
	struct mbuf *m;
	int len;
	uint8_t bytes[MODEL_MAX];
};
static struct model cur, other;
static uint8_t flat[MODEL_MAX];

static uint64_t
mbufs_out(void)
{
	struct mbstat st;

	mb_stat(&st);
	return (st.bytes_used);
}

static void
fill(uint8_t *p, int len)
{
	for (int i = 0; i < len; i++)
		p[i] = (uint8_t)rnd(256);
}

static bool
same(const struct model *mo)
{
	if ((int)m_length(mo->m, NULL) != mo->len || !m_sanity(mo->m, 0))
		return (false);
	m_copydata(mo->m, 0, mo->len, flat);
	return (memcmp(flat, mo->bytes, (size_t)mo->len) == 0);
}

/* One mbuf of a random shape with some bytes somewhere in it. */
static struct mbuf *
random_mbuf(bool hdr)
{
	static const int sizes[] = {MCLBYTES, MJUMPAGESIZE, MJUM9BYTES, MJUM16BYTES, MJUM64BYTES};
	struct mbuf *m;
	int room, start;

	if (rnd(2) == 0)
		m = hdr ? m_gethdr(M_NOWAIT, MT_DATA) : m_get(M_NOWAIT, MT_DATA);
	else
		m = m_getjcl(M_NOWAIT, MT_DATA, hdr ? M_PKTHDR : 0, sizes[rnd(nitems(sizes))]);
	room = MIN(m_size(m), 3000);
	start = rnd(3) == 0 ? 0 : (int)rnd((uint32_t)room);
	m->m_data += start;
	m->m_len = rnd(8) == 0 ? 0 : (int)rnd((uint32_t)(room - start) + 1);
	fill(mtod(m, uint8_t *), m->m_len);
	return (m);
}

static void
random_chain(struct model *mo)
{
	struct mbuf **tail = &mo->m;
	int n = 1 + (int)rnd(6);

	mo->m = NULL;
	for (int i = 0; i < n; i++) {
		*tail = random_mbuf(i == 0);
		tail = &(*tail)->m_next;
	}
	mo->len = (int)m_fixhdr(mo->m);
	m_copydata(mo->m, 0, mo->len, mo->bytes);
}

static void
op_adj(void)
{
	int n = (int)rnd((uint32_t)cur.len / 4 + 1);

	if (rnd(2) == 0) {
		m_adj(cur.m, n);
		memmove(cur.bytes, cur.bytes + n, (size_t)(cur.len - n));
	} else
		m_adj(cur.m, -n);
	cur.len -= n;
}

static void
op_prepend(void)
{
	int n = 1 + (int)rnd(80);

	M_PREPEND(cur.m, n, M_NOWAIT);
	memmove(cur.bytes + n, cur.bytes, (size_t)cur.len);
	fill(cur.bytes, n);
	memcpy(mtod(cur.m, char *), cur.bytes, (size_t)n);
	cur.len += n;
}

static void
op_pullup(void)
{
	int n = (int)rnd((uint32_t)MIN(cur.len, MHLEN) + 1);

	cur.m = rnd(2) == 0 || n + 16 > MHLEN ? m_pullup(cur.m, n) : m_copyup(cur.m, n, 16);
	if (cur.m->m_len < n)
		tap_bail("m_pullup did not pull up");
}

static void
op_append(void)
{
	int n = (int)rnd(5000);

	fill(cur.bytes + cur.len, n);
	if (m_append(cur.m, n, cur.bytes + cur.len) != 1)
		tap_bail("m_append ran out of memory");
	cur.len += n;
}

static void
op_copyback(void)
{
	int off = (int)rnd((uint32_t)cur.len + 300), n = (int)rnd(3000);

	cur.m = m_unshare(cur.m, M_NOWAIT);
	if (off > cur.len)
		memset(cur.bytes + cur.len, 0, (size_t)(off - cur.len));
	fill(cur.bytes + off, n);
	m_copyback(cur.m, off, n, cur.bytes + off);
	cur.len = MAX(cur.len, off + n);
}

static void
op_split_and_join(void)
{
	int at = (int)rnd((uint32_t)cur.len + 1);
	struct mbuf *tail = m_split(cur.m, at, M_NOWAIT);

	if (tail == NULL || cur.m->m_pkthdr.len != at || (int)m_length(cur.m, NULL) != at ||
	    tail->m_pkthdr.len != cur.len - at)
		tap_bail("m_split split wrongly");
	m_catpkt(cur.m, tail);
}

static void
op_reshape(void)
{
	struct mbuf *n;
	int frags = 1 + (int)rnd(4), count = 0;

	switch (rnd(4)) {
	case 0:
		n = m_defrag(cur.m, M_NOWAIT);
		break;
	case 1:
		n = m_collapse(cur.m, M_NOWAIT, frags);
		if (n == NULL) {
			if (cur.len <= MJUM64BYTES)
				tap_bail("m_collapse could not");
			return;
		}
		for (struct mbuf *m = n; m != NULL; m = m->m_next)
			count++;
		if (count > frags)
			tap_bail("m_collapse left too many");
		break;
	case 2:
		n = m_fragment(cur.m, M_NOWAIT, 200 + (int)rnd(2000));
		break;
	default:
		n = m_unshare(cur.m, M_NOWAIT);
		for (struct mbuf *m = n; m != NULL; m = m->m_next)
			if (!M_WRITABLE(m))
				tap_bail("m_unshare left something shared");
		break;
	}
	cur.m = n;
}

static void
op_pulldown(void)
{
	int off, len, at;
	struct mbuf *m;

	if (cur.len == 0)
		return;
	off = (int)rnd((uint32_t)cur.len);
	len = 1 + (int)rnd((uint32_t)MIN(cur.len - off, 2000));
	if (rnd(2) == 0) {
		m = m_pulldown(cur.m, off, len, &at);
	} else {
		m = m_pulldown(cur.m, off, len, NULL);
		at = 0;
	}
	if (m == NULL || at + len > m->m_len ||
	    memcmp(mtod(m, char *) + at, cur.bytes + off, (size_t)len) != 0)
		tap_bail("m_pulldown pulled the wrong bytes");
}

/* A copy, shared or not, of some part; it lives on in `other` while `cur` changes. */
static void
op_copy(void)
{
	int off, len;

	m_freem(other.m);
	off = rnd(2) == 0 ? 0 : (int)rnd((uint32_t)cur.len);
	len = (int)rnd((uint32_t)(cur.len - off) + 1);
	switch (rnd(4)) {
	case 0:
		other.m = m_dup(cur.m, M_NOWAIT);
		off = 0;
		len = cur.len;
		break;
	case 1:
		other.m = m_copypacket(cur.m, M_NOWAIT);
		off = 0;
		len = cur.len;
		break;
	case 2:
		other.m = len == 0 ? m_get(M_NOWAIT, MT_DATA) : m_copym(cur.m, off, len, M_NOWAIT);
		break;
	default:
		len = cur.len - off;
		other.m =
		    len == 0 ? m_get(M_NOWAIT, MT_DATA) : m_copym(cur.m, off, M_COPYALL, M_NOWAIT);
		if (off == 0 && len != 0 && other.m->m_pkthdr.len != cur.len)
			tap_bail("M_COPYALL got the length wrong");
		break;
	}
	other.len = len;
	memcpy(other.bytes, cur.bytes + off, (size_t)len);
}

/* The copy becomes the packet, and what was the packet becomes the copy. */
static void
op_swap(void)
{
	static struct model tmp;

	if (other.m == NULL || (other.m->m_flags & M_PKTHDR) == 0)
		return;
	tmp = cur;
	cur = other;
	other = tmp;
}

static void
test_random(void)
{
	static void (*const ops[])(void) = {op_adj, op_prepend, op_pullup, op_append, op_copyback,
	    op_split_and_join, op_reshape, op_pulldown, op_copy, op_swap};
	uint64_t before = mbufs_out();
	bool good = true;
	int round, step = 0;
	uint32_t op = 0;

	for (round = 0; round < ROUNDS && good; round++) {
		seed = (uint64_t)round * 7919 + 1;
		random_chain(&cur);
		for (step = 0; step < STEPS && good; step++) {
			if (cur.len > MODEL_MAX - 20000)
				op_adj();
			op = rnd(nitems(ops));
			ops[op]();
			good = same(&cur) && (other.m == NULL || same(&other));
		}
		m_freem(cur.m);
		m_freem(other.m);
		other.m = cur.m = NULL;
	}
	ok(good, "random operations leave the bytes that the model has");
	if (!good)
		tap_diag("round %d step %d operation %u", round - 1, step - 1, op);
	is_int(mbufs_out(), before, "and give back all their memory");
}

static int freed;
static void
count_free(struct mbuf *m)
{
	if (m->m_ext.ext_arg1 == &freed && m->m_ext.ext_arg2 == flat &&
	    m->m_ext.ext_buf == (char *)flat)
		freed++;
}

static void
test_external(void)
{
	uint64_t before = mbufs_out();
	struct mbuf *owner, *a, *b;

	owner = m_gethdr(M_NOWAIT, MT_DATA);
	m_extadd(owner, (char *)flat, sizeof(flat), count_free, &freed, flat, 0, EXT_MOD_TYPE);
	owner->m_len = owner->m_pkthdr.len = 1000;
	ok(M_WRITABLE(owner), "storage with one user is writable");
	a = m_copym(owner, 0, M_COPYALL, M_NOWAIT);
	b = m_copym(a, 500, 100, M_NOWAIT);
	ok(!M_WRITABLE(owner) && !M_WRITABLE(b), "shared storage is not");
	is_int(M_TRAILINGSPACE(b), 0, "nor has it room");
	ok(mtod(b, uint8_t *) == flat + 500, "a copy shares the bytes");
	m_freem(owner);
	m_freem(a);
	is_int(freed, 0, "the storage outlives its owner");
	ok(M_WRITABLE(b), "the last user may write");
	m_freem(b);
	is_int(freed, 1, "and is freed once, with its arguments, by the last user");
	owner = m_get(M_NOWAIT, MT_DATA);
	m_extadd(
	    owner, (char *)flat, sizeof(flat), count_free, &freed, flat, M_RDONLY, EXT_MOD_TYPE);
	ok(!M_WRITABLE(owner), "M_RDONLY storage is not writable");
	m_freem(owner);
	is_int(freed, 2, "and is freed");
	is_int(mbufs_out(), before, "no mbuf is left");
}

static void
test_limit(void)
{
	struct mbuf *all = NULL, *m;
	struct mbstat st0, st;
	int n = 0;

	mb_stat(&st0);
	while ((m = m_getjcl(M_NOWAIT, MT_DATA, 0, MJUM16BYTES)) != NULL) {
		m->m_next = all;
		all = m;
		n++;
	}
	mb_stat(&st);
	is_int(st.jumbo16_used, n, "16 KiB clusters are counted up to their limit");
	is_int(st.denied, st0.denied + 1, "one more is denied, and counted");
	m = m_getm2(NULL, 16000, M_NOWAIT, MT_DATA, 0);
	ok(m != NULL, "m_getm2 makes do with smaller ones");
	mb_stat(&st);
	is_int(st.jumbo16_used, n, "without going over the limit");
	m_freem(m);
	m_freem(all);
	mb_stat(&st);
	is_int(st.bytes_used, st0.bytes_used, "all is given back");
	ok(n > 0 && (uint64_t)n * MJUM16BYTES <= 1024ull * 1024 * 1024, "the limit bounds memory");
}

static void
test_sysctl(void)
{
	int max = 0, more;
	size_t len = sizeof(max);

	is_int(kernel_sysctlbyname(NULL, "kern.ipc.nmbclusters", &max, &len, NULL, 0, NULL, 0), 0,
	    "kern.ipc.nmbclusters can be read");
	more = max - 1;
	is_int(kernel_sysctlbyname(
		   NULL, "kern.ipc.nmbclusters", NULL, NULL, &more, sizeof(more), NULL, 0),
	    EINVAL, "not lowered");
	more = max + 1;
	is_int(kernel_sysctlbyname(
		   NULL, "kern.ipc.nmbclusters", NULL, NULL, &more, sizeof(more), NULL, 0),
	    0, "but raised");
	(void)kernel_sysctlbyname(NULL, "kern.ipc.nmbclusters", &max, &len, NULL, 0, NULL, 0);
	is_int(max, more, "and is what it was set to");
}

static void
test_sizes(void)
{
	struct mbuf *m;

	m = m_get2(MHLEN, M_NOWAIT, MT_DATA, M_PKTHDR);
	ok((m->m_flags & (M_PKTHDR | M_EXT)) == M_PKTHDR,
	    "m_get2: a small packet needs no cluster");
	m_freem(m);
	m = m_get2(MHLEN + 1, M_NOWAIT, MT_DATA, M_PKTHDR);
	is_int(M_SIZE(m), MCLBYTES, "m_get2: a larger one has 2 KiB");
	m_freem(m);
	ok(m_get2(MJUMPAGESIZE + 1, M_NOWAIT, MT_DATA, 0) == NULL, "m_get2: not more than 4 KiB");
	m = m_get3(MJUM64BYTES, M_NOWAIT, MT_DATA, 0);
	is_int(M_SIZE(m), MJUM64BYTES, "m_get3: up to 64 KiB");
	m_freem(m);
	ok(m_get3(MJUM64BYTES + 1, M_NOWAIT, MT_DATA, 0) == NULL, "m_get3: not more");
	for (int len = 0; len < 300000; len = len * 3 / 2 + 100) {
		struct mbuf *n;
		long room = 0;

		m = m_getm2(NULL, len, M_NOWAIT, MT_DATA, M_PKTHDR);
		for (n = m; n != NULL; n = n->m_next)
			room += M_SIZE(n);
		if (room < len || room > 2 * len + MCLBYTES)
			tap_diag("m_getm2(%d) has %ld bytes", len, room);
		if (room < len || room > 2 * len + MCLBYTES)
			tap_bail("m_getm2 gives the wrong amount");
		m_freem(m);
	}
	m = m_gethdr(M_NOWAIT, MT_DATA);
	m = m_pullup(m, 10);
	ok(m == NULL, "m_pullup of more than there is fails");
	m = m_gethdr(M_NOWAIT, MT_DATA);
	ok(m_pulldown(m, 0, 10, NULL) == NULL, "m_pulldown too");
}

static void
test_tags_and_queues(void)
{
	uint64_t before = mbufs_out();
	struct mbuf *m, *n;
	struct m_tag *t;
	struct mbufq q;

	m = m_gethdr(M_NOWAIT, MT_DATA);
	for (int i = 1; i <= 3; i++) {
		t = m_tag_get(i, sizeof(int), M_NOWAIT);
		*(int *)(t + 1) = i * 10;
		m_tag_prepend(m, t);
	}
	n = m_copypacket(m, M_NOWAIT);
	t = m_tag_find(n, 2, NULL);
	ok(t != NULL && *(int *)(t + 1) == 20, "tags are copied with the packet");
	ok(m_tag_find(n, 4, NULL) == NULL, "a tag that is not there is not found");
	m_tag_delete(n, t);
	ok(m_tag_find(n, 2, NULL) == NULL && m_tag_find(m, 2, NULL) != NULL,
	    "and deleted from one only");
	ok(m_tag_find(m, 3, NULL) == SLIST_FIRST(&m->m_pkthdr.tags) &&
		m_tag_find(n, 3, NULL) == SLIST_FIRST(&n->m_pkthdr.tags),
	    "a copy keeps their order");
	mbufq_init(&q, 2);
	is_int(mbufq_enqueue(&q, m), 0, "a queue takes a packet");
	is_int(mbufq_enqueue(&q, n), 0, "and another");
	n = m_gethdr(M_NOWAIT, MT_DATA);
	is_int(mbufq_enqueue(&q, n), ENOBUFS, "and no more than its limit");
	m_freem(n);
	ok(mbufq_dequeue(&q) == m && m->m_nextpkt == NULL, "first in, first out");
	m_freem(m);
	is_int(mbufq_len(&q), 1, "one is left");
	mbufq_drain(&q);
	ok(mbufq_dequeue(&q) == NULL, "a drained queue is empty");
	is_int(mbufs_out(), before, "no memory is left behind");
}

int
main(void)
{
	host_clock_virtual(1000000000);
	host_random_seed(1);
	kern_boot();
	test_sizes();
	test_random();
	test_external();
	test_limit();
	test_sysctl();
	test_tags_and_queues();
	return (tap_done());
}
