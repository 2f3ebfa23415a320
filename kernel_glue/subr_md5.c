/*
 * subr_md5.c - the MD5 digest, RFC 1321. Owns nothing; the state is the caller's.
 * Called by netinet/tcp_signature.c.
 */
#include <sys/param.h>
#include <sys/endian.h>
#include <sys/md5.h>
#include <sys/systm.h>

/* RFC 1321 3.4: 2^32 times abs(sin(i)), i from 1 on. */
static const uint32_t md5_sines[64] = {
    0xd76aa478,
    0xe8c7b756,
    0x242070db,
    0xc1bdceee,
    0xf57c0faf,
    0x4787c62a,
    0xa8304613,
    0xfd469501,
    0x698098d8,
    0x8b44f7af,
    0xffff5bb1,
    0x895cd7be,
    0x6b901122,
    0xfd987193,
    0xa679438e,
    0x49b40821,
    0xf61e2562,
    0xc040b340,
    0x265e5a51,
    0xe9b6c7aa,
    0xd62f105d,
    0x02441453,
    0xd8a1e681,
    0xe7d3fbc8,
    0x21e1cde6,
    0xc33707d6,
    0xf4d50d87,
    0x455a14ed,
    0xa9e3e905,
    0xfcefa3f8,
    0x676f02d9,
    0x8d2a4c8a,
    0xfffa3942,
    0x8771f681,
    0x6d9d6122,
    0xfde5380c,
    0xa4beea44,
    0x4bdecfa9,
    0xf6bb4b60,
    0xbebfbc70,
    0x289b7ec6,
    0xeaa127fa,
    0xd4ef3085,
    0x04881d05,
    0xd9d4d039,
    0xe6db99e5,
    0x1fa27cf8,
    0xc4ac5665,
    0xf4292244,
    0x432aff97,
    0xab9423a7,
    0xfc93a039,
    0x655b59c3,
    0x8f0ccc92,
    0xffeff47d,
    0x85845dd1,
    0x6fa87e4f,
    0xfe2ce6e0,
    0xa3014314,
    0x4e0811a1,
    0xf7537e82,
    0xbd3af235,
    0x2ad7d2bb,
    0xeb86d391,
};
/* The rotations of each round's four kinds of step. */
static const uint8_t md5_shifts[4][4] = {
    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static uint32_t
md5_mix(u_int round, uint32_t x, uint32_t y, uint32_t z)
{
	switch (round) {
	case 0:
		return ((x & y) | (~x & z));
	case 1:
		return ((x & z) | (y & ~z));
	case 2:
		return (x ^ y ^ z);
	default:
		return (y ^ (x | ~z));
	}
}

/* Which word of the block a step uses: each round walks with a stride of its own. */
static u_int
md5_word(u_int step)
{
	static const uint8_t first[4] = {0, 1, 5, 0}, stride[4] = {1, 5, 3, 7};
	const u_int round = step / 16;

	return ((first[round] + stride[round] * (step % 16)) % 16);
}

static void
md5_block(uint32_t state[4], const unsigned char *block)
{
	uint32_t a = state[0], b = state[1], c = state[2], d = state[3], t;

	for (u_int i = 0; i < 64; i++) {
		const u_int shift = md5_shifts[i / 16][i % 4];

		t = a + md5_mix(i / 16, b, c, d) + md5_sines[i] + le32dec(block + 4 * md5_word(i));
		a = d;
		d = c;
		c = b;
		b += t << shift | t >> (32 - shift);
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
}

void
MD5Init(MD5_CTX *ctx)
{
	*ctx = (MD5_CTX){.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}};
}

void
MD5Update(MD5_CTX *ctx, const void *data, size_t len)
{
	const unsigned char *p = data;
	size_t have, n;

	while (len > 0) {
		have = ctx->count % MD5_BLOCK_LENGTH;
		n = MIN(len, MD5_BLOCK_LENGTH - have);
		memcpy(ctx->buffer + have, p, n);
		ctx->count += n;
		p += n;
		len -= n;
		if (have + n == MD5_BLOCK_LENGTH)
			md5_block(ctx->state, ctx->buffer);
	}
}

void
MD5Final(unsigned char digest[MD5_DIGEST_LENGTH], MD5_CTX *ctx)
{
	static const unsigned char pad[MD5_BLOCK_LENGTH] = {0x80};
	const uint64_t bits = ctx->count * 8;
	unsigned char length[8];

	le32enc(length, (uint32_t)bits);
	le32enc(length + 4, (uint32_t)(bits >> 32));
	MD5Update(ctx, pad, 1 + (MD5_BLOCK_LENGTH + 55 - ctx->count % MD5_BLOCK_LENGTH) % 64);
	MD5Update(ctx, length, sizeof(length));
	for (u_int i = 0; i < 4; i++)
		le32enc(digest + 4 * i, ctx->state[i]);
	memset(ctx, 0, sizeof(*ctx));
}
