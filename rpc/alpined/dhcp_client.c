/*
 * dhcp_client.c - a process that runs an ordinary DHCP client for the stack; see dhcp.c.
 *
 * It makes a network namespace with one TAP, gives the TAP's descriptor to alpined, and runs udhcpc
 * or dhclient there, as long as alpined lives. The client's script is alpined itself:
 * dhcp_hook() reports what the client found to this process, by an abstract socket of the
 * namespace. The address is set on the TAP, too, because the client renews it through the
 * kernel's sockets; the kernel there answers no ARP request, alpined does not let it.
 *
 * Owns the client's process. udhcpc (busybox), dhclient(8), dhclient-script(8).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rpc/alpined/confine.h"
#include "rpc/alpined/dhcp.h"

#define HOOK_ENV "ALPINE_DHCP_HOOK"
#define HOOK_NAME "alpine-dhcp" /* abstract, in the namespace */
#define TAP_NAME "eth0"
#define RESTART_MS 3000 /* a client that ended is run again */

/* ---- the script ---- */

static void
hook_address(struct sockaddr_un *sun, socklen_t *len)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path + 1, HOOK_NAME, sizeof(HOOK_NAME) - 1);
	*len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(HOOK_NAME));
}

/* udhcpc's name of it, or dhclient's. */
static const char *
value(const char *udhcpc, const char *dhclient)
{
	const char *v = getenv(udhcpc);

	return (v != NULL && v[0] != '\0' ? v : getenv(dhclient));
}

/* The first of addresses that are separated by spaces or commas; what comes after it. */
static const char *
one_address(const char *text, uint8_t addr[4])
{
	char word[16];
	size_t n;

	if (text == NULL)
		return (NULL);
	text += strspn(text, " ,");
	n = strcspn(text, " ,");
	if (n == 0 || n >= sizeof(word))
		return (NULL);
	memcpy(word, text, n);
	word[n] = '\0';
	return (inet_pton(AF_INET, word, addr) == 1 ? text + n : NULL);
}

static int
prefix_of(const char *mask)
{
	uint8_t m[4];
	uint32_t bits;

	if (one_address(mask, m) == NULL)
		return (mask != NULL ? atoi(mask) : 0);
	bits = (uint32_t)m[0] << 24 | (uint32_t)m[1] << 16 | (uint32_t)m[2] << 8 | m[3];
	return (__builtin_popcount(bits));
}

static bool
fill_lease(struct dhcp_lease *l)
{
	const char *next = value("dns", "new_domain_name_servers");
	const char *seconds = value("lease", "new_dhcp_lease_time");

	if (one_address(value("ip", "new_ip_address"), l->addr) == NULL)
		return (false);
	l->have_addr = true;
	l->prefix = prefix_of(value("subnet", "new_subnet_mask"));
	if (l->prefix < 1 || l->prefix > 32)
		return (false);
	l->have_router = one_address(value("router", "new_routers"), l->router) != NULL;
	while (l->ndns < DHCP_DNS_MAX && (next = one_address(next, l->dns[l->ndns])) != NULL)
		l->ndns++;
	l->seconds = seconds != NULL ? (uint32_t)strtoul(seconds, NULL, 10) : 0;
	return (true);
}

static bool
is_one_of(const char *what, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(what, *list) == 0)
			return (true);
	return (false);
}

int
dhcp_hook(int argc, char **argv)
{
	static const char *const have[] = {
	    "bound", "renew", "BOUND", "RENEW", "REBIND", "REBOOT", NULL};
	static const char *const lost[] = {"deconfig", "EXPIRE", "FAIL", "RELEASE", "STOP", NULL};
	struct dhcp_lease lease = {.have_addr = false};
	const char *reason = argc == 2 ? argv[1] : getenv("reason");
	struct sockaddr_un sun;
	socklen_t len;
	int fd, status = 1;

	if (getenv(HOOK_ENV) == NULL)
		return (-1);
	if (reason == NULL || (!is_one_of(reason, have) && !is_one_of(reason, lost)))
		return (0); /* PREINIT, leasefail, nak: nothing to set */
	if (is_one_of(reason, have) && !fill_lease(&lease))
		return (1);
	hook_address(&sun, &len);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	    sendto(fd, &lease, sizeof(lease), 0, (struct sockaddr *)&sun, len) == sizeof(lease))
		status = 0;
	if (fd >= 0)
		close(fd);
	return (status);
}

/* ---- the namespace ---- */

static void
say(const char *what)
{
	fprintf(stderr, "alpined: DHCP client: %s: %s\n", what, strerror(errno));
}

static int
interface_ioctl(unsigned long cmd, void *arg)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), r, error;

	if (fd < 0)
		return (-1);
	r = ioctl(fd, cmd, arg);
	error = errno;
	close(fd);
	errno = error;
	return (r);
}

static int
make_tap(const uint8_t mac[6])
{
	struct ifreq ifr = {.ifr_name = TAP_NAME};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), s;

	ifr.ifr_flags = IFF_TAP | IFF_NO_PI;
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) != 0)
		return (-1);
	s = open("/proc/sys/net/ipv6/conf/" TAP_NAME "/disable_ipv6", O_WRONLY | O_CLOEXEC);
	if (s >= 0) {
		if (write(s, "1", 1) < 0) {
			/* its frames are not let through anyway */
		}
		close(s);
	}
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, mac, 6);
	if (interface_ioctl(SIOCSIFHWADDR, &ifr) != 0)
		return (-1);
	ifr.ifr_flags = IFF_UP;
	return (interface_ioctl(SIOCSIFFLAGS, &ifr) == 0 ? fd : -1);
}

