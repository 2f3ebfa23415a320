/* keeper.h - a process that undoes the bridge when alpined is gone, however it went. */
#ifndef RPC_KEEPER_H
#define RPC_KEEPER_H

#include "tapbridge/link.h"

int keeper_start(struct bridge *); /* 0 or errno; the bridge is the keeper's then */
void keeper_finish(void);	   /* has it undone, and waits for that */

#endif
