/*
 * tap.c - a link over a Linux TAP device (/dev/net/tun), with the virtio net header.
 *
 * The header carries what the other side left undone: a partial checksum, a TCP packet of up to
 * 64 KiB to be cut later. The kernel's own stack, a bridge and most NICs speak the same header,
 * so bulk data crosses in few and large system calls. struct link_offload is that header, byte
 * for byte, so it is read and written in place.
 *
 * Owns the descriptor and its watch. The device's own MAC address belongs to the host's end; the
 * stack has another (link->mac), so the host can talk to the stack as to any machine.
 * Called by alpined: tap_open(), if_link_attach(), tap_start().
 * tun(4) of Linux: Documentation/networking/tuntap.rst; header: virtio 1.2, 5.1.6.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kernel_glue/include/host/host.h"
#include "tapbridge/link.h"
#include "tapbridge/link_error.h"

#define TAP_DEVICE "/dev/net/tun"
#define TAP_RX_BATCH 64	  /* frames of one wake-up, so that programs get their turn too */
#define TAP_RX_IOV 8	  /* pieces of a receive buffer */
#define TAP_TX_IOV 128	  /* pieces of a frame to be sent */
#define TAP_MTU_MIN 68	  /* RFC 791 */
#define TAP_MTU_MAX 65521 /* what the device takes */

struct tap {
	struct link t_link; /* first */
	int t_fd;
	bool t_is_packet; /* a packet socket, which survives its interface's going down */
	char t_name[IFNAMSIZ];
	struct host_watch t_watch;
};

_Static_assert(sizeof(struct link_offload) == 10, "the virtio net header without num_buffers");
_Static_assert(sizeof(struct link_iov) == sizeof(struct iovec), "laid out as struct iovec");
_Static_assert(offsetof(struct link_iov, iov_len) == offsetof(struct iovec, iov_len), "likewise");

static int tap_transmit(struct link *, const struct link_iov *, int, const struct link_offload *);
static int tap_set_up(struct link *, bool);
static void tap_close(struct link *);

static const struct link_ops tap_ops = {
    .name = "tap",
    .transmit = tap_transmit,
    .set_up = tap_set_up,
    .close = tap_close,
};

/* ---- opening ---- */

static void
explain_open(struct link_error *le, int error)
{
	switch (error) {
	case ENOENT:
	case ENODEV:
	case ENXIO:
		link_error_set(le, "modprobe tun; in a container, pass " TAP_DEVICE " into it",
		    "no %s: the kernel's TUN/TAP driver is not there", TAP_DEVICE);
		break;
	case EACCES:
	case EPERM:
		link_error_set(le, "run as root, or chmod 0666 " TAP_DEVICE,
		    "no permission to open %s", TAP_DEVICE);
		break;
	default:
		link_error_set(le, "", "cannot open %s: %s", TAP_DEVICE, strerror(error));
		break;
	}
}

static void
explain_setiff(struct link_error *le, const char *name, int error)
{
	switch (error) {
	case EPERM:
		link_error_set(le, "run as root, or with CAP_NET_ADMIN in this network namespace",
		    "no permission to make a TAP%s%s", *name ? " named " : "", name);
		break;
	case EBUSY:
		link_error_set(le,
		    "choose another name with --tap, or stop the program that has it",
		    "TAP %s is in use by another program", name);
		break;
	case EINVAL:
		link_error_set(le,
		    "choose another name with --tap; `ip -d link` shows what there is",
		    "%s is not a name for a TAP, or another kind of interface has it", name);
		break;
	default:
		link_error_set(le, "", "cannot make TAP %s: %s", name, strerror(error));
		break;
	}
}

static bool
mac_is_zero(const uint8_t mac[6])
{
	static const uint8_t zero[6];

	return (memcmp(mac, zero, 6) == 0);
}

/* The stack's address: the given one, or a random locally administered one (IEEE 802, 8.2.2). */
static int
choose_mac(uint8_t to[6], const uint8_t *given, struct link_error *le)
{
	if (given != NULL && !mac_is_zero(given)) {
		if ((given[0] & 0x01) != 0) {
			link_error_set(le, "give a unicast address, as 02:00:00:00:00:01",
			    "%02x:%02x:%02x:%02x:%02x:%02x is a multicast address", given[0],
			    given[1], given[2], given[3], given[4], given[5]);
			return (-1);
		}
		memcpy(to, given, 6);
		return (0);
	}
	if (getrandom(to, 6, 0) != 6) {
		link_error_set(le, "", "no random bytes for a MAC address: %s", strerror(errno));
		return (-1);
	}
	to[0] = (uint8_t)((to[0] & 0xfc) | 0x02);
	return (0);
}

/* One of the SIOCxIF* calls on the device. */
static int
tap_if_ioctl(const struct tap *t, unsigned long cmd, struct ifreq *ifr)
{
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r, error;

	if (s < 0)
		return (-1);
	memcpy(ifr->ifr_name, t->t_name, IFNAMSIZ);
	r = ioctl(s, cmd, ifr);
	error = errno;
	close(s);
	errno = error;
	return (r);
}

