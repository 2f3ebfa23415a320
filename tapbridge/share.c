/*
 * share.c - frames from an interface that the host goes on using: a macvtap above it, or a packet
 * socket on it. Both speak the TAP's virtio header, so tap.c does the rest.
 *
 * The macvtap's character device is named by sysfs. Its node is made in a tmpfs that nobody sees
 * and sysfs is mounted for the namespace that we are in: so it works in network namespaces and
 * containers, and leaves nothing in the file system. Both need CAP_SYS_ADMIN; where a node
 * /dev/tapN is there, that is taken.
 * The packet socket takes, in the kernel (BPF), frames for the stack's Ethernet address or a
 * group's that are ARP about its IP address or IP to it; none that the host sends, none of a VLAN.
 *
 * Host world; called by attach/attach.c. Keeps nothing. packet(7), bpf(4).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/mount.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tapbridge/link.h"
#include "tapbridge/link_error.h"

#define PACKET_RCVBUF_BYTES (8 * 1024 * 1024)

/* ---- macvtap ---- */

/* A file system of that type, mounted nowhere: a descriptor of its root. */
static int
detached_mount(const char *type)
{
	int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC), fd = -1, error;

	if (fs < 0)
		return (-1);
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	error = errno;
	close(fs);
	errno = error;
	return (fd);
}

static int
device_number(const char *name, int ifindex, dev_t *dev)
{
	int sys = detached_mount("sysfs"), fd, error;
	unsigned major_no, minor_no;
	char path[128], text[32];
	ssize_t n = -1;

	if (sys < 0)
		return (-1);
	snprintf(path, sizeof(path), "class/net/%.15s/macvtap/tap%d/dev", name, ifindex);
	fd = openat(sys, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, text, sizeof(text) - 1);
	error = errno;
	if (fd >= 0)
		close(fd);
	close(sys);
	errno = error;
	if (n <= 0)
		return (-1);
	text[n] = '\0';
	if (sscanf(text, "%u:%u", &major_no, &minor_no) != 2) {
		errno = EINVAL;
		return (-1);
	}
	*dev = makedev(major_no, minor_no);
	return (0);
}

