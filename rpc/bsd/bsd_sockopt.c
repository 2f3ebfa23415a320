/*
 * bsd_sockopt.c - setsockopt(2) and getsockopt(2) as Linux programs make them, on BSD sockets.
 *
 * Most options are an int on both sides, in one table. Those whose value or meaning differs have
 * functions of their own; those of TCP are in bsd_tcpopt.c. Options that change nothing here but
 * are harmless are kept and given back (SO_PRIORITY, SO_MARK, ...). What is unknown is ENOPROTOOPT.
 *
 * Differences that are bridged: SO_SNDBUF and SO_RCVBUF are given back doubled and capped rather
 * than refused; SO_REUSEADDR of a datagram socket shares the port, which BSD calls SO_REUSEPORT;
 * Linux's SO_REUSEPORT balances, which BSD calls SO_REUSEPORT_LB.
 *
 * Called through bsock_setsockopt() and bsock_getsockopt(). Owns nothing but fields of struct
 * bsock.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/limits.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/time.h>
#include <net/if_var.h>
#include <net/route.h>
#include <netinet/in.h>
#include <netinet/udp_var.h>

#include "rpc/bsd/bsd_var.h"

#define MIN_BUF 2304 /* bytes: less is raised to it, as on Linux */

/* An option that is an int on both sides. */
struct intopt {
	int level, name;   /* Linux's */
	int blevel, bname; /* BSD's */
	bool flag;	   /* given back as 0 or 1 */
};

static const struct intopt intopts[] = {
    {LINUX_SOL_SOCKET, LINUX_SO_DEBUG, SOL_SOCKET, SO_DEBUG, true},
    {LINUX_SOL_SOCKET, LINUX_SO_DONTROUTE, SOL_SOCKET, SO_DONTROUTE, true},
    {LINUX_SOL_SOCKET, LINUX_SO_BROADCAST, SOL_SOCKET, SO_BROADCAST, true},
    {LINUX_SOL_SOCKET, LINUX_SO_KEEPALIVE, SOL_SOCKET, SO_KEEPALIVE, true},
    {LINUX_SOL_SOCKET, LINUX_SO_OOBINLINE, SOL_SOCKET, SO_OOBINLINE, true},
    {LINUX_SOL_SOCKET, LINUX_SO_RCVLOWAT, SOL_SOCKET, SO_RCVLOWAT, false},
    {LINUX_SOL_SOCKET, LINUX_SO_BINDTOIFINDEX, SOL_SOCKET, SO_BINDTODEVICE_ALPINE, false},
    {LINUX_SOL_IP, LINUX_IP_MINTTL, IPPROTO_IP, IP_MINTTL, false},
    {LINUX_SOL_IP, LINUX_IP_HDRINCL, IPPROTO_IP, IP_HDRINCL, true},
    {LINUX_SOL_IP, LINUX_IP_RECVTTL, IPPROTO_IP, IP_RECVTTL, true},
    {LINUX_SOL_IP, LINUX_IP_RECVTOS, IPPROTO_IP, IP_RECVTOS, true},
    {LINUX_SOL_IP, LINUX_IP_RECVOPTS, IPPROTO_IP, IP_RECVOPTS, true},
    {LINUX_SOL_IP, LINUX_IP_RETOPTS, IPPROTO_IP, IP_RECVRETOPTS, true},
    {LINUX_SOL_UDPLITE, LINUX_UDPLITE_SEND_CSCOV, IPPROTO_UDPLITE, UDPLITE_SEND_CSCOV, false},
    {LINUX_SOL_UDPLITE, LINUX_UDPLITE_RECV_CSCOV, IPPROTO_UDPLITE, UDPLITE_RECV_CSCOV, false},
    {LINUX_SOL_IP, LINUX_IP_MULTICAST_LOOP, IPPROTO_IP, IP_MULTICAST_LOOP, true},
};

static const struct intopt *
find_intopt(int level, int name)
{
	u_int i;

	for (i = 0; i < nitems(intopts); i++)
		if (intopts[i].level == level && intopts[i].name == name)
			return (&intopts[i]);
	return (NULL);
}

