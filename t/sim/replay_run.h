/*
 * replay_run.h - one replay: what main.c asks of replay.c. Host world.
 */
#ifndef T_SIM_REPLAY_RUN_H
#define T_SIM_REPLAY_RUN_H

#include <stdbool.h>
#include <stdint.h>

#define REPLAY_MAX_LISTEN 64
#define REPLAY_MAX_SYSCTL 64

struct replay_options {
	const char *in, *out; /* files; out NULL: none */
	const char *host;     /* ADDR[/LEN] */
	uint16_t listen[REPLAY_MAX_LISTEN];
	int nlisten;
	const char *sysctl[REPLAY_MAX_SYSCTL]; /* NAME=VALUE */
	int nsysctl;
	bool no_rewrite, quiet, with_input;
	bool functions;	   /* functions.h is on */
	uint64_t after_ns; /* goes on for as long behind the last packet */
};
int replay_run(const struct replay_options *); /* the exit status */
void replay_head(void); /* the line of what the stack is at, unless it was told */

#endif
