/*
 * ip_mopts.c - a socket's multicast options, ip(4): which groups it is a member of, by
 * which interface and how far it sends (RFC 1112).
 *
 * Owns inp_moptions, made when a socket first asks. The groups of interfaces themselves are
 * in_mcast.c's. Called by ip_sockopt.c, in_pcb.c and the inputs of UDP and raw IP.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/socket.h>
#include <sys/socketvar.h>

#include <net/if_var.h>
#include <net/route.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_mopts.h>
#include <netinet/ip_var.h>

#define IMO_MIN_MEMBERSHIPS 4 /* slots that the list begins with */

static MALLOC_DEFINE(M_IPMOPTS, "ip_moptions", "multicast options of sockets");

struct ip_moptions *
imo_get(struct inpcb *inp)
{
	struct ip_moptions *imo = inp->inp_moptions;

	if (imo != NULL)
		return (imo);
	imo = malloc(sizeof(*imo), M_IPMOPTS, M_NOWAIT | M_ZERO);
	if (imo == NULL)
		return (NULL);
	imo->imo_multicast_ttl = IP_DEFAULT_MULTICAST_TTL;
	imo->imo_multicast_loop = IP_DEFAULT_MULTICAST_LOOP;
	inp->inp_moptions = imo;
	return (imo);
}

int
imo_find(const struct ip_moptions *imo, struct in_addr group, const struct ifnet *ifp)
{
	const struct in_multi *inm;
	int i;

	for (i = 0; i < imo->imo_num_memberships; i++) {
		inm = imo->imo_membership[i]->imf_inm;
		if (inm->inm_addr.s_addr == group.s_addr && (ifp == NULL || inm->inm_ifp == ifp))
			return (i);
	}
	return (-1);
}

bool
imo_member(const struct ip_moptions *imo, struct in_addr group, struct in_addr src,
    const struct ifnet *ifp)
{
	const int i = imo != NULL ? imo_find(imo, group, ifp) : -1;

	return (i >= 0 && ims_allows(&imo->imo_membership[i]->imf_sources, ntohl(src.s_addr)));
}

void
imo_remove(struct ip_moptions *imo, int i)
{
	struct in_mfilter *imf = imo->imo_membership[i];

	(void)in_leavegroup(imf->imf_inm, imf);
	ims_free(&imf->imf_sources);
	free(imf, M_IPMOPTS);
	imo->imo_membership[i] = imo->imo_membership[--imo->imo_num_memberships];
}

void
inp_freemoptions(struct ip_moptions *imo)
{
	if (imo == NULL)
		return;
	while (imo->imo_num_memberships > 0)
		imo_remove(imo, imo->imo_num_memberships - 1);
	free(imo->imo_membership, M_IPMOPTS);
	free(imo, M_IPMOPTS);
}

void
imo_purge_ifp(struct ip_moptions *imo, struct ifnet *ifp)
{
	int i;

	if (imo->imo_multicast_ifp == ifp)
		imo->imo_multicast_ifp = NULL;
	for (i = imo->imo_num_memberships - 1; i >= 0; i--)
		if (imo->imo_membership[i]->imf_inm->inm_ifp == ifp)
			imo_remove(imo, i);
}

static int
imo_grow(struct ip_moptions *imo)
{
	struct in_mfilter **list;
	u_int n = imo->imo_max_memberships;

	if (imo->imo_num_memberships < n)
		return (0);
	if (n >= IP_MAX_MEMBERSHIPS)
		return (ETOOMANYREFS);
	n = n == 0 ? IMO_MIN_MEMBERSHIPS : MIN(n * 2, IP_MAX_MEMBERSHIPS);
	list = realloc(imo->imo_membership, n * sizeof(*list), M_IPMOPTS, M_NOWAIT);
	if (list == NULL)
		return (ENOBUFS);
	imo->imo_membership = list;
	imo->imo_max_memberships = (u_short)n;
	return (0);
}

/* The interface that a request names by index or address, or that the group is routed to. */
struct ifnet *
imo_choose_ifp(const struct inpcb *inp, struct in_addr group, struct in_addr addr, int ifindex)
{
	struct nhop_object *nh;

	if (ifindex != 0)
		return (ifindex > 0 ? ifnet_byindex((u_int)ifindex) : NULL);
	if (addr.s_addr != INADDR_ANY)
		return (in_localifp(addr));
	if (inp->inp_socket != NULL && inp->inp_socket->so_bound_if != 0)
		return (ifnet_byindex((u_int)inp->inp_socket->so_bound_if));
	nh = fib4_lookup(inp->inp_inc.inc_fibnum, group, 0, NHR_NONE, 0);
	if (nh != NULL && (nh->nh_ifp->if_flags & IFF_MULTICAST) != 0)
		return (nh->nh_ifp);
	return (ip_default_ifp());
}

