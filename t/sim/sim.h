/*
 * sim.h - what the two halves of alpine-sim say to each other: a scenario as the host world read
 * it (scenario.c), and the network that the kernel world made of it (sim_*.c). Neutral.
 *
 * Times are virtual nanoseconds since the start. Objects live until the process ends.
 */
#ifndef T_SIM_SIM_H
#define T_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_NEVER UINT64_MAX
#define SIM_NS_PER_MS 1000000u
#define SIM_NS_PER_S 1000000000u

/* A probability: of SIM_PROB_ONE draws, so many. */
typedef uint64_t sim_prob;
#define SIM_PROB_ONE ((sim_prob)1 << 53)

/* A generator of one's own (xoshiro256**), so that one thing's chance does not move another's. */
struct sim_random {
	uint64_t s[4];
};
void sim_random_init(struct sim_random *, uint64_t seed, uint64_t stream);
uint64_t sim_random_next(struct sim_random *);
bool sim_random_chance(struct sim_random *, sim_prob);
uint64_t sim_random_below(struct sim_random *, uint64_t bound);
uint64_t sim_random_exp(struct sim_random *, uint64_t mean); /* exponential */

/* ---- hosts ---- */

struct sim_host;
struct sim_host *sim_host_create(const char *name, bool router);
const char *sim_host_name(const struct sim_host *);
/* 0 or a BSD errno */
int sim_host_sysctl(struct sim_host *, const char *name, const char *value);
int sim_host_route(struct sim_host *, uint32_t net, int plen, uint32_t gateway);
/* fn is a module's alpine_module_init; its errno. */
int sim_host_module(struct sim_host *, void *fn, const char *args);
const char *sim_strerror(int bsd_errno);

/* ---- links ---- */

enum sim_queue_kind { SIM_DROPTAIL, SIM_RED, SIM_CODEL };
struct sim_queue_conf {
	enum sim_queue_kind kind;
	uint64_t limit_bytes;	/* 0: no such limit */
	uint64_t limit_packets; /* 0: no such limit */
	bool ecn;
	/* RED: in packets or in bytes, both alike */
	bool red_in_bytes;
	uint64_t red_min, red_max;
	sim_prob red_maxp;
	unsigned red_wshift; /* the weight of a sample is 2^-wshift */
	/* CoDel */
	uint64_t codel_target_ns, codel_interval_ns;
};

enum sim_loss_kind { SIM_LOSS_RANDOM, SIM_LOSS_GILBERT, SIM_LOSS_SCRIPTED };
enum sim_count { SIM_COUNT_FRAMES, SIM_COUNT_IP, SIM_COUNT_TCP, SIM_COUNT_DATA };
struct sim_range {
	uint64_t from, to;
};
struct sim_loss_conf {
	enum sim_loss_kind kind;
	sim_prob rate;		       /* random */
	sim_prob to_bad, to_good;      /* Gilbert-Elliott: chance to change state, per frame */
	sim_prob loss_bad, loss_good;  /* ... and to be lost in each */
	enum sim_count count;	       /* scripted: which frames have a number */
	const struct sim_range *range; /* ... numbers from 1 */
	size_t nranges;
};

#define SIM_MAX_LOSSES 4
struct sim_line_conf {
	uint64_t rate_bps; /* 0: no limit, and no queue */
	uint64_t delay_ns, jitter_ns;
	uint32_t overhead; /* bytes that a frame takes on the line beyond its own */
	struct sim_queue_conf queue;
	struct sim_loss_conf loss[SIM_MAX_LOSSES];
	unsigned nlosses;
	sim_prob duplicate, corrupt, reorder;
	uint64_t reorder_ns; /* how long such a frame is held back */
};

struct sim_line_stats {
	uint64_t offered, offered_bytes; /* frames that came to its queue */
	uint64_t sent, sent_bytes;	 /* that left it, onto the line */
	uint64_t tail_drops, aqm_drops, marks;
	uint64_t lost, duplicated, corrupted, reordered;
	uint64_t busy_ns; /* the line was sending */
	uint64_t queue_max_bytes, queue_max_packets;
	uint64_t wait_sum_ns, wait_max_ns; /* in the queue, of frames sent */
};

struct sim_link;
/* Two ends and a line each way; or a switch (lan) with a cable to each end. */
struct sim_link *sim_link_create(const char *name, bool lan, uint32_t mtu, uint64_t seed);
/* The lines' parameters: [0] from the first end (or from the hosts), [1] the other way. */
void sim_link_set(struct sim_link *, int way, const struct sim_line_conf *);
/* The host gets an interface there with this address. 0 or a BSD errno. */
int sim_link_attach(struct sim_link *, struct sim_host *, uint32_t addr, int plen);
/* Of all lines of that way. */
void sim_link_stats(const struct sim_link *, int way, struct sim_line_stats *);

