/*
 * kern_sysctl.c - sysctl(9): the tree, its handlers, and access by name.
 *
 * The static oids come from the linker set; sysctl_add_oid() adds to the tree later. Children
 * are kept in name order. With CTLFLAG_VNET the variable is curvnet's. A handler bounds what is
 * written by the oid's oid_min and oid_max. The tree as text: kern_sysctl_text.c.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/proc.h>
#include <sys/sysctl.h>
#include <sys/systm.h>
#include <sys/ucred.h>
#include <net/vnet.h>

#include <sys/kern_var.h>
#include <sys/kern_sysctl_var.h>

static MALLOC_DEFINE(M_SYSCTLOID, "sysctloid", "sysctl dynamic oids");

struct sysctl_oid_list sysctl_root_children = SLIST_HEAD_INITIALIZER(sysctl_root_children);

SET_DECLARE(sysctl_set, struct sysctl_oid);

/* ---- the tree ---- */

static struct sysctl_oid *
find_child(struct sysctl_oid_list *list, const char *name, size_t len)
{
	struct sysctl_oid *oid;

	SLIST_FOREACH (oid, list, oid_link)
		if (strncmp(oid->oid_name, name, len) == 0 && oid->oid_name[len] == '\0')
			return (oid);
	return (NULL);
}

static void
insert_oid(struct sysctl_oid *oid)
{
	struct sysctl_oid *at, *before = NULL;

	SLIST_FOREACH (at, oid->oid_parent, oid_link) {
		int order = strcmp(at->oid_name, oid->oid_name);

		KASSERT(order != 0, ("sysctl %s is there twice", oid->oid_name));
		if (order > 0)
			break;
		before = at;
	}
	if (before == NULL)
		SLIST_INSERT_HEAD(oid->oid_parent, oid, oid_link);
	else
		SLIST_INSERT_AFTER(before, oid, oid_link);
}

void
sysctl_boot(void)
{
	struct sysctl_oid **oidp;

	SET_FOREACH (oidp, sysctl_set)
		insert_oid(*oidp);
}

struct sysctl_oid *
sysctl_lookup(const char *name)
{
	struct sysctl_oid_list *list = &sysctl_root_children;
	struct sysctl_oid *oid = NULL;
	size_t len;

	for (;;) {
		for (len = 0; name[len] != '\0' && name[len] != '.'; len++)
			;
		oid = find_child(list, name, len);
		if (oid == NULL || name[len] == '\0')
			return (oid);
		if ((oid->oid_kind & CTLTYPE) != CTLTYPE_NODE)
			return (NULL);
		list = &oid->oid_children;
		name += len + 1;
	}
}

/* ---- dynamic oids ---- */

int
sysctl_ctx_init(struct sysctl_ctx_list *ctx)
{
	TAILQ_INIT(ctx);
	return (0);
}

/* The newest first: children go before their parents. */
int
sysctl_ctx_free(struct sysctl_ctx_list *ctx)
{
	struct sysctl_ctx_entry *entry;
	struct sysctl_oid *oid;

	while ((entry = TAILQ_FIRST(ctx)) != NULL) {
		oid = entry->entry;
		if (!SLIST_EMPTY(&oid->oid_children))
			return (EBUSY);
		TAILQ_REMOVE(ctx, entry, link);
		SLIST_REMOVE(oid->oid_parent, oid, sysctl_oid, oid_link);
		free(__DECONST(char *, oid->oid_name), M_SYSCTLOID);
		free(oid, M_SYSCTLOID);
		free(entry, M_SYSCTLOID);
	}
	return (0);
}

/* A node that is there already is found; any other name must be new. */
struct sysctl_oid *
sysctl_add_oid(struct sysctl_ctx_list *ctx, struct sysctl_oid_list *parent, int nbr,
    const char *name, int kind, void *arg1, intptr_t arg2, sysctl_handler_t *handler,
    const char *fmt, const char *descr)
{
	struct sysctl_oid *oid = find_child(parent, name, strlen(name));
	struct sysctl_ctx_entry *entry;

	if (oid != NULL && (oid->oid_kind & kind & CTLTYPE) == CTLTYPE_NODE)
		return (oid);
	if (oid != NULL) {
		log(LOG_ERR, "sysctl_add_oid: %s is there already\n", name);
		return (NULL);
	}
	oid = malloc(sizeof(*oid), M_SYSCTLOID, M_WAITOK | M_ZERO);
	SLIST_INIT(&oid->oid_children);
	oid->oid_parent = parent;
	oid->oid_number = nbr;
	oid->oid_kind = (u_int)kind | CTLFLAG_DYN;
	oid->oid_arg1 = arg1;
	oid->oid_arg2 = arg2;
	oid->oid_name = strdup(name, M_SYSCTLOID);
	oid->oid_handler = handler;
	oid->oid_fmt = fmt;
	oid->oid_descr = descr;
	oid->oid_dynamic = true;
	insert_oid(oid);
	if (ctx != NULL) {
		entry = malloc(sizeof(*entry), M_SYSCTLOID, M_WAITOK);
		entry->entry = oid;
		TAILQ_INSERT_HEAD(ctx, entry, link);
	}
	return (oid);
}

