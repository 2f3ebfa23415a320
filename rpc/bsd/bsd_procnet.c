/*
 * bsd_procnet.c - the files of Linux's /proc/net (proc(5)), filled from the BSD stack: what
 * net-tools, lsof, node, java and others read. The shim shows them to programs (shim_proc.c).
 *
 * Addresses are printed as Linux does, the bytes of the wire taken for a number of this machine.
 * There is no inode that would lead from a line to a program's descriptor: it is 0. Owns nothing.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <net/ethernet.h>
#include <net/if_llatbl.h>
#include <net/if_var.h>
#include <net/route.h>
#include <netinet/igmp_var.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>
#include <netinet/tcp_var.h>
#include <netinet/udp_var.h>

#include "rpc/bsd/bsd_admin.h"
#include "rpc/bsd/bsd_report.h"

/* ---- dev, if_inet6 ---- */

static void
proc_dev(struct report *r)
{
	const struct ifnet *ifp;

	report_line(r, "Inter-|   Receive                                                |  "
		       "Transmit");
	report_line(r, " face |bytes    packets errs drop fifo frame compressed multicast|bytes    "
		       "packets errs drop fifo colls carrier compressed");
	TAILQ_FOREACH (ifp, &V_ifnet, if_link)
		report_line(r,
		    "%6s: %7ju %7ju %4ju %4ju    0     0          0 %9ju %8ju %7ju %4ju %4ju    0 "
		    "%5ju       0          0",
		    bsd_ifname(ifp), (uintmax_t)ifp->if_ibytes, (uintmax_t)ifp->if_ipackets,
		    (uintmax_t)ifp->if_ierrors, (uintmax_t)ifp->if_iqdrops,
		    (uintmax_t)ifp->if_imcasts, (uintmax_t)ifp->if_obytes,
		    (uintmax_t)ifp->if_opackets, (uintmax_t)ifp->if_oerrors,
		    (uintmax_t)ifp->if_oqdrops, (uintmax_t)ifp->if_collisions);
}

static void
proc_empty(struct report *r __unused)
{
}

/* ---- route ---- */

static int
route_one(struct rtentry *rt, void *arg)
{
	const struct nhop_object *nh = rt->rt_nhop;
	int flags = LINUX_RTF_UP, prefix = report_prefix(rt);
	in_addr_t gw = 0;
	bool reject = (rt->rte_flags & (RTF_REJECT | RTF_BLACKHOLE)) != 0;

	/* what Linux keeps in its local table: our own addresses, and those of the loopback */
	if ((rt->rte_flags & RTF_PINNED) != 0 && (nh->nh_ifp->if_flags & IFF_LOOPBACK) != 0)
		return (0);
	if ((nh->nh_flags & NHF_GATEWAY) != 0) {
		flags |= LINUX_RTF_GATEWAY;
		gw = nh->gw4_sa.sin_addr.s_addr;
	}
	if ((rt->rte_flags & RTF_HOST) != 0)
		flags |= LINUX_RTF_HOST;
	if ((rt->rte_flags & RTF_DYNAMIC) != 0)
		flags |= LINUX_RTF_DYNAMIC;
	if (reject)
		flags |= LINUX_RTF_REJECT;
	report_line(arg, "%s\t%08X\t%08X\t%04X\t%d\t%ju\t%d\t%08X\t%d\t%u\t%u%40s",
	    reject ? "*" : bsd_ifname(nh->nh_ifp), satosin(&rt->rt_dst)->sin_addr.s_addr, gw, flags,
	    0, (uintmax_t)nh->nh_pksent, 0, prefix == 0 ? 0 : htonl(0xffffffffu << (32 - prefix)),
	    (rt->rte_flags & RTF_FIXEDMTU) != 0 ? nh->nh_mtu : 0, 0, 0, "");
	return (0);
}

