/* wiring.h - alpined's wire, as the options say. */
#ifndef RPC_WIRING_H
#define RPC_WIRING_H

#include "rpc/alpined/keeper.h"
#include "rpc/alpined/options.h"
#include "tapbridge/link.h"

/* Exits with a message if it cannot be. `dir`: of the state file; the labels have IFNAMSIZ bytes.
 */
struct link *wiring_open(struct options *, const char *dir, char *tap, char *bridge);
void wiring_event(const struct keeper_told *);

#endif
