/*
 * if.c - the life of an interface: made, attached, up, down, detached, freed (ifnet(9)).
 *
 * Owns V_ifnet and the numbers of interfaces. Drivers call if_alloc() to if_free(); protocols are
 * told by the eventhandler(9) events of if_var.h and by dom_ifattach/dom_ifdetach.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/domain.h>
#include <sys/eventhandler.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/sockio.h>
#include <sys/sysctl.h>
#include <net/if.h>
#include <net/if_dl.h>
#include <net/if_types.h>
#include <net/if_var.h>
#include <net/netisr.h>
#include <net/route.h>
#include <net/vnet.h>

static MALLOC_DEFINE(M_IFNET, "ifnet", "interfaces");

VNET_DEFINE(struct ifnethead, ifnet);
VNET_DEFINE(struct ifnet *, loif);
VNET_DEFINE(int, if_index); /* the highest number in use */
VNET_DEFINE_STATIC(int, if_count);
#define V_if_count VNET(if_count)

SYSCTL_NODE(_net, PF_LINK, link, CTLFLAG_RW, NULL, "Link layers");
SYSCTL_NODE(_net_link, OID_AUTO, generic, CTLFLAG_RW, NULL, "All kinds of interfaces");
SYSCTL_NODE(_net_link_generic, OID_AUTO, system, CTLFLAG_RW, NULL, "The interfaces together");
SYSCTL_INT(_net_link_generic_system, OID_AUTO, ifcount, CTLFLAG_VNET | CTLFLAG_RD,
    &VNET_NAME(if_count), 0, "Interfaces of this stack");

static void
if_vnet_init(const void *unused __unused)
{
	TAILQ_INIT(&V_ifnet);
}
VNET_SYSINIT(if_vnet, SI_SUB_INIT_IF, SI_ORDER_FIRST, if_vnet_init, NULL);

struct ifnet *
ifnet_byindex(u_int idx)
{
	struct ifnet *ifp;

	TAILQ_FOREACH (ifp, &V_ifnet, if_link)
		if (ifp->if_index == idx)
			return (ifp);
	return (NULL);
}

struct ifnet *
ifunit(const char *name)
{
	struct ifnet *ifp;

	TAILQ_FOREACH (ifp, &V_ifnet, if_link)
		if (strncmp(ifp->if_xname, name, IFNAMSIZ) == 0)
			return (ifp);
	return (NULL);
}

struct ifnet *
if_alloc(u_char type)
{
	struct ifnet *ifp;

	ifp = malloc(sizeof(*ifp), M_IFNET, M_WAITOK | M_ZERO);
	ifp->if_type = type;
	ifp->if_vnet = curvnet;
	TAILQ_INIT(&ifp->if_addrhead);
	TAILQ_INIT(&ifp->if_multiaddrs);
	return (ifp);
}

void
if_free(struct ifnet *ifp)
{
	KASSERT(ifp->if_addr == NULL, ("if_free: %s is attached", ifp->if_xname));
	free(ifp, M_IFNET);
}

void
if_initname(struct ifnet *ifp, const char *name, int unit)
{
	ifp->if_dname = name;
	ifp->if_dunit = unit;
	snprintf(ifp->if_xname, sizeof(ifp->if_xname), "%s%d", name, unit);
}

int
if_printf(struct ifnet *ifp, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log(LOG_INFO, "%s: %s", ifp->if_xname, line);
	return (n);
}

/* The link-level address, sockaddr_dl, first in the list of addresses. */
static void
if_attach_lladdr(struct ifnet *ifp, const u_char *lladdr)
{
	struct {
		struct ifaddr ifa;
		struct sockaddr_dl sdl;
	} * la;

	la = (void *)ifa_alloc(sizeof(*la), M_WAITOK);
	la->sdl.sdl_len = sizeof(la->sdl);
	la->sdl.sdl_family = AF_LINK;
	la->sdl.sdl_index = ifp->if_index;
	la->sdl.sdl_type = ifp->if_type;
	la->sdl.sdl_nlen = (u_char)strnlen(ifp->if_xname, IFNAMSIZ);
	memcpy(la->sdl.sdl_data, ifp->if_xname, la->sdl.sdl_nlen);
	if (lladdr != NULL) {
		la->sdl.sdl_alen = ifp->if_addrlen;
		memcpy(LLADDR(&la->sdl), lladdr, ifp->if_addrlen);
	}
	la->ifa.ifa_addr = (struct sockaddr *)&la->sdl;
	ifp->if_addr = &la->ifa;
	ifa_link(ifp, &la->ifa);
}

