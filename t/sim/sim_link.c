/*
 * sim_link.c - links of alpine-sim: Ethernet interfaces of two stacks with a line each way, or of
 * many on a switch. Kernel world.
 *
 * Theory of operation. A line is a queue (sim_queue.c), then something that sends one frame at a
 * time at the line's rate, then the way, which takes the delay and where frames are lost, doubled,
 * spoilt and overtaken. A line has one callout for the end of a sending, armed only while others
 * wait, and one for the first arrival. On a link of two ends a frame goes from line to interface;
 * on a switch (lan) each end has a cable, two lines, with half of the delay each, and the switch
 * sends a frame on to the end that has its address, or to all. The chances are those of the cable
 * to the switch.
 *
 * A frame is copied once, as it leaves its stack, into one piece: what a stack receives is then
 * its own, in buffers such as an Ethernet driver would have used, and the sender's are free again.
 *
 * Owns the ends' interfaces (ifnet), the frames under way, and the counters.
 */
#include <sys/param.h>
#include <sys/callout.h>
#include <sys/endian.h>
#include <sys/errno.h>
#include <sys/mbuf.h>
#include <sys/socket.h>
#include <sys/sockio.h>
#include <sys/systm.h>

#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_types.h>
#include <net/if_var.h>
#include <netinet/in.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>

#include "t/sim/sim_var.h"

#define FRAME_MAX (MJUM16BYTES - 8)
#define RX_ALIGN 2 /* bytes before a frame, which align its IP header */
#define IF_BAUDRATE 10000000000u
#define FDB_SIZE 1024 /* power of two; the addresses are handed out by us, in a row */

struct sim_end;
struct sim_line {
	struct sim_link *l_link;
	const struct sim_line_conf *l_conf;
	struct sim_end *l_from; /* NULL: the switch */
	struct sim_end *l_to;	/* NULL: the switch */
	bool l_chances;		/* loss and the like happen here */
	uint64_t l_delay_ns, l_jitter_ns;
	struct sim_queue l_queue;
	uint64_t l_busy_until_ns;
	struct callout l_sent, l_arrival;
	struct sim_frames l_way; /* by f_ns */
	uint64_t l_arrival_ns;	 /* when l_arrival fires, if pending */
	struct sim_random l_random;
	bool l_bad[SIM_MAX_LOSSES];	    /* Gilbert-Elliott: in the bad state */
	uint64_t l_counted[SIM_MAX_LOSSES]; /* scripted: frames that had a number */
	struct sim_line_stats l_stats;
};

struct sim_end {
	struct sim_link *e_link;
	struct sim_host *e_host;
	struct ifnet *e_ifp;
	struct sim_line e_out; /* from the host */
	struct sim_line e_in;  /* lan only: from the switch */
	sim_tap_fn *e_tap;
	void *e_tap_arg;
	uint8_t e_mac[ETHER_ADDR_LEN];
	TAILQ_ENTRY(sim_end) e_next, e_hash;
};

struct sim_link {
	char k_name[40];
	bool k_lan;
	uint32_t k_mtu;
	uint64_t k_seed;
	struct sim_line_conf k_conf[2];
	TAILQ_HEAD(, sim_end) k_ends;
	int k_nends;
	TAILQ_HEAD(sim_fdb, sim_end) * k_fdb; /* lan: FDB_SIZE of them */
	sim_tap_fn *k_tap;
	void *k_tap_arg;
	const struct sim_host *k_tap_host; /* NULL: the line itself */
};

static uint32_t nlinks;

/* ---- frames ---- */

/* A frame in one piece of its own; m stays the caller's. NULL: no memory, or too long. */
static struct sim_frame *
frame_make(const struct mbuf *m, uint32_t overhead)
{
	int len = m->m_pkthdr.len;
	struct sim_frame *f;
	struct mbuf *n;

	if (len > FRAME_MAX)
		return (NULL);
	n = m_get3(len + RX_ALIGN, M_NOWAIT, MT_DATA, M_PKTHDR);
	if (n == NULL)
		return (NULL);
	n->m_data += RX_ALIGN;
	m_copydata(m, 0, len, n->m_data);
	n->m_len = n->m_pkthdr.len = len;
	f = malloc(sizeof(*f), M_SIM, M_WAITOK);
	f->f_m = n;
	f->f_len = (uint32_t)len;
	f->f_cost = f->f_len + overhead;
	return (f);
}

