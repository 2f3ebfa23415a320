/*
 * prog_tcptable.c - measures TCP between two stacks on the virtual wire and prints markdown tables:
 * how much of a line it uses, how long it takes to get over a loss, how two flows share. Run by
 * scripts/tcp-table; not a test. Virtual time: the same seed gives the same figures on any machine.
 *
 * Buffers may grow to 32 MiB on both sides, since 1 Gbit/s at 100 ms holds 12.5 MB. The queue of
 * the line is one bandwidth-delay product. Segments go one by one, without offloads. Recovery is
 * measured behind a window that just fills the line, so that nothing else is lost.
 */
#include <sys/param.h>
#include <sys/endian.h>
#include <sys/errno.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <sys/systm.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

#include "t/lib/tap.h"
#include "t/lib/testbed.h"

#define SEED 9293
#define PORT 5001
#define MS 1000000u
#define BUFFER (32 * 1024 * 1024)
#define PAYLOAD 1448 /* of a segment with timestamps; 1514 + 24 bytes of Ethernet carry it */
#define CHUNK 262144
#define MAX_FLOWS 2
#define P "%u.%u%%" /* tenths */
#define V(tenths) (tenths) / 10, (tenths) % 10
#define RECOVERY_WINDOW 600000 /* a little less than 100 Mbit/s * 50 ms: no loss but ours */

struct flow {
	uint16_t port;
	int start_ms;
	uint64_t limit; /* bytes to send; 0: for ever */
	uint64_t got;	/* bytes that the receiver has read */
	uint64_t end_ns;
	struct socket *rx, *tx;
};

/* What the wire does to data segments of flow 0. */
struct drops {
	uint64_t from, count; /* numbered from 0 in the order sent, retransmissions too */
	bool tail;	      /* the last `count` segments of the transfer instead, once each */
	uint64_t seen, dropped;
	tcp_seq until; /* when the receiver has all before this, it is over */
	uint64_t at_ns, recovered_ns;
};

static struct testbed *tb;
static struct tb_host *sender, *receiver;
static struct flow flows[MAX_FLOWS];
static struct drops drops;
static bool over;
static uint8_t chunk[CHUNK], sink[CHUNK];

/* ---- programs ---- */

static void
serve(struct tb_host *h __unused, void *arg)
{
	struct flow *f = arg;
	struct socket *ls;
	size_t got;

	if (tb_listen(f->port, 1, &ls) != 0 || tb_accept(ls, &f->rx) != 0)
		tap_bail("no connection");
	while (!over && tb_read(f->rx, sink, sizeof(sink), &got) == 0 && got > 0)
		f->got += got;
	f->end_ns = testbed_now_ns(tb);
	(void)soclose(f->rx);
	(void)soclose(ls);
	f->rx = NULL;
}

static void
send_all(struct tb_host *h __unused, void *arg)
{
	struct flow *f = arg;
	struct socket *so;
	uint64_t sent = 0;
	size_t n;

	tb_sleep_ms(f->start_ms + 1);
	if (tb_socket(SOCK_STREAM, &so) != 0 || tb_connect(so, "10.0.0.2", f->port) != 0)
		tap_bail("no connection");
	f->tx = so;
	while (!over && (f->limit == 0 || sent < f->limit)) {
		n = f->limit != 0 && f->limit - sent < sizeof(chunk) ? (size_t)(f->limit - sent)
								     : sizeof(chunk);
		if (tb_write(so, chunk, n) != 0)
			break;
		sent += n;
	}
	f->tx = NULL;
	(void)soclose(so);
}

/* ---- the wire ---- */

/* The bytes of data in a frame of flow 0's, or 0. */
static uint32_t
data_of(const uint8_t *frame, size_t len, tcp_seq *seq)
{
	const uint8_t *ip = frame + ETHER_HDR_LEN, *th;
	uint32_t hl, total, off;

	if (len < ETHER_HDR_LEN + 40 || frame[12] != 8 || frame[13] != 0 || ip[9] != IPPROTO_TCP)
		return (0);
	hl = (uint32_t)(ip[0] & 15) * 4;
	total = be16dec(ip + 2);
	th = ip + hl;
	off = (uint32_t)(th[12] >> 4) * 4;
	*seq = be32dec(th + 4);
	return (be16dec(th + 2) == flows[0].port ? total - hl - off : 0);
}

