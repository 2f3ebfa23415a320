/*
 * run_packet.c - packets of a script on the module's wire. A script numbers bytes from each side's
 * SYN on, and knows its own timestamps; here they become the wire's, and come back.
 *
 * Owns the flows: one for each pair of ports that the script names, and the usual one of those that
 * it does not.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/packetdrill/pd_sys.h"
#include "t/packetdrill/run.h"
#include "t/packetdrill/run_tcp.h"

#define FLOWS_MAX 32
#define STAMPS_MAX 256
#define REMOTE_PORT 50000 /* who connects to us, if the script does not say */
#define REMOTE_ISN 0x20000000u

struct flow {
	bool used, bound;
	int proto;
	int slport, srport;    /* as the script names them; 0: it does not */
	uint16_t lport, rport; /* on the wire */
	uint32_t lisn;	       /* the stack's first number; 0 until its SYN came */
	bool have_lisn;
	/* the stack's timestamps, as the script has them and as they are */
	uint32_t sstamp[STAMPS_MAX], lstamp[STAMPS_MAX];
	int nstamps;
};

static struct flow flows[FLOWS_MAX];
static uint8_t wire[65536];

static struct flow *
find_flow(const struct pkt *p)
{
	const int local = p->out ? p->sport : p->dport, remote = p->out ? p->dport : p->sport;
	int i;

	for (i = 0; i < FLOWS_MAX && flows[i].used; i++)
		if (flows[i].slport == local && flows[i].srport == remote &&
		    flows[i].proto == p->proto)
			return (&flows[i]);
	if (i == FLOWS_MAX)
		fail("more than %d flows", FLOWS_MAX);
	flows[i] = (struct flow){.used = true,
	    .proto = p->proto,
	    .slport = local,
	    .srport = remote,
	    .bound = local != 0,
	    .lport = (uint16_t)local,
	    .rport = (uint16_t)remote};
	return (&flows[i]);
}

/* The flow of the packet that an ICMP error quotes. */
static struct flow *
quoted_flow(const struct pkt *p)
{
	struct pkt q = {.out = true, .proto = p->q_proto};

	if (p->sport != 0) {
		q.sport = p->dport;
		q.dport = p->sport;
	}
	return (find_flow(&q));
}

/* ---- sums ---- */

static uint32_t
add16(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *b = data;

	for (; len > 1; b += 2, len -= 2)
		sum += (uint32_t)b[0] << 8 | b[1];
	return (len > 0 ? sum + ((uint32_t)b[0] << 8) : sum);
}

static uint16_t
fold(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (htons((uint16_t)~sum));
}

static uint16_t
transport_sum(const struct hdr_ip *ip, const void *data, size_t len)
{
	return (fold(add16(data, len, add16(&ip->src, 8, (uint32_t)ip->proto + (uint32_t)len))));
}

static uint32_t
get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return (ntohl(v));
}

static void
put32(uint8_t *p, uint32_t v)
{
	v = htonl(v);
	memcpy(p, &v, sizeof(v));
}

/* ---- in ---- */

static size_t
ip_header(uint8_t *at, bool inward, int proto, const struct pkt *p, size_t len)
{
	struct hdr_ip ip = {.vhl = 0x45,
	    .len = htons((uint16_t)(sizeof(ip) + len)),
	    .ttl = p != NULL && p->ttl >= 0 ? (uint8_t)p->ttl : 255,
	    .tos = p == NULL	 ? 0
		   : p->tos >= 0 ? (uint8_t)p->tos
		   : p->ecn > 0	 ? (uint8_t)p->ecn
				 : 0,
	    .proto = (uint8_t)proto};

	inet_pton(AF_INET, R.script->config.local_ip, inward ? &ip.dst : &ip.src);
	inet_pton(AF_INET, R.script->config.remote_ip, inward ? &ip.src : &ip.dst);
	ip.sum = fold(add16(&ip, sizeof(ip), 0));
	memcpy(at, &ip, sizeof(ip));
	return (sizeof(ip));
}

/* What the script calls the stack's timestamp, as it was on the wire. */
static uint32_t
echo_in(const struct flow *f, uint32_t stamp)
{
	int i;

	for (i = f->nstamps - 1; i >= 0; i--)
		if (f->sstamp[i] == stamp)
			return (f->lstamp[i]);
	return (f->nstamps > 0 ? stamp - f->sstamp[0] + f->lstamp[0] : stamp);
}

/* The next option's length; 1 for NOP and EOL; 0: broken. */
static int
option_length(const uint8_t *o, int left)
{
	if (o[0] <= 1)
		return (1);
	return (left < 2 || o[1] < 2 || o[1] > left ? 0 : o[1]);
}

