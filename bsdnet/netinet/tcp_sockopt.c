/*
 * tcp_sockopt.c - socket options of level IPPROTO_TCP, tcp(4). TCP_INFO: tcp_info.c.
 * Called through tcp_protosw. IP's options go on to ip_ctloutput().
 */
#include <sys/param.h>
#include <sys/protosw.h>
#include <sys/socketvar.h>
#include <netinet/in_pcb.h>
#include <netinet/ip_var.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

#define TCP_CCALGOOPT_MAX 256 /* bytes of a TCP_CCALGOOPT */
#define TCP_DEFER_MAX_SEC 3600
#define TCP_KEEP_MAX_SEC (INT_MAX / 1000)

/* A flag of t_flags, for on/off options; 0: not one. */
static u_int
tcp_opt_flag(int name)
{
	switch (name) {
	case TCP_NODELAY:
		return (TF_NODELAY);
	case TCP_NOPUSH:
		return (TF_NOPUSH);
	case TCP_NOOPT:
		return (TF_NOOPT);
	case TCP_QUICKACK_ALPINE:
		return (TF_QUICKACK);
	default:
		return (0);
	}
}

/* The other options whose value is an int. */
static bool
tcp_opt_number(int name)
{
	switch (name) {
	case TCP_MAXSEG:
	case TCP_KEEPCNT:
	case TCP_USER_TIMEOUT_ALPINE:
	case TCP_DEFER_ACCEPT_ALPINE:
	case TCP_FASTOPEN_QLEN_ALPINE:
	case TCP_SYNCNT_ALPINE:
	case TCP_LINGER2_ALPINE:
	case TCP_WINDOW_CLAMP_ALPINE:
		return (true);
	default:
		return (false);
	}
}

/* Where an option of seconds is kept, in ms; NULL: not one. */
static u_int *
tcp_opt_seconds(struct tcpcb *tp, int name)
{
	switch (name) {
	case TCP_KEEPINIT:
		return (&tp->t_keepinit);
	case TCP_KEEPIDLE:
		return (&tp->t_keepidle);
	case TCP_KEEPINTVL:
		return (&tp->t_keepintvl);
	case TCP_MAXUNACKTIME:
		return (&tp->t_maxunacktime);
	default:
		return (NULL);
	}
}

/* The idle time changed under a running timer: begin again. */
static void
tcp_restart_keep(struct tcpcb *tp)
{
	if (TCPS_HAVEESTABLISHED(tp->t_state) && tp->t_state != TCPS_TIME_WAIT)
		tcp_timer_activate(tp, TT_KEEP, TP_KEEPIDLE(tp));
	else if (tp->t_state == TCPS_SYN_SENT)
		tcp_timer_activate(tp, TT_KEEP, TP_KEEPINIT(tp));
}

static int
tcp_set_congestion(struct tcpcb *tp, struct sockopt *sopt)
{
	char name[TCP_CA_NAME_MAX] = "";
	struct cc_algo *a;
	size_t n = min(sopt->sopt_valsize, sizeof(name) - 1);
	int error;

	error = sooptcopyin(sopt, name, n, 1);
	if (error != 0)
		return (error);
	a = cc_find_algo(name);
	if (a == NULL)
		return (ESRCH);
	error = a == tp->ccv->algo ? 0 : cc_attach(tp, a);
	if (error == 0 && TCPS_HAVEESTABLISHED(tp->t_state) && a->conn_init != NULL)
		a->conn_init(tp->ccv);
	return (error);
}

/* TCP_CCALGOOPT: a struct that the algorithm knows, whose name field says which option. */
static int
tcp_cc_option(struct tcpcb *tp, struct sockopt *sopt)
{
	uint64_t buf[TCP_CCALGOOPT_MAX / 8] = {0};
	size_t n = sopt->sopt_valsize;
	int error;

	if (tp->ccv->algo->ctl_output == NULL)
		return (ENOENT);
	if (n > sizeof(buf))
		return (EINVAL);
	error = sooptcopyin(sopt, buf, n, n);
	if (error == 0)
		error = tp->ccv->algo->ctl_output(tp->ccv, sopt, buf);
	if (error == 0 && sopt->sopt_dir == SOPT_GET)
		error = sooptcopyout(sopt, buf, n);
	return (error);
}

