/*
 * sim_flow.c - alpine-sim's traffic: who connects when, and says how much. Kernel world.
 *
 *	bulk	  one connection, as fast as it goes
 *	request	  so many bytes there, so many back, a pause, again
 *	onoff	  bursts, by TCP or as datagrams, at a rate of their own or as fast as it goes
 *	short	  a connection each time one arrives (Poisson), with a transfer of some size
 *
 * Owns struct sim_flow. sim_conn.c and sim_dgram.c call back when something happened.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/socketvar.h>
#include <sys/systm.h>

#include <netinet/in_pcb.h>
#include <netinet/tcp_var.h>
#include <netinet/cc/cc.h>

#include "t/sim/sim_var.h"

#define DGRAM_MIN 16 /* number and time */

static sbintime_t
sbt_until(uint64_t at_ns)
{
	uint64_t now = sim_now_ns();

	return (at_ns > now ? nstosbt((int64_t)(at_ns - now)) : 0);
}

static void
at(struct callout *c, uint64_t ns, void (*fn)(void *), struct sim_flow *f)
{
	callout_reset_sbt(c, sbt_until(ns), 0, fn, f, 0);
}

static uint64_t
span(struct sim_flow *f, uint64_t ns)
{
	return (f->s_conf.random ? sim_random_exp(&f->s_random, ns) : ns);
}

void
sim_flow_latency(struct sim_flow *f, uint64_t ns)
{
	uint64_t *more;

	if (f->s_stats.nlat == f->s_latroom) {
		f->s_latroom = MAX(64, f->s_latroom * 2);
		more = malloc(f->s_latroom * sizeof(*more), M_SIM, M_WAITOK);
		if (f->s_lat != NULL)
			memcpy(more, f->s_lat, f->s_stats.nlat * sizeof(*more));
		free(f->s_lat, M_SIM);
		f->s_lat = more;
	}
	f->s_lat[f->s_stats.nlat++] = ns;
}

/* ---- looking ---- */

static void
note_tcp(struct sim_conn *c)
{
	struct tcpcb *tp = c->c_so->so_pcb != NULL ? sototcpcb(c->c_so) : NULL;

	if (tp == NULL || c->c_server)
		return;
	c->c_flow->s_stats.rexmit_packets += tp->t_sndrexmitpack;
	if (tp->t_srtt != 0)
		c->c_flow->s_stats.srtt_us = tp->t_srtt;
	c->c_flow->s_stats.cc = tp->ccv->algo->name;
}

static void
sample(struct sim_conn *c)
{
	struct sim_flow *f = c->c_flow;
	struct tcpcb *tp = c->c_so->so_pcb != NULL ? sototcpcb(c->c_so) : NULL;
	struct sim_sample s = {.at_ns = sim_now_ns(), .conn = c->c_number};

	if (tp == NULL)
		return;
	/* SYN and FIN take a number each; who cares for two bytes may look at the trace */
	s.acked = c->c_wrote - MIN(c->c_wrote, sbused(&c->c_so->so_snd));
	s.received = c->c_there;
	s.cwnd = tp->snd_cwnd;
	s.ssthresh = tp->snd_ssthresh;
	s.flight = tp->snd_max - tp->snd_una;
	s.srtt_us = tp->t_srtt;
	s.rttvar_us = tp->t_rttvar;
	s.rto_ms = (uint32_t)tp->t_rxtcur;
	s.snd_wnd = tp->snd_wnd;
	s.mss = tp->t_maxseg;
	s.rexmit_packets = tp->t_sndrexmitpack;
	s.state = tcpstates[tp->t_state];
	s.cc = tp->ccv->algo->name;
	f->s_ops.sample(f->s_ops.arg, &s);
}

/* At whole multiples of the interval. */
static uint64_t
next_sample(const struct sim_flow *f)
{
	return ((sim_now_ns() / f->s_conf.sample_ns + 1) * f->s_conf.sample_ns);
}

static void
sample_tick(void *arg)
{
	struct sim_flow *f = arg;
	struct sim_conn *c;

	LIST_FOREACH (c, &f->s_conns, c_next)
		if (!c->c_server)
			sample(c);
	if (!f->s_done)
		at(&f->s_sample, next_sample(f), sample_tick, f);
}

/* ---- ends ---- */

static void
maybe_done(struct sim_flow *f)
{
	const struct sim_flow_conf *c = &f->s_conf;
	bool no_more = f->s_stopped;

	if (c->kind == SIM_BULK)
		no_more = no_more || c->bytes != 0;
	else if (c->kind == SIM_REQUEST)
		no_more = no_more || (c->count != 0 && f->s_exchanges >= c->count);
	else if (c->kind == SIM_SHORT)
		no_more = no_more || (c->count != 0 && f->s_arrivals >= c->count);
	if (!no_more || !LIST_EMPTY(&f->s_conns) || f->s_stats.conns == 0)
		return;
	f->s_done = true;
	callout_stop(&f->s_next);
	callout_stop(&f->s_sample);
}

