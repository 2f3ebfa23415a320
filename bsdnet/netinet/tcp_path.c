/*
 * tcp_path.c - TCP and the network layer: the only file of TCP that knows which one it is.
 * How large segments may be (RFC 9293 3.7.1, RFC 1191), IP headers, and ICMP errors (RFC 5927).
 * Owns t_maxseg, t_tsomax. Called by output, the handshake and ip_icmp.c.
 */
#include <sys/param.h>
#include <sys/mbuf.h>
#include <sys/socketvar.h>
#include <net/if_var.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_syncache.h>
#include <netinet/tcp_var.h>

#define IP6_HDRLEN 40
#define TCP_LEAST_MSS 64 /* below this options would leave no room for data */

u_int
tcp_hdrlen(const struct in_conninfo *inc)
{
	return (sizeof(struct tcphdr) +
		((inc->inc_flags & INC_ISIPV6) != 0 ? IP6_HDRLEN : sizeof(struct ip)));
}

u_int
tcp_maxmtu(const struct in_conninfo *inc, u_int *tsomax)
{
	const bool v6 = (inc->inc_flags & INC_ISIPV6) != 0;
	struct nhop_object *nh;
	struct ifnet *ifp;

	if (tsomax != NULL)
		*tsomax = 0;
	nh = v6 ? fib6_lookup(inc->inc_fibnum, &inc->inc6_faddr, inc->inc6_zoneid, NHR_NONE, 0)
		: fib4_lookup(inc->inc_fibnum, inc->inc_faddr, 0, NHR_NONE, 0);
	if (nh == NULL || (ifp = nh->nh_ifp) == NULL)
		return (0);
	if (tsomax != NULL && V_tcp_do_tso &&
	    (ifp->if_capenable & (v6 ? IFCAP_TSO6 : IFCAP_TSO4)) != 0 &&
	    (ifp->if_hwassist & (v6 ? CSUM_IP6_TSO : CSUM_IP_TSO)) != 0)
		*tsomax = min(ifp->if_hw_tsomax, IP_MAXPACKET);
	return (nh->nh_mtu != 0 ? nh->nh_mtu : ifp->if_mtu);
}

u_int
tcp_mssopt(const struct in_conninfo *inc, u_int mssopt)
{
	u_int mtu = tcp_maxmtu(inc, NULL), hdr = tcp_hdrlen(inc), mss;

	mss = mtu > hdr ? mtu - hdr : (u_int)V_tcp_mssdflt;
	if (mssopt != 0)
		mss = min(mss, mssopt);
	return (min(mss, IP_MAXPACKET - hdr));
}

/*
 * FreeBSD's buffers are whole segments: the size is rounded up to one, within kern.ipc.maxsockbuf,
 * and a buffer smaller than a segment makes segments smaller.
 */
static u_int
tcp_round_buffer(struct socket *so, sb_which which, u_int mss)
{
	struct sockbuf *sb = which == SO_SND ? &so->so_snd : &so->so_rcv;
	u_long size = sb->sb_hiwat;

	if (size == 0)
		return (mss);
	if (size < mss)
		return (which == SO_SND ? (u_int)size : mss);
	size = ulmin(roundup(size, mss), sb_max);
	if (size > sb->sb_hiwat)
		(void)sbreserve(so, which, size, NULL);
	return (mss);
}

void
tcp_mss(struct tcpcb *tp, int offer)
{
	const struct in_conninfo *inc = &tp->t_inpcb->inp_inc;
	const bool agreed = offer != IP_MAXPACKET;
	struct socket *so = tptosocket(tp);
	u_int mss = tcp_mssopt(inc, tp->t_mssopt), mtu = tcp_hc_getmtu(inc), hdr = tcp_hdrlen(inc);

	if (offer <= 0) /* an MSS of 0 says nothing */
		offer = V_tcp_mssdflt;
	/* RFC 9293 3.7.1 lets a peer ask for tiny segments; we do not work that hard for it. */
	offer = imax(offer, V_tcp_minmss);
	tp->t_maxseg = max(min(mss, (u_int)offer), TCP_LEAST_MSS);
	tp->t_agreed_maxseg = tp->t_maxseg;
	tp->t_pmtud_lowered = 0;
	if (V_tcp_do_pmtud && mtu > hdr + TCP_LEAST_MSS && mtu - hdr < tp->t_maxseg) {
		/* an earlier connection was told */
		tp->t_maxseg = mtu - hdr;
		tp->t_pmtud_lowered = getsbinuptime() != 0 ? getsbinuptime() : 1;
	}
	if (agreed && so != NULL) {
		tp->t_maxseg = max(tcp_round_buffer(so, SO_SND, tp->t_maxseg), TCP_LEAST_MSS);
		(void)tcp_round_buffer(so, SO_RCV, tp->t_maxseg);
	}
	if (agreed)
		tcp_hc_begin(tp);
	tp->t_rcvmss = min((u_int)V_tcp_mssdflt, mss);
	tp->t_rtgen = V_rt_generation - 1;
	tcp_path_refresh(tp);
}

