/*
 * count.c - the smallest module for alpine-sim: every TCP segment that its host gets is counted,
 * and every N-th dropped (N is the argument). A test loads it; see
 * kernel_glue/include/host/module.h.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/mbuf.h>
#include <sys/systm.h>
#include <netinet/in.h>
#include <netinet/ip_var.h>

#include <host/module.h>

alpine_module_init_fn alpine_module_init;

static ipproto_input_t *real_input;
static const struct vnet *mine;
static u_long seen, every;

static int
count_input(struct mbuf **mp, int *offp, int proto)
{
	if (curvnet == mine && ++seen % every == 0) {
		m_freem(*mp);
		*mp = NULL;
		return (IPPROTO_DONE);
	}
	return (real_input(mp, offp, proto));
}

__attribute__((visibility("default"))) int
alpine_module_init(const struct alpine_module_host *h, const char *args)
{
	every = strtoul(args, NULL, 10);
	if (every == 0)
		return (EINVAL);
	mine = h->vnet;
	if (real_input == NULL) {
		real_input = ip_protox[IPPROTO_TCP];
		ip_protox[IPPROTO_TCP] = count_input;
	}
	return (0);
}
