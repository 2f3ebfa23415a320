/*
 * tcp_log.c - a record of each segment of TCP and of its connection at that moment, siftr(4).
 *
 * Theory of operation. The hooks (tcp_log.h) fill a record in a ring that tcp_log_start() made; a
 * record that finds the ring full is dropped and counted, and its number is missing from the
 * lines. Text is made when the reader takes it, outside TCP's work. An incoming segment is
 * recorded after its steps, and before what it makes us send: its windows are those that it led
 * to. An outgoing one is recorded when the connection counts it as sent. A burst that the
 * interface will cut (TSO), or has merged, is one record; `segs` says of how many.
 *
 * One log for all stacks of the process; each record names its stack. Owns the ring. Bound:
 * net.inet.tcp.log.records. Called by tcp_input.c, tcp_segment.c, tcp_output.c, tcp_respond.c.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <sys/systm.h>
#include <sys/time.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_log.h>
#include <netinet/tcp_var.h>

struct tcp_log_rec {
	uint64_t n;	  /* of all since the start; a gap is what was dropped */
	uint64_t time_ns; /* since 1970; runs as the stack's clock does */
	uint32_t flow;	  /* the same for all records of a connection */
	bool out, rexmit, has_tcb;
	uint8_t state;
	uint16_t flags;
	char vnet[16], cc[TCP_CA_NAME_MAX];
	const char *recovery;
	struct in_addr laddr, faddr;
	uint16_t lport, fport; /* host order */
	/* the segment */
	uint32_t seq, ack, rseq, rack, len, segs, win;
	/* the connection */
	uint32_t cwnd, ssthresh, flight, sacked, snd_wnd, rcv_wnd, srtt, rttvar, rto, mss, dupacks;
	uint32_t sndbuf, sndbuf_max, rcvbuf, rcvbuf_max, reass;
};

static MALLOC_DEFINE(M_TCPLOG, "tcp_log", "records of TCP's segments");

bool tcp_log_on;
static struct tcp_log_config config;
static struct tcp_log_rec *ring;
static u_int ring_size, ring_first, ring_count;
static uint64_t matched, numbered, dropped;
static uint64_t epoch_ns; /* what to add to uptime for time_ns */
static bool names_due;

/* The segment being handled, as it came: steps trim it. */
static struct {
	const struct tcp_seg *seg;
	uint32_t seq, ack, len, win;
	uint16_t flags;
} seen;

static int log_records = 16384;
SYSCTL_DECL(_net_inet_tcp);
SYSCTL_NODE(_net_inet_tcp, OID_AUTO, log, CTLFLAG_RW, 0, "Records of segments");
SYSCTL_INT_RANGE(_net_inet_tcp_log, OID_AUTO, records, CTLFLAG_RW, &log_records, 16, 4194304,
    "Records that wait for their reader, at most, from the next start on; more are dropped and "
    "counted (16 to 4194304, default 16384)");

/* ---- making records ---- */

