/*
 * uipc_sockbuf.c - the queues of a socket: appending, dropping, limits, waking, sockbuf(9).
 * Owns every struct sockbuf. Called by uipc_so*.c, the protocols and rpc/bsd/bsd_socket.c.
 *
 * Two limits hold: sb_hiwat for the bytes that are queued, sb_mbmax for the memory that they
 * sit in, a cluster counting whole. So that a peer who sends tiny segments cannot make the
 * second one close the window, sbcompress() copies bytes that fill little of their storage to
 * where they fill more. Bounds: kern.ipc.maxsockbuf, kern.ipc.sockbuf_waste_factor.
 *
 * All buffers together have a bound too, kern.ipc.maxsockbufmem: thousands of peers that read
 * slowly must not take all memory. Above it no buffer has room for more than SB_LEAST bytes, which
 * each may always hold: so every connection still moves, and the sum is the bound plus a little
 * for each socket. Protocols turn away what was promised room before (sbpressure()).
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/kernel.h>
#include <sys/mbuf.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <net/vnet.h>

#define SB_COPY_MAX (MCLBYTES / 4) /* bytes always worth copying into the mbuf before */
#define SB_LEAST 2048		   /* bytes that a buffer may hold whatever the others do */
#define SB_SNDPTR_STEPS 8	   /* mbufs that sbsndptr_adv() looks ahead */

u_long sb_max = 32 * 1024 * 1024;
static u_int sb_efficiency = 8;
static u_long sb_memory, sb_memory_max = 256 * 1024 * 1024;

static int
sysctl_sb_max(SYSCTL_HANDLER_ARGS)
{
	u_long v = sb_max;
	int error;

	error = sysctl_handle_long(oidp, &v, 0, req);
	if (error != 0 || req->newptr == NULL)
		return (error);
	if (v < MSIZE + MCLBYTES || v > UINT_MAX)
		return (EINVAL);
	sb_max = v;
	return (0);
}
SYSCTL_PROC(_kern_ipc, OID_AUTO, maxsockbuf, CTLTYPE_ULONG | CTLFLAG_RW, &sb_max, 0, sysctl_sb_max,
    "LU",
    "Most memory of one socket buffer (bytes, 2304-4294967295, default 33554432;"
    " FreeBSD's is 2097152)");
SYSCTL_UINT_RANGE(_kern_ipc, OID_AUTO, sockbuf_waste_factor, CTLFLAG_RW, &sb_efficiency, 1, 64,
    "Memory that a socket buffer may take, as a multiple of its size (1-64, default 8)");

SYSCTL_ULONG(_kern_ipc, OID_AUTO, maxsockbufmem, CTLFLAG_RW, &sb_memory_max, 0,
    "Memory of all socket buffers beyond which none grows (bytes, default 268435456)");
SYSCTL_ULONG(_kern_ipc, OID_AUTO, sockbufmem, CTLFLAG_RD, &sb_memory, 0,
    "Memory of all socket buffers now (bytes)");

/* The largest sb_hiwat whose data can fill 2 KiB clusters within sb_max. */
static u_long
sb_max_adj(void)
{
	return ((u_long)((uint64_t)sb_max * MCLBYTES / (MSIZE + MCLBYTES)));
}

/* ---- sums ---- */

static inline u_int
sb_storage(const struct mbuf *m)
{
	return (MSIZE + ((m->m_flags & M_EXT) != 0 ? m->m_ext.ext_size : 0));
}

void
sballoc(struct sockbuf *sb, struct mbuf *m)
{
	sb->sb_acc += (u_int)m->m_len;
	sb->sb_ccc += (u_int)m->m_len;
	if (m->m_type != MT_DATA && m->m_type != MT_OOBDATA)
		sb->sb_ctl += (u_int)m->m_len;
	sb->sb_mbcnt += sb_storage(m);
	sb_memory += sb_storage(m);
}

void
sbfree(struct sockbuf *sb, struct mbuf *m)
{
	sb->sb_acc -= (u_int)m->m_len;
	sb->sb_ccc -= (u_int)m->m_len;
	if (m->m_type != MT_DATA && m->m_type != MT_OOBDATA)
		sb->sb_ctl -= (u_int)m->m_len;
	sb->sb_mbcnt -= sb_storage(m);
	sb_memory -= sb_storage(m);
	if (sb->sb_sndptr == m) {
		sb->sb_sndptr = NULL;
		sb->sb_sndptroff = 0;
	} else if (sb->sb_sndptroff != 0)
		sb->sb_sndptroff -= (u_int)m->m_len;
}

