/*
 * tcp_syncookie.c - SYN cookies: a half-open connection that the peer remembers for us (RFC 4987
 * 3.6). When the SYN cache has no room, the SYN,ACK's sequence number holds what an entry would.
 *
 *   31                      8 7 6     4 3     1 0
 *   | keyed hash, 24 bits    |S| scale | MSS   |K|    the low byte is masked with the top one
 *
 * S: SACK permitted. Scale and MSS are places in the tables below, rounded down. K: which of two
 * secrets. Whether there are timestamps the third segment shows: a peer sends them only if we did;
 * and the one it echoes tells the cookie's age. A secret makes cookies for SYNCOOKIE_LIFETIME and
 * is believed for twice that. No cookie is believed unless one was sent lately, so nobody can try
 * his luck at a quiet listener. What does not fit is lost: ECN, Fast Open, retransmission. Owns
 * V_syncookie. Called by tcp_syncache.c.
 */
#include <sys/param.h>
#include <sys/siphash.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <sys/systm.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_syncache.h>
#include <netinet/tcp_var.h>

#define SYNCOOKIE_LIFETIME 15 /* s */

struct syncookie_state {
	uint8_t key[2][SIPHASH_KEY_LENGTH];
	sbintime_t born[2]; /* 0: never */
	sbintime_t sent;    /* the last cookie; 0: none */
	u_int current;
};
VNET_DEFINE_STATIC(struct syncookie_state, syncookie_state);
#define V_syncookie VNET(syncookie_state)

VNET_DEFINE(int, tcp_syncookies) = 1;
VNET_DEFINE(int, tcp_syncookies_only) = 0;

SYSCTL_DECL(_net_inet_tcp);
SYSCTL_INT_RANGE(_net_inet_tcp, OID_AUTO, syncookies, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tcp_syncookies), 0, 1,
    "Answer with a SYN cookie when the SYN cache is full (0 to 1, default 1)");
SYSCTL_INT_RANGE(_net_inet_tcp, OID_AUTO, syncookies_only, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tcp_syncookies_only), 0, 1,
    "Always answer with a SYN cookie, and use no cache (0 to 1, default 0)");

/* The shift of place 0 stands for no window scaling. */
static const uint8_t cookie_scale[8] = {0, 0, 1, 2, 4, 6, 7, 8};
static const uint16_t cookie_mss[8] = {216, 536, 1220, 1360, 1400, 1440, 1452, 1460};

static sbintime_t
syncookie_age(sbintime_t since)
{
	return (getsbinuptime() - since);
}

static const uint8_t *
syncookie_newest(u_int *which)
{
	struct syncookie_state *s = &V_syncookie;

	if (s->born[s->current] == 0 ||
	    syncookie_age(s->born[s->current]) >= (sbintime_t)SYNCOOKIE_LIFETIME * SBT_1S) {
		s->current ^= 1;
		arc4random_buf(s->key[s->current], SIPHASH_KEY_LENGTH);
		s->born[s->current] = getsbinuptime() != 0 ? getsbinuptime() : 1;
	}
	*which = s->current;
	return (s->key[s->current]);
}

static tcp_seq
syncookie_make(const uint8_t *key, const struct syncache *sc, uint8_t bits)
{
	struct {
		struct in_endpoints ie;
		tcp_seq irs;
		uint32_t bits;
	} msg;
	uint64_t hash;

	memset(&msg, 0, sizeof(msg));
	msg.ie = sc->sc_inc.inc_ie;
	msg.irs = sc->sc_irs;
	msg.bits = bits | (uint32_t)sc->sc_inc.inc_fibnum << 8 |
		   (uint32_t)(sc->sc_inc.inc_flags & INC_ISIPV6) << 24;
	hash = siphash24(key, &msg, sizeof(msg));
	return (((uint32_t)hash & ~0xffu) | (bits ^ ((uint32_t)hash >> 24)));
}

/* Sets sc_iss, and cuts what was agreed on to what the cookie holds. */
void
syncookie_encode(struct syncache *sc)
{
	const uint16_t offer = sc->sc_peer_mss != 0 ? sc->sc_peer_mss : (uint16_t)V_tcp_mssdflt;
	u_int mss = nitems(cookie_mss) - 1, scale = 0, which;
	const uint8_t *key = syncookie_newest(&which);
	uint8_t bits;

	while (mss > 0 && cookie_mss[mss] > offer)
		mss--;
	if ((sc->sc_flags & SCF_WINSCALE) != 0) {
		scale = nitems(cookie_scale) - 1;
		while (scale > 1 && cookie_scale[scale] > sc->sc_requested_s_scale)
			scale--;
	}
	bits = (uint8_t)(which | mss << 1 | scale << 4 | ((sc->sc_flags & SCF_SACK) != 0) << 7);
	sc->sc_iss = syncookie_make(key, sc, bits);
	V_syncookie.sent = getsbinuptime();
	TCPSTAT_INC(tcps_sc_sendcookie);
}

/* RFC 7323: the echoed timestamp is our clock at the SYN,ACK. */
static bool
syncookie_tstmp_ok(const struct syncache *sc, const struct tcp_seg *seg)
{
	const uint32_t now = tcp_ts_getticks() + sc->sc_tsoff;

	return (now - seg->to.to_tsecr <= 2 * SYNCOOKIE_LIFETIME * 1000);
}

/*
 * Is the segment the third of a handshake whose second was a cookie? Then *sc, all zero before, is
 * as if it had been in the cache.
 */
bool
syncookie_decode(struct syncache *sc, const struct inpcb *listener, const struct tcp_seg *seg)
{
	const struct syncookie_state *s = &V_syncookie;
	const tcp_seq cookie = seg->ack - 1;
	struct tcpopt to = {0};
	u_int which;
	uint8_t bits;

	if (!V_tcp_syncookies && !V_tcp_syncookies_only)
		return (false);
	if (s->sent == 0 ||
	    (!V_tcp_syncookies_only &&
		syncookie_age(s->sent) > 2 * (sbintime_t)SYNCOOKIE_LIFETIME * SBT_1S)) {
		TCPSTAT_INC(tcps_sc_spurcookie);
		return (false);
	}
	bits = (uint8_t)(cookie ^ cookie >> 24);
	which = bits & 1;
	sc->sc_inc = seg->inc;
	sc->sc_irs = seg->seq - 1;
	sc->sc_iss = cookie;
	if (s->born[which] == 0 ||
	    syncookie_age(s->born[which]) > 2 * (sbintime_t)SYNCOOKIE_LIFETIME * SBT_1S ||
	    syncookie_make(s->key[which], sc, bits) != cookie) {
		TCPSTAT_INC(tcps_sc_failcookie);
		return (false);
	}
	to.to_flags |= TOF_MSS;
	to.to_mss = cookie_mss[bits >> 1 & 7];
	if ((bits >> 4 & 7) != 0) {
		to.to_flags |= TOF_SCALE;
		to.to_wscale = cookie_scale[bits >> 4 & 7];
	}
	if ((bits & 0x80) != 0)
		to.to_flags |= TOF_SACKPERM;
	if ((seg->to.to_flags & TOF_TS) != 0) {
		to.to_flags |= TOF_TS;
		to.to_tsval = seg->to.to_tsval;
	}
	syncache_agree(sc, listener, &to);
	if ((sc->sc_flags & SCF_TIMESTAMP) != 0 && !syncookie_tstmp_ok(sc, seg)) {
		TCPSTAT_INC(tcps_sc_failcookie);
		return (false);
	}
	TCPSTAT_INC(tcps_sc_recvcookie);
	return (true);
}