static void
finish_all(struct sim_flow *f)
{
	struct sim_conn *c;

	LIST_FOREACH (c, &f->s_conns, c_next)
		if (!c->c_server && f->s_conf.kind != SIM_SHORT) {
			c->c_to_write = MIN(c->c_to_write, c->c_wrote);
			c->c_finish = true;
			sim_conn_kick(c);
		}
}

static void
stop_flow(void *arg)
{
	struct sim_flow *f = arg;

	f->s_stopped = true;
	f->s_on = false;
	callout_stop(&f->s_next);
	callout_stop(&f->s_phase);
	callout_stop(&f->s_send);
	finish_all(f);
	if (f->s_conf.udp || LIST_EMPTY(&f->s_conns))
		f->s_done = true;
}

static void
report_transfer(struct sim_conn *c, uint64_t start, uint64_t end, uint64_t bytes, int error)
{
	struct sim_flow *f = c->c_flow;
	struct sim_transfer t = {
	    .start_ns = start, .end_ns = end, .conn = c->c_number, .bytes = bytes, .error = error};

	if (f->s_ops.transfer != NULL)
		f->s_ops.transfer(f->s_ops.arg, &t);
}

static void
next_exchange(void *arg)
{
	struct sim_flow *f = arg;
	struct sim_conn *c;

	LIST_FOREACH (c, &f->s_conns, c_next)
		if (!c->c_server && !c->c_finish)
			break;
	if (c == NULL) {
		c = sim_conn_open(f, f->s_conf.request);
		if (c == NULL)
			return;
	} else {
		c->c_to_write += f->s_conf.request;
		sim_conn_kick(c);
	}
	c->c_asked_ns = sim_now_ns();
	c->c_expect = c->c_read + f->s_conf.response;
}

static bool
exchanges_over(const struct sim_flow *f)
{
	return (f->s_stopped || (f->s_conf.count != 0 && f->s_exchanges >= f->s_conf.count));
}

/* The connection c, in the middle of its end. */
void
sim_flow_closed(struct sim_conn *c, int error)
{
	struct sim_flow *f = c->c_flow;
	uint64_t end = MAX(c->c_there_ns, c->c_start_ns);

	if (c->c_server)
		return;
	note_tcp(c);
	if (error != 0) {
		f->s_stats.failed++;
		if (f->s_stats.first_error == 0)
			f->s_stats.first_error = error;
	} else
		f->s_stats.finished++;
	if (f->s_conf.kind != SIM_REQUEST) {
		report_transfer(
		    c, c->c_start_ns, error != 0 ? sim_now_ns() : end, c->c_there, error);
		if (f->s_conf.kind == SIM_SHORT && error == 0)
			sim_flow_latency(f, end - c->c_start_ns);
	} else if (!exchanges_over(f) && (error != 0 || f->s_conf.reconnect))
		at(&f->s_next, sim_now_ns() + span(f, f->s_conf.think_ns), next_exchange, f);
}

void
sim_flow_freed(struct sim_flow *f)
{
	maybe_done(f);
}

void
sim_flow_connected(struct sim_conn *c)
{
	struct sim_flow *f = c->c_flow;

	if (c->c_server)
		c->c_expect = f->s_conf.request;
	else if (f->s_stopped && f->s_conf.kind != SIM_SHORT)
		finish_all(f);
}

/* A client has its response. */
static void
exchange_done(struct sim_conn *c)
{
	struct sim_flow *f = c->c_flow;
	uint64_t now = sim_now_ns();

	c->c_expect = SIM_NEVER;
	f->s_exchanges++;
	sim_flow_latency(f, now - c->c_asked_ns);
	report_transfer(c, c->c_asked_ns, now, f->s_conf.response, 0);
	if (exchanges_over(f) || f->s_conf.reconnect)
		c->c_finish = true;
	else
		at(&f->s_next, now + span(f, f->s_conf.think_ns), next_exchange, f);
}

void
sim_flow_read(struct sim_conn *c, uint64_t bytes)
{
	struct sim_flow *f = c->c_flow;

	if (f->s_conf.kind != SIM_REQUEST) {
		if (c->c_server)
			f->s_stats.received += bytes;
	} else if (c->c_server) {
		while (c->c_read >= c->c_expect) {
			c->c_to_write += f->s_conf.response;
			c->c_expect += f->s_conf.request;
		}
	} else {
		f->s_stats.received += bytes;
		if (c->c_read >= c->c_expect)
			exchange_done(c);
	}
	f->s_stats.last_ns = sim_now_ns();
}

/* ---- short: arrivals ---- */

static uint64_t
draw_size(struct sim_flow *f)
{
	const struct sim_size *s = &f->s_conf.size;

	switch (s->kind) {
	case SIM_SIZE_UNIFORM:
		return (s->a + sim_random_below(&f->s_random, s->b - s->a + 1));
	case SIM_SIZE_EXP:
		return (MAX(1, sim_random_exp(&f->s_random, s->a)));
	default:
		return (s->a);
	}
}

