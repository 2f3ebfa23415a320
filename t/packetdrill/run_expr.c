/*
 * run_expr.c - %{ assert tcpi_snd_cwnd == 10, "why" }%: Python's assertions in a small form.
 * Statements are on lines of their own or divided by ';'. An expression has numbers, names (fields
 * of TCP_INFO, constants), and or not, comparisons (chained too), | & << >> + - * / // %,
 * brackets, min, max, abs. Owns nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netinet/in.h>

#include "rpc/bsd/linux_abi.h"
#include "t/packetdrill/run.h"

#define F(name)                                                                                    \
	{                                                                                          \
		"tcpi_" #name, offsetof(struct linux_tcp_info, tcpi_##name),                       \
		    sizeof(((struct linux_tcp_info *)0)->tcpi_##name)                              \
	}

static const struct {
	const char *name;
	size_t offset, size;
} fields[] = {
    F(state),
    F(ca_state),
    F(retransmits),
    F(probes),
    F(backoff),
    F(options),
    F(rto),
    F(ato),
    F(snd_mss),
    F(rcv_mss),
    F(unacked),
    F(sacked),
    F(lost),
    F(retrans),
    F(fackets),
    F(last_data_sent),
    F(last_data_recv),
    F(last_ack_recv),
    F(pmtu),
    F(rcv_ssthresh),
    F(rtt),
    F(rttvar),
    F(snd_ssthresh),
    F(snd_cwnd),
    F(advmss),
    F(reordering),
    F(rcv_rtt),
    F(rcv_space),
    F(total_retrans),
    F(bytes_acked),
    F(bytes_received),
    F(segs_out),
    F(segs_in),
    F(notsent_bytes),
    F(min_rtt),
    F(data_segs_in),
    F(data_segs_out),
    F(delivered),
    F(delivered_ce),
    F(bytes_sent),
    F(bytes_retrans),
    F(dsack_dups),
    F(reord_seen),
    F(rcv_ooopack),
    F(snd_wnd),
};

static const char *at;
static struct linux_tcp_info info;
static bool have_info;

static long long or_expr(void);

static void
space(void)
{
	while (*at == ' ' || *at == '\t' || (*at == '\\' && at[1] == '\n'))
		at += *at == '\\' ? 2 : 1;
}

static bool
op(const char *s)
{
	const size_t n = strlen(s);

	space();
	if (strncmp(at, s, n) != 0)
		return (false);
	if (s[0] >= 'a' && s[0] <= 'z' && (at[n] == '_' || (at[n] >= '0' && at[n] <= 'z')))
		return (false);
	at += n;
	return (true);
}

static void
need(const char *s)
{
	if (!op(s))
		fail("in %%{ }%%: expected '%s' before '%.20s'", s, at);
}

static long long
field(size_t offset, size_t size)
{
	const char *p = (const char *)&info + offset;
	uint64_t v64;
	uint32_t v32;

	if (!have_info)
		fail("in %%{ }%%: there is no socket to ask for TCP_INFO");
	if (size == 1)
		return (*(const uint8_t *)p);
	if (size == 4) {
		memcpy(&v32, p, 4);
		return (v32);
	}
	memcpy(&v64, p, 8);
	return ((long long)v64);
}

static long long
name_value(void)
{
	char name[64];
	size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"), i;
	long long v;

	if (n == 0 || n >= sizeof(name))
		fail("in %%{ }%%: expected a value before '%.20s'", at);
	memcpy(name, at, n);
	name[n] = '\0';
	at += n;
	if (strcmp(name, "True") == 0 || strcmp(name, "False") == 0)
		return (name[0] == 'T');
	if (strcmp(name, "tcpi_snd_wscale") == 0)
		return (have_info ? info.tcpi_wscale & 0xf : 0);
	if (strcmp(name, "tcpi_rcv_wscale") == 0)
		return (have_info ? info.tcpi_wscale >> 4 : 0);
	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcmp(name, fields[i].name) == 0)
			return (field(fields[i].offset, fields[i].size));
	if (!symbol(name, &v))
		fail("in %%{ }%%: nothing is called '%s'", name);
	return (v);
}

static long long
function(bool largest)
{
	long long v, w;

	need("(");
	v = or_expr();
	while (op(",")) {
		w = or_expr();
		if (largest ? w > v : w < v)
			v = w;
	}
	need(")");
	return (v);
}

static long long
primary(void)
{
	long long v;
	char *end;

	space();
	if (op("(")) {
		v = or_expr();
		need(")");
		return (v);
	}
	if (op("-"))
		return (-primary());
	if (op("min"))
		return (function(false));
	if (op("max"))
		return (function(true));
	if (op("abs"))
		return (llabs(primary()));
	if (*at >= '0' && *at <= '9') {
		v = strtoll(at, &end, 0);
		at = end;
		return (v);
	}
	return (name_value());
}

static long long
product(void)
{
	long long v = primary(), w;

	for (;;) {
		if (op("*")) {
			v *= primary();
		} else if (op("//") || op("/")) {
			w = primary();
			if (w == 0)
				fail("in %%{ }%%: division by 0");
			v /= w;
		} else if (op("%")) {
			w = primary();
			if (w == 0)
				fail("in %%{ }%%: division by 0");
			v %= w;
		} else {
			return (v);
		}
	}
}

static long long
sum(void)
{
	long long v = product();

	for (;;) {
		if (op("+"))
			v += product();
		else if (op("-"))
			v -= product();
		else if (op("<<"))
			v <<= product();
		else if (op(">>"))
			v >>= product();
		else
			return (v);
	}
}

static long long
bits(void)
{
	long long v = sum();

	for (;;) {
		if (op("&"))
			v &= sum();
		else if (op("|"))
			v |= sum();
		else
			return (v);
	}
}

static long long last_left, last_right; /* of the latest comparison, for the message */

