/*
 * bsd_filter.c - SO_ATTACH_FILTER: a program's own filter on what its datagram or raw socket
 * receives, socket(7). What it sees begins as Linux's does: with the IP header on a raw socket, the
 * UDP header, made again here, on a UDP socket, the ICMP header on a ping socket.
 *
 * Owns b_filter. Called by bsd_sockopt.c and bsd_dgram.c.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/socket.h>
#include <sys/socketvar.h>
#include <net/bpf.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include "rpc/bsd/bsd_var.h"

static MALLOC_DEFINE(M_BPF, "filter", "sockets' filters");

CTASSERT(sizeof(struct bpf_insn) == 8); /* Linux's struct sock_filter, field by field */

/* val: the instructions. */
int
bsd_filter_attach(struct bsock *b, const void *val, size_t len)
{
	struct bpf_insn *program;

	if (len == 0 || len % sizeof(*program) != 0 || len / sizeof(*program) > BPF_MAXINSNS)
		return (LINUX_EINVAL);
	if (b->b_filter_locked)
		return (LINUX_EPERM);
	if (b->b_type == LINUX_SOCK_STREAM)
		return (LINUX_ENOPROTOOPT); /* TCP keeps what it has acknowledged */
	program = malloc(len, M_BPF, M_NOWAIT);
	if (program == NULL)
		return (LINUX_ENOMEM);
	memcpy(program, val, len);
	if (!bpf_validate(program, (u_int)(len / sizeof(*program)))) {
		free(program, M_BPF);
		return (LINUX_EINVAL);
	}
	bsd_filter_free(b);
	b->b_filter = program;
	return (0);
}

int
bsd_filter_detach(struct bsock *b)
{
	if (b->b_filter == NULL)
		return (LINUX_ENOENT);
	if (b->b_filter_locked)
		return (LINUX_EPERM);
	bsd_filter_free(b);
	return (0);
}

void
bsd_filter_free(struct bsock *b)
{
	free(b->b_filter, M_BPF);
	b->b_filter = NULL;
}

/* Bytes of the datagram that the program gets; -1: it does not get it. */
int
bsd_filter_keep(struct bsock *b, const struct sockaddr *from, struct mbuf *m)
{
	static u_char view[sizeof(struct udphdr) + RPC_DGRAM_PAYLOAD_MAX];
	const u_int len = m != NULL ? m_length(m, NULL) : 0;
	struct sockaddr_storage own;
	struct udphdr uh = {.uh_ulen = htons((u_short)(len + sizeof(uh)))};
	u_int head = 0, keep;

	if (b->b_filter == NULL || len > RPC_DGRAM_PAYLOAD_MAX)
		return ((int)len);
	if (b->b_type == LINUX_SOCK_DGRAM && b->b_protocol != IPPROTO_ICMP) {
		memset(&own, 0, sizeof(own));
		(void)sosockaddr(b->b_so, (struct sockaddr *)&own);
		uh.uh_dport = satosin((struct sockaddr *)&own)->sin_port;
		uh.uh_sport = ((const struct sockaddr_in *)(const void *)from)->sin_port;
		memcpy(view, &uh, sizeof(uh));
		head = sizeof(uh);
	}
	if (len > 0)
		m_copydata(m, 0, (int)len, view + head);
	keep = bpf_filter(b->b_filter, view, head + len, head + len);
	if (keep == 0)
		return (-1);
	return ((int)(keep >= head + len ? len : keep > head ? keep - head : 0));
}
