/*
 * uipc_accept.c - listeners and their queues of connections that nobody has accepted yet.
 * Owns the sol_ fields of struct socket. Called by the protocols' pr_listen and by their input
 * (sonewconn), and by the holder of the listener (solisten_dequeue).
 *
 * Each queued socket belongs to its queue: one reference, SS_NOFDREF. A listener turns
 * connections away once sol_qlen + sol_qheld is above 3/2 of its backlog; connections that are not
 * complete are at most as many as the backlog, the oldest giving way.
 * Bound: kern.ipc.soacceptqueue.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <sys/time.h>
#include <sys/ucred.h>

/* What is inherited by a connection from its listener. */
#define SO_INHERITED(opts) ((opts) & ~(SO_ACCEPTCONN | SO_ACCEPTFILTER))

int somaxconn = SOMAXCONN;
static u_int sooverinterval = 60;

SYSCTL_INT_RANGE(_kern_ipc, OID_AUTO, soacceptqueue, CTLFLAG_RW, &somaxconn, 1, 65535,
    "Longest backlog that listen() can ask for (connections, 1-65535, default 128)");
SYSCTL_UINT_RANGE(_kern_ipc, OID_AUTO, sooverinterval, CTLFLAG_RW, &sooverinterval, 0, INT_MAX,
    "Least time between log lines about one listener's full queue (seconds, default 60)");

/* ---- becoming a listener ---- */

int
solisten_proto_check(struct socket *so)
{
	if ((so->so_state & (SS_ISCONNECTED | SS_ISCONNECTING | SS_ISDISCONNECTING)) != 0)
		return (EINVAL);
	return (0);
}

void
solisten_proto(struct socket *so, int backlog)
{
	if (backlog < 0 || backlog > somaxconn)
		backlog = somaxconn;
	so->sol_qlimit = (u_int)backlog;
	so->so_options |= SO_ACCEPTCONN;
}

int
solisten(struct socket *so, int backlog, struct thread *td)
{
	int error;

	CURVNET_SET(so->so_vnet);
	error = so->so_proto->pr_listen(so, backlog, td);
	CURVNET_RESTORE();
	return (error);
}

void
solisten_upcall_set(struct socket *so, so_upcall_t *fn, void *arg)
{
	so->sol_upcall = fn;
	so->sol_upcallarg = arg;
}

bool
solisten_full(const struct socket *head)
{
	return (head->sol_qlen + head->sol_qheld > 3 * head->sol_qlimit / 2);
}

/* ---- the queues ---- */

static void
solisten_overflow(struct socket *head)
{
	struct sockaddr_storage ss;
	const uint8_t *port = (const uint8_t *)((struct sockaddr *)&ss)->sa_data;
	sbintime_t now = getsbinuptime();

	head->sol_overcount++;
	head->sol_overshort++;
	if (head->sol_overlast != 0 &&
	    now - head->sol_overlast < (sbintime_t)sooverinterval * SBT_1S)
		return;
	memset(&ss, 0, sizeof(ss));
	/* In both IP families the port is what follows the family. */
	if (head->so_proto->pr_sockaddr(head, (struct sockaddr *)&ss) != 0)
		memset(&ss, 0, sizeof(ss));
	log(LOG_DEBUG, "listen queue of port %u is full: %u wait, backlog %u, %u turned away\n",
	    port[0] << 8 | port[1], head->sol_qlen + head->sol_qheld, head->sol_qlimit,
	    head->sol_overshort);
	head->sol_overlast = now;
	head->sol_overshort = 0;
}

static void
solisten_addincomp(struct socket *head, struct socket *so)
{
	struct socket *oldest;

	while (head->sol_incqlen > 0 && head->sol_incqlen >= head->sol_qlimit) {
		oldest = TAILQ_FIRST(&head->sol_incomp);
		solisten_remove(oldest);
		soabort(oldest);
	}
	so->so_qstate = SQ_INCOMP;
	so->so_listen = head;
	TAILQ_INSERT_TAIL(&head->sol_incomp, so, so_list);
	head->sol_incqlen++;
}

/* so knows its listener, and is on no queue. */
void
solisten_enqueue(struct socket *so)
{
	struct socket *head = so->so_listen;

	so->so_qstate = SQ_COMP;
	TAILQ_INSERT_TAIL(&head->sol_comp, so, so_list);
	head->sol_qlen++;
	wakeup_one(&head->sol_comp);
	if (head->sol_upcall != NULL) {
		CURVNET_SET(head->so_vnet);
		(void)head->sol_upcall(head, head->sol_upcallarg, M_NOWAIT);
		CURVNET_RESTORE();
	}
	sorwakeup(head);
}

