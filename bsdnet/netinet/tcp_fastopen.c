/*
 * tcp_fastopen.c - TCP Fast Open, RFC 7413, the server's side: a client that showed its address
 * before may have the data of its SYN read before the handshake ends.
 *
 * A cookie is a keyed hash of the client's address (4.1.2). The newest key makes cookies, all of
 * them (maxkeys) check them; a key is made after each fastopen.autokey seconds in which one is
 * asked for, and void after twice that time, or given by fastopen.setkey. With fastopen.psk_enable
 * a client must also have a secret: what it sends is a hash of its cookie, keyed by that.
 *
 * A listener takes part if TCP_FASTOPEN is set on it and net.inet.tcp.fastopen.server_enable is; a
 * SYN that asks gets a cookie in its SYN,ACK, one with a valid cookie makes the connection at once
 * (tcp_syncache.c), any other is an ordinary SYN. The client's side: tcp_fastopen_client.c.
 * Bounds (RFC 7413 5.1): fastopen.maxpending in all; for a listener half its backlog, as in
 * FreeBSD, or what Linux's TCP_FASTOPEN says.
 */
#include <sys/param.h>
#include <sys/malloc.h>
#include <sys/siphash.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <sys/systm.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_var.h>

#define TFO_COOKIE_LEN 8 /* bytes: what siphash gives */
#define TFO_MAX_KEYS 2
#define TFO_MAX_PSKS 2

static MALLOC_DEFINE(M_TFOQ, "tfo_queue", "TCP Fast Open: listeners' pending connections");

/* Shared by a listener and the connections that are pending in it: whoever goes last frees it. */
struct tfo_queue {
	u_int q_refs;
	int q_pending;
	int q_limit; /* 0: half the backlog */
};

/* The newest is [0]. */
struct tfo_keys {
	uint8_t key[TFO_MAX_KEYS][SIPHASH_KEY_LENGTH];
	sbintime_t born[TFO_MAX_KEYS];
	int n;
	uint8_t psk[TFO_MAX_PSKS][TCP_FASTOPEN_PSK_LEN];
	int npsk;
};
VNET_DEFINE_STATIC(struct tfo_keys, tfo_keys);
VNET_DEFINE_STATIC(int, tfo_server) = 0;
VNET_DEFINE_STATIC(int, tfo_acceptany) = 0;
VNET_DEFINE_STATIC(int, tfo_autokey) = 120;
VNET_DEFINE_STATIC(int, tfo_maxpending) = 256;
VNET_DEFINE_STATIC(int, tfo_pending);
VNET_DEFINE_STATIC(int, tfo_psk_enable) = 0;
#define V_tfo VNET(tfo_keys)
#define V_tfo_pending VNET(tfo_pending)

SYSCTL_DECL(_net_inet_tcp);
SYSCTL_NODE(_net_inet_tcp, OID_AUTO, fastopen, CTLFLAG_RW, 0, "TCP Fast Open");
SYSCTL_INT_RANGE(_net_inet_tcp_fastopen, OID_AUTO, server_enable, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tfo_server), 0, 1, "Listeners may take data on SYN (0 to 1, default 0)");
SYSCTL_INT_RANGE(_net_inet_tcp_fastopen, OID_AUTO, acceptany, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tfo_acceptany), 0, 1, "Any cookie is valid (0 to 1, default 0)");
SYSCTL_INT_RANGE(_net_inet_tcp_fastopen, OID_AUTO, autokey, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tfo_autokey), 0, 86400,
    "Time after which a key is followed by another; 0 never (s, 0 to 86400, default 120)");
SYSCTL_INT_RANGE(_net_inet_tcp_fastopen, OID_AUTO, maxpending, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tfo_maxpending), 0, 100000,
    "Most connections that wait for the end of their handshake (0 to 100000, default 256)");
SYSCTL_INT(_net_inet_tcp_fastopen, OID_AUTO, pending, CTLFLAG_VNET | CTLFLAG_RD,
    &VNET_NAME(tfo_pending), 0, "Connections that wait now");
static const int tfo_keylen = SIPHASH_KEY_LENGTH, tfo_maxkeys = TFO_MAX_KEYS,
		 tfo_maxpsks = TFO_MAX_PSKS;
SYSCTL_INT(_net_inet_tcp_fastopen, OID_AUTO, keylen, CTLFLAG_RD, __DECONST(int *, &tfo_keylen), 0,
    "Length of a key (bytes)");
SYSCTL_INT(_net_inet_tcp_fastopen, OID_AUTO, maxkeys, CTLFLAG_RD, __DECONST(int *, &tfo_maxkeys), 0,
    "Most keys that are valid at once");
SYSCTL_INT(_net_inet_tcp_fastopen, OID_AUTO, maxpsks, CTLFLAG_RD, __DECONST(int *, &tfo_maxpsks), 0,
    "Most shared secrets that are valid at once");
SYSCTL_INT(_net_inet_tcp_fastopen, OID_AUTO, numkeys, CTLFLAG_VNET | CTLFLAG_RD,
    &VNET_NAME(tfo_keys.n), 0, "Keys now");
