/*
 * igmp.c - IGMP, the host's half (RFC 3376; RFC 2236 and RFC 1112 with older queriers): routers
 * are told which groups, and which of their sources, somebody here listens to.
 *
 * A change is told at once and again, a query is answered after a random while. Each interface
 * that has something to say has an igmp_ifsoftc, each group of it an igmp_group, for as long as a
 * report is due. What is listened to is in_mcast.c's: a report says what holds when it is sent.
 * Owns ii_igmp. Called by in_mcast.c, by ip_input() and by its own callouts.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/callout.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/sysctl.h>

#include <net/if_var.h>
#include <net/vnet.h>
#include <netinet/igmp.h>
#include <netinet/igmp_private.h>
#include <netinet/igmp_var.h>
#include <netinet/in.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_var.h>

static MALLOC_DEFINE(M_IGMP, "igmp", "IGMP's reports that are due");

/* RFC 3376, 8; milliseconds, which ticks are */
#define IGMP_ROBUSTNESS 2
#define IGMP_QUERY_INTERVAL 125000
#define IGMP_QUERY_RESPONSE 10000
#define IGMP_UNSOLICITED 1000
#define IGMP_V1V2_UNSOLICITED 10000
#define IGMP_MAX_ASKED 64 /* sources of a query that are remembered; more: all are meant */

VNET_DEFINE(struct igmpstat, igmpstat);
VNET_DEFINE(int, igmp_sendra) = 1;
VNET_DEFINE_STATIC(int, igmp_default_version) = 3;
#define V_igmp_default_version VNET(igmp_default_version)
VNET_DEFINE_STATIC(int, igmp_sendlocal) = 1;
#define V_igmp_sendlocal VNET(igmp_sendlocal)
VNET_DEFINE_STATIC(int, igmp_v1enable) = 1;
#define V_igmp_v1enable VNET(igmp_v1enable)
VNET_DEFINE_STATIC(int, igmp_v2enable) = 1;
#define V_igmp_v2enable VNET(igmp_v2enable)

SYSCTL_DECL(_net_inet_igmp);
SYSCTL_VNET_PCPUSTAT(
    _net_inet_igmp, OID_AUTO, stats, igmpstat, igmpstat, "IGMP counters, struct igmpstat");
SYSCTL_INT_RANGE(_net_inet_igmp, OID_AUTO, sendra, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(igmp_sendra), 0, 1, "Send with the Router Alert option, default 1 (RFC 2113)");
SYSCTL_INT_RANGE(_net_inet_igmp, OID_AUTO, sendlocal, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(igmp_sendlocal), 0, 1, "Report groups of 224.0.0.0/24 too, default 1");
SYSCTL_INT_RANGE(_net_inet_igmp, OID_AUTO, v1enable, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(igmp_v1enable), 0, 1, "Speak version 1 with a querier that does, default 1");
SYSCTL_INT_RANGE(_net_inet_igmp, OID_AUTO, v2enable, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(igmp_v2enable), 0, 1, "Speak version 2 with a querier that does, default 1");
SYSCTL_INT_RANGE(_net_inet_igmp, OID_AUTO, default_version, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(igmp_default_version), 1, 3, "Version while no older querier is there, default 3");

struct igmp_retx {
	in_addr_t addr;
	int left; /* reports of its change that are still to be sent */
};
struct igmp_group {
	LIST_ENTRY(igmp_group) ig_link;
	struct igmp_ifsoftc *ig_igi;
	struct in_addr ig_addr;
	/* changes, RFC 3376 5.1 */
	struct callout ig_change_timer;
	int ig_mode_left; /* reports of a new mode that are still to be sent */
	struct igmp_retx *ig_retx;
	u_int ig_nretx;
	/* an answer to a query of this group, 5.2 */
	struct callout ig_query_timer;
	u_int ig_nasked; /* 0: the group as a whole */
	in_addr_t ig_asked[IGMP_MAX_ASKED];
	bool ig_reporter; /* versions 1 and 2: our report was the last */
};
struct igmp_ifsoftc {
	struct ifnet *igi_ifp;
	LIST_HEAD(, igmp_group) igi_groups;
	struct callout igi_general;    /* an answer to a query of all groups */
	struct callout igi_v1, igi_v2; /* running: such a querier is there */
	int igi_rv;		       /* the querier's robustness, and its interval in ms */
	int igi_qi;
};

