/*
 * tcp_sysctl.c - TCP's tunables: the variable, its default and its sysctl, side by side, tcp(4).
 * Owns the V_tcp_* variables of tcp_var.h. Limits of the SYN cache and of reassembly stand in
 * their own files. Times are in milliseconds unless said otherwise.
 */
#include <sys/param.h>
#include <sys/kernel.h>
#include <sys/sysctl.h>
#include <net/vnet.h>
#include <netinet/in.h>
#include <netinet/tcp_var.h>

SYSCTL_DECL(_net_inet_tcp);

#define TCP_INT(parent, name, var, value, lo, hi, descr)                                           \
	VNET_DEFINE(int, var) = (value);                                                           \
	SYSCTL_INT_RANGE(                                                                          \
	    parent, OID_AUTO, name, CTLFLAG_VNET | CTLFLAG_RW, &VNET_NAME(var), lo, hi, descr)

SYSCTL_NODE(_net_inet_tcp, OID_AUTO, ecn, CTLFLAG_RW, 0, "Explicit congestion notification");
SYSCTL_NODE(_net_inet_tcp, OID_AUTO, sack, CTLFLAG_RW, 0, "Selective acknowledgments");

/* features */
TCP_INT(_net_inet_tcp, rfc1323, tcp_do_rfc1323, 1, 0, 3,
    "RFC 7323: 0 neither, 1 window scaling and timestamps, 2 scaling only, 3 timestamps only (0 to "
    "3, default 1)");
TCP_INT(_net_inet_tcp, rfc3042, tcp_do_rfc3042, 1, 0, 1,
    "Limited transmit of RFC 3042 (0 to 1, default 1)");
TCP_INT(_net_inet_tcp, path_mtu_discovery, tcp_do_pmtud, 1, 0, 1,
    "Path MTU discovery (0 to 1, default 1)");
TCP_INT(_net_inet_tcp, pmtud_blackhole_detection, tcp_pmtud_blackhole_detect, 0, 0, 3,
    "Smaller segments where large ones vanish: 0 no, 1 yes, 2 IPv4 only, 3 IPv6 only (0 to 3, "
    "default 0)");
TCP_INT(_net_inet_tcp, pmtud_blackhole_mss, tcp_pmtud_blackhole_mss, 1200, 64, 65495,
    "The MSS that is tried then (bytes, 64 to 65495, default 1200)");
TCP_INT(_net_inet_tcp, pmtud_raise, tcp_pmtud_raise, 600, 0, 86400,
    "Time after which a path that took less is tried with more again, RFC 1191 6.3; 0 never (s, 0 "
    "to "
    "86400, default 600)");
TCP_INT(_net_inet_tcp, tso, tcp_do_tso, 1, 0, 1, "TCP segmentation offload (0 to 1, default 1)");
TCP_INT(_net_inet_tcp, delayed_ack, tcp_delack_enabled, 1, 0, 1,
    "Delay acknowledgments (0 to 1, default 1)");
TCP_INT(_net_inet_tcp, delacktime, tcp_delacktime, TCPTV_DELACK, 1, 500,
    "The longest time before a delayed acknowledgment is sent (ms, 1 to 500, default 40)");
TCP_INT(_net_inet_tcp_sack, enable, tcp_do_sack, 1, 0, 1,
    "Selective acknowledgments (0 to 1, default 1)");
TCP_INT(_net_inet_tcp_sack, maxholes, tcp_sack_maxholes, 128, 1, 4096,
    "Most ranges that one connection's scoreboard holds (1 to 4096, default 128)");
TCP_INT(_net_inet_tcp_sack, globalmaxholes, tcp_sack_globalmaxholes, 65536, 1, INT_MAX,
    "Most ranges that all scoreboards hold (1 to 2147483647, default 65536)");
VNET_DEFINE(int, tcp_sack_globalholes);
SYSCTL_INT(_net_inet_tcp_sack, OID_AUTO, globalholes, CTLFLAG_VNET | CTLFLAG_RD,
    &VNET_NAME(tcp_sack_globalholes), 0, "Ranges that all scoreboards hold now");

