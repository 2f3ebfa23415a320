/*
 * uipc_domain.c - the families of protocols and their switch tables, domain(9).
 * Owns the list `domains`. Families add themselves at boot; socreate() and the protocols look
 * them up. What a protocol leaves out of its table is filled in here, so that no caller has to
 * ask whether a member is there.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/domain.h>
#include <sys/mbuf.h>
#include <sys/protosw.h>
#include <sys/socket.h>
#include <sys/socketvar.h>

struct domainhead domains = SLIST_HEAD_INITIALIZER(domains);

/* ---- what an absent member does ---- */

static void
pr_void_none(struct socket *so __unused)
{
}

static int
pr_none(struct socket *so __unused)
{
	return (EOPNOTSUPP);
}

static int
pr_none_sockaddr(struct socket *so __unused, struct sockaddr *sa __unused)
{
	return (EOPNOTSUPP);
}

static int
pr_none_sockaddr_td(
    struct socket *so __unused, struct sockaddr *sa __unused, struct thread *td __unused)
{
	return (EOPNOTSUPP);
}

static int
pr_none_int(struct socket *so __unused, int how __unused)
{
	return (EOPNOTSUPP);
}

static int
pr_none_ctloutput(struct socket *so __unused, struct sockopt *sopt __unused)
{
	return (ENOPROTOOPT);
}

static int
pr_none_connect2(struct socket *so __unused, struct socket *so2 __unused)
{
	return (EOPNOTSUPP);
}

static int
pr_none_control(struct socket *so __unused, unsigned long cmd __unused, void *data __unused,
    struct ifnet *ifp __unused, struct thread *td __unused)
{
	return (EOPNOTSUPP);
}

static int
pr_none_listen(struct socket *so __unused, int backlog __unused, struct thread *td __unused)
{
	return (EOPNOTSUPP);
}

static int
pr_none_rcvoob(struct socket *so __unused, struct mbuf *m __unused, int flags __unused)
{
	return (EOPNOTSUPP);
}

static int
pr_none_send(struct socket *so __unused, int flags __unused, struct mbuf *m,
    struct sockaddr *to __unused, struct mbuf *control, struct thread *td __unused)
{
	m_freem(m);
	m_freem(control);
	return (EOPNOTSUPP);
}

#define PR_DEFAULT(pr, member, fn)                                                                 \
	do {                                                                                       \
		if ((pr)->member == NULL)                                                          \
			(pr)->member = (fn);                                                       \
	} while (0)

static void
protosw_complete(struct domain *dom, struct protosw *pr)
{
	KASSERT(pr->pr_attach != NULL,
	    ("%s: a protocol of %s has no pr_attach", __func__, dom->dom_name));
	pr->pr_domain = dom;
	PR_DEFAULT(pr, pr_ctloutput, pr_none_ctloutput);
	PR_DEFAULT(pr, pr_abort, pr_void_none);
	PR_DEFAULT(pr, pr_accept, pr_none_sockaddr);
	PR_DEFAULT(pr, pr_bind, pr_none_sockaddr_td);
	PR_DEFAULT(pr, pr_close, pr_void_none);
	PR_DEFAULT(pr, pr_connect, pr_none_sockaddr_td);
	PR_DEFAULT(pr, pr_connect2, pr_none_connect2);
	PR_DEFAULT(pr, pr_control, pr_none_control);
	PR_DEFAULT(pr, pr_detach, pr_void_none);
	PR_DEFAULT(pr, pr_disconnect, pr_none);
	PR_DEFAULT(pr, pr_listen, pr_none_listen);
	PR_DEFAULT(pr, pr_peeraddr, pr_none_sockaddr);
	PR_DEFAULT(pr, pr_rcvd, pr_none_int);
	PR_DEFAULT(pr, pr_rcvoob, pr_none_rcvoob);
	PR_DEFAULT(pr, pr_send, pr_none_send);
	PR_DEFAULT(pr, pr_shutdown, pr_none_int);
	PR_DEFAULT(pr, pr_sockaddr, pr_none_sockaddr);
	PR_DEFAULT(pr, pr_sosend, sosend_generic);
	PR_DEFAULT(pr, pr_soreceive, soreceive_generic);
}

/* ---- the list ---- */

void
domain_add(struct domain *dom)
{
	u_int i;

	if (dom->dom_probe != NULL && dom->dom_probe() != 0)
		return;
	KASSERT(
	    pffinddomain(dom->dom_family) == NULL, ("%s: %s is there", __func__, dom->dom_name));
	for (i = 0; i < nitems(dom->dom_protosw) && dom->dom_protosw[i] != NULL; i++)
		protosw_complete(dom, dom->dom_protosw[i]);
	dom->dom_nprotosw = i;
	SLIST_INSERT_HEAD(&domains, dom, dom_next);
}

void
domain_remove(struct domain *dom)
{
	SLIST_REMOVE(&domains, dom, domain, dom_next);
}

struct domain *
pffinddomain(int family)
{
	struct domain *dom;

	SLIST_FOREACH (dom, &domains, dom_next)
		if (dom->dom_family == family)
			return (dom);
	return (NULL);
}

/*
 * The protocol of that number; number 0 is the type's first one; a raw protocol of number 0
 * stands in for those that have none of their own.
 */
struct protosw *
pffindproto(int family, int type, int proto)
{
	struct domain *dom;
	struct protosw *pr, *any = NULL;
	u_int i;

	if (type == 0)
		return (NULL);
	dom = pffinddomain(family);
	if (dom == NULL)
		return (NULL);
	for (i = 0; i < dom->dom_nprotosw; i++) {
		pr = dom->dom_protosw[i];
		if (pr == NULL || pr->pr_type != type)
			continue;
		if (proto == pr->pr_protocol || (proto == 0 && type != SOCK_RAW))
			return (pr);
		if (type == SOCK_RAW && pr->pr_protocol == 0 && any == NULL)
			any = pr;
	}
	return (any);
}

/* Adds a protocol to a family that is in use. */
int
protosw_register(struct domain *dom, struct protosw *pr)
{
	if (pr->pr_protocol != 0 &&
	    pffindproto(dom->dom_family, pr->pr_type, pr->pr_protocol) != NULL &&
	    pffindproto(dom->dom_family, pr->pr_type, pr->pr_protocol)->pr_protocol ==
		pr->pr_protocol)
		return (EEXIST);
	if (dom->dom_nprotosw == nitems(dom->dom_protosw))
		return (ENOMEM);
	protosw_complete(dom, pr);
	dom->dom_protosw[dom->dom_nprotosw++] = pr;
	return (0);
}
