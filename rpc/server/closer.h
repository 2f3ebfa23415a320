/* closer.h - closing descriptors that strangers sent. */
#ifndef RPC_CLOSER_H
#define RPC_CLOSER_H

#include <stdbool.h>

void closer_close(int fd); /* soon, elsewhere */

bool closer_start(void); /* its thread, before threads can be made no more */

#endif
