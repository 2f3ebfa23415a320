/*
 * tcp_fastopen_client.c - TCP Fast Open, RFC 7413, the client's side: cookies of servers, and SYNs
 * that have data.
 *
 * A socket with TCP_FASTOPEN asks for a cookie (a SYN with an empty option) the first time it
 * connects to a server, and sends data on its SYN the next time. The cache knows, for each pair of
 * addresses and port, the server's cookie and MSS (4.1.3). What a SYN,ACK does not acknowledge is
 * sent again at once, behind the handshake. A path on which that failed (the SYN was not answered,
 * the server does not know the option, nothing came after the handshake) is not tried again for
 * fastopen.path_disable_time seconds (4.1.3.1).
 *
 * With a secret that the server has too (struct tcp_fastopen), what goes out is a hash of the
 * cookie, keyed by it.
 *
 * Owns the cache: fastopen.ccache_buckets lists of at most ccache_bucket_limit entries, the least
 * recently used goes first. TF2_TFO_SYN is set while the SYN is to have the option.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/siphash.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <sys/systm.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

#define CCACHE_BUCKETS 2048
#define CCACHE_BUCKET_LIMIT 16
#define PATH_DISABLE_S 900 /* 15 minutes */

static MALLOC_DEFINE(M_TFOCACHE, "tfo_ccache", "TCP Fast Open: cookies of servers");

struct tfo_entry {
	TAILQ_ENTRY(tfo_entry) e_link;
	struct in_conninfo e_inc; /* lport does not count */
	uint16_t e_mss;
	uint8_t e_len; /* 0: no cookie */
	uint8_t e_cookie[TCP_FASTOPEN_MAX_COOKIE_LEN];
	sbintime_t e_failed; /* not to be tried since; 0: may be */
};

struct tfo_bucket {
	TAILQ_HEAD(tfo_list, tfo_entry) b_list; /* used last, first */
	int b_n;
};

struct tfo_ccache {
	struct tfo_bucket *c_buckets; /* NULL: none yet */
	uint8_t c_secret[SIPHASH_KEY_LENGTH];
	int c_n;
};
VNET_DEFINE_STATIC(struct tfo_ccache, tfo_ccache);
VNET_DEFINE_STATIC(int, tfo_client) = 1;
VNET_DEFINE_STATIC(int, tfo_bucket_limit) = CCACHE_BUCKET_LIMIT;
VNET_DEFINE_STATIC(int, tfo_path_disable) = PATH_DISABLE_S;
#define V_cc VNET(tfo_ccache)

SYSCTL_DECL(_net_inet_tcp_fastopen);
static const int tfo_nbuckets = CCACHE_BUCKETS;
SYSCTL_INT(_net_inet_tcp_fastopen, OID_AUTO, ccache_buckets, CTLFLAG_RD,
    __DECONST(int *, &tfo_nbuckets), 0, "Lists of the client's cookie cache");
SYSCTL_INT(_net_inet_tcp_fastopen, OID_AUTO, ccache_entries, CTLFLAG_VNET | CTLFLAG_RD,
    &VNET_NAME(tfo_ccache.c_n), 0, "Servers in the client's cookie cache now");
SYSCTL_INT_RANGE(_net_inet_tcp_fastopen, OID_AUTO, ccache_bucket_limit, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tfo_bucket_limit), 0, 1024,
    "Most servers in each list of the client's cookie cache (0 to 1024, default 16)");
SYSCTL_INT_RANGE(_net_inet_tcp_fastopen, OID_AUTO, path_disable_time, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tfo_path_disable), 0, 86400,
    "Time that a path is not tried after a failure (s, 0 to 86400, default 900)");

/* ---- the cache ---- */

static struct tfo_bucket *
bucket_of(const struct in_conninfo *inc)
{
	struct {
		union in_dependaddr f, l;
		uint32_t port, flags;
	} key;

	memset(&key, 0, sizeof(key));
	key.f = inc->inc_ie.ie_dependfaddr;
	key.l = inc->inc_ie.ie_dependladdr;
	key.port = inc->inc_fport;
	key.flags = inc->inc_flags & INC_ISIPV6;
	return (&V_cc.c_buckets[siphash24(V_cc.c_secret, &key, sizeof(key)) % CCACHE_BUCKETS]);
}

