/*
 * tcp_usrreq.c - what a socket asks of TCP: the protosw, RFC 9293 3.10.1 to 3.10.6.
 * The life of socket and pcb is told in sys/socketvar.h: pr_close() takes a reference
 * (INP_SOCKREF) while there is data or a FIN to deliver; tcp_close() gives it back.
 */
#include <sys/param.h>
#include <sys/mbuf.h>
#include <sys/protosw.h>
#include <sys/socketvar.h>
#include <net/if_var.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

/* The connection of a socket, or NULL and in *error what a call on a dead one returns. */
static struct tcpcb *
tcp_usr_tcpcb(struct socket *so, int dead_error, int *error)
{
	struct inpcb *inp = sotoinpcb(so);

	if (inp == NULL) {
		*error = EINVAL;
		return (NULL);
	}
	if ((inp->inp_flags & INP_DROPPED) != 0) {
		*error = dead_error;
		return (NULL);
	}
	*error = 0;
	return (intotcpcb(inp));
}

static int
tcp_usr_attach(struct socket *so, int proto __unused, struct thread *td __unused)
{
	struct inpcb *inp;
	int error;

	if (so->so_snd.sb_hiwat == 0 || so->so_rcv.sb_hiwat == 0) {
		error = soreserve(so, (u_long)V_tcp_sendspace, (u_long)V_tcp_recvspace);
		if (error != 0)
			return (error);
		so->so_rcv.sb_flags |= SB_AUTOSIZE;
		so->so_snd.sb_flags |= SB_AUTOSIZE;
	}
	error = in_pcballoc(so, &V_tcbinfo);
	if (error != 0)
		return (error);
	inp = sotoinpcb(so);
	if (inp->inp_vflag == 0)
		inp->inp_vflag = INP_IPV4;
	if (tcp_newtcpcb(inp) == NULL) {
		in_pcbdetach(inp);
		in_pcbfree(inp);
		return (ENOBUFS);
	}
	return (0);
}

/* The last reference to the socket goes. */
static void
tcp_usr_detach(struct socket *so)
{
	struct inpcb *inp = sotoinpcb(so);
	struct tcpcb *tp;

	if (inp == NULL)
		return;
	tp = intotcpcb(inp);
	in_pcbdetach(inp);
	if (tp->t_state == TCPS_TIME_WAIT && !tcp_isdead(tp))
		return; /* goes on alone */
	tcp_discardcb(tp);
	in_pcbfree(inp);
}

static int
tcp_check_sin(const struct sockaddr *nam)
{
	const struct sockaddr_in *sin = (const void *)nam;

	if (nam->sa_family != AF_INET)
		return (EAFNOSUPPORT);
	if (nam->sa_len != sizeof(*sin))
		return (EINVAL);
	return (0);
}

static int
tcp_usr_bind(struct socket *so, struct sockaddr *nam, struct thread *td __unused)
{
	struct sockaddr_in *sin = satosin(nam);
	struct tcpcb *tp;
	int error;

	if (nam->sa_family == AF_UNSPEC && nam->sa_len == sizeof(*sin) &&
	    sin->sin_addr.s_addr == INADDR_ANY)
		nam->sa_family = AF_INET;
	if ((error = tcp_check_sin(nam)) != 0)
		return (error);
	if (IN_MULTICAST(ntohl(sin->sin_addr.s_addr)))
		return (EAFNOSUPPORT);
	tp = tcp_usr_tcpcb(so, EINVAL, &error);
	if (tp == NULL)
		return (error);
	return (in_pcbbind(tp->t_inpcb, sin, so->so_cred));
}

static int
tcp_usr_listen(struct socket *so, int backlog, struct thread *td __unused)
{
	struct tcpcb *tp;
	int error;

	tp = tcp_usr_tcpcb(so, EINVAL, &error);
	if (tp == NULL)
		return (error);
	if (tp->t_state != TCPS_CLOSED && tp->t_state != TCPS_LISTEN)
		return (EINVAL);
	error = solisten_proto_check(so);
	if (error == 0 && tp->t_inpcb->inp_lport == 0)
		error = in_pcbbind(tp->t_inpcb, NULL, so->so_cred);
	if (error != 0)
		return (error);
	tcp_state_change(tp, TCPS_LISTEN);
	solisten_proto(so, backlog);
	return (0);
}

