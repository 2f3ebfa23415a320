/*
 * fuzz_frame.c - any Ethernet frames to a host with UDP, raw and TCP sockets: ARP, IP and its
 * options, reassembly, ICMP, UDP. Nothing may be left of them in the end but what a bound allows
 * and a time-out takes.
 * Input: frames, each a byte (how to help it along), 2 bytes of length, and that many bytes.
 */
#include <sys/param.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/proc.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/systm.h>
#include <sys/uio.h>
#include <net/ethernet.h>
#include <net/if_var.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>

#include <host/host.h>

#include "t/fuzz/fuzz.h"
#include "t/lib/fakeif.h"
#include "t/lib/testbed.h"

#define FRAME_MAX 1514
/* how */
#define H_TOUS 0x01   /* our MAC as the destination */
#define H_IPADDR 0x02 /* from 10.0.0.2 to us */
#define H_IPSUM 0x04  /* a right IP header checksum */
#define H_L4SUM 0x08  /* ... and the one of ICMP; of UDP none */
#define H_LATER 0x10  /* some seconds before it */

static struct ifnet *ifp;
static struct socket *udp, *raw;
static struct mbstat base;

static struct socket *
make_socket(int type, int proto, uint16_t port)
{
	struct sockaddr_in sin = {.sin_len = sizeof(sin), .sin_family = AF_INET};
	struct socket *so;

	sin.sin_port = htons(port);
	if (socreate(AF_INET, &so, type, proto, curthread->td_ucred, curthread) != 0 ||
	    (port != 0 && sobind(so, (struct sockaddr *)&sin, curthread) != 0))
		panic("no socket");
	return (so);
}

static void
start(void)
{
	host_random_seed(1);
	host_clock_virtual(1000000000u);
	kern_boot();
	ifp = fakeif_create("fake", 0);
	if (in_aifaddr(ifp, ip4("10.0.0.1"), 24) != 0)
		panic("no address");
	fakeif_sleep(5000);
	udp = make_socket(SOCK_DGRAM, 0, 7);
	raw = make_socket(SOCK_RAW, IPPROTO_ICMP, 0);
	while (fakeif_txcount(ifp) > 0)
		(void)fakeif_tx(ifp);
	mb_stat(&base);
}

static uint16_t
sum16(const uint8_t *p, size_t n)
{
	uint32_t s = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		s += (uint32_t)p[i] << 8 | p[i + 1];
	if (n % 2 != 0)
		s += (uint32_t)p[n - 1] << 8;
	s = (s & 0xffff) + (s >> 16);
	return ((uint16_t) ~(s + (s >> 16)));
}

static void
put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void
help_ip(uint8_t *ip, size_t n, uint32_t how)
{
	static const uint8_t addrs[8] = {10, 0, 0, 2, 10, 0, 0, 1};
	size_t hl;

	if (n < sizeof(struct ip))
		return;
	if ((how & H_IPADDR) != 0)
		memcpy(ip + 12, addrs, sizeof(addrs));
	hl = (size_t)(ip[0] & 15) * 4;
	if (hl < sizeof(struct ip) || hl > n)
		return;
	if ((how & H_IPSUM) != 0) {
		put16(ip + 10, 0);
		put16(ip + 10, sum16(ip, hl));
	}
	if ((how & H_L4SUM) == 0 || n < hl + 8)
		return;
	if (ip[9] == IPPROTO_ICMP) {
		put16(ip + hl + 2, 0);
		put16(ip + hl + 2, sum16(ip + hl, n - hl));
	} else if (ip[9] == IPPROTO_UDP)
		put16(ip + hl + 6, 0);
}

static void
one_frame(struct fuzz_input *in)
{
	static const uint8_t mac[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	const uint32_t how = fuzz_take(in, 1);
	uint8_t frame[FRAME_MAX];
	const uint8_t *p;
	size_t n;

	p = fuzz_take_bytes(in, fuzz_take(in, 2) % (FRAME_MAX + 1), &n);
	memcpy(frame, p, n);
	if (n < ETHER_HDR_LEN)
		return;
	if ((how & H_TOUS) != 0)
		memcpy(frame, mac, sizeof(mac));
	if (frame[12] == 8 && frame[13] == 0)
		help_ip(frame + ETHER_HDR_LEN, n - ETHER_HDR_LEN, how);
	if ((how & H_LATER) != 0)
		fakeif_sleep(7000);
	fakeif_rx(ifp, frame, n);
	fakeif_sleep(1);
}

/* What programs would do: read, and so free, what was for them; empty datagrams, too. */
static void
drain(struct socket *so)
{
	struct sockaddr *sa = NULL;
	struct mbuf *m, *control;
	struct uio uio;
	int flags;

	for (;;) {
		memset(&uio, 0, sizeof(uio));
		uio.uio_resid = 1000000;
		m = control = NULL;
		flags = MSG_DONTWAIT;
		if (soreceive(so, &sa, &uio, &m, &control, &flags) != 0)
			return;
		free(sa, M_SONAME);
		m_freem(m);
		m_freem(control);
	}
}

int
FUZZ_TARGET(frame)(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct mbstat now;

	if (ifp == NULL)
		start();
	for (int i = 0; i < 64 && in.left > 0; i++)
		one_frame(&in);
	fakeif_sleep(100);
	drain(udp);
	drain(raw);
	fakeif_sleep(60 * 1000); /* reassembly and ARP give up */
	while (fakeif_txcount(ifp) > 0)
		(void)fakeif_tx(ifp);
	mb_stat(&now);
	if (now.mbufs_used > base.mbufs_used)
		panic("%lu mbufs left", (u_long)(now.mbufs_used - base.mbufs_used));
	return (0);
}
