/*
 * kern_sysctl_text.c - the sysctl tree as text: what alpinectl shows and sets, and tests use.
 * Owns nothing. All in curvnet.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/sysctl.h>
#include <sys/systm.h>

#include <host/stdlib.h>
#include <host/sysctl_text.h>

#include <sys/kern_sysctl_var.h>

#define NAME_BYTES 256
#define GROWTH_BYTES 256 /* a text may have become longer since it was measured */

struct type_name {
	u_int type;
	const char *name;
	size_t bytes; /* of a number */
	bool is_signed;
};
static const struct type_name type_names[] = {
    {CTLTYPE_NODE, "node", 0, false},
    {CTLTYPE_INT, "int", sizeof(int), true},
    {CTLTYPE_UINT, "uint", sizeof(u_int), false},
    {CTLTYPE_LONG, "long", sizeof(long), true},
    {CTLTYPE_ULONG, "ulong", sizeof(u_long), false},
    {CTLTYPE_S64, "int64", sizeof(int64_t), true},
    {CTLTYPE_U64, "uint64", sizeof(uint64_t), false},
    {CTLTYPE_U8, "uint8", sizeof(uint8_t), false},
    {CTLTYPE_U16, "uint16", sizeof(uint16_t), false},
    {CTLTYPE_U32, "uint32", sizeof(uint32_t), false},
    {CTLTYPE_BOOL, "bool", sizeof(uint8_t), false},
    {CTLTYPE_STRING, "string", 0, false},
    {CTLTYPE_OPAQUE, "opaque", 0, false},
};

static const struct type_name *
type_of(const struct sysctl_oid *oid)
{
	u_int i;

	for (i = 0; i < nitems(type_names); i++)
		if (type_names[i].type == (oid->oid_kind & CTLTYPE))
			return (&type_names[i]);
	panic("sysctl %s has no type", oid->oid_name);
}

/* ---- reading ---- */

static void
format_number(const struct type_name *type, uint64_t raw, char *buf, size_t size)
{
	if (type->is_signed && type->bytes == 4)
		snprintf(buf, size, "%d", (int)(uint32_t)raw);
	else if (type->is_signed)
		snprintf(buf, size, "%lld", (long long)raw);
	else
		snprintf(buf, size, "%llu", (unsigned long long)raw);
}

static int
get_string(struct sysctl_oid *oid, char *buf, size_t size)
{
	struct sysctl_req req = {0};
	int error = sysctl_call(oid, &req);
	char *text;

	if (error != 0)
		return (error);
	req.oldlen = req.oldidx + GROWTH_BYTES;
	req.oldidx = 0;
	text = malloc(req.oldlen + 1, M_TEMP, M_WAITOK | M_ZERO);
	req.oldptr = text;
	error = sysctl_call(oid, &req);
	if (error == 0 && strlcpy(buf, text, size) >= size)
		error = ENOMEM;
	free(text, M_TEMP);
	return (error);
}

int
sysctl_text_get(const char *name, char *buf, size_t size)
{
	struct sysctl_oid *oid = sysctl_lookup(name);
	const struct type_name *type;
	struct sysctl_req req = {0};
	uint64_t raw = 0;
	int error;

	if (oid == NULL)
		return (ENOENT);
	type = type_of(oid);
	if (type->type == CTLTYPE_NODE)
		return (EISDIR);
	if (type->type == CTLTYPE_STRING)
		return (get_string(oid, buf, size));
	if (type->bytes > 0) {
		req.oldptr = &raw;
		req.oldlen = type->bytes;
	}
	error = sysctl_call(oid, &req);
	if (error != 0)
		return (error);
	if (type->bytes > 0)
		format_number(type, raw, buf, size);
	else
		snprintf(buf, size, "(%zu bytes)", req.oldidx);
	return (0);
}

/* ---- writing ---- */

static int
parse_number(const struct type_name *type, const char *text, uint64_t *raw)
{
	u_int bits = (u_int)type->bytes * 8;
	int64_t value;

	if (type->is_signed) {
		if (host_strtoll(text, 0, &value) != 0)
			return (EINVAL);
		*raw = (uint64_t)value;
		return (bits == 32 && (value < INT_MIN || value > INT_MAX) ? EINVAL : 0);
	}
	if (host_strtoull(text, 0, raw) != 0)
		return (EINVAL);
	return (bits < 64 && *raw >> bits != 0 ? EINVAL : 0);
}

int
sysctl_text_set(const char *name, const char *value)
{
	struct sysctl_oid *oid = sysctl_lookup(name);
	const struct type_name *type;
	struct sysctl_req req = {0};
	uint64_t raw;

	if (oid == NULL)
		return (ENOENT);
	type = type_of(oid);
	if (type->type == CTLTYPE_NODE)
		return (EISDIR);
	if ((oid->oid_kind & CTLFLAG_WR) == 0 || type->type == CTLTYPE_OPAQUE)
		return (EPERM);
	if (type->type == CTLTYPE_STRING) {
		req.newptr = value;
		req.newlen = strlen(value) + 1;
	} else {
		if (parse_number(type, value, &raw) != 0)
			return (EINVAL);
		req.newptr = &raw;
		req.newlen = type->bytes;
	}
	return (sysctl_call(oid, &req));
}

/* ---- about the tree ---- */

int
sysctl_text_describe(const char *name, char *buf, size_t size)
{
	struct sysctl_oid *oid = sysctl_lookup(name);

	if (oid == NULL)
		return (ENOENT);
	return (
	    strlcpy(buf, oid->oid_descr != NULL ? oid->oid_descr : "", size) < size ? 0 : ENOMEM);
}

typedef int text_fn(const char *name, const char *type, const char *descr, int writable, void *arg);

static int
visit_leaf(struct sysctl_oid *oid, const char *name, text_fn *f, void *arg)
{
	return (f(name, type_of(oid)->name, oid->oid_descr != NULL ? oid->oid_descr : "",
	    (oid->oid_kind & CTLFLAG_WR) != 0, arg));
}

/* `name` holds the path of the parent and room for more. */
static int
visit_children(struct sysctl_oid_list *list, char *name, text_fn *f, void *arg)
{
	size_t len = strlen(name);
	struct sysctl_oid *oid;
	int result = 0;

	SLIST_FOREACH (oid, list, oid_link) {
		if ((oid->oid_kind & CTLFLAG_SKIP) != 0)
			continue;
		snprintf(name + len, NAME_BYTES - len, "%s%s", len > 0 ? "." : "", oid->oid_name);
		if ((oid->oid_kind & CTLTYPE) == CTLTYPE_NODE)
			result = visit_children(&oid->oid_children, name, f, arg);
		else
			result = visit_leaf(oid, name, f, arg);
		name[len] = '\0';
		if (result != 0)
			break;
	}
	return (result);
}

int
sysctl_text_foreach(const char *prefix, text_fn *f, void *arg)
{
	char name[NAME_BYTES] = "";
	struct sysctl_oid *oid;

	if (*prefix == '\0')
		return (visit_children(&sysctl_root_children, name, f, arg));
	oid = sysctl_lookup(prefix);
	if (oid == NULL || strlcpy(name, prefix, sizeof(name)) >= sizeof(name))
		return (ENOENT);
	if ((oid->oid_kind & CTLTYPE) == CTLTYPE_NODE)
		return (visit_children(&oid->oid_children, name, f, arg));
	return (visit_leaf(oid, name, f, arg));
}
