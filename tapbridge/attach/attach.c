/*
 * attach.c - attaching in one of four ways, and undoing it: at the end, or for one who died.
 *
 * Order: the instance's lock; what a predecessor left is brought back; the folder's lock, so that
 * instances change things one after the other; look; the state file; the changes; the state
 * file again, complete. On failure, at the end, and in --restore, the same undo_state().
 *
 * Owns struct attachment. Host world; called by rpc/alpined/keeper.c. Needs CAP_NET_ADMIN.
 */
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <netlink/errno.h>
#include <netlink/netlink.h>

#include "kernel_glue/include/host/host.h"
#include "tapbridge/attach/bridge.h"
#include "tapbridge/attach/nft.h"
#include "tapbridge/attach/watch.h"
#include "tapbridge/link_error.h"

#define MACVTAPS 10000u
#define PREDECESSOR_MS 10000 /* a keeper that is still undoing */
#define OTHERS_MS 30000	     /* instances that attach or detach just now */

bool
attach_set_fault(const char *text)
{
	return (nlu_set_fault(text));
}

static void
say(int priority, const char *name, const char *text, const char *more)
{
	char line[400];

	snprintf(line, sizeof(line), "%s: %s%s", name, text, more);
	host_log(priority, line);
}

/* ---- macvtap ---- */

static int
macvtap_look(struct nl_sock *sk, struct state *s, struct link_error *le)
{
	struct nl_linkinfo nic, li;
	unsigned i;

	if (attach_check_nic(sk, s->spec.iface, &nic, le) != 0)
		return (-1);
	if (nic.master != 0) {
		link_error_set(le, "use --attach bridge, which joins it",
		    "%s is a port of something: a macvtap cannot be above it", nic.name);
		return (-1);
	}
	s->iface_index = nic.ifindex;
	s->mtu = nic.mtu;
	for (i = 0; s->spec.tap[0] == '\0' && i < MACVTAPS; i++) {
		snprintf(s->spec.tap, IFNAMSIZ, "macvtap%u", i % MACVTAPS);
		if (nlu_link_get(sk, s->spec.tap, 0, &li) == 0)
			s->spec.tap[0] = '\0';
	}
	return (nlu_free_index(sk, &s->bridge_index) != 0 ? -1 : 0);
}

static int
macvtap_do(struct nl_sock *sk, struct state *s, struct link_error *le)
{
	uint32_t mtu = s->spec.mtu != 0 ? s->spec.mtu : s->mtu;
	int error =
	    nlu_macvtap_create(sk, s->spec.tap, s->bridge_index, s->iface_index, s->spec.mac, mtu);

	/* the host is to speak no IPv6 on it */
	if (error == 0)
		(void)nlu_link_set_addr_gen_mode(sk, s->bridge_index, IN6_ADDR_GEN_MODE_NONE);
	if (error == 0)
		error = nlu_link_set_up(sk, s->bridge_index, true);
	if (error == 0)
		return (0);
	link_error_set(le,
	    error == -NLE_OPNOTSUPP
		? "modprobe macvtap; this kernel may have none; try --attach bridge"
		: attach_hint(error),
	    "cannot make a macvtap on %s: %s", s->spec.iface, nl_geterror(error));
	return (-1);
}

static int
macvtap_undo(struct nl_sock *sk, struct state *s, struct link_error *le)
{
	struct nl_linkinfo li;
	int error = nlu_link_get(sk, NULL, s->bridge_index, &li);

	if (error == -NLE_NODEV || error == -NLE_OBJ_NOTFOUND)
		return (0);
	if (error == 0 && (strcmp(li.kind, "macvtap") != 0 || strcmp(li.name, s->spec.tap) != 0))
		return (0); /* somebody else's by now */
	if (error == 0)
		error = nlu_link_delete(sk, s->bridge_index);
	if (error != 0)
		link_error_set(le, "ip link del NAME", "cannot remove %s: %s", s->spec.tap,
		    nl_geterror(error));
	return (error != 0 ? -1 : 0);
}

/* ---- packet ---- */

