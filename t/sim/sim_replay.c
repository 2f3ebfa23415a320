/*
 * sim_replay.c - the stack of alpine-sim --replay: an Ethernet interface whose other end is the
 * host world, the counters by name, and the program behind the listening ports. Kernel world.
 *
 * Owns the interface, the listeners and struct app, one for each connection of the trace. There is
 * one such stack, vnet "replay". build/gen/counters.h is made of the stack's headers by
 * counters.awk.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/mbuf.h>
#include <sys/proc.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sockio.h>
#include <sys/sysctl.h>
#include <sys/systm.h>
#include <sys/uio.h>

#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/if_llatbl.h>
#include <net/if_types.h>
#include <net/if_var.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/ip_var.h>
#include <netinet/tcp.h>
#include <netinet/tcp_var.h>
#include <netinet/udp.h>
#include <netinet/udp_var.h>

#include "t/sim/replay.h"
#include "t/sim/sim_var.h"

#define FRAME_MAX 65550
#define RX_ALIGN 2
#define BACKLOG 1024
#define READ_IOV 64

struct app {
	LIST_ENTRY(app) a_next;
	struct replay_peer a_peer;
	struct socket *a_so; /* NULL: not yet */
	struct task a_task;
	uint8_t *a_data; /* to be written */
	size_t a_len, a_room, a_done;
	bool a_close, a_shut;
};

struct listener {
	LIST_ENTRY(listener) l_next;
	struct socket *l_so;
	struct socket *l_udp;
	uint16_t l_port;
	struct task l_task, l_udp_task;
};

static struct sim_host *host;
static struct ifnet *ifp0;
static replay_out_fn *out;
static uint8_t frame_out[FRAME_MAX], scratch[65536];
static LIST_HEAD(, app) apps;
static LIST_HEAD(, listener) listeners;

/* ---- the interface ---- */

static int
replay_transmit(struct ifnet *ifp, struct mbuf *m)
{
	int len = m->m_pkthdr.len;

	if (len > FRAME_MAX) {
		ifp->if_oerrors++;
		m_freem(m);
		return (EMSGSIZE);
	}
	ifp->if_opackets++;
	ifp->if_obytes += (uint64_t)len;
	m_copydata(m, 0, len, frame_out);
	m_freem(m);
	out(frame_out, (size_t)len);
	return (0);
}

static void
replay_init(void *arg __unused)
{
	ifp0->if_drv_flags |= IFF_DRV_RUNNING;
}

static int
replay_ioctl(struct ifnet *ifp, u_long cmd, caddr_t data)
{
	switch (cmd) {
	case SIOCSIFFLAGS:
		ifp->if_drv_flags |= IFF_DRV_RUNNING;
		return (0);
	case SIOCADDMULTI:
	case SIOCDELMULTI:
		return (0);
	default:
		return (ether_ioctl(ifp, cmd, data));
	}
}

int
replay_create(const struct replay_conf *c)
{
	struct in_addr in = {htonl(c->addr)};
	int error;

	host = sim_host_create("replay", false);
	out = c->out;
	CURVNET_SET(host->h_vnet);
	/* nobody in the trace waits for our probes */
	(void)replay_sysctl("net.link.ether.inet.probes", "0");
	ifp0 = if_alloc(IFT_ETHER);
	if_initname(ifp0, "eth", 0);
	ifp0->if_flags = IFF_BROADCAST | IFF_SIMPLEX | IFF_MULTICAST;
	ifp0->if_mtu = c->mtu;
	ifp0->if_init = replay_init;
	ifp0->if_ioctl = replay_ioctl;
	ifp0->if_transmit = replay_transmit;
	ether_ifattach(ifp0, c->mac);
	if_link_state_change(ifp0, LINK_STATE_UP);
	if_up(ifp0);
	replay_init(NULL);
	error = in_aifaddr(ifp0, in, c->plen);
	CURVNET_RESTORE();
	if (error == 0 && c->gateway != 0)
		error = sim_host_route(host, 0, 0, c->gateway);
	return (error);
}

