/*
 * net_route.c - routing tables: what addresses bring, routes by hand, what lookups answer, the
 * generation, next hops that outlive their routes, redirects (RFC 1122 3.2.2.2) and their end.
 */
#include <sys/param.h>
#include <sys/mbuf.h>
#include <sys/sysctl.h>
#include <sys/systm.h>
#include <net/if_dl.h>
#include <net/if_var.h>
#include <net/route.h>
#include <netinet/in_var.h>

#include <host/host.h>

#include "t/lib/fakeif.h"
#include "t/lib/tap.h"

int main(void);

static struct ifnet *fake0, *fake1;

static struct sockaddr_in
sin4(const char *s)
{
	return ((struct sockaddr_in){
	    .sin_len = sizeof(struct sockaddr_in), .sin_family = AF_INET, .sin_addr = ip4(s)});
}

static struct sockaddr_in
mask4(int plen)
{
	struct sockaddr_in sin = sin4(NULL);

	sin.sin_addr.s_addr = plen == 0 ? 0 : htonl(0xffffffffu << (32 - plen));
	return (sin);
}

typedef int rib_fn(uint32_t, struct rt_addrinfo *);

/* plen 32 is a host route. gw NULL: no gateway. */
static int
route(rib_fn *f, const char *dst, int plen, const char *gw, int flags)
{
	struct sockaddr_in d = sin4(dst), m = mask4(plen), g = sin4(gw);
	struct rt_addrinfo info = {.rti_flags = flags | (gw != NULL ? RTF_GATEWAY : 0),
	    .rti_dst = sintosa(&d),
	    .rti_netmask = sintosa(&m)};

	if (gw != NULL)
		info.rti_gateway = sintosa(&g);
	return (f(0, &info));
}

/* "lo0", "fake0", "fake0 via 10.0.0.254 reject ...", or "none" */
static const char *
way(const char *dst)
{
	static char text[80];
	char gw[INET_ADDRSTRLEN];
	struct nhop_object *nh = fib4_lookup(0, ip4(dst), 0, NHR_NONE, 0);

	if (nh == NULL)
		return ("none");
	snprintf(text, sizeof(text), "%s%s%s%s%s%s", nh->nh_ifp->if_xname,
	    (nh->nh_flags & NHF_GATEWAY) != 0 ? " via " : "",
	    (nh->nh_flags & NHF_GATEWAY) != 0 ? inet_ntoa_r(nh->gw4_sa.sin_addr, gw) : "",
	    (nh->nh_flags & NHF_REJECT) != 0 ? " reject" : "",
	    (nh->nh_flags & NHF_BLACKHOLE) != 0 ? " blackhole" : "",
	    (nh->nh_flags & NHF_REDIRECT) != 0 ? " redirect" : "");
	return (text);
}

static int
count_one(struct rtentry *rt __unused, void *n)
{
	++*(int *)n;
	return (0);
}

static int
routes(void)
{
	int n = 0;

	(void)rib_walk(0, AF_INET, count_one, &n);
	return (n);
}

static void
test_addresses(void)
{
	is_str(way("127.0.0.1"), "lo0", "lo0 has its address");
	is_str(way("127.0.0.2"), "lo0", "and all of 127/8, unless loopback_net is 0");
	is_str(way("10.0.0.2"), "none", "nothing else is reachable");
	is_int(in_aifaddr(fake0, ip4("10.0.0.1"), 24), 0, "10.0.0.1/24 on fake0");
	is_str(way("10.0.0.2"), "fake0", "brings its network");
	is_str(way("10.0.0.1"), "lo0", "and itself, by lo0");
	is_str(way("10.0.1.2"), "none", "and no more");
	is_int(satosin(fib4_lookup(0, ip4("10.0.0.1"), 0, 0, 0)->nh_ifa->ifa_addr)->sin_addr.s_addr,
	    ip4("10.0.0.1").s_addr, "packets to ourselves come from that address");
	is_int(in_aifaddr(fake0, ip4("10.0.0.9"), 24), 0, "a second address on the same network");
	is_int(in_difaddr(fake0, ip4("10.0.0.1")), 0, "the first one goes");
	is_str(way("10.0.0.2"), "fake0", "the network stays");
	is_str(way("10.0.0.1"), "fake0", "its address is a stranger's now");
	is_int(in_aifaddr(fake0, ip4("10.0.0.1"), 24), 0, "and back");
	is_int(in_difaddr(fake0, ip4("10.0.0.9")), 0, "without the second");
	is_str(way("10.0.0.2"), "fake0", "the network is still there");
	is_int(in_aifaddr(fake1, ip4("10.1.0.1"), 31), 0, "a /31");
	is_str(way("10.1.0.0"), "fake1", "is a network of two");
	is_int(in_difaddr(fake1, ip4("10.1.0.1")), 0, "it goes");
	is_str(way("10.1.0.0"), "none", "and its routes with it");
}

