/*
 * tcp_log.c - tcplog: a record for each segment with the connection's variables as they are then,
 * the filters, both formats, the bound of the ring and the count of what it dropped.
 */
#include "t/lib/tcptest.h"

#include <netinet/tcp_log.h>

static char text[256 * 1024];
static u_int told;

static void
ready(void *arg __unused)
{
	told++;
}

static int
start(const char *words)
{
	struct tcp_log_config c;
	char why[128];
	int error = tcp_log_parse(words, &c, why, sizeof(why));

	is_int(error, 0, "\"%s\" is understood", words);
	c.ready = ready;
	told = 0;
	return (tcp_log_start(&c));
}

/* All that waits, and the end of the log. */
static void
stop(void)
{
	size_t n = tcp_log_read(text, sizeof(text) - 1);

	text[n] = '\0';
	tcp_log_stop();
	tcp_log_free();
}

/* Bytes of s before any of a and b. */
static size_t
until(const char *s, char a, char b)
{
	size_t n = 0;

	while (s[n] != '\0' && s[n] != a && s[n] != b)
		n++;
	return (n);
}

static u_int
lines(void)
{
	u_int n = 0;

	for (const char *s = text; *s != '\0'; s++)
		n += *s == '\n';
	return (n);
}

/* Column `name` of line `row` (1 is the first record) of CSV text. */
static const char *
field(u_int row, const char *name)
{
	static char value[64];
	const char *names = text, *line = text;
	size_t len;

	for (u_int i = 0; i < row && line != NULL; i++)
		line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL;
	while (line != NULL && *line != '\0') {
		len = until(names, ',', '\n');
		if (len == strlen(name) && strncmp(names, name, len) == 0) {
			strlcpy(value, line, MIN(sizeof(value), until(line, ',', '\n') + 1));
			return (value);
		}
		if (names[len] == '\n')
			break;
		names += len + 1;
		line += until(line, ',', '\n') + 1;
	}
	return ("(none)");
}

static u_long
number(u_int row, const char *name)
{
	return (strtoul(field(row, name), NULL, 10));
}

/* A window of data, an ACK, a time-out: what each record says. */
static void
test_records(void)
{
	struct socket *so;
	struct tcpcb *tp;
	uint32_t cwnd;

	is_int(start("format=csv"), 0, "it starts");
	is_int(start(""), EBUSY, "a second one is refused");
	so = tt_active("<mss 1000>");
	tp = tt_tcpcb(so);
	tt_write(so, 1000);
	out("P. 1:1001(1000)");
	tt_write(so, 500);
	testbed_run_ms(tb, 50);
	in(". 1001:1001(0) ack 1001 win 5000");
	out("P. 1001:1501(500)");
	cwnd = tp->snd_cwnd;
	out_after(tp->t_rxtcur, 30, "P. 1001:1501(500)");
	is_int(told, 1, "the reader was told once, since it did not read");
	stop();
	/* SYN, SYN+ACK, ACK, data, ACK, data, data again */
	is_int(lines(), 8, "a line of names and seven records");
	is_str(field(1, "flags"), "S", "the SYN");
	is_str(field(1, "dir"), "out", "is ours");
	is_str(field(1, "state"), "SYN_SENT", "of a connection in SYN_SENT");
	is_str(field(2, "flags"), "SA", "its answer");
	is_str(field(2, "dir"), "in", "comes in");
	is_str(field(2, "state"), "ESTABLISHED", "and has led to ESTABLISHED");
	is_str(field(2, "rack"), "1", "acknowledges our SYN");
	is_int(number(4, "flight"), 1000, "the flight counts the segment itself");
	is_int(number(4, "rseq"), 1, "relative sequence number");
	is_int(number(4, "len"), 1000, "length");
	is_str(field(5, "dir"), "in", "the ACK");
	is_int(number(5, "rack"), 1001, "of the first 1000 bytes");
	is_int(number(5, "cwnd"), cwnd, "with the window that it led to");
	is_int(number(5, "snd_wnd"), 5000, "and the peer's");
	ok(number(5, "srtt_us") >= 1000, "and a round trip of %lu us", number(5, "srtt_us"));
	is_str(field(5, "cc"), "newreno", "the algorithm");
	is_str(field(5, "rexmit"), "0", "an ACK is no retransmission");
	is_str(field(6, "rexmit"), "0", "nor is the last data");
	is_str(field(7, "rexmit"), "1", "its second time is");
	is_str(field(7, "recovery"), "loss", "after a time-out");
	is_int(number(7, "cwnd"), 1000, "with a window of one segment");
	is_str(field(7, "faddr"), "10.0.0.2", "the peer's address");
	ok(number(7, "fport") == (u_long)tt_pport, "and port");
	ok(number(7, "time_ns") > number(6, "time_ns"), "time goes on");
	is_str(field(7, "flow"), field(1, "flow"), "one flow");
	tt_kill(so, 1001);
}

