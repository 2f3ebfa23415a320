/*
 * uipc_socket.c - the life of a socket: made, bound, connected, shut down, closed, freed.
 * Owns the socket zone and the states of so_state. Called by rpc/ from above and by the
 * protocols (soisconnected() and its like) from below. The rules are in socketvar.h.
 * Bound: kern.ipc.maxsockets.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/domain.h>
#include <sys/mbuf.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sysctl.h>
#include <sys/ucred.h>
#include <vm/uma.h>

uint32_t numopensockets;
static int maxsockets = 65536;
static uma_zone_t socket_zone;

static int
sysctl_maxsockets(SYSCTL_HANDLER_ARGS)
{
	int error, v = maxsockets;

	error = sysctl_handle_int(oidp, &v, 0, req);
	if (error != 0 || req->newptr == NULL || v == maxsockets)
		return (error);
	if (v < maxsockets)
		return (EINVAL);
	maxsockets = v;
	uma_zone_set_max(socket_zone, v);
	return (0);
}
SYSCTL_PROC(_kern_ipc, OID_AUTO, maxsockets, CTLTYPE_INT | CTLFLAG_RW, &maxsockets, 0,
    sysctl_maxsockets, "I", "Most sockets (default 65536; may only be raised)");
SYSCTL_U32(_kern_ipc, OID_AUTO, numopensockets, CTLFLAG_RD, &numopensockets, 0,
    "Sockets that exist, those that only their protocol still needs included");

static void
socket_init(void *arg __unused)
{
	socket_zone = uma_zcreate(
	    "socket", sizeof(struct socket), NULL, NULL, NULL, NULL, UMA_ALIGN_CACHE, 0);
	uma_zone_set_max(socket_zone, maxsockets);
	uma_zone_set_warning(socket_zone, "kern.ipc.maxsockets limit reached");
}
SYSINIT(socket, SI_SUB_MBUF, SI_ORDER_SECOND, socket_init, NULL);

/* ---- made and freed ---- */

struct socket *
soalloc(struct vnet *vnet)
{
	struct socket *so;

	so = uma_zalloc(socket_zone, M_NOWAIT);
	if (so == NULL)
		return (NULL);
	memset(so, 0, sizeof(*so));
	so->so_vnet = vnet;
	TAILQ_INIT(&so->sol_comp);
	TAILQ_INIT(&so->sol_incomp);
	vnet->vnet_sockcnt++;
	numopensockets++;
	return (so);
}

void
sodealloc(struct socket *so)
{
	KASSERT(so->so_count == 0, ("%s: %p has %d references", __func__, so, so->so_count));
	KASSERT(
	    so->so_qstate == SQ_NONE && TAILQ_EMPTY(&so->sol_comp) && TAILQ_EMPTY(&so->sol_incomp),
	    ("%s: %p and a queue", __func__, so));
	sbdestroy(so, SO_RCV);
	sbdestroy(so, SO_SND);
	if (so->so_cred != NULL)
		crfree(so->so_cred);
	so->so_vnet->vnet_sockcnt--;
	numopensockets--;
	uma_zfree(socket_zone, so);
}

static int
so_findproto(int dom, int type, int proto, const struct protosw **prp)
{
	*prp = pffindproto(dom, type, proto);
	if (*prp != NULL)
		return (0);
	if (pffinddomain(dom) == NULL)
		return (EAFNOSUPPORT);
	return (proto == 0 ? EPROTOTYPE : EPROTONOSUPPORT);
}

int
socreate(int dom, struct socket **aso, int type, int proto, struct ucred *cred, struct thread *td)
{
	const struct protosw *pr;
	struct socket *so;
	int error;

	*aso = NULL;
	error = so_findproto(dom, type, proto, &pr);
	if (error != 0)
		return (error);
	so = soalloc(curvnet);
	if (so == NULL)
		return (ENOBUFS);
	so->so_type = (short)type;
	so->so_proto = pr;
	so->so_cred = crhold(cred != NULL ? cred : kern_cred);
	so->so_count = 1;
	error = pr->pr_attach(so, proto, td);
	if (error != 0) {
		so->so_count = 0;
		sodealloc(so);
		return (error);
	}
	*aso = so;
	return (0);
}