static void
options_in(const struct flow *f, uint8_t *o, int len)
{
	int i, n;

	for (; len > 0 && (n = option_length(o, len)) > 0; o += n, len -= n) {
		if (o[0] == 8 && n == 10 && get32(o + 6) != 0)
			put32(o + 6, echo_in(f, get32(o + 6)));
		for (i = 2; o[0] == 5 && i + 4 <= n; i += 4)
			put32(o + i, get32(o + i) + f->lisn);
	}
}

static void
fill(uint8_t *at, int len, uint32_t seq)
{
	int i;

	for (i = 0; i < len; i++)
		at[i] = (uint8_t)('a' + (seq + (uint32_t)i) % 26);
}

static size_t
tcp_in(const struct pkt *p, const struct flow *f)
{
	const size_t hlen = sizeof(struct hdr_tcp) + (size_t)p->optlen, len = hlen + (size_t)p->len;
	struct hdr_tcp t = {.sport = htons(f->rport),
	    .dport = htons(f->lport),
	    .seq = htonl(p->seq + REMOTE_ISN),
	    .ack = htonl((p->flags & TH_ACK) != 0 ? p->ack + f->lisn : 0),
	    .off = (uint8_t)(hlen / 4 << 4),
	    .flags = p->flags,
	    .win = htons(p->win >= 0 ? (uint16_t)p->win : 0),
	    .urg = htons((uint16_t)p->urg)};
	uint8_t *at = wire + ip_header(wire, true, IPPROTO_TCP, p, len);

	memcpy(at, &t, sizeof(t));
	memcpy(at + sizeof(t), p->opts, (size_t)p->optlen);
	options_in(f, at + sizeof(t), p->optlen);
	fill(at + hlen, p->len, p->seq);
	t.sum = transport_sum((struct hdr_ip *)(void *)wire, at, len);
	memcpy(at, &t, sizeof(t));
	return (sizeof(struct hdr_ip) + len);
}

static size_t
udp_in(const struct pkt *p, const struct flow *f)
{
	const size_t len = sizeof(struct hdr_udp) + (size_t)p->len;
	struct hdr_udp u = {
	    .sport = htons(f->rport), .dport = htons(f->lport), .len = htons((uint16_t)len)};
	uint8_t *at = wire + ip_header(wire, true, IPPROTO_UDP, p, len);

	memcpy(at, &u, sizeof(u));
	fill(at + sizeof(u), p->len, 0);
	u.sum = transport_sum((struct hdr_ip *)(void *)wire, at, len);
	memcpy(at, &u, sizeof(u));
	return (sizeof(struct hdr_ip) + len);
}

/* An error quotes the header and the first 20 bytes of what the stack sent. */
static size_t
icmp_in(const struct pkt *p)
{
	struct hdr_icmp h = {.type = (uint8_t)p->icmp_type, .code = (uint8_t)p->icmp_code};
	uint8_t *at = wire + sizeof(struct hdr_ip), *q = at + sizeof(h);
	size_t len = sizeof(h);

	h.seq = htons((uint16_t)p->icmp_mtu);
	h.id = htons((uint16_t)p->icmp_ident);
	if (p->q_proto != 0) {
		const struct flow *f = quoted_flow(p);
		struct hdr_tcp t = {.sport = htons(f->lport),
		    .dport = htons(f->rport),
		    .seq = htonl(p->q_seq + f->lisn),
		    .off = 5 << 4,
		    .flags = TH_ACK};
		struct hdr_udp u = {.sport = htons(f->lport),
		    .dport = htons(f->rport),
		    .len = htons((uint16_t)(8 + p->q_len))};
		const bool tcp = p->q_proto == IPPROTO_TCP;
		const size_t n = tcp ? sizeof(t) : sizeof(u);

		len += ip_header(q, false, p->q_proto, NULL, n + (size_t)p->q_len);
		memcpy(at + len, tcp ? (void *)&t : (void *)&u, n);
		len += n;
	} else {
		fill(q, 16, 0);
		len += 16;
	}
	memcpy(at, &h, sizeof(h));
	h.sum = fold(add16(at, len, 0));
	memcpy(at, &h, sizeof(h));
	ip_header(wire, true, IPPROTO_ICMP, p, len);
	return (sizeof(struct hdr_ip) + len);
}

