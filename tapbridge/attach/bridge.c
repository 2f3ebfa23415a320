/*
 * bridge.c - puts the stack's TAP and a network interface of the host into one Ethernet bridge.
 *
 *	before:  eth0 (MAC, addresses, routes, ...)
 *	after:   eth0 --- br-eth0 (eth0's MAC, all that eth0 had) --- tap0 --- the stack
 *
 * A row of steps; what was before is in a struct state, on the disk, ahead of the first. There is
 * one way back, bridge_undo(), for a step that failed, for the end, and for whoever comes after a
 * SIGKILL: it looks at what is there and brings that back (carry.c). So it can be done from any
 * point, and twice. Our bridge is known by its index, which was chosen and written down
 * before it was made.
 *
 * If the interface is a bridge, or a port of one, only the TAP is put into that bridge. If that
 * bridge is another instance's of ours, its state is copied: the last one to leave undoes it.
 * VLAN interfaces above eth0 go on: the kernel gives them their frames before a bridge sees them.
 *
 * Host world, called by attach.c. Owns nothing between calls.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netlink/errno.h>
#include <netlink/netlink.h>

#include "kernel_glue/include/host/host.h"
#include "tapbridge/attach/bridge.h"
#include "tapbridge/attach/carry.h"
#include "tapbridge/attach/nft.h"
#include "tapbridge/link_error.h"

#define TAP_MAC_FIRST 0xfe /* local, unicast, and higher than any vendor's */
#define SYSCTL_MAX 256	   /* bytes of a value */

struct work {
	struct nl_sock *sk;
	struct state *s;
	struct nl_end nic, bridge;
	int tap;
};

struct step {
	const char *what; /* "cannot ..." */
	int (*todo)(struct work *);
};

static bool
is_missing(int nl_error)
{
	return (nl_error == -NLE_NODEV || nl_error == -NLE_OBJ_NOTFOUND);
}

/* ---- the steps: 0 or a negative libnl error ---- */

/* A value that differs is written; one that cannot be read or written is left. */
static void
copy_sysctl(const char *dir_from, const char *dir_to, const char *file)
{
	char a[SYSCTL_MAX], b[SYSCTL_MAX], path[512];
	ssize_t n, m = -1;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir_from, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, a, sizeof(a)) : -1;
	if (fd >= 0)
		close(fd);
	snprintf(path, sizeof(path), "%s/%s", dir_to, file);
	fd = n > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		m = read(fd, b, sizeof(b));
		close(fd);
	}
	if (n <= 0 || (m == n && memcmp(a, b, (size_t)n) == 0))
		return;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, a, (size_t)n) < 0) {
		/* read-only here, or not for this kind of interface */
	}
	close(fd);
}

/* What the kernel is told about the nic (rp_filter, accept_ra, ...) holds for the bridge. */
static void
copy_sysctls(const struct work *w)
{
	static const char *const trees[] = {"ipv4/conf", "ipv6/conf", "ipv4/neigh", "ipv6/neigh"};
	static const char *const never[] = {
	    "stable_secret", "addr_gen_mode", "mc_forwarding", "mtu", NULL};
	char from[128], to[128];
	struct dirent *e;
	unsigned i, k;
	DIR *d;

	for (i = 0; i < 4; i++) {
		snprintf(from, sizeof(from), "/proc/sys/net/%s/%s", trees[i], w->nic.name);
		snprintf(to, sizeof(to), "/proc/sys/net/%s/%s", trees[i], w->bridge.name);
		d = opendir(from);
		while (d != NULL && (e = readdir(d)) != NULL) {
			for (k = 0; never[k] != NULL && strcmp(e->d_name, never[k]) != 0; k++)
				;
			if (e->d_name[0] != '.' && never[k] == NULL)
				copy_sysctl(from, to, e->d_name);
		}
		if (d != NULL)
			closedir(d);
	}
}

