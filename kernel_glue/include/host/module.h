/*
 * module.h - code of one's own in a stack: a shared object that alpined (--module) or alpine-sim
 * (a host's `module`) loads. Neutral.
 *
 *	int alpine_module_init(const struct alpine_module_host *, const char *args);
 *
 * is called once for each stack that is to have it, with curvnet that stack, before it has
 * interfaces. It returns 0 or a BSD errno. A module is kernel-world code and may use all of the
 * stack; `scripts/module FILE.c` compiles one. Its own variables are one for the process, not for
 * a stack, and its SYSINITs and SYSCTLs do not run: it does in alpine_module_init() what they
 * would.
 */
#ifndef HOST_MODULE_H
#define HOST_MODULE_H

#include <stddef.h>
#include <stdint.h>

struct vnet;
struct alpine_module_host {
	const char *name; /* the stack's */
	struct vnet *vnet;
	uint32_t number; /* from 1 */
};

#define ALPINE_MODULE_INIT "alpine_module_init"
typedef int alpine_module_init_fn(const struct alpine_module_host *, const char *args);
extern alpine_module_init_fn alpine_module_init __attribute__((visibility("default")));

/* host_module.c: the function of FILE, loaded once however often it is asked for; NULL: why. */
alpine_module_init_fn *host_module_load(const char *file, char *why, size_t whysize);

#endif