/* A bit of b_flags that an option is; 0: it is none. */
static unsigned
flag_bit(int level, int name)
{
	if (level != LINUX_SOL_IP)
		return (0);
	switch (name) {
	case LINUX_IP_PKTINFO:
		return (BSF_PKTINFO);
	case LINUX_IP_RECVERR:
		return (BSF_RECVERR);
	case LINUX_IP_RECVORIGDSTADDR:
		return (BSF_ORIGDST);
	case LINUX_IP_FREEBIND:
	case LINUX_IP_TRANSPARENT:
		return (BSF_FREEBIND);
	default:
		return (0);
	}
}

static bool
wrong_protocol(const struct bsock *b, int level, int name)
{
	switch (level) {
	case LINUX_SOL_SOCKET:
		return (false);
	case LINUX_SOL_IP:
		return (name == LINUX_IP_HDRINCL && b->b_type != LINUX_SOCK_RAW);
	case LINUX_SOL_TCP:
		return (b->b_type != LINUX_SOCK_STREAM);
	case LINUX_SOL_UDP:
		return (b->b_type != LINUX_SOCK_DGRAM);
	case LINUX_SOL_UDPLITE:
		return (b->b_protocol != IPPROTO_UDPLITE);
	case LINUX_SOL_RAW:
		return (b->b_type != LINUX_SOCK_RAW);
	default:
		return (true);
	}
}

/* ---- set ---- */

int
bsd_setopt(
    struct bsock *b, const struct bsock_cred *cred, int level, int name, void *val, size_t len)
{
	struct sockopt sopt = {
	    .sopt_dir = SOPT_SET,
	    .sopt_level = level,
	    .sopt_name = name,
	    .sopt_val = val,
	    .sopt_valsize = len,
	    .sopt_cred = bsd_ucred(cred),
	};

	return (bsd_errno_to_linux(sosetopt(b->b_so, &sopt)));
}

static int
set_bsd_int(struct bsock *b, int level, int name, int val)
{
	return (bsd_setopt(b, NULL, level, name, &val, sizeof(val)));
}

static int
set_buffer(struct bsock *b, int name, int val)
{
	u_long most = sb_max / 2; /* room for the storage behind the bytes */

	if (val < MIN_BUF)
		val = MIN_BUF;
	if ((u_long)val > most)
		val = (int)most;
	return (set_bsd_int(b, SOL_SOCKET, name, val));
}

static int
set_device(struct bsock *b, const char *val, size_t len)
{
	char name[IFNAMSIZ];
	struct ifnet *ifp;

	if (len >= sizeof(name))
		len = sizeof(name) - 1;
	memcpy(name, val, len);
	name[len] = '\0';
	if (name[0] == '\0')
		return (set_bsd_int(b, SOL_SOCKET, SO_BINDTODEVICE_ALPINE, 0));
	ifp = bsd_ifbyname(name);
	if (ifp == NULL)
		return (LINUX_ENODEV);
	return (set_bsd_int(b, SOL_SOCKET, SO_BINDTODEVICE_ALPINE, ifp->if_index));
}

static int
set_timestamp(struct bsock *b, bool ns, int val)
{
	if (ns && val != 0)
		b->b_flags |= BSF_TIMESTAMPNS;
	else
		b->b_flags &= ~BSF_TIMESTAMPNS;
	return (set_bsd_int(b, SOL_SOCKET, SO_TIMESTAMP, val != 0));
}

/* Both halves of an address's reuse; see the head of the file. */
static int
set_reuse(struct bsock *b, int name, int val)
{
	int error;

	if (name == LINUX_SO_REUSEPORT) {
		error = set_bsd_int(b, SOL_SOCKET, SO_REUSEPORT_LB, val != 0);
		if (error == LINUX_ENOPROTOOPT)
			error = 0;
		return (error != 0 ? error : set_bsd_int(b, SOL_SOCKET, SO_REUSEPORT, val != 0));
	}
	error = set_bsd_int(b, SOL_SOCKET, SO_REUSEADDR, val != 0);
	if (error == 0 && b->b_type == LINUX_SOCK_DGRAM)
		error = set_bsd_int(b, SOL_SOCKET, SO_REUSEPORT, val != 0);
	return (error);
}