static int
tap_setiff(struct tap *t, const char *name, struct link_error *le)
{
	struct ifreq ifr;

	memset(&ifr, 0, sizeof(ifr));
	memcpy(ifr.ifr_name, name, strlen(name));
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	if (ioctl(t->t_fd, TUNSETIFF, &ifr) != 0) {
		explain_setiff(le, name, errno);
		return (-1);
	}
	memcpy(t->t_name, ifr.ifr_name, IFNAMSIZ);
	t->t_name[IFNAMSIZ - 1] = '\0';
	return (0);
}

/* Header size and offloads. A kernel that refuses an offload leaves us without that capability. */
static int
tap_set_offloads(struct tap *t, struct link_error *le)
{
	int size = sizeof(struct link_offload);

	if (ioctl(t->t_fd, TUNSETVNETHDRSZ, &size) != 0) {
		link_error_set(le, "", "TAP %s: no virtio header of %d bytes: %s", t->t_name, size,
		    strerror(errno));
		return (-1);
	}
	if (ioctl(t->t_fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN) ==
	    0)
		t->t_link.caps = LINK_CAP_CSUM | LINK_CAP_TSO4 | LINK_CAP_TSO6;
	else if (ioctl(t->t_fd, TUNSETOFFLOAD, TUN_F_CSUM) == 0)
		t->t_link.caps = LINK_CAP_CSUM;
	return (0);
}

/*
 * MTU and up. A TAP that somebody prepared for a user without CAP_NET_ADMIN is good as it is, if
 * it is up and its MTU the wanted one.
 */
static int
tap_configure(struct tap *t, uint32_t mtu, struct link_error *le)
{
	struct ifreq ifr;

	memset(&ifr, 0, sizeof(ifr));
	if (tap_if_ioctl(t, SIOCGIFMTU, &ifr) != 0)
		ifr.ifr_mtu = 0;
	if (mtu == 0)
		mtu = ifr.ifr_mtu != 0 ? (uint32_t)ifr.ifr_mtu : 1500;
	t->t_link.mtu = mtu;
	if ((uint32_t)ifr.ifr_mtu != mtu) {
		ifr.ifr_mtu = (int)mtu;
		if (tap_if_ioctl(t, SIOCSIFMTU, &ifr) != 0) {
			link_error_set(le, "", "TAP %s: cannot set MTU %u: %s", t->t_name, mtu,
			    strerror(errno));
			return (-1);
		}
	}
	if (tap_if_ioctl(t, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_UP) != 0)
		return (0);
	ifr.ifr_flags |= IFF_UP;
	if (tap_if_ioctl(t, SIOCSIFFLAGS, &ifr) != 0) {
		link_error_set(le, "run as root, or `ip link set` it up before",
		    "TAP %s: cannot bring it up: %s", t->t_name, strerror(errno));
		return (-1);
	}
	return (0);
}

static int
tap_check_args(const char *name, uint32_t mtu, struct link_error *le)
{
	if (strlen(name) >= IFNAMSIZ) {
		link_error_set(le, "choose a shorter name", "TAP name %.32s is longer than %d",
		    name, IFNAMSIZ - 1);
		return (-1);
	}
	if (mtu != 0 && (mtu < TAP_MTU_MIN || mtu > TAP_MTU_MAX)) {
		link_error_set(
		    le, "", "MTU %u is not within %d..%d", mtu, TAP_MTU_MIN, TAP_MTU_MAX);
		return (-1);
	}
	return (0);
}

struct link *
tap_open(const char *name, const uint8_t mac[6], uint32_t mtu, struct link_error *le)
{
	struct tap *t;

	if (name == NULL)
		name = "";
	if (tap_check_args(name, mtu, le) != 0)
		return (NULL);
	t = calloc(1, sizeof(*t));
	if (t == NULL) {
		link_error_set(le, "", "out of memory");
		return (NULL);
	}
	t->t_link.ops = &tap_ops;
	t->t_watch.w_fd = -1;
	t->t_fd = open(TAP_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->t_fd < 0) {
		explain_open(le, errno);
		goto fail;
	}
	if (choose_mac(t->t_link.mac, mac, le) != 0 || tap_setiff(t, name, le) != 0 ||
	    tap_set_offloads(t, le) != 0 || tap_configure(t, mtu, le) != 0)
		goto fail;
	return (&t->t_link);
fail:
	tap_close(&t->t_link);
	return (NULL);
}