static void igmp_change_fire(void *);
static void igmp_query_fire(void *);
static void igmp_general_fire(void *);

static const struct in_msources nothing = {.ims_mode = MCAST_INCLUDE};

static const struct in_msources *
igmp_state(struct ifnet *ifp, struct in_addr group)
{
	const struct in_multi *inm = inm_lookup(ifp, group);

	return (inm != NULL ? &inm->inm_state : &nothing);
}

static bool
is_member(const struct in_msources *s)
{
	return (s->ims_mode == MCAST_EXCLUDE || s->ims_n > 0);
}

/* RFC 3376, 6: never of 224.0.0.1, and nobody asks a loopback. */
static bool
is_reported(const struct ifnet *ifp, struct in_addr group)
{
	const in_addr_t g = ntohl(group.s_addr);

	if ((ifp->if_flags & IFF_LOOPBACK) != 0 || g == INADDR_ALLHOSTS_GROUP)
		return (false);
	return (V_igmp_sendlocal != 0 || (g & 0xffffff00) != 0xe0000000);
}

static struct igmp_ifsoftc *
igmp_ifinfo(struct ifnet *ifp)
{
	struct in_ifinfo *ii = IN_IFINFO(ifp);
	struct igmp_ifsoftc *igi;

	if (ii == NULL || ii->ii_igmp != NULL)
		return (ii != NULL ? ii->ii_igmp : NULL);
	igi = malloc(sizeof(*igi), M_IGMP, M_NOWAIT | M_ZERO);
	if (igi == NULL)
		return (NULL);
	igi->igi_ifp = ifp;
	igi->igi_rv = IGMP_ROBUSTNESS;
	igi->igi_qi = IGMP_QUERY_INTERVAL;
	LIST_INIT(&igi->igi_groups);
	callout_init(&igi->igi_general, 1);
	callout_init(&igi->igi_v1, 1);
	callout_init(&igi->igi_v2, 1);
	ii->ii_igmp = igi;
	return (igi);
}

static int
igi_version(const struct igmp_ifsoftc *igi)
{
	if (callout_pending(&igi->igi_v1))
		return (1);
	if (callout_pending(&igi->igi_v2))
		return (2);
	return (V_igmp_default_version);
}

int
igmp_host_version(struct ifnet *ifp)
{
	const struct in_ifinfo *ii = IN_IFINFO(ifp);

	return (
	    ii != NULL && ii->ii_igmp != NULL ? igi_version(ii->ii_igmp) : V_igmp_default_version);
}

/* ---- groups that have something to say */

static struct igmp_group *
group_find(struct igmp_ifsoftc *igi, struct in_addr group)
{
	struct igmp_group *ig;

	LIST_FOREACH (ig, &igi->igi_groups, ig_link)
		if (ig->ig_addr.s_addr == group.s_addr)
			return (ig);
	return (NULL);
}

static struct igmp_group *
group_get(struct igmp_ifsoftc *igi, struct in_addr group)
{
	struct igmp_group *ig = group_find(igi, group);

	if (ig != NULL)
		return (ig);
	ig = malloc(sizeof(*ig), M_IGMP, M_NOWAIT | M_ZERO);
	if (ig == NULL)
		return (NULL);
	ig->ig_igi = igi;
	ig->ig_addr = group;
	callout_init(&ig->ig_change_timer, 1);
	callout_init(&ig->ig_query_timer, 1);
	LIST_INSERT_HEAD(&igi->igi_groups, ig, ig_link);
	return (ig);
}

static void
group_quiet(struct igmp_group *ig)
{
	callout_stop(&ig->ig_change_timer);
	callout_stop(&ig->ig_query_timer);
	free(ig->ig_retx, M_IGMP);
	ig->ig_retx = NULL;
	ig->ig_nretx = ig->ig_nasked = 0;
	ig->ig_mode_left = 0;
}

static void
group_free(struct igmp_group *ig)
{
	group_quiet(ig);
	LIST_REMOVE(ig, ig_link);
	free(ig, M_IGMP);
}