static int
tcp_set_flag(struct tcpcb *tp, u_int flag, int on)
{
	if (on)
		tp->t_flags |= flag;
	else
		tp->t_flags &= ~flag;
	/* what Nagle or TCP_NOPUSH held back goes now; an owed ACK too */
	if ((flag == TF_NODELAY && on) || (flag == TF_NOPUSH && !on))
		return (TCPS_HAVEESTABLISHED(tp->t_state) ? tcp_output(tp) : 0);
	if (flag == TF_QUICKACK && on && (tp->t_flags & TF_DELACK) != 0)
		return (tcp_sendack(tp));
	return (0);
}

static int
tcp_set_maxseg(struct tcpcb *tp, int mss)
{
	if (mss <= 0 || (u_int)mss < (u_int)V_tcp_minmss ||
	    (tp->t_state != TCPS_CLOSED && tp->t_state != TCPS_LISTEN && (u_int)mss > tp->t_maxseg))
		return (EINVAL);
	tp->t_mssopt = (u_int)mss;
	tp->t_maxseg = min(tp->t_maxseg, (u_int)mss);
	return (0);
}

static int
tcp_set_md5(struct tcpcb *tp, struct sockopt *sopt)
{
	struct tcp_md5sig sig;
	int error;

	error = sooptcopyin(sopt, &sig, sizeof(sig), sizeof(sig));
	if (error == 0)
		error = tcp_md5_set(tp, &sig);
	memset(&sig, 0, sizeof(sig));
	return (error);
}

/* An int, or with a shared secret. Of a listener, and of a socket that will connect. */
static int
tcp_set_fastopen(struct tcpcb *tp, struct sockopt *sopt)
{
	struct tcp_fastopen tfo = {0};
	int error;

	error = sooptcopyin(sopt, &tfo, sizeof(tfo), sizeof(tfo.enable));
	if (error != 0)
		return (error);
	if (tp->t_state != TCPS_CLOSED && tp->t_state != TCPS_LISTEN)
		return (EINVAL);
	tp->t_flags2 &= ~(TF2_FASTOPEN | TF2_TFO_PSK);
	if (tfo.enable != 0)
		tp->t_flags2 |= TF2_FASTOPEN;
	if (tfo.enable != 0 && sopt->sopt_valsize >= sizeof(tfo)) {
		memcpy(tp->t_tfo_psk, tfo.psk, sizeof(tp->t_tfo_psk));
		tp->t_flags2 |= TF2_TFO_PSK;
	}
	memset(&tfo, 0, sizeof(tfo));
	return (0);
}

static int
tcp_setopt(struct tcpcb *tp, struct sockopt *sopt)
{
	u_int *ms = tcp_opt_seconds(tp, sopt->sopt_name);
	u_int flag = tcp_opt_flag(sopt->sopt_name);
	int error, val;

	if (sopt->sopt_name == TCP_CONGESTION)
		return (tcp_set_congestion(tp, sopt));
	if (sopt->sopt_name == TCP_MD5SIG)
		return (tcp_set_md5(tp, sopt));
	if (sopt->sopt_name == TCP_CCALGOOPT)
		return (tcp_cc_option(tp, sopt));
	if (sopt->sopt_name == TCP_FASTOPEN)
		return (tcp_set_fastopen(tp, sopt));
	if (flag == 0 && ms == NULL && !tcp_opt_number(sopt->sopt_name))
		return (ENOPROTOOPT);
	error = sooptcopyin(sopt, &val, sizeof(val), sizeof(val));
	if (error != 0)
		return (error);
	if (flag != 0)
		return (tcp_set_flag(tp, flag, val));
	if (sopt->sopt_name == TCP_MAXSEG)
		return (tcp_set_maxseg(tp, val));
	if (sopt->sopt_name == TCP_FASTOPEN_QLEN_ALPINE)
		return (tcp_fastopen_set_qlen(tp, val));
	if (sopt->sopt_name == TCP_LINGER2_ALPINE) {
		tp->t_linger2 = val < 0 ? -1 : imin(val, TCP_KEEP_MAX_SEC);
		return (0);
	}
	if (sopt->sopt_name == TCP_DEFER_ACCEPT_ALPINE) {
		tp->t_defer = (u_int)imin(imax(val, 0), TCP_DEFER_MAX_SEC);
		return (0);
	}
	if (val < 0)
		return (EINVAL);
	if (sopt->sopt_name == TCP_USER_TIMEOUT_ALPINE)
		tp->t_maxunacktime = (u_int)val;
	else if (sopt->sopt_name == TCP_SYNCNT_ALPINE)
		tp->t_syncnt = (u_int)imin(val, TCP_MAXRXTSHIFT);
	else if (sopt->sopt_name == TCP_WINDOW_CLAMP_ALPINE)
		tp->t_winclamp = (uint32_t)val;
	else if (sopt->sopt_name == TCP_KEEPCNT)
		tp->t_keepcnt = (u_int)val;
	else {
		*ms = (u_int)imin(val, TCP_KEEP_MAX_SEC) * 1000;
		tcp_restart_keep(tp);
	}
	return (0);
}

