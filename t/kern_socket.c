/*
 * kern_socket.c - the socket layer over a protocol of the test's own, which connects sockets of
 * this process to each other: life cycle, listen queues, sending and receiving in all their
 * modes, options, and blocking calls in kthreads on virtual time.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/domain.h>
#include <sys/kthread.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sockio.h>
#include <sys/uio.h>
#include <host/host.h>
#include "t/lib/tap.h"

#define AF_TEST 40
#define BUFSIZE 8192

int main(void);

static MALLOC_DEFINE(M_TESTPCB, "testpcb", "pcbs of the test protocol");

/* ---- the protocol ---- */

struct testpcb {
	LIST_ENTRY(testpcb) link;
	struct socket *so;
	struct testpcb *peer;
	int addr;
	bool fin;	/* tell the peer when all is sent */
	bool lingering; /* has a reference of its own */
};
static LIST_HEAD(, testpcb) pcbs = LIST_HEAD_INITIALIZER(pcbs);
static int detached;
#define so2pcb(s) ((struct testpcb *)(s)->so_pcb)

static struct sockaddr *
addr(int n)
{
	static struct sockaddr sa;

	sa.sa_len = sizeof(sa);
	sa.sa_family = AF_TEST;
	sa.sa_data[0] = (char)(n >> 8);
	sa.sa_data[1] = (char)n;
	return (&sa);
}

static int
addr_of(const struct sockaddr *sa)
{
	return ((uint8_t)sa->sa_data[0] << 8 | (uint8_t)sa->sa_data[1]);
}

static struct testpcb *
pcb_lookup(int n, int type)
{
	struct testpcb *pcb;

	LIST_FOREACH (pcb, &pcbs, link)
		if (pcb->addr == n && pcb->so->so_type == type)
			return (pcb);
	return (NULL);
}

static int
t_attach(struct socket *so, int proto __unused, struct thread *td __unused)
{
	struct testpcb *pcb = malloc(sizeof(*pcb), M_TESTPCB, M_NOWAIT | M_ZERO);

	if (so->so_snd.sb_hiwat == 0)
		(void)soreserve(so, BUFSIZE, BUFSIZE);
	pcb->so = so;
	so->so_pcb = pcb;
	LIST_INSERT_HEAD(&pcbs, pcb, link);
	return (0);
}

static void
t_detach(struct socket *so)
{
	struct testpcb *pcb = so2pcb(so);

	if (pcb->peer != NULL)
		pcb->peer->peer = NULL;
	LIST_REMOVE(pcb, link);
	free(pcb, M_TESTPCB);
	detached++;
}

static int
t_bind(struct socket *so, struct sockaddr *sa, struct thread *td __unused)
{
	if (pcb_lookup(addr_of(sa), so->so_type) != NULL)
		return (EADDRINUSE);
	so2pcb(so)->addr = addr_of(sa);
	return (0);
}

static int
t_listen(struct socket *so, int backlog, struct thread *td __unused)
{
	int error = solisten_proto_check(so);

	if (error == 0)
		solisten_proto(so, backlog);
	return (error);
}

static int
t_connect(struct socket *so, struct sockaddr *sa, struct thread *td __unused)
{
	struct testpcb *to = pcb_lookup(addr_of(sa), so->so_type);
	struct socket *so2;

	if (to == NULL)
		return (ECONNREFUSED);
	if (so->so_type == SOCK_DGRAM) {
		so2pcb(so)->peer = to;
		soisconnected(so);
		return (0);
	}
	soisconnecting(so);
	so2 = sonewconn(to->so, 0);
	if (so2 == NULL)
		return (0); /* keeps trying for ever */
	so2pcb(so2)->peer = so2pcb(so);
	so2pcb(so)->peer = so2pcb(so2);
	if (to->addr >= 1000)
		return (0); /* such a listener's handshakes are finished by the test */
	soisconnected(so);
	soisconnected(so2);
	return (0);
}

/* Moves what fits; then the end of the data, if it has come. */
static void
t_push(struct testpcb *pcb)
{
	struct socket *so = pcb->so, *to;
	long n;

	while (pcb->peer != NULL) {
		to = pcb->peer->so;
		n = lmin(sbavail(&so->so_snd), sbspace(&to->so_rcv));
		if (n <= 0)
			break;
		sbappendstream(&to->so_rcv, sbcut(&so->so_snd, (int)n), 0);
		sorwakeup(to);
		sowwakeup(so);
	}
	if (sbavail(&so->so_snd) > 0 && pcb->peer != NULL)
		return;
	if (pcb->fin && pcb->peer != NULL)
		socantrcvmore(pcb->peer->so);
	if (pcb->lingering) {
		pcb->lingering = false;
		soisdisconnected(so);
		sorele(so);
	}
}

