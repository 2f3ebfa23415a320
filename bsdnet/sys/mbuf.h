/*
 * mbuf.h - memory buffers, mbuf(9).
 *
 * A packet is a chain of mbufs through m_next; queues of packets go through
 * m_nextpkt. A function that is handed an mbuf consumes it, whatever happens.
 */
#ifndef _SYS_MBUF_H_
#define _SYS_MBUF_H_

#include <sys/param.h>
#include <sys/queue.h>
#include <sys/systm.h>
#include <sys/malloc.h>
#include <sys/time.h>

struct ifnet;
struct mbuf;

/* How much of an mbuf is data, for its three shapes. MSIZE is the whole of it. */
#define MHSIZE offsetof(struct mbuf, m_dat)
#define MPKTHSIZE offsetof(struct mbuf, m_pktdat)
#define MLEN ((int)(MSIZE - MHSIZE))
#define MHLEN ((int)(MSIZE - MPKTHSIZE))
#define MINCLSIZE (MHLEN + 1)

struct m_tag {
	SLIST_ENTRY(m_tag) m_tag_link;
	uint16_t m_tag_id;
	uint16_t m_tag_len; /* bytes behind the header */
	uint32_t m_tag_cookie;
	void (*m_tag_free)(struct m_tag *);
};

struct pkthdr {
	struct ifnet *rcvif; /* interface the packet came by; NULL if ours */
	SLIST_HEAD(packet_tags, m_tag) tags;
	int32_t len; /* bytes in the whole chain */
	uint32_t flowid;
	uint32_t csum_flags; /* CSUM_* below */
	uint16_t fibnum;
	uint8_t rsstype;
	uint8_t l2hlen, l3hlen, l4hlen;
	uint16_t ether_vtag;
	uint16_t tso_segsz;   /* out: payload bytes per segment (CSUM_TSO) */
	uint16_t csum_data;   /* out: where the sum goes, from L4's start; in: the sum */
	uint16_t lro_nsegs;   /* in: wire segments merged here (0 and 1: one) */
	uint16_t lro_segsz;   /* in: payload bytes per merged segment, 0 unknown */
	sbintime_t rcv_tstmp; /* in: realtime of arrival, if M_TSTMP */
};

/*
 * External storage. The count is shared by all mbufs that refer to it, and lives in the one that
 * had it first (ext_cnt points there), which stays allocated until the last reference goes.
 */
typedef void m_ext_free_t(struct mbuf *);
struct m_ext {
	char *ext_buf;
	uint32_t *ext_cnt;  /* the reference count in use */
	uint32_t ext_count; /* the count itself, if this mbuf is the owner */
	uint32_t ext_size;  /* bytes of storage */
	uint32_t ext_type;  /* EXT_* */
	m_ext_free_t *ext_free;
	void *ext_arg1, *ext_arg2;
};

struct mbuf {
	struct mbuf *m_next;
	struct mbuf *m_nextpkt;
	char *m_data;
	int32_t m_len;
	uint32_t m_type : 8, m_flags : 24;
	union {
		struct {
			struct pkthdr m_pkthdr;
			union {
				struct m_ext m_ext;
				char m_pktdat[1];
			};
		};
		char m_dat[1];
	};
};

/* m_flags */
#define M_EXT 0x00000001
#define M_PKTHDR 0x00000002
#define M_EOR 0x00000004
#define M_RDONLY 0x00000008
#define M_BCAST 0x00000010
#define M_MCAST 0x00000020
#define M_PROMISC 0x00000040
#define M_VLANTAG 0x00000080
#define M_TSTMP 0x00000100
#define M_PROTO1 0x00001000 /* a protocol's own, cleared between layers */
#define M_PROTO2 0x00002000
#define M_PROTO3 0x00004000
#define M_PROTO4 0x00008000
#define M_PROTO5 0x00010000
#define M_PROTO6 0x00020000
#define M_PROTO7 0x00040000
#define M_PROTO8 0x00080000
#define M_PROTOFLAGS                                                                               \
	(M_PROTO1 | M_PROTO2 | M_PROTO3 | M_PROTO4 | M_PROTO5 | M_PROTO6 | M_PROTO7 | M_PROTO8)
#define M_COPYFLAGS                                                                                \
	(M_PKTHDR | M_EOR | M_RDONLY | M_BCAST | M_MCAST | M_PROMISC | M_VLANTAG | M_TSTMP |       \
	    M_PROTOFLAGS)

/* m_type */
#define MT_NOTMBUF 0
#define MT_DATA 1
#define MT_HEADER MT_DATA
#define MT_SONAME 8
#define MT_CONTROL 14
#define MT_OOBDATA 16

