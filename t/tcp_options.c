/*
 * tcp_options.c - TCP options: how they are read and written, and what they agree on: RFC 9293 3.1,
 * 3.2, RFC 7323, RFC 2018, RFC 6691.
 */
#include <sys/param.h>
#include <sys/mbuf.h>

#include "t/lib/tcptest.h"

static struct socket *ls;

static struct tcpopt
parse(const char *bytes, int n, bool syn)
{
	struct tcpopt to;

	memset(&to, 0xa5, sizeof(to));
	tcp_dooptions(&to, (const u_char *)bytes, n, syn);
	return (to);
}

static void
test_parse(void)
{
	struct tcpopt to;

	to = parse("\2\4\5\264\1\3\3\7\4\2\10\12\0\0\0\1\0\0\0\2", 20, true);
	is_int(to.to_flags, TOF_MSS | TOF_SCALE | TOF_SACKPERM | TOF_TS, "a SYN's");
	is_int(to.to_mss, 1460, "MSS");
	is_int(to.to_wscale, 7, "scale");
	is_int(to.to_tsval, 1, "timestamp");
	to = parse("\2\4\5\264\1\3\3\7\4\2", 10, false);
	is_int(to.to_flags, 0, "only on a SYN");
	is_int(parse("\3\3\377", 3, true).to_wscale, 14, "a scale above 14 is 14");
	is_int(parse("\2\3\5", 3, true).to_flags, 0, "a wrong length");
	is_int(parse("\2\0\5\264", 4, true).to_flags, 0, "a length of 0 ends it");
	is_int(parse("\2\1\5\264", 4, true).to_flags, 0, "a length of 1");
	is_int(parse("\2\50\5\264", 4, true).to_flags, 0, "a length beyond the header");
	is_int(parse("\2", 1, true).to_flags, 0, "an option cut short");
	is_int(parse("\0\2\4\5\264", 5, true).to_flags, 0, "nothing after the end");
	is_int(parse("\376\6abcd\2\4\5\264", 10, true).to_flags, TOF_MSS, "unknown is skipped");
	is_int(parse("\5\12\0\0\0\1\0\0\0\2", 10, false).to_nsacks, 1, "SACK");
	is_int(parse("\5\13\0\0\0\1\0\0\0\2\0", 11, false).to_flags, 0, "half a block");
	is_int(parse("\5\2", 2, false).to_flags, 0, "no block");
	is_int(parse("\5\12\0\0\0\1\0\0\0\2", 10, true).to_flags, 0, "SACK on a SYN");
}

static void
test_write(void)
{
	struct tcpopt to = {.to_flags = TOF_MSS | TOF_SCALE | TOF_SACKPERM | TOF_TS,
	    .to_mss = 1460,
	    .to_wscale = 6,
	    .to_tsval = 1,
	    .to_tsecr = 2};
	u_char b[TCP_MAXOLEN];

	is_int(tcp_addoptions(&to, b), 20, "a SYN's");
	is_mem(b, "\2\4\5\264\1\3\3\6\4\2\10\12\0\0\0\1\0\0\0\2", 20, "as FreeBSD orders them");
	to = (struct tcpopt){.to_flags = TOF_TS | TOF_SACK, .to_nsacks = 4};
	is_int(tcp_addoptions(&to, b), 40, "three blocks beside a timestamp");
	to = (struct tcpopt){.to_flags = TOF_SACK, .to_nsacks = 4};
	is_int(tcp_addoptions(&to, b), 36, "four without");
	to = (struct tcpopt){.to_flags = TOF_SACKPERM};
	is_int(tcp_addoptions(&to, b), 4, "padded to words");
	/* whatever bytes: the parser ends, inside them */
	for (int i = 0; i < 20000; i++) {
		uint64_t r = (uint64_t)i;
		int n = (int)(tb_random(&r) % 41);

		for (int j = 0; j < n; j++)
			b[j] = (u_char)(tb_random(&r) % (i % 2 ? 12 : 256));
		tcp_dooptions(&to, b, n, i % 3 == 0);
		if (to.to_nsacks > TCP_MAX_SACK)
			ok(false, "%d blocks", to.to_nsacks);
	}
	ok(true, "20000 random ones");
}

