/*
 * shim.h - what the shim's files share. Private to preload/.
 *
 * Every wrapper has the same shape: is this descriptor one of ours? if not, libc's own function,
 * untouched. Nothing here prints, exits or allocates; a wrapper returns -1 and errno, and leaves
 * errno alone otherwise.
 */
#ifndef PRELOAD_SHIM_H
#define PRELOAD_SHIM_H

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#include <fcntl.h>

#include "rpc/client.h"

#define SHIM_EXPORT __attribute__((visibility("default")))

/* libc's own functions, by dlsym(RTLD_NEXT): those are the cancellation points they should be. */
struct shim_real {
	__typeof__(accept4) *accept4;
	__typeof__(bind) *bind;
	__typeof__(connect) *connect;
	FILE *(*fopen)(const char *, const char *);
	FILE *(*fopen64)(const char *, const char *);
	__typeof__(freeifaddrs) *freeifaddrs;
	__typeof__(getifaddrs) *getifaddrs;
	__typeof__(getipv4sourcefilter) *getipv4sourcefilter;
	__typeof__(getpeername) *getpeername;
	__typeof__(getsockname) *getsockname;
	__typeof__(getsockopt) *getsockopt;
	__typeof__(getsourcefilter) *getsourcefilter;
	__typeof__(if_freenameindex) *if_freenameindex;
	__typeof__(if_indextoname) *if_indextoname;
	__typeof__(if_nameindex) *if_nameindex;
	__typeof__(if_nametoindex) *if_nametoindex;
	int (*ioctl)(int, unsigned long, ...);
	__typeof__(listen) *listen;
	int (*open)(const char *, int, ...);
	int (*open64)(const char *, int, ...);
	int (*openat)(int, const char *, int, ...);
	int (*openat64)(int, const char *, int, ...);
	int (*__open_2)(const char *, int);
	int (*__open64_2)(const char *, int);
	int (*__openat_2)(int, const char *, int);
	int (*__openat64_2)(int, const char *, int);
	__typeof__(poll) *poll;
	__typeof__(ppoll) *ppoll;
	int (*prctl)(int, ...);
	__typeof__(read) *read;
	__typeof__(readv) *readv;
	__typeof__(recv) *recv;
	__typeof__(recvfrom) *recvfrom;
	__typeof__(recvmmsg) *recvmmsg;
	__typeof__(recvmsg) *recvmsg;
	__typeof__(send) *send;
	__typeof__(sendmmsg) *sendmmsg;
	__typeof__(sendmsg) *sendmsg;
	__typeof__(sendto) *sendto;
	__typeof__(setipv4sourcefilter) *setipv4sourcefilter;
	__typeof__(setsockopt) *setsockopt;
	__typeof__(setsourcefilter) *setsourcefilter;
	__typeof__(shutdown) *shutdown;
	__typeof__(socket) *socket;
	__typeof__(write) *write;
	__typeof__(writev) *writev;
	long (*syscall)(long, ...);
};
extern struct shim_real real;

/*
 * Hints, process-wide. Never cleared; a child inherits them. Neither is a table of descriptors.
 */
extern atomic_bool shim_dgrams;	  /* a datagram socket of ours may be in this process */
extern atomic_bool shim_recverr;  /* a datagram socket of ours may have IP_RECVERR */
extern atomic_bool shim_confined; /* the program installed a seccomp filter of its own */

extern atomic_bool shim_inited;
void shim_init_slow(void);
static inline void
shim_init(void)
{
	if (!atomic_load_explicit(&shim_inited, memory_order_acquire))
		shim_init_slow();
}

/* --- shim_state.c: the connection to alpined --- */

/* One request. 0, or the Linux errno; ENETDOWN when alpined cannot be reached. */
int shim_call(struct rpc_call *call);
int shim_ask(uint16_t op, int fd, const void *in, size_t inlen, void *out, size_t outsize,
    size_t minout, size_t *outlen);
/*
 * Text in, text out in pieces, read into room (RPC_MSG_MAX bytes). The sink answers 0 or an
 * errno. It runs with the lock held: no request from there.
 */
int shim_ask_text(uint16_t op, const char *text, void *room, size_t size, rpc_sink sink, void *arg);
void shim_connect_now(void); /* have a connection of this process's own, if one can be had */

/* --- shim_class.c: whose descriptor is this? --- */

