/*
 * in_mcast.c - which IPv4 multicast groups the host is in, per interface (RFC 1112, 7.1), and
 * from which sources (RFC 3376, 3.2).
 *
 * Owns ii_multi of each interface. Called by socket options, and by in.c for 224.0.0.1; tells
 * igmp.c what changed.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/malloc.h>
#include <sys/queue.h>
#include <net/if_var.h>
#include <netinet/igmp_var.h>
#include <netinet/in.h>
#include <netinet/in_var.h>

static MALLOC_DEFINE(M_IPMADDR, "in_multi", "IPv4 multicast groups");
static MALLOC_DEFINE(M_IPMSOURCE, "in_msource", "sources of IPv4 multicast groups");

/* ---- sets of sources */

void
ims_free(struct in_msources *s)
{
	free(s->ims_src, M_IPMSOURCE);
	s->ims_src = NULL;
	s->ims_n = 0;
}

static u_int
ims_place(const struct in_msources *s, in_addr_t addr)
{
	u_int i = 0;

	while (i < s->ims_n && s->ims_src[i] < addr)
		i++;
	return (i);
}

bool
ims_has(const struct in_msources *s, in_addr_t addr)
{
	u_int i = ims_place(s, addr);

	return (i < s->ims_n && s->ims_src[i] == addr);
}

bool
ims_allows(const struct in_msources *s, in_addr_t addr)
{
	return (ims_has(s, addr) == (s->ims_mode == MCAST_INCLUDE));
}

int
ims_add(struct in_msources *s, in_addr_t addr)
{
	u_int i = ims_place(s, addr);
	in_addr_t *grown;

	if (i < s->ims_n && s->ims_src[i] == addr)
		return (EADDRNOTAVAIL);
	grown = realloc(s->ims_src, (s->ims_n + 1) * sizeof(*grown), M_IPMSOURCE, M_NOWAIT);
	if (grown == NULL)
		return (ENOBUFS);
	memmove(grown + i + 1, grown + i, (s->ims_n - i) * sizeof(*grown));
	grown[i] = addr;
	s->ims_src = grown;
	s->ims_n++;
	return (0);
}

int
ims_remove(struct in_msources *s, in_addr_t addr)
{
	u_int i = ims_place(s, addr);

	if (i == s->ims_n || s->ims_src[i] != addr)
		return (EADDRNOTAVAIL);
	s->ims_n--;
	memmove(s->ims_src + i, s->ims_src + i + 1, (s->ims_n - i) * sizeof(*s->ims_src));
	return (0);
}

/* Both are ascending, so is the result. *to may be neither a nor b; its mode is left alone. */
int
ims_merge(
    struct in_msources *to, const struct in_msources *a, const struct in_msources *b, int keep)
{
	u_int i = 0, j = 0;
	in_addr_t addr;
	int in;

	to->ims_n = 0;
	to->ims_src = NULL;
	if (a->ims_n + b->ims_n == 0)
		return (0);
	to->ims_src = malloc((a->ims_n + b->ims_n) * sizeof(*to->ims_src), M_IPMSOURCE, M_NOWAIT);
	if (to->ims_src == NULL)
		return (ENOBUFS);
	while (i < a->ims_n || j < b->ims_n) {
		if (j == b->ims_n || (i < a->ims_n && a->ims_src[i] < b->ims_src[j])) {
			addr = a->ims_src[i++];
			in = IMS_ONLY_A;
		} else if (i == a->ims_n || b->ims_src[j] < a->ims_src[i]) {
			addr = b->ims_src[j++];
			in = IMS_ONLY_B;
		} else {
			addr = a->ims_src[i++];
			j++;
			in = IMS_BOTH;
		}
		if ((keep & in) != 0)
			to->ims_src[to->ims_n++] = addr;
	}
	return (0);
}

/* sum = sum (keep) with; the old sum is freed. */
static int
ims_fold(struct in_msources *sum, const struct in_msources *with, int keep)
{
	struct in_msources merged = {.ims_mode = sum->ims_mode};
	int error = ims_merge(&merged, sum, with, keep);

	if (error != 0)
		return (error);
	ims_free(sum);
	*sum = merged;
	return (0);
}

/* ---- groups of an interface */

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

static u_int
inm_count(const struct in_multi *inm, int mode)
{
	const struct in_mfilter *imf;
	u_int n = 0;

	LIST_FOREACH (imf, &inm->inm_filters, imf_link)
		n += mode == MCAST_UNDEFINED || imf->imf_sources.ims_mode == mode;
	return (n);
}

/*
 * RFC 3376, 3.2: with any EXCLUDE the interface excludes what all of these exclude, but for what
 * an INCLUDE asks for; otherwise it includes what any INCLUDE does.
 */
