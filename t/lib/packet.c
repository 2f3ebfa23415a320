/*
 * packet.c - packets as text: builds frames from it, turns frames into it, compares; see packet.h.
 *
 * One form for all three: struct line, a head and key-value pairs. A frame that came becomes a
 * line, an expectation is parsed into a line, and they are compared; an injected line is built.
 * Owns each peer's captured frames and, per TCP flow, where the stack's sequence numbers begin.
 */
#include <sys/param.h>
#include <sys/malloc.h>
#include <sys/queue.h>
#include <sys/systm.h>

#include <net/ethernet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "t/lib/packet.h"
#include "t/lib/tap.h"

MALLOC_DEFINE(M_PACKET, "packet", "packet tests");

#define MAXFLOWS 1024
#define MAXPAIRS 20
#define TEXT 320
#define NS_PER_MS 1000000u

struct capture {
	TAILQ_ENTRY(capture) next;
	uint64_t at_ns;
	bool partial_sum; /* the sum is left to the link */
	size_t len;
	uint8_t data[];
};

struct flow {
	uint32_t peer, stack; /* addresses, host order */
	uint16_t pport, sport;
	uint32_t iss;	/* the stack's first sequence number */
	uint32_t tsval; /* its latest timestamp */
};

struct packet_peer {
	struct testbed *tb;
	struct link *link;
	uint8_t mac[6], stack_mac[6];
	struct in_addr addr;
	bool arp;
	uint64_t clock_ns; /* of the line before */
	TAILQ_HEAD(, capture) queue;
	struct flow flows[MAXFLOWS];
	int nflows;
	uint8_t last[28]; /* start of the last IP packet from the stack */
	size_t last_len;
	uint8_t frame[LINK_FRAME_MAX];
	char text[TEXT];
};

struct line {
	char proto[8];
	char head[5][64];
	int nhead;
	char key[MAXPAIRS][12], value[MAXPAIRS][TEXT / 2];
	int npairs;
};

/* ---- numbers in network order ---- */

static uint32_t
get(const uint8_t *p, int bytes)
{
	uint32_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | *p++;
	return (v);
}

