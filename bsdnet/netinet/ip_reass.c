/*
 * ip_reass.c - puts fragmented datagrams together (RFC 791 3.2, RFC 815, RFC 1122 3.3.2).
 *
 * Owns, per VNET, the datagrams that wait for fragments: a hash table for finding them
 * (keyed, as peers choose the key) and a list by age for giving them up. Called by ip_input().
 *
 * Policy: a datagram whose fragments overlap, in anything but an exact duplicate, is
 * thrown away whole (RFC 5722 asks that of IPv6; no honest sender does it). So are those
 * that would be longer than 65,535 bytes, and those that fragments contradict each
 * other about. Bounds: net.inet.ip.maxfragpackets, maxfrags, maxfragsperpacket; the
 * oldest datagram makes room. One that is given up after net.inet.ip.fragttl is
 * reported to its sender, if its first fragment came.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/callout.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/queue.h>
#include <sys/siphash.h>
#include <sys/sysctl.h>
#include <sys/time.h>

#include <net/if_var.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>

#define IPREASS_NHASH 256 /* buckets */

static MALLOC_DEFINE(M_IPREASS, "ipreass", "IPv4 datagrams that wait for fragments");

struct ipfrag {
	TAILQ_ENTRY(ipfrag) if_link; /* by offset, no two overlap */
	struct mbuf *if_m;	     /* the packet, header and all */
	u_int if_off, if_end;	     /* bytes of the datagram's payload that it holds */
	u_int if_hlen;		     /* bytes of its own header */
};

struct ipq {
	LIST_ENTRY(ipq) ipq_hash;
	TAILQ_ENTRY(ipq) ipq_age; /* oldest first */
	TAILQ_HEAD(ipfraghead, ipfrag) ipq_frags;
	struct in_addr ipq_src, ipq_dst;
	u_short ipq_id; /* network order */
	u_char ipq_p;
	bool ipq_havelast;
	u_int ipq_total; /* bytes of payload, if havelast */
	u_int ipq_have;	 /* bytes of payload that are here */
	u_int ipq_nfrags;
	sbintime_t ipq_expire; /* sbinuptime */
};
LIST_HEAD(ipqhead, ipq);
TAILQ_HEAD(ipqage, ipq);

VNET_DEFINE_STATIC(struct ipqhead, ipq[IPREASS_NHASH]);
#define V_ipq VNET(ipq)
VNET_DEFINE_STATIC(struct ipqage, ipqage);
#define V_ipqage VNET(ipqage)
VNET_DEFINE_STATIC(uint8_t, ipq_hashkey[SIPHASH_KEY_LENGTH]);
#define V_ipq_hashkey VNET(ipq_hashkey)
VNET_DEFINE_STATIC(struct callout, ipreass_callout);
#define V_ipreass_callout VNET(ipreass_callout)
VNET_DEFINE_STATIC(int, nipq);
#define V_nipq VNET(nipq)
VNET_DEFINE_STATIC(int, nfrags);
#define V_nfrags VNET(nfrags)
VNET_DEFINE_STATIC(int, maxnipq) = 1024;
#define V_maxnipq VNET(maxnipq)
VNET_DEFINE_STATIC(int, maxfrags) = 8192;
#define V_maxfrags VNET(maxfrags)
VNET_DEFINE_STATIC(int, maxfragsperpacket) = 128;
#define V_maxfragsperpacket VNET(maxfragsperpacket)
VNET_DEFINE_STATIC(int, ipfragttl) = IPFRAGTTL_SEC;
#define V_ipfragttl VNET(ipfragttl)

SYSCTL_DECL(_net_inet_ip);
SYSCTL_INT_RANGE(_net_inet_ip, OID_AUTO, maxfragpackets, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(maxnipq), 0, 65536,
    "Datagrams that may wait for fragments, default 1024; 0: no fragment is accepted");
SYSCTL_INT_RANGE(_net_inet_ip, OID_AUTO, maxfrags, CTLFLAG_VNET | CTLFLAG_RW, &VNET_NAME(maxfrags),
    0, 1048576, "Fragments that may wait in all, default 8192; bounds the memory they take");
SYSCTL_INT_RANGE(_net_inet_ip, OID_AUTO, maxfragsperpacket, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(maxfragsperpacket), 0, 8192,
    "Fragments of one datagram, default 128: 64 KiB over the smallest MTU of 576 bytes");
SYSCTL_INT_RANGE(_net_inet_ip, OID_AUTO, fragttl, CTLFLAG_VNET | CTLFLAG_RW, &VNET_NAME(ipfragttl),
    1, 255, "Seconds that a datagram may wait for its fragments, 1..255, default 30");