/* All of connect(2) but the SYN itself. */
static int
tcp_usr_prepare(struct socket *so, struct sockaddr *nam, struct thread *td)
{
	struct sockaddr_in *sin = satosin(nam);
	struct tcpcb *tp;
	int error;

	if ((error = tcp_check_sin(nam)) != 0)
		return (error);
	if (IN_MULTICAST(ntohl(sin->sin_addr.s_addr)))
		return (EAFNOSUPPORT);
	if (ntohl(sin->sin_addr.s_addr) == INADDR_BROADCAST)
		return (EACCES);
	tp = tcp_usr_tcpcb(so, ECONNREFUSED, &error);
	if (tp == NULL)
		return (error);
	switch (tp->t_state) {
	case TCPS_CLOSED:
		break;
	case TCPS_LISTEN:
		return (EOPNOTSUPP);
	case TCPS_SYN_SENT:
	case TCPS_SYN_RECEIVED:
		return (EALREADY);
	default:
		return (EISCONN);
	}
	return (tcp_connect(tp, nam, td));
}

static int
tcp_usr_connect(struct socket *so, struct sockaddr *nam, struct thread *td)
{
	struct tcpcb *tp;
	int error;

	error = tcp_usr_prepare(so, nam, td);
	if (error != 0)
		return (error);
	tp = sototcpcb(so);
	error = tcp_output(tp);
	if (error != 0 && !tcp_isdead(tp))
		tcp_drop(tp, error);
	return (error);
}

/* SO_LINGER with no time: close() aborts. */
static bool
tcp_no_linger(const struct socket *so)
{
	return ((so->so_options & SO_LINGER) != 0 && so->so_linger == 0);
}

/* The program sends no more: queue a FIN behind its data. RFC 9293 3.10.4. */
void
tcp_usrclosed(struct tcpcb *tp)
{
	struct socket *so;

	switch (tp->t_state) {
	case TCPS_LISTEN:
	case TCPS_CLOSED:
		tcp_close(tp);
		break;
	case TCPS_SYN_SENT:
		/* what was given to a SYN of RFC 7413 is sent, and then its end */
		so = tptosocket(tp);
		if ((tp->t_flags2 & TF2_TFO_SYN) == 0 || sbavail(&so->so_snd) == 0 ||
		    tcp_no_linger(so)) {
			tcp_close(tp);
			break;
		}
		/* FALLTHROUGH */
	case TCPS_SYN_RECEIVED:
		tp->t_flags |= TF_NEEDFIN;
		break;
	case TCPS_ESTABLISHED:
		tcp_state_change(tp, TCPS_FIN_WAIT_1);
		break;
	case TCPS_CLOSE_WAIT:
		tcp_state_change(tp, TCPS_LAST_ACK);
		break;
	default:
		break;
	}
}

u_int
tcp_finwait2_ms(const struct tcpcb *tp)
{
	uint64_t ms = (uint64_t)TP_KEEPINTVL(tp) * TP_KEEPCNT(tp);

	if (tp->t_linger2 < 0)
		return (1);
	if (tp->t_linger2 > 0)
		return ((u_int)tp->t_linger2 * 1000);
	if (V_tcp_fast_finwait2_recycle)
		return ((u_int)imax(V_tcp_finwait2_timeout, 1));
	return (ms > INT_MAX ? INT_MAX : ms < 1 ? 1 : (u_int)ms);
}

/* Nobody will read: what FIN_WAIT_2 waits for has a limit now. */
static void
tcp_closed_finwait2(struct tcpcb *tp)
{
	if (tp->t_state == TCPS_FIN_WAIT_2 && !tcp_timer_active(tp, TT_2MSL))
		tcp_timer_activate(tp, TT_2MSL, tcp_finwait2_ms(tp));
}

static bool
tcp_must_reset(const struct socket *so, const struct tcpcb *tp)
{
	if (tp->t_state < TCPS_SYN_RECEIVED || tp->t_state == TCPS_TIME_WAIT)
		return (false);
	if (tcp_no_linger(so))
		return (true);
	/* RFC 2525 2.17: the peer must learn that what it sent was never read. */
	return (sbavail(&so->so_rcv) > 0);
}