static bool
same_path(const struct in_conninfo *a, const struct in_conninfo *b)
{
	return (a->inc_fport == b->inc_fport && ((a->inc_flags ^ b->inc_flags) & INC_ISIPV6) == 0 &&
		memcmp(&a->inc_ie.ie_dependfaddr, &b->inc_ie.ie_dependfaddr,
		    sizeof(union in_dependaddr)) == 0 &&
		memcmp(&a->inc_ie.ie_dependladdr, &b->inc_ie.ie_dependladdr,
		    sizeof(union in_dependaddr)) == 0);
}

static struct tfo_entry *
entry_find(const struct in_conninfo *inc)
{
	struct tfo_bucket *b;
	struct tfo_entry *e;

	if (V_cc.c_buckets == NULL)
		return (NULL);
	b = bucket_of(inc);
	TAILQ_FOREACH (e, &b->b_list, e_link)
		if (same_path(&e->e_inc, inc))
			break;
	if (e != NULL && e != TAILQ_FIRST(&b->b_list)) {
		TAILQ_REMOVE(&b->b_list, e, e_link);
		TAILQ_INSERT_HEAD(&b->b_list, e, e_link);
	}
	return (e);
}

static void
entry_free(struct tfo_bucket *b, struct tfo_entry *e)
{
	TAILQ_REMOVE(&b->b_list, e, e_link);
	b->b_n--;
	V_cc.c_n--;
	free(e, M_TFOCACHE);
}

static bool
cache_ready(void)
{
	if (V_cc.c_buckets != NULL)
		return (true);
	V_cc.c_buckets =
	    mallocarray(CCACHE_BUCKETS, sizeof(struct tfo_bucket), M_TFOCACHE, M_NOWAIT | M_ZERO);
	if (V_cc.c_buckets == NULL)
		return (false);
	for (u_int i = 0; i < CCACHE_BUCKETS; i++)
		TAILQ_INIT(&V_cc.c_buckets[i].b_list);
	arc4random_buf(V_cc.c_secret, sizeof(V_cc.c_secret));
	return (true);
}

/* The entry of a path, made if there is none; NULL: there is no room for it. */
static struct tfo_entry *
entry_get(const struct in_conninfo *inc)
{
	struct tfo_entry *e = entry_find(inc);
	struct tfo_bucket *b;

	if (e != NULL || !cache_ready())
		return (e);
	b = bucket_of(inc);
	while (b->b_n > 0 && b->b_n >= VNET(tfo_bucket_limit))
		entry_free(b, TAILQ_LAST(&b->b_list, tfo_list));
	if (VNET(tfo_bucket_limit) == 0)
		return (NULL);
	e = malloc(sizeof(*e), M_TFOCACHE, M_NOWAIT | M_ZERO);
	if (e == NULL)
		return (NULL);
	e->e_inc = *inc;
	TAILQ_INSERT_HEAD(&b->b_list, e, e_link);
	b->b_n++;
	V_cc.c_n++;
	return (e);
}

static void
cache_clear(void)
{
	struct tfo_entry *e;

	for (u_int i = 0; V_cc.c_buckets != NULL && i < CCACHE_BUCKETS; i++)
		while ((e = TAILQ_FIRST(&V_cc.c_buckets[i].b_list)) != NULL)
			entry_free(&V_cc.c_buckets[i], e);
	free(V_cc.c_buckets, M_TFOCACHE);
	V_cc.c_buckets = NULL;
}

static void
tfo_client_uninit(void *arg __unused)
{
	cache_clear();
}
VNET_SYSUNINIT(tfo_client_uninit, SI_SUB_PROTO_DOMAIN, SI_ORDER_ANY, tfo_client_uninit, NULL);