static int
packet_look(struct nl_sock *sk, struct state *s, struct link_error *le)
{
	struct nl_linkinfo nic;

	if (attach_check_nic(sk, s->spec.iface, &nic, le) != 0)
		return (-1);
	if (nic.master != 0) {
		link_error_set(le, "name that, or use --attach bridge",
		    "%s is a port of something: its frames go there", nic.name);
		return (-1);
	}
	s->iface_index = nic.ifindex;
	s->mtu = nic.mtu;
	return (0);
}

static int
packet_do(struct nl_sock *sk, struct state *s, struct link_error *le)
{
	(void)sk;
	return (nft_hide(s->spec.name, s->spec.iface, s->spec.addr, le));
}

static int
packet_undo(struct nl_sock *sk, struct state *s, struct link_error *le)
{
	(void)sk;
	return (nft_unhide(s->spec.name, le));
}

/* ---- a TAP that somebody prepared: up, and with our MTU, as long as we run ---- */

static int
tap_look(struct nl_sock *sk, struct state *s, struct link_error *le)
{
	struct nl_linkinfo li;
	int error = nlu_link_get(sk, s->spec.tap, 0, &li);

	if (error != 0 || strcmp(li.kind, "tun") != 0) {
		link_error_set(le, "ip tuntap add dev NAME mode tap user WHO; --tap makes one",
		    error != 0 ? "there is no TAP %s" : "%s is not a TAP", s->spec.tap);
		return (-1);
	}
	s->bridge_index = li.ifindex;
	s->mtu = li.mtu;
	s->was_down = (li.flags & IFF_UP) == 0;
	return (0);
}

static int
tap_do(struct nl_sock *sk, struct state *s, struct link_error *le)
{
	int error = 0;

	if (s->spec.mtu != 0 && s->spec.mtu != s->mtu)
		error = nlu_link_set_mtu(sk, s->bridge_index, s->spec.mtu);
	if (error == 0 && s->was_down)
		error = nlu_link_set_up(sk, s->bridge_index, true);
	if (error != 0)
		link_error_set(le, "run as root, or `ip link set` it up, with that MTU, before",
		    "TAP %s: %s", s->spec.tap, nl_geterror(error));
	return (error != 0 ? -1 : 0);
}

static int
tap_undo(struct nl_sock *sk, struct state *s, struct link_error *le)
{
	struct nl_linkinfo li;
	int error = nlu_link_get(sk, NULL, s->bridge_index, &li);

	if (error != 0 || strcmp(li.name, s->spec.tap) != 0)
		return (0);
	if (s->was_down && (li.flags & IFF_UP) != 0)
		error = nlu_link_set_up(sk, s->bridge_index, false);
	if (error == 0 && li.mtu != s->mtu && li.mtu == s->spec.mtu)
		error = nlu_link_set_mtu(sk, s->bridge_index, s->mtu);
	if (error != 0)
		link_error_set(le, "", "TAP %s: %s", s->spec.tap, nl_geterror(error));
	return (error != 0 ? -1 : 0);
}

/* ---- all of them ---- */

static const struct way {
	int (*look)(struct nl_sock *, struct state *, struct link_error *);
	int (*todo)(struct nl_sock *, struct state *, struct link_error *);
	int (*undo)(struct nl_sock *, struct state *, struct link_error *);
} ways[] = {
    [ATTACH_BRIDGE] = {bridge_look, bridge_do, bridge_undo},
    [ATTACH_MACVTAP] = {macvtap_look, macvtap_do, macvtap_undo},
    [ATTACH_PACKET] = {packet_look, packet_do, packet_undo},
    [ATTACH_TAP] = {tap_look, tap_do, tap_undo},
};

struct others {
	const struct state *s;
	bool found;
};

/* Another instance, alive, that knows how to undo our bridge. */
static bool
other_knows(const char *name, void *arg)
{
	struct others *o = arg;
	struct state other;
	int fd;

	if (strcmp(name, o->s->spec.name) == 0 ||
	    state_read(o->s->spec.dir, name, &other, NULL) != 1)
		return (true);
	if (other.created && other.bridge_index == o->s->bridge_index) {
		fd = state_lock(o->s->spec.dir, name, 0);
		o->found = fd < 0;
		state_unlock(fd, o->s->spec.dir, name);
	}
	state_free(&other);
	return (!o->found);
}