static bool
filter(void *arg __unused, struct link *from, const uint8_t *frame, size_t len)
{
	struct tcpcb *tp = flows[0].tx != NULL ? sototcpcb(flows[0].tx) : NULL;
	uint32_t n;
	tcp_seq seq;
	bool lose;

	if (drops.count == 0 || from != sender->h_link || (n = data_of(frame, len, &seq)) == 0 ||
	    (tp == NULL && !drops.tail))
		return (true);
	if (drops.tail) /* the last bytes of the stream, the first time they are sent */
		lose = drops.dropped < drops.count && seq + n > drops.until - drops.count * PAYLOAD;
	else
		lose = drops.seen >= drops.from && drops.seen < drops.from + drops.count;
	drops.seen++;
	if (!lose)
		return (true);
	if (drops.dropped++ == 0)
		drops.at_ns = testbed_now_ns(tb);
	if (!drops.tail && tp != NULL)
		drops.until = tp->snd_max + n;
	return (false);
}

/* ---- a run ---- */

static void
set(const char *name, int value)
{
	int error = kernel_sysctlbyname(NULL, name, NULL, NULL, &value, sizeof(value), NULL, 0);

	if (error != 0)
		tap_diag("sysctl %s: errno %d", name, error);
}

static void
tune(struct tb_host *h, const char *cc, bool sack, bool rack)
{
	TB_ENTER(h);
	sb_max = 2 * BUFFER;
	set("net.inet.tcp.sendbuf_max", BUFFER);
	set("net.inet.tcp.recvbuf_max", BUFFER);
	set("net.inet.tcp.sack.enable", sack);
	set("net.inet.tcp.rack.enable", rack);
	V_default_cc_ptr = cc_find_algo(cc);
	if (V_default_cc_ptr == NULL)
		tap_bail("no such algorithm");
	TB_LEAVE();
}

static void
start(const char *cc, bool sack, bool rack, uint64_t rate, uint32_t rtt_ms, uint32_t loss_ppm)
{
	struct wire_params w = {.delay_ns = (uint64_t)rtt_ms * MS / 2,
	    .rate_bps = rate,
	    .queue_bytes = (uint32_t)(rate / 8 * rtt_ms / 1000)};

	memset(&drops, 0, sizeof(drops));
	memset(flows, 0, sizeof(flows));
	over = false;
	tb = testbed_init(SEED, &w);
	sender = testbed_host(tb, "sender", "10.0.0.1/24");
	receiver = testbed_host(tb, "receiver", "10.0.0.2/24");
	wire_set_filter(testbed_wire(tb), filter, NULL);
	tune(sender, cc, sack, rack);
	tune(receiver, cc, sack, rack);
	testbed_run_ms(tb, 5000);
	w.loss_ppm = loss_ppm;
	wire_set_params(testbed_wire(tb), &w);
}

static void
add_flow(int i, int start_ms, uint64_t limit)
{
	flows[i].port = (uint16_t)(PORT + i);
	flows[i].start_ms = start_ms;
	flows[i].limit = limit;
	tb_spawn(receiver, serve, &flows[i]);
	tb_spawn(sender, send_all, &flows[i]);
}

/* Everything ends; what is left of this run does not matter. */
static void
stop(void)
{
	static const struct wire_params fast;

	over = true;
	wire_set_params(testbed_wire(tb), &fast);
	drops.count = 0;
	(void)testbed_run_programs(tb, 600000);
}

/* Tenths of a percent of what the line can carry, between two times after the start. */
static u_int
utilisation(uint64_t rate, uint64_t bytes, u_int ms)
{
	uint64_t most = rate / 8 * ms / 1000 * PAYLOAD / 1514;

	return ((u_int)((bytes * 1000 + most / 2) / most));
}

static void
table_utilisation(void)
{
	static const struct {
		const char *name;
		uint64_t rate;
		uint32_t rtt_ms;
	} lines[] = {{"100 Mbit/s, 50 ms", 100000000, 50}, {"1 Gbit/s, 100 ms", 1000000000, 100}};
	static const uint32_t losses[] = {0, 1000, 10000};
	static const char *const ccs[] = {"newreno", "cubic"};
	u_int early[3], late[3];
	uint64_t b;

	tap_diag("| line | algorithm | no loss | 0.1%% | 1%% |");
	tap_diag("|---|---|---|---|---|");
	for (size_t l = 0; l < nitems(lines); l++) {
		for (size_t c = 0; c < nitems(ccs); c++) {
			for (size_t i = 0; i < nitems(losses); i++) {
				start(
				    ccs[c], true, true, lines[l].rate, lines[l].rtt_ms, losses[i]);
				add_flow(0, 0, 0);
				testbed_run_ms(tb, 10000);
				b = flows[0].got;
				early[i] = utilisation(lines[l].rate, b, 10000);
				testbed_run_ms(tb, 10000);
				late[i] = utilisation(lines[l].rate, flows[0].got - b, 10000);
				stop();
			}
			tap_diag("| %s | %s | " P ", " P " | " P ", " P " | " P ", " P " |",
			    lines[l].name, ccs[c], V(early[0]), V(late[0]), V(early[1]), V(late[1]),
			    V(early[2]), V(late[2]));
		}
	}
}

