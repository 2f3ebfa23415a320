/*
 * bsd_linux.c - between Linux's numbers and layouts and BSD's: errnos, interfaces' names, TCP's
 * states, addresses, MSG_ flags and control items. Options are in bsd_sockopt.c, ioctls in
 * bsd_ioctl.c. Pure but for the send overrides; owns nothing.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/mbuf.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/time.h>
#include <net/if_dl.h>
#include <net/if_var.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/ip_errqueue.h>
#include <netinet/tcp_fsm.h>

#include "rpc/bsd/bsd_var.h"

/* ---- interfaces' names ---- */

const char *
bsd_ifname(const struct ifnet *ifp)
{
	return (ifp == V_loif ? "lo" : ifp->if_xname);
}

/* lo0, as alpinectl says it, is understood too. */
struct ifnet *
bsd_ifbyname(const char *name)
{
	return (strcmp(name, "lo") == 0 ? V_loif : ifunit(name));
}

/* ---- errnos ---- */

/* 1 to 34 are the same on both, but for EDEADLK, which no socket call gives. */
#define SAME_UNTIL 34

static const uint8_t errnos[ELAST + 1] = {
    [EAGAIN] = LINUX_EAGAIN,
    [EINPROGRESS] = LINUX_EINPROGRESS,
    [EALREADY] = LINUX_EALREADY,
    [ENOTSOCK] = LINUX_ENOTSOCK,
    [EDESTADDRREQ] = LINUX_EDESTADDRREQ,
    [EMSGSIZE] = LINUX_EMSGSIZE,
    [EPROTOTYPE] = LINUX_EPROTOTYPE,
    [ENOPROTOOPT] = LINUX_ENOPROTOOPT,
    [EPROTONOSUPPORT] = LINUX_EPROTONOSUPPORT,
    [ESOCKTNOSUPPORT] = LINUX_ESOCKTNOSUPPORT,
    [EOPNOTSUPP] = LINUX_EOPNOTSUPP,
    [EPFNOSUPPORT] = LINUX_EPFNOSUPPORT,
    [EAFNOSUPPORT] = LINUX_EAFNOSUPPORT,
    [EADDRINUSE] = LINUX_EADDRINUSE,
    [EADDRNOTAVAIL] = LINUX_EADDRNOTAVAIL,
    [ENETDOWN] = LINUX_ENETDOWN,
    [ENETUNREACH] = LINUX_ENETUNREACH,
    [ENETRESET] = LINUX_ENETRESET,
    [ECONNABORTED] = LINUX_ECONNABORTED,
    [ECONNRESET] = LINUX_ECONNRESET,
    [ENOBUFS] = LINUX_ENOBUFS,
    [EISCONN] = LINUX_EISCONN,
    [ENOTCONN] = LINUX_ENOTCONN,
    [ESHUTDOWN] = LINUX_ESHUTDOWN,
    [ETOOMANYREFS] = LINUX_ETOOMANYREFS,
    [ETIMEDOUT] = LINUX_ETIMEDOUT,
    [ECONNREFUSED] = LINUX_ECONNREFUSED,
    [ENAMETOOLONG] = LINUX_ENAMETOOLONG,
    [EHOSTDOWN] = LINUX_EHOSTUNREACH, /* what Linux says when nobody answers ARP */
    [EHOSTUNREACH] = LINUX_EHOSTUNREACH,
    [ENOSYS] = LINUX_ENOSYS,
    [EPROTO] = LINUX_EPROTO,
};

int
bsd_errno_to_linux(int error)
{
	if (error <= 0)
		return (error == 0 ? 0 : LINUX_EINTR); /* ERESTART */
	if (error <= SAME_UNTIL)
		return (error);
	if (error > ELAST || errnos[error] == 0)
		return (LINUX_EIO);
	return (errnos[error]);
}

const char *
bsd_strerror(int error)
{
	switch (error) {
	case EPERM:
		return ("not permitted");
	case ENOENT:
		return ("no such name");
	case EINVAL:
		return ("invalid value");
	case ENOMEM:
	case ENOBUFS:
		return ("no memory");
	case EEXIST:
		return ("exists already");
	case ENXIO:
		return ("no such interface");
	case ENETUNREACH:
		return ("network is unreachable");
	case EISDIR:
	case ENOTDIR:
		return ("not a variable");
	default:
		return ("refused");
	}
}

/* ---- TCP's states ---- */