/* Learns again what the interface can do, if routes have changed since. */
void
tcp_path_refresh(struct tcpcb *tp)
{
	if (tp->t_rtgen == V_rt_generation)
		return;
	tp->t_rtgen = V_rt_generation;
	(void)tcp_maxmtu(&tp->t_inpcb->inp_inc, &tp->t_tsomax);
}

/* Bytes of IP options, which the segment shares the packet with (RFC 9293 3.7.1). */
u_int
tcp_ipoptlen(const struct tcpcb *tp)
{
	const struct mbuf *m = tp->t_inpcb->inp_options;

	return (m != NULL ? (u_int)m->m_len : 0);
}

u_int
tcp_maxseg(const struct tcpcb *tp)
{
	u_int opt = (tp->t_flags & TF_RCVD_TSTMP) != 0 ? TCPOLEN_TSTAMP_APPA : 0;

	if (!LIST_EMPTY(&tp->t_md5keys) && tcp_md5_find(tp, &tp->t_inpcb->inp_inc) != NULL)
		opt += 2 + TCPOLEN_SIGNATURE;
	opt += tcp_ipoptlen(tp);
	return (tp->t_maxseg > opt ? tp->t_maxseg - opt : 1);
}

/* RFC 1191: the path takes no more than mtu. What is under way went in vain: send it again. */
void
tcp_mtudisc(struct tcpcb *tp, u_int mtu)
{
	u_int hdr = tcp_hdrlen(&tp->t_inpcb->inp_inc), mss;

	mss = mtu > hdr ? mtu - hdr : 0;
	if (mss < (u_int)V_tcp_minmss) {
		TCPSTAT_INC(tcps_pmtud_toolow);
		mss = V_tcp_minmss;
	}
	mss = max(mss, TCP_LEAST_MSS);
	if (mss >= tp->t_maxseg)
		return;
	TCPSTAT_INC(tcps_mtudisc);
	tp->t_maxseg = mss;
	tp->t_pmtud_lowered = getsbinuptime() != 0 ? getsbinuptime() : 1;
	tcp_hc_updatemtu(&tp->t_inpcb->inp_inc, mss + hdr);
	if (tp->snd_cwnd < tcp_maxseg(tp))
		tp->snd_cwnd = tcp_maxseg(tp);
	if (!TCPS_HAVEESTABLISHED(tp->t_state))
		return;
	/* Nobody lost anything to congestion: the window stays. */
	tp->t_rtttime_on = 0;
	tcp_sack_clear(tp);
	tcp_rack_clear(tp);
	tp->t_undo.u_on = false;
	EXIT_RECOVERY(tp->t_flags);
	tp->t_dupacks = 0;
	tp->snd_recover = tp->snd_max;
	tp->snd_nxt = tp->snd_una;
	(void)tcp_output(tp);
}

/*
 * RFC 1191 6.3: the path may be another by now. What the peer agreed to and the interface takes is
 * tried again; if it is still too much, ICMP will say so.
 */