static int
tcp_getopt(struct tcpcb *tp, struct sockopt *sopt)
{
	u_int flag = tcp_opt_flag(sopt->sopt_name);
	struct tcp_info ti;
	struct tcp_info_alpine more;
	char name[TCP_CA_NAME_MAX] = "";
	int val;

	if (flag != 0)
		val = (tp->t_flags & flag) != 0;
	else
		switch (sopt->sopt_name) {
		case TCP_MAXSEG:
			val = (int)tp->t_maxseg;
			break;
		case TCP_KEEPINIT:
			val = (int)(TP_KEEPINIT(tp) / 1000);
			break;
		case TCP_KEEPIDLE:
			val = (int)(TP_KEEPIDLE(tp) / 1000);
			break;
		case TCP_KEEPINTVL:
			val = (int)(TP_KEEPINTVL(tp) / 1000);
			break;
		case TCP_KEEPCNT:
			val = (int)TP_KEEPCNT(tp);
			break;
		case TCP_MAXUNACKTIME:
			val = (int)(tp->t_maxunacktime / 1000);
			break;
		case TCP_USER_TIMEOUT_ALPINE:
			val = (int)tp->t_maxunacktime;
			break;
		case TCP_FASTOPEN:
			val = (tp->t_flags2 & TF2_FASTOPEN) != 0;
			break;
		case TCP_FASTOPEN_QLEN_ALPINE:
			val = tcp_fastopen_qlen(tp);
			break;
		case TCP_MD5SIG:
			val = !LIST_EMPTY(&tp->t_md5keys);
			break;
		case TCP_DEFER_ACCEPT_ALPINE:
			val = (int)tp->t_defer;
			break;
		case TCP_INFO:
			tcp_fill_info(tp, &ti);
			return (sooptcopyout(sopt, &ti, sizeof(ti)));
		case TCP_INFO_ALPINE:
			tcp_fill_info_more(tp, &more);
			return (sooptcopyout(sopt, &more, sizeof(more)));
		case TCP_SYNCNT_ALPINE:
			val = (int)tp->t_syncnt;
			break;
		case TCP_LINGER2_ALPINE:
			val = tp->t_linger2 < 0 ? -1 : (int)(tcp_finwait2_ms(tp) / 1000);
			break;
		case TCP_WINDOW_CLAMP_ALPINE:
			val = (int)tcp_window_most(tp);
			break;
		case TCP_CONGESTION:
			strlcpy(name, tp->ccv->algo->name, sizeof(name));
			return (sooptcopyout(sopt, name, sizeof(name)));
		case TCP_CCALGOOPT:
			return (tcp_cc_option(tp, sopt));
		default:
			return (ENOPROTOOPT);
		}
	return (sooptcopyout(sopt, &val, sizeof(val)));
}

int
tcp_ctloutput(struct socket *so, struct sockopt *sopt)
{
	struct inpcb *inp = sotoinpcb(so);
	struct tcpcb *tp;

	if (inp == NULL)
		return (EINVAL);
	if (sopt->sopt_level != IPPROTO_TCP)
		return (ip_ctloutput(so, sopt));
	tp = intotcpcb(inp);
	if (sopt->sopt_dir == SOPT_GET)
		return (tcp_getopt(tp, sopt));
	if (tcp_isdead(tp))
		return (ECONNRESET);
	return (tcp_setopt(tp, sopt));
}
