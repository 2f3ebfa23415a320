/*
 * nl_record.c - asking rtnetlink, and lists of what it answered.
 *
 * A record is the RTM_NEW... message that the kernel's dump returned. Sending it back with another
 * interface index makes the same address, route, ... there; nl_addr.c, nl_route.c and
 * nl_object.c know how. All changes go through nlu_change() and are counted, so that a test can
 * have any of them fail, or have us killed before it.
 * Host world. rtnetlink(7).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "tapbridge/attach/nl_util.h"

#define DUMP_TRIES 20 /* a dump that changes interrupted is asked for again */

static unsigned changes, fault_at;
static bool fault_kills;

struct nl_sock *
nlu_open(int *error)
{
	struct nl_sock *sk = nl_socket_alloc();

	if (sk == NULL) {
		*error = -NLE_NOMEM;
		return (NULL);
	}
	nl_socket_enable_msg_peek(sk);
	*error = nl_connect(sk, NETLINK_ROUTE);
	if (*error != 0) {
		nl_socket_free(sk);
		return (NULL);
	}
	return (sk);
}

/* ---- changes ---- */

bool
nlu_set_fault(const char *text)
{
	char rest;

	if (sscanf(text, "kill@%u%c", &fault_at, &rest) == 1)
		fault_kills = true;
	else if (sscanf(text, "fail@%u%c", &fault_at, &rest) != 1)
		return (false);
	return (fault_at > 0);
}

unsigned
nlu_changes(void)
{
	return (changes);
}

int
nlu_change(struct nl_sock *sk, struct nl_msg *msg)
{
	int error;

	if (msg == NULL)
		return (-NLE_NOMEM);
	if (++changes == fault_at && fault_kills) {
		(void)kill(getppid(), SIGKILL);
		(void)kill(getpid(), SIGKILL);
	}
	if (changes == fault_at) {
		nlmsg_free(msg);
		return (-NLE_FAILURE);
	}
	error = nl_send_auto(sk, msg);
	nlmsg_free(msg);
	return (error < 0 ? error : nl_wait_for_ack(sk));
}

int
nlu_change_if(struct nl_sock *sk, struct nl_msg *msg, int put_error)
{
	if (put_error == 0)
		return (nlu_change(sk, msg));
	nlmsg_free(msg);
	return (-NLE_NOMEM);
}

/* ---- lists ---- */

struct dump {
	struct nl_records *list;
	nlu_wanted_fn *wanted;
	void *arg;
	struct nl_record **tail;
	int error;
};

static struct nl_record *
new_record(const struct nlmsghdr *h)
{
	struct nl_record *r = calloc(1, sizeof(*r));

	if (r == NULL || (r->msg = malloc(h->nlmsg_len)) == NULL) {
		free(r);
		return (NULL);
	}
	memcpy(r->msg, h, h->nlmsg_len);
	return (r);
}

static int
take_message(struct nl_msg *msg, void *arg)
{
	struct dump *d = arg;
	struct nl_record *r;

	if (!d->wanted(nlmsg_hdr(msg), d->arg))
		return (NL_OK);
	r = new_record(nlmsg_hdr(msg));
	if (r == NULL) {
		d->error = -NLE_NOMEM;
		return (NL_OK);
	}
	*d->tail = r;
	d->tail = &r->next;
	d->list->count++;
	return (NL_OK);
}

static int
dump_once(struct nl_sock *sk, int type, const void *hdr, size_t len, struct dump *d)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_DUMP);
	struct nl_cb *cb;
	int error;

	if (msg == NULL)
		return (-NLE_NOMEM);
	error = nlmsg_append(msg, (void *)(uintptr_t)hdr, len, NLMSG_ALIGNTO);
	if (error == 0)
		error = nl_send_auto(sk, msg);
	nlmsg_free(msg);
	if (error < 0)
		return (error);
	cb = nl_cb_alloc(NL_CB_DEFAULT);
	if (cb == NULL)
		return (-NLE_NOMEM);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, take_message, d);
	error = nl_recvmsgs(sk, cb);
	nl_cb_put(cb);
	return (error < 0 ? error : d->error);
}

int
nlu_dump(struct nl_sock *sk, int type, const void *hdr, size_t len, nlu_wanted_fn *wanted,
    void *arg, struct nl_records *list)
{
	int tries, error = 0;

	for (tries = 0; tries < DUMP_TRIES; tries++) {
		struct dump d = {list, wanted, arg, &list->first, 0};

		list->first = NULL;
		list->count = 0;
		error = dump_once(sk, type, hdr, len, &d);
		if (error >= 0)
			return (0);
		nlu_free_records(list);
		if (error != -NLE_DUMP_INTR)
			break;
	}
	return (error);
}

struct nl_record *
nlu_append(struct nl_records *list, const struct nlmsghdr *h)
{
	struct nl_record *r = new_record(h), **p = &list->first;

	if (r == NULL)
		return (NULL);
	while (*p != NULL)
		p = &(*p)->next;
	*p = r;
	list->count++;
	return (r);
}

void
nlu_free_records(struct nl_records *list)
{
	struct nl_record *r;

	while ((r = list->first) != NULL) {
		list->first = r->next;
		free(r->msg);
		free(r);
	}
	list->count = 0;
}
