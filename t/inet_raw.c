/*
 * inet_raw.c - raw sockets: who may, what they get, what they send. ip(4), icmp(4).
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/socketvar.h>
#include <sys/ucred.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>

#include "t/lib/inet_trace.h"
#include "t/lib/tap.h"

int main(void);

static void
test_privilege(void)
{
	struct ucred *user = user_cred(1000);
	struct socket *so = NULL;

	is_int(socreate(AF_INET, &so, SOCK_RAW, IPPROTO_ICMP, user, NULL), EPERM,
	    "a raw socket is not for everybody: EPERM");
	user->cr_privs = CRP_NET_RAW;
	is_int(socreate(AF_INET, &so, SOCK_RAW, IPPROTO_ICMP, user, NULL), 0,
	    "but for those who are allowed");
	soclose(so);
	crfree(user);
	is_int(socreate(AF_INET6, &so, SOCK_RAW, IPPROTO_ICMPV6, kern_cred, NULL), EAFNOSUPPORT,
	    "AF_INET6: not yet");
}

static void
test_ping(void)
{
	struct socket *so = sock(SOCK_RAW, IPPROTO_ICMP, NULL);
	u_char msg[64];
	u_int len;

	len = icmp_make(msg, ICMP_ECHO, 0, 9 << 16 | 1, "ping", 4);
	is_int(sock_send(so, "10.0.0.2", 0, msg, len, 0, NULL, 0), 0, "ping sends a request");
	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 8/0 id 9 seq 1 len 4", "with a header in front");
	len = icmp_make(msg, ICMP_ECHOREPLY, 0, 9 << 16 | 1, "ping", 4);
	rx(.proto = IPPROTO_ICMP, .data = msg, .len = len, .ttl = 55);
	(void)sock_gets(so);
	is_int(sock_len, 32, "and reads the reply, IP header and all");
	ok(sock_buf[0] == 0x45 && sock_buf[2] == 0 && sock_buf[3] == 32 && sock_buf[8] == 55 &&
		sock_buf[20] == ICMP_ECHOREPLY,
	    "in network order");
	len = icmp_make(msg, ICMP_ECHO, 0, 9 << 16 | 1, "ping", 4);
	rx(.proto = IPPROTO_ICMP, .data = msg, .len = len);
	tx_flush();
	is_str(sock_gets(so), "", "requests to us it does not see");
	is_int(sock_send(so, "10.0.0.1", 0, msg, len, 0, NULL, 0), 0, "it pings this host");
	(void)sock_gets(so);
	is_int(sock_buf[20], ICMP_ECHOREPLY, "and is answered");
	soclose(so);
}

static void
test_filters(void)
{
	struct socket *all = sock(SOCK_RAW, 0, NULL), *p99 = sock(SOCK_RAW, 99, NULL),
		      *p98 = sock(SOCK_RAW, 98, NULL), *from = sock(SOCK_RAW, 99, NULL);

	is_int(sock_connect(from, "10.0.0.3", 0), 0, "one socket is connected to 10.0.0.3");
	rx(.proto = 99, .data = "hi", .len = 2);
	(void)sock_gets(all);
	is_int(sock_len, 22, "protocol 99 reaches the socket of protocol 0");
	(void)sock_gets(p99);
	is_int(sock_len, 22, "and the one of 99");
	is_str(sock_gets(p98), "", "not the one of 98");
	is_str(sock_gets(from), "", "nor the connected one");
	is_str(tx(), "", "and it is not refused");
	rx(.proto = 99, .data = "hi", .len = 2, .src = "10.0.0.3");
	(void)sock_gets(from);
	is_int(sock_len, 22, "which has what comes from its peer");
	is_int(sock_bind(p98, "10.0.0.66", 0), EADDRNOTAVAIL, "bind to another host's address");
	is_int(sock_bind(p98, "10.0.0.1", 0), 0, "bind to ours");
	soclose(all);
	soclose(p99);
	soclose(p98);
	soclose(from);
}

static void
test_hdrincl(void)
{
	struct socket *so = sock(SOCK_RAW, IPPROTO_RAW, NULL);
	struct ip ip = {.ip_v = 4, .ip_hl = 5, .ip_ttl = 7, .ip_p = 99};
	u_char buf[40] = {0};

	ip.ip_len = htons(24);
	ip.ip_src = addr("192.0.2.1");
	ip.ip_dst = addr("10.0.0.9");
	memcpy(buf, &ip, 20);
	is_int(sock_send(so, "10.0.0.9", 0, buf, 24, 0, NULL, 0), 0, "a header of its own");
	is_str(tx(), "192.0.2.1 > 10.0.0.9 proto 99 len 4 ttl 7",
	    "goes out as it is, checksum and identification filled");
	is_int(sock_send(so, "10.0.0.9", 0, buf, 25, 0, NULL, 0), EINVAL, "a wrong length: EINVAL");
	is_int(sock_send(so, "10.0.0.9", 0, buf, 19, 0, NULL, 0), EINVAL, "half a header: EINVAL");
	buf[0] = 0x46;
	buf[3] = 20;
	is_int(sock_send(so, "10.0.0.9", 0, buf, 20, 0, NULL, 0), EINVAL,
	    "options beyond the packet: EINVAL");
	buf[0] = 0x41;
	is_int(sock_send(so, "10.0.0.9", 0, buf, 20, 0, NULL, 0), EINVAL,
	    "a header length of 4: EINVAL");
	memset(&ip.ip_src, 0, 4);
	memcpy(buf, &ip, 20);
	is_int(sock_send(so, "10.0.0.9", 0, buf, 24, 0, NULL, 0), 0, "no source");
	is_str(tx(), "10.0.0.1 > 10.0.0.9 proto 99 len 4 ttl 7", "is filled in");
	is_int(sock_setint(so, IPPROTO_IP, IP_HDRINCL, 0), 0, "IP_HDRINCL 0");
	is_int(sock_send(so, "10.0.0.9", 0, buf, 4, 0, NULL, 0), 0, "sends a bare payload");
	is_str(tx(), "10.0.0.1 > 10.0.0.9 proto 255 len 4", "behind a header of ours");
	soclose(so);
}

static void
test_options(void)
{
	struct socket *so = sock(SOCK_RAW, 99, NULL);
	u_char rr[7] = {IPOPT_RR, 7, 4}, lsrr[7] = {IPOPT_LSRR, 7, 4};
	u_char bad[4] = {IPOPT_RR, 9, 4, 0};

	is_int(so_setsockopt(so, IPPROTO_IP, IP_OPTIONS, rr, 7), 0, "IP_OPTIONS: record route");
	is_int(sock_puts(so, "10.0.0.9", 0, "data"), 0, "sent");
	is_str(tx(), "10.0.0.1 > 10.0.0.9 proto 99 len 4 opt 0707040000000000", "with it");
	is_int(so_setsockopt(so, IPPROTO_IP, IP_OPTIONS, lsrr, 7), EPERM, "a source route: EPERM");
	is_int(so_setsockopt(so, IPPROTO_IP, IP_OPTIONS, bad, 4), EINVAL, "a broken one: EINVAL");
	is_int(so_setsockopt(so, IPPROTO_IP, IP_OPTIONS, rr, 0), 0, "none");
	is_int(sock_puts(so, "10.0.0.9", 0, "data"), 0, "sent");
	is_str(tx(), "10.0.0.1 > 10.0.0.9 proto 99 len 4", "without");
	soclose(so);
}

int
main(void)
{
	struct mbstat before, after;

	trace_init();
	mb_stat(&before);
	test_privilege();
	test_ping();
	test_filters();
	test_hdrincl();
	test_options();
	tx_flush();
	mb_stat(&after);
	is_int(after.mbufs_used, before.mbufs_used, "no mbuf is left over");
	return (tap_done());
}
