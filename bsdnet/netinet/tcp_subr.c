/*
 * tcp_subr.c - the birth and the end of a connection's control block, and initial sequence
 * numbers (RFC 6528).
 * Owns V_tcbinfo, V_tcpstat and the zone of tcpcbs. Called by all of TCP.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/siphash.h>
#include <sys/socketvar.h>
#include <vm/uma.h>
#include <netinet/in_pcb.h>
#include <netinet/ip_var.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_syncache.h>
#include <netinet/tcp_var.h>

VNET_DEFINE(struct inpcbinfo, tcbinfo);
VNET_DEFINE(struct tcpstat, tcpstat);

const char *const tcpstates[TCP_NSTATES] = {
    [TCPS_CLOSED] = "CLOSED",
    [TCPS_LISTEN] = "LISTEN",
    [TCPS_SYN_SENT] = "SYN_SENT",
    [TCPS_SYN_RECEIVED] = "SYN_RCVD",
    [TCPS_ESTABLISHED] = "ESTABLISHED",
    [TCPS_CLOSE_WAIT] = "CLOSE_WAIT",
    [TCPS_FIN_WAIT_1] = "FIN_WAIT_1",
    [TCPS_CLOSING] = "CLOSING",
    [TCPS_LAST_ACK] = "LAST_ACK",
    [TCPS_FIN_WAIT_2] = "FIN_WAIT_2",
    [TCPS_TIME_WAIT] = "TIME_WAIT",
};

#define TCBHASHSIZE 64 /* at first; it grows */

static uma_zone_t tcpcb_zone;
/* Secrets of the process: one key for sequence numbers, one for timestamp offsets. */
static uint8_t isn_key[SIPHASH_KEY_LENGTH], tsoff_key[SIPHASH_KEY_LENGTH];
static sbintime_t isn_seeded;

static void
tcp_init(void *arg __unused)
{
	tcpcb_zone =
	    uma_zcreate("tcpcb", sizeof(struct tcpcb), NULL, NULL, NULL, NULL, UMA_ALIGN_CACHE, 0);
	arc4random_buf(isn_key, sizeof(isn_key));
	arc4random_buf(tsoff_key, sizeof(tsoff_key));
	ipproto_register(IPPROTO_TCP, tcp_input, tcp_ctlinput);
}
SYSINIT(tcp_init, SI_SUB_PROTO_IFATTACHDOMAIN, SI_ORDER_FIRST, tcp_init, NULL);

static void
tcp_vnet_init(void *arg __unused)
{
	in_pcbinfo_init(&V_tcbinfo, "tcp", TCBHASHSIZE, TCBHASHSIZE);
	tcp_tw_init();
	syncache_init();
}
VNET_SYSINIT(tcp_vnet_init, SI_SUB_PROTO_DOMAIN, SI_ORDER_FOURTH, tcp_vnet_init, NULL);

static void
tcp_vnet_uninit(void *arg __unused)
{
	struct inpcb *inp, *next;

	syncache_uninit();
	LIST_FOREACH_SAFE (inp, &V_tcbinfo.ipi_listhead, inp_list, next) {
		if (inp->inp_socket == NULL)
			tcp_close(intotcpcb(inp));
	}
	in_pcbinfo_destroy(&V_tcbinfo);
}
VNET_SYSUNINIT(tcp_vnet_uninit, SI_SUB_PROTO_DOMAIN, SI_ORDER_FOURTH, tcp_vnet_uninit, NULL);

struct tcpcb *
tcp_newtcpcb(struct inpcb *inp)
{
	struct tcpcb *tp = uma_zalloc(tcpcb_zone, M_NOWAIT | M_ZERO);

	if (tp == NULL)
		return (NULL);
	tp->t_inpcb = inp;
	tp->ccv = &tp->t_ccv;
	tp->ccv->ccvc.tcp = tp;
	if (cc_attach(tp, V_default_cc_ptr) != 0) {
		uma_zfree(tcpcb_zone, tp);
		return (NULL);
	}
	inp->inp_ppcb = tp;
	inp->inp_ip_ttl = V_ip_defttl;
	TAILQ_INIT(&tp->t_segq);
	tcp_timer_init(tp);
	tp->t_maxseg = V_tcp_mssdflt;
	tp->t_rcvmss = V_tcp_mssdflt;
	if (tcp_want_scale())
		tp->t_flags |= TF_REQ_SCALE;
	if (tcp_want_tstmp())
		tp->t_flags |= TF_REQ_TSTMP;
	if (V_tcp_do_sack)
		tp->t_flags |= TF_SACK_PERMIT;
	tp->t_rttmin = V_tcp_rexmit_min;
	tp->t_rxtcur = V_tcp_rexmit_initial;
	tp->t_rttlow = UINT32_MAX;
	tp->snd_cwnd = TCP_MAXWIN << TCP_MAX_WINSHIFT;
	tp->snd_ssthresh = TCP_MAXWIN << TCP_MAX_WINSHIFT;
	tp->t_rcvtime = tp->t_acktime = getsbinuptime();
	TCPSTAT_INC(tcps_states[TCPS_CLOSED]);
	return (tp);
}

