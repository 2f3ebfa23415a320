/*
 * dhcp.c - `alpined IFACE dhcp`: an ordinary DHCP client gets the stack's address.
 *
 * Theory of operation. A DHCP client sends raw frames before it has an address, and uses the
 * kernel's sockets to renew. So it runs, unmodified, in a network namespace of its own
 * (dhcp_client.c), whose only interface is a TAP with the stack's Ethernet address; and that TAP's
 * other end is here. What the client sends goes to the wire as the stack's own frames do; DHCP's
 * answers and the ARP answers that come for that address are copied to it. Nothing else passes,
 * either way: to the LAN there is one host. What the client was given is told here and set on
 * the stack.
 *
 *	wire --- stack			the stack's frames
 *	   \\-- TAP --- udhcpc		DHCP (UDP ports 67, 68), ARP requests out, ARP replies in
 *
 * Owns the TAP's and the client's descriptors. Called by alpined.c. RFC 2131, dhclient(8), udhcpc.
 */
#include <errno.h>
#include <string.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "kernel_glue/include/host/host.h"
#include "rpc/alpined/dhcp.h"
#include "rpc/alpined/options.h"
#include "rpc/server/server.h"

#define FRAME_MAX 1600 /* bytes; DHCP's are below 1,500 */
#define BATCH 16
#define PATIENCE_S 12
#define ETH_HLEN 14
#define PORT_SERVER 67
#define PORT_CLIENT 68
#define IP_UDP 17
#define ARP_REQUEST 1
#define ARP_REPLY 2

static struct link *wire;
static dhcp_lease_fn *on_lease;
static link_tap_fn *on_sent;
static struct host_watch tap_watch, client_watch, patience_watch;
static bool had_lease;
static int client_tap = -1, client_fd = -1;

static unsigned
get16(const uint8_t *p)
{
	return ((unsigned)p[0] << 8 | p[1]);
}

/* The UDP header of an unfragmented IPv4 frame, or NULL. */
static uint8_t *
udp_of(uint8_t *f, size_t len)
{
	size_t hlen;

	if (len < ETH_HLEN + 20 || get16(f + 12) != 0x0800 || f[ETH_HLEN] >> 4 != 4)
		return (NULL);
	hlen = (size_t)(f[ETH_HLEN] & 15) * 4;
	if (hlen < 20 || len < ETH_HLEN + hlen + 8 || f[ETH_HLEN + 9] != IP_UDP ||
	    (get16(f + ETH_HLEN + 6) & 0x3fff) != 0)
		return (NULL);
	return (f + ETH_HLEN + hlen);
}

static bool
is_arp(const uint8_t *f, size_t len, unsigned op)
{
	return (len >= ETH_HLEN + 28 && get16(f + 12) == 0x0806 && get16(f + ETH_HLEN + 6) == op);
}

/* From the wire to the client. A sum that was left to hardware is none: 0 says so (RFC 768). */
void
dhcp_frame(const struct link_iov *iov, int niov, size_t len)
{
	uint8_t f[FRAME_MAX], *udp;
	size_t n = 0, piece;
	int i;

	if (client_tap < 0 || len > sizeof(f))
		return;
	for (i = 0; i < niov && n < len; i++) {
		piece = iov[i].iov_len < len - n ? iov[i].iov_len : len - n;
		memcpy(f + n, iov[i].iov_base, piece);
		n += piece;
	}
	if (n < ETH_HLEN || ((f[0] & 1) == 0 && memcmp(f, wire->mac, 6) != 0))
		return;
	udp = udp_of(f, n);
	if (udp != NULL && get16(udp) == PORT_SERVER && get16(udp + 2) == PORT_CLIENT)
		udp[6] = udp[7] = 0;
	else if (!is_arp(f, n, ARP_REPLY))
		return;
	if (write(client_tap, f, n) < 0) {
		/* its queue is full: as lost as on a wire */
	}
}

/* From the client to the wire. */
static void
on_tap(struct host_watch *w, uint32_t events)
{
	uint8_t f[FRAME_MAX], *udp;
	struct link_iov iov = {f, 0};
	ssize_t n;
	int i;

	(void)events;
	for (i = 0; i < BATCH; i++) {
		n = read(w->w_fd, f, sizeof(f));
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			host_watch_del(w);
		if (n <= 0)
			return;
		udp = udp_of(f, (size_t)n);
		if (!(udp != NULL && get16(udp) == PORT_CLIENT && get16(udp + 2) == PORT_SERVER) &&
		    !is_arp(f, (size_t)n, ARP_REQUEST))
			continue;
		iov.iov_len = (size_t)n;
		(void)wire->ops->transmit(wire, &iov, 1, NULL);
		on_sent(NULL, &iov, 1, iov.iov_len, true);
	}
}

static void
on_client(struct host_watch *w, uint32_t events)
{
	struct dhcp_lease lease;
	ssize_t n = recv(w->w_fd, &lease, sizeof(lease), MSG_DONTWAIT);

	(void)events;
	if (n == sizeof(lease)) {
		had_lease |= lease.have_addr;
		on_lease(&lease);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	log_line(
	    3, "the process with the DHCP client is gone: the address is not renewed any more");
	host_watch_del(w);
}

/* Once, when it takes long: whoever started us may be waiting. */
static void
on_patience(struct host_watch *w, uint32_t events)
{
	(void)events;
	host_watch_del(w);
	if (!had_lease)
		log_line(4, "no DHCP server has answered yet; still asking");
}

static void
watch_patience(void)
{
	struct itimerspec when = {.it_value.tv_sec = PATIENCE_S};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0 && timerfd_settime(fd, 0, &when, NULL) == 0)
		(void)host_watch_add(&patience_watch, fd, EPOLLIN, on_patience, NULL);
}

/* The first message: the TAP. -1 and errno. */
static int
receive_tap(int fd)
{
	char byte, room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
	ssize_t n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n == 1 ? CMSG_FIRSTHDR(&msg) : NULL;
	int tap;

	if (c == NULL || c->cmsg_type != SCM_RIGHTS) {
		errno = ECHILD;
		return (-1);
	}
	memcpy(&tap, CMSG_DATA(c), sizeof(tap));
	return (tap);
}

void
dhcp_start(struct link *l, bool verbose, dhcp_lease_fn *fn, link_tap_fn *sent)
{
	int ends[2];
	pid_t pid;

	wire = l;
	on_lease = fn;
	on_sent = sent;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		fail("", "socketpair: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		dhcp_client_main(ends[0], wire->mac, verbose);
	close(ends[0]);
	if (pid < 0)
		fail("", "cannot start a process for the DHCP client: %s", strerror(errno));
	client_fd = ends[1];
	client_tap = receive_tap(client_fd);
	if (client_tap < 0) /* it has said why */
		fail("or give an address", "no DHCP client could be started");
	if (host_watch_add(&tap_watch, client_tap, EPOLLIN, on_tap, NULL) != 0 ||
	    host_watch_add(&client_watch, client_fd, EPOLLIN, on_client, NULL) != 0)
		fail("", "cannot watch the DHCP client: %s", strerror(errno));
	watch_patience();
}

/* The client ends when the socket does. */
void
dhcp_stop(void)
{
	if (client_fd >= 0)
		close(client_fd);
	if (client_tap >= 0)
		close(client_tap);
	client_fd = client_tap = -1;
}
