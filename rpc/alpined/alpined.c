/*
 * alpined.c - the daemon: puts the stack, a wire and the server together, runs, and takes all
 * apart again. alpined(8).
 *
 * Order: what can fail for a wrong argument or a taken name comes first; then the TAP, the
 * bridge, the interface; then everything that is no longer needed is given up (confine.c). Until
 * the loop runs, fail() ends the process through cleanup(), which undoes what was done.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "kernel_glue/include/host/host.h"
#include "kernel_glue/include/host/module.h"
#include "kernel_glue/include/host/sysctl_text.h"
#include "rpc/alpined/confine.h"
#include "rpc/alpined/dhcp.h"
#include "rpc/alpined/keeper.h"
#include "rpc/bsd/linux_abi.h"
#include "rpc/server/mirror.h"
#include "rpc/alpined/notify.h"
#include "rpc/alpined/options.h"
#include "rpc/server/pair.h"
#include "rpc/server/peer.h"
#include "rpc/server/server.h"
#include "rpc/alpined/sweeper.h"
#include "rpc/alpined/wiring.h"
#include "rpc/server/tcplog.h"
#include "tapbridge/link.h"

#define STACK_IF "tap" /* the interface's name inside the stack, with unit 0 */

static struct options opt;
static char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)];
static char run_dir[sizeof(socket_path)];  /* of the state file, too */
static char made_dir[sizeof(socket_path)]; /* the run directory, if we made it */
static bool socket_bound, swept;	   /* swept: removing it is the sweeper's business */
static struct link *wire;
static struct pcap_trace *trace;
static char bridge_label[IFNAMSIZ], tap_label[IFNAMSIZ];
static struct host_watch signal_watch, keeper_watch;
static pid_t main_pid;
static struct confine_user run_as;

/* ---- the log ---- */

static void
log_stderr(int priority, const char *line)
{
	size_t len = strlen(line);

	if (priority > opt.log_level)
		return;
	while (len > 0 && line[len - 1] == '\n')
		len--;
	fprintf(stderr, "%s%.*s\n", priority <= 4 ? "alpined: " : "", (int)len, line);
}

void
log_line(int priority, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	host_log(priority, line);
}

/* ---- taking apart ---- */

static void
reset_pair(struct pair *p, void *arg)
{
	bool listener = p->p_pump == &pump_listen;

	if (listener == *(bool *)arg)
		pair_destroy(p, true);
}

/* Listeners first, so that nothing new comes; the resets are on the wire when this returns. */
static void
end_sockets(void)
{
	bool listeners = true;

	pair_foreach(reset_pair, &listeners);
	listeners = false;
	pair_foreach(reset_pair, &listeners);
	kern_run();
}

/* Runs at every exit of this process, not of a forked one. */
static void
cleanup(void)
{
	if (getpid() != main_pid)
		return;
	dhcp_stop();
	keeper_finish();
	if (trace != NULL)
		pcap_trace_close(trace);
	if (wire != NULL) {
		if (wire->ifp != NULL)
			if_link_detach(wire);
		wire->ops->close(wire);
	}
	if (swept) {
		sweeper_finish();
		return;
	}
	if (socket_bound)
		(void)unlink(socket_path);
	if (made_dir[0] != '\0')
		(void)rmdir(made_dir); /* if it is empty */
}

/* ---- the control socket ---- */

/* Root's; a user namespace's root is an ordinary user there. */
static bool
system_rundir(void)
{
	char parent[] = RPC_RUNDIR;

	if (geteuid() != 0)
		return (false);
	*strrchr(parent, '/') = '\0';
	return (access(RPC_RUNDIR, W_OK) == 0 || (errno == ENOENT && access(parent, W_OK) == 0));
}

/* Where the control socket and the state file are. */
static void
choose_run_dir(void)
{
	const char *dir = getenv("ALPINE_RUNDIR"), *xdg = getenv("XDG_RUNTIME_DIR");
	int n;

	if (dir != NULL && dir[0] != '\0')
		n = snprintf(run_dir, sizeof(run_dir), "%s", dir);
	else if (!system_rundir() && xdg != NULL && xdg[0] != '\0')
		n = snprintf(run_dir, sizeof(run_dir), "%s/alpine", xdg);
	else
		n = snprintf(run_dir, sizeof(run_dir), "%s", RPC_RUNDIR);
	if (n < 0 || (size_t)n >= sizeof(run_dir))
		fail("choose a shorter one with ALPINE_RUNDIR",
		    "the run directory's name is too long");
}

