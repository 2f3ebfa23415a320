/* kern_sysctl_var.h - what the two halves of sysctl(9) share. Private to kernel_glue. */
#ifndef _SYS_KERN_SYSCTL_VAR_H_
#define _SYS_KERN_SYSCTL_VAR_H_

#include <sys/sysctl.h>

struct sysctl_oid *sysctl_lookup(const char *name); /* NULL: no such oid */
int sysctl_call(struct sysctl_oid *, struct sysctl_req *);
bool sysctl_in_range(const struct sysctl_oid *, uint64_t value);

#endif