static void
proc_route(struct report *r)
{
	report_line(r, "%-127s",
	    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT");
	(void)rib_walk(RT_DEFAULT_FIB, AF_INET, route_one, r);
}

/* ---- arp ---- */

static int
arp_one(struct lltable *llt, struct llentry *lle, void *arg)
{
	char addr[INET_ADDRSTRLEN], mac[18] = "00:00:00:00:00:00";

	if ((lle->la_flags & LLE_IFADDR) != 0)
		return (0);
	if ((lle->la_flags & LLE_VALID) != 0)
		ether_sprintf_r(lle->ll_addr, mac);
	report_line(arg, "%-16s 0x%-10x0x%-10x%-17s     *        %s",
	    inet_ntoa_r(lle->r_l3addr.addr4, addr), LINUX_ARPHRD_ETHER, linux_arp_flags(lle), mac,
	    bsd_ifname(llt->llt_ifp));
	return (0);
}

static void
proc_arp(struct report *r)
{
	struct lltable *llt;
	struct ifnet *ifp;

	report_line(r, "IP address       HW type     Flags       HW address            Mask     "
		       "Device");
	TAILQ_FOREACH (ifp, &V_ifnet, if_link)
		if ((llt = lltable_get(ifp, AF_INET)) != NULL)
			(void)lltable_foreach_lle(llt, arp_one, r);
}

/* ---- sockets ---- */

#define LINUX_DGRAM_CONNECTED 1
#define LINUX_DGRAM_FREE 7

static void
tcp_one(struct report *r, u_int n, const struct inpcb *inp)
{
	const struct socket *so = inp->inp_socket;
	const struct tcpcb *tp = intotcpcb(inp);
	int state = tp != NULL ? tp->t_state : TCPS_TIME_WAIT;
	u_int rx = 0, tx = 0;
	char line[160];

	if (so != NULL && SOLISTENING(so)) {
		rx = so->sol_qlen + so->sol_qheld;
	} else if (so != NULL) {
		rx = so->so_rcv.sb_acc;
		tx = so->so_snd.sb_acc;
	}
	snprintf(line, sizeof(line),
	    "%4u: %08X:%04X %08X:%04X %02X %08X:%08X %02X:%08X %08X %5u %8d %u %d "
	    "0000000000000000 %u 4 0 %u -1",
	    n, inp->inp_laddr.s_addr, ntohs(inp->inp_lport), inp->inp_faddr.s_addr,
	    ntohs(inp->inp_fport), linux_tcp_state(state), tx, rx, 0, 0,
	    tp != NULL ? tp->t_rxtshift : 0, inp->inp_cred != NULL ? inp->inp_cred->cr_uid : 0, 0,
	    0, 1, 20, tp != NULL && tp->t_maxseg > 0 ? (u_int)(tp->snd_cwnd / tp->t_maxseg) : 10);
	report_line(r, "%-149s", line);
}

static void
proc_tcp(struct report *r)
{
	struct inpcb *inp;
	u_int n = 0;

	report_line(r, "%-149s",
	    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "
	    "timeout inode");
	LIST_FOREACH (inp, &V_tcbinfo.ipi_listhead, inp_list)
		if ((inp->inp_flags & INP_DROPPED) == 0 && (inp->inp_vflag & INP_IPV4) != 0 &&
		    (intotcpcb(inp) == NULL || inp->inp_lport != 0))
			tcp_one(r, n++, inp);
}

static void
dgram_one(struct report *r, const char *form, u_int n, const struct inpcb *inp, u_int lport)
{
	const struct socket *so = inp->inp_socket;
	char line[160];

	snprintf(line, sizeof(line), form, n, inp->inp_laddr.s_addr, lport, inp->inp_faddr.s_addr,
	    ntohs(inp->inp_fport),
	    inp->inp_faddr.s_addr != INADDR_ANY ? LINUX_DGRAM_CONNECTED : LINUX_DGRAM_FREE,
	    so != NULL ? so->so_snd.sb_acc : 0, so != NULL ? so->so_rcv.sb_acc : 0,
	    inp->inp_cred != NULL ? inp->inp_cred->cr_uid : 0);
	report_line(r, "%-127s", line);
}

#define DGRAM_FORM                                                                                 \
	"u: %08X:%04X %08X:%04X %02X %08X:%08X 00:00000000 00000000 %5u        0 0 2 "             \
	"0000000000000000 0"

static void
proc_udp(struct report *r)
{
	struct inpcb *inp;
	u_int n = 0;

	report_line(r, "%-127s",
	    "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "
	    "timeout inode ref pointer drops");
	LIST_FOREACH (inp, &V_udbinfo.ipi_listhead, inp_list)
		if (inp->inp_lport != 0 && (inp->inp_vflag & INP_IPV4) != 0)
			dgram_one(r, "%5" DGRAM_FORM, n++, inp, ntohs(inp->inp_lport));
}

/* A raw socket's port is its protocol. */
static void
proc_raw(struct report *r)
{
	struct inpcb *inp;
	u_int n = 0;

	report_line(r, "%-127s",
	    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "
	    "timeout inode ref pointer drops");
	LIST_FOREACH (inp, &V_ripcbinfo.ipi_listhead, inp_list)
		dgram_one(r, "%4" DGRAM_FORM, n++, inp, inp->inp_ip_p);
}

static void
proc_tcp6(struct report *r)
{
	report_line(r,
	    "  sl  local_address                         remote_address                        st "
	    "tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode");
}

static void
proc_udp6(struct report *r)
{
	report_line(r,
	    "  sl  local_address                         remote_address                        st "
	    "tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops");
}

static u_int
count_pcbs(struct inpcbinfo *info)
{
	struct inpcb *inp;
	u_int n = 0;

	LIST_FOREACH (inp, &info->ipi_listhead, inp_list)
		n++;
	return (n);
}

static void
proc_sockstat(struct report *r)
{
	u_int tcp = count_pcbs(&V_tcbinfo), udp = count_pcbs(&V_udbinfo),
	      raw = count_pcbs(&V_ripcbinfo);
	u_int tw = (u_int)V_tcpstat.tcps_states[TCPS_TIME_WAIT];

	report_line(r, "sockets: used %u", tcp + udp + raw);
	report_line(r, "TCP: inuse %u orphan 0 tw %u alloc %u mem 0", tcp - MIN(tw, tcp), tw, tcp);
	report_line(r, "UDP: inuse %u mem 0", udp);
	report_line(r, "UDPLITE: inuse 0");
	report_line(r, "RAW: inuse %u", raw);
	report_line(r, "FRAG: inuse 0 memory 0");
}

/* ---- igmp ---- */

static void
proc_igmp(struct report *r)
{
	const struct in_multi *inm;
	const struct ifnet *ifp;
	int n;

	report_line(r, "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter");
	TAILQ_FOREACH (ifp, &V_ifnet, if_link) {
		if (IN_IFINFO(ifp) == NULL)
			continue;
		n = 0;
		LIST_FOREACH (inm, &IN_IFINFO(ifp)->ii_multi, inm_link)
			n++;
		if (n == 0)
			continue;
		report_line(r, "%d\t%-10s: %5d %7s", ifp->if_index, bsd_ifname(ifp), n,
		    igmp_host_version(__DECONST(struct ifnet *, ifp)) == 1   ? "V1"
		    : igmp_host_version(__DECONST(struct ifnet *, ifp)) == 2 ? "V2"
									     : "V3");
		LIST_FOREACH (inm, &IN_IFINFO(ifp)->ii_multi, inm_link)
			report_line(r, "\t\t\t\t%08X %5u 0:00000000\t\t0", inm->inm_addr.s_addr,
			    inm->inm_refcount);
	}
}

/* ---- snmp, netstat ---- */

struct counter {
	const char *name;
	uint64_t value;
};

static void
counters(struct report *r, const char *title, const struct counter *c, u_int n)
{
	static char names[2048], values[2048];
	int a, b;
	u_int i;

	a = snprintf(names, sizeof(names), "%s:", title);
	b = snprintf(values, sizeof(values), "%s:", title);
	for (i = 0; i < n; i++) {
		a += snprintf(names + a, sizeof(names) - (size_t)a, " %s", c[i].name);
		b += snprintf(values + b, sizeof(values) - (size_t)b, " %jd", (intmax_t)c[i].value);
		KASSERT(a < (int)sizeof(names) - 64 && b < (int)sizeof(values) - 64,
		    ("counters: %s is full", title));
	}
	names[a++] = values[b++] = '\n';
	r->emit(r->arg, names, (size_t)a);
	r->emit(r->arg, values, (size_t)b);
}
#define COUNTERS(r, title, c) counters(r, title, c, nitems(c))

static void
snmp_ip(struct report *r)
{
	const struct ipstat *s = &V_ipstat;
	const struct counter c[] = {
	    {"Forwarding", V_ipforwarding ? 1 : 2},
	    {"DefaultTTL", (uint64_t)V_ip_defttl},
	    {"InReceives", s->ips_total},
	    {"InHdrErrors", s->ips_badsum + s->ips_tooshort + s->ips_toosmall + s->ips_badhlen +
				s->ips_badlen + s->ips_badvers + s->ips_badoptions},
	    {"InAddrErrors", s->ips_badaddr + s->ips_cantforward},
	    {"ForwDatagrams", s->ips_forward},
	    {"InUnknownProtos", s->ips_noproto},
	    {"InDiscards", 0},
	    {"InDelivers", s->ips_delivered},
	    {"OutRequests", s->ips_localout + s->ips_rawout},
	    {"OutDiscards", s->ips_odropped},
	    {"OutNoRoutes", s->ips_noroute},
	    {"ReasmTimeout", s->ips_fragtimeout},
	    {"ReasmReqds", s->ips_fragments},
	    {"ReasmOKs", s->ips_reassembled},
	    {"ReasmFails", s->ips_fragdropped + s->ips_fragtimeout},
	    {"FragOKs", s->ips_fragmented},
	    {"FragFails", s->ips_cantfrag},
	    {"FragCreates", s->ips_ofragments},
	};

	COUNTERS(r, "Ip", c);
}

static uint64_t
sum_hist(const uint64_t hist[ICMP_MAXTYPE + 1])
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i <= ICMP_MAXTYPE; i++)
		sum += hist[i];
	return (sum);
}