static void
choose_path(void)
{
	size_t len = strlen(run_dir);
	int n;

	if ((opt.socket == NULL ||
		(strncmp(opt.socket, run_dir, len) == 0 && opt.socket[len] == '/')) &&
	    mkdir(run_dir, 0755) == 0)
		snprintf(made_dir, sizeof(made_dir), "%s", run_dir);
	n = opt.socket != NULL
		? snprintf(socket_path, sizeof(socket_path), "%s", opt.socket)
		: snprintf(socket_path, sizeof(socket_path), "%s/%s.sock", run_dir, opt.name);
	if (n < 0 || (size_t)n >= sizeof(socket_path))
		fail("choose a shorter one with --socket", "the control socket's path is too long");
}

/* Who may use the stack, beside root and whoever started it. */
static gid_t
socket_group(void)
{
	const struct group *gr;
	char *end;
	unsigned long gid;

	if (opt.group == NULL)
		return ((gid_t)-1);
	gr = getgrnam(opt.group);
	if (gr != NULL)
		return (gr->gr_gid);
	gid = strtoul(opt.group, &end, 10);
	if (opt.group[0] < '0' || opt.group[0] > '9' || *end != '\0' || gid >= (gid_t)-1)
		fail("make it: groupadd --system NAME", "no such group: %s", opt.group);
	return ((gid_t)gid);
}

static void
open_server(void)
{
	int error;

	choose_path();
	error = server_start(socket_path, socket_group(), opt.mode);
	if (error == EADDRINUSE)
		fail("choose another --name, or stop it: alpinectl --name NAME stop",
		    "an instance named %s is running (%s)", opt.name, socket_path);
	if (error == EACCES || error == EPERM)
		fail("run it as root, or set ALPINE_RUNDIR to a directory of yours",
		    "no permission for the control socket %s", socket_path);
	if (error == EINVAL && opt.group != NULL)
		fail("name one that is known in this user namespace",
		    "the control socket cannot be given to group %s", opt.group);
	if (error != 0)
		fail("give --socket a path that you may write, or set ALPINE_RUNDIR to such a "
		     "directory",
		    "control socket %s: %s", socket_path, strerror(error));
	socket_bound = true;
}

/* ---- the wire ---- */

static void
on_keeper(struct host_watch *w, uint32_t events)
{
	struct keeper_told told;
	int r;

	(void)events;
	while ((r = keeper_event(&told)) > 0)
		wiring_event(&told);
	if (r < 0) {
		log_line(3,
		    "alpined-keeper is gone: nobody undoes the attaching; "
		    "at the end type: alpined --restore --name %s",
		    opt.name);
		host_watch_del(w);
	}
}

static void
open_wire(void)
{
	struct link_error le = {.text = ""};

	wire = wiring_open(&opt, run_dir, tap_label, bridge_label);
	if (opt.pcap != NULL) {
		trace = pcap_trace_open(opt.pcap, &le);
		if (trace == NULL)
			fail(le.hint, "%s", le.text);
	}
	if (keeper_fd() >= 0 &&
	    host_watch_add(&keeper_watch, keeper_fd(), EPOLLIN, on_keeper, NULL) != 0)
		fail("", "cannot watch the keeper: %s", strerror(errno));
}

/* ---- the stack ---- */

static void
set_sysctls(void)
{
	char name[256];
	const char *value;
	unsigned i;
	int error;

	for (i = 0; i < opt.nsysctls; i++) {
		value = strchr(opt.sysctls[i], '=');
		snprintf(name, sizeof(name), "%.*s", (int)(value - opt.sysctls[i]), opt.sysctls[i]);
		error = sysctl_text_set(name, value + 1);
		if (error == ENOENT)
			fail("alpined --describe lists them", "--sysctl %s: no variable named %s",
			    opt.sysctls[i], name);
		if (error == EPERM)
			fail("alpined --describe tells what it is", "--sysctl %s: it is read only",
			    opt.sysctls[i]);
		if (error != 0)
			fail("alpined --describe tells what it may be", "--sysctl %s: %s",
			    opt.sysctls[i],
			    error == EINVAL ? "invalid value" : bsd_strerror(error));
	}
}

/* FILE[,ARGS]: what stands in front of the first comma, if the whole is not a file's name. */
static void
load_modules(void)
{
	alpine_module_init_fn *init;
	char file[4096], why[512];
	const char *spec, *args;
	unsigned i;
	int error;

	for (i = 0; i < opt.nmodules; i++) {
		spec = opt.modules[i];
		args = access(spec, F_OK) != 0 ? strchr(spec, ',') : NULL;
		snprintf(file, sizeof(file), "%.*s",
		    (int)(args != NULL ? args - spec : (ptrdiff_t)strlen(spec)), spec);
		init = host_module_load(file, why, sizeof(why));
		if (init == NULL)
			fail("scripts/module of the source tree compiles one", "--module %s: %s",
			    file, why);
		error = bsd_module_init(init, opt.name, args != NULL ? args + 1 : "");
		if (error != 0)
			fail("", "--module %s: its initialization failed: %s", spec,
			    bsd_strerror(error));
		log_line(6, "module %s%s%s", file, args != NULL ? ": " : "",
		    args != NULL ? args + 1 : "");
	}
}

