/*
 * fuzz_tcp_segment.c - any segments, at any time, to a connection in any state, while its program
 * writes, reads and closes.
 *
 * Input: a state to begin in, what the SYNs agreed on, then actions: one byte each, and its
 * arguments. Segments are relative to the connection: a base (rcv_nxt, snd_una, ...) and a small
 * distance, so that a few bytes of input reach the windows. The byte of the peer's stream at
 * sequence number s is always byte_at(s): whatever overlaps, the program must read that.
 *
 * Checked after each action: the order of the send sequence, the bounds of the reassembly queue
 * and the scoreboard, the bytes read. In the end: no connection, socket or mbuf is left.
 */
#include <sys/param.h>
#include <sys/endian.h>
#include <sys/errno.h>
#include <sys/mbuf.h>
#include <sys/proc.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <sys/systm.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_syncache.h>
#include <netinet/tcp_var.h>

#include "t/fuzz/fuzz.h"
#include "t/lib/inet_trace.h"
#include "t/lib/testbed.h"

#define LPORT 80
#define PPORT 5000
#define MAX_ACTIONS 200

/* The first byte, from these on: Fast Open, RFC 7413. */
#define S_FAST_SERVER 0xe0
#define S_FAST_CLIENT 0xf0
/* the second byte */
#define O_TS 0x01
#define O_SACK 0x02
#define O_SCALE 0x04
#define O_INLINE 0x08
#define O_NODELAY 0x10
#define O_WRITE 0x20 /* the program has written */
#define O_WRAP 0x40  /* the peer's sequence numbers wrap soon */
#define O_SMALL 0x80 /* small buffers */

static struct socket *listener, *so; /* so: the connection; NULL once closed */
static struct tcpcb *watched;	     /* its tcpcb, while the pcb list has it */
static uint32_t opts, peer_isn, peer_ts;
static uint32_t taken; /* bytes of the peer's stream that the program read */
static bool urgent;    /* an urgent byte may be missing from the stream */
static struct mbstat base;
static u_int base_sockets;

static uint8_t
byte_at(uint32_t off)
{
	return ((uint8_t)(off * 2654435761u >> 23));
}

static void
start(void)
{
	trace_init();
	listener = sock(SOCK_STREAM, 0, NULL);
	if (sock_bind(listener, "0.0.0.0", LPORT) != 0 || solisten(listener, 4, curthread) != 0)
		panic("no listener");
	trace_sleep_ms(5000);
	tx_flush();
	mb_stat(&base);
	base_sockets = numopensockets;
}

/* ---- segments ---- */

struct fuzz_seg {
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint16_t flags, win, urp;
	const uint8_t *opt;
	size_t optlen;
	uint32_t len;
};

static void
deliver(const struct fuzz_seg *s)
{
	static uint8_t b[2000];
	const size_t hl = 20 + roundup(s->optlen, 4);

	memset(b, 0, hl);
	be16enc(b, s->sport);
	be16enc(b + 2, s->dport);
	be32enc(b + 4, s->seq);
	be32enc(b + 8, s->ack);
	b[12] = (uint8_t)(hl / 4 << 4 | (s->flags >> 8 & 0xf));
	b[13] = (uint8_t)s->flags;
	be16enc(b + 14, s->win);
	be16enc(b + 18, s->urp);
	if (s->optlen > 0)
		memcpy(b + 20, s->opt, s->optlen);
	for (uint32_t i = 0; i < s->len; i++)
		b[hl + i] = byte_at(s->seq + ((s->flags & TH_SYN) != 0) + i - peer_isn);
	/* the checksum is taken as done by the link */
	trace_rx(&(struct rx_packet){.proto = IPPROTO_TCP,
	    .data = b,
	    .len = (u_int)(hl + s->len),
	    .csum_flags = CSUM_DATA_VALID | CSUM_PSEUDO_HDR | CSUM_IP_CHECKED | CSUM_IP_VALID});
}

static uint16_t
local_port(void)
{
	return (watched != NULL ? ntohs(watched->t_inpcb->inp_lport) : LPORT);
}