static void
t_reset(struct testpcb *pcb)
{
	struct testpcb *peer = pcb->peer;

	pcb->peer = NULL;
	if (peer == NULL)
		return;
	peer->peer = NULL;
	peer->so->so_error = ECONNRESET;
	soisdisconnected(peer->so);
}

static int
t_disconnect(struct socket *so)
{
	struct testpcb *pcb = so2pcb(so);

	if (so->so_type == SOCK_DGRAM) {
		pcb->peer = NULL;
		so->so_state &= ~SS_ISCONNECTED;
		return (0);
	}
	if ((so->so_options & SO_LINGER) != 0 && so->so_linger == 0) {
		t_reset(pcb);
		soisdisconnected(so);
		return (0);
	}
	pcb->fin = true;
	soisdisconnecting(so);
	t_push(pcb);
	return (0);
}

static void
t_close(struct socket *so)
{
	struct testpcb *pcb = so2pcb(so);

	if (so->so_type == SOCK_STREAM && pcb->peer != NULL && sbavail(&so->so_snd) > 0) {
		soref(so);
		pcb->lingering = true;
	}
}

static void
t_abort(struct socket *so)
{
	t_reset(so2pcb(so));
	soisdisconnected(so);
}

static int
t_shutdown(struct socket *so, int how)
{
	if ((so->so_state & SS_ISCONNECTED) == 0)
		return (ENOTCONN);
	if (how != SHUT_RD) {
		socantsendmore(so);
		so2pcb(so)->fin = true;
		t_push(so2pcb(so));
	}
	return (0);
}

static int
t_accept(struct socket *so, struct sockaddr *sa)
{
	memcpy(sa, addr(so2pcb(so)->peer != NULL ? so2pcb(so)->peer->addr : 0), sizeof(*sa));
	return ((so->so_state & SS_ISDISCONNECTED) != 0 ? ECONNABORTED : 0);
}

static int
t_sockaddr(struct socket *so, struct sockaddr *sa)
{
	memcpy(sa, addr(so2pcb(so)->addr), sizeof(*sa));
	return (0);
}

static int
t_send(struct socket *so, int flags, struct mbuf *m, struct sockaddr *to __unused,
    struct mbuf *control, struct thread *td __unused)
{
	struct socket *peer;

	m_freem(control);
	sbappendstream(&so->so_snd, m, 0);
	t_push(so2pcb(so));
	if ((flags & PRUS_OOB) != 0 && so2pcb(so)->peer != NULL) {
		peer = so2pcb(so)->peer->so;
		peer->so_oobmark = sbavail(&peer->so_rcv) - 1;
		if (peer->so_oobmark == 0)
			peer->so_rcv.sb_state |= SBS_RCVATMARK;
	}
	if ((flags & PRUS_EOF) != 0)
		(void)t_shutdown(so, SHUT_WR);
	return (0);
}

static int
t_rcvd(struct socket *so, int flags __unused)
{
	if (so2pcb(so)->peer != NULL)
		t_push(so2pcb(so)->peer);
	return (0);
}

static int
t_rcvoob(struct socket *so __unused, struct mbuf *m, int flags __unused)
{
	*mtod(m, char *) = '!';
	m->m_len = 1;
	return (0);
}

static int
t_sendto(struct socket *so, int flags __unused, struct mbuf *m, struct sockaddr *to,
    struct mbuf *control, struct thread *td __unused)
{
	struct testpcb *pcb = to != NULL ? pcb_lookup(addr_of(to), SOCK_DGRAM) : so2pcb(so)->peer;

	if (pcb == NULL ||
	    sbappendaddr(&pcb->so->so_rcv, addr(so2pcb(so)->addr), m, control) == 0) {
		m_freem(m);
		m_freem(control);
		return (pcb == NULL ? EHOSTUNREACH : 0);
	}
	sorwakeup(pcb->so);
	return (0);
}