/* sizes */
TCP_INT(_net_inet_tcp, mssdflt, tcp_mssdflt, TCP_MSS, 64, 65495,
    "MSS where neither the peer nor the path says (bytes, 64 to 65495, default 536)");
TCP_INT(_net_inet_tcp, minmss, tcp_minmss, 216, 64, 1460,
    "Least MSS that is believed of a peer or of ICMP (bytes, 64 to 1460, default 216)");
TCP_INT(_net_inet_tcp, initcwnd_segments, tcp_initcwnd_segments, 10, 1, 100,
    "Initial congestion window, segments (RFC 6928) (1 to 100, default 10)");
TCP_INT(_net_inet_tcp, sendspace, tcp_sendspace, 32768, 2048, INT_MAX,
    "Initial send buffer (bytes, 2048 to 2147483647, default 32768)");
TCP_INT(_net_inet_tcp, recvspace, tcp_recvspace, 65536, 2048, INT_MAX,
    "Initial receive buffer (bytes, 2048 to 2147483647, default 65536)");
TCP_INT(_net_inet_tcp, sendbuf_auto, tcp_do_autosndbuf, 1, 0, 1,
    "Send buffers grow by need (0 to 1, default 1)");
TCP_INT(_net_inet_tcp, sendbuf_inc, tcp_autosndbuf_inc, 8192, 1, INT_MAX,
    "Step by which a send buffer grows (bytes, 1 to 2147483647, default 8192)");
TCP_INT(_net_inet_tcp, sendbuf_max, tcp_autosndbuf_max, 16 * 1024 * 1024, 2048, INT_MAX,
    "Largest size to which a send buffer grows (bytes, 2048 to 2147483647, default 16777216)");
TCP_INT(_net_inet_tcp, sendbuf_auto_lowat, tcp_sendbuf_auto_lowat, 0, 0, 1,
    "SO_SNDLOWAT counts as used when a send buffer grows (0 to 1, default 0)");
TCP_INT(_net_inet_tcp, recvbuf_auto, tcp_do_autorcvbuf, 1, 0, 1,
    "Receive buffers grow by need (0 to 1, default 1)");
TCP_INT(_net_inet_tcp, recvbuf_max, tcp_autorcvbuf_max, 16 * 1024 * 1024, 2048, INT_MAX,
    "Largest size to which a receive buffer grows (bytes, 2048 to 2147483647, default 16777216)");

TCP_INT(_net_inet_tcp, rfc3465, tcp_do_rfc3465, 1, 0, 1,
    "Windows grow by bytes acknowledged, not by ACKs, RFC 3465 (0 to 1, default 1)");
TCP_INT(_net_inet_tcp_ecn, enable, tcp_do_ecn, 2, 0, 2,
    "Explicit congestion notification: 0 off, 1 on, 2 if the peer asks (0 to 2, default 2)");
TCP_INT(_net_inet_tcp_ecn, maxretries, tcp_ecn_maxretries, 1, 0, 12,
    "Retransmissions of a SYN or SYN,ACK before it goes without ECN (0 to 12, default 1)");
TCP_INT(_net_inet_tcp, abc_l_var, tcp_abc_l_var, 2, 1, 255,
    "Most that one acknowledgment grows the window by in slow start, segments (RFC 3465) (1 to "
    "255, default 2)");

/* against bad segments */
TCP_INT(_net_inet_tcp, blackhole, tcp_blackhole, 0, 0, 3,
    "Closed ports answer nothing: 0 they do, 1 not to SYN, 2 to no segment, 3 to no segment, and "
    "listeners answer no stray one (0 to 3, default 0)");
TCP_INT(_net_inet_tcp, drop_synfin, tcp_drop_synfin, 0, 0, 1,
    "Drop segments with SYN and FIN (0 to 1, default 0)");
TCP_INT(_net_inet_tcp, log_in_vain, tcp_log_in_vain, 0, 0, 2,
    "Log segments to closed ports: 0 none, 1 SYNs, 2 all (0 to 2, default 0)");
TCP_INT(_net_inet_tcp, insecure_rst, tcp_insecure_rst, 0, 0, 1,
    "Follow RFC 793 instead of RFC 5961 for RST (0 to 1, default 0)");