static size_t
syn_options(uint8_t *b)
{
	size_t n = 0;

	memcpy(b, "\2\4\5\264", 4);
	n = 4;
	if ((opts & O_SCALE) != 0) {
		memcpy(b + n, "\1\3\3\5", 4);
		n += 4;
	}
	if ((opts & O_SACK) != 0) {
		memcpy(b + n, "\1\1\4\2", 4);
		n += 4;
	}
	if ((opts & O_TS) != 0) {
		memcpy(b + n, "\1\1\10\12", 4);
		be32enc(b + n + 4, peer_ts);
		be32enc(b + n + 8, 0);
		n += 12;
	}
	return (n);
}

static size_t
ts_option(uint8_t *b)
{
	if ((opts & O_TS) == 0)
		return (0);
	memcpy(b, "\1\1\10\12", 4);
	be32enc(b + 4, ++peer_ts);
	be32enc(b + 8, watched != NULL ? tcp_ts_getticks() + watched->ts_offset : 0);
	return (12);
}

/* An ordinary segment of the peer's, to get into a state. */
static void
say(uint16_t flags, uint32_t seq, uint32_t ack)
{
	uint8_t b[TCP_MAXOLEN];
	struct fuzz_seg s = {
	    .sport = PPORT,
	    .dport = local_port(),
	    .seq = peer_isn + seq,
	    .ack = (watched != NULL ? watched->iss : 0) + ack,
	    .flags = flags,
	    .win = 20000,
	    .opt = b,
	};

	s.optlen = (flags & TH_SYN) != 0 ? syn_options(b) : ts_option(b);
	deliver(&s);
}

/* ---- states ---- */

static void end_socket(bool abortively);

static void
open_connection(void)
{
	so = sock(SOCK_STREAM, 0, NULL);
	if ((opts & O_SMALL) != 0) {
		(void)sock_setint(so, SOL_SOCKET, SO_RCVBUF, 3000);
		(void)sock_setint(so, SOL_SOCKET, SO_SNDBUF, 3000);
	}
	(void)sock_setint(so, SOL_SOCKET, SO_OOBINLINE, (opts & O_INLINE) != 0);
	(void)sock_setint(so, IPPROTO_TCP, TCP_NODELAY, (opts & O_NODELAY) != 0);
	if (sock_connect(so, "10.0.0.2", PPORT) != 0)
		panic("connect");
	watched = sototcpcb(so);
	trace_run();
}

static void
write_some(size_t n)
{
	static const char text[4096];

	if (so != NULL)
		(void)sock_send(so, NULL, 0, text, (u_int)MIN(n, sizeof(text)), 0, NULL, 0);
	trace_run();
}

static void
half_close(void)
{
	if (so != NULL)
		(void)soshutdown(so, SHUT_WR);
	trace_run();
}

/* In the order of tcp_fsm.h; SYN_RECEIVED is a simultaneous open's. */
static void
reach(u_int state)
{
	if (state <= TCPS_LISTEN)
		return;
	open_connection();
	if (state == TCPS_SYN_SENT)
		return;
	if (state == TCPS_SYN_RECEIVED) {
		say(TH_SYN, 0, 0);
		return;
	}
	say(TH_SYN | TH_ACK, 0, 1);
	if ((opts & O_WRITE) != 0 && state <= TCPS_CLOSE_WAIT)
		write_some(3000);
	switch (state) {
	case TCPS_CLOSE_WAIT:
		say(TH_FIN | TH_ACK, 1, 1);
		break;
	case TCPS_FIN_WAIT_1:
		half_close();
		break;
	case TCPS_CLOSING:
		half_close();
		say(TH_FIN | TH_ACK, 1, 1);
		break;
	case TCPS_LAST_ACK:
		say(TH_FIN | TH_ACK, 1, 1);
		half_close();
		break;
	case TCPS_FIN_WAIT_2:
		half_close();
		say(TH_ACK, 1, 2);
		break;
	case TCPS_TIME_WAIT:
		half_close();
		say(TH_FIN | TH_ACK, 1, 2);
		break;
	default:
		break;
	}
}

/* A cookie, and the length of its option, padded. */
#define COOKIE_LEN 12
static const uint8_t cookie_option[COOKIE_LEN] = {34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1};