static struct protosw stream_protosw = {
    .pr_type = SOCK_STREAM,
    .pr_protocol = 6,
    .pr_flags = PR_CONNREQUIRED | PR_WANTRCVD,
    .pr_abort = t_abort,
    .pr_accept = t_accept,
    .pr_attach = t_attach,
    .pr_bind = t_bind,
    .pr_close = t_close,
    .pr_connect = t_connect,
    .pr_detach = t_detach,
    .pr_disconnect = t_disconnect,
    .pr_listen = t_listen,
    .pr_rcvd = t_rcvd,
    .pr_rcvoob = t_rcvoob,
    .pr_send = t_send,
    .pr_shutdown = t_shutdown,
    .pr_sockaddr = t_sockaddr,
};
static struct protosw dgram_protosw = {
    .pr_type = SOCK_DGRAM,
    .pr_protocol = 17,
    .pr_flags = PR_ATOMIC | PR_ADDR,
    .pr_attach = t_attach,
    .pr_bind = t_bind,
    .pr_connect = t_connect,
    .pr_detach = t_detach,
    .pr_disconnect = t_disconnect,
    .pr_send = t_sendto,
    .pr_sockaddr = t_sockaddr,
};
static struct protosw raw_protosw = {
    .pr_type = SOCK_RAW,
    .pr_flags = PR_ATOMIC | PR_ADDR,
    .pr_attach = t_attach,
    .pr_detach = t_detach,
};
static struct domain testdomain = {
    .dom_family = AF_TEST,
    .dom_name = "test",
    .dom_protosw = {&stream_protosw, &dgram_protosw, &raw_protosw},
};
DOMAIN_SET(test);

/* ---- helpers ---- */

static struct socket *
make(int type)
{
	struct socket *so;

	if (socreate(AF_TEST, &so, type, 0, NULL, NULL) != 0)
		tap_bail("socreate");
	return (so);
}

static struct socket *
make_listener(int n, int backlog)
{
	struct socket *so = make(SOCK_STREAM);

	if (sobind(so, addr(n), NULL) != 0 || solisten(so, backlog, NULL) != 0)
		tap_bail("listen");
	return (so);
}

static void
make_pair(struct socket **a, struct socket **b)
{
	struct socket *l = make_listener(77, 5);

	*a = make(SOCK_STREAM);
	if (soconnect(*a, addr(77), NULL) != 0 || solisten_dequeue(l, b, 0) != 0)
		tap_bail("connect");
	(void)soclose(l);
}

static struct uio
uio_make(struct iovec *iov, void *buf, size_t len, enum uio_rw rw)
{
	iov->iov_base = buf;
	iov->iov_len = len;
	return ((struct uio){.uio_iov = iov,
	    .uio_iovcnt = 1,
	    .uio_resid = (ssize_t)len,
	    .uio_segflg = UIO_SYSSPACE,
	    .uio_rw = rw});
}

/* send() and recv(): how many bytes, or a negative errno. */
static long
xsend(struct socket *so, const void *buf, size_t len, int flags, struct sockaddr *to)
{
	struct iovec iov;
	struct uio uio = uio_make(&iov, __DECONST(void *, buf), len, UIO_WRITE);
	int error = sosend(so, to, &uio, NULL, NULL, flags, curthread);

	if (error == EWOULDBLOCK && uio.uio_resid != (ssize_t)len)
		error = 0;
	return (error != 0 ? -error : (long)len - uio.uio_resid);
}

static long
xrecv(struct socket *so, void *buf, size_t len, int flags)
{
	struct iovec iov;
	struct uio uio = uio_make(&iov, buf, len, UIO_READ);
	int error = soreceive(so, NULL, &uio, NULL, NULL, &flags);

	return (error != 0 ? -error : (long)len - uio.uio_resid);
}

static int
getopt_int(struct socket *so, int name)
{
	int val = -1;
	struct sockopt sopt = {.sopt_level = SOL_SOCKET,
	    .sopt_name = name,
	    .sopt_val = &val,
	    .sopt_valsize = sizeof(val)};

	return (sogetopt(so, &sopt) != 0 ? -1 : val);
}

static int
setopt_int(struct socket *so, int name, int val)
{
	return (so_setsockopt(so, SOL_SOCKET, name, &val, sizeof(val)));
}

static uint64_t
mbufs_out(void)
{
	struct mbstat st;

	mb_stat(&st);
	return (st.bytes_used);
}

static char buf[300000], big[300000];

/* ---- the tests ---- */

static void
test_create(void)
{
	struct socket *so;

	is_int(socreate(41, &so, SOCK_STREAM, 0, NULL, NULL), EAFNOSUPPORT, "an unknown family");
	is_int(
	    socreate(AF_TEST, &so, SOCK_SEQPACKET, 0, NULL, NULL), EPROTOTYPE, "an unknown type");
	is_int(socreate(AF_TEST, &so, SOCK_STREAM, 99, NULL, NULL), EPROTONOSUPPORT,
	    "an unknown protocol");
	is_int(socreate(AF_TEST, &so, SOCK_RAW, 99, NULL, NULL), 0, "a raw socket takes any");
	is_int(soconnect(so, addr(1), NULL), EOPNOTSUPP, "what a protocol lacks is EOPNOTSUPP");
	is_int(solisten(so, 1, NULL), EOPNOTSUPP, "listening too");
	detached = 0;
	is_int(soclose(so), 0, "it closes");
	is_int(detached, 1, "and is detached from its protocol");
	so = make(SOCK_STREAM);
	is_int(xsend(so, "x", 1, 0, NULL), -ENOTCONN, "an unconnected stream cannot send");
	is_int(xrecv(so, buf, 1, 0), -ENOTCONN, "or receive");
	is_int(soshutdown(so, SHUT_WR), ENOTCONN, "or be shut down");
	is_int(soshutdown(so, 3), EINVAL, "shutdown has three ways");
	is_int(sodisconnect(so), ENOTCONN, "or be disconnected");
	is_int(soconnect(so, addr(1), NULL), ECONNREFUSED, "nobody listens");
	(void)soclose(so);
}

