/*
 * server.h - control connections: server.c receives and answers, request.c and ctl.c do what is
 * asked.
 */
#ifndef RPC_SERVER_H
#define RPC_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "kernel_glue/include/host/host.h"
#include "rpc/bsd/bsock.h"
#include "rpc/server/space.h"
#include "rpc/wire.h"

/* What alpined tells about itself. */
struct daemon_info {
	const char *name;
	const char *version;
	const char *ifname; /* in the stack */
	const char *tap;    /* on the host */
	const char *bridge; /* "" none */
	const char *socket_path;
	struct rpc_addr dns[RPC_HELLO_ADDRS];
	unsigned ndns;
	uint64_t start_ns;
	void (*stop)(void); /* RPC_CTL_STOP */
};
extern struct daemon_info daemon_info;

struct conn {
	struct host_watch c_watch;
	int c_fd;
	bool c_hello;		 /* said, or inherited */
	struct space *c_capture; /* where it made a packet socket, or NULL */
	bool c_path;		 /* came by the daemon's own socket */
	bool c_monitor;		 /* is told what changes, and asks nothing any more */
	unsigned c_lost;	 /* lines that it did not read in time */
	uint32_t c_kind;	 /* enum rpc_kind */
	uid_t c_uid;
	gid_t c_gid;
	pid_t c_pid;
	uint32_t c_privs;	  /* BSOCK_PRIV_* */
	struct space *c_space;	  /* whose limits count */
	struct space *c_attached; /* RPC_ATTACH: goes when this connection goes */
	/* the rest of a long answer, which waits for the client to read */
	char *c_out;
	size_t c_outlen, c_outsize, c_outpos;
	size_t c_text; /* of its space's s_text */
	struct rpc_msg c_outhead;
	LIST_ENTRY(conn) c_link;
};

struct request {
	struct conn *r_conn;
	struct rpc_msg r_head;
	const char *r_data; /* r_head.m_len bytes */
	int r_fds[RPC_FDS_MAX];
	unsigned r_nfds;
	bool r_ours; /* r_fds[0] is a pair's: closing it takes no time */
	/* the reply */
	char *r_reply; /* RPC_OPTVAL_MAX + 64 bytes of room, or what a handler put there */
	size_t r_replylen;
	int r_replyfd; /* -1 none; the server closes it */
	bool r_silent; /* nothing is sent: the handler did */
	bool r_text;   /* the answer is conn_emit()'s text */
};
#define REQUEST_ROOM 8192

/* A handler's answer below 0: the request was malformed, the connection is closed for it. */
#define BAD_REQUEST (-1)
typedef int request_fn(struct request *);

/* The daemon's own socket, of that group (-1: as it comes) and mode. 0 or errno. */
int server_start(const char *path, gid_t group, mode_t mode);
int server_watch_closer(void); /* while threads can be made; 0 or errno */
void server_stop(void);
unsigned server_conns(void), server_spaces(void);
/* Text of an answer that may be long. */
bsd_emit_fn conn_emit;
void conn_printf(struct conn *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool conn_owner(const struct conn *);	   /* root, or whose daemon this is */
bool conn_privileged(const struct conn *); /* that, or CAP_NET_ADMIN */
void conn_monitor(struct conn *);	   /* becomes one */

/* request.c, ctl.c */
request_fn request_socket, request_bind, request_listen, request_connect, request_getsockname,
    request_getpeername, request_setsockopt, request_getsockopt, request_shutdown, request_ioctl,
    request_sendto, request_errqueue;
request_fn ctl_status, ctl_stop, ctl_sysctl, ctl_report, ctl_change, ctl_monitor;
/* tcplog.c */
request_fn ctl_tcplog_start, ctl_tcplog;

void log_line(int priority, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
