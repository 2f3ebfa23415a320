/*
 * if_var.h - the stack's view of an interface, ifnet(9).
 *
 * A driver: if_alloc(), fills the members marked (d), ether_ifattach() or
 * if_attach(); hands received frames to if_input; on the way out the stack calls
 * if_transmit, which consumes the mbuf.
 */
#ifndef _NET_IF_VAR_H_
#define _NET_IF_VAR_H_

#include <sys/param.h>
#include <sys/queue.h>
#include <sys/callout.h>
#include <sys/eventhandler.h>
#include <sys/mbuf.h>
#include <net/if.h>
#include <net/vnet.h>

struct ifnet;
struct route;
struct rtentry;
struct sockaddr_dl;
struct socket;
struct thread;

struct ifaddr {
	struct sockaddr *ifa_addr;
	struct sockaddr *ifa_dstaddr; /* the other end, or the broadcast address */
	struct sockaddr *ifa_netmask;
	struct ifnet *ifa_ifp;
	TAILQ_ENTRY(ifaddr) ifa_link;
	u_int ifa_flags;
	u_int ifa_refcnt;
	uint64_t ifa_ipackets, ifa_ibytes, ifa_opackets, ifa_obytes;
};
#define ifa_broadaddr ifa_dstaddr
#define IFA_ROUTE 0x1 /* a route for its network is installed */
TAILQ_HEAD(ifaddrhead, ifaddr);

struct ifmultiaddr {
	TAILQ_ENTRY(ifmultiaddr) ifma_link;
	struct sockaddr *ifma_addr;   /* network address, or sockaddr_dl */
	struct sockaddr *ifma_lladdr; /* the link's address for it */
	struct ifnet *ifma_ifp;
	u_int ifma_refcount;
	void *ifma_protospec;
	struct ifmultiaddr *ifma_llifma;
};
TAILQ_HEAD(ifmultihead, ifmultiaddr);

typedef void if_init_fn_t(void *);
typedef int if_ioctl_fn_t(struct ifnet *, u_long, caddr_t);
typedef int if_transmit_fn_t(struct ifnet *, struct mbuf *);
typedef void if_input_fn_t(struct ifnet *, struct mbuf *);
typedef int if_output_fn_t(struct ifnet *, struct mbuf *, const struct sockaddr *, struct route *);

struct ifnet {
	TAILQ_ENTRY(ifnet) if_link;
	struct vnet *if_vnet;
	char if_xname[IFNAMSIZ]; /* (d) by if_initname() */
	const char *if_dname;
	int if_dunit;
	u_short if_index;
	void *if_softc;			   /* (d) */
	int if_flags;			   /* (d) IFF_UP | ... */
	int if_drv_flags;		   /* (d) IFF_DRV_RUNNING */
	int if_capabilities, if_capenable; /* (d) IFCAP_* */
	uint32_t if_hwassist;		   /* (d) CSUM_* that if_transmit takes care of */
	u_int if_hw_tsomax;		   /* (d) bytes of a whole TSO packet, IP header and up */
	uint8_t if_type;		   /* (d) IFT_* */
	uint8_t if_addrlen, if_hdrlen;
	uint8_t if_link_state;
	uint32_t if_mtu; /* (d) bytes of network-layer packet */
	uint32_t if_metric;
	uint64_t if_baudrate;
	sbintime_t if_lastchange;

	if_init_fn_t *if_init;	       /* (d) */
	if_ioctl_fn_t *if_ioctl;       /* (d) */
	if_transmit_fn_t *if_transmit; /* (d) */
	if_output_fn_t *if_output;     /* set by ether_ifattach() etc. */
	if_input_fn_t *if_input;       /* set by ether_ifattach() etc. */
	/* every frame, in and out, for --pcap; NULL costs one test */
	void (*if_tap)(struct ifnet *, struct mbuf *, bool outward, void *arg);
	void *if_tap_arg;

	struct ifaddr *if_addr; /* the link-level one */
	struct ifaddrhead if_addrhead;
	struct ifmultihead if_multiaddrs;
	void *if_afdata[AF_MAX]; /* by dom_ifattach */
	void *if_llsoftc;

	/* inward counted by the link layer (ether_input), outward by the driver */
	uint64_t if_ipackets, if_ierrors, if_opackets, if_oerrors, if_collisions, if_ibytes,
	    if_obytes, if_imcasts, if_omcasts, if_iqdrops, if_oqdrops, if_noproto;
};
#define if_addrhead_first(ifp) TAILQ_FIRST(&(ifp)->if_addrhead)

