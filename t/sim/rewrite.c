/*
 * rewrite.c - makes the TCP packets of a trace fit a stack that was not there. Host world.
 *
 * The traced host chose its first sequence number, and time stamps that begin somewhere; ours
 * chooses others. Both are learnt from the two SYN-ACKs, the trace's and ours. In what comes in
 * after that, the acknowledgment, the SACK blocks and the echoed time stamp are moved by the
 * difference. An echo never names a time that our stack has not sent yet. The TCP sum is updated by
 * RFC 1624, not made anew: a sum that was wrong stays wrong.
 *
 * Owns one struct conn for each pair of ports; a new SYN begins it anew.
 */
#include <stdlib.h>
#include <string.h>

#include "t/sim/scenario.h"
#include "t/sim/trace.h"

#define FIN 0x01
#define SYN 0x02
#define RST 0x04
#define ACK 0x10
#define PROTO_TCP 6
#define HASH 1024
#define MISSING_MAX (1 << 20) /* bytes of a stream that a trace may lack in a row */

struct conn {
	struct conn *next;
	uint32_t peer;
	uint16_t peer_port, port;
	bool trace_known, ours_known, trace_ts_known, ours_ts_known;
	uint32_t trace_iss, our_iss, trace_ts, our_ts, our_last_ts, peer_iss;
	uint32_t written; /* the traced host's bytes before this number are told */
};

static struct conn *table[HASH];

