/* types.h - the types of a BSD kernel. */
#ifndef _SYS_TYPES_H_
#define _SYS_TYPES_H_

#include <sys/cdefs.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef unsigned char u_char;
typedef unsigned short u_short;
typedef unsigned int u_int;
typedef unsigned long u_long;
typedef uint8_t u_int8_t;
typedef uint16_t u_int16_t;
typedef uint32_t u_int32_t;
typedef uint64_t u_int64_t;
typedef int64_t quad_t;
typedef uint64_t u_quad_t;
typedef char *caddr_t;
typedef const char *c_caddr_t;
typedef long ssize_t;
typedef int64_t off_t;
typedef int64_t time_t;
typedef int64_t suseconds_t;
typedef uint32_t uid_t, gid_t;
typedef int32_t pid_t;
typedef uintptr_t vm_offset_t;
typedef size_t vm_size_t;
typedef int64_t sbintime_t; /* seconds, 32.32 fixed point */

struct thread;
struct ucred;

#endif
