/*
 * tcp_urgent.c - urgent data, RFC 9293 3.8.5 and RFC 6093: the pointer is the byte after the urgent
 * one, one byte is urgent, and it stays in the stream if SO_OOBINLINE is set.
 */
#include <sys/param.h>
#include <sys/mbuf.h>
#include <sys/protosw.h>
#include <sys/socketvar.h>
#include <sys/sockio.h>

#include "t/lib/tcptest.h"

static struct socket *ls;
static const char *const MSS = "<mss 1460>";

/* The urgent byte, or -errno. */
static int
read_oob(struct socket *so)
{
	struct mbuf *m;
	int error, c;

	testbed_run_ms(tb, 1);
	TB_ENTER(h);
	m = m_get(M_WAITOK, MT_DATA);
	error = so->so_proto->pr_rcvoob(so, m, 0);
	c = error == 0 ? *mtod(m, u_char *) : -error;
	m_free(m);
	TB_LEAVE();
	return (c);
}

static int
at_mark(struct socket *so)
{
	int yes = -1;

	testbed_run_ms(tb, 1);
	TB_ENTER(h);
	(void)soioctl(so, SIOCATMARK, &yes, NULL);
	TB_LEAVE();
	return (yes);
}

static int
pattern(u_int seq)
{
	uint8_t c;

	tb_pattern(&c, 1, 0, seq);
	return (c);
}

static void
send_oob(struct socket *so, int c)
{
	struct mbuf *m;

	TB_ENTER(h);
	m = m_gethdr(M_WAITOK, MT_DATA);
	*mtod(m, char *) = (char)c;
	m->m_len = m->m_pkthdr.len = 1;
	is_int(so->so_proto->pr_send(so, PRUS_OOB, m, NULL, NULL, NULL), 0, "MSG_OOB is sent");
	TB_LEAVE();
	peer_mark(p);
}

static void
test_receive(void)
{
	struct socket *so = tt_passive(ls, MSS);

	is_int(read_oob(so), -EINVAL, "nothing urgent yet");
	is_int(at_mark(so), 0, "no mark");
	in("PU. 1001:1011(10) ack 1 win 65535 urg 10");
	is_int(at_mark(so), 0, "nine bytes before the mark");
	is_int(tt_read(so, 100), 9, "a read stops there");
	is_int(at_mark(so), 1, "the mark");
	is_int(read_oob(so), pattern(1010), "the last byte was urgent");
	is_int(read_oob(so), -EINVAL, "once");
	in("P. 1011:1021(10) ack 1 win 65535");
	is_int(tt_read(so, 100), 10, "behind it the stream goes on");
	is_int(at_mark(so), 0, "the mark is passed");
	/* the notification first, the byte later (RFC 9293 3.8.5) */
	peer_forget(p);
	in("U. 1021:1021(0) ack 1 win 65535 urg 5");
	is_int(read_oob(so), -EWOULDBLOCK, "announced, not there yet");
	in("P. 1021:1031(10) ack 1 win 65535");
	is_int(read_oob(so), pattern(1025), "now it is");
	is_int(tt_read(so, 100), 4, "four before");
	is_int(tt_read(so, 100), 5, "five behind");
	/* a pointer that goes back, or to nothing new, is nothing */
	in("PU. 1031:1041(10) ack 1 win 65535 urg 0");
	is_int(tt_read(so, 100), 10, "a pointer of 0");
	is_int(read_oob(so), -EINVAL, "is none");
	/* out of order: the byte is found when the gap fills */
	in("PU. 1051:1061(10) ack 1 win 65535 urg 3");
	in("P. 1041:1051(10) ack 1 win 65535");
	is_int(read_oob(so), pattern(1053), "the urgent byte of an early segment");
	is_int(tt_read(so, 100), 12, "what precedes it");
	is_int(tt_read(so, 100), 7, "what follows");
	/* two: the later mark counts */
	in("PU. 1061:1071(10) ack 1 win 65535 urg 2");
	in("PU. 1071:1081(10) ack 1 win 65535 urg 4");
	is_int(read_oob(so), pattern(1074), "of two the later");
	is_int(tt_read(so, 100), 12, "one mark");
	is_int(tt_read(so, 100), 6, "the rest");
	peer_forget(p);
	tt_kill(so, 1081);
}

static void
test_inline(void)
{
	struct socket *so = tt_passive(ls, MSS);

	tt_setopt(so, SOL_SOCKET, SO_OOBINLINE, 1);
	in("PU. 1001:1011(10) ack 1 win 65535 urg 5");
	is_int(read_oob(so), -EINVAL, "in line: not out of it");
	is_int(tt_read(so, 100), 4, "a read stops before it (RFC 6093 5)");
	is_int(at_mark(so), 1, "the mark is before the urgent byte");
	is_int(tt_read(so, 100), 6, "which is next");
	/* in the sequence of a retransmission that holds it again */
	in("PU. 1001:1011(10) ack 1 win 65535 urg 5");
	testbed_run_ms(tb, 1);
	is_int(at_mark(so), 0, "an old mark does not come back");
	peer_forget(p);
	tt_kill(so, 1011);
}

static void
test_send(void)
{
	struct socket *so = tt_passive(ls, MSS);

	tt_write(so, 10);
	out(". 1:11(10) ack 1001");
	in(". 1001:1001(0) ack 11 win 65535");
	testbed_run_ms(tb, 1);
	send_oob(so, 'u');
	out("PU. 11:12(1) ack 1001 urg 1");
	tt_write(so, 5); /* Nagle: waits */
	in(". 1001:1001(0) ack 12 win 65535");
	out("P. 12:17(5) ack 1001");
	ok(true, "what follows is not urgent");
	in(". 1001:1001(0) ack 17 win 0");
	testbed_run_ms(tb, 1);
	send_oob(so, 'v');
	out("U. 17:17(0) ack 1001 urg 1");
	ok(true, "a closed window does not keep the news back (RFC 9293 MUST-32)");
	in(". 1001:1001(0) ack 17 win 65535");
	out("PU. 17:18(1) ack 1001 urg 1");
	in(". 1001:1001(0) ack 18 win 3000");
	testbed_run_ms(tb, 1);
	/* urgent beyond a segment: every segment points at it */
	tt_write(so, 2920);
	out(". 18:1478(1460)");
	out("P. 1478:2938(1460)");
	send_oob(so, 'w');
	out("PU. 2938:2939(1) urg 1");
	ok(strstr(peer_next(p, 3000), "18:1478(1460) ack 1001 win") != NULL, "retransmission");
	peer_forget(p);
	in(". 1001:1001(0) ack 2939 win 65535");
	testbed_run_ms(tb, 1);
	tt_kill(so, 1001);
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	test_receive();
	test_inline();
	test_send();
	tt_close(ls);
	return (tt_done());
}
