/*
 * tcp_syncache.c - passive opens until the third segment: SYN_RECEIVED without a socket (RFC 9293
 * 3.10.7.2, RFC 4987 3.3).
 *
 * A SYN costs an entry of about 150 bytes here; the socket comes with the ACK. Entries hang in a
 * hash by a keyed function of their addresses, and in one queue for each count of retransmissions,
 * whose entries all wait equally long: so each queue is in the order of its deadlines, and one
 * callout serves all. When a bucket or the cache is full, a SYN is answered with a cookie and not
 * remembered (tcp_syncookie.c); without cookies the oldest entry makes room.
 * Owns V_syncache. Bounds and retries: net.inet.tcp.syncache.*.
 */
#include <sys/param.h>
#include <sys/callout.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/protosw.h>
#include <sys/siphash.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <vm/uma.h>
#include <netinet/in_pcb.h>
#include <netinet/ip.h>
#include <netinet/ip_var.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_syncache.h>
#include <netinet/tcp_var.h>

static MALLOC_DEFINE(M_SYNCACHE, "syncache", "hash of half-open TCP connections");

#define SYNCACHE_MAXREXMTS 12 /* the hard limit of rexmtlimit */
#define SYNCACHE_HASHSIZE 512
#define SYNCACHE_BUCKETLIMIT 30

TAILQ_HEAD(sc_queue, syncache);
struct sc_bucket {
	struct sc_queue sb_head; /* newest first */
	u_int sb_length;
};
struct tcp_syncache {
	struct sc_bucket *hashbase;
	u_int hashmask;
	u_int cache_count;
	uint8_t key[SIPHASH_KEY_LENGTH];
	struct sc_queue timeq[SYNCACHE_MAXREXMTS + 1];
	struct callout callout;
	sbintime_t armed; /* SBT_MAX: not */
};
VNET_DEFINE_STATIC(struct tcp_syncache, tcp_syncache);
#define V_syncache VNET(tcp_syncache)

VNET_DEFINE_STATIC(int, sc_bucketlimit) = SYNCACHE_BUCKETLIMIT;
VNET_DEFINE_STATIC(int, sc_cachelimit) = SYNCACHE_HASHSIZE * SYNCACHE_BUCKETLIMIT;
VNET_DEFINE_STATIC(int, sc_rexmtlimit) = 3;
VNET_DEFINE_STATIC(int, sc_rst_on_sock_fail) = 1;
#define V_sc_bucketlimit VNET(sc_bucketlimit)
#define V_sc_cachelimit VNET(sc_cachelimit)
#define V_sc_rexmtlimit VNET(sc_rexmtlimit)
#define V_sc_rst_on_sock_fail VNET(sc_rst_on_sock_fail)

SYSCTL_DECL(_net_inet_tcp);
SYSCTL_NODE(_net_inet_tcp, OID_AUTO, syncache, CTLFLAG_RW, 0, "TCP SYN cache");
static int sc_hashsize = SYNCACHE_HASHSIZE;
SYSCTL_INT(
    _net_inet_tcp_syncache, OID_AUTO, hashsize, CTLFLAG_RD, &sc_hashsize, 0, "Size of the hash");
SYSCTL_INT_RANGE(_net_inet_tcp_syncache, OID_AUTO, bucketlimit, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(sc_bucketlimit), 1, 10000,
    "Most entries in one place of the hash (1 to 10000, default 30)");
SYSCTL_INT_RANGE(_net_inet_tcp_syncache, OID_AUTO, cachelimit, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(sc_cachelimit), 1, 1000000, "Most entries (1 to 1000000, default 15360)");
SYSCTL_INT_RANGE(_net_inet_tcp_syncache, OID_AUTO, rexmtlimit, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(sc_rexmtlimit), 0, 12, "Retransmissions of a SYN,ACK (0 to 12, default 3)");
SYSCTL_INT_RANGE(_net_inet_tcp_syncache, OID_AUTO, rst_on_sock_fail, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(sc_rst_on_sock_fail), 0, 1,
    "Reset when there is no memory for the socket (0 to 1, default 1)");
SYSCTL_UINT(_net_inet_tcp_syncache, OID_AUTO, count, CTLFLAG_VNET | CTLFLAG_RD,
    &VNET_NAME(tcp_syncache.cache_count), 0, "Entries now");

static uma_zone_t syncache_zone;

