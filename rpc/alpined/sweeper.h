/* sweeper.h - removes the control socket when alpined, which cannot any more, is gone. */
#ifndef RPC_SWEEPER_H
#define RPC_SWEEPER_H

/* dir: to be removed if it is empty by then; "" none. 0 or errno. */
int sweeper_start(const char *socket_path, const char *dir);
void sweeper_finish(void); /* alpined ends: waits for it */

#endif