void
solisten_remove(struct socket *so)
{
	struct socket *head = so->so_listen;

	if (so->so_qstate == SQ_COMP) {
		TAILQ_REMOVE(&head->sol_comp, so, so_list);
		head->sol_qlen--;
	} else {
		KASSERT(so->so_qstate == SQ_INCOMP, ("%s: %p is not queued", __func__, so));
		TAILQ_REMOVE(&head->sol_incomp, so, so_list);
		head->sol_incqlen--;
	}
	so->so_qstate = SQ_NONE;
}

void
solisten_abortall(struct socket *head)
{
	struct socket *so;

	while ((so = TAILQ_FIRST(&head->sol_incomp)) != NULL ||
	       (so = TAILQ_FIRST(&head->sol_comp)) != NULL) {
		solisten_remove(so);
		so->so_listen = NULL;
		soabort(so);
	}
}

/* ---- a connection comes ---- */

static void
so_inherit_sb(struct sockbuf *sb, const struct sockbuf *from)
{
	sb->sb_lowat = from->sb_lowat;
	sb->sb_timeo = from->sb_timeo;
	sb->sb_flags |= from->sb_flags & SB_AUTOSIZE;
}

struct socket *
sonewconn(struct socket *head, int connstatus)
{
	struct socket *so;

	if (solisten_full(head)) {
		solisten_overflow(head);
		return (NULL);
	}
	so = soalloc(head->so_vnet);
	if (so == NULL)
		return (NULL);
	so->so_type = head->so_type;
	so->so_options = SO_INHERITED(head->so_options);
	so->so_linger = head->so_linger;
	so->so_state = (short)((head->so_state & SS_NBIO) | SS_NOFDREF);
	so->so_fibnum = head->so_fibnum;
	so->so_user_cookie = head->so_user_cookie;
	so->so_bound_if = head->so_bound_if;
	so->so_ts_clock = head->so_ts_clock;
	so->so_proto = head->so_proto;
	so->so_cred = crhold(head->so_cred);
	so->so_count = 1;
	CURVNET_SET(head->so_vnet);
	if (soreserve(so, head->so_snd.sb_hiwat, head->so_rcv.sb_hiwat) != 0 ||
	    so->so_proto->pr_attach(so, 0, NULL) != 0) {
		so->so_count = 0;
		sodealloc(so);
		CURVNET_RESTORE();
		return (NULL);
	}
	so_inherit_sb(&so->so_rcv, &head->so_rcv);
	so_inherit_sb(&so->so_snd, &head->so_snd);
	so->so_listen = head;
	if (connstatus != 0) {
		so->so_state |= (short)connstatus;
		solisten_enqueue(so);
	} else
		solisten_addincomp(head, so);
	CURVNET_RESTORE();
	return (so);
}

/* ---- and is accepted ---- */

int
solisten_dequeue(struct socket *head, struct socket **ret, int flags __unused)
{
	struct socket *so;

	*ret = NULL;
	if (!SOLISTENING(head))
		return (EINVAL);
	so = TAILQ_FIRST(&head->sol_comp);
	if (so == NULL) {
		if (head->so_error != 0) {
			int error = head->so_error;

			head->so_error = 0;
			return (error);
		}
		return (
		    (head->so_rcv.sb_state & SBS_CANTRCVMORE) != 0 ? ECONNABORTED : EWOULDBLOCK);
	}
	solisten_remove(so);
	so->so_listen = NULL;
	so->so_state &= ~SS_NOFDREF;
	*ret = so;
	return (0);
}

int
solisten_wait(struct socket *head)
{
	int error = 0;

	while (error == 0 && TAILQ_EMPTY(&head->sol_comp) && head->so_error == 0 &&
	       (head->so_rcv.sb_state & SBS_CANTRCVMORE) == 0)
		error = tsleep_sbt(
		    &head->sol_comp, PSOCK | PCATCH, "accept", head->so_rcv.sb_timeo, 0, 0);
	return (error);
}

int
soaccept(struct socket *so, struct sockaddr *sa)
{
	int error;

	KASSERT((so->so_state & SS_NOFDREF) == 0, ("%s: %p was not dequeued", __func__, so));
	CURVNET_SET(so->so_vnet);
	error = so->so_proto->pr_accept(so, sa);
	CURVNET_RESTORE();
	return (error);
}
