/* options.h - alpined's command line, parsed and checked. */
#ifndef RPC_OPTIONS_H
#define RPC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/wire.h"
#include "tapbridge/attach/attach.h"

#define OPTIONS_SYSCTLS 64
#define OPTIONS_MODULES 8
#define OPTIONS_MTU_MAX 65521 /* an IP packet behind an Ethernet header in what a TAP carries */

struct options {
	enum attach_mode attach;
	const char *iface;  /* NULL with --tap */
	const char *tap;    /* ATTACH_TAP's */
	const char *bridge; /* NULL: br-IFACE */
	bool bridge_exists; /* --attach bridge=BR: it must be there */
	bool tap_exists;    /* --attach tap=NAME: likewise */
	const char *name;
	bool have_name;
	bool restore;	    /* bring back what a dead daemon left, and nothing else */
	const char *fault;  /* for tests: see alpined(8) */
	const char *socket; /* NULL: in the run directory */
	const char *pcap;
	const char *address_text;
	uint8_t addr[4], gateway[4], mac[6];
	int prefix;
	bool have_gateway, have_mac;
	bool dhcp;    /* instead of an address; addr and prefix are 0 then */
	uint32_t mtu; /* 0: the interface's */
	struct rpc_addr dns[RPC_HELLO_ADDRS];
	unsigned ndns;
	const char *sysctls[OPTIONS_SYSCTLS];
	unsigned nsysctls;
	const char *modules[OPTIONS_MODULES]; /* FILE[,ARGS] */
	unsigned nmodules;
	bool debug_clock;
	const char *user;  /* NULL: as confine_find_user() chooses */
	const char *group; /* of the control socket; NULL: as it comes */
	unsigned mode;	   /* of the control socket */
	bool no_confine;
	bool check, describe;
	int ready_fd;
	int log_level; /* 0-7, as syslog(3) */
};

/* Exits with one line on stderr when something is wrong, and for --help and --version. */
void options_parse(struct options *, int argc, char **argv);
/* One line: "alpined: WHAT; NEXT STEP" ("" next: without), and exit status 1. */
void fail(const char *next, const char *fmt, ...) __attribute__((noreturn, format(printf, 2, 3)));

#endif