/* With the folder's lock held. The file goes when nothing is left to undo, or another has it. */
static int
undo_state(struct nl_sock *sk, struct state *s, struct link_error *le)
{
	struct others o = {s, false};
	int r = ways[s->spec.mode].undo(sk, s, le);

	if (r == 1) {
		state_each(s->spec.dir, other_knows, &o);
		if (!o.found && s->spec.dir[0] != '\0')
			say(5, s->spec.name,
			    "when it is out of it, type: alpined --restore --name ", s->spec.name);
	}
	if (r == 0 || (r == 1 && o.found))
		state_remove(s);
	return (r < 0 ? -1 : 0);
}

static int
lock_folder(const char *dir, struct link_error *le)
{
	int fd = state_lock(dir, "", OTHERS_MS);

	if (fd < 0)
		link_error_set(le,
		    errno == EWOULDBLOCK ? "is another alpined attaching just now? try again"
					 : "set ALPINE_RUNDIR to a folder that can be written",
		    "%s: no lock: %s", dir, strerror(errno));
	return (fd);
}

/* What a daemon of that name left, whose lock is ours now. 0: nothing is left of it; -1. */
static int
undo_left(struct nl_sock *sk, const char *dir, const char *name, bool *was, struct link_error *le)
{
	struct state s;
	int r = state_read(dir, name, &s, le), fd;

	*was = false;
	if (r <= 0)
		return (r);
	fd = lock_folder(dir, le);
	if (fd < 0) {
		state_free(&s);
		return (-1);
	}
	r = undo_state(sk, &s, le);
	state_unlock(fd, dir, "");
	*was = r == 0;
	if (r == 0)
		say(5, name, "brought back what a daemon that died had changed: ",
		    s.spec.iface[0] != '\0' ? s.spec.iface : s.spec.tap);
	state_free(&s);
	return (r);
}

/* ---- the interface ---- */

static int
lock_instance(struct attachment *a, struct link_error *le)
{
	const char *dir = a->a_state.spec.dir, *name = a->a_state.spec.name;
	struct nl_sock *sk = a->a_sk;
	bool was;

	a->a_lock = -1;
	if (dir[0] == '\0')
		return (0);
	a->a_made_dir = mkdir(dir, 0755) == 0;
	a->a_lock = state_lock(dir, name, PREDECESSOR_MS);
	if (a->a_lock < 0) {
		link_error_set(le,
		    errno == EWOULDBLOCK ? "choose another --name, or stop it: alpinectl stop"
					 : "set ALPINE_RUNDIR to a folder that can be written",
		    errno == EWOULDBLOCK ? "%s: an instance named %s is attached"
					 : "%s: no lock for %s",
		    dir, name);
		return (-1);
	}
	return (undo_left(sk, dir, name, &was, le));
}

static int
begin(struct attachment *a, struct link_error *le)
{
	struct state *s = &a->a_state;
	const struct way *way = &ways[s->spec.mode];
	struct link_error undo_error;
	int fd = -1, r;

	if (s->spec.dir[0] != '\0' && (fd = lock_folder(s->spec.dir, le)) < 0)
		return (-1);
	r = way->look(a->a_sk, s, le);
	if (r == 0)
		r = state_write(s, le);
	if (r == 0) {
		r = way->todo(a->a_sk, s, le);
		if (r == 0 && !s->complete) {
			s->complete = true;
			r = state_write(s, le);
		}
		if (r != 0 && undo_state(a->a_sk, s, &undo_error) != 0)
			say(3, s->spec.name, "cannot undo what was done: ", undo_error.text);
	}
	if (fd >= 0)
		state_unlock(fd, s->spec.dir, "");
	return (r);
}

/* With nothing but what was asked for, as at the start. */
int
attach_redo(struct attachment *a, struct link_error *le)
{
	state_free(&a->a_state);
	memset(&a->a_state, 0, sizeof(a->a_state));
	a->a_state.spec = a->a_spec;
	return (begin(a, le));
}

