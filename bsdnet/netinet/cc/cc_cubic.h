/*
 * cc_cubic.h - the arithmetic of CUBIC, apart from the connection: cc_cubic.c, and its tests.
 */
#ifndef _NETINET_CC_CC_CUBIC_H_
#define _NETINET_CC_CC_CUBIC_H_

#include <sys/types.h>

#define CUBIC_UNIT_SHIFT 10 /* times are in 1/1024 s */

/* The greatest integer whose cube is not above x. */
uint32_t cubic_root(uint64_t x);
/* RFC 9438 figure 2: time from cwnd back to w_max, in 1/1024 s; 0 if cwnd is not below. */
uint32_t cubic_k(uint32_t w_max, uint32_t cwnd, uint32_t mss);
/* RFC 9438 figure 1: bytes at time t after the epoch began, in 1/1024 s. Never negative. */
uint64_t cubic_window(uint64_t t, uint32_t k, uint32_t w_max, uint32_t mss);

#endif
