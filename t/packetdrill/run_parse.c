/*
 * run_parse.c - a script's lines as events. What is wrong with one is said with its line, and what
 * was expected. Owns what it allocates for as long as the process lives: a script each.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/packetdrill/run.h"
#include "t/packetdrill/run_tcp.h"

__attribute__((noreturn)) static void
expected(struct lex *l, const char *what)
{
	script_error(l->file, l->line, "expected %s, not '%.*s'", what,
	    (int)strcspn(l->start, "\n") > 40 ? 40 : (int)strcspn(l->start, "\n"), l->start);
}

static bool
is_char(const struct lex *l, int c)
{
	return (l->t == T_CHAR && l->c == c);
}

static bool
is_word(const struct lex *l, const char *w)
{
	return (l->t == T_WORD && strcmp(l->s, w) == 0);
}

static bool
accept_char(struct lex *l, int c)
{
	if (!is_char(l, c))
		return (false);
	lex_next(l);
	return (true);
}

static void
need_char(struct lex *l, int c)
{
	char what[4] = {'\'', (char)c, '\'', '\0'};

	if (!accept_char(l, c))
		expected(l, what);
}

static long long
need_int(struct lex *l, long long lo, long long hi, const char *what)
{
	long long n = l->n;

	if (l->t != T_INT)
		expected(l, what);
	if (n < lo || n > hi)
		script_error(l->file, l->line, "%s is %lld to %lld, not %lld", what, lo, hi, n);
	lex_next(l);
	return (n);
}

static char *
need_word(struct lex *l, const char *what)
{
	char *w;

	if (l->t != T_WORD)
		expected(l, what);
	w = strdup(l->s);
	lex_next(l);
	return (w);
}

/* ---- values of calls ---- */

static struct value *parse_value(struct lex *);

static struct value *
new_value(enum vtype type)
{
	struct value *v = calloc(1, sizeof(*v));

	v->type = type;
	return (v);
}

static struct value *
parse_items(struct lex *l, int end)
{
	struct value *first = NULL, **last = &first;

	while (!is_char(l, end)) {
		*last = parse_value(l);
		last = &(*last)->next;
		if (!accept_char(l, ','))
			break;
	}
	need_char(l, end);
	return (first);
}

/* htons(8080), inet_addr("1.2.3.4"): what is in the brackets */
static struct value *
parse_wrapped(struct lex *l, const char *name)
{
	struct value *v = parse_value(l);

	need_char(l, ')');
	if (v->type == V_STRING && strcmp(name, "inet_addr") == 0) {
		v->type = V_INT;
		v->n = inet_addr(v->s);
	}
	return (v);
}

/* NAME, NAME=value, NAME(...)=value (of a msghdr), htons(...) */
static struct value *
parse_named(struct lex *l)
{
	char *name = need_word(l, "a name");
	struct value *v;

	if (is_char(l, '(')) {
		lex_next(l);
		v = parse_wrapped(l, name);
		if (!accept_char(l, '=')) {
			free(name);
			return (v);
		}
		free(v);
		v = parse_value(l);
		v->name = name;
		return (v);
	}
	if (accept_char(l, '=')) {
		v = parse_value(l);
		v->name = name;
		return (v);
	}
	v = new_value(V_WORD);
	v->s = name;
	if (symbol(name, &v->n))
		v->type = V_INT;
	return (v);
}

static struct value *
parse_simple(struct lex *l)
{
	struct value *v;

	if (l->t == T_WORD)
		return (parse_named(l));
	if (l->t == T_INT) {
		v = new_value(V_INT);
		v->n = l->n;
	} else if (l->t == T_DOTS) {
		v = new_value(V_DOTS);
	} else if (l->t == T_STRING) {
		v = new_value(V_STRING);
		v->s = strdup(l->s);
	} else if (is_char(l, '[') || is_char(l, '{')) {
		v = new_value(l->c == '[' ? V_LIST : V_STRUCT);
		lex_next(l);
		v->kids = parse_items(l, v->type == V_LIST ? ']' : '}');
		return (v);
	} else {
		expected(l, "a value");
	}
	lex_next(l);
	return (v);
}

