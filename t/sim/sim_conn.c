/*
 * sim_conn.c - the ends of alpine-sim's TCP connections. Kernel world.
 *
 * An upcall of the socket only schedules a task; the task reads what there is, compares it with
 * what was sent (a pattern by position), tells the flow (sim_flow.c), and writes what the flow
 * wants written. No thread waits for anything, so ten thousand connections are ten thousand of
 * these structures.
 * Owns struct sim_conn and its socket.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/proc.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/systm.h>
#include <sys/uio.h>

#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp.h>
#include <netinet/tcp_var.h>

#include "t/sim/sim_var.h"

#define CHUNK 65536
#define PERIOD 251 /* of the pattern: prime, so that no block of a power of two repeats it */
#define BACKLOG 1024
#define READ_IOV 64

static uint8_t pattern[CHUNK + PERIOD];

static void
make_pattern(void)
{
	u_int i;

	if (pattern[1] == 0)
		for (i = 0; i < sizeof(pattern); i++)
			pattern[i] = (uint8_t)(i % PERIOD);
}

/* ---- options ---- */

static const struct {
	const char *name;
	int level, option;
} options[] = {{"SO_SNDBUF", SOL_SOCKET, SO_SNDBUF}, {"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF},
    {"SO_SNDLOWAT", SOL_SOCKET, SO_SNDLOWAT}, {"SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT},
    {"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE}, {"SO_DONTROUTE", SOL_SOCKET, SO_DONTROUTE},
    {"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY}, {"TCP_MAXSEG", IPPROTO_TCP, TCP_MAXSEG},
    {"TCP_NOPUSH", IPPROTO_TCP, TCP_NOPUSH}, {"TCP_NOOPT", IPPROTO_TCP, TCP_NOOPT},
    {"TCP_DELACK", IPPROTO_TCP, TCP_DELACK}, {"TCP_KEEPINIT", IPPROTO_TCP, TCP_KEEPINIT},
    {"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE}, {"TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL},
    {"TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT}, {"TCP_MAXUNACKTIME", IPPROTO_TCP, TCP_MAXUNACKTIME},
    {"TCP_FASTOPEN", IPPROTO_TCP, TCP_FASTOPEN}, {"IP_TOS", IPPROTO_IP, IP_TOS},
    {"IP_TTL", IPPROTO_IP, IP_TTL}};

static int
set_option(struct socket *so, const struct sim_sockopt *o)
{
	char *end;
	long v = strtol(o->value, &end, 0);
	int value = (int)v;
	size_t i;

	if (end == o->value || *end != '\0')
		return (EINVAL);
	for (i = 0; i < nitems(options); i++)
		if (strcmp(options[i].name, o->name) == 0)
			return (so_setsockopt(
			    so, options[i].level, options[i].option, &value, sizeof(value)));
	return (ENOPROTOOPT);
}

int
sim_set_options(struct sim_flow *f, struct socket *so, const struct sim_sockopt **bad)
{
	char cc[TCP_CA_NAME_MAX];
	size_t i;
	int error;

	for (i = 0; i < f->s_conf.nopts; i++) {
		error = set_option(so, &f->s_conf.opts[i]);
		if (error != 0) {
			if (bad != NULL)
				*bad = &f->s_conf.opts[i];
			return (error);
		}
	}
	if (f->s_conf.cc == NULL || f->s_conf.udp)
		return (0);
	strlcpy(cc, f->s_conf.cc, sizeof(cc));
	return (so_setsockopt(so, IPPROTO_TCP, TCP_CONGESTION, cc, strlen(cc)));
}

/* ---- life ---- */

static void
conn_task(void *arg, int pending __unused)
{
	sim_conn_work(arg);
}

static int
conn_upcall(struct socket *so __unused, void *arg, int flags __unused)
{
	struct sim_conn *c = arg;

	(void)taskqueue_enqueue(taskqueue_swi, &c->c_task);
	return (SU_OK);
}

static struct sim_conn *
conn_alloc(struct sim_flow *f, struct socket *so, bool server)
{
	struct sim_conn *c = malloc(sizeof(*c), M_SIM, M_WAITOK | M_ZERO);

	c->c_flow = f;
	c->c_so = so;
	c->c_server = server;
	c->c_start_ns = sim_now_ns();
	c->c_expect = SIM_NEVER;
	TASK_INIT(&c->c_task, 0, conn_task, c);
	soupcall_set(so, SO_RCV, conn_upcall, c);
	soupcall_set(so, SO_SND, conn_upcall, c);
	LIST_INSERT_HEAD(&f->s_conns, c, c_next);
	return (c);
}

static void
conn_free(struct sim_conn *c, int error)
{
	struct sim_flow *f = c->c_flow;

	CURVNET_SET(c->c_so->so_vnet);
	sim_flow_closed(c, error);
	taskqueue_drain(taskqueue_swi, &c->c_task);
	(void)soclose(c->c_so);
	CURVNET_RESTORE();
	if (c->c_peer != NULL)
		c->c_peer->c_peer = NULL;
	LIST_REMOVE(c, c_next);
	free(c, M_SIM);
	sim_flow_freed(f);
}

void
sim_conn_kick(struct sim_conn *c)
{
	CURVNET_SET(c->c_so->so_vnet);
	(void)taskqueue_enqueue(taskqueue_swi, &c->c_task);
	CURVNET_RESTORE();
}

/* ---- the server ---- */

static void
find_peer(struct sim_conn *c)
{
	struct sockaddr_storage ss;
	struct sim_conn *o;

	if (sopeeraddr(c->c_so, (struct sockaddr *)&ss) != 0)
		return;
	c->c_port = ((const struct sockaddr_in *)&ss)->sin_port;
	LIST_FOREACH (o, &c->c_flow->s_conns, c_next)
		if (!o->c_server && o->c_port == c->c_port) {
			c->c_peer = o;
			o->c_peer = c;
			c->c_number = o->c_number;
			return;
		}
}

static void
accept_task(void *arg, int pending __unused)
{
	struct sim_flow *f = arg;
	struct sockaddr_storage ss;
	struct sim_conn *c;
	struct socket *so;

	while (solisten_dequeue(f->s_listener, &so, 0) == 0) {
		if (soaccept(so, (struct sockaddr *)&ss) != 0) {
			(void)soclose(so);
			continue;
		}
		(void)sim_set_options(f, so, NULL); /* the listener took them all */
		c = conn_alloc(f, so, true);
		c->c_connected = true;
		find_peer(c);
		sim_flow_connected(c);
		sim_conn_work(c);
	}
}

static int
listen_upcall(struct socket *so __unused, void *arg, int flags __unused)
{
	struct sim_flow *f = arg;

	(void)taskqueue_enqueue(taskqueue_swi, &f->s_accept);
	return (SU_OK);
}

int
sim_conn_listen(struct sim_flow *f, const struct sim_sockopt **bad)
{
	struct sockaddr_in sin = {.sin_len = sizeof(sin), .sin_family = AF_INET};
	int one = 1, error;

	make_pattern();
	sin.sin_port = htons(f->s_conf.port);
	TASK_INIT(&f->s_accept, 0, accept_task, f);
	CURVNET_SET(f->s_conf.to->h_vnet);
	error = socreate(PF_INET, &f->s_listener, SOCK_STREAM, 0, kern_cred, curthread);
	if (error != 0)
		goto out;
	(void)so_setsockopt(f->s_listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	error = sim_set_options(f, f->s_listener, bad);
	if (error == 0)
		error = sobind(f->s_listener, (struct sockaddr *)&sin, curthread);
	if (error == 0)
		error = solisten(f->s_listener, BACKLOG, curthread);
	if (error == 0)
		solisten_upcall_set(f->s_listener, listen_upcall, f);
out:
	CURVNET_RESTORE();
	return (error);
}

/* ---- the client ---- */

static uint16_t
local_port(struct socket *so)
{
	struct sockaddr_storage ss;

	if (sosockaddr(so, (struct sockaddr *)&ss) != 0)
		return (0);
	return (((const struct sockaddr_in *)&ss)->sin_port);
}

struct sim_conn *
sim_conn_open(struct sim_flow *f, uint64_t to_write)
{
	struct sockaddr_in sin = {.sin_len = sizeof(sin), .sin_family = AF_INET};
	struct sim_conn *c = NULL;
	struct socket *so;
	int error;

	sin.sin_port = htons(f->s_conf.port);
	sin.sin_addr.s_addr = htonl(f->s_conf.to_addr);
	if (f->s_stats.conns++ == 0)
		f->s_stats.first_ns = sim_now_ns();
	CURVNET_SET(f->s_conf.from->h_vnet);
	error = socreate(PF_INET, &so, SOCK_STREAM, 0, kern_cred, curthread);
	if (error == 0) {
		c = conn_alloc(f, so, false);
		c->c_number = (unsigned)f->s_stats.conns;
		c->c_to_write = to_write;
		error = sim_set_options(f, so, NULL);
		if (error == 0)
			error = soconnect(so, (struct sockaddr *)&sin, curthread);
		c->c_port = local_port(so);
		if (error != 0) {
			conn_free(c, error);
			c = NULL;
		}
	} else {
		f->s_stats.failed++;
		f->s_stats.first_error = error;
	}
	CURVNET_RESTORE();
	return (c);
}

/* ---- work ---- */

static void
check(struct sim_conn *c, const uint8_t *p, size_t len)
{
	uint64_t at = c->c_read;
	size_t n, i;

	while (len > 0) {
		n = MIN(len, CHUNK);
		if (memcmp(p, pattern + at % PERIOD, n) != 0)
			for (i = 0; i < n; i++)
				c->c_flow->s_stats.bad_bytes += p[i] != pattern[(at + i) % PERIOD];
		p += n;
		at += n;
		len -= n;
	}
}

/* Reads all that is there. 0: go on; else why the connection is over. */
static int
conn_read(struct sim_conn *c)
{
	struct iovec iov[READ_IOV];
	size_t got;
	int niov, error, i;

	while (!c->c_eof) {
		niov = READ_IOV;
		error = sopeekiov(c->c_so, iov, &niov, CHUNK);
		if (error == EWOULDBLOCK)
			return (0);
		if (error != 0)
			return (error);
		if (niov == 0) {
			c->c_eof = true;
			return (0);
		}
		for (got = 0, i = 0; i < niov; i++) {
			check(c, iov[i].iov_base, iov[i].iov_len);
			c->c_read += iov[i].iov_len;
			got += iov[i].iov_len;
		}
		error = sodropiov(c->c_so, got);
		if (error != 0)
			return (error);
		if (c->c_server && c->c_peer != NULL) {
			c->c_peer->c_there = c->c_read;
			c->c_peer->c_there_ns = sim_now_ns();
		}
		sim_flow_read(c, got);
	}
	return (0);
}

static int
conn_write(struct sim_conn *c)
{
	struct iovec iov;
	struct uio u;
	size_t n, put;
	int error = 0;

	while (c->c_wrote < c->c_to_write && error == 0) {
		n = MIN(c->c_to_write - c->c_wrote, CHUNK);
		memset(&u, 0, sizeof(u));
		iov.iov_base = pattern + c->c_wrote % PERIOD;
		iov.iov_len = n;
		u.uio_iov = &iov;
		u.uio_iovcnt = 1;
		u.uio_resid = (ssize_t)n;
		u.uio_segflg = UIO_SYSSPACE;
		u.uio_rw = UIO_WRITE;
		u.uio_td = curthread;
		error = sosend(c->c_so, NULL, &u, NULL, NULL, MSG_DONTWAIT, curthread);
		put = n - (size_t)u.uio_resid;
		c->c_wrote += put;
		c->c_flow->s_stats.sent += put;
	}
	if (error != 0 && error != EWOULDBLOCK)
		return (error);
	if (c->c_finish && c->c_wrote >= c->c_to_write && !c->c_shut) {
		c->c_shut = true;
		return (soshutdown(c->c_so, SHUT_WR));
	}
	return (0);
}

void
sim_conn_work(struct sim_conn *c)
{
	struct socket *so = c->c_so;
	int error = 0;

	if (!c->c_connected) {
		if (so->so_error != 0) {
			error = so->so_error;
			so->so_error = 0;
		} else if ((so->so_state & SS_ISCONNECTED) == 0)
			return;
		else {
			c->c_connected = true;
			sim_flow_connected(c);
		}
	}
	if (error == 0)
		error = conn_read(c);
	if (error == 0 && c->c_eof)
		c->c_finish = true;
	if (error == 0)
		error = conn_write(c);
	if (error != 0 || (c->c_eof && c->c_shut))
		conn_free(c, error);
}
