/*
 * ip_sockopt.c - socket options of level IPPROTO_IP, ip(4), and the control data that
 * they ask for with each datagram.
 *
 * Owns nothing. Called through pr_ctloutput of TCP, UDP and raw IP, and by the inputs
 * of the latter two. The multicast options are ip_mopts.c's.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/mbuf.h>
#include <sys/priv.h>
#include <sys/proc.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/time.h>

#include <net/if_dl.h>
#include <net/if_var.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_errqueue.h>
#include <netinet/ip_var.h>

/* Options that are no more than a bit of inp_flags. */
static int
option_flag(int name)
{
	switch (name) {
	case IP_RECVOPTS:
		return (INP_RECVOPTS);
	case IP_RECVRETOPTS:
		return (INP_RECVRETOPTS);
	case IP_RECVDSTADDR:
		return (INP_RECVDSTADDR);
	case IP_RECVIF:
		return (INP_RECVIF);
	case IP_RECVTTL:
		return (INP_RECVTTL);
	case IP_RECVTOS:
		return (INP_RECVTOS);
	case IP_ONESBCAST:
		return (INP_ONESBCAST);
	case IP_DONTFRAG:
		return (INP_DONTFRAG);
	case IP_BINDANY:
		return (INP_BINDANY);
	case IP_RECVERR_ALPINE:
		return (INP_RECVERR);
	case IP_SENDANY_ALPINE:
		return (INP_SENDANY);
	default:
		return (0);
	}
}

static void
set_flag(struct inpcb *inp, int flag, bool on)
{
	if (on)
		inp->inp_flags |= flag;
	else
		inp->inp_flags &= ~flag;
}

static int
set_portrange(struct inpcb *inp, int optval)
{
	if (optval < IP_PORTRANGE_DEFAULT || optval > IP_PORTRANGE_LOW)
		return (EINVAL);
	inp->inp_flags &= ~(INP_HIGHPORT | INP_LOWPORT);
	if (optval == IP_PORTRANGE_HIGH)
		inp->inp_flags |= INP_HIGHPORT;
	else if (optval == IP_PORTRANGE_LOW)
		inp->inp_flags |= INP_LOWPORT;
	return (0);
}

/* The options that take an int. */
static int
set_int(struct inpcb *inp, struct sockopt *sopt, struct ucred *cred)
{
	const int flag = option_flag(sopt->sopt_name);
	int error, optval;

	error = sooptcopyin(sopt, &optval, sizeof(optval), sizeof(optval));
	if (error != 0)
		return (error);
	if (flag == INP_BINDANY && priv_check_cred(cred, PRIV_NETINET_BINDANY) != 0)
		return (EPERM);
	if (flag != 0) {
		set_flag(inp, flag, optval != 0);
		if (flag == INP_RECVERR && optval == 0)
			ip_errqueue_drain(inp);
		return (0);
	}
	switch (sopt->sopt_name) {
	case IP_TOS:
		if (optval < 0 || optval > 255)
			return (EINVAL);
		inp->inp_ip_tos = (uint8_t)optval;
		return (0);
	case IP_TTL:
		if (optval < 1 || optval > MAXTTL)
			return (EINVAL);
		inp->inp_ip_ttl = (uint8_t)optval;
		return (0);
	case IP_MINTTL:
		if (optval < 0 || optval > MAXTTL)
			return (EINVAL);
		inp->inp_ip_minttl = (uint8_t)optval;
		return (0);
	case IP_PORTRANGE:
		return (set_portrange(inp, optval));
	default:
		return (ENOPROTOOPT);
	}
}

static int
set_options(struct inpcb *inp, struct sockopt *sopt)
{
	struct mbuf *m;
	int error;

	if (sopt->sopt_valsize > MAX_IPOPTLEN)
		return (EINVAL);
	m = m_get(M_NOWAIT, MT_DATA);
	if (m == NULL)
		return (ENOBUFS);
	m->m_len = (int)sopt->sopt_valsize;
	if (m->m_len > 0) {
		error = sooptcopyin(sopt, mtod(m, char *), (size_t)m->m_len, (size_t)m->m_len);
		if (error != 0) {
			m_free(m);
			return (error);
		}
	}
	return (ip_pcbopts(inp, sopt->sopt_name, m));
}

static int
get_int(const struct inpcb *inp, struct sockopt *sopt)
{
	const int flag = option_flag(sopt->sopt_name);
	int optval = 0;

	if (flag != 0)
		optval = (inp->inp_flags & flag) != 0;
	else
		switch (sopt->sopt_name) {
		case IP_TOS:
			optval = inp->inp_ip_tos;
			break;
		case IP_TTL:
			optval = inp->inp_ip_ttl;
			break;
		case IP_MINTTL:
			optval = inp->inp_ip_minttl;
			break;
		case IP_PORTRANGE:
			if ((inp->inp_flags & INP_HIGHPORT) != 0)
				optval = IP_PORTRANGE_HIGH;
			else if ((inp->inp_flags & INP_LOWPORT) != 0)
				optval = IP_PORTRANGE_LOW;
			break;
		default:
			return (ENOPROTOOPT);
		}
	return (sooptcopyout(sopt, &optval, sizeof(optval)));
}

