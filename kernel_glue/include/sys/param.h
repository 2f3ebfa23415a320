/* param.h - sizes and small arithmetic. */
#ifndef _SYS_PARAM_H_
#define _SYS_PARAM_H_

#include <sys/types.h>
#include <sys/errno.h>
#include <sys/limits.h>
#include <sys/time.h>

#define __FreeBSD_version 1400097 /* whose interfaces these are */

#define NBBY 8
#define MSIZE 256
#define MCLSHIFT 11
#define MCLBYTES (1 << MCLSHIFT)
#define MJUMPAGESIZE 4096
#define MJUM9BYTES (9 * 1024)
#define MJUM16BYTES (16 * 1024)
#define MJUM64BYTES (64 * 1024 + 256) /* ours: one whole TSO packet with its link header */
#define MAXHOSTNAMELEN 256
#define CACHE_LINE_SIZE 64
#define PAGE_SIZE 4096
#define PAGE_MASK (PAGE_SIZE - 1)

#define MIN(a, b) (((a) < (b)) ? (a) : (b))
#define MAX(a, b) (((a) > (b)) ? (a) : (b))
#define nitems(x) (sizeof((x)) / sizeof((x)[0]))
#define howmany(x, y) (((x) + ((y)-1)) / (y))
#define rounddown(x, y) (((x) / (y)) * (y))
#define rounddown2(x, y) ((x) & ~((y)-1))
#define roundup(x, y) ((((x) + ((y)-1)) / (y)) * (y))
#define roundup2(x, y) (((x) + ((y)-1)) & (~((y)-1)))
#define powerof2(x) ((((x)-1) & (x)) == 0)
#define setbit(a, i) (((unsigned char *)(a))[(i) / NBBY] |= 1 << ((i) % NBBY))
#define clrbit(a, i) (((unsigned char *)(a))[(i) / NBBY] &= ~(1 << ((i) % NBBY)))
#define isset(a, i) (((const unsigned char *)(a))[(i) / NBBY] & (1 << ((i) % NBBY)))

/* priorities and flags of tsleep(9) */
#define PZERO 84
#define PSOCK (PZERO + 4)
#define PWAIT (PZERO + 8)
#define PRIMASK 0x0ff
#define PCATCH 0x100
#define PDROP 0x200

#endif