static void syncache_timer(void *);

static void
syncache_zone_init(void *arg __unused)
{
	syncache_zone = uma_zcreate(
	    "syncache", sizeof(struct syncache), NULL, NULL, NULL, NULL, UMA_ALIGN_PTR, 0);
}
SYSINIT(syncache_zone, SI_SUB_PROTO_BEGIN, SI_ORDER_ANY, syncache_zone_init, NULL);

void
syncache_init(void)
{
	struct tcp_syncache *c = &V_syncache;

	c->hashbase =
	    malloc(SYNCACHE_HASHSIZE * sizeof(*c->hashbase), M_SYNCACHE, M_WAITOK | M_ZERO);
	c->hashmask = SYNCACHE_HASHSIZE - 1;
	for (u_int i = 0; i < SYNCACHE_HASHSIZE; i++)
		TAILQ_INIT(&c->hashbase[i].sb_head);
	for (u_int i = 0; i <= SYNCACHE_MAXREXMTS; i++)
		TAILQ_INIT(&c->timeq[i]);
	arc4random_buf(c->key, sizeof(c->key));
	callout_init(&c->callout, 1);
	c->armed = SBT_MAX;
}

u_int
syncache_count(void)
{
	return (V_syncache.cache_count);
}

/* ---- the table ---- */

static struct sc_bucket *
syncache_bucket(const struct in_conninfo *inc)
{
	struct in_endpoints ie = inc->inc_ie;

	return (
	    &V_syncache.hashbase[siphash24(V_syncache.key, &ie, sizeof(ie)) & V_syncache.hashmask]);
}

static bool
syncache_same(const struct in_conninfo *a, const struct in_conninfo *b)
{
	return ((a->inc_flags & INC_ISIPV6) == (b->inc_flags & INC_ISIPV6) &&
		a->inc_fibnum == b->inc_fibnum &&
		memcmp(&a->inc_ie, &b->inc_ie, sizeof(a->inc_ie)) == 0);
}

static struct syncache *
syncache_lookup(const struct in_conninfo *inc, struct sc_bucket **bp)
{
	struct syncache *sc;

	*bp = syncache_bucket(inc);
	TAILQ_FOREACH (sc, &(*bp)->sb_head, sc_hash) {
		if (syncache_same(&sc->sc_inc, inc))
			return (sc);
	}
	return (NULL);
}

static void
syncache_drop(struct syncache *sc)
{
	struct sc_bucket *b = syncache_bucket(&sc->sc_inc);

	TAILQ_REMOVE(&b->sb_head, sc, sc_hash);
	b->sb_length--;
	TAILQ_REMOVE(&V_syncache.timeq[sc->sc_rxmits], sc, sc_timeq);
	V_syncache.cache_count--;
	uma_zfree(syncache_zone, sc);
}

void
syncache_uninit(void)
{
	struct syncache *sc;

	for (u_int i = 0; i <= SYNCACHE_MAXREXMTS; i++) {
		while ((sc = TAILQ_FIRST(&V_syncache.timeq[i])) != NULL)
			syncache_drop(sc);
	}
	callout_stop(&V_syncache.callout);
	free(V_syncache.hashbase, M_SYNCACHE);
}

/* ---- time ---- */

static void
syncache_arm(sbintime_t when)
{
	if (when >= V_syncache.armed)
		return;
	V_syncache.armed = when;
	callout_reset_sbt(&V_syncache.callout, when, 0, syncache_timer, NULL, C_ABSOLUTE);
}

/* (Re)starts the wait for the third segment. The entry is on no queue. */
static void
syncache_wait(struct syncache *sc)
{
	int64_t ms = (int64_t)V_tcp_rexmit_initial * tcp_backoff[sc->sc_rxmits];

	sc->sc_when = getsbinuptime() + mstosbt(ms < TCPTV_REXMTMAX ? ms : TCPTV_REXMTMAX);
	TAILQ_INSERT_TAIL(&V_syncache.timeq[sc->sc_rxmits], sc, sc_timeq);
	syncache_arm(sc->sc_when);
}

/* ---- the second segment ---- */

/* A listener that would still have the connection. */
static struct inpcb *
syncache_listener(const struct in_conninfo *inc)
{
	struct inpcb *inp = in_pcblookup_inc(&V_tcbinfo, inc, INPLOOKUP_WILDCARD, NULL);

	if (inp == NULL || inp->inp_socket == NULL || intotcpcb(inp) == NULL ||
	    intotcpcb(inp)->t_state != TCPS_LISTEN)
		return (NULL);
	return (inp);
}