static int
get_options(const struct inpcb *inp, struct sockopt *sopt)
{
	if (inp->inp_options == NULL) {
		sopt->sopt_valsize = 0;
		return (0);
	}
	return (
	    sooptcopyout(sopt, mtod(inp->inp_options, char *), (size_t)inp->inp_options->m_len));
}

int
ip_ctloutput(struct socket *so, struct sockopt *sopt)
{
	struct inpcb *inp = sotoinpcb(so);
	struct ucred *cred = sopt->sopt_cred != NULL ? sopt->sopt_cred : PR_CRED(so, sopt->sopt_td);

	if (inp == NULL)
		return (ECONNRESET);
	if (sopt->sopt_level == SOL_SOCKET) {
		/* set already; the pcb wants to know of one */
		if (sopt->sopt_dir == SOPT_SET && sopt->sopt_name == SO_SETFIB)
			inp->inp_inc.inc_fibnum = (uint16_t)so->so_fibnum;
		RO_INVALIDATE_CACHE(&inp->inp_route);
		return (0);
	}
	if (sopt->sopt_level != IPPROTO_IP)
		return (EINVAL);
	switch (sopt->sopt_name) {
	case IP_OPTIONS:
	case IP_RETOPTS:
		return (
		    sopt->sopt_dir == SOPT_SET ? set_options(inp, sopt) : get_options(inp, sopt));
	case IP_MULTICAST_IF:
	case IP_MULTICAST_TTL:
	case IP_MULTICAST_LOOP:
	case IP_ADD_MEMBERSHIP:
	case IP_DROP_MEMBERSHIP:
	case IP_ADD_SOURCE_MEMBERSHIP:
	case IP_DROP_SOURCE_MEMBERSHIP:
	case IP_BLOCK_SOURCE:
	case IP_UNBLOCK_SOURCE:
	case IP_MSFILTER:
	case MCAST_JOIN_GROUP:
	case MCAST_LEAVE_GROUP:
	case MCAST_JOIN_SOURCE_GROUP:
	case MCAST_LEAVE_SOURCE_GROUP:
	case MCAST_BLOCK_SOURCE:
	case MCAST_UNBLOCK_SOURCE:
		return (sopt->sopt_dir == SOPT_SET ? inp_setmoptions(inp, sopt)
						   : inp_getmoptions(inp, sopt));
	default:
		return (sopt->sopt_dir == SOPT_SET ? set_int(inp, sopt, cred) : get_int(inp, sopt));
	}
}

/* Appends a control message, or goes without when there is no memory. */
static struct mbuf **
add_control(struct mbuf **mp, const void *data, u_int len, int type, int level)
{
	*mp = sbcreatecontrol(data, len, type, level, M_NOWAIT);
	return (*mp != NULL ? &(*mp)->m_next : mp);
}

static struct mbuf **
add_recvif(struct mbuf **mp, const struct ifnet *ifp)
{
	struct sockaddr_dl sdl = {
	    .sdl_len = offsetof(struct sockaddr_dl, sdl_data), .sdl_family = AF_LINK};

	if (ifp != NULL)
		sdl.sdl_index = ifp->if_index;
	return (add_control(mp, &sdl, sdl.sdl_len, IP_RECVIF, IPPROTO_IP));
}

/* *mp becomes the control data that inp's socket wants to have with the packet m of header ip. */
void
ip_savecontrol(struct inpcb *inp, struct mbuf **mp, struct ip *ip, struct mbuf *m)
{
	const u_int optlen = (ip->ip_hl << 2) - sizeof(*ip);
	struct in_addr dst = ip->ip_dst;
	struct timeval tv;

	if ((inp->inp_socket->so_options & SO_TIMESTAMP) != 0) {
		microtime(&tv);
		mp = add_control(mp, &tv, sizeof(tv), SCM_TIMESTAMP, SOL_SOCKET);
	}
	if ((inp->inp_flags & INP_RECVDSTADDR) != 0)
		mp = add_control(mp, &dst, sizeof(dst), IP_RECVDSTADDR, IPPROTO_IP);
	if ((inp->inp_flags & INP_RECVTTL) != 0)
		mp = add_control(mp, &ip->ip_ttl, sizeof(ip->ip_ttl), IP_RECVTTL, IPPROTO_IP);
	if ((inp->inp_flags & INP_RECVTOS) != 0)
		mp = add_control(mp, &ip->ip_tos, sizeof(ip->ip_tos), IP_RECVTOS, IPPROTO_IP);
	if ((inp->inp_flags & INP_RECVOPTS) != 0 && optlen > 0)
		mp = add_control(mp, ip + 1, optlen, IP_RECVOPTS, IPPROTO_IP);
	/* source routes would be turned round for a reply; there are none, ip_input() drops them */
	if ((inp->inp_flags & INP_RECVRETOPTS) != 0 && optlen > 0)
		mp = add_control(mp, ip + 1, optlen, IP_RECVRETOPTS, IPPROTO_IP);
	if ((inp->inp_flags & INP_RECVIF) != 0)
		(void)add_recvif(mp, m->m_pkthdr.rcvif);
}
