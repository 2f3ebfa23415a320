/*
 * udp_input.c - UDP and UDP-Lite from the wire to sockets (RFC 768, RFC 1122 4.1, RFC 3828).
 *
 * A datagram goes to the one socket that fits best, a broadcast or multicast to all
 * that fit. ICMP errors reach connected sockets as so_error.
 * Called by ip_input() and icmp_input() through ip_protox[], ip_ctlprotox[].
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/mbuf.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>

#include <net/if_var.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_errqueue.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>
#include <netinet/udp.h>
#include <netinet/udp_var.h>

VNET_DEFINE_STATIC(int, udp_blackhole) = 0;
#define V_udp_blackhole VNET(udp_blackhole)
VNET_DEFINE_STATIC(int, udp_log_in_vain) = 0;
#define V_udp_log_in_vain VNET(udp_log_in_vain)

SYSCTL_DECL(_net_inet_udp);
SYSCTL_INT_RANGE(_net_inet_udp, OID_AUTO, blackhole, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(udp_blackhole), 0, 1, "Send no port unreachable for unused ports, default 0");
SYSCTL_INT_RANGE(_net_inet_udp, OID_AUTO, log_in_vain, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(udp_log_in_vain), 0, 1, "Log datagrams to unused ports, default 0");

/* A datagram, looked at once. All in network order but len and hlen. */
struct udp_in {
	struct mbuf *m;
	const struct ip *ip;
	u_int hlen;  /* bytes of IP header */
	u_int len;   /* bytes of UDP header and data */
	u_int cover; /* UDP-Lite: bytes that the checksum covers */
	struct udphdr uh;
	struct ifnet *ifp;
	struct inpcbinfo *pcbinfo;
	bool lite;
};

/* RFC 3828: the header at least is covered, and there is a checksum. */
static bool
lite_checksum_ok(const struct udp_in *u)
{
	const u_short pseudo = in_pseudo(u->ip->ip_src.s_addr, u->ip->ip_dst.s_addr,
	    htons((u_short)u->len) + htons(IPPROTO_UDPLITE));

	return (u->uh.uh_sum != 0 &&
		in_addword(pseudo, (u_short)~in_cksum_skip(
				       u->m, (int)(u->hlen + u->cover), (int)u->hlen)) == 0xffff);
}

static bool
checksum_ok(const struct udp_in *u)
{
	struct mbuf *m = u->m;
	const u_short pseudo = in_pseudo(u->ip->ip_src.s_addr, u->ip->ip_dst.s_addr,
	    htons((u_short)u->len) + htons(IPPROTO_UDP));
	u_short sum;

	if (u->lite)
		return (lite_checksum_ok(u));
	if (u->uh.uh_sum == 0) {
		UDPSTAT_INC(udps_nosum);
		return (true);
	}
	if ((m->m_pkthdr.csum_flags & CSUM_DATA_VALID) != 0) {
		if ((m->m_pkthdr.csum_flags & CSUM_PSEUDO_HDR) != 0)
			sum = m->m_pkthdr.csum_data;
		else
			sum = in_addword(pseudo, m->m_pkthdr.csum_data);
	} else
		sum = in_addword(
		    pseudo, (u_short)~in_cksum_skip(m, (int)(u->hlen + u->len), (int)u->hlen));
	return (sum == 0xffff);
}

