/*
 * igmp_private.h - between igmp.c, which decides, and igmp_send.c, which writes.
 */
#ifndef _NETINET_IGMP_PRIVATE_H_
#define _NETINET_IGMP_PRIVATE_H_

#include <net/vnet.h>
#include <netinet/igmp.h>
#include <netinet/in_var.h>

VNET_DECLARE(int, igmp_sendra);
#define V_igmp_sendra VNET(igmp_sendra)

#define IGMP_RECORDS_MAX 1476 /* bytes of records in a report, as far as the interface's MTU */

/* A report of version 3 in the making: full ones are sent on the way. */
struct igmp_writer {
	struct ifnet *iw_ifp;
	u_int iw_len, iw_records;
	u_char iw_buf[IGMP_RECORDS_MAX];
};

void igmp_begin(struct igmp_writer *, struct ifnet *);
void igmp_record(
    struct igmp_writer *, int type, struct in_addr group, const in_addr_t *src, u_int n);
void igmp_end(struct igmp_writer *); /* sends what there is */
/* A message of version 1 or 2. */
void igmp_send_simple(struct ifnet *, int type, struct in_addr group, in_addr_t to);

#endif
