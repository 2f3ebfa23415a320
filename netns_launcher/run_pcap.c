/*
 * run_pcap.c - alpine-run --pcap: what the stack's interface carries while PROGRAM runs, in a file.
 *
 * The frames come by a packet socket on the device of the namespace, where alpined shows them
 * (RPC_CAPTURE, rpc/server/mirror.c). What the namespace's kernel itself would send there goes
 * nowhere and is left out. Owns that socket and the file. Called by alpine_run.c; the socket is
 * made in the child, by run_pcap_socket(). Format: pcap-savefile(5), with nanoseconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "netns_launcher/run.h"

#define MAGIC_NS 0xa1b23c4d
#define LINKTYPE_ETHERNET 1
#define FRAME_MAX 65600		/* bytes: a packet of 64 KiB that is not cut yet */
#define SOCKET_BUFFER (8 << 20) /* bytes */
#define QUIET_MS 100		/* at the end: nothing came for so long, */
#define QUIET_TRIES 10		/* or so many times something did */
#define SOURCE_AT ETH_ALEN	/* where a frame has its source's address */

struct file_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t zone, sigfigs, snaplen, linktype;
};
struct frame_header {
	uint32_t sec, nsec, caplen, len;
};
_Static_assert(sizeof(struct file_header) == 24 && sizeof(struct frame_header) == 16, "on disk");

static FILE *file;
static const char *file_name;
static int sock = -1;
static struct sockaddr_ll device; /* with its own Ethernet address */

static void
give_up(void)
{
	run_warn("--pcap %s: %s: what follows is not in it", file_name, strerror(errno));
	fclose(file);
	file = NULL;
}

int
run_pcap_open(const char *path, char *why, size_t whysize)
{
	const struct file_header h = {.magic = MAGIC_NS,
	    .major = 2,
	    .minor = 4,
	    .snaplen = FRAME_MAX,
	    .linktype = LINKTYPE_ETHERNET};

	file_name = path;
	file = fopen(path, "we");
	if (file == NULL || fwrite(&h, sizeof(h), 1, file) != 1 || fflush(file) != 0) {
		snprintf(why, whysize, "--pcap %s: %s; name a file that you may write", path,
		    strerror(errno));
		return -1;
	}
	return 0;
}

int
run_pcap_socket(const char *ifname)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	const int bytes = SOCKET_BUFFER, one = 1;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	to.sll_ifindex = (int)if_nametoindex(ifname);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) != 0 ||
	    to.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

int
run_pcap_start(int fd)
{
	socklen_t len = sizeof(device);

	sock = fd;
	return getsockname(fd, (struct sockaddr *)&device, &len) == 0 ? fd : -1;
}

static struct timespec
stamp(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	struct timespec ts;

	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS)
		memcpy(&ts, CMSG_DATA(c), sizeof(ts));
	else
		clock_gettime(CLOCK_REALTIME, &ts);
	return ts;
}

/* False: there is no more. */
static bool
one_frame(void)
{
	static unsigned char frame[FRAME_MAX];
	union {
		char bytes[CMSG_SPACE(sizeof(struct timespec))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {frame, sizeof(frame)};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = &control,
	    .msg_controllen = sizeof(control)};
	struct frame_header h;
	struct timespec ts;
	ssize_t n = recvmsg(sock, &msg, MSG_TRUNC);

	if (n < 0)
		return errno == EINTR;
	if (n < ETH_HLEN || memcmp(frame + SOURCE_AT, device.sll_addr, ETH_ALEN) == 0)
		return true;
	ts = stamp(&msg);
	h.sec = (uint32_t)ts.tv_sec;
	h.nsec = (uint32_t)ts.tv_nsec;
	h.len = (uint32_t)n;
	h.caplen = h.len < FRAME_MAX ? h.len : FRAME_MAX;
	if (fwrite(&h, sizeof(h), 1, file) != 1 || fwrite(frame, h.caplen, 1, file) != 1) {
		give_up();
		return false;
	}
	return true;
}

void
run_pcap_work(void)
{
	if (sock < 0)
		return;
	while (file != NULL && one_frame())
		;
	if (file != NULL && fflush(file) != 0) /* who looks on sees them */
		give_up();
	if (file == NULL) {
		close(sock);
		sock = -1;
	}
}

void
run_pcap_end(void)
{
	struct pollfd pfd = {.fd = sock, .events = POLLIN};
	struct tpacket_stats lost;
	socklen_t len = sizeof(lost);
	int i;

	/* PROGRAM has ended; its connections' last segments are on their way. */
	for (i = 0; i < QUIET_TRIES && sock >= 0 && poll(&pfd, 1, QUIET_MS) > 0; i++)
		run_pcap_work();
	if (sock < 0)
		return;
	if (getsockopt(sock, SOL_PACKET, PACKET_STATISTICS, &lost, &len) == 0 && lost.tp_drops > 0)
		run_warn(
		    "--pcap %s: %u frames came too fast and are missing", file_name, lost.tp_drops);
	if (fclose(file) != 0)
		run_warn("--pcap %s: %s", file_name, strerror(errno));
	file = NULL;
	close(sock);
	sock = -1;
}
