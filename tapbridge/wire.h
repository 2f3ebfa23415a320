/*
 * wire.h - an in-memory wire between two or more links, on the stack's own clock, with delay,
 * rate, queue, loss, reordering, duplication and corruption from a seed. Neutral; the code is
 * if_wire.c, of the kernel world.
 */
#ifndef TAPBRIDGE_WIRE_H
#define TAPBRIDGE_WIRE_H

#include "tapbridge/link.h"

struct wire_params {
	uint64_t delay_ns;    /* one way */
	uint64_t jitter_ns;   /* uniform, 0..jitter, added; may reorder */
	uint64_t rate_bps;    /* bits per second; 0: infinite */
	uint32_t queue_bytes; /* drop-tail queue of a rate-limited direction; 0: 1 MiB */
	uint32_t loss_ppm;    /* parts per million of frames */
	uint32_t dup_ppm;
	uint32_t corrupt_ppm; /* one random bit of an IP packet that the CRC let through */
	uint32_t reorder_ppm; /* held back by reorder_ns */
	uint64_t reorder_ns;
	uint64_t seed;
	uint32_t caps; /* LINK_CAP_*: with them, big frames go over whole */
	uint32_t mtu;  /* 0: 1500 */
};

struct wire_stats {
	uint64_t frames, bytes, lost, queue_drops, duplicated, corrupted, reordered;
};

struct wire;
struct wire *wire_create(const struct wire_params *);
/* A new end (any number: all ends are one Ethernet segment; frames go by learnt MAC or flood). */
struct link *wire_end(struct wire *, const uint8_t mac[6]);
/* Takes effect with the next frame; caps and mtu are only for ends still to be made. */
void wire_set_params(struct wire *, const struct wire_params *);
void wire_get_stats(const struct wire *, struct wire_stats *);
/* An end without an ifnet: what arrives there goes to fn. For scripted hosts. */
typedef void wire_rx_fn(void *arg, const uint8_t *frame, size_t len, const struct link_offload *);
void wire_end_set_rx(struct link *end, wire_rx_fn *, void *arg);
/* Sees each frame before it is sent; returns false to drop it. For scripted loss. */
typedef bool wire_filter_fn(void *arg, struct link *from, const uint8_t *frame, size_t len);
void wire_set_filter(struct wire *, wire_filter_fn *, void *arg);
void wire_destroy(struct wire *); /* frees its ends too: detach their interfaces before */

#endif