static struct value *
parse_value(struct lex *l)
{
	struct value *v = parse_simple(l), *w;

	while (accept_char(l, '|')) {
		w = parse_simple(l);
		if (v->type != V_INT || w->type != V_INT)
			script_error(l->file, l->line, "'%s' is no name of a number",
			    v->type != V_INT ? v->s : w->s);
		v->n |= w->n;
		free(w);
	}
	return (v);
}

/* ---- calls ---- */

/* "(Connection refused)", "(flags O_RDWR)": for people */
static void
skip_note(struct lex *l)
{
	if (!accept_char(l, '('))
		return;
	while (!is_char(l, ')') && l->t != T_END)
		lex_next(l);
	need_char(l, ')');
}

static void
parse_call(struct lex *l, struct event *e)
{
	struct value *v;

	e->type = E_CALL;
	e->name = need_word(l, "a packet, a call, a `command` or %{ code }%");
	need_char(l, '(');
	e->args = parse_items(l, ')');
	need_char(l, '=');
	v = parse_value(l);
	e->result = *v;
	free(v);
	if (l->t == T_WORD)
		e->errnum = need_word(l, "an errno");
	skip_note(l);
	if (e->errnum != NULL && !errno_symbol(e->errnum, &(int){0}))
		script_error(l->file, e->line, "'%s' is no errno", e->errnum);
}

/* ---- packets ---- */

static void
parse_ip_info(struct lex *l, struct pkt *p)
{
	static const char *const ecns[] = {"noecn", "ect1", "ect0", "ce", "ect01"};
	const int end = is_char(l, '[') ? ']' : ')';
	int i;

	if (!is_char(l, '[') && !is_char(l, '('))
		return;
	lex_next(l);
	do {
		for (i = 0; i < 5; i++)
			if (is_word(l, ecns[i]))
				break;
		if (i < 5) {
			p->ecn = i;
			lex_next(l);
		} else if (is_word(l, "ttl")) {
			lex_next(l);
			p->ttl = (int)need_int(l, 0, 255, "a TTL");
		} else if (is_word(l, "tos")) {
			lex_next(l);
			p->tos = (int)need_int(l, 0, 255, "a TOS");
		} else {
			expected(l, "noecn, ect0, ect1, ect01, ce, ttl or tos");
		}
	} while (accept_char(l, ','));
	need_char(l, end);
}

static void
parse_ports(struct lex *l, struct pkt *p)
{
	if (l->t != T_INT)
		return;
	p->sport = (int)need_int(l, 1, 65535, "a port");
	need_char(l, '>');
	p->dport = (int)need_int(l, 1, 65535, "a port");
}

static void
parse_flags(struct lex *l, struct pkt *p)
{
	static const char letters[] = "FSRP.UEWA";
	static const uint8_t bits[] = {
	    TH_FIN, TH_SYN, TH_RST, TH_PUSH, TH_ACK, TH_URG, TH_ECE, TH_CWR, TH_AE};
	const char *s, *at;

	if (accept_char(l, '-'))
		return;
	if (l->t == T_WORD) {
		for (s = l->s; *s != '\0'; s++) {
			at = strchr(letters, *s);
			if (at == NULL)
				expected(l, "TCP flags of FSRPUEW, '.' or '-'");
			p->flags |= bits[at - letters];
		}
		lex_next(l);
		if (accept_char(l, '.'))
			p->flags |= TH_ACK;
	} else if (accept_char(l, '.')) {
		p->flags |= TH_ACK;
	} else {
		expected(l, "TCP flags");
	}
}

/* SEQ:END(LEN) */
static int
parse_seq(struct lex *l, uint32_t *seq)
{
	long long start = need_int(l, 0, UINT32_MAX, "a sequence number"), end, len;

	need_char(l, ':');
	end = need_int(l, 0, UINT32_MAX, "a sequence number");
	need_char(l, '(');
	len = need_int(l, 0, 65535, "a length");
	need_char(l, ')');
	if ((uint32_t)(start + len) != (uint32_t)end)
		script_error(l->file, l->line, "%lld:%lld is not %lld bytes", start, end, len);
	*seq = (uint32_t)start;
	return ((int)len);
}

