/*
 * tcp_pmtu.c - how large segments may be: RFC 1191 (routers that tell, and old ones), RFC 5927 7
 * (those that lie), RFC 2923 2.1 (those that keep silent), RFC 9293 3.7.1 and 3.7.5.
 */
#include <sys/param.h>
#include <sys/sockio.h>
#include <net/if.h>
#include <net/if_var.h>

#include "t/lib/tcptest.h"

static struct socket *ls;
static const char *const MSS = "<mss 1460>";

static u_int
maxseg(struct socket *so)
{
	testbed_run_ms(tb, 1);
	return (tt_tcpcb(so)->t_maxseg);
}

static void
set_mtu(int mtu)
{
	struct ifreq ifr;

	memset(&ifr, 0, sizeof(ifr));
	strlcpy(ifr.ifr_name, h->h_ifp->if_xname, sizeof(ifr.ifr_name));
	ifr.ifr_mtu = mtu;
	TB_ENTER(h);
	is_int(ifioctl(NULL, SIOCSIFMTU, (caddr_t)&ifr, NULL), 0, "MTU %d", mtu);
	TB_LEAVE();
}

static void
test_told(void)
{
	struct socket *so = tt_passive(ls, MSS);
	uint64_t changed = tt_count(tcps_mtudisc), low = tt_count(tcps_pmtud_toolow);

	tt_write(so, 2920);
	out(". 1:1461(1460) ack 1001 df 1");
	out(". 1461:2921(1460) ack 1001 df 1");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/4 mtu 1500 quote last");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/4 mtu 9000 quote last");
	quiet(20);
	is_int(maxseg(so), 1460, "an MTU that is no smaller is a lie");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/4 mtu 1400 quote last");
	out(". 1:1361(1360) ack 1001 df 1");
	out(". 1361:2721(1360) ack 1001 df 1");
	out(". 2721:2921(200) ack 1001 df 1");
	is_int(maxseg(so), 1360, "smaller: what is under way is sent again at once");
	is_int(tt_tcpcb(so)->snd_cwnd, 14600, "nothing was lost to congestion (RFC 1191 6.5)");
	is_int(tt_count(tcps_mtudisc) - changed, 1, "counted once");
	in(". 1001:1001(0) ack 2921 win 65535");
	testbed_run_ms(tb, 1);
	tt_write(so, 1360);
	out(". 2921:4281(1360) ack 1001 df 1");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/4 mtu 100 quote last");
	is_int(maxseg(so), 216, "minmss is the least");
	is_int(tt_count(tcps_pmtud_toolow) - low, 1, "which is counted");
	peer_forget(p);
	tt_kill(so, 1001);
}

/* RFC 1191 5 and 7.1: no MTU given: the next plateau below the length that was quoted. */
static void
test_plateaus(void)
{
	struct socket *so = tt_passive(ls, MSS);

	tt_write(so, 1460);
	out(". 1:1461(1460) ack 1001");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/4 mtu 0 quote last");
	is_int(maxseg(so), 1492 - 40, "1500, then 1492");
	out(". 1:1453(1452) ack 1001");
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/4 mtu 0 quote last");
	is_int(maxseg(so), 1280 - 40, "then 1280");
	peer_forget(p);
	tt_kill(so, 1001);
}

static void
test_fakes(void)
{
	struct socket *so = tt_passive(ls, MSS);

	tt_write(so, 1460);
	out(". 1:1461(1460) ack 1001");
	in(". 1001:1001(0) ack 1461 win 65535");
	testbed_run_ms(tb, 1);
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/4 mtu 600 quote last");
	is_int(maxseg(so), 1460, "about acknowledged bytes: not believed");
	tt_write(so, 100);
	out(". 1461:1561(100) ack 1001");
	tt_set("net.inet.tcp.path_mtu_discovery", 0);
	inject(p, "ICMP 10.0.0.2 > 10.0.0.1 3/4 mtu 100 quote last");
	is_int(maxseg(so), 1460, "path_mtu_discovery 0");
	in(". 1001:1001(0) ack 1561 win 65535");
	testbed_run_ms(tb, 1);
	tt_write(so, 100);
	out(". 1561:1661(100) ack 1001 df 0");
	tt_set("net.inet.tcp.path_mtu_discovery", 1);
	tt_kill(so, 1001);
}