/* With one source it includes that only; with INADDR_ANY it excludes nobody. */
int
imo_add(struct ip_moptions *imo, struct ifnet *ifp, struct in_addr group, struct in_addr src)
{
	struct in_mfilter *imf;
	struct in_multi *inm;
	int error = imo_grow(imo);

	if (error != 0)
		return (error);
	imf = malloc(sizeof(*imf), M_IPMOPTS, M_NOWAIT | M_ZERO);
	if (imf == NULL)
		return (ENOBUFS);
	imf->imf_sources.ims_mode = MCAST_EXCLUDE;
	if (src.s_addr != INADDR_ANY) {
		imf->imf_sources.ims_mode = MCAST_INCLUDE;
		error = ims_add(&imf->imf_sources, ntohl(src.s_addr));
	}
	if (error == 0)
		error = in_joingroup(ifp, &group, imf, &inm);
	if (error != 0) {
		ims_free(&imf->imf_sources);
		free(imf, M_IPMOPTS);
		return (error);
	}
	imo->imo_membership[imo->imo_num_memberships++] = imf;
	return (0);
}

/* An ip_mreq or an ip_mreqn, by its length. */
static int
get_mreq(struct sockopt *sopt, struct ip_mreqn *mreqn)
{
	struct ip_mreq mreq;
	int error;

	memset(mreqn, 0, sizeof(*mreqn));
	if (sopt->sopt_valsize >= sizeof(*mreqn))
		return (sooptcopyin(sopt, mreqn, sizeof(*mreqn), sizeof(*mreqn)));
	error = sooptcopyin(sopt, &mreq, sizeof(mreq), sizeof(mreq));
	if (error != 0)
		return (error);
	mreqn->imr_multiaddr = mreq.imr_multiaddr;
	mreqn->imr_address = mreq.imr_interface;
	return (0);
}

static int
join(struct inpcb *inp, struct sockopt *sopt)
{
	struct ip_mreqn mreqn;
	struct ip_moptions *imo;
	struct ifnet *ifp;
	int error;

	error = get_mreq(sopt, &mreqn);
	if (error != 0)
		return (error);
	if (!IN_MULTICAST(ntohl(mreqn.imr_multiaddr.s_addr)))
		return (EINVAL);
	ifp = imo_choose_ifp(inp, mreqn.imr_multiaddr, mreqn.imr_address, mreqn.imr_ifindex);
	if (ifp == NULL || (ifp->if_flags & IFF_MULTICAST) == 0)
		return (EADDRNOTAVAIL);
	imo = imo_get(inp);
	if (imo == NULL)
		return (ENOBUFS);
	if (imo_find(imo, mreqn.imr_multiaddr, ifp) >= 0)
		return (EADDRINUSE);
	return (imo_add(imo, ifp, mreqn.imr_multiaddr, (struct in_addr){INADDR_ANY}));
}

static int
leave(struct inpcb *inp, struct sockopt *sopt)
{
	struct ip_moptions *imo = inp->inp_moptions;
	struct ip_mreqn mreqn;
	struct ifnet *ifp = NULL;
	int error, i;

	error = get_mreq(sopt, &mreqn);
	if (error != 0)
		return (error);
	if (!IN_MULTICAST(ntohl(mreqn.imr_multiaddr.s_addr)))
		return (EINVAL);
	if (mreqn.imr_ifindex != 0 || mreqn.imr_address.s_addr != INADDR_ANY) {
		ifp =
		    imo_choose_ifp(inp, mreqn.imr_multiaddr, mreqn.imr_address, mreqn.imr_ifindex);
		if (ifp == NULL)
			return (EADDRNOTAVAIL);
	}
	i = imo != NULL ? imo_find(imo, mreqn.imr_multiaddr, ifp) : -1;
	if (i < 0)
		return (EADDRNOTAVAIL);
	imo_remove(imo, i);
	return (0);
}

