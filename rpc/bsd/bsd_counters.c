/*
 * bsd_counters.c - the protocols' counters, each with the line that alpinectl netstat -s prints.
 *
 * A line's text holds %s where a plural s goes. Owns the tables; read by bsd_report.c.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <net/if_arp.h>
#include <netinet/igmp_var.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>
#include <netinet/tcp_var.h>
#include <netinet/udp_var.h>

#include "rpc/bsd/bsd_report.h"

struct counter {
	const char *name;
	uint16_t off;
	uint8_t indent; /* under the line before */
	const char *text;
};

#define TCP(f, in, text)                                                                           \
	{                                                                                          \
		"tcps_" #f, offsetof(struct tcpstat, tcps_##f), in, text                           \
	}
static const struct counter tcp_counters[] = {
    TCP(sndtotal, 0, "packet%s sent"),
    TCP(sndpack, 1, "data packet%s"),
    TCP(sndbyte, 1, "data byte%s"),
    TCP(sndrexmitpack, 1, "data packet%s retransmitted"),
    TCP(sndrexmitbyte, 1, "data byte%s retransmitted"),
    TCP(dsack_count, 1, "report%s of what the peer got twice (D-SACK)"),
    TCP(dsack_bytes, 1, "byte%s of these"),
    TCP(sack_lostrexmt, 1, "lost retransmission%s found"),
    TCP(tlpresends, 1, "tail loss probe%s that repeated data"),
    TCP(tlpresend_bytes, 1, "byte%s of these"),
    TCP(tlprepaired, 1, "loss%s that a probe repaired"),
    TCP(sndrexmitbad, 1, "data packet%s retransmitted needlessly"),
    TCP(mtudisc, 1, "packet%s resent because of path MTU discovery"),
    TCP(sndacks, 1, "ack-only packet%s"),
    TCP(delack, 1, "of these, delayed"),
    TCP(sndurg, 1, "urgent packet%s"),
    TCP(sndprobe, 1, "window probe packet%s"),
    TCP(sndwinup, 1, "window update packet%s"),
    TCP(sndctrl, 1, "control packet%s"),
    TCP(sndtso, 1, "packet%s left to the interface to segment"),
    TCP(rcvtotal, 0, "packet%s received"),
    TCP(rcvackpack, 1, "ack%s of new data"),
    TCP(rcvackbyte, 1, "byte%s acknowledged"),
    TCP(rcvdupack, 1, "duplicate ack%s"),
    TCP(rcvacktooold, 1, "ack%s older than any window"),
    TCP(rcvacktoomuch, 1, "ack%s for data not yet sent"),
    TCP(rcvpack, 1, "packet%s received in sequence"),
    TCP(rcvbyte, 1, "byte%s received in sequence"),
    TCP(rcvduppack, 1, "packet%s that came completely again"),
    TCP(rcvdupbyte, 1, "byte%s of these"),
    TCP(pawsdrop, 1, "old duplicate packet%s by their timestamp"),
    TCP(rcvpartduppack, 1, "packet%s that came partly again"),
    TCP(rcvpartdupbyte, 1, "byte%s of these"),
    TCP(rcvoopack, 1, "packet%s out of order"),
    TCP(rcvoobyte, 1, "byte%s of these"),
    TCP(rcvpackafterwin, 1, "packet%s with data beyond the window"),
    TCP(rcvbyteafterwin, 1, "byte%s of these"),
    TCP(rcvwinprobe, 1, "window probe%s"),
    TCP(rcvwinupd, 1, "window update packet%s"),
    TCP(rcvafterclose, 1, "packet%s received after close"),
    TCP(rcvbadsum, 1, "discarded for bad checksum%s"),
    TCP(rcvbadoff, 1, "discarded for bad header offset field%s"),
    TCP(rcvshort, 1, "discarded because packet%s too short"),
    TCP(rcvreassfull, 1, "discarded because the reassembly queue was full"),
    TCP(rcvmemdrop, 1, "discarded because all socket buffers are full"),
    TCP(connattempt, 0, "connection request%s"),
    TCP(accepts, 0, "connection accept%s"),
    TCP(badsyn, 0, "bad connection attempt%s"),
    TCP(listendrop, 0, "listen queue overflow%s"),
    TCP(badrst, 0, "ignored RST%s in the windows"),
    TCP(connects, 0, "connection%s established (accepts among them)"),
    TCP(closed, 0, "connection%s closed (drops among them)"),
    TCP(drops, 1, "connection%s dropped by RST"),
    TCP(conndrops, 0, "embryonic connection%s dropped"),
    TCP(rttupdated, 0, "segment%s updated the round-trip time"),
    TCP(segstimed, 1, "attempt%s to"),
    TCP(rexmttimeo, 0, "retransmit timeout%s"),
    TCP(timeoutdrop, 1, "connection%s dropped by it"),
    TCP(persisttimeo, 0, "persist timeout%s"),
    TCP(persistdrop, 1, "connection%s dropped by it"),
    TCP(finwait2_drops, 0, "connection%s dropped in FIN_WAIT_2 by timeout"),
    TCP(keeptimeo, 0, "keepalive timeout%s"),
    TCP(keepprobe, 1, "keepalive probe%s sent"),
    TCP(keepdrops, 1, "connection%s dropped by keepalive"),
    TCP(predack, 0, "correct ACK header prediction%s"),
    TCP(preddat, 0, "correct data packet header prediction%s"),
    TCP(challenge, 0, "challenge ack%s sent"),
    TCP(challengelimit, 1, "held back by the limit"),
    TCP(noport, 0, "packet%s for a port where nobody listens"),
    TCP(sc_added, 0, "syncache entr%y added"),
    TCP(sc_retransmitted, 1, "retransmitted"),
    TCP(sc_dupsyn, 1, "duplicate SYN%s"),
    TCP(sc_dropped, 1, "dropped"),
    TCP(sc_completed, 1, "completed"),
    TCP(sc_bucketoverflow, 1, "bucket overflow%s"),
    TCP(sc_cacheoverflow, 1, "cache overflow%s"),
    TCP(sc_reset, 1, "reset"),
    TCP(sc_stale, 1, "stale"),
    TCP(sc_aborted, 1, "aborted"),
    TCP(sc_badack, 1, "bad ACK%s"),
    TCP(sc_unreach, 1, "unreachable"),
    TCP(sc_zonefail, 1, "without memory"),
    TCP(sc_sendcookie, 0, "cookie%s sent"),
    TCP(sc_recvcookie, 0, "cookie%s received"),
    TCP(sc_spurcookie, 0, "spurious cookie%s rejected"),
    TCP(sc_failcookie, 0, "failed cookie%s rejected"),
    TCP(sack_recovery_episode, 0, "SACK recovery episode%s"),
    TCP(sack_rexmits, 1, "segment%s retransmitted in them"),
    TCP(sack_rexmit_bytes, 1, "byte%s retransmitted in them"),
    TCP(sack_rescue_rexmit, 1, "rescue retransmission%s"),
    TCP(sack_rcv_blocks, 0, "SACK block%s received"),
    TCP(sack_send_blocks, 0, "SACK block%s sent"),
    TCP(sack_sboverflow, 0, "SACK scoreboard overflow%s"),
    TCP(ecn_rcvce, 0, "packet%s with ECN CE bit set"),
    TCP(ecn_rcvect0, 0, "packet%s with ECN ECT(0) bit set"),
    TCP(ecn_rcvect1, 0, "packet%s with ECN ECT(1) bit set"),
    TCP(ecn_sndect0, 0, "packet%s sent with ECN ECT(0)"),
    TCP(ecn_shs, 0, "successful ECN handshake%s"),
    TCP(ecn_rcwnd, 0, "time%s ECN reduced the congestion window"),
    TCP(dupack_recovery, 0, "recover%y begun by duplicate acks"),
    TCP(limitedxmit, 0, "segment%s sent by limited transmit"),
    TCP(pmtud_blackhole_activated, 0, "path MTU discovery black hole detection activation%s"),
    TCP(pmtud_blackhole_activated_min_mss, 0,
	"path MTU discovery black hole detection min MSS activation%s"),
    TCP(pmtud_blackhole_failed, 0, "path MTU discovery black hole detection failure%s"),
    TCP(cachedrtt, 0, "connection%s began with a known round-trip time"),
    TCP(cachedssthresh, 0, "connection%s began with a known slow start threshold"),
    TCP(hc_added, 0, "host%s added to the host cache"),
    TCP(hc_bucketoverflow, 0, "host cache overflow%s"),
    TCP(tfo_accepts, 0, "connection%s begun by Fast Open"),
    TCP(tfo_badcookie, 0, "Fast Open cookie%s refused"),
    TCP(tfo_full, 0, "Fast Open request%s beyond maxpending"),
    TCP(tfo_connects, 0, "connection%s whose SYN had data that was taken"),
    TCP(tfo_refused, 0, "SYN%s whose data was not taken"),
    TCP(tfo_cookies, 0, "Fast Open cookie%s learnt"),
    TCP(tfo_pathfail, 0, "path%s given up for Fast Open for a while"),
    TCP(sig_rcvgoodsig, 0, "packet%s with matching signature received"),
    TCP(sig_rcvbadsig, 0, "packet%s with bad signature received"),
    TCP(sig_err_sigopt, 0, "time%s no signature was expected"),
    TCP(sig_err_nosigopt, 0, "time%s a signature was missing"),
    TCP(dropsynfin, 0, "packet%s with SYN and FIN dropped"),
    TCP(icmp_badseq, 0, "ICMP error%s about what is not under way"),
    TCP(tw_recycles, 0, "connection%s in TIME_WAIT reused"),
};