static int
set_socket_int(struct bsock *b, int name, int val)
{
	switch (name) {
	case LINUX_SO_REUSEADDR:
	case LINUX_SO_REUSEPORT:
		return (set_reuse(b, name, val));
	case LINUX_SO_SNDBUF:
	case LINUX_SO_SNDBUFFORCE:
		return (set_buffer(b, SO_SNDBUF, val));
	case LINUX_SO_RCVBUF:
	case LINUX_SO_RCVBUFFORCE:
		return (set_buffer(b, SO_RCVBUF, val));
	case LINUX_SO_DETACH_FILTER:
		return (bsd_filter_detach(b));
	case LINUX_SO_LOCK_FILTER:
		if (b->b_filter_locked && val == 0)
			return (LINUX_EPERM);
		b->b_filter_locked = val != 0;
		return (0);
	case LINUX_SO_TIMESTAMP:
		return (set_timestamp(b, false, val));
	case LINUX_SO_TIMESTAMPNS:
		return (set_timestamp(b, true, val));
	case LINUX_SO_PASSCRED:
		return (LINUX_EOPNOTSUPP);
	case LINUX_SO_TYPE:
	case LINUX_SO_ERROR:
	case LINUX_SO_PROTOCOL:
	case LINUX_SO_DOMAIN:
	case LINUX_SO_ACCEPTCONN:
	case LINUX_SO_SNDLOWAT:
	default:
		return (LINUX_ENOPROTOOPT);
	}
}

