/*
 * mirror.h - what the stack's interface carries, shown on a device in a namespace of programs.
 */
#ifndef RPC_MIRROR_H
#define RPC_MIRROR_H

#include <stdbool.h>

#include "tapbridge/link.h"

struct mirror;

/* Once; `also` (may be NULL) sees every frame too: the trace of --pcap. */
void mirror_start(struct link *wire, link_tap_fn *also, void *arg);
/* Over the TAP of a namespace, which it takes in any case. NULL and errno. */
struct mirror *mirror_make(int fd);
void mirror_free(struct mirror *);
/* One packet socket more or less in that namespace; NULL is none. */
void mirror_use(struct mirror *, bool more);

#endif
