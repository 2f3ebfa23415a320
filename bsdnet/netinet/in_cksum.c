/*
 * in_cksum.c - the Internet checksum (RFC 1071), for data in memory, in mbuf chains and in headers.
 * Owns nothing. Called wherever an interface does not sum by itself.
 *
 * The sum of 16-bit words is the same, but for its byte order, whichever way the bytes of a word
 * are read; so words are added as they lie, 32 bits at a time into 64-bit lanes that cannot
 * overflow. Bytes that begin at an odd place of the packet have their sum's bytes swapped.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/mbuf.h>
#include <netinet/in.h>
#include <netinet/ip.h>

typedef uint64_t lanes_t __attribute__((__vector_size__(16)));

static inline u_short
cksum_fold(uint64_t sum)
{
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 32) + (sum & 0xffffffff);
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return ((u_short)sum);
}

/* 64 bytes a turn; `blocks` turns. */
static uint64_t
cksum_blocks(const u_char *p, size_t blocks)
{
	const lanes_t low = {0xffffffff, 0xffffffff};
	lanes_t a = {0, 0}, b = {0, 0}, v[4];

	while (blocks-- > 0) {
		memcpy(v, p, sizeof(v));
		a += (v[0] & low) + (v[1] & low) + (v[2] & low) + (v[3] & low);
		b += (v[0] >> 32) + (v[1] >> 32) + (v[2] >> 32) + (v[3] >> 32);
		p += sizeof(v);
	}
	a += b;
	return (a[0] + a[1]);
}

uint64_t
in_cksum_bytes(const void *data, size_t len, uint64_t sum, bool odd)
{
	const u_char *p = data;
	uint64_t part = 0;
	uint32_t word;
	uint16_t half = 0;

	if (len >= 64) {
		part = cksum_blocks(p, len / 64);
		p += len & ~(size_t)63;
		len &= 63;
	}
	for (; len >= 4; p += 4, len -= 4) {
		memcpy(&word, p, 4);
		part += word;
	}
	if (len >= 2) {
		memcpy(&half, p, 2);
		part += half;
		p += 2;
		len -= 2;
	}
	if (len == 1) {
		half = 0;
		memcpy(&half, p, 1);
		part += half;
	}
	if (odd)
		return (sum + __builtin_bswap16(cksum_fold(part)));
	return (sum + (part >> 32) + (part & 0xffffffff));
}

u_short
in_cksum_skip(struct mbuf *m, int len, int skip)
{
	uint64_t sum = 0;
	int n, done = 0;

	len -= skip;
	for (; m != NULL && skip >= m->m_len; m = m->m_next)
		skip -= m->m_len;
	for (; len > 0; m = m->m_next, skip = 0) {
		KASSERT(m != NULL, ("in_cksum_skip: %d bytes are missing", len));
		n = imin(m->m_len - skip, len);
		sum = in_cksum_bytes(mtod(m, u_char *) + skip, (size_t)n, sum, (done & 1) != 0);
		done += n;
		len -= n;
	}
	return ((u_short)~cksum_fold(sum));
}

/* Of a header without options. */
u_short
in_cksum_hdr(const struct ip *ip)
{
	uint32_t w[5];

	memcpy(w, ip, sizeof(w));
	return ((u_short)~cksum_fold((uint64_t)w[0] + w[1] + w[2] + w[3] + w[4]));
}

u_short
in_addword(u_short a, u_short b)
{
	uint32_t sum = (uint32_t)a + b;

	return ((u_short)(sum + (sum >> 16)));
}

u_short
in_pseudo(u_int src, u_int dst, u_int sum)
{
	return (cksum_fold((uint64_t)src + dst + sum));
}

u_short
in6_pseudo(const struct in6_addr *src, const struct in6_addr *dst, uint32_t len, uint8_t nxt)
{
	uint64_t sum = (uint64_t)len + htons(nxt);

	sum = in_cksum_bytes(src, sizeof(*src), sum, false);
	return (cksum_fold(in_cksum_bytes(dst, sizeof(*dst), sum, false)));
}