long
sbspace(const struct sockbuf *sb)
{
	long bytes = (long)sb->sb_hiwat - (long)sb->sb_ccc;
	long memory = (long)sb->sb_mbmax - (long)sb->sb_mbcnt;

	if (sb_memory >= sb_memory_max)
		bytes = lmin(bytes, SB_LEAST - (long)sb->sb_ccc);
	return (lmax(0, lmin(bytes, memory)));
}

bool
sbpressure(const struct sockbuf *sb, u_int len)
{
	return (sb_memory >= sb_memory_max && sb->sb_ccc != 0 && sb->sb_ccc + len > SB_LEAST);
}

void
sbcheck(const struct sockbuf *sb)
{
	const struct mbuf *r, *m, *last = NULL, *lastrec = NULL;
	u_int acc = 0, ctl = 0, mbcnt = 0;

	for (r = sb->sb_mb; r != NULL; r = r->m_nextpkt) {
		lastrec = r;
		for (m = r; m != NULL; m = m->m_next) {
			acc += (u_int)m->m_len;
			if (m->m_type != MT_DATA && m->m_type != MT_OOBDATA)
				ctl += (u_int)m->m_len;
			mbcnt += sb_storage(m);
			last = m;
		}
	}
	KASSERT(acc == sb->sb_acc && acc == sb->sb_ccc,
	    ("%s: %u bytes, counted %u and %u", __func__, acc, sb->sb_acc, sb->sb_ccc));
	KASSERT(ctl == sb->sb_ctl, ("%s: control %u, counted %u", __func__, ctl, sb->sb_ctl));
	KASSERT(
	    mbcnt == sb->sb_mbcnt, ("%s: storage %u, counted %u", __func__, mbcnt, sb->sb_mbcnt));
	KASSERT(sb->sb_mb == NULL || (last == sb->sb_mbtail && lastrec == sb->sb_lastrecord),
	    ("%s: wrong tail", __func__));
}

/* ---- limits ---- */

bool
sbreserve(struct socket *so, sb_which which, u_long cc, struct thread *td __unused)
{
	struct sockbuf *sb = which == SO_RCV ? &so->so_rcv : &so->so_snd;

	if (cc > sb_max_adj())
		return (false);
	sb->sb_hiwat = (u_int)cc;
	sb->sb_mbmax = (u_int)ulmin(cc * sb_efficiency, sb_max);
	if (sb->sb_lowat > sb->sb_hiwat)
		sb->sb_lowat = sb->sb_hiwat;
	return (true);
}

void
sbflush(struct sockbuf *sb)
{
	while (sb->sb_mb != NULL)
		sbdroprecord(sb);
	KASSERT(sb->sb_ccc == 0 && sb->sb_mbcnt == 0,
	    ("%s: %u bytes, %u storage left", __func__, sb->sb_ccc, sb->sb_mbcnt));
}

void
sbrelease(struct socket *so, sb_which which)
{
	struct sockbuf *sb = which == SO_RCV ? &so->so_rcv : &so->so_snd;

	sbflush(sb);
	sb->sb_hiwat = sb->sb_mbmax = 0;
}

void
sbdestroy(struct socket *so, sb_which which)
{
	sbrelease(so, which);
}

/* ---- appending ---- */

/* Holds less than its share of its storage, so that copying is better than keeping. */
static bool
sb_wasteful(const struct mbuf *m)
{
	return ((m->m_flags & M_EXT) != 0 && (u_int)m->m_len * sb_efficiency < m->m_ext.ext_size);
}

/*
 * m, or a copy of it in storage that fits, with room for as much again. m_next and m_nextpkt
 * stay.
 */
static struct mbuf *
sb_fit(struct mbuf *m)
{
	struct mbuf *n;
	int hdr = (m->m_flags & M_PKTHDR) != 0 ? M_PKTHDR : 0;

	if (!sb_wasteful(m))
		return (m);
	n = m_get3(m->m_len <= MHLEN ? m->m_len : 2 * m->m_len, M_NOWAIT, m->m_type, hdr);
	if (n == NULL || sb_storage(n) >= sb_storage(m)) {
		m_freem(n);
		return (m);
	}
	if (hdr != 0)
		m_move_pkthdr(n, m);
	n->m_flags |= m->m_flags & M_EOR;
	memcpy(mtod(n, char *), mtod(m, char *), (size_t)m->m_len);
	n->m_len = m->m_len;
	n->m_next = m->m_next;
	n->m_nextpkt = m->m_nextpkt;
	m->m_nextpkt = NULL;
	(void)m_free(m);
	return (n);
}

