/*
 * shim_poll.c - poll and ppoll, for sockets with IP_RECVERR alone.
 *
 * Readiness is the pair's, and native, but for one thing: an error that waits on a datagram
 * socket is a message of the pair, so that it polls as POLLIN, where Linux says POLLERR. Programs
 * that read the error queue (traceroute) look for that. While no socket of the process ever had
 * IP_RECVERR, these are libc's functions with nothing added. epoll and select tell POLLIN: the next
 * receive call then has the error, as it has on Linux.
 */
#include <signal.h>

#include "preload/shim.h"

_Noreturn void __chk_fail(void);
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask,
    size_t size);

/* Only what was ready is looked at. */
static int
with_errors(struct pollfd *fds, nfds_t n, int ready)
{
	const short readable = POLLIN | POLLRDNORM;
	struct shim_id id;
	nfds_t i;

	if (ready <= 0 || !atomic_load_explicit(&shim_recverr, memory_order_relaxed))
		return ready;
	for (i = 0; i < n; i++)
		if ((fds[i].revents & readable) != 0 && shim_maybe_dgram(fds[i].fd, &id) &&
		    shim_dgram_has_error(fds[i].fd))
			fds[i].revents = (short)((fds[i].revents & ~readable) | POLLERR);
	return ready;
}

SHIM_EXPORT int
poll(struct pollfd *fds, nfds_t n, int timeout)
{
	shim_init();
	return with_errors(fds, n, real.poll(fds, n, timeout));
}

SHIM_EXPORT int
ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	shim_init();
	return with_errors(fds, n, real.ppoll(fds, n, timeout, mask));
}

SHIM_EXPORT int
__poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t size)
{
	if (size / sizeof(*fds) < n)
		__chk_fail();
	return poll(fds, n, timeout);
}

SHIM_EXPORT int
__ppoll_chk(
    struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t size)
{
	if (size / sizeof(*fds) < n)
		__chk_fail();
	return ppoll(fds, n, timeout, mask);
}
