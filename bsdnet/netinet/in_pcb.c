/*
 * in_pcb.c - the life of Internet protocol control blocks: made with a socket,
 * listed, referred to, notified of ICMP errors, freed.
 *
 * Owns inpcbinfo's list of all pcbs (newest first, so inp_gencnt falls along it).
 * The hash tables are in_pcb_hash.c's, ports and addresses in_pcb_bind.c's.
 * Called by the protocols (TCP, UDP, raw IP).
 *
 * Ownership: a pcb is born with one reference, which in_pcbfree() drops. Whoever
 * calls out while holding a pcb takes another; a freed pcb (INP_FREED) stays
 * readable until the last one is gone, and is on no list.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/domain.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>

#include <net/if_var.h>
#include <net/route.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/ip_errqueue.h>
#include <netinet/ip_var.h>

int
in_pcballoc(struct socket *so, struct inpcbinfo *pcbinfo)
{
	struct inpcb *inp;

	inp = malloc(sizeof(*inp), M_PCB, M_NOWAIT | M_ZERO);
	if (inp == NULL)
		return (ENOBUFS);
	inp->inp_refcount = 1;
	inp->inp_pcbinfo = pcbinfo;
	inp->inp_socket = so;
	inp->inp_cred = crhold(so->so_cred);
	inp->inp_vnet = curvnet;
	inp->inp_inc.inc_fibnum = so->so_fibnum;
	inp->inp_ip_ttl = V_ip_defttl;
	if (so->so_proto->pr_domain != NULL && so->so_proto->pr_domain->dom_family == AF_INET6) {
		inp->inp_vflag = INP_IPV6 | INP_IPV6PROTO;
		inp->inp_inc.inc_flags |= INC_ISIPV6;
	} else
		inp->inp_vflag = INP_IPV4;
	inp->inp_gencnt = ++pcbinfo->ipi_gencnt;
	LIST_INSERT_HEAD(&pcbinfo->ipi_listhead, inp, inp_list);
	pcbinfo->ipi_count++;
	in_pcbinfo_grow(pcbinfo);
	so->so_pcb = inp;
	return (0);
}

/* What the socket allows others on its port; kept in inp_flags2 for when it has gone. */
int
inp_so_options(const struct inpcb *inp)
{
	int options = 0;

	if (inp->inp_socket != NULL)
		return (
		    inp->inp_socket->so_options & (SO_REUSEADDR | SO_REUSEPORT | SO_REUSEPORT_LB));
	if ((inp->inp_flags2 & INP_REUSEADDR) != 0)
		options |= SO_REUSEADDR;
	if ((inp->inp_flags2 & INP_REUSEPORT) != 0)
		options |= SO_REUSEPORT;
	if ((inp->inp_flags2 & INP_REUSEPORT_LB) != 0)
		options |= SO_REUSEPORT_LB;
	return (options);
}

void
in_pcbdetach(struct inpcb *inp)
{
	struct socket *so = inp->inp_socket;
	int options;

	if (so == NULL)
		return;
	options = inp_so_options(inp);
	inp->inp_flags2 &= ~(INP_REUSEADDR | INP_REUSEPORT | INP_REUSEPORT_LB);
	if ((options & SO_REUSEADDR) != 0)
		inp->inp_flags2 |= INP_REUSEADDR;
	if ((options & SO_REUSEPORT) != 0)
		inp->inp_flags2 |= INP_REUSEPORT;
	if ((options & SO_REUSEPORT_LB) != 0)
		inp->inp_flags2 |= INP_REUSEPORT_LB;
	inp->inp_socket = NULL;
	so->so_pcb = NULL;
}

void
in_pcbfree(struct inpcb *inp)
{
	struct inpcbinfo *pcbinfo = inp->inp_pcbinfo;

	KASSERT((inp->inp_flags2 & INP_FREED) == 0, ("%s: %p twice", __func__, (void *)inp));
	in_pcbdetach(inp);
	in_pcbremhash(inp);
	LIST_REMOVE(inp, inp_list);
	pcbinfo->ipi_count--;
	inp->inp_flags2 |= INP_FREED;
	m_freem(inp->inp_options);
	inp->inp_options = NULL;
	ip_errqueue_drain(inp);
	inp_freemoptions(inp->inp_moptions);
	inp->inp_moptions = NULL;
	RO_INVALIDATE_CACHE(&inp->inp_route);
	crfree(inp->inp_cred);
	inp->inp_cred = NULL;
	in_pcbrele(inp);
}

/* The connection is over, its socket may stay: the port and the four-tuple are free again. */
void
in_pcbdrop(struct inpcb *inp)
{
	inp->inp_flags |= INP_DROPPED;
	in_pcbremhash(inp);
	RO_INVALIDATE_CACHE(&inp->inp_route);
}

void
in_pcbref(struct inpcb *inp)
{
	KASSERT(inp->inp_refcount > 0, ("%s: %p is gone", __func__, (void *)inp));
	inp->inp_refcount++;
}

