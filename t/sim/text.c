/*
 * text.c - a scenario's text, whole, before libConfuse parses it; memory that runs out aloud. Host
 * world.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/sim/scenario.h"

#define MAX_DEPTH 32 /* braces */

void *
xcalloc(size_t n, size_t size)
{
	void *p = calloc(n != 0 ? n : 1, size);

	if (p == NULL) {
		fputs("alpine-sim: out of memory\n", stderr);
		exit(1);
	}
	return (p);
}

char *
xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return (memcpy(xcalloc(n, 1), s, n));
}

/* The array doubles when its number is a power of two. */
void *
grow(void *array, int *n, size_t size, void *to_array)
{
	char *p = array;

	if ((*n & (*n - 1)) == 0) {
		p = xcalloc(*n != 0 ? (size_t)*n * 2 : 1, size);
		if (array != NULL)
			memcpy(p, array, (size_t)*n * size);
		free(array);
		memcpy(to_array, &p, sizeof(p));
	}
	return (p + (size_t)(*n)++ * size);
}

/* The whole file, which may be a pipe; "-" is standard input. */
static char *
read_all(const struct scenario *sc, size_t *len)
{
	FILE *f = strcmp(sc->file, "-") == 0 ? stdin : fopen(sc->file, "r");
	size_t room = 0, n;
	char *text = NULL;

	*len = 0;
	if (f == NULL)
		scenario_fail(sc, 0, "cannot read the scenario: %s", strerror(errno));
	do {
		if (*len == room) {
			room = room != 0 ? room * 2 : 65536;
			text = realloc(text, room);
			if (text == NULL)
				scenario_fail(sc, 0, "too long for the memory that there is");
		}
		n = fread(text + *len, 1, room - *len, f);
		*len += n;
	} while (n > 0);
	if (ferror(f))
		scenario_fail(sc, 0, "cannot read the scenario: %s", strerror(errno));
	if (f != stdin)
		fclose(f);
	return (text);
}

/*
 * A section without its end is none of libConfuse's complaints: where does the last begin? Comments
 * and quotes are those of its scanner.
 */
static void
check_braces(const struct scenario *sc, const char *s, size_t len)
{
	int line = 1, depth = 0, opened[MAX_DEPTH], quote = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (quote == 0 && (s[i] == '#' || (s[i] == '/' && i > 0 && s[i - 1] == '/')))
			while (i < len && s[i] != '\n')
				i++;
		if (i == len)
			break;
		if (s[i] == '\n')
			line++;
		if (quote != 0) {
			if (s[i] == '\\')
				i++;
			else if (s[i] == quote)
				quote = 0;
		} else if (s[i] == '"' || s[i] == '\'')
			quote = s[i];
		else if (s[i] == '{' && depth < MAX_DEPTH)
			opened[depth++] = line;
		else if (s[i] == '}' && depth > 0)
			depth--;
	}
	if (depth > 0)
		scenario_fail(sc, opened[depth - 1], "the { of this line has no }; expected one");
}

char *
scenario_text(const struct scenario *sc, size_t *len)
{
	char *text = read_all(sc, len);

	check_braces(sc, text, *len);
	return (text);
}
