/*
 * in_pcb_hash.c - finding the pcb that a packet is for.
 *
 * Owns the three tables of an inpcbinfo:
 *   ipi_hashbase      pcbs with a remote end, by four-tuple. The hash is siphash(9)
 *                     with a key of the VNET's own, because peers choose what goes in.
 *   ipi_wildbase      pcbs without, by local port.
 *   ipi_porthashbase  local ports in use, each with a list of its pcbs.
 * They double as pcbs become more, so that a chain stays about one long.
 * Called by in_pcb.c, in_pcb_bind.c and the protocols' input.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/siphash.h>
#include <sys/socketvar.h>

#include <net/if_var.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>

#define PCBHASH_MIN 16u	   /* buckets; tables double as they fill, and there may be 1,000 stacks */
#define PCBHASH_MAX 65536u /* buckets; more pcbs make longer chains */

static MALLOC_DEFINE(M_PCBHASH, "pcbhash", "pcb hash tables and ports in use");

static uint32_t
tuple_hash(const struct inpcbinfo *pcbinfo, const struct in_conninfo *inc)
{
	uint32_t words[10];
	size_t n = 0;
	uint64_t hash;

	words[n++] = (uint32_t)inc->inc_fport << 16 | inc->inc_lport;
	if ((inc->inc_flags & INC_ISIPV6) != 0) {
		memcpy(words + n, &inc->inc6_faddr, sizeof(inc->inc6_faddr));
		n += 4;
		memcpy(words + n, &inc->inc6_laddr, sizeof(inc->inc6_laddr));
		n += 4;
	} else {
		words[n++] = inc->inc_faddr.s_addr;
		words[n++] = inc->inc_laddr.s_addr;
	}
	hash = siphash24(pcbinfo->ipi_hashkey, words, n * sizeof(words[0]));
	return ((uint32_t)(hash ^ hash >> 32));
}

static inline uint32_t
port_hash(u_short lport)
{
	return (ntohs(lport));
}

u_short
in_pcb_hashsize(void)
{
	return (PCBHASH_MIN);
}

static void *
table_alloc(u_int nbuckets)
{
	/* a table of list heads: all zero is all empty */
	return (malloc(nbuckets * sizeof(void *), M_PCBHASH, M_NOWAIT | M_ZERO));
}

static u_int
table_size(u_int nelements)
{
	u_int n = PCBHASH_MIN;

	while (n < nelements && n < PCBHASH_MAX)
		n *= 2;
	return (n);
}

void
in_pcbinfo_init(
    struct inpcbinfo *pcbinfo, const char *name, u_int hash_nelements, u_int porthash_nelements)
{
	u_int nhash = table_size(hash_nelements), nport = table_size(porthash_nelements);

	memset(pcbinfo, 0, sizeof(*pcbinfo));
	pcbinfo->ipi_name = name;
	LIST_INIT(&pcbinfo->ipi_listhead);
	pcbinfo->ipi_hashbase = table_alloc(nhash);
	pcbinfo->ipi_wildbase = table_alloc(nport);
	pcbinfo->ipi_porthashbase = table_alloc(nport);
	if (pcbinfo->ipi_hashbase == NULL || pcbinfo->ipi_wildbase == NULL ||
	    pcbinfo->ipi_porthashbase == NULL)
		panic("%s: no memory for the %s pcb tables", __func__, name);
	pcbinfo->ipi_hashmask = nhash - 1;
	pcbinfo->ipi_wildmask = pcbinfo->ipi_porthashmask = nport - 1;
	arc4random_buf(pcbinfo->ipi_hashkey, sizeof(pcbinfo->ipi_hashkey));
}

void
in_pcbinfo_destroy(struct inpcbinfo *pcbinfo)
{
	KASSERT(LIST_EMPTY(&pcbinfo->ipi_listhead),
	    ("%s: %s pcbs left: %u", __func__, pcbinfo->ipi_name, pcbinfo->ipi_count));
	free(pcbinfo->ipi_hashbase, M_PCBHASH);
	free(pcbinfo->ipi_wildbase, M_PCBHASH);
	free(pcbinfo->ipi_porthashbase, M_PCBHASH);
	pcbinfo->ipi_hashbase = pcbinfo->ipi_wildbase = NULL;
	pcbinfo->ipi_porthashbase = NULL;
}

