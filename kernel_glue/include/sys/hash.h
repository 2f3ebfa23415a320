/* hash.h - hash tables, hashinit(9), and FNV and Jenkins hashes. */
#ifndef _SYS_HASH_H_
#define _SYS_HASH_H_
#include <sys/types.h>
struct malloc_type;
void *hashinit(int elements, struct malloc_type *, u_long *hashmask); /* LIST_HEADs, a power of 2 */
void *hashinit_flags(int elements, struct malloc_type *, u_long *hashmask, int flags);
void hashdestroy(void *hashtbl, struct malloc_type *, u_long hashmask);
#define HASH_NOWAIT 1
#define HASH_WAITOK 2
#define FNV1_32_INIT ((uint32_t)33554467UL)
uint32_t fnv_32_buf(const void *, size_t, uint32_t);
uint32_t jenkins_hash32(const uint32_t *, size_t nwords, uint32_t);
#endif
