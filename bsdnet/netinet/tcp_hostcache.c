/*
 * tcp_hostcache.c - what connections learnt about the way to a host, for the next one: round-trip
 * time and its variance, slow start threshold, path MTU. RFC 9040's temporal sharing (RFC 2140);
 * FreeBSD's names, net.inet.tcp.hostcache.*.
 *
 * A connection that has measured at least HC_SAMPLES round trips leaves its figures when it ends,
 * averaged with what was known; a path MTU that ICMP told is kept at once. A new one takes them
 * over in tcp_mss(). Entries not used for hostcache.expire seconds go, when somebody looks or needs
 * the place.
 *
 * Owns the cache. Bounds: hostcache.cachelimit entries, bucketlimit of them in each of hashsize
 * lists; the least recently used of a list makes place.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/siphash.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <sys/systm.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_var.h>

#define HC_HASHSIZE 512
#define HC_BUCKETLIMIT 30
#define HC_EXPIRE_S 3600
#define HC_SAMPLES 4

static MALLOC_DEFINE(M_HOSTCACHE, "hostcache", "TCP: what is known of hosts");

struct hc_entry {
	TAILQ_ENTRY(hc_entry) e_link;
	union in_dependaddr e_addr;
	bool e_v6;
	uint32_t e_mtu;		   /* bytes; 0: as the route has it */
	uint32_t e_srtt, e_rttvar; /* us; 0: none */
	uint32_t e_ssthresh;	   /* bytes; 0: none */
	uint64_t e_hits, e_updates;
	sbintime_t e_until;
};

struct hc_bucket {
	TAILQ_HEAD(hc_list, hc_entry) b_list; /* used last, first */
	int b_n;
};

struct hostcache {
	struct hc_bucket *h_buckets; /* NULL: none yet */
	uint8_t h_secret[SIPHASH_KEY_LENGTH];
	int h_count;
};
VNET_DEFINE_STATIC(struct hostcache, hostcache);
VNET_DEFINE_STATIC(int, hc_enable) = 1;
VNET_DEFINE_STATIC(int, hc_cachelimit) = HC_HASHSIZE * HC_BUCKETLIMIT;
VNET_DEFINE_STATIC(int, hc_bucketlimit) = HC_BUCKETLIMIT;
VNET_DEFINE_STATIC(int, hc_expire) = HC_EXPIRE_S;
#define V_hc VNET(hostcache)

SYSCTL_DECL(_net_inet_tcp);
SYSCTL_NODE(_net_inet_tcp, OID_AUTO, hostcache, CTLFLAG_RW, 0, "What is known of hosts");
SYSCTL_INT_RANGE(_net_inet_tcp_hostcache, OID_AUTO, enable, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(hc_enable), 0, 1, "Connections learn from those before (0 to 1, default 1)");
SYSCTL_INT_RANGE(_net_inet_tcp_hostcache, OID_AUTO, cachelimit, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(hc_cachelimit), 0, 1000000, "Most hosts (0 to 1000000, default 15360)");
SYSCTL_INT_RANGE(_net_inet_tcp_hostcache, OID_AUTO, bucketlimit, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(hc_bucketlimit), 1, 10000, "Most hosts in each list (1 to 10000, default 30)");
static const int hc_hashsize = HC_HASHSIZE;
SYSCTL_INT(_net_inet_tcp_hostcache, OID_AUTO, hashsize, CTLFLAG_RD, __DECONST(int *, &hc_hashsize),
    0, "Lists");
SYSCTL_INT(_net_inet_tcp_hostcache, OID_AUTO, count, CTLFLAG_VNET | CTLFLAG_RD,
    &VNET_NAME(hostcache.h_count), 0, "Hosts now");
SYSCTL_INT_RANGE(_net_inet_tcp_hostcache, OID_AUTO, expire, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(hc_expire), 1, 604800,
    "Time that an entry lives after its last update (s, 1 to 604800, default 3600)");

static void
entry_free(struct hc_bucket *b, struct hc_entry *e)
{
	TAILQ_REMOVE(&b->b_list, e, e_link);
	b->b_n--;
	V_hc.h_count--;
	free(e, M_HOSTCACHE);
}