/* The receiver's, for connections to come. */
static void
limit_window(int bytes)
{
	TB_ENTER(receiver);
	set("net.inet.tcp.recvbuf_max", bytes);
	TB_LEAVE();
}

/* Milliseconds from the first loss until the receiver has all that was under way then. */
static u_int
recovery(const char *cc, bool sack, bool rack, uint64_t count, bool tail)
{
	struct tcpcb *tp;
	uint64_t limit = 4000 * PAYLOAD;

	start(cc, sack, rack, 100000000, 50, 0);
	limit_window(RECOVERY_WINDOW);
	add_flow(0, 0, tail ? limit : 0);
	drops.tail = tail;
	drops.from = 3000;
	for (int ms = 0; ms < 60000 && drops.recovered_ns == 0; ms++) {
		if (tail && flows[0].rx != NULL && drops.until == 0) {
			drops.until = sototcpcb(flows[0].rx)->irs + 1 + (tcp_seq)limit;
			drops.count = count;
		} else if (!tail)
			drops.count = count;
		testbed_run_ms(tb, 1);
		tp = flows[0].rx != NULL ? sototcpcb(flows[0].rx) : NULL;
		if (drops.dropped == count && (tp == NULL || SEQ_GEQ(tp->rcv_nxt, drops.until)))
			drops.recovered_ns = testbed_now_ns(tb);
	}
	if (drops.recovered_ns == 0)
		tap_diag("not recovered: %lu of %lu dropped", (u_long)drops.dropped, (u_long)count);
	stop();
	return ((u_int)((drops.recovered_ns - drops.at_ns) / MS));
}

static void
table_recovery(void)
{
	static const struct {
		const char *name;
		bool sack, rack;
	} hows[] = {
	    {"neither", false, false}, {"SACK", true, false}, {"SACK and RACK-TLP", true, true}};
	static const char *const ccs[] = {"newreno", "cubic"};
	u_int one, burst, tail1, tail3;

	tap_diag(
	    "| recovery | algorithm | one segment | 30 in a row | the last | the last three |");
	tap_diag("|---|---|---|---|---|---|");
	for (size_t i = 0; i < nitems(hows); i++) {
		for (size_t c = 0; c < nitems(ccs); c++) {
			one = recovery(ccs[c], hows[i].sack, hows[i].rack, 1, false);
			burst = recovery(ccs[c], hows[i].sack, hows[i].rack, 30, false);
			tail1 = recovery(ccs[c], hows[i].sack, hows[i].rack, 1, true);
			tail3 = recovery(ccs[c], hows[i].sack, hows[i].rack, 3, true);
			tap_diag("| %s | %s | %u ms | %u ms | %u ms | %u ms |", hows[i].name,
			    ccs[c], one, burst, tail1, tail3);
		}
	}
}

static void
table_fairness(void)
{
	static const char *const ccs[] = {"newreno", "cubic"};
	uint64_t x, y, jain, b[MAX_FLOWS];

	tap_diag("| algorithm | first flow | second, 5 s later | Jain's index |");
	tap_diag("|---|---|---|---|");
	for (size_t c = 0; c < nitems(ccs); c++) {
		start(ccs[c], true, true, 100000000, 50, 0);
		add_flow(0, 0, 0);
		add_flow(1, 5000, 0);
		testbed_run_ms(tb, 20000);
		b[0] = flows[0].got;
		b[1] = flows[1].got;
		testbed_run_ms(tb, 100000);
		x = (flows[0].got - b[0]) / 1000;
		y = (flows[1].got - b[1]) / 1000;
		jain = (x + y) * (x + y) * 1000 / (2 * (x * x + y * y));
		stop();
		tap_diag("| %s | %lu Mbit/s | %lu Mbit/s | %lu.%03lu |", ccs[c],
		    (u_long)(x * 8 / 100000), (u_long)(y * 8 / 100000), (u_long)(jain / 1000),
		    (u_long)(jain % 1000));
	}
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "utilisation") == 0)
		table_utilisation();
	else if (strcmp(what, "recovery") == 0)
		table_recovery();
	else if (strcmp(what, "fairness") == 0)
		table_fairness();
	else {
		tap_diag("usage: prog_tcptable utilisation | recovery | fairness");
		return (2);
	}
	return (0);
}
