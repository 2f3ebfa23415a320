/*
 * run_tcp.h - private to pdrun: headers as the wire has them.
 */
#ifndef T_PACKETDRILL_RUN_TCP_H
#define T_PACKETDRILL_RUN_TCP_H

#include <stdbool.h>
#include <stdint.h>

#define TH_FIN 0x01
#define TH_SYN 0x02
#define TH_RST 0x04
#define TH_PUSH 0x08
#define TH_ACK 0x10
#define TH_URG 0x20
#define TH_ECE 0x40
#define TH_CWR 0x80
#define TH_AE 0 /* accurate ECN's bit: not looked at */

struct hdr_ip {
	uint8_t vhl, tos;
	uint16_t len, id, off;
	uint8_t ttl, proto;
	uint16_t sum;
	uint32_t src, dst;
};
struct hdr_tcp {
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t off, flags;
	uint16_t win, sum, urg;
};
struct hdr_udp {
	uint16_t sport, dport, len, sum;
};
struct hdr_icmp {
	uint8_t type, code;
	uint16_t sum, id, seq; /* seq: the MTU of frag_needed */
};

/* run_symbols.c */
bool icmp_by_name(const char *type, const char *code, int *t, int *c);

#endif
