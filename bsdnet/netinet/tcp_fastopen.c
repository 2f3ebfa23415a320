/*
 * tcp_fastopen.c - TCP Fast Open, RFC 7413, the server's side: a client that showed its address
 * before may have the data of its SYN read before the handshake ends.
 *
 * A cookie is a keyed hash of the client's address (4.1.2). Keys live fastopen.autokey seconds, and
 * as long again as the previous one. A listener takes part if TCP_FASTOPEN is set on it and
 * net.inet.tcp.fastopen.server_enable is; a SYN that asks gets a cookie in its SYN,ACK, one with a
 * valid cookie makes the connection at once (tcp_syncache.c), any other is an ordinary SYN.
 * The client's side is not here. Bound: fastopen.maxpending (RFC 7413 5.1).
 */
#include <sys/param.h>
#include <sys/siphash.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <sys/systm.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_var.h>

#define TFO_COOKIE_LEN 8 /* bytes: what siphash gives */

struct tfo_state {
	uint8_t key[2][SIPHASH_KEY_LENGTH];
	sbintime_t born[2]; /* 0: never */
	u_int current;
};
VNET_DEFINE_STATIC(struct tfo_state, tfo_state);
VNET_DEFINE_STATIC(int, tfo_server) = 0;
VNET_DEFINE_STATIC(int, tfo_acceptany) = 0;
VNET_DEFINE_STATIC(int, tfo_autokey) = 120;
VNET_DEFINE_STATIC(int, tfo_maxpending) = 256;
VNET_DEFINE_STATIC(int, tfo_pending);
#define V_tfo VNET(tfo_state)
#define V_tfo_pending VNET(tfo_pending)

SYSCTL_DECL(_net_inet_tcp);
SYSCTL_NODE(_net_inet_tcp, OID_AUTO, fastopen, CTLFLAG_RW, 0, "TCP Fast Open");
SYSCTL_INT_RANGE(_net_inet_tcp_fastopen, OID_AUTO, server_enable, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tfo_server), 0, 1, "Listeners may take data on SYN (0 to 1, default 0)");
SYSCTL_INT_RANGE(_net_inet_tcp_fastopen, OID_AUTO, acceptany, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tfo_acceptany), 0, 1, "Any cookie is valid (0 to 1, default 0)");
SYSCTL_INT_RANGE(_net_inet_tcp_fastopen, OID_AUTO, autokey, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tfo_autokey), 1, 86400, "Life of a key (s, 1 to 86400, default 120)");
SYSCTL_INT_RANGE(_net_inet_tcp_fastopen, OID_AUTO, maxpending, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tfo_maxpending), 0, 100000,
    "Most connections that wait for the end of their handshake (0 to 100000, default 256)");
SYSCTL_INT(_net_inet_tcp_fastopen, OID_AUTO, pending, CTLFLAG_VNET | CTLFLAG_RD,
    &VNET_NAME(tfo_pending), 0, "Connections that wait now");

static bool
tfo_expired(sbintime_t born, int lives)
{
	return (
	    born == 0 || getsbinuptime() - born >= (sbintime_t)lives * VNET(tfo_autokey) * SBT_1S);
}

static void
tfo_hash(uint8_t *cookie, u_int which, const struct in_conninfo *inc)
{
	const union in_dependaddr addr = inc->inc_ie.ie_dependfaddr;
	const uint64_t hash = siphash24(V_tfo.key[which], &addr, sizeof(addr));

	memcpy(cookie, &hash, TFO_COOKIE_LEN);
}

bool
tcp_fastopen_listens(const struct tcpcb *ltp)
{
	return (VNET(tfo_server) != 0 && (ltp->t_flags2 & TF2_FASTOPEN) != 0);
}

/* The cookie to give to a client that asks, or has an old one. */
void
tcp_fastopen_cookie(struct tcpopt *to, const struct in_conninfo *inc)
{
	struct tfo_state *s = &V_tfo;

	if (tfo_expired(s->born[s->current], 1)) {
		s->current ^= 1;
		arc4random_buf(s->key[s->current], SIPHASH_KEY_LENGTH);
		s->born[s->current] = getsbinuptime() != 0 ? getsbinuptime() : 1;
	}
	tfo_hash(to->to_tfo_cookie, s->current, inc);
	to->to_tfo_len = TFO_COOKIE_LEN;
	to->to_flags |= TOF_FASTOPEN;
}

/* May this SYN's data be read at once? */
bool
tcp_fastopen_valid(const struct tcp_seg *seg)
{
	uint8_t cookie[TFO_COOKIE_LEN];

	if ((seg->to.to_flags & TOF_FASTOPEN) == 0 || seg->to.to_tfo_len == 0)
		return (false);
	if (V_tfo_pending >= VNET(tfo_maxpending)) {
		TCPSTAT_INC(tcps_tfo_full);
		return (false);
	}
	if (VNET(tfo_acceptany) != 0)
		return (true);
	for (u_int i = 0; i < 2 && seg->to.to_tfo_len == TFO_COOKIE_LEN; i++) {
		tfo_hash(cookie, i, &seg->inc);
		if (!tfo_expired(V_tfo.born[i], 2) &&
		    memcmp(cookie, seg->to.to_tfo_cookie, TFO_COOKIE_LEN) == 0)
			return (true);
	}
	TCPSTAT_INC(tcps_tfo_badcookie);
	return (false);
}

/* A connection that such a SYN made; over when it leaves SYN_RECEIVED. */
void
tcp_fastopen_begin(struct tcpcb *tp)
{
	tp->t_flags2 |= TF2_TFO_PENDING | TF2_FASTOPEN;
	V_tfo_pending++;
	TCPSTAT_INC(tcps_tfo_accepts);
}

void
tcp_fastopen_end(struct tcpcb *tp)
{
	tp->t_flags2 &= ~TF2_TFO_PENDING;
	V_tfo_pending--;
}
