/*
 * pd_sys.c - system calls on the stack's sockets that may wait. One that waits is a job: it runs
 * in a kthread, and sleeps there as a process in a BSD kernel would, so that waiting, low water
 * marks, time-outs and lingering are the stack's own.
 * Owns the kthreads and the jobs that wait for one. Called by pd_host.c, pd_calls.c and pd_poll.c.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/kthread.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/proc.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_var.h>
#include <netinet/udp_var.h>

#include "rpc/bsd/bsd_var.h"
#include "t/packetdrill/pd_sys.h"

static const struct bsock_cred root_cred = {.uid = 0};

/* ---- jobs ---- */

static struct pd_job *first_job, **last_job = &first_job; /* not yet taken */
static int idle_workers;
static const char any_event; /* slept on by who waits for whatever may come */

static void
worker(void *arg __unused)
{
	struct pd_job *job;

	for (;;) {
		while ((job = first_job) == NULL) {
			idle_workers++;
			(void)tsleep(&first_job, PSOCK, "pdidle", 0);
			idle_workers--;
		}
		first_job = job->j_next;
		if (first_job == NULL)
			last_job = &first_job;
		curvnet = job->j_vnet;
		job->j_fn(job->j_arg);
		job->j_done = true;
		job->j_finished(job);
	}
}

void
pd_job_start(struct pd_job *job)
{
	job->j_done = false;
	job->j_vnet = curvnet;
	job->j_next = NULL;
	*last_job = job;
	last_job = &job->j_next;
	if (idle_workers > 0)
		wakeup_one(&first_job);
	else if (kthread_add(worker, NULL, NULL, NULL, 0, 0, "pdworker") != 0)
		panic("%s: no memory for a thread", __func__);
}

void
pd_wakeup(void)
{
	wakeup(&any_event);
}

void
pd_wait_until(bool (*is_true)(void *), void *arg, int ms)
{
	const sbintime_t end = getsbinuptime() + mstosbt(ms > 0 ? ms : 0);
	sbintime_t left = 0;

	while (!is_true(arg)) {
		if (ms >= 0 && (left = end - getsbinuptime()) <= 0)
			return;
		(void)tsleep_sbt(&any_event, PSOCK, "pdpoll", left, 0, 0);
	}
}

/* ---- sending and receiving ---- */

static size_t
iov_bytes(const struct pd_io *io)
{
	size_t n = 0;
	int i;

	for (i = 0; i < io->io_niov; i++)
		n += io->io_iov[i].iov_len;
	return (n);
}

static struct uio
uio_of(const struct pd_io *io, enum uio_rw rw)
{
	struct uio u;

	memset(&u, 0, sizeof(u));
	u.uio_iov = (struct iovec *)(void *)io->io_iov;
	u.uio_iovcnt = io->io_niov;
	u.uio_resid = (ssize_t)iov_bytes(io);
	u.uio_segflg = UIO_SYSSPACE;
	u.uio_rw = rw;
	u.uio_td = curthread;
	return (u);
}

static int
flags_in(const struct pd_io *io)
{
	static const struct {
		uint32_t linux_flag;
		int bsd;
	} flags[] = {
	    {LINUX_MSG_OOB, MSG_OOB},
	    {LINUX_MSG_PEEK, MSG_PEEK},
	    {LINUX_MSG_DONTROUTE, MSG_DONTROUTE},
	    {LINUX_MSG_EOR, MSG_EOR},
	    {LINUX_MSG_WAITALL, MSG_WAITALL},
	    {LINUX_MSG_DONTWAIT, MSG_DONTWAIT},
	    {LINUX_MSG_MORE, MSG_MORETOCOME},
	};
	int bsd = io->io_wait ? 0 : MSG_DONTWAIT;
	u_int i;

	for (i = 0; i < nitems(flags); i++)
		if ((io->io_flags & flags[i].linux_flag) != 0)
			bsd |= flags[i].bsd;
	return (bsd);
}

/* fast: with data behind it, RFC 7413. */
static int
connect_now(struct bsock *b, bool wait, const void *addr, size_t len, bool fast)
{
	int error;

	if (bsock_is_connecting(b) && bsock_connect_result(b) == LINUX_EINPROGRESS)
		return (LINUX_EALREADY);
	error = bsock_connect(b, &root_cred, addr, len, fast);
	if (error != LINUX_EINPROGRESS || !wait)
		return (error);
	while ((b->b_so->so_state & SS_ISCONNECTING) != 0 && b->b_so->so_error == 0)
		if (sbwait(b->b_so, SO_SND) != 0)
			return (LINUX_EINPROGRESS); /* SO_SNDTIMEO */
	return (bsock_connect_result(b));
}

