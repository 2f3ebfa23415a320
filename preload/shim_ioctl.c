/*
 * shim_ioctl.c - the ioctls that sockets have. All others, on whatever descriptor, are libc's.
 * netdevice(7), tcp(7), udp(7).
 */
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <stdarg.h>
#include <string.h>

#include "preload/shim.h"
#include "preload/shim_if.h"

#define IOCTL_ARG_MAX 128 /* bytes; struct arpreq has 68 */

/* One ioctl with an argument of `size` bytes, in and out. 0 or an errno. */
int
shim_ioctl_ask(int fd, unsigned long cmd, void *arg, size_t size)
{
	struct {
		struct rpc_ioctl head;
		char arg[IOCTL_ARG_MAX];
	} ask = {.head = {.i_cmd = cmd, .i_len = (uint32_t)size}};
	size_t got = 0;
	int error;

	if (size > sizeof(ask.arg))
		return EINVAL;
	error = shim_copy_in(ask.arg, arg, size);
	if (error != 0)
		return error;
	error = shim_ask(RPC_IOCTL, fd, &ask, sizeof(ask.head) + size, &ask, sizeof(ask),
	    sizeof(ask.head), &got);
	got = got > sizeof(ask.head) ? got - sizeof(ask.head) : 0;
	if (error == 0 && got > 0)
		error = shim_copy_out(arg, ask.arg, got < size ? got : size);
	return error;
}

/*
 * SIOCGIFCONF. `room` bytes at `list`, how many of them were used in *used; with list NULL, how
 * many it would take.
 */
int
shim_ioctl_ifconf(int fd, struct ifreq *list, size_t room, size_t *used)
{
	struct {
		struct rpc_ioctl head;
		struct ifreq list[RPC_IFCONF_MAX];
	} ask = {.head = {.i_cmd = SIOCGIFCONF}};
	size_t got = 0;
	int error;

	error = shim_ask(
	    RPC_IOCTL, fd, &ask.head, sizeof(ask.head), &ask, sizeof(ask), sizeof(ask.head), &got);
	if (error != 0)
		return error;
	got = (got - sizeof(ask.head)) / sizeof(struct ifreq) * sizeof(struct ifreq);
	if (list != NULL) {
		if (got > room)
			got = room / sizeof(struct ifreq) * sizeof(struct ifreq);
		error = shim_copy_out(list, ask.list, got);
	}
	*used = got;
	return error;
}

static int
ioctl_ifconf(int fd, struct ifconf *conf)
{
	struct ifconf copy;
	size_t used = 0;
	int error;

	error = shim_copy_in(&copy, conf, sizeof(copy));
	if (error != 0)
		return error;
	if (copy.ifc_buf != NULL && copy.ifc_len < 0)
		return EINVAL;
	error = shim_ioctl_ifconf(fd, copy.ifc_req, (size_t)copy.ifc_len, &used);
	if (error != 0)
		return error;
	copy.ifc_len = (int)used;
	return shim_copy_out(conf, &copy, sizeof(copy));
}

/* A route, and behind it the name of the interface that its rt_dev points to. */
static int
ioctl_route(int fd, unsigned long cmd, const void *arg)
{
	struct {
		struct rpc_ioctl head;
		struct rtentry rt;
		char dev[IFNAMSIZ];
	} ask = {.head = {.i_cmd = cmd, .i_len = sizeof(ask.rt) + sizeof(ask.dev)}};
	const char *dev;
	size_t i;
	int error = shim_copy_in(&ask.rt, arg, sizeof(ask.rt));

	if (error != 0)
		return error;
	dev = ask.rt.rt_dev;
	/* byte by byte: what lies behind its end may not be the program's */
	for (i = 0; dev != NULL && i + 1 < sizeof(ask.dev) && error == 0; i++) {
		error = shim_copy_in(&ask.dev[i], dev + i, 1);
		if (ask.dev[i] == '\0')
			break;
	}
	if (error != 0)
		return error;
	ask.rt.rt_dev = NULL;
	return shim_ask(RPC_IOCTL, fd, &ask, sizeof(ask.head) + ask.head.i_len, &ask, sizeof(ask),
	    sizeof(ask.head), NULL);
}

/* Bytes not yet on their way: those in the pair and those in alpined's send buffer. */
static int
ioctl_outq(int fd, unsigned long cmd, int *value)
{
	int in_pair = 0, in_stack = 0, error;

	if (real.ioctl(fd, SIOCOUTQ, &in_pair) != 0)
		return errno;
	error = shim_ioctl_ask(fd, cmd, &in_stack, sizeof(in_stack));
	in_pair += in_stack;
	return error != 0 ? error : shim_copy_out(value, &in_pair, sizeof(in_pair));
}

/* 0 or an errno; -1: not the stack's business after all. */
static int
socket_ioctl(int fd, struct shim_id id, unsigned long cmd, void *arg)
{
	int waiting;

	switch (cmd) {
	case FIONREAD:
		if (id.class == SHIM_LISTENER)
			return EINVAL;
		if (id.class != SHIM_DGRAM)
			return -1;
		waiting = shim_dgram_waiting(fd);
		return shim_copy_out(arg, &waiting, sizeof(waiting));
	case SIOCOUTQ:
	case SIOCOUTQNSD:
		return id.class == SHIM_DGRAM ? -1 : ioctl_outq(fd, cmd, arg);
	case SIOCATMARK: /* AF_UNIX has marks of its own */
		return id.class == SHIM_DGRAM ? ENOTTY : -1;
	case SIOCGSTAMP_OLD:
	case SIOCGSTAMPNS_OLD:
		return ENOENT; /* times come with SO_TIMESTAMP only */
	case SIOCGIFCONF:
		return ioctl_ifconf(fd, arg);
	case SIOCETHTOOL: /* the argument holds a pointer */
		return EOPNOTSUPP;
	case SIOCADDRT:
	case SIOCDELRT:
		return ioctl_route(fd, cmd, arg);
	case SIOCGARP:
	case SIOCSARP:
	case SIOCDARP:
		return shim_ioctl_ask(fd, cmd, arg, sizeof(struct arpreq));
	default:
		/* SIOCGIFNAME 0x8910 to 0x8971: struct ifreq */
		if (cmd >= SIOCGIFNAME && cmd <= SIOCSIFMAP)
			return shim_ioctl_ask(fd, cmd, arg, sizeof(struct ifreq));
		return -1;
	}
}

SHIM_EXPORT int
ioctl(int fd, unsigned long cmd, ...)
{
	struct shim_id id;
	va_list ap;
	int error = -1;
	void *arg;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	shim_init();
	cmd &= 0xffffffffu;
	if (cmd == FIONREAD || cmd == SIOCOUTQ || (cmd >= SIOCATMARK && cmd <= 0x89ff)) {
		id = shim_classify(fd);
		if (shim_ours(id))
			error = socket_ioctl(fd, id, cmd, arg);
	}
	if (error < 0)
		return real.ioctl(fd, cmd, arg);
	return error != 0 ? shim_fail(error) : 0;
}