/* Has this frame a number in the count of a scripted loss? */
static bool
is_counted(const struct sim_frame *f, enum sim_count what)
{
	const u_char *p = mtod(f->f_m, const u_char *);
	u_int hlen, thlen, len;

	if (what == SIM_COUNT_FRAMES)
		return (true);
	if (f->f_len < ETHER_HDR_LEN + sizeof(struct ip) || be16dec(p + 12) != ETHERTYPE_IP)
		return (false);
	if (what == SIM_COUNT_IP)
		return (true);
	p += ETHER_HDR_LEN;
	hlen = (p[0] & 15u) << 2;
	len = be16dec(p + 2);
	if (p[9] != IPPROTO_TCP || f->f_len < ETHER_HDR_LEN + hlen + sizeof(struct tcphdr))
		return (false);
	if (what == SIM_COUNT_TCP)
		return (true);
	thlen = (u_int)(p[hlen + 12] >> 4) << 2;
	return (len > hlen + thlen);
}

static bool
scripted(struct sim_line *l, unsigned i, const struct sim_frame *f)
{
	const struct sim_loss_conf *c = &l->l_conf->loss[i];
	uint64_t n;
	size_t k;

	if (!is_counted(f, c->count))
		return (false);
	n = ++l->l_counted[i];
	for (k = 0; k < c->nranges; k++)
		if (n >= c->range[k].from && n <= c->range[k].to)
			return (true);
	return (false);
}

static bool
gilbert(struct sim_line *l, unsigned i)
{
	const struct sim_loss_conf *c = &l->l_conf->loss[i];

	if (sim_random_chance(&l->l_random, l->l_bad[i] ? c->to_good : c->to_bad))
		l->l_bad[i] = !l->l_bad[i];
	return (sim_random_chance(&l->l_random, l->l_bad[i] ? c->loss_bad : c->loss_good));
}

static bool
is_lost(struct sim_line *l, const struct sim_frame *f)
{
	bool lost = false;
	unsigned i;

	/* each of them sees every frame: a loss by one is no reason for another not to count */
	for (i = 0; i < l->l_conf->nlosses; i++)
		switch (l->l_conf->loss[i].kind) {
		case SIM_LOSS_RANDOM:
			lost |= sim_random_chance(&l->l_random, l->l_conf->loss[i].rate);
			break;
		case SIM_LOSS_GILBERT:
			lost |= gilbert(l, i);
			break;
		case SIM_LOSS_SCRIPTED:
			lost |= scripted(l, i, f);
			break;
		}
	return (lost);
}

/* One bit of an IP packet flips: what Ethernet's CRC let through. ARP has no sum of its own. */
static void
corrupt(struct sim_line *l, struct sim_frame *f)
{
	u_char *p = mtod(f->f_m, u_char *);
	u_int type = be16dec(p + 12);
	uint64_t bit;

	if ((type != ETHERTYPE_IP && type != ETHERTYPE_IPV6) || f->f_len <= ETHER_HDR_LEN)
		return;
	bit = sim_random_below(&l->l_random, (uint64_t)(f->f_len - ETHER_HDR_LEN) * 8);
	p[ETHER_HDR_LEN + bit / 8] ^= (u_char)(1u << (bit % 8));
	l->l_stats.corrupted++;
}

/* ---- arriving ---- */

static void line_send(struct sim_line *, struct sim_frame *);

static struct sim_end *
fdb_find(struct sim_link *k, const u_char *mac)
{
	struct sim_end *e;

	TAILQ_FOREACH (e, &k->k_fdb[be16dec(mac + 3) & (FDB_SIZE - 1)], e_hash)
		if (memcmp(e->e_mac, mac, ETHER_ADDR_LEN) == 0)
			return (e);
	return (NULL);
}

static void
to_interface(struct sim_end *e, struct sim_frame *f)
{
	struct mbuf *m = f->f_m;

	free(f, M_SIM);
	if (e->e_tap != NULL)
		e->e_tap(e->e_tap_arg, m->m_data, (size_t)m->m_len);
	if ((e->e_ifp->if_drv_flags & IFF_DRV_RUNNING) == 0) {
		m_freem(m);
		return;
	}
	CURVNET_SET(e->e_host->h_vnet);
	m->m_pkthdr.rcvif = e->e_ifp;
	e->e_ifp->if_input(e->e_ifp, m);
	CURVNET_RESTORE();
}

