/*
 * in_pcb_bind.c - local addresses and ports: bind(2)'s rules, the choice of an
 * ephemeral port (RFC 6056, algorithm 1) and of a source address, connect(2).
 *
 * Owns the net.inet.ip.portrange variables. Called by the protocols' pr_bind,
 * pr_connect and their sends; inet(4), ip(4).
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/priv.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <sys/ucred.h>

#include <net/if_var.h>
#include <net/route.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/ip_var.h>

VNET_DEFINE(int, ipport_lowfirstauto) = IPPORT_RESERVED - 1;
VNET_DEFINE(int, ipport_lowlastauto) = IPPORT_RESERVEDSTART;
VNET_DEFINE(int, ipport_firstauto) = IPPORT_EPHEMERALFIRST;
VNET_DEFINE(int, ipport_lastauto) = IPPORT_EPHEMERALLAST;
VNET_DEFINE(int, ipport_hifirstauto) = IPPORT_HIFIRSTAUTO;
VNET_DEFINE(int, ipport_hilastauto) = IPPORT_HILASTAUTO;
VNET_DEFINE(int, ipport_reservedhigh) = IPPORT_RESERVED - 1;
VNET_DEFINE(int, ipport_reservedlow) = 0;
VNET_DEFINE(int, ipport_randomized) = 1;

SYSCTL_DECL(_net_inet_ip);
static SYSCTL_NODE(_net_inet_ip, OID_AUTO, portrange, CTLFLAG_RW, 0, "Local port ranges");

#define PORTRANGE(name, var, descr)                                                                \
	SYSCTL_INT_RANGE(_net_inet_ip_portrange, OID_AUTO, name, CTLFLAG_VNET | CTLFLAG_RW,        \
	    &VNET_NAME(var), 1, IPPORT_MAX, descr)
PORTRANGE(lowfirst, ipport_lowfirstauto, "First port of IP_PORTRANGE_LOW, 1..65535, default 1023");
PORTRANGE(lowlast, ipport_lowlastauto, "Last port of IP_PORTRANGE_LOW, 1..65535, default 600");
PORTRANGE(first, ipport_firstauto, "First ephemeral port, 1..65535, default 10000");
PORTRANGE(last, ipport_lastauto, "Last ephemeral port, 1..65535, default 65535");
PORTRANGE(hifirst, ipport_hifirstauto, "First port of IP_PORTRANGE_HIGH, 1..65535, default 49152");
PORTRANGE(hilast, ipport_hilastauto, "Last port of IP_PORTRANGE_HIGH, 1..65535, default 65535");
SYSCTL_INT(_net_inet_ip_portrange, OID_AUTO, reservedhigh, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(ipport_reservedhigh), 0,
    "Highest port that only the privileged may bind, default 1023");
SYSCTL_INT(_net_inet_ip_portrange, OID_AUTO, reservedlow, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(ipport_reservedlow), 0, "Lowest port that only the privileged may bind, default 0");
SYSCTL_INT(_net_inet_ip_portrange, OID_AUTO, randomized, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(ipport_randomized), 0,
    "Begin the search for an ephemeral port at random (1, default) or behind the last (0)");

struct portrange {
	u_int first, last; /* first <= last */
	u_short *lastp;	   /* where the search ended the last time, if it is sequential */
};

static int
choose_portrange(struct inpcb *inp, struct ucred *cred, struct portrange *range)
{
	struct inpcbinfo *pcbinfo = inp->inp_pcbinfo;
	u_int swap;

	if ((inp->inp_flags & INP_HIGHPORT) != 0) {
		range->first = V_ipport_hifirstauto;
		range->last = V_ipport_hilastauto;
		range->lastp = &pcbinfo->ipi_lasthi;
	} else if ((inp->inp_flags & INP_LOWPORT) != 0) {
		if (priv_check_cred(cred, PRIV_NETINET_RESERVEDPORT) != 0)
			return (EACCES);
		range->first = V_ipport_lowfirstauto;
		range->last = V_ipport_lowlastauto;
		range->lastp = &pcbinfo->ipi_lastlow;
	} else {
		range->first = V_ipport_firstauto;
		range->last = V_ipport_lastauto;
		range->lastp = &pcbinfo->ipi_lastport;
	}
	if (range->first > range->last) { /* the low range is given downward */
		swap = range->first;
		range->first = range->last;
		range->last = swap;
	}
	return (0);
}

