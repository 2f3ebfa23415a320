/*
 * config.c - reads alpine.conf(5) by libconfuse. What keys there are is options.c's business.
 *
 * libconfuse 3.3 counts the line of a comment more than once; so that errors name the right line,
 * comments are blanked before it reads.
 *
 * Owns the parsed file, whose strings the options point to for as long as alpined runs, and the
 * line at which reading is. Called by options.c.
 */
#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/alpined/config.h"
#include "rpc/alpined/options.h"

#define KEYS_MAX 64
#define TEXT_MAX 65536 /* bytes of a file */

static cfg_t *parsed;
static config_set_fn *set_value;
static void *set_arg;
static const char *file_name;
static char where[600];

const char *
config_where(void)
{
	return (where);
}

static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[256];

	vsnprintf(text, sizeof(text), fmt, ap);
	snprintf(where, sizeof(where), "%s:%d: ", file_name, cfg->line);
	fail("alpine.conf(5) describes the keys", "%s", text);
}

/* After each value, while the line is known. */
static int
on_value(cfg_t *cfg, cfg_opt_t *opt)
{
	unsigned n = cfg_opt_size(opt);

	snprintf(where, sizeof(where), "%s:%d: ", file_name, cfg->line);
	if (opt->type == CFGT_BOOL) {
		if (cfg_opt_getnbool(opt, 0))
			set_value(set_arg, opt->name, NULL);
	} else if (n > 0) {
		set_value(set_arg, opt->name, cfg_opt_getnstr(opt, n - 1));
	}
	where[0] = '\0';
	return (0);
}

/* From a comment's first character to its end, all but newlines. */
static char *
blank(char *s, const char *end, bool whole_end)
{
	char *stop = strstr(s + 1, end);

	if (stop == NULL)
		stop = s + strlen(s);
	else if (whole_end)
		stop += strlen(end);
	for (; s < stop; s++)
		if (*s != '\n')
			*s = ' ';
	return (stop);
}

static void
blank_comments(char *s)
{
	char quote = '\0', before = '\n';

	for (; *s != '\0'; before = *s, s += *s != '\0') {
		if (quote != '\0') {
			if (*s == '\\' && s[1] != '\0')
				s++;
			else if (*s == quote)
				quote = '\0';
		} else if (*s == '"' || *s == '\'') {
			quote = *s;
		} else if (*s == '#') {
			s = blank(s, "\n", false);
		} else if (*s == '/' && strchr(" \t\n={},", before) != NULL) {
			if (s[1] == '/')
				s = blank(s, "\n", false);
			else if (s[1] == '*')
				s = blank(s, "*/", true);
		}
	}
}

static char *
read_text(const char *file)
{
	char *text = calloc(1, TEXT_MAX + 1);
	FILE *f = fopen(file, "re");
	size_t n;

	if (f == NULL || text == NULL)
		fail("give its name with --config", "%s: %s", file, strerror(errno));
	n = fread(text, 1, TEXT_MAX + 1, f);
	if (ferror(f) != 0)
		fail("give its name with --config", "%s: %s", file, strerror(errno));
	fclose(f);
	if (n > TEXT_MAX || memchr(text, '\0', n) != NULL)
		fail("", "%s is not a text of up to %d bytes", file, TEXT_MAX);
	return (text);
}

void
config_read(
    const char *file, const struct config_key *keys, unsigned nkeys, config_set_fn *set, void *arg)
{
	cfg_opt_t opts[KEYS_MAX + 1], none = CFG_END();
	char *text_of_file;
	unsigned i;
	int result;

	if (nkeys > KEYS_MAX)
		fail("", "too many keys");
	for (i = 0; i < nkeys; i++) {
		cfg_opt_t flag = CFG_BOOL(keys[i].name, cfg_false, CFGF_NODEFAULT);
		cfg_opt_t list = CFG_STR_LIST(keys[i].name, NULL, CFGF_NODEFAULT);
		cfg_opt_t text = CFG_STR(keys[i].name, NULL, CFGF_NODEFAULT);

		opts[i] = keys[i].kind == CONFIG_FLAG	? flag
			  : keys[i].kind == CONFIG_LIST ? list
							: text;
	}
	opts[nkeys] = none;
	file_name = file;
	set_value = set;
	set_arg = arg;
	parsed = cfg_init(opts, CFGF_NONE);
	if (parsed == NULL)
		fail("", "%s: %s", file, strerror(errno));
	cfg_set_error_function(parsed, on_error);
	for (i = 0; i < nkeys; i++)
		cfg_set_validate_func(parsed, keys[i].name, on_value);
	text_of_file = read_text(file);
	blank_comments(text_of_file);
	result = cfg_parse_buf(parsed, text_of_file);
	free(text_of_file);
	if (result != CFG_SUCCESS)
		fail("alpine.conf(5) describes the keys", "%s is malformed", file);
}