static int
make_bridge(struct work *w)
{
	struct nl_linkinfo like;
	int error;

	if (!w->s->created || w->s->joined)
		return (w->s->was_down ? nlu_link_set_up(w->sk, w->bridge.ifindex, true) : 0);
	error = nlu_link_get(w->sk, NULL, w->nic.ifindex, &like);
	if (error == 0)
		error = nlu_bridge_create(w->sk, w->bridge.name, w->bridge.ifindex, &like);
	if (error != 0)
		return (error);
	copy_sysctls(w);
	/* its link-local addresses are the nic's, copied */
	error = nlu_link_set_addr_gen_mode(w->sk, w->bridge.ifindex, IN6_ADDR_GEN_MODE_NONE);
	if (error == -NLE_OPNOTSUPP || error == -NLE_AF_NOSUPPORT) /* no IPv6 here */
		error = 0;
	return (error != 0 ? error : nlu_link_set_up(w->sk, w->bridge.ifindex, true));
}

static int
enslave_tap(struct work *w)
{
	struct nl_linkinfo tap;
	int error = nlu_link_get(w->sk, NULL, w->tap, &tap);

	if (error != 0 || tap.master == w->bridge.ifindex)
		return (error);
	/* a bridge takes the lowest address among its ports' for its own: not this one */
	if (tap.mac[0] != TAP_MAC_FIRST) {
		tap.mac[0] = TAP_MAC_FIRST;
		error = nlu_link_set_mac(w->sk, w->tap, tap.mac);
		if (error != 0)
			return (error);
	}
	return (nlu_link_set_master(w->sk, w->tap, w->bridge.ifindex));
}

static int
enslave_nic(struct work *w)
{
	return (w->s->joined ? 0 : nlu_link_set_master(w->sk, w->nic.ifindex, w->bridge.ifindex));
}

static int
copy_addrs(struct work *w)
{
	return (w->s->joined ? 0 : carry_addrs(w->sk, w->s, &w->nic, &w->bridge));
}

static int
copy_neighs(struct work *w)
{
	return (w->s->joined ? 0 : carry_neighs(w->sk, w->s, &w->bridge));
}

static int
copy_rules(struct work *w)
{
	return (w->s->joined ? 0 : carry_rules(w->sk, w->s, &w->nic, &w->bridge));
}

static int
move_routes(struct work *w)
{
	return (w->s->joined ? 0 : carry_routes(w->sk, w->s, &w->nic, &w->bridge));
}

static int
take_addrs(struct work *w)
{
	int error;

	if (w->s->joined)
		return (0);
	error = carry_take_addrs(w->sk, w->s, &w->nic);
	if (error == 0 && w->s->created && w->s->addr_gen_mode != IN6_ADDR_GEN_MODE_NONE) {
		error = nlu_link_set_addr_gen_mode(w->sk, w->bridge.ifindex, w->s->addr_gen_mode);
		if (error == -NLE_OPNOTSUPP || error == -NLE_AF_NOSUPPORT || error == -NLE_INVAL)
			error = 0;
	}
	return (error);
}

static const struct step steps[] = {
    {"make the bridge", make_bridge},
    {"put the TAP into the bridge", enslave_tap},
    {"give the bridge the interface's addresses", copy_addrs},
    {"give the bridge the interface's neighbours", copy_neighs},
    {"make the rules that name the interface name the bridge", copy_rules},
    {"put the interface into the bridge", enslave_nic},
    {"move the interface's routes to the bridge", move_routes},
    {"take the addresses from the interface", take_addrs},
};
#define NSTEPS ((int)(sizeof(steps) / sizeof(steps[0])))

const char *
attach_hint(int nl_error)
{
	switch (nl_error) {
	case -NLE_PERM:
		return ("run as root, or with CAP_NET_ADMIN in this network namespace");
	case -NLE_OPNOTSUPP:
		return (
		    "such an interface cannot be in a bridge; try --attach packet, or --tap NAME");
	case -NLE_BUSY:
		return ("`ip -d link` shows what is above it (a macvlan?) or whose port it is");
	default:
		return ("");
	}
}

