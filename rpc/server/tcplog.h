/*
 * tcplog.h - where TCP's log (netinet/tcp_log.h) meets its file. Neutral: bsd_tcplog.c implements
 * the bsd_ part in the kernel world, tcplog.c calls it in the host world.
 */
#ifndef RPC_TCPLOG_H
#define RPC_TCPLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* tcplog.c */
void tcplog_finish(void); /* the daemon ends: writes what waits, and closes the file */

struct bsd_tcplog_status {
	bool on;
	uint64_t records, dropped;
	unsigned waiting, size;
};

/* bsd_tcplog.c; Linux errnos. EINVAL: why says what is wrong with the words. */
int bsd_tcplog_start(const char *words, void (*ready)(void *), char *why, size_t whysize);
void bsd_tcplog_stop(void); /* makes no more records; those that wait can be read */
void bsd_tcplog_free(void);
size_t bsd_tcplog_read(char *buf, size_t size); /* whole lines; 0: none waits */
void bsd_tcplog_status(struct bsd_tcplog_status *);
#define BSD_TCPLOG_LINE_MAX 2048 /* least size to read into */

#endif