static uint32_t
get32(const uint8_t *p)
{
	return ((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
}

static struct conn *
conn_of(uint32_t peer, uint16_t peer_port, uint16_t port)
{
	unsigned h = (peer * 2654435761u ^ (unsigned)peer_port << 16 ^ port) % HASH;
	struct conn *c;

	for (c = table[h]; c != NULL; c = c->next)
		if (c->peer == peer && c->peer_port == peer_port && c->port == port)
			return (c);
	c = xcalloc(1, sizeof(*c));
	c->peer = peer;
	c->peer_port = peer_port;
	c->port = port;
	c->next = table[h];
	table[h] = c;
	return (c);
}

/* The option of that kind and length, or NULL. */
static uint8_t *
find_option(const struct layers *l, uint8_t kind)
{
	uint8_t *o = (uint8_t *)(uintptr_t)(l->l4 + 20);
	const uint8_t *end = l->payload;

	while (o < end && *o != 0) {
		if (*o == 1) {
			o++;
			continue;
		}
		if (o + 1 >= end || o[1] < 2 || o + o[1] > end)
			return (NULL);
		if (*o == kind)
			return (o);
		o += o[1];
	}
	return (NULL);
}

static uint8_t *
timestamps(const struct layers *l)
{
	uint8_t *o = find_option(l, 8);

	return (o != NULL && o[1] == 10 ? o : NULL);
}

static bool
is_tcp(const struct layers *l)
{
	return (l->proto == PROTO_TCP && l->l4 != NULL);
}

void
rewrite_trace_ours(const struct layers *l)
{
	const uint8_t *ts;
	struct conn *c;

	if (!is_tcp(l) || (l->l4[13] & (SYN | ACK)) != (SYN | ACK))
		return;
	c = conn_of(l->dst, l->dport, l->sport);
	if (c->trace_known && c->trace_iss == get32(l->l4 + 4))
		return;
	c->trace_known = true;
	c->trace_iss = get32(l->l4 + 4);
	c->written = c->trace_iss + 1;
	ts = timestamps(l);
	c->trace_ts_known = ts != NULL;
	if (ts != NULL)
		c->trace_ts = get32(ts + 2);
}

void
rewrite_sent(const struct layers *l)
{
	const uint8_t *ts;
	struct conn *c;

	if (!is_tcp(l))
		return;
	c = conn_of(l->dst, l->dport, l->sport);
	ts = timestamps(l);
	if (ts != NULL)
		c->our_last_ts = get32(ts + 2);
	if ((l->l4[13] & (SYN | ACK)) != (SYN | ACK))
		return;
	c->ours_known = true;
	c->our_iss = get32(l->l4 + 4);
	c->ours_ts_known = ts != NULL;
	if (ts != NULL)
		c->our_ts = get32(ts + 2);
}

/* A 32-bit field, and the sum with it. It may lie at an odd offset: the sum sees it in halves of
 * words of the segment. */
static void
put32(const struct layers *l, uint8_t *field, uint32_t v)
{
	uint8_t *th = (uint8_t *)(uintptr_t)l->l4, old[4], *p;
	uint32_t sum = (uint16_t) ~(uint16_t)(th[16] << 8 | th[17]);
	int i;

	for (i = 0; i < 4; i++) {
		p = field + i;
		old[i] = *p;
		*p = (uint8_t)(v >> (24 - 8 * i));
		/* minus the old byte, plus the new, in one's complement */
		if (((p - th) & 1) == 0)
			sum += (uint16_t) ~(uint16_t)(old[i] << 8) + (uint32_t)(*p << 8);
		else
			sum += (uint16_t) ~(uint16_t)old[i] + (uint32_t)*p;
	}
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	sum = ~sum & 0xffff;
	th[16] = (uint8_t)(sum >> 8);
	th[17] = (uint8_t)sum;
}

static void
move_echo(struct conn *c, const struct layers *l)
{
	uint8_t *ts = timestamps(l);
	uint32_t echo;

	if (ts == NULL || !c->trace_ts_known || !c->ours_ts_known || get32(ts + 6) == 0)
		return;
	echo = get32(ts + 6) - c->trace_ts + c->our_ts;
	if ((int32_t)(echo - c->our_last_ts) > 0)
		echo = c->our_last_ts;
	if ((int32_t)(echo - c->our_ts) < 0)
		echo = c->our_ts;
	put32(l, ts + 6, echo);
}

/* A trace of one direction: the first ACK of the handshake names what the SYN-ACK said. */
static bool
learn_from_ack(struct conn *c, const struct layers *l)
{
	const uint8_t *ts = timestamps(l);

	if ((l->l4[13] & (ACK | RST)) != ACK || get32(l->l4 + 4) != c->peer_iss + 1)
		return (false);
	c->trace_known = true;
	c->trace_iss = get32(l->l4 + 8) - 1;
	c->written = c->trace_iss + 1;
	c->trace_ts_known = ts != NULL;
	if (ts != NULL)
		c->trace_ts = get32(ts + 6);
	return (true);
}

/* What the traced host's program did, as its packet shows. */
bool
rewrite_program(const struct layers *l, struct program_act *a)
{
	uint32_t seq, data, ahead;
	struct conn *c;

	memset(a, 0, sizeof(*a));
	if (!is_tcp(l))
		return (false);
	c = conn_of(l->dst, l->dport, l->sport);
	if (!c->trace_known || (l->l4[13] & SYN) != 0)
		return (false);
	seq = get32(l->l4 + 4);
	data = (uint32_t)(l->l4_len - (size_t)(l->payload - l->l4));
	a->fin = (l->l4[13] & FIN) != 0;
	a->rst = (l->l4[13] & RST) != 0;
	ahead = seq - c->written; /* bytes that the trace has lost */
	if ((int32_t)ahead < 0) {
		if ((int32_t)(seq + data - c->written) <= 0)
			data = 0;
		else {
			a->skip = c->written - seq;
			data -= (uint32_t)a->skip;
		}
		ahead = 0;
	}
	if (ahead > MISSING_MAX)
		return (false);
	if (data > 0) {
		a->missing_before = ahead;
		a->len = data;
		c->written += ahead + data;
	}
	return (data > 0 || a->fin || a->rst);
}

bool
rewrite_in(uint8_t *frame, const struct layers *l)
{
	uint32_t by;
	struct conn *c;
	uint8_t *th, *o;
	int i;

	if (!is_tcp(l))
		return (false);
	c = conn_of(l->src, l->sport, l->dport);
	if ((l->l4[13] & (SYN | ACK)) == SYN) {
		if (c->peer_iss != get32(l->l4 + 4)) /* a new connection of the same ports */
			c->trace_known = c->ours_known = false;
		c->peer_iss = get32(l->l4 + 4);
		return (false);
	}
	if (!c->ours_known)
		return (false);
	if (!c->trace_known && !learn_from_ack(c, l))
		return (false);
	by = c->our_iss - c->trace_iss;
	th = frame + (l->l4 - frame);
	if ((th[13] & ACK) != 0)
		put32(l, th + 8, get32(th + 8) + by);
	o = find_option(l, 5);
	for (i = 2; o != NULL && i + 8 <= o[1]; i += 8) {
		put32(l, o + i, get32(o + i) + by);
		put32(l, o + i + 4, get32(o + i + 4) + by);
	}
	move_echo(c, l);
	return (true);
}