static void
test_stream(void)
{
	struct socket *a, *b;
	struct mbuf *m;
	struct iovec iov;
	struct uio uio;
	int n = 0, flags;

	make_pair(&a, &b);
	is_int(xrecv(b, buf, 10, MSG_DONTWAIT), -EWOULDBLOCK, "nothing to read yet");
	is_int(xsend(a, "hello, world", 12, MSG_DONTWAIT, NULL), 12, "12 bytes are sent");
	is_int(soioctl(b, FIONREAD, &n, NULL), 0, "FIONREAD");
	is_int(n, 12, "says how many");
	is_int(xrecv(b, buf, 5, MSG_PEEK | MSG_DONTWAIT), 5, "MSG_PEEK reads");
	is_int(xrecv(b, buf, 7, MSG_DONTWAIT), 7, "but does not consume");
	is_mem(buf, "hello, ", 7, "the first bytes");
	uio = (struct uio){.uio_resid = 100};
	flags = MSG_DONTWAIT;
	is_int(soreceive(b, NULL, &uio, &m, NULL, &flags), 0, "mbufs are handed over");
	is_int(m_length(m, NULL), 5, "with the rest");
	is_mem(mtod(m, char *), "world", 5, "of the bytes");
	is_int(uio.uio_resid, 95, "and counted");
	is_int(sosend(a, NULL, NULL, m, NULL, MSG_DONTWAIT, NULL), 0, "mbufs are taken");
	n = 1;
	is_int(sopeekiov(b, &iov, &n, 3), 0, "bytes can be looked at in place");
	is_int(n, 1, "in one piece");
	ok(iov.iov_len == 3 && memcmp(iov.iov_base, "wor", 3) == 0, "as many as asked for");
	is_int(sodropiov(b, 4), 0, "and dropped");
	is_int(xrecv(b, buf, 10, MSG_DONTWAIT), 1, "one is left");
	is_int(sodropiov(b, 1), EINVAL, "no more can be dropped than there is");
	is_int(xsend(a, big, sizeof(big), MSG_DONTWAIT, NULL), 2 * BUFSIZE,
	    "both buffers fill up, and the rest would block");
	is_int(xsend(a, big, 1, MSG_DONTWAIT, NULL), -EWOULDBLOCK, "so does one byte more");
	m = m_getm2(NULL, 2 * BUFSIZE, M_NOWAIT, MT_DATA, M_PKTHDR);
	m->m_len = 2000;
	is_int(sosend(a, NULL, NULL, m, NULL, MSG_DONTWAIT, NULL), EWOULDBLOCK,
	    "mbufs that do not fit are not taken");
	m = m_getjcl(M_NOWAIT, MT_DATA, M_PKTHDR, MJUM16BYTES);
	m->m_len = m->m_pkthdr.len = BUFSIZE + 1;
	is_int(sosend(a, NULL, NULL, m, NULL, MSG_DONTWAIT, NULL), EMSGSIZE, "or never can");
	is_int(xrecv(b, buf, sizeof(buf), MSG_WAITALL | MSG_DONTWAIT), 2 * BUFSIZE,
	    "MSG_WAITALL goes on while something comes");
	is_int(soshutdown(a, SHUT_WR), 0, "half closed");
	is_int(xsend(a, "x", 1, 0, NULL), -EPIPE, "nothing can be sent then");
	is_int(xrecv(b, buf, 10, 0), 0, "the peer reads the end");
	n = 1;
	is_int(sopeekiov(b, &iov, &n, 10), 0, "the pump sees it too");
	is_int(n, 0, "as no bytes");
	is_int(xsend(b, "back", 4, 0, NULL), 4, "the other direction is open");
	is_int(xrecv(a, buf, 10, 0), 4, "and read");
	(void)soclose(a);
	(void)soclose(b);
}