int
bridge_do(struct nl_sock *sk, struct state *s, struct link_error *le)
{
	struct work w = {.sk = sk, .s = s};
	struct nl_linkinfo tap;
	int i, error;

	w.nic.name = s->spec.iface;
	w.nic.ifindex = s->iface_index;
	w.bridge.name = s->spec.bridge;
	w.bridge.ifindex = s->bridge_index;
	error = nlu_link_get(sk, s->spec.tap, 0, &tap);
	w.tap = error == 0 ? tap.ifindex : 0;
	if (error != 0) {
		link_error_set(
		    le, attach_hint(error), "TAP %s: %s", s->spec.tap, nl_geterror(error));
		return (-1);
	}
	for (i = 0; i < NSTEPS; i++) {
		error = steps[i].todo(&w);
		if (error == 0)
			continue;
		link_error_set(le, attach_hint(error), "%s, bridge %s: cannot %s: %s", w.nic.name,
		    w.bridge.name, steps[i].what, nl_geterror(error));
		return (-1);
	}
	return (0);
}

/*
 * The nic has come back, down and empty, or as somebody set it up: what it has goes to the bridge
 * as at the start. What is remembered stays what was before.
 */
int
bridge_rejoin(
    struct nl_sock *sk, struct state *s, const struct nl_linkinfo *nic, struct link_error *le)
{
	struct state now = {.spec = s->spec, .iface_index = nic->ifindex};
	struct work w = {.sk = sk, .s = &now};
	int i, error;

	w.nic.name = s->spec.iface;
	w.nic.ifindex = nic->ifindex;
	w.bridge.name = s->spec.bridge;
	w.bridge.ifindex = s->bridge_index;
	error = netconf_read(sk, &w.nic, s->bridge_index, &now.conf);
	if (error == 0 && (nic->flags & IFF_UP) == 0)
		error = nlu_link_set_up(sk, nic->ifindex, true);
	for (i = 2; error == 0 && i < NSTEPS; i++) /* all but making the bridge, and the TAP */
		error = steps[i].todo(&w);
	netconf_free(&now.conf);
	if (error == 0)
		return (0);
	link_error_set(le, "", "%s cannot be put into %s again: %s", w.nic.name, w.bridge.name,
	    nl_geterror(error));
	return (-1);
}

/* ---- looking before the first step ---- */

static bool
is_wireless(const char *iface)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/phy80211", iface);
	return (access(path, F_OK) == 0);
}

int
attach_check_nic(
    struct nl_sock *sk, const char *iface, struct nl_linkinfo *nic, struct link_error *le)
{
	int error = nlu_link_get(sk, iface, 0, nic);

	if (is_missing(error)) {
		link_error_set(
		    le, "`ip link` lists the interfaces", "there is no interface %.32s", iface);
		return (-1);
	}
	if (error != 0) {
		link_error_set(
		    le, attach_hint(error), "interface %.32s: %s", iface, nl_geterror(error));
		return (-1);
	}
	if ((nic->flags & IFF_LOOPBACK) != 0 || !nic->ethernet) {
		link_error_set(le, "name an Ethernet interface; `ip link` lists them",
		    "%s is not an Ethernet interface: it cannot be bridged", iface);
		return (-1);
	}
	return (0);
}

static int
check_tap(struct nl_sock *sk, const char *tap, int nic, struct link_error *le)
{
	struct nl_linkinfo li;
	int error = nlu_link_get(sk, tap, 0, &li);

	if (error == 0 && li.ifindex == nic) {
		link_error_set(le, "name the NIC, not the TAP", "%s is the TAP itself", tap);
		return (-1);
	}
	if (error == 0)
		return (0);
	link_error_set(le, attach_hint(error), "TAP %.32s: %s", tap, nl_geterror(error));
	return (-1);
}