SYSCTL_INT(_net_inet_tcp_fastopen, OID_AUTO, numpsks, CTLFLAG_VNET | CTLFLAG_RD,
    &VNET_NAME(tfo_keys.npsk), 0, "Shared secrets now");

/* ---- keys ---- */

static void
tfo_add_key(const uint8_t *key)
{
	struct tfo_keys *s = &V_tfo;

	memmove(s->key[1], s->key[0], sizeof(s->key[0]) * (TFO_MAX_KEYS - 1));
	memmove(&s->born[1], &s->born[0], sizeof(s->born[0]) * (TFO_MAX_KEYS - 1));
	memcpy(s->key[0], key, sizeof(s->key[0]));
	s->born[0] = getsbinuptime();
	s->n = imin(s->n + 1, TFO_MAX_KEYS);
}

static void
tfo_add_psk(const uint8_t *psk)
{
	struct tfo_keys *s = &V_tfo;

	memmove(s->psk[1], s->psk[0], sizeof(s->psk[0]) * (TFO_MAX_PSKS - 1));
	memcpy(s->psk[0], psk, sizeof(s->psk[0]));
	s->npsk = imin(s->npsk + 1, TFO_MAX_PSKS);
}

/* A key has lived its time, lives times over. */
static bool
tfo_expired(int i, int lives)
{
	return (VNET(tfo_autokey) != 0 &&
		getsbinuptime() - V_tfo.born[i] >= (sbintime_t)lives * VNET(tfo_autokey) * SBT_1S);
}

static int
hex_digit(char c)
{
	return (c >= '0' && c <= '9'   ? c - '0'
		: c >= 'a' && c <= 'f' ? c - 'a' + 10
		: c >= 'A' && c <= 'F' ? c - 'A' + 10
				       : -1);
}

/* setkey, setpsk: 32 hexadecimal digits (FreeBSD's sysctl(8) takes the 16 bytes). Never read back.
 */
static int
sysctl_tfo_key(SYSCTL_HANDLER_ARGS)
{
	char text[2 * SIPHASH_KEY_LENGTH + 1] = "";
	uint8_t key[SIPHASH_KEY_LENGTH];
	int error, hi, lo;

	error = sysctl_handle_string(oidp, text, sizeof(text), req);
	if (error != 0 || req->newptr == NULL)
		return (error);
	for (int i = 0; i < SIPHASH_KEY_LENGTH; i++) {
		hi = hex_digit(text[2 * i]);
		lo = hi < 0 ? -1 : hex_digit(text[2 * i + 1]);
		if (lo < 0)
			return (EINVAL);
		key[i] = (uint8_t)(hi << 4 | lo);
	}
	if (arg2 == 0)
		tfo_add_key(key);
	else
		tfo_add_psk(key);
	explicit_bzero(key, sizeof(key));
	explicit_bzero(text, sizeof(text));
	return (0);
}
SYSCTL_PROC(_net_inet_tcp_fastopen, OID_AUTO, setkey,
    CTLTYPE_STRING | CTLFLAG_VNET | CTLFLAG_RW | CTLFLAG_SKIP, NULL, 0, sysctl_tfo_key, "A",
    "Installs a key for cookies: 32 hexadecimal digits; reads as nothing");
SYSCTL_PROC(_net_inet_tcp_fastopen, OID_AUTO, setpsk,
    CTLTYPE_STRING | CTLFLAG_VNET | CTLFLAG_RW | CTLFLAG_SKIP, NULL, 1, sysctl_tfo_key, "A",
    "Installs a shared secret: 32 hexadecimal digits; reads as nothing");

/* Turning it off forgets the secrets, as in FreeBSD. */
static int
sysctl_tfo_psk_enable(SYSCTL_HANDLER_ARGS)
{
	int error, on = VNET(tfo_psk_enable);

	error = sysctl_handle_int(oidp, &on, 0, req);
	if (error != 0 || req->newptr == NULL)
		return (error);
	if (on == 0 && VNET(tfo_psk_enable) != 0) {
		explicit_bzero(V_tfo.psk, sizeof(V_tfo.psk));
		V_tfo.npsk = 0;
	}
	VNET(tfo_psk_enable) = on != 0;
	return (0);
}
SYSCTL_PROC(_net_inet_tcp_fastopen, OID_AUTO, psk_enable, CTLTYPE_INT | CTLFLAG_VNET | CTLFLAG_RW,
    NULL, 0, sysctl_tfo_psk_enable, "I",
    "Clients must have a shared secret (0 to 1, default 0); off forgets the secrets");

/* ---- cookies ---- */