/* Entries whose time is over, or all. */
static void
hc_clear(bool all)
{
	struct hc_entry *e, *next;

	for (u_int i = 0; V_hc.h_buckets != NULL && i < HC_HASHSIZE; i++)
		TAILQ_FOREACH_SAFE (e, &V_hc.h_buckets[i].b_list, e_link, next)
			if (all || e->e_until <= getsbinuptime())
				entry_free(&V_hc.h_buckets[i], e);
}

static void
hc_uninit(void *arg __unused)
{
	hc_clear(true);
	free(V_hc.h_buckets, M_HOSTCACHE);
	V_hc.h_buckets = NULL;
}
VNET_SYSUNINIT(tcp_hostcache, SI_SUB_PROTO_DOMAIN, SI_ORDER_THIRD, hc_uninit, NULL);

/* purgenow: at once; purge: what FreeBSD does at its next run, which is at once here too. */
static int
sysctl_hc_purge(SYSCTL_HANDLER_ARGS)
{
	int error, v = 0;

	error = sysctl_handle_int(oidp, &v, 0, req);
	if (error == 0 && req->newptr != NULL && v != 0)
		hc_clear(true);
	return (error);
}
SYSCTL_PROC(_net_inet_tcp_hostcache, OID_AUTO, purgenow, CTLTYPE_INT | CTLFLAG_VNET | CTLFLAG_RW,
    NULL, 0, sysctl_hc_purge, "I", "Writing 1 forgets all hosts");
SYSCTL_PROC(_net_inet_tcp_hostcache, OID_AUTO, purge, CTLTYPE_INT | CTLFLAG_VNET | CTLFLAG_RW, NULL,
    0, sysctl_hc_purge, "I", "The same");

static int
sysctl_hc_list(SYSCTL_HANDLER_ARGS)
{
	static const char head[] = "IP address MTU SSTRESH RTT RTTVAR HITS UPD EXP";
	char addr[INET_ADDRSTRLEN], line[160];
	struct hc_entry *e;
	int error, n;

	if (req->newptr != NULL)
		return (EPERM);
	hc_clear(false);
	error = sysctl_out(req, head, sizeof(head) - 1);
	for (u_int i = 0; error == 0 && V_hc.h_buckets != NULL && i < HC_HASHSIZE; i++)
		TAILQ_FOREACH (e, &V_hc.h_buckets[i].b_list, e_link) {
			n = snprintf(line, sizeof(line), "\n%s %u %u %ums %ums %llu %llu %lld",
			    inet_ntoa_r(e->e_addr.id46_addr.ia46_addr4, addr), e->e_mtu,
			    e->e_ssthresh, e->e_srtt / 1000, e->e_rttvar / 1000,
			    (unsigned long long)e->e_hits, (unsigned long long)e->e_updates,
			    (long long)((e->e_until - getsbinuptime()) / SBT_1S));
			if ((error = sysctl_out(req, line, (size_t)n)) != 0)
				break;
		}
	return (error != 0 ? error : sysctl_out(req, "", 1));
}
SYSCTL_PROC(_net_inet_tcp_hostcache, OID_AUTO, list,
    CTLTYPE_STRING | CTLFLAG_VNET | CTLFLAG_RD | CTLFLAG_SKIP, NULL, 0, sysctl_hc_list, "A",
    "Every host: what is known of it, and for how long (s)");

/* ---- finding ---- */

static struct hc_bucket *
bucket_of(const struct in_conninfo *inc)
{
	return (&V_hc.h_buckets[siphash24(V_hc.h_secret, &inc->inc_ie.ie_dependfaddr,
				    sizeof(union in_dependaddr)) %
				HC_HASHSIZE]);
}

static struct hc_entry *
hc_find(const struct in_conninfo *inc)
{
	const bool v6 = (inc->inc_flags & INC_ISIPV6) != 0;
	struct hc_bucket *b;
	struct hc_entry *e;

	if (VNET(hc_enable) == 0 || V_hc.h_buckets == NULL)
		return (NULL);
	b = bucket_of(inc);
	TAILQ_FOREACH (e, &b->b_list, e_link)
		if (e->e_v6 == v6 &&
		    memcmp(&e->e_addr, &inc->inc_ie.ie_dependfaddr, sizeof(e->e_addr)) == 0)
			break;
	if (e == NULL)
		return (NULL);
	if (e->e_until <= getsbinuptime()) {
		entry_free(b, e);
		return (NULL);
	}
	TAILQ_REMOVE(&b->b_list, e, e_link);
	TAILQ_INSERT_HEAD(&b->b_list, e, e_link);
	return (e);
}

