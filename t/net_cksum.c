/*
 * net_cksum.c - the Internet checksum (RFC 1071) against one that adds byte pairs: random data,
 * lengths, alignments and mbuf chains; pseudo headers; a header off the wire.
 */
#include <sys/param.h>
#include <sys/mbuf.h>
#include <sys/systm.h>
#include <netinet/in.h>
#include <netinet/ip.h>

#include <host/host.h>

#include "t/lib/tap.h"

int main(void);

#define BUF 70000
static u_char buf[BUF];

/* In the byte order of the wire, as it would be stored. */
static u_short
naive(const u_char *p, size_t len, uint32_t sum)
{
	size_t i;

	for (i = 0; i < len; i++) {
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (htons((u_short)sum));
}

static u_short
fold(uint64_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return ((u_short)sum);
}

/* 0 and 0xffff are the same number, and both may come out of a sum. */
static bool
same(u_short a, u_short b)
{
	return (a == b || (a == 0 && b == 0xffff) || (a == 0xffff && b == 0));
}

static void
test_bytes(void)
{
	u_int i, good = 0, odd = 0;
	size_t at, len, cut;
	uint64_t sum;

	for (i = 0; i < 4000; i++) {
		at = arc4random_uniform(64);
		len = arc4random_uniform(i % 8 == 0 ? 60000 : 400);
		good +=
		    same(fold(in_cksum_bytes(buf + at, len, 0, false)), naive(buf + at, len, 0));
		cut = arc4random_uniform((uint32_t)len + 1);
		sum = in_cksum_bytes(buf + at, cut, 0, false);
		sum = in_cksum_bytes(buf + at + cut, len - cut, sum, (cut & 1) != 0);
		odd += same(fold(sum), naive(buf + at, len, 0));
	}
	is_int(good, 4000, "sums of bytes, any alignment and length");
	is_int(odd, 4000, "sums of two pieces, cut anywhere");
	memset(buf, 0xff, sizeof(buf));
	ok(same(fold(in_cksum_bytes(buf, 65534, 0, false)), 0xffff),
	    "the largest sum does not overflow");
}

/* A chain of random pieces of buf's first len bytes, at random alignments. */
static struct mbuf *
chain(size_t len)
{
	struct mbuf *m, *top = NULL, **tail = &top;
	size_t at = 0, n;
	u_int shift;

	while (at < len || top == NULL) {
		m = m_getcl(M_NOWAIT, MT_DATA, top == NULL ? M_PKTHDR : 0);
		shift = arc4random_uniform(16);
		n = arc4random_uniform((uint32_t)MIN(len - at, 1000) + 1);
		m->m_data += shift;
		memcpy(mtod(m, char *), buf + at, n);
		m->m_len = (int)n;
		at += n;
		*tail = m;
		tail = &m->m_next;
	}
	top->m_pkthdr.len = (int)len;
	return (top);
}

static void
test_chains(void)
{
	u_int i, good = 0;
	size_t len, skip;
	struct mbuf *m;
	u_short want;

	for (i = 0; i < 1000; i++) {
		len = arc4random_uniform(i % 8 == 0 ? 30000 : 300) + 1;
		skip = arc4random_uniform((uint32_t)len + 1);
		m = chain(len);
		want = (u_short)~naive(buf + skip, len - skip, 0);
		good += same(in_cksum_skip(m, (int)len, (int)skip), want);
		m_freem(m);
	}
	is_int(good, 1000, "sums of mbuf chains, odd and empty pieces, any skip");
}

static void
test_headers(void)
{
	/* RFC 1071's own example, and a header taken from a wire */
	static const u_char rfc[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	static const u_char hdr[] = {0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0xb8, 0x61, 0xc0,
	    0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7};
	static const struct in6_addr a = {{{0xfe, 0x80, [15] = 1}}}, b = {{{0xff, 2, [15] = 2}}};
	u_char pseudo6[40] = {0};
	struct ip ip;
	u_short h[6];

	is_int(ntohs(fold(in_cksum_bytes(rfc, sizeof(rfc), 0, false))), 0xddf2, "RFC 1071, 3");
	memcpy(&ip, hdr, sizeof(ip));
	is_int(in_cksum_hdr(&ip), 0, "a good header sums to zero");
	ip.ip_sum = 0;
	is_int(ntohs(in_cksum_hdr(&ip)), 0xb861, "and gives its checksum");
	is_int(in_addword(0xffff, 0x0001), 0x0001, "the carry comes around");
	is_int(in_addword(0x1234, 0x4321), 0x5555, "without a carry");

	memcpy(h, hdr + 12, 8);
	h[4] = htons(17);
	h[5] = htons(95);
	ok(same(in_pseudo(ip.ip_src.s_addr, ip.ip_dst.s_addr, htons(17 + 95)),
	       naive((u_char *)h, sizeof(h), 0)),
	    "IPv4's pseudo header");
	memcpy(pseudo6, &a, 16);
	memcpy(pseudo6 + 16, &b, 16);
	be32enc(pseudo6 + 32, 1234);
	pseudo6[39] = 6;
	ok(same(in6_pseudo(&a, &b, htonl(1234), 6), naive(pseudo6, sizeof(pseudo6), 0)),
	    "IPv6's pseudo header");
}

int
main(void)
{
	host_clock_virtual(0);
	host_random_seed(1071);
	kern_boot();
	arc4random_buf(buf, sizeof(buf));
	test_headers();
	test_chains();
	test_bytes();
	return (tap_done());
}
