/*
 * netisr.c - hands packets from link layers to protocols, netisr(9): at once (netisr_dispatch), or
 * from a soft interrupt (netisr_queue), for those who must not call back into themselves.
 *
 * Owns the queue of each protocol in each VNET. Bound: net.isr.defaultqlimit packets per queue;
 * what does not fit is dropped and counted.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/interrupt.h>
#include <sys/kernel.h>
#include <sys/mbuf.h>
#include <sys/socket.h>
#include <sys/sysctl.h>
#include <net/if_var.h>
#include <net/netisr.h>
#include <net/vnet.h>

#define NETISR_DEFAULTQLIMIT 256 /* packets */
#define NETISR_MAXQLIMIT 65536
#define NETISR_BATCH 64 /* packets of one protocol before the next one has its turn */

struct netisr_work {
	struct mbufq nw_q;
	uint64_t nw_dispatched, nw_queued, nw_drops;
};

static const struct netisr_handler *netisr_proto[NETISR_MAXPROT];
static void *netisr_cookie;

VNET_DEFINE_STATIC(struct netisr_work, netisr_work[NETISR_MAXPROT]);
#define V_netisr_work VNET(netisr_work)
VNET_DEFINE_STATIC(int, netisr_pending); /* packets in all queues of this stack */
#define V_netisr_pending VNET(netisr_pending)
VNET_DEFINE_STATIC(int, netisr_defaultqlimit) = NETISR_DEFAULTQLIMIT;
#define V_netisr_defaultqlimit VNET(netisr_defaultqlimit)

SYSCTL_NODE(_net, OID_AUTO, isr, CTLFLAG_RW, NULL, "Queues between link layers and protocols");
SYSCTL_INT_RANGE(_net_isr, OID_AUTO, defaultqlimit, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(netisr_defaultqlimit), 1, NETISR_MAXQLIMIT,
    "Packets that may wait for one protocol (default 256, 1-65536); more are dropped");

enum netisr_counter { NETISR_DISPATCHED, NETISR_QUEUED, NETISR_DROPS };

/* One of the counters, over all protocols. */
static int
sysctl_netisr_sum(SYSCTL_HANDLER_ARGS)
{
	const struct netisr_work *nw;
	uint64_t sum = 0;
	int i;

	for (i = 0; i < NETISR_MAXPROT; i++) {
		nw = &V_netisr_work[i];
		switch ((enum netisr_counter)arg2) {
		case NETISR_DISPATCHED:
			sum += nw->nw_dispatched;
			break;
		case NETISR_QUEUED:
			sum += nw->nw_queued;
			break;
		case NETISR_DROPS:
			sum += nw->nw_drops;
			break;
		}
	}
	return (sysctl_handle_64(oidp, &sum, 0, req));
}
SYSCTL_PROC(_net_isr, OID_AUTO, dispatched, CTLTYPE_U64 | CTLFLAG_RD, NULL, NETISR_DISPATCHED,
    sysctl_netisr_sum, "QU", "Packets handed to a protocol at once");
SYSCTL_PROC(_net_isr, OID_AUTO, queued, CTLTYPE_U64 | CTLFLAG_RD, NULL, NETISR_QUEUED,
    sysctl_netisr_sum, "QU", "Packets queued for a protocol");
SYSCTL_PROC(_net_isr, OID_AUTO, qdrops, CTLTYPE_U64 | CTLFLAG_RD, NULL, NETISR_DROPS,
    sysctl_netisr_sum, "QU", "Packets dropped because a queue was full");

void
netisr_register(const struct netisr_handler *nhp)
{
	KASSERT(nhp->nh_proto < NETISR_MAXPROT, ("netisr_register: protocol %u", nhp->nh_proto));
	KASSERT(
	    netisr_proto[nhp->nh_proto] == NULL, ("netisr_register: %s: taken by %s", nhp->nh_name,
						     netisr_proto[nhp->nh_proto]->nh_name));
	netisr_proto[nhp->nh_proto] = nhp;
}

