/*
 * tcp.h - the TCP header and options (RFC 9293, 7323, 2018), socket options, tcp(4).
 */
#ifndef _NETINET_TCP_H_
#define _NETINET_TCP_H_

#include <sys/types.h>
#include <netinet/in.h>

typedef uint32_t tcp_seq;

struct tcphdr {
	u_short th_sport, th_dport;
	tcp_seq th_seq, th_ack;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	u_char th_x2 : 4, th_off : 4;
#else
	u_char th_off : 4, th_x2 : 4;
#endif
	u_char th_flags;
#define TH_FIN 0x01
#define TH_SYN 0x02
#define TH_RST 0x04
#define TH_PUSH 0x08
#define TH_ACK 0x10
#define TH_URG 0x20
#define TH_ECE 0x40
#define TH_CWR 0x80
#define TH_AE 0x100 /* in th_x2 on the wire */
	u_short th_win;
	u_short th_sum;
	u_short th_urp;
} __packed __aligned(2);

#define TCPOPT_EOL 0
#define TCPOPT_NOP 1
#define TCPOPT_MAXSEG 2
#define TCPOPT_WINDOW 3
#define TCPOPT_SACK_PERMITTED 4
#define TCPOPT_SACK 5
#define TCPOPT_TIMESTAMP 8
#define TCPOPT_SIGNATURE 19
#define TCPOPT_FAST_OPEN 34
#define TCPOLEN_MAXSEG 4
#define TCPOLEN_WINDOW 3
#define TCPOLEN_SACK_PERMITTED 2
#define TCPOLEN_SACKHDR 2
#define TCPOLEN_SACK 8
#define TCPOLEN_TIMESTAMP 10
#define TCPOLEN_TSTAMP_APPA 12
#define TCPOLEN_SIGNATURE 18
#define TCP_MAXOLEN 40
#define TCP_MAXWIN 65535
#define TCP_MAX_WINSHIFT 14
#define TCP_MSS 536

/* IPPROTO_TCP socket options */
#define TCP_NODELAY 1
#define TCP_MAXSEG 2
#define TCP_NOPUSH 4
#define TCP_NOOPT 8
#define TCP_MD5SIG 16
#define TCP_INFO 32
#define TCP_STATS 33
#define TCP_CONGESTION 64
#define TCP_CCALGOOPT 65
#define TCP_DELACK 72
#define TCP_KEEPINIT 128
#define TCP_KEEPIDLE 256
#define TCP_KEEPINTVL 512
#define TCP_KEEPCNT 1024
#define TCP_FASTOPEN 1025 /* int, or struct tcp_fastopen */
#define TCP_PCAP_OUT 2048
#define TCP_MAXUNACKTIME 68
#define TCP_USER_TIMEOUT_ALPINE 0x7001 /* ours: milliseconds, RFC 5482's local side */
#define TCP_DEFER_ACCEPT_ALPINE 0x7002 /* ours: seconds, 0 off */
#define TCP_QUICKACK_ALPINE 0x7003     /* ours */
#define TCP_FASTOPEN_QLEN_ALPINE                                                                   \
	0x7004			       /* ours: a listener's bound, 0 off; Linux's TCP_FASTOPEN    \
					*/
#define TCP_SYNCNT_ALPINE 0x7005       /* ours: SYNs sent again before giving up; 0 by keepinit */
#define TCP_LINGER2_ALPINE 0x7006      /* ours: seconds of FIN_WAIT_2 after close(); -1 none */
#define TCP_WINDOW_CLAMP_ALPINE 0x7007 /* ours: most bytes of window to announce; 0 no limit */
#define TCP_INFO_ALPINE 0x7008	       /* ours: struct tcp_info_alpine */
#define TCP_CA_NAME_MAX 16

/* TCP_FASTOPEN with a secret that client and server share; see tcp_fastopen.c. */
#define TCP_FASTOPEN_PSK_LEN 16
#define TCP_FASTOPEN_MIN_COOKIE_LEN 4
#define TCP_FASTOPEN_MAX_COOKIE_LEN 16
struct tcp_fastopen {
	int enable;
	uint8_t psk[TCP_FASTOPEN_PSK_LEN];
};

/* TCP_MD5SIG: the key of RFC 2385 for one peer; tcpm_keylen 0 takes it away. */
#define TCP_MD5SIG_MAXKEYLEN 80
struct tcp_md5sig {
	struct in_addr tcpm_addr;
	uint32_t tcpm_keylen; /* bytes */
	uint8_t tcpm_key[TCP_MD5SIG_MAXKEYLEN];
};

struct tcp_info {
	uint8_t tcpi_state; /* TCPS_* */
	uint8_t __tcpi_ca_state;
	uint8_t __tcpi_retransmits;
	uint8_t __tcpi_probes;
	uint8_t __tcpi_backoff;
	uint8_t tcpi_options; /* TCPI_OPT_* */
	uint8_t tcpi_snd_wscale : 4, tcpi_rcv_wscale : 4;
	uint32_t tcpi_rto; /* us */
	uint32_t __tcpi_ato;
	uint32_t tcpi_snd_mss, tcpi_rcv_mss; /* bytes */
	uint32_t __tcpi_unacked, __tcpi_sacked, __tcpi_lost, __tcpi_retrans, __tcpi_fackets;
	uint32_t __tcpi_last_data_sent, __tcpi_last_ack_sent; /* ms ago */
	uint32_t tcpi_last_data_recv;			      /* us ago */
	uint32_t __tcpi_last_ack_recv;
	uint32_t __tcpi_pmtu, __tcpi_rcv_ssthresh;
	uint32_t tcpi_rtt, tcpi_rttvar;		   /* us */
	uint32_t tcpi_snd_ssthresh, tcpi_snd_cwnd; /* bytes */
	uint32_t __tcpi_advmss, __tcpi_reordering;
	uint32_t __tcpi_rcv_rtt;
	uint32_t tcpi_rcv_space;
	uint32_t tcpi_snd_wnd;
	uint32_t tcpi_snd_bwnd;
	uint32_t tcpi_snd_nxt, tcpi_rcv_nxt;
	uint32_t tcpi_toe_tid;
	uint32_t tcpi_snd_rexmitpack, tcpi_rcv_ooopack, tcpi_snd_zerowin;
	uint32_t tcpi_delivered_ce, tcpi_received_ce;
	uint32_t tcpi_snd_una, tcpi_snd_max;
	uint32_t tcpi_rcv_numsacks, tcpi_rcv_adv;
	uint32_t tcpi_dupacks;
	uint32_t tcpi_rttmin; /* us; UINT32_MAX: none measured */
	uint32_t __tcpi_pad[18];
};

/* What Linux's TCP_INFO has besides. */
struct tcp_info_alpine {
	struct tcp_info bsd;
	uint64_t bytes_acked, bytes_received, bytes_sent, bytes_retrans;
	uint64_t delivery_rate, pacing_rate; /* bytes per second; pacing 0: not paced */
	uint64_t busy_us, rwnd_limited_us, sndbuf_limited_us;
	uint32_t segs_out, segs_in, data_segs_out, data_segs_in;
	uint32_t delivered; /* segments */
	uint32_t dsack_dups, reord_seen, total_rto;
	uint32_t notsent_bytes, rcv_wnd;
	uint8_t ca_state, app_limited;
};
#define TCPI_OPT_TIMESTAMPS 0x01
#define TCPI_OPT_SACK 0x02
#define TCPI_OPT_WSCALE 0x04
#define TCPI_OPT_ECN 0x08
#define TCPI_OPT_TFO 0x20 /* data on the SYN was taken */

#endif
