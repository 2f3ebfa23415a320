/*
 * closer.c - closing descriptors that strangers sent.
 *
 * A program may send any descriptor. close() of some can take as long as their owner likes: a
 * TCP socket with SO_LINGER, a file on FUSE. Those that are not our own pairs' are therefore
 * closed by a thread, which does nothing else and touches nothing of the stack. What it has not
 * closed yet is bounded; beyond that the daemon closes itself, and may have to wait.
 *
 * Owns the thread and its queue. Called by server.c.
 */
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "rpc/server/closer.h"

#define QUEUE_MAX 256 /* descriptors */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static int queue[QUEUE_MAX];
static unsigned head, count;
static bool running;

static void *
run(void *arg)
{
	int fd;

	pthread_mutex_lock(&lock);
	for (;;) {
		while (count == 0)
			pthread_cond_wait(&more, &lock);
		fd = queue[head];
		head = (head + 1) % QUEUE_MAX;
		count--;
		pthread_mutex_unlock(&lock);
		close(fd);
		pthread_mutex_lock(&lock);
	}
	return (arg);
}

bool
closer_start(void)
{
	sigset_t all, old;
	pthread_t thread;

	if (running)
		return (true);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	running = pthread_create(&thread, NULL, run, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (running)
		pthread_detach(thread);
	return (running);
}

void
closer_close(int fd)
{
	bool taken;

	pthread_mutex_lock(&lock);
	taken = count < QUEUE_MAX && closer_start();
	if (taken) {
		queue[(head + count++) % QUEUE_MAX] = fd;
		pthread_cond_signal(&more);
	}
	pthread_mutex_unlock(&lock);
	if (!taken)
		close(fd);
}