enum shim_class {
	SHIM_FOREIGN = 1, /* not ours */
	SHIM_STREAM,	  /* ours: bytes, nothing else */
	SHIM_DGRAM,	  /* ours: struct rpc_dgram before each message */
	SHIM_LISTENER,	  /* ours: struct rpc_accept for each connection */
};
struct shim_id {
	enum shim_class class;
	uint64_t cookie; /* SO_COOKIE; 0: not a socket at all */
};
struct shim_id shim_classify(int fd);
void shim_class_learn(uint64_t cookie, enum shim_class class);
bool shim_is_our_name(const void *sockaddr, socklen_t len);

static inline bool
shim_ours(struct shim_id id)
{
	return id.class != SHIM_FOREIGN;
}

/*
 * For calls that also streams and files make all the time: only when a datagram socket may
 * exist does it cost a system call to ask, and none in a program that confined itself.
 */
static inline bool
shim_maybe_dgram(int fd, struct shim_id *id)
{
	if (!atomic_load_explicit(&shim_dgrams, memory_order_relaxed) ||
	    atomic_load_explicit(&shim_confined, memory_order_relaxed))
		return false;
	*id = shim_classify(fd);
	return id->class == SHIM_DGRAM;
}

/* The same for calls that carry an address or control data, as datagram programs make them. */
static inline bool
shim_named_dgram(int fd, struct shim_id *id)
{
	if (!atomic_load_explicit(&shim_dgrams, memory_order_relaxed))
		return false;
	*id = shim_classify(fd);
	return id->class == SHIM_DGRAM;
}

/*
 * Streams that this process made and has not connected. The pair is connected all the same, so
 * that a read would wait: TCP says ENOTCONN. While there are some, a read costs one system call
 * more. A socket that another process connected is told by alpined.
 */
extern atomic_int shim_nfresh;
void shim_fresh_add(int fd);
void shim_fresh_remove(uint64_t cookie);

/* --- shim_socket.c --- */

ssize_t shim_fastopen(int fd, struct shim_id id, const struct msghdr *msg, int flags);
bool shim_fresh_slow(int fd);
static inline bool
shim_fresh(int fd)
{
	return atomic_load_explicit(&shim_nfresh, memory_order_relaxed) > 0 &&
	       !atomic_load_explicit(&shim_confined, memory_order_relaxed) && shim_fresh_slow(fd);
}

/* --- shim_exec.c --- */

void shim_exec_init(void); /* part of shim_init() */

/* --- shim_io.c --- */

/* A stream of ours said end of file, or EPIPE: is there a reason? Returns n, or -1 and errno. */
ssize_t shim_stream_end(int fd, ssize_t n);
ssize_t shim_fresh_write(int flags);
int shim_so_error(int fd);    /* SO_ERROR; ENETDOWN when alpined cannot be asked */
void shim_error_told(int fd); /* the pair's own error is told with it, and polls no more */

/* --- shim_msg.c --- */

int shim_check_pieces(const struct iovec *iov, size_t n); /* 0, or EFAULT: they are not there */

/* --- shim_dgram.c: datagrams with their headers --- */

ssize_t shim_dgram_send(int fd, uint64_t cookie, const struct msghdr *msg, int flags);
ssize_t shim_dgram_recv(int fd, uint64_t cookie, struct msghdr *msg, int flags);
/* An error that waits before all datagrams: taken, and returned; 0: none. */
int shim_dgram_take_error(int fd);
bool shim_dgram_has_error(int fd);
int shim_dgram_waiting(int fd); /* FIONREAD: payload bytes of the next datagram */
void shim_dgram_forget(uint64_t cookie);

/* --- small things --- */

/* close(), but no cancellation point, and errno as it was. */
static inline void
shim_close(int fd)
{
	int saved = errno;

	real.syscall(SYS_close, (long)fd);
	errno = saved;
}

/* -1 with errno, as every wrapper ends. */
static inline int
shim_fail(int error)
{
	errno = error;
	return -1;
}

/*
 * Bytes from and to where the program's pointer says: 0, or EFAULT where that is nowhere. The
 * kernel copies, so that a bad pointer is an answer and no signal.
 */
int shim_copy_in(void *to, const void *from, size_t len);
int shim_copy_out(void *to, const void *from, size_t len);

/*
 * What no program has memory at: for the many calls where a checked copy would cost too much, and
 * libc's own function knows the answer.
 */
static inline bool
shim_nowhere(const void *p)
{
	return (uintptr_t)p < 4096 || (uintptr_t)p >= (uintptr_t)1 << 47;
}

/* An address as the program gave it, for the wire. 0 or an errno. */
int shim_addr_in(struct rpc_addr *to, const void *addr, socklen_t len);
/* ... and back, with Linux's truncation: *len says how long it is. 0 or an errno. */
int shim_addr_out(const struct rpc_addr *from, void *addr, socklen_t *len);

#endif