#define UDP(f, in, text)                                                                           \
	{                                                                                          \
		"udps_" #f, offsetof(struct udpstat, udps_##f), in, text                           \
	}
static const struct counter udp_counters[] = {
    UDP(ipackets, 0, "datagram%s received"),
    UDP(hdrops, 1, "with incomplete header"),
    UDP(badlen, 1, "with bad data length field"),
    UDP(badsum, 1, "with bad checksum"),
    UDP(nosum, 1, "with no checksum"),
    UDP(noport, 1, "dropped due to no socket"),
    UDP(noportbcast, 1, "broadcast/multicast datagram%s undelivered"),
    UDP(fullsock, 1, "dropped due to full socket buffers"),
    UDP(opackets, 0, "datagram%s output"),
};

#define IGMP(f, in, text)                                                                          \
	{                                                                                          \
		"igps_" #f, offsetof(struct igmpstat, igps_##f), in, text                          \
	}
static const struct counter igmp_counters[] = {
    IGMP(rcv_total, 0, "message%s received"),
    IGMP(rcv_tooshort, 1, "message%s too short"),
    IGMP(rcv_badttl, 1, "message%s with a TTL other than 1"),
    IGMP(rcv_badsum, 1, "message%s with bad checksum"),
    IGMP(rcv_v1v2_queries, 1, "version 1 or 2 membership queries"),
    IGMP(rcv_v3_queries, 1, "version 3 membership queries"),
    IGMP(rcv_badqueries, 1, "membership queries with invalid fields"),
    IGMP(rcv_gen_queries, 1, "general queries"),
    IGMP(rcv_group_queries, 1, "group queries"),
    IGMP(rcv_gsr_queries, 1, "group-source queries"),
    IGMP(drop_gsr_queries, 1, "group-source queries of too many sources"),
    IGMP(rcv_reports, 1, "membership report%s received"),
    IGMP(rcv_badreports, 1, "membership report%s with invalid fields"),
    IGMP(rcv_ourreports, 1, "membership report%s of groups that we are in"),
    IGMP(rcv_nora, 1, "version 3 queries without Router Alert"),
    IGMP(snd_reports, 0, "membership report%s sent"),
};

