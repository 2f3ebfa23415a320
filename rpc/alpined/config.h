/* config.h - alpine.conf(5): keys are the long options' names, values what the options take. */
#ifndef RPC_CONFIG_H
#define RPC_CONFIG_H

#include <stdbool.h>

struct config_key {
	const char *name;
	enum { CONFIG_TEXT, CONFIG_LIST, CONFIG_FLAG } kind;
};

/*
 * Reads FILE and hands each value to set(), in the file's order; a flag's is NULL and comes only
 * when it is true. set() ends the program for a bad value (config_where() names the line). Values
 * stay where they are. Ends the program for a file that cannot be read or is malformed.
 */
typedef void config_set_fn(void *arg, const char *key, const char *value);
void config_read(
    const char *file, const struct config_key *keys, unsigned nkeys, config_set_fn *set, void *arg);
const char *config_where(void); /* "FILE:LINE: " while a file is read, else "" */

#endif