static void
test_by_hand(void)
{
	struct sockaddr_in d = sin4("10.7.0.0"), m = mask4(16);
	struct rtentry *rt;
	uint32_t gen;

	is_int(route(rib_add_route, "0.0.0.0", 0, "10.0.0.254", RTF_STATIC), 0, "a default route");
	is_str(way("8.8.8.8"), "fake0 via 10.0.0.254", "leads to its gateway");
	is_int(route(rib_add_route, "0.0.0.0", 0, "10.0.0.253", 0), EEXIST, "there is one only");
	gen = V_rt_generation;
	is_int(route(rib_change_route, "0.0.0.0", 0, "10.0.0.253", 0), 0, "it can be changed");
	ok(gen != V_rt_generation, "which the generation shows");
	is_str(way("8.8.8.8"), "fake0 via 10.0.0.253", "to another gateway");
	is_int(route(rib_add_route, "10.7.3.4", 16, "10.0.0.254", 0), 0, "a network");
	rt = rib_lookup_exact(0, sintosa(&d), sintosa(&m));
	ok(rt != NULL && satosin(&rt->rt_dst)->sin_addr.s_addr == d.sin_addr.s_addr,
	    "is kept without the bits behind its mask");
	is_int(route(rib_add_route, "10.7.1.0", 24, NULL, RTF_REJECT), 0, "a part of it refused");
	is_int(
	    route(rib_add_route, "10.7.1.1", 32, NULL, RTF_BLACKHOLE), 0, "a host of that dropped");
	is_str(way("10.7.2.1"), "fake0 via 10.0.0.254", "the network");
	is_str(way("10.7.1.2"), "lo0 reject", "its part");
	is_str(way("10.7.1.1"), "lo0 blackhole", "the host");
	is_int(route(rib_del_route, "10.7.1.1", 32, NULL, 0), 0, "the host goes");
	is_str(way("10.7.1.1"), "lo0 reject", "and is part of its network");
	is_int(route(rib_del_route, "10.7.1.1", 32, NULL, 0), ESRCH, "it cannot go twice");
	is_int(
	    route(rib_del_route, "10.7.0.0", 16, "10.0.0.1", 0), ESRCH, "nor by a wrong gateway");
	is_int(route(rib_del_route, "10.0.0.0", 24, NULL, 0), EADDRINUSE,
	    "an interface's network stays as long as its address");
}

static void
test_errors(void)
{
	struct sockaddr_in d = sin4("10.9.0.0"), m = mask4(16);
	struct sockaddr short_sa = {.sa_len = 4, .sa_family = AF_INET};
	struct sockaddr alien = {.sa_len = 16, .sa_family = 99};
	struct rt_addrinfo info = {.rti_dst = sintosa(&d), .rti_netmask = sintosa(&m)};

	is_int(route(rib_add_route, "10.9.0.0", 16, "192.168.1.1", 0), ENETUNREACH,
	    "a gateway behind a gateway");
	is_int(route(rib_add_route, "10.9.0.0", 16, "10.0.0.1", 0), EINVAL, "ourselves as gateway");
	is_int(rib_add_route(0, &info), ENETUNREACH, "a route to nowhere");
	is_int(rib_add_route(77, &info), EAFNOSUPPORT, "a table that is not");
	m.sin_addr.s_addr = htonl(0xff00ff00);
	is_int(rib_add_route(0, &info), EINVAL, "a mask with holes");
	info.rti_dst = &short_sa;
	is_int(rib_add_route(0, &info), EINVAL, "an address cut short");
	info.rti_dst = &alien;
	is_int(rib_add_route(0, &info), EAFNOSUPPORT, "another family");
	info.rti_dst = NULL;
	is_int(rib_add_route(0, &info), EINVAL, "no destination");
}

