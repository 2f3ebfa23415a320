/*
 * bridge.c - puts the stack's TAP and a network interface of the host into one Ethernet bridge.
 *
 *	before:  eth0 (MAC, addresses, routes)
 *	after:   eth0 --- br-eth0 (eth0's MAC, its addresses, its routes) --- tap0 --- the stack
 *
 * A transaction: a row of steps, each with its undoing. A step that fails undoes itself and all
 * before it; bridge_detach() undoes the whole row. Routes and addresses are added at their new
 * place before they are taken from the old one, so established connections go on.
 * If the interface is a bridge, or a port of one, only the TAP is put into that bridge.
 *
 * Owns struct bridge: what was found and how far the steps came. Host world, called by alpined.
 * Later, a state file that `alpined --restore` reads is written between the steps.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netlink/errno.h>
#include <netlink/netlink.h>

#include "kernel_glue/include/host/host.h"
#include "tapbridge/link.h"
#include "tapbridge/link_error.h"
#include "tapbridge/nl_util.h"

struct bridge {
	struct nl_sock *b_sk;
	struct nl_linkinfo b_nic, b_tap;
	char b_name[IFNAMSIZ];
	int b_ifindex;
	bool b_join;	 /* only the TAP is ours; the bridge and what is in it were there */
	bool b_was_down; /* the bridge that was there */
	bool b_created, b_brought_up, b_nic_in, b_tap_in;
	struct nl_records b_addrs, b_routes; /* of the NIC, before */
	int b_addrs_copied, b_routes_moved, b_addrs_taken;
};

struct step {
	const char *what; /* "cannot ..." */
	int (*todo)(struct bridge *);
	int (*undo)(struct bridge *);
};

/* ---- the steps: 0 or a negative libnl error; an undo does what its step got done ---- */

static int
create_bridge(struct bridge *b)
{
	struct nl_linkinfo li;
	int error;

	if (b->b_ifindex != 0) {
		error = b->b_was_down ? nlu_link_set_up(b->b_sk, b->b_ifindex, true) : 0;
		b->b_brought_up = b->b_was_down && error == 0;
		return (error);
	}
	error = nlu_bridge_create(b->b_sk, b->b_name, &b->b_nic);
	if (error != 0)
		return (error);
	b->b_created = true;
	error = nlu_link_get(b->b_sk, b->b_name, 0, &li);
	if (error == 0)
		b->b_ifindex = li.ifindex;
	return (error);
}

static int
delete_bridge(struct bridge *b)
{
	if (b->b_brought_up) {
		b->b_brought_up = false;
		return (nlu_link_set_up(b->b_sk, b->b_ifindex, false));
	}
	if (!b->b_created)
		return (0);
	b->b_created = false;
	return (nlu_link_delete(b->b_sk, b->b_ifindex));
}

static int
enslave_tap(struct bridge *b)
{
	int error;

	if (b->b_tap.master == b->b_ifindex)
		return (0);
	error = nlu_link_set_master(b->b_sk, b->b_tap.ifindex, b->b_ifindex);
	b->b_tap_in = error == 0;
	return (error);
}

/* The TAP goes with its descriptor; then there is nothing to release. */
static int
release_tap(struct bridge *b)
{
	int error;

	if (!b->b_tap_in)
		return (0);
	b->b_tap_in = false;
	error = nlu_link_set_master(b->b_sk, b->b_tap.ifindex, 0);
	return (error == -NLE_NODEV || error == -NLE_OBJ_NOTFOUND ? 0 : error);
}

static int
enslave_nic(struct bridge *b)
{
	int error;

	if (b->b_join)
		return (0);
	error = nlu_link_set_master(b->b_sk, b->b_nic.ifindex, b->b_ifindex);
	b->b_nic_in = error == 0;
	return (error);
}

static int
release_nic(struct bridge *b)
{
	if (!b->b_nic_in)
		return (0);
	b->b_nic_in = false;
	return (nlu_link_set_master(b->b_sk, b->b_nic.ifindex, 0));
}

static int
copy_addrs(struct bridge *b)
{
	struct nl_record *r;
	int error;

	for (r = b->b_addrs.first; r != NULL; r = r->next) {
		error = nlu_addr_add(b->b_sk, r, b->b_ifindex);
		if (error != 0)
			return (error);
		b->b_addrs_copied++;
	}
	return (0);
}

static int
uncopy_addrs(struct bridge *b)
{
	struct nl_record *r;
	int first = 0, error;

	for (r = b->b_addrs.first; r != NULL && b->b_addrs_copied > 0; r = r->next) {
		error = nlu_addr_del(b->b_sk, r, b->b_ifindex);
		if (first == 0)
			first = error;
		b->b_addrs_copied--;
	}
	return (first);
}

static int
move_routes(struct bridge *b)
{
	struct nl_record *r;
	int error, nic = b->b_nic.ifindex;

	for (r = b->b_routes.first; r != NULL; r = r->next) {
		error = nlu_route_add(b->b_sk, r, nic, b->b_ifindex);
		if (error != 0)
			return (error);
		b->b_routes_moved++;
		error = nlu_route_del(b->b_sk, r, nic, nic);
		if (error != 0)
			return (error);
	}
	return (0);
}