void
netisr_unregister(const struct netisr_handler *nhp)
{
	struct vnet *vnet;

	netisr_proto[nhp->nh_proto] = NULL;
	VNET_FOREACH (vnet) {
		CURVNET_SET(vnet);
		V_netisr_pending -= mbufq_len(&V_netisr_work[nhp->nh_proto].nw_q);
		mbufq_drain(&V_netisr_work[nhp->nh_proto].nw_q);
		CURVNET_RESTORE();
	}
}

void
netisr_getqdrops(const struct netisr_handler *nhp, uint64_t *qdrops)
{
	*qdrops = V_netisr_work[nhp->nh_proto].nw_drops;
}

int
netisr_dispatch(u_int proto, struct mbuf *m)
{
	const struct netisr_handler *nhp = netisr_proto[proto];

	if (__predict_false(nhp == NULL)) {
		m_freem(m);
		return (ENOPROTOOPT);
	}
	V_netisr_work[proto].nw_dispatched++;
	nhp->nh_handler(m);
	return (0);
}

int
netisr_queue(u_int proto, struct mbuf *m)
{
	const struct netisr_handler *nhp = netisr_proto[proto];
	struct netisr_work *nw = &V_netisr_work[proto];

	if (__predict_false(nhp == NULL)) {
		m_freem(m);
		return (ENOPROTOOPT);
	}
	nw->nw_q.mq_maxlen = nhp->nh_qlimit != 0 ? (int)nhp->nh_qlimit : V_netisr_defaultqlimit;
	if (mbufq_enqueue(&nw->nw_q, m) != 0) {
		nw->nw_drops++;
		m_freem(m);
		return (ENOBUFS);
	}
	nw->nw_queued++;
	if (V_netisr_pending++ == 0)
		swi_sched(netisr_cookie, 0);
	return (0);
}

/* Up to a batch of each protocol's queue in curvnet. */
static void
netisr_run_vnet(void)
{
	struct mbuf *m;
	u_int proto, n;

	for (proto = 0; proto < NETISR_MAXPROT; proto++) {
		for (n = 0; n < NETISR_BATCH; n++) {
			if ((m = mbufq_dequeue(&V_netisr_work[proto].nw_q)) == NULL)
				break;
			V_netisr_pending--;
			netisr_proto[proto]->nh_handler(m);
		}
	}
}

static void
netisr_swi(void *unused __unused)
{
	struct vnet *vnet;
	bool again = false;

	VNET_FOREACH (vnet) {
		CURVNET_SET(vnet);
		if (V_netisr_pending > 0)
			netisr_run_vnet();
		again |= V_netisr_pending > 0;
		CURVNET_RESTORE();
	}
	if (again)
		swi_sched(netisr_cookie, 0);
}

void
netisr_forget_if(struct ifnet *ifp)
{
	struct mbufq *q;
	struct mbuf *m;
	int i, n;

	for (i = 0; i < NETISR_MAXPROT; i++) {
		q = &V_netisr_work[i].nw_q;
		for (n = mbufq_len(q); n > 0; n--) {
			m = mbufq_dequeue(q);
			if (m->m_pkthdr.rcvif != ifp) {
				(void)mbufq_enqueue(q, m);
				continue;
			}
			V_netisr_pending--;
			m_freem(m);
		}
	}
}

static void
netisr_init(const void *unused __unused)
{
	int error;

	error = swi_add(NULL, "netisr", netisr_swi, NULL, SWI_NET, INTR_MPSAFE, &netisr_cookie);
	KASSERT(error == 0, ("netisr_init: swi_add: %d", error));
}
SYSINIT(netisr_init, SI_SUB_SOFTINTR, SI_ORDER_FIRST, netisr_init, NULL);

static void
netisr_vnet_destroy(const void *unused __unused)
{
	int i;

	for (i = 0; i < NETISR_MAXPROT; i++)
		mbufq_drain(&V_netisr_work[i].nw_q);
	V_netisr_pending = 0;
}
VNET_SYSUNINIT(netisr, SI_SUB_SOFTINTR, SI_ORDER_FIRST, netisr_vnet_destroy, NULL);
