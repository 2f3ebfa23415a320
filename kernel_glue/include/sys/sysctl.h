/*
 * sysctl.h - the tree of tunables and statistics, sysctl(9).
 *
 * Declared beside the variable: SYSCTL_INT(_net_inet_ip, OID_AUTO, ttl, CTLFLAG_RW | CTLFLAG_VNET,
 * &VNET_NAME(ip_defttl), 0, "TTL of packets that we send (1-255)"). With CTLFLAG_VNET the pointer
 * is to the variable's default, as &VNET_NAME(x) gives it.
 */
#ifndef _SYS_SYSCTL_H_
#define _SYS_SYSCTL_H_

#include <sys/types.h>
#include <sys/linker_set.h>
#include <sys/queue.h>
#include <net/vnet.h>

struct thread;

#define CTL_MAXNAME 24
#define CTLTYPE 0xf
#define CTLTYPE_NODE 1
#define CTLTYPE_INT 2
#define CTLTYPE_STRING 3
#define CTLTYPE_S64 4
#define CTLTYPE_OPAQUE 5
#define CTLTYPE_STRUCT CTLTYPE_OPAQUE
#define CTLTYPE_UINT 6
#define CTLTYPE_LONG 7
#define CTLTYPE_ULONG 8
#define CTLTYPE_U64 9
#define CTLTYPE_U8 0xa
#define CTLTYPE_U16 0xb
#define CTLTYPE_U32 0xe
#define CTLTYPE_BOOL 0xd /* read and written as 0 and 1 */

#define CTLFLAG_RD 0x80000000u
#define CTLFLAG_WR 0x40000000u
#define CTLFLAG_RW (CTLFLAG_RD | CTLFLAG_WR)
#define CTLFLAG_ANYBODY 0x10000000u
#define CTLFLAG_SECURE 0x08000000u
#define CTLFLAG_PRISON 0x04000000u
#define CTLFLAG_DYN 0x02000000u
#define CTLFLAG_SKIP 0x01000000u
#define CTLFLAG_MPSAFE 0x00040000u
#define CTLFLAG_VNET 0x00020000u
#define CTLFLAG_DYING 0x00010000u
#define CTLFLAG_TUN 0x00080000u
#define CTLFLAG_RDTUN (CTLFLAG_RD | CTLFLAG_TUN)
#define CTLFLAG_RWTUN (CTLFLAG_RW | CTLFLAG_TUN)
#define CTLFLAG_NOFETCH 0x00800000u
#define CTLFLAG_STATS 0x00002000u
#define CTLFLAG_NEEDGIANT 0

#define OID_AUTO (-1)

struct sysctl_req {
	struct thread *td;
	void *oldptr; /* NULL: only the length is asked for */
	size_t oldlen;
	size_t oldidx;	    /* bytes put out so far */
	const void *newptr; /* NULL: a read */
	size_t newlen;
	size_t newidx;
	struct ucred *cred;
};

struct sysctl_oid;
SLIST_HEAD(sysctl_oid_list, sysctl_oid);
#define SYSCTL_HANDLER_ARGS                                                                        \
	struct sysctl_oid *oidp __unused, void *arg1 __unused, intptr_t arg2 __unused,             \
	    struct sysctl_req *req __unused
typedef int sysctl_handler_t(SYSCTL_HANDLER_ARGS);

struct sysctl_oid {
	struct sysctl_oid_list oid_children;
	struct sysctl_oid_list *oid_parent;
	SLIST_ENTRY(sysctl_oid) oid_link;
	int oid_number;
	u_int oid_kind;
	void *oid_arg1;
	intptr_t oid_arg2;
	const char *oid_name;
	sysctl_handler_t *oid_handler;
	const char *oid_fmt;
	const char *oid_descr;
	int64_t oid_min, oid_max; /* writes outside are EINVAL; both 0: no bounds */
	bool oid_dynamic;
};

#define SYSCTL_IN(r, p, l) sysctl_in((r), (p), (l))
#define SYSCTL_OUT(r, p, l) sysctl_out((r), (p), (l))
#define SYSCTL_OUT_STR(r, s) sysctl_out((r), (s), strlen(s) + 1)
int sysctl_in(struct sysctl_req *, void *, size_t);	   /* EINVAL: too little came */
int sysctl_out(struct sysctl_req *, const void *, size_t); /* ENOMEM: no room left */

sysctl_handler_t sysctl_handle_bool, sysctl_handle_8, sysctl_handle_16, sysctl_handle_32,
    sysctl_handle_int, sysctl_handle_long, sysctl_handle_64, sysctl_handle_string,
    sysctl_handle_opaque, sysctl_msec_to_ticks;