static void
put(struct lex *l, struct pkt *p, const void *bytes, int n)
{
	if (p->optlen + n > OPTIONS_MAX)
		script_error(l->file, l->line, "more than %d bytes of TCP options", OPTIONS_MAX);
	memcpy(p->opts + p->optlen, bytes, (size_t)n);
	p->optlen += n;
}

static void
put32(uint8_t *at, uint32_t v)
{
	v = htonl(v);
	memcpy(at, &v, sizeof(v));
}

static void
parse_sack(struct lex *l, struct pkt *p)
{
	uint8_t o[OPTIONS_MAX] = {5, 2};

	while (l->t == T_INT && o[1] + 8 <= OPTIONS_MAX) {
		put32(o + o[1], (uint32_t)need_int(l, 0, UINT32_MAX, "a block's start"));
		need_char(l, ':');
		put32(o + o[1] + 4, (uint32_t)need_int(l, 0, UINT32_MAX, "a block's end"));
		o[1] = (uint8_t)(o[1] + 8);
	}
	put(l, p, o, o[1]);
}

/* Hexadecimal digits, "" too: a cookie or a digest */
static void
parse_hex(struct lex *l, struct pkt *p, const uint8_t *head, int headlen)
{
	uint8_t o[OPTIONS_MAX];
	const char *s = l->t == T_WORD || l->t == T_INT ? l->s : "";
	int n = headlen;
	unsigned byte;

	memcpy(o, head, (size_t)headlen);
	for (; *s != '\0'; s += 2) {
		if (n == OPTIONS_MAX || s[1] == '\0' || sscanf(s, "%2x", &byte) != 1)
			expected(l, "pairs of hexadecimal digits");
		o[n++] = (uint8_t)byte;
	}
	if (l->t == T_WORD || l->t == T_INT)
		lex_next(l);
	o[1] = (uint8_t)n;
	put(l, p, o, n);
}

static void
parse_timestamp(struct lex *l, struct pkt *p)
{
	uint8_t o[10] = {8, 10};

	if (!is_word(l, "val"))
		expected(l, "val");
	lex_next(l);
	put32(o + 2, (uint32_t)need_int(l, 0, UINT32_MAX, "a timestamp"));
	if (!is_word(l, "ecr"))
		expected(l, "ecr");
	lex_next(l);
	put32(o + 6, (uint32_t)need_int(l, 0, UINT32_MAX, "a timestamp"));
	put(l, p, o, 10);
}

static void
parse_option(struct lex *l, struct pkt *p)
{
	char *name = need_word(l, "a TCP option");
	long long n;

	if (strcmp(name, "nop") == 0) {
		put(l, p, "\1", 1);
	} else if (strcmp(name, "eol") == 0) {
		put(l, p, "\0", 1);
	} else if (strcmp(name, "mss") == 0) {
		n = need_int(l, 0, 65535, "an MSS");
		put(l, p, (uint8_t[]){2, 4, (uint8_t)(n >> 8), (uint8_t)n}, 4);
	} else if (strcmp(name, "wscale") == 0) {
		n = need_int(l, 0, 255, "a window scale");
		put(l, p, (uint8_t[]){3, 3, (uint8_t)n}, 3);
	} else if (strcmp(name, "sackOK") == 0) {
		put(l, p, "\4\2", 2);
	} else if (strcmp(name, "sack") == 0) {
		parse_sack(l, p);
	} else if (strcmp(name, "TS") == 0) {
		parse_timestamp(l, p);
	} else if (strcmp(name, "FO") == 0) {
		parse_hex(l, p, (const uint8_t *)"\42\2", 2);
	} else if (strcmp(name, "FOEXP") == 0) {
		parse_hex(l, p, (const uint8_t *)"\376\4\371\211", 4);
	} else if (strcmp(name, "md5") == 0) {
		parse_hex(l, p, (const uint8_t *)"\23\2", 2);
	} else if (strcmp(name, "unknown") ==
		   0) { /* ours: kind, then the bytes behind the length */
		n = need_int(l, 2, 255, "a kind");
		parse_hex(l, p, (uint8_t[]){(uint8_t)n, 2}, 2);
	} else {
		script_error(l->file, l->line, "no TCP option '%s'", name);
	}
	free(name);
}

