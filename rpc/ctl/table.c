/*
 * table.c - alpinectl's errors, a report in columns, and JSON.
 * Owns nothing but the tables that it is given. Called by every command.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/ctl/alpinectl.h"

void
ctl_fail(const char *next, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "alpinectl: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s%s\n", next[0] != '\0' ? "; " : "", next);
	exit(1);
}

void
ctl_check(int error, const char *what)
{
	if (error == 0)
		return;
	if (error == EPERM)
		ctl_fail("run it as root, or as the user whose alpined it is", "%s: not permitted",
		    what);
	if (error < 0)
		ctl_fail("see its log", "%s: alpined hung up (%s)", what, strerror(-error));
	ctl_fail("", "%s: %s", what, strerror(error));
}

int
ctl_change(struct table *answer, const char *fmt, ...)
{
	struct table unwanted = {.text = NULL}, *t = answer != NULL ? answer : &unwanted;
	char request[512];
	va_list ap;
	int n, error;

	va_start(ap, fmt);
	n = vsnprintf(request, sizeof(request), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(request))
		ctl_fail("", "too long: %s ...", request);
	memset(t, 0, sizeof(*t));
	error = rpc_ask_text(&ctl_client, RPC_CTL_CHANGE, request, ctl_collect, t);
	if (answer == NULL)
		table_free(t);
	if (error == EPERM || error < 0)
		ctl_check(error, request);
	return (error);
}

void
ctl_note(const char *fmt, ...)
{
	va_list ap;

	if (ctl_json)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

/* ---- tables ---- */

int
ctl_collect(void *arg, const char *text, size_t len)
{
	struct table *t = arg;
	size_t size = t->size > 0 ? t->size : 8192;

	while (size < t->len + len + 1)
		size *= 2;
	if (size != t->size) {
		t->text = realloc(t->text, size);
		if (t->text == NULL)
			ctl_fail("", "out of memory");
		t->size = size;
	}
	memcpy(t->text + t->len, text, len);
	t->len += len;
	t->text[t->len] = '\0';
	return (0);
}

/* Cuts a line into fields at its tabs; those that are missing are "". */
static char *
cut_line(char *line, char **fields, unsigned max, unsigned *n)
{
	char *end = strchr(line, '\n'), *tab;
	unsigned i;

	if (end != NULL)
		*end = '\0';
	*n = 0;
	for (i = 0; i < max; i++) {
		fields[i] = line;
		(*n)++;
		tab = strchr(line, '\t');
		if (tab == NULL)
			break;
		*tab = '\0';
		line = tab + 1;
	}
	for (i = *n; i < max; i++)
		fields[i] = line + strlen(line);
	return (end != NULL ? end + 1 : NULL);
}

void
table_cut(struct table *t)
{
	char *line = t->text, *s;
	size_t lines = 0;
	unsigned n;

	if (line == NULL)
		return;
	for (s = line; *s != '\0'; s++)
		lines += *s == '\n';
	line = cut_line(line, t->columns, COLUMNS_MAX, &t->ncolumns);
	t->rows = calloc(lines * t->ncolumns + 1, sizeof(*t->rows));
	if (t->rows == NULL)
		ctl_fail("", "out of memory");
	while (line != NULL && *line != '\0')
		line = cut_line(line, t->rows + t->nrows++ * t->ncolumns, t->ncolumns, &n);
}

int
table_ask(struct table *t, const char *report)
{
	int error;

	memset(t, 0, sizeof(*t));
	error = rpc_ask_text(&ctl_client, RPC_CTL_REPORT, report, ctl_collect, t);
	if (error == 0)
		table_cut(t);
	return (error);
}

void
table_fetch(struct table *t, const char *report)
{
	ctl_check(table_ask(t, report), report);
}

void
table_free(struct table *t)
{
	free(t->text);
	free(t->rows);
}

const char *
table_field(const struct table *t, size_t row, const char *column)
{
	unsigned i;

	for (i = 0; i < t->ncolumns; i++)
		if (strcmp(t->columns[i], column) == 0)
			return (t->rows[row * t->ncolumns + i]);
	return ("");
}

unsigned long long
table_number(const struct table *t, size_t row, const char *column)
{
	return (strtoull(table_field(t, row, column), NULL, 10));
}

void
json_string(const char *s)
{
	putchar('"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < ' ')
			printf("\\u%04x", *s);
		else
			putchar(*s);
	}
	putchar('"');
}

void
json_value(const char *s)
{
	size_t len = strlen(s), digits = strspn(s, "0123456789");

	if (len > 0 && len < 20 && digits == len && (s[0] != '0' || len == 1))
		fputs(s, stdout);
	else
		json_string(s);
}

static void
json_row(const struct table *t, size_t row)
{
	unsigned i;

	printf("{");
	for (i = 0; i < t->ncolumns; i++) {
		printf("%s", i > 0 ? ", " : "");
		json_string(t->columns[i]);
		printf(": ");
		json_value(t->rows[row * t->ncolumns + i]);
	}
	printf("}");
}

void
table_json_row(const struct table *t, size_t row)
{
	json_row(t, row);
	putchar('\n');
}

void
table_drop_row(struct table *t, size_t row)
{
	char **at = t->rows + row * t->ncolumns;

	t->nrows--;
	memmove(at, at + t->ncolumns, (t->nrows - row) * t->ncolumns * sizeof(*at));
}

bool
table_as_json(struct table *t)
{
	size_t row;

	if (!ctl_json)
		return false;
	printf("[");
	for (row = 0; row < t->nrows; row++) {
		printf("%s\n  ", row > 0 ? "," : "");
		json_row(t, row);
	}
	printf("\n]\n");
	table_free(t);
	return true;
}

void
print_pairs(char *text)
{
	char *line, *tab, *next;
	bool first = true;

	if (ctl_json)
		printf("{");
	for (line = text; line != NULL && *line != '\0'; line = next) {
		next = strchr(line, '\n');
		if (next != NULL)
			*next++ = '\0';
		tab = strchr(line, '\t');
		if (tab == NULL)
			continue;
		*tab++ = '\0';
		if (ctl_json) {
			printf("%s\n  ", first ? "" : ",");
			json_string(line);
			printf(": ");
			json_value(tab);
		} else {
			printf("%-12s %s\n", line, tab);
		}
		first = false;
	}
	if (ctl_json)
		printf("\n}\n");
}