void
soref(struct socket *so)
{
	KASSERT(so->so_count > 0, ("%s: %p is dead", __func__, so));
	so->so_count++;
}

void
sorele(struct socket *so)
{
	KASSERT(so->so_count > 0, ("%s: %p is dead", __func__, so));
	if (--so->so_count > 0)
		return;
	KASSERT((so->so_state & SS_NOFDREF) != 0, ("%s: %p has a holder", __func__, so));
	CURVNET_SET(so->so_vnet);
	so->so_proto->pr_detach(so);
	so->so_pcb = NULL;
	sodealloc(so);
	CURVNET_RESTORE();
}

int
soclose(struct socket *so)
{
	int error = 0;

	KASSERT((so->so_state & SS_NOFDREF) == 0, ("%s: %p has no holder", __func__, so));
	CURVNET_SET(so->so_vnet);
	soupcall_clear(so, SO_RCV);
	soupcall_clear(so, SO_SND);
	solisten_upcall_set(so, NULL, NULL);
	if ((so->so_state & (SS_ISCONNECTED | SS_ISDISCONNECTING)) == SS_ISCONNECTED) {
		error = sodisconnect(so);
		if (error == ENOTCONN || error == EOPNOTSUPP)
			error = 0;
	}
	so->so_proto->pr_close(so);
	solisten_abortall(so);
	so->so_state |= SS_NOFDREF;
	sorele(so);
	CURVNET_RESTORE();
	return (error);
}

void
soabort(struct socket *so)
{
	KASSERT(so->so_qstate == SQ_NONE, ("%s: %p is queued", __func__, so));
	CURVNET_SET(so->so_vnet);
	so->so_state |= SS_NOFDREF;
	so->so_proto->pr_abort(so);
	sorele(so);
	CURVNET_RESTORE();
}

/* ---- asked by the holder ---- */

int
sobind(struct socket *so, struct sockaddr *nam, struct thread *td)
{
	int error;

	CURVNET_SET(so->so_vnet);
	error = so->so_proto->pr_bind(so, nam, td);
	CURVNET_RESTORE();
	return (error);
}

int
soconnect(struct socket *so, struct sockaddr *nam, struct thread *td)
{
	int error = 0;

	if (SOLISTENING(so))
		return (EOPNOTSUPP);
	if ((so->so_state & SS_ISCONNECTING) != 0)
		return (EALREADY);
	CURVNET_SET(so->so_vnet);
	if ((so->so_state & SS_ISCONNECTED) != 0) {
		/* a datagram socket may change its mind */
		if ((so->so_proto->pr_flags & PR_CONNREQUIRED) != 0 || sodisconnect(so) != 0)
			error = EISCONN;
	}
	if (error == 0) {
		so->so_error = 0;
		error = so->so_proto->pr_connect(so, nam, td);
	}
	CURVNET_RESTORE();
	return (error);
}

int
soconnwait(struct socket *so)
{
	int error = 0;

	while (error == 0 && (so->so_state & SS_ISCONNECTING) != 0 && so->so_error == 0)
		error = tsleep(&so->so_state, PSOCK | PCATCH, "connec", 0);
	if (error == 0) {
		error = so->so_error;
		so->so_error = 0;
	}
	return (error);
}

int
sodisconnect(struct socket *so)
{
	int error;

	if ((so->so_state & SS_ISCONNECTED) == 0)
		return (ENOTCONN);
	if ((so->so_state & SS_ISDISCONNECTING) != 0)
		return (EALREADY);
	CURVNET_SET(so->so_vnet);
	error = so->so_proto->pr_disconnect(so);
	CURVNET_RESTORE();
	return (error);
}

/* On a listener it wakes whoever waits to accept; the queue goes on until it is closed. */
static int
solisten_shutdown(struct socket *so, int how)
{
	if (how != SHUT_WR) {
		so->so_error = ECONNABORTED;
		wakeup(&so->sol_comp);
		socantrcvmore(so);
	}
	return (0);
}

