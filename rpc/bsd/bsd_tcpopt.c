/*
 * bsd_tcpopt.c - socket options of level IPPROTO_TCP as Linux programs make them: tcp(7) and
 * linux/tcp.h. What each does here is in the table of bsdnet/netinet/TCP-OPTIONS.md; what stands in
 * neither is ENOPROTOOPT.
 *
 * Called by bsd_sockopt.c. Owns fields of struct bsock.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/limits.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <netinet/in.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp.h>
#include <netinet/tcp_var.h>

#include "rpc/bsd/bsd_var.h"

#define SYN_RETRIES 6	  /* that fit net.inet.tcp.keepinit: what TCP_SYNCNT is before it is set */
#define CLAMP_MIN 1152	  /* bytes: less is raised to it, as on Linux */
#define LINGER2_MAX_S 120 /* more is the same, as on Linux */
#define MAXSEG_MIN 88	  /* what Linux takes */
#define MAXSEG_MAX 32767

/* An option that is an int on both sides. */
struct tcpopt_int {
	int name, bname;
	int lo, hi; /* what Linux takes; else EINVAL */
	bool flag;  /* given back as 0 or 1 */
};

static const struct tcpopt_int ints[] = {
    {LINUX_TCP_NODELAY, TCP_NODELAY, INT_MIN, INT_MAX, true},
    {LINUX_TCP_CORK, TCP_NOPUSH, INT_MIN, INT_MAX, true},
    {LINUX_TCP_MAXSEG, TCP_MAXSEG, MAXSEG_MIN, MAXSEG_MAX, false},
    {LINUX_TCP_KEEPIDLE, TCP_KEEPIDLE, 1, 32767, false},
    {LINUX_TCP_KEEPINTVL, TCP_KEEPINTVL, 1, 32767, false},
    {LINUX_TCP_KEEPCNT, TCP_KEEPCNT, 1, 127, false},
    {LINUX_TCP_SYNCNT, TCP_SYNCNT_ALPINE, 1, 127, false},
    {LINUX_TCP_LINGER2, TCP_LINGER2_ALPINE, INT_MIN, INT_MAX, false},
    {LINUX_TCP_WINDOW_CLAMP, TCP_WINDOW_CLAMP_ALPINE, 0, INT_MAX, false},
    {LINUX_TCP_USER_TIMEOUT, TCP_USER_TIMEOUT_ALPINE, 0, INT_MAX, false},
    {LINUX_TCP_FASTOPEN, TCP_FASTOPEN_QLEN_ALPINE, 0, INT_MAX, false},
    {LINUX_TCP_DEFER_ACCEPT, TCP_DEFER_ACCEPT_ALPINE, INT_MIN, INT_MAX, false},
    {LINUX_TCP_QUICKACK, TCP_QUICKACK_ALPINE, INT_MIN, INT_MAX, true},
};

static const struct tcpopt_int *
find_int(int name)
{
	for (u_int i = 0; i < nitems(ints); i++)
		if (ints[i].name == name)
			return (&ints[i]);
	return (NULL);
}

/* ---- set ---- */

static int
set_congestion(struct bsock *b, const char *val, size_t len)
{
	char name[TCP_CA_NAME_MAX];
	int error;

	if (len == 0)
		return (LINUX_EINVAL);
	if (len >= sizeof(name))
		len = sizeof(name) - 1;
	memset(name, 0, sizeof(name));
	memcpy(name, val, len);
	if (strcmp(name, "reno") == 0)
		strlcpy(name, "newreno", sizeof(name));
	error = bsd_setopt(b, NULL, IPPROTO_TCP, TCP_CONGESTION, name, sizeof(name));
	return (error == bsd_errno_to_linux(ESRCH) ? LINUX_ENOENT : error);
}

