/*
 * doctor_machine.c - alpinectl doctor's checks of the kernel, of what we may, and of what is
 * installed. Owns nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rpc/ctl/alpinectl.h"
#include "rpc/ctl/doctor.h"

#define FDS_ENOUGH 65536

void
check_kernel(const struct patient *p)
{
	unsigned major = 0, minor = 0, v;
	struct utsname u;

	(void)p;
	if (uname(&u) != 0 || sscanf(u.release, "%u.%u", &major, &minor) != 2) {
		finding(WARNING, "kernel", "", "its version cannot be told");
		return;
	}
	v = major * 1000 + minor;
	if (v < 5009)
		finding(
		    PROBLEM, "kernel", "install 5.9 or later", "Linux %s is too old", u.release);
	else if (v < 5015)
		finding(WARNING, "kernel", "install 5.15 or later if programs use urgent data",
		    "Linux %s has no urgent data on socket pairs", u.release);
	else if (v < 6005)
		finding(WARNING, "kernel",
		    "install 6.5 or later, or let root start what binds ports below 1024",
		    "Linux %s cannot tell programs beyond doubt: their capabilities do not count",
		    u.release);
	else
		finding(FINE, "kernel", "", "Linux %s", u.release);
}

static bool
have_capability(int cap)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	memset(data, 0, sizeof(data));
	return (syscall(SYS_capget, &head, data) == 0 && (data[0].effective & 1u << cap) != 0);
}

void
check_privileges(const struct patient *p)
{
	(void)p;
	if (have_capability(CAP_NET_ADMIN))
		finding(FINE, "privileges", "", "CAP_NET_ADMIN: alpined can be started from here");
	else
		finding(WARNING, "privileges",
		    "start alpined as root, or in a user namespace with networks of its own",
		    "no CAP_NET_ADMIN: alpined cannot attach to this machine's interfaces");
}

/* What a child can do in namespaces of its own: 0 or errno. */
static int
in_namespaces(int (*fn)(void))
{
	int status = 0, flags = CLONE_NEWNET | (have_capability(CAP_SYS_ADMIN) ? 0 : CLONE_NEWUSER);
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(unshare(flags) != 0 ? errno : fn != NULL ? fn() : 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return (errno);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : EIO);
}

void
check_namespaces(const struct patient *p)
{
	char line[64];
	int error = in_namespaces(NULL);

	(void)p;
	if (error == 0) {
		finding(FINE, "namespaces", "", "alpine-run can make its own");
		return;
	}
	if (first_line(line, sizeof(line), "/proc/sys/user/max_net_namespaces") &&
	    strcmp(line, "0") == 0)
		finding(PROBLEM, "namespaces", "sysctl user.max_net_namespaces=10000",
		    "network namespaces are switched off: alpine-run cannot work");
	else if (first_line(line, sizeof(line),
		     "/proc/sys/kernel/apparmor_restrict_unprivileged_userns") &&
		 strcmp(line, "1") == 0)
		finding(PROBLEM, "namespaces",
		    "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or use root",
		    "AppArmor keeps users from making namespaces: alpine-run needs root");
	else if (first_line(line, sizeof(line), "/proc/sys/kernel/unprivileged_userns_clone") &&
		 strcmp(line, "0") == 0)
		finding(PROBLEM, "namespaces",
		    "sysctl kernel.unprivileged_userns_clone=1, or use root",
		    "users may not make namespaces: alpine-run needs root");
	else if (first_line(line, sizeof(line), "/proc/sys/user/max_user_namespaces") &&
		 strcmp(line, "0") == 0)
		finding(PROBLEM, "namespaces", "sysctl user.max_user_namespaces=10000",
		    "user namespaces are switched off: alpine-run needs root");
	else
		finding(PROBLEM, "namespaces", "use root; in a container: allow unshare(2)",
		    "a network namespace cannot be made: %s", strerror(error));
}

static int
try_tap(void)
{
	struct ifreq ifr = {.ifr_name = "alpine%d"};
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return (errno);
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	return (ioctl(fd, TUNSETIFF, &ifr) != 0 ? errno : 0);
}

