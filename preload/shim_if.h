/*
 * shim_if.h - interfaces as the stack has them, for shim_if.c from shim_ioctl.c.
 */
#ifndef PRELOAD_SHIM_IF_H
#define PRELOAD_SHIM_IF_H

#include <net/if.h>
#include <stddef.h>

int shim_ioctl_ask(int fd, unsigned long cmd, void *arg, size_t size);
int shim_ioctl_ifconf(int fd, struct ifreq *list, size_t room, size_t *used);

#endif