/* Room for one more in b: false, there is none. */
static bool
hc_make_room(struct hc_bucket *b)
{
	if (b->b_n >= VNET(hc_bucketlimit) || V_hc.h_count >= VNET(hc_cachelimit)) {
		if (b->b_n == 0)
			hc_clear(false);
		else {
			TCPSTAT_INC(tcps_hc_bucketoverflow);
			entry_free(b, TAILQ_LAST(&b->b_list, hc_list));
		}
	}
	return (b->b_n < VNET(hc_bucketlimit) && V_hc.h_count < VNET(hc_cachelimit));
}

/* The entry of a host, for an update; NULL: none. */
static struct hc_entry *
hc_get(const struct in_conninfo *inc)
{
	struct hc_entry *e = hc_find(inc);
	struct hc_bucket *b;

	if (VNET(hc_enable) == 0)
		return (NULL);
	if (V_hc.h_buckets == NULL) {
		b = mallocarray(HC_HASHSIZE, sizeof(*b), M_HOSTCACHE, M_NOWAIT | M_ZERO);
		if (b == NULL)
			return (NULL);
		for (u_int i = 0; i < HC_HASHSIZE; i++)
			TAILQ_INIT(&b[i].b_list);
		V_hc.h_buckets = b;
		arc4random_buf(V_hc.h_secret, sizeof(V_hc.h_secret));
	}
	if (e == NULL) {
		b = bucket_of(inc);
		if (!hc_make_room(b))
			return (NULL);
		e = malloc(sizeof(*e), M_HOSTCACHE, M_NOWAIT | M_ZERO);
		if (e == NULL)
			return (NULL);
		e->e_addr = inc->inc_ie.ie_dependfaddr;
		e->e_v6 = (inc->inc_flags & INC_ISIPV6) != 0;
		TAILQ_INSERT_HEAD(&b->b_list, e, e_link);
		b->b_n++;
		V_hc.h_count++;
		TCPSTAT_INC(tcps_hc_added);
	}
	e->e_updates++;
	e->e_until = getsbinuptime() + (sbintime_t)VNET(hc_expire) * SBT_1S;
	return (e);
}

/* ---- what TCP asks ---- */

u_int
tcp_hc_getmtu(const struct in_conninfo *inc)
{
	const struct hc_entry *e = hc_find(inc);

	return (e != NULL ? e->e_mtu : 0);
}

void
tcp_hc_updatemtu(const struct in_conninfo *inc, u_int mtu)
{
	struct hc_entry *e = hc_get(inc);

	if (e != NULL)
		e->e_mtu = mtu;
}

/* A connection begins: t_maxseg is known. */
void
tcp_hc_begin(struct tcpcb *tp)
{
	struct hc_entry *e = hc_find(&tp->t_inpcb->inp_inc);

	if (e == NULL)
		return;
	e->e_hits++;
	if (e->e_srtt != 0 && tp->t_srtt == 0) {
		tp->t_srtt = e->e_srtt;
		tp->t_rttvar = e->e_rttvar != 0 ? e->e_rttvar : e->e_srtt / 2;
		tp->t_rxtcur = tcp_rexmtval(tp);
		TCPSTAT_INC(tcps_cachedrtt);
	}
	if (e->e_ssthresh != 0) {
		tp->snd_ssthresh = max(2 * tp->t_maxseg, e->e_ssthresh);
		TCPSTAT_INC(tcps_cachedssthresh);
	}
}

static uint32_t
average(uint32_t old, uint32_t new)
{
	return (old == 0 ? new : new == 0 ? old : old / 2 + new / 2);
}

/* A connection ends. A threshold above half of its send buffer was never one. */
void
tcp_hc_end(const struct tcpcb *tp)
{
	const struct socket *so = tptosocket(tp);
	struct hc_entry *e;

	if (tp->t_rttupdated < HC_SAMPLES || so == NULL || tp->t_state == TCPS_TIME_WAIT ||
	    (e = hc_get(&tp->t_inpcb->inp_inc)) == NULL)
		return;
	e->e_srtt = average(e->e_srtt, tp->t_srtt);
	e->e_rttvar = average(e->e_rttvar, tp->t_rttvar);
	if (tp->snd_ssthresh < so->so_snd.sb_hiwat / 2)
		e->e_ssthresh = average(e->e_ssthresh, max(tp->snd_ssthresh, 2 * tp->t_maxseg));
}