/*
 * Sees each frame as it begins on a line; or, with a host, as that host's interface does. Set
 * before the ends.
 */
typedef void sim_tap_fn(void *arg, const void *frame, size_t len);
void sim_link_set_tap(struct sim_link *, const struct sim_host *, sim_tap_fn *, void *arg);

/* ---- traffic ---- */

enum sim_flow_kind { SIM_BULK, SIM_REQUEST, SIM_ONOFF, SIM_SHORT };

struct sim_sockopt {
	const char *name, *value;
	int line; /* where it was said */
};

enum sim_size_kind { SIM_SIZE_FIXED, SIM_SIZE_UNIFORM, SIM_SIZE_EXP };
struct sim_size {
	enum sim_size_kind kind;
	uint64_t a, b; /* bytes: fixed or mean; uniform from a to b */
};

struct sim_flow_conf {
	enum sim_flow_kind kind;
	const char *name;
	struct sim_host *from, *to;
	uint32_t to_addr;
	uint16_t port;
	bool udp;
	uint64_t start_ns, stop_ns; /* stop SIM_NEVER: by itself, or at the end */
	uint64_t bytes;		    /* bulk: 0 for ever */
	uint64_t count;		    /* request: exchanges; short: connections; 0 for ever */
	uint64_t request, response; /* bytes */
	uint64_t think_ns;	    /* between a response and the next request */
	bool reconnect;		    /* request: a connection for each */
	bool random;		    /* think, on and off times are means of a distribution */
	uint64_t on_ns, off_ns;
	uint64_t rate_bps;    /* onoff: while on; 0: what TCP lets through */
	uint32_t packet;      /* onoff: bytes per write or datagram */
	uint64_t mean_gap_ns; /* short: between arrivals */
	struct sim_size size; /* short */
	const char *cc;	      /* NULL: the hosts' default */
	const struct sim_sockopt *opts;
	size_t nopts;
	uint64_t sample_ns; /* 0: no samples */
	uint64_t seed;
};

/* A look at one connection of a flow, and the end of one transfer. */
struct sim_sample {
	uint64_t at_ns;
	unsigned conn; /* from 1 */
	uint64_t acked, received;
	uint32_t cwnd, ssthresh, flight, srtt_us, rttvar_us, rto_ms, snd_wnd, mss;
	uint32_t rexmit_packets;
	const char *state, *cc;
};
struct sim_transfer {
	uint64_t start_ns, end_ns;
	unsigned conn;
	uint64_t bytes;
	int error; /* BSD errno, 0 fine */
};
struct sim_flow;
struct sim_flow_ops {
	void (*sample)(void *arg, const struct sim_sample *);
	void (*transfer)(void *arg, const struct sim_transfer *);
	void *arg;
};

/* What a flow did. Latencies: of exchanges, or of short transfers, or datagrams one way. */
struct sim_flow_stats {
	uint64_t first_ns, last_ns; /* first connect, last byte that arrived */
	uint64_t sent, received;    /* bytes, of the receiver's application */
	uint64_t bad_bytes;	    /* that were not what was sent */
	uint64_t conns, finished, failed;
	uint64_t unfinished; /* connections still open */
	uint64_t rexmit_packets;
	uint64_t dgrams_sent, dgrams_received, dgrams_late;
	uint64_t nlat;
	const uint64_t *lat_ns; /* nlat of them, as they came */
	int first_error;
	uint64_t srtt_us; /* at the end of the last connection */
	const char *cc;
};
/* *bad is the option that failed, if the returned errno is for one. */
int sim_flow_create(const struct sim_flow_conf *, const struct sim_flow_ops *, struct sim_flow **,
    const struct sim_sockopt **bad);
void sim_flow_stats(struct sim_flow *, struct sim_flow_stats *);
bool sim_flow_done(const struct sim_flow *);
bool sim_cc_exists(const char *name);

/* ---- running ---- */

void sim_boot(uint64_t seed);
uint64_t sim_now_ns(void);
/* Until then, or until done() says so (NULL: never). Returns the time. */
uint64_t sim_run(uint64_t until_ns, bool (*done)(void *), void *arg);
const char *sim_current_host(void); /* whose stack runs */
uint64_t sim_events(void);	    /* steps of the clock so far */
/* The last sim_run() ended because of traffic for which no time goes by. */
bool sim_stuck(void);
/* Before each frame that arrives. False: time does not go on, and the frame is to be dropped. */
bool sim_count_frame(void);

#endif