/* As a driver would: in one mbuf of the stack's own. */
void
replay_in(const uint8_t *frame, size_t len)
{
	struct mbuf *m = m_get3((int)len + RX_ALIGN, M_NOWAIT, MT_DATA, M_PKTHDR);

	if (m == NULL)
		return;
	m->m_data += RX_ALIGN;
	memcpy(m->m_data, frame, len);
	m->m_len = m->m_pkthdr.len = (int)len;
	CURVNET_SET(host->h_vnet);
	m->m_pkthdr.rcvif = ifp0;
	ifp0->if_input(ifp0, m);
	CURVNET_RESTORE();
}

void
replay_neighbour(uint32_t addr, const uint8_t mac[6])
{
	struct in_addr in = {htonl(addr)};

	CURVNET_SET(host->h_vnet);
	(void)arp_set(ifp0, in, mac, LLE_STATIC);
	CURVNET_RESTORE();
}

int
replay_sysctl(const char *name, const char *value)
{
	return (sim_host_sysctl(host, name, value));
}

int
replay_module(void *init, const char *args)
{
	return (sim_host_module(host, init, args));
}

/* ---- the program ---- */

static struct app *
find_app(const struct replay_peer *p)
{
	struct app *a;

	LIST_FOREACH (a, &apps, a_next)
		if (a->a_peer.addr == p->addr && a->a_peer.port == p->port &&
		    a->a_peer.our_port == p->our_port)
			return (a);
	return (NULL);
}

static void app_task(void *, int);

static struct app *
get_app(const struct replay_peer *p)
{
	struct app *a = find_app(p);

	if (a != NULL)
		return (a);
	a = malloc(sizeof(*a), M_SIM, M_WAITOK | M_ZERO);
	a->a_peer = *p;
	TASK_INIT(&a->a_task, 0, app_task, a);
	LIST_INSERT_HEAD(&apps, a, a_next);
	return (a);
}

static void
forget(struct app *a)
{
	taskqueue_drain(taskqueue_swi, &a->a_task);
	LIST_REMOVE(a, a_next);
	free(a->a_data, M_SIM);
	free(a, M_SIM);
}

static int
app_upcall(struct socket *so __unused, void *arg, int flags __unused)
{
	struct app *a = arg;

	(void)taskqueue_enqueue(taskqueue_swi, &a->a_task);
	return (SU_OK);
}

/* Throws away what came. False: the connection is over. */
static bool
app_read(struct app *a)
{
	struct iovec iov[READ_IOV];
	size_t got;
	int niov, error, i;

	for (;;) {
		niov = READ_IOV;
		error = sopeekiov(a->a_so, iov, &niov, sizeof(scratch));
		if (error == EWOULDBLOCK)
			return (true);
		if (error != 0)
			return (false);
		if (niov == 0)
			return (true); /* the trace says when we close */
		for (got = 0, i = 0; i < niov; i++)
			got += iov[i].iov_len;
		if (sodropiov(a->a_so, got) != 0)
			return (false);
	}
}

static struct uio
one_uio(struct iovec *iov, void *p, size_t len, enum uio_rw rw)
{
	struct uio u;

	memset(&u, 0, sizeof(u));
	iov->iov_base = p;
	iov->iov_len = len;
	u.uio_iov = iov;
	u.uio_iovcnt = 1;
	u.uio_resid = (ssize_t)len;
	u.uio_segflg = UIO_SYSSPACE;
	u.uio_rw = rw;
	u.uio_td = curthread;
	return (u);
}

static bool
app_write(struct app *a)
{
	struct iovec iov;
	struct uio u;
	int error;

	if (a->a_done < a->a_len) {
		u = one_uio(&iov, a->a_data + a->a_done, a->a_len - a->a_done, UIO_WRITE);
		error = sosend(a->a_so, NULL, &u, NULL, NULL, MSG_DONTWAIT, curthread);
		a->a_done = a->a_len - (size_t)u.uio_resid;
		if (error != 0 && error != EWOULDBLOCK)
			return (false);
	}
	if (a->a_close && a->a_done == a->a_len && !a->a_shut) {
		a->a_shut = true;
		(void)soshutdown(a->a_so, SHUT_WR);
	}
	return (true);
}

