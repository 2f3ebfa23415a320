/*
 * pfil.c - packet filter hooks, pfil(9): who wants to see packets, and where.
 *
 * Owns a VNET's heads and hooks. A hook may add, link and remove hooks, itself too, while it runs:
 * what is unlinked then is marked, and freed when no chain is being run.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/mbuf.h>
#include <sys/systm.h>
#include <net/pfil.h>

struct pfil_hook {
	pfil_mbuf_chk_t hook_mbuf_chk;
	void *hook_ruleset;
	int hook_flags;
	enum pfil_types hook_type;
	const char *hook_modname, *hook_rulname;
	LIST_ENTRY(pfil_hook) hook_list;
};

struct pfil_link {
	STAILQ_ENTRY(pfil_link) link_chain;
	struct pfil_hook *link_hook; /* NULL: unlinked while its chain ran */
};

LIST_HEAD(pfil_heads, pfil_head);
LIST_HEAD(pfil_hooks, pfil_hook);

static MALLOC_DEFINE(M_PFIL, "pfil", "packet filter hooks");
VNET_DEFINE_STATIC(struct pfil_heads, pfil_heads);
#define V_pfil_heads VNET(pfil_heads)
VNET_DEFINE_STATIC(struct pfil_hooks, pfil_hooks);
#define V_pfil_hooks VNET(pfil_hooks)

static u_int running; /* chains being run, of all stacks */

/* ---- chains ---- */

static struct pfil_link *
find_link(struct pfil_chain *chain, const struct pfil_hook *hook)
{
	struct pfil_link *link;

	STAILQ_FOREACH (link, chain, link_chain)
		if (link->link_hook == hook)
			return (link);
	return (NULL);
}

static int
chain_add(struct pfil_chain *chain, int *count, struct pfil_hook *hook, bool append)
{
	struct pfil_link *link;

	if (find_link(chain, hook) != NULL)
		return (EEXIST);
	link = malloc(sizeof(*link), M_PFIL, M_WAITOK | M_ZERO);
	link->link_hook = hook;
	if (append)
		STAILQ_INSERT_TAIL(chain, link, link_chain);
	else
		STAILQ_INSERT_HEAD(chain, link, link_chain);
	(*count)++;
	return (0);
}

static void
chain_sweep(struct pfil_chain *chain)
{
	struct pfil_link *link, *next;

	STAILQ_FOREACH_SAFE (link, chain, link_chain, next) {
		if (link->link_hook != NULL)
			continue;
		STAILQ_REMOVE(chain, link, pfil_link, link_chain);
		free(link, M_PFIL);
	}
}

static int
chain_remove(struct pfil_chain *chain, int *count, const struct pfil_hook *hook)
{
	struct pfil_link *link = find_link(chain, hook);

	if (link == NULL)
		return (ENOENT);
	link->link_hook = NULL;
	(*count)--;
	if (running == 0)
		chain_sweep(chain);
	return (0);
}

static int
chain_run(
    struct pfil_chain *chain, struct mbuf **mp, struct ifnet *ifp, int flags, struct inpcb *inp)
{
	pfil_return_t rv = PFIL_PASS;
	struct pfil_link *link;

	running++;
	STAILQ_FOREACH (link, chain, link_chain) {
		if (link->link_hook == NULL)
			continue;
		rv = link->link_hook->hook_mbuf_chk(
		    mp, ifp, flags, link->link_hook->hook_ruleset, inp);
		if (rv == PFIL_DROPPED || rv == PFIL_CONSUMED)
			break;
		rv = PFIL_PASS;
	}
	if (--running == 0)
		chain_sweep(chain);
	if (rv == PFIL_DROPPED && *mp != NULL)
		m_freem(*mp);
	if (rv != PFIL_PASS)
		*mp = NULL;
	return (rv);
}

int
pfil_mbuf_in(pfil_head_t head, struct mbuf **mp, struct ifnet *ifp, struct inpcb *inp)
{
	return (chain_run(&head->head_in, mp, ifp, PFIL_IN, inp));
}

int
pfil_mbuf_out(pfil_head_t head, struct mbuf **mp, struct ifnet *ifp, struct inpcb *inp)
{
	return (chain_run(&head->head_out, mp, ifp, PFIL_OUT, inp));
}

/* ---- heads and hooks ---- */

pfil_head_t
pfil_head_register(struct pfil_head_args *pa)
{
	struct pfil_head *head;

	KASSERT(pa->pa_version == PFIL_VERSION, ("pfil head %s: version", pa->pa_headname));
	head = malloc(sizeof(*head), M_PFIL, M_WAITOK | M_ZERO);
	STAILQ_INIT(&head->head_in);
	STAILQ_INIT(&head->head_out);
	head->head_type = pa->pa_type;
	head->head_flags = pa->pa_flags;
	head->head_name = pa->pa_headname;
	LIST_INSERT_HEAD(&V_pfil_heads, head, head_list);
	return (head);
}