/*
 * A search makes one round of the range at most, with one hash lookup for each port.
 * A port with a remote end already chosen may be others' too, so long as they are
 * connected elsewhere and no unconnected socket waits on it for our packets.
 */
int
in_pcb_lport_dest(struct inpcb *inp, struct in_addr laddr, u_short *lportp, struct in_addr faddr,
    u_short fport, struct ucred *cred, int lookupflags)
{
	struct inpcbinfo *pcbinfo = inp->inp_pcbinfo;
	struct portrange range;
	struct inpcb *other;
	u_int count, port, i;
	u_short lport;
	int error;

	error = choose_portrange(inp, cred, &range);
	if (error != 0)
		return (error);
	count = range.last - range.first + 1;
	if (V_ipport_randomized != 0 || *range.lastp < range.first || *range.lastp >= range.last)
		port = V_ipport_randomized != 0 ? range.first + arc4random_uniform(count)
						: range.first;
	else
		port = *range.lastp + 1u;
	for (i = 0; i < count; i++, port = port == range.last ? range.first : port + 1) {
		lport = htons((u_short)port);
		if (faddr.s_addr != INADDR_ANY)
			other = in_pcblookup(
			    pcbinfo, faddr, fport, laddr, lport, INPLOOKUP_WILDCARD, NULL);
		else
			other = in_pcblookup_local(pcbinfo, laddr, lport, lookupflags);
		if (other == NULL) {
			*range.lastp = (u_short)port;
			*lportp = lport;
			return (0);
		}
	}
	return (EADDRNOTAVAIL);
}

static bool
is_bcast_somewhere(struct in_addr addr)
{
	struct in_ifaddr *ia;

	if (addr.s_addr == INADDR_BROADCAST)
		return (true);
	TAILQ_FOREACH (ia, &V_in_ifaddrhead, ia_link)
		if (in_broadcast(addr, ia->ia_ifp))
			return (true);
	return (false);
}

static bool
is_stream(const struct inpcb *inp)
{
	return (inp->inp_socket != NULL && inp->inp_socket->so_type == SOCK_STREAM);
}

static int
check_laddr(const struct inpcb *inp, struct in_addr addr)
{
	if (addr.s_addr == INADDR_ANY || in_bindable(addr) || (inp->inp_flags & INP_BINDANY) != 0)
		return (0);
	if (!is_stream(inp) && (IN_MULTICAST(ntohl(addr.s_addr)) || is_bcast_somewhere(addr)))
		return (0);
	return (EADDRNOTAVAIL);
}

/*
 * Datagram sockets on any address that ask for all there is: programs of several users hear the
 * same groups (mDNS).
 */
static bool
for_everybody(const struct inpcb *inp, struct in_addr laddr, const struct inpcb *other)
{
	const int all = SO_REUSEADDR | SO_REUSEPORT;

	return (!is_stream(inp) && laddr.s_addr == INADDR_ANY &&
		other->inp_laddr.s_addr == INADDR_ANY && (inp_so_options(inp) & all) == all &&
		(inp_so_options(other) & all) == all);
}

/*
 * Who may share laddr:lport. Without SO_REUSEADDR or SO_REUSEPORT nothing may overlap.
 * SO_REUSEADDR: any against specific addresses, and connections that are left over from a
 * server that went away. SO_REUSEPORT[_LB]: the very same address, if both sides ask.
 */
