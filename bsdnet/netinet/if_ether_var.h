/*
 * if_ether_var.h - between ARP's parts: if_ether.c (neighbours), if_arpinput.c, if_acd.c.
 */
#ifndef _NETINET_IF_ETHER_VAR_H_
#define _NETINET_IF_ETHER_VAR_H_

#include <net/vnet.h>
#include <netinet/if_ether.h>

struct in_ifaddr;
struct llentry;
struct lltable;

/* Sends an ARP packet from our MAC; dst: of the frame. */
void arp_send(struct ifnet *, u_short op, struct in_addr spa, const u_char *tha, struct in_addr tpa,
    const u_char *dst);
/* The neighbour's address came: the entry is good, and what waited for it goes out. */
void arp_learn(struct llentry *, const u_char *lladdr);
/* A new entry for addr, if the bound allows. evict: at the cost of an old one, if need be. */
struct llentry *arp_entry(struct lltable *, struct in_addr addr, bool evict);
bool arp_maylog(void);

/* Somebody at lladdr uses or (probe) wants to use ia's address. */
void acd_conflict(struct in_ifaddr *, const u_char *lladdr, bool probe);

#endif