void
tcp_pmtud_raise(struct tcpcb *tp)
{
	const u_int hdr = tcp_hdrlen(&tp->t_inpcb->inp_inc);
	u_int mtu;

	if (tp->t_pmtud_lowered == 0 || V_tcp_pmtud_raise == 0 ||
	    getsbinuptime() - tp->t_pmtud_lowered < (sbintime_t)V_tcp_pmtud_raise * SBT_1S)
		return;
	tp->t_pmtud_lowered = 0;
	mtu = tcp_maxmtu(&tp->t_inpcb->inp_inc, NULL);
	if (mtu > hdr && min(mtu - hdr, tp->t_agreed_maxseg) > tp->t_maxseg) {
		tp->t_maxseg = min(mtu - hdr, tp->t_agreed_maxseg);
		tcp_hc_updatemtu(&tp->t_inpcb->inp_inc, 0);
	}
}

/*
 * A path that swallows large packets and says nothing (RFC 2923 2.1): full segments time out. After
 * the second time-out in a row pmtud_blackhole_mss is tried, after the fourth the default MSS; if
 * six say nothing, size was not the reason.
 */
void
tcp_pmtud_blackhole(struct tcpcb *tp)
{
	const bool v6 = (tp->t_inpcb->inp_inc.inc_flags & INC_ISIPV6) != 0;
	const int on = V_tcp_pmtud_blackhole_detect;
	u_int mss = 0;

	if (on == 0 || on == (v6 ? 2 : 3) || !V_tcp_do_pmtud || !TCPS_HAVEESTABLISHED(tp->t_state))
		return;
	switch (tp->t_rxtshift) {
	case 2:
		tp->t_pmtud_saved_maxseg = 0;
		if (tp->snd_max - tp->snd_una < tcp_maxseg(tp))
			return; /* nothing large is under way */
		tp->t_pmtud_saved_maxseg = tp->t_maxseg;
		mss = (u_int)V_tcp_pmtud_blackhole_mss;
		if (tp->t_maxseg > mss) {
			TCPSTAT_INC(tcps_pmtud_blackhole_activated);
			break;
		}
		/* FALLTHROUGH */
	case 4:
		mss = (u_int)V_tcp_mssdflt;
		if (tp->t_pmtud_saved_maxseg == 0 || tp->t_maxseg <= mss)
			return;
		TCPSTAT_INC(tcps_pmtud_blackhole_activated_min_mss);
		break;
	case 6:
		mss = tp->t_pmtud_saved_maxseg;
		tp->t_pmtud_saved_maxseg = 0;
		if (mss <= tp->t_maxseg)
			return;
		TCPSTAT_INC(tcps_pmtud_blackhole_failed);
		break;
	default:
		return;
	}
	tp->t_maxseg = mss;
}

/* Fills the IP header at the front of m, and what the checksum needs; ports and the rest of
 * the TCP header, tcplen bytes with options and data, are the caller's. */
void
tcp_fill_headers(
    struct mbuf *m, const struct in_conninfo *inc, uint8_t ttl, uint8_t tos, bool df, u_int tcplen)
{
	struct ip *ip = mtod(m, struct ip *);
	struct tcphdr *th = (struct tcphdr *)(void *)(ip + 1);

	KASSERT((inc->inc_flags & INC_ISIPV6) == 0, ("%s: IPv6", __func__));
	memset(ip, 0, sizeof(*ip));
	ip->ip_v = IPVERSION;
	ip->ip_hl = sizeof(*ip) >> 2;
	ip->ip_tos = tos;
	ip->ip_len = htons(sizeof(*ip) + tcplen);
	ip->ip_off = htons(df ? IP_DF : 0);
	ip->ip_ttl = ttl;
	ip->ip_p = IPPROTO_TCP;
	ip->ip_src = inc->inc_laddr;
	ip->ip_dst = inc->inc_faddr;
	th->th_sport = inc->inc_lport;
	th->th_dport = inc->inc_fport;
	th->th_sum =
	    in_pseudo(ip->ip_src.s_addr, ip->ip_dst.s_addr, htonl((uint32_t)tcplen + IPPROTO_TCP));
	m->m_pkthdr.csum_flags = CSUM_TCP;
	m->m_pkthdr.csum_data = offsetof(struct tcphdr, th_sum);
	m->m_pkthdr.fibnum = inc->inc_fibnum;
}

