/*
 * tcp_input.c - a segment arrives: is it whole, whose is it, and who handles it.
 *
 * Theory of operation. ip_input() hands the packet to tcp_input(), which checks it and parses it
 * once into a struct tcp_seg in host order; the headers are cut off and not looked at again. Then
 * the pcb is found, and the segment goes to the function of the connection's state:
 *
 *   none, CLOSED    tcp_noport()          here
 *   LISTEN          tcp_listen_input()    tcp_handshake.c, to the SYN cache
 *   SYN_SENT        tcp_synsent_input()   tcp_handshake.c
 *   TIME_WAIT       tcp_tw_input()        tcp_timewait.c
 *   all others      tcp_do_segment()      tcp_segment.c: a row of steps, RFC 9293 3.10.7.4
 *
 * A segment may be several of the wire's, merged by the interface (up to 64 KiB).
 */
#include <sys/param.h>
#include <sys/endian.h>
#include <sys/mbuf.h>
#include <sys/socketvar.h>
#include <net/if_var.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>
#include <netinet/tcp_log.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_syncache.h>
#include <netinet/tcp_var.h>

static bool
tcp_checksum_ok(struct mbuf *m, const struct ip *ip, int iphlen, uint32_t tlen)
{
	const uint32_t flags = m->m_pkthdr.csum_flags;
	const u_int pseudo = htonl(tlen + IPPROTO_TCP);
	u_short sum;

	if ((flags & CSUM_DATA_VALID) != 0) {
		if ((flags & CSUM_PSEUDO_HDR) != 0)
			return (m->m_pkthdr.csum_data == 0xffff);
		sum = in_pseudo(ip->ip_src.s_addr, ip->ip_dst.s_addr, pseudo);
		return (in_addword(sum, m->m_pkthdr.csum_data) == 0xffff);
	}
	sum = (u_short)~in_cksum_skip(m, iphlen + (int)tlen, iphlen);
	return (in_addword(sum, in_pseudo(ip->ip_src.s_addr, ip->ip_dst.s_addr, pseudo)) == 0xffff);
}

/* Pulls the headers together and checks them; the packet is gone if it returns NULL. */
static struct mbuf *
tcp_validate(struct mbuf *m, int iphlen)
{
	uint32_t tlen;
	struct tcphdr *th;
	int off;

	TCPSTAT_INC(tcps_rcvtotal);
	if (m->m_pkthdr.len < iphlen + (int)sizeof(struct tcphdr)) {
		TCPSTAT_INC(tcps_rcvshort);
		m_freem(m);
		return (NULL);
	}
	if (m->m_len < iphlen + (int)sizeof(struct tcphdr) &&
	    (m = m_pullup(m, iphlen + sizeof(struct tcphdr))) == NULL) {
		TCPSTAT_INC(tcps_rcvshort);
		return (NULL);
	}
	tlen = m->m_pkthdr.len - iphlen;
	if (!tcp_checksum_ok(m, mtod(m, struct ip *), iphlen, tlen)) {
		TCPSTAT_INC(tcps_rcvbadsum);
		m_freem(m);
		return (NULL);
	}
	th = (struct tcphdr *)(void *)(mtod(m, char *) + iphlen);
	off = th->th_off << 2;
	if (off < (int)sizeof(*th) || off > (int)tlen) {
		TCPSTAT_INC(tcps_rcvbadoff);
		m_freem(m);
		return (NULL);
	}
	if (m->m_len < iphlen + off && (m = m_pullup(m, iphlen + off)) == NULL)
		TCPSTAT_INC(tcps_rcvshort);
	return (m);
}

/* Parses a valid segment and cuts its headers off. */
static void
tcp_parse(struct tcp_seg *seg, struct mbuf *m, int iphlen)
{
	const struct ip *ip = mtod(m, struct ip *);
	const u_char *h = mtod(m, u_char *) + iphlen;
	const int off = (h[12] >> 4) << 2;

	memset(&seg->inc, 0, sizeof(seg->inc));
	seg->inc.inc_faddr = ip->ip_src;
	seg->inc.inc_laddr = ip->ip_dst;
	memcpy(&seg->inc.inc_fport, h, 2);
	memcpy(&seg->inc.inc_lport, h + 2, 2);
	seg->inc.inc_fibnum = m->m_pkthdr.fibnum;
	seg->seq = be32dec(h + 4);
	seg->wseq = seg->seq;
	seg->ack = be32dec(h + 8);
	seg->flags = h[13] | (h[12] & 1) << 8;
	seg->win = be16dec(h + 14);
	seg->urp = be16dec(h + 18);
	seg->iptos = ip->ip_tos;
	seg->ttl = ip->ip_ttl;
	seg->rcvif = m->m_pkthdr.rcvif;
	seg->bcast =
	    (m->m_flags & (M_BCAST | M_MCAST)) != 0 || IN_MULTICAST(ntohl(ip->ip_dst.s_addr)) ||
	    IN_MULTICAST(ntohl(ip->ip_src.s_addr)) || ip->ip_src.s_addr == INADDR_BROADCAST ||
	    ip->ip_dst.s_addr == INADDR_BROADCAST ||
	    (seg->rcvif != NULL && in_broadcast(ip->ip_dst, seg->rcvif));
	seg->to.to_flags = 0;
	seg->to.to_nsacks = 0;
	if (off > (int)sizeof(struct tcphdr))
		tcp_dooptions(&seg->to, h + sizeof(struct tcphdr), off - (int)sizeof(struct tcphdr),
		    (seg->flags & TH_SYN) != 0);
	m->m_data += iphlen + off;
	m->m_len -= iphlen + off;
	m->m_pkthdr.len -= iphlen + off;
	seg->m = m;
	seg->th = h;
	seg->len = m->m_pkthdr.len;
	seg->nsegs = max(m->m_pkthdr.lro_nsegs, 1);
	seg->segsz = m->m_pkthdr.lro_segsz;
	if (seg->segsz == 0 || seg->segsz > seg->len)
		seg->segsz = (uint16_t)(seg->nsegs > 1 ? howmany(seg->len, seg->nsegs) : seg->len);
	seg->acked = 0;
	seg->dsack = (struct sackblk){0, 0};
	seg->wake = 0;
	seg->output = false;
	seg->timewait = false;
	seg->answered = false;
}