/* What a connection that is over, or only waits, needs no longer. */
static void
tcp_release_buffers(struct tcpcb *tp)
{
	tcp_reass_flush(tp);
	tcp_sack_free(tp);
	tcp_rack_free(tp);
}

void
tcp_discardcb(struct tcpcb *tp)
{
	tcp_timer_stop(tp);
	tcp_tw_remove(tp);
	tcp_release_buffers(tp);
	cc_detach(tp);
	tcp_md5_free(tp);
	tcp_fastopen_free(tp);
	V_tcpstat.tcps_states[tp->t_state]--;
	tp->t_inpcb->inp_ppcb = NULL;
	uma_zfree(tcpcb_zone, tp);
}

void
tcp_state_change(struct tcpcb *tp, int newstate)
{
	V_tcpstat.tcps_states[tp->t_state]--;
	V_tcpstat.tcps_states[newstate]++;
	tp->t_state = newstate;
	if ((tp->t_flags2 & TF2_TFO_PENDING) != 0 && newstate != TCPS_SYN_RECEIVED)
		tcp_fastopen_end(tp);
}

void
tcp_close(struct tcpcb *tp)
{
	struct inpcb *inp = tp->t_inpcb;
	struct socket *so = inp->inp_socket;
	bool ours;

	if (tcp_isdead(tp))
		return;
	tcp_hc_end(tp);
	tcp_timer_stop(tp);
	tcp_tw_remove(tp);
	tcp_release_buffers(tp);
	tcp_state_change(tp, TCPS_CLOSED);
	TCPSTAT_INC(tcps_closed);
	in_pcbdrop(inp);
	if (so == NULL) {
		tcp_discardcb(tp);
		in_pcbfree(inp);
		return;
	}
	ours = (inp->inp_flags & INP_SOCKREF) != 0;
	inp->inp_flags &= ~INP_SOCKREF;
	/* Either of these may be the call in which the socket, and with it tp, goes. */
	soisdisconnected(so);
	if (ours)
		sorele(so);
}

void
tcp_drop(struct tcpcb *tp, int errnum)
{
	struct socket *so = tptosocket(tp);

	if (tcp_isdead(tp))
		return;
	if (TCPS_HAVERCVDSYN(tp->t_state)) {
		tcp_state_change(tp, TCPS_CLOSED);
		(void)tcp_output(tp);
		TCPSTAT_INC(tcps_drops);
	} else
		TCPSTAT_INC(tcps_conndrops);
	if (errnum == ETIMEDOUT && tp->t_softerror != 0)
		errnum = tp->t_softerror;
	if (so != NULL && errnum != 0)
		so->so_error = errnum;
	tcp_close(tp);
}

/* Bytes that name a connection, in a fixed layout for the keyed hashes. */
struct conn_name {
	struct in6_addr faddr, laddr;
	in_port_t fport, lport;
	uint32_t family;
};
CTASSERT(sizeof(struct conn_name) == 40);

static uint64_t
tcp_conn_hash(const uint8_t *key, const struct in_conninfo *inc)
{
	struct conn_name n;

	memset(&n, 0, sizeof(n));
	n.fport = inc->inc_fport;
	n.lport = inc->inc_lport;
	n.family = inc->inc_flags & INC_ISIPV6;
	if (n.family != 0) {
		n.faddr = inc->inc6_faddr;
		n.laddr = inc->inc6_laddr;
	} else {
		n.faddr.s6_addr32[3] = inc->inc_faddr.s_addr;
		n.laddr.s6_addr32[3] = inc->inc_laddr.s_addr;
	}
	return (siphash24(key, &n, sizeof(n)));
}

/* RFC 6528: M, a clock of 4 us, plus F(connection, secret). */
tcp_seq
tcp_new_isn(const struct in_conninfo *inc)
{
	const sbintime_t now = sbinuptime();
	uint32_t m = (uint32_t)(sbttous(now) / 4);

	if (V_tcp_isn_reseed_interval != 0 &&
	    now - isn_seeded >= (sbintime_t)V_tcp_isn_reseed_interval * SBT_1S) {
		arc4random_buf(isn_key, sizeof(isn_key));
		isn_seeded = now;
	}

	return (m + (uint32_t)tcp_conn_hash(isn_key, inc));
}

/* Timestamps grow within a connection, but tell nobody how long we have been up. */
uint32_t
tcp_new_ts_offset(const struct in_conninfo *inc)
{
	struct in_conninfo hosts = *inc;

	if (!V_tcp_ts_offset_per_conn)
		hosts.inc_fport = hosts.inc_lport = 0;
	return ((uint32_t)tcp_conn_hash(tsoff_key, &hosts));
}

void
tcp_rcvseqinit(struct tcpcb *tp)
{
	tp->rcv_adv = tp->rcv_nxt = tp->irs + 1;
	tp->rcv_up = tp->rcv_nxt;
	tp->last_ack_sent = tp->rcv_nxt;
}

void
tcp_sendseqinit(struct tcpcb *tp)
{
	tp->snd_una = tp->snd_nxt = tp->snd_max = tp->snd_up = tp->snd_recover = tp->iss;
}