/* Nothing is due, and nobody is here whose last report was ours. */
static void
group_done(struct igmp_group *ig)
{
	if (!callout_pending(&ig->ig_change_timer) && !callout_pending(&ig->ig_query_timer) &&
	    !is_member(igmp_state(ig->ig_igi->igi_ifp, ig->ig_addr)))
		group_free(ig);
}

void
igmp_domifdetach(struct ifnet *ifp)
{
	struct in_ifinfo *ii = IN_IFINFO(ifp);
	struct igmp_ifsoftc *igi = ii->ii_igmp;
	struct igmp_group *ig;

	if (igi == NULL)
		return;
	while ((ig = LIST_FIRST(&igi->igi_groups)) != NULL)
		group_free(ig);
	callout_stop(&igi->igi_general);
	callout_stop(&igi->igi_v1);
	callout_stop(&igi->igi_v2);
	ii->ii_igmp = NULL;
	free(igi, M_IGMP);
}

static int
in_a_while(int ms)
{
	return (1 + (int)arc4random_uniform((uint32_t)MAX(ms, 1)));
}

/* ---- changes */

/* Those of the group's sources whose change is still to be told. 5.1: kept if there is no memory.
 */
static void
note_sources(struct igmp_group *ig, const struct in_msources *changed)
{
	struct igmp_retx *list;
	u_int i, j;

	if (changed->ims_n == 0)
		return;
	list =
	    realloc(ig->ig_retx, (ig->ig_nretx + changed->ims_n) * sizeof(*list), M_IGMP, M_NOWAIT);
	if (list == NULL) {
		ig->ig_mode_left = ig->ig_igi->igi_rv; /* says it all, in one */
		return;
	}
	ig->ig_retx = list;
	for (i = 0; i < changed->ims_n; i++) {
		for (j = 0; j < ig->ig_nretx && list[j].addr != changed->ims_src[i]; j++)
			;
		list[j] = (struct igmp_retx){changed->ims_src[i], ig->ig_igi->igi_rv};
		ig->ig_nretx += j == ig->ig_nretx;
	}
}

static void
change_v3(struct igmp_group *ig, const struct in_msources *from, const struct in_msources *to)
{
	struct in_msources changed;

	if (from->ims_mode != to->ims_mode) {
		ig->ig_mode_left = ig->ig_igi->igi_rv;
		ig->ig_nretx = 0; /* the new mode's report names them all */
	} else if (ims_merge(&changed, from, to, IMS_ONLY_A | IMS_ONLY_B) == 0) {
		note_sources(ig, &changed);
		ims_free(&changed);
	} else {
		ig->ig_mode_left = ig->ig_igi->igi_rv;
	}
}

/* RFC 2236, 3: a report when the group is joined, a leave when it is left. */
static void
change_old(struct igmp_group *ig, int version, const struct in_msources *from,
    const struct in_msources *to)
{
	struct ifnet *ifp = ig->ig_igi->igi_ifp;

	if (is_member(to) && !is_member(from))
		ig->ig_mode_left = IGMP_ROBUSTNESS;
	if (!is_member(to)) {
		ig->ig_mode_left = 0;
		callout_stop(&ig->ig_query_timer);
		callout_stop(&ig->ig_change_timer);
		if (version == 2 && is_member(from) && ig->ig_reporter)
			igmp_send_simple(
			    ifp, IGMP_V2_LEAVE_MESSAGE, ig->ig_addr, INADDR_ALLRTRS_GROUP);
	}
}