static void
snmp_icmp(struct report *r)
{
	const struct icmpstat *s = &V_icmpstat;
	const uint64_t *in = s->icps_inhist, *out = s->icps_outhist;
	const struct counter c[] = {
	    {"InMsgs", sum_hist(in)},
	    {"InErrors", s->icps_badcode + s->icps_tooshort + s->icps_checksum + s->icps_badlen},
	    {"InCsumErrors", s->icps_checksum},
	    {"InDestUnreachs", in[ICMP_UNREACH]},
	    {"InTimeExcds", in[ICMP_TIMXCEED]},
	    {"InParmProbs", in[ICMP_PARAMPROB]},
	    {"InSrcQuenchs", in[ICMP_SOURCEQUENCH]},
	    {"InRedirects", in[ICMP_REDIRECT]},
	    {"InEchos", in[ICMP_ECHO]},
	    {"InEchoReps", in[ICMP_ECHOREPLY]},
	    {"InTimestamps", in[ICMP_TSTAMP]},
	    {"InTimestampReps", in[ICMP_TSTAMPREPLY]},
	    {"InAddrMasks", in[ICMP_MASKREQ]},
	    {"InAddrMaskReps", in[ICMP_MASKREPLY]},
	    {"OutMsgs", sum_hist(out)},
	    {"OutErrors", s->icps_noroute},
	    {"OutDestUnreachs", out[ICMP_UNREACH]},
	    {"OutTimeExcds", out[ICMP_TIMXCEED]},
	    {"OutParmProbs", out[ICMP_PARAMPROB]},
	    {"OutSrcQuenchs", out[ICMP_SOURCEQUENCH]},
	    {"OutRedirects", out[ICMP_REDIRECT]},
	    {"OutEchos", out[ICMP_ECHO]},
	    {"OutEchoReps", out[ICMP_ECHOREPLY]},
	    {"OutTimestamps", out[ICMP_TSTAMP]},
	    {"OutTimestampReps", out[ICMP_TSTAMPREPLY]},
	    {"OutAddrMasks", out[ICMP_MASKREQ]},
	    {"OutAddrMaskReps", out[ICMP_MASKREPLY]},
	};

	COUNTERS(r, "Icmp", c);
}