/* m's bytes fit behind those of n, and copying them there pays. */
static bool
sb_joins(struct mbuf *n, const struct mbuf *m)
{
	return (n != NULL && (n->m_flags & M_EOR) == 0 && n->m_type == m->m_type &&
		(m->m_len <= SB_COPY_MAX || sb_wasteful(m)) && m_trailingspace(n) >= m->m_len);
}

/* Puts chain m behind n, the last mbuf of the last record, or makes it the first when n is NULL. */
void
sbcompress(struct sockbuf *sb, struct mbuf *m, struct mbuf *n)
{
	uint32_t eor = 0;

	while (m != NULL) {
		eor |= m->m_flags & M_EOR;
		if (m->m_len == 0 && (eor == 0 || (n != NULL && n->m_type == m->m_type))) {
			m = m_free(m);
			continue;
		}
		if (sb_joins(n, m)) {
			memcpy(mtod(n, char *) + n->m_len, mtod(m, char *), (size_t)m->m_len);
			n->m_len += m->m_len;
			sb->sb_acc += (u_int)m->m_len;
			sb->sb_ccc += (u_int)m->m_len;
			if (m->m_type != MT_DATA && m->m_type != MT_OOBDATA)
				sb->sb_ctl += (u_int)m->m_len;
			m = m_free(m);
			continue;
		}
		m = sb_fit(m);
		if (n != NULL)
			n->m_next = m;
		else
			sb->sb_mb = sb->sb_lastrecord = m;
		sb->sb_mbtail = n = m;
		sballoc(sb, m);
		m = m->m_next;
		n->m_next = NULL;
		n->m_flags &= ~M_EOR;
	}
	if (eor != 0 && n != NULL)
		n->m_flags |= M_EOR;
}

void
sbappendstream(struct sockbuf *sb, struct mbuf *m, int flags __unused)
{
	if (m == NULL)
		return;
	KASSERT(m->m_nextpkt == NULL && sb->sb_mb == sb->sb_lastrecord,
	    ("%s: records in a stream", __func__));
	m_demote(m, 1, 0);
	sbcompress(sb, m, sb->sb_mb == NULL ? NULL : sb->sb_mbtail);
}

void
sbappend(struct sockbuf *sb, struct mbuf *m, int flags __unused)
{
	if (m == NULL)
		return;
	if (sb->sb_mb != NULL && (sb->sb_mbtail->m_flags & M_EOR) != 0) {
		sbappendrecord(sb, m);
		return;
	}
	m_demote(m, 1, M_EOR);
	sbcompress(sb, m, sb->sb_mb == NULL ? NULL : sb->sb_mbtail);
}

/* Counts the chain and makes it the last record, as it is. */
static void
sb_linkrecord(struct sockbuf *sb, struct mbuf *m)
{
	if (sb->sb_mb == NULL)
		sb->sb_mb = m;
	else
		sb->sb_lastrecord->m_nextpkt = m;
	sb->sb_lastrecord = m;
	m->m_nextpkt = NULL;
	for (;; m = m->m_next) {
		sballoc(sb, m);
		if (m->m_next == NULL)
			break;
	}
	sb->sb_mbtail = m;
}

void
sbappendrecord(struct sockbuf *sb, struct mbuf *m0)
{
	struct mbuf *rest;

	if (m0 == NULL)
		return;
	m_clrprotoflags(m0);
	m0 = sb_fit(m0);
	rest = m0->m_next;
	m0->m_next = NULL;
	if (rest != NULL && (m0->m_flags & M_EOR) != 0) {
		m0->m_flags &= ~M_EOR;
		rest->m_flags |= M_EOR;
	}
	sb_linkrecord(sb, m0);
	sbcompress(sb, rest, m0);
}