static void
tcp_log_noport(const struct tcp_seg *seg)
{
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];

	if (V_tcp_log_in_vain == 0 || (V_tcp_log_in_vain == 1 && (seg->flags & TH_SYN) == 0))
		return;
	log(LOG_INFO, "TCP: [%s]:%u to [%s]:%u flags 0x%x; connection attempt to closed port\n",
	    inet_ntoa_r(seg->inc.inc_faddr, src), ntohs(seg->inc.inc_fport),
	    inet_ntoa_r(seg->inc.inc_laddr, dst), ntohs(seg->inc.inc_lport), seg->flags);
}

/* blackhole(4): whether such a segment is not answered. */
bool
tcp_blackholed(const struct tcp_seg *seg, bool listener)
{
	int level = V_tcp_blackhole;

	if (!V_tcp_blackhole_local && (seg->inc.inc_flags & INC_ISIPV6) == 0 &&
	    in_localip(seg->inc.inc_faddr))
		return (false);
	if (listener)
		return (level >= 3);
	return (level >= 2 || (level == 1 && (seg->flags & TH_SYN) != 0));
}

/* RFC 9293 3.10.7.1: no connection. Consumes the segment. */
static void
tcp_noport(struct tcp_seg *seg)
{
	TCP_LOG_IN(NULL, seg);
	TCPSTAT_INC(tcps_noport);
	tcp_log_noport(seg);
	if (!tcp_blackholed(seg, false) && (seg->flags & TH_RST) == 0 &&
	    badport_bandlim(BANDLIM_RST_CLOSEDPORT) == 0)
		tcp_respond_reset(seg);
	m_freem(seg->m);
	seg->m = NULL;
}

/* Hands the segment to the connection's state; consumes it unless it returns true: look again. */
static bool
tcp_dispatch(struct inpcb *inp, struct tcp_seg *seg)
{
	struct tcpcb *tp = intotcpcb(inp);
	struct socket *so = inp->inp_socket;
	bool again = false;

	if (tp == NULL || tp->t_state == TCPS_CLOSED) {
		tcp_noport(seg);
		return (false);
	}
	if (((seg->to.to_flags & TOF_SIGNATURE) != 0 || !LIST_EMPTY(&tp->t_md5keys)) &&
	    !tcp_md5_ok(tp, seg)) {
		m_freem(seg->m);
		return (false);
	}
	/* The reference keeps tp and inp in place whatever the program does when it is woken. */
	if (so != NULL)
		soref(so);
	switch (tp->t_state) {
	case TCPS_LISTEN:
		TCP_LOG_IN(tp, seg);
		tcp_listen_input(inp, seg);
		break;
	case TCPS_SYN_SENT:
		tcp_segment_finish(tp, seg, tcp_synsent_input(tp, seg));
		break;
	case TCPS_TIME_WAIT:
		TCP_LOG_IN(tp, seg);
		again = tcp_tw_input(tp, seg);
		break;
	default:
		tcp_do_segment(tp, seg);
	}
	if (so != NULL)
		sorele(so);
	return (again);
}

int
tcp_input(struct mbuf **mp, int *offp, int proto __unused)
{
	struct mbuf *m = *mp;
	struct inpcb *inp;
	struct tcp_seg seg;
	bool again;

	*mp = NULL;
	m = tcp_validate(m, *offp);
	if (m == NULL)
		return (IPPROTO_DONE);
	tcp_parse(&seg, m, *offp);
	TCP_LOG_SEEN(&seg);
	if (V_tcp_drop_synfin && (seg.flags & (TH_SYN | TH_FIN)) == (TH_SYN | TH_FIN)) {
		TCPSTAT_INC(tcps_dropsynfin);
		m_freem(m);
		return (IPPROTO_DONE);
	}
	do {
		inp = in_pcblookup_inc(&V_tcbinfo, &seg.inc, INPLOOKUP_WILDCARD, seg.rcvif);
		if (inp == NULL) {
			tcp_noport(&seg);
			break;
		}
		if (inp->inp_ip_minttl != 0 && inp->inp_ip_minttl > seg.ttl) {
			m_freem(seg.m);
			break;
		}
		again = tcp_dispatch(inp, &seg);
	} while (again);
	return (IPPROTO_DONE);
}