/* RFC 3168 6.1.1: agreed on, unless so many SYN,ACKs stayed unanswered that one went without. */
static bool
syncache_ecn(const struct syncache *sc)
{
	return ((sc->sc_flags & SCF_ECN) != 0 && tcp_ecn_retry_ok(sc->sc_rxmits));
}

/* What is signed is signed with the listener's key. */
static const struct tcp_md5key *
syncache_key(const struct syncache *sc)
{
	const struct inpcb *lis = syncache_listener(&sc->sc_inc);

	return (lis != NULL ? tcp_md5_find(intotcpcb(lis), &sc->sc_inc) : NULL);
}

static void
syncache_timestamp(const struct syncache *sc, struct tcpopt *to)
{
	if ((sc->sc_flags & SCF_TIMESTAMP) == 0)
		return;
	to->to_flags |= TOF_TS;
	to->to_tsval = tcp_ts_getticks() + sc->sc_tsoff;
	to->to_tsecr = sc->sc_tsreflect;
}

static void
syncache_options(const struct syncache *sc, struct tcpopt *to)
{
	if ((sc->sc_flags & SCF_NOOPT) != 0)
		return;
	to->to_flags = TOF_MSS;
	to->to_mss = (uint16_t)tcp_mssopt(&sc->sc_inc, sc->sc_mssopt);
	if ((sc->sc_flags & SCF_WINSCALE) != 0) {
		to->to_flags |= TOF_SCALE;
		to->to_wscale = sc->sc_requested_r_scale;
	}
	if ((sc->sc_flags & SCF_SACK) != 0)
		to->to_flags |= TOF_SACKPERM;
	syncache_timestamp(sc, to);
	if ((sc->sc_flags & SCF_FASTOPEN) != 0)
		tcp_fastopen_cookie(to, &sc->sc_inc);
}

static int
syncache_send(const struct syncache *sc, struct tcp_bare *b, struct tcpopt *to)
{
	b->inc = &sc->sc_inc;
	b->ack = sc->sc_irs + 1;
	b->ttl = sc->sc_ip_ttl;
	b->tos = sc->sc_ip_tos & (uint8_t)~IPTOS_ECN_MASK;
	b->to = to;
	b->key = syncache_key(sc);
	if (b->key != NULL)
		to->to_flags |= TOF_SIGNATURE;
	TCPSTAT_INC(tcps_sndacks);
	return (tcp_send_bare(b));
}

static int
syncache_respond(const struct syncache *sc)
{
	struct tcpopt to = {0};
	struct tcp_bare b = {
	    .seq = sc->sc_iss,
	    .win = min(sc->sc_wnd, TCP_MAXWIN), /* never scaled on a SYN */
	    .flags = TH_SYN | TH_ACK,
	};

	if (syncache_ecn(sc))
		b.flags |= TH_ECE;
	syncache_options(sc, &to);
	return (syncache_send(sc, &b, &to));
}

/* RFC 9293 3.10.7.4, RFC 5961: what is not acceptable is told where we are. */
static void
syncache_challenge(struct syncache *sc)
{
	struct tcpopt to = {0};
	struct tcp_bare b = {
	    .seq = sc->sc_iss + 1,
	    .win = min(sc->sc_wnd, TCP_MAXWIN) >> sc->sc_requested_r_scale,
	    .flags = TH_ACK,
	};

	if (!tcp_challenge_allowed(&sc->sc_challenge))
		return;
	syncache_timestamp(sc, &to);
	(void)syncache_send(sc, &b, &to);
}

static void
syncache_expire(struct syncache *sc)
{
	if (sc->sc_rxmits >= imin(imax(V_sc_rexmtlimit, 0), SYNCACHE_MAXREXMTS) ||
	    syncache_listener(&sc->sc_inc) == NULL) {
		TCPSTAT_INC(tcps_sc_stale);
		syncache_drop(sc);
		return;
	}
	TAILQ_REMOVE(&V_syncache.timeq[sc->sc_rxmits], sc, sc_timeq);
	sc->sc_rxmits++;
	syncache_wait(sc);
	TCPSTAT_INC(tcps_sc_retransmitted);
	(void)syncache_respond(sc);
}

