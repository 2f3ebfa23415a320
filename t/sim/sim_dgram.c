/*
 * sim_dgram.c - datagrams of alpine-sim's on-off traffic: each with its number and the time it was
 * sent. Kernel world. Owns the two sockets of a flow.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/mbuf.h>
#include <sys/proc.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/systm.h>
#include <sys/uio.h>

#include <netinet/in.h>

#include "t/sim/sim_var.h"

#define DGRAM_MAX 65507
#define HEADER 16 /* bytes: number, nanoseconds */

struct sim_dgram {
	struct socket *d_from, *d_to;
	struct task d_read;
	uint64_t d_number, d_next; /* sent so far; the lowest not yet seen */
};

static uint8_t scratch[DGRAM_MAX], packet[DGRAM_MAX];

static void
receive(struct sim_flow *f, const uint8_t *p, size_t len)
{
	struct sim_dgram *d = f->s_dgram;
	uint64_t n, sent_ns;

	f->s_stats.received += len;
	f->s_stats.dgrams_received++;
	f->s_stats.last_ns = sim_now_ns();
	memcpy(&n, p, sizeof(n));
	memcpy(&sent_ns, p + sizeof(n), sizeof(sent_ns));
	if (n < d->d_next)
		f->s_stats.dgrams_late++;
	else
		d->d_next = n + 1;
	sim_flow_latency(f, sim_now_ns() - sent_ns);
}

static void
read_task(void *arg, int pending __unused)
{
	struct sim_flow *f = arg;
	struct iovec iov;
	struct uio u;
	int flags;

	for (;;) {
		memset(&u, 0, sizeof(u));
		iov.iov_base = scratch;
		iov.iov_len = sizeof(scratch);
		u.uio_iov = &iov;
		u.uio_iovcnt = 1;
		u.uio_resid = sizeof(scratch);
		u.uio_segflg = UIO_SYSSPACE;
		u.uio_rw = UIO_READ;
		u.uio_td = curthread;
		flags = MSG_DONTWAIT;
		if (soreceive(f->s_dgram->d_to, NULL, &u, NULL, NULL, &flags) != 0)
			return;
		if (sizeof(scratch) - (size_t)u.uio_resid >= HEADER)
			receive(f, scratch, sizeof(scratch) - (size_t)u.uio_resid);
	}
}

static int
read_upcall(struct socket *so __unused, void *arg, int flags __unused)
{
	struct sim_flow *f = arg;

	(void)taskqueue_enqueue(taskqueue_swi, &f->s_dgram->d_read);
	return (SU_OK);
}

int
sim_dgram_send(struct sim_flow *f)
{
	struct sim_dgram *d = f->s_dgram;
	struct iovec iov = {.iov_base = packet, .iov_len = f->s_conf.packet};
	uint64_t now = sim_now_ns();
	struct uio u;
	int error;

	memcpy(packet, &d->d_number, sizeof(d->d_number));
	memcpy(packet + sizeof(d->d_number), &now, sizeof(now));
	d->d_number++;
	memset(&u, 0, sizeof(u));
	u.uio_iov = &iov;
	u.uio_iovcnt = 1;
	u.uio_resid = (ssize_t)iov.iov_len;
	u.uio_segflg = UIO_SYSSPACE;
	u.uio_rw = UIO_WRITE;
	u.uio_td = curthread;
	f->s_stats.dgrams_sent++;
	CURVNET_SET(d->d_from->so_vnet);
	error = sosend(d->d_from, NULL, &u, NULL, NULL, MSG_DONTWAIT, curthread);
	CURVNET_RESTORE();
	if (error == 0)
		f->s_stats.sent += f->s_conf.packet;
	else if (f->s_stats.first_error == 0)
		f->s_stats.first_error = error;
	return (error);
}

static int
make_socket(struct sim_flow *f, struct sim_host *h, struct socket **so, uint32_t addr, bool to,
    const struct sim_sockopt **bad)
{
	struct sockaddr_in sin = {.sin_len = sizeof(sin), .sin_family = AF_INET};
	int error;

	sin.sin_port = htons(f->s_conf.port);
	sin.sin_addr.s_addr = htonl(addr);
	CURVNET_SET(h->h_vnet);
	error = socreate(PF_INET, so, SOCK_DGRAM, 0, kern_cred, curthread);
	if (error == 0)
		error = sim_set_options(f, *so, bad);
	if (error == 0 && to)
		error = sobind(*so, (struct sockaddr *)&sin, curthread);
	else if (error == 0)
		error = soconnect(*so, (struct sockaddr *)&sin, curthread);
	CURVNET_RESTORE();
	return (error);
}

int
sim_dgram_create(struct sim_flow *f, const struct sim_sockopt **bad)
{
	struct sim_dgram *d = malloc(sizeof(*d), M_SIM, M_WAITOK | M_ZERO);
	int error;

	f->s_dgram = d;
	TASK_INIT(&d->d_read, 0, read_task, f);
	error = make_socket(f, f->s_conf.to, &d->d_to, INADDR_ANY, true, bad);
	if (error == 0)
		error = make_socket(f, f->s_conf.from, &d->d_from, f->s_conf.to_addr, false, bad);
	if (error == 0)
		soupcall_set(d->d_to, SO_RCV, read_upcall, f);
	return (error);
}