/* Every frame: for the trace, and for the DHCP client. */
static void
see_frame(void *arg, const struct link_iov *iov, int niov, size_t len, bool outward)
{
	(void)arg;
	if (trace != NULL)
		pcap_trace_frame(trace, iov, niov, len, outward);
	if (opt.dhcp && !outward)
		dhcp_frame(iov, niov, len);
}

static void
configure_stack(void)
{
	int error = if_link_attach(wire, STACK_IF, 0);

	if (error != 0)
		fail("", "cannot make the stack's interface: %s", bsd_strerror(error));
	mirror_start(wire, trace != NULL || opt.dhcp ? see_frame : NULL, NULL);
	error = bsd_if_configure(STACK_IF "0", opt.addr, opt.prefix);
	if (error != 0)
		fail("", "cannot give %s to the stack: %s", opt.address_text, bsd_strerror(error));
	if (opt.have_gateway && (error = bsd_default_route(opt.gateway)) != 0)
		fail("", "cannot set the default route: %s", bsd_strerror(error));
	error = tap_start(wire);
	if (error != 0)
		fail("", "cannot watch %s: %s", tap_label, strerror(error));
}

/* ---- an address by DHCP ---- */

static void
tell_ready(void)
{
	static bool told;

	if (told)
		return;
	told = true;
	notify_send("READY=1");
	notify_ready_fd(opt.ready_fd);
}

static void
drop_lease(const struct dhcp_lease *l)
{
	if (!l->have_addr)
		return;
	(void)bsd_default_route(NULL);
	(void)bsd_if_unconfigure(STACK_IF "0", l->addr);
	daemon_info.ndns = opt.ndns;
}

static void
set_lease(const struct dhcp_lease *l)
{
	struct linux_sockaddr_in sin = {.sin_family = LINUX_AF_INET, .sin_port = htons(53)};
	int error = bsd_if_configure(STACK_IF "0", l->addr, l->prefix);
	unsigned i;

	if (error == 0 && l->have_router)
		error = bsd_default_route(l->router);
	if (error != 0)
		log_line(3, "cannot use what DHCP gave: %s", bsd_strerror(error));
	for (i = 0; opt.ndns == 0 && i < l->ndns && i < RPC_HELLO_ADDRS; i++) {
		memcpy(&sin.sin_addr, l->dns[i], sizeof(sin.sin_addr));
		daemon_info.dns[i].a_len = sizeof(sin);
		memcpy(daemon_info.dns[i].a_data, &sin, sizeof(sin));
		daemon_info.ndns = i + 1;
	}
}

static void
use_lease(const struct dhcp_lease *l)
{
	static struct dhcp_lease had;
	const uint8_t *a = l->addr, *r = l->router;
	char router[40] = "";

	if (!l->have_addr) {
		if (had.have_addr)
			log_line(4, "the DHCP lease has ended: %s0 has no address", STACK_IF);
		drop_lease(&had);
		had = *l;
		return;
	}
	if (had.have_addr && memcmp(had.addr, a, 4) == 0 && had.prefix == l->prefix &&
	    had.have_router == l->have_router && memcmp(had.router, r, 4) == 0) {
		log_line(6, "DHCP: lease renewed for %u s", l->seconds);
		return;
	}
	drop_lease(&had);
	set_lease(l);
	had = *l;
	if (l->have_router)
		snprintf(router, sizeof(router), ", default route via %u.%u.%u.%u", r[0], r[1],
		    r[2], r[3]);
	log_line(6, "DHCP: %s0: inet %u.%u.%u.%u/%d%s, for %u s", STACK_IF, a[0], a[1], a[2], a[3],
	    l->prefix, router, l->seconds);
	tell_ready();
}

/* ---- what others see ---- */

static void
stop_soon(void)
{
	host_loop_stop(0);
}

static void
fill_info(void)
{
	struct daemon_info *d = &daemon_info;

	d->name = opt.name;
	d->version = ALPINE_VERSION;
	d->ifname = STACK_IF "0";
	d->tap = tap_label;
	d->bridge = bridge_label;
	d->socket_path = socket_path;
	memcpy(d->dns, opt.dns, sizeof(d->dns));
	d->ndns = opt.ndns;
	d->start_ns = host_monotonic_ns();
	d->stop = stop_soon;
}

