/*
 * notify.c - tells systemd how we are, sd_notify(3) without the library: one datagram to the
 * socket that NOTIFY_SOCKET names. Also alpined's --ready-fd.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "rpc/alpined/notify.h"

static int notify_fd = -1;

/* The socket is opened at the start: the namespace and the privileges may be others later. */
void
notify_open(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path != NULL ? strlen(path) : 0;

	if (len < 2 || len >= sizeof(sun.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(sun.sun_path, path, len);
	if (path[0] == '@')
		sun.sun_path[0] = '\0';
	notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notify_fd >= 0 && connect(notify_fd, (struct sockaddr *)&sun,
				  (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) != 0) {
		close(notify_fd);
		notify_fd = -1;
	}
}

void
notify_send(const char *state)
{
	if (notify_fd >= 0)
		(void)send(notify_fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* A line on the descriptor, which is then closed: the one who waits reads until the end. */
void
notify_ready_fd(int fd)
{
	if (fd < 0)
		return;
	if (write(fd, "ready\n", 6) < 0) {
		/* nobody waits any more */
	}
	close(fd);
}