int
linux_tcp_state(int bsd)
{
	static const uint8_t states[TCP_NSTATES] = {
	    [TCPS_CLOSED] = 7,
	    [TCPS_LISTEN] = 10,
	    [TCPS_SYN_SENT] = 2,
	    [TCPS_SYN_RECEIVED] = 3,
	    [TCPS_ESTABLISHED] = 1,
	    [TCPS_CLOSE_WAIT] = 8,
	    [TCPS_FIN_WAIT_1] = 4,
	    [TCPS_CLOSING] = 11,
	    [TCPS_LAST_ACK] = 9,
	    [TCPS_FIN_WAIT_2] = 5,
	    [TCPS_TIME_WAIT] = 6,
	};

	return (bsd >= 0 && bsd < TCP_NSTATES ? states[bsd] : 7);
}

/* ---- addresses ---- */

int
linux_sockaddr_unspec(const void *addr, size_t len)
{
	uint16_t family;

	if (len < sizeof(family))
		return (0);
	memcpy(&family, addr, sizeof(family));
	return (family == LINUX_AF_UNSPEC);
}

int
linux_sockaddr_in(const void *addr, size_t len, struct sockaddr_storage *ss)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)(void *)ss;
	struct linux_sockaddr_in lin;

	memset(ss, 0, sizeof(*ss));
	if (len < sizeof(lin.sin_family))
		return (LINUX_EINVAL);
	memset(&lin, 0, sizeof(lin));
	memcpy(&lin, addr, MIN(len, sizeof(lin)));
	if (lin.sin_family == LINUX_AF_INET6)
		return (LINUX_EAFNOSUPPORT);
	if (len < sizeof(lin))
		return (LINUX_EINVAL);
	/* Linux takes AF_UNSPEC with the wildcard address for AF_INET */
	if (lin.sin_family != LINUX_AF_INET &&
	    (lin.sin_family != LINUX_AF_UNSPEC || lin.sin_addr != INADDR_ANY))
		return (LINUX_EAFNOSUPPORT);
	sin->sin_len = sizeof(*sin);
	sin->sin_family = AF_INET;
	sin->sin_port = lin.sin_port;
	sin->sin_addr.s_addr = lin.sin_addr;
	return (0);
}

void
linux_sockaddr_out(const struct sockaddr *sa, struct rpc_addr *addr)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)(const void *)sa;
	struct linux_sockaddr_in lin;

	memset(addr, 0, sizeof(*addr));
	memset(&lin, 0, sizeof(lin));
	lin.sin_family = LINUX_AF_INET;
	if (sa->sa_family == AF_INET) {
		lin.sin_port = sin->sin_port;
		lin.sin_addr = sin->sin_addr.s_addr;
	}
	memcpy(addr->a_data, &lin, sizeof(lin));
	addr->a_len = sizeof(lin);
}

/* ---- flags ---- */

int
linux_msg_flags_in(uint32_t flags)
{
	return ((flags & LINUX_MSG_DONTROUTE) != 0 ? MSG_DONTROUTE : 0);
}

uint32_t
linux_msg_flags_out(int flags)
{
	return (((flags & MSG_TRUNC) != 0 ? LINUX_MSG_TRUNC : 0) |
		((flags & MSG_CTRUNC) != 0 ? LINUX_MSG_CTRUNC : 0));
}

/* ---- control items of a send ---- */

/* An int or a byte, as Linux takes either for TOS and TTL. */
static int
small_int(const char *data, size_t len, int *val)
{
	if (len == 1)
		*val = *(const uint8_t *)data;
	else if (len == sizeof(int))
		memcpy(val, data, sizeof(int));
	else
		return (LINUX_EINVAL);
	return (*val < 0 || *val > 255 ? LINUX_EINVAL : 0);
}

static int
pktinfo_in(const char *data, size_t len, struct linux_send *ls)
{
	struct linux_in_pktinfo info;
	struct in_addr src;

	if (len != sizeof(info))
		return (LINUX_EINVAL);
	memcpy(&info, data, sizeof(info));
	if (info.ipi_ifindex != 0 && ifnet_byindex((u_int)info.ipi_ifindex) == NULL)
		return (LINUX_ENODEV);
	if (info.ipi_spec_dst == INADDR_ANY)
		return (0);
	src.s_addr = info.ipi_spec_dst;
	m_freem(ls->control);
	ls->control = sbcreatecontrol(&src, sizeof(src), IP_SENDSRCADDR, IPPROTO_IP, M_NOWAIT);
	return (ls->control == NULL ? LINUX_ENOBUFS : 0);
}