static int
check_conflict(struct inpcb *inp, struct in_addr laddr, u_short lport, struct ucred *cred)
{
	const int options = inp_so_options(inp);
	const bool multicast = IN_MULTICAST(ntohl(laddr.s_addr));
	int reuse = options & (SO_REUSEPORT | SO_REUSEPORT_LB);
	struct inpcb *other;
	int theirs, lookupflags = 0;

	if ((options & (SO_REUSEADDR | SO_REUSEPORT | SO_REUSEPORT_LB)) == 0)
		lookupflags = INPLOOKUP_WILDCARD;
	if (multicast && (options & SO_REUSEADDR) != 0)
		reuse |= SO_REUSEADDR;
	/* a port that another user listens on is not for the taking, however it is shared */
	other = in_pcblookup_local(inp->inp_pcbinfo, laddr, lport, INPLOOKUP_WILDCARD);
	if (other != NULL && !multicast && !for_everybody(inp, laddr, other) &&
	    other->inp_faddr.s_addr == INADDR_ANY && cred != NULL && other->inp_cred != NULL &&
	    other->inp_cred->cr_uid != cred->cr_uid &&
	    priv_check_cred(cred, PRIV_NETINET_REUSEPORT) != 0)
		return (EADDRINUSE);
	other = in_pcblookup_local(inp->inp_pcbinfo, laddr, lport, lookupflags);
	if (other == NULL)
		return (0);
	theirs = inp_so_options(other);
	return ((reuse & theirs) != 0 ? 0 : EADDRINUSE);
}

/*
 * sin is what the program asks for; NULL: anything. On success *laddrp and *lportp are what it
 * may have; nothing is changed.
 */
int
in_pcbbind_setup(struct inpcb *inp, struct sockaddr_in *sin, in_addr_t *laddrp, u_short *lportp,
    struct ucred *cred)
{
	struct in_addr laddr = {.s_addr = *laddrp};
	u_short lport = 0;
	int error;

	if (TAILQ_EMPTY(&V_in_ifaddrhead))
		return (EADDRNOTAVAIL);
	if (sin != NULL) {
		if (sin->sin_len != sizeof(*sin))
			return (EINVAL);
		if (inp->inp_lport != 0 || laddr.s_addr != INADDR_ANY)
			return (EINVAL); /* bound already */
		if (sin->sin_family != AF_INET &&
		    !(sin->sin_family == AF_UNSPEC && sin->sin_addr.s_addr == INADDR_ANY))
			return (EAFNOSUPPORT);
		laddr = sin->sin_addr;
		lport = sin->sin_port;
		error = check_laddr(inp, laddr);
		if (error != 0)
			return (error);
	}
	if (lport != 0) {
		if (ntohs(lport) <= V_ipport_reservedhigh && ntohs(lport) >= V_ipport_reservedlow &&
		    priv_check_cred(cred, PRIV_NETINET_RESERVEDPORT) != 0)
			return (EACCES);
		error = check_conflict(inp, laddr, lport, cred);
	} else {
		/* an ephemeral port is one's own: no option makes it shared */
		error = in_pcb_lport_dest(
		    inp, laddr, &lport, (struct in_addr){INADDR_ANY}, 0, cred, INPLOOKUP_WILDCARD);
		if (error == EADDRNOTAVAIL)
			error = EADDRINUSE;
	}
	if (error != 0)
		return (error);
	*laddrp = laddr.s_addr;
	*lportp = lport;
	return (0);
}

int
in_pcbbind(struct inpcb *inp, struct sockaddr_in *sin, struct ucred *cred)
{
	const bool anonport = sin == NULL || sin->sin_port == 0;
	in_addr_t laddr = inp->inp_laddr.s_addr;
	u_short lport;
	int error;

	if (inp->inp_lport != 0)
		return (EINVAL);
	error = in_pcbbind_setup(inp, sin, &laddr, &lport, cred);
	if (error != 0)
		return (error);
	inp->inp_laddr.s_addr = laddr;
	inp->inp_lport = lport;
	error = in_pcbinshash(inp);
	if (error != 0) {
		inp->inp_laddr.s_addr = INADDR_ANY;
		inp->inp_lport = 0;
		return (error);
	}
	if (anonport)
		inp->inp_flags |= INP_ANONPORT;
	return (0);
}

static int
laddr_of_ifp(struct ifnet *ifp, struct in_addr *laddr)
{
	struct in_ifaddr *ia = ifp != NULL ? in_ifaddr_first(ifp) : NULL;

	if (ia == NULL)
		return (EADDRNOTAVAIL);
	*laddr = IA_SIN(ia)->sin_addr;
	return (0);
}

/* The source address for packets to faddr: of the interface that they leave by. */
int
in_pcbladdr(
    struct inpcb *inp, struct in_addr *faddr, struct in_addr *laddr, struct ucred *cred __unused)
{
	const struct ip_moptions *imo = inp->inp_moptions;
	struct nhop_object *nh;

