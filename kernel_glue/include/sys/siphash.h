/* siphash.h - SipHash-2-4 (Aumasson and Bernstein, 2012), siphash(9): a keyed hash for tables and
 * secrets that a peer must not guess. */
#ifndef _SYS_SIPHASH_H_
#define _SYS_SIPHASH_H_
#include <sys/types.h>
#define SIPHASH_KEY_LENGTH 16
uint64_t siphash24(const uint8_t key[SIPHASH_KEY_LENGTH], const void *src, size_t len);
#endif
