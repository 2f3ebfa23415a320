/*
 * bsd_report.c - what alpinectl shows of the stack, as lines of tab-separated fields whose first
 * line names the columns (wire.h, RPC_CTL_REPORT):
 *
 *   sockets | routes | route ADDRESS | interfaces | arp | mbufs | malloc | stats [PROTOCOL] | proc
 * FILE
 *
 * Reads the stack's structures; owns nothing. bsd_counters.c does the counters, bsd_procnet.c the
 * files of /proc/net, which are as Linux has them.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <net/if_dl.h>
#include <net/if_llatbl.h>
#include <net/if_var.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/tcp_var.h>
#include <netinet/udp_var.h>

#include "rpc/bsd/bsd_report.h"

void
report_line(struct report *r, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	n = imin(n, (int)sizeof(line) - 2);
	line[n++] = '\n';
	r->emit(r->arg, line, (size_t)n);
}

/* ---- sockets ---- */

static const char *
host_text(struct in_addr in, char *buf)
{
	if (in.s_addr == INADDR_ANY)
		return ("*");
	return (inet_ntoa_r(in, buf));
}

static const char *
port_text(u_short port, char *buf, size_t size)
{
	if (port == 0)
		return ("*");
	snprintf(buf, size, "%u", ntohs(port));
	return (buf);
}

static void
socket_line(struct report *r, const char *proto, const struct inpcb *inp, const char *state)
{
	const struct socket *so = inp->inp_socket;
	char laddr[INET_ADDRSTRLEN], faddr[INET_ADDRSTRLEN], lport[8], fport[8];

	report_line(r, "%s\t%u\t%u\t%s\t%s\t%s\t%s\t%s\t%u\t%u\t%u", proto,
	    so != NULL ? so->so_rcv.sb_acc : 0, so != NULL ? so->so_snd.sb_acc : 0,
	    host_text(inp->inp_laddr, laddr), port_text(inp->inp_lport, lport, sizeof(lport)),
	    host_text(inp->inp_faddr, faddr), port_text(inp->inp_fport, fport, sizeof(fport)),
	    state, inp->inp_cred != NULL ? inp->inp_cred->cr_uid : 0,
	    so != NULL && SOLISTENING(so) ? so->sol_qlen + so->sol_qheld : 0,
	    so != NULL && SOLISTENING(so) ? so->sol_qlimit : 0);
}

static int
report_sockets(struct report *r, const char *arg __unused)
{
	struct inpcb *inp;
	const struct tcpcb *tp;

	report_line(
	    r, "proto\trecvq\tsendq\tlocal\tlport\tforeign\tfport\tstate\tuid\tqlen\tqlimit");
	LIST_FOREACH (inp, &V_tcbinfo.ipi_listhead, inp_list) {
		tp = intotcpcb(inp);
		if ((inp->inp_flags & INP_DROPPED) != 0)
			continue;
		socket_line(r, "tcp4", inp, tp != NULL ? tcpstates[tp->t_state] : "TIME_WAIT");
	}
	LIST_FOREACH (inp, &V_udbinfo.ipi_listhead, inp_list)
		socket_line(r, "udp4", inp, "");
	LIST_FOREACH (inp, &V_ripcbinfo.ipi_listhead, inp_list)
		socket_line(r, inp->inp_ip_p == IPPROTO_ICMP ? "icm4" : "ip4", inp, "");
	return (0);
}

/* ---- interfaces ---- */

static void
interface_line(struct report *r, const struct ifnet *ifp, const struct in_ifaddr *ia)
{
	char mac[18] = "", addr[INET_ADDRSTRLEN] = "", bcast[INET_ADDRSTRLEN] = "";
	int prefix = 0;

	if ((ifp->if_flags & IFF_LOOPBACK) == 0 && ifp->if_addr != NULL)
		ether_sprintf_r((const u_char *)IF_LLADDR(ifp), mac);
	if (ia != NULL) {
		inet_ntoa_r(IA_SIN(ia)->sin_addr, addr);
		prefix = bitcount32((uint32_t)ia->ia_subnetmask);
		if ((ifp->if_flags & IFF_BROADCAST) != 0)
			inet_ntoa_r(ia->ia_broadaddr.sin_addr, bcast);
	}
	report_line(r,
	    "%s\t%u\t%x\t%u\t%u\t%s\t%s\t%d\t%s\t%d\t%x\t%ju\t%ju\t%ju\t%ju\t%ju\t%ju\t%ju\t%ju",
	    ifp->if_xname, ifp->if_index, (u_int)(ifp->if_flags | ifp->if_drv_flags), ifp->if_mtu,
	    ifp->if_metric, mac, addr, prefix, bcast, ifp->if_link_state, (u_int)ifp->if_capenable,
	    (uintmax_t)ifp->if_ipackets, (uintmax_t)ifp->if_ierrors, (uintmax_t)ifp->if_iqdrops,
	    (uintmax_t)ifp->if_ibytes, (uintmax_t)ifp->if_opackets, (uintmax_t)ifp->if_oerrors,
	    (uintmax_t)ifp->if_obytes, (uintmax_t)ifp->if_collisions);
}

