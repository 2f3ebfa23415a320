/*
 * md5.h - the MD5 digest (RFC 1321), for RFC 2385 only: it is broken for anything new.
 */
#ifndef _SYS_MD5_H_
#define _SYS_MD5_H_

#include <sys/types.h>

#define MD5_DIGEST_LENGTH 16
#define MD5_BLOCK_LENGTH 64

typedef struct MD5Context {
	uint32_t state[4];
	uint64_t count; /* bytes so far */
	unsigned char buffer[MD5_BLOCK_LENGTH];
} MD5_CTX;

void MD5Init(MD5_CTX *);
void MD5Update(MD5_CTX *, const void *, size_t);
void MD5Final(unsigned char digest[MD5_DIGEST_LENGTH], MD5_CTX *);

#endif