struct adopting {
	struct state *s;
	int ifindex;
	bool found;
};

static bool
adopt_from(const char *name, void *arg)
{
	struct adopting *a = arg;
	struct state other;

	if (state_read(a->s->spec.dir, name, &other, NULL) != 1)
		return (true);
	if (other.created && other.bridge_index == a->ifindex &&
	    strcmp(other.spec.bridge, a->s->spec.bridge) == 0) {
		a->found = state_copy_conf(&a->s->conf, &other.conf) == 0;
		snprintf(a->s->spec.iface, IFNAMSIZ, "%s", other.spec.iface);
		a->s->iface_index = other.iface_index;
		a->s->mtu = other.mtu;
		a->s->addr_gen_mode = other.addr_gen_mode;
		a->s->saved_s = other.saved_s;
		a->s->created = a->found;
	}
	state_free(&other);
	return (!a->found);
}

/* The bridge of that index stands for our nic: its state, from another instance's file. */
static bool
adopt(struct state *s, int ifindex)
{
	struct adopting a = {s, ifindex, false};

	if (s->spec.dir[0] != '\0')
		state_each(s->spec.dir, adopt_from, &a);
	return (a.found);
}

/* The NIC is a bridge or a port of one: only the TAP is to be added. */
static int
find_joined(
    struct nl_sock *sk, struct state *s, const struct nl_linkinfo *nic, struct link_error *le)
{
	struct nl_linkinfo m = *nic;
	char hint[sizeof(le->hint)];
	int error = 0;

	if (strcmp(nic->kind, "bridge") != 0)
		error = nlu_link_get(sk, NULL, nic->master, &m);
	if (error != 0) {
		link_error_set(le, "", "%s: its master: %s", nic->name, nl_geterror(error));
		return (-1);
	}
	snprintf(hint, sizeof(hint), "name %s instead", m.name);
	if (strcmp(m.kind, "bridge") != 0) {
		link_error_set(le, hint, "%s is a port of %s, a %s", nic->name, m.name, m.kind);
		return (-1);
	}
	if (s->spec.bridge_exists && strcmp(s->spec.bridge, m.name) != 0) {
		link_error_set(
		    le, hint, "%s is in bridge %s, not %s", nic->name, m.name, s->spec.bridge);
		return (-1);
	}
	s->joined = true;
	s->bridge_index = m.ifindex;
	s->was_down = (m.flags & IFF_UP) == 0;
	snprintf(s->spec.bridge, IFNAMSIZ, "%s", m.name);
	if (adopt(s, m.ifindex))
		s->complete = true;
	return (0);
}

/* The bridge to be: the given name, or br-IFACE. One that is there already is used. */
static int
choose_bridge(struct nl_sock *sk, struct state *s, struct link_error *le)
{
	struct nl_linkinfo li;
	int error;

	if (s->spec.bridge[0] == '\0')
		snprintf(s->spec.bridge, IFNAMSIZ, "br-%.*s", IFNAMSIZ - 4, s->spec.iface);
	error = nlu_link_get(sk, s->spec.bridge, 0, &li);
	if (error != 0 && s->spec.bridge_exists) {
		link_error_set(le, "`ip -br link show type bridge` lists them; --bridge makes one",
		    "there is no bridge %s", s->spec.bridge);
		return (-1);
	}
	if (error != 0) {
		s->created = true;
		error = nlu_free_index(sk, &s->bridge_index);
		if (error != 0)
			link_error_set(le, "", "interfaces: %s", nl_geterror(error));
		return (error != 0 ? -1 : 0);
	}
	if (strcmp(li.kind, "bridge") != 0) {
		link_error_set(le, "choose another name for the bridge",
		    "%s is there already and is not a bridge", s->spec.bridge);
		return (-1);
	}
	s->bridge_index = li.ifindex;
	s->was_down = (li.flags & IFF_UP) == 0;
	return (0);
}