SYSCTL_INT(_net_inet_ip, OID_AUTO, fragpackets, CTLFLAG_VNET | CTLFLAG_RD, &VNET_NAME(nipq), 0,
    "Datagrams that wait for fragments now");
SYSCTL_INT(_net_inet_ip, OID_AUTO, frags, CTLFLAG_VNET | CTLFLAG_RD, &VNET_NAME(nfrags), 0,
    "Fragments that wait now");

static void
ipreass_vnet_init(const void *unused __unused)
{
	u_int i;

	for (i = 0; i < IPREASS_NHASH; i++)
		LIST_INIT(&V_ipq[i]);
	TAILQ_INIT(&V_ipqage);
	arc4random_buf(V_ipq_hashkey, sizeof(V_ipq_hashkey));
	callout_init(&V_ipreass_callout, 1);
}
VNET_SYSINIT(ipreass, SI_SUB_PROTO_DOMAIN, SI_ORDER_SECOND, ipreass_vnet_init, NULL);

static void
ipreass_vnet_destroy(const void *unused __unused)
{
	callout_drain(&V_ipreass_callout);
	ip_drain();
}
VNET_SYSUNINIT(ipreass, SI_SUB_PROTO_DOMAIN, SI_ORDER_SECOND, ipreass_vnet_destroy, NULL);

static void ipreass_timeout(void *);

/* The callout stands at the oldest datagram's end, or does not run. */
static void
ipreass_arm(void)
{
	struct ipq *q = TAILQ_FIRST(&V_ipqage);

	if (q == NULL)
		callout_stop(&V_ipreass_callout);
	else if (!callout_pending(&V_ipreass_callout))
		callout_reset_sbt(
		    &V_ipreass_callout, q->ipq_expire, 0, ipreass_timeout, NULL, C_ABSOLUTE);
}

static void
frag_free(struct ipq *q, struct ipfrag *f)
{
	TAILQ_REMOVE(&q->ipq_frags, f, if_link);
	q->ipq_nfrags--;
	V_nfrags--;
	m_freem(f->if_m);
	free(f, M_IPREASS);
}

static void
ipq_free(struct ipq *q)
{
	struct ipfrag *f;

	while ((f = TAILQ_FIRST(&q->ipq_frags)) != NULL)
		frag_free(q, f);
	LIST_REMOVE(q, ipq_hash);
	TAILQ_REMOVE(&V_ipqage, q, ipq_age);
	V_nipq--;
	free(q, M_IPREASS);
}

static void
ipq_drop(struct ipq *q)
{
	IPSTAT_ADD(ips_fragdropped, q->ipq_nfrags);
	ipq_free(q);
}

/* RFC 1122 3.3.2: the sender is told, if the fragment that names the ports is here. */
static void
ipq_expire(struct ipq *q)
{
	struct ipfrag *f = TAILQ_FIRST(&q->ipq_frags);
	struct mbuf *m = NULL;

	IPSTAT_ADD(ips_fragtimeout, q->ipq_nfrags);
	if (f != NULL && f->if_off == 0) {
		m = f->if_m;
		f->if_m = NULL;
	}
	ipq_free(q);
	if (m != NULL)
		icmp_error(m, ICMP_TIMXCEED, ICMP_TIMXCEED_REASS, 0, 0);
}

static void
ipreass_timeout(void *unused __unused)
{
	const sbintime_t now = sbinuptime();
	struct ipq *q;

	while ((q = TAILQ_FIRST(&V_ipqage)) != NULL && q->ipq_expire <= now)
		ipq_expire(q);
	ipreass_arm();
}

/* Gives up all that waits: memory is short, or an interface that fragments came by goes away. */
void
ip_drain(void)
{
	struct ipq *q;

	while ((q = TAILQ_FIRST(&V_ipqage)) != NULL)
		ipq_drop(q);
	ipreass_arm();
}

static struct ipqhead *
ipq_bucket(const struct ip *ip)
{
	uint32_t key[3];

	key[0] = ip->ip_src.s_addr;
	key[1] = ip->ip_dst.s_addr;
	key[2] = (uint32_t)ip->ip_id << 8 | ip->ip_p;
	return (&V_ipq[siphash24(V_ipq_hashkey, key, sizeof(key)) % IPREASS_NHASH]);
}

static struct ipq *
ipq_find(const struct ip *ip, const struct ipqhead *bucket)
{
	struct ipq *q;

	LIST_FOREACH (q, bucket, ipq_hash)
		if (q->ipq_id == ip->ip_id && q->ipq_p == ip->ip_p &&
		    q->ipq_src.s_addr == ip->ip_src.s_addr &&
		    q->ipq_dst.s_addr == ip->ip_dst.s_addr)
			return (q);
	return (NULL);
}