/* Fills u from its m; false: dropped and counted. */
static bool
parse(struct udp_in *u)
{
	struct mbuf *m = u->m;
	u_int room;

	if (m->m_pkthdr.len < (int)(u->hlen + sizeof(struct udphdr))) {
		UDPSTAT_INC(udps_hdrops);
		goto bad;
	}
	if (m->m_len < (int)(u->hlen + sizeof(struct udphdr))) {
		u->m = m = m_pullup(m, (int)(u->hlen + sizeof(struct udphdr)));
		if (m == NULL) {
			UDPSTAT_INC(udps_hdrops);
			return (false);
		}
	}
	u->ip = mtod(m, const struct ip *);
	memcpy(&u->uh, mtod(m, char *) + u->hlen, sizeof(u->uh));
	u->len = ntohs(u->uh.uh_ulen);
	room = (u_int)m->m_pkthdr.len - u->hlen;
	u->cover = u->len;
	if (u->lite && (u->len == 0 || u->len <= room)) {
		u->cover = u->len == 0 ? room : u->len;
		u->len = u->cover < sizeof(struct udphdr) ? u->cover : room;
	}
	if (u->len < sizeof(struct udphdr) || u->len > room || u->uh.uh_dport == 0) {
		UDPSTAT_INC(udps_badlen);
		goto bad;
	}
	if (u->len < room)
		m_adj(m, (int)u->len - (int)room);
	if (!checksum_ok(u)) {
		UDPSTAT_INC(udps_badsum);
		goto bad;
	}
	return (true);
bad:
	m_freem(m);
	u->m = NULL;
	return (false);
}

/* Puts the datagram n, IP header and all, on inp's queue. Consumes n. */
static void
append(const struct udp_in *u, struct inpcb *inp, struct mbuf *n)
{
	struct sockaddr_in from = {.sin_len = sizeof(from), .sin_family = AF_INET};
	struct socket *so = inp->inp_socket;
	struct mbuf *opts = NULL;

	from.sin_addr = u->ip->ip_src;
	from.sin_port = u->uh.uh_sport;
	if ((inp->inp_flags & INP_CONTROLOPTS) != 0 || (so->so_options & SO_TIMESTAMP) != 0)
		ip_savecontrol(inp, &opts, mtod(n, struct ip *), n);
	m_adj(n, (int)(u->hlen + sizeof(struct udphdr)));
	if (sbappendaddr(&so->so_rcv, sintosa(&from), n, opts) == 0) {
		UDPSTAT_INC(udps_fullsock);
		m_freem(n);
		m_freem(opts);
		return;
	}
	sorwakeup(so);
}

static bool
takes(const struct inpcb *inp, const struct udp_in *u)
{
	if (inp->inp_socket == NULL || inp->inp_ip_minttl > u->ip->ip_ttl)
		return (false);
	/* UDP-Lite: less covered than the receiver wants */
	return (u->cover >= u->len || u->cover >= inp->inp_rxcslen);
}

static void
input_unicast(struct udp_in *u)
{
	struct inpcb *inp;
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];

	inp = in_pcblookup(u->pcbinfo, u->ip->ip_src, u->uh.uh_sport, u->ip->ip_dst, u->uh.uh_dport,
	    INPLOOKUP_WILDCARD, u->ifp);
	if (inp != NULL) {
		if (takes(inp, u))
			append(u, inp, u->m);
		else
			m_freem(u->m);
		return;
	}
	if (V_udp_log_in_vain != 0)
		log(LOG_INFO, "UDP to %s:%u from %s:%u, nobody listens\n",
		    inet_ntoa_r(u->ip->ip_dst, dst), ntohs(u->uh.uh_dport),
		    inet_ntoa_r(u->ip->ip_src, src), ntohs(u->uh.uh_sport));
	UDPSTAT_INC(udps_noport);
	if ((u->m->m_flags & (M_BCAST | M_MCAST)) != 0)
		UDPSTAT_INC(udps_noportbcast);
	if ((u->m->m_flags & (M_BCAST | M_MCAST)) != 0 || V_udp_blackhole != 0) {
		m_freem(u->m);
		return;
	}
	icmp_error(u->m, ICMP_UNREACH, ICMP_UNREACH_PORT, 0, 0);
}

static bool
matches_group(const struct inpcb *inp, const struct udp_in *u)
{
	const struct socket *so = inp->inp_socket;

	if (!takes(inp, u) || (inp->inp_vflag & INP_IPV4) == 0)
		return (false);
	if (so->so_bound_if != 0 && so->so_bound_if != u->ifp->if_index)
		return (false);
	if (inp->inp_laddr.s_addr != INADDR_ANY && inp->inp_laddr.s_addr != u->ip->ip_dst.s_addr)
		return (false);
	if (inp->inp_faddr.s_addr != INADDR_ANY &&
	    (inp->inp_faddr.s_addr != u->ip->ip_src.s_addr || inp->inp_fport != u->uh.uh_sport))
		return (false);
	if (!IN_MULTICAST(ntohl(u->ip->ip_dst.s_addr)))
		return (true);
	if (imo_member(inp->inp_moptions, u->ip->ip_dst, u->ip->ip_src, u->ifp))
		return (true);
	UDPSTAT_INC(udps_filtermcast);
	return (false);
}

