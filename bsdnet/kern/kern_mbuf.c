/*
 * kern_mbuf.c - where mbufs come from and go to: the allocation half of mbuf(9).
 *
 * Owns the zones of mbufs and of clusters (2, 4, 9, 16 and 64 KiB) and their limits, the
 * kern.ipc.nm* sysctls. Everybody calls it; the operations on chains are in uipc_mbuf*.c.
 *
 * External storage is shared by counting. The count lives in the mbuf that the storage was first
 * attached to, the owner: m_ext.ext_cnt of every sharer points to m_ext.ext_count there. An
 * owner that is freed while others still share its storage stays behind, outside of any chain,
 * until the last sharer frees both. So sharing costs no allocation and no lookup.
 *
 * Bound: the limits of all zones together are kern.ipc.maxmbufmem bytes by default. An
 * allocation over the limit fails (M_NOWAIT) or sleeps (M_WAITOK), and is counted as denied.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/errno.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/sysctl.h>
#include <vm/uma.h>

#define MB_MAXMEM_DEFAULT (1024ul * 1024 * 1024) /* bytes */

int max_linkhdr = 16;
int max_protohdr = 60;
int max_hdr = 76;

/* One size of buffer. Index 0 is the mbuf itself. */
struct mbclass {
	const char *mc_name;
	u_int mc_size;	    /* bytes */
	u_int mc_type;	    /* EXT_* */
	u_int mc_share;	    /* of maxmbufmem: 1/mc_share */
	int mc_max;	    /* items */
	uint64_t mc_denied; /* allocations that failed */
	uma_zone_t mc_zone;
};

enum { MC_MBUF, MC_CLUSTER, MC_JUMBOP, MC_JUMBO9, MC_JUMBO16, MC_JUMBO64, MC_COUNT };

static struct mbclass mbclass[MC_COUNT] = {
    [MC_MBUF] = {"mbuf", MSIZE, 0, 8, 0, 0, NULL},
    [MC_CLUSTER] = {"mbuf_cluster", MCLBYTES, EXT_CLUSTER, 8, 0, 0, NULL},
    [MC_JUMBOP] = {"mbuf_jumbo_page", MJUMPAGESIZE, EXT_JUMBOP, 8, 0, 0, NULL},
    [MC_JUMBO9] = {"mbuf_jumbo_9k", MJUM9BYTES, EXT_JUMBO9, 16, 0, 0, NULL},
    [MC_JUMBO16] = {"mbuf_jumbo_16k", MJUM16BYTES, EXT_JUMBO16, 16, 0, 0, NULL},
    [MC_JUMBO64] = {"mbuf_jumbo_64k", MJUM64BYTES, EXT_JUMBO64, 2, 0, 0, NULL},
};

static u_long maxmbufmem = MB_MAXMEM_DEFAULT;

_Static_assert(sizeof(struct mbuf) <= MSIZE, "struct mbuf outgrew MSIZE");
_Static_assert(MSIZE - offsetof(struct mbuf, m_pktdat) >= 16 + 40 + 60,
    "a link, an IPv6 and a full TCP header must fit behind a packet header");

/* Limits may be raised while running, not lowered: what is out cannot be called back. */
static int
sysctl_mbclass_max(SYSCTL_HANDLER_ARGS)
{
	struct mbclass *mc = arg1;
	int error, max = mc->mc_max;

	error = sysctl_handle_int(oidp, &max, 0, req);
	if (error != 0 || req->newptr == NULL || max == mc->mc_max)
		return (error);
	if (max < mc->mc_max)
		return (EINVAL);
	mc->mc_max = max;
	uma_zone_set_max(mc->mc_zone, max);
	return (0);
}