static struct inpcbhead *
inp_bucket(struct inpcb *inp)
{
	struct inpcbinfo *pcbinfo = inp->inp_pcbinfo;

	if ((inp->inp_flags2 & INP_CONNHASHED) != 0)
		return (&pcbinfo->ipi_hashbase[inp->inp_hashval & pcbinfo->ipi_hashmask]);
	return (&pcbinfo->ipi_wildbase[inp->inp_hashval & pcbinfo->ipi_wildmask]);
}

/* Moves a table's pcbs into one twice as big; turned over twice, a chain keeps its order. */
static void
table_double(struct inpcbhead **basep, u_long *maskp)
{
	struct inpcbhead *from = *basep, *to, turned;
	struct inpcb *inp;
	u_long i, mask = *maskp * 2 + 1;

	to = table_alloc(mask + 1);
	if (to == NULL)
		return; /* longer chains will do */
	for (i = 0; i <= *maskp; i++) {
		LIST_INIT(&turned);
		while ((inp = LIST_FIRST(&from[i])) != NULL) {
			LIST_REMOVE(inp, inp_hash);
			LIST_INSERT_HEAD(&turned, inp, inp_hash);
		}
		while ((inp = LIST_FIRST(&turned)) != NULL) {
			LIST_REMOVE(inp, inp_hash);
			LIST_INSERT_HEAD(&to[inp->inp_hashval & mask], inp, inp_hash);
		}
	}
	free(from, M_PCBHASH);
	*basep = to;
	*maskp = mask;
}

static void
porttable_double(struct inpcbinfo *pcbinfo)
{
	struct inpcbporthead *from = pcbinfo->ipi_porthashbase, *to;
	struct inpcbport *phd;
	u_long i, mask = pcbinfo->ipi_porthashmask * 2 + 1;

	to = table_alloc(mask + 1);
	if (to == NULL)
		return;
	for (i = 0; i <= pcbinfo->ipi_porthashmask; i++)
		while ((phd = LIST_FIRST(&from[i])) != NULL) {
			LIST_REMOVE(phd, phd_hash);
			LIST_INSERT_HEAD(&to[port_hash(phd->phd_port) & mask], phd, phd_hash);
		}
	free(from, M_PCBHASH);
	pcbinfo->ipi_porthashbase = to;
	pcbinfo->ipi_porthashmask = mask;
}

void
in_pcbinfo_grow(struct inpcbinfo *pcbinfo)
{
	if (pcbinfo->ipi_count > pcbinfo->ipi_hashmask && pcbinfo->ipi_hashmask + 1 < PCBHASH_MAX)
		table_double(&pcbinfo->ipi_hashbase, &pcbinfo->ipi_hashmask);
	if (pcbinfo->ipi_count > 2 * pcbinfo->ipi_porthashmask &&
	    pcbinfo->ipi_porthashmask + 1 < PCBHASH_MAX / 4) {
		table_double(&pcbinfo->ipi_wildbase, &pcbinfo->ipi_wildmask);
		porttable_double(pcbinfo);
	}
}

struct inpcbport *
in_pcbport_find(const struct inpcbinfo *pcbinfo, u_short lport)
{
	struct inpcbport *phd;

	LIST_FOREACH (
	    phd, &pcbinfo->ipi_porthashbase[port_hash(lport) & pcbinfo->ipi_porthashmask], phd_hash)
		if (phd->phd_port == lport)
			return (phd);
	return (NULL);
}

static bool
inp_isconnected(const struct inpcb *inp)
{
	if ((inp->inp_inc.inc_flags & INC_ISIPV6) != 0)
		return ((inp->in6p_faddr.s6_addr32[0] | inp->in6p_faddr.s6_addr32[1] |
			    inp->in6p_faddr.s6_addr32[2] | inp->in6p_faddr.s6_addr32[3]) != 0);
	return (inp->inp_faddr.s_addr != INADDR_ANY);
}

static void
hash_insert(struct inpcb *inp)
{
	if (inp_isconnected(inp)) {
		inp->inp_hashval = tuple_hash(inp->inp_pcbinfo, &inp->inp_inc);
		inp->inp_flags2 |= INP_CONNHASHED;
	} else {
		inp->inp_hashval = port_hash(inp->inp_lport);
		inp->inp_flags2 &= ~INP_CONNHASHED;
	}
	LIST_INSERT_HEAD(inp_bucket(inp), inp, inp_hash);
}

