/*
 * run.h - private to pdrun, which runs scripts in packetdrill's language on the module, at virtual
 * time. run_lex.c and run_parse.c make a list of events of a script; run_events.c goes through it,
 * with run_call.c for system calls, run_packet.c for packets and run_expr.c for assertions.
 */
#ifndef T_PACKETDRILL_RUN_H
#define T_PACKETDRILL_RUN_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "t/packetdrill/pd_iface.h"

/* ---- what a script consists of ---- */

enum token {
	T_END,
	T_INT,
	T_FLOAT,
	T_WORD,
	T_STRING,
	T_BACKTICK,
	T_CODE,
	T_OPTION,
	T_ADDR, /* an IPv4 address */
	T_DOTS, /* ... */
	T_CHAR,
};
struct lex {
	const char *file, *at, *start; /* start: of the current token */
	int line;
	enum token t;
	long long n;
	double f;
	char *s; /* text of the token */
	int c;
};
void lex_open(struct lex *, const char *file, const char *text);
void lex_next(struct lex *);
void lex_free(struct lex *);
/* "file:line: text" on stderr, and the script has failed. */
void script_error(const char *file, int line, const char *fmt, ...)
    __attribute__((noreturn, format(printf, 3, 4)));

enum vtype { V_INT, V_WORD, V_STRING, V_DOTS, V_LIST, V_STRUCT };
struct value {
	enum vtype type;
	long long n;
	char *s;
	char *name; /* as a field of a struct */
	struct value *kids, *next;
};

#define OPTIONS_MAX 40 /* bytes of TCP options */
struct pkt {
	bool out;
	int proto;	  /* IPPROTO_TCP, UDP or ICMP */
	int ecn;	  /* -1: not said; 4: ect0 or ect1 */
	int tos, ttl;	  /* -1: not said */
	int sport, dport; /* 0: the script's usual ones */
	uint8_t flags;
	uint32_t seq, ack;
	int len, win, urg; /* win -1: not said */
	bool any_options;
	uint8_t opts[OPTIONS_MAX];
	int optlen;
	int icmp_type, icmp_code, icmp_mtu, icmp_ident;
	bool any_win;
	/* the packet that an ICMP error quotes */
	int q_proto, q_len;
	uint32_t q_seq;
};

enum etype { E_PACKET, E_CALL, E_COMMAND, E_CODE };
enum ttype { TIME_REL, TIME_ABS, TIME_ANY, TIME_REL_RANGE, TIME_ABS_RANGE };
struct event {
	enum etype type;
	enum ttype time_type;
	long long time, time_end; /* microseconds */
	int line;
	char *text; /* of the line, for messages */
	struct pkt pkt;
	/* a call */
	char *name;
	struct value *args, result;
	char *errnum; /* NULL: none */
	bool blocking;
	long long end;
	char *code; /* command or code */
	struct event *next;
};

struct config {
	char local_ip[32], remote_ip[32], gateway_ip[32];
	int mtu;
	long long tolerance, ts_tick;
	double tolerance_percent;
	int bind_port, connect_port;
	char flags[1024]; /* more of the module's */
};
struct script {
	const char *file;
	struct config config;
	struct event *events;
	char *init_command, *cleanup_command;
};
void script_parse(struct script *, const char *text);

/* ---- running ---- */

struct run {
	struct script *script;
	struct packetdrill_interface pd;
	long long start; /* gettimeofday's time of the script's 0 */
	struct event *now;
	int fds[256]; /* the script's number -> the real one, -1 */
	int last_fd;  /* the socket that %{ }% is about */
};
extern struct run R;

void run_script(struct script *);
long long run_now(void);
void run_limit(bool call); /* of real time, from now on */
/* What failed, with the event's line; ends the script. */
void fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

void run_call(struct event *);
void call_finish(void); /* the call that still blocks must end */
void packet_in(struct event *);
long long packet_out(struct event *); /* when it was sent, script time */
void run_code(struct event *);
void packet_reset_all(void);		      /* what packetdrill does at the end */
bool packet_pending(char *text, size_t size); /* something that no line expects was sent */

/* run_symbols.c: names of constants; false: unknown */
bool symbol(const char *name, long long *value);
bool errno_symbol(const char *name, int *value);
const char *errno_name(int);

#endif