#define MBCLASS_SYSCTL(name, class, descr)                                                         \
	SYSCTL_PROC(_kern_ipc, OID_AUTO, name, CTLTYPE_INT | CTLFLAG_RW | CTLFLAG_MPSAFE,          \
	    &mbclass[class], 0, sysctl_mbclass_max, "I", descr);                                   \
	SYSCTL_U64(_kern_ipc, OID_AUTO, name##_denied, CTLFLAG_RD, &mbclass[class].mc_denied, 0,   \
	    "Allocations that failed at the limit kern.ipc." #name)

SYSCTL_ULONG(_kern_ipc, OID_AUTO, maxmbufmem, CTLFLAG_RDTUN, &maxmbufmem, 0,
    "Bytes that all mbufs and clusters together may take; the default limits derive from it");
MBCLASS_SYSCTL(nmbufs, MC_MBUF, "Most mbufs (items, default maxmbufmem/8; may only be raised)");
MBCLASS_SYSCTL(nmbclusters, MC_CLUSTER,
    "Most 2 KiB clusters (items, default maxmbufmem/8; may only be raised)");
MBCLASS_SYSCTL(
    nmbjumbop, MC_JUMBOP, "Most 4 KiB clusters (items, default maxmbufmem/8; may only be raised)");
MBCLASS_SYSCTL(
    nmbjumbo9, MC_JUMBO9, "Most 9 KiB clusters (items, default maxmbufmem/16; may only be raised)");
MBCLASS_SYSCTL(nmbjumbo16, MC_JUMBO16,
    "Most 16 KiB clusters (items, default maxmbufmem/16; may only be raised)");
MBCLASS_SYSCTL(nmbjumbo64, MC_JUMBO64,
    "Most 64 KiB clusters (items, default maxmbufmem/2; may only be raised)");
SYSCTL_INT(_kern_ipc, OID_AUTO, max_linkhdr, CTLFLAG_RD, &max_linkhdr, 0,
    "Bytes kept free in front of a packet for the link header");
SYSCTL_INT(_kern_ipc, OID_AUTO, max_protohdr, CTLFLAG_RD, &max_protohdr, 0,
    "Bytes of the largest usual network and transport header");
SYSCTL_INT(_kern_ipc, OID_AUTO, max_hdr, CTLFLAG_RD, &max_hdr, 0,
    "max_linkhdr and max_protohdr together, in bytes");

static void
mbuf_init(void *arg __unused)
{
	struct mbclass *mc;

	for (mc = mbclass; mc < mbclass + MC_COUNT; mc++) {
		mc->mc_max = (int)(maxmbufmem / mc->mc_share / mc->mc_size);
		mc->mc_zone = uma_zcreate(
		    mc->mc_name, mc->mc_size, NULL, NULL, NULL, NULL, UMA_ALIGN_CACHE, 0);
		uma_zone_set_max(mc->mc_zone, mc->mc_max);
	}
}
SYSINIT(mbuf, SI_SUB_MBUF, SI_ORDER_FIRST, mbuf_init, NULL);

static inline void *
mbclass_alloc(struct mbclass *mc, int how)
{
	void *p;

	p = uma_zalloc(mc->mc_zone, how);
	if (__predict_false(p == NULL))
		mc->mc_denied++;
	return (p);
}

static inline void
mb_free_self(struct mbuf *m)
{
	uma_zfree(mbclass[MC_MBUF].mc_zone, m);
}

/* NULL for storage that is not ours. */
static struct mbclass *
mbclass_bytype(u_int ext_type)
{
	static const uint8_t index[] = {
	    [EXT_CLUSTER] = MC_CLUSTER,
	    [EXT_JUMBOP] = MC_JUMBOP,
	    [EXT_JUMBO9] = MC_JUMBO9,
	    [EXT_JUMBO16] = MC_JUMBO16,
	    [EXT_JUMBO64] = MC_JUMBO64,
	};

	if (ext_type >= nitems(index) || index[ext_type] == MC_MBUF)
		return (NULL);
	return (&mbclass[index[ext_type]]);
}

/* The smallest cluster of at least `size` bytes. */
static struct mbclass *
mbclass_bysize(int size)
{
	struct mbclass *mc;

	for (mc = &mbclass[MC_CLUSTER]; mc < mbclass + MC_COUNT; mc++)
		if ((int)mc->mc_size >= size)
			return (mc);
	return (NULL);
}

struct mbuf *
m_get(int how, int type)
{
	struct mbuf *m;

	m = mbclass_alloc(&mbclass[MC_MBUF], how);
	if (__predict_false(m == NULL))
		return (NULL);
	m->m_next = NULL;
	m->m_nextpkt = NULL;
	m->m_data = m->m_dat;
	m->m_len = 0;
	m->m_type = (uint32_t)type & 0xff;
	m->m_flags = 0;
	return (m);
}

struct mbuf *
m_gethdr(int how, int type)
{
	struct mbuf *m;

	m = m_get(how, type);
	if (__predict_false(m == NULL))
		return (NULL);
	m->m_data = m->m_pktdat;
	m->m_flags = M_PKTHDR;
	memset(&m->m_pkthdr, 0, sizeof(m->m_pkthdr));
	return (m);
}

/* Makes m the owner of buf. The data begins at its start. */
static void
mb_attach(struct mbuf *m, char *buf, u_int size, u_int type)
{
	m->m_ext.ext_buf = buf;
	m->m_ext.ext_cnt = &m->m_ext.ext_count;
	m->m_ext.ext_count = 1;
	m->m_ext.ext_size = size;
	m->m_ext.ext_type = type;
	m->m_ext.ext_free = NULL;
	m->m_ext.ext_arg1 = NULL;
	m->m_ext.ext_arg2 = NULL;
	m->m_data = buf;
	m->m_flags |= M_EXT;
}

static void *
mb_attach_class(struct mbuf *m, int how, struct mbclass *mc)
{
	void *buf;

	KASSERT((m->m_flags & M_EXT) == 0, ("%s: %p has storage already", __func__, m));
	buf = mbclass_alloc(mc, how);
	if (__predict_false(buf == NULL))
		return (NULL);
	mb_attach(m, buf, mc->mc_size, mc->mc_type);
	return (buf);
}

static struct mbuf *
mb_getclass(int how, int type, int flags, struct mbclass *mc)
{
	struct mbuf *m;

	m = (flags & M_PKTHDR) != 0 ? m_gethdr(how, type) : m_get(how, type);
	if (__predict_false(m == NULL))
		return (NULL);
	if (__predict_false(mb_attach_class(m, how, mc) == NULL)) {
		mb_free_self(m);
		return (NULL);
	}
	m->m_flags |= (uint32_t)(flags & M_COPYFLAGS) & 0xffffff;
	return (m);
}

struct mbuf *
m_getcl(int how, int type, int flags)
{
	return (mb_getclass(how, type, flags, &mbclass[MC_CLUSTER]));
}

struct mbuf *
m_getjcl(int how, int type, int flags, int size)
{
	struct mbclass *mc;

	mc = mbclass_bysize(size);
	KASSERT(mc != NULL && (int)mc->mc_size == size, ("%s: no cluster of %d", __func__, size));
	return (mb_getclass(how, type, flags, mc));
}

static struct mbuf *
mb_getfit(int size, int how, int type, int flags, int max)
{
	if (size > max)
		return (NULL);
	if ((flags & M_PKTHDR) != 0) {
		if (size <= MHLEN)
			return (m_gethdr(how, type));
	} else if (size <= MLEN)
		return (m_get(how, type));
	return (mb_getclass(how, type, flags, mbclass_bysize(size)));
}

struct mbuf *
m_get2(int size, int how, int type, int flags)
{
	return (mb_getfit(size, how, type, flags, MJUMPAGESIZE));
}

struct mbuf *
m_get3(int size, int how, int type, int flags)
{
	return (mb_getfit(size, how, type, flags, MJUM64BYTES));
}

int
m_clget(struct mbuf *m, int how)
{
	return (mb_attach_class(m, how, &mbclass[MC_CLUSTER]) != NULL);
}

void *
m_cljget(struct mbuf *m, int how, int size)
{
	struct mbclass *mc;

	mc = mbclass_bysize(size);
	KASSERT(mc != NULL && (int)mc->mc_size == size, ("%s: no cluster of %d", __func__, size));
	return (mb_attach_class(m, how, mc));
}

void
m_extadd(struct mbuf *m, char *buf, u_int size, m_ext_free_t *freef, void *arg1, void *arg2,
    int flags, int type)
{
	KASSERT((m->m_flags & M_EXT) == 0, ("%s: %p has storage already", __func__, m));
	KASSERT(freef != NULL && mbclass_bytype((u_int)type) == NULL,
	    ("%s: storage of others needs its free function", __func__));
	mb_attach(m, buf, size, (u_int)type);
	m->m_ext.ext_free = freef;
	m->m_ext.ext_arg1 = arg1;
	m->m_ext.ext_arg2 = arg2;
	m->m_flags |= (uint32_t)(flags & M_RDONLY) & 0xffffff;
}

/*
 * The next mbuf of a chain that has `len` bytes to go. Half-empty big clusters are a waste that
 * sb_mbcnt would have to pay for, so one is taken only if it will be filled at least half;
 * when that size has run out, smaller ones serve.
 */
static struct mbuf *
mb_getnext(int len, int how, int type, int flags)
{
	struct mbclass *mc;
	struct mbuf *m;

	if (len <= ((flags & M_PKTHDR) != 0 ? MHLEN : MLEN))
		return (mb_getfit(len, how, type, flags, MLEN));
	mc = mbclass_bysize(MIN(len, MJUM64BYTES));
	while (mc > &mbclass[MC_CLUSTER] && len < (int)mc->mc_size / 2)
		mc--;
	for (;; mc--) {
		m = mb_getclass(mc == &mbclass[MC_CLUSTER] ? how : M_NOWAIT, type, flags, mc);
		if (m != NULL || mc == &mbclass[MC_CLUSTER])
			return (m);
	}
}

struct mbuf *
m_getm2(struct mbuf *m, int len, int how, int type, int flags)
{
	struct mbuf *head = NULL, **tail = &head, *n;

	KASSERT(len >= 0, ("%s: len %d", __func__, len));
	flags &= M_PKTHDR | M_EOR;
	if (m != NULL)
		flags &= ~M_PKTHDR; /* it has one or needs none */
	do {
		n = mb_getnext(len, how, type, flags & M_PKTHDR);
		if (n == NULL) {
			m_freem(head);
			return (NULL);
		}
		flags &= ~M_PKTHDR;
		*tail = n;
		tail = &n->m_next;
		len -= m_size(n);
	} while (len > 0);
	n->m_flags |= (uint32_t)(flags & M_EOR) & 0xffffff;
	if (m == NULL)
		return (head);
	m_last(m)->m_next = head;
	m->m_flags &= ~(uint32_t)M_EOR & 0xffffff;
	return (m);
}

/* m has let go of its storage, or never was more than a sharer: frees what nobody needs now. */
static void
mb_free_ext(struct mbuf *m)
{
	struct mbuf *owner = __containerof(m->m_ext.ext_cnt, struct mbuf, m_ext.ext_count);
	struct mbclass *mc;

	KASSERT(owner->m_ext.ext_count > 0, ("%s: %p: count is 0", __func__, m));
	if (--owner->m_ext.ext_count > 0) {
		if (owner != m)
			mb_free_self(m);
		return;
	}
	mc = mbclass_bytype(owner->m_ext.ext_type);
	if (mc != NULL)
		uma_zfree(mc->mc_zone, owner->m_ext.ext_buf);
	else
		owner->m_ext.ext_free(owner);
	if (owner != m)
		mb_free_self(owner);
	mb_free_self(m);
}

struct mbuf *
m_free(struct mbuf *m)
{
	struct mbuf *n = m->m_next;

	KASSERT(m->m_type != MT_NOTMBUF, ("%s: %p is free already", __func__, m));
	if ((m->m_flags & M_PKTHDR) != 0 && !SLIST_EMPTY(&m->m_pkthdr.tags))
		m_tag_delete_chain(m, NULL);
	m->m_type = MT_NOTMBUF;
	m->m_next = NULL;
	if ((m->m_flags & M_EXT) != 0)
		mb_free_ext(m);
	else
		mb_free_self(m);
	return (n);
}

void
m_freem(struct mbuf *m)
{
	while (m != NULL)
		m = m_free(m);
}

void
m_freemp(struct mbuf *m)
{
	struct mbuf *n;

	for (; m != NULL; m = n) {
		n = m->m_nextpkt;
		m_freem(m);
	}
}

/* n, which has no storage, shares m's from m's first byte on. */
void
mb_dupcl(struct mbuf *n, const struct mbuf *m)
{
	KASSERT((m->m_flags & M_EXT) != 0, ("%s: %p has no storage", __func__, m));
	KASSERT((n->m_flags & M_EXT) == 0, ("%s: %p has storage already", __func__, n));
	n->m_ext = m->m_ext;
	++*n->m_ext.ext_cnt;
	n->m_data = m->m_data;
	n->m_flags |= M_EXT | (m->m_flags & M_RDONLY);
}

void
mb_stat(struct mbstat *st)
{
	uint64_t used[MC_COUNT];
	int i;

	memset(st, 0, sizeof(*st));
	for (i = 0; i < MC_COUNT; i++) {
		used[i] = (uint64_t)uma_zone_get_cur(mbclass[i].mc_zone);
		st->bytes_used += used[i] * mbclass[i].mc_size;
		st->denied += mbclass[i].mc_denied;
	}
	st->mbufs_used = used[MC_MBUF];
	st->mbufs_max = (uint64_t)mbclass[MC_MBUF].mc_max;
	st->clusters_used = used[MC_CLUSTER];
	st->clusters_max = (uint64_t)mbclass[MC_CLUSTER].mc_max;
	st->jumbop_used = used[MC_JUMBOP];
	st->jumbo9_used = used[MC_JUMBO9];
	st->jumbo16_used = used[MC_JUMBO16];
	st->jumbo64_used = used[MC_JUMBO64];
}