static void
test_nexthops(void)
{
	struct route ro = {0};
	struct nhop_object *nh;

	ro.ro_nh = fib4_lookup(0, ip4("10.7.2.1"), 0, NHR_REF, 0);
	ro.ro_generation = V_rt_generation;
	nh = ro.ro_nh;
	route_validate(&ro);
	ok(ro.ro_nh == nh, "a cached next hop is good while nothing changes");
	is_int(route(rib_del_route, "10.7.0.0", 16, NULL, 0), 0, "its route goes");
	is_int(nh->nh_refcnt, 1, "it lives while it is held");
	route_validate(&ro);
	ok(ro.ro_nh == NULL, "and is dropped at the next look");
	is_int(fake0->if_mtu, 1500, "the MTU is 1500");
	is_int(fib4_lookup(0, ip4("10.0.0.2"), 0, 0, 0)->nh_mtu, 1500, "the route's, too");
	fake0->if_mtu = 1400;
	rt_updatemtu(fake0);
	is_int(fib4_lookup(0, ip4("10.0.0.2"), 0, 0, 0)->nh_mtu, 1400, "and follows it");
}

static int
redirect(const char *dst, const char *gw, const char *author, struct ifnet *ifp)
{
	struct sockaddr_in d = sin4(dst), g = sin4(gw), a = sin4(author);

	return (rib_add_redirect(0, sintosa(&d), sintosa(&g), sintosa(&a), ifp, 0, 60));
}

static void
test_redirects(void)
{
	char a[INET_ADDRSTRLEN];
	int i, limit = 16;

	is_str(way("9.9.9.9"), "fake0 via 10.0.0.253", "before");
	is_int(redirect("9.9.9.9", "10.0.0.5", "10.0.0.77", fake0), EINVAL, "not from a stranger");
	is_int(redirect("9.9.9.9", "10.5.5.5", "10.0.0.253", fake0), ENETUNREACH,
	    "not to another network");
	is_int(redirect("9.9.9.9", "10.0.0.1", "10.0.0.253", fake0), EINVAL, "not to ourselves");
	is_int(redirect("9.9.9.9", "10.0.0.255", "10.0.0.253", fake0), EINVAL, "not to everybody");
	is_int(redirect("9.9.9.9", "10.0.0.5", "10.0.0.253", fake1), ENETUNREACH,
	    "not by another interface");
	is_int(
	    redirect("10.0.0.8", "10.0.0.5", "10.0.0.253", fake0), EINVAL, "not for a neighbour");
	is_int(V_rtstat.rts_badredirect, 6, "each is counted");
	is_int(redirect("9.9.9.9", "10.0.0.5", "10.0.0.253", fake0), 0, "from our gateway, yes");
	is_str(way("9.9.9.9"), "fake0 via 10.0.0.5 redirect", "for that host");
	is_str(way("9.9.9.8"), "fake0 via 10.0.0.253", "and no other");
	is_int(redirect("9.9.9.9", "10.0.0.6", "10.0.0.253", fake0), EINVAL,
	    "the old gateway has nothing more to say");
	is_int(redirect("9.9.9.9", "10.0.0.6", "10.0.0.5", fake0), 0, "the new one has");
	is_str(way("9.9.9.9"), "fake0 via 10.0.0.6 redirect", "and is followed");
	fakeif_sleep(59000);
	is_str(way("9.9.9.9"), "fake0 via 10.0.0.6 redirect", "it holds for its time");
	fakeif_sleep(1001);
	is_str(way("9.9.9.9"), "fake0 via 10.0.0.253", "and no longer");
	(void)kernel_sysctlbyname(
	    NULL, "net.route.maxredirects", NULL, NULL, &limit, sizeof(limit), NULL, 0);
	for (i = 0; i < 30; i++) {
		snprintf(a, sizeof(a), "9.9.8.%d", i);
		(void)redirect(a, "10.0.0.5", "10.0.0.253", fake0);
	}
	is_int(V_rtstat.rts_dynamic, 17, "they are bounded");
	is_int(route(rib_add_route, "9.9.7.7", 32, "10.0.0.253", RTF_STATIC), 0, "a host by hand");
	is_int(redirect("9.9.7.7", "10.0.0.5", "10.0.0.253", fake0), EEXIST, "is not redirected");
}

