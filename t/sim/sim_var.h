/*
 * sim_var.h - what the kernel half of alpine-sim (sim_*.c) shares. Kernel world.
 */
#ifndef T_SIM_SIM_VAR_H
#define T_SIM_SIM_VAR_H

#include <sys/param.h>
#include <sys/malloc.h>
#include <sys/queue.h>
#include <sys/callout.h>
#include <sys/taskqueue.h>
#include <net/vnet.h>

#include "t/sim/sim.h"

MALLOC_DECLARE(M_SIM);

struct mbuf;
struct socket;

struct sim_host {
	struct vnet *h_vnet;
	char h_name[40];
	uint32_t h_number; /* from 1 */
	int h_nifs;
};

/* ---- sim_queue.c: the queue in front of a line ---- */

struct sim_frame {
	TAILQ_ENTRY(sim_frame) f_next;
	struct mbuf *f_m; /* whole, in one piece, ours alone */
	uint64_t f_ns;	  /* in a queue: when it came; under way: when it arrives */
	uint32_t f_len;
	uint32_t f_cost; /* bytes that it takes on the line */
};
TAILQ_HEAD(sim_frames, sim_frame);

struct sim_queue {
	const struct sim_queue_conf *q_conf;
	struct sim_line_stats *q_stats;
	struct sim_random *q_random;
	struct sim_frames q_frames;
	uint64_t q_bytes, q_packets;
	uint64_t q_rate_bps;
	/* RED */
	uint64_t q_avg;	       /* << RED_SHIFT */
	uint64_t q_idle_ns;    /* empty since; SIM_NEVER: it is not */
	uint64_t q_since_drop; /* packets since the last drop or mark; SIM_NEVER: below min */
	/* CoDel: RFC 8289's names */
	uint64_t q_first_above_ns, q_drop_next_ns;
	uint32_t q_count, q_lastcount;
	bool q_dropping;
};
void sim_queue_init(struct sim_queue *, const struct sim_queue_conf *, uint64_t rate_bps,
    struct sim_line_stats *, struct sim_random *);
void sim_queue_put(struct sim_queue *, struct sim_frame *); /* consumes it: queued or dropped */
struct sim_frame *sim_queue_get(struct sim_queue *);
void sim_frame_free(struct sim_frame *);
bool sim_frame_mark_ce(struct sim_frame *); /* false: not ECN-capable */

/* ---- sim_flow.c, sim_conn.c, sim_dgram.c: traffic ---- */

struct sim_conn;
struct sim_dgram;
struct sim_flow {
	struct sim_flow_conf s_conf;
	struct sim_flow_ops s_ops;
	struct sim_flow_stats s_stats;
	struct socket *s_listener;
	struct task s_accept;
	struct callout s_next; /* the next connection, exchange, arrival */
	struct callout s_stop;
	struct callout s_sample;
	struct callout s_phase; /* onoff: on or off ends */
	struct callout s_send;	/* onoff with a rate: the next packet */
	bool s_on, s_stopped, s_done;
	uint64_t s_due_ns; /* onoff: when the next packet should go */
	uint64_t s_exchanges, s_arrivals;
	LIST_HEAD(, sim_conn) s_conns; /* clients and servers */
	uint64_t *s_lat;
	uint64_t s_latroom;
	struct sim_random s_random;
	struct sim_dgram *s_dgram;
};

/* One end of a TCP connection. */
struct sim_conn {
	LIST_ENTRY(sim_conn) c_next;
	struct sim_flow *c_flow;
	struct sim_conn *c_peer; /* the other end, once known */
	struct socket *c_so;
	struct task c_task;
	bool c_server, c_connected, c_shut, c_eof;
	bool c_finish; /* when all is written: no more */
	unsigned c_number;
	uint16_t c_port; /* the client's */
	uint64_t c_start_ns, c_asked_ns;
	uint64_t c_there, c_there_ns; /* client: what the server has read, and when last */
	uint64_t c_wrote, c_to_write, c_read, c_expect;
};

int sim_conn_listen(struct sim_flow *, const struct sim_sockopt **bad);
struct sim_conn *sim_conn_open(struct sim_flow *, uint64_t to_write);
void sim_conn_work(struct sim_conn *); /* may free it */
void sim_conn_kick(struct sim_conn *); /* sim_conn_work(), soon */
int sim_set_options(struct sim_flow *, struct socket *, const struct sim_sockopt **bad);
int sim_dgram_create(struct sim_flow *, const struct sim_sockopt **bad);
int sim_dgram_send(struct sim_flow *);

/* sim_flow.c: what a kind of flow does when something happened on a connection */
void sim_flow_connected(struct sim_conn *);
void sim_flow_read(struct sim_conn *, uint64_t bytes);
void sim_flow_closed(struct sim_conn *, int error); /* it is about to be freed */
void sim_flow_freed(struct sim_flow *);
void sim_flow_latency(struct sim_flow *, uint64_t ns);

#endif
