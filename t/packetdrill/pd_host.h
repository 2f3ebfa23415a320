/*
 * pd_host.h - private to packetdrill's module: the lock around the stack, its clock, waiting,
 * and the descriptors handed out. Host world.
 *
 *	pd_enter();			the stack is this thread's
 *	error = ...;			a call that does not wait, or pd_run_job() for one that may
 *	return (pd_leave(error));	-1 and errno, or 0
 */
#ifndef T_PACKETDRILL_PD_HOST_H
#define T_PACKETDRILL_PD_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "t/packetdrill/pd_iface.h"
#include "t/packetdrill/pd_sys.h"

/* ---- pd_flags.c ---- */

struct pd_flags {
	uint8_t addr[4], gateway[4];
	int prefix;
	uint32_t mtu;
	bool real_clock, linux_buffers, keep_path, no_patch;
	bool seeded;
	uint64_t seed;
	unsigned wait_s;    /* how long netdev_receive waits; 0: the clock's default */
	char sysctls[2048]; /* NAME=VALUE, each with a zero byte behind it; an empty one ends */
};
int pd_flags_parse(const char *, struct pd_flags *, char *why, size_t size);

/* ---- pd_host.c ---- */

void pd_host_start(const struct pd_flags *);
void pd_host_stop(void); /* called without the lock */

void pd_enter(void);
int pd_leave(int error);		/* 0, or -1 and errno */
ssize_t pd_leave_n(int error, ssize_t); /* the number, or -1 and errno */
/* Runs fn(arg) where it may wait; the lock is let go meanwhile. */
void pd_run_job(void (*fn)(void *), void *arg);
bool pd_is_ours(int fd); /* takes the lock for a moment */

int pd_usleep(void *, useconds_t);
int pd_gettimeofday(void *, struct timeval *, struct timezone *);
int pd_netdev_send(void *, const void *, size_t);
int pd_netdev_receive(void *, void *, size_t *, long long *);
void pd_advance_us(uint64_t us); /* lock held; on a real clock it sleeps */

/* ---- pd_file.c: the descriptors ---- */

struct pd_epoll;
struct pd_file {
	struct bsock *f_so;	  /* a socket */
	struct pd_epoll *f_epoll; /* or an epoll */
	int f_fd;
	unsigned f_id; /* another for each, also of the same number */
	bool f_nonblock;
	unsigned f_events; /* counts what happened: edges */
};
struct pd_file *pd_file(int fd);   /* NULL: none of ours */
struct pd_file *pd_file_new(void); /* a fresh descriptor; NULL and errno */
void pd_file_forget(struct pd_file *);
int pd_file_next(int after);	     /* the next of our descriptors, -1: no more */
void pd_event(void *file, int what); /* a bsock_event_fn */
extern const struct bsock_cred pd_root;

/* ---- pd_calls.c ---- */

void pd_fill_sockets(struct packetdrill_interface *);
int pd_close_fd(int fd, bool wait); /* lock held; errno value */
int pd_getsockopt(void *, int, int, int, void *, socklen_t *);
int pd_close_left(int fd);
extern bool pd_linux_buffers;

/* ---- pd_poll.c ---- */

void pd_fill_polls(struct packetdrill_interface *);
void pd_epoll_free(struct pd_epoll *);
ssize_t pd_sendfile(int out, int in, off_t *offset, size_t count);

/* ---- pd_patch.c: calls that packetdrill makes past the interface ---- */

void pd_patch(void);
void pd_unpatch(void);

/* ---- pd_ctl.c: sysctl and sockstat of scripts ---- */

void pd_ctl_start(bool set_path);
void pd_ctl_stop(void);
#define PD_CTL_ENV "ALPINE_PACKETDRILL" /* the name of the abstract socket */

#endif