TCP_INT(_net_inet_tcp, insecure_syn, tcp_insecure_syn, 0, 0, 1,
    "Follow RFC 793 instead of RFC 5961 for SYN (0 to 1, default 0)");
TCP_INT(_net_inet_tcp, icmp_may_rst, tcp_icmp_may_rst, 1, 0, 1,
    "Certain ICMP unreachables end connections in SYN_SENT (0 to 1, default 1)");
TCP_INT(_net_inet_tcp, tolerate_missing_ts, tcp_tolerate_missing_ts, 1, 0, 1,
    "Take segments without the timestamp that was agreed on (0 to 1, default 1)");
TCP_INT(_net_inet_tcp, insecure_ack, tcp_insecure_ack, 0, 0, 1,
    "Follow RFC 793 instead of RFC 5961 for old acknowledgments (0 to 1, default 0)");
TCP_INT(_net_inet_tcp, ack_war_cnt, tcp_ack_war_cnt, 5, 0, INT_MAX,
    "Most challenge ACKs of one connection within ack_war_timewindow, RFC 5961 7; 0 no limit (0 to "
    "2147483647, default 5)");
TCP_INT(_net_inet_tcp, ack_war_timewindow, tcp_ack_war_timewindow, 1000, 0, INT_MAX,
    "Time in which ack_war_cnt challenge ACKs are sent; 0 no limit (ms, 0 to 2147483647, default "
    "1000)");
TCP_INT(_net_inet_tcp, blackhole_local, tcp_blackhole_local, 0, 0, 1,
    "blackhole holds for our own addresses too (0 to 1, default 0)");

/* the ends of connections */
TCP_INT(_net_inet_tcp, msl, tcp_msl, TCPTV_MSL, 1, 300000,
    "Maximum segment lifetime (ms, 1 to 300000, default 30000)");
TCP_INT(_net_inet_tcp, nolocaltimewait, tcp_nolocaltimewait, 0, 0, 1,
    "No TIME_WAIT for connections inside the stack (0 to 1, default 0)");
TCP_INT(_net_inet_tcp, maxtcptw, tcp_maxtcptw, 50000, 0, 1000000,
    "Most connections in TIME_WAIT; more end the oldest early (0 to 1000000, default 50000)");
TCP_INT(_net_inet_tcp, fast_finwait2_recycle, tcp_fast_finwait2_recycle, 0, 0, 1,
    "End closed FIN_WAIT_2 connections after finwait2_timeout, not keepcnt * keepintvl (0 to 1, "
    "default 0)");
TCP_INT(_net_inet_tcp, finwait2_timeout, tcp_finwait2_timeout, TCPTV_FINWAIT2_TIMEOUT, 1, 3600000,
    "FIN_WAIT_2 time-out of a closed socket with fast_finwait2_recycle (ms, 1 to 3600000, default "
    "60000)");

/* time-outs */
TCP_INT(_net_inet_tcp, keepinit, tcp_keepinit, TCPTV_KEEP_INIT, 1, 3600000,
    "Time to establish a connection (ms, 1 to 3600000, default 75000)");
TCP_INT(_net_inet_tcp, keepidle, tcp_keepidle, TCPTV_KEEP_IDLE, 1, INT_MAX,
    "Idle time before keepalive probes (ms, 1 to 2147483647, default 7200000)");
TCP_INT(_net_inet_tcp, keepintvl, tcp_keepintvl, TCPTV_KEEPINTVL, 1, INT_MAX,
    "Time between keepalive probes (ms, 1 to 2147483647, default 75000)");
TCP_INT(_net_inet_tcp, keepcnt, tcp_keepcnt, TCPTV_KEEPCNT, 1, 100,
    "Keepalive probes unanswered before the connection ends (1 to 100, default 8)");
TCP_INT(_net_inet_tcp, always_keepalive, tcp_always_keepalive, 1, 0, 1,
    "Probe on all connections, as if SO_KEEPALIVE (0 to 1, default 1)");
