/*
 * accel.c - a receiver that cheats, as a module of alpined and alpine-sim, to make the sender go
 * faster than it should. Savage, Cardwell, Wetherall, Anderson, "TCP Congestion Control with a
 * Misbehaving Receiver", 1999.
 * Arguments, any of them: division=N (each ACK goes out as N ACKs of a part of the bytes each),
 * dupacks=N (N duplicates of each ACK), optimistic=N (before each, an ACK of up to N bytes that
 * have not come yet). The stack is an honest one; its ACKs pass a pfil(9) hook on their way out.
 */
#include <sys/param.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/systm.h>
#include <net/pfil.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_var.h>
#include <netinet/tcp.h>
#include <netinet/tcp_seq.h>

#include <host/module.h>

struct accel {
	u_int division, dupacks, optimistic;
	bool sending; /* our own ACKs pass the hook, too */
	struct flow {
		uint32_t faddr, ports;
		tcp_seq last;  /* acknowledged so far */
		uint32_t lead; /* of optimistic ACKs, bytes: grows as slow start does */
	} flows[64];
};

static void
send_ack(struct accel *a, const struct mbuf *m, tcp_seq ack)
{
	struct mbuf *n = m_dup(m, M_NOWAIT);
	struct ip *ip;

	if (n == NULL)
		return;
	ip = mtod(n, struct ip *);
	((struct tcphdr *)(void *)((char *)ip + (ip->ip_hl << 2)))->th_ack = htonl(ack);
	a->sending = true; /* the checksum is made behind the hook (CSUM_TCP), and will fit */
	(void)ip_output(n, NULL, NULL, 0, NULL, NULL);
	a->sending = false;
}

static pfil_return_t
accel_out(struct mbuf **mp, struct ifnet *ifp __unused, int dir __unused, void *arg,
    struct inpcb *inp __unused)
{
	struct accel *a = arg;
	const struct ip *ip = mtod(*mp, const struct ip *);
	const struct tcphdr *th = (const void *)((const char *)ip + (ip->ip_hl << 2));
	struct flow *f;
	uint32_t ports;
	tcp_seq ack;
	u_int i;

	if (a->sending || ip->ip_p != IPPROTO_TCP || (*mp)->m_len < (ip->ip_hl + th->th_off) << 2 ||
	    th->th_flags != TH_ACK || ntohs(ip->ip_len) != (ip->ip_hl + th->th_off) << 2)
		return (PFIL_PASS); /* not an ACK without data */
	ack = ntohl(th->th_ack);
	ports = (uint32_t)th->th_sport << 16 | th->th_dport;
	f = &a->flows[(ports ^ ports >> 16 ^ ip->ip_dst.s_addr >> 24) % nitems(a->flows)];
	if (f->faddr != ip->ip_dst.s_addr || f->ports != ports)
		*f = (struct flow){.faddr = ip->ip_dst.s_addr, .ports = ports, .last = ack};
	for (i = 1; i < a->division && SEQ_GT(ack, f->last); i++)
		send_ack(a, *mp, f->last + (uint32_t)((uint64_t)(ack - f->last) * i / a->division));
	if (a->optimistic > 0 && SEQ_GT(ack, f->last)) {
		f->lead = min(a->optimistic, f->lead + (ack - f->last));
		send_ack(a, *mp, ack + f->lead);
	}
	for (i = 0; i < a->dupacks; i++)
		send_ack(a, *mp, ack);
	f->last = ack;
	return (PFIL_PASS);
}

static u_int
argument(const char *args, const char *name)
{
	const char *at = strstr(args, name);

	return (at != NULL ? (u_int)strtoul(at + strlen(name), NULL, 10) : 0);
}

int
alpine_module_init(const struct alpine_module_host *host __unused, const char *args)
{
	struct accel *a = malloc(sizeof(*a), M_TEMP, M_WAITOK | M_ZERO);
	struct pfil_hook_args hook = {2, PFIL_OUT, PFIL_TYPE_IP4, accel_out, a, "accel", "acks"};
	struct pfil_link_args link = {2, PFIL_OUT | PFIL_HOOKPTR, {PFIL_INET_NAME}, {{NULL, NULL}}};

	a->division = argument(args, "division=");
	a->dupacks = argument(args, "dupacks=");
	a->optimistic = argument(args, "optimistic=");
	link.pa_hook = pfil_add_hook(&hook);
	return (pfil_link(&link));
}
