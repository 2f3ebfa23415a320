/*
 * subr_siphash.c - SipHash-2-4, J.-P. Aumasson and D. J. Bernstein, 2012: 64 bits of a 128-bit key
 * and a message, that who does not know the key cannot foresee.
 */
#include <sys/param.h>
#include <sys/endian.h>
#include <sys/siphash.h>
#include <sys/systm.h>

struct sip_state {
	uint64_t v0, v1, v2, v3;
};

static uint64_t
rotl(uint64_t x, int bits)
{
	return (x << bits | x >> (64 - bits));
}

static uint64_t
load64(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return (le64toh(word));
}

static void
sip_round(struct sip_state *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

static void
sip_word(struct sip_state *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	sip_round(s);
	s->v0 ^= word;
}

uint64_t
siphash24(const uint8_t key[SIPHASH_KEY_LENGTH], const void *src, size_t len)
{
	uint64_t k0 = load64(key), k1 = load64(key + 8), last = (uint64_t)len << 56;
	struct sip_state s = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
	    k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573};
	const uint8_t *p = src;
	size_t left;
	int i;

	for (left = len; left >= 8; left -= 8, p += 8)
		sip_word(&s, load64(p));
	while (left-- > 0)
		last |= (uint64_t)p[left] << (8 * left);
	sip_word(&s, last);
	s.v2 ^= 0xff;
	for (i = 0; i < 4; i++)
		sip_round(&s);
	return (s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
}
