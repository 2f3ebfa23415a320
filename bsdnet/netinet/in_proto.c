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
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/sysctl.h>

#include <net/if_var.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/ip_var.h>
#include <netinet/udp_var.h>

extern struct protosw tcp_protosw;

SYSCTL_NODE(_net, PF_INET, inet, CTLFLAG_RW, NULL, "Internet family");
SYSCTL_NODE(_net_inet, IPPROTO_IP, ip, CTLFLAG_RW, NULL, "IPv4, ip(4)");
SYSCTL_NODE(_net_inet, IPPROTO_ICMP, icmp, CTLFLAG_RW, NULL, "ICMP, icmp(4)");
SYSCTL_NODE(_net_inet, IPPROTO_UDP, udp, CTLFLAG_RW, NULL, "UDP, udp(4)");
SYSCTL_NODE(_net_inet, IPPROTO_TCP, tcp, CTLFLAG_RW, NULL, "TCP, tcp(4)");
SYSCTL_NODE(_net_inet, IPPROTO_RAW, raw, CTLFLAG_RW, NULL, "Raw IP, ip(4)");

static struct domain inetdomain = {
    .dom_family = AF_INET,
    .dom_name = "internet",
    .dom_nprotosw = 6,
    .dom_protosw =
	{
	    &tcp_protosw,
	    &udp_protosw,
	    &rip_protosw,
	    &rip_icmp_protosw,
	    &rip_igmp_protosw,
	},
};
DOMAIN_SET(inet);
