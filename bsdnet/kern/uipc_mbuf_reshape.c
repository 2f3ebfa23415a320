/*
 * uipc_mbuf_reshape.c - operations that give the same bytes another arrangement, mbuf(9):
 * pulling together, splitting, compacting, making writable; and m_sanity().
 * Owns nothing. Called by protocols and drivers.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>

/* Moves `want` bytes from the front of chain m to the end of n; emptied mbufs are freed. */
static struct mbuf *
m_drain_into(struct mbuf *n, struct mbuf *m, int want)
{
	int take;

	while (m != NULL && want > 0) {
		take = MIN(want, m->m_len);
		memcpy(mtod(n, char *) + n->m_len, mtod(m, char *), (size_t)take);
		n->m_len += take;
		m->m_data += take;
		m->m_len -= take;
		want -= take;
		if (m->m_len == 0)
			m = m_free(m);
	}
	return (m);
}

static bool
m_haslen(const struct mbuf *m, int len)
{
	for (; m != NULL && len > 0; m = m->m_next)
		len -= m->m_len;
	return (len <= 0);
}

/* A new first mbuf with `off` free bytes and the first `len` bytes of m, which is consumed. */
static struct mbuf *
m_pull_new(struct mbuf *m, int len, int off)
{
	struct mbuf *n;
	bool withhdr = (m->m_flags & M_PKTHDR) != 0;

	n = withhdr ? m_gethdr(M_NOWAIT, m->m_type) : m_get(M_NOWAIT, m->m_type);
	if (n == NULL || off + len > m_size(n) || !m_haslen(m, len)) {
		m_freem(n);
		m_freem(m);
		return (NULL);
	}
	if (withhdr)
		m_move_pkthdr(n, m);
	n->m_nextpkt = m->m_nextpkt;
	m->m_nextpkt = NULL;
	n->m_data += off;
	n->m_next = m_drain_into(n, m, len);
	return (n);
}

struct mbuf *
m_pullup(struct mbuf *m, int len)
{
	int room;

	if (m->m_len >= len)
		return (m);
	room = m_trailingspace(m);
	if (m->m_len > 0 && room >= len - m->m_len) {
		if (!m_haslen(m, len)) {
			m_freem(m);
			return (NULL);
		}
		m->m_next = m_drain_into(m, m->m_next, len - m->m_len);
		return (m);
	}
	return (m_pull_new(m, len, 0));
}

struct mbuf *
m_copyup(struct mbuf *m, int len, int dstoff)
{
	return (m_pull_new(m, len, dstoff));
}

/* The second part of mbuf m, from byte `off` on, as an mbuf of its own. */
static struct mbuf *
m_split_one(struct mbuf *m, int off, bool withhdr, int how)
{
	struct mbuf *n;
	int len = m->m_len - off;

	if ((m->m_flags & M_EXT) != 0) {
		n = withhdr ? m_gethdr(how, m->m_type) : m_get(how, m->m_type);
		if (n == NULL)
			return (NULL);
		mb_dupcl(n, m);
		n->m_data = m->m_data + off;
	} else {
		n = m_get2(len, how, m->m_type, withhdr ? M_PKTHDR : 0);
		if (n == NULL)
			return (NULL);
		m_align(n, len);
		memcpy(mtod(n, char *), mtod(m, char *) + off, (size_t)len);
	}
	n->m_len = len;
	return (n);
}

struct mbuf *
m_split(struct mbuf *m0, int len0, int how)
{
	struct mbuf *m = m0, *n;
	bool withhdr = (m0->m_flags & M_PKTHDR) != 0;
	int off = len0;

	for (; m != NULL && off > m->m_len; m = m->m_next)
		off -= m->m_len;
	if (m == NULL)
		return (NULL);
	if (off == m->m_len && !withhdr) {
		n = m->m_next; /* the cut is between two mbufs */
		m->m_next = NULL;
		return (n);
	}
	n = m_split_one(m, off, withhdr, how);
	if (n == NULL)
		return (NULL);
	n->m_next = m->m_next;
	m->m_next = NULL;
	m->m_len = off;
	if (withhdr) {
		n->m_pkthdr.rcvif = m0->m_pkthdr.rcvif;
		n->m_pkthdr.len = m0->m_pkthdr.len - len0;
		m0->m_pkthdr.len = len0;
	}
	return (n);
}

/* Breaks every mbuf longer than `length` into pieces, for tests of what reads chains. */
struct mbuf *
m_fragment(struct mbuf *m0, int how, int length)
{
	struct mbuf *m, *n;

	for (m = m0; m != NULL; m = m->m_next) {
		if (m->m_len <= length)
			continue;
		n = m_split_one(m, length, false, how);
		if (n == NULL) {
			m_freem(m0);
			return (NULL);
		}
		m->m_len = length;
		n->m_next = m->m_next;
		m->m_next = n;
	}
	return (m0);
}