static void
test_agreement(void)
{
	struct socket *so;

	tt_lport = LPORT;
	tt_pport = 7000;
	in("S 1000:1000(0) win 65535 <mss 1460,nop,wscale 3,sackOK,ts 5 0>");
	out("S. 0:0(0) ack 1001 win 65535 <mss 1460,nop,wscale *,sackOK,ts * 5>");
	in(". 1001:1001(0) ack 1 win 1000 <nop,nop,ts 6 last>");
	so = tt_accept(ls);
	ok(so != NULL, "open");
	is_int(tt_tcpcb(so)->snd_wnd, 8000, "their windows are scaled");
	is_int(tcp_maxseg(tt_tcpcb(so)), 1448, "and segments shorter by a timestamp");
	/* RFC 7323 */
	TB_ENTER(h);
	(void)tt_sysctl(&V_tcp_tolerate_missing_ts, 0);
	TB_LEAVE();
	in(". 1001:1011(10) ack 1 win 1000");
	quiet(100);
	is_int(tt_read(so, 100), -EWOULDBLOCK, "a segment without timestamp is dropped");
	in(". 1001:1011(10) ack 1 win 1000 <nop,nop,ts 4 last>");
	out(". 1:1(0) ack 1001 <nop,nop,ts * 6>");
	is_int(tt_read(so, 100), -EWOULDBLOCK, "PAWS");
	in(". 1001:1011(10) ack 1 win 1000 <nop,nop,ts 7 last>");
	out_after(40, 4, ". 1:1(0) ack 1011 <nop,nop,ts * 7>");
	in(". 1021:1031(10) ack 1 win 1000 <nop,nop,ts 9 last>");
	out(". 1:1(0) ack 1011 <nop,nop,ts * 7,nop,nop,sack 1021:1031>");
	in("R 1011:1011(0)");
	is_int(tt_error(so), ECONNRESET, "a reset needs no timestamp");
	tt_close(so);

	so = tt_active("<mss 900,nop,wscale 2>");
	is_int(tt_tcpcb(so)->t_maxseg, 900, "MSS");
	ok((tt_tcpcb(so)->t_flags & (TF_RCVD_TSTMP | TF_SACK_PERMIT)) == 0,
	    "what they do not want");
	tt_kill(so, 1001);
	so = tt_active("");
	is_int(tt_tcpcb(so)->t_maxseg, 536, "the default MSS");
	is_int(tt_tcpcb(so)->rcv_scale, 0, "no scaling");
	tt_kill(so, 1001);
	so = tt_active("<mss 1>");
	is_int(tt_tcpcb(so)->t_maxseg, 216, "the least MSS");
	tt_kill(so, 1001);
}

static void
test_sysctls(void)
{
	struct socket *so;
	int old;

	TB_ENTER(h);
	old = tt_sysctl(&V_tcp_do_rfc1323, 0);
	(void)tt_sysctl(&V_tcp_do_sack, 0);
	TB_LEAVE();
	so = tt_active(NULL);
	out("S 0:0(0) <mss 1460>");
	TB_ENTER(h);
	(void)tt_sysctl(&V_tcp_do_rfc1323, old);
	(void)tt_sysctl(&V_tcp_do_sack, 1);
	TB_LEAVE();
	in("R. 0:0(0) ack 1 win 0");
	is_int(tt_error(so), ECONNREFUSED, "refused");
	tt_close(so);
}

static void
test_sockopts(void)
{
	struct socket *so = tt_active("<mss 1000>");
	struct tcp_info ti;
	struct sockopt sopt = {.sopt_dir = SOPT_GET,
	    .sopt_level = IPPROTO_TCP,
	    .sopt_name = TCP_INFO,
	    .sopt_val = &ti,
	    .sopt_valsize = sizeof(ti)};
	char name[] = "newreno";

	TB_ENTER(h);
	is_int(sogetopt(so, &sopt), 0, "TCP_INFO");
	is_int(ti.tcpi_state, TCPS_ESTABLISHED, "state");
	is_int(ti.tcpi_snd_mss, 1000, "MSS");
	is_int(so_setsockopt(so, IPPROTO_TCP, TCP_CONGESTION, name, sizeof(name)), 0, "newreno");
	name[0] = 'x';
	is_int(so_setsockopt(so, IPPROTO_TCP, TCP_CONGESTION, name, sizeof(name)), ESRCH,
	    "an algorithm that is not there");
	is_int(tb_setopt(so, IPPROTO_TCP, 9999, 1), ENOPROTOOPT, "never");
	is_int(tb_setopt(so, IPPROTO_TCP, TCP_KEEPIDLE, -1), EINVAL, "a bad value");
	TB_LEAVE();
	tt_kill(so, 1001);
}

int
main(void)
{
	test_parse();
	test_write();
	tt_init();
	ls = tt_listen(16);
	test_agreement();
	test_sysctls();
	test_sockopts();
	tt_close(ls);
	return (tt_done());
}