/*
 * Packets of the machine will come by the bridge: a rule "iifname eth0 tcp dport 22 accept" would
 * let none of them in. Who wrote the rules can let them name both.
 */
static int
check_firewall(const struct state *s, struct link_error *le)
{
	char hint[sizeof(le->hint)];

	if (!nft_names(s->spec.iface, s->spec.bridge))
		return (0);
	snprintf(hint, sizeof(hint),
	    "let them name \"%s\" as well, or use --attach macvtap or packet", s->spec.bridge);
	link_error_set(le, hint,
	    "nftables rules name \"%s\": in a bridge the machine's packets come by %s, which they "
	    "do not know",
	    s->spec.iface, s->spec.bridge);
	return (-1);
}

int
bridge_look(struct nl_sock *sk, struct state *s, struct link_error *le)
{
	struct nl_linkinfo nic;
	struct nl_end end;
	int error;

	if (s->spec.iface[0] == '\0')
		snprintf(s->spec.iface, IFNAMSIZ, "%s", s->spec.bridge);
	if (attach_check_nic(sk, s->spec.iface, &nic, le) != 0 ||
	    check_tap(sk, s->spec.tap, nic.ifindex, le) != 0)
		return (-1);
	if (is_wireless(s->spec.iface)) {
		link_error_set(le, "use --attach packet, or a wired interface",
		    "%s is wireless: an access point takes frames from one MAC address only",
		    s->spec.iface);
		return (-1);
	}
	s->iface_index = nic.ifindex;
	s->mtu = nic.mtu;
	s->addr_gen_mode = nic.addr_gen_mode;
	s->saved_s = state_now_s();
	if (strcmp(nic.kind, "bridge") == 0 || nic.master != 0)
		return (find_joined(sk, s, &nic, le));
	if (choose_bridge(sk, s, le) != 0 || check_firewall(s, le) != 0)
		return (-1);
	end.ifindex = nic.ifindex;
	end.name = s->spec.iface;
	error = netconf_read(sk, &end, 0, &s->conf);
	if (error != 0)
		link_error_set(le, attach_hint(error),
		    "%s: cannot read its addresses and routes: %s", s->spec.iface,
		    nl_geterror(error));
	return (error != 0 ? -1 : 0);
}

/* ---- the way back ---- */

int
bridge_ends(struct nl_sock *sk, const struct state *s, struct bridge_ends *e)
{
	int error;

	memset(e, 0, sizeof(*e));
	error = nlu_link_get(sk, s->spec.iface, 0, &e->nic);
	if (error != 0 && !is_missing(error))
		return (error);
	if (error != 0)
		e->nic.ifindex = 0;
	error =
	    s->bridge_index != 0 ? nlu_link_get(sk, NULL, s->bridge_index, &e->bridge) : -NLE_NODEV;
	if (error != 0 && !is_missing(error))
		return (error);
	if (error != 0 || strcmp(e->bridge.kind, "bridge") != 0 ||
	    strcmp(e->bridge.name, s->spec.bridge) != 0)
		e->bridge.ifindex = 0;
	return (0);
}

struct ports {
	const struct state *s;
	int nic, bridge, others;
	char one[IFNAMSIZ];
};

static bool
count_port(const struct nl_linkinfo *li, void *arg)
{
	struct ports *p = arg;

	if (li->master == p->bridge && li->ifindex != p->nic &&
	    strcmp(li->name, p->s->spec.tap) != 0) {
		p->others++;
		snprintf(p->one, sizeof(p->one), "%s", li->name);
	}
	return (true);
}

/* The TAP goes with its descriptor; then there is nothing to release. */
static int
release_tap(struct nl_sock *sk, const struct state *s)
{
	struct nl_linkinfo tap;
	int error = nlu_link_get(sk, s->spec.tap, 0, &tap);

	if (error == 0 && tap.master == s->bridge_index)
		error = nlu_link_set_master(sk, tap.ifindex, 0);
	return (is_missing(error) ? 0 : error);
}

