/*
 * inet_pcb.c - ports and addresses: who may bind what, ephemeral ports, four-tuples, lookups, and
 * fifty thousand of them. bind(2), ip(4), RFC 6056.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/socketvar.h>
#include <sys/ucred.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/ip_var.h>
#include <netinet/udp_var.h>
#include <host/host.h>

#include "t/lib/inet_trace.h"
#include "t/lib/tap.h"

int main(void);

#define MANY 50000u

static struct socket *
udp_opt(int option)
{
	struct socket *so = sock(SOCK_DGRAM, 0, NULL);

	if (option != 0)
		sock_setint(so, SOL_SOCKET, option, 1);
	return (so);
}

static void
test_bind(void)
{
	static const struct {
		int opt1;
		const char *addr1;
		int opt2;
		const char *addr2;
		int error;
	} cases[] = {
	    {0, "0.0.0.0", 0, "0.0.0.0", EADDRINUSE},
	    {0, "0.0.0.0", 0, "10.0.0.1", EADDRINUSE},
	    {0, "10.0.0.1", 0, "0.0.0.0", EADDRINUSE},
	    {0, "10.0.0.1", 0, "127.0.0.1", 0},
	    {0, "0.0.0.0", SO_REUSEADDR, "10.0.0.1", 0},
	    {SO_REUSEADDR, "0.0.0.0", SO_REUSEADDR, "10.0.0.1", 0},
	    {SO_REUSEADDR, "0.0.0.0", SO_REUSEADDR, "0.0.0.0", EADDRINUSE},
	    {SO_REUSEADDR, "10.0.0.1", SO_REUSEADDR, "10.0.0.1", EADDRINUSE},
	    {SO_REUSEPORT, "0.0.0.0", SO_REUSEPORT, "0.0.0.0", 0},
	    {SO_REUSEPORT, "0.0.0.0", 0, "0.0.0.0", EADDRINUSE},
	    {0, "0.0.0.0", SO_REUSEPORT, "0.0.0.0", EADDRINUSE},
	    {SO_REUSEPORT_LB, "10.0.0.1", SO_REUSEPORT_LB, "10.0.0.1", 0},
	    {SO_REUSEADDR, "224.1.2.3", SO_REUSEADDR, "224.1.2.3", 0},
	    {0, "224.1.2.3", 0, "224.1.2.3", EADDRINUSE},
	};
	struct socket *a, *b;
	u_int i;

	for (i = 0; i < nitems(cases); i++) {
		a = udp_opt(cases[i].opt1);
		b = udp_opt(cases[i].opt2);
		if (sock_bind(a, cases[i].addr1, 2000) != 0)
			ok(false, "case %u: the first bind", i);
		is_int(sock_bind(b, cases[i].addr2, 2000), cases[i].error,
		    "%s (%#x), then %s (%#x)", cases[i].addr1, (u_int)cases[i].opt1, cases[i].addr2,
		    (u_int)cases[i].opt2);
		soclose(a);
		soclose(b);
	}
	a = udp_opt(0);
	is_int(sock_bind(a, "10.0.0.9", 2000), EADDRNOTAVAIL, "another host's: EADDRNOTAVAIL");
	is_int(sock_bind(a, "10.0.0.255", 2000), 0, "the broadcast address");
	is_int(sock_bind(a, "0.0.0.0", 2001), EINVAL, "bind twice: EINVAL");
	soclose(a);
}

static void
test_privileges(void)
{
	struct ucred *alice = user_cred(1000), *bob = user_cred(1001);
	struct socket *a = sock(SOCK_DGRAM, 0, alice), *b = sock(SOCK_DGRAM, 0, bob);

	is_int(sock_bind(a, "0.0.0.0", 53), EACCES, "a reserved port: EACCES");
	alice->cr_privs = CRP_NET_BIND;
	is_int(sock_bind(a, "0.0.0.0", 53), 0, "unless it is granted");
	soclose(a);
	a = sock(SOCK_DGRAM, 0, alice);
	sock_setint(a, SOL_SOCKET, SO_REUSEPORT, 1);
	sock_setint(b, SOL_SOCKET, SO_REUSEPORT, 1);
	is_int(sock_bind(a, "0.0.0.0", 2000), 0, "alice has a port");
	is_int(sock_bind(b, "0.0.0.0", 2000), EADDRINUSE, "bob cannot share it");
	is_int(sock_bind(b, "10.0.0.1", 2000), EADDRINUSE, "nor take it for an address");
	sock_setint(a, SOL_SOCKET, SO_REUSEADDR, 1);
	is_int(sock_bind(b, "0.0.0.0", 2000), EADDRINUSE, "nor if only alice asks for all");
	sock_setint(b, SOL_SOCKET, SO_REUSEADDR, 1);
	is_int(sock_bind(b, "10.0.0.1", 2000), EADDRINUSE, "nor for an address if both do");
	is_int(sock_bind(b, "0.0.0.0", 2000), 0, "SO_REUSEADDR and SO_REUSEPORT of both: shared");
	soclose(a);
	soclose(b);
	crfree(alice);
	crfree(bob);
}

static u_int
port_of(struct socket *so)
{
	return (ntohs(sotoinpcb(so)->inp_lport));
}

static void
test_ephemeral(void)
{
	struct socket *so[20];
	u_int i, j, ordered = 0;
	bool range = true, unique = true;

	for (i = 0; i < 20; i++) {
		so[i] = udp_opt(0);
		(void)sock_bind(so[i], "0.0.0.0", 0);
		range = range && port_of(so[i]) >= 10000;
		for (j = 0; j < i; j++)
			unique = unique && port_of(so[i]) != port_of(so[j]);
		ordered += i > 0 && port_of(so[i]) == port_of(so[i - 1]) + 1;
	}
	ok(range && unique, "ephemeral ports: 10000 and up, all different");
	ok(ordered < 5, "not in a row");
	for (i = 0; i < 20; i++)
		soclose(so[i]);
	so[0] = udp_opt(0);
	sock_setint(so[0], IPPROTO_IP, IP_PORTRANGE, IP_PORTRANGE_HIGH);
	(void)sock_bind(so[0], "0.0.0.0", 0);
	ok(port_of(so[0]) >= 49152, "IP_PORTRANGE_HIGH: 49152 and up");
	soclose(so[0]);
	so[0] = udp_opt(0);
	sock_setint(so[0], IPPROTO_IP, IP_PORTRANGE, IP_PORTRANGE_LOW);
	(void)sock_bind(so[0], "0.0.0.0", 0);
	ok(port_of(so[0]) >= 600 && port_of(so[0]) <= 1023, "IP_PORTRANGE_LOW: 600 to 1023");
	soclose(so[0]);
}

static void
test_exhausted(void)
{
	struct socket *so[5], *c;
	u_int i;

	trace_sysctl("net.inet.ip.portrange.first", 20000);
	trace_sysctl("net.inet.ip.portrange.last", 20003);
	for (i = 0; i < 5; i++)
		so[i] = udp_opt(0);
	for (i = 0; i < 4; i++)
		is_int(sock_bind(so[i], "0.0.0.0", 0), 0, "port %u of a range of 4", i + 1);
	is_int(sock_bind(so[4], "0.0.0.0", 0), EADDRINUSE, "a fifth: EADDRINUSE");
	is_int(sock_connect(so[4], "10.0.0.2", 53), EADDRNOTAVAIL,
	    "nor does connect share a port that somebody waits on: EADDRNOTAVAIL");
	for (i = 0; i < 4; i++)
		soclose(so[i]);
	/* four connections to each of two peers, over the same four ports */
	for (i = 0; i < 4; i++) {
		so[i] = udp_opt(0);
		is_int(sock_connect(so[i], "10.0.0.2", 53), 0, "connection %u to one peer", i + 1);
	}
	c = udp_opt(0);
	is_int(sock_connect(c, "10.0.0.2", 53), EADDRNOTAVAIL, "a fifth: EADDRNOTAVAIL");
	is_int(sock_connect(c, "10.0.0.3", 53), 0, "but to another peer");
	is_int(sock_connect(so[4], "10.0.0.2", 54), 0, "or another port of it");
	soclose(c);
	for (i = 0; i < 5; i++)
		soclose(so[i]);
	trace_sysctl("net.inet.ip.portrange.first", 10000);
	trace_sysctl("net.inet.ip.portrange.last", 65535);
}