int
sbappendaddr(struct sockbuf *sb, const struct sockaddr *sa, struct mbuf *data, struct mbuf *control)
{
	struct mbuf *name, **tail;
	u_int need = sa->sa_len;

	KASSERT(data == NULL || (data->m_flags & M_PKTHDR) != 0, ("%s: no header", __func__));
	if (data != NULL)
		need += (u_int)data->m_pkthdr.len;
	if (control != NULL)
		need += m_length(control, NULL);
	if ((long)need > sbspace(sb) || sa->sa_len > MLEN)
		return (0);
	name = m_get(M_NOWAIT, MT_SONAME);
	if (name == NULL)
		return (0);
	memcpy(mtod(name, char *), sa, sa->sa_len);
	name->m_len = sa->sa_len;
	name->m_next = control;
	for (tail = &name->m_next; *tail != NULL; tail = &(*tail)->m_next)
		;
	if (data != NULL) {
		m_tag_delete_chain(data, NULL);
		m_clrprotoflags(data);
		for (*tail = data; *tail != NULL; tail = &(*tail)->m_next)
			*tail = sb_fit(*tail);
	}
	sb_linkrecord(sb, name);
	return (1);
}

void
sbappendcontrol(struct sockbuf *sb, struct mbuf *data, struct mbuf *control, int flags __unused)
{
	m_clrprotoflags(data);
	m_last(control)->m_next = data;
	sb_linkrecord(sb, control);
}

struct mbuf *
sbcreatecontrol(const void *p, u_int size, int type, int level, int wait)
{
	struct cmsghdr *cp;
	struct mbuf *m;

	if (CMSG_SPACE(size) > MCLBYTES)
		return (NULL);
	m = m_get2((int)CMSG_SPACE(size), wait, MT_CONTROL, 0);
	if (m == NULL)
		return (NULL);
	cp = mtod(m, struct cmsghdr *);
	memset(cp, 0, CMSG_SPACE(size));
	m->m_len = (int32_t)CMSG_SPACE(size);
	cp->cmsg_len = (socklen_t)CMSG_LEN(size);
	cp->cmsg_level = level;
	cp->cmsg_type = type;
	if (p != NULL)
		memcpy(CMSG_DATA(cp), p, size);
	return (m);
}

/* ---- dropping ---- */

/* Unlinks and returns the first mbuf. */
static struct mbuf *
sb_unlink_first(struct sockbuf *sb)
{
	struct mbuf *m = sb->sb_mb;

	sbfree(sb, m);
	if (m->m_next != NULL) {
		m->m_next->m_nextpkt = m->m_nextpkt;
		sb->sb_mb = m->m_next;
		if (sb->sb_lastrecord == m)
			sb->sb_lastrecord = m->m_next;
	} else {
		sb->sb_mb = m->m_nextpkt;
		if (sb->sb_mb == NULL)
			sb->sb_mbtail = sb->sb_lastrecord = NULL;
	}
	m->m_next = m->m_nextpkt = NULL;
	return (m);
}

/* Cuts the first `len` bytes of the first mbuf, which has more. */
static void
sb_trim_first(struct sockbuf *sb, int len)
{
	struct mbuf *m = sb->sb_mb;

	KASSERT(m != NULL && len < m->m_len, ("%s: %d bytes", __func__, len));
	m->m_data += len;
	m->m_len -= len;
	sb->sb_acc -= (u_int)len;
	sb->sb_ccc -= (u_int)len;
	if (m->m_type != MT_DATA && m->m_type != MT_OOBDATA)
		sb->sb_ctl -= (u_int)len;
	if (sb->sb_sndptroff != 0)
		sb->sb_sndptroff -= (u_int)len;
}

void
sbdrop(struct sockbuf *sb, int len)
{
	KASSERT(len >= 0 && (u_int)len <= sb->sb_ccc,
	    ("%s: %d of %u bytes", __func__, len, sb->sb_ccc));
	while (sb->sb_mb != NULL && sb->sb_mb->m_len <= len) {
		len -= sb->sb_mb->m_len;
		(void)m_free(sb_unlink_first(sb));
	}
	if (len > 0)
		sb_trim_first(sb, len);
}

