/*
 * in_text.c - addresses as text: inet(3). Owns nothing.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <netinet/in.h>

char *
inet_ntoa_r(struct in_addr in, char *buf)
{
	u_char a[4];

	memcpy(a, &in, sizeof(a));
	snprintf(buf, INET_ADDRSTRLEN, "%d.%d.%d.%d", a[0], a[1], a[2], a[3]);
	return (buf);
}

int
inet_aton(const char *s, struct in_addr *in)
{
	uint32_t addr = 0;
	u_int part;
	int i, digits;

	for (i = 0; i < 4; i++) {
		part = 0;
		for (digits = 0; *s >= '0' && *s <= '9' && digits < 4; digits++)
			part = part * 10 + (u_int)(*s++ - '0');
		if (digits == 0 || digits > 3 || part > 255)
			return (0);
		addr = addr << 8 | part;
		if (i < 3 && *s++ != '.')
			return (0);
	}
	if (*s != '\0')
		return (0);
	in->s_addr = htonl(addr);
	return (1);
}

/* The longest run of two or more zero groups, which RFC 5952 writes as "::". */
static int
longest_zeroes(const uint16_t *group, int *lenp)
{
	int i, run = 0, best = -1, bestlen = 1;

	for (i = 0; i < 8; i++) {
		run = group[i] == 0 ? run + 1 : 0;
		if (run > bestlen) {
			bestlen = run;
			best = i - run + 1;
		}
	}
	*lenp = bestlen;
	return (best);
}

static void
ntop6(const u_char *a, char *buf, size_t size)
{
	uint16_t group[8];
	int i, zeroes, len, n = 0;

	for (i = 0; i < 8; i++)
		group[i] = be16dec(a + 2 * i);
	zeroes = longest_zeroes(group, &len);
	if (zeroes == 0 && (len == 6 || (len == 5 && group[5] == 0xffff))) {
		/* an IPv4 address in an IPv6 one */
		snprintf(buf, size, "::%s%d.%d.%d.%d", len == 5 ? "ffff:" : "", a[12], a[13], a[14],
		    a[15]);
		return;
	}
	for (i = 0; i < 8; i++) {
		if (i == zeroes) {
			n += snprintf(buf + n, size - (size_t)n, "::");
			i += len - 1;
			continue;
		}
		n += snprintf(buf + n, size - (size_t)n, "%s%x",
		    i > 0 && i != zeroes + len ? ":" : "", group[i]);
	}
}

const char *
inet_ntop(int af, const void *src, char *dst, socklen_t size)
{
	char text[INET6_ADDRSTRLEN];
	struct in_addr in;

	switch (af) {
	case AF_INET:
		memcpy(&in, src, sizeof(in));
		inet_ntoa_r(in, text);
		break;
	case AF_INET6:
		ntop6(src, text, sizeof(text));
		break;
	default:
		return (NULL);
	}
	if (strlcpy(dst, text, size) >= size)
		return (NULL);
	return (dst);
}
