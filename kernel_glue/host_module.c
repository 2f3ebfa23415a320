/*
 * host_module.c - loads modules, <host/module.h>. They stay until the process ends, as the stack
 * keeps pointers into them. Called by alpined and alpine-sim.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_glue/include/host/module.h"

alpine_module_init_fn *
host_module_load(const char *file, char *why, size_t whysize)
{
	alpine_module_init_fn *init;
	char *path = realpath(file, NULL); /* a name without a slash is a file here, too */
	void *handle, *symbol;

	handle = dlopen(path != NULL ? path : file, RTLD_NOW | RTLD_LOCAL);
	free(path);
	if (handle == NULL) {
		snprintf(why, whysize, "%s", dlerror());
		return (NULL);
	}
	symbol = dlsym(handle, ALPINE_MODULE_INIT);
	if (symbol == NULL)
		snprintf(why, whysize, "%s has no function " ALPINE_MODULE_INIT "()", file);
	memcpy(&init, &symbol, sizeof(init));
	return (init);
}
