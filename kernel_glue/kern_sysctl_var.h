/* kern_sysctl_var.h - what the two halves of sysctl(9) share. Private to kernel_glue. */
#ifndef KERNEL_GLUE_KERN_SYSCTL_VAR_H
#define KERNEL_GLUE_KERN_SYSCTL_VAR_H

#include <sys/sysctl.h>

struct sysctl_oid *sysctl_lookup(const char *name); /* NULL: no such oid */
int sysctl_call(struct sysctl_oid *, struct sysctl_req *);
bool sysctl_in_range(const struct sysctl_oid *, uint64_t value);

#endif