static void
syncache_timer(void *arg __unused)
{
	sbintime_t now = getsbinuptime(), next = SBT_MAX;
	struct syncache *sc;

	V_syncache.armed = SBT_MAX;
	/* from the last queue down, so that what moves up one is not looked at twice */
	for (int i = SYNCACHE_MAXREXMTS; i >= 0; i--) {
		while ((sc = TAILQ_FIRST(&V_syncache.timeq[i])) != NULL && sc->sc_when <= now)
			syncache_expire(sc);
	}
	for (int i = 0; i <= SYNCACHE_MAXREXMTS; i++) {
		sc = TAILQ_FIRST(&V_syncache.timeq[i]);
		if (sc != NULL && sc->sc_when < next)
			next = sc->sc_when;
	}
	syncache_arm(next);
}

/* ---- the first segment ---- */

static bool
syncache_bucket_full(const struct sc_bucket *b)
{
	return (b->sb_length >= (u_int)imax(V_sc_bucketlimit, 1));
}

static bool
syncache_full(void)
{
	return (V_syncache.cache_count >= (u_int)imax(V_sc_cachelimit, 1));
}

static void
syncache_make_room(struct sc_bucket *b)
{
	struct syncache *sc = NULL;

	if (syncache_bucket_full(b))
		sc = TAILQ_LAST(&b->sb_head, sc_queue);
	else if (syncache_full()) {
		for (int i = SYNCACHE_MAXREXMTS; i >= 0 && sc == NULL; i--)
			sc = TAILQ_FIRST(&V_syncache.timeq[i]);
	}
	if (sc != NULL)
		syncache_drop(sc);
}

static void
syncache_fill(struct syncache *sc, struct inpcb *listener, const struct tcp_seg *seg)
{
	sc->sc_inc = seg->inc;
	sc->sc_irs = seg->seq;
	sc->sc_iss = tcp_new_isn(&seg->inc);
	syncache_agree(sc, listener, &seg->to);
	if ((seg->to.to_flags & TOF_FASTOPEN) != 0 && tcp_fastopen_listens(intotcpcb(listener)))
		sc->sc_flags |= SCF_FASTOPEN;
}

void
syncache_agree(struct syncache *sc, const struct inpcb *listener, const struct tcpopt *to)
{
	const struct tcpcb *ltp = intotcpcb(listener);
	const struct sockbuf *rcv = &listener->inp_socket->so_rcv;

	sc->sc_ip_ttl = listener->inp_ip_ttl;
	sc->sc_ip_tos = listener->inp_ip_tos;
	sc->sc_wnd = rcv->sb_hiwat;
	sc->sc_mssopt = (uint16_t)ltp->t_mssopt;
	if ((ltp->t_flags & TF_NOOPT) != 0)
		sc->sc_flags |= SCF_NOOPT;
	if ((to->to_flags & TOF_MSS) != 0)
		sc->sc_peer_mss = to->to_mss;
	if ((sc->sc_flags & SCF_NOOPT) != 0)
		return;
	if (tcp_want_tstmp() && (to->to_flags & TOF_TS) != 0) {
		sc->sc_flags |= SCF_TIMESTAMP;
		sc->sc_tsreflect = to->to_tsval;
		sc->sc_tsoff = tcp_new_ts_offset(&sc->sc_inc);
	}
	if (tcp_want_scale() && (to->to_flags & TOF_SCALE) != 0) {
		sc->sc_flags |= SCF_WINSCALE;
		sc->sc_requested_s_scale = to->to_wscale;
		while (sc->sc_requested_r_scale < TCP_MAX_WINSHIFT &&
		       ((u_long)TCP_MAXWIN << sc->sc_requested_r_scale) < sb_max)
			sc->sc_requested_r_scale++;
	}
	if (V_tcp_do_sack && (to->to_flags & TOF_SACKPERM) != 0)
		sc->sc_flags |= SCF_SACK;
}

/* The SYN again: our answer was lost. */
static void
syncache_dupsyn(struct syncache *sc, const struct tcp_seg *seg)
{
	TCPSTAT_INC(tcps_sc_dupsyn);
	if (!tcp_ecn_syn_asks(seg->flags))
		sc->sc_flags &= ~SCF_ECN; /* it gave up on it */
	if ((sc->sc_flags & SCF_TIMESTAMP) != 0 && (seg->to.to_flags & TOF_TS) != 0)
		sc->sc_tsreflect = seg->to.to_tsval;
	TAILQ_REMOVE(&V_syncache.timeq[sc->sc_rxmits], sc, sc_timeq);
	syncache_wait(sc);
	(void)syncache_respond(sc);
}

