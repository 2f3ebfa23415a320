/*
 * pfil.h - hooks that see each packet on its way in and out, pfil(9).
 *
 * A head is a place in the stack that packets pass; IPv4's is V_inet_pfil_head (PFIL_INET_NAME).
 * A hook is a function; pfil_link() puts it at a head. All of them belong to a VNET.
 */
#ifndef _NET_PFIL_H_
#define _NET_PFIL_H_

#include <sys/types.h>
#include <sys/queue.h>
#include <net/vnet.h>

struct ifnet;
struct inpcb;
struct mbuf;

enum pfil_types { PFIL_TYPE_IP4, PFIL_TYPE_IP6, PFIL_TYPE_ETHERNET };

#define PFIL_IN 0x00010000
#define PFIL_OUT 0x00020000
#define PFIL_DIR(f) ((f) & (PFIL_IN | PFIL_OUT))

typedef enum {
	PFIL_PASS = 0,
	PFIL_DROPPED,  /* pfil frees what is left in *mp */
	PFIL_CONSUMED, /* it is the hook's now */
	PFIL_REALLOCED /* another mbuf stands in *mp; goes on */
} pfil_return_t;

/*
 * flags: PFIL_IN or PFIL_OUT. The IP header lies whole at mtod(*mp), its fields in network order;
 * outward the checksums may be left to the interface (csum_flags), and the packet may be one that
 * it will cut (CSUM_TSO). ifp: where it came in or goes out. inp: whose it is, may be NULL.
 */
typedef pfil_return_t (*pfil_mbuf_chk_t)(
    struct mbuf **mp, struct ifnet *ifp, int flags, void *ruleset, struct inpcb *inp);

typedef struct pfil_hook *pfil_hook_t;
typedef struct pfil_head *pfil_head_t;
#define PFIL_VERSION 2

struct pfil_head_args {
	int pa_version, pa_flags; /* flags: the directions that packets go there */
	enum pfil_types pa_type;
	const char *pa_headname; /* outlives the head */
};
pfil_head_t pfil_head_register(struct pfil_head_args *);
void pfil_head_unregister(pfil_head_t);

struct pfil_hook_args {
	int pa_version, pa_flags; /* flags: the directions it is for */
	enum pfil_types pa_type;
	pfil_mbuf_chk_t pa_mbuf_chk;
	void *pa_ruleset;	/* the function's argument */
	const char *pa_modname; /* outlive the hook */
	const char *pa_rulname;
};
pfil_hook_t pfil_add_hook(struct pfil_hook_args *);
void pfil_remove_hook(pfil_hook_t); /* from every head as well */

/* pa_flags: PFIL_IN, PFIL_OUT, and: */
#define PFIL_HEADPTR 0x00100000 /* pa_head, not pa_headname */
#define PFIL_HOOKPTR 0x00200000 /* pa_hook, not its names */
#define PFIL_APPEND 0x00400000	/* behind the others; else in front */
#define PFIL_UNLINK 0x00800000	/* take it away there */
struct pfil_link_args {
	int pa_version, pa_flags;
	union {
		const char *pa_headname;
		pfil_head_t pa_head;
	};
	union {
		struct {
			const char *pa_modname;
			const char *pa_rulname;
		};
		pfil_hook_t pa_hook;
	};
};
int pfil_link(struct pfil_link_args *); /* ENOENT, EINVAL, EEXIST */

/* ---- the stack's side ---- */

STAILQ_HEAD(pfil_chain, pfil_link);
struct pfil_head {
	int head_nhooksin, head_nhooksout;
	struct pfil_chain head_in, head_out;
	enum pfil_types head_type;
	int head_flags;
	const char *head_name;
	LIST_ENTRY(pfil_head) head_list;
};
#define PFIL_HOOKED_IN(head) __predict_false((head)->head_nhooksin > 0)
#define PFIL_HOOKED_OUT(head) __predict_false((head)->head_nhooksout > 0)
/* PFIL_PASS: go on with *mp. Anything else: the packet is gone. */
int pfil_mbuf_in(pfil_head_t, struct mbuf **mp, struct ifnet *, struct inpcb *);
int pfil_mbuf_out(pfil_head_t, struct mbuf **mp, struct ifnet *, struct inpcb *);

VNET_DECLARE(pfil_head_t, inet_pfil_head); /* ip_input.c */
#define V_inet_pfil_head VNET(inet_pfil_head)
#define PFIL_INET_NAME "inet"

#endif
