/* kernel.h - what runs at boot and when, SYSINIT(9). */
#ifndef _SYS_KERNEL_H_
#define _SYS_KERNEL_H_

#include <sys/types.h>
#include <sys/linker_set.h>
#include <sys/systm.h>

enum sysinit_sub_id {
	SI_SUB_DUMMY = 0x0000000,
	SI_SUB_TUNABLES = 0x0700000,
	SI_SUB_VM = 0x1000000,
	SI_SUB_KMEM = 0x1800000,
	SI_SUB_EVENTHANDLER = 0x1C00000,
	SI_SUB_MBUF = 0x2100000,
	SI_SUB_VNET_PRELINK = 0x2300000,
	SI_SUB_CPU = 0x2400000,
	SI_SUB_RANDOM = 0x2500000,
	SI_SUB_SOFTINTR = 0x2600000,
	SI_SUB_TASKQ = 0x2700000,
	SI_SUB_CONFIGURE = 0x3800000,
	SI_SUB_INIT_IF = 0x7000000,
	SI_SUB_VNET = 0x8000000,
	SI_SUB_PROTO_BEGIN = 0x8000001,
	SI_SUB_PROTO_PFIL = 0x8100000,
	SI_SUB_PROTO_IF = 0x8400000,
	SI_SUB_PROTO_DOMAININIT = 0x8600000,
	SI_SUB_PROTO_MC = 0x8700000,
	SI_SUB_PROTO_DOMAIN = 0x8800000,
	SI_SUB_PROTO_FIREWALL = 0x8806000,
	SI_SUB_PROTO_IFATTACHDOMAIN = 0x8808000,
	SI_SUB_PROTO_END = 0x8ffffff,
	SI_SUB_VNET_DONE = 0x9000000,
	SI_SUB_KTHREAD_INIT = 0xa000000,
	SI_SUB_LAST = 0xfffffff
};
enum sysinit_elem_order {
	SI_ORDER_FIRST = 0x0,
	SI_ORDER_SECOND = 0x1,
	SI_ORDER_THIRD = 0x2,
	SI_ORDER_FOURTH = 0x3,
	SI_ORDER_MIDDLE = 0x1000000,
	SI_ORDER_ANY = 0xfffffff
};

typedef void (*sysinit_cfunc_t)(const void *);
struct sysinit {
	uint32_t subsystem, order;
	void (*func)(void *);
	const void *udata;
};
#define C_SYSINIT(set, uniq, sub, ord, fn, arg)                                                    \
	static struct sysinit uniq##_##set = {(sub), (ord), (void (*)(void *))(fn), (arg)};        \
	DATA_SET(set, uniq##_##set)
/* fn is void (void *) */
#define SYSINIT(uniq, sub, ord, fn, arg) C_SYSINIT(sysinit_set, uniq##_sys_init, sub, ord, fn, arg)
#define SYSUNINIT(uniq, sub, ord, fn, arg)                                                         \
	C_SYSINIT(sysuninit_set, uniq##_sys_uninit, sub, ord, fn, arg)

/* Loader tunables have no loader here: they are sysctls. */
#define TUNABLE_INT(path, var) struct __tunable_unused
#define TUNABLE_INT_FETCH(path, var) 0

#endif