/* Answers a SYN that there is no room for. */
static void
syncache_answer_cookie(struct inpcb *listener, const struct tcp_seg *seg)
{
	struct syncache sc = {0};

	syncache_fill(&sc, listener, seg);
	syncookie_encode(&sc);
	if (syncache_respond(&sc) != 0)
		TCPSTAT_INC(tcps_sc_dropped);
}

/* Makes an entry if there is room, or may be made; NULL: none. */
static struct syncache *
syncache_entry(struct sc_bucket *b)
{
	const bool bucket = syncache_bucket_full(b);
	struct syncache *sc;

	if (bucket)
		TCPSTAT_INC(tcps_sc_bucketoverflow);
	else if (syncache_full())
		TCPSTAT_INC(tcps_sc_cacheoverflow);
	if (bucket || syncache_full()) {
		if (V_tcp_syncookies)
			return (NULL);
		syncache_make_room(b);
	}
	sc = uma_zalloc(syncache_zone, M_NOWAIT | M_ZERO);
	if (sc == NULL)
		TCPSTAT_INC(tcps_sc_zonefail);
	return (sc);
}

static struct tcpcb *syncache_socket(const struct syncache *, struct inpcb *listener);

/* RFC 7413 4.2.1: the SYN makes the connection, and its data can be read. False: no memory. */
static bool
syncache_fastopen(struct inpcb *listener, struct tcp_seg *seg)
{
	struct syncache sc = {0};
	struct socket *so;
	struct tcpcb *tp;

	syncache_fill(&sc, listener, seg);
	tp = syncache_socket(&sc, listener);
	if (tp == NULL)
		return (false);
	so = tptosocket(tp);
	tcp_fastopen_begin(tp, intotcpcb(listener));
	tcp_sendseqinit(tp); /* the SYN,ACK is still to go */
	tp->snd_wnd = tp->max_sndwnd = seg->win;
	tp->snd_wl1 = seg->seq;
	seg->seq++;
	seg->flags &= ~(TH_SYN | TH_FIN | TH_URG); /* an end will come again */
	tcp_rcvwindow(tp);
	if (seg->len > tp->rcv_wnd) {
		m_adj(seg->m, -(int)(seg->len - tp->rcv_wnd));
		seg->len = tp->rcv_wnd;
	}
	soisconnected(so);
	if (!tcp_isdead(tp)) {
		(void)tcp_step_text(tp, seg);
		tp->t_flags |= TF_ACKNOW;
		tcp_segment_finish(tp, seg, TV_DONE);
		seg->m = NULL;
	}
	sorele(so);
	return (true);
}

void
syncache_add(struct inpcb *listener, struct tcp_seg *seg)
{
	struct sc_bucket *b;
	struct syncache *sc = syncache_lookup(&seg->inc, &b);

	if (sc != NULL && sc->sc_irs == seg->seq) {
		syncache_dupsyn(sc, seg);
		return;
	}
	if (sc != NULL) /* its first attempt is over */
		syncache_drop(sc);
	/* Beyond the backlog: silence, so that the peer tries again later. */
	if (solisten_full(listener->inp_socket)) {
		TCPSTAT_INC(tcps_listendrop);
		return;
	}
	if (tcp_fastopen_listens(intotcpcb(listener)) &&
	    tcp_fastopen_valid(intotcpcb(listener), seg) && syncache_fastopen(listener, seg))
		return;
	sc = V_tcp_syncookies_only ? NULL : syncache_entry(b);
	if (sc == NULL) {
		if (V_tcp_syncookies || V_tcp_syncookies_only)
			syncache_answer_cookie(listener, seg);
		else
			TCPSTAT_INC(tcps_sc_dropped);
		return;
	}
	syncache_fill(sc, listener, seg);
	if (tcp_ecn_syn_asks(seg->flags))
		sc->sc_flags |= SCF_ECN;
	TAILQ_INSERT_HEAD(&b->sb_head, sc, sc_hash);
	b->sb_length++;
	V_syncache.cache_count++;
	syncache_wait(sc);
	TCPSTAT_INC(tcps_sc_added);
	if (syncache_respond(sc) != 0)
		TCPSTAT_INC(tcps_sc_dropped); /* the timer tries again */
}

