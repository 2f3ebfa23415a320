/*
 * testbed.c - hosts on a wire, in one process, on virtual time; see testbed.h.
 *
 * Owns the virtual clock: runs the kernel until it has nothing to do, then moves the clock to its
 * next callout. Each host is a VNET with an interface on the testbed's wire. A program is a
 * kthread.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/kernel.h>
#include <sys/kthread.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/proc.h>
#include <sys/systm.h>
#include <sys/uio.h>

#include <net/if.h>
#include <net/if_var.h>
#include <netinet/in_var.h>

#include <host/host.h>

#include "t/lib/tap.h"
#include "t/lib/testbed.h"

#define SETTLE_MS (15 * 60 * 1000) /* longer than any connection outlives its sockets */
#define NS_PER_MS 1000000u

MALLOC_DEFINE(M_TESTBED, "testbed", "tests' hosts and programs");

struct testbed {
	uint64_t tb_seed, tb_start_ns;
	struct wire *tb_wire;
	TAILQ_HEAD(, tb_host) tb_hosts;
	int tb_nhosts, tb_nprograms;
	struct mbstat tb_mb; /* at the start */
	uint32_t tb_sockets;
};

struct program {
	struct tb_host *p_host;
	void (*p_fn)(struct tb_host *, void *);
	void *p_arg;
};

/* ---- making ---- */

static void
boot_once(void)
{
	static bool booted;

	if (booted)
		return;
	booted = true;
	host_clock_virtual(1000000000u);
	kern_boot();
}

struct testbed *
testbed_init(uint64_t seed, const struct wire_params *params)
{
	struct wire_params p;
	struct testbed *tb;

	host_random_seed(seed);
	boot_once();
	host_random_seed(seed);
	tb = malloc(sizeof(*tb), M_TESTBED, M_WAITOK | M_ZERO);
	memset(&p, 0, sizeof(p));
	if (params != NULL)
		p = *params;
	if (p.seed == 0)
		p.seed = seed;
	TAILQ_INIT(&tb->tb_hosts);
	tb->tb_seed = seed;
	tb->tb_start_ns = host_monotonic_ns();
	mb_stat(&tb->tb_mb);
	tb->tb_sockets = numopensockets;
	tb->tb_wire = wire_create(&p);
	return (tb);
}

/* "10.0.0.1/24" */
static int
parse_addr(const char *s, struct in_addr *addr)
{
	char buf[INET_ADDRSTRLEN];
	const char *slash = strchr(s, '/');
	size_t n = slash != NULL ? (size_t)(slash - s) : strlen(s);

	if (n >= sizeof(buf))
		tap_bail("testbed: bad address");
	memcpy(buf, s, n);
	buf[n] = '\0';
	if (inet_aton(buf, addr) != 1)
		tap_bail("testbed: bad address");
	return (slash != NULL ? (int)strtol(slash + 1, NULL, 10) : 32);
}

static void
bring_up(struct tb_host *h, int plen)
{
	int error;

	h->h_ifp = h->h_link->ifp;
	if_up(h->h_ifp);
	error = in_aifaddr(h->h_ifp, h->h_addr, plen);
	if (error != 0)
		tap_bail("testbed: the address was not taken");
}

struct tb_host *
testbed_host(struct testbed *tb, const char *name, const char *addr_plen)
{
	struct tb_host *h = malloc(sizeof(*h), M_TESTBED, M_WAITOK | M_ZERO);
	uint8_t mac[6] = {2, 0, 0, 0, 0, (uint8_t)++tb->tb_nhosts};
	int plen = parse_addr(addr_plen, &h->h_addr);

	h->h_tb = tb;
	strlcpy(h->h_name, name, sizeof(h->h_name));
	h->h_vnet = vnet_alloc();
	strlcpy(h->h_vnet->vnet_name, name, sizeof(h->h_vnet->vnet_name));
	h->h_link = wire_end(tb->tb_wire, mac);
	CURVNET_SET(h->h_vnet);
	if (if_link_attach(h->h_link, "tap", 0) != 0)
		tap_bail("testbed: no interface");
	bring_up(h, plen);
	CURVNET_RESTORE();
	TAILQ_INSERT_TAIL(&tb->tb_hosts, h, h_next);
	return (h);
}

struct wire *
testbed_wire(struct testbed *tb)
{
	return (tb->tb_wire);
}

uint64_t
testbed_seed(const struct testbed *tb)
{
	return (tb->tb_seed);
}

static void
check_leaks(const struct testbed *tb)
{
	struct mbstat mb;

	mb_stat(&mb);
	is_int(numopensockets, tb->tb_sockets, "no socket is left");
	is_int(mb.mbufs_used, tb->tb_mb.mbufs_used, "no mbuf is left");
	is_int(
	    mb.clusters_used + mb.jumbop_used + mb.jumbo9_used + mb.jumbo16_used + mb.jumbo64_used,
	    tb->tb_mb.clusters_used + tb->tb_mb.jumbop_used + tb->tb_mb.jumbo9_used +
		tb->tb_mb.jumbo16_used + tb->tb_mb.jumbo64_used,
	    "no cluster is left");
}