static int
set_md5sig(struct bsock *b, const void *val, size_t len)
{
	struct linux_tcp_md5sig l;
	struct tcp_md5sig sig = {0};
	int error;

	if (len < sizeof(l))
		return (LINUX_EINVAL);
	memcpy(&l, val, sizeof(l));
	if (l.tcpm_family != LINUX_AF_INET || l.tcpm_keylen > sizeof(sig.tcpm_key) ||
	    l.tcpm_flags != 0)
		return (LINUX_EINVAL);
	memcpy(&sig.tcpm_addr, l.tcpm_addr, sizeof(sig.tcpm_addr));
	sig.tcpm_keylen = l.tcpm_keylen;
	memcpy(sig.tcpm_key, l.tcpm_key, l.tcpm_keylen);
	error = bsd_setopt(b, NULL, IPPROTO_TCP, TCP_MD5SIG, &sig, sizeof(sig));
	memset(&sig, 0, sizeof(sig));
	memset(&l, 0, sizeof(l));
	return (error);
}

/* Fast Open for connect(): the SYN goes with the first data. Before connecting only. */
static int
set_fastopen_connect(struct bsock *b, int v)
{
	const struct socket *so = b->b_so;

	if (v < 0 || v > 1)
		return (LINUX_EINVAL);
	if (!tcp_fastopen_client_enabled())
		return (LINUX_EOPNOTSUPP);
	if (SOLISTENING(so) || (b->b_flags & BSF_DEFERRED) != 0 ||
	    (so->so_state & (SS_ISCONNECTED | SS_ISCONNECTING | SS_ISDISCONNECTING)) != 0)
		return (LINUX_EINVAL);
	if (v != 0)
		b->b_flags |= BSF_FASTOPEN;
	else
		b->b_flags &= ~BSF_FASTOPEN;
	return (0);
}

/* Values that are not taken as they are. */
static int
adjust(const struct bsock *b, int name, int *v)
{
	switch (name) {
	case LINUX_TCP_LINGER2:
		*v = *v < 0 ? -1 : imin(*v, LINGER2_MAX_S);
		return (0);
	case LINUX_TCP_WINDOW_CLAMP:
		if (*v == 0 && (b->b_so->so_state & SS_ISCONNECTED) != 0)
			return (LINUX_EINVAL);
		if (*v != 0)
			*v = imax(*v, CLAMP_MIN);
		return (0);
	default:
		return (0);
	}
}

static int
set_tcp_int(struct bsock *b, const struct bsock_cred *cred, int name, int v)
{
	const struct tcpopt_int *o = find_int(name);
	int error;

	switch (name) {
	case LINUX_TCP_FASTOPEN_CONNECT:
		return (set_fastopen_connect(b, v));
	case LINUX_TCP_NOTSENT_LOWAT: /* the pump asks: bsock_space() */
		b->b_notsent_lowat = (uint32_t)v;
		return (0);
	}
	if (o == NULL)
		return (LINUX_ENOPROTOOPT);
	if ((v < o->lo || v > o->hi) && !(name == LINUX_TCP_MAXSEG && v == 0))
		return (LINUX_EINVAL);
	error = adjust(b, name, &v);
	if (error != 0 || (name == LINUX_TCP_MAXSEG && v == 0))
		return (error);
	return (bsd_setopt(b, cred, IPPROTO_TCP, o->bname, &v, sizeof(v)));
}

int
bsd_tcp_setopt(
    struct bsock *b, const struct bsock_cred *cred, int name, const void *val, size_t len)
{
	int v;

	switch (name) {
	case LINUX_TCP_CONGESTION:
		return (set_congestion(b, val, len));
	case LINUX_TCP_MD5SIG:
		return (set_md5sig(b, val, len));
	case LINUX_TCP_ULP: /* as a Linux without the module that is asked for */
		return (len == 0 ? LINUX_EINVAL : LINUX_ENOENT);
	}
	if (len < sizeof(v))
		return (find_int(name) != NULL || name == LINUX_TCP_FASTOPEN_CONNECT ||
				name == LINUX_TCP_NOTSENT_LOWAT
			    ? LINUX_EINVAL
			    : LINUX_ENOPROTOOPT);
	memcpy(&v, val, sizeof(v));
	return (set_tcp_int(b, cred, name, v));
}

