/*
 * ip_mopts.h - between ip_mopts.c, a socket's multicast options, and ip_msource.c, those that name
 * sources (RFC 3678).
 */
#ifndef _NETINET_IP_MOPTS_H_
#define _NETINET_IP_MOPTS_H_

#include <netinet/in_var.h>

struct inpcb;
struct sockopt;

struct ip_moptions *imo_get(struct inpcb *); /* made if need be; NULL: no memory */
int imo_find(const struct ip_moptions *, struct in_addr group, const struct ifnet *); /* or -1 */
int imo_add(struct ip_moptions *, struct ifnet *, struct in_addr group, struct in_addr src);
void imo_remove(struct ip_moptions *, int);
/* The interface that a request names by index or address, or that the group is routed to. */
struct ifnet *imo_choose_ifp(
    const struct inpcb *, struct in_addr group, struct in_addr addr, int ifindex);

int inp_set_sources(struct inpcb *, struct sockopt *);
int inp_get_sources(const struct inpcb *, struct sockopt *);

#endif
