/*
 * pd_init.c - packetdrill_interface_init(): the only name that the module exports. It makes the
 * stack as the flags say, and fills packetdrill's table. Called once in a process.
 * Owns the table's copy that the module itself calls by.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel_glue/include/host/host.h"
#include "kernel_glue/include/host/sysctl_text.h"
#include "t/packetdrill/pd_host.h"

extern struct packetdrill_interface pd_interface;
struct packetdrill_interface pd_interface;

static void
die(const char *what, const char *why)
{
	fprintf(stderr, "alpine: %s: %s; see t/packetdrill/README.md\n", what, why);
	exit(1);
}

/*
 * What scripts for FreeBSD count on, where the stack's own default is another: with its buffers a
 * SYN has a window scale of 6; its default stack, functions_default=freebsd, sends no probes of the
 * tail and waits for no reordering.
 */
static const struct {
	const char *name, *value;
} freebsd_defaults[] = {
    {"kern.ipc.maxsockbuf", "2097152"},
    {"net.inet.tcp.sendbuf_max", "2097152"},
    {"net.inet.tcp.recvbuf_max", "2097152"},
    {"net.inet.tcp.rack.enable", "0"},
};

static void
set_defaults(void)
{
	size_t i;

	for (i = 0; i < sizeof(freebsd_defaults) / sizeof(freebsd_defaults[0]); i++)
		if (sysctl_text_set(freebsd_defaults[i].name, freebsd_defaults[i].value) != 0)
			die(freebsd_defaults[i].name, "not taken");
}

static void
set_sysctls(char *list)
{
	char *value, *next;
	int error;

	for (; *list != '\0'; list = next) {
		next = list + strlen(list) + 1;
		value = strchr(list, '=');
		*value++ = '\0';
		error = sysctl_text_set(list, value);
		if (error != 0)
			die(list, bsd_strerror(error));
	}
}

/* Descriptors that are still open go, and what runs stops; the memory is the process's. */
static void
module_free(void *u)
{
	int fd = -1;

	(void)u;
	pd_ctl_stop();
	pd_unpatch();
	pd_enter();
	while ((fd = pd_file_next(fd)) >= 0) {
		(void)pd_close_fd(fd, false);
		close(fd);
	}
	pd_leave(0);
	pd_host_stop();
}

void
packetdrill_interface_init(const char *text, struct packetdrill_interface *iface)
{
	struct pd_flags flags;
	char why[256];
	int error;

	if (pd_flags_parse(text, &flags, why, sizeof(why)) != 0)
		die("flags", why);
	pd_linux_buffers = flags.linux_buffers;
	pd_host_start(&flags);
	pd_enter();
	error = pd_if_create(flags.mtu, flags.addr, flags.prefix, flags.gateway);
	if (error != 0)
		die("the interface", strerror(error));
	set_defaults();
	set_sysctls(flags.sysctls);
	pd_leave(0);
	memset(&pd_interface, 0, sizeof(pd_interface));
	pd_interface.free = module_free;
	pd_fill_sockets(&pd_interface);
	pd_fill_polls(&pd_interface);
	pd_interface.netdev_send = pd_netdev_send;
	pd_interface.netdev_receive = pd_netdev_receive;
	pd_interface.usleep = pd_usleep;
	pd_interface.gettimeofday = pd_gettimeofday;
	*iface = pd_interface;
	pd_ctl_start(!flags.keep_path);
	if (!flags.no_patch)
		pd_patch();
}
