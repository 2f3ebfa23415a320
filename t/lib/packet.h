/*
 * packet.h - packet tests that read like a packet trace. Kernel world.
 *
 * A peer is a scripted host at an end of the testbed's wire. It sends frames written as text and
 * compares what comes with text. It answers ARP requests for its own address unless told not to.
 *
 *	struct packet_peer *p = peer_create(tb, "10.0.0.2", host);
 *	inject(p, "TCP 10.0.0.2:1000 > 10.0.0.1:80 S 0:0(0) win 65535 <mss 1460>");
 *	expect(p, 0, 5, "TCP 10.0.0.1:80 > 10.0.0.2:1000 S. 0:0(0) ack 1 <mss 1460,...>");
 *	inject(p, "TCP 10.0.0.2:1000 > 10.0.0.1:80 . 1:1(0) ack 1 win 65535");
 *	expect_none(p, 1000);
 *
 * Lines, a head and then "key value" pairs in any order:
 *	ARP who-has IP tell IP			ARP reply IP is-at MAC
 *	ICMP IP > IP TYPE/CODE			id seq len mtu gw quote
 *	UDP IP:PORT > IP:PORT			len
 *	TCP IP:PORT > IP:PORT FLAGS SEQ:END(LEN)	ack win urg <options>
 *	IP IP > IP				proto len: a fragment, or a protocol not above
 * FLAGS are letters of SFRPUEW and . for ACK, or - for none. Sequence numbers of the stack count
 * from its SYN (0); the peer's are as written. Options: mss N, wscale N, sackOK, ts VAL ECR
 * (ECR "last": the stack's latest), sack A:B, fo [HEX], nop, eol.
 * Any line may have: ttl tos id df mf off (fragment offset, bytes) eth-src eth-dst; data (UDP,
 * ICMP: "ok" is the pattern that inject() sends); sum, ipsum ("bad": inject it wrong); hlen and
 * iplen (inject a wrong one); gso (inject a frame of merged segments of that many bytes). quote
 * names a packet inside an ICMP error: "last", the last one the stack sent, for inject();
 * PROTO/IP:PORT>IP:PORT for expect().
 *
 * expect() compares only the keys that it names, except that checksums must be right, and P in the
 * flags and options count only if given. "*" stands for any one value, "..." for any end.
 */
#ifndef T_LIB_PACKET_H
#define T_LIB_PACKET_H

#include "t/lib/testbed.h"

struct packet_peer;

struct packet_peer *peer_create(struct testbed *, const char *addr, struct tb_host *talks_to);
void peer_destroy(struct packet_peer *); /* before testbed_done() */
void peer_set_arp(struct packet_peer *, bool answer);
void peer_forget(struct packet_peer *); /* drops what was captured and not looked at */
void peer_mark(struct packet_peer *);	/* times count from now: the test did something itself */
void peer_inject_raw(struct packet_peer *, const void *frame, size_t len);

/*
 * The frame must arrive within tolerance_ms of after_ms from the line before (the last inject,
 * expect or peer_mark). Runs the testbed until it comes. A mismatch prints both lines.
 */
#define expect(p, after_ms, tolerance_ms, ...)                                                     \
	peer_expect((p), (after_ms), (tolerance_ms), __FILE__, __LINE__, __VA_ARGS__)
#define expect_none(p, ms) peer_expect_none((p), (ms), __FILE__, __LINE__)
#define inject(p, ...) peer_inject((p), __VA_ARGS__)
void peer_inject(struct packet_peer *, const char *fmt, ...)
    __attribute__((format(__printf__, 2, 3)));
bool peer_expect(struct packet_peer *, int after_ms, int tolerance_ms, const char *file, int line,
    const char *fmt, ...) __attribute__((format(__printf__, 6, 7)));
bool peer_expect_none(struct packet_peer *, int ms, const char *file, int line);
/* The next frame as text, for tests that want to look themselves; NULL: none within ms. */
const char *peer_next(struct packet_peer *, int ms);

#endif
