/*
 * udp_usrreq.c - UDP's and UDP-Lite's side towards sockets, udp(4), udplite(4): attach, bind,
 * connect, options, close.
 *
 * Owns V_udbinfo and UDP's tunables. What comes from the wire is udp_input.c's,
 * what goes there udp_output.c's.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/domain.h>
#include <sys/limits.h>
#include <sys/mbuf.h>
#include <sys/proc.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>

#include <net/if_var.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_var.h>
#include <netinet/udp.h>
#include <netinet/udp_var.h>

VNET_DEFINE(struct inpcbinfo, udbinfo);
VNET_DEFINE(struct inpcbinfo, ulitecbinfo);
VNET_DEFINE(struct udpstat, udpstat);
VNET_DEFINE(int, udp_cksum) = 1;

/*
 * FreeBSD's default is 9216 bytes. Programs written for Linux send what fits into a datagram
 * without asking, so that is the default here.
 */
#define UDP_MAXDGRAM (IP_MAXPACKET - sizeof(struct ip) - sizeof(struct udphdr))
VNET_DEFINE(u_long, udp_sendspace) = UDP_MAXDGRAM;

/* Room beside the largest datagram for the control data that goes with it. */
#define UDP_CONTROL_MAX 1024
VNET_DEFINE_STATIC(u_long, udp_recvspace) = 42080;
#define V_udp_recvspace VNET(udp_recvspace)

SYSCTL_DECL(_net_inet_udp);
SYSCTL_VNET_PCPUSTAT(
    _net_inet_udp, OID_AUTO, stats, udpstat, udpstat, "UDP counters, struct udpstat");
SYSCTL_ULONG_RANGE(_net_inet_udp, OID_AUTO, maxdgram, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(udp_sendspace), 576, IP_MAXPACKET - 28,
    "Bytes of the largest datagram that may be sent, default 65507, all that fits "
    "(FreeBSD: 9216)");
SYSCTL_ULONG_RANGE(_net_inet_udp, OID_AUTO, recvspace, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(udp_recvspace), 576, 16777216,
    "Bytes that a new socket's receive queue holds, default 42080: 40 datagrams of 1 KiB with "
    "their addresses");
SYSCTL_INT_RANGE(_net_inet_udp, OID_AUTO, checksum, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(udp_cksum), 0, 1, "Send datagrams with a checksum, default 1");

static void
udp_vnet_init(const void *unused __unused)
{
	in_pcbinfo_init(&V_udbinfo, "udp", in_pcb_hashsize(), in_pcb_hashsize());
	in_pcbinfo_init(&V_ulitecbinfo, "udplite", 16, 16);
}
VNET_SYSINIT(udp_vnet_init, SI_SUB_PROTO_DOMAIN, SI_ORDER_THIRD, udp_vnet_init, NULL);

static void
udp_vnet_destroy(const void *unused __unused)
{
	in_pcbinfo_destroy(&V_udbinfo);
	in_pcbinfo_destroy(&V_ulitecbinfo);
}
VNET_SYSUNINIT(udp, SI_SUB_PROTO_DOMAIN, SI_ORDER_THIRD, udp_vnet_destroy, NULL);

static void
udp_init(const void *unused __unused)
{
	(void)ipproto_register(IPPROTO_UDP, udp_input, udp_ctlinput);
	(void)ipproto_register(IPPROTO_UDPLITE, udp_input, udplite_ctlinput);
}
SYSINIT(udp_init, SI_SUB_PROTO_DOMAIN, SI_ORDER_FOURTH, udp_init, NULL);

static int
udp_attach(struct socket *so, int proto, struct thread *td __unused)
{
	const bool lite = proto == IPPROTO_UDPLITE;
	int error;

	error = soreserve(so, V_udp_sendspace + UDP_CONTROL_MAX, V_udp_recvspace);
	if (error == 0)
		error = in_pcballoc(so, lite ? &V_ulitecbinfo : &V_udbinfo);
	if (error == 0)
		sotoinpcb(so)->inp_ip_p = lite ? IPPROTO_UDPLITE : IPPROTO_UDP;
	return (error);
}

static void
udp_detach(struct socket *so)
{
	in_pcbfree(sotoinpcb(so));
}

static int
udp_bind(struct socket *so, struct sockaddr *nam, struct thread *td)
{
	return (in_pcbbind(sotoinpcb(so), satosin(nam), PR_CRED(so, td)));
}