static void
test_formats(void)
{
	struct socket *so;
	char want[64];

	is_int(start("format=jsonl port=81"), 0, "a log of port 81");
	so = tt_active("<mss 1000>");
	tt_kill(so, 1001);
	stop();
	is_int(lines(), 0, "sees nothing of another port");
	is_int(start("format=jsonl addr=10.0.0.0/24"), 0, "a log of a prefix");
	so = tt_active("<mss 1000>");
	tt_kill(so, 1001);
	stop();
	ok(lines() >= 4, "sees %u segments", lines());
	ok(strncmp(text, "{\"n\":1,\"time_ns\":", 17) == 0, "JSON from the first line on");
	snprintf(want, sizeof(want), "\"fport\":%d,", tt_pport);
	ok(strstr(text, want) != NULL, "numbers are numbers");
	ok(strstr(text, "\"state\":\"ESTABLISHED\"") != NULL, "names are strings");
	is_int(start("every=3 addr=10.0.0.2"), 0, "every third");
	so = tt_active("<mss 1000>");
	tt_kill(so, 1001);
	stop();
	is_int(lines(), 1 + 2, "of four");
}

static void
test_strangers(void)
{
	is_int(start(""), 0, "start");
	tt_pport++;
	tt_lport = 4444;
	in("S 5000:5000(0) win 1000");
	out("R. 0:0(0) ack 5001 win 0");
	stop();
	is_int(lines(), 3, "a SYN to nobody and its reset");
	is_str(field(1, "state"), "NONE", "of no connection");
	is_str(field(2, "flags"), "RA", "the reset");
	is_int(number(2, "ack"), number(1, "seq") + 1, "acknowledges it");
}

static void
test_bound(void)
{
	struct tcp_log_status s;
	struct socket *so;

	tt_set("net.inet.tcp.log.records", 16);
	is_int(start("format=csv"), 0, "a ring of 16");
	so = tt_active("<mss 1000>");
	for (int i = 0; i < 40; i++)
		in(". 1001:1001(0) ack 1 win %d", 1000 + i);
	testbed_run_ms(tb, 5);
	tcp_log_status(&s);
	is_int(s.waiting, 16, "16 wait");
	is_int(s.records, 16, "16 were made");
	is_int(s.dropped, 3 + 40 - 16, "the others are counted");
	(void)tcp_log_read(text, sizeof(text));
	is_int(number(16, "n"), 16, "the oldest were kept");
	in(". 1001:1001(0) ack 1 win 2000");
	testbed_run_ms(tb, 5);
	stop();
	ok(strncmp(text, "44,", 3) == 0, "the next one's number tells how many are missing");
	tt_set("net.inet.tcp.log.records", 16384);
	tt_kill(so, 1001);
}

static void
test_bad_words(void)
{
	static const struct {
		const char *words, *why;
	} bad[] = {
	    {"format=xml", "format=xml is neither csv nor jsonl"},
	    {"port=0", "port=0 is not a port (1 to 65535)"},
	    {"port=65536", "port=65536 is not a port (1 to 65535)"},
	    {"every=0", "every=0 is not a number from 1 on"},
	    {"addr=10.0.0", "addr=10.0.0 is not an IPv4 address or prefix"},
	    {"addr=10.0.0.1/33", "addr=10.0.0.1/33 is not an IPv4 address or prefix"},
	    {"ports=80", "ports=80 is not one of format, every, port, addr"},
	    {"port=80 fast", "fast is not NAME=VALUE"},
	};
	struct tcp_log_config c;
	char why[128];

	for (u_int i = 0; i < nitems(bad); i++) {
		is_int(tcp_log_parse(bad[i].words, &c, why, sizeof(why)), EINVAL, "%s is refused",
		    bad[i].words);
		is_str(why, bad[i].why, "with the reason");
	}
}

int
main(void)
{
	tt_init();
	test_records();
	test_formats();
	test_strangers();
	test_bound();
	test_bad_words();
	return (tt_done());
}
