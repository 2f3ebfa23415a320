/*
 * ip_msource.c - multicast options that name sources: RFC 3678's, by IPv4 structures and by those
 * that know no family, and the whole filter at once (IP_MSFILTER). Called by ip_mopts.c.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/malloc.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>

#include <net/if_var.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/ip_mopts.h>

VNET_DEFINE_STATIC(int, mcast_maxsocksrc) = 128;
#define V_mcast_maxsocksrc VNET(mcast_maxsocksrc)

SYSCTL_DECL(_net_inet_ip);
SYSCTL_NODE(_net_inet_ip, OID_AUTO, mcast, CTLFLAG_RW, NULL, "Multicast memberships");
SYSCTL_INT_RANGE(_net_inet_ip_mcast, OID_AUTO, maxsocksrc, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(mcast_maxsocksrc), 0, 4096,
    "Sources that a socket may name for one group, default 128");

/* What a request says, whatever structure it came in. */
struct source_req {
	struct in_addr group, source, interface;
	int ifindex;
};

static int
from_sockaddr(const struct sockaddr_storage *ss, struct in_addr *addr)
{
	if (ss->ss_family != AF_INET)
		return (EINVAL);
	*addr = ((const struct sockaddr_in *)(const void *)ss)->sin_addr;
	return (0);
}

static int
get_request(struct sockopt *sopt, struct source_req *req)
{
	struct ip_mreq_source mreqs;
	struct group_req gr;
	struct group_source_req gsr;
	int error;

	memset(req, 0, sizeof(*req));
	switch (sopt->sopt_name) {
	case MCAST_JOIN_GROUP:
	case MCAST_LEAVE_GROUP:
		error = sooptcopyin(sopt, &gr, sizeof(gr), sizeof(gr));
		if (error != 0)
			return (error);
		req->ifindex = (int)gr.gr_interface;
		return (from_sockaddr(&gr.gr_group, &req->group));
	case MCAST_JOIN_SOURCE_GROUP:
	case MCAST_LEAVE_SOURCE_GROUP:
	case MCAST_BLOCK_SOURCE:
	case MCAST_UNBLOCK_SOURCE:
		error = sooptcopyin(sopt, &gsr, sizeof(gsr), sizeof(gsr));
		if (error == 0)
			error = from_sockaddr(&gsr.gsr_group, &req->group);
		if (error == 0)
			error = from_sockaddr(&gsr.gsr_source, &req->source);
		req->ifindex = (int)gsr.gsr_interface;
		return (error);
	default:
		error = sooptcopyin(sopt, &mreqs, sizeof(mreqs), sizeof(mreqs));
		if (error != 0)
			return (error);
		*req = (struct source_req){.group = mreqs.imr_multiaddr,
		    .source = mreqs.imr_sourceaddr,
		    .interface = mreqs.imr_interface};
		return (0);
	}
}

/* The interface's filter follows the socket's, or the socket's goes back to what it was. */
static int
change(struct in_mfilter *imf, in_addr_t src, bool add)
{
	struct in_msources *s = &imf->imf_sources;
	int error;

	if (add && s->ims_n >= (u_int)V_mcast_maxsocksrc)
		return (ENOBUFS);
	error = add ? ims_add(s, src) : ims_remove(s, src);
	if (error != 0)
		return (error);
	error = in_mc_changed(imf->imf_inm);
	if (error != 0)
		(void)(add ? ims_remove(s, src) : ims_add(s, src));
	return (error);
}

static int
join(struct ip_moptions *imo, int i, struct ifnet *ifp, const struct source_req *req)
{
	struct in_mfilter *imf;

	if (i < 0)
		return (imo_add(imo, ifp, req->group, req->source));
	if (req->source.s_addr == INADDR_ANY)
		return (EADDRINUSE);
	imf = imo->imo_membership[i];
	if (imf->imf_sources.ims_mode != MCAST_INCLUDE)
		return (EINVAL);
	return (change(imf, ntohl(req->source.s_addr), true));
}

/* The last source of a member by sources is the membership. */
static int
leave(struct ip_moptions *imo, int i, const struct source_req *req)
{
	struct in_msources *s = &imo->imo_membership[i]->imf_sources;
	const in_addr_t src = ntohl(req->source.s_addr);

	if (src == INADDR_ANY) {
		imo_remove(imo, i);
		return (0);
	}
	if (s->ims_mode != MCAST_INCLUDE)
		return (EINVAL);
	if (!ims_has(s, src))
		return (EADDRNOTAVAIL);
	if (s->ims_n == 1)
		imo_remove(imo, i);
	else
		return (change(imo->imo_membership[i], src, false));
	return (0);
}