static int
open_by_number(dev_t dev)
{
	int dir = detached_mount("tmpfs"), fd = -1, error;

	if (dir < 0)
		return (-1);
	if (mknodat(dir, "tap", S_IFCHR | 0600, dev) == 0)
		fd = openat(dir, "tap", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	error = errno;
	close(dir);
	errno = error;
	return (fd);
}

int
share_open_macvtap(const char *name, int ifindex, struct link_error *le)
{
	char path[32];
	dev_t dev;
	int fd = -1;

	if (device_number(name, ifindex, &dev) == 0)
		fd = open_by_number(dev);
	if (fd < 0 && (errno == EPERM || errno == EACCES || errno == ENOSYS)) {
		snprintf(path, sizeof(path), "/dev/tap%d", ifindex);
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	}
	if (fd < 0)
		link_error_set(le,
		    "run as root: in a user namespace there are no device nodes; or --attach "
		    "packet",
		    "cannot open the device of macvtap %s: %s", name, strerror(errno));
	return (fd);
}

/* ---- packet ---- */

#define ETH_TYPE 12
#define ARP_SPA 28 /* from the frame's first byte, Ethernet and IPv4: RFC 826 */
#define ARP_TPA 38
#define IP_DST 30

struct program {
	struct sock_filter code[48];
	unsigned n;
};

static void
op(struct program *p, uint16_t code, uint32_t k)
{
	p->code[p->n++] = (struct sock_filter)BPF_STMT(code, k);
}

/* Jumps: to the instruction `t` or `f` after the next. */
static void
branch(struct program *p, uint32_t k, uint8_t t, uint8_t f)
{
	p->code[p->n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, t, f);
}

/* The accumulator equals k: accept. */
static void
accept_if(struct program *p, uint32_t k)
{
	branch(p, k, 0, 1);
	op(p, BPF_RET | BPF_K, UINT32_MAX);
}

static void
drop_unless(struct program *p, uint32_t k)
{
	branch(p, k, 1, 0);
	op(p, BPF_RET | BPF_K, 0);
}

static void
build_filter(struct program *p, const uint8_t mac[6], const uint8_t addr[4], int prefix)
{
	uint32_t ip =
	    (uint32_t)addr[0] << 24 | (uint32_t)addr[1] << 16 | (uint32_t)addr[2] << 8 | addr[3];
	uint32_t hosts = prefix >= 31 ? 0 : UINT32_MAX >> prefix;

	op(p, BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT));
	drop_unless(p, 0);
	/* a group's address, or ours */
	op(p, BPF_LD | BPF_B | BPF_ABS, 0);
	op(p, BPF_ALU | BPF_AND | BPF_K, 1);
	branch(p, 1, 6, 0);
	op(p, BPF_LD | BPF_W | BPF_ABS, 0);
	drop_unless(
	    p, (uint32_t)mac[0] << 24 | (uint32_t)mac[1] << 16 | (uint32_t)mac[2] << 8 | mac[3]);
	op(p, BPF_LD | BPF_H | BPF_ABS, 4);
	drop_unless(p, (uint32_t)mac[4] << 8 | mac[5]);
	op(p, BPF_LD | BPF_H | BPF_ABS, ETH_TYPE);
	branch(p, ETH_P_IP, 9, 0);
	drop_unless(p, ETH_P_ARP);
	op(p, BPF_LD | BPF_W | BPF_ABS, ARP_TPA); /* for us, from us (a conflict) */
	accept_if(p, ip);
	op(p, BPF_LD | BPF_W | BPF_ABS, ARP_SPA);
	accept_if(p, ip);
	op(p, BPF_RET | BPF_K, 0);
	/* IP: to us, to all, to our network's all, to groups */
	op(p, BPF_LD | BPF_W | BPF_ABS, IP_DST);
	accept_if(p, ip);
	accept_if(p, UINT32_MAX);
	if (hosts == 0)
		hosts = UINT32_MAX & ~ip; /* there is no such address: nothing more */
	accept_if(p, ip | hosts);
	op(p, BPF_ALU | BPF_AND | BPF_K, 0xf0000000u);
	accept_if(p, 0xe0000000u);
	op(p, BPF_RET | BPF_K, 0);
}

static int
set_up_packet(int fd, int ifindex, const uint8_t mac[6], const uint8_t addr[4], int prefix)
{
	struct program p = {.n = 0};
	struct sock_fprog prog;
	struct packet_mreq mreq = {
	    .mr_ifindex = ifindex, .mr_type = PACKET_MR_UNICAST, .mr_alen = 6};
	struct ifreq ifr = {.ifr_ifindex = 0};
	struct sockaddr_ll sll = {
	    .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = ifindex};
	int on = 1, size = PACKET_RCVBUF_BYTES;

	build_filter(&p, mac, addr, prefix);
	prog.len = (unsigned short)p.n;
	prog.filter = p.code;
	memcpy(mreq.mr_address, mac, 6);
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) != 0)
		return (-1);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	/* an address that is not the interface's must be let through; many a NIC is promiscuous
	 * then */
	if (if_indextoname((unsigned)ifindex, ifr.ifr_name) == NULL ||
	    ioctl(fd, SIOCGIFHWADDR, &ifr) != 0 || memcmp(ifr.ifr_hwaddr.sa_data, mac, 6) != 0)
		(void)setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mreq, sizeof(mreq));
	return (bind(fd, (struct sockaddr *)&sll, sizeof(sll)));
}

int
share_open_packet(const char *iface, const uint8_t mac[6], const uint8_t addr[4], int prefix,
    struct link_error *le)
{
	int ifindex = (int)if_nametoindex(iface);
	/* protocol 0: nothing comes before the filter is there */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && ifindex != 0 && set_up_packet(fd, ifindex, mac, addr, prefix) == 0)
		return (fd);
	link_error_set(le, errno == EPERM ? "run as root, or with CAP_NET_RAW" : "",
	    "packet socket on %s: %s", iface, strerror(errno));
	if (fd >= 0)
		close(fd);
	return (-1);
}
