/*
 * tcp_signature.c - MD5 signatures of segments, RFC 2385: for routers that still speak so.
 *
 * A socket holds keys, each for one peer (setsockopt TCP_MD5SIG with a struct tcp_md5sig, length 0
 * takes it away). With a peer that a key is for, every segment is signed, and one that is not, or
 * wrongly, is dropped and counted; with other peers none is, and one that is signed is dropped. A
 * listener's key passes to its connections. A key on a listener counts from the SYN on.
 * FreeBSD keeps its keys in the kernel's security associations; here there are none.
 * Owns t_md5keys. Bound: net.inet.tcp.md5_maxkeys. Called by input, output, tcp_respond.c and the
 * SYN cache.
 */
#include <sys/param.h>
#include <sys/endian.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/md5.h>
#include <sys/sysctl.h>
#include <netinet/in_pcb.h>
#include <netinet/ip.h>
#include <netinet/tcp_var.h>

static MALLOC_DEFINE(M_TCPMD5, "tcp_md5", "keys of RFC 2385");

struct tcp_md5key {
	LIST_ENTRY(tcp_md5key) mk_next;
	struct in_addr mk_addr;
	u_int mk_len;
	uint8_t mk_key[TCP_MD5SIG_MAXKEYLEN];
};

VNET_DEFINE_STATIC(int, tcp_md5_maxkeys) = 64;
#define V_tcp_md5_maxkeys VNET(tcp_md5_maxkeys)

SYSCTL_DECL(_net_inet_tcp);
SYSCTL_INT_RANGE(_net_inet_tcp, OID_AUTO, md5_maxkeys, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(tcp_md5_maxkeys), 0, 10000,
    "Most RFC 2385 keys of one socket (0 to 10000, default 64)");

const struct tcp_md5key *
tcp_md5_find(const struct tcpcb *tp, const struct in_conninfo *inc)
{
	const struct tcp_md5key *k;

	if ((inc->inc_flags & INC_ISIPV6) != 0)
		return (NULL);
	LIST_FOREACH (k, &tp->t_md5keys, mk_next) {
		if (k->mk_addr.s_addr == inc->inc_faddr.s_addr)
			return (k);
	}
	return (NULL);
}

static void
md5_remove(struct tcpcb *tp, struct in_addr addr)
{
	struct tcp_md5key *k, *next;

	LIST_FOREACH_SAFE (k, &tp->t_md5keys, mk_next, next) {
		if (k->mk_addr.s_addr != addr.s_addr)
			continue;
		LIST_REMOVE(k, mk_next);
		zfree(k, M_TCPMD5);
	}
}

static int
md5_add(struct tcpcb *tp, struct in_addr addr, const uint8_t *key, u_int len)
{
	struct tcp_md5key *k;
	int n = 0;

	md5_remove(tp, addr);
	LIST_FOREACH (k, &tp->t_md5keys, mk_next)
		n++;
	if (n >= V_tcp_md5_maxkeys)
		return (ENOBUFS);
	k = malloc(sizeof(*k), M_TCPMD5, M_NOWAIT | M_ZERO);
	if (k == NULL)
		return (ENOBUFS);
	k->mk_addr = addr;
	k->mk_len = len;
	memcpy(k->mk_key, key, len);
	LIST_INSERT_HEAD(&tp->t_md5keys, k, mk_next);
	return (0);
}

int
tcp_md5_set(struct tcpcb *tp, const struct tcp_md5sig *sig)
{
	if (sig->tcpm_keylen > TCP_MD5SIG_MAXKEYLEN || sig->tcpm_addr.s_addr == INADDR_ANY)
		return (EINVAL);
	if (sig->tcpm_keylen != 0)
		return (md5_add(tp, sig->tcpm_addr, sig->tcpm_key, sig->tcpm_keylen));
	if (LIST_EMPTY(&tp->t_md5keys))
		return (ENOENT);
	md5_remove(tp, sig->tcpm_addr);
	return (0);
}

/* A connection has its listener's key. */
int
tcp_md5_inherit(struct tcpcb *tp, const struct tcpcb *ltp)
{
	const struct tcp_md5key *k = tcp_md5_find(ltp, &tp->t_inpcb->inp_inc);

	return (k == NULL ? 0 : md5_add(tp, k->mk_addr, k->mk_key, k->mk_len));
}

