/*
 * bsd_ioctl.c - ioctls of Linux's tcp(7) and udp(7), answered from the BSD stack; those of
 * netdevice(7) are in bsd_ifioctl.c. Called through bsock_ioctl(). Owns nothing.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/mbuf.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp_fsm.h>
#include <netinet/tcp_var.h>

#include "rpc/bsd/bsd_admin.h"

static int
answer_int(void *arg, uint32_t *len, int value)
{
	memcpy(arg, &value, sizeof(value));
	*len = sizeof(value);
	return (0);
}

/* For a datagram socket: the size of the next one, as Linux has it. */
static int
bytes_to_read(const struct socket *so)
{
	const struct mbuf *m = so->so_rcv.sb_mb;
	int n = 0;

	if (so->so_type == SOCK_STREAM)
		return ((int)sbavail(&so->so_rcv));
	for (; m != NULL; m = m->m_next)
		if (m->m_type == MT_DATA)
			n += m->m_len;
	return (n);
}

static int
bytes_not_sent(struct socket *so)
{
	const struct tcpcb *tp = so->so_type == SOCK_STREAM ? sototcpcb(so) : NULL;

	if (tp == NULL || !TCPS_HAVEESTABLISHED(tp->t_state))
		return ((int)sbavail(&so->so_snd));
	return (imax((int)sbavail(&so->so_snd) - (int)(tp->snd_max - tp->snd_una), 0));
}

int
bsock_ioctl(struct bsock *b, const struct bsock_cred *cred, uint64_t cmd, void *arg, uint32_t *len,
    uint32_t room)
{
	struct socket *so = b->b_so;

	switch (cmd) {
	case LINUX_FIONREAD:
		if (SOLISTENING(so))
			return (LINUX_EINVAL);
		return (answer_int(arg, len, bytes_to_read(so)));
	case LINUX_TIOCOUTQ:
		if (SOLISTENING(so))
			return (LINUX_EINVAL);
		return (answer_int(arg, len, (int)sbavail(&so->so_snd)));
	case LINUX_SIOCOUTQNSD:
		if (SOLISTENING(so))
			return (LINUX_EINVAL);
		return (answer_int(arg, len, bytes_not_sent(so)));
	case LINUX_SIOCATMARK:
		return (answer_int(arg, len, (so->so_rcv.sb_state & SBS_RCVATMARK) != 0));
	case LINUX_SIOCGSTAMP:
		return (LINUX_ENOENT);
	default:
		return (bsd_ifioctl(cred, cmd, arg, len, room));
	}
}