static void
parse_options(struct lex *l, struct pkt *p)
{
	if (!accept_char(l, '<'))
		return;
	if (l->t == T_DOTS) {
		if (!p->out)
			script_error(l->file, l->line, "<...> is for packets that come out");
		lex_next(l);
		p->any_options = true;
	} else {
		do
			parse_option(l, p);
		while (accept_char(l, ','));
	}
	need_char(l, '>');
}

static void
parse_tcp(struct lex *l, struct pkt *p)
{
	p->proto = IPPROTO_TCP;
	parse_flags(l, p);
	p->len = parse_seq(l, &p->seq);
	if (is_word(l, "ack")) {
		lex_next(l);
		p->ack = (uint32_t)need_int(l, 0, UINT32_MAX, "an acknowledgment number");
	}
	if (is_word(l, "win")) {
		lex_next(l);
		if (accept_char(l, '*'))
			p->any_win = true;
		else
			p->win = (int)need_int(l, 0, 65535, "a window");
	}
	if (is_word(l, "urg")) {
		lex_next(l);
		p->urg = (int)need_int(l, 0, 65535, "an urgent pointer");
	}
	parse_options(l, p);
	while (p->optlen % 4 != 0)
		put(l, p, "\0", 1);
}

static void
parse_udp(struct lex *l, struct pkt *p)
{
	p->proto = IPPROTO_UDP;
	lex_next(l);
	parse_ports(l, p);
	need_char(l, '(');
	p->len = (int)need_int(l, 0, 65507, "a length");
	need_char(l, ')');
}

static void
parse_quote(struct lex *l, struct pkt *p)
{
	if (!accept_char(l, '['))
		return;
	p->q_proto = IPPROTO_TCP;
	if (is_word(l, "udp")) {
		lex_next(l);
		p->q_proto = IPPROTO_UDP;
		need_char(l, '(');
		p->q_len = (int)need_int(l, 0, 65507, "a length");
		need_char(l, ')');
	} else {
		p->q_len = parse_seq(l, &p->q_seq);
	}
	need_char(l, ']');
}

static void
parse_icmp(struct lex *l, struct pkt *p)
{
	char *type, *code = NULL;

	p->proto = IPPROTO_ICMP;
	lex_next(l);
	parse_quote(l, p);
	type = need_word(l, "an ICMP type");
	if (l->t == T_WORD && !is_word(l, "mtu") && !is_word(l, "id"))
		code = need_word(l, "an ICMP code");
	if (!icmp_by_name(type, code, &p->icmp_type, &p->icmp_code))
		script_error(
		    l->file, l->line, "no ICMP message '%s %s'", type, code != NULL ? code : "");
	if (is_word(l, "mtu")) {
		lex_next(l);
		p->icmp_mtu = (int)need_int(l, 0, 65535, "an MTU");
	}
	if (is_word(l, "id")) {
		lex_next(l);
		p->icmp_ident = (int)need_int(l, 0, 65535, "an id");
	}
	parse_quote(l, p);
	free(type);
	free(code);
}

static void
parse_packet(struct lex *l, struct event *e)
{
	struct pkt *p = &e->pkt;

	e->type = E_PACKET;
	p->out = is_char(l, '>');
	p->ecn = p->tos = p->ttl = p->win = -1;
	lex_next(l);
	parse_ip_info(l, p);
	parse_ports(l, p);
	if (is_word(l, "udp"))
		parse_udp(l, p);
	else if (is_word(l, "icmp"))
		parse_icmp(l, p);
	else
		parse_tcp(l, p);
	if (p->ecn == 4 && !p->out)
		script_error(l->file, e->line, "ect01 is for packets that come out");
}

/* ---- times and events ---- */

static long long
need_time(struct lex *l)
{
	double f = l->t == T_FLOAT ? l->f : (double)l->n;

	if ((l->t != T_FLOAT && l->t != T_INT) || f < 0)
		expected(l, "a time in seconds");
	lex_next(l);
	return ((long long)(f * 1e6 + 0.5));
}