void
tcp_md5_free(struct tcpcb *tp)
{
	struct tcp_md5key *k;

	while ((k = LIST_FIRST(&tp->t_md5keys)) != NULL) {
		LIST_REMOVE(k, mk_next);
		zfree(k, M_TCPMD5);
	}
}

/*
 * RFC 2385 2: over the pseudo-header, the header without options and with a checksum of 0, the
 * data, and the key. th: 20 bytes; tcplen: header, options and data; m: from byte off on the data.
 */
static void
md5_digest(uint8_t *digest, const struct tcp_md5key *k, struct in_addr src, struct in_addr dst,
    const uint8_t *th, u_int tcplen, struct mbuf *m, u_int off)
{
	uint8_t head[12 + sizeof(struct tcphdr)];
	MD5_CTX ctx;

	memcpy(head, &src, 4);
	memcpy(head + 4, &dst, 4);
	head[8] = 0;
	head[9] = IPPROTO_TCP;
	be16enc(head + 10, (uint16_t)tcplen);
	memcpy(head + 12, th, sizeof(struct tcphdr));
	memset(head + 12 + offsetof(struct tcphdr, th_sum), 0, 2);
	MD5Init(&ctx);
	MD5Update(&ctx, head, sizeof(head));
	for (; m != NULL; m = m->m_next) {
		if (off < (u_int)m->m_len)
			MD5Update(&ctx, mtod(m, uint8_t *) + off, (size_t)m->m_len - off);
		off -= min(off, (u_int)m->m_len);
	}
	MD5Update(&ctx, k->mk_key, k->mk_len);
	MD5Final(digest, &ctx);
}

/* The place of the digest in a header that tcp_addoptions() made room in. */
static uint8_t *
md5_place(uint8_t *opt, u_int len)
{
	for (u_int i = 0; i < len; i += opt[i] <= TCPOPT_NOP ? 1 : opt[i + 1]) {
		if (opt[i] == TCPOPT_SIGNATURE)
			return (opt + i + 2);
	}
	return (NULL);
}

/* m: a whole packet whose headers lie together, all but its checksum filled. */
void
tcp_md5_sign(
    struct mbuf *m, const struct tcp_md5key *k, const struct in_conninfo *inc, u_int iphlen)
{
	uint8_t *th = mtod(m, uint8_t *) + iphlen;
	const u_int hlen = (u_int)(th[12] >> 4) << 2;
	uint8_t *place = md5_place(th + sizeof(struct tcphdr), hlen - sizeof(struct tcphdr));

	if (place != NULL)
		md5_digest(place, k, inc->inc_laddr, inc->inc_faddr, th,
		    (u_int)m->m_pkthdr.len - iphlen, m, iphlen + hlen);
}

/* May the segment come in? Its headers are still in front of its data. */
bool
tcp_md5_ok(const struct tcpcb *tp, const struct tcp_seg *seg)
{
	const struct tcp_md5key *k =
	    LIST_EMPTY(&tp->t_md5keys) ? NULL : tcp_md5_find(tp, &seg->inc);
	const bool is_signed = (seg->to.to_flags & TOF_SIGNATURE) != 0;
	uint8_t digest[MD5_DIGEST_LENGTH], differ = 0;

	if (k == NULL) {
		if (is_signed)
			TCPSTAT_INC(tcps_sig_err_sigopt);
		return (!is_signed);
	}
	if (!is_signed) {
		TCPSTAT_INC(tcps_sig_err_nosigopt);
		return (false);
	}
	md5_digest(digest, k, seg->inc.inc_faddr, seg->inc.inc_laddr, seg->th,
	    (u_int)(seg->th[12] >> 4 << 2) + seg->len, seg->m, 0);
	for (u_int i = 0; i < sizeof(digest); i++)
		differ |= digest[i] ^ seg->to.to_signature[i];
	if (differ != 0)
		TCPSTAT_INC(tcps_sig_rcvbadsig);
	else
		TCPSTAT_INC(tcps_sig_rcvgoodsig);
	return (differ == 0);
}