/* Turning it off forgets the cookies, as in FreeBSD; connections that began so go on. */
static int
sysctl_tfo_client(SYSCTL_HANDLER_ARGS)
{
	int error, on = VNET(tfo_client);

	error = sysctl_handle_int(oidp, &on, 0, req);
	if (error != 0 || req->newptr == NULL)
		return (error);
	if (on == 0)
		cache_clear();
	VNET(tfo_client) = on != 0;
	return (0);
}
SYSCTL_PROC(_net_inet_tcp_fastopen, OID_AUTO, client_enable,
    CTLTYPE_INT | CTLFLAG_VNET | CTLFLAG_RW, NULL, 0, sysctl_tfo_client, "I",
    "Programs may send data on SYN (0 to 1, default 1); off forgets the cookies");

static int
list_entry(struct sysctl_req *req, const struct tfo_entry *e)
{
	char local[INET_ADDRSTRLEN], foreign[INET_ADDRSTRLEN], line[160];
	sbintime_t left = 0;
	int n;

	if (e->e_failed != 0)
		left = VNET(tfo_path_disable) - (getsbinuptime() - e->e_failed) / SBT_1S;
	n = snprintf(line, sizeof(line), "\n%s %s:%u mss %u cookie ",
	    inet_ntoa_r(e->e_inc.inc_laddr, local), inet_ntoa_r(e->e_inc.inc_faddr, foreign),
	    ntohs(e->e_inc.inc_fport), e->e_mss);
	for (u_int i = 0; i < e->e_len; i++)
		n += snprintf(line + n, sizeof(line) - (size_t)n, "%02x", e->e_cookie[i]);
	if (e->e_len == 0)
		n += snprintf(line + n, sizeof(line) - (size_t)n, "none");
	if (left > 0)
		n += snprintf(
		    line + n, sizeof(line) - (size_t)n, " disabled %lld s", (long long)left);
	return (sysctl_out(req, line, (size_t)n));
}

static int
sysctl_tfo_list(SYSCTL_HANDLER_ARGS)
{
	static const char head[] = "client server mss cookie";
	struct tfo_entry *e;
	int error;

	if (req->newptr != NULL)
		return (EPERM);
	error = sysctl_out(req, head, sizeof(head) - 1);
	for (u_int i = 0; error == 0 && V_cc.c_buckets != NULL && i < CCACHE_BUCKETS; i++)
		TAILQ_FOREACH (e, &V_cc.c_buckets[i].b_list, e_link)
			if ((error = list_entry(req, e)) != 0)
				break;
	return (error != 0 ? error : sysctl_out(req, "", 1));
}
SYSCTL_PROC(_net_inet_tcp_fastopen, OID_AUTO, ccache_list,
    CTLTYPE_STRING | CTLFLAG_VNET | CTLFLAG_RD | CTLFLAG_SKIP, NULL, 0, sysctl_tfo_list, "A",
    "The client's cookie cache");

/* ---- a connection's side ---- */

static bool
path_failed(struct tfo_entry *e)
{
	if (e->e_failed != 0 &&
	    getsbinuptime() - e->e_failed >= (sbintime_t)VNET(tfo_path_disable) * SBT_1S)
		e->e_failed = 0;
	return (e->e_failed != 0);
}

bool
tcp_fastopen_client_enabled(void)
{
	return (VNET(tfo_client) != 0);
}

bool
tcp_fastopen_known(const struct in_conninfo *inc)
{
	struct tfo_entry *e = VNET(tfo_client) != 0 ? entry_find(inc) : NULL;

	return (e != NULL && e->e_len != 0 && !path_failed(e));
}