int
soshutdown(struct socket *so, int how)
{
	int error;

	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return (EINVAL);
	if (SOLISTENING(so))
		return (solisten_shutdown(so, how));
	CURVNET_SET(so->so_vnet);
	error = so->so_proto->pr_shutdown(so, how);
	if (error == 0) {
		if (how != SHUT_WR)
			sorflush(so);
		if (how != SHUT_RD && (so->so_snd.sb_state & SBS_CANTSENDMORE) == 0)
			socantsendmore(so);
	}
	CURVNET_RESTORE();
	return (error);
}

/* Nobody will read what has come, nor what comes. */
void
sorflush(struct socket *so)
{
	sbflush(&so->so_rcv);
	so->so_oobmark = 0;
	so->so_rcv.sb_state &= ~SBS_RCVATMARK;
	socantrcvmore(so);
}

int
sosockaddr(struct socket *so, struct sockaddr *sa)
{
	int error;

	CURVNET_SET(so->so_vnet);
	error = so->so_proto->pr_sockaddr(so, sa);
	CURVNET_RESTORE();
	return (error);
}

int
sopeeraddr(struct socket *so, struct sockaddr *sa)
{
	int error;

	if ((so->so_state & (SS_ISCONNECTED | SS_ISCONFIRMING)) == 0)
		return (ENOTCONN);
	CURVNET_SET(so->so_vnet);
	error = so->so_proto->pr_peeraddr(so, sa);
	CURVNET_RESTORE();
	return (error);
}

int
soreserve(struct socket *so, u_long sndcc, u_long rcvcc)
{
	if (!sbreserve(so, SO_SND, sndcc, NULL))
		return (ENOBUFS);
	if (!sbreserve(so, SO_RCV, rcvcc, NULL)) {
		sbrelease(so, SO_SND);
		return (ENOBUFS);
	}
	if (so->so_rcv.sb_lowat == 0)
		so->so_rcv.sb_lowat = 1;
	if (so->so_snd.sb_lowat == 0)
		so->so_snd.sb_lowat = (u_int)ulmin(MCLBYTES, so->so_snd.sb_hiwat);
	return (0);
}

struct sockaddr *
sodupsockaddr(const struct sockaddr *sa, int mflags)
{
	struct sockaddr *copy;

	copy = malloc(sa->sa_len, M_SONAME, mflags);
	if (copy != NULL)
		memcpy(copy, sa, sa->sa_len);
	return (copy);
}

/* ---- told by the protocol ---- */

void
soisconnecting(struct socket *so)
{
	so->so_state &= ~(SS_ISCONNECTED | SS_ISDISCONNECTING);
	so->so_state |= SS_ISCONNECTING;
}

void
soisconnected(struct socket *so)
{
	so->so_state &= ~(SS_ISCONNECTING | SS_ISDISCONNECTING | SS_ISCONFIRMING);
	so->so_state |= SS_ISCONNECTED;
	if (so->so_qstate == SQ_INCOMP) {
		solisten_remove(so);
		solisten_enqueue(so);
		return;
	}
	wakeup(&so->so_state);
	sorwakeup(so);
	sowwakeup(so);
}

void
soisdisconnecting(struct socket *so)
{
	so->so_state &= ~SS_ISCONNECTING;
	so->so_state |= SS_ISDISCONNECTING;
	wakeup(&so->so_state);
	socantrcvmore(so);
	socantsendmore(so);
}

void
soisdisconnected(struct socket *so)
{
	so->so_state &= ~(SS_ISCONNECTING | SS_ISCONNECTED | SS_ISDISCONNECTING);
	so->so_state |= SS_ISDISCONNECTED;
	sbflush(&so->so_snd);
	wakeup(&so->so_state);
	socantrcvmore(so);
	socantsendmore(so);
	if (so->so_qstate == SQ_INCOMP) {
		solisten_remove(so);
		so->so_listen = NULL;
		sorele(so);
	}
}

void
soupcall_set(struct socket *so, sb_which which, so_upcall_t *fn, void *arg)
{
	struct sockbuf *sb = which == SO_RCV ? &so->so_rcv : &so->so_snd;

	sb->sb_upcall = fn;
	sb->sb_upcallarg = arg;
	if (fn != NULL)
		sb->sb_flags |= SB_UPCALL;
	else
		sb->sb_flags &= ~SB_UPCALL;
}

void
soupcall_clear(struct socket *so, sb_which which)
{
	soupcall_set(so, which, NULL, NULL);
}
