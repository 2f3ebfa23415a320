/* queue.h - lists and tail queues, queue(3): libbsd's. */
#ifndef ALPINE_SYS_QUEUE_H
#define ALPINE_SYS_QUEUE_H
#include <sys/cdefs.h>
#pragma GCC system_header
#include "/usr/include/bsd/sys/queue.h"
#endif