void
tcp_fastopen_connect(struct tcpcb *tp)
{
	const struct in_conninfo *inc = &tp->t_inpcb->inp_inc;
	struct tfo_entry *e;
	uint64_t hash;

	tp->t_flags2 &= ~TF2_TFO_SYN;
	tp->t_tfo_len = 0;
	/* a signature leaves no room for a cookie */
	if (VNET(tfo_client) == 0 || (tp->t_flags & TF_NOOPT) != 0 || tcp_md5_find(tp, inc) != NULL)
		return;
	e = entry_find(inc);
	if (e != NULL && path_failed(e))
		return;
	tp->t_flags2 |= TF2_TFO_SYN;
	if (e == NULL || e->e_len == 0)
		return;
	tp->t_tfo_mss = e->e_mss;
	tp->t_tfo_len = e->e_len;
	memcpy(tp->t_tfo_cookie, e->e_cookie, e->e_len);
	if ((tp->t_flags2 & TF2_TFO_PSK) != 0) {
		hash = siphash24(tp->t_tfo_psk, e->e_cookie, e->e_len);
		tp->t_tfo_len = sizeof(hash);
		memcpy(tp->t_tfo_cookie, &hash, sizeof(hash));
	}
}

void
tcp_fastopen_plan(const struct tcpcb *tp, struct tcpopt *to)
{
	to->to_flags |= TOF_FASTOPEN;
	to->to_tfo_len = tp->t_tfo_len;
	memcpy(to->to_tfo_cookie, tp->t_tfo_cookie, tp->t_tfo_len);
}

/* At most what the server announced last time, and the path takes (4.2.1). */
uint32_t
tcp_fastopen_room(const struct tcpcb *tp, u_int optlen)
{
	u_int mss = min(tp->t_maxseg, tp->t_tfo_mss != 0 ? tp->t_tfo_mss : (u_int)V_tcp_mssdflt);

	return (tp->t_tfo_len != 0 && mss > optlen ? mss - optlen : 0);
}

static void
path_disable(const struct tcpcb *tp)
{
	struct tfo_entry *e = entry_get(&tp->t_inpcb->inp_inc);

	if (e == NULL)
		return;
	TCPSTAT_INC(tcps_tfo_pathfail);
	e->e_len = 0;
	e->e_failed = getsbinuptime() != 0 ? getsbinuptime() : 1;
}

/* The SYN,ACK: a cookie for the next time, and what became of the data. */
void
tcp_fastopen_synack(struct tcpcb *tp, const struct tcp_seg *seg)
{
	const struct tcpopt *to = &seg->to;
	const bool data = SEQ_GT(tp->snd_max, tp->iss + 1), taken = SEQ_GT(seg->ack, tp->iss + 1);
	struct tfo_entry *e;

	tp->t_flags2 &= ~TF2_TFO_SYN;
	if (taken) {
		tp->t_flags2 |= TF2_TFO_DATA;
		TCPSTAT_INC(tcps_tfo_connects);
	} else if (data)
		TCPSTAT_INC(tcps_tfo_refused);
	if ((to->to_flags & TOF_FASTOPEN) == 0 || to->to_tfo_len == 0) {
		/* It does not know the option. Of data that was taken nothing has to be said. */
		if (!taken && (data || tp->t_tfo_len == 0))
			path_disable(tp);
		return;
	}
	if (to->to_tfo_len < TCP_FASTOPEN_MIN_COOKIE_LEN ||
	    (e = entry_get(&tp->t_inpcb->inp_inc)) == NULL)
		return;
	TCPSTAT_INC(tcps_tfo_cookies);
	e->e_failed = 0;
	e->e_mss = (to->to_flags & TOF_MSS) != 0 ? to->to_mss : (uint16_t)V_tcp_mssdflt;
	e->e_len = to->to_tfo_len;
	memcpy(e->e_cookie, to->to_tfo_cookie, to->to_tfo_len);
}

/*
 * Nothing came in time. A SYN goes again without the option and without data; data that was taken
 * from a SYN and then nothing heard of twice is lost in something that does not like it.
 */
void
tcp_fastopen_timeout(struct tcpcb *tp)
{
	if (tp->t_state == TCPS_SYN_SENT && (tp->t_flags2 & TF2_TFO_SYN) != 0) {
		tp->t_flags2 &= ~TF2_TFO_SYN;
		path_disable(tp);
	} else if ((tp->t_flags2 & TF2_TFO_DATA) != 0 && tp->t_rxtshift == 2 &&
		   TCPS_HAVEESTABLISHED(tp->t_state) && tp->rcv_nxt == tp->irs + 1)
		path_disable(tp);
}
