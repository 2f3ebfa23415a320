/*
 * uipc_soreceive.c - bytes from the protocol to a program: soreceive().
 * Owns nothing. Called by rpc and by in-kernel users; tells the protocol by pr_rcvd.
 *
 * A stream is read up to the urgent mark at most, and a read that begins at the mark goes past
 * it. A datagram is read whole; what does not fit is lost, and MSG_TRUNC says so.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/mbuf.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/uio.h>

#define SS_EVER (SS_ISCONNECTED | SS_ISCONNECTING | SS_ISDISCONNECTING | SS_ISDISCONNECTED)

static void
so_tellrcvd(struct socket *so, int flags)
{
	if ((so->so_proto->pr_flags & PR_WANTRCVD) != 0 && so->so_pcb != NULL)
		(void)so->so_proto->pr_rcvd(so, flags);
}

static bool
so_mayread_wait(const struct socket *so, int flags)
{
	return ((flags & (MSG_DONTWAIT | MSG_NBIO)) == 0 && (so->so_state & SS_NBIO) == 0);
}

/*
 * Nothing to read yet: 0 after having slept (look again), an errno, or with *eof the end of the
 * data. `some` bytes have been read by this call already; an error waits for the next one then.
 */
static int
soreceive_wait(struct socket *so, int flags, bool some, bool *eof)
{
	int error;

	*eof = true;
	if (so->so_error != 0) {
		if (some)
			return (0);
		error = so->so_error;
		if ((flags & MSG_PEEK) == 0)
			so->so_error = 0;
		return (error);
	}
	if ((so->so_rcv.sb_state & SBS_CANTRCVMORE) != 0)
		return (0);
	if ((so->so_proto->pr_flags & PR_CONNREQUIRED) != 0 && (so->so_state & SS_EVER) == 0)
		return (ENOTCONN);
	if (!so_mayread_wait(so, flags))
		return (some ? 0 : EWOULDBLOCK);
	*eof = false;
	return (sbwait(so, SO_RCV));
}

/* MSG_OOB: the urgent byte, which is kept apart from the stream. */
static int
soreceive_oob(struct socket *so, struct uio *uio, int flags)
{
	struct mbuf *m;
	int error, n;

	m = m_get(M_NOWAIT, MT_DATA);
	if (m == NULL)
		return (ENOBUFS);
	error = so->so_proto->pr_rcvoob(so, m, flags & MSG_PEEK);
	while (error == 0 && m != NULL && uio->uio_resid > 0) {
		n = (int)lmin(uio->uio_resid, m->m_len);
		error = uiomove(mtod(m, char *), n, uio);
		m = m_free(m);
	}
	m_freem(m);
	return (error);
}

/* ---- streams ---- */

/* The first `len` bytes go to uio or mp0; they stay in the buffer. */
static int
soreceive_copyout(struct socket *so, int len, struct uio *uio)
{
	struct mbuf *m;
	int error, n;

	for (m = so->so_rcv.sb_mb; len > 0; m = m->m_next) {
		n = MIN(len, m->m_len);
		error = uiomove(mtod(m, char *), n, uio);
		if (error != 0)
			return (error);
		len -= n;
	}
	return (0);
}

/* The reader has consumed `len` bytes: keeps the urgent mark where it belongs. */
static void
so_advancemark(struct socket *so, u_int len)
{
	if (len == 0)
		return;
	so->so_rcv.sb_state &= ~SBS_RCVATMARK;
	if (so->so_oobmark == 0)
		return;
	KASSERT(len <= so->so_oobmark, ("%s: read across the mark", __func__));
	so->so_oobmark -= len;
	if (so->so_oobmark == 0)
		so->so_rcv.sb_state |= SBS_RCVATMARK;
}

