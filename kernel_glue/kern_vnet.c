/*
 * kern_vnet.c - VNET(9): the stacks of this process.
 *
 * Section set_vnet holds the initial values of all VNET variables. A stack has a copy of it;
 * vnet_data_base is the distance from the section to the copy. Owns curvnet and the list.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/malloc.h>
#include <sys/queue.h>
#include <sys/systm.h>
#include <net/vnet.h>

#include <host/host.h>

#include <sys/kern_var.h>

#define DATA_ALIGN 64 /* no VNET variable wants more */

static MALLOC_DEFINE(M_VNET, "vnet", "network stacks");

struct vnet_list_head vnet_head = LIST_HEAD_INITIALIZER(vnet_head);
struct vnet *vnet0;
struct vnet *curvnet;

extern char __start_set_vnet[] __weak_symbol;
extern char __stop_set_vnet[] __weak_symbol;
SET_DECLARE(vnet_sysinit_set, struct sysinit);
SET_DECLARE(vnet_sysuninit_set, struct sysinit);

enum { VNET_STARTING, VNET_RUNNING, VNET_STOPPING };

static uint32_t last_id;

static size_t
data_bytes(void)
{
	return ((size_t)((uintptr_t)__stop_set_vnet - (uintptr_t)__start_set_vnet) + DATA_ALIGN);
}

/* The copy lies as the section does relative to a multiple of DATA_ALIGN. */
struct vnet *
vnet_create(const char *name)
{
	uintptr_t section = (uintptr_t)__start_set_vnet;
	struct vnet *vnet = malloc(sizeof(*vnet), M_VNET, M_WAITOK | M_ZERO);
	char *copy;

	vnet->vnet_data_mem = host_alloc(data_bytes());
	if (vnet->vnet_data_mem == NULL)
		panic("no memory for the data of a stack");
	copy = (char *)vnet->vnet_data_mem + section % DATA_ALIGN;
	if (data_bytes() > DATA_ALIGN)
		memcpy(copy, __start_set_vnet, data_bytes() - DATA_ALIGN);
	vnet->vnet_data_base = (uintptr_t)copy - section;
	vnet->vnet_id = last_id++;
	if (name != NULL)
		strlcpy(vnet->vnet_name, name, sizeof(vnet->vnet_name));
	else
		snprintf(vnet->vnet_name, sizeof(vnet->vnet_name), "vnet%u", vnet->vnet_id);
	LIST_INSERT_HEAD(&vnet_head, vnet, vnet_le);
	return (vnet);
}

static u_int
collect(struct sysinit **begin, struct sysinit **limit, struct init_row **rowsp)
{
	u_int n = (u_int)(limit - begin), i;
	struct init_row *rows = mallocarray(MAX(n, 1), sizeof(*rows), M_TEMP, M_WAITOK);

	for (i = 0; i < n; i++)
		rows[i] = (struct init_row){begin[i], i, true};
	qsort(rows, n, sizeof(*rows), init_row_compare);
	*rowsp = rows;
	return (n);
}

struct vnet *
vnet_alloc(void)
{
	struct vnet *vnet = vnet_create(NULL);
	struct init_row *rows;
	u_int n, i;

	CURVNET_SET(vnet);
	n = collect(SET_BEGIN(vnet_sysinit_set), SET_LIMIT(vnet_sysinit_set), &rows);
	for (i = 0; i < n; i++)
		rows[i].si->func(__DECONST(void *, rows[i].si->udata));
	free(rows, M_TEMP);
	vnet->vnet_state = VNET_RUNNING;
	CURVNET_RESTORE();
	return (vnet);
}

void
vnet_destroy(struct vnet *vnet)
{
	struct init_row *rows;
	u_int n;

	KASSERT(vnet != vnet0, ("vnet_destroy: the first stack lives as long as the process"));
	KASSERT(vnet != curvnet, ("vnet_destroy: a stack cannot end itself"));
	vnet->vnet_shutdown = true;
	vnet->vnet_state = VNET_STOPPING;
	CURVNET_SET(vnet);
	n = collect(SET_BEGIN(vnet_sysuninit_set), SET_LIMIT(vnet_sysuninit_set), &rows);
	while (n-- > 0)
		rows[n].si->func(__DECONST(void *, rows[n].si->udata));
	free(rows, M_TEMP);
	CURVNET_RESTORE();
	LIST_REMOVE(vnet, vnet_le);
	host_free(vnet->vnet_data_mem, data_bytes());
	free(vnet, M_VNET);
}
