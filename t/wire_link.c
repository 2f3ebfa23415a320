/*
 * wire_link.c - the Ethernet interface over a link (tapbridge/if_link.c): what becomes of mbufs and
 * offloads on their way out and in, and of virtio headers that make no sense. The link is a fake.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/systm.h>

#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_var.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>

#include "t/lib/tap.h"
#include "t/lib/testbed.h"
#include "tapbridge/link.h"

#define FRAME 65000

static uint8_t sent[LINK_FRAME_MAX], bytes[LINK_FRAME_MAX];
static size_t sent_len;
static int sent_pieces, answer;
static struct link_offload sent_off;
static struct mbuf *got;
static int traced;

static int
fake_transmit(
    struct link *l __unused, const struct link_iov *iov, int n, const struct link_offload *off)
{
	int i;

	sent_len = 0;
	for (i = 0; i < n; i++) {
		memcpy(sent + sent_len, iov[i].iov_base, iov[i].iov_len);
		sent_len += iov[i].iov_len;
	}
	sent_pieces = n;
	sent_off = *off;
	return (answer);
}

static int
fake_up(struct link *l, bool up)
{
	l->up = up;
	return (0);
}

static const struct link_ops fake_ops = {"fake", fake_transmit, fake_up, NULL};

static void
take(struct ifnet *ifp __unused, struct mbuf *m)
{
	m_freem(got);
	got = m;
}

static void
trace(void *arg __unused, const struct link_iov *iov __unused, int n __unused, size_t len __unused,
    bool outward)
{
	traced += outward ? 1 : 100;
}

static void
make_link(struct link *l, uint32_t caps)
{
	memset(l, 0, sizeof(*l));
	l->ops = &fake_ops;
	l->caps = caps;
	l->mtu = 1500;
	l->mac[0] = 2;
	is_int(if_link_attach(l, "tap", 7), 0, "attach with capabilities %x", caps);
	if_up(l->ifp);
}

/* A frame of IPv4 and TCP headers and a payload, `piece` bytes to an mbuf. */
static struct mbuf *
make_frame(int len, int piece, uint32_t csum_flags)
{
	struct mbuf *m = m_gethdr(M_WAITOK, MT_DATA), *tail = m;
	int at, n;

	tb_pattern(bytes, (size_t)len, 1, 0);
	memcpy(bytes + 12, "\10\0\105\0", 4);
	bytes[14 + 9] = IPPROTO_TCP;
	bytes[14 + 20 + 12] = 0x80; /* 32 bytes of TCP header */
	bytes[14 + 20 + 13] = TH_ACK;
	m->m_len = 0;
	for (at = 0; at < len; at += n) {
		if (at > 0) {
			tail->m_next = m_get(M_WAITOK, MT_DATA);
			tail = tail->m_next;
		}
		n = imin(imin(len - at, piece), at == 0 ? MHLEN : MLEN);
		memcpy(mtod(tail, void *), bytes + at, (size_t)n);
		tail->m_len = n;
	}
	m->m_pkthdr.len = len;
	m->m_pkthdr.csum_flags = csum_flags;
	return (m);
}

static void
test_capabilities(void)
{
	struct link l;
	struct ifnet *ifp;

	make_link(&l, 0);
	ifp = l.ifp;
	is_int(ifp->if_hwassist, 0, "a link that can nothing: all is done in software");
	if_link_detach(&l);
	ok(l.ifp == NULL, "detached");
	make_link(&l, LINK_CAP_CSUM | LINK_CAP_TSO4);
	ifp = l.ifp;
	ok((ifp->if_hwassist & CSUM_TCP) != 0 && (ifp->if_hwassist & CSUM_IP_TSO) != 0 &&
		(ifp->if_hwassist & (CSUM_IP6_TSO | CSUM_IP)) == 0,
	    "what it can is offered: %x", ifp->if_hwassist);
	is_int(if_link_attach(&l, "tap", 8), EBUSY, "only one interface");
	if_link_detach(&l);
}

