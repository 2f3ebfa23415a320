/*
 * functions.c - alpine-sim --trace functions: which functions of the stack a packet goes through.
 * Host world.
 *
 * Theory of operation. The stack's objects of alpine-sim are compiled with room for a call in front
 * of each function (-fpatchable-function-entry=5: nops, which cost next to nothing), and the
 * compiler lists the places in section __patchable_function_entries. When a trace is asked for, the
 * nops of the functions that it wants become a call of functions_stub, which saves the arguments
 * and calls functions_entered(). Who called whom is told by the stack pointer: a function that was
 * entered at a lower address than another, which is still there, was called by it. So leaving a
 * function needs no mark. Calls in place of returns (tail calls) are compiled away for the same
 * reason.
 *
 * Names are those of the program's own symbol table, for static functions too; what the compiler
 * put into its caller is not seen. x86-64 only: the room is there elsewhere, the stub is not.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t/sim/functions.h"
#include "t/sim/scenario.h"

#define ROOM 5	/* bytes for a call */
#define ENDBR 4 /* bytes that may stand before them */
#define DEPTH_MAX 64
#define FAR (1u << 20) /* bytes: another stack */
#define CALL 0xe8
#define NOP 0x90

struct symbol {
	uintptr_t at;
	const char *name;
};

extern const uintptr_t __start___patchable_function_entries[] __attribute__((weak));
extern const uintptr_t __stop___patchable_function_entries[] __attribute__((weak));

void functions_entered(uintptr_t body, uintptr_t sp);

static struct symbol *symbols;
static size_t nsymbols;
static uintptr_t below[DEPTH_MAX]; /* stack pointers of those that are running */
static int depth;
static bool enabled;

/*
 * Helpers that say nothing of a packet's way: memory, lists, sums, small questions. With a list of
 * one's own they are not left out.
 */
static const char *const left_out[] = {"m_*", "mb_*", "mbuf*", "ext_*", "rn_*", "in_cksum*",
    "in_pseudo*", "cksum*", "sum_*", "sbcreate*", "sbspace*", "sbcompress", "sballoc", "sbfree*",
    "sb_*", "sblastrecordchk", "uma_*", "siphash*", "*_random*", "nhop_*", "ro_*", "route_validate",
    "in_ifaddr_*", "in_localip", "in_broadcast", "in_canforward", "llentry_*", "lltable_*", "ifa_*",
    "inp_lookup_*", "hash_*", "*_hash", "*bucket*", "imin", "imax", "sa_*", "iptime", "key_*",
    "*_stop", "*_arm", "*_armed", "*_is_*", "is_*", "has_*", "may_*", "wants_*", "compare*",
    "tcp_ts_*", "*_now", NULL};

#if defined(__x86_64__)
/* After the pushes the stack is 16 bytes aligned again: return address twice, nine registers, 8. */
__asm__(".text\n"
	".type functions_stub, @function\n"
	"functions_stub:\n"
	"	push %rax\n	push %rcx\n	push %rdx\n	push %rsi\n	push %rdi\n"
	"	push %r8\n	push %r9\n	push %r10\n	push %r11\n"
	"	sub $8, %rsp\n"
	"	mov 80(%rsp), %rdi\n" /* behind the nops */
	"	lea 88(%rsp), %rsi\n" /* the function's stack, as it was called */
	"	call functions_entered\n"
	"	add $8, %rsp\n"
	"	pop %r11\n	pop %r10\n	pop %r9\n	pop %r8\n"
	"	pop %rdi\n	pop %rsi\n	pop %rdx\n	pop %rcx\n	pop %rax\n"
	"	ret\n"
	".size functions_stub, . - functions_stub\n");
extern const char functions_stub[];
#define HAVE_STUB 1
#else
static const char functions_stub[] = "";
#define HAVE_STUB 0
#endif

