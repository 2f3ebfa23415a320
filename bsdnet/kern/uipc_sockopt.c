/*
 * uipc_sockopt.c - options of level SOL_SOCKET, setsockopt(2), sockopt(9).
 * Owns so_options and what the other options set. Called by rpc and in-kernel users; options of
 * other levels go to pr_ctloutput, which also hears of those that were set here.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/domain.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/time.h>

#define SO_TS_CLOCK_MAX 3

/* Options that are a bit of so_options, and that a program may set. */
#define SO_BITS                                                                                    \
	(SO_DEBUG | SO_REUSEADDR | SO_KEEPALIVE | SO_DONTROUTE | SO_BROADCAST | SO_USELOOPBACK |   \
	    SO_OOBINLINE | SO_REUSEPORT | SO_REUSEPORT_LB | SO_TIMESTAMP | SO_NOSIGPIPE |          \
	    SO_BINTIME | SO_NO_OFFLOAD | SO_NO_DDP)

int
sooptcopyin(struct sockopt *sopt, void *buf, size_t len, size_t minlen)
{
	if (sopt->sopt_valsize < minlen || sopt->sopt_val == NULL)
		return (EINVAL);
	if (sopt->sopt_valsize > len)
		sopt->sopt_valsize = len;
	memcpy(buf, sopt->sopt_val, sopt->sopt_valsize);
	return (0);
}

/* A short buffer gets what fits; sopt_valsize becomes that. */
int
sooptcopyout(struct sockopt *sopt, const void *buf, size_t len)
{
	sopt->sopt_valsize = MIN(len, sopt->sopt_valsize);
	if (sopt->sopt_val != NULL)
		memcpy(sopt->sopt_val, buf, sopt->sopt_valsize);
	return (0);
}

int
so_setsockopt(struct socket *so, int level, int name, void *val, size_t len)
{
	struct sockopt sopt = {
	    .sopt_dir = SOPT_SET,
	    .sopt_level = level,
	    .sopt_name = name,
	    .sopt_val = val,
	    .sopt_valsize = len,
	};

	return (sosetopt(so, &sopt));
}

/* ---- set ---- */

static int
sosetopt_linger(struct socket *so, struct sockopt *sopt)
{
	struct linger l;
	int error;

	error = sooptcopyin(sopt, &l, sizeof(l), sizeof(l));
	if (error != 0)
		return (error);
	if (l.l_linger < 0 || l.l_linger > SHRT_MAX)
		return (EDOM);
	so->so_linger = (short)l.l_linger;
	if (l.l_onoff != 0)
		so->so_options |= SO_LINGER;
	else
		so->so_options &= ~SO_LINGER;
	return (0);
}

static int
sosetopt_size(struct socket *so, int name, int val)
{
	sb_which which = name == SO_RCVBUF || name == SO_RCVLOWAT ? SO_RCV : SO_SND;
	struct sockbuf *sb = which == SO_RCV ? &so->so_rcv : &so->so_snd;

	if (val < 1)
		return (EINVAL);
	if (name == SO_RCVLOWAT || name == SO_SNDLOWAT) {
		sb->sb_lowat = MIN((u_int)val, sb->sb_hiwat);
		return (0);
	}
	if (!sbreserve(so, which, (u_long)val, NULL))
		return (ENOBUFS);
	sb->sb_flags &= ~SB_AUTOSIZE;
	return (0);
}