static void
send_changes_v3(struct igmp_group *ig)
{
	struct ifnet *ifp = ig->ig_igi->igi_ifp;
	const struct in_msources *now = igmp_state(ifp, ig->ig_addr);
	struct in_msources allow = {0}, block = {0};
	struct igmp_writer w;
	u_int i, kept = 0;

	igmp_begin(&w, ifp);
	if (ig->ig_mode_left >
	    0) { /* it names all sources: their changes wait until it is through */
		ig->ig_mode_left--;
		igmp_record(&w,
		    now->ims_mode == MCAST_EXCLUDE ? IGMP_CHANGE_TO_EXCLUDE_MODE
						   : IGMP_CHANGE_TO_INCLUDE_MODE,
		    ig->ig_addr, now->ims_src, now->ims_n);
		igmp_end(&w);
		return;
	}
	for (i = 0; i < ig->ig_nretx; i++) {
		(void)ims_add(
		    ims_allows(now, ig->ig_retx[i].addr) ? &allow : &block, ig->ig_retx[i].addr);
		if (--ig->ig_retx[i].left > 0)
			ig->ig_retx[kept++] = ig->ig_retx[i];
	}
	ig->ig_nretx = kept;
	if (allow.ims_n > 0)
		igmp_record(&w, IGMP_ALLOW_NEW_SOURCES, ig->ig_addr, allow.ims_src, allow.ims_n);
	if (block.ims_n > 0)
		igmp_record(&w, IGMP_BLOCK_OLD_SOURCES, ig->ig_addr, block.ims_src, block.ims_n);
	igmp_end(&w);
	ims_free(&allow);
	ims_free(&block);
}

static void
send_report_old(struct igmp_group *ig, int version)
{
	igmp_send_simple(ig->ig_igi->igi_ifp,
	    version == 1 ? IGMP_V1_MEMBERSHIP_REPORT : IGMP_V2_MEMBERSHIP_REPORT, ig->ig_addr,
	    ntohl(ig->ig_addr.s_addr));
	ig->ig_reporter = true;
}

static void
igmp_change_fire(void *arg)
{
	struct igmp_group *ig = arg;
	const int version = igi_version(ig->ig_igi);
	int within = IGMP_UNSOLICITED;

	if (version == 3) {
		send_changes_v3(ig);
	} else {
		within = IGMP_V1V2_UNSOLICITED;
		if (ig->ig_mode_left > 0) {
			ig->ig_mode_left--;
			send_report_old(ig, version);
		}
	}
	if (ig->ig_mode_left > 0 || ig->ig_nretx > 0)
		callout_reset(&ig->ig_change_timer, in_a_while(within), igmp_change_fire, ig);
	else
		group_done(ig);
}

/* The first report goes out once the caller has stored the new state: within this instant. */
void
igmp_change_state(struct ifnet *ifp, struct in_addr group, const struct in_msources *from,
    const struct in_msources *to)
{
	struct igmp_ifsoftc *igi;
	struct igmp_group *ig;
	int version;

	if (!is_reported(ifp, group) || (!is_member(from) && !is_member(to)))
		return;
	igi = igmp_ifinfo(ifp);
	ig = igi != NULL ? group_get(igi, group) : NULL;
	if (ig == NULL)
		return; /* a querier will ask */
	version = igi_version(igi);
	if (version == 3)
		change_v3(ig, from, to);
	else
		change_old(ig, version, from, to);
	if (ig->ig_mode_left > 0 || ig->ig_nretx > 0)
		callout_reset_sbt(&ig->ig_change_timer, 0, 0, igmp_change_fire, ig, 0);
	else if (!is_member(to))
		group_free(ig);
}

/* ---- answers */

static void
send_current(struct igmp_writer *w, const struct in_multi *inm)
{
	const struct in_msources *s = &inm->inm_state;

	if (is_reported(inm->inm_ifp, inm->inm_addr) && is_member(s))
		igmp_record(w,
		    s->ims_mode == MCAST_EXCLUDE ? IGMP_MODE_IS_EXCLUDE : IGMP_MODE_IS_INCLUDE,
		    inm->inm_addr, s->ims_src, s->ims_n);
}

static void
igmp_general_fire(void *arg)
{
	struct igmp_ifsoftc *igi = arg;
	const struct in_multi *inm;
	struct igmp_writer w;

	igmp_begin(&w, igi->igi_ifp);
	LIST_FOREACH (inm, &IN_IFINFO(igi->igi_ifp)->ii_multi, inm_link)
		send_current(&w, inm);
	igmp_end(&w);
}