static void fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void
fail(const char *fmt, ...)
{
	va_list ap;

	fputs("alpine-sim: --trace functions: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* ---- names ---- */

static int
by_address(const void *a, const void *b)
{
	uintptr_t x = ((const struct symbol *)a)->at, y = ((const struct symbol *)b)->at;

	return (x < y ? -1 : x > y);
}

static int
load_base(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	*(uintptr_t *)arg = info->dlpi_addr;
	return (1); /* the first is the program */
}

/* "tcp_input.part.0": a piece that the compiler cut off. */
static const char *
plain_name(const char *s)
{
	char *copy = xstrdup(s), *dot = strchr(copy + 1, '.');

	if (dot != NULL)
		*dot = '\0';
	return (copy);
}

static void
take_symbols(const char *image, const Elf64_Shdr *sec, const Elf64_Shdr *strings, uintptr_t base)
{
	const Elf64_Sym *sym = (const Elf64_Sym *)(const void *)(image + sec->sh_offset);
	size_t i, n = sec->sh_size / sizeof(*sym);

	symbols = xcalloc(n, sizeof(*symbols));
	for (i = 0; i < n; i++)
		if (ELF64_ST_TYPE(sym[i].st_info) == STT_FUNC && sym[i].st_value != 0)
			symbols[nsymbols++] = (struct symbol){base + sym[i].st_value,
			    plain_name(image + strings->sh_offset + sym[i].st_name)};
	qsort(symbols, nsymbols, sizeof(*symbols), by_address);
}

static void
read_symbols(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), i;
	const Elf64_Ehdr *head;
	const Elf64_Shdr *sec;
	uintptr_t base = 0;
	struct stat st;
	const char *image;

	if (fd < 0 || fstat(fd, &st) != 0)
		fail("cannot read the program's symbols: %s", strerror(errno));
	image = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (image == MAP_FAILED)
		fail("cannot read the program's symbols: %s", strerror(errno));
	dl_iterate_phdr(load_base, &base);
	head = (const Elf64_Ehdr *)(const void *)image;
	sec = (const Elf64_Shdr *)(const void *)(image + head->e_shoff);
	for (i = 0; i < head->e_shnum; i++)
		if (sec[i].sh_type == SHT_SYMTAB)
			take_symbols(image, &sec[i], &sec[sec[i].sh_link], base);
	if (nsymbols == 0)
		fail("the program was stripped of its symbols; expected it as make built it");
}

/* The function that begins there, or a little before: an endbr64 may stand first. NULL: none. */
static const char *
name_of(uintptr_t at)
{
	size_t lo = 0, hi = nsymbols, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (symbols[mid].at <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (lo > 0 && at - symbols[lo - 1].at <= ENDBR ? symbols[lo - 1].name : NULL);
}

/* ---- entering ---- */

void
functions_entered(uintptr_t body, uintptr_t sp)
{
	const char *name;
	int saved = errno;

	if (!enabled)
		return;
	if (depth > 0 && below[depth - 1] - sp > FAR && sp - below[depth - 1] > FAR)
		depth = 0;
	while (depth > 0 && below[depth - 1] <= sp)
		depth--;
	name = name_of(body - ROOM);
	if (depth == 0) {
		functions_head();
		printf("         ");
	} else
		printf("         %*s", functions_head_width + 2 * depth, "");
	printf("%s\n", name != NULL ? name : "?");
	if (depth < DEPTH_MAX)
		below[depth++] = sp;
	errno = saved;
}

void
functions_begin(void)
{
	depth = 0;
	enabled = true;
}

void
functions_end(void)
{
	enabled = false;
}

/* ---- patching ---- */

/* "tcp_*,ip_input": one of a list's; NULL: what is not left out. */
static bool
is_wanted(const char *name, const char *list)
{
	char one[128];
	const char *comma;
	int i;

	if (list == NULL) {
		for (i = 0; left_out[i] != NULL; i++)
			if (fnmatch(left_out[i], name, 0) == 0)
				return (false);
		return (true);
	}
	for (;; list = comma + 1) {
		comma = strchr(list, ',');
		snprintf(one, sizeof(one), "%.*s",
		    (int)(comma != NULL ? (size_t)(comma - list) : strlen(list)), list);
		if (fnmatch(one, name, 0) == 0)
			return (true);
		if (comma == NULL)
			return (false);
	}
}

static void
patch(uintptr_t at)
{
	long page = sysconf(_SC_PAGESIZE);
	uintptr_t first = at & ~((uintptr_t)page - 1);
	size_t len = at + ROOM - first;
	uint8_t call[ROOM] = {CALL};
	int32_t by = (int32_t)((intptr_t)functions_stub - (intptr_t)(at + ROOM));

	memcpy(call + 1, &by, sizeof(by));
	if (mprotect((void *)first, len, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
		fail("cannot change the program's text: %s", strerror(errno));
	memcpy((void *)at, call, sizeof(call));
	if (mprotect((void *)first, len, PROT_READ | PROT_EXEC) != 0)
		fail("cannot change the program's text: %s", strerror(errno));
}

/* gcc leaves five short nops, clang one long one. */
static bool
has_room(uintptr_t at)
{
	static const uint8_t nops[ROOM] = {NOP, NOP, NOP, NOP, NOP};
	static const uint8_t nop[ROOM - 1] = {0x0f, 0x1f, 0x44, 0x00};

	return (memcmp((const void *)at, nops, sizeof(nops)) == 0 ||
		memcmp((const void *)at, nop, sizeof(nop)) == 0);
}

void
functions_trace(const char *list)
{
	const uintptr_t *p;
	const char *name;
	size_t i, entries;
	unsigned n = 0;

	if (!HAVE_STUB)
		fail("this machine is not x86-64");
	read_symbols();
	entries = ((uintptr_t)__stop___patchable_function_entries -
		      (uintptr_t)__start___patchable_function_entries) /
		  sizeof(*p);
	for (i = 0; i < entries; i++) {
		p = &__start___patchable_function_entries[i];
		name = name_of(*p);
		if (name == NULL || !is_wanted(name, list) || !has_room(*p))
			continue;
		patch(*p);
		n++;
	}
	if (n == 0)
		fail("%s: no function of the stack is named so", list != NULL ? list : "");
}