static int
tcp_usr_disconnect(struct socket *so)
{
	struct tcpcb *tp;
	int error;

	tp = tcp_usr_tcpcb(so, ECONNRESET, &error);
	if (tp == NULL)
		return (error);
	if (tp->t_state == TCPS_TIME_WAIT)
		return (0);
	if (tp->t_state < TCPS_SYN_RECEIVED) {
		tcp_usrclosed(tp);
		return (0);
	}
	if (tcp_must_reset(so, tp)) {
		tcp_drop(tp, 0);
		return (0);
	}
	soisdisconnecting(so);
	sbflush(&so->so_rcv);
	tcp_usrclosed(tp);
	if (!tcp_isdead(tp)) {
		tcp_closed_finwait2(tp);
		(void)tcp_output(tp);
	}
	return (0);
}

static void
tcp_usr_close(struct socket *so)
{
	struct tcpcb *tp;
	int error;

	tp = tcp_usr_tcpcb(so, 0, &error);
	if (tp == NULL)
		return;
	tp->t_flags |= TF_CLOSED;
	tp->t_closetime = getsbinuptime();
	if (tp->t_state == TCPS_TIME_WAIT)
		return;
	/* Half closed before, or never connected: pr_disconnect() may not have been called. */
	if (tcp_must_reset(so, tp)) {
		tcp_drop(tp, 0);
		return;
	}
	if ((so->so_state & SS_ISDISCONNECTING) == 0 || tp->t_state == TCPS_SYN_RECEIVED ||
	    tp->t_state == TCPS_CLOSE_WAIT || tp->t_state == TCPS_ESTABLISHED) {
		tcp_usrclosed(tp);
		if (!tcp_isdead(tp))
			(void)tcp_output(tp);
	}
	if (tcp_isdead(tp))
		return;
	so->so_rcv.sb_state |= SBS_CANTRCVMORE;
	tcp_closed_finwait2(tp);
	soref(so);
	tp->t_inpcb->inp_flags |= INP_SOCKREF;
}

static void
tcp_usr_abort(struct socket *so)
{
	struct tcpcb *tp;
	int error;

	tp = tcp_usr_tcpcb(so, 0, &error);
	if (tp != NULL && tp->t_state != TCPS_TIME_WAIT)
		tcp_drop(tp, ECONNABORTED);
}

static int
tcp_usr_shutdown(struct socket *so, int how)
{
	struct tcpcb *tp;
	int error;

	if ((so->so_state & (SS_ISCONNECTED | SS_ISCONNECTING | SS_ISDISCONNECTING)) == 0)
		return (ENOTCONN);
	if (how == SHUT_RD)
		return (0); /* the socket's part is all there is to it */
	tp = tcp_usr_tcpcb(so, ECONNRESET, &error);
	if (tp == NULL)
		return (error);
	socantsendmore(so);
	if (tcp_isdead(tp))
		return (0);
	/* RFC 9293 3.10.4 lets CLOSE end SYN_SENT; a program that shuts down early means that. */
	tcp_usrclosed(tp);
	if (tcp_isdead(tp))
		return (0);
	return (tcp_output(tp));
}

static int
tcp_usr_accept(struct socket *so, struct sockaddr *sa)
{
	struct inpcb *inp = sotoinpcb(so);

	if ((so->so_state & SS_ISDISCONNECTED) != 0 &&
	    (inp == NULL || (inp->inp_flags & INP_DROPPED) != 0))
		return (ECONNABORTED);
	return (in_getpeeraddr(so, sa));
}

/* The program read: perhaps the peer should hear of the room. */
static int
tcp_usr_rcvd(struct socket *so, int flags __unused)
{
	struct tcpcb *tp;
	int error;

	tp = tcp_usr_tcpcb(so, ECONNRESET, &error);
	if (tp == NULL || !TCPS_HAVEESTABLISHED(tp->t_state) || tp->t_state == TCPS_TIME_WAIT)
		return (error);
	return (tcp_output(tp));
}

