/*
 * replay.h - one stack that is handed the packets of a trace: what replay.c and its helpers (host
 * world) ask of sim_replay.c (kernel world). Neutral. Addresses are in host order.
 */
#ifndef T_SIM_REPLAY_H
#define T_SIM_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A frame that the stack sends: Ethernet, in one piece. */
typedef void replay_out_fn(const uint8_t *frame, size_t len);

struct replay_conf {
	uint32_t addr;
	int plen;
	uint32_t gateway; /* of the default route */
	uint8_t mac[6];
	uint32_t mtu;
	replay_out_fn *out;
};
int replay_create(const struct replay_conf *); /* 0 or a BSD errno; once */
void replay_in(const uint8_t *frame, size_t len);
void replay_neighbour(uint32_t addr, const uint8_t mac[6]); /* if it is on our network */
int replay_sysctl(const char *name, const char *value);
int replay_module(void *init, const char *args);

/*
 * The program that listens: it reads all and throws it away, and writes what it is told to. A
 * connection is known by its peer and our port; it may be told before it exists.
 */
struct replay_peer {
	uint32_t addr;
	uint16_t port, our_port;
};
int replay_listen(uint16_t port); /* TCP and UDP */
void replay_write(const struct replay_peer *, const void *, size_t);
void replay_close(const struct replay_peer *);			    /* when all is written: FIN */
void replay_abort(const struct replay_peer *);			    /* RST */
void replay_send(const struct replay_peer *, const void *, size_t); /* a datagram */

/* Every counter of the stack: its names, in a row that does not change, and its values now. */
size_t replay_counters(void);
const char *replay_counter_name(size_t);
bool replay_counter_is_drop(size_t); /* it counts packets that went nowhere */
void replay_counters_get(uint64_t *values);

#endif
