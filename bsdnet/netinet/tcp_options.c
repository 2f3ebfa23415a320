/*
 * tcp_options.c - TCP options to and from the wire: RFC 9293 3.1, 7323, 2018.
 * Pure functions; they own nothing. A malformed option ends the parse: what came before it counts.
 */
#include <sys/param.h>
#include <sys/endian.h>
#include <sys/systm.h>
#include <netinet/tcp_var.h>

static void
tcp_opt_sack(struct tcpopt *to, const u_char *cp, int len)
{
	int n = (len - TCPOLEN_SACKHDR) / TCPOLEN_SACK;

	if (n < 1 || (len - TCPOLEN_SACKHDR) % TCPOLEN_SACK != 0 || n > TCP_MAX_SACK)
		return;
	to->to_flags |= TOF_SACK;
	to->to_nsacks = (uint8_t)n;
	cp += TCPOLEN_SACKHDR;
	for (int i = 0; i < n; i++, cp += TCPOLEN_SACK) {
		to->to_sacks[i].start = be32dec(cp);
		to->to_sacks[i].end = be32dec(cp + 4);
	}
}

static void
tcp_opt_one(struct tcpopt *to, const u_char *cp, int len, bool syn)
{
	switch (cp[0]) {
	case TCPOPT_MAXSEG:
		if (syn && len == TCPOLEN_MAXSEG) {
			to->to_flags |= TOF_MSS;
			to->to_mss = be16dec(cp + 2);
		}
		break;
	case TCPOPT_WINDOW:
		if (syn && len == TCPOLEN_WINDOW) {
			to->to_flags |= TOF_SCALE;
			to->to_wscale = (uint8_t)imin(cp[2], TCP_MAX_WINSHIFT);
		}
		break;
	case TCPOPT_SACK_PERMITTED:
		if (syn && len == TCPOLEN_SACK_PERMITTED)
			to->to_flags |= TOF_SACKPERM;
		break;
	case TCPOPT_SACK:
		if (!syn)
			tcp_opt_sack(to, cp, len);
		break;
	case TCPOPT_TIMESTAMP:
		if (len == TCPOLEN_TIMESTAMP) {
			to->to_flags |= TOF_TS;
			to->to_tsval = be32dec(cp + 2);
			to->to_tsecr = be32dec(cp + 6);
		}
		break;
	case TCPOPT_FAST_OPEN: /* RFC 7413 4.1.1: no cookie, or 4 to 16 bytes */
		if (syn && len % 2 == 0 && (len == 2 || (len >= 6 && len <= 18))) {
			to->to_flags |= TOF_FASTOPEN;
			to->to_tfo_len = (uint8_t)(len - 2);
			memcpy(to->to_tfo_cookie, cp + 2, to->to_tfo_len);
		}
		break;
	case TCPOPT_SIGNATURE:
		if (len == TCPOLEN_SIGNATURE) {
			to->to_flags |= TOF_SIGNATURE;
			memcpy(to->to_signature, cp + 2, sizeof(to->to_signature));
		}
		break;
	default:
		break; /* RFC 9293 MUST-6: others are stepped over by their length */
	}
}

void
tcp_dooptions(struct tcpopt *to, const u_char *cp, int cnt, bool syn)
{
	int len;

	to->to_flags = 0;
	to->to_nsacks = 0;
	/* What nearly every segment has: NOP NOP timestamp. */
	if (cnt == TCPOLEN_TSTAMP_APPA && be32dec(cp) == 0x0101080a) {
		to->to_flags = TOF_TS;
		to->to_tsval = be32dec(cp + 4);
		to->to_tsecr = be32dec(cp + 8);
		return;
	}
	for (; cnt > 0; cnt -= len, cp += len) {
		if (cp[0] == TCPOPT_EOL)
			return;
		if (cp[0] == TCPOPT_NOP) {
			len = 1;
			continue;
		}
		if (cnt < 2 || cp[1] < 2 || cp[1] > cnt)
			return;
		len = cp[1];
		tcp_opt_one(to, cp, len, syn);
	}
}

/*
 * Writes the options in FreeBSD's order: MSS, window scale, SACK permitted, timestamp, signature,
 * SACK, Fast Open.
 * Each that wants it is aligned with NOPs; the end is padded with EOL. SACK takes what is left.
 */
int
tcp_addoptions(const struct tcpopt *to, u_char *optp)
{
	u_int n = 0, room;

	if ((to->to_flags & TOF_MSS) != 0) {
		optp[n++] = TCPOPT_MAXSEG;
		optp[n++] = TCPOLEN_MAXSEG;
		be16enc(optp + n, to->to_mss);
		n += 2;
	}
	if ((to->to_flags & TOF_SCALE) != 0) {
		optp[n++] = TCPOPT_NOP;
		optp[n++] = TCPOPT_WINDOW;
		optp[n++] = TCPOLEN_WINDOW;
		optp[n++] = to->to_wscale;
	}
	if ((to->to_flags & TOF_SACKPERM) != 0) {
		optp[n++] = TCPOPT_SACK_PERMITTED;
		optp[n++] = TCPOLEN_SACK_PERMITTED;
	}
	if ((to->to_flags & TOF_TS) != 0) {
		while (n % 4 != 2)
			optp[n++] = TCPOPT_NOP;
		optp[n++] = TCPOPT_TIMESTAMP;
		optp[n++] = TCPOLEN_TIMESTAMP;
		be32enc(optp + n, to->to_tsval);
		be32enc(optp + n + 4, to->to_tsecr);
		n += 8;
	}
	if ((to->to_flags & TOF_SIGNATURE) != 0) {
		while (n % 4 != 2)
			optp[n++] = TCPOPT_NOP;
		optp[n++] = TCPOPT_SIGNATURE;
		optp[n++] = TCPOLEN_SIGNATURE;
		memset(optp + n, 0, TCPOLEN_SIGNATURE - 2); /* tcp_md5_sign() */
		n += TCPOLEN_SIGNATURE - 2;
	}
	if ((to->to_flags & TOF_SACK) != 0 && to->to_nsacks > 0 &&
	    roundup2(n, 4) + 2 * 2 + TCPOLEN_SACK <= TCP_MAXOLEN) {
		while (n % 4 != 2)
			optp[n++] = TCPOPT_NOP;
		room = (TCP_MAXOLEN - n - TCPOLEN_SACKHDR) / TCPOLEN_SACK;
		room = min(room, to->to_nsacks);
		optp[n++] = TCPOPT_SACK;
		optp[n++] = (u_char)(TCPOLEN_SACKHDR + room * TCPOLEN_SACK);
		for (u_int i = 0; i < room; i++, n += TCPOLEN_SACK) {
			be32enc(optp + n, to->to_sacks[i].start);
			be32enc(optp + n + 4, to->to_sacks[i].end);
		}
	}
	if ((to->to_flags & TOF_FASTOPEN) != 0 && n + 2 + to->to_tfo_len <= TCP_MAXOLEN) {
		optp[n++] = TCPOPT_FAST_OPEN;
		optp[n++] = (u_char)(2 + to->to_tfo_len);
		memcpy(optp + n, to->to_tfo_cookie, to->to_tfo_len);
		n += to->to_tfo_len;
	}
	while (n % 4 != 0)
		optp[n++] = TCPOPT_EOL;
	KASSERT(n <= TCP_MAXOLEN, ("%s: %u bytes", __func__, n));
	return ((int)n);
}
