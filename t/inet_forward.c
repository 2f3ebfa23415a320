/*
 * inet_forward.c - the stack as a router, RFC 1812: what goes on and what does not, hops, ICMP's
 * messages about it, redirects, sums and sizes. Two interfaces: fake0, 10.0.0.1/24, and fake1,
 * 10.1.0.1/24, MTU 1000.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <net/if_types.h>
#include <net/route.h>
#include <netinet/in_systm.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>

#include "t/lib/inet_trace.h"
#include "t/lib/tap.h"

int main(void);

static struct ifnet *fake1;
static u_char zeros[1400];

static void
make_fake1(void)
{
	fake1 = if_alloc(IFT_OTHER);
	if_initname(fake1, "fake", 1);
	fake1->if_flags = IFF_BROADCAST | IFF_MULTICAST;
	fake1->if_mtu = 1000;
	fake1->if_output = fake0->if_output;
	fake1->if_transmit = fake0->if_transmit;
	fake1->if_ioctl = fake0->if_ioctl;
	if_attach(fake1);
	if_up(fake1);
	if (in_aifaddr(fake1, addr("10.1.0.1"), 24) != 0)
		tap_bail("no address");
	trace_run();
	tx_flush();
}

/* A UDP datagram from 10.0.0.2 to 10.1.0.2, with these differences. */
#define THROUGH(...)                                                                               \
	do {                                                                                       \
		struct rx_packet p = {.src = "10.0.0.2",                                           \
		    .dst = "10.1.0.2",                                                             \
		    .proto = IPPROTO_UDP,                                                          \
		    .sport = 7,                                                                    \
		    .dport = 9,                                                                    \
		    .data = zeros,                                                                 \
		    .len = 100,                                                                    \
		    .ttl = 20};                                                                    \
		__VA_ARGS__;                                                                       \
		trace_rx(&p);                                                                      \
	} while (0)

static void
test_host(void)
{
	const uint64_t before = V_ipstat.ips_cantforward;

	THROUGH();
	is_str(tx(), "", "a host forwards nothing");
	is_int(V_ipstat.ips_cantforward - before, 1, "and counts it");
	is_int(trace_sysctl("net.inet.ip.forwarding", 1), 0, "it becomes a router");
}

static void
test_through(void)
{
	const uint64_t before = V_ipstat.ips_forward;
	static const u_char rr[] = {1, IPOPT_RR, 7, 4, 0, 0, 0, 0};

	THROUGH();
	is_str(tx(), "10.0.0.2 > 10.1.0.2 udp 7 > 9 len 100 ttl 19", "through, with a hop less");
	THROUGH(p.tos = 0x2e, p.id = 99, p.off = IP_DF);
	is_str(tx(), "10.0.0.2 > 10.1.0.2 udp 7 > 9 len 100 ttl 19 tos 46 df",
	    "its type of service and flags stay");
	THROUGH(p.dst = "10.0.0.1");
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 3/3 about 10.0.0.2 > 10.0.0.1 proto 17 quote 28",
	    "what is for the router is not forwarded");
	THROUGH(p.split = 4);
	is_str(tx(), "10.0.0.2 > 10.1.0.2 udp 7 > 9 len 100 ttl 19", "a header in two mbufs");
	THROUGH(p.nol4sum = true);
	is_str(tx(), "10.0.0.2 > 10.1.0.2 udp 7 > 9 len 100 ttl 19", "no sum, and none made");
	THROUGH(p.opt = rr, p.optlen = sizeof(rr));
	is_str(tx(), "10.0.0.2 > 10.1.0.2 udp 7 > 9 len 100 ttl 19 opt 010707080a000001",
	    "record route: an address of the router's");
	is_int(V_ipstat.ips_forward - before, 5, "each counted");
	THROUGH(p.badl4sum = true, p.csum_flags = CSUM_DATA_VALID | CSUM_PSEUDO_HDR);
	is_str(tx(), "10.0.0.2 > 10.1.0.2 udp 7 > 9 len 100 ttl 19",
	    "a sum that the interface left undone is done");
	THROUGH(p.badl4sum = true);
	is_str(tx(), "10.0.0.2 > 10.1.0.2 udp 7 > 9 len 100 ttl 19 badl4sum",
	    "a wrong sum of others is none of ours");
	tx_flush();
}

static void
test_hops(void)
{
	THROUGH(p.ttl = 2);
	is_str(tx(), "10.0.0.2 > 10.1.0.2 udp 7 > 9 len 100 ttl 1", "the last hop but one");
	THROUGH(p.ttl = 1);
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 11/0 about 10.0.0.2 > 10.1.0.2 proto 17 quote 28",
	    "time exceeded, from the near interface");
	is_str(tx(), "", "and nothing went on");
}