static struct ipq *
ipq_create(const struct ip *ip, struct ipqhead *bucket)
{
	struct ipq *q;

	while (V_nipq >= V_maxnipq && (q = TAILQ_FIRST(&V_ipqage)) != NULL)
		ipq_drop(q);
	q = malloc(sizeof(*q), M_IPREASS, M_NOWAIT | M_ZERO);
	if (q == NULL)
		return (NULL);
	TAILQ_INIT(&q->ipq_frags);
	q->ipq_src = ip->ip_src;
	q->ipq_dst = ip->ip_dst;
	q->ipq_id = ip->ip_id;
	q->ipq_p = ip->ip_p;
	q->ipq_expire = sbinuptime() + V_ipfragttl * SBT_1S;
	LIST_INSERT_HEAD(bucket, q, ipq_hash);
	TAILQ_INSERT_TAIL(&V_ipqage, q, ipq_age);
	V_nipq++;
	return (q);
}

/* What a fragment says of itself; false: no datagram has such a one. */
static bool
frag_parse(const struct mbuf *m, struct ipfrag *f, bool *lastp)
{
	const struct ip *ip = mtod(m, const struct ip *);
	const u_int ip_off = ntohs(ip->ip_off);
	u_int len;

	f->if_hlen = ip->ip_hl << 2;
	len = ntohs(ip->ip_len) - f->if_hlen;
	f->if_off = (ip_off & IP_OFFMASK) << 3;
	f->if_end = f->if_off + len;
	*lastp = (ip_off & IP_MF) == 0;
	if (len == 0 || (!*lastp && len % 8 != 0)) {
		IPSTAT_INC(ips_toosmall);
		return (false);
	}
	if (f->if_end + f->if_hlen > IP_MAXPACKET) {
		IPSTAT_INC(ips_toolong); /* the ping of death */
		return (false);
	}
	/* RFC 1858: a TCP header is not cut after its ports */
	if (ip->ip_p == IPPROTO_TCP && f->if_off == 8) {
		IPSTAT_INC(ips_toosmall);
		return (false);
	}
	return (true);
}

/* Where f goes among what is there. */
enum frag_place { FRAG_OK, FRAG_DUPLICATE, FRAG_CONFLICT };

static enum frag_place
frag_place(struct ipq *q, const struct ipfrag *f, bool last, struct ipfrag **after)
{
	struct ipfrag *p;

	if (q->ipq_havelast && (f->if_end > q->ipq_total || (last && f->if_end != q->ipq_total)))
		return (FRAG_CONFLICT);
	/* fragments come in order, mostly: look from the end */
	TAILQ_FOREACH_REVERSE(p, &q->ipq_frags, ipfraghead, if_link)
	if (p->if_off <= f->if_off)
		break;
	*after = p;
	if (p != NULL && p->if_off == f->if_off && p->if_end == f->if_end)
		return (FRAG_DUPLICATE);
	if (p != NULL && p->if_end > f->if_off)
		return (FRAG_CONFLICT);
	p = p != NULL ? TAILQ_NEXT(p, if_link) : TAILQ_FIRST(&q->ipq_frags);
	if (p != NULL && (f->if_end > p->if_off || last))
		return (FRAG_CONFLICT);
	return (FRAG_OK);
}

/* RFC 3168 5.3: one mark marks the whole; marked and not capable do not go together. */
static bool
merge_ecn(struct ip *whole, const struct ip *ip)
{
	const u_char have = whole->ip_tos & IPTOS_ECN_MASK, got = ip->ip_tos & IPTOS_ECN_MASK;

	if (have == got)
		return (true);
	if (have == IPTOS_ECN_NOTECT || got == IPTOS_ECN_NOTECT)
		return (have != IPTOS_ECN_CE && got != IPTOS_ECN_CE);
	if (got == IPTOS_ECN_CE)
		whole->ip_tos |= IPTOS_ECN_CE;
	return (true);
}

