/*
 * run.h - what the files of alpine-run share. Private to netns_launcher/.
 */
#ifndef NETNS_LAUNCHER_RUN_H
#define NETNS_LAUNCHER_RUN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/capability.h>

#include "rpc/client.h"

#define RUN_EXIT_FAILED 125    /* alpine-run itself */
#define RUN_EXIT_NOT_EXEC 126  /* PROGRAM was found and could not be executed */
#define RUN_EXIT_NOT_FOUND 127 /* PROGRAM was not found */

#define RUN_SERVERS 3	    /* name servers; libc's resolver looks at no more (MAXNS) */
#define RUN_RESOLV_MAX 4096 /* bytes of the resolv.conf that programs see */

enum run_verbosity { RUN_QUIET, RUN_NORMAL, RUN_DEBUG };
extern enum run_verbosity run_verbosity;

void run_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));  /* not with -q */
void run_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* with -d */
void run_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* --- run_resolv.c: which name servers, and the file that says so --- */

struct run_resolv {
	struct in_addr server[RUN_SERVERS];
	unsigned nservers;
	char text[RUN_RESOLV_MAX]; /* of the resolv.conf of ours */
};

/* Adds one server, "ADDRESS"; 0, -EINVAL (no IPv4 address) or -ENOSPC (RUN_SERVERS are there). */
int run_resolv_add(struct run_resolv *r, const char *address);
/* When none was given: the daemon's, else those of the host that are not loopback. Then the text.
 */
void run_resolv_complete(struct run_resolv *r, const struct rpc_hello_reply *hello);

/* --- run_ns.c: the namespaces; called in the child --- */

struct run_sockets {				/* made in the namespace, used outside it */
	int listener;				/* abstract, for alpined */
	int device;				/* a TAP named as the stack's interface; -1: none */
	int capture;				/* a packet socket on it, for --pcap; -1: none */
	int udp[RUN_SERVERS], tcp[RUN_SERVERS]; /* port 53 of each server's address */
};

/* 0, or -1 with one line in why[] that says what failed and what to do. */
int run_ns_enter(char *why, size_t whysize);
int run_ns_network(const struct rpc_hello_reply *hello, const char *routes,
    const struct run_resolv *r, struct run_sockets *sockets, char *why, size_t whysize);
int run_ns_files(const struct run_resolv *r, char *why, size_t whysize);

/*
 * run_device.c: that TAP, with the stack's addresses and routes (alpined's report "routes", as
 * text), so that netlink, /proc/net and packet sockets show what the stack has. -1: not here.
 */
int run_device_make(const struct rpc_hello_reply *hello, const char *routes);
/* Any interface of the namespace: up, mtu 0 as it is; an address. 0 or a negative libnl error. */
struct nl_sock;
int run_link_up(struct nl_sock *, int ifindex, uint32_t mtu);
int run_address_add(struct nl_sock *, int ifindex, const struct in_addr *, int prefix);

/* --- run_pcap.c: --pcap --- */

int run_pcap_open(const char *path, char *why, size_t whysize); /* 0, or -1 and why not */
int run_pcap_socket(const char *ifname); /* in the child: the packet socket, or -1 and errno */
int run_pcap_start(int fd);		 /* takes that socket; a descriptor to poll, or -1 */
void run_pcap_work(void);		 /* when it is readable */
void run_pcap_end(void);

/* --- dns_stub.c: names, until the resolver itself reaches the stack --- */

int dns_stub_start(struct rpc_client *c, const struct run_resolv *r,
    const struct run_sockets *sockets); /* a descriptor to poll, or -1 */
void dns_stub_work(void);		/* when it is readable, or time is up */
int dns_stub_timeout_ms(void);		/* until something is to be given up; -1: nothing */

#endif