static int
report_interfaces(struct report *r, const char *arg __unused)
{
	const struct in_ifaddr *ia;
	const struct ifnet *ifp;
	bool any;

	report_line(r,
	    "name\tindex\tflags\tmtu\tmetric\tmac\taddress\tprefix\tbroadcast\tlink\toptions\t"
	    "ipackets\tierrors\tidrops\tibytes\topackets\toerrors\tobytes\tcollisions");
	TAILQ_FOREACH (ifp, &V_ifnet, if_link) {
		any = false;
		TAILQ_FOREACH (ia, &V_in_ifaddrhead, ia_link) {
			if (ia->ia_ifp != ifp)
				continue;
			interface_line(r, ifp, ia);
			any = true;
		}
		if (!any)
			interface_line(r, ifp, NULL);
	}
	return (0);
}

/* ---- routes ---- */

#define ROUTE_COLUMNS                                                                              \
	"destination\tprefix\tgateway\tflags\tuse\tmtu\tnetif\texpire\tsource\tfixedmtu"

static const struct {
	int flag;
	char letter;
} route_letters[] = {
    {RTF_UP, 'U'},
    {RTF_GATEWAY, 'G'},
    {RTF_HOST, 'H'},
    {RTF_REJECT, 'R'},
    {RTF_BLACKHOLE, 'B'},
    {RTF_DYNAMIC, 'D'},
    {RTF_MODIFIED, 'M'},
    {RTF_STATIC, 'S'},
    {RTF_BROADCAST, 'b'},
};

const char *
report_route_flags(int rte_flags, char flags[ROUTE_FLAGS_MAX])
{
	u_int i, n = 0;

	CTASSERT(nitems(route_letters) < ROUTE_FLAGS_MAX);
	for (i = 0; i < nitems(route_letters); i++)
		if ((rte_flags & route_letters[i].flag) != 0)
			flags[n++] = route_letters[i].letter;
	flags[n] = '\0';
	return (flags);
}

int
report_prefix(const struct rtentry *rt)
{
	const struct sockaddr_in *mask = (const struct sockaddr_in *)&rt->rt_mask;

	return ((rt->rte_flags & RTF_HOST) != 0 ? 32 : bitcount32(mask->sin_addr.s_addr));
}

static int
route_line(struct rtentry *rt, void *arg)
{
	const struct nhop_object *nh = rt->rt_nhop;
	char to[INET_ADDRSTRLEN], gw[32], src[INET_ADDRSTRLEN] = "", flags[ROUTE_FLAGS_MAX];

	inet_ntoa_r(satosin(&rt->rt_dst)->sin_addr, to);
	if ((nh->nh_flags & NHF_GATEWAY) != 0 && nh->gw_sa.sa_family == AF_INET)
		inet_ntoa_r(nh->gw4_sa.sin_addr, gw);
	else
		snprintf(gw, sizeof(gw), "link#%u", nh->nh_ifp->if_index);
	if (nh->nh_ifa != NULL && nh->nh_ifa->ifa_addr->sa_family == AF_INET)
		inet_ntoa_r(satosin(nh->nh_ifa->ifa_addr)->sin_addr, src);
	report_line(arg, "%s\t%d\t%s\t%s\t%ju\t%u\t%s\t%d\t%s\t%d", to, report_prefix(rt), gw,
	    report_route_flags(rt->rte_flags, flags), (uintmax_t)nh->nh_pksent, nh->nh_mtu,
	    nh->nh_ifp->if_xname,
	    rt->rt_expire == 0 ? 0 : sbintime_getsec(rt->rt_expire - getsbinuptime()), src,
	    (rt->rte_flags & RTF_FIXEDMTU) != 0);
	return (0);
}

/* The longest of those that cover an address. */
struct best {
	in_addr_t addr; /* host order */
	struct rtentry *rt;
};

static int
route_covers(struct rtentry *rt, void *arg)
{
	struct best *b = arg;
	int prefix = report_prefix(rt);
	in_addr_t mask = prefix == 0 ? 0 : 0xffffffffu << (32 - prefix);

	if (((ntohl(satosin(&rt->rt_dst)->sin_addr.s_addr) ^ b->addr) & mask) == 0 &&
	    (b->rt == NULL || prefix >= report_prefix(b->rt)))
		b->rt = rt;
	return (0);
}

