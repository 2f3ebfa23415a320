/*
 * tcp_recover.c - how long recovery takes: one segment, a burst, the tail, and a retransmission
 * lost; without SACK, with SACK (RFC 6675), and with RACK-TLP (RFC 8985).
 *
 *	sender 10.0.0.1 ---- 25 ms each way, 100 Mbit/s, loses what the test says ---- receiver
 *
 * 100 segments go over after a first flight that measured the round trip. The delay that a loss
 * costs is the time until the last byte is there, less the time without loss. It is printed, one
 * line for each case: the documentation's table is made of these lines.
 */
#include <sys/param.h>
#include <sys/endian.h>
#include <sys/errno.h>
#include <sys/systm.h>
#include <netinet/tcp_var.h>

#include "t/lib/tap.h"
#include "t/lib/testbed.h"

#define RTT_MS 50
#define SEG 1448
#define WARM (20 * SEG)
#define BYTES (100 * SEG)
#define PORT 9000

enum { NOSACK, SACK, RACK, NMODES };
static const char *const modes[NMODES] = {"no SACK", "SACK", "SACK, RACK-TLP"};

struct loss {
	const char *name;
	int first, n; /* segments, from the first after the warm-up; negative: from the end */
	int times;    /* how often each is lost */
	int cwnd;     /* segments; what is sent later can tell of a retransmission */
};
static const struct loss losses[] = {
    {"nothing", 0, 0, 0, 200},
    {"one segment", 50, 1, 1, 200},
    {"a burst of 8", 50, 8, 1, 200},
    {"the last segment", -1, 1, 1, 200},
    {"the last 3 segments", -3, 3, 1, 200},
    {"nothing, 40 at a time", 0, 0, 0, 40},
    {"one segment, and its retransmission", 10, 1, 2, 40},
};

static struct testbed *bed;
static struct tb_host *snd, *rcv;
static const struct loss *loss;
static bool armed;
static uint32_t isn;
static int left[100];
static uint64_t start_ns, done_ns;
static uint8_t buf[BYTES];

/* Loses first (or second) copies of the chosen segments. */
static bool
filter(void *arg __unused, struct link *from, const uint8_t *f, size_t len)
{
	const size_t ihl = (size_t)(f[14] & 15) * 4;
	const uint8_t *th = f + 14 + ihl;
	size_t data;
	uint32_t seq;
	bool lose = false;

	if (from != snd->h_link || len < 14 + ihl + 20 || f[12] != 8 || f[13] != 0)
		return (true);
	data = (size_t)be16dec(f + 16) - ihl - (size_t)(th[12] >> 4) * 4;
	seq = be32dec(th + 4);
	if ((th[13] & TH_SYN) != 0)
		isn = seq;
	if (!armed || data == 0)
		return (true);
	seq -= isn + 1 + WARM;
	for (size_t at = 0; at < data && seq + at < BYTES; at += SEG) {
		int *n = &left[(seq + at) / SEG];

		if (*n > 0) {
			(*n)--;
			lose = true;
		}
	}
	return (!lose);
}

static void
receiver(struct tb_host *h __unused, void *arg __unused)
{
	static uint8_t in[65536];
	struct socket *ls, *so;
	size_t got, sum = 0;

	if (tb_listen(PORT, 1, &ls) != 0 || tb_accept(ls, &so) != 0)
		tap_bail("no connection");
	while (tb_read(so, in, sizeof(in), &got) == 0 && got > 0) {
		sum += got;
		if (sum == WARM + BYTES)
			done_ns = testbed_now_ns(bed);
	}
	(void)soclose(so);
	(void)soclose(ls);
}