void
testbed_done(struct testbed *tb)
{
	struct tb_host *h;

	if (tb->tb_nprograms != 0) {
		ok(false, "%d programs still run", tb->tb_nprograms);
		return; /* their stacks hold what there is */
	}
	testbed_run_ms(tb, SETTLE_MS);
	is_int(numopensockets, tb->tb_sockets, "every socket is gone after its connection");
	TAILQ_FOREACH (h, &tb->tb_hosts, h_next)
		if_link_detach(h->h_link);
	while ((h = TAILQ_FIRST(&tb->tb_hosts)) != NULL) {
		TAILQ_REMOVE(&tb->tb_hosts, h, h_next);
		vnet_destroy(h->h_vnet);
		free(h, M_TESTBED);
	}
	kern_run();
	wire_destroy(tb->tb_wire);
	check_leaks(tb);
	free(tb, M_TESTBED);
}

/* ---- time ---- */

uint64_t
testbed_now_ns(const struct testbed *tb)
{
	return (host_monotonic_ns() - tb->tb_start_ns);
}

bool
testbed_step(struct testbed *tb, uint64_t until_ns)
{
	uint64_t limit = tb->tb_start_ns + until_ns, next, now = host_monotonic_ns();

	if (!kern_pending()) {
		next = kern_next_ns();
		if (next > limit) {
			if (limit > now)
				host_clock_advance_to(limit);
			return (false);
		}
		if (next > now)
			host_clock_advance_to(next);
	}
	kern_run();
	return (true);
}

void
testbed_run_until_ns(struct testbed *tb, uint64_t ns)
{
	while (testbed_step(tb, ns))
		;
	kern_run();
}

void
testbed_run_ms(struct testbed *tb, uint64_t ms)
{
	testbed_run_until_ns(tb, testbed_now_ns(tb) + ms * NS_PER_MS);
}

bool
testbed_run_programs(struct testbed *tb, uint64_t limit_ms)
{
	uint64_t until = testbed_now_ns(tb) + limit_ms * NS_PER_MS;

	while (tb->tb_nprograms != 0)
		if (!testbed_step(tb, until))
			break;
	return (tb->tb_nprograms == 0);
}

/* ---- programs ---- */

static void
program_main(void *arg)
{
	struct program p = *(struct program *)arg;

	free(arg, M_TESTBED);
	p.p_fn(p.p_host, p.p_arg);
	p.p_host->h_tb->tb_nprograms--;
	kthread_exit();
}

void
tb_spawn(struct tb_host *h, void (*fn)(struct tb_host *, void *), void *arg)
{
	struct program *p = malloc(sizeof(*p), M_TESTBED, M_WAITOK | M_ZERO);
	struct thread *td;

	p->p_host = h;
	p->p_fn = fn;
	p->p_arg = arg;
	h->h_tb->tb_nprograms++;
	CURVNET_SET(h->h_vnet);
	if (kthread_add(program_main, p, NULL, &td, 0, 0, "%s", h->h_name) != 0)
		tap_bail("testbed: no thread");
	CURVNET_RESTORE();
}

int
testbed_programs(const struct testbed *tb)
{
	return (tb->tb_nprograms);
}

void
tb_sleep_ms(int ms)
{
	pause("tbsleep", ms);
}

/* ---- sockets ---- */

struct sockaddr_in
tb_sin(const char *addr, uint16_t port)
{
	struct sockaddr_in sin;

	memset(&sin, 0, sizeof(sin));
	sin.sin_len = sizeof(sin);
	sin.sin_family = AF_INET;
	sin.sin_port = htons(port);
	if (addr != NULL && inet_aton(addr, &sin.sin_addr) != 1)
		tap_bail("testbed: bad address");
	return (sin);
}

int
tb_socket(int type, struct socket **so)
{
	return (socreate(PF_INET, so, type, 0, kern_cred, curthread));
}

int
tb_bind(struct socket *so, const char *addr, uint16_t port)
{
	struct sockaddr_in sin = tb_sin(addr, port);

	return (sobind(so, sintosa(&sin), curthread));
}

int
tb_setopt(struct socket *so, int level, int name, int value)
{
	return (so_setsockopt(so, level, name, &value, sizeof(value)));
}

int
tb_soerror(struct socket *so)
{
	int error = so->so_error;

	so->so_error = 0;
	return (error);
}

static int
wake_acceptor(struct socket *so, void *arg __unused, int flags __unused)
{
	wakeup(&so->sol_comp);
	return (SU_OK);
}