int
tcp_ip_output(struct mbuf *m, const struct in_conninfo *inc, struct inpcb *inp)
{
	int flags = 0;

	if ((inc->inc_flags & INC_ISIPV6) != 0) {
		m_freem(m);
		return (EAFNOSUPPORT);
	}
	if (inp == NULL)
		return (ip_output(m, NULL, NULL, 0, NULL, NULL));
	if (inp->inp_socket != NULL && (inp->inp_socket->so_options & SO_DONTROUTE) != 0)
		flags |= IP_ROUTETOIF;
	return (ip_output(m, inp->inp_options, &inp->inp_route, flags, NULL, inp));
}

/* ---- ICMP ---- */

/*
 * The path has failed, says a router or our own interface. RFC 1122 4.2.3.9: advice, which ends an
 * attempt to connect only when four of its SYNs are lost, too. tp may be dead after this.
 */
void
tcp_notify_error(struct tcpcb *tp, int errnum)
{
	struct socket *so = tptosocket(tp);

	/* Established: the path may mend itself (RFC 1122 4.2.3.9). */
	if (TCPS_HAVEESTABLISHED(tp->t_state)) {
		if (errnum != EHOSTUNREACH && errnum != ENETUNREACH && errnum != EHOSTDOWN)
			tp->t_softerror = errnum;
		return;
	}
	/* Refused before anything was agreed on: RFC 5927 4.2 leaves this to policy. */
	if (tp->t_state == TCPS_SYN_SENT && errnum == ECONNREFUSED && V_tcp_icmp_may_rst) {
		tcp_drop(tp, errnum);
		return;
	}
	if (tp->t_rxtshift > 3 && tp->t_softerror != 0) {
		tcp_drop(tp, errnum);
		return;
	}
	tp->t_softerror = errnum;
	if (so != NULL) {
		sorwakeup(so);
		if (!tcp_isdead(tp))
			sowwakeup(so);
	}
}

static void
tcp_ctl_pcb(struct inpcb *inp, const struct icmp *icp, tcp_seq seq)
{
	struct tcpcb *tp = intotcpcb(inp);
	struct socket *so = inp->inp_socket;
	u_int mtu;
	int errnum;

	if (tp == NULL || tcp_isdead(tp) || so == NULL || tp->t_state == TCPS_LISTEN)
		return;
	/* RFC 5927 4.1: it must be about something that is under way. */
	if (SEQ_LT(seq, tp->snd_una) || SEQ_GEQ(seq, tp->snd_max)) {
		TCPSTAT_INC(tcps_icmp_badseq);
		return;
	}
	soref(so);
	if (icp->icmp_type == ICMP_UNREACH && icp->icmp_code == ICMP_UNREACH_NEEDFRAG) {
		/* RFC 1191 5: an old router gives no MTU. One not below what it quotes is a lie. */
		mtu = ntohs(icp->icmp_nextmtu);
		if (mtu == 0)
			mtu = (u_int)ip_next_mtu(ntohs(icp->icmp_ip.ip_len), 1);
		if (V_tcp_do_pmtud && mtu < ntohs(icp->icmp_ip.ip_len))
			tcp_mtudisc(tp, mtu);
	} else if ((errnum = icmp_errmap(icp)) != 0)
		tcp_notify_error(tp, errnum);
	sorele(so);
}

void
tcp_ctlinput(struct icmp *icp)
{
	const struct ip *ip = &icp->icmp_ip;
	const struct tcphdr *th;
	struct in_conninfo inc;
	struct inpcb *inp;
	tcp_seq seq;

	if (icp->icmp_type == ICMP_SOURCEQUENCH || icp->icmp_type == ICMP_REDIRECT)
		return; /* RFC 6633; redirects are the routing table's */
	th = (const void *)((const char *)ip + (ip->ip_hl << 2));
	memset(&inc, 0, sizeof(inc));
	inc.inc_faddr = ip->ip_dst;
	inc.inc_laddr = ip->ip_src;
	inc.inc_fport = th->th_dport;
	inc.inc_lport = th->th_sport;
	memcpy(&seq, &th->th_seq, sizeof(seq));
	seq = ntohl(seq);
	inp = in_pcblookup_inc(&V_tcbinfo, &inc, 0, NULL);
	if (inp != NULL)
		tcp_ctl_pcb(inp, icp, seq);
	else if (icmp_errmap(icp) != 0)
		syncache_unreach(&inc, seq);
}
