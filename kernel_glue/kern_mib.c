/*
 * kern_mib.c - the roots of the sysctl tree and what it tells of the kernel environment itself:
 * names, clock, memory. Owns the host name.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/sysctl.h>
#include <sys/systm.h>
#include <vm/uma.h>

#define MEMORY_TEXT_BYTES (32 * 1024)

SYSCTL_ROOT_NODE(OID_AUTO, kern, CTLFLAG_RW, NULL, "The kernel environment");
SYSCTL_ROOT_NODE(OID_AUTO, vm, CTLFLAG_RW, NULL, "Memory");
SYSCTL_ROOT_NODE(OID_AUTO, net, CTLFLAG_RW, NULL, "The network stack");
SYSCTL_ROOT_NODE(OID_AUTO, hw, CTLFLAG_RW, NULL, "Devices");
SYSCTL_ROOT_NODE(OID_AUTO, debug, CTLFLAG_RW, NULL, "For debugging");
SYSCTL_ROOT_NODE(OID_AUTO, security, CTLFLAG_RW, NULL, "Security");
SYSCTL_NODE(_kern, OID_AUTO, ipc, CTLFLAG_RW, NULL, "Sockets and mbufs");
SYSCTL_NODE(_kern, OID_AUTO, features, CTLFLAG_RD, NULL, "What this build has");
SYSCTL_NODE(_net, OID_AUTO, alpine, CTLFLAG_RW, NULL, "What only this system has");

static char hostname[MAXHOSTNAMELEN] = "alpine";

SYSCTL_CONST_STRING(_kern, OID_AUTO, ostype, CTLFLAG_RD, "Alpine", "Name of the system");
SYSCTL_CONST_STRING(_kern, OID_AUTO, osrelease, CTLFLAG_RD, ALPINE_VERSION, "Release");
SYSCTL_INT(_kern, OID_AUTO, osreldate, CTLFLAG_RD, NULL, __FreeBSD_version,
    "The FreeBSD version whose kernel interfaces these are");
SYSCTL_STRING(_kern, OID_AUTO, hostname, CTLFLAG_RW, hostname, sizeof(hostname),
    "Name of this host (255 bytes, default alpine)");
SYSCTL_INT(_kern, OID_AUTO, hz, CTLFLAG_RD, &hz, 0, "Ticks per second; nothing runs at each tick");

static int
sysctl_uptime(SYSCTL_HANDLER_ARGS)
{
	int64_t seconds = time_uptime;

	return (sysctl_handle_64(oidp, &seconds, 0, req));
}
SYSCTL_PROC(_kern, OID_AUTO, uptime, CTLTYPE_S64 | CTLFLAG_RD, NULL, 0, sysctl_uptime, "Q",
    "Seconds since the start");

/* ---- memory as text ---- */

struct text {
	char *buf;
	size_t len;
};

static void __printflike(2, 3) add_line(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, MEMORY_TEXT_BYTES - t->len, fmt, ap);
	va_end(ap);
	t->len = MIN(t->len + (size_t)n, MEMORY_TEXT_BYTES - 1);
}

static void
add_type(const struct malloc_type *type, void *arg)
{
	add_line(arg, "%-16s %8ju %12ju %12ju %8ju\n", type->ks_shortdesc,
	    (uintmax_t)type->ks_inuse, (uintmax_t)type->ks_memuse, (uintmax_t)type->ks_calls,
	    (uintmax_t)type->ks_fails);
}

static void
add_zone(uma_zone_t z, void *arg)
{
	add_line(arg, "%-20s %8zu %8d %8d %8d %12ju %8ju\n", uma_zone_name(z), uma_zone_size(z),
	    uma_zone_get_max(z), uma_zone_get_cur(z), uma_zone_get_free(z),
	    (uintmax_t)uma_zone_get_allocs(z), (uintmax_t)uma_zone_get_fails(z));
}

/* arg2: 0 types of malloc(9), 1 zones. */
static int
sysctl_memory(SYSCTL_HANDLER_ARGS)
{
	struct text t = {malloc(MEMORY_TEXT_BYTES, M_TEMP, M_WAITOK), 0};
	int error;

	t.buf[0] = '\0';
	if (arg2 == 0) {
		add_line(&t, "%-16s %8s %12s %12s %8s\n", "TYPE", "IN-USE", "BYTES", "REQUESTS",
		    "FAILURES");
		malloc_type_foreach(add_type, &t);
	} else {
		add_line(&t, "%-20s %8s %8s %8s %8s %12s %8s\n", "ZONE", "SIZE", "LIMIT", "USED",
		    "FREE", "REQUESTS", "FAILURES");
		uma_zone_foreach(add_zone, &t);
	}
	error = SYSCTL_OUT_STR(req, t.buf);
	free(t.buf, M_TEMP);
	return (error);
}
SYSCTL_PROC(_kern, OID_AUTO, malloc_stats, CTLTYPE_STRING | CTLFLAG_RD | CTLFLAG_SKIP, NULL, 0,
    sysctl_memory, "A", "Memory in use, by malloc(9) type");
SYSCTL_PROC(_vm, OID_AUTO, zone, CTLTYPE_STRING | CTLFLAG_RD | CTLFLAG_SKIP, NULL, 1, sysctl_memory,
    "A", "Memory in use, by zone");
