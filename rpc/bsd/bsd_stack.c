/*
 * bsd_stack.c - the stack as alpined sets it up and takes it down: addresses, the default route,
 * and its sysctls as text. Owns nothing. Called by rpc/alpined/alpined.c, server.c and ctl.c.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/socket.h>
#include <net/if_var.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netinet/in_var.h>
#include <host/sysctl_text.h>

#include "rpc/bsd/bsd_var.h"
#include <host/module.h>

#define TEXT_MAX 4096 /* bytes of one sysctl's value or description */

int
bsd_if_configure(const char *ifname, const uint8_t addr[4], int prefix)
{
	struct ifnet *ifp = ifunit(ifname);
	struct in_addr in;

	if (ifp == NULL)
		return (ENXIO);
	memcpy(&in, addr, sizeof(in));
	if_up(ifp);
	return (prefix == 0 ? 0 : in_aifaddr(ifp, in, prefix));
}

int
bsd_if_unconfigure(const char *ifname, const uint8_t addr[4])
{
	struct ifnet *ifp = ifunit(ifname);
	struct in_addr in;

	if (ifp == NULL)
		return (ENXIO);
	memcpy(&in, addr, sizeof(in));
	return (in_difaddr(ifp, in));
}

int
bsd_default_route(const uint8_t gateway[4])
{
	struct sockaddr_in dst, mask, gw;
	struct rt_addrinfo info;

	memset(&dst, 0, sizeof(dst));
	dst.sin_len = sizeof(dst);
	dst.sin_family = AF_INET;
	mask = gw = dst;
	memset(&info, 0, sizeof(info));
	info.rti_dst = sintosa(&dst);
	info.rti_netmask = sintosa(&mask);
	(void)rib_del_route(RT_DEFAULT_FIB, &info);
	if (gateway == NULL)
		return (0);
	memcpy(&gw.sin_addr, gateway, sizeof(gw.sin_addr));
	memset(&info, 0, sizeof(info));
	info.rti_flags = RTF_UP | RTF_GATEWAY | RTF_STATIC;
	info.rti_dst = sintosa(&dst);
	info.rti_netmask = sintosa(&mask);
	info.rti_gateway = sintosa(&gw);
	return (rib_add_route(RT_DEFAULT_FIB, &info));
}

void
bsd_if_info(const char *ifname, struct bsd_ifinfo *info)
{
	const struct ifnet *ifp = ifunit(ifname);

	strlcpy(info->name, ifname, sizeof(info->name));
	info->mtu = ifp != NULL ? ifp->if_mtu : 0;
}

unsigned
bsd_addresses(struct rpc_addr *addrs, unsigned max)
{
	struct sockaddr_in sin;
	struct in_ifaddr *ia;
	unsigned n = 0;

	TAILQ_FOREACH (ia, &V_in_ifaddrhead, ia_link) {
		if ((ia->ia_ifp->if_flags & IFF_LOOPBACK) != 0 || n == max)
			continue;
		sin = *IA_SIN(ia);
		sin.sin_port = htons((uint16_t)bitcount32((uint32_t)ia->ia_subnetmask));
		linux_sockaddr_out(sintosa(&sin), &addrs[n++]);
	}
	return (n);
}

/* ---- sysctl as text ---- */

struct listing {
	bsd_emit_fn *emit;
	void *arg;
	bool describe;
	u_int found;
};

static void
put(struct listing *l, const char *s)
{
	l->emit(l->arg, s, strlen(s));
}

static int
list_one(const char *name, const char *type __unused, const char *descr, int writable __unused,
    void *arg)
{
	static char text[TEXT_MAX];
	struct listing *l = arg;
	int error = 0;

	if (l->describe)
		strlcpy(text, descr != NULL ? descr : "", sizeof(text));
	else
		error = sysctl_text_get(name, text, sizeof(text));
	if (error != 0)
		return (0); /* one that cannot be read now */
	l->found++;
	put(l, name);
	put(l, ": ");
	put(l, text);
	put(l, "\n");
	return (0);
}

static int
set_one(struct listing *l, char *name, char *value)
{
	static char old[TEXT_MAX], new[TEXT_MAX];
	int error;

	error = sysctl_text_get(name, old, sizeof(old));
	if (error == 0) {
		error = sysctl_text_set(name, value);
		if (error == EPERM) /* who may is known: it is the variable that may not */
			return (LINUX_EROFS);
	}
	if (error == 0)
		error = sysctl_text_get(name, new, sizeof(new));
	if (error != 0)
		return (bsd_errno_to_linux(error));
	put(l, name);
	put(l, ": ");
	put(l, old);
	put(l, " -> ");
	put(l, new);
	put(l, "\n");
	return (0);
}

/* "NAME", "NAME=VALUE", "-a", "-d [NAME]"; a NAME with others below it stands for them. */
int
bsd_sysctl(const char *request, bool may_write, bsd_emit_fn *emit, void *arg)
{
	struct listing l = {.emit = emit, .arg = arg};
	char name[512], *value;

	if (strlcpy(name, request, sizeof(name)) >= sizeof(name))
		return (LINUX_ENAMETOOLONG);
	if (strncmp(name, "-d", 2) == 0) {
		l.describe = true;
		memmove(name, name + 2, strlen(name + 2) + 1);
		while (name[0] == ' ')
			memmove(name, name + 1, strlen(name));
	}
	if (strcmp(name, "-a") == 0)
		name[0] = '\0';
	value = strchr(name, '=');
	if (value != NULL) {
		*value++ = '\0';
		return (may_write ? set_one(&l, name, value) : LINUX_EPERM);
	}
	(void)sysctl_text_foreach(name, list_one, &l);
	return (l.found > 0 ? 0 : LINUX_ENOENT);
}

int
bsd_module_init(alpine_module_init_fn *init, const char *name, const char *args)
{
	const struct alpine_module_host host = {.name = name, .vnet = curvnet, .number = 1};

	return (init(&host, args));
}
