/*
 * sockapi.h - what the files of the socket API's comparison share: printing what a call said, and
 * the sockets that every check needs. prog_sockapi.c runs the topics; t/lab_sockapi.t compares
 * what they print on the kernel's stack and on Alpine.
 *
 * A line is "TOPIC NAME: what was seen". Nothing that differs from run to run is printed: no
 * ports, descriptors, times.
 */
#ifndef T_SOCKAPI_H
#define T_SOCKAPI_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

extern void *volatile bad_pointer; /* nowhere; the compiler does not know */
#define BAD_POINTER bad_pointer
#define SA(x) ((struct sockaddr *)(x))

/* What a call returned: its value, or -1 and errno's name. */
void see(long result, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Only whether it worked, where the value is a descriptor. Returns the descriptor. */
int see_fd(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void see_text(const char *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void see_address(const struct sockaddr *, socklen_t, const char *name); /* without the port */
void see_poll(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3))); /* now */
void see_events(uint32_t epoll_events, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *error_name(int error);

struct sockaddr_in loopback(int port); /* 127.0.0.1, port in host order */
int port_of(int fd);
int tcp_listener(int *port);
void tcp_pair(int *client, int *server);
int udp_bound(int *port); /* on 127.0.0.1 */
void udp_pair(int *a, int *b);
void settle(void);		    /* long enough for what was sent to arrive */
bool becomes(int fd, short events); /* poll() until then */
long since_ms(const struct timespec *);
void start(struct timespec *);
/* "at once", "it waited" ...: so coarse that a slow machine is no difference */
const char *about(long ms);
void no_signal_action(int signo);

void topic_socket(void), topic_names(void), topic_options(void), topic_stream(void),
    topic_ends(void), topic_dgram(void), topic_message(void), topic_ready(void), topic_epoll(void),
    topic_wait(void), topic_bad(void), topic_ioctl(void), topic_errqueue(void), topic_raw(void),
    topic_mcast(void), topic_fdcalls(void);

#endif
