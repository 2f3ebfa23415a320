/*
 * glue_vnet.c - SYSINIT(9), VNET(9), and the small services: hashes, uio(9), time, ratecheck(9),
 * credentials, numbers, strings.
 */
#include <sys/param.h>
#include <sys/counter.h>
#include <sys/hash.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/priv.h>
#include <sys/siphash.h>
#include <sys/systm.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <net/vnet.h>

#include <host/host.h>

#include "t/lib/tap.h"

int main(void);

/* ---- boot order ---- */

static char trace[128];

static void
boot_note(const void *arg)
{
	strlcat(trace, arg, sizeof(trace));
	strlcat(trace, " ", sizeof(trace));
}
SYSINIT(test_last, SI_SUB_LAST, SI_ORDER_ANY, boot_note, "last");
SYSINIT(test_second, SI_SUB_KMEM, SI_ORDER_SECOND, boot_note, "kmem2");
SYSINIT(test_first, SI_SUB_KMEM, SI_ORDER_FIRST, boot_note, "kmem1");
SYSINIT(test_vm, SI_SUB_VM, SI_ORDER_ANY, boot_note, "vm");
VNET_SYSINIT(test_vnet, SI_SUB_PROTO_DOMAIN, SI_ORDER_ANY, boot_note, "vnet");
SYSINIT(test_same, SI_SUB_PROTO_DOMAIN, SI_ORDER_ANY, boot_note, "proto");

/* ---- variables of a stack ---- */

VNET_DEFINE_STATIC(int, test_number) = 7;
#define V_test_number VNET(test_number)
VNET_DEFINE_STATIC(char, test_text[32]) = "initial";
#define V_test_text VNET(test_text)
VNET_DEFINE_STATIC(int, test_started);
#define V_test_started VNET(test_started)
struct test_aligned {
	char bytes[64];
} __aligned(64);
VNET_DEFINE_STATIC(struct test_aligned, test_aligned);
#define V_test_aligned VNET(test_aligned)

static int ended;

static void
stack_start(void *arg __unused)
{
	V_test_started = V_test_number;
}
VNET_SYSINIT(test_start, SI_SUB_VNET_DONE, SI_ORDER_ANY, stack_start, NULL);

static void
stack_end(const void *arg)
{
	ended = ended * 10 + (int)(uintptr_t)arg + (V_test_started - 7);
}
VNET_SYSUNINIT(test_end_b, SI_SUB_VNET_DONE, SI_ORDER_FIRST, stack_end, (void *)1);
VNET_SYSUNINIT(test_end_a, SI_SUB_VNET_DONE, SI_ORDER_ANY, stack_end, (void *)2);

static void
test_vnets(void)
{
	struct vnet *a, *b, *v;
	int n = 0;

	is_str(
	    trace, "vm kmem1 kmem2 proto vnet last ", "SYSINITs ran in order, vnet0's among them");
	ok(curvnet == vnet0 && IS_DEFAULT_VNET(curvnet), "curvnet is vnet0 after boot");
	is_int(V_test_started, 7, "vnet0 was started");
	V_test_number = 100;
	trace[0] = '\0';
	a = vnet_alloc();
	b = vnet_alloc();
	is_str(trace, "vnet vnet ", "only VNET_SYSINITs run in a new stack");
	is_int(VNET_VNET(a, test_number), 7, "a new stack has the initial values, not vnet0's");
	CURVNET_SET(b);
	is_int(V_test_started, 7, "its VNET_SYSINIT ran in it");
	strlcpy(V_test_text, "of b", sizeof(V_test_text));
	ok(((uintptr_t)&V_test_aligned & 63) == 0, "alignment is kept");
	CURVNET_RESTORE();
	is_str(V_test_text, "initial", "what one stack writes");
	is_str(VNET_VNET(a, test_text), "initial", "no other sees");
	is_str(VNET_VNET(b, test_text), "of b", "but itself");
	VNET_FOREACH (v)
		n++;
	is_int(n, 3, "three stacks");
	vnet_destroy(a);
	is_int(ended, 21, "VNET_SYSUNINITs run in reverse");
	vnet_destroy(b);
	is_int(ended, 2121, "in each stack");
	ok(LIST_FIRST(&vnet_head) == vnet0 && LIST_NEXT(vnet0, vnet_le) == NULL, "vnet0 is left");
}

/* ---- the small services ---- */

static void
test_hashes(void)
{
	static const uint64_t want[] = {
	    0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d};
	uint8_t key[16], msg[64];
	u_long mask;
	void *table;
	int i;

	for (i = 0; i < 64; i++)
		msg[i] = (uint8_t)i;
	memcpy(key, msg, 16);
	for (i = 0; i < 4; i++)
		ok(siphash24(key, msg, (size_t)i) == want[i], "SipHash-2-4 of %d bytes", i);
	ok(siphash24(key, msg, 15) == 0xa129ca6149be45e5, "SipHash-2-4, the paper's example");
	ok(fnv_32_buf("a", 1, 0x811c9dc5) == 0x050c5d7e, "FNV-1");
	table = hashinit(100, M_TEMP, &mask);
	is_int(mask, 63, "hashinit rounds down to a power of 2");
	hashdestroy(table, M_TEMP, mask);
}

