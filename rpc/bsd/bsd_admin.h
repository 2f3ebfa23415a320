/*
 * bsd_admin.h - private to rpc/bsd/bsd_*.c: the administrator's changes, for alpinectl's requests
 * (bsd_admin.c) and for ioctls (bsd_ifioctl.c). Errors are BSD's. Kernel world.
 */
#ifndef RPC_BSD_ADMIN_H
#define RPC_BSD_ADMIN_H

#include <sys/types.h>
#include <netinet/in.h>

#include "rpc/bsd/bsd_var.h"

struct ifnet;
struct llentry;

/* Addresses in host order. */
struct bsd_route {
	in_addr_t dst, mask, gateway; /* the gateway with RTF_GATEWAY in flags */
	struct ifnet *ifp;	      /* NULL: as the gateway says */
	uint32_t mtu, lifetime;	      /* 0: the interface's; for ever. Seconds */
	int flags;		      /* RTF_* */
};
int bsd_route(int rtm, const struct bsd_route *); /* RTM_ADD, RTM_CHANGE, RTM_DELETE */

int bsd_address(
    struct ifnet *, in_addr_t addr, in_addr_t mask, in_addr_t bcast, bool replace_first);

struct ifnet *bsd_neighbour_if(struct in_addr); /* on whose network it is, or NULL */
int bsd_arp_delete(struct in_addr);		/* on whatever interface. ENOENT; EINVAL our own */

/* bsd_ifioctl.c: a Linux errno */
int bsd_ifioctl(const struct bsock_cred *, uint64_t cmd, void *arg, uint32_t *len, uint32_t room);
int linux_arp_flags(const struct llentry *); /* ATF_* */

#endif
