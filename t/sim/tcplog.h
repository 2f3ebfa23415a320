/*
 * tcplog.h - alpine-sim --tcplog: sim_tcplog.c has the stack's records, tcplog.c the file. Neutral.
 */
#ifndef T_SIM_TCPLOG_H
#define T_SIM_TCPLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* tcplog.c: these end the program when something is wrong. words: as alpinectl(8) has them. */
void tcplog_open(const char *file, const char *words);
void tcplog_close(void);

/* sim_tcplog.c: text comes as the records are made. false: why says what is wrong with words. */
bool sim_tcplog_start(
    const char *words, void (*write)(const char *, size_t), char *why, size_t size);
void sim_tcplog_stop(void);

#endif
