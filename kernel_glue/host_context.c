/*
 * host_context.c - coroutine contexts for kthreads, on ucontext(3). Each has a stack of its own
 * with a guard page below it. AddressSanitizer is told of every change of stack.
 * Owns the contexts. Called by kern_kthread.c only.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "kernel_glue/include/host/host.h"
#include "kernel_glue/include/host/stdlib.h"

#define GUARD_BYTES ((size_t)4096)

struct host_context {
	ucontext_t uc;
	void (*fn)(void *);
	void *arg;
	void *map; /* guard page and stack; NULL for the main context */
	size_t map_bytes;
	const void *stack_bottom; /* for ASan; of the main context learned at the first switch */
	size_t stack_bytes;
	void *fake_stack;
};

static struct host_context main_context;
static struct host_context *switched_from; /* valid between a switch and its landing */
static struct host_context *starting;

#if defined(__SANITIZE_ADDRESS__)
#define FIBRES 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBRES 1
#endif
#endif

#ifdef FIBRES
#include <sanitizer/common_interface_defs.h>

static void
before_switch(struct host_context *from, struct host_context *to)
{
	__sanitizer_start_switch_fiber(&from->fake_stack, to->stack_bottom, to->stack_bytes);
}

static void
after_switch(struct host_context *landed)
{
	const void *bottom;
	size_t bytes;

	__sanitizer_finish_switch_fiber(landed->fake_stack, &bottom, &bytes);
	switched_from->stack_bottom = bottom;
	switched_from->stack_bytes = bytes;
}
#else
static void
before_switch(struct host_context *from, struct host_context *to)
{
	(void)from;
	(void)to;
}

static void
after_switch(struct host_context *landed)
{
	(void)landed;
}
#endif

static void
trampoline(void)
{
	struct host_context *self = starting;

	after_switch(self);
	self->fn(self->arg);
	host_abort("a coroutine's function returned instead of switching away");
}

struct host_context *
host_context_main(void)
{
	return (&main_context);
}

/*
 * AddressSanitizer's leak check looks for pointers on a sleeping coroutine's stack only if the
 * stack is an allocation that it knows.
 */
static int
map_stack(struct host_context *ctx, size_t stack_bytes)
{
	stack_bytes = (stack_bytes + GUARD_BYTES - 1) & ~(GUARD_BYTES - 1);
	ctx->map_bytes = stack_bytes + GUARD_BYTES;
	if (host_sanitized()) {
		ctx->map = host_alloc(ctx->map_bytes);
		if (ctx->map == NULL)
			return (-1);
	} else {
		ctx->map = mmap(NULL, ctx->map_bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
		if (ctx->map == MAP_FAILED)
			return (-1);
		if (mprotect(ctx->map, GUARD_BYTES, PROT_NONE) != 0) {
			munmap(ctx->map, ctx->map_bytes);
			return (-1);
		}
	}
	ctx->stack_bottom = (char *)ctx->map + GUARD_BYTES;
	ctx->stack_bytes = stack_bytes;
	return (0);
}

static void
prepare(struct host_context *ctx)
{
	getcontext(&ctx->uc);
	ctx->uc.uc_stack.ss_sp = (char *)ctx->map + GUARD_BYTES;
	ctx->uc.uc_stack.ss_size = ctx->stack_bytes;
	ctx->uc.uc_link = NULL;
	makecontext(&ctx->uc, trampoline, 0);
}

struct host_context *
host_context_create(void (*fn)(void *), void *arg, size_t stack_bytes)
{
	struct host_context *ctx = calloc(1, sizeof(*ctx));

	if (ctx == NULL)
		return (NULL);
	if (map_stack(ctx, stack_bytes) != 0) {
		free(ctx);
		return (NULL);
	}
	ctx->fn = fn;
	ctx->arg = arg;
	prepare(ctx);
	return (ctx);
}

void
host_context_switch(struct host_context *from, struct host_context *to)
{
	switched_from = from;
	starting = to;
	before_switch(from, to);
	swapcontext(&from->uc, &to->uc);
	after_switch(from);
}

void
host_context_destroy(struct host_context *ctx)
{
	if (ctx == NULL || ctx == &main_context)
		return;
	host_free(ctx->map, ctx->map_bytes);
	free(ctx);
}
