/*
 * run_lex.c - the words of packetdrill's language, as its documentation has them: comments of C++
 * and C and the shell, numbers, names, strings, `commands`, %{ code }%, --options. Owns nothing.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "t/packetdrill/run.h"

void
script_error(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void
lex_open(struct lex *l, const char *file, const char *text)
{
	memset(l, 0, sizeof(*l));
	l->file = file;
	l->at = text;
	l->line = 1;
	lex_next(l);
}

void
lex_free(struct lex *l)
{
	free(l->s);
	l->s = NULL;
}

static void
skip(struct lex *l, size_t n)
{
	for (; n > 0; n--)
		if (*l->at++ == '\n')
			l->line++;
}

static void
skip_space(struct lex *l)
{
	const char *end;

	for (;;) {
		if (isspace((unsigned char)*l->at)) {
			skip(l, 1);
		} else if (strncmp(l->at, "//", 2) == 0 || *l->at == '#') {
			skip(l, strcspn(l->at, "\n"));
		} else if (strncmp(l->at, "/*", 2) == 0) {
			end = strstr(l->at + 2, "*/");
			if (end == NULL)
				script_error(l->file, l->line, "a comment has no end");
			skip(l, (size_t)(end + 2 - l->at));
		} else {
			return;
		}
	}
}

static void
take(struct lex *l, enum token t, size_t before, size_t len, size_t after)
{
	l->t = t;
	free(l->s);
	l->s = strndup(l->at + before, len);
	skip(l, before + len + after);
}

/* A string or a command, to the quote that ends it. */
static void
take_quoted(struct lex *l, enum token t, char quote)
{
	size_t n = 1;

	while (l->at[n] != quote) {
		if (l->at[n] == '\\' && l->at[n + 1] != '\0')
			n++;
		if (l->at[n] == '\0')
			script_error(l->file, l->line, "no closing %c", quote);
		n++;
	}
	take(l, t, 1, n - 1, 1);
}

static size_t
address_length(const char *p)
{
	size_t n = 0;
	int dots = 0;

	while (isdigit((unsigned char)p[n]) || (p[n] == '.' && isdigit((unsigned char)p[n + 1])))
		dots += p[n++] == '.';
	return (dots == 3 ? n : 0);
}

/* 12, -1, 0x1f, 1.5, .5; what begins with a digit and has letters in it is a word. */
static bool
take_number(struct lex *l)
{
	const char *p = l->at + (*l->at == '-');
	size_t digits = strspn(p, "0123456789"), n;
	char *end;

	if ((n = address_length(l->at)) > 0) {
		take(l, T_ADDR, 0, n, 0);
		return (true);
	}
	if (p[digits] == '.' && isdigit((unsigned char)p[digits + 1])) {
		l->f = strtod(l->at, &end);
		take(l, T_FLOAT, 0, (size_t)(end - l->at), 0);
		return (true);
	}
	if (digits == 0)
		return (false);
	if (p[0] == '0' && p[1] == 'x') {
		l->n = strtoll(l->at, &end, 16);
		take(l, T_INT, 0, (size_t)(end - l->at), 0);
		return (true);
	}
	if (isalpha((unsigned char)p[digits]) || p[digits] == '_')
		return (false);
	l->n = strtoll(l->at, &end, 10);
	take(l, T_INT, 0, (size_t)(end - l->at), 0);
	return (true);
}

static size_t
word_length(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return (n);
}

void
lex_next(struct lex *l)
{
	const char *end;
	size_t n;

	skip_space(l);
	l->start = l->at;
	if (*l->at == '\0') {
		l->t = T_END;
	} else if (strncmp(l->at, "...", 3) == 0) {
		take(l, T_DOTS, 0, 3, 0);
	} else if (strncmp(l->at, "%{", 2) == 0) {
		end = strstr(l->at, "}%");
		if (end == NULL)
			script_error(l->file, l->line, "%%{ has no }%%");
		take(l, T_CODE, 2, (size_t)(end - l->at) - 2, 2);
	} else if (strncmp(l->at, "--", 2) == 0 && word_length(l->at + 2) > 0) {
		take(l, T_OPTION, 2, word_length(l->at + 2), 0);
	} else if (*l->at == '"') {
		take_quoted(l, T_STRING, '"');
	} else if (*l->at == '`') {
		take_quoted(l, T_BACKTICK, '`');
	} else if (take_number(l)) {
		return;
	} else if ((n = word_length(l->at)) > 0) {
		take(l, T_WORD, 0, n, 0);
	} else {
		l->c = *l->at;
		take(l, T_CHAR, 0, 1, 0);
	}
}
