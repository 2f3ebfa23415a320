/*
 * sys_socket.c - ioctls on sockets.
 * Owns nothing. Called by rpc. Those about the socket itself are answered here, those about
 * interfaces by net/if.c, the rest by the socket's protocol.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/proc.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <sys/sockio.h>

/* net/if.c's; absent from programs that have sockets but no interfaces (unit tests). */
int ifioctl(struct socket *, u_long cmd, caddr_t data, struct thread *) __weak_symbol;

static void
so_setstate(struct socket *so, int bit, int on)
{
	if (on)
		so->so_state |= (short)bit;
	else
		so->so_state &= (short)~bit;
}

static int
soioctl_other(struct socket *so, u_long cmd, void *data, struct ucred *cred)
{
	struct thread td = {.td_ucred = cred}; /* who asks */

	if (IOCGROUP(cmd) == 'i')
		return (ifioctl != NULL ? ifioctl(so, cmd, data, &td) : ENXIO);
	return (so->so_proto->pr_control(so, cmd, data, NULL, &td));
}

int
soioctl(struct socket *so, u_long cmd, void *data, struct ucred *cred)
{
	int *val = data, error = 0;

	CURVNET_SET(so->so_vnet);
	switch (cmd) {
	case FIONBIO:
		so_setstate(so, SS_NBIO, *val);
		break;
	case FIOASYNC:
		so_setstate(so, SS_ASYNC, *val);
		break;
	case FIONREAD:
		*val = (int)(sbavail(&so->so_rcv) - so->so_rcv.sb_ctl);
		break;
	case FIONWRITE:
		*val = (int)sbavail(&so->so_snd);
		break;
	case FIONSPACE:
		*val = (int)sbspace(&so->so_snd);
		break;
	case SIOCATMARK:
		*val = (so->so_rcv.sb_state & SBS_RCVATMARK) != 0;
		break;
	default:
		error = soioctl_other(so, cmd, data, cred);
		break;
	}
	CURVNET_RESTORE();
	return (error);
}