static int
move_routes_back(struct bridge *b)
{
	struct nl_record *r;
	int first = 0, error, nic = b->b_nic.ifindex;

	for (r = b->b_routes.first; r != NULL && b->b_routes_moved > 0; r = r->next) {
		error = nlu_route_add(b->b_sk, r, nic, nic);
		if (first == 0)
			first = error;
		error = nlu_route_del(b->b_sk, r, nic, b->b_ifindex);
		if (first == 0)
			first = error;
		b->b_routes_moved--;
	}
	return (first);
}

/* The last first: with a subnet's first address the kernel would take its others, too. */
static int
take_addr(struct bridge *b, const struct nl_record *r)
{
	int error;

	if (r == NULL)
		return (0);
	error = take_addr(b, r->next);
	if (error != 0)
		return (error);
	error = nlu_addr_del(b->b_sk, r, b->b_nic.ifindex);
	if (error == 0)
		b->b_addrs_taken++;
	return (error);
}

static int
take_addrs(struct bridge *b)
{
	return (take_addr(b, b->b_addrs.first));
}

static int
give_addrs_back(struct bridge *b)
{
	struct nl_record *r;
	int first = 0, error;

	if (b->b_addrs_taken == 0)
		return (0);
	b->b_addrs_taken = 0;
	for (r = b->b_addrs.first; r != NULL; r = r->next) {
		error = nlu_addr_add(b->b_sk, r, b->b_nic.ifindex);
		if (first == 0)
			first = error;
	}
	return (first);
}

static const struct step steps[] = {
    {"make the bridge", create_bridge, delete_bridge},
    {"put the TAP into the bridge", enslave_tap, release_tap},
    {"put the interface into the bridge", enslave_nic, release_nic},
    {"give the bridge the interface's addresses", copy_addrs, uncopy_addrs},
    {"move the interface's routes to the bridge", move_routes, move_routes_back},
    {"take the addresses from the interface", take_addrs, give_addrs_back},
};
#define NSTEPS ((int)(sizeof(steps) / sizeof(steps[0])))

/* Undoes steps[last] to steps[0]; goes on after a failure. The first failure is told. */
static int
undo_from(struct bridge *b, int last, const char **what)
{
	int i, error, first = 0;

	for (i = last; i >= 0; i--) {
		error = steps[i].undo(b);
		if (error != 0 && first == 0) {
			first = error;
			*what = steps[i].what;
		}
	}
	return (first);
}

static const char *
hint_for(int nl_error)
{
	switch (nl_error) {
	case -NLE_PERM:
		return ("run as root, or with CAP_NET_ADMIN in this network namespace");
	case -NLE_OPNOTSUPP:
		return (
		    "such an interface cannot be in a bridge; use a TAP of its own: --tap NAME");
	case -NLE_BUSY:
		return ("`ip -d link` shows whose port it is");
	default:
		return ("");
	}
}

static int
run_steps(struct bridge *b, struct link_error *le)
{
	const char *what = NULL;
	int i, error, undo_error;

	for (i = 0; i < NSTEPS; i++) {
		error = steps[i].todo(b);
		if (error == 0)
			continue;
		link_error_set(le, hint_for(error), "%s, bridge %s: cannot %s: %s", b->b_nic.name,
		    b->b_name, steps[i].what, nl_geterror(error));
		undo_error = undo_from(b, i, &what);
		if (undo_error != 0) {
			char line[256];

			snprintf(line, sizeof(line), "bridge %s: cannot undo '%s': %s", b->b_name,
			    what, nl_geterror(undo_error));
			host_log(3, line);
		}
		return (-1);
	}
	return (0);
}

/* ---- looking before the first step ---- */

static bool
is_wireless(const char *iface)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/phy80211", iface);
	return (access(path, F_OK) == 0);
}

static int
check_nic(struct bridge *b, const char *iface, struct link_error *le)
{
	int error = nlu_link_get(b->b_sk, iface, 0, &b->b_nic);

	if (error == -NLE_NODEV || error == -NLE_OBJ_NOTFOUND) {
		link_error_set(
		    le, "`ip link` lists the interfaces", "there is no interface %.32s", iface);
		return (-1);
	}
	if (error != 0) {
		link_error_set(
		    le, hint_for(error), "interface %.32s: %s", iface, nl_geterror(error));
		return (-1);
	}
	if ((b->b_nic.flags & IFF_LOOPBACK) != 0 || !b->b_nic.ethernet) {
		link_error_set(le, "name an Ethernet interface; `ip link` lists them",
		    "%s is not an Ethernet interface: it cannot be bridged", iface);
		return (-1);
	}
	if (is_wireless(iface)) {
		link_error_set(le, "use a wired interface",
		    "%s is wireless: an access point takes frames from one MAC address only",
		    iface);
		return (-1);
	}
	return (0);
}