static int
report_route(struct report *r, const char *arg)
{
	struct best b = {.rt = NULL};
	struct in_addr in;

	if (inet_aton(arg, &in) == 0)
		return (LINUX_EINVAL);
	b.addr = ntohl(in.s_addr);
	(void)rib_walk(RT_DEFAULT_FIB, AF_INET, route_covers, &b);
	if (b.rt == NULL)
		return (LINUX_ENETUNREACH);
	report_line(r, ROUTE_COLUMNS);
	return (route_line(b.rt, r));
}

static int
report_routes(struct report *r, const char *arg __unused)
{
	report_line(r, ROUTE_COLUMNS);
	(void)rib_walk(RT_DEFAULT_FIB, AF_INET, route_line, r);
	return (0);
}

/* ---- neighbours ---- */

static int
arp_line(struct lltable *llt, struct llentry *lle, void *arg)
{
	char addr[INET_ADDRSTRLEN], mac[18] = "";

	if ((lle->la_flags & LLE_VALID) != 0)
		ether_sprintf_r(lle->ll_addr, mac);
	report_line(arg, "%s\t%s\t%s\t%d\t%s", inet_ntoa_r(lle->r_l3addr.addr4, addr), mac,
	    llt->llt_ifp->if_xname,
	    lle->la_expire == 0 ? -1 : (int)lmax(0, (long)(lle->la_expire - time_uptime)),
	    (lle->la_flags & LLE_IFADDR) != 0	? "local"
	    : (lle->la_flags & LLE_STATIC) != 0 ? "permanent"
						: "dynamic");
	return (0);
}

static int
report_arp(struct report *r, const char *arg __unused)
{
	struct lltable *llt;
	struct ifnet *ifp;

	report_line(r, "address\tmac\tnetif\texpire\tkind");
	TAILQ_FOREACH (ifp, &V_ifnet, if_link) {
		llt = lltable_get(ifp, AF_INET);
		if (llt != NULL)
			(void)lltable_foreach_lle(llt, arp_line, r);
	}
	return (0);
}

/* ---- memory ---- */

static int
report_mbufs(struct report *r, const char *arg __unused)
{
	struct mbstat s;

	mb_stat(&s);
	report_line(r, "name\tused\tmax\tbytes");
	report_line(
	    r, "mbufs\t%ju\t%ju\t%d", (uintmax_t)s.mbufs_used, (uintmax_t)s.mbufs_max, MSIZE);
	report_line(r, "mbuf clusters\t%ju\t%ju\t%d", (uintmax_t)s.clusters_used,
	    (uintmax_t)s.clusters_max, MCLBYTES);
	report_line(r, "4k jumbo clusters\t%ju\t0\t%d", (uintmax_t)s.jumbop_used, MJUMPAGESIZE);
	report_line(r, "9k jumbo clusters\t%ju\t0\t%d", (uintmax_t)s.jumbo9_used, MJUM9BYTES);
	report_line(r, "16k jumbo clusters\t%ju\t0\t%d", (uintmax_t)s.jumbo16_used, MJUM16BYTES);
	report_line(r, "64k jumbo clusters\t%ju\t0\t%d", (uintmax_t)s.jumbo64_used, MJUM64BYTES);
	report_line(r, "bytes\t%ju\t0\t1", (uintmax_t)s.bytes_used);
	report_line(r, "denied\t%ju\t0\t0", (uintmax_t)s.denied);
	return (0);
}

static void
malloc_line(const struct malloc_type *type, void *arg)
{
	report_line(arg, "%s\t%ju\t%ju\t%ju", type->ks_shortdesc, (uintmax_t)type->ks_inuse,
	    (uintmax_t)type->ks_memuse, (uintmax_t)type->ks_calls);
}

static int
report_malloc(struct report *r, const char *arg __unused)
{
	report_line(r, "type\tinuse\tmemuse\trequests");
	malloc_type_foreach(malloc_line, r);
	return (0);
}

/* ---- by name ---- */

static const struct {
	const char *name;
	int (*fn)(struct report *, const char *arg);
} reports[] = {
    {"sockets", report_sockets},
    {"interfaces", report_interfaces},
    {"routes", report_routes},
    {"route", report_route},
    {"arp", report_arp},
    {"mbufs", report_mbufs},
    {"malloc", report_malloc},
    {"stats", report_stats},
    {"proc", report_proc},
};

int
bsd_report(const char *request, bsd_emit_fn *emit, void *arg)
{
	struct report r = {.emit = emit, .arg = arg};
	const char *rest = strchr(request, ' ');
	size_t len = rest != NULL ? (size_t)(rest - request) : strlen(request);
	u_int i;

	for (i = 0; i < nitems(reports); i++)
		if (strlen(reports[i].name) == len && strncmp(reports[i].name, request, len) == 0)
			return (reports[i].fn(&r, rest != NULL ? rest + 1 : ""));
	return (LINUX_ENOENT);
}
