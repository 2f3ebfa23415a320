/*
 * glue_sysctl.c - sysctl(9): every type by name and as text, bounds, permissions, stacks, dynamic
 * oids, walking the tree; and every sysctl of the stack has a description.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/proc.h>
#include <sys/sysctl.h>
#include <sys/systm.h>
#include <sys/ucred.h>
#include <net/vnet.h>

#include <host/host.h>
#include <host/sysctl_text.h>

#include "t/lib/tap.h"

int main(void);

SYSCTL_NODE(_debug, OID_AUTO, test, CTLFLAG_RW, NULL, "For this test");

static int an_int = -5;
static u_int a_uint = 4000000000u;
static long a_long = -1234567890123;
static uint64_t a_u64 = 18446744073709551615ull;
static uint8_t a_u8 = 200;
static uint16_t a_u16 = 60000;
static bool a_bool = true;
static char a_string[16] = "text";
static int bounded = 10;
static u_int ubounded = 10;
static int in_ticks = 500;
static struct {
	uint64_t counters[5];
} a_struct;

SYSCTL_INT(_debug_test, OID_AUTO, int, CTLFLAG_RW, &an_int, 0, "int");
SYSCTL_UINT(_debug_test, OID_AUTO, uint, CTLFLAG_RW, &a_uint, 0, "uint");
SYSCTL_LONG(_debug_test, OID_AUTO, long, CTLFLAG_RW, &a_long, 0, "long");
SYSCTL_U64(_debug_test, OID_AUTO, u64, CTLFLAG_RW, &a_u64, 0, "u64");
SYSCTL_U8(_debug_test, OID_AUTO, u8, CTLFLAG_RW, &a_u8, 0, "u8");
SYSCTL_U16(_debug_test, OID_AUTO, u16, CTLFLAG_RW, &a_u16, 0, "u16");
SYSCTL_BOOL(_debug_test, OID_AUTO, flag, CTLFLAG_RW, &a_bool, 0, "bool");
SYSCTL_STRING(_debug_test, OID_AUTO, string, CTLFLAG_RW, a_string, sizeof(a_string), "string");
SYSCTL_CONST_STRING(_debug_test, OID_AUTO, words, CTLFLAG_RD, "always this", "constant");
SYSCTL_INT(_debug_test, OID_AUTO, constant, CTLFLAG_RD, NULL, 77, "constant");
SYSCTL_INT(_debug_test, OID_AUTO, readonly, CTLFLAG_RD, &an_int, 0, "read only");
SYSCTL_INT_RANGE(_debug_test, OID_AUTO, bounded, CTLFLAG_RW, &bounded, -3, 100, "-3 to 100");
SYSCTL_UINT_RANGE(_debug_test, OID_AUTO, ubounded, CTLFLAG_RW, &ubounded, 1, 4000000000, "range");
SYSCTL_OPAQUE(
    _debug_test, OID_AUTO, opaque, CTLFLAG_RD, &a_struct, sizeof(a_struct), "S", "opaque");
SYSCTL_PROC(_debug_test, OID_AUTO, ms, CTLTYPE_INT | CTLFLAG_RW, &in_ticks, 0, sysctl_msec_to_ticks,
    "I", "milliseconds");
SYSCTL_INT(_debug_test, OID_AUTO, hidden, CTLFLAG_RD | CTLFLAG_SKIP, &an_int, 0, "not listed");

VNET_DEFINE_STATIC(int, test_per_stack) = 64;
#define V_test_per_stack VNET(test_per_stack)
SYSCTL_INT(_debug_test, OID_AUTO, per_stack, CTLFLAG_RW | CTLFLAG_VNET, &VNET_NAME(test_per_stack),
    0, "of a stack");

static int
doubled(SYSCTL_HANDLER_ARGS)
{
	int value = *(int *)arg1 * 2, error;

	error = sysctl_handle_int(oidp, &value, 0, req);
	if (error != 0 || req->newptr == NULL)
		return (error);
	if (value % 2 != 0)
		return (EINVAL);
	*(int *)arg1 = value / 2;
	return (0);
}
SYSCTL_PROC(_debug_test, OID_AUTO, doubled, CTLTYPE_INT | CTLFLAG_RW | CTLFLAG_VNET,
    &VNET_NAME(test_per_stack), 0, doubled, "I", "twice per_stack");

static const char *
get(const char *name)
{
	static char buf[256];
	int error = sysctl_text_get(name, buf, sizeof(buf));

	if (error != 0)
		snprintf(buf, sizeof(buf), "error %d", error);
	return (buf);
}

static void
test_text(void)
{
	static const char *const rows[][2] = {{"debug.test.int", "-5"},
	    {"debug.test.uint", "4000000000"}, {"debug.test.long", "-1234567890123"},
	    {"debug.test.u64", "18446744073709551615"}, {"debug.test.u8", "200"},
	    {"debug.test.u16", "60000"}, {"debug.test.flag", "1"}, {"debug.test.string", "text"},
	    {"debug.test.words", "always this"}, {"debug.test.constant", "77"},
	    {"debug.test.opaque", "(40 bytes)"}, {"debug.test.ms", "500"},
	    {"debug.test.doubled", "128"}, {"debug.test.hidden", "-5"}};
	u_int i;

	for (i = 0; i < nitems(rows); i++)
		is_str(get(rows[i][0]), rows[i][1], "%s", rows[i][0]);
	is_int(sysctl_text_get("debug.nothing", NULL, 0), ENOENT, "no such name");
	is_int(sysctl_text_get("debug.test.int.more", NULL, 0), ENOENT, "nothing below a leaf");
	is_int(sysctl_text_get("debug.test", NULL, 0), EISDIR, "a node has no value");
	is_int(sysctl_text_get("", NULL, 0), ENOENT, "nor has nothing");
}

static void
test_set(void)
{
	is_int(sysctl_text_set("debug.test.int", "0x20"), 0, "set in hexadecimal");
	is_int(an_int, 32, "arrives");
	is_int(sysctl_text_set("debug.test.int", " -7 "), 0, "spaces do not matter");
	is_int(sysctl_text_set("debug.test.int", "7x"), EINVAL, "not a number");
	is_int(sysctl_text_set("debug.test.int", ""), EINVAL, "nothing is no number");
	is_int(sysctl_text_set("debug.test.int", "2147483648"), EINVAL, "too large for an int");
	is_int(sysctl_text_set("debug.test.uint", "-1"), EINVAL, "negative for an unsigned");
	is_int(sysctl_text_set("debug.test.u8", "256"), EINVAL, "too large for 8 bits");
	is_int(sysctl_text_set("debug.test.u8", "255"), 0, "not too large for 8 bits");
	is_int(sysctl_text_set("debug.test.flag", "2"), EINVAL, "a flag is 0 or 1");
	is_int(sysctl_text_set("debug.test.flag", "0"), 0, "a flag");
	ok(an_int == -7 && a_u8 == 255 && !a_bool, "what was refused changed nothing");
	is_int(sysctl_text_set("debug.test.string", "fifteen letters"), 0, "a string that fits");
	is_int(
	    sysctl_text_set("debug.test.string", "sixteen letters!"), EINVAL, "one that does not");
	is_str(a_string, "fifteen letters", "the string");
	is_int(sysctl_text_set("debug.test.string", ""), 0, "an empty string");
	is_str(get("debug.test.string"), "", "is empty");
	is_int(sysctl_text_set("debug.test.readonly", "1"), EPERM, "read only");
	is_int(sysctl_text_set("debug.test.words", "1"), EPERM, "constant");
	is_int(sysctl_text_set("debug.test.opaque", "1"), EPERM, "opaque");
	is_int(sysctl_text_set("debug.test.bounded", "101"), EINVAL, "above its bounds");
	is_int(sysctl_text_set("debug.test.bounded", "-4"), EINVAL, "below");
	is_int(sysctl_text_set("debug.test.bounded", "-3"), 0, "at its bounds");
	is_int(sysctl_text_set("debug.test.ubounded", "0"), EINVAL, "unsigned, below");
	is_int(sysctl_text_set("debug.test.ubounded", "3999999999"), 0, "unsigned, large");
	is_int(sysctl_text_set("debug.test.ms", "250"), 0, "milliseconds");
	is_int(in_ticks, 250, "in ticks");
	is_int(sysctl_text_set("debug.test.ms", "0"), EINVAL, "at least a tick");
}

static void
test_vnet(void)
{
	struct vnet *other = vnet_alloc();

	is_int(sysctl_text_set("debug.test.per_stack", "11"), 0, "set in vnet0");
	CURVNET_SET(other);
	is_str(get("debug.test.per_stack"), "64", "another stack has its own");
	is_int(sysctl_text_set("debug.test.doubled", "50"), 0, "set by a handler there");
	is_int(V_test_per_stack, 25, "arrives there");
	is_int(sysctl_text_set("debug.test.doubled", "51"), EINVAL, "a handler may refuse");
	CURVNET_RESTORE();
	is_int(V_test_per_stack, 11, "vnet0 keeps its own");
}

static void
test_byname(void)
{
	struct ucred user = {.cr_ref = 1, .cr_uid = 1000};
	struct thread td = {.td_ucred = &user};
	int value = 0, new = 99, error;
	size_t len = sizeof(value);
	char small[4];

	error = kernel_sysctlbyname(NULL, "debug.test.constant", &value, &len, NULL, 0, NULL, 0);
	ok(error == 0 && value == 77 && len == 4, "kernel_sysctlbyname reads");
	error = kernel_sysctlbyname(NULL, "debug.test.int", NULL, NULL, &new, sizeof(new), NULL, 0);
	ok(error == 0 && an_int == 99, "and writes");
	is_int(kernel_sysctlbyname(&td, "debug.test.int", NULL, NULL, &new, sizeof(new), NULL, 0),
	    EPERM, "not for a user");
	is_int(kernel_sysctlbyname(NULL, "debug.test.int", NULL, NULL, &new, 2, NULL, 0), EINVAL,
	    "not half an int");
	len = 0;
	kernel_sysctlbyname(NULL, "debug.test.words", NULL, &len, NULL, 0, NULL, 0);
	is_int(len, 12, "how long is it?");
	len = sizeof(small);
	is_int(kernel_sysctlbyname(NULL, "debug.test.words", small, &len, NULL, 0, NULL, 0), ENOMEM,
	    "no room");
	is_int(len, 4, "what had room is there");
}

struct walk {
	char names[512];
	int count, undescribed;
};

static int
collect(const char *name, const char *type __unused, const char *descr, int writable __unused,
    void *arg)
{
	struct walk *w = arg;

	w->count++;
	if (descr[0] == '\0') {
		w->undescribed++;
		tap_diag("%s has no description", name);
	}
	strlcat(w->names, name, sizeof(w->names));
	strlcat(w->names, " ", sizeof(w->names));
	return (strcmp(name, "debug.test.dyn.two") == 0 ? 5 : 0);
}

static void
test_dynamic(void)
{
	struct sysctl_ctx_list ctx;
	struct sysctl_oid *node;
	struct walk w = {"", 0, 0};
	int one = 1, two = 2;

	sysctl_ctx_init(&ctx);
	node = SYSCTL_ADD_NODE(&ctx, SYSCTL_STATIC_CHILDREN(_debug_test), OID_AUTO, "dyn",
	    CTLFLAG_RW, NULL, "made at run time");
	SYSCTL_ADD_INT(&ctx, SYSCTL_CHILDREN(node), OID_AUTO, "two", CTLFLAG_RW, &two, 0, "two");
	SYSCTL_ADD_INT(&ctx, SYSCTL_CHILDREN(node), OID_AUTO, "one", CTLFLAG_RW, &one, 0, "one");
	ok(SYSCTL_ADD_NODE(&ctx, SYSCTL_STATIC_CHILDREN(_debug_test), OID_AUTO, "dyn", CTLFLAG_RW,
	       NULL, "again") == node,
	    "a node that is there is found");
	is_str(get("debug.test.dyn.two"), "2", "a dynamic oid");
	is_int(sysctl_text_foreach("debug.test.dyn", collect, &w), 5,
	    "a walk stops when it is told to");
	is_str(w.names, "debug.test.dyn.one debug.test.dyn.two ", "in name order");
	is_int(sysctl_ctx_free(&ctx), 0, "sysctl_ctx_free");
	is_int(sysctl_text_get("debug.test.dyn.two", NULL, 0), ENOENT, "takes all away");
	is_int(sysctl_text_get("debug.test.dyn", NULL, 0), ENOENT, "the node too");
}

static void
test_walk(void)
{
	struct walk w = {"", 0, 0};
	char descr[64];

	is_int(sysctl_text_foreach("debug.test.int", collect, &w), 0, "a walk from a leaf");
	is_str(w.names, "debug.test.int ", "is the leaf");
	is_int(sysctl_text_foreach("debug.nothing", collect, &w), ENOENT, "a walk from nowhere");
	w = (struct walk){"", 0, 0};
	is_int(sysctl_text_foreach("", collect, &w), 0, "a walk over all");
	ok(w.count > 20, "%d oids", w.count);
	is_int(w.undescribed, 0, "each has a description");
	ok(strstr(w.names, "hidden") == NULL, "a hidden one is not listed");
	is_int(
	    sysctl_text_describe("debug.test.bounded", descr, sizeof(descr)), 0, "a description");
	is_str(descr, "-3 to 100", "is what was written beside the variable");
}

/* Reading never fails, whatever the stack is doing. */
static int
read_one(const char *name, const char *type __unused, const char *descr __unused,
    int writable __unused, void *arg)
{
	char *buf = malloc(65536, M_TEMP, M_WAITOK);
	int error = sysctl_text_get(name, buf, 65536);

	if (error != 0) {
		tap_diag("%s: error %d", name, error);
		++*(int *)arg;
	}
	free(buf, M_TEMP);
	return (0);
}

int
main(void)
{
	int failures = 0;

	host_clock_virtual(1000000000ull);
	kern_boot();
	test_text();
	test_set();
	test_vnet();
	test_byname();
	test_dynamic();
	test_walk();
	sysctl_text_foreach("", read_one, &failures);
	is_int(failures, 0, "every oid can be read");
	return (tap_done());
}
