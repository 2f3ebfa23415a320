/* notify.h - telling who started us that we are ready. */
#ifndef RPC_NOTIFY_H
#define RPC_NOTIFY_H

void notify_open(void);
void notify_send(const char *state); /* "READY=1", "STOPPING=1" */
void notify_ready_fd(int fd);	     /* -1: nobody asked */

#endif
