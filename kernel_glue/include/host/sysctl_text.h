/*
 * sysctl_text.h - the sysctl tree as text, for people and scripts. Neutral. In curvnet.
 */
#ifndef HOST_SYSCTL_TEXT_H
#define HOST_SYSCTL_TEXT_H
#include <stddef.h>
/*
 * These return 0 or a BSD errno.
 * Values: decimal numbers, strings as they are; opaque ones "(N bytes)".
 */
int sysctl_text_get(const char *name, char *buf, size_t size);
/* EINVAL: not a number, out of range; EPERM: read-only */
int sysctl_text_set(const char *name, const char *value);
int sysctl_text_describe(const char *name, char *buf, size_t size);
/* Every leaf at or below `prefix` ("" for all), by name; a non-zero f() stops and is returned. */
int sysctl_text_foreach(const char *prefix,
    int (*f)(const char *name, const char *type, const char *descr, int writable, void *arg),
    void *arg);
#endif
