/* endian.h - byte order, byteorder(9). */
#ifndef _SYS_ENDIAN_H_
#define _SYS_ENDIAN_H_
#include <sys/types.h>
#define bswap16(x) __builtin_bswap16(x)
#define bswap32(x) __builtin_bswap32(x)
#define bswap64(x) __builtin_bswap64(x)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define htobe16(x) ((uint16_t)bswap16((uint16_t)(x)))
#define htobe32(x) ((uint32_t)bswap32((uint32_t)(x)))
#define htobe64(x) ((uint64_t)bswap64((uint64_t)(x)))
#define htole16(x) ((uint16_t)(x))
#define htole32(x) ((uint32_t)(x))
#define htole64(x) ((uint64_t)(x))
#else
#define htobe16(x) ((uint16_t)(x))
#define htobe32(x) ((uint32_t)(x))
#define htobe64(x) ((uint64_t)(x))
#define htole16(x) ((uint16_t)bswap16((uint16_t)(x)))
#define htole32(x) ((uint32_t)bswap32((uint32_t)(x)))
#define htole64(x) ((uint64_t)bswap64((uint64_t)(x)))
#endif
#define be16toh(x) htobe16(x)
#define be32toh(x) htobe32(x)
#define be64toh(x) htobe64(x)
#define le16toh(x) htole16(x)
#define le32toh(x) htole32(x)
#define le64toh(x) htole64(x)
#define htons(x) htobe16(x)
#define htonl(x) htobe32(x)
#define ntohs(x) htobe16(x)
#define ntohl(x) htobe32(x)
static inline uint16_t
be16dec(const void *p)
{
	const uint8_t *b = p;
	return ((uint16_t)(b[0] << 8 | b[1]));
}
static inline uint32_t
be32dec(const void *p)
{
	const uint8_t *b = p;
	return ((uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]);
}
static inline void
be16enc(void *p, uint16_t v)
{
	uint8_t *b = p;
	b[0] = (uint8_t)(v >> 8);
	b[1] = (uint8_t)v;
}
static inline void
be32enc(void *p, uint32_t v)
{
	uint8_t *b = p;
	b[0] = (uint8_t)(v >> 24);
	b[1] = (uint8_t)(v >> 16);
	b[2] = (uint8_t)(v >> 8);
	b[3] = (uint8_t)v;
}
static inline uint32_t
le32dec(const void *p)
{
	const uint8_t *b = (const uint8_t *)p;

	return ((uint32_t)b[3] << 24 | (uint32_t)b[2] << 16 | (uint32_t)b[1] << 8 | b[0]);
}

static inline void
le32enc(void *p, uint32_t v)
{
	uint8_t *b = (uint8_t *)p;

	b[0] = (uint8_t)v;
	b[1] = (uint8_t)(v >> 8);
	b[2] = (uint8_t)(v >> 16);
	b[3] = (uint8_t)(v >> 24);
}

#endif