int
in_pcbinshash(struct inpcb *inp)
{
	struct inpcbinfo *pcbinfo = inp->inp_pcbinfo;
	struct inpcbport *phd;

	KASSERT((inp->inp_flags & INP_INHASHLIST) == 0, ("%s: %p twice", __func__, (void *)inp));
	phd = in_pcbport_find(pcbinfo, inp->inp_lport);
	if (phd == NULL) {
		phd = malloc(sizeof(*phd), M_PCBHASH, M_NOWAIT | M_ZERO);
		if (phd == NULL)
			return (ENOBUFS);
		phd->phd_port = inp->inp_lport;
		LIST_INIT(&phd->phd_pcblist);
		LIST_INSERT_HEAD(
		    &pcbinfo
			 ->ipi_porthashbase[port_hash(phd->phd_port) & pcbinfo->ipi_porthashmask],
		    phd, phd_hash);
	}
	inp->inp_phd = phd;
	LIST_INSERT_HEAD(&phd->phd_pcblist, inp, inp_portlist);
	hash_insert(inp);
	inp->inp_flags |= INP_INHASHLIST;
	return (0);
}

/* The addresses or the remote port changed; the local port did not. */
void
in_pcbrehash(struct inpcb *inp)
{
	KASSERT(
	    (inp->inp_flags & INP_INHASHLIST) != 0, ("%s: %p is not in", __func__, (void *)inp));
	LIST_REMOVE(inp, inp_hash);
	hash_insert(inp);
}

void
in_pcbremhash(struct inpcb *inp)
{
	struct inpcbport *phd = inp->inp_phd;

	if ((inp->inp_flags & INP_INHASHLIST) == 0)
		return;
	LIST_REMOVE(inp, inp_hash);
	LIST_REMOVE(inp, inp_portlist);
	inp->inp_phd = NULL;
	if (LIST_EMPTY(&phd->phd_pcblist)) {
		LIST_REMOVE(phd, phd_hash);
		free(phd, M_PCBHASH);
	}
	inp->inp_flags &= ~INP_INHASHLIST;
}

static bool
inp_takes_ifp(const struct inpcb *inp, const struct ifnet *ifp)
{
	return (ifp == NULL || inp->inp_socket == NULL || inp->inp_socket->so_bound_if == 0 ||
		inp->inp_socket->so_bound_if == ifp->if_index);
}

static bool
same_addr6(const struct in6_addr *a, const struct in6_addr *b)
{
	return (memcmp(a, b, sizeof(*a)) == 0);
}

static bool
inc_equal(const struct inpcb *inp, const struct in_conninfo *inc)
{
	if (inp->inp_fport != inc->inc_fport || inp->inp_lport != inc->inc_lport)
		return (false);
	if ((inc->inc_flags & INC_ISIPV6) != 0)
		return ((inp->inp_inc.inc_flags & INC_ISIPV6) != 0 &&
			same_addr6(&inp->in6p_faddr, &inc->inc6_faddr) &&
			same_addr6(&inp->in6p_laddr, &inc->inc6_laddr));
	return ((inp->inp_vflag & INP_IPV4) != 0 &&
		inp->inp_faddr.s_addr == inc->inc_faddr.s_addr &&
		inp->inp_laddr.s_addr == inc->inc_laddr.s_addr);
}

/*
 * How well an unconnected pcb fits: 0 not at all; bound to the address better than to
 * any; to the family alone better than to both; to an interface better than to none.
 */
static int
wild_score(const struct inpcb *inp, const struct in_conninfo *inc, const struct ifnet *ifp)
{
	static const struct in6_addr any6;
	int score = 1;

	if (inp->inp_lport != inc->inc_lport || !inp_takes_ifp(inp, ifp))
		return (0);
	if ((inc->inc_flags & INC_ISIPV6) != 0) {
		if ((inp->inp_vflag & INP_IPV6) == 0)
			return (0);
		if (same_addr6(&inp->in6p_laddr, &inc->inc6_laddr))
			score += 4;
		else if (!same_addr6(&inp->in6p_laddr, &any6))
			return (0);
	} else {
		if ((inp->inp_vflag & INP_IPV4) == 0)
			return (0);
		if (inp->inp_laddr.s_addr == inc->inc_laddr.s_addr)
			score += 4;
		else if (inp->inp_laddr.s_addr != INADDR_ANY)
			return (0);
		if ((inp->inp_vflag & INP_IPV6) == 0)
			score += 1;
	}
	if (ifp != NULL && inp->inp_socket != NULL && inp->inp_socket->so_bound_if != 0)
		score += 2;
	return (score);
}