static void
test_oob(void)
{
	struct socket *a, *b;
	int mark = 0;

	make_pair(&a, &b);
	(void)xsend(a, "abc", 3, 0, NULL);
	(void)xsend(a, "!", 1, MSG_OOB, NULL);
	(void)xsend(a, "def", 3, 0, NULL);
	is_int(xrecv(b, buf, 1, MSG_OOB), 1, "the urgent byte");
	is_int(buf[0], '!', "comes apart");
	is_int(xrecv(b, buf, 10, 0), 3, "a read stops at the mark");
	(void)soioctl(b, SIOCATMARK, &mark, NULL);
	is_int(mark, 1, "SIOCATMARK knows");
	is_int(xrecv(b, buf, 10, 0), 4, "the next read goes past it");
	(void)soioctl(b, SIOCATMARK, &mark, NULL);
	is_int(mark, 0, "and leaves it behind");
	(void)soclose(a);
	(void)soclose(b);
}

static void
test_close(void)
{
	struct socket *a, *b;
	struct linger l = {1, 0};
	uint32_t before = numopensockets;
	uint64_t mem = mbufs_out();

	make_pair(&a, &b);
	(void)xsend(a, big, sizeof(big), MSG_DONTWAIT, NULL);
	detached = 0;
	is_int(soclose(a), 0, "closed with bytes to send");
	is_int(detached, 0, "the protocol keeps the socket");
	is_int(xrecv(b, buf, sizeof(buf), MSG_WAITALL), 2 * BUFSIZE, "until they are read");
	is_int(detached, 1, "and no longer");
	(void)soclose(b);
	is_int(detached, 2, "the other one has no reason to stay");

	make_pair(&a, &b);
	(void)so_setsockopt(a, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	(void)xsend(b, "x", 1, 0, NULL);
	(void)soclose(a);
	is_int(xrecv(b, buf, 1, 0), -ECONNRESET, "SO_LINGER 0 resets");
	is_int(xrecv(b, buf, 1, 0), 0, "an error is told once");
	is_int(xsend(b, "x", 1, 0, NULL), -EPIPE, "what is sent then fails");
	(void)soclose(b);
	is_int(numopensockets, before, "no socket is left");
	is_int(mbufs_out(), mem, "nor memory");
}

static int upcalls;
static int
count_upcall(struct socket *so __unused, void *arg, int flags __unused)
{
	upcalls += *(int *)arg;
	return (SU_OK);
}

static void
test_listen(void)
{
	struct socket *l, *c[16], *s, *s2;
	struct sockaddr_storage ss;
	uint32_t before = numopensockets;
	int one = 1, i, connected = 0;

	l = make_listener(5, 4);
	is_int(soconnect(l, addr(5), NULL), EOPNOTSUPP, "a listener does not connect");
	is_int(solisten_dequeue(l, &s, 0), EWOULDBLOCK, "nobody has come");
	is_int(xsend(l, "x", 1, 0, NULL), -ENOTCONN, "a listener does not send");
	(void)setopt_int(l, SO_KEEPALIVE, 1);
	(void)setopt_int(l, SO_RCVBUF, 4096);
	solisten_upcall_set(l, count_upcall, &one);
	for (i = 0; i < 16; i++) {
		c[i] = make(SOCK_STREAM);
		(void)soconnect(c[i], addr(5), NULL);
		connected += (c[i]->so_state & SS_ISCONNECTED) != 0;
	}
	is_int(connected, 7, "backlog 4 holds 3 * 4 / 2 + 1 connections");
	is_int(l->sol_overcount, 9, "the others are counted");
	is_int(upcalls, 7, "the holder heard of each");
	is_int(getopt_int(l, SO_LISTENQLEN), 7, "SO_LISTENQLEN");
	is_int(getopt_int(l, SO_LISTENQLIMIT), 4, "SO_LISTENQLIMIT");
	is_int(getopt_int(l, SO_ACCEPTCONN), SO_ACCEPTCONN, "SO_ACCEPTCONN");
	is_int(solisten_dequeue(l, &s, 0), 0, "one is taken");
	l->sol_qheld++;
	ok(solisten_full(l), "what the holder holds back counts");
	l->sol_qheld--;
	is_int(soaccept(s, (struct sockaddr *)&ss), 0, "and accepted");
	ok(getopt_int(s, SO_KEEPALIVE) != 0 && getopt_int(s, SO_ACCEPTCONN) == 0,
	    "options are inherited");
	is_int(getopt_int(s, SO_RCVBUF), 4096, "buffer sizes too");
	(void)xsend(c[0], "first", 5, 0, NULL);
	is_int(xrecv(s, buf, 10, 0), 5, "it is the first one's");
	(void)soclose(c[1]);
	is_int(solisten_dequeue(l, &s2, 0), 0, "one that has closed already");
	is_int(xrecv(s2, buf, 10, 0), 0, "reads the end");
	(void)soclose(s2);
	(void)soclose(l);
	is_int(c[2]->so_error, ECONNRESET, "closing the listener resets those in the queue");
	is_int(c[0]->so_error, 0, "and not those that were accepted");
	for (i = 0; i < 16; i++)
		if (i != 1)
			(void)soclose(c[i]);
	(void)soclose(s);
	is_int(numopensockets, before, "no socket is left");
}

static void
test_incomplete(void)
{
	struct socket *l, *c[6], *s;
	uint32_t before = numopensockets;
	int i;

	l = make_listener(1000, 4);
	for (i = 0; i < 6; i++) {
		c[i] = make(SOCK_STREAM);
		(void)soconnect(c[i], addr(1000), NULL);
	}
	is_int(getopt_int(l, SO_LISTENINCQLEN), 4, "incomplete ones are bounded by the backlog");
	ok(c[0]->so_error == ECONNRESET && c[1]->so_error == ECONNRESET && c[2]->so_error == 0,
	    "the oldest give way");
	is_int(soconnect(c[2], addr(1000), NULL), EALREADY, "connecting twice");
	is_int(solisten_dequeue(l, &s, 0), EWOULDBLOCK, "they cannot be accepted");
	soisconnected(c[3]);
	soisconnected(so2pcb(c[3])->peer->so);
	is_int(solisten_dequeue(l, &s, 0), 0, "one that is complete can");
	ok(so2pcb(s)->peer == so2pcb(c[3]), "and is the right one");
	(void)soclose(s);
	detached = 0;
	soisdisconnected(so2pcb(c[4])->peer->so);
	is_int(detached, 1, "one that dies on the queue is gone");
	is_int(l->sol_incqlen, 2, "and off it");
	(void)soclose(l);
	for (i = 0; i < 6; i++)
		(void)soclose(c[i]);
	is_int(numopensockets, before, "no socket is left");
}

static void
test_dgram(void)
{
	struct socket *a = make(SOCK_DGRAM), *b = make(SOCK_DGRAM);
	struct sockaddr *from;
	struct mbuf *control, *m;
	struct iovec iov;
	struct uio uio;
	int flags, val = 5;
	uint64_t mem = mbufs_out();

	(void)sobind(a, addr(1), NULL);
	is_int(sobind(b, addr(1), NULL), EADDRINUSE, "an address that is taken");
	(void)sobind(b, addr(2), NULL);
	is_int(xsend(a, "x", 1, 0, NULL), -EDESTADDRREQ, "a datagram needs an address");
	is_int(xsend(a, "x", 1, 0, addr(9)), -EHOSTUNREACH, "the protocol's error");
	is_int(xsend(a, big, BUFSIZE + 1, 0, addr(2)), -EMSGSIZE, "one larger than the buffer");
	is_int(xsend(a, "", 0, 0, addr(2)), 0, "an empty one is one");
	uio = uio_make(&iov, __DECONST(char *, "datagram"), 8, UIO_WRITE);
	control = sbcreatecontrol(&val, sizeof(val), SCM_TIMESTAMP, SOL_SOCKET, M_NOWAIT);
	is_int(sosend(a, addr(2), &uio, NULL, control, 0, NULL), 0, "one with control data");
	is_int(xsend(a, "truncated", 9, 0, addr(2)), 9, "and another");
	uio = uio_make(&iov, buf, 100, UIO_READ);
	flags = 0;
	is_int(soreceive(b, &from, &uio, NULL, NULL, &flags), 0, "the empty one comes first");
	is_int(uio.uio_resid, 100, "with no bytes");
	is_int(addr_of(from), 1, "and its sender");
	free(from, M_SONAME);
	for (int peek = 1; peek >= 0; peek--) {
		uio = uio_make(&iov, buf, 100, UIO_READ);
		flags = peek ? MSG_PEEK : 0;
		is_int(soreceive(b, &from, &uio, NULL, &control, &flags), 0, "then %s",
		    peek ? "a look at the second" : "the second");
		ok(uio.uio_resid == 92 && memcmp(buf, "datagram", 8) == 0, "its bytes");
		ok(control != NULL && control->m_len == (int)CMSG_SPACE(sizeof(val)) &&
			*(int *)CMSG_DATA(mtod(control, struct cmsghdr *)) == 5,
		    "and control data");
		m_freem(control);
		free(from, M_SONAME);
	}
	uio = uio_make(&iov, buf, 5, UIO_READ);
	flags = 0;
	is_int(soreceive(b, NULL, &uio, &m, NULL, &flags), 0, "the third in a small buffer");
	ok(m_length(m, NULL) == 5 && (flags & MSG_TRUNC) != 0, "is cut, and MSG_TRUNC says so");
	m_freem(m);
	is_int(xrecv(b, buf, 10, MSG_DONTWAIT), -EWOULDBLOCK, "the rest of it is lost");
	is_int(soconnect(a, addr(2), NULL), 0, "a datagram socket connects");
	is_int(xsend(a, "y", 1, 0, NULL), 1, "and needs no address then");
	is_int(soconnect(a, addr(1), NULL), 0, "and connects elsewhere");
	(void)soclose(a);
	(void)soclose(b);
	is_int(mbufs_out(), mem, "no memory is left behind");
}

static void
test_options(void)
{
	struct socket *so = make(SOCK_STREAM);
	struct timeval tv = {1, 500000};
	struct linger l = {1, -1};
	struct sockopt sopt = {.sopt_level = SOL_SOCKET,
	    .sopt_name = SO_RCVTIMEO,
	    .sopt_val = &tv,
	    .sopt_valsize = sizeof(tv)};

	is_int(setopt_int(so, SO_RCVBUF, 0), EINVAL, "no buffer is empty");
	is_int(
	    setopt_int(so, SO_SNDBUF, 32 * 1024 * 1024), ENOBUFS, "or above kern.ipc.maxsockbuf");
	is_int(setopt_int(so, SO_SNDBUF, 100000), 0, "SO_SNDBUF is set");
	is_int(getopt_int(so, SO_SNDBUF), 100000, "and got");
	is_int(setopt_int(so, SO_RCVLOWAT, 1 << 30), 0, "SO_RCVLOWAT");
	is_int(getopt_int(so, SO_RCVLOWAT), BUFSIZE, "is at most the buffer");
	is_int(setopt_int(so, SO_REUSEADDR, 1), 0, "a flag is set");
	is_int(getopt_int(so, SO_REUSEADDR), SO_REUSEADDR, "is on");
	is_int(setopt_int(so, SO_REUSEADDR, 0), 0, "and cleared");
	is_int(getopt_int(so, SO_REUSEADDR), 0, "is off");
	is_int(setopt_int(so, SO_ACCEPTCONN, 1), ENOPROTOOPT, "SO_ACCEPTCONN cannot be set");
	is_int(setopt_int(so, SO_DEBUG | SO_KEEPALIVE, 1), ENOPROTOOPT, "nor two at once");
	is_int(setopt_int(so, 0x7fff, 1), ENOPROTOOPT, "nor what there is not");
	is_int(
	    so_setsockopt(so, SOL_SOCKET, SO_KEEPALIVE, buf, 1), EINVAL, "an int has four bytes");
	is_int(so_setsockopt(so, 1234, 1, buf, 4), ENOPROTOOPT, "a level that there is not");
	is_int(
	    so_setsockopt(so, SOL_SOCKET, SO_LINGER, &l, sizeof(l)), EDOM, "time is not negative");
	is_int(so_setsockopt(so, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0, "SO_RCVTIMEO");
	tv.tv_sec = 0;
	is_int(sogetopt(so, &sopt), 0, "is got");
	ok(tv.tv_sec == 1 && tv.tv_usec >= 499999 && tv.tv_usec <= 500001, "as it was set");
	tv.tv_usec = 1000000;
	is_int(
	    so_setsockopt(so, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), EDOM, "if it is a time");
	is_int(getopt_int(so, SO_TYPE), SOCK_STREAM, "SO_TYPE");
	is_int(getopt_int(so, SO_PROTOCOL), 6, "SO_PROTOCOL");
	is_int(getopt_int(so, SO_DOMAIN), AF_TEST, "SO_DOMAIN");
	so->so_error = ETIMEDOUT;
	is_int(getopt_int(so, SO_ERROR), ETIMEDOUT, "SO_ERROR");
	is_int(getopt_int(so, SO_ERROR), 0, "is told once");
	(void)soclose(so);
}

/* ---- blocking, in kthreads ---- */

#define TRANSFER 2000000
struct transfer {
	struct socket *so;
	uint32_t seed;
	long done;
	int error;
	bool finished;
};

static uint32_t
step(uint32_t *s)
{
	*s = *s * 1664525 + 1013904223;
	return (*s >> 8);
}

static void
writer(void *arg)
{
	struct transfer *t = arg;
	static char wbuf[40000];

	while (t->done < TRANSFER) {
		long n = 1 + step(&t->seed) % (step(&t->seed) % 4 == 0 ? sizeof(wbuf) : 100), got;

		n = lmin(n, TRANSFER - t->done);
		for (long i = 0; i < n; i++)
			wbuf[i] = (char)((t->done + i) * 31 >> 3);
		got = xsend(t->so, wbuf, (size_t)n, 0, NULL);
		if (got != n) {
			t->error = (int)-got;
			break;
		}
		t->done += n;
	}
	(void)soclose(t->so);
	t->finished = true;
}

static void
reader(void *arg)
{
	struct transfer *t = arg;
	static char rbuf[30000];
	long n;

	for (;;) {
		bool all = step(&t->seed) % 2 == 0;
		long want = 1 + step(&t->seed) % sizeof(rbuf);

		n = xrecv(t->so, rbuf, (size_t)want, all ? MSG_WAITALL : 0);
		if (n <= 0)
			break;
		for (long i = 0; i < n; i++)
			if (rbuf[i] != (char)((t->done + i) * 31 >> 3))
				t->error = EINVAL;
		if (all && n != want && t->done + n != TRANSFER)
			t->error = EMSGSIZE;
		t->done += n;
	}
	if (n < 0)
		t->error = (int)-n;
	(void)soclose(t->so);
	t->finished = true;
}

static void
acceptor(void *arg)
{
	struct transfer *t = arg;
	struct socket *s;

	t->error = solisten_wait(t->so);
	if (t->error == 0)
		t->error = solisten_dequeue(t->so, &s, 0);
	if (t->error == 0)
		(void)soclose(s);
	t->finished = true;
}

static void
connector(void *arg)
{
	struct transfer *t = arg;

	t->error = soconnect(t->so, addr(1001), NULL);
	if (t->error == 0)
		t->error = soconnwait(t->so);
	t->finished = true;
}

static void
waiter(void *arg)
{
	struct transfer *t = arg;

	t->error = (int)-xrecv(t->so, buf, 1, 0);
	t->finished = true;
}

static void
run_until_idle(uint64_t limit_ns)
{
	uint64_t end = host_monotonic_ns() + limit_ns, next;

	for (;;) {
		kern_run();
		next = kern_next_ns();
		if (next > end)
			break;
		host_clock_advance_to(next);
	}
	kern_run();
}

static void
spawn(void (*fn)(void *), struct transfer *t)
{
	if (kthread_add(fn, t, NULL, NULL, 0, 0, "test") != 0)
		tap_bail("kthread_add");
}

static void
test_blocking(void)
{
	struct transfer w = {.seed = 1}, r = {.seed = 2};
	struct socket *a, *b, *l;
	struct timeval tv = {2, 0};
	uint64_t t0;

	make_pair(&w.so, &r.so);
	spawn(writer, &w);
	spawn(reader, &r);
	run_until_idle(0);
	ok(w.finished && r.finished, "writer and reader end");
	is_int(w.error, 0, "nothing failed at the writer");
	is_int(r.error, 0, "or at the reader");
	is_int(r.done, TRANSFER, "all bytes came through");

	make_pair(&a, &b);
	w = (struct transfer){.so = a};
	(void)so_setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	t0 = host_monotonic_ns();
	spawn(waiter, &w);
	run_until_idle(10000000000);
	is_int(w.error, EWOULDBLOCK, "SO_RCVTIMEO ends a read");
	ok(host_monotonic_ns() - t0 >= 2000000000 && host_monotonic_ns() - t0 < 2100000000,
	    "after its time");
	(void)soclose(a);
	(void)soclose(b);

	l = make_listener(6, 1);
	w = (struct transfer){.so = l};
	spawn(acceptor, &w);
	run_until_idle(0);
	ok(!w.finished, "accept waits");
	a = make(SOCK_STREAM);
	(void)soconnect(a, addr(6), NULL);
	run_until_idle(0);
	ok(w.finished && w.error == 0, "until somebody comes");
	(void)soclose(a);
	w = (struct transfer){.so = l};
	spawn(acceptor, &w);
	run_until_idle(0);
	(void)soshutdown(l, SHUT_RDWR);
	run_until_idle(0);
	ok(w.finished && w.error == ECONNABORTED, "or the listener is shut down");
	(void)soclose(l);

	l = make_listener(1001, 1);
	w = (struct transfer){.so = make(SOCK_STREAM)};
	spawn(connector, &w);
	run_until_idle(0);
	ok(!w.finished, "connect waits");
	w.so->so_error = ETIMEDOUT;
	soisdisconnected(w.so);
	run_until_idle(0);
	ok(w.finished && w.error == ETIMEDOUT, "and tells why it failed");
	(void)soclose(w.so);
	(void)soclose(l);
}

int
main(void)
{
	uint32_t sockets;
	uint64_t mem;

	host_clock_virtual(1000000000);
	host_random_seed(1);
	kern_boot();
	sockets = numopensockets;
	mem = mbufs_out();
	test_create();
	test_stream();
	test_oob();
	test_close();
	test_listen();
	test_incomplete();
	test_dgram();
	test_options();
	test_blocking();
	is_int(numopensockets, sockets, "all sockets are gone");
	is_int(mbufs_out(), mem, "and all mbufs");
	return (tap_done());
}