static void
app_task(void *arg, int pending __unused)
{
	struct app *a = arg;
	struct socket *so = a->a_so;
	bool alive;

	if (so == NULL)
		return;
	CURVNET_SET(host->h_vnet);
	alive = app_read(a) && app_write(a);
	/* both sides have closed */
	if (alive && a->a_shut && (so->so_rcv.sb_state & SBS_CANTRCVMORE) != 0)
		alive = false;
	if (!alive) {
		forget(a);
		(void)soclose(so);
	}
	CURVNET_RESTORE();
}

static void
accept_task(void *arg, int pending __unused)
{
	struct listener *l = arg;
	struct sockaddr_storage ss;
	const struct sockaddr_in *sin = (const struct sockaddr_in *)&ss;
	struct replay_peer p;
	struct app *a;
	struct socket *so;

	while (solisten_dequeue(l->l_so, &so, 0) == 0) {
		if (soaccept(so, (struct sockaddr *)&ss) != 0) {
			(void)soclose(so);
			continue;
		}
		p = (struct replay_peer){
		    ntohl(sin->sin_addr.s_addr), ntohs(sin->sin_port), l->l_port};
		a = get_app(&p);
		if (a->a_so != NULL) { /* the same ports again */
			so->so_linger = 0;
			forget(a);
			a = get_app(&p);
		}
		a->a_so = so;
		soupcall_set(so, SO_RCV, app_upcall, a);
		soupcall_set(so, SO_SND, app_upcall, a);
		(void)taskqueue_enqueue(taskqueue_swi, &a->a_task);
	}
}

static int
listen_upcall(struct socket *so __unused, void *arg, int flags __unused)
{
	struct listener *l = arg;

	(void)taskqueue_enqueue(taskqueue_swi, &l->l_task);
	return (SU_OK);
}

static void
udp_task(void *arg, int pending __unused)
{
	struct listener *l = arg;
	struct iovec iov;
	struct uio u;
	int flags, error;

	do {
		u = one_uio(&iov, scratch, sizeof(scratch), UIO_READ);
		flags = MSG_DONTWAIT;
		error = soreceive(l->l_udp, NULL, &u, NULL, NULL, &flags);
	} while (error == 0);
}

static int
udp_upcall(struct socket *so __unused, void *arg, int flags __unused)
{
	struct listener *l = arg;

	(void)taskqueue_enqueue(taskqueue_swi, &l->l_udp_task);
	return (SU_OK);
}

int
replay_listen(uint16_t port)
{
	struct sockaddr_in sin = {.sin_len = sizeof(sin), .sin_family = AF_INET};
	struct listener *l = malloc(sizeof(*l), M_SIM, M_WAITOK | M_ZERO);
	int error, nodelay = 1;

	sin.sin_port = htons(port);
	l->l_port = port;
	TASK_INIT(&l->l_task, 0, accept_task, l);
	TASK_INIT(&l->l_udp_task, 0, udp_task, l);
	CURVNET_SET(host->h_vnet);
	error = socreate(PF_INET, &l->l_so, SOCK_STREAM, 0, kern_cred, curthread);
	if (error == 0)
		error = sobind(l->l_so, (struct sockaddr *)&sin, curthread);
	/* what a packet of the trace carried went then; Nagle has had his say already */
	if (error == 0)
		error = so_setsockopt(l->l_so, IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof(nodelay));
	if (error == 0)
		error = solisten(l->l_so, BACKLOG, curthread);
	if (error == 0)
		error = socreate(PF_INET, &l->l_udp, SOCK_DGRAM, 0, kern_cred, curthread);
	if (error == 0)
		error = sobind(l->l_udp, (struct sockaddr *)&sin, curthread);
	if (error == 0) {
		solisten_upcall_set(l->l_so, listen_upcall, l);
		soupcall_set(l->l_udp, SO_RCV, udp_upcall, l);
		LIST_INSERT_HEAD(&listeners, l, l_next);
	}
	CURVNET_RESTORE();
	return (error);
}