/*
 * SO_REUSEPORT_LB: each member's lot is drawn from the tuple and the member, the
 * highest wins, so a flow stays with its socket when others come and go.
 */
static uint32_t
lb_lot(const struct inpcb *inp, uint32_t tuple)
{
	uint64_t x = (uint64_t)tuple << 32 ^ inp->inp_gencnt * 0x9e3779b97f4a7c15u;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return ((uint32_t)(x >> 32));
}

static struct inpcb *
lookup_wild(struct inpcbinfo *pcbinfo, const struct in_conninfo *inc, const struct ifnet *ifp,
    uint32_t tuple)
{
	struct inpcb *inp, *best = NULL;
	int score, best_score = 0;

	LIST_FOREACH (inp,
	    &pcbinfo->ipi_wildbase[port_hash(inc->inc_lport) & pcbinfo->ipi_wildmask], inp_hash) {
		score = wild_score(inp, inc, ifp);
		if (score == 0 || score < best_score)
			continue;
		if (score == best_score &&
		    ((inp_so_options(inp) & inp_so_options(best) & SO_REUSEPORT_LB) == 0 ||
			lb_lot(inp, tuple) <= lb_lot(best, tuple)))
			continue;
		best = inp;
		best_score = score;
	}
	return (best);
}

struct inpcb *
in_pcblookup_inc(
    struct inpcbinfo *pcbinfo, const struct in_conninfo *inc, int lookupflags, struct ifnet *ifp)
{
	uint32_t hash = tuple_hash(pcbinfo, inc);
	struct inpcb *inp;

	LIST_FOREACH (inp, &pcbinfo->ipi_hashbase[hash & pcbinfo->ipi_hashmask], inp_hash)
		if (inp->inp_hashval == hash && inc_equal(inp, inc) && inp_takes_ifp(inp, ifp))
			return (inp);
	if ((lookupflags & INPLOOKUP_WILDCARD) == 0)
		return (NULL);
	return (lookup_wild(pcbinfo, inc, ifp, hash));
}

struct inpcb *
in_pcblookup(struct inpcbinfo *pcbinfo, struct in_addr faddr, u_int fport, struct in_addr laddr,
    u_int lport, int lookupflags, struct ifnet *ifp)
{
	struct in_conninfo inc;

	memset(&inc, 0, sizeof(inc));
	inc.inc_faddr = faddr;
	inc.inc_laddr = laddr;
	inc.inc_fport = fport;
	inc.inc_lport = lport;
	return (in_pcblookup_inc(pcbinfo, &inc, lookupflags, ifp));
}

struct inpcb *
in_pcblookup_local(struct inpcbinfo *pcbinfo, struct in_addr laddr, u_short lport, int lookupflags)
{
	struct inpcbport *phd = in_pcbport_find(pcbinfo, lport);
	struct inpcb *inp, *best = NULL;
	int wildcards, best_wildcards = 3;

	if (phd == NULL)
		return (NULL);
	LIST_FOREACH (inp, &phd->phd_pcblist, inp_portlist) {
		if ((inp->inp_vflag & INP_IPV4) == 0)
			continue;
		if ((lookupflags & INPLOOKUP_WILDCARD) == 0) {
			if (inp->inp_faddr.s_addr == INADDR_ANY &&
			    inp->inp_laddr.s_addr == laddr.s_addr)
				return (inp);
			continue;
		}
		if (inp->inp_laddr.s_addr != laddr.s_addr && inp->inp_laddr.s_addr != INADDR_ANY &&
		    laddr.s_addr != INADDR_ANY)
			continue;
		wildcards =
		    (inp->inp_faddr.s_addr != INADDR_ANY) + (inp->inp_laddr.s_addr != laddr.s_addr);
		if (wildcards < best_wildcards) {
			best = inp;
			best_wildcards = wildcards;
			if (wildcards == 0)
				break;
		}
	}
	return (best);
}