static void
say_fast(uint16_t flags, uint32_t ack, uint32_t len)
{
	struct fuzz_seg s = {
	    .sport = PPORT,
	    .dport = (flags & TH_ACK) != 0 ? local_port() : LPORT,
	    .seq = peer_isn,
	    .ack = (watched != NULL ? watched->iss : 0) + ack,
	    .flags = flags,
	    .win = 20000,
	    .opt = cookie_option,
	    .optlen = COOKIE_LEN,
	    .len = len,
	};

	deliver(&s);
}

/* The peer's SYN had data; the connection waits for accept(), its third segment has not come. */
static void
begin_fast_server(void)
{
	static const int on = 1;

	(void)kernel_sysctlbyname(
	    NULL, "net.inet.tcp.fastopen.server_enable", NULL, NULL, &on, sizeof(on), NULL, 0);
	(void)kernel_sysctlbyname(
	    NULL, "net.inet.tcp.fastopen.acceptany", NULL, NULL, &on, sizeof(on), NULL, 0);
	(void)sock_setint(listener, IPPROTO_TCP, TCP_FASTOPEN, 1);
	say_fast(TH_SYN, 0, 100);
	(void)sock_setint(listener, IPPROTO_TCP, TCP_FASTOPEN, 0);
	if (solisten_dequeue(listener, &so, 0) != 0) {
		so = NULL;
		return;
	}
	watched = sototcpcb(so);
	if ((opts & O_WRITE) != 0)
		write_some(3000);
}

/* The peer's cookie is known, our SYN has data. */
static void
begin_fast_client(void)
{
	static const char text[3000];

	so = sock(SOCK_STREAM, 0, NULL);
	(void)sock_setint(so, IPPROTO_TCP, TCP_FASTOPEN, 1);
	if (sock_connect(so, "10.0.0.2", PPORT) != 0)
		panic("connect");
	watched = sototcpcb(so);
	trace_run();
	say_fast(TH_SYN | TH_ACK, 1, 0);
	end_socket(true);
	watched = NULL;
	so = sock(SOCK_STREAM, 0, NULL);
	(void)sock_setint(so, IPPROTO_TCP, TCP_FASTOPEN, 1);
	(void)sock_send(
	    so, "10.0.0.2", PPORT, text, (opts & O_WRITE) != 0 ? sizeof(text) : 100, 0, NULL, 0);
	watched = sototcpcb(so);
	trace_run();
}

/* ---- what must hold ---- */

/* Forgets a tcpcb that is no more. */
static void
look(void)
{
	struct inpcb *inp;

	LIST_FOREACH (inp, &V_tcbinfo.ipi_listhead, inp_list) {
		if (intotcpcb(inp) == watched)
			return;
	}
	watched = NULL;
}

static void
check(void)
{
	struct tcpcb *tp;
	struct sackscore *ss;
	uint32_t bytes = 0;

	look();
	tp = watched;
	if (tp == NULL || tcp_isdead(tp))
		return;
	if (SEQ_GT(tp->snd_una, tp->snd_nxt) || SEQ_GT(tp->snd_nxt, tp->snd_max))
		panic("una %u nxt %u max %u", tp->snd_una, tp->snd_nxt, tp->snd_max);
	if (tp->t_state != TCPS_TIME_WAIT &&
	    tp->snd_max - tp->snd_una > sbavail(&tptosocket(tp)->so_snd) + 2)
		panic("%u bytes under way, %u there", tp->snd_max - tp->snd_una,
		    sbavail(&tptosocket(tp)->so_snd));
	if (tp->t_segqlen > 101)
		panic("%u segments wait", tp->t_segqlen);
	ss = &tp->t_sack;
	for (u_int i = 0; i < ss->ss_n; i++) {
		bytes += ss->ss_blk[i].end - ss->ss_blk[i].start;
		if (SEQ_GEQ(ss->ss_blk[i].start, ss->ss_blk[i].end) ||
		    SEQ_GT(ss->ss_blk[i].end, tp->snd_max) ||
		    SEQ_LT(ss->ss_blk[i].start, tp->snd_una) ||
		    (i > 0 && SEQ_GEQ(ss->ss_blk[i - 1].end, ss->ss_blk[i].start)))
			panic("block %u of the scoreboard", i);
	}
	if (bytes != ss->ss_bytes)
		panic("%u bytes on the scoreboard, %u counted", bytes, ss->ss_bytes);
}