/* What a connection that failed had been told, for the one that takes its place. */
void
bsd_tcp_copyopt(struct socket *from, struct socket *to)
{
	struct sockopt sopt = {.sopt_dir = SOPT_GET, .sopt_level = IPPROTO_TCP};
	int v;

	for (u_int i = 0; i < nitems(ints); i++) {
		if (ints[i].bname == TCP_MAXSEG || ints[i].bname == TCP_WINDOW_CLAMP_ALPINE ||
		    ints[i].bname == TCP_LINGER2_ALPINE)
			continue; /* they read as what is in force */
		v = 0;
		sopt.sopt_name = ints[i].bname;
		sopt.sopt_val = &v;
		sopt.sopt_valsize = sizeof(v);
		if (sogetopt(from, &sopt) == 0 && v != 0)
			(void)so_setsockopt(to, IPPROTO_TCP, ints[i].bname, &v, sizeof(v));
	}
}

/* ---- get ---- */

static uint32_t
segments(uint32_t bytes, uint32_t mss)
{
	return (mss > 0 ? howmany(bytes, mss) : 0);
}

/* Linux counts windows in segments, and most times in microseconds. */
static void
info_common(struct linux_tcp_info *li, const struct tcp_info *ti)
{
	li->tcpi_state = (uint8_t)linux_tcp_state(ti->tcpi_state);
	li->tcpi_options = ti->tcpi_options; /* the bits are the same */
	li->tcpi_wscale = (uint8_t)(ti->tcpi_snd_wscale | ti->tcpi_rcv_wscale << 4);
	li->tcpi_retransmits = ti->__tcpi_retransmits;
	li->tcpi_probes = ti->__tcpi_probes;
	li->tcpi_backoff = ti->__tcpi_backoff;
	li->tcpi_rto = ti->tcpi_rto;
	li->tcpi_ato = ti->__tcpi_ato;
	li->tcpi_snd_mss = ti->tcpi_snd_mss;
	li->tcpi_rcv_mss = ti->tcpi_rcv_mss;
	li->tcpi_unacked = ti->__tcpi_unacked;
	li->tcpi_sacked = ti->__tcpi_sacked;
	li->tcpi_lost = ti->__tcpi_lost;
	li->tcpi_retrans = ti->__tcpi_retrans;
	li->tcpi_last_data_sent = ti->__tcpi_last_data_sent;
	li->tcpi_last_data_recv = ti->tcpi_last_data_recv / 1000;
	li->tcpi_last_ack_recv = ti->__tcpi_last_ack_recv;
	li->tcpi_pmtu = ti->__tcpi_pmtu;
	li->tcpi_rcv_ssthresh = ti->__tcpi_rcv_ssthresh;
	li->tcpi_rtt = ti->tcpi_rtt;
	li->tcpi_rttvar = ti->tcpi_rttvar;
	li->tcpi_snd_cwnd = segments(ti->tcpi_snd_cwnd, ti->tcpi_snd_mss);
	li->tcpi_snd_ssthresh = segments(ti->tcpi_snd_ssthresh, ti->tcpi_snd_mss);
	if (ti->tcpi_snd_ssthresh >= TCP_MAXWIN << TCP_MAX_WINSHIFT)
		li->tcpi_snd_ssthresh = INT_MAX; /* none yet */
	li->tcpi_advmss = ti->__tcpi_advmss;
	li->tcpi_reordering = ti->__tcpi_reordering;
	li->tcpi_rcv_space = ti->tcpi_rcv_space;
	li->tcpi_total_retrans = ti->tcpi_snd_rexmitpack;
	li->tcpi_min_rtt = ti->tcpi_rttmin;
	li->tcpi_delivered_ce = ti->tcpi_delivered_ce;
	li->tcpi_rcv_ooopack = ti->tcpi_rcv_ooopack;
	li->tcpi_snd_wnd = ti->tcpi_snd_wnd;
}