void
packet_in(struct event *e)
{
	struct flow *f = NULL;
	size_t len;

	if (e->pkt.proto != IPPROTO_ICMP) {
		f = find_flow(&e->pkt);
		if (!f->bound) {
			f->bound = true;
			f->lport = (uint16_t)R.script->config.bind_port;
			f->rport = REMOTE_PORT;
		}
	}
	len = e->pkt.proto == IPPROTO_TCP   ? tcp_in(&e->pkt, f)
	      : e->pkt.proto == IPPROTO_UDP ? udp_in(&e->pkt, f)
					    : icmp_in(&e->pkt);
	if (R.pd.netdev_send(R.pd.userdata, wire, len) != 0)
		fail("the stack does not take the packet");
}

/* ---- what came out, in the script's terms ---- */

struct live {
	struct hdr_ip ip;
	struct hdr_tcp t;
	struct hdr_udp u;
	struct hdr_icmp i;
	const uint8_t *opts;
	int optlen, len; /* len: of the payload */
	bool bad_sum;
	const char *broken;
};

static void
parse_live(struct live *v, const uint8_t *b, size_t n)
{
	const uint8_t *at = b + sizeof(v->ip);
	size_t left, hlen = 0;

	memset(v, 0, sizeof(*v));
	if (n < sizeof(v->ip) || b[0] != 0x45) {
		v->broken = "no IPv4 header of 20 bytes";
		return;
	}
	memcpy(&v->ip, b, sizeof(v->ip));
	left = n - sizeof(v->ip);
	if (ntohs(v->ip.len) != n || fold(add16(&v->ip, sizeof(v->ip), 0)) != 0)
		v->broken = "the IP header's length or sum is wrong";
	if (v->ip.proto == IPPROTO_TCP && left >= sizeof(v->t)) {
		memcpy(&v->t, at, sizeof(v->t));
		hlen = (size_t)(v->t.off >> 4) * 4;
		v->opts = at + sizeof(v->t);
		v->optlen = (int)(hlen - sizeof(v->t));
	} else if (v->ip.proto == IPPROTO_UDP && left >= sizeof(v->u)) {
		memcpy(&v->u, at, sizeof(v->u));
		hlen = sizeof(v->u);
	} else if (v->ip.proto == IPPROTO_ICMP && left >= sizeof(v->i)) {
		memcpy(&v->i, at, sizeof(v->i));
		hlen = sizeof(v->i);
		v->bad_sum = fold(add16(at, left, 0)) != 0;
	}
	if (hlen == 0 || hlen > left) {
		v->broken = "the header above IP is not whole";
		return;
	}
	if (v->ip.proto != IPPROTO_ICMP)
		v->bad_sum = transport_sum(&v->ip, at, left) != 0;
	v->len = (int)(left - hlen);
}

