/*
 * uipc_mbuf.c - the plain operations on mbuf chains, mbuf(9): room, headers, length, trimming,
 * joining, copying in and out, sharing and duplicating.
 * Owns nothing. Called by every protocol. What rearranges a chain is in uipc_mbuf_reshape.c,
 * m_pulldown, tags and queues are in uipc_mbuf2.c, allocation is in kern_mbuf.c.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>

#define MCAT_COPY_MAX MLEN /* bytes that m_cat() rather copies than links */

/* ---- room ---- */

bool
m_writable(const struct mbuf *m)
{
	if ((m->m_flags & M_RDONLY) != 0)
		return (false);
	return ((m->m_flags & M_EXT) == 0 || *m->m_ext.ext_cnt == 1);
}

char *
m_start(struct mbuf *m)
{
	if ((m->m_flags & M_EXT) != 0)
		return (m->m_ext.ext_buf);
	return ((m->m_flags & M_PKTHDR) != 0 ? m->m_pktdat : m->m_dat);
}

int
m_size(const struct mbuf *m)
{
	if ((m->m_flags & M_EXT) != 0)
		return ((int)m->m_ext.ext_size);
	return ((m->m_flags & M_PKTHDR) != 0 ? MHLEN : MLEN);
}

int
m_leadingspace(struct mbuf *m)
{
	return (m_writable(m) ? (int)(m->m_data - m_start(m)) : 0);
}

int
m_trailingspace(struct mbuf *m)
{
	if (!m_writable(m))
		return (0);
	return ((int)(m_start(m) + m_size(m) - (m->m_data + m->m_len)));
}

/* An empty mbuf's data shall be the last len bytes of its storage, aligned downward. */
void
m_align(struct mbuf *m, int len)
{
	int adjust;

	KASSERT(m->m_len == 0 && m->m_data == m_start(m), ("%s: %p is not new", __func__, m));
	adjust = m_size(m) - len;
	if (adjust > 0)
		m->m_data += adjust & ~((int)sizeof(long) - 1);
}

struct mbuf *
m_prepend(struct mbuf *m, int len, int how)
{
	struct mbuf *n;

	n = (m->m_flags & M_PKTHDR) != 0 ? m_gethdr(how, m->m_type) : m_get(how, m->m_type);
	if (n == NULL || len > m_size(n)) {
		m_freem(n);
		m_freem(m);
		return (NULL);
	}
	if ((m->m_flags & M_PKTHDR) != 0) {
		m_move_pkthdr(n, m);
		n->m_nextpkt = m->m_nextpkt;
		m->m_nextpkt = NULL;
	}
	m_align(n, len);
	n->m_len = len;
	n->m_next = m;
	return (n);
}

struct mbuf *
m_prepend_fast(struct mbuf *m, int len, int how)
{
	if (m_leadingspace(m) >= len) {
		m->m_data -= len;
		m->m_len += len;
	} else {
		m = m_prepend(m, len, how);
		if (m == NULL)
			return (NULL);
	}
	if ((m->m_flags & M_PKTHDR) != 0)
		m->m_pkthdr.len += len;
	return (m);
}

/* ---- packet headers ---- */

/*
 * `to` is a fresh mbuf: empty, or with storage attached. It becomes the head of the packet, and
 * `from` an mbuf like any other, which keeps its data.
 */
void
m_move_pkthdr(struct mbuf *to, struct mbuf *from)
{
	M_ASSERTPKTHDR(from);
	if ((to->m_flags & M_PKTHDR) != 0)
		m_tag_delete_chain(to, NULL);
	to->m_flags =
	    (from->m_flags & M_COPYFLAGS & ~M_RDONLY) | (to->m_flags & (M_EXT | M_RDONLY));
	if ((to->m_flags & M_EXT) == 0)
		to->m_data = to->m_pktdat;
	to->m_pkthdr = from->m_pkthdr;
	SLIST_INIT(&from->m_pkthdr.tags);
	from->m_flags &= ~M_PKTHDR;
}

