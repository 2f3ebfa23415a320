/*
 * link.h - the one interface between the stack and a wire.
 *
 * Neutral: the stack's half is if_link.c (an Ethernet ifnet over a struct link), the
 * other half is tap.c, or if_wire.c's wire in memory. Frames are whole Ethernet frames; with
 * LINK_CAP_VNET they may be up to 64 KiB with sums and segmentation left undone, described
 * by struct link_offload, which means what virtio 1.2, 5.1.6, says of its net header.
 */
#ifndef TAPBRIDGE_LINK_H
#define TAPBRIDGE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link_iov { /* laid out as struct iovec */
	void *iov_base;
	size_t iov_len;
};

#define LINK_OFFLOAD_NEEDS_CSUM 0x01 /* sum from csum_start on; into csum_start+csum_offset */
#define LINK_OFFLOAD_DATA_VALID 0x02 /* the sums were verified */
#define LINK_GSO_NONE 0
#define LINK_GSO_TCPV4 1
#define LINK_GSO_UDP 3
#define LINK_GSO_TCPV6 4
#define LINK_GSO_ECN 0x80

struct link_offload {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len;    /* bytes of all headers */
	uint16_t gso_size;   /* payload bytes of a segment */
	uint16_t csum_start; /* from the frame's first byte */
	uint16_t csum_offset;
};

#define LINK_CAP_CSUM 0x01 /* takes and gives partial sums */
#define LINK_CAP_TSO4 0x02
#define LINK_CAP_TSO6 0x04

struct link;
struct link_ops {
	const char *name;
	/* Sends one frame, borrowed for the call. 0 or a positive host errno (ENOBUFS: dropped). */
	int (*transmit)(
	    struct link *, const struct link_iov *, int niov, const struct link_offload *);
	int (*set_up)(struct link *, bool up);
	void (*close)(struct link *); /* frees the link */
};

struct link {
	const struct link_ops *ops;
	uint32_t caps;	/* LINK_CAP_* */
	uint32_t mtu;	/* bytes behind the Ethernet header */
	uint8_t mac[6]; /* ours */
	bool up;
	void *ifp; /* if_link.c's ifnet, NULL while there is none */
	uint64_t rx_errors, tx_errors;
};

#define LINK_FRAME_MAX (65536 + 64) /* bytes of the largest frame */

/*
 * if_link.c, kernel world. Attach makes an Ethernet interface `name``unit` (as "tap0") in the
 * current VNET over the link; 0 or a BSD errno.
 */
int if_link_attach(struct link *, const char *name, int unit);
void if_link_detach(struct link *);

/*
 * The receive path, without a copy for large frames: ask for buffers (at least
 * LINK_FRAME_MAX bytes over all of iov), read into them, then say how much came. The same
 * buffers are handed out again until a frame used them. NULL iov count 0: no memory, drop.
 */
int if_link_rx_buffers(struct link *, struct link_iov *iov, int maxiov);
void if_link_rx(struct link *, size_t frame_len, const struct link_offload *);
/* Frame in storage of the caller's (copied). */
void if_link_rx_copy(struct link *, const void *frame, size_t len, const struct link_offload *);
void if_link_state(struct link *, bool carrier);
/* A whole frame that somebody else made, out. 0 or a BSD errno. */
int if_link_send(struct link *, const void *frame, size_t len);

/* A tap on every frame, both ways, for pcap.c; NULL takes it off. */
typedef void link_tap_fn(void *arg, const struct link_iov *, int niov, size_t len, bool outward);
void if_link_set_tap(struct link *, link_tap_fn *, void *arg);

/* ---- host world ---- */

struct link_error {
	char text[256]; /* what failed and why */
	char hint[256]; /* what to type next; "" none */
};

/* tap.c: opens or creates the TAP `name` (NULL or "": any) with IFF_VNET_HDR and offloads. */
struct link *tap_open(const char *name, const uint8_t mac[6], uint32_t mtu, struct link_error *);
const char *tap_name(const struct link *);
int tap_start(struct link *); /* watches its descriptor in the host loop */

/* tap.c: the same over another descriptor, which it takes; and a new one for a link that stays. */
struct link *tap_from_fd(int fd, const char *name, const uint8_t mac[6], uint32_t mtu,
    bool is_packet, struct link_error *);
int tap_replace_fd(struct link *, int fd, const char *name); /* 0 or errno */

/*
 * share.c: other descriptors that carry Ethernet frames: the character device of a macvtap, and
 * a packet socket on an interface that passes what is for the stack's addresses. -1 and why not.
 */
int share_open_macvtap(const char *name, int ifindex, struct link_error *);
int share_open_packet(const char *iface, const uint8_t mac[6], const uint8_t addr[4], int prefix,
    struct link_error *);

/* pcap.c: a trace that libpcap writes (Ethernet, nanosecond stamps of the installed clock). */
struct pcap_trace;
struct pcap_trace *pcap_trace_open(const char *path, struct link_error *);
link_tap_fn pcap_trace_frame;
void pcap_trace_close(struct pcap_trace *);

#endif