static int
send_stream(struct pd_io *io)
{
	struct uio u = uio_of(io, UIO_WRITE);
	const ssize_t all = u.uio_resid;
	struct bsock *b = io->io_so;
	int error;

	if ((io->io_flags & LINUX_MSG_FASTOPEN) != 0 && io->io_addr.a_len != 0) {
		error = connect_now(b, io->io_wait, io->io_addr.a_data, io->io_addr.a_len, true);
		if (error != 0)
			return (error);
	}
	error = sosend(
	    b->b_so, bsd_deferred_peer(b), &u, NULL, NULL, flags_in(io), bsd_thread(&root_cred));
	io->io_done = (size_t)(all - u.uio_resid);
	if (error == ENOBUFS && io->io_done > 0)
		error = 0;
	if (io->io_done > 0 && (error == EWOULDBLOCK || error == EINTR || error == ERESTART))
		error = 0;
	return (bsd_errno_to_linux(error));
}

static int
send_datagram(struct pd_io *io)
{
	struct rpc_dgram h = {.d_flags = io->io_flags, .d_addr = io->io_addr};
	const size_t len = iov_bytes(io);
	char *payload;
	size_t at = 0;
	int error, i;

	if (len > RPC_DGRAM_PAYLOAD_MAX)
		return (bsd_errno_to_linux(EMSGSIZE));
	payload = malloc(MAX(len, 1), M_TEMP, M_WAITOK);
	for (i = 0; i < io->io_niov; i++) {
		memcpy(payload + at, io->io_iov[i].iov_base, io->io_iov[i].iov_len);
		at += io->io_iov[i].iov_len;
	}
	error =
	    bsock_send(io->io_so, &root_cred, &h, io->io_control, io->io_control_len, payload, len);
	free(payload, M_TEMP);
	if (error == 0)
		io->io_done = len;
	return (error);
}

int
pd_send(struct pd_io *io)
{
	io->io_done = 0;
	return (bsock_is_stream(io->io_so) ? send_stream(io) : send_datagram(io));
}

/* Into io's buffers what fits; the rest is lost, as MSG_TRUNC says. */
static void
scatter(struct pd_io *io, struct mbuf *m, uint32_t asked)
{
	const size_t len = m != NULL ? m_length(m, NULL) : 0;
	size_t at = 0, n;
	int i;

	for (i = 0; i < io->io_niov && at < len; i++) {
		n = MIN(io->io_iov[i].iov_len, len - at);
		m_copydata(m, (int)at, (int)n, io->io_iov[i].iov_base);
		at += n;
	}
	io->io_done = at;
	if (at < len) {
		io->io_flags |= LINUX_MSG_TRUNC;
		if ((asked & LINUX_MSG_TRUNC) != 0)
			io->io_done = len;
	}
}

static int
recv_datagram(struct pd_io *io)
{
	struct uio u = {
	    .uio_segflg = UIO_SYSSPACE, .uio_rw = UIO_READ, .uio_resid = RPC_DGRAM_PAYLOAD_MAX};
	struct mbuf *data = NULL, *control = NULL;
	const uint32_t asked = io->io_flags;
	struct sockaddr *from = NULL;
	int flags = flags_in(io), error;

	error = soreceive(io->io_so->b_so, &from, &u, &data, &control, &flags);
	if (error == 0) {
		io->io_flags = linux_msg_flags_out(flags);
		if (from != NULL)
			linux_sockaddr_out(from, &io->io_addr);
		if (io->io_control != NULL)
			io->io_control_len = linux_control_out(
			    io->io_so, control, io->io_control, io->io_control_len, &io->io_flags);
		scatter(io, data, asked);
	}
	free(from, M_SONAME);
	m_freem(control);
	m_freem(data);
	return (bsd_errno_to_linux(error));
}

static int
recv_stream(struct pd_io *io)
{
	struct uio u = uio_of(io, UIO_READ);
	const ssize_t all = u.uio_resid;
	int flags = flags_in(io), error;

	error = soreceive(io->io_so->b_so, NULL, &u, NULL, NULL, &flags);
	io->io_done = (size_t)(all - u.uio_resid);
	io->io_flags = linux_msg_flags_out(flags);
	io->io_control_len = 0;
	if (io->io_done > 0 && (error == EWOULDBLOCK || error == EINTR || error == ERESTART))
		error = 0;
	return (bsd_errno_to_linux(error));
}

