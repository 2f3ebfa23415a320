/*
 * fakeif.h - an Ethernet interface that goes nowhere: a test reads what the stack sends on it and
 * hands it frames, on virtual time. Kernel world.
 *
 * fakeif_tx() gives the next frame as a line, with the milliseconds since fakeif_mark():
 *	1000 who-has 10.0.0.2 tell 10.0.0.1 > ff:ff:ff:ff:ff:ff
 *	0 10.0.0.1 is-at 02:00:00:00:00:01 tell 10.0.0.2 > 02:00:00:00:00:02
 *	0 ip 10.0.0.1 > 10.0.0.2 len 40 > 02:00:00:00:00:02
 * fakeif_txs() gives all that were sent, joined by "; ".
 */
#ifndef T_LIB_FAKEIF_H
#define T_LIB_FAKEIF_H

#include <sys/param.h>
#include <net/ethernet.h>
#include <net/if_var.h>
#include <netinet/in.h>

struct ifnet *fakeif_create(const char *name, int unit); /* MAC 02:00:00:00:00:01 + unit */
void fakeif_destroy(struct ifnet *);
void fakeif_mark(struct ifnet *);
const char *fakeif_tx(struct ifnet *); /* "" when there is none */
const char *fakeif_txs(struct ifnet *);
int fakeif_txcount(struct ifnet *); /* waiting to be read */
void fakeif_rx(struct ifnet *, const void *frame, size_t len);
/* An ARP packet from mac; op 1 or 2; NULL addresses are 0.0.0.0; dst NULL: broadcast. */
void fakeif_arp(
    struct ifnet *, int op, const u_char *mac, const char *spa, const char *tpa, const u_char *dst);
/* An IPv4 packet (20 bytes of header, 20 of nothing) from the stack to `to`; what if_output says.
 */
int fakeif_send(struct ifnet *, const char *to);
void fakeif_sleep(u_int ms); /* moves the clock through what is due */
struct in_addr ip4(const char *);

#endif