static void
tfo_hash(uint8_t *cookie, const uint8_t *key, const struct in_conninfo *inc)
{
	const union in_dependaddr addr = inc->inc_ie.ie_dependfaddr;
	const uint64_t hash = siphash24(key, &addr, sizeof(addr));

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
	uint8_t key[SIPHASH_KEY_LENGTH];

	if (V_tfo.n == 0 || tfo_expired(0, 1)) {
		arc4random_buf(key, sizeof(key));
		tfo_add_key(key);
	}
	tfo_hash(to->to_tfo_cookie, V_tfo.key[0], inc);
	to->to_tfo_len = TFO_COOKIE_LEN;
	to->to_flags |= TOF_FASTOPEN;
}

/* One that some key of ours made, and with psk_enable a client with a secret hashed again. */
static bool
tfo_cookie_ok(const uint8_t *got, const struct in_conninfo *inc)
{
	uint8_t cookie[TFO_COOKIE_LEN];
	uint64_t hash;

	for (int i = 0; i < V_tfo.n; i++) {
		if (tfo_expired(i, 2))
			continue;
		tfo_hash(cookie, V_tfo.key[i], inc);
		if (VNET(tfo_psk_enable) == 0 && memcmp(cookie, got, TFO_COOKIE_LEN) == 0)
			return (true);
		for (int j = 0; VNET(tfo_psk_enable) != 0 && j < V_tfo.npsk; j++) {
			hash = siphash24(V_tfo.psk[j], cookie, TFO_COOKIE_LEN);
			if (memcmp(&hash, got, TFO_COOKIE_LEN) == 0)
				return (true);
		}
	}
	return (false);
}

static bool
tfo_full(const struct tcpcb *ltp)
{
	const struct tfo_queue *q = ltp->t_tfoq;
	int limit = q != NULL && q->q_limit > 0 ? q->q_limit
						: imax((int)tptosocket(ltp)->sol_qlimit / 2, 1);

	return (V_tfo_pending >= VNET(tfo_maxpending) || (q != NULL && q->q_pending >= limit));
}

/* May this SYN's data be read at once? */
bool
tcp_fastopen_valid(const struct tcpcb *ltp, const struct tcp_seg *seg)
{
	if ((seg->to.to_flags & TOF_FASTOPEN) == 0 || seg->to.to_tfo_len == 0)
		return (false);
	if (tfo_full(ltp)) {
		TCPSTAT_INC(tcps_tfo_full);
		return (false);
	}
	if (VNET(tfo_acceptany) != 0 || (seg->to.to_tfo_len == TFO_COOKIE_LEN &&
					    tfo_cookie_ok(seg->to.to_tfo_cookie, &seg->inc)))
		return (true);
	TCPSTAT_INC(tcps_tfo_badcookie);
	return (false);
}

/* ---- pending connections ---- */

static struct tfo_queue *
tfo_queue_of(struct tcpcb *ltp)
{
	if (ltp->t_tfoq == NULL) {
		ltp->t_tfoq = malloc(sizeof(*ltp->t_tfoq), M_TFOQ, M_NOWAIT | M_ZERO);
		if (ltp->t_tfoq != NULL)
			ltp->t_tfoq->q_refs = 1;
	}
	return (ltp->t_tfoq);
}

/* A listener, or a connection that was pending, goes. */
void
tcp_fastopen_free(struct tcpcb *tp)
{
	if (tp->t_tfoq != NULL && --tp->t_tfoq->q_refs == 0)
		free(tp->t_tfoq, M_TFOQ);
	tp->t_tfoq = NULL;
}

/* Linux's TCP_FASTOPEN: how many may be pending; 0 none. */
int
tcp_fastopen_set_qlen(struct tcpcb *tp, int n)
{
	struct tfo_queue *q;

	if (n < 0 || (tp->t_state != TCPS_CLOSED && tp->t_state != TCPS_LISTEN))
		return (EINVAL);
	q = tfo_queue_of(tp);
	if (q == NULL)
		return (ENOBUFS);
	q->q_limit = n;
	tp->t_flags2 = (tp->t_flags2 & ~TF2_FASTOPEN) | (n != 0 ? TF2_FASTOPEN : 0);
	return (0);
}

int
tcp_fastopen_qlen(const struct tcpcb *tp)
{
	return ((tp->t_flags2 & TF2_FASTOPEN) != 0 && tp->t_tfoq != NULL ? tp->t_tfoq->q_limit : 0);
}

/* A connection that such a SYN made; over when it leaves SYN_RECEIVED. */
void
tcp_fastopen_begin(struct tcpcb *tp, struct tcpcb *ltp)
{
	struct tfo_queue *q = tfo_queue_of(ltp);

	tp->t_flags2 |= TF2_TFO_PENDING | TF2_FASTOPEN;
	V_tfo_pending++;
	if (q != NULL) {
		q->q_pending++;
		q->q_refs++;
		tp->t_tfoq = q;
	}
	TCPSTAT_INC(tcps_tfo_accepts);
}

void
tcp_fastopen_end(struct tcpcb *tp)
{
	tp->t_flags2 &= ~TF2_TFO_PENDING;
	V_tfo_pending--;
	if (tp->t_tfoq != NULL)
		tp->t_tfoq->q_pending--;
	tcp_fastopen_free(tp);
}
