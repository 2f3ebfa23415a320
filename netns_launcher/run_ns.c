/*
 * run_ns.c - the namespaces that a program is put into. Called in the child, before it becomes
 * PROGRAM.
 *
 * A network namespace with nothing but lo: what nobody intercepts reaches nothing. lo carries
 * the stack's addresses, because getaddrinfo(AI_ADDRCONFIG) asks the namespace's kernel whether
 * there is one, and the name servers' addresses, where the stub answers. A mount namespace in
 * which /etc/resolv.conf is ours and the host's resolver daemons are out of sight. A user
 * namespace only if the caller may not do the former; user_namespaces(7).
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netlink/netlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "netns_launcher/run.h"

#define LISTEN_BACKLOG 64
#define DNS_PORT 53
#define DNS_BACKLOG 16
#define LO_INDEX 1 /* of every network namespace */

/* --- entering --- */

static int
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), error = 0;

	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		error = errno;
	close(fd);
	return error;
}

/* The caller's own user and group, mapped to themselves: files look as they did. */
static int
map_self(uid_t uid, gid_t gid)
{
	char line[64];
	int error;

	error = write_file("/proc/self/setgroups", "deny");
	if (error != 0 && error != ENOENT)
		return error;
	snprintf(line, sizeof(line), "%u %u 1", uid, uid);
	error = write_file("/proc/self/uid_map", line);
	if (error != 0)
		return error;
	snprintf(line, sizeof(line), "%u %u 1", gid, gid);
	return write_file("/proc/self/gid_map", line);
}

/*
 * In a chroot whose root is not a mount point, propagation can only be changed from above: to the
 * top of the mount namespace, which is our own copy by now, by chroot(2)'s known way out, and back.
 */
static int
slave_from_above(void)
{
	static const char *const below[] = {"/etc", "/dev", "/proc", "/usr", "/tmp"};
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), error = 0;
	int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat up, now;
	size_t i;

	for (i = 0; i < sizeof(below) / sizeof(below[0]); i++)
		if (chroot(below[i]) == 0)
			break;
	if (root < 0 || here < 0 || i == sizeof(below) / sizeof(below[0]) || fchdir(root) != 0) {
		error = errno;
	} else {
		do {
			if (stat(".", &now) != 0 || chdir("..") != 0 || stat(".", &up) != 0) {
				error = errno;
				break;
			}
		} while (up.st_ino != now.st_ino || up.st_dev != now.st_dev);
		if (error == 0 &&
		    (chroot(".") != 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0))
			error = errno;
	}
	if (root >= 0 && (fchdir(root) != 0 || chroot(".") != 0) && error == 0)
		error = errno;
	if (here >= 0 && fchdir(here) != 0 && error == 0)
		error = errno;
	close(root);
	close(here);
	return error;
}

/*
 * A program with a set-user-ID bit or file capabilities would run without the shim (ld.so(8),
 * secure execution). In a user namespace such bits give nothing that is of use here; without them
 * ping(8), say, is a program like others, and takes a ping socket. For root's other users it is
 * done to ping alone: su(1) and its kind shall work.
 */
static void
no_file_privileges(bool user_namespace)
{
	static const char ping[] = "/usr/bin/ping";
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_NOSUID};
	int result;

	if (user_namespace)
		result = mount_setattr(-1, "/", AT_RECURSIVE, &attr, sizeof(attr));
	else if (access(ping, X_OK) == 0 && mount(ping, ping, NULL, MS_BIND, NULL) == 0)
		result = mount_setattr(-1, ping, 0, &attr, sizeof(attr));
	else
		return;
	if (result != 0)
		run_debug("programs with file capabilities stay so: %s", strerror(errno));
}

int
run_ns_enter(char *why, size_t whysize)
{
	bool user_namespace = false;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int error;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) == 0) {
		run_debug("namespaces: network and mount, as the user we are");
	} else if (errno != EPERM) {
		snprintf(why, whysize, "cannot make a network namespace: %s", strerror(errno));
		return -1;
	} else if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) != 0) {
		snprintf(why, whysize,
		    "cannot make a user namespace: %s: run it as root, or allow them: "
		    "sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000",
		    strerror(errno));
		return -1;
	} else {
		error = map_self(uid, gid);
		if (error != 0) {
			snprintf(why, whysize, "cannot map user %u into a user namespace: %s", uid,
			    strerror(error));
			return -1;
		}
		run_debug("namespaces: user, network and mount");
		user_namespace = true;
	}
	/* Mounts that the host makes still arrive; ours do not go out. */
	error = mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0 ? 0 : errno;
	if (error == EINVAL)
		error = slave_from_above();
	if (error != 0) {
		snprintf(why, whysize, "cannot make the mounts private: %s%s", strerror(error),
		    error == EINVAL || error == EPERM
			? ": in a chroot, bind its root onto itself first: mount --bind DIR DIR"
			: "");
		return -1;
	}
	no_file_privileges(user_namespace);
	return 0;
}

/* --- network --- */

/* A name server may have the stack's own address. */
static int
add_to_lo(struct nl_sock *nl, const struct in_addr *address)
{
	const int error = run_address_add(nl, LO_INDEX, address, 32);

	return error == -NLE_EXIST ? 0 : error;
}