/* The same with the header copied, tags too. 1, or 0 when there was no memory for those. */
int
m_dup_pkthdr(struct mbuf *to, const struct mbuf *from, int how)
{
	M_ASSERTPKTHDR(from);
	if ((to->m_flags & M_PKTHDR) != 0)
		m_tag_delete_chain(to, NULL);
	to->m_flags =
	    (from->m_flags & M_COPYFLAGS & ~M_RDONLY) | (to->m_flags & (M_EXT | M_RDONLY));
	if ((to->m_flags & M_EXT) == 0)
		to->m_data = to->m_pktdat;
	to->m_pkthdr = from->m_pkthdr;
	SLIST_INIT(&to->m_pkthdr.tags);
	return (SLIST_EMPTY(&from->m_pkthdr.tags) || m_tag_copy_chain(to, from, how));
}

void
m_demote_pkthdr(struct mbuf *m)
{
	M_ASSERTPKTHDR(m);
	m_tag_delete_chain(m, NULL);
	m->m_flags &= ~M_PKTHDR;
}

/* Takes the headers off a chain; of the first mbuf too if `all`. Keeps `flags` besides M_EXT. */
void
m_demote(struct mbuf *m, int all, int flags)
{
	uint32_t keep = M_EXT | M_RDONLY | ((uint32_t)flags & 0xffffff);

	for (m = all ? m : m->m_next; m != NULL; m = m->m_next) {
		KASSERT(m->m_nextpkt == NULL, ("%s: %p is in a queue", __func__, m));
		if ((m->m_flags & M_PKTHDR) != 0)
			m_demote_pkthdr(m);
		m->m_flags &= keep & 0xffffff;
	}
}

void
m_clrprotoflags(struct mbuf *m)
{
	for (; m != NULL; m = m->m_next)
		m->m_flags &= ~M_PROTOFLAGS & 0xffffff;
}

/* ---- length ---- */

u_int
m_length(struct mbuf *m, struct mbuf **last)
{
	u_int len = 0;

	for (;; m = m->m_next) {
		len += (u_int)m->m_len;
		if (m->m_next == NULL)
			break;
	}
	if (last != NULL)
		*last = m;
	return (len);
}

u_int
m_fixhdr(struct mbuf *m)
{
	u_int len;

	len = m_length(m, NULL);
	m->m_pkthdr.len = (int32_t)len;
	return (len);
}

/* The mbuf with byte `loc`, which is its *off'th. The end of the chain is a place, too. */
struct mbuf *
m_getptr(struct mbuf *m, int loc, int *off)
{
	for (; m != NULL; m = m->m_next) {
		if (loc < m->m_len || (loc == m->m_len && m->m_next == NULL)) {
			*off = loc;
			return (m);
		}
		loc -= m->m_len;
	}
	return (NULL);
}

static void
m_adj_head(struct mbuf *m, int len)
{
	int n;

	for (; m != NULL && len > 0; m = m->m_next) {
		n = MIN(len, m->m_len);
		m->m_data += n;
		m->m_len -= n;
		len -= n;
	}
}

static void
m_adj_tail(struct mbuf *m, int len)
{
	int keep;

	keep = (int)m_length(m, NULL) - len;
	for (keep = MAX(keep, 0); m->m_len < keep; m = m->m_next)
		keep -= m->m_len;
	m->m_len = keep;
	m_freem(m->m_next);
	m->m_next = NULL;
}

void
m_adj(struct mbuf *m, int len)
{
	if (m == NULL || len == 0)
		return;
	if ((m->m_flags & M_PKTHDR) != 0)
		m->m_pkthdr.len -= MIN(m->m_pkthdr.len, len > 0 ? len : -len);
	if (len > 0)
		m_adj_head(m, len);
	else
		m_adj_tail(m, -len);
}

/* ---- joining ---- */

void
m_cat(struct mbuf *m, struct mbuf *n)
{
	m = m_last(m);
	while (n != NULL) {
		if (n->m_len > MCAT_COPY_MAX || m_trailingspace(m) < n->m_len) {
			m->m_next = n;
			return;
		}
		memcpy(mtod(m, char *) + m->m_len, mtod(n, char *), (size_t)n->m_len);
		m->m_len += n->m_len;
		n = m_free(n);
	}
}

