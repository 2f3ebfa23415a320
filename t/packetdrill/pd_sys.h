/*
 * pd_sys.h - the stack as packetdrill's module calls it: an interface for bare IP packets, and
 * system calls that may wait. Neutral: pd_if.c and pd_sys.c implement it in the kernel world,
 * pd_host.c and its companions call it. Values are Linux's, errors positive Linux errnos, as in
 * rpc/bsd/bsock.h.
 */
#ifndef T_PACKETDRILL_PD_SYS_H
#define T_PACKETDRILL_PD_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/bsd/bsock.h"

/* ---- pd_if.c: the interface ---- */

/* "tun0" with this address and MTU, up; a default route by `gateway`. 0 or a Linux errno. */
int pd_if_create(uint32_t mtu, const uint8_t addr[4], int prefix, const uint8_t gateway[4]);
int pd_if_input(const void *packet, size_t len); /* into the stack; kern_run() then works on it */
bool pd_if_waiting(void);			 /* has the stack sent something? */
void pd_if_alias(uint32_t addr, bool any_net);	 /* network order: ours too from now on */
/* The oldest packet sent, and when (monotonic). Bytes of it, at most room; 0: there is none. */
size_t pd_if_output(void *buf, size_t room, uint64_t *ns);
extern void (*pd_if_sent)(void); /* called as a packet is queued; may be NULL */

/* ---- pd_sys.c: waiting ---- */

/*
 * A job runs fn(arg) in a kthread, so that it may wait. pd_job_start() only queues it; kern_run()
 * runs it. `finished` is called there, in the middle of the stack's work.
 */
struct pd_job {
	void (*j_fn)(void *arg);
	void *j_arg;
	void (*j_finished)(struct pd_job *);
	bool j_done;
	void *j_vnet; /* the stack it is for */
	struct pd_job *j_next;
};
void pd_job_start(struct pd_job *);

/* Until true(arg), looked at after each event of a socket, or `ms` have passed (-1: for ever). */
void pd_wait_until(bool (*is_true)(void *arg), void *arg, int ms);
void pd_wakeup(void); /* something that the sockets do not know of happened */

/* ---- pd_sys.c: calls; `wait`: may sleep, and runs in a job then ---- */

struct pd_io {
	struct bsock *io_so;
	bool io_wait;
	uint32_t io_flags; /* MSG_*; on return of a receive what it says */
	struct link_iov *io_iov;
	int io_niov;
	struct rpc_addr io_addr; /* from, or to; a_len 0: none */
	void *io_control;
	size_t io_control_len; /* bytes, or room; on return bytes */
	size_t io_done;	       /* bytes that went */
};
int pd_send(struct pd_io *);
int pd_recv(struct pd_io *);
int pd_connect(struct bsock *, bool wait, const void *addr, size_t len);
int pd_accept(struct bsock *, bool wait, void *owner, struct bsock **, struct rpc_accept *);
void pd_close(struct bsock *, bool wait); /* SO_LINGER may make it wait */

#define PD_POLLIN 0x001
#define PD_POLLPRI 0x002
#define PD_POLLOUT 0x004
#define PD_POLLERR 0x008
#define PD_POLLHUP 0x010
#define PD_POLLRDNORM 0x040
#define PD_POLLWRNORM 0x100
#define PD_POLLRDHUP 0x2000
unsigned pd_ready(struct bsock *); /* PD_POLL* */

/* SO_SNDBUF, SO_RCVBUF as the stack has them, not doubled. ENOPROTOOPT: another option. */
int pd_set_bsd_buffer(struct bsock *, int name, int value);
int pd_get_bsd_buffer(struct bsock *, int name, int *value);
int pd_meminfo(struct bsock *, uint32_t info[9]); /* SO_MEMINFO's */

/*
 * A line for each socket, of tab-separated fields: protocol, local address and port, foreign ones,
 * state, and the descriptor that fd_of() says its owner is; -1: nobody's.
 */
void pd_sockets(bsd_emit_fn *, void *arg, int (*fd_of)(void *owner));

/* Ends a connection as tcpdrop(8) does, all values in network order. ENOENT: there is none. */
int pd_drop(uint32_t laddr, uint16_t lport, uint32_t faddr, uint16_t fport);

#endif