static void
boot_messages(void)
{
	const uint8_t *m = wire->mac;

	log_line(6, "Alpine %s, a BSD network stack", ALPINE_VERSION);
	log_line(6, "%s0: Ethernet address: %02x:%02x:%02x:%02x:%02x:%02x", STACK_IF, m[0], m[1],
	    m[2], m[3], m[4], m[5]);
	log_line(6, "%s0: on host interface %s, mtu %u%s%s", STACK_IF, tap_label, wire->mtu,
	    bridge_label[0] != '\0' ? ", in bridge " : "", bridge_label);
	log_line(6, "%s0: inet %s%s", STACK_IF, opt.address_text,
	    opt.have_gateway || opt.dhcp ? "" : " (no default route)");
	if (opt.have_gateway)
		log_line(6, "default route via %u.%u.%u.%u", opt.gateway[0], opt.gateway[1],
		    opt.gateway[2], opt.gateway[3]);
}

/* ---- running ---- */

static void
on_signal(struct host_watch *w, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	if (read(w->w_fd, &info, sizeof(info)) != sizeof(info))
		return;
	log_line(6, "%s: ending", info.ssi_signo == SIGINT ? "interrupted" : "told to end");
	host_loop_stop(0);
}

static void
watch_signals(void)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0 || host_watch_add(&signal_watch, fd, EPOLLIN, on_signal, NULL) != 0)
		fail("", "cannot watch signals: %s", strerror(errno));
}

/* What cannot be given up on this machine is said, and kept. */
static void
say_kept(const char *what, int error)
{
	if (error != 0)
		log_line(4, "%s: %s", what, strerror(error));
}

static void
confine(void)
{
	say_kept("no network namespace of its own, staying in this one", confine_namespace());
	say_kept("no empty root, the file system stays in sight", confine_filesystem());
	say_kept("cannot give up all privileges", confine_privileges(&run_as));
	say_kept("no threads to close what programs send", server_watch_closer());
	say_kept("no filter of system calls", confine_system_calls());
	if (run_as.change)
		log_line(6, "running as user %s", run_as.name);
}

static void
give_up_privileges(void)
{
	int error;

	peer_init();
	if (opt.no_confine) {
		log_line(4, "not confined: privileges and file system are kept");
		(void)server_watch_closer();
		return;
	}
	error = sweeper_start(socket_path, made_dir);
	if (error != 0)
		fail("", "cannot start the process that removes %s: %s", socket_path,
		    strerror(error));
	swept = true;
	confine();
}

/* --restore: exit status 0 when nothing is left to bring back. */
static int
restore(void)
{
	struct link_error le = {.text = ""};

	if (attach_restore(run_dir, opt.have_name ? opt.name : NULL, &le) != 0)
		fail(le.hint, "%s", le.text);
	return (0);
}

static void
put_text(void *arg, const char *text, size_t len)
{
	(void)fwrite(text, 1, len, arg);
}

/* --describe: what alpinectl sysctl -ad says, without a running alpined. */
static int
describe(void)
{
	return (bsd_sysctl("-d", false, put_text, stdout) == 0 && fflush(stdout) == 0 ? 0 : 1);
}

static void
find_user(void)
{
	if (!confine_find_user(opt.user, opt.name, &run_as))
		fail("make it: useradd --system NAME", "no such user: %s", opt.user);
}

/* --check: what the options could not know by themselves. */
static int
check(void)
{
	find_user();
	kern_boot();
	set_sysctls();
	printf("alpined: no errors\n");
	return (fflush(stdout) == 0 ? 0 : 1);
}

int
main(int argc, char **argv)
{
	int status = dhcp_hook(argc, argv);

	if (status >= 0)
		return (status);
	options_parse(&opt, argc, argv);
	main_pid = getpid();
	atexit(cleanup);
	host_log_set(log_stderr);
	notify_open();
	confine_raise_limits();
	watch_signals();
	if (opt.debug_clock)
		host_clock_set(&host_clock_debug);
	if (opt.check)
		return (check());
	choose_run_dir();
	if (opt.restore)
		return (restore());
	find_user();
	kern_boot();
	set_sysctls();
	load_modules();
	if (opt.describe)
		return (describe());
	if (pair_init(opt.name) != 0)
		fail("", "the name %s is too long", opt.name);
	open_server();
	open_wire();
	configure_stack();
	if (opt.dhcp)
		dhcp_start(wire, opt.log_level >= 7, use_lease, see_frame);
	fill_info();
	boot_messages();
	give_up_privileges();
	log_line(6, "listening on %s", socket_path);
	if (!opt.dhcp)
		tell_ready();

	status = host_loop_run();

	notify_send("STOPPING=1");
	server_stop();
	end_sockets();
	tcplog_finish();
	log_line(6, "Alpine has ended");
	return (status);
}