static int
inm_wanted(const struct in_multi *inm, struct in_msources *state)
{
	const struct in_mfilter *imf;
	bool first = true;
	int error = 0;

	memset(state, 0, sizeof(*state));
	state->ims_mode = MCAST_EXCLUDE;
	if (inm->inm_refcount > inm_count(inm, MCAST_UNDEFINED))
		return (0); /* somebody takes everything */
	if (inm_count(inm, MCAST_EXCLUDE) == 0)
		state->ims_mode = MCAST_INCLUDE;
	else
		LIST_FOREACH (imf, &inm->inm_filters, imf_link) {
			if (imf->imf_sources.ims_mode != MCAST_EXCLUDE || error != 0)
				continue;
			error = ims_fold(state, &imf->imf_sources, first ? IMS_ONLY_B : IMS_BOTH);
			first = false;
		}
	LIST_FOREACH (imf, &inm->inm_filters, imf_link) {
		if (imf->imf_sources.ims_mode != MCAST_INCLUDE || error != 0)
			continue;
		error = ims_fold(state, &imf->imf_sources,
		    state->ims_mode == MCAST_EXCLUDE ? IMS_ONLY_A
						     : IMS_ONLY_A | IMS_BOTH | IMS_ONLY_B);
	}
	if (error != 0)
		ims_free(state);
	return (error);
}

int
in_mc_changed(struct in_multi *inm)
{
	struct in_msources now;
	int error;

	if (inm->inm_ifp == NULL)
		return (0);
	error = inm_wanted(inm, &now);
	if (error != 0)
		return (error);
	igmp_change_state(inm->inm_ifp, inm->inm_addr, &inm->inm_state, &now);
	ims_free(&inm->inm_state);
	inm->inm_state = now;
	return (0);
}

static struct in_multi *
inm_create(struct ifnet *ifp, struct in_addr group, int *errorp)
{
	struct sockaddr_in sin = {.sin_len = sizeof(sin), .sin_family = AF_INET, .sin_addr = group};
	struct in_multi *inm = malloc(sizeof(*inm), M_IPMADDR, M_NOWAIT | M_ZERO);

	if (inm == NULL) {
		*errorp = ENOBUFS;
		return (NULL);
	}
	*errorp = if_addmulti(ifp, sintosa(&sin), &inm->inm_ifma);
	if (*errorp != 0) {
		free(inm, M_IPMADDR);
		return (NULL);
	}
	inm->inm_addr = group;
	inm->inm_ifp = ifp;
	inm->inm_state.ims_mode = MCAST_INCLUDE; /* nobody: a host that is not a member */
	LIST_INIT(&inm->inm_filters);
	LIST_INSERT_HEAD(&IN_IFINFO(ifp)->ii_multi, inm, inm_link);
	return (inm);
}

int
in_joingroup(
    struct ifnet *ifp, const struct in_addr *group, struct in_mfilter *imf, struct in_multi **pinm)
{
	struct in_multi *inm;
	int error = 0;

	if (!IN_MULTICAST(ntohl(group->s_addr)))
		return (EINVAL);
	if (IN_IFINFO(ifp) == NULL || (ifp->if_flags & IFF_MULTICAST) == 0)
		return (EADDRNOTAVAIL);
	inm = inm_lookup(ifp, *group);
	if (inm == NULL && (inm = inm_create(ifp, *group, &error)) == NULL)
		return (error);
	inm->inm_refcount++;
	if (imf != NULL) {
		imf->imf_inm = inm;
		LIST_INSERT_HEAD(&inm->inm_filters, imf, imf_link);
	}
	error = in_mc_changed(inm);
	if (error != 0)
		(void)in_leavegroup(inm, imf);
	else
		*pinm = inm;
	return (error);
}

int
in_leavegroup(struct in_multi *inm, struct in_mfilter *imf)
{
	const struct in_msources none = {.ims_mode = MCAST_INCLUDE};
	struct sockaddr_in sin = {
	    .sin_len = sizeof(sin), .sin_family = AF_INET, .sin_addr = inm->inm_addr};

	KASSERT(inm->inm_refcount > 0, ("in_leavegroup: no reference"));
	if (imf != NULL) {
		LIST_REMOVE(imf, imf_link);
		imf->imf_inm = NULL;
	}
	if (--inm->inm_refcount > 0)
		return (in_mc_changed(inm));
	if (inm->inm_ifp != NULL) {
		igmp_change_state(inm->inm_ifp, inm->inm_addr, &inm->inm_state, &none);
		LIST_REMOVE(inm, inm_link);
		(void)if_delmulti(inm->inm_ifp, sintosa(&sin));
	}
	ims_free(&inm->inm_state);
	free(inm, M_IPMADDR);
	return (0);
}

/* Those who are still members keep what they hold, which names no interface any more. */
void
in_multi_purge(struct ifnet *ifp)
{
	struct in_multi *inm;

	igmp_domifdetach(ifp);
	while ((inm = LIST_FIRST(&IN_IFINFO(ifp)->ii_multi)) != NULL) {
		LIST_REMOVE(inm, inm_link);
		inm->inm_ifp = NULL;
		inm->inm_ifma = NULL;
	}
}