/* NULL when memory runs out: nothing is taken then. */
struct mbuf *
sbcut(struct sockbuf *sb, int len)
{
	struct mbuf *head = NULL, **tail = &head, *part = NULL, *m;
	int whole = len;

	KASSERT(
	    len > 0 && (u_int)len <= sb->sb_ccc, ("%s: %d of %u bytes", __func__, len, sb->sb_ccc));
	for (m = sb->sb_mb; m->m_len < whole; m = m->m_next != NULL ? m->m_next : sb->sb_mb) {
		KASSERT(m->m_next != NULL, ("%s: across records", __func__));
		whole -= m->m_len;
	}
	if (m->m_len > whole) {
		part = m_copym(m, 0, whole, M_NOWAIT);
		if (part == NULL)
			return (NULL);
	}
	while (len > 0 && sb->sb_mb->m_len <= len) {
		len -= sb->sb_mb->m_len;
		*tail = sb_unlink_first(sb);
		tail = &(*tail)->m_next;
	}
	*tail = part;
	if (len > 0)
		sb_trim_first(sb, len);
	return (head);
}

struct mbuf *
sbcutrecord(struct sockbuf *sb)
{
	struct mbuf *head = sb->sb_mb, *m;

	if (head == NULL)
		return (NULL);
	for (m = head; m != NULL; m = m->m_next)
		sbfree(sb, m);
	sb->sb_mb = head->m_nextpkt;
	if (sb->sb_mb == NULL)
		sb->sb_mbtail = sb->sb_lastrecord = NULL;
	head->m_nextpkt = NULL;
	return (head);
}

void
sbdroprecord(struct sockbuf *sb)
{
	m_freem(sbcutrecord(sb));
}

/* ---- where the sender is ---- */

struct mbuf *
sbsndmbuf(struct sockbuf *sb, u_int off, u_int *moff)
{
	struct mbuf *m = sb->sb_mb;

	for (; m != NULL && m->m_next != NULL && off >= (u_int)m->m_len; m = m->m_next)
		off -= (u_int)m->m_len;
	*moff = off;
	return (m);
}

struct mbuf *
sbsndptr_noadv(struct sockbuf *sb, u_int off, u_int *moff)
{
	struct mbuf *m = sb->sb_sndptr;

	if (m == NULL || off < sb->sb_sndptroff)
		return (sbsndmbuf(sb, off, moff));
	off -= sb->sb_sndptroff;
	for (; m->m_next != NULL && off >= (u_int)m->m_len; m = m->m_next)
		off -= (u_int)m->m_len;
	*moff = off;
	return (m);
}

/* `len` bytes from mb on are sent: remembers where that ends, if it is ahead of what it knows. */
void
sbsndptr_adv(struct sockbuf *sb, struct mbuf *mb, u_int len)
{
	struct mbuf *m = sb->sb_sndptr;
	u_int off = sb->sb_sndptroff;
	int steps;

	if (m == NULL) {
		m = sb->sb_mb;
		off = 0;
	}
	for (steps = 0; m != mb; steps++) {
		if (m == NULL || steps == SB_SNDPTR_STEPS)
			return; /* behind: a retransmission */
		off += (u_int)m->m_len;
		m = m->m_next;
	}
	for (; m->m_next != NULL && len >= (u_int)m->m_len; m = m->m_next) {
		len -= (u_int)m->m_len;
		off += (u_int)m->m_len;
	}
	sb->sb_sndptr = m;
	sb->sb_sndptroff = off;
}

/* ---- waiting and waking ---- */

int
sbwait(struct socket *so, sb_which which)
{
	struct sockbuf *sb = which == SO_RCV ? &so->so_rcv : &so->so_snd;

	sb->sb_flags |= SB_WAIT;
	return (tsleep_sbt(&sb->sb_acc, PSOCK | PCATCH, "sbwait", sb->sb_timeo, 0, 0));
}

void
sowakeup(struct socket *so, sb_which which)
{
	struct sockbuf *sb = which == SO_RCV ? &so->so_rcv : &so->so_snd;

	if ((sb->sb_flags & SB_WAIT) != 0) {
		sb->sb_flags &= ~SB_WAIT;
		wakeup(&sb->sb_acc);
	}
	if (sb->sb_upcall != NULL) {
		CURVNET_SET(so->so_vnet);
		(void)sb->sb_upcall(so, sb->sb_upcallarg, M_NOWAIT);
		CURVNET_RESTORE();
	}
}

void
socantsendmore(struct socket *so)
{
	so->so_snd.sb_state |= SBS_CANTSENDMORE;
	sowwakeup(so);
}

void
socantrcvmore(struct socket *so)
{
	so->so_rcv.sb_state |= SBS_CANTRCVMORE;
	sorwakeup(so);
}