/* Consumes f. */
static void
switch_frame(struct sim_link *k, const struct sim_end *from, struct sim_frame *f)
{
	const u_char *dst = mtod(f->f_m, const u_char *);
	struct sim_end *e;
	struct sim_frame *copy;

	if (!ETHER_IS_MULTICAST(dst) && (e = fdb_find(k, dst)) != NULL) {
		if (e != from)
			line_send(&e->e_in, f);
		else
			sim_frame_free(f);
		return;
	}
	TAILQ_FOREACH (e, &k->k_ends, e_next)
		if (e != from && (copy = frame_make(f->f_m, f->f_cost - f->f_len)) != NULL)
			line_send(&e->e_in, copy);
	sim_frame_free(f);
}

static void line_arrival(void *);

static void
set_arrival(struct sim_line *l)
{
	struct sim_frame *f = TAILQ_FIRST(&l->l_way);
	uint64_t now = sim_now_ns();

	if (f == NULL || (callout_pending(&l->l_arrival) && l->l_arrival_ns == f->f_ns))
		return;
	l->l_arrival_ns = f->f_ns;
	callout_reset_sbt(&l->l_arrival, f->f_ns > now ? nstosbt((int64_t)(f->f_ns - now)) : 0, 0,
	    line_arrival, l, 0);
}

static void
line_arrival(void *arg)
{
	struct sim_line *l = arg;
	uint64_t now = sim_now_ns();
	struct sim_frame *f;

	while ((f = TAILQ_FIRST(&l->l_way)) != NULL && f->f_ns <= now) {
		TAILQ_REMOVE(&l->l_way, f, f_next);
		if (!sim_count_frame())
			sim_frame_free(f);
		else if (l->l_to != NULL)
			to_interface(l->l_to, f);
		else
			switch_frame(l->l_link, l->l_from, f);
	}
	set_arrival(l);
}

/* ---- sending ---- */

static void
put_on_way(struct sim_line *l, struct sim_frame *f, uint64_t sent_ns)
{
	struct sim_frame *p;

	f->f_ns = sent_ns + l->l_delay_ns;
	if (l->l_jitter_ns != 0)
		f->f_ns += sim_random_below(&l->l_random, l->l_jitter_ns + 1);
	if (l->l_chances && sim_random_chance(&l->l_random, l->l_conf->reorder)) {
		f->f_ns += l->l_conf->reorder_ns;
		l->l_stats.reordered++;
	}
	TAILQ_FOREACH_REVERSE(p, &l->l_way, sim_frames, f_next)
	if (p->f_ns <= f->f_ns)
		break;
	if (p == NULL)
		TAILQ_INSERT_HEAD(&l->l_way, f, f_next);
	else
		TAILQ_INSERT_AFTER(&l->l_way, p, f, f_next);
}

/* f has been sent, at sent_ns. Consumes it. */
static void
onto_way(struct sim_line *l, struct sim_frame *f, uint64_t sent_ns)
{
	const struct sim_line_conf *c = l->l_conf;
	struct sim_frame *copy;

	if (l->l_chances) {
		if (is_lost(l, f)) {
			l->l_stats.lost++;
			sim_frame_free(f);
			return;
		}
		if (sim_random_chance(&l->l_random, c->duplicate) &&
		    (copy = frame_make(f->f_m, c->overhead)) != NULL) {
			l->l_stats.duplicated++;
			put_on_way(l, copy, sent_ns);
		}
		if (sim_random_chance(&l->l_random, c->corrupt))
			corrupt(l, f);
	}
	put_on_way(l, f, sent_ns);
}

/* The line is free: f is sent now. Consumes it. */
static void
begin_sending(struct sim_line *l, struct sim_frame *f)
{
	uint64_t now = sim_now_ns(), takes = 0;

	if (l->l_conf->rate_bps != 0)
		takes = (uint64_t)f->f_cost * 8 * SIM_NS_PER_S / l->l_conf->rate_bps;
	l->l_busy_until_ns = now + takes;
	l->l_stats.busy_ns += takes;
	l->l_stats.sent++;
	l->l_stats.sent_bytes += f->f_len;
	/* what is on the line: of a switch, what the hosts send */
	if (l->l_link->k_tap != NULL && l->l_link->k_tap_host == NULL && l->l_from != NULL)
		l->l_link->k_tap(l->l_link->k_tap_arg, f->f_m->m_data, f->f_len);
	onto_way(l, f, now + takes);
	set_arrival(l);
}

static void line_sent(void *);

static void
set_sent(struct sim_line *l)
{
	if (!callout_pending(&l->l_sent) && l->l_queue.q_packets != 0)
		callout_reset_sbt(&l->l_sent, nstosbt((int64_t)(l->l_busy_until_ns - sim_now_ns())),
		    0, line_sent, l, 0);
}

static void
line_sent(void *arg)
{
	struct sim_line *l = arg;
	struct sim_frame *f = sim_queue_get(&l->l_queue);

	if (f != NULL)
		begin_sending(l, f);
	set_sent(l);
}

