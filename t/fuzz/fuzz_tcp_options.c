/*
 * fuzz_tcp_options.c - any bytes as TCP options: the parser stays inside them, reports only what
 * the wire format allows, and what it read can be written and read again.
 * Input: a byte (1: a SYN's), then the options.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <netinet/tcp_var.h>

#include "t/fuzz/fuzz.h"

#define WRITES (TOF_MSS | TOF_SCALE | TOF_SACKPERM | TOF_TS)

static void
same(const struct tcpopt *a, const struct tcpopt *b)
{
	if ((a->to_flags & WRITES) != (b->to_flags & WRITES))
		panic("flags %x, again %x", a->to_flags, b->to_flags);
	if ((a->to_flags & TOF_MSS) != 0 && a->to_mss != b->to_mss)
		panic("MSS %u, again %u", a->to_mss, b->to_mss);
	if ((a->to_flags & TOF_SCALE) != 0 && a->to_wscale != b->to_wscale)
		panic("scale %u, again %u", a->to_wscale, b->to_wscale);
	if ((a->to_flags & TOF_TS) != 0 &&
	    (a->to_tsval != b->to_tsval || a->to_tsecr != b->to_tsecr))
		panic("timestamps changed");
	if (b->to_nsacks > a->to_nsacks)
		panic("%u blocks, again %u", a->to_nsacks, b->to_nsacks);
	for (u_int i = 0; i < b->to_nsacks; i++) {
		if (a->to_sacks[i].start != b->to_sacks[i].start ||
		    a->to_sacks[i].end != b->to_sacks[i].end)
			panic("block %u changed", i);
	}
}

int
FUZZ_TARGET(tcp_options)(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	const bool syn = (fuzz_take(&in, 1) & 1) != 0;
	u_char opt[TCP_MAXOLEN], out[TCP_MAXOLEN];
	struct tcpopt to, again;
	const uint8_t *p;
	size_t n;
	int len;

	p = fuzz_take_bytes(&in, sizeof(opt), &n);
	memcpy(opt, p, n);
	memset(&to, 0xa5, sizeof(to));
	tcp_dooptions(&to, opt, (int)n, syn);
	if (to.to_nsacks > TCP_MAX_SACK || ((to.to_flags & TOF_SACK) != 0) != (to.to_nsacks > 0))
		panic("%u blocks, flags %x", to.to_nsacks, to.to_flags);
	if ((to.to_flags & TOF_SCALE) != 0 && to.to_wscale > TCP_MAX_WINSHIFT)
		panic("scale %u", to.to_wscale);
	if (!syn && (to.to_flags & (TOF_MSS | TOF_SCALE | TOF_SACKPERM)) != 0)
		panic("a SYN's option without a SYN");
	if (syn && (to.to_flags & TOF_SACK) != 0)
		panic("blocks on a SYN");
	to.to_flags &= WRITES | TOF_SACK;
	len = tcp_addoptions(&to, out);
	if (len < 0 || len > TCP_MAXOLEN || len % 4 != 0)
		panic("%d bytes written", len);
	memset(&again, 0x5a, sizeof(again));
	tcp_dooptions(&again, out, len, syn);
	same(&to, &again);
	return (0);
}
