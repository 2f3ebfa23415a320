/*
 * nft.h - keeping the host from answering for the stack's address, and the machine's own rules.
 * This folder's own.
 */
#ifndef TAPBRIDGE_NFT_H
#define TAPBRIDGE_NFT_H

#include <stdbool.h>
#include <stdint.h>

#include "tapbridge/link.h"

/* A table of ours, of this instance, that drops what is for `addr` before the host's stack. */
int nft_hide(const char *name, const char *iface, const uint8_t addr[4], struct link_error *);
/* The machine's rules name `iface`, and not `instead`. Without libnftables: false. */
bool nft_names(const char *iface, const char *instead);
int nft_unhide(const char *name, struct link_error *); /* harmless if there is none */

#endif