static int
item_in(const struct linux_cmsghdr *c, const char *data, size_t len, struct linux_send *ls)
{
	if (c->cmsg_level == LINUX_SOL_SOCKET && c->cmsg_type != LINUX_SCM_RIGHTS &&
	    c->cmsg_type != LINUX_SCM_CREDENTIALS)
		return (LINUX_EINVAL);
	if (c->cmsg_level != LINUX_SOL_IP)
		return (0); /* not ours, and AF_UNIX's: ignored */
	switch (c->cmsg_type) {
	case LINUX_IP_PKTINFO:
		return (pktinfo_in(data, len, ls));
	case LINUX_IP_TTL:
		return (len != sizeof(int) || small_int(data, len, &ls->ttl) != 0 || ls->ttl == 0
			    ? LINUX_EINVAL
			    : 0);
	case LINUX_IP_TOS:
		return (small_int(data, len, &ls->tos));
	default:
		return (LINUX_EINVAL);
	}
}

int
linux_control_in(struct bsock *b __unused, const void *control, size_t len, struct linux_send *ls)
{
	const char *at = control;
	struct linux_cmsghdr c;
	int error = 0;

	while (error == 0 && len >= sizeof(c)) {
		memcpy(&c, at, sizeof(c));
		if (c.cmsg_len == 0 && at != (const char *)control)
			break; /* padding */
		if (c.cmsg_len < sizeof(c) || c.cmsg_len > len) {
			error = LINUX_EINVAL;
			break;
		}
		error = item_in(&c, at + sizeof(c), c.cmsg_len - sizeof(c), ls);
		if (LINUX_CMSG_ALIGN(c.cmsg_len) >= len)
			break;
		at += LINUX_CMSG_ALIGN(c.cmsg_len);
		len -= LINUX_CMSG_ALIGN(c.cmsg_len);
	}
	if (error != 0) {
		m_freem(ls->control);
		ls->control = NULL;
	}
	return (error);
}

static int
swap_option(struct socket *so, int name, int new)
{
	int old = 0;
	struct sockopt sopt = {
	    .sopt_level = IPPROTO_IP,
	    .sopt_name = name,
	    .sopt_val = &old,
	    .sopt_valsize = sizeof(old),
	};

	(void)sogetopt(so, &sopt);
	(void)so_setsockopt(so, IPPROTO_IP, name, &new, sizeof(new));
	return (old);
}

void
linux_send_begin(struct bsock *b, struct linux_send *ls)
{
	if (ls->tos >= 0)
		ls->old_tos = swap_option(b->b_so, IP_TOS, ls->tos);
	if (ls->ttl >= 0)
		ls->old_ttl = swap_option(b->b_so, IP_TTL, ls->ttl);
}

void
linux_send_end(struct bsock *b, struct linux_send *ls)
{
	if (ls->tos >= 0)
		(void)swap_option(b->b_so, IP_TOS, ls->old_tos);
	if (ls->ttl >= 0)
		(void)swap_option(b->b_so, IP_TTL, ls->old_ttl);
}

/* ---- control items as received ---- */

struct out {
	char *buf;
	size_t room, used;
	bool truncated;
};

static void
item_out(struct out *o, int level, int type, const void *data, size_t len)
{
	struct linux_cmsghdr c = {
	    .cmsg_len = sizeof(c) + len,
	    .cmsg_level = level,
	    .cmsg_type = type,
	};
	size_t space = LINUX_CMSG_ALIGN(sizeof(c) + len);

	if (o->room - o->used < space) {
		o->truncated = true;
		return;
	}
	memset(o->buf + o->used, 0, space);
	memcpy(o->buf + o->used, &c, sizeof(c));
	memcpy(o->buf + o->used + sizeof(c), data, len);
	o->used += space;
}

static void
time_out(const struct bsock *b, struct out *o, const struct timeval *tv)
{
	struct linux_timespec ts = {tv->tv_sec, tv->tv_usec * 1000};
	struct linux_timeval ltv = {tv->tv_sec, tv->tv_usec};

	if ((b->b_flags & BSF_TIMESTAMPNS) != 0)
		item_out(o, LINUX_SOL_SOCKET, LINUX_SO_TIMESTAMPNS, &ts, sizeof(ts));
	else
		item_out(o, LINUX_SOL_SOCKET, LINUX_SO_TIMESTAMP, &ltv, sizeof(ltv));
}

/* A byte of data, or an int of it. */
static int
small_value(const unsigned char *data, size_t len)
{
	int val;

	if (len < sizeof(val))
		return (len > 0 ? data[0] : 0);
	memcpy(&val, data, sizeof(val));
	return (val);
}

static void
ip_item_out(
    struct out *o, struct linux_in_pktinfo *info, int type, const unsigned char *data, size_t len)
{
	struct sockaddr_dl sdl;
	uint8_t tos;
	int ttl;