static u_short
if_newindex(void)
{
	/* no hole below the highest: that there is one is rare */
	u_int idx = V_if_count == V_if_index ? (u_int)V_if_index + 1 : 1;

	while (ifnet_byindex(idx) != NULL)
		idx++;
	KASSERT(idx <= UINT16_MAX, ("if_attach: no number is left"));
	V_if_index = imax(V_if_index, (int)idx);
	return ((u_short)idx);
}

void
if_attach(struct ifnet *ifp)
{
	if_attach_link(ifp, NULL);
}

/* lladdr: if_addrlen bytes, or NULL */
void
if_attach_link(struct ifnet *ifp, const u_char *lladdr)
{
	struct domain *dp;

	KASSERT(ifp->if_xname[0] != '\0', ("if_attach: no name"));
	ifp->if_index = if_newindex();
	ifp->if_lastchange = getsbinuptime();
	TAILQ_INSERT_TAIL(&V_ifnet, ifp, if_link);
	V_if_count++;
	if_attach_lladdr(ifp, lladdr);
	SLIST_FOREACH (dp, &domains, dom_next)
		if (dp->dom_ifattach != NULL)
			ifp->if_afdata[dp->dom_family] = dp->dom_ifattach(ifp);
	EVENTHANDLER_INVOKE(ifnet_arrival_event, ifp);
}

void
if_detach(struct ifnet *ifp)
{
	struct domain *dp;

	if (ifp->if_addr == NULL)
		return;
	if_down(ifp);
	EVENTHANDLER_INVOKE(ifnet_departure_event, ifp);
	SLIST_FOREACH (dp, &domains, dom_next) {
		if (dp->dom_ifdetach == NULL || ifp->if_afdata[dp->dom_family] == NULL)
			continue;
		dp->dom_ifdetach(ifp, ifp->if_afdata[dp->dom_family]);
		ifp->if_afdata[dp->dom_family] = NULL;
	}
	rt_flushifroutes(ifp);
	if_purgemaddrs(ifp);
	netisr_forget_if(ifp);
	TAILQ_REMOVE(&V_ifnet, ifp, if_link);
	V_if_count--;
	while (V_if_index > 0 && ifnet_byindex((u_int)V_if_index) == NULL)
		V_if_index--;
	ifa_unlink(ifp, ifp->if_addr);
	ifp->if_addr = NULL;
	if (V_loif == ifp)
		V_loif = NULL;
}

/* A program or the daemon said so; the driver has been told. */
void
if_up(struct ifnet *ifp)
{
	if ((ifp->if_flags & IFF_UP) != 0)
		return;
	ifp->if_flags |= IFF_UP;
	ifp->if_lastchange = getsbinuptime();
	if (ifp->if_ioctl != NULL)
		(void)ifp->if_ioctl(ifp, SIOCSIFFLAGS, NULL);
	EVENTHANDLER_INVOKE(ifnet_event, ifp, IFNET_EVENT_UP);
}

void
if_down(struct ifnet *ifp)
{
	if ((ifp->if_flags & IFF_UP) == 0)
		return;
	ifp->if_flags &= ~IFF_UP;
	ifp->if_lastchange = getsbinuptime();
	EVENTHANDLER_INVOKE(ifnet_event, ifp, IFNET_EVENT_DOWN);
	rt_flushifroutes(ifp);
	if (ifp->if_ioctl != NULL)
		(void)ifp->if_ioctl(ifp, SIOCSIFFLAGS, NULL);
}

void
if_link_state_change(struct ifnet *ifp, int link_state)
{
	if (ifp->if_link_state == link_state)
		return;
	ifp->if_link_state = (uint8_t)link_state;
	ifp->if_lastchange = getsbinuptime();
	EVENTHANDLER_INVOKE(ifnet_link_event, ifp, link_state);
}

int
if_setlladdr(struct ifnet *ifp, const u_char *lladdr, int len)
{
	struct sockaddr_dl *sdl;

	if (ifp->if_addr == NULL)
		return (ENXIO);
	sdl = (struct sockaddr_dl *)(void *)ifp->if_addr->ifa_addr;
	if (len != ifp->if_addrlen || (size_t)sdl->sdl_nlen + (size_t)len > sizeof(sdl->sdl_data))
		return (EINVAL);
	memcpy(LLADDR(sdl), lladdr, (size_t)len);
	sdl->sdl_alen = (u_char)len;
	/* A running driver learns it by being stopped and started. */
	if ((ifp->if_flags & IFF_UP) != 0 && ifp->if_ioctl != NULL) {
		ifp->if_flags &= ~IFF_UP;
		(void)ifp->if_ioctl(ifp, SIOCSIFFLAGS, NULL);
		ifp->if_flags |= IFF_UP;
		(void)ifp->if_ioctl(ifp, SIOCSIFFLAGS, NULL);
	}
	EVENTHANDLER_INVOKE(iflladdr_event, ifp);
	return (0);
}
