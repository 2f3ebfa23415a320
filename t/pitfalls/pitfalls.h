/*
 * pitfalls.h - what breaks in programs like this, one check after another, as an ordinary program.
 *
 * Every check holds on Linux's own stack: t/lab_pitfalls.t runs the program there first, then on
 * ours. The numbers in the checks' names are the rows of the table in t/pitfalls/README.md.
 */
#ifndef T_PITFALLS_H
#define T_PITFALLS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "t/lib/tap.h"

/* What the peer serves (main.c). */
enum {
	PORT_ECHO = 7201,   /* TCP and UDP: what comes goes back */
	PORT_RESET = 7203,  /* TCP: reads a byte, resets */
	PORT_SINK = 7204,   /* TCP: never reads */
	PORT_SOURCE = 7205, /* TCP: reads a number of 4 bytes, sends as many bytes, closes */
	PORT_COUNT = 7206,  /* TCP: reads to the end, answers how many bytes, 4 bytes */
	PORT_CLOSED = 7209,
};

extern const char *self_path; /* of this program, to exec it again */

struct sockaddr_in peer_sin(int port);
int dial(int port);		       /* a connection; bails out when there is none */
int dial_udp(int port);		       /* the same */
bool echoes(int fd, const char *text); /* it comes back, all of it */
bool read_all(int fd, void *buf, size_t len);
int listener(struct sockaddr_in *sin); /* on 127.0.0.1, any port: *sin */
void connected_pair(int fds[2]);       /* over 127.0.0.1 */
bool readable(int fd, int ms);
int exit_status(int pid);  /* waits: the exit status, or 128 + signal */
double now(void);	   /* seconds, monotonic */
int errno_of(long result); /* errno when it is -1, else 0 */

void pitfalls_fds(void);
void pitfalls_passing(void);
void pitfalls_events(void);
void pitfalls_data(void);
void pitfalls_datagrams(void);
void pitfalls_process(void);

int pitfalls_child(int argc, char **argv); /* process.c: what an exec'ed copy does */

#endif