static void
test_connect(void)
{
	struct socket *a = udp_opt(SO_REUSEADDR), *b = udp_opt(SO_REUSEADDR);

	sock_bind(a, "10.0.0.1", 2000);
	is_int(sock_connect(a, "10.0.0.2", 53), 0, "10.0.0.1:2000 > 10.0.0.2:53");
	is_int(sock_bind(b, "10.0.0.1", 2000), 0, "the same address for another");
	is_int(sock_connect(b, "10.0.0.2", 53), EADDRINUSE, "the same four: EADDRINUSE");
	is_int(sock_connect(b, "10.0.0.2", 54), 0, "another remote port");
	soclose(a);
	soclose(b);
	a = udp_opt(0);
	is_int(sock_connect(a, "10.0.0.2", 0), EADDRNOTAVAIL, "port 0: EADDRNOTAVAIL");
	is_int(sock_connect(a, "0.0.0.0", 53), 0, "0.0.0.0 is this host");
	ok(in_localip(sotoinpcb(a)->inp_faddr) &&
		sotoinpcb(a)->inp_faddr.s_addr == sotoinpcb(a)->inp_laddr.s_addr,
	    "both ends are ours");
	soclose(a);
}

static void
test_balance(void)
{
	struct socket *so[4];
	struct inpcb *inp, *again;
	u_int hits[4] = {0}, i, port, same = 0;
	const struct in_addr faddr = addr("10.0.0.2"), laddr = addr("10.0.0.1");

	for (i = 0; i < 4; i++) {
		so[i] = udp_opt(SO_REUSEPORT_LB);
		sock_bind(so[i], "0.0.0.0", 2000);
	}
	for (port = 1; port <= 1000; port++) {
		inp = in_pcblookup(
		    &V_udbinfo, faddr, htons(port), laddr, htons(2000), INPLOOKUP_WILDCARD, NULL);
		again = in_pcblookup(
		    &V_udbinfo, faddr, htons(port), laddr, htons(2000), INPLOOKUP_WILDCARD, NULL);
		same += inp == again;
		for (i = 0; i < 4; i++)
			hits[i] += inp == sotoinpcb(so[i]);
	}
	is_int(same, 1000, "SO_REUSEPORT_LB: a flow stays with its socket");
	for (i = 0; i < 4; i++)
		ok(hits[i] > 180 && hits[i] < 320, "socket %u of 4 has its share of 1000: %u", i,
		    hits[i]);
	for (i = 0; i < 4; i++)
		soclose(so[i]);
}