#define IP(f, in, text)                                                                            \
	{                                                                                          \
		"ips_" #f, offsetof(struct ipstat, ips_##f), in, text                              \
	}
static const struct counter ip_counters[] = {
    IP(total, 0, "total packet%s received"),
    IP(badsum, 1, "bad header checksum%s"),
    IP(toosmall, 1, "with size smaller than minimum"),
    IP(tooshort, 1, "with data size < data length"),
    IP(toolong, 1, "with length > max ip packet size"),
    IP(badhlen, 1, "with header length < data size"),
    IP(badlen, 1, "with data length < header length"),
    IP(badoptions, 1, "with bad options"),
    IP(badvers, 1, "with incorrect version number"),
    IP(badaddr, 1, "with an address that cannot be"),
    IP(fragments, 1, "fragment%s received"),
    IP(fragdropped, 1, "fragment%s dropped (dup or out of space)"),
    IP(fragtimeout, 1, "fragment%s dropped after timeout"),
    IP(reassembled, 1, "packet%s reassembled ok"),
    IP(delivered, 1, "packet%s for this host"),
    IP(noproto, 1, "packet%s for unknown/unsupported protocol"),
    IP(forward, 1, "packet%s forwarded"),
    IP(cantforward, 1, "packet%s not forwardable"),
    IP(notmember, 1, "packet%s for a multicast group that nobody joined"),
    IP(redirectsent, 1, "redirect%s sent"),
    IP(localout, 0, "packet%s sent from this host"),
    IP(rawout, 1, "packet%s sent with a header of the program's"),
    IP(odropped, 1, "output packet%s dropped due to no bufs, etc."),
    IP(noroute, 1, "output packet%s discarded due to no route"),
    IP(fragmented, 1, "output datagram%s fragmented"),
    IP(ofragments, 1, "fragment%s created"),
    IP(cantfrag, 1, "datagram%s that can't be fragmented"),
};