/* MSG_ERRQUEUE: what ICMP said to a socket with IP_RECVERR; never waits. */
static int
recv_error(struct pd_io *io)
{
	static char room[BSOCK_ERROR_MAX];
	struct rpc_dgram h;
	size_t len, n, at = 0;
	int error, i;

	error = bsock_errqueue(io->io_so, 0, room, sizeof(room), &len);
	if (error != 0)
		return (error);
	memcpy(&h, room, sizeof(h));
	io->io_addr = h.d_addr;
	io->io_flags = LINUX_MSG_ERRQUEUE;
	if (io->io_control != NULL) {
		io->io_control_len = MIN(io->io_control_len, h.d_control_len);
		memcpy(io->io_control, room + sizeof(h), io->io_control_len);
	}
	for (i = 0; i < io->io_niov && at < h.d_payload_len; i++, at += n) {
		n = MIN(io->io_iov[i].iov_len, h.d_payload_len - at);
		memcpy(io->io_iov[i].iov_base, room + sizeof(h) + h.d_control_len + at, n);
	}
	io->io_done = at;
	if (at < h.d_payload_len)
		io->io_flags |= LINUX_MSG_TRUNC;
	return (0);
}

int
pd_recv(struct pd_io *io)
{
	struct socket *so = io->io_so->b_so;
	int error;

	io->io_done = 0;
	io->io_addr.a_len = 0;
	if (SOLISTENING(so))
		return (bsd_errno_to_linux(ENOTCONN));
	if ((io->io_flags & LINUX_MSG_ERRQUEUE) != 0)
		return (recv_error(io));
	soref(so);
	error = bsock_is_stream(io->io_so) ? recv_stream(io) : recv_datagram(io);
	sorele(so);
	return (error);
}

/* ---- connecting, accepting, closing ---- */

int
pd_connect(struct bsock *b, bool wait, const void *addr, size_t len)
{
	return (connect_now(b, wait, addr, len, false));
}

int
pd_accept(struct bsock *b, bool wait, void *owner, struct bsock **new, struct rpc_accept *record)
{
	int error;

	if (!SOLISTENING(b->b_so))
		return (LINUX_EINVAL);
	if (wait && (error = solisten_wait(b->b_so)) != 0)
		return (bsd_errno_to_linux(error));
	/* nothing will ever come: shutdown(2) of a listener */
	if (TAILQ_EMPTY(&b->b_so->sol_comp) && (b->b_so->so_rcv.sb_state & SBS_CANTRCVMORE) != 0)
		return (LINUX_ECONNABORTED);
	error = bsock_accept(b, owner, new, record);
	if (error == 0 && record->a_peer.a_len == 0) {
		/* reset while it waited: accept(2) */
		bsock_close(*new, false);
		error = LINUX_ECONNABORTED;
	}
	return (error);
}

void
pd_close(struct bsock *b, bool wait)
{
	struct socket *so = b->b_so;
	const sbintime_t end = getsbinuptime() + so->so_linger * SBT_1S;
	sbintime_t left;

	wait = wait && (so->so_options & SO_LINGER) != 0 && so->so_linger > 0 &&
	       (so->so_state & SS_ISCONNECTED) != 0;
	soref(so);
	bsock_close(b, false);
	while (wait && (so->so_state & SS_ISCONNECTED) != 0 && (left = end - getsbinuptime()) > 0) {
		so->so_snd.sb_flags |= SB_WAIT;
		(void)tsleep_sbt(&so->so_snd.sb_acc, PSOCK, "soclos", left, 0, 0);
	}
	/* who still sleeps in a call on it finds that it is over */
	wakeup(&so->so_snd.sb_acc);
	wakeup(&so->so_rcv.sb_acc);
	sorele(so);
}

/* ---- readiness ---- */

static unsigned
ready_stream(const struct socket *so)
{
	const bool rcv_over = (so->so_rcv.sb_state & SBS_CANTRCVMORE) != 0,
		   snd_over = (so->so_snd.sb_state & SBS_CANTSENDMORE) != 0,
		   unused = (so->so_state & (SS_ISCONNECTED | SS_ISCONNECTING | SS_ISDISCONNECTING |
						SS_ISDISCONNECTED)) == 0;
	unsigned r = 0;

	if ((so->so_state & SS_ISCONNECTING) != 0 && so->so_error == 0)
		return (0);
	if (soreadable(so) && !unused)
		r |= PD_POLLIN | PD_POLLRDNORM;
	if (rcv_over)
		r |= PD_POLLRDHUP;
	if (unused || (rcv_over && snd_over))
		r |= PD_POLLHUP;
	if (unused || sowriteable(so))
		r |= PD_POLLOUT | PD_POLLWRNORM;
	if (so->so_oobmark != 0 || (so->so_rcv.sb_state & SBS_RCVATMARK) != 0)
		r |= PD_POLLPRI;
	return (r);
}

unsigned
pd_ready(struct bsock *b)
{
	struct socket *so = b->b_so;
	unsigned r;

	if (SOLISTENING(so))
		return (TAILQ_EMPTY(&so->sol_comp) ? 0 : PD_POLLIN | PD_POLLRDNORM);
	if (bsock_is_stream(b)) {
		r = ready_stream(so);
	} else {
		r = soreadable(so) ? PD_POLLIN | PD_POLLRDNORM : 0;
		if (sowriteable(so))
			r |= PD_POLLOUT | PD_POLLWRNORM;
	}
	return (so->so_error != 0 ? r | PD_POLLERR : r);
}