static int
get_tcp_info(struct bsock *b, void *val, uint32_t *len)
{
	struct linux_tcp_info li;
	struct tcp_info_alpine ti;
	size_t n = sizeof(ti);
	int error;

	memset(&ti, 0, sizeof(ti));
	error = bsd_getopt(b, IPPROTO_TCP, TCP_INFO_ALPINE, &ti, &n);
	if (error != 0)
		return (error);
	memset(&li, 0, sizeof(li));
	info_common(&li, &ti.bsd);
	li.tcpi_ca_state = ti.ca_state;
	li.tcpi_bits = ti.app_limited != 0;
	li.tcpi_pacing_rate = ti.pacing_rate != 0 ? ti.pacing_rate : UINT64_MAX;
	li.tcpi_max_pacing_rate = UINT64_MAX;
	li.tcpi_bytes_acked = ti.bytes_acked;
	li.tcpi_bytes_received = ti.bytes_received;
	li.tcpi_segs_out = ti.segs_out;
	li.tcpi_segs_in = ti.segs_in;
	li.tcpi_notsent_bytes = ti.notsent_bytes;
	li.tcpi_data_segs_in = ti.data_segs_in;
	li.tcpi_data_segs_out = ti.data_segs_out;
	li.tcpi_delivery_rate = ti.delivery_rate;
	li.tcpi_busy_time = ti.busy_us;
	li.tcpi_rwnd_limited = ti.rwnd_limited_us;
	li.tcpi_sndbuf_limited = ti.sndbuf_limited_us;
	li.tcpi_delivered = ti.delivered;
	li.tcpi_bytes_sent = ti.bytes_sent;
	li.tcpi_bytes_retrans = ti.bytes_retrans;
	li.tcpi_dsack_dups = ti.dsack_dups;
	li.tcpi_reord_seen = ti.reord_seen;
	li.tcpi_rcv_wnd = ti.rcv_wnd;
	li.tcpi_total_rto = (uint16_t)min(ti.total_rto, UINT16_MAX);
	return (bsd_answer(val, len, &li, sizeof(li)));
}

static int
get_congestion(struct bsock *b, void *val, uint32_t *len)
{
	char name[TCP_CA_NAME_MAX];
	size_t n = sizeof(name);
	int error;

	memset(name, 0, sizeof(name));
	error = bsd_getopt(b, IPPROTO_TCP, TCP_CONGESTION, name, &n);
	if (error != 0)
		return (error);
	name[sizeof(name) - 1] = '\0';
	if (strcmp(name, "newreno") == 0) {
		memset(name, 0, sizeof(name));
		strlcpy(name, "reno", sizeof(name));
	}
	return (bsd_answer(val, len, name, sizeof(name)));
}

int
bsd_tcp_getopt(struct bsock *b, int name, void *val, uint32_t *len)
{
	const struct tcpopt_int *o = find_int(name);
	size_t n = sizeof(int);
	int v = 0, error;

	switch (name) {
	case LINUX_TCP_INFO:
		return (get_tcp_info(b, val, len));
	case LINUX_TCP_CONGESTION:
		return (get_congestion(b, val, len));
	case LINUX_TCP_CC_INFO: /* as with reno and cubic on Linux: nothing to tell */
	case LINUX_TCP_ULP:
		return (bsd_answer(val, len, "", 0));
	case LINUX_TCP_NOTSENT_LOWAT:
		v = (int)b->b_notsent_lowat;
		return (bsd_answer(val, len, &v, sizeof(v)));
	case LINUX_TCP_FASTOPEN_CONNECT:
		v = (b->b_flags & BSF_FASTOPEN) != 0;
		return (bsd_answer(val, len, &v, sizeof(v)));
	}
	if (o == NULL)
		return (LINUX_ENOPROTOOPT);
	error = bsd_getopt(b, IPPROTO_TCP, o->bname, &v, &n);
	if (error != 0)
		return (error);
	if (o->flag)
		v = v != 0;
	if (name == LINUX_TCP_SYNCNT && v == 0)
		v = SYN_RETRIES;
	return (bsd_answer(val, len, &v, sizeof(v)));
}