/* 5.2, rule 5: of the sources that were asked for, those that are listened to. */
static void
send_asked(struct igmp_writer *w, const struct in_multi *inm, const struct igmp_group *ig)
{
	struct in_msources wanted = {0};
	u_int i;

	for (i = 0; i < ig->ig_nasked; i++)
		if (ims_allows(&inm->inm_state, ig->ig_asked[i]))
			(void)ims_add(&wanted, ig->ig_asked[i]);
	if (wanted.ims_n > 0)
		igmp_record(w, IGMP_MODE_IS_INCLUDE, inm->inm_addr, wanted.ims_src, wanted.ims_n);
	ims_free(&wanted);
}

static void
igmp_query_fire(void *arg)
{
	struct igmp_group *ig = arg;
	struct ifnet *ifp = ig->ig_igi->igi_ifp;
	const struct in_multi *inm = inm_lookup(ifp, ig->ig_addr);
	const int version = igi_version(ig->ig_igi);
	struct igmp_writer w;

	if (inm == NULL || !is_member(&inm->inm_state)) {
		group_done(ig);
		return;
	}
	if (version < 3) {
		send_report_old(ig, version);
		return;
	}
	igmp_begin(&w, ifp);
	if (ig->ig_nasked > 0)
		send_asked(&w, inm, ig);
	else
		send_current(&w, inm);
	igmp_end(&w);
	ig->ig_nasked = 0;
}

/* ---- queries. A time: milliseconds within which an answer is wanted. */

static int
decode_time(uint8_t code)
{
	return (code < 128 ? code : (int)((code & 0x0f) | 0x10) << (((code >> 4) & 0x07) + 3));
}

/* The callout's being pending is what counts. */
static void
older_querier_gone(void *arg __unused)
{
}

/* 7.2.1: answers that are due in another version's words are not sent. */
static void
older_querier(struct igmp_ifsoftc *igi, int version)
{
	const int before = igi_version(igi);
	struct igmp_group *ig, *next;

	callout_reset(version == 1 ? &igi->igi_v1 : &igi->igi_v2,
	    igi->igi_rv * igi->igi_qi + IGMP_QUERY_RESPONSE, older_querier_gone, igi);
	if (igi_version(igi) == before)
		return;
	callout_stop(&igi->igi_general);
	LIST_FOREACH_SAFE (ig, &igi->igi_groups, ig_link, next) {
		group_quiet(ig);
		group_done(ig);
	}
}

static void
answer_group_within(struct igmp_ifsoftc *igi, struct in_addr group, int ms)
{
	struct igmp_group *ig;

	if (!is_reported(igi->igi_ifp, group) || !is_member(igmp_state(igi->igi_ifp, group)) ||
	    (ig = group_get(igi, group)) == NULL)
		return;
	if (callout_pending(&ig->ig_query_timer) &&
	    callout_remaining(&ig->ig_query_timer) <= (sbintime_t)ms * SBT_1MS)
		return;
	callout_reset(&ig->ig_query_timer, in_a_while(ms), igmp_query_fire, ig);
}

static void
answer_all_old(struct igmp_ifsoftc *igi, int ms)
{
	const struct in_multi *inm;

	LIST_FOREACH (inm, &IN_IFINFO(igi->igi_ifp)->ii_multi, inm_link)
		answer_group_within(igi, inm->inm_addr, ms);
}

static void
input_query_old(struct igmp_ifsoftc *igi, const struct igmp *q, bool allhosts)
{
	const int version = q->igmp_code == 0 ? 1 : 2;

	if (version == 1 ? V_igmp_v1enable == 0 : V_igmp_v2enable == 0)
		return;
	IGMPSTAT_INC(igps_rcv_v1v2_queries);
	if (q->igmp_group.s_addr == INADDR_ANY
		? !allhosts
		: version == 1 || !IN_MULTICAST(ntohl(q->igmp_group.s_addr))) {
		IGMPSTAT_INC(igps_rcv_badqueries);
		return;
	}
	if (q->igmp_group.s_addr != INADDR_ANY) {
		IGMPSTAT_INC(igps_rcv_group_queries);
		answer_group_within(igi, q->igmp_group, q->igmp_code * 100);
		return;
	}
	IGMPSTAT_INC(igps_rcv_gen_queries);
	older_querier(igi, version);
	answer_all_old(igi, version == 1 ? IGMP_QUERY_RESPONSE : q->igmp_code * 100);
}