static void
test_uio(void)
{
	char a[4] = "", b[8] = "";
	struct iovec iov[3] = {{a, 4}, {NULL, 0}, {b, 8}};
	struct uio uio = {.uio_iov = iov,
	    .uio_iovcnt = 3,
	    .uio_resid = 12,
	    .uio_rw = UIO_READ,
	    .uio_segflg = UIO_SYSSPACE};

	is_int(uiomove(__DECONST(char *, "abcdef"), 6, &uio), 0, "uiomove");
	ok(memcmp(a, "abcd", 4) == 0 && memcmp(b, "ef", 2) == 0, "over two pieces");
	is_int(uio.uio_resid, 6, "six bytes are left");
	uiomove(__DECONST(char *, "0123456789"), 10, &uio);
	ok(memcmp(b, "ef012345", 8) == 0 && uio.uio_resid == 0, "no more than there is room for");
}

static void
test_time(void)
{
	struct timeval tv, last = {0, 0}, second = {1, 0};
	struct counter_rate rate = {0};
	int i, allowed = 0, cur = 0, before = ticks;
	sbintime_t up = sbinuptime();

	host_clock_advance_to(host_monotonic_ns() + 2500000000ull);
	is_int(ticks - before, 2500, "ticks are milliseconds");
	is_int(sbttoms(sbinuptime() - up), 2500, "sbinuptime");
	is_int(sbttoms(getsbinuptime() - up), 2500, "getsbinuptime, without a kern_run()");
	microuptime(&tv);
	is_int(tv.tv_sec, time_uptime, "microuptime and time_uptime");
	microtime(&tv);
	is_int(tv.tv_sec, time_second, "microtime and time_second");
	tv = (struct timeval){1, 500000};
	is_int(tvtohz(&tv), 1501, "tvtohz rounds up");
	ok(sbttous(ustosbt(123456)) == 123456 && sbttoms(mstosbt(7)) == 7, "conversions and back");

	is_int(ratecheck(&last, &second), 1, "ratecheck: the first time");
	is_int(ratecheck(&last, &second), 0, "not at once again");
	host_clock_advance_to(host_monotonic_ns() + 1000000000ull);
	is_int(ratecheck(&last, &second), 1, "a second later again");
	timevalclear(&last);
	for (i = 0; i < 10; i++)
		allowed += ppsratecheck(&last, &cur, 3);
	is_int(allowed, 3, "ppsratecheck: three a second");
	for (allowed = i = 0; i < 10; i++)
		allowed += counter_ratecheck(&rate, 4) >= 0;
	is_int(allowed, 4, "counter_ratecheck: four a second");
	host_clock_advance_to(host_monotonic_ns() + 1000000000ull);
	is_int(counter_ratecheck(&rate, 4), 6, "then it says how many were refused");
}

static void
test_cred(void)
{
	struct ucred *cr = crget();

	cr->cr_uid = 1000;
	is_int(priv_check_cred(cr, PRIV_NETINET_RESERVEDPORT), EPERM, "a user has no low port");
	cr->cr_privs = CRP_NET_BIND;
	is_int(priv_check_cred(cr, PRIV_NETINET_RESERVEDPORT), 0, "unless it was granted");
	is_int(priv_check_cred(cr, PRIV_NETINET_RAW), EPERM, "which is no grant of raw sockets");
	is_int(priv_check_cred(kern_cred, PRIV_NET_ROUTE), 0, "the stack may all");
	crfree(crhold(cr));
	crfree(cr);
}

static void
test_libkern(void)
{
	char buf[8], *end;
	uint32_t a, b;
	int i, outside = 0;

	is_int(strlcpy(buf, "much too long", sizeof(buf)), 13, "strlcpy says how long it was");
	is_str(buf, "much to", "and cuts");
	strlcpy(buf, "ab", sizeof(buf));
	is_int(strlcat(buf, "cdefghi", sizeof(buf)), 9, "strlcat too");
	is_str(buf, "abcdefg", "and cuts");
	is_int(strtol("-0x10zz", &end, 0), -16, "strtol");
	is_str(end, "zz", "and where it ended");
	is_int(strtoul("755", NULL, 8), 493, "strtoul in octal");
	is_int(strtol("x", &end, 10), 0, "no number");
	is_str(end, "x", "is where it began");
	for (i = 0; i < 10000; i++)
		outside += arc4random_uniform(7) >= 7;
	is_int(outside, 0, "arc4random_uniform keeps its bound");
	host_random_seed(5);
	a = arc4random();
	host_random_seed(5);
	b = arc4random();
	ok(a == b, "a seed makes randomness repeatable");
	is_int(flsll(1ull << 40), 41, "flsll");
	snprintf(buf, sizeof(buf), "%d-%s", 12, "x");
	is_str(buf, "12-x", "snprintf");
}

static int logged_priority;
static char logged[128];

static void
catch_log(int priority, const char *line)
{
	logged_priority = priority;
	strlcat(logged, line, sizeof(logged));
	strlcat(logged, "|", sizeof(logged));
}

static void
test_log(void)
{
	host_log_set(catch_log);
	logged[0] = '\0';
	printf("one ");
	printf("line\nand ");
	log(LOG_WARNING, "a warning\n");
	host_log_set(NULL);
	is_str(logged, "one line|and |a warning|", "printf(9) and log(9) make lines");
	is_int(logged_priority, LOG_WARNING, "with a priority");
}

int
main(void)
{
	host_clock_virtual(1000000000ull);
	host_random_seed(1);
	kern_boot();
	test_vnets();
	test_hashes();
	test_uio();
	test_time();
	test_cred();
	test_libkern();
	test_log();
	return (tap_done());
}