/* ---- the third segment ---- */

/* What was agreed on while there was no tcpcb. */
static void
syncache_fill_tcpcb(const struct syncache *sc, struct tcpcb *tp, const struct tcpcb *ltp)
{
	tp->t_flags &= ~(TF_REQ_SCALE | TF_REQ_TSTMP | TF_SACK_PERMIT);
	tp->t_flags |= ltp->t_flags & (TF_NOPUSH | TF_NODELAY | TF_NOOPT | TF_QUICKACK);
	tp->t_keepinit = ltp->t_keepinit;
	tp->t_keepidle = ltp->t_keepidle;
	tp->t_keepintvl = ltp->t_keepintvl;
	tp->t_keepcnt = ltp->t_keepcnt;
	tp->t_maxunacktime = ltp->t_maxunacktime;
	tp->t_defer = ltp->t_defer;
	tp->t_linger2 = ltp->t_linger2;
	tp->t_winclamp = ltp->t_winclamp;
	if (tp->t_defer != 0)
		tp->t_flags2 |= TF2_DEFERRED;
	tp->t_mssopt = ltp->t_mssopt;
	tp->irs = sc->sc_irs;
	tp->iss = sc->sc_iss;
	tcp_rcvseqinit(tp);
	tcp_sendseqinit(tp);
	tp->snd_nxt = tp->snd_max = tp->iss + 1;
	tp->rcv_adv = tp->rcv_nxt + min(sc->sc_wnd, TCP_MAXWIN);
	tp->last_ack_sent = tp->rcv_nxt;
	if ((sc->sc_flags & SCF_WINSCALE) != 0) {
		tp->t_flags |= TF_REQ_SCALE | TF_RCVD_SCALE;
		tp->snd_scale = sc->sc_requested_s_scale;
		tp->rcv_scale = tp->request_r_scale = sc->sc_requested_r_scale;
	}
	if ((sc->sc_flags & SCF_TIMESTAMP) != 0) {
		tp->t_flags |= TF_REQ_TSTMP | TF_RCVD_TSTMP;
		tp->ts_recent = sc->sc_tsreflect;
		tp->ts_recent_age = tcp_ts_getticks();
		tp->ts_offset = sc->sc_tsoff;
	}
	if ((sc->sc_flags & SCF_SACK) != 0)
		tp->t_flags |= TF_SACK_PERMIT;
	if (syncache_ecn(sc))
		tcp_ecn_agreed(tp);
	tp->t_sndrexmitpack = sc->sc_rxmits; /* RFC 5681 3.1: then cwnd begins at one segment */
	tcp_mss(tp, sc->sc_peer_mss != 0 ? sc->sc_peer_mss : -1);
}

/* Makes the socket; NULL: no memory. The caller's reference to it is taken. */
static struct tcpcb *
syncache_socket(const struct syncache *sc, struct inpcb *listener)
{
	struct socket *so = sonewconn(listener->inp_socket, 0);
	struct tcpcb *tp, *ltp = intotcpcb(listener);
	struct inpcb *inp;

	if (so == NULL)
		return (NULL);
	inp = sotoinpcb(so);
	tp = intotcpcb(inp);
	inp->inp_inc = sc->sc_inc;
	inp->inp_flags |= listener->inp_flags & INP_CONTROLOPTS;
	inp->inp_ip_ttl = sc->sc_ip_ttl;
	inp->inp_ip_tos = sc->sc_ip_tos;
	inp->inp_ip_minttl = listener->inp_ip_minttl;
	if (tcp_md5_inherit(tp, ltp) != 0 || in_pcbinshash(inp) != 0 ||
	    cc_attach(tp, ltp->ccv->algo) != 0) {
		tcp_close(tp); /* takes it off the listener's queue, and with that frees it */
		return (NULL);
	}
	soref(so);
	syncache_fill_tcpcb(sc, tp, ltp);
	tcp_state_change(tp, TCPS_SYN_RECEIVED);
	tcp_timer_activate(tp, TT_KEEP, TP_KEEPINIT(tp));
	TCPSTAT_INC(tcps_accepts);
	return (tp);
}

