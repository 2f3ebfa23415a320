/*
 * testbed.h - hosts on a wire, in one process, on virtual time. Kernel world.
 *
 *	struct testbed *tb = testbed_init(seed, &params);
 *	struct tb_host *a = testbed_host(tb, "a", "10.0.0.1/24");
 *	struct tb_host *b = testbed_host(tb, "b", "10.0.0.2/24");
 *	tb_spawn(b, server, arg);		// a program: a kthread in b's stack, may block
 *	tb_spawn(a, client, arg);
 *	ok(testbed_run_programs(tb, 60000), "both ended within a virtual minute");
 *	testbed_done(tb);			// waits out TIME_WAIT, checks for leaks
 *
 * The same seed gives the same run, byte for byte. Time moves only inside testbed_run_*().
 */
#ifndef T_LIB_TESTBED_H
#define T_LIB_TESTBED_H

#include <sys/param.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <net/vnet.h>
#include <netinet/in.h>

#include "tapbridge/wire.h"

struct ifnet;
struct testbed;

struct tb_host {
	struct testbed *h_tb;
	struct vnet *h_vnet;
	struct link *h_link;
	struct ifnet *h_ifp;
	struct in_addr h_addr;
	char h_name[16];
	TAILQ_ENTRY(tb_host) h_next;
};

/* NULL parameters: no delay, no loss, no offloads. wire_params.seed 0 takes the testbed's. */
struct testbed *testbed_init(uint64_t seed, const struct wire_params *);
struct tb_host *testbed_host(struct testbed *, const char *name, const char *addr_plen);
struct wire *testbed_wire(struct testbed *);
uint64_t testbed_seed(const struct testbed *);
void testbed_done(struct testbed *); /* checks: nothing leaked */

/* Time since testbed_init(). */
uint64_t testbed_now_ns(const struct testbed *);
#define testbed_now_ms(tb) (testbed_now_ns(tb) / 1000000u)
void testbed_run_until_ns(struct testbed *, uint64_t ns);
void testbed_run_ms(struct testbed *, uint64_t ms);
/* Until every program has returned (true) or limit_ms more have passed (false: some hang). */
bool testbed_run_programs(struct testbed *, uint64_t limit_ms);
/* To the next event, and what it brings. False: there is none before until_ns, which it is now. */
bool testbed_step(struct testbed *, uint64_t until_ns);

/* A program. Its curvnet is the host's. */
void tb_spawn(struct tb_host *, void (*fn)(struct tb_host *, void *arg), void *arg);
int testbed_programs(const struct testbed *); /* still running */

/* Code of the test itself, in a host's stack: it cannot wait. Not for programs. */
#define TB_ENTER(host) ((void)(curvnet = (host)->h_vnet))
#define TB_LEAVE() ((void)(curvnet = vnet0))

/* ---- for programs; errno values as returns. The waiting ones only inside a program. ---- */

struct sockaddr_in tb_sin(const char *addr, uint16_t port); /* NULL: any */
int tb_socket(int type, struct socket **);
int tb_bind(struct socket *, const char *addr, uint16_t port);
int tb_listen(uint16_t port, int backlog, struct socket **); /* a TCP listener on any address */
int tb_accept(struct socket *listener, struct socket **);    /* waits */
int tb_connect(struct socket *, const char *addr, uint16_t port);	/* waits */
int tb_connect_start(struct socket *, const char *addr, uint16_t port); /* does not wait */
int tb_write(struct socket *, const void *, size_t);			/* all of it; waits */
int tb_read(struct socket *, void *, size_t, size_t *got);    /* waits for something; 0: end */
int tb_read_nb(struct socket *, void *, size_t, size_t *got); /* EWOULDBLOCK */
int tb_write_nb(struct socket *, const void *, size_t, size_t *put);
int tb_sendto(struct socket *, const char *addr, uint16_t port, const void *, size_t);
int tb_recvfrom(struct socket *, void *, size_t, size_t *got, struct sockaddr_in *from, int flags);
int tb_setopt(struct socket *, int level, int name, int value);
int tb_soerror(struct socket *); /* SO_ERROR: reads and clears */
void tb_sleep_ms(int ms);

/* A repeatable generator for tests. */
uint32_t tb_random(uint64_t *state);
/* Byte number `at` of stream `id`: what transfers send and compare. */
void tb_pattern(uint8_t *buf, size_t len, uint64_t id, uint64_t at);

#endif