void
check_tun(const struct patient *p)
{
	struct stat st;
	int error;

	(void)p;
	if (stat("/dev/net/tun", &st) != 0 || !S_ISCHR(st.st_mode)) {
		finding(PROBLEM, "tun",
		    "modprobe tun; in a container: let it have the device /dev/net/tun",
		    "/dev/net/tun is not there: no TAP can be made");
		return;
	}
	if (access("/dev/net/tun", R_OK | W_OK) != 0) {
		finding(PROBLEM, "tun", "chmod 666 /dev/net/tun, or use root",
		    "/dev/net/tun cannot be opened: %s", strerror(errno));
		return;
	}
	error = in_namespaces(try_tap);
	if (error != 0)
		finding(error == EPERM ? WARNING : PROBLEM, "tun",
		    error == ENODEV || error == ENXIO ? "modprobe tun" : "use root",
		    "a TAP cannot be made: %s", strerror(error));
	else
		finding(FINE, "tun", "", "a TAP can be made");
}

static int
try_bridge(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return (fd >= 0 && ioctl(fd, SIOCBRADDBR, "alpine-try") == 0 ? 0 : errno);
}

void
check_bridge(const struct patient *p)
{
	int error = in_namespaces(try_bridge);

	(void)p;
	if (error == 0)
		finding(FINE, "bridge", "", "a bridge can be made");
	else if (error == EPERM || error == EUSERS || error == ENOSPC)
		finding(WARNING, "bridge", "use root",
		    "whether a bridge can be made is not known: %s", strerror(error));
	else
		finding(PROBLEM, "bridge", "modprobe bridge, or alpined --attach packet",
		    "the kernel has no bridge: %s", strerror(error));
}

void
check_filter(const struct patient *p)
{
	(void)p;
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0)
		finding(FINE, "seccomp", "", "alpined can confine itself");
	else
		finding(WARNING, "seccomp", "a kernel with CONFIG_SECCOMP_FILTER",
		    "the kernel has no seccomp: alpined runs without a filter");
}

void
check_limits(const struct patient *p)
{
	struct rlimit r;

	(void)p;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || have_capability(CAP_SYS_RESOURCE) ||
	    r.rlim_max >= FDS_ENOUGH)
		finding(FINE, "descriptors", "", "as many as alpined wants");
	else
		finding(WARNING, "descriptors", "LimitNOFILE= of the service, or ulimit -Hn",
		    "at most %llu descriptors, so about that many sockets on the stack",
		    (unsigned long long)r.rlim_max);
}

/* Beside this program, as alpine-run looks beside itself. */
static bool
beside(const char *relative, char path[PATH_MAX])
{
	char here[PATH_MAX - 64], joined[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", here, sizeof(here) - 1);

	if (n <= 0)
		return (false);
	here[n] = '\0';
	slash = strrchr(here, '/');
	if (slash == NULL)
		return (false);
	*slash = '\0';
	if (snprintf(joined, sizeof(joined), "%s/%s", here, relative) >= (int)sizeof(joined))
		return (false);
	return (realpath(joined, path) != NULL && access(path, R_OK) == 0);
}

void
check_shim(const struct patient *p)
{
	char path[PATH_MAX];

	(void)p;
	if (!beside("alpine-run", path) && !beside("../bin/alpine-run", path))
		finding(PROBLEM, "shim", "make install", "alpine-run is not beside this program");
	else if (!beside("../lib/alpine/libalpine.so", path) &&
		 !beside("../lib/libalpine.so", path))
		finding(PROBLEM, "shim", "make install",
		    "libalpine.so is not there: programs could not be put on the stack");
	else
		finding(FINE, "shim", "", "%s", path);
}

/* The instance that -n names, or the default one. */
void
check_rundir(const struct patient *p)
{
	char path[256], state[300], why[256];
	size_t len;
	int error;

	(void)p;
	if (rpc_client_path(0, ctl_target, path, sizeof(path)) != 0) {
		finding(PROBLEM, "instance", "", "%s is not a name", ctl_target);
		return;
	}
	error = rpc_client_start(&ctl_client, ctl_target, RPC_KIND_CTL, NULL, why, sizeof(why));
	if (error == 0) {
		rpc_client_close(&ctl_client);
		finding(FINE, "instance", "", "%s is running, and may be used", path);
		return;
	}
	if (error == -EACCES || error == -EPERM) {
		finding(PROBLEM, "instance",
		    "be of the socket's group (usermod -aG GROUP USER), or use root",
		    "%s may not be used by this user", path);
		return;
	}
	len = strlen(path);
	if (len > 5 && strcmp(path + len - 5, ".sock") == 0) {
		snprintf(state, sizeof(state), "%.*s.state", (int)len - 5, path);
		if (access(state, F_OK) == 0) {
			finding(WARNING, "instance", "alpined --restore",
			    "%s: an alpined was killed and left the network changed", state);
			return;
		}
	}
	finding(FINE, "instance", "", "none named %s is running", ctl_target);
}
