/*
 * trace.h - packets of a trace, as alpine-sim --replay handles them: read by trace_in.c, told by
 * packet_text.c, mended by rewrite.c. Host world.
 */
#ifndef T_SIM_TRACE_H
#define T_SIM_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ETHER_LEN 14
#define FRAME_ROOM (65536 + 64)

/* ---- trace_in.c ---- */

struct frame {
	unsigned number; /* as Wireshark counts: from 1 */
	uint64_t time_ns;
	size_t len;		  /* bytes that are here */
	size_t wire_len;	  /* that there were */
	bool made_header;	  /* the Ethernet header is not the trace's */
	uint8_t data[FRAME_ROOM]; /* Ethernet */
};

struct trace_in;
struct trace_in *trace_in_open(const char *path);   /* exits with 2, saying why */
const char *trace_in_link(const struct trace_in *); /* "EN10MB (Ethernet)" */
/* 1 a frame, 0 the end, -1 it is broken from here: *why */
int trace_in_next(struct trace_in *, struct frame *, const char **why);
void trace_in_close(struct trace_in *);
/* What stands in place of the link header of traces that have another. */
void trace_in_macs(struct trace_in *, const uint8_t ours[6], const uint8_t theirs[6]);

/* ---- packet_text.c ---- */

/* The headers of an IPv4 packet in a frame, as far as they are there; NULL what is not. */
struct layers {
	const uint8_t *ip, *l4, *payload;
	uint32_t src, dst;
	uint8_t proto;
	bool first_fragment;
	size_t l4_len;	       /* of the whole packet behind its IP header */
	size_t payload_len;    /* bytes that are here */
	uint16_t sport, dport; /* TCP and UDP */
};
bool parse_ip(const uint8_t *frame, size_t len, struct layers *);
/* One line, without its end, in a buffer of its own. */
const char *packet_text(const uint8_t *frame, size_t len);

/* ---- rewrite.c ---- */

void rewrite_trace_ours(const struct layers *);		/* the traced host's own packet */
void rewrite_sent(const struct layers *);		/* what our stack sent */
bool rewrite_in(uint8_t *frame, const struct layers *); /* mends one for our stack; was it? */
struct program_act {
	size_t missing_before; /* bytes that the trace lacks */
	size_t skip;	       /* bytes of the payload that were told before */
	size_t len;	       /* bytes from there on; the trace may have fewer */
	bool fin, rst;
};
bool rewrite_program(const struct layers *, struct program_act *); /* of the traced host's packet */

#endif
