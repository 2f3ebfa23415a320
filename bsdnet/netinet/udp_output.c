/*
 * udp_output.c - UDP from sockets to the wire (RFC 768, RFC 1122 4.1).
 *
 * Owns nothing. A datagram with an address of its own on an unconnected socket is sent as
 * if the socket were connected for that moment: the source address is chosen by route, a
 * port is bound if there was none, and stays.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/mbuf.h>
#include <sys/proc.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>

#include <net/if_var.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_var.h>
#include <netinet/udp.h>
#include <netinet/udp_var.h>

/* What one datagram is sent with: the socket's settings, changed by its control data. */
struct udp_out {
	struct inpcb *inp;
	struct in_addr faddr, laddr;
	u_short fport; /* network order */
	u_char tos, ttl;
	bool have_src;
	bool elsewhere; /* not to the peer of a connected socket */
};

static int
control_one(struct udp_out *o, const struct cmsghdr *cm, const u_char *data, u_int len)
{
	int value;

	if (cm->cmsg_level != IPPROTO_IP)
		return (0);
	switch (cm->cmsg_type) {
	case IP_SENDSRCADDR:
		if (len != sizeof(struct in_addr))
			return (EINVAL);
		memcpy(&o->laddr, data, sizeof(o->laddr));
		o->have_src = o->laddr.s_addr != INADDR_ANY;
		return (0);
	case IP_TOS:
	case IP_TTL:
		if (len == sizeof(u_char))
			value = data[0];
		else if (len == sizeof(int))
			memcpy(&value, data, sizeof(value));
		else
			return (EINVAL);
		if (value < (cm->cmsg_type == IP_TTL) || value > 255)
			return (EINVAL);
		if (cm->cmsg_type == IP_TTL)
			o->ttl = (u_char)value;
		else
			o->tos = (u_char)value;
		return (0);
	default:
		return (ENOPROTOOPT);
	}
}

/* The control data of sendmsg(2), a row of cmsghdrs in one mbuf. */
static int
parse_control(struct udp_out *o, const struct mbuf *control)
{
	struct cmsghdr cm;
	u_int off, left;
	int error;

	if (control->m_next != NULL)
		return (EINVAL);
	for (off = 0; off < (u_int)control->m_len; off += (u_int)_CMSG_ALIGN(cm.cmsg_len)) {
		left = (u_int)control->m_len - off;
		if (left < CMSG_LEN(0))
			return (EINVAL);
		memcpy(&cm, mtod(control, char *) + off, sizeof(cm));
		if (cm.cmsg_len < CMSG_LEN(0) || cm.cmsg_len > left)
			return (EINVAL);
		error = control_one(o, &cm, mtod(control, u_char *) + off + CMSG_LEN(0),
		    (u_int)(cm.cmsg_len - CMSG_LEN(0)));
		if (error != 0)
			return (error);
	}
	return (0);
}

static int
set_destination(struct udp_out *o, const struct sockaddr *nam)
{
	struct sockaddr_in sin;

	if (o->inp->inp_faddr.s_addr != INADDR_ANY) {
		if (nam != NULL && (o->inp->inp_flags & INP_SENDANY) == 0)
			return (EISCONN);
		o->faddr = o->inp->inp_faddr;
		o->fport = o->inp->inp_fport;
		if (nam == NULL)
			return (0);
		o->elsewhere = true;
	}
	if (nam == NULL)
		return (EDESTADDRREQ);
	if (nam->sa_family != AF_INET)
		return (EAFNOSUPPORT);
	if (nam->sa_len != sizeof(sin))
		return (EINVAL);
	memcpy(&sin, nam, sizeof(sin));
	if (sin.sin_port == 0)
		return (EADDRNOTAVAIL);
	o->faddr = sin.sin_addr;
	o->fport = sin.sin_port;
	if (o->faddr.s_addr == INADDR_ANY && !TAILQ_EMPTY(&V_in_ifaddrhead))
		o->faddr = IA_SIN(TAILQ_FIRST(&V_in_ifaddrhead))->sin_addr; /* this host */
	return (0);
}

/* The address and the port to send from. */
static int
set_source(struct udp_out *o, struct ucred *cred)
{
	struct inpcb *inp = o->inp;
	u_short lport;
	int error;

	if (o->have_src) {
		if (inp->inp_laddr.s_addr != INADDR_ANY && inp->inp_laddr.s_addr != o->laddr.s_addr)
			return (EINVAL);
		if (!in_bindable(o->laddr) && (inp->inp_flags & INP_BINDANY) == 0)
			return (EADDRNOTAVAIL);
	} else
		o->laddr = inp->inp_laddr;
	if (o->laddr.s_addr == INADDR_ANY || IN_MULTICAST(ntohl(o->laddr.s_addr))) {
		error = in_pcbladdr(inp, &o->faddr, &o->laddr, cred);
		/* before it has an address, a host may still broadcast: DHCP */
		if (error == EADDRNOTAVAIL && o->faddr.s_addr == INADDR_BROADCAST) {
			o->laddr.s_addr = INADDR_ANY;
			error = 0;
		}
		if (error != 0)
			return (error);
	}
	if (inp->inp_lport != 0)
		return (0);
	error = in_pcb_lport_dest(
	    inp, inp->inp_laddr, &lport, (struct in_addr){INADDR_ANY}, 0, cred, INPLOOKUP_WILDCARD);
	if (error != 0)
		return (error == EADDRNOTAVAIL ? EAGAIN : error);
	inp->inp_lport = lport;
	error = in_pcbinshash(inp);
	if (error != 0)
		inp->inp_lport = 0;
	else
		inp->inp_flags |= INP_ANONPORT;
	return (error);
}