#define ICMP(f, in, text)                                                                          \
	{                                                                                          \
		"icps_" #f, offsetof(struct icmpstat, icps_##f), in, text                          \
	}
static const struct counter icmp_counters[] = {
    ICMP(error, 0, "call%s to icmp_error"),
    ICMP(oldicmp, 1, "error%s not generated in response to an icmp message"),
    ICMP(outhist[ICMP_ECHOREPLY], 1, "echo repl%y sent"),
    ICMP(outhist[ICMP_UNREACH], 1, "destination unreachable message%s sent"),
    ICMP(outhist[ICMP_TIMXCEED], 1, "time exceeded message%s sent"),
    ICMP(inhist[ICMP_ECHOREPLY], 0, "echo repl%y received"),
    ICMP(inhist[ICMP_UNREACH], 0, "destination unreachable message%s received"),
    ICMP(inhist[ICMP_REDIRECT], 0, "redirect%s received"),
    ICMP(inhist[ICMP_ECHO], 0, "echo request%s received"),
    ICMP(inhist[ICMP_TIMXCEED], 0, "time exceeded message%s received"),
    ICMP(badcode, 0, "message%s with bad code fields"),
    ICMP(tooshort, 0, "message%s less than the minimum length"),
    ICMP(checksum, 0, "message%s with bad checksum"),
    ICMP(badlen, 0, "message%s with bad length"),
    ICMP(bmcastecho, 0, "multicast echo request%s ignored"),
    ICMP(bmcasttstamp, 0, "multicast timestamp request%s ignored"),
    ICMP(badaddr, 0, "message%s with a bad return address"),
    ICMP(noroute, 0, "message%s that had no way back"),
    ICMP(reflect, 0, "message response%s generated"),
    ICMP(ratelimited, 0, "message%s held back by the rate limit"),
};

#define ARP(f, in, text)                                                                           \
	{                                                                                          \
#f, offsetof(struct arpstat, f), in, text                                          \
	}
static const struct counter arp_counters[] = {
    ARP(txrequests, 0, "ARP request%s sent"),
    ARP(txreplies, 0, "ARP repl%y sent"),
    ARP(txerrors, 0, "ARP packet%s that could not be sent"),
    ARP(rxrequests, 0, "ARP request%s received"),
    ARP(rxreplies, 0, "ARP repl%y received"),
    ARP(received, 0, "ARP packet%s received"),
    ARP(dropped, 0, "total packet%s dropped due to no ARP entry"),
    ARP(timeouts, 0, "ARP entr%y timed out"),
    ARP(dupips, 0, "duplicate IP%s seen"),
    ARP(badlen, 0, "ARP packet%s of a wrong length"),
    ARP(badproto, 0, "ARP packet%s of another protocol"),
    ARP(badaddr, 0, "ARP packet%s with an impossible sender"),
};

static void
table(struct report *r, const char *proto, const struct counter *c, u_int n, const void *base)
{
	uint64_t value;

	for (; n > 0; n--, c++) {
		memcpy(&value, (const char *)base + c->off, sizeof(value));
		report_line(
		    r, "%s\t%s\t%ju\t%u\t%s", proto, c->name, (uintmax_t)value, c->indent, c->text);
	}
}

int
report_stats(struct report *r, const char *proto)
{
	static const char *const names[] = {"tcp", "udp", "ip", "icmp", "igmp", "arp"};
	bool all = proto[0] == '\0', known = all;
	u_int i;

	for (i = 0; i < nitems(names); i++)
		known = known || strcmp(proto, names[i]) == 0;
	if (!known)
		return (LINUX_EPROTONOSUPPORT);
	report_line(r, "protocol\tcounter\tvalue\tindent\ttext");
#define PROTO(name, counters, var)                                                                 \
	if (all || strcmp(proto, name) == 0)                                                       \
	table(r, name, counters, nitems(counters), &(var))
	PROTO("tcp", tcp_counters, V_tcpstat);
	PROTO("udp", udp_counters, V_udpstat);
	PROTO("ip", ip_counters, V_ipstat);
	PROTO("icmp", icmp_counters, V_icmpstat);
	PROTO("igmp", igmp_counters, V_igmpstat);
	PROTO("arp", arp_counters, V_arpstat);
#undef PROTO
	return (0);
}