/* 5.2, rules 3 to 5: what is due already and is wider, or sooner and as wide, is the answer. */
static void
answer_sources(struct igmp_ifsoftc *igi, const struct igmpv3 *q, const u_char *src, u_int n, int ms)
{
	struct igmp_group *ig;
	in_addr_t addr;
	bool pending;
	u_int i, j;

	if (!is_member(igmp_state(igi->igi_ifp, q->igmp_group)) ||
	    (ig = group_get(igi, q->igmp_group)) == NULL)
		return;
	pending = callout_pending(&ig->ig_query_timer) != 0;
	if (pending && ig->ig_nasked == 0)
		return; /* the whole group is reported soon */
	for (i = 0; i < n; i++) {
		memcpy(&addr, src + i * sizeof(addr), sizeof(addr));
		addr = ntohl(addr);
		for (j = 0; j < ig->ig_nasked && ig->ig_asked[j] != addr; j++)
			;
		if (j < ig->ig_nasked)
			continue;
		if (j == IGMP_MAX_ASKED) {
			IGMPSTAT_INC(igps_drop_gsr_queries);
			ig->ig_nasked = 0; /* too many to remember: the whole group, then */
			break;
		}
		ig->ig_asked[ig->ig_nasked++] = addr;
	}
	if (!pending || callout_remaining(&ig->ig_query_timer) > (sbintime_t)ms * SBT_1MS)
		callout_reset(&ig->ig_query_timer, in_a_while(ms), igmp_query_fire, ig);
}

static void
answer_group_v3(struct igmp_ifsoftc *igi, struct in_addr group, int ms)
{
	struct igmp_group *ig = group_find(igi, group);

	if (ig != NULL)
		ig->ig_nasked = 0;
	answer_group_within(igi, group, ms);
}

static void
input_query_v3(
    struct igmp_ifsoftc *igi, const struct igmpv3 *q, const u_char *src, u_int len, bool allhosts)
{
	const u_int n = ntohs(q->igmp_numsrc);
	const int ms = MAX(decode_time(q->igmp_code), 1) * 100;

	IGMPSTAT_INC(igps_rcv_v3_queries);
	if (q->igmp_group.s_addr == INADDR_ANY
		? !allhosts || n > 0
		: !IN_MULTICAST(ntohl(q->igmp_group.s_addr)) || n * 4 > len - sizeof(*q)) {
		IGMPSTAT_INC(igps_rcv_badqueries);
		return;
	}
	if (igi_version(igi) < 3) { /* 7.2.1: in that version's words */
		if (q->igmp_group.s_addr == INADDR_ANY)
			answer_all_old(igi, ms);
		else
			answer_group_within(igi, q->igmp_group, ms);
		return;
	}
	igi->igi_rv = IGMP_V3_QRV(q->igmp_misc) != 0 ? IGMP_V3_QRV(q->igmp_misc) : IGMP_ROBUSTNESS;
	if (q->igmp_qqi != 0)
		igi->igi_qi = decode_time(q->igmp_qqi) * 1000;
	if (callout_pending(&igi->igi_general) &&
	    callout_remaining(&igi->igi_general) <= (sbintime_t)ms * SBT_1MS)
		return;
	if (q->igmp_group.s_addr == INADDR_ANY) {
		IGMPSTAT_INC(igps_rcv_gen_queries);
		callout_reset(&igi->igi_general, in_a_while(ms), igmp_general_fire, igi);
	} else if (n == 0) {
		IGMPSTAT_INC(igps_rcv_group_queries);
		answer_group_v3(igi, q->igmp_group, ms);
	} else {
		IGMPSTAT_INC(igps_rcv_gsr_queries);
		answer_sources(igi, q, src, n, ms);
	}
}

/* ---- input */

/* Another host reported a group: versions 1 and 2 need no second report (RFC 2236, 3). */
static void
input_report(struct igmp_ifsoftc *igi, const struct ip *ip, const struct igmp *r)
{
	struct igmp_group *ig;

	IGMPSTAT_INC(igps_rcv_reports);
	if (!IN_MULTICAST(ntohl(r->igmp_group.s_addr)) ||
	    ip->ip_dst.s_addr != r->igmp_group.s_addr) {
		IGMPSTAT_INC(igps_rcv_badreports);
		return;
	}
	if (igi_version(igi) == 3 || in_localip(ip->ip_src))
		return;
	ig = group_find(igi, r->igmp_group);
	if (ig == NULL)
		return;
	IGMPSTAT_INC(igps_rcv_ourreports);
	callout_stop(&ig->ig_query_timer);
	callout_stop(&ig->ig_change_timer);
	ig->ig_mode_left = 0;
	ig->ig_reporter = false;
}

