/*
 * sim_host.c - hosts and routers of alpine-sim: a VNET each. Kernel world.
 * Called by the host world while it builds a scenario's network.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/malloc.h>
#include <sys/systm.h>

#include <net/if_var.h>
#include <net/route.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_var.h>
#include <netinet/ip_var.h>

#include <host/sysctl_text.h>

#include "kernel_glue/include/host/module.h"
#include "t/sim/sim.h"
#include "t/sim/sim_var.h"

MALLOC_DEFINE(M_SIM, "sim", "the simulator's hosts, links and flows");

static uint32_t nhosts;

struct sim_host *
sim_host_create(const char *name, bool router)
{
	struct sim_host *h = malloc(sizeof(*h), M_SIM, M_WAITOK | M_ZERO);

	strlcpy(h->h_name, name, sizeof(h->h_name));
	h->h_number = ++nhosts;
	h->h_vnet = vnet_alloc();
	strlcpy(h->h_vnet->vnet_name, name, sizeof(h->h_vnet->vnet_name));
	if (router) {
		CURVNET_SET(h->h_vnet);
		V_ipforwarding = 1;
		CURVNET_RESTORE();
	}
	return (h);
}

const char *
sim_host_name(const struct sim_host *h)
{
	return (h->h_name);
}

int
sim_host_module(struct sim_host *h, void *fn, const char *args)
{
	struct alpine_module_host mh = {
	    .name = h->h_name, .vnet = h->h_vnet, .number = h->h_number};
	alpine_module_init_fn *init;
	int error;

	memcpy(&init, &fn, sizeof(init));
	CURVNET_SET(h->h_vnet);
	error = init(&mh, args);
	CURVNET_RESTORE();
	return (error);
}

int
sim_host_sysctl(struct sim_host *h, const char *name, const char *value)
{
	int error;

	CURVNET_SET(h->h_vnet);
	error = sysctl_text_set(name, value);
	CURVNET_RESTORE();
	return (error);
}

static struct sockaddr_in
sin_of(uint32_t addr)
{
	struct sockaddr_in sin = {.sin_len = sizeof(sin), .sin_family = AF_INET};

	sin.sin_addr.s_addr = htonl(addr);
	return (sin);
}

int
sim_host_route(struct sim_host *h, uint32_t net, int plen, uint32_t gateway)
{
	struct sockaddr_in dst = sin_of(net), gw = sin_of(gateway);
	struct sockaddr_in mask = sin_of(plen == 0 ? 0 : ~0u << (32 - plen));
	struct rt_addrinfo info = {.rti_flags = RTF_GATEWAY | RTF_STATIC | RTF_UP,
	    .rti_dst = sintosa(&dst),
	    .rti_netmask = sintosa(&mask),
	    .rti_gateway = sintosa(&gw)};
	int error;

	if (plen == 32) {
		info.rti_flags |= RTF_HOST;
		info.rti_netmask = NULL;
	}
	CURVNET_SET(h->h_vnet);
	error = rib_add_route(RT_DEFAULT_FIB, &info);
	CURVNET_RESTORE();
	return (error);
}

const char *
sim_strerror(int error)
{
	static const struct {
		int error;
		const char *text;
	} texts[] = {{0, "no error"}, {EPERM, "not permitted"}, {ENOENT, "no such name"},
	    {ENXIO, "no such device"}, {ENOMEM, "no memory"}, {EEXIST, "is there already"},
	    {EINVAL, "invalid value"}, {EPIPE, "broken pipe"}, {EMSGSIZE, "message too long"},
	    {ENOPROTOOPT, "no such option"}, {EOPNOTSUPP, "not supported"},
	    {EADDRINUSE, "address in use"}, {EADDRNOTAVAIL, "no such address here"},
	    {ENETDOWN, "network is down"}, {ENETUNREACH, "network unreachable"},
	    {ECONNABORTED, "connection aborted"}, {ECONNRESET, "connection reset"},
	    {ENOBUFS, "no buffer space"}, {ENOTCONN, "not connected"},
	    {ETIMEDOUT, "connection timed out"}, {ECONNREFUSED, "connection refused"},
	    {EHOSTDOWN, "host is down"}, {EHOSTUNREACH, "host unreachable"}};
	static char other[32];
	size_t i;

	for (i = 0; i < nitems(texts); i++)
		if (texts[i].error == error)
			return (texts[i].text);
	snprintf(other, sizeof(other), "error %d", error);
	return (other);
}
