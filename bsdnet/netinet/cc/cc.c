/*
 * cc.c - the list of congestion control algorithms, mod_cc(9).
 * Owns cc_list (of the process) and V_default_cc_ptr (of each stack): net.inet.tcp.cc.*.
 */
#include <sys/param.h>
#include <sys/malloc.h>
#include <sys/sysctl.h>
#include <netinet/cc/cc.h>
#include <netinet/tcp_var.h>

static MALLOC_DEFINE(M_CC, "tcp_cc", "congestion control data of connections");

struct cc_head cc_list = STAILQ_HEAD_INITIALIZER(cc_list);
extern struct cc_algo newreno_cc_algo, cubic_cc_algo;
VNET_DEFINE(struct cc_algo *, default_cc_ptr) = &cubic_cc_algo;
VNET_DEFINE(int, cc_do_abe) = 0;
VNET_DEFINE(int, cc_abe_frlossreduce) = 0;

struct cc_algo *
cc_find_algo(const char *name)
{
	struct cc_algo *a;

	STAILQ_FOREACH (a, &cc_list, entries) {
		if (strncmp(a->name, name, TCP_CA_NAME_MAX) == 0)
			return (a);
	}
	return (NULL);
}

int
cc_register_algo(struct cc_algo *a)
{
	int error;

	if (a->name[0] == '\0' || strnlen(a->name, TCP_CA_NAME_MAX) == TCP_CA_NAME_MAX)
		return (EINVAL);
	if (cc_find_algo(a->name) != NULL)
		return (EEXIST);
	if (a->mod_init != NULL && (error = a->mod_init()) != 0)
		return (error);
	STAILQ_INSERT_TAIL(&cc_list, a, entries);
	return (0);
}

/* NewReno stays: it is what connections fall back to. */
int
cc_deregister_algo(struct cc_algo *a)
{
	struct vnet *v;
	struct inpcb *inp;
	struct tcpcb *tp;
	bool busy = a == &newreno_cc_algo;

	if (cc_find_algo(a->name) != a)
		return (ENOENT);
	VNET_FOREACH (v) {
		CURVNET_SET(v);
		if (V_default_cc_ptr == a)
			busy = true;
		LIST_FOREACH (inp, &V_tcbinfo.ipi_listhead, inp_list) {
			tp = intotcpcb(inp);
			busy = busy || (tp != NULL && tp->ccv->algo == a);
		}
		CURVNET_RESTORE();
	}
	if (busy)
		return (EBUSY);
	STAILQ_REMOVE(&cc_list, a, cc_algo, entries);
	return (a->mod_destroy != NULL ? a->mod_destroy() : 0);
}

void
cc_detach(struct tcpcb *tp)
{
	struct cc_var *ccv = tp->ccv;

	if (ccv->algo == NULL)
		return;
	if (ccv->algo->cb_destroy != NULL)
		ccv->algo->cb_destroy(ccv);
	free(ccv->cc_data, M_CC);
	ccv->cc_data = NULL;
	ccv->algo = NULL;
}

int
cc_attach(struct tcpcb *tp, struct cc_algo *a)
{
	struct cc_var *ccv = tp->ccv, old = *ccv;
	size_t size = a->cc_data_sz != NULL ? a->cc_data_sz() : 0;
	void *mem = NULL;
	int error;

	if (size != 0 && (mem = malloc(size, M_CC, M_NOWAIT | M_ZERO)) == NULL)
		return (ENOMEM);
	ccv->cc_data = mem;
	ccv->algo = a;
	if (a->cb_init != NULL && (error = a->cb_init(ccv, mem)) != 0) {
		*ccv = old;
		free(mem, M_CC);
		return (error);
	}
	if (old.algo != NULL) {
		if (old.algo->cb_destroy != NULL)
			old.algo->cb_destroy(&old);
		free(old.cc_data, M_CC);
	}
	return (0);
}

static int
cc_sysctl_algorithm(SYSCTL_HANDLER_ARGS)
{
	char name[TCP_CA_NAME_MAX];
	struct cc_algo *a;
	int error;

	(void)arg1;
	(void)arg2;
	strlcpy(name, V_default_cc_ptr->name, sizeof(name));
	error = sysctl_handle_string(oidp, name, sizeof(name), req);
	if (error != 0 || req->newptr == NULL)
		return (error);
	a = cc_find_algo(name);
	if (a == NULL)
		return (ESRCH);
	V_default_cc_ptr = a;
	return (0);
}

static int
cc_sysctl_available(SYSCTL_HANDLER_ARGS)
{
	char buf[16 * (TCP_CA_NAME_MAX + 2)] = "";
	struct cc_algo *a;

	(void)arg1;
	(void)arg2;
	STAILQ_FOREACH (a, &cc_list, entries) {
		if (buf[0] != '\0')
			strlcat(buf, ", ", sizeof(buf));
		strlcat(buf, a->name, sizeof(buf));
	}
	return (sysctl_handle_string(oidp, buf, sizeof(buf), req));
}

SYSCTL_DECL(_net_inet_tcp);
SYSCTL_NODE(_net_inet_tcp, OID_AUTO, cc, CTLFLAG_RW, 0, "Congestion control");
SYSCTL_PROC(_net_inet_tcp_cc, OID_AUTO, algorithm, CTLTYPE_STRING | CTLFLAG_VNET | CTLFLAG_RW, NULL,
    0, cc_sysctl_algorithm, "A", "Algorithm of new connections");
SYSCTL_PROC(_net_inet_tcp_cc, OID_AUTO, available, CTLTYPE_STRING | CTLFLAG_RD, NULL, 0,
    cc_sysctl_available, "A", "Algorithms that there are");
SYSCTL_INT_RANGE(_net_inet_tcp_cc, OID_AUTO, abe, CTLFLAG_VNET | CTLFLAG_RW, &VNET_NAME(cc_do_abe),
    0, 1, "Back off less for an ECN mark than for a loss, RFC 8511 (0 to 1, default 0)");
SYSCTL_INT_RANGE(_net_inet_tcp_cc, OID_AUTO, abe_frlossreduce, CTLFLAG_VNET | CTLFLAG_RW,
    &VNET_NAME(cc_abe_frlossreduce), 0, 1,
    "With abe, a loss in the recovery from a mark reduces the window further (0 to 1, default 0)");