static void
sender(struct tb_host *h __unused, void *arg __unused)
{
	struct socket *so;
	uint8_t end;
	size_t got;

	if (tb_socket(SOCK_STREAM, &so) != 0 || tb_setopt(so, SOL_SOCKET, SO_SNDBUF, 400000) != 0 ||
	    tb_connect(so, "10.0.0.2", PORT) != 0)
		tap_bail("no connection");
	(void)tb_write(so, buf, WARM);
	tb_sleep_ms(4 * RTT_MS);
	/* a window that takes everything: the loss is all that costs time */
	sototcpcb(so)->snd_cwnd = (uint32_t)loss->cwnd * SEG;
	armed = true;
	start_ns = testbed_now_ns(bed);
	(void)tb_write(so, buf, BYTES);
	tb_sleep_ms(10000);
	(void)soshutdown(so, SHUT_WR);
	(void)tb_read(so, &end, 1, &got);
	(void)soclose(so);
}

static void
configure(struct tb_host *h, int mode)
{
	TB_ENTER(h);
	V_tcp_do_sack = mode != NOSACK;
	V_tcp_rack_enable = mode == RACK;
	V_tcp_do_tso = 0;
	V_tcp_recvspace = 400000;
	V_tcp_delack_enabled = 0;
	TB_LEAVE();
}

/* Milliseconds until everything has arrived. */
static int
run(const struct loss *l, int mode)
{
	const struct wire_params wire = {
	    .delay_ns = RTT_MS / 2 * 1000000, .rate_bps = 100000000, .queue_bytes = 1 << 20};

	bed = testbed_init(6675, &wire);
	snd = testbed_host(bed, "sender", "10.0.0.1/24");
	rcv = testbed_host(bed, "receiver", "10.0.0.2/24");
	configure(snd, mode);
	configure(rcv, mode);
	loss = l;
	armed = false;
	memset(left, 0, sizeof(left));
	for (int i = 0; i < l->n; i++)
		left[(l->first + 100) % 100 + i] = l->times;
	wire_set_filter(testbed_wire(bed), filter, NULL);
	start_ns = done_ns = 0;
	tb_spawn(rcv, receiver, NULL);
	tb_spawn(snd, sender, NULL);
	if (!testbed_run_programs(bed, 120000))
		tap_bail("it hangs");
	testbed_done(bed);
	return (done_ns > start_ns ? (int)((done_ns - start_ns) / 1000000) : -1);
}

int
main(void)
{
	int ms[nitems(losses)][NMODES];

	for (size_t i = 0; i < nitems(losses); i++) {
		for (int m = 0; m < NMODES; m++) {
			ms[i][m] = run(&losses[i], m);
			if (losses[i].n > 0)
				ms[i][m] -= ms[losses[i].cwnd == losses[0].cwnd ? 0 : 5][m];
			tap_diag("RECOVER %s: %s: %d ms", losses[i].name, modes[m], ms[i][m]);
		}
	}
	for (int m = 0; m < NMODES; m++) {
		ok(ms[0][m] >= RTT_MS / 2 && ms[0][m] < RTT_MS, "without loss");
		ok(ms[1][m] <= RTT_MS + 10, "one segment costs a round trip");
	}
	ok(ms[2][SACK] <= 2 * RTT_MS + 10, "SACK: a burst costs two round trips at most");
	ok(ms[2][RACK] <= 2 * RTT_MS + 10, "RACK too");
	ok(ms[2][NOSACK] >= 7 * RTT_MS, "without SACK it is one for each segment (RFC 6582)");
	/* PTO is 2 SRTT after the last segment; what it finds is there a round trip later. Of a
	 * single segment the acknowledgment may be delayed, so nothing is gained (RFC 8985 7.2). */
	ok(ms[4][RACK] <= 5 * RTT_MS, "the probe shows what is missing before it");
	for (int m = NOSACK; m <= SACK; m++)
		ok(ms[4][m] >= 4 * RTT_MS + 50, "the others wait for the time-out");
	ok(ms[6][RACK] <= 4 * RTT_MS, "a lost retransmission costs a round trip more");
	ok(ms[6][SACK] > ms[6][RACK], "RFC 6675 needs a time-out for it");
	return (tap_done());
}