/* Consumes f. */
static void
line_send(struct sim_line *l, struct sim_frame *f)
{
	l->l_stats.offered++;
	l->l_stats.offered_bytes += f->f_len;
	if (l->l_conf->rate_bps == 0) {
		begin_sending(l, f);
		return;
	}
	sim_queue_put(&l->l_queue, f);
	if (l->l_busy_until_ns <= sim_now_ns() && !callout_pending(&l->l_sent)) {
		f = sim_queue_get(&l->l_queue);
		if (f != NULL)
			begin_sending(l, f);
	}
	set_sent(l);
}

/* ---- the interface, ifnet(9) ---- */

static int
end_transmit(struct ifnet *ifp, struct mbuf *m)
{
	struct sim_end *e = ifp->if_softc;
	struct sim_frame *f = frame_make(m, e->e_out.l_conf->overhead);

	if (f == NULL) {
		ifp->if_oqdrops++;
		m_freem(m);
		return (ENOBUFS);
	}
	ifp->if_opackets++;
	ifp->if_obytes += f->f_len;
	if ((m->m_flags & (M_BCAST | M_MCAST)) != 0)
		ifp->if_omcasts++;
	m_freem(m);
	if (e->e_tap != NULL)
		e->e_tap(e->e_tap_arg, f->f_m->m_data, f->f_len);
	line_send(&e->e_out, f);
	return (0);
}

static void
end_init(void *arg)
{
	struct sim_end *e = arg;

	e->e_ifp->if_drv_flags |= IFF_DRV_RUNNING;
}

static int
end_ioctl(struct ifnet *ifp, u_long cmd, caddr_t data)
{
	struct ifreq *ifr = (struct ifreq *)(void *)data;
	struct sim_end *e = ifp->if_softc;

	switch (cmd) {
	case SIOCSIFFLAGS:
		if ((ifp->if_flags & IFF_UP) != 0)
			ifp->if_drv_flags |= IFF_DRV_RUNNING;
		else
			ifp->if_drv_flags &= ~IFF_DRV_RUNNING;
		return (0);
	case SIOCSIFMTU:
		if (ifr->ifr_mtu < IF_MINMTU || ifr->ifr_mtu > (int)e->e_link->k_mtu)
			return (EINVAL);
		ifp->if_mtu = (uint32_t)ifr->ifr_mtu;
		return (0);
	case SIOCADDMULTI:
	case SIOCDELMULTI:
		return (0); /* every frame comes */
	default:
		return (ether_ioctl(ifp, cmd, data));
	}
}

/* ---- making ---- */

static void
line_init(struct sim_line *l, struct sim_link *k, int way, struct sim_end *from, struct sim_end *to,
    uint64_t stream)
{
	l->l_link = k;
	l->l_conf = &k->k_conf[way];
	l->l_from = from;
	l->l_to = to;
	l->l_chances = !k->k_lan || way == 0;
	l->l_delay_ns = l->l_conf->delay_ns;
	l->l_jitter_ns = way == 0 || !k->k_lan ? l->l_conf->jitter_ns : 0;
	if (k->k_lan) /* the way from host to host goes over two cables */
		l->l_delay_ns = way == 0 ? l->l_delay_ns - l->l_delay_ns / 2 : l->l_delay_ns / 2;
	sim_random_init(&l->l_random, k->k_seed, stream * 2 + (uint64_t)way);
	sim_queue_init(
	    &l->l_queue, &l->l_conf->queue, l->l_conf->rate_bps, &l->l_stats, &l->l_random);
	callout_init(&l->l_sent, 1);
	callout_init(&l->l_arrival, 1);
	TAILQ_INIT(&l->l_way);
}

struct sim_link *
sim_link_create(const char *name, bool lan, uint32_t mtu, uint64_t seed)
{
	struct sim_link *k = malloc(sizeof(*k), M_SIM, M_WAITOK | M_ZERO);
	int i;

	strlcpy(k->k_name, name, sizeof(k->k_name));
	k->k_lan = lan;
	k->k_mtu = mtu;
	k->k_seed = seed ^ ((uint64_t)++nlinks << 32);
	TAILQ_INIT(&k->k_ends);
	if (lan) {
		k->k_fdb = mallocarray(FDB_SIZE, sizeof(*k->k_fdb), M_SIM, M_WAITOK);
		for (i = 0; i < FDB_SIZE; i++)
			TAILQ_INIT(&k->k_fdb[i]);
	}
	return (k);
}