static int
soreceive_take(struct socket *so, int len, struct uio *uio, struct mbuf **mp0, int flags)
{
	struct mbuf *m;
	int error = 0;

	if (mp0 != NULL) {
		m = (flags & MSG_PEEK) != 0 ? m_copym(so->so_rcv.sb_mb, 0, len, M_NOWAIT)
					    : sbcut(&so->so_rcv, len);
		if (m == NULL)
			return (ENOBUFS);
		if (*mp0 == NULL)
			*mp0 = m;
		else
			m_cat(*mp0, m);
		uio->uio_resid -= len;
	} else {
		error = soreceive_copyout(so, len, uio);
		if (error == 0 && (flags & MSG_PEEK) == 0)
			sbdrop(&so->so_rcv, len);
	}
	if (error == 0 && (flags & MSG_PEEK) == 0) {
		so_advancemark(so, (u_int)len);
		so_tellrcvd(so, flags);
	}
	return (error);
}

/* There are enough bytes to return, or there will never be more. */
static bool
soreceive_ready(const struct socket *so, ssize_t resid)
{
	const struct sockbuf *sb = &so->so_rcv;
	u_int avail = sbavail(sb);

	if (avail == 0)
		return (false);
	return (avail >= sb->sb_lowat || (ssize_t)avail >= resid || so->so_error != 0 ||
		(sb->sb_state & SBS_CANTRCVMORE) != 0 || so->so_oobmark != 0);
}

static int
soreceive_stream(struct socket *so, struct uio *uio, struct mbuf **mp0, int flags)
{
	bool some = false, eof;
	long len;
	int error;

	while (uio->uio_resid > 0) {
		if (!soreceive_ready(so, uio->uio_resid)) {
			error = soreceive_wait(so, flags, some, &eof);
			if (error != 0 || eof)
				return (error);
			continue;
		}
		len = lmin(uio->uio_resid, sbavail(&so->so_rcv));
		if (so->so_oobmark != 0)
			len = lmin(len, (long)so->so_oobmark);
		error = soreceive_take(so, (int)len, uio, mp0, flags);
		if (error != 0)
			return (error);
		some = true;
		if ((flags & (MSG_WAITALL | MSG_PEEK)) != MSG_WAITALL ||
		    (so->so_rcv.sb_state & SBS_RCVATMARK) != 0)
			break;
	}
	return (0);
}

/* ---- records ---- */

/* Takes the run of mbufs of `type` off the front of *mp. */
static struct mbuf *
mb_takeprefix(struct mbuf **mp, int type)
{
	struct mbuf *head = *mp, **tail = &head;

	while (*tail != NULL && (*tail)->m_type == (uint32_t)type)
		tail = &(*tail)->m_next;
	*mp = *tail;
	*tail = NULL;
	return (head);
}

/* The data of one record, to uio or mp0, which take m. */
static int
soreceive_data(struct mbuf *m, struct uio *uio, struct mbuf **mp0, int *flagsp)
{
	struct mbuf *n;
	int error = 0, excess, len;

	len = m != NULL ? (int)m_length(m, NULL) : 0;
	excess = len - (int)lmin(len, uio->uio_resid);
	if (excess > 0) {
		*flagsp |= MSG_TRUNC;
		len -= excess;
	}
	if (mp0 != NULL) {
		if (excess > 0)
			m_adj(m, -excess);
		*mp0 = m;
		uio->uio_resid -= len;
		return (0);
	}
	for (n = m; n != NULL && len > 0 && error == 0; n = n->m_next) {
		int take = MIN(len, n->m_len);

		error = uiomove(mtod(n, char *), take, uio);
		len -= take;
	}
	m_freem(m);
	return (error);
}

/* The first record: taken off, or copied (sharing clusters) when only looked at. */
static int
soreceive_firstrecord(struct socket *so, int flags, struct mbuf **mp)
{
	struct mbuf *copy, **tail = mp, *m;

	if ((flags & MSG_PEEK) == 0) {
		*mp = sbcutrecord(&so->so_rcv);
		return (0);
	}
	*mp = NULL;
	for (m = so->so_rcv.sb_mb; m != NULL; m = m->m_next) {
		copy = m_get(M_NOWAIT, m->m_type);
		if (copy == NULL) {
			m_freem(*mp);
			*mp = NULL;
			return (ENOBUFS);
		}
		*tail = copy;
		tail = &copy->m_next;
		if ((m->m_flags & M_EXT) != 0)
			mb_dupcl(copy, m);
		else
			memcpy(mtod(copy, char *), mtod(m, char *), (size_t)m->m_len);
		copy->m_len = m->m_len;
		copy->m_flags |= m->m_flags & M_EOR;
	}
	return (0);
}

