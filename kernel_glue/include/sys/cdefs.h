/* cdefs.h - what every BSD header takes for granted of the compiler. */
#ifndef _SYS_CDEFS_H_
#define _SYS_CDEFS_H_

#define __packed __attribute__((__packed__))
#define __aligned(x) __attribute__((__aligned__(x)))
#define __section(x) __attribute__((__section__(x)))
#define __unused __attribute__((__unused__))
#define __used __attribute__((__used__))
#define __dead2 __attribute__((__noreturn__))
#define __pure2 __attribute__((__const__))
#define __weak_symbol __attribute__((__weak__))
#define __noinline __attribute__((__noinline__))
#define __always_inline __attribute__((__always_inline__))
#define __result_use_check __attribute__((__warn_unused_result__))
#define __printflike(f, a) __attribute__((__format__(__printf__, f, a)))
#define __predict_true(e) __builtin_expect((e) != 0, 1)
#define __predict_false(e) __builtin_expect((e) != 0, 0)
#define __fallthrough __attribute__((__fallthrough__))
#define __BEGIN_DECLS
#define __END_DECLS
#define __CONCAT(a, b) __CONCAT1(a, b)
#define __CONCAT1(a, b) a##b
#define __STRING(x) #x
#define __XSTRING(x) __STRING(x)
#define __offsetof(t, f) __builtin_offsetof(t, f)
#define __containerof(p, t, f) ((t *)((uintptr_t)(p)-__offsetof(t, f)))
#define __DECONST(t, v) ((t)(uintptr_t)(const void *)(v))
#define __DEVOLATILE(t, v) ((t)(uintptr_t)(volatile void *)(v))
#define CTASSERT(x) _Static_assert(x, #x)
#define __FBSDID(s) struct __fbsdid_unused

#endif