static int
sosetopt_timeo(struct sockbuf *sb, struct sockopt *sopt)
{
	struct timeval tv;
	int error;

	error = sooptcopyin(sopt, &tv, sizeof(tv), sizeof(tv));
	if (error != 0)
		return (error);
	if (tv.tv_sec < 0 || tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return (EDOM);
	sb->sb_timeo = tv.tv_sec > INT_MAX ? 0 : tvtosbt(tv);
	return (0);
}

static int
sosetopt_int(struct socket *so, int name, int val)
{
	switch (name) {
	case SO_SNDBUF:
	case SO_RCVBUF:
	case SO_SNDLOWAT:
	case SO_RCVLOWAT:
		return (sosetopt_size(so, name, val));
	case SO_SETFIB:
		return (val == 0 ? 0 : EINVAL); /* there is one routing table */
	case SO_USER_COOKIE:
		so->so_user_cookie = (uint32_t)val;
		return (0);
	case SO_TS_CLOCK:
		if (val < 0 || val > SO_TS_CLOCK_MAX)
			return (EINVAL);
		so->so_ts_clock = val;
		return (0);
	case SO_BINDTODEVICE_ALPINE:
		if (val < 0)
			return (EINVAL);
		so->so_bound_if = val;
		return (0);
	default:
		if ((name & SO_BITS) != name || !powerof2(name) || name == 0)
			return (ENOPROTOOPT);
		if (val != 0)
			so->so_options |= name;
		else
			so->so_options &= ~name;
		return (0);
	}
}

static int
sosetopt_socket(struct socket *so, struct sockopt *sopt)
{
	size_t valsize = sopt->sopt_valsize;
	int error, val;

	switch (sopt->sopt_name) {
	case SO_LINGER:
		error = sosetopt_linger(so, sopt);
		break;
	case SO_SNDTIMEO:
		error = sosetopt_timeo(&so->so_snd, sopt);
		break;
	case SO_RCVTIMEO:
		error = sosetopt_timeo(&so->so_rcv, sopt);
		break;
	default:
		error = sooptcopyin(sopt, &val, sizeof(val), sizeof(val));
		if (error == 0)
			error = sosetopt_int(so, sopt->sopt_name, val);
		break;
	}
	if (error == 0) {
		/* some protocols keep a copy (SO_REUSEADDR); others need not know it */
		sopt->sopt_valsize = valsize;
		(void)so->so_proto->pr_ctloutput(so, sopt);
	}
	return (error);
}

int
sosetopt(struct socket *so, struct sockopt *sopt)
{
	int error;

	sopt->sopt_dir = SOPT_SET;
	CURVNET_SET(so->so_vnet);
	if (sopt->sopt_level == SOL_SOCKET)
		error = sosetopt_socket(so, sopt);
	else
		error = so->so_proto->pr_ctloutput(so, sopt);
	CURVNET_RESTORE();
	return (error);
}

/* ---- get ---- */

static int
sogetopt_timeo(const struct sockbuf *sb, struct sockopt *sopt)
{
	struct timeval tv = sbttotv(sb->sb_timeo);

	return (sooptcopyout(sopt, &tv, sizeof(tv)));
}

static int
sogetopt_int(struct socket *so, int name, int *val)
{
	switch (name) {
	case SO_TYPE:
		*val = so->so_type;
		break;
	case SO_PROTOCOL:
		*val = so->so_proto->pr_protocol;
		break;
	case SO_DOMAIN:
		*val = so->so_proto->pr_domain->dom_family;
		break;
	case SO_ERROR:
		*val = so->so_error;
		so->so_error = 0;
		break;
	case SO_SNDBUF:
		*val = (int)so->so_snd.sb_hiwat;
		break;
	case SO_RCVBUF:
		*val = (int)so->so_rcv.sb_hiwat;
		break;
	case SO_SNDLOWAT:
		*val = (int)so->so_snd.sb_lowat;
		break;
	case SO_RCVLOWAT:
		*val = (int)so->so_rcv.sb_lowat;
		break;
	case SO_LISTENQLIMIT:
		*val = SOLISTENING(so) ? (int)so->sol_qlimit : 0;
		break;
	case SO_LISTENQLEN:
		*val = (int)(so->sol_qlen + so->sol_qheld);
		break;
	case SO_LISTENINCQLEN:
		*val = (int)so->sol_incqlen;
		break;
	case SO_USER_COOKIE:
		*val = (int)so->so_user_cookie;
		break;
	case SO_TS_CLOCK:
		*val = so->so_ts_clock;
		break;
	case SO_BINDTODEVICE_ALPINE:
		*val = so->so_bound_if;
		break;
	default:
		if ((name & (SO_BITS | SO_ACCEPTCONN)) != name || !powerof2(name) || name == 0)
			return (ENOPROTOOPT);
		*val = so->so_options & name;
		break;
	}
	return (0);
}

static int
sogetopt_socket(struct socket *so, struct sockopt *sopt)
{
	struct linger l;
	int error, val;

	switch (sopt->sopt_name) {
	case SO_LINGER:
		l.l_onoff = so->so_options & SO_LINGER;
		l.l_linger = so->so_linger;
		return (sooptcopyout(sopt, &l, sizeof(l)));
	case SO_SNDTIMEO:
		return (sogetopt_timeo(&so->so_snd, sopt));
	case SO_RCVTIMEO:
		return (sogetopt_timeo(&so->so_rcv, sopt));
	default:
		error = sogetopt_int(so, sopt->sopt_name, &val);
		return (error != 0 ? error : sooptcopyout(sopt, &val, sizeof(val)));
	}
}

int
sogetopt(struct socket *so, struct sockopt *sopt)
{
	int error;

	sopt->sopt_dir = SOPT_GET;
	CURVNET_SET(so->so_vnet);
	if (sopt->sopt_level == SOL_SOCKET)
		error = sogetopt_socket(so, sopt);
	else
		error = so->so_proto->pr_ctloutput(so, sopt);
	CURVNET_RESTORE();
	return (error);
}
