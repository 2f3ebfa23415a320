/*
 * ip_fragment.c - cuts a datagram that is larger than the MTU (RFC 791 3.2).
 *
 * The pieces share the original's storage; each gets a header of its own, with
 * those options that must be copied (ip_optcopy). Called by ip_output().
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/mbuf.h>

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_var.h>

/* The piece of `whole` at off (bytes behind its header) as a packet; NULL: no memory. */
static struct mbuf *
make_fragment(struct mbuf *whole, u_int hlen, u_int off, u_int len, bool last)
{
	struct ip *ip = mtod(whole, struct ip *), *nip;
	struct mbuf *m;
	u_int nhlen = sizeof(struct ip), ip_off;

	m = m_gethdr(M_NOWAIT, MT_DATA);
	if (m == NULL)
		return (NULL);
	/* room for the link's header and the most options there can be */
	m->m_data += max_linkhdr;
	nip = mtod(m, struct ip *);
	memcpy(nip, ip, sizeof(*nip));
	if (hlen > sizeof(struct ip)) {
		nhlen += (u_int)ip_optcopy(ip, nip);
		nip->ip_hl = nhlen >> 2;
	}
	m->m_len = (int)nhlen;
	m->m_next = m_copym(whole, (int)(hlen + off), (int)len, M_NOWAIT);
	if (m->m_next == NULL) {
		m_free(m);
		return (NULL);
	}
	m->m_pkthdr.len = (int)(nhlen + len);
	m->m_pkthdr.rcvif = whole->m_pkthdr.rcvif;
	m->m_pkthdr.fibnum = whole->m_pkthdr.fibnum;
	m->m_pkthdr.flowid = whole->m_pkthdr.flowid;
	m->m_flags |= whole->m_flags & (M_MCAST | M_BCAST);
	ip_off = (ntohs(ip->ip_off) & (IP_OFFMASK | IP_RF)) + (off >> 3);
	if (!last || (ntohs(ip->ip_off) & IP_MF) != 0)
		ip_off |= IP_MF;
	nip->ip_off = htons((u_short)ip_off);
	nip->ip_len = htons((u_short)m->m_pkthdr.len);
	nip->ip_sum = 0;
	return (m);
}

static void
fragment_checksum(struct mbuf *m, u_long hwassist)
{
	struct ip *ip = mtod(m, struct ip *);

	ip->ip_sum = 0;
	m->m_pkthdr.csum_flags = 0;
	if ((hwassist & CSUM_IP) != 0)
		m->m_pkthdr.csum_flags = CSUM_IP;
	else
		ip->ip_sum = in_cksum(m, ip->ip_hl << 2);
}

/*
 * *mp becomes a list of fragments by m_nextpkt, the shortened original first. On an error
 * it is as it was, without the fragments, and still the caller's.
 */
int
ip_fragment(struct ip *ip, struct mbuf **mp, int mtu, u_long hwassist)
{
	struct mbuf *whole = *mp, *m, **tail;
	const u_int hlen = ip->ip_hl << 2, total = ntohs(ip->ip_len) - hlen;
	u_int piece, off, len;

	if ((ip->ip_off & htons(IP_DF)) != 0)
		return (EMSGSIZE);
	piece = mtu > (int)hlen ? ((u_int)mtu - hlen) & ~7u : 0;
	if (piece < 8)
		return (EMSGSIZE);
	if ((whole->m_pkthdr.csum_flags & CSUM_DELAY_DATA) != 0) {
		in_delayed_cksum(whole);
		whole->m_pkthdr.csum_flags &= ~CSUM_DELAY_DATA;
	}
	tail = &whole->m_nextpkt;
	for (off = piece; off < total; off += len) {
		len = min(piece, total - off);
		m = make_fragment(whole, hlen, off, len, off + len == total);
		if (m == NULL) {
			m_freemp(whole->m_nextpkt);
			whole->m_nextpkt = NULL;
			return (ENOBUFS);
		}
		fragment_checksum(m, hwassist);
		*tail = m;
		tail = &m->m_nextpkt;
	}
	m_adj(whole, (int)piece - (int)total);
	ip->ip_len = htons((u_short)(hlen + piece));
	ip->ip_off |= htons(IP_MF);
	fragment_checksum(whole, hwassist);
	return (0);
}