static void
read_some(size_t want)
{
	static uint8_t b[66000];
	size_t got;

	if (so == NULL || tb_read_nb(so, b, MIN(want, sizeof(b)), &got) != 0)
		return;
	for (size_t i = 0; i < got; i++, taken++) {
		if (!urgent && b[i] != byte_at(taken))
			panic("byte %u of the stream is wrong", taken);
	}
	trace_run();
}

/* ---- actions ---- */

static uint32_t
base_seq(uint32_t which)
{
	const struct tcpcb *tp = watched;

	if (tp == NULL)
		return (peer_isn);
	switch (which % 4) {
	case 0:
		return (tp->rcv_nxt);
	case 1:
		return (tp->rcv_nxt + tp->rcv_wnd);
	case 2:
		return (tp->rcv_adv);
	default:
		return (tp->irs);
	}
}

static uint32_t
base_ack(uint32_t which)
{
	const struct tcpcb *tp = watched;

	if (tp == NULL)
		return (0);
	switch (which % 4) {
	case 0:
		return (tp->snd_una);
	case 1:
		return (tp->snd_max);
	case 2:
		return (tp->snd_nxt);
	default:
		return (tp->iss);
	}
}

/* Options of a segment: a right timestamp, SACK blocks above snd_una, and whatever bytes. */
static size_t
take_options(struct fuzz_input *in, uint32_t how, uint8_t *b)
{
	size_t n = (how & 1) != 0 ? ts_option(b) : 0, got;
	const uint8_t *p;

	if ((how & 2) != 0 && watched != NULL) {
		b[n++] = TCPOPT_NOP;
		b[n++] = TCPOPT_NOP;
		b[n++] = TCPOPT_SACK;
		b[n++] = 18;
		for (int i = 0; i < 4; i++, n += 4)
			be32enc(b + n, watched->snd_una + fuzz_take(in, 2));
	}
	if ((how & 4) != 0) {
		p = fuzz_take_bytes(in, fuzz_take(in, 1) % (TCP_MAXOLEN + 1 - n), &got);
		memcpy(b + n, p, got);
		n += got;
	}
	return (n);
}

static void
segment(struct fuzz_input *in, uint16_t sport, uint16_t dport)
{
	const uint32_t how = fuzz_take(in, 1);
	uint8_t b[TCP_MAXOLEN];
	struct fuzz_seg s = {.sport = sport, .dport = dport, .opt = b};

	look();
	s.flags = (uint16_t)fuzz_take(in, 1);
	if ((how & 0x80) != 0)
		s.flags |= TH_ACK;
	s.seq = base_seq(how) + (uint32_t)(int16_t)fuzz_take(in, 2);
	s.ack = base_ack(how >> 2) + (uint32_t)(int16_t)fuzz_take(in, 2);
	s.win = (uint16_t)fuzz_take(in, 2);
	s.len = (how & 0x10) != 0 ? fuzz_take(in, 2) % 1461 : 0;
	if ((s.flags & TH_URG) != 0) {
		s.urp = (uint16_t)fuzz_take(in, 2);
		urgent = urgent || (opts & O_INLINE) == 0;
	}
	s.optlen = take_options(in, fuzz_take(in, 1), b);
	deliver(&s);
}

/* What an ordinary peer says to what the stack sent: so that inputs get anywhere. */
static void
agree(struct fuzz_input *in)
{
	const uint32_t n = fuzz_take(in, 2);
	uint8_t b[TCP_MAXOLEN];
	struct fuzz_seg s = {.sport = PPORT, .dport = local_port(), .win = 30000, .opt = b};

	look();
	if (watched == NULL)
		return;
	s.seq = watched->rcv_nxt;
	s.ack = watched->snd_max;
	s.flags = TH_ACK;
	s.len = n % 1461;
	s.optlen = ts_option(b);
	deliver(&s);
}

