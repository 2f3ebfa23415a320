/* peer.h - what the kernel would let the process at a connection's other end do. */
#ifndef RPC_PEER_H
#define RPC_PEER_H

#include <stdint.h>
#include <sys/types.h>

/* BSOCK_PRIV_* of the process pid, user uid, that connected fd; 0 when that is not certain. */
uint32_t peer_privileges(int fd, pid_t pid, uid_t uid);
void peer_init(void); /* before the file system goes out of sight */

#endif
