/*
 * uipc_sosend.c - bytes from a program into the protocol: sosend().
 * Owns nothing. Called by rpc's pump and by in-kernel users; calls pr_send.
 *
 * One loop serves streams and datagrams: wait until there is room, take as much as fits (a
 * datagram, or the caller's own mbufs: all), hand it to the protocol, until nothing is left.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/mbuf.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/uio.h>

#define SOSEND_OOB_EXTRA 1024 /* bytes that urgent data may go over sb_hiwat */

/* One call's state. */
struct sosend {
	struct socket *ss_so;
	struct sockaddr *ss_addr;
	struct uio *ss_uio;
	struct mbuf *ss_top;	 /* instead of uio */
	struct mbuf *ss_control; /* goes with the first pr_send */
	struct thread *ss_td;
	ssize_t ss_resid; /* bytes still to take */
	long ss_clen;	  /* bytes of control */
	int ss_flags;	  /* MSG_* */
	bool ss_atomic;	  /* all or nothing */
	bool ss_wait;	  /* may sleep */
};

/* 0 if the socket takes data at all. */
static int
sosend_check(const struct sosend *ss)
{
	struct socket *so = ss->ss_so;
	int error;

	if ((so->so_snd.sb_state & SBS_CANTSENDMORE) != 0)
		return (EPIPE);
	if (so->so_error != 0) {
		error = so->so_error;
		so->so_error = 0;
		return (error);
	}
	if ((so->so_state & SS_ISCONNECTED) != 0)
		return (0);
	if ((so->so_proto->pr_flags & (PR_CONNREQUIRED | PR_IMPLOPCL)) == PR_CONNREQUIRED)
		return (ENOTCONN);
	if (ss->ss_addr == NULL)
		return ((so->so_proto->pr_flags & PR_CONNREQUIRED) != 0 ? ENOTCONN : EDESTADDRREQ);
	return (0);
}

/* Waits until something may be sent: *space is how many bytes, control not counted. */
static int
sosend_room(const struct sosend *ss, long *space)
{
	struct sockbuf *sb = &ss->ss_so->so_snd;
	long room;
	int error;

	for (;;) {
		error = sosend_check(ss);
		if (error != 0)
			return (error);
		if ((ss->ss_atomic && ss->ss_resid > (ssize_t)sb->sb_hiwat) ||
		    ss->ss_clen > (long)sb->sb_hiwat)
			return (EMSGSIZE);
		room = sbspace(sb) - ss->ss_clen;
		if ((ss->ss_flags & MSG_OOB) != 0)
			room += SOSEND_OOB_EXTRA;
		if (room >= ss->ss_resid)
			break;
		if (!ss->ss_atomic && room > 0 && room >= (long)sb->sb_lowat)
			break;
		if (!ss->ss_wait)
			return (EWOULDBLOCK);
		error = sbwait(ss->ss_so, SO_SND);
		if (error != 0)
			return (error);
	}
	*space = room;
	return (0);
}

/* The next `len` bytes of uio, as a packet with room for headers, or as a stream's bytes. */
static int
sosend_copyin(const struct sosend *ss, int len, struct mbuf **mp)
{
	int how = ss->ss_wait ? M_WAITOK : M_NOWAIT;
	int room = ss->ss_atomic ? max_hdr : 0;
	int error, left = len, n;
	struct mbuf *top, *m;

	top = m_getm2(NULL, len + room, how, MT_DATA, ss->ss_atomic ? M_PKTHDR : 0);
	if (top == NULL)
		return (ENOBUFS);
	top->m_data += room;
	if (ss->ss_atomic)
		top->m_pkthdr.len = len;
	for (m = top; m != NULL && left > 0; m = m->m_next) {
		n = MIN(left, m_trailingspace(m));
		error = uiomove(mtod(m, char *), n, ss->ss_uio);
		if (error != 0) {
			m_freem(top);
			return (error);
		}
		m->m_len = n;
		left -= n;
	}
	*mp = top;
	return (0);
}

static int
sosend_prusflags(const struct sosend *ss)
{
	int flags = 0;

	if ((ss->ss_flags & MSG_OOB) != 0)
		flags |= PRUS_OOB;
	if ((ss->ss_flags & MSG_EOF) != 0 && ss->ss_resid == 0)
		flags |= PRUS_EOF;
	if ((ss->ss_flags & MSG_MORETOCOME) != 0)
		flags |= PRUS_MORETOCOME;
	return (flags);
}

/* Hands the next piece, of at most `space` bytes unless atomic, to the protocol. */
static int
sosend_piece(struct sosend *ss, long space)
{
	struct socket *so = ss->ss_so;
	struct mbuf *m, *control = ss->ss_control;
	int error, len, dontroute;

	len = (int)(ss->ss_atomic ? ss->ss_resid : lmin(ss->ss_resid, space));
	if (ss->ss_top != NULL) {
		m = ss->ss_top;
		ss->ss_top = NULL;
	} else {
		error = sosend_copyin(ss, len, &m);
		if (error != 0)
			return (error);
	}
	ss->ss_resid -= len;
	ss->ss_control = NULL;
	ss->ss_clen = 0;
	/* the option holds for this call only, unless it was on anyway */
	dontroute = (ss->ss_flags & MSG_DONTROUTE) != 0 && (so->so_options & SO_DONTROUTE) == 0 &&
		    (so->so_proto->pr_flags & PR_ATOMIC) != 0;
	if (dontroute)
		so->so_options |= SO_DONTROUTE;
	error = so->so_proto->pr_send(so, sosend_prusflags(ss), m, ss->ss_addr, control, ss->ss_td);
	if (dontroute)
		so->so_options &= ~SO_DONTROUTE;
	return (error);
}

int
sosend_generic(struct socket *so, struct sockaddr *addr, struct uio *uio, struct mbuf *top,
    struct mbuf *control, int flags, struct thread *td)
{
	bool stream = !sosendallatonce(so);
	struct sosend ss = {
	    .ss_so = so,
	    .ss_addr = addr,
	    .ss_uio = uio,
	    .ss_top = top,
	    .ss_control = control,
	    .ss_td = td,
	    .ss_resid = uio != NULL ? uio->uio_resid : (ssize_t)m_length(top, NULL),
	    .ss_clen = control != NULL ? (long)m_length(control, NULL) : 0,
	    .ss_flags = flags,
	    .ss_atomic = !stream || top != NULL,
	    .ss_wait = (flags & (MSG_DONTWAIT | MSG_NBIO)) == 0 && (so->so_state & SS_NBIO) == 0,
	};
	long space = 0;
	int error;

	if (ss.ss_resid < 0 || ss.ss_resid > INT_MAX || (stream && (flags & MSG_EOR) != 0))
		error = EINVAL;
	else if (SOLISTENING(so))
		error = ENOTCONN;
	else if (stream && ss.ss_resid == 0 && control == NULL && (flags & MSG_EOF) == 0)
		error = sosend_check(&ss);
	else
		do {
			error = sosend_room(&ss, &space);
			if (error == 0)
				error = sosend_piece(&ss, space);
		} while (error == 0 && ss.ss_resid > 0);
	m_freem(ss.ss_top);
	m_freem(ss.ss_control);
	return (error);
}

int
sosend(struct socket *so, struct sockaddr *addr, struct uio *uio, struct mbuf *top,
    struct mbuf *control, int flags, struct thread *td)
{
	int error;

	CURVNET_SET(so->so_vnet);
	error = so->so_proto->pr_sosend(so, addr, uio, top, control, flags, td);
	CURVNET_RESTORE();
	return (error);
}
