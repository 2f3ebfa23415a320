/*
 * ctl.c - what alpinectl asks: status, stop, sysctls, reports. Answers are text (conn_emit).
 * Reading is everybody's who may connect; changing something is root's, or that of the user
 * whose daemon it is. Owns nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "rpc/alpined/confine.h"
#include "rpc/server/pair.h"
#include "rpc/server/server.h"

#define REQUEST_TEXT_MAX 511 /* bytes */

struct daemon_info daemon_info;

/* The request's text, as a string; BAD_REQUEST if it is none. */
static int
text_of(const struct request *r, char text[REQUEST_TEXT_MAX + 1])
{
	if (r->r_head.m_len > REQUEST_TEXT_MAX || memchr(r->r_data, '\0', r->r_head.m_len) != NULL)
		return (BAD_REQUEST);
	memcpy(text, r->r_data, r->r_head.m_len);
	text[r->r_head.m_len] = '\0';
	return (0);
}

/* By /proc, from before it went out of sight. */
static long
resident_kib(void)
{
	char path[32], text[128];
	long pages = 0, page_kib = sysconf(_SC_PAGESIZE) / 1024;
	ssize_t n;
	int fd;

	if (confine_proc_fd() < 0)
		return (0);
	snprintf(path, sizeof(path), "%d/statm", (int)getpid());
	fd = openat(confine_proc_fd(), path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return (0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return (sscanf(text, "%*d %ld", &pages) == 1 ? pages * page_kib : 0);
}

static void
status_addresses(struct conn *c)
{
	struct rpc_addr addrs[RPC_HELLO_ADDRS];
	unsigned i, n = bsd_addresses(addrs, RPC_HELLO_ADDRS);

	for (i = 0; i < n; i++) {
		const uint8_t *a = addrs[i].a_data;

		conn_printf(
		    c, "address\t%u.%u.%u.%u/%u\n", a[4], a[5], a[6], a[7], a[2] << 8 | a[3]);
	}
}

int
ctl_status(struct request *r)
{
	struct conn *c = r->r_conn;
	uint64_t up = (host_monotonic_ns() - daemon_info.start_ns) / 1000000000u;

	conn_printf(c, "name\t%s\n", daemon_info.name);
	conn_printf(c, "version\t%s\n", daemon_info.version);
	conn_printf(c, "pid\t%d\n", (int)getpid());
	conn_printf(c, "uptime\t%llu s\n", (unsigned long long)up);
	conn_printf(c, "interface\t%s on %s%s%s\n", daemon_info.ifname, daemon_info.tap,
	    daemon_info.bridge[0] != '\0' ? " in bridge " : "", daemon_info.bridge);
	status_addresses(c);
	conn_printf(c, "socket\t%s\n", daemon_info.socket_path);
	conn_printf(c, "namespaces\t%u\n", server_spaces());
	conn_printf(c, "connections\t%u\n", server_conns());
	conn_printf(c, "sockets\t%u\n", pair_count());
	conn_printf(c, "ended\t%u\n", grave_count());
	conn_printf(c, "resident\t%ld KiB\n", resident_kib());
	r->r_text = true;
	return (0);
}

int
ctl_stop(struct request *r)
{
	if (!conn_owner(r->r_conn))
		return (EPERM);
	log_line(6, "stop asked for by pid %d (uid %u)", (int)r->r_conn->c_pid,
	    (unsigned)r->r_conn->c_uid);
	daemon_info.stop();
	return (0);
}

int
ctl_sysctl(struct request *r)
{
	char text[REQUEST_TEXT_MAX + 1];
	int error = text_of(r, text);

	if (error == 0)
		error = bsd_sysctl(text, conn_privileged(r->r_conn), conn_emit, r->r_conn);
	r->r_text = error == 0;
	return (error);
}

int
ctl_change(struct request *r)
{
	char text[REQUEST_TEXT_MAX + 1];
	const char *s;
	int error = text_of(r, text);

	if (error != 0)
		return (error);
	for (s = text; *s != '\0'; s++)
		if (*s < ' ' || *s > '~')
			return (EINVAL);
	if (!conn_privileged(r->r_conn))
		return (EPERM);
	error = bsd_change(text, conn_emit, r->r_conn);
	if (error == 0)
		log_line(6, "%s (by pid %d, uid %u)", text, (int)r->r_conn->c_pid,
		    (unsigned)r->r_conn->c_uid);
	r->r_text = error == 0;
	return (error);
}

int
ctl_monitor(struct request *r)
{
	conn_monitor(r->r_conn);
	conn_emit(r->r_conn, bsd_monitor_columns, strlen(bsd_monitor_columns));
	r->r_text = true;
	return (0);
}

int
ctl_report(struct request *r)
{
	char text[REQUEST_TEXT_MAX + 1];
	int error = text_of(r, text);

	if (error == 0)
		error = bsd_report(text, conn_emit, r->r_conn);
	r->r_text = error == 0;
	return (error);
}