/*
 * To every socket on that port. Queueing can run upcalls, which may close sockets: the
 * matches are taken first, each with a reference.
 */
static void
input_group(struct udp_in *u)
{
	struct inpcb *match[UDP_GROUP_MAX], *inp;
	struct inpcbport *phd = in_pcbport_find(u->pcbinfo, u->uh.uh_dport);
	struct mbuf *n;
	u_int i, count = 0;

	if (phd != NULL)
		LIST_FOREACH (inp, &phd->phd_pcblist, inp_portlist) {
			if (count == UDP_GROUP_MAX)
				break;
			if (!matches_group(inp, u))
				continue;
			in_pcbref(inp);
			match[count++] = inp;
		}
	for (i = 0; i < count; i++) {
		if (takes(match[i], u)) {
			n = m_copypacket(u->m, M_NOWAIT);
			if (n != NULL && n->m_len < (int)u->hlen)
				n = m_pullup(n, (int)u->hlen);
			if (n != NULL)
				append(u, match[i], n);
		}
		in_pcbrele(match[i]);
	}
	if (count == 0) {
		if (IN_MULTICAST(ntohl(u->ip->ip_dst.s_addr)))
			UDPSTAT_INC(udps_noportmcast);
		else
			UDPSTAT_INC(udps_noportbcast);
	}
	m_freem(u->m);
}

int
udp_input(struct mbuf **mp, int *offp, int proto)
{
	struct udp_in u = {
	    .m = *mp,
	    .hlen = (u_int)*offp,
	    .ifp = (*mp)->m_pkthdr.rcvif,
	    .pcbinfo = proto == IPPROTO_UDPLITE ? &V_ulitecbinfo : &V_udbinfo,
	    .lite = proto == IPPROTO_UDPLITE,
	};
	struct in_addr dst;

	*mp = NULL;
	UDPSTAT_INC(udps_ipackets);
	if (!parse(&u))
		return (IPPROTO_DONE);
	dst = u.ip->ip_dst;
	if (IN_MULTICAST(ntohl(dst.s_addr)) || dst.s_addr == INADDR_BROADCAST ||
	    dst.s_addr == INADDR_ANY || in_broadcast(dst, u.ifp))
		input_group(&u);
	else
		input_unicast(&u);
	return (IPPROTO_DONE);
}

/*
 * An ICMP error about a datagram of ours: a connected socket's next call reports it, and one that
 * asked for errors has it on its queue.
 */
static void
ctlinput(struct inpcbinfo *pcbinfo, struct icmp *icp)
{
	const struct ip *ip = &icp->icmp_ip;
	const int error = icmp_errmap(icp);
	struct udphdr uh;
	struct inpcb *inp;

	if ((ntohs(ip->ip_off) & IP_OFFMASK) != 0)
		return;
	memcpy(&uh, (const char *)ip + (ip->ip_hl << 2), sizeof(uh));
	inp = in_pcblookup(
	    pcbinfo, ip->ip_dst, uh.uh_dport, ip->ip_src, uh.uh_sport, INPLOOKUP_WILDCARD, NULL);
	if (inp == NULL || inp->inp_socket == NULL)
		return;
	if (error == EMSGSIZE)
		RO_INVALIDATE_CACHE(&inp->inp_route);
	ip_ctl_report(inp, icp, error, uh.uh_dport, sizeof(uh));
}

void
udp_ctlinput(struct icmp *icp)
{
	ctlinput(&V_udbinfo, icp);
}

void
udplite_ctlinput(struct icmp *icp)
{
	ctlinput(&V_ulitecbinfo, icp);
}