static long long
comparison(void)
{
	long long v = bits(), w;
	bool any = false, holds = true;

	for (;;) {
		const char *o = op("==")   ? "=="
				: op("!=") ? "!="
				: op("<=") ? "<="
				: op(">=") ? ">="
				: op("<")  ? "<"
				: op(">")  ? ">"
					   : NULL;

		if (o == NULL)
			return (any ? holds : v);
		any = true;
		w = bits();
		if (holds) {
			last_left = v;
			last_right = w;
		}
		holds = holds && (o[0] == '='	   ? v == w
				     : o[0] == '!' ? v != w
				     : o[0] == '<' ? (o[1] == '=' ? v <= w : v < w)
						   : (o[1] == '=' ? v >= w : v > w));
		v = w;
	}
}

static long long
not_expr(void)
{
	return (op("not") ? !not_expr() : comparison());
}

static long long
and_expr(void)
{
	long long v = not_expr();

	while (op("and")) {
		long long w = not_expr();

		v = v && w;
	}
	return (v);
}

static long long
or_expr(void)
{
	long long v = and_expr();

	while (op("or")) {
		long long w = and_expr();

		v = v || w;
	}
	return (v);
}

static void
statement(void)
{
	const char *start;

	need("assert");
	space();
	start = at;
	if (!or_expr())
		fail("%%{ assert %.*s }%% does not hold: %lld and %lld", (int)strcspn(start, "\n;"),
		    start, last_left, last_right);
	if (op(",")) /* a message, or the value itself for one */
		at += strcspn(at, "\n;");
}

static void
get_info(void)
{
	socklen_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	have_info = R.last_fd >= 0 && R.pd.getsockopt(R.pd.userdata, R.last_fd, IPPROTO_TCP,
					  LINUX_TCP_INFO, &info, &len) == 0;
}

void
run_code(struct event *e)
{
	get_info();
	for (at = e->code; *at != '\0';) {
		at += strspn(at, " \t\n;");
		if (*at == '#')
			at += strcspn(at, "\n");
		else if (*at != '\0')
			statement();
	}
}
