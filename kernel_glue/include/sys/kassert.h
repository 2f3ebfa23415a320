/*
 * kassert.h - our own mistakes, KASSERT(9). Always compiled in: a broken invariant must not go on.
 */
#ifndef _SYS_KASSERT_H_
#define _SYS_KASSERT_H_
#include <sys/cdefs.h>
void panic(const char *, ...) __dead2 __printflike(1, 2);
#define KASSERT(exp, msg)                                                                          \
	do {                                                                                       \
		if (__predict_false(!(exp)))                                                       \
			panic msg;                                                                 \
	} while (0)
#define MPASS(exp) KASSERT((exp), ("%s:%d: assertion %s failed", __FILE__, __LINE__, #exp))
#define VNET_ASSERT(exp, msg) KASSERT(exp, msg)
#endif
