/* closer.h - closing descriptors that strangers sent. */
#ifndef RPC_CLOSER_H
#define RPC_CLOSER_H

void closer_close(int fd); /* soon, elsewhere */

#endif