/* All of q is here: one packet, headed by the first fragment's header. Consumes q. */
static struct mbuf *
ipq_join(struct ipq *q)
{
	struct ipfrag *f = TAILQ_FIRST(&q->ipq_frags);
	struct mbuf *whole, *m;
	struct ip *ip;
	bool ecn_ok = true;

	if (f->if_hlen + q->ipq_total > IP_MAXPACKET) {
		IPSTAT_INC(ips_toolong);
		ipq_drop(q);
		return (NULL);
	}
	whole = f->if_m;
	f->if_m = NULL;
	ip = mtod(whole, struct ip *);
	while ((f = TAILQ_NEXT(f, if_link)) != NULL) {
		m = f->if_m;
		f->if_m = NULL;
		ecn_ok = ecn_ok && merge_ecn(ip, mtod(m, const struct ip *));
		m_adj(m, (int)f->if_hlen);
		m_catpkt(whole, m);
	}
	ip->ip_len = htons((u_short)(q->ipq_total + (ip->ip_hl << 2)));
	if (!ecn_ok) {
		m_freem(whole);
		ipq_drop(q);
		return (NULL);
	}
	ipq_free(q);
	ip->ip_off = 0;
	ip->ip_sum = 0;
	ip->ip_sum = in_cksum(whole, ip->ip_hl << 2);
	/* what a driver knew, it knew of a fragment */
	whole->m_pkthdr.csum_flags = CSUM_IP_CHECKED | CSUM_IP_VALID;
	IPSTAT_INC(ips_reassembled);
	return (whole);
}

/* A small fragment that a driver left in a large buffer must not hold on to it for long. */
static struct mbuf *
slim(struct mbuf *m)
{
	struct mbuf *n;

	if (M_SIZE(m) <= MCLBYTES || m->m_pkthdr.len * 4 > M_SIZE(m))
		return (m);
	n = m_dup(m, M_NOWAIT);
	if (n == NULL)
		return (m);
	m_freem(m);
	return (n->m_len < (int)sizeof(struct ip) ? m_pullup(n, sizeof(struct ip)) : n);
}

static struct ipfrag *
frag_alloc(struct mbuf *m, bool *lastp)
{
	struct ipfrag *f;

	m = slim(m);
	if (m == NULL)
		return (NULL);
	f = malloc(sizeof(*f), M_IPREASS, M_NOWAIT | M_ZERO);
	if (f != NULL) {
		f->if_m = m;
		if (frag_parse(m, f, lastp))
			return (f);
		free(f, M_IPREASS);
	}
	IPSTAT_INC(ips_fragdropped);
	m_freem(m);
	return (NULL);
}

static void
frag_discard(struct ipfrag *f)
{
	IPSTAT_INC(ips_fragdropped);
	m_freem(f->if_m);
	free(f, M_IPREASS);
}

static bool
frag_insert(struct ipq *q, struct ipfrag *f, bool last)
{
	struct ipfrag *after;

	switch (frag_place(q, f, last, &after)) {
	case FRAG_DUPLICATE:
		frag_discard(f);
		return (true);
	case FRAG_CONFLICT:
		frag_discard(f);
		return (false);
	case FRAG_OK:
		break;
	}
	if (after != NULL)
		TAILQ_INSERT_AFTER(&q->ipq_frags, after, f, if_link);
	else
		TAILQ_INSERT_HEAD(&q->ipq_frags, f, if_link);
	q->ipq_nfrags++;
	V_nfrags++;
	q->ipq_have += f->if_end - f->if_off;
	if (last) {
		q->ipq_havelast = true;
		q->ipq_total = f->if_end;
	}
	return (q->ipq_nfrags <= (u_int)V_maxfragsperpacket);
}

/* Takes a fragment; returns the datagram that it completes. */
struct mbuf *
ip_reass(struct mbuf *m)
{
	const struct ip *ip;
	struct ipqhead *bucket;
	struct ipfrag *f;
	struct ipq *q;
	bool last;

	IPSTAT_INC(ips_fragments);
	f = frag_alloc(m, &last);
	if (f == NULL)
		return (NULL);
	m = f->if_m;
	ip = mtod(m, const struct ip *);
	if (V_maxnipq == 0 || V_maxfragsperpacket == 0) {
		frag_discard(f);
		return (NULL);
	}
	while (V_nfrags >= V_maxfrags && (q = TAILQ_FIRST(&V_ipqage)) != NULL)
		ipq_drop(q);
	bucket = ipq_bucket(ip);
	q = ipq_find(ip, bucket);
	if (q == NULL)
		q = ipq_create(ip, bucket);
	if (q == NULL || V_nfrags >= V_maxfrags) {
		frag_discard(f);
		if (q != NULL && q->ipq_nfrags == 0)
			ipq_free(q);
		return (NULL);
	}
	m = NULL;
	if (!frag_insert(q, f, last))
		ipq_drop(q);
	else if (q->ipq_havelast && q->ipq_have == q->ipq_total)
		m = ipq_join(q);
	ipreass_arm();
	return (m);
}