/* Forgets the peer, and the address that was chosen for the way to it. */
static void
udp_forget_peer(struct inpcb *inp)
{
	if (inp->inp_faddr.s_addr == INADDR_ANY)
		return;
	if ((inp->inp_flags2 & INP_AUTOLADDR) != 0) {
		inp->inp_laddr.s_addr = INADDR_ANY;
		inp->inp_flags2 &= ~INP_AUTOLADDR;
	}
	in_pcbdisconnect(inp);
}

static int
udp_disconnect(struct socket *so)
{
	struct inpcb *inp = sotoinpcb(so);

	if (inp->inp_faddr.s_addr == INADDR_ANY)
		return (ENOTCONN);
	udp_forget_peer(inp);
	so->so_state &= ~SS_ISCONNECTED;
	return (0);
}

static int
udp_connect(struct socket *so, struct sockaddr *nam, struct thread *td)
{
	struct inpcb *inp = sotoinpcb(so);
	const bool autoladdr = inp->inp_laddr.s_addr == INADDR_ANY;
	int error;

	if (nam->sa_family == AF_UNSPEC) {
		(void)udp_disconnect(so);
		return (0);
	}
	error = in_pcbconnect(inp, satosin(nam), PR_CRED(so, td));
	if (error != 0)
		return (error);
	if (autoladdr)
		inp->inp_flags2 |= INP_AUTOLADDR;
	soisconnected(so);
	return (0);
}

static void
udp_close(struct socket *so)
{
	udp_forget_peer(sotoinpcb(so));
	soisdisconnected(so);
}

static int
udp_shutdown(struct socket *so, int how __unused)
{
	return ((so->so_state & SS_ISCONNECTED) != 0 ? 0 : ENOTCONN);
}

static int
udp_peeraddr(struct socket *so, struct sockaddr *sa)
{
	if (sotoinpcb(so)->inp_faddr.s_addr == INADDR_ANY)
		return (ENOTCONN);
	return (in_getpeeraddr(so, sa));
}

/* RFC 3828: how much of a datagram the checksum covers, at least the header; 0: all of it. */
static int
udplite_option(struct inpcb *inp, struct sockopt *sopt)
{
	uint16_t *field =
	    sopt->sopt_name == UDPLITE_SEND_CSCOV ? &inp->inp_txcslen : &inp->inp_rxcslen;
	int error, v = *field;

	if (sopt->sopt_name != UDPLITE_SEND_CSCOV && sopt->sopt_name != UDPLITE_RECV_CSCOV)
		return (ENOPROTOOPT);
	if (sopt->sopt_dir == SOPT_GET)
		return (sooptcopyout(sopt, &v, sizeof(v)));
	error = sooptcopyin(sopt, &v, sizeof(v), sizeof(v));
	if (error != 0)
		return (error);
	if (v != 0 && v < (int)sizeof(struct udphdr))
		v = sizeof(struct udphdr);
	*field = (uint16_t)imin(v, UINT16_MAX);
	return (0);
}

int
udp_ctloutput(struct socket *so, struct sockopt *sopt)
{
	struct inpcb *inp = sotoinpcb(so);

	if (sopt->sopt_level == IPPROTO_UDPLITE && udp_is_lite(inp))
		return (udplite_option(inp, sopt));
	return (ip_ctloutput(so, sopt));
}

#define UDP_PROTOSW(proto)                                                                         \
	{                                                                                          \
		.pr_type = SOCK_DGRAM, .pr_protocol = (proto), .pr_flags = PR_ATOMIC | PR_ADDR,    \
		.pr_ctloutput = udp_ctloutput, .pr_abort = udp_close, .pr_attach = udp_attach,     \
		.pr_bind = udp_bind, .pr_close = udp_close, .pr_connect = udp_connect,             \
		.pr_control = in_control, .pr_detach = udp_detach,                                 \
		.pr_disconnect = udp_disconnect, .pr_peeraddr = udp_peeraddr, .pr_send = udp_send, \
		.pr_shutdown = udp_shutdown, .pr_sockaddr = in_getsockaddr,                        \
	}

struct protosw udp_protosw = UDP_PROTOSW(IPPROTO_UDP);
struct protosw udplite_protosw = UDP_PROTOSW(IPPROTO_UDPLITE);