/* The RTO is 230 ms at least here (1 ms measured): time-outs at 1, 2, 4, ... times that. */
static void
test_blackhole(void)
{
	struct socket *so = tt_passive(ls, MSS);
	uint64_t on = tt_count(tcps_pmtud_blackhole_activated),
		 min = tt_count(tcps_pmtud_blackhole_activated_min_mss),
		 failed = tt_count(tcps_pmtud_blackhole_failed);

	tt_set("net.inet.tcp.pmtud_blackhole_detection", 1);
	tt_write(so, 1460);
	out(". 1:1461(1460)");
	ok(strstr(peer_next(p, 2000), "1:1461(1460)") != NULL, "first time-out: the same");
	ok(strstr(peer_next(p, 4000), "1:1201(1200)") != NULL, "second: pmtud_blackhole_mss");
	ok(strstr(peer_next(p, 8000), "1:1201(1200)") != NULL, "third: the same");
	ok(strstr(peer_next(p, 16000), "1:537(536)") != NULL, "fourth: mssdflt");
	is_int(tt_count(tcps_pmtud_blackhole_activated) - on, 1, "counted");
	is_int(tt_count(tcps_pmtud_blackhole_activated_min_mss) - min, 1, "and again");
	in(". 1001:1001(0) ack 537 win 65535");
	out(". 537:1073(536)");
	peer_forget(p);
	in(". 1001:1001(0) ack 1461 win 65535");
	is_int(maxseg(so), 536, "what got through stays");
	tt_write(so, 536);
	peer_forget(p);
	testbed_run_ms(tb, 60000);
	peer_forget(p);
	is_int(maxseg(so), 536, "it cannot become less");
	tt_kill(so, 1001);

	so = tt_passive(ls, MSS);
	tt_write(so, 1460);
	testbed_run_ms(tb, 70000);
	is_int(maxseg(so), 1460, "six time-outs: size was not the reason");
	is_int(tt_count(tcps_pmtud_blackhole_failed) - failed, 1, "counted");
	peer_forget(p);
	tt_kill(so, 1001);
	so = tt_passive(ls, MSS);
	tt_write(so, 100);
	testbed_run_ms(tb, 60000);
	is_int(tt_count(tcps_pmtud_blackhole_activated) - on, 2, "small segments do not start it");
	peer_forget(p);
	tt_kill(so, 1001);
	tt_set("net.inet.tcp.pmtud_blackhole_detection", 0);
}

/* RFC 9293 3.7.1: the MSS that we announce is the interface's; what we send, the lesser of both. */
static void
test_mss(void)
{
	struct socket *so;

	tt_set("net.inet.tcp.mssdflt", 600);
	so = tt_active("");
	is_int(maxseg(so), 600, "none given: mssdflt");
	tt_kill(so, 1001);
	tt_set("net.inet.tcp.mssdflt", 536);
	so = tt_active("<mss 65535>");
	is_int(maxseg(so), 1460, "no more than the path takes");
	tt_kill(so, 1001);
	so = tt_active("<mss 1>");
	is_int(maxseg(so), 216, "no less than minmss");
	tt_kill(so, 1001);
	so = tt_active("<mss 0>");
	is_int(maxseg(so), 536, "0 says nothing");
	tt_kill(so, 1001);
	set_mtu(1280);
	so = tt_active(NULL);
	out("S 0:0(0) <mss 1240,...>");
	set_mtu(1500);
	in("R. 0:0(0) ack 1 win 0");
	testbed_run_ms(tb, 1);
	tt_close(so);
	tt_setopt(ls, IPPROTO_TCP, TCP_MAXSEG, 1000);
	tt_lport = LPORT;
	tt_pport++;
	in("S 1000:1000(0) win 65535 %s", MSS);
	out("S. 0:0(0) ack 1001 <mss 1000>");
	in(". 1001:1001(0) ack 1 win 65535");
	so = tt_accept(ls);
	if (so == NULL)
		tap_bail("not accepted");
	is_int(maxseg(so), 1000, "TCP_MAXSEG of the listener");
	tt_kill(so, 1001);
}

int
main(void)
{
	tt_init();
	ls = tt_listen(16);
	test_told();
	test_plateaus();
	test_fakes();
	test_blackhole();
	test_mss();
	tt_close(ls);
	return (tt_done());
}