int
tb_listen(uint16_t port, int backlog, struct socket **so)
{
	int error = tb_socket(SOCK_STREAM, so);

	if (error != 0)
		return (error);
	(void)tb_setopt(*so, SOL_SOCKET, SO_REUSEADDR, 1);
	error = tb_bind(*so, NULL, port);
	if (error == 0)
		error = solisten(*so, backlog, curthread);
	if (error != 0) {
		(void)soclose(*so);
		return (error);
	}
	solisten_upcall_set(*so, wake_acceptor, NULL);
	return (0);
}

int
tb_accept(struct socket *listener, struct socket **so)
{
	struct sockaddr_storage ss;
	int error;

	while ((error = solisten_dequeue(listener, so, 0)) == EWOULDBLOCK) {
		error = tsleep(&listener->sol_comp, PSOCK, "accept", 0);
		if (error != 0)
			return (error);
	}
	if (error != 0)
		return (error);
	return (soaccept(*so, (struct sockaddr *)&ss));
}

int
tb_connect_start(struct socket *so, const char *addr, uint16_t port)
{
	struct sockaddr_in sin = tb_sin(addr, port);

	return (soconnect(so, sintosa(&sin), curthread));
}

int
tb_connect(struct socket *so, const char *addr, uint16_t port)
{
	int error = tb_connect_start(so, addr, port);

	while (error == 0 && (so->so_state & SS_ISCONNECTING) != 0 && so->so_error == 0)
		error = sbwait(so, SO_SND);
	return (error != 0 ? error : tb_soerror(so));
}

static struct uio
one_uio(struct iovec *iov, void *buf, size_t len, enum uio_rw rw)
{
	struct uio u;

	memset(&u, 0, sizeof(u));
	iov->iov_base = buf;
	iov->iov_len = len;
	u.uio_iov = iov;
	u.uio_iovcnt = 1;
	u.uio_resid = (ssize_t)len;
	u.uio_segflg = UIO_SYSSPACE;
	u.uio_rw = rw;
	u.uio_td = curthread;
	return (u);
}

int
tb_write(struct socket *so, const void *buf, size_t len)
{
	struct iovec iov;
	struct uio u = one_uio(&iov, __DECONST(void *, buf), len, UIO_WRITE);

	return (sosend(so, NULL, &u, NULL, NULL, 0, curthread));
}

int
tb_write_nb(struct socket *so, const void *buf, size_t len, size_t *put)
{
	struct iovec iov;
	struct uio u = one_uio(&iov, __DECONST(void *, buf), len, UIO_WRITE);
	int error = sosend(so, NULL, &u, NULL, NULL, MSG_DONTWAIT, curthread);

	*put = len - (size_t)u.uio_resid;
	return (error);
}

static int
read_flags(struct socket *so, void *buf, size_t len, size_t *got, int flags)
{
	struct iovec iov;
	struct uio u = one_uio(&iov, buf, len, UIO_READ);
	int error = soreceive(so, NULL, &u, NULL, NULL, &flags);

	*got = len - (size_t)u.uio_resid;
	return (error);
}

int
tb_read(struct socket *so, void *buf, size_t len, size_t *got)
{
	return (read_flags(so, buf, len, got, 0));
}

int
tb_read_nb(struct socket *so, void *buf, size_t len, size_t *got)
{
	return (read_flags(so, buf, len, got, MSG_DONTWAIT));
}

int
tb_sendto(struct socket *so, const char *addr, uint16_t port, const void *buf, size_t len)
{
	struct iovec iov;
	struct uio u = one_uio(&iov, __DECONST(void *, buf), len, UIO_WRITE);
	struct sockaddr_in sin;

	if (addr == NULL)
		return (sosend(so, NULL, &u, NULL, NULL, MSG_DONTWAIT, curthread));
	sin = tb_sin(addr, port);
	return (sosend(so, sintosa(&sin), &u, NULL, NULL, MSG_DONTWAIT, curthread));
}

int
tb_recvfrom(
    struct socket *so, void *buf, size_t len, size_t *got, struct sockaddr_in *from, int flags)
{
	struct iovec iov;
	struct uio u = one_uio(&iov, buf, len, UIO_READ);
	struct sockaddr *sa = NULL;
	int error = soreceive(so, &sa, &u, NULL, NULL, &flags);

	*got = len - (size_t)u.uio_resid;
	if (sa != NULL) {
		if (from != NULL)
			memcpy(from, sa, sizeof(*from));
		free(sa, M_SONAME);
	}
	return (error);
}

/* ---- repeatable numbers ---- */

/* xorshift64* (Vigna 2016) */
uint32_t
tb_random(uint64_t *state)
{
	uint64_t x = *state != 0 ? *state : 88172645463325252u;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return ((uint32_t)((x * 2685821657736338717u) >> 32));
}

void
tb_pattern(uint8_t *buf, size_t len, uint64_t id, uint64_t at)
{
	uint64_t word;
	size_t i;

	for (i = 0; i < len; i++, at++) {
		word = ((at >> 3) + 1) * (id * 2 + 1) * 0x9e3779b97f4a7c15u;
		buf[i] = (uint8_t)((word ^ (word >> 29)) >> ((at & 7) * 8));
	}
}
