/*
 * pd_file.c - the descriptors that packetdrill holds: each is a real one of the kernel's, so that
 * its number is taken and close(2) by whoever gets at it is no error. Nothing goes through them:
 * they are unconnected AF_UNIX sockets, on which a call that came past the interface fails.
 * Owns the table, by number. Called with the lock held.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "t/packetdrill/pd_host.h"

static struct pd_file **files;
static int nfiles;

struct pd_file *
pd_file(int fd)
{
	return (fd >= 0 && fd < nfiles ? files[fd] : NULL);
}

int
pd_file_next(int after)
{
	for (after++; after < nfiles; after++)
		if (files[after] != NULL)
			return (after);
	return (-1);
}

static int
make_room(int fd)
{
	struct pd_file **more;
	int n = nfiles > 0 ? nfiles : 64;

	while (n <= fd)
		n *= 2;
	if (n == nfiles)
		return (0);
	more = realloc(files, (size_t)n * sizeof(struct pd_file *));
	if (more == NULL)
		return (-1);
	memset(more + nfiles, 0, (size_t)(n - nfiles) * sizeof(struct pd_file *));
	files = more;
	nfiles = n;
	return (0);
}

/* A number that we thought ours has been closed past us if the kernel gives it out again. */
struct pd_file *
pd_file_new(void)
{
	static unsigned last_id;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct pd_file *f;

	if (fd < 0)
		return (NULL);
	if (pd_file(fd) != NULL)
		(void)pd_close_fd(fd, false);
	f = calloc(1, sizeof(*f));
	if (f == NULL || make_room(fd) != 0) {
		free(f);
		close(fd);
		errno = ENOMEM;
		return (NULL);
	}
	f->f_fd = fd;
	f->f_id = ++last_id;
	files[fd] = f;
	return (f);
}

void
pd_file_forget(struct pd_file *f)
{
	files[f->f_fd] = NULL;
	free(f);
}

void
pd_event(void *owner, int what)
{
	struct pd_file *f = owner;

	(void)what;
	if (f != NULL)
		f->f_events++;
	pd_wakeup();
}
