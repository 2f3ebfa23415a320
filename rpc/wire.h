/*
 * wire.h - what programs and alpined say to each other.
 *
 * Neutral, fixed-width, host byte order (both ends are on one machine), every length checked
 * first. All values of families, options, flags, errnos and ioctls are *Linux's* of this
 * architecture; alpined translates. Addresses are Linux sockaddrs, as bytes.
 *
 * Control: a SOCK_SEQPACKET connection, to the abstract name RPC_CONTROL_NAME in the namespace
 * that alpine-run made, or to the daemon's path socket. One request, one reply, in order.
 * Descriptors travel as SCM_RIGHTS. A request about a socket carries the program's descriptor
 * itself: holding it is the authority, alpined finds the socket by its SO_COOKIE.
 *
 * Data: the program's descriptor is one end of a socket pair. Streams (SOCK_STREAM) carry the
 * bytes and nothing else. Everything else (SOCK_SEQPACKET) carries a struct rpc_dgram, its
 * control items and the payload in one message. A listener's pair carries one struct
 * rpc_accept with one descriptor for each connection.
 *
 * alpined's end of every pair is bound to the abstract name "\0" RPC_PAIR_PREFIX instance "/" id,
 * so that getpeername() on the program's end, anywhere, tells that it is ours.
 */
#ifndef RPC_WIRE_H
#define RPC_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define RPC_VERSION 1u
#define RPC_MAGIC 0x414c5049u	     /* "ALPI" */
#define RPC_DGRAM_MAGIC 0x414c5044u  /* "ALPD" */
#define RPC_ACCEPT_MAGIC 0x414c5041u /* "ALPA" */

#define RPC_CONTROL_NAME "alpine/control" /* behind a zero byte; the length counts, no padding */
#define RPC_PAIR_PREFIX "alpine/fd/"	  /* then instance, '/', id in hex */
#define RPC_RUNDIR "/run/alpine" /* RPC_RUNDIR/NAME.sock; $XDG_RUNTIME_DIR/alpine if not root */
#define RPC_DEFAULT_NAME "alpine"
#define RPC_NAME_MAX 31 /* bytes of an instance's name: [A-Za-z0-9_.-] */

#define RPC_MSG_MAX (128 * 1024) /* bytes of one control message, header and all */
#define RPC_FDS_MAX 4		 /* descriptors with one message */
#define RPC_CONTROL_MAX 1024	 /* bytes of control items with a datagram */
#define RPC_DGRAM_PAYLOAD_MAX 65535
#define RPC_OPTVAL_MAX 2048	  /* MCAST_MSFILTER of 14 sources; Linux has 10 */
#define RPC_FILTER_MAX (4096 * 8) /* bytes of SO_ATTACH_FILTER, whose value is the program */

enum rpc_op {
	RPC_HELLO = 1, /* rpc_hello -> rpc_hello_reply; must be the first on a connection */
	RPC_ATTACH,    /* + listener fd: programs of a namespace; path socket only */
	/*
	 * + one end of a SEQPACKET pair, which becomes a connection; HELLO not needed. The reply
	 * comes over the new connection: the old one is shared with the parent, which would take
	 * the reply for its own.
	 */
	RPC_REKEY,
	RPC_SOCKET,	 /* rpc_socket -> fd */
	RPC_BIND,	 /* fd, rpc_addr */
	RPC_LISTEN,	 /* fd, rpc_int (backlog) */
	RPC_CONNECT,	 /* fd, rpc_connect -> 0, an errno, or EINPROGRESS (see there) */
	RPC_GETSOCKNAME, /* fd -> rpc_addr */
	RPC_GETPEERNAME, /* fd -> rpc_addr */
	RPC_SETSOCKOPT,	 /* fd, rpc_sockopt + value */
	RPC_GETSOCKOPT,	 /* fd, rpc_sockopt [+ what the value asks] -> rpc_sockopt + value */
	RPC_SHUTDOWN,	 /* fd, rpc_int (SHUT_*); the caller then shuts its end down too */
	RPC_IOCTL,	 /* fd, rpc_ioctl + argument -> rpc_ioctl + argument */
	RPC_SENDTO,	 /* fd, rpc_dgram + control + payload -> rpc_int: sent, or the errno, now */
	RPC_ERRQUEUE,	 /* fd, rpc_int (the mark read, 0 none) -> rpc_dgram + control + payload */
	RPC_MIRROR,	 /* + fd of a TAP in the attached namespace, for packet sockets there */
	RPC_CAPTURE,	 /* a packet socket was made: EPERM, or frames are shown from now on */
	RPC_CTL_STATUS = 64, /* -> text */
	RPC_CTL_STOP,
	RPC_CTL_SYSCTL,	      /* text: "NAME", "NAME=VALUE", "-a", "-d NAME" -> text */
	RPC_CTL_REPORT,	      /* text: a report's name and arguments -> records, see below */
	RPC_CTL_TCPLOG_START, /* fd to write to; text: words of netinet/tcp_log.h -> text */
	RPC_CTL_TCPLOG,	      /* text: "stop" or "status" -> text, lines of name, tab, value */
	RPC_CTL_CHANGE,	      /* text: "OBJECT VERB NAME=VALUE...", see below -> text */
	RPC_CTL_MONITOR,      /* -> records, for ever: the connection takes nothing else any more */
};