TAILQ_HEAD(ifnethead, ifnet);
VNET_DECLARE(struct ifnethead, ifnet);
VNET_DECLARE(struct ifnet *, loif);
VNET_DECLARE(int, if_index);
#define V_ifnet VNET(ifnet)
#define V_loif VNET(loif)
#define V_if_index VNET(if_index)

struct ifnet *if_alloc(u_char type);
void if_free(struct ifnet *);
void if_initname(struct ifnet *, const char *name, int unit);
void if_attach(struct ifnet *);
void if_attach_link(struct ifnet *, const u_char *lladdr);
void if_detach(struct ifnet *); /* addresses, routes and neighbours go too */
void if_up(struct ifnet *);
void if_down(struct ifnet *);
void if_link_state_change(struct ifnet *, int link_state);
int if_setlladdr(struct ifnet *, const u_char *lladdr, int len);
int if_addmulti(struct ifnet *, struct sockaddr *, struct ifmultiaddr **);
int if_delmulti(struct ifnet *, struct sockaddr *);
int if_allmulti(struct ifnet *, int onswitch);
void if_purgemaddrs(struct ifnet *);
bool if_wants_multicast(const struct ifnet *, const u_char *lladdr);
struct ifnet *ifunit(const char *name);
struct ifnet *ifnet_byindex(u_int);
int ifioctl(struct socket *, u_long cmd, caddr_t data, struct thread *);
int if_printf(struct ifnet *, const char *fmt, ...) __printflike(2, 3);

struct ifaddr *ifa_alloc(size_t size, int flags);
void ifa_ref(struct ifaddr *);
void ifa_free(struct ifaddr *);
void ifa_link(struct ifnet *, struct ifaddr *);	  /* takes over the caller's reference */
void ifa_unlink(struct ifnet *, struct ifaddr *); /* drops it */
/* Do two sockaddrs name the same address (ports and such are not looked at)? */
bool ifa_sameaddr(const struct sockaddr *, const struct sockaddr *);
struct ifaddr *ifa_ifwithaddr(const struct sockaddr *);
struct ifaddr *ifa_ifwithbroadaddr(const struct sockaddr *, int fib);
struct ifaddr *ifa_ifwithdstaddr(const struct sockaddr *, int fib);
struct ifaddr *ifa_ifwithnet(const struct sockaddr *, int ignore_ptp, int fib);
struct ifaddr *ifaof_ifpforaddr(const struct sockaddr *, struct ifnet *);

/*
 * eventhandler(9) events. arrival: its link-level address is there. departure: its routes,
 * addresses and groups still are. ifnet_event: IFNET_EVENT_*. link: LINK_STATE_*.
 */
typedef void (*ifnet_event_handler_t)(void *arg, struct ifnet *);
typedef void (*ifnet_event_fn)(void *arg, struct ifnet *, int);
EVENTHANDLER_DECLARE(ifnet_arrival_event, ifnet_event_handler_t);
EVENTHANDLER_DECLARE(ifnet_departure_event, ifnet_event_handler_t);
EVENTHANDLER_DECLARE(iflladdr_event, ifnet_event_handler_t);
EVENTHANDLER_DECLARE(ifnet_event, ifnet_event_fn);
EVENTHANDLER_DECLARE(ifnet_link_event, ifnet_event_fn);
/* An address came, or is about to go. */
typedef void (*ifaddr_event_ext_handler_t)(void *arg, struct ifnet *, struct ifaddr *, int);
EVENTHANDLER_DECLARE(ifaddr_event_ext, ifaddr_event_ext_handler_t);
#define IFADDR_EVENT_ADD 0
#define IFADDR_EVENT_DEL 1
#define IFNET_EVENT_UP 0
#define IFNET_EVENT_DOWN 1

#define IF_MINMTU 72
#define IF_MAXMTU 65535
/* What SIOCSIFFLAGS leaves alone. */
#define IFF_CANTCHANGE                                                                             \
	(IFF_BROADCAST | IFF_POINTOPOINT | IFF_DRV_RUNNING | IFF_DRV_OACTIVE | IFF_SIMPLEX |       \
	    IFF_MULTICAST | IFF_ALLMULTI | IFF_LOOPBACK)

/* if_loop.c; the packet m of family af comes back in by ifp, hlen bytes shorter at the front */
int if_simloop(struct ifnet *, struct mbuf *, int af, int hlen);

#define IF_LLADDR(ifp) LLADDR((struct sockaddr_dl *)((ifp)->if_addr->ifa_addr))

#endif
