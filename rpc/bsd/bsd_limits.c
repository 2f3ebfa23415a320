/*
 * bsd_limits.c - the server's bounds and tunables: net.alpine.*. Owns bsock_limits.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/limits.h>
#include <sys/sysctl.h>

#include "rpc/bsd/bsd_var.h"

struct bsock_limits bsock_limits = {
    .maxsockets = 32768,
    .maxconns = 4096,
    .maxspaces = 256,
    .graves = 4096,
    .pump_budget = 1024 * 1024,
    .accept_ahead = 64,
    .dgram_buf = 212992,
    .pair_sndbuf = 0,
};

#define LIMIT(name, lo, hi, descr)                                                                 \
	SYSCTL_INT_RANGE(_net_alpine, OID_AUTO, name, CTLFLAG_RW, &bsock_limits.name, lo, hi, descr)

LIMIT(maxsockets, 1, INT_MAX,
    "Sockets that the programs of one namespace may have (default 32768, 1-): each costs alpined a "
    "descriptor");
LIMIT(maxconns, 1, INT_MAX,
    "Control connections, one per process, of one namespace (default 4096, 1-); more wait");
LIMIT(maxspaces, 1, INT_MAX, "Namespaces that may be attached at once (default 256, 1-)");
LIMIT(graves, 0, 1048576,
    "Ended connections whose error and addresses a program may still ask for (default 4096, "
    "0-1048576)");
LIMIT(pump_budget, 65536, INT_MAX,
    "Bytes that one socket moves each way before others have their turn (default 1048576, "
    "65536-)");
LIMIT(accept_ahead, 1, 1024,
    "Connections handed to a listening program before it asks (default 64, 1-1024)");
LIMIT(dgram_buf, 2304, 1048576,
    "Send and receive buffer of new datagram and raw sockets in bytes (default 212992, "
    "2304-1048576): Linux programs expect its default, not a BSD's");
LIMIT(pair_sndbuf, 0, 16777216,
    "SO_SNDBUF of new stream pairs in bytes, 0 the system's (default 0, 0-16777216): what fits "
    "the CPU's cache is fastest");