static bool
has_router_alert(const struct ip *ip)
{
	const u_char *o = (const u_char *)(ip + 1), *end = (const u_char *)ip + (ip->ip_hl << 2);

	while (o < end && *o != IPOPT_EOL) {
		if (*o == IPOPT_NOP) {
			o++;
			continue;
		}
		if (end - o < 2 || o[1] < 2 || o[1] > end - o)
			return (false);
		if (*o == IPOPT_RA)
			return (true);
		o += o[1];
	}
	return (false);
}

/* A message lies as it came, not as a structure wants to. */
static void
input_query(struct igmp_ifsoftc *igi, const struct ip *ip, const u_char *msg, u_int len)
{
	const bool allhosts = ip->ip_dst.s_addr == htonl(INADDR_ALLHOSTS_GROUP);
	struct igmpv3 q = {0};

	memcpy(&q, msg, MIN(len, sizeof(q)));
	if (len == IGMP_MINLEN) {
		const struct igmp old = {
		    .igmp_type = q.igmp_type, .igmp_code = q.igmp_code, .igmp_group = q.igmp_group};

		input_query_old(igi, &old, allhosts);
	} else if (len < IGMP_V3_QUERY_MINLEN) {
		IGMPSTAT_INC(igps_rcv_tooshort);
	} else if (!has_router_alert(ip)) { /* 9.1: somebody far away may have sent it */
		IGMPSTAT_INC(igps_rcv_nora);
	} else {
		input_query_v3(igi, &q, msg + sizeof(q), len, allhosts);
	}
}

static int
igmp_input(struct mbuf **mp, int *offp, int proto)
{
	struct mbuf *m = *mp;
	const u_int hlen = (u_int)*offp;
	struct ifnet *ifp = m->m_pkthdr.rcvif;
	struct igmp_ifsoftc *igi = igmp_ifinfo(ifp);
	const struct ip *ip = mtod(m, const struct ip *);
	const u_int len = ntohs(ip->ip_len) - hlen;
	const u_char *msg;
	struct igmp ig;

	*mp = NULL;
	IGMPSTAT_INC(igps_rcv_total);
	if (len < IGMP_MINLEN) {
		IGMPSTAT_INC(igps_rcv_tooshort);
	} else if (in_cksum_skip(m, (int)(hlen + len), (int)hlen) != 0) {
		IGMPSTAT_INC(igps_rcv_badsum);
	} else if (ip->ip_ttl != 1) {
		IGMPSTAT_INC(igps_rcv_badttl);
	} else if ((m = m_pullup(m, (int)(hlen + len))) == NULL) {
		return (IPPROTO_DONE);
	} else {
		ip = mtod(m, const struct ip *);
		msg = mtod(m, const u_char *) + hlen;
		memcpy(&ig, msg, sizeof(ig));
		if (igi == NULL || (ifp->if_flags & IFF_LOOPBACK) != 0)
			; /* nobody asks here */
		else if (ig.igmp_type == IGMP_MEMBERSHIP_QUERY)
			input_query(igi, ip, msg, len);
		else if (ig.igmp_type == IGMP_V1_MEMBERSHIP_REPORT ||
			 ig.igmp_type == IGMP_V2_MEMBERSHIP_REPORT)
			input_report(igi, ip, &ig);
		*mp = m;
		return (rip_input(mp, offp, proto)); /* routing daemons want them all */
	}
	m_freem(m);
	return (IPPROTO_DONE);
}

static void
igmp_init(const void *unused __unused)
{
	(void)ipproto_register(IPPROTO_IGMP, igmp_input, NULL);
}
SYSINIT(igmp, SI_SUB_PROTO_DOMAIN, SI_ORDER_FOURTH, igmp_init, NULL);