static void
snmp_tcp(struct report *r)
{
	const struct tcpstat *s = &V_tcpstat;
	const struct counter c[] = {
	    {"RtoAlgorithm", 4}, /* Van Jacobson's */
	    {"RtoMin", (uint64_t)V_tcp_rexmit_min},
	    {"RtoMax", 60000},
	    {"MaxConn", (uint64_t)-1},
	    {"ActiveOpens", s->tcps_connattempt},
	    {"PassiveOpens", s->tcps_accepts},
	    {"AttemptFails", s->tcps_conndrops + s->tcps_sc_reset + s->tcps_sc_stale},
	    {"EstabResets", s->tcps_drops},
	    {"CurrEstab", s->tcps_states[TCPS_ESTABLISHED] + s->tcps_states[TCPS_CLOSE_WAIT]},
	    {"InSegs", s->tcps_rcvtotal},
	    {"OutSegs", s->tcps_sndtotal - s->tcps_sndrexmitpack},
	    {"RetransSegs", s->tcps_sndrexmitpack},
	    {"InErrs", s->tcps_rcvbadsum + s->tcps_rcvbadoff + s->tcps_rcvshort},
	    {"OutRsts", s->tcps_noport},
	    {"InCsumErrors", s->tcps_rcvbadsum},
	};

	COUNTERS(r, "Tcp", c);
}