static void
set_sin(struct sockaddr *sa, uint32_t addr)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = addr};

	memcpy(sa, &sin, sizeof(sin));
}

/* On the TAP, for the client's unicast requests; a server may be behind the router. */
static void
set_address(const struct dhcp_lease *l)
{
	struct ifreq ifr = {.ifr_name = TAP_NAME};
	struct rtentry rt = {.rt_flags = RTF_UP | RTF_GATEWAY};
	uint32_t addr;

	memcpy(&addr, l->addr, 4);
	set_sin(&ifr.ifr_addr, addr);
	if (interface_ioctl(SIOCSIFADDR, &ifr) != 0)
		say("its address");
	if (!l->have_addr)
		return;
	set_sin(&ifr.ifr_netmask, htonl(l->prefix == 0 ? 0 : UINT32_MAX << (32 - l->prefix)));
	if (interface_ioctl(SIOCSIFNETMASK, &ifr) != 0)
		say("its netmask");
	if (!l->have_router)
		return;
	memcpy(&addr, l->router, 4);
	set_sin(&rt.rt_dst, 0);
	set_sin(&rt.rt_genmask, 0);
	set_sin(&rt.rt_gateway, addr);
	if (interface_ioctl(SIOCADDRT, &rt) != 0 && errno != EEXIST)
		say("its route");
}

static int
send_tap(int fd, int tap)
{
	char byte = 0, room[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {
	    .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &tap, sizeof(int));
	return (sendmsg(fd, &msg, MSG_NOSIGNAL) == 1 ? 0 : -1);
}

static int
listen_for_hook(void)
{
	struct sockaddr_un sun;
	socklen_t len;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	hook_address(&sun, &len);
	if (fd >= 0 && bind(fd, (struct sockaddr *)&sun, len) == 0)
		return (fd);
	return (-1);
}

/* ---- the client ---- */

static void
exec_client(bool verbose)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	sigset_t none;
	int sig, null;

	if (n < 0)
		_exit(127);
	self[n] = '\0';
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDWR);
	if (null >= 0) {
		(void)dup2(null, STDIN_FILENO);
		(void)dup2(verbose ? STDERR_FILENO : null, STDOUT_FILENO);
		if (!verbose)
			(void)dup2(null, STDERR_FILENO);
	}
	(void)setenv(HOOK_ENV, "1", 1);
	(void)setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
	execlp("udhcpc", "udhcpc", "-f", "-i", TAP_NAME, "-s", self, "-t", "4", "-T", "2", "-A",
	    "5", (char *)NULL);
	execlp("busybox", "udhcpc", "-f", "-i", TAP_NAME, "-s", self, "-t", "4", "-T", "2", "-A",
	    "5", (char *)NULL);
	execlp("dhclient", "dhclient", "-d", "-4", "-sf", self, "-e", HOOK_ENV "=1", "-lf",
	    "/dev/null", "-pf", "/dev/null", TAP_NAME, (char *)NULL);
	_exit(127);
}

static pid_t
start_client(bool verbose)
{
	pid_t pid = fork();

	if (pid == 0)
		exec_client(verbose);
	return (pid);
}

static bool
there_is(const char *program)
{
	static const char *const dirs[] = {
	    "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"};
	char path[128];
	unsigned i;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], program);
		if (access(path, X_OK) == 0)
			return (true);
	}
	return (false);
}

/* Until alpined is gone: leases on, and a client that ended again. */
static void
run(int fd, int hook, bool verbose)
{
	struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = hook, .events = POLLIN}};
	struct dhcp_lease lease;
	pid_t client = start_client(verbose);

	for (;;) {
		(void)poll(p, 2, RESTART_MS);
		if (p[0].revents != 0)
			break;
		if (recv(hook, &lease, sizeof(lease), MSG_DONTWAIT) == sizeof(lease)) {
			set_address(&lease);
			(void)send(fd, &lease, sizeof(lease), MSG_NOSIGNAL);
		} else if (p[1].revents == 0 && waitpid(client, NULL, WNOHANG) == client) {
			client = start_client(verbose);
		}
	}
	if (client > 0)
		(void)kill(client, SIGTERM);
	_exit(0);
}

void
dhcp_client_main(int fd, const uint8_t mac[6], bool verbose)
{
	static const int caps[] = {CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE};
	int sig, tap, hook, control = STDERR_FILENO + 1;

	for (sig = 1; sig < NSIG; sig++)
		if (sig != SIGCHLD)
			signal(sig, SIG_IGN);
	(void)setsid();
	(void)prctl(PR_SET_NAME, "alpined-dhcp");
	if (fd != control && dup2(fd, control) < 0)
		_exit(1);
	close_range((unsigned)control + 1, ~0u, 0);
	(void)fcntl(control, F_SETFD, FD_CLOEXEC);
	if (!there_is("udhcpc") && !there_is("busybox") && !there_is("dhclient")) {
		fprintf(stderr, "alpined: there is no udhcpc and no dhclient; "
				"type: apt-get install udhcpc\n");
		_exit(1);
	}
	if (unshare(CLONE_NEWNET) != 0) {
		say("no network namespace for it");
		_exit(1);
	}
	tap = make_tap(mac);
	hook = listen_for_hook();
	if (tap < 0 || hook < 0 || send_tap(control, tap) != 0) {
		say("its TAP");
		_exit(1);
	}
	close(tap);
	if (confine_keeper(caps, 3) != 0)
		say("giving up privileges");
	run(control, hook, verbose);
	_exit(0);
}
