/*
 * state.c - the state file: what the machine's network was like before we changed it.
 *
 * Lines of text; the records of addresses, routes, ... are the kernel's own messages in hex. It is
 * written to NAME.state.new, synced, renamed, and the folder synced, before the first change;
 * so it is there whole or not at all. "end" is its last line.
 * It belongs to one boot, after which it is removed, and to one network namespace; in another, that
 * is said.
 * Host world; called by bridge.c and attach.c.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "kernel_glue/include/host/host.h"
#include "tapbridge/attach/state.h"
#include "tapbridge/link_error.h"

#define PATH_MAX_ (ATTACH_DIR_MAX + ATTACH_NAME_MAX + 16)
#define LINE_MAX_ (2 * 65536)
#define MAGIC "alpine-state 1"

static const char *const mode_names[] = {"bridge", "macvtap", "packet", "tap"};

struct kind {
	const char *name;
	size_t offset; /* of its list in struct netconf */
	size_t least;  /* bytes of such a message */
};
#define KIND(name, member, header)                                                                 \
	{                                                                                          \
		name, offsetof(struct netconf, member), NLMSG_HDRLEN + sizeof(struct header)       \
	}
static const struct kind kinds[] = {
    KIND("addr", addrs, rtgenmsg),
    KIND("nexthop", nexthops, rtgenmsg),
    KIND("route", routes, rtmsg),
    KIND("neigh", neighs, rtgenmsg),
    KIND("rule", rules, rtgenmsg),
};
#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

static struct nl_records *
list_of(struct netconf *c, const struct kind *k)
{
	return ((struct nl_records *)(void *)((char *)c + k->offset));
}

int64_t
state_now_s(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (ts.tv_sec);
}

/* ---- where and when it holds ---- */

static void
boot_id(char *buf, size_t size)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	buf[0] = '\0';
	if (f == NULL)
		return;
	if (fgets(buf, (int)size, f) != NULL)
		buf[strcspn(buf, "\n")] = '\0';
	fclose(f);
}

static unsigned long long
namespace_id(void)
{
	struct stat st;

	return (stat("/proc/self/ns/net", &st) == 0 ? (unsigned long long)st.st_ino : 0);
}

static void
file_path(char *path, const char *dir, const char *name, const char *suffix)
{
	snprintf(path, PATH_MAX_, "%.*s/%.*s%s", ATTACH_DIR_MAX - 1, dir, ATTACH_NAME_MAX - 1, name,
	    suffix);
}

/* ---- writing ---- */

static void
put_records(FILE *f, const char *name, const struct nl_records *list)
{
	const struct nl_record *r;
	const uint8_t *p;
	unsigned i;

	for (r = list->first; r != NULL; r = r->next) {
		p = (const uint8_t *)r->msg;
		fprintf(f, "%s %d ", name, r->before_others ? 1 : 0);
		for (i = 0; i < r->msg->nlmsg_len; i++)
			fprintf(f, "%02x", p[i]);
		fputc('\n', f);
	}
}

static void
put_state(FILE *f, struct state *s)
{
	const struct attach_spec *a = &s->spec;
	char boot[64];
	size_t i;

	boot_id(boot, sizeof(boot));
	fprintf(f, "%s\nmode %s\nboot %s\nnetns %llu\nsaved %lld\n", MAGIC, mode_names[a->mode],
	    boot, namespace_id(), (long long)s->saved_s);
	fprintf(f, "iface %s %d\nbridge %s %d\ntap %s\n", a->iface[0] != '\0' ? a->iface : "-",
	    s->iface_index, a->bridge[0] != '\0' ? a->bridge : "-", s->bridge_index,
	    a->tap[0] != '\0' ? a->tap : "-");
	fprintf(f, "mtu %u\naddrgenmode %u\ncreated %d\njoined %d\nwasdown %d\ncomplete %d\n",
	    s->mtu, s->addr_gen_mode, s->created, s->joined, s->was_down, s->complete);
	for (i = 0; i < NKINDS; i++)
		put_records(f, kinds[i].name, list_of(&s->conf, &kinds[i]));
	fputs("end\n", f);
}

/* A name in a folder is on the disk when the folder is. */
static int
sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return (-1);
	r = fsync(fd);
	close(fd);
	return (r != 0 && errno != EINVAL ? -1 : 0);
}

int
state_write(struct state *s, struct link_error *le)
{
	char path[PATH_MAX_], tmp[PATH_MAX_];
	bool good;
	FILE *f;
	int fd;

	if (s->spec.dir[0] == '\0')
		return (0);
	file_path(path, s->spec.dir, s->spec.name, ".state");
	file_path(tmp, s->spec.dir, s->spec.name, ".state.new");
	(void)unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (f == NULL) {
		link_error_set(le, "set ALPINE_RUNDIR to a folder that can be written",
		    "cannot write down what the network is like: %s: %s", tmp, strerror(errno));
		if (fd >= 0)
			close(fd);
		return (-1);
	}
	put_state(f, s);
	good = fflush(f) == 0 && ferror(f) == 0 && fsync(fd) == 0;
	good = fclose(f) == 0 && good;
	if (good && rename(tmp, path) == 0 && sync_dir(s->spec.dir) == 0)
		return (0);
	link_error_set(le, "is the disk full?",
	    "cannot write down what the network is like: %s: %s", path, strerror(errno));
	(void)unlink(tmp);
	return (-1);
}

