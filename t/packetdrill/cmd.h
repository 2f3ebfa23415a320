/*
 * cmd.h - private to the commands of packetdrill's scripts: asking the stack in packetdrill.
 */
#ifndef T_PACKETDRILL_CMD_H
#define T_PACKETDRILL_CMD_H

#include <stdbool.h>
#include <stddef.h>

/* Sends one request. True: *text is what came behind "ok\n"; false: why not. Free *text. */
bool ask(char **text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool in_packetdrill(void); /* is there one to ask? */

int cmd_sysctl(int argc, char **argv);

/*
 * cmd_linux.c: net.ipv4.* and net.core.* by the stack's names. Fills the requests that setting
 * `name` to `value` amounts to (value NULL: the name to read), "NAME=VALUE" each with a zero byte
 * behind it. LINUX_UNKNOWN: no name of Linux's that we know of, or (has no counterpart) LINUX_NONE.
 */
enum linux_answer { LINUX_OK, LINUX_NONE, LINUX_UNKNOWN, LINUX_BAD };
enum linux_answer linux_sysctl(const char *name, const char *value, char *out, size_t size);

#endif