void
replay_write(const struct replay_peer *p, const void *data, size_t len)
{
	struct app *a = get_app(p);
	uint8_t *more;

	if (a->a_len + len > a->a_room) {
		a->a_room = MAX(4096, (a->a_len + len) * 2);
		more = malloc(a->a_room, M_SIM, M_WAITOK);
		if (a->a_len > 0)
			memcpy(more, a->a_data, a->a_len);
		free(a->a_data, M_SIM);
		a->a_data = more;
	}
	memcpy(a->a_data + a->a_len, data, len);
	a->a_len += len;
	CURVNET_SET(host->h_vnet);
	(void)taskqueue_enqueue(taskqueue_swi, &a->a_task);
	CURVNET_RESTORE();
}

void
replay_close(const struct replay_peer *p)
{
	struct app *a = get_app(p);

	a->a_close = true;
	CURVNET_SET(host->h_vnet);
	(void)taskqueue_enqueue(taskqueue_swi, &a->a_task);
	CURVNET_RESTORE();
}

void
replay_abort(const struct replay_peer *p)
{
	struct app *a = find_app(p);
	struct socket *so = a != NULL ? a->a_so : NULL;

	if (so == NULL)
		return;
	CURVNET_SET(host->h_vnet);
	so->so_options |= SO_LINGER;
	so->so_linger = 0;
	forget(a);
	(void)soclose(so);
	CURVNET_RESTORE();
}

void
replay_send(const struct replay_peer *p, const void *data, size_t len)
{
	struct sockaddr_in sin = {.sin_len = sizeof(sin), .sin_family = AF_INET};
	struct listener *l;
	struct iovec iov;
	struct uio u;

	LIST_FOREACH (l, &listeners, l_next)
		if (l->l_port == p->our_port)
			break;
	if (l == NULL)
		return;
	sin.sin_port = htons(p->port);
	sin.sin_addr.s_addr = htonl(p->addr);
	u = one_uio(&iov, __DECONST(void *, data), len, UIO_WRITE);
	CURVNET_SET(host->h_vnet);
	(void)sosend(l->l_udp, (struct sockaddr *)&sin, &u, NULL, NULL, MSG_DONTWAIT, curthread);
	CURVNET_RESTORE();
}

/* ---- counters ---- */

struct counter {
	const char *name;
	size_t at; /* bytes into the struct, or the interface */
	size_t index;
	enum { IN_tcpstat, IN_ipstat, IN_icmpstat, IN_udpstat, IN_arpstat, IN_IF, IN_SYSCTL } where;
};
#define NELEM(s, f) (sizeof(((struct s *)NULL)->f) / sizeof(uint64_t))
#define COUNTER(s, f) {#f, offsetof(struct s, f), 1, IN_##s},
#define COUNTERS(s, f) {#f, offsetof(struct s, f), NELEM(s, f), IN_##s},
#define IFCOUNTER(f)                                                                               \
	{                                                                                          \
#f, offsetof(struct ifnet, f), 1, IN_IF                                            \
	}
static const struct counter fields[] = {
    {"net.link.ether.runts", 0, 1, IN_SYSCTL},
    {"net.link.ether.badsource", 0, 1, IN_SYSCTL},
    {"net.link.ether.notforus", 0, 1, IN_SYSCTL},
    {"net.link.ether.vlan", 0, 1, IN_SYSCTL},
    {"net.link.ether.noproto", 0, 1, IN_SYSCTL},
    IFCOUNTER(if_ierrors),
    IFCOUNTER(if_iqdrops),
    IFCOUNTER(if_oerrors),
    IFCOUNTER(if_oqdrops),
#include "counters.h"
};

