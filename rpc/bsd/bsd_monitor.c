/*
 * bsd_monitor.c - tells what changes in the routing table, on interfaces and among neighbours, as
 * it happens: `alpinectl route monitor`, route(4)'s messages as lines of fields.
 *
 * Owns the handlers' tags and the one listener. Events come in the middle of the stack's work;
 * the listener only stores the line. Called through bsd_monitor().
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/eventhandler.h>
#include <sys/socket.h>
#include <net/ethernet.h>
#include <net/if_dl.h>
#include <net/if_llatbl.h>
#include <net/if_var.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netinet/in_var.h>

#include "rpc/bsd/bsd_report.h"

static struct report listener; /* emit NULL: nobody listens */
static eventhandler_tag tags[5];

const char bsd_monitor_columns[] =
    "message\tdestination\tprefix\tgateway\tflags\tnetif\tmtu\taddress\tmac\tstatus\n";

static void
on_route(void *arg __unused, uint32_t fib __unused, int cmd, const struct rtentry *rt)
{
	const struct nhop_object *nh = rt->rt_nhop;
	char dst[INET_ADDRSTRLEN], gw[INET_ADDRSTRLEN] = "", src[INET_ADDRSTRLEN] = "";
	char flags[ROUTE_FLAGS_MAX];

	if (rt->rt_dst.ss_family != AF_INET)
		return;
	if ((nh->nh_flags & NHF_GATEWAY) != 0 && nh->gw_sa.sa_family == AF_INET)
		inet_ntoa_r(nh->gw4_sa.sin_addr, gw);
	if (nh->nh_ifa != NULL && nh->nh_ifa->ifa_addr->sa_family == AF_INET)
		inet_ntoa_r(satosin(nh->nh_ifa->ifa_addr)->sin_addr, src);
	report_line(&listener, "%s\t%s\t%d\t%s\t%s\t%s\t%u\t%s\t\t",
	    cmd == RTM_ADD	? "RTM_ADD"
	    : cmd == RTM_DELETE ? "RTM_DELETE"
				: "RTM_CHANGE",
	    inet_ntoa_r(((const struct sockaddr_in *)&rt->rt_dst)->sin_addr, dst),
	    report_prefix(rt), gw, report_route_flags(rt->rte_flags, flags), nh->nh_ifp->if_xname,
	    nh->nh_mtu, src);
}

static void
on_address(void *arg __unused, struct ifnet *ifp, struct ifaddr *ifa, int event)
{
	char addr[INET_ADDRSTRLEN];

	if (ifa->ifa_addr->sa_family != AF_INET)
		return;
	report_line(&listener, "%s\t\t%d\t\t\t%s\t%u\t%s\t\t",
	    event == IFADDR_EVENT_ADD ? "RTM_NEWADDR" : "RTM_DELADDR",
	    bitcount32(satosin(ifa->ifa_netmask)->sin_addr.s_addr), ifp->if_xname, ifp->if_mtu,
	    inet_ntoa_r(satosin(ifa->ifa_addr)->sin_addr, addr));
}

static void
on_interface(void *arg __unused, struct ifnet *ifp, int event __unused)
{
	report_line(&listener, "RTM_IFINFO\t\t0\t\t%x\t%s\t%u\t\t\t%s, link %s",
	    (u_int)(ifp->if_flags | ifp->if_drv_flags), ifp->if_xname, ifp->if_mtu,
	    (ifp->if_flags & IFF_UP) != 0 ? "up" : "down",
	    ifp->if_link_state == LINK_STATE_UP	    ? "up"
	    : ifp->if_link_state == LINK_STATE_DOWN ? "down"
						    : "unknown");
}

static void
on_neighbour(void *arg __unused, struct llentry *lle, int event)
{
	char addr[INET_ADDRSTRLEN], mac[18];

	if (lle->lle_tbl->llt_af != AF_INET)
		return;
	report_line(&listener, "%s\t%s\t32\t\tUHL\t%s\t%u\t\t%s\t",
	    event == LLENTRY_RESOLVED ? "RTM_ADD" : "RTM_DELETE",
	    inet_ntoa_r(lle->r_l3addr.addr4, addr), lle->lle_tbl->llt_ifp->if_xname,
	    lle->lle_tbl->llt_ifp->if_mtu, ether_sprintf_r(lle->ll_addr, mac));
}

void
bsd_monitor(bsd_emit_fn *emit, void *arg)
{
	bool was = listener.emit != NULL;

	listener = (struct report){.emit = emit, .arg = arg};
	if (emit != NULL && !was) {
		tags[0] = EVENTHANDLER_REGISTER(rib_event, on_route, NULL, EVENTHANDLER_PRI_ANY);
		tags[1] =
		    EVENTHANDLER_REGISTER(ifaddr_event_ext, on_address, NULL, EVENTHANDLER_PRI_ANY);
		tags[2] =
		    EVENTHANDLER_REGISTER(ifnet_event, on_interface, NULL, EVENTHANDLER_PRI_LAST);
		tags[3] = EVENTHANDLER_REGISTER(
		    ifnet_link_event, on_interface, NULL, EVENTHANDLER_PRI_LAST);
		tags[4] =
		    EVENTHANDLER_REGISTER(lle_event, on_neighbour, NULL, EVENTHANDLER_PRI_ANY);
	} else if (emit == NULL && was) {
		EVENTHANDLER_DEREGISTER(rib_event, tags[0]);
		EVENTHANDLER_DEREGISTER(ifaddr_event_ext, tags[1]);
		EVENTHANDLER_DEREGISTER(ifnet_event, tags[2]);
		EVENTHANDLER_DEREGISTER(ifnet_link_event, tags[3]);
		EVENTHANDLER_DEREGISTER(lle_event, tags[4]);
	}
}
