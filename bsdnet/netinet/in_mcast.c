/*
 * in_mcast.c - which IPv4 multicast groups the host is in, per interface (RFC 1112, 7.1).
 *
 * Owns ii_multi of each interface. Called by socket options, and by in.c for 224.0.0.1.
 * Membership is not reported to routers (IGMP); on one LAN it need not be.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/malloc.h>
#include <sys/queue.h>
#include <net/if_var.h>
#include <netinet/in.h>
#include <netinet/in_var.h>

static MALLOC_DEFINE(M_IPMADDR, "in_multi", "IPv4 multicast groups");

struct in_multi *
inm_lookup(struct ifnet *ifp, struct in_addr group)
{
	struct in_multi *inm;

	if (IN_IFINFO(ifp) == NULL)
		return (NULL);
	LIST_FOREACH (inm, &IN_IFINFO(ifp)->ii_multi, inm_link)
		if (inm->inm_addr.s_addr == group.s_addr)
			return (inm);
	return (NULL);
}

int
in_joingroup(
    struct ifnet *ifp, const struct in_addr *group, void *filter __unused, struct in_multi **pinm)
{
	struct sockaddr_in sin = {
	    .sin_len = sizeof(sin), .sin_family = AF_INET, .sin_addr = *group};
	struct in_multi *inm;
	int error;

	if (!IN_MULTICAST(ntohl(group->s_addr)))
		return (EINVAL);
	if (IN_IFINFO(ifp) == NULL || (ifp->if_flags & IFF_MULTICAST) == 0)
		return (EADDRNOTAVAIL);
	if ((inm = inm_lookup(ifp, *group)) != NULL) {
		inm->inm_refcount++;
		*pinm = inm;
		return (0);
	}
	if ((inm = malloc(sizeof(*inm), M_IPMADDR, M_NOWAIT | M_ZERO)) == NULL)
		return (ENOBUFS);
	if ((error = if_addmulti(ifp, sintosa(&sin), &inm->inm_ifma)) != 0) {
		free(inm, M_IPMADDR);
		return (error);
	}
	inm->inm_addr = *group;
	inm->inm_ifp = ifp;
	inm->inm_refcount = 1;
	LIST_INSERT_HEAD(&IN_IFINFO(ifp)->ii_multi, inm, inm_link);
	*pinm = inm;
	return (0);
}

int
in_leavegroup(struct in_multi *inm, void *filter __unused)
{
	struct sockaddr_in sin = {
	    .sin_len = sizeof(sin), .sin_family = AF_INET, .sin_addr = inm->inm_addr};

	KASSERT(inm->inm_refcount > 0, ("in_leavegroup: no reference"));
	if (--inm->inm_refcount > 0)
		return (0);
	if (inm->inm_ifp != NULL) {
		LIST_REMOVE(inm, inm_link);
		(void)if_delmulti(inm->inm_ifp, sintosa(&sin));
	}
	free(inm, M_IPMADDR);
	return (0);
}

/* Those who are still members keep what they hold, which names no interface any more. */
void
in_multi_purge(struct ifnet *ifp)
{
	struct in_multi *inm;

	while ((inm = LIST_FIRST(&IN_IFINFO(ifp)->ii_multi)) != NULL) {
		LIST_REMOVE(inm, inm_link);
		inm->inm_ifp = NULL;
		inm->inm_ifma = NULL;
	}
}
