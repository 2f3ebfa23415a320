/*
 * fuzz_replay.c - the corpus of the fuzz targets, and random inputs, without libFuzzer: every
 * input that ever broke the stack runs in every run of the tests. Host world.
 *
 *	fuzz_replay [CORPUS [TARGET...]]	default: t/fuzz/corpus, all
 *
 * A target runs in a process of its own: it makes its own stack, and may end it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t/fuzz/fuzz.h"
#include "t/lib/tap.h"

#define INPUT_MAX 65536
#define RANDOM_INPUTS 300

static const struct target {
	const char *name;
	int (*fn)(const uint8_t *, size_t);
} targets[] = {
    {"tcp_segment", fuzz_tcp_segment},
    {"tcp_options", fuzz_tcp_options},
    {"frame", fuzz_frame},
};

static uint8_t input[INPUT_MAX];

static int
replay_file(const struct target *t, const char *path)
{
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return (-1);
	n = read(fd, input, sizeof(input));
	close(fd);
	if (n < 0)
		return (-1);
	(void)t->fn(input, (size_t)n);
	return (0);
}

/* The inputs of one target; the number of files, or -1. */
static int
replay_dir(const struct target *t, const char *corpus, bool tell)
{
	char dir[1024], path[2048];
	struct dirent **names;
	int n, files = 0;

	snprintf(dir, sizeof(dir), "%s/%s", corpus, t->name);
	n = scandir(dir, &names, NULL, alphasort);
	if (n < 0)
		return (-1);
	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
			if (tell)
				fprintf(stderr, "%s\n", path);
			files += replay_file(t, path) == 0;
		}
		free(names[i]);
	}
	free(names);
	return (files);
}

static void
replay_random(const struct target *t)
{
	unsigned int seed = 20011126;

	for (int i = 0; i < RANDOM_INPUTS; i++) {
		size_t n = (size_t)rand_r(&seed) % 400;

		for (size_t j = 0; j < n; j++)
			input[j] = (uint8_t)(rand_r(&seed) >> 7);
		(void)t->fn(input, n);
	}
}

static void
run_target(const struct target *t, const char *corpus)
{
	int status, n;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		tap_bail("fork");
	if (pid == 0) {
		n = replay_dir(t, corpus, getenv("FUZZ_TELL") != NULL);
		if (n > 0)
			replay_random(t);
		_exit(n > 0 ? 0 : 1);
	}
	if (waitpid(pid, &status, 0) != pid)
		tap_bail("waitpid");
	if (!ok(status == 0, "%s: corpus and %d random inputs", t->name, RANDOM_INPUTS))
		tap_diag("status 0x%x; FUZZ_TELL=1 names each input before it runs", status);
}

int
main(int argc, char **argv)
{
	const char *corpus = argc > 1 ? argv[1] : "t/fuzz/corpus";

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		bool wanted = argc <= 2;

		for (int j = 2; j < argc; j++)
			wanted = wanted || strcmp(argv[j], targets[i].name) == 0;
		if (wanted)
			run_target(&targets[i], corpus);
	}
	return (tap_done());
}
