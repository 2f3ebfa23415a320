/*
 * shim_ioctl.c - the ioctls that sockets have. All others, on whatever descriptor, are libc's.
 * netdevice(7), tcp(7), udp(7).
 */
#include <linux/sockios.h>
#include <stdarg.h>
#include <string.h>

#include "preload/shim.h"
#include "preload/shim_if.h"

/* One ioctl with an argument of `size` bytes, in and out. 0 or an errno. */
int
shim_ioctl_ask(int fd, unsigned long cmd, void *arg, size_t size)
{
	struct {
		struct rpc_ioctl head;
		char arg[sizeof(struct ifreq)];
	} ask = {.head = {.i_cmd = cmd, .i_len = (uint32_t)size}};
	size_t got = 0;
	int error;

	if (size > sizeof(ask.arg))
		return EINVAL;
	if (arg == NULL && size > 0)
		return EFAULT;
	if (size > 0)
		memcpy(ask.arg, arg, size);
	error = shim_ask(RPC_IOCTL, fd, &ask, sizeof(ask.head) + size, &ask, sizeof(ask),
	    sizeof(ask.head), &got);
	got = got > sizeof(ask.head) ? got - sizeof(ask.head) : 0;
	if (error == 0 && got > 0)
		memcpy(arg, ask.arg, got < size ? got : size);
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
		struct ifreq list[SHIM_INTERFACES];
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
		memcpy(list, ask.list, got);
	}
	*used = got;
	return 0;
}

static int
ioctl_ifconf(int fd, struct ifconf *conf)
{
	size_t used = 0;
	int error;

	if (conf == NULL)
		return EFAULT;
	if (conf->ifc_buf != NULL && conf->ifc_len < 0)
		return EINVAL;
	error = shim_ioctl_ifconf(fd, conf->ifc_req, (size_t)conf->ifc_len, &used);
	if (error == 0)
		conf->ifc_len = (int)used;
	return error;
}

/* Bytes not yet on their way: those in the pair and those in alpined's send buffer. */
static int
ioctl_outq(int fd, int *value)
{
	int in_pair = 0, in_stack = 0, error;

	if (value == NULL)
		return EFAULT;
	if (real.ioctl(fd, SIOCOUTQ, &in_pair) != 0)
		return errno;
	error = shim_ioctl_ask(fd, SIOCOUTQ, &in_stack, sizeof(in_stack));
	if (error == 0)
		*value = in_pair + in_stack;
	return error;
}

/* 0 or an errno; -1: not the stack's business after all. */
static int
socket_ioctl(int fd, struct shim_id id, unsigned long cmd, void *arg)
{
	switch (cmd) {
	case FIONREAD:
		if (id.class != SHIM_DGRAM)
			return -1;
		if (arg == NULL)
			return EFAULT;
		*(int *)arg = shim_dgram_waiting(fd);
		return 0;
	case SIOCOUTQ:
		return id.class == SHIM_STREAM ? ioctl_outq(fd, arg) : -1;
	case SIOCGIFCONF:
		return ioctl_ifconf(fd, arg);
	case SIOCETHTOOL: /* the argument holds a pointer */
		return EOPNOTSUPP;
	case SIOCADDRT:
	case SIOCDELRT:
	case SIOCSARP:
	case SIOCDARP:
		return EPERM; /* alpinectl's business */
	default:
		/* SIOCGIFNAME 0x8910 to 0x8970: struct ifreq, but for ARP's */
		if (cmd >= SIOCGIFNAME && cmd <= SIOCSIFMAP && cmd != SIOCGARP)
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
	if (cmd == FIONREAD ? atomic_load_explicit(&shim_dgrams, memory_order_relaxed)
			    : cmd == SIOCOUTQ || (cmd >= SIOCADDRT && cmd <= 0x89ff)) {
		id = shim_classify(fd);
		if (shim_ours(id))
			error = socket_ioctl(fd, id, cmd, arg);
	}
	if (error < 0)
		return real.ioctl(fd, cmd, arg);
	return error != 0 ? shim_fail(error) : 0;
}