/* Each notified pcb takes down its neighbour in the list, or itself. */
static struct socket *victims[100];
static u_int notified;

static struct inpcb *
close_another(struct inpcb *inp, int errnum __unused)
{
	u_int i;

	notified++;
	for (i = 0; i < nitems(victims); i++)
		if (victims[i] != NULL && sotoinpcb(victims[i]) != NULL &&
		    (sotoinpcb(victims[i]) == LIST_NEXT(inp, inp_list) ||
			(notified % 3 == 0 && sotoinpcb(victims[i]) == inp))) {
			struct socket *so = victims[i];

			victims[i] = NULL;
			soclose(so);
			return (NULL);
		}
	return (inp);
}

static void
test_notify(void)
{
	u_int i, left = 0;

	for (i = 0; i < nitems(victims); i++) {
		victims[i] = udp_opt(0);
		sock_connect(victims[i], "10.0.0.2", 1 + i);
	}
	in_pcbnotifyall(&V_udbinfo, addr("10.0.0.2"), ECONNREFUSED, close_another);
	for (i = 0; i < nitems(victims); i++)
		left += victims[i] != NULL;
	ok(notified >= 40 && left < 100, "%u notified while they closed each other, %u are left",
	    notified, left);
	for (i = 0; i < nitems(victims); i++)
		if (victims[i] != NULL)
			soclose(victims[i]);
	is_int(V_udbinfo.ipi_count, 0, "none is left over");
}

static uint64_t
now_us(void)
{
	return (host_clock_real.monotonic_ns(host_clock_real.arg) / 1000);
}