void
state_remove(const struct state *s)
{
	char path[PATH_MAX_];

	if (s->spec.dir[0] == '\0')
		return;
	file_path(path, s->spec.dir, s->spec.name, ".state");
	(void)unlink(path);
	file_path(path, s->spec.dir, s->spec.name, ".state.new");
	(void)unlink(path);
}

/* ---- reading ---- */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	return (c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1);
}

static bool
get_record(struct nl_records *list, const char *text, size_t least)
{
	size_t len = strlen(text), i;
	struct nl_record *r;
	uint8_t *bytes;
	int hi, lo;
	bool good;

	if (len < 4 || text[1] != ' ' || len % 2 != 0)
		return (false);
	bytes = calloc(1, len / 2 + sizeof(struct nlmsghdr));
	if (bytes == NULL)
		return (false);
	text += 2;
	for (i = 0; i < (len - 2) / 2; i++) {
		hi = hex_digit(text[2 * i]);
		lo = hex_digit(text[2 * i + 1]);
		if (hi < 0 || lo < 0)
			break;
		bytes[i] = (uint8_t)(hi << 4 | lo);
	}
	good =
	    i == (len - 2) / 2 && i >= least && ((struct nlmsghdr *)(void *)bytes)->nlmsg_len == i;
	r = good ? nlu_append(list, (struct nlmsghdr *)(void *)bytes) : NULL;
	if (r != NULL)
		r->before_others = text[-2] == '1';
	free(bytes);
	return (r != NULL);
}

struct reading {
	char boot[64];
	unsigned long long netns;
	bool ended;
};

static void
clear_dash(char *s)
{
	if (strcmp(s, "-") == 0)
		s[0] = '\0';
}

/* The lines that are not records. */
static bool
get_field(struct state *s, struct reading *rd, const char *key, const char *value)
{
	struct attach_spec *a = &s->spec;
	long long n = atoll(value);
	unsigned i;

	if (strcmp(key, "mode") == 0) {
		for (i = 0; i < 4; i++)
			if (strcmp(value, mode_names[i]) == 0)
				a->mode = (enum attach_mode)i;
	} else if (strcmp(key, "boot") == 0) {
		snprintf(rd->boot, sizeof(rd->boot), "%.63s", value);
	} else if (strcmp(key, "netns") == 0) {
		rd->netns = strtoull(value, NULL, 10);
	} else if (strcmp(key, "saved") == 0) {
		s->saved_s = n;
	} else if (strcmp(key, "iface") == 0) {
		return (sscanf(value, "%15s %d", a->iface, &s->iface_index) == 2);
	} else if (strcmp(key, "bridge") == 0) {
		return (sscanf(value, "%15s %d", a->bridge, &s->bridge_index) == 2);
	} else if (strcmp(key, "tap") == 0) {
		return (sscanf(value, "%15s", a->tap) == 1);
	} else if (strcmp(key, "mtu") == 0) {
		s->mtu = (uint32_t)n;
	} else if (strcmp(key, "addrgenmode") == 0) {
		s->addr_gen_mode = (uint8_t)n;
	} else if (strcmp(key, "created") == 0) {
		s->created = n != 0;
	} else if (strcmp(key, "joined") == 0) {
		s->joined = n != 0;
	} else if (strcmp(key, "wasdown") == 0) {
		s->was_down = n != 0;
	} else if (strcmp(key, "complete") == 0) {
		s->complete = n != 0;
	} else {
		return (false);
	}
	return (true);
}

static bool
get_line(struct state *s, struct reading *rd, char *line)
{
	char *value = strchr(line, ' ');
	size_t i;

	if (strcmp(line, "end") == 0) {
		rd->ended = true;
		return (true);
	}
	if (value == NULL)
		return (false);
	*value++ = '\0';
	for (i = 0; i < NKINDS; i++)
		if (strcmp(line, kinds[i].name) == 0)
			return (get_record(list_of(&s->conf, &kinds[i]), value, kinds[i].least));
	return (get_field(s, rd, line, value));
}

static bool
get_state(FILE *f, struct state *s, struct reading *rd)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	bool good = false;
	int number = 0;

	while ((n = getline(&line, &size, f)) > 0 && n < LINE_MAX_) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		good = number++ == 0 ? strcmp(line, MAGIC) == 0 : get_line(s, rd, line);
		if (!good || rd->ended)
			break;
	}
	free(line);
	clear_dash(s->spec.iface);
	clear_dash(s->spec.bridge);
	clear_dash(s->spec.tap);
	return (good && rd->ended);
}