/* ICMP about the last segment that the stack could have sent. */
static void
icmp(struct fuzz_input *in)
{
	uint8_t quote[28] = {0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, IPPROTO_TCP, 0, 0, 10, 0, 0, 1, 10,
	    0, 0, 2},
		b[200];
	u_int n, type = fuzz_take(in, 1) % 16, code = fuzz_take(in, 1) % 16;

	look();
	be16enc(quote + 20, local_port());
	be16enc(quote + 22, PPORT);
	be32enc(quote + 24, base_ack(fuzz_take(in, 1)) + (uint32_t)(int8_t)fuzz_take(in, 1));
	n = icmp_make(b, (int)type, (int)code, fuzz_take(in, 2), quote, sizeof(quote));
	trace_rx(&(struct rx_packet){.proto = IPPROTO_ICMP, .data = b, .len = n});
}

static void
set_option(struct fuzz_input *in)
{
	static const int names[] = {TCP_NODELAY, TCP_NOPUSH, TCP_MAXSEG, TCP_KEEPIDLE,
	    TCP_KEEPINTVL, TCP_KEEPCNT, TCP_NOOPT, TCP_QUICKACK_ALPINE, TCP_USER_TIMEOUT_ALPINE};
	const uint32_t which = fuzz_take(in, 1);

	if (so != NULL)
		(void)sock_setint(
		    so, IPPROTO_TCP, names[which % nitems(names)], (int)fuzz_take(in, 2));
}

static void
end_socket(bool abortively)
{
	struct linger l = {1, 0};

	if (so == NULL)
		return;
	if (abortively)
		(void)so_setsockopt(so, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	(void)soclose(so);
	so = NULL;
	trace_run();
}

static void
action(struct fuzz_input *in)
{
	switch (fuzz_take(in, 1) % 14) {
	case 0:
	case 1:
	case 2:
		segment(in, PPORT, local_port());
		break;
	case 3:
		segment(in, (uint16_t)(6000 + fuzz_take(in, 1) % 4), LPORT);
		break;
	case 4:
		agree(in);
		break;
	case 5:
		trace_sleep_ms(fuzz_take(in, 1));
		break;
	case 6:
		trace_sleep_ms(fuzz_take(in, 1) * 100);
		break;
	case 7:
		write_some(fuzz_take(in, 2));
		break;
	case 8:
		read_some(fuzz_take(in, 2));
		break;
	case 9:
		half_close();
		break;
	case 10:
		icmp(in);
		break;
	case 11:
		set_option(in);
		break;
	case 12:
		end_socket((fuzz_take(in, 1) & 1) != 0);
		break;
	default:
		if (so != NULL)
			(void)soshutdown(so, SHUT_RD);
	}
}

/* ---- the end ---- */

static void
settle(void)
{
	struct inpcb *inp, *next;
	struct mbstat now;
	struct socket *s;

	end_socket(false);
	while (solisten_dequeue(listener, &s, 0) == 0)
		(void)soclose(s);
	LIST_FOREACH_SAFE (inp, &V_tcbinfo.ipi_listhead, inp_list, next) {
		if (intotcpcb(inp)->t_state != TCPS_LISTEN)
			tcp_drop(intotcpcb(inp), ECONNABORTED);
	}
	trace_run();
	if (syncache_count() > 0)
		trace_sleep_ms(60000);
	tx_flush();
	mb_stat(&now);
	if (V_tcbinfo.ipi_count != 1 || numopensockets != base_sockets || syncache_count() != 0)
		panic("%u pcbs, %u sockets, %u half-open are left", V_tcbinfo.ipi_count,
		    (u_int)numopensockets, syncache_count());
	if (now.mbufs_used != base.mbufs_used || now.clusters_used != base.clusters_used)
		panic("%ld mbufs are left", (long)(now.mbufs_used - base.mbufs_used));
}

int
FUZZ_TARGET(tcp_segment)(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	u_int state;

	if (listener == NULL)
		start();
	state = fuzz_take(&in, 1);
	opts = fuzz_take(&in, 1);
	peer_isn = (opts & O_WRAP) != 0 ? 0xfffffff0u : 1000000;
	peer_ts = 1;
	taken = 0;
	urgent = false;
	watched = NULL;
	if (state >= S_FAST_CLIENT)
		begin_fast_client();
	else if (state >= S_FAST_SERVER)
		begin_fast_server();
	else
		reach(state % TCP_NSTATES);
	check();
	for (int i = 0; i < MAX_ACTIONS && in.left > 0; i++) {
		action(&in);
		check();
		if (tx_count() > 500)
			tx_flush();
	}
	read_some(66000);
	settle();
	return (0);
}
