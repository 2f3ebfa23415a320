/*
 * ip_tso.c - TCP segmentation in software, for interfaces that have none.
 *
 * A CSUM_IP_TSO packet is one IP and one TCP header before up to 64 KiB of payload.
 * It becomes segments of tso_segsz bytes that share the payload's storage. FIN and
 * PSH go with the last one, CWR with the first (RFC 3168 6.1.2), sequence numbers
 * and identifications rise. Called by ip_output().
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/mbuf.h>

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_var.h>
#include <netinet/tcp.h>

/* Both headers, out of the mbuf: alignment is then nobody's concern. */
struct tso_headers {
	u_char bytes[60 + 60];
	u_int hlen, thlen; /* bytes of the IP and of the TCP header */
	uint32_t seq;	   /* host order */
	uint16_t id;	   /* host order */
	u_char flags;
};

#define OFF_SEQ 4u
#define OFF_FLAGS 13u
#define OFF_SUM 16u

static int
read_headers(const struct mbuf *m, struct tso_headers *h)
{
	const struct ip *ip = mtod(m, const struct ip *);
	const u_char *th;

	h->hlen = ip->ip_hl << 2;
	if (ip->ip_p != IPPROTO_TCP || m->m_pkthdr.len < (int)(h->hlen + sizeof(struct tcphdr)))
		return (EINVAL);
	m_copydata(m, 0, (int)(h->hlen + sizeof(struct tcphdr)), h->bytes);
	th = h->bytes + h->hlen;
	h->thlen = (u_int)(th[12] >> 4) << 2;
	if (h->thlen < sizeof(struct tcphdr) || m->m_pkthdr.len < (int)(h->hlen + h->thlen))
		return (EINVAL);
	m_copydata(m, 0, (int)(h->hlen + h->thlen), h->bytes);
	h->seq = be32dec(th + OFF_SEQ);
	h->flags = th[OFF_FLAGS];
	h->id = ntohs(ip->ip_id);
	return (0);
}

static struct mbuf *
make_segment(
    struct mbuf *whole, const struct tso_headers *h, u_int off, u_int len, u_int index, bool last)
{
	const u_int hdrs = h->hlen + h->thlen;
	struct mbuf *m;
	struct ip *ip;
	u_char *th, flags = h->flags;
	u_short sum;

	m = m_gethdr(M_NOWAIT, MT_DATA);
	if (m == NULL)
		return (NULL);
	if (max_linkhdr + (int)hdrs > MHLEN && m_clget(m, M_NOWAIT) == 0) {
		m_free(m);
		return (NULL);
	}
	m->m_data += max_linkhdr;
	m->m_len = (int)hdrs;
	memcpy(m->m_data, h->bytes, hdrs);
	m->m_next = m_copym(whole, (int)(hdrs + off), (int)len, M_NOWAIT);
	if (m->m_next == NULL) {
		m_free(m);
		return (NULL);
	}
	m->m_pkthdr.len = (int)(hdrs + len);
	m->m_pkthdr.rcvif = whole->m_pkthdr.rcvif;
	m->m_pkthdr.flowid = whole->m_pkthdr.flowid;
	m->m_pkthdr.csum_flags = CSUM_TCP;
	m->m_pkthdr.csum_data = OFF_SUM;
	ip = mtod(m, struct ip *);
	ip->ip_len = htons((u_short)m->m_pkthdr.len);
	ip->ip_id = ip->ip_id != 0 ? htons((u_short)(h->id + index)) : 0;
	th = (u_char *)m->m_data + h->hlen;
	be32enc(th + OFF_SEQ, h->seq + off);
	if (index != 0)
		flags &= (u_char)~TH_CWR;
	if (!last)
		flags &= (u_char) ~(TH_FIN | TH_PUSH);
	th[OFF_FLAGS] = flags;
	sum = in_pseudo(
	    ip->ip_src.s_addr, ip->ip_dst.s_addr, htons((u_short)(IPPROTO_TCP + h->thlen + len)));
	memcpy(th + OFF_SUM, &sum, sizeof(sum));
	return (m);
}

/* Consumes *mp; it becomes the list of segments by m_nextpkt, or NULL with an error. */
int
ip_tso_segment(struct mbuf **mp)
{
	struct mbuf *whole = *mp, *list = NULL, **tail = &list, *m;
	const u_int segsz = whole->m_pkthdr.tso_segsz;
	struct tso_headers h;
	u_int off, len, total, index = 0;
	int error;

	*mp = NULL;
	error = read_headers(whole, &h);
	if (error == 0 && segsz == 0)
		error = EINVAL;
	if (error != 0) {
		m_freem(whole);
		return (error);
	}
	total = (u_int)whole->m_pkthdr.len - h.hlen - h.thlen;
	off = 0;
	do {
		len = min(segsz, total - off);
		m = make_segment(whole, &h, off, len, index++, off + len == total);
		if (m == NULL) {
			m_freemp(list);
			m_freem(whole);
			return (ENOBUFS);
		}
		*tail = m;
		tail = &m->m_nextpkt;
		off += len;
	} while (off < total);
	m_freem(whole);
	*mp = list;
	return (0);
}