static void
test_out(void)
{
	struct link l;
	struct ifnet *ifp;
	struct mbuf *m;

	make_link(&l, LINK_CAP_CSUM | LINK_CAP_TSO4);
	ifp = l.ifp;
	if_link_set_tap(&l, trace, NULL);
	is_int(ifp->if_transmit(ifp, make_frame(1000, 100, 0)), 0, "a plain frame");
	ok(sent_len == 1000 && memcmp(sent, bytes, 1000) == 0 && sent_pieces == 10,
	    "goes as it is");
	is_int(traced, 1, "the trace sees it");
	ok(sent_off.flags == 0 && sent_off.gso_type == 0, "nothing left undone");
	is_int(ifp->if_transmit(ifp, make_frame(20000, 50, 0)), 0, "a chain of 400 mbufs");
	ok(sent_len == 20000 && memcmp(sent, bytes, 20000) == 0 && sent_pieces <= 64,
	    "goes in %d pieces", sent_pieces);
	is_int(ifp->if_transmit(ifp, make_frame(200, 100, CSUM_TCP)), 0, "a sum to do");
	ok(sent_off.flags == LINK_OFFLOAD_NEEDS_CSUM && sent_off.csum_start == 34 &&
		sent_off.csum_offset == 16 && sent_off.gso_type == 0,
	    "said so");
	is_int(ifp->if_transmit(ifp, make_frame(200, 14, CSUM_UDP)), 0, "headers in pieces");
	ok(sent_off.csum_start == 34 && sent_off.csum_offset == 6, "found all the same");
	m = make_frame(5000, 200, CSUM_TCP | CSUM_IP_TSO);
	m->m_pkthdr.tso_segsz = 1448;
	is_int(ifp->if_transmit(ifp, m), 0, "many segments");
	ok(sent_off.gso_type == LINK_GSO_TCPV4 && sent_off.gso_size == 1448 &&
		sent_off.hdr_len == 66,
	    "type %d size %d headers %d", sent_off.gso_type, sent_off.gso_size, sent_off.hdr_len);
	m = make_frame(1000, 200, CSUM_TCP | CSUM_IP_TSO);
	m->m_pkthdr.tso_segsz = 1448;
	is_int(ifp->if_transmit(ifp, m), 0, "one segment");
	is_int(sent_off.gso_type, LINK_GSO_NONE, "nothing to cut");
	is_int(ifp->if_transmit(ifp, make_frame(1000, 200, CSUM_TCP | CSUM_IP_TSO)), EINVAL,
	    "no segment size");
	answer = 105;
	is_int(ifp->if_transmit(ifp, make_frame(100, 100, 0)), ENOBUFS, "the link is full");
	answer = 0;
	ok(ifp->if_oqdrops == 1 && ifp->if_oerrors == 1, "counted");
	if_link_detach(&l);
}

static void
rx(struct link *l, size_t len, uint8_t flags, uint8_t type, uint16_t size, uint16_t start,
    uint16_t offset)
{
	struct link_offload off = {flags, type, 0, size, start, offset};

	m_freem(got);
	got = NULL;
	if_link_rx_copy(l, bytes, len, &off);
}

static void
test_in_sizes(struct link *l)
{
	static const size_t sizes[] = {
	    14, 60, 120, 300, 1514, 2046, 2047, 6142, 6143, 9014, 22526, 22527, FRAME};
	static uint8_t copy[LINK_FRAME_MAX];
	struct mbuf *m, *pkt;
	size_t i, storage;

	for (i = 0; i < nitems(sizes); i++) {
		rx(l, sizes[i], 0, 0, 0, 0, 0);
		if (got == NULL) {
			ok(false, "a frame of %lu bytes", (u_long)sizes[i]);
			continue;
		}
		pkt = got;
		m_copydata(pkt, 0, (int)sizes[i], copy);
		for (m = pkt, storage = 0; m != NULL; m = m->m_next)
			storage += (size_t)m_size(m);
		ok(pkt->m_pkthdr.len == (int)sizes[i] && memcmp(copy, bytes, sizes[i]) == 0 &&
			(storage <= 2048 || storage <= 5 * sizes[i]) &&
			((uintptr_t)(pkt->m_data + 14) & 3) == 0,
		    "a frame of %lu bytes, in %lu of storage", (u_long)sizes[i], (u_long)storage);
	}
	traced = 0;
	if_link_set_tap(l, trace, NULL);
	rx(l, 100, 0, 0, 0, 0, 0);
	is_int(traced, 100, "the trace sees it");
	if_link_set_tap(l, NULL, NULL);
}