#define SYSCTL_CHILDREN(oid) (&(oid)->oid_children)
#define SYSCTL_STATIC_CHILDREN(n) (&sysctl__##n.oid_children)
#define SYSCTL_DECL(name) extern struct sysctl_oid sysctl__##name
#define SYSCTL_NODE_CHILDREN(parent, name) (&sysctl__##parent##_##name.oid_children)

#define SYSCTL_OID_FULL(                                                                           \
    cls, id, parent_list, nbr, name, kind, a1, a2, handler, fmt, descr, lo, hi)                    \
	cls struct sysctl_oid id = {.oid_parent = (parent_list),                                   \
	    .oid_number = (nbr),                                                                   \
	    .oid_kind = (kind),                                                                    \
	    .oid_arg1 = __DECONST(void *, a1),                                                     \
	    .oid_arg2 = (a2),                                                                      \
	    .oid_name = (name),                                                                    \
	    .oid_handler = (handler),                                                              \
	    .oid_fmt = (fmt),                                                                      \
	    .oid_descr = (descr),                                                                  \
	    .oid_min = (lo),                                                                       \
	    .oid_max = (hi)};                                                                      \
	DATA_SET(sysctl_set, id)
#define SYSCTL_OID(parent, nbr, name, kind, a1, a2, handler, fmt, descr)                           \
	SYSCTL_OID_FULL(static, sysctl__##parent##_##name, SYSCTL_STATIC_CHILDREN(parent), nbr,    \
	    #name, kind, a1, a2, handler, fmt, descr, 0, 0)
#define SYSCTL_OID_RANGE(parent, nbr, name, kind, a1, a2, handler, fmt, lo, hi, descr)             \
	SYSCTL_OID_FULL(static, sysctl__##parent##_##name, SYSCTL_STATIC_CHILDREN(parent), nbr,    \
	    #name, kind, a1, a2, handler, fmt, descr, lo, hi)
/* A node is visible to other files through SYSCTL_DECL(). */
#define SYSCTL_NODE(parent, nbr, name, access, handler, descr)                                     \
	SYSCTL_OID_FULL(, sysctl__##parent##_##name, SYSCTL_STATIC_CHILDREN(parent), nbr, #name,   \
	    CTLTYPE_NODE | (access), NULL, 0, handler, "N", descr, 0, 0)
#define SYSCTL_ROOT_NODE(nbr, name, access, handler, descr)                                        \
	SYSCTL_OID_FULL(, sysctl___##name, &sysctl_root_children, nbr, #name,                      \
	    CTLTYPE_NODE | (access), NULL, 0, handler, "N", descr, 0, 0)

#define SYSCTL_INT(p, n, name, access, ptr, val, d)                                                \
	SYSCTL_OID(p, n, name, CTLTYPE_INT | (access), ptr, val, sysctl_handle_int, "I", d)
#define SYSCTL_UINT(p, n, name, access, ptr, val, d)                                               \
	SYSCTL_OID(p, n, name, CTLTYPE_UINT | (access), ptr, val, sysctl_handle_int, "IU", d)
#define SYSCTL_LONG(p, n, name, access, ptr, val, d)                                               \
	SYSCTL_OID(p, n, name, CTLTYPE_LONG | (access), ptr, val, sysctl_handle_long, "L", d)
#define SYSCTL_ULONG(p, n, name, access, ptr, val, d)                                              \
	SYSCTL_OID(p, n, name, CTLTYPE_ULONG | (access), ptr, val, sysctl_handle_long, "LU", d)
#define SYSCTL_S64(p, n, name, access, ptr, val, d)                                                \
	SYSCTL_OID(p, n, name, CTLTYPE_S64 | (access), ptr, val, sysctl_handle_64, "Q", d)
#define SYSCTL_U64(p, n, name, access, ptr, val, d)                                                \
	SYSCTL_OID(p, n, name, CTLTYPE_U64 | (access), ptr, val, sysctl_handle_64, "QU", d)
#define SYSCTL_QUAD SYSCTL_S64
#define SYSCTL_UQUAD SYSCTL_U64
#define SYSCTL_U8(p, n, name, access, ptr, val, d)                                                 \
	SYSCTL_OID(p, n, name, CTLTYPE_U8 | (access), ptr, val, sysctl_handle_8, "CU", d)
#define SYSCTL_U16(p, n, name, access, ptr, val, d)                                                \
	SYSCTL_OID(p, n, name, CTLTYPE_U16 | (access), ptr, val, sysctl_handle_16, "SU", d)
#define SYSCTL_U32(p, n, name, access, ptr, val, d)                                                \
	SYSCTL_OID(p, n, name, CTLTYPE_U32 | (access), ptr, val, sysctl_handle_32, "IU", d)
#define SYSCTL_BOOL(p, n, name, access, ptr, val, d)                                               \
	SYSCTL_OID(p, n, name, CTLTYPE_BOOL | (access), ptr, val, sysctl_handle_bool, "CU", d)
#define SYSCTL_STRING(p, n, name, access, ptr, len, d)                                             \
	SYSCTL_OID(p, n, name, CTLTYPE_STRING | (access), ptr, len, sysctl_handle_string, "A", d)
#define SYSCTL_CONST_STRING(p, n, name, access, ptr, d)                                            \
	SYSCTL_OID(p, n, name, CTLTYPE_STRING | (access), ptr, 0, sysctl_handle_string, "A", d)
#define SYSCTL_OPAQUE(p, n, name, access, ptr, len, fmt, d)                                        \
	SYSCTL_OID(p, n, name, CTLTYPE_OPAQUE | (access), ptr, len, sysctl_handle_opaque, fmt, d)
#define SYSCTL_STRUCT(p, n, name, access, ptr, type, d)                                            \
	SYSCTL_OID(p, n, name, CTLTYPE_OPAQUE | (access), ptr, sizeof(struct type),                \
	    sysctl_handle_opaque, "S," #type, d)
#define SYSCTL_PROC(p, n, name, access, ptr, arg, handler, fmt, d)                                 \
	SYSCTL_OID(p, n, name, (access), ptr, arg, handler, fmt, d)
/* ours: integers with bounds that sysctl_handle_* enforce */
#define SYSCTL_INT_RANGE(p, n, name, access, ptr, lo, hi, d)                                       \
	SYSCTL_OID_RANGE(                                                                          \
	    p, n, name, CTLTYPE_INT | (access), ptr, 0, sysctl_handle_int, "I", lo, hi, d)
#define SYSCTL_UINT_RANGE(p, n, name, access, ptr, lo, hi, d)                                      \
	SYSCTL_OID_RANGE(                                                                          \
	    p, n, name, CTLTYPE_UINT | (access), ptr, 0, sysctl_handle_int, "IU", lo, hi, d)
#define SYSCTL_ULONG_RANGE(p, n, name, access, ptr, lo, hi, d)                                     \
	SYSCTL_OID_RANGE(                                                                          \
	    p, n, name, CTLTYPE_ULONG | (access), ptr, 0, sysctl_handle_long, "LU", lo, hi, d)
/* a struct of uint64_t counters in the VNET, read whole */
#define SYSCTL_VNET_PCPUSTAT(p, n, name, type, var, d)                                             \
	SYSCTL_OID(p, n, name, CTLTYPE_OPAQUE | CTLFLAG_RD | CTLFLAG_VNET, &VNET_NAME(var),        \
	    sizeof(struct type), sysctl_handle_opaque, "S," #type, d)

extern struct sysctl_oid_list sysctl_root_children;
SYSCTL_DECL(_kern);
SYSCTL_DECL(_kern_ipc);
SYSCTL_DECL(_kern_features);
SYSCTL_DECL(_vm);
SYSCTL_DECL(_net);
SYSCTL_DECL(_net_alpine); /* ours: net.alpine.* */
SYSCTL_DECL(_hw);
SYSCTL_DECL(_debug);
SYSCTL_DECL(_security);

/* dynamic ones, sysctl_ctx_init(9) */
struct sysctl_ctx_entry {
	struct sysctl_oid *entry;
	TAILQ_ENTRY(sysctl_ctx_entry) link;
};
TAILQ_HEAD(sysctl_ctx_list, sysctl_ctx_entry);
int sysctl_ctx_init(struct sysctl_ctx_list *);
int sysctl_ctx_free(struct sysctl_ctx_list *);
struct sysctl_oid *sysctl_add_oid(struct sysctl_ctx_list *ctx, struct sysctl_oid_list *parent,
    int nbr, const char *name, int kind, void *arg1, intptr_t arg2, sysctl_handler_t *handler,
    const char *fmt, const char *descr);
#define SYSCTL_ADD_NODE(ctx, parent, nbr, name, access, handler, d)                                \
	sysctl_add_oid(                                                                            \
	    (ctx), (parent), (nbr), (name), CTLTYPE_NODE | (access), NULL, 0, (handler), "N", (d))
#define SYSCTL_ADD_INT(ctx, parent, nbr, name, access, ptr, val, d)                                \
	sysctl_add_oid((ctx), (parent), (nbr), (name), CTLTYPE_INT | (access), (ptr), (val),       \
	    sysctl_handle_int, "I", (d))
#define SYSCTL_ADD_PROC(ctx, parent, nbr, name, access, ptr, arg, handler, fmt, d)                 \
	sysctl_add_oid(                                                                            \
	    (ctx), (parent), (nbr), (name), (access), (ptr), (arg), (handler), (fmt), (d))

/* By name, "net.inet.ip.ttl", in curvnet. ENOENT, EPERM, EINVAL, ENOMEM, ENOTDIR... */
int kernel_sysctlbyname(struct thread *, const char *name, void *old, size_t *oldlenp,
    const void *new, size_t newlen, size_t *retval, int flags);

#endif