void
sim_link_set(struct sim_link *k, int way, const struct sim_line_conf *c)
{
	k->k_conf[way] = *c;
}

static void
connect_lines(struct sim_link *k, struct sim_end *e)
{
	struct sim_end *other = TAILQ_FIRST(&k->k_ends);
	uint64_t stream = (uint64_t)k->k_nends;

	if (k->k_lan) {
		line_init(&e->e_out, k, 0, e, NULL, stream);
		line_init(&e->e_in, k, 1, NULL, e, stream);
	} else if (other == e) {
		line_init(&e->e_out, k, 0, e, NULL, stream);
	} else {
		other->e_out.l_to = e;
		line_init(&e->e_out, k, 1, e, other, stream);
	}
}

int
sim_link_attach(struct sim_link *k, struct sim_host *h, uint32_t addr, int plen)
{
	struct in_addr in = {htonl(addr)};
	struct sim_end *e = malloc(sizeof(*e), M_SIM, M_WAITOK | M_ZERO);
	struct ifnet *ifp;
	int error;

	KASSERT(k->k_lan || k->k_nends < 2, ("a link has two ends"));
	CURVNET_SET(h->h_vnet);
	ifp = if_alloc(IFT_ETHER);
	e->e_link = k;
	e->e_host = h;
	e->e_ifp = ifp;
	if (h == k->k_tap_host) {
		e->e_tap = k->k_tap;
		e->e_tap_arg = k->k_tap_arg;
	}
	/* locally administered; hosts and their interfaces by number */
	e->e_mac[0] = 2;
	be32enc(e->e_mac + 1, h->h_number);
	e->e_mac[5] = (uint8_t)h->h_nifs;
	if_initname(ifp, "eth", h->h_nifs++);
	ifp->if_softc = e;
	ifp->if_flags = IFF_BROADCAST | IFF_SIMPLEX | IFF_MULTICAST;
	ifp->if_mtu = k->k_mtu;
	ifp->if_baudrate = k->k_conf[0].rate_bps != 0 ? k->k_conf[0].rate_bps : IF_BAUDRATE;
	ifp->if_init = end_init;
	ifp->if_ioctl = end_ioctl;
	ifp->if_transmit = end_transmit;
	TAILQ_INSERT_TAIL(&k->k_ends, e, e_next);
	if (k->k_lan)
		TAILQ_INSERT_TAIL(&k->k_fdb[be16dec(e->e_mac + 3) & (FDB_SIZE - 1)], e, e_hash);
	connect_lines(k, e);
	k->k_nends++;
	ether_ifattach(ifp, e->e_mac);
	if_link_state_change(ifp, LINK_STATE_UP);
	if_up(ifp);
	end_init(e);
	error = in_aifaddr(ifp, in, plen);
	CURVNET_RESTORE();
	return (error);
}

void
sim_link_set_tap(struct sim_link *k, const struct sim_host *h, sim_tap_fn *fn, void *arg)
{
	KASSERT(k->k_nends == 0, ("taps come before ends: what they send first counts too"));
	k->k_tap = fn;
	k->k_tap_arg = arg;
	k->k_tap_host = h;
}

static void
add_stats(struct sim_line_stats *to, const struct sim_line_stats *s)
{
	to->offered += s->offered;
	to->offered_bytes += s->offered_bytes;
	to->sent += s->sent;
	to->sent_bytes += s->sent_bytes;
	to->tail_drops += s->tail_drops;
	to->aqm_drops += s->aqm_drops;
	to->marks += s->marks;
	to->lost += s->lost;
	to->duplicated += s->duplicated;
	to->corrupted += s->corrupted;
	to->reordered += s->reordered;
	to->busy_ns += s->busy_ns;
	to->wait_sum_ns += s->wait_sum_ns;
	to->queue_max_bytes = MAX(to->queue_max_bytes, s->queue_max_bytes);
	to->queue_max_packets = MAX(to->queue_max_packets, s->queue_max_packets);
	to->wait_max_ns = MAX(to->wait_max_ns, s->wait_max_ns);
}

void
sim_link_stats(const struct sim_link *k, int way, struct sim_line_stats *to)
{
	const struct sim_end *e;

	memset(to, 0, sizeof(*to));
	TAILQ_FOREACH (e, &k->k_ends, e_next) {
		if (k->k_lan)
			add_stats(to, way == 0 ? &e->e_out.l_stats : &e->e_in.l_stats);
		else if ((way == 0) == (e == TAILQ_FIRST(&k->k_ends)))
			add_stats(to, &e->e_out.l_stats);
	}
}
