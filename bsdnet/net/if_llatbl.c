/*
 * if_llatbl.c - the neighbour table: hash of llentries per interface and family, and their
 * references (see if_llatbl.h). The states and timers are the protocol's: if_ether.c.
 *
 * The hash is seeded per table, so that a neighbour cannot choose addresses that collide.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/hash.h>
#include <sys/malloc.h>
#include <net/ethernet.h>
#include <net/if_dl.h>
#include <net/if_llatbl.h>
#include <net/if_var.h>

static MALLOC_DEFINE(M_LLTABLE, "lltable", "link-layer addresses of neighbours");

CTASSERT(LLE_MAX_LINKHDR >= ETHER_HDR_LEN);

/* ---- entries ---- */

void
llentry_ref(struct llentry *lle)
{
	lle->lle_refcnt++;
}

void
llentry_free(struct llentry *lle)
{
	KASSERT(lle->lle_refcnt > 0, ("llentry_free: no reference"));
	if (--lle->lle_refcnt == 0)
		free(lle, M_LLTABLE);
}

static size_t
lle_l3len(sa_family_t af)
{
	return (af == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr));
}

static const u_char *
lle_l3addr(const struct sockaddr *sa)
{
	return ((const u_char *)sa + (sa->sa_family == AF_INET
					     ? offsetof(struct sockaddr_in, sin_addr)
					     : offsetof(struct sockaddr_in6, sin6_addr)));
}

void
lltable_fill_sa_entry(const struct llentry *lle, struct sockaddr *sa)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)(void *)sa;
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)(void *)sa;

	if (lle->lle_tbl->llt_af == AF_INET)
		*sin = (struct sockaddr_in){.sin_len = sizeof(*sin),
		    .sin_family = AF_INET,
		    .sin_addr = lle->r_l3addr.addr4};
	else
		*sin6 = (struct sockaddr_in6){.sin6_len = sizeof(*sin6),
		    .sin6_family = AF_INET6,
		    .sin6_addr = lle->r_l3addr.addr6};
}

static void
lle_build_header(struct llentry *lle)
{
	struct ether_header eh;

	memcpy(eh.ether_dhost, lle->ll_addr, ETHER_ADDR_LEN);
	memcpy(eh.ether_shost, IF_LLADDR(lle->lle_tbl->llt_ifp), ETHER_ADDR_LEN);
	eh.ether_type = htons(lle->lle_tbl->llt_af == AF_INET ? ETHERTYPE_IP : ETHERTYPE_IPV6);
	memcpy(lle->r_linkdata, &eh, sizeof(eh));
	lle->r_hdrlen = sizeof(eh);
}

void
lltable_set_entry_addr(struct llentry *lle, const u_char *lladdr)
{
	KASSERT((lle->la_flags & LLE_LINKED) != 0, ("lltable_set_entry_addr: not in a table"));
	memcpy(lle->ll_addr, lladdr, ETHER_ADDR_LEN);
	lle_build_header(lle);
	lle->la_flags |= LLE_VALID;
}

/* ---- tables ---- */

struct lltable *
lltable_allocate(struct ifnet *ifp, sa_family_t af)
{
	struct lltable *llt;
	int i;

	llt = malloc(sizeof(*llt), M_LLTABLE, M_WAITOK | M_ZERO);
	llt->llt_af = af;
	llt->llt_ifp = ifp;
	llt->llt_hashseed = arc4random();
	for (i = 0; i < LLTBL_HASHSIZE; i++)
		LIST_INIT(&llt->lle_head[i]);
	TAILQ_INIT(&llt->llt_age);
	return (llt);
}

void
lltable_free(struct lltable *llt)
{
	struct llentry *lle;

	while ((lle = TAILQ_FIRST(&llt->llt_age)) != NULL)
		lltable_delete_entry(lle);
	free(llt, M_LLTABLE);
}

static u_int
lltable_hash(const struct lltable *llt, const u_char *addr)
{
	uint32_t w[4];
	size_t len = lle_l3len(llt->llt_af);

	memcpy(w, addr, len);
	return (jenkins_hash32(w, len / sizeof(w[0]), llt->llt_hashseed) % LLTBL_HASHSIZE);
}

struct llentry *
lltable_lookup(struct lltable *llt, const struct sockaddr *dst)
{
	const u_char *addr = lle_l3addr(dst);
	const size_t len = lle_l3len(llt->llt_af);
	struct llentry *lle;

	KASSERT(dst->sa_family == llt->llt_af, ("lltable_lookup: family %d", dst->sa_family));
	LIST_FOREACH (lle, &llt->lle_head[lltable_hash(llt, addr)], lle_next)
		if (memcmp(&lle->r_l3addr, addr, len) == 0)
			return (lle);
	return (NULL);
}

struct llentry *
lltable_create(struct lltable *llt, const struct sockaddr *dst)
{
	const u_char *addr = lle_l3addr(dst);
	struct llentry *lle;

	if ((lle = malloc(sizeof(*lle), M_LLTABLE, M_NOWAIT | M_ZERO)) == NULL)
		return (NULL);
	memcpy(&lle->r_l3addr, addr, lle_l3len(llt->llt_af));
	lle->lle_tbl = llt;
	lle->lle_refcnt = 1;
	lle->la_flags = LLE_LINKED;
	mbufq_init(&lle->la_hold, 0);
	callout_init(&lle->lle_timer, 1);
	LIST_INSERT_HEAD(&llt->lle_head[lltable_hash(llt, addr)], lle, lle_next);
	TAILQ_INSERT_TAIL(&llt->llt_age, lle, lle_age);
	llt->llt_entries++;
	return (lle);
}

void
lltable_delete_entry(struct llentry *lle)
{
	struct lltable *llt = lle->lle_tbl;

	KASSERT((lle->la_flags & LLE_LINKED) != 0 && llt != NULL,
	    ("lltable_delete_entry: not in a table"));
	if ((lle->la_flags & LLE_VALID) != 0)
		EVENTHANDLER_INVOKE(lle_event, lle, LLENTRY_DELETED);
	callout_stop(&lle->lle_timer);
	if (llt->llt_free_entry != NULL)
		llt->llt_free_entry(llt, lle);
	mbufq_drain(&lle->la_hold);
	LIST_REMOVE(lle, lle_next);
	TAILQ_REMOVE(&llt->llt_age, lle, lle_age);
	llt->llt_entries--;
	lle->la_flags &= (uint16_t) ~(LLE_LINKED | LLE_VALID);
	lle->la_flags |= LLE_DELETED;
	lle->lle_tbl = NULL;
	llentry_free(lle);
}

int
lltable_foreach_lle(struct lltable *llt, llt_foreach_cb_t *f, void *arg)
{
	struct llentry *lle, *next;
	int error;

	TAILQ_FOREACH_SAFE (lle, &llt->llt_age, lle_age, next)
		if ((error = f(llt, lle, arg)) != 0)
			return (error);
	return (0);
}

void
lltable_lladdr_changed(struct lltable *llt)
{
	struct llentry *lle;

	TAILQ_FOREACH (lle, &llt->llt_age, lle_age)
		if ((lle->la_flags & LLE_VALID) != 0)
			lle_build_header(lle);
}
