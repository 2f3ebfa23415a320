/* dhcp.h - `alpined IFACE dhcp`: the stack's address by a standard DHCP client. */
#ifndef RPC_DHCP_H
#define RPC_DHCP_H

#include <stdbool.h>
#include <stdint.h>

#include "tapbridge/link.h"

#define DHCP_DNS_MAX 4

/* What the client was given, or, without an address, that it has nothing any more. */
struct dhcp_lease {
	uint8_t addr[4], router[4];
	int prefix;
	bool have_addr, have_router;
	uint8_t dns[DHCP_DNS_MAX][4];
	unsigned ndns;
	uint32_t seconds; /* 0: unknown */
};

typedef void dhcp_lease_fn(const struct dhcp_lease *);

/*
 * dhcp.c, alpined's half. Start: before privileges are given up; exits with a message if it cannot
 * be. Then every frame that comes in is to be shown to dhcp_frame().
 */
/* `sent` is shown what the client sends. */
void dhcp_start(struct link *, bool verbose, dhcp_lease_fn *, link_tap_fn *sent);
void dhcp_frame(const struct link_iov *, int niov, size_t len);
void dhcp_stop(void);

/*
 * dhcp_client.c, the other process. Its main never returns; `fd` is the socket to alpined, on
 * which it sends a TAP's descriptor first, then leases.
 */
void dhcp_client_main(int fd, const uint8_t mac[6], bool verbose) __attribute__((noreturn));
/* We were run as a DHCP client's script: reports, and gives the exit status. -1: we were not. */
int dhcp_hook(int argc, char **argv);

#endif
