/*
 * if_multi.c - the multicast groups that an interface listens to, by network address, each with
 * the link's address for it. Called by the protocols, by SIOCADDMULTI, and by ether_input(), which
 * filters for hardware that does not.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/malloc.h>
#include <sys/socket.h>
#include <sys/sockio.h>
#include <net/ethernet.h>
#include <net/if_dl.h>
#include <net/if_types.h>
#include <net/if_var.h>
#include <netinet/in.h>

static MALLOC_DEFINE(M_IFMADDR, "ether_multi", "multicast groups of interfaces");

struct ifmulti_storage {
	struct ifmultiaddr ifma; /* first */
	struct sockaddr_storage addr;
	struct sockaddr_dl lladdr;
};

/* RFC 1112, 6.4, and RFC 2464, 7. */
static int
ether_resolvemulti(const struct sockaddr *sa, u_char *mac)
{
	const struct sockaddr_dl *sdl;
	const u_char *a;

	switch (sa->sa_family) {
	case AF_LINK:
		sdl = (const struct sockaddr_dl *)(const void *)sa;
		if (sdl->sdl_alen != ETHER_ADDR_LEN)
			return (EINVAL);
		memcpy(mac, sdl->sdl_data + sdl->sdl_nlen, ETHER_ADDR_LEN);
		return (ETHER_IS_MULTICAST(mac) ? 0 : EADDRNOTAVAIL);
	case AF_INET:
		a = (const u_char *)sa + offsetof(struct sockaddr_in, sin_addr);
		if ((a[0] & 0xf0) != 0xe0)
			return (EADDRNOTAVAIL);
		memcpy(mac, "\x01\x00\x5e", 3);
		mac[3] = a[1] & 0x7f;
		memcpy(mac + 4, a + 2, 2);
		return (0);
	case AF_INET6:
		a = (const u_char *)sa + offsetof(struct sockaddr_in6, sin6_addr);
		if (a[0] != 0xff)
			return (EADDRNOTAVAIL);
		memcpy(mac, "\x33\x33", 2);
		memcpy(mac + 2, a + 12, 4);
		return (0);
	default:
		return (EAFNOSUPPORT);
	}
}

static struct ifmultiaddr *
if_findmulti(const struct ifnet *ifp, const struct sockaddr *sa)
{
	struct ifmultiaddr *ifma;

	TAILQ_FOREACH (ifma, &ifp->if_multiaddrs, ifma_link)
		if (ifa_sameaddr(ifma->ifma_addr, sa))
			return (ifma);
	return (NULL);
}

int
if_addmulti(struct ifnet *ifp, struct sockaddr *sa, struct ifmultiaddr **retifma)
{
	struct ifmulti_storage *st;
	struct ifmultiaddr *ifma;
	u_char mac[ETHER_ADDR_LEN];
	int error;

	if ((ifma = if_findmulti(ifp, sa)) != NULL) {
		ifma->ifma_refcount++;
	} else {
		if (sa->sa_len > sizeof(st->addr))
			return (EINVAL);
		if (ifp->if_type == IFT_ETHER && (error = ether_resolvemulti(sa, mac)) != 0)
			return (error);
		st = malloc(sizeof(*st), M_IFMADDR, M_NOWAIT | M_ZERO);
		if (st == NULL)
			return (ENOMEM);
		ifma = &st->ifma;
		memcpy(&st->addr, sa, sa->sa_len);
		ifma->ifma_addr = (struct sockaddr *)&st->addr;
		ifma->ifma_ifp = ifp;
		ifma->ifma_refcount = 1;
		if (ifp->if_type == IFT_ETHER) {
			st->lladdr = (struct sockaddr_dl){.sdl_len = sizeof(st->lladdr),
			    .sdl_family = AF_LINK,
			    .sdl_index = ifp->if_index,
			    .sdl_type = ifp->if_type,
			    .sdl_alen = ETHER_ADDR_LEN};
			memcpy(st->lladdr.sdl_data, mac, ETHER_ADDR_LEN);
			ifma->ifma_lladdr = (struct sockaddr *)&st->lladdr;
		}
		TAILQ_INSERT_TAIL(&ifp->if_multiaddrs, ifma, ifma_link);
		if (ifp->if_ioctl != NULL)
			(void)ifp->if_ioctl(ifp, SIOCADDMULTI, NULL);
	}
	if (retifma != NULL)
		*retifma = ifma;
	return (0);
}

static void
if_freemulti(struct ifnet *ifp, struct ifmultiaddr *ifma)
{
	TAILQ_REMOVE(&ifp->if_multiaddrs, ifma, ifma_link);
	free(ifma, M_IFMADDR);
}

int
if_delmulti(struct ifnet *ifp, struct sockaddr *sa)
{
	struct ifmultiaddr *ifma;

	if ((ifma = if_findmulti(ifp, sa)) == NULL)
		return (ENOENT);
	if (--ifma->ifma_refcount > 0)
		return (0);
	if_freemulti(ifp, ifma);
	if (ifp->if_ioctl != NULL)
		(void)ifp->if_ioctl(ifp, SIOCDELMULTI, NULL);
	return (0);
}

void
if_purgemaddrs(struct ifnet *ifp)
{
	struct ifmultiaddr *ifma;

	while ((ifma = TAILQ_FIRST(&ifp->if_multiaddrs)) != NULL)
		if_freemulti(ifp, ifma);
}

int
if_allmulti(struct ifnet *ifp, int onswitch)
{
	if (onswitch)
		ifp->if_flags |= IFF_ALLMULTI;
	else
		ifp->if_flags &= ~IFF_ALLMULTI;
	return (ifp->if_ioctl != NULL ? ifp->if_ioctl(ifp, SIOCSIFFLAGS, NULL) : 0);
}

/* Is a frame to that multicast address for us? */
bool
if_wants_multicast(const struct ifnet *ifp, const u_char *lladdr)
{
	const struct ifmultiaddr *ifma;
	const struct sockaddr_dl *sdl;

	if ((ifp->if_flags & (IFF_ALLMULTI | IFF_PROMISC)) != 0)
		return (true);
	TAILQ_FOREACH (ifma, &ifp->if_multiaddrs, ifma_link) {
		sdl = (const struct sockaddr_dl *)(const void *)ifma->ifma_lladdr;
		if (sdl != NULL && memcmp(sdl->sdl_data, lladdr, ETHER_ADDR_LEN) == 0)
			return (true);
	}
	return (false);
}
