/*
 * tcp_syncache.h - connections that are half open; private to TCP. See tcp_syncache.c.
 */
#ifndef _NETINET_TCP_SYNCACHE_H_
#define _NETINET_TCP_SYNCACHE_H_

#include <sys/queue.h>
#include <sys/time.h>
#include <netinet/in_pcb.h>
#include <netinet/tcp.h>
#include <netinet/tcp_var.h>

struct icmp;

struct syncache {
	TAILQ_ENTRY(syncache) sc_hash;
	TAILQ_ENTRY(syncache) sc_timeq;
	struct in_conninfo sc_inc; /* foreign: the one that asks */
	sbintime_t sc_when;	   /* its SYN-ACK is due again */
	tcp_seq sc_irs, sc_iss;
	uint32_t sc_tsreflect; /* the peer's timestamp */
	uint32_t sc_tsoff;
	uint32_t sc_wnd;      /* window that we offered, bytes */
	uint16_t sc_peer_mss; /* 0: none given */
	uint16_t sc_mssopt;   /* the listener's TCP_MAXSEG; 0: none */
	uint16_t sc_flags;    /* SCF_* */
	uint8_t sc_requested_s_scale, sc_requested_r_scale;
	uint8_t sc_rxmits;
	uint8_t sc_ip_ttl, sc_ip_tos;
	struct tcp_challenge sc_challenge;
};
#define SCF_NOOPT 0x01
#define SCF_WINSCALE 0x02
#define SCF_TIMESTAMP 0x04
#define SCF_SACK 0x08
#define SCF_UNREACH 0x10
#define SCF_ECN 0x100	   /* the SYN asks for ECN, and we say yes */
#define SCF_FASTOPEN 0x200 /* send a cookie */

/* A SYN for a listener: remembers it and answers; never more than the bounds allow. */
void syncache_add(struct inpcb *listener, struct tcp_seg *);
/*
 * The third segment. TV_GO: *tpp is the new connection in SYN_RECEIVED, whose socket the caller
 * has one more reference to. TV_DROP, TV_RESET otherwise.
 */
enum tcp_verdict syncache_expand(struct inpcb *listener, struct tcp_seg *, struct tcpcb **tpp);
/* What both sides agree on, given the options of their SYN; for tcp_syncookie.c. */
void syncache_agree(struct syncache *, const struct inpcb *listener, const struct tcpopt *);
void syncache_chkrst(const struct tcp_seg *);
/* Neither its SYN, nor a RST, nor an ACK: answered if it is out of the window. False: no entry. */
bool syncache_other(const struct tcp_seg *);
void syncache_unreach(const struct in_conninfo *, tcp_seq);
void syncache_init(void);
void syncache_uninit(void);
u_int syncache_count(void);

/* tcp_syncookie.c */
VNET_DECLARE(int, tcp_syncookies);
VNET_DECLARE(int, tcp_syncookies_only);
#define V_tcp_syncookies VNET(tcp_syncookies)
#define V_tcp_syncookies_only VNET(tcp_syncookies_only)
void syncookie_encode(struct syncache *);
bool syncookie_decode(struct syncache *, const struct inpcb *listener, const struct tcp_seg *);

#endif
