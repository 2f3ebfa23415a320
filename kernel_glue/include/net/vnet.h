/*
 * vnet.h - many stacks in one process, VNET(9).
 *
 * A variable that belongs to a stack is defined with VNET_DEFINE() and used through
 * `#define V_name VNET(name)`. Its initial value lies in section set_vnet; each stack has a copy
 * of that section. `curvnet` is the stack that the running code serves.
 */
#ifndef _NET_VNET_H_
#define _NET_VNET_H_

#include <sys/types.h>
#include <sys/kassert.h>
#include <sys/kernel.h>
#include <sys/linker_set.h>
#include <sys/queue.h>

struct vnet {
	LIST_ENTRY(vnet) vnet_le;
	uintptr_t vnet_data_base; /* what to add to a default's address */
	void *vnet_data_mem;
	u_int vnet_ifcnt;
	u_int vnet_sockcnt;
	u_int vnet_state;
	uint32_t vnet_id;
	bool vnet_shutdown;
	char vnet_name[32];
};
LIST_HEAD(vnet_list_head, vnet);
extern struct vnet_list_head vnet_head;
extern struct vnet *vnet0;
extern struct vnet *curvnet;

#define VNET_FOREACH(v) LIST_FOREACH ((v), &vnet_head, vnet_le)
#define IS_DEFAULT_VNET(v) ((v) == vnet0)

struct vnet *vnet_alloc(void);	  /* runs every VNET_SYSINIT in it */
void vnet_destroy(struct vnet *); /* VNET_SYSUNINITs, in reverse */

#define CURVNET_SET(v)                                                                             \
	struct vnet *saved_vnet = curvnet;                                                         \
	curvnet = (v)
#define CURVNET_SET_QUIET(v) CURVNET_SET(v)
#define CURVNET_RESTORE() (curvnet = saved_vnet)

#define VNET_SETNAME "set_vnet"
#define VNET_NAME(n) vnet_entry_##n
#define VNET_DECLARE(t, n) extern t VNET_NAME(n)
#define VNET_DEFINE(t, n) t VNET_NAME(n) __section(VNET_SETNAME) __used
#define VNET_DEFINE_STATIC(t, n) static t VNET_NAME(n) __section(VNET_SETNAME) __used
#define VNET_VNET_PTR(vnet, n)                                                                     \
	((__typeof__(VNET_NAME(n)) *)((vnet)->vnet_data_base + (uintptr_t)&VNET_NAME(n)))
#define VNET_VNET(vnet, n) (*VNET_VNET_PTR((vnet), n))
#define VNET_PTR(n) VNET_VNET_PTR(curvnet, n)
#define VNET(n) VNET_VNET(curvnet, n)

/* Run once for each stack, in SYSINIT order, at boot for vnet0. */
#define VNET_SYSINIT(uniq, sub, ord, fn, arg)                                                      \
	C_SYSINIT(vnet_sysinit_set, uniq##_vnet_init, sub, ord, fn, arg)
#define VNET_SYSUNINIT(uniq, sub, ord, fn, arg)                                                    \
	C_SYSINIT(vnet_sysuninit_set, uniq##_vnet_uninit, sub, ord, fn, arg)

#define VNET_ITERATOR_DECL(v) struct vnet *v
#define VNET_LIST_RLOCK() ((void)0)
#define VNET_LIST_RUNLOCK() ((void)0)

#endif