static int
set_filter(struct inpcb *inp, struct sockopt *sopt)
{
	struct in_msources s = {0}, before;
	struct ip_moptions *imo = inp->inp_moptions;
	struct __msfilterreq req;
	struct in_mfilter *imf;
	struct in_addr group, addr;
	struct ifnet *ifp;
	int error, i;

	error = sooptcopyin(sopt, &req, sizeof(req), sizeof(req));
	if (error == 0)
		error = from_sockaddr(&req.msfr_group, &group);
	if (error != 0)
		return (error);
	if (!IN_MULTICAST(ntohl(group.s_addr)) ||
	    (req.msfr_fmode != MCAST_INCLUDE && req.msfr_fmode != MCAST_EXCLUDE))
		return (EINVAL);
	if (req.msfr_nsrcs > (uint32_t)V_mcast_maxsocksrc)
		return (ENOBUFS);
	ifp = req.msfr_ifindex != 0 ? ifnet_byindex(req.msfr_ifindex) : NULL;
	i = imo != NULL ? imo_find(imo, group, ifp) : -1;
	if (i < 0)
		return (EINVAL);
	s.ims_mode = (uint8_t)req.msfr_fmode;
	for (uint32_t k = 0; k < req.msfr_nsrcs && error == 0; k++) {
		error = from_sockaddr(&req.msfr_srcs[k], &addr);
		if (error == 0 && (error = ims_add(&s, ntohl(addr.s_addr))) == EADDRNOTAVAIL)
			error = 0; /* twice the same */
	}
	if (error == 0 && s.ims_mode == MCAST_INCLUDE && s.ims_n == 0) {
		imo_remove(imo, i);
		return (0);
	}
	if (error != 0) {
		ims_free(&s);
		return (error);
	}
	imf = imo->imo_membership[i];
	before = imf->imf_sources;
	imf->imf_sources = s;
	error = in_mc_changed(imf->imf_inm);
	if (error != 0)
		imf->imf_sources = before;
	ims_free(error != 0 ? &s : &before);
	return (error);
}

int
inp_set_sources(struct inpcb *inp, struct sockopt *sopt)
{
	const int name = sopt->sopt_name;
	struct ip_moptions *imo;
	struct source_req req;
	struct ifnet *ifp;
	int error, i;

	if (name == IP_MSFILTER)
		return (set_filter(inp, sopt));
	error = get_request(sopt, &req);
	if (error != 0)
		return (error);
	if (!IN_MULTICAST(ntohl(req.group.s_addr)))
		return (EINVAL);
	ifp = imo_choose_ifp(inp, req.group, req.interface, req.ifindex);
	if (ifp == NULL || (ifp->if_flags & IFF_MULTICAST) == 0)
		return (EADDRNOTAVAIL);
	imo = imo_get(inp);
	if (imo == NULL)
		return (ENOBUFS);
	i = imo_find(imo, req.group, ifp);
	switch (name) {
	case IP_ADD_SOURCE_MEMBERSHIP:
	case MCAST_JOIN_SOURCE_GROUP:
		if (req.source.s_addr == INADDR_ANY || IN_MULTICAST(ntohl(req.source.s_addr)))
			return (EINVAL);
		/* FALLTHROUGH */
	case MCAST_JOIN_GROUP:
		return (join(imo, i, ifp, &req));
	case MCAST_LEAVE_GROUP:
		return (i >= 0 ? leave(imo, i, &req) : EADDRNOTAVAIL);
	case IP_DROP_SOURCE_MEMBERSHIP:
	case MCAST_LEAVE_SOURCE_GROUP:
		return (i >= 0 && req.source.s_addr != INADDR_ANY ? leave(imo, i, &req) : EINVAL);
	case IP_BLOCK_SOURCE:
	case MCAST_BLOCK_SOURCE:
	case IP_UNBLOCK_SOURCE:
	case MCAST_UNBLOCK_SOURCE:
		if (i < 0 || imo->imo_membership[i]->imf_sources.ims_mode != MCAST_EXCLUDE)
			return (EINVAL);
		return (change(imo->imo_membership[i], ntohl(req.source.s_addr),
		    name == IP_BLOCK_SOURCE || name == MCAST_BLOCK_SOURCE));
	default:
		return (EOPNOTSUPP);
	}
}

int
inp_get_sources(const struct inpcb *inp, struct sockopt *sopt)
{
	const struct ip_moptions *imo = inp->inp_moptions;
	const struct in_msources *s;
	struct __msfilterreq req;
	struct in_addr group;
	struct ifnet *ifp;
	uint32_t room, k;
	int error, i;

	error = sooptcopyin(sopt, &req, sizeof(req), sizeof(req));
	if (error == 0)
		error = from_sockaddr(&req.msfr_group, &group);
	if (error != 0)
		return (error);
	ifp = req.msfr_ifindex != 0 ? ifnet_byindex(req.msfr_ifindex) : NULL;
	i = imo != NULL ? imo_find(imo, group, ifp) : -1;
	if (i < 0)
		return (EADDRNOTAVAIL);
	s = &imo->imo_membership[i]->imf_sources;
	room = req.msfr_nsrcs;
	req.msfr_fmode = s->ims_mode;
	req.msfr_nsrcs = s->ims_n;
	for (k = 0; k < MIN(room, s->ims_n); k++) {
		struct sockaddr_in sin = {.sin_len = sizeof(sin),
		    .sin_family = AF_INET,
		    .sin_addr.s_addr = htonl(s->ims_src[k])};

		memset(&req.msfr_srcs[k], 0, sizeof(req.msfr_srcs[k]));
		memcpy(&req.msfr_srcs[k], &sin, sizeof(sin));
	}
	return (sooptcopyout(sopt, &req, sizeof(req)));
}