/* ---- options that the table of rpc/bsd/bsd_sockopt.c translates, and a BSD script wants raw ----
 */

static int
buffer_option(int name)
{
	return (name == LINUX_SO_SNDBUF ? SO_SNDBUF : name == LINUX_SO_RCVBUF ? SO_RCVBUF : 0);
}

int
pd_set_bsd_buffer(struct bsock *b, int name, int value)
{
	if (buffer_option(name) == 0)
		return (LINUX_ENOPROTOOPT);
	return (bsd_errno_to_linux(
	    so_setsockopt(b->b_so, SOL_SOCKET, buffer_option(name), &value, sizeof(value))));
}

int
pd_get_bsd_buffer(struct bsock *b, int name, int *value)
{
	struct sockopt sopt = {.sopt_dir = SOPT_GET,
	    .sopt_level = SOL_SOCKET,
	    .sopt_name = buffer_option(name),
	    .sopt_val = value,
	    .sopt_valsize = sizeof(*value)};

	if (buffer_option(name) == 0)
		return (LINUX_ENOPROTOOPT);
	return (bsd_errno_to_linux(sogetopt(b->b_so, &sopt)));
}

/* include/uapi/linux/sock_diag.h names them: SK_MEMINFO_RMEM_ALLOC and so on. */
int
pd_meminfo(struct bsock *b, uint32_t info[9])
{
	const struct socket *so = b->b_so;

	memset(info, 0, 9 * sizeof(info[0]));
	if (SOLISTENING(so)) {
		info[7] = so->sol_qlen;
		info[8] = (uint32_t)so->sol_overcount;
		return (0);
	}
	info[0] = so->so_rcv.sb_acc;
	info[1] = so->so_rcv.sb_hiwat;
	info[2] = info[5] = so->so_snd.sb_acc;
	info[3] = so->so_snd.sb_hiwat;
	return (0);
}

static void
socket_line(const struct inpcb *inp, const char *proto, const char *state, bsd_emit_fn *emit,
    void *arg, int (*fd_of)(void *))
{
	const struct socket *so = inp->inp_socket;
	const struct bsock *b = so != NULL ? so->so_emuldata : NULL;
	char laddr[INET_ADDRSTRLEN] = "*", faddr[INET_ADDRSTRLEN] = "*", lport[8] = "*",
	     fport[8] = "*", line[160];
	int n;

	if (inp->inp_laddr.s_addr != INADDR_ANY)
		inet_ntoa_r(inp->inp_laddr, laddr);
	if (inp->inp_faddr.s_addr != INADDR_ANY)
		inet_ntoa_r(inp->inp_faddr, faddr);
	if (inp->inp_lport != 0)
		snprintf(lport, sizeof(lport), "%u", ntohs(inp->inp_lport));
	if (inp->inp_fport != 0)
		snprintf(fport, sizeof(fport), "%u", ntohs(inp->inp_fport));
	n = snprintf(line, sizeof(line), "%s\t%s\t%s\t%s\t%s\t%s\t%d\n", proto, laddr, lport, faddr,
	    fport, state, b != NULL ? fd_of(b->b_owner) : -1);
	emit(arg, line, (size_t)n);
}

void
pd_sockets(bsd_emit_fn *emit, void *arg, int (*fd_of)(void *))
{
	const struct inpcb *inp;
	const struct tcpcb *tp;

	LIST_FOREACH (inp, &V_tcbinfo.ipi_listhead, inp_list) {
		tp = intotcpcb(inp);
		if ((inp->inp_flags & INP_DROPPED) == 0)
			socket_line(inp, "tcp4", tp != NULL ? tcpstates[tp->t_state] : "TIME_WAIT",
			    emit, arg, fd_of);
	}
	LIST_FOREACH (inp, &V_udbinfo.ipi_listhead, inp_list)
		socket_line(inp, "udp4", "", emit, arg, fd_of);
}

int
pd_drop(uint32_t laddr, uint16_t lport, uint32_t faddr, uint16_t fport)
{
	struct inpcb *inp, *next;
	struct tcpcb *tp;

	LIST_FOREACH_SAFE (inp, &V_tcbinfo.ipi_listhead, inp_list, next) {
		if ((inp->inp_flags & INP_DROPPED) != 0 || inp->inp_laddr.s_addr != laddr ||
		    inp->inp_lport != lport || inp->inp_faddr.s_addr != faddr ||
		    inp->inp_fport != fport)
			continue;
		tp = intotcpcb(inp);
		if (tp == NULL)
			return (LINUX_ENOENT);
		(void)tcp_drop(tp, ECONNABORTED);
		return (0);
	}
	return (LINUX_ENOENT);
}