static void
arrival(void *arg)
{
	struct sim_flow *f = arg;
	struct sim_conn *c;

	f->s_arrivals++;
	if (f->s_conf.count == 0 || f->s_arrivals < f->s_conf.count)
		at(&f->s_next, sim_now_ns() + sim_random_exp(&f->s_random, f->s_conf.mean_gap_ns),
		    arrival, f);
	c = sim_conn_open(f, draw_size(f));
	if (c != NULL)
		c->c_finish = true;
}

/* ---- onoff ---- */

static void
send_tick(void *arg)
{
	struct sim_flow *f = arg;
	struct sim_conn *c;

	if (f->s_conf.udp)
		(void)sim_dgram_send(f);
	else
		LIST_FOREACH (c, &f->s_conns, c_next)
			if (!c->c_server) {
				c->c_to_write += f->s_conf.packet;
				sim_conn_kick(c);
			}
	f->s_due_ns +=
	    (uint64_t)((__uint128_t)f->s_conf.packet * 8 * SIM_NS_PER_S / f->s_conf.rate_bps);
	at(&f->s_send, f->s_due_ns, send_tick, f);
}

static void
phase(void *arg)
{
	struct sim_flow *f = arg;
	struct sim_conn *c;

	f->s_on = !f->s_on;
	if (f->s_conf.rate_bps == 0)
		LIST_FOREACH (c, &f->s_conns, c_next)
			if (!c->c_server) {
				c->c_to_write = f->s_on ? SIM_NEVER : c->c_wrote;
				sim_conn_kick(c);
			}
	if (f->s_on && f->s_conf.rate_bps != 0) {
		f->s_due_ns = sim_now_ns();
		send_tick(f);
	} else
		callout_stop(&f->s_send);
	if (f->s_conf.off_ns != 0)
		at(&f->s_phase,
		    sim_now_ns() + span(f, f->s_on ? f->s_conf.on_ns : f->s_conf.off_ns), phase, f);
}

/* ---- making ---- */

static void
start_flow(void *arg)
{
	struct sim_flow *f = arg;

	if (f->s_conf.stop_ns != SIM_NEVER)
		at(&f->s_stop, f->s_conf.stop_ns, stop_flow, f);
	if (f->s_conf.sample_ns != 0 && f->s_ops.sample != NULL && !f->s_conf.udp &&
	    f->s_conf.kind != SIM_SHORT)
		at(&f->s_sample, next_sample(f), sample_tick, f);
	switch (f->s_conf.kind) {
	case SIM_BULK:
		if (sim_conn_open(f, f->s_conf.bytes != 0 ? f->s_conf.bytes : SIM_NEVER) != NULL &&
		    f->s_conf.bytes != 0)
			LIST_FIRST(&f->s_conns)->c_finish = true;
		break;
	case SIM_REQUEST:
		next_exchange(f);
		break;
	case SIM_ONOFF:
		if (f->s_conf.udp)
			f->s_stats.first_ns = sim_now_ns();
		else
			(void)sim_conn_open(f, 0);
		phase(f);
		break;
	case SIM_SHORT:
		arrival(f);
		break;
	}
	maybe_done(f);
}

int
sim_flow_create(const struct sim_flow_conf *conf, const struct sim_flow_ops *ops,
    struct sim_flow **fp, const struct sim_sockopt **bad)
{
	struct sim_flow *f = malloc(sizeof(*f), M_SIM, M_WAITOK | M_ZERO);
	int error;

	f->s_conf = *conf;
	f->s_ops = *ops;
	*bad = NULL;
	LIST_INIT(&f->s_conns);
	callout_init(&f->s_next, 1);
	callout_init(&f->s_stop, 1);
	callout_init(&f->s_sample, 1);
	callout_init(&f->s_phase, 1);
	callout_init(&f->s_send, 1);
	sim_random_init(&f->s_random, conf->seed, 0x666c6f77);
	f->s_conf.packet = MAX(f->s_conf.packet, conf->udp ? DGRAM_MIN : 1);
	error = conf->udp ? sim_dgram_create(f, bad) : sim_conn_listen(f, bad);
	if (error != 0) {
		free(f, M_SIM);
		return (error);
	}
	CURVNET_SET(conf->from->h_vnet);
	at(&f->s_next, conf->start_ns, start_flow, f);
	CURVNET_RESTORE();
	*fp = f;
	return (0);
}

void
sim_flow_stats(struct sim_flow *f, struct sim_flow_stats *to)
{
	struct sim_flow_stats before = f->s_stats;
	struct sim_conn *c;

	/* those that are still open count as they stand */
	f->s_stats.unfinished = 0;
	LIST_FOREACH (c, &f->s_conns, c_next)
		if (!c->c_server) {
			note_tcp(c);
			f->s_stats.unfinished++;
		}
	*to = f->s_stats;
	to->lat_ns = f->s_lat;
	f->s_stats = before;
}

bool
sim_flow_done(const struct sim_flow *f)
{
	return (f->s_done);
}

bool
sim_cc_exists(const char *name)
{
	return (cc_find_algo(name) != NULL);
}
