/*
 * pd_iface.h - what packetdrill asks of a stack in a shared object: the order is the interface.
 * Every function takes userdata first, then what POSIX's takes, and returns as POSIX's does.
 */
#ifndef T_PACKETDRILL_PD_IFACE_H
#define T_PACKETDRILL_PD_IFACE_H

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>

struct packetdrill_interface {
	void *userdata;
	void (*free)(void *);
	int (*socket)(void *, int domain, int type, int protocol);
	int (*bind)(void *, int fd, const struct sockaddr *, socklen_t);
	int (*listen)(void *, int fd, int backlog);
	int (*accept)(void *, int fd, struct sockaddr *, socklen_t *);
	int (*connect)(void *, int fd, const struct sockaddr *, socklen_t);
	ssize_t (*read)(void *, int fd, void *, size_t);
	ssize_t (*readv)(void *, int fd, const struct iovec *, int);
	ssize_t (*recv)(void *, int fd, void *, size_t, int flags);
	ssize_t (*recvfrom)(
	    void *, int fd, void *, size_t, int flags, struct sockaddr *, socklen_t *);
	ssize_t (*recvmsg)(void *, int fd, struct msghdr *, int flags);
	ssize_t (*write)(void *, int fd, const void *, size_t);
	ssize_t (*writev)(void *, int fd, const struct iovec *, int);
	ssize_t (*send)(void *, int fd, const void *, size_t, int flags);
	ssize_t (*sendto)(
	    void *, int fd, const void *, size_t, int flags, const struct sockaddr *, socklen_t);
	ssize_t (*sendmsg)(void *, int fd, const struct msghdr *, int flags);
	int (*fcntl)(void *, int fd, int cmd, ...);
	int (*ioctl)(void *, int fd, unsigned long request, ...);
	int (*close)(void *, int fd);
	int (*shutdown)(void *, int fd, int how);
	int (*getsockopt)(void *, int fd, int level, int name, void *, socklen_t *);
	int (*setsockopt)(void *, int fd, int level, int name, const void *, socklen_t);
	int (*poll)(void *, struct pollfd *, nfds_t, int timeout_ms);
	int (*netdev_send)(void *, const void *packet, size_t);
	int (*netdev_receive)(void *, void *buf, size_t *len, long long *usecs);
	int (*usleep)(void *, useconds_t);
	int (*gettimeofday)(void *, struct timeval *, struct timezone *);
	int (*epoll_create)(void *, int size);
	int (*epoll_ctl)(void *, int epfd, int op, int fd, struct epoll_event *);
	int (*epoll_wait)(void *, int epfd, struct epoll_event *, int max, int timeout_ms);
	int (*pipe)(void *, int fds[2]);
	ssize_t (*splice)(
	    void *, int in, loff_t *off_in, int out, loff_t *off_out, size_t, unsigned flags);
};

/* flags: see README.md; NULL or "": the defaults. What is wrong with them ends the process. */
__attribute__((visibility("default"))) void packetdrill_interface_init(
    const char *flags, struct packetdrill_interface *);

#endif
