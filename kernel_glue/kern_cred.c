/*
 * kern_cred.c - who asks, ucred(9), and what he may, priv(9). The credentials of a program come
 * from the host's kernel, through rpc; the stack's own are kern_cred.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/priv.h>
#include <sys/proc.h>
#include <sys/systm.h>
#include <sys/ucred.h>

static MALLOC_DEFINE(M_CRED, "cred", "credentials");

static struct ucred stack_cred = {.cr_ref = 1};
struct ucred *kern_cred = &stack_cred;

struct ucred *
crget(void)
{
	struct ucred *cr = malloc(sizeof(*cr), M_CRED, M_WAITOK | M_ZERO);

	cr->cr_ref = 1;
	return (cr);
}

struct ucred *
crhold(struct ucred *cr)
{
	cr->cr_ref++;
	return (cr);
}

void
crfree(struct ucred *cr)
{
	KASSERT(cr->cr_ref > 0, ("crfree: no reference left"));
	if (--cr->cr_ref == 0 && cr != kern_cred)
		free(cr, M_CRED);
}

/* What must have been granted for a privilege; all but sockets need the administrator's. */
static uint32_t
needed_for(int priv)
{
	switch (priv) {
	case PRIV_NETINET_RESERVEDPORT:
		return (CRP_NET_BIND);
	case PRIV_NETINET_RAW:
		return (CRP_NET_RAW);
	default:
		return (CRP_NET_ADMIN);
	}
}

int
priv_check_cred(struct ucred *cr, int priv)
{
	if (cr == NULL || cr->cr_uid == 0 || (cr->cr_privs & needed_for(priv)) != 0)
		return (0);
	return (EPERM);
}

int
priv_check(struct thread *td, int priv)
{
	return (priv_check_cred(td != NULL ? td->td_ucred : NULL, priv));
}
