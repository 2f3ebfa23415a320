/*
 * pd_patch.c - the calls that packetdrill makes past its interface, on the numbers that we handed
 * out: getsockopt() for %{ }% blocks, sendfile(), and close() of what a script left open. They go
 * through the program's global offset table, where we put functions of our own, which look whether
 * the descriptor is ours. A statically linked program has no such table; the calls then fail on our
 * descriptors, which are sockets without a connection.
 *
 * Only the main program's table is touched: a library's calls, and our own, stay libc's.
 * Owns the list of what was changed. ELF: gABI and the psABI of the processor.
 */
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "t/packetdrill/pd_host.h"

#if defined(__x86_64__)
#define IS_SLOT(type) ((type) == R_X86_64_JUMP_SLOT || (type) == R_X86_64_GLOB_DAT)
#elif defined(__aarch64__)
#define IS_SLOT(type) ((type) == R_AARCH64_JUMP_SLOT || (type) == R_AARCH64_GLOB_DAT)
#else
#define IS_SLOT(type) false
#endif

#define PATCHES_MAX 16

static struct patch {
	void **slot;
	void *old;
} patches[PATCHES_MAX];
static int npatches;

static int
my_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	if (pd_is_ours(fd))
		return (pd_getsockopt(NULL, fd, level, name, val, len));
	return (getsockopt(fd, level, name, val, len));
}

static int
my_close(int fd)
{
	return (pd_is_ours(fd) ? pd_close_left(fd) : close(fd));
}

static const struct {
	const char *name;
	void *function;
} replacements[] = {
    {"getsockopt", (void *)my_getsockopt},
    {"close", (void *)my_close},
    {"sendfile", (void *)pd_sendfile},
    {"sendfile64", (void *)pd_sendfile},
};

struct tables {
	const ElfW(Sym) * symbols;
	const char *strings;
	const ElfW(Rela) * rela, *plt;
	size_t rela_bytes, plt_bytes;
};

static void
find_tables(ElfW(Addr) base, const ElfW(Dyn) * d, struct tables *t)
{
	memset(t, 0, sizeof(*t));
	for (; d->d_tag != DT_NULL; d++) {
		/* the dynamic linker has added the base, but not on every machine */
		ElfW(Addr) p = d->d_un.d_ptr < base ? base + d->d_un.d_ptr : d->d_un.d_ptr;

		switch (d->d_tag) {
		case DT_SYMTAB:
			t->symbols = (const void *)p;
			break;
		case DT_STRTAB:
			t->strings = (const void *)p;
			break;
		case DT_RELA:
			t->rela = (const void *)p;
			break;
		case DT_RELASZ:
			t->rela_bytes = d->d_un.d_val;
			break;
		case DT_JMPREL:
			t->plt = (const void *)p;
			break;
		case DT_PLTRELSZ:
			t->plt_bytes = d->d_un.d_val;
			break;
		}
	}
}

/* The table may have been made read-only (RELRO) once it was filled. */
static void
set_slot(void **slot, void *value)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	void *start = (void *)((uintptr_t)slot & ~(page - 1));

	if (mprotect(start, page, PROT_READ | PROT_WRITE) == 0)
		*slot = value;
}

static void
patch_relocations(ElfW(Addr) base, const struct tables *t, const ElfW(Rela) * r, size_t bytes)
{
	const ElfW(Rela) *end = r + bytes / sizeof(*r);
	const char *name;
	void **slot;
	size_t i;

	for (; r < end; r++) {
		if (!IS_SLOT(ELF64_R_TYPE(r->r_info)))
			continue;
		name = t->strings + t->symbols[ELF64_R_SYM(r->r_info)].st_name;
		for (i = 0; i < sizeof(replacements) / sizeof(replacements[0]); i++) {
			if (strcmp(name, replacements[i].name) != 0 || npatches == PATCHES_MAX)
				continue;
			slot = (void **)(base + r->r_offset);
			patches[npatches].slot = slot;
			patches[npatches++].old = *slot;
			set_slot(slot, replacements[i].function);
		}
	}
}

static int
patch_program(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct tables t;
	int i;

	(void)size;
	(void)arg;
	for (i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC) {
			find_tables(info->dlpi_addr,
			    (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr), &t);
			if (t.symbols != NULL && t.strings != NULL) {
				patch_relocations(info->dlpi_addr, &t, t.rela, t.rela_bytes);
				patch_relocations(info->dlpi_addr, &t, t.plt, t.plt_bytes);
			}
		}
	return (1); /* the first is the program */
}

void
pd_patch(void)
{
	(void)dl_iterate_phdr(patch_program, NULL);
}

void
pd_unpatch(void)
{
	while (npatches > 0) {
		npatches--;
		set_slot(patches[npatches].slot, patches[npatches].old);
	}
}
