/*
 * client.h - asking alpined: connections and calls.
 *
 * For the shim, alpine-run, alpinectl and the seccomp supervisor. Nothing here allocates, prints,
 * changes errno or raises SIGPIPE; rpc_call() is async-signal-safe. A struct rpc_client is not
 * locked: who shares one between threads brings the lock.
 *
 * Errors: 0 is success, a positive number is the Linux errno that alpined answered, a negative
 * one (-errno) says that alpined could not be asked: not there, gone, or not understood. After a
 * negative answer the connection is of no use; close it.
 *
 * Descriptors that this library receives or makes are close-on-exec.
 */
#ifndef RPC_CLIENT_H
#define RPC_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "rpc/wire.h"

struct rpc_client {
	int c_fd;	   /* -1: not connected */
	uint32_t c_seq;	   /* of the last request */
	uint64_t c_cookie; /* SO_COOKIE of c_fd, by which rpc_client_valid() knows it again */
};
#define RPC_CLIENT_INIT                                                                            \
	{                                                                                          \
		.c_fd = -1                                                                         \
	}

/* All system calls of this library go through here. The shim puts libc's own syscall() in. */
extern long (*rpc_syscall)(long number, ...);

/*
 * Where the daemon NAME listens: the I-th candidate, 0 first. A name with a '/' in it is a path
 * already. $ALPINE_RUNDIR alone if set, else RPC_RUNDIR, then $XDG_RUNTIME_DIR/alpine.
 * -ENOENT behind the last one, -EINVAL for what cannot be a name.
 */
int rpc_client_path(unsigned i, const char *name, char *path, size_t size);

/* Connect; no hello yet. On failure -errno, c->c_fd is -1. */
int rpc_client_open_abstract(struct rpc_client *c);

/* The first call on a connection. -EPROTO and a text when the daemon speaks another version. */
int rpc_client_hello(struct rpc_client *c, enum rpc_kind kind, struct rpc_hello_reply *reply,
    char *why, size_t whysize);

/*
 * To the daemon NAME (NULL: RPC_DEFAULT_NAME) by its path, and hello, with one line in why[] that
 * says what failed: what the tools want.
 */
int rpc_client_start(struct rpc_client *c, const char *name, enum rpc_kind kind,
    struct rpc_hello_reply *reply, char *why, size_t whysize);

/* A private connection for a forked child, asked for over the inherited one (parent->c_fd). */
int rpc_client_rekey(struct rpc_client *c, const struct rpc_client *parent);

bool rpc_client_valid(const struct rpc_client *c); /* is c_fd still the socket we opened? */
void rpc_client_close(struct rpc_client *c);

/* One request with its reply. The caller fills rc_op, rc_in.., rc_infds.., rc_out.. */
struct rpc_call {
	uint16_t rc_op;
	const struct iovec *rc_in; /* request's payload; at most RPC_CALL_IOV pieces */
	unsigned rc_nin;
	const int *rc_infds; /* descriptors to go with it; at most RPC_FDS_MAX */
	unsigned rc_ninfds;
	const struct iovec *rc_out; /* room for the reply's payload; at most RPC_CALL_IOV pieces */
	unsigned rc_nout;
	bool rc_keep_on_exec; /* the reply's descriptors are not to be close-on-exec */

	uint32_t rc_len;	 /* out: bytes of the reply's payload */
	bool rc_more;		 /* out: rpc_call_next() has more */
	int rc_fds[RPC_FDS_MAX]; /* out: the reply's descriptors, the caller's to close */
	unsigned rc_nfds;
};
#define RPC_CALL_IOV 6

int rpc_call(struct rpc_client *c, struct rpc_call *call);
int rpc_call_next(struct rpc_client *c, struct rpc_call *call); /* the next of several replies */

/*
 * The plain case: a descriptor or -1, one piece in, one out, no descriptors back. A reply that
 * is shorter than minout is -EPROTO; *outlen (if not NULL) is what came.
 */
int rpc_ask(struct rpc_client *c, uint16_t op, int fd, const void *in, size_t inlen, void *out,
    size_t outsize, size_t minout, size_t *outlen);

/* Text in, text out in pieces (RPC_CTL_*); sink's answer other than 0 ends it and is returned. */
typedef int (*rpc_sink)(void *arg, const char *text, size_t len);
int rpc_ask_text(struct rpc_client *c, uint16_t op, const char *text, rpc_sink sink, void *arg);

#endif
