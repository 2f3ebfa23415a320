/*
 * in_proto.c - the Internet domain: which protocols there are, and the sysctl nodes
 * that they hang their variables on.
 *
 * socket(2) finds a protosw by type and protocol; the first entry of a type is its default.
 * The inet6 domain is another file's, and not there yet: AF_INET6 gives EAFNOSUPPORT.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/domain.h>
#include <sys/eventhandler.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/sysctl.h>

#include <net/if_var.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>
#include <netinet/udp_var.h>

extern struct protosw tcp_protosw;

SYSCTL_NODE(_net, PF_INET, inet, CTLFLAG_RW, NULL, "Internet family");
SYSCTL_NODE(_net_inet, IPPROTO_IP, ip, CTLFLAG_RW, NULL, "IPv4, ip(4)");
SYSCTL_NODE(_net_inet, IPPROTO_ICMP, icmp, CTLFLAG_RW, NULL, "ICMP, icmp(4)");
SYSCTL_NODE(_net_inet, IPPROTO_IGMP, igmp, CTLFLAG_RW, NULL, "IGMP, igmp(4)");
SYSCTL_NODE(_net_inet, IPPROTO_UDP, udp, CTLFLAG_RW, NULL, "UDP, udp(4)");
SYSCTL_NODE(_net_inet, IPPROTO_TCP, tcp, CTLFLAG_RW, NULL, "TCP, tcp(4)");
SYSCTL_NODE(_net_inet, IPPROTO_UDPLITE, udplite, CTLFLAG_RW, NULL, "UDP-Lite, udplite(4)");
SYSCTL_NODE(_net_inet, IPPROTO_RAW, raw, CTLFLAG_RW, NULL, "Raw IP, ip(4)");

static struct domain inetdomain = {
    .dom_family = AF_INET,
    .dom_name = "internet",
    .dom_nprotosw = 8,
    .dom_ifattach = in_domifattach,
    .dom_ifdetach = in_domifdetach,
    .dom_protosw =
	{
	    &tcp_protosw,
	    &udp_protosw,
	    &rip_protosw,
	    &rip_icmp_protosw,
	    &rip_igmp_protosw,
	    &ping_protosw,
	    &udplite_protosw,
	},
};
DOMAIN_SET(inet);

/* No socket and no fragment may go on naming an interface that is no more. */
static void
in_ifdeparture(void *arg __unused, struct ifnet *ifp)
{
	in_pcbpurgeif0(&V_udbinfo, ifp);
	in_pcbpurgeif0(&V_ripcbinfo, ifp);
	in_pcbpurgeif0(&V_ulitecbinfo, ifp);
	in_pcbpurgeif0(&V_pingcbinfo, ifp);
	ip_drain();
}

static void
in_proto_init(const void *unused __unused)
{
	EVENTHANDLER_REGISTER(ifnet_departure_event, in_ifdeparture, NULL, EVENTHANDLER_PRI_FIRST);
}
SYSINIT(in_proto, SI_SUB_PROTO_DOMAIN, SI_ORDER_ANY, in_proto_init, NULL);