static void
test_sizes(void)
{
	THROUGH(p.len = 1100);
	is_str(tx(), "10.0.0.2 > 10.1.0.2 frag 0+ proto 17 len 976 ttl 19", "cut to the MTU");
	tx_flush();
	THROUGH(p.len = 1100, p.off = IP_DF);
	is_str(tx(),
	    "10.0.0.1 > 10.0.0.2 icmp 3/4 mtu 1000 about 10.0.0.2 > 10.1.0.2 proto 17 quote 28",
	    "may not be cut: the MTU is told");
	is_str(tx(), "", "and nothing went on");
}

static void
test_unreachable(void)
{
	struct sockaddr_in dst = {.sin_len = sizeof(dst), .sin_family = AF_INET}, mask = dst;
	struct rt_addrinfo info = {.rti_flags = RTF_STATIC | RTF_GATEWAY,
	    .rti_dst = sintosa(&dst),
	    .rti_netmask = sintosa(&mask)};
	const u_char error[36] = {ICMP_UNREACH};
	is_int(rib_del_route(RT_DEFAULT_FIB, &info), 0, "no default route any more");
	THROUGH(p.dst = "203.0.113.1");
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 3/0 about 10.0.0.2 > 203.0.113.1 proto 17 quote 28",
	    "no route: network unreachable");
	THROUGH(
	    p.dst = "203.0.113.1", p.proto = IPPROTO_ICMP, p.data = error, p.len = sizeof(error));
	is_str(tx(), "", "but never about an ICMP error");
}

#define STAYS(what, ...)                                                                           \
	do {                                                                                       \
		const uint64_t stays =                                                             \
		    V_ipstat.ips_cantforward + V_ipstat.ips_badaddr + V_ipstat.ips_notmember;      \
		THROUGH(__VA_ARGS__);                                                              \
		is_str(tx(), "", "%s: stays, without a word", what);                               \
		is_int(V_ipstat.ips_cantforward + V_ipstat.ips_badaddr + V_ipstat.ips_notmember -  \
			   stays,                                                                  \
		    1, "%s: counted", what);                                                       \
		tx_flush();                                                                        \
	} while (0)

static void
test_stays(void)
{
	STAYS("a link broadcast", p.mflags = M_BCAST);
	STAYS("a link multicast", p.mflags = M_MCAST);
	STAYS("a group", p.dst = "239.1.2.3", p.mflags = M_MCAST);
	STAYS("loopback", p.dst = "127.0.0.1");
	STAYS("link-local destination", p.dst = "169.254.1.1");
	STAYS("link-local source", p.src = "169.254.1.1");
	STAYS("class E", p.dst = "240.0.0.1");
	STAYS("network 0", p.dst = "0.1.2.3");
	STAYS("another network's broadcast", p.dst = "10.1.0.255");
	STAYS("from 127.0.0.1", p.src = "127.0.0.1");
}

static void
test_redirect(void)
{
	struct sockaddr_in dst = {.sin_len = sizeof(dst), .sin_family = AF_INET}, mask = dst,
			   gw = dst;
	struct rt_addrinfo info = {.rti_flags = RTF_STATIC | RTF_GATEWAY | RTF_UP,
	    .rti_dst = sintosa(&dst),
	    .rti_netmask = sintosa(&mask),
	    .rti_gateway = sintosa(&gw)};
	const uint64_t before = V_ipstat.ips_redirectsent;

	dst.sin_addr = addr("192.0.2.0");
	mask.sin_addr = addr("255.255.255.0");
	gw.sin_addr = addr("10.0.0.9");
	is_int(rib_add_route(RT_DEFAULT_FIB, &info), 0, "a route back by the same network");
	THROUGH(p.dst = "192.0.2.1");
	is_str(tx(), "10.0.0.2 > 192.0.2.1 udp 7 > 9 len 100 ttl 19 via 10.0.0.9", "it goes on");
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 5/1 about 10.0.0.2 > 192.0.2.1 proto 17 quote 28",
	    "and its sender hears of 10.0.0.9");
	is_int(V_ipstat.ips_redirectsent - before, 1, "counted");
	THROUGH(p.dst = "192.0.2.1", p.src = "198.51.100.1");
	is_str(tx(), "198.51.100.1 > 192.0.2.1 udp 7 > 9 len 100 ttl 19 via 10.0.0.9",
	    "from another network: it goes on");
	is_str(tx(), "", "without a redirect");
	is_int(trace_sysctl("net.inet.ip.redirect", 0), 1, "redirects off");
	THROUGH(p.dst = "192.0.2.1");
	tx();
	is_str(tx(), "", "none is sent");
}

int
main(void)
{
	trace_init();
	make_fake1();
	trace_sysctl("net.inet.icmp.icmplim", 0);
	test_host();
	test_through();
	test_hops();
	test_sizes();
	test_redirect();
	test_unreachable();
	test_stays();
	return (tap_done());
}
