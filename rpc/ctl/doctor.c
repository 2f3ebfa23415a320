/*
 * doctor.c - alpinectl doctor: what on this machine would keep alpined from working, and how to
 * mend it. Needs no running alpined, and changes nothing: what has to be tried is tried in
 * namespaces of a child's own.
 *
 * Owns the list of findings. The checks are in doctor_machine.c and doctor_net.c.
 */
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/ctl/alpinectl.h"
#include "rpc/ctl/doctor.h"

#define USAGE "type: alpinectl doctor [IFACE [ADDRESS/PREFIX]]"

static check_fn *const checks[] = {check_kernel, check_privileges, check_namespaces, check_tun,
    check_bridge, check_filter, check_limits, check_shim, check_rundir, check_interface,
    check_one_mac, check_managers, check_dhcp, check_netfilter, check_address};

static const char *const verdicts[] = {"ok", "warning", "problem"};
static unsigned found[3];

void
finding(enum verdict v, const char *check, const char *mend, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!ctl_json) {
		printf("%-8s %-12s %s\n", verdicts[v], check, text);
		if (mend[0] != '\0')
			printf("%-8s %-12s   %s\n", "", "", mend);
	} else {
		printf("%s\n  {\"check\": ", found[0] + found[1] + found[2] > 0 ? "," : "[");
		json_string(check);
		printf(", \"verdict\": ");
		json_string(verdicts[v]);
		printf(", \"text\": ");
		json_string(text);
		printf(", \"mend\": ");
		json_string(mend);
		printf("}");
	}
	found[v]++;
}

bool
first_line(char *buf, int size, const char *fmt, ...)
{
	char path[256];
	va_list ap;
	bool got;
	FILE *f;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	f = fopen(path, "re");
	if (f == NULL)
		return (false);
	got = fgets(buf, size, f) != NULL;
	fclose(f);
	if (got)
		buf[strcspn(buf, "\n")] = '\0';
	return (got);
}

/* The interface that the machine's default route leaves by. */
static const char *
default_interface(void)
{
	static char name[IFNAMSIZ];
	char line[256], iface[32];
	unsigned long dst;
	FILE *f = fopen("/proc/net/route", "re");

	if (f == NULL)
		return (NULL);
	while (name[0] == '\0' && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%31s %lx", iface, &dst) == 2 && dst == 0)
			snprintf(name, sizeof(name), "%.15s", iface);
	fclose(f);
	return (name[0] != '\0' ? name : NULL);
}

static void
arguments(struct patient *p, int argc, char **argv)
{
	const char *slash;
	char host[32];

	if (argc > 3)
		ctl_fail(USAGE, "doctor: too many words");
	p->iface = argc > 1 ? argv[1] : default_interface();
	if (p->iface != NULL)
		p->ifindex = (int)if_nametoindex(p->iface);
	if (argc < 3)
		return;
	slash = strchr(argv[2], '/');
	if (slash == NULL)
		ctl_fail("add it, as in 10.11.12.13/24", "doctor: %s has no prefix", argv[2]);
	snprintf(host, sizeof(host), "%.*s", (int)(slash - argv[2]), argv[2]);
	p->addr = address_arg("doctor", host);
	p->prefix = (int)number_arg("doctor", "prefix", slash + 1, 1, 32);
	p->have_addr = true;
}

void
cmd_doctor(int argc, char **argv)
{
	struct patient p = {.iface = NULL};
	size_t i;

	arguments(&p, argc, argv);
	for (i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		checks[i](&p);
	if (ctl_json)
		printf("\n]\n");
	else
		printf("\n%u problem%s, %u warning%s\n", found[PROBLEM],
		    found[PROBLEM] == 1 ? "" : "s", found[WARNING], found[WARNING] == 1 ? "" : "s");
	if (fflush(stdout) != 0 || found[PROBLEM] > 0)
		exit(1);
}