	if (IN_MULTICAST(ntohl(faddr->s_addr)) && imo != NULL && imo->imo_multicast_ifp != NULL)
		return (laddr_of_ifp(imo->imo_multicast_ifp, laddr));
	if (in_localip(*faddr)) {
		*laddr = *faddr;
		return (0);
	}
	if (inp->inp_socket != NULL && inp->inp_socket->so_bound_if != 0)
		return (laddr_of_ifp(ifnet_byindex((u_int)inp->inp_socket->so_bound_if), laddr));
	nh = fib4_lookup(inp->inp_inc.inc_fibnum, *faddr, 0, NHR_NONE, 0);
	if (nh == NULL) {
		if (faddr->s_addr == INADDR_BROADCAST || IN_MULTICAST(ntohl(faddr->s_addr)))
			return (laddr_of_ifp(ip_default_ifp(), laddr));
		return (ENETUNREACH);
	}
	if ((nh->nh_flags & NHF_REJECT) != 0)
		return (EHOSTUNREACH);
	if (nh->nh_ifa != NULL && nh->nh_ifa->ifa_addr->sa_family == AF_INET) {
		*laddr = satosin(nh->nh_ifa->ifa_addr)->sin_addr;
		return (0);
	}
	return (laddr_of_ifp(nh->nh_ifp, laddr));
}

/* 0.0.0.0 is the host itself, as it always was in BSD. */
static int
own_address(struct in_addr *faddr)
{
	struct in_ifaddr *ia = TAILQ_FIRST(&V_in_ifaddrhead);

	if (ia == NULL)
		return (EADDRNOTAVAIL);
	*faddr = IA_SIN(ia)->sin_addr;
	return (0);
}

int
in_pcbconnect(struct inpcb *inp, struct sockaddr_in *sin, struct ucred *cred)
{
	struct in_addr faddr, laddr = inp->inp_laddr;
	u_short lport = inp->inp_lport;
	int error;

	if (sin->sin_len != sizeof(*sin))
		return (EINVAL);
	if (sin->sin_family != AF_INET)
		return (EAFNOSUPPORT);
	if (sin->sin_port == 0 || TAILQ_EMPTY(&V_in_ifaddrhead))
		return (EADDRNOTAVAIL);
	if (inp->inp_faddr.s_addr != INADDR_ANY)
		return (EISCONN);
	faddr = sin->sin_addr;
	if (faddr.s_addr == INADDR_ANY && (error = own_address(&faddr)) != 0)
		return (error);
	if (laddr.s_addr == INADDR_ANY && (error = in_pcbladdr(inp, &faddr, &laddr, cred)) != 0)
		return (error);
	if (lport == 0) {
		error = in_pcb_lport_dest(inp, laddr, &lport, faddr, sin->sin_port, cred, 0);
		if (error != 0)
			return (error);
	} else if (in_pcblookup(inp->inp_pcbinfo, faddr, sin->sin_port, laddr, lport, 0, NULL) !=
		   NULL)
		return (EADDRINUSE);

	inp->inp_faddr = faddr;
	inp->inp_fport = sin->sin_port;
	inp->inp_laddr = laddr;
	RO_INVALIDATE_CACHE(&inp->inp_route);
	if ((inp->inp_flags & INP_INHASHLIST) != 0) {
		in_pcbrehash(inp);
		return (0);
	}
	if (inp->inp_lport == 0)
		inp->inp_flags |= INP_ANONPORT;
	inp->inp_lport = lport;
	error = in_pcbinshash(inp);
	if (error != 0) {
		inp->inp_faddr.s_addr = inp->inp_laddr.s_addr = INADDR_ANY;
		inp->inp_fport = inp->inp_lport = 0;
		inp->inp_flags &= ~INP_ANONPORT;
	}
	return (error);
}

void
in_pcbdisconnect(struct inpcb *inp)
{
	inp->inp_faddr.s_addr = INADDR_ANY;
	inp->inp_fport = 0;
	RO_INVALIDATE_CACHE(&inp->inp_route);
	if ((inp->inp_flags & INP_INHASHLIST) != 0)
		in_pcbrehash(inp);
}
