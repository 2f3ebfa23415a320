/*
 * net_pfil.c - pfil(9): hooks see packets in and out in their order, may drop, keep, replace them,
 * and may go while they run.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/mbuf.h>
#include <sys/socketvar.h>
#include <net/pfil.h>
#include <netinet/in_var.h>
#include <netinet/ip.h>

#include "t/lib/inet_trace.h"
#include "t/lib/tap.h"

int main(void);

static char order[16]; /* a letter for each hook that saw a packet */
static struct mbuf *kept;
static pfil_hook_t gone;

struct rule {
	char letter;
	pfil_return_t verdict;
};

static pfil_return_t
see(struct mbuf **mp, struct ifnet *ifp, int flags, void *ruleset, struct inpcb *inp __unused)
{
	const struct rule *r = ruleset;
	const struct ip *ip = mtod(*mp, const struct ip *);
	struct mbuf *m;

	order[strlen(order)] = r->letter;
	if (ip->ip_v != IPVERSION || ifp == NULL || (flags != PFIL_IN && flags != PFIL_OUT))
		order[strlen(order)] = '?';
	if (r->verdict == PFIL_CONSUMED)
		kept = *mp;
	if (r->verdict == PFIL_REALLOCED) {
		m = m_dup(*mp, M_NOWAIT);
		m_freem(*mp);
		*mp = m;
	}
	return (r->verdict);
}

static pfil_return_t
leave(struct mbuf **mp __unused, struct ifnet *ifp __unused, int flags __unused,
    void *ruleset __unused, struct inpcb *inp __unused)
{
	order[strlen(order)] = 'L';
	pfil_remove_hook(gone);
	return (PFIL_PASS);
}

static pfil_hook_t
hook(pfil_mbuf_chk_t fn, struct rule *r, const char *name)
{
	struct pfil_hook_args pa = {
	    .pa_version = PFIL_VERSION,
	    .pa_flags = PFIL_IN | PFIL_OUT,
	    .pa_type = PFIL_TYPE_IP4,
	    .pa_mbuf_chk = fn,
	    .pa_ruleset = r,
	    .pa_modname = "test",
	    .pa_rulname = name,
	};

	return (pfil_add_hook(&pa));
}

static int
link_to(pfil_hook_t h, int flags)
{
	struct pfil_link_args pa = {
	    .pa_version = PFIL_VERSION,
	    .pa_flags = PFIL_HEADPTR | PFIL_HOOKPTR | flags,
	    .pa_head = V_inet_pfil_head,
	    .pa_hook = h,
	};

	return (pfil_link(&pa));
}

static struct socket *so;

/* A datagram comes; what the hooks said, and what the socket got. */
static const char *
comes(const char *text)
{
	memset(order, 0, sizeof(order));
	rx(.proto = IPPROTO_UDP, .sport = 5000, .dport = 53, .data = text,
	    .len = (u_int)strlen(text));
	return (sock_gets(so));
}

static void
test_in(void)
{
	struct rule a = {'A', PFIL_PASS}, b = {'B', PFIL_PASS};
	pfil_hook_t ha = hook(see, &a, "a"), hb = hook(see, &b, "b");

	is_str(comes("one"), "10.0.0.2:5000 one", "without hooks it arrives");
	is_int(link_to(ha, PFIL_IN), 0, "a hook");
	is_int(link_to(ha, PFIL_IN), EEXIST, "not twice");
	is_int(link_to(hb, PFIL_IN | PFIL_APPEND), 0, "and another behind it");
	is_str(comes("two"), "10.0.0.2:5000 two", "it still does");
	is_str(order, "AB", "after both saw it");
	is_int(link_to(hb, PFIL_IN | PFIL_UNLINK), 0, "the second away");
	is_int(link_to(hb, PFIL_IN | PFIL_UNLINK), ENOENT, "only once");
	is_int(link_to(hb, PFIL_IN), 0, "and in front");
	(void)comes("three");
	is_str(order, "BA", "changes the order");
	b.verdict = PFIL_DROPPED;
	is_str(comes("four"), "", "a hook may drop");
	is_str(order, "B", "which ends the row");
	b.verdict = PFIL_CONSUMED;
	is_str(comes("five"), "", "or keep it");
	ok(kept != NULL && kept->m_pkthdr.len == 20 + 8 + 4, "for itself");
	m_freem(kept);
	b.verdict = PFIL_REALLOCED;
	is_str(comes("six"), "10.0.0.2:5000 six", "or put another in its place");
	is_str(order, "BA", "that goes on");
	gone = ha;
	pfil_remove_hook(hb);
	hb = hook(leave, NULL, "leave");
	is_int(link_to(hb, PFIL_IN), 0, "one that removes the next");
	is_str(comes("seven"), "10.0.0.2:5000 seven", "while they run");
	is_str(order, "L", "which does not run then");
	gone = hb;
	is_str(comes("eight"), "10.0.0.2:5000 eight", "and itself");
	(void)comes("nine");
	is_str(order, "", "none is left");
	is_int(V_inet_pfil_head->head_nhooksin, 0, "the count says so too");
}

static void
test_out(void)
{
	struct rule a = {'A', PFIL_PASS};
	pfil_hook_t ha = hook(see, &a, "a");
	struct pfil_link_args by_name = {
	    .pa_version = PFIL_VERSION,
	    .pa_flags = PFIL_OUT,
	    .pa_headname = PFIL_INET_NAME,
	    .pa_modname = "test",
	    .pa_rulname = "a",
	};

	is_int(pfil_link(&by_name), 0, "by names");
	memset(order, 0, sizeof(order));
	is_int(sock_puts(so, "10.0.0.2", 9, "out"), 0, "a datagram goes");
	is_str(order, "A", "past the hook");
	ok(strncmp(tx(), "10.0.0.1 > 10.0.0.2", 19) == 0, "and out");
	a.verdict = PFIL_DROPPED;
	is_int(sock_puts(so, "10.0.0.2", 9, "out"), EACCES, "dropped: the sender is told");
	is_str(tx(), "", "nothing goes out");
	a.verdict = PFIL_CONSUMED;
	is_int(sock_puts(so, "10.0.0.2", 9, "out"), 0, "kept: it is not");
	is_str(tx(), "", "nothing goes out either");
	m_freem(kept);
	is_int(link_to(NULL, PFIL_OUT), ENOENT, "no hook");
	is_int(link_to(ha, 0), EINVAL, "no direction");
	pfil_remove_hook(ha);
	is_int(sock_puts(so, "10.0.0.2", 9, "out"), 0, "removed");
	ok(strncmp(tx(), "10.0.0.1 > 10.0.0.2", 19) == 0, "and out again");
}

int
main(void)
{
	struct mbstat before, after;

	trace_init();
	mb_stat(&before);
	so = sock(SOCK_DGRAM, 0, NULL);
	is_int(sock_bind(so, "10.0.0.1", 53), 0, "a socket on 53");
	test_in();
	test_out();
	soclose(so);
	tx_flush();
	mb_stat(&after);
	is_int(after.mbufs_used, before.mbufs_used, "no mbuf is left over");
	return (tap_done());
}
