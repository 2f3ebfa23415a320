/* doctor.h - private to alpinectl doctor: its findings, and where the checks are. */
#ifndef RPC_CTL_DOCTOR_H
#define RPC_CTL_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>

enum verdict { FINE, WARNING, PROBLEM };

/* What is asked about. */
struct patient {
	const char *iface; /* NULL: none was named, and there is no default route */
	int ifindex;	   /* 0: there is no such interface */
	bool have_addr;
	uint32_t addr; /* host order; what the stack shall have */
	int prefix;
};

/* One finding; mend is what to type or to do, "" none. */
void finding(enum verdict, const char *check, const char *mend, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The first line of a file, without its newline; false if it cannot be read. */
bool first_line(char *buf, int size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

typedef void check_fn(const struct patient *);
/* doctor_machine.c: the kernel and the installation */
check_fn check_kernel, check_privileges, check_namespaces, check_tun, check_bridge, check_filter,
    check_limits, check_shim, check_rundir;
/* doctor_net.c: the interface, who else configures it, the address */
check_fn check_interface, check_one_mac, check_managers, check_dhcp, check_netfilter, check_address;

#endif
