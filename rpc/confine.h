/* confine.h - what alpined gives up once it stands. */
#ifndef RPC_CONFINE_H
#define RPC_CONFINE_H

#include <stdbool.h>

void confine_raise_limits(void); /* descriptors: each socket costs one */
/* An empty network namespace of our own: what is open goes on, nothing else is reachable. */
int confine_namespace(void);
int confine_privileges(void); /* no capability but those named there, no new ones */

#endif
