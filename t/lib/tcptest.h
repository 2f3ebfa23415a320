/*
 * tcptest.h - what the packet tests of TCP share: a stack (10.0.0.1) and a scripted peer
 * (10.0.0.2), and the segments of ordinary openings. Kernel world.
 *
 * The stack's sequence numbers count from its SYN (0), as packet.h has it; the peer begins at 1000.
 * A line leaves out both addresses: in() sends from the peer's port to the stack's, out() waits for
 * one the other way.
 */
#ifndef T_LIB_TCPTEST_H
#define T_LIB_TCPTEST_H

#include <sys/param.h>
#include <sys/errno.h>
#include <sys/systm.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_var.h>

#include "t/lib/packet.h"
#include "t/lib/tap.h"

extern struct testbed *tb;
extern struct tb_host *h;
extern struct packet_peer *p;
extern int tt_lport, tt_pport; /* the stack's and the peer's port of the connection at hand */

#define LPORT 80 /* tt_listen()'s */

void tt_init(void);
int tt_done(void); /* closes the bed, checks for leaks; main's return value */

void tt_in(const char *fmt, ...) __attribute__((format(__printf__, 1, 2)));
bool tt_out(int after_ms, int tolerance_ms, const char *file, int line, const char *fmt, ...)
    __attribute__((format(__printf__, 5, 6)));
#define in(...) tt_in(__VA_ARGS__)
/* at once: some checks between two lines run the clock for a millisecond each */
#define out(...) tt_out(0, 10, __FILE__, __LINE__, __VA_ARGS__)
#define out_after(ms, tol, ...) tt_out((ms), (tol), __FILE__, __LINE__, __VA_ARGS__)
#define quiet(ms) expect_none(p, (ms))

struct socket *tt_listen(int backlog); /* on LPORT, one for the whole test */
/* Handshakes; opts are the peer's, as in a line. The next in() has "1001:" and "ack 1". */
struct socket *tt_passive(struct socket *ls, const char *opts);
struct socket *tt_active(const char *opts);
/* Ends it with a reset from the peer, and closes the socket. peer_seq: rcv_nxt of the stack. */
void tt_kill(struct socket *, u_int peer_seq);

struct socket *tt_accept(struct socket *ls); /* NULL: none waits */
int tt_state(struct socket *);		     /* TCPS_*; CLOSED if the connection is over */
struct tcpcb *tt_tcpcb(struct socket *);
void tt_write(struct socket *, size_t n); /* n bytes of a pattern */
int tt_read(struct socket *, size_t n);	  /* bytes got, or -errno; 0 at the end */
void tt_close(struct socket *);
void tt_shutdown(struct socket *, int how);
int tt_error(struct socket *); /* SO_ERROR */
void tt_setopt(struct socket *, int level, int name, int value);
/* The algorithm of new connections. tt_init() sets "newreno": its windows are round figures. */
void tt_default_cc(const char *name);
int tt_sysctl(int *which, int value); /* sets a V_ variable in the stack; the old value */

/* A counter of the stack, by its name in struct tcpstat. */
#define tt_count(f)                                                                                \
	({                                                                                         \
		uint64_t tt_n;                                                                     \
		TB_ENTER(h);                                                                       \
		tt_n = V_tcpstat.f;                                                                \
		TB_LEAVE();                                                                        \
		tt_n;                                                                              \
	})
/* Sets a sysctl of the stack, by name; checks that it took it. */
void tt_set(const char *name, int value);

#endif
