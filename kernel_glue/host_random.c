/*
 * host_random.c - random bytes: the kernel's, or a repeatable sequence for tests.
 * Owns a buffer of unused kernel bytes, so that a 4-byte request is no system call. A byte leaves
 * the buffer once and is wiped there.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "kernel_glue/include/host/host.h"

static unsigned char buffer[1024];
static size_t buffer_left; /* unused bytes, at the end */

static bool seeded;
static uint64_t state[4]; /* xoshiro256**, Blackman and Vigna 2018 */

static void
fill_from_kernel(unsigned char *p, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = getrandom(p, len, 0);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			host_abort("getrandom failed: no source of randomness");
		}
		p += n;
		len -= (size_t)n;
	}
}

static uint64_t
rotl(uint64_t x, int k)
{
	return ((x << k) | (x >> (64 - k)));
}

static uint64_t
seeded_next(void)
{
	uint64_t result = rotl(state[1] * 5, 7) * 9;
	uint64_t t = state[1] << 17;

	state[2] ^= state[0];
	state[3] ^= state[1];
	state[1] ^= state[2];
	state[0] ^= state[3];
	state[2] ^= t;
	state[3] = rotl(state[3], 45);
	return (result);
}

/* splitmix64 spreads the seed, so that seeds 1, 2, 3 give unlike sequences. */
void
host_random_seed(uint64_t seed)
{
	uint64_t z;
	int i;

	for (i = 0; i < 4; i++) {
		seed += 0x9e3779b97f4a7c15ull;
		z = seed;
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
		z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
		state[i] = z ^ (z >> 31);
	}
	seeded = true;
}

static void
seeded_bytes(unsigned char *p, size_t len)
{
	uint64_t word;
	size_t n;

	while (len > 0) {
		word = seeded_next();
		n = len < sizeof(word) ? len : sizeof(word);
		memcpy(p, &word, n);
		p += n;
		len -= n;
	}
}

void
host_random_bytes(void *buf, size_t len)
{
	unsigned char *from;

	if (seeded) {
		seeded_bytes(buf, len);
		return;
	}
	if (len > sizeof(buffer) / 4) {
		fill_from_kernel(buf, len);
		return;
	}
	if (len > buffer_left) {
		fill_from_kernel(buffer, sizeof(buffer));
		buffer_left = sizeof(buffer);
	}
	from = buffer + sizeof(buffer) - buffer_left;
	memcpy(buf, from, len);
	memset(from, 0, len);
	buffer_left -= len;
}