static int
check_tap(struct bridge *b, const char *tap, struct link_error *le)
{
	int error = nlu_link_get(b->b_sk, tap, 0, &b->b_tap);

	if (error == 0 && b->b_tap.ifindex == b->b_nic.ifindex) {
		link_error_set(le, "name the NIC, not the TAP", "%s is the TAP itself", tap);
		return (-1);
	}
	if (error == 0)
		return (0);
	link_error_set(le, hint_for(error), "TAP %.32s: %s", tap, nl_geterror(error));
	return (-1);
}

/* The NIC is a bridge or a port of one: only the TAP is to be added. */
static int
find_joined(struct bridge *b, struct link_error *le)
{
	struct nl_linkinfo m;
	int error;

	if (strcmp(b->b_nic.kind, "bridge") == 0) {
		m = b->b_nic;
	} else {
		error = nlu_link_get(b->b_sk, NULL, b->b_nic.master, &m);
		if (error != 0) {
			link_error_set(
			    le, "", "%s: its master: %s", b->b_nic.name, nl_geterror(error));
			return (-1);
		}
	}
	if (strcmp(m.kind, "bridge") != 0) {
		char hint[sizeof(le->hint)];

		snprintf(hint, sizeof(hint), "name %s instead", m.name);
		link_error_set(le, hint, "%s is a port of %s, a %s", b->b_nic.name, m.name, m.kind);
		return (-1);
	}
	b->b_join = true;
	b->b_ifindex = m.ifindex;
	b->b_was_down = (m.flags & IFF_UP) == 0;
	snprintf(b->b_name, sizeof(b->b_name), "%s", m.name);
	return (0);
}

/* The bridge to be: the given name, or br-IFACE. One that is there already is joined. */
static int
choose_bridge(struct bridge *b, const char *name, struct link_error *le)
{
	struct nl_linkinfo li;

	if (name != NULL && *name != '\0')
		snprintf(b->b_name, sizeof(b->b_name), "%s", name);
	else
		snprintf(b->b_name, sizeof(b->b_name), "br-%.*s", IFNAMSIZ - 4, b->b_nic.name);
	if (nlu_link_get(b->b_sk, b->b_name, 0, &li) != 0)
		return (0);
	if (strcmp(li.kind, "bridge") != 0) {
		link_error_set(le, "choose another name for the bridge",
		    "%s is there already and is not a bridge", b->b_name);
		return (-1);
	}
	b->b_ifindex = li.ifindex;
	b->b_was_down = (li.flags & IFF_UP) == 0;
	return (0);
}

static int
save_nic(struct bridge *b, struct link_error *le)
{
	int error = nlu_save_addrs(b->b_sk, b->b_nic.ifindex, &b->b_addrs);

	if (error == 0)
		error = nlu_save_routes(b->b_sk, b->b_nic.ifindex, &b->b_routes);
	if (error != 0)
		link_error_set(le, hint_for(error), "%s: cannot read its addresses and routes: %s",
		    b->b_nic.name, nl_geterror(error));
	return (error != 0 ? -1 : 0);
}

static int
look(struct bridge *b, const char *iface, const char *tap, const char *name, struct link_error *le)
{
	if (strlen(iface) >= IFNAMSIZ || (name != NULL && strlen(name) >= IFNAMSIZ)) {
		link_error_set(
		    le, "", "an interface's name has at most %d characters", IFNAMSIZ - 1);
		return (-1);
	}
	if (check_nic(b, iface, le) != 0 || check_tap(b, tap, le) != 0)
		return (-1);
	if (strcmp(b->b_nic.kind, "bridge") == 0 || b->b_nic.master != 0)
		return (find_joined(b, le));
	if (choose_bridge(b, name, le) != 0)
		return (-1);
	return (save_nic(b, le));
}

/* ---- the interface ---- */

static void
bridge_free(struct bridge *b)
{
	nlu_free_records(&b->b_addrs);
	nlu_free_records(&b->b_routes);
	if (b->b_sk != NULL)
		nl_socket_free(b->b_sk);
	free(b);
}

struct bridge *
bridge_attach(
    const char *iface, const char *tap, const char *bridge_name_or_null, struct link_error *le)
{
	struct bridge *b = calloc(1, sizeof(*b));
	int error = -NLE_NOMEM;

	if (b == NULL || (b->b_sk = nlu_open(&error)) == NULL) {
		link_error_set(le, "", "rtnetlink: %s", nl_geterror(error));
		free(b);
		return (NULL);
	}
	if (look(b, iface, tap, bridge_name_or_null, le) != 0 || run_steps(b, le) != 0) {
		bridge_free(b);
		return (NULL);
	}
	return (b);
}

int
bridge_detach(struct bridge *b, struct link_error *le)
{
	const char *what = NULL;
	int error = undo_from(b, NSTEPS - 1, &what);

	if (error != 0)
		link_error_set(le, "`ip addr` and `ip route` show what there is now",
		    "bridge %s: cannot undo '%s': %s", b->b_name, what, nl_geterror(error));
	bridge_free(b);
	return (error != 0 ? -1 : 0);
}

const char *
bridge_name(const struct bridge *b)
{
	return (b->b_name);
}