static bool
syncache_inwindow(const struct syncache *sc, tcp_seq seq)
{
	return (
	    SEQ_GT(seq, sc->sc_irs) && SEQ_LEQ(seq, sc->sc_irs + 1 + min(sc->sc_wnd, TCP_MAXWIN)));
}

/* RFC 9293 3.10.7.4 for SYN_RECEIVED, as far as an entry knows. */
static enum tcp_verdict
syncache_check_ack(struct syncache *sc, const struct tcp_seg *seg)
{
	if (!syncache_inwindow(sc, seg->seq)) {
		syncache_challenge(sc);
		return (TV_DROP);
	}
	if (seg->ack != sc->sc_iss + 1) {
		TCPSTAT_INC(tcps_sc_badack);
		return (TV_RESET);
	}
	if ((sc->sc_flags & SCF_TIMESTAMP) != 0) {
		if ((seg->to.to_flags & TOF_TS) == 0) {
			TCPSTAT_INC(tcps_tsmissing);
			return (V_tcp_tolerate_missing_ts ? TV_GO : TV_DROP);
		}
		if (TSTMP_LT(seg->to.to_tsval, sc->sc_tsreflect))
			return (TV_DROP);
	}
	return (TV_GO);
}

enum tcp_verdict
syncache_expand(struct inpcb *listener, struct tcp_seg *seg, struct tcpcb **tpp)
{
	struct sc_bucket *b;
	struct syncache *sc = syncache_lookup(&seg->inc, &b), cookie = {0};
	enum tcp_verdict v;

	if (sc == NULL) {
		if (!syncookie_decode(&cookie, listener, seg))
			return (TV_RESET);
		sc = &cookie;
	}
	v = syncache_check_ack(sc, seg);
	if (v != TV_GO)
		return (v);
	/* No room to accept it: as if it had not come. Our SYN,ACK goes again, and so will it. */
	if (solisten_full(listener->inp_socket)) {
		TCPSTAT_INC(tcps_listendrop);
		return (TV_DROP);
	}
	*tpp = syncache_socket(sc, listener);
	if (*tpp == NULL) {
		TCPSTAT_INC(tcps_sc_aborted);
		if (!V_sc_rst_on_sock_fail)
			return (TV_DROP);
		if (sc != &cookie)
			syncache_drop(sc);
		return (TV_RESET);
	}
	TCPSTAT_INC(tcps_sc_completed);
	if (sc != &cookie)
		syncache_drop(sc);
	return (TV_GO);
}

/* RFC 5961 3 here too: the reset must come from where the peer is. */
void
syncache_chkrst(const struct tcp_seg *seg)
{
	struct sc_bucket *b;
	struct syncache *sc = syncache_lookup(&seg->inc, &b);

	if (sc == NULL || (seg->flags & (TH_SYN | TH_FIN)) != 0)
		return;
	if (!syncache_inwindow(sc, seg->seq)) {
		TCPSTAT_INC(tcps_badrst);
	} else if (seg->seq == sc->sc_irs + 1 || V_tcp_insecure_rst) {
		TCPSTAT_INC(tcps_sc_reset);
		syncache_drop(sc);
	} else {
		TCPSTAT_INC(tcps_badrst);
		syncache_challenge(sc);
	}
}

bool
syncache_other(const struct tcp_seg *seg)
{
	const uint32_t fin = (seg->flags & TH_FIN) != 0;
	struct sc_bucket *b;
	struct syncache *sc = syncache_lookup(&seg->inc, &b);

	if (sc == NULL)
		return (false);
	/* its first number or its last */
	if ((seg->flags & TH_SYN) != 0 ||
	    (!syncache_inwindow(sc, seg->seq) &&
		(seg->len + fin == 0 || !syncache_inwindow(sc, seg->seq + seg->len + fin - 1))))
		syncache_challenge(sc);
	return (true);
}

/* ICMP says that the peer cannot be reached: believed the second time, if it is about our SYN,ACK.
 */
void
syncache_unreach(const struct in_conninfo *inc, tcp_seq seq)
{
	struct sc_bucket *b;
	struct syncache *sc = syncache_lookup(inc, &b);

	if (sc == NULL || seq != sc->sc_iss)
		return;
	if ((sc->sc_flags & SCF_UNREACH) == 0 || sc->sc_rxmits < 3) {
		sc->sc_flags |= SCF_UNREACH;
		return;
	}
	TCPSTAT_INC(tcps_sc_unreach);
	syncache_drop(sc);
}