void
m_catpkt(struct mbuf *m, struct mbuf *n)
{
	M_ASSERTPKTHDR(m);
	M_ASSERTPKTHDR(n);
	m->m_pkthdr.len += n->m_pkthdr.len;
	m_demote(n, 1, 0);
	m_cat(m, n);
}

int
m_append(struct mbuf *m0, int len, const void *data)
{
	const char *cp = data;
	struct mbuf *m = m_last(m0), *n;
	int done = 0, take;

	take = MIN(m_trailingspace(m), len);
	memcpy(mtod(m, char *) + m->m_len, cp, (size_t)take);
	m->m_len += take;
	done = take;
	if (done < len) {
		n = m_getm2(NULL, len - done, M_NOWAIT, m->m_type, 0);
		m->m_next = n;
		for (; n != NULL; n = n->m_next) {
			take = MIN(m_size(n), len - done);
			memcpy(mtod(n, char *), cp + done, (size_t)take);
			n->m_len = take;
			done += take;
		}
	}
	if ((m0->m_flags & M_PKTHDR) != 0)
		m0->m_pkthdr.len += done;
	return (done == len);
}

/* ---- bytes in and out ---- */

int
m_apply(struct mbuf *m, int off, int len, int (*f)(void *, void *, u_int), void *arg)
{
	int error, n;

	for (; off > 0 && off >= m->m_len; m = m->m_next) {
		off -= m->m_len;
		KASSERT(m->m_next != NULL || len == 0, ("%s: offset behind the end", __func__));
	}
	for (; len > 0; m = m->m_next, off = 0) {
		KASSERT(m != NULL, ("%s: chain too short by %d", __func__, len));
		n = MIN(m->m_len - off, len);
		if (n == 0)
			continue;
		error = f(arg, mtod(m, char *) + off, (u_int)n);
		if (error != 0)
			return (error);
		len -= n;
	}
	return (0);
}

void
m_copydata(const struct mbuf *m, int off, int len, void *to)
{
	char *cp = to;
	int n;

	KASSERT(off >= 0 && len >= 0, ("%s: off %d len %d", __func__, off, len));
	for (; len > 0; m = m->m_next) {
		KASSERT(m != NULL, ("%s: chain too short by %d", __func__, len));
		if (off >= m->m_len) {
			off -= m->m_len;
			continue;
		}
		n = MIN(m->m_len - off, len);
		memcpy(cp, mtod(m, const char *) + off, (size_t)n);
		cp += n;
		len -= n;
		off = 0;
	}
}

/*
 * Overwrites from `off` on; the chain grows if it is too short, a gap being filled with zeros.
 * When there is no memory to grow, the rest is lost: look at the length afterwards.
 */
void
m_copyback(struct mbuf *m0, int off, int len, const void *from)
{
	const char *cp = from;
	struct mbuf *m;
	int end = off + len, have, n;

	KASSERT(m0 != NULL, ("%s: no mbuf", __func__));
	have = (int)m_length(m0, &m);
	if (have < end) {
		struct mbuf *more = NULL;
		int room = MIN(m_trailingspace(m), end - have);

		memset(mtod(m, char *) + m->m_len, 0, (size_t)room);
		m->m_len += room;
		have += room;
		if (have < end)
			more = m_getm2(NULL, end - have, M_NOWAIT, m->m_type, 0);
		for (m->m_next = more; more != NULL; more = more->m_next) {
			more->m_len = MIN(m_size(more), end - have);
			memset(mtod(more, char *), 0, (size_t)more->m_len);
			have += more->m_len;
		}
	}
	for (m = m0; m != NULL && len > 0; m = m->m_next) {
		if (off >= m->m_len) {
			off -= m->m_len;
			continue;
		}
		n = MIN(m->m_len - off, len);
		memcpy(mtod(m, char *) + off, cp, (size_t)n);
		cp += n;
		len -= n;
		off = 0;
	}
	if ((m0->m_flags & M_PKTHDR) != 0 && m0->m_pkthdr.len < have)
		m0->m_pkthdr.len = have;
}