static int
check_place(const char *path, const struct reading *rd, struct link_error *le)
{
	char boot[64];

	boot_id(boot, sizeof(boot));
	if (strcmp(boot, rd->boot) != 0) {
		/* the network is a new one */
		(void)unlink(path);
		return (0);
	}
	if (rd->netns != namespace_id())
		link_error_set(le, "go there with nsenter -n, or remove it if that is gone",
		    "%s is about another network namespace", path);
	else
		return (1);
	return (-1);
}

/* What it says is done with our privileges: it has to be a file, and root's or our own. */
static FILE *
open_ours(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return (NULL);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) ||
	    (st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022) != 0) {
		close(fd);
		errno = EPERM;
		return (NULL);
	}
	return (fdopen(fd, "r"));
}

int
state_read(const char *dir, const char *name, struct state *s, struct link_error *le)
{
	struct reading rd = {.ended = false};
	char path[PATH_MAX_];
	FILE *f;
	int r;

	memset(s, 0, sizeof(*s));
	snprintf(s->spec.name, sizeof(s->spec.name), "%s", name);
	snprintf(s->spec.dir, sizeof(s->spec.dir), "%s", dir);
	file_path(path, dir, name, ".state");
	f = open_ours(path);
	if (f == NULL && errno == ENOENT)
		return (0);
	if (f == NULL) {
		link_error_set(le,
		    errno == EPERM || errno == ELOOP ? "nobody else's is believed: remove it"
						     : "run it as who started alpined",
		    "%s: %s", path, strerror(errno));
		return (-1);
	}
	if (!get_state(f, s, &rd)) {
		link_error_set(le, "look into it, then remove it", "%s cannot be understood", path);
		fclose(f);
		state_free(s);
		return (-1);
	}
	fclose(f);
	r = check_place(path, &rd, le);
	if (r != 1)
		state_free(s);
	return (r);
}

static void
each_with(const char *dir, const char *suffix, state_fn *fn, void *arg)
{
	size_t len, slen = strlen(suffix);
	char name[ATTACH_NAME_MAX];
	struct dirent *e;
	DIR *d = opendir(dir);

	while (d != NULL && (e = readdir(d)) != NULL) {
		len = strlen(e->d_name);
		if (len <= slen || len - slen >= sizeof(name) ||
		    strcmp(e->d_name + len - slen, suffix) != 0)
			continue;
		memcpy(name, e->d_name, len - slen);
		name[len - slen] = '\0';
		if (!fn(name, arg))
			break;
	}
	if (d != NULL)
		closedir(d);
}

void
state_each(const char *dir, state_fn *fn, void *arg)
{
	each_with(dir, ".state", fn, arg);
}

static bool
drop_lock(const char *name, void *arg)
{
	state_unlock(state_lock(arg, name, 0), arg, name);
	return (true);
}

void
state_sweep(const char *dir)
{
	each_with(dir, ".lock", drop_lock, (void *)(uintptr_t)dir);
}

/* ---- in memory ---- */

void
netconf_free(struct netconf *c)
{
	size_t i;

	for (i = 0; i < NKINDS; i++)
		nlu_free_records(list_of(c, &kinds[i]));
}

void
state_free(struct state *s)
{
	netconf_free(&s->conf);
}

int
state_copy_conf(struct netconf *to, const struct netconf *from)
{
	const struct nl_record *r;
	struct nl_record *copy;
	size_t i;

	memset(to, 0, sizeof(*to));
	for (i = 0; i < NKINDS; i++)
		for (r = list_of((struct netconf *)(uintptr_t)from, &kinds[i])->first; r != NULL;
		     r = r->next) {
			copy = nlu_append(list_of(to, &kinds[i]), r->msg);
			if (copy == NULL)
				return (-1);
			copy->before_others = r->before_others;
		}
	return (0);
}

/* ---- locks ---- */

/* The file that was locked must be the one that is there: its last holder may have removed it. */
static bool
is_still_there(int fd, const char *path)
{
	struct stat a, b;

	return (fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino &&
		a.st_dev == b.st_dev);
}

int
state_lock(const char *dir, const char *name, int wait_ms)
{
	char path[PATH_MAX_];
	int fd, waited;

	file_path(path, dir, name, ".lock");
	for (waited = 0;; waited += 10) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return (-1);
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_still_there(fd, path))
			return (fd);
		close(fd);
		if (waited >= wait_ms) {
			errno = EWOULDBLOCK;
			return (-1);
		}
		(void)poll(NULL, 0, 10);
	}
}

void
state_unlock(int fd, const char *dir, const char *name)
{
	char path[PATH_MAX_];

	if (fd < 0)
		return;
	file_path(path, dir, name, ".lock");
	(void)unlink(path);
	close(fd);
}