static uint64_t
uptime_ns(void)
{
	struct timespec ts;

	nanouptime(&ts);
	return ((uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec);
}

static bool
wanted(const struct in_conninfo *inc)
{
	if (config.port != 0 && ntohs(inc->inc_lport) != config.port &&
	    ntohs(inc->inc_fport) != config.port)
		return (false);
	if (config.mask.s_addr != 0 &&
	    (inc->inc_laddr.s_addr & config.mask.s_addr) != config.addr.s_addr &&
	    (inc->inc_faddr.s_addr & config.mask.s_addr) != config.addr.s_addr)
		return (false);
	return (matched++ % max(config.every, 1) == 0);
}

/* FNV-1a of both ends, ours first. */
static uint32_t
flow_of(const struct in_conninfo *inc)
{
	const uint32_t word[3] = {inc->inc_laddr.s_addr, inc->inc_faddr.s_addr,
	    (uint32_t)inc->inc_lport << 16 | inc->inc_fport};
	uint32_t hash = 2166136261u;

	for (u_int bit = 0; bit < 96; bit += 8)
		hash = (hash ^ (word[bit / 32] >> bit % 32 & 0xff)) * 16777619u;
	return (hash);
}

/* A place in the ring, with what all records have; NULL: none is to be made. */
static struct tcp_log_rec *
new_record(const struct in_conninfo *inc)
{
	struct tcp_log_rec *r;

	if (!wanted(inc))
		return (NULL);
	numbered++;
	if (ring_count == ring_size) {
		dropped++;
		return (NULL);
	}
	r = &ring[(ring_first + ring_count) % ring_size];
	memset(r, 0, sizeof(*r));
	r->n = numbered;
	r->time_ns = epoch_ns + uptime_ns();
	r->flow = flow_of(inc);
	strlcpy(r->vnet, curvnet->vnet_name, sizeof(r->vnet));
	r->laddr = inc->inc_laddr;
	r->faddr = inc->inc_faddr;
	r->lport = ntohs(inc->inc_lport);
	r->fport = ntohs(inc->inc_fport);
	r->recovery = "";
	return (r);
}

static void
commit(void)
{
	if (ring_count++ == 0)
		config.ready(config.arg);
}

static const char *
recovery_of(const struct tcpcb *tp)
{
	if ((tp->t_flags & TF_RTORECOVERY) != 0)
		return ("loss");
	if (IN_FASTRECOVERY(tp->t_flags))
		return ("recovery");
	return (IN_CONGRECOVERY(tp->t_flags) ? "cwr" : "open");
}

static void
fill_tcb(struct tcp_log_rec *r, const struct tcpcb *tp)
{
	const struct socket *so = tptosocket(tp);

	r->has_tcb = true;
	r->state = tp->t_state;
	if (tp->t_state == TCPS_LISTEN)
		return;
	r->recovery = recovery_of(tp);
	if (tp->t_ccv.algo != NULL)
		strlcpy(r->cc, tp->t_ccv.algo->name, sizeof(r->cc));
	r->cwnd = tp->snd_cwnd;
	r->ssthresh = tp->snd_ssthresh;
	r->flight = tp->snd_max - tp->snd_una;
	r->sacked = tp->t_sack.ss_bytes;
	r->snd_wnd = tp->snd_wnd;
	r->rcv_wnd = tp->rcv_wnd;
	r->srtt = tp->t_srtt;
	r->rttvar = tp->t_rttvar;
	r->rto = (uint32_t)tp->t_rxtcur;
	r->mss = tp->t_maxseg;
	r->dupacks = tp->t_dupacks;
	r->reass = tp->t_segqlen;
	if (so == NULL)
		return;
	r->sndbuf = sbavail(&so->so_snd);
	r->sndbuf_max = so->so_snd.sb_hiwat;
	r->rcvbuf = sbavail(&so->so_rcv);
	r->rcvbuf_max = so->so_rcv.sb_hiwat;
}

/* ---- the hooks ---- */

void
tcp_log_seen(const struct tcp_seg *seg)
{
	seen.seg = seg;
	seen.seq = seg->seq;
	seen.ack = seg->ack;
	seen.len = seg->len;
	seen.win = seg->win;
	seen.flags = seg->flags;
}

void
tcp_log_in(const struct tcpcb *tp, const struct tcp_seg *seg)
{
	struct tcp_log_rec *r;

	if (seen.seg != seg)
		return; /* the log was started in the middle, or it is recorded */
	seen.seg = NULL;
	r = new_record(&seg->inc);
	if (r == NULL)
		return;
	r->flags = seen.flags;
	r->seq = r->rseq = seen.seq;
	r->ack = r->rack = seen.ack;
	r->len = seen.len;
	r->segs = seg->nsegs;
	r->win = seen.win;
	if (tp != NULL) {
		fill_tcb(r, tp);
		r->rseq = seen.seq - tp->irs;
		r->rack = (seen.flags & TH_ACK) != 0 ? seen.ack - tp->iss : 0;
		if ((seen.flags & TH_SYN) == 0)
			r->win <<= tp->snd_scale;
	}
	commit();
}

void
tcp_log_out(const struct tcpcb *tp, const struct tcp_plan *p, uint32_t old_max)
{
	struct tcp_log_rec *r = new_record(&tp->t_inpcb->inp_inc);

	if (r == NULL)
		return;
	fill_tcb(r, tp);
	r->out = true;
	r->rexmit =
	    (p->len > 0 || (p->flags & (TH_SYN | TH_FIN)) != 0) && (int32_t)(p->seq - old_max) < 0;
	r->flags = p->flags;
	r->seq = p->seq;
	r->rseq = p->seq - tp->iss;
	if ((p->flags & TH_ACK) != 0) {
		r->ack = tp->rcv_nxt;
		r->rack = tp->rcv_nxt - tp->irs;
	}
	r->len = p->len;
	r->segs = p->segsz != 0 ? howmany(p->len, p->segsz) : 1;
	r->win = p->win;
	commit();
}

void
tcp_log_bare(const struct tcp_bare *b)
{
	const struct tcpcb *tp = b->inp != NULL ? intotcpcb(b->inp) : NULL;
	struct tcp_log_rec *r = new_record(b->inc);

	if (r == NULL)
		return;
	r->out = true;
	r->flags = b->flags;
	r->seq = r->rseq = b->seq;
	r->ack = r->rack = b->ack;
	r->segs = 1;
	r->win = b->win;
	if (tp != NULL) {
		fill_tcb(r, tp);
		if (tp->t_state != TCPS_LISTEN) {
			r->rseq = b->seq - tp->iss;
			r->rack = b->ack - tp->irs;
			r->win = b->win << tp->rcv_scale;
		}
	}
	commit();
}

/* ---- text ---- */

enum column_kind {
	C_U32,
	C_U64,
	C_PORT,
	C_ADDR,
	C_TEXT,
	C_NAME,
	C_HEX,
	C_DIR,
	C_BOOL,
	C_FLAGS,
	C_STATE
};

/* The columns, in their order. Names last: a column that is added goes to the end. */
static const struct column {
	const char *name;
	enum column_kind kind;
	u_int at;
} columns[] = {
#define COL(name, kind)                                                                            \
	{                                                                                          \
#name, kind, offsetof(struct tcp_log_rec, name)                                    \
	}
    COL(n, C_U64),
    COL(time_ns, C_U64),
    {"dir", C_DIR, offsetof(struct tcp_log_rec, out)},
    COL(vnet, C_NAME),
    COL(flow, C_HEX),
    COL(laddr, C_ADDR),
    COL(lport, C_PORT),
    COL(faddr, C_ADDR),
    COL(fport, C_PORT),
    COL(seq, C_U32),
    COL(ack, C_U32),
    COL(rseq, C_U32),
    COL(rack, C_U32),
    COL(len, C_U32),
    COL(segs, C_U32),
    COL(flags, C_FLAGS),
    COL(win, C_U32),
    COL(rexmit, C_BOOL),
    COL(state, C_STATE),
    {"cc", C_NAME, offsetof(struct tcp_log_rec, cc)},
    COL(recovery, C_TEXT),
    COL(cwnd, C_U32),
    COL(ssthresh, C_U32),
    COL(flight, C_U32),
    COL(sacked, C_U32),
    COL(snd_wnd, C_U32),
    COL(rcv_wnd, C_U32),
    {"srtt_us", C_U32, offsetof(struct tcp_log_rec, srtt)},
    {"rttvar_us", C_U32, offsetof(struct tcp_log_rec, rttvar)},
    {"rto_ms", C_U32, offsetof(struct tcp_log_rec, rto)},
    COL(mss, C_U32),
    COL(dupacks, C_U32),
    COL(sndbuf, C_U32),
    COL(sndbuf_max, C_U32),
    COL(rcvbuf, C_U32),
    COL(rcvbuf_max, C_U32),
    COL(reass, C_U32),
#undef COL
};

static char *
put_text(char *p, const char *s)
{
	while (*s != '\0')
		*p++ = *s++;
	return (p);
}

static char *
put_number(char *p, uint64_t v)
{
	char digits[20];
	u_int n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
	} while ((v /= 10) != 0);
	while (n > 0)
		*p++ = digits[--n];
	return (p);
}