struct rpc_msg {
	uint32_t m_magic;
	uint16_t m_version;
	uint16_t m_op;	  /* enum rpc_op; the same in the reply */
	uint32_t m_seq;	  /* the reply repeats it */
	uint32_t m_len;	  /* bytes behind this header */
	int32_t m_error;  /* reply: 0 or a Linux errno, positive; request: 0 */
	uint16_t m_nfds;  /* descriptors with it */
	uint16_t m_flags; /* RPC_MORE: further replies of this request follow */
};
#define RPC_MORE 0x1
_Static_assert(sizeof(struct rpc_msg) == 24, "rpc_msg");

struct rpc_addr {
	uint32_t a_len;	    /* bytes in use; 0: none */
	uint8_t a_data[32]; /* sockaddr_in, sockaddr_in6 */
};
_Static_assert(sizeof(struct rpc_addr) == 36, "rpc_addr");

struct rpc_int {
	int32_t i_value;
};

enum rpc_kind { RPC_KIND_PROGRAM = 1, RPC_KIND_LAUNCHER, RPC_KIND_CTL };

struct rpc_hello {
	uint32_t h_kind;
	uint32_t h_flags;
};

#define RPC_HELLO_ADDRS 8
struct rpc_hello_reply {
	char h_instance[32];
	char h_version[32]; /* the daemon's, for people */
	char h_ifname[16];
	uint32_t h_mtu;
	uint32_t h_naddrs; /* the stack's own addresses, loopback's not among them */
	uint32_t h_ndns;   /* name servers given with --dns */
	struct rpc_addr h_addrs[RPC_HELLO_ADDRS]; /* sockaddr_in(6); port is the prefix length */
	struct rpc_addr h_dns[RPC_HELLO_ADDRS];
};

struct rpc_socket {
	int32_t s_domain;
	int32_t s_type; /* with SOCK_NONBLOCK; CLOEXEC is the receiver's */
	int32_t s_protocol;
};

/*
 * c_nonblock: the descriptor is O_NONBLOCK. Then EINPROGRESS comes alone, the descriptor is not
 * writable until the connection is up or failed, and SO_ERROR tells which. Otherwise EINPROGRESS
 * comes with a descriptor from which one rpc_int can be read (0 or errno) when it is decided.
 * RPC_CONNECT_FASTOPEN: data follows at once (RFC 7413). 0 then means that it may be written: it
 * goes with the SYN; if blocking, with a descriptor as above, to wait for the outcome. Without a
 * cookie of the server it is an ordinary connect that asks for one.
 */
#define RPC_CONNECT_NONBLOCK 0x1
#define RPC_CONNECT_FASTOPEN 0x2
struct rpc_connect {
	uint32_t c_nonblock;	/* RPC_CONNECT_* */
	struct rpc_addr c_addr; /* AF_UNSPEC dissolves a datagram socket's association */
};

struct rpc_sockopt {
	int32_t o_level, o_name;
	uint32_t o_len; /* bytes of the value behind (set, reply), or wanted (get) */
};

/*
 * The argument is what the command's structure holds (SIOCGIF*: struct ifreq). SIOCGIFCONF, whose
 * structure holds a pointer: no argument; the reply's is the array of struct ifreq, of which there
 * are at most RPC_IFCONF_MAX.
 */
#define RPC_IFCONF_MAX 204
struct rpc_ioctl {
	uint64_t i_cmd;
	uint32_t i_len; /* bytes of the argument behind */
	uint32_t i_pad;
};

/*
 * In front of every datagram, both ways. d_error != 0: no payload, the socket's pending error
 * (ECONNREFUSED ...) for the next receive call. Control items are struct cmsghdr as Linux lays
 * them out, d_control_len bytes behind the header, payload behind them.
 *
 * With d_error, d_flags is the message's mark, if the socket has IP_RECVERR, else 0: RPC_ERRQUEUE
 * brings the last one that was read, by which alpined knows whether another is on its way or, where
 * the queue holds more, has to be sent. RPC_MARK_NOT_SEND: the error is no answer to a send.
 */
#define RPC_MARK_NOT_SEND 0x80000000u
#define RPC_MARK_NUMBER 0x7fffffffu
struct rpc_dgram {
	uint32_t d_magic;
	uint16_t d_hdr_len;	/* sizeof(struct rpc_dgram) */
	uint16_t d_control_len; /* bytes, a multiple of 8 */
	int32_t d_error;
	uint32_t d_flags;	/* MSG_* of the call, or of what was received; a mark, see above */
	struct rpc_addr d_addr; /* from, or to; a_len 0: the connected peer */
	uint32_t d_payload_len; /* bytes */
};
_Static_assert(sizeof(struct rpc_dgram) == 56, "rpc_dgram");

struct rpc_accept {
	uint32_t a_magic;
	uint32_t a_flags;
	struct rpc_addr a_peer, a_local;
};
_Static_assert(sizeof(struct rpc_accept) == 80, "rpc_accept");

/*
 * Reports (RPC_CTL_REPORT) are UTF-8 lines of tab-separated fields; the first line names the
 * columns. Text and records may come in several replies (RPC_MORE).
 *
 * Changes (RPC_CTL_CHANGE), the administrator's:
 *   route add|change|delete dst=ADDR[/PREFIX] [gateway=ADDR] [ifp=NAME] [mtu=N] [lifetime=SEC]
 *                           [reject] [blackhole] [proto1] [proto2] [plain]
 *   route flush             -> "DESTINATION\tPREFIX" of each that went
 *   interface mtu|up|down ifp=NAME [mtu=N]
 *   interface address ifp=NAME address=ADDR/PREFIX [broadcast=ADDR] [alias]
 *   interface delete ifp=NAME address=ADDR
 *   arp set address=ADDR mac=MAC [temp] [pub];  arp delete address=ADDR;  arp flush -> count
 *   tcp drop local=ADDR lport=N foreign=ADDR fport=N
 */

#endif