static int
tcp_usr_rcvoob(struct socket *so, struct mbuf *m, int flags)
{
	struct tcpcb *tp;
	int error;

	tp = tcp_usr_tcpcb(so, ECONNRESET, &error);
	if (tp == NULL)
		return (error);
	if ((so->so_oobmark == 0 && (so->so_rcv.sb_state & SBS_RCVATMARK) == 0 &&
		(tp->t_oobflags & TCPOOB_HAVEDATA) == 0) ||
	    (so->so_options & SO_OOBINLINE) != 0 || (tp->t_oobflags & TCPOOB_HADDATA) != 0)
		return (EINVAL);
	if ((tp->t_oobflags & TCPOOB_HAVEDATA) == 0)
		return (EWOULDBLOCK);
	m->m_len = 1;
	*mtod(m, char *) = tp->t_iobc;
	if ((flags & MSG_PEEK) == 0)
		tp->t_oobflags ^= TCPOOB_HAVEDATA | TCPOOB_HADDATA;
	return (0);
}

static int
tcp_send_urgent(struct tcpcb *tp, struct socket *so, struct mbuf *m)
{
	if (sbspace(&so->so_snd) < -512) {
		m_freem(m);
		return (ENOBUFS);
	}
	/* RFC 6093, and everybody: urgent data ends where snd_up points. */
	sbappendstream(&so->so_snd, m, 0);
	tp->snd_up = tp->snd_una + sbavail(&so->so_snd);
	return (tcp_sendack(tp));
}

/* Consumes m and control. */
static int
tcp_usr_send(struct socket *so, int flags, struct mbuf *m, struct sockaddr *nam,
    struct mbuf *control, struct thread *td)
{
	struct tcpcb *tp;
	int error;

	if (control != NULL) {
		error = control->m_len != 0 ? EINVAL : 0;
		m_freem(control);
		if (error != 0)
			goto fail;
	}
	tp = tcp_usr_tcpcb(so, so->so_error != 0 ? so->so_error : ECONNRESET, &error);
	if (tp == NULL)
		goto fail;
	/* one SYN, which has the data if it may: RFC 7413 */
	if (tp->t_state == TCPS_CLOSED && nam != NULL) {
		error = tcp_usr_prepare(so, nam, td);
		if (error != 0)
			goto fail;
	} else if (tp->t_state < TCPS_SYN_SENT) {
		error = ENOTCONN;
		goto fail;
	}
	if (TCPS_HAVESENTFIN(tp->t_state)) {
		error = EPIPE;
		goto fail;
	}
	if (m != NULL && (flags & PRUS_OOB) != 0)
		return (tcp_send_urgent(tp, so, m));
	if (m != NULL)
		sbappendstream(&so->so_snd, m, 0);
	if ((flags & PRUS_EOF) != 0) {
		socantsendmore(so);
		if (!tcp_isdead(tp))
			tcp_usrclosed(tp);
	}
	if (tcp_isdead(tp))
		return (ECONNRESET);
	if ((flags & PRUS_MORETOCOME) != 0)
		tp->t_flags |= TF_MORETOCOME;
	error = tcp_output(tp);
	tp->t_flags &= ~TF_MORETOCOME;
	if (error != 0 && nam != NULL && tp->t_state == TCPS_SYN_SENT)
		tcp_drop(tp, error);
	return (error);
fail:
	m_freem(m);
	return (error);
}

struct protosw tcp_protosw = {
    .pr_type = SOCK_STREAM,
    .pr_protocol = IPPROTO_TCP,
    .pr_flags = PR_CONNREQUIRED | PR_IMPLOPCL | PR_WANTRCVD | PR_CAPATTACH,
    .pr_ctloutput = tcp_ctloutput,
    .pr_abort = tcp_usr_abort,
    .pr_accept = tcp_usr_accept,
    .pr_attach = tcp_usr_attach,
    .pr_bind = tcp_usr_bind,
    .pr_close = tcp_usr_close,
    .pr_connect = tcp_usr_connect,
    .pr_control = in_control,
    .pr_detach = tcp_usr_detach,
    .pr_disconnect = tcp_usr_disconnect,
    .pr_listen = tcp_usr_listen,
    .pr_peeraddr = in_getpeeraddr,
    .pr_rcvd = tcp_usr_rcvd,
    .pr_rcvoob = tcp_usr_rcvoob,
    .pr_send = tcp_usr_send,
    .pr_shutdown = tcp_usr_shutdown,
    .pr_sockaddr = in_getsockaddr,
};