/* In real time, with room for slow machines and sanitizers: a quadratic step would take minutes. */
static void
test_many(void)
{
	static struct socket *so[MANY];
	const struct in_addr laddr = addr("10.0.0.1"), faddr = addr("10.0.0.2");
	uint64_t start = now_us(), took;
	struct socket *extra;
	u_int i, found = 0;
	int error = 0;

	for (i = 0; i < MANY; i++) {
		so[i] = udp_opt(SO_REUSEADDR);
		error |= sock_connect(so[i], "10.0.0.2", 1 + i % 60000);
	}
	took = now_us() - start;
	ok(error == 0 && took < 20000000, "%u connected sockets in %u ms", MANY,
	    (u_int)(took / 1000));
	start = now_us();
	for (i = 0; i < MANY; i++)
		found += in_pcblookup(&V_udbinfo, faddr, sotoinpcb(so[i])->inp_fport, laddr,
			     sotoinpcb(so[i])->inp_lport, 0, NULL) == sotoinpcb(so[i]);
	took = now_us() - start;
	is_int(found, MANY, "each is found");
	ok(took < 5000000, "in %u ms", (u_int)(took / 1000));
	start = now_us();
	extra = udp_opt(0);
	is_int(sock_bind(extra, "0.0.0.0", 0), 0, "a free port is found among them");
	ok(now_us() - start < 2000000, "soon");
	soclose(extra);
	start = now_us();
	for (i = 0; i < MANY; i++)
		soclose(so[i]);
	took = now_us() - start;
	ok(took < 20000000, "all closed in %u ms", (u_int)(took / 1000));
	is_int(V_udbinfo.ipi_count, 0, "none is left over");
}

/* Not FreeBSD's: a host's own name is 127.0.1.1 in many an /etc/hosts. */
static void
test_loopback_net(void)
{
	struct socket *a = udp_opt(0), *b = udp_opt(0), *any = udp_opt(0), *tcp;
	struct in_addr src = addr("127.9.9.9");

	is_int(sock_bind(a, "127.0.1.1", 2000), 0, "127.0.1.1 can be bound");
	is_int(sock_bind(b, "127.0.1.2", 2000), 0, "the same port on another");
	is_int(sock_bind(any, "0.0.0.0", 2001), 0, "one on any address");
	is_int(sock_send(b, "127.0.1.1", 2000, "x", 1, 0, NULL, 0), 0, "they talk");
	is_str(sock_gets(a), "127.0.1.2:2000 x", "the datagram comes");
	is_str(sock_gets(b), "", "to nobody else");
	is_int(sock_send(b, "127.3.2.1", 2001, "y", 1, 0, NULL, 0), 0, "127.3.2.1 is nobody's");
	is_str(sock_gets(any), "127.0.1.2:2000 y", "it reaches who listens everywhere");
	is_int(sock_send(any, "127.0.1.1", 2000, "z", 1, IP_SENDSRCADDR, &src, 4), 0,
	    "127.9.9.9 as IP_SENDSRCADDR");
	is_str(sock_gets(a), "127.9.9.9:2001 z", "it comes");
	is_int(sock_connect(any, "127.0.1.1", 2000), 0, "connect to 127.0.1.1");
	ok(sotoinpcb(any)->inp_laddr.s_addr == addr("127.0.0.1").s_addr,
	    "from 127.0.0.1, as Linux does");
	is_int(tx_count(), 0, "none of it goes by the wire");
	is_int(sock_send(b, "10.0.0.9", 2000, "x", 1, 0, NULL, 0), EADDRNOTAVAIL,
	    "127.0.1.2 does not leave the host");
	tcp = sock(SOCK_RAW, IPPROTO_TCP, NULL);
	is_int(sock_bind(tcp, "127.4.4.4", 0), 0, "a raw socket");
	soclose(tcp);
	tcp = sock(SOCK_STREAM, 0, NULL);
	is_int(sock_bind(tcp, "127.4.4.4", 2000), 0, "a stream");
	soclose(tcp);
	soclose(a);
	a = udp_opt(0);
	trace_sysctl("net.inet.ip.loopback_net", 0);
	is_int(sock_bind(a, "127.0.1.1", 2000), EADDRNOTAVAIL, "loopback_net 0: EADDRNOTAVAIL");
	is_int(sock_bind(a, "127.0.0.1", 2000), 0, "127.0.0.1 is lo0's in either way");
	is_int(sock_send(a, "127.0.1.1", 2000, "x", 1, 0, NULL, 0), EHOSTUNREACH,
	    "127.0.1.1 is not reached");
	trace_sysctl("net.inet.ip.loopback_net", 1);
	soclose(a);
	soclose(b);
	soclose(any);
}

int
main(void)
{
	trace_init();
	test_bind();
	test_loopback_net();
	test_privileges();
	test_ephemeral();
	test_exhausted();
	test_connect();
	test_balance();
	test_notify();
	test_many();
	return (tap_done());
}