/* Over a descriptor that speaks the virtio header already, or can be told to. Takes it over. */
struct link *
tap_from_fd(int fd, const char *name, const uint8_t mac[6], uint32_t mtu, bool is_packet,
    struct link_error *le)
{
	struct tap *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		link_error_set(le, "", "out of memory");
		close(fd);
		return (NULL);
	}
	t->t_link.ops = &tap_ops;
	t->t_watch.w_fd = -1;
	t->t_fd = fd;
	t->t_is_packet = is_packet;
	t->t_link.mtu = mtu;
	memcpy(t->t_link.mac, mac, 6);
	snprintf(t->t_name, sizeof(t->t_name), "%s", name);
	if (is_packet)
		t->t_link.caps = LINK_CAP_CSUM | LINK_CAP_TSO4 | LINK_CAP_TSO6;
	else if (tap_set_offloads(t, le) != 0) {
		tap_close(&t->t_link);
		return (NULL);
	}
	return (&t->t_link);
}

/* The device is another now; the stack's interface stays. The old descriptor is closed. */
int
tap_replace_fd(struct link *l, int fd, const char *name)
{
	struct tap *t = (struct tap *)l;
	struct link_error le;
	bool watched = t->t_watch.w_fd >= 0;

	if (watched)
		host_watch_del(&t->t_watch);
	t->t_watch.w_fd = -1;
	if (t->t_fd >= 0)
		close(t->t_fd);
	t->t_fd = fd;
	if (name != t->t_name)
		snprintf(t->t_name, sizeof(t->t_name), "%s", name);
	if (!t->t_is_packet && tap_set_offloads(t, &le) != 0)
		return (EIO);
	return (tap_start(l));
}

const char *
tap_name(const struct link *l)
{
	return (((const struct tap *)l)->t_name);
}

static int
tap_set_up(struct link *l, bool up)
{
	l->up = up;
	return (0);
}

static void
tap_close(struct link *l)
{
	struct tap *t = (struct tap *)l;

	if (t->t_watch.w_fd >= 0)
		host_watch_del(&t->t_watch);
	if (t->t_fd >= 0)
		close(t->t_fd);
	free(t);
}

/* ---- frames ---- */

static int
tap_transmit(struct link *l, const struct link_iov *iov, int niov, const struct link_offload *off)
{
	static const struct link_offload none;
	struct tap *t = (struct tap *)l;
	struct iovec v[TAP_TX_IOV];

	if (niov >= TAP_TX_IOV) {
		l->tx_errors++;
		return (EMSGSIZE);
	}
	v[0].iov_base = (void *)(uintptr_t)(off != NULL ? off : &none);
	v[0].iov_len = sizeof(none);
	memcpy(&v[1], iov, (size_t)niov * sizeof(*iov));
	while (writev(t->t_fd, v, niov + 1) < 0) {
		if (errno == EINTR)
			continue;
		l->tx_errors++;
		return (errno == EAGAIN ? ENOBUFS : errno);
	}
	return (0);
}

/* The device went away under us: nothing will ever come, so stop asking. */
static void
tap_lost(struct tap *t, int error)
{
	char line[128];

	snprintf(line, sizeof(line), "TAP %s: %s: the link is down", t->t_name, strerror(error));
	host_log(3, line);
	host_watch_del(&t->t_watch);
	if_link_state(&t->t_link, false);
}

/* Without memory for a frame it is read away, so that the queue does not stand still. */
static bool
tap_discard(struct tap *t)
{
	char scratch[64];

	if (read(t->t_fd, scratch, sizeof(scratch)) < 0)
		return (false);
	t->t_link.rx_errors++;
	return (true);
}

/* One frame. False: no more now. */
static bool
tap_rx_one(struct tap *t)
{
	struct link_iov buf[TAP_RX_IOV];
	struct iovec v[TAP_RX_IOV + 1];
	struct link_offload off;
	ssize_t n;
	int niov;

	niov = if_link_rx_buffers(&t->t_link, buf, TAP_RX_IOV);
	if (niov <= 0)
		return (tap_discard(t));
	v[0].iov_base = &off;
	v[0].iov_len = sizeof(off);
	memcpy(&v[1], buf, (size_t)niov * sizeof(*buf));
	n = readv(t->t_fd, v, niov + 1);
	if (n < 0) {
		if (errno != EAGAIN && errno != EINTR && !(t->t_is_packet && errno == ENETDOWN))
			tap_lost(t, errno);
		return (false);
	}
	if ((size_t)n < sizeof(off)) {
		t->t_link.rx_errors++;
		return (true);
	}
	if_link_rx(&t->t_link, (size_t)n - sizeof(off), &off);
	return (true);
}

/* The watch is level-triggered: what a batch leaves brings the next wake-up at once. */
static void
tap_event(struct host_watch *w, uint32_t events)
{
	struct tap *t = w->w_arg;
	int i;

	if ((events & EPOLLERR) != 0 && (events & EPOLLIN) == 0 && !t->t_is_packet) {
		tap_lost(t, ENODEV);
		return;
	}
	for (i = 0; i < TAP_RX_BATCH; i++)
		if (!tap_rx_one(t))
			break;
}

int
tap_start(struct link *l)
{
	struct tap *t = (struct tap *)l;

	return (host_watch_add(&t->t_watch, t->t_fd, EPOLLIN, tap_event, t));
}