static void
chain_free(struct pfil_chain *chain)
{
	struct pfil_link *link;

	while ((link = STAILQ_FIRST(chain)) != NULL) {
		STAILQ_REMOVE_HEAD(chain, link_chain);
		free(link, M_PFIL);
	}
}

void
pfil_head_unregister(pfil_head_t head)
{
	chain_free(&head->head_in);
	chain_free(&head->head_out);
	LIST_REMOVE(head, head_list);
	free(head, M_PFIL);
}

pfil_hook_t
pfil_add_hook(struct pfil_hook_args *pa)
{
	struct pfil_hook *hook;

	KASSERT(pa->pa_version == PFIL_VERSION && pa->pa_mbuf_chk != NULL,
	    ("pfil hook %s: version or function", pa->pa_modname));
	hook = malloc(sizeof(*hook), M_PFIL, M_WAITOK | M_ZERO);
	hook->hook_mbuf_chk = pa->pa_mbuf_chk;
	hook->hook_ruleset = pa->pa_ruleset;
	hook->hook_flags = pa->pa_flags;
	hook->hook_type = pa->pa_type;
	hook->hook_modname = pa->pa_modname;
	hook->hook_rulname = pa->pa_rulname;
	LIST_INSERT_HEAD(&V_pfil_hooks, hook, hook_list);
	return (hook);
}

void
pfil_remove_hook(pfil_hook_t hook)
{
	struct pfil_head *head;

	LIST_FOREACH (head, &V_pfil_heads, head_list) {
		(void)chain_remove(&head->head_in, &head->head_nhooksin, hook);
		(void)chain_remove(&head->head_out, &head->head_nhooksout, hook);
	}
	LIST_REMOVE(hook, hook_list);
	free(hook, M_PFIL);
}

static struct pfil_head *
find_head(const struct pfil_link_args *pa)
{
	struct pfil_head *head;

	if ((pa->pa_flags & PFIL_HEADPTR) != 0)
		return (pa->pa_head);
	LIST_FOREACH (head, &V_pfil_heads, head_list)
		if (strcmp(head->head_name, pa->pa_headname) == 0)
			return (head);
	return (NULL);
}

static struct pfil_hook *
find_hook(const struct pfil_link_args *pa)
{
	struct pfil_hook *hook;

	if ((pa->pa_flags & PFIL_HOOKPTR) != 0)
		return (pa->pa_hook);
	LIST_FOREACH (hook, &V_pfil_hooks, hook_list)
		if (strcmp(hook->hook_modname, pa->pa_modname) == 0 &&
		    strcmp(hook->hook_rulname, pa->pa_rulname) == 0)
			return (hook);
	return (NULL);
}

int
pfil_link(struct pfil_link_args *pa)
{
	struct pfil_head *head = find_head(pa);
	struct pfil_hook *hook = find_hook(pa);
	const bool append = (pa->pa_flags & PFIL_APPEND) != 0;
	const int dirs = PFIL_DIR(pa->pa_flags);
	int error = 0;

	if (head == NULL || hook == NULL)
		return (ENOENT);
	if (dirs == 0 || head->head_type != hook->hook_type ||
	    (dirs & ~(head->head_flags & hook->hook_flags)) != 0)
		return (EINVAL);
	if ((pa->pa_flags & PFIL_UNLINK) != 0) {
		if ((dirs & PFIL_IN) != 0)
			error = chain_remove(&head->head_in, &head->head_nhooksin, hook);
		if ((dirs & PFIL_OUT) != 0 && error == 0)
			error = chain_remove(&head->head_out, &head->head_nhooksout, hook);
		return (error);
	}
	if ((dirs & PFIL_IN) != 0)
		error = chain_add(&head->head_in, &head->head_nhooksin, hook, append);
	if ((dirs & PFIL_OUT) != 0 && error == 0)
		error = chain_add(&head->head_out, &head->head_nhooksout, hook, append);
	return (error);
}

/* Hooks that nobody removed go with their stack. */
static void
pfil_vnet_uninit(const void *unused __unused)
{
	struct pfil_hook *hook;

	while ((hook = LIST_FIRST(&V_pfil_hooks)) != NULL)
		pfil_remove_hook(hook);
}
VNET_SYSUNINIT(pfil, SI_SUB_PROTO_PFIL, SI_ORDER_SECOND, pfil_vnet_uninit, NULL);
