/*
 * mirror.c - packet sockets: tcpdump, nmap, hping3, arping on the stack.
 *
 * Theory of operation. Packet sockets (AF_PACKET, libpcap) and their rings are the kernel's, and
 * stay so. alpine-run makes a TAP in the namespace, named like the stack's interface, and gives its
 * descriptor to alpined. While a program there has made a packet socket, every frame that the
 * stack's interface sends or receives is written to that TAP as well: the namespace's kernel shows
 * it to the packet sockets, and then drops it, because the device has another Ethernet address than
 * the stack. A frame that comes out of the TAP goes to the stack's wire if the stack's Ethernet
 * address is its source: a program made it. Whatever the namespace's kernel itself sends from
 * there bears the device's address, and goes nowhere: there is no way out. Large frames are shown
 * before they are cut, with checksums not yet filled in, as on a Linux interface with offloads.
 *
 * Owns the list of mirrors and their descriptors. Called by server.c (requests) and alpined.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kernel_glue/include/host/host.h"
#include "rpc/server/closer.h"
#include "rpc/server/mirror.h"

#define BATCH 64	  /* frames of one wake-up */
#define ETHER_HEADER 14	  /* bytes */
#define ETHER_SOURCE_AT 6 /* where the source's address is */

struct mirror {
	struct host_watch m_watch;
	int m_fd;
	bool m_watched;
	unsigned m_users; /* programs that have made a packet socket */
	LIST_ENTRY(mirror) m_link;
};

static LIST_HEAD(, mirror) mirrors = LIST_HEAD_INITIALIZER(mirrors);
static unsigned active;		 /* mirrors with users */
static struct mirror *injecting; /* it has shown the frame that is being sent */
static struct link *stack_wire;
static link_tap_fn *also_seen_by;
static void *also_arg;

/*
 * The device's descriptor is its launcher's, too, who may make it one that waits; RWF_NOWAIT is
 * ours alone (tun(4) knows it since Linux 5.11).
 */
static ssize_t
device_read(int fd, void *frame, size_t size)
{
	const struct iovec iov = {frame, size};
	ssize_t n = preadv2(fd, &iov, 1, -1, RWF_NOWAIT);

	return (n < 0 && errno == EOPNOTSUPP ? read(fd, frame, size) : n);
}

static void
device_write(int fd, const struct link_iov *iov, int niov)
{
	const struct iovec *v = (const struct iovec *)iov;

	if (pwritev2(fd, v, niov, -1, RWF_NOWAIT) < 0 && errno == EOPNOTSUPP)
		(void)!writev(fd, v, niov); /* full: lost */
}

static void
frame_seen(void *arg, const struct link_iov *iov, int niov, size_t len, bool outward)
{
	struct mirror *m;

	(void)arg;
	if (also_seen_by != NULL)
		also_seen_by(also_arg, iov, niov, len, outward);
	if (active == 0)
		return;
	LIST_FOREACH (m, &mirrors, m_link)
		if (m->m_users > 0 && m != injecting)
			device_write(m->m_fd, iov, niov);
}

static void
device_ready(struct host_watch *w, uint32_t events)
{
	static unsigned char frame[LINK_FRAME_MAX];
	struct mirror *m = w->w_arg;
	ssize_t n = 0;
	int i;

	(void)events;
	for (i = 0; i < BATCH && (n = device_read(m->m_fd, frame, sizeof(frame))) > 0; i++) {
		if (m->m_users == 0 || n < ETHER_HEADER ||
		    memcmp(frame + ETHER_SOURCE_AT, stack_wire->mac, sizeof(stack_wire->mac)) != 0)
			continue;
		injecting = m;
		(void)if_link_send(stack_wire, frame, (size_t)n);
		injecting = NULL;
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR) { /* the device is gone */
		host_watch_del(&m->m_watch);
		m->m_watched = false;
	}
}

void
mirror_start(struct link *wire, link_tap_fn *also, void *arg)
{
	stack_wire = wire;
	also_seen_by = also;
	also_arg = arg;
	if_link_set_tap(wire, also != NULL ? frame_seen : NULL, NULL);
}

static int
check_device(int fd)
{
	struct ifreq ifr;
	int flags = fcntl(fd, F_GETFL);

	if (stack_wire == NULL)
		return (ENXIO);
	if (flags < 0 || ioctl(fd, TUNGETIFF, &ifr) != 0)
		return (errno);
	if ((ifr.ifr_flags & (IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)) != (IFF_TAP | IFF_NO_PI))
		return (EINVAL);
	return (fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 ? 0 : errno);
}

struct mirror *
mirror_make(int fd)
{
	struct mirror *m = calloc(1, sizeof(*m));
	int error = m == NULL ? ENOMEM : check_device(fd);

	if (error == 0)
		error = host_watch_add(&m->m_watch, fd, EPOLLIN, device_ready, m);
	if (error != 0) {
		free(m);
		closer_close(fd, CLOSER_OURS);
		errno = error;
		return (NULL);
	}
	m->m_fd = fd;
	m->m_watched = true;
	LIST_INSERT_HEAD(&mirrors, m, m_link);
	return (m);
}

void
mirror_use(struct mirror *m, bool more)
{
	if (m == NULL)
		return;
	if (more && m->m_users++ == 0)
		active++;
	else if (!more && --m->m_users == 0)
		active--;
	if (also_seen_by == NULL)
		if_link_set_tap(stack_wire, active > 0 ? frame_seen : NULL, NULL);
}

void
mirror_free(struct mirror *m)
{
	if (m == NULL)
		return;
	if (m->m_users > 0) {
		m->m_users = 1;
		mirror_use(m, false);
	}
	if (m->m_watched)
		host_watch_del(&m->m_watch);
	closer_close(m->m_fd, CLOSER_OURS); /* the kernel takes its time to remove a device */
	LIST_REMOVE(m, m_link);
	free(m);
}
