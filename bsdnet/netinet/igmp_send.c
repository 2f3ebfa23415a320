/*
 * igmp_send.c - IGMP's reports as packets (RFC 2236, RFC 3376 4.2): TTL 1, with the Router Alert
 * option (RFC 2113), never heard by this host itself. Called by igmp.c.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/mbuf.h>

#include <net/if_var.h>
#include <netinet/igmp.h>
#include <netinet/igmp_private.h>
#include <netinet/igmp_var.h>
#include <netinet/in.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_var.h>

#define IGMP_TOS 0xc0 /* RFC 3376, 4: internetwork control */

static const u_char router_alert[4] = {IPOPT_RA, 4, 0, 0};

/* Consumes m, whose payload is the message without its checksum. */
static void
igmp_transmit(struct ifnet *ifp, struct mbuf *m, in_addr_t to)
{
	struct ip_moptions imo = {.imo_multicast_ifp = ifp, .imo_multicast_ttl = 1};
	const int hlen = sizeof(struct ip) + (V_igmp_sendra != 0 ? sizeof(router_alert) : 0);
	struct igmp *ig = mtod(m, struct igmp *);
	struct ip *ip;

	ig->igmp_cksum = in_cksum(m, m->m_pkthdr.len);
	M_PREPEND(m, hlen, M_NOWAIT);
	if (m == NULL)
		return;
	ip = mtod(m, struct ip *);
	memset(ip, 0, sizeof(*ip));
	ip->ip_v = IPVERSION;
	ip->ip_hl = (u_int)hlen >> 2;
	ip->ip_tos = IGMP_TOS;
	ip->ip_len = htons((uint16_t)m->m_pkthdr.len);
	ip->ip_ttl = 1;
	ip->ip_p = IPPROTO_IGMP;
	ip->ip_dst.s_addr = htonl(to);
	if (V_igmp_sendra != 0)
		memcpy(ip + 1, router_alert, sizeof(router_alert));
	IGMPSTAT_INC(igps_snd_reports);
	(void)ip_output(m, NULL, NULL, IP_RAWOUTPUT, &imo, NULL);
}

static struct mbuf *
igmp_message(const void *data, u_int len)
{
	struct mbuf *m = m_getcl(M_NOWAIT, MT_DATA, M_PKTHDR);

	if (m == NULL)
		return (NULL);
	m->m_data += max_linkhdr + sizeof(struct ip) + sizeof(router_alert);
	m->m_len = m->m_pkthdr.len = (int)len;
	memcpy(mtod(m, void *), data, len);
	return (m);
}

void
igmp_send_simple(struct ifnet *ifp, int type, struct in_addr group, in_addr_t to)
{
	const struct igmp ig = {.igmp_type = (uint8_t)type, .igmp_group = group};
	struct mbuf *m = igmp_message(&ig, sizeof(ig));

	if (m != NULL)
		igmp_transmit(ifp, m, to);
}

/* ---- version 3 */

static u_int
igmp_room(const struct igmp_writer *w)
{
	const u_int headers = sizeof(struct ip) + sizeof(router_alert) + sizeof(struct igmp_report);
	const u_int most = MIN((u_int)w->iw_ifp->if_mtu - headers, IGMP_RECORDS_MAX);

	return (most > w->iw_len ? most - w->iw_len : 0);
}

void
igmp_begin(struct igmp_writer *w, struct ifnet *ifp)
{
	w->iw_ifp = ifp;
	w->iw_len = w->iw_records = 0;
}

void
igmp_end(struct igmp_writer *w)
{
	const struct igmp_report ir = {
	    .ir_type = IGMP_V3_MEMBERSHIP_REPORT, .ir_numgrps = htons((uint16_t)w->iw_records)};
	struct mbuf *m;

	if (w->iw_records == 0)
		return;
	m = igmp_message(&ir, sizeof(ir));
	if (m != NULL) {
		memcpy(mtod(m, u_char *) + sizeof(ir), w->iw_buf, w->iw_len);
		m->m_len = m->m_pkthdr.len = (int)(sizeof(ir) + w->iw_len);
		igmp_transmit(w->iw_ifp, m, INADDR_ALLRPTS_GROUP);
	}
	w->iw_len = w->iw_records = 0;
}

/*
 * RFC 3376, 4.2.16: sources that do not fit go into another report, but those of an EXCLUDE
 * are cut: a second one would take the first one's place.
 */
void
igmp_record(struct igmp_writer *w, int type, struct in_addr group, const in_addr_t *src, u_int n)
{
	const bool whole = type == IGMP_MODE_IS_EXCLUDE || type == IGMP_CHANGE_TO_EXCLUDE_MODE;
	struct igmp_grouprec rec = {.ig_type = (uint8_t)type, .ig_group = group};
	in_addr_t addr;
	u_int fit;

	do {
		if (igmp_room(w) < sizeof(rec) + (whole ? n : MIN(n, 1)) * sizeof(addr))
			igmp_end(w);
		fit = MIN(n, (igmp_room(w) - (u_int)sizeof(rec)) / (u_int)sizeof(addr));
		rec.ig_numsrc = htons((uint16_t)fit);
		memcpy(w->iw_buf + w->iw_len, &rec, sizeof(rec));
		w->iw_len += sizeof(rec);
		for (u_int i = 0; i < fit; i++, w->iw_len += sizeof(addr)) {
			addr = htonl(src[i]);
			memcpy(w->iw_buf + w->iw_len, &addr, sizeof(addr));
		}
		w->iw_records++;
		n -= fit;
		src += fit;
	} while (n > 0 && !whole);
}