/* RFC 3828 3.1: the length field says what the checksum covers; there is always one. */
static void
cover_lite(const struct udp_out *o, struct mbuf *m, struct udphdr *uh)
{
	const u_int ulen = (u_int)m->m_pkthdr.len - (u_int)sizeof(struct ip);
	u_int cover = o->inp->inp_txcslen;
	struct ip *ip = mtod(m, struct ip *);

	uh->uh_ulen = htons((u_short)cover);
	if (cover == 0 || cover >= ulen) {
		uh->uh_ulen = htons((u_short)ulen);
		cover = ulen;
	}
	memcpy(ip + 1, uh, sizeof(*uh));
	uh->uh_sum = (u_short)~in_addword(in_pseudo(ip->ip_src.s_addr, ip->ip_dst.s_addr,
					      htons((u_short)ulen) + htons(IPPROTO_UDPLITE)),
	    (u_short)~in_cksum_skip(m, (int)(sizeof(*ip) + cover), (int)sizeof(*ip)));
	if (uh->uh_sum == 0)
		uh->uh_sum = 0xffff;
}

/* Puts both headers in front of the payload; NULL: no memory, m is gone. */
static struct mbuf *
add_headers(const struct udp_out *o, struct mbuf *m)
{
	const u_int len = (u_int)m->m_pkthdr.len;
	const u_int ulen = len + sizeof(struct udphdr);
	struct udphdr uh;
	struct ip *ip;

	M_PREPEND(m, (int)(sizeof(struct ip) + sizeof(uh)), M_NOWAIT);
	if (m == NULL)
		return (NULL);
	ip = mtod(m, struct ip *);
	memset(ip, 0, sizeof(*ip));
	ip->ip_p = o->inp->inp_ip_p;
	ip->ip_tos = o->tos;
	ip->ip_ttl = o->ttl;
	ip->ip_len = htons((u_short)(len + sizeof(struct ip) + sizeof(uh)));
	ip->ip_off = (o->inp->inp_flags & INP_DONTFRAG) != 0 ? htons(IP_DF) : 0;
	ip->ip_src = o->laddr;
	ip->ip_dst = o->faddr;
	uh.uh_sport = o->inp->inp_lport;
	uh.uh_dport = o->fport;
	uh.uh_ulen = htons((u_short)ulen);
	uh.uh_sum = 0;
	m->m_pkthdr.csum_flags = 0;
	if (udp_is_lite(o->inp)) {
		cover_lite(o, m, &uh);
	} else if (V_udp_cksum != 0) {
		uh.uh_sum = in_pseudo(ip->ip_src.s_addr, ip->ip_dst.s_addr,
		    htons((u_short)ulen) + htons(IPPROTO_UDP));
		m->m_pkthdr.csum_flags = CSUM_UDP;
		m->m_pkthdr.csum_data = offsetof(struct udphdr, uh_sum);
	}
	memcpy(ip + 1, &uh, sizeof(uh));
	m->m_pkthdr.flowid = o->inp->inp_flowid;
	m->m_pkthdr.fibnum = o->inp->inp_inc.inc_fibnum;
	m->m_pkthdr.rcvif = NULL;
	return (m);
}

int
udp_send(struct socket *so, int flags, struct mbuf *m, struct sockaddr *nam, struct mbuf *control,
    struct thread *td)
{
	struct inpcb *inp = sotoinpcb(so);
	struct udp_out o = {.inp = inp, .tos = inp->inp_ip_tos, .ttl = inp->inp_ip_ttl};
	int error = 0, ipflags = 0;

	if ((flags & PRUS_OOB) != 0)
		error = EOPNOTSUPP;
	else if (m != NULL && ((u_long)m->m_pkthdr.len > V_udp_sendspace ||
				  m->m_pkthdr.len + 28 + (int)ip_optlen(inp) > IP_MAXPACKET))
		error = EMSGSIZE;
	if (error == 0 && control != NULL)
		error = parse_control(&o, control);
	m_freem(control);
	if (m == NULL)
		return (error);
	if (error == 0)
		error = set_destination(&o, nam);
	if (error == 0)
		error = set_source(&o, PR_CRED(so, td));
	if (error != 0) {
		m_freem(m);
		return (error);
	}
	m = add_headers(&o, m);
	if (m == NULL)
		return (ENOBUFS);
	if ((so->so_options & SO_DONTROUTE) != 0)
		ipflags |= IP_ROUTETOIF;
	if ((so->so_options & SO_BROADCAST) != 0)
		ipflags |= IP_ALLOWBROADCAST;
	if ((inp->inp_flags & INP_ONESBCAST) != 0)
		ipflags |= IP_SENDONES;
	UDPSTAT_INC(udps_opackets);
	return (ip_output(m, inp->inp_options, o.elsewhere ? NULL : &inp->inp_route, ipflags,
	    inp->inp_moptions, inp));
}