static char *
put_hex(char *p, uint32_t v)
{
	for (int shift = 28; shift >= 0; shift -= 4)
		*p++ = "0123456789abcdef"[v >> shift & 15];
	return (p);
}

static char *
put_addr(char *p, struct in_addr a)
{
	char text[INET_ADDRSTRLEN];

	return (put_text(p, inet_ntoa_r(a, text)));
}

static char *
put_flags(char *p, uint16_t flags)
{
	static const char letters[] = "FSRPAUECe"; /* from TH_FIN up; e: TH_AE */

	for (u_int i = 0; i < sizeof(letters) - 1; i++)
		if ((flags & 1u << i) != 0)
			*p++ = letters[i];
	return (p);
}

static char *
put_value(char *p, const struct tcp_log_rec *r, const struct column *c)
{
	const char *at = (const char *)r + c->at;

	switch (c->kind) {
	case C_U32:
		return (put_number(p, *(const uint32_t *)(const void *)at));
	case C_U64:
		return (put_number(p, *(const uint64_t *)(const void *)at));
	case C_PORT:
		return (put_number(p, *(const uint16_t *)(const void *)at));
	case C_ADDR:
		return (put_addr(p, *(const struct in_addr *)(const void *)at));
	case C_TEXT:
		return (put_text(p, *(const char *const *)(const void *)at));
	case C_NAME:
		return (put_text(p, at));
	case C_HEX:
		return (put_hex(p, *(const uint32_t *)(const void *)at));
	case C_DIR:
		return (put_text(p, r->out ? "out" : "in"));
	case C_BOOL:
		return (put_number(p, *(const bool *)at));
	case C_FLAGS:
		return (put_flags(p, r->flags));
	case C_STATE:
		return (put_text(p, r->has_tcb ? tcpstates[r->state] : "NONE"));
	}
	return (p);
}