static void
put(uint8_t *p, uint32_t v, int bytes)
{
	while (bytes-- > 0) {
		p[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

static uint16_t
sum16(const uint8_t *p, size_t len, uint32_t sum)
{
	for (; len > 1; p += 2, len -= 2)
		sum += get(p, 2);
	if (len == 1)
		sum += (uint32_t)p[0] << 8;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return ((uint16_t)sum);
}

/* The folded sum of an IP packet's payload with its pseudo header (none for ICMP). */
static uint16_t
l4_sum(const uint8_t *ip, size_t hlen, size_t len)
{
	uint32_t sum = 0;

	if (ip[9] != IPPROTO_ICMP)
		sum = sum16(ip + 12, 8, (uint32_t)ip[9] + (uint32_t)(len - hlen));
	return (sum16(ip + hlen, len - hlen, sum));
}

/* ---- text ---- */

static const char *
fmt_ip(const uint8_t *p, char *buf)
{
	snprintf(buf, 24, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
	return (buf);
}

static void
pair(struct line *l, const char *key, const char *fmt, ...)
{
	va_list ap;

	if (l->npairs == MAXPAIRS)
		tap_bail("packet: too many keys in a line");
	strlcpy(l->key[l->npairs], key, sizeof(l->key[0]));
	va_start(ap, fmt);
	vsnprintf(l->value[l->npairs++], sizeof(l->value[0]), fmt, ap);
	va_end(ap);
}

static const char *
value_of(const struct line *l, const char *key)
{
	int i;

	for (i = 0; i < l->npairs; i++)
		if (strcmp(l->key[i], key) == 0)
			return (l->value[i]);
	return (NULL);
}

static uint32_t
number(const struct line *l, const char *key, uint32_t otherwise)
{
	const char *v = value_of(l, key);

	return (v != NULL ? (uint32_t)strtoul(v, NULL, 0) : otherwise);
}

/* The next word; <...> is one. */
static const char *
word(const char *s, char *buf, size_t size)
{
	size_t n = 0;
	bool angle;

	while (*s == ' ')
		s++;
	angle = *s == '<';
	while (*s != '\0' && (angle || *s != ' ')) {
		if (n + 1 < size)
			buf[n++] = *s;
		if (*s++ == '>' && angle)
			break;
	}
	buf[n] = '\0';
	return (s);
}

static void
parse(const char *s, struct line *l)
{
	char w[TEXT / 2], v[TEXT / 2];
	int i, heads;

	memset(l, 0, sizeof(*l));
	s = word(s, l->proto, sizeof(l->proto));
	heads = strcmp(l->proto, "TCP") == 0 ? 5 : 3;
	if (strcmp(l->proto, "ICMP") == 0 || strcmp(l->proto, "ARP") == 0)
		heads = 4;
	for (i = 0; i < heads; i++)
		s = word(s, l->head[i], sizeof(l->head[0]));
	l->nhead = heads;
	for (s = word(s, w, sizeof(w)); w[0] != '\0'; s = word(s, w, sizeof(w))) {
		if (w[0] == '<') {
			pair(l, "opts", "%s", w);
		} else {
			s = word(s, v, sizeof(v));
			pair(l, w, "%s", v);
		}
	}
}

static void
print(const struct line *l, char *buf, size_t size)
{
	int i;

	strlcpy(buf, l->proto, size);
	for (i = 0; i < l->nhead; i++) {
		strlcat(buf, " ", size);
		strlcat(buf, l->head[i], size);
	}
	for (i = 0; i < l->npairs; i++) {
		strlcat(buf, " ", size);
		if (strcmp(l->key[i], "opts") != 0) {
			strlcat(buf, l->key[i], size);
			strlcat(buf, " ", size);
		}
		strlcat(buf, l->value[i], size);
	}
}

/* "*" stands for a run without separators, "..." for the rest. */
static bool
matches(const char *want, const char *got)
{
	if (strncmp(want, "...", 3) == 0)
		return (true);
	if (*want == '*')
		return (matches(want + 1, got) ||
			(*got != '\0' && strchr(" ,<>", *got) == NULL && matches(want, got + 1)));
	if (*want != *got)
		return (false);
	return (*want == '\0' || matches(want + 1, got + 1));
}

/* ---- flows ---- */

static struct flow *
find_flow(struct packet_peer *p, const uint8_t *peer, uint16_t pport, const uint8_t *stack,
    uint16_t sport)
{
	struct flow *f;
	int i;

	for (i = 0; i < p->nflows; i++) {
		f = &p->flows[i];
		if (f->peer == get(peer, 4) && f->stack == get(stack, 4) && f->pport == pport &&
		    f->sport == sport)
			return (f);
	}
	if (p->nflows == MAXFLOWS)
		tap_bail("packet: too many flows");
	f = &p->flows[p->nflows++];
	memset(f, 0, sizeof(*f));
	f->peer = get(peer, 4);
	f->stack = get(stack, 4);
	f->pport = pport;
	f->sport = sport;
	return (f);
}

/* ---- frames to lines ---- */

static void
decode_options(const uint8_t *o, size_t len, struct flow *f, struct line *l)
{
	char buf[TEXT / 2] = "<", one[40];
	size_t i = 0, n, k;

	while (i < len) {
		n = o[i] <= TCPOPT_NOP ? 1 : i + 1 < len ? o[i + 1] : 0;
		if (n == 0 || i + n > len)
			break;
		if (o[i] == TCPOPT_EOL)
			break;
		if (i > 0)
			strlcat(buf, ",", sizeof(buf));
		if (o[i] == TCPOPT_NOP)
			strlcpy(one, "nop", sizeof(one));
		else if (o[i] == TCPOPT_MAXSEG && n == 4)
			snprintf(one, sizeof(one), "mss %u", get(o + i + 2, 2));
		else if (o[i] == TCPOPT_WINDOW && n == 3)
			snprintf(one, sizeof(one), "wscale %u", o[i + 2]);
		else if (o[i] == TCPOPT_SACK_PERMITTED)
			strlcpy(one, "sackOK", sizeof(one));
		else if (o[i] == TCPOPT_TIMESTAMP && n == 10) {
			f->tsval = get(o + i + 2, 4);
			snprintf(one, sizeof(one), "ts %u %u", f->tsval, get(o + i + 6, 4));
		} else if (o[i] == TCPOPT_SACK) {
			strlcpy(one, "sack", sizeof(one));
			strlcat(buf, one, sizeof(buf));
			for (k = i + 2; k + 8 <= i + n; k += 8) {
				snprintf(
				    one, sizeof(one), " %u:%u", get(o + k, 4), get(o + k + 4, 4));
				strlcat(buf, one, sizeof(buf));
			}
			one[0] = '\0';
		} else if (o[i] == TCPOPT_FAST_OPEN) {
			strlcpy(one, n > 2 ? "fo " : "fo", sizeof(one));
			for (k = i + 2; k < i + n && k < i + 18; k++)
				snprintf(one + strlen(one), 3, "%02x", o[k]);
		} else
			snprintf(one, sizeof(one), "opt%u", o[i]);
		strlcat(buf, one, sizeof(buf));
		i += n;
	}
	pair(l, "opts", "%s>", buf);
}

static void
decode_tcp(struct packet_peer *p, const uint8_t *ip, const uint8_t *th, size_t len, struct line *l)
{
	static const char letters[] = "FSRP.UEW";
	size_t off = (size_t)(th[12] >> 4) * 4;
	struct flow *f =
	    find_flow(p, ip + 16, (uint16_t)get(th + 2, 2), ip + 12, (uint16_t)get(th, 2));
	uint32_t seq = get(th + 4, 4);
	char a[24], *s = l->head[3];
	int i;

	strlcpy(l->proto, "TCP", sizeof(l->proto));
	if ((th[13] & TH_SYN) != 0)
		f->iss = seq;
	seq -= f->iss;
	snprintf(l->head[0], sizeof(l->head[0]), "%s:%u", fmt_ip(ip + 12, a), get(th, 2));
	snprintf(l->head[2], sizeof(l->head[2]), "%s:%u", fmt_ip(ip + 16, a), get(th + 2, 2));
	for (i = 0; i < 7; i++) /* S before the rest, as in tcpdump */
		if ((th[13] >> "\1\0\2\3\5\6\7"[i] & 1) != 0)
			*s++ = letters[(int)"\1\0\2\3\5\6\7"[i]];
	if ((th[13] & TH_ACK) != 0)
		*s++ = '.';
	if (s == l->head[3])
		*s++ = '-';
	*s = '\0';
	if (off < 20 || off > len)
		off = len;
	snprintf(l->head[4], sizeof(l->head[4]), "%u:%u(%u)", seq, seq + (u_int)(len - off),
	    (u_int)(len - off));
	l->nhead = 5;
	if ((th[13] & TH_ACK) != 0)
		pair(l, "ack", "%u", get(th + 8, 4));
	pair(l, "win", "%u", get(th + 14, 2));
	if ((th[13] & TH_URG) != 0)
		pair(l, "urg", "%u", get(th + 18, 2));
	if (off > 20)
		decode_options(th + 20, off - 20, f, l);
	else
		pair(l, "opts", "<>");
}

static void
decode_data(struct line *l, const uint8_t *data, size_t len)
{
	uint8_t want[64];
	size_t n = len < sizeof(want) ? len : sizeof(want);

	tb_pattern(want, n, 0, 0);
	pair(l, "data", memcmp(want, data, n) == 0 ? "ok" : "other");
}

static void
decode_quote(struct line *l, const uint8_t *q, size_t len)
{
	char a[24], b[24];
	size_t hl = (size_t)(q[0] & 15) * 4;

	if (len < hl + 8)
		return;
	pair(l, "quote", "%s/%s:%u>%s:%u",
	    q[9] == IPPROTO_TCP	  ? "TCP"
	    : q[9] == IPPROTO_UDP ? "UDP"
				  : "IP",
	    fmt_ip(q + 12, a), get(q + hl, 2), fmt_ip(q + 16, b), get(q + hl + 2, 2));
}

static void
decode_icmp(const uint8_t *ic, size_t len, struct line *l)
{
	strlcpy(l->proto, "ICMP", sizeof(l->proto));
	snprintf(l->head[3], sizeof(l->head[3]), "%u/%u", ic[0], ic[1]);
	l->nhead = 4;
	pair(l, "len", "%u", (u_int)(len - 8));
	if (ic[0] == 3 || ic[0] == 4 || ic[0] == 5 || ic[0] == 11 || ic[0] == 12) {
		if (ic[0] == 5)
			pair(l, "gw", "%u.%u.%u.%u", ic[4], ic[5], ic[6], ic[7]);
		else
			pair(l, "mtu", "%u", get(ic + 6, 2));
		if (len >= 8 + 28)
			decode_quote(l, ic + 8, len - 8);
		return;
	}
	pair(l, "id", "%u", get(ic + 4, 2));
	pair(l, "seq", "%u", get(ic + 6, 2));
	decode_data(l, ic + 8, len - 8);
}

static void
decode_ip(struct packet_peer *p, const struct capture *c, struct line *l)
{
	const uint8_t *ip = c->data + ETHER_HDR_LEN;
	size_t room = c->len - ETHER_HDR_LEN, hlen, len, n;
	bool frag, known;
	char a[24];

	hlen = (size_t)(ip[0] & 15) * 4;
	len = get(ip + 2, 2);
	if (room < 20 || hlen < 20 || len < hlen || len > room) {
		pair(l, "malformed", "ip");
		return;
	}
	p->last_len = len < sizeof(p->last) ? len : sizeof(p->last);
	memcpy(p->last, ip, p->last_len);
	n = len - hlen;
	frag = (get(ip + 6, 2) & 0x3fff) != 0;
	strlcpy(l->proto, "IP", sizeof(l->proto));
	strlcpy(l->head[0], fmt_ip(ip + 12, a), sizeof(l->head[0]));
	strlcpy(l->head[1], ">", sizeof(l->head[1]));
	strlcpy(l->head[2], fmt_ip(ip + 16, a), sizeof(l->head[2]));
	l->nhead = 3;
	known = !frag;
	if (!frag && ip[9] == IPPROTO_TCP && n >= 20)
		decode_tcp(p, ip, ip + hlen, n, l);
	else if (!frag && ip[9] == IPPROTO_ICMP && n >= 8)
		decode_icmp(ip + hlen, n, l);
	else if (!frag && ip[9] == IPPROTO_UDP && n >= 8) {
		strlcpy(l->proto, "UDP", sizeof(l->proto));
		snprintf(
		    l->head[0], sizeof(l->head[0]), "%s:%u", fmt_ip(ip + 12, a), get(ip + hlen, 2));
		snprintf(l->head[2], sizeof(l->head[2]), "%s:%u", fmt_ip(ip + 16, a),
		    get(ip + hlen + 2, 2));
		pair(l, "len", "%u", (u_int)n - 8);
		decode_data(l, ip + hlen + 8, n - 8);
	} else {
		pair(l, "proto", "%u", ip[9]);
		pair(l, "len", "%u", (u_int)n);
		known = false;
	}
	pair(l, "ttl", "%u", ip[8]);
	pair(l, "tos", "%u", ip[1]);
	pair(l, "id", "%u", get(ip + 4, 2)); /* after ICMP's, which counts there */
	pair(l, "df", "%u", ip[6] >> 6 & 1);
	pair(l, "mf", "%u", ip[6] >> 5 & 1);
	pair(l, "off", "%u", (get(ip + 6, 2) & 0x1fff) * 8);
	if (sum16(ip, hlen, 0) != 0xffff)
		pair(l, "ipsum", "bad");
	if (known && !c->partial_sum && l4_sum(ip, hlen, len) != 0xffff &&
	    !(ip[9] == IPPROTO_UDP && get(ip + hlen + 6, 2) == 0))
		pair(l, "sum", "bad");
}

static void
decode(struct packet_peer *p, const struct capture *c, struct line *l)
{
	const uint8_t *e = c->data, *arp = c->data + ETHER_HDR_LEN;
	char a[24];

	memset(l, 0, sizeof(*l));
	if (get(e + 12, 2) == ETHERTYPE_IP) {
		decode_ip(p, c, l);
	} else if (get(e + 12, 2) == ETHERTYPE_ARP && c->len >= 42) {
		strlcpy(l->proto, "ARP", sizeof(l->proto));
		l->nhead = 4;
		if (get(arp + 6, 2) == 1) {
			strlcpy(l->head[0], "who-has", sizeof(l->head[0]));
			strlcpy(l->head[1], fmt_ip(arp + 24, a), sizeof(l->head[0]));
			strlcpy(l->head[2], "tell", sizeof(l->head[0]));
			strlcpy(l->head[3], fmt_ip(arp + 14, a), sizeof(l->head[0]));
		} else {
			strlcpy(l->head[0], "reply", sizeof(l->head[0]));
			strlcpy(l->head[1], fmt_ip(arp + 14, a), sizeof(l->head[0]));
			strlcpy(l->head[2], "is-at", sizeof(l->head[0]));
			ether_sprintf_r(arp + 8, l->head[3]);
		}
	} else {
		strlcpy(l->proto, "ETHER", sizeof(l->proto));
		pair(l, "type", "%x", get(e + 12, 2));
	}
	pair(l, "eth-src", "%s", ether_sprintf_r(e + 6, a));
	pair(l, "eth-dst", "%s", ether_sprintf_r(e, a));
}

/* ---- lines to frames ---- */

/* "10.0.0.2:80" into 4 bytes and a port */
static uint16_t
read_addr(const char *s, uint8_t *to)
{
	struct in_addr addr;
	char buf[64];
	char *colon;

	strlcpy(buf, s, sizeof(buf));
	colon = strchr(buf, ':');
	if (colon != NULL)
		*colon = '\0';
	if (inet_aton(buf, &addr) != 1)
		tap_bail("packet: bad address in a line");
	memcpy(to, &addr, 4);
	return (colon != NULL ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0);
}

static void
read_mac(const char *s, uint8_t *to)
{
	char *end;
	int i;

	for (i = 0; i < 6; i++, s = end + 1)
		to[i] = (uint8_t)strtoul(s, &end, 16);
}

static size_t
build_options(const char *s, uint8_t *o, const struct flow *f)
{
	size_t n = 0, at;
	char *end;

	for (s++; *s != '\0' && *s != '>'; s += *s == ',') {
		if (strncmp(s, "mss ", 4) == 0) {
			put(o + n, 0x0204u << 16 | (uint32_t)strtoul(s + 4, NULL, 10), 4);
			n += 4;
		} else if (strncmp(s, "wscale ", 7) == 0) {
			put(o + n, 0x0303u << 8 | (uint32_t)strtoul(s + 7, NULL, 10), 3);
			n += 3;
		} else if (strncmp(s, "sackOK", 6) == 0) {
			put(o + n, 0x0402, 2);
			n += 2;
		} else if (strncmp(s, "ts ", 3) == 0) {
			put(o + n, 0x080a, 2);
			put(o + n + 2, (uint32_t)strtoul(s + 3, &end, 10), 4);
			put(o + n + 6,
			    strncmp(end, " last", 5) == 0 ? f->tsval
							  : (uint32_t)strtoul(end, NULL, 10),
			    4);
			n += 10;
		} else if (strncmp(s, "sack ", 5) == 0) {
			at = n;
			n += 2;
			for (end = __DECONST(char *, s) + 4; *end == ' '; n += 8) {
				put(o + n, f->iss + (uint32_t)strtoul(end, &end, 10), 4);
				put(o + n + 4, f->iss + (uint32_t)strtoul(end + 1, &end, 10), 4);
			}
			put(o + at, (uint32_t)(TCPOPT_SACK << 8 | (n - at)), 2);
		} else if (strncmp(s, "fo", 2) == 0) {
			at = n;
			n += 2;
			for (s += 2 + (s[2] == ' '); *s != ',' && *s != '>'; s += 2) {
				const char hex[3] = {s[0], s[1], '\0'};

				o[n++] = (uint8_t)strtoul(hex, NULL, 16);
			}
			put(o + at, (uint32_t)(TCPOPT_FAST_OPEN << 8 | (n - at)), 2);
		} else if (strncmp(s, "nop", 3) == 0)
			o[n++] = TCPOPT_NOP;
		else if (strncmp(s, "eol", 3) == 0)
			o[n++] = TCPOPT_EOL;
		else
			tap_bail("packet: unknown TCP option in a line");
		while (*s != ',' && *s != '>' && *s != '\0')
			s++;
	}
	while (n % 4 != 0)
		o[n++] = TCPOPT_EOL;
	return (n);
}

static size_t
build_tcp(struct packet_peer *p, const struct line *l, uint8_t *ip, uint8_t *th)
{
	uint16_t pport = read_addr(l->head[0], ip + 12), sport = read_addr(l->head[2], ip + 16);
	struct flow *f = find_flow(p, ip + 12, pport, ip + 16, sport);
	const char *opts = value_of(l, "opts"), *c, *paren = strchr(l->head[4], '(');
	size_t len = paren != NULL ? strtoul(paren + 1, NULL, 10) : 0, off = 20;
	uint32_t seq = (uint32_t)strtoul(l->head[4], NULL, 10);
	uint8_t flags = 0;

	for (c = l->head[3]; *c != '\0'; c++)
		if (*c != '-')
			flags |= (uint8_t)(1u << (strchr("FSRP.UEW", *c) - "FSRP.UEW"));
	memset(th, 0, 20);
	put(th, pport, 2);
	put(th + 2, sport, 2);
	put(th + 4, seq, 4);
	if ((flags & TH_ACK) != 0)
		put(th + 8, f->iss + number(l, "ack", 0), 4);
	if (opts != NULL)
		off += build_options(opts, th + 20, f);
	th[12] = (uint8_t)(number(l, "hlen", (uint32_t)off) / 4 << 4);
	th[13] = flags;
	put(th + 14, number(l, "win", 65535), 2);
	put(th + 18, number(l, "urg", 0), 2);
	tb_pattern(th + off, len, 0, seq);
	return (off + len);
}

static size_t
build_icmp(struct packet_peer *p, const struct line *l, uint8_t *ic)
{
	size_t len = number(l, "len", 0);
	char *slash;

	memset(ic, 0, 8);
	ic[0] = (uint8_t)strtoul(l->head[3], &slash, 10);
	ic[1] = (uint8_t)strtoul(slash + 1, NULL, 10);
	put(ic + 4, number(l, "id", 0), 2);
	put(ic + 6, number(l, "seq", number(l, "mtu", 0)), 2);
	if (value_of(l, "gw") != NULL)
		(void)read_addr(value_of(l, "gw"), ic + 4);
	if (value_of(l, "quote") != NULL) {
		memcpy(ic + 8, p->last, p->last_len);
		return (8 + p->last_len);
	}
	tb_pattern(ic + 8, len, 0, 0);
	return (8 + len);
}

/* The part behind the IP header, its protocol and where its sum goes (0: nowhere). */
static size_t
build_l4(struct packet_peer *p, const struct line *l, uint8_t *ip, int *proto, int *sum_at)
{
	uint8_t *b = ip + 20;
	size_t n;

	*sum_at = 0;
	if (strcmp(l->proto, "TCP") == 0) {
		*proto = IPPROTO_TCP;
		*sum_at = 16;
		return (build_tcp(p, l, ip, b));
	}
	if (strcmp(l->proto, "UDP") == 0) {
		*proto = IPPROTO_UDP;
		*sum_at = 6;
		put(b, read_addr(l->head[0], ip + 12), 2);
		put(b + 2, read_addr(l->head[2], ip + 16), 2);
		n = 8 + number(l, "len", 0);
		put(b + 4, number(l, "hlen", (uint32_t)n), 2);
		put(b + 6, 0, 2);
		tb_pattern(b + 8, n - 8, 0, 0);
		return (n);
	}
	(void)read_addr(l->head[0], ip + 12);
	(void)read_addr(l->head[2], ip + 16);
	if (strcmp(l->proto, "ICMP") == 0) {
		*proto = IPPROTO_ICMP;
		*sum_at = 2;
		return (build_icmp(p, l, b));
	}
	if (strcmp(l->proto, "IP") != 0)
		tap_bail("packet: unknown protocol in a line");
	*proto = (int)number(l, "proto", 255);
	n = number(l, "len", 0);
	tb_pattern(b, n, 0, number(l, "off", 0));
	return (n);
}

static size_t
build_ip(struct packet_peer *p, const struct line *l, uint8_t *ip)
{
	int proto, sum_at;
	size_t n = build_l4(p, l, ip, &proto, &sum_at);
	uint16_t s;

	ip[0] = 0x45;
	ip[1] = (uint8_t)number(l, "tos", 0);
	put(ip + 2, (uint32_t)(20 + n), 2);
	put(ip + 4, strcmp(l->proto, "ICMP") == 0 ? 1 : number(l, "id", 1), 2);
	put(ip + 6, number(l, "df", 0) << 14 | number(l, "mf", 0) << 13 | number(l, "off", 0) / 8,
	    2);
	ip[8] = (uint8_t)number(l, "ttl", 64);
	ip[9] = (uint8_t)proto;
	put(ip + 10, 0, 2);
	if (sum_at != 0) {
		s = (uint16_t)~l4_sum(ip, 20, 20 + n);
		if (value_of(l, "sum") != NULL)
			s ^= 0x5555;
		put(ip + 20 + sum_at, s == 0 ? 0xffff : s, 2);
	}
	put(ip + 2, number(l, "iplen", (uint32_t)(20 + n)), 2);
	s = (uint16_t)~sum16(ip, 20, 0);
	put(ip + 10, value_of(l, "ipsum") != NULL ? s ^ 0x5555u : s, 2);
	return (20 + n);
}

static size_t
build_arp(struct packet_peer *p, const struct line *l, uint8_t *a)
{
	bool request = strcmp(l->head[0], "who-has") == 0;

	memset(a, 0, 28);
	put(a, 1, 2);
	put(a + 2, ETHERTYPE_IP, 2);
	put(a + 4, 0x0604, 2);
	put(a + 6, request ? 1 : 2, 2);
	if (request) {
		memcpy(a + 8, p->mac, 6);
		(void)read_addr(l->head[3], a + 14);
		(void)read_addr(l->head[1], a + 24);
	} else {
		read_mac(l->head[3], a + 8);
		(void)read_addr(l->head[1], a + 14);
		memcpy(a + 18, p->stack_mac, 6);
		if (value_of(l, "to") != NULL)
			(void)read_addr(value_of(l, "to"), a + 24);
	}
	return (28);
}

/* ---- the peer ---- */

static void
inject_frame(struct packet_peer *p, const void *frame, size_t len, const struct link_offload *off)
{
	struct link_iov iov = {__DECONST(void *, frame), len};

	p->clock_ns = testbed_now_ns(p->tb);
	(void)p->link->ops->transmit(p->link, &iov, 1, off);
}

void
peer_inject_raw(struct packet_peer *p, const void *frame, size_t len)
{
	inject_frame(p, frame, len, NULL);
}

static void
inject_line(struct packet_peer *p, const struct line *l)
{
	struct link_offload merged = {.flags = LINK_OFFLOAD_NEEDS_CSUM,
	    .gso_type = LINK_GSO_TCPV4,
	    .csum_start = ETHER_HDR_LEN + 20,
	    .csum_offset = 16};
	bool arp = strcmp(l->proto, "ARP") == 0;
	size_t n;

	memcpy(p->frame, p->stack_mac, 6);
	if (arp && strcmp(l->head[0], "who-has") == 0)
		memset(p->frame, 0xff, 6);
	memcpy(p->frame + 6, p->mac, 6);
	if (value_of(l, "eth-dst") != NULL)
		read_mac(value_of(l, "eth-dst"), p->frame);
	if (value_of(l, "eth-src") != NULL)
		read_mac(value_of(l, "eth-src"), p->frame + 6);
	put(p->frame + 12, arp ? ETHERTYPE_ARP : ETHERTYPE_IP, 2);
	if (arp)
		n = build_arp(p, l, p->frame + ETHER_HDR_LEN);
	else
		n = build_ip(p, l, p->frame + ETHER_HDR_LEN);
	merged.gso_size = (uint16_t)number(l, "gso", 0);
	inject_frame(p, p->frame, ETHER_HDR_LEN + n, merged.gso_size != 0 ? &merged : NULL);
}

void
peer_inject(struct packet_peer *p, const char *fmt, ...)
{
	char text[TEXT];
	struct line l;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	parse(text, &l);
	inject_line(p, &l);
}

/* An ARP request for the peer's own address is answered and not shown. */
static bool
answer_arp(struct packet_peer *p, const uint8_t *f, size_t len)
{
	const uint8_t *a = f + ETHER_HDR_LEN;
	uint64_t clock = p->clock_ns;
	char mac[24], ip[24];

	if (!p->arp || len < 42 || get(f + 12, 2) != ETHERTYPE_ARP || get(a + 6, 2) != 1 ||
	    memcmp(a + 24, &p->addr, 4) != 0 || memcmp(a + 14, &p->addr, 4) == 0)
		return (false);
	peer_inject(p, "ARP reply %s is-at %s to %u.%u.%u.%u",
	    fmt_ip((const uint8_t *)&p->addr, ip), ether_sprintf_r(p->mac, mac), a[14], a[15],
	    a[16], a[17]);
	p->clock_ns = clock;
	return (true);
}

static void
peer_rx(void *arg, const uint8_t *frame, size_t len, const struct link_offload *off)
{
	struct packet_peer *p = arg;
	struct capture *c;

	if (answer_arp(p, frame, len))
		return;
	c = malloc(sizeof(*c) + len, M_PACKET, M_WAITOK);
	c->at_ns = testbed_now_ns(p->tb);
	c->partial_sum = (off->flags & LINK_OFFLOAD_NEEDS_CSUM) != 0;
	c->len = len;
	memcpy(c->data, frame, len);
	TAILQ_INSERT_TAIL(&p->queue, c, next);
}

struct packet_peer *
peer_create(struct testbed *tb, const char *addr, struct tb_host *talks_to)
{
	struct packet_peer *p = malloc(sizeof(*p), M_PACKET, M_WAITOK | M_ZERO);
	uint8_t mac[6] = {2, 0, 0, 0, 0x77, 1};

	p->tb = tb;
	if (inet_aton(addr, &p->addr) != 1)
		tap_bail("packet: bad address of a peer");
	mac[5] = ((const uint8_t *)&p->addr)[3];
	memcpy(p->mac, mac, 6);
	memcpy(p->stack_mac, talks_to->h_link->mac, 6);
	p->arp = true;
	p->clock_ns = testbed_now_ns(tb);
	TAILQ_INIT(&p->queue);
	p->link = wire_end(testbed_wire(tb), mac);
	wire_end_set_rx(p->link, peer_rx, p);
	return (p);
}

void
peer_forget(struct packet_peer *p)
{
	struct capture *c;

	while ((c = TAILQ_FIRST(&p->queue)) != NULL) {
		TAILQ_REMOVE(&p->queue, c, next);
		free(c, M_PACKET);
	}
	p->clock_ns = testbed_now_ns(p->tb);
}

void
peer_mark(struct packet_peer *p)
{
	p->clock_ns = testbed_now_ns(p->tb);
}

void
peer_destroy(struct packet_peer *p)
{
	peer_forget(p);
	p->link->ops->close(p->link);
	free(p, M_PACKET);
}

void
peer_set_arp(struct packet_peer *p, bool answer)
{
	p->arp = answer;
}

/* The next captured frame, waiting until the given time; the caller frees it. */
static struct capture *
next_capture(struct packet_peer *p, uint64_t until_ns)
{
	struct capture *c;

	while (TAILQ_EMPTY(&p->queue))
		if (!testbed_step(p->tb, until_ns) && TAILQ_EMPTY(&p->queue))
			return (NULL);
	c = TAILQ_FIRST(&p->queue);
	TAILQ_REMOVE(&p->queue, c, next);
	return (c);
}

static bool
compare(const struct line *want, struct line *got)
{
	const char *v;
	char *c;
	int i;

	if (strcmp(want->proto, got->proto) != 0 || want->nhead != got->nhead)
		return (false);
	if (strcmp(want->proto, "TCP") == 0 && strchr(want->head[3], 'P') == NULL &&
	    (c = strchr(got->head[3], 'P')) != NULL)
		memmove(c, c + 1, strlen(c));
	for (i = 0; i < want->nhead; i++)
		if (!matches(want->head[i], got->head[i]))
			return (false);
	for (i = 0; i < want->npairs; i++) {
		v = value_of(got, want->key[i]);
		if (v == NULL || !matches(want->value[i], v))
			return (false);
	}
	for (v = "sum"; v != NULL; v = strcmp(v, "sum") == 0 ? "ipsum" : NULL)
		if (value_of(got, v) != NULL && value_of(want, v) == NULL)
			return (false);
	return (true);
}

bool
peer_expect(struct packet_peer *p, int after_ms, int tolerance_ms, const char *file, int line,
    const char *fmt, ...)
{
	uint64_t due = p->clock_ns + (uint64_t)after_ms * NS_PER_MS;
	uint64_t slack = (uint64_t)tolerance_ms * NS_PER_MS;
	char text[TEXT], shown[2 * TEXT];
	struct line want, got;
	struct capture *c;
	va_list ap;
	bool good;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	parse(text, &want);
	c = next_capture(p, due + slack);
	if (c == NULL) {
		p->clock_ns = testbed_now_ns(p->tb);
		return (tap_ok(false, file, line, "%s: nothing came", text));
	}
	decode(p, c, &got);
	print(&got, shown, sizeof(shown));
	good = compare(&want, &got);
	if (!good) {
		(void)tap_ok(false, file, line, "%s", text);
		tap_diag("expected %s", text);
		tap_diag("     got %s", shown);
	} else {
		good = c->at_ns + slack >= due && c->at_ns <= due + slack;
		(void)tap_ok(good, file, line, "%s", text);
		if (!good)
			tap_diag("came after %llu ms instead of %d +- %d ms",
			    (unsigned long long)((c->at_ns - p->clock_ns) / NS_PER_MS), after_ms,
			    tolerance_ms);
	}
	p->clock_ns = c->at_ns;
	free(c, M_PACKET);
	return (good);
}

const char *
peer_next(struct packet_peer *p, int ms)
{
	struct capture *c = next_capture(p, testbed_now_ns(p->tb) + (uint64_t)ms * NS_PER_MS);
	struct line l;

	if (c == NULL)
		return (NULL);
	decode(p, c, &l);
	print(&l, p->text, sizeof(p->text));
	p->clock_ns = c->at_ns;
	free(c, M_PACKET);
	return (p->text);
}

bool
peer_expect_none(struct packet_peer *p, int ms, const char *file, int line)
{
	const char *got;

	got = peer_next(p, ms);
	if (got != NULL)
		tap_diag("got %s", got);
	p->clock_ns = testbed_now_ns(p->tb);
	return (tap_ok(got == NULL, file, line, "nothing for %d ms", ms));
}
