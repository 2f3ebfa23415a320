/*
 * module.h - code of one's own in a host of alpine-sim. Neutral.
 *
 *	host accelerated { module = "accel.so"; module-args = "ackdivision" }
 *
 * The file is loaded (dlopen(3), once however many hosts name it), and
 *
 *	int alpine_module_init(const struct alpine_module_host *, const char *args);
 *
 * is called for each host, with curvnet its stack, before it has interfaces. It returns 0 or a BSD
 * errno. A module is compiled as the stack is (`make print-module-cflags` says how) and linked with
 * -shared; all functions and variables of the stack are there for it.
 */
#ifndef T_SIM_MODULE_H
#define T_SIM_MODULE_H

#include <stdint.h>

struct vnet;
struct alpine_module_host {
	const char *name;
	struct vnet *vnet;
	uint32_t number; /* from 1 */
};

#define ALPINE_MODULE_INIT "alpine_module_init"
typedef int alpine_module_init_fn(const struct alpine_module_host *, const char *args);

#endif
