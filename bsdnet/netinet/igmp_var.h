/*
 * igmp_var.h - what the multicast code tells IGMP, and IGMP's counters.
 */
#ifndef _NETINET_IGMP_VAR_H_
#define _NETINET_IGMP_VAR_H_

#include <net/vnet.h>
#include <netinet/in.h>

struct ifnet;
struct in_msources;

struct igmpstat {
	uint64_t igps_rcv_total, igps_rcv_tooshort, igps_rcv_badttl, igps_rcv_badsum;
	uint64_t igps_rcv_v1v2_queries, igps_rcv_v3_queries, igps_rcv_badqueries;
	uint64_t igps_rcv_gen_queries, igps_rcv_group_queries, igps_rcv_gsr_queries;
	uint64_t igps_drop_gsr_queries;
	uint64_t igps_rcv_reports, igps_rcv_badreports, igps_rcv_ourreports, igps_rcv_nora;
	uint64_t igps_snd_reports;
};
VNET_DECLARE(struct igmpstat, igmpstat);
#define V_igmpstat VNET(igmpstat)
#define IGMPSTAT_INC(f) (V_igmpstat.f++)

/* What the interface listens to of a group changes from one state to another. */
void igmp_change_state(struct ifnet *, struct in_addr group, const struct in_msources *from,
    const struct in_msources *to);
void igmp_domifdetach(struct ifnet *);
int igmp_host_version(struct ifnet *); /* that reports are sent in now: 1 to 3 */

#endif