/* A packet from a flat buffer; `off` bytes are left free at its front. */
struct mbuf *
m_devget(char *buf, int len, int off, struct ifnet *ifp, void (*copy)(char *, caddr_t, u_int))
{
	struct mbuf *top, *m;
	int n;

	top = m_getm2(NULL, off + len, M_NOWAIT, MT_DATA, M_PKTHDR);
	if (top == NULL)
		return (NULL);
	if (off > m_size(top)) {
		m_freem(top);
		return (NULL);
	}
	top->m_pkthdr.rcvif = ifp;
	top->m_pkthdr.len = len;
	top->m_data += off;
	for (m = top; m != NULL; m = m->m_next) {
		n = MIN(len, (int)(m_start(m) + m_size(m) - m->m_data));
		if (copy != NULL)
			copy(buf, mtod(m, caddr_t), (u_int)n);
		else
			memcpy(mtod(m, char *), buf, (size_t)n);
		m->m_len = n;
		buf += n;
		len -= n;
	}
	return (top);
}

/* ---- sharing and duplicating ---- */

/* One mbuf like m from byte `off` on, `len` bytes: shared if external, else copied. */
static struct mbuf *
m_copy_one(struct mbuf *m, int off, int len, bool withhdr, int how)
{
	struct mbuf *n;

	n = withhdr ? m_gethdr(how, m->m_type) : m_get(how, m->m_type);
	if (n == NULL)
		return (NULL);
	if (withhdr && !m_dup_pkthdr(n, m, how)) {
		m_freem(n);
		return (NULL);
	}
	n->m_len = len;
	if ((m->m_flags & M_EXT) != 0) {
		mb_dupcl(n, m);
		n->m_data += off;
		return (n);
	}
	/* a copied header keeps the room that it had in front */
	if (withhdr)
		n->m_data += m->m_data - m->m_pktdat;
	memcpy(mtod(n, char *), mtod(m, char *) + off, (size_t)len);
	return (n);
}

struct mbuf *
m_copym(struct mbuf *m, int off, int len, int how)
{
	struct mbuf *top = NULL, **tail = &top, *n;
	bool withhdr = off == 0 && (m->m_flags & M_PKTHDR) != 0;
	int whole = len, take;

	KASSERT(off >= 0 && len >= 0, ("%s: off %d len %d", __func__, off, len));
	while (off > 0 && off >= m->m_len) {
		off -= m->m_len;
		m = m->m_next;
		if (m == NULL)
			break;
	}
	for (; len > 0; m = m->m_next, off = 0) {
		if (m == NULL) {
			KASSERT(whole == M_COPYALL, ("%s: chain too short by %d", __func__, len));
			break;
		}
		take = MIN(len, m->m_len - off);
		if (take == 0 && !withhdr)
			continue;
		n = m_copy_one(m, off, take, withhdr, how);
		if (n == NULL) {
			m_freem(top);
			return (NULL);
		}
		if (withhdr && whole != M_COPYALL)
			n->m_pkthdr.len = whole;
		withhdr = false;
		*tail = n;
		tail = &n->m_next;
		if (len != M_COPYALL)
			len -= take;
	}
	return (top);
}

struct mbuf *
m_copypacket(struct mbuf *m, int how)
{
	M_ASSERTPKTHDR(m);
	return (m_copym(m, 0, M_COPYALL, how));
}

struct mbuf *
m_dup(const struct mbuf *m, int how)
{
	struct mbuf *top, *n;
	bool withhdr = (m->m_flags & M_PKTHDR) != 0;
	int off = 0, len, take;

	len = (int)m_length(__DECONST(struct mbuf *, m), NULL);
	top = m_getm2(NULL, len, how, m->m_type, withhdr ? M_PKTHDR : 0);
	if (top == NULL)
		return (NULL);
	if (withhdr) {
		if (!m_dup_pkthdr(top, m, how)) {
			m_freem(top);
			return (NULL);
		}
		top->m_pkthdr.len = len;
	}
	for (n = top; n != NULL; n = n->m_next) {
		take = MIN(len - off, m_size(n));
		m_copydata(m, off, take, mtod(n, char *));
		n->m_len = take;
		off += take;
	}
	return (top);
}
