/*
 * closer.c - closing descriptors that strangers sent.
 *
 * A program may send any descriptor. close() of some can take as long as their owner likes: a
 * TCP socket with SO_LINGER, a file on FUSE. The same is true of a socket in whose queue such
 * descriptors wait. None of them is therefore closed by the loop, but by a few threads, which do
 * nothing else and touch nothing of the stack. Each stranger's are closed one after the other, by
 * one thread at a time, so that one who holds a thread up holds up no more than that.
 *
 * The queue takes all there are: who lets close() take its time is not read from any more
 * (closer_behind), so that what waits is bounded by what is in one message.
 *
 * Owns the threads, the queue and an eventfd. Called by server.c and mirror.c.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "rpc/server/closer.h"

#define THREADS 8
#define STACK_BYTES (256 * 1024) /* of a thread */
#define BEHIND 64		 /* descriptors of one stranger */

struct job {
	int j_fd;
	TAILQ_ENTRY(job) j_link;
};
TAILQ_HEAD(job_list, job);

struct stranger {
	uint64_t s_whose;
	bool s_busy;	  /* a thread closes one of his */
	bool s_asked;	  /* closer_behind() was true */
	unsigned s_count; /* not closed yet, the one that is being closed among them */
	struct job_list s_jobs;
	TAILQ_ENTRY(stranger) s_link;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static TAILQ_HEAD(, stranger) strangers = TAILQ_HEAD_INITIALIZER(strangers);
static TAILQ_HEAD(, stranger) idle_strangers = TAILQ_HEAD_INITIALIZER(idle_strangers);
static struct job_list idle_jobs = TAILQ_HEAD_INITIALIZER(idle_jobs);
static unsigned threads;
static int progress_fd = -1;
static bool tell_of_any; /* closer_tell() */

static void
tell_progress(void)
{
	tell_of_any = false;
	if (progress_fd >= 0)
		(void)eventfd_write(progress_fd, 1);
}

static struct stranger *
find(uint64_t whose)
{
	struct stranger *s;

	TAILQ_FOREACH (s, &strangers, s_link)
		if (s->s_whose == whose)
			return (s);
	return (NULL);
}

/* One whom no thread works for; he goes to the end of the queue. */
static struct stranger *
next_stranger(void)
{
	struct stranger *s;

	TAILQ_FOREACH (s, &strangers, s_link)
		if (!s->s_busy)
			break;
	if (s == NULL)
		return (NULL);
	TAILQ_REMOVE(&strangers, s, s_link);
	TAILQ_INSERT_TAIL(&strangers, s, s_link);
	return (s);
}

/* One of his was closed. */
static void
account(struct stranger *s)
{
	s->s_busy = false;
	s->s_count--;
	if (tell_of_any || (s->s_asked && s->s_count < BEHIND)) {
		s->s_asked = false;
		tell_progress();
	}
	if (s->s_count > 0)
		return;
	TAILQ_REMOVE(&strangers, s, s_link);
	TAILQ_INSERT_HEAD(&idle_strangers, s, s_link);
}

static void *
run(void *arg)
{
	struct stranger *s;
	struct job *j;

	pthread_mutex_lock(&lock);
	for (;;) {
		while ((s = next_stranger()) == NULL)
			pthread_cond_wait(&more, &lock);
		j = TAILQ_FIRST(&s->s_jobs);
		TAILQ_REMOVE(&s->s_jobs, j, j_link);
		s->s_busy = true;
		pthread_mutex_unlock(&lock);
		close(j->j_fd);
		pthread_mutex_lock(&lock);
		TAILQ_INSERT_HEAD(&idle_jobs, j, j_link);
		account(s);
	}
	return (arg);
}

/* With the lock held, or before there is a thread. */
static bool
start(void)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t thread;

	if (threads > 0 || pthread_attr_init(&attr) != 0)
		return (threads > 0);
	progress_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	while (threads < THREADS && pthread_create(&thread, &attr, run, NULL) == 0)
		threads++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return (threads > 0);
}

bool
closer_start(int *fd)
{
	bool started;

	pthread_mutex_lock(&lock);
	started = start();
	pthread_mutex_unlock(&lock);
	*fd = progress_fd;
	return (started);
}

void
closer_progress(void)
{
	eventfd_t n;

	(void)eventfd_read(progress_fd, &n);
}

/* What a thread is done with is used again: a thread that called free() would get an arena. */
static struct job *
make_job(int fd)
{
	struct job *j = TAILQ_FIRST(&idle_jobs);

	if (j != NULL)
		TAILQ_REMOVE(&idle_jobs, j, j_link);
	else if ((j = malloc(sizeof(*j))) == NULL)
		return (NULL);
	j->j_fd = fd;
	return (j);
}

static struct stranger *
make_stranger(uint64_t whose)
{
	struct stranger *s = TAILQ_FIRST(&idle_strangers);

	if (s != NULL)
		TAILQ_REMOVE(&idle_strangers, s, s_link);
	else if ((s = malloc(sizeof(*s))) == NULL)
		return (NULL);
	*s = (struct stranger){.s_whose = whose};
	TAILQ_INIT(&s->s_jobs);
	return (s);
}

static bool
enqueue(int fd, uint64_t whose)
{
	struct stranger *s = find(whose);
	bool known = s != NULL;
	struct job *j;

	if (!known && (s = make_stranger(whose)) == NULL)
		return (false);
	j = make_job(fd);
	if (!known && j == NULL)
		TAILQ_INSERT_HEAD(&idle_strangers, s, s_link);
	else if (!known)
		TAILQ_INSERT_HEAD(&strangers, s, s_link);
	if (j == NULL)
		return (false);
	TAILQ_INSERT_TAIL(&s->s_jobs, j, j_link);
	s->s_count++;
	return (true);
}

void
closer_close(int fd, uint64_t whose)
{
	bool taken;

	pthread_mutex_lock(&lock);
	taken = start() && enqueue(fd, whose);
	if (taken)
		pthread_cond_signal(&more);
	pthread_mutex_unlock(&lock);
	if (taken)
		return;
	close(fd);
	pthread_mutex_lock(&lock);
	if (tell_of_any)
		tell_progress();
	pthread_mutex_unlock(&lock);
}

void
closer_tell(void)
{
	pthread_mutex_lock(&lock);
	tell_of_any = true;
	pthread_mutex_unlock(&lock);
}

bool
closer_behind(uint64_t whose)
{
	struct stranger *s;
	bool behind;

	pthread_mutex_lock(&lock);
	s = find(whose);
	behind = s != NULL && s->s_count >= BEHIND;
	if (behind)
		s->s_asked = true;
	pthread_mutex_unlock(&lock);
	return (behind);
}
