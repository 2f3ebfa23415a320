/*
 * if_addr.c - an interface's addresses of any family: their storage, references and lists, and the
 * questions "whose address is this", "which of our addresses fits that one".
 * Owns nothing but the entries; called by if.c and the protocols.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/malloc.h>
#include <sys/socket.h>
#include <net/if_dl.h>
#include <net/if_var.h>
#include <netinet/in.h>

static MALLOC_DEFINE(M_IFADDR, "ifaddr", "interface addresses");

/* Born with one reference. */
struct ifaddr *
ifa_alloc(size_t size, int flags)
{
	struct ifaddr *ifa;

	KASSERT(size >= sizeof(*ifa), ("ifa_alloc: %zu bytes", size));
	ifa = malloc(size, M_IFADDR, M_ZERO | flags);
	if (ifa != NULL)
		ifa->ifa_refcnt = 1;
	return (ifa);
}

void
ifa_ref(struct ifaddr *ifa)
{
	ifa->ifa_refcnt++;
}

void
ifa_free(struct ifaddr *ifa)
{
	KASSERT(ifa->ifa_refcnt > 0, ("ifa_free: no reference"));
	if (--ifa->ifa_refcnt == 0)
		free(ifa, M_IFADDR);
}

void
ifa_link(struct ifnet *ifp, struct ifaddr *ifa)
{
	ifa->ifa_ifp = ifp;
	TAILQ_INSERT_TAIL(&ifp->if_addrhead, ifa, ifa_link);
}

void
ifa_unlink(struct ifnet *ifp, struct ifaddr *ifa)
{
	TAILQ_REMOVE(&ifp->if_addrhead, ifa, ifa_link);
	ifa_free(ifa);
}

/* Where the address itself lies in a sockaddr, and how many bytes; 0: no such family. */
static size_t
sa_address(const struct sockaddr *sa, const u_char **addr)
{
	switch (sa->sa_family) {
	case AF_INET:
		*addr = (const u_char *)sa + offsetof(struct sockaddr_in, sin_addr);
		return (sizeof(struct in_addr));
	case AF_INET6:
		*addr = (const u_char *)sa + offsetof(struct sockaddr_in6, sin6_addr);
		return (sizeof(struct in6_addr));
	default:
		return (0);
	}
}

bool
ifa_sameaddr(const struct sockaddr *a, const struct sockaddr *b)
{
	const u_char *pa, *pb;
	size_t n;

	if (a == NULL || b == NULL || a->sa_family != b->sa_family)
		return (false);
	if ((n = sa_address(a, &pa)) == 0)
		return (sa_equal(a, b));
	(void)sa_address(b, &pb);
	return (memcmp(pa, pb, n) == 0);
}

/* Is sa on ifa's network? Then *bits is the length of its mask. */
static bool
ifa_covers(const struct ifaddr *ifa, const struct sockaddr *sa, int *bits)
{
	const u_char *dst, *own, *mask;
	size_t i, n;

	if (ifa->ifa_netmask == NULL || ifa->ifa_addr->sa_family != sa->sa_family ||
	    (n = sa_address(sa, &dst)) == 0)
		return (false);
	(void)sa_address(ifa->ifa_addr, &own);
	mask = (const u_char *)ifa->ifa_netmask + (dst - (const u_char *)sa);
	for (*bits = 0, i = 0; i < n; i++) {
		if (((dst[i] ^ own[i]) & mask[i]) != 0)
			return (false);
		*bits += bitcount32(mask[i]);
	}
	return (true);
}

struct ifaddr *
ifa_ifwithaddr(const struct sockaddr *sa)
{
	struct ifnet *ifp;
	struct ifaddr *ifa;

	TAILQ_FOREACH (ifp, &V_ifnet, if_link)
		TAILQ_FOREACH (ifa, &ifp->if_addrhead, ifa_link)
			if (ifa_sameaddr(ifa->ifa_addr, sa))
				return (ifa);
	return (NULL);
}

static struct ifaddr *
ifa_bydst(const struct sockaddr *sa, int ifflag)
{
	struct ifnet *ifp;
	struct ifaddr *ifa;

	TAILQ_FOREACH (ifp, &V_ifnet, if_link) {
		if ((ifp->if_flags & ifflag) == 0)
			continue;
		TAILQ_FOREACH (ifa, &ifp->if_addrhead, ifa_link)
			if (ifa->ifa_dstaddr != NULL && ifa->ifa_dstaddr->sa_len != 0 &&
			    ifa_sameaddr(ifa->ifa_dstaddr, sa))
				return (ifa);
	}
	return (NULL);
}

struct ifaddr *
ifa_ifwithbroadaddr(const struct sockaddr *sa, int fib __unused)
{
	return (ifa_bydst(sa, IFF_BROADCAST));
}

struct ifaddr *
ifa_ifwithdstaddr(const struct sockaddr *sa, int fib __unused)
{
	return (ifa_bydst(sa, IFF_POINTOPOINT));
}

static struct ifaddr *
ifa_bylink(const struct sockaddr *sa)
{
	const struct sockaddr_dl *sdl = (const struct sockaddr_dl *)(const void *)sa;
	struct ifnet *ifp = ifnet_byindex(sdl->sdl_index);

	return (ifp != NULL ? ifp->if_addr : NULL);
}

/* The address whose network sa is on; the longest mask wins. */
struct ifaddr *
ifa_ifwithnet(const struct sockaddr *sa, int ignore_ptp, int fib __unused)
{
	struct ifnet *ifp;
	struct ifaddr *ifa, *best = NULL;
	int bits, bestbits = -1;

	if (sa->sa_family == AF_LINK)
		return (ifa_bylink(sa));
	TAILQ_FOREACH (ifp, &V_ifnet, if_link) {
		if (ignore_ptp && (ifp->if_flags & IFF_POINTOPOINT) != 0)
			continue;
		TAILQ_FOREACH (ifa, &ifp->if_addrhead, ifa_link) {
			if (ifa_covers(ifa, sa, &bits) && bits > bestbits) {
				best = ifa;
				bestbits = bits;
			}
		}
	}
	return (best);
}

/* Our address to use on ifp towards sa: on its network if there is one, else the first. */
struct ifaddr *
ifaof_ifpforaddr(const struct sockaddr *sa, struct ifnet *ifp)
{
	struct ifaddr *ifa, *best = NULL;
	int bits, bestbits = -1;

	TAILQ_FOREACH (ifa, &ifp->if_addrhead, ifa_link) {
		if (ifa->ifa_addr->sa_family != sa->sa_family)
			continue;
		if (best == NULL)
			best = ifa;
		if (ifa_covers(ifa, sa, &bits) && bits > bestbits) {
			best = ifa;
			bestbits = bits;
		}
	}
	return (best);
}
