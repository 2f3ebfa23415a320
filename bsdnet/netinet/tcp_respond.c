/*
 * tcp_respond.c - segments that are not part of a connection's stream: resets to strangers
 * (RFC 9293 3.5.2), keepalives, challenge ACKs (RFC 5961), and the sender of bare segments that
 * the SYN cache uses too.
 */
#include <sys/param.h>
#include <sys/mbuf.h>
#include <sys/socketvar.h>
#include <netinet/in_pcb.h>
#include <netinet/ip.h>
#include <netinet/ip_var.h>
#include <netinet/tcp_log.h>
#include <netinet/tcp_seq.h>
#include <netinet/tcp_var.h>

int
tcp_send_bare(const struct tcp_bare *b)
{
	u_char opt[TCP_MAXOLEN];
	u_int optlen, hdrlen, iphlen;
	struct tcphdr *th;
	struct mbuf *m;

	if ((b->inc->inc_flags & INC_ISIPV6) != 0)
		return (EAFNOSUPPORT);
	optlen = b->to != NULL ? tcp_addoptions(b->to, opt) : 0;
	hdrlen = tcp_hdrlen(b->inc);
	iphlen = hdrlen - sizeof(*th);
	m = m_gethdr(M_NOWAIT, MT_DATA);
	if (m == NULL)
		return (ENOBUFS);
	m->m_data += max_linkhdr;
	m->m_len = m->m_pkthdr.len = hdrlen + optlen;
	th = (struct tcphdr *)(void *)(mtod(m, char *) + iphlen);
	memset(th, 0, sizeof(*th));
	th->th_seq = htonl(b->seq);
	th->th_ack = htonl(b->ack);
	th->th_off = (sizeof(*th) + optlen) >> 2;
	th->th_flags = (u_char)b->flags;
	th->th_win = htons((u_short)min(b->win, TCP_MAXWIN));
	memcpy(th + 1, opt, optlen);
	tcp_fill_headers(m, b->inc, b->ttl, b->tos, V_tcp_do_pmtud != 0, sizeof(*th) + optlen);
	if (b->key != NULL)
		tcp_md5_sign(m, b->key, b->inc, iphlen);
	TCPSTAT_INC(tcps_sndtotal);
	TCP_LOG_BARE(b);
	return (tcp_ip_output(m, b->inc, b->inp));
}

void
tcp_respond_reset(const struct tcp_seg *seg)
{
	struct tcp_bare b = {.inc = &seg->inc, .ttl = V_ip_defttl};

	if ((seg->flags & TH_RST) != 0 || seg->bcast)
		return;
	if ((seg->flags & TH_ACK) != 0) {
		b.seq = seg->ack;
		b.flags = TH_RST;
	} else {
		b.ack = seg->seq + seg->len + ((seg->flags & TH_SYN) != 0) +
			((seg->flags & TH_FIN) != 0);
		b.flags = TH_RST | TH_ACK;
	}
	TCPSTAT_INC(tcps_sndctrl);
	(void)tcp_send_bare(&b);
}

void
tcp_respond_ack(struct tcpcb *tp, tcp_seq seq)
{
	struct inpcb *inp = tp->t_inpcb;
	struct tcpopt to = {0};
	struct tcp_bare b = {
	    .inc = &inp->inp_inc,
	    .inp = inp,
	    .seq = seq,
	    .ack = tp->rcv_nxt,
	    .flags = TH_ACK,
	    .ttl = inp->inp_ip_ttl,
	    .tos = inp->inp_ip_tos & (uint8_t)~IPTOS_ECN_MASK,
	    .to = &to,
	};

	if (SEQ_GT(tp->rcv_adv, tp->rcv_nxt))
		b.win = (tp->rcv_adv - tp->rcv_nxt) >> tp->rcv_scale;
	if ((tp->t_flags & TF_RCVD_TSTMP) != 0) {
		to.to_flags |= TOF_TS;
		to.to_tsval = tcp_ts_getticks() + tp->ts_offset;
		to.to_tsecr = tp->ts_recent;
	}
	b.key = tcp_md5_find(tp, &inp->inp_inc);
	if (b.key != NULL)
		to.to_flags |= TOF_SIGNATURE;
	TCPSTAT_INC(tcps_sndacks);
	tp->last_ack_sent = tp->rcv_nxt;
	(void)tcp_send_bare(&b);
}

/* RFC 5961 7: each connection has its own limit, so that none can measure another's. */
bool
tcp_challenge_allowed(struct tcp_challenge *c)
{
	sbintime_t now = getsbinuptime();

	if (now >= c->end) {
		c->end = now + mstosbt(V_tcp_ack_war_timewindow);
		c->count = 0;
	}
	if (V_tcp_ack_war_cnt > 0 && V_tcp_ack_war_timewindow > 0 &&
	    c->count >= (uint32_t)V_tcp_ack_war_cnt) {
		TCPSTAT_INC(tcps_challengelimit);
		return (false);
	}
	c->count++;
	TCPSTAT_INC(tcps_challenge);
	return (true);
}

void
tcp_challenge_ack(struct tcpcb *tp)
{
	if (tcp_challenge_allowed(&tp->t_challenge))
		tcp_respond_ack(tp, tp->snd_max);
}