/* ext_type */
#define EXT_CLUSTER 1
#define EXT_JUMBOP 3
#define EXT_JUMBO9 4
#define EXT_JUMBO16 5
#define EXT_JUMBO64 6 /* ours: a whole TSO/LRO packet, MJUM64BYTES */
#define EXT_EXTREF 7
#define EXT_MOD_TYPE 8

/* csum_flags outward: what is left for the interface (or in_delayed_cksum) to do */
#define CSUM_IP 0x00000001
#define CSUM_IP_UDP 0x00000002
#define CSUM_IP_TCP 0x00000004
#define CSUM_IP_TSO 0x00000010
#define CSUM_IP6_UDP 0x00000200
#define CSUM_IP6_TCP 0x00000400
#define CSUM_IP6_TSO 0x00001000
#define CSUM_TCP CSUM_IP_TCP
#define CSUM_UDP CSUM_IP_UDP
#define CSUM_TCP_IPV6 CSUM_IP6_TCP
#define CSUM_UDP_IPV6 CSUM_IP6_UDP
#define CSUM_TSO (CSUM_IP_TSO | CSUM_IP6_TSO)
#define CSUM_DELAY_DATA (CSUM_TCP | CSUM_UDP)
#define CSUM_DELAY_IP CSUM_IP
#define CSUM_DELAY_DATA_IPV6 (CSUM_TCP_IPV6 | CSUM_UDP_IPV6)
/* csum_flags inward: what was verified already */
#define CSUM_L3_CALC 0x01000000
#define CSUM_L3_VALID 0x02000000
#define CSUM_L4_CALC 0x04000000
#define CSUM_L4_VALID 0x08000000
#define CSUM_IP_CHECKED CSUM_L3_CALC
#define CSUM_IP_VALID CSUM_L3_VALID
#define CSUM_DATA_VALID CSUM_L4_VALID
#define CSUM_PSEUDO_HDR CSUM_L4_CALC

#define mtod(m, t) ((t)((m)->m_data))
#define M_COPYALL 1000000000

/* A buffer that may be written into, and the room before and behind its data. */
bool m_writable(const struct mbuf *);
#define M_WRITABLE(m) m_writable(m)
char *m_start(struct mbuf *); /* where its storage begins (M_START) */
int m_size(const struct mbuf *);
int m_leadingspace(struct mbuf *);
int m_trailingspace(struct mbuf *);
#define M_START(m) m_start(m)
#define M_SIZE(m) m_size(m)
#define M_LEADINGSPACE(m) m_leadingspace(m)
#define M_TRAILINGSPACE(m) m_trailingspace(m)
#define M_ALIGN(m, len) m_align((m), (len))
#define MH_ALIGN(m, len) m_align((m), (len))
#define M_ASSERTPKTHDR(m)                                                                          \
	KASSERT((m) != NULL && ((m)->m_flags & M_PKTHDR) != 0, ("%s: no packet header", __func__))
#define M_MOVE_PKTHDR(to, from) m_move_pkthdr((to), (from))
/* Makes room for plen bytes in front, in place or by a new mbuf; sets m to NULL on failure. */
#define M_PREPEND(m, plen, how) ((m) = m_prepend_fast((m), (plen), (how)))

struct mbuf *m_get(int how, int type);
struct mbuf *m_gethdr(int how, int type);
struct mbuf *m_getcl(int how, int type, int flags);	       /* with a 2 KiB cluster */
struct mbuf *m_getjcl(int how, int type, int flags, int size); /* with a cluster of size */
struct mbuf *m_get2(int size, int how, int type, int flags);   /* one mbuf, the best fit */
struct mbuf *m_get3(int size, int how, int type, int flags);   /* as m_get2, up to MJUM64BYTES */
struct mbuf *m_getm2(struct mbuf *m, int len, int how, int type, int flags);
#define m_getm(m, len, how, type) m_getm2((m), (len), (how), (type), M_PKTHDR)
int m_clget(struct mbuf *, int how); /* 0 if there was none */
void *m_cljget(struct mbuf *, int how, int size);
void m_extadd(struct mbuf *, char *buf, u_int size, m_ext_free_t *freef, void *arg1, void *arg2,
    int flags, int type);
/* n, without storage, shares m's: same bytes, one reference more. */
void mb_dupcl(struct mbuf *n, const struct mbuf *m);
#define MGET(m, how, type) ((m) = m_get((how), (type)))
#define MGETHDR(m, how, type) ((m) = m_gethdr((how), (type)))
#define MCLGET(m, how) ((void)m_clget((m), (how)))

struct mbuf *m_free(struct mbuf *); /* returns m_next */
void m_freem(struct mbuf *);	    /* NULL is fine */
void m_freemp(struct mbuf *);	    /* a whole m_nextpkt list */