static int
set_socket(struct bsock *b, int name, const char *val, size_t len)
{
	struct linger l;
	int v;

	switch (name) {
	case LINUX_SO_ATTACH_FILTER:
		return (bsd_filter_attach(b, val, len));
	case LINUX_SO_BINDTODEVICE:
		return (set_device(b, val, len));
	case LINUX_SO_LINGER: /* the same structure; more seconds than BSD can count are cut */
		if (len < sizeof(l))
			return (LINUX_EINVAL);
		memcpy(&l, val, sizeof(l));
		l.l_linger = l.l_linger < 0 || l.l_linger > SHRT_MAX ? SHRT_MAX : l.l_linger;
		return (bsd_setopt(b, NULL, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	case LINUX_SO_RCVTIMEO:
	case LINUX_SO_SNDTIMEO: /* waits happen in the program's kernel; kept for getsockopt */
		if (len < sizeof(struct linux_timeval))
			return (LINUX_EINVAL);
		return (bsd_setopt(b, NULL, SOL_SOCKET,
		    name == LINUX_SO_RCVTIMEO ? SO_RCVTIMEO : SO_SNDTIMEO, __DECONST(char *, val),
		    sizeof(struct timeval)));
	}
	if (len < sizeof(v))
		return (LINUX_EINVAL);
	memcpy(&v, val, sizeof(v));
	return (set_socket_int(b, name, v));
}

static int
set_pktinfo(struct bsock *b, bool on)
{
	int error =
	    set_bsd_int(b, IPPROTO_IP, IP_RECVDSTADDR, on || (b->b_flags & BSF_ORIGDST) != 0);

	if (error == 0)
		error = set_bsd_int(b, IPPROTO_IP, IP_RECVIF, on);
	if (error != 0)
		return (b->b_type == LINUX_SOCK_STREAM ? 0 : error);
	return (0);
}

static int
set_flag(struct bsock *b, unsigned bit, int name, bool on)
{
	int error = 0;

	if (bit == BSF_PKTINFO)
		error = set_pktinfo(b, on);
	else if (bit == BSF_ORIGDST)
		error = set_bsd_int(
		    b, IPPROTO_IP, IP_RECVDSTADDR, on || (b->b_flags & BSF_PKTINFO) != 0);
	else if (bit == BSF_RECVERR)
		error = set_bsd_int(b, IPPROTO_IP, IP_RECVERR_ALPINE, on);
	else if (name == LINUX_IP_FREEBIND || name == LINUX_IP_TRANSPARENT)
		error = set_bsd_int(b, IPPROTO_IP, IP_BINDANY, on);
	if (error != 0)
		return (error);
	if (on)
		b->b_flags |= bit;
	else
		b->b_flags &= ~bit;
	return (0);
}

/* Multicast: ip_mreq or ip_mreqn, as long as they are alike; or an address alone. */
static int
set_group(struct bsock *b, int name, const char *val, size_t len)
{
	struct ip_mreqn mreqn;
	int bname = name == LINUX_IP_ADD_MEMBERSHIP    ? IP_ADD_MEMBERSHIP
		    : name == LINUX_IP_DROP_MEMBERSHIP ? IP_DROP_MEMBERSHIP
						       : IP_MULTICAST_IF;

	CTASSERT(sizeof(struct ip_mreqn) == sizeof(struct linux_ip_mreqn));
	if (bname == IP_MULTICAST_IF && len >= sizeof(struct in_addr) &&
	    len < sizeof(struct ip_mreq))
		len = sizeof(struct in_addr);
	else if (len >= sizeof(mreqn))
		len = sizeof(mreqn);
	else if (len >= sizeof(struct ip_mreq))
		len = sizeof(struct ip_mreq);
	else
		return (LINUX_EINVAL);
	memset(&mreqn, 0, sizeof(mreqn));
	memcpy(&mreqn, val, len);
	return (bsd_setopt(b, NULL, IPPROTO_IP, bname, &mreqn, len));
}

static int
set_mtu_discover(struct bsock *b, int val)
{
	if (val < LINUX_IP_PMTUDISC_DONT || val > LINUX_IP_PMTUDISC_OMIT)
		return (LINUX_EINVAL);
	b->b_mtu_discover = val;
	if (b->b_type == LINUX_SOCK_DGRAM)
		(void)set_bsd_int(b, IPPROTO_IP, IP_DONTFRAG,
		    val == LINUX_IP_PMTUDISC_DO || val == LINUX_IP_PMTUDISC_PROBE);
	return (0);
}

/* Linux takes one byte for int options of this level, any length from four up, and mostly none. */
static int
ip_int(int name, const char *val, size_t len, int *v)
{
	*v = 0;
	if (len >= sizeof(*v))
		memcpy(v, val, sizeof(*v));
	else if (len >= 1)
		*v = *(const uint8_t *)val;
	else
		switch (name) {
		case LINUX_IP_TTL:
		case LINUX_IP_MINTTL:
		case LINUX_IP_MULTICAST_TTL:
		case LINUX_IP_MULTICAST_LOOP:
		case LINUX_IP_MULTICAST_ALL:
		case LINUX_IP_FREEBIND:
		case LINUX_IP_TRANSPARENT:
			return (LINUX_EINVAL);
		}
	return (0);
}

static int
set_ip(struct bsock *b, int name, const char *val, size_t len)
{
	int v, error;

	switch (name) {
	case LINUX_IP_MULTICAST_IF:
		if (b->b_type == LINUX_SOCK_STREAM)
			return (LINUX_EINVAL);
		/* FALLTHROUGH */
	case LINUX_IP_ADD_MEMBERSHIP:
	case LINUX_IP_DROP_MEMBERSHIP:
		return (set_group(b, name, val, len));
	case LINUX_IP_OPTIONS:
		return (bsd_setopt(b, NULL, IPPROTO_IP, IP_OPTIONS, __DECONST(char *, val), len));
	}
	if (bsd_is_source_option(name))
		return (bsd_set_sources(b, name, val, len));
	error = ip_int(name, val, len, &v);
	if (error != 0)
		return (error);
	switch (name) {
	case LINUX_IP_TOS: /* a byte; of TCP's, two bits are ECN's */
		v &= b->b_type == LINUX_SOCK_STREAM ? 0xfc : 0xff;
		return (set_bsd_int(b, IPPROTO_IP, IP_TOS, v));
	case LINUX_IP_MTU_DISCOVER:
		return (set_mtu_discover(b, v));
	case LINUX_IP_TTL: /* -1: the system's */
		if (v != -1 && (v < 1 || v > 255))
			return (LINUX_EINVAL);
		return (set_bsd_int(b, IPPROTO_IP, IP_TTL, v == -1 ? 64 : v));
	case LINUX_IP_MULTICAST_TTL:
		if (b->b_type == LINUX_SOCK_STREAM)
			return (LINUX_EINVAL);
		return (set_bsd_int(b, IPPROTO_IP, IP_MULTICAST_TTL, v == -1 ? 1 : v));
	default:
		return (LINUX_ENOPROTOOPT);
	}
}

/* icmp(7), raw(7) */
static int
set_raw(struct bsock *b, int name, const void *val, size_t len)
{
	if (name != LINUX_ICMP_FILTER)
		return (LINUX_ENOPROTOOPT);
	if (b->b_protocol != IPPROTO_ICMP)
		return (LINUX_EOPNOTSUPP);
	memcpy(&b->b_icmp_filter, val, MIN(len, sizeof(b->b_icmp_filter)));
	return (0);
}

/* udp(7) */
static int
set_udp(struct bsock *b, int name, const void *val, size_t len)
{
	int v;

	if (!bsd_has_cork(b))
		return (LINUX_ENOPROTOOPT);
	if (len < sizeof(v))
		return (LINUX_EINVAL);
	if (name != LINUX_UDP_CORK)
		return (LINUX_ENOPROTOOPT);
	memcpy(&v, val, sizeof(v));
	bsd_cork(b, v != 0);
	return (0);
}

int
bsock_setsockopt(struct bsock *b, const struct bsock_cred *cred, int level, int name,
    const void *val, size_t len)
{
	const struct intopt *io = find_intopt(level, name);
	const bool kept = bsd_kept_known(level, name);
	unsigned bit = flag_bit(level, name);
	int v, error;

	if (wrong_protocol(b, level, name))
		return (LINUX_ENOPROTOOPT);
	if (level == LINUX_SOL_RAW)
		return (set_raw(b, name, val, len));
	if (level == LINUX_SOL_UDP)
		return (set_udp(b, name, val, len));
	if (level == LINUX_SOL_TCP)
		return (bsd_tcp_setopt(b, cred, name, val, len));
	if (io == NULL && !kept && bit == 0) {
		if (level == LINUX_SOL_SOCKET)
			return (set_socket(b, name, val, len));
		return (level == LINUX_SOL_IP ? set_ip(b, name, val, len) : LINUX_ENOPROTOOPT);
	}
	if (level != LINUX_SOL_IP && len < sizeof(v))
		return (LINUX_EINVAL);
	error = ip_int(name, val, len, &v);
	if (error != 0)
		return (error);
	if (io != NULL)
		return (bsd_setopt(b, cred, io->blevel, io->bname, &v, sizeof(v)));
	if (kept)
		return (bsd_kept_set(b, cred, level, name, v));
	if (name == LINUX_IP_TRANSPARENT && v != 0 && cred != NULL && cred->uid != 0)
		return (LINUX_EPERM);
	return (set_flag(b, bit, name, v != 0));
}

void
bsd_copy_options(struct socket *from, struct socket *to)
{
	struct sockopt sopt = {.sopt_dir = SOPT_GET};
	u_int i;
	int v;

	to->so_options = from->so_options & ~SO_ACCEPTCONN;
	to->so_linger = from->so_linger;
	to->so_bound_if = from->so_bound_if;
	to->so_rcv.sb_timeo = from->so_rcv.sb_timeo;
	to->so_snd.sb_timeo = from->so_snd.sb_timeo;
	(void)soreserve(to, from->so_snd.sb_hiwat, from->so_rcv.sb_hiwat);
	for (i = 0; i < nitems(intopts); i++) {
		if (intopts[i].blevel == SOL_SOCKET)
			continue;
		v = 0;
		sopt.sopt_level = intopts[i].blevel;
		sopt.sopt_name = intopts[i].bname;
		sopt.sopt_val = &v;
		sopt.sopt_valsize = sizeof(v);
		if (sogetopt(from, &sopt) == 0 && v != 0)
			(void)so_setsockopt(to, intopts[i].blevel, intopts[i].bname, &v, sizeof(v));
	}
	bsd_tcp_copyopt(from, to);
}

/* ---- get ---- */

int
bsd_getopt(struct bsock *b, int level, int name, void *val, size_t *len)
{
	struct sockopt sopt = {
	    .sopt_dir = SOPT_GET,
	    .sopt_level = level,
	    .sopt_name = name,
	    .sopt_val = val,
	    .sopt_valsize = *len,
	};
	int error = sogetopt(b->b_so, &sopt);

	*len = sopt.sopt_valsize;
	return (bsd_errno_to_linux(error));
}

static int
get_bsd_int(struct bsock *b, int level, int name, int *val)
{
	size_t len = sizeof(*val);

	*val = 0;
	return (bsd_getopt(b, level, name, val, &len));
}

/* Copies an answer into what room the program gave. */
int
bsd_answer(void *val, uint32_t *len, const void *from, size_t fromlen)
{
	if (*len > fromlen)
		*len = (uint32_t)fromlen;
	memcpy(val, from, *len);
	return (0);
}

static int
get_socket_int(struct bsock *b, int name, int *v)
{
	int error = 0;

	switch (name) {
	case LINUX_SO_TYPE:
		*v = b->b_type;
		break;
	case LINUX_SO_PROTOCOL:
		*v = b->b_protocol;
		break;
	case LINUX_SO_DOMAIN:
		*v = LINUX_AF_INET;
		break;
	case LINUX_SO_ACCEPTCONN:
		*v = bsock_is_listening(b);
		break;
	case LINUX_SO_ERROR:
		*v = bsock_take_error(b);
		break;
	case LINUX_SO_LOCK_FILTER:
		*v = b->b_filter_locked;
		break;
	case LINUX_SO_INCOMING_NAPI_ID: /* no device's queue is known */
		*v = 0;
		break;
	case LINUX_SO_SNDLOWAT:
		*v = 1;
		break;
	case LINUX_SO_REUSEADDR:
		error = get_bsd_int(b, SOL_SOCKET, SO_REUSEADDR, v);
		*v = *v != 0;
		break;
	case LINUX_SO_REUSEPORT:
		error = get_bsd_int(b, SOL_SOCKET, SO_REUSEPORT, v);
		*v = *v != 0;
		break;
	case LINUX_SO_SNDBUF:
	case LINUX_SO_RCVBUF:
		error =
		    get_bsd_int(b, SOL_SOCKET, name == LINUX_SO_SNDBUF ? SO_SNDBUF : SO_RCVBUF, v);
		*v = *v > INT_MAX / 2 ? INT_MAX : *v * 2;
		break;
	case LINUX_SO_TIMESTAMP:
	case LINUX_SO_TIMESTAMPNS:
		error = get_bsd_int(b, SOL_SOCKET, SO_TIMESTAMP, v);
		*v = *v != 0 &&
		     ((b->b_flags & BSF_TIMESTAMPNS) != 0) == (name == LINUX_SO_TIMESTAMPNS);
		break;
	default:
		return (LINUX_ENOPROTOOPT);
	}
	return (error);
}

static int
get_socket(struct bsock *b, int name, void *val, uint32_t *len)
{
	struct timeval tv;
	struct linger l;
	struct ifnet *ifp;
	size_t n;
	int v, error;

	switch (name) {
	case LINUX_SO_LINGER:
		n = sizeof(l);
		error = bsd_getopt(b, SOL_SOCKET, SO_LINGER, &l, &n);
		l.l_onoff = l.l_onoff != 0;
		return (error != 0 ? error : bsd_answer(val, len, &l, sizeof(l)));
	case LINUX_SO_RCVTIMEO:
	case LINUX_SO_SNDTIMEO:
		n = sizeof(tv);
		error = bsd_getopt(
		    b, SOL_SOCKET, name == LINUX_SO_RCVTIMEO ? SO_RCVTIMEO : SO_SNDTIMEO, &tv, &n);
		return (error != 0 ? error : bsd_answer(val, len, &tv, sizeof(tv)));
	case LINUX_SO_COOKIE:
		if (*len < sizeof(b->b_id))
			return (LINUX_EINVAL);
		return (bsd_answer(val, len, &b->b_id, sizeof(b->b_id)));
	case LINUX_SO_BINDTODEVICE:
		error = get_bsd_int(b, SOL_SOCKET, SO_BINDTODEVICE_ALPINE, &v);
		if (error != 0)
			return (error);
		ifp = v != 0 ? ifnet_byindex((u_int)v) : NULL;
		if (ifp == NULL)
			return (bsd_answer(val, len, "", 0));
		return (bsd_answer(val, len, bsd_ifname(ifp), strlen(bsd_ifname(ifp)) + 1));
	}
	error = get_socket_int(b, name, &v);
	return (error != 0 ? error : bsd_answer(val, len, &v, sizeof(v)));
}

static int
interface_mtu(struct bsock *b)
{
	struct sockaddr_storage ss;
	const struct sockaddr_in *sin = (const struct sockaddr_in *)(void *)&ss;
	struct nhop_object *nh;

	memset(&ss, 0, sizeof(ss));
	if (sopeeraddr(b->b_so, (struct sockaddr *)&ss) != 0)
		return (-1);
	nh = fib4_lookup(0, sin->sin_addr, 0, NHR_NONE, 0);
	return (nh != NULL ? nh->nh_mtu : 1500);
}

/* Linux cuts a small value to a byte where there is no room for an int. */
static int
answer_int(int level, int v, void *val, uint32_t *len)
{
	const uint8_t byte = (uint8_t)v;

	if (level == LINUX_SOL_IP && *len > 0 && *len < sizeof(v) && v >= 0 && v <= 255)
		return (bsd_answer(val, len, &byte, sizeof(byte)));
	return (bsd_answer(val, len, &v, sizeof(v)));
}

static int
get_ip(struct bsock *b, int name, void *val, uint32_t *len)
{
	struct in_addr addr;
	size_t n;
	int v, error;

	switch (name) {
	case LINUX_IP_TTL:
	case LINUX_IP_MULTICAST_TTL:
		error = get_bsd_int(
		    b, IPPROTO_IP, name == LINUX_IP_TTL ? IP_TTL : IP_MULTICAST_TTL, &v);
		break;
	case LINUX_IP_MTU_DISCOVER:
		v = b->b_mtu_discover;
		error = 0;
		break;
	case LINUX_IP_MTU:
		v = interface_mtu(b);
		error = v < 0 ? LINUX_ENOTCONN : 0;
		break;
	case LINUX_IP_MULTICAST_IF:
		n = sizeof(addr);
		error = bsd_getopt(b, IPPROTO_IP, IP_MULTICAST_IF, &addr, &n);
		return (error != 0 ? error : bsd_answer(val, len, &addr, sizeof(addr)));
	case LINUX_IP_OPTIONS:
		n = *len;
		error = bsd_getopt(b, IPPROTO_IP, IP_OPTIONS, val, &n);
		*len = (uint32_t)n;
		return (error);
	case LINUX_IP_MSFILTER:
	case LINUX_MCAST_MSFILTER:
		return (bsd_get_filter(b, name, val, len));
	case LINUX_IP_TOS:
		error = get_bsd_int(b, IPPROTO_IP, IP_TOS, &v);
		break;
	default:
		return (LINUX_ENOPROTOOPT);
	}
	return (error != 0 ? error : answer_int(LINUX_SOL_IP, v, val, len));
}

int
bsock_getsockopt(struct bsock *b, int level, int name, void *val, uint32_t *len)
{
	const struct intopt *io = find_intopt(level, name);
	unsigned bit = flag_bit(level, name);
	int v = 0, error;

	if (level == LINUX_SOL_IP && name == LINUX_IP_HDRINCL && b->b_type != LINUX_SOCK_RAW)
		return (answer_int(level, 0, val, len));
	if (wrong_protocol(b, level, name))
		return (LINUX_EOPNOTSUPP);
	if (level == LINUX_SOL_RAW) {
		if (name != LINUX_ICMP_FILTER)
			return (LINUX_ENOPROTOOPT);
		return (b->b_protocol != IPPROTO_ICMP
			    ? LINUX_EOPNOTSUPP
			    : bsd_answer(val, len, &b->b_icmp_filter, sizeof(b->b_icmp_filter)));
	}
	if (level == LINUX_SOL_TCP)
		return (bsd_tcp_getopt(b, name, val, len));
	if (level == LINUX_SOL_UDP && name == LINUX_UDP_CORK && bsd_has_cork(b))
		return (answer_int(level, (b->b_flags & BSF_CORK) != 0, val, len));
	if (io != NULL) {
		error = get_bsd_int(b, io->blevel, io->bname, &v);
		if (error != 0)
			return (error);
		if (io->flag)
			v = v != 0;
	} else if (bsd_kept_known(level, name)) {
		v = bsd_kept_get(b, level, name);
	} else if (bit != 0) {
		v = (b->b_flags & bit) != 0;
	} else {
		if (level == LINUX_SOL_SOCKET)
			return (get_socket(b, name, val, len));
		return (level == LINUX_SOL_IP ? get_ip(b, name, val, len) : LINUX_ENOPROTOOPT);
	}
	return (answer_int(level, v, val, len));
}
