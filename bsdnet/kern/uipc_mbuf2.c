/*
 * uipc_mbuf2.c - m_pulldown(9), packet tags mbuf_tags(9), and bounded packet queues.
 * Owns M_PACKET_TAGS memory. Called by protocols and interfaces.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>

MALLOC_DEFINE(M_PACKET_TAGS, "tag", "packet-attached information");

/*
 * Makes bytes [off, off + len) of the packet lie in one mbuf, and returns it. Without offp they
 * begin that mbuf. Mbufs before the range stay as they are. On failure the packet is freed.
 */
struct mbuf *
m_pulldown(struct mbuf *m0, int off, int len, int *offp)
{
	struct mbuf *n = m0, *o;
	int have;

	while (n != NULL && off > 0 && off >= n->m_len) {
		off -= n->m_len;
		n = n->m_next;
	}
	if (n == NULL || off + len > (int)m_length(n, NULL))
		goto bad;
	have = n->m_len - off;
	if (have >= len && (off == 0 || offp != NULL)) {
		if (offp != NULL)
			*offp = off;
		return (n);
	}
	/* The range moves to an mbuf of its own behind n; what follows in n must go along. */
	o = m_get3(MAX(len, have), M_NOWAIT, n->m_type, 0);
	if (o == NULL)
		goto bad;
	o->m_len = MAX(len, have);
	m_copydata(n, off, o->m_len, mtod(o, char *));
	if (o->m_len > have && n->m_next != NULL) {
		m_adj(n->m_next, o->m_len - have);
		while (n->m_next != NULL && n->m_next->m_len == 0)
			n->m_next = m_free(n->m_next);
	}
	n->m_len = off;
	o->m_next = n->m_next;
	n->m_next = o;
	if (offp != NULL)
		*offp = 0;
	return (o);
bad:
	m_freem(m0);
	return (NULL);
}

/* ---- tags ---- */

static void
m_tag_free_default(struct m_tag *t)
{
	free(t, M_PACKET_TAGS);
}

struct m_tag *
m_tag_alloc(uint32_t cookie, int type, int len, int wait)
{
	struct m_tag *t;

	if (len < 0 || len > (int)UINT16_MAX)
		return (NULL);
	t = malloc(sizeof(*t) + (size_t)len, M_PACKET_TAGS, wait);
	if (t == NULL)
		return (NULL);
	t->m_tag_id = (uint16_t)type;
	t->m_tag_len = (uint16_t)len;
	t->m_tag_cookie = cookie;
	t->m_tag_free = m_tag_free_default;
	return (t);
}

void
m_tag_delete(struct mbuf *m, struct m_tag *t)
{
	m_tag_unlink(m, t);
	t->m_tag_free(t);
}

/* From t on, or all tags when t is NULL. */
void
m_tag_delete_chain(struct mbuf *m, struct m_tag *t)
{
	struct m_tag *next;

	if (t == NULL)
		t = SLIST_FIRST(&m->m_pkthdr.tags);
	for (; t != NULL; t = next) {
		next = SLIST_NEXT(t, m_tag_link);
		m_tag_delete(m, t);
	}
}

struct m_tag *
m_tag_locate(struct mbuf *m, uint32_t cookie, int type, struct m_tag *from)
{
	struct m_tag *t;

	t = from == NULL ? SLIST_FIRST(&m->m_pkthdr.tags) : SLIST_NEXT(from, m_tag_link);
	for (; t != NULL; t = SLIST_NEXT(t, m_tag_link))
		if (t->m_tag_cookie == cookie && t->m_tag_id == type)
			return (t);
	return (NULL);
}

/* Adds copies of from's tags to `to`, in order. 1, or 0 without memory: then `to` has none. */
int
m_tag_copy_chain(struct mbuf *to, const struct mbuf *from, int how)
{
	struct m_tag *t, *n, *last = NULL;

	m_tag_delete_chain(to, NULL);
	SLIST_FOREACH (t, &from->m_pkthdr.tags, m_tag_link) {
		n = m_tag_alloc(t->m_tag_cookie, t->m_tag_id, t->m_tag_len, how);
		if (n == NULL) {
			m_tag_delete_chain(to, NULL);
			return (0);
		}
		memcpy(n + 1, t + 1, t->m_tag_len);
		if (last == NULL)
			m_tag_prepend(to, n);
		else
			SLIST_INSERT_AFTER(last, n, m_tag_link);
		last = n;
	}
	return (1);
}

/* ---- queues ---- */

void
mbufq_init(struct mbufq *q, int maxlen)
{
	q->mq_head = q->mq_tail = NULL;
	q->mq_len = 0;
	q->mq_maxlen = maxlen;
}

int
mbufq_enqueue(struct mbufq *q, struct mbuf *m)
{
	if (mbufq_full(q))
		return (ENOBUFS);
	m->m_nextpkt = NULL;
	if (q->mq_tail == NULL)
		q->mq_head = m;
	else
		q->mq_tail->m_nextpkt = m;
	q->mq_tail = m;
	q->mq_len++;
	return (0);
}

struct mbuf *
mbufq_dequeue(struct mbufq *q)
{
	struct mbuf *m = q->mq_head;

	if (m == NULL)
		return (NULL);
	q->mq_head = m->m_nextpkt;
	if (q->mq_head == NULL)
		q->mq_tail = NULL;
	m->m_nextpkt = NULL;
	q->mq_len--;
	return (m);
}

/* The whole queue as a list through m_nextpkt; the queue is empty then. */
struct mbuf *
mbufq_flush(struct mbufq *q)
{
	struct mbuf *m = q->mq_head;

	mbufq_init(q, q->mq_maxlen);
	return (m);
}

void
mbufq_drain(struct mbufq *q)
{
	m_freemp(mbufq_flush(q));
}