static void
parse_time(struct lex *l, struct event *e)
{
	if (accept_char(l, '*')) {
		e->time_type = TIME_ANY;
		return;
	}
	e->time_type = accept_char(l, '+') ? TIME_REL : TIME_ABS;
	e->time = need_time(l);
	if (accept_char(l, '~')) {
		if (e->time_type == TIME_REL)
			need_char(l, '+');
		e->time_type = e->time_type == TIME_REL ? TIME_REL_RANGE : TIME_ABS_RANGE;
		e->time_end = need_time(l);
		if (e->time_end < e->time)
			script_error(l->file, e->line, "the range of time runs backwards");
	}
	if (l->t == T_DOTS) {
		lex_next(l);
		(void)accept_char(l, '+');
		e->blocking = true;
		e->end = need_time(l);
	}
}

static struct event *
parse_event(struct lex *l)
{
	struct event *e = calloc(1, sizeof(*e));
	const char *start = l->start;

	e->line = l->line;
	parse_time(l, e);
	if (is_char(l, '<') || is_char(l, '>')) {
		parse_packet(l, e);
	} else if (l->t == T_BACKTICK || l->t == T_CODE) {
		e->type = l->t == T_BACKTICK ? E_COMMAND : E_CODE;
		e->code = strdup(l->s);
		lex_next(l);
	} else {
		parse_call(l, e);
	}
	e->text = strndup(start, strcspn(start, "\n"));
	if ((e->time_type == TIME_ANY || e->time_type >= TIME_REL_RANGE) &&
	    !(e->type == E_PACKET && e->pkt.out))
		script_error(l->file, e->line,
		    "'*' and ranges of time are for packets that come "
		    "out");
	if (e->blocking && e->type != E_CALL)
		script_error(l->file, e->line, "only a call lasts");
	return (e);
}

/* ---- options ---- */

static const char *
option_value(struct lex *l)
{
	if (!accept_char(l, '='))
		return ("");
	if (l->t == T_END || l->t == T_CHAR)
		expected(l, "a value");
	return (l->s);
}

static void
parse_config(struct lex *l, struct config *c)
{
	char *name = strdup(l->s);
	const char *value;

	lex_next(l);
	value = option_value(l);
	if (strcmp(name, "local_ip") == 0)
		snprintf(c->local_ip, sizeof(c->local_ip), "%s", value);
	else if (strcmp(name, "remote_ip") == 0)
		snprintf(c->remote_ip, sizeof(c->remote_ip), "%s", value);
	else if (strcmp(name, "gateway_ip") == 0)
		snprintf(c->gateway_ip, sizeof(c->gateway_ip), "%s", value);
	else if (strcmp(name, "mtu") == 0)
		c->mtu = atoi(value);
	else if (strcmp(name, "tolerance_usecs") == 0)
		c->tolerance = atoll(value);
	else if (strcmp(name, "tolerance_percent") == 0)
		c->tolerance_percent = atof(value);
	else if (strcmp(name, "tcp_ts_tick_usecs") == 0)
		c->ts_tick = atoll(value);
	else if (strcmp(name, "bind_port") == 0)
		c->bind_port = atoi(value);
	else if (strcmp(name, "connect_port") == 0)
		c->connect_port = atoi(value);
	else if (strcmp(name, "so_flags") == 0)
		snprintf(c->flags, sizeof(c->flags), ",%s", value);
	else if (strcmp(name, "ip_version") != 0 || strcmp(value, "ipv4") != 0)
		script_error(l->file, l->line, "--%s=%s: not known here", name, value);
	lex_next(l);
	free(name);
}

void
script_parse(struct script *s, const char *text)
{
	struct event **last = &s->events;
	struct lex l;

	s->config = (struct config){.local_ip = "192.168.0.1",
	    .remote_ip = "192.0.2.1",
	    .mtu = 1500,
	    .tolerance = 4000,
	    .bind_port = 8080,
	    .connect_port = 8080};
	lex_open(&l, s->file, text);
	while (l.t == T_OPTION)
		parse_config(&l, &s->config);
	if (l.t == T_BACKTICK) {
		s->init_command = strdup(l.s);
		lex_next(&l);
	}
	while (l.t != T_END && l.t != T_BACKTICK) {
		*last = parse_event(&l);
		last = &(*last)->next;
	}
	if (l.t == T_BACKTICK) {
		s->cleanup_command = strdup(l.s);
		lex_next(&l);
	}
	if (l.t != T_END)
		expected(&l, "the end of the script");
	if (s->events == NULL)
		script_error(s->file, l.line, "no events");
	lex_free(&l);
}