static void
test_interface_goes(void)
{
	int before;

	is_int(in_aifaddr(fake1, ip4("10.1.0.1"), 24), 0, "an address on fake1");
	is_int(route(rib_add_route, "10.20.0.0", 16, "10.1.0.254", 0), 0, "a route by it");
	before = routes();
	if_down(fake1);
	is_str(way("10.20.0.1"), "fake0 via 10.0.0.253", "down: its routes are gone");
	is_str(way("10.1.0.1"), "fake0 via 10.0.0.253", "even to its own address");
	is_int(routes(), before - 3, "three of them");
	if_up(fake1);
	is_str(way("10.1.0.1"), "lo0", "up: its address is back");
	is_str(way("10.1.0.9"), "fake1", "and its network");
	is_str(way("10.20.0.1"), "fake0 via 10.0.0.253", "but not what was made by hand");
	is_int(route(rib_add_route, "10.20.0.0", 16, "10.1.0.254", 0), 0, "it is made again");
	is_int(in_difaddr(fake1, ip4("10.1.0.1")), 0, "the address goes");
	is_str(
	    way("10.20.0.1"), "fake0 via 10.0.0.253", "and with it whatever it was the source of");
	is_int(in_aifaddr(fake1, ip4("10.1.0.1"), 24), 0, "back again");
	fakeif_destroy(fake1);
	is_str(way("10.1.0.1"), "fake0 via 10.0.0.253", "an interface that is gone leaves none");
	fakeif_destroy(fake0);
	is_int(routes(), 3, "lo0's two and the refused network are left");
}

static void
test_ipv6(void)
{
	struct sockaddr_in6 d = {.sin6_len = sizeof(d), .sin6_family = AF_INET6}, m = d;
	struct rt_addrinfo info = {.rti_dst = (struct sockaddr *)&d,
	    .rti_netmask = (struct sockaddr *)&m,
	    .rti_flags = RTF_REJECT};
	struct in6_addr a = {{{0x20, 1, 0xd, 0xb8, [15] = 1}}};

	ok(fib6_lookup(0, &a, 0, 0, 0) == NULL, "IPv6 has a table, and nothing in it");
	d.sin6_addr = a;
	memset(&m.sin6_addr, 0xff, 4);
	is_int(rib_add_route(0, &info), 0, "2001:db8::/32");
	ok(fib6_lookup(0, &a, 0, 0, 0) != NULL, "is found");
	a.s6_addr[3] = 0;
	ok(fib6_lookup(0, &a, 0, 0, 0) == NULL, "for what it covers");
	is_int(rib_del_route(0, &info), 0, "it goes");
}

int
main(void)
{
	host_clock_virtual(1000000000);
	host_random_seed(1812);
	kern_boot();
	fake0 = fakeif_create("fake", 0);
	fake1 = fakeif_create("fake", 1);
	test_addresses();
	test_by_hand();
	test_errors();
	test_nexthops();
	test_redirects();
	test_interface_goes();
	test_ipv6();
	return (tap_done());
}
