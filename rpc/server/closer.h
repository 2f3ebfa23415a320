/* closer.h - closing descriptors that strangers sent. */
#ifndef RPC_CLOSER_H
#define RPC_CLOSER_H

#include <stdbool.h>
#include <stdint.h>

/* fd is closed soon, elsewhere. `whose`: what one stranger sent does not wait for another's. */
void closer_close(int fd, uint64_t whose);
#define CLOSER_OURS UINT64_MAX /* whose: nobody's but our own */

/* Has so much of that stranger's not been closed yet that nothing more is to be taken from him? */
bool closer_behind(uint64_t whose);

/*
 * Its threads, before threads can be made no more. *progress_fd becomes readable when somebody of
 * whom closer_behind() was true no longer is, or the first was closed since closer_tell();
 * closer_progress() empties it.
 */
bool closer_start(int *progress_fd);
void closer_tell(void);
void closer_progress(void);

#endif
