/*
 * domain.h - a family of protocols, domain(9).
 */
#ifndef _SYS_DOMAIN_H_
#define _SYS_DOMAIN_H_

#include <sys/types.h>
#include <sys/queue.h>
#include <sys/kernel.h>

struct ifnet;
struct protosw;
struct rib_head;

struct domain {
	SLIST_ENTRY(domain) dom_next;
	int dom_family; /* AF_* */
	u_int dom_nprotosw;
	const char *dom_name;
	int dom_flags;
	int (*dom_probe)(void);
	struct rib_head *(*dom_rtattach)(uint32_t fibnum); /* per VNET */
	void (*dom_rtdetach)(struct rib_head *);
	void *(*dom_ifattach)(struct ifnet *);
	void (*dom_ifdetach)(struct ifnet *, void *);
	struct protosw *dom_protosw[24]; /* the first NULL ends it */
};

void domain_add(struct domain *);
void domain_remove(struct domain *);
struct domain *pffinddomain(int family);
struct protosw *pffindproto(int family, int type, int proto);
int protosw_register(struct domain *, struct protosw *);
#define DOMAIN_SET(name)                                                                           \
	static void domain_set_##name(void *arg __unused)                                          \
	{                                                                                          \
		domain_add(&name##domain);                                                         \
	}                                                                                          \
	SYSINIT(domain_set_##name, SI_SUB_PROTO_DOMAIN, SI_ORDER_FIRST, domain_set_##name, NULL)

extern SLIST_HEAD(domainhead, domain) domains;

#endif
