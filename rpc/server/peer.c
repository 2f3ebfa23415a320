/*
 * peer.c - which privileges a program has that asks over a control connection: a port below 1024,
 * a raw socket, changes of interfaces and routes are for whom a kernel would let.
 *
 * Theory of operation. SO_PEERCRED tells user and process id as they were when the connection was
 * made; the capabilities are not among them. They are asked for by process id (capget), and that
 * id could by then be another process's, or the same process could have become another program
 * (a setuid one, whose caller keeps a copy of the connection). So all of these must hold, or
 * there are none:
 *
 * - SO_PEERPIDFD (Linux 6.5) gives a handle of the very process, and after the question that
 *   process still lives: so the id was its own all the time.
 * - After the question /proc/PID belongs to the user of the connection. A process that gained
 *   privileges by exec is not dumpable, which is set before the privileges are, and its /proc/PID
 *   is root's.
 * - Its user namespace maps users as ours does: capabilities inside a namespace that anybody can
 *   make are worth nothing here.
 *
 * Root has all of them anyway (priv(9)). Owns the text of our own uid_map.
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rpc/bsd/bsock.h"
#include "rpc/alpined/confine.h"
#include "rpc/server/peer.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#define MAP_MAX 256 /* bytes of a uid_map that is looked at */

static char own_map[MAP_MAX];

static bool
read_map(int dir, const char *path, char map[MAP_MAX])
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return (false);
	n = read(fd, map, MAP_MAX - 1);
	close(fd);
	if (n <= 0 || n == MAP_MAX - 1)
		return (false);
	map[n] = '\0';
	return (true);
}

void
peer_init(void)
{
	if (confine_proc_fd() < 0 || !read_map(confine_proc_fd(), "self/uid_map", own_map))
		own_map[0] = '\0';
}

static uint32_t
capabilities_of(pid_t pid)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = pid};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];
	uint32_t privs = 0;

	memset(caps, 0, sizeof(caps));
	if (syscall(SYS_capget, &head, caps) != 0)
		return (0);
	if ((caps[0].effective & 1u << CAP_NET_BIND_SERVICE) != 0)
		privs |= BSOCK_PRIV_BIND;
	if ((caps[0].effective & 1u << CAP_NET_RAW) != 0)
		privs |= BSOCK_PRIV_RAW;
	if ((caps[0].effective & 1u << CAP_NET_ADMIN) != 0)
		privs |= BSOCK_PRIV_ADMIN;
	return (privs);
}

/* Is /proc/PID that user's, and its user namespace ours? */
static bool
belongs(pid_t pid, uid_t uid)
{
	char path[32], map[MAP_MAX];
	struct stat st;

	if (confine_proc_fd() < 0 || own_map[0] == '\0')
		return (false);
	snprintf(path, sizeof(path), "%d", (int)pid);
	if (fstatat(confine_proc_fd(), path, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_uid != uid)
		return (false);
	snprintf(path, sizeof(path), "%d/uid_map", (int)pid);
	return (read_map(confine_proc_fd(), path, map) && strcmp(map, own_map) == 0);
}

uint32_t
peer_privileges(int fd, pid_t pid, uid_t uid)
{
	struct pollfd alive = {.events = POLLIN};
	socklen_t len = sizeof(alive.fd);
	uint32_t privs = 0;

	if (uid == 0)
		return (BSOCK_PRIV_BIND | BSOCK_PRIV_RAW | BSOCK_PRIV_ADMIN);
	if (pid <= 0 || getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &alive.fd, &len) != 0)
		return (0);
	privs = capabilities_of(pid);
	if (privs != 0 && (!belongs(pid, uid) || poll(&alive, 1, 0) != 0))
		privs = 0;
	close(alive.fd);
	return (privs);
}