/* A bridge that was there before: as it was. */
static int
leave_bridge(struct nl_sock *sk, const struct state *s, const struct bridge_ends *e)
{
	int error = release_tap(sk, s);

	if (error == 0 && s->was_down && e->bridge.ifindex != 0)
		error = nlu_link_set_up(sk, e->bridge.ifindex, false);
	return (error);
}

static int
bring_back(struct nl_sock *sk, const struct state *s, const struct bridge_ends *e)
{
	struct nl_end nic = {e->nic.ifindex, s->spec.iface};
	struct nl_end bridge = {e->bridge.ifindex, s->spec.bridge};
	char line[128];
	int error = 0;

	if (nic.ifindex != 0 && e->nic.master != 0 && e->nic.master != bridge.ifindex) {
		snprintf(line, sizeof(line), "%s is a port of something else now: left as it is",
		    s->spec.iface);
		host_log(5, line);
	} else if (nic.ifindex != 0) {
		error = carry_back(sk, s, &nic, &bridge);
	}
	if (error == 0 && !s->created && nic.ifindex != 0 && bridge.ifindex != 0)
		error = carry_clear(sk, s, &bridge);
	if (error == 0 && e->nic.master != 0 && e->nic.master == bridge.ifindex)
		error = nlu_link_set_master(sk, nic.ifindex, 0);
	if (error == 0)
		error = carry_rules_back(sk, s, &nic, &bridge);
	if (error == 0 && s->created && bridge.ifindex != 0)
		error = nlu_link_delete(sk, bridge.ifindex);
	else if (error == 0 && !s->created)
		error = leave_bridge(sk, s, e);
	return (error);
}

/* Others' files about a bridge that is no more: nothing is left for them to undo. */
static bool
forget_other(const char *name, void *arg)
{
	const struct state *s = arg;
	struct state other;

	if (strcmp(name, s->spec.name) == 0 || state_read(s->spec.dir, name, &other, NULL) != 1)
		return (true);
	if (other.created && other.bridge_index == s->bridge_index &&
	    strcmp(other.spec.bridge, s->spec.bridge) == 0)
		state_remove(&other);
	state_free(&other);
	return (true);
}

int
bridge_undo(struct nl_sock *sk, struct state *s, struct link_error *le)
{
	struct bridge_ends e;
	struct ports p = {.s = s};
	char line[256];
	int error = bridge_ends(sk, s, &e);

	p.nic = e.nic.ifindex;
	p.bridge = e.bridge.ifindex;
	if (error == 0 && s->created && e.bridge.ifindex != 0)
		error = nlu_link_each(sk, count_port, &p);
	if (error == 0 && p.others > 0) {
		error = release_tap(sk, s);
		snprintf(line, sizeof(line), "bridge %s stays: %s is in it", s->spec.bridge, p.one);
		host_log(5, line);
	} else if (error == 0 && s->joined && !s->created) {
		error = leave_bridge(sk, s, &e);
	} else if (error == 0) {
		if (e.nic.ifindex == 0) {
			snprintf(line, sizeof(line),
			    "%s is gone: its addresses and routes cannot be given back",
			    s->spec.iface);
			host_log(4, line);
		}
		error = bring_back(sk, s, &e);
		if (error == 0 && s->created && s->spec.dir[0] != '\0')
			state_each(s->spec.dir, forget_other, s);
	}
	if (error == 0)
		return (p.others > 0 ? 1 : 0);
	link_error_set(le, "`ip addr` and `ip route` show what there is now; try alpined --restore",
	    "bridge %s: cannot bring back what was on %s: %s", s->spec.bridge, s->spec.iface,
	    nl_geterror(error));
	return (-1);
}
