/*
 * watch.c - what happens to the links that we stand on, and what is done about it.
 *
 * Told by rtnetlink that something changed, it looks at what is there, as everything in this
 * folder does, and compares with what it saw last:
 *	nic down, up		told; the stack's interface loses and gets its carrier
 *	nic gone, back		told; put into the bridge again, with what it brought
 *	our bridge deleted	first the machine: the nic gets back what the bridge had; then the
 *				bridge is made again, the sooner the rarer this happens
 *	a foreign bridge gone	told; joined again when there is one of that name
 *	macvtap, packet: nic gone, back: done again; the stack gets a new descriptor
 *
 * Host world; called by rpc/alpined/keeper.c from its loop. Owns what of the attachment (a_*) is
 * the watch's.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <netlink/errno.h>
#include <netlink/netlink.h>

#include "kernel_glue/include/host/host.h"
#include "tapbridge/attach/bridge.h"
#include "tapbridge/attach/watch.h"

#define RETRY_FIRST_MS 200
#define RETRY_MAX_MS 60000
#define CALM_MS 60000 /* without trouble, and the next retry is a quick one again */

static int64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

static void
say(int priority, const char *name, const char *text)
{
	char line[400];

	snprintf(line, sizeof(line), "%s%s", name, text);
	host_log(priority, line);
}

int
attach_watch(struct attachment *a)
{
	int error;

	a->a_events = nl_socket_alloc();
	if (a->a_events == NULL)
		return (-1);
	nl_socket_disable_seq_check(a->a_events);
	error = nl_connect(a->a_events, NETLINK_ROUTE);
	if (error == 0)
		error = nl_socket_add_membership(a->a_events, RTNLGRP_LINK);
	if (error == 0)
		error = nl_socket_set_nonblocking(a->a_events);
	if (error != 0) {
		say(4, "link events: ", nl_geterror(error));
		watch_close(a);
		return (-1);
	}
	a->a_nic_there = a->a_nic_up = a->a_nic_in = a->a_bridge_there = true;
	a->a_nic_index = a->a_state.iface_index;
	return (nl_socket_get_fd(a->a_events));
}

void
watch_close(struct attachment *a)
{
	if (a->a_events != NULL)
		nl_socket_free(a->a_events);
	a->a_events = NULL;
}

int
attach_watch_timeout(const struct attachment *a)
{
	int64_t left = a->a_retry_ms - now_ms();

	if (a->a_retry_ms == 0)
		return (-1);
	return (left < 0 ? 0 : (int)left);
}

static void
retry_later(struct attachment *a)
{
	int64_t now = now_ms(), wait = RETRY_FIRST_MS;
	unsigned i;

	if (now - a->a_trouble_ms > CALM_MS)
		a->a_tries = 0;
	for (i = 0; i < a->a_tries && wait < RETRY_MAX_MS; i++)
		wait *= 2;
	a->a_tries++;
	a->a_trouble_ms = now;
	a->a_retry_ms = now + (wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS);
}

/* What the event was does not matter; that there was one does. ENOBUFS: there were too many. */
static void
drain(struct attachment *a)
{
	char buf[16384];
	ssize_t n;

	do
		n = recv(nl_socket_get_fd(a->a_events), buf, sizeof(buf), MSG_DONTWAIT);
	while (n > 0 || (n < 0 && (errno == EINTR || errno == ENOBUFS)));
}

/* ---- what there is, against what there was ---- */

static void
look_at_nic(struct attachment *a, const struct nl_linkinfo *nic)
{
	const char *name = a->a_state.spec.iface;
	bool there = nic->ifindex != 0, up = there && (nic->flags & IFF_RUNNING) != 0;

	if (!there && a->a_nic_there)
		say(4, name, " is gone: no wire until it comes back");
	else if (there && !a->a_nic_there)
		say(5, name, " is back");
	if (there && up != a->a_nic_up)
		say(5, name, up ? ": link is up" : ": link is down");
	a->a_nic_there = there;
	a->a_nic_up = up;
}

/* The nic came back, perhaps as another one, perhaps with addresses: they go to the bridge. */
static void
take_nic(struct attachment *a, const struct nl_linkinfo *nic)
{
	struct link_error le = {.text = ""};

	if (bridge_rejoin(a->a_sk, &a->a_state, nic, &le) == 0) {
		a->a_nic_index = nic->ifindex;
		a->a_nic_in = true;
		say(5, nic->name, " is in the bridge again");
		return;
	}
	say(3, "", le.text);
	retry_later(a);
}

static void
bridge_lost(struct attachment *a)
{
	struct link_error le = {.text = ""};

	say(4, a->a_state.spec.bridge, ": somebody deleted this bridge");
	if (attach_redo_undo(a, &le) != 0)
		say(3, "", le.text);
	retry_later(a);
}

/* Somebody's decision: told, and left so. */
static void
look_at_port(struct attachment *a, bool in)
{
	if (in != a->a_nic_in)
		say(in ? 5 : 4, a->a_state.spec.iface,
		    in ? " is in the bridge again" : ": somebody took it out of the bridge");
	a->a_nic_in = in;
}

static void
watch_bridge(struct attachment *a)
{
	struct state *s = &a->a_state;
	struct bridge_ends e;
	bool was_there = a->a_bridge_there;

	if (bridge_ends(a->a_sk, s, &e) != 0)
		return;
	look_at_nic(a, &e.nic);
	a->a_bridge_there = e.bridge.ifindex != 0;
	if (was_there && !a->a_bridge_there)
		bridge_lost(a);
	else if (a->a_bridge_there && e.nic.ifindex != 0 && !s->joined &&
		 e.nic.ifindex != a->a_nic_index && e.nic.master == 0)
		take_nic(a, &e.nic);
	else if (a->a_bridge_there && e.nic.ifindex != 0 && !s->joined)
		look_at_port(a, e.nic.master == e.bridge.ifindex);
}

static void
watch_nic(struct attachment *a)
{
	struct nl_linkinfo nic;

	if (a->a_state.spec.iface[0] == '\0')
		return;
	if (nlu_link_get(a->a_sk, a->a_state.spec.iface, 0, &nic) != 0)
		nic.ifindex = 0;
	look_at_nic(a, &nic);
	if (nic.ifindex != 0 && nic.ifindex != a->a_nic_index && a->a_retry_ms == 0)
		retry_later(a);
}

/* A second attempt at attaching, from what the machine is like now. */
static void
try_again(struct attachment *a, bool *renewed)
{
	struct link_error le = {.text = ""};

	a->a_retry_ms = 0;
	if (a->a_state.spec.mode == ATTACH_BRIDGE && a->a_bridge_there) {
		watch_bridge(a); /* it was the nic that could not be taken */
		return;
	}
	if (attach_redo(a, &le) != 0) {
		say(a->a_tries > 1 ? 6 : 4, "not attached: ", le.text);
		retry_later(a);
		return;
	}
	a->a_bridge_there = a->a_nic_there = a->a_nic_in = true;
	a->a_nic_index = a->a_state.iface_index;
	*renewed = true;
	say(5, a->a_state.spec.iface, ": attached again");
}

void
attach_watch_event(struct attachment *a, bool *carrier, bool *renewed)
{
	*renewed = false;
	drain(a);
	if (a->a_state.spec.mode == ATTACH_BRIDGE)
		watch_bridge(a);
	else
		watch_nic(a);
	if (a->a_retry_ms != 0 && a->a_retry_ms <= now_ms())
		try_again(a, renewed);
	*carrier = a->a_nic_up && a->a_nic_in && a->a_bridge_there;
}