/* The links that we stood on have changed: the machine first. */
int
attach_redo_undo(struct attachment *a, struct link_error *le)
{
	const char *dir = a->a_state.spec.dir;
	int fd = -1, r;

	if (dir[0] != '\0' && (fd = lock_folder(dir, le)) < 0)
		return (-1);
	r = undo_state(a->a_sk, &a->a_state, le);
	if (fd >= 0)
		state_unlock(fd, dir, "");
	return (r);
}

static void
attachment_free(struct attachment *a)
{
	const struct attach_spec *spec = &a->a_state.spec;

	watch_close(a);
	state_unlock(a->a_lock, spec->dir, spec->name);
	if (a->a_made_dir)
		(void)rmdir(spec->dir); /* if it is empty */
	state_free(&a->a_state);
	nl_socket_free(a->a_sk);
	free(a);
}

struct attachment *
attach_begin(const struct attach_spec *spec, struct link_error *le)
{
	struct attachment *a = calloc(1, sizeof(*a));
	int error = -NLE_NOMEM;

	if (a == NULL || (a->a_sk = nlu_open(&error)) == NULL) {
		link_error_set(le, "", "rtnetlink: %s", nl_geterror(error));
		free(a);
		return (NULL);
	}
	a->a_state.spec = *spec;
	a->a_spec = *spec;
	if (lock_instance(a, le) != 0 || begin(a, le) != 0) {
		attachment_free(a);
		return (NULL);
	}
	return (a);
}

int
attach_end(struct attachment *a, struct link_error *le)
{
	const char *dir = a->a_state.spec.dir;
	int fd = dir[0] != '\0' ? lock_folder(dir, le) : -1, r = -1;
	char line[64];

	if (dir[0] == '\0' || fd >= 0)
		r = undo_state(a->a_sk, &a->a_state, le);
	if (fd >= 0)
		state_unlock(fd, dir, "");
	snprintf(line, sizeof(line), "attached and detached by %u changes", nlu_changes());
	host_log(7, line);
	attachment_free(a);
	return (r);
}

const char *
attach_bridge(const struct attachment *a)
{
	return (a->a_state.spec.mode == ATTACH_BRIDGE ? a->a_state.spec.bridge : "");
}

const char *
attach_tap(const struct attachment *a)
{
	return (a->a_state.spec.tap);
}

int
attach_open(const struct attachment *a, struct link_error *le)
{
	const struct attach_spec *spec = &a->a_state.spec;

	if (spec->mode == ATTACH_MACVTAP)
		return (share_open_macvtap(spec->tap, a->a_state.bridge_index, le));
	return (share_open_packet(spec->iface, spec->mac, spec->addr, spec->prefix, le));
}

/* ---- restoring ---- */

struct restoring {
	struct nl_sock *sk;
	const char *dir;
	struct link_error *le;
	bool named;
	int done, bad;
};

static bool
restore_one(const char *name, void *arg)
{
	struct restoring *r = arg;
	int fd = state_lock(r->dir, name, r->named ? PREDECESSOR_MS : 0);
	bool was = false;

	if (fd < 0 && errno == EWOULDBLOCK && !r->named)
		return (true); /* it runs, and undoes its own */
	if (fd < 0) {
		link_error_set(r->le,
		    errno == EWOULDBLOCK ? "stop it: alpinectl stop" : "run it as root",
		    errno == EWOULDBLOCK ? "%s is running, and undoes its own when it ends"
					 : "%s: no permission for its lock",
		    name);
		r->bad++;
		return (true);
	}
	if (undo_left(r->sk, r->dir, name, &was, r->le) != 0)
		r->bad++;
	r->done += was;
	state_unlock(fd, r->dir, name);
	return (true);
}

int
attach_restore(const char *dir, const char *name, struct link_error *le)
{
	struct restoring r = {.dir = dir, .le = le, .named = name != NULL};
	int error;

	if (access(dir, F_OK) != 0)
		return (0);
	r.sk = nlu_open(&error);
	if (r.sk == NULL) {
		link_error_set(le, "", "rtnetlink: %s", nl_geterror(error));
		return (-1);
	}
	if (name != NULL)
		(void)restore_one(name, &r);
	else
		state_each(dir, restore_one, &r);
	state_sweep(dir);
	nl_socket_free(r.sk);
	return (r.bad > 0 ? -1 : 0);
}
