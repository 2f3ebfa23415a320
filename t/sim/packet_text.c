/*
 * packet_text.c - a packet as one line of text, in tcpdump's manner, and its headers. Host world.
 * Nothing here trusts a length that the packet gives.
 */
#include <stdio.h>
#include <string.h>

#include "t/sim/scenario.h"
#include "t/sim/trace.h"

#define TYPE_IP 0x0800
#define TYPE_ARP 0x0806
#define PROTO_ICMP 1
#define PROTO_TCP 6
#define PROTO_UDP 17

static uint16_t
be16(const uint8_t *p)
{
	return ((uint16_t)(p[0] << 8 | p[1]));
}

static uint32_t
be32(const uint8_t *p)
{
	return ((uint32_t)be16(p) << 16 | be16(p + 2));
}

bool
parse_ip(const uint8_t *frame, size_t len, struct layers *l)
{
	size_t hlen, total, here, l4;

	memset(l, 0, sizeof(*l));
	if (len < ETHER_LEN + 20 || be16(frame + 12) != TYPE_IP)
		return (false);
	l->ip = frame + ETHER_LEN;
	here = len - ETHER_LEN;
	hlen = (size_t)(l->ip[0] & 15) * 4;
	total = be16(l->ip + 2);
	if (l->ip[0] >> 4 != 4 || hlen < 20 || hlen > here || total < hlen)
		return (false);
	l->src = be32(l->ip + 12);
	l->dst = be32(l->ip + 16);
	l->proto = l->ip[9];
	l->first_fragment = (be16(l->ip + 6) & 0x1fff) == 0;
	l->l4_len = total - hlen;
	if (here > total)
		here = total;
	l4 = here - hlen;
	if (!l->first_fragment)
		return (true);
	if (l->proto == PROTO_TCP && l4 >= 20 && (size_t)(l->ip[hlen + 12] >> 4) * 4 >= 20 &&
	    (size_t)(l->ip[hlen + 12] >> 4) * 4 <= l4) {
		l->l4 = l->ip + hlen;
		l->payload = l->l4 + (size_t)(l->l4[12] >> 4) * 4;
	} else if (l->proto == PROTO_UDP && l4 >= 8) {
		l->l4 = l->ip + hlen;
		l->payload = l->l4 + 8;
	} else if (l->proto == PROTO_ICMP && l4 >= 8) {
		l->l4 = l->ip + hlen;
		l->payload = l->l4 + 8;
	}
	if (l->l4 == NULL)
		return (true);
	l->payload_len = (size_t)(l->ip + here - l->payload);
	if (l->proto != PROTO_ICMP) {
		l->sport = be16(l->l4);
		l->dport = be16(l->l4 + 2);
	}
	return (true);
}

static void
tcp_text(const struct layers *l, char *buf, size_t size)
{
	static const char letters[] = "FSRP.UEW";
	const uint8_t *t = l->l4, *o, *end = l->payload;
	size_t hlen = (size_t)(t[12] >> 4) * 4, n, i;
	char flags[10];

	for (n = i = 0; i < 8; i++)
		if ((t[13] & (1u << i)) != 0)
			flags[n++] = letters[i];
	flags[n] = '\0';
	n = (size_t)snprintf(buf, size, "%s:%u > %s:%u tcp %s seq %u", addr_text(l->src), l->sport,
	    addr_text(l->dst), l->dport, flags, be32(t + 4));
	if ((t[13] & 0x10) != 0)
		n += (size_t)snprintf(buf + n, size - n, " ack %u", be32(t + 8));
	n += (size_t)snprintf(buf + n, size - n, " win %u len %zu", be16(t + 14), l->l4_len - hlen);
	for (o = t + 20; o < end && *o != 0; o += *o == 1 ? 1 : o[1]) {
		if (*o == 1)
			continue;
		if (o + 1 >= end || o[1] < 2 || o + o[1] > end)
			break;
		if (o[0] == 2 && o[1] == 4)
			n += (size_t)snprintf(buf + n, size - n, " mss %u", be16(o + 2));
		else if (o[0] == 3 && o[1] == 3)
			n += (size_t)snprintf(buf + n, size - n, " wscale %u", o[2]);
		else if (o[0] == 4)
			n += (size_t)snprintf(buf + n, size - n, " sackOK");
		else if (o[0] == 5)
			for (i = 2; i + 8 <= o[1]; i += 8)
				n += (size_t)snprintf(
				    buf + n, size - n, " sack %u-%u", be32(o + i), be32(o + i + 4));
		else if (o[0] == 8 && o[1] == 10)
			n += (size_t)snprintf(
			    buf + n, size - n, " ts %u/%u", be32(o + 2), be32(o + 6));
	}
}

static void
ip_text(const struct layers *l, char *buf, size_t size)
{
	unsigned off = be16(l->ip + 6);

	if (l->l4 != NULL && l->proto == PROTO_TCP)
		tcp_text(l, buf, size);
	else if (l->l4 != NULL && l->proto == PROTO_UDP)
		snprintf(buf, size, "%s:%u > %s:%u udp len %zu", addr_text(l->src), l->sport,
		    addr_text(l->dst), l->dport, l->l4_len - 8);
	else if (l->l4 != NULL)
		snprintf(buf, size, "%s > %s icmp %u/%u len %zu", addr_text(l->src),
		    addr_text(l->dst), l->l4[0], l->l4[1], l->l4_len - 8);
	else
		snprintf(buf, size, "%s > %s proto %u len %zu", addr_text(l->src),
		    addr_text(l->dst), l->proto, l->l4_len);
	if ((off & 0x3fff) != 0)
		snprintf(buf + strlen(buf), size - strlen(buf), " frag %u%s", (off & 0x1fff) * 8,
		    (off & 0x2000) != 0 ? "+" : "");
}

const char *
packet_text(const uint8_t *f, size_t len)
{
	static char buf[512];
	struct layers l;

	if (parse_ip(f, len, &l))
		ip_text(&l, buf, sizeof(buf));
	else if (len >= ETHER_LEN + 28 && be16(f + 12) == TYPE_ARP)
		snprintf(buf, sizeof(buf),
		    be16(f + 20) == 1 ? "arp who-has %s tell %s" : "arp %s is-at, to %s",
		    addr_text(be32(f + (be16(f + 20) == 1 ? 38 : 28))),
		    addr_text(be32(f + (be16(f + 20) == 1 ? 28 : 38))));
	else if (len >= ETHER_LEN)
		snprintf(buf, sizeof(buf), "ethernet type %04x len %zu", be16(f + 12), len);
	else
		snprintf(buf, sizeof(buf), "%zu bytes", len);
	return (buf);
}