TCP_INT(_net_inet_tcp, rexmit_initial, tcp_rexmit_initial, TCPTV_RTOBASE, 1, 60000,
    "Retransmission time-out before one is measured (ms, 1 to 60000, default 1000)");
TCP_INT(_net_inet_tcp, rexmit_min, tcp_rexmit_min, TCPTV_MIN, 1, 60000,
    "Least retransmission time-out (ms, 1 to 60000, default 30)");
TCP_INT(_net_inet_tcp, rexmit_slop, tcp_rexmit_slop, TCPTV_CPU_VAR, 0, 60000,
    "Added to every retransmission time-out (ms, 0 to 60000, default 200)");
TCP_INT(_net_inet_tcp, retries, tcp_retries, TCP_MAXRXTSHIFT, 1, TCP_MAXRXTSHIFT,
    "Retransmissions of the same data before the connection ends (1 to 12, default 12)");
TCP_INT(_net_inet_tcp, rexmit_drop_options, tcp_rexmit_drop_options, 0, 0, 1,
    "A SYN goes without options from its third retransmission on (0 to 1, default 0)");
TCP_INT(_net_inet_tcp, maxunacktime, tcp_maxunacktime, 0, 0, INT_MAX,
    "Time without an acknowledgment before a connection ends, where the program did not say; 0 no "
    "limit (ms, 0 to 2147483647, default 0)");
TCP_INT(_net_inet_tcp, persmin, tcp_persmin, TCPTV_PERSMIN, 1, 3600000,
    "Least time between probes (ms, 1 to 3600000, default 5000)");
TCP_INT(_net_inet_tcp, persmax, tcp_persmax, TCPTV_PERSMAX, 1, 3600000,
    "Most time between probes (ms, 1 to 3600000, default 60000)");
TCP_INT(_net_inet_tcp, persist_orphan, tcp_persist_orphan, 600000, 1, INT_MAX,
    "Time that data of a closed socket waits for a peer that answers probes and keeps its window "
    "shut "
    "(ms, 1 to 2147483647, default 600000)");
TCP_INT(_net_inet_tcp, maxpersistidle, tcp_maxpersistidle, TCPTV_KEEP_IDLE, 1, INT_MAX,
    "Silence of a peer with a closed window before the connection ends (ms, 1 to 2147483647, "
    "default 7200000)");

TCP_INT(_net_inet_tcp, isn_reseed_interval, tcp_isn_reseed_interval, 0, 0, INT_MAX,
    "Time after which initial sequence numbers have another secret; 0 never (s, 0 to 2147483647, "
    "default 0)");
TCP_INT(_net_inet_tcp, ts_offset_per_conn, tcp_ts_offset_per_conn, 1, 0, 1,
    "Timestamps begin anywhere for each connection (1), or for each pair of hosts (0) (0 to 1, "
    "default 1)");
SYSCTL_U64(_net_inet_tcp, OID_AUTO, pmtud_blackhole_activated, CTLFLAG_VNET | CTLFLAG_RD,
    &VNET_NAME(tcpstat.tcps_pmtud_blackhole_activated), 0,
    "Connections that tried pmtud_blackhole_mss");
SYSCTL_U64(_net_inet_tcp, OID_AUTO, pmtud_blackhole_activated_min_mss, CTLFLAG_VNET | CTLFLAG_RD,
    &VNET_NAME(tcpstat.tcps_pmtud_blackhole_activated_min_mss), 0,
    "Connections that tried mssdflt");
SYSCTL_U64(_net_inet_tcp, OID_AUTO, pmtud_blackhole_failed, CTLFLAG_VNET | CTLFLAG_RD,
    &VNET_NAME(tcpstat.tcps_pmtud_blackhole_failed), 0,
    "Connections that smaller segments did not help");
SYSCTL_UINT(_net_inet_tcp, OID_AUTO, pcbcount, CTLFLAG_VNET | CTLFLAG_RD,
    &VNET_NAME(tcbinfo.ipi_count), 0, "Number of active PCBs");
SYSCTL_VNET_PCPUSTAT(_net_inet_tcp, OID_AUTO, stats, tcpstat, tcpstat,
    "Counters (struct tcpstat, netinet/tcp_var.h)");