static int
soreceive_record(struct socket *so, struct sockaddr **psa, struct uio *uio, struct mbuf **mp0,
    struct mbuf **controlp, int *flagsp)
{
	struct mbuf *m, *control, *name;
	bool eof;
	int error, flags = *flagsp;

	while (so->so_rcv.sb_mb == NULL) {
		error = soreceive_wait(so, flags, false, &eof);
		if (error != 0 || eof)
			return (error);
	}
	error = soreceive_firstrecord(so, flags, &m);
	if (error != 0)
		return (error);
	*flagsp &= ~MSG_TRUNC;
	name = mb_takeprefix(&m, MT_SONAME);
	if (psa != NULL && name != NULL)
		*psa = sodupsockaddr(mtod(name, struct sockaddr *), M_NOWAIT);
	m_freem(name);
	control = mb_takeprefix(&m, MT_CONTROL);
	if (controlp != NULL)
		*controlp = control;
	else
		m_freem(control);
	error = soreceive_data(m, uio, mp0, flagsp);
	if ((flags & MSG_PEEK) == 0)
		so_tellrcvd(so, flags);
	return (error);
}

int
soreceive_generic(struct socket *so, struct sockaddr **psa, struct uio *uio, struct mbuf **mp0,
    struct mbuf **controlp, int *flagsp)
{
	int flags = flagsp != NULL ? *flagsp & ~MSG_EOR : 0;
	int error;

	if (psa != NULL)
		*psa = NULL;
	if (controlp != NULL)
		*controlp = NULL;
	if (mp0 != NULL)
		*mp0 = NULL;
	if (SOLISTENING(so))
		error = ENOTCONN;
	else if ((flags & MSG_OOB) != 0)
		error = soreceive_oob(so, uio, flags);
	else if ((so->so_proto->pr_flags & (PR_ATOMIC | PR_ADDR)) != 0)
		error = soreceive_record(so, psa, uio, mp0, controlp, &flags);
	else
		error = soreceive_stream(so, uio, mp0, flags);
	if (flagsp != NULL)
		*flagsp = flags;
	return (error);
}

int
soreceive(struct socket *so, struct sockaddr **psa, struct uio *uio, struct mbuf **mp0,
    struct mbuf **controlp, int *flagsp)
{
	int error;

	CURVNET_SET(so->so_vnet);
	error = so->so_proto->pr_soreceive(so, psa, uio, mp0, controlp, flagsp);
	CURVNET_RESTORE();
	return (error);
}

/* ---- zero copy, for the pump ---- */

int
sopeekiov(struct socket *so, struct iovec *iov, int *niov, size_t max)
{
	const struct sockbuf *sb = &so->so_rcv;
	int room = *niov, n = 0, error;
	struct mbuf *m;
	size_t len;

	*niov = 0;
	if (sbavail(sb) == 0) {
		if (so->so_error != 0) {
			error = so->so_error;
			so->so_error = 0;
			return (error);
		}
		return ((sb->sb_state & SBS_CANTRCVMORE) != 0 ? 0 : EWOULDBLOCK);
	}
	if (so->so_oobmark != 0)
		max = MIN(max, so->so_oobmark);
	for (m = sb->sb_mb; m != NULL && n < room && max > 0; m = m->m_next) {
		len = MIN((size_t)m->m_len, max);
		if (len == 0)
			continue;
		iov[n].iov_base = mtod(m, char *);
		iov[n].iov_len = len;
		n++;
		max -= len;
	}
	*niov = n;
	return (0);
}

int
sodropiov(struct socket *so, size_t n)
{
	if (n > sbavail(&so->so_rcv) || (so->so_oobmark != 0 && n > so->so_oobmark))
		return (EINVAL);
	if (n == 0)
		return (0);
	sbdrop(&so->so_rcv, (int)n);
	so_advancemark(so, (u_int)n);
	CURVNET_SET(so->so_vnet);
	so_tellrcvd(so, 0);
	CURVNET_RESTORE();
	return (0);
}