void m_adj(struct mbuf *, int len); /* cuts len bytes at the head; at the tail if negative */
void m_align(struct mbuf *, int len);
int m_append(struct mbuf *, int len, const void *); /* 1, or 0 if memory ran out half way */
int m_apply(struct mbuf *, int off, int len, int (*f)(void *, void *, u_int), void *arg);
void m_cat(struct mbuf *, struct mbuf *);
void m_catpkt(struct mbuf *, struct mbuf *);
struct mbuf *m_collapse(struct mbuf *, int how, int maxfrags);
void m_copyback(struct mbuf *, int off, int len, const void *);
void m_copydata(const struct mbuf *, int off, int len, void *);
struct mbuf *m_copym(struct mbuf *, int off, int len, int how); /* shares external storage */
struct mbuf *m_copypacket(struct mbuf *, int how);
struct mbuf *m_copyup(struct mbuf *, int n, int dstoff);
struct mbuf *m_defrag(struct mbuf *, int how);
void m_demote(struct mbuf *, int all, int flags);
void m_demote_pkthdr(struct mbuf *);
struct mbuf *m_devget(
    char *buf, int len, int off, struct ifnet *, void (*copy)(char *, caddr_t, u_int));
struct mbuf *m_dup(const struct mbuf *, int how); /* all data copied */
int m_dup_pkthdr(struct mbuf *to, const struct mbuf *from, int how);
u_int m_fixhdr(struct mbuf *);
struct mbuf *m_fragment(struct mbuf *, int how, int len);
struct mbuf *m_getptr(struct mbuf *, int loc, int *off);
u_int m_length(struct mbuf *, struct mbuf **last);
void m_move_pkthdr(struct mbuf *to, struct mbuf *from);
struct mbuf *m_prepend(struct mbuf *, int len, int how);
struct mbuf *m_prepend_fast(struct mbuf *, int len, int how);
struct mbuf *m_pulldown(struct mbuf *, int off, int len, int *offp);
struct mbuf *m_pullup(struct mbuf *, int len);
int m_sanity(struct mbuf *, int sanitize);
struct mbuf *m_split(struct mbuf *, int len0, int how);
struct mbuf *m_unshare(struct mbuf *, int how);
void m_clrprotoflags(struct mbuf *);

static inline struct mbuf *
m_last(struct mbuf *m)
{
	while (m->m_next != NULL)
		m = m->m_next;
	return (m);
}

/* Tags: PACKET_TAG_* of cookie MTAG_ABI_COMPAT, mbuf_tags(9). */
#define MTAG_ABI_COMPAT 0
#define PACKET_TAG_NONE 0
#define PACKET_TAG_IPOPTIONS 27
struct m_tag *m_tag_alloc(uint32_t cookie, int type, int len, int wait);
void m_tag_delete(struct mbuf *, struct m_tag *);
void m_tag_delete_chain(struct mbuf *, struct m_tag *);
struct m_tag *m_tag_locate(struct mbuf *, uint32_t cookie, int type, struct m_tag *from);
int m_tag_copy_chain(struct mbuf *to, const struct mbuf *from, int how);
#define m_tag_get(type, len, wait) m_tag_alloc(MTAG_ABI_COMPAT, (type), (len), (wait))
#define m_tag_find(m, type, from) m_tag_locate((m), MTAG_ABI_COMPAT, (type), (from))
#define m_tag_prepend(m, t) SLIST_INSERT_HEAD(&(m)->m_pkthdr.tags, (t), m_tag_link)
#define m_tag_unlink(m, t) SLIST_REMOVE(&(m)->m_pkthdr.tags, (t), m_tag, m_tag_link)

/* A bounded queue of packets. */
struct mbufq {
	struct mbuf *mq_head, *mq_tail;
	int mq_len, mq_maxlen;
};
void mbufq_init(struct mbufq *, int maxlen);
int mbufq_enqueue(
    struct mbufq *, struct mbuf *); /* ENOBUFS when full; the mbuf stays the caller's */
struct mbuf *mbufq_dequeue(struct mbufq *);
struct mbuf *mbufq_flush(struct mbufq *);
void mbufq_drain(struct mbufq *);
#define mbufq_len(q) ((q)->mq_len)
#define mbufq_full(q) ((q)->mq_len >= (q)->mq_maxlen)

/* For `alpinectl netstat -m` and leak tests. */
struct mbstat {
	uint64_t mbufs_used, mbufs_max, clusters_used, clusters_max, jumbop_used, jumbo9_used,
	    jumbo16_used, jumbo64_used, bytes_used, denied;
};
void mb_stat(struct mbstat *);

extern int max_linkhdr; /* room kept in front of a packet for the link header */
extern int max_protohdr;
extern int max_hdr; /* both */

#endif
