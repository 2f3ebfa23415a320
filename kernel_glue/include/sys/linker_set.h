/*
 * linker_set.h - arrays that files add to without knowing each other: pointers in a section that
 * the linker gathers and whose ends it names.
 */
#ifndef _SYS_LINKER_SET_H_
#define _SYS_LINKER_SET_H_

#include <sys/cdefs.h>
#define DATA_SET(set, sym)                                                                         \
	static void *const __CONCAT(__set_##set##_sym_, sym) __section("set_" #set) __used =       \
	    (void *)(uintptr_t) & (sym)
#define TEXT_SET(set, sym) DATA_SET(set, sym)
#define SET_DECLARE(set, ptype)                                                                    \
	extern ptype *__CONCAT(__start_set_, set)[] __weak_symbol;                                 \
	extern ptype *__CONCAT(__stop_set_, set)[] __weak_symbol
#define SET_BEGIN(set) (&__CONCAT(__start_set_, set)[0])
#define SET_LIMIT(set) (&__CONCAT(__stop_set_, set)[0])
#define SET_FOREACH(pvar, set) for (pvar = SET_BEGIN(set); pvar < SET_LIMIT(set); pvar++)
#define SET_COUNT(set) (SET_LIMIT(set) - SET_BEGIN(set))

#endif
