/*
 * subr_hash.c - hash tables of lists, hashinit(9), and unkeyed hashes. Where a peer chooses
 * what is hashed, siphash(9) is the one to use.
 */
#include <sys/param.h>
#include <sys/hash.h>
#include <sys/malloc.h>
#include <sys/queue.h>
#include <sys/systm.h>

LIST_HEAD(hash_head, hash_any);
struct hash_any {
	LIST_ENTRY(hash_any) link;
};

/* As many lists as the largest power of 2 that is not above `elements`. */
void *
hashinit_flags(int elements, struct malloc_type *type, u_long *hashmask, int flags)
{
	struct hash_head *table;
	u_long size, i;

	KASSERT(elements > 0, ("hashinit: %d elements", elements));
	size = 1ul << ilog2(elements);
	table = mallocarray(
	    size, sizeof(*table), type, (flags & HASH_NOWAIT) != 0 ? M_NOWAIT : M_WAITOK);
	if (table == NULL)
		return (NULL);
	for (i = 0; i < size; i++)
		LIST_INIT(&table[i]);
	*hashmask = size - 1;
	return (table);
}

void *
hashinit(int elements, struct malloc_type *type, u_long *hashmask)
{
	return (hashinit_flags(elements, type, hashmask, HASH_WAITOK));
}

void
hashdestroy(void *hashtbl, struct malloc_type *type, u_long hashmask)
{
	struct hash_head *table = hashtbl;
	u_long i;

	for (i = 0; i <= hashmask; i++)
		KASSERT(LIST_EMPTY(&table[i]), ("hashdestroy: list %lu is not empty", i));
	free(table, type);
}

/* Fowler, Noll and Vo's FNV-1. */
uint32_t
fnv_32_buf(const void *buf, size_t len, uint32_t hash)
{
	const uint8_t *p = buf;

	while (len-- > 0) {
		hash *= 0x01000193u;
		hash ^= *p++;
	}
	return (hash);
}

/* Bob Jenkins's one-at-a-time, over words. */
uint32_t
jenkins_hash32(const uint32_t *words, size_t nwords, uint32_t hash)
{
	const uint8_t *p = (const uint8_t *)words;
	size_t i;

	for (i = 0; i < nwords * sizeof(*words); i++) {
		hash += p[i];
		hash += hash << 10;
		hash ^= hash >> 6;
	}
	hash += hash << 3;
	hash ^= hash >> 11;
	return (hash + (hash << 15));
}