/* ---- what handlers use ---- */

int
sysctl_in(struct sysctl_req *req, void *p, size_t len)
{
	if (req->newptr == NULL)
		return (0);
	if (req->newlen - req->newidx < len)
		return (EINVAL);
	memcpy(p, (const char *)req->newptr + req->newidx, len);
	req->newidx += len;
	return (0);
}

/* What has no room is counted, so that the caller learns how much he needs. */
int
sysctl_out(struct sysctl_req *req, const void *p, size_t len)
{
	size_t room = req->oldlen > req->oldidx ? req->oldlen - req->oldidx : 0;

	if (req->oldptr != NULL && len > 0 && room > 0)
		memcpy((char *)req->oldptr + req->oldidx, p, MIN(len, room));
	req->oldidx += len;
	return (req->oldptr != NULL && len > room ? ENOMEM : 0);
}

/* ---- handlers ---- */

static bool
is_unsigned(u_int kind)
{
	switch (kind & CTLTYPE) {
	case CTLTYPE_INT:
	case CTLTYPE_LONG:
	case CTLTYPE_S64:
		return (false);
	default:
		return (true);
	}
}

bool
sysctl_in_range(const struct sysctl_oid *oid, uint64_t value)
{
	if (oid->oid_min == 0 && oid->oid_max == 0)
		return (true);
	if (!is_unsigned(oid->oid_kind))
		return ((int64_t)value >= oid->oid_min && (int64_t)value <= oid->oid_max);
	return (value >= (uint64_t)oid->oid_min && value <= (uint64_t)oid->oid_max);
}

/* `size` bytes at p as a number, and back; 1, 2, 4 and 8 occur. */
static uint64_t
load_number(const void *p, size_t size, bool without_sign)
{
	switch (size) {
	case 1:
		return (*(const uint8_t *)p);
	case 2:
		return (*(const uint16_t *)p);
	case 4:
		return (
		    without_sign ? *(const uint32_t *)p : (uint64_t)(int64_t) * (const int32_t *)p);
	default:
		return (*(const uint64_t *)p);
	}
}

static int
handle_number(
    struct sysctl_oid *oid, void *arg1, intptr_t arg2, struct sysctl_req *req, size_t size)
{
	uint64_t raw = (uint64_t)arg2;
	int error;

	/* a constant's low bytes are those it is read by: little-endian, as all we run on */
	error = sysctl_out(req, arg1 != NULL ? arg1 : &raw, size);
	if (error != 0 || req->newptr == NULL)
		return (error);
	if (arg1 == NULL)
		return (EPERM);
	error = sysctl_in(req, &raw, size);
	if (error != 0)
		return (error);
	if (!sysctl_in_range(oid, load_number(&raw, size, is_unsigned(oid->oid_kind))))
		return (EINVAL);
	memcpy(arg1, &raw, size);
	return (0);
}

int
sysctl_handle_8(SYSCTL_HANDLER_ARGS)
{
	return (handle_number(oidp, arg1, arg2, req, sizeof(uint8_t)));
}

int
sysctl_handle_16(SYSCTL_HANDLER_ARGS)
{
	return (handle_number(oidp, arg1, arg2, req, sizeof(uint16_t)));
}

int
sysctl_handle_32(SYSCTL_HANDLER_ARGS)
{
	return (handle_number(oidp, arg1, arg2, req, sizeof(uint32_t)));
}

int
sysctl_handle_int(SYSCTL_HANDLER_ARGS)
{
	return (handle_number(oidp, arg1, arg2, req, sizeof(int)));
}

int
sysctl_handle_long(SYSCTL_HANDLER_ARGS)
{
	return (handle_number(oidp, arg1, arg2, req, sizeof(long)));
}

int
sysctl_handle_64(SYSCTL_HANDLER_ARGS)
{
	return (handle_number(oidp, arg1, arg2, req, sizeof(uint64_t)));
}