static bool
is_number(enum column_kind kind)
{
	return (kind == C_U32 || kind == C_U64 || kind == C_PORT || kind == C_BOOL);
}

static char *
put_json(char *p, const struct tcp_log_rec *r)
{
	for (u_int i = 0; i < nitems(columns); i++) {
		const bool quoted = !is_number(columns[i].kind);

		p = put_text(p, i == 0 ? "{\"" : ",\"");
		p = put_text(p, columns[i].name);
		p = put_text(p, quoted ? "\":\"" : "\":");
		p = put_value(p, r, &columns[i]);
		if (quoted)
			*p++ = '"';
	}
	return (put_text(p, "}\n"));
}

static char *
put_csv(char *p, const struct tcp_log_rec *r)
{
	for (u_int i = 0; i < nitems(columns); i++) {
		if (i > 0)
			*p++ = ',';
		p = put_value(p, r, &columns[i]);
	}
	*p++ = '\n';
	return (p);
}

static char *
put_names(char *p)
{
	for (u_int i = 0; i < nitems(columns); i++) {
		if (i > 0)
			*p++ = ',';
		p = put_text(p, columns[i].name);
	}
	*p++ = '\n';
	return (p);
}

size_t
tcp_log_read(char *buf, size_t size)
{
	char *p = buf;

	if (names_due && size >= TCP_LOG_LINE_MAX) {
		p = put_names(p);
		names_due = false;
	}
	while (ring_count > 0 && size - (size_t)(p - buf) >= TCP_LOG_LINE_MAX) {
		p = config.format == TCP_LOG_JSONL ? put_json(p, &ring[ring_first])
						   : put_csv(p, &ring[ring_first]);
		ring_first = (ring_first + 1) % ring_size;
		ring_count--;
	}
	return ((size_t)(p - buf));
}

