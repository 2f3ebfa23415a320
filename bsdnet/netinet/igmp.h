/*
 * igmp.h - IGMP's messages: version 1 (RFC 1112, appendix I), 2 (RFC 2236), 3 (RFC 3376).
 */
#ifndef _NETINET_IGMP_H_
#define _NETINET_IGMP_H_

#include <netinet/in.h>

#define IGMP_MEMBERSHIP_QUERY 0x11
#define IGMP_V1_MEMBERSHIP_REPORT 0x12
#define IGMP_V2_MEMBERSHIP_REPORT 0x16
#define IGMP_V2_LEAVE_MESSAGE 0x17
#define IGMP_V3_MEMBERSHIP_REPORT 0x22

#define IGMP_MINLEN 8
#define IGMP_V3_QUERY_MINLEN 12

struct igmp { /* versions 1 and 2 */
	uint8_t igmp_type;
	uint8_t igmp_code; /* the longest time to answer in 1/10 s; 0: version 1 */
	uint16_t igmp_cksum;
	struct in_addr igmp_group;
};

struct igmpv3 { /* a query */
	uint8_t igmp_type;
	uint8_t igmp_code; /* 4.1.1: from 128 a floating point number */
	uint16_t igmp_cksum;
	struct in_addr igmp_group;
	uint8_t igmp_misc;    /* 0x07: the querier's robustness variable */
	uint8_t igmp_qqi;     /* its query interval, coded as igmp_code is, in seconds */
	uint16_t igmp_numsrc; /* addresses that follow */
};
#define IGMP_V3_QRV(misc) ((misc)&0x07)

struct igmp_report {
	uint8_t ir_type;
	uint8_t ir_rsv1;
	uint16_t ir_cksum;
	uint16_t ir_rsv2;
	uint16_t ir_numgrps;
};
struct igmp_grouprec {
	uint8_t ig_type;
	uint8_t ig_datalen; /* auxiliary data behind the sources, in words: none */
	uint16_t ig_numsrc;
	struct in_addr ig_group;
};
#define IGMP_MODE_IS_INCLUDE 1
#define IGMP_MODE_IS_EXCLUDE 2
#define IGMP_CHANGE_TO_INCLUDE_MODE 3
#define IGMP_CHANGE_TO_EXCLUDE_MODE 4
#define IGMP_ALLOW_NEW_SOURCES 5
#define IGMP_BLOCK_OLD_SOURCES 6

#define INADDR_ALLRTRS_GROUP ((in_addr_t)0xe0000002)
#define INADDR_ALLRPTS_GROUP ((in_addr_t)0xe0000016) /* where version 3 reports go */

#endif