	switch (type) {
	case IP_RECVDSTADDR:
		memcpy(&info->ipi_addr, data, MIN(len, sizeof(info->ipi_addr)));
		info->ipi_spec_dst = info->ipi_addr;
		break;
	case IP_RECVIF:
		memset(&sdl, 0, sizeof(sdl));
		memcpy(&sdl, data, MIN(len, sizeof(sdl)));
		info->ipi_ifindex = sdl.sdl_index;
		break;
	case IP_RECVTTL:
		ttl = small_value(data, len);
		item_out(o, LINUX_SOL_IP, LINUX_IP_TTL, &ttl, sizeof(ttl));
		break;
	case IP_RECVOPTS:
		item_out(o, LINUX_SOL_IP, LINUX_IP_RECVOPTS, data, len);
		break;
	case IP_RECVRETOPTS:
		item_out(o, LINUX_SOL_IP, LINUX_IP_RETOPTS, data, len);
		break;
	case IP_RECVTOS:
		tos = (uint8_t)small_value(data, len);
		item_out(o, LINUX_SOL_IP, LINUX_IP_TOS, &tos, sizeof(tos));
		break;
	}
}

static void
orig_dst_out(struct bsock *b, struct out *o, uint32_t dst)
{
	struct linux_sockaddr_in lin = {.sin_family = LINUX_AF_INET, .sin_addr = dst};
	struct sockaddr_storage own;

	memset(&own, 0, sizeof(own));
	(void)sosockaddr(b->b_so, (struct sockaddr *)&own);
	lin.sin_port = satosin((struct sockaddr *)&own)->sin_port;
	item_out(o, LINUX_SOL_IP, LINUX_IP_RECVORIGDSTADDR, &lin, sizeof(lin));
}

size_t
linux_error_out(struct bsock *b, const struct ip_err *ie, char *buf, size_t room)
{
	struct out o = {.buf = buf, .room = room};
	struct {
		struct linux_sock_extended_err ee;
		struct linux_sockaddr_in offender;
	} err = {.ee = {.ee_errno = (uint32_t)bsd_errno_to_linux(ie->ie_error),
		     .ee_origin = ie->ie_origin,
		     .ee_type = ie->ie_type,
		     .ee_code = ie->ie_code,
		     .ee_info = ie->ie_info}};
	const int ttl = ie->ie_ttl;

	if (ie->ie_offender.s_addr != INADDR_ANY) {
		err.offender.sin_family = LINUX_AF_INET;
		err.offender.sin_addr = ie->ie_offender.s_addr;
	}
	if ((b->b_so->so_options & SO_TIMESTAMP) != 0)
		time_out(b, &o, &ie->ie_when);
	if (ie->ie_origin == IP_ERR_ICMP && (sotoinpcb(b->b_so)->inp_flags & INP_RECVTTL) != 0)
		item_out(&o, LINUX_SOL_IP, LINUX_IP_TTL, &ttl, sizeof(ttl));
	item_out(&o, LINUX_SOL_IP, LINUX_IP_RECVERR, &err, sizeof(err));
	return (o.used);
}

size_t
linux_control_out(
    struct bsock *b, struct mbuf *control, char *buf, size_t room, uint32_t *msg_flags)
{
	struct out o = {.buf = buf, .room = room};
	struct linux_in_pktinfo info = {.ipi_ifindex = 0};
	struct cmsghdr *c;
	struct timeval tv;

	for (; control != NULL; control = control->m_next) {
		c = mtod(control, struct cmsghdr *);
		if (control->m_len < (int)CMSG_LEN(0) || c->cmsg_len < CMSG_LEN(0) ||
		    c->cmsg_len > (socklen_t)control->m_len)
			continue;
		if (c->cmsg_level == IPPROTO_IP) {
			ip_item_out(
			    &o, &info, c->cmsg_type, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMP &&
			   c->cmsg_len >= CMSG_LEN(sizeof(tv))) {
			memcpy(&tv, CMSG_DATA(c), sizeof(tv));
			time_out(b, &o, &tv);
		}
	}
	if ((b->b_flags & BSF_ORIGDST) != 0)
		orig_dst_out(b, &o, info.ipi_addr);
	if ((b->b_flags & BSF_PKTINFO) != 0)
		item_out(&o, LINUX_SOL_IP, LINUX_IP_PKTINFO, &info, sizeof(info));
	if (o.truncated)
		*msg_flags |= LINUX_MSG_CTRUNC;
	return (o.used);
}