/* ---- starting and stopping ---- */

static bool
parse_number(const char *s, u_long most, u_long *value)
{
	char *end;

	if (s[0] < '0' || s[0] > '9')
		return (false);
	*value = strtoul(s, &end, 10);
	return (*end == '\0' && *value >= 1 && *value <= most);
}

static bool
parse_addr(char *s, struct tcp_log_config *c)
{
	char *slash = strchr(s, '/');
	u_long len = 32;

	if (slash != NULL) {
		*slash = '\0';
		if (!parse_number(slash + 1, 32, &len))
			return (false);
	}
	if (!inet_aton(s, &c->addr))
		return (false);
	c->mask.s_addr = htonl(0xffffffffu << (32 - len));
	c->addr.s_addr &= c->mask.s_addr;
	return (true);
}

/* What is wrong with it, or NULL. */
static const char *
parse_word(char *word, struct tcp_log_config *c)
{
	char *value = strchr(word, '=');
	u_long n;

	if (value == NULL)
		return ("is not NAME=VALUE");
	*value++ = '\0';
	if (strcmp(word, "format") == 0) {
		c->format = strcmp(value, "jsonl") == 0 ? TCP_LOG_JSONL : TCP_LOG_CSV;
		return (c->format == TCP_LOG_CSV && strcmp(value, "csv") != 0
			    ? "is neither csv nor jsonl"
			    : NULL);
	}
	if (strcmp(word, "every") == 0) {
		if (!parse_number(value, UINT_MAX, &n))
			return ("is not a number from 1 on");
		c->every = (u_int)n;
		return (NULL);
	}
	if (strcmp(word, "port") == 0) {
		if (!parse_number(value, 65535, &n))
			return ("is not a port (1 to 65535)");
		c->port = (uint16_t)n;
		return (NULL);
	}
	if (strcmp(word, "addr") == 0)
		return (parse_addr(value, c) ? NULL : "is not an IPv4 address or prefix");
	return ("is not one of format, every, port, addr");
}

int
tcp_log_parse(const char *words, struct tcp_log_config *c, char *why, size_t whysize)
{
	char room[256], whole[64], *rest = room, *word;
	const char *wrong;

	memset(c, 0, sizeof(*c));
	if (strlcpy(room, words, sizeof(room)) >= sizeof(room)) {
		snprintf(why, whysize, "too many words");
		return (EINVAL);
	}
	while (rest != NULL) {
		word = rest;
		rest = strchr(word, ' ');
		if (rest != NULL)
			*rest++ = '\0';
		if (word[0] == '\0')
			continue;
		strlcpy(whole, word, sizeof(whole));
		if ((wrong = parse_word(word, c)) != NULL) {
			snprintf(why, whysize, "%s %s", whole, wrong);
			return (EINVAL);
		}
	}
	return (0);
}

int
tcp_log_start(const struct tcp_log_config *c)
{
	struct timespec ts;

	if (ring != NULL)
		return (EBUSY);
	ring = mallocarray((size_t)log_records, sizeof(*ring), M_TCPLOG, M_NOWAIT);
	if (ring == NULL)
		return (ENOMEM);
	config = *c;
	ring_size = (u_int)log_records;
	ring_first = ring_count = 0;
	matched = numbered = dropped = 0;
	nanotime(&ts);
	epoch_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec - uptime_ns();
	names_due = config.format == TCP_LOG_CSV;
	seen.seg = NULL;
	tcp_log_on = true;
	return (0);
}

void
tcp_log_stop(void)
{
	tcp_log_on = false;
}

void
tcp_log_free(void)
{
	tcp_log_on = false;
	free(ring, M_TCPLOG);
	ring = NULL;
	ring_count = ring_size = 0;
}

void
tcp_log_status(struct tcp_log_status *s)
{
	s->on = tcp_log_on;
	s->records = numbered - dropped;
	s->dropped = dropped;
	s->waiting = ring_count;
	s->size = ring_size;
}