static int
set_multicast_if(struct inpcb *inp, struct sockopt *sopt)
{
	struct ip_moptions *imo = imo_get(inp);
	struct ip_mreqn mreqn;
	struct ifnet *ifp;
	int error;

	if (imo == NULL)
		return (ENOBUFS);
	memset(&mreqn, 0, sizeof(mreqn));
	if (sopt->sopt_valsize < sizeof(mreqn))
		error = sooptcopyin(
		    sopt, &mreqn.imr_address, sizeof(struct in_addr), sizeof(struct in_addr));
	else
		error = sooptcopyin(sopt, &mreqn, sizeof(mreqn), sizeof(mreqn));
	if (error != 0)
		return (error);
	if (mreqn.imr_ifindex == 0 && mreqn.imr_address.s_addr == INADDR_ANY) {
		imo->imo_multicast_ifp = NULL;
		return (0);
	}
	ifp = imo_choose_ifp(inp, mreqn.imr_multiaddr, mreqn.imr_address, mreqn.imr_ifindex);
	if (ifp == NULL || (ifp->if_flags & IFF_MULTICAST) == 0)
		return (EADDRNOTAVAIL);
	imo->imo_multicast_ifp = ifp;
	imo->imo_multicast_addr = mreqn.imr_address;
	return (0);
}

/* A byte as BSD has it, or an int as everybody else has. */
static int
get_small(struct sockopt *sopt, int *valuep)
{
	u_char byte;
	int error;

	if (sopt->sopt_valsize >= sizeof(int))
		return (sooptcopyin(sopt, valuep, sizeof(int), sizeof(int)));
	error = sooptcopyin(sopt, &byte, sizeof(byte), sizeof(byte));
	*valuep = byte;
	return (error);
}

static int
set_small(struct inpcb *inp, struct sockopt *sopt)
{
	struct ip_moptions *imo = imo_get(inp);
	int error, value = 0;

	if (imo == NULL)
		return (ENOBUFS);
	error = get_small(sopt, &value);
	if (error != 0)
		return (error);
	if (sopt->sopt_name == IP_MULTICAST_LOOP) {
		imo->imo_multicast_loop = value != 0;
		return (0);
	}
	if (value < 0 || value > MAXTTL)
		return (EINVAL);
	imo->imo_multicast_ttl = (uint8_t)value;
	return (0);
}

int
inp_setmoptions(struct inpcb *inp, struct sockopt *sopt)
{
	/* ip(4): a stream has no groups */
	if (inp->inp_socket->so_type == SOCK_STREAM)
		return (EOPNOTSUPP);
	switch (sopt->sopt_name) {
	case IP_MULTICAST_IF:
		return (set_multicast_if(inp, sopt));
	case IP_MULTICAST_TTL:
	case IP_MULTICAST_LOOP:
		return (set_small(inp, sopt));
	case IP_ADD_MEMBERSHIP:
		return (join(inp, sopt));
	case IP_DROP_MEMBERSHIP:
		return (leave(inp, sopt));
	default:
		return (inp_set_sources(inp, sopt));
	}
}

static int
put_small(struct sockopt *sopt, int value)
{
	u_char byte = (u_char)value;

	if (sopt->sopt_valsize < sizeof(int))
		return (sooptcopyout(sopt, &byte, sizeof(byte)));
	return (sooptcopyout(sopt, &value, sizeof(value)));
}

static int
get_multicast_if(const struct ip_moptions *imo, struct sockopt *sopt)
{
	struct ip_mreqn mreqn;
	struct in_ifaddr *ia;

	memset(&mreqn, 0, sizeof(mreqn));
	if (imo != NULL && imo->imo_multicast_ifp != NULL) {
		mreqn.imr_ifindex = imo->imo_multicast_ifp->if_index;
		mreqn.imr_address = imo->imo_multicast_addr;
		ia = in_ifaddr_first(imo->imo_multicast_ifp);
		if (mreqn.imr_address.s_addr == INADDR_ANY && ia != NULL)
			mreqn.imr_address = IA_SIN(ia)->sin_addr;
	}
	if (sopt->sopt_valsize < sizeof(mreqn))
		return (sooptcopyout(sopt, &mreqn.imr_address, sizeof(mreqn.imr_address)));
	return (sooptcopyout(sopt, &mreqn, sizeof(mreqn)));
}

int
inp_getmoptions(struct inpcb *inp, struct sockopt *sopt)
{
	const struct ip_moptions *imo = inp->inp_moptions;

	switch (sopt->sopt_name) {
	case IP_MULTICAST_IF:
		return (get_multicast_if(imo, sopt));
	case IP_MULTICAST_TTL:
		return (put_small(
		    sopt, imo != NULL ? imo->imo_multicast_ttl : IP_DEFAULT_MULTICAST_TTL));
	case IP_MULTICAST_LOOP:
		return (put_small(
		    sopt, imo != NULL ? imo->imo_multicast_loop : IP_DEFAULT_MULTICAST_LOOP));
	case IP_MSFILTER:
		return (inp_get_sources(inp, sopt));
	default:
		return (ENOPROTOOPT);
	}
}