static void
test_in_offloads(struct link *l)
{
	rx(l, 200, 0, 0, 0, 0, 0);
	ok(got != NULL && got->m_pkthdr.csum_flags == 0, "nobody says that the sum is right");
	rx(l, 200, LINK_OFFLOAD_DATA_VALID, 0, 0, 0, 0);
	ok(got != NULL && got->m_pkthdr.csum_flags == (CSUM_DATA_VALID | CSUM_PSEUDO_HDR) &&
		got->m_pkthdr.csum_data == 0xffff,
	    "the link checked it");
	rx(l, 200, LINK_OFFLOAD_NEEDS_CSUM, 0, 0, 34, 16);
	ok(got != NULL && got->m_pkthdr.csum_flags == (CSUM_DATA_VALID | CSUM_PSEUDO_HDR),
	    "the sender on this machine left it undone");
	rx(l, 66 + 10000, LINK_OFFLOAD_NEEDS_CSUM, LINK_GSO_TCPV4, 1448, 34, 16);
	ok(got != NULL && got->m_pkthdr.lro_nsegs == 7 && got->m_pkthdr.lro_segsz == 1448,
	    "ten thousand bytes are 7 segments");
	rx(l, 66 + 10000, LINK_OFFLOAD_NEEDS_CSUM, LINK_GSO_TCPV4 | LINK_GSO_ECN, 1448, 34, 16);
	ok(got != NULL && got->m_pkthdr.lro_nsegs == 7, "likewise with ECN");
}

static void
test_in_garbage(struct link *l)
{
	struct ifnet *ifp = l->ifp;
	uint64_t before = ifp->if_ierrors, random = 5;
	uint32_t v[6];
	struct mbstat mb, mb_after;
	int i, dropped;

	rx(l, 13, 0, 0, 0, 0, 0);
	rx(l, 200, LINK_OFFLOAD_NEEDS_CSUM, 0, 0, 184, 16);
	rx(l, 200, LINK_OFFLOAD_NEEDS_CSUM, 0, 0, 65535, 65535);
	rx(l, 200, LINK_OFFLOAD_NEEDS_CSUM, 0, 0, 0, 16);
	rx(l, 2000, LINK_OFFLOAD_NEEDS_CSUM, LINK_GSO_TCPV4, 0, 34, 16);
	rx(l, 50, LINK_OFFLOAD_NEEDS_CSUM, LINK_GSO_TCPV4, 1448, 34, 10);
	rx(l, 2000, LINK_OFFLOAD_NEEDS_CSUM, LINK_GSO_UDP, 1448, 34, 6);
	rx(l, 2000, 0, 99, 1448, 34, 6);
	ok(got == NULL, "what makes no sense is dropped");
	is_int(ifp->if_ierrors - before, 8, "and counted");
	rx(l, 14, 0, 0, 0, 0, 0); /* all waiting buffers are there again */
	mb_stat(&mb);
	for (i = dropped = 0; i < 20000; i++) {
		for (u_int j = 0; j < nitems(v); j++) /* arguments have no order of their own */
			v[j] = tb_random(&random);
		rx(l, v[0] % 3000, (uint8_t)v[1], (uint8_t)v[2] % 8, (uint16_t)v[3],
		    (uint16_t)v[4] % 2000, (uint16_t)v[5] % 64);
		dropped += got == NULL;
	}
	rx(l, 14, 0, 0, 0, 0, 0);
	mb_stat(&mb_after);
	ok(dropped > 1000, "%d of 20000 random headers dropped", dropped);
	ok(mb_after.mbufs_used <= mb.mbufs_used + 3, "nothing leaks");
}

int
main(void)
{
	struct testbed *tb = testbed_init(1, NULL);
	struct link l;

	test_capabilities();
	test_out();
	make_link(&l, LINK_CAP_CSUM | LINK_CAP_TSO4 | LINK_CAP_TSO6);
	((struct ifnet *)l.ifp)->if_input = take;
	m_freem(make_frame(FRAME, 200, 0)); /* for its bytes */
	test_in_sizes(&l);
	test_in_offloads(&l);
	test_in_garbage(&l);
	m_freem(got);
	if_link_detach(&l);
	testbed_done(tb);
	return (tap_done());
}