bool
in_pcbrele(struct inpcb *inp)
{
	KASSERT(inp->inp_refcount > 0, ("%s: %p is gone", __func__, (void *)inp));
	if (--inp->inp_refcount > 0)
		return (false);
	KASSERT((inp->inp_flags2 & INP_FREED) != 0, ("%s: %p is in use", __func__, (void *)inp));
	free(inp, M_PCB);
	return (true);
}

/*
 * The step is by inp_gencnt where the next pcb went away under f: the list is
 * sorted by it, so the first one below the last that was shown is the next.
 */
void
in_pcbforeach(struct inpcbinfo *pcbinfo, bool (*f)(struct inpcb *, void *), void *arg)
{
	struct inpcb *inp, *next;
	uint64_t gencnt;
	bool go_on;

	for (inp = LIST_FIRST(&pcbinfo->ipi_listhead); inp != NULL; inp = next) {
		gencnt = inp->inp_gencnt;
		in_pcbref(inp);
		go_on = f(inp, arg);
		if ((inp->inp_flags2 & INP_FREED) == 0)
			next = LIST_NEXT(inp, inp_list);
		else
			LIST_FOREACH (next, &pcbinfo->ipi_listhead, inp_list)
				if (next->inp_gencnt < gencnt)
					break;
		in_pcbrele(inp);
		if (!go_on)
			break;
	}
}

struct notify_arg {
	struct in_addr faddr;
	int errnum;
	struct inpcb *(*notify)(struct inpcb *, int);
};

static bool
notify_one(struct inpcb *inp, void *arg)
{
	const struct notify_arg *na = arg;

	if ((inp->inp_vflag & INP_IPV4) != 0 && inp->inp_faddr.s_addr == na->faddr.s_addr &&
	    inp->inp_socket != NULL)
		(void)na->notify(inp, na->errnum);
	return (true);
}

void
in_pcbnotifyall(struct inpcbinfo *pcbinfo, struct in_addr faddr, int errnum,
    struct inpcb *(*notify)(struct inpcb *, int))
{
	struct notify_arg na = {.faddr = faddr, .errnum = errnum, .notify = notify};

	in_pcbforeach(pcbinfo, notify_one, &na);
}

static bool
purge_one(struct inpcb *inp, void *arg)
{
	if (inp->inp_moptions != NULL)
		imo_purge_ifp(inp->inp_moptions, arg);
	RO_INVALIDATE_CACHE(&inp->inp_route);
	return (true);
}

void
in_pcbpurgeif0(struct inpcbinfo *pcbinfo, struct ifnet *ifp)
{
	in_pcbforeach(pcbinfo, purge_one, ifp);
}

/*
 * Retransmissions get no answer (RFC 1122 3.3.1.4, RFC 9293 3.8.3 R1): the gateway may be dead. A
 * route that only a redirect made is given up, and the table asked again.
 */
void
in_losing(struct inpcb *inp)
{
	struct sockaddr_in dst = {.sin_len = sizeof(dst), .sin_family = AF_INET};
	struct rt_addrinfo info = {.rti_dst = (const struct sockaddr *)&dst};
	struct rtentry *rt;

	RO_INVALIDATE_CACHE(&inp->inp_route);
	if ((inp->inp_inc.inc_flags & INC_ISIPV6) != 0)
		return;
	dst.sin_addr = inp->inp_faddr;
	rt = rib_lookup_exact(inp->inp_inc.inc_fibnum, info.rti_dst, NULL);
	if (rt == NULL || (rt->rte_flags & (RTF_DYNAMIC | RTF_HOST)) != (RTF_DYNAMIC | RTF_HOST))
		return;
	info.rti_flags = rt->rte_flags;
	(void)rib_del_route(inp->inp_inc.inc_fibnum, &info);
}

void
in_pcbtosockaddr(const struct in_conninfo *inc, bool local, struct sockaddr_storage *ss)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;

	if ((inc->inc_flags & INC_ISIPV6) != 0) {
		memset(sin6, 0, sizeof(*sin6));
		sin6->sin6_len = sizeof(*sin6);
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = local ? inc->inc_lport : inc->inc_fport;
		sin6->sin6_addr = local ? inc->inc6_laddr : inc->inc6_faddr;
		sin6->sin6_scope_id = inc->inc6_zoneid;
		return;
	}
	memset(sin, 0, sizeof(*sin));
	sin->sin_len = sizeof(*sin);
	sin->sin_family = AF_INET;
	sin->sin_port = local ? inc->inc_lport : inc->inc_fport;
	sin->sin_addr = local ? inc->inc_laddr : inc->inc_faddr;
}

int
in_getsockaddr(struct socket *so, struct sockaddr *sa)
{
	struct sockaddr_storage ss;
	struct inpcb *inp = sotoinpcb(so);

	if (inp == NULL)
		return (EINVAL);
	in_pcbtosockaddr(&inp->inp_inc, true, &ss);
	memcpy(sa, &ss, ss.ss_len);
	return (0);
}

int
in_getpeeraddr(struct socket *so, struct sockaddr *sa)
{
	struct sockaddr_storage ss;
	struct inpcb *inp = sotoinpcb(so);

	if (inp == NULL)
		return (EINVAL);
	in_pcbtosockaddr(&inp->inp_inc, false, &ss);
	memcpy(sa, &ss, ss.ss_len);
	return (0);
}