struct text {
	char s[512];
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void
say(struct text *x, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(x->s + x->n, sizeof(x->s) - x->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		x->n = x->n + (size_t)n < sizeof(x->s) ? x->n + (size_t)n : sizeof(x->s) - 1;
}

static void
say_option(struct text *x, const struct flow *f, const uint8_t *o, int n, bool live)
{
	int i;

	if (o[0] == 0 || o[0] == 1)
		say(x, "%s", o[0] == 0 ? "eol" : "nop");
	else if (o[0] == 2 && n == 4)
		say(x, "mss %d", o[2] << 8 | o[3]);
	else if (o[0] == 3 && n == 3)
		say(x, "wscale %d", o[2]);
	else if (o[0] == 4)
		say(x, "sackOK");
	else if (o[0] == 8 && n == 10)
		say(x, "TS val %u ecr %u",
		    get32(o + 2) - (live && f->nstamps > 0 ? f->lstamp[0] - f->sstamp[0] : 0),
		    get32(o + 6));
	else if (o[0] == 5)
		for (i = 2; i + 8 <= n; i += 8)
			say(x, "%s%u:%u", i == 2 ? "sack " : " ",
			    get32(o + i) - (live ? REMOTE_ISN : 0),
			    get32(o + i + 4) - (live ? REMOTE_ISN : 0));
	else {
		say(x, o[0] == 34 ? "FO " : o[0] == 19 ? "md5 " : "unknown %d ", o[0]);
		for (i = 2; i < n; i++)
			say(x, "%02x", o[i]);
	}
}

static void
say_options(struct text *x, const struct flow *f, const uint8_t *o, int len, bool live)
{
	bool first = true;
	int n;

	for (; len > 0 && (n = option_length(o, len)) > 0; o += n, len -= n) {
		say(x, "%s", first ? " <" : ",");
		say_option(x, f, o, n, live);
		first = false;
	}
	say(x, "%s", first ? "" : ">");
}

static void
say_flags(struct text *x, uint8_t flags)
{
	static const char letters[] = "FSRP.UEW";
	int i;

	for (i = 0; i < 8; i++)
		if (i != 4 && (flags & 1 << i) != 0)
			say(x, "%c", letters[i]);
	say(x, "%s", flags == 0 ? "-" : (flags & TH_ACK) != 0 ? "." : "");
}

static void
say_live(struct text *x, const struct live *v, const struct flow *f)
{
	static const char *const ecns[] = {"noecn", "ect1", "ect0", "ce"};
	const uint32_t seq = ntohl(v->t.seq) - (f != NULL ? f->lisn : 0);
	static const struct flow none;

	if (f == NULL)
		f = &none;
	say(x, "> [%s] ", ecns[v->ip.tos & 3]);
	if (v->ip.proto == IPPROTO_UDP) {
		say(x, "udp %u>%u (%d)", ntohs(v->u.sport), ntohs(v->u.dport), v->len);
	} else if (v->ip.proto == IPPROTO_ICMP) {
		say(x, "icmp type %d code %d id %u seq %u", v->i.type, v->i.code, ntohs(v->i.id),
		    ntohs(v->i.seq));
	} else {
		say(x, "%u>%u ", ntohs(v->t.sport), ntohs(v->t.dport));
		say_flags(x, v->t.flags);
		say(x, " %u:%u(%d)", seq, seq + (uint32_t)v->len, v->len);
		if ((v->t.flags & TH_ACK) != 0)
			say(x, " ack %u", ntohl(v->t.ack) - REMOTE_ISN);
		say(x, " win %u", ntohs(v->t.win));
		if ((v->t.flags & TH_URG) != 0)
			say(x, " urg %u", ntohs(v->t.urg));
		say_options(x, f, v->opts, v->optlen, true);
	}
	say(x, "  ttl %u", v->ip.ttl);
}

/* ---- comparing ---- */

static const struct live *L; /* the packet under judgment, and its flow */
static struct flow *F;
static long long came; /* ... in the script's time */

__attribute__((noreturn, format(printf, 1, 2))) static void
wrong(const char *fmt, ...)
{
	struct text x = {.n = 0};
	char why[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	say_live(&x, L, F);
	say(&x, "  at %.6f s", (double)came / 1e6);
	fail("%s\n    expected: %s\n    actual:   %s", why, R.now->text, x.s);
}

#define same(what, want, got)                                                                      \
	do {                                                                                       \
		if ((want) != (got))                                                               \
			wrong("%s is %lld, expected %lld", what, (long long)(got),                 \
			    (long long)(want));                                                    \
	} while (0)

static void
compare_stamp(const uint8_t *want, const uint8_t *got)
{
	const uint32_t s = get32(want + 2), l = get32(got + 2);
	const long long tick = R.script->config.ts_tick;
	long long off;

	same("TS ecr", get32(want + 6), get32(got + 6));
	if (F->nstamps > 0 && tick > 0) {
		off = ((long long)(int32_t)(l - F->lstamp[0]) -
			  (long long)(int32_t)(s - F->sstamp[0])) *
		      tick;
		if (llabs(off) > R.script->config.tolerance + tick)
			wrong("TS val is %lld ticks off", off / tick);
	}
	if (F->nstamps == STAMPS_MAX)
		F->nstamps--; /* the first one stays: the others count from it */
	F->sstamp[F->nstamps] = s;
	F->lstamp[F->nstamps++] = l;
}

static void
compare_options(const struct pkt *p)
{
	const uint8_t *a = p->opts, *b = L->opts;
	int al = p->optlen, bl = L->optlen, n, i;

	if (p->any_options)
		return;
	if (al != bl)
		wrong("%d bytes of TCP options, expected %d", bl, al);
	for (; al > 0; a += n, b += n, al -= n, bl -= n) {
		n = option_length(b, bl);
		if (n == 0 || a[0] != b[0] || option_length(a, al) != n)
			wrong("the TCP options are others");
		if (a[0] == 8 && n == 10) {
			compare_stamp(a, b);
		} else if (a[0] == 5) {
			for (i = 2; i + 4 <= n; i += 4)
				if (get32(a + i) != get32(b + i) - REMOTE_ISN)
					wrong("the SACK blocks are others");
		} else if (memcmp(a, b, (size_t)n) != 0) {
			wrong("the TCP options are others");
		}
	}
}

static void
compare_tcp(const struct pkt *p)
{
	if ((L->t.flags & TH_SYN) != 0) {
		F->lisn = ntohl(L->t.seq) - p->seq;
		F->have_lisn = true;
	}
	if (L->t.flags != p->flags)
		wrong("the flags are others");
	same("seq", p->seq, ntohl(L->t.seq) - F->lisn);
	same("the length", p->len, L->len);
	if ((p->flags & TH_ACK) != 0)
		same("ack", p->ack, ntohl(L->t.ack) - REMOTE_ISN);
	if (p->win >= 0)
		same("win", p->win, ntohs(L->t.win));
	if ((p->flags & TH_URG) != 0)
		same("urg", p->urg, ntohs(L->t.urg));
	compare_options(p);
}

static void
compare_icmp(const struct pkt *p)
{
	same("the ICMP type", p->icmp_type, L->i.type);
	same("the ICMP code", p->icmp_code, L->i.code);
	if (p->icmp_mtu != 0)
		same("the MTU", p->icmp_mtu, ntohs(L->i.seq));
	if (p->icmp_ident != 0)
		same("the ICMP id", p->icmp_ident, ntohs(L->i.id));
}

static void
compare_ip(const struct pkt *p)
{
	uint32_t local, remote;

	inet_pton(AF_INET, R.script->config.local_ip, &local);
	inet_pton(AF_INET, R.script->config.remote_ip, &remote);
	if (L->ip.src != local || L->ip.dst != remote)
		wrong("the addresses are others");
	if (L->bad_sum)
		wrong("its checksum is wrong");
	if (p->ecn == 4 && (L->ip.tos & 3) != 1 && (L->ip.tos & 3) != 2)
		wrong("neither ect0 nor ect1");
	if (p->ecn >= 0 && p->ecn < 4)
		same("the ECN field", p->ecn, L->ip.tos & 3);
	if (p->tos >= 0)
		same("TOS", p->tos, L->ip.tos);
	if (p->ttl >= 0)
		same("TTL", p->ttl, L->ip.ttl);
}

/* Whose the packet is, by the script's line. A SYN of the stack's begins the usual flow anew. */
static void
choose_flow(const struct pkt *p)
{
	const bool tcp = L->ip.proto == IPPROTO_TCP;
	const uint16_t lport = ntohs(tcp ? L->t.sport : L->u.sport),
		       rport = ntohs(tcp ? L->t.dport : L->u.dport);

	F = find_flow(p);
	if (!F->bound || (F->slport == 0 && tcp && (L->t.flags & (TH_SYN | TH_ACK)) == TH_SYN)) {
		F->bound = true;
		if (F->lport != lport || F->rport != rport)
			F->nstamps = 0;
		F->lport = lport;
		F->rport = rport;
	}
	if (F->lport != lport || F->rport != rport)
		wrong("its ports are %u>%u, expected %u>%u", lport, rport, F->lport, F->rport);
}

static size_t
receive(struct live *v, long long *usecs)
{
	size_t len = sizeof(wire);

	if (R.pd.netdev_receive(R.pd.userdata, wire, &len, usecs) != 0 || len == 0)
		return (0);
	parse_live(v, wire, len);
	return (len);
}

long long
packet_out(struct event *e)
{
	long long usecs = 0;
	struct live v;

	if (receive(&v, &usecs) == 0)
		fail("no packet came");
	L = &v;
	came = usecs - R.start;
	F = NULL;
	if (v.broken != NULL)
		wrong("%s", v.broken);
	if (v.ip.proto != e->pkt.proto)
		wrong("the protocol is another");
	if (e->pkt.proto != IPPROTO_ICMP)
		choose_flow(&e->pkt);
	if (e->pkt.proto == IPPROTO_TCP)
		compare_tcp(&e->pkt);
	else if (e->pkt.proto == IPPROTO_UDP)
		same("the length", e->pkt.len, v.len);
	else
		compare_icmp(&e->pkt);
	compare_ip(&e->pkt);
	L = NULL;
	return (usecs - R.start);
}

/* ---- the end ---- */

bool
packet_pending(char *text, size_t size)
{
	struct text x = {.n = 0};
	long long usecs;
	struct live v;

	if (!pd_if_waiting() || receive(&v, &usecs) == 0)
		return (false);
	say_live(&x, &v, flows[0].used ? &flows[0] : NULL);
	say(&x, "  at %.6f s", (double)(usecs - R.start) / 1e6);
	snprintf(text, size, "%s", x.s);
	return (true);
}

void
packet_reset_all(void)
{
	struct pkt p = {.flags = TH_RST | TH_ACK, .ecn = -1, .tos = -1, .ttl = -1};
	int i;

	for (i = 0; i < FLOWS_MAX && flows[i].used; i++)
		if (flows[i].proto == IPPROTO_TCP && flows[i].bound)
			(void)R.pd.netdev_send(R.pd.userdata, wire, tcp_in(&p, &flows[i]));
}