struct mbuf *
m_defrag(struct mbuf *m, int how)
{
	struct mbuf *n;

	M_ASSERTPKTHDR(m);
	n = m_dup(m, how);
	if (n == NULL)
		return (NULL);
	n->m_nextpkt = m->m_nextpkt;
	m->m_nextpkt = NULL;
	m_freem(m);
	return (n);
}

/* First what needs no memory: whatever fits into the mbuf before it goes there. */
struct mbuf *
m_collapse(struct mbuf *m0, int how, int maxfrags)
{
	struct mbuf *m, *n;
	int frags = 0, len, room;

	M_ASSERTPKTHDR(m0);
	for (m = m0; m != NULL; m = m->m_next)
		frags++;
	for (m = m0; frags > maxfrags && m->m_next != NULL;) {
		n = m->m_next;
		room = m_trailingspace(m);
		if (room < n->m_len) {
			m = n;
			continue;
		}
		len = n->m_len;
		memcpy(mtod(m, char *) + m->m_len, mtod(n, char *), (size_t)len);
		m->m_len += len;
		m->m_next = m_free(n);
		frags--;
	}
	if (frags <= maxfrags)
		return (m0);
	/* then one copy into the largest buffers */
	len = (int)m_length(m0, NULL);
	if (howmany(len, MJUM64BYTES) > maxfrags)
		return (NULL);
	n = len <= MJUM64BYTES ? m_get3(len, how, MT_DATA, M_PKTHDR) : m_dup(m0, how);
	if (n == NULL)
		return (NULL);
	if (len <= MJUM64BYTES) {
		if (!m_dup_pkthdr(n, m0, how)) {
			m_freem(n);
			return (NULL);
		}
		m_copydata(m0, 0, len, mtod(n, char *));
		n->m_len = len;
	}
	for (frags = 0, m = n; m != NULL; m = m->m_next)
		frags++;
	if (frags > maxfrags) {
		m_freem(n);
		return (NULL);
	}
	m_freem(m0);
	return (n);
}

/* Every mbuf whose storage somebody else may see is replaced by a private copy. */
struct mbuf *
m_unshare(struct mbuf *m0, int how)
{
	struct mbuf *m, *n, *next, **prev = &m0;
	bool withhdr;

	for (m = m0; m != NULL; prev = &n->m_next, m = next) {
		next = m->m_next;
		n = m;
		if (m_writable(m))
			continue;
		withhdr = (m->m_flags & M_PKTHDR) != 0;
		n = m_get3(m->m_len, how, m->m_type, withhdr ? M_PKTHDR : 0);
		if (n == NULL) {
			m_freem(m0);
			return (NULL);
		}
		if (withhdr)
			m_move_pkthdr(n, m);
		memcpy(mtod(n, char *), mtod(m, char *), (size_t)m->m_len);
		n->m_len = m->m_len;
		n->m_nextpkt = m->m_nextpkt;
		n->m_next = next;
		*prev = n;
		m->m_next = NULL;
		m_freem(m);
	}
	return (m0);
}

/* 1 if the chain is as it must be. With `sanitize`, what is wrong panics under INVARIANTS. */
int
m_sanity(struct mbuf *m0, int sanitize)
{
	struct mbuf *m;
	const char *bad = NULL;
	long total = 0;

	KASSERT(m0 != NULL, ("%s: no mbuf", __func__));
	for (m = m0; m != NULL && bad == NULL; m = m->m_next) {
		if (m->m_type == MT_NOTMBUF)
			bad = "a free mbuf";
		else if (m->m_len < 0)
			bad = "a negative length";
		else if (m->m_data < m_start(m))
			bad = "data before its storage";
		else if (m->m_data + m->m_len > m_start(m) + m_size(m))
			bad = "data behind its storage";
		else if ((m->m_flags & M_EXT) != 0 && *m->m_ext.ext_cnt == 0)
			bad = "storage that is free";
		else if (m != m0 && (m->m_flags & M_PKTHDR) != 0)
			bad = "a packet header in the middle";
		else if (m != m0 && m->m_nextpkt != NULL)
			bad = "a next packet in the middle";
		total += m->m_len;
	}
	if (bad == NULL && (m0->m_flags & M_PKTHDR) != 0 && m0->m_pkthdr.len != total)
		bad = "a header with the wrong length";
	KASSERT(bad == NULL || !sanitize, ("%s: %p: %s", __func__, m0, bad));
	return (bad == NULL);
}