static int
configure_lo(const struct rpc_hello_reply *hello, const struct run_resolv *r)
{
	struct nl_sock *nl = nl_socket_alloc();
	struct sockaddr_in sin;
	unsigned i;
	int error;

	if (nl == NULL)
		return -NLE_NOMEM;
	error = nl_connect(nl, NETLINK_ROUTE);
	if (error == 0)
		error = run_link_up(nl, LO_INDEX, 0);
	for (i = 0; i < hello->h_naddrs && error == 0; i++) {
		memcpy(&sin, hello->h_addrs[i].a_data, sizeof(sin));
		if (hello->h_addrs[i].a_len >= sizeof(sin) && sin.sin_family == AF_INET)
			error = add_to_lo(nl, &sin.sin_addr);
	}
	for (i = 0; i < r->nservers && error == 0; i++)
		error = add_to_lo(nl, &r->server[i]);
	nl_socket_free(nl);
	return error;
}

static int
make_listener(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const size_t len = sizeof(RPC_CONTROL_NAME) - 1;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	memcpy(sun.sun_path + 1, RPC_CONTROL_NAME, len);
	if (bind(fd, (struct sockaddr *)&sun,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)) != 0 ||
	    listen(fd, LISTEN_BACKLOG) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int
make_dns_socket(const struct in_addr *address, int type)
{
	struct sockaddr_in sin = {
	    .sin_family = AF_INET, .sin_port = htons(DNS_PORT), .sin_addr = *address};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
	    (type == SOCK_STREAM && listen(fd, DNS_BACKLOG) != 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

int
run_ns_network(const struct rpc_hello_reply *hello, const char *routes, const struct run_resolv *r,
    struct run_sockets *sockets, char *why, size_t whysize)
{
	int error = configure_lo(hello, r);
	unsigned i;

	if (error != 0) {
		snprintf(
		    why, whysize, "cannot configure lo in the namespace: %s", nl_geterror(error));
		return -1;
	}
	sockets->device = run_device_make(hello, routes);
	sockets->listener = make_listener();
	if (sockets->listener < 0) {
		snprintf(why, whysize, "cannot bind the control name in the namespace: %s",
		    strerror(errno));
		return -1;
	}
	for (i = 0; i < r->nservers; i++) {
		sockets->udp[i] = make_dns_socket(&r->server[i], SOCK_DGRAM);
		sockets->tcp[i] = make_dns_socket(&r->server[i], SOCK_STREAM);
		if (sockets->udp[i] < 0 || sockets->tcp[i] < 0) {
			snprintf(why, whysize, "cannot open port %d in the namespace: %s", DNS_PORT,
			    strerror(errno));
			return -1;
		}
	}
	return 0;
}

/* --- files --- */

/* Daemons that would resolve names on the host's network, by what leads to them. */
static const char *const hidden_dirs[] = {"/run/nscd", "/var/run/nscd", "/run/avahi-daemon"};
static const char *const hidden_files[] = {"/run/systemd/resolve/io.systemd.Resolve"};

static void
hide(const char *path, const char *empty)
{
	if (access(path, F_OK) != 0)
		return;
	if (mount(empty, path, NULL, MS_BIND, NULL) != 0)
		run_warn(
		    "cannot hide %s: %s: names may be resolved by the host", path, strerror(errno));
}

/*
 * Ours are made on a tmpfs that is mounted over /tmp or so for a moment, seen by nobody else, so
 * that nothing is left on a disk however this ends.
 */
int
run_ns_files(const struct run_resolv *r, char *why, size_t whysize)
{
	static const char *const dirs[] = {
	    "/tmp", "/run", "/mnt", "/var", "/etc"}; /* any will do */
	char file[32], empty_file[32], empty_dir[32];
	const char *dir = dirs[0];
	mode_t mask = umask(0);
	int fd, error = 0;
	size_t i;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		if (access(dir = dirs[i], F_OK) == 0)
			break;
	if (mount("alpine", dir, "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,nr_inodes=16,mode=755") !=
	    0) {
		snprintf(why, whysize, "cannot mount a tmpfs on %s: %s", dir, strerror(errno));
		umask(mask);
		return -1;
	}
	snprintf(file, sizeof(file), "%s/resolv.conf", dir);
	snprintf(empty_file, sizeof(empty_file), "%s/file", dir);
	snprintf(empty_dir, sizeof(empty_dir), "%s/dir", dir);
	fd = open(empty_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	close(fd);
	mkdir(empty_dir, 0555);
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, r->text, strlen(r->text)) != (ssize_t)strlen(r->text))
		error = errno;
	close(fd);
	/* A host without the file has no name server either: libc then asks 127.0.0.1, in vain. */
	if (error == 0 && mount(file, "/etc/resolv.conf", NULL, MS_BIND, NULL) != 0 &&
	    errno != ENOENT)
		error = errno;
	for (i = 0; i < sizeof(hidden_dirs) / sizeof(hidden_dirs[0]); i++)
		hide(hidden_dirs[i], empty_dir);
	for (i = 0; i < sizeof(hidden_files) / sizeof(hidden_files[0]); i++)
		hide(hidden_files[i], empty_file);
	umount2(dir, MNT_DETACH);
	umask(mask);
	if (error != 0) {
		snprintf(why, whysize, "cannot put a resolv.conf in place: %s", strerror(error));
		return -1;
	}
	return 0;
}
