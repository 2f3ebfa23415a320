/*
 * kern_main.c - how the kernel world starts and how it runs, SYSINIT(9).
 *
 * kern_boot() runs what SYSINIT() and, in vnet0, VNET_SYSINIT() left in the linker sets, both in
 * one order. From then on the host calls kern_run() whenever something happened or kern_next_ns()
 * has come.
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

#include <sys/kern_var.h>

#define TURN_NS_MAX (10 * NS_PER_MS) /* then the loop looks after its descriptors again */

int bootverbose;

SET_DECLARE(sysinit_set, struct sysinit);
SET_DECLARE(vnet_sysinit_set, struct sysinit);

static bool booted, running;

SYSCTL_UINT_RANGE(_net_alpine, OID_AUTO, busy_poll_us, CTLFLAG_RW, &host_busy_poll_us, 0, 1000,
    "Time that the event loop looks for work before it sleeps (0-1000 us, default 0); less "
    "delay for CPU time");

int
init_row_compare(const void *a, const void *b)
{
	const struct init_row *x = a, *y = b;

	if (x->si->subsystem != y->si->subsystem)
		return (x->si->subsystem < y->si->subsystem ? -1 : 1);
	if (x->si->order != y->si->order)
		return (x->si->order < y->si->order ? -1 : 1);
	if (x->per_vnet != y->per_vnet)
		return (x->per_vnet ? 1 : -1);
	return (x->position < y->position ? -1 : x->position > y->position);
}

static void
run_sysinits(void)
{
	u_int n = (u_int)(SET_COUNT(sysinit_set) + SET_COUNT(vnet_sysinit_set)), i = 0;
	struct init_row *rows = mallocarray(MAX(n, 1), sizeof(*rows), M_TEMP, M_WAITOK);
	struct sysinit **si;

	SET_FOREACH (si, sysinit_set) {
		rows[i] = (struct init_row){*si, i, false};
		i++;
	}
	SET_FOREACH (si, vnet_sysinit_set) {
		rows[i] = (struct init_row){*si, i, true};
		i++;
	}
	qsort(rows, n, sizeof(*rows), init_row_compare);
	for (i = 0; i < n; i++)
		rows[i].si->func(__DECONST(void *, rows[i].si->udata));
	free(rows, M_TEMP);
}

void
kern_boot(void)
{
	if (booted)
		return;
	booted = true;
	tc_boot();
	callout_boot();
	vnet0 = curvnet = vnet_create("vnet0");
	sysctl_boot();
	thread0.td_ucred = kern_cred;
	run_sysinits();
}

bool
kern_pending(void)
{
	return (swi_pending() || kthread_runnable());
}

uint64_t
kern_next_ns(void)
{
	return (kern_pending() ? tc_now_ns : callout_next_ns());
}

static bool
turn_over(void)
{
	return (!host_clock_is_virtual() && host_monotonic_ns() - tc_now_ns > TURN_NS_MAX);
}

void
kern_run(void)
{
	KASSERT(booted, ("kern_run before kern_boot"));
	KASSERT(!running && curthread == &thread0, ("kern_run called from inside the stack"));
	running = true;
	CURVNET_SET(vnet0);
	kern_clock_update();
	callout_run();
	while (kern_pending()) {
		swi_run();
		kthread_run();
		if (turn_over())
			break;
	}
	CURVNET_RESTORE();
	running = false;
}