int
sysctl_handle_bool(SYSCTL_HANDLER_ARGS)
{
	uint8_t value = arg1 != NULL ? *(bool *)arg1 : arg2 != 0;
	int error = sysctl_out(req, &value, sizeof(value));

	if (error != 0 || req->newptr == NULL)
		return (error);
	if (arg1 == NULL)
		return (EPERM);
	error = sysctl_in(req, &value, sizeof(value));
	if (error != 0)
		return (error);
	if (value > 1)
		return (EINVAL);
	*(bool *)arg1 = value != 0;
	return (0);
}

/* arg2 is the room for the string with its NUL; 0: it cannot be written. */
int
sysctl_handle_string(SYSCTL_HANDLER_ARGS)
{
	size_t room = (size_t)arg2, len;
	int error;

	len = room > 0 ? strnlen(arg1, room - 1) : strlen(arg1);
	error = sysctl_out(req, arg1, len);
	if (error == 0)
		error = sysctl_out(req, "", 1);
	if (error != 0 || req->newptr == NULL)
		return (error);
	if (room == 0)
		return (EPERM);
	len = strnlen((const char *)req->newptr + req->newidx, req->newlen - req->newidx);
	if (len >= room)
		return (EINVAL);
	error = sysctl_in(req, arg1, len);
	((char *)arg1)[len] = '\0';
	return (error);
}

int
sysctl_handle_opaque(SYSCTL_HANDLER_ARGS)
{
	int error = sysctl_out(req, arg1, (size_t)arg2);

	if (error != 0 || req->newptr == NULL)
		return (error);
	return (sysctl_in(req, arg1, (size_t)arg2));
}

/* An int of ticks that is shown and set in milliseconds. */
int
sysctl_msec_to_ticks(SYSCTL_HANDLER_ARGS)
{
	int64_t in_ticks = *(int *)arg1;
	int ms = (int)(in_ticks * 1000 / hz), error;

	error = sysctl_handle_int(oidp, &ms, 0, req);
	if (error != 0 || req->newptr == NULL)
		return (error);
	in_ticks = (int64_t)ms * hz / 1000;
	if (in_ticks < 1)
		return (EINVAL);
	*(int *)arg1 = (int)in_ticks;
	return (0);
}

/* ---- access ---- */

static int
may_write(const struct sysctl_oid *oid, const struct ucred *cred)
{
	if ((oid->oid_kind & CTLFLAG_WR) == 0)
		return (EPERM);
	if ((oid->oid_kind & CTLFLAG_ANYBODY) != 0 || cred == NULL || cred->cr_uid == 0 ||
	    (cred->cr_privs & CRP_NET_ADMIN) != 0)
		return (0);
	return (EPERM);
}

int
sysctl_call(struct sysctl_oid *oid, struct sysctl_req *req)
{
	void *arg1 = oid->oid_arg1;
	int error;

	if ((oid->oid_kind & CTLTYPE) == CTLTYPE_NODE && oid->oid_handler == NULL)
		return (EISDIR);
	if (req->newptr != NULL && (error = may_write(oid, req->cred)) != 0)
		return (error);
	if ((oid->oid_kind & CTLFLAG_RD) == 0 && req->oldptr != NULL)
		return (EPERM);
	if (oid->oid_handler == NULL)
		return (EINVAL);
	if ((oid->oid_kind & CTLFLAG_VNET) != 0 && arg1 != NULL)
		arg1 = (void *)(curvnet->vnet_data_base + (uintptr_t)arg1);
	return (oid->oid_handler(oid, arg1, oid->oid_arg2, req));
}

int
kernel_sysctlbyname(struct thread *td, const char *name, void *old, size_t *oldlenp,
    const void *new, size_t newlen, size_t *retval, int flags __unused)
{
	struct sysctl_oid *oid = sysctl_lookup(name);
	struct sysctl_req req = {.td = td,
	    .oldptr = oldlenp != NULL ? old : NULL,
	    .oldlen = oldlenp != NULL ? *oldlenp : 0,
	    .newptr = new,
	    .newlen = newlen,
	    .cred = td != NULL ? td->td_ucred : NULL};
	int error;

	if (oid == NULL)
		return (ENOENT);
	error = sysctl_call(oid, &req);
	if (error != 0 && error != ENOMEM)
		return (error);
	if (oldlenp != NULL)
		*oldlenp = req.oldptr != NULL ? MIN(req.oldidx, req.oldlen) : req.oldidx;
	if (retval != NULL)
		*retval = req.oldidx;
	return (error);
}
