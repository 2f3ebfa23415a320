/*
 * inet_trace.h - IPv4 packets in and out of one stack, without a link layer. Kernel world.
 *
 * fake0 is an interface of 10.0.0.1/24, MTU 1500, default route by 10.0.0.254. A test hands it
 * packets and reads what the stack sent, one line each:
 *
 *	rx(.proto = IPPROTO_ICMP, .data = ECHO, .len = sizeof(ECHO));
 *	is_str(tx(), "10.0.0.1 > 10.0.0.2 icmp 0/0 id 7 seq 1 len 4", "answered");
 *	is_str(tx(), "", "and that is all");
 *
 * Lines: SRC > DST, then udp SPORT > DPORT len N | icmp TYPE/CODE ... | tcp SPORT > DPORT FLAGS
 * SEQ len N | proto N len N, then what is not usual: ttl, tos, df, frag OFF[+], via GATEWAY, bcast,
 * mcast, opt HEX, badsum.
 */
#ifndef T_LIB_INET_TRACE_H
#define T_LIB_INET_TRACE_H

#include <sys/param.h>
#include <sys/mbuf.h>
#include <net/if_var.h>
#include <netinet/in.h>

struct rx_packet {
	const char *src, *dst;		/* default 10.0.0.2 > 10.0.0.1 */
	u_int proto, id, off, ttl, tos; /* off: host order, with flags; ttl 0: 64 */
	const void *opt;		/* padded to 4 bytes by the caller */
	u_int optlen;
	const void *data; /* behind the IP header */
	u_int len;
	u_int sport, dport;	    /* proto UDP: data is the payload, the header is made */
	u_int pad;		    /* bytes behind the datagram */
	u_int iplen, hlen, version; /* instead of the right ones */
	bool badsum, badl4sum, nol4sum;
	u_int mflags, csum_flags;
	u_int split; /* bytes in the first mbuf; 0: one mbuf */
};
#define rx(...) trace_rx(&(struct rx_packet){__VA_ARGS__})

void trace_init(void); /* boots, makes fake0 */
void trace_rx(const struct rx_packet *);
struct mbuf *trace_make(const struct rx_packet *);
const char *tx(void);	    /* the next packet out, as text; "" if there is none */
struct mbuf *tx_mbuf(void); /* the same, as it was; the caller's */
int tx_count(void);
void tx_flush(void);
void trace_run(void);			       /* soft interrupts and what is due */
void trace_sleep_ms(u_int ms);		       /* moves the clock through the callouts */
struct in_addr addr(const char *);	       /* dotted quad */
int trace_sysctl(const char *name, int value); /* sets; returns the old value */
/* ICMP message: type, code, 4 bytes of rest, data; sum filled. Returns its length. */
u_int icmp_make(u_char *buf, int type, int code, uint32_t rest, const void *data, u_int len);
extern struct ifnet *fake0;

/* Sockets; nothing waits. The calls return 0 or an errno. */
struct socket;
struct ucred;
struct socket *sock(int type, int proto, struct ucred *); /* NULL cred: the privileged one */
int sock_bind(struct socket *, const char *ip, u_int port);
int sock_connect(struct socket *, const char *ip, u_int port);
int sock_setint(struct socket *, int level, int name, int value);
/* ip NULL: to the peer. control: one message of that type at IPPROTO_IP, or ctype 0. */
int sock_send(struct socket *, const char *ip, u_int port, const void *, u_int len, int ctype,
    const void *cdata, u_int clen);
#define sock_puts(so, ip, port, s) sock_send((so), (ip), (port), (s), (u_int)strlen(s), 0, NULL, 0)
/*
 * "10.0.0.2:5000 hello" and for each control message " [TYPE HEX]"; "" if there is nothing,
 * "errno N" for an error. The payload is left in sock_buf, sock_len bytes.
 */
const char *sock_gets(struct socket *);
extern u_char sock_buf[70000];
extern u_int sock_len;
const char *sock_name(struct socket *); /* "10.0.0.1:80 > 10.0.0.2:5000", or without the peer */
struct ucred *user_cred(u_int uid);

#endif