static const char *const drops[] = {"net.link.ether.runts", "net.link.ether.badsource",
    "net.link.ether.notforus", "net.link.ether.vlan", "net.link.ether.noproto", "if_ierrors",
    "if_iqdrops", "ips_badsum", "ips_tooshort", "ips_toosmall", "ips_badhlen", "ips_badlen",
    "ips_fragdropped", "ips_fragtimeout", "ips_cantforward", "ips_noproto", "ips_badoptions",
    "ips_badvers", "ips_toolong", "ips_notmember", "ips_badaddr", "tcps_rcvbadsum",
    "tcps_rcvbadoff", "tcps_rcvreassfull", "tcps_rcvmemdrop", "tcps_rcvshort", "tcps_rcvduppack",
    "tcps_rcvpackafterwin", "tcps_rcvafterclose", "tcps_rcvacktoomuch", "tcps_rcvacktooold",
    "tcps_pawsdrop", "tcps_listendrop", "tcps_badrst", "tcps_badsyn", "tcps_challenge",
    "tcps_tsmissing", "tcps_sc_badack", "tcps_sc_dropped", "tcps_sc_failcookie", "tcps_noport",
    "tcps_dropsynfin", "tcps_badcksumopt", "tcps_sig_rcvbadsig", "tcps_sig_err_sigopt",
    "tcps_sig_err_nosigopt", "udps_hdrops", "udps_badsum", "udps_badlen", "udps_noport",
    "udps_noportbcast", "udps_fullsock", "icps_badcode", "icps_tooshort", "icps_checksum",
    "icps_badlen", "icps_badaddr", "icps_bmcastecho", "icps_bmcasttstamp", "badlen", "badproto",
    "badaddr", "notforus"};

size_t
replay_counters(void)
{
	size_t n = 0, i;

	for (i = 0; i < nitems(fields); i++)
		n += fields[i].index;
	return (n);
}

static const struct counter *
find_counter(size_t n, size_t *index)
{
	size_t i;

	for (i = 0; n >= fields[i].index; i++)
		n -= fields[i].index;
	*index = n;
	return (&fields[i]);
}

const char *
replay_counter_name(size_t n)
{
	static char name[64];
	size_t index;
	const struct counter *c = find_counter(n, &index);

	if (c->index > 1)
		snprintf(name, sizeof(name), "%s[%zu]", c->name, index);
	else
		snprintf(
		    name, sizeof(name), "%s%s", c->where == IN_arpstat ? "arpstat." : "", c->name);
	return (name);
}

bool
replay_counter_is_drop(size_t n)
{
	size_t index, i;
	const struct counter *c = find_counter(n, &index);

	for (i = 0; i < nitems(drops); i++)
		if (strcmp(drops[i], c->name) == 0)
			return (true);
	return (false);
}

static uint64_t
sysctl_value(const char *name)
{
	uint64_t v = 0;
	size_t len = sizeof(v);

	(void)kernel_sysctlbyname(NULL, name, &v, &len, NULL, 0, NULL, 0);
	return (v);
}

void
replay_counters_get(uint64_t *v)
{
	const char *base[] = {[IN_IF] = (const char *)ifp0, [IN_SYSCTL] = NULL};
	const struct counter *c;
	size_t i;

	CURVNET_SET(host->h_vnet);
	base[IN_tcpstat] = (const char *)&V_tcpstat;
	base[IN_ipstat] = (const char *)&V_ipstat;
	base[IN_icmpstat] = (const char *)&V_icmpstat;
	base[IN_udpstat] = (const char *)&V_udpstat;
	base[IN_arpstat] = (const char *)&V_arpstat;
	for (i = 0; i < nitems(fields); i++) {
		c = &fields[i];
		if (c->where == IN_SYSCTL)
			*v = sysctl_value(c->name);
		else
			memcpy(v, base[c->where] + c->at, c->index * sizeof(*v));
		v += c->index;
	}
	CURVNET_RESTORE();
}