static void
snmp_udp(struct report *r)
{
	const struct udpstat *s = &V_udpstat;
	const struct counter c[] = {
	    {"InDatagrams", s->udps_ipackets - s->udps_hdrops - s->udps_badsum - s->udps_badlen -
				s->udps_noport - s->udps_noportbcast - s->udps_fullsock},
	    {"NoPorts", s->udps_noport + s->udps_noportbcast},
	    {"InErrors", s->udps_hdrops + s->udps_badsum + s->udps_badlen + s->udps_fullsock},
	    {"OutDatagrams", s->udps_opackets},
	    {"RcvbufErrors", s->udps_fullsock},
	    {"SndbufErrors", 0},
	    {"InCsumErrors", s->udps_badsum},
	    {"IgnoredMulti", s->udps_noportmcast},
	};

	COUNTERS(r, "Udp", c);
}

static void
proc_snmp(struct report *r)
{
	snmp_ip(r);
	snmp_icmp(r);
	snmp_tcp(r);
	snmp_udp(r);
}

/* Those of Linux's extended counters that BSD's have a meaning for. */
static void
proc_netstat(struct report *r)
{
	const struct tcpstat *s = &V_tcpstat;
	const struct counter tcp[] = {
	    {"SyncookiesSent", s->tcps_sc_sendcookie},
	    {"SyncookiesRecv", s->tcps_sc_recvcookie},
	    {"SyncookiesFailed", s->tcps_sc_failcookie},
	    {"OutOfWindowIcmps", s->tcps_icmp_badseq},
	    {"TWRecycled", s->tcps_tw_recycles},
	    {"PAWSEstab", s->tcps_pawsdrop},
	    {"DelayedACKs", s->tcps_delack},
	    {"ListenOverflows", s->tcps_listendrop},
	    {"ListenDrops", s->tcps_listendrop},
	    {"TCPHPHits", s->tcps_preddat},
	    {"TCPPureAcks", s->tcps_rcvackpack},
	    {"TCPHPAcks", s->tcps_predack},
	    {"TCPSackRecovery", s->tcps_sack_recovery_episode},
	    {"TCPTimeouts", s->tcps_rexmttimeo},
	    {"TCPLossProbes", s->tcps_tlpresends},
	    {"TCPDSACKRecv", s->tcps_dsack_count},
	    {"TCPMemoryPressures", s->tcps_rcvmemdrop},
	    {"TCPMD5Unexpected", s->tcps_sig_err_sigopt},
	    {"TCPMD5NotFound", s->tcps_sig_err_nosigopt},
	    {"TCPMD5Failure", s->tcps_sig_rcvbadsig},
	    {"TCPChallengeACK", s->tcps_challenge},
	    {"TCPFastOpenPassive", s->tcps_tfo_accepts},
	    {"TCPFastOpenPassiveFail", s->tcps_tfo_badcookie},
	    {"TCPKeepAlive", s->tcps_keepprobe},
	};
	const struct ifnet *ifp;
	uint64_t in = 0, out = 0, imcasts = 0, omcasts = 0;

	TAILQ_FOREACH (ifp, &V_ifnet, if_link) {
		in += ifp->if_ibytes;
		out += ifp->if_obytes;
		imcasts += ifp->if_imcasts;
		omcasts += ifp->if_omcasts;
	}
	const struct counter ip[] = {
	    {"InNoRoutes", V_ipstat.ips_cantforward},
	    {"InTruncatedPkts", V_ipstat.ips_tooshort},
	    {"InMcastPkts", imcasts},
	    {"OutMcastPkts", omcasts},
	    {"InOctets", in},
	    {"OutOctets", out},
	};

	COUNTERS(r, "TcpExt", tcp);
	COUNTERS(r, "IpExt", ip);
}

/* ---- by name ---- */

static const struct {
	const char *name;
	void (*fn)(struct report *);
} files[] = {
    {"dev", proc_dev},
    {"route", proc_route},
    {"arp", proc_arp},
    {"tcp", proc_tcp},
    {"tcp6", proc_tcp6},
    {"udp", proc_udp},
    {"udp6", proc_udp6},
    {"raw", proc_raw},
    {"raw6", proc_udp6},
    {"sockstat", proc_sockstat},
    {"igmp", proc_igmp},
    {"snmp", proc_snmp},
    {"netstat", proc_netstat},
    {"if_inet6", proc_empty},
    {"ipv6_route", proc_empty},
    {"igmp6", proc_empty},
    {"snmp6", proc_empty},
};

int
report_proc(struct report *r, const char *file)
{
	u_int i;

	for (i = 0; i < nitems(files); i++)
		if (strcmp(files[i].name, file) == 0) {
			files[i].fn(r);
			return (0);
		}
	return (LINUX_ENOENT);
}
